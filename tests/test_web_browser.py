"""The pages in a real browser: the main way through them, in each look, and that nothing hostile runs or calls out.

With ``WENBAO_PICTURES=1`` the screenshots of docs/pictures are taken anew.
"""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from web_fixtures import PAYLOADS, address, app, bot, hostile_address, hostile_bot, pictures_folder

from qa.bot import Bot
from qa.web.words import LANGUAGES, Words

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
QUESTION = "景山街道总工会三八节发了多少口罩？"
PICTURES = {"start-zh-1180-light", "answer-zh-1180-light", "answer-zh-390-dark", "article-zh-1180-light"}
"""Those kept in docs/pictures."""


@dataclass(frozen=True, slots=True)
class Look:
    language: str
    width: int
    height: int
    theme: Literal["light", "dark"]

    def __str__(self) -> str:
        return f"{self.language}-{self.width}-{self.theme}"

    @property
    def words(self) -> Words:
        return LANGUAGES[self.language]


DESKTOP = Look("zh", 1180, 820, "light")
LOOKS = (
    DESKTOP,
    Look("en", 1180, 820, "dark"),
    Look("zh", 390, 780, "dark"),
    Look("en", 390, 780, "light"),
    Look("zh-hant", 320, 640, "light"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    expect.set_options(timeout=30_000)  # of a busy machine; on an idle one everything is there in a second
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS) as found:
        yield found


Opener = Callable[[Look], Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opener]:
    """Opens an empty page with a look. At the end: no request has left this machine, and no page had an error."""
    requests: list[str] = []
    errors: list[str] = []
    contexts = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("dialog", lambda dialog: errors.append(f"dialog: {dialog.message}"))

    def open_page(look: Look) -> Page:
        context = browser.new_context(
            viewport={"width": look.width, "height": look.height}, color_scheme=look.theme, locale="zh-CN"
        )
        contexts.append(context)
        context.on("request", lambda request: requests.append(request.url))
        context.on("page", watch)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert requests
    assert {urlsplit(url).hostname for url in requests if not url.startswith("data:")} == {"127.0.0.1"}
    # Gradio reports these two when its page is left while it waits for an event's end, as by the language links.
    # That a request was refused is told by the page itself, where it was meant to be.
    expected = ("AbortError", "Connection errored out", "the server responded with a status of 4")
    assert [error for error in errors if not any(each in error for each in expected)] == []


def visit(page: Page, url: str) -> None:
    """Open a chat page; a question is held until it listens."""
    page.goto(url)
    expect(page.locator("#wb-question textarea")).to_be_editable()


def ask(page: Page, question: str) -> None:
    """Ask, and wait for what comes of it."""
    before = page.locator(".wb-question").count()
    page.locator("#wb-question textarea").fill(question)
    page.locator("#wb-question textarea").press("Enter")
    expect(page.locator(".wb-question")).to_have_count(before + 1)
    expect(page.locator(".wb-answer")).to_have_count(before + 1)


def picture(page: Page, name: str) -> None:
    if os.environ.get("WENBAO_PICTURES") == "1" and name in PICTURES:
        page.mouse.move(0, 0)
        page.screenshot(path=pictures_folder() / f"{name}.png", animations="disabled")


def fits(page: Page) -> bool:
    """Nothing stands out of the window sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_an_example_leads_to_the_marked_sentence_and_on_to_the_original(
    opened: Opener, address: str, look: Look
) -> None:
    page = opened(look)
    visit(page, f"{address}/{look.language}/")
    examples = page.locator("#wb-chat .example")
    expect(examples).to_have_count(4)
    expect(page.locator("html")).to_have_attribute("lang", look.words.tag)
    assert fits(page)
    picture(page, f"start-{look}")

    question = examples.first.inner_text()
    examples.first.click()
    expect(page.locator(".wb-answer")).to_be_visible()
    expect(page.locator(".wb-question")).to_have_text(question)
    expect(page.locator(".wb-question")).to_be_in_viewport()
    expect(page.locator(".wb-answer .badge").first).to_be_in_viewport()
    expect(page.locator("#wb-question textarea")).to_be_in_viewport()
    assert fits(page)
    marked = page.locator(".wb-card mark").first.inner_text()
    picture(page, f"example-{look}")

    with page.expect_popup() as popup:
        page.get_by_role("link", name=look.words.open_article).first.click()
    article = popup.value
    expect(article.locator("mark").first).to_be_in_viewport()
    assert article.locator("#mark").inner_text() in marked
    assert fits(article)
    picture(article, f"article-{look}")
    article.get_by_role("link", name=look.words.as_scanned).click()
    expect(article.locator("pre mark").first).to_be_in_viewport()
    assert fits(article)
    picture(article, f"scan-{look}")


@pytest.mark.parametrize("look", [DESKTOP, LOOKS[2]], ids=str)
def test_a_conversation_goes_on_and_begins_anew(opened: Opener, address: str, look: Look) -> None:
    page = opened(look)
    visit(page, f"{address}/{look.language}/")
    ask(page, QUESTION)
    expect(page.locator(".wb-card mark").first).to_contain_text("口罩8000个")
    picture(page, f"answer-{look}")
    ask(page, "那朝阳门街道呢？")
    expect(page.locator(".wb-searched-as")).to_contain_text("朝阳门街道")
    expect(page.locator(".wb-question").last).to_be_in_viewport()
    page.locator(".wb-answer").last.locator(".wb-more > summary").click()
    expect(page.locator(".wb-answer").last.locator(".wb-more .wb-card").first).to_be_visible()
    picture(page, f"follow-up-{look}")
    page.get_by_role("button", name=look.words.new_talk).click()
    expect(page.locator(".wb-answer")).to_have_count(0)
    expect(page.locator("#wb-chat .example")).to_have_count(4)


@pytest.mark.parametrize("status", ["possible", "not_found"])
@pytest.mark.parametrize("look", [DESKTOP, LOOKS[2]], ids=str)
def test_what_is_not_surely_answered_is_not_claimed(
    opened: Opener, address: str, bot: Bot, monkeypatch: pytest.MonkeyPatch, look: Look, status: str
) -> None:
    """How the page shows a verdict; which one a question gets is tested with the answers."""
    ask_bot = bot.ask
    monkeypatch.setattr(
        type(bot), "ask", lambda _, *args, **kwargs: ask_bot(*args, **kwargs) | {"status": status, "answer": None}
    )
    page = opened(look)
    visit(page, f"{address}/{look.language}/")
    ask(page, "天坛公园今天几点关门？")
    expect(page.locator(f".wb-{status} .badge")).to_have_text(look.words.status[status])
    expect(page.locator(".wb-status")).to_contain_text(look.words.meaning[status])
    expect(page.locator(".wb-short, .wb-long")).to_have_count(0)
    expect(page.locator(".wb-nearest")).to_have_count(int(status == "not_found"))
    picture(page, f"{status}-{look}")


def test_an_empty_question_is_answered_with_one_line(opened: Opener, address: str) -> None:
    page = opened(DESKTOP)
    visit(page, f"{address}/zh/")
    page.get_by_role("button", name="提问").click()
    expect(page.locator(".wb-note")).to_have_text("请先输入问题。")
    expect(page.locator("#wb-question textarea")).to_be_editable()


def test_enter_while_an_input_method_composes_sends_nothing(opened: Opener, address: str) -> None:
    page = opened(DESKTOP)
    visit(page, f"{address}/zh/")
    page.locator("#wb-question textarea").fill(QUESTION)
    press = """(box, isComposing) => {
        const enter = {key: "Enter", code: "Enter", bubbles: true, cancelable: true, isComposing};
        for (const kind of ["keydown", "keypress", "keyup"]) box.dispatchEvent(new KeyboardEvent(kind, enter));
    }"""
    page.locator("#wb-question textarea").evaluate(press, True)
    page.wait_for_timeout(500)
    expect(page.locator(".wb-question")).to_have_count(0)
    page.locator("#wb-question textarea").evaluate(press, False)
    expect(page.locator(".wb-question")).to_have_count(1)


def test_the_language_can_be_switched(opened: Opener, address: str) -> None:
    page = opened(DESKTOP)
    page.goto(f"{address}/")
    expect(page).to_have_url(f"{address}/zh/")
    page.get_by_role("link", name="English").click()
    expect(page).to_have_url(f"{address}/en/")
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()


def test_hostile_questions_run_nothing(opened: Opener, hostile_address: str) -> None:
    page = opened(DESKTOP)
    visit(page, f"{hostile_address}/zh/")
    for number, payload in enumerate(PAYLOADS):
        ask(page, payload)
        assert page.locator(".wb-question").nth(number).inner_text() == payload
    for details in page.locator("details").all():
        details.evaluate("element => { element.open = true }")
    assert page.evaluate("window.hacked") is None
    assert page.locator(".message-content").locator("script, img, iframe, style, form, svg, math").count() == 0


@pytest.mark.parametrize("view", ["read", "scan"])
def test_hostile_articles_run_nothing(opened: Opener, hostile_address: str, hostile_bot: Bot, view: str) -> None:
    page = opened(DESKTOP)
    lines = hostile_bot.store.articles()
    assert len(lines) >= len(PAYLOADS)
    for line in lines:
        page.goto(f"{hostile_address}/articles/{line.id}?view={view}&start={line.start}&end={line.end}")
        assert page.evaluate("window.hacked") is None
        assert page.locator("#main").locator("script, img, iframe, form, svg, math, style").count() == 0
