"""The values of reading: what was found, what was read, what couldn't be."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from qa.errors import InputError

FORMATS = {
    ".txt": "txt",
    ".text": "txt",
    ".md": "md",
    ".markdown": "md",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".docx": "docx",
}
"""Suffix (lower case) → format. What has no suffix of these is no article."""


class ReadingError(InputError):
    """A file can't be read; the message is one sentence that names it. The codes are listed in docs/reading.md."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read.

    ``file`` is its name in the corpus: the path relative to the folder that was named, with ``/`` on every system, or
    the file's own name when it was named itself; characters that can't be shown are escaped (``shown_name``). ``root``
    is the name of that folder, empty when the file was named itself. With a ``row`` it is that row of a Parquet file.
    """

    path: Path
    file: str
    root: str
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What couldn't be found or read, while the run goes on. ``message`` is one sentence that names the file."""

    file: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Heading:
    """``text[start:end]`` is a heading's text; level 1 is the highest."""

    start: int
    end: int
    level: int


@dataclass(frozen=True, slots=True)
class Document:
    """A file as text.

    ``text`` is what every offset in wenbao counts into (``str`` indices): for txt and md the decoded file with its line
    ends as they are and without a byte order mark, for the other formats what the reader extracted.
    ``encoding`` names the codec that was taken, in Python's spelling; empty for pdf and docx, which have none.
    ``encoding_note`` says what a reader of the report should know of that choice.
    ``sha256`` is of the bytes that ``text`` was made from.
    ``headings``, in order of place, are only what the format itself says (html h1–h6, docx styles).
    """

    file: str
    text: str
    encoding: str
    format: str
    sha256: str
    headings: tuple[Heading, ...] = ()
    encoding_note: str | None = None


@dataclass(frozen=True, slots=True)
class Extract:
    """What a format's reader makes of a file's bytes."""

    text: str
    encoding: str = ""
    encoding_note: str | None = None
    headings: tuple[Heading, ...] = ()


def shown_name(name: str) -> str:
    r"""The name with everything that a terminal or page must not receive written as an escape.

    Control and format characters (a new line, ESC, RTL override), line separators and the surrogates that stand for
    bytes which aren't UTF-8 become ``\x1b`` or ``\u202e``; the result can always be printed and stored.
    """
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in _UNSHOWN else char
        for char in name
    )


_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
