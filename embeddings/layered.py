"""Vector stores laid over one another: a large one, what came after it, and what is gone from either.

Stores are immutable; a change makes a new layering of the same stores, which costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embeddings.errors import VectorStoreError
from embeddings.vector_store import VectorStore, checked_questions
from embeddings.vectors import Ids, Scores, Vectors

EXTRA = 16
"""Hits that are asked for beyond those wanted where some may be gone."""


class LayeredStore:
    """Searches several stores as one; see ``embeddings.vector_store.VectorSearch``.

    Scores are those of the stores, so with stores that are "like" the first they are those of one store of all.
    """

    def __init__(self, layers: Sequence[tuple[VectorStore, Ids]]) -> None:
        """Each store with the ascending ids of it that are gone; no id is there in two stores."""
        self._layers = tuple(layers)
        self.kind = layers[0][0].kind
        self.dim = layers[0][0].dim

    def __len__(self) -> int:
        return sum(len(store) - len(gone) for store, gone in self._layers)

    def search(self, questions: Vectors, k: int, only: Ids | None = None) -> tuple[Scores, Ids]:
        """See ``VectorSearch.search``."""
        questions = checked_questions(questions, self.dim)
        found = [_search(store, gone, questions, k, only) for store, gone in self._layers]
        scores, ids = (np.concatenate(each, axis=1) for each in zip(*found, strict=True))
        order = np.lexsort((ids, -scores), axis=1)[:, : max(k, 0)]
        return np.take_along_axis(scores, order, axis=1), np.take_along_axis(ids, order, axis=1)

    def scores(self, questions: Vectors, ids: Ids) -> Scores:
        """See ``VectorSearch.scores``."""
        questions = checked_questions(questions, self.dim)
        scores = np.empty((len(questions), len(ids)), np.float32)
        known = np.zeros(len(ids), np.bool_)
        for store, gone in self._layers:
            here = _among(ids, store.ids) & ~_among(ids, gone)
            scores[:, here] = store.scores(questions, ids[here])
            known |= here
        if not known.all():
            raise VectorStoreError("INDEX_BAD_IDS", f"Id {ids[~known][0]} isn't in this store of {len(self)} vectors.")
        return scores


def _search(store: VectorStore, gone: Ids, questions: Vectors, k: int, only: Ids | None) -> tuple[Scores, Ids]:
    if only is not None:
        return store.search(questions, k, only[~_among(only, gone)])
    if not len(gone):
        return store.search(questions, k)
    k = max(0, min(k, len(store) - len(gone)))
    scores, ids = np.empty((len(questions), k), np.float32), np.empty((len(questions), k), np.int64)
    rows, asked = np.arange(len(questions)), min(k + EXTRA, len(store))
    while len(rows):
        found_scores, found_ids = store.search(questions[rows], asked)
        there = ~_among(found_ids, gone)
        enough = there.sum(axis=1) >= k
        for row, place in zip(rows[enough], np.flatnonzero(enough), strict=True):
            scores[row] = found_scores[place][there[place]][:k]
            ids[row] = found_ids[place][there[place]][:k]
        rows, asked = rows[~enough], min(2 * asked, len(store))
    return scores, ids


def _among(ids: Ids, ascending: Ids) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Which of the ids are in the other list; ``np.isin`` would sort both each time."""
    if not len(ascending):
        return np.zeros(ids.shape, np.bool_)
    places = np.minimum(np.searchsorted(ascending, ids), len(ascending) - 1)
    found: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = ascending[places] == ids
    return found
