"""Rows → answered rows, in their order: questions asked in batches, equal ones once over the whole file.

What was answered is remembered by where it stands in the file of answers, in a temporary database on disk, so that
memory doesn't grow with the file.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from qa.answer import Question, Record, record_json
from qa.batch.values import Asker, Row
from qa.errors import QuestionError, WenbaoError

CHUNK = 128
"""Rows that are asked together and then synced to disk: enough to embed questions in one go, little to lose."""
FIRST_CHUNK = 8
"""Rows of the first chunk, each next one having twice as many: so that somebody who waits soon sees that it goes on."""
SHOWN_IDS = 20
"""Repeated ids that a report names."""

Extra = dict[str, str]
"""What results show beside a record, worked out while the corpus is as it was when it was asked."""
Extras = Callable[[Record], Extra]


@dataclass(frozen=True, slots=True)
class Answered:
    """A row with its record, as a line of the file of answers."""

    row: Row
    record: Record
    line: str
    """The record's serialisation; behind a tab, what results show beside it."""


def no_extras(record: Record) -> Extra:  # noqa: ARG001 (as ``Extras`` are called)
    """Nothing beside the record."""
    return {}


def trace_id(key: str, row: Row) -> str:
    """The row's trace id: the same whenever the same row is asked of the same index, so that resuming repeats it."""
    told = json.dumps([key, row.line, row.id, row.question, row.history, row.filters.json()], ensure_ascii=False)
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class Memory:
    """Where each question's answer stands, and how often each id came. On disk, in a file that goes with it."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000;"
            "CREATE TABLE answers (question BLOB PRIMARY KEY, start INTEGER) WITHOUT ROWID;"
            "CREATE TABLE ids (hash BLOB PRIMARY KEY) WITHOUT ROWID;"
        )
        self._repeated: Counter[str] = Counter()

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    def start(self, question: Question) -> int | None:
        """Where the line of an equal question begins in the file of answers, if one was answered."""
        found = self._database.execute("SELECT start FROM answers WHERE question = ?", (_digest(question),)).fetchone()
        return int(found[0]) if found else None

    def add(self, question: Question, start: int) -> None:
        """Remember where its answer stands; the first place is kept."""
        self._database.execute("INSERT OR IGNORE INTO answers VALUES (?, ?)", (_digest(question), start))

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, noting ids that stand on several."""
        for row in rows:
            if not row.blank:
                hashed = hashlib.blake2b(row.id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
                is_new = self._database.execute("INSERT OR IGNORE INTO ids VALUES (?)", (hashed,)).rowcount
                if not is_new and (row.id in self._repeated or len(self._repeated) < 10 * SHOWN_IDS):
                    self._repeated[row.id] += 1
            yield row

    def warnings(self) -> tuple[tuple[str, str], ...]:
        """DUPLICATE_ID for each id that stands on several rows."""
        return tuple(
            ("DUPLICATE_ID", f"Id {id_!r} stands on {times + 1} rows; all are answered.")
            for id_, times in list(self._repeated.items())[:SHOWN_IDS]
        )


def _digest(question: Question) -> bytes:
    told = json.dumps([question.question, question.history, question.filters.json()], ensure_ascii=False)
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def answers(
    asker: Asker,
    rows: Iterable[Row],
    *,
    key: str = "",
    earlier: Callable[[Question], str | None] = lambda question: None,  # noqa: ARG005
    extras: Extras = no_extras,
) -> Iterator[list[Answered]]:
    """The rows answered, a chunk at a time, in order.

    Args:
        asker: who answers.
        rows: the rows.
        key: names the index and settings; part of the trace ids.
        earlier: the line of an equal question that was answered in a chunk before.
        extras: what is kept beside a record.
    """
    remaining = iter(rows)
    size = min(FIRST_CHUNK, CHUNK)
    while chunk := list(islice(remaining, size)):
        size = min(2 * size, CHUNK)
        refusals = [refusal(asker, row) for row in chunk]
        questions = [
            None if row.blank or refused else question(row) for row, refused in zip(chunk, refusals, strict=True)
        ]
        found: dict[Question, tuple[Record, Extra]] = {}
        for asked in dict.fromkeys(filter(None, questions)):
            if line := earlier(asked):
                found[asked] = parsed(line)
        wanted = [asked for asked in dict.fromkeys(filter(None, questions)) if asked not in found]
        for asked, record in zip(wanted, asker.ask_many(wanted) if wanted else [], strict=True):
            found[asked] = (record, extras(record))
        yield [
            _answered(row, refused, found.get(asked) if asked else None, key)
            for row, refused, asked in zip(chunk, refusals, questions, strict=True)
        ]


def _answered(row: Row, refused: WenbaoError | None, found: tuple[Record, Extra] | None, key: str) -> Answered:
    beside: Extra = {}
    if found:
        record = {**found[0], "id": row.id}
        beside = found[1]
        if "trace_id" in record:
            # Time is shared out over a batch: a row has none of its own, and the result is the same each time.
            record |= {"trace_id": trace_id(key, row), "elapsed_ms": 0.0}
    elif refused:
        error = {"code": refused.code, "message": refused.message, "line": row.line}
        record = {"id": row.id, "question": row.question, "status": "error", "error": error, "passages": []}
    else:
        record = {"id": row.id, "question": row.question, "status": "skipped", "passages": []}
    told = record_json(record)
    if beside:
        told += "\t" + json.dumps(beside, ensure_ascii=False, allow_nan=False)
    return Answered(row, record, told)


def parsed(line: str) -> tuple[Record, Extra]:
    """The record of a line of answers, and what stands beside it."""
    told, _, beside = line.rstrip("\n").partition("\t")
    return json.loads(told), json.loads(beside) if beside else {}


def question(row: Row) -> Question:
    """What a row asks."""
    return Question(row.question, history=row.history, filters=row.filters)


def refusal(asker: Asker, row: Row) -> WenbaoError | None:
    """Why the row can't be asked, if so."""
    if row.asks:
        try:
            asker.check(row.question)
        except QuestionError as error:
            return QuestionError(error.code, f"Line {row.line}: {error.message}", error.field)
    return row.error
