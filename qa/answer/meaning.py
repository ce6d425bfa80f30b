"""Meaning: how near a question's words are to each word of a text, whatever the language of either.

The word vectors are always those of the embedded model, whichever model searches: what is learned from them in the
ranker and the verdict holds only for them. Similarities are squared cosines, as in ``qa.evidence``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import regex  # type: ignore[import-untyped]  # no stubs among the development tools

from embeddings import Embedder, load_embedder
from embeddings.vectors import Vectors
from embeddings.words import WordVectors, shared_words
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
        self._kept: tuple[WordVectors, Numbers] = (shared_words(embedder), WeakKeyDictionary())

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
        vectors, is_word = self._tokens(block)
        same: Floats = np.clip(wanted.vectors @ vectors.T, 0, 1) ** 2 * is_word
        for row, spellings in wanted.spellings.items():
            same[row, _spelt(block, spellings)] = 1
        wanted.compared[block] = same
        return same

    def vectors(self, words: Sequence[str]) -> Vectors:
        """A unit vector for each word, (words, dim)."""
        known, _ = self._known()
        numbers = known.numbered(words)
        return known.vectors()[numbers]

    def _tokens(self, block: Block) -> tuple[Vectors, Floats]:
        """A unit vector for each token of the block, and 1 for each that is a word, 0 for signs."""
        known, numbers = self._known()
        if (kept := numbers.get(block)) is None:
            is_word = np.array([bool(text) for text in block.texts], dtype=np.float32)
            kept = numbers[block] = known.numbered(block.texts), is_word
        return known.vectors()[kept[0]], kept[1]

    def _known(self) -> tuple[WordVectors, Numbers]:
        """The words known by now, and the blocks' numbers among them."""
        known = shared_words(self._embedder)
        if known is not self._kept[0]:
            self._kept = (known, WeakKeyDictionary())
        return self._kept


Numbers = WeakKeyDictionary[Block, tuple[npt.NDArray[np.intp], Floats]]
"""Of blocks as long as they are kept: the numbers of their words, and which tokens are words."""


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
