"""Text → blocks: lines joined to paragraphs, markup and meaningless blanks dropped, every character's place kept.

First half of the way from a page to its articles. A block is what a reader sees as one paragraph or one line of
display type. It is a tuple of *places* (indices into the page's text); its text is the characters at those places, so
nothing shown can differ from what was printed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qa.articles import cues

# Scripts written without blanks between words: kana, CJK ideographs and the full-width forms used with them.
_UNSPACED = (
    "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\u2014\u2018-\u201d\u2026\U00020000-\U0003ffff"
)
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
_HAN_BLANK_HAN = re.compile(r"(?<=[\u4e00-\u9fff])[ \t\u3000]+(?=[\u4e00-\u9fff])")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LINE = re.compile(r"([^\r\n\f\v\u2028\u2029\x85]*)(\r\n|[\r\n\f\v\u2028\u2029\x85]|$)")
_MARKUP = re.compile(r"\*\*|__(?=\S)|(?<=\S)__")
_MARKDOWN_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")

NOISE_DENSITY = 1 / 60
"""Blanks between two Chinese characters, per such character, from which on a page's blanks are print-line ends read by
the OCR rather than meant. The one noisy sample page has 1/17, the others at most 1/230."""

NOISE_COUNT = 8
"""Fewer blanks than these prove nothing: a short text may hold a byline and a heading with blanks that are meant."""

LETTER_SPACED = 0.7
"""Share of neighbouring Chinese characters with a blank between them from which on a line is letter-spaced."""

FULL_LINE = 0.8
"""Share of the print width from which on a line counts as full, so that its break is the printer's."""

GAP = 3
"""Blank lines from which on a break is the place of a lost picture rather than the end of a paragraph."""


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph or display line. ``places`` index the page's text; ``gap`` counts the blank lines before it."""

    places: tuple[int, ...]
    text: str
    gap: int

    @property
    def start(self) -> int:
        """Place of the first character."""
        return self.places[0]

    @property
    def end(self) -> int:
        """Place after the last character."""
        return self.places[-1] + 1

    def __len__(self) -> int:
        """Length in characters as shown."""
        return len(self.places)

    def cut(self, start: int, end: int | None = None) -> Block:
        """The part from character ``start`` to ``end`` of the shown text, blanks at its borders aside."""
        return trimmed(Block(self.places[start:end], self.text[start:end], self.gap))


def trimmed(block: Block) -> Block:
    """The block without white space at its borders."""
    left = len(block.text) - len(block.text.lstrip())
    right = len(block.text.rstrip())
    return Block(block.places[left:right], block.text[left:right], block.gap)


def width(text: str) -> float:
    """Printed width in full-width characters: Latin letters, digits and blanks count a half."""
    return sum(1.0 if _UNSPACED_CHARACTER.match(character) else 0.5 for character in text)


def is_noisy(text: str) -> bool:
    """Whether the blanks between this page's Chinese characters are OCR noise: decided per page (see NOISE_DENSITY)."""
    blanks = len(_HAN_BLANK_HAN.findall(text))
    return blanks >= NOISE_COUNT and blanks / len(_HAN.findall(text)) > NOISE_DENSITY


def is_letter_spaced(text: str) -> bool:
    """Whether nearly every Chinese character of this line is set apart, as in ``和 平 里``."""
    han = len(_HAN.findall(text))
    return han >= 3 and len(_HAN_BLANK_HAN.findall(text)) >= LETTER_SPACED * (han - 1)


def without_blanks(block: Block, *, everywhere: bool = False) -> Block:
    """The block without blanks beside a character of an unspaced script.

    Args:
        block: the block.
        everywhere: drop each blank that touches such a character (noise after punctuation or before a figure too);
            otherwise only those between two of them.
    """
    text, keep = block.text, []
    for i, character in enumerate(text):
        if character.isspace():
            before = bool(keep) and bool(_UNSPACED_CHARACTER.match(text[keep[-1]]))
            rest = text[i:].lstrip()
            after = bool(rest) and bool(_UNSPACED_CHARACTER.match(rest[0]))
            if (before or after) if everywhere else (before and after):
                continue
        keep.append(i)
    return Block(tuple(block.places[i] for i in keep), "".join(text[i] for i in keep), block.gap)


def joined(left: Block, right: Block, source: str) -> Block:
    """Two halves of one paragraph: without a blank in unspaced scripts, else with the white space that stood between.

    ``source`` is the page's text.
    """
    glue: tuple[int, ...] = ()
    unspaced = _UNSPACED_CHARACTER.match(left.text[-1]) or _UNSPACED_CHARACTER.match(right.text[0])
    if not unspaced and left.end < right.start and source[left.end].isspace():
        glue = (left.end,)
    between = "".join(source[place] for place in glue)
    return Block(left.places + glue + right.places, left.text + between + right.text, left.gap)


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    indent: int
    gap: int


def _lines(source: str) -> list[_Line]:
    """The lines that hold text, each with its indent (in half-width columns) and the blank lines before it."""
    lines: list[_Line] = []
    gap = 0
    for match in _LINE.finditer(source):
        content = match[1]
        stripped = content.strip()
        if stripped:
            lead = len(content) - len(content.lstrip())
            start = match.start() + lead
            lines.append(_Line(start, start + len(stripped), int(2 * width(content[:lead])), gap))
            gap = 0
        else:
            gap += 1
    return lines


def _print_width(source: str, lines: Sequence[_Line]) -> float | None:
    """The width of the page's print lines when its paragraphs are hard-wrapped, else None.

    Hard-wrapped means: where a line is directly followed by another, most are nearly full and don't end a sentence.
    """
    inner = [line for line, after in zip(lines, lines[1:], strict=False) if after.gap == 0]
    if len(inner) < 4:
        return None
    widths = sorted(width(source[line.start : line.end]) for line in inner)
    full = widths[int(0.9 * (len(widths) - 1))]
    filled = [line for line in inner if width(source[line.start : line.end]) >= FULL_LINE * full]
    open_ended = [line for line in filled if not cues.ends_sentence(source[line.start : line.end])]
    if full > 70 or len(filled) < 0.6 * len(inner) or len(open_ended) < 0.5 * len(filled):
        return None
    return full


def _clean(source: str, start: int, end: int, gap: int) -> Block:
    """A line as a block: emphasis and link marks dropped, runs of white space reduced to their first character."""
    drop: set[int] = set()
    line = source[start:end]
    for match in _MARKUP.finditer(line):
        drop.update(range(*match.span()))
    for match in _MARKDOWN_LINK.finditer(line):
        drop.update(set(range(*match.span())) - set(range(*match.span(1))))
    places: list[int] = []
    for i in range(len(line)):
        if i in drop or (line[i].isspace() and (not places or source[places[-1]].isspace())):
            continue
        places.append(start + i)
    while places and source[places[-1]].isspace():
        places.pop()
    return Block(tuple(places), "".join(source[place] for place in places), gap)


def blocks(source: str) -> list[Block]:
    """The page's paragraphs and display lines in reading order; column breaks are not mended yet."""
    lines = _lines(source)
    full = _print_width(source, lines)
    found: list[Block] = []
    last_width = 0.0
    base = min((line.indent for line in lines), default=0)
    for line in lines:
        block = _clean(source, line.start, line.end, line.gap)
        if not block.places:
            continue
        if is_letter_spaced(block.text):
            block = without_blanks(block)
        wrapped = (
            full is not None
            and found
            and line.gap == 0
            and last_width >= FULL_LINE * full
            and line.indent < base + 2
            and not cues.opens_block(block.text)
            and not cues.is_mark_line(found[-1].text)
        )
        last_width = width(source[line.start : line.end])
        if wrapped:
            found[-1] = joined(found[-1], block, source)
        else:
            found.append(block)
    return found
