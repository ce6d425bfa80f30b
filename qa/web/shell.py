"""The chat's page before Gradio has drawn it: our own HTML, put into Gradio's page as it is sent.

Gradio's page is empty until its scripts have come and run, which takes a second or more. What a visitor comes for
(name, tabs, examples, question box) is there at once instead; ``static/chat.js`` takes what was typed over into
Gradio's box when that listens. The styles stand in the page's head for the same reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Parts = tuple[str, str, str]
"""A page's language tag, what goes to the end of its head, and what stands before Gradio's element."""


def with_shell(page: str, parts: Parts) -> str:
    """Gradio's page with ``parts`` put in; unchanged where it has no such places."""
    tag, head, body = parts
    page = page.replace('lang="en"', f'lang="{tag}"', 1)
    # Before Gradio's own script, so that ours runs first.
    page = page.replace('<script type="module"', f'{head}<script type="module"', 1)
    return page.replace("<gradio-app", f"{body}<gradio-app", 1)


class Shell:
    """ASGI middleware: the HTML at the paths of ``pages`` with their parts put in."""

    def __init__(self, app: ASGIApp, pages: Mapping[str, Callable[[], Parts]]) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on, and holds a page's HTML until it is whole."""
        make = self._pages.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if make is None:
            await self._app(scope, receive, send)
            return
        held: Message | None = None
        page = b""

        async def filled(message: Message) -> None:
            nonlocal held, page
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                is_page = headers.get("content-type", "").startswith("text/html") and message["status"] == 200
                if is_page and "content-encoding" not in headers:
                    held = message
                    return
            if held is None or message["type"] != "http.response.body":
                await send(message)
                return
            page += message.get("body", b"")
            if not message.get("more_body", False):
                parts = await run_in_threadpool(make)
                whole = with_shell(page.decode(), parts).encode()
                MutableHeaders(raw=held["headers"])["content-length"] = str(len(whole))
                await send(held)
                await send({"type": "http.response.body", "body": whole})

        await self._app(scope, receive, filled)
