"""Errors → answers: the one envelope for programs, a small page for people."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Match

from qa.errors import WenbaoError
from qa.web.bodies import error_body
from qa.web.frame import document
from qa.web.limits import LimitError
from qa.web.words import for_request

log = logging.getLogger(__name__)

UNUSABLE_RETRY_S = 30
"""When to ask again where store or model can't be used: somebody has to mend it."""
_HTTP_ERRORS = {
    404: ("NOT_FOUND", "There is nothing at this address."),
    405: ("METHOD_NOT_ALLOWED", "This address does not take that method; the Allow header names those it takes."),
}


def add_error_handlers(app: FastAPI) -> None:
    """Every error of ``app`` in the envelope, or as a page where a browser asked for one. 5xx go to the log as well.

    Not a refusal for too many questions, of which anybody can send as many as he likes: ``Admission`` tells of those.
    """

    @app.exception_handler(WenbaoError)
    async def ours(request: Request, error: WenbaoError) -> Response:
        if error.http_status >= 500 and not isinstance(error, LimitError):
            log.error("%s %s: %s", request.state.request_id, error.code, error.message)
        response = _respond(request, error.http_status, error.code, error.message, error.field)
        if error.http_status == 401:
            response.headers["www-authenticate"] = "Bearer"
        if error.http_status in {429, 503}:
            wait_s = error.retry_after_s if isinstance(error, LimitError) else UNUSABLE_RETRY_S
            response.headers["retry-after"] = str(wait_s)
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]).encode("utf-8", "replace").decode()[:100]
        return _respond(request, 422, "FIELD_INVALID", f"{field}: {first['msg']}.", field)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        code, message = _HTTP_ERRORS.get(error.status_code, ("HTTP_ERROR", str(error.detail)))
        response = _respond(request, error.status_code, code, message)
        response.headers.update(error.headers or {})
        if error.status_code == 405:  # what raised it names the methods of one route, and an address may have several
            response.headers["allow"] = ", ".join(sorted(methods_at(request) or {"GET", "HEAD"}))  # plain files
        return response

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        log.error("%s failed", request.state.request_id, exc_info=error)
        message = "Something failed inside; the server's log has the details under this request_id."
        return _respond(request, 500, "INTERNAL_ERROR", message)


def methods_at(request: Request) -> set[str]:
    """The methods that some route takes at the request's address."""
    routes = (found.original_route for found in iter_route_contexts(request.app.routes))
    here = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return {method for route in here for method in getattr(route, "methods", None) or ()}


def _respond(request: Request, status: int, code: str, message: str, field: str | None = None) -> Response:
    path = request.scope["path"]
    is_page = "text/html" in request.headers.get("accept", "") and not path.startswith(("/api/", "/v1/"))
    if not is_page:
        told = error_body(code, message, request.state.request_id, field, status=status, path=path)
        return JSONResponse(told, status)
    words = for_request(request.query_params.get("lang"), request.headers.get("accept-language", ""))
    body = Markup("<h1>{}</h1><p>{}</p>").format(
        words.missing_title if status == 404 else words.failed, words.errors.get(code, message)
    )
    return HTMLResponse(document(words, words.failed, body), status)
