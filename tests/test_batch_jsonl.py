"""Lines of JSON → rows: what is taken, and what is told of a line that is none, word for word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from qa.batch.reading.jsonl import read_jsonl
from qa.batch.values import Row
from qa.errors import InputError
from qa.filters import Filters


def row(line: str, keys: Mapping[str, str] | None = None) -> Row:
    """The row of a line that is the seventh of its file."""
    (found,) = read_jsonl(iter([(7, line)]), keys or {})
    return found


@pytest.mark.parametrize(
    ("line", "code", "message", "field"),
    [
        ('{"id": "a"}', "ROW_NO_QUESTION", "Line 7 has no question.", "question"),
        ('{"question": null}', "ROW_NO_QUESTION", "Line 7 has no question.", "question"),
        ('{"question": 12}', "ROW_FIELD_TYPE", "Line 7: question isn't a text.", "question"),
        ('{"question": ["a"]}', "ROW_FIELD_TYPE", "Line 7: question isn't a text.", "question"),
        (
            '{"question": "a", "history": "b"}',
            "ROW_FIELD_TYPE",
            "Line 7: history isn't a list of questions.",
            "history",
        ),
        (
            '{"question": "a", "history": [1]}',
            "ROW_FIELD_TYPE",
            "Line 7: history isn't a list of questions.",
            "history",
        ),
        ('{"question": "a", "id": true}', "ROW_FIELD_TYPE", "Line 7: id is neither a text nor a number.", "id"),
        ('{"question": "\\ud800"}', "ROW_ENCODING", "Line 7 holds half of a character (a lone surrogate).", None),
        ('{"question": "a", "question": "b"}', "JSON_DUPLICATE_KEY", "Line 7 has the key 'question' twice.", None),
        ('{"x": 1, "question": "a", "x": 2}', "JSON_DUPLICATE_KEY", "Line 7 has the key 'x' twice.", None),
        ('["a"]', "ROW_NOT_OBJECT", "Line 7 is no JSON object with a question.", None),
        ('{"question": "a"', "JSON_INVALID", "Line 7, column 17: Expecting ',' delimiter.", None),
        ('{"question": NaN}', "JSON_INVALID", "Line 7: NaN is no JSON value.", None),
        ('{"n": 1e999}', "JSON_INVALID", "Line 7: the number 1e999… is too large.", None),
        (f'{{"n": {"1" * 5000}}}', "JSON_INVALID", f"Line 7: the number {'1' * 20}… is too large.", None),
        ('{"x": ' + "[" * 32 + "]" * 32 + "}", "JSON_TOO_DEEP", "Line 7 is nested deeper than 32 levels.", None),
    ],
)
def test_a_bad_line_is_told_word_for_word(line: str, code: str, message: str, field: str | None) -> None:
    found = row(line)
    assert found.error is not None
    assert (found.error.code, found.error.message, found.error.field) == (code, message, field)
    assert (found.line, found.id, found.blank) == (7, "a" if '"id": "a"' in line else "7", False)


def test_a_bad_filter_is_told_with_its_line_and_the_rest_is_kept() -> None:
    found = row('{"id": "x", "question": "谁？", "filters": {"since": "soon"}, "note": [1, {"a": 2.50}]}')
    assert found.error is not None
    assert (found.error.code, found.error.field) == ("FILTER_INVALID", "filters.since")
    assert found.error.message.startswith("Line 7: filters.since: 'soon' is no day;")
    assert (found.id, found.question) == ("x", "谁？")
    assert found.cells["note"] == [1, {"a": "2.50"}]


@pytest.mark.parametrize(
    ("line", "keys", "wanted"),
    [
        ('{"question": "谁？"}', {}, ("7", "谁？", ())),
        ('{"id": "q1", "question": "谁？", "history": ["甲？", "乙？"]}\r\n', {}, ("q1", "谁？", ("甲？", "乙？"))),
        ('{"编号": "q1", "问题": "谁？"}', {}, ("q1", "谁？", ())),
        ('{"问题": "甲？", "question": "乙？"}', {}, ("7", "乙？", ())),
        ('{"frage": "wer?", "question": "who?"}', {"question": "frage"}, ("7", "wer?", ())),
        ('{"id": "", "question": "谁？", "history": null}', {}, ("7", "谁？", ())),
        ('{"id": 1e10, "question": "谁？"}', {}, ("1e10", "谁？", ())),
        ('{"id": 0.10, "question": "谁？"}', {}, ("0.10", "谁？", ())),
    ],
)
def test_a_line_gives_its_question(line: str, keys: Mapping[str, str], wanted: tuple[Any, ...]) -> None:
    found = row(line, keys)
    assert found.error is None
    assert (found.id, found.question, found.history) == wanted


def test_filters_and_further_keys_are_carried_with_their_types() -> None:
    found = row('{"question": "a", "filters": {"files": ["a.txt"]}, "n": 3, "x": 0.5, "big": 12345678901234567890.5}')
    assert found.filters == Filters.read({"files": ["a.txt"]})
    assert {key: found.cells[key] for key in ("n", "x", "big")} == {"n": 3, "x": 0.5, "big": "12345678901234567890.5"}


def test_blank_lines_and_lines_that_could_not_be_read_keep_their_numbers() -> None:
    fault = InputError("ROW_ENCODING", "Line 2 is no UTF-8.")
    first, second, third = read_jsonl(iter([(1, " \t\n"), (2, fault), (3, '{"question": "a"}')]), {})
    assert (first.line, first.id, first.blank, first.error) == (1, "1", True, None)
    assert (second.line, second.id, second.blank, second.error) == (2, "2", False, fault)
    assert (third.line, third.id, third.question) == (3, "3", "a")
