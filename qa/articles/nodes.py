"""Nodes: blocks with what is known of them, and the looks at neighbours that every stage shares."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from qa.articles import cues
from qa.articles.blocks import GAP, Block, width

TITLE_WIDTH = 40.0
"""Widest display line, in full-width characters. The longest kicker among the samples has 32."""

DEEPEST = 9
"""Deepest level of a marked heading; what lies deeper counts as this one, so that levels compare as text."""

JUMP = 20
"""Captions and lines of furniture, less one, over which a sentence is looked for; more are a page of their own."""


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
    """How a heading is marked: "h1"… "h9", "bullet", a style of numbering, "date", "bold", "plain"."""
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


def is_display(text: str) -> bool:
    """Whether the line could be display type: short, and not a sentence."""
    return (
        width(text) <= TITLE_WIDTH
        and not cues.ends_sentence(text)
        and not re.search(r"[。：:；;,，、]$|。", text)
        and not (text[:1].islower() and text.isascii())
    )


def furnish(node: Node, kind: str) -> None:
    """Set the node aside as furniture of that kind."""
    node.role, node.kind = Role.FURNITURE, kind


def flow(nodes: Sequence[Node], i: int, step: int) -> Node | None:
    """The nearest block of prose or display type from ``i`` on; captions and furniture are jumped over."""
    for j in range(i + step, i + step * JUMP, step):
        if not 0 <= j < len(nodes):
            return None
        if nodes[j].role not in {Role.CAPTION, Role.FURNITURE}:
            return nodes[j]
    return None


def is_half(nodes: Sequence[Node], i: int) -> bool:
    """Whether the display line is half of a sentence: the block below goes on with it, or it reads so itself."""
    node, after = nodes[i], flow(nodes, i, 1)
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


def is_tail(nodes: Sequence[Node], i: int) -> bool:
    """Whether the display line is the rest of a sentence that the prose above it broke off."""
    before = nodes[i - 1] if i else None
    return (
        before is not None
        and before.role is Role.BODY
        and not cues.ends_sentence(before.text)
        and cues.continues(before.text, nodes[i].text)
    )
