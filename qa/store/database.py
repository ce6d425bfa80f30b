"""The store's SQLite file and its one writer's lock."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from qa import sqlite
from qa.errors import StoreError
from qa.migrations import APPLICATION_ID, MIGRATIONS
from qa.sqlite import store_errors

NAME = "wenbao.db"
LOCK_NAME = "write.lock"
MIGRATION_WAIT_S = 30.0


def prepare(folder: Path) -> None:
    """The folder's store at the newest schema, under the writer lock while it changes: see `qa.sqlite.prepare`."""
    sqlite.prepare(folder / NAME, MIGRATIONS, APPLICATION_ID, lambda: write_lock(folder, MIGRATION_WAIT_S))


def readable_query(path: Path) -> str:
    """How to open the store without writing: see `qa.sqlite.readable_query`."""
    return sqlite.readable_query(path, MIGRATIONS, APPLICATION_ID)


def check_header(path: Path) -> None:
    """Nothing, when the store may be opened by this program: see `qa.sqlite.check_header`."""
    sqlite.check_header(path, len(MIGRATIONS))


@contextlib.contextmanager
def write_lock(folder: Path, wait_s: float = 0.0) -> Iterator[None]:
    """The folder's writer lock, held until the block ends or the process dies in whatever way.

    It is the operating system's lock on an open file: what a dead process left behind holds nobody up. The file tells
    the holder's process number, for people only.

    Raises:
        StoreError: WRITER_LOCKED when another holder doesn't let go within ``wait_s`` seconds; STORE_READ_ONLY.
    """
    path = folder / LOCK_NAME
    with store_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        deadline = time.monotonic() + wait_s
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise StoreError("WRITER_LOCKED", _locked_message(folder, descriptor))
            time.sleep(0.05)
        with store_errors(path):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # the lock is let go of in any case, the number is only a word to people
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _locked_message(folder: Path, descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    holder = os.read(descriptor, 20).decode("ascii", "replace")
    named = f"process {holder}" if holder.isdigit() else "another process"
    return f"{folder} is being written by {named}; wait until it is done, or stop it."


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        # A byte far behind the text: Windows forbids others to read what is locked.
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        os.lseek(descriptor, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
