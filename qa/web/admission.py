"""Who may ask now: the limits of this server, its queue, and the day's counts, which outlive the process.

Every surface that answers a visitor goes through one ``Admission``. Its rates are in memory; the counts of the day are
written to ``DATA/limits.db`` every few seconds and at the end, so that a restart gives nobody a second helping (a crash
gives a few seconds of it). Addresses are neither written nor kept: a key is their hash with a secret of that day, and
the day's secret goes with its counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import math
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from qa.config import Settings
from qa.errors import StoreError
from qa.sqlite import open_database, transaction
from qa.web.addresses import network_of
from qa.web.limits import Buckets, BusyError, DailyCounts, LimitError, Rate, Workers, whole_seconds

T = TypeVar("T")

log = logging.getLogger(__name__)

APPLICATION_ID = 0x77626C31  # "wbl1"
SAVE_S = 10.0
"""Longest time that a count is only in memory."""
TOLD_S = 60.0
"""Time between two lines in the log that the queue is full."""
BURST_PART = 4
"""A site or token may use a quarter of its minute at once."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as far as limits care. The owner, on the machine itself, is none of these and is not limited."""

    address: str | None = None
    """A visitor's, as the connection or a trusted proxy shows it."""
    site: str | None = None
    token: str | None = None


OWNER = Asker()


class Admission:
    """The limits and the queue of a server; for any thread."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        calendar: Callable[[], float] = time.time,
    ) -> None:
        self.workers = Workers(max(settings.workers, settings.processes), settings.waiting, clock)
        visitor = Rate(settings.visitor_per_minute, settings.visitor_burst)
        self._visitors = Buckets(visitor, clock)
        self._sites = Buckets(_shared(settings.site_per_minute), clock)
        self._tokens = Buckets(_shared(settings.token_per_minute), clock)
        self._days = DailyCounts(settings.visitor_per_day, calendar)
        self._kept = _Kept(settings.data / "limits.db")
        self._clock = clock
        self._lock = threading.Lock()
        self._saved_at = clock()
        self._is_loaded = False
        self._told_at = -math.inf
        self.refused = 0
        """Questions refused since the start."""

    def admit(self, asker: Asker) -> None:
        """Counts a question of ``asker``; one that is refused counts nowhere.

        Raises:
            LimitError: VISITOR_LIMIT, DAY_LIMIT, SITE_LIMIT or TOKEN_LIMIT.
        """
        with self._lock:
            try:
                self._admit(asker)
            except LimitError:
                self.refused += 1
                raise

    async def answer(self, asker: Asker, work: Callable[[], T]) -> T:
        """What ``work`` returns, done by a worker in its turn. Given up when the caller goes while it waits.

        Raises:
            LimitError: what ``admit`` raises; BusyError: QUEUE_FULL.
        """
        self.admit(asker)
        return await asyncio.wrap_future(self._submit(work))

    def answer_here(self, asker: Asker, work: Callable[[], T]) -> T:
        """The same for a caller that is a thread itself, and waits."""
        self.admit(asker)
        return self._submit(work).result()

    def close(self) -> None:
        """Writes the day's counts, and lets what is at work finish."""
        self.workers.close()
        with self._lock:
            if self._is_loaded:
                self._kept.save(*self._days.snapshot())
            self._kept.close()

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        try:
            return self.workers.submit(work)
        except BusyError as error:
            with self._lock:
                self.refused += 1
                tells = self._clock() - self._told_at >= TOLD_S
                self._told_at = self._clock() if tells else self._told_at
            if tells:
                log.warning(
                    "Questions are refused: %s WENBAO_WAITING and WENBAO_PROCESSES set the room.", error.message
                )
            raise

    def _admit(self, asker: Asker) -> None:
        takes: list[tuple[Buckets | DailyCounts, str]] = []
        for buckets, key, code, who in (
            (self._sites, asker.site, "SITE_LIMIT", "this site"),
            (self._tokens, asker.token, "TOKEN_LIMIT", "this token"),
        ):
            if key is not None:
                wait_s = buckets.wait_s(key)
                if wait_s:
                    raise _refusal(code, f"Too many questions by {who}", wait_s)
                takes.append((buckets, key))
        if asker.address is not None:
            if not self._is_loaded:
                self._days.restore(*self._kept.load(self._days.day))
                self._is_loaded = True
            key = self._kept.key(self._days.day, network_of(asker.address))
            wait_s = self._days.wait_s(key)
            if wait_s:
                raise _refusal("DAY_LIMIT", "The questions of today are used up", wait_s)
            wait_s = self._visitors.wait_s(key)
            if wait_s:
                raise _refusal("VISITOR_LIMIT", "Too many questions at once", wait_s)
            takes += [(self._visitors, key), (self._days, key)]
        for counter, key in takes:
            counter.take(key)
        if asker.address is not None and self._clock() - self._saved_at > SAVE_S:
            self._saved_at = self._clock()
            # A thread of its own: neither this visitor nor the event loop waits for a disk.
            threading.Thread(target=self._kept.save, args=self._days.snapshot(), daemon=True).start()


