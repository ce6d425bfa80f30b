"""A file of questions → a file of answers: the records of ``Bot.ask_many``, a row for each row of the input.

Stands on top of the bot, beside the web: nothing here knows how an answer is found. ``Questions`` reads one format into
``Row``s; ``answers`` turns rows into records; ``run`` writes them. Rows are streamed in chunks, so memory doesn't grow
with the file. A row that can't be asked becomes a record with ``status`` "error" that names its line, and the rest
goes on; a blank one becomes "skipped", so that the output's rows stand beside the input's.

Answers are written to ``OUT.part``, synced chunk by chunk, and renamed to OUT when all are there: OUT is whole or
absent, and an interrupted run can be resumed from its last whole line. A further format is a function in ``READERS``.
"""

from __future__ import annotations

import codecs
import errno
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, Protocol, TextIO, TypeGuard, cast

from qa.answer import Question, Record, record_json
from qa.errors import InputError, QuestionError, StoreError, UsageError, WenbaoError
from qa.filters import EVERYTHING, FilterError, Filters
from qa.generations import Progress
from qa.store import sync

CHUNK = 256
"""Rows that are asked together and then synced to disk: enough to embed questions in one go, little to lose."""
LINE_CHARS = 1 << 20
"""Longest line, in characters: a longer one is refused without being held in memory."""
PROBLEMS = 20
"""Row errors that a report names; the output has them all."""
JSON_DEPTH = 32
"""Deepest nesting of a JSON row: a question row has two levels, gold rows three."""
QUESTION_COLUMNS = frozenset({"question", "questions", "问题", "問題", "提问", "提問", "質問"})
"""Names that tell a table with a header from plain questions that hold commas."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the input, in its order.

    ``line`` counts from 1; ``id`` is the given one as the exact characters of the file, else the line number. A row
    that doesn't ask has an ``error``, or is blank.
    """

    line: int
    id: str
    question: str = ""
    history: tuple[str, ...] = ()
    filters: Filters = EVERYTHING
    error: InputError | None = None
    blank: bool = False

    @property
    def asks(self) -> bool:
        """Whether there is a question to answer."""
        return not (self.error or self.blank)


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

    @property
    def rows(self) -> int:
        """Rows written, skipped ones too."""
        return sum(self.statuses.values())

    @property
    def errors(self) -> int:
        """Rows that couldn't be asked."""
        return self.statuses.get("error", 0)


class Asker(Protocol):
    """The part of ``qa.bot.Bot`` that a batch needs."""

    def check(self, question: str) -> None:
        """QuestionError when it can't be asked."""

    def ask_many(self, questions: Sequence[Question]) -> list[Record]:
        """A record for each question."""


# Reading


@dataclass(frozen=True, slots=True)
class Questions:
    """A question file whose format and encoding are found out; iterate for its rows. ``lines`` is for progress bars."""

    path: Path
    format: str
    encoding: str
    lines: int

    @classmethod
    def open(cls, path: Path) -> Questions:
        """Look at the file once, in constant memory.

        Raises:
            UsageError: BATCH_NOT_FOUND, BATCH_UNREADABLE.
            InputError: BATCH_EMPTY, BATCH_NOT_JSONL, BATCH_ENCODING, UNSUPPORTED_FORMAT.
        """
        try:
            with path.open("rb") as file:
                head = file.read(4096)
                file.seek(0)
                format_ = _format(path, head)
                encoding, lines = _encoding(file, head)
        except FileNotFoundError as error:
            raise UsageError("BATCH_NOT_FOUND", f"{path}: no such file of questions.") from error
        except OSError as error:
            raise UsageError("BATCH_UNREADABLE", f"{path} can't be read: {error.strerror}.") from error
        if format_ == "jsonl" and encoding.startswith(_WIDE):
            raise InputError(
                "BATCH_ENCODING", f"{path}, line 1: {encoding.upper()}, but JSON Lines are UTF-8; save it as UTF-8."
            )
        return cls(path, _checked(cls(path, format_, encoding, lines)), encoding, lines)

    def __iter__(self) -> Iterator[Row]:
        return READERS[self.format](self)

    def text(self) -> Iterator[tuple[int, str | InputError]]:
        """The numbered lines without their ends; an error stands for one that is too long or not in the encoding."""
        wide = self.encoding.startswith(_WIDE)
        with self.path.open(encoding=self.encoding, errors="replace" if wide else "surrogateescape") as file:
            number = 0
            while line := file.readline(LINE_CHARS + 1):
                number += 1
                if len(line) > LINE_CHARS and not line.endswith("\n"):
                    _skip_rest(file)
                    yield number, InputError("LINE_TOO_LONG", f"Line {number} is longer than {LINE_CHARS} characters.")
                elif not _encodable(line) or (wide and "\ufffd" in line):
                    name = self.encoding.removesuffix("-sig").upper()
                    yield number, InputError("ROW_ENCODING", f"Line {number} isn't {name} text.")
                else:
                    yield number, line.rstrip("\n")


