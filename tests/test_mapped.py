"""Memory is let go of: what was freed goes back to the system."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import pytest

from embeddings.mapped import trim

CHUNK, CHUNKS = 100_000, 600
"""Bytes: too few to be mapped on their own, so that the C library keeps them when they are freed."""


def _resident_kb() -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1])


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps freed memory so")
def test_what_was_freed_is_given_back() -> None:
    chunks = [bytes([1]) * CHUNK for _ in range(CHUNKS)]
    last = chunks[-1]  # at the end of the heap, so that it can't shrink by itself
    chunks.clear()
    before = _resident_kb()
    trim()
    assert before - _resident_kb() > CHUNK * CHUNKS / 1024 / 2
    assert len(last) == CHUNK
