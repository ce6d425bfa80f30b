"""Blocks → roles: which block is a headline, a kicker, a byline, a section heading, a caption, furniture, prose.

A newspaper page has few words that say what they are, so each decision leans on neighbours. The order matters:

1. *Marks*: what a block says of itself (``#``, bullets, numbers, bylines, datelines, credits, telephone lines).
2. *Headers*: a byline or dateline is the surest sign of an article; the display lines right above it are its header.
3. *Ends*: a byline after the last paragraph closes an article, so a display line after it opens one.
4. *Leftovers*: display lines that head nothing: furniture at the top, captions at the places of lost pictures, halves
   of sentences at column feet, and, what remains, section headings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

import rjieba

from qa.articles import cues
from qa.articles.blocks import GAP, Block, joined, width
from qa.reading import Heading

TITLE_WIDTH = 40.0
"""Widest display line, in full-width characters. The longest kicker among the samples has 32."""

HEADER_LINES = 3
"""Kicker, headline, subhead: more display lines above a byline are captions of pictures over the headline."""

JUMP = 20
"""Captions and lines of furniture, less one, over which a sentence is looked for; more are a page of their own."""

ALIKE = 0.4
"""Share of a line's bigrams that another one of the same series holds at least."""

BANNER_WIDTH = 12.0
"""Widest page banner over a header of three lines."""


class Role(Enum):
    """What a block is to the reader."""

    TITLE = auto()  # a display line not yet understood
    BODY = auto()
    HEADING = auto()  # of a section
    KICKER = auto()
    HEADLINE = auto()
    SUBHEAD = auto()
    BYLINE = auto()
    CAPTION = auto()
    FURNITURE = auto()


@dataclass(slots=True)
class Node:
    """A block and what is known of it; mutable while the page is being understood."""

    block: Block
    role: Role
    start: int
    """Where it begins on the page, its mark included."""
    style: str = "plain"
    """How a heading is marked: "h1"… "h6", "bullet", a style of numbering, "date", "bold", "plain"."""
    byline: Block | None = None
    """A reporter's name that the block carried at its beginning or end."""
    opens: bool = False
    """Does it begin an article's text (a byline or a run-in dateline)?"""
    closes: bool = False
    """Is it the last of its article (a byline at the end)?"""
    kind: str = ""
    """Kind of furniture."""
    new: bool = False
    """Begins an article."""
    listed: bool = False
    """Is an item of a list, so never the second half of a sentence."""
    source: Block | None = None
    """The block with its closing mark, where it has one."""

    @property
    def text(self) -> str:
        """The text as shown."""
        return self.block.text

    @property
    def gap(self) -> int:
        """Blank lines above."""
        return self.block.gap

    @property
    def end(self) -> int:
        """Where it ends on the page."""
        return (self.source or self.block).end

    @property
    def beside(self) -> bool:
        """Whether it stands on the line of the node before it."""
        return self.block.beside


def understand(found: Sequence[Block], headings: Sequence[Heading], source: str) -> list[Node]:
    """Each block's role. ``headings`` are those that the file's own format names (HTML, DOCX)."""
    named = {heading.start: heading for heading in headings}
    nodes = [_marked(block, named, source) for block in found]
    _front_matter(nodes)
    nodes = _underlined(nodes)
    _folios(nodes)
    _fields(nodes)
    _lone_triangles(nodes, source)
    tight = 2 * sum(node.gap == 0 for node in nodes[1:]) > len(nodes)
    if not tight:
        _advertisements(nodes)
        nodes = _two_lines(nodes, source)
    _signatures(nodes)
    _headers(nodes)
    _leftovers(nodes)
    return nodes


# 1. Marks


