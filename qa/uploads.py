"""Uploaded files → the corpus: kept aside at once, then read and indexed by one thread, however long that takes.

A file is acknowledged when its bytes are on the disk (``waiting``), and is ``added`` when it is in the store. Jobs and
outcomes are kept in ``DATA/uploads.db``, the bytes in ``DATA/uploads/`` until they are settled: a closed tab finds its
job again, and a server that was killed goes on where it was. Building the indexes anew, or by other terms, waits in the
same line.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qa.bot import Bot, owners_terms
from qa.errors import InputError, NotFoundError, StoreError, UsageError, WenbaoError
from qa.indexing import UPLOADS
from qa.reading import Document, Found, Problem
from qa.reading.archives import extract
from qa.reading.aside import Aside
from qa.sqlite import open_database, store_errors, sync, transaction

NAME = "uploads.db"
FOLDER = "uploads"
APPLICATION_ID = 0x77656E75
"""``wenu``, in the file's header."""
KEPT_JOBS = 200
"""Finished jobs that are remembered."""
LOCK_WAIT_S = 600.0
"""How long a job waits for another process that writes, before it tries again."""
DELETE_WAIT_S = 10.0
"""How long somebody who deletes waits for one that writes."""
LOOKS_S = 0.05
"""How often that is looked at."""
SETTLED_TOGETHER = 50
"""Outcomes written at a time; after a kill, those that weren't are found out again: the files are then unchanged."""

State = Literal["waiting", "opened", "added", "changed", "unchanged", "problem"]
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file of a job. ``number`` counts from 0; ``code`` and ``message`` say what the problem is."""

    number: int
    file: str
    state: State
    code: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is now. ``files`` are those that changed after the step asked for, ``step`` is the last one."""

    id: str
    kind: Literal["upload", "index", "terms"]
    uploader: str
    started: int
    """Seconds since 1970."""
    finished: int | None
    code: str | None
    message: str | None
    """Why the job as a whole failed."""
    counts: dict[str, int]
    """Files by state."""
    doing: tuple[str, int, int] | None
    """While it runs: "read" (a file), "embed" or "terms", how much of it is done, how much there is."""
    files: tuple[UploadedFile, ...]
    step: int


def _first_schema(connection: sqlite3.Connection) -> None:
    for statement in (
        """CREATE TABLE jobs (
            id TEXT PRIMARY KEY,
            kind TEXT NOT NULL,
            uploader TEXT NOT NULL,
            encoding TEXT,
            started INTEGER NOT NULL,
            finished INTEGER,
            code TEXT,
            message TEXT
        ) STRICT""",
        """CREATE TABLE files (
            id INTEGER PRIMARY KEY,
            job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
            number INTEGER NOT NULL,
            name TEXT NOT NULL,
            staged TEXT,
            state TEXT NOT NULL,
            code TEXT,
            message TEXT,
            step INTEGER NOT NULL,
            UNIQUE (job, number)
        ) STRICT""",
        "CREATE INDEX files_by_state ON files (state)",
        "CREATE INDEX files_by_step ON files (job, step)",
    ):
        connection.execute(statement)


class _StoppedError(Exception):
    """The server ends; what is waiting goes on after the next start."""


@dataclass(slots=True)
class _Row:
    """A file in hand."""

    id: int
    job: str
    name: str
    staged: Path
    encoding: str | None


