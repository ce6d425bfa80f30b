"""Late: an application that takes long to load, loaded in a thread while the rest of the server answers already.

The chat's pages are one, since Gradio takes longer to load than all else together; the Model Context Protocol is the
other. A request for what isn't loaded yet waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

log = logging.getLogger(__name__)


class Late:
    """What ``make`` makes, in its place among the routes of another application; its own routes tell whole paths.

    Args:
        name: what the log calls it.
        make: makes the application, in a thread without an event loop; once, and anew at each start of the server,
            since an application can be started only once.
        at_once: is it loaded as the server starts, or only at the first request?
    """

    def __init__(self, name: str, make: Callable[[], Starlette], *, at_once: bool) -> None:
        self._name = name
        self._make = make
        self._at_once = at_once
        self._made: Future[Starlette] | None = None
        self._home: asyncio.AbstractEventLoop | None = None
        self._over = asyncio.Event()
        self._living: asyncio.Task[None] | None = None
        self._alive: Future[None] = Future()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, as soon as it can be.

        Raises:
            Exception: what ``make`` raised.
        """
        app = await self._application()
        if self._home is not None:
            self._home.call_soon_threadsafe(self._begin)
            await self.loaded()
        await app({**scope, "root_path": scope.get("app_root_path", scope.get("root_path", ""))}, receive, send)

    async def loaded(self) -> None:
        """Waits until it is there, or can't be: for a server that runs, and an application that is loaded at once."""
        await asyncio.shield(asyncio.wrap_future(self._alive))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While the server runs: the application is started once it is there, and ends with the block."""
        self._home, self._made = asyncio.get_running_loop(), None
        if self._at_once:
            self._begin()
        try:
            yield
        finally:
            self._home = None
            self._over.set()
            if self._living is not None:
                await self._living
            self._over, self._living, self._alive = asyncio.Event(), None, Future()

    def _begin(self) -> None:
        if self._living is None:
            self._living = asyncio.create_task(self._live(self._alive))

    async def _live(self, alive: Future[None]) -> None:
        try:
            app = await self._application()
            async with app.router.lifespan_context(app):
                alive.set_result(None)
                await self._over.wait()
        except Exception:
            log.exception("%s can't be loaded; everything else answers as ever.", self._name)
        finally:
            if not alive.done():
                alive.set_result(None)

    async def _application(self) -> Starlette:
        if self._made is None:
            pool = ThreadPoolExecutor(1, thread_name_prefix="late")
            self._made = pool.submit(self._make)
            pool.shutdown(wait=False)
        return await asyncio.shield(asyncio.wrap_future(self._made))
