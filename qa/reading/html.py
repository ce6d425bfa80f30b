"""HTML → the text that a reader of the page sees, paragraph by paragraph, with the places of its headings."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass

from bs4 import BeautifulSoup
from bs4.element import CData, NavigableString, PageElement, Tag

from qa.reading.decoding import Decoded, decode
from qa.reading.document import Extract, Heading, ReadingError

_UNSEEN = frozenset(
    """
    audio button canvas datalist dialog embed iframe input link map math meta noframes noscript object rp rt script
    select style svg template textarea title video xml
    """.split()  # noqa: SIM905  # fifty lines of one word each tell no more
)
"""Not read: code, what is drawn or played, form controls; rt: a reading in the middle of a word would break it.

What else the head holds is read: without a tag for the body, the parser takes what is newer than HTML 4 into it."""
_BLOCKS = frozenset(
    """
    address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer form h1
    h2 h3 h4 h5 h6 header hgroup hr legend li main nav ol p pre search section summary table tbody tfoot thead ul
    """.split()  # noqa: SIM905  # fifty lines of one word each tell no more
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_FRAME_ROLES = {"navigation", "complementary", "banner", "contentinfo", "search"}

_META_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)""", re.IGNORECASE)
_DECLARED_IN_BYTES = 4096
"""Browsers look for the declaration in the first 1,024 bytes; long titles of real pages push it further."""
_HIDDEN_STYLE = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\n\r\f]+")


def extract(file: str, data: bytes, encoding: str | None = None) -> Extract:
    """The page's visible text: a blank line between blocks, a line end for ``<br>`` and rows, a tab between cells.

    Where the page has a ``main`` or ``article``, what it marks as its frame (``nav``, ``aside``, and ``header`` and
    ``footer`` outside of them) is left out; elsewhere ``nav`` and the page's ``footer``, unless nothing else is there.
    The encoding is the owner's, else the declared one, else a guess.

    Raises:
        ReadingError: NO_TEXT, and those of ``decode``.
    """
    decoded = _decoded(file, data, encoding)
    soup = BeautifulSoup(decoded.text, "lxml")
    text, headings = _render(soup)
    if not text.strip() and data.strip():
        raise ReadingError(
            "NO_TEXT", f"{file}: the page has no text but what scripts make; save it as a browser shows it."
        )
    return Extract(text, decoded.encoding, decoded.note, headings)


def _decoded(file: str, data: bytes, encoding: str | None) -> Decoded:
    declared = _META_CHARSET.search(data, 0, _DECLARED_IN_BYTES)
    if encoding is None and declared is not None:
        codec = _python_codec(declared[1].decode("ascii"))
        if codec is not None:
            decoded = decode(file, data, codec)
            declared_true = decoded.encoding == codec != "utf-8"
            return Decoded(decoded.text, decoded.encoding, "as the page declares" if declared_true else decoded.note)
    return decode(file, data, encoding)


def _python_codec(label: str) -> str | None:
    """The codec for a declared name: a superset where browsers take that; UTF-16 can't be told in ASCII letters."""
    try:
        codec = codecs.lookup(label).name
        "".encode(codec)
    except (LookupError, ValueError):
        return None
    if codec.startswith("utf-"):
        return "utf-8" if codec in {"utf-8", "utf-16", "utf-16-le", "utf-16-be"} else None
    return {"gb2312": "gb18030", "gbk": "gb18030", "iso8859-1": "cp1252", "shift_jis": "cp932", "euc_kr": "cp949"}.get(
        codec, codec
    )


def _is_body(node: Tag) -> bool:
    return node.name in {"main", "article"} or node.get("role") == "main"


def _is_frame(node: Tag, inside: bool) -> bool:
    if node.name in {"nav", "aside"} or node.get("role") in _FRAME_ROLES:
        return True
    return node.name in {"header", "footer"} and not inside


def _is_hidden(node: Tag) -> bool:
    return node.has_attr("hidden") or _HIDDEN_STYLE.search(str(node.get("style", ""))) is not None


