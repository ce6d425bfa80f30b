"""Rows that can prove themselves: the columns of each table under its hash, and ids made of what rows name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from qa.row_hash import Value, row_hash


@dataclass(frozen=True)
class Table:
    """A table whose rows carry a ``row_hash`` of ``id`` and ``columns``."""

    name: str
    columns: tuple[str, ...]

    @cached_property
    def select(self) -> str:
        """SQL for whole rows: id, columns in their order, row hash; a WHERE or ORDER BY may follow."""
        return f"SELECT id, {self._columns}, row_hash FROM {self.name}"  # noqa: S608  # names from this file only

    @cached_property
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
_HEADER = ("kicker", "headline", "subhead", "byline")
ARTICLES = Table("articles", ("file_id", "ordinal", *_HEADER, "start", "end", "date", "date_source"))
SECTIONS = Table("sections", ("article_id", "ordinal", "heading", "start", "end", "kind"))
PASSAGES = Table("passages", ("section_id", "ordinal", "start", "end", "text", "pieces", "content"))
FURNITURE = Table("furniture", ("file_id", "ordinal", "start", "end", "kind"))
TABLES = (FILES, TEXTS, ARTICLES, SECTIONS, PASSAGES, FURNITURE)


def stable_id(*parts: Value) -> int:
    """A number from 1 to 2⁵³ − 1 that the parts always give: the same content has the same ids on every machine.

    An id is never given to another text later, so an outdated index can only name what is there or what is gone, and a
    link to an article outlives indexing it again. 53 bits are what a browser's numbers hold; a million rows meet with a
    chance of 6 in 100,000, which the writer notices and steps over.
    """
    return int.from_bytes(row_hash("", "id", *parts)[:7], "big") % (2**53 - 1) + 1
