"""A bot over the sample pages, one over hostile pages, and what of the web surface tests need: loaded as a plugin."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from tiny_models import static_folder
from xss_payloads import XSS_PAYLOADS

from qa.bot import Bot
from qa.config import Settings
from qa.web.guard import Guard
from qa.web.server import bind, build_app, quiet_gradio, uvicorn_config

# Here, and not by a server's thread while tests replace parts of what it imports.
quiet_gradio()
import qa.web.chat_page  # noqa: E402, F401  # brings Gradio, which reads what was set

PORT = 7860
BASE = f"http://127.0.0.1:{PORT}"

PAYLOADS = XSS_PAYLOADS


class Page(HTMLParser):
    """An HTML text as a parser sees it: its tags with their attributes, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.marks: list[str] = []
        """What is marked, each as a whole; ``answers`` are the answers' own marks within."""
        self.answers: list[str] = []
        self._open: list[list[str]] = []
        self.feed(str(source))  # a Markup would escape what it is joined with
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "mark":
            marks = self.answers if ("class", "answer") in attrs else self.marks
            marks.append("")
            self._open.append(marks)

    def handle_endtag(self, tag: str) -> None:
        if tag == "mark":
            self._open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data
        for marks in self._open:
            marks[-1] += data


@pytest.fixture(scope="session")
def bot(seeds_bot: Bot) -> Bot:
    return seeds_bot


@pytest.fixture(scope="session")
def hostile_bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """Over articles whose headlines, bylines, headings and texts are payloads."""
    folder = tmp_path_factory.mktemp("hostile")
    for number, payload in enumerate(PAYLOADS):
        text = (
            f"# {payload}标题{number}\n\n□本报记者 {payload}\n\n## 小标题{payload}\n\n"
            f"第{number}号仓库存有{payload}口罩{number}00个，都已发出。\n"
        )
        name = payload.replace("/", "\u2215").replace("\0", "")[:40]
        (folder / f"{number:03}{name}.md").write_text(text, encoding="utf-8")
    settings = Settings(
        data=tmp_path_factory.mktemp("data"), model=str(static_folder(tmp_path_factory.mktemp("model")))
    )
    with Bot.open(settings, index_seeds=False) as opened:
        opened.index([folder])
        yield opened


@pytest.fixture(scope="session")
def app(bot: Bot) -> ASGIApp:
    return build_app(bot)


@pytest.fixture(scope="session")
def client(app: ASGIApp) -> TestClient:
    """Requests to the application as a browser on this machine makes them; failures inside come back as 500."""
    return local_client(app)


def local_client(app: ASGIApp, **others: Any) -> TestClient:
    """A client on this machine; ``others`` are more arguments of Starlette's."""
    wanted: dict[str, Any] = {"raise_server_exceptions": False, "follow_redirects": False}
    return TestClient(app, base_url=BASE, **{"client": ("127.0.0.1", 50_000), **wanted, **others})


@contextmanager
def served(app: ASGIApp, settings: Settings | None = None) -> Iterator[str]:
    """The address at which ``app`` is served while the block lasts."""
    settings = settings or Settings()
    with bind("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn_config(app, settings))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            if isinstance(app, Guard):
                _wait_for_chats(server, thread)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=20)


def _wait_for_chats(server: uvicorn.Server, running: threading.Thread) -> None:
    """Until nothing is loaded beside the tests any more.

    FastAPI silences warnings as it makes routes, and pytest sets the warnings' filters at each test's start and end:
    done at once in two threads, a silenced warning becomes an error, and the chat can't be loaded.
    """
    while not server.started and running.is_alive():
        time.sleep(0.01)
    for thread in threading.enumerate():
        if thread.name == "late":
            thread.join(60)
            assert not thread.is_alive(), "the chat takes more than a minute to load"


@pytest.fixture(scope="session")
def address(app: ASGIApp) -> Iterator[str]:
    with served(app) as found:
        yield found


@pytest.fixture(scope="session")
def hostile_address(hostile_bot: Bot) -> Iterator[str]:
    with served(build_app(hostile_bot)) as found:
        yield found
