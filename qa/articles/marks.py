"""Blocks → nodes: what each says of itself (``#``, bullets, numbers, bylines, datelines, credits, telephone lines).

First step of understanding a page; neighbours are looked at only where a mark takes several lines (an underlined
heading, a list of labels, a headline set in two lines).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from qa.articles import cues
from qa.articles.blocks import GAP, Block, joined
from qa.articles.nodes import DEEPEST, Node, Role, furnish, is_display
from qa.articles.reporters import dateline_length
from qa.reading import Heading


def marked(found: Sequence[Block], headings: Sequence[Heading], source: str) -> list[Node]:
    """A node for each block, told by its own marks; ``headings`` are those that the file's format names."""
    ordered = sorted(headings, key=lambda heading: heading.start)
    whole: list[tuple[Block, Heading | None]] = []
    for block in found:
        heading = _named(block, ordered)
        if heading is not None and whole and whole[-1][1] is heading:
            whole[-1] = (joined((whole[-1][0], block), source), heading)
        else:
            whole.append((block, heading))
    nodes = [_marked(block, heading, source) for block, heading in whole]
    _front_matter(nodes)
    nodes = _underlined(nodes)
    _folios(nodes)
    _fields(nodes)
    _lone_triangles(nodes, source)
    # Where no blank lines part the paragraphs, they can't show either what is printed together.
    if 2 * sum(node.gap == 0 for node in nodes[1:]) <= len(nodes):
        advertisements(nodes, printed_together=True)
        nodes = _two_lines(nodes, source)
    _signatures(nodes)
    return nodes


def _named(block: Block, headings: Sequence[Heading]) -> Heading | None:
    """The heading, of those in order, in which the block stands."""
    i = bisect_right(headings, block.start, key=lambda heading: heading.start) - 1
    return headings[i] if i >= 0 and block.end <= headings[i].end else None


def _marked(block: Block, named: Heading | None, source: str) -> Node:
    text, start = block.text, block.start
    if block.verbatim:
        return Node(block, Role.BODY, start, "code", listed=True)
    if cues.is_rule(text):
        return Node(block, Role.FURNITURE, start, kind="rule")
    if named is not None:
        return Node(block, Role.HEADING, start, f"h{min(named.level, DEEPEST)}")
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
    length = dateline_length(text)
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
            furnish(node, "front matter")


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
    """Page numbers stand alone (figures in a column are text); what stands beside them twice is a running head."""
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
                furnish(node, "running head")


def _fields(nodes: Sequence[Node]) -> None:
    """Labels with their values, two and more right below one another, are a list (``时间：…``, ``地点：…``)."""
    run: list[Node] = []
    for node in [*nodes, None]:
        field = (
            node is not None
            and node.role in {Role.TITLE, Role.BODY, Role.FURNITURE}
            and node.kind != "front matter"
            and cues.is_field(node.text)
        )
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


def _signatures(nodes: list[Node]) -> None:
    """Author lines made of post and name: right under display lines, or after an article's last paragraph."""
    for i, node in enumerate(nodes):
        if node.role is not Role.TITLE or node.style != "plain" or not cues.is_signature(node.text):
            continue
        before = nodes[i - 1] if i else None
        after = nodes[i + 1] if i + 1 < len(nodes) else None
        under = before is not None and before.role in {Role.TITLE, Role.HEADING} and node.gap < GAP
        last = before is not None and before.role is Role.BODY and cues.ends_sentence(before.text)
        prose = after is not None and after.role is Role.BODY
        if (under and prose) or (last and not prose):
            node.role = Role.BYLINE


def advertisements(nodes: Sequence[Node], *, printed_together: bool) -> None:
    """Display lines that follow an advertisement's label belong to it.

    Those without a blank line between are sure; when the headers are known, so are the others up to the next header.
    """
    inside = False
    for node in nodes:
        if node.role is Role.FURNITURE and node.kind == "advertisement":
            inside = True
        elif inside and node.role is Role.TITLE and not node.new and (node.gap == 0 or not printed_together):
            furnish(node, "advertisement")
        elif not (inside and node.role is Role.FURNITURE):
            inside = False
