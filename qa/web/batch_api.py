"""Batch jobs over HTTP: a file of questions goes in, its progress is told, the result comes out in any format.

For the owner, and for programs with a token of scope batch, which see only their own jobs. Visitors have no part in it.
A file comes as the body itself, as a form's file, or as JSON: ``{"questions": [...]}``; ``GET /api/batch/{id}`` tells
how far it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse, JSONResponse, Response

from qa.batch.job import Job
from qa.batch.jobs import Jobs
from qa.batch.reading.columns import ROLES
from qa.batch.template import template
from qa.batch.values import Options
from qa.batch.writing import FORMATS
from qa.errors import UsageError
from qa.web.bodies import FieldError, Strict, Text, errors, json_body, read_json
from qa.web.credentials import Caller, require

MEDIA_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
_FAILURES = errors(400, 401, 403, 404, 408, 409, 413, 415, 422, 500, 503)
_PARAMETERS = [
    {"name": "job_id", "in": "path", "required": True, "schema": {"type": "string"}, "description": "The job's id."}
]


def may_batch(request: Request) -> Caller:
    """Who asks, when that is the owner or a program with a token of scope batch."""
    return require(request, "batch")


IsBatch = Annotated[Caller, Depends(may_batch)]


class Reading(Strict):
    """How the file is to be read, where that is said; what is absent is found out."""

    encoding: Text | None = None
    delimiter: Annotated[Text, Field(min_length=1, max_length=1)] | None = None
    sheet: Text | None = None
    header: bool | None = None
    fill_merged: bool = False
    columns: Annotated[dict[Text, list[Text]], Field(default_factory=dict)]
    """By role (question, id, history, answer, article, source, category, answerable, verdict, comment): names, numbers
    from 1, or letters of columns."""
    language: Literal["zh", "en"] | None = None
    """Of the result's headings."""
    baseline: Text | None = None
    """The id of an earlier job to compare with."""


class Failure(Strict):
    """A code and a sentence."""

    code: str
    message: str


class ShownJob(Strict):
    """A job and how far it is. Times are seconds since 1970."""

    id: str
    name: str
    state: Literal["draft", "queued", "running", "paused", "cancelled", "finished", "failed"]
    rows: int
    """Rows of the file; while it runs, perhaps a little more."""
    done: int
    statuses: dict[str, int]
    rate: float | None
    """Rows a second."""
    seconds_left: float | None
    created_at: float
    started_at: float | None
    finished_at: float | None
    error: Failure | None
    notes: list[Failure]
    scores: dict[str, Any] | None
    """Measures with their intervals, where the file has gold columns."""
    formats: list[Literal["xlsx", "csv", "jsonl", "html"]]
    """Of ``/result?format=``; none while there are no answers."""


class ShownPreview(Strict):
    """How a file is read, with its first rows."""

    name: str
    format: str
    encoding: str | None
    delimiter: str | None
    delimiter_name: str | None
    sheet: str | None
    sheets: list[str]
    header: bool | None
    columns: list[str]
    roles: dict[str, list[str]]
    lines: int
    rows: list[dict[str, Any]]
    notes: list[Failure]


class JobList(Strict):
    """The caller's jobs, newest first."""

    jobs: list[ShownJob]


def shown(jobs: Jobs, job: Job) -> dict[str, Any]:
    """A job as it is told."""
    rate, left = jobs.pace(job)
    return {
        "id": job.id,
        "name": job.name,
        "state": job.state,
        "rows": job.rows,
        "done": job.done,
        "statuses": dict(job.statuses),
        "rate": None if rate is None else round(rate, 2),
        "seconds_left": None if left is None else round(left, 1),
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "error": job.error,
        "notes": list(job.notes),
        "scores": job.scores,
        "formats": list(FORMATS) if job.done or job.state == "finished" else [],
    }


