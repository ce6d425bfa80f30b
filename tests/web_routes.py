"""Every route of the application, and who may use it, a row each; tests/test_web_routes.py misses none."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount

OPEN = "open"
"""For everybody; keys are not looked at."""
CALLER = "caller"
"""For everybody; but a key that is shown must be one of ours, and pages of other sites are refused."""
OWN = "own"
"""Decided by a key of its own, which its own tests try."""
ASK = "ask"
BATCH = "batch"
ADMIN = "admin"
"""For callers with that scope, and the owner."""

ROUTES = {
    ("GET", "/"): OPEN,
    ("GET", "/api/articles"): CALLER,
    ("DELETE", "/api/articles"): ADMIN,
    ("DELETE", "/api/articles/{article_id}"): ADMIN,
    ("GET", "/api/articles/jobs"): ADMIN,
    ("GET", "/api/articles/jobs/{job}"): ADMIN,
    ("POST", "/api/articles"): ADMIN,
    ("POST", "/api/articles/index"): ADMIN,
    ("GET", "/api/articles/{article_id}"): CALLER,
    ("DELETE", "/api/review"): ADMIN,
    ("GET", "/api/review/export"): ADMIN,
    ("POST", "/api/review/gold"): ADMIN,
    ("GET", "/api/words"): ADMIN,
    ("PUT", "/api/words"): ADMIN,
    ("POST", "/api/words/try"): ADMIN,
    # The owner's pages hold nothing; their parts are the owner's.
    ("GET", "/zh/corpus"): OPEN,
    ("GET", "/zh/review"): OPEN,
    ("GET", "/zh-hant/corpus"): OPEN,
    ("GET", "/zh-hant/review"): OPEN,
    ("GET", "/en/corpus"): OPEN,
    ("GET", "/en/review"): OPEN,
    ("GET", "/desk/corpus/figures"): ADMIN,
    ("GET", "/desk/corpus/list"): ADMIN,
    ("GET", "/desk/corpus/articles/{article_id}"): ADMIN,
    ("GET", "/desk/review/figures"): ADMIN,
    ("GET", "/desk/review/list"): ADMIN,
    ("GET", "/desk/review/unanswered"): ADMIN,
    ("GET", "/desk/review/gold/{trace_id}"): ADMIN,
    ("GET", "/api/docs"): OPEN,
    ("GET", "/favicon.ico"): OPEN,
    ("GET", "/healthz"): OPEN,
    ("GET", "/metrics"): ADMIN,
    ("GET", "/openapi.json"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/v1/models"): ASK,
    ("GET", "/v1/models/{name}"): ASK,
    ("GET", "/articles/{article_id}"): OPEN,
    ("GET", "/articles/{article_id}/around"): OPEN,
    ("GET", "/en/help"): OPEN,
    ("GET", "/zh-hant/help"): OPEN,
    ("GET", "/zh/help"): OPEN,
    # A conversation's own key, which is no credential of the bot's: tests/test_web_history.py.
    ("DELETE", "/api/talks"): OPEN,
    ("DELETE", "/api/talks/{talk_id}"): OPEN,
    ("GET", "/api/talks"): OPEN,
    ("GET", "/api/talks/{talk_id}.json"): OPEN,
    ("GET", "/api/talks/{talk_id}.md"): OPEN,
    ("PATCH", "/api/talks/{talk_id}"): OPEN,
    ("DELETE", "/api/batch/{job_id}"): BATCH,
    ("GET", "/api/batch"): BATCH,
    ("GET", "/api/batch/template"): BATCH,
    ("GET", "/api/batch/{job_id}"): BATCH,
    ("GET", "/api/batch/{job_id}/result"): BATCH,
    ("POST", "/api/batch"): BATCH,
    ("POST", "/api/batch/{job_id}/cancel"): BATCH,
    ("POST", "/api/batch/{job_id}/pause"): BATCH,
    ("POST", "/api/batch/{job_id}/preview"): BATCH,
    ("POST", "/api/batch/{job_id}/resume"): BATCH,
    ("POST", "/api/batch/{job_id}/start"): BATCH,
    ("GET", "/en/batch"): OPEN,
    ("GET", "/zh-hant/batch"): OPEN,
    ("GET", "/zh/batch"): OPEN,
    ("POST", "/api/ask"): ASK,
    ("POST", "/api/feedback"): CALLER,
    ("POST", "/v1/chat/completions"): ASK,
    # The widget: its files are anybody's; a visit begins with a site's key in the body.
    ("GET", "/embed"): OWN,
    ("GET", "/embed/check"): OPEN,
    ("GET", "/widget.js"): OPEN,
    ("GET", "/widget/{version}/{name}"): OPEN,
    ("POST", "/api/visitor"): OPEN,
    ("GET", "/files/{name:path}"): OPEN,
    ("*", "/mcp"): ASK,
    # Gradio's, within what the guard lets through, and files.
    ("*", "/en"): OPEN,
    ("*", "/ui"): OPEN,
    ("*", "/zh"): OPEN,
    ("*", "/zh-hant"): OPEN,
}


def routes_of(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and path of every route; a mounted application is one row."""
    for route in app.routes:
        yield from _routes(route)


def _routes(route: BaseRoute) -> Iterator[tuple[str, str]]:
    if isinstance(route, Mount):
        yield "*", route.path
        return
    included = getattr(route, "effective_candidates", None)
    if included is not None:  # a router that was included
        for inner in included():
            yield from _routes(inner)
        return
    methods: set[str] = getattr(route, "methods", None) or {"*"}
    path: str = route.path  # type: ignore[attr-defined]  # every other kind has one
    for method in methods - {"HEAD"} or methods:
        yield method, path
