"""Fuzzes the parsers by coverage, with atheris (the extra ``fuzz``)::

    python -m torture.fuzz [--runs 1000000] [--seconds S] [--hang S] [--corpus FOLDER] [NAME…]

One process for each target and each RUNS_AT_ONCE runs; a crash or a run longer than --hang seconds ends a target, and
the bytes that did it are kept in the current folder. What was run is added to the figures of docs/promises.md after
each process, so that runs add up over days until one fails. A corpus that is kept lets the next run begin with what
this one found.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

PLACE = "tests/torture/fuzz.py"
RUNS_AT_ONCE = 20_000
"""Of one process: after them, progress is told and kept."""
LENGTHS = (1024, 4096, 1024, 1024)
"""Bytes of the longest input, of one process after another: most faults need few, and short ones run fast."""


def fuzz(name: str, options: list[str]) -> None:
    """Runs one target in this process, until libFuzzer ends it."""
    import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]  # an extra, only for this

    with atheris.instrument_imports(include=["qa", "embeddings"], enable_loader_override=False):
        from torture.fuzz_targets import once

    atheris.Setup(["fuzz", *options], lambda data: once(name, data) and None)
    atheris.Fuzz()


def rounds(name: str, corpus: Path, most: int, seconds: int, hang: int) -> Iterator[int | str]:
    """How many runs each process of a target did; what it said, at the end, where one failed.

    ``corpus`` holds the inputs to begin with, and gets those that reached something new. A process runs those of the
    corpus first, which don't count.
    """
    began, done = time.monotonic(), 0
    for length in cycle(LENGTHS):
        if done >= most:
            return
        left = seconds - int(time.monotonic() - began) if seconds else 0
        if seconds and left <= 0:
            return
        again = len(list(corpus.iterdir()))
        wanted = [
            f"-runs={again + min(most - done, RUNS_AT_ONCE)}",
            f"-max_total_time={left}",
            f"-timeout={hang}",
            f"-max_len={length}",
            str(corpus),
        ]
        command = [sys.executable, "-m", "torture.fuzz", "--inside", name, "--", *wanted]
        run = subprocess.run(command, stderr=subprocess.PIPE, encoding="utf-8", errors="replace", check=False)
        found = re.findall(r"^Done (\d+) runs", run.stderr, re.M)
        if run.returncode or not found:
            yield run.stderr[-4000:]
            return
        new = max(0, int(found[0]) - again)
        done += new
        yield new


def main() -> None:
    """All the named targets, one after another; exits with how many failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=0, help="end each target after that time; 0: only after --runs")
    parser.add_argument("--hang", type=int, default=2, help="seconds that no run may take; more on a busy machine")
    parser.add_argument("--corpus", type=Path, help="a folder to begin from and to keep what was found in")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        fuzz(given.inside, given.names)
        return
    from torture.fuzz_targets import EXAMPLES, TARGETS

    failed = 0
    for name in given.names or TARGETS:
        with tempfile.TemporaryDirectory() as scratch:
            corpus = (given.corpus or Path(scratch)) / name
            corpus.mkdir(parents=True, exist_ok=True)
            for number, example in enumerate(EXAMPLES[name]):
                (corpus / str(number)).write_bytes(example)
            done = 0
            for told in rounds(name, corpus, given.runs, given.seconds, given.hang):
                if isinstance(told, int):
                    done += told
                    print(f"{name}: {done:,} of {given.runs:,} runs, {len(list(corpus.iterdir()))} inputs", flush=True)
                    remember(name, told)
                else:
                    failed += 1
                    print(f"{name}: FAILED after {done:,} runs\n{told}", flush=True)
                    remember(name, "FAILED")
    sys.exit(failed)


def remember(name: str, runs: int | str) -> None:
    """Adds new runs to a target's, or keeps that one failed, from which counting begins anew."""
    from torture.figures import entry, keep, kept

    figures = kept().get(PLACE, {}).get("figures", {})
    earlier = figures.get(f"runs of {name}")
    figures[f"runs of {name}"] = runs + earlier if isinstance(runs, int) and isinstance(earlier, int) else runs
    failed = list(figures.values()).count("FAILED")
    keep({PLACE: entry(**figures) | {"passed": len(figures) - failed, "failed": failed, "skipped": 0}})


if __name__ == "__main__":
    main()
