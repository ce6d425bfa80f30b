"""Articles in and out over HTTP, for the owner: ``POST``, ``DELETE /api/articles``, and the jobs that uploads are."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from qa.errors import UsageError
from qa.reading import shown_name
from qa.uploads import Job, State, Uploads
from qa.web.article_page import ID_DIGITS
from qa.web.bodies import FieldError, Strict, errors
from qa.web.credentials import IsAdmin

MAX_FILES = 1000
"""Files in one request."""
NAME_CHARS = 1000
WAIT_S = 30
"""How long a request waits for its files to be indexed, unless it says otherwise."""
LONGEST_WAIT_S = 300
_POLL_S = 0.1
_UNSAFE = re.compile(r"^/|^[A-Za-z]:|(?:^|/)\.\.(?:/|$)")


class JobFile(Strict):
    """A file of a job: ``waiting`` until it is settled; ``opened`` is an archive whose files are listed themselves."""

    number: int
    file: str
    state: State
    code: str | None
    message: str | None


class JobState(Strict):
    """A job as it is now. ``files`` are those that changed since the step asked for."""

    id: str
    kind: Literal["upload", "index", "terms"]
    state: Literal["running", "done", "failed"]
    uploader: str
    started: int
    finished: int | None
    code: str | None
    message: str | None
    counts: dict[str, int]
    doing: dict[str, Any] | None
    files: list[JobFile]
    step: int


class JobList(Strict):
    """The latest jobs, latest first."""

    jobs: list[JobState]


class Gone(Strict):
    """What is no longer in the corpus."""

    deleted: list[str]


def job_json(job: Job) -> dict[str, Any]:
    """A job as ``JobState`` has it."""
    state = "running" if job.finished is None else "done" if job.code is None else "failed"
    doing = None if job.doing is None else dict(zip(("stage", "done", "total"), job.doing, strict=True))
    return {**asdict(job), "state": state, "doing": doing}


def corpus_name(filename: str) -> str:
    """What an uploaded file is called in the corpus: its path within the folder that was chosen, or its name alone.

    A path that leads anywhere else (absolute, with a drive, with ``..``) is cut down to its last part.

    Raises:
        FieldError: FIELD_INVALID when nothing is left of it, or it is too long.
    """
    name = filename.replace("\\", "/")
    if _UNSAFE.search(name):
        name = name.rsplit("/", 1)[-1]
    name = shown_name("/".join(part for part in name.split("/") if part not in {"", "."}))
    if not name.strip() or name == ".." or len(name) > NAME_CHARS:
        raise FieldError("FIELD_INVALID", f"name: give each file a name of 1 to {NAME_CHARS} characters.", "name")
    return name


def uploads_of(request: Request) -> Uploads:
    """The uploads that ``server`` gave the application."""
    uploads: Uploads = request.app.state.uploads
    return uploads


def router() -> APIRouter:
    """The routes that change the corpus; they must stand before those that read it, whose ids take any name."""
    routes = APIRouter()

    @routes.post(
        "/api/articles",
        summary="Upload articles",
        responses={
            200: {"model": JobState},
            202: {"model": JobState},
            **errors(400, 401, 403, 404, 408, 413, 415, 422, 500, 503),
        },
        openapi_extra={
            "parameters": [
                _query("name", "string", "The file's name, when the body is the file itself."),
                _query("job", "string", "A job to add to."),
                _query("encoding", "string", "An encoding to try first."),
                _query("wait", "integer", f"Seconds to wait for the outcome, 0 to {LONGEST_WAIT_S}; {WAIT_S} else."),
                {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "schema": {"type": "string"},
                    "description": "Any text of yours: an upload that is sent again with it is taken once.",
                },
            ],
            "requestBody": {
                "required": True,
                "content": {
                    "multipart/form-data": {
                        "schema": {
                            "type": "object",
                            "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                        }
                    },
                    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                },
            },
        },
    )
    async def upload(request: Request, asking: IsAdmin) -> Response:
        """Takes files in: as multipart/form-data, or one as the body. 202 when some are still being read.

        Sent again with the same Idempotency-Key, it takes nothing more and answers as the first time.
        """
        uploads = uploads_of(request)
        query = request.query_params
        wait_s = _wait_s(query.get("wait"))
        key = None if "job" in query else request.headers.get("idempotency-key") or None
        async with _received(request, uploads) as files:
            job = query.get("job")
            if job is None:
                uploader = asking.kind if asking.key_id is None else f"{asking.kind} {asking.key_id}"
                encoding = query.get("encoding") or None
                job = await run_in_threadpool(uploads.take, files, uploader, encoding=encoding, key=key)
            else:
                await run_in_threadpool(uploads.take_into, job, files)
        return await _answer(uploads, job, wait_s)

    @routes.post(
        "/api/articles/index",
        summary="Bring the indexes up to date",
        responses={202: {"model": JobState}, **errors(400, 401, 403, 408, 413, 415, 500, 503)},
    )
    async def index(request: Request, asking: IsAdmin) -> Response:
        """Does what an interrupted run left, or a new model, version or dictionary needs."""
        uploads = uploads_of(request)
        job = await run_in_threadpool(uploads.begin, asking.kind, "index")
        return await _answer(uploads, job, 0)

    @routes.get(
        "/api/articles/jobs",
        summary="The latest uploads",
        responses={200: {"model": JobList}, **errors(400, 401, 403, 500, 503)},
    )
    def jobs(request: Request, _: IsAdmin) -> Response:
        """The latest jobs, without their files."""
        return JSONResponse({"jobs": [job_json(job) for job in uploads_of(request).jobs()]})

    @routes.get(
        "/api/articles/jobs/{job}",
        summary="An upload",
        responses={200: {"model": JobState}, **errors(400, 401, 403, 404, 422, 500, 503)},
        openapi_extra={
            "parameters": [
                {"name": "job", "in": "path", "required": True, "schema": {"type": "string"}},
                _query("since", "integer", "Only files that changed after this step, at most a thousand."),
            ]
        },
    )
    def job(request: Request, _: IsAdmin) -> Response:
        """How far a job is; ask again with ``since`` = ``step`` for what has changed."""
        since = _whole(request.query_params.get("since", "0"), "since", 1 << 53)
        return JSONResponse(job_json(uploads_of(request).job(request.path_params["job"], since)))

    @routes.delete(
        "/api/articles/{article_id}",
        summary="Delete an article",
        responses={200: {"model": Gone}, **errors(400, 401, 403, 404, 500, 503)},
        openapi_extra={
            "parameters": [{"name": "article_id", "in": "path", "required": True, "schema": {"type": "string"}}]
        },
    )
    def delete(request: Request, _: IsAdmin) -> Response:
        """The article is in no answer any more when this is answered."""
        name = request.path_params["article_id"]
        number = int(name) if name.isascii() and name.isdecimal() and len(name) <= ID_DIGITS else 0
        uploads_of(request).withdraw(articles=[number])
        return JSONResponse({"deleted": [name]})

    @routes.delete(
        "/api/articles",
        summary="Delete files",
        responses={200: {"model": Gone}, **errors(400, 401, 403, 404, 422, 500, 503)},
        openapi_extra={"parameters": [{**_query("file", "string", "A file; may be repeated."), "required": True}]},
    )
    def delete_files(request: Request, _: IsAdmin) -> Response:
        """The files with all their articles are in no answer any more, all or none of them."""
        files = list(dict.fromkeys(request.query_params.getlist("file")))
        if not files:
            raise FieldError("FIELD_INVALID", "file: name the file to delete, as GET /api/articles has it.", "file")
        uploads_of(request).withdraw(files=files)
        return JSONResponse({"deleted": files})

    return routes


@asynccontextmanager
async def _received(request: Request, uploads: Uploads) -> AsyncIterator[list[tuple[str, Path]]]:
    """The request's files on the disk, with their names in the corpus; gone again when the block fails."""
    files: list[tuple[str, Path]] = []
    try:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data":
            await _from_form(request, uploads, files)
        else:
            name = corpus_name(request.query_params.get("name") or _disposition(request))
            place = uploads.place()
            files.append((name, place))
            with place.open("wb") as out:
                async for part in request.stream():
                    await run_in_threadpool(out.write, part)
        yield files
    except Exception:  # who is cancelled as the server ends may leave a thread that takes them in
        for _, place in files:
            place.unlink(missing_ok=True)
        raise


