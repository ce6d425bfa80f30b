"""Which pages of other sites may read answers: those that a site lists, on the routes that the widget asks, no others.

Without credentials: a browser sends no cookie along, and nothing here would look at one. What a browser enforces by
these headers, ``credentials`` checks again on the server, since programs send whatever Origin they like.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa.access import Access
from qa.web.bodies import error_body
from qa.web.credentials import page_origin

OPEN_PATHS = frozenset({"/api/visitor", "/api/ask", "/api/feedback"})
PREFLIGHT_S = 600
"""How long a browser may remember that it may ask: a site that is switched off stays readable no longer than this,
and its tokens end at once."""


class SiteCors:
    """A middleware that adds what lets a browser hand our answers to a listed page, and says no to the others."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: a preflight is answered here, others are passed on."""
        if scope["type"] != "http" or scope["path"] not in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        origin = request.headers.get("origin")
        is_foreign = origin is not None and page_origin(request) == origin
        is_listed = is_foreign and await run_in_threadpool(self._access.allows, origin or "")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                headers.add_vary_header("Origin")
                if is_listed and origin is not None:
                    headers["access-control-allow-origin"] = origin
                    headers["access-control-expose-headers"] = "Retry-After, X-Request-Id"
                    headers["cross-origin-resource-policy"] = "cross-origin"
            await send(message)

        if is_foreign and _is_preflight(request.headers, scope["method"]):
            await _preflight(scope, allowed=is_listed)(scope, receive, with_headers)
        else:
            await self._app(scope, receive, with_headers)


def _is_preflight(headers: Headers, method: str) -> bool:
    return method == "OPTIONS" and "access-control-request-method" in headers


def _preflight(scope: Scope, *, allowed: bool) -> Response:
    if not allowed:
        message = "Pages of this origin may not ask here; the owner can list it with `wenbao keys site set`."
        return JSONResponse(error_body("ORIGIN_NOT_ALLOWED", message, scope["state"]["request_id"]), 403)
    headers = {
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "Authorization, Content-Type",
        "access-control-max-age": str(PREFLIGHT_S),
    }
    return Response(status_code=204, headers=headers)
