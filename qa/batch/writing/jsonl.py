"""Results as JSON Lines: each row's record, byte for byte; with the other columns of a table under ``columns``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from qa.batch.reading import Questions
from qa.batch.values import Row, cell_text
from qa.batch.wording import own_columns


def write(out: BinaryIO, questions: Questions, rows: Iterable[tuple[Row, str]]) -> None:
    """Write a line for each row; ``rows`` are rows with their lines of the file of answers."""
    others = other_columns(questions)
    for line in encoded(rows, others):
        out.write(line)


def other_columns(questions: Questions) -> tuple[str, ...]:
    """A table's columns beside id, question and history, and beside what an earlier result of ours added.

    JSON Lines in, JSON Lines out is the record alone: other keys are found again by the id.
    """
    columns = questions.columns
    known = {i for role in ("id", "question", "history") for i in columns.roles.get(role, ())}
    ours = own_columns(columns.names)
    return tuple(name for i, name in enumerate(columns.names) if i not in known and i not in ours)


def encoded(rows: Iterable[tuple[Row, str]], others: tuple[str, ...]) -> Iterator[bytes]:
    """The lines, each with its end."""
    for row, line in rows:
        told = line.partition("\t")[0]
        if others and not row.blank:
            kept = {name: row.cells.get(name) for name in others}
            carried = json.dumps(kept, ensure_ascii=False, allow_nan=False, default=cell_text)
            told = f'{told[:-1]}, "columns": {carried}}}'
        yield told.encode("utf-8", "replace") + b"\n"
