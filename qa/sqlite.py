"""SQLite files: opened, checked, brought to the newest schema; their errors told in our words.

The corpus (``qa.store``) and the small databases beside it (keys, talks, reviews, jobs) are all opened by these rules:
write-ahead log, every commit on the disk before it is acknowledged, numbered migrations that are only ever appended.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from qa.errors import StoreError

Migration = Callable[[sqlite3.Connection], None]
"""``migrations[n]`` brings a database from schema ``n`` to ``n + 1``, inside the one transaction of `migrate`."""

BUSY_S = 30.0
"""How long SQLite waits for a lock of its own; they are held only for moments."""

SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What Python's sqlite3 raises; the second when SQLite's own message quotes damaged bytes."""

_DISK_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_READ_ONLY_ERRNOS = {errno.EROFS, errno.EACCES, errno.EPERM}
_SIDE_FILE_CODES = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}


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
    code = result_code(error)
    if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
        return _disk_full(path, str(error))
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return read_only(path, str(error))
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StoreError("WRITER_LOCKED", f"{path} is held by another program ({error}); try again in a moment.")
    if code == sqlite3.SQLITE_CANTOPEN:
        return StoreError(
            "STORE_UNAVAILABLE", f"{path} can't be opened ({error}); check the data folder and its rights."
        )
    return corrupt(path, str(error))


def result_code(error: Exception) -> int:
    """SQLite's primary result code (https://sqlite.org/rescode.html); 0 when the error has none."""
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
    """The error for a file that is no sound database of ours."""
    return StoreError(
        "STORE_CORRUPT",
        f"{path} is no sound database of wenbao ({reason}); put a backup in its place, or move it away and make anew "
        "what it held (articles: `wenbao index`, keys: `wenbao keys`).",
    )


