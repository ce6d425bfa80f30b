"""Connections that keep the server waiting are closed, and shut nobody out; over real sockets, with short times."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from web_fixtures import served

from qa.config import Settings
from qa.web import connections, guard
from qa.web.connections import House
from qa.web.guard import Guard

HELLO = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


async def large(_request: Request) -> Response:
    return PlainTextResponse("x" * 50_000_000)


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with pytest.MonkeyPatch.context() as patch:
        for name, seconds in (("HEAD_S", 0.3), ("STALL_S", 0.3), ("CLOSE_S", 0.3), ("SWEEP_S", 0.05)):
            patch.setattr(connections, name, seconds)
        patch.setattr(guard, "BODY_TIMEOUT_S", 0.3)
        patch.setattr(guard, "LINGER_S", 0.1)
        app = Starlette(routes=[Route("/hello", hello), Route("/large", large)])
        with served(Guard(app, ["/zh"]), Settings(connections=200)) as url:
            host, _, port = url.removeprefix("http://").partition(":")
            yield host, int(port)


@contextmanager
def opened(address: tuple[str, int], first: bytes = b"") -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(first)
        yield connection


def is_closed(connection: socket.socket) -> bool:
    """Waits until the server closes; what it sends before is thrown away."""
    with suppress(ConnectionError):
        while connection.recv(65_536):
            pass
    return True


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """The status, headers and body of one answer."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers["content-length"]):
        body += connection.recv(65_536)
    return int(first.split()[1]), headers, body


@pytest.mark.parametrize("first", [b"", b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: y\r\n"])
def test_a_request_that_is_never_finished_ends_the_connection(address: tuple[str, int], first: bytes) -> None:
    with opened(address, first) as connection:
        assert is_closed(connection)


def test_a_head_that_trickles_in_ends_the_connection(address: tuple[str, int]) -> None:
    with opened(address, b"GET / HTTP/1.1\r\n") as connection:
        began = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() < began + 10:
                connection.send(b"X: y\r\n")
                time.sleep(0.02)
        assert time.monotonic() < began + 10


def test_a_second_request_that_is_never_finished_ends_the_connection(address: tuple[str, int]) -> None:
    with opened(address, HELLO) as connection:
        assert answer(connection)[2] == b"hello"
        connection.sendall(HELLO[:20])
        assert is_closed(connection)


def test_an_answer_that_nobody_reads_ends_the_connection(address: tuple[str, int]) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.settimeout(20)
        connection.connect(address)
        connection.sendall(HELLO.replace(b"/hello", b"/large"))
        time.sleep(1)
        received = 0
        with suppress(ConnectionError):
            while part := connection.recv(65_536):
                received += len(part)
        assert received < 50_000_000


def test_requests_one_after_another_and_at_once_are_answered(address: tuple[str, int]) -> None:
    with opened(address, HELLO * 3) as connection:
        received = b""
        while received.count(b"hello") < 3:
            received += connection.recv(65_536)
        for _ in range(3):
            connection.sendall(HELLO)
            assert answer(connection)[0] == 200


@pytest.mark.parametrize("size", [1, 2, 3, 5, 17])
def test_a_request_may_come_in_parts_of_any_size(address: tuple[str, int], size: int) -> None:
    with opened(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for begin in range(0, len(HELLO), size):
            connection.sendall(HELLO[begin : begin + size])
            time.sleep(0.001)
        assert answer(connection)[2] == b"hello"


@pytest.mark.parametrize("parts", [(b"X: a\r\n", b" b\r\n"), (b"X: a\r\n ", b"b\r\n"), (b"X: a", b"\nY: b\r\n")])
def test_lines_that_two_servers_read_differently_are_seen_across_parts(
    address: tuple[str, int], parts: tuple[bytes, bytes]
) -> None:
    with opened(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(ConnectionError):
            for part in (HELLO[:-2], *parts, b"\r\n"):
                connection.sendall(part)
                time.sleep(0.02)
        assert answer(connection)[0] == 400


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (b"GET /hello HTTP/1.1\nHost: localhost\n\n", 400, "REQUEST_MALFORMED"),  # bare LF
        (b"GET /hello HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n", 400, "REQUEST_MALFORMED"),  # obs-fold
        (b"GET /hello HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", 431, "HEADERS_TOO_LARGE"),
        (b"GET /hello HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 10_000 + b"\r\n", 431, "HEADERS_TOO_LARGE"),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "REQUEST_MALFORMED",
        ),
        (b"POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5, 6\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (b"GET /hello HTTP/1.1\r\n\r\n", 400, "REQUEST_MALFORMED"),  # no Host
        (b"GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (b"GET http://evil.example/hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", 400, "HOST_UNKNOWN"),
        (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, None),
    ],
)
def test_malformed_requests_are_refused_and_the_connection_goes(
    address: tuple[str, int], request_: bytes, status: int, code: str | None
) -> None:
    """API-014: what two servers could read differently is read by neither."""
    with opened(address) as connection:
        with suppress(ConnectionError):
            connection.sendall(request_)
        found, headers, body = answer(connection)
        assert found == status
        if code is not None:
            assert json.loads(body)["error"]["code"] == code
            assert headers["x-request-id"] == json.loads(body)["error"]["request_id"]
            assert headers["connection"] == "close"
            assert is_closed(connection)


def test_slow_connections_are_closed_and_others_answered_beside_them(address: tuple[str, int]) -> None:
    """The short form of benchmarks/slow_clients.py."""
    body = b"POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{"
    with ExitStack() as stack:
        slow = [stack.enter_context(opened(address, (b"", HELLO[:-2], body)[number % 3])) for number in range(150)]
        for _ in range(30):
            with opened(address, HELLO) as connection:
                assert answer(connection)[2] == b"hello"
        assert all(is_closed(connection) for connection in slow)


def test_when_the_house_is_full_the_longest_idle_one_makes_room(address: tuple[str, int]) -> None:
    with opened(address) as first:
        others = [socket.create_connection(address, timeout=20) for _ in range(210)]
        assert is_closed(first)
        with opened(address, HELLO) as connection:
            assert answer(connection)[2] == b"hello"
        for other in others:
            other.close()


# The house by itself


class Made:
    """What the house needs of a connection."""

    def __init__(self, address: str, loop: asyncio.AbstractEventLoop) -> None:
        self.address = address
        self.loop = loop
        self.is_counted = False
        self.is_gone = False
        self.transport = self

    def abort(self) -> None:
        self.is_gone = True


def test_one_address_can_not_take_all_the_room() -> None:
    with closing(asyncio.new_event_loop()) as loop:
        house = House(limit=10, per_address=3)
        same: list[Any] = [Made(f"2001:db8::{n}", loop) for n in range(4)]
        assert [house.enter(connection) for connection in same] == [True, True, True, False]
        here: list[Any] = [Made("127.0.0.1", loop) for _ in range(5)]
        assert all(house.enter(connection) for connection in here)
        house.leave(same[0])
        assert house.enter(same[3])


def test_a_full_house_keeps_who_is_being_answered() -> None:
    with closing(asyncio.new_event_loop()) as loop:
        house = House(limit=2, per_address=100)
        made: list[Any] = [Made(f"198.51.100.{n}", loop) for n in range(4)]
        busy, idle, new, more = made
        assert house.enter(busy)
        assert house.enter(idle)
        house.note(busy, is_idle=False)
        assert house.enter(new)
        assert (busy.is_gone, idle.is_gone) == (False, True)
        house.note(new, is_idle=False)
        assert not house.enter(more)
        assert len(house) == 2
