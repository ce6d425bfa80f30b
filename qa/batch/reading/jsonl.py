"""JSON Lines → rows: an object a line, by strict JSON, each line refused on its own."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeGuard, cast

from qa.batch.reading.columns import role_of
from qa.batch.reading.text import Line, encodable
from qa.batch.values import Row
from qa.errors import InputError
from qa.filters import FilterError, Filters

JSON_DEPTH = 32
"""Deepest nesting of a JSON row: a question row has two levels, gold rows three."""


def read_jsonl(numbered: Iterator[Line], keys: Mapping[str, str]) -> Iterator[Row]:
    """An object a line: question, and where given id, history, filters; other keys are carried along.

    ``keys`` are the owner's names of these three; else they are found by name, as a table's columns are.
    """
    for number, line in numbered:
        if isinstance(line, InputError):
            yield Row(number, str(number), error=line)
        elif not line.strip():
            yield Row(number, str(number), blank=True)
        else:
            yield _json_row(number, line.rstrip("\r\n"), keys)


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


def _json_row(number: int, line: str, keys: Mapping[str, str]) -> Row:
    try:
        value = _json(number, line)
    except InputError as error:
        return Row(number, str(number), error=error)
    given, question, history = (value.get(_key(value, role, keys)) for role in ("id", "question", "history"))
    id_ = given if isinstance(given, str) and given and encodable(given) else str(number)
    cells = {name: _plain(cell) for name, cell in value.items()}
    if fault := _row_error(number, given, question, history):
        shown = question if _is_text(question) and encodable(question) else ""
        return Row(number, id_, shown, error=fault, cells=cells)
    try:
        filters = Filters.read(cells.get("filters"))
    except FilterError as error:
        fault = InputError(error.code, f"Line {number}: {error.message}", error.field)
        return Row(number, id_, cast("str", question), error=fault, cells=cells)
    return Row(number, id_, cast("str", question), tuple(cast("list[str]", history or [])), filters, cells=cells)


def _key(value: Mapping[str, object], role: str, keys: Mapping[str, str]) -> str:
    """The key of a role. Names other than the contract's count only in objects that have no ``question``."""
    if role in keys or "question" in value:
        return keys.get(role, role)
    return next((name for name in value if role_of(name) == role), role)


def _plain(value: object) -> Any:
    """The value with its numbers as numbers, or as their characters where a number would lose some."""
    if isinstance(value, _Number):
        for kind in (int, float):
            try:
                number = kind(value)
            except ValueError:
                continue
            if repr(number) == value:
                return number
        return str(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _row_error(number: int, given: object, question: object, history: object) -> InputError | None:
    if question is None:
        return InputError("ROW_NO_QUESTION", f"Line {number} has no question.", field="question")
    if not _is_text(question):
        return InputError("ROW_FIELD_TYPE", f"Line {number}: question isn't a text.", field="question")
    if history is not None and not (isinstance(history, list) and all(map(_is_text, history))):
        return InputError("ROW_FIELD_TYPE", f"Line {number}: history isn't a list of questions.", field="history")
    if given is not None and not isinstance(given, str):
        return InputError("ROW_FIELD_TYPE", f"Line {number}: id is neither a text nor a number.", field="id")
    if not all(map(encodable, [given or "", question, *(history or [])])):
        return InputError("ROW_ENCODING", f"Line {number} holds half of a character (a lone surrogate).")
    return None


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
