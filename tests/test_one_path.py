"""The same question through Python, command line, batch file and HTTP gives byte-equal records."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from qa.answer import record_json
from qa.bot import Bot
from qa.filters import Filters
from qa.web.server import build_app

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::PendingDeprecationWarning"
)

QUESTIONS = [
    ("景山街道总工会三八节发了多少口罩？", []),
    ("東城區總工會設立了多少錢的新冠肺炎防控專項資金？", []),
    ("How many departments did the Jianguomen union visit?", []),
    ("那建国门街道呢？", ["体育馆路街道总工会送出了多少慰问品？"]),
    ("用Python怎么写快速排序？", []),
]


def _bytes(record: dict[str, Any]) -> bytes:
    """The record's bytes, trace id and time aside."""
    assert record["trace_id"]
    assert record["elapsed_ms"] >= 0
    return record_json(record | {"trace_id": None, "elapsed_ms": None, "id": None}).encode()


def test_every_surface_gives_the_same_record(seeds_bot: Bot, tmp_path: Path) -> None:
    from_python = [_bytes(seeds_bot.ask(question, history=history)) for question, history in QUESTIONS]

    client = TestClient(build_app(seeds_bot), base_url="http://127.0.0.1")
    over_http = []
    for question, history in QUESTIONS:
        response = client.post("/api/ask", json={"question": question, "history": history})
        assert response.status_code == 200
        over_http.append(_bytes(json.loads(response.content)))
    assert over_http == from_python

    rows = [{"id": str(i), "question": q, "history": h} for i, (q, h) in enumerate(QUESTIONS)]
    asked = tmp_path / "questions.jsonl"
    asked.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    wenbao = [str(Path(sys.executable).with_name("wenbao")), "--data", str(seeds_bot.settings.data)]
    subprocess.run(
        [*wenbao, "batch", str(asked), "-o", str(tmp_path / "answers.jsonl")], check=True, capture_output=True
    )
    lines = (tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert [_bytes(json.loads(line)) for line in lines] == from_python

    for (question, history), expected in zip(QUESTIONS, from_python, strict=True):
        if not history:
            done = subprocess.run([*wenbao, "ask", question, "--json"], check=True, capture_output=True)
            assert _bytes(json.loads(done.stdout)) == expected


def test_every_surface_filters_the_same(seeds_bot: Bot, tmp_path: Path) -> None:
    question, file = "总工会发了多少口罩？", "001_f615af97c7c32ce3.txt"
    expected = seeds_bot.ask(question, filters=Filters(files=(file,)))
    assert {passage["source"]["file"] for passage in expected["passages"]} == {file}
    assert expected["searched_in"]["articles"] > 0
    article = expected["passages"][0]["source"]["article_id"]
    only_article = seeds_bot.ask(question, filters=Filters(articles=(article,)))

    client = TestClient(build_app(seeds_bot), base_url="http://127.0.0.1")
    for filters, record in (({"files": [file]}, expected), ({"articles": [article]}, only_article)):
        response = client.post("/api/ask", json={"question": question, "filters": filters})
        assert _bytes(response.json()) == _bytes(record)
    response = client.post("/api/ask", json={"question": question, "filters": {"since": "2020-02-30"}})
    assert response.status_code == 422
    assert (response.json()["error"]["code"], response.json()["error"]["field"]) == ("FILTER_INVALID", "filters.since")

    rows: list[dict[str, object]] = [
        {"question": question, "filters": {"files": [file]}},
        {"question": question, "filters": {"articles": [article]}},
        {"question": question, "filters": {"articles": [1.5]}},
        {"question": question, "filters": {"files": [7]}},
    ]
    asked = tmp_path / "questions.jsonl"
    asked.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    wenbao = [str(Path(sys.executable).with_name("wenbao")), "--data", str(seeds_bot.settings.data)]
    done = subprocess.run([*wenbao, "batch", str(asked), "-o", "-"], check=False, capture_output=True)
    assert done.returncode == 3
    lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [_bytes(line) for line in lines[:2]] == [_bytes(expected), _bytes(only_article)]
    assert [line["error"]["code"] for line in lines[2:]] == ["FILTER_INVALID"] * 2
    assert "Line 3: filters.articles.0" in lines[2]["error"]["message"]

    done = subprocess.run([*wenbao, "ask", question, "--json", "--file", file], check=True, capture_output=True)
    assert _bytes(json.loads(done.stdout)) == _bytes(expected)
    backwards = [*wenbao, "ask", question, "--since", "2021", "--until", "2020"]
    done = subprocess.run(backwards, check=False, capture_output=True)
    assert done.returncode == 2
    assert b"FILTER_INVALID: filters.since" in done.stderr


def test_the_serialisation_is_the_same_bytes_over_http(seeds_bot: Bot) -> None:
    client = TestClient(build_app(seeds_bot), base_url="http://127.0.0.1")
    response = client.post("/api/ask", json={"question": QUESTIONS[0][0]})
    assert response.content == record_json(json.loads(response.content)).encode()
