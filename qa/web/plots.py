"""Plots as SVG made here: bars for a page that runs no foreign script and draws for screen readers too.

Colours are classes of desk.css, since the page policy allows no inline style. Behind each plot stands its table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH = 360
HEIGHT = 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 6, 10, 34
_WIDEST = 48
"""Of a bar, so that a single day is no wall."""
_LABEL, _LABEL_GAP = 58, 6
"""Most room for a label below the bars, a date's, and what keeps two apart; where bars are narrower, some get none."""


@dataclass(frozen=True, slots=True)
class Series:
    """A value for each label; ``look`` is a class of desk.css: ``a``, ``good``, ``fair``, ``poor``, ``bad``."""

    name: str
    look: str
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Plot:
    """What a plot tells. ``key`` makes its ids unique on a page; ``labels`` name the bars, ``axis`` what they count."""

    key: str
    title: str
    description: str
    labels: Sequence[str]
    label_axis: str
    axis: str
    series: Sequence[Series]


def figure(plot: Plot, table_words: str) -> Markup:
    """The plot with its heading, its legend where there are several series, and its table, folded."""
    legend = Markup("")
    if len(plot.series) > 1:
        items = Markup("").join(
            Markup('<li><span class="swatch {}"></span>{}</li>').format(series.look, series.name)
            for series in plot.series
        )
        legend = Markup('<ul class="legend">{}</ul>').format(items)
    return Markup(
        '<figure class="plot"><figcaption>{}</figcaption>{}{}<details><summary>{}</summary>{}</details></figure>'
    ).format(plot.title, legend, svg(plot), table_words, table(plot))


def svg(plot: Plot) -> Markup:
    """The bars, series stacked on one another."""
    totals = [sum(column) for column in zip(*(series.values for series in plot.series), strict=True)]
    top, step = _scale(max(totals, default=0))
    width = (WIDTH - _LEFT - _RIGHT) / max(len(plot.labels), 1)
    gap = max(min(3.0, width * 0.2), width - _WIDEST)
    high = HEIGHT - _TOP - _BOTTOM

    def y(value: float) -> float:
        return round(_TOP + high * (1 - value / top), 2)

    parts = [
        Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="tick" x="{}" y="{}">{}</text>').format(
            _LEFT, WIDTH - _RIGHT, y(value), y(value), _LEFT - 4, y(value) + 3.5, value
        )
        for value in range(0, top + 1, step)
    ]
    for at, label in enumerate(plot.labels):
        below = 0
        for series in plot.series:
            value = series.values[at]
            if value:
                told = f"{label}: {value}" if len(plot.series) == 1 else f"{label}, {series.name}: {value}"
                parts.append(
                    Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
                        series.look,
                        round(_LEFT + at * width + gap / 2, 2),
                        y(below + value),
                        round(max(width - gap, 0.5), 2),
                        round(y(below) - y(below + value), 2),
                        told,
                    )
                )
            below += value
    longest = max((sum(map(_room, label)) for label in plot.labels), default=0)
    every = math.ceil((min(longest, _LABEL) + _LABEL_GAP) / width)
    parts += [
        Markup('<text class="label" x="{}" y="{}">{}</text>').format(
            round(_LEFT + (at + 0.5) * width, 2), HEIGHT - _BOTTOM + 13, _short(label, every * width - _LABEL_GAP)
        )
        for at, label in enumerate(plot.labels)
        if at % every == 0
    ]
    parts.append(
        Markup('<text class="label" x="{}" y="{}">{}</text>').format((_LEFT + WIDTH) / 2, HEIGHT - 5, plot.label_axis)
    )
    return Markup(
        '<svg viewBox="0 0 {0} {1}" role="img" aria-labelledby="{2}-title {2}-text">'
        '<title id="{2}-title">{3}</title><desc id="{2}-text">{4}</desc>{5}</svg>'
    ).format(WIDTH, HEIGHT, plot.key, plot.title, plot.description, Markup("").join(parts))


def table(plot: Plot) -> Markup:
    """The plot's numbers."""
    names = [series.name for series in plot.series] if len(plot.series) > 1 else [plot.axis]
    head = Markup("").join(Markup('<th scope="col" class="number">{}</th>').format(name) for name in names)
    rows = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            label,
            Markup("").join(Markup('<td class="number">{}</td>').format(series.values[at]) for series in plot.series),
        )
        for at, label in enumerate(plot.labels)
    )
    return Markup(
        '<div class="scroll" tabindex="0" role="group" aria-label="{}"><table><thead><tr><th scope="col">{}</th>{}</tr>'
        "</thead><tbody>{}</tbody></table></div>"
    ).format(plot.title, plot.label_axis, head, rows)


def _scale(most: int) -> tuple[int, int]:
    """Top of the axis and the step of its marks: 1, 2 or 5 times a power of ten, at most five of them."""
    step = 1
    while step * 5 < most:
        step = step * 5 // 2 if str(step).startswith("2") else step * 2
    return max(step, math.ceil(most / step) * step), step


def _room(char: str) -> float:
    """About as many units as a character takes: digits and capitals are the widest Latin ones that are common."""
    return 5.5 if char < "\u2e80" else 9.5


def _short(label: str, width: float) -> str:
    """As much of a label as has room."""
    room = width
    for at, char in enumerate(label):
        room -= _room(char)
        if room < 0:
            return label[: max(at - 1, 1)] + "…"
    return label
