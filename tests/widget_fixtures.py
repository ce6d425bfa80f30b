"""What tests of the widget share: a server without small limits, and a site's own server on another port."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from starlette.types import ASGIApp

from qa.bot import Bot
from qa.web.server import build_app


def generous_app(bot: Bot) -> ASGIApp:
    """The application over ``bot``, for a test that asks more than a visitor may."""
    twin = copy.copy(bot)
    twin.settings = replace(
        bot.settings, visitor_per_minute=100_000, visitor_burst=1000, visitor_per_day=100_000, site_per_minute=100_000
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
            self.send_response(200 if body else 404)
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
