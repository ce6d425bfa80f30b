"""How long the torture lasts: 1 in the continuous integration, TORTURE=33 in `make torture`."""

from __future__ import annotations

import os

SCALE = int(os.environ.get("TORTURE", "1"))
SEED = int(os.environ.get("TORTURE_SEED", "0"))
"""Added to every seed: another one tries other moments. A failure prints the seed that it met."""
