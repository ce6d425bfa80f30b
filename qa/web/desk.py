"""What the owner's pages have in common: their shell, which anybody may see, and its parts, which only the owner gets.

A browser sends no token with a page that is visited, so the page itself holds nothing of the corpus. Its script
(static/desk.js) asks for the parts below ``/desk/`` with the token, as HTML made here: every text is escaped by
``Markup.format``, and all strings stand in ``desk_words``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from markupsafe import Markup
from starlette.datastructures import QueryParams
from starlette.responses import HTMLResponse

from qa.web.desk_words import DESK, DeskWords
from qa.web.frame import document
from qa.web.words import LANGUAGES, Words

PAGE_ROWS = 50
"""Rows on a page of a list."""
MOST_ROWS = 10_000_000


def shell(words: Words, tab: str, title: str, body: Markup) -> str:
    """A page of the owner's with its script; ``body`` has places with ``data-part`` for what the script fetches."""
    told = asdict(DESK[words.path])
    strings = Markup('<meta name="desk-words" content="{}">').format(json.dumps(told, ensure_ascii=False))
    desk = DESK[words.path]
    token = Markup(
        '<form id="token" class="card" hidden><h2>{}</h2><p>{}</p><p class="row"><label>{} '
        '<input type="password" name="token" autocomplete="off" required></label> <button>{}</button></p>'
        '<p class="problem" hidden>{}</p></form>'
    ).format(desk.admin_title, desk.admin_note, desk.admin_label, desk.admin_send, desk.admin_wrong)
    ask = Markup(
        '<dialog id="ask" aria-labelledby="ask-text"><form method="dialog"><p id="ask-text"></p><p class="row">'
        '<button value="no" class="quiet">{}</button> <button value="yes" class="danger">{}</button>'
        "</p></form></dialog>"
    ).format(desk.cancel, desk.delete)
    show = Markup(
        '<dialog id="show" aria-labelledby="show-title"><form method="dialog"><button class="quiet close">{}</button>'
        '</form><div id="shown"></div></dialog>'
    ).format(desk.close)
    whole = Markup('{}<h1>{}</h1>{}<p id="said" class="unseen" role="status"></p><div id="desk">{}</div>{}{}').format(
        strings, title, token, body, ask, show
    )
    return document(words, title, whole, tab=tab, scripts=[f"{tab}.js"], styles=["desk.css"])


def part(markup: Markup) -> HTMLResponse:
    """A part of a page, as its script fetches it; nobody keeps a copy."""
    return HTMLResponse(str(markup), headers={"cache-control": "no-store"})


def words_of(request: Request) -> tuple[Words, DeskWords]:
    """The strings of the language in ``?lang=``."""
    words = LANGUAGES.get(request.query_params.get("lang", "")) or LANGUAGES["zh"]
    return words, DESK[words.path]


def offset_of(query: QueryParams) -> int:
    """Where the wanted page of a list begins: ``?offset=``, 0 for what is no number."""
    text = query.get("offset", "0")
    return min(int(text), MOST_ROWS) if text.isascii() and text.isdecimal() and len(text) < 12 else 0


def date_of(query: QueryParams, name: str) -> date | None:
    """A day of the query; None for none, and for what is no day."""
    try:
        return date.fromisoformat(query.get(name, ""))
    except ValueError:
        return None


def pager(path: str, query: Mapping[str, Any], offset: int, shown: int, total: int, words: DeskWords) -> Markup:
    """The ways to the pages before and after; the script fetches them into the list's place."""
    if total <= PAGE_ROWS and offset == 0:
        return Markup('<p class="soft">{}</p>').format(
            words.showing.format(first=1 if shown else 0, last=shown, total=total)
        )

    def way(text: str, to: int, is_there: bool) -> Markup:
        if not is_there:
            return Markup('<button class="quiet" disabled>{}</button>').format(text)
        url = f"{path}?{urlencode({**query, 'offset': to})}"
        return Markup('<button class="quiet" data-load="{}">{}</button>').format(url, text)

    return Markup('<p class="row pager">{}<span class="soft">{}</span>{}</p>').format(
        way(words.previous, max(0, offset - PAGE_ROWS), offset > 0),
        words.showing.format(first=offset + 1 if shown else 0, last=offset + shown, total=total),
        way(words.following, offset + PAGE_ROWS, offset + shown < total),
    )
