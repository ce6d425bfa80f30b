"""What tests of the widget share: a server without small limits, a site's own server on another port, a browser.

At a test's end no request has left this machine, no page has complained of anything, and no cookie was set.
"""

from __future__ import annotations

import copy
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright
from starlette.types import ASGIApp
from web_fixtures import served

from qa.access import Access, SiteLimits
from qa.bot import Bot
from qa.web.server import build_app


def generous_app(bot: Bot, data: Path) -> ASGIApp:
    """The application over ``bot``, for a test that asks more than a visitor may.

    Sites, questions and counts are kept in ``data``: what another test's sites list is allowed to any page.
    """
    twin = copy.copy(bot)
    twin.settings = replace(
        bot.settings,
        data=data,
        visitor_per_minute=100_000,
        visitor_burst=1000,
        visitor_per_day=100_000,
        site_per_minute=100_000,
    )
    return build_app(twin)


@dataclass
class Host:
    """A site's server: ``pages`` by path, each a body and headers. By ``localhost`` it is another origin."""

    port: int = 0
    pages: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def unlisted(self) -> str:
        return f"http://localhost:{self.port}"

    def page(self, path: str, body: str, *, head: str = "", lang: str = "zh-CN", **headers: str) -> str:
        """Puts a page at ``path`` and gives its address; ``headers`` with _ for -."""
        html = (
            f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>site</title>'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">{head}</head>'
            f"<body><h1>本地新闻</h1><p>这是别人的网站。</p>{body}</body></html>"
        )
        self.pages[path] = (html, {name.replace("_", "-"): value for name, value in headers.items()})
        return self.origin + path


@contextmanager
def hosted() -> Iterator[Host]:
    """A site's server while the block lasts."""
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, headers = host.pages.get(self.path.partition("?")[0], ("", {}))
            self.send_response(204 if self.path == "/favicon.ico" else 200 if body else 404)
            kind = "text/css" if self.path.endswith(".css") else "text/html; charset=utf-8"
            for name, value in {"content-type": kind, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
QUESTION = "景山街道总工会三八节发了多少口罩？"
HOSTILE_CSS = """
html { font-size: 60px; }
* { all: revert !important; font-size: 40px !important; color: lime !important; background: yellow !important;
    display: block !important; letter-spacing: 9px !important; line-height: 3 !important; opacity: .5;
    visibility: hidden; transform: rotate(1deg); position: static !important; float: right; }
button, textarea, section, div, p, mark, a
  { border: 9px solid red !important; width: 7px !important; display: none !important; }
"""


@dataclass
class Site:
    """A listed site: its server, its key, and where wenbao answers."""

    host: Host
    address: str
    key: str
    access: Access

    def tag(self, key: str | None = None, **data: str) -> str:
        more = "".join(f" data-{name.replace('_', '-')}='{value}'" for name, value in data.items())
        return f'<script src="{self.address}/widget.js" data-site="{key or self.key}"{more} async></script>'

    @property
    def policy(self) -> str:
        """As strict as can be, and as docs/widget.md tells owners."""
        return f"default-src 'none'; style-src 'self'; script-src {self.address}; connect-src {self.address}"


@pytest.fixture(scope="module")
def site(bot: Bot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("site")
    with hosted() as host, served(generous_app(bot, data)) as address, closing(Access(data)) as access:
        access.add_site("host", [host.origin], SiteLimits(logs_questions=True))
        host.pages["/hostile.css"] = (HOSTILE_CSS, {})
        yield Site(host, address, access.make_site_key("host")[0], access)
        access.remove_site("host")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS) as found:
        yield found


class Log(list[str]):
    """What pages complained of; a test takes away what it provoked."""

    def take(self, part: str) -> None:
        found = [line for line in self if part in line]
        assert found, (part, list(self))
        self[:] = [line for line in self if line not in found]


@pytest.fixture
def errors() -> Log:
    return Log()


Opener = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, errors: Log) -> Iterator[Opener]:
    """Opens an empty page. At the end: nothing left this machine, no page had an error, no cookie was set."""
    requests: list[str] = []
    contexts: list[BrowserContext] = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type != "log" else None)
        page.on("dialog", lambda dialog: errors.append(f"dialog: {dialog.message}"))

    def open_page(width: int = 1180, height: int = 820, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **{"locale": "zh-CN", **options})
        contexts.append(context)
        context.on("request", lambda request: requests.append(request.url))
        context.on("page", watch)
        return context.new_page()

    yield open_page
    for context in contexts:
        assert context.cookies() == []
        context.close()
    assert {urlsplit(url).hostname for url in requests} <= {"127.0.0.1", "localhost"}
    assert errors == []


def start(page: Page, url: str) -> None:
    """Open the page, then the widget's panel."""
    page.goto(url)
    page.locator("wenbao-chat .launch").click()
    expect(page.locator("wenbao-chat .panel")).to_be_visible()


def ask(page: Page, question: str = QUESTION) -> None:
    page.locator("wenbao-chat textarea").fill(question)
    page.locator("wenbao-chat textarea").press("Enter")


def style(page: Page, selector: str, *names: str) -> list[str]:
    script = "(element, names) => names.map((name) => getComputedStyle(element)[name])"
    found: list[str] = page.locator(selector).first.evaluate(script, list(names))
    return found


def reply(route: Route, body: str | bytes, status: int = 200, kind: str = "application/json", **headers: str) -> None:
    cors = {"access-control-allow-origin": "*", "access-control-allow-headers": "*", "content-type": kind}
    cors["access-control-expose-headers"] = "retry-after"
    route.fulfill(status=status, body=body, headers={**cors, **{k.replace("_", "-"): v for k, v in headers.items()}})


def record(payload: str, status: str = "answered") -> dict[str, Any]:
    """An answer record with ``payload`` wherever a text stands."""
    source = {"file": payload, "article": payload, "section": payload, "start": 0, "end": 9, "article_id": 7}
    length = len(payload)
    passage = {"rank": 1, "score": 1.0, "text": payload, "source": source, "highlights": [{"start": 0, "end": 5}],
               "marks": [{"start": length // 3, "end": length // 2}]}  # fmt: skip
    return {"question": "x", "status": status, "answer": payload if status == "answered" else None, "confidence": 0.5,
            "searched_as": payload, "passages": [passage], "missing_terms": [payload], "trace_id": payload}  # fmt: skip