def router(jobs: Jobs) -> APIRouter:
    """The routes over ``jobs``."""
    routes = APIRouter(prefix="/api/batch", tags=["batch"])

    @routes.post(
        "",
        summary="Ask a file of questions",
        status_code=201,
        responses={201: {"model": ShownJob}, **_FAILURES},
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                    "multipart/form-data": {
                        "schema": {
                            "type": "object",
                            "properties": {"file": {"type": "string", "format": "binary"}},
                            "required": ["file"],
                        }
                    },
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "properties": {"questions": {"type": "array", "items": {"type": ["string", "object"]}}},
                            "required": ["questions"],
                        }
                    },
                },
            }
        },
    )
    async def create(
        request: Request,
        caller: IsBatch,
        name: Annotated[str | None, Query(max_length=300)] = None,
        start: bool = True,
    ) -> Response:
        """Makes a job of the file, named by ``name``, and starts it; with ``start=false`` it waits, to be looked at."""
        job = await _received(request, jobs, owner_of(caller), name)
        if start:
            try:
                base = str(request.base_url).rstrip("/")
                job = await run_in_threadpool(jobs.start, job, link_base=base)
            except Exception:
                await run_in_threadpool(jobs.delete, job)
                raise
        return JSONResponse(shown(jobs, job), 201, {"location": f"/api/batch/{job.id}"})

    @routes.get("", summary="Jobs", responses={200: {"model": JobList}, **_FAILURES})
    def list_jobs(caller: IsBatch) -> Response:
        """The caller's jobs, newest first; an admin sees all."""
        found = jobs.jobs(seen_by(caller))
        return JSONResponse({"jobs": [shown(jobs, job) for job in found]}, headers=_FRESH)

    @routes.get(
        "/template",
        summary="An empty table of questions",
        responses={200: {"content": {MEDIA_TYPES["xlsx"]: {}, "text/csv": {}, "application/jsonl": {}}}, **_FAILURES},
    )
    def get_template(
        caller: IsBatch,  # noqa: ARG001 (who may ask)
        format: Literal["xlsx", "csv", "jsonl"] = "xlsx",  # noqa: A002
        language: Literal["zh", "en"] = "zh",
    ) -> Response:
        """The columns that are understood, named, with a sheet that tells of them."""
        name = f"{'问题' if language == 'zh' else 'questions'}.{format}"
        return Response(template(format, language), media_type=MEDIA_TYPES[format], headers=_attached(name))

    def add(path: str, summary: str, act: Callable[[Job], Job]) -> None:
        @routes.post(
            f"/{{job_id}}/{path}",
            name=path,
            summary=summary,
            responses={200: {"model": ShownJob}, **_FAILURES},
            openapi_extra={"parameters": _PARAMETERS},
        )
        def change(request: Request, caller: IsBatch) -> Response:
            return JSONResponse(shown(jobs, act(_job(jobs, request, caller))))

    add("pause", "Pause a job", jobs.pause)
    add("resume", "Go on with a job", jobs.resume)
    add("cancel", "Stop a job, keeping its answers", jobs.cancel)

    @routes.post(
        "/{job_id}/start",
        summary="Start a job that waits",
        responses={200: {"model": ShownJob}, **_FAILURES},
        openapi_extra=json_body(Reading) | {"parameters": _PARAMETERS},
    )
    async def start_draft(request: Request, caller: IsBatch) -> Response:
        """Starts a job that waits, read as the body says."""
        wanted = await read_json(request, Reading)
        job = await run_in_threadpool(_job, jobs, request, caller)
        if wanted.baseline:
            await run_in_threadpool(jobs.job, wanted.baseline, seen_by(caller))
        wishes = {
            "language": wanted.language,
            "baseline": wanted.baseline,
            "link_base": str(request.base_url).rstrip("/"),
        }
        job = await run_in_threadpool(lambda: jobs.start(job, options_of(wanted), **wishes))
        return JSONResponse(shown(jobs, job))

    @routes.post(
        "/{job_id}/preview",
        summary="How a job's file is read",
        responses={200: {"model": ShownPreview}, **_FAILURES},
        openapi_extra=json_body(Reading) | {"parameters": _PARAMETERS},
    )
    async def preview(request: Request, caller: IsBatch) -> Response:
        """How the file is read as the body says, with its first rows. Nothing is changed."""
        wanted = await read_json(request, Reading)
        job = await run_in_threadpool(_job, jobs, request, caller)
        return JSONResponse(await run_in_threadpool(jobs.preview, job, options_of(wanted)))

    @routes.get(
        "/{job_id}/result",
        summary="A job's result",
        responses={
            200: {"content": {media.partition(";")[0]: {} for media in MEDIA_TYPES.values()}},
            **_FAILURES,
        },
        openapi_extra={"parameters": _PARAMETERS},
    )
    def result(
        request: Request,
        caller: IsBatch,
        format: Literal["xlsx", "csv", "jsonl", "html"] = "jsonl",  # noqa: A002
    ) -> Response:
        """The result as a file: whole when the job is finished, else of the rows that are done."""
        job = _job(jobs, request, caller)
        path = jobs.result(job, format)
        name = f"{job.name.rpartition('.')[0] or job.name}.answers.{format}"
        headers = _attached(name) | {"x-wenbao-state": job.state}
        return FileResponse(path, media_type=MEDIA_TYPES[format], headers=headers)

    @routes.get(
        "/{job_id}",
        summary="How far a job is",
        responses={200: {"model": ShownJob}, **_FAILURES},
        openapi_extra={"parameters": _PARAMETERS},
    )
    def get_job(request: Request, caller: IsBatch) -> Response:
        """The job's state, progress, rate and time left."""
        return JSONResponse(shown(jobs, _job(jobs, request, caller)), headers=_FRESH)

    @routes.delete(
        "/{job_id}",
        summary="Delete a job",
        status_code=204,
        responses={204: {"description": "Deleted."}, **_FAILURES},
        openapi_extra={"parameters": _PARAMETERS},
    )
    def delete(request: Request, caller: IsBatch) -> Response:
        """Stops the job and deletes it with its file and answers."""
        jobs.delete(_job(jobs, request, caller))
        return Response(status_code=204)

    return routes


