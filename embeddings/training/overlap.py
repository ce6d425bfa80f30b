"""Which training rows share text with what the model is judged on: those are left out, and it is said how many.

Two texts overlap when they share a shingle: 12 Chinese characters in a row (whatever stands between them) or 8 words in
a row. One shared shingle is enough to lose a row: formulas of law go too, which is cheap and leaves nothing to argue.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embeddings.training.data import Pairs
from embeddings.training.folding import fold

CHARACTERS = 12
WORDS = 8

_OTHER_THAN_CHINESE = re.compile(r"[^㐀-䶿一-鿿\U00020000-\U0003FFFF]+")
_WORD = re.compile(r"[^\W_㐀-䶿一-鿿\U00020000-\U0003FFFF]+")


def shingles(text: str) -> Iterator[str]:
    """All runs of 12 Chinese characters and of 8 other words in a text, folded."""
    folded = fold(text)
    chinese = _OTHER_THAN_CHINESE.sub("", folded)
    for start in range(len(chinese) - CHARACTERS + 1):
        yield chinese[start : start + CHARACTERS]
    words = _WORD.findall(folded)
    for start in range(len(words) - WORDS + 1):
        yield " ".join(words[start : start + WORDS])


def overlapping(table: Pairs, forbidden: frozenset[str]) -> npt.NDArray[np.bool_]:
    """(rows,): whether either text of a row has a forbidden shingle."""
    return np.fromiter(
        (
            not (forbidden.isdisjoint(shingles(left)) and forbidden.isdisjoint(shingles(right)))
            for left, right in zip(table.left, table.right, strict=True)
        ),
        dtype=np.bool_,
        count=len(table),
    )


def evaluation_texts(folders: Iterable[Path]) -> dict[str, list[str]]:
    """Texts the model is judged on, by file: every string in ``.jsonl`` and ``.json`` files, ``.txt`` files as a whole.

    Raises:
        FileNotFoundError: a folder has no such file, so that nothing would be compared.
    """
    texts: dict[str, list[str]] = {}
    for folder in folders:
        found = sorted(path for path in folder.rglob("*") if path.suffix in {".jsonl", ".json", ".txt"})
        if not found:
            raise FileNotFoundError(f"{folder} has no .jsonl, .json or .txt file to compare the training rows with.")
        for path in found:
            content = path.read_text(encoding="utf-8")
            if path.suffix == ".txt":
                texts[str(path)] = [content]
            else:
                documents = [content] if path.suffix == ".json" else content.splitlines()
                texts[str(path)] = [text for document in documents for text in _strings(json.loads(document))]
    return texts


def forbidden_shingles(texts: dict[str, list[str]]) -> frozenset[str]:
    """All shingles of the evaluation texts."""
    return frozenset(shingle for group in texts.values() for text in group for shingle in shingles(text))


def _strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _strings(item)
        case dict():
            for item in value.values():
                yield from _strings(item)
