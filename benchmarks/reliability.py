"""Calibration: does a probability of 0.8 mean right in 80 of 100 cases? Figures, and the diagram as an SVG picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of about one confidence."""

    low: float
    high: float
    count: int
    confidence: float
    """Their mean confidence."""
    right: float
    """The share of them that is right."""


def bins(confidences: Sequence[float], right: Sequence[bool], number: int = 10) -> list[Bin]:
    """Bins of equal width, empty ones left out."""
    confidence, truth = np.array(confidences), np.array(right, dtype=float)
    which = np.minimum((confidence * number).astype(int), number - 1)
    return [
        Bin(i / number, (i + 1) / number, int(here.sum()), float(confidence[here].mean()), float(truth[here].mean()))
        for i in range(number)
        if (here := which == i).any()
    ]


def calibration_error(found: Sequence[Bin]) -> float:
    """Expected calibration error: mean |confidence − share right|, weighted by count (Guo et al. 2017)."""
    total = sum(one.count for one in found)
    return sum(one.count * abs(one.confidence - one.right) for one in found) / total if total else 0.0


SIDE, EDGE = 400, 48
"""Of the picture, in pixels."""


def _x(value: float) -> float:
    return round(EDGE + value * SIDE, 1)


def _y(value: float) -> float:
    return round(EDGE + (1 - value) * SIDE, 1)


def draw(found: Sequence[Bin], title: str) -> str:
    """The reliability diagram as SVG: a bar for each bin, as high as the share right, as wide as the bin is full."""
    size, most = SIDE + 2 * EDGE, max((one.count for one in found), default=1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" font-family="sans-serif" font-size="12">',
        f'<rect width="{size}" height="{size}" fill="#fff"/><text x="{EDGE}" y="28" font-size="14">{title}</text>',
    ]
    for tick in (0, 0.2, 0.4, 0.6, 0.8, 1):
        parts.append(f'<line x1="{_x(0)}" x2="{_x(1)}" y1="{_y(tick)}" y2="{_y(tick)}" stroke="#ddd"/>')
        parts.append(f'<text x="{EDGE - 8}" y="{_y(tick) + 4}" text-anchor="end">{tick:g}</text>')
        parts.append(f'<text x="{_x(tick)}" y="{_y(0) + 18}" text-anchor="middle">{tick:g}</text>')
    for one in found:
        width = (one.high - one.low) * SIDE * (one.count / most) ** 0.5
        box = f'x="{_x(one.confidence) - width / 2:.1f}" y="{_y(one.right)}" width="{width:.1f}"'
        parts.append(f'<rect {box} height="{one.right * SIDE:.1f}" fill="#2f6f9f" fill-opacity="0.75"/>')
    parts.append(f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" stroke="#c0392b" stroke-dasharray="5 4"/>')
    parts.append(f'<text x="{_x(0.5)}" y="{_y(0) + 38}" text-anchor="middle">confidence</text>')
    turned = f'transform="translate(14 {_y(0.5)}) rotate(-90)" text-anchor="middle"'
    parts.append(f"<text {turned}>share right</text></svg>")
    return "\n".join(parts) + "\n"
