"""From what was timed to a table and a plot: medians over rounds, and ratios to the product's own."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

RED, BLUE = "#c0392b", "#2f6f9f"


@dataclass(slots=True)
class Timed:
    """All that was measured of one way of asking one peer."""

    name: str
    index_wall_s: list[float] = field(default_factory=list)
    index_cpu_s: list[float] = field(default_factory=list)
    asked: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    """By question, one for each round."""
    growth_bytes: int = 0
    private_bytes: int = 0
    """Growth that is the process's alone, without pages of mapped files."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Times in seconds and milliseconds; memory in MiB above the process before it indexed; measures in 0…1."""

    name: str
    index_s: float
    index_cpu_s: float
    p50_ms: float
    p99_ms: float
    cpu_p50_ms: float
    growth_mib: float
    private_mib: float
    questions: int
    recall_at_1: float
    recall_at_5: float
    mrr: float


def summary(timed: Timed, relevant: Sequence[Sequence[int]]) -> Summary:
    """Medians over rounds, percentiles over questions. ``relevant`` has the right rows of each question."""
    wall = sorted(1000 * statistics.median(turn["wall_s"] for turn in turns) for turns in timed.asked.values())
    processor = [1000 * statistics.median(turn["cpu_s"] for turn in turns) for turns in timed.asked.values()]
    ranks = [
        next((rank for rank, row in enumerate(turns[-1]["rows"], 1) if row in relevant[number]), 0)
        for number, turns in timed.asked.items()
    ]
    return Summary(
        timed.name,
        statistics.median(timed.index_wall_s),
        statistics.median(timed.index_cpu_s),
        statistics.median(wall),
        wall[min(len(wall) - 1, int(0.99 * len(wall)))],
        statistics.median(processor),
        timed.growth_bytes / 2**20,
        timed.private_bytes / 2**20,
        len(ranks),
        sum(rank == 1 for rank in ranks) / len(ranks),
        sum(0 < rank <= 5 for rank in ranks) / len(ranks),
        sum(1 / rank for rank in ranks if rank) / len(ranks),
    )


def on_the_same_questions(ours: Timed, other: Timed, relevant: Sequence[Sequence[int]]) -> Summary:
    """The product's summary over those questions alone that the other had time for."""
    same = Timed(ours.name, ours.index_wall_s, ours.index_cpu_s, growth_bytes=ours.growth_bytes)
    same.asked = {number: turns for number, turns in ours.asked.items() if number in other.asked}
    return summary(same, relevant)


def table(found: Sequence[Summary], base: Summary) -> str:
    """A Markdown table: each peer's times and memory as multiples of ``base``'s, which has its own units."""
    lines = [
        "| | index | its CPU | p50 | p99 | CPU p50 | memory growth | of it private | questions | R@1 | R@5 | MRR |",
        f"|{'---|' * 12}",
        _own(base),
    ]
    for one in found:
        ratios = [
            one.index_s / base.index_s,
            one.index_cpu_s / base.index_cpu_s,
            one.p50_ms / base.p50_ms,
            one.p99_ms / base.p99_ms,
            one.cpu_p50_ms / base.cpu_p50_ms,
            one.growth_mib / base.growth_mib,
            one.private_mib / base.private_mib,
        ]
        lines.append(f"| {one.name} | {' | '.join(f'{ratio:.2f}×' for ratio in ratios)} | {_quality(one)} |")
    return "\n".join(lines) + "\n"


def _own(base: Summary) -> str:
    cells = [
        f"**{base.name}**",
        f"{base.index_s:.1f} s",
        f"{base.index_cpu_s:.1f} s",
        f"{base.p50_ms:.2f} ms",
        f"{base.p99_ms:.1f} ms",
        f"{base.cpu_p50_ms:.2f} ms",
        f"{base.growth_mib:.0f} MiB",
        f"{base.private_mib:.0f} MiB",
    ]
    return f"| {' | '.join(cells)} | {_quality(base)} |"


def _quality(one: Summary) -> str:
    values = " | ".join(f"{100 * value:.1f}" for value in (one.recall_at_1, one.recall_at_5, one.mrr))
    return f"{one.questions} | {values}"


WIDTH, LABEL, ROW, EDGE = 720, 150, 26, 34
"""Of the plot, in pixels."""


def draw(found: Sequence[Summary], base: Summary) -> str:
    """Three groups of bars as SVG, in multiples of the product's: index time, p50, memory; on a log scale."""
    groups: tuple[tuple[str, Callable[[Summary], float]], ...] = (
        ("index time", lambda one: one.index_s / base.index_s),
        ("time of a question, p50", lambda one: one.p50_ms / base.p50_ms),
        ("memory growth", lambda one: one.growth_mib / base.growth_mib),
    )
    every = [base, *found]
    height = len(groups) * (ROW * len(every) + EDGE) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    top = 0
    for title, value in groups:
        parts.append(f'<text x="{LABEL}" y="{top + 22}" font-size="14">{title}, {base.name} = 1</text>')
        top += EDGE
        for one in every:
            ratio, colour = value(one), RED if one is base else BLUE
            parts.append(f'<text x="{LABEL - 8}" y="{top + 15}" text-anchor="end">{one.name}</text>')
            parts.append(f'<rect x="{LABEL}" y="{top + 4}" width="{_bar(ratio):.0f}" height="16" fill="{colour}"/>')
            parts.append(f'<text x="{LABEL + _bar(ratio) + 6:.0f}" y="{top + 16}">{ratio:.2f}×</text>')
            top += ROW
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bar(ratio: float) -> float:
    """Logarithmic between 1/10 and 1,000 times."""
    share = (math.log10(min(max(ratio, 0.1), 1000)) + 1) / 4
    return max(share * (WIDTH - LABEL - 70), 2)