# What is called while rubbish is collected, anywhere, can't be wrapped as `make mutants` wraps what it changes.
class _Connection(sqlite3.Connection):  # pragma: no mutate class
    """One that is counted as long as it is open."""

    file: str | None = None

    def close(self) -> None:
        super().close()
        self._uncount()

    def __del__(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self.close()

    def _uncount(self) -> None:
        file, self.file = self.file, None
        if file is not None:
            with _FILES:
                _OPEN[file] -= 1
                if not _OPEN[file]:
                    del _OPEN[file]


_FILES = threading.RLock()
"""Held while a database's file is opened past SQLite, and when a connection is counted."""
_OPEN: Counter[str] = Counter()
"""Connections that this process has to each file."""


@contextlib.contextmanager
def _past_sqlite(path: Path) -> Iterator[bool]:
    """Whether the file may be opened past SQLite in this block: not while this process has connections to it.

    A process's locks on a file go with the first descriptor of it that the process closes. Without them, another
    process takes itself for the only one, and the journal away: both then write, each into one of its own, until the
    database is malformed (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    with _FILES:
        yield not _OPEN[os.path.realpath(path)]


def connect(path: Path, query: str) -> sqlite3.Connection:
    """A connection by SQLite's ``file:…?query``, without implicit transactions, for any one thread at a time."""
    file = os.path.realpath(path)
    with _FILES:
        _OPEN[file] += 1
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?{query}",
            uri=True,
            timeout=BUSY_S,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
        )
    except BaseException:
        with _FILES:
            _OPEN[file] -= 1
        raise
    connection.file = file
    # Damaged text must reach the row's hash instead of ending a whole query with an error.
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    try:
        for pragma in ("foreign_keys = ON", "synchronous = FULL", "trusted_schema = OFF", "cell_size_check = ON"):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def open_database(path: Path, migrations: Sequence[Migration], application_id: int) -> sqlite3.Connection:
    """A connection to a small database of the data folder, made when there is none, for any one thread at a time.

    Only the owner of the process may read the file: it holds keys, or what people asked. Changes go into
    `transaction`. Where nothing can be written, what is there is opened for reading, and an absent database is an empty
    one in memory: a corpus on a read-only medium can still be served.

    Raises:
        StoreError: STORE_CORRUPT and STORE_TOO_NEW, both without a byte changed; STORE_READ_ONLY (an older schema on a
            read-only medium), STORE_UNAVAILABLE, DISK_FULL, WRITER_LOCKED.
    """
    with store_errors(path):
        if not path.parent.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            if path.exists():
                return connect(path, readable_query(path, migrations, application_id))
            connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            migrate(connection, migrations, application_id)
            return connection
        with _past_sqlite(path) as alone:
            if alone:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    prepare(path, migrations, application_id)
    with store_errors(path):
        return connect(path, "mode=rw")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """All or nothing of what is done in the block, on the disk when it ends; one within another belongs to the outer.

    Raises:
        StoreError: DISK_FULL, STORE_READ_ONLY and their kin; then nothing of the block has happened. A broken
            constraint stays SQLite's IntegrityError, for the block's owner to word.
    """
    inside = connection.in_transaction
    if inside:
        yield
        return
    with store_errors(path):
        connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException as error:
        if connection.in_transaction:  # a full disk makes SQLite roll back by itself
            connection.execute("ROLLBACK")
        if isinstance(error, sqlite3.OperationalError):
            raise from_sqlite(error, path) from error
        raise


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration], application_id: int) -> None:
    """The connection's database at the newest schema, in one transaction; nothing changes when any step fails."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in migrations[version(connection) :]:  # another process may have been faster
            step(connection)
        connection.execute(f"PRAGMA application_id = {application_id}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def prepare(
    path: Path,
    migrations: Sequence[Migration],
    application_id: int,
    alone: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
) -> None:
    """The database at the newest schema: made when there is none, backed up and migrated when it is older.

    ``alone`` is held while the schema changes. After a crash SQLite replays its journal (``-wal``) on opening without
    asking whose it is; then the file's structure is checked as well.

    Raises:
        StoreError: STORE_TOO_NEW and STORE_CORRUPT, both without a byte changed; WRITER_LOCKED, DISK_FULL.
    """
    newest = len(migrations)
    check_header(path, newest)
    journal = _journal(path)
    with store_errors(path), contextlib.closing(connect(path, "mode=rwc")) as connection:
        _check_version(connection, path, newest, application_id)
        if version(connection) < newest:
            with alone():
                found = version(connection)
                if 0 < found < newest:
                    backup(connection, path.with_name(f"{path.name}.schema-{found}.bak"))
                if found < newest:
                    connection.execute("PRAGMA journal_mode = WAL")
                    migrate(connection, migrations, application_id)
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        elif journal:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if answer != "ok":
                raise corrupt(path, answer)


def readable_query(path: Path, migrations: Sequence[Migration], application_id: int) -> str:
    """How to open the file without writing: ``mode=ro``, or `IMMUTABLE` where SQLite can't keep its side files.

    Raises:
        StoreError: STORE_READ_ONLY when a journal was left that can't be replayed there or when the schema is older;
            STORE_TOO_NEW, STORE_CORRUPT, STORE_UNAVAILABLE.
    """
    newest = len(migrations)
    check_header(path, newest)
    try:
        _probe(path, "mode=ro", newest, application_id)
    except SQLITE_ERRORS as error:
        if result_code(error) not in _SIDE_FILE_CODES:
            raise from_sqlite(error, path) from error
        if _journal(path):
            raise read_only(path, "a journal lies beside it; open it once where it can be written") from error
    else:
        return "mode=ro"
    with store_errors(path):
        _probe(path, IMMUTABLE, newest, application_id)
    return IMMUTABLE


IMMUTABLE = "mode=ro&immutable=1"
"""Reads without side files what nobody else can write."""


def _probe(path: Path, query: str, newest: int, application_id: int) -> None:
    with contextlib.closing(connect(path, query)) as connection:
        _check_version(connection, path, newest, application_id)
        found = version(connection)
    if found < newest:
        raise read_only(path, f"it has schema {found} and must be brought to {newest} first")


def check_header(path: Path, newest: int) -> None:
    """Nothing, when the file is absent, empty or a database of a schema up to ``newest``.

    Told from the first bytes alone, since SQLite itself may write when it opens.

    Raises:
        StoreError: STORE_CORRUPT when it is no SQLite file; STORE_TOO_NEW.
    """
    with store_errors(path), _past_sqlite(path) as alone:
        if not path.exists():
            return
        if not alone:  # it is a database of ours, or was one when this process opened it
            try:
                with contextlib.closing(connect(path, "mode=ro")) as connection:
                    found = version(connection)
            except SQLITE_ERRORS as error:
                if result_code(error) in _SIDE_FILE_CODES:  # on a read-only medium; it was looked at when it was opened
                    return
                raise
            if found > newest:
                raise _too_new(path, found, newest)
            return
        with path.open("rb") as file:
            start = file.read(100)
    if start and not start.startswith(b"SQLite format 3\0"):
        raise corrupt(path, "not an SQLite file")
    found = int.from_bytes(start[60:64], "big")  # https://sqlite.org/fileformat.html, the database header
    if found > newest:
        raise _too_new(path, found, newest)


def _check_version(connection: sqlite3.Connection, path: Path, newest: int, application_id: int) -> None:
    # In one transaction: between two, another process may make the tables, and this one would see them at schema 0.
    connection.execute("BEGIN")
    try:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        found = version(connection)
    finally:
        connection.execute("ROLLBACK")
    if found > newest:
        raise _too_new(path, found, newest)
    if tables and application != application_id:
        raise corrupt(path, "the database of another program")
    if (found == 0 and tables) or (found > 0 and not tables):
        raise corrupt(path, f"{tables} tables at schema {found}")


def version(connection: sqlite3.Connection) -> int:
    """The schema that the database has; 0 when it is empty."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def _too_new(path: Path, found: int, newest: int) -> StoreError:
    return StoreError(
        "STORE_TOO_NEW",
        f"{path} has schema {found}, this wenbao knows up to {newest}; update wenbao, nothing was changed.",
    )


def _journal(path: Path) -> bool:
    """Whether a journal was left that holds anything."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except (FileNotFoundError, NotADirectoryError):  # none, or another process has just taken it away
        return False


def backup(connection: sqlite3.Connection, target: Path) -> None:
    """A copy of the connection's database as it is at this moment, whole or not at all, even while others write."""
    part = target.with_name(f"{target.name}.tmp")
    with store_errors(target):
        part.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(part)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, readable on a read-only medium
        part.with_name(f"{part.name}-journal").unlink(missing_ok=True)  # SQLite lets it lie when it can't
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
