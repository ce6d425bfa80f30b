"""One peer, in an environment of its own: reads commands on standard input, answers each with a line of JSON.

Run by ``benchmarks.peers`` as a file: ``python worker.py RECIPE FOLDER``; only numpy is needed here. Commands:
``{"do": "index"}`` and ``{"do": "ask", "how": "search", "first": 0, "count": 10, "limit_s": 20}``. Every answer has the
process's memory. What is given (texts, vectors) and what is imported is loaded before the first measurement.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

DEPTH = 10
"""Passages wanted for a question."""


def main(recipe: str, folder: Path) -> None:
    """Answer commands until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    questions = [row["text"] for row in json.loads((folder / "questions.json").read_text(encoding="utf-8"))]
    vectors, asked = np.load(folder / "vectors.npy"), np.load(folder / "question_vectors.npy")
    texts = [row["text"] for row in json.loads((folder / "rows.json").read_text(encoding="utf-8"))]
    peer: Any = importlib.import_module(f"recipes.{recipe}").Peer(folder, questions, asked)
    _answer(answers, {})
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "index":
            place = tempfile.mkdtemp(dir=folder)
            began = time.perf_counter(), _cpu_s()
            peer.index(texts, vectors, place)
            _answer(answers, {"wall_s": time.perf_counter() - began[0], "cpu_s": _cpu_s() - began[1]})
        else:
            _answer(answers, {"asked": _ask(peer, command, questions, asked)})


def _cpu_s() -> float:
    """Of this process and of its children that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _ask(peer: Any, command: dict[str, Any], questions: list[str], vectors: Any) -> list[dict[str, Any]]:
    """Time of each question, wall and processor, and the numbers of the rows found; stops when the limit is over."""
    found, how = [], getattr(peer, command["how"])
    began = time.perf_counter()
    for number in range(command["first"], command["first"] + command["count"]):
        wall, processor = time.perf_counter(), time.process_time()
        rows = how(questions[number], vectors[number], DEPTH)
        wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - processor
        found.append({"number": number, "wall_s": wall_s, "cpu_s": cpu_s, "rows": [int(row) for row in rows]})
        if time.perf_counter() - began > command["limit_s"]:
            break
    return found


def _answer(answers: Any, content: dict[str, Any]) -> None:
    gc.collect()
    status = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    memory = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in status}
    print(json.dumps(content | {"rss": memory["Rss"], "private": memory["Anonymous"]}), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
