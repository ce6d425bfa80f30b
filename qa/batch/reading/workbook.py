"""xlsx and xlsm → sheets and numbered rows of cells, streamed (ECMA-376, SpreadsheetML).

Read by lxml part by part rather than by openpyxl: that one drops whether a cell is a formula once its value is asked
for, unescapes ``_x000D_`` twice or not at all, and refuses whole workbooks for a style that it can't read. Nothing in a
workbook is run or fetched: macros, external links and objects are parts that aren't opened.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any

from lxml import etree

from qa.batch.reading.archive import Merge, damaged, inspect, place
from qa.batch.reading.merged import MAX_COLUMNS, Merged, SheetRow
from qa.batch.values import Cell
from qa.errors import InputError

BLANK_ROWS = 1000
"""So many empty rows in a row end a sheet: formatting often reaches down to the last of 1,048,576."""
_BUILT_IN_DATES = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
_FORMAT_WORDS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h|m|s)[^\[\]]*\]', re.IGNORECASE)
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_FAULTS = (
    etree.XMLSyntaxError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    IndexError,
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of cells: its name, the archive's part that has it, and whether people see it."""

    name: str
    part: str
    visible: bool
    merges: tuple[Merge, ...] = ()


class Workbook:
    """A workbook whose archive was found whole. Opening reads its shared strings and styles; rows are streamed."""

    def __init__(self, path: Path) -> None:
        """Raises InputError: XLSX_TOO_LARGE, XLSX_UNSAFE_XML, XLSX_DAMAGED, UNSUPPORTED_FORMAT."""
        self.path = path
        self._merges = inspect(path)
        self._epoch = datetime(1899, 12, 30)
        self._others: dict[str, str] = {}
        self.sheets = self._sheets()
        self._strings = self._shared_strings()
        self._dates = self._date_styles()

    def _related(self) -> dict[str, tuple[str, str]]:
        """What the workbook is made of: by id, the kind and the part's name."""
        with self._archive() as archive:
            relations = self._root(archive, "xl/_rels/workbook.xml.rels")
        return {
            each.get("Id", ""): (
                each.get("Type", "").rpartition("/")[2],
                posixpath.normpath(posixpath.join("/xl", each.get("Target", ""))).lstrip("/"),
            )
            for each in relations
            if each.get("TargetMode") != "External"
        }

    def _sheets(self) -> tuple[Sheet, ...]:
        part = "xl/workbook.xml"
        with self._archive() as archive:
            root = self._root(archive, part)
            names = set(archive.namelist())
        related = self._related()
        self._others = {kind: name for kind, name in related.values() if name in names}
        sheets = []
        for each in root.iter("{*}workbookPr"):
            if each.get("date1904") in {"1", "true"}:
                self._epoch = datetime(1904, 1, 1)
        for each in root.iter("{*}sheet"):
            kind, target = related.get(each.get(_RELATION) or each.get(_STRICT_RELATION) or "", ("", ""))
            if kind != "worksheet":
                continue  # a chart or dialogue sheet has no cells
            if target not in names:
                raise damaged(self.path, target or part, f"sheet {each.get('name')!r} is missing")
            visible = each.get("state", "visible") == "visible"
            sheets.append(Sheet(each.get("name", ""), target, visible, self._merges.get(target, ())))
        if not sheets:
            raise damaged(self.path, part, "it has no sheet of cells")
        return tuple(sheets)

    def _shared_strings(self) -> list[str]:
        part = self._others.get("sharedStrings")
        if part is None:
            return []
        with self._archive() as archive, self._faults(part), archive.open(part) as stream:
            return [_text(element) for element in _elements(stream, "si")]
        raise AssertionError

    def _date_styles(self) -> frozenset[int]:
        """Numbers of the styles that show a number as a date or time."""
        part = self._others.get("styles")
        if part is None:
            return frozenset()
        with self._archive() as archive:
            root = self._root(archive, part)
        formats = set(_BUILT_IN_DATES)
        for each in root.iter("{*}numFmt"):
            number = each.get("numFmtId", "")
            if number.isdecimal():
                shown = _FORMAT_WORDS.sub("", each.get("formatCode", "")).split(";")[0]
                (formats.add if re.search("[dmyhs年月日]", shown, re.IGNORECASE) else formats.discard)(int(number))
        styles = [each for group in root.iter("{*}cellXfs") for each in group]
        return frozenset(i for i, each in enumerate(styles) if each.get("numFmtId", "0") in map(str, formats))

    def rows(self, sheet: Sheet, *, fill_merged: bool = False) -> Iterator[SheetRow]:
        """The rows of a sheet, also empty ones between others; empty ones at its end are left out.

        Raises:
            InputError: XLSX_DAMAGED.
        """
        merged = Merged(sheet.merges, fill_merged=fill_merged)
        expected = 1
        waiting: list[SheetRow] = []
        with self._archive() as archive, self._faults(sheet.part), archive.open(sheet.part) as stream:
            for element in _elements(stream, "row"):
                number = int(element.get("r") or expected)
                if number < expected:
                    raise ValueError(f"row {number} stands after row {expected - 1}")
                if number - expected + len(waiting) > BLANK_ROWS:
                    return
                waiting += [merged.applied(blank, [], {}) for blank in range(expected, number)]
                waiting.append(merged.applied(number, *self._cells(element, number)))
                expected = number + 1
                if waiting[-1].faults or any(cell not in (None, "") for cell in waiting[-1].cells):
                    yield from waiting
                    waiting = []

    def _cells(self, row: Any, number: int) -> tuple[list[Cell], dict[int, InputError]]:
        cells: list[Cell] = []
        faults: dict[int, InputError] = {}
        at = 0
        for element in row:
            if etree.QName(element).localname != "c":
                continue
            reference = element.get("r")
            at = place(reference)[1] - 1 if reference else at
            if not 0 <= at < MAX_COLUMNS:
                at += 1
                continue
            while len(cells) <= at:
                cells.append(None)
            cells[at], fault = self._value(element, f"{reference or ''} in row {number}")
            if fault:
                faults[at] = fault
            at += 1
        return cells, faults

    def _value(self, cell: Any, where: str) -> tuple[Cell, InputError | None]:
        kind = cell.get("t", "n")
        value = formula = inline = None
        for child in cell:
            match etree.QName(child).localname:
                case "v":
                    value = child.text
                case "f":
                    formula = child
                case "is":
                    inline = child
        if kind == "inlineStr":
            return (_text(inline) if inline is not None else ""), None
        if formula is not None and value is None and kind != "str":
            message = f"Cell {where} is a formula without a value; open and save the file with a spreadsheet program."
            return f"={formula.text or ''}", InputError("CELL_FORMULA_NO_VALUE", message)
        if value is None:
            return ("" if kind == "str" else None), None
        if kind == "s":
            return self._strings[int(value)], None
        if kind == "str":
            return _unescaped(value), None
        if kind == "b":
            return value.strip() in {"1", "true"}, None
        if kind == "e":
            return value, InputError("CELL_ERROR", f"Cell {where} holds the error {value}; mend the formula.")
        if kind == "d":
            with suppress(ValueError):
                return datetime.fromisoformat(value), None
            return value, None
        return self._number(value, int(cell.get("s") or 0)), None

    def _number(self, value: str, style: int) -> Cell:
        number = float(value)
        if style in self._dates:
            with suppress(OverflowError):
                return _moment(number, self._epoch)
        # As its characters where a float would lose some of them: an id of 20 digits stays as it is.
        with suppress(ValueError):
            return int(value)
        return number

    def _archive(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(self.path)

    def _root(self, archive: zipfile.ZipFile, part: str) -> Any:
        with self._faults(part), archive.open(part) as stream:
            return etree.parse(stream, _parser()).getroot()
        raise AssertionError

    def _faults(self, part: str) -> _Faults:
        return _Faults(self.path, part)


class _Faults:
    """Tells what lxml and zipfile raise as a damaged workbook, with the part."""

    def __init__(self, path: Path, part: str) -> None:
        self._path, self._part = path, part

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _FAULTS):
            reason = "there is no such part" if isinstance(error, KeyError) else str(error) or type(error).__name__
            raise damaged(self._path, self._part, reason) from error


def _parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def _elements(stream: IO[bytes], name: str) -> Iterator[Any]:
    """The elements of a name, one at a time, each thrown away when the next is asked for."""
    for _, element in etree.iterparse(
        stream, tag=f"{{*}}{name}", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    ):
        yield element
        element.clear(keep_tail=False)
        while element.getprevious() is not None:
            del element.getparent()[0]


def _text(element: Any) -> str:
    """A string's characters: runs joined, phonetic ones (ruby) left out."""
    parts = []
    for child in element:
        match etree.QName(child).localname:
            case "t":
                parts.append(child.text or "")
            case "r":
                parts += [each.text or "" for each in child if etree.QName(each).localname == "t"]
    return _unescaped("".join(parts))


def _unescaped(text: str) -> str:
    """``_x000D_`` and the like are characters that XML can't hold (ECMA-376, 22.9.2.19)."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _moment(number: float, epoch: datetime) -> date | datetime | time:
    """The day, moment or time of day that a number of days since ``epoch`` is."""
    moment = epoch + timedelta(seconds=round(number * 86400))
    if 0 <= number < 1:
        return moment.time()
    return moment if number % 1 else moment.date()
