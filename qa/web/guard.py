"""The outer wall: what every request must keep to, and what every response carries. Knows nothing of questions.

A request is refused here, before anything parses it, when its Host is not this machine (a page elsewhere could
otherwise reach the bot by DNS rebinding), when its body is too large, too slow or compressed, or when it asks for a
part of Gradio that the chat doesn't use: Gradio's own routes take uploads, serve files and stream without end, so only
those named here pass. Every response carries a request id and the security headers.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import uuid
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES = 64 * 1024
"""Largest request body; the longest question and its history fit several times."""
BODY_TIMEOUT_S = 10.0
"""Longest wait for a request's body. A question is a few hundred bytes; uvicorn itself would wait for ever."""
LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")

# What the chat's page asks of Gradio, below the path where it is mounted; found by recording a browser's requests.
_GRADIO_PARTS = re.compile(
    r"/?|/config|/theme\.css|/favicon\.ico|/manifest\.json|/(?:assets|static)/.+"
    r"|/gradio_api/(?:theme\.css|startup-events|reset|cancel|app_id|queue/join|queue/data|heartbeat/[^/]+)"
)
# Our own pages need nothing but their style sheet and icon.
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Gradio's page: its inline scripts are allowed by their hash, one by one; Svelte sets styles at run time.
_CHAT_POLICY = (
    "default-src 'none'; script-src 'self'{hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)


def error_body(code: str, message: str, request_id: str, field: str | None = None) -> dict[str, dict[str, str | None]]:
    """The one error envelope of every JSON answer."""
    return {"error": {"code": code, "message": message, "field": field, "request_id": request_id}}


def script_hashes(page: bytes) -> str:
    """CSP sources for the inline scripts of an HTML page: `` 'sha256-…'`` each (CSP level 3, §8.4)."""
    digests = (hashlib.sha256(found[1]).digest() for found in _INLINE_SCRIPT.finditer(page))
    return "".join(f" 'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


class Guard:
    """An application around the whole application. ``request.state.request_id`` is set for those inside."""

    def __init__(self, app: ASGIApp, chat_paths: Collection[str], hosts: Collection[str] = LOCAL_HOSTS) -> None:
        self._app = app
        self._chat_paths = tuple(chat_paths)
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: refused with the error envelope, or passed on with its body read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        # No proxy stands before this server: what is said to be forwarded comes from anybody, and Gradio believes it.
        headers = [(name, value) for name, value in scope["headers"] if b"forwarded" not in name.lower()]
        scope = {**scope, "headers": headers, "state": {**scope.get("state", {}), "request_id": request_id}}
        guarded = _Response(send, request_id, is_chat=self._chat_part(scope["path"]) is not None)
        refusal = self._refusal(scope)
        body = b""
        if refusal is None:
            try:
                async with asyncio.timeout(BODY_TIMEOUT_S):
                    body = await _read_body(receive)
            except TimeoutError:
                refusal = (408, "BODY_TIMEOUT", f"The request's body did not arrive within {BODY_TIMEOUT_S:g} s.")
            except _BodyTooLargeError:
                refusal = _TOO_LARGE
            except _DisconnectedError:
                return
        if refusal is not None:
            status, code, message = refusal
            # What is left of the body is not worth reading: the connection goes with the answer.
            response = JSONResponse(error_body(code, message, request_id), status, {"connection": "close"})
            await response(scope, receive, guarded.send)
            return
        await self._app(scope, _replay(body, receive), guarded.send)

    def _chat_part(self, path: str) -> str | None:
        for chat_path in self._chat_paths:
            if path == chat_path or path.startswith(chat_path + "/"):
                return path[len(chat_path) :]
        return None

    def _refusal(self, scope: Scope) -> tuple[int, str, str] | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or re.sub(r":\d+$", "", hosts[0]).lower() not in self._hosts:
            return 400, "HOST_UNKNOWN", "The Host header names another machine; use the address that wenbao printed."
        if headers.get("content-encoding", "identity") != "identity":
            return 415, "BODY_COMPRESSED", "A compressed request body is not accepted; send it plain."
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > BODY_BYTES:
            return _TOO_LARGE
        part = self._chat_part(scope["path"])
        if part is not None and not _GRADIO_PARTS.fullmatch(part):
            return 404, "NOT_FOUND", "There is nothing at this address."
        return None


_TOO_LARGE = (413, "BODY_TOO_LARGE", f"The request's body is larger than {BODY_BYTES // 1024} KiB; send a shorter one.")


class _BodyTooLargeError(Exception):
    """More came than ``BODY_BYTES``, whatever the header said."""


class _DisconnectedError(Exception):
    """The client left while its body was read."""


async def _read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _DisconnectedError
        body += bytes(message.get("body", b""))
        if len(body) > BODY_BYTES:
            raise _BodyTooLargeError
        if not message.get("more_body", False):
            return body


def _replay(body: bytes, receive: Receive) -> Receive:
    first = True

    async def replayed() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replayed


class _Response:
    """Adds the headers; holds an HTML page of the chat until its end, since its policy depends on its scripts."""

    def __init__(self, send: Send, request_id: str, *, is_chat: bool) -> None:
        self._send = send
        self._request_id = request_id
        self._is_chat = is_chat
        self._held: Message | None = None
        self._page = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            headers.update({**_HEADERS, "x-request-id": self._request_id})
            if self._is_chat and headers.get("content-type", "").startswith("text/html"):
                self._held = message
                return
            headers["content-security-policy"] = _PAGE_POLICY
            await self._send(message)
        elif self._held is not None and message["type"] == "http.response.body":
            self._page += message.get("body", b"")
            if not message.get("more_body", False):
                policy = _CHAT_POLICY.format(hashes=script_hashes(self._page))
                MutableHeaders(raw=self._held["headers"])["content-security-policy"] = policy
                await self._send(self._held)
                await self._send({"type": "http.response.body", "body": self._page})
        else:
            await self._send(message)
