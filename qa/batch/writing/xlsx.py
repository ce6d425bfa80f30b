"""Results as a workbook: answers; all passages; measures, when there are any; the settings that answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, BinaryIO

from qa.batch.reading.columns import role_of
from qa.batch.scoring.report import Scores
from qa.batch.values import Cell
from qa.batch.wording import Wording
from qa.batch.writing.neutral import cut
from qa.batch.writing.spreadsheet import Heading, SheetPlan, Styled, write_workbook
from qa.batch.writing.table import Column, Done, Layout, cells, link

SHEET_ROWS = 1_048_576
"""Rows of a sheet, the header among them; more passages go to a further sheet."""
_WIDTHS = {
    "id": 10, "question": 32, "history": 26, "status": 11, "answer": 22, "confidence": 11, "sentence": 44,
    "headline": 24, "section": 20, "file": 18, "place": 11, "link": 7, "runner_up": 44, "searched_as": 26,
    "trace_id": 34, "error": 24, "right": 8, "f1": 8, "rank": 8, "verdict": 8, "comment": 22, "score": 8, "start": 8,
    "end": 8, "text": 80, "terms": 22, "lexical_rank": 8, "dense_rank": 8,
}  # fmt: skip
_PLAIN = frozenset({"id", "place", "trace_id", "runner_up", "searched_as"})
_STATUS_STYLES = {"answered": "good", "possible": "fair", "not_found": "none", "error": "bad", "skipped": "plain"}


def write(
    out: BinaryIO,
    layout: Layout,
    rows: Callable[[], Iterable[Done]],
    settings: Sequence[tuple[str, Cell]],
    scores: Scores | None = None,
) -> None:
    """Write the workbook. ``rows`` is read once for each sheet of them."""
    words = layout.words
    answers = SheetPlan(
        words.sheets["answers"],
        [_heading(column, layout) for column in layout.columns],
        (_answer(done, layout) for done in rows()),
        printed=layout.printed(),
    )
    passages = [Heading(name, _WIDTHS[key], "share" if key == "score" else "plain" if key in _PLAIN else "text")
                for key, name in words.passage_columns.items() if key != "link" or layout.link_base]  # fmt: skip
    keys = [key for key in words.passage_columns if key != "link" or layout.link_base]
    found = (passage for done in rows() for passage in _passages(done, layout, keys))
    measured = [_measured(scores, words)] if scores else []
    about = SheetPlan(
        words.sheets["settings"],
        [Heading(words.setting, 26), Heading(words.value, 70, "plain")],
        settings,
        filtered=False,
    )
    write_workbook(out, chain([answers], measured, _split(words.sheets["passages"], passages, found), [about]))


def _measured(scores: Scores, words: Wording) -> SheetPlan:
    """Measures of all rows with their intervals, then of each category; then what changed since an earlier run."""
    told = words.report
    rows: list[list[Cell]] = [["", words.measures[name], one.value, one.low, one.high, one.rows]
                              for name, one in scores.measures.items()]  # fmt: skip
    for column, values in scores.categories.items():
        for value, measures in values.items():
            rows += [[f"{column}: {value}", words.measures[name], one.value, None, None, one.rows]
                     for name, one in measures.items()]  # fmt: skip
    if compared := scores.compared:
        rows += [[told["compared"].format(rows=compared.rows), words.measures[name], -drop, None, None, None]
                 for name, drop in compared.drops.items()]  # fmt: skip
        rows += [[told[kind].format(rows=compared.counts[kind]), flip.question, flip.before, flip.now, flip.id, None]
                 for kind, flips in (("lost", compared.lost), ("won", compared.won), ("changed", compared.changed))
                 for flip in flips]  # fmt: skip
    headings = [Heading("", 30), Heading(told["measure"], 34), Heading(words.value, 14, "share"),
                Heading("2.5 %", 14, "share"), Heading("97.5 %", 10, "share"), Heading("n", 8, "plain")]  # fmt: skip
    return SheetPlan(words.sheets["scores"], headings, rows, filtered=False)


def _split(name: str, headings: Sequence[Heading], rows: Iterator[Sequence[Cell | Styled]]) -> Iterator[SheetPlan]:
    """The rows on as many sheets as they need; one at least."""
    first = True
    for row in chain(rows, [None]):
        if row is None and not first:
            return
        head = [row] if row is not None else []
        yield SheetPlan(name, headings, chain(head, islice(rows, SHEET_ROWS - 2)))
        first = False
        if row is None:
            return


def _heading(column: Column, layout: Layout) -> Heading:
    role = role_of(column.name) if column.carried else None
    key = role if role in {"id", "question", "history", "comment"} else column.key
    width = _WIDTHS.get(key, 16) if not column.carried or role in {"id", "question", "history", "comment"} else 16
    style = "share" if column.key in {"confidence", "f1"} and not column.carried else "text"
    style = "plain" if column.key in _PLAIN and not column.carried else style
    choices = layout.words.verdicts if column.key == "verdict" or role == "verdict" else ()
    return Heading(cut(column.name, layout.words), width, style, choices)


def _answer(done: Done, layout: Layout) -> list[Cell | Styled]:
    row: list[Cell | Styled] = []
    status = str(done.record["status"])
    for column, value in zip(layout.columns, cells(done, layout), strict=True):
        if column.carried or value is None:
            row.append(_fitting(value, layout))
        elif column.key == "status":
            row.append(Styled(value, _STATUS_STYLES.get(status, "plain")))
        elif column.key == "link":
            row.append(Styled(layout.words.open, "link", str(value)))
        else:
            row.append(_fitting(value, layout))
    return row


def _fitting(value: Cell, layout: Layout) -> Cell:
    return cut(value, layout.words) if isinstance(value, str) else value


def _passages(done: Done, layout: Layout, keys: Sequence[str]) -> Iterator[list[Cell | Styled]]:
    for passage in done.record["passages"]:
        yield [_passage_cell(key, done, passage, layout) for key in keys]


def _passage_cell(key: str, done: Done, passage: Mapping[str, Any], layout: Layout) -> Cell | Styled:
    source, why = passage["source"], passage["why"]
    match key:
        case "id" | "question":
            return _fitting(done.record[key], layout)
        case "headline":
            return _fitting(source["article"], layout)
        case "section" | "file" | "start" | "end":
            return _fitting(source[key], layout)
        case "terms":
            return _fitting("、".join(why["terms"]), layout)
        case "lexical_rank" | "dense_rank":
            return why[key]  # type: ignore[no-any-return]  # a record's ranks are numbers or None
        case "link":
            address = link(layout.link_base, passage)
            return Styled(layout.words.open, "link", address)
        case _:
            return _fitting(passage[key], layout)
