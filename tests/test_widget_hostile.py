"""Hostile texts in the widget: each is shown as the characters that it is."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Route, expect
from web_fixtures import bot
from widget_fixtures import Log, Opener, Site, ask, browser, errors, opened, reply, site, start, style
from xss_payloads import XSS_PAYLOADS

from qa.web.widget_words import WIDGET

pytestmark = pytest.mark.browser


# Hostile texts


def record(payload: str, status: str = "answered") -> dict[str, Any]:
    source = {"file": payload, "article": payload, "section": payload, "start": 0, "end": 9, "article_id": 7}
    length = len(payload)
    passage = {"rank": 1, "score": 1.0, "text": payload, "source": source, "highlights": [{"start": 0, "end": 5}],
               "marks": [{"start": length // 3, "end": length // 2}]}  # fmt: skip
    return {"question": "x", "status": status, "answer": payload if status == "answered" else None, "confidence": 0.5,
            "searched_as": payload, "passages": [passage], "missing_terms": [payload], "trace_id": payload}  # fmt: skip


def test_hostile_texts_are_shown_as_the_characters_they_are(opened: Opener, site: Site, errors: Log) -> None:
    """Each payload as the text of an article in every field, as the question, and as an error's message."""
    assert len(XSS_PAYLOADS) >= 150
    page = opened()
    start(page, site.host.page("/xss", site.tag()))
    current: list[str] = []

    def answer(route: Route) -> None:
        if route.request.method != "POST":
            reply(route, "", 204)
        elif (route.request.post_data_json or {})["question"].endswith("\u2063"):
            error = {"error": {"code": current[0], "message": current[0]}}
            reply(route, json.dumps(error), 422)
        else:
            found = record(current[0])
            events = [("passages", found["passages"]), ("answer", found), ("done", {})]
            stream = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
            reply(route, stream, kind="text/event-stream")

    page.route("**/api/ask", answer)
    script = """async (payload) => {
        const chat = document.querySelector("wenbao-chat");
        await chat.ask(payload);
        await chat.ask(payload + "\\u2063").catch(() => {});
        const root = chat.shadowRoot;
        const all = [...root.querySelectorAll(".log *")];
        const texts = (selector) => [...root.querySelectorAll(selector)].map((element) => element.textContent);
        const found = {
            hacked: window.hacked,
            question: texts(".question"), text: texts(".text"), short: texts(".short"), file: texts(".file"),
            head: texts(".card b"), searched: texts("q"), terms: texts("kbd"), failure: texts(".failure"),
            tags: [...new Set(all.map((element) => element.localName))],
            attributes: all.flatMap((element) => element.getAttributeNames()).filter((name) => name.startsWith("on")),
            links: [...root.querySelectorAll(".log a")].map((link) => link.href),
        };
        root.querySelector("header .quiet").click();
        return found;
    }"""
    allowed = {"p", "article", "b", "span", "q", "kbd", "div", "a", "mark", "details", "summary", "button"}
    for payload in XSS_PAYLOADS:
        current[:] = [payload]
        found = page.evaluate(script, payload)
        assert found["hacked"] is None, payload
        for name in ("text", "short", "file", "head", "searched", "terms"):
            assert found[name] == [payload], (name, payload)
        assert found["question"] == [payload, payload + "\u2063"]
        assert found["failure"] == [WIDGET["zh"].errors["INTERNAL"]]
        assert set(found["tags"]) <= allowed, (payload, found["tags"])
        assert found["attributes"] == []
        assert found["links"] == [f"{site.address}/articles/7?start=0&end=5&lang=zh#mark"]
    page.wait_for_timeout(500)
    assert page.evaluate("window.hacked") is None
    errors.clear()


def test_hostile_questions_are_asked_of_the_server_as_they_are(opened: Opener, site: Site) -> None:
    page = opened()
    page.goto(site.host.page("/questions", site.tag(), content_security_policy=site.policy))
    expect(page.locator("wenbao-chat .launch")).to_be_visible()
    script = """async (payloads) => {
        const chat = document.querySelector("wenbao-chat");
        const said = [];
        for (const payload of payloads) said.push((await chat.ask(payload)).question);
        return said;
    }"""
    payloads = list(XSS_PAYLOADS[::8])
    assert page.evaluate(script, payloads) == payloads
    expect(page.locator("wenbao-chat .answer")).to_have_count(len(payloads))
    assert page.locator("wenbao-chat").locator("script, img, iframe, form.x, style, video, object").count() == 0
    assert page.evaluate("window.hacked") is None


def test_marks_count_characters_as_people_do(opened: Opener, site: Site) -> None:
    page = opened()
    start(page, site.host.page("/astral", site.tag()))
    found = record("𠮷野家😀有口罩三百只。") | {"answer": "三百只"}
    found["passages"][0]["marks"] = [{"start": 4, "end": 10}]
    page.route(
        "**/api/ask",
        lambda route: reply(route, json.dumps(found, ensure_ascii=True) if route.request.method == "POST" else "", 200),
    )
    ask(page)
    expect(page.locator("wenbao-chat mark")).to_have_text("有口罩三百只")


def test_where_citations_may_lead_is_the_server_or_the_web(opened: Opener, site: Site) -> None:
    """A template that the database would never have taken is not followed as a script either."""
    page = opened()
    start(page, site.host.page("/template", site.tag()))
    template = "javascript:window.hacked=true//{id}"
    given = {"token": "wbv_x", "expires_in_s": 60, "url_template": template, "feedback": False}
    page.route("**/api/visitor", lambda route: reply(route, json.dumps(given)))
    page.route("**/api/ask", lambda route: reply(route, json.dumps(record("x"))))
    ask(page)
    href = page.locator("wenbao-chat .card a").first.get_attribute("href")
    assert href is not None
    assert not href.startswith("javascript:")
