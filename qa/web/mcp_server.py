"""The bot as tools of language models, by the Model Context Protocol: over stdio (``wenbao mcp``), and at ``/mcp``.

Two tools, ``ask`` and ``search``, which search alike: the first answers with a short answer and its verdict, the second
with the passages alone. Articles are resources. Results are structured (the answer record) and Markdown beside it, for
models that read text. What the protocol needs comes with the extra ``mcp``; this module is imported where that is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Annotated, Any

import mcp_types as types
from mcp import MCPError
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool

from qa.answer import Record
from qa.bot import Bot
from qa.errors import WenbaoError
from qa.filters import EVERYTHING, Filters
from qa.web.api import MAX_HISTORY, MAX_TOP_K, AskFilters
from qa.web.article_page import find_article
from qa.web.asking import Asking, allowed
from qa.web.bodies import Strict, Text
from qa.web.credentials import Caller
from qa.web.openai_api import message_of
from qa.web.records import AnswerRecord, FoundPassage

PAGE = 200
"""Articles in one page of the list."""
URI = "wenbao://articles/"
INSTRUCTIONS = (
    "Answers from a collection of articles. `ask` finds the exact words that answer a question, with a calibrated "
    "confidence: status answered, possible (near misses) or not_found. Quote the passages and cite their sources; "
    "nothing here is generated. `search` finds passages only."
)


class AskArguments(Strict):
    """What the tool ``ask`` takes."""

    question: Annotated[Text, Field(description="One question, as a person would ask it.")]
    history: Annotated[
        list[Text], Field(max_length=MAX_HISTORY, description="Earlier questions, oldest first, for follow-ups.")
    ] = Field(default=[])
    top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K, description="Passages wanted.")] | None = None
    filters: AskFilters | None = None


class SearchArguments(Strict):
    """What the tool ``search`` takes."""

    query: Annotated[Text, Field(description="Words or a question to search for.")]
    top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K, description="Passages wanted.")] | None = None
    filters: AskFilters | None = None


class Found(Strict):
    """What the tool ``search`` found, best first."""

    searched_as: str
    passages: list[FoundPassage]


Ask = Callable[[ServerRequestContext, AskArguments], Awaitable[Record]]
"""Asks the bot, within the limits of whoever sent the request."""


@dataclass(frozen=True, slots=True)
class _Bot:
    bot: Bot
    ask: Ask
    may_see: Callable[[ServerRequestContext], Filters]
    base_url: str


def stdio_tools(bot: Bot, base_url: str) -> Server:
    """The protocol's server over ``bot``, for its owner."""

    async def ask(_: ServerRequestContext, asked: AskArguments) -> Record:
        return await run_in_threadpool(
            bot.ask, asked.question, history=asked.history, top_k=asked.top_k, filters=asked.filters
        )

    return _server(_Bot(bot, ask, lambda _: EVERYTHING, base_url))


def serve_stdio(bot: Bot, base_url: str) -> None:
    """Speaks the protocol on standard input and output until they are closed."""

    async def run() -> None:
        server = stdio_tools(bot, base_url)
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

    asyncio.run(run())