def _marked(block: Block, named: Mapping[int, Heading], source: str) -> Node:
    text, start = block.text, block.start
    if block.verbatim:
        return Node(block, Role.BODY, start, "code", listed=True)
    if cues.is_rule(text):
        return Node(block, Role.FURNITURE, start, kind="rule")
    if start in named:
        return Node(block, Role.HEADING, start, f"h{named[start].level}")
    if source[max(0, start - 2) : start] == "![":
        return Node(block, Role.CAPTION, start)
    match = cues.MARKDOWN_HEADING.match(text)
    if match:
        return Node(block.cut(match.end()), Role.HEADING, start, f"h{len(match[1])}")
    if cues.is_advertisement(text):
        return Node(block, Role.FURNITURE, start, kind="advertisement")
    if cues.is_imprint(text) and not cues.is_date_heading(text):
        return Node(block, Role.FURNITURE, start, kind="imprint")
    if cues.is_contact(text):
        return Node(block, Role.FURNITURE, start, kind="contact")
    if cues.is_credit(text):
        return Node(block, Role.FURNITURE, start, kind="credit")
    if cues.is_byline(text):
        return Node(block, Role.BYLINE, start)
    length = cues.dateline_length(text)
    if length:
        if not text[length:].strip():
            return Node(block, Role.BYLINE, start)
        return Node(block, Role.BODY, start, byline=block.cut(0, length), opens=True)
    if cues.is_caption_sentence(text):
        return Node(block, Role.CAPTION, start)
    if cues.is_date_heading(text):
        return Node(block, Role.TITLE, start, "date")
    match = cues.BULLET.match(text)
    if match:
        rest = block.cut(match.end())
        role = Role.TITLE if is_display(rest.text) else Role.BODY
        return Node(rest, role, start, "date" if cues.is_date_heading(rest.text) else "bullet", listed=True)
    match = cues.BRACKETED.match(text)
    if match and is_display(text):
        inner = block.cut(*match.span("words" if match["words"] else "title"))
        return Node(inner, Role.TITLE, start, "date" if cues.is_date_heading(inner.text) else "bracket", source=block)
    number = cues.numbering(text)
    if number and is_display(text):
        style = "date" if cues.is_date_heading(text[number[1] :]) else number[0]
        return Node(block, Role.TITLE, start, style, listed=True)
    item = cues.LIST_ITEM.match(text)
    if text[0] == "|":
        return Node(block, Role.BODY, start, "row", listed=True)
    if number:
        return Node(block, Role.BODY, start, number[0], listed=True)
    if item:
        return Node(block if text[0].isdigit() else block.cut(item.end()), Role.BODY, start, listed=True)
    if is_display(text):
        bold = source[max(0, start - 2) : start] == "**" and source[block.end : block.end + 2] == "**"
        return Node(block, Role.TITLE, start, "bold" if bold else "plain")
    at = cues.end_reporters_start(text)
    if at:
        return Node(block, Role.BODY, start, byline=block.cut(at))
    return Node(block, Role.BODY, start)


def _front_matter(nodes: list[Node]) -> None:
    """The block of settings between two rules at the top of a Markdown file."""
    if nodes and nodes[0].text == "---" and nodes[0].start == 0:
        end = next((i for i, node in enumerate(nodes[1:40], 1) if node.text == "---"), None)
        for node in nodes[: end + 1 if end is not None else 0]:
            _furnish(node, "front matter")


def _underlined(nodes: list[Node]) -> list[Node]:
    """The nodes without the rules that underline a heading: they are marks of it."""
    kept: list[Node] = []
    for node in nodes:
        level = cues.underlines(node.text) if node.kind == "rule" and node.gap == 0 else 0
        if level and kept and kept[-1].role is Role.TITLE:
            kept[-1].role, kept[-1].style = Role.HEADING, f"h{level}"
        else:
            kept.append(node)
    return kept


def _folios(nodes: Sequence[Node]) -> None:
    """Page numbers stand alone: figures in a column are text. What stands beside them again and again is a running head."""
    folios = [i for i, node in enumerate(nodes) if node.kind == "imprint" and cues.is_folio(node.text)]
    inside = set(folios)
    beside: dict[str, list[Node]] = {}
    for i in folios:
        if i - 1 in inside or i + 1 in inside:
            nodes[i].role, nodes[i].kind, nodes[i].listed = Role.BODY, "", True
            continue
        for j in (i - 1, i + 1):
            if 0 <= j < len(nodes) and nodes[j].role is Role.TITLE:
                beside.setdefault(nodes[j].text, []).append(nodes[j])
    for repeated in beside.values():
        if len(repeated) > 1:
            for node in repeated:
                _furnish(node, "running head")


def _fields(nodes: Sequence[Node]) -> None:
    """Labels with their values, two and more right below one another, are a list (``时间：…``, ``地点：…``)."""
    run: list[Node] = []
    for node in [*nodes, None]:
        field = node is not None and node.role in {Role.TITLE, Role.BODY, Role.FURNITURE} and cues.is_field(node.text)
        if node is not None and field and (node.gap == 0 or not run):
            run.append(node)
            continue
        if len(run) > 1:
            for item in run:
                item.role, item.style, item.kind, item.listed = Role.BODY, "field", "", True
        run = [node] if node is not None and field else []


