"""The outer wall: what every request must keep to, and what every response carries. Knows nothing of questions.

A request is refused here, before anything parses it, when its Host is not this machine (a page elsewhere could
otherwise reach the bot by DNS rebinding), when its body is too large, too slow or compressed, or when it asks for a
part of Gradio that the chat doesn't use: Gradio's own routes take uploads, serve files and stream without end, so only
those named here pass. Every response carries a request id and the security headers.

Those inside find in ``request.state``: ``request_id``, and ``is_local``: whether the request comes from this machine,
to a server that only this machine can reach. ``request.client`` is who asks, also behind a trusted proxy.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa.config import Network
from qa.errors import WenbaoError
from qa.web.addresses import client_address, is_loopback, is_within
from qa.web.bodies import error_body
from qa.web.metrics import Metrics
from qa.web.policies import PAGE_POLICY, SCRIPTED_PAGE_POLICY, add_headers, chat_policy

BODY_BYTES = 64 * 1024
"""Largest request body; the longest question and its history fit several times."""
BODY_TIMEOUT_S = 10.0
"""Longest wait for a request's body, and for each part of an upload. A question is a few hundred bytes; uvicorn itself
would wait for ever."""
LINGER_S = 2.0
"""How long what is left of a refused body is read and thrown away: a client that is still sending when its connection
is closed would never see the answer."""
LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
OWN_PAGES = ("batch", "corpus", "review", "help", "history")
"""Pages of ours below the chat's paths, ``/zh/batch``: not Gradio's, so under the policy of our own pages."""

# What the chat's page asks of Gradio, below the path where it is mounted; found by recording a browser's requests.
_GRADIO_PARTS = re.compile(
    r"/?|/config|/theme\.css|/favicon\.ico|/manifest\.json|/(?:assets|static)/.+"
    r"|/gradio_api/(?:theme\.css|startup-events|reset|cancel|app_id|queue/join|queue/data|heartbeat/[^/]+)"
)
_OWN_PARTS = re.compile(rf"/(?:{'|'.join(OWN_PAGES)})(?:/.*)?")


class RefusedError(WenbaoError):
    """A request that is turned away before or while it is read; each has its own status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code, message)
        self.http_status = status  # type: ignore[misc]  # of the class elsewhere: here one class has several


class Guard:
    """An application around the whole application.

    Args:
        app: what is guarded.
        chat_paths: where Gradio's pages are mounted.
        hosts: names, in lower case and without port, by which the server may be called.
        uploads: paths that take large bodies, with the bytes that they take; also those below them. An upload is not
            read here but passed on as it comes, so that its route can refuse it by its credentials first.
        proxies: networks of proxies whose word on who asks, and by http or https, is taken.
        metrics: where requests are counted.
        trusts_local: are requests from this machine its owner's? Not when a proxy on it serves others.
    """

    def __init__(
        self,
        app: ASGIApp,
        chat_paths: Collection[str],
        hosts: Collection[str] = LOCAL_HOSTS,
        uploads: Mapping[str, int] | None = None,
        proxies: Sequence[Network] = (),
        *,
        trusts_local: bool = True,
        metrics: Metrics | None = None,
    ) -> None:
        self.app = app
        self._chat_paths = tuple(chat_paths)
        self._hosts = frozenset(hosts)
        self._uploads = dict(uploads or {})
        self._proxies = tuple(proxies)
        self._trusts_local = trusts_local
        self.metrics = metrics or Metrics()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: refused with the error envelope, or passed on with its body read."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        scope = self._seen(scope, request_id)
        began = time.perf_counter()

        def started(status: int) -> None:
            self.metrics.request(scope, status, time.perf_counter() - began)

        part = self._chat_part(scope["path"])
        upload_bytes = self._upload_bytes(scope)
        body = _Body(receive, BODY_BYTES if upload_bytes is None else upload_bytes)
        response = _Response(send, body, request_id, part, started)
        try:
            self._check(scope, body.limit_bytes, part)
            if upload_bytes is None:
                await body.read_whole()
        except RefusedError as refusal:
            status = refusal.http_status
            told = error_body(refusal.code, refusal.message, request_id, status=status, path=scope["path"])
            refused = JSONResponse(told, status)
            await refused(scope, receive, response.send)
        except _DisconnectedError:
            pass
        else:
            await self.app(scope, body.receive, response.send)

    def _seen(self, scope: Scope, request_id: str) -> Scope:
        """The request as those inside see it.

        Without what is said to be forwarded, since Gradio would believe it, and without a ``Range`` of several parts:
        our files are small, and a request may name thousands of parts of one. A range may be ignored (RFC 9110 §14.2).
        """
        peer, port = scope.get("client") or ("", 0)
        said = [(name.lower(), value) for name, value in scope["headers"] if b"forwarded" in name.lower()]
        headers = [
            (name, value)
            for name, value in scope["headers"]
            if b"forwarded" not in name.lower() and not (name.lower() == b"range" and b"," in value)
        ]
        scheme, address = scope.get("scheme", "http"), peer
        is_trusted = bool(self._proxies) and is_within(peer, self._proxies)
        if is_trusted:
            chain = [value.decode("latin-1") for name, value in said if name == b"x-forwarded-for"]
            address = client_address(peer, chain, self._proxies)
            if (b"x-forwarded-proto", b"https") in said:
                scheme = "https"
        # What came through a proxy that nobody named is a stranger's, though the connection is from here.
        is_local = self._trusts_local and not said and is_loopback(peer)
        state = {**scope.get("state", {}), "request_id": request_id, "is_local": is_local}
        state["unnamed_proxy"] = peer if said and not is_trusted else None
        return {**scope, "headers": headers, "client": (address, port), "scheme": scheme, "state": state}

    def _chat_part(self, path: str) -> str | None:
        for chat_path in self._chat_paths:
            if path == chat_path or path.startswith(chat_path + "/"):
                return path[len(chat_path) :]
        return None

    def _upload_bytes(self, scope: Scope) -> int | None:
        if scope["method"] in {"POST", "PUT"}:
            for path, limit_bytes in self._uploads.items():
                if scope["path"] == path or scope["path"].startswith(path + "/"):
                    return limit_bytes
        return None

    def _is_our_name(self, hosts: Sequence[str], own_address: str) -> bool:
        if len(hosts) != 1:
            return False
        name = re.sub(r":\d+$", "", hosts[0]).lower()
        # A page elsewhere can give its own name our address, but not itself a name that is our address.
        return name in self._hosts or (not self._trusts_local and name.strip("[]") == own_address)

    def _check(self, scope: Scope, limit_bytes: int, part: str | None) -> None:
        headers = Headers(scope=scope)
        own_address, _ = scope.get("server") or ("", 0)
        if not self._is_our_name(headers.getlist("host"), own_address):
            message = "The Host header names another machine; use the printed address, or add the name to WENBAO_HOSTS."
            raise RefusedError(400, "HOST_UNKNOWN", message)
        if "content-length" in headers and "transfer-encoding" in headers:
            message = "The request gives its length in two ways, which others may read differently; send one."
            raise RefusedError(400, "REQUEST_MALFORMED", message)
        if headers.get("content-encoding", "identity") != "identity":
            message = "A compressed request body is not accepted; send it plain."
            raise RefusedError(415, "BODY_COMPRESSED", message)
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > limit_bytes:
            raise _too_large(limit_bytes)
        if part is not None and not (_GRADIO_PARTS.fullmatch(part) or _OWN_PARTS.fullmatch(part)):
            raise RefusedError(404, "NOT_FOUND", "There is nothing at this address.")


