"""Blocks → roles: which block is a headline, a kicker, a byline, a section heading, a caption, furniture, prose.

A newspaper page has few words that say what they are, so each decision leans on neighbours. The order matters:

1. *Marks* (``marks``): what a block says of itself.
2. *Headers* (``headers``): where articles begin and end.
3. *Leftovers* (here): display lines that head nothing: furniture at the top, captions at the places of lost pictures,
   halves of sentences at column feet, and, what remains, section headings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from qa.articles import cues
from qa.articles.blocks import GAP, Block, width
from qa.articles.headers import BANNER_WIDTH, find_headers
from qa.articles.marks import advertisements, marked
from qa.articles.nodes import Node, Role, flow, furnish, is_half
from qa.reading import Heading


def understand(found: Sequence[Block], headings: Sequence[Heading], source: str) -> list[Node]:
    """Each block's role. ``headings`` are those that the file's own format names (HTML, DOCX)."""
    nodes = marked(found, headings, source)
    find_headers(nodes)
    _leftovers(nodes)
    return nodes


def _leftovers(nodes: list[Node]) -> None:
    advertisements(nodes, printed_together=False)
    opened = next((i for i, node in enumerate(nodes) if node.new), len(nodes))
    for i, node in enumerate(nodes[:opened]):
        if node.role is Role.TITLE and not is_half(nodes, i):
            if node.gap >= GAP or cues.is_caption(node.text) or width(node.text) > 1.5 * BANNER_WIDTH:
                node.role = Role.CAPTION
            else:
                furnish(node, "masthead")
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
            after = flow(nodes, i, 1)
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


def _leftover(nodes: Sequence[Node], i: int, *, marked: bool) -> Role:
    node, before, after = nodes[i], flow(nodes, i, -1), flow(nodes, i, 1)
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
    if after is None or after.new or is_half(nodes, i):
        return Role.BODY
    if node.listed:
        return Role.HEADING if node.style == "bullet" and after.role is not Role.TITLE else Role.BODY
    if marked and node.style == "plain" and not re.search(r"\s", node.text):
        return Role.BODY
    return Role.HEADING
