"""Which terms find most: the lexical leg alone on the public sets, by ways of cutting text.

Run with ``python -m benchmarks.terms [FOLDER]``; the folder holds BEIR-style sets, by default ``../shared/bench``.
Prints R@1/R@5/MRR@10 in percent. The last set asks DRCD's Traditional text with questions that OpenCC has turned to
simplified characters. The figures in docs/text.md come from here.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import opencc
import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba

from qa.lexical import LexicalIndex
from qa.text import Terms, fold_text

Cutter = Callable[[str], list[str]]
RUN = regex.compile(r"(?P<cjk>[\p{Han}\p{Hiragana}\p{Katakana}ー]+)|[a-z\p{Nd}]+(?:[.,]\p{Nd}+)*")


@dataclass(frozen=True, slots=True)
class Collection:
    """A set: passages and questions as (id, text), and the one passage that each question asks about."""

    name: str
    corpus: list[tuple[str, str]]
    questions: list[tuple[str, str]]
    relevant: dict[str, str]


def read(folder: Path) -> Collection:
    """The set in ``folder``: corpus.jsonl, queries.jsonl and qrels.tsv."""

    def rows(name: str) -> list[tuple[str, str]]:
        with (folder / name).open(encoding="utf-8") as lines:
            found = [json.loads(line) for line in lines]
        return [(row["_id"], f"{row.get('title', '')}\n{row['text']}".strip()) for row in found]

    judged = [line.split("\t") for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    return Collection(folder.name, rows("corpus.jsonl"), rows("queries.jsonl"), {row[0]: row[1] for row in judged})


def cutter(*, words: bool = False, characters: bool = False, pairs: bool = False, hmm: bool = False) -> Cutter:
    """A way of cutting: jieba's search-mode words, single characters, pairs of characters; duplicates kept."""

    def cut(text: str) -> list[str]:
        terms: list[str] = []
        for match in RUN.finditer(fold_text(text)):
            run = match.group()
            if match["cjk"] is None:
                terms.append(run)
                continue
            terms += rjieba.cut_for_search(run, hmm) if words else []
            terms += run if characters else []
            terms += [run[at : at + 2] for at in range(len(run) - 1)] if pairs else []
        return terms

    return cut


def measure(collection: Collection, passage: Cutter, question: Cutter) -> str:
    """R@1/R@5/MRR@10 of the lexical leg, in percent."""
    ranks: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        documents = ((number, passage(text)) for number, (_, text) in enumerate(collection.corpus))
        index = LexicalIndex.build(Path(folder), documents)
        for question_id, text in collection.questions:
            found = [collection.corpus[number][0] for number, _ in index.search(question(text), 10)]
            wanted = collection.relevant[question_id]
            ranks.append(found.index(wanted) + 1 if wanted in found else 0)
    at_one, at_five = (sum(0 < rank <= k for rank in ranks) / len(ranks) for k in (1, 5))
    reciprocal = sum(1 / rank for rank in ranks if rank) / len(ranks)
    return f"{at_one:.1%}/{at_five:.1%}/{reciprocal:.1%}".replace("%", "")


def main(bench: Path) -> None:
    """Prints one row a way of cutting, one column a set."""
    collections = [read(bench / name) for name in ("cmrc2018", "drcd", "xquad-zh-zh")]
    simplify = opencc.OpenCC("t2s").convert
    drcd = collections[1]
    simplified = [(question_id, simplify(text)) for question_id, text in drcd.questions]
    collections.append(replace(drcd, name="drcd, simplified questions", questions=simplified))
    terms = Terms()
    ways: dict[str, tuple[Cutter, Cutter]] = {
        "jieba words": (cutter(words=True),) * 2,
        "jieba words, HMM": (cutter(words=True, hmm=True),) * 2,
        "pairs": (cutter(pairs=True),) * 2,
        "characters + pairs": (cutter(characters=True, pairs=True),) * 2,
        "jieba words + pairs": (cutter(words=True, pairs=True),) * 2,
        "jieba words + characters + pairs": (cutter(words=True, characters=True, pairs=True),) * 2,
        "Terms, stop words kept": (terms.passage, terms.passage),
        "Terms": (terms.passage, terms.question),
    }
    print("|".join(["", "terms", *(collection.name for collection in collections), ""]))
    print("|---" * (len(collections) + 1) + "|")
    for name, (passage, question) in ways.items():
        print(
            "|".join(["", name, *(measure(collection, passage, question) for collection in collections), ""]),
            flush=True,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1].parent / "shared" / "bench")
