"""Who may embed the widget, and what it says when something is wrong: the WIDG cases of bad input among them."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect
from web_fixtures import bot
from widget_fixtures import QUESTION, Log, Opener, Site, ask, browser, errors, opened, record, reply, site, start

from qa.web.widget_words import WIDGET, strings

pytestmark = pytest.mark.browser


# Who may embed


def test_an_unlisted_page_gets_a_sentence_and_no_answer(opened: Opener, site: Site, errors: Log) -> None:
    page = opened()
    site.host.page("/listed", site.tag())
    start(page, site.host.unlisted + "/listed")
    ask(page)
    expect(page.locator("wenbao-chat .failure")).to_have_text(WIDGET["zh"].errors["UNREACHABLE"])
    expect(page.locator("wenbao-chat .retry")).to_be_visible()
    expect(page.locator("wenbao-chat .card")).to_have_count(0)
    errors.take("CORS policy")
    errors.take("is http://localhost")
    errors.take("net::ERR_FAILED")


def test_a_frame_is_for_listed_pages_only(opened: Opener, site: Site, errors: Log) -> None:
    page = opened()
    frame = f'<iframe src="{site.address}/embed?site={site.key}&lang=zh" width="600" height="500"></iframe>'
    policy = f"default-src 'none'; frame-src {site.address}"
    page.goto(site.host.page("/framing", frame, content_security_policy=policy))
    inside = page.frame_locator("iframe")
    inside.locator("wenbao-chat textarea").fill(QUESTION)
    inside.locator("wenbao-chat textarea").press("Enter")
    expect(inside.locator("wenbao-chat .short")).to_have_text("8000个")
    page.goto(site.host.unlisted + "/framing")
    page.wait_for_timeout(500)
    expect(page.frame_locator("iframe").locator("wenbao-chat")).to_have_count(0)
    errors.take("frame-ancestors")


# WIDG cases of the catalogue of bad input


def test_widg_002_messages_of_other_windows_are_not_listened_to(opened: Opener, site: Site) -> None:
    page = opened()
    frame = f'<iframe src="{site.address}/embed?site={site.key}" width="600" height="500"></iframe>'
    page.goto(site.host.page("/messages", frame + site.tag()))
    expect(page.frame_locator("iframe").locator("wenbao-chat .panel")).to_be_visible()
    page.evaluate("""() => {
        const html = "<img src=x onerror=window.hacked=true>";
        const bad = [{type: "ask", html}, "x".repeat(5_000_000), null, {open: 1}];
        for (const message of bad) for (const target of [window, frames[0]]) target.postMessage(message, "*");
    }""")
    page.wait_for_timeout(500)
    for target in (page, page.frame_locator("iframe")):
        expect(target.locator("wenbao-chat .question")).to_have_count(0)
        expect(target.locator("wenbao-chat img")).to_have_count(0)
    assert page.evaluate("window.hacked") is None
    assert page.frames[1].evaluate("window.hacked") is None


def test_widg_004_a_policy_without_our_server_is_said_in_words(opened: Opener, site: Site, errors: Log) -> None:
    page = opened()
    policy = f"default-src 'none'; script-src {site.address}"
    start(page, site.host.page("/policy", site.tag(), content_security_policy=policy))
    ask(page)
    expect(page.locator("wenbao-chat .failure")).to_have_text(WIDGET["zh"].errors["POLICY"])
    errors.take("lacks connect-src " + site.address)
    errors.take("Content Security Policy")


def test_widg_004_no_cookies_and_no_storage_are_needed(opened: Opener, site: Site) -> None:
    page = opened()
    page.add_init_script("""
        const denied = {get() { throw new DOMException("denied", "SecurityError"); }};
        for (const name of ["localStorage", "sessionStorage", "indexedDB"]) Object.defineProperty(window, name, denied);
        Object.defineProperty(Document.prototype, "cookie", denied);
    """)
    start(page, site.host.page("/private", site.tag()))
    ask(page)
    expect(page.locator("wenbao-chat .short")).to_have_text("8000个")


def test_widg_006_a_script_loaded_twice_makes_one(opened: Opener, site: Site) -> None:
    page = opened()
    page.goto(site.host.page("/twice", site.tag() + site.tag()))
    expect(page.locator("wenbao-chat .launch")).to_be_visible()
    page.wait_for_timeout(300)
    expect(page.locator("wenbao-chat")).to_have_count(1)


def test_widg_006_a_sandboxed_frame_is_refused_unless_it_is_listed(opened: Opener, site: Site, errors: Log) -> None:
    site.host.page("/inner", site.tag())
    frame = '<iframe sandbox="allow-scripts" src="/inner" width="700" height="700"></iframe>'
    page = opened()
    outer = site.host.page("/sandbox", frame)
    for listed in (False, True):
        site.access.change_site("host", origins=[site.host.origin, *(["null"] if listed else [])])
        page.goto(outer)
        inside = page.frame_locator("iframe")
        inside.locator("wenbao-chat .launch").click()
        inside.locator("wenbao-chat textarea").fill(QUESTION)
        inside.locator("wenbao-chat textarea").press("Enter")
        if listed:
            expect(inside.locator("wenbao-chat .short")).to_have_text("8000个")
        else:
            expect(inside.locator("wenbao-chat .failure")).to_have_text(WIDGET["zh"].errors["UNREACHABLE"])
            errors.take("'null' has been blocked by CORS policy")
            errors.take("UNREACHABLE")
            errors.take("net::ERR_FAILED")
    site.access.change_site("host", origins=[site.host.origin])


STREAM = "text/event-stream"
NO_RECORD = '{"status": "answered", "answer": "x", "passages": [{}]}'
LIMITED = '{"error": {"code": "VISITOR_LIMIT", "message": "x"}}'
UNKNOWN = '{"error": {"code": "NEW", "message": "<b>x</b>"}}'
WRONG: dict[str, tuple[Callable[[Route], object], str]] = {
    "down": (lambda route: route.abort("connectionrefused"), "UNREACHABLE"),
    "502": (lambda route: reply(route, "<html><h1>502 Bad Gateway</h1>", 502, "text/html"), "ANSWER_INVALID"),
    "html": (lambda route: reply(route, "<html><h1>Log in</h1>", 200, "text/html"), "ANSWER_INVALID"),
    "json": (lambda route: reply(route, '{"status": "answered", "answer": 7'), "ANSWER_INVALID"),
    "other json": (lambda route: reply(route, "[1]"), "ANSWER_INVALID"),
    "record": (lambda route: reply(route, NO_RECORD), "ANSWER_INVALID"),
    "broken off": (lambda route: reply(route, "event: passages\ndata: []\n\n", 200, STREAM), "ANSWER_INVALID"),
    "bad event": (lambda route: reply(route, "event: answer\ndata: {\n\n", 200, STREAM), "ANSWER_INVALID"),
    "empty": (lambda route: reply(route, "", 200, STREAM), "ANSWER_INVALID"),
    "limit": (lambda route: reply(route, LIMITED, 429, retry_after="17"), "VISITOR_LIMIT"),
    "unknown code": (lambda route: reply(route, UNKNOWN, 500), "INTERNAL"),
    "slow": (lambda _: None, "TIMEOUT"),
}
HURRY = """
    window.hurry = 100;
    const wait = AbortSignal.timeout;
    AbortSignal.timeout = (ms) => wait.call(AbortSignal, ms / window.hurry);
