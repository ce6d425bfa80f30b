"""How a page is read, as JSON: what ``inspect``, the HTTP API and the corpus page show of articles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from qa.articles import Article, Section
from qa.passages import Passage
from qa.store.values import SplitPage, StoredArticle, StoredPassage, StoredSection

Sections = Iterable[tuple[Section | StoredSection, Sequence[Passage | StoredPassage]]]


def page_structure(split: SplitPage) -> dict[str, Any]:
    """A file with its articles, their sections and passages, and its furniture; offsets count into its text."""
    passages = iter(split.passages)
    return {
        "file": split.document.file,
        "encoding": split.document.encoding,
        "chars": len(split.document.text),
        "articles": [
            _structure(article, [(section, next(passages)) for section in article.sections])
            for article in split.page.articles
        ],
        "furniture": _furniture((item.start, item.end, item.kind) for item in split.page.furniture),
    }


def article_structure(article: StoredArticle) -> dict[str, Any]:
    """A stored article in the same form, with its id, its file, its sections' kinds, the furniture within its span."""
    return {
        "id": article.id,
        "file": article.file.name,
        **_structure(article, [(section, section.passages) for section in article.sections], kinds=True),
        "furniture": _furniture(article.furniture),
    }


def _structure(article: Article | StoredArticle, sections: Sections, *, kinds: bool = False) -> dict[str, Any]:
    return {
        "headline": article.headline,
        "kicker": article.kicker,
        "subhead": article.subhead,
        "byline": article.byline,
        "date": article.dated.date if article.dated else None,
        "date_source": article.dated.source if article.dated else None,
        "start": article.start,
        "end": article.end,
        "sections": [
            {
                "heading": section.heading,
                **({"kind": section.kind} if kinds else {}),
                "start": section.start,
                "end": section.end,
                "passages": [{"start": p.start, "end": p.end, "text": p.text} for p in passages],
            }
            for section, passages in sections
        ],
    }


def _furniture(items: Iterable[tuple[int, int, str]]) -> list[dict[str, Any]]:
    return [{"start": start, "end": end, "kind": kind} for start, end, kind in items]