def _is_plain_frame(node: Tag, _: bool) -> bool:
    """On a page that marks no body: there a ``header`` may hold the headline, and an ``aside`` an article."""
    at_end = node.name == "footer" or node.get("role") == "contentinfo"
    is_page_s = node.parent is not None and node.parent.name == "body"
    return node.name == "nav" or node.get("role") == "navigation" or (at_end and is_page_s)


def _render(soup: BeautifulSoup) -> tuple[str, tuple[Heading, ...]]:
    if soup.select_one("main, article, [role=main]") is not None:
        return _rendered(soup, _is_frame)
    text, headings = _rendered(soup, _is_plain_frame)
    return (text, headings) if text.strip() else _rendered(soup, lambda _, __: False)


def _rendered(soup: BeautifulSoup, unwanted: Callable[[Tag, bool], bool]) -> tuple[str, tuple[Heading, ...]]:
    # A stack instead of recursion: a page may be nested deeper than Python's stack goes.
    writer = _Writer()
    preformatted = bodies = 0
    stack: list[tuple[PageElement, bool]] = [(soup, False)]
    while stack:
        node, leaving = stack.pop()
        if isinstance(node, NavigableString):
            if type(node) in {NavigableString, CData}:  # the other subclasses are comments, doctypes and the like
                writer.write(str(node), preformatted=preformatted > 0)
        elif isinstance(node, Tag) and leaving:
            preformatted -= node.name == "pre"
            bodies -= _is_body(node)
            writer.leave(node.name)
        elif isinstance(node, Tag):
            if node.name in _UNSEEN or _is_hidden(node) or unwanted(node, bodies > 0):
                continue
            preformatted += node.name == "pre"
            bodies += _is_body(node)
            writer.enter(node.name)
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(node.contents))
    return "".join(writer.parts), tuple(writer.headings)


@dataclass(slots=True)
class _Cell:
    """An open table cell: whether something was written in it, and whether more than a paragraph."""

    written: bool = False
    broken: bool = False


_BREAKS = ("", " ", "\t", "\n", "\n\n")
"""What may stand between two pieces of text, weakest first; of several that are due, the strongest is written."""


class _Writer:
    """The text so far, the break that is due before the next character, and what is open around it."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.headings: list[Heading] = []
        self._length = 0
        self._due = ""
        self._cells: list[_Cell] = []
        self._open_headings: list[int | None] = []  # where its text begins; None before its first character

    def write(self, text: str, *, preformatted: bool) -> None:
        if preformatted:
            shown = text
        else:
            shown = _BLANKS.sub(" ", text)
            if shown.startswith(" "):
                self._owe(" ")
            shown = shown.strip(" ")
        if shown:
            due = self._due if self._length else ""
            for cell in self._cells:
                cell.broken |= cell.written and due == "\n\n"
                cell.written = True
            self.parts += due, shown
            self._length += len(due)
            self._open_headings = [self._length if start is None else start for start in self._open_headings]
            self._length += len(shown)
            self._due = ""
        if not preformatted and text != text.rstrip(" \t\n\r\f"):
            self._owe(" ")

    def enter(self, name: str) -> None:
        if name == "br":
            self._owe("\n\n" if self._due == "\n" else "\n")
        elif name in {"td", "th"}:
            self._cells.append(_Cell())
        elif name == "tr":
            self._owe("\n")
        elif name in _BLOCKS:
            if name in _HEADINGS:
                self._open_headings.append(None)
                for cell in self._cells:
                    cell.broken = True
            self._owe("\n\n")

    def leave(self, name: str) -> None:
        if name in {"td", "th"}:
            cell = self._cells.pop()
            if cell.written and not cell.broken:
                self._due = "\t"  # also in place of the break that its only paragraph left
        elif name == "tr":
            self._owe("\n")
        elif name in _BLOCKS:
            if name in _HEADINGS:
                start = self._open_headings.pop()
                if start is not None:
                    self.headings.append(Heading(start, self._length, _HEADINGS[name]))
            self._owe("\n\n")

    def _owe(self, blank: str) -> None:
        # A paragraph that begins its cell doesn't part the cell from the one before it; a heading does.
        cell = self._cells[-1] if self._cells else None
        if cell is not None and blank == "\n\n" and not cell.written and not cell.broken:
            return
        self._due = max(self._due, blank, key=_BREAKS.index)
