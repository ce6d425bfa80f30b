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


def draw(found: Sequence[Bin], title: str) -> str:
    """The reliability diagram as SVG: a bar for each bin, its height the share right, on the line of perfect calibration."""
    side, edge = 400, 48
    x = lambda value: edge + value * side  # noqa: E731 (two scales, used once a line)
    y = lambda value: edge + (1 - value) * side  # noqa: E731
    most = max((one.count for one in found), default=1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side + 2 * edge} {side + 2 * edge}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#333">',
        f'<rect width="100%" height="100%" fill="#fff"/><text x="{edge}" y="28" font-size="14">{title}</text>',
    ]
    for tick in range(0, 11, 2):
        at = tick / 10
        parts.append(f'<line x1="{x(0)}" x2="{x(1)}" y1="{y(at):.0f}" y2="{y(at):.0f}" stroke="#ddd"/>')
        parts.append(f'<text x="{edge - 8}" y="{y(at) + 4:.0f}" text-anchor="end">{at:g}</text>')
        parts.append(f'<text x="{x(at):.0f}" y="{y(0) + 18:.0f}" text-anchor="middle">{at:g}</text>')
    for one in found:
        width = (one.high - one.low) * side * 0.86 * (one.count / most) ** 0.5
        parts.append(
            f'<rect x="{x(one.confidence) - width / 2:.1f}" y="{y(one.right):.1f}" width="{width:.1f}" '
            f'height="{one.right * side:.1f}" fill="#2f6f9f" fill-opacity="0.75"><title>{one.count} answers</title></rect>'
        )
    parts.append(f'<line x1="{x(0)}" y1="{y(0)}" x2="{x(1)}" y2="{y(1)}" stroke="#c0392b" stroke-dasharray="5 4"/>')
    parts.append(
        f'<text x="{x(0.5):.0f}" y="{y(0) + 38:.0f}" text-anchor="middle">confidence</text>'
        f'<text transform="translate(14 {y(0.5):.0f}) rotate(-90)" text-anchor="middle">share right</text></svg>'
    )
    return "\n".join(parts) + "\n"