"""
"""Thirty seconds pass in 0.3, until ``hurry`` is 1."""


@pytest.mark.parametrize("wrong", WRONG)
def test_widg_007_whatever_comes_instead_of_an_answer_is_a_sentence_and_a_retry(
    opened: Opener, site: Site, errors: Log, wrong: str
) -> None:
    answer, code = WRONG[wrong]
    page = opened()
    if wrong == "slow":
        page.add_init_script(HURRY)
    start(page, site.host.page("/wrong", site.tag()))
    page.route("**/api/ask", lambda route: answer(route) if route.request.method == "POST" else reply(route, "", 204))
    ask(page)
    sentence = strings("zh")["errors"][code]  # type: ignore[index]
    expect(page.locator("wenbao-chat .failure")).to_have_text(sentence.replace("{seconds}", "17"))
    expect(page.locator("wenbao-chat .wait")).to_have_count(0)
    expect(page.locator("wenbao-chat b")).to_have_count(0)
    page.unroute("**/api/ask")
    page.evaluate("() => { window.hurry = 1; }")
    page.get_by_role("button", name=WIDGET["zh"].retry).click()
    expect(page.locator("wenbao-chat .short")).to_have_text("8000个")
    expect(page.locator("wenbao-chat .question")).to_have_count(1)
    errors.clear()


def test_an_answer_with_line_separators_of_unicode_arrives(opened: Opener, site: Site) -> None:
    """They end a line in JavaScript's patterns, not in a stream of events."""
    page = opened()
    start(page, site.host.page("/separators", site.tag()))
    said = "a\u2028b\u2029c\x85d"
    found = record(said, "not_found")
    stream = f"event: answer\ndata: {json.dumps(found, ensure_ascii=False)}\n\nevent: done\ndata: {{}}\n\n"
    page.route(
        "**/api/ask",
        lambda route: reply(route, stream if route.request.method == "POST" else "", kind=f"{STREAM}; charset=utf-8"),
    )
    ask(page)
    assert page.locator("wenbao-chat q").text_content() == said


def test_a_part_that_does_not_come_is_a_sentence_and_comes_with_the_next_press(
    opened: Opener, site: Site, errors: Log
) -> None:
    page = opened()
    page.route("**/chat-zh.js?0", lambda route: route.abort())
    page.goto(site.host.page("/part", site.tag()))
    page.locator("wenbao-chat .launch").click()
    expect(page.locator("wenbao-chat .failed")).to_have_text(WIDGET["zh"].load_failed)
    page.locator("wenbao-chat .launch").click()
    expect(page.locator("wenbao-chat .panel")).to_be_visible()
    expect(page.locator("wenbao-chat .failed")).to_be_hidden()
    errors.clear()


def test_a_token_that_ended_is_fetched_anew_unseen(opened: Opener, site: Site, errors: Log) -> None:
    page = opened()
    start(page, site.host.page("/ended", site.tag()))
    refused: list[str] = []

    def once(route: Route) -> None:
        if route.request.method == "POST" and not refused:
            refused.append(route.request.headers["authorization"])
            reply(route, '{"error": {"code": "TOKEN_EXPIRED", "message": "x"}}', 401)
        else:
            route.continue_()

    page.route("**/api/ask", once)
    ask(page)
    expect(page.locator("wenbao-chat .short")).to_have_text("8000个")
    assert len(refused) == 1
    errors.take("401")
