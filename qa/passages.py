"""Sections → passages: what is indexed and shown, cut at sentence borders.

Third stage of the data's way. A passage holds about 80 to 350 characters of one section, so that a question's answer
stands in it with its surroundings and nothing else. Where it may be cut is decided over the whole section at once: the
cheapest way to cut, by dynamic programming over its sentences.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from qa.articles import Article, Paragraph, Piece, Section, pieces
from qa.text import sentences

PASSAGES_VERSION = 3
"""Grows when the same sections would be cut otherwise."""

LONGEST = 350
"""Characters that a passage holds at most (the acceptance figure for the first passage's mean length)."""
SHORTEST = 80
"""Characters below which a passage is joined with a neighbour where the section has one."""
TARGET = 250
"""Length aimed at: between the two; the mean paragraph of the sample pages has 140 characters."""
FAR = 40
"""Characters of other text between two captions from which on they make two passages."""

_CLAUSE = "；;，,、：: "


@dataclass(frozen=True, slots=True)
class Passage:
    """A slice of a section: ``text`` as shown, ``pieces`` the slices of the original that it is made of.

    Joined, the pieces are as long as the text and equal to it, but that a line end inside a paragraph shows as a blank.

    ``start`` is the original's place of its first character, ``end`` the place after its last, the white space before
    the section's next passage included.
    """

    start: int
    end: int
    text: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence: its places in the original, its text as shown, and whether a paragraph ends with it."""

    places: tuple[int, ...]
    text: str
    last: bool


def split_article(text: str, article: Article) -> list[tuple[Section, list[Passage]]]:
    """Each section of the article with its passages; ``text`` is the file's."""
    return [(section, split_section(text, section)) for section in article.sections]


def split_section(text: str, section: Section) -> list[Passage]:
    """The section's passages in order; none where it has no text.

    Each ends at a sentence border, but for a sentence longer than LONGEST, which is cut at its clauses.
    """
    found: list[Passage] = []
    for lines, group in _groups(section):
        # A byline is no passage by itself, so the sentence behind it leaves room for it.
        room = LONGEST - min(sum(len(line.text) + 1 for line in lines), LONGEST - 2 * SHORTEST)
        inside = sorted([*lines, *group], key=lambda paragraph: paragraph.start)
        units = [unit for part in inside for unit in _units(part, room if part is group[0] else LONGEST)]
        made = [_passage(text, units[a:b]) for a, b in _cuts([len(unit.places) for unit in units], units)]
        found.extend(_tiled(text, made))
    return found


def _tiled(text: str, made: list[Passage]) -> list[Passage]:
    """The passages with the white space before the next one counted to each, so that they tile their section."""
    for i, (passage, after) in enumerate(pairwise(made)):
        if not text[passage.end : after.start].strip():
            made[i] = Passage(passage.start, after.start, passage.text, passage.pieces)
    return made


def _groups(section: Section) -> list[tuple[list[Paragraph], list[Paragraph]]]:
    """Paragraphs that may share a passage, with the bylines that belong to them.

    All of a text section may, but only captions that stand close together. A byline goes with what it stands over,
    else with the last.
    """
    groups: list[list[Paragraph]] = []
    for paragraph in section.paragraphs:
        near = bool(groups) and (section.kind == "text" or 0 <= paragraph.start - groups[-1][-1].end < FAR)
        if near:
            groups[-1].append(paragraph)
        else:
            groups.append([paragraph])
    bylines: list[list[Paragraph]] = [[] for _ in groups]
    owners = [(paragraph.start, number) for number, group in enumerate(groups) for paragraph in group]
    for line in section.bylines if owners else ():
        _, below = owners[min(bisect(owners, (line.start, 0)), len(owners) - 1)]
        bylines[below].append(line)
    return list(zip(bylines, groups, strict=True))


def _units(paragraph: Paragraph, room: int) -> list[_Unit]:
    places = [place for piece in paragraph.pieces for place in range(piece.start, piece.end)]
    spans = [part for span in sentences(paragraph.text) for part in _clauses(paragraph.text, *span, room)]
    # Each unit reaches to the next one's start, so that the paragraph's characters are all kept.
    starts = [0, *(start for start, _ in spans[1:])]
    ends = [*starts[1:], len(places)]
    return [
        _Unit(tuple(places[a:b]), paragraph.text[a:b], b == len(places))
        for a, b in zip(starts, ends, strict=True)
        if b > a
    ]


def _clauses(text: str, start: int, end: int, room: int) -> list[tuple[int, int]]:
    """The sentence whole, or cut after clause marks (or anywhere, if it has none) where it is too long."""
    parts: list[tuple[int, int]] = []
    while end - start > room:
        cut = max(text.rfind(mark, start + SHORTEST, start + room) for mark in _CLAUSE)
        cut = cut + 1 if cut >= 0 else start + room
        parts.append((start, cut))
        start = cut
    parts.append((start, end))
    return parts


def _cuts(lengths: Sequence[int], units: Sequence[_Unit]) -> list[tuple[int, int]]:
    """The cheapest way to cut: slices of the units that tile them.

    A passage costs the squared distance of its length from TARGET in hundreds of characters, one for ending inside a
    paragraph, and two for being shorter than SHORTEST.
    """
    best: list[tuple[float, int]] = [(0.0, 0)]
    for b in range(1, len(lengths) + 1):
        inside = not units[b - 1].last
        cheapest = (math.inf, b - 1)
        total = 0
        for a in range(b - 1, -1, -1):
            # A line break stands between two paragraphs of a passage.
            total += lengths[a] + (units[a].last and a < b - 1)
            if total > LONGEST and a < b - 1:
                break
            cost = best[a][0] + ((total - TARGET) / 100) ** 2 + inside + 2 * (total < SHORTEST)
            if cost <= cheapest[0]:
                cheapest = (cost, a)
        best.append(cheapest)
    slices: list[tuple[int, int]] = []
    b = len(lengths)
    while b > 0:
        a = best[b][1]
        slices.append((a, b))
        b = a
    return slices[::-1]


def _passage(text: str, units: Sequence[_Unit]) -> Passage:
    """The units as one passage; between its paragraphs stands one line break, whose place is one of the original's."""
    places: list[int] = []
    shown: list[str] = []
    for before, unit in zip([None, *units], units, strict=False):
        if before is not None and before.last:
            place = _line_break(text, places[-1] + 1, unit.places[0])
            if place is not None:
                places.append(place)
                shown.append("\n")
        places.extend(unit.places)
        shown.append(unit.text)
    whole = "".join(shown)
    left, right = len(whole) - len(whole.lstrip()), len(whole.rstrip())
    places, whole = places[left:right], whole[left:right]
    start, end = places[0], places[-1] + 1
    # Emphasis marks that open it are the passage's own, though not shown.
    while start and text[start - 1] == "*":
        start -= 1
    return Passage(start, end, whole, pieces(places))


def _line_break(text: str, start: int, end: int) -> int | None:
    """The place of a line break between the two places, else of other white space; None where there is none."""
    found = text.find("\n", start, end)
    return found if found >= 0 else next((place for place in range(start, end) if text[place].isspace()), None)
