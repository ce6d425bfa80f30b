"""FAISS behind the contract: quick candidates from FAISS, scores of our own.

Up to ``FLAT_LIMIT`` vectors FAISS compares all of them. Above, 4-bit product quantisation with fast scan (André,
Kermarrec, Le Scouarnec 2017), one sub-quantiser for 2 dimensions, picks candidates, which are scored again by one byte
a dimension: at 20,000 × 512 that takes 0.25 ms a question, where comparing all in float32 takes 1.2; at 1 M × 512 it
takes 6. A graph (HNSW) took 97 s to build 100,000 and can't delete.

Scores come from one dot product in both cases: FAISS's own differ in the last bits by how many questions are asked at
once, and its order among equals isn't that of the ids.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embeddings.errors import VectorStoreError
from embeddings.mapped import release
from embeddings.vector_store import (
    Mask,
    best,
    checked_questions,
    positions_of,
    read_arrays,
    sorted_rows,
    stored_positions,
    write_arrays,
)
from embeddings.vectors import Ids, Scores, Vectors, cosines

KIND = "faiss"
FLAT_LIMIT = 10_000
"""Vectors that are compared one by one: 0.7 ms a question at 512 dimensions, all of it reading memory; 0.3 with
candidates. Of half as many, candidates save 0.08 ms, and building takes half a second."""
FLAT_EXTRA = 16
"""Candidates beyond those asked for; saves asking again when a few are equal."""
CODED_LEAST, CODED_PER_HIT, CODED_SHARE = 200, 4, 1000
"""Candidates scored again: so many for each hit, or the least, and one for so many vectors. With 100 hits wanted, of
20,000 × 512 real ones the first 10 are all found and .99 of the 100; of 1 M × 512, made of three real ones each, all of
the first 10 and .99 of the 100."""
SUB_DIM = 2
"""Dimensions a sub-quantiser stands for. With 4 a question at 1 M takes two thirds of the time, and six times as many
candidates find less: .96 of the first 10."""
ROUNDING = 1e-5
"""FAISS's sums and ours of the same float32 products differ by less."""
TRAINING_ROWS = 16 * 256
"""What FAISS takes to train 16 centroids: 256 points for each (``max_points_per_centroid``)."""
TRAINING_ROUNDS = 8
"""FAISS's 25 take three times as long, and find .002 more of the first 100 of 20,000."""
BLOCK_ROWS = 1 << 16
"""Rows coded at a time: 64 MiB of float32 at 256 dimensions."""

Positions = npt.NDArray[np.int64]