def _shared(per_minute: int) -> Rate:
    return Rate(per_minute, max(1, per_minute // BURST_PART))


def _refusal(code: str, reason: str, wait_s: float) -> LimitError:
    wait = whole_seconds(wait_s)
    minutes, hours = math.ceil(wait / 60), math.ceil(wait / 3600)
    span = f"{wait} s" if wait < 120 else f"{minutes} min" if wait < 7200 else f"{hours} h"
    return LimitError(code, f"{reason}; ask again in {span}.", wait_s)


def _first_schema(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE days (day INTEGER PRIMARY KEY, secret BLOB NOT NULL) STRICT")
    connection.execute(
        "CREATE TABLE counts (day INTEGER NOT NULL REFERENCES days (day) ON DELETE CASCADE, key TEXT NOT NULL, "
        "count INTEGER NOT NULL, PRIMARY KEY (day, key)) STRICT, WITHOUT ROWID"
    )


MIGRATIONS = (_first_schema,)


class _Kept:
    """The day's counts on the disk. What fails here is logged: limits still hold, for as long as the process lives."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._secret: tuple[int, bytes] | None = None

    def key(self, day: int, visitor: str) -> str:
        """What stands for a visitor on that day, and for nobody on another."""
        if self._secret is None or self._secret[0] != day:
            self._secret = (day, secrets.token_bytes(32))
        return hashlib.blake2b(visitor.encode(), key=self._secret[1], digest_size=16).hexdigest()

    def load(self, day: int) -> tuple[int, dict[str, int]]:
        """The day's counts, and its secret for later keys; none when they can't be read."""
        with self._lock, self._told("read"):
            connection = self._open()
            found = connection.execute("SELECT secret FROM days WHERE day = ?", (day,)).fetchone()
            if found is not None:
                self._secret = (day, found[0])
                return day, dict(connection.execute("SELECT key, count FROM counts WHERE day = ?", (day,)))
        return day, {}

    def save(self, day: int, counts: dict[str, int]) -> None:
        """The counts of ``day``, and no longer those of any other."""
        secret = self._secret
        if secret is None or secret[0] != day:  # midnight passed, and nobody has come since
            return
        with self._lock, self._told("written"):
            if self._closed:
                return
            connection = self._open()
            with transaction(connection, self._path):
                connection.execute("DELETE FROM days WHERE day <> ?", (day,))
                connection.execute("INSERT OR IGNORE INTO days VALUES (?, ?)", secret)
                connection.executemany(
                    "INSERT OR REPLACE INTO counts VALUES (?, ?, ?)",
                    ((day, key, count) for key, count in counts.items()),
                )

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = open_database(self._path, MIGRATIONS, APPLICATION_ID)
        return self._connection

    @contextlib.contextmanager
    def _told(self, done: str) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            log.warning("The day's counts can't be %s: %s", done, error)
