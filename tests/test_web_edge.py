"""The edge of the server, message by message: what is refused in which words, what passes as it is, what is added."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import json
import logging
import math
import sqlite3
import threading
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from qa.access import Access
from qa.config import Settings
from qa.errors import UsageError, WenbaoError
from qa.web import admission as admission_module
from qa.web import guard as guard_module
from qa.web.addresses import client_address, is_loopback, is_within, network_of, parse_address
from qa.web.admission import OWNER, Admission, Asker
from qa.web.bodies import (
    ErrorEnvelope,
    FieldError,
    OpenAIError,
    Strict,
    Text,
    error_body,
    errors,
    json_body,
    openai_errors,
    read_json,
)
from qa.web.cors import SiteCors
from qa.web.credentials import Caller, admin, asker, caller, page_origin, require, unkeyed
from qa.web.guard import Guard, RefusedError
from qa.web.limits import CALM_S, Buckets, BusyError, DailyCounts, LimitError, Rate, Workers, whole_seconds
from qa.web.policies import PAGE_POLICY, SCRIPTED_PAGE_POLICY, add_headers, chat_policy, script_hashes

KIB = 1024
HOST = (b"host", b"127.0.0.1:7860")
PROXIES = (ipaddress.ip_network("10.0.0.0/8"),)
SECURE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""As docs/security.md promises for every response."""
PLAIN = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SCRIPTED = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
CHAT = (
    "default-src 'none'; script-src 'self'{}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)


# A guard, message by message


@dataclass
class Counted:
    """In the place of ``Metrics``: what it was told."""

    told: list[tuple[str, int, float]] = field(default_factory=list)

    def request(self, scope: Scope, status: int, span_s: float) -> None:
        self.told.append((scope["path"], status, span_s))


Application = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass
class Exchange:
    """One request to a guarded application: what it saw, what came back, how much of the body was asked for."""

    scope: Scope | None = None
    received: list[Message] = field(default_factory=list)
    sent: list[Message] = field(default_factory=list)
    asked_for: int = 0
    counted: Counted = field(default_factory=Counted)

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)["error"]
        return found

    @property
    def state(self) -> dict[str, Any]:
        assert self.scope is not None
        found: dict[str, Any] = self.scope["state"]
        return found


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


GONE: Message = {"type": "http.disconnect"}
OK: list[Message] = [
    {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]},
    {"type": "http.response.body", "body": b"seen"},
]


def html(*bodies: bytes) -> list[Message]:
    start: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html; x")]}
    last = len(bodies) - 1
    return [
        start,
        *({"type": "http.response.body", "body": body, "more_body": at < last} for at, body in enumerate(bodies)),
    ]


def exchange(
    path: str = "/",
    *messages: Message,
    method: str = "GET",
    headers: Sequence[tuple[bytes, bytes]] = (HOST,),
    answer: Sequence[Message] = OK,
    reads: int = 0,
    guarded: Mapping[str, Any] | None = None,
    **scope: Any,
) -> Exchange:
    """What happens when ``messages`` come in, nothing after them, to an application that reads so many and answers."""
    found = Exchange()
    coming = list(messages or [part(b"")])

    async def receive() -> Message:
        found.asked_for += 1
        if coming:
            return coming.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        found.sent.append(message)

    async def app(seen: Scope, inner: Receive, outer: Send) -> None:
        found.scope = seen
        for _ in range(reads):
            found.received.append(await inner())
        for message in answer:
            await outer({**message, "headers": list(message["headers"])} if "headers" in message else dict(message))

    wanted = {"uploads": {"/uploads": 200 * KIB}, "metrics": found.counted, **(guarded or {})}
    request = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": list(headers),
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 7860),
        **scope,
    }
    asyncio.run(Guard(app, ["/zh", "/zh-hant"], **wanted)(request, receive, send))
    return found


HOST_UNKNOWN = "The Host header names another machine; use the printed address, or add the name to WENBAO_HOSTS."
TWO_LENGTHS = "The request gives its length in two ways, which others may read differently; send one."
COMPRESSED = "A compressed request body is not accepted; send it plain."
TOO_LARGE = "The request's body is larger than {}; send a shorter one."


@pytest.mark.parametrize(
    ("path", "more", "status", "code", "message"),
    [
        ("/", [(b"content-length", b"0"), (b"transfer-encoding", b"chunked")], 400, "REQUEST_MALFORMED", TWO_LENGTHS),
        ("/", [(b"content-encoding", b"gzip")], 415, "BODY_COMPRESSED", COMPRESSED),
        ("/", [(b"content-length", b"65537")], 413, "BODY_TOO_LARGE", TOO_LARGE.format("64 KiB")),
        ("/zh/upload", [], 404, "NOT_FOUND", "There is nothing at this address."),
    ],
)
def test_a_refusal_tells_what_is_wrong_and_reads_nothing_for_it(
    path: str, more: list[tuple[bytes, bytes]], status: int, code: str, message: str
) -> None:
    found = exchange(path, headers=[HOST, *more])
    assert found.scope is None  # the application knows nothing of it
    request_id = found.headers["x-request-id"]
    assert len(bytes.fromhex(request_id)) == 16
    assert found.error == {"code": code, "message": message, "field": None, "request_id": request_id}
    assert found.status == status
    # The body hasn't been read: what the client still sends is thrown away, after it has its answer.
    assert found.headers["connection"] == "close"
    assert [message.get("more_body", False) for message in found.sent[1:]] == [True, False]
    assert found.asked_for == 1
    ((told, counted, span_s),) = found.counted.told
    assert (told, counted) == (path, status)
    assert 0 <= span_s < 60
    assert found.headers.items() >= SECURE.items()


@pytest.mark.parametrize(
    ("status_of", "path", "kind"),
    [
        ([(b"content-encoding", b"br")], "/v1/chat/completions", "invalid_request_error"),
        ([], "/v1/../zh", "invalid_request_error"),
    ],
)
def test_below_v1_a_refusal_has_openais_form(status_of: list[tuple[bytes, bytes]], path: str, kind: str) -> None:
    found = exchange(path, headers=[(b"host", b"evil.example"), *status_of])
    assert found.error == {
        "message": HOST_UNKNOWN,
        "type": kind,
        "param": None,
        "code": "HOST_UNKNOWN",
        "request_id": found.headers["x-request-id"],
    }


@pytest.mark.parametrize(
    ("hosts", "guarded", "passes"),
    [
        (["127.0.0.1"], {}, True),
        (["127.0.0.1:7860"], {}, True),
        (["LocalHost:1"], {}, True),
        (["[::1]:7860"], {}, True),
        (["[::1]"], {}, True),
        ([], {}, False),
        ([""], {}, False),
        (["127.0.0.1", "127.0.0.1"], {}, False),
        (["127.0.0.1:x"], {}, False),
        (["127.0.0.1:7860:7860"], {}, False),
        (["evil.example"], {}, False),
        (["127.0.0.1.evil.example"], {}, False),
        (["paper.example"], {"hosts": ["paper.example"]}, True),
        (["Paper.Example:443"], {"hosts": ["paper.example"]}, True),
        (["localhost"], {"hosts": ["paper.example"]}, False),
        # By the address at which the connection arrived, where others may come.
        (["192.0.2.5:7860"], {"trusts_local": False}, True),
        (["192.0.2.5"], {}, False),
        (["192.0.2.6"], {"trusts_local": False}, False),
    ],
)
def test_the_server_answers_to_its_own_names_only(hosts: list[str], guarded: dict[str, Any], passes: bool) -> None:
    headers = [(b"host", host.encode()) for host in hosts]
    found = exchange(headers=headers, guarded=guarded, server=("192.0.2.5", 7860))
    if passes:
        assert (found.status, found.body) == (200, b"seen")
    else:
        assert (found.status, found.error["code"], found.error["message"]) == (400, "HOST_UNKNOWN", HOST_UNKNOWN)


