"""What the API answers with, as models: the OpenAPI document comes from them; tests hold real answers against them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from qa.web.bodies import Strict

EVENT: dict[str, Any] = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
    "required": ["data"],
}
"""One event of a stream, as the OpenAPI document describes it."""


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


class Mark(Strict):
    """Characters of a passage's ``text``, end exclusive."""

    start: int
    end: int


class FoundPassage(Strict):
    """A passage of an answer; ``answer_span`` is where the short answer stands, if it stands here in one piece.

    ``marks`` are the highlights in characters of ``text``, for who shows it.
    """

    rank: int
    score: float
    text: str
    source: Source
    highlights: list[Span]
    marks: list[Mark]
    answer_span: Span | None = None
    also: list[Also] = Field(default=[])
    why: Why


class Part(Strict):
    """What a passage tells of one of several things that were asked for; ``rank`` is the passage's."""

    rank: int
    text: str
    highlights: list[Span]
    asked: str = Field(default="", description="Of a question in parts, what the part is about (地址, 2021年).")


class SearchedIn(Strict):
    """How much the question's filters allowed."""

    articles: int
    passages: int


class Removed(Strict):
    """What was taken out of a model's text: sentences without a passage that bears them out, marks of none."""

    sentences: int
    marks: int


class TextError(Strict):
    """Why a text isn't there, or not whole."""

    code: str
    message: str


class Generated(Strict):
    """What a language model wrote under an answer; ``citations`` are the ranks that its marks name."""

    text: str | None
    citations: list[int]
    model: str
    removed: Removed
    error: TextError | None


class AnswerRecord(Strict):
    """The answer record, the same from every surface; ``missing_terms`` are words that no article has.

    ``gathered`` is what several passages tell where several things were asked for. ``searched_in`` stands in the
    answers to questions with filters, ``generated`` where that was asked for.
    """

    id: str | None = None
    question: str
    status: Literal["answered", "possible", "not_found"]
    answer: str | None
    confidence: float
    searched_as: str
    gathered: list[Part] = Field(default=[])
    passages: list[FoundPassage]
    missing_terms: list[str] = Field(default=[])
    searched_in: SearchedIn | None = None
    generated: Generated | None = None
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
    text: str
    """The original's, from ``start`` to ``end``."""


class ArticleList(Strict):
    """All articles, by file and place."""

    articles: list[ShownArticle]


class Health(Strict):
    """That the process answers, or that it can answer questions too."""

    status: Literal["ok", "ready"]
