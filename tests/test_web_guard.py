"""The outer wall by itself, around a small application: bodies, uploads, addresses, policies."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from web_fixtures import local_client

from qa.web.addresses import client_address, network_of
from qa.web.bodies import error_body
from qa.web.guard import Guard, RefusedError

KIB = 1024
PROXIES = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]


def client(guarded: dict[str, object] | None = None, **others: object) -> TestClient:
    async def size(request: Request) -> Response:
        return JSONResponse({"size": sum([len(part) async for part in request.stream()])})

    async def refuse(_request: Request) -> Response:
        return JSONResponse({}, 401)

    def who(request: Request) -> Response:
        assert request.client is not None
        named = {name for name in request.headers if "forwarded" in name}
        state = request.state
        return JSONResponse([request.client.host, request.url.scheme, state.is_local, sorted(named)])

    def told(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)
        return JSONResponse(error_body(error.code, error.message, ""), error.http_status)

    def page(_request: Request) -> Response:
        return HTMLResponse("<p>page")

    def framed(_request: Request) -> Response:
        return HTMLResponse("<p>page", headers={"content-security-policy": "frame-ancestors https://a.example"})

    routes = [
        Route("/size", size, methods=["POST"]),
        Route("/uploads", size, methods=["POST"]),
        Route("/uploads/refused", refuse, methods=["POST"]),
        Route("/who", who),
        Route("/framed", framed),
        Route("/articles/1", page),
        Route("/zh/batch", page),
        Route("/zh/", page),
    ]
    app = Starlette(routes=routes, exception_handlers={RefusedError: told})
    guard = Guard(app, ["/zh"], uploads={"/uploads": 200 * KIB}, **guarded or {})  # type: ignore[arg-type]
    return local_client(guard, **others)


def parts(count: int, size: int, sent: list[int] | None = None) -> Iterator[bytes]:
    for _ in range(count):
        if sent is not None:
            sent.append(size)
        yield b"x" * size


# Bodies


@pytest.mark.parametrize(("path", "limit"), [("/size", 64 * KIB), ("/uploads", 200 * KIB)])
def test_a_body_of_the_limit_passes_and_one_byte_more_does_not(path: str, limit: int) -> None:
    assert client().post(path, content=b"x" * limit).json() == {"size": limit}
    for body in (b"x" * (limit + 1), parts(limit // KIB + 1, KIB)):
        response = client().post(path, content=body)
        assert (response.status_code, response.json()["error"]["code"]) == (413, "BODY_TOO_LARGE")
        assert f"{limit // KIB} KiB" in response.json()["error"]["message"]


def test_a_route_can_refuse_an_upload_before_it_is_read() -> None:
    response = client().post("/uploads/refused", content=parts(3, KIB))
    assert (response.status_code, response.headers["connection"]) == (401, "close")


def test_an_answer_to_a_whole_body_keeps_the_connection() -> None:
    assert "connection" not in client().post("/uploads", content=b"x").headers


# Addresses


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # not from a trusted proxy: anybody's word
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),  # what the client wrote itself stands left
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_only_trusted_proxies_say_who_asks(peer: str, forwarded: list[str], found: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == found


@pytest.mark.parametrize(
    ("address", "visitor"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_a_visitor_is_an_ipv4_address_or_an_ipv6_network(address: str, visitor: str) -> None:
    assert network_of(address) == visitor


def test_this_machines_requests_are_local_unless_somebody_forwarded_them() -> None:
    headers = {"x-forwarded-for": "198.51.100.1", "x-forwarded-proto": "https", "forwarded": "for=198.51.100.1"}
    assert client().get("/who").json() == ["127.0.0.1", "http", True, []]
    assert client().get("/who", headers=headers).json() == ["127.0.0.1", "http", False, []]
    assert client({"trusts_local": False}).get("/who").json() == ["127.0.0.1", "http", False, []]
    assert client(client=("198.51.100.7", 1)).get("/who", headers=headers).json() == ["198.51.100.7", "http", False, []]
    behind = client({"proxies": [ipaddress.ip_network("127.0.0.1")]})
    assert behind.get("/who", headers=headers).json() == ["198.51.100.1", "https", False, []]


# Policies


def test_pages_have_the_policy_of_their_kind() -> None:
    strict = client().get("/articles/1").headers
    assert "script-src" not in strict["content-security-policy"]
    scripted = client().get("/zh/batch").headers["content-security-policy"]
    assert "script-src 'self'; connect-src 'self'; style-src 'self';" in scripted
    assert "unsafe" not in scripted
    assert "style-src 'self' 'unsafe-inline'" in client().get("/zh/").headers["content-security-policy"]
    assert strict["x-frame-options"] == "DENY"


def test_a_route_may_have_a_policy_of_its_own() -> None:
    headers = client().get("/framed").headers
    assert headers["content-security-policy"] == "frame-ancestors https://a.example"
    assert "x-frame-options" not in headers
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/zh/batch", "/zh/batch/7", "/zh/corpus", "/zh/review", "/zh/help", "/zh/history"])
def test_own_pages_pass_below_the_chats_path(path: str) -> None:
    assert client().get(path).status_code == (200 if path == "/zh/batch" else 404)
    assert re.search(r"script-src 'self';", client().get(path).headers["content-security-policy"])


@pytest.mark.parametrize("path", ["/zh/batches", "/zh/gradio_api/upload", "/zh/batch_x", "/zh//batch"])
def test_other_addresses_below_it_stay_closed(path: str) -> None:
    assert client().get(path).json()["error"]["code"] == "NOT_FOUND"