def test_an_ipv6_address_of_ours_stands_in_brackets() -> None:
    headers = [(b"host", b"[2001:db8::5]:7860")]
    for server, status in ((("2001:db8::5", 7860), 200), (("2001:db8::6", 7860), 400), (None, 400)):
        assert exchange(headers=headers, guarded={"trusts_local": False}, server=server).status == status


@pytest.mark.parametrize(
    "more",
    [
        [(b"content-length", b"65536")],
        [(b"transfer-encoding", b"chunked")],
        [(b"content-encoding", b"identity")],
        [(b"content-length", b"many")],
        [(b"content-length", b"-99999")],
    ],
)
def test_a_head_within_the_rules_passes(more: list[tuple[bytes, bytes]]) -> None:
    found = exchange(headers=[HOST, *more])
    assert (found.status, found.body, found.headers.get("connection")) == (200, b"seen", None)


@pytest.mark.parametrize(
    ("path", "method", "limit_bytes"),
    [
        ("/uploads", "POST", 200 * KIB),
        ("/uploads", "PUT", 200 * KIB),
        ("/uploads/7", "PUT", 200 * KIB),
        ("/uploads", "GET", 64 * KIB),
        ("/uploads", "DELETE", 64 * KIB),
        ("/uploadsx", "POST", 64 * KIB),
        ("/", "POST", 64 * KIB),
    ],
)
def test_only_a_body_sent_to_an_uploads_path_may_be_large(path: str, method: str, limit_bytes: int) -> None:
    for size, status in ((limit_bytes, 200), (limit_bytes + 1, 413)):
        found = exchange(path, method=method, headers=[HOST, (b"content-length", b"%d" % size)])
        assert found.status == status
    assert found.error["message"] == TOO_LARGE.format(f"{limit_bytes // KIB} KiB")


@pytest.mark.parametrize(
    ("limit_bytes", "told"),
    [(KIB, "1 KiB"), (1024 * KIB - 1, "1023 KiB"), (1024 * KIB, "1 MiB"), (64 * 1024 * KIB, "64 MiB")],
)
def test_the_largest_size_is_told_in_the_unit_that_fits(limit_bytes: int, told: str) -> None:
    headers = [HOST, (b"content-length", b"%d" % (limit_bytes + 1))]
    found = exchange("/u", method="POST", headers=headers, guarded={"uploads": {"/u": limit_bytes}})
    assert found.error["message"] == TOO_LARGE.format(told)


@pytest.mark.parametrize(
    "path",
    [
        "/zh",
        "/zh/",
        "/zh/config",
        "/zh/theme.css",
        "/zh/favicon.ico",
        "/zh/manifest.json",
        "/zh/assets/a/b.js",
        "/zh/static/x",
        "/zh/gradio_api/theme.css",
        "/zh/gradio_api/startup-events",
        "/zh/gradio_api/reset",
        "/zh/gradio_api/cancel",
        "/zh/gradio_api/app_id",
        "/zh/gradio_api/queue/join",
        "/zh/gradio_api/queue/data",
        "/zh/gradio_api/heartbeat/abc",
        "/zh-hant/config",
        "/zh/batch",
        "/zh/corpus/1",
        "/zhx",  # no path of the chat at all
        "/gradio_api/upload",
    ],
)
def test_what_the_chats_page_asks_for_passes(path: str) -> None:
    found = exchange(path)
    assert (found.status, found.scope and found.scope["path"]) == (200, path)


@pytest.mark.parametrize(
    "path",
    [
        "/zh//",
        "/zh/configs",
        "/zh/themeXcss",
        "/zh/assets/",
        "/zh/assets",
        "/zh/file=/etc/passwd",
        "/zh/gradio_api/upload",
        "/zh/gradio_api/queue/joined",
        "/zh/gradio_api/heartbeat/",
        "/zh/gradio_api/heartbeat/a/b",
        "/zh-hant/gradio_api/info",
    ],
)
def test_what_it_does_not_ask_for_is_nowhere(path: str) -> None:
    found = exchange(path)
    assert (found.status, found.error["code"], found.scope) == (404, "NOT_FOUND", None)


def test_what_is_no_request_passes_untouched() -> None:
    """A lifespan or a socket: the very objects, whatever is in them."""
    seen: list[object] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend((scope, receive, send))

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        raise AssertionError(message)

    for kind in ("lifespan", "websocket"):
        scope: Scope = {"type": kind}
        seen.clear()
        asyncio.run(Guard(app, ["/zh"])(scope, receive, send))
        assert all(one is other for one, other in zip(seen, (scope, receive, send), strict=True))


# Bodies


def test_a_body_in_parts_is_handed_over_whole_and_after_it_what_comes() -> None:
    found = exchange("/", part(b"ab", more=True), part(b"", more=True), part(b"c"), GONE, method="POST", reads=2)
    assert found.received == [part(b"abc"), GONE]
    assert found.headers.get("connection") is None


def test_a_part_without_a_body_is_an_empty_one_and_the_last() -> None:
    assert exchange("/", {"type": "http.request"}, reads=1).received == [part(b"")]
    found = exchange("/uploads", {"type": "http.request"}, method="POST", reads=1)
    assert found.received == [part(b"")]


def test_an_upload_is_handed_on_part_by_part() -> None:
    parts = [part(b"ab", more=True), part(b"cd", more=True), part(b"e")]
    assert exchange("/uploads", *parts, GONE, method="POST", reads=4).received == [*parts, GONE]


def test_who_leaves_while_sending_is_answered_nothing() -> None:
    found = exchange("/", part(b"ab", more=True), GONE, method="POST")
    assert (found.scope, found.sent, found.counted.told) == (None, [], [])
    upload = exchange("/uploads", part(b"ab", more=True), GONE, method="POST", reads=2)
    assert upload.received == [part(b"ab", more=True), GONE]
    assert upload.headers.get("connection") is None  # there is nobody to wait for


@pytest.mark.parametrize(("path", "limit_bytes"), [("/", 64 * KIB), ("/uploads", 200 * KIB)])
def test_a_body_that_tells_no_length_is_counted_as_it_comes(path: str, limit_bytes: int) -> None:
    half = limit_bytes // 2
    most = exchange(path, part(b"x" * half, more=True), part(b"x" * half), method="POST", reads=1)
    assert most.status == 200
    parts = [part(b"x" * half, more=True), part(b"x" * half, more=True), part(b"x", more=True), part(b"rest")]
    if path == "/":
        found = exchange(path, *parts, method="POST")
        assert (found.status, found.error["message"]) == (413, TOO_LARGE.format("64 KiB"))
        assert found.asked_for == 4  # the rest was read, and thrown away
    else:
        with pytest.raises(RefusedError) as caught:
            exchange(path, *parts, method="POST", reads=3)
        assert (caught.value.http_status, caught.value.code) == (413, "BODY_TOO_LARGE")
        assert caught.value.message == TOO_LARGE.format("200 KiB")


