"""The HTTP API: questions, articles, health. Each route calls the ``Bot`` that every surface calls.

Bodies are read here by hand, not by FastAPI, so that each kind of bad body gets its own code; the OpenAPI document says
what the code does because both come from the models below, and a test holds real answers against them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationError, WithJsonSchema
from starlette.responses import JSONResponse, Response, StreamingResponse

from qa.answer import record_json
from qa.bot import Bot
from qa.errors import UsageError
from qa.filters import SCHEMA, Filters
from qa.store.structure import article_structure
from qa.web.admission import Admission, asker_of
from qa.web.article_page import find_article
from qa.web.asked import remember

MAX_TOP_K = 50
MAX_HISTORY = 100
"""Earlier questions in one request; a longer conversation has long left its beginning behind."""


class Strict(BaseModel):
    """A JSON object with exactly these fields, each of exactly its type."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _whole_text(text: str) -> str:
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("half a surrogate pair is no character")
    return text


Text = Annotated[str, AfterValidator(_whole_text)]
"""JSON's escapes can name half characters, which no model and no UTF-8 answer can hold."""


LIST_PARAMETERS = [
    {"name": "file", "in": "query", "schema": SCHEMA["properties"]["files"], "explode": True},
    *({"name": name, "in": "query", "schema": SCHEMA["properties"][name]} for name in ("since", "until")),
]
AskFilters = Annotated[Filters, PlainValidator(Filters.read), WithJsonSchema(dict(SCHEMA))]
"""Read by the code that reads them everywhere, which says FILTER_INVALID and the field."""


class Ask(Strict):
    """What is asked."""

    question: Text
    history: Annotated[list[Text], Field(max_length=MAX_HISTORY)] = []
    """Earlier questions of the conversation, oldest first."""
    top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K)] | None = None
    """Passages wanted; the server's setting when absent."""
    filters: AskFilters | None = None
    """Which articles may answer; all when absent."""


class Span(Strict):
    """Characters of the original file's text, end exclusive."""

    start: int
    end: int


