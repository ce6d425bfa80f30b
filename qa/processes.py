"""Work shared out to processes of this machine: for reading many articles, where one core would keep all waiting.

What is handed over and what comes back are values of this package; it goes through pipes between a process and its own
children, and never touches a disk.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from types import TracebackType
from typing import TypeVar

from qa.errors import StoreError

T = TypeVar("T")
R = TypeVar("R")

PATIENCE_S = 1.0
"""Work that this process does alone before it starts others: about what it costs to start them."""
MOST = 8
"""Processes at most, unless more are asked for: one stores what the others read, and is busy with eight."""
AHEAD = 4
"""Items on their way for each process, where nothing is said of what they weigh."""


def usable_cores() -> int:
    """Cores that this process may use, at most ``MOST``."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST)


class Processes:
    """``count`` processes, started when the work turns out to be long; with one, everything is done in this process.

    A context manager; for one thread. As with all of ``multiprocessing``, a script that uses it does so below
    ``if __name__ == "__main__":``.
    """

    def __init__(self, count: int = 1, *, patience_s: float | None = None) -> None:
        self.count = count
        self._patience_s = PATIENCE_S if patience_s is None else patience_s
        self._worked_s = 0.0
        self._pool: Executor | None = None

    def __enter__(self) -> Processes:
        """The processes themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends them; what is on its way is dropped."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if kind is not None:  # nobody waits for what they are at
            for process in tuple((getattr(pool, "_processes", None) or {}).values()):
                process.terminate()
        pool.shutdown(cancel_futures=True)

    def map(
        self,
        function: Callable[[T], R],
        items: Iterable[T],
        *,
        weigh: Callable[[T], int] = lambda _: 1,
        most: int | None = None,
    ) -> Iterator[R]:
        """The function's results in the order of the items, which are taken from their iterator by this thread.

        Items on their way, and results that wait for their turn, weigh no more than ``most``, unless it is one item.
        Function, items and results must be picklable. Errors of the function are raised where its result would come.

        Raises:
            StoreError: PROCESS_ENDED when a process was ended from outside.
        """
        waiting: deque[tuple[Future[R], int]] = deque()
        on_their_way, most = 0, AHEAD * self.count if most is None else most
        try:
            for item in items:
                if self.count < 2 or (self._pool is None and self._worked_s < self._patience_s):
                    began = time.process_time()
                    result = function(item)
                    self._worked_s += time.process_time() - began
                    yield result
                    continue
                weight = weigh(item)
                while waiting and on_their_way + weight > most:
                    future, less = waiting.popleft()
                    yield future.result()
                    on_their_way -= less
                waiting.append((self._started().submit(function, item), weight))
                on_their_way += weight
            while waiting:
                yield waiting.popleft()[0].result()
        except BrokenExecutor as error:
            message = (
                "A process that was reading articles was ended, perhaps for want of memory; what was stored is kept. "
                "Run the same again with --processes 1."
            )
            raise StoreError("PROCESS_ENDED", message) from error
        finally:
            for future, _ in waiting:
                future.cancel()

    def _started(self) -> Executor:
        if self._pool is None:
            # Most commands never come here, and these take a while to load.
            import multiprocessing  # noqa: PLC0415
            from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415

            # Not forked: a copy of a process with threads may hold locks that nobody will give back.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.count, mp_context=context, initializer=_begin)
        return self._pool


def _begin() -> None:
    """A child leaves Ctrl+C to its parent, and ends when that is gone, however it went."""
    import multiprocessing  # noqa: PLC0415 (see above)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, name="parent", daemon=True).start()
