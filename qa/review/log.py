"""The log of questions, ``DATA/review.db``: written by one thread of its own, read by the review page.

A question waits for nothing here: ``record`` puts a note into a queue, which the thread writes some milliseconds
later (``synchronous=FULL``, many notes a transaction). What can't be written is told in the program's log and never to
who asked.
"""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from datetime import time as day_time
from pathlib import Path
from typing import Any

from qa.errors import NotFoundError, WenbaoError
from qa.review.values import REASONS, STATUSES, Asked, Feedback, Figures, Group, Wanted
from qa.sqlite import open_database, store_errors, transaction
from qa.text import fold_text

NAME = "review.db"
APPLICATION_ID = 0x77656E72
"""``wenr``, in the file's header."""
WAITING = 10_000
"""Notes that may wait to be written; beyond, new ones are dropped and counted. A few kB each."""
TOGETHER = 200
"""Notes written in one transaction, at most."""
KEPT_PASSAGES = 5
KEPT_HISTORY = 10
COMMENT_CHARS = 2000
"""Longest comment that is kept."""
PRUNE_EVERY_S = 3600.0
DAY_MS = 86_400_000

_LOG = logging.getLogger(__name__)

Work = Callable[[sqlite3.Connection], None]


def _first_schema(connection: sqlite3.Connection) -> None:
    for statement in (
        """CREATE TABLE asked (
            trace_id TEXT PRIMARY KEY,
            time_ms INTEGER NOT NULL,
            surface TEXT NOT NULL,
            question TEXT NOT NULL,
            searched_as TEXT NOT NULL,
            history TEXT NOT NULL,
            status TEXT NOT NULL,
            answer TEXT,
            confidence REAL NOT NULL,
            elapsed_ms REAL NOT NULL,
            passages TEXT NOT NULL,
            folded TEXT NOT NULL,
            gold INTEGER NOT NULL DEFAULT 0
        ) STRICT""",
        "CREATE INDEX asked_by_time ON asked (time_ms)",
        "CREATE INDEX asked_by_folded ON asked (folded)",
        """CREATE TABLE feedback (
            trace_id TEXT PRIMARY KEY REFERENCES asked ON DELETE CASCADE,
            time_ms INTEGER NOT NULL,
            thumb TEXT NOT NULL,
            reason TEXT,
            comment TEXT NOT NULL
        ) STRICT""",
    ):
        connection.execute(statement)


