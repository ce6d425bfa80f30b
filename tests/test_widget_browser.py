"""The widget in a real browser, on a site of another origin: answers, looks, keyboard, the page's scripts.

With ``WENBAO_PICTURES=docs/pictures`` the screenshots of docs/pictures are taken anew.
"""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import pytest
from browsing import picture
from playwright.sync_api import Page, expect
from web_fixtures import bot
from widget_fixtures import QUESTION, Opener, Site, ask, browser, errors, opened, site, start, style

from qa.access import SiteLimits
from qa.bot import Bot
from qa.filters import Filters
from qa.web.widget_words import WIDGET
from qa.web.words import LANGUAGES

pytestmark = pytest.mark.browser


# Answers


def test_one_line_under_the_strictest_policy_answers_with_the_sentence_marked(opened: Opener, site: Site) -> None:
    page = opened()
    start(page, site.host.page("/strict", site.tag(), content_security_policy=site.policy))
    ask(page)
    expect(page.locator("wenbao-chat .short")).to_have_text("8000个")
    expect(page.locator("wenbao-chat .card mark").first).to_contain_text("口罩8000个")
    expect(page.locator("wenbao-chat .card mark mark")).to_have_text("8000个")
    expect(page.locator("wenbao-chat .status b")).to_have_text(LANGUAGES["zh"].status["answered"])
    page.locator("wenbao-chat summary").click()
    cards = page.locator("wenbao-chat .card")
    expect(cards).to_have_count(5)
    for number in range(5):  # citations always, in every card
        expect(cards.nth(number).locator("a")).to_have_attribute("href", re.compile("/articles/"))
    page.locator("wenbao-chat summary").click()
    picture(page, "widget-zh-1180-light")
    ask(page, "那朝阳门街道呢？")
    expect(page.locator("wenbao-chat .answer q")).to_contain_text("朝阳门街道")
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def test_a_citation_leads_to_the_marked_place(opened: Opener, site: Site) -> None:
    page = opened()
    start(page, site.host.page("/cite", site.tag()))
    ask(page)
    with page.expect_popup() as popup:
        page.locator("wenbao-chat .card a").first.click()
    article = popup.value
    expect(article.locator("#mark")).to_be_in_viewport()
    expect(article.locator("mark").first).to_contain_text("口罩")
    expect(article.locator("mark mark")).to_have_text("8000个")
    assert article.evaluate("window.opener") is None


def test_citations_lead_to_the_sites_own_pages_where_it_has_them(opened: Opener, site: Site) -> None:
    site.access.add_site("own", [site.host.origin], SiteLimits(url_template="/article/{id}?at={start}-{end}&f={file}"))
    key, _ = site.access.make_site_key("own")
    page = opened()
    start(page, site.host.page("/own", site.tag(key)))
    ask(page)
    href = page.locator("wenbao-chat .card a").first.get_attribute("href")
    assert href is not None
    parts = urlsplit(href)
    assert (parts.netloc, parts.path[:9]) == ("", "/article/")
    assert parts.query.endswith(".txt")


def test_nothing_is_loaded_before_the_first_opening_but_the_loader(opened: Opener, site: Site) -> None:
    page = opened()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site.host.page("/lazy", site.tag()))
    expect(page.locator("wenbao-chat .launch")).to_be_visible()
    page.wait_for_timeout(300)
    assert [url for url in asked if url.startswith(site.address)] == [f"{site.address}/widget.js"]
    with page.expect_response(re.compile("/chat-zh.js")):
        page.locator("wenbao-chat .launch").hover()  # about to be opened
    expect(page.locator("wenbao-chat .panel")).to_be_hidden()


