"""What the review keeps and tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

Status = Literal["answered", "possible", "not_found"]
STATUSES: tuple[Status, ...] = ("answered", "possible", "not_found")
Thumb = Literal["up", "down"]
Reason = Literal["wrong_passage", "not_in_articles", "ocr_error", "other"]
REASONS: tuple[Reason, ...] = ("wrong_passage", "not_in_articles", "ocr_error", "other")
"""Why somebody wasn't content, in one tap."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody thought of an answer; the last word counts."""

    thumb: Thumb
    reason: Reason | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was answered. ``passages`` are the record's first ones without their texts."""

    trace_id: str
    time_ms: int
    """Milliseconds since 1970."""
    surface: str
    question: str
    searched_as: str
    history: tuple[str, ...]
    status: Status
    answer: str | None
    confidence: float
    elapsed_ms: float
    passages: tuple[Mapping[str, Any], ...]
    """Each with the record's ``source`` and ``highlights``, best first."""
    feedback: Feedback | None = None
    gold: bool = False
    """Whether a gold question was made of it, or of an equal one."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which questions are wanted; what is None or empty doesn't narrow. Days are the server's, both inclusive."""

    status: Status | None = None
    thumb: Literal["up", "down", "none"] | None = None
    surface: str = ""
    since: date | None = None
    until: date | None = None
    text: str = ""
    """Looked for in question and answer, however it is written (width, case, Traditional or simplified)."""


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that are equal but for their spelling: the last one, and how often and when they were asked."""

    asked: Asked
    times: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What there is to plot of the wanted questions."""

    days: Sequence[tuple[str, Mapping[str, int]]]
    """Each day on which something was asked, ``2026-11-22``, with the number of questions by status."""
    confidence: Sequence[int]
    """How many answered questions have a confidence from 0 to below 0.1, …, from 0.9 to 1."""
    elapsed_ms: Sequence[float]
    """Of every question, ascending."""
    thumbs: Mapping[str, int]
    """How many thumbs ``up`` and ``down``, and how many of each reason."""
