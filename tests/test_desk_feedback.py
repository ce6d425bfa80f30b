"""Feedback over HTTP, and which questions of the web are kept for review."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from tiny_models import static_folder
from web_fixtures import BASE

from qa.bot import Bot
from qa.config import Settings
from qa.review import ReviewLog, Wanted
from qa.web.server import build_app


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, ReviewLog]]:
    """A server over a corpus of its own, as its owner on this machine sees it, and its log."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "one.md").write_text("# 渡口添新船\n\n渡口新添了七艘木船。\n", encoding="utf-8")
    settings = Settings(
        data=tmp_path_factory.mktemp("data"), model=str(static_folder(tmp_path_factory.mktemp("model")))
    )
    with Bot.open(settings, index_seeds=False) as bot:
        bot.index([folder])
        client = TestClient(build_app(bot), base_url=BASE, client=("127.0.0.1", 50_000), raise_server_exceptions=False)
        log = ReviewLog(settings.data)
        yield client, log
        log.close()


def ask(client: TestClient, question: str) -> dict[str, Any]:
    record: dict[str, Any] = client.post("/api/ask", json={"question": question}).raise_for_status().json()
    return record


def test_a_question_can_be_rated_by_its_trace(desk: tuple[TestClient, ReviewLog]) -> None:
    client, log = desk
    trace_id = ask(client, "渡口添了几艘船？")["trace_id"]
    given = {"trace_id": trace_id, "thumb": "down", "reason": "wrong_passage", "comment": "不是这一段"}
    response = client.post("/api/feedback", json=given)
    assert (response.status_code, response.json()["reason"]) == (200, "wrong_passage")
    asked = log.one(trace_id)
    assert asked.feedback is not None
    assert (asked.surface, asked.feedback.thumb, asked.feedback.comment) == ("api", "down", "不是这一段")


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"trace_id": "0" * 32, "thumb": "up"}, 404, "TRACE_UNKNOWN"),
        ({"trace_id": "", "thumb": "up"}, 422, "FIELD_INVALID"),
        ({"trace_id": "t" * 65, "thumb": "up"}, 422, "FIELD_INVALID"),
        ({"trace_id": "t", "thumb": "sideways"}, 422, "FIELD_INVALID"),
        ({"trace_id": "t", "thumb": "up", "reason": "bored"}, 422, "FIELD_INVALID"),
        ({"trace_id": "t", "thumb": "up", "comment": "长" * 2001}, 422, "FIELD_INVALID"),
        ({"trace_id": "t", "thumb": "up", "more": 1}, 422, "FIELD_INVALID"),
        (["t"], 400, "BODY_INVALID"),
    ],
)
def test_what_cannot_be_kept_is_refused(desk: tuple[TestClient, ReviewLog], given: Any, status: int, code: str) -> None:
    response = desk[0].post("/api/feedback", json=given)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_a_page_of_another_origin_rates_nothing(desk: tuple[TestClient, ReviewLog]) -> None:
    client, log = desk
    trace_id = ask(client, "谁来了？")["trace_id"]
    assert client.post("/api/feedback", json={"trace_id": trace_id, "thumb": "down"}).status_code == 200
    response = client.post(
        "/api/feedback", json={"trace_id": trace_id, "thumb": "up"}, headers={"origin": "https://outside.example"}
    )
    assert response.status_code == 403
    kept = log.one(trace_id).feedback
    assert kept is not None
    assert kept.thumb == "down"


def test_refused_questions_are_not_kept(desk: tuple[TestClient, ReviewLog]) -> None:
    client, log = desk
    before = log.asked(Wanted())[1]
    assert client.post("/api/ask", json={"question": "  "}).status_code == 422
    assert log.asked(Wanted())[1] == before
