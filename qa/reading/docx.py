"""DOCX → the text of its body in reading order, with the places of its headings."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import docx
from docx.opc.exceptions import OpcError
from lxml.etree import XMLSyntaxError

from qa.reading.decoding import kind_of
from qa.reading.document import Extract, Heading, ReadingError, shown_name

MAX_INFLATED_BYTES = 200 << 20
"""Largest content of a file, in bytes, all parts together."""
MAX_RATIO = 200
"""Most bytes that one byte of the file may inflate to. Prose in Word's XML comes to 5 to 20."""
_SMALL_BYTES = 1 << 20
"""Up to this size a ratio says nothing: an empty document inflates 10 times, and no harm is done."""
_BLOCK_BYTES = 1 << 16

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SKIPPED = {f"{_W}pPr", f"{_W}rPr", f"{_W}del", f"{_W}moveFrom", _FALLBACK}
"""Settings; what was struck out with changes tracked; the second copy of a drawing for old programs."""
_WRITTEN = {
    f"{_W}tab": "\t",
    f"{_W}br": "\n",
    f"{_W}cr": "\n",
    f"{_W}noBreakHyphen": "\u2011",
    f"{_W}softHyphen": "\u00ad",
}
_BODY_TEXT = 9
"""``w:outlineLvl`` counts from 0; 9 says "body text"."""
_BUILT_IN = re.compile(r"(title)|heading ([1-9])", re.IGNORECASE)
_DOCTYPES = tuple("<!DOCTYPE".encode(codec) for codec in ("utf-8", "utf-16-le", "utf-16-be"))


def extract(file: str, data: bytes) -> Extract:
    """Paragraphs apart by a blank line, tables row by row with a tab between cells; text boxes after their paragraph.

    A paragraph is a heading when it or its style has an outline level, or its style is based on one of Word's own
    (``heading 1``…, which are called so in the file whatever the language Word speaks). Where there is a title
    (style ``Title``), that is level 1 and every heading one lower.

    Raises:
        ReadingError: PARSE_FAILED (damaged, with a password, no Word document), ARCHIVE_TOO_LARGE, NO_TEXT.
    """
    _check_archive(file, data)
    try:
        document = docx.Document(io.BytesIO(data))
        styles = _heading_styles(document.styles.element)
        blocks = [(text, level) for text, level in _blocks(document.element.body, styles) if text]
    except (OpcError, XMLSyntaxError, KeyError, ValueError, AttributeError, TypeError) as error:
        raise _failed(file, f"its parts aren't those of a Word document ({error})") from error
    titled = any(level == 0 for _, level in blocks)
    parts: list[str] = []
    headings: list[Heading] = []
    length = 0
    for text, level in blocks:
        start = length + 2 * bool(parts)
        parts.append(text)
        length = start + len(text)
        if level is not None:
            headings.append(Heading(start, length, level + titled))
    if not parts:
        raise ReadingError(
            "NO_TEXT", f"{file}: the document holds no text; if it shows pictures of text, run OCR first."
        )
    return Extract("\n\n".join(parts), headings=tuple(headings))


