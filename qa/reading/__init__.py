"""Files → text: the first stage of the data's way.

``walk`` finds the article files of folders, ``read`` makes a ``Document`` of one: its text, in which every later offset
counts, and the headings that its format knows. A file is opened once; hash and text come from the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import PurePath

from qa.reading.decoding import decode
from qa.reading.document import FORMATS, Document, Extract, Found, Heading, Problem, ReadingError, shown_name
from qa.reading.parquet import SUFFIX as PARQUET
from qa.reading.parquet import content
from qa.reading.walking import unreachable, walk

__all__ = [
    "FORMATS",
    "MAX_BYTES",
    "PARQUET",
    "Document",
    "Found",
    "Heading",
    "Problem",
    "ReadingError",
    "load",
    "parse",
    "read",
    "shown_name",
    "walk",
]

MAX_BYTES = 64 << 20
"""Largest file that is read, in bytes: the default of ``Settings.file_mb``."""


def read(found: Found, encoding: str | None = None, max_bytes: int = MAX_BYTES) -> Document:
    """The found file as text: ``parse`` of what ``load`` gives, with the errors of both."""
    return parse(found.file, load(found, max_bytes), encoding)


def load(found: Found, max_bytes: int = MAX_BYTES) -> bytes:
    """The file's bytes, as they are at this moment.

    Raises:
        ReadingError: FILE_TOO_LARGE with more than ``max_bytes``; FILE_CHANGED when it grows at this very moment;
            FILE_NOT_FOUND when it vanished since it was found; NOT_A_FILE, PERMISSION_DENIED, PATH_TOO_LONG,
            READ_FAILED.
    """
    if found.row is not None:
        return content(found, found.row, max_bytes)
    try:
        with open(found.path, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ReadingError("NOT_A_FILE", f"{found.file}: no longer a regular file, so not read.")
            if status.st_size > max_bytes:
                reason = f"larger than {max_bytes / (1 << 20):g} MiB; split it, or raise WENBAO_FILE_MB"
                raise ReadingError("FILE_TOO_LARGE", f"{found.file}: {reason}.")
            data = file.read(status.st_size + 1)
    except OSError as error:
        problem = unreachable(found.file, error)
        raise ReadingError(problem.code, problem.message) from error
    if len(data) > status.st_size:
        raise ReadingError("FILE_CHANGED", f"{found.file}: grew while it was read; run again when it is complete.")
    return data


def _without_waiting(path: str, flags: int) -> int:
    # A pipe that took the file's place since the walk would otherwise wait for a writer for ever.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def parse(file: str, data: bytes, encoding: str | None = None) -> Document:
    """The bytes of a file called ``file`` as text; its suffix says the format.

    ``encoding`` (txt, md, html) is tried before what the bytes themselves suggest, but after a byte order mark.

    Raises:
        ReadingError: the codes of docs/reading.md; nothing half-read is ever returned.
        UsageError: ENCODING_NAME, when Python knows no such text encoding.
    """
    suffix = PurePath(file).suffix.lower()
    if suffix not in FORMATS:
        known = ", ".join(sorted(FORMATS))
        raise ReadingError("UNSUPPORTED_FORMAT", f"{file}: files of this kind can't be read; known are {known}.")
    extract = _extract(FORMATS[suffix], file, data, encoding)
    return Document(
        file=file,
        text=extract.text,
        encoding=extract.encoding,
        format=FORMATS[suffix],
        sha256=hashlib.sha256(data).hexdigest(),
        headings=extract.headings,
        encoding_note=extract.encoding_note,
    )


def _extract(kind: str, file: str, data: bytes, encoding: str | None) -> Extract:
    # Each of these readers loads a library at its import (0.1 s and more) that a run without such files never needs.
    if kind == "html":
        from qa.reading import html  # noqa: PLC0415

        return html.extract(file, data, encoding)
    if kind == "pdf":
        from qa.reading import pdf  # noqa: PLC0415

        return pdf.extract(file, data)
    if kind == "docx":
        from qa.reading import docx  # noqa: PLC0415

        return docx.extract(file, data)
    decoded = decode(file, data, encoding)
    return Extract(decoded.text, decoded.encoding, decoded.note)
