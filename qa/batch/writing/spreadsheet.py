"""Rows of cells → an xlsx file, streamed and byte for byte the same each time (ECMA-376, SpreadsheetML).

openpyxl puts the hour into every file, holds hyperlinks of all sheets in memory and takes "=1+1" for a formula; what is
needed here is little. Every text is written as an inline string, which no spreadsheet runs; texts that look like
formulas are marked so that editing the cell doesn't make them one either.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import BinaryIO
from xml.sax.saxutils import escape, quoteattr

from qa.batch.reading.columns import letters
from qa.batch.values import Cell
from qa.batch.writing.neutral import risky

MAX_LINKS = 65_000
"""Excel opens 65,530 links in a sheet; those beyond are text."""

LINE_POINTS = 15
"""Height of a line."""
MAX_LINES = 20
"""Lines that a row shows at most; Excel's highest row is 409 points."""

_STAMP = (1980, 1, 1, 0, 0, 0)
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPE_LIKE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_EPOCH = datetime(1899, 12, 30)

STYLES = ("text", "header", "plain", "share", "link", "day", "moment", "time", "good", "fair", "none", "bad", "quoted")
"""Styles of a cell by name: wrapped text, header, text on one line, a number of 0…1, a link, dates, statuses."""
_NUMBER = {name: i for i, name in enumerate(STYLES)}


@dataclass(frozen=True, slots=True)
class Heading:
    """A column of a sheet: its name, width in characters, and the style of its cells."""

    name: str
    width: float = 14
    style: str = "text"
    choices: tuple[str, ...] = ()
    """What a reader may choose from in its cells."""


@dataclass(frozen=True, slots=True)
class Styled:
    """A cell with a style of its own, or a link."""

    value: Cell
    style: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class SheetPlan:
    """A sheet: its name, columns and rows, which are read once, when the sheet is written."""

    name: str
    headings: Sequence[Heading]
    rows: Iterable[Sequence[Cell | Styled]]
    filtered: bool = True
    """Whether the header gets the arrows for filtering."""
    printed: int | None = None
    """Columns that are printed; None for all."""


def write_workbook(out: BinaryIO, sheets: Iterable[SheetPlan]) -> None:
    """Write the sheets, each when it comes."""
    names: list[str] = []
    titles: list[str] = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for sheet in sheets:
            names.append(_sheet_name(sheet.name, names))
            number = len(names)
            links: list[str] = []
            rows: list[int] = []
            with archive.open(_entry(f"xl/worksheets/sheet{number}.xml"), "w", force_zip64=True) as part:
                for text in _sheet(sheet, links, rows, first=number == 1):
                    part.write(text.encode())
            if links:
                relations = "".join(
                    f'<Relationship Id="rId{i}" Type="{_RELATIONS}/hyperlink" Target={quoteattr(link)}'
                    ' TargetMode="External"/>'
                    for i, link in enumerate(links, 1)
                )
                _put(archive, f"xl/worksheets/_rels/sheet{number}.xml.rels", _relationships(relations))
            place = f"{escape(_quoted(names[-1]))}!"
            shown = f"{place}$A$1:${letters(sheet.printed or len(sheet.headings))}${rows[-1]}"
            titles += [
                f'<definedName name="_xlnm.Print_Area" localSheetId="{number - 1}">{shown}</definedName>',
                f'<definedName name="_xlnm.Print_Titles" localSheetId="{number - 1}">{place}$1:$1</definedName>',
            ]
        for name, content in _parts(names, titles):
            _put(archive, name, content)


