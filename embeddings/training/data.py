"""The rows that the model learns from, read from tab-separated, xz-compressed files; the first stage of training.

A row has a source (whose licence the model card names), a language of its right side, and two texts. How often a source
is drawn is written once, in ``WEIGHTS``.
"""

from __future__ import annotations

import html
import lzma
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

FILES = ("parallel.tsv.xz", "dictionary.tsv.xz", "pairs.tsv.xz", "texts.tsv.xz")

CHINESE = frozenset({"zh", "zh-TW"})

WEIGHTS: dict[str, float] = {
    # Repetitive: statutes share most of their wording with their neighbours.
    "tw-law": 0.35,
    "tw-law-titles": 0.5,
    "tw-law-head": 0.35,
    "laws-head": 0.5,
    # Not what people ask: riddles, and classical Chinese on one side.
    "xiehouyu": 0.1,
    "classic": 0.5,
    # Small, and nearest to questions and articles.
    "cmrc-trial": 3.0,
    "tico-19": 2.0,
    "ntrex": 2.0,
    "ud-pud": 2.0,
    "laser-tatoeba": 2.0,
    "pingcap-head": 1.5,
    "oiwiki-head": 1.5,
    "stsb-mt": 0.7,
    "pydocs": 0.7,
    "tldr": 0.5,
    # The same words as cedict in the other script, which folding makes equal.
    "cedict-t": 0.25,
}
"""Rows of a source are drawn with this weight (unnamed ones: 1). By judgement; only tw-law's was measured."""

SENTENCES_ONLY = frozenset({"common-voice", "common-voice-tw", "ud-gsdsimp"})
"""Sources of single sentences: good for the tokenizer and word frequencies, without a context to be found in."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Columns of equal length: where a row comes from, the language of its right text, its two texts.

    Left is English (parallel, dictionary) or the shorter Chinese side (pairs); of single texts right is empty.
    """

    source: list[str]
    language: list[str]
    left: list[str]
    right: list[str]

    def __len__(self) -> int:
        return len(self.left)

    def select(self, keep: npt.NDArray[np.bool_]) -> Pairs:
        """The rows where ``keep`` is true, in order."""
        rows = np.flatnonzero(keep).tolist()
        columns = (self.source, self.language, self.left, self.right)
        return Pairs(*([column[row] for row in rows] for column in columns))

    def weights(self) -> npt.NDArray[np.float64]:
        """How likely each row is drawn, summing to 1."""
        weights = np.array([WEIGHTS.get(source, 1.0) for source in self.source], dtype=np.float64)
        shares: npt.NDArray[np.float64] = weights / weights.sum()
        return shares


@dataclass(frozen=True, slots=True)
class Corpus:
    """All rows: sentences with translations, glosses with words, Chinese pairs, Chinese texts."""

    parallel: Pairs
    dictionary: Pairs
    pairs: Pairs
    texts: Pairs

    def tables(self) -> dict[str, Pairs]:
        """The four tables by name, in the files' order."""
        return {"parallel": self.parallel, "dictionary": self.dictionary, "pairs": self.pairs, "texts": self.texts}


_BLANKS = re.compile(r"\s+")


def clean(text: str) -> str:
    """The text without HTML entities (some are escaped twice) and with single blanks."""
    for _ in range(3):
        if "&" not in text:
            break
        text = html.unescape(text)
    return _BLANKS.sub(" ", text).strip()


def _rows(path: Path, columns: int) -> Iterator[list[str]]:
    with lzma.open(path, "rt", encoding="utf-8", newline="\n") as file:
        for line in file:
            row = line.rstrip("\n").split("\t")
            if len(row) == columns:
                yield row


def _table(path: Path, columns: int, order: Callable[[Sequence[str]], tuple[str, str, str, str]]) -> Pairs:
    table = Pairs([], [], [], [])
    for row in _rows(path, columns):
        source, language, left, right = order(row)
        left, right = clean(left), clean(right)
        if left:
            table.source.append(source)
            table.language.append(language)
            table.left.append(left)
            table.right.append(right)
    return table


def read_corpus(folder: Path) -> Corpus:
    """All rows of the four files in ``folder``; rows without a left text or with other columns are left out.

    Raises:
        FileNotFoundError: one of the files is missing.
    """
    for name in FILES:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing; --data must name the folder with {', '.join(FILES)}.")
    return Corpus(
        parallel=_table(folder / FILES[0], 4, lambda row: (row[0], row[1], row[2], row[3])),
        dictionary=_table(folder / FILES[1], 4, lambda row: (row[0], row[1], row[2], row[3])),
        pairs=_table(folder / FILES[2], 3, lambda row: (row[0], "zh", row[1], row[2])),
        texts=_table(folder / FILES[3], 2, lambda row: (row[0], "zh", row[1], "")),
    )
