"""Changes the code a line at a time, with mutmut (the extra ``mutants``), and counts the changes that a test notices::

    python -m torture.mutants [--every DIGIT] [--children N]

What is changed, and by which tests it should be noticed, is in pyproject.toml. With ``--every 7``, only each function's
changes numbered 7, 17, 27 …: a tenth of them. The counts are kept for docs/promises.md; ``mutmut browse`` shows which
changes nobody noticed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACE = "tests/torture/mutants.py"
UNNOTICED = {0, 2, 5, 33, 34}
"""Exit codes that mutmut keeps where nothing failed: tests that passed, were broken off, or that there aren't."""


def counts(folder: Path, ending: str) -> dict[str, Counter[str]]:
    """By part of the code, how many changes whose number ends so were killed, and how many survived."""
    found: dict[str, Counter[str]] = {}
    for file in sorted(folder.rglob("*.py.meta")):
        codes = json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"]
        tried = Counter(
            "survived" if code in UNNOTICED else "killed"
            for name, code in codes.items()
            if code is not None and name.endswith(ending)
        )
        if tried:
            part = file.parent.relative_to(folder).as_posix()
            found.setdefault(part, Counter()).update(tried)
    return found


def main() -> None:
    """Prints a line for each part; exits with 1 when less than four fifths were killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", default="", choices=list("0123456789"), help="only changes whose number ends so")
    parser.add_argument("--children", type=int, default=2)
    parser.add_argument("--count", action="store_true", help="count what an earlier run left")
    given = parser.parse_args()
    folder = ROOT / "mutants"
    if not given.count:
        shutil.rmtree(folder, ignore_errors=True)  # verdicts of other tests, on other code
        wanted = [f"*__mutmut_*{given.every}"] if given.every else []
        mutmut = str(Path(sys.executable).with_name("mutmut"))
        run = [mutmut, "run", "--max-children", str(given.children), *wanted]
        if subprocess.run(run, cwd=ROOT, check=False).returncode:
            sys.exit("mutmut failed; nothing was kept.")
    by_part = counts(folder, given.every)
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
    keep({PLACE: entry(**figures) | outcome | {"form": f"EVERY={given.every}" if given.every else "all"}})
    sys.exit(share < 0.8)


if __name__ == "__main__":
    main()
