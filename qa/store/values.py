"""What goes into the store and what comes out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from qa.articles import BYLINE_MARKS, Article, Dated, Page, Piece, Section
from qa.errors import InputError
from qa.passages import Passage
from qa.reading import Document


@dataclass(frozen=True, slots=True)
class Model:
    """A sentence model, as far as the store must know it: vectors of another ``fingerprint`` can't be compared."""

    fingerprint: str
    name: str
    dim: int


@dataclass(frozen=True, slots=True)
class Point:
    """A state in a store's history: ``sequence`` of the last change, and the mark that no other history has there."""

    sequence: int
    mark: str


@dataclass(frozen=True, slots=True)
class SplitPage:
    """A document with its structure, ready to be stored.

    ``passages`` has one tuple for each section, the sections of all articles counted through in order. ``structure``
    names the version of the splitting, so that a later version knows what to split again.
    """

    document: Document
    page: Page
    passages: tuple[tuple[Passage, ...], ...]
    structure: str

    def indexed_texts(self) -> list[str]:
        """What is embedded for each passage, in order: see `indexed_text`."""
        sections = ((article, section) for article in self.page.articles for section in article.sections)
        return [
            text
            for (article, section), passages in zip(sections, self.passages, strict=True)
            for text in section_texts(article, section, passages)
        ]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the corpus. ``sha256`` is of the original's bytes; empty when it must be read again (see `repair`)."""

    id: int
    name: str
    root: str
    sha256: str
    encoding: str
    encoding_note: str | None
    format: str
    chars: int
    structure: str
    indexed_at: int
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage and everything that says where it stands. ``text`` is what is shown: the original's ``pieces``."""

    id: int
    article_id: int
    file: str
    headline: str | None
    kicker: str | None
    subhead: str | None
    byline: str | None
    section: str | None
    start: int
    end: int
    text: str
    pieces: tuple[Piece, ...]
    date: str | None = None
    """The article's, where it is known, as in ``qa.filters.days``."""

    @property
    def head(self) -> str:
        """Kicker, headline, subhead and section path, a line each: indexed together with the text.

        The byline isn't here: it is in the text of the passage where it is printed, so that who asks for an author gets
        one passage an article, and the one that says so.
        """
        return head(self.kicker, self.headline, self.subhead, self.section)

    @property
    def above(self) -> str:
        """All that holds for the passage beside its text: the head, and the byline."""
        return head(self.head, self.byline)

    @property
    def body(self) -> int:
        """Where its text proper begins, in characters of ``text``: behind the byline that an article's first has."""
        at, lines = 0, ""
        while self.byline and (end := self.text.find("\n", at)) > 0:
            at, lines = end + 1, f"{lines} {self.text[at:end]}".lstrip(BYLINE_MARKS)
            if lines == self.byline:
                return at
            if not self.byline.startswith(lines):
                break
        return 0

    @property
    def indexed_text(self) -> str:
        """What is embedded: see the function of this name."""
        return indexed_text(self.head, self.text)


@dataclass(frozen=True, slots=True)
class StoredSection:
    """A section and its passages, in order. ``heading`` is the path of headings, or None."""

    heading: str | None
    start: int
    end: int
    kind: str
    passages: tuple[StoredPassage, ...]


@dataclass(frozen=True, slots=True)
class ArticleLine:
    """An article in a list. ``sections`` and ``passages`` are numbers of them."""

    id: int
    file: str
    headline: str | None
    kicker: str | None
    subhead: str | None
    byline: str | None
    start: int
    end: int
    sections: int
    passages: int
    dated: Dated | None = None

    @property
    def date(self) -> str | None:
        """Where it is known, as in ``qa.filters.days``."""
        return self.dated.date if self.dated else None


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """An article whole. ``text`` is its span of the original; offsets of sections count into the file's text.

    ``furniture`` (start, end, kind) is what stands within its span and is no part of it.
    """

    id: int
    file: StoredFile
    headline: str | None
    kicker: str | None
    subhead: str | None
    byline: str | None
    start: int
    end: int
    text: str
    sections: tuple[StoredSection, ...]
    furniture: tuple[tuple[int, int, str], ...]
    dated: Dated | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found wrong. ``repairable``: by `wenbao doctor --repair`, from what the store itself holds."""

    code: str
    message: str
    repairable: bool


def head(*parts: str | None) -> str:
    """The parts that there are, a line each."""
    return "\n".join(part for part in parts if part)


def indexed_text(top: str, text: str) -> str:
    """A passage as it is embedded: its head, then its text. Nine of 17 sample sections name their street only there."""
    return f"{top}\n{text}" if top else text


def section_texts(article: Article, section: Section, passages: Sequence[Passage]) -> list[str]:
    """The indexed text of each of a section's passages."""
    top = head(article.kicker, article.headline, article.subhead, section.heading)
    return [indexed_text(top, passage.text) for passage in passages]


def content_hash(text: str) -> bytes:
    """SHA-256 of an indexed text: equal ones share a vector, so what moved or didn't change isn't embedded again."""
    return hashlib.sha256(text.encode("utf-8")).digest()


def check_storable(document: Document, root: str) -> None:
    """Nothing, for a document of whole characters.

    Raises:
        InputError: TEXT_NOT_UNICODE, when a name or text holds half a surrogate pair, which no UTF-8 file can keep.
    """
    for text in (document.file, root, document.text, document.encoding_note or ""):
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise InputError(
                "TEXT_NOT_UNICODE",
                f"{document.file!a}: character {error.start} of its name or text is half a surrogate pair, which "
                "UTF-8 can't hold; save the file again as UTF-8.",
            ) from error
