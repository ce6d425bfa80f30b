"""The pack's form: names of its members, the manifest, and one line of the corpus to and from a document."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qa.errors import InputError
from qa.reading import Document, Heading

FORMAT = "wenbao-pack"
VERSION = 1
"""Of the members and of the lines; a pack of a higher one is refused."""
MANIFEST, CORPUS, VECTORS = "manifest.json", "corpus.jsonl", "vectors.bin"
OWNERS = ("dictionary.txt", "synonyms.txt")
"""The owner's own words; both may be missing."""
MEMBERS = (CORPUS, VECTORS, *OWNERS, MANIFEST)
"""In the order in which they are written: the manifest has the others' hashes."""
CONTENT_BYTES = hashlib.sha256().digest_size
"""Before each vector stands the SHA-256 of the indexed text that it belongs to."""

NAME_CHARS, ROOT_CHARS, WORD_CHARS = 1024, 255, 64
_FORMATS = frozenset({"txt", "md", "html", "pdf", "docx"})
_SHA256 = re.compile(r"[0-9a-f]{64}")


def refused(pack: Path, reason: str, code: str = "PACK_INVALID") -> InputError:
    """The error for a pack that isn't taken in; nothing was changed by it."""
    return InputError(code, f"{pack}: {reason}; nothing of it was taken in.")


def damaged(pack: Path, reason: str) -> InputError:
    """The error for a pack that isn't as it was written."""
    return refused(pack, f"{reason}: it is damaged or only half there; copy it again", "PACK_DAMAGED")


def sealed(manifest: Mapping[str, object]) -> bytes:
    """The manifest as it is written, with a SHA-256 of its other keys."""

    def dump(content: Mapping[str, object]) -> bytes:
        return json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1).encode("utf-8")

    return dump({**manifest, "seal": hashlib.sha256(dump(manifest)).hexdigest()})


def read_json(data: bytes) -> Any:
    """Strict JSON: UTF-8, no key twice, no NaN.

    Raises:
        ValueError: it isn't.
    """

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key stands twice")
        return found

    def constant(name: str) -> object:
        raise ValueError(f"{name} is no JSON value")

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_constant=constant)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def line(document: Document, root: str, structure: Mapping[str, object]) -> bytes:
    """A file of the corpus on one line, with its articles and furniture for other programs to read."""
    content = {
        "file": document.file,
        "root": root,
        "sha256": document.sha256,
        "encoding": document.encoding,
        "encoding_note": document.encoding_note,
        "format": document.format,
        "headings": [[heading.start, heading.end, heading.level] for heading in document.headings],
        "text": document.text,
        "articles": structure["articles"],
        "furniture": structure["furniture"],
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n"


def parse_line(data: bytes, most_chars: int) -> tuple[Document, str]:
    """The document of a line, and its root.

    Articles and furniture are left aside: they are read from the text again, so that a pack can't make a text say what
    it doesn't.

    Raises:
        ValueError: with what is wrong, in words.
    """
    found = read_json(data)
    if not isinstance(found, dict):
        raise ValueError("a line is no object")  # noqa: TRY004 (wrong content, whatever its type)
    text = _text(found, "text", most_chars)
    note = found.get("encoding_note")
    document = Document(
        file=_file_name(found),
        text=text,
        encoding=_text(found, "encoding", WORD_CHARS),
        format=_text(found, "format", WORD_CHARS),
        sha256=_text(found, "sha256", WORD_CHARS),
        headings=_headings(found.get("headings"), len(text)),
        encoding_note=None if note is None else _text(found, "encoding_note", NAME_CHARS),
    )
    if document.format not in _FORMATS:
        raise ValueError(f"the format {document.format!a} is none of {', '.join(sorted(_FORMATS))}")
    if document.sha256 and not _SHA256.fullmatch(document.sha256):
        raise ValueError("sha256 is no hash")
    root = _text(found, "root", ROOT_CHARS)
    if any(unicodedata.category(character) == "Cc" for character in root):
        raise ValueError("root holds control characters")
    return document, root


def _text(found: Mapping[str, object], key: str, most: int) -> str:
    value = found.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key} is no text")  # noqa: TRY004 (wrong content, whatever its type)
    if len(value) > most:
        raise ValueError(f"{key} has {len(value)} characters, at most {most} are taken")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"{key} holds half a character")
    return value


def _file_name(found: Mapping[str, object]) -> str:
    """A relative name with ``/`` between its parts. It never becomes a path; a hostile one is refused all the same."""
    name = _text(found, "file", NAME_CHARS)
    parts = name.split("/")
    if not name or "" in parts or {".", ".."} & set(parts) or "\\" in name or re.match(r"[A-Za-z]:", name):
        raise ValueError(f"{name[:60]!a} is no name of a file in a corpus")
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise ValueError(f"{name[:60]!a} holds control characters")
    return name


def _headings(given: object, chars: int) -> tuple[Heading, ...]:
    if not isinstance(given, list):
        raise ValueError("headings are no list")  # noqa: TRY004 (wrong content, whatever its type)
    headings = []
    for item in given:
        whole = isinstance(item, list) and len(item) == 3 and all(type(part) is int for part in item)
        if not whole or not (0 <= item[0] <= item[1] <= chars and 1 <= item[2] <= 9):
            raise ValueError("a heading doesn't lie in its text")
        headings.append(Heading(*item))
    return tuple(headings)