class ReviewLog:
    """What was asked of a data folder's bot, for ``days`` days; with 0 nothing is kept. Safe to share between threads.

    The file is made with the first question. Close it to have everything that is waiting written.
    """

    def __init__(self, folder: Path, days: int = 90) -> None:
        self.path = folder / NAME
        self.days = days
        self.dropped = 0
        """Questions that found the queue full."""
        self._queue: queue.Queue[tuple[Work, Future[None] | None] | None] = queue.Queue(WAITING)
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._thread: threading.Thread | None = None
        self._pruned_at = -PRUNE_EVERY_S

    @property
    def is_on(self) -> bool:
        """Whether questions are kept."""
        return self.days > 0

    # --- writing ---

    def record(self, record: Mapping[str, Any], *, surface: str, history: Sequence[str] = ()) -> None:
        """Keeps an answer record. Returns at once and never fails, since the question was answered already."""
        if not self.is_on:
            return
        try:
            row = _row(record, surface, history)
            self._start()
            self._queue.put_nowait((lambda connection: _insert(connection, row), None))
        except queue.Full:
            self.dropped += 1
            _LOG.warning("The review log can't keep up: %d questions were not kept.", self.dropped)
        except Exception:  # noqa: BLE001 (whatever it is, the question was answered)
            _LOG.exception("A question could not be kept for review")

    def feedback(self, trace_id: str, given: Feedback) -> None:
        """Keeps what somebody thought of an answer, in place of what they thought before; on the disk when it returns.

        Raises:
            NotFoundError: TRACE_UNKNOWN, when no such question was kept.
            StoreError: DISK_FULL and its kin.
        """

        def write(connection: sqlite3.Connection) -> None:
            if connection.execute("SELECT 1 FROM asked WHERE trace_id = ?", (trace_id,)).fetchone() is None:
                message = "No question of this trace_id is kept for review; ask again, then rate that answer."
                raise NotFoundError("TRACE_UNKNOWN", message)
            connection.execute(
                "INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?, ?)",
                (trace_id, _now_ms(), given.thumb, given.reason, given.comment[:COMMENT_CHARS]),
            )

        if not self.is_on:
            raise NotFoundError("TRACE_UNKNOWN", "Questions are not kept for review here (WENBAO_REVIEW_DAYS=0).")
        self._do(write)

    def mark_gold(self, trace_id: str) -> None:
        """The question, and those that equal it, count as made gold."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE asked SET gold = 1 WHERE folded = (SELECT folded FROM asked WHERE trace_id = ?)", (trace_id,)
            )

        self._do(write)

    def clear(self) -> None:
        """Nothing is kept any more, nor left in the file."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM asked")

        self._do(write)
        with self._opened() as connection, contextlib.suppress(sqlite3.Error):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def flush(self) -> None:
        """Everything that was told before is on the disk."""
        if self._thread is not None:
            self._do(lambda _: None)

    def close(self) -> None:
        """Writes what is waiting and lets the file go."""
        thread = self._thread
        if thread is not None:
            self._queue.put(None)
            thread.join()
        with self._lock:
            self._thread = None
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _do(self, work: Work) -> None:
        self._start()
        done: Future[None] = Future()
        self._queue.put((work, done))
        done.result()

    def _start(self) -> None:
        if self._thread is not None:  # without the lock, which the writing holds
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="review", daemon=True)
                self._thread.start()

    def _write(self) -> None:
        ended = False
        while not ended:
            notes = [self._queue.get()]
            with contextlib.suppress(queue.Empty):
                while len(notes) < TOGETHER:
                    notes.append(self._queue.get_nowait())
            ended = None in notes
            self._write_together([note for note in notes if note is not None])

    def _write_together(self, notes: Sequence[tuple[Work, Future[None] | None]]) -> None:
        results: list[tuple[Future[None], Exception | None]] = []
        failure: Exception | None = None
        try:
            with self._opened() as connection, transaction(connection, self.path):
                for work, done in notes:
                    problem: Exception | None = None
                    try:
                        work(connection)
                    except WenbaoError as error:
                        problem = error
                    if done is not None:
                        results.append((done, problem))
                if time.monotonic() - self._pruned_at > PRUNE_EVERY_S:
                    oldest_ms = _now_ms() - self.days * DAY_MS
                    connection.execute("DELETE FROM asked WHERE time_ms < ?", (oldest_ms,))
                    self._pruned_at = time.monotonic()
        except Exception as error:  # noqa: BLE001 (told to the log; the thread must live)
            _LOG.exception("%d questions could not be kept for review", len(notes))
            failure = error
            results = [(done, error) for _, done in notes if done is not None]
        for done, problem in results:
            if problem is None:
                done.set_result(None)
            else:
                done.set_exception(failure or problem)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._connection is None:
                connection = open_database(self.path, [_first_schema], APPLICATION_ID)
                connection.execute("PRAGMA secure_delete = ON")  # what was asked doesn't outlive its row
                self._connection = connection
            with store_errors(self.path):
                yield self._connection

    # --- reading ---

    def asked(self, wanted: Wanted, *, offset: int = 0, limit: int = 50) -> tuple[list[Asked], int]:
        """The wanted questions, latest first, from ``offset`` on, and how many there are in all."""
        where, values = _where(wanted)
        with self._reading() as connection:
            (total,) = connection.execute(f"SELECT count(*) {_FROM} WHERE {where}", values).fetchone()
            rows = connection.execute(
                f"SELECT {_COLUMNS} {_FROM} WHERE {where} ORDER BY a.time_ms DESC, a.rowid DESC LIMIT ? OFFSET ?",
                (*values, limit, offset),
            ).fetchall()
        return [_asked(row) for row in rows], int(total)

    def unanswered(self, wanted: Wanted, limit: int = 100) -> list[Group]:
        """The wanted questions without an answer and without a gold one; equal ones as one, most frequent first."""
        where, values = _where(wanted)
        with self._reading() as connection:
            # SQLite takes the bare columns from the row of the maximum: https://sqlite.org/lang_select.html#bareagg
            rows = connection.execute(
                f"SELECT {_COLUMNS}, count(*) AS times, max(a.rowid) AS latest {_FROM} WHERE {where}"
                " AND a.status <> 'answered' AND NOT a.gold GROUP BY a.folded ORDER BY times DESC, latest DESC LIMIT ?",
                (*values, limit),
            ).fetchall()
        return [Group(_asked(row[:-2]), int(row[-2])) for row in rows]

    def one(self, trace_id: str) -> Asked:
        """The question of this trace.

        Raises:
            NotFoundError: TRACE_UNKNOWN.
        """
        with self._reading() as connection:
            row = connection.execute(f"SELECT {_COLUMNS} {_FROM} WHERE a.trace_id = ?", (trace_id,)).fetchone()
        if row is None:
            raise NotFoundError("TRACE_UNKNOWN", "No question of this trace_id is kept for review; it may be too old.")
        return _asked(row)

    def figures(self, wanted: Wanted) -> Figures:
        """What there is to plot of the wanted questions."""
        where, values = _where(wanted)
        days: dict[str, dict[str, int]] = {}
        confidence = [0] * 10
        elapsed = []
        thumbs = dict.fromkeys(("up", "down", *REASONS), 0)
        with self._reading() as connection:
            for time_ms, status, sure, took, thumb, reason in connection.execute(
                f"SELECT a.time_ms, a.status, a.confidence, a.elapsed_ms, f.thumb, f.reason {_FROM} WHERE {where}"
                " ORDER BY a.time_ms",
                values,
            ):
                day = datetime.fromtimestamp(time_ms / 1000).date().isoformat()
                days.setdefault(day, dict.fromkeys(STATUSES, 0))[status] += 1
                if status == "answered":
                    confidence[min(int(sure * 10), 9)] += 1
                elapsed.append(took)
                for name in (thumb, reason):
                    if name is not None:
                        thumbs[name] += 1
        return Figures(list(days.items()), confidence, sorted(elapsed), thumbs)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        self.flush()  # who looks sees what was asked a moment ago
        with self._opened() as connection:
            yield connection


