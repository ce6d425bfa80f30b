"""Roles → articles: prose mended over column breaks, headings nested, captions given to their article."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from qa.articles import cues
from qa.articles.blocks import Block, blocks, is_noisy, joined, without_blanks
from qa.articles.dates import article_dates
from qa.articles.nodes import DEEPEST, Node, Role
from qa.articles.reporters import BYLINE_MARKS
from qa.articles.roles import understand
from qa.articles.values import Article, Furniture, Page, Paragraph, Section, pieces
from qa.reading import Document

PATH_SEPARATOR = " › "
"""Between the headings of a section's path."""

MARKED = tuple(f"h{level}" for level in range(1, DEEPEST + 1))
NUMBERED = tuple(style for style, _ in cues.NUMBERINGS)
"""Styles of headings that have an order among themselves, highest first."""

TAIL_LENGTH = 80
"""Longest first paragraph, in characters, of a tail that begins in mid-word."""

TAIL_PARAGRAPHS = 3
"""Most paragraphs of such a tail: what is left of an article at the head of a column is short."""

_HEADER = {Role.KICKER: "kicker", Role.HEADLINE: "headline", Role.SUBHEAD: "subhead", Role.BYLINE: "byline"}


@dataclass(slots=True)
class _Draft:
    """An article while it is being put together."""

    nodes: list[Node] = field(default_factory=list)
    captions: list[Node] = field(default_factory=list)

    def bigrams(self) -> set[str]:
        return {pair for node in self.nodes for pair in _bigrams(node.text)}


def split_page(document: Document) -> Page:
    """The page's articles with their sections and paragraphs, and its furniture.

    Nothing is lost: every character that isn't white space, markup or a bullet lies in an article's header, a heading,
    a paragraph or furniture. An empty page has no articles.
    """
    source = document.text
    noisy = is_noisy(source)
    nodes = understand(blocks(source), document.headings, source)
    furniture = tuple(Furniture(node.start, node.end, node.kind) for node in nodes if node.role is Role.FURNITURE)
    found = [_article(draft, source, noisy=noisy) for draft in _drafts(nodes)]
    articles = [article for article in found if article is not None]
    dates = article_dates(
        document.file,
        source,
        [(article.start, article.end, article.headline) for article in articles],
        [(item.start, item.end, item.kind) for item in furniture],
    )
    return Page(tuple(replace(article, dated=dated) for article, dated in zip(articles, dates, strict=True)), furniture)


def _drafts(nodes: Sequence[Node]) -> list[_Draft]:
    drafts: list[_Draft] = []
    waiting: list[Node] = []
    before: Node | None = None
    room = _room(nodes)
    for i, node in enumerate(nodes):
        if node.role is Role.FURNITURE:
            continue
        if node.role is Role.CAPTION:
            waiting.append(node)
            continue
        if node.new or not drafts or _is_tail_of_another(node, before, room=room[i]):
            drafts.append(_Draft())
        drafts[-1].nodes.append(node)
        _place_captions(waiting, drafts, at_border=len(drafts[-1].nodes) == 1)
        before = node
    if waiting and not drafts:
        drafts.append(_Draft())
    _place_captions(waiting, drafts, at_border=False)
    _settle_captions(drafts)
    return drafts


def _place_captions(waiting: list[Node], drafts: list[_Draft], *, at_border: bool) -> None:
    """Captions belong to the article they stand in; between two, they wait with the later one until both are whole."""
    for node in waiting:
        node.new = at_border and len(drafts) > 1
        drafts[-1].captions.append(node)
    waiting.clear()


def _settle_captions(drafts: list[_Draft]) -> None:
    """A caption between two articles goes to the one that shares more of its words."""
    for earlier, later in pairwise(drafts):
        between = [node for node in later.captions if node.new]
        if between:
            above, below = earlier.bigrams(), later.bigrams()
            moved = [node for node in between if _overlap(node.text, above) > _overlap(node.text, below)]
            earlier.captions += moved
            later.captions = [node for node in later.captions if node not in moved]


def _bigrams(text: str) -> list[str]:
    return [text[i : i + 2] for i in range(len(text) - 1)]


def _overlap(text: str, bigrams: set[str]) -> int:
    return sum(pair in bigrams for pair in _bigrams(text))


def _room(nodes: Sequence[Node]) -> list[int]:
    """For each node the blocks of text from it to the next article; no room for tails on a page of one article."""
    counts = [0] * len(nodes)
    count = 0
    for i in range(len(nodes) - 1, -1, -1):
        count = 0 if nodes[i].new else count + (nodes[i].role not in {Role.FURNITURE, Role.CAPTION})
        counts[i] = count
    return counts if sum(node.new for node in nodes) > 1 else [TAIL_PARAGRAPHS + 1] * len(nodes)


