"""The article page: an article as read or as scanned, with the cited place marked. Plain HTML; works without scripts.

``GET /articles/{id}?start=&end=&view=scan&lang=#mark``: ``start`` and ``end`` count characters of the original file's
text.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from qa.bot import Bot
from qa.errors import NotFoundError
from qa.store import StoredArticle, StoredSection
from qa.web.render import Span, article_url, marked, shown_spans
from qa.web.words import Words, for_request

ID_DIGITS = 16
"""Digits of the largest article number, 2⁵³ − 1."""
_MARK = Markup("<mark>")
_FIRST_MARK = Markup('<mark id="mark">')
"""Texts are escaped, so the first ``<mark>`` is ours: ``#mark`` scrolls to it."""


def find_article(bot: Bot, name: str) -> StoredArticle:
    """The article whose number a URL names.

    Raises:
        NotFoundError: NOT_FOUND, worded alike for an absent article and for what can't be a number of one.
    """
    article: StoredArticle | None = None
    if name.isascii() and name.isdecimal() and len(name) <= ID_DIGITS:
        article = bot.store.article(int(name))
    if article is None:
        raise NotFoundError("NOT_FOUND", "There is no such article here; it may have been removed.")
    return article


def parse_span(start: str | None, end: str | None) -> Span | None:
    """The span that a URL asks to mark; None when it names none that could be."""
    if not (start and end and (start + end).isascii() and (start + end).isdecimal() and len(start + end) <= 20):
        return None
    return (int(start), int(end)) if int(start) < int(end) else None


def document(title: str, body: Markup, words: Words) -> str:
    """A whole HTML page around ``body``, with the way back to the chat."""
    return Markup(
        '<!doctype html>\n<html lang="{}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<title>{}</title><link rel="stylesheet" href="/ui/article.css"><link rel="icon" href="/ui/icon.svg"></head>\n'
        '<body><nav class="top"><a href="/{}/">{}</a><span>{}</span></nav>\n{}</body></html>\n'
    ).format(words.tag, title, words.path, words.title, words.slogan, body)


def page(
    article: StoredArticle,
    neighbours: tuple[int | None, int | None],
    mark: Span | None,
    words: Words,
    *,
    scan: bool = False,
) -> str:
    """The page of ``article``; ``neighbours`` are the articles before and after it in its file."""
    title = article.headline or words.untitled
    views = Markup("").join(
        Markup('<a href="{}" aria-current="{}">{}</a>').format(
            article_url(article.id, mark, words, scan=view), "page" if view == scan else "false", text
        )
        for view, text in ((False, words.as_read), (True, words.as_scanned))
    )
    shown = _scan(article, mark, words) if scan else _read(article, mark, words)
    body = Markup('<main><p class="file">{}</p><p class="views">{}</p>{}</main>{}').format(
        f"{article.file.name} · {words.place.format(start=article.start, end=article.end)}",
        views,
        shown.replace(_MARK, _FIRST_MARK, 1),
        _ways(neighbours, words),
    )
    return document(title, body, words)


def _read(article: StoredArticle, mark: Span | None, words: Words) -> Markup:
    header = [
        Markup('<p class="{}">{}</p>').format(name, text) if name != "headline" else Markup("<h1>{}</h1>").format(text)
        for name, text in (
            ("kicker", article.kicker),
            ("headline", article.headline or words.untitled),
            ("subhead", article.subhead),
            ("byline", article.byline),
        )
        if text
    ]
    if article.headline is None:
        header.append(Markup('<p class="note">{}</p>').format(words.untitled_note))
    parts = [Markup("<header>{}</header>").format(Markup("").join(header))]
    shown_path: Sequence[str] = ()
    for section in article.sections:
        path = section.heading.split(" › ") if section.heading else []
        if section.kind == "captions":
            parts.append(Markup('<h2 class="captions">{}</h2>').format(words.captions))
        for depth, heading in enumerate(path):
            if list(shown_path[: depth + 1]) != path[: depth + 1]:
                parts.append(Markup("<h{0}>{1}</h{0}>").format(min(depth + 2, 6), heading))
        shown_path = path
        parts += [
            Markup('<p class="{}">{}</p>').format(section.kind, paragraph)
            for paragraph in _paragraphs(article, section, mark)
        ]
    return Markup('<article dir="auto">{}</article>').format(Markup("\n").join(parts))


def _paragraphs(article: StoredArticle, section: StoredSection, mark: Span | None) -> list[Markup]:
    """The section's paragraphs, put together from its passages: a passage may hold several, or end inside one."""
    paragraphs: list[Markup] = []
    before: int | None = None
    for passage in section.passages:
        after = passage.pieces[0].start
        gap = article.text[before - article.start : after - article.start] if before is not None else "\n"
        goes_on = before is not None and article.start <= before <= after <= article.end and "\n" not in gap
        spans = shown_spans(passage.pieces, [mark]) if mark else []
        begin = 0
        for number, line in enumerate(passage.text.split("\n")):
            end = begin + len(line)
            clipped = [(max(a, begin) - begin, min(b, end) - begin) for a, b in spans if a < end and b > begin]
            if number == 0 and goes_on:
                paragraphs[-1] += marked(line, clipped)
            else:
                paragraphs.append(marked(line, clipped))
            begin = end + 1
        before = passage.pieces[-1].end
    return paragraphs


def _scan(article: StoredArticle, mark: Span | None, words: Words) -> Markup:
    spans: list[Span] = []
    if mark and mark[0] < article.end and mark[1] > article.start:
        spans = [(max(mark[0], article.start) - article.start, min(mark[1], article.end) - article.start)]
    return Markup('<p class="note">{}</p><pre dir="auto">{}</pre>').format(words.scan_note, marked(article.text, spans))


def _ways(neighbours: tuple[int | None, int | None], words: Words) -> Markup:
    previous, following = neighbours
    links = [
        Markup('<a rel="{}" href="{}">{}</a>').format(rel, article_url(article_id, None, words), text)
        for rel, article_id, text in (
            ("prev", previous, f"← {words.previous}"),
            ("next", following, f"{words.following} →"),
        )
        if article_id is not None
    ]
    return Markup('<nav class="ways">{}</nav>').format(Markup("").join(links))


def router(bot: Bot) -> APIRouter:
    """The route of the article pages."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/articles/{article_id}")
    def article(request: Request) -> Response:
        found = find_article(bot, request.path_params["article_id"])
        query = request.query_params
        in_file = [line.id for line in bot.store.articles() if line.file == found.file.name]
        here = in_file.index(found.id)
        html = page(
            found,
            (in_file[here - 1] if here else None, in_file[here + 1] if here + 1 < len(in_file) else None),
            parse_span(query.get("start"), query.get("end")),
            for_request(query.get("lang"), request.headers.get("accept-language", "")),
            scan=query.get("view") == "scan",
        )
        return HTMLResponse(html)

    return routes
