"""Bytes → what kind of question file they are, and in which encoding; by content first, then by name."""

from __future__ import annotations

import codecs
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from qa.batch.values import LINE_CHARS
from qa.errors import InputError, UsageError
from qa.reading.decoding import decode, kind_of
from qa.reading.document import ReadingError

HEAD_BYTES = 1 << 16
"""How much of a file is looked at to tell what it is."""
SUFFIXES = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".txt": "txt", ".text": "txt", "": "txt", ".csv": "csv",
    ".tsv": "tsv", ".tab": "tsv", ".xlsx": "xlsx", ".xlsm": "xlsx",
}  # fmt: skip
FORMATS = ".xlsx, .xlsm, .csv, .tsv, .jsonl and .txt files"
BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before utf-16, whose mark its own begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WIDE = ("utf-16", "utf-32")
_ZIPPED = (
    ("xl/workbook.bin", "a binary workbook (.xlsb)"),
    ("word/document.xml", "a Word document"),
    ("ppt/presentation.xml", "a presentation"),
    ("META-INF/manifest.xml", "an OpenDocument file, such as .ods"),
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec, the file's lines, and a word where the codec was a judgement."""

    name: str
    lines: int
    note: str | None = None


def bom(head: bytes) -> str | None:
    """The encoding that a byte order mark says."""
    return next((encoding for mark, encoding in BOMS if head.startswith(mark)), None)


def format_of(path: Path, head: bytes) -> str:
    """jsonl, txt, csv, tsv or xlsx.

    Raises:
        InputError: UNSUPPORTED_FORMAT, saying what the file is.
    """
    suffix = path.suffix.lower()
    named = SUFFIXES.get(suffix)
    kind = None
    if head.startswith(b"PK"):
        inside = _zipped(path)
        if inside is None:
            return "xlsx"
        kind = inside
    else:
        kind = kind_of(head)
        if kind and kind.startswith("an old Office file"):
            kind = "an old Office file, such as .xls, or a workbook with a password"
    if not kind and _binary(head):
        kind = "binary, or UTF-16 without a byte order mark"
    if not kind and named == "xlsx":
        kind = "empty" if not head else "text, no workbook; if it is a table, name it .csv"
    if kind:
        raise InputError("UNSUPPORTED_FORMAT", f"{path} is {kind}; questions are read from {FORMATS}.")
    if named is None:
        raise InputError("UNSUPPORTED_FORMAT", f"{path}: questions are read from {FORMATS}, not from {suffix}.")
    return named


def _zipped(path: Path) -> str | None:
    """What a zip file is, None for a workbook; one that is damaged is left to the workbook's reader, by its name."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None if SUFFIXES.get(path.suffix.lower()) == "xlsx" else "a damaged zip file"
    if any(name.startswith("xl/") and name.endswith(".xml") for name in names):
        return None
    known = next((kind for name, kind in _ZIPPED if name in names), None)
    return known or (None if "[Content_Types].xml" in names else "a zip file, but no Excel workbook")


def _binary(head: bytes) -> bool:
    """NULs in such numbers that it is no text; one in a cell is that row's error."""
    nuls = head.count(0)
    if not nuls or (bom(head) or "").startswith(WIDE):
        return False
    return nuls * (8 if decodes(head[:-3], "utf-8", final=False) else 64) > len(head)


def encoding_of(path: Path, file: BinaryIO, head: bytes, wanted: str | None) -> Encoding:
    """The encoding that most lines are in.

    A byte order mark decides, then the owner's word; else UTF-8, then what the lines that aren't are most plausible
    as. Lines are counted rather than the file tried as a whole, since one damaged line in a UTF-8 file mustn't turn
    all others to mojibake.

    Raises:
        UsageError: ENCODING_NAME.
    """
    mark = bom(head)
    lines, beyond, utf8 = 0, 0, 0
    sample: list[bytes] = []
    sampled = 0
    ended = True
    while line := file.readline(LINE_CHARS):
        lines += ended
        ended = line.endswith(b"\n")
        if mark is None and not line.isascii():
            beyond += 1
            if decodes(line, "utf-8"):
                utf8 += 1
            elif sampled < HEAD_BYTES:
                sample.append(line)
                sampled += len(line)
    if mark is None and wanted is not None:
        try:
            name = codecs.lookup(wanted).name
            "".encode(name)  # refuses what isn't a text encoding, such as hex
        except (LookupError, ValueError) as error:
            message = f"Encoding {wanted!r} isn't known here; try gb18030, big5, shift_jis, euc_kr or utf-16."
            raise UsageError("ENCODING_NAME", message, field="encoding") from error
        return Encoding(name, lines)
    if mark or utf8 * 2 >= beyond:
        return Encoding(mark or "utf-8", lines)
    return _judged(path, lines, sample)


def _judged(path: Path, lines: int, sample: list[bytes]) -> Encoding:
    known = [line for line in sample if decodes(line, "gb18030")]
    try:
        found = decode(path.name, b"".join(sample))
    except ReadingError as error:
        if not known:
            return Encoding("utf-8", lines)
        if error.code != "ENCODING_INVALID" and len(known) < len(sample):  # without the damaged lines it may be sure
            return _judged(path, lines, known)
        # A few damaged lines, or too little text to be sure of: the commonest one is tried, and said.
        note = "too little text to be sure that its encoding is gb18030; say it with --encoding"
        return Encoding("gb18030", lines, None if error.code == "ENCODING_INVALID" else note)
    return Encoding(found.encoding, lines)


def decodes(data: bytes, encoding: str, *, final: bool = True) -> bool:
    """Whether the bytes are text of that encoding."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(data, final)
    except UnicodeDecodeError:
        return False
    return True