async def _from_form(request: Request, uploads: Uploads, files: list[tuple[str, Path]]) -> None:
    try:
        async with request.form(max_files=MAX_FILES, max_fields=10) as form:
            for _, value in form.multi_items():
                if isinstance(value, UploadFile) and value.filename:
                    name = corpus_name(value.filename)
                    place = uploads.place()
                    files.append((name, place))
                    with place.open("wb") as out:
                        await run_in_threadpool(shutil.copyfileobj, value.file, out)
    except HTTPException as error:
        raise UsageError("BODY_INVALID", f"The form can't be read: {error.detail}") from error
    if not files:
        message = "files: the form holds no file; send at least one, with a file name."
        raise FieldError("FIELD_INVALID", message, "files")


def _disposition(request: Request) -> str:
    """The file name of a ``Content-Disposition`` header (RFC 6266 §4.3); empty when there is none."""
    header = request.headers.get("content-disposition", "")
    if found := re.search(r"filename\*=UTF-8''([^;]+)", header, re.IGNORECASE):
        return unquote(found[1], errors="replace")
    found = re.search(r'filename="?([^";]+)"?', header, re.IGNORECASE)
    return found[1] if found else ""


async def _answer(uploads: Uploads, job: str, wait_s: int) -> Response:
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    while not (done := await run_in_threadpool(uploads.is_done, job)) and loop.time() < until:
        await asyncio.sleep(_POLL_S)
    found = job_json(await run_in_threadpool(uploads.job, job))
    return JSONResponse(found, 200 if done else 202, {"location": f"/api/articles/jobs/{job}"})


def _wait_s(text: str | None) -> int:
    return WAIT_S if text is None else _whole(text, "wait", LONGEST_WAIT_S)


def _whole(text: str, field: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= ID_DIGITS and int(text) <= most):
        raise FieldError("FIELD_INVALID", f"{field}: expected a whole number from 0 to {most}.", field)
    return int(text)


def _query(name: str, kind: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": kind}, "description": description}
