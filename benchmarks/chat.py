"""How quickly the chat's page is there, and a question's first passage, on the sample pages.

    python -m benchmarks.chat

Two things, each within one run, so that a busy machine slows both sides:

- the page: from the request until it shows what one came for (question box and examples), as a multiple of the time
  until an empty Gradio page shows its frame; in Chromium, the two in turn, medians of ``--rounds``;
- a question: from the POST that asks until the event that brings its first passage, over the page's own HTTP queue.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, sync_playwright
from starlette.types import ASGIApp

from qa.bot import Bot
from qa.config import Settings
from qa.web.server import bind, build_app

QUESTIONS = (
    "景山街道总工会三八节发了多少口罩？",
    "东城区总共有多少个街道的工会参与了一线抗疫？",
    "建国门街道总工会慰问了多少个部门？",
    "怀柔区总工会抽调了多少名党员干部？",
    "天坛公园的门票多少钱？",
    "How many masks did the Jingshan union give out?",
)
SEEN = """selector => new Promise(done => {
  const look = () => document.querySelector(selector) ? done(performance.now()) : requestAnimationFrame(look);
  look();
})"""
"""Milliseconds from the navigation until an element is there."""


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The address of ``app`` while the block lasts."""
    with bind("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        while not server.started:
            time.sleep(0.01)
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join(timeout=20)


def empty_page() -> FastAPI:
    """A Gradio page with nothing on it."""
    import gradio  # noqa: PLC0415  # after build_app has set what Gradio reads as it is loaded

    app = FastAPI()
    with gradio.Blocks(analytics_enabled=False) as blocks:
        pass
    gradio.mount_gradio_app(app, blocks, path="/empty")
    return app


def shown_ms(browser: Browser, url: str, selector: str) -> float:
    """Milliseconds until a browser that has seen nothing yet shows ``selector``."""
    context = browser.new_context(viewport={"width": 1180, "height": 820})
    page = context.new_page()
    page.goto(url, wait_until="commit")
    elapsed = float(page.evaluate(SEEN, selector))
    context.close()
    return elapsed


def passage_ms(client: httpx.Client, handler: int, question: str) -> float:
    """Milliseconds from asking until the event with the first passage."""
    session = uuid.uuid4().hex[:10]
    body = {"data": [question, "{}", None], "fn_index": handler, "session_hash": session, "trigger_id": None}
    began = time.perf_counter()
    client.post("/zh/gradio_api/queue/join", json=body).raise_for_status()
    with client.stream("GET", "/zh/gradio_api/queue/data", params={"session_hash": session}) as events:
        elapsed = 0.0
        for line in events.iter_lines():
            if not elapsed and "wb-card" in line:
                elapsed = 1000 * (time.perf_counter() - began)
            if "process_completed" in line:
                break
    return elapsed


def ask_handler(client: httpx.Client) -> int:
    """The number of the handler that the question box calls."""
    config = client.get("/zh/config").json()
    (box,) = [part["id"] for part in config["components"] if part["props"].get("elem_id") == "wb-question"]
    return next(number for number, call in enumerate(config["dependencies"]) if [box, "submit"] in call["targets"])


def main() -> None:
    """Measures, and prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    results: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder, Bot.open(Settings(data=Path(folder), remembered_mb=0)) as bot:
        bot.warm()
        with served(build_app(bot)) as chat, served(empty_page()) as empty:
            with httpx.Client(base_url=chat, timeout=60) as client:
                handler = ask_handler(client)
                times = [passage_ms(client, handler, q) for _ in range(rounds) for q in QUESTIONS]
                results["first_passage_ms"] = {
                    "median": round(statistics.median(times), 1),
                    "max": round(max(times), 1),
                }
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--headless", "--no-sandbox", "--disable-gpu"]
                )
                ours, theirs, listening = [], [], []
                for _ in range(rounds):
                    ours.append(shown_ms(browser, f"{chat}/zh/", "#wb-shell .example"))
                    listening.append(shown_ms(browser, f"{chat}/zh/", "body:not(:has(#wb-shell)) #wb-chat .example"))
                    theirs.append(shown_ms(browser, f"{empty}/empty/", ".gradio-container main"))
                browser.close()
            results["page_ms"] = round(statistics.median(ours))
            results["page_listens_ms"] = round(statistics.median(listening))
            results["empty_gradio_page_ms"] = round(statistics.median(theirs))
            results["ratio"] = round(statistics.median(ours) / statistics.median(theirs), 2)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
