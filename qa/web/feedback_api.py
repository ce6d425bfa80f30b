"""``POST /api/feedback``: what somebody thought of an answer, tied to its ``trace_id``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field
from starlette.responses import JSONResponse, Response

from qa.review import Feedback
from qa.review.log import COMMENT_CHARS
from qa.review.values import Reason, Thumb
from qa.web.asked import review_of
from qa.web.bodies import Strict, Text, errors, json_body, read_json
from qa.web.credentials import IsCaller


class Given(Strict):
    """What is thought of an answer; a later one takes an earlier one's place."""

    trace_id: Annotated[Text, Field(min_length=1, max_length=64)]
    thumb: Thumb
    reason: Reason | None = None
    """Why it wasn't good."""
    comment: Annotated[Text, Field(max_length=COMMENT_CHARS)] = ""


class Kept(Strict):
    """What is kept now."""

    trace_id: str
    thumb: Thumb
    reason: Reason | None


def router() -> APIRouter:
    """The route of feedback."""
    routes = APIRouter()

    @routes.post(
        "/api/feedback",
        summary="Say what you think of an answer",
        responses={200: {"model": Kept}, **errors(400, 401, 403, 404, 408, 413, 415, 422, 500, 503)},
        openapi_extra=json_body(Given),
    )
    async def feedback(request: Request, _: IsCaller) -> Response:
        """Keeps a thumb, a reason and a comment with the answer of this ``trace_id``."""
        given = await read_json(request, Given)
        found = Feedback(given.thumb, given.reason, given.comment)
        await run_in_threadpool(review_of(request).feedback, given.trace_id, found)
        return JSONResponse({"trace_id": given.trace_id, "thumb": given.thumb, "reason": given.reason})

    return routes
