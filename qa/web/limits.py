"""How much one visitor, site or token may ask, and how many may wait at once. No I/O; the clocks are given.

A rate is a token bucket, kept as the one number of its virtual scheduling form (ITU-T I.371, "GCRA"): the time at which
the bucket would be full again. It needs no refilling and forgets itself: a key whose time has passed is like one never
seen, so the least recently used ones can be dropped.
"""

from __future__ import annotations

import contextvars
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from qa.errors import WenbaoError

T = TypeVar("T")

MAX_KEYS = 100_000
"""Keys remembered by each limit, so that nobody fills the memory by coming from everywhere; some 20 MB when full."""


class LimitError(WenbaoError):
    """Too much was asked; ``retry_after_s`` seconds later it may be asked again."""

    http_status = 429

    def __init__(self, code: str, message: str, retry_after_s: float) -> None:
        super().__init__(code, message)
        self.retry_after_s = whole_seconds(retry_after_s)


class BusyError(LimitError):
    """The machine has more to answer than it can; not the asker's fault."""

    http_status = 503


def whole_seconds(wait_s: float) -> int:
    """The wait as ``Retry-After`` tells it: whole seconds, one at least."""
    return max(1, math.ceil(wait_s))


@dataclass(frozen=True, slots=True)
class Rate:
    """``per_minute`` in the long run, ``burst`` at once."""

    per_minute: int
    burst: int


class Buckets:
    """A token bucket for each key, all of one rate."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic, max_keys: int = MAX_KEYS) -> None:
        self._interval_s = 60.0 / rate.per_minute
        self._depth_s = self._interval_s * (rate.burst - 1)
        self._clock = clock
        self._max_keys = max_keys
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def wait_s(self, key: str) -> float:
        """Seconds until ``key`` may take one; 0 is now."""
        now = self._clock()
        return max(0.0, self._full_at.get(key, now) - now - self._depth_s)

    def take(self, key: str) -> None:
        """Takes one, whether or not it is there: ask ``wait_s`` first."""
        now = self._clock()
        self._full_at[key] = max(now, self._full_at.pop(key, now)) + self._interval_s
        if len(self._full_at) > self._max_keys:
            self._full_at.popitem(last=False)


class DailyCounts:
    """How often each key came on a day. Days are UTC's, numbered from 1970; another day begins with no counts."""

    def __init__(self, per_day: int, clock: Callable[[], float] = time.time, max_keys: int = MAX_KEYS) -> None:
        self._per_day = per_day
        self._clock = clock
        self._max_keys = max_keys
        self._counts: OrderedDict[str, int] = OrderedDict()
        self.day = self._today()

    def wait_s(self, key: str) -> float:
        """Seconds until ``key`` may come again; 0 is now."""
        self._turn()
        if self._counts.get(key, 0) < self._per_day:
            return 0.0
        return (self.day + 1) * 86_400 - self._clock()

    def take(self, key: str) -> None:
        """Counts one."""
        self._turn()
        self._counts[key] = self._counts.pop(key, 0) + 1
        if len(self._counts) > self._max_keys:
            self._counts.popitem(last=False)

    def snapshot(self) -> tuple[int, dict[str, int]]:
        """The day and its counts, to be kept."""
        self._turn()
        return self.day, dict(self._counts)

    def restore(self, day: int, counts: dict[str, int]) -> None:
        """Counts that were kept, if they are today's."""
        self._turn()
        if day == self.day:
            self._counts.update(counts)

    def _today(self) -> int:
        return int(self._clock() // 86_400)

    def _turn(self) -> None:
        if self._today() != self.day:
            self.day = self._today()
            self._counts.clear()


CALM_S = 5.0
"""So long after the last refusal a burst may wait again."""


class Workers:
    """Threads that answer, with a bounded queue before them: so many at work, so many waiting, and no more.

    ``waiting`` is for bursts. Once it is full, more is asked than can be answered, and a long queue serves nobody: no
    more questions are answered, and each waits for all of it. Until nobody had to be refused for ``CALM_S``, only half
    as many wait as are at work, so that who is let in is answered soon, and the others know at once. (CoDel does so for
    packets, RFC 8289: a queue that stands does nothing but delay.)
    """

    def __init__(self, at_work: int, waiting: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = ThreadPoolExecutor(at_work, "wenbao-answer")
        self._at_work = at_work
        self._waiting = waiting
        self._clock = clock
        self._lock = threading.Lock()
        self._refused_at = -math.inf
        self.taken = 0
        """Questions at work and waiting."""

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """``work`` done in its turn; a future that is cancelled while it waits is left out.

        Raises:
            BusyError: QUEUE_FULL.
        """
        with self._lock:
            now = self._clock()
            if self.taken >= self._at_work + self._room(now):
                self._refused_at = now
                message = f"{self.taken} questions are being answered or waiting already; ask again in a moment."
                raise BusyError("QUEUE_FULL", message, 2)
            self.taken += 1
        future = self._pool.submit(contextvars.copy_context().run, work)
        future.add_done_callback(self._leave)
        return future

    def close(self) -> None:
        """What waits is given up; what is at work is finished."""
        self._pool.shutdown(cancel_futures=True)

    def _room(self, now: float) -> int:
        is_calm = now - self._refused_at >= CALM_S
        return self._waiting if is_calm else min(self._waiting, math.ceil(self._at_work / 2))

    def _leave(self, _future: Future[Any]) -> None:
        with self._lock:
            self.taken -= 1