class FaissStore(ABC):
    """What both forms share: candidates are widened until the best cannot stand outside them."""

    kind = KIND

    def __init__(self, ids: Ids, dim: int) -> None:
        """Ids ascending."""
        self.ids = ids
        self.dim = dim
        self._all: Positions | None = None
        """Every position, where FAISS has no candidates to give."""

    def __len__(self) -> int:
        return len(self.ids)

    def search(self, questions: Vectors, k: int, only: Ids | None = None) -> tuple[Scores, Ids]:
        """See ``VectorStore.search``."""
        questions = checked_questions(questions, self.dim)
        among = self._all if only is None else stored_positions(only, self.ids)
        count = len(self) if among is None else len(among)
        k = max(0, min(k, count))
        scores = np.empty((len(questions), k), dtype=np.float32)
        ids = np.empty((len(questions), k), dtype=np.int64)
        # As many candidates as hold the usual number of allowed ones, if these lie anywhere.
        wanted = self._usual(k) * len(self) // max(count, 1)
        if among is not None and count <= max(wanted, k):  # comparing all that are allowed is no more work
            for row, question in enumerate(questions):
                scores[row], positions = self._best_of(question, k, among)
                ids[row] = self.ids[positions]
        elif k and len(questions):
            with _one_thread():
                found = self._candidates(questions, min(len(self), wanted))
                for row, question in enumerate(questions):
                    scores[row], positions = self._nearest(question, k, found[0][row], found[1][row], among)
                    ids[row] = self.ids[positions]
        self._release()
        return scores, ids

    def scores(self, questions: Vectors, ids: Ids) -> Scores:
        """See ``VectorStore.scores``."""
        questions = checked_questions(questions, self.dim)
        positions = positions_of(ids, self.ids)
        scores = np.empty((len(questions), len(ids)), dtype=np.float32)
        for row, question in enumerate(questions):
            scores[row] = self._cosines(question, positions)
        self._release()
        return scores

    def _nearest(
        self, question: Vectors, k: int, coarse: Scores, positions: Positions, among: Positions | None
    ) -> tuple[Scores, Positions]:
        """The best k of the candidates, or of those that are among the given positions, best first.

        A vector that isn't a candidate scores no higher, for FAISS, than the last one that is. So long as one of the
        best stands at that edge, its equals may lie beyond: ask for twice as many. (Fast scan also loses some when very
        many are equal, and says -1 in their place.) So long as few of the candidates are allowed, too: where the
        allowed ones lie far from the question, the first to be met needn't be the nearest.
        """
        enough = k if among is None else max(k, self._usual(k) // 2)
        while len(positions) < len(self):
            edge = coarse.min() + ROUNDING
            order = np.argsort(positions)  # positions ascend with ids, so ties come out by id
            coarse, positions = coarse[order], positions[order]
            asked = len(positions)
            if positions[0] >= 0:
                if among is not None:
                    kept = np.isin(positions, among, assume_unique=True)
                    coarse, positions = coarse[kept], positions[kept]
                if len(positions) >= enough:
                    scores = self._cosines(question, positions)
                    nearest = best(scores, k)
                    if coarse[nearest].min() > edge:
                        return scores[nearest], positions[nearest]
            wider, places = self._candidates(question[None], min(len(self), 2 * asked))
            coarse, positions = wider[0], places[0]
        return self._best_of(question, k, np.arange(len(self)) if among is None else among)

    def _best_of(self, question: Vectors, k: int, positions: Positions) -> tuple[Scores, Positions]:
        """The best k of all these positions, which ascend."""
        scores = self._cosines(question, positions)
        nearest = best(scores, k)
        return scores[nearest], positions[nearest]

    @abstractmethod
    def _usual(self, k: int) -> int:
        """Candidates to look at for the best k of all."""

    @abstractmethod
    def _release(self) -> None:
        """Lets go of the memory that a search took."""

    @abstractmethod
    def _candidates(self, questions: Vectors, count: int) -> tuple[Scores, Positions]:
        """FAISS's scores and positions of the likeliest, shape (questions, count)."""

    @abstractmethod
    def _cosines(self, question: Vectors, positions: Positions) -> Scores:
        """Our scores of the vectors there."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """See ``VectorStore.save``."""


class FlatStore(FaissStore):
    """All vectors in float32, all compared: exact."""

    def __init__(self, ids: Ids, vectors: Vectors) -> None:
        """Ids ascending, with their rows."""
        super().__init__(ids, int(vectors.shape[1]))
        self.vectors = vectors

    def save(self, folder: Path) -> None:
        """``ids.npy``, ``vectors.npy`` and ``store.json``."""
        write_arrays(folder, "faiss-flat", self.dim, {"ids": self.ids, "vectors": self.vectors})

    def _usual(self, k: int) -> int:
        return k + FLAT_EXTRA

    def _release(self) -> None:
        release(self.vectors)

    def _candidates(self, questions: Vectors, count: int) -> tuple[Scores, Positions]:
        import faiss  # noqa: PLC0415  # heavy: 0.2 s

        scores, positions = faiss.knn(questions, self.vectors, count, metric=faiss.METRIC_INNER_PRODUCT)
        return scores, positions

    def _cosines(self, question: Vectors, positions: Positions) -> Scores:
        if 2 * len(positions) > len(self):  # reading all costs less than copying most; a row's sum is the same
            everyone: Scores = cosines(self.vectors, question)[positions]
            return everyone
        return cosines(self.vectors[positions], question)


class CodedStore(FaissStore):
    """Half a byte for 2 dimensions to find candidates by, one byte a dimension to score them.

    A row is kept as whole numbers from −127 to 127 times a scale of its own, so a cosine is off by some 0.0005 at 256
    dimensions. FAISS is given these rows, not the original ones: so what the codes are merged into is what the vectors
    would be built into.
    """

    def __init__(self, ids: Ids, codes: npt.NDArray[np.int8], scales: npt.NDArray[np.float32], coarse: Any) -> None:
        """Ids ascending, with their codes and scales; a trained FAISS index of the same rows in the same order.

        ``coarse`` None: all are compared.
        """
        super().__init__(ids, int(codes.shape[1]))
        self.codes, self.scales, self._coarse = codes, scales, coarse
        if coarse is None:
            self._all = np.arange(len(ids), dtype=np.int64)

    def save(self, folder: Path) -> None:
        """``store.json`` and, as .npy, ids, codes, scales, FAISS's own bytes and their SHA-256."""
        import faiss  # noqa: PLC0415  # heavy: 0.2 s

        coarse: npt.NDArray[np.uint8] = faiss.serialize_index(self._coarse)
        arrays: dict[str, npt.NDArray[Any]] = {
            "ids": self.ids,
            "codes": self.codes,
            "scales": self.scales,
            "coarse": coarse,
            "coarse_sha256": _digest(coarse),
        }
        write_arrays(folder, "faiss-coded", self.dim, arrays)

    def _candidates(self, questions: Vectors, count: int) -> tuple[Scores, Positions]:
        scores, positions = self._coarse.search(_padded(questions), count)
        return scores, positions

    def _usual(self, k: int) -> int:
        return len(self) if self._coarse is None else max(CODED_LEAST, CODED_PER_HIT * k) + len(self) // CODED_SHARE

    def _release(self) -> None:
        release(self.codes)

    def _cosines(self, question: Vectors, positions: Positions) -> Scores:
        scores = np.empty(len(positions), dtype=np.float32)
        for start in range(0, len(positions), BLOCK_ROWS):
            block = positions[start : start + BLOCK_ROWS]
            scores[start : start + len(block)] = cosines(self.codes[block].astype(np.float32), question)
        return scores * self.scales[positions]


def build(ids: Ids, vectors: Vectors, *, flat_limit: int = FLAT_LIMIT) -> FaissStore:
    """A store of these rows, flat or coded by their number; ids in any order. The same rows give the same store."""
    ids, vectors = sorted_rows(ids, vectors)
    return FlatStore(ids, vectors) if len(ids) <= flat_limit else _with_coarse(ids, *_coded(vectors))


def like(store: FaissStore, ids: Ids, vectors: Vectors) -> FaissStore:
    """A store of few rows with the scores that ``store`` would give them; ids in any order. All are compared."""
    ids, vectors = sorted_rows(ids, vectors)
    return FlatStore(ids, vectors) if isinstance(store, FlatStore) else CodedStore(ids, *_coded(vectors), None)


def merge(parts: Sequence[tuple[FaissStore, Mask]], *, small: bool, flat_limit: int = FLAT_LIMIT) -> FaissStore | None:
    """One store of what the masks keep; None where there are codes, and so few rows that they would be kept whole."""
    ids = np.concatenate([part.ids[kept] for part, kept in parts])
    flat = [(part.vectors, kept) for part, kept in parts if isinstance(part, FlatStore)]
    if len(flat) == len(parts):
        limit = len(ids) if small else flat_limit
        return build(ids, np.concatenate([vectors[kept] for vectors, kept in flat]), flat_limit=limit)
    if len(ids) <= flat_limit and not small:
        return None
    order = np.argsort(ids)
    rows = [
        (part.codes, part.scales, kept) if isinstance(part, CodedStore) else (*_coded(part.vectors), kept)
        for part, kept in parts
        if isinstance(part, CodedStore | FlatStore)
    ]
    codes = np.empty((len(ids), parts[0][0].dim), np.int8)
    scales = np.concatenate([each[kept] for _, each, kept in rows])[order]
    places = np.empty(len(ids), np.intp)
    places[order] = np.arange(len(ids))
    before = 0
    for each, _, kept in rows:  # block by block: the codes are the largest array of all, and needn't be there twice
        chosen = np.flatnonzero(kept)
        for start in range(0, len(chosen), BLOCK_ROWS):
            block = chosen[start : start + BLOCK_ROWS]
            codes[places[before : before + len(block)]] = each[block]
            before += len(block)
        release(each)
    return CodedStore(ids[order], codes, scales, None) if small else _with_coarse(ids[order], codes, scales)


def _coded(vectors: Vectors) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    codes = np.empty(vectors.shape, dtype=np.int8)
    scales = np.empty(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        scales[block] = np.abs(vectors[block]).max(axis=1) / 127
        codes[block] = np.rint(vectors[block] / scales[block, None])
    return codes, scales


def _with_coarse(ids: Ids, codes: npt.NDArray[np.int8], scales: npt.NDArray[np.float32]) -> CodedStore:
    import faiss  # noqa: PLC0415  # heavy: 0.2 s

    def rows(of: Any) -> Vectors:
        return _padded(codes[of].astype(np.float32) * scales[of, None])

    padded = codes.shape[1] + -codes.shape[1] % SUB_DIM
    coarse: Any = faiss.index_factory(padded, f"PQ{padded // SUB_DIM}x4fs", faiss.METRIC_INNER_PRODUCT)
    coarse.pq.cp.niter = TRAINING_ROUNDS
    # Rows at even distances, and FAISS's fixed seed: no chance in it.
    coarse.train(rows(np.linspace(0, len(ids) - 1, min(len(ids), TRAINING_ROWS)).astype(np.intp)))
    for start in range(0, len(ids), BLOCK_ROWS):
        coarse.add(rows(np.s_[start : start + BLOCK_ROWS]))
    return CodedStore(ids, codes, scales, coarse)


def load(folder: Path) -> FaissStore:
    """The store that ``save`` wrote.

    Raises:
        VectorStoreError: INDEX_DAMAGED.
    """
    kind, arrays = read_arrays(
        folder,
        {
            "faiss-flat": lambda count, dim: {"ids": ("int64", (count,)), "vectors": ("float32", (count, dim))},
            "faiss-coded": lambda count, dim: {
                "ids": ("int64", (count,)),
                "codes": ("int8", (count, dim)),
                "scales": ("float32", (count,)),
                "coarse": ("uint8", (None,)),
                "coarse_sha256": ("uint8", (32,)),
            },
        },
    )
    if kind == "faiss-flat":
        return FlatStore(arrays["ids"], arrays["vectors"])
    import faiss  # noqa: PLC0415  # heavy: 0.2 s

    # FAISS doesn't notice damage: a third of damaged files load and answer wrongly. So it reads only what we wrote.
    if not np.array_equal(_digest(arrays["coarse"]), arrays["coarse_sha256"]):
        raise VectorStoreError("INDEX_DAMAGED", f"{folder / 'coarse.npy'} isn't what was saved; build the store again.")
    coarse: Any = faiss.deserialize_index(np.array(arrays["coarse"]))
    release(arrays["coarse"])
    if coarse.d != coarse.pq.M * SUB_DIM:
        raise VectorStoreError(
            "INDEX_DAMAGED", f"{folder / 'coarse.npy'} was made by an earlier version; build the store again."
        )
    if (coarse.ntotal, coarse.d) != (len(arrays["ids"]), _padded(arrays["codes"][:0]).shape[1]):
        raise VectorStoreError(
            "INDEX_DAMAGED",
            f"{folder / 'coarse.npy'} holds {coarse.ntotal} × {coarse.d}, codes.npy {arrays['codes'].shape}; "
            "build the store again.",
        )
    return CodedStore(arrays["ids"], arrays["codes"], arrays["scales"], coarse)


def _padded(rows: Vectors) -> Vectors:
    """With zeros up to a whole number of sub-quantisers, which changes no product."""
    missing = -rows.shape[1] % SUB_DIM
    return np.pad(rows, ((0, 0), (0, missing))) if missing else rows


def _digest(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(hashlib.sha256(array.data).digest(), dtype=np.uint8)


@contextmanager
def _one_thread() -> Iterator[None]:
    """FAISS on the calling thread alone: two threads on busy cores turned questions of 1.5 ms into 16 ms and more.

    The number belongs to the calling thread in OpenMP, so others aren't disturbed.
    """
    import faiss  # noqa: PLC0415  # heavy: 0.2 s

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