_COLUMNS = (
    "a.trace_id, a.time_ms, a.surface, a.question, a.searched_as, a.history, a.status, a.answer, a.confidence,"
    " a.elapsed_ms, a.passages, a.gold, f.thumb, f.reason, f.comment"
)
_FROM = "FROM asked a LEFT JOIN feedback f USING (trace_id)"


def _row(record: Mapping[str, Any], surface: str, history: Sequence[str]) -> tuple[Any, ...]:
    passages = [
        {"source": passage["source"], "highlights": passage["highlights"]}
        for passage in record["passages"][:KEPT_PASSAGES]
    ]
    return (
        record["trace_id"],
        _now_ms(),
        surface,
        record["question"],
        record["searched_as"],
        json.dumps(list(history)[-KEPT_HISTORY:], ensure_ascii=False),
        record["status"],
        record["answer"],
        float(record["confidence"]),
        float(record["elapsed_ms"]),
        json.dumps(passages, ensure_ascii=False),
        _folded(record["searched_as"]),
    )


def _insert(connection: sqlite3.Connection, row: tuple[Any, ...]) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO asked (trace_id, time_ms, surface, question, searched_as, history, status, answer,"
        " confidence, elapsed_ms, passages, folded) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row,
    )


def _folded(text: str) -> str:
    """What equal questions have in common: spelling folded, without blanks and punctuation at the end."""
    return fold_text(text).rstrip(" ?!。.,;:、~…")


def _asked(row: tuple[Any, ...]) -> Asked:
    (trace_id, time_ms, surface, question, searched_as, history, *judged, passages, gold, thumb, reason, comment) = row
    status, answer, confidence, elapsed_ms = judged
    return Asked(
        trace_id,
        time_ms,
        surface,
        question,
        searched_as,
        tuple(json.loads(history)),
        status,
        answer,
        confidence,
        elapsed_ms,
        tuple(json.loads(passages)),
        None if thumb is None else Feedback(thumb, reason, comment),
        bool(gold),
    )


def _where(wanted: Wanted) -> tuple[str, tuple[Any, ...]]:
    parts, values = ["1"], list[Any]()

    def also(part: str, *more: object) -> None:
        parts.append(part)
        values.extend(more)

    if wanted.status is not None:
        also("a.status = ?", wanted.status)
    if wanted.thumb == "none":
        also("f.thumb IS NULL")
    elif wanted.thumb is not None:
        also("f.thumb = ?", wanted.thumb)
    if wanted.surface:
        also("a.surface = ?", wanted.surface)
    if wanted.since is not None:
        also("a.time_ms >= ?", _ms(datetime.combine(wanted.since, day_time())))
    if wanted.until is not None:
        also("a.time_ms < ?", _ms(datetime.combine(wanted.until + timedelta(days=1), day_time())))
    if text := _folded(wanted.text.strip()):
        also("(instr(a.folded, ?) OR instr(a.question, ?) OR instr(a.answer, ?))", text, wanted.text, wanted.text)
    return " AND ".join(parts), tuple(values)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
