"""The article page: an article as read or as scanned, with the cited place marked. Plain HTML; works without scripts.

``GET /articles/{id}?start=&end=&answer=&view=scan&lang=#mark``: ``start`` and ``end``, given any number of times, count
characters of the original file's text, as does ``answer`` (``start-end``), which is marked more. As scanned, what the
reading repaired is marked as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, JSONResponse, Response

from qa.articles import Piece, Span, shown_spans
from qa.bot import Bot
from qa.errors import NotFoundError
from qa.filters import EVERYTHING, Filters
from qa.store import ArticleLine, StoredArticle, StoredPassage, StoredSection
from qa.web.frame import document
from qa.web.render import answer_layer, article_url, covered, file_url, marked
from qa.web.words import Words, for_request

ID_DIGITS = 16
"""Digits of the largest article number, 2⁵³ − 1."""
_MARK = Markup("<mark>")
_FIRST_MARK = Markup('<mark id="mark">')
"""Texts are escaped, so the first ``<mark>`` is ours: ``#mark`` scrolls to it."""


def find_article(bot: Bot, name: str, filters: Filters = EVERYTHING) -> StoredArticle:
    """The article whose number a URL names, of those that ``filters`` leave.

    Raises:
        NotFoundError: NOT_FOUND, worded alike for an absent article, for one that isn't left and for what can't be a
            number of one.
    """
    article: StoredArticle | None = None
    if name.isascii() and name.isdecimal() and len(name) <= ID_DIGITS:
        article = bot.store.article(int(name))
    when = article.dated.date if article is not None and article.dated is not None else None
    if article is None or not filters.allows(article.file.name, article.id, when):
        raise NotFoundError("NOT_FOUND", "There is no such article here; it may have been removed.")
    return article


def parse_spans(starts: Sequence[str], ends: Sequence[str]) -> list[Span]:
    """The spans that a URL asks to mark, in the order of the text; what can't be one is left out."""
    return sorted(
        (int(start), int(end))
        for start, end in zip(starts, ends, strict=False)
        if all(place.isascii() and place.isdecimal() and len(place) <= ID_DIGITS for place in (start, end))
        and int(start) < int(end)
    )


def page(
    article: StoredArticle,
    neighbours: tuple[ArticleLine | None, ArticleLine | None],
    marks: Sequence[Span],
    words: Words,
    *,
    answers: Sequence[Span] = (),
    scan: bool = False,
) -> str:
    """The page of ``article``; ``neighbours`` are the articles before and after it in its file.

    ``marks`` and, more strongly, ``answers`` are marked.
    """
    title = article.headline or words.untitled
    views = Markup("").join(
        Markup('<a href="{}" aria-current="{}">{}</a>').format(
            article_url(article.id, marks, words, scan=view, answer=answers), "page" if view == scan else "false", text
        )
        for view, text in ((False, words.as_read), (True, words.as_scanned))
    )
    shown = _scan(article, marks, answers, words) if scan else _read(article, marks, answers, words)
    place = words.place.format(start=article.start, end=article.end)
    date = f" · {words.date.format(date=article.dated.date)}" if article.dated else ""
    body = Markup('<p class="file"><a href="{}">{}</a>{}</p><p class="views">{}</p>{}{}').format(
        file_url(article.file.name, words) + f"#article-{article.id}",
        article.file.name,
        f" · {place}{date}",
        views,
        shown.replace(_MARK, _FIRST_MARK, 1),
        _ways(neighbours, words),
    )
    return document(
        words,
        title,
        body,
        styles=["article.css"],
        in_language=lambda other: article_url(article.id, marks, other, scan=scan, answer=answers),
    )


