"""What a page is made of: articles, sections, paragraphs, and what belongs to no article. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Span = tuple[int, int]
"""A start and an end, in characters; the end is past the last."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A slice ``start:end`` of the original text. What is shown is always such slices, joined."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A run of prose: the text as shown, and the slices of the original that it is made of, in order."""

    text: str
    pieces: tuple[Piece, ...]

    @property
    def start(self) -> int:
        """Where it begins in the original."""
        return self.pieces[0].start

    @property
    def end(self) -> int:
        """Where it ends in the original."""
        return self.pieces[-1].end


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with the paragraphs under it.

    ``heading`` is the path of headings under the headline, joined by " › ", or None for the lead. ``start`` is where
    the heading begins (its bullet included), or the text where there is none. ``kind`` is "text", or "captions" for
    the words under an article's pictures, which may stand anywhere on the page.
    """

    heading: str | None
    start: int
    end: int
    paragraphs: tuple[Paragraph, ...]
    kind: str = "text"
    bylines: tuple[Paragraph, ...] = ()
    """The lines above an article's text that say who wrote it. They stand before ``start``, but the first passage
    begins with them, so that who wrote is found, shown and marked where it is printed."""


@dataclass(frozen=True, slots=True)
class Dated:
    """A date, ISO 8601 in the precision that is printed: ``2020-03-08``, ``2020-03`` or ``2020``.

    ``source`` says where it stands: "front matter", "header", "dateline", "page", "signature" or "file name".
    """

    date: str
    source: str


@dataclass(frozen=True, slots=True)
class Article:
    """One article. ``headline`` is None for a tail whose beginning is not on the page, ``dated`` where none is told."""

    kicker: str | None
    headline: str | None
    subhead: str | None
    byline: str | None
    start: int
    end: int
    sections: tuple[Section, ...]
    dated: Dated | None = None


@dataclass(frozen=True, slots=True)
class Furniture:
    """Text of the page that is no article's: masthead, banner, advertisement, imprint, credit."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Page:
    """A file as read: articles and furniture, each in the order of the page."""

    articles: tuple[Article, ...]
    furniture: tuple[Furniture, ...]


def pieces(places: Iterable[int]) -> tuple[Piece, ...]:
    """Consecutive places gathered to slices, in the order given."""
    found: list[Piece] = []
    start = end = -1
    for place in places:
        if place == end:
            end += 1
            continue
        if end > start:
            found.append(Piece(start, end))
        start, end = place, place + 1
    if end > start:
        found.append(Piece(start, end))
    return tuple(found)


def shown_spans(pieces: Sequence[Piece], spans: Sequence[Span]) -> list[Span]:
    """Where ``spans`` of the original stand in the text that ``pieces`` show: sorted, touching ones joined.

    A span that no piece shows is left out; a piece stands for as many characters of the shown text as it has itself.
    """
    found: list[Span] = []
    shown = 0
    for piece in pieces:
        for start, end in spans:
            low, high = max(start, piece.start), min(end, piece.end)
            if low < high:
                found.append((shown + low - piece.start, shown + high - piece.start))
        shown += piece.end - piece.start
    joined: list[Span] = []
    for start, end in sorted(found):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
