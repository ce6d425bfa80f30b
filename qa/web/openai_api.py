"""The bot in the form of OpenAI's chat completions, for front ends and tools that speak it: ``/v1``.

The assistant's message is the extract with its numbered sources; nothing is written by a model, so parameters of
generation (temperature and the like) are taken and change nothing. Earlier messages of the user are the history that a
follow-up may lean on. The whole answer record stands in the response as ``wenbao``. The form is that of
https://platform.openai.com/docs/api-reference/chat, its errors too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response, StreamingResponse

from qa.access.database import OWN, SITE_KEY_PREFIX, TOKEN_PREFIX
from qa.access.visitors import PREFIX as VISITOR_PREFIX
from qa.answer import Record, labelled
from qa.errors import NotFoundError
from qa.web.asking import Asking
from qa.web.bodies import FieldError, Strict, Text, json_body, openai_errors, read_json
from qa.web.credentials import Caller, page_origin, require
from qa.web.export import plain, source_line
from qa.web.records import EVENT
from qa.web.render import passage_url
from qa.web.words import EN, ZH, Words, several_told

MODEL = "wenbao"
HISTORY = 20
"""Earlier questions that are read; a longer conversation has long left its beginning behind."""
MAX_MESSAGES = 2_000
STREAM_CHARS = 80
"""Characters of a streamed piece: whole words appear, and few messages."""

_OUR_PREFIXES = (TOKEN_PREFIX, SITE_KEY_PREFIX, VISITOR_PREFIX)


class _Lenient(BaseModel):
    """What front ends send besides is none of our business."""

    model_config = ConfigDict(extra="allow", strict=True)


class Part(_Lenient):
    """A part of a message; only texts are read."""

    type: str
    text: Text | None = None


class Message(_Lenient):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | list[Part] | None = None

    def text(self) -> str:
        """What the message says."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or () if part.type == "text" and part.text)


class StreamOptions(_Lenient):
    """Whether a stream ends with how much was used."""

    include_usage: bool | None = None


class Completion(_Lenient):
    """What is asked; the last message of the user is the question."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]
    model: Text = MODEL
    """Any name will do."""
    n: Literal[1] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None


class Answered(Strict):
    """The assistant's message."""

    role: Literal["assistant"]
    content: str


class Choice(Strict):
    """The one answer."""

    index: int
    message: Answered
    finish_reason: Literal["stop"]


class Usage(Strict):
    """All 0: nothing is generated."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionAnswer(Strict):
    """The answer in OpenAI's form; ``wenbao`` is the whole record."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    wenbao: dict[str, Any]


