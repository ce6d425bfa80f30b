"""Answered rows → a file people keep: jsonl, csv, xlsx or an HTML report. Each format is a module beside this one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from qa.batch import answers_file
from qa.batch.answering import parsed
from qa.batch.reading import Questions
from qa.batch.writing import csv, jsonl
from qa.batch.writing.table import Done, language, layout
from qa.errors import UsageError

FORMATS = ("xlsx", "csv", "jsonl", "html")
SHEET_ROWS = 1_048_576
"""Rows of an Excel sheet, the header among them."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a result is to look."""

    language: str | None = None
    """zh or en; None takes that of the questions."""
    link_base: str = ""
    """Address of the server whose article pages results link to; empty for no links."""


def format_of(path: Path) -> str | None:
    """The format that a result's name says."""
    suffix = path.suffix.lower().lstrip(".")
    return suffix if suffix in FORMATS else "jsonl" if suffix in {"ndjson", "json"} else None


def check_size(questions: Questions, format_: str) -> None:
    """Refuses, before anything is asked, what the format can't hold.

    Raises:
        UsageError: OUTPUT_TOO_MANY_ROWS.
    """
    if format_ != "xlsx" or questions.lines < SHEET_ROWS:
        return
    if next(islice(questions, SHEET_ROWS - 1, None), None) is not None:
        message = f"{questions.path} has more rows than a sheet's {SHEET_ROWS}; choose --format csv or jsonl."
        raise UsageError("OUTPUT_TOO_MANY_ROWS", message)


def render(questions: Questions, answers: Path, out: BinaryIO, format_: str, wishes: Wishes | None = None) -> None:
    """Write the result of a file of answers, of all rows that it holds."""
    wishes = wishes or Wishes()
    if format_ == "jsonl":
        jsonl.write(out, questions, _lined(questions, answers))
        return
    words = language(questions, wishes.language)
    shape = layout(questions, words, link_base=wishes.link_base)

    def rows() -> Iterator[Done]:
        for row, line in _lined(questions, answers):
            yield Done(row, *parsed(line))

    _WRITERS[format_](out, shape, rows)


def _lined(questions: Questions, answers: Path) -> Iterator[tuple[Any, str]]:
    yield from zip(questions, answers_file.raw_lines(answers), strict=False)


def _csv(out: BinaryIO, shape: Any, rows: Callable[[], Iterable[Done]]) -> None:
    csv.write(out, shape, rows())


_WRITERS: Mapping[str, Callable[..., None]] = {"csv": _csv}
