"""A file of questions → a file of answers, at the desk: what ``wenbao batch`` does.

Answers gather in ``OUT.part``, synced chunk by chunk; when all are there the result is written beside it, synced and
renamed to OUT: OUT is whole or absent, in every format, and an interrupted run is resumed from its last whole row.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from qa.batch import answers_file
from qa.batch.answering import Extras, Memory, answers, no_extras
from qa.batch.answers_file import Tally
from qa.batch.reading import Questions
from qa.batch.scoring.report import Scores
from qa.batch.values import Asker, Row
from qa.batch.writing import Wishes, check_size, evaluated, jsonl, render
from qa.errors import StoreError, UsageError
from qa.generations import Progress
from qa.store import sync

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a run did: rows by status (also those of the part that was resumed) and what its owner should know."""

    out: str
    format: str
    encoding: str
    statuses: Mapping[str, int]
    resumed: int
    problems: tuple[tuple[str, str], ...]
    """Code and message of the first rows that couldn't be asked."""
    warnings: tuple[tuple[str, str], ...]
    """Code and message of what is answered all the same."""
    scores: Scores | None = None
    """How good the answers are, where there are gold columns or an earlier run."""

    @property
    def rows(self) -> int:
        """Rows written, skipped ones too."""
        return sum(self.statuses.values())

    @property
    def errors(self) -> int:
        """Rows that couldn't be asked."""
        return self.statuses.get("error", 0)


def default_out(path: Path, format_: str) -> Path:
    """Where answers go when nobody says: ``dev.jsonl`` is answered in ``dev.answers.jsonl`` beside it."""
    return path.with_suffix(f".answers.{format_}")


def run(
    asker: Asker,
    questions: Questions,
    out: Path | BinaryIO,
    *,
    format_: str = "jsonl",
    overwrite: bool = False,
    resume: bool = False,
    about: Mapping[str, Any] | None = None,
    extras: Extras = no_extras,
    wishes: Wishes | None = None,
    baseline: Path | None = None,
    progress: Progress | None = None,
) -> BatchReport:
    """Answer all rows into ``out``, a file that appears when it is whole, or a stream of JSON Lines.

    Args:
        asker: the bot.
        questions: the rows.
        out: where the result goes.
        format_: of the result; a stream is always jsonl.
        overwrite: replace a result or an interrupted run that is there.
        resume: continue an interrupted run.
        about: the index that answers (``qa.batch.about.about``); resuming with another one is refused.
        extras: what results show beside a record.
        wishes: how the result is to look.
        baseline: the jsonl of an earlier run to compare with.
        progress: told the rows that are done.

    Raises:
        UsageError: OUTPUT_IS_INPUT, OUTPUT_EXISTS, OUTPUT_FOLDER, OUTPUT_TOO_MANY_ROWS, RESUME_MISMATCH,
            BASELINE_INVALID, BASELINE_MISMATCH.
        StoreError: DISK_FULL, OUTPUT_FAILED, BATCH_RUNNING; ``OUT.part`` keeps the rows that were done.
    """
    about = about or {}
    tally, total = Tally(), questions.lines
    resumed = 0
    scores: Scores | None = None

    def step(done: int) -> None:
        if progress:
            progress("answering", done, max(total, done))

    with closing(Memory()) as memory:
        rows = memory.watch(questions)
        if not isinstance(out, Path):
            others = jsonl.other_columns(questions)
            _stream(asker, rows, out, tally, key=str(about.get("key", "")), others=others, step=step)
        else:
            part = check_out(questions.path, out, overwrite=overwrite, resume=resume)
            check_size(questions, format_)
            with told_as_ours(out, part):
                if resume and out.exists() and not part.exists():
                    _finished(out, rows, tally, format_)
                    resumed = tally.rows
                else:
                    with answers_file.opened(part, overwrite=overwrite) as file:
                        resumed = answers_file.fill(
                            file, asker, rows, tally, memory, about=about, extras=extras, step=step
                        )
                        scores = evaluated(questions, part, baseline)
                        write_result(questions, part, out, format_, wishes, scores)
                        part.unlink()
                    sync(out.parent)
        warnings = [*questions.notes, *memory.warnings()]
    if not tally.rows:
        warnings.append(("BATCH_EMPTY", f"{questions.path} has 0 questions under its header."))
    return BatchReport(
        out=str(out) if isinstance(out, Path) else "-",
        format=questions.format,
        encoding=questions.encoding.removesuffix("-sig"),
        statuses=dict(tally.statuses),
        resumed=resumed,
        problems=tuple(tally.problems),
        warnings=tuple(warnings),
        scores=scores,
    )


