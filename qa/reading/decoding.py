"""Bytes → text, strictly: a file is decoded without a single replaced character, or refused with the place.

The order: byte order mark; strict UTF-8; the owner's encoding (first of all where UTF-8 could be chance); then what the
bytes are most plausible as. Big5, EUC-KR and much of Shift_JIS decode as GB18030 without an error, so an error-free
decoding proves nothing: the candidates are compared by ``plausible.nats``, and where they come out close, or the best
looks like no text at all, the file is refused and the owner asked to name the encoding.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from qa.errors import UsageError
from qa.reading.document import ReadingError
from qa.reading.plausible import nats

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before utf-16: FF FE 00 00 begins with UTF-16's mark
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MAGIC = (
    (b"%PDF-", "a PDF file"),
    (b"PK\x03\x04", "a ZIP archive (docx, xlsx, epub and the like are such)"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file, or one with a password"),
    (b"\x7fELF", "a program (ELF)"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"GIF87a", "a GIF picture"),
    (b"GIF89a", "a GIF picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"\x1f\x8b\x08", "gzip data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"{\\rtf", "an RTF document"),
    (b"SQLite format 3\0", "an SQLite database"),
)

_CHINESE = ("zh-Hans", "zh-Hant")
_LANGUAGES = {
    "gb18030": _CHINESE,
    "big5": ("zh-Hant",),
    "cp932": ("ja",),
    "euc_jp": ("ja",),
    "cp949": ("ko",),
    "utf-16-le": (*_CHINESE, "ja", "ko"),
    "utf-16-be": (*_CHINESE, "ja", "ko"),
}
"""The codecs that are considered, each with the languages that are written in it. cp932 and cp949 are what Windows
calls Shift_JIS and EUC-KR, and hold them."""
_GB18030_NATS = 10.0
"""How far GB18030 is ahead before the text is looked at: in a pile of Chinese articles it is e^10 times as likely as
any other. With it two characters of GBK are read as such, though as a pair of hangul they would do about as well."""
_MARGIN_NATS = 5.0
"""The least lead over the runner-up: odds of 150 to 1."""
_MOST_NATS_PER_BYTE = 5.25
"""Above this, bytes beyond ASCII are no likelier than chance: prose in its right encoding costs 3.2 to 4.7; Russian,
German or Arabic of a single-byte encoding, misread, 5.5 to 6.9 (docs/reading.md)."""
_SAMPLE_BYTES = 8_000
"""How much is judged, from the first byte beyond ASCII on: far more than the few dozen that decide; bounds the time."""
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")

_UTF8_CJK = re.compile(rb"(?:[\xe3-\xe9][\x80-\xbf]{2}){6,}")
"""Six Chinese characters of UTF-8 in a row: in GBK text that chance is below 1e-10, so the file is UTF-8 in part."""
_UTF8_CERTAIN = 8
"""That many characters beyond ASCII, all in valid UTF-8, are no chance: a GBK character passes one time in five."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """``text`` without a byte order mark, the codec that gave it, and a word on the choice where it was a judgement."""

    text: str
    encoding: str
    note: str | None = None


def kind_of(data: bytes) -> str | None:
    """What the bytes are by their first ones, where those are a known binary format's; None for everything else."""
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)


def decode(file: str, data: bytes, encoding: str | None = None) -> Decoded:
    """The text of ``data``, every character of it as its encoding has it.

    ``encoding`` is the owner's word. It yields only to a byte order mark and to bytes that can't be valid UTF-8 by
    chance, so that one option serves a folder of mixed files; where it doesn't fit, the others are tried.

    Raises:
        ReadingError: NOT_TEXT (a binary format's first bytes), BINARY_OR_NUL (a NUL in the text), ENCODING_INVALID
            (a known encoding, damaged or mixed: the byte offset is told), ENCODING_AMBIGUOUS (several fit about
            equally), ENCODING_UNKNOWN (none fits).
        UsageError: ENCODING_NAME.
    """
    wanted = None if encoding is None else _codec(encoding)
    kind = kind_of(data)
    if kind is not None:
        raise ReadingError("NOT_TEXT", f"{file}: its content is {kind}, not text; rename it or leave it out.")
    decoded = _marked(file, data) or _utf8_or_wanted(data, wanted) or _guessed(file, data)
    if "\0" in decoded.text:
        raise _binary(file, decoded.text.count("\0"))
    return decoded


