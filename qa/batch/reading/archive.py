"""An xlsx file's zip archive, inflated once and counted before any of it is parsed.

The sizes in an archive's headers may lie, so every part is inflated block by block and thrown away. What has to be
known of a sheet before its rows, since it stands behind them, is noted on the way: its merged cells.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qa.errors import InputError

MAX_INFLATED_BYTES = 200 << 20
"""Largest content of a workbook, all parts together."""
MAX_RATIO = 200
"""Most bytes that one byte of the file may inflate to. Sheets come to 5 to 30."""
SMALL_BYTES = 4 << 20
"""Up to this size a ratio says nothing: some empty workbooks inflate 300 times, and no harm is done."""
MAX_MERGES = 100_000
_BLOCK_BYTES = 1 << 16
_DOCTYPES = tuple(
    f"<!{word}".encode(codec) for word in ("DOCTYPE", "ENTITY") for codec in ("utf-8", "utf-16-le", "utf-16-be")
)
_MERGE = re.compile(rb"mergeCell\s[^>]*?ref=[\"']([A-Z]{1,3}[0-9]{1,7}):([A-Z]{1,3}[0-9]{1,7})[\"']")
_OVERLAP = 200
"""Bytes kept from the block before, so that nothing sought is cut in two."""


@dataclass(frozen=True, slots=True)
class Merge:
    """A merged cell: first and last row and column, from 1."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


def inspect(path: Path) -> Mapping[str, tuple[Merge, ...]]:
    """The merged cells of each part that has any, once it is sure that the archive is whole and not too large.

    Raises:
        InputError: XLSX_TOO_LARGE, XLSX_UNSAFE_XML, XLSX_DAMAGED, UNSUPPORTED_FORMAT (a password).
    """
    inflated, size = 0, path.stat().st_size
    merges: dict[str, tuple[Merge, ...]] = {}
    part_name = "the archive"
    try:
        with zipfile.ZipFile(path) as archive:
            for part in archive.infolist():
                part_name = part.filename
                if part.flag_bits & 1:
                    message = f"{path} needs a password; save it without one."
                    raise InputError("UNSUPPORTED_FORMAT", message)
                is_xml = part_name.lower().endswith((".xml", ".rels"))
                found: list[Merge] = []
                before = b""
                with archive.open(part) as stream:
                    while block := stream.read(_BLOCK_BYTES):
                        inflated += len(block)
                        if inflated > min(MAX_INFLATED_BYTES, max(SMALL_BYTES, MAX_RATIO * size)):
                            much = f"its {size} bytes inflate to more than {inflated >> 20} MiB"
                            message = f"{path}: {much}, so it isn't opened; save the questions as .csv."
                            raise InputError("XLSX_TOO_LARGE", message)
                        if is_xml:
                            joined = before + block
                            if any(mark in joined for mark in _DOCTYPES):
                                message = f"{path}: {part_name} has a DOCTYPE, which no spreadsheet program writes."
                                raise InputError("XLSX_UNSAFE_XML", message)
                            if b"mergeCell " in joined and len(found) < MAX_MERGES:
                                found += _merges(joined, found)
                            before = block[-_OVERLAP:]
                if found:
                    merges[part_name] = tuple(found)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise damaged(path, part_name, str(error)) from error
    return merges


def damaged(path: Path, part: str, reason: str) -> InputError:
    """The error of a workbook that isn't whole."""
    return InputError(
        "XLSX_DAMAGED", f"{path} is damaged at {part} ({reason}); save it anew with a spreadsheet program."
    )


def _merges(data: bytes, known: list[Merge]) -> list[Merge]:
    seen = set(known[-10:])  # those of the overlap
    found = []
    for match in _MERGE.finditer(data):
        (first_row, first_column), (last_row, last_column) = place(match[1].decode()), place(match[2].decode())
        merge = Merge(first_row, first_column, last_row, last_column)
        if merge not in seen:
            found.append(merge)
    return found


def place(reference: str) -> tuple[int, int]:
    """Row and column, from 1, of a cell's name such as B7.

    Raises:
        ValueError: when it is no cell's name.
    """
    column = 0
    for at, char in enumerate(reference):
        if "A" <= char <= "Z":
            column = 26 * column + ord(char) - ord("A") + 1
        else:
            return int(reference[at:]), column
    raise ValueError(f"{reference!r} names no cell")
