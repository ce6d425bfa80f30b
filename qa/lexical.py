"""The lexical leg: BM25 over pre-cut terms; a cache that the store can always rebuild.

``qa.text.Terms`` decides what a term is on both sides; here a term is any string. The score is

    Σ over the question's terms: ln(1 + (N − n + ½) / (n + ½)) · tf · (k₁ + 1) / (tf + k₁ · (1 − b + b · |d| / avg|d|))

with k₁ = 1.2 and b = 0.75 (Robertson and Zaragoza 2009; Lucene's constants), n of the N passages holding the term;
|d| is rounded down to one of 256 lengths as Lucene does, exact up to 40. A term that stands twice in the question
counts twice.

An index has one part or more, and passages of a part may be gone. N, n and the average are those of all that are
there, counted when they are needed, and a passage's sum is made of the same numbers in the same order wherever it lies:
so scores are the same to the last bit in how many parts ever the passages came.

Most of the postings that a question touches are those of its few common terms. What such a term adds to every
passage is kept as a row of numbers, as long as there is room for rows enough; the rare ones' postings are counted.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from embeddings.vectors import Ids
from qa import postings
from qa.errors import StoreError
from qa.postings import Document, Mask, Postings
from qa.text.keys import term_key

K1, B = 1.2, 0.75
GROUPS_PER_HIT = 4
"""Groups of passages for each hit wanted; the groups' best scores bound the hits' from below, so that few are put in
order."""
TOGETHER = 1 << 18
"""Postings that are counted at a time: 5 MiB of them."""
REMEMBERED_TERMS = 50_000
"""Terms whose numbers of passages are kept."""
COMMON_SHARE = 4
"""A term is common when more than a quarter of the passages hold it: of 20,000, adding its row takes 3 µs, counting its
postings 25 and more. So are six of a question's 24 terms, with four fifths of its postings."""
ROWS_BYTES = 20 << 20
"""What the rows of common terms may take: 260 of 20,000 passages. 150 questions about these had 221."""
ROWS_LEAST = 64
"""Where fewer rows would fit, above 80,000 passages, none are kept: a row that is made each time costs more than it
saves."""

Places = npt.NDArray[np.intp]
Scores = npt.NDArray[np.float32]
Weights = Sequence[tuple[int, np.float32]]
"""Keys of a question's distinct terms, in the terms' order, with (k₁ + 1) · idf · how often they stand in it."""


def _lengths() -> npt.NDArray[np.int64]:
    """The 256 lengths of Lucene's one-byte norms (``SmallFloat.byte4ToInt``): 24 and a float of 4 bits' precision."""
    floats = [i if i < 8 else (i & 7 | 8) << (i >> 3) - 1 for i in range(256 - 24)]
    return np.array([*range(24), *(24 + value for value in floats)], np.int64)


LENGTHS = _lengths()


def norms(lengths: npt.NDArray[Any], average: np.float32) -> Scores:
    """k₁ · (1 − b + b · |d| / avg|d|) of passages with these lengths, rounded as `LENGTHS` has them."""
    return _norms(_rounded(lengths), average)


def _rounded(lengths: npt.NDArray[Any]) -> Scores:
    return LENGTHS[np.searchsorted(LENGTHS, lengths, side="right") - 1].astype(np.float32)


def _norms(rounded: Scores, average: np.float32) -> Scores:
    return np.float32(K1) * (np.float32(1 - B) + np.float32(B) / average * rounded)


def weights(terms: Sequence[str], frequency: Callable[[str], int], count: int) -> Weights:
    """What a question's terms weigh in ``count`` passages, of which ``frequency`` hold each."""
    found = []
    for term, times in sorted(Counter(terms).items()):
        n = frequency(term)
        if n:
            found.append((term_key(term), np.float32(_weight(n, count) * times)))
    return found


def _weight(n: int, count: int) -> float:
    """(k₁ + 1) · idf of a term that n of ``count`` passages hold."""
    return (K1 + 1) * math.log(1 + (count - n + 0.5) / (n + 0.5))


def contributions(counts: Scores, norms: Scores, weight: Scores | np.float32) -> Scores:
    """What terms add to the scores of passages that hold them so often; ``counts`` and ``norms`` are taken over."""
    norms += counts
    counts *= weight
    counts /= norms
    return counts


class LexicalSearch(Protocol):
    """What retrieval asks of a lexical leg. Safe to share between threads."""

    def __len__(self) -> int: ...

    def document_frequency(self, term: str) -> int:
        """Number of passages that hold ``term``."""

    def search(self, terms: Sequence[str], k: int, only: Ids | None = None) -> list[tuple[int, float]]:
        """The ``k`` best passages that hold any of ``terms``, as (id, BM25), best first, equal scores by id."""

    def scores(self, terms: Sequence[str], ids: Sequence[int]) -> dict[int, float]:
        """BM25 of the named passages; 0 where no term matches or there is no such passage."""

    def search_and_score(
        self, terms: Sequence[str], k: int, ids: Ids, only: Ids | None = None
    ) -> tuple[Ids, Scores, Scores]:
        """Both at once, which may cost as much as one: what ``search(terms, k, only)`` and ``scores(terms, ids)`` give.

        The ids of the best and their scores, then the scores of ``ids``, which are allowed ones, in their order.
        """