class Uploads:
    """The jobs of a bot's corpus. Safe to share between threads; close it before the bot."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self.path = bot.settings.data / NAME
        self.folder = bot.settings.data / FOLDER
        self._max_bytes = bot.settings.file_mb << 20
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._wake = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None
        self._doing: tuple[str, int, int] | None = None
        self._in_hand: set[int] = set()
        if self.path.exists() and not bot.store.read_only:
            self._resume()

    def close(self) -> None:
        """Stops after the file in hand; the rest waits for the next start."""
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=60)
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # --- what comes in ---

    def begin(self, uploader: str, kind: Literal["index", "terms"]) -> str:
        """The id of a new job that begins by itself.

        Raises:
            StoreError: STORE_READ_ONLY, DISK_FULL and their kin.
        """
        job = secrets.token_hex(8)
        with self._writing() as connection:
            _new_job(connection, job, kind, uploader)
        self._start()
        return job

    def place(self) -> Path:
        """A path in the folder for uploads to write a file's bytes to, before ``take`` is called with it.

        Raises:
            StoreError: STORE_READ_ONLY, DISK_FULL and their kin.
        """
        with store_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / secrets.token_hex(12)

    def take(
        self,
        files: Sequence[tuple[str, Path]],
        uploader: str,
        *,
        encoding: str | None = None,
        key: str | None = None,
    ) -> str:
        """The id of a new job with these files: names in the corpus, and where their bytes are. On the disk at the end.

        The job and its files are there together or not at all. What ``uploader`` sends again with the same ``key`` is
        thrown away, and the job is the one that it made before.

        Raises:
            StoreError: DISK_FULL and its kin; then none is taken.
        """
        job = secrets.token_hex(8) if key is None else _id_of(uploader, key)
        self._sync(files)
        with self._writing() as connection:
            is_new = connection.execute("SELECT 1 FROM jobs WHERE id = ?", (job,)).fetchone() is None
            if is_new:
                _new_job(connection, job, "upload", uploader, encoding)
                _insert(connection, job, [(name, path.name, "waiting", None, None) for name, path in files])
        if not is_new:
            for _, path in files:
                path.unlink(missing_ok=True)
        self._start()
        return job

    def take_into(self, job: str, files: Sequence[tuple[str, Path]]) -> None:
        """Takes more files into a job, which goes on if it had ended.

        Raises:
            NotFoundError: NOT_FOUND, when there is no such job, or it is no upload.
            StoreError: DISK_FULL and its kin; then none is taken.
        """
        self._sync(files)
        with self._writing() as connection:
            row = connection.execute("SELECT kind FROM jobs WHERE id = ?", (job,)).fetchone()
            if row != ("upload",):
                raise _no_job()
            _insert(connection, job, [(name, path.name, "waiting", None, None) for name, path in files])
            connection.execute("UPDATE jobs SET finished = NULL WHERE id = ?", (job,))
        self._start()

    def _sync(self, files: Sequence[tuple[str, Path]]) -> None:
        with store_errors(self.folder):
            for _, path in files:
                sync(path)
            sync(self.folder)

    def withdraw(self, *, files: Sequence[str] = (), articles: Sequence[int] = ()) -> None:
        """Files and articles are gone from every answer when this returns; the indexes follow on their own.

        What was uploaded under these names before is taken in first: it would bring back what was deleted.

        Raises:
            NotFoundError: FILE_NOT_FOUND, NOT_FOUND; then nothing is gone.
            StoreError: WRITER_LOCKED and its kin.
        """
        places = (self._bot.store.place(number) for number in articles)
        self._await({*files, *(place[0] for place in places if place is not None)})
        gone: Future[None] = Future()

        def work() -> None:
            try:
                self._bot.withdraw(
                    files=files, articles=articles, committed=lambda: gone.set_result(None), wait_s=DELETE_WAIT_S
                )
                self._bot.retriever()
            except Exception as error:  # noqa: BLE001 (it is the caller's, or the log's)
                if not gone.done():
                    gone.set_exception(error)
                else:
                    _LOG.warning("%s What was deleted is gone; the next question builds the indexes.", error)

        threading.Thread(target=work, name="withdraw").start()
        gone.result()

    def _await(self, names: Collection[str]) -> None:
        """Waits until no upload of these names waits.

        Raises:
            StoreError: WRITER_LOCKED after DELETE_WAIT_S.
        """
        until = time.monotonic() + DELETE_WAIT_S
        while self.path.exists():
            with self._reading() as connection:
                waiting = {name for (name,) in connection.execute("SELECT name FROM files WHERE state = 'waiting'")}
            first = min(waiting & set(names), default=None)
            if first is None:
                return
            if time.monotonic() > until:
                message = f"{first} was uploaded and is still waiting to be taken in; delete it again in a moment."
                raise StoreError("WRITER_LOCKED", message)
            time.sleep(LOOKS_S)

    # --- what there is to tell ---

    def job(self, job: str, since: int = 0) -> Job:
        """The job, with its files that changed after the step ``since``, at most a thousand of them.

        Raises:
            NotFoundError: NOT_FOUND.
        """
        if not self.path.exists():
            raise _no_job()
        with self._reading() as connection:
            row = connection.execute(_JOBS + " WHERE id = ?", (job,)).fetchone()
            if row is None:
                raise _no_job()
            files = connection.execute(
                "SELECT number, name, state, code, message, step FROM files WHERE job = ? AND step > ?"
                " ORDER BY step, number LIMIT 1000",
                (job, since),
            ).fetchall()
            counts = dict(connection.execute("SELECT state, count(*) FROM files WHERE job = ? GROUP BY state", (job,)))
        step = files[-1][-1] if files else since
        doing = self._doing if row[4] is None else None
        return _job(row, counts, doing, tuple(UploadedFile(*file[:-1]) for file in files), step)

    def jobs(self, limit: int = 20) -> list[Job]:
        """The latest jobs, latest first, without their files."""
        if not self.path.exists():
            return []
        with self._reading() as connection:
            rows = connection.execute(_JOBS + " ORDER BY started DESC, rowid DESC LIMIT ?", (limit,))
            found = rows.fetchall()
            counts = [
                dict(connection.execute("SELECT state, count(*) FROM files WHERE job = ? GROUP BY state", row[:1]))
                for row in found
            ]
        return [
            _job(row, counted, self._doing if row[4] is None else None)
            for row, counted in zip(found, counts, strict=True)
        ]

    def is_done(self, job: str) -> bool:
        """Whether the job has ended."""
        return self.job(job, since=1 << 60).finished is not None

    # --- the thread ---

    def _start(self) -> None:
        with self._wake:
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._work, name="uploads", daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def _resume(self) -> None:
        with self._writing() as connection:
            # Earlier versions made a job before they had its files, and could be killed between.
            connection.execute(
                "DELETE FROM jobs WHERE finished IS NULL AND kind = 'upload' AND"
                " NOT EXISTS (SELECT 1 FROM files WHERE job = jobs.id)"
            )
            open_jobs = connection.execute("SELECT count(*) FROM jobs WHERE finished IS NULL").fetchone()[0]
            staged = {name for (name,) in connection.execute("SELECT staged FROM files WHERE staged IS NOT NULL")}
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.name not in staged:  # of a request that was never finished
                path.unlink(missing_ok=True)
        if open_jobs:
            self._start()

    def _work(self) -> None:
        while not self._stopped:
            job = self._next_job()
            if job is None:
                with self._wake:
                    if not self._stopped and self._next_job() is None:
                        self._wake.wait()
                continue
            try:
                self._run(*job)
            except _StoppedError:
                return
            except StoreError as error:
                if error.code == "WRITER_LOCKED":
                    continue
                self._fail(error.code, error.message)
            except WenbaoError as error:
                self._fail(error.code, error.message)
            except Exception:  # noqa: BLE001 (told to the log and in the job; the thread must live)
                _LOG.exception("An upload failed")
                self._fail("INTERNAL_ERROR", "Something failed inside; the server's log has the details.")
            finally:
                self._doing = None

    def _next_job(self) -> tuple[str, str] | None:
        with self._reading() as connection:
            row = connection.execute(
                "SELECT id, kind FROM jobs WHERE finished IS NULL ORDER BY started, rowid LIMIT 1"
            ).fetchone()
            return None if row is None else (row[0], row[1])

    def _run(self, job: str, kind: str) -> None:
        if kind == "index":
            self._bot.index([], progress=self._progress)
        elif kind == "terms":
            self._bot.use_terms(owners_terms(self._bot.settings), self._progress)
        else:
            self._run_uploads()
        self._bot.retriever()  # opened here, so that no question waits for it
        with self._writing() as connection:
            if kind == "upload":
                connection.execute(
                    "UPDATE jobs SET finished = ? WHERE finished IS NULL AND kind = 'upload' AND"
                    " NOT EXISTS (SELECT 1 FROM files WHERE job = jobs.id AND state = 'waiting')",
                    (int(time.time()),),
                )
            else:
                connection.execute("UPDATE jobs SET finished = ? WHERE id = ?", (int(time.time()), job))

    def _run_uploads(self) -> None:
        """All files that wait, whichever job's, with one building of the indexes at their end."""
        rows: dict[int, _Row] = {}
        outcomes: list[tuple[_Row, str, Problem | None]] = []

        def settled(item: Document | Problem, outcome: str, problem: Problem | None) -> None:
            outcomes.append((rows.pop(id(item)), outcome, problem))

        def documents() -> Iterator[Document | Problem]:
            names: set[str] = set()
            with Aside(self._max_bytes) as reader:
                while (row := self._next_row(outcomes)) is not None:
                    if row.name in names:  # again in a later job: when this run is over
                        return
                    item = self._read(reader, row)
                    if item is None:
                        continue
                    names.add(row.name)
                    rows[id(item)] = row
                    self._in_hand.add(row.id)
                    yield item

        self._in_hand.clear()
        try:
            self._bot.add(documents(), settled=settled, progress=self._progress, wait_s=LOCK_WAIT_S)
        finally:
            self._settle(outcomes)

    def _read(self, reader: Aside, row: _Row) -> Document | Problem | None:
        """The row's document; None when it is an archive, whose files wait now in its place."""
        try:
            if Path(row.name).suffix.lower() == ".zip":
                self._open(row)
                return None
            return reader.read(Found(row.staged, row.name, UPLOADS), row.encoding)
        except (InputError, UsageError) as error:
            return Problem(row.name, error.code, error.message)

    def _open(self, row: _Row) -> None:
        with store_errors(self.folder):
            items = extract(row.name, row.staged, self.folder, UPLOADS, self._max_bytes)
        with self._writing() as connection:
            _insert(
                connection,
                row.job,
                [
                    (item.file, None, "problem", item.code, item.message)
                    if isinstance(item, Problem)
                    else (item.file, item.path.name, "waiting", None, None)
                    for item in items
                ],
            )
            _update(connection, row.id, "opened", None)
        row.staged.unlink(missing_ok=True)

    def _next_row(self, outcomes: list[tuple[_Row, str, Problem | None]]) -> _Row | None:
        if self._stopped:
            raise _StoppedError
        if len(outcomes) >= SETTLED_TOGETHER:
            self._settle(outcomes)
        skipped = {row.id for row, _, _ in outcomes} | self._in_hand
        with self._reading() as connection:
            found = connection.execute(
                "SELECT f.id, f.job, f.name, f.staged, j.encoding FROM files f JOIN jobs j ON j.id = f.job"
                " WHERE f.state = 'waiting' ORDER BY f.id LIMIT ?",
                (len(skipped) + 1,),
            ).fetchall()
            (total,) = connection.execute("SELECT count(*) FROM files WHERE state = 'waiting'").fetchone()
        for number, job, name, staged, encoding in found:
            if number not in skipped:
                self._doing = ("read", 0, total - len(skipped))
                return _Row(number, job, name, self.folder / staged, encoding)
        return None

    def _settle(self, outcomes: list[tuple[_Row, str, Problem | None]]) -> None:
        with self._writing() as connection:
            for row, outcome, problem in outcomes:
                _update(connection, row.id, outcome, problem)
        for row, _, _ in outcomes:
            row.staged.unlink(missing_ok=True)
            self._in_hand.discard(row.id)
        outcomes.clear()

    def _fail(self, code: str, message: str) -> None:
        """What waits now is given up, with the reason; what was settled stays."""
        with self._writing() as connection:
            waiting = connection.execute("SELECT id, name, staged FROM files WHERE state = 'waiting'").fetchall()
            for number, name, _ in waiting:
                _update(connection, number, "problem", Problem(name, code, message))
            connection.execute(
                "UPDATE jobs SET finished = ?, code = ?, message = ? WHERE finished IS NULL",
                (int(time.time()), code, message),
            )
        for _, _, staged in waiting:
            (self.folder / staged).unlink(missing_ok=True)

    def _progress(self, stage: str, done: int, total: int) -> None:
        self._doing = (stage, done, total)

    # --- the database ---

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, store_errors(self.path):
            if self._connection is None:
                self._connection = open_database(self.path, [_first_schema], APPLICATION_ID)
            yield self._connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection, transaction(connection, self.path):
            yield connection


