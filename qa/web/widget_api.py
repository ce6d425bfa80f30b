"""The widget's routes: its scripts, a visitor's token for a site's key, and the page for sites that forbid scripts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from markupsafe import Markup
from pydantic import Field
from starlette.responses import HTMLResponse, JSONResponse, Response

from qa.access import Access
from qa.access.visitors import VISITOR_S
from qa.errors import AccessError, NotFoundError
from qa.web.bodies import Strict, Text, errors, json_body, read_json
from qa.web.credentials import access_of, page_origin
from qa.web.widget_files import WidgetFiles
from qa.web.words import Words, for_request

EMBED_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors {ancestors}"
)


class Visit(Strict):
    """The key that stands in a site's page."""

    site_key: Annotated[Text, Field(min_length=1, max_length=100)]


class VisitorToken(Strict):
    """What a visitor asks with, and what the site's owner has set."""

    token: str
    expires_in_s: int
    url_template: str | None
    """Where citations lead instead of our article page."""
    feedback: bool
    """Whether thumbs are kept: where the owner has switched the question log on."""


def router(files: WidgetFiles) -> APIRouter:
    """The routes of the widget, whose scripts are ``files``."""
    routes = APIRouter()

    @routes.post(
        "/api/visitor",
        summary="Begin a visit on a site's page",
        responses={200: {"model": VisitorToken}, **errors(400, 401, 403, 408, 413, 415, 422, 500, 503)},
        openapi_extra=json_body(Visit),
    )
    async def visitor(request: Request) -> Response:
        """A visitor's token for a site's key, to a browser on a page of one of the site's origins."""
        visit = await read_json(request, Visit)
        origin = page_origin(request)
        if origin is None:
            message = "A visit begins on a page: a browser says of which origin it is, and this request doesn't."
            raise AccessError("UNAUTHORIZED", message)
        address = request.client.host if request.client else ""
        token, site = await run_in_threadpool(access_of(request).visitor_token, visit.site_key, origin, address)
        given = VisitorToken(
            token=token,
            expires_in_s=VISITOR_S,
            url_template=site.limits.url_template,
            feedback=site.limits.logs_questions,
        )
        return JSONResponse(given.model_dump(), headers={"cache-control": "no-store"})

    @routes.get("/widget.js", include_in_schema=False)
    async def loader(request: Request) -> Response:
        return files.loader.response(request.headers)

    @routes.get("/widget/{version}/{name}", include_in_schema=False)
    async def part(request: Request, version: str, name: str) -> Response:
        if name not in files.parts:
            raise NotFoundError("NOT_FOUND", "The widget has no such part.")
        response = files.parts[name].response(request.headers)
        if version != files.version:  # of a page opened before an update: what there is now, but not for good
            response.headers["cache-control"] = "no-cache"
        return response

    @routes.get("/embed", include_in_schema=False)
    async def embed(request: Request) -> Response:
        key = request.query_params.get("site", "")
        words = for_request(request.query_params.get("lang"), request.headers.get("accept-language", ""))
        origins = await run_in_threadpool(_origins, access_of(request), key)
        # A browser matches neither "null" nor an IPv6 address here: https://www.w3.org/TR/CSP3/#grammardef-host-source
        ancestors = " ".join(origin for origin in origins if origin != "null" and "[" not in origin) or "'none'"
        headers = {
            "content-security-policy": EMBED_POLICY.format(ancestors=ancestors),
            "cross-origin-resource-policy": "cross-origin",
        }
        return HTMLResponse(_page(words, key if origins else None), 200 if origins else 403, headers)

    return routes


def _origins(access: Access, key: str) -> tuple[str, ...]:
    try:
        site = access.find(key).site
        return access.site(site).origins if site is not None else ()
    except (AccessError, NotFoundError):
        return ()


def _page(words: Words, key: str | None) -> str:
    body = Markup("<p>{}</p>").format(words.embed_off)
    if key is not None:
        body = Markup('<script src="/widget.js" data-site="{}" data-mode="inline" async></script>').format(key)
    return Markup(
        '<!doctype html>\n<html lang="{}"><head><meta charset="utf-8"><title>{}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<link rel="stylesheet" href="/ui/embed.css"></head><body>{}</body></html>\n'
    ).format(words.tag, words.title, body)
