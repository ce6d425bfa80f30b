"""The server: the bot's chat, pages and API in one application, on this machine or, with an admin token, for others."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, suppress
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import cast
from urllib.parse import urlsplit

import click
import uvicorn
from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import FileResponse, RedirectResponse
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from qa.access import NAME as ACCESS_NAME
from qa.access import Access
from qa.batch.jobs import Jobs
from qa.bot import WARMING, Bot
from qa.config import Settings
from qa.errors import EngineError, UsageError, WenbaoError
from qa.helpers import Helpers
from qa.review import ReviewLog
from qa.talks import Talks
from qa.uploads import Uploads
from qa.web import (
    api,
    api_docs,
    article_page,
    batch_api,
    batch_page,
    embed_page,
    feedback_api,
    help_page,
    history_api,
    mcp_gate,
    openai_api,
    page_view,
    widget_api,
)
from qa.web.admission import Admission
from qa.web.articles_api import router as articles_routes
from qa.web.asking import Asking
from qa.web.connections import KEEP_ALIVE_S, House
from qa.web.corpus_page import router as corpus_routes
from qa.web.cors import SiteCors
from qa.web.failures import add_error_handlers
from qa.web.guard import LOCAL_HOSTS, Guard
from qa.web.late import Late
from qa.web.metrics import Metrics
from qa.web.metrics import router as metrics_routes
from qa.web.review_api import router as review_routes
from qa.web.review_page import router as review_page_routes
from qa.web.widget_files import WidgetFiles
from qa.web.words import LANGUAGES, choose
from qa.web.words_api import router as words_routes

STATIC = Path(__file__).parent / "static"
_LOG = logging.getLogger(__name__)
LOCAL = ("127.0.0.1", "::1", "localhost")
OTHER_FILES = 256
"""File descriptors kept for databases, indexes and the rest; unmeasured, generous."""
FAREWELL_S = 3
"""Longest time for requests under way when the server stops: an answer takes milliseconds, an open chat page is a
stream without end."""
UPLOAD_PATHS = ("/api/articles", "/api/words", "/api/batch")
"""Paths that take files of up to ``WENBAO_FILE_MB``, and check credentials before they read them: see ``Guard``."""

CHAT_BYTES = 1024 * 1024
"""A conversation in OpenAI's form, which comes whole with each question: our answers in it are some kB each."""