def read_txt(questions: Questions) -> Iterator[Row]:
    """A question a line."""
    for number, line in questions.text():
        if isinstance(line, InputError):
            yield Row(number, str(number), error=line)
        else:
            yield Row(number, str(number), line.strip(), blank=not line.strip())


def read_jsonl(questions: Questions) -> Iterator[Row]:
    """An object a line: ``question``, where given ``id``, ``history``, ``filters``; other keys are left alone."""
    for number, line in questions.text():
        if isinstance(line, InputError):
            yield Row(number, str(number), error=line)
        elif not line.strip():
            yield Row(number, str(number), blank=True)
        else:
            yield _json_row(number, line)


READERS: dict[str, Callable[[Questions], Iterator[Row]]] = {"jsonl": read_jsonl, "txt": read_txt}
_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".txt": "txt", ".text": "txt", "": "txt"}
_MAGIC = (
    (b"PK\x03\x04", "a zip file, such as an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Office file, such as .xls"),
    (b"%PDF", "a PDF file"),
    (b"\x1f\x8b", "a gzip file"),
)


def _format(path: Path, head: bytes) -> str:
    kinds = [kind for magic, kind in _MAGIC if head.startswith(magic)]
    if not kinds and b"\0" in head and not (_bom(head) or "").startswith(_WIDE):
        kinds = ["binary, or UTF-16 without a byte order mark"]
    if kinds:
        raise InputError("UNSUPPORTED_FORMAT", f"{path} is {kinds[0]}; questions are read from .jsonl and .txt files.")
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(
            "UNSUPPORTED_FORMAT", f"{path}: questions are read from .jsonl and .txt files, not from {suffix}."
        )
    return _SUFFIXES[suffix]


def _encoding(file: BinaryIO, head: bytes) -> tuple[str, int]:
    """The encoding that most lines are in, and the number of lines.

    A byte order mark decides; else UTF-8, then GB18030. Lines are counted rather than the file tried as a whole, since
    one damaged line in a UTF-8 file mustn't turn all others to mojibake.
    """
    bom = _bom(head)
    lines, wide, utf8, gb18030 = 0, 0, 0, 0
    ended = True
    while line := file.readline(LINE_CHARS):
        lines += ended
        ended = line.endswith(b"\n")
        if bom is None and not line.isascii():
            wide += 1
            utf8 += _decodes(line, "utf-8")
            gb18030 += _decodes(line, "gb18030")
    return bom or ("gb18030" if gb18030 > utf8 and utf8 * 2 < wide else "utf-8"), lines


_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before utf-16, whose mark its own begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE = ("utf-16", "utf-32")


