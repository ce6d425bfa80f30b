"""The bot's tools as the protocol's own client sees them, over both transports."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import asyncio
import copy
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jsonschema import validate  # type: ignore[import-untyped]  # brought by mcp
from mcp import MCPError
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from starlette.types import ASGIApp
from tiny_models import static_folder
from web_fixtures import address, app, bot, served

from qa.access import Access
from qa.answer import record_json
from qa.bot import Bot
from qa.config import Settings
from qa.filters import Filters
from qa.web import mcp_server
from qa.web.server import build_app

QUESTION = "景山街道总工会三八节发了多少口罩？"

Use = Callable[[Client], Awaitable[None]]


def with_client(server: Any, use: Use) -> None:
    async def run() -> None:
        async with Client(server) as client:
            await use(client)

    asyncio.run(run())


@pytest.fixture(params=["memory", "http"])
def server(request: pytest.FixtureRequest, bot: Bot, address: str) -> Any:
    """What a client connects to: the tools themselves, or the served ``/mcp``."""
    return mcp_server.stdio_tools(bot, address) if request.param == "memory" else f"{address}/mcp"


def same(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in {"trace_id", "elapsed_ms"}}


def test_ask_gives_the_record_of_every_surface_and_text_to_read(server: Any, bot: Bot) -> None:
    async def use(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"ask", "search"}
        result = await client.call_tool("ask", {"question": QUESTION, "top_k": 2})
        assert not result.is_error
        assert same(result.structured_content) == same(json.loads(record_json(bot.ask(QUESTION, top_k=2))))
        assert tools["ask"].output_schema is not None
        validate(result.structured_content, tools["ask"].output_schema)
        text = result.content[0].text  # type: ignore[union-attr]  # it is one
        assert text.startswith(f"**{result.structured_content['answer']}**")
        assert "1. [" in text

    with_client(server, use)


def test_a_follow_up_and_filters_reach_the_bot(server: Any, bot: Bot) -> None:
    file = bot.store.articles()[0].file

    async def use(client: Client) -> None:
        follow_up = await client.call_tool("ask", {"question": "那朝阳门街道呢？", "history": [QUESTION]})
        assert (
            follow_up.structured_content["searched_as"]
            == bot.ask("那朝阳门街道呢？", history=[QUESTION])["searched_as"]
        )
        found = await client.call_tool("search", {"query": "口罩", "filters": {"files": [file]}})
        wanted = bot.ask("口罩", filters=Filters(files=(file,)))
        assert found.structured_content == {
            "searched_as": "口罩",
            "passages": json.loads(json.dumps(wanted["passages"])),
        }

    with_client(server, use)


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("ask", {}, "FIELD_INVALID"),
        ("ask", {"question": "a", "top_k": 51}, "FIELD_INVALID"),
        ("ask", {"question": ""}, "QUESTION_EMPTY"),
        ("ask", {"question": "口" * 2001}, "QUESTION_TOO_LONG"),
        ("search", {"query": "a", "filters": {"since": "x"}}, "FILTER_INVALID"),
        ("search", {"query": "a", "more": 1}, "FIELD_INVALID"),
    ],
)
def test_what_can_not_be_asked_is_told_with_its_code(
    server: Any, tool: str, arguments: dict[str, Any], code: str
) -> None:
    async def use(client: Client) -> None:
        result = await client.call_tool(tool, arguments)
        assert result.is_error
        assert result.content[0].text.startswith(f"{code}: ")  # type: ignore[union-attr]  # it is one

    with_client(server, use)


def test_articles_are_resources(server: Any, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_server, "PAGE", 10)
    lines = bot.store.articles()

    async def use(client: Client) -> None:
        listed, cursor = [], None
        while True:
            page = await client.list_resources(cursor=cursor)
            listed += page.resources
            cursor = page.next_cursor
            if cursor is None:
                break
        assert {resource.uri for resource in listed} == {f"wenbao://articles/{line.id}" for line in lines}
        for line in lines[:3]:
            content = (await client.read_resource(f"wenbao://articles/{line.id}")).contents[0]
            article = bot.store.article(line.id)
            assert article is not None
            assert content.text == article.text  # type: ignore[union-attr]  # it is one
        for uri in ("wenbao://articles/0", "wenbao://articles/../1", "file:///etc/passwd"):
            with pytest.raises(MCPError):
                await client.read_resource(uri)

    with_client(server, use)


def test_the_command_speaks_on_its_standard_streams(bot: Bot) -> None:
    environ = {name: text for name, text in os.environ.items() if not name.startswith("WENBAO_")}
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "qa.cli", "mcp", "--data", str(bot.settings.data)],
        env=environ,
        cwd=Path(__file__).parents[1],
    )

    async def use(client: Client) -> None:
        assert client.server_info is not None
        assert client.server_info.name == "wenbao"
        result = await client.call_tool("ask", {"question": QUESTION})
        assert same(result.structured_content) == same(json.loads(record_json(bot.ask(QUESTION))))

    with_client(parameters, use)


def test_from_elsewhere_a_token_of_the_scope_is_needed_and_a_wrong_one_is_refused(address: str, bot: Bot) -> None:
    access = Access(bot.settings.data)
    batch_only, _ = access.make_token("batch", ["batch"])
    access.close()
    for token, status in (("wbt_" + "a" * 43, 401), (batch_only, 403)):
        answer = httpx2.post(f"{address}/mcp", headers={"authorization": f"Bearer {token}"}, json={})
        assert answer.status_code == status
        assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"]
    foreign = httpx2.post(f"{address}/mcp", headers={"origin": "https://evil.example"}, json={})
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (403, "ORIGIN_NOT_ALLOWED")


def test_a_tokens_limit_holds_here_too(bot: Bot) -> None:
    small = copy.copy(bot)
    small.settings = replace(bot.settings, token_per_minute=1)
    access = Access(bot.settings.data)
    token, _ = access.make_token("asker", ["ask"])
    access.close()

    async def run(url: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
        ):
            first, second = [await client.call_tool("search", {"query": "口罩"}) for _ in range(2)]
        assert not first.is_error
        assert second.content[0].text.startswith("TOKEN_LIMIT: ")  # type: ignore[union-attr]  # it is one

    with served(build_app(small)) as url:
        asyncio.run(run(url))