def test_a_refused_body_whose_end_has_come_needs_no_waiting() -> None:
    found = exchange("/", part(b"x" * (64 * KIB + 1)), method="POST")
    assert (found.status, found.asked_for, found.headers.get("connection")) == (413, 1, None)


def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "BODY_TIMEOUT_S", 0.05)
    monkeypatch.setattr(guard_module, "LINGER_S", 0.01)
    told = "The request's body did not arrive within 0.05 s."
    found = exchange("/", part(b"ab", more=True), method="POST")
    assert (found.status, found.error["code"], found.error["message"]) == (408, "BODY_TIMEOUT", told)
    assert found.headers["connection"] == "close"
    assert found.sent[-1] == {"type": "http.response.body", "body": b""}  # lingering ends as well
    with pytest.raises(RefusedError) as caught:
        exchange("/uploads", part(b"ab", more=True), method="POST", reads=2)
    assert (caught.value.http_status, caught.value.code, caught.value.message) == (408, "BODY_TIMEOUT", told)


def test_an_answer_before_the_uploads_end_comes_first_and_then_the_rest_is_thrown_away() -> None:
    parts = [part(b"ab", more=True), part(b"cd", more=True), part(b"e")]
    answer = [OK[0], {"type": "http.response.body", "body": b"n", "more_body": True}, {**OK[1], "body": b"o"}]
    found = exchange("/uploads", *parts, GONE, method="POST", reads=1, answer=answer)
    assert found.asked_for == 3  # to the end of the body, and no further
    assert found.headers["connection"] == "close"
    assert found.sent[1:] == [
        {"type": "http.response.body", "body": b"n", "more_body": True},
        {"type": "http.response.body", "body": b"o", "more_body": True},
        {"type": "http.response.body", "body": b""},
    ]
    left = exchange("/uploads", part(b"ab", more=True), GONE, part(b"x"), method="POST", reads=1)
    assert left.asked_for == 2  # who has gone sends no more


# What those inside see


def test_the_request_keeps_what_it_is_and_gets_its_number_and_place() -> None:
    found = exchange("/x", headers=[HOST, (b"Accept", b"a"), (b"accept", b"b")], state={"kept": 1}, query_string=b"q=1")
    assert found.scope is not None
    assert found.scope["headers"] == [HOST, (b"Accept", b"a"), (b"accept", b"b")]
    assert (found.scope["client"], found.scope["scheme"]) == (("127.0.0.1", 50_000), "http")
    assert (found.scope["query_string"], found.scope["type"]) == (b"q=1", "http")
    assert found.state == {
        "kept": 1,
        "request_id": found.headers["x-request-id"],
        "is_local": True,
        "unnamed_proxy": None,
    }
    assert found.headers["x-request-id"] != exchange("/x").headers["x-request-id"]
    ((path, status, _),) = found.counted.told
    assert (path, status) == ("/x", 200)


FORWARDED = [(b"X-Forwarded-For", b"198.51.100.1"), (b"x-forwarded-proto", b"https"), (b"Forwarded", b"for=x")]


@pytest.mark.parametrize(
    ("peer", "more", "guarded", "seen"),
    [
        # peer, scheme, is_local, unnamed_proxy
        ("127.0.0.1", [], {}, ("127.0.0.1", "http", True, None)),
        ("127.0.0.1", [], {"trusts_local": False}, ("127.0.0.1", "http", False, None)),
        ("192.0.2.1", [], {}, ("192.0.2.1", "http", False, None)),
        ("127.0.0.1", FORWARDED, {}, ("127.0.0.1", "http", False, "127.0.0.1")),
        ("192.0.2.1", FORWARDED, {}, ("192.0.2.1", "http", False, "192.0.2.1")),
        ("192.0.2.1", FORWARDED, {"proxies": PROXIES}, ("192.0.2.1", "http", False, "192.0.2.1")),
        ("10.1.1.1", FORWARDED, {"proxies": PROXIES}, ("198.51.100.1", "https", False, None)),
        ("10.1.1.1", [(b"x-forwarded-proto", b"http")], {"proxies": PROXIES}, ("10.1.1.1", "http", False, None)),
        ("10.1.1.1", [(b"X-Forwarded-Proto", b"https")], {"proxies": PROXIES}, ("10.1.1.1", "https", False, None)),
        ("10.1.1.1", [], {"proxies": PROXIES}, ("10.1.1.1", "http", False, None)),
        ("10.1.1.1", [(b"x-forwarded-for", "é".encode())], {"proxies": PROXIES}, ("10.1.1.1", "http", False, None)),
        (
            "10.1.1.1",
            [(b"x-forwarded-for", b"192.0.2.9"), (b"x-forwarded-for", b"192.0.2.8, 10.0.0.2")],
            {"proxies": PROXIES},
            ("192.0.2.8", "http", False, None),
        ),
    ],
)
def test_who_asks_is_who_the_connection_or_a_named_proxy_shows(
    peer: str, more: list[tuple[bytes, bytes]], guarded: dict[str, Any], seen: tuple[str, str, bool, str | None]
) -> None:
    found = exchange(headers=[HOST, *more], guarded=guarded, client=(peer, 9))
    assert found.scope is not None
    assert found.scope["headers"] == [HOST]  # nobody inside believes what is said
    assert found.scope["client"] == (seen[0], 9)
    assert (found.scope["scheme"], found.state["is_local"], found.state["unnamed_proxy"]) == seen[1:]


def test_a_scheme_that_is_known_stays_and_a_client_that_is_unknown_is_nobody() -> None:
    found = exchange(scheme="https", client=None, server=None)
    assert found.scope is not None
    assert (found.scope["scheme"], found.scope["client"], found.state["is_local"]) == ("https", ("", 0), False)


def test_a_range_of_several_parts_is_left_out_and_one_of_one_stays() -> None:
    one, many = (b"range", b"bytes=0-9"), (b"Range", b"bytes=0-9,20-29")
    for name in (b"x-list", b"accept"):
        found = exchange(headers=[HOST, one, many, (name, b"a,b")])
        assert found.scope is not None
        assert found.scope["headers"] == [HOST, one, (name, b"a,b")]


# What every response carries


@pytest.mark.parametrize(
    ("path", "policy"),
    [("/", PLAIN), ("/articles/1", PLAIN), ("/zh/batch", SCRIPTED), ("/zh/review/3", SCRIPTED), ("/zhx", PLAIN)],
)
def test_a_response_carries_its_policy_and_passes_as_it_comes(path: str, policy: str) -> None:
    answer = [
        *html(b"<p>", b"x"),
        {"type": "http.response.trailers", "headers": [(b"a", b"b")]},
    ]
    found = exchange(path, answer=answer)
    assert found.headers == {
        "content-type": "text/html; x",
        "x-request-id": found.state["request_id"],
        "content-security-policy": policy,
        "x-frame-options": "DENY",
        **SECURE,
    }
    assert found.sent[1:] == answer[1:]


# https://www.di-mgmt.com.au/sha_testvectors.html: the digests of "abc" and of nothing.
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SOURCES = {text: f" 'sha256-{b64encode(bytes.fromhex(text)).decode()}'" for text in (ABC, NOTHING)}


