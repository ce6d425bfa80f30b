"""When a server is left alone for a while: after failures in a row, or because it asked for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qa.generate.values import OF_THE_TEXT, GenerationError

FAILURES = 5
"""In a row, after which it is left alone."""
PAUSE_S = 30.0
RETRY_AFTER_MOST_S = 300.0
"""Longest pause that a server may ask for; some ask for an hour."""
AT_ONCE = 8
"""Answers written at the same time; unmeasured: most servers on one machine do fewer."""


class Breaker:
    """Counts turns and failures; for any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._at_work = 0
        self._failures = 0
        self._until: float | None = None
        """End of the pause; afterwards one turn is tried, and the pause goes on until that one has gone well."""
        self._is_trying = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A turn at the server; a GenerationError out of it counts as its failure, unless it speaks of the text.

        Raises:
            GenerationError: LLM_PAUSED, LLM_BUSY; nothing is to be asked then.
        """
        is_trial = self._begin()
        try:
            yield
        except GenerationError as error:
            self._end(error if error.code not in OF_THE_TEXT else None, is_trial=is_trial)
            raise
        except BaseException:  # given up from outside: says nothing about the server
            with self._lock:
                self._at_work -= 1
                self._is_trying = self._is_trying and not is_trial
            raise
        self._end(None, is_trial=is_trial)

    def _begin(self) -> bool:
        with self._lock:
            is_trial = self._until is not None
            if self._until is not None and (self._is_trying or self._clock() < self._until):
                wait_s = max(0.0, self._until - self._clock())
                raise GenerationError("LLM_PAUSED", f"left alone for another {wait_s:.0f} s")
            if self._at_work >= AT_ONCE:
                raise GenerationError("LLM_BUSY", f"{AT_ONCE} texts are being written")
            self._at_work += 1
            self._is_trying = is_trial
            return is_trial

    def _end(self, error: GenerationError | None, *, is_trial: bool) -> None:
        with self._lock:
            self._at_work -= 1
            self._is_trying = self._is_trying and not is_trial
            if error is None:
                self._failures, self._until = 0, None
                return
            self._failures += 1
            pause_s = PAUSE_S if is_trial or self._failures >= FAILURES else 0.0
            if error.retry_after_s is not None:
                pause_s = max(pause_s, min(error.retry_after_s, RETRY_AFTER_MOST_S))
            if pause_s:
                self._until = self._clock() + pause_s
