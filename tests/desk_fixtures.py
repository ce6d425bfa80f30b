"""A server over a corpus of its own, which tests may change, as its owner on this machine sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from tiny_models import static_folder
from web_fixtures import BASE

from qa.bot import Bot
from qa.config import Settings
from qa.web.server import build_app


@dataclass(frozen=True, slots=True)
class Desk:
    """``client`` comes from this machine; ``client_from`` gives one from elsewhere."""

    bot: Bot
    app: ASGIApp
    client: TestClient

    def client_from(self, address: str) -> TestClient:
        return TestClient(self.app, base_url=BASE, client=(address, 50_000), raise_server_exceptions=False)

    def upload(self, *files: tuple[str, bytes], **query: str) -> dict[str, Any]:
        """The job when it is done."""
        form = [("files", (name, data, "application/octet-stream")) for name, data in files]
        response = self.client.post("/api/articles", files=form, params={"wait": "60", **query})
        assert response.status_code == 200, response.text
        job: dict[str, Any] = response.json()
        return job

    def outcomes(self, *files: tuple[str, bytes], **query: str) -> list[tuple[str, str, str | None]]:
        """Each file with its outcome, by their order in the upload."""
        found = sorted(self.upload(*files, **query)["files"], key=lambda file: file["number"])
        return [(file["file"], file["state"], file["code"]) for file in found]


MakeDesk = Callable[..., Desk]


@pytest.fixture(scope="module")
def make_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeDesk]:
    """Makes a desk over an empty corpus, or over a folder of pages."""
    model = str(static_folder(tmp_path_factory.mktemp("model")))
    with ExitStack() as stack:

        def make(pages: Path | None = None, **settings: Any) -> Desk:
            given = Settings(data=tmp_path_factory.mktemp("data"), model=model, **settings)
            bot = stack.enter_context(Bot.open(given, index_seeds=False))
            if pages is not None:
                bot.index([pages])
            app = build_app(bot)
            client = TestClient(app, base_url=BASE, client=("127.0.0.1", 50_000), raise_server_exceptions=False)
            stack.enter_context(client)  # so that what the server starts is ended with it
            return Desk(bot, app, client)

        yield make
