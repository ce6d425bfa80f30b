"""Hostile texts in the widget: each is shown as the characters that it is."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Route, expect
from web_fixtures import bot
from widget_fixtures import Log, Opener, Site, ask, browser, errors, opened, record, reply, site, start, style
from xss_payloads import XSS_PAYLOADS

from qa.web.widget_words import WIDGET
from qa.web.words import LANGUAGES

pytestmark = pytest.mark.browser


# Hostile texts


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


def test_of_several_alike_the_answer_that_answers_is_marked(opened: Opener, site: Site) -> None:
    """Places count the file's characters, line breaks in the sentence among them, which the text shown doesn't have."""
    file = "😀开头。甲村三\n十户，𠮷村三十\n户，丙村三十户。"
    text = file.replace("\n", "")
    sentence = {"start": file.index("甲"), "end": len(file)}
    found = record(text) | {"answer": "三十户"}
    passage = found["passages"][0]
    passage["highlights"] = [sentence]
    passage["marks"] = [{"start": text.index("甲"), "end": len(text)}]
    page = opened()
    start(page, site.host.page("/alike", site.tag()))
    page.route("**/api/ask", lambda route: reply(route, json.dumps(found) if route.request.method == "POST" else ""))
    where = """() => {
        const [inner] = document.querySelector("wenbao-chat").shadowRoot.querySelectorAll("mark mark");
        return inner && [inner.previousSibling.textContent, inner.textContent, inner.nextSibling.textContent];
    }"""
    for village, printed, before in (
        ("丙", "三十户", "甲村三十户，𠮷村三十户，丙村"),
        ("𠮷", "三十\n户", "甲村三十户，𠮷村"),
        ("甲", "三\n十户", "甲村"),
    ):
        at = file.index(printed, file.index(village))
        passage["answer_span"] = {"start": at, "end": at + len(printed)}
        page.evaluate("question => document.querySelector('wenbao-chat').ask(question)", village)
        shown = page.evaluate(where)
        assert shown[:2] == [before, "三十户"]
        link = page.locator("wenbao-chat .card a").first.get_attribute("href") or ""
        assert f"answer={at}-{at + len(printed)}" in link
        page.get_by_role("button", name=LANGUAGES["zh"].new_talk).click()


def test_who_tells_the_same_stands_under_the_first(opened: Opener, site: Site) -> None:
    page = opened()
    start(page, site.host.page("/also", site.tag()))
    found = record("三百只口罩。")
    source = {"file": "b.txt", "article": None, "section": None, "start": 30, "end": 60, "article_id": 8}
    found["passages"][0]["also"] = [{"rank": 2, "source": source}, {"rank": 4, "source": {**source, "article": "<b>x"}}]
    page.route("**/api/ask", lambda route: reply(route, json.dumps(found) if route.request.method == "POST" else ""))
    ask(page)
    words = LANGUAGES["zh"]
    also = page.locator("wenbao-chat [part=also]")
    names = [
        words.also_in.format(name=name, file="b.txt", rank=rank) for name, rank in ((words.untitled, 2), ("<b>x", 4))
    ]
    expect(also).to_have_text(words.also + "".join(names))
    expect(also.locator("a").first).to_have_attribute("href", f"{site.address}/articles/8?start=30&end=60&lang=zh#mark")


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