def _lone_triangles(nodes: Sequence[Node], source: str) -> None:
    """A triangle that stands over or under one line only is a pointer to a picture, not a bullet."""
    for pointers in ("▲△", "▼▽"):
        found = [node for node in nodes if node.style == "bullet" and source[node.start] in pointers]
        if len(found) == 1 and found[0].role is Role.TITLE:
            found[0].role = Role.CAPTION


def _two_lines(nodes: Sequence[Node], source: str) -> list[Node]:
    """The nodes with each headline that was set in two lines as one; blank lines tell it from what surrounds it."""
    kept: list[Node] = []
    for i, node in enumerate(nodes):
        before = kept[-1] if kept else None
        alone = i + 1 == len(nodes) or nodes[i + 1].gap > 0 or nodes[i + 1].beside
        if (
            before is not None
            and alone
            and node.gap == 0
            and (before.gap > 0 or len(kept) == 1)
            and {before.role, node.role} == {Role.TITLE}
            and {before.style, node.style} == {"plain"}
            and not (cues.is_signature(node.text) or cues.is_item(node.text))
        ):
            before.block = joined((before.block, node.block), source)
        else:
            kept.append(node)
    return kept


def is_display(text: str) -> bool:
    """Whether the line could be display type: short, and not a sentence."""
    return (
        width(text) <= TITLE_WIDTH
        and not cues.ends_sentence(text)
        and not re.search(r"[。：:；;,，、]$|。", text)
        and not (text[:1].islower() and text.isascii())
    )


def _signatures(nodes: list[Node]) -> None:
    """Author lines made of post and name: right under display lines, or after an article's last paragraph."""
    for i, node in enumerate(nodes):
        if node.role is not Role.TITLE or node.style != "plain" or not cues.is_signature(node.text):
            continue
        before = nodes[i - 1] if i else None
        after = nodes[i + 1] if i + 1 < len(nodes) else None
        under = before is not None and before.role in {Role.TITLE, Role.HEADING} and node.gap < GAP
        last = before is not None and before.role is Role.BODY and cues.ends_sentence(before.text)
        if under and after is not None and after.role is Role.BODY:
            node.role = Role.BYLINE
        elif last and (after is None or after.role is not Role.BODY):
            node.role = Role.BYLINE


# 2. and 3. Headers and ends


def _headers(nodes: list[Node]) -> None:
    _directions(nodes)
    levels = _article_levels(nodes)
    _rules(nodes)
    for i, node in enumerate(nodes):
        if node.role is Role.HEADING and node.style in levels:
            _header(nodes, i, i)
    for i, node in enumerate(nodes):
        if (node.role is Role.BYLINE or node.byline is not None) and node.opens:
            _anchored(nodes, i)
        elif node.style == "date" and node.role is Role.TITLE and i and nodes[i - 1].role is Role.TITLE:
            before = nodes[i - 2] if i > 1 else None
            if nodes[i - 1].style == "plain" and (before is None or before.role is Role.FURNITURE or before.closes):
                _header(nodes, i - 1, i - 1)
    _after_ends(nodes)
    if nodes and not any(node.new for node in nodes):
        _plain_article(nodes)


def _directions(nodes: list[Node]) -> None:
    """Tell bylines that open an article (display lines above) from those that close one (its last paragraph above)."""
    before: Node | None = None
    for i, node in enumerate(nodes):
        after = nodes[i + 1] if i + 1 < len(nodes) else None
        display_after = after is None or after.role in {Role.TITLE, Role.HEADING, Role.FURNITURE}
        if node.role is Role.BYLINE:
            if before is None or before.role in {Role.TITLE, Role.HEADING}:
                node.opens = True
            elif display_after or (after is not None and cues.opens_in_word(after.text)):
                node.closes = True
        elif node.byline is not None and not node.opens:
            node.closes = True
        if node.role is not Role.FURNITURE:
            before = node


