"""What takes long to load is loaded while the rest answers, lives as long as the server, and fails alone."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from tiny_models import static_folder
from web_fixtures import served

from qa.config import Settings
from qa.web.late import Late, NotLoadedError
from qa.web.server import bind, serve


async def told(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{request.scope['path']} below {request.scope['root_path']}")


@dataclass
class Slow:
    """Makes applications, when it may."""

    may: threading.Event = field(default_factory=threading.Event)
    made: int = 0
    living: int = 0

    def make(self) -> Starlette:
        assert self.may.wait(20)
        self.made += 1

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            self.living += 1
            yield
            self.living -= 1

        return Starlette(
            routes=[Mount("/slow", routes=[Route("/page", told)])],
            lifespan=lifespan,
        )


def around(late: Late) -> Starlette:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(late.running())
            yield

    async def quick(_: Request) -> PlainTextResponse:
        return PlainTextResponse("quick")

    return Starlette(routes=[Route("/quick", quick), Mount("/slow", late)], lifespan=lifespan)


@contextmanager
def asking(url: str) -> Iterator[list[str]]:
    """Asks in a thread; what comes back is in the list when the block ends."""
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(httpx.get(url, timeout=30).text))
    thread.start()
    yield found
    thread.join()


@pytest.mark.parametrize("at_once", [True, False])
def test_the_rest_answers_while_it_is_loaded_and_who_wants_it_waits(at_once: bool) -> None:
    slow = Slow()
    with served(around(Late("it", slow.make, at_once=at_once))) as address, asking(f"{address}/slow/page") as found:
        assert httpx.get(f"{address}/quick").text == "quick"
        assert (slow.made, found) == (0, [])
        slow.may.set()
    assert found == ["/slow/page below /slow"]
    assert (slow.made, slow.living) == (1, 0)


def test_it_lives_as_long_as_the_server_and_is_made_anew_at_the_next_start() -> None:
    slow = Slow()
    slow.may.set()
    app = around(Late("it", slow.make, at_once=True))
    for start in (1, 2):
        with TestClient(app) as client:
            for _ in range(3):
                assert client.get("/slow/page").status_code == 200
                assert (slow.made, slow.living) == (start, 1)
        assert slow.living == 0


def test_at_the_first_request_means_not_before() -> None:
    slow = Slow()
    slow.may.set()
    with TestClient(around(Late("it", slow.make, at_once=False))) as client:
        client.get("/quick")
        time.sleep(0.2)
        assert slow.made == 0
        client.get("/slow/page")
        assert (slow.made, slow.living) == (1, 1)


def test_an_end_before_it_is_loaded_does_not_wait_for_it() -> None:
    slow = Slow()
    app = around(Late("it", slow.make, at_once=True))
    with TestClient(app):
        pass
    assert (slow.made, slow.living) == (0, 0)
    slow.may.set()
    with TestClient(app) as client:
        assert client.get("/slow/page").status_code == 200
        assert slow.living == 1
    assert slow.living == 0


def test_without_a_servers_start_it_answers_too() -> None:
    slow = Slow()
    slow.may.set()
    client = TestClient(around(Late("it", slow.make, at_once=True)))
    assert client.get("/slow/page").text == "/slow/page below /slow"
    assert slow.living == 0


def test_what_cannot_be_loaded_is_told_once_and_harms_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    def make() -> Starlette:
        raise ImportError("no such thing")

    late = Late("The thing", make, at_once=True)
    with caplog.at_level(logging.ERROR), TestClient(around(late), raise_server_exceptions=False) as client:
        for _ in range(3):
            assert client.get("/slow/page").status_code == 500
        assert client.get("/quick").text == "quick"
    [told] = [record for record in caplog.records if record.name == "qa.web.late"]
    assert told.getMessage() == "The thing can't be loaded"
    assert "no such thing" in str(told.exc_info)
    assert late.failure().code == "NOT_LOADED"


def test_a_server_without_its_chat_ends_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> Starlette:
        raise ImportError("a package is missing")

    monkeypatch.setattr("qa.web.server.load_chats", broken)
    with bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    with pytest.raises(NotLoadedError):
        serve(Settings(data=tmp_path / "data", model=str(static_folder(tmp_path / "model")), port=port))
    assert "ready" not in capsys.readouterr().out
