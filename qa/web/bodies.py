"""Bodies over HTTP: JSON read strictly, with a code for each kind of bad body, and the one envelope of every error.

Bodies are read here by hand, not by FastAPI, so that each kind of bad body gets its own code, and only after the
credentials were checked. The OpenAPI document says what the code does because both come from the same models.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, TypeVar

from fastapi import Request
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from qa.errors import UsageError


class Strict(BaseModel):
    """A JSON object with exactly these fields, each of exactly its type."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _whole_text(text: str) -> str:
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("half a surrogate pair is no character")
    return text


Text = Annotated[str, AfterValidator(_whole_text)]
"""JSON's escapes can name half characters, which no model and no UTF-8 answer can hold."""


class ErrorDetail(Strict):
    """What went wrong: a stable code, a sentence, the field if there is one, and the request's id."""

    code: str
    message: str
    field: str | None
    request_id: str


class ErrorEnvelope(Strict):
    """The one form of every error."""

    error: ErrorDetail


class OpenAIErrorDetail(Strict):
    """What went wrong, in OpenAI's form; ``code`` is ours."""

    message: str
    type: str
    param: str | None
    code: str
    request_id: str


class OpenAIError(Strict):
    """The form of the errors below /v1."""

    error: OpenAIErrorDetail


Body = TypeVar("Body", bound=BaseModel)


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of a route's errors."""
    return {status: {"model": ErrorEnvelope} for status in statuses}


def openai_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The same for a route below /v1."""
    return {status: {"model": OpenAIError} for status in statuses}


def error_body(
    code: str, message: str, request_id: str, field: str | None = None, *, status: int = 400, path: str = ""
) -> dict[str, dict[str, str | None]]:
    """The one error envelope of every JSON answer; below /v1 in OpenAI's form, which its clients read."""
    if not path.startswith("/v1/"):
        return {"error": {"code": code, "message": message, "field": field, "request_id": request_id}}
    kind = _OPENAI_TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": field, "code": code, "request_id": request_id}}


_OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def wants_events(accept: str) -> bool:
    """Whether an ``Accept`` header prefers an event stream to JSON, or names it alone (RFC 9110 §12.5.1)."""
    quality: dict[str, float] = {}
    for part in accept.lower().split(","):
        kind, *parameters = (each.strip() for each in part.split(";"))
        given = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        quality[kind] = float(given) if re.fullmatch(r"[01](?:\.\d{0,3})?", given) else 0.0
    events = quality.get("text/event-stream", 0.0)
    return events > 0 and events >= quality.get("application/json", 0.0)


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
        if not first["loc"]:
            message = "The body names a field in what is no text (half a surrogate pair); send names in Unicode."
            raise UsageError("BODY_INVALID", message) from error
        field = ".".join(str(part) for part in first["loc"]).encode("utf-8", "replace").decode()[:100]
        raise FieldError("FIELD_INVALID", f"{field}: {first['msg']}.", field) from error


class FieldError(UsageError):
    """A field of a JSON body can't be used."""

    http_status = 422


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """What a route's ``openapi_extra`` says of a body that ``read_json`` reads."""
    schema = _without_references(model.model_json_schema())
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _without_references(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its definitions put in where it names them: within a document ``#/$defs`` would lead nowhere."""
    definitions = schema.get("$defs", {})

    def whole(node: Any) -> Any:
        if isinstance(node, list):
            return [whole(each) for each in node]
        if not isinstance(node, dict):
            return node
        named = definitions[node["$ref"].removeprefix("#/$defs/")] if "$ref" in node else {}
        return {name: whole(each) for name, each in {**named, **node}.items() if name not in {"$ref", "$defs"}}

    inlined: dict[str, Any] = whole(schema)
    return inlined
