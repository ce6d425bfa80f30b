"""Rows as they are read: each proves by its hash that it is what was written, or is a fault that is told once."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from qa.errors import StoreError
from qa.reading import shown_name
from qa.row_hash import parts_hash, row_hash
from qa.store.rows import FILES, TEXTS, Table
from qa.store.values import StoredFile

_LOG = logging.getLogger(__name__)
_BATCH = 500
"""Ids asked for at once; SQLite allows 32,766 variables, fewer keep the statements short."""
_PARTS = 1 + FILES.columns.index("parts")
_PLACES = {
    "files": "SELECT name, NULL FROM files WHERE id = ?",
    "texts": "SELECT name, NULL FROM files WHERE id = ?",
    "furniture": "SELECT f.name, NULL FROM furniture u JOIN files f ON f.id = u.file_id WHERE u.id = ?",
    "articles": "SELECT f.name, a.headline FROM articles a LEFT JOIN files f ON f.id = a.file_id WHERE a.id = ?",
    "sections": "SELECT f.name, a.headline FROM sections s JOIN articles a ON a.id = s.article_id"
    " LEFT JOIN files f ON f.id = a.file_id WHERE s.id = ?",
    "passages": "SELECT f.name, a.headline FROM passages p JOIN sections s ON s.id = p.section_id"
    " JOIN articles a ON a.id = s.article_id LEFT JOIN files f ON f.id = a.file_id WHERE p.id = ?",
}

Row = tuple[Any, ...]
"""id and columns of a table, in their order; the row hash is checked and left out."""


class ProvenRows:
    """The rows of the store with this id.

    Where many are asked for, damaged ones are left out and kept in ``faults``; where one is, or ``strict``, they raise
    StoreError ROW_CORRUPT.
    """

    def __init__(self, store_id: str) -> None:
        self._store_id = store_id
        self._faults: dict[tuple[str, int], StoreError] = {}
        self._lock = threading.Lock()

    @property
    def faults(self) -> tuple[StoreError, ...]:
        """The damaged rows met so far, each once."""
        with self._lock:
            return tuple(self._faults.values())

    def rows(
        self, connection: sqlite3.Connection, table: Table, where: str, *values: object, strict: bool = False
    ) -> Iterator[Row]:
        """The table's rows; ``where`` is SQL that may also order them, ``values`` are its variables."""
        found = connection.execute(f"{table.select} {where}", values)
        # Whoever keeps an error keeps the frames that it went through, and a statement that is still open in one of
        # them keeps the connection at the state that it reads: where rows may raise, none is left open.
        for number, *columns, stored in found.fetchall() if strict else found:
            if stored == row_hash(self._store_id, table.name, number, *columns):
                yield (number, *columns)
            elif strict:
                raise self.fault(connection, table, number)
            else:
                self.fault(connection, table, number)

    def parts(
        self, connection: sqlite3.Connection, table: Table, parent: str, number: int, *, strict: bool = False
    ) -> Iterator[Row]:
        """The rows whose column ``parent`` holds the number, in their order."""
        return self.rows(connection, table, f"WHERE {parent} = ? ORDER BY ordinal", number, strict=strict)

    def one(self, connection: sqlite3.Connection, table: Table, where: str, *values: object) -> Row | None:
        """The first such row; None where there is none."""
        return next(self.rows(connection, table, where, *values, strict=True), None)

    def by_id(self, connection: sqlite3.Connection, table: Table, ids: Iterable[int]) -> dict[int, Row]:
        """The rows of these ids; those that are gone or damaged are absent."""
        rows: dict[int, Row] = {}
        wanted = iter(dict.fromkeys(ids))
        while batch := list(islice(wanted, _BATCH)):
            marks = ", ".join("?" * len(batch))
            rows |= {row[0]: row for row in self.rows(connection, table, f"WHERE id IN ({marks})", *batch)}
        return rows

    def text(self, connection: sqlite3.Connection, file: StoredFile) -> str:
        """The file's text, whole."""
        row = self.one(connection, TEXTS, "WHERE id = ?", file.id)
        if row is None or len(row[1]) != file.chars:
            raise self.fault(connection, TEXTS, file.id)
        return str(row[1])

    def damaged(self, connection: sqlite3.Connection, table: Table) -> list[int]:
        """Ids of the table's rows whose hash isn't theirs."""
        return [
            number
            for number, *values, stored in connection.execute(table.select)
            if stored != row_hash(self._store_id, table.name, number, *values)
        ]

    def incomplete(self, connection: sqlite3.Connection) -> list[str]:
        """Names of the files that have other parts than they were stored with."""
        return [
            row[1]
            for row in self.rows(connection, FILES, "ORDER BY name")
            if parts_hash(connection, row[0]) != row[_PARTS]
        ]

    def fault(self, connection: sqlite3.Connection, table: Table, number: int) -> StoreError:
        """The error for a damaged row, logged at its first time. Its place is read without trust, for people."""
        place = connection.execute(_PLACES[table.name], (number,)).fetchone() or (None, None)
        file, headline = (shown_name(str(part)) if part else None for part in place)
        where = f"{file or 'an unknown file'}{f', {headline!r}' if headline else ''}"
        fault = StoreError(
            "ROW_CORRUPT",
            f"{where}: a row of it was damaged on the disk ({table.name} {number}) and isn't shown; "
            "run `wenbao doctor --repair`.",
        )
        self.remember((table.name, number), fault)
        return fault

    def remember(self, key: tuple[str, int], fault: StoreError) -> None:
        """Keeps the fault of a table's row."""
        with self._lock:
            new = key not in self._faults
            self._faults.setdefault(key, StoreError(fault.code, fault.message))  # not the one that is raised
        if new:
            _LOG.error("%s %s", fault.code, fault.message)
