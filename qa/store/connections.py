"""SQLite connections that threads share: each reading call has one of its own, and sees one state of the store."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from qa.errors import StoreError
from qa.sqlite import SQLITE_ERRORS, connect, from_sqlite

_LOG = logging.getLogger(__name__)


class Connections:
    """Connections to the database at ``path``, opened as they are needed, with the URI's ``query``."""

    def __init__(self, path: Path, query: str) -> None:
        self._path = path
        self._query = query
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._pinned = threading.local()

    def close(self) -> None:
        """Lets the file go; calls that are under way in other threads end first."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection within a transaction, or the one that this thread has pinned.

        One that an error went by is closed, not shared again: a statement may still be open in a frame that the error
        keeps, and would keep the connection at its state.

        Raises:
            StoreError: STORE_CLOSED; what SQLite says, in our words.
        """
        pinned: sqlite3.Connection | None = getattr(self._pinned, "connection", None)
        try:
            if pinned is not None:
                try:
                    yield pinned
                except BaseException:
                    self._pinned.spoilt = True
                    raise
                return
            connection = self._take()
            self._pinned.spoilt = False
            try:
                connection.execute("BEGIN")
                yield connection
            except BaseException:
                connection.close()
                raise
            if self._pinned.spoilt:
                connection.close()
            else:
                self._give(connection)
        except SQLITE_ERRORS as error:
            raise from_sqlite(error, self._path) from error

    @contextlib.contextmanager
    def pin(self, connection: sqlite3.Connection) -> Iterator[None]:
        """Within the block, this thread reads by the connection, and so sees its state."""
        outer = getattr(self._pinned, "connection", None)
        self._pinned.connection = connection
        try:
            yield
        finally:
            self._pinned.connection = outer

    def checkpoint(self, connection: sqlite3.Connection) -> None:
        """Moves the journal into the file, so that at rest the store is one file. A reader may put that off."""
        try:
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except SQLITE_ERRORS as error:
            # Everything is committed, in the journal; the next writer tries again.
            _LOG.warning("%s: the journal stays for now (%s).", self._path, error)

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise StoreError("STORE_CLOSED", f"{self._path} was closed; open it again.")
            if self._idle:
                return self._idle.pop()
        connection = connect(self._path, self._query)
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _give(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()
