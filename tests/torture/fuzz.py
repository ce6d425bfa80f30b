"""Fuzzes the parsers by coverage, with atheris (the extra ``fuzz``)::

    python -m torture.fuzz [--runs 1000000] [--seconds S] [--hang S] [NAME…]

One process for each target; a crash or a run longer than --hang seconds ends it, and the bytes that did it are kept in
the current folder. What was run is kept for docs/promises.md.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PLACE = "tests/torture/fuzz.py"


def fuzz(name: str, options: list[str]) -> None:
    """Runs one target in this process, until libFuzzer ends it."""
    import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]  # an extra, only for this

    with atheris.instrument_imports(include=["qa", "embeddings"], enable_loader_override=False):
        from torture.fuzz_targets import once

    atheris.Setup(["fuzz", *options], lambda data: once(name, data) and None)
    atheris.Fuzz()


def main() -> None:
    """All the named targets, one after another; exits with how many failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=0, help="end each target after that time; 0: only after --runs")
    parser.add_argument("--hang", type=int, default=2, help="seconds that no run may take; more on a busy machine")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        fuzz(given.inside, given.names)
        return
    from torture.figures import entry, keep, kept
    from torture.fuzz_targets import EXAMPLES, TARGETS

    figures: dict[str, int | str] = {}
    for name in given.names or TARGETS:
        with tempfile.TemporaryDirectory() as folder:
            for number, example in enumerate(EXAMPLES[name]):
                (Path(folder) / str(number)).write_bytes(example)
            wanted = [
                f"-runs={given.runs}",
                f"-max_total_time={given.seconds}",
                f"-timeout={given.hang}",
                "-max_len=4096",
                folder,
            ]
            command = [sys.executable, "-m", "torture.fuzz", "--inside", name, "--", *wanted]
            run = subprocess.run(command, stderr=subprocess.PIPE, encoding="utf-8", errors="replace", check=False)
        done = re.findall(r"^Done (\d+) runs", run.stderr, re.M)
        print(f"{name}: {done[0] if done else 'FAILED after'} runs", flush=True)
        figures[f"runs of {name}"] = "FAILED" if run.returncode or not done else int(done[0])
        if run.returncode or not done:
            print(run.stderr[-4000:], flush=True)
    # Targets that weren't named keep their earlier figures.
    all_figures = kept().get(PLACE, {}).get("figures", {}) | figures
    failed = list(all_figures.values()).count("FAILED")
    outcomes = {"passed": len(all_figures) - failed, "failed": failed, "skipped": 0}
    keep({PLACE: entry(**all_figures) | outcomes})
    sys.exit(list(figures.values()).count("FAILED"))


if __name__ == "__main__":
    main()
