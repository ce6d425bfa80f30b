"""Nodes → headers: where articles begin and end, and which display lines are their kicker, headline and subhead.

A byline or dateline is the surest sign of an article: the display lines right above it are its header. A byline after
the last paragraph closes an article, so a display line after it opens one. Marked headings, rules and, on a page with
none of these, the first line do the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import rjieba

from qa.articles import cues
from qa.articles.blocks import GAP, width
from qa.articles.nodes import Node, Role, furnish, is_half, is_tail

HEADER_LINES = 3
"""Kicker, headline, subhead: more display lines above a byline are captions of pictures over the headline."""

BANNER_WIDTH = 12.0
"""Widest page banner over a header of three lines."""

ALIKE = 0.4
"""Share of a line's bigrams that another one of the same series holds at least."""


def find_headers(nodes: list[Node]) -> None:
    """Give the display lines of every header their roles, and mark where articles begin (``new``) and end."""
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
    _mastheads(nodes)
    if nodes and not any(node.new for node in nodes):
        _plain_article(nodes)


def _mastheads(nodes: Sequence[Node]) -> None:
    """A marked headline right above one of a deeper level, each opening an article, is the name of the whole page."""
    for node, below in pairwise(node for node in nodes if node.role is not Role.FURNITURE):
        if node.new and below.new and node.style[0] == "h" and below.style[0] == "h" and node.style < below.style:
            furnish(node, "masthead")
            node.new = False


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
        elif is_tail(nodes, first - 1):
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
    """A display line below a byline is the subhead if it opens with a dash or the byline stands beside the headline."""
    if i + 2 < len(nodes) and nodes[i].role is Role.BYLINE and nodes[i + 2].role is Role.BODY:
        below = nodes[i + 1]
        if (
            below.role is Role.TITLE
            and below.style == "plain"
            and (nodes[i].beside or re.match(r"[—―]", below.text))
            and not is_half(nodes, i + 1)
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
        furnish(nodes[lines.pop(0)], "banner")
    two = len(lines) == 2 and subhead is None
    if len(lines) == HEADER_LINES or (two and not _is_kicker(nodes, *lines, lead=_lead(nodes, last + 1))):
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
        first and nodes[first - 1].role is Role.TITLE and nodes[first - 1].gap < GAP and not is_tail(nodes, first - 1)
    ):
        first -= 1
    above = nodes[i - 1] if 1 <= i - first < HEADER_LINES else None
    if above is not None and (above.style == "bullet" or not cues.is_fragment(above.text)):
        above.role, above.new, nodes[i].new = Role.KICKER, True, False
    if first == 0 and i == 2 and _is_banner(nodes, range(3)):
        furnish(nodes[0], "banner")
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
        if nodes[i].role is Role.TITLE and nodes[i].style == "plain" and nodes[i].gap < GAP and not is_half(nodes, i)
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