@pytest.mark.parametrize(
    ("page", "hashes"),
    [
        (b"<p>abc</p>", ""),
        (b"<script>abc</script>", SOURCES[ABC]),
        (b"<SCRIPT type='module'>abc</Script>", SOURCES[ABC]),
        (b"<script></script><script>abc</script>", SOURCES[NOTHING] + SOURCES[ABC]),
        (b"<script src='a.js'>abc</script>", ""),
        (b"<script async\nsrc='a.js'></script><script>abc</script>", SOURCES[ABC]),
        (b"<script data-src='a.js'>abc</script>", ""),
        (b"<script>\n</script>", f" 'sha256-{b64encode(hashlib.sha256(bytes([10])).digest()).decode()}'"),
    ],
)
def test_a_page_of_gradios_is_held_until_its_scripts_are_known(page: bytes, hashes: str) -> None:
    assert script_hashes(page) == hashes
    assert chat_policy(page) == CHAT.format(hashes)
    found = exchange("/zh/", answer=html(page[:7], page[7:12], page[12:]))
    assert found.headers == {
        "content-type": "text/html; x",
        "x-request-id": found.state["request_id"],
        "content-security-policy": CHAT.format(hashes),
        "x-frame-options": "DENY",
        **SECURE,
    }
    assert found.sent[1:] == [{"type": "http.response.body", "body": page}]
    assert [status for _, status, _ in found.counted.told] == [200]


def test_what_of_gradios_is_no_page_is_not_held() -> None:
    found = exchange("/zh/config", answer=[OK[0], {**OK[1], "more_body": True}, OK[1]])
    assert found.headers["content-security-policy"] == PLAIN
    assert [message["body"] for message in found.sent[1:]] == [b"seen", b"seen"]
    silent = exchange("/zh/", answer=[{**OK[0], "headers": []}, OK[1]])  # it doesn't say what it is
    assert silent.headers["content-security-policy"] == PLAIN
    bare = exchange("/zh/", answer=[html()[0], {"type": "http.response.body"}])
    assert bare.sent[1:] == [{"type": "http.response.body", "body": b""}]


def test_headers_that_a_route_has_set_stay() -> None:
    raw = [(b"referrer-policy", b"origin"), (b"content-security-policy", b"frame-ancestors x")]
    headers = MutableHeaders(raw=list(raw))
    add_headers(headers, PAGE_POLICY)
    assert dict(headers) == {
        **SECURE,
        "referrer-policy": "origin",
        "content-security-policy": "frame-ancestors x",
    }
    empty = MutableHeaders()
    add_headers(empty, SCRIPTED_PAGE_POLICY)
    assert dict(empty) == {**SECURE, "content-security-policy": SCRIPTED, "x-frame-options": "DENY"}


# Addresses


@pytest.mark.parametrize(
    ("text", "address", "of_this_machine", "within"),
    [
        ("127.0.0.1", "127.0.0.1", True, False),
        ("127.9.9.9", "127.9.9.9", True, False),
        ("::1", "::1", True, False),
        ("::ffff:127.0.0.1", "127.0.0.1", True, False),
        ("::ffff:10.1.2.3", "10.1.2.3", False, True),
        ("10.255.255.255", "10.255.255.255", False, True),
        ("11.0.0.0", "11.0.0.0", False, False),
        ("fe80::1%eth0", "fe80::1", False, False),
        ("::1%lo%x", "::1", True, False),
        ("fd00::1", "fd00::1", False, True),
        ("", None, False, False),
        ("localhost", None, False, False),
        ("10.0.0.1:80", None, False, False),
    ],
)
def test_an_address_is_read_as_it_is_written(
    text: str, address: str | None, of_this_machine: bool, within: bool
) -> None:
    found = parse_address(text)
    assert (None if found is None else str(found)) == address
    assert is_loopback(text) is of_this_machine
    assert is_within(text, [*PROXIES, ipaddress.ip_network("fd00::/8")]) is within
    assert not is_within(text, [])


@pytest.mark.parametrize(
    ("forwarded", "found"),
    [
        (["192.0.2.1,10.0.0.2 , 10.0.0.3"], "192.0.2.1"),
        (["192.0.2.1", "not an address", "10.0.0.2"], "10.0.0.2"),
        (["192.0.2.1", ""], "10.0.0.1"),
        (["10.0.0.9"], "10.0.0.9"),
        (["2001:DB8:0::1"], "2001:db8::1"),
    ],
)
def test_the_chain_is_read_from_the_right_as_far_as_it_is_known(forwarded: list[str], found: str) -> None:
    assert client_address("10.0.0.1", forwarded, PROXIES) == found


def test_what_is_no_address_is_a_visitor_of_its_own() -> None:
    assert [network_of(text) for text in ("", "x%y")] == ["", "x%y"]
    assert network_of("2001:db8:1:2:ffff::") == network_of("2001:DB8:1:2::%eth0") == "2001:db8:1:2::/64"
    assert network_of("::ffff:198.51.100.1") == "198.51.100.1"


# JSON bodies


class Inner(Strict):
    """A part."""

    places: list[int]


class Asked(Strict):
    """A body with a field of each kind."""

    question: Text
    count: int = 1
    inner: Inner | None = None


def json_request(body: bytes, kind: str | None = "application/json") -> Request:
    async def receive() -> Message:
        return part(body)

    headers = [] if kind is None else [(b"content-type", kind.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", " application/json ;x"])
def test_a_body_that_keeps_to_the_model_is_read(kind: str) -> None:
    body = '{"question": "口罩", "count": 3, "inner": {"places": [1, 2]}}'.encode()
    found = asyncio.run(read_json(json_request(body, kind), Asked))
    assert found == Asked(question="口罩", count=3, inner=Inner(places=[1, 2]))


NO_JSON = "The body is not valid JSON; send an object."
SEND_JSON = "Send JSON, with Content-Type: application/json."


@pytest.mark.parametrize(
    ("body", "kind", "error", "code", "message", "named"),
    [
        (b"{}", None, UsageError, "BODY_INVALID", SEND_JSON, None),
        (b"{}", "text/plain", UsageError, "BODY_INVALID", SEND_JSON, None),
        (b"{}", "application/jsonl", UsageError, "BODY_INVALID", SEND_JSON, None),
        (b'{"question": "\xff"}', "application/json", UsageError, "BODY_ENCODING",
         "The body is not UTF-8 at byte 14; send it as UTF-8.", None),
        (b"", "application/json", UsageError, "BODY_INVALID", NO_JSON, None),
        (b"{", "application/json", UsageError, "BODY_INVALID", NO_JSON, None),
        (b"[" * 100_000, "application/json", UsageError, "BODY_INVALID", NO_JSON, None),
        (b"[]", "application/json", UsageError, "BODY_INVALID", "The body must be a JSON object.", None),
        (b"null", "application/json", UsageError, "BODY_INVALID", "The body must be a JSON object.", None),
        (b"{}", "application/json", FieldError, "FIELD_INVALID", "question: Field required.", "question"),
        (b'{"question": 7}', "application/json", FieldError, "FIELD_INVALID",
         "question: Input should be a valid string.", "question"),
        (b'{"question": "x", "count": "3"}', "application/json", FieldError, "FIELD_INVALID",
         "count: Input should be a valid integer.", "count"),
        (b'{"question": "x", "inner": {"places": [1, "2"]}}', "application/json", FieldError, "FIELD_INVALID",
         "inner.places.1: Input should be a valid integer.", "inner.places.1"),
        (b'{"question": "x", "more": 1}', "application/json", FieldError, "FIELD_INVALID",
         "more: Extra inputs are not permitted.", "more"),
        (b'{"question": "\\ud800"}', "application/json", FieldError, "FIELD_INVALID",
         "question: Value error, half a surrogate pair is no character.", "question"),
        (b'{"question": "\\udfff"}', "application/json", FieldError, "FIELD_INVALID",
         "question: Value error, half a surrogate pair is no character.", "question"),
        (b'{"question": "x", "%s": 1}' % (b"M" * 101), "application/json", FieldError, "FIELD_INVALID",
         f"{'M' * 100}: Extra inputs are not permitted.", "M" * 100),
    ],
)  # fmt: skip
def test_a_bad_body_is_told_what_is_bad_of_it(
    body: bytes, kind: str | None, error: type[UsageError], code: str, message: str, named: str | None
) -> None:
    with pytest.raises(UsageError) as caught:
        asyncio.run(read_json(json_request(body, kind), Asked))
    assert type(caught.value) is error
    assert (caught.value.code, caught.value.message, caught.value.field) == (code, message, named)
    assert caught.value.http_status == (422 if error is FieldError else 400)


def test_characters_beside_the_halves_are_characters() -> None:
    for text in ("\ud7ff", "\ue000", "\U0001f600"):
        body = json.dumps({"question": text}).encode()
        assert asyncio.run(read_json(json_request(body), Asked)).question == text


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/api/ask", 401, None),
        ("/v1", 401, None),
        ("/v1/models", 401, "authentication_error"),
        ("/v1/models", 403, "permission_error"),
        ("/v1/models", 404, "not_found_error"),
        ("/v1/models", 429, "rate_limit_error"),
        ("/v1/models", 400, "invalid_request_error"),
        ("/v1/models", 499, "invalid_request_error"),
        ("/v1/models", 500, "server_error"),
        ("/v1/models", 503, "server_error"),
    ],
)
def test_an_error_has_the_form_of_its_path(path: str, status: int, kind: str | None) -> None:
    ours = {"code": "C", "message": "M.", "field": "f", "request_id": "r"}
    openais = {"code": "C", "message": "M.", "param": "f", "request_id": "r", "type": kind}
    assert error_body("C", "M.", "r", "f", status=status, path=path) == {"error": ours if kind is None else openais}
    assert error_body("C", "M.", "r") == {"error": {**ours, "field": None}}


