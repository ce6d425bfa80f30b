"""Matching: where a block holds the question's words, and where it tells what they mean in other words."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qa.answer.candidates import Block, Floats, Ints, Layout


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """Where a block holds the question's words."""

    weight: Floats
    """Per folded character: the largest weight of a matched term that covers it, as a share of the largest there is."""
    present: npt.NDArray[np.bool_]
    """(terms, sentences)."""


def matched(block: Layout, idf: Mapping[str, float]) -> Matched:
    """Where the terms of ``idf`` stand in ``block``; numbers by their value, whatever they are written like."""
    weight = np.zeros(len(block.folded), dtype=np.float32)
    most = max(idf.values(), default=1.0) or 1.0
    every = _places(block, idf)
    shares = [
        # A lone character says less than its weight: it turns up inside other words.
        (idf_weight / most * (0.4 if len(term) == 1 else 1.0), places)
        for (term, idf_weight), places in zip(idf.items(), every, strict=True)
        if places
    ]
    for share, places in sorted(shares, key=lambda pair: pair[0]):  # the largest that covers a character stays
        for start, end in places:
            weight[start:end] = share
    return Matched(weight, _present(block, every))


def present(block: Layout, idf: Mapping[str, float]) -> npt.NDArray[np.bool_]:
    """(terms, sentences): which sentences of ``block`` hold which terms, as in ``matched``."""
    return _present(block, _places(block, idf))


def occurrences(text: str, term: str) -> list[tuple[int, int]]:
    """Start and end of each place where ``term`` stands in ``text``; they don't overlap."""
    places, at = [], text.find(term)
    while at >= 0:
        places.append((at, at + len(term)))
        at = text.find(term, at + len(term))
    return places


def _places(block: Layout, idf: Mapping[str, float]) -> list[Sequence[tuple[int, int]]]:
    return [block.figures.get(term) or occurrences(block.folded, term) for term in idf]


def _present(block: Layout, every: Sequence[Sequence[tuple[int, int]]]) -> npt.NDArray[np.bool_]:
    ends = block.sentences[:, 1].tolist()
    found = np.zeros((len(every), len(ends)), dtype=bool)
    for row, places in enumerate(every):
        for start, _ in places:
            sentence = bisect_right(ends, start)
            if sentence < len(ends):
                found[row, sentence] = True
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """Where a block tells what the question's words mean, in whatever words."""

    tokens: Floats
    """Per token: the largest weight of a question's word times their likeness, as a share of the largest weight."""
    clauses: Floats
    """(words, clauses): the likeness of each question's word with its best partner in a clause."""
    sentences: Floats
    """(words, sentences): the same for sentences."""


def alike(block: Block, similar: Floats, weights: Floats) -> Alike:
    """What ``similar``, (words, tokens of the block), says of tokens, clauses and sentences.

    ``weights`` are of the question's words.
    """
    most = float(weights.max()) if len(weights) else 1.0
    tokens = (similar * weights[:, None]).max(0, initial=0.0) / (most or 1.0)
    return Alike(
        tokens.astype(np.float32),
        best_partners(similar, block, block.layout.clauses),
        best_partners(similar, block, block.layout.sentences),
    )


def best_partners(similar: Floats, block: Block, spans: Ints) -> Floats:
    """(words, spans): the likeness of each question's word with its best partner within each span of the block.

    ``similar`` is (words, tokens of the block); ``spans`` are starts and ends in its folded text.
    """
    within = np.searchsorted(block.words[1:-1, 0], spans) + 1  # a block begins and ends with an empty token
    if not similar.size or not within.size:
        return np.zeros((len(similar), len(spans)), dtype=np.float32)
    # Every second stretch between the bounds is a span; one without tokens would get that of its first bound.
    found: Floats = np.maximum.reduceat(similar, within.ravel(), axis=1)[:, ::2]
    return found * (within[:, 0] < within[:, 1])