def _article_levels(nodes: Sequence[Node]) -> set[str]:
    """The heading levels that stand for articles on this page.

    Where bylines tell, a level is one of articles when at least half of its headings carry one (below the heading or
    at the end of what it heads), and so is every level above. Where none tells: the highest level, unless the text
    begins without any heading or all its headings are of that level and follow an unmarked title.
    """
    heads = [i for i, node in enumerate(nodes) if node.role is Role.HEADING]
    if not heads:
        return set()
    signed: dict[str, list[bool]] = {}
    for i, j in zip(heads, [*heads[1:], len(nodes)], strict=True):
        if cues.is_date_heading(nodes[i].text):
            continue
        between = nodes[i + 1 : j]
        opening = next((n for n in between if n.role not in {Role.TITLE, Role.FURNITURE}), None)
        has = (opening is not None and opening.opens) or any(n.closes for n in between)
        signed.setdefault(nodes[i].style, []).append(has)
    if not signed:
        return set()
    by_byline = [style for style, has in signed.items() if sum(has) > 1 or sum(has) * 2 >= len(has)]
    if by_byline:
        deepest = max(by_byline)
        return {style for style in signed if style <= deepest}
    first = heads[0]
    if any(node.role in {Role.BODY, Role.TITLE} for node in nodes[:first]):
        return set()
    return {min(signed)}


def _rules(nodes: list[Node]) -> None:
    """A display line right below a rule, with prose below it, opens an article; so does the page's first line then."""
    found = [
        i + 1
        for i, node in enumerate(nodes[:-2])
        if node.kind == "rule"
        and any(n.role is Role.BODY for n in nodes[max(0, i - 1) : i])
        and nodes[i + 1].role is Role.TITLE
        and nodes[i + 1].style in {"plain", "bold"}
    ]
    if not found:
        return
    first = next((i for i, node in enumerate(nodes) if node.role is not Role.FURNITURE), 0)
    for i in [first, *found]:
        last = i
        while last + 1 < len(nodes) and nodes[last + 1].role is Role.TITLE and nodes[last + 1].style == "plain":
            last += 1
        opens = nodes[i].role is Role.TITLE and last + 1 < len(nodes) and last - i < HEADER_LINES
        if opens and nodes[last + 1].role in {Role.BODY, Role.BYLINE}:
            _header(nodes, i, last)


def _anchored(nodes: list[Node], i: int) -> None:
    """The header above the byline or dateline at ``i``, which may be empty where the headline is lost."""
    _subhead_below(nodes, i)
    first = i
    while first > 0 and i - first < 12:
        node = nodes[first - 1]
        if node.role in {Role.KICKER, Role.HEADLINE, Role.SUBHEAD}:
            return
        label = node.style == "bullet" and first < i
        if node.role is not Role.TITLE or not (node.style in {"plain", "bold", "date"} or label):
            if not _exclaims(nodes, first - 1):
                break
        elif _is_tail(nodes, first - 1):
            break
        first -= 1
        if node.gap >= GAP and first > 0 and first < i:
            break
    above = i - 1
    while above >= 0 and nodes[above].role in {Role.BYLINE, Role.SUBHEAD}:
        if nodes[above].role is Role.BYLINE and nodes[above].opens:
            return
        above -= 1
    if first < i or nodes[i].role is Role.BODY or i == 0:
        _header(nodes, first, i - 1)
        if not any(node.new for node in nodes[first : i + 1]):
            nodes[i].new = True


def _subhead_below(nodes: Sequence[Node], i: int) -> None:
    """A display line below a byline is the subhead if it begins with a dash, or if the byline stands beside the headline."""
    if i + 2 < len(nodes) and nodes[i].role is Role.BYLINE and nodes[i + 2].role is Role.BODY:
        below = nodes[i + 1]
        if (
            below.role is Role.TITLE
            and below.style == "plain"
            and (nodes[i].beside or re.match(r"[—―]", below.text))
            and not _is_half(nodes, i + 1)
        ):
            below.role = Role.SUBHEAD


def _exclaims(nodes: Sequence[Node], i: int) -> bool:
    """Whether the block is a headline that ends in a question or exclamation mark."""
    node = nodes[i]
    before = nodes[i - 1] if i else None
    return (
        node.role is Role.BODY
        and not node.opens
        and width(node.text) <= 25
        and bool(re.search(r"[？?！!]$", node.text))
        and not re.search(r"。", node.text)
        and (before is None or before.role is not Role.BODY or cues.ends_sentence(before.text))
    )


