"""The connections themselves: how many, and how long each may keep the server waiting. uvicorn closes no slow client.

A connection owes the server something most of the time: a whole request head, or that it takes the answer. What it owes
is noted with the time since when; once a second the house looks for debts that are overdue. A body is not watched
here: ``guard`` reads it within its own time. When the house is full, whoever has kept a request back longest makes
room, so that thousands of silent connections can't shut others out.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
import sys
import time
import uuid
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from qa.config import Network
from qa.web.addresses import is_loopback, is_within, network_of
from qa.web.bodies import error_body
from qa.web.policies import PAGE_POLICY

HEAD_S = 10.0
"""Longest time from a connection, or from a request's first byte, to its last header."""
STALL_S = 15.0
"""Longest time without a reader taking a buffer's worth (48 KiB) of an answer; a modem is faster."""
CLOSE_S = 5.0
"""Longest time that a closed connection may take to fetch the end of its answer."""
KEEP_ALIVE_S = 5
"""How long a connection may be idle between two requests; uvicorn's own default."""
SWEEP_S = 1.0
HEAD_BYTES = 16 * 1024
"""Largest request head; h11's own bound, which it keeps only while the head is incomplete."""
_LARGE_HEAD = f"The request's headers are larger than {HEAD_BYTES // 1024} KiB; send fewer or shorter ones."

_LOOSE_LINES = re.compile(rb"(?<!\r)\n|\n[ \t]")
"""Line ends without a carriage return, and folded headers: what proxies and servers read differently (RFC 9112, 2.2
and 5.2), so requests can be smuggled past one of them. h11 takes both."""


