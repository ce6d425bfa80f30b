"""The file of answers: what a run has done, safe against a kill at any moment.

Its first line says which index answered; each other line is an answered row (``qa.batch.answering.Answered.line``).
Rows are appended and synced chunk by chunk; whatever a kill or a power cut left torn at the end is dropped when the run
is resumed, and since a row's line is the same each time, the whole equals that of a run without a break.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from qa.answer import Question, Record
from qa.batch.answering import Answered, Extras, Memory, answers, no_extras, question
from qa.batch.values import Asker, Row
from qa.errors import StoreError, UsageError

PROBLEMS = 20
"""Row errors that a report names; the output has them all."""

Step = Callable[[int], None]
"""Told the rows that are done after each chunk; may raise to stop the run, which can then be resumed."""


class Tally:
    """Counts records by status, and keeps the first errors for the summary."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.problems: list[tuple[str, str]] = []

    @property
    def rows(self) -> int:
        """Rows counted."""
        return self.statuses.total()

    def add(self, record: Mapping[str, Any]) -> None:
        """Count one."""
        self.statuses[str(record["status"])] += 1
        if record["status"] == "error" and len(self.problems) < PROBLEMS:
            error = record["error"]
            self.problems.append((error["code"], error["message"]))


@contextmanager
def opened(path: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """The file, made when absent, locked against a second run.

    Raises:
        StoreError: BATCH_RUNNING.
    """
    with path.open("a+b") as file:
        if sys.platform != "win32":  # which itself keeps a file that is open from being renamed
            import fcntl  # noqa: PLC0415 (absent there)

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                message = f"Another run is writing {path}; wait for it, or name another output."
                raise StoreError("BATCH_RUNNING", message) from error
        file.seek(0)
        if overwrite:
            file.truncate(0)
        yield file


def fill(
    file: BinaryIO,
    asker: Asker,
    rows: Iterator[Row],
    tally: Tally,
    memory: Memory,
    *,
    about: Mapping[str, Any],
    extras: Extras = no_extras,
    step: Step | None = None,
) -> int:
    """Answer the rows that the file doesn't hold yet; how many it held.

    Raises:
        UsageError: RESUME_MISMATCH when it holds answers to other questions, or of another index.
        OSError: what writing raises.
    """
    key = str(about.get("key", ""))
    end = _kept(file, rows, tally, memory, key)
    kept = tally.rows
    file.seek(end)
    file.truncate()
    if not end:
        end = file.write((json.dumps(dict(about), ensure_ascii=False) + "\n").encode())
    _sync(file)
    if step:
        step(kept)
    with Path(file.name).open("rb") as written:

        def earlier(asked: Question) -> str | None:
            start = memory.start(asked)
            if start is None:
                return None
            written.seek(start)
            return written.readline().decode()

        for chunk in answers(asker, rows, key=key, earlier=earlier, extras=extras):
            for done in chunk:
                _remember(memory, done, end)
                end += file.write(done.line.encode() + b"\n")
                tally.add(done.record)
            _sync(file)
            if step:
                step(tally.rows)
    return kept


def raw_lines(path: Path) -> Iterator[str]:
    """The lines of a file of answers without their ends; a torn one is left out."""
    with path.open("rb") as file:
        if _about(file.readline()) is None:
            return
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield line.decode().rstrip("\n")


def records(path: Path) -> Iterator[Record | None]:
    """The records of a result in JSON Lines; None for a line that is none."""
    with path.open("rb") as file:
        for line in file:
            yield _whole(line)


def about(path: Path) -> dict[str, Any]:
    """What the first line says of the index that answered; nothing when there is none."""
    with path.open("rb") as file:
        return _about(file.readline()) or {}


def _remember(memory: Memory, done: Answered, start: int) -> None:
    if done.record["status"] not in {"error", "skipped"}:
        memory.add(question(done.row), start)


def _kept(file: BinaryIO, rows: Iterator[Row], tally: Tally, memory: Memory, key: str) -> int:
    """Tally the whole answers that the file holds and take their rows off ``rows``; where the last of them ends."""
    file.seek(0)
    first = file.readline()
    said = _about(first)
    if said is None:
        return 0
    if said.get("key", "") != key:
        message = f"{file.name} was answered from another state of the corpus, or with other settings"
        raise UsageError("RESUME_MISMATCH", f"{message}; begin anew with --overwrite.")
    end = len(first)
    for line in file:
        record = _whole(line)
        if record is None:
            break
        row = next(rows, None)
        if row is None or (record.get("id"), record.get("question")) != (row.id, row.question):
            raise UsageError(
                "RESUME_MISMATCH",
                f"Row {tally.rows + 1} of {file.name} answers another question than the input's row; "
                "begin anew with --overwrite.",
            )
        _remember(memory, Answered(row, record, ""), end)
        tally.add(record)
        end += len(line)
    return end


def _about(line: bytes) -> dict[str, Any] | None:
    said = _json(line)
    return said if said is not None and "status" not in said else None


def _whole(line: bytes) -> Record | None:
    told, tab, beside = line.partition(b"\t")
    record = _json(told + b"\n" if tab else line)
    if record is None or "status" not in record or (tab and _json(beside) is None):
        return None
    return record


def _json(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
