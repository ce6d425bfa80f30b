"""The frame of our own pages: head, navigation and language switch around a body. Values in, HTML out, no I/O.

All pages bear the same navigation, the conversation included, which Gradio draws (``chat_page``). A tab's page is at
``/{language}/{tab}``, the conversation at ``/{language}/``. Styles and scripts are files of ``static/``: the page
policy (``guard``) allows neither inline ones nor another host.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from qa.web.words import LANGUAGES, Words

TABS = ("ask", "batch", "corpus", "review", "help")
"""The tabs, as in their pages' addresses; the conversation is "ask"."""


def tab_url(words: Words, tab: str) -> str:
    """Where a tab's page is in the language of ``words``."""
    return f"/{words.path}/" if tab == "ask" else f"/{words.path}/{tab}"


def navigation(words: Words, tab: str | None, in_language: Callable[[Words], str] | None = None) -> Markup:
    """The top of every page: the name, the tabs with ``tab`` as the current one, and the languages.

    ``in_language`` tells where this page is in another language; by default the page of ``tab``.
    """
    where = in_language or (lambda other: tab_url(other, tab or "ask"))
    tabs = Markup("").join(
        Markup('<a href="{}"{}>{}</a>').format(tab_url(words, name), _current(name == tab, "page"), words.tabs[name])
        for name in TABS
    )
    languages = Markup("").join(
        Markup('<a href="{}" lang="{}" hreflang="{}"{}>{}</a>').format(
            where(other), other.tag, other.tag, _current(other is words, "true"), other.name
        )
        for other in LANGUAGES.values()
    )
    return Markup(
        '<div class="top-row"><a class="brand" href="/{}/"><img src="/ui/icon.svg" alt="" width="26" height="26">{}</a>'
        '<nav class="tabs" aria-label="{}">{}</nav><nav class="languages" aria-label="{}">{}</nav></div>'
    ).format(words.path, words.title, words.sections_of_site, tabs, words.languages, languages)


def _current(is_current: bool, value: str) -> Markup:
    return Markup(' aria-current="{}"').format(value) if is_current else Markup("")


def document(
    words: Words,
    title: str,
    body: Markup,
    *,
    tab: str | None = None,
    scripts: Sequence[str] = (),
    styles: Sequence[str] = (),
    in_language: Callable[[Words], str] | None = None,
) -> str:
    """A whole page with ``body`` within its ``<main>``.

    ``scripts`` (ES modules) and ``styles`` are names of files in ``static/``; base.css and page.css come by themselves.
    ``tab`` is the current one of ``TABS``, if the page is one; ``in_language`` as for ``navigation``.
    """
    links = Markup("").join(
        Markup('<link rel="stylesheet" href="/ui/{}">').format(name) for name in ("base.css", "page.css", *styles)
    )
    modules = Markup("").join(Markup('<script type="module" src="/ui/{}"></script>').format(name) for name in scripts)
    return Markup(
        '<!doctype html>\n<html lang="{}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<title>{}</title>{}<link rel="icon" href="/ui/icon.svg">{}</head>\n'
        '<body><a class="skip" href="#main">{}</a><header class="top">{}</header>\n'
        '<main id="main" tabindex="-1">{}</main></body></html>\n'
    ).format(
        words.tag,
        f"{title} · {words.title}",
        links,
        modules,
        words.skip,
        navigation(words, tab, in_language),
        body,
    )


def add_tab(routes: APIRouter, tab: str, page: Callable[[Words, Request], str]) -> None:
    """Adds ``/{language}/{tab}`` for every language to ``routes``: ``page`` makes the whole document, in a thread."""

    def add(words: Words) -> None:
        @routes.get(tab_url(words, tab), include_in_schema=False)
        async def respond(request: Request) -> Response:
            return HTMLResponse(await run_in_threadpool(page, words, request))

    for words in LANGUAGES.values():
        add(words)
