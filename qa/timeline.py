"""When a question's hits were printed: how many of them each month has. A function of values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MONTH_CHARS = len("2020-03")


@dataclass(frozen=True, slots=True)
class Month:
    """How many hits a month has. ``month`` is ``2020-03``; ``2020`` for articles of which only the year is known."""

    month: str | None
    """None stands for articles without a date."""
    articles: int
    passages: int


def timeline(hits: Iterable[tuple[int, str | None]]) -> list[Month]:
    """The months of the hits, earliest first and those without a date last; months without a hit are left out.

    A hit is its article's id and date, as in ``qa.filters.days``; a year stands before its months.
    """
    found: dict[str | None, list[int]] = {}
    for article, when in hits:
        found.setdefault(when and when[:MONTH_CHARS], []).append(article)
    months = sorted(found, key=lambda month: (month is None, month or ""))
    return [Month(month, len(set(found[month])), len(found[month])) for month in months]
