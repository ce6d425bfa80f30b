"""The contract of a vector store: unit vectors in, nearest ids out; and the checks that every store shares.

One file per library in ``vector_stores/``, each with ``build(ids, vectors)`` and ``load(folder)``. A store is built at
once and never changes; what comes and goes later is laid over it by ``embeddings.layered``. For that a library may also
have

* ``like(store, ids, vectors)``: a store of few vectors whose scores are those that ``store`` would give them, made in
  no time; else it is ``build``;
* ``merge(parts, small=…)``: one store of what several hold, where a mask keeps it: what ``build`` makes of those
  vectors, or ``like`` if ``small``. None when they don't hold all that is needed: then they must be given again.

Ids are distinct, rows lie in the order of their ids, and arrays are saved as ``.npy`` beside a
``store.json`` with kind, dim and count. Damage inside an array of the right shape isn't seen here: whoever keeps the
folder keeps its checksums.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from embeddings.errors import VectorStoreError
from embeddings.mapped import save_array
from embeddings.vectors import Ids, Scores, Vectors

Mask = npt.NDArray[np.bool_]


class VectorSearch(Protocol):
    """Nearest neighbours by cosine. Safe to search from several threads."""

    @property
    def kind(self) -> str:
        """The name it has in the registry: "exact", "faiss"."""

    @property
    def dim(self) -> int:
        """Length of each vector."""

    def __len__(self) -> int: ...

    def search(self, questions: Vectors, k: int, only: Ids | None = None) -> tuple[Scores, Ids]:
        """Cosines and ids of the best, both of shape (len(questions), min(k, n)), best first, ties by id.

        A question's row is the same to the last bit whether it is asked alone or among others. With ``only``, distinct
        ids in ascending order, the best are those of a store that holds no others, and n is how many of them are
        stored; ids that aren't stored are left aside.

        Raises:
            VectorStoreError: INDEX_DIM_MISMATCH with both numbers.
        """

    def scores(self, questions: Vectors, ids: Ids) -> Scores:
        """Cosines of named ids, shape (len(questions), len(ids)), the same numbers as ``search`` gives.

        Raises:
            VectorStoreError: INDEX_BAD_IDS for an id that isn't stored; INDEX_DIM_MISMATCH.
        """


class VectorStore(VectorSearch, Protocol):
    """One that a library keeps, and that can be kept in a folder."""

    @property
    def ids(self) -> Ids:
        """All of them, ascending; not to be changed."""

    def save(self, folder: Path) -> None:
        """Writes files of its own into an existing folder; overwrites those of an earlier store."""


# -- what every store checks, and how every store picks the best ------------------------------------------------------


def sorted_rows(ids: Ids, vectors: Vectors) -> tuple[Ids, Vectors]:
    """Ids ascending with their rows: so the position of a row also orders ties.

    Raises:
        VectorStoreError: INDEX_DIM_MISMATCH for shapes that don't fit, INDEX_BAD_IDS for an id given twice.
    """
    if vectors.ndim != 2 or ids.shape != (len(vectors),) or vectors.shape[1] == 0:
        raise VectorStoreError(
            "INDEX_DIM_MISMATCH",
            f"A store needs ids (n,) and vectors (n, dim); got shapes {ids.shape} and {vectors.shape}.",
        )
    order = np.argsort(ids, kind="stable")
    ids, vectors = ids[order].astype(np.int64), np.ascontiguousarray(vectors[order], dtype=np.float32)
    twice = np.flatnonzero(ids[1:] == ids[:-1])
    if twice.size:
        raise VectorStoreError(
            "INDEX_BAD_IDS", f"Id {ids[twice[0]]} is given twice; each vector needs an id of its own."
        )
    return ids, vectors


def checked_questions(questions: Vectors, dim: int) -> Vectors:
    """The questions as float32 rows.

    Raises:
        VectorStoreError: INDEX_DIM_MISMATCH with both numbers.
    """
    if questions.ndim != 2 or questions.shape[1] != dim:
        raise VectorStoreError(
            "INDEX_DIM_MISMATCH",
            f"The questions' vectors have shape {questions.shape}, the store's have {dim} dimensions: they come from "
            "different models; index again with the model that you ask with.",
        )
    return np.ascontiguousarray(questions, dtype=np.float32)


def positions_of(wanted: Ids, ids: Ids) -> npt.NDArray[np.intp]:
    """Where the wanted ids stand in the ascending ``ids``.

    Raises:
        VectorStoreError: INDEX_BAD_IDS for one that isn't there.
    """
    positions, known = _positions(wanted, ids)
    if not known.all():
        missing = wanted[~known]
        raise VectorStoreError("INDEX_BAD_IDS", f"Id {missing[0]} isn't in this store of {len(ids)} vectors.")
    return positions


def stored_positions(wanted: Ids, ids: Ids) -> npt.NDArray[np.intp]:
    """Where those of the wanted ids that are stored stand in ``ids``; both ascending."""
    positions, known = _positions(wanted, ids)
    return positions[known]


def _positions(wanted: Ids, ids: Ids) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    positions = np.searchsorted(ids, wanted)
    known = positions < len(ids)
    known[known] = ids[positions[known]] == wanted[known]
    return positions, known


def best(scores: Scores, k: int) -> npt.NDArray[np.intp]:
    """Positions of the k largest scores, best first, ties in their order; all of them if there are fewer."""
    if k < len(scores):
        worst = np.partition(scores, len(scores) - k)[len(scores) - k] if k else np.inf
        candidates = np.flatnonzero(scores >= worst)
    else:
        candidates = np.arange(len(scores))
    return candidates[np.argsort(-scores[candidates], kind="stable")][:k]


Layout = Callable[[int, int], Mapping[str, tuple[str, tuple[int | None, ...]]]]
"""From (count, dim) to each array's type and shape, None for any length: what a store's files must hold."""


def write_arrays(folder: Path, kind: str, dim: int, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """``NAME.npy`` for each array, then ``store.json`` with kind, dim and count.

    Each file is written aside and renamed, since a loaded store still maps the file of that name.
    """
    for name, array in arrays.items():
        with _replacing(folder / f"{name}.npy") as file:
            save_array(file, array)
    head = {"kind": kind, "dim": dim, "count": len(arrays["ids"])}
    with _replacing(folder / "store.json") as file:
        file.write(json.dumps(head).encode())


def read_arrays(folder: Path, layouts: Mapping[str, Layout]) -> tuple[str, dict[str, npt.NDArray[Any]]]:
    """The kind and the arrays that ``write_arrays`` wrote, mapped rather than read: loading takes no time.

    Raises:
        VectorStoreError: INDEX_DAMAGED for files that are missing, cut off, or of another kind, type or shape.
    """
    try:
        return _read(folder, layouts)
    except (OSError, EOFError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise VectorStoreError(
            "INDEX_DAMAGED", f"The vector store in {folder} can't be used: {error}; build it again."
        ) from error


def _read(folder: Path, layouts: Mapping[str, Layout]) -> tuple[str, dict[str, npt.NDArray[Any]]]:
    head = json.loads((folder / "store.json").read_text(encoding="utf-8"))
    kind, count, dim = str(head["kind"]), int(head["count"]), int(head["dim"])
    if kind not in layouts:
        raise ValueError(f"store.json says kind {kind!r}, expected {' or '.join(layouts)}")
    arrays = {
        name: _mapped(folder / f"{name}.npy", np.dtype(dtype), shape)
        for name, (dtype, shape) in layouts[kind](count, dim).items()
    }
    if (np.diff(arrays["ids"]) <= 0).any():
        raise ValueError("ids.npy isn't in ascending order")
    return kind, arrays


def _mapped(path: Path, dtype: np.dtype[Any], shape: tuple[int | None, ...]) -> npt.NDArray[Any]:
    if 0 in shape:  # an empty array can't be mapped
        array: npt.NDArray[Any] = np.load(path, allow_pickle=False)
        offset = path.stat().st_size
    else:
        mapped: np.memmap[Any, np.dtype[Any]] = np.lib.format.open_memmap(path, mode="r")
        # As a plain array over the mapping: each slice of numpy's memmap class costs microseconds.
        array, offset = np.asarray(mapped), mapped.offset
    if array.dtype != dtype or len(array.shape) != len(shape) or any(map(_differ, array.shape, shape)):
        raise ValueError(f"{path.name} holds {array.dtype} {array.shape}, expected {dtype} {shape}")
    # A file longer than its header says would be mapped without a word.
    if path.stat().st_size != offset + array.nbytes:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes, expected {offset + array.nbytes}")
    return array


def _differ(found: int, expected: int | None) -> bool:
    return expected is not None and found != expected


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    aside = path.with_name(path.name + ".new")
    with aside.open("wb") as file:
        yield file
    aside.replace(path)