_FRESH = {"cache-control": "no-store"}


def owner_of(caller: Caller) -> str:
    """Whose a job is."""
    return "owner" if caller.may("admin") else f"token {caller.key_id}"


def seen_by(caller: Caller) -> str | None:
    """Whose jobs a caller sees: an admin all, None."""
    return None if caller.may("admin") else owner_of(caller)


def options_of(wanted: Reading) -> Options:
    """The body as ``qa.batch`` takes it.

    Raises:
        FieldError: FIELD_INVALID for a role that isn't one.
    """
    for role in wanted.columns:
        if role not in ROLES:
            message = f"columns: a role is one of {', '.join(ROLES)}."
            raise FieldError("FIELD_INVALID", message, "columns")
    columns = {role: tuple(names) for role, names in wanted.columns.items() if names}
    return Options(wanted.encoding, wanted.delimiter, wanted.sheet, wanted.header, columns, wanted.fill_merged)


def _job(jobs: Jobs, request: Request, caller: Caller) -> Job:
    return jobs.job(request.path_params["job_id"], seen_by(caller))


async def _received(request: Request, jobs: Jobs, owner: str, name: str | None) -> Job:
    """A draft of what is sent, written to the disk as it comes."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with request.form(max_files=1, max_fields=20) as form:
            file = next((value for value in form.values() if isinstance(value, UploadFile)), None)
            if file is None:
                raise UsageError("BODY_INVALID", "The form has no file; send it as the field file.", field="file")
            with jobs.new(name or file.filename or "questions", owner) as (target, job):
                while part := await file.read(1 << 20):
                    await run_in_threadpool(target.write, part)
        return job
    if kind == "application/json" and name is None:
        data = _json_lines(await request.body())
        with jobs.new("questions.jsonl", owner) as (target, job):
            target.write(data)
        return job
    with jobs.new(name or "questions.txt", owner) as (target, job):
        async for part in request.stream():
            await run_in_threadpool(target.write, part)
    return job


def _json_lines(body: bytes) -> bytes:
    """The questions of a JSON body as a file: texts, or objects as a row of JSON Lines has them."""
    wrong = UsageError("BODY_INVALID", 'Send {"questions": […]}, each a text or an object with a question.')
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise wrong from error
    rows = told.get("questions") if isinstance(told, Mapping) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, str | dict) for row in rows):
        raise wrong
    objects = ({"question": row} if isinstance(row, str) else row for row in rows)
    lines = (json.dumps(row, ensure_ascii=True) + "\n" for row in objects)
    return "".join(lines).encode()


def _attached(name: str) -> dict[str, str]:
    """Headers of a file to be saved under ``name`` (RFC 6266). A report isn't shown on the server's own origin."""
    return {"content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}", **_FRESH}
