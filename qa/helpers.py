"""Processes that answer questions beside this one: many who ask at once then have more than one core.

A helper is a bot of its own over the same data folder, as any other process may be: it sees what is committed there.
Whatever of it fails costs nothing but its help: the question is answered here.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from qa.answer import Question, Record
from qa.bot import Bot, State, owners_terms
from qa.config import Settings
from qa.errors import WenbaoError

_LOG = logging.getLogger(__name__)
TIMEOUT_S = 60.0
"""Longest time for an answer, which takes tenths of a second, and a second for each question more: a helper that takes
longer is ended."""
FAREWELL_S = 3.0
"""Time for a helper to end by itself, once it is told to."""
MOST_STARTS = 10
"""Times that a helper is started anew; then something is wrong that won't go away by itself."""
PART = 8
"""Questions of many that are handed over at once: few, so that nobody waits long for the last ones."""


@dataclass(frozen=True, slots=True)
class _Asked:
    questions: list[Question]
    top_k: int
    terms: str
    """Version of the terms that texts are cut by now."""


class Helpers:
    """``count`` processes. Safe to share between threads; close it."""

    def __init__(self, settings: Settings, count: int) -> None:
        """They are started, and help as soon as they are ready."""
        self._settings = settings
        self._idle: queue.LifoQueue[_Helper] = queue.LifoQueue()  # who answered last has the most in its caches
        self._lock = threading.Lock()
        self._all: list[_Helper] = []
        self._starts_left = count + MOST_STARTS
        self._closed = False
        self.answered = 0
        """Calls that helpers answered since the start."""
        for _ in range(count):
            self._start()

    @property
    def idle(self) -> int:
        """How many wait for questions."""
        return self._idle.qsize()

    def records(
        self, questions: Sequence[Question], top_k: int, terms: str
    ) -> tuple[list[Record], State | None] | None:
        """What ``Bot.records`` gives; None where all are busy, or it went wrong in whatever way: then ask here."""
        try:
            helper = self._idle.get_nowait()
        except queue.Empty:
            return None
        try:
            found = helper.ask(_Asked(list(questions), top_k, terms))
        except Exception as error:  # noqa: BLE001 (whatever it is, the pipe is of no more use)
            self._replace(helper, error)
            return None
        self._idle.put(helper)
        self.answered += found is not None
        return found

    def close(self) -> None:
        """Ends them; one that is still at work is ended all the same."""
        with self._lock:
            self._closed = True
            helpers, self._all = self._all, []
        for helper in helpers:
            helper.tell_to_end()
        deadline = time.monotonic() + FAREWELL_S
        for helper in helpers:  # one that isn't ready yet reads no farewell
            helper.end(max(deadline - time.monotonic(), 0) if helper.ready else 0)

    def _replace(self, helper: _Helper, error: Exception) -> None:
        with self._lock:
            if self._closed:
                return
            self._all.remove(helper)
        helper.end(0)
        _LOG.warning("A process that answers questions ended (%r); it is started again.", error)
        self._start()

    def _start(self) -> None:
        with self._lock:
            if self._closed or not self._starts_left:
                return
            self._starts_left -= 1
            try:
                helper = _Helper(self._settings)
            except OSError as error:
                _LOG.warning("A process that is to answer questions can't be started (%s); this one answers.", error)
                return
            self._all.append(helper)
        threading.Thread(target=self._welcome, args=(helper,), name="helper", daemon=True).start()

    def _welcome(self, helper: _Helper) -> None:
        try:
            helper.wait_until_ready()
        except (OSError, EOFError) as error:
            self._replace(helper, error)
            return
        self._idle.put(helper)


class Shared:
    """A bot with helpers, for who has many questions at once; see ``shared_out``."""

    def __init__(self, bot: Bot, pool: ThreadPoolExecutor) -> None:
        self._bot = bot
        self._pool = pool

    def check(self, question: str) -> None:
        """See ``Bot.check``."""
        self._bot.check(question)

    def ask_many(self, questions: Sequence[Question]) -> list[Record]:
        """See ``Bot.ask_many``: the same records in the same order, whoever made them."""
        parts = [questions[start : start + PART] for start in range(0, len(questions), PART)]
        return [record for part in self._pool.map(self._bot.ask_many, parts) for record in part]


@contextmanager
def shared_out(bot: Bot, count: int) -> Iterator[Bot | Shared]:
    """The bot answering in ``count`` processes, this one among them; itself, where that is one.

    It answers alone until the others are ready. They end with the context, which asks for no more by then.
    """
    if count < 2:
        yield bot
        return
    with closing(Helpers(bot.settings, count - 1)) as helpers, ThreadPoolExecutor(count, "asking") as pool:
        bot.elsewhere = helpers.records
        try:
            yield Shared(bot, pool)
        finally:
            pool.shutdown(cancel_futures=True)
            bot.elsewhere = None


class _Helper:
    """One of them, as its parent sees it."""

    def __init__(self, settings: Settings) -> None:
        import multiprocessing  # noqa: PLC0415 (most commands never come here)

        # Not forked: a copy of a process with threads may hold locks that nobody will give back.
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process: SpawnProcess = context.Process(
            target=_main, args=(settings, other), name="wenbao-helper", daemon=True
        )
        self.ready = False
        with _ctrl_c_unheard():
            self._process.start()
        other.close()  # so that reading ends when the helper does

    def wait_until_ready(self) -> None:
        self._pipe.recv()
        self.ready = True

    def ask(self, asked: _Asked) -> tuple[list[Record], State | None] | None:
        self._pipe.send(asked)
        if not self._pipe.poll(TIMEOUT_S + len(asked.questions)):
            self._process.kill()
        found: tuple[list[Record], State | None] | None = self._pipe.recv()
        return found

    def tell_to_end(self) -> None:
        with contextlib.suppress(OSError):
            self._pipe.send(None)

    def end(self, patience_s: float = FAREWELL_S) -> None:
        self._process.join(patience_s)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._pipe.close()


@contextmanager
def _ctrl_c_unheard() -> Iterator[None]:
    """A process that is started meanwhile ignores Ctrl+C from its first moment: it is for the parent, which ends it."""
    if threading.current_thread() is not threading.main_thread():  # only that one may say so
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _main(settings: Settings, pipe: Connection) -> None:
    """The helper: answers until its parent says so, or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in ``_ctrl_c_unheard``, for those that another thread started
    settings = replace(settings, remembered_mb=0)  # its parent remembers
    with contextlib.suppress(OSError, EOFError), Bot.open(settings, index_seeds=False) as bot:
        with contextlib.suppress(WenbaoError):  # each question will tell
            bot.warm()
        pipe.send(None)
        while (asked := pipe.recv()) is not None:
            pipe.send(_answered(bot, asked))


def _answered(bot: Bot, asked: _Asked) -> tuple[list[Record], State | None] | None:
    """What the bot gives; None for what the parent had better try itself, and tell of."""
    try:
        if bot.terms.version != asked.terms:
            bot.terms = owners_terms(bot.settings)
        if bot.terms.version != asked.terms:
            return None
        return bot.records(asked.questions, asked.top_k)
    except Exception:  # noqa: BLE001 (an error of ours, a want of memory or files here, a defect)
        return None
