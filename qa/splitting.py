"""A file that was found → its articles, sections and passages: what can be done in any process, and on any machine.

``qa.indexing`` says what is to be split and stores what comes; one process does the splitting, several
(``qa.processes``), or those of a Ray cluster (``qa.bulk``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from embeddings.vectors import Vectors
from qa.articles import ARTICLES_VERSION
from qa.errors import InputError
from qa.passages import PASSAGES_VERSION, split_section
from qa.reading import Document, Found, Problem, load, parse
from qa.store import SplitPage, check_storable

STRUCTURE = f"{ARTICLES_VERSION}.{PASSAGES_VERSION}"
"""The version of the splitting: files stored with another one are split again from their stored text."""


@dataclass(frozen=True, slots=True)
class Unsplit:
    """A file that was found, and what is to be done with it."""

    found: Found
    known: str | None
    """SHA-256 of the bytes that needn't be read again."""
    encoding: str | None
    max_bytes: int
    only_read: bool


@dataclass(frozen=True, slots=True)
class Split:
    """What came of a file: its page; its text, where only that was asked for; None when its bytes are the known ones.

    ``vectors``, shape (passages, dim), are of ``SplitPage.indexed_texts``, where they were made beside the splitting.
    """

    file: str
    root: str
    result: SplitPage | Document | Problem | None
    vectors: Vectors | None = None


class Splitter(Protocol):
    """Splits files somewhere else."""

    def split(self, items: Iterable[Unsplit | Problem]) -> Iterator[Split]:
        """What came of each, in their order.

        Raises:
            WenbaoError: when it can't go on, with the code of what keeps it from that.
        """


def split(item: Unsplit | Problem) -> Split:
    """What came of one file."""
    if isinstance(item, Problem):
        return Split(item.file, "", item)
    found = item.found
    try:
        data = load(found, item.max_bytes)
        if item.known is not None and item.known == hashlib.sha256(data).hexdigest():
            return Split(found.file, found.root, None)
        document = parse(found.file, data, item.encoding)
        check_storable(document, found.root)
    except InputError as error:
        return Split(found.file, found.root, Problem(found.file, error.code, error.message))
    return Split(found.file, found.root, document if item.only_read else split_document(document))


def split_document(document: Document) -> SplitPage:
    """The document with its articles, sections and passages."""
    from qa.articles.assemble import split_page  # noqa: PLC0415 (see qa.articles)

    page = split_page(document)
    return SplitPage(
        document,
        page,
        tuple(
            tuple(split_section(document.text, section)) for article in page.articles for section in article.sections
        ),
        STRUCTURE,
    )
