"""Hostile questions, answers, articles and file names in a real browser: each is shown, none does anything."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from browsing import DESKTOP, PHONE, Opener, ask, browser, opened, visit
from playwright.sync_api import Page, expect
from web_fixtures import PAYLOADS, hostile_address, hostile_bot
from web_fixtures import Page as Parsed

from qa.bot import Bot
from qa.talks import Talks
from qa.web.conversation import KEPT_TURNS

pytestmark = pytest.mark.browser

FORBIDDEN = "script, img, iframe, style, svg, math, object, embed, video, audio, base, link, meta, template, [onerror]"
HARMLESS = {
    *("html", "head", "meta", "title", "link", "body", "header", "div", "nav", "a", "img", "main", "p", "article"),
    *("h1", "h2", "h3", "h4", "span", "mark", "del", "pre", "small"),
}
"""The tags of an article's page."""
VISITOR = "v" * 22


def assert_unharmed(page: Page, within: str) -> None:
    assert page.evaluate("window.hacked") is None
    assert page.locator(within).locator(FORBIDDEN).count() == 0
    links = page.locator(f"{within} a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert all(link.startswith(("/", "#")) for link in links)
    forms = page.locator(f"{within} form").evaluate_all("forms => forms.map(form => form.getAttribute('action'))")
    assert forms in ([], [None])


def test_there_are_enough_payloads() -> None:
    assert len(set(PAYLOADS)) >= 150


def hostile_record(payload: str) -> dict[str, Any]:
    """A record in which all that can be a text is the payload."""
    source = {"file": payload, "article": payload, "article_id": 7, "section": payload, "start": 0, "end": 9}
    passage = {
        "rank": 1,
        "score": 0.9,
        "text": payload,
        "source": source,
        "highlights": [{"start": 0, "end": 5}],
        "also": [{"rank": 2, "source": source}],
        "why": {"terms": [payload], "lexical_rank": 1, "dense_rank": 1, "fused_score": 0.9},
    }
    return {
        "id": None,
        "question": payload,
        "status": "answered",
        "answer": payload,
        "confidence": 0.9,
        "searched_as": f"{payload}?",
        "passages": [passage, passage],
        "missing_terms": [payload],
        "trace_id": payload,
        "elapsed_ms": 1.0,
    }


def test_hostile_conversations_run_nothing(opened: Opener, hostile_address: str, hostile_bot: Bot) -> None:
    talks = Talks(hostile_bot.settings.data, 90)
    page = opened(DESKTOP)
    for number, payloads in enumerate(batches()):
        talk = f"{number:022}"
        for payload in payloads:
            assert talks.add(VISITOR, talk, hostile_record(payload))
        page.goto(f"{hostile_address}/zh/help")
        page.goto(f"{hostile_address}/zh/#{talk}")
        expect(page.locator(".wb-answer")).to_have_count(len(payloads))
        page.locator("details").evaluate_all("all => all.forEach(details => { details.open = true })")
        assert_unharmed(page, "#wb-chat .message-content")
        shown = page.locator(".wb-question").all_inner_texts()
        assert [" ".join(text.split()) for text in shown] == [" ".join(payload.split()) for payload in payloads]
        for name in (".wb-answer .wb-short, .wb-answer .wb-long", ".wb-card .wb-text"):
            assert page.locator(name).count() >= len(payloads)
    talks.close()


def batches() -> Iterator[tuple[str, ...]]:
    for start in range(0, len(PAYLOADS), KEPT_TURNS):
        yield PAYLOADS[start : start + KEPT_TURNS]


def test_hostile_questions_run_nothing(opened: Opener, hostile_address: str) -> None:
    """Asked by hand, so that they go through the page's own scripts; a sample, for each takes a moment."""
    page = opened(PHONE)
    visit(page, f"{hostile_address}/zh/")
    for number, payload in enumerate(PAYLOADS[::17]):
        ask(page, payload)
        assert " ".join(page.locator(".wb-question").nth(number).inner_text().split()) == " ".join(payload.split())
    page.locator(".wb-context").first.click()
    page.locator(".wb-copy").first.click()
    expect(page.locator(".wb-narrow").first).to_be_visible()
    page.locator(".wb-narrow").first.click()
    assert_unharmed(page, "#wb-chat .message-content")
    page.locator("#wb-history").click()
    expect(page.locator(".talks .title").first).to_be_visible()
    assert_unharmed(page, "dialog")
    page.keyboard.press("Escape")
    page.locator("#wb-filters").click()
    expect(page.locator("#wb-names option").first).to_be_attached()
    assert_unharmed(page, "dialog")


def test_hostile_articles_and_file_names_run_nothing(opened: Opener, hostile_address: str, hostile_bot: Bot) -> None:
    """Every article as an outside parser reads its page; a sample in the browser, for each takes a moment."""
    lines = hostile_bot.store.articles()
    assert len(lines) >= len(PAYLOADS)
    for line in lines:
        for view in ("read", "scan"):
            with urlopen(
                f"{hostile_address}/articles/{line.id}?view={view}&start={line.start}&end={line.end}"
            ) as found:
                parsed = Parsed(found.read().decode())
            assert {tag for tag, _ in parsed.tags} <= HARMLESS
            assert not any(name.startswith("on") for _, attributes in parsed.tags for name in attributes)
    page = opened(DESKTOP)
    for number, line in enumerate(lines[::8]):
        view = ("read", "scan")[number % 2]
        page.goto(f"{hostile_address}/articles/{line.id}?view={view}&start={line.start}&end={line.end}")
        assert_unharmed(page, "#main")
        page.locator(".file a").click()
        expect(page.locator(".articles li").first).to_be_visible()
        assert_unharmed(page, "#main")
