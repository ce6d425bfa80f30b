"""Questions a second of the server at 16 clients, beside the same answers behind a stock Gradio ``ChatInterface``.

    python -m benchmarks.server [--questions 160] [--rounds 3] [--clients 16] [--limit 120] [--processes N] [--remember]

Two servers, each a process of its own on the loopback interface, over the sample pages: ``wenbao serve`` (asked at
``POST /api/ask``), and the first example of Gradio's documentation with ``Bot.ask`` as its function (asked as Gradio's
own client does: a POST that joins the queue, and the stream of its event). Both are asked the development questions
about the sample pages by as many threads, in turn, ``--rounds`` times; the medians count. Each round ends after
``--limit`` seconds at the latest. wenbao answers in as many processes as there are cores, or ``--processes``. Each
question is answered anew, by both; with ``--remember``, both remember what was asked before (``qa.remembered``), and a
first round isn't counted: what is left is what it costs to ask.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from benchmarks.chat import QUESTIONS
from qa.config import Settings
from qa.processes import usable_cores
from qa.web.server import bind

GOLD = Path(__file__).parents[2] / "shared" / "gold" / "dev.jsonl"
READY_S = 180.0
"""Longest time for a server to answer its first question."""

STOCK = """
import sys
from pathlib import Path
import gradio
from qa.bot import Bot
from qa.config import Settings

bot = Bot.open(Settings(data=Path(sys.argv[1]), remembered_mb=int(sys.argv[3])))
bot.warm()

def answer(message, history):
    record = bot.ask(message)
    return record["answer"] or record["passages"][0]["text"]

gradio.ChatInterface(answer).launch(server_name="127.0.0.1", server_port=int(sys.argv[2]), quiet=True)
"""
"""Stock: nothing but what the documentation's first example has."""


def product(client: httpx.Client, question: str) -> bool:
    """Ask wenbao's own server; whether it answered."""
    return client.post("/api/ask", json={"question": question}).status_code == 200


def stock(client: httpx.Client, question: str) -> bool:
    """Ask Gradio's queue, as its client does; whether it answered."""
    event = client.post("/gradio_api/call/answer", json={"data": [question]}).json()["event_id"]
    with client.stream("GET", f"/gradio_api/call/answer/{event}") as stream:
        return any(line == "event: complete" for line in stream.iter_lines())


Ask = Callable[[httpx.Client, str], bool]


@contextmanager
def served(command: Sequence[str], port: int, ask: Ask) -> Iterator[str]:
    """The address of a server process that has answered once."""
    environment = os.environ | {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "OPENBLAS_NUM_THREADS": "1"}
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + READY_S
            while not _answers(address, ask):
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"{command[:4]} doesn't answer (exit code {process.poll()}); run it by hand.")
                time.sleep(0.5)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


def _answers(address: str, ask: Ask) -> bool:
    try:
        with httpx.Client(base_url=address, timeout=READY_S) as client:
            return ask(client, QUESTIONS[0])
    except (httpx.HTTPError, ValueError, KeyError):
        return False


def rate(address: str, ask: Ask, asked: Sequence[str], clients: int, limit_s: float) -> tuple[float, int]:
    """Questions a second over as many threads, and how many were answered before the limit."""
    turns, until = itertools.count(), time.monotonic() + limit_s
    lock = threading.Lock()

    def work(client: httpx.Client) -> int:
        answered = 0
        while time.monotonic() < until:
            with lock:
                number = next(turns)
            if number >= len(asked):
                break
            answered += ask(client, asked[number])
        return answered

    with ExitStack() as stack, ThreadPoolExecutor(clients) as pool:
        those = [stack.enter_context(httpx.Client(base_url=address, timeout=limit_s)) for _ in range(clients)]
        began = time.perf_counter()
        answered = sum(pool.map(work, those))
        return answered / (time.perf_counter() - began), answered


def development_questions(count: int) -> list[str]:
    """So many questions: the development set's over and over, or this benchmark's own where that isn't at hand."""
    rows = [json.loads(line) for line in GOLD.read_text(encoding="utf-8").splitlines()] if GOLD.exists() else []
    asked = [str(row["question"]) for row in rows if not row.get("history")] or list(QUESTIONS)
    return list(itertools.islice(itertools.cycle(asked), count))


def free_port() -> int:
    """A port that nothing listens on."""
    with bind("127.0.0.1", 0) as listener:
        return int(listener.getsockname()[1])


def main() -> None:
    """As the module's docstring says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--limit", type=float, default=120.0)
    parser.add_argument("--processes", type=int, default=usable_cores())
    parser.add_argument("--remember", action="store_true")
    given = parser.parse_args()
    remembered_mb = Settings().remembered_mb if given.remember else 0
    os.environ |= {"WENBAO_PROCESSES": str(given.processes), "WENBAO_REMEMBERED_MB": str(remembered_mb)}
    asked = development_questions(given.questions)
    with tempfile.TemporaryDirectory() as folder:
        ports = free_port(), free_port()
        data = [str(Path(folder) / name) for name in ("product", "stock")]
        ours = [sys.executable, "-m", "qa.cli", "--data", data[0], "serve", "--port", str(ports[0])]
        theirs = [sys.executable, "-c", STOCK, data[1], str(ports[1]), str(remembered_mb)]
        with served(ours, ports[0], product) as here, served(theirs, ports[1], stock) as there:
            rates: dict[str, list[float]] = {"wenbao": [], "stock": []}
            for turn in range(given.rounds + given.remember):
                for name, address, ask in (("wenbao", here, product), ("stock", there, stock)):
                    a_second, answered = rate(address, ask, asked, given.clients, given.limit)
                    if turn or not given.remember:
                        rates[name].append(a_second)
                    print(f"{name}: {a_second:.1f} questions a second, {answered} of {len(asked)} answered", flush=True)
    wenbao, gradio = (statistics.median(rates[name]) for name in ("wenbao", "stock"))
    print(f"{wenbao / gradio:.1f} times as many as the stock ChatInterface (asked: 5), {given.clients} clients")


if __name__ == "__main__":
    main()