def _is_tail(nodes: Sequence[Node], i: int) -> bool:
    """Whether the display line is the rest of a sentence that the prose above it broke off."""
    before = nodes[i - 1] if i else None
    return (
        before is not None
        and before.role is Role.BODY
        and not cues.ends_sentence(before.text)
        and cues.continues(before.text, nodes[i].text)
    )


def _header(nodes: list[Node], first: int, last: int) -> None:
    """Give the display lines ``first`` to ``last`` their roles; a marked heading among them is the headline."""
    marked = next((i for i in range(first, last + 1) if nodes[i].role is Role.HEADING), None)
    if marked is not None:
        _around_mark(nodes, marked)
        return
    lines = list(range(first, last + 1))
    subhead = None
    if len(lines) > 1 and nodes[first].style == "bullet":
        nodes[first].role, nodes[first].new = Role.KICKER, True
        lines.pop(0)
    if len(lines) > 1 and re.match(r"[—\-–·―]", nodes[lines[-1]].text):
        subhead = lines.pop()
    while len(lines) > 1 and _is_picture(nodes, lines[0], first):
        nodes[lines.pop(0)].role = Role.CAPTION
    room = HEADER_LINES - (subhead is not None)
    if len(lines) > room:
        kept = 1 if subhead is not None or _alike(nodes, lines[-2], lines[:-2]) else 2
        for i in lines[:-kept]:
            nodes[i].role = Role.CAPTION
        lines = lines[-kept:]
    if not lines:
        return
    if len(lines) == HEADER_LINES and lines[0] == 0 and _is_banner(nodes, lines):
        _furnish(nodes[lines.pop(0)], "banner")
    if len(lines) == HEADER_LINES:
        subhead = lines.pop()
    elif len(lines) == 2 and subhead is None and not _is_kicker(nodes, *lines, lead=_lead(nodes, last + 1)):
        subhead = lines.pop()
    nodes[lines[-1]].role = Role.HEADLINE
    if subhead is not None:
        nodes[subhead].role = Role.SUBHEAD
    for i in lines[:-1]:
        nodes[i].role = Role.KICKER
    if not nodes[first].new:
        nodes[lines[0]].new = True


def _around_mark(nodes: list[Node], i: int) -> None:
    """A marked headline; an unmarked display line above is its kicker, one between it and the byline its subhead."""
    nodes[i].role, nodes[i].new = Role.HEADLINE, True
    first = i
    while (
        first and nodes[first - 1].role is Role.TITLE and nodes[first - 1].gap < GAP and not _is_tail(nodes, first - 1)
    ):
        first -= 1
    above = nodes[i - 1] if 1 <= i - first < HEADER_LINES else None
    if above is not None and (above.style == "bullet" or not cues.is_fragment(above.text)):
        above.role, above.new, nodes[i].new = Role.KICKER, True, False
    if first == 0 and i == 2 and _is_banner(nodes, range(3)):
        _furnish(nodes[0], "banner")
    below = nodes[i + 1] if i + 1 < len(nodes) else None
    if below is not None and below.role is Role.TITLE and below.gap < GAP:
        after = nodes[i + 2] if i + 2 < len(nodes) else None
        if re.match(r"[—―]", below.text) or (after is not None and (after.opens or after.role is Role.BYLINE)):
            below.role = Role.SUBHEAD


def _is_picture(nodes: Sequence[Node], i: int, first: int) -> bool:
    """Whether the first of several display lines is a caption: by its words, or at the place of a lost picture."""
    return cues.is_caption(nodes[i].text) or (i == first and nodes[i].gap >= GAP and i > 0)


def _alike(nodes: Sequence[Node], i: int, others: Sequence[int]) -> bool:
    """Whether the line reads like one of the others, as the captions of a series of pictures do."""
    return any(_shared(nodes[i].text, nodes[j].text) > ALIKE for j in others)


def _is_banner(nodes: Sequence[Node], lines: Sequence[int]) -> bool:
    widths = [width(nodes[i].text) for i in lines]
    return widths[0] <= BANNER_WIDTH and widths[0] < 0.75 * min(widths[1:])


def _lead(nodes: Sequence[Node], i: int) -> str:
    """The first words of the text from node ``i`` on."""
    return "".join(node.text for node in nodes[i : i + 4] if node.role is Role.BODY)[:220]