def _too_large(limit_bytes: int) -> RefusedError:
    size = f"{limit_bytes // 1024} KiB" if limit_bytes < 1024 * 1024 else f"{limit_bytes // (1024 * 1024)} MiB"
    return RefusedError(413, "BODY_TOO_LARGE", f"The request's body is larger than {size}; send a shorter one.")


class _DisconnectedError(Exception):
    """The client left while its body was read."""


class _Body:
    """A request's body as it comes: counted and timed, read whole beforehand or passed on part by part."""

    def __init__(self, receive: Receive, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.has_ended = False
        self._receive = receive
        self._size_bytes = 0
        self._whole: bytes | None = None

    async def read_whole(self) -> None:
        """The body, kept for ``receive``."""
        parts: list[bytes] = []
        async with _patience():
            while not self.has_ended:
                parts.append((await self._next())["body"])
        self._whole = b"".join(parts)

    async def receive(self) -> Message:
        """What the application inside reads: the body, and then that the client has left."""
        if self._whole is not None:
            whole, self._whole = self._whole, None
            return {"type": "http.request", "body": whole, "more_body": False}
        if self.has_ended:
            return await self._receive()
        async with _patience():
            try:
                return await self._next()
            except _DisconnectedError:
                return {"type": "http.disconnect"}

    async def throw_away(self) -> None:
        """Reads what is left, for as long as a refused client may go on sending."""
        try:
            async with asyncio.timeout(LINGER_S):
                while not self.has_ended:
                    self.has_ended = not (await self._receive()).get("more_body", False)
        except TimeoutError:
            pass

    async def _next(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.has_ended = True
            raise _DisconnectedError
        part = bytes(message.get("body", b""))
        self._size_bytes += len(part)
        self.has_ended = not message.get("more_body", False)
        if self._size_bytes > self.limit_bytes:
            raise _too_large(self.limit_bytes)
        return {"type": "http.request", "body": part, "more_body": not self.has_ended}


@asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            yield
    except TimeoutError as error:
        message = f"The request's body did not arrive within {BODY_TIMEOUT_S:g} s."
        raise RefusedError(408, "BODY_TIMEOUT", message) from error


class _Response:
    """Adds the headers; holds an HTML page of Gradio's until its end, since its policy depends on its scripts."""

    def __init__(
        self, send: Send, body: _Body, request_id: str, part: str | None, started: Callable[[int], None]
    ) -> None:
        self._send = send
        self._body = body
        self._request_id = request_id
        self._is_own = part is not None and _OWN_PARTS.fullmatch(part) is not None
        self._is_chat = part is not None and not self._is_own
        self._held: Message | None = None
        self._page = b""
        self._is_last = False
        self._started = started

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._start(message)
        elif message["type"] != "http.response.body":
            await self._send(message)
        elif self._held is not None:
            self._page += message.get("body", b"")
            if not message.get("more_body", False):
                add_headers(MutableHeaders(raw=self._held["headers"]), chat_policy(self._page))
                await self._send(self._held)
                await self._send({"type": "http.response.body", "body": self._page})
        elif self._is_last and not message.get("more_body", False):
            # The client has its answer before the connection goes, and what it still sends is let run out.
            await self._send({**message, "more_body": True})
            await self._body.throw_away()
            await self._send({"type": "http.response.body", "body": b""})
        else:
            await self._send(message)

    async def _start(self, message: Message) -> None:
        self._started(message["status"])
        headers = MutableHeaders(raw=message["headers"])
        headers["x-request-id"] = self._request_id
        if self._is_chat and headers.get("content-type", "").startswith("text/html"):
            self._held = message
            return
        if not self._body.has_ended:
            self._is_last = True
            headers["connection"] = "close"
        add_headers(headers, SCRIPTED_PAGE_POLICY if self._is_own else PAGE_POLICY)
        await self._send(message)
