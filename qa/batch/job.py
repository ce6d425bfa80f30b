"""One batch job as its folder on disk has it: the questions, its state, the file of answers. Small files, each whole.

``DATA/jobs/ID/``: ``job.json`` (what was asked for, and how far it is), ``questions.SUFFIX`` (as they were uploaded),
``answers`` (``qa.batch.answers_file``), ``result.FORMAT`` when somebody fetched one of a finished job.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from qa.batch.reading import Questions
from qa.batch.values import EMPTY, Options
from qa.errors import NotFoundError, StoreError
from qa.store import sync

State = Literal["draft", "queued", "running", "paused", "cancelled", "finished", "failed"]
"""draft: waits for its owner to say how it is read · queued, running: goes on, also after a restart · paused,
cancelled: keeps its answers · failed: ``error`` says why; it may be resumed."""
GOING: frozenset[State] = frozenset({"queued", "running"})

_ID = re.compile(r"[0-9]{8}-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Job:
    """A job. Times are seconds since 1970."""

    id: str
    name: str
    """The uploaded file's."""
    owner: str
    """Who may see it beside an admin: a token's number, or the machine itself."""
    state: State
    created_at: float
    options: Options = field(default_factory=Options)
    language: str | None = None
    link_base: str = ""
    baseline: str | None = None
    """An earlier job to compare with."""
    rows: int = 0
    """Rows of the file, or a little more."""
    done: int = 0
    statuses: Mapping[str, int] = field(default_factory=lambda: EMPTY)
    started_at: float | None = None
    finished_at: float | None = None
    error: Mapping[str, str] | None = None
    notes: tuple[Mapping[str, str], ...] = ()
    scores: Mapping[str, Any] | None = None


class JobFolder:
    """A job's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def answers(self) -> Path:
        """The file of answers."""
        return self.path / "answers"

    def questions(self) -> Path:
        """The file of questions.

        Raises:
            StoreError: JOB_DAMAGED.
        """
        found = sorted(self.path.glob("questions*"))
        if not found:
            raise StoreError("JOB_DAMAGED", f"{self.path} holds no questions any more; delete the job.")
        return found[0]

    def opened(self, options: Options, *, strict: bool = True) -> Questions:
        """The questions, read as ``options`` say."""
        return Questions.open(self.questions(), options, strict=strict)

    def read(self) -> Job:
        """The job.

        Raises:
            NotFoundError: JOB_NOT_FOUND.
            StoreError: JOB_DAMAGED.
        """
        try:
            told = json.loads((self.path / "job.json").read_text(encoding="utf-8"))
            options = {**told["options"], "columns": {role: tuple(n) for role, n in told["options"]["columns"].items()}}
            return Job(**{**told, "options": Options(**options), "notes": tuple(told["notes"])})
        except FileNotFoundError as error:
            raise absent() from error
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StoreError("JOB_DAMAGED", f"{self.path / 'job.json'} can't be read; delete the job.") from error

    def write(self, job: Job) -> Job:
        """Keep the job: whole, and on the disk before this returns."""
        fresh = self.path / ".job.json.new"
        told = {each.name: getattr(job, each.name) for each in fields(job)}
        options = {each.name: getattr(job.options, each.name) for each in fields(job.options)}
        options["columns"] = {role: list(names) for role, names in job.options.columns.items()}
        told |= {"options": options, "statuses": dict(job.statuses)}
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(told, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path / "job.json")
        sync(self.path)
        return job


def absent() -> NotFoundError:
    """There is no such job, or it is another's."""
    return NotFoundError("JOB_NOT_FOUND", "There is no such job here; it may have been deleted.")


def new_id() -> str:
    """A job's id: its day, so that folders sort, and what nobody guesses."""
    return f"{time.strftime('%Y%m%d', time.gmtime())}-{secrets.token_hex(8)}"


def is_id(text: str) -> bool:
    """Whether it may be a job's id; anything else must not become a path."""
    return bool(_ID.fullmatch(text))
