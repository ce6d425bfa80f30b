"""How well pages are split, layout by layout: prints the table of docs/articles.md.

    .venv/bin/python benchmarks/structure.py [--mixed N]

The sample pages are scored as they are, then re-set in each layout of tests/resetting.py; ``--mixed`` adds N layouts
drawn by chance from all its settings. Needs the gold folder beside the checkout; quick (about 10 s).
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from resetting import LAYOUTS, Layout, reset
from structure_scores import GOLD, Scores, document, gold, inspected, sample, scored

HEADS = "| layout | articles F1 | headlines | sections F1 | covered | straddling | furniture |\n|---" + "|---" * 6 + "|"
GOOD = (0.95, 0.93)
"""Articles and sections F1 that a mixed layout must reach to count as read well: what is asked for the sample pages."""


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="How well the sample pages are split in other layouts.")
    parser.add_argument("--mixed", type=int, default=0, metavar="N", help="layouts drawn by chance, besides the table")
    wanted = parser.parse_args(arguments)
    if not GOLD.exists():
        sys.exit(f"The gold folder isn't there: {GOLD}.")
    truth = gold()
    files = [page["file"] for page in truth]
    print(HEADS)
    print(_row("the pages themselves", scored([inspected(document(sample(file), file)) for file in files], truth)))
    for layout in LAYOUTS:
        print(_row(layout.name, _scores(layout)))
    if wanted.mixed:
        found = [_scores(_mixed(seed)) for seed in range(wanted.mixed)]
        good = sum(scores.articles >= GOOD[0] and scores.sections >= GOOD[1] for scores in found)
        print(f"\n{good} of {len(found)} mixed layouts reach articles F1 {GOOD[0]} and sections F1 {GOOD[1]}; means:\n")
        print(HEADS)
        names = ("articles", "headlines", "sections", "covered", "straddling", "furniture")
        means = {name: sum(getattr(scores, name) for scores in found) / len(found) for name in names}
        print(_row("mixed", Scores(**means, passages=0)))


def _scores(layout: Layout) -> Scores:
    truth = gold()
    pages = reset([sample(page["file"]) for page in truth], truth, layout)
    return scored([inspected(document(text, page["file"])) for text, page in pages], [page for _, page in pages])


def _row(name: str, scores: Scores) -> str:
    figures = (scores.articles, scores.headlines, scores.sections, scores.covered, scores.straddling, scores.furniture)
    return " | ".join([f"| {name}", *(f"{figure:.3f}" for figure in figures)]) + " |"


def _mixed(seed: int) -> Layout:
    """A layout drawn by chance; what no reader could tell apart is left out."""
    draw = random.Random(seed)
    markdown = draw.random() < 0.3
    blank_lines = draw.choice(["one"] * 6 + ["none", "three"])
    wrap = draw.choice([0] * 5 + [14, 18, 24, 30])
    needs_indent = blank_lines == "none" and wrap
    plain = [
        ("", "●"),
        ("", "◆"),
        ("■", "▲"),
        ("一、", "1."),
        ("一、", "（一）"),
        ("【…】", "●"),
        ("◎", "※"),
        ("（一）", "1、"),
    ]
    marked = [("### ", "#### "), ("### ", "●"), ("**…**", "**…**")]
    return Layout(
        f"mixed {seed}",
        heads=draw.choice(["# ", "## "]) if markdown else draw.choice([""] * 4 + ["\t"]),
        sections=draw.choice(marked if markdown else plain),
        lines=2 if blank_lines != "none" and not markdown and draw.random() < 0.15 else 1,
        wrap=wrap,
        indent="　　" if needs_indent else draw.choice([""] * 3 + ["　　"]),
        letter_spaced=not wrap and draw.random() < 0.12,
        noise=not wrap and draw.random() < 0.12,
        byline=draw.choice(["start"] * 4 + ["line", "beside", "end in brackets", "end on a line"]),
        breaks="mended" if blank_lines == "none" else draw.choice(["kept", "even", "mended"]),
        headers=draw.choice(["full", "full", "headline only"]),
        order=draw.choice(["kept", "kept", "shuffled", "every other"]),
        renamed=draw.random() < 0.4,
        full_width=draw.random() < 0.2,
        blank_lines=blank_lines,
        line_end=draw.choice(["\n", "\n", "\r\n"]),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
