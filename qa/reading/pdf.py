"""PDF → the text of its pages, in the order in which pdfium gives it."""

from __future__ import annotations

import threading
from typing import Any

import pypdfium2
from pypdfium2.raw import FPDF_ERR_PASSWORD

from qa.reading.decoding import kind_of
from qa.reading.document import Extract, ReadingError

_PAGE_BREAK = "\n\n"
_ONE_AT_A_TIME = threading.Lock()
"""pdfium is not safe to use in several threads at once."""
_REPLACED = str.maketrans({"\x02": "\u00ad", "\ufffe": "\u00ad", "\0": "\ufffd"})


def extract(file: str, data: bytes) -> Extract:
    r"""The text layer, pages apart by a blank line, lines ended by ``\n``.

    pdfium joins a word that was hyphenated at a line's end and marks the place; here the mark is a soft hyphen.

    Raises:
        ReadingError: PARSE_FAILED (damaged, with a password, without pages), NO_TEXT (a scan without a text layer).
    """
    if b"%PDF-" not in data[:1024]:  # as every PDF reader allows
        raise _failed(file, f"it is {kind_of(data) or 'something else'}")
    try:
        with _ONE_AT_A_TIME, pypdfium2.PdfDocument(data) as document:
            pages = [_page_text(page) for page in document]
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == FPDF_ERR_PASSWORD:
            raise _failed(file, "it needs a password; save it without one") from error
        raise _failed(file, f"it is damaged, or has no pages ({error})") from error
    text = _PAGE_BREAK.join(pages)
    if not text.strip():
        reason = f"its {len(pages)} pages hold pictures only; run it through text recognition (OCR) first"
        raise ReadingError("NO_TEXT", f"{file}: {reason}.")
    return Extract(text)


def _page_text(page: Any) -> str:
    # Not get_text_range, which knows no characters beyond U+FFFF. A NUL is a glyph that the font gives no character.
    # The mark is U+0002 or U+FFFE, by pdfium's version.
    layer = page.get_textpage()
    text: str = layer.get_text_bounded()
    layer.close()
    page.close()  # now, not with the document: a book has thousands
    return text.replace("\r\n", "\n").translate(_REPLACED).strip("\n")


def _failed(file: str, reason: str) -> ReadingError:
    return ReadingError("PARSE_FAILED", f"{file}: can't be read as a PDF: {reason}.")
