"""How a server bears twice the questions that it can answer, for ten minutes, from 200 clients at once.

    python benchmarks/load.py                 # the long form; starts a server of its own over the sample pages
    python benchmarks/load.py --seconds 20    # to try it

The server's capacity is measured first: questions per second that eight clients get answered, one after another. Then
200 clients ask at random moments, together at twice that rate, whether or not earlier ones were answered. Printed: what
was answered and refused, the 99th percentiles of the admitted, the server's memory, and how soon it answers as usual.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx

QUESTIONS = [
    "景山街道总工会三八节发了多少口罩？",
    "东城区总共有多少个街道的工会参与了一线抗疫？",
    "和平里街道总工会做了什么？",
    "How many masks were given out?",
]
UNLIMITED = ("VISITOR_PER_MINUTE", "VISITOR_BURST", "VISITOR_PER_DAY")
ROOT = Path(__file__).parents[1]
RECOVERY_S = 10
MOST = {
    "500 and other failures": 0,
    "p99 of admitted ÷ p99 idle": 3,
    "memory growth, %": 2,
    "recovery, s": RECOVERY_S,
}
"""What must hold: docs/promises.md, 6."""


def percentile_99(times: list[float]) -> float:
    """In seconds."""
    return sorted(times)[int(len(times) * 0.99)] if times else 0.0


def memory_mib(process: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


async def ask(client: httpx.AsyncClient, outcomes: Counter[str], times: list[float]) -> None:
    """One question; its time when it was answered, and whether a refusal says when to come again."""
    began = time.perf_counter()
    try:
        answer = await client.post("/api/ask", json={"question": random.choice(QUESTIONS)})
    except httpx.HTTPError as error:
        outcomes[type(error).__name__] += 1
        return
    name = str(answer.status_code)
    if answer.status_code == 200:
        times.append(time.perf_counter() - began)
    elif answer.status_code in {429, 503}:
        name += " with Retry-After" if "retry-after" in answer.headers else " without Retry-After"
    outcomes[name] += 1


async def one_after_another(
    client: httpx.AsyncClient, clients: int, seconds: float
) -> tuple[Counter[str], list[float]]:
    """Clients that each ask again as soon as they are answered."""
    outcomes: Counter[str] = Counter()
    times: list[float] = []
    until = time.perf_counter() + seconds

    async def go() -> None:
        while time.perf_counter() < until:
            await ask(client, outcomes, times)

    await asyncio.gather(*(go() for _ in range(clients)))
    return outcomes, times


async def at_a_rate(
    client: httpx.AsyncClient, clients: int, rate: float, seconds: float
) -> tuple[Counter[str], list[float]]:
    """Clients that ask at random moments, together at ``rate`` a second."""
    outcomes: Counter[str] = Counter()
    times: list[float] = []
    until = time.perf_counter() + seconds

    async def go() -> None:
        while True:
            await asyncio.sleep(random.expovariate(rate / clients))
            if time.perf_counter() >= until:
                return
            await ask(client, outcomes, times)

    await asyncio.gather(*(go() for _ in range(clients)))
    return outcomes, times


async def measure(url: str, process: int, clients: int, seconds: float) -> dict[str, float | str]:
    """The figures."""
    limits = httpx.Limits(max_connections=clients + 10, max_keepalive_connections=clients + 10)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        await one_after_another(client, 8, min(5, seconds / 4))  # warm
        share = min(20, seconds / 2)
        _, idle = await one_after_another(client, 1, share)
        _, busy = await one_after_another(client, 8, share)
        capacity = len(busy) / share
        await at_a_rate(client, clients, 2 * capacity, min(10, seconds / 2))  # what grows at first use has grown
        before = memory_mib(process)
        outcomes, times = await at_a_rate(client, clients, 2 * capacity, seconds)
        began = time.perf_counter()
        while time.perf_counter() - began < RECOVERY_S:
            _, again = await one_after_another(client, 1, 0.2)
            if again and max(again) <= 3 * percentile_99(idle):
                break
        recovery = time.perf_counter() - began
        after = memory_mib(process)
    return {
        "seconds": round(seconds),
        "clients": clients,
        "capacity, questions a second": round(capacity, 1),
        "asked": outcomes.total(),
        "answered": outcomes["200"],
        "refused with Retry-After": outcomes["429 with Retry-After"] + outcomes["503 with Retry-After"],
        "500 and other failures": outcomes.total()
        - outcomes["200"]
        - outcomes["429 with Retry-After"]
        - outcomes["503 with Retry-After"],
        "p99 of admitted ÷ p99 idle": round(percentile_99(times) / percentile_99(idle), 2),
        "memory growth, %": round(100 * (after - before) / before, 2),
        "recovery, s": round(recovery, 1),
        "outcomes": json.dumps(outcomes),
    }


def main() -> None:
    """Starts a server, measures, prints; with --keep the figures go to docs/promises.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--port", type=int, default=7979)
    parser.add_argument("--keep", action="store_true", help="keep the figures for docs/promises.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        environ = {name: text for name, text in os.environ.items() if not name.startswith("WENBAO_")}
        environ |= {f"WENBAO_{name}": "100000" for name in UNLIMITED}
        environ |= {"WENBAO_DATA": data, "WENBAO_PORT": str(options.port), "PYTHONUNBUFFERED": "1"}
        environ |= {"WENBAO_REMEMBERED_MB": "0"}  # there are few questions: each is to cost what a new one costs
        environ |= {"WENBAO_CONNECTIONS_PER_ADDRESS": str(options.clients + 50)}
        command = [sys.executable, str(ROOT / "app.py")]
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
            assert process.stdout is not None
            try:
                if not any("ready" in line for line in iter(process.stdout.readline, "")):
                    raise SystemExit("The server didn't start.")
                url = f"http://127.0.0.1:{options.port}"
                figures = asyncio.run(measure(url, process.pid, options.clients, options.seconds))
            finally:
                process.terminate()
    for name, value in figures.items():
        print(f"{name}: {value}")
    if options.keep:
        sys.path.insert(0, str(ROOT / "tests"))
        from torture.figures import entry, keep  # noqa: PLC0415  (tests are no package of ours)

        failed = sum(float(figures[name]) > most for name, most in MOST.items())
        kept = {"form": f"{options.seconds:.0f} s", "passed": len(MOST) - failed, "failed": failed, "skipped": 0}
        keep({"benchmarks/load.py": entry(**figures) | kept})


if __name__ == "__main__":
    main()
