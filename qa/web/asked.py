"""The one place where questions of the web are kept for review: never before they are answered, never at their cost."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request

from qa.answer import Record
from qa.review import ReviewLog
from qa.web.credentials import Caller


def review_of(request: Request) -> ReviewLog:
    """The log that ``server`` gave the application."""
    log: ReviewLog = request.app.state.review
    return log


def remember(review: ReviewLog, caller: Caller, record: Record, *, surface: str, history: Sequence[str] = ()) -> None:
    """Keeps an answered question, but those of a site's visitors only where its owner has switched that on."""
    if caller.site is not None:
        if not caller.site.limits.logs_questions:
            return
        surface = "widget"
    review.record(record, surface=surface, history=history)