def _is_tail_of_another(node: Node, before: Node | None, *, room: int) -> bool:
    """Whether a foreign article's tail begins here: in mid-word, or after the byline that closes the one above."""
    if before is None or node.role is not Role.BODY:
        return False
    return before.closes or (
        not node.listed
        and room <= TAIL_PARAGRAPHS
        and before.role is Role.BODY
        and cues.ends_sentence(before.text)
        and len(node.text) <= TAIL_LENGTH
        and cues.opens_in_word(node.text)
    )


def _article(draft: _Draft, source: str, *, noisy: bool) -> Article | None:
    header: dict[str, str] = {}
    start = draft.nodes[0].start if draft.nodes else draft.captions[0].start
    sections: list[Section] = []
    path: list[tuple[str, str]] = []
    heading: Node | None = None
    body: list[Node] = []
    above: list[Node] = []
    styles: list[str] = []

    def close() -> None:
        if body or heading is not None:
            section = _section(heading, [text for _, text in path], body, source, noisy=noisy)
            if section.paragraphs:
                section = _with_bylines(section, above)
            if section.paragraphs or section.heading:
                sections.append(section)
        body.clear()

    for node in draft.nodes:
        if node.byline is not None:
            header.setdefault("byline", node.byline.text)
        if node.role in _HEADER:
            name = _HEADER[node.role]
            header[name] = f"{header[name]} {node.text}" if name in header else node.text
            if node.role is Role.BYLINE:
                # One within the text, or under it, is also text, as printed.
                (body if body or sections else above).append(node)
        elif node.role is Role.HEADING:
            close()
            if node.style not in styles:
                styles.append(node.style)
            path = [(style, text) for style, text in path if _above(style, node.style, styles)]
            path.append((node.style, node.text))
            heading = node
        else:
            body.append(node)
    close()
    if draft.captions:
        sections.append(_with_bylines(_captions(draft.captions, noisy=noisy), above))
    end = max([node.end for node in draft.nodes], default=draft.captions[-1].end if draft.captions else start)
    return Article(
        kicker=header.get("kicker"),
        headline=_bare(header.get("headline")),
        subhead=_bare(header.get("subhead")),
        byline=_bare(header.get("byline"), BYLINE_MARKS),
        start=start,
        end=end,
        sections=tuple(sections),
    )


def _above(style: str, other: str, seen: Sequence[str]) -> bool:
    """Whether headings of the style stand over those of the other: by level or kind of number, else as first seen."""
    for order in (MARKED, NUMBERED):
        if style in order and other in order:
            return order.index(style) < order.index(other)
    return seen.index(style) < seen.index(other)


def _bare(text: str | None, marks: str = "—–―· ") -> str | None:
    """The line without the dashes or boxes that print sets before it."""
    return text.lstrip(marks) if text is not None else None


def _section(heading: Node | None, path: list[str], body: list[Node], source: str, *, noisy: bool) -> Section:
    paragraphs = _paragraphs(body, source, noisy=noisy)
    start = heading.start if heading is not None else body[0].start
    end = body[-1].end if body else (heading.end if heading is not None else start)
    return Section(PATH_SEPARATOR.join(path) if path else None, start, end, paragraphs)


def _with_bylines(section: Section, above: list[Node]) -> Section:
    """The section with the bylines that waited for one; blanks between names are meant, on noisy pages too."""
    bylines = tuple(_paragraph(node.block, noisy=False) for node in above)
    above.clear()
    return replace(section, bylines=bylines)


def _captions(nodes: Sequence[Node], *, noisy: bool) -> Section:
    found = tuple(_paragraph(node.block, noisy=noisy) for node in nodes)
    return Section(None, nodes[0].start, nodes[0].end, found, kind="captions")


def _paragraphs(body: Sequence[Node], source: str, *, noisy: bool) -> tuple[Paragraph, ...]:
    """The section's paragraphs, halves of a sentence joined over column breaks."""
    found: list[list[Block]] = []
    for before, node in zip([None, *body], body, strict=False):
        if before is not None and _goes_on(before, node):
            found[-1].append(node.block)
        else:
            found.append([node.block])
    return tuple(_paragraph(joined(parts, source), noisy=noisy) for parts in found)


def _goes_on(before: Node, node: Node) -> bool:
    """Whether the node is the second half of the sentence that the one before it leaves open.

    Chinese prose always ends in a mark, so an open end goes on, but for the colon before a list. Elsewhere lower case
    tells. Items of lists often have no mark: only a cut word or a hanging comma shows that one goes on.
    """
    left, right = before.text, node.text
    if node.listed or before.style in {"code", "row", "field"} or cues.ends_sentence(left):
        return False
    if left[-1] in "：:":
        return False
    if right[0].isascii() and right[0].isalpha() and left[-1].isascii():
        return right[0].islower()
    return not before.listed or cues.continues(left, right)


def _paragraph(block: Block, *, noisy: bool) -> Paragraph:
    shown = without_blanks(block, everywhere=True) if noisy else block
    return Paragraph(shown.text, pieces(shown.places))