def _bom(head: bytes) -> str | None:
    return next((encoding for mark, encoding in _BOMS if head.startswith(mark)), None)


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _checked(questions: Questions) -> str:
    """The format by content: what the first line that isn't blank shows."""
    first = next((line for _, line in questions.text() if isinstance(line, InputError) or line.strip()), None)
    if first is None:
        raise InputError("BATCH_EMPTY", f"{questions.path} holds no question.")
    if isinstance(first, InputError):
        return questions.format
    first = first.strip()
    if questions.format == "jsonl" and (first[0] == "[" or first == "{"):
        raise InputError(
            "BATCH_NOT_JSONL",
            f"{questions.path} is one JSON text over several lines; write one object a line, as `jq -c '.[]'` does.",
        )
    if questions.format == "txt":
        if first.startswith('{"'):
            return "jsonl"
        for mark in "\t,;":
            if len(cells := first.split(mark)) > 1 and QUESTION_COLUMNS & {
                cell.strip(' "').casefold() for cell in cells
            }:
                raise InputError(
                    "UNSUPPORTED_FORMAT",
                    f"{questions.path} is a table with the columns {', '.join(cells)}; "
                    "save its questions one a line, or as .jsonl.",
                )
    return questions.format


def _skip_rest(file: TextIO) -> None:
    while (part := file.readline(LINE_CHARS)) and not part.endswith("\n"):
        pass


def _encodable(text: str) -> bool:
    """No lone surrogates: neither undecodable bytes nor half a character written as an escape."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Number(str):
    """A JSON number as its characters: an id such as 1e10 or 007… mustn't change."""

    __slots__ = ()


class _DuplicateKeyError(ValueError):
    pass


def _number(literal: str) -> _Number:
    if len(literal) > 4300 or math.isinf(float(literal)):  # Python's own limit for digits
        raise ValueError(f"the number {literal[:20]}… is too large")
    return _Number(literal)


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise _DuplicateKeyError(twice)
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_number, parse_float=_number, parse_constant=_constant)


def _json_row(number: int, line: str) -> Row:
    try:
        value = _json(number, line)
    except InputError as error:
        return Row(number, str(number), error=error)
    given, question, history = value.get("id"), value.get("question"), value.get("history")
    id_ = given if isinstance(given, str) and given and _encodable(given) else str(number)
    if fault := _row_error(number, given, question, history):
        return Row(number, id_, question if _is_text(question) and _encodable(question) else "", error=fault)
    try:
        filters = Filters.read(_counted(value.get("filters")))
    except FilterError as error:
        fault = InputError(error.code, f"Line {number}: {error.message}", error.field)
        return Row(number, id_, cast("str", question), error=fault)
    return Row(number, id_, cast("str", question), tuple(cast("list[str]", history or [])), filters)


def _row_error(number: int, given: object, question: object, history: object) -> InputError | None:
    if question is None:
        return InputError("ROW_NO_QUESTION", f"Line {number} has no question.", field="question")
    if not _is_text(question):
        return InputError("ROW_FIELD_TYPE", f"Line {number}: question isn't a text.", field="question")
    if history is not None and not (isinstance(history, list) and all(map(_is_text, history))):
        return InputError("ROW_FIELD_TYPE", f"Line {number}: history isn't a list of questions.", field="history")
    if given is not None and not isinstance(given, str):
        return InputError("ROW_FIELD_TYPE", f"Line {number}: id is neither a text nor a number.", field="id")
    if not all(map(_encodable, [given or "", question, *(history or [])])):
        return InputError("ROW_ENCODING", f"Line {number} holds half of a character (a lone surrogate).")
    return None


def _counted(value: object) -> object:
    """The value with its numbers, which rows keep as their characters, as numbers."""
    if isinstance(value, dict):
        return {key: _counted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_counted(item) for item in value]
    if isinstance(value, _Number):
        return int(value) if value.lstrip("-").isdecimal() else float(value)
    return value


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and not isinstance(value, _Number)