def write_result(
    questions: Questions,
    answers: Path,
    out: Path,
    format_: str,
    wishes: Wishes | None = None,
    scores: Scores | None = None,
) -> None:
    """The result of a file of answers, whole under its name or not there at all."""
    fresh = out.with_name(f".{out.name}.new")
    try:
        with fresh.open("w+b") as file:
            render(questions, answers, file, format_, wishes, scores)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(out)
    finally:
        fresh.unlink(missing_ok=True)
    sync(out.parent)


@contextmanager
def told_as_ours(out: Path, part: Path) -> Iterator[None]:
    """Tells what the disk raises.

    Raises:
        StoreError: DISK_FULL, OUTPUT_FAILED.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            kept = f"{part.name} keeps what is done: make room and run again with --resume"
            message = f"The disk of {out} is full; {kept}."
            raise StoreError("DISK_FULL", message) from error
        raise StoreError("OUTPUT_FAILED", f"{part} can't be written: {error.strerror}.") from error


def check_out(questions: Path, out: Path, *, overwrite: bool, resume: bool) -> Path:
    """The unfinished file's name, once it is sure that nothing of value is overwritten.

    Raises:
        UsageError: OUTPUT_IS_INPUT, OUTPUT_EXISTS, OUTPUT_FOLDER.
    """
    part = out.with_name(f"{out.name}.part")
    for target in (out, part):
        if target.exists() and target.samefile(questions):
            raise UsageError(
                "OUTPUT_IS_INPUT", f"{target} is the file of questions itself; name another output with -o."
            )
    if not out.parent.is_dir():
        raise UsageError("OUTPUT_FOLDER", f"{out.parent} is no folder to write answers into.")
    if out.is_dir():
        raise UsageError("OUTPUT_EXISTS", f"{out} is a folder; name a file with -o.")
    if not (overwrite or resume):
        if out.exists():
            raise UsageError(
                "OUTPUT_EXISTS", f"{out} is there already; replace it with --overwrite, or name another with -o."
            )
        if part.exists():
            raise UsageError(
                "OUTPUT_EXISTS",
                f"{part} is an interrupted run; continue it with --resume, or begin anew with --overwrite.",
            )
    return part


def _stream(
    asker: Asker,
    rows: Iterator[Row],
    out: BinaryIO,
    tally: Tally,
    *,
    key: str,
    others: tuple[str, ...],
    step: answers_file.Step,
) -> None:
    for chunk in answers(asker, rows, key=key):
        for line in jsonl.encoded(((done.row, done.line) for done in chunk), others):
            out.write(line)
        out.flush()
        for done in chunk:
            tally.add(done.record)
        step(tally.rows)


def _finished(out: Path, rows: Iterator[Row], tally: Tally, format_: str) -> None:
    """Tally a whole result of these rows: nothing is left to resume. Only JSON Lines can be checked so."""
    fault = UsageError(
        "OUTPUT_EXISTS",
        f"{out} isn't the whole answer to these questions; name another output, or begin anew with --overwrite.",
    )
    if format_ == "jsonl":
        for record in answers_file.records(out):
            row = next(rows, None)
            if record is None or row is None or (record.get("id"), record.get("question")) != (row.id, row.question):
                raise fault
            tally.add(record)
        if next(rows, None):
            raise fault
        return
    raise UsageError("OUTPUT_EXISTS", f"{out} is there, and no interrupted run beside it; begin anew with --overwrite.")
