"""Keys: terms as whole numbers, so that those of many passages are sorted and counted in arrays.

A term of one character or two, as most are, has its code points for a key. A longer one has 63 bits of its hash; two of
a million of them meet with a chance of 5 in 100 million, and then blur one ranking a little.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

TermKeys = npt.NDArray[np.uint64]

CODE_BITS = 21
"""A code point is below 2²¹."""
LONGER = 1 << 63
"""Keys of longer terms are from here on."""
OWNER_BITS = 21
OWNERS = 1 << OWNER_BITS
"""Owners of terms are numbered below this."""
NUMBERED = 1 << 2 * CODE_BITS
"""Longer terms are counted through from here on while they are held: their keys leave no room for an owner."""


class Held(NamedTuple):
    """Which terms some passages hold, in no order, duplicates kept."""

    stood: TermKeys
    """Shape (terms,): a term's number, and below it, in ``OWNER_BITS``, its owner's."""
    longer: TermKeys
    """Keys of the longer terms, each once: the term numbered ``NUMBERED + i`` is the one of ``longer[i]``."""


class Numbers(dict[str, int]):
    """Numbers of terms, given as the terms are met: a short one's key, or the next of the longer ones."""

    def __init__(self, forms: Mapping[int, int] | None = None) -> None:
        """``forms``: characters to be taken for others, one for one, as ``str.translate`` takes them."""
        super().__init__()
        self._forms = forms or {}
        self._longer: dict[int, int] = {}

    def __missing__(self, term: str) -> int:
        key = term_key(term.translate(self._forms))
        number = key if key < LONGER else self._longer.setdefault(key, NUMBERED + len(self._longer))
        self[term] = number
        return number

    def longer(self) -> TermKeys:
        """As ``Held`` has them."""
        return np.fromiter(self._longer, np.uint64, len(self._longer))


def term_key(term: str) -> int:
    """64 bits that stand for the term, the same on every machine."""
    if 0 < len(term) <= 2:
        return ord(term[0]) | (ord(term[1]) + 1 << CODE_BITS if len(term) > 1 else 0)
    digest = hashlib.blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") | LONGER


def pair_keys(first: TermKeys, second: TermKeys) -> TermKeys:
    """``term_key`` of terms of two characters, by their code points. Of one character, it is the code point."""
    return (second + np.uint64(1)) << np.uint64(CODE_BITS) | first


def held(parts: Sequence[tuple[TermKeys, TermKeys]], longer: TermKeys) -> Held:
    """Terms by their numbers and owners, both shape (terms,)."""
    stood = np.empty(sum(len(numbers) for numbers, _ in parts), np.uint64)
    at = 0
    for numbers, owners in parts:
        part = stood[at : at + len(numbers)]
        np.left_shift(numbers, np.uint64(OWNER_BITS), out=part)
        part |= owners
        at += len(numbers)
    return Held(stood, longer)
