"""The comparison with peers, in one run.

    python -m benchmarks.peers ENVIRONMENTS [--passages 20000] [--questions 300] [--rounds 3] [--only NAME …]

ENVIRONMENTS is a folder for the peers' virtual environments, made there from the package index on first use (some 6 GB)
and kept. Each peer is a process of its own; one works at a time, the others wait. First all index in turn, ``--rounds``
times over, then all are asked in turn, in blocks, as many times. Writes docs/pictures/peers.svg and the table that
docs/benchmarks.md has, with ``--json`` also what was timed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.peers import corpus, environments, figures
from benchmarks.peers.figures import Timed
from embeddings import load_embedder

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BLOCK = 50
"""Questions that a peer is asked before the next one's turn."""
BLOCK_LIMIT_S = 60.0
"""After so long a block ends; a peer that is cut off is asked no more in that round."""
WHOLE = "wenbao, whole answer"


class Worker:
    """A peer's process, working only while it is waited for."""

    def __init__(self, name: str, folder: Path, interpreter: Path, recipe: str | None = None) -> None:
        recipe = recipe or name
        path = [str(HERE), *([str(ROOT)] if recipe in {"wenbao", "raw_terms"} else [])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path), "OPENBLAS_NUM_THREADS": "1"}
        environment |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        self.name = name
        self._process = subprocess.Popen(
            [str(interpreter), str(HERE / "worker.py"), recipe, str(folder)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if sys.stderr.isatty() else subprocess.DEVNULL,
            text=True,
        )
        self.before: dict[str, Any] = self._answer()

    def do(self, **command: Any) -> dict[str, Any]:
        """What it answers to a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with exit code {self._process.wait()}; run its worker by hand.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """It ends."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)


def main() -> None:
    """As the module's docstring says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environments", type=Path)
    parser.add_argument("--passages", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=list(environments.REQUIREMENTS))
    parser.add_argument("--limit", type=float, default=BLOCK_LIMIT_S, help="Seconds after which a block ends.")
    parser.add_argument("--json", type=Path, help="Keep what was timed.")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "pictures" / "peers.svg")
    given = parser.parse_args()
    names = list(dict.fromkeys(["wenbao", *(given.only or environments.REQUIREMENTS)]))
    given.environments.mkdir(parents=True, exist_ok=True)
    interpreters = {name: environments.python(name, given.environments.resolve()) for name in names}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "count").write_text(str(given.passages), encoding="ascii")
        split = list(corpus.pages(given.passages))
        asked = corpus.questions(split, given.questions)
        corpus.write(folder, split, asked, load_embedder())
        print(f"{len(corpus.rows(split))} passages, {len(asked)} questions, {given.rounds} rounds", flush=True)
        workers = [Worker(name, folder, interpreters[name]) for name in names]
        workers.append(Worker(WHOLE, folder, interpreters["wenbao"], "wenbao"))  # a process of its own, for its memory
        try:
            timed = measure(workers, len(asked), given.rounds, given.limit)
        finally:
            for worker in workers:
                worker.close()
    relevant = [one.relevant for one in asked]
    if given.json:
        kept = {one.name: {name: getattr(one, name) for name in one.__slots__} for one in timed.values()}
        given.json.write_text(json.dumps(kept), encoding="utf-8")
    report(timed, relevant, given.picture)


def measure(workers: list[Worker], questions: int, rounds: int, limit_s: float) -> dict[str, Timed]:
    """All index in turn, then all are asked in turn; memory is what it has grown by after the first round."""
    timed = {worker.name: Timed(worker.name) for worker in workers}
    blocks = range(0, questions, BLOCK)
    with tqdm(total=rounds * len(workers) * (1 + len(blocks)), file=sys.stderr, disable=None) as bar:
        for _ in range(rounds):
            for worker in workers:
                answer = worker.do(do="index")
                timed[worker.name].index_wall_s.append(answer["wall_s"])
                timed[worker.name].index_cpu_s.append(answer["cpu_s"])
                bar.update()
        ways = [(worker, "whole" if worker.name == WHOLE else "search", worker.name) for worker in workers]
        for turn in range(rounds):
            slow: set[str] = set()
            for first in blocks:
                count = min(BLOCK, questions - first)
                for worker, how, name in ways:
                    if name not in slow:
                        answer = worker.do(do="ask", how=how, first=first, count=count, limit_s=limit_s)
                        for one in answer["asked"]:
                            timed[name].asked.setdefault(one["number"], []).append(one)
                        if len(answer["asked"]) < count:
                            slow.add(name)
                        if turn == 0:
                            timed[name].growth_bytes = answer["rss"] - worker.before["rss"]
                            timed[name].private_bytes = answer["private"] - worker.before["private"]
                    bar.update()
    return timed


def report(timed: dict[str, Timed], relevant: list[tuple[int, ...]], picture: Path) -> None:
    """Print the table, and what was asked for beside what was found; draw the plot."""
    base = figures.summary(timed["wenbao"], relevant)
    others = [figures.summary(one, relevant) for name, one in timed.items() if name != "wenbao"]
    print(figures.table(others, base))
    for one in others:
        if one.questions < base.questions:
            same = figures.on_the_same_questions(timed["wenbao"], timed[one.name], relevant)
            print(
                f"wenbao on {one.name}'s {one.questions} questions: "
                f"R@1 {same.recall_at_1:.3f}, R@5 {same.recall_at_5:.3f}, MRR {same.mrr:.3f}"
            )
    peers = [one for one in others if one.name != WHOLE and not one.name.startswith("raw")]
    if peers:
        print(f"index time: {base.index_s / min(one.index_s for one in peers):.2f} of the fastest peer's (asked: 1)")
        print(f"p50: {base.p50_ms / min(one.p50_ms for one in peers):.2f} of the fastest peer's (asked: 0.33)")
        print(
            f"memory growth: {base.growth_mib / min(one.growth_mib for one in peers):.2f} of the leanest's (asked: 1)"
        )
        print(f"R@1: {base.recall_at_1 - max(one.recall_at_1 for one in peers):+.3f} over the best peer's (asked: 0)")
    for one in others:
        if one.name.startswith("raw"):
            print(f"p50: {base.p50_ms / one.p50_ms:.2f} of {one.name}'s (asked: 1.5)")
    picture.write_text(figures.draw([one for one in others if one.name != WHOLE], base), encoding="utf-8")


if __name__ == "__main__":
    main()
