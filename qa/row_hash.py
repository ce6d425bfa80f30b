"""The hashes by which the store's rows prove themselves, as docs/store.md describes them on the disk."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from functools import lru_cache

Value = str | int | bytes | None
"""What a column may hold."""


def row_hash(store_id: str, table: str, *values: Value) -> bytes:
    """SHA-256 over a row: each value with its type and length, so that no two rows read alike.

    ``surrogateescape`` lets a text that is no longer UTF-8 be hashed as the bytes that it is, and so be found out.
    """
    parts = [_of_table(store_id, table)]  # hashed at once: a call of hashlib costs more than a row's bytes
    for value in values:
        if isinstance(value, str):
            data = value.encode("utf-8", "surrogateescape")
            parts += (b"s%d:" % len(data), data)
        elif isinstance(value, bytes):
            parts += (b"b%d:" % len(value), value)
        elif value is None:
            parts.append(b"n0:")
        else:  # a whole number, or what damage made of one
            data = str(value).encode()
            parts.append(b"i%d:%b" % (len(data), data))
    return hashlib.sha256(b"".join(parts)).digest()


@lru_cache(maxsize=64)
def _of_table(store_id: str, table: str) -> bytes:
    return b"".join(b"s%d:%b" % (len(data), data) for data in (store_id.encode(), table.encode()))


def parts_hash(connection: sqlite3.Connection, file_id: int) -> bytes:
    """SHA-256 over the row hashes of a file's text, articles with their sections and passages, and furniture."""

    def hashes(table: str, parent: str, number: int) -> list[tuple[int, bytes]]:
        select = f"SELECT id, row_hash FROM {table} WHERE {parent} = ? ORDER BY ordinal"  # noqa: S608 (names from here)
        return connection.execute(select, (number,)).fetchall()

    digest = hashlib.sha256()
    for (text,) in connection.execute("SELECT row_hash FROM texts WHERE id = ?", (file_id,)):
        digest.update(text)
    for article_id, article in hashes("articles", "file_id", file_id):
        digest.update(article)
        for section_id, section in hashes("sections", "article_id", article_id):
            digest.update(section)
            for _, passage in hashes("passages", "section_id", section_id):
                digest.update(passage)
    for _, furniture in hashes("furniture", "file_id", file_id):
        digest.update(furniture)
    return digest.digest()


def log_change(connection: sqlite3.Connection, store_id: str, kind: str, file: str | None) -> None:
    """Appends a line to the log of changes: with a mark that no other history has, and a hash of what it says."""
    mark, now = secrets.token_bytes(16), int(time.time())
    connection.execute(
        "INSERT INTO changes (time, kind, file, mark, row_hash) VALUES (?, ?, ?, ?, ?)",
        (now, kind, file, mark, change_hash(store_id, now, kind, file, mark)),
    )


def change_hash(store_id: str, time_s: Value, kind: Value, file: Value, mark: Value) -> bytes:
    """The hash of a line of the log of changes. Its number isn't under it: SQLite gives that, without gaps."""
    return row_hash(store_id, "changes", time_s, kind, file, mark)