def test_opening_is_one_request_and_a_visit_begins_while_one_types(opened: Opener, site: Site) -> None:
    page = opened()
    page.goto(site.host.page("/few", site.tag()))
    expect(page.locator("wenbao-chat .launch")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {urlsplit(request.url).path.split('/')[-1]}"))
    page.locator("wenbao-chat .launch").click()
    expect(page.locator("wenbao-chat textarea")).to_be_focused()
    assert asked == ["GET chat-zh.js"]
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator("wenbao-chat .short")).to_have_text("8000个")
    posted = [line for line in asked if line.startswith("POST")]
    assert posted == ["POST visitor", "POST ask"]


# The page around it


def test_the_pages_styles_do_not_reach_in(opened: Opener, site: Site) -> None:
    link = '<link rel="stylesheet" href="/hostile.css">'
    parts = (".launch", ".panel", "textarea", ".send", ".short", ".card", ".text", "mark", ".log")
    names: tuple[str, ...] = ("fontSize", "color", "backgroundColor", "letterSpacing", "lineHeight", "opacity")
    names += ("display", "visibility", "borderTopWidth", "float", "transform")
    looks: list[list[object]] = []
    for path, head in (("/plain", ""), ("/hostile", link)):
        page = opened()
        body = f"<style>wenbao-chat {{ display: none !important }}</style>{site.tag()}" if head else site.tag()
        page.goto(site.host.page(path, body, head=head))
        launch = page.locator("wenbao-chat .launch")
        launch.click()
        ask(page)
        expect(page.locator("wenbao-chat .short")).to_have_text("8000个")
        looks.append([style(page, f"wenbao-chat {part}", *names) for part in parts])
        looks[-1] += [page.locator(f"wenbao-chat {part}").first.bounding_box() for part in (".launch", ".send")]
    assert looks[0] == looks[1]


@pytest.mark.parametrize("language", sorted(WIDGET))
def test_it_speaks_the_pages_language(opened: Opener, site: Site, language: str) -> None:
    tag = {"zh": "zh-CN", "zh-hant": "zh-TW", "en": "en-GB"}[language]
    page = opened()
    start(page, site.host.page(f"/{language}", site.tag(), lang=tag))
    expect(page.locator("wenbao-chat .launch")).to_have_text(WIDGET[language].launch)
    expect(page.locator("wenbao-chat .greeting")).to_have_text(WIDGET[language].greeting)
    expect(page.locator("wenbao-chat .send")).to_have_text(LANGUAGES[language].ask)
    expect(page.locator("wenbao-chat .panel")).to_have_attribute("lang", LANGUAGES[language].tag)


@pytest.mark.parametrize(
    ("head", "data", "scheme", "is_dark"),
    [
        ("", {}, "light", False),
        ("", {}, "dark", True),
        ("<style>body { background: #fff }</style>", {}, "dark", False),
        ("<style>html { background: #111 }</style>", {}, "light", True),
        ("", {"theme": "dark"}, "light", True),
        ("", {"theme": "light"}, "dark", False),
    ],
)
def test_it_is_dark_where_the_page_is(
    opened: Opener, site: Site, head: str, data: dict[str, str], scheme: str, is_dark: bool
) -> None:
    page = opened(color_scheme=scheme)
    start(page, site.host.page("/dark", site.tag(**data), head=head))
    (color,) = style(page, "wenbao-chat .panel", "backgroundColor")
    assert color == ("rgb(23, 21, 19)" if is_dark else "rgb(250, 248, 245)")
    if not data:
        page.evaluate("document.documentElement.className = arguments" if False else "document.body.className = 'dark'")
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        expect(page.locator("wenbao-chat .panel.dark")).to_be_visible()


