"""Batch jobs of a server: kept on disk, done one after another in a thread, gone on with after a restart or a kill.

A job goes through the same ``answers_file.fill`` as ``wenbao batch``: killed at any moment, it is continued to the same
bytes. Pausing and cancelling stop it between two chunks; nothing that was answered is lost.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from qa.batch import answers_file
from qa.batch.about import Beside, about
from qa.batch.answering import Memory
from qa.batch.answers_file import Tally
from qa.batch.job import GOING, Job, JobFolder, absent, is_id, new_id
from qa.batch.reading.sniffing import SUFFIXES
from qa.batch.running import told_as_ours, write_result
from qa.batch.scoring.report import Scores
from qa.batch.values import Options
from qa.batch.writing import Wishes, check_size, evaluated
from qa.bot import Bot
from qa.errors import InputError, StoreError, UsageError, WenbaoError

MOST_JOBS = 200
"""Jobs that are kept; each is a folder with its questions and answers."""
OTHERS_S = 5.0
"""How often it is looked whether a job that another process does is free again."""
WRITE_EVERY_S = 1.0
"""How often a running job's progress is written down; it is only to be shown, what is done stands in the answers."""

log = logging.getLogger(__name__)


class _StoppedError(Exception):
    """The job was asked to pause, to be cancelled, or the server to stop."""


@dataclass(slots=True)
class _Pace:
    """Rows answered since the job was last begun, for the rate."""

    began: float
    kept: int
    done: int