def _codec(name: str) -> str:
    try:
        "".encode(name)  # refuses what isn't a text encoding, such as hex
        return codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        message = (
            f"--encoding {name!r} is no encoding that Python knows; try gb18030, big5, shift_jis, euc_kr or utf-16."
        )
        raise UsageError("ENCODING_NAME", message, field="encoding") from error


def _marked(file: str, data: bytes) -> Decoded | None:
    for mark, codec in _BOMS:
        if data.startswith(mark):
            try:
                return Decoded(data[len(mark) :].decode(codec), codec)
            except UnicodeDecodeError as error:
                raise _invalid(
                    file, codec, len(mark) + error.start, "though it begins with that encoding's mark"
                ) from error
    return None


def _utf8_or_wanted(data: bytes, wanted: str | None) -> Decoded | None:
    utf8 = _strictly(data, "utf-8")
    if utf8 is not None and b"\0" not in data:
        beyond_ascii = len(data) - len(utf8)  # 1 to 3 bytes more for each such character
        if wanted in {None, "utf-8"}:
            return Decoded(utf8, "utf-8")
        if beyond_ascii >= 2 * _UTF8_CERTAIN:
            return Decoded(utf8, "utf-8", f"read as utf-8, which it is beyond chance, not as {wanted}")
    text = None if wanted is None else _strictly(data, wanted)
    return None if text is None or wanted is None else Decoded(text, wanted, "as named by --encoding")


def _strictly(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeError:  # not only UnicodeDecodeError: the owner may name a codec such as punycode
        return None


def _guessed(file: str, data: bytes) -> Decoded:
    """The most plausible decoding of bytes that are no UTF-8, or that hold NULs."""
    utf8_run = _UTF8_CJK.search(data)
    if utf8_run is not None and b"\0" not in data:
        try:
            data.decode()
        except UnicodeDecodeError as error:
            where = f"though bytes {utf8_run.start()} to {utf8_run.end()} are; it is damaged or of several encodings"
            raise _invalid(file, "utf-8", error.start, where) from error
    ranked = sorted(_judged(data))
    if not ranked or ranked[0][2] > _MOST_NATS_PER_BYTE:
        if b"\0" in data:
            raise _binary(file, data.count(b"\0"))
        raise _refusal(file, "ENCODING_UNKNOWN", "its bytes make no plausible text in any encoding that can be guessed")
    cost, codec, _ = ranked[0]
    text = data.decode(codec)
    if len(ranked) == 1:
        return Decoded(text, codec, f"no UTF-8; {codec} is the only encoding that fits")
    lead, rival = ranked[1][0] - cost, ranked[1][1]
    if lead < _MARGIN_NATS:
        raise _refusal(file, "ENCODING_AMBIGUOUS", f"it may be {codec} or {rival}, about equally likely")
    return Decoded(text, codec, f"no UTF-8; judged to be {codec}, with {rival} next, {lead:.0f} nats less likely")


def _judged(data: bytes) -> Iterator[tuple[float, str, float]]:
    """Of every codec that decodes the data: its cost, its name, its cost per byte beyond ASCII."""
    first = _BEYOND_ASCII.search(data)
    # Even, lest UTF-16 be cut in two. Before it stand whole ASCII letters, unless they are halves beside NULs.
    start = 0 if first is None or b"\0" in data else first.start() & ~1
    for codec, languages in _LANGUAGES.items():
        # NULs are letters' upper halves in UTF-16 and nothing at all elsewhere.
        if b"\0" in data and not codec.startswith("utf-16"):
            continue
        if _strictly(data, codec) is None:
            continue
        sample = codecs.getincrementaldecoder(codec)().decode(data[start : start + _SAMPLE_BYTES])
        beyond = "".join(char for char in sample if not char.isascii())
        per_byte = nats(beyond, languages) / max(1, len(beyond.encode(codec)))
        ahead = _GB18030_NATS if codec == "gb18030" else 0.0
        yield nats(sample, languages) - ahead, codec, per_byte


def _binary(file: str, nuls: int) -> ReadingError:
    return ReadingError("BINARY_OR_NUL", f"{file}: holds {nuls} NUL, so it is no text or a damaged one; remove them.")


def _refusal(file: str, code: str, reason: str) -> ReadingError:
    return ReadingError(code, f"{file}: {reason}; say which it is with --encoding, such as --encoding big5.")


def _invalid(file: str, codec: str, place: int, reason: str) -> ReadingError:
    message = f"{file}: byte {place} isn't valid {codec}, {reason}; convert it, or name its encoding with --encoding."
    return ReadingError("ENCODING_INVALID", message)
