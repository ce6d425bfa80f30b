"""How a running server bears 1,000 connections that keep it waiting, beside ordinary questions.

    wenbao serve &
    python benchmarks/slow_clients.py --connections 1000

A third each never finish their headers, never finish their body, and send nothing at all. Printed: how long until the
server had closed them all, and the 95th percentile of ordinary requests, one connection each, without and with them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from urllib.parse import urlsplit

QUESTION = json.dumps({"question": "景山街道总工会三八节发了多少口罩？"}).encode()
SLOW = (
    b"",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-",
    b"POST /api/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{",
)


async def ask(host: str, port: int) -> float:
    """Seconds that one question takes, from connecting to the last byte."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(host, port)
    head = "POST /api/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(QUESTION)}\r\n\r\n".encode() + QUESTION)
    answer = await reader.read()
    writer.close()
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"An ordinary question was refused: {answer[:300]!r}")
    return time.perf_counter() - began


async def ask_while(host: str, port: int, wanted: Callable[[], bool]) -> list[float]:
    """The times of questions asked one after another, with a pause between, as long as they are wanted."""
    times = []
    while wanted():
        times.append(await ask(host, port))
        await asyncio.sleep(0.02)
    return times


def for_seconds(span_s: float) -> Callable[[], bool]:
    """Whether that time has not passed yet."""
    until = time.perf_counter() + span_s
    return lambda: time.perf_counter() < until


async def keep_waiting(host: str, port: int, first: bytes) -> float:
    """Seconds until the server closes a connection that sends ``first`` and then a byte a second."""
    reader, writer = await asyncio.open_connection(host, port)
    began = time.perf_counter()
    writer.write(first)
    closed = asyncio.ensure_future(reader.read())
    while not closed.done():
        if first:
            writer.write(b"a")
        await asyncio.wait([closed], timeout=1)
        if time.perf_counter() - began > 120:
            break
    span_s = time.perf_counter() - began
    if closed.done():
        closed.exception()
    else:
        closed.cancel()
    writer.close()
    return span_s


def slow_connections(host: str, port: int, count: int) -> list[float]:
    """How long each of ``count`` slow connections was kept."""

    async def run() -> list[float]:
        kept = (keep_waiting(host, port, SLOW[number % len(SLOW)]) for number in range(count))
        return await asyncio.gather(*kept)

    return asyncio.run(run())


def percentile_95(times: list[float]) -> float:
    """The 95th percentile, in milliseconds."""
    return sorted(times)[int(len(times) * 0.95)] * 1_000


def main() -> None:
    """Measures and prints one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:7860")
    parser.add_argument("--connections", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=15)
    options = parser.parse_args()
    url = urlsplit(options.url)
    host, port = url.hostname or "127.0.0.1", url.port or 80
    asyncio.run(ask_while(host, port, for_seconds(3)))  # warm
    usual = asyncio.run(ask_while(host, port, for_seconds(options.seconds)))
    # The slow ones are a process of their own, so that only the server is shared with the questions that are timed.
    with ProcessPoolExecutor(1) as pool:
        kept = pool.submit(slow_connections, host, port, options.connections)
        times = asyncio.run(ask_while(host, port, lambda: not kept.done()))
        closed = kept.result()
    print(
        f"{len(closed)} slow connections: first closed after {min(closed):.1f} s, last after {max(closed):.1f} s; "
        f"p95 of questions {percentile_95(usual):.1f} ms usually ({len(usual)} asked), "
        f"{percentile_95(times):.1f} ms beside them ({len(times)} asked): "
        f"{percentile_95(times) / percentile_95(usual):.2f} times"
    )


if __name__ == "__main__":
    main()
