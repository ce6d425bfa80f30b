"""Meaning: how near a question's words are to each word of a text, whatever the language of either.

The word vectors are always those of the embedded model, whichever model searches: what is learned from them in the
ranker and the verdict holds only for them. Similarities are squared cosines, as in ``qa.evidence``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import regex  # type: ignore[import-untyped]  # no stubs among the development tools

from embeddings import Embedder, load_embedder
from embeddings.vectors import Vectors
from embeddings.words import shared_words
from qa.answer.candidates import Block, Floats
from qa.text import pinyin

_NAME = regex.compile(r"(?<=[^\s?!.]\s+)\p{Lu}[\p{L}\p{M}]+")
"""A word with a capital that doesn't begin the question. German writes every noun so: there they are all asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """A question's words: their weights, which add up to 1, and their vectors (words, dim)."""

    words: tuple[str, ...]
    weights: Floats
    vectors: Vectors
    spellings: Mapping[int, tuple[str, ...]]
    """Of the words that may be Chinese names in Latin letters: how they are spelt (``qa.text.pinyin``)."""
    names: tuple[int, ...]
    """The words that are names, by their capital; none in languages without capitals."""
    compared: dict[Block, Floats] = field(default_factory=dict)
    """The blocks that these words were compared with, and what came of it."""


class Meanings:
    """Word vectors of a model, the embedded one. Safe to share between threads."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._words = shared_words(embedder)

    def wanted(self, question: str, words: Mapping[str, float]) -> Wanted:
        """The words of ``question`` with their weights; of no words, nothing."""
        weights = np.array(list(words.values()), dtype=np.float32)
        spellings, named = pinyin.names(question), {match.group().casefold() for match in _NAME.finditer(question)}
        return Wanted(
            tuple(words),
            weights / (weights.sum() or 1),
            self.vectors(list(words)),
            {i: spellings[word] for i, word in enumerate(words) if word in spellings},
            tuple(i for i, word in enumerate(words) if word in named),
        )

    def similar(self, wanted: Wanted, block: Block) -> Floats:
        """(words, tokens of the block), 0…1; signs are like nothing."""
        if (known := wanted.compared.get(block)) is not None:
            return known
        found = np.clip(wanted.vectors @ self.vectors(block.texts).T, 0, 1) ** 2
        same: Floats = found * np.array([bool(text) for text in block.texts], dtype=np.float32)
        for row, spellings in wanted.spellings.items():
            same[row, _spelt(block, spellings)] = 1
        wanted.compared[block] = same
        return same

    def vectors(self, words: Sequence[str]) -> Vectors:
        """A unit vector for each word, (words, dim)."""
        known = self._words = shared_words(self._embedder)
        numbers = known.numbered(words)
        return known.vectors()[numbers]


def _spelt(block: Block, spellings: tuple[str, ...]) -> list[int]:
    """The tokens of the block that a name spelt so stands in."""
    if not pinyin.sounding(spellings).search(block.layout.folded):
        return []
    sounds, ends = [], []
    for text in block.texts:
        sounds += pinyin.spelt(text).split("|")
        ends.append(len(sounds))
    whole = f"|{'|'.join(sounds)}|"
    found: list[int] = []
    for spelling in spellings:
        at = whole.find(spelling)
        while at >= 0:
            first = whole.count("|", 0, at)
            past = first + spelling.count("|") - 1
            found += range(bisect_right(ends, first), bisect_left(ends, past) + 1)
            at = whole.find(spelling, at + 1)
    return found


@cache
def shipped() -> Meanings:
    """The words' meanings by the embedded model."""
    return Meanings(load_embedder())
