"""Which passage holds which term how often: the arrays that the lexical leg counts in.

A term is known by its key (``qa.text.keys``). For each term, ``places`` (positions in ``ids``) and ``counts`` lie side
by side from ``starts`` on. Arrays are saved as ``.npy`` and mapped when opened, so that opening takes no time and no
memory. Damage isn't seen here: whoever keeps the folder keeps its checksums.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embeddings.mapped import new_array, release, save_array
from embeddings.vectors import Ids
from qa.text.keys import NUMBERED, OWNER_BITS, OWNERS, Held, Numbers, held

Mask = npt.NDArray[np.bool_]
Document = tuple[int, Sequence[str]]
"""A passage's id and its terms, duplicates kept."""

MOST_COUNTED = 255
"""A term that stands in a passage more often counts as this often: BM25's weight is then within 1 % of its limit."""
BLOCK_PASSAGES = 1 << 15
"""Passages whose terms are sorted at a time: some 10 million terms, 80 MB."""
BLOCK_POSTINGS = 1 << 22
"""Postings that are merged at a time: 34 MB of indices."""


@dataclass(frozen=True, slots=True)
class Postings:
    """The terms of some passages; nothing in it changes."""

    ids: Ids
    """Shape (passages,), each once, in the order they came."""
    lengths: npt.NDArray[np.uint32]
    """How many terms each passage has, duplicates counted."""
    terms: npt.NDArray[np.uint64]
    """Keys of the distinct terms, ascending."""
    starts: npt.NDArray[np.int64]
    """Shape (terms + 1,): the postings of term i are those from ``starts[i]`` to ``starts[i + 1]``."""
    places: npt.NDArray[np.uint32]
    """Shape (postings,): positions in ``ids``, ascending within a term."""
    counts: npt.NDArray[np.uint8]
    """Shape (postings,): how often the term stands there, at most ``MOST_COUNTED``."""

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, term: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
        """Places and counts of the term with this key; empty when no passage holds it."""
        [(first, last)] = self.slices(np.array([term], np.uint64))
        return self.places[first:last], self.counts[first:last]

    def slices(self, terms: npt.NDArray[np.uint64]) -> list[tuple[int, int]]:
        """For each of these keys, from where to where its postings lie; as far as nowhere when there are none."""
        if not len(self.terms):
            return [(0, 0)] * len(terms)
        found = np.minimum(self.terms.searchsorted(terms), len(self.terms) - 1)
        firsts = self.starts[found]
        lasts = np.where(self.terms[found] == terms, self.starts[found + 1], firsts)
        return list(zip(firsts.tolist(), lasts.tolist(), strict=True))

    def release(self) -> None:
        """Lets go of the pages of large mapped arrays: what a question touched is no memory of ours until the next."""
        release(self.places, self.counts)


ARRAYS: dict[str, type[np.generic]] = {
    "ids": np.int64,
    "lengths": np.uint32,
    "terms": np.uint64,
    "starts": np.int64,
    "places": np.uint32,
    "counts": np.uint8,
}


def blocks(documents: Iterable[Document]) -> Iterator[Postings]:
    """The postings of these passages, each id once, some at a time; ``join`` makes one of them."""
    remaining = iter(documents)
    while len(some := block(islice(remaining, BLOCK_PASSAGES))):
        yield some


def join(parts: Iterable[Postings], folder: Path | None = None) -> Postings:
    """The postings of all of these passages: see ``merged``."""
    return merged([(part, None) for part in parts], folder)


def load(folder: Path) -> Postings:
    """What ``merged`` wrote, mapped.

    Raises:
        OSError, ValueError: for arrays that are missing, cut off, or don't fit one another.
    """
    arrays = {name: _mapped(folder / f"{name}.npy", np.dtype(kind)) for name, kind in ARRAYS.items()}
    found = Postings(**arrays)
    shapes = [len(found.lengths), len(found.starts), len(found.places), len(found.counts)]
    expected = [len(found.ids), len(found.terms) + 1, int(found.starts[-1]), int(found.starts[-1])]
    if shapes != expected:
        raise ValueError(f"lengths, starts, places and counts have {shapes} entries, expected {expected}")
    return found