def build_app(bot: Bot) -> Guard:
    """The whole application over an open ``bot``: chats, article pages, API and its document at ``/openapi.json``."""
    quiet_gradio()
    settings = bot.settings
    admission = Admission(settings)
    metrics = Metrics()
    review = ReviewLog(bot.settings.data, bot.settings.review_days)
    talks = Talks(bot.settings.data, bot.settings.talk_days)
    uploads = Uploads(bot)
    jobs = Jobs(bot)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(jobs.start_working)
        async with AsyncExitStack() as stack:
            if tools is not None:
                await stack.enter_async_context(tools.running())
            await stack.enter_async_context(chats.running())
            yield
        await run_in_threadpool(jobs.close)
        admission.close()
        uploads.close()
        app.state.access.close()
        review.close()
        talks.close()

    app = FastAPI(
        title="wenbao",
        version=version("wenbao"),
        description="Questions answered from a pile of articles: the best passages with their places, nothing made up.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_middleware(CORSMiddleware)  # no origin is allowed but by SiteCors, around it, on the widget's routes
    access = Access(bot.settings.data)
    app.add_middleware(SiteCors, access=access)
    add_error_handlers(app)
    app.state.access = access
    app.state.review = review
    app.state.uploads = uploads
    app.state.chats = chats = Late("The chat", lambda: load_chats(asking, talks), at_once=True)
    app.include_router(articles_routes())
    app.include_router(words_routes(bot, uploads))
    app.include_router(corpus_routes(bot))
    app.include_router(review_routes(bot, review))
    app.include_router(review_page_routes(bot, review))
    asking = Asking(bot, admission, metrics, review)
    app.include_router(api.router(asking))
    app.include_router(openai_api.router(asking, address_of(settings)))
    tools = mcp_gate.gate(asking, address_of(settings))
    if tools is not None:
        app.router.routes.append(Route("/mcp", tools))
    app.include_router(api_docs.router(app.openapi))
    app.include_router(metrics_routes(metrics))
    metrics.gauge("wenbao_queue_taken", "Questions at work and waiting.", lambda: admission.workers.taken)
    metrics.gauge("wenbao_refused", "Questions refused by a limit, since the start.", lambda: admission.refused)
    metrics.gauge("wenbao_passages", "Passages of the corpus.", lambda: bot.store.counts()["passages"])
    app.include_router(feedback_api.router())
    app.include_router(widget_api.router(WidgetFiles.read()))
    app.include_router(batch_api.router(jobs))
    app.include_router(batch_page.router())
    app.include_router(embed_page.router())
    app.include_router(article_page.router(bot))
    app.include_router(page_view.router(bot))
    app.include_router(help_page.router(bot.settings))
    app.include_router(history_api.router(talks))
    app.mount("/ui", StaticFiles(directory=STATIC))

    @app.get("/", include_in_schema=False)
    def start(request: Request) -> RedirectResponse:
        words = choose(request.headers.get("accept-language", ""))
        return RedirectResponse(f"/{words.path}/", headers={"vary": "accept-language"})

    @app.get("/favicon.ico", include_in_schema=False)
    def icon() -> FileResponse:
        return FileResponse(STATIC / "icon.svg")

    for path in LANGUAGES:
        app.mount(f"/{path}", chats)
    # Around everything, the answers to unforeseen failures included, which no middleware of the application sees.
    return Guard(
        app,
        chat_paths=[f"/{path}" for path in LANGUAGES],
        hosts=known_hosts(settings),
        uploads={**dict.fromkeys(UPLOAD_PATHS, settings.file_mb * 1024 * 1024), "/v1/chat": CHAT_BYTES},
        proxies=settings.trusted_proxies,
        trusts_local=trusts_local(settings),
        metrics=metrics,
    )


def quiet_gradio() -> None:
    """Sets what Gradio reads as it is loaded: without it, it would call its makers' server and the hub."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    # Gradio would sum up its events with pandas after every single one, for a monitoring page that is closed here.
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = "1000000000"
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"


def load_chats(asking: Asking, talks: Talks) -> FastAPI:
    """The chat's pages, each language's at its path. Takes seconds, since it loads Gradio."""
    from qa.web import chat_page  # noqa: PLC0415  # brings Gradio, so after the settings that it reads

    with suppress(WenbaoError):  # only saves a visitor's time
        asking.bot.warm(WARMING[1:])

    async def made() -> FastAPI:
        return chat_page.application(asking, talks)

    return asyncio.run(made())  # where no event loop runs, Gradio leaves one open for each lock that it makes


def known_hosts(settings: Settings) -> set[str]:
    """The names by which the server may be called: this machine's own, the settings', that of the public address."""
    public = urlsplit(settings.public_url or "").hostname
    return {*LOCAL_HOSTS, *settings.hosts, *([public] if public else [])}


def trusts_local(settings: Settings) -> bool:
    """Whether a request from this machine is its owner's: not when a proxy here, or a name, brings others in."""
    return settings.host in LOCAL and not (settings.hosts or settings.public_url or settings.trusted_proxies)


def serve(settings: Settings) -> None:
    """Serve until stopped, and say where once it answers.

    Raises:
        UsageError: HOST_NOT_LOCAL, PORT_IN_USE or PORT_NOT_ALLOWED, before anything is read or indexed.
        WenbaoError: what ``Bot.open`` raises; NOT_LOADED, when the chat can't be loaded.
    """
    check_reach(settings)
    with bind(settings.host, settings.port) as listener, Bot.open(settings) as bot, ExitStack() as stack:
        try:
            bot.warm(WARMING[:1])  # so that the first visitor waits for nothing
        except EngineError as error:
            _LOG.warning("%s Until then questions get 503.", error.message)
        app = build_app(bot)
        config = uvicorn_config(app, settings)
        if settings.processes > 1:
            helpers = stack.enter_context(closing(Helpers(settings, settings.processes - 1)))
            bot.elsewhere = helpers.records
            app.metrics.gauge("wenbao_helpers_idle", "Processes that wait to help.", lambda: helpers.idle)
            app.metrics.gauge("wenbao_helpers_answered", "Times that one helped.", lambda: helpers.answered)
        chats: Late = cast("FastAPI", app.app).state.chats
        server = _Server(config, address_of(settings), chats)
        server.run(sockets=[listener])
        if server.failed:
            raise chats.failure()


def check_reach(settings: Settings) -> None:
    """Nothing, where only this machine reaches the server, or an admin token keeps its desk from others.

    Raises:
        UsageError: HOST_NOT_LOCAL.
    """
    if settings.host in LOCAL:
        return
    if (settings.data / ACCESS_NAME).exists():
        with closing(Access(settings.data)) as access:
            if access.has_admin_token():
                return
    message = (
        f"WENBAO_HOST={settings.host}: others can reach this server, and no admin token keeps its desk from them; make "
        f"one with `wenbao keys make NAME --scope admin --data {settings.data}`, or listen on 127.0.0.1."
    )
    raise UsageError("HOST_NOT_LOCAL", message, field="WENBAO_HOST")


def address_of(settings: Settings) -> str:
    """Where to open the server in a browser: the public address, or this machine's."""
    if settings.public_url:
        return settings.public_url
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  # not to be bound here
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def uvicorn_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves ``app``: connections by the rules of ``House``, nothing of uvicorn's own told to anybody."""
    limit = min(settings.connections, allow_files(settings.connections + OTHER_FILES) - OTHER_FILES)
    house = House(limit, settings.connections_per_address, settings.trusted_proxies)
    if isinstance(app, Guard):
        app.metrics.gauge("wenbao_connections", "Open connections.", lambda: len(house))
    return uvicorn.Config(
        app,
        http=house.protocol(),  # type: ignore[arg-type]  # wants a class; calls it
        log_level="error",  # its warnings tell of bad requests, as many as anybody cares to send
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=FAREWELL_S,
    )


def allow_files(wanted: int) -> int:
    """How many files may be open at once, raised to ``wanted`` where the system lets us; most begin with 1,024."""
    if sys.platform == "win32":
        return wanted
    import resource  # noqa: PLC0415  # Windows has none

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to ``host`` and ``port``, not listening yet.

    Raises:
        UsageError: HOST_UNUSABLE when the machine has no such address; PORT_IN_USE, PORT_NOT_ALLOWED.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            message = f"WENBAO_HOST={host}: this machine has no such address; use one of its own, or 0.0.0.0 for all."
            raise UsageError("HOST_UNUSABLE", message, field="WENBAO_HOST") from error
        if error.errno == errno.EADDRINUSE:
            message = f"Port {port} on {host} is taken by another program; choose one with --port or WENBAO_PORT."
            raise UsageError("PORT_IN_USE", message, field="WENBAO_PORT") from error
        message = f"Port {port} on {host} can't be opened ({error.strerror}); choose one with --port or WENBAO_PORT."
        raise UsageError("PORT_NOT_ALLOWED", message, field="WENBAO_PORT") from error
    return listener


class _Server(uvicorn.Server):
    """Prints the address when, and only when, its pages are there; the API answers before."""

    def __init__(self, config: uvicorn.Config, address: str, chats: Late) -> None:
        super().__init__(config)
        self._address = address
        self._chats = chats
        self._saying: asyncio.Task[None] | None = None
        self.failed = False
        """Whether it ended since its pages can't be loaded."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._saying = asyncio.create_task(self._say())

    async def _say(self) -> None:
        is_loaded = await self._chats.loaded()
        if self.should_exit:
            return
        if is_loaded:
            click.echo(f"wenbao is ready: {self._address} (Ctrl+C stops it)")
        else:
            self.failed = self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM ends the process in order, with exit code 0; a second one ends it at once."""
        if sig != signal.SIGTERM:
            super().handle_exit(sig, frame)
        elif self.should_exit:
            self.force_exit = True
        else:
            self.should_exit = True
