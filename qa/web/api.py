"""The HTTP API: questions, articles, health. Each route calls the ``Bot`` that every surface calls."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, PlainValidator, WithJsonSchema
from starlette.responses import JSONResponse, Response, StreamingResponse

from qa.answer import record_json
from qa.filters import EVERYTHING, SCHEMA, Filters
from qa.store.structure import article_structure
from qa.web.article_page import find_article
from qa.web.asking import Asking, allowed
from qa.web.bodies import Strict, Text, errors, json_body, read_json, wants_events
from qa.web.credentials import IsAsker, IsCaller
from qa.web.records import EVENT, AnswerRecord, ArticleList, FullArticle, Health
from qa.web.writing import events, with_text

MAX_TOP_K = 50
MAX_HISTORY = 100
"""Earlier questions in one request; a longer conversation has long left its beginning behind."""

LIST_PARAMETERS = [
    {"name": "file", "in": "query", "schema": SCHEMA["properties"]["files"], "explode": True},
    *({"name": name, "in": "query", "schema": SCHEMA["properties"][name]} for name in ("since", "until")),
]
AskFilters = Annotated[Filters, PlainValidator(Filters.read), WithJsonSchema(dict(SCHEMA))]
"""Read by the code that reads them everywhere, which says FILTER_INVALID and the field."""


class Ask(Strict):
    """What is asked."""

    question: Text
    history: Annotated[list[Text], Field(max_length=MAX_HISTORY)] | None = None
    """Earlier questions of the conversation, oldest first."""
    top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K)] | None = None
    """Passages wanted; the server's setting when absent."""
    filters: AskFilters | None = None
    """Which articles may answer; all when absent."""
    generate: bool = False
    """Let the owner's language model write under the answer."""


def router(asking: Asking) -> APIRouter:
    """The routes of the API."""
    bot = asking.bot
    routes = APIRouter()

    @routes.post(
        "/api/ask",
        summary="Ask a question",
        responses={
            200: {"model": AnswerRecord, "content": {"text/event-stream": {"schema": EVENT}}},
            **errors(400, 401, 403, 408, 413, 415, 422, 429, 500, 503),
        },
        openapi_extra=json_body(Ask),
    )
    async def ask(request: Request, caller: IsAsker) -> Response:
        """The answer record; with ``Accept: text/event-stream`` the events passages, answer (the record) and done."""
        body = await read_json(request, Ask)
        if body.generate:
            bot.check_writer()
        record = await asking.ask(
            caller,
            body.question,
            surface="api",
            history=body.history or (),
            top_k=body.top_k,
            filters=body.filters or EVERYTHING,
        )
        if wants_events(request.headers.get("accept", "")):
            told = events(bot, record, generate=body.generate)
            return StreamingResponse(told, media_type="text/event-stream", headers={"cache-control": "no-store"})
        if body.generate:
            record = await with_text(bot, record)
        return Response(record_json(record), media_type="application/json")

    @routes.get(
        "/api/articles",
        summary="All articles",
        responses={200: {"model": ArticleList}, **errors(400, 401, 403, 422, 500, 503)},
        openapi_extra={"parameters": LIST_PARAMETERS},
    )
    def articles(request: Request, caller: IsCaller) -> Response:
        """Every article's id, file, headline and date; of some files or days only, where the query says so."""
        query = request.query_params
        given = {"files": query.getlist("file"), "since": query.get("since"), "until": query.get("until")}
        filters = allowed(Filters.read(given, "query"), caller)
        listed = [
            {"id": line.id, "file": line.file, "headline": line.headline, "date": line.date}
            for line in bot.store.articles()
            if filters.allows(line.file, line.id, line.date)
        ]
        return JSONResponse({"articles": listed})

    @routes.get(
        "/api/articles/{article_id}",
        summary="One article",
        responses={200: {"model": FullArticle}, **errors(400, 401, 403, 404, 500, 503)},
        openapi_extra={
            "parameters": [{"name": "article_id", "in": "path", "required": True, "schema": {"type": "string"}}]
        },
    )
    def article(request: Request, caller: IsCaller) -> Response:
        """An article's text and structure, with offsets into the original file's text."""
        found = find_article(bot, request.path_params["article_id"], allowed(EVERYTHING, caller))
        return JSONResponse({**article_structure(found), "text": found.text})

    @routes.get("/healthz", summary="Is it up?", responses={200: {"model": Health}, **errors(400)})
    def healthz() -> Response:
        """That the process answers."""
        return JSONResponse({"status": "ok"})

    @routes.get("/readyz", summary="Can it answer?", responses={200: {"model": Health}, **errors(400, 500, 503)})
    def readyz() -> Response:
        """That store, model and indexes can be used; indexes that are missing are built first."""
        bot.retriever()
        bot.engine.ready()
        return JSONResponse({"status": "ready"})

    return routes
