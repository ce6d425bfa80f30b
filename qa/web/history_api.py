"""What the conversation's page asks for its history: list, search, rename, delete, export. Not part of the public API.

The browser's key comes in a header of our own, which no page of another origin may send. Whoever has a conversation's
id may read it; the list, and every change, needs the key that it was begun with.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel
from starlette.responses import JSONResponse, PlainTextResponse, Response

from qa.errors import NotFoundError
from qa.talks import Talk, Talks
from qa.web.bodies import Text
from qa.web.export import as_json, as_markdown
from qa.web.words import LANGUAGES, ZH

Visitor = Annotated[str, Header(alias="x-wenbao-visitor", max_length=64)]


class Renamed(BaseModel):
    """A new title."""

    title: Text


def router(talks: Talks) -> APIRouter:
    """The routes over ``talks``."""
    routes = APIRouter(prefix="/api/talks", include_in_schema=False)

    @routes.get("")
    def list_talks(visitor: Visitor, search: Annotated[str, Query(max_length=200)] = "") -> Response:
        return _private(
            [
                {"id": line.id, "title": line.title, "turns": line.turns, "changed_at": line.changed_at}
                for line in talks.of(visitor, search)
            ]
        )

    @routes.delete("")
    def delete_all(visitor: Visitor) -> Response:
        return _private({"deleted": talks.delete(visitor)})

    @routes.patch("/{talk_id}")
    def rename(talk_id: str, visitor: Visitor, renamed: Renamed) -> Response:
        if not talks.rename(visitor, talk_id, renamed.title):
            raise _absent()
        return _private({"title": _found(talks, talk_id).title})

    @routes.delete("/{talk_id}")
    def delete(talk_id: str, visitor: Visitor) -> Response:
        if not talks.delete(visitor, talk_id):
            raise _absent()
        return _private({"deleted": 1})

    @routes.get("/{talk_id}.json")
    def export_json(talk_id: str) -> Response:
        talk = _found(talks, talk_id)
        return _file(_private(as_json(talk)), talk, "json")

    @routes.get("/{talk_id}.md")
    def export_markdown(talk_id: str, lang: str = ZH.path) -> Response:
        talk = _found(talks, talk_id)
        text = as_markdown(talk, LANGUAGES.get(lang, ZH))
        return _file(PlainTextResponse(text, media_type="text/markdown; charset=utf-8"), talk, "md")

    return routes


def _found(talks: Talks, talk_id: str) -> Talk:
    talk = talks.talk(talk_id)
    if talk is None:
        raise _absent()
    return talk


def _absent() -> NotFoundError:
    return NotFoundError("TALK_NOT_FOUND", "There is no such conversation; it may have been deleted or forgotten.")


def _private(value: object) -> JSONResponse:
    return JSONResponse(value, headers={"cache-control": "no-store"})


def _file(response: Response, talk: Talk, suffix: str) -> Response:
    """``response`` as a file named after the conversation (RFC 6266)."""
    name = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', " ", talk.title).strip(" .")[:60] or "wenbao"
    response.headers["content-disposition"] = f"attachment; filename*=UTF-8''{quote(f'{name}.{suffix}', safe='')}"
    response.headers["cache-control"] = "no-store"
    return response