Date = Annotated[str, Field(pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")] | None
"""An article's day, month or year, in the precision that is known; null when it isn't."""


class Source(Span):
    """Where a passage stands."""

    file: str
    article: str | None
    article_id: int
    section: str | None
    date: Date


class Why(Strict):
    """Why a passage was found."""

    terms: list[str]
    lexical_rank: int | None
    dense_rank: int | None
    fused_score: float


class Also(Strict):
    """Another passage of the same answer that tells the same."""

    rank: int
    source: Source


class FoundPassage(Strict):
    """A passage of an answer; ``answer_span`` is where the short answer stands, if it stands here in one piece."""

    rank: int
    score: float
    text: str
    source: Source
    highlights: list[Span]
    answer_span: Span | None = None
    also: list[Also] = []
    why: Why


class SearchedIn(Strict):
    """How much the question's filters allowed."""

    articles: int
    passages: int


class AnswerRecord(Strict):
    """The answer record, the same from every surface; ``missing_terms`` are words that no article has.

    ``searched_in`` stands in the answers to questions with filters.
    """

    id: str | None = None
    question: str
    status: Literal["answered", "possible", "not_found"]
    answer: str | None
    confidence: float
    searched_as: str
    passages: list[FoundPassage]
    missing_terms: list[str] = []
    searched_in: SearchedIn | None = None
    trace_id: str
    elapsed_ms: float


class ShownArticle(Strict):
    """An article in the list."""

    id: int
    file: str
    headline: str | None
    date: Date


class ShownPassage(Span):
    """A passage of an article; ``text`` is what is shown of its span."""

    text: str


class ShownSection(Span):
    """A section of an article: its path of headings joined by " › ", and what kind it is."""

    heading: str | None
    kind: str
    passages: list[ShownPassage]


class ShownFurniture(Span):
    """What stands within an article's span and is no part of it."""

    kind: str


class FullArticle(ShownArticle, Span):
    """An article with its structure; offsets are characters of the original file's text."""

    kicker: str | None
    subhead: str | None
    byline: str | None
    date_source: str | None
    """Where the date stands: front matter, header, dateline, page, signature or file name."""
    sections: list[ShownSection]
    furniture: list[ShownFurniture]


class ErrorDetail(Strict):
    """What went wrong: a stable code, a sentence, the field if there is one, and the request's id."""

    code: str
    message: str
    field: str | None
    request_id: str


class ErrorEnvelope(Strict):
    """The one form of every error."""

    error: ErrorDetail


class ArticleList(Strict):
    """All articles, by file and place."""

    articles: list[ShownArticle]


class Health(Strict):
    """That the process answers, or that it can answer questions too."""

    status: Literal["ok", "ready"]


Body = TypeVar("Body", bound=BaseModel)


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of a route's errors."""
    return {status: {"model": ErrorEnvelope} for status in statuses}


async def read_ask(request: Request) -> Ask:
    """The body of a question; errors as of ``read_json``."""
    return await read_json(request, Ask)


async def read_json(request: Request, model: type[Body]) -> Body:
    """The body of a request as ``model`` has it.

    Raises:
        UsageError: BODY_ENCODING when it isn't UTF-8, BODY_INVALID when it isn't a JSON object sent as JSON.
        FieldError: FIELD_INVALID with the first field that is unknown, missing or of the wrong kind.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UsageError("BODY_INVALID", "Send JSON, with Content-Type: application/json.")
    try:
        text = (await request.body()).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError("BODY_ENCODING", f"The body is not UTF-8 at byte {error.start}; send it as UTF-8.") from error
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError("BODY_INVALID", "The body is not valid JSON; send an object.") from error
    if not isinstance(body, dict):
        raise UsageError("BODY_INVALID", "The body must be a JSON object.")
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]).encode("utf-8", "replace").decode()[:100]
        raise FieldError("FIELD_INVALID", f"{field}: {first['msg']}.", field) from error


class FieldError(UsageError):
    """A field of a JSON body can't be used."""

    http_status = 422


def router(bot: Bot, admission: Admission) -> APIRouter:
    """The routes of the API, answered by ``bot``."""
    routes = APIRouter()

    @routes.post(
        "/api/ask",
        summary="Ask a question",
        responses={
            200: {"model": AnswerRecord, "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            **errors(400, 408, 413, 415, 422, 429, 500, 503),
        },
        openapi_extra={
            "requestBody": {"required": True, "content": {"application/json": {"schema": Ask.model_json_schema()}}}
        },
    )
    async def ask(request: Request) -> Response:
        """The answer record; with ``Accept: text/event-stream`` the events passages, answer (the record) and done."""
        body = await read_ask(request)
        work = partial(bot.ask, body.question, history=body.history, top_k=body.top_k, filters=body.filters)
        record = await admission.answer(asker_of(request), work)
        remember(request, record, surface="api", history=body.history)
        answer = record_json(record)
        if "text/event-stream" not in request.headers.get("accept", ""):
            return Response(answer, media_type="application/json")

        def events() -> Iterator[str]:
            passages = json.dumps(record["passages"], ensure_ascii=False)
            for name, data in (("passages", passages), ("answer", answer), ("done", "{}")):
                yield f"event: {name}\ndata: {data}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream", headers={"cache-control": "no-store"})

    @routes.get(
        "/api/articles",
        summary="All articles",
        responses={200: {"model": ArticleList}, **errors(400, 422, 500, 503)},
        openapi_extra={"parameters": LIST_PARAMETERS},
    )
    def articles(request: Request) -> Response:
        """Every article's id, file, headline and date; of some files or days only, where the query says so."""
        query = request.query_params
        given = {"files": query.getlist("file"), "since": query.get("since"), "until": query.get("until")}
        filters = Filters.read(given, "query")
        listed = [
            {"id": line.id, "file": line.file, "headline": line.headline, "date": line.date}
            for line in bot.store.articles()
            if filters.allows(line.file, line.id, line.date)
        ]
        return JSONResponse({"articles": listed})

    @routes.get(
        "/api/articles/{article_id}",
        summary="One article",
        responses={200: {"model": FullArticle}, **errors(400, 404, 500, 503)},
        openapi_extra={
            "parameters": [{"name": "article_id", "in": "path", "required": True, "schema": {"type": "string"}}]
        },
    )
    def article(request: Request) -> Response:
        """An article's text and structure, with offsets into the original file's text."""
        return JSONResponse(article_structure(find_article(bot, request.path_params["article_id"])))

    @routes.get("/healthz", summary="Is it up?", responses={200: {"model": Health}, **errors(400)})
    def healthz() -> Response:
        """That the process answers."""
        return JSONResponse({"status": "ok"})

    @routes.get("/readyz", summary="Can it answer?", responses={200: {"model": Health}, **errors(400, 500, 503)})
    def readyz() -> Response:
        """That store, model and indexes can be used; indexes that are missing are built first."""
        bot.retriever()
        return JSONResponse({"status": "ready"})

    return routes