def test_the_document_tells_the_errors_and_the_body_without_references() -> None:
    assert errors(400, 404) == {400: {"model": ErrorEnvelope}, 404: {"model": ErrorEnvelope}}
    assert openai_errors(429) == {429: {"model": OpenAIError}}
    assert json_body(Asked) == {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "additionalProperties": False,
                        "description": "A body with a field of each kind.",
                        "title": "Asked",
                        "type": "object",
                        "required": ["question"],
                        "properties": {
                            "question": {"title": "Question", "type": "string"},
                            "count": {"title": "Count", "type": "integer", "default": 1},
                            "inner": {
                                "default": None,
                                "anyOf": [
                                    {
                                        "additionalProperties": False,
                                        "description": "A part.",
                                        "title": "Inner",
                                        "type": "object",
                                        "required": ["places"],
                                        "properties": {
                                            "places": {
                                                "title": "Places",
                                                "type": "array",
                                                "items": {"type": "integer"},
                                            }
                                        },
                                    },
                                    {"type": "null"},
                                ],
                            },
                        },
                    }
                }
            },
        }
    }


def test_a_body_without_parts_is_told_too() -> None:
    class Plain(BaseModel):
        """Nothing."""

    (schema,) = (kind["schema"] for kind in json_body(Plain)["requestBody"]["content"].values())
    assert schema == {"description": "Nothing.", "properties": {}, "title": "Plain", "type": "object"}


# Who asks


SITE = "https://paper.example"
OWN = "http://127.0.0.1:7860"
ADDRESS = "192.0.2.1"
ANYBODY = Caller("anonymous", ADDRESS, frozenset({"ask"}))


@pytest.fixture
def access(tmp_path: Path) -> Iterator[Access]:
    with closing(Access(tmp_path)) as opened:
        yield opened


def request_of(
    access: Access | None,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "POST",
    is_local: bool = False,
    client: tuple[str, int] | None = (ADDRESS, 1),
) -> Request:
    named = {"host": "127.0.0.1:7860", **(headers or {})}
    return Request(
        {
            "type": "http",
            "method": method,
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
            "client": client,
            "state": {"is_local": is_local},
            "app": SimpleNamespace(state=SimpleNamespace(access=access)),
        }
    )


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        ({}, None),
        ({"sec-fetch-site": "same-origin"}, None),
        ({"sec-fetch-site": "none"}, None),
        ({"sec-fetch-site": "cross-site"}, "null"),
        ({"sec-fetch-site": "same-site"}, "null"),
        ({"origin": OWN}, "self"),
        ({"origin": "https://127.0.0.1:7860"}, "self"),  # behind a proxy that nobody named
        ({"origin": OWN, "sec-fetch-site": "cross-site"}, "self"),
        ({"origin": "http://127.0.0.1"}, "http://127.0.0.1"),
        ({"origin": SITE}, SITE),
        ({"origin": "null"}, "null"),
        ({"origin": "null", "host": ""}, "null"),  # which has no host, as this request has none
    ],
)
def test_the_page_that_made_a_browser_ask_is_told_by_it(headers: dict[str, str], origin: str | None) -> None:
    assert page_origin(request_of(None, headers)) == origin


def test_without_a_token_it_is_the_owner_here_or_anybody() -> None:
    assert caller(request_of(None)) == ANYBODY
    assert caller(request_of(None, {"origin": OWN})) == ANYBODY
    owner = Caller("local", ADDRESS, frozenset({"admin"}))
    assert caller(request_of(None, is_local=True)) == owner == unkeyed(request_of(None, is_local=True))
    assert admin(request_of(None, is_local=True)) == owner == asker(request_of(None, is_local=True))
    for is_local, kind in ((True, "local"), (False, "anonymous")):
        nobody = request_of(None, is_local=is_local, client=None)
        assert (caller(nobody).address, caller(nobody).kind) == ("", kind)
    assert asker(request_of(None)) == ANYBODY
    assert (owner.key_id, owner.site, owner.may("batch"), ANYBODY.may("batch"), ANYBODY.may("ask")) == (
        None,
        None,
        True,
        False,
        True,
    )


@pytest.mark.parametrize(
    ("method", "mode", "passes"),
    [
        ("GET", "navigate", True),
        ("HEAD", "navigate", True),
        ("POST", "navigate", False),
        ("GET", "cors", False),
        ("GET", None, False),
    ],
)
def test_a_link_may_be_followed_from_anywhere_and_makes_nobody_the_owner(
    method: str, mode: str | None, passes: bool
) -> None:
    headers = {"sec-fetch-site": "cross-site"} | ({} if mode is None else {"sec-fetch-mode": mode})
    request = request_of(None, headers, method=method, is_local=True)
    if passes:
        assert caller(request) == ANYBODY
        return
    refused = told(caller, request)
    message = "Pages of other sites may ask only through the widget, from an address that the owner has listed."
    assert (refused.code, refused.http_status, refused.message) == ("ORIGIN_NOT_ALLOWED", 403, message)


def told(ask: Callable[[Request], Caller], request: Request) -> WenbaoError:
    with pytest.raises(WenbaoError) as caught:
        ask(request)
    assert caught.value.field is None
    return caught.value


