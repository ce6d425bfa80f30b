"""Tables of either kind, delimited text and sheets, seen alike: numbered rows of cells, with faults by cell or row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from qa.batch.reading.columns import Columns, columns_of, is_header, table_row
from qa.batch.reading.delimited import Record
from qa.batch.reading.merged import SheetRow
from qa.batch.values import Cell, Options, Row, cell_text
from qa.errors import InputError

TITLE_ROWS = 10
"""Rows at the top among which a header is looked for: above it may stand a title."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table. ``error`` stands for one that couldn't be split into cells at all."""

    number: int
    cells: Sequence[Cell] = ()
    faults: Mapping[int, InputError] = field(default_factory=dict)
    error: InputError | None = None

    @property
    def blank(self) -> bool:
        """Whether nothing stands in it."""
        return not self.error and not any(cell_text(cell).strip() for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Top:
    """What the first rows of a table say: its columns and the number of the last row that is no question."""

    columns: Columns
    header_row: int
    """0 without a header."""


def from_records(found: Iterator[Record]) -> Iterator[TableRow]:
    """Rows of delimited text."""
    for number, cells in found:
        yield TableRow(number, error=cells) if isinstance(cells, InputError) else TableRow(number, cells)


def from_sheet(found: Iterator[SheetRow]) -> Iterator[TableRow]:
    """Rows of a sheet."""
    for row in found:
        yield TableRow(row.number, row.cells, row.faults)


def top_of(place: str, rows: Iterator[TableRow], options: Options, *, strict: bool = True) -> Top | None:
    """The table's columns; None when nothing stands in it.

    The header is the first row with a question's name among its cells, or the first that isn't blank where the owner
    says that there is one.

    Raises:
        InputError: BATCH_NO_QUESTION_COLUMN, unless not ``strict``.
        UsageError: COLUMN_UNKNOWN.
    """
    first = [row for row in islice(rows, TITLE_ROWS) if not row.blank and not row.error]
    if not first:
        return None
    named = first[0]
    if options.header is None:
        named = next((row for row in first if is_header(row.cells)), first[0])
    wide = named.cells if named is not first[0] else max((row.cells for row in first), key=len)
    columns = columns_of(place, [*named.cells, *[None] * (len(wide) - len(named.cells))], options, strict=strict)
    if columns.header:  # names all columns that there are
        columns = columns_of(place, named.cells, options, strict=strict)
    return Top(columns, named.number if columns.header else 0)


def questions(rows: Iterator[TableRow], top: Top, *, exact_width: bool) -> Iterator[Row]:
    """The rows that follow the header. With ``exact_width`` a row of more or fewer cells than columns is an error."""
    width = len(top.columns.names)
    for row in rows:
        if row.number <= top.header_row:
            continue
        if row.error:
            yield Row(row.number, str(row.number), error=row.error)
            continue
        cells = list(row.cells)
        while len(cells) > width and not cell_text(cells[-1]).strip():
            cells.pop()
        if exact_width and not row.blank and (len(cells) > width or len(row.cells) < width):
            fault = InputError(
                "ROW_FIELD_COUNT",
                f"Line {row.number} has {len(row.cells)} cells, the table {width}; "
                "put cells that hold the delimiter in quotes.",
            )
            shown = table_row(row.number, cells, top.columns, {})
            yield Row(row.number, shown.id, shown.question, error=fault, cells=shown.cells)
            continue
        yield table_row(row.number, cells, top.columns, row.faults)
