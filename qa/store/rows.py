"""Rows that can prove themselves: the columns of each table, the hash over them, and ids made of what they name."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass

Value = str | int | bytes | None
"""What a column may hold."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows carry a ``row_hash`` of ``id`` and ``columns``."""

    name: str
    columns: tuple[str, ...]

    @property
    def select(self) -> str:
        """SQL for whole rows: id, columns in their order, row hash; a WHERE or ORDER BY may follow."""
        return f"SELECT id, {self._columns}, row_hash FROM {self.name}"  # noqa: S608  # names from this file only

    @property
    def insert(self) -> str:
        """SQL that takes id, columns in their order, row hash."""
        marks = ", ".join("?" * (len(self.columns) + 2))
        return f"INSERT INTO {self.name} (id, {self._columns}, row_hash) VALUES ({marks})"  # noqa: S608

    @property
    def _columns(self) -> str:
        return ", ".join(f'"{column}"' for column in self.columns)  # "end" is a word of SQL


FILES = Table(
    "files",
    (
        "name",
        "root",
        "sha256",
        "encoding",
        "encoding_note",
        "format",
        "headings",
        "chars",
        "structure",
        "parts",
        "indexed_at",
    ),
)
TEXTS = Table("texts", ("text",))
ARTICLES = Table("articles", ("file_id", "ordinal", "kicker", "headline", "subhead", "byline", "start", "end"))
SECTIONS = Table("sections", ("article_id", "ordinal", "heading", "start", "end", "kind"))
PASSAGES = Table("passages", ("section_id", "ordinal", "start", "end", "text", "pieces", "content"))
FURNITURE = Table("furniture", ("file_id", "ordinal", "start", "end", "kind"))
TABLES = (FILES, TEXTS, ARTICLES, SECTIONS, PASSAGES, FURNITURE)


def row_hash(store_id: str, table: str, *values: Value) -> bytes:
    """SHA-256 over a row: each value with its type and length, so that no two rows read alike.

    ``surrogateescape`` lets a text that is no longer UTF-8 be hashed as the bytes that it is, and so be found out.
    """
    digest = hashlib.sha256()
    for value in (store_id, table, *values):
        if isinstance(value, str):
            mark, data = b"s", value.encode("utf-8", "surrogateescape")
        elif isinstance(value, bytes):
            mark, data = b"b", value
        elif value is None:
            mark, data = b"n", b""
        else:
            mark, data = b"i", str(value).encode()
        digest.update(b"%s%d:" % (mark, len(data)))
        digest.update(data)
    return digest.digest()


def parts_hash(connection: sqlite3.Connection, file_id: int) -> bytes:
    """SHA-256 over the row hashes of a file's text, of its articles with all below them, and of its furniture."""

    def below(table: Table, parent: str, number: int) -> list[tuple[int, bytes]]:
        return connection.execute(
            f"SELECT id, row_hash FROM {table.name} WHERE {parent} = ? ORDER BY ordinal",  # noqa: S608
            (number,),
        ).fetchall()

    parts = hashlib.sha256()
    for (stored,) in connection.execute("SELECT row_hash FROM texts WHERE id = ?", (file_id,)):
        parts.update(stored)
    for article_id, article in below(ARTICLES, "file_id", file_id):
        parts.update(article)
        for section_id, section in below(SECTIONS, "article_id", article_id):
            parts.update(section)
            for _, passage in below(PASSAGES, "section_id", section_id):
                parts.update(passage)
    for _, furniture in below(FURNITURE, "file_id", file_id):
        parts.update(furniture)
    return parts.digest()


def stable_id(*parts: Value) -> int:
    """A number from 1 to 2⁵³ − 1 that the parts always give: the same content has the same ids on every machine.

    An id is never given to another text later, so an outdated index can only name what is there or what is gone, and a
    link to an article outlives indexing it again. 53 bits are what a browser's numbers hold; a million rows meet with a
    chance of 6 in 100,000, which the writer notices and steps over.
    """
    return int.from_bytes(row_hash("", "id", *parts)[:7], "big") % (2**53 - 1) + 1