def _read(article: StoredArticle, marks: Sequence[Span], answers: Sequence[Span], words: Words) -> Markup:
    paragraphs = [_paragraphs(article, section, marks, answers) for section in article.sections]
    # A byline that was printed above the text is that of its first passage, so that it can be marked.
    bylines = [text for found in paragraphs for is_byline, text in found if is_byline]
    header = [
        Markup('<p class="{}">{}</p>').format(name, text) if name != "headline" else Markup("<h1>{}</h1>").format(text)
        for name, text in (
            ("kicker", article.kicker),
            ("headline", article.headline or words.untitled),
            ("subhead", article.subhead),
            ("byline", None if bylines else article.byline),
        )
        if text
    ]
    header += [Markup('<p class="byline">{}</p>').format(text) for text in bylines]
    if article.headline is None:
        header.append(Markup('<p class="note">{}</p>').format(words.untitled_note))
    parts = [Markup("<header>{}</header>").format(Markup("").join(header))]
    shown_path: Sequence[str] = ()
    for section, found in zip(article.sections, paragraphs, strict=True):
        path = section.heading.split(" › ") if section.heading else []
        if section.kind == "captions":
            parts.append(Markup('<h2 class="captions">{}</h2>').format(words.captions))
        for depth, heading in enumerate(path):
            if list(shown_path[: depth + 1]) != path[: depth + 1]:
                parts.append(Markup("<h{0}>{1}</h{0}>").format(min(depth + 2, 6), heading))
        shown_path = path
        parts += [
            Markup('<p class="{}">{}</p>').format(section.kind, paragraph)
            for is_byline, paragraph in found
            if not is_byline
        ]
    return Markup('<article dir="auto">{}</article>').format(Markup("\n").join(parts))


def _paragraphs(
    article: StoredArticle, section: StoredSection, marks: Sequence[Span], answers: Sequence[Span]
) -> list[tuple[bool, Markup]]:
    """The section's paragraphs, put together from its passages: a passage may hold several, or end inside one.

    Each with whether it is a byline that stands above the text.
    """
    paragraphs: list[tuple[bool, Markup]] = []
    last: int | None = None
    for passage in section.passages:
        spans, strong = shown_spans(passage.pieces, marks), shown_spans(passage.pieces, answers)
        begin = 0
        for end in _paragraph_ends(article, passage):
            paragraph = marked(
                passage.text[begin:end], _clipped(spans, begin, end), answer_layer(_clipped(strong, begin, end))
            )
            first = passage.pieces[0].start
            if begin == 0 and last is not None and last < first and "\n" not in _between(article, last, first):
                paragraphs[-1] = paragraphs[-1][0], paragraphs[-1][1] + paragraph
            else:
                paragraphs.append((first < section.start and begin < passage.body, paragraph))
            begin = end + 1
        last = passage.pieces[-1].end - 1
    return paragraphs


def _clipped(spans: Sequence[Span], begin: int, end: int) -> list[Span]:
    """What of the spans lies between two places, counted from the first."""
    return [(max(a, begin) - begin, min(b, end) - begin) for a, b in spans if a < end and b > begin]


def _paragraph_ends(article: StoredArticle, passage: StoredPassage) -> list[int]:
    """Where in the passage's text its paragraphs end.

    In a script without blanks each line break that is shown ends one; in others it may only be where the line ended,
    unless a blank line follows.
    """
    places = [place for piece in passage.pieces for place in range(piece.start, piece.end)]
    ends = [
        at
        for at, char in enumerate(passage.text)
        if char == "\n"
        and (not passage.text[at - 1].isascii() or "\n" in _between(article, places[at], places[at + 1]))
    ]
    return [*ends, len(passage.text)]


def _between(article: StoredArticle, place: int, other: int) -> str:
    """The original between two places of the file; a line break where that isn't within the article."""
    if not article.start <= place < other < article.end:
        return "\n"
    return article.text[place + 1 - article.start : other - article.start]


def _scan(article: StoredArticle, marks: Sequence[Span], answers: Sequence[Span], words: Words) -> Markup:
    whole = [Piece(article.start, article.end)]
    joined, dropped = repairs(article)
    furniture = [(start - article.start, end - article.start) for start, end, _ in article.furniture]
    text = marked(
        article.text,
        shown_spans(whole, marks),
        answer_layer(shown_spans(whole, answers)),
        (joined, JOINED),
        (dropped, DROPPED),
        (furniture, FURNITURE),
    )
    keys = Markup(" ").join(
        Markup('<span class="key">{} {}</span>').format(put(sample), name)
        for spans, put, sample, name in (
            (joined, JOINED, "", words.joined),
            (dropped, DROPPED, " ", words.dropped),
            (furniture, FURNITURE, "…", words.furniture),
        )
        if spans
    )
    return Markup('<p class="note">{} {}</p><pre dir="auto">{}</pre>').format(words.scan_note, keys, text)


