"""The review page and its API: the owner's alone; filtered, plotted, exported without formulas, made gold."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from desk_fixtures import Desk, MakeDesk, make_desk
from test_desk_review import record
from web_fixtures import Page

from qa.evaluate import read_gold
from qa.review import Feedback, Figures, ReviewLog
from qa.web.desk_words import DESK
from qa.web.review_page import plots
from qa.web.words import LANGUAGES

PARTS = ("/desk/review/list", "/desk/review/figures", "/desk/review/unanswered", "/desk/review/gold/t0")
TEXT = "# 渡口添新船\n\n渡口新添了七艘木船。\n"
FORMULAS = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "＝1+1", '=HYPERLINK("https://outside.example")')


def review_of(desk: Desk) -> ReviewLog:
    found: ReviewLog = desk.app.app.state.review  # type: ignore[attr-defined]
    return found


@pytest.fixture(scope="module")
def server(make_desk: MakeDesk) -> Desk:
    made = make_desk()
    made.upload(("a.md", TEXT.encode()))
    return made


@pytest.fixture
def desk(server: Desk) -> Desk:
    """The server, with three questions asked and none made gold."""
    made = server
    (made.bot.settings.data / "gold.jsonl").unlink(missing_ok=True)
    review_of(made).clear()
    source = {"file": "a.md", "article": "渡口添新船", "article_id": made.bot.store.articles()[0].id, "section": None}
    passage = {"source": {**source, "start": 9, "end": 19}, "highlights": [{"start": 9, "end": 19}]}
    log = review_of(made)
    log.record(record("t0", "渡口添了几艘船？", passages=[passage]), surface="chat", history=["渡口在哪？"])
    log.record(record("t1", "天坛几点关门？", "not_found", passages=[]), surface="api")
    log.record(record("t2", "天坛几点关门", "not_found", passages=[]), surface="widget")
    log.feedback("t1", Feedback("down", "not_in_articles", "查不到"))
    return made


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_itself_tells_nothing_of_what_was_asked(desk: Desk, language: str) -> None:
    response = desk.client_from("203.0.113.7").get(f"/{language}/review")
    assert response.status_code == 200
    assert "天坛" not in response.text


@pytest.mark.parametrize("path", [*PARTS, "/api/review/export"])
def test_its_parts_are_the_owners_alone(desk: Desk, path: str) -> None:
    assert desk.client_from("203.0.113.7").get(path).status_code == 401
    assert desk.client.get(path, headers={"origin": "https://outside.example"}).status_code == 403
    assert desk.client_from("203.0.113.7").delete("/api/review").status_code == 401
    assert desk.client_from("203.0.113.7").post("/api/review/gold", json={"trace_id": "t0"}).status_code == 401


def test_questions_are_listed_filtered_and_grouped(desk: Desk) -> None:
    page = Page(desk.client.get("/desk/review/list", params={"lang": "en"}).text)
    assert "1–3 of 3" in page.text
    assert "渡口在哪？" in page.text
    only = Page(desk.client.get("/desk/review/list", params={"lang": "en", "thumb": "down"}).text)
    assert "1–1 of 1" in only.text
    assert "not in the articles" in only.text
    assert "查不到" in only.text
    groups = Page(desk.client.get("/desk/review/unanswered", params={"lang": "en"}).text)
    assert [attributes.get("data-label") for tag, attributes in groups.tags if tag == "td"].count("Times") == 1
    nonsense = {"status": "x", "thumb": "x", "since": "x", "until": "2026-13-01", "offset": "-3", "q": ""}
    assert "1–3 of 3" in desk.client.get("/desk/review/list", params={"lang": "en", **nonsense}).text
    assert DESK["zh"].nothing in desk.client.get("/desk/review/list", params={"since": "2999-01-01"}).text


def test_figures_show_days_confidence_and_times(desk: Desk) -> None:
    page = Page(desk.client.get("/desk/review/figures", params={"lang": "en"}).text)
    assert "3 questions, of which 1 were answered." in page.text
    assert "half within 12 ms" in page.text
    assert "not useful 1" in page.text


def test_a_long_time_is_plotted_by_weeks() -> None:
    words, desk = LANGUAGES["en"], DESK["en"]
    one, none = {"answered": 1, "possible": 0, "not_found": 2}, {"answered": 0, "possible": 0, "not_found": 0}
    short = plots(Figures([("2026-11-01", one), ("2026-11-04", one)], [0] * 10, [1.0], {}), words, desk)[0]
    assert list(short.labels) == ["2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04"]
    assert list(short.series[0].values) == [1, 0, 0, 1]
    days = [("2026-01-01", one), ("2026-01-04", one), ("2026-06-30", none)]
    long = plots(Figures(days, [0] * 10, [1.0], {}), words, desk)[0]
    assert long.labels[0] == "2025-12-29"  # a Monday
    assert (long.series[0].values[0], long.series[2].values[0]) == (2, 4)
    assert len(long.labels) == 27


def test_times_fall_between_their_borders() -> None:
    day = [("2026-11-01", {"answered": 0, "possible": 0, "not_found": 0})]
    times = plots(Figures(day, [0] * 10, [5.0, 5.1, 10.0, 6000.0], {}), LANGUAGES["en"], DESK["en"])[2]
    assert list(times.series[0].values) == [1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1]


def test_an_export_has_every_question_and_no_formula(desk: Desk) -> None:
    log = review_of(desk)
    for number, formula in enumerate(FORMULAS):
        log.record(record(f"f{number}", formula, answer=formula), surface="chat", history=[formula])
        log.feedback(f"f{number}", Feedback("up", None, formula))
    response = desk.client.get("/api/review/export")
    assert response.content.startswith(b"\xef\xbb\xbf")
    assert 'filename="wenbao-review-' in response.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert len(rows) == 3 + len(FORMULAS)
    for row in rows:
        for name in ("question", "answer", "comment", "history"):
            assert not row[name] or row[name][0] not in "=+-@\t\r＝＋－＠"
    lines = desk.client.get("/api/review/export", params={"format": "jsonl", "surface": "chat"}).text.splitlines()
    found = [json.loads(line) for line in lines]
    assert {row["question"] for row in found} == {*FORMULAS, "渡口添了几艘船？"}
    assert desk.client.get("/api/review/export", params={"format": "xls"}).status_code == 422


def test_a_question_becomes_gold_for_eval(desk: Desk) -> None:
    form = Page(desk.client.get("/desk/review/gold/t0", params={"lang": "en"}).text)
    options = [attributes for tag, attributes in form.tags if tag == "option"]
    assert options[0]["data-file"] == "a.md"
    assert options[0]["data-evidence"] == TEXT[9:19]
    gold: dict[str, Any] = {"trace_id": "t0", "file": "a.md", "evidence": "新添了 七艘", "near": 9, "answer": "七艘"}
    made = desk.client.post("/api/review/gold", json=gold).json()
    assert TEXT[made["evidence_start"] : made["evidence_end"]] == "新添了七艘"
    assert desk.client.post("/api/review/gold", json={"trace_id": "t1"}).json()["evidence_start"] is None
    (question,) = read_gold(desk.bot.settings.data / "gold.jsonl")
    assert (question.id, question.history) == ("Rt0", ("渡口在哪？",))
    assert "天坛" not in desk.client.get("/desk/review/unanswered").text  # both spellings are done


@pytest.mark.parametrize(
    ("gold", "status", "code"),
    [
        ({"trace_id": "none"}, 404, "TRACE_UNKNOWN"),
        ({"trace_id": "t0", "file": "none.md", "evidence": "x"}, 404, "FILE_NOT_FOUND"),
        ({"trace_id": "t0", "file": "a.md", "evidence": "八艘"}, 422, "EVIDENCE_NOT_FOUND"),
        ({"trace_id": "t0", "file": "a.md", "evidence": "船" * 2001}, 422, "FIELD_INVALID"),
        ({"trace_id": "t0", "near": -1}, 422, "FIELD_INVALID"),
    ],
)
def test_what_can_be_no_gold_question_is_refused(desk: Desk, gold: dict[str, Any], status: int, code: str) -> None:
    response = desk.client.post("/api/review/gold", json=gold)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert not (desk.bot.settings.data / "gold.jsonl").exists()


def test_everything_asked_is_forgotten_on_request(desk: Desk) -> None:
    assert desk.client.delete("/api/review").json() == {"deleted": 3}
    assert DESK["zh"].nothing in desk.client.get("/desk/review/list").text


def test_a_server_that_keeps_nothing_says_so(make_desk: MakeDesk) -> None:
    desk = make_desk(review_days=0)
    assert DESK["zh"].review_off in desk.client.get("/zh/review").text
    for path in ("/desk/review/list", "/desk/review/figures", "/desk/review/unanswered"):
        assert desk.client.get(path).status_code == 200
    assert desk.client.get("/api/review/export", params={"format": "jsonl"}).text == ""
    assert desk.client.delete("/api/review").json() == {"deleted": 0}
