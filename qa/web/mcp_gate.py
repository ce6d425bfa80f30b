"""The way to ``/mcp``: who may ask is let in, and what speaks the protocol is loaded when the first one comes.

The protocol's package takes about a second to load, and most servers are never asked by it. Whether it is
installed (the extra ``mcp``) is known without loading it.
"""

from __future__ import annotations

from importlib.util import find_spec

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from qa.web.asking import Asking
from qa.web.credentials import asker
from qa.web.late import Late


class Gate(Late):
    """Lets requests to ``/mcp`` in that may ask. Errors are told by the application around it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request.

        Raises:
            AccessError, ForbiddenError: as ``qa.web.credentials`` decides.
        """
        found = await run_in_threadpool(asker, Request(scope))
        await super().__call__({**scope, "state": {**scope.get("state", {}), "mcp_caller": found}}, receive, send)


def gate(asking: Asking, base_url: str) -> Gate | None:
    """The gate; None without the extra ``mcp``."""
    if find_spec("mcp") is None:
        return None

    def load() -> Starlette:
        from qa.web import mcp_server  # noqa: PLC0415  # needs the extra, and time

        return mcp_server.http_app(asking, base_url)

    return Gate("The Model Context Protocol", load, at_once=False)