def test_a_token_is_its_holder_with_number_scopes_and_site(access: Access) -> None:
    access.add_site("a", [SITE])
    key, key_made = access.make_site_key("a")
    weak, weak_made = access.make_token("weak", ["batch"])
    strong, strong_made = access.make_token("strong", ["ask", "admin"])
    for secret, made, kind in ((weak, weak_made, "token"), (strong, strong_made, "admin")):
        for header in (f"Bearer {secret}", f"BEARER  {secret} "):
            found = caller(request_of(access, {"authorization": header}, is_local=True))
            assert found == Caller(kind, ADDRESS, made.scopes, made.id)  # type: ignore[arg-type]
        assert caller(request_of(access, {"authorization": f"bearer {secret}", "origin": OWN})) == found
        foreign = told(caller, request_of(access, {"authorization": f"bearer {secret}", "origin": "null"}))
        assert (foreign.code, foreign.http_status) == ("ORIGIN_NOT_ALLOWED", 403)
        assert foreign.message == "API tokens are for programs, not for pages of other sites."
    visit, site = access.visitor_token(key, SITE, ADDRESS)
    shown = {"authorization": f"Bearer {visit}", "origin": SITE}
    assert caller(request_of(access, shown)) == Caller("visitor", ADDRESS, frozenset({"ask"}), key_made.id, site)
    elsewhere = told(caller, request_of(access, shown, client=None))
    assert elsewhere.code == "TOKEN_EXPIRED"
    pageless = told(caller, request_of(access, {"authorization": f"Bearer {visit}"}))
    assert pageless.message == "This visitor token isn't one of ours, or is another page's."
    own, _ = access.visitor_token(key, "self", ADDRESS)
    assert caller(request_of(access, {"authorization": f"Bearer {own}", "origin": OWN})).site == site
    keyed = told(caller, request_of(access, {"authorization": f"Bearer {key}", "origin": SITE}))
    assert (keyed.code, keyed.http_status) == ("UNAUTHORIZED", 401)
    assert keyed.message == (
        "A site's key is not shown itself: exchange it for a visitor's token at POST /api/visitor first."
    )


def test_a_header_that_is_no_bearer_token_is_told_what_is_wanted(access: Access) -> None:
    for header in ("", "Bearer", "Bearer  ", "Basic dTpw", "wbt_x"):
        refused = told(caller, request_of(access, {"authorization": header}, is_local=True))
        assert (refused.code, refused.http_status) == ("UNAUTHORIZED", 401)
        assert refused.message == "Show a token as Authorization: Bearer …; no other scheme is known here."
    unknown = told(caller, request_of(access, {"authorization": "Bearer wbt_x"}))
    assert unknown.message == "This key or token isn't known here, or was revoked; `wenbao keys` makes one."


def test_who_may_not_is_told_what_is_missing(access: Access) -> None:
    anonymous = told(admin, request_of(access))
    assert (anonymous.code, anonymous.http_status) == ("UNAUTHORIZED", 401)
    assert anonymous.message == (
        "This needs a token of scope admin, as Authorization: Bearer …; `wenbao keys make` makes one."
    )
    secret, made = access.make_token("weak", ["batch"])
    shown = request_of(access, {"authorization": f"Bearer {secret}"})
    assert require(shown, "batch") == Caller("token", ADDRESS, frozenset({"batch"}), made.id)
    for ask, scope in ((admin, "admin"), (asker, "ask")):
        forbidden = told(ask, shown)
        assert (forbidden.code, forbidden.http_status) == ("FORBIDDEN", 403)
        assert forbidden.message == f"This key or token may not do this; it needs the scope {scope}."


# Other sites' pages


def cors(
    access: Access,
    path: str = "/api/ask",
    *,
    method: str = "OPTIONS",
    kind: str = "http",
    answer: Sequence[tuple[bytes, bytes]] = (),
    **headers: str,
) -> tuple[list[Message], bool]:
    """What is sent back, and whether the application was asked."""
    sent: list[Message] = []
    asked = []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        asked.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": list(answer)})
        await send({"type": "http.response.body", "body": b"x"})

    async def receive() -> Message:
        return part(b"")

    async def send(message: Message) -> None:
        sent.append(message)

    named = {"host": "127.0.0.1:7860", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope: Scope = {
        "type": kind,
        "method": method,
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        "state": {"request_id": "r"},
    }
    asyncio.run(SiteCors(app, access)(scope, receive, send))
    return sent, bool(asked)


def headers_of(sent: list[Message]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}


READABLE = {
    "vary": "Origin",
    "access-control-allow-origin": SITE,
    "access-control-expose-headers": "Retry-After, X-Request-Id",
    "cross-origin-resource-policy": "cross-origin",
}


@pytest.fixture
def listed(access: Access) -> Access:
    access.add_site("a", [SITE])
    return access


@pytest.mark.parametrize("path", ["/api/visitor", "/api/ask", "/api/feedback"])
def test_a_preflight_of_a_listed_page_is_answered_here(listed: Access, path: str) -> None:
    sent, asked = cors(listed, path, origin=SITE, access_control_request_method="POST")
    assert (sent[0]["status"], sent[1].get("body", b""), asked) == (204, b"", False)
    assert headers_of(sent) == {
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "Authorization, Content-Type",
        "access-control-max-age": "600",
        **READABLE,
    }


def test_a_preflight_of_another_page_is_refused_here(listed: Access) -> None:
    sent, asked = cors(listed, origin="https://evil.example", access_control_request_method="POST")
    assert (sent[0]["status"], asked) == (403, False)
    assert json.loads(sent[1]["body"]) == {
        "error": {
            "code": "ORIGIN_NOT_ALLOWED",
            "message": "Pages of this origin may not ask here; the owner can list it with `wenbao keys site set`.",
            "field": None,
            "request_id": "r",
        }
    }
    assert set(headers_of(sent)) == {"content-length", "content-type", "vary"}


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"method": "POST", "origin": SITE}, READABLE),
        ({"method": "POST", "origin": SITE, "access_control_request_method": "POST"}, READABLE),
        ({"method": "OPTIONS", "origin": SITE}, READABLE),  # no preflight: it names no method
        ({"method": "POST", "origin": "https://evil.example"}, {"vary": "Origin"}),
        ({"method": "POST", "origin": "null"}, {"vary": "Origin"}),
        ({"method": "POST"}, {"vary": "Origin"}),
        ({"method": "OPTIONS", "access_control_request_method": "POST"}, {"vary": "Origin"}),
        ({"method": "OPTIONS", "origin": OWN, "access_control_request_method": "POST"}, {"vary": "Origin"}),
        ({"method": "POST", "sec_fetch_site": "cross-site"}, {"vary": "Origin"}),
        ({"method": "POST", "origin": SITE, "path": "/api/batch"}, {}),
        ({"method": "OPTIONS", "origin": SITE, "access_control_request_method": "POST", "path": "/api/ask/"}, {}),
        ({"method": "POST", "origin": SITE, "kind": "websocket"}, {}),
    ],
)
def test_an_answer_is_readable_by_listed_pages_on_the_widgets_routes(
    listed: Access, asked: dict[str, str], wanted: dict[str, str]
) -> None:
    sent, was_asked = cors(listed, **asked)  # type: ignore[arg-type]
    assert was_asked
    assert headers_of(sent) == wanted
    assert sent[1] == {"type": "http.response.body", "body": b"x"}


def test_what_an_answer_varies_by_already_stays(listed: Access) -> None:
    sent, _ = cors(listed, method="POST", origin=SITE, answer=[(b"vary", b"Accept"), (b"x-a", b"b")])
    assert headers_of(sent) == {**READABLE, "vary": "Accept, Origin", "x-a": "b"}


