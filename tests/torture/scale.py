"""How long the torture lasts: 1 in the continuous integration, TORTURE=34 in `make torture`."""

from __future__ import annotations

import os

SCALE = int(os.environ.get("TORTURE", "1"))
SEED = int(os.environ.get("TORTURE_SEED", "0"))
"""Added to every seed: another one tries other moments. A failure prints the seed that it met."""
LONG = SCALE > 1
"""Whether all points of a loop are tried, rather than a sample of them."""


def sample(points: int, most: int) -> list[int]:
    """Numbers from 1 to ``points``: all in the long form, else at most ``most`` evenly spread ones, both ends too."""
    if LONG or points <= most:
        return list(range(1, points + 1))
    return sorted({1 + round(turn * (points - 1) / (most - 1)) for turn in range(most)})
