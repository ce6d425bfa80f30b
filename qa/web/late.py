"""Late: an application that takes long to load, loaded in a thread while the rest of the server answers already.

The chat's pages are one, since Gradio takes longer to load than all else together; the Model Context Protocol is the
other. A request for what isn't loaded yet waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from qa.errors import WenbaoError

log = logging.getLogger(__name__)


class NotLoadedError(WenbaoError):
    """A part of the server can't be loaded."""


class Late:
    """What ``make`` makes, in its place among the routes of another application; its own routes tell whole paths.

    Args:
        name: what people call it.
        make: makes the application, in a thread without an event loop; once, and anew at each start of the server,
            since an application can be started only once.
        at_once: is it loaded as the server starts, or only at the first request?
    """

    def __init__(self, name: str, make: Callable[[], Starlette], *, at_once: bool) -> None:
        self._name = name
        self._make = make
        self._at_once = at_once
        self._made: Future[Starlette | None] | None = None
        self._home: asyncio.AbstractEventLoop | None = None
        self._over = asyncio.Event()
        self._living: asyncio.Task[None] | None = None
        self._alive: Future[bool] = Future()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, as soon as it can be.

        Raises:
            NotLoadedError: NOT_LOADED.
        """
        app = await self._application()
        if self._home is not None:
            self._home.call_soon_threadsafe(self._begin)
            await self.loaded()
        await app({**scope, "root_path": scope.get("app_root_path", scope.get("root_path", ""))}, receive, send)

    async def loaded(self) -> bool:
        """Whether it is there, once that is known: of a server that runs, and a part that is loaded at once."""
        return await asyncio.shield(asyncio.wrap_future(self._alive))

    def failure(self) -> NotLoadedError:
        """What to tell when it can't be loaded; the reason is in the log."""
        message = f"{self._name} can't be loaded; the log says why. Install wenbao anew, or free memory and disk."
        return NotLoadedError("NOT_LOADED", message)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While the server runs: the application is started once it is there, and ends with the block.

        A block that ends earlier doesn't wait for it.
        """
        self._home, self._made = asyncio.get_running_loop(), None
        if self._at_once:
            self._begin()
        try:
            yield
        finally:
            self._home = None
            self._over.set()
            if self._living is not None:
                if not self._alive.done():
                    self._living.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._living
            self._over, self._living, self._alive = asyncio.Event(), None, Future()

    def _begin(self) -> None:
        if self._living is None:
            self._living = asyncio.create_task(self._live(self._alive))

    async def _live(self, alive: Future[bool]) -> None:
        try:
            app = await self._application()
            async with app.router.lifespan_context(app):
                alive.set_result(True)
                await self._over.wait()
        except NotLoadedError:
            pass  # is in the log
        except Exception:
            log.exception("%s failed as it was started or ended", self._name)
        finally:
            if not alive.done():
                alive.set_result(False)

    async def _application(self) -> Starlette:
        if self._made is None:
            self._made = Future()
            # Not waited for by anybody who ends the process: what it does is of no use then.
            threading.Thread(target=self._load, args=(self._made,), name="late", daemon=True).start()
        app = await asyncio.shield(asyncio.wrap_future(self._made))
        if app is None:
            raise self.failure()
        return app

    def _load(self, made: Future[Starlette | None]) -> None:
        try:
            made.set_result(self._make())
        except Exception:
            log.exception("%s can't be loaded", self._name)
            made.set_result(None)
