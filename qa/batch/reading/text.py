"""Numbered lines of a text file, each decoded or refused on its own; and the plainest questions, one a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from qa.batch.reading.sniffing import WIDE
from qa.batch.values import LINE_CHARS, Row
from qa.errors import InputError

Line = tuple[int, str | InputError]


def lines(path: Path, encoding: str, *, newline: str | None = None) -> Iterator[Line]:
    """The lines from 1, with their ends; an error stands for one that is too long or not in the encoding.

    ``newline`` as ``open`` takes it: "" leaves line ends as they are.
    """
    wide = encoding.startswith(WIDE)
    with path.open(encoding=encoding, errors="replace" if wide else "surrogateescape", newline=newline) as file:
        number = 0
        while line := file.readline(LINE_CHARS + 1):
            number += 1
            if len(line) > LINE_CHARS and not line.endswith(("\n", "\r")):
                _skip_rest(file)
                yield number, InputError("LINE_TOO_LONG", f"Line {number} is longer than {LINE_CHARS} characters.")
            elif not encodable(line) or (wide and "\ufffd" in line):
                name = encoding.removesuffix("-sig").upper()
                yield number, InputError("ROW_ENCODING", f"Line {number} isn't {name} text.")
            else:
                yield number, line


def read_txt(numbered: Iterator[Line]) -> Iterator[Row]:
    """A question a line."""
    for number, line in numbered:
        if isinstance(line, InputError):
            yield Row(number, str(number), error=line)
        elif "\0" in line:
            fault = InputError("ROW_NUL", f"Line {number}: the question holds a NUL; remove it.", field="question")
            yield Row(number, str(number), line.strip().replace("\0", ""), error=fault)
        else:
            yield Row(number, str(number), line.strip(), blank=not line.strip())


def encodable(text: str) -> bool:
    """No lone surrogates: neither undecodable bytes nor half a character written as an escape."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _skip_rest(file: TextIO) -> None:
    while (part := file.readline(LINE_CHARS)) and not part.endswith(("\n", "\r")):
        pass
