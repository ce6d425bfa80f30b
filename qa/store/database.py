"""The SQLite file itself: opened, checked, brought to the newest schema, locked; its errors told in our words."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from qa.errors import StoreError
from qa.migrations import APPLICATION_ID, MIGRATIONS, migrate

NAME = "wenbao.db"
LOCK_NAME = "write.lock"
BUSY_S = 30.0
"""How long SQLite waits for a lock of its own; held only for moments, since our lock keeps writers apart."""
MIGRATION_WAIT_S = 30.0

SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What Python's sqlite3 raises; the second when SQLite's own message quotes damaged bytes."""

_DISK_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_READ_ONLY_ERRNOS = {errno.EROFS, errno.EACCES, errno.EPERM}


@contextlib.contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """SQLite's and the file system's errors as StoreError, naming ``path``.

    DISK_FULL is also said of an I/O error: SQLite reports a full disk as either.
    """
    try:
        yield
    except SQLITE_ERRORS as error:
        raise from_sqlite(error, path) from error
    except OSError as error:
        raise _from_system(error, path) from error


def _from_system(error: OSError, path: Path) -> StoreError:
    reason = error.strerror or str(error)
    if error.errno in _DISK_ERRNOS:
        return _disk_full(path, reason)
    if error.errno in _READ_ONLY_ERRNOS:
        return read_only(path, reason)
    return StoreError("STORE_UNAVAILABLE", f"{path} can't be used ({reason}); check that the data folder is reachable.")


def from_sqlite(error: Exception, path: Path) -> StoreError:
    """SQLite's error in our words."""
    primary = _primary(error)
    if primary in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
        return _disk_full(path, str(error))
    if primary in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return read_only(path, str(error))
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StoreError("WRITER_LOCKED", f"{path} is held by another program ({error}); try again in a moment.")
    if primary == sqlite3.SQLITE_CANTOPEN:
        return StoreError(
            "STORE_UNAVAILABLE", f"{path} can't be opened ({error}); check the data folder and its rights."
        )
    return corrupt(path, str(error))


def _primary(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _disk_full(path: Path, reason: str) -> StoreError:
    return StoreError(
        "DISK_FULL",
        f"{path} can't be written ({reason}): the disk is full or failing; what was acknowledged is kept, make room "
        "and run the command again.",
    )


def read_only(path: Path, reason: str) -> StoreError:
    """The error for a write where none is possible."""
    return StoreError(
        "STORE_READ_ONLY", f"{path} can't be written ({reason}); use a data folder that may be written (--data)."
    )


def corrupt(path: Path, reason: str) -> StoreError:
    """The error for a file that is no sound store."""
    return StoreError(
        "STORE_CORRUPT",
        f"{path} is no sound store ({reason}); put a backup in its place, or move it away and index the articles "
        "again.",
    )


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


def connect(path: Path, query: str) -> sqlite3.Connection:
    """A connection by SQLite's ``file:…?query``, without implicit transactions, for any one thread at a time."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}", uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    # Damaged text must reach the row's hash instead of ending a whole query with an error.
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    try:
        for pragma in ("foreign_keys = ON", "synchronous = FULL", "trusted_schema = OFF", "cell_size_check = ON"):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(folder: Path) -> None:
    """The folder's store at the newest schema: made when there is none, backed up and migrated when it is older.

    After a crash SQLite replays its journal (``-wal``) on opening without asking whose it is; then the file's structure
    is checked as well.

    Raises:
        StoreError: STORE_TOO_NEW and STORE_CORRUPT, both without a byte changed; WRITER_LOCKED, DISK_FULL.
    """
    path = folder / NAME
    check_header(path)
    journal = _journal(path)
    with store_errors(path), contextlib.closing(connect(path, "mode=rwc")) as connection:
        _check_version(connection, path)
        if _version(connection) < len(MIGRATIONS):
            with write_lock(folder, MIGRATION_WAIT_S):
                version = _version(connection)  # another process may have been faster
                if 0 < version < len(MIGRATIONS):
                    backup(connection, path.with_name(f"{NAME}.schema-{version}.bak"))
                if version < len(MIGRATIONS):
                    connection.execute("PRAGMA journal_mode = WAL")
                    migrate(connection, version)
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        elif journal:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if answer != "ok":
                raise corrupt(path, answer)


def readable_query(path: Path) -> str:
    """How to open the store without writing: ``mode=ro``, or ``immutable=1`` where SQLite can't keep its side files.

    Raises:
        StoreError: STORE_READ_ONLY when a journal was left that can't be replayed there or when the schema is older;
            STORE_TOO_NEW, STORE_CORRUPT, STORE_UNAVAILABLE.
    """
    check_header(path)
    try:
        _probe(path, "mode=ro")
    except SQLITE_ERRORS as error:
        if _primary(error) not in _SIDE_FILE_CODES:
            raise from_sqlite(error, path) from error
        if _journal(path):
            raise read_only(path, "a journal lies beside it; open it once where it can be written") from error
    else:
        return "mode=ro"
    with store_errors(path):
        _probe(path, "immutable=1")
    return "immutable=1"


_SIDE_FILE_CODES = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}


def _probe(path: Path, query: str) -> None:
    with contextlib.closing(connect(path, query)) as connection:
        _check_version(connection, path)
        version = _version(connection)
    if version < len(MIGRATIONS):
        raise read_only(path, f"it has schema {version} and must be brought to {len(MIGRATIONS)} first")


def check_header(path: Path) -> None:
    """Nothing, when the file is absent, empty or a database that this program may open.

    Told from the first bytes alone, since SQLite itself may write when it opens.

    Raises:
        StoreError: STORE_CORRUPT when it is no SQLite file; STORE_TOO_NEW.
    """
    with store_errors(path):
        if not path.exists():
            return
        with path.open("rb") as file:
            start = file.read(100)
    if start and not start.startswith(b"SQLite format 3\0"):
        raise corrupt(path, "not an SQLite file")
    if int.from_bytes(start[60:64], "big") > len(MIGRATIONS):  # https://sqlite.org/fileformat.html, the database header
        raise _too_new(path, int.from_bytes(start[60:64], "big"))


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise _too_new(path, version)
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and application != APPLICATION_ID:
        raise corrupt(path, "the database of another program")
    if (version == 0 and tables) or (version > 0 and not tables):
        raise corrupt(path, f"{tables} tables at schema {version}")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _too_new(path: Path, version: int) -> StoreError:
    return StoreError(
        "STORE_TOO_NEW",
        f"{path} has schema {version}, this wenbao knows up to {len(MIGRATIONS)}; update wenbao, nothing was changed.",
    )


def _journal(path: Path) -> bool:
    """Whether a journal was left that holds anything."""
    journal = path.with_name(f"{path.name}-wal")
    return journal.exists() and journal.stat().st_size > 0


def backup(connection: sqlite3.Connection, target: Path) -> None:
    """A copy of the connection's database as it is at this moment, whole or not at all, even while others write."""
    part = target.with_name(f"{target.name}.tmp")
    with store_errors(target):
        part.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(part)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, readable on a read-only medium
        sync(part)
        part.replace(target)
        sync(target.parent)


def sync(path: Path) -> None:
    """The file's or folder's content is on the disk. Windows can't sync a folder, and needs no such call."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
