"""A question file → numbered rows, streamed. What the file is is found out by its content, or said by its owner.

``Questions.open`` looks at the file once; iterating reads it. A further format is a module beside this one and a
branch in ``Questions``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from qa.batch.reading import delimited, tables
from qa.batch.reading.columns import Columns, is_header
from qa.batch.reading.delimited import NAMES as DELIMITER_NAMES
from qa.batch.reading.delimited import Dialect
from qa.batch.reading.jsonl import read_jsonl
from qa.batch.reading.sniffing import HEAD_BYTES, WIDE, encoding_of, format_of
from qa.batch.reading.text import Line, lines, read_txt
from qa.batch.reading.workbook import Sheet, Workbook
from qa.batch.values import Options, Row, cell_text
from qa.errors import InputError, UsageError

PREVIEW_ROWS = 8
"""Rows that a preview shows."""


@dataclass(frozen=True, slots=True)
class Questions:
    """A question file whose form is found out; iterate for its rows.

    ``lines`` is for progress bars: never fewer than its rows; 0 when unknown. ``notes`` are codes and sentences of what
    its owner should know of the reading.
    """

    path: Path
    format: str
    """jsonl, txt, csv, tsv or xlsx."""
    encoding: str
    lines: int
    options: Options = field(default_factory=Options)
    columns: Columns = field(default_factory=lambda: Columns((), header=False))
    """Of tables only."""
    header_row: int = 0
    dialect: Dialect | None = None
    sheet: Sheet | None = None
    sheets: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def open(cls, path: Path, options: Options | None = None, *, strict: bool = True) -> Questions:
        """Look at the file once. Not ``strict``, a table may have no column of questions: a preview shows it so.

        Raises:
            UsageError: BATCH_NOT_FOUND, BATCH_UNREADABLE, ENCODING_NAME, DELIMITER, COLUMN_UNKNOWN, SHEET_UNKNOWN.
            InputError: BATCH_EMPTY, BATCH_NOT_JSONL, BATCH_ENCODING, BATCH_NO_QUESTION_COLUMN, UNSUPPORTED_FORMAT,
                XLSX_TOO_LARGE, XLSX_UNSAFE_XML, XLSX_DAMAGED.
        """
        options = options or Options()
        if options.delimiter is not None and len(options.delimiter) != 1:
            raise UsageError("DELIMITER", f"Delimiter {options.delimiter!r}: give one character.", field="delimiter")
        try:
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
                format_ = format_of(path, head)
                if format_ == "xlsx":
                    return _open_workbook(path, options, strict=strict)
                file.seek(0)
                encoding = encoding_of(path, file, head, options.encoding)
        except FileNotFoundError as error:
            raise UsageError("BATCH_NOT_FOUND", f"{path}: no such file of questions.") from error
        except OSError as error:
            raise UsageError("BATCH_UNREADABLE", f"{path} can't be read: {error.strerror}.") from error
        notes = (("ENCODING", f"{path.name}: {encoding.note}."),) if encoding.note else ()
        found = cls(path, format_, encoding.name, encoding.lines, options, notes=notes)
        return _by_content(found, strict=strict)

    def __iter__(self) -> Iterator[Row]:
        if self.format == "txt":
            return read_txt(self._lines())
        if self.format == "jsonl":
            return read_jsonl(self._lines(), {role: names[0] for role, names in self.options.columns.items()})
        top = tables.Top(self.columns, self.header_row)
        return tables.questions(self._table(), top, exact_width=self.sheet is None)

    def _lines(self) -> Iterator[Line]:
        return lines(self.path, self.encoding, newline="" if self.dialect else None)

    def _table(self) -> Iterator[tables.TableRow]:
        if self.sheet is not None:
            workbook = Workbook(self.path)
            return tables.from_sheet(workbook.rows(self.sheet, fill_merged=self.options.fill_merged))
        if self.dialect is None:
            raise AssertionError("only tables have cells")
        return tables.from_records(delimited.records(self._lines(), self.dialect))

    def preview(self) -> dict[str, Any]:
        """How the file is read, with its first rows: plain values, for the terminal, the page and the API."""
        shown: list[dict[str, Any]] = []
        is_table = self.format not in {"txt", "jsonl"}
        if is_table:
            for table_row in self._table():
                if table_row.number > self.header_row and not table_row.error:
                    cells = [cell_text(cell) for cell in table_row.cells]
                    shown.append({"line": table_row.number, "cells": cells})
                if len(shown) == PREVIEW_ROWS:
                    break
        else:
            shown = [
                {"line": row.line, "cells": [row.id, row.question, "\n".join(row.history)]}
                | ({"error": row.error.message} if row.error else {})
                for row in islice(self, PREVIEW_ROWS)
            ]
        return {
            "name": self.path.name,
            "format": self.format,
            "encoding": self.encoding.removesuffix("-sig") if self.sheet is None else None,
            "delimiter": self.dialect.delimiter if self.dialect else None,
            "delimiter_name": DELIMITER_NAMES.get(self.dialect.delimiter) if self.dialect else None,
            "sheet": self.sheet.name if self.sheet else None,
            "sheets": list(self.sheets),
            "header": self.columns.header if is_table else None,
            "columns": list(self.columns.names) if is_table else ["id", "question", "history"],
            "roles": {role: list(self.columns.named(role)) for role in self.columns.roles},
            "lines": self.lines,
            "rows": shown,
            "notes": [{"code": code, "message": message} for code, message in self.notes],
        }


def _by_content(found: Questions, *, strict: bool) -> Questions:
    """The file as what its first line that isn't blank shows."""
    first = next((line for _, line in found._lines() if isinstance(line, InputError) or line.strip()), None)
    if first is None:
        raise InputError("BATCH_EMPTY", f"{found.path} holds no question.")
    if found.format in {"csv", "tsv"}:
        return _as_table(found, strict=strict)
    if isinstance(first, InputError):
        return found
    first = first.strip().lstrip("\ufeff")
    format_ = found.format
    if format_ == "txt" and first.startswith('{"'):
        format_ = "jsonl"
    if format_ == "txt" and found.options.delimiter is None:
        for mark in delimited.DELIMITERS:
            cells = [cell.strip(' "') for cell in first.split(mark)]
            if len(cells) > 1 and is_header(cells):
                return _as_table(replace(found, format="tsv" if mark == "\t" else "csv"), strict=strict)
    elif format_ == "txt":
        return _as_table(replace(found, format="csv"), strict=strict)
    if format_ == "jsonl":
        if found.encoding.startswith(WIDE):
            name = found.encoding.upper()
            message = f"{found.path}, line 1: {name}, but JSON Lines are UTF-8; save it as UTF-8."
            raise InputError("BATCH_ENCODING", message)
        if first.startswith("[") or first == "{":
            raise InputError(
                "BATCH_NOT_JSONL",
                f"{found.path} is one JSON text over several lines; write one object a line, as `jq -c '.[]'` does.",
            )
    return replace(found, format=format_)


