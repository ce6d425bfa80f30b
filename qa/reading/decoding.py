"""Bytes → text, strictly: a file is decoded without a single replaced character, or refused with the place."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from qa.reading.document import ReadingError

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before utf-16: FF FE 00 00 begins with UTF-16's mark
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Decoded:
    """``text`` without a byte order mark, the codec that gave it, and a word on the choice where it was a judgement."""

    text: str
    encoding: str
    note: str | None = None


def decode(file: str, data: bytes, encoding: str | None = None) -> Decoded:
    """The text of ``data``."""
    for mark, codec in _BOMS:
        if data.startswith(mark):
            return Decoded(data[len(mark) :].decode(codec), codec)
    for codec in (encoding, "utf-8", "gb18030"):
        if codec is not None:
            try:
                return Decoded(data.decode(codec), codec)
            except UnicodeDecodeError:
                continue
    raise ReadingError("ENCODING_UNKNOWN", f"{file}: the encoding isn't known; name it with --encoding.")
