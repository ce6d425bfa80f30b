"""Keeps how much of the store, the parsers, access and rendering tests run, lines and branches (``make coverage``).

python -m torture.covered $(coverage report --format=total)
"""

from __future__ import annotations

import sys

from torture.figures import entry, keep

PLACE = "tests/torture/covered.py"
ASKED = 95.0


def main() -> None:
    """As the module's docstring says; exit code 1 below ``ASKED`` per cent."""
    share = float(sys.argv[1])
    is_enough = share >= ASKED
    outcome = {"passed": int(is_enough), "failed": int(not is_enough), "skipped": 0}
    keep({PLACE: entry(**{"run, %": share, "asked, %": ASKED}) | outcome | {"form": "all"}})
    raise SystemExit(not is_enough)


if __name__ == "__main__":
    main()