class LexicalPart:
    """Postings with what every search over them needs."""

    def __init__(self, held: Postings) -> None:
        self.postings = held
        self.order: Places = np.argsort(held.ids)
        self.rounded = _rounded(held.lengths)

    def __len__(self) -> int:
        return len(self.postings)

    def places(self, ids: npt.NDArray[np.int64]) -> tuple[Places, npt.NDArray[np.bool_]]:
        """Where the ids stand, and which of them do; the place of one that doesn't is any."""
        if not len(self):
            return np.zeros(len(ids), np.intp), np.zeros(len(ids), np.bool_)
        found = np.searchsorted(self.postings.ids, ids, sorter=self.order)
        places = self.order[np.minimum(found, len(self) - 1)]
        return places, self.postings.ids[places] == ids


@dataclass(frozen=True, slots=True)
class _Term:
    """What is known of a term that was asked for."""

    frequency: int
    weight: float
    """(k₁ + 1) · idf."""
    slices: tuple[slice, ...]
    """Where its postings lie in each part."""


Asked = Sequence[tuple[str, _Term, int]]
"""A question's distinct terms that the index holds, in their order, with how often they stand in the question."""


class LexicalIndex:
    """Never changes; safe to share between threads."""

    def __init__(self, parts: Sequence[tuple[LexicalPart, Mask | None]]) -> None:
        """Each part with a mask of its passages that are there, None for all; an id is there in one part at most."""
        self.parts = tuple(parts)
        self._dead = [None if alive is None else np.flatnonzero(~alive) for _, alive in parts]
        self._count = sum(
            len(part) - (0 if dead is None else len(dead)) for (part, _), dead in zip(parts, self._dead, strict=True)
        )
        tokens = sum(
            int(part.postings.lengths.sum()) - (0 if dead is None else int(part.postings.lengths[dead].sum()))
            for (part, _), dead in zip(parts, self._dead, strict=True)
        )
        average = np.float32(max(tokens, 1) / max(self._count, 1))
        self._norms = [_norms(part.rounded, average) for part, _ in parts]
        self._terms: dict[str, _Term] = {}
        self._rows: dict[str, list[Scores]] = {}
        """What each common term adds to the passages of each part, the latest asked for last."""
        self._most_rows = ROWS_BYTES // (4 * max(self._count, 1))
        self._lock = threading.Lock()

    @staticmethod
    def build(folder: Path, documents: Iterable[Document]) -> LexicalIndex:
        """The index of ``documents``, written to ``folder``: pairs of a passage id (0 to 2⁶³ − 1, each once) and terms.

        See ``join``.
        """
        return LexicalIndex.join(folder, postings.blocks(documents))

    @staticmethod
    def join(folder: Path, blocks: Iterable[Postings]) -> LexicalIndex:
        """One index of all the passages of ``blocks``, written to ``folder``.

        The folder must be empty; it is made when missing.

        Raises:
            StoreError: INDEX_WRITE when the folder can't be written to.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return LexicalIndex([(LexicalPart(postings.join(blocks, folder)), None)])
        except OSError as error:
            raise StoreError(
                "INDEX_WRITE", f"{folder}: the lexical index can't be written ({error}); check space and rights."
            ) from error

    @staticmethod
    def open(folder: Path) -> LexicalIndex:
        """The index in ``folder``, memory-mapped. Nothing is written to the folder; it may be read-only.

        Raises:
            StoreError: INDEX_DAMAGED when there is none, or not a whole one.
        """
        try:
            return LexicalIndex([(LexicalPart(postings.load(folder)), None)])
        except (OSError, ValueError, EOFError) as error:
            raise StoreError(
                "INDEX_DAMAGED", f"{folder}: no whole lexical index ({error}); index again to rebuild it."
            ) from error

    def __len__(self) -> int:
        return self._count

    def document_frequency(self, term: str) -> int:
        """Number of passages that hold ``term``."""
        known = self._terms.get(term)
        return (self._learnt(term) if known is None else known).frequency

    def _learnt(self, term: str) -> _Term:
        key, frequency, slices = term_key(term), 0, []
        for part, alive in self.parts:
            [(first, last)] = part.postings.slices(np.array([key], np.uint64))
            places = part.postings.places[first:last]
            frequency += len(places) if alive is None else int(np.count_nonzero(alive[places]))
            slices.append(slice(first, last))
        if len(self._terms) >= REMEMBERED_TERMS:
            self._terms = {}
        known = self._terms[term] = _Term(frequency, _weight(frequency, self._count), tuple(slices))
        return known

    def search(self, terms: Sequence[str], k: int, only: Ids | None = None) -> list[tuple[int, float]]:
        """The ``k`` best passages that hold any of ``terms``, as (id, BM25), best first, equal scores by id.

        With ``only``, distinct ids, they are the best of these; N and n stay those of all passages, so that a passage
        has the same score whatever else may be searched.
        """
        ids, scores, _ = self.search_and_score(terms, k, np.empty(0, np.int64), only)
        return list(zip(ids.tolist(), scores.tolist(), strict=True))

    def scores(self, terms: Sequence[str], ids: Sequence[int]) -> dict[int, float]:
        """BM25 of the named passages; 0 where no term matches or there is no such passage."""
        _, _, scores = self.search_and_score(terms, 0, np.array(ids, np.int64))
        return dict(zip(ids, scores.tolist(), strict=True))

    def search_and_score(
        self, terms: Sequence[str], k: int, ids: Ids, only: Ids | None = None
    ) -> tuple[Ids, Scores, Scores]:
        """See ``LexicalSearch.search_and_score``."""
        asked = self._asked(terms)
        scores = np.zeros(len(ids), np.float32)
        best_ids, best_scores = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        for number, (part, _) in enumerate(self.parts if asked and (k > 0 or len(ids)) else ()):
            everyone = self._scored(number, asked)
            if k > 0:
                places = _best(everyone, k) if only is None else _best_among(everyone, k, part, only)
                best_ids.append(part.postings.ids[places])
                best_scores.append(everyone[places])
            if len(ids):
                places, known = part.places(ids)
                scores[known] += everyone[places[known]]  # a passage is there in one part; elsewhere it has 0
        self._release()
        found, values = np.concatenate(best_ids), np.concatenate(best_scores)
        order = np.lexsort((found, -values))[: max(k, 0)]
        return found[order], values[order], scores

    def _asked(self, terms: Sequence[str]) -> Asked:
        held = ((term, self._terms.get(term) or self._learnt(term), n) for term, n in sorted(Counter(terms).items()))
        return [each for each in held if each[1].frequency]

    def _scored(self, number: int, asked: Asked) -> Scores:
        """Every passage's score in one part; 0 for those that hold no term, and those that are gone."""
        part, normed = self.parts[number][0].postings, self._norms[number]
        scores = np.zeros(len(part), np.float32)
        rare = []
        for term, known, times in asked:
            if self._most_rows >= ROWS_LEAST and COMMON_SHARE * known.frequency > self._count:
                row = self._row(term, known)[number]
                scores += row if times == 1 else row * np.float32(times)
            else:
                rare.append((known.slices[number], np.float32(known.weight * times)))
        for some in _together([held.stop - held.start for held, _ in rare]):
            slices = [rare[position][0] for position in some]
            # Indices as numpy wants them, once: each use would convert them again.
            places = np.concatenate([part.places[each] for each in slices], dtype=np.intp)
            counts = np.concatenate([part.counts[each] for each in slices], dtype=np.float32)
            values = np.array([rare[position][1] for position in some], np.float32)
            weights = values.repeat([each.stop - each.start for each in slices])
            np.add.at(scores, places, contributions(counts, normed.take(places), weights))
        if (dead := self._dead[number]) is not None:
            scores[dead] = 0
        return scores

    def _row(self, term: str, known: _Term) -> list[Scores]:
        """What a common term adds to every passage's score, in each part."""
        with self._lock:
            rows = self._rows.pop(term, None)
        if rows is None:
            rows = []
            for (part, _), normed, held in zip(self.parts, self._norms, known.slices, strict=True):
                places, counts = part.postings.places[held], part.postings.counts[held]
                row = np.zeros(len(part), np.float32)
                row[places] = contributions(counts.astype(np.float32), normed[places], np.float32(known.weight))
                rows.append(row)
        with self._lock:
            while len(self._rows) >= self._most_rows:
                del self._rows[next(iter(self._rows))]
            self._rows[term] = rows
        return rows

    def _release(self) -> None:
        for part, _ in self.parts:
            part.postings.release()