_JOBS = "SELECT id, kind, uploader, started, finished, code, message FROM jobs"


def _job(
    row: tuple[Any, ...],
    counts: dict[str, int],
    doing: tuple[str, int, int] | None,
    files: tuple[UploadedFile, ...] = (),
    step: int = 0,
) -> Job:
    number, kind, uploader, started, finished, code, message = row
    return Job(number, kind, uploader, started, finished, code, message, counts, doing, files, step)


def _new_job(connection: sqlite3.Connection, job: str, kind: str, uploader: str, encoding: str | None = None) -> None:
    """Adds a job; the oldest of those that ended go, beyond ``KEPT_JOBS``."""
    connection.execute(
        "INSERT INTO jobs (id, kind, uploader, encoding, started) VALUES (?, ?, ?, ?, ?)",
        (job, kind, uploader, encoding, int(time.time())),
    )
    connection.execute(
        "DELETE FROM jobs WHERE finished IS NOT NULL AND id NOT IN"
        " (SELECT id FROM jobs ORDER BY started DESC, rowid DESC LIMIT ?)",
        (KEPT_JOBS,),
    )


def _id_of(uploader: str, key: str) -> str:
    """The id of the job that ``uploader`` makes with ``key``; another's with the same key has another."""
    return hashlib.sha256(f"{uploader}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _insert(
    connection: sqlite3.Connection, job: str, files: Sequence[tuple[str, str | None, str, str | None, str | None]]
) -> None:
    (number, step) = connection.execute(
        "SELECT coalesce(max(number) + 1, 0), coalesce(max(step), 0) + 1 FROM files WHERE job = ?", (job,)
    ).fetchone()
    connection.executemany(
        "INSERT INTO files (job, number, name, staged, state, code, message, step) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        ((job, number + at, *file, step) for at, file in enumerate(files)),
    )


def _update(connection: sqlite3.Connection, file: int, state: str, problem: Problem | None) -> None:
    connection.execute(
        "UPDATE files SET state = ?, code = ?, message = ?, staged = NULL, step ="
        " (SELECT max(step) + 1 FROM files g WHERE g.job = files.job) WHERE id = ?",
        (state, problem and problem.code, problem and problem.message, file),
    )


def _no_job() -> NotFoundError:
    return NotFoundError("NOT_FOUND", "There is no such upload; the latest 200 are remembered.")