class OneModel(Strict):
    """What can be asked."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(Strict):
    """Everything that can be asked: the bot."""

    object: Literal["list"]
    data: list[OneModel]


_NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def client(request: Request) -> Caller:
    """Who asks. Programs that insist on a key may show any on the owner's machine, but none that looks like ours.

    Raises:
        AccessError: UNAUTHORIZED, TOKEN_EXPIRED. ForbiddenError: FORBIDDEN, ORIGIN_NOT_ALLOWED.
    """
    token = request.headers.get("authorization", "").partition(" ")[2].strip()
    if request.state.is_local and page_origin(request) in {None, OWN} and not token.startswith(_OUR_PREFIXES):
        return Caller("local", request.client.host if request.client else "", frozenset({"admin"}))
    return require(request, "ask")


IsClient = Annotated[Caller, Depends(client)]


def router(asking: Asking, base_url: str) -> APIRouter:
    """The routes; ``base_url`` is where the sources' links lead."""
    routes = APIRouter()
    began = int(time.time())
    model = {"id": MODEL, "object": "model", "created": began, "owned_by": "wenbao"}

    @routes.get(
        "/v1/models",
        summary="What can be asked, in OpenAI's form",
        responses={200: {"model": ModelList}, **openai_errors(400, 401, 403, 500, 503)},
    )
    def models(_: IsClient) -> Response:
        """The bot, as the one model."""
        return JSONResponse({"object": "list", "data": [model]})

    @routes.get(
        "/v1/models/{name}",
        summary="The bot, in OpenAI's form",
        responses={200: {"model": OneModel}, **openai_errors(400, 401, 403, 404, 500, 503)},
        openapi_extra={"parameters": [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]},
    )
    def one_model(request: Request, _: IsClient) -> Response:
        """The one model by its name."""
        if request.path_params["name"] != MODEL:
            raise NotFoundError("NOT_FOUND", f"There is one model here, {MODEL}.", "model")
        return JSONResponse(model)

    @routes.post(
        "/v1/chat/completions",
        summary="Ask in OpenAI's form",
        responses={
            200: {"model": CompletionAnswer, "content": {"text/event-stream": {"schema": EVENT}}},
            **openai_errors(400, 401, 403, 408, 413, 415, 422, 429, 500, 503),
        },
        openapi_extra=json_body(Completion),
    )
    async def complete(request: Request, caller: IsClient) -> Response:
        """The extract with its numbered sources as the assistant's message; with ``stream`` as server-sent events."""
        body = await read_json(request, Completion)
        asked = [message.text() for message in body.messages if message.role == "user"]
        if body.messages[-1].role == "assistant" or not asked:
            raise FieldError("FIELD_INVALID", "messages: the last one must be the user's question.", "messages")
        questions = [*filter(str.strip, asked[:-1]), asked[-1]]
        record = await asking.ask(caller, questions[-1], surface="openai", history=questions[:-1][-HISTORY:])
        content = message_of(record, base_url)
        answer_id, created = f"chatcmpl-{record['trace_id']}", int(time.time())
        if body.stream:
            wants_usage = body.stream_options is not None and bool(body.stream_options.include_usage)
            chunks = _chunks(answer_id, created, content, record, wants_usage=wants_usage)
            return StreamingResponse(chunks, media_type="text/event-stream", headers={"cache-control": "no-store"})
        choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        return JSONResponse(
            {
                "id": answer_id,
                "object": "chat.completion",
                "created": created,
                "model": MODEL,
                "choices": [choice],
                "usage": _NO_USAGE,
                "wenbao": record,
            }
        )

    return routes


def message_of(record: Record, base_url: str) -> str:
    """The answer as Markdown: verdict or short answer, the passages with their numbers, and the numbered sources."""
    words = words_for(str(record["question"]))
    lines = []
    if record["answer"] is None:
        lines.append(words.meaning[record["status"]])
    else:
        sure = words.confidence.format(percent=round(100 * record["confidence"]))
        lines.append(f"**{plain(record['answer'])}** ({sure})")
    if record.get("gathered"):
        lines.append(f"\n{several_told(words, record['gathered'])}\n")
        lines += [f"- {plain(labelled(part))} [{part['rank']}]" for part in record["gathered"]]
    passages = record["passages"]
    if passages:
        shown = passages[:1] if record["status"] == "answered" else passages if record["status"] == "possible" else []
        lines += [f"\n> {plain(passage['text'])} [{passage['rank']}]" for passage in shown]
        lines.append(f"\n{words.sources if shown else words.nearest}\n")
        lines += [_source(passage, words, base_url) for passage in passages]
    return "\n".join(lines)


def words_for(question: str) -> Words:
    """The strings to answer a question in: Chinese where it has a Chinese character, else English."""
    return ZH if any("\u4e00" <= character <= "\u9fff" for character in question) else EN


def _source(passage: dict[str, Any], words: Words, base_url: str) -> str:
    told = plain(source_line(passage["source"], words))
    return f"{passage['rank']}. [{told}]({base_url}{passage_url(passage, words)})"


def _chunks(answer_id: str, created: int, content: str, record: Record, *, wants_usage: bool) -> Iterator[str]:
    def chunk(delta: dict[str, str] | None, reason: str | None = None, **more: Any) -> str:
        choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": reason}]
        told = {"id": answer_id, "object": "chat.completion.chunk", "created": created, "model": MODEL}
        return f"data: {json.dumps({**told, 'choices': choices, **more}, ensure_ascii=False)}\n\n"

    yield chunk({"role": "assistant", "content": ""})
    for begin in range(0, len(content), STREAM_CHARS):
        yield chunk({"content": content[begin : begin + STREAM_CHARS]})
    yield chunk({}, "stop", wenbao=record)
    if wants_usage:
        yield chunk(None, usage=_NO_USAGE)
    yield "data: [DONE]\n\n"
