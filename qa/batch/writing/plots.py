"""Figures → inline SVG, drawn by hand: a report that is mailed needs no scripts, fonts or other files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH = 640
_BAR, _GAP, _LABEL = 22, 10, 170


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its label, its value of 0…1, what is written behind it, its colour's class, and an interval if any."""

    label: str
    value: float
    note: str
    kind: str = "bar"
    low: float | None = None
    high: float | None = None


def bars(title: str, values: Sequence[Bar]) -> Markup:
    """Horizontal bars on a scale of 0 to 1, with intervals as whiskers."""
    room = WIDTH - _LABEL - 110
    rows = []
    for i, bar in enumerate(values):
        top = _GAP + i * (_BAR + _GAP)
        middle = top + _BAR / 2
        rows.append(
            Markup(
                '<text class="label" x="{}" y="{}">{}</text><rect class="back" x="{}" y="{}" width="{}" height="{}"/>'
                '<rect class="{}" x="{}" y="{}" width="{:.1f}" height="{}"/>'
            ).format(
                _LABEL - 8,
                middle + 4,
                bar.label,
                _LABEL,
                top,
                room,
                _BAR,
                bar.kind,
                _LABEL,
                top,
                bar.value * room,
                _BAR,
            )
        )  # fmt: skip
        if bar.low is not None and bar.high is not None:
            low, high = (_LABEL + place * room for place in (bar.low, bar.high))
            rows.append(
                Markup('<path class="whisker" d="M{:.1f} {}H{:.1f}M{:.1f} {}v8M{:.1f} {}v8"/>').format(
                    low, middle, high, low, middle - 4, high, middle - 4
                )
            )
        rows.append(Markup('<text x="{}" y="{}">{}</text>').format(_LABEL + room + 8, middle + 4, bar.note))
    height = _GAP + len(values) * (_BAR + _GAP)
    return _figure(title, height, rows)


def histogram(title: str, counts: Sequence[int], labels: Sequence[str]) -> Markup:
    """Columns, one a bin, with their numbers on top."""
    height, foot, most = 180, 24, max(*counts, 1)
    step = (WIDTH - 20) / max(len(counts), 1)
    rows = []
    for i, (number, label) in enumerate(zip(counts, labels, strict=True)):
        tall = (height - foot - 24) * number / most
        left = 10 + i * step
        rows.append(
            Markup(
                '<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
                '<text class="middle" x="{:.1f}" y="{:.1f}">{}</text>'
                '<text class="middle small" x="{:.1f}" y="{}">{}</text>'
            ).format(
                left + 2, height - foot - tall, step - 4, tall, left + step / 2, height - foot - tall - 5,
                number or "", left + step / 2, height - 8, label,
            )
        )  # fmt: skip
    return _figure(title, height, rows)


def _figure(title: str, height: float, rows: Sequence[Markup]) -> Markup:
    return Markup(
        '<figure><figcaption>{}</figcaption><svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg></figure>'
    ).format(title, WIDTH, height, title, Markup("").join(rows))
