"""The values of a batch: how a file is to be read, its rows, and what a run did. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Any, Protocol

from qa.answer import Question, Record
from qa.errors import InputError
from qa.filters import EVERYTHING, Filters

LINE_CHARS = 1 << 20
"""Longest line or table row, in characters: a longer one is refused without being held in memory."""

Cell = str | int | float | bool | date | datetime | time | None
"""What a table's cell holds; None when it is empty. Text files have text only."""
Value = Cell | list[Any] | dict[str, Any]
"""What a column of a row holds; JSON Lines may have lists and objects there."""

EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is to be read, where its owner says so; None is found out."""

    encoding: str | None = None
    delimiter: str | None = None
    """One character."""
    sheet: str | None = None
    header: bool | None = None
    """Whether a table's first row names its columns."""
    columns: Mapping[str, Sequence[str]] = field(default_factory=lambda: EMPTY)
    """By role (``qa.batch.reading.columns.ROLES``): the column's name, or its number from 1, or its letters."""
    fill_merged: bool = False
    """A merged cell's value counts for all rows that it spans."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the input, in its order.

    ``line`` is the line or the spreadsheet's row, from 1; ``id`` is the given one as the exact characters of the file,
    else the line number. A row that doesn't ask has an ``error``, or is blank. ``cells`` has every column of the row by
    name, as it stands in the file.
    """

    line: int
    id: str
    question: str = ""
    history: tuple[str, ...] = ()
    filters: Filters = EVERYTHING
    error: InputError | None = None
    blank: bool = False
    cells: Mapping[str, Value] = field(default_factory=lambda: EMPTY)

    @property
    def asks(self) -> bool:
        """Whether there is a question to answer."""
        return not (self.error or self.blank)


class Asker(Protocol):
    """The part of ``qa.bot.Bot`` that a batch needs."""

    def check(self, question: str) -> None:
        """QuestionError when it can't be asked."""

    def ask_many(self, questions: Sequence[Question]) -> list[Record]:
        """A record for each question."""


def cell_text(value: Value) -> str:
    """A cell as people write it: 42 rather than 42.0, dates as ISO 8601, an empty cell as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
