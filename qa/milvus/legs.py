"""Both legs over a collection: the engine gives candidates, and they are scored from what is kept beside the store.

The inner product of a question's idf weights with the passages' stored weights is BM25 by the average length at the
time of building (``stored_weights``). Lengths move it a little as articles come and go, so some more candidates are
taken, and each is scored anew by the numbers of now, in the embedded engine's order of addition: scores are the same to
the last bit. The dense leg's inner products are exact, unless the collection's index is one that approximates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embeddings.errors import VectorStoreError
from embeddings.vector_store import checked_questions
from embeddings.vectors import Ids, Scores, Vectors
from qa.lexical import REMEMBERED_TERMS, Weights, contributions, norms, weights
from qa.milvus.client import Client, Sparse, unavailable
from qa.milvus.ledger import Ledger, Row, Size
from qa.store import Point, Store

EXTRA = 56
"""Lexical candidates beyond those wanted: with 200 wanted, the order may have moved by a quarter."""
TRIES = 3
"""How often the count is taken anew where somebody writes meanwhile."""
DIMENSIONS = 2**32 - 1
"""A sparse vector's dimensions are whole numbers below this (Milvus): a term's key is folded into them. Two terms that
meet blur the candidates, not the scores."""
SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2⁶⁴ over the golden ratio: keys that are near one another are far apart when they are multiplied by it (Knuth 1998,
section 6.4)."""


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection with what is kept of it here."""

    client: Client
    name: str
    ledger: Ledger

    def require_whole(self) -> None:
        """Nothing, when the engine answers for all passages, but for those that are being sent.

        Raises:
            EngineError: ENGINE_UNAVAILABLE with both numbers: a part of it is away.
        """
        for _ in range(TRIES):
            before = self.ledger.size()
            count = self.client.count(self.name)
            if count >= before.passages - before.unsent:
                return
            if self.ledger.size().changes == before.changes:
                break
        reason = f"it answers for {count} of {before.passages} passages"
        raise unavailable(self.client.url, reason)


def stored_weights(row: Row, average: np.float32) -> Sparse:
    """What is stored of a passage's terms: tf / (tf + k₁ · (1 − b + b · |d| / avg|d|)); the rest is the question's."""
    normed = np.repeat(norms(np.array([row.length]), average), len(row.counts))
    return _folded(row.keys, contributions(row.counts.astype(np.float32), normed, np.float32(1)))


def _folded(keys: npt.NDArray[np.uint64], values: npt.NDArray[np.float32]) -> dict[int, float]:
    found: dict[int, float] = {}
    dimensions = (keys * SPREAD >> np.uint64(31)) % np.uint64(DIMENSIONS)
    for dimension, value in zip(dimensions.tolist(), values.tolist(), strict=True):
        found[dimension] = found.get(dimension, 0.0) + value
    return found


class MilvusLexical:
    """The lexical leg: see ``qa.lexical.LexicalSearch``. Counts are those of one state of the ledger."""

    def __init__(self, collection: Collection, size: Size) -> None:
        self._collection = collection
        self._size = size
        self._frequencies: dict[str, int] = {}

    def __len__(self) -> int:
        return self._size.passages

    def document_frequency(self, term: str) -> int:
        """Number of passages that hold ``term``."""
        known = self._frequencies.get(term)
        if known is None:
            known = self._collection.ledger.frequency(term)
            if len(self._frequencies) >= REMEMBERED_TERMS:
                self._frequencies = {}
            self._frequencies[term] = known
        return known

    def search(self, terms: Sequence[str], k: int, only: Ids | None = None) -> list[tuple[int, float]]:
        """The ``k`` best passages that hold any of ``terms``, as (id, BM25), best first, equal scores by id.

        Raises:
            EngineError: ENGINE_UNAVAILABLE, also when the engine doesn't answer for all passages.
        """
        weighed = weights(terms, self.document_frequency, len(self))
        if k < 1 or not weighed:
            return []
        keys, values = zip(*weighed, strict=True)
        question = _folded(np.array(keys, np.uint64), np.array(values, np.float32))
        found = self._collection.client.search(self._collection.name, "sparse", [question], k + EXTRA, only)[0]
        self._collection.require_whole()
        ids = [number for number, _ in found]
        scored = [(number, score) for number, score in self._scored(weighed, ids).items() if score > 0]
        return sorted(scored, key=lambda hit: (-hit[1], hit[0]))[:k]

    def scores(self, terms: Sequence[str], ids: Sequence[int]) -> dict[int, float]:
        """BM25 of the named passages; 0 where no term matches or there is no such passage."""
        known = self._scored(weights(terms, self.document_frequency, len(self)), ids) if len(ids) else {}
        return {number: known.get(number, 0.0) for number in ids}

    def search_and_score(
        self, terms: Sequence[str], k: int, ids: Ids, only: Ids | None = None
    ) -> tuple[Ids, Scores, Scores]:
        """Both; what isn't among all that match has no score."""
        ranked = self.search(terms, k, only)
        known, wanted = dict(ranked), ids.tolist()
        if len(ranked) >= k:
            known |= self.scores(terms, [number for number in wanted if number not in known])
        best = np.array([number for number, _ in ranked], np.int64), np.array([x for _, x in ranked], np.float32)
        return *best, np.array([known.get(number, 0.0) for number in wanted], np.float32)

    def _scored(self, weighed: Weights, ids: Sequence[int]) -> dict[int, float]:
        """BM25 of those of the passages that there are."""
        rows = self._collection.ledger.rows(ids)
        if not rows:
            return {}
        normed = norms(np.array([row.length for row in rows]), self._size.average)
        keys = np.concatenate([row.keys for row in rows])
        counts = np.concatenate([row.counts for row in rows])
        owners = np.repeat(np.arange(len(rows)), [len(row.keys) for row in rows])
        scores = np.zeros(len(rows), np.float32)
        for term, weight in weighed:
            held = np.flatnonzero(keys == np.uint64(term))
            scores[owners[held]] += contributions(counts[held].astype(np.float32), normed[owners[held]], weight)
        return dict(zip((row.id for row in rows), scores.tolist(), strict=True))


