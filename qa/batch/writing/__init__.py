"""Answered rows → a file people keep: jsonl, csv, xlsx or an HTML report. Each format is a module beside this one."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from qa.batch import answers_file
from qa.batch.answering import parsed
from qa.batch.reading import Questions
from qa.batch.scoring.gold import GoldReader, has_gold
from qa.batch.scoring.measures import score
from qa.batch.scoring.report import Scores, evaluate
from qa.batch.values import Cell, Row
from qa.batch.wording import Wording
from qa.batch.writing import csv, html, jsonl, xlsx
from qa.batch.writing.table import Done, language, layout
from qa.batch.writing.xlsx import SHEET_ROWS
from qa.errors import UsageError

FORMATS = ("xlsx", "csv", "jsonl", "html")


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a result is to look."""

    language: str | None = None
    """zh or en; None takes that of the questions."""
    link_base: str = ""
    """Address of the server whose article pages results link to; empty for no links."""
    name: str | None = None
    """What the file of questions is called; None for the name that it has."""


def format_of(path: Path) -> str | None:
    """The format that a result's name says."""
    suffix = path.suffix.lower().lstrip(".")
    return suffix if suffix in FORMATS else "jsonl" if suffix in {"ndjson", "json"} else None


def natural_format(questions: Questions) -> str:
    """The format that people expect of questions in theirs: a table for a table."""
    return {"xlsx": "xlsx", "csv": "csv", "tsv": "csv"}.get(questions.format, "jsonl")


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


def render(
    questions: Questions,
    answers: Path,
    out: BinaryIO,
    format_: str,
    wishes: Wishes | None = None,
    scores: Scores | None = None,
) -> None:
    """Write the result of a file of answers, of all rows that it holds; with ``scores`` also how good it is."""
    wishes = wishes or Wishes()
    if format_ == "jsonl":
        jsonl.write(out, questions, lined(questions, answers))
        return
    words = language(questions, wishes.language)
    shape = layout(questions, words, link_base=wishes.link_base, scored=scores is not None)
    gold = GoldReader(questions)

    def rows() -> Iterator[Done]:
        for row, line in lined(questions, answers):
            record, beside = parsed(line)
            scored = {}
            if scores and record["status"] not in {"error", "skipped"}:
                one = score(record, gold(row))
                right = None if one.right is None else words.verdicts[0 if one.right else 1]
                scored = {"right": right, "f1": one.f1, "rank": one.rank}
            yield Done(row, record, beside, scored)

    if format_ == "csv":
        csv.write(out, shape, rows())
        return
    about = settings(questions, answers, words, wishes.name)
    if format_ == "xlsx":
        xlsx.write(out, shape, rows, about, scores)
    else:
        html.write(out, shape, rows, about, wishes.name or questions.path.name, scores)


def evaluated(questions: Questions, answers: Path, baseline: Path | None = None) -> Scores | None:
    """How good the answers are, where the file has gold columns or there is an earlier run to compare with.

    Raises:
        UsageError: BASELINE_INVALID, BASELINE_MISMATCH.
    """
    if baseline is None and not has_gold(questions):
        return None
    rows = ((row, parsed(line)[0]) for row, line in lined(questions, answers))
    return evaluate(rows, GoldReader(questions), baseline)


def settings(questions: Questions, answers: Path, words: Wording, name: str | None = None) -> list[tuple[str, Cell]]:
    """What was asked of what, by name: the file and how it was read, the index and settings that answered."""
    with questions.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    roles = questions.columns.roles
    named = {role: ", ".join(questions.columns.named(role)) for role in roles}
    statuses = Counter(json.loads(line.partition("\t")[0])["status"] for line in answers_file.raw_lines(answers))
    told: dict[str, Cell] = {
        "input": name or questions.path.name,
        "sha256": digest,
        "format": questions.format,
        "encoding": None if questions.format == "xlsx" else questions.encoding.removesuffix("-sig"),
        "delimiter": repr(questions.dialect.delimiter) if questions.dialect else None,
        "sheet": questions.sheet.name if questions.sheet else None,
        "columns": "; ".join(f"{role} = {name}" for role, name in named.items()) or None,
        "rows": statuses.total(),
    }
    found = [(words.settings[key], value) for key, value in told.items() if value is not None]
    found += [(words.statuses[status], statuses[status]) for status in words.statuses if statuses[status]]
    about = answers_file.about(answers)
    return found + [(words.settings[key], value) for key, value in about.items() if key in words.settings]


def lined(questions: Questions, answers: Path) -> Iterator[tuple[Row, str]]:
    """The rows with their lines of the file of answers, as far as it goes."""
    yield from zip(questions, answers_file.raw_lines(answers), strict=False)