def _sheet(sheet: SheetPlan, links: list[str], rows: list[int], *, first: bool) -> Iterator[str]:
    """The sheet's XML; its links are added to ``links``, the number of its last row to ``rows``."""
    last = letters(len(sheet.headings))
    widths = "".join(
        f'<col min="{i}" max="{i}" width="{heading.width}" customWidth="1"/>'
        for i, heading in enumerate(sheet.headings, 1)
    )
    yield (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">'
        '<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        f'<sheetViews><sheetView workbookViewId="0"{" tabSelected=" + chr(34) + "1" + chr(34) if first else ""}>'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f'<sheetFormatPr defaultRowHeight="15"/><cols>{widths}</cols><sheetData>'
    )
    printed = sheet.printed or len(sheet.headings)
    header = [Styled(heading.name, "header") for heading in sheet.headings]
    yield _row(1, header, sheet.headings, [], printed)
    number, places = 1, list[str]()
    for cells in sheet.rows:
        number += 1
        found: list[tuple[str, str]] = []
        yield _row(number, cells, sheet.headings, found, printed)
        for reference, link in found:
            if len(links) < MAX_LINKS:
                links.append(link)
                places.append(reference)
    rows.append(number)
    yield "</sheetData>"
    if sheet.filtered:
        yield f'<autoFilter ref="A1:{last}{number}"/>'
    chosen = [(i, heading.choices) for i, heading in enumerate(sheet.headings, 1) if heading.choices]
    if chosen:
        lists = "".join(
            f'<dataValidation type="list" allowBlank="1" sqref="{letters(i)}2:{letters(i)}1048576">'
            f"<formula1>{escape(chr(34) + ','.join(choices) + chr(34))}</formula1></dataValidation>"
            for i, choices in chosen
        )
        yield f'<dataValidations count="{len(chosen)}">{lists}</dataValidations>'
    if places:
        yield "<hyperlinks>"
        for i, reference in enumerate(places, 1):
            yield f'<hyperlink ref="{reference}" r:id="rId{i}"/>'
        yield "</hyperlinks>"
    yield '<pageMargins left="0.4" right="0.4" top="0.5" bottom="0.5" header="0.2" footer="0.2"/>'
    yield '<pageSetup paperSize="8" orientation="landscape" fitToWidth="1" fitToHeight="0"/>'
    yield "<headerFooter><oddFooter>&amp;C&amp;P / &amp;N</oddFooter></headerFooter></worksheet>"


def _row(
    number: int,
    cells: Sequence[Cell | Styled],
    headings: Sequence[Heading],
    links: list[tuple[str, str]],
    printed: int,
) -> str:
    """A row; its height is what its first ``printed`` cells need. Links are told with their places."""
    parts: list[str] = []
    lines = 1
    for i, (cell, heading) in enumerate(zip(cells, headings, strict=False), 1):
        value, style = (cell.value, cell.style) if isinstance(cell, Styled) else (cell, heading.style)
        reference = f"{letters(i)}{number}"
        if isinstance(cell, Styled) and cell.link:
            links.append((reference, cell.link))
        if value is not None and value != "":
            parts.append(_cell(reference, value, style))
            if isinstance(value, str) and style in {"text", "header", "quoted"} and i <= printed:
                lines = max(lines, _lines(value, heading.width))
        elif i <= printed:
            parts.append(f'<c r="{reference}" s="{_NUMBER[style]}"/>')
    # LibreOffice gives a row without a height that of one line, whatever is wrapped in it.
    height = f' ht="{LINE_POINTS * min(lines, MAX_LINES) + 1}" customHeight="1"' if lines > 1 else ""
    return f'<row r="{number}"{height}>{"".join(parts)}</row>'


def _lines(text: str, width: float) -> int:
    """Lines that a text takes in a column so many characters wide; a Chinese character is two."""
    room = max(1.0, width - 2)
    return sum(max(1, math.ceil(sum(2 if char > "\u2e7f" else 1 for char in line) / room)) for line in text.split("\n"))


def _cell(reference: str, value: Cell, style: str) -> str:
    if isinstance(value, bool):
        return f'<c r="{reference}" s="{_NUMBER[style]}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        # More digits than a double holds stay text.
        if math.isfinite(value) if isinstance(value, float) else abs(value) < 10**15:
            return f'<c r="{reference}" s="{_NUMBER[style]}"><v>{value!r}</v></c>'
        value = str(value)
    if isinstance(value, date | time):
        shown = "moment" if isinstance(value, datetime) else "time" if isinstance(value, time) else "day"
        return f'<c r="{reference}" s="{_NUMBER[shown]}"><v>{_days(value)!r}</v></c>'
    text = str(value)
    style = "quoted" if risky(text) and style in {"text", "plain"} else style
    safe = escape(_UNWRITABLE.sub("\ufffd", _ESCAPE_LIKE.sub("_x005F_", text))).replace("\r", "_x000D_")
    return f'<c r="{reference}" s="{_NUMBER[style]}" t="inlineStr"><is><t xml:space="preserve">{safe}</t></is></c>'