# Rates and counts


class Clock:
    """A clock that the test turns."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


DAY_S = 86_400
TODAY = 20_000
VISITOR = Asker(address="198.51.100.7")


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000.0)


@pytest.fixture
def calendar() -> Clock:
    return Clock(TODAY * DAY_S + 3_600.0)


@pytest.mark.parametrize(
    ("wait_s", "told"), [(-1, 1), (0, 1), (0.01, 1), (1, 1), (1.01, 2), (59.5, 60), (math.nextafter(2, 3), 3)]
)
def test_a_wait_is_told_in_whole_seconds_and_one_at_least(wait_s: float, told: int) -> None:
    assert whole_seconds(wait_s) == told
    error = LimitError("SITE_LIMIT", "Wait.", wait_s)
    assert (error.retry_after_s, error.http_status, error.code, error.message) == (told, 429, "SITE_LIMIT", "Wait.")
    assert BusyError("QUEUE_FULL", "Wait.", wait_s).http_status == 503


def test_a_bucket_that_is_overdrawn_asks_for_all_of_it(clock: Clock) -> None:
    buckets = Buckets(Rate(per_minute=6, burst=2), clock)
    for wait_s in (0, 10, 20, 30):
        buckets.take("a")  # one each ten seconds, two at once
        assert buckets.wait_s("a") == wait_s
    clock.now += 29.5
    assert buckets.wait_s("a") == 0.5
    clock.now += 1_000
    assert (buckets.wait_s("a"), len(buckets)) == (0, 1)


def test_a_days_counts_end_with_it_and_forget_the_longest_unused(calendar: Clock) -> None:
    days = DailyCounts(2, calendar, max_keys=2)
    for key in ("a", "b", "a"):
        days.take(key)
    assert days.snapshot() == (TODAY, {"b": 1, "a": 2})
    assert (days.wait_s("a"), days.wait_s("b"), days.wait_s("c")) == (23 * 3_600, 0, 0)
    days.take("c")
    assert days.snapshot() == (TODAY, {"a": 2, "c": 1})
    days.restore(TODAY - 1, {"c": 9})
    days.restore(TODAY, {"d": 2})
    assert days.snapshot() == (TODAY, {"a": 2, "c": 1, "d": 2})
    calendar.now += 23 * 3_600 - 1
    assert (days.wait_s("a"), days.day) == (1, TODAY)
    calendar.now += 1
    assert (days.wait_s("a"), days.day) == (0, TODAY + 1)
    days.restore(TODAY, {"a": 2})
    assert days.snapshot() == (TODAY + 1, {})
    calendar.now += DAY_S
    days.take("a")
    assert days.snapshot() == (TODAY + 2, {"a": 1})


Work = Callable[[], bool]


def filled(workers: Workers, submit: Callable[[Work], Future[bool]] | None = None) -> int:
    """So many questions are taken before one is refused; then all are answered."""
    go = threading.Event()
    futures: list[Future[bool]] = []
    refusals: list[BusyError] = []
    while not refusals and len(futures) < 100:
        try:
            futures.append((submit or workers.submit)(lambda: go.wait(20)))
        except BusyError as error:
            refusals.append(error)
        assert workers.taken == len(futures)
    told = f"{len(futures)} questions are being answered or waiting already; ask again in a moment."
    assert [(error.code, error.message, error.retry_after_s) for error in refusals] == [("QUEUE_FULL", told, 2)]
    go.set()
    assert all(future.result(timeout=20) for future in futures)
    while workers.taken:
        time.sleep(0.001)
    return len(futures)


@pytest.mark.parametrize(
    ("at_work", "waiting", "calm", "busy"), [(1, 0, 1, 1), (1, 5, 6, 2), (2, 5, 7, 3), (3, 5, 8, 5), (4, 1, 5, 5)]
)
def test_a_queue_has_room_for_a_burst_and_for_half_once_it_was_full(
    clock: Clock, at_work: int, waiting: int, calm: int, busy: int
) -> None:
    workers = Workers(at_work, waiting, clock)
    assert filled(workers) == calm
    clock.now += CALM_S - 0.25
    assert filled(workers) == busy
    clock.now += CALM_S
    assert filled(workers) == calm
    workers.close()


def test_work_is_done_in_the_callers_context_by_a_thread_named_after_it() -> None:
    asked = ContextVar("asked", default="nothing")
    asked.set("something")
    workers = Workers(1, 0)
    context, name = workers.submit(lambda: (asked.get(), threading.current_thread().name)).result(timeout=20)
    assert (context, name.partition("_")[0]) == ("something", "wenbao-answer")
    workers.close()


# Admission


@pytest.fixture
def opened(tmp_path: Path, clock: Clock, calendar: Clock) -> Iterator[Admission]:
    settings = Settings(data=tmp_path, site_per_minute=8, token_per_minute=3, visitor_burst=2, visitor_per_day=5)
    found = Admission(settings, clock, calendar)
    yield found
    found.close()


def refusal(admission: Admission, asked: Asker) -> LimitError:
    with pytest.raises(LimitError) as caught:
        admission.admit(asked)
    return caught.value


def test_each_limit_is_told_by_its_name_and_wait(opened: Admission, clock: Clock, calendar: Clock) -> None:
    # A quarter of a minute at once: 2 of 8, and of 3 one at least.
    for asked, times, code, message, wait_s in (
        (Asker(site="s"), 2, "SITE_LIMIT", "Too many questions by this site; ask again in 8 s.", 8),
        (Asker(token="t"), 1, "TOKEN_LIMIT", "Too many questions by this token; ask again in 20 s.", 20),
        (VISITOR, 2, "VISITOR_LIMIT", "Too many questions at once; ask again in 6 s.", 6),
    ):
        for _ in range(times):
            opened.admit(asked)
        refused = refusal(opened, asked)
        assert (refused.code, refused.message, refused.retry_after_s) == (code, message, wait_s)
    for _ in range(3):
        clock.now += 6
        opened.admit(VISITOR)
    refused = refusal(opened, VISITOR)  # the day is told before the minute
    told = "The questions of today are used up; ask again in 23 h."
    assert (refused.code, refused.message, refused.retry_after_s) == ("DAY_LIMIT", told, 23 * 3_600)
    assert opened.refused == 4
    calendar.now += DAY_S
    clock.now += 6
    opened.admit(VISITOR)
    opened.admit(OWNER)
    assert opened.refused == 4


def test_a_site_that_is_refused_costs_its_visitor_nothing_nor_the_token_the_site(opened: Admission) -> None:
    for site, token in (("s", None), ("s", None), (None, "t")):
        opened.admit(Asker(site=site, token=token))
    assert refusal(opened, Asker(address="192.0.2.1", site="s", token="u")).code == "SITE_LIMIT"
    assert refusal(opened, Asker(address="192.0.2.1", site="r", token="t")).code == "TOKEN_LIMIT"
    for asked in (Asker(token="u"), Asker(site="r"), Asker(site="r"), *[Asker(address="192.0.2.1")] * 2):
        opened.admit(asked)
    # Who is let in counts for each.
    opened.admit(Asker(address="192.0.2.2", site="q", token="v"))
    opened.admit(Asker(address="192.0.2.2", site="q"))
    for asked, code in (
        (Asker(site="q"), "SITE_LIMIT"),
        (Asker(token="v"), "TOKEN_LIMIT"),
        (Asker(address="192.0.2.2"), "VISITOR_LIMIT"),
    ):
        assert refusal(opened, asked).code == code


@pytest.mark.parametrize(("workers", "processes", "taken"), [(1, 3, 3), (3, 1, 3), (2, 2, 2)])
def test_as_many_are_at_work_as_there_are_threads_or_processes(
    tmp_path: Path, clock: Clock, workers: int, processes: int, taken: int, caplog: pytest.LogCaptureFixture
) -> None:
    admission = Admission(Settings(data=tmp_path, workers=workers, processes=processes, waiting=1), clock)
    go = threading.Event()
    threads = [
        threading.Thread(target=admission.answer_here, args=(OWNER, lambda: go.wait(20))) for _ in range(taken + 1)
    ]
    for thread in threads:
        thread.start()
    while admission.workers.taken < taken + 1:
        time.sleep(0.001)
    with pytest.raises(BusyError):
        asyncio.run(admission.answer(OWNER, lambda: True))
    room = f"{taken + 1} questions are being answered or waiting already; ask again in a moment."
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (
            logging.WARNING,
            f"Questions are refused: {room} WENBAO_WAITING and WENBAO_PROCESSES set the room.",
        )
    ]
    go.set()
    for thread in threads:
        thread.join()
    assert admission.refused == 1
    assert asyncio.run(admission.answer(OWNER, lambda: "done")) == "done"
    admission.close()


def test_a_full_queue_is_told_once_a_minute_and_is_calm_by_the_same_clock(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    admission = Admission(Settings(data=tmp_path, workers=1, waiting=3), clock)
    room = []
    for pause_s in (0, 1, 54, 4.5, 0.5):
        clock.now += pause_s
        room.append(filled(admission.workers, admission._submit))
    # One waits until nobody was refused for five seconds.
    assert room == [4, 2, 4, 2, 2]
    assert len(caplog.records) == 2  # at the first and at the sixtieth second
    assert admission.refused == 5
    admission.close()


def kept(folder: Path) -> tuple[list[tuple[int, bytes]], list[tuple[int, str, int]]]:
    """The days with their secrets, and the counts, as they lie on the disk."""
    with closing(sqlite3.connect(folder / "limits.db")) as raw:
        days = raw.execute("SELECT day, secret FROM days ORDER BY day").fetchall()
        return days, raw.execute("SELECT day, key, count FROM counts ORDER BY key").fetchall()


def key_of(network: str, secret: bytes) -> str:
    return hashlib.blake2b(network.encode(), key=secret, digest_size=16).hexdigest()


def admit_and_wait(admission: Admission, asked: Asker) -> bool:
    """Whether a thread was begun to write the counts; it has ended then."""
    before = set(threading.enumerate())
    started: list[threading.Thread] = []
    run = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        started.append(thread)
        run(thread)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        admission.admit(asked)
    for thread in started:
        assert thread.daemon
        thread.join()
    assert set(threading.enumerate()) <= before
    return bool(started)


def test_counts_are_written_after_ten_seconds_and_at_the_end(
    tmp_path: Path, opened: Admission, clock: Clock, calendar: Clock
) -> None:
    home = Asker(address="2001:db8:0:1::9", site="s")
    assert not admit_and_wait(opened, VISITOR)
    assert (tmp_path / "limits.db").exists()  # it was read
    clock.now += 10
    assert not admit_and_wait(opened, VISITOR)
    assert kept(tmp_path) == ([], [])
    clock.now += 0.5
    assert admit_and_wait(opened, home)
    ((day, secret),), counts = kept(tmp_path)
    assert (day, len(secret)) == (TODAY, 32)
    visitor, network = key_of("198.51.100.7", secret), key_of("2001:db8:0:1::/64", secret)
    assert counts == sorted([(TODAY, visitor, 2), (TODAY, network, 1)], key=lambda row: row[1])
    clock.now += 10
    assert not admit_and_wait(opened, VISITOR)  # ten seconds since they were written
    clock.now += 60
    assert not admit_and_wait(opened, Asker(site="s"))  # who has no address counts on no day
    opened.close()
    ((_, same),), counts = kept(tmp_path)
    assert same == secret
    assert sorted(count for *_, count in counts) == [1, 3]
    calendar.now += 60


def test_the_next_process_counts_on_and_the_next_day_begins_anew(tmp_path: Path, clock: Clock, calendar: Clock) -> None:
    settings = Settings(data=tmp_path, visitor_per_day=3)
    for _ in range(2):
        admission = Admission(settings, clock, calendar)
        admission.admit(VISITOR)
        admission.close()
    ((_, secret),), counts = kept(tmp_path)
    assert counts == [(TODAY, key_of("198.51.100.7", secret), 2)]
    calendar.now += DAY_S
    admission = Admission(settings, clock, calendar)
    admission.admit(VISITOR)
    admission.close()
    ((day, other),), counts = kept(tmp_path)
    assert day == TODAY + 1
    assert other != secret
    assert counts == [(TODAY + 1, key_of("198.51.100.7", other), 1)]
    unasked = Admission(settings, clock, calendar)
    unasked.close()
    assert kept(tmp_path)[1] == counts


def test_counts_of_a_day_that_is_over_are_not_written_under_the_next(
    tmp_path: Path, opened: Admission, calendar: Clock
) -> None:
    opened.admit(VISITOR)
    calendar.now += DAY_S
    opened.close()
    assert kept(tmp_path) == ([], [])


def test_counts_that_cannot_be_kept_are_told_in_the_log(
    tmp_path: Path, clock: Clock, calendar: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "limits.db").write_bytes(b"no database")
    admission = Admission(Settings(data=tmp_path), clock, calendar)
    admission.admit(VISITOR)
    clock.now += 11
    assert admit_and_wait(admission, VISITOR)
    admission.close()
    messages = [record.getMessage() for record in caplog.records]
    assert [message.split(": ")[0] for message in messages] == [
        "The day's counts can't be read",
        "The day's counts can't be written",
        "The day's counts can't be written",
    ]
    assert all(str(tmp_path / "limits.db") in message for message in messages)
    assert {(record.name, record.levelno) for record in caplog.records} == {("qa.web.admission", logging.WARNING)}


def test_what_is_closed_writes_no_more(tmp_path: Path, clock: Clock, calendar: Clock) -> None:
    admission = Admission(Settings(data=tmp_path), clock, calendar)
    admission.admit(VISITOR)
    admission.close()
    before = kept(tmp_path)
    clock.now += 11
    assert admit_and_wait(admission, VISITOR)
    assert kept(tmp_path) == before
    assert len(before[1]) == 1


def test_the_counts_file_says_whose_it_is(tmp_path: Path, opened: Admission) -> None:
    opened.admit(VISITOR)
    with closing(sqlite3.connect(tmp_path / "limits.db")) as raw:
        assert raw.execute("PRAGMA application_id").fetchone() == (int.from_bytes(b"wbl1"),)
        assert raw.execute("PRAGMA user_version").fetchone() == (len(admission_module.MIGRATIONS),)
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute("INSERT INTO days VALUES (1, NULL)")


def test_a_field_whose_name_is_no_text_is_refused_as_a_body() -> None:
    with pytest.raises(UsageError) as caught:
        asyncio.run(read_json(json_request(b'{"question": "x", "\\ud800": 1}'), Asked))
    message = "The body names a field in what is no text (half a surrogate pair); send names in Unicode."
    assert (caught.value.code, caught.value.message) == ("BODY_INVALID", message)