def merged(parts: Sequence[tuple[Postings, Mask | None]], folder: Path | None = None) -> Postings:
    """One for all passages that the masks keep (None keeps all), in the order of the parts.

    Nothing in it tells in how many parts they came. With an empty ``folder``
    the arrays are written there and mapped, so that they need no memory.
    """
    kept = [np.ones(len(part), np.bool_) if mask is None else mask for part, mask in parts]
    sizes = [_sizes(part, mask) for (part, _), mask in zip(parts, kept, strict=True)]
    none = np.empty(0, np.uint64)
    terms = np.unique(np.concatenate([none, *(part.terms[n > 0] for (part, _), n in zip(parts, sizes, strict=True))]))
    starts = np.zeros(len(terms) + 1, np.int64)
    for (part, _), size in zip(parts, sizes, strict=True):
        starts[1 + np.searchsorted(terms, part.terms[size > 0])] += size[size > 0]
    np.cumsum(starts, out=starts)
    pairs = list(zip((part for part, _ in parts), kept, strict=True))
    small = {
        "ids": np.concatenate([np.empty(0, np.int64), *(part.ids[mask] for part, mask in pairs)]),
        "lengths": np.concatenate([np.empty(0, np.uint32), *(part.lengths[mask] for part, mask in pairs)]),
        "terms": terms,
        "starts": starts,
    }
    places: npt.NDArray[Any] = _empty(folder, "places", int(starts[-1]))
    counts: npt.NDArray[Any] = _empty(folder, "counts", int(starts[-1]))
    filled = starts[:-1].copy()
    before = 0
    for (part, mask), size in zip(pairs, sizes, strict=True):
        renumbered = (np.cumsum(mask) - 1 + before).astype(np.uint32)
        for first, last in _blocks(part.starts):
            here = slice(part.starts[first], part.starts[last])
            alive = mask[part.places[here]]
            held = np.flatnonzero(size[first:last])
            n = size[first:last][held]
            where = np.searchsorted(terms, part.terms[first:last][held])
            target = np.repeat(filled[where] - (np.cumsum(n) - n), n) + np.arange(n.sum())
            places[target] = renumbered[part.places[here][alive]]
            counts[target] = part.counts[here][alive]
            filled[where] += n
        before += int(np.count_nonzero(mask))
    if folder is None:
        return Postings(**small, places=places, counts=counts)
    for array_ in (places, counts):
        if isinstance(array_, np.memmap):
            array_.flush()
    for name, values in small.items():
        with (folder / f"{name}.npy").open("wb") as file:
            save_array(file, values)
    del places, counts
    return load(folder)


def block(documents: Iterable[Document]) -> Postings:
    """The postings of at most ``BLOCK_PASSAGES``, in memory: parts of a whole, for ``merged``.

    Documents are taken one by one, for their terms are much more than what is made of them.
    """
    numbered = Numbers()
    flat, ids, sizes = array("Q"), array("q"), array("I")
    for id_, terms in documents:
        ids.append(id_)
        sizes.append(len(terms))
        flat.extend(map(numbered.__getitem__, terms))
    owners = np.repeat(np.arange(len(ids), dtype=np.uint64), np.array(sizes, np.uint32))
    return counted(ids, held([(np.frombuffer(flat, np.uint64), owners)], numbered.longer()))


def counted(ids: Sequence[int], terms: Held) -> Postings:
    """The postings of passages with these ids, in memory; the owners of ``terms`` are their places among the ids."""
    below = np.uint64(OWNERS - 1)
    stood, longer = terms.stood.copy(), np.sort(terms.longer)
    late = np.flatnonzero(stood >= np.uint64(NUMBERED << OWNER_BITS))
    number = (stood[late] >> np.uint64(OWNER_BITS)) - np.uint64(NUMBERED)
    rank = np.searchsorted(longer, terms.longer).astype(np.uint64)
    stood[late] = rank[number] + np.uint64(NUMBERED) << np.uint64(OWNER_BITS) | stood[late] & below
    stood.sort()
    first = np.flatnonzero(np.diff(stood, prepend=~stood[:1]) != 0)
    posted = stood[first]
    numbers = posted >> np.uint64(OWNER_BITS)
    starts = np.flatnonzero(np.diff(numbers, prepend=~numbers[:1]) != 0)
    distinct = numbers[starts]
    return Postings(
        ids=np.array(ids, np.int64),
        lengths=np.bincount((stood & below).astype(np.int64), minlength=len(ids)).astype(np.uint32),
        terms=np.concatenate([distinct[: len(distinct) - len(longer)], longer]),
        starts=np.append(starts, len(posted)),
        places=(posted & below).astype(np.uint32),
        counts=np.minimum(np.diff(first, append=len(stood)), MOST_COUNTED).astype(np.uint8),
    )


def _sizes(part: Postings, mask: Mask) -> npt.NDArray[np.int64]:
    """How many kept passages hold each term."""
    if mask.all():
        return np.diff(part.starts)
    sizes = np.empty(len(part.terms), np.int64)
    for first, last in _blocks(part.starts):
        here = part.starts[first : last + 1]
        kept = np.concatenate([np.zeros(1, np.int64), np.cumsum(mask[part.places[here[0] : here[-1]]])])
        sizes[first:last] = np.diff(kept[here - here[0]])
    return sizes


def _blocks(starts: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Stretches of terms, each with ``BLOCK_POSTINGS`` or a single term's."""
    first, end = 0, len(starts) - 1
    while first < end:
        last = int(np.searchsorted(starts, starts[first] + BLOCK_POSTINGS, side="right")) - 1
        last = min(max(last, first + 1), end)
        yield first, last
        first = last


def _empty(folder: Path | None, name: str, count: int) -> npt.NDArray[Any]:
    kind = ARRAYS[name]
    if folder is None:
        return np.empty(count, kind)
    return new_array(folder / f"{name}.npy", kind, count)


def _mapped(path: Path, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        begin = file.tell()
    if dtype != kind or len(shape) != 1 or path.stat().st_size != begin + kind.itemsize * shape[0]:
        raise ValueError(f"{path.name} holds {dtype} {shape} in {path.stat().st_size} bytes, expected {kind} (n,)")
    if shape[0] == 0:  # an empty array can't be mapped
        return np.empty(0, kind)
    # As a plain array over the mapping: each slice of numpy's memmap class costs microseconds.
    array_: npt.NDArray[Any] = np.asarray(np.lib.format.open_memmap(path, mode="r"))
    return array_


assert [field.name for field in fields(Postings)] == list(ARRAYS)  # noqa: S101 (seen at import, not by users)