JOINED = Markup('<del class="joined">{}</del>').format
DROPPED = Markup('<del class="dropped">{}</del>').format
FURNITURE = Markup('<span class="furniture">{}</span>').format
"""Around what the reading put right: line breaks and blanks within a passage, and text of the page between."""


def repairs(article: StoredArticle) -> tuple[list[Span], list[Span]]:
    """What passages leave out of their text: line breaks; blanks and marks of markup. Places in the article's text.

    Not what stands elsewhere: text of the page, or of another passage, that was printed in between.
    """
    passages = [passage for section in article.sections for passage in section.passages]
    taken = [(piece.start, piece.end) for passage in passages for piece in passage.pieces]
    shown = covered(_apart([*taken, *((start, end) for start, end, _ in article.furniture)]))
    joined: list[Span] = []
    dropped: list[Span] = []
    for passage in passages:
        borders = [
            passage.start,
            *(place for piece in passage.pieces for place in (piece.start, piece.end)),
            passage.end,
        ]
        for start, end in zip(borders[::2], borders[1::2], strict=True):
            if article.start <= start < end and not any(map(shown, range(start, end))):
                gap = (start - article.start, end - article.start)
                text = article.text[slice(*gap)]
                (joined if not text.strip() and "\n" in text.replace("\r", "\n") else dropped).append(gap)
    return _apart(joined), _apart(dropped)


def _apart(spans: Sequence[Span]) -> list[Span]:
    """Sorted, and without those that begin within another."""
    found: list[Span] = []
    for span in sorted(spans):
        if not found or span[0] >= found[-1][1]:
            found.append(span)
    return found


def _ways(neighbours: tuple[ArticleLine | None, ArticleLine | None], words: Words) -> Markup:
    links = [
        Markup('<a rel="{}" href="{}"><small>{}</small> {}</a>').format(
            rel, article_url(line.id, (), words), text, line.headline or words.untitled
        )
        for rel, line, text in zip(
            ("prev", "next"), neighbours, (f"← {words.previous}", f"{words.following} →"), strict=True
        )
        if line is not None
    ]
    return Markup('<nav class="ways">{}</nav>').format(Markup("").join(links)) if links else Markup("")


def around_passage(article: StoredArticle, span: Span) -> dict[str, Any]:
    """The texts next to ``span`` in the article, null where it begins or ends there."""
    passages = [passage for section in article.sections for passage in section.passages]
    before = [passage.text for passage in passages if passage.end <= span[0]]
    after = [passage.text for passage in passages if passage.start >= span[1]]
    day = article.dated.date if article.dated else ""
    return {
        "article": article.id,
        "headline": article.headline or article.file.name,
        "day": day if len(day) == len("2020-03-08") else None,
        "before": before[-1] if before else None,
        "after": after[0] if after else None,
    }


def router(bot: Bot) -> APIRouter:
    """The route of the article pages."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/articles/{article_id}/around")
    def around(request: Request) -> Response:
        """What stands before and after a passage of the article, for the chat's page."""
        found = find_article(bot, request.path_params["article_id"])
        query = request.query_params
        spans = parse_spans([query.get("start", "")], [query.get("end", "")])
        return JSONResponse(around_passage(found, spans[0] if spans else (found.start, found.end)))

    @routes.get("/articles/{article_id}")
    def article(request: Request) -> Response:
        found = find_article(bot, request.path_params["article_id"])
        query = request.query_params
        in_file = bot.store.articles(found.file.name)
        here = [line.id for line in in_file].index(found.id)
        answers = [parse_spans([start], [end]) for start, _, end in (a.partition("-") for a in query.getlist("answer"))]
        html = page(
            found,
            (in_file[here - 1] if here else None, in_file[here + 1] if here + 1 < len(in_file) else None),
            parse_spans(query.getlist("start"), query.getlist("end")),
            for_request(query.get("lang"), request.headers.get("accept-language", "")),
            answers=_apart([span for spans in answers for span in spans]),
            scan=query.get("view") == "scan",
        )
        return HTMLResponse(html)

    return routes
