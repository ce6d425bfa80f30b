"""``/api/words``: the owner's dictionary and synonyms, read, saved, and tried out on a question."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field
from starlette.responses import JSONResponse, Response

from qa.bot import Bot
from qa.uploads import Uploads
from qa.web.articles_api import JobState, job_json
from qa.web.bodies import Strict, Text, errors, json_body, read_json
from qa.web.credentials import IsAdmin
from qa.wordlists import MAX_CHARS, Cut, Trials, WordLists, read_lists, save_lists

List = Annotated[Text, Field(max_length=MAX_CHARS)]
SHOWN_CHARS = 90


class Lists(Strict):
    """Both files' texts, a word or a group of synonyms a line; empty removes one."""

    dictionary: List
    synonyms: List


class Try(Lists):
    """Lists, and a question to try them on."""

    question: Text


class CutHit(Strict):
    """A passage that the question finds. ``was`` is its rank with the lists as they are."""

    article_id: int
    file: str
    headline: str | None
    section: str | None
    text: str
    score: float
    was: int | None


class CutQuestion(Strict):
    """How the question is cut, and what it finds."""

    words: list[str]
    terms: list[str]
    hits: list[CutHit]


class Tried(Strict):
    """The question with the lists as they are, and with the given ones; ``searched`` of ``passages`` were compared."""

    before: CutQuestion
    after: CutQuestion
    searched: int
    passages: int


def router(bot: Bot, uploads: Uploads) -> APIRouter:
    """The routes of the owner's words."""
    routes = APIRouter()
    trials = Trials(bot)

    @routes.get(
        "/api/words",
        summary="The owner's words",
        responses={200: {"model": Lists}, **errors(400, 401, 403, 500, 503)},
    )
    def read(_: IsAdmin) -> Response:
        """The dictionary and the synonyms as they are."""
        lists = read_lists(bot.settings)
        return JSONResponse({"dictionary": lists.dictionary, "synonyms": lists.synonyms})

    @routes.put(
        "/api/words",
        summary="Save the owner's words",
        responses={202: {"model": JobState}, **errors(400, 401, 403, 408, 413, 415, 422, 500, 503)},
        openapi_extra=json_body(Lists),
    )
    async def save(request: Request, asking: IsAdmin) -> Response:
        """Saves both and begins a job that builds the indexes by them; until it is done, the earlier ones answer."""
        lists = await read_json(request, Lists)
        await run_in_threadpool(save_lists, bot.settings, WordLists(lists.dictionary, lists.synonyms))
        job = await run_in_threadpool(uploads.begin, asking.kind, "terms")
        found = job_json(await run_in_threadpool(uploads.job, job))
        return JSONResponse(found, 202, {"location": f"/api/articles/jobs/{job}"})

    @routes.post(
        "/api/words/try",
        summary="Try words on a question",
        responses={200: {"model": Tried}, **errors(400, 401, 403, 408, 413, 415, 422, 500, 503)},
        openapi_extra=json_body(Try),
    )
    async def try_(request: Request, _: IsAdmin) -> Response:
        """How a question is cut and what it finds, with the words as they are and with these; nothing is saved."""
        given = await read_json(request, Try)
        lists = WordLists(given.dictionary, given.synonyms)
        trial = await run_in_threadpool(trials.compare, given.question, lists)
        return JSONResponse(
            {
                "before": _json(trial.before),
                "after": _json(trial.after),
                "searched": trial.searched,
                "passages": trial.passages,
            }
        )

    return routes


def _json(cut: Cut) -> dict[str, object]:
    return {
        "words": list(cut.words),
        "terms": list(cut.terms),
        "hits": [
            {
                "article_id": hit.passage.article_id,
                "file": hit.passage.file,
                "headline": hit.passage.headline,
                "section": hit.passage.section,
                "text": hit.passage.text[:SHOWN_CHARS],
                "score": round(hit.score, 4),
                "was": hit.was,
            }
            for hit in cut.hits
        ],
    }