def _is_kicker(nodes: Sequence[Node], a: int, b: int, *, lead: str) -> bool:
    """Whether the first of two display lines is the kicker of the second, rather than the headline over a subhead.

    A headline tells what the first paragraph tells and names who did it; a kicker or subhead adds circumstances, often
    several phrases set apart by blanks, or begins with a verb, a time or a purpose. A quotation is the headline.
    """
    first, second = nodes[a].text, nodes[b].text
    score = 0.0
    score += 2.0 * (_is_quotation(second) - _is_quotation(first))
    score += 0.5 * (len(first.split()) > 2) - 0.5 * (len(second.split()) > 2)
    score += 0.5 * (a == 0) - 0.25
    score += 0.7 * (_is_circumstance(first) - _is_circumstance(second))
    score += 2.0 * (_shared(second, lead) - _shared(first, lead))
    return score > 0


def _is_quotation(text: str) -> bool:
    return bool(re.match(r"^[“\"「『][^”\"」』]*[”\"」』]$", text))


def _is_circumstance(text: str) -> bool:
    tagged = rjieba.tag(text[:8])
    if tagged and tagged[0][1] == "v":
        return True
    return bool(
        re.match(
            r"^(?:.{1,6}(?:期间|年内|月内|日内|以来|之际|前夕|之后|之前)|为了?|以|在|从|对|通过|面对|围绕|针对|根据)",
            text,
        )
    )


def _bigrams(text: str) -> set[str]:
    kept = re.sub(r"[\W_]+", "", text)
    return {kept[i : i + 2] for i in range(len(kept) - 1)}


def _shared(text: str, other: str) -> float:
    """Share of the text's character bigrams that the other text holds, 0…1."""
    mine = _bigrams(text)
    return len(mine & _bigrams(other)) / len(mine) if mine else 0.0


def _after_ends(nodes: list[Node]) -> None:
    """A display line after a closed article opens the next; one that closes without having opened gets a headline."""
    begin, told = -1, True
    for i, node in enumerate(nodes):
        if node.closes:
            if told:
                _headline_inside(nodes, begin, i)
            _headline_after(nodes, i)
            begin = i
        elif node.new:
            begin, told = i, False
        told = told or node.opens or node.closes


def _headline_inside(nodes: list[Node], begin: int, end: int) -> None:
    """The display lines after ``begin`` as the header of the article that closes at ``end``.

    Several of them apart are the section headings of an article that opened before.
    """
    inner = [
        i
        for i in range(begin + 1, end)
        if nodes[i].role is Role.TITLE and nodes[i].style == "plain" and nodes[i].gap < GAP and not _is_half(nodes, i)
    ]
    if not inner:
        return
    first = len(inner) - 1
    while first and inner[first - 1] == inner[first] - 1:
        first -= 1
    if first == 0 or begin < 0:
        _header(nodes, inner[first], inner[-1])


def _headline_after(nodes: list[Node], i: int) -> None:
    """The display lines below the closed article as the header of one that has no byline above its text."""
    j = i + 1
    while j < len(nodes) and nodes[j].role is Role.FURNITURE:
        j += 1
    if j == len(nodes) or nodes[j].role is not Role.TITLE or nodes[j].style not in {"plain", "bold"}:
        return
    last = j
    while last + 1 < len(nodes) and nodes[last + 1].role is Role.TITLE and nodes[last + 1].style == "plain":
        last += 1
    if last + 1 < len(nodes) and nodes[last + 1].role in {Role.BODY, Role.BYLINE} and not nodes[last + 1].opens:
        first = last
        while first > j and nodes[first].gap < GAP:
            first -= 1
        _header(nodes, first, last)


def _plain_article(nodes: list[Node]) -> None:
    """A page without marks and bylines is one article; its first display line is the headline."""
    first = next((i for i, node in enumerate(nodes) if node.role is not Role.FURNITURE), None)
    if first is None:
        return
    node = nodes[first]
    following = nodes[first + 1] if first + 1 < len(nodes) else None
    # The first line of a text is its title even where it could go on: a text often begins with its title's words.
    if node.role is Role.TITLE and node.style == "plain" and following is not None and not cues.is_fragment(node.text):
        _header(nodes, first, first)
    node.new = True


# 4. Leftovers


def _furnish(node: Node, kind: str) -> None:
    node.role, node.kind = Role.FURNITURE, kind


