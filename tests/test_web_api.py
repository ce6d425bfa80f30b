"""The HTTP surface: the contract's answers, one envelope for every error, and the outer wall."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send
from web_fixtures import PAYLOADS, Page, app, bot, client

from qa.answer import record_json
from qa.bot import Bot
from qa.errors import StoreError, UsageError
from qa.web import guard, policies
from qa.web.api import AnswerRecord, ArticleList, ErrorEnvelope, FullArticle, Health
from qa.web.server import bind

QUESTION = "景山街道总工会三八节发了多少口罩？"
JSON = {"content-type": "application/json"}
WRONG_TOP_K: list[object] = ["ten", -1, 0, 51, 10**9, 1.5, True, float("nan"), []]


def same(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in {"trace_id", "elapsed_ms"}}


def refusal(response: Any, status: int, code: str, field: str | None = None) -> None:
    """The response is the envelope with these, and carries the id that it names."""
    assert response.status_code == status, response.text
    envelope = ErrorEnvelope.model_validate_json(response.content)
    assert (envelope.error.code, envelope.error.field) == (code, field)
    assert envelope.error.message.endswith(".") or ". " in envelope.error.message
    assert response.headers["x-request-id"] == envelope.error.request_id


# Asking


def test_ask_answers_with_the_record_of_every_surface(client: TestClient, bot: Bot) -> None:
    response = client.post("/api/ask", json={"question": QUESTION})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    record = response.json()
    assert same(record) == same(bot.ask(QUESTION))
    assert response.content == record_json(record).encode()
    AnswerRecord.model_validate(record)
    assert "口罩8000个" in record["passages"][0]["text"]


def test_history_and_top_k_reach_the_bot(client: TestClient, bot: Bot) -> None:
    body = {"question": "那朝阳门街道呢？", "history": [QUESTION], "top_k": 2}
    record = client.post("/api/ask", json=body).json()
    assert same(record) == same(bot.ask("那朝阳门街道呢？", history=[QUESTION], top_k=2))
    assert len(record["passages"]) == 2


def test_a_stream_has_passages_then_the_record_then_done(client: TestClient, bot: Bot) -> None:
    response = client.post("/api/ask", json={"question": QUESTION}, headers={"accept": "text/event-stream"})
    assert response.headers["content-type"].startswith("text/event-stream")
    events = re.findall(r"event: (\w+)\ndata: (.*)\n\n", response.text)
    assert [name for name, _ in events] == ["passages", "answer", "done"]
    record = json.loads(events[1][1])
    assert json.loads(events[0][1]) == record["passages"]
    assert same(record) == same(bot.ask(QUESTION))


@pytest.mark.parametrize(
    "question",
    ["?", "水", "😀👨‍👩‍👧‍👦🇨🇳", "؟مرحبا", "'; DROP TABLE articles;--", '"a" OR NEAR(b c) * ^ :', "(" * 1500, *PAYLOADS],
)
def test_odd_questions_are_answered_and_echoed_exactly(client: TestClient, question: str) -> None:
    response = client.post("/api/ask", json={"question": question})
    assert response.status_code == 200
    assert response.json()["question"] == question


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", JSON, 400, "BODY_INVALID"),
        (b"null", JSON, 400, "BODY_INVALID"),
        (b"[]", JSON, 400, "BODY_INVALID"),
        (b'"text"', JSON, 400, "BODY_INVALID"),
        (b'{"question": ', JSON, 400, "BODY_INVALID"),
        (b"[" * 60_000, JSON, 400, "BODY_INVALID"),
        (b'{"question": "a", "top_k": ' + b"9" * 5000 + b"}", JSON, 400, "BODY_INVALID"),
        (b'{"question": "a"}', {"content-type": "text/plain"}, 400, "BODY_INVALID"),
        (b'{"question": "a"}', {}, 400, "BODY_INVALID"),
        ('{"question": "发了多少口罩"}'.encode("gbk"), JSON, 400, "BODY_ENCODING"),
        (gzip.compress(b'{"question": "a"}'), JSON | {"content-encoding": "gzip"}, 415, "BODY_COMPRESSED"),
        (json.dumps({"question": "a" * 70_000}).encode(), JSON, 413, "BODY_TOO_LARGE"),
    ],
)
def test_bad_bodies_are_refused(
    client: TestClient, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    refusal(client.post("/api/ask", content=body, headers=headers), status, code)


def test_a_body_without_a_length_is_counted_as_it_comes(client: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(70):
            yield b" " * 1024

    refusal(client.post("/api/ask", content=chunks(), headers=JSON), 413, "BODY_TOO_LARGE")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "question"),
        ({"question": None}, "question"),
        ({"question": 7}, "question"),
        ({"question": "a", "questions": []}, "questions"),
        ({"question": "a", "history": "b"}, "history"),
        ({"question": "a", "history": [1]}, "history.0"),
        ({"question": "a", "history": ["b"] * 101}, "history"),
        *(({"question": "a", "top_k": k}, "top_k") for k in WRONG_TOP_K),
    ],
)
def test_wrong_fields_are_named(client: TestClient, body: dict[str, Any], field: str) -> None:
    refusal(client.post("/api/ask", content=json.dumps(body), headers=JSON), 422, "FIELD_INVALID", field)


@pytest.mark.parametrize("place", ["question", "history"])
def test_half_a_surrogate_pair_is_no_text(client: TestClient, place: str) -> None:
    body = {"question": "a", "history": ["b"]} | {place: "\ud83d" if place == "question" else ["\ud83d"]}
    field = place if place == "question" else "history.0"
    refusal(client.post("/api/ask", content=json.dumps(body), headers=JSON), 422, "FIELD_INVALID", field)


@pytest.mark.parametrize("question", ["", "   \n\u3000\u200b"])
def test_an_empty_question_is_refused(client: TestClient, question: str) -> None:
    refusal(client.post("/api/ask", json={"question": question}), 422, "QUESTION_EMPTY", "question")


def test_a_question_beyond_the_setting_is_refused(client: TestClient, bot: Bot) -> None:
    question = "口" * (bot.settings.question_chars + 1)
    refusal(client.post("/api/ask", json={"question": question}), 422, "QUESTION_TOO_LONG", "question")


# Articles


def test_articles_are_listed_and_each_can_be_read(client: TestClient, bot: Bot) -> None:
    listed = ArticleList.model_validate_json(client.get("/api/articles").content).articles
    assert [article.id for article in listed] == [line.id for line in bot.store.articles()]
    for line in listed:
        article = FullArticle.model_validate_json(client.get(f"/api/articles/{line.id}").content)
        text = bot.store.file_text(article.file)
        for section in article.sections:
            for passage in section.passages:
                shown = iter(text[passage.start : passage.end])
                assert all(char in shown for char in passage.text)  # the characters of the span, in their order


@pytest.mark.parametrize("path", ["/api/articles/", "/articles/"])
@pytest.mark.parametrize("name", ["1", "0", "-1", "1 OR 1=1", "1" * 30, "%00", "١", "1.0", "x" * 300, "%F0%9F%98%80"])
def test_an_odd_or_absent_article_is_not_found(client: TestClient, path: str, name: str) -> None:
    refusal(client.get(path + name), 404, "NOT_FOUND")


def test_the_article_page_is_html_in_the_wanted_language(client: TestClient, bot: Bot) -> None:
    passage = bot.ask(QUESTION)["passages"][0]
    (mark,) = passage["highlights"]
    place = {"start": mark["start"], "end": mark["end"]}
    url = f"/articles/{passage['source']['article_id']}"
    for language, tag in (("zh", "zh-Hans"), ("zh-hant", "zh-Hant"), ("en", "en")):
        response = client.get(url, params=place | {"lang": language})
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert f'<html lang="{tag}">' in response.text
        assert "口罩8000个" in "".join(Page(response.text).marks)
    scan = client.get(url, params=place | {"view": "scan"})
    text = bot.store.file_text(passage["source"]["file"])
    assert Page(scan.text).marks == [text[mark["start"] : mark["end"]]]


def test_the_articles_of_a_file_lead_to_one_another(client: TestClient, bot: Bot) -> None:
    lines = bot.store.articles()
    for file in {line.file for line in lines}:
        ids = [line.id for line in lines if line.file == file]
        for before, after in itertools.pairwise(ids):
            assert f'rel="next" href="/articles/{after}?' in client.get(f"/articles/{before}").text
            assert f'rel="prev" href="/articles/{before}?' in client.get(f"/articles/{after}").text


def test_a_missing_page_is_a_page_for_people(client: TestClient) -> None:
    response = client.get("/articles/1", headers={"accept": "text/html", "accept-language": "en"})
    assert response.status_code == 404
    assert "it may have been removed" in Page(response.text).text


# Start page, health, methods


@pytest.mark.parametrize(("wish", "path"), [("en-US", "/en/"), ("zh-TW", "/zh-hant/"), ("", "/zh/")])
def test_the_start_page_leads_to_the_visitors_language(client: TestClient, wish: str, path: str) -> None:
    response = client.get("/", headers={"accept-language": wish})
    assert (response.status_code, response.headers["location"]) == (307, path)
    assert client.get(path).status_code == 200


def test_health_and_readiness(client: TestClient, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Health.model_validate_json(client.get("/healthz").content).status == "ok"
    assert Health.model_validate_json(client.get("/readyz").content).status == "ready"

    def fail(_: object) -> int:
        raise StoreError("STORE_CORRUPT", "The store is damaged.")

    monkeypatch.setattr(type(bot.store), "sequence", fail)
    refusal(client.get("/readyz"), 503, "STORE_CORRUPT")
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/ask", "POST"),
        ("GET", "/api/ask", "POST"),
        ("OPTIONS", "/api/ask", "POST"),
        ("TRACE", "/healthz", "GET"),
        ("DELETE", "/api/articles", "GET"),
        ("POST", "/api/articles/1", "GET"),
        ("PUT", "/articles/1", "GET"),
    ],
)
def test_other_methods_are_refused_with_those_allowed(client: TestClient, method: str, path: str, allowed: str) -> None:
    response = client.request(method, path)
    refusal(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == allowed


def test_an_unknown_address_is_not_found(client: TestClient) -> None:
    for path in ("/nothing", "/api", "/api/nothing", "/ui/nothing.css", "/docs", "/redoc"):
        refusal(client.get(path), 404, "NOT_FOUND")


def test_a_failure_inside_tells_nothing_but_its_id(
    client: TestClient, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret path")

    monkeypatch.setattr(type(bot), "ask", fail)
    response = client.post("/api/ask", json={"question": QUESTION})
    refusal(response, 500, "INTERNAL_ERROR")
    assert "secret" not in response.text


# The OpenAPI document


def test_the_document_names_exactly_the_routes_of_the_api(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert {(path, method) for path, methods in document["paths"].items() for method in methods} == {
        ("/api/ask", "post"),
        ("/api/feedback", "post"),
        ("/api/articles", "get"),
        ("/api/articles/{article_id}", "get"),
        ("/healthz", "get"),
        ("/readyz", "get"),
    }
    body = document["paths"]["/api/ask"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {"question", "history", "top_k", "filters"}
    assert body["required"] == ["question"]


def test_every_status_of_a_route_is_documented(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    asked = set(paths["/api/ask"]["post"]["responses"])
    assert asked == {"200", "400", "408", "413", "415", "422", "429", "500", "503"}
    assert set(paths["/api/articles/{article_id}"]["get"]["responses"]) == {"200", "400", "404", "500", "503"}


@pytest.mark.parametrize("model", [AnswerRecord, FullArticle, ArticleList, ErrorEnvelope])
def test_documented_models_refuse_what_is_not_documented(model: type[BaseModel]) -> None:
    """So that holding real answers against them proves the document."""
    assert model.model_json_schema()["additionalProperties"] is False


# The outer wall


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "0.0.0.0"])
def test_another_host_is_refused(client: TestClient, host: str) -> None:
    refusal(client.get("/zh/", headers={"host": host}), 400, "HOST_UNKNOWN")


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1", "[::1]:7860", "LOCALHOST"])
def test_the_names_of_this_machine_are_accepted(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200


def test_a_forwarded_host_changes_nothing(client: TestClient) -> None:
    headers = {"x-forwarded-host": "evil.example", "x-forwarded-proto": "https"}
    assert "evil.example" not in client.get("/zh/", headers=headers).text
    assert client.get("/", headers=headers).headers["location"] == "/zh/"


@pytest.mark.parametrize("path", ["/zh/", "/api/articles", "/zh/config", "/ui/chat.css", "/healthz"])
def test_no_other_origin_may_read(client: TestClient, path: str) -> None:
    for origin in ("https://evil.example", "null", "http://localhost:3000"):
        headers = client.get(path, headers={"origin": origin}).headers
        assert not [name for name in headers if name.startswith("access-control-allow")]
        asked = client.options(path, headers={"origin": origin, "access-control-request-method": "GET"})
        assert asked.status_code == 400
        assert "access-control-allow-origin" not in asked.headers


@pytest.mark.parametrize(
    "path", ["/zh/", "/en/", "/articles/1", "/api/articles", "/healthz", "/nothing", "/ui/chat.js"]
)
def test_every_answer_carries_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert "http" not in headers["content-security-policy"]
    assert "unsafe" not in policy.get("script-src", "")


def test_the_chats_policy_names_its_own_scripts_by_hash() -> None:
    # The digest of "alert('Hello, world.');" is the worked example of the CSP specification (level 3, §8.4).
    page = b"<script src='x.js'></script><script data-x>alert('Hello, world.');</script>"
    assert policies.script_hashes(page) == " 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/zh/gradio_api/upload"),
        ("GET", "/zh/gradio_api/dev/reload"),
        ("GET", "/en/gradio_api/file=/etc/passwd"),
        ("GET", "/en/gradio_api/file/etc/passwd"),
        ("GET", "/zh/gradio_api/proxy=https://evil.example/"),
        ("POST", "/zh/gradio_api/run/predict"),
        ("POST", "/zh/gradio_api/vibe-edit/"),
        ("GET", "/zh/gradio_api/info"),
        ("GET", "/zh-hant/monitoring"),
        ("POST", "/zh/login"),
    ],
)
def test_parts_of_gradio_that_the_chat_does_not_use_are_closed(client: TestClient, method: str, path: str) -> None:
    refusal(client.request(method, path), 404, "NOT_FOUND")


def test_a_body_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        pytest.fail("the request reached the application")

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(dict(message))

    monkeypatch.setattr(guard, "BODY_TIMEOUT_S", 0.01)
    monkeypatch.setattr(guard, "LINGER_S", 0.01)
    scope = {"type": "http", "method": "POST", "path": "/api/ask", "headers": [(b"host", b"localhost")]}
    asyncio.run(guard.Guard(app, chat_paths=["/zh"])(scope, receive, send))
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["error"]["code"] == "BODY_TIMEOUT"


# Listening


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "bot.example.org"])
def test_only_this_machine_is_served(host: str) -> None:
    with pytest.raises(UsageError, match=re.escape(host)) as raised:
        bind(host, 7860)
    assert raised.value.code == "HOST_NOT_LOCAL"


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"{port}.*--port") as raised:
            bind("127.0.0.1", port)
    assert raised.value.code == "PORT_IN_USE"


def test_the_server_says_where_it_answers_and_stops_when_told(tmp_path: Path) -> None:
    with bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    environ = {name: text for name, text in os.environ.items() if not name.startswith("WENBAO_")}
    environ |= {"WENBAO_DATA": str(tmp_path / "data"), "WENBAO_PORT": str(port), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, str(Path(__file__).parents[1] / "app.py")]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        ready = next(line for line in lines if "ready" in line)
        assert f"http://127.0.0.1:{port} " in ready
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=30) as response:
            assert json.load(response) == {"status": "ready"}
        process.terminate()
        process.wait(timeout=60)
    assert process.returncode == 0


def test_a_port_that_may_not_be_opened_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: object, _address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(UsageError, match=r"80 .*Permission denied") as raised:
        bind("127.0.0.1", 80)
    assert raised.value.code == "PORT_NOT_ALLOWED"
