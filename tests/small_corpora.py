"""Small corpora and a sentence model of thirty lines, for tests of the store and what is built on it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from embeddings.vectors import Vectors, unit
from qa.generations import Indexes
from qa.reading import parse
from qa.splitting import split_document
from qa.store import SplitPage, Store
from qa.text import Terms

TERMS = Terms()


class PairEmbedder:
    """Counts of character pairs in ``dim`` buckets: the same vectors on every machine. Keeps what it was asked."""

    def __init__(self, name: str = "pairs", dim: int = 64) -> None:
        self.name = name
        self.dim = dim
        self.fingerprint = f"{name}-{dim}"
        self.word_vectors = False
        self.asked: list[str] = []

    def passages(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return self.questions(texts)

    def questions(self, texts: Sequence[str]) -> Vectors:
        rows = np.full((len(texts), self.dim), 0.01)
        for row, text in zip(rows, texts, strict=True):
            for place in range(len(text)):
                row[zlib.crc32(text[place : place + 2].encode("utf-8", "replace")) % self.dim] += 1
        return unit(rows)


def sentence(number: int, version: int = 0) -> str:
    """A sentence that only this version of this article holds."""
    return f"第{number}街道在{1900 + version}年登记了{number * 1000 + version}名志愿者。"


def article(number: int, version: int = 0, sections: int = 2) -> str:
    """An article with a headline and some sections, each of a hundred characters and more."""
    body = "".join(
        f"\n## 第{section}节\n\n{sentence(number * 100 + section, version)}"
        f"{'社区工作者每天上门走访，登记返京人员，发放口罩和体温计，也替老人买菜取药。' * 3}\n"
        for section in range(sections)
    )
    return f"# 第{number}号通讯\n\n{sentence(number, version)}今日起各街道设立服务站，随时受理居民来电来访。\n{body}"


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return folder


def page(file: str, text: str) -> SplitPage:
    """The text as it would be read from a Markdown file of that name."""
    return split_document(parse(f"{file}.md", text.encode("utf-8")))


def content(store: Store) -> dict[str, object]:
    """All that a store says of its corpus, to be compared with another store's."""
    return {
        "texts": {name: store.document(name) for name in store.files()},
        "articles": [store.article(line.id) and line for line in store.articles()],
        "passages": list(store.iter_passages()),
    }


def answers(store: Store, indexes: Indexes, questions: Sequence[str]) -> list[object]:
    """What both legs find, with scores, by the passages' places."""
    embedder = PairEmbedder()
    found: list[object] = []
    for question in questions:
        lexical = indexes.lexical.search(TERMS.question(question), 10)
        scores, ids = indexes.vectors.search(embedder.questions([question]), 10)
        both = [(number, round(score, 5)) for number, score in lexical]
        both += [(int(number), round(float(score), 5)) for number, score in zip(ids[0], scores[0], strict=True)]
        passages = store.passages([number for number, _ in both])
        found.append([(passages[number].file, passages[number].start, score) for number, score in both])
    return found
