"""The HTTP surface: the contract's answers, one envelope for every error, and the outer wall."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import asyncio
import copy
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
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send
from web_fixtures import PAYLOADS, Page, app, bot, client, local_client

from qa.access import Access
from qa.answer import record_json
from qa.bot import Bot
from qa.config import Settings
from qa.errors import StoreError, UsageError
from qa.web import guard, policies
from qa.web.bodies import ErrorEnvelope
from qa.web.records import AnswerRecord, ArticleList, FullArticle, Health
from qa.web.server import address_of, bind, build_app, check_reach, trusts_local

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
        (gzip.compress(b'{"question": "a"}', mtime=0), JSON | {"content-encoding": "gzip"}, 415, "BODY_COMPRESSED"),
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
        ("DELETE", "/healthz", "GET"),
        ("POST", "/api/articles/1", "DELETE, GET"),
        ("PATCH", "/api/articles", "DELETE, GET, POST"),
        ("POST", "/ui/base.css", "GET, HEAD"),
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


def test_the_document_tells_the_body_of_a_question(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    body = document["paths"]["/api/ask"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {"question", "history", "top_k", "filters", "generate"}
    assert body["required"] == ["question"]


def test_every_reference_of_the_document_leads_somewhere_in_it(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    named = set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)))
    assert len(named) > 30
    for reference in named:
        found = document
        for name in reference.split("/"):
            assert name in found, reference
            found = found[name]


def test_every_status_of_a_route_is_documented(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    asked = set(paths["/api/ask"]["post"]["responses"])
    assert asked == {"200", "400", "401", "403", "408", "413", "415", "422", "429", "500", "503"}
    read = set(paths["/api/articles/{article_id}"]["get"]["responses"])
    assert read == {"200", "400", "401", "403", "404", "500", "503"}


@pytest.mark.parametrize("model", [AnswerRecord, FullArticle, ArticleList, ErrorEnvelope])
def test_documented_models_refuse_what_is_not_documented(model: type[BaseModel]) -> None:
    """So that holding real answers against them proves the document."""
    assert model.model_json_schema()["additionalProperties"] is False


def test_the_page_of_the_api_tells_every_route_and_needs_nothing_from_outside(client: TestClient) -> None:
    page = Page(client.get("/api/docs?lang=en").text)
    document = client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        assert path in page.text
        for told in methods.values():
            assert told["summary"] in page.text
    for name in document["components"]["schemas"]:
        assert ("section", {"id": f"schema-{name}"}) in page.tags
    anchors = {attributes["id"] for _, attributes in page.tags if attributes.get("id")}
    for _, attributes in page.tags:
        for name in ("href", "src"):
            link = attributes.get(name) or "/"
            assert link.startswith("/") or link[1:] in anchors, link
    assert not [tag for tag, _ in page.tags if tag == "script"]


# What the server counts


def test_metrics_are_what_prometheus_reads(bot: Bot) -> None:
    app = build_app(bot)
    client = local_client(app)
    for _ in range(3):
        client.post("/api/ask", json={"question": QUESTION})
    client.post("/api/ask", json={})
    client.get("/api/articles/1")
    client.get("/nothing/" + "x" * 50)
    client.request("INVENTED", "/healthz")
    response = client.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    requests = {
        tuple(sample.labels[label] for label in ("route", "method", "status")): sample.value
        for sample in families["wenbao_requests"].samples
    }
    assert requests == {
        ("/api/ask", "POST", "200"): 3,
        ("/api/ask", "POST", "422"): 1,
        ("/api/articles/{article_id}", "GET", "404"): 1,
        ("other", "GET", "404"): 1,
        ("/healthz", "OTHER", "405"): 1,
    }
    questions = {(s.labels["surface"], s.labels["status"]): s.value for s in families["wenbao_questions"].samples}
    assert questions == {("api", "answered"): 3}
    times = {
        (s.name, s.labels["le"] if s.name.endswith("_bucket") else ""): s.value
        for s in families["wenbao_request_seconds"].samples
        if s.labels["route"] == "/api/ask"
    }
    assert times["wenbao_request_seconds_bucket", "+Inf"] == times["wenbao_request_seconds_count", ""] == 4
    rising = [value for (name, _), value in times.items() if name.endswith("_bucket")]
    assert rising == sorted(rising)
    assert families["wenbao_passages"].samples[0].value == bot.store.counts()["passages"]
    assert QUESTION not in response.text
    assert all(family.documentation for family in families.values())


def test_metrics_are_the_owners(bot: Bot) -> None:
    refusal(local_client(build_app(bot), client=("198.51.100.7", 1)).get("/metrics"), 401, "UNAUTHORIZED")


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
def test_others_are_served_only_with_an_admin_token(host: str, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", host=host)
    with pytest.raises(UsageError, match=re.escape(host)) as raised:
        check_reach(settings)
    assert raised.value.code == "HOST_NOT_LOCAL"
    assert f"wenbao keys make NAME --scope admin --data {settings.data}" in raised.value.message
    assert not settings.data.exists()
    with closing(Access(settings.data)) as access:
        access.make_token("asker", ["ask"])
        _, admin = access.make_token("desk", ["admin"])
        check_reach(settings)
        access.revoke(admin.id)
    with pytest.raises(UsageError):
        check_reach(settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_machine_is_served_without_a_token(host: str, tmp_path: Path) -> None:
    check_reach(Settings(data=tmp_path, host=host))


@pytest.mark.parametrize(
    ("values", "is_trusted"),
    [
        ({}, True),
        ({"WENBAO_HOST": "0.0.0.0"}, False),
        ({"WENBAO_TRUSTED_PROXIES": "127.0.0.1"}, False),
        ({"WENBAO_PUBLIC_URL": "https://bot.example.org"}, False),
        ({"WENBAO_HOSTS": "bot.example.org"}, False),
    ],
)
def test_this_machine_is_its_owners_only_while_nobody_else_can_come(values: dict[str, str], is_trusted: bool) -> None:
    assert trusts_local(Settings.read(values)) is is_trusted


def test_the_server_answers_to_the_names_it_was_given(bot: Bot) -> None:
    there = copy.copy(bot)
    there.settings = replace(bot.settings, hosts=("bot.local", "192.0.2.1"), public_url="https://bot.example.org:8443")
    named = local_client(build_app(there))
    for host in ("bot.local", "BOT.local:7860", "bot.example.org", "bot.example.org:8443", "127.0.0.1", "192.0.2.1"):
        assert named.get("/healthz", headers={"host": host}).status_code == 200
    for host in ("evil.example", "bot.local.evil.example", "192.0.2.2"):
        refusal(named.get("/healthz", headers={"host": host}), 400, "HOST_UNKNOWN")
    # Nobody is the owner there without a token, wherever the request comes from.
    refusal(named.get("/metrics"), 401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("host", "public_url", "address"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:7860"),
        ("::1", None, "http://[::1]:7860"),
        ("0.0.0.0", None, "http://127.0.0.1:7860"),
        ("::", None, "http://[::1]:7860"),
        ("0.0.0.0", "https://bot.example.org", "https://bot.example.org"),
    ],
)
def test_the_printed_address_can_be_opened(host: str, public_url: str | None, address: str) -> None:
    assert address_of(Settings(host=host, public_url=public_url)) == address


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(UsageError, match=re.escape("192.0.2.77")) as raised:
        bind("192.0.2.77", 7860)
    assert raised.value.code == "HOST_UNUSABLE"


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
