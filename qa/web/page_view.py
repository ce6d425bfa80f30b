"""The page of a file: its articles in order, what of it is no article's, and its text as scanned. Without scripts.

``GET /files/{name}?lang=``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from qa.bot import Bot
from qa.errors import NotFoundError
from qa.reading import Document
from qa.store import ArticleLine
from qa.web.article_page import FURNITURE
from qa.web.frame import document
from qa.web.render import article_url, file_url, marked
from qa.web.words import Words, for_request

Furniture = tuple[int, int, str]


def page(file: Document, lines: Sequence[ArticleLine], furniture: Sequence[Furniture], words: Words) -> str:
    """The page of ``file``; ``lines`` are its articles, ``furniture`` (start, end, kind) what belongs to none."""
    facts = words.facts.format(articles=len(lines), encoding=file.encoding, format=file.format, chars=len(file.text))
    parts = [
        Markup('<p class="file">{}</p><h1 dir="auto">{}</h1><p class="note">{}</p>').format(
            words.whole_page, file.file, f"{facts} · {file.encoding_note}" if file.encoding_note else facts
        ),
        Markup('<ol class="articles">{}</ol>').format(Markup("").join(_line(line, words) for line in lines)),
    ]
    if furniture:
        items = Markup("").join(
            Markup("<dt>{}</dt><dd>{}</dd>").format(
                words.furniture_kinds.get(kind, words.furniture_kinds["other"]),
                " ".join(file.text[start:end].split()) or "…",
            )
            for start, end, kind in furniture
        )
        parts.append(Markup("<h2>{}</h2><dl>{}</dl>").format(words.furniture[:1].upper() + words.furniture[1:], items))
    parts.append(
        Markup('<h2>{}</h2><p class="note">{}</p><pre dir="auto">{}</pre>').format(
            words.page_text, words.scan_note, _text(file, lines, furniture)
        )
    )
    return document(
        words,
        file.file,
        Markup("").join(parts),
        styles=["article.css"],
        in_language=lambda other: file_url(file.file, other),
    )


def _line(line: ArticleLine, words: Words) -> Markup:
    under = " · ".join(
        part
        for part in (
            line.byline,
            line.date and words.date.format(date=line.date),
            words.place.format(start=line.start, end=line.end),
        )
        if part
    )
    return Markup('<li id="article-{}"><a href="{}" dir="auto">{}</a><p class="note" dir="auto">{}</p></li>').format(
        line.id, article_url(line.id, (), words), line.headline or words.untitled, under
    )


def _text(file: Document, lines: Sequence[ArticleLine], furniture: Sequence[Furniture]) -> Markup:
    """The file's text with a rule where an article begins, and what is no article's set back."""
    inner = [(start, end) for start, end, _ in furniture]
    borders = sorted({0, len(file.text), *(line.start for line in lines)})
    parts = []
    for start, end in itertools.pairwise(borders):
        here = [(max(a, start) - start, min(b, end) - start) for a, b in inner if a < end and b > start]
        part = marked(file.text[start:end], (), (here, FURNITURE))
        is_article = any(line.start == start for line in lines)
        parts.append(Markup('<span class="begin">{}</span>').format(part) if is_article else part)
    return Markup("").join(parts)


def router(bot: Bot) -> APIRouter:
    """The route of the files' pages."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/files/{name:path}")
    def file(request: Request) -> Response:
        name = request.path_params["name"]
        lines = bot.store.articles(name)
        if not lines and name not in bot.store.files():
            raise NotFoundError("NOT_FOUND", "There is no such file here; it may have been removed.")
        words = for_request(request.query_params.get("lang"), request.headers.get("accept-language", ""))
        return HTMLResponse(page(bot.store.document(name), lines, bot.store.furniture(name), words))

    return routes