def _best_among(scores: Scores, k: int, part: LexicalPart, ids: Ids) -> Places:
    """Of the places where the ids stand, all that are above 0 and no worse than the k-th best of them."""
    places, known = part.places(ids)
    among = places[known]
    found: Places = among[_best(scores[among], k)]
    return found


def _together(sizes: Sequence[int]) -> Iterator[list[int]]:
    """Positions of the sizes, in order, cut into stretches of ``TOGETHER`` in sum, or of one; none of none."""
    some: list[int] = []
    whole = 0
    for position, size in enumerate(sizes):
        if some and whole + size > TOGETHER:
            yield some
            some, whole = [], 0
        some.append(position)
        whole += size
    if some:
        yield some


def _best(scores: Scores, k: int) -> Places:
    """Positions of all that are above 0 and no worse than the k-th best."""
    groups = GROUPS_PER_HIT * k
    if len(scores) > 2 * groups:
        # Each group's best is a score of its own, so the k-th best of these is no better than the k-th best of all.
        size = len(scores) // groups
        bests = scores[: size * groups].reshape(size, groups).max(axis=0)
        least = np.partition(bests, groups - k)[groups - k]
        found = np.flatnonzero(scores >= max(least, np.finfo(np.float32).tiny))
    else:
        found = np.flatnonzero(scores)
    if len(found) > k:
        values = scores[found]
        found = found[values >= np.partition(values, len(values) - k)[len(values) - k]]
    return found