@pytest.mark.parametrize("width", [390, 320])
def test_on_a_phone_it_fills_the_screen(opened: Opener, site: Site, width: int) -> None:
    page = opened(width, 780, has_touch=True, is_mobile=True, color_scheme="dark")
    start(page, site.host.page("/phone", site.tag(), content_security_policy=site.policy))
    expect(page.locator("wenbao-chat textarea")).not_to_be_focused()  # a keyboard would cover the half of it
    ask(page)
    expect(page.locator("wenbao-chat .short")).to_be_in_viewport()
    page.wait_for_timeout(300)
    assert page.locator("wenbao-chat .panel").bounding_box() == {"x": 0, "y": 0, "width": width, "height": 780}
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    overflow = page.locator("wenbao-chat .log").evaluate("log => log.scrollWidth - log.clientWidth")
    assert overflow == 0
    for button in page.locator("wenbao-chat .panel button:visible").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44  # WCAG 2.2, target size, enhanced
    if width == 390:
        picture(page, "widget-zh-390-dark")
    page.locator("wenbao-chat .close").click()
    expect(page.locator("wenbao-chat .panel")).to_be_hidden()


def test_two_on_a_page_do_not_know_each_other(opened: Opener, site: Site) -> None:
    page = opened()
    body = '<wenbao-chat id="a" mode="inline"></wenbao-chat><wenbao-chat id="b" mode="search"></wenbao-chat>'
    page.goto(site.host.page("/two", body + site.tag()))
    for name in ("a", "b"):
        expect(page.locator(f"#{name} .panel")).to_be_visible()
    page.locator("#b textarea").scroll_into_view_if_needed()
    page.locator("#b textarea").fill(QUESTION)
    page.locator("#b .send").click()
    expect(page.locator("#b .short")).to_have_text("8000个")
    expect(page.locator("#a .answer")).to_have_count(0)
    page.locator("#a textarea").fill("东城区总共有多少个街道的工会参与了一线抗疫？")
    page.locator("#a textarea").press("Enter")
    expect(page.locator("#a .short")).to_contain_text("17个")
    expect(page.locator("#b .short")).to_have_text("8000个")
    expect(page.locator("wenbao-chat")).to_have_count(2)


def test_one_at_its_line_stands_beside_one_placed_by_hand(opened: Opener, site: Site) -> None:
    page = opened()
    page.goto(site.host.page("/beside", '<wenbao-chat id="a" mode="search"></wenbao-chat>' + site.tag(mode="inline")))
    expect(page.locator("wenbao-chat")).to_have_count(2)
    expect(page.locator("wenbao-chat:not(#a) .panel")).to_be_visible()


@pytest.mark.parametrize("size", [(1180, 800), (390, 844)])
def test_each_question_comes_to_the_top_with_its_answer_below(
    opened: Opener, site: Site, size: tuple[int, int]
) -> None:
    page = opened(*size, reduced_motion="reduce")
    start(page, site.host.page(f"/top{size[0]}", site.tag()))
    for number, question in enumerate((QUESTION, "东城区总共有多少个街道的工会参与了一线抗疫？", "许汇是谁？")):
        ask(page, question)
        expect(page.locator("wenbao-chat .card").nth(5 * number)).to_be_visible()
        expect(page.locator("wenbao-chat .short").nth(number)).to_be_in_viewport()
        log = page.locator("wenbao-chat .log")
        at_top = "(log, i) => log.querySelectorAll('.question')[i].offsetTop - log.offsetTop - log.scrollTop < 100"
        at_end = "(log) => log.scrollHeight - log.clientHeight - log.scrollTop < 2"
        assert log.evaluate(at_top, number) or log.evaluate(at_end)


