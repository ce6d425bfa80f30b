"""One answer against its gold: exact match, character F1, rank of the source. Functions of values.

F1 is SQuAD's (Rajpurkar et al. 2016) over units: a Chinese character, or a word or figure of another script, after
folding (width, case, Traditional to simplified). A figure that is held counts only as a whole number: 39 isn't in 139.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import regex  # type: ignore[import-untyped]  # no stubs among the development tools

from qa.answer import Record
from qa.batch.scoring.gold import Gold
from qa.text import fold

ROOM_CHARS = 40
"""Characters that an answer may have beyond the gold one that it holds; a paragraph would always hold it."""
_UNITS = regex.compile(r"\p{Han}|[\p{L}\p{N}--\p{Han}]+", flags=regex.V1)


@dataclass(frozen=True, slots=True)
class Score:
    """One row's scores; None for what its gold doesn't tell."""

    right: bool | None = None
    exact: float | None = None
    f1: float | None = None
    contains: float | None = None
    rank: int | None = None
    """Of the first passage of the right source."""
    sourced: bool = False
    """Whether the gold names a source, so that no rank is a miss."""
    refused: bool = False
    answerable: bool | None = None


def score(record: Record, gold: Gold) -> Score:
    """The scores of a record whose question was asked.

    ``right``: where nothing should be found, that nothing is; else that the answer holds an accepted one; without
    accepted answers, that no rejected one is given again, or that the first passage is of the right source.
    """
    refused = record["status"] == "not_found"
    answer = str(record.get("answer") or "")
    sourced = bool(gold.places or gold.headline)
    rank = next((p["rank"] for p in record["passages"] if is_source(p["source"], gold)), None) if sourced else None
    if gold.answerable is False:
        return Score(refused, rank=rank, sourced=False, refused=refused, answerable=False)
    exact_ = f1_ = held = None
    right: bool | None = None
    if gold.answers:
        exact_, f1_ = float(exact(answer, gold.answers)), f1(answer, gold.answers)
        held = float(contains(answer, gold.answers))
        right = bool(exact_ or held)
    elif gold.rejected:
        right = False if exact(answer, gold.rejected) else None
    elif gold.refusal_wrong:
        right = False if not answer else None
    elif sourced:
        right = rank == 1
    return Score(right, exact_, f1_, held, rank, sourced, refused, gold.answerable)


def is_source(source: Mapping[str, Any], gold: Gold) -> bool:
    """Whether a passage's source is the gold one: a place where one is named, else the article."""
    if gold.places:
        return any(place.holds(source) for place in gold.places)
    wanted = fold(gold.headline or "").text
    found = fold(str(source["article"] or "")).text
    return bool(wanted) and (wanted == found or str(source["article_id"]) == gold.headline)


def units(text: str) -> list[str]:
    """Characters of Chinese, and words of the rest; punctuation is left out."""
    found: list[str] = _UNITS.findall(fold(text).text)
    return found


def exact(answer: str, golds: Sequence[str]) -> bool:
    """Whether it is one of the accepted answers."""
    given = units(answer)
    return any(given == units(gold) for gold in golds)


def f1(answer: str, golds: Sequence[str]) -> float:
    """The best F1 with an accepted answer, 0 to 1."""
    return max((_f1(units(answer), units(gold)) for gold in golds), default=0.0)


def _f1(answer: list[str], gold: list[str]) -> float:
    common = (Counter(answer) & Counter(gold)).total()
    return 2 * common / (len(answer) + len(gold)) if common else 0.0


def contains(answer: str, golds: Sequence[str]) -> bool:
    """Whether it holds an accepted answer, and at most ROOM_CHARS more."""
    given = "".join(fold(answer).text.split())
    return any(_holds(given, "".join(fold(gold).text.split())) for gold in golds)


def _holds(given: str, gold: str) -> bool:
    low = r"(?<!\d)" if gold[:1].isdigit() else ""
    high = r"(?!\d)" if gold[-1:].isdigit() else ""
    return (
        bool(gold)
        and len(given) <= len(gold) + ROOM_CHARS
        and bool(regex.search(low + regex.escape(gold) + high, given))
    )
