"""The history over HTTP: lists and changes need the browser's key, files come with a name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from qa.talks import Talks
from qa.web import history_api
from qa.web.failures import add_error_handlers
from qa.web.guard import Guard

ME, OTHER, TALK = "m" * 22, "o" * 22, "t" * 22
RECORD = {"question": "发了多少/口罩？", "answer": "8000个", "status": "answered", "confidence": 0.7, "passages": []}


@pytest.fixture
def talks(tmp_path: Path) -> Iterator[Talks]:
    found = Talks(tmp_path, 90)
    found.add(ME, TALK, RECORD)
    yield found
    found.close()


@pytest.fixture
def client(talks: Talks) -> TestClient:
    app = FastAPI()
    add_error_handlers(app)
    app.include_router(history_api.router(talks))
    return TestClient(Guard(app, chat_paths=[]), base_url="http://127.0.0.1", headers={"x-wenbao-visitor": ME})


def test_the_list_is_of_the_browser_that_asks(client: TestClient) -> None:
    (line,) = client.get("/api/talks").json()
    assert (line["id"], line["title"], line["turns"]) == (TALK, RECORD["question"], 1)
    assert client.get("/api/talks", headers={"x-wenbao-visitor": OTHER}).json() == []
    assert client.get("/api/talks", params={"search": "口罩"}).json() == [line]
    assert client.get("/api/talks", params={"search": "没有"}).json() == []
    assert client.get("/api/talks").headers["cache-control"] == "no-store"


def test_renaming_and_deleting_need_the_key(client: TestClient) -> None:
    other = {"x-wenbao-visitor": OTHER}
    assert client.patch(f"/api/talks/{TALK}", json={"title": "新"}, headers=other).status_code == 404
    assert client.delete(f"/api/talks/{TALK}", headers=other).json()["error"]["code"] == "TALK_NOT_FOUND"
    assert client.patch(f"/api/talks/{TALK}", json={"title": "新 名"}).json() == {"title": "新 名"}
    assert client.delete(f"/api/talks/{TALK}").json() == {"deleted": 1}
    assert client.delete(f"/api/talks/{TALK}").status_code == 404
    assert client.delete("/api/talks").json() == {"deleted": 0}


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"title": 7}', b'{"title": ""}', b'{"title": "\\ud800"}'])
def test_a_bad_title_is_refused_in_the_envelope(client: TestClient, body: bytes) -> None:
    response = client.patch(f"/api/talks/{TALK}", content=body, headers={"content-type": "application/json"})
    assert response.status_code in {404, 422}
    assert set(response.json()["error"]) == {"code", "message", "field", "request_id"}
    assert client.get("/api/talks").json()[0]["title"] == RECORD["question"]


def test_without_a_key_nothing_is_listed_or_changed(client: TestClient) -> None:
    del client.headers["x-wenbao-visitor"]
    for response in (client.get("/api/talks"), client.delete("/api/talks"), client.delete(f"/api/talks/{TALK}")):
        assert response.status_code == 422
        assert response.json()["error"]["code"] == "FIELD_INVALID"


def test_whoever_has_the_id_takes_the_conversation_away_as_a_file(client: TestClient) -> None:
    del client.headers["x-wenbao-visitor"]
    markdown = client.get(f"/api/talks/{TALK}.md", params={"lang": "en"})
    assert "**8000个** (70% sure)" in markdown.text
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"
    assert markdown.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''%E5%8F%91%E4%BA%86%E5%A4%9A%E5%B0%91%20%E5%8F%A3%E7%BD%A9%EF%BC%9F.md"
    )
    assert client.get(f"/api/talks/{TALK}.json").json()["turns"][0]["record"] == RECORD
    for suffix in ("md", "json"):
        missing = client.get(f"/api/talks/{'x' * 22}.{suffix}")
        assert missing.status_code == 404
        assert missing.json()["error"]["code"] == "TALK_NOT_FOUND"


def test_a_page_of_another_origin_can_not_send_the_key(client: TestClient) -> None:
    preflight = client.options(
        "/api/talks",
        headers={
            "origin": "https://outside.example",
            "access-control-request-method": "DELETE",
            "access-control-request-headers": "x-wenbao-visitor",
        },
    )
    assert "access-control-allow-origin" not in preflight.headers
    assert preflight.status_code >= 400
