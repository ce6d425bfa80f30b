"""csv and tsv → numbered rows of cells (RFC 4180), with the delimiter found out and faults told by the row.

Python's own csv module splits records; what it lacks is added around it: a record can't grow without bound, a quote
that never closes is told with the line where it opens, and undecodable lines are errors of their own rows.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from qa.batch.reading.columns import is_header
from qa.batch.reading.text import Line
from qa.batch.values import LINE_CHARS
from qa.errors import InputError

DELIMITERS = ",\t;|"
RECORD_LINES = 1000
"""A cell of more lines is no cell, but a quote that was never meant to open one."""
SAMPLE_RECORDS = 50
"""Records that are looked at to find the delimiter."""
NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
Record = tuple[int, list[str] | InputError]

_NO_DELIMITER = "\x1f"
"""Parts a table of one column whose questions hold commas: what ASCII has for parting units, and nobody types."""
_SEP_LINE = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
_NEUTRALISED = re.compile("^'+[=+\\-@\t\r\0＝＋－＠]")

# A cell may be as long as a line may be: that it is too long for a question is said by the row.
csv.field_size_limit(LINE_CHARS + 1)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file's cells are told apart."""

    delimiter: str
    sep_line: bool
    """Whether the first line is Excel's ``sep=;``, which says the delimiter and is no row."""
    certain: bool
    """False when the table seems to have one column, though its lines hold other delimiters."""


class _CutError(Exception):
    """A record that can't be finished; ``error`` says why."""

    def __init__(self, error: InputError, *, stop: bool) -> None:
        super().__init__(error.message)
        self.error = error
        self.stop = stop


def records(numbered: Iterator[Line], dialect: Dialect) -> Iterator[Record]:
    """Each record with the number of the line where it begins.

    After a quote that never closes nothing can be told apart any more: its error is the last record.
    """
    feed = _Feed(numbered)
    if dialect.sep_line:
        next(feed)
    reader = csv.reader(feed, delimiter=dialect.delimiter, strict=False)
    while True:
        feed.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _CutError as cut:
            yield feed.start, cut.error
            if cut.stop:
                return
            continue
        except csv.Error as error:
            yield feed.start, InputError("ROW_FIELD_COUNT", f"Line {feed.start} can't be split into cells: {error}.")
            continue
        if feed.ended:  # the record wanted another line
            yield feed.start, _unterminated(feed.start, feed.read - feed.start)
            return
        yield feed.start, [_original(cell) for cell in cells]


class _Feed:
    """The lines as ``csv.reader`` takes them, counted; stops a record that is too long."""

    def __init__(self, numbered: Iterator[Line]) -> None:
        self._lines = numbered
        self.start = 0
        self.read = 0
        self._chars = 0
        self.ended = False

    def begin(self) -> None:
        """A new record begins."""
        self.start, self._chars = self.read + 1, 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            number, line = next(self._lines)
        except StopIteration:
            self.ended = True
            raise
        inside = self._chars > 0
        self.read = number
        if isinstance(line, InputError):
            raise _CutError(line, stop=False)
        self._chars += len(line)
        if inside and (self._chars > LINE_CHARS or number - self.start >= RECORD_LINES):
            unread = sum(1 for _ in self._lines)
            raise _CutError(_unterminated(self.start, number + unread - self.start), stop=True)
        return line


def _unterminated(line: int, unread: int) -> InputError:
    lines = f"{unread} lines after it weren't" if unread > 1 else "the line after it wasn't"
    rest = f"; {lines} read" if unread > 0 else ""
    message = f"Line {line} opens a quote that never closes{rest}; close or double it."
    return InputError("ROW_UNTERMINATED_QUOTE", message)


def _original(cell: str) -> str:
    """The cell without the apostrophe that keeps spreadsheets from running it (``qa.batch.writing.neutral``)."""
    return cell[1:] if cell.startswith("'") and _NEUTRALISED.match(cell) else cell


def sniff(lines: Callable[[], Iterator[Line]], wanted: str | None, format_: str) -> Dialect:
    """The delimiter: the owner's, else what ``sep=`` says, else that which splits the first records best.

    Best is: the first record has a question's name among its cells; then the most records with equally many cells.
    """
    empty = DELIMITERS + '\ufeff" \r\n'
    opening = next((line for _, line in lines()), "")
    told = _SEP_LINE.fullmatch(opening.lstrip("\ufeff")) if isinstance(opening, str) else None
    first = next((line for _, line in lines() if isinstance(line, str) and line.strip(empty)), "").lstrip("\ufeff")
    if wanted or told:
        return Dialect(wanted or (told[1] if told else ","), bool(told), certain=True)
    if format_ == "tsv" and "\t" in first:
        return Dialect("\t", sep_line=False, certain=True)
    ranked = sorted(((_fit(lines, mark), -DELIMITERS.index(mark), mark) for mark in DELIMITERS), reverse=True)
    (named, share, _), _, best = ranked[0]
    if named or share > 0.5:
        return Dialect(best, sep_line=False, certain=True)
    held = any(mark in first for mark in DELIMITERS)
    return Dialect(_NO_DELIMITER if held else ",", sep_line=False, certain=not held)


def _fit(lines: Callable[[], Iterator[Line]], mark: str) -> tuple[bool, float, int]:
    """Whether the first record is a header with several names, the share of records of the usual width, that width."""
    found = [
        cells
        for _, cells in islice(records(lines(), Dialect(mark, sep_line=False, certain=True)), SAMPLE_RECORDS)
        if isinstance(cells, list) and any(cell.strip() for cell in cells)
    ]
    widths = Counter(map(len, found))
    width, times = widths.most_common(1)[0] if widths else (1, 0)
    header = bool(found) and len(found[0]) > 1 and is_header(found[0])
    return header, times / len(found) if width > 1 else 0.0, width