def _leftovers(nodes: list[Node]) -> None:
    _advertisements(nodes, printed_together=False)
    opened = next((i for i, node in enumerate(nodes) if node.new), len(nodes))
    for i, node in enumerate(nodes[:opened]):
        if node.role is Role.TITLE and not _is_half(nodes, i):
            if node.gap >= GAP or cues.is_caption(node.text) or width(node.text) > 1.5 * BANNER_WIDTH:
                node.role = Role.CAPTION
            else:
                _furnish(node, "masthead")
    _contacts(nodes)
    _verses(nodes)
    marked = any(node.style[0] == "h" and node.role in {Role.HEADING, Role.HEADLINE} for node in nodes)
    for i, node in enumerate(nodes):
        if node.role is Role.TITLE:
            node.role = _leftover(nodes, i, marked=marked)


def _contacts(nodes: Sequence[Node]) -> None:
    """Where to write or ring is furniture between articles and beside other furniture, else a line of the article."""
    several = sum(node.new for node in nodes) > 1
    for i, node in enumerate(nodes):
        if node.kind == "contact":
            beside = {nodes[j].kind for j in (i - 1, i + 1) if 0 <= j < len(nodes)} - {"", "contact"}
            after = _flow(nodes, i, 1)
            inside = after is not None and after.role is Role.BODY and not after.new
            if not beside and (inside or not several):
                node.role, node.kind, node.listed = Role.BODY, "", True


def _verses(nodes: Sequence[Node]) -> None:
    """Display lines that head nothing are lines of verse or of a list: three in a row, or two that end an article."""
    run: list[Node] = []
    for node in [*nodes, None]:
        display = node is not None and node.role is Role.TITLE and node.gap < GAP
        if node is not None and display and (node.style == "plain" or (node.style == "date" and run)):
            run.append(node)
            continue
        if len(run) > 2 or (len(run) == 2 and (node is None or node.new)):
            for line in run:
                line.role, line.listed = Role.BODY, True
        run = []


def _advertisements(nodes: list[Node], *, printed_together: bool = True) -> None:
    """Display lines that follow an advertisement's label belong to it.

    Those without a blank line between are sure; when the headers are known, so are the others up to the next header.
    """
    inside = False
    for node in nodes:
        if node.role is Role.FURNITURE and node.kind == "advertisement":
            inside = True
        elif inside and node.role is Role.TITLE and not node.new and (node.gap == 0 or not printed_together):
            _furnish(node, "advertisement")
        elif not (inside and node.role is Role.FURNITURE):
            inside = False


def _flow(nodes: Sequence[Node], i: int, step: int) -> Node | None:
    """The nearest block of prose, heading or display line from ``i`` on; some captions and furniture are jumped over."""
    for j in range(i + step, i + step * JUMP, step):
        if not 0 <= j < len(nodes):
            return None
        if nodes[j].role not in {Role.CAPTION, Role.FURNITURE}:
            return nodes[j]
    return None


def _is_half(nodes: Sequence[Node], i: int) -> bool:
    """Whether the display line is half of a sentence: the block below goes on with it, or it reads so itself."""
    node, after = nodes[i], _flow(nodes, i, 1)
    if node.style not in {"plain", "bold"} or node.gap >= GAP:
        return False
    if cues.is_fragment(node.text):
        return True
    return (
        after is not None
        and after.role in {Role.BODY, Role.TITLE}
        and not after.listed
        and not after.opens
        and (cues.continues(node.text, after.text))
    )


def _leftover(nodes: Sequence[Node], i: int, *, marked: bool) -> Role:
    node, before, after = nodes[i], _flow(nodes, i, -1), _flow(nodes, i, 1)
    if cues.is_caption(node.text):
        return Role.CAPTION
    if node.style == "date" or (node.listed and after is not None and after.style != node.style):
        return Role.HEADING
    open_before = before is not None and before.role is Role.BODY and not cues.ends_sentence(before.text)
    if node.gap >= GAP and node.style == "plain":
        return Role.CAPTION
    if open_before and before is not None:
        if cues.continues(before.text, node.text):
            return Role.BODY
        if after is not None and after.role is Role.BODY and cues.continues(before.text, after.text):
            return Role.CAPTION
    if after is None or after.new or _is_half(nodes, i):
        return Role.BODY
    if node.listed:
        return Role.HEADING if node.style == "bullet" and after.role is not Role.TITLE else Role.BODY
    if marked and node.style == "plain" and not re.search(r"\s", node.text):
        return Role.BODY
    return Role.HEADING