def _json(number: int, line: str) -> dict[str, object]:
    """The object that the line holds, by strict JSON.

    Raises:
        InputError: JSON_INVALID, JSON_DUPLICATE_KEY, JSON_TOO_DEEP, ROW_NOT_OBJECT.
    """
    too_deep = InputError("JSON_TOO_DEEP", f"Line {number} is nested deeper than {JSON_DEPTH} levels.")
    try:
        value = _DECODER.decode(line)
    except RecursionError as error:
        raise too_deep from error
    except _DuplicateKeyError as error:
        raise InputError("JSON_DUPLICATE_KEY", f"Line {number} has the key {error.args[0]!r} twice.") from error
    except json.JSONDecodeError as error:
        raise InputError("JSON_INVALID", f"Line {number}, column {error.colno}: {error.msg}.") from error
    except ValueError as error:
        raise InputError("JSON_INVALID", f"Line {number}: {error}.") from error
    level, depth = [value], 0
    while containers := [item for item in level if isinstance(item, (dict, list))]:
        depth += 1
        if depth > JSON_DEPTH:
            raise too_deep
        level = [child for item in containers for child in (item.values() if isinstance(item, dict) else item)]
    if not isinstance(value, dict):
        raise InputError("ROW_NOT_OBJECT", f"Line {number} is no JSON object with a question.")
    return value


# Answering


def answers(asker: Asker, rows: Iterable[Row]) -> Iterator[Record]:
    """A record for each row, in order; equal questions of a chunk are answered once."""
    remaining = iter(rows)
    while chunk := list(islice(remaining, CHUNK)):
        refusals = [_refusal(asker, row) for row in chunk]
        questions = [
            None if row.blank or refusal else _question(row) for row, refusal in zip(chunk, refusals, strict=True)
        ]
        wanted = list(dict.fromkeys(filter(None, questions)))
        found = dict(zip(wanted, asker.ask_many(wanted), strict=True)) if wanted else {}
        for row, refusal, question in zip(chunk, refusals, questions, strict=True):
            if question:
                yield {**found[question], "id": row.id}
            elif refusal:
                error = {"code": refusal.code, "message": refusal.message, "line": row.line}
                yield {"id": row.id, "question": row.question, "status": "error", "error": error, "passages": []}
            else:
                yield {"id": row.id, "question": row.question, "status": "skipped", "passages": []}


def _question(row: Row) -> Question:
    return Question(row.question, history=row.history, filters=row.filters)


def _refusal(asker: Asker, row: Row) -> WenbaoError | None:
    """Why the row can't be asked, if so."""
    if row.asks:
        try:
            asker.check(row.question)
        except QuestionError as error:
            return QuestionError(error.code, f"Line {row.line}: {error.message}", error.field)
    return row.error


class _Tally:
    """Counts records by status, and keeps the first errors for the summary."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.problems: list[tuple[str, str]] = []

    @property
    def rows(self) -> int:
        return self.statuses.total()

    def add(self, record: Mapping[str, Any]) -> None:
        self.statuses[str(record["status"])] += 1
        if record["status"] == "error" and len(self.problems) < PROBLEMS:
            error = record["error"]
            self.problems.append((error["code"], error["message"]))


class _Ids:
    """Passes rows on and notes ids that stand on several rows. Holds hashes, not ids: 1,000,000 take about 100 MB."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._repeated: Counter[str] = Counter()

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            key = hash(row.id)
            if key in self._seen:
                self._repeated[row.id] += 1
            self._seen.add(key)
            yield row

    def warnings(self) -> tuple[tuple[str, str], ...]:
        return tuple(
            ("DUPLICATE_ID", f"Id {id_!r} stands on {times + 1} rows; all are answered.")
            for id_, times in self._repeated.items()
        )


# Writing

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def default_out(path: Path, format_: str) -> Path:
    """Where answers go when nobody says: ``dev.jsonl`` is answered in ``dev.answers.jsonl`` beside it."""
    return path.with_suffix(f".answers.{format_}")