def test_placed_by_hand_with_presets_and_a_button_of_the_pages_own(opened: Opener, site: Site) -> None:
    page = opened(reduced_motion="reduce")
    body = (
        '<button id="mine">有问题？</button>'
        f'<wenbao-chat for="mine" greeting="您好，\n请问。" heading="街道问答" position="top-left" z-index="77">'
        f"<p>{QUESTION}</p><p>哪个街道, 做了什么？</p></wenbao-chat>"
    )
    page.goto(site.host.page("/hand", body + site.tag(presets='["写在 JSON 里的"]')))
    page.locator("#mine").click()
    expect(page.locator("wenbao-chat .launch")).to_be_hidden()
    expect(page.locator("wenbao-chat .greeting")).to_have_text("您好， 请问。")
    expect(page.locator("wenbao-chat h2")).to_have_text("街道问答")
    expect(page.locator("wenbao-chat .preset")).to_have_text([QUESTION, "哪个街道, 做了什么？"])
    box = page.locator("wenbao-chat .panel").bounding_box()
    assert box is not None
    assert (box["x"], box["y"]) == (20, 84)
    assert style(page, "wenbao-chat .panel", "zIndex") == ["77"]
    page.locator("wenbao-chat .preset").first.click()
    expect(page.locator("wenbao-chat .short")).to_have_text("8000个")
    page.keyboard.press("Escape")
    expect(page.locator("#mine")).to_be_focused()


def test_themes_reach_in_by_properties_and_parts(opened: Opener, site: Site) -> None:
    page = opened()
    head = (
        "<style>wenbao-chat { --wenbao-accent: rgb(0, 80, 0); --wenbao-font-size: 18px; --wenbao-page: rgb(1, 2, 3) }"
        "wenbao-chat::part(send) { text-transform: uppercase }</style>"
    )
    start(page, site.host.page("/theme", site.tag(), head=head))
    assert style(page, "wenbao-chat .send", "backgroundColor", "textTransform") == ["rgb(0, 80, 0)", "uppercase"]
    assert style(page, "wenbao-chat .panel", "fontSize", "backgroundColor") == ["18px", "rgb(1, 2, 3)"]
    assert style(page, "wenbao-chat .launch", "backgroundColor") == ["rgb(0, 80, 0)"]


# Keyboard and screen reader


def active(page: Page) -> str:
    return str(
        page.evaluate("""() => {
        let found = document.activeElement;
        while (found.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
        return found.className || found.tagName;
    }""")
    )


