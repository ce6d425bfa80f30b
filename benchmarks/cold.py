"""What starting costs: a cold `wenbao ask`, and a server until its first answer, beside importing Gradio.

    python -m benchmarks.cold [--rounds 5]

Each is a process of its own over the sample pages, in turn, as often as ``--rounds`` says; the medians count. Processor
seconds are those of the process and its children. Files are in the system's cache after the first round, which isn't
counted; Python's compiled files are there too, also where the environment forbids Python to keep them.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from statistics import median

from benchmarks.chat import QUESTIONS
from benchmarks.server import free_port, product, served

WENBAO = (sys.executable, "-m", "qa.cli")
GRADIO = (sys.executable, "-c", "import gradio")


def command(*words: str, data: str) -> tuple[float, float]:
    """Seconds by the clock, and of the processor, of a command."""
    return timed(
        lambda: subprocess.run(words, env=os.environ | {"WENBAO_DATA": data}, check=True, stdout=subprocess.DEVNULL)
    )


def serving(data: str) -> tuple[float, float]:
    """The same of a server from its start to its first answer, and its end."""
    began, until = time.perf_counter(), 0.0
    port = free_port()

    def start() -> None:
        nonlocal until
        with served([*WENBAO, "--data", data, "serve", "--port", str(port)], port, product):
            until = time.perf_counter()

    _, cpu_s = timed(start)
    return until - began, cpu_s


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of the processor in children that ended."""
    wall, before = time.perf_counter(), _children_s()
    work()
    return time.perf_counter() - wall, _children_s() - before


def _children_s() -> float:
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def report(name: str, times: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Prints and gives the medians."""
    wall_s, cpu_s = (median(each) for each in zip(*times, strict=True))
    print(f"{name}: {wall_s:.2f} s by the clock, {cpu_s:.2f} s of the processor", flush=True)
    return wall_s, cpu_s


def main() -> None:
    """As the module's docstring says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as data:
        ways: dict[str, Callable[[], tuple[float, float]]] = {
            "import gradio": lambda: command(*GRADIO, data=data),
            "wenbao ask": lambda: command(*WENBAO, "ask", QUESTIONS[0], data=data),
            "wenbao serve": lambda: serving(data),
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for turn in range(rounds + 1):
            for name, work in ways.items():
                one = work()
                if turn:
                    found[name].append(one)
    gradio, ask, serve = (report(name, times) for name, times in found.items())
    print(f"a cold ask: {ask[1]:.2f} s of the processor (asked: 1.0), {ask[1] / gradio[1]:.2f} of importing gradio")
    print(f"serve to its first answer: {serve[0] / gradio[0]:.2f} of importing gradio by the clock (asked: 1.3)")


if __name__ == "__main__":
    main()
