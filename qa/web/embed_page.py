"""``/embed/check``: the page on which a site's owner sees what would keep the widget from working, and the snippets.

It works without scripts, and the server makes no request of its own. What it tells anybody could find out by asking
with a browser (whether an origin is listed, a preflight says too), so it needs no token.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from qa.access import Access
from qa.errors import UsageError
from qa.web.credentials import access_of
from qa.web.embed_check import Level, check
from qa.web.embed_words import EMBED
from qa.web.frame import document
from qa.web.policies import PAGE_POLICY
from qa.web.snippet import PLACEHOLDER, frame_tag, script_tag
from qa.web.words import Words, for_request

MOST_CHARS = 20_000
"""Of pasted headers; a page's are a few thousand."""


def router() -> APIRouter:
    """The route of the check."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/embed/check")
    async def embed_check(request: Request) -> Response:
        query = request.query_params
        words = for_request(query.get("lang"), request.headers.get("accept-language", ""))
        own = f"{request.url.scheme}://{request.headers.get('host', '')}"
        given = (query.get("site", ""), query.get("server") or own, query.get("headers", "")[:MOST_CHARS])
        proxy = getattr(request.state, "unnamed_proxy", None)
        html = await run_in_threadpool(page, words, access_of(request), *given, proxy)
        policy = PAGE_POLICY.replace("form-action 'none'", "form-action 'self'")
        return HTMLResponse(html, headers={"content-security-policy": policy})

    return routes


def page(words: Words, access: Access, site: str, server: str, headers: str, proxy: str | None = None) -> str:
    """The page; with the findings where ``site`` is given."""
    own = EMBED[words.path]
    body = Markup(
        '<h1>{}</h1><p>{}</p><form class="fields"><input type="hidden" name="lang" value="{}">'
        '<p><label>{}<br><input name="site" inputmode="url" size="50" required value="{}"></label></p>'
        '<p><label>{}<br><input name="server" type="url" size="50" required value="{}"></label></p>'
        '<p><label>{}<br><textarea name="headers" rows="6" cols="60">{}</textarea></label></p>'
        "<p><button>{}</button></p></form>{}"
    ).format(
        own.title,
        own.lead,
        words.path,
        own.site,
        site,
        own.server,
        server,
        own.headers,
        headers,
        own.check,
        _findings(words, access, site, server, headers, proxy) if site else "",
    )
    return document(words, own.title, body, in_language=lambda other: f"/embed/check?lang={other.path}")


_SIGNS: Mapping[Level, str] = {"good": "✓", "bad": "✗", "note": "·"}


def _findings(words: Words, access: Access, site: str, server: str, headers: str, proxy: str | None) -> Markup:
    own = EMBED[words.path]
    listed = [origin for each in access.sites() for origin in each.origins]
    try:
        found = check(site, server, headers, listed, proxy)
    except UsageError as error:
        return Markup('<p role="alert">{}</p>').format(error.message)
    lines = Markup("").join(
        Markup('<li class="{}">{} {}</li>').format(
            each.level, _SIGNS[each.level], own.findings[each.code].format(detail=each.detail)
        )
        for each in found
    )
    snippets = Markup("").join(
        Markup("<h2>{}</h2><pre>{}</pre>").format(title, tag(server, PLACEHOLDER))
        for title, tag in ((own.snippet, script_tag), (own.frame, frame_tag))
    )
    hindrances = sum(each.level == "bad" for each in found)
    verdict = own.hindered.format(count=hindrances) if hindrances else own.fits
    return Markup('<div role="status"><h2>{}</h2><ul class="findings">{}</ul></div>{}<p>{}</p>').format(
        verdict, lines, snippets, own.key
    )