def _check_archive(file: str, data: bytes) -> None:
    """Inflates every part once, counting, since the sizes in an archive's headers may lie; nothing is kept."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise _failed(file, f"it is {kind_of(data) or 'no ZIP archive, as a DOCX is'}")
    inflated = 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for part in archive.infolist():
                if part.flag_bits & 1:
                    raise _failed(file, "it needs a password; save it without one")
                if part.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                    raise _failed(file, f"{shown_name(part.filename)} is compressed in a way that Word never uses")
                is_xml = part.filename.lower().endswith((".xml", ".rels"))
                before = b""
                with archive.open(part) as stream:
                    while block := stream.read(_BLOCK_BYTES):
                        inflated += len(block)
                        if inflated > min(MAX_INFLATED_BYTES, max(_SMALL_BYTES, MAX_RATIO * len(data))):
                            reason = f"its {len(data)} bytes inflate to {inflated} and more, so it isn't opened"
                            raise ReadingError("ARCHIVE_TOO_LARGE", f"{file}: {reason}; save it with fewer pictures.")
                        if is_xml and any(doctype in before + block for doctype in _DOCTYPES):
                            raise _failed(file, f"{shown_name(part.filename)} has a DOCTYPE, which Word never writes")
                        before = block[-len(_DOCTYPES[-1]) :]
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise _failed(file, f"the archive is damaged ({error})") from error


def _heading_styles(styles: Any) -> dict[str, int]:
    """Style id → level for every style that makes a heading, 0 for a title."""
    declared = {style.get(f"{_W}styleId"): style for style in styles.iter(f"{_W}style")}
    levels: dict[str, int] = {}
    for style_id in declared:
        ancestor, seen = style_id, set[str]()
        while ancestor in declared and ancestor not in seen:
            seen.add(ancestor)
            style = declared[ancestor]
            outline = _value(style, "pPr", "outlineLvl")
            built_in = _BUILT_IN.fullmatch(_value(style, "name") or "")
            if outline is not None:
                if int(outline) < _BODY_TEXT:
                    levels[style_id] = int(outline) + 1
                break
            if built_in is not None:
                levels[style_id] = 0 if built_in[1] else int(built_in[2])
                break
            ancestor = _value(style, "basedOn") or ""
    return levels


def _value(element: Any, *path: str) -> str | None:
    found = element.find("/".join(f"{_W}{name}" for name in path))
    value: str | None = None if found is None else found.get(f"{_W}val")
    return value


def _blocks(parent: Any, styles: dict[str, int]) -> Iterator[tuple[str, int | None]]:
    """The paragraphs and tables below an element, with the level of headings; lxml bounds the nesting."""
    for child in parent:
        if child.tag == f"{_W}p":
            written: list[str] = []
            boxes: list[Any] = []
            _collect(child, written, boxes)
            yield "".join(written).strip(), _level(child, styles)
            for box in boxes:
                yield from _blocks(box, styles)
        elif child.tag == f"{_W}tbl":
            yield from _table(child, styles)
        elif child.tag not in _SKIPPED:
            yield from _blocks(child, styles)


def _level(paragraph: Any, styles: dict[str, int]) -> int | None:
    outline = _value(paragraph, "pPr", "outlineLvl")
    if outline is not None:
        return int(outline) + 1 if int(outline) < _BODY_TEXT else None
    return styles.get(_value(paragraph, "pPr", "pStyle") or "")


def _collect(element: Any, written: list[str], boxes: list[Any]) -> None:
    for child in element:
        if child.tag == f"{_W}t":
            written.append(child.text or "")
        elif child.tag in _WRITTEN:
            written.append(_WRITTEN[child.tag])
        elif child.tag == f"{_W}txbxContent":
            boxes.append(child)
        elif child.tag not in _SKIPPED:
            _collect(child, written, boxes)


def _table(table: Any, styles: dict[str, int]) -> Iterator[tuple[str, int | None]]:
    """Rows of data as the lines of one block; a cell with paragraphs of its own is layout, and gives those."""
    lines: list[str] = []
    for row in table.iter(f"{_W}tr"):
        if next(row.iterancestors(f"{_W}tbl")) is not table:
            continue  # a nested table's row, which its cell gives
        own_cells = (cell for cell in row.iter(f"{_W}tc") if next(cell.iterancestors(f"{_W}tr")) is row)
        cells = [[block for block in _blocks(cell, styles) if block[0]] for cell in own_cells]
        if all(len(cell) <= 1 and all(level is None for _, level in cell) for cell in cells):
            lines.append("\t".join(text for cell in cells for text, _ in cell))
            continue
        yield "\n".join(filter(None, lines)), None
        lines = []
        for cell in cells:
            yield from cell
    yield "\n".join(filter(None, lines)), None


def _failed(file: str, reason: str) -> ReadingError:
    return ReadingError("PARSE_FAILED", f"{file}: can't be read as a DOCX: {reason}.")
