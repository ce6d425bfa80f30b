"""Arrays that are mapped from files: how their memory is let go of."""

from __future__ import annotations

import mmap
from typing import Any

import numpy.typing as npt

KEPT_BYTES = 1 << 26
"""Mapped arrays up to 64 MiB stay in memory once they have been read."""


def release(*arrays: npt.NDArray[Any]) -> None:
    """Takes the pages of large mapped arrays out of this process; they stay in the system's cache as long as it likes.

    A page that is read again costs about a microsecond for each 64 KiB. Does nothing to arrays in memory, and
    nothing where the system has no such call.
    """
    for array in arrays:
        mapped: Any = array.base
        if array.nbytes > KEPT_BYTES and isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)
