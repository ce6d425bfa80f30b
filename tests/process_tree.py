"""For tests of processes: waiting for what they do, and finding their children."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path


def wait(done: Callable[[], bool], seconds: float = 60) -> None:
    """Returns when it is done; fails when that takes too long."""
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.02)


def children(parent: int) -> set[int]:
    """The numbers of a process' own children; only where there is /proc."""
    found = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]) == parent:
                found.add(int(entry.name))
    return found