def _days(value: date | time) -> float:
    if isinstance(value, time):
        return (value.hour * 3600 + value.minute * 60 + value.second) / 86400
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    return (moment.replace(tzinfo=None) - _EPOCH).total_seconds() / 86400


def _sheet_name(name: str, taken: Sequence[str]) -> str:
    r"""A name that Excel takes: 31 characters, none of []:*?/\, and none twice."""
    plain = re.sub(r"[\[\]:*?/\\]", " ", name)[:31]
    at, unique = 2, plain
    while unique in taken:
        at, unique = at + 1, f"{plain[:27]} {at}"
    return unique


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _STAMP)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


def _put(archive: zipfile.ZipFile, name: str, content: str) -> None:
    archive.writestr(_entry(name), f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{content}')


def _relationships(content: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{content}</Relationships>'


def _parts(names: Sequence[str], titles: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The small parts around the sheets."""
    office = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    sheets = range(1, len(names) + 1)
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{office}.worksheet+xml"/>' for i in sheets
    )
    types = (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{office}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{office}.styles+xml"/>{overrides}</Types>'
    )
    yield "[Content_Types].xml", types
    yield (
        "_rels/.rels",
        _relationships(f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/>'),
    )
    listed = "".join(f'<sheet name={quoteattr(name)} sheetId="{i}" r:id="rId{i}"/>' for i, name in enumerate(names, 1))
    workbook = (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><bookViews><workbookView/></bookViews>'
        f"<sheets>{listed}</sheets><definedNames>{''.join(titles)}</definedNames></workbook>"
    )
    yield "xl/workbook.xml", workbook
    related = "".join(
        f'<Relationship Id="rId{i}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{i}.xml"/>' for i in sheets
    )
    styles = f'<Relationship Id="rId{len(names) + 1}" Type="{_RELATIONS}/styles" Target="styles.xml"/>'
    yield "xl/_rels/workbook.xml.rels", _relationships(related + styles)
    yield "xl/styles.xml", _styles()


def _styles() -> str:
    """The styles of ``STYLES``, in their order."""
    fills = ("FF3B5B7A", "FFE3F1E3", "FFFBF1D5", "FFEDEDED", "FFF8DEDA")  # header, good, fair, none, bad
    fonts = (
        '<font><sz val="11"/><name val="Calibri"/></font>'
        '<font><b/><sz val="11"/><color rgb="FFFFFFFF"/><name val="Calibri"/></font>'
        '<font><u/><sz val="11"/><color rgb="FF0B57A4"/><name val="Calibri"/></font>'
    )
    filled = (
        '<fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
        + "".join(
            f'<fill><patternFill patternType="solid"><fgColor rgb="{colour}"/></patternFill></fill>' for colour in fills
        )
    )
    wrap = '<alignment vertical="top" wrapText="1"/>'
    line = '<alignment horizontal="left" vertical="top"/>'

    def style(number: int = 0, font: int = 0, fill: int = 0, alignment: str = wrap, more: str = "") -> str:
        return (
            f'<xf numFmtId="{number}" fontId="{font}" fillId="{fill}" borderId="1" xfId="0" applyNumberFormat="1"'
            f' applyFont="1" applyFill="1" applyAlignment="1"{more}>{alignment}</xf>'
        )

    cells = (
        style(),
        style(font=1, fill=2, alignment='<alignment vertical="center" wrapText="1"/>'),
        style(alignment=line),
        style(number=2, alignment=line),
        style(font=2, alignment=line),
        style(number=164, alignment=line),
        style(number=165, alignment=line),
        style(number=166, alignment=line),
        *(style(fill=fill, alignment=line) for fill in (3, 4, 5, 6)),
        style(more=' quotePrefix="1"'),
    )
    return (
        f'<styleSheet xmlns="{_MAIN}"><numFmts count="3"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
        '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/>'
        '<numFmt numFmtId="166" formatCode="hh:mm:ss"/></numFmts>'
        f'<fonts count="3">{fonts}</fonts><fills count="{2 + len(fills)}">{filled}</fills>'
        '<borders count="2"><border><left/><right/><top/><bottom/><diagonal/></border><border><left/><right/><top/>'
        '<bottom style="hair"><color rgb="FF9AA5B1"/></bottom><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(cells)}">{"".join(cells)}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )
