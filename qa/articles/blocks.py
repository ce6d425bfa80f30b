"""Text → blocks: lines joined to paragraphs, markup and meaningless blanks dropped, every character's place kept.

First half of the way from a page to its articles. A block is what a reader sees as one paragraph or one line of
display type. It is a tuple of *places* (indices into the page's text); its text is the characters at those places, so
nothing shown can differ from what was printed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from qa.articles import cues

# Scripts written without blanks between words: kana, CJK ideographs and the full-width forms used with them.
_UNSPACED = (
    "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\u2014\u2018-\u201d\u2026\U00020000-\U0003ffff"
)
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
_HAN_BLANK_HAN = re.compile(r"(?<=[\u4e00-\u9fff])[ \t\u3000]+(?=[\u4e00-\u9fff])")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LINE = re.compile(r"([^\r\n\f\v\u2028\u2029\x85]*)(\r\n|[\r\n\f\v\u2028\u2029\x85]|$)")
_LOOSE_BLANK = re.compile(r"^\s+|(?<=\s)\s+|\s+$")
"""White space at a text's borders, and all but the first character of a run: what isn't kept."""
_MARKUP = re.compile(r"\*\*|__(?=\S)|(?<=\S)__")
# The bounds keep matching quick on a line of nothing but brackets.
_MARKDOWN_LINK = re.compile(r"!?\[([^\[\]\n]{0,200})\]\((?:[^()\n]|\([^()\n]{0,100}\)){0,400}\)")
_FENCE = re.compile(r"^(`{3,}|~{3,})[ \t]*[\w+.#-]*$")
_INNER_MARK = re.compile(r"[，、。；：！？,.;:!?“”「」()（）《》]\s*\w")
_WIDE_BLANK = re.compile(r"[ \t]{2,}|[\t\u3000]+")

NOISE_DENSITY = 1 / 60
"""Blanks between two Chinese characters, per such character, from which on a page's blanks are print-line ends read by
the OCR rather than meant. The one noisy sample page has 1/17, the others at most 1/230."""

NOISE_COUNT = 8
"""Fewer blanks than these prove nothing: a short text may hold a byline and a heading with blanks that are meant."""

LETTER_SPACED = 0.7
"""Share of neighbouring Chinese characters with a blank between them from which on a line is letter-spaced."""

FULL_LINE = 0.8
"""Share of the print width from which on a line counts as full, so that its break is the printer's."""

WIDER = 1.2
"""A line wider than the print lines by this factor is none of them."""

POINTED = 0.2
"""Share of full lines with a punctuation mark inside from which on they can be prose; lines of verse have none."""

GAP = 3
"""Blank lines from which on a break is the place of a lost picture rather than the end of a paragraph; counted as if
paragraphs were one blank line apart, whatever the page's usual distance is."""

INDENT = 2
"""Columns from which on a line counts as indented: one full-width blank."""


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph or display line. ``places`` index the page's text; ``gap`` counts the blank lines before it.

    ``verbatim`` is set for a line of a fenced block of code, in which no mark means anything; ``beside`` for a byline
    that stands on the line of the block before it.
    """

    places: tuple[int, ...]
    text: str
    gap: int
    verbatim: bool = False
    beside: bool = False

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
        return trimmed(replace(self, places=self.places[start:end], text=self.text[start:end]))


def trimmed(block: Block) -> Block:
    """The block without white space at its borders."""
    left = len(block.text) - len(block.text.lstrip())
    right = len(block.text.rstrip())
    return replace(block, places=block.places[left:right], text=block.text[left:right])


def width(text: str) -> float:
    """Printed width in full-width characters: Latin letters, digits and blanks count a half."""
    return 0.5 * (len(text) + len(_UNSPACED_CHARACTER.findall(text)))


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
    after = [False] * (len(text) + 1)
    for i in range(len(text) - 1, -1, -1):
        after[i] = after[i + 1] if text[i].isspace() else bool(_UNSPACED_CHARACTER.match(text[i]))
    before = False
    for i, character in enumerate(text):
        if not character.isspace():
            before = bool(_UNSPACED_CHARACTER.match(character))
        elif (before or after[i]) if everywhere else (before and after[i]):
            continue
        keep.append(i)
    return replace(block, places=tuple(block.places[i] for i in keep), text="".join(text[i] for i in keep))


def joined(parts: Sequence[Block], source: str) -> Block:
    """The parts of one paragraph, at least one, as a block; ``source`` is the page's text.

    Nothing stands between two of them where a script without blanks touches the border or a figure in Chinese text is
    broken, else one blank: its place is that of the white space, usually a line end, that stood there.
    """
    if len(parts) == 1:
        return parts[0]
    places: list[int] = list(parts[0].places)
    texts: list[str] = [parts[0].text]
    for left, right in pairwise(parts):
        unspaced = _UNSPACED_CHARACTER.match(left.text[-1]) or _UNSPACED_CHARACTER.match(right.text[0])
        figure = left.text[-1].isdigit() and right.text[0].isdigit() and _HAN.search(left.text)
        if not (unspaced or figure) and left.end < right.start and source[left.end].isspace():
            places.append(left.end)
            texts.append(" ")
        places.extend(right.places)
        texts.append(right.text)
    return replace(parts[0], places=tuple(places), text="".join(texts))


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that holds text: its borders without white space, its indent in half-width columns, the gap above."""

    start: int
    end: int
    indent: int
    gap: int
    text: str
    beside: bool = False

    @property
    def width(self) -> float:
        return width(self.text)


def _lines(source: str) -> list[_Line]:
    lines: list[_Line] = []
    gap = 0
    for match in _LINE.finditer(source):
        content = match[1]
        stripped = content.strip()
        if stripped:
            lead = len(content) - len(content.lstrip())
            start = match.start() + lead
            lines.append(_Line(start, start + len(stripped), int(2 * width(content[:lead])), gap, stripped))
            gap = 0
        else:
            gap += 1
    return _evened(lines)


def _evened(lines: list[_Line]) -> list[_Line]:
    """The lines with their gaps counted as if paragraphs were one blank line apart (some files double each break)."""
    breaks = Counter(line.gap + 1 for line in lines[1:] if line.gap)
    usual = min(breaks, key=lambda count: (-breaks[count], count), default=2)
    if usual <= 2:
        return lines
    return [replace(line, gap=max(0, round(2 * (line.gap + 1) / usual) - 1)) for line in lines]


@dataclass(frozen=True, slots=True)
class _Print:
    """How a hard-wrapped page was printed: the width of its lines, and whether paragraphs begin with an indent."""

    width: float
    base: int
    indented: bool

    def is_full(self, line: _Line) -> bool:
        """Whether the line reaches so far that its end may be the printer's."""
        return line.width >= FULL_LINE * self.width

    def is_indented(self, line: _Line) -> bool:
        return line.indent >= self.base + INDENT


def _print(lines: Sequence[_Line]) -> _Print | None:
    """How the page's paragraphs were hard-wrapped, or None where each is one line.

    Hard-wrapped means: where a line is directly followed by another, most are nearly full and don't end a sentence.
    """
    pairs = [(line, after) for line, after in pairwise(lines) if after.gap == 0 and not after.beside]
    if len(pairs) < 4:
        return None
    widths = sorted(line.width for line, _ in pairs)
    base = min(line.indent for line in lines)
    page = _Print(widths[int(0.9 * (len(widths) - 1))], base, indented=False)
    filled = [line for line, _ in pairs if page.is_full(line)]
    open_ended = [line for line in filled if not cues.ends_sentence(line.text)]
    pointed = [line for line in filled if _INNER_MARK.search(line.text)]
    if page.width > 70 or len(filled) < 0.6 * len(pairs) or len(open_ended) < 0.5 * len(filled):
        return None
    if len(pointed) < POINTED * len(filled):
        return None
    after_ends = [after for line, after in pairs if not page.is_full(line) and cues.ends_sentence(line.text)]
    indented = sum(page.is_indented(line) for line in after_ends)
    return replace(page, indented=indented > 2 and 2 * indented > len(after_ends))


def _undoubled(lines: list[_Line]) -> tuple[list[_Line], _Print | None]:
    """The lines and how they were printed; where every line break of a hard-wrapped page was doubled, halve them."""
    if any(line.gap % 2 == 0 and not line.beside for line in lines[1:]):
        return lines, _print(lines)
    halved = [replace(line, gap=line.gap // 2) for line in lines]
    page = _print(halved)
    if page is None:
        return lines, None
    # An ordinary page, a blank line between its paragraphs, may look so too: be sure.
    pairs = [line for line, after in pairwise(halved) if after.gap == 0]
    sure = len(pairs) >= 12 and sum(page.is_full(line) for line in pairs) >= 0.8 * len(pairs)
    return (halved, page) if sure else (lines, None)


def _clean(line: _Line, *, verbatim: bool) -> Block:
    """A line as a block: emphasis and link marks dropped, runs of white space reduced to their first character."""
    text = line.text
    places: Sequence[int] = range(line.start, line.start + len(text))
    dropped: list[tuple[int, int]] = []
    if not (verbatim or cues.is_rule(text)):
        dropped += [match.span() for match in _MARKUP.finditer(text)]
        for match in _MARKDOWN_LINK.finditer(text):
            dropped += [(match.start(), match.start(1)), (match.end(1), match.end())]
    if dropped:
        text, places = _without(text, places, dropped)
    if _LOOSE_BLANK.search(text):
        text, places = _without(text, places, [match.span() for match in _LOOSE_BLANK.finditer(text)])
    return Block(tuple(places), text, line.gap, verbatim, line.beside)


def _without(text: str, places: Sequence[int], spans: list[tuple[int, int]]) -> tuple[str, Sequence[int]]:
    """The text and the places of its characters without those of ``spans``."""
    kept: list[str] = []
    left: list[int] = []
    at = 0
    for start, end in sorted(spans):
        if start > at:
            kept.append(text[at:start])
            left += places[at:start]
        at = max(at, end)
    return "".join([*kept, text[at:]]), [*left, *places[at:]]


def _beside(line: _Line) -> tuple[_Line, ...]:
    """The line, or its two halves where a byline stands on the right of a headline, set apart by wide blanks."""
    if len(line.text) > 120 or cues.is_byline(line.text):
        return (line,)
    for match in _WIDE_BLANK.finditer(line.text):
        left, right = line.text[: match.start()], line.text[match.end() :]
        if cues.is_byline(right) or (cues.is_signature(right) and not cues.ends_sentence(left)):
            middle = line.start + match.end()
            return (
                replace(line, end=line.start + match.start(), text=left),
                replace(line, start=middle, gap=0, text=right, beside=True),
            )
    return (line,)


def blocks(source: str) -> list[Block]:
    """The page's paragraphs and display lines in reading order; column breaks are not mended yet."""
    lines, page = _undoubled([half for line in _lines(source) for half in _beside(line)])
    groups: list[list[Block]] = []
    first = last = None
    fences = [i for i, line in enumerate(lines) if _FENCE.match(line.text)]
    borders = set(fences[: len(fences) // 2 * 2])
    fenced = False
    for i, line in enumerate(lines):
        if i in borders:
            fenced = not fenced
            first = last = None
            continue
        block = _clean(line, verbatim=fenced)
        if not block.places:
            continue
        if is_letter_spaced(block.text):
            block = without_blanks(block)
        run_in = bool(groups) and cues.is_dateline(groups[-1][0].text) and line.gap == 0
        if (
            first is not None
            and last is not None
            and page is not None
            and (run_in or _wraps(page, first, last, line, block, lines[i + 1] if i + 1 < len(lines) else None))
        ):
            groups[-1].append(block)
        else:
            groups.append([block])
            first = line
        last = line
    return [joined(group, source) for group in groups]


def _wraps(page: _Print, first: _Line, last: _Line, line: _Line, block: Block, after: _Line | None) -> bool:
    """Whether the line goes on with the paragraph of a hard-wrapped page from ``first`` to ``last``."""
    if line.gap or line.beside or block.verbatim or page.is_indented(line):
        return False
    if page.indented and not page.is_indented(first):
        return False
    if max(last.width, line.width) > WIDER * page.width:
        return False
    # A line of many figures looks short; where paragraphs are indented, an open end is enough.
    ended = cues.ends_sentence(last.text) or last.text[-1] in ")）"
    if not page.is_full(last) and (not page.indented or ended):
        return False
    if cues.is_mark_line(first.text) or cues.opens_block(block.text):
        return False
    if not ended or cues.cannot_open(block.text) or cues.ends_sentence(line.text):
        return True
    # The paragraph's last line was full by chance if what follows is short, or stands alone above the next indent.
    alone = page.indented and (after is None or page.is_indented(after))
    return page.is_full(line) and not alone