def _as_table(found: Questions, *, strict: bool) -> Questions:
    def raw() -> Iterator[Line]:
        return lines(found.path, found.encoding, newline="")

    dialect = delimited.sniff(raw, found.options.delimiter, found.format)
    table = replace(found, dialect=dialect)
    top = tables.top_of(str(found.path), table._table(), found.options, strict=strict)
    if top is None:
        raise InputError("BATCH_EMPTY", f"{found.path} holds no question.")
    notes = list(found.notes)
    if not dialect.certain:
        message = f"{found.path.name} was read as one column; if it has more, name what parts them with --delimiter."
        notes.append(("BATCH_ONE_COLUMN", message))
    rows = max(0, found.lines - top.header_row)
    return replace(table, lines=rows, columns=top.columns, header_row=top.header_row, notes=tuple(notes))


def _open_workbook(path: Path, options: Options, *, strict: bool) -> Questions:
    """The workbook's first visible sheet with a column of questions, or the one that its owner names."""
    workbook = Workbook(path)
    names = tuple(sheet.name for sheet in workbook.sheets)
    base = Questions(path, "xlsx", "utf-8", 0, options, sheets=names)

    def top(sheet: Sheet, *, strict: bool) -> tables.Top | None:
        rows = tables.from_sheet(workbook.rows(sheet, fill_merged=options.fill_merged))
        return tables.top_of(f"{path}, sheet {sheet.name!r}", rows, options, strict=strict)

    wanted = [sheet for sheet in workbook.sheets if sheet.visible] or list(workbook.sheets)
    if options.sheet is not None:
        wanted = [sheet for sheet in workbook.sheets if sheet.name == options.sheet]
        if not wanted:
            message = f"{path} has no sheet {options.sheet!r}; it has {', '.join(names)}."
            raise UsageError("SHEET_UNKNOWN", message, field="sheet")
    filled: list[tuple[Sheet, tables.Top]] = []
    for sheet in wanted:
        try:
            found = top(sheet, strict=False)
        except UsageError:  # a column that this sheet lacks
            if sheet is wanted[-1] and not filled:
                raise
            continue
        if found is not None:
            filled.append((sheet, found))
    if not filled:
        raise InputError("BATCH_EMPTY", f"{path} holds no question.")
    # A named column of questions before a lone one without a name, which may be a page of notes.
    asking = [(s, t) for s, t in filled if "question" in t.columns.roles]
    sheet, found = next(((s, t) for s, t in asking if t.columns.header), (asking or filled)[0])
    if strict:
        top(sheet, strict=True)
    rows = sum(1 for row in workbook.rows(sheet) if row.number > found.header_row)
    return replace(base, lines=rows, columns=found.columns, header_row=found.header_row, sheet=sheet)