def test_the_keyboard_alone_is_enough(opened: Opener, site: Site) -> None:
    page = opened(reduced_motion="reduce")
    page.goto(site.host.page("/keys", '<a href="#x">einzeln</a>' + site.tag(presets=json.dumps([QUESTION]))))
    expect(page.locator("wenbao-chat .launch")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert active(page) == "launch"
    page.keyboard.press("Enter")
    expect(page.locator("wenbao-chat textarea")).to_be_focused()
    expect(page.locator("wenbao-chat .launch")).to_have_attribute("aria-expanded", "true")
    assert style(page, "wenbao-chat .panel", "animationName") == ["none"]
    seen = []
    for _ in range(12):  # round and round: never out of the panel
        page.keyboard.press("Tab")
        seen.append(active(page))
    assert {"quiet", "quiet close", "log", "preset", "TEXTAREA", "send"} == set(seen)
    page.keyboard.press("Shift+Tab")
    page.locator("wenbao-chat textarea").focus()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Shift+Enter")
    expect(page.locator("wenbao-chat .answer")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator("wenbao-chat .short")).to_have_text("8000个")
    expect(page.locator("wenbao-chat [role=status].unseen")).to_contain_text("8000个。 找到答案。 出处：")
    expect(page.locator("wenbao-chat .answer")).not_to_have_attribute("aria-busy", "true")
    page.keyboard.press("Escape")
    expect(page.locator("wenbao-chat .panel")).to_be_hidden()
    assert active(page) == "launch"
    page.keyboard.press("Enter")
    expect(page.locator("wenbao-chat .short")).to_have_text("8000个")  # what was said is still there


def test_enter_while_an_input_method_composes_sends_nothing(opened: Opener, site: Site) -> None:
    page = opened()
    start(page, site.host.page("/ime", site.tag()))
    box = page.locator("wenbao-chat textarea")
    box.fill(QUESTION)
    press = """(box, options) => box.dispatchEvent(
        new KeyboardEvent("keydown", {key: "Enter", bubbles: true, composed: true, cancelable: true, ...options}))"""
    for options in ({"isComposing": True}, {"keyCode": 229}):
        box.evaluate(press, options)
    page.wait_for_timeout(200)
    expect(page.locator("wenbao-chat .question")).to_have_count(0)
    box.evaluate(press, {})
    expect(page.locator("wenbao-chat .question")).to_have_count(1)
    expect(page.locator("wenbao-chat .short")).to_be_visible()


def test_an_empty_question_is_said_to_be_one(opened: Opener, site: Site) -> None:
    page = opened()
    start(page, site.host.page("/empty", site.tag()))
    ask(page, "  ")
    expect(page.locator("wenbao-chat [role=status].unseen")).to_have_text(LANGUAGES["zh"].errors["QUESTION_EMPTY"])
    expect(page.locator("wenbao-chat .answer")).to_have_count(0)


# Scripts of the page


def test_the_page_can_ask_narrow_and_listen(opened: Opener, site: Site, bot: Bot) -> None:
    page = opened()
    page.goto(site.host.page("/api", site.tag()))
    expect(page.locator("wenbao-chat .launch")).to_be_visible()
    page.evaluate("""() => {
        window.heard = [];
        const chat = document.querySelector("wenbao-chat");
        for (const name of ["answer", "not-found", "citation", "feedback"])
            chat.addEventListener(name, (event) => {
                window.heard.push([name, event.detail.record?.status, event.detail.thumb, event.detail.url]);
                if (name === "citation") event.preventDefault();
            });
    }""")
    record = page.evaluate("question => document.querySelector('wenbao-chat').ask(question)", QUESTION)
    expected = bot.ask(QUESTION)
    gone = {"trace_id", "elapsed_ms"}
    assert {k: v for k, v in record.items() if k not in gone} == {k: v for k, v in expected.items() if k not in gone}
    page.locator("wenbao-chat .card a").first.click()
    page.get_by_role("button", name=WIDGET["zh"].good, exact=True).click()
    expect(page.locator("wenbao-chat [part=feedback]")).to_contain_text(WIDGET["zh"].thanks)
    expect(page.get_by_role("button", name=WIDGET["zh"].good, exact=True)).to_have_attribute("aria-pressed", "true")
    narrowed = page.evaluate(
        """async (question) => {
            const chat = document.querySelector("wenbao-chat");
            chat.setFilters({files: ["004_*"]});
            return (await chat.ask(question)).passages.map((passage) => passage.source.file.slice(0, 4));
        }""",
        QUESTION,
    )
    assert set(narrowed) == {"004_"}
    page.evaluate("document.querySelector('wenbao-chat').setFilters({})")
    page.evaluate("question => document.querySelector('wenbao-chat').ask(question)", "火星上的鳄鱼几岁？")
    heard = page.evaluate("window.heard")
    assert ["answer", "answered", None, None] in heard
    assert ["not-found", "not_found", None, None] in heard
    assert ["feedback", "answered", "up", None] in heard
    assert any(name == "citation" and "/articles/" in url for name, _, _, url in heard)
    assert len(page.context.pages) == 1  # the page kept the citation from opening
    page.evaluate("document.querySelector('wenbao-chat').close()")
    expect(page.locator("wenbao-chat .panel")).to_be_hidden()


def test_a_sites_limits_hold_in_the_widget(opened: Opener, site: Site) -> None:
    site.access.add_site("narrow", [site.host.origin], SiteLimits(Filters(files=("004_*",))))
    key, _ = site.access.make_site_key("narrow")
    page = opened()
    page.goto(site.host.page("/narrow", site.tag(key, filters='{"files": ["*"]}')))
    expect(page.locator("wenbao-chat .launch")).to_be_visible()
    script = "async (q) => (await document.querySelector('wenbao-chat').ask(q)).passages.map((p) => p.source.file)"
    assert {file[:4] for file in page.evaluate(script, QUESTION)} == {"004_"}
