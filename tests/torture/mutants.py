"""Changes the code a line at a time, with mutmut (the extra ``mutants``), and counts the changes that a test notices::

    python -m torture.mutants [--every DIGIT] [--children N]

What is changed, and by which tests it should be noticed, is in pyproject.toml. With ``--every 7``, only each function's
changes numbered 7, 17, 27 …: a tenth of them. The counts are kept for docs/promises.md; ``mutmut browse`` shows which
changes nobody noticed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACE = "tests/torture/mutants.py"
UNNOTICED = {0, 2, 5, 33, 34}
"""Exit codes that mutmut keeps where nothing failed: tests that passed, were broken off, or that there aren't."""


def counts(folder: Path) -> dict[str, Counter[str]]:
    """By part of the code, how many changes were killed and how many weren't, of those that were tried."""
    found: dict[str, Counter[str]] = {}
    for file in sorted(folder.rglob("*.py.meta")):
        codes = json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"].values()
        tried = Counter("survived" if code in UNNOTICED else "killed" for code in codes if code is not None)
        if tried:
            part = file.parent.relative_to(folder).as_posix()
            found.setdefault(part, Counter()).update(tried)
    return found


def main() -> None:
    """Prints a line for each part; exits with 1 when less than four fifths were killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, choices=range(10), help="only changes whose number ends so")
    parser.add_argument("--children", type=int, default=2)
    parser.add_argument("--count", action="store_true", help="count what an earlier run left")
    given = parser.parse_args()
    if not given.count:
        wanted = [] if given.every is None else [f"*__mutmut_*{given.every}"]
        subprocess.run(["mutmut", "run", "--max-children", str(given.children), *wanted], cwd=ROOT, check=False)
    by_part = counts(ROOT / "mutants")
    for part, found in by_part.items():
        print(f"{part}: {found['killed']} of {found.total()} killed, {found['killed'] / found.total():.1%}")
    total = sum(by_part.values(), Counter[str]())
    if not total:
        sys.exit("No change was tried.")
    share = total["killed"] / total.total()
    print(f"all: {total['killed']} of {total.total()} killed, {share:.1%}")
    from torture.figures import entry, keep

    figures = {"changes": total.total(), "noticed": total["killed"], "noticed, %": round(100 * share, 1)}
    outcome = {"passed": int(share >= 0.8), "failed": int(share < 0.8), "skipped": 0}
    form = "all" if given.every is None else "a tenth"
    keep({PLACE: entry(**figures) | outcome | {"form": form}})
    sys.exit(share < 0.8)


if __name__ == "__main__":
    main()
