"""The table of results: the input's columns as they were, then what was answered, then room for a reviewer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import regex  # type: ignore[import-untyped]  # no stubs among the development tools

from qa.answer import Record
from qa.batch.fault_words import FAULTS
from qa.batch.reading import Questions
from qa.batch.reading.columns import role_of
from qa.batch.values import EMPTY, Cell, Row, Value, cell_text
from qa.batch.wording import EN, MARK, ZH, Wording, own_columns

MAX_KEYS = 200
"""Keys of JSON Lines that become columns; more are left out."""
CLAIMING = frozenset({"answered", "possible"})
"""Statuses whose first passage is shown as the source."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the result. ``carried`` says that it is the input's, by ``key`` in the row's cells."""

    key: str
    name: str
    carried: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a result, in its language."""

    words: Wording
    columns: tuple[Column, ...]
    link_base: str = ""
    """The server's address, before the path of an article's page; without one there are no links."""

    def printed(self) -> int:
        """The columns that a page has room for: up to the reviewer's, less the input's further ones."""
        roles = {"verdict", "comment"}
        places = [i for i, c in enumerate(self.columns, 1) if (role_of(c.name) if c.carried else c.key) in roles]
        return max(places, default=len(self.columns))

    def names(self) -> list[str]:
        """The header."""
        return [column.name for column in self.columns]


@dataclass(frozen=True, slots=True)
class Done:
    """An answered row as results show it."""

    row: Row
    record: Record
    beside: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    score: Mapping[str, Cell] = field(default_factory=lambda: EMPTY)


def language(questions: Questions, wanted: str | None = None) -> Wording:
    """The words of the result: the wanted ones, else those of the question column's name, else of the questions."""
    if wanted:
        return ZH if wanted == "zh" else EN
    if questions.format == "jsonl":
        return EN
    told = "".join(questions.columns.named("question")) if questions.columns.header else ""
    if not told:
        told = next((row.question for row in questions if row.question), "")
    return ZH if regex.search(r"\p{Han}", told) and not regex.search(r"\p{Hiragana}|\p{Katakana}", told) else EN


def layout(questions: Questions, words: Wording, *, link_base: str = "", scored: bool = False) -> Layout:
    """The columns: what was asked, with its gold answer; what was answered; the reviewer's; the input's further ones.

    What an earlier result of ours added to the input is left out.
    """
    names = _input_names(questions)
    ours = own_columns(names) if questions.columns.header else frozenset()
    carried = [Column(name, name, carried=True) for i, name in enumerate(names) if i not in ours]
    taken = {column.name for column in carried}

    def place(role: str) -> list[Column]:
        found = [column for column in carried if _is(questions, column.name, role)]
        own = words.review_columns.get(role) or (words.passage_columns[role] if role in {"id", "question"} else None)
        return found or ([Column(role, _free(own, taken))] if own else [])

    asked = [column for role in ("id", "question", "history", "answer") for column in place(role)]
    own = {**words.score_columns, **words.columns} if scored else words.columns
    told = [Column(key, _free(name, taken)) for key, name in own.items() if key != "link" or link_base]
    review = [column for role in words.review_columns for column in place(role)]
    at = 1 + next(i for i, column in enumerate(told) if column.key == "error")
    placed = [*asked, *told[:at], *review, *told[at:]]
    return Layout(words, (*placed, *(column for column in carried if column not in placed)), link_base)


def _is(questions: Questions, name: str, role: str) -> bool:
    if questions.columns.names:
        return name in questions.columns.named(role)
    return name in questions.options.columns.get(role, ()) or (name == role or role_of(name) == role)


def _free(name: str, taken: set[str]) -> str:
    return name + MARK if name in taken else name


def _input_names(questions: Questions) -> Sequence[str]:
    """The names of the input's columns; of JSON Lines every key that occurs, id and question first."""
    if questions.format == "txt":
        return ()
    if questions.format != "jsonl":
        return questions.columns.names
    found: dict[str, None] = {}
    for row in questions:
        if len(found) < MAX_KEYS:
            found |= dict.fromkeys(row.cells)
    first = [name for name in ("id", "question", "history") if name in found]
    return [*first, *(name for name in found if name not in first)][:MAX_KEYS]


def cells(done: Done, layout: Layout) -> list[Cell]:
    """The cells of a row, in the order of the layout's columns."""
    own = answer_cells(done, layout)
    return [
        _cell(done.row.cells.get(column.key)) if column.carried else own.get(column.key) for column in layout.columns
    ]


def _cell(value: Value) -> Cell:
    return json.dumps(value, ensure_ascii=False, default=cell_text) if isinstance(value, list | dict) else value


def answer_cells(done: Done, layout: Layout) -> dict[str, Cell]:
    """What was answered, by the keys of ``Wording.columns``."""
    record, status = done.record, str(done.record["status"])
    found: dict[str, Cell] = {
        "id": record["id"],
        "question": record["question"],
        "status": layout.words.statuses.get(status, status),
        **done.score,
    }
    if error := record.get("error"):
        return found | {"error": f"{error['code']}: {FAULTS[layout.words.tag].get(error['code'], error['message'])}"}
    if status == "skipped":
        return found | {"id": None, "question": None}
    found |= {
        "answer": record.get("answer"),
        "confidence": record.get("confidence"),
        "trace_id": record.get("trace_id"),
        "searched_as": record["searched_as"] if record.get("searched_as") != record["question"] else None,
    }
    if status in CLAIMING and record["passages"]:
        first = record["passages"][0]
        found |= {"sentence": done.beside.get("sentence"), "runner_up": done.beside.get("runner_up")}
        found |= place_cells(first, layout)
    return found


def place_cells(passage: Mapping[str, Any], layout: Layout) -> dict[str, Cell]:
    """Where a passage stands; its place is that of the marked sentence."""
    source = passage["source"]
    start, end = sentence_place(passage)
    return {
        "headline": source["article"],
        "section": source["section"],
        "file": source["file"],
        "place": f"{start}-{end}",
        "link": link(layout.link_base, passage),
    }


def sentence_place(passage: Mapping[str, Any]) -> tuple[int, int]:
    """The span of the marked sentence in the original, or of the passage where none is marked."""
    marks = passage["highlights"] or [passage["source"]]
    return marks[0]["start"], marks[-1]["end"]


def link(base: str, passage: Mapping[str, Any]) -> str | None:
    """The address of the article's page at the marked sentence, in which the answer is marked more."""
    if not base:
        return None
    query = [pair for mark in passage["highlights"] for pair in (("start", mark["start"]), ("end", mark["end"]))]
    if answer := passage.get("answer_span"):
        query.append(("answer", f"{answer['start']}-{answer['end']}"))
    place = f"?{urlencode(query)}#mark" if query else ""
    return f"{base}/articles/{passage['source']['article_id']}{place}"