class House:
    """All connections of a server.

    Args:
        limit: connections at once.
        per_address: of one visitor; of this machine and of ``proxies`` as many as there is room for.
        proxies: networks of the trusted proxies.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        limit: int,
        per_address: int,
        proxies: Sequence[Network] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self._limit = limit
        self._per_address = per_address
        self._proxies = tuple(proxies)
        self._all: set[Connection] = set()
        self._idle: OrderedDict[Connection, None] = OrderedDict()
        self._addresses: Counter[str] = Counter()
        self._sweeper: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._all)

    def protocol(self) -> Callable[..., Connection]:
        """What uvicorn calls for each connection (its ``http`` setting)."""
        return functools.partial(Connection, self)

    def enter(self, connection: Connection) -> bool:
        """Whether there is room for one more; if need be the longest idle one goes."""
        address = connection.address
        is_counted = not (is_loopback(address) or is_within(address, self._proxies))
        if is_counted and self._addresses[network_of(address)] >= self._per_address:
            return False
        if len(self._all) >= self._limit:
            if not self._idle:
                return False
            longest_idle = next(iter(self._idle))
            self.leave(longest_idle)  # at once: the transport tells it later
            longest_idle.transport.abort()
        if is_counted:
            self._addresses[network_of(address)] += 1
            connection.is_counted = True
        self._all.add(connection)
        self._idle[connection] = None
        if self._sweeper is None:
            self._sweeper = connection.loop.call_later(SWEEP_S, self._sweep)
        return True

    def leave(self, connection: Connection) -> None:
        """The connection is gone."""
        self._all.discard(connection)
        self._idle.pop(connection, None)
        if connection.is_counted:
            connection.is_counted = False
            visitor = network_of(connection.address)
            self._addresses[visitor] -= 1
            if not self._addresses[visitor]:
                del self._addresses[visitor]

    def note(self, connection: Connection, *, is_idle: bool) -> None:
        """Whether the connection has a request under way: only those without may be sent away."""
        if not is_idle:
            self._idle.pop(connection, None)
        elif connection in self._all:
            self._idle.setdefault(connection)

    def _sweep(self) -> None:
        now = self.clock()
        for connection in [connection for connection in self._all if connection.is_overdue(now)]:
            connection.transport.abort()
        self._sweeper = None
        if self._all:
            self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)


class Connection(H11Protocol):
    """uvicorn's connection, with what it owes and since when."""

    def __init__(self, house: House, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_counted = False
        self._house = house
        self._owes_head_since: float | None = None
        self._owes_reading_since: float | None = None
        self._closing_since: float | None = None
        self._tail = b""
        self._head_bytes = 0

    @property
    def address(self) -> str:
        """The address at the other end; empty where there is none."""
        return self.client[0] if self.client else ""

    def is_overdue(self, now: float) -> bool:
        """Whether this connection has kept the server waiting for too long."""
        if self.transport.is_closing() and self._closing_since is None:
            self._closing_since = now
        return any(
            since is not None and now - since > limit_s
            for since, limit_s in (
                (self._owes_head_since, HEAD_S),
                (self._owes_reading_since, STALL_S),
                (self._closing_since, CLOSE_S),
            )
        )

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begins to owe a request, if there is room."""
        super().connection_made(transport)
        if self._house.enter(self):
            self._owes_head_since = self._house.clock()
        else:
            message = "Too many connections are open; close some, or ask again in a moment."
            self._refuse(503, "TOO_MANY_CONNECTIONS", message, retry_after_s=5)

    def connection_lost(self, exc: Exception | None) -> None:
        """Owes nothing any more."""
        self._house.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A part of a request; its head must be whole in time."""
        if self.transport.is_closing():
            return
        if not self._is_under_way():
            if self._owes_head_since is None:
                self._owes_head_since = self._house.clock()
            seen = self._tail + data
            head, _, _ = seen.partition(b"\r\n\r\n")
            # From the last byte that was looked at, since a space may follow a line's end there.
            if _LOOSE_LINES.search(head, max(0, len(self._tail) - 1)):
                self._refuse(400, "REQUEST_MALFORMED", "The request's lines don't end as HTTP says, in CR LF.")
                return
            self._head_bytes += len(head) - len(self._tail)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(431, "HEADERS_TOO_LARGE", _LARGE_HEAD)
                return
            self._tail = seen[-3:]
        super().data_received(data)
        self._note()

    def pause_writing(self) -> None:
        """More is written than the client has taken."""
        self._owes_reading_since = self._house.clock()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._owes_reading_since = None
        super().resume_writing()

    def on_response_complete(self) -> None:
        """Idle, or at the next request if that is here already."""
        super().on_response_complete()
        self._tail = b""
        self._note()

    def send_400_response(self, msg: str) -> None:
        """What h11 could not read, told in the one envelope; called by uvicorn while it handles h11's error."""
        error = sys.exception()
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        if status == 431:
            self._refuse(431, "HEADERS_TOO_LARGE", _LARGE_HEAD)
        else:
            self._refuse(400, "REQUEST_MALFORMED", f"{msg} It is no HTTP/1.1.")

    def _is_under_way(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _note(self) -> None:
        is_under_way = self._is_under_way()
        if is_under_way:
            self._owes_head_since = None
            self._tail = b""
            self._head_bytes = 0
        self._house.note(self, is_idle=not is_under_way)

    def _refuse(self, status: int, code: str, message: str, retry_after_s: int | None = None) -> None:
        if self._is_under_way():  # an answer has begun or may begin at any moment: there is no room for another
            self.transport.abort()
            return
        request_id = uuid.uuid4().hex
        body = json.dumps(error_body(code, message, request_id)).encode()
        head = [
            f"HTTP/1.1 {status} Refused",
            "content-type: application/json",
            f"content-length: {len(body)}",
            f"content-security-policy: {PAGE_POLICY}",
            "x-content-type-options: nosniff",
            f"x-request-id: {request_id}",
            "connection: close",
            *([f"retry-after: {retry_after_s}"] if retry_after_s else []),
        ]
        self.transport.write("\r\n".join([*head, "", ""]).encode() + body)
        self.transport.close()