def run(
    asker: Asker,
    questions: Questions,
    out: Path | BinaryIO,
    *,
    overwrite: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
) -> BatchReport:
    """Answer all rows into ``out``, a file that appears when it is whole, or a stream (which can't be resumed).

    Raises:
        UsageError: OUTPUT_IS_INPUT, OUTPUT_EXISTS, OUTPUT_FOLDER, RESUME_MISMATCH.
        StoreError: DISK_FULL, OUTPUT_FAILED, BATCH_RUNNING; ``OUT.part`` keeps the rows that were done.
    """
    ids, tally = _Ids(), _Tally()
    rows = ids.watch(questions)
    resumed = 0
    if not isinstance(out, Path):
        _write(asker, rows, out, tally, durable=False, total=questions.lines, progress=progress)
    else:
        part = check_out(questions.path, out, overwrite=overwrite, resume=resume)
        try:
            if resume and out.exists() and not part.exists():
                _finished(out, rows, tally)
                resumed = tally.rows
            else:
                with _opened(part, overwrite=overwrite) as file:
                    file.truncate(_kept(file, rows, tally))
                    resumed = tally.rows
                    _write(asker, rows, file, tally, durable=True, total=questions.lines, progress=progress)
                part.replace(out)
                sync(out.parent)
        except OSError as error:
            if error.errno in _FULL:
                message = (
                    f"The disk of {out} is full; {part.name} keeps what is done: make room and run again with --resume."
                )
                raise StoreError("DISK_FULL", message) from error
            raise StoreError("OUTPUT_FAILED", f"{part} can't be written: {error.strerror}.") from error
    return BatchReport(
        out=str(out) if isinstance(out, Path) else "-",
        format=questions.format,
        encoding=questions.encoding.removesuffix("-sig"),
        statuses=dict(tally.statuses),
        resumed=resumed,
        problems=tuple(tally.problems),
        warnings=ids.warnings(),
    )


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


def _opened(path: Path, *, overwrite: bool) -> BinaryIO:
    """The file, made when absent, locked against a second run until it is closed."""
    file = path.open("a+b")
    file.seek(0)
    if sys.platform != "win32":  # which itself keeps a file that is open from being renamed
        import fcntl  # noqa: PLC0415 (absent there)

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise StoreError(
                "BATCH_RUNNING", f"Another run is writing {path}; wait for it, or name another output."
            ) from error
    if overwrite:
        file.truncate(0)
    return file


def _finished(out: Path, rows: Iterator[Row], tally: _Tally) -> None:
    """Tally a whole answer file of these rows: nothing is left to resume."""
    with out.open("rb") as file:
        end = _kept(file, rows, tally)
    if end != out.stat().st_size or next(rows, None):
        raise UsageError(
            "OUTPUT_EXISTS",
            f"{out} isn't the whole answer to these questions; name another output, or begin anew with --overwrite.",
        )


def _kept(file: BinaryIO, rows: Iterator[Row], tally: _Tally) -> int:
    """Tally the whole answers that the file holds and take their rows off ``rows``; where the last of them ends."""
    end = 0
    for line in file:
        record = _whole(line)
        if record is None:
            break
        row = next(rows, None)
        if row is None or (record.get("id"), record.get("question")) != (row.id, row.question):
            raise UsageError(
                "RESUME_MISMATCH",
                f"Line {tally.rows + 1} of {file.name} answers another question than the input's row; "
                "begin anew with --overwrite.",
            )
        tally.add(record)
        end += len(line)
    return end


def _whole(line: bytes) -> dict[str, object] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "status" in record else None


def _write(
    asker: Asker,
    rows: Iterator[Row],
    file: BinaryIO,
    tally: _Tally,
    *,
    durable: bool,
    total: int,
    progress: Progress | None,
) -> None:
    lines = answers(asker, rows)
    while chunk := list(islice(lines, CHUNK)):
        file.write("".join(record_json(record) + "\n" for record in chunk).encode())
        file.flush()
        if durable:
            os.fsync(file.fileno())
        for record in chunk:
            tally.add(record)
        if progress:
            progress("answering", tally.rows, max(total, tally.rows))