class Jobs:
    """The jobs under a data folder, and the thread that does them. Closed, what runs goes on at the next start."""

    def __init__(self, bot: Bot) -> None:
        """Nothing is read or begun until ``start_working`` or a first job."""
        self._bot = bot
        self._folder = bot.settings.data / "jobs"
        self._lock = threading.RLock()
        self._wake = threading.Condition(self._lock)
        self._worker: threading.Thread | None = None
        self._closing = False
        self._running: Job | None = None
        self._pace: _Pace | None = None

    # What there is

    def jobs(self, owner: str | None = None) -> list[Job]:
        """The jobs of ``owner``, or all, newest first."""
        found = []
        if self._folder.is_dir():
            for path in sorted(self._folder.iterdir(), reverse=True):
                if is_id(path.name):
                    with contextlib.suppress(WenbaoError):
                        found.append(self.job(path.name))
        return sorted((j for j in found if owner in {None, j.owner}), key=lambda job: job.created_at, reverse=True)

    def job(self, id_: str, owner: str | None = None) -> Job:
        """The job of that id.

        Raises:
            NotFoundError: JOB_NOT_FOUND, also for another owner's.
        """
        if not is_id(id_):
            raise absent()
        with self._lock:
            job = self._running if self._running and self._running.id == id_ else self._at(id_).read()
        if owner not in {None, job.owner}:
            raise absent()
        return job

    def pace(self, job: Job) -> tuple[float | None, float | None]:
        """Rows a second, and the seconds that are left at that rate; None while nothing is known."""
        pace = self._pace
        if pace is None or self._running is None or self._running.id != job.id or pace.done <= pace.kept:
            return None, None
        rate = (pace.done - pace.kept) / max(time.monotonic() - pace.began, 1e-6)
        return rate, max(0, job.rows - pace.done) / rate

    def preview(self, job: Job, options: Options | None = None) -> dict[str, Any]:
        """How the questions are read, with the first rows."""
        with _told_by_name(job, self._at(job.id)):
            found = self._at(job.id).opened(options or job.options, strict=False).preview()
        return {**found, "name": job.name}

    @contextlib.contextmanager
    def new(self, name: str, owner: str) -> Iterator[tuple[BinaryIO, Job]]:
        """A new draft, and the file to write its questions into; it is there once this is left without an error.

        Raises:
            InputError: UNSUPPORTED_FORMAT for a name that no file of questions has.
            UsageError: JOBS_FULL.
        """
        shown = name.replace("\\", "/").rpartition("/")[2][:200] or "questions"
        suffix = Path(shown).suffix.lower()
        if suffix not in SUFFIXES:
            message = f"{shown}: questions are read from .xlsx, .xlsm, .csv, .tsv, .jsonl and .txt files."
            raise InputError("UNSUPPORTED_FORMAT", message, field="name")
        if len(self.jobs()) >= MOST_JOBS:
            raise UsageError("JOBS_FULL", f"{MOST_JOBS} jobs are kept, and no more; delete some first.")
        job = Job(new_id(), shown, owner, "draft", time.time())
        path = self._folder / job.id
        try:
            path.mkdir(parents=True, mode=0o700)
            with told_as_ours(path, path), (path / f"questions{suffix}").open("xb") as file:
                yield file, job
            self._keep(job)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise

    # What its owner says

    def start(self, job: Job, options: Options | None = None, **wishes: Any) -> Job:
        """Queue a draft, read as ``options`` say; ``wishes`` are the job's language, link_base and baseline.

        Raises:
            InputError, UsageError: as ``Questions.open``: then it stays a draft.
        """
        if job.state != "draft":
            raise _wrong(job, "draft")
        job = replace(job, options=options or job.options, **wishes)
        with _told_by_name(job, self._at(job.id)):
            questions = self._at(job.id).opened(job.options)
        if job.baseline:
            self.job(job.baseline)
        notes = tuple({"code": code, "message": message} for code, message in questions.notes)
        return self._queue(replace(job, rows=questions.lines, notes=notes))

    def pause(self, job: Job) -> Job:
        """Stop a job between two chunks; it can be resumed."""
        return self._halt(job, "paused")

    def cancel(self, job: Job) -> Job:
        """Stop a job for good; what was answered can be fetched."""
        return self._halt(job, "cancelled")

    def resume(self, job: Job) -> Job:
        """Go on with a job that was paused, cancelled or failed; from the beginning where the corpus has changed."""
        if job.state not in {"paused", "cancelled", "failed"}:
            raise _wrong(job, "paused")
        if job.error and job.error["code"] == "RESUME_MISMATCH":
            self._at(job.id).answers.unlink(missing_ok=True)
        return self._queue(replace(job, error=None, finished_at=None))

    def delete(self, job: Job) -> None:
        """Stop the job and delete all of it."""
        if job.state in GOING:
            self._halt(job, "cancelled")
        with self._lock:
            while self._running and self._running.id == job.id:
                self._wake.wait(0.1)
            shutil.rmtree(self._folder / job.id, ignore_errors=True)

    def result(self, job: Job, format_: str) -> Path:
        """The result so far as a file of ours, made when it is asked for and kept when the job is finished.

        Raises:
            UsageError: JOB_NOT_STARTED; what writing the format raises.
        """
        folder = self._at(job.id)
        if not folder.answers.exists():
            raise UsageError("JOB_NOT_STARTED", "The job has no answers yet; start it and wait for the first rows.")
        out = folder.path / (f"result.{format_}" if job.state == "finished" else f"result-so-far.{format_}")
        if job.state == "finished" and out.exists():
            return out
        questions = folder.opened(job.options)
        check_size(questions, format_)
        baseline = self._folder / job.baseline / "answers" if job.baseline else None
        wishes = Wishes(job.language, job.link_base, job.name)
        with told_as_ours(out, folder.answers):
            scores = evaluated(questions, folder.answers, baseline)
            write_result(questions, folder.answers, out, format_, wishes, scores)
        return out

    # What the thread does

    def start_working(self) -> None:
        """Go on with what was queued or running when the server stopped, was killed, or lost its power."""
        if any(job.state in GOING for job in self.jobs()):
            self._begin()

    def close(self) -> None:
        """Stop between two chunks; the job stays as it is on disk, to be gone on with."""
        with self._lock:
            self._closing = True
            self._wake.notify_all()
            worker = self._worker
        if worker:
            worker.join()

    def wait(self, job: Job, timeout_s: float) -> Job:
        """The job once it is neither queued nor running, or as it is when the time is over. For tests and programs."""
        until = time.monotonic() + timeout_s
        while (found := self.job(job.id)).state in GOING and time.monotonic() < until:
            time.sleep(0.02)
        return found

    def _queue(self, job: Job) -> Job:
        with self._lock:
            if self._running and self._running.id == job.id:  # it was halted, and its thread has not seen that yet
                return self._keep(self._changed(state="running"))
            job = self._keep(replace(job, state="queued"))
        self._begin()
        return job

    def _begin(self) -> None:
        with self._lock:
            if self._worker is None and not self._closing:
                self._worker = threading.Thread(target=self._work, name="batch jobs", daemon=True)
                self._worker.start()
            self._wake.notify_all()

    def _halt(self, job: Job, state: Any) -> Job:
        with self._lock:
            if self._running and self._running.id == job.id:
                return self._keep(self._changed(state=state))  # seen by the thread after its chunk
            job = self.job(job.id)
            if job.state not in GOING and (state, job.state) != ("cancelled", "paused"):
                raise _wrong(job, "running")
            return self._keep(replace(job, state=state))

    def _keep(self, job: Job) -> Job:
        with self._lock:
            return self._at(job.id).write(job)

    def _work(self) -> None:
        while True:
            with self._lock:
                waiting = [job for job in reversed(self.jobs()) if job.state in GOING]
                if self._closing:
                    return
                if not waiting:
                    self._wake.wait(60)
                    continue
                self._running = replace(waiting[0], state="running")
            self._do(self._running)
            with self._lock:
                self._leave()

    def _do(self, job: Job) -> None:
        tally = Tally()
        self._keep(self._changed(started_at=job.started_at or time.time()))
        try:
            scores = self._fill(job, tally)
        except _StoppedError:
            with self._lock:
                stopped = self._changed(done=tally.rows, statuses=dict(tally.statuses))
                self._end(state="queued" if stopped.state == "running" else stopped.state)
        except Exception as error:
            if isinstance(error, WenbaoError) and error.code == "BATCH_RUNNING":
                with self._lock:
                    self._wake.wait(OTHERS_S)  # another process on the same data folder does it
                return
            if not isinstance(error, WenbaoError):
                log.exception("job %s failed", job.id)
            code = error.code if isinstance(error, WenbaoError) else "INTERNAL_ERROR"
            message = str(error) if isinstance(error, WenbaoError) else "Something failed inside; see the server's log."
            told = {"code": code, "message": message}
            self._end(state="failed", error=told, finished_at=time.time(), done=tally.rows)
        else:
            counts = {"done": tally.rows, "rows": tally.rows, "statuses": dict(tally.statuses)}
            self._end(state="finished", finished_at=time.time(), scores=_summary(scores), **counts)

    def _fill(self, job: Job, tally: Tally) -> Scores | None:
        folder = self._at(job.id)
        written = time.monotonic()

        def step(done: int) -> None:
            nonlocal written
            now = time.monotonic()
            if self._pace is None:
                self._pace = _Pace(now, done, done)
            self._pace.done = done
            changed = self._changed(done=done, statuses=dict(tally.statuses))
            if changed.state != "running" or self._closing:
                raise _StoppedError
            if now - written > WRITE_EVERY_S:
                written = now
                self._keep(changed)

        with _told_by_name(job, folder):
            questions = folder.opened(job.options)
        told = about(self._bot)
        with (
            closing(Memory()) as memory,
            told_as_ours(folder.path, folder.answers),
            answers_file.opened(folder.answers) as file,
        ):
            rows = memory.watch(questions)
            answers_file.fill(file, self._bot, rows, tally, memory, about=told, extras=Beside(self._bot), step=step)
            notes = [{"code": code, "message": message} for code, message in (*questions.notes, *memory.warnings())]
        if not tally.rows:
            notes.append({"code": "BATCH_EMPTY", "message": f"{job.name} has 0 questions under its header."})
        if about(self._bot)["key"] != told["key"]:
            message = "The corpus changed while the job ran: its first rows were answered from the earlier one."
            notes.append({"code": "CORPUS_CHANGED", "message": message})
        self._changed(notes=tuple(notes))
        baseline = self._folder / job.baseline / "answers" if job.baseline else None
        return evaluated(questions, folder.answers, baseline)

    def _end(self, **changes: Any) -> None:
        """The running job as it ends, and no longer the running one: both at once, so that it can be resumed."""
        with self._lock:
            self._keep(self._changed(**changes))
            self._leave()

    def _leave(self) -> None:
        self._running = self._pace = None
        self._wake.notify_all()

    def _changed(self, **changes: Any) -> Job:
        """The running job with what changed; its state may have been set by its owner meanwhile."""
        with self._lock:
            if self._running is None:
                raise AssertionError("only while a job runs")
            self._running = replace(self._running, **changes)
            return self._running

    def _at(self, id_: str) -> JobFolder:
        return JobFolder(self._folder / id_)


@contextlib.contextmanager
def _told_by_name(job: Job, folder: JobFolder) -> Iterator[None]:
    """Errors name the file as its owner does, not where it is kept."""
    try:
        yield
    except WenbaoError as error:
        message, name = error.message, job.name if Path(job.name).suffix else f"The file {job.name!r}"
        for kept in folder.path.glob("questions*"):
            message = message.replace(str(kept), name)
        raise type(error)(error.code, message, error.field) from error


def _wrong(job: Job, wanted: str) -> StoreError:
    return JobStateError("JOB_STATE", f"The job is {job.state}; this can be done to one that is {wanted}.")


class JobStateError(StoreError):
    """What was asked for can't be done to a job in its state."""

    http_status = 409


def _summary(scores: Scores | None) -> Mapping[str, Any] | None:
    """The measures as plain values."""
    if scores is None:
        return None
    return {
        "rows": scores.rows,
        "measures": {
            name: {"value": one.value, "low": one.low, "high": one.high, "rows": one.rows}
            for name, one in scores.measures.items()
        },
        "compared": {"rows": scores.compared.rows, "drops": dict(scores.compared.drops), **scores.compared.counts}
        if scores.compared
        else None,
    }