def http_app(asking: Asking, base_url: str) -> Starlette:
    """The application behind ``/mcp``; its lifespan must run. ``mcp_gate`` lets requests in."""

    def caller(context: ServerRequestContext) -> Caller:
        found: Caller = context.request.scope["state"]["mcp_caller"]  # type: ignore[union-attr]  # HTTP's always has one
        return found

    async def ask(context: ServerRequestContext, asked: AskArguments) -> Record:
        return await asking.ask(
            caller(context),
            asked.question,
            surface="mcp",
            history=asked.history,
            top_k=asked.top_k,
            filters=asked.filters or EVERYTHING,
        )

    server = _server(_Bot(asking.bot, ask, lambda context: allowed(EVERYTHING, caller(context)), base_url))
    return server.streamable_http_app(
        stateless_http=True,  # a question needs no session, and none is kept for who never comes back
        json_response=True,
        # The guard knows by which names the server may be called.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )


def _server(own: _Bot) -> Server:
    return Server(
        "wenbao",
        version=version("wenbao"),
        title="wenbao",
        instructions=INSTRUCTIONS,
        on_list_tools=_list_tools,
        on_call_tool=partial(_call_tool, own),
        on_list_resources=partial(_list_resources, own),
        on_list_resource_templates=_list_templates,
        on_read_resource=partial(_read_resource, own),
    )


async def _list_tools(_: ServerRequestContext, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    reads = types.ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
    return types.ListToolsResult(
        tools=[
            types.Tool(
                name="ask",
                title="Ask the articles",
                description="The exact words of the articles that answer a question, with passages and sources.",
                input_schema=AskArguments.model_json_schema(),
                output_schema=AnswerRecord.model_json_schema(),
                annotations=reads,
            ),
            types.Tool(
                name="search",
                title="Search the articles",
                description="The passages that fit a question or some words best, with their sources; no verdict.",
                input_schema=SearchArguments.model_json_schema(),
                output_schema=Found.model_json_schema(),
                annotations=reads,
            ),
        ]
    )


async def _call_tool(
    own: _Bot, context: ServerRequestContext, call: types.CallToolRequestParams
) -> types.CallToolResult:
    try:
        if call.name == "ask":
            record = await own.ask(context, AskArguments.model_validate(call.arguments or {}))
            return _result(message_of(record, own.base_url), record)
        if call.name == "search":
            wanted = SearchArguments.model_validate(call.arguments or {})
            # As read already: filters are read from JSON only.
            asked = AskArguments.model_construct(question=wanted.query, top_k=wanted.top_k, filters=wanted.filters)
            record = await own.ask(context, asked)
            found = {"searched_as": record["searched_as"], "passages": record["passages"]}
            return _result(json.dumps(found, ensure_ascii=False, indent=1), found)
    except WenbaoError as error:
        return _failure(error.code, error.message)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return _failure("FIELD_INVALID", f"{'.'.join(map(str, first['loc']))}: {first['msg']}.")
    raise MCPError(code=types.INVALID_PARAMS, message=f"There is no tool {call.name!r}; there are ask and search.")


def _result(text: str, structured: Mapping[str, Any]) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)], structured_content=dict(structured), is_error=False
    )


def _failure(code: str, message: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=f"{code}: {message}")], is_error=True)


async def _list_resources(
    own: _Bot, context: ServerRequestContext, wanted: types.PaginatedRequestParams | None
) -> types.ListResourcesResult:
    cursor = wanted.cursor if wanted is not None else None
    if cursor is not None and not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 16):
        raise MCPError(code=types.INVALID_PARAMS, message="The cursor is none of this server's.")
    filters, after = own.may_see(context), int(cursor or 0)
    lines = await run_in_threadpool(own.bot.store.articles)
    rest = sorted(
        (line for line in lines if line.id > after and filters.allows(line.file, line.id, line.date)),
        key=lambda line: line.id,
    )
    shown = rest[:PAGE]
    return types.ListResourcesResult(
        resources=[
            types.Resource(
                name=line.headline or line.file,
                uri=f"{URI}{line.id}",
                description=line.file if line.date is None else f"{line.file}, {line.date}",
                mime_type="text/plain",
            )
            for line in shown
        ],
        next_cursor=str(shown[-1].id) if len(rest) > PAGE else None,
    )


async def _list_templates(
    _: ServerRequestContext, __: types.PaginatedRequestParams | None
) -> types.ListResourceTemplatesResult:
    told = types.ResourceTemplate(
        name="article",
        uri_template=f"{URI}{{article_id}}",
        description="An article's text, as it stands in the original.",
        mime_type="text/plain",
    )
    return types.ListResourceTemplatesResult(resource_templates=[told])


async def _read_resource(
    own: _Bot, context: ServerRequestContext, wanted: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    name = wanted.uri.removeprefix(URI) if wanted.uri.startswith(URI) else ""
    try:
        article = await run_in_threadpool(find_article, own.bot, name, own.may_see(context))
    except WenbaoError as error:
        raise MCPError(code=types.INVALID_PARAMS, message=f"{error.code}: {error.message}") from error
    content = types.TextResourceContents(uri=wanted.uri, mime_type="text/plain", text=article.text)
    return types.ReadResourceResult(contents=[content])
