"""Arrays that are mapped from ``.npy`` files: how they are written so that a full disk is told, and let go of.

Memory that was freed is let go of here too.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np
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
        if isinstance(mapped, np.memmap):  # the array is a view of it
            mapped = mapped.base
        if array.nbytes > KEPT_BYTES and isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)


def trim() -> None:
    """Gives the system back what was freed, which glibc keeps for later: after 7,000 passages were indexed, 43 MiB.

    Does nothing where the C library has no such call.
    """
    if sys.platform == "linux":
        call = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if call is not None:
            call(0)


def save_array(file: BinaryIO, array: npt.NDArray[Any]) -> None:
    """Writes the array as ``.npy``.

    Given a file, ``numpy.save`` writes past Python with a buffer of C's, and doesn't see when the last of it found no
    room; given anything else that can be written to, it writes the same bytes through that.

    Raises:
        OSError: when there is no room, or the disk fails.
    """
    np.save(SimpleNamespace(write=file.write), array, allow_pickle=False)


def new_array(path: Path, kind: npt.DTypeLike, count: int) -> npt.NDArray[Any]:
    """An array of ``count`` zeros mapped to a new ``.npy`` file, for which there is room on the disk.

    Without that, the first write to a page that finds none would end the process with SIGBUS.

    Raises:
        OSError: when there is no room, or the disk fails.
    """
    if not count:  # an empty array can't be mapped
        with path.open("wb") as file:
            save_array(file, np.empty(0, kind))
        return np.empty(0, kind)
    array: npt.NDArray[Any] = np.lib.format.open_memmap(path, "w+", np.dtype(kind), (count,))
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
    return array