class MilvusVectors:
    """The dense leg: see ``embeddings.vector_store.VectorSearch``."""

    kind = "milvus"

    def __init__(
        self, collection: Collection, size: Size, store: Store, point: Point, fingerprint: str, dim: int
    ) -> None:
        self.dim = dim
        self._collection = collection
        self._size = size
        self._store = store
        self._point = point
        self._fingerprint = fingerprint

    def __len__(self) -> int:
        return self._size.passages

    def search(self, questions: Vectors, k: int, only: Ids | None = None) -> tuple[Scores, Ids]:
        """Cosines and ids of the best, best first, ties by id: see ``VectorSearch.search``.

        Raises:
            VectorStoreError: INDEX_DIM_MISMATCH with both numbers.
            EngineError: ENGINE_UNAVAILABLE, also when the engine doesn't answer for all passages.
        """
        questions = checked_questions(questions, self.dim)
        found = self._collection.client.search(self._collection.name, "dense", list(questions), k, only)
        self._collection.require_whole()
        # Equal for all, unless an article is just being sent.
        length = min(map(len, found), default=0)
        scores = np.array([[score for _, score in hits[:length]] for hits in found], np.float32)
        ids = np.array([[number for number, _ in hits[:length]] for hits in found], np.int64)
        return scores.reshape(len(questions), length), ids.reshape(len(questions), length)

    def scores(self, questions: Vectors, ids: Ids) -> Scores:
        """Cosines of named ids, from the store's own vectors.

        Raises:
            VectorStoreError: INDEX_BAD_IDS for an id that isn't stored, unless the store has gone on since: then it
                is of a passage that went, and has 0. INDEX_DIM_MISMATCH.
        """
        questions = checked_questions(questions, self.dim)
        known, vectors = self._store.vectors(self._fingerprint, ids.tolist())
        scores = np.zeros((len(questions), len(ids)), np.float32)
        places = np.searchsorted(known, ids)
        there = places < len(known)
        there[there] = known[places[there]] == ids[there]
        if not there.all() and self._store.point() == self._point:
            raise VectorStoreError("INDEX_BAD_IDS", f"Id {ids[~there][0]} isn't in this store of {len(self)} vectors.")
        if there.any():
            scores[:, there] = questions @ vectors[places[there]].T
        return scores
