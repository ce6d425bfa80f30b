"""What every peer gets: passages with their vectors, and questions with theirs and the passages that answer them.

The passages are those of the sample pages, the distinct ones of the Chinese bench sets, and, to make up the number,
fillers: sentences of the real ones, shuffled over all of them and put together again to passages of the same lengths.
A filler repeats what real passages say, out of its context; it is never right.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from embeddings.embedder import Embedder
from qa.articles import Article, Page, Paragraph, Piece, Section
from qa.bot import SEEDS
from qa.evaluate import Place, read_collection, read_gold
from qa.passages import Passage
from qa.reading import Document, Found, read, walk
from qa.splitting import STRUCTURE, split_document
from qa.store import SplitPage
from qa.text import sentences

SHARED = Path(__file__).parents[3] / "shared"
SETS = ("cmrc2018", "drcd", "xquad-zh-zh", "xquad-en-zh")
"""Questions in Chinese, simplified and Traditional, and in English; passages in Chinese."""
SEED = 20_261_129
EMBEDDED = 512
"""Texts embedded at a time."""


@dataclass(frozen=True, slots=True)
class Row:
    """A passage: what is indexed of it, and where it stands in which file."""

    text: str
    file: str
    start: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the numbers of the rows any of which is right."""

    text: str
    relevant: tuple[int, ...]


def pages(count: int) -> Iterator[SplitPage]:
    """The sample pages as the product splits them, then ``count`` pages of one passage each; the same every time."""
    for found in walk([SEEDS]):
        if isinstance(found, Found):
            yield split_document(read(found))
    real = _real()
    yield from (_page(f"bench/{number:06d}.txt", title, text) for number, (title, text) in enumerate(real[:count]))
    yield from _fillers(real, count)


def rows(split: list[SplitPage]) -> list[Row]:
    """The passages of these pages, in order."""
    return [
        Row(text, page.document.file, passage.start)
        for page in split
        for text, passage in zip(
            page.indexed_texts(), (passage for section in page.passages for passage in section), strict=True
        )
    ]


def questions(split: list[SplitPage], count: int) -> list[Asked]:
    """``count`` questions over the bench sets and the sample pages, shuffled, so that the first n are a fair sample."""
    number = {text: i for i, text in reversed(list(enumerate(row.text for row in rows(split))))}
    found: list[Asked] = []
    for name in SETS:
        collection = read_collection(SHARED / "bench" / name)
        for query, judged in collection.qrels.items():
            relevant = tuple(number[collection.corpus[id_]] for id_ in judged if collection.corpus[id_] in number)
            if relevant:
                found.append(Asked(collection.queries[query], relevant))
    chance = random.Random(SEED)
    chance.shuffle(found)
    own = [asked for asked in _of_the_sample(split) if asked.relevant]
    found = own + found[: max(count - len(own), 0)]
    chance.shuffle(found)
    return found[:count]


def write(folder: Path, split: list[SplitPage], asked: list[Asked], embedder: Embedder) -> None:
    """All that a worker reads: rows.json, vectors.npy, questions.json, question_vectors.npy."""
    passages = rows(split)
    texts = [row.text for row in passages]
    blocks = [embedder.passages(texts[at : at + EMBEDDED]) for at in range(0, len(texts), EMBEDDED)]
    np.save(folder / "vectors.npy", np.concatenate(blocks))
    np.save(folder / "question_vectors.npy", embedder.questions([one.text for one in asked]))
    for name, values in (("rows", passages), ("questions", asked)):
        lines = json.dumps([asdict(value) for value in values], ensure_ascii=False)
        (folder / f"{name}.json").write_text(lines, encoding="utf-8")


def _real() -> list[tuple[str, str]]:
    """Title and text of the distinct passages of the bench sets."""
    found: dict[tuple[str, str], None] = {}
    for name in SETS:
        for line in (SHARED / "bench" / name / "corpus.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found[row["title"] or "", row["text"].strip()] = None
    return list(found)


def _fillers(real: list[tuple[str, str]], count: int) -> Iterator[SplitPage]:
    chance = random.Random(SEED)
    every = [text[start:end] for _, text in real for start, end in sentences(text)]
    deck: list[str] = []
    for number in range(len(real), count):
        title, model = real[number % len(real)]
        taken: list[str] = []
        while sum(map(len, taken)) < len(model):
            if not deck:
                deck = chance.sample(every, len(every))
            taken.append(deck.pop())
        yield _page(f"bench/{number:06d}.txt", title, "".join(taken))


def _page(file: str, title: str, text: str) -> SplitPage:
    """A file of one passage under a headline."""
    start = len(title) + 1 if title else 0
    whole = f"{title}\n{text}" if title else text
    piece = Piece(start, len(whole))
    section = Section(None, start, len(whole), (Paragraph(text, (piece,)),))
    article = Article(None, title or None, None, None, 0, len(whole), (section,))
    document = Document(file, whole, "utf-8", "txt", "")
    passage = Passage(start, len(whole), text, (piece,))
    return SplitPage(document, Page((article,), ()), ((passage,),), STRUCTURE)


def _of_the_sample(split: list[SplitPage]) -> Iterator[Asked]:
    """The development questions about the sample pages that need no other passage and no earlier question."""
    places = [
        Place(page.document.file, passage.start, passage.end)
        for page in split
        for section in page.passages
        for passage in section
    ]
    for gold in read_gold(SHARED / "gold" / "dev.jsonl"):
        if len(gold.evidences) == 1 and not gold.history:
            right = [i for i, place in enumerate(places) if any(place.overlaps(other) for other in gold.evidences[0])]
            yield Asked(gold.question, tuple(right))
