"""When the passages of an answer are from: a line with a dot for each, as inline SVG. Values in, ``Markup`` out."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from qa.filters import days
from qa.web.words import Words

WIDTH, HEIGHT = 320, 46
EDGE = 14
"""Room at both ends of the line."""
DOT = 9
"""Radius of a dot, which holds its passage's rank."""


def timeline(dated: Sequence[tuple[int, str]], words: Words) -> Markup:
    """The line of (rank, date) pairs, dates as in ``qa.filters.days``; nothing unless there are two different days.

    Dots that would cover each other stand side by side: the line shows the order and the distances, not the day.
    """
    first_days = {rank: days(date)[0] for rank, date in dated}
    if len(set(first_days.values())) < 2:
        return Markup("")
    earliest, latest = min(first_days.values()), max(first_days.values())
    span = (latest - earliest).days
    last = float("-inf")
    dots = []
    for rank, date in sorted(dated, key=lambda pair: (first_days[pair[0]], pair[0])):
        place = EDGE + (WIDTH - 2 * EDGE) * (first_days[rank] - earliest).days / span
        last = max(place, last + 2 * DOT + 1)
        dots.append((round(last, 1), rank, date))
    over = max(0.0, dots[-1][0] - (WIDTH - EDGE))  # what was pushed over the end pushes the others back
    for at in range(len(dots) - 1, -1, -1):
        most = WIDTH - EDGE - (len(dots) - 1 - at) * (2 * DOT + 1) if over else dots[at][0]
        dots[at] = (round(min(dots[at][0], most), 1), *dots[at][1:])
    drawn = Markup("").join(
        Markup(
            '<g class="wb-dot"><title>{}</title><circle cx="{}" cy="14" r="{}"></circle>'
            '<text x="{}" y="18" text-anchor="middle">{}</text></g>'
        ).format(f"{rank} · {date}", place, DOT, place, rank)
        for place, rank, date in dots
    )
    return Markup(
        '<svg class="wb-timeline" width="{}" height="{}"><title>{}</title>'
        '<line x1="{}" x2="{}" y1="14" y2="14"></line>{}'
        '<text x="0" y="42">{}</text><text x="{}" y="42" text-anchor="end">{}</text></svg>'
    ).format(
        WIDTH,
        HEIGHT,
        words.timeline,
        EDGE,
        WIDTH - EDGE,
        drawn,
        earliest.isoformat(),
        WIDTH,
        latest.isoformat(),
    )
