"""``/api/review``: what was asked as a file, a gold question made of it, everything deleted. For the owner."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field
from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response, StreamingResponse

from qa.batch.writing.neutral import for_csv
from qa.bot import Bot
from qa.review import STATUSES, Asked, ReviewLog, Wanted, add_gold, gold_row
from qa.web.bodies import FieldError, Strict, Text, errors, json_body, read_json
from qa.web.credentials import IsAdmin
from qa.web.desk import date_of

TEXT_CHARS = 2000
_PAGE = 500
COLUMNS = (
    "time",
    "surface",
    "question",
    "searched_as",
    "history",
    "status",
    "answer",
    "confidence",
    "elapsed_ms",
    "file",
    "article",
    "start",
    "end",
    "thumb",
    "reason",
    "comment",
    "gold",
    "trace_id",
)

Short = Annotated[Text, Field(max_length=TEXT_CHARS)]


class Gold(Strict):
    """A gold question made of the question with this trace; without a file, one that the articles don't answer."""

    trace_id: Annotated[Text, Field(min_length=1, max_length=64)]
    file: Short | None = None
    evidence: Short = ""
    """Words of the file that answer it."""
    near: Annotated[int, Field(ge=0, le=1 << 40)] = 0
    """Where in the file's text they are likely."""
    answer: Short = ""


class GoldMade(Strict):
    """The gold question's id, and where its evidence stands."""

    id: str
    evidence_start: int | None
    evidence_end: int | None


class Cleared(Strict):
    """How many questions are no longer kept."""

    deleted: int


def wanted_of(query: QueryParams) -> Wanted:
    """Which questions the query wants; what it names wrongly doesn't narrow."""
    status, thumb = query.get("status"), query.get("thumb")
    return Wanted(
        status=status if status in STATUSES else None,
        thumb=thumb if thumb in {"up", "down", "none"} else None,  # type: ignore[arg-type]
        surface=query.get("surface", "")[:40],
        since=date_of(query, "since"),
        until=date_of(query, "until"),
        text=query.get("q", "")[:TEXT_CHARS],
    )


def router(bot: Bot, review: ReviewLog) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get(
        "/api/review/export",
        summary="What was asked, as a file",
        responses={
            200: {"content": {"text/csv": {}, "application/x-ndjson": {}}, "description": "A row a question."},
            **errors(400, 401, 403, 422, 500, 503),
        },
        openapi_extra={
            "parameters": [
                {
                    "name": name,
                    "in": "query",
                    "schema": {"type": "string", **({"enum": values} if values else {})},
                }
                for name, values in (
                    ("format", ["csv", "jsonl"]),
                    ("status", list(STATUSES)),
                    ("thumb", ["up", "down", "none"]),
                    ("surface", None),
                    ("since", None),
                    ("until", None),
                    ("q", None),
                )
            ]
        },
    )
    def export(request: Request, _: IsAdmin) -> Response:
        """The wanted questions, latest first: as csv with nothing that a spreadsheet would run, or as jsonl."""
        kind = request.query_params.get("format", "csv")
        if kind not in {"csv", "jsonl"}:
            raise FieldError("FIELD_INVALID", "format: expected csv or jsonl.", "format")
        rows = _rows(review, wanted_of(request.query_params))
        lines, media = (
            (_csv(rows), "text/csv; charset=utf-8") if kind == "csv" else (_jsonl(rows), "application/x-ndjson")
        )
        name = f"wenbao-review-{datetime.now().strftime('%Y-%m-%d')}.{kind}"
        headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
        return StreamingResponse(lines, media_type=media, headers=headers)

    @routes.post(
        "/api/review/gold",
        summary="Make a gold question",
        responses={200: {"model": GoldMade}, **errors(400, 401, 403, 404, 408, 413, 415, 422, 500, 503)},
        openapi_extra=json_body(Gold),
    )
    async def gold(request: Request, _: IsAdmin) -> Response:
        """Writes a line of ``gold.jsonl`` in the data folder; an earlier one of the same question gives way."""
        given = await read_json(request, Gold)
        row = await run_in_threadpool(_make_gold, bot, review, given)
        return JSONResponse({key: row[key] for key in ("id", "evidence_start", "evidence_end")})

    @routes.delete(
        "/api/review",
        summary="Forget what was asked",
        responses={200: {"model": Cleared}, **errors(400, 401, 403, 500, 503)},
    )
    def clear(_: IsAdmin) -> Response:
        """Deletes every question and all feedback; gold questions stay."""
        deleted = review.asked(Wanted(), limit=1)[1] if review.is_on else 0
        if review.is_on:
            review.clear()
        return JSONResponse({"deleted": deleted})

    return routes


def _make_gold(bot: Bot, review: ReviewLog, given: Gold) -> dict[str, Any]:
    asked = review.one(given.trace_id)
    text = "" if given.file is None else bot.store.file_text(given.file)
    row = gold_row(
        f"R{asked.trace_id[:16]}",
        asked.question,
        history=asked.history,
        file=given.file,
        text=text,
        evidence=given.evidence,
        near=given.near,
        answer=given.answer,
    )
    add_gold(bot.settings.data, row)
    review.mark_gold(asked.trace_id)
    return row


def _rows(review: ReviewLog, wanted: Wanted) -> Iterator[dict[str, Any]]:
    offset = 0
    while review.is_on:
        found, _ = review.asked(wanted, offset=offset, limit=_PAGE)
        yield from map(_row, found)
        if len(found) < _PAGE:
            return
        offset += _PAGE


def _row(asked: Asked) -> dict[str, Any]:
    source = asked.passages[0]["source"] if asked.passages else {}
    feedback = asked.feedback
    values = (
        datetime.fromtimestamp(asked.time_ms / 1000).isoformat(timespec="seconds"),
        asked.surface,
        asked.question,
        asked.searched_as,
        list(asked.history),
        asked.status,
        asked.answer,
        asked.confidence,
        asked.elapsed_ms,
        *(source.get(key) for key in ("file", "article", "start", "end")),
        feedback and feedback.thumb,
        feedback and feedback.reason,
        feedback and feedback.comment,
        asked.gold,
        asked.trace_id,
    )
    return dict(zip(COLUMNS, values, strict=True))


def _jsonl(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(row, ensure_ascii=False) + "\n"


def _csv(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    def line(cells: list[str]) -> str:
        out = io.StringIO()
        csv.writer(out).writerow(cells)
        return out.getvalue()

    yield "\ufeff" + line(list(COLUMNS))  # the mark by which Excel knows UTF-8
    for row in rows:
        yield line([_cell(value) for value in row.values()])


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return for_csv("\n".join(value))
    return for_csv(str(value), number=isinstance(value, int | float))
