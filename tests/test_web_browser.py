"""The conversation and the original in a real browser, in each look.

With ``WENBAO_PICTURES=docs/pictures`` the screenshots of docs/pictures are taken anew.
"""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from browsing import (
    DESKTOP,
    ENGLISH,
    ENGLISH_PHONE,
    LOOKS,
    PHONE,
    Look,
    Opener,
    ask,
    browser,
    fits,
    opened,
    picture,
    serious_findings,
    visit,
)
from playwright.sync_api import Route, expect
from web_fixtures import address, app, bot

from qa.answer import Record
from qa.bot import Bot
from qa.web.chat_words import SCRIPT
from qa.web.conversation import Conversations

pytestmark = pytest.mark.browser

QUESTION = "景山街道总工会三八节发了多少口罩？"
FOLLOW_UP = "那朝阳门街道呢？"


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
    assert serious_findings(page) == []
    picture(page, f"start-{look}")

    expect(examples.first).to_be_visible()
    question = examples.first.text_content() or ""
    assert question.strip()
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
    assert serious_findings(article) == []
    picture(article, f"article-{look}")
    article.get_by_role("link", name=look.words.as_scanned).click()
    expect(article.locator("pre mark").first).to_be_in_viewport()
    assert fits(article)
    assert serious_findings(article) == []
    picture(article, f"scan-{look}")
    article.locator(".file a").click()
    expect(article.locator(".articles li").first).to_be_visible()
    assert fits(article)
    assert serious_findings(article) == []


@pytest.mark.parametrize("look", [DESKTOP, PHONE, ENGLISH_PHONE], ids=str)
def test_a_conversation_goes_on_and_begins_anew(opened: Opener, address: str, look: Look) -> None:
    page = opened(look)
    visit(page, f"{address}/{look.language}/")
    ask(page, QUESTION)
    expect(page.locator(".wb-card mark").first).to_contain_text("口罩8000个")
    expect(page.locator(".wb-card mark.answer").first).to_have_text("8000个")
    assert serious_findings(page) == []
    picture(page, f"answer-{look}")
    ask(page, FOLLOW_UP)
    expect(page.locator(".wb-searched-as")).to_contain_text("朝阳门街道")
    expect(page.locator(".wb-question").last).to_be_in_viewport()
    expect(page.locator(".wb-ask").first).to_be_visible()  # the last stage of what is not answered
    page.locator(".wb-answer").last.locator(".wb-more > summary").click()
    expect(page.locator(".wb-answer").last.locator(".wb-more .wb-card").first).to_be_visible()
    assert fits(page)
    page.locator(".wb-alone").last.click()
    expect(page.locator(".wb-answer")).to_have_count(3)
    expect(page.locator(".wb-answer").last.locator(".wb-searched-as")).to_have_count(0)
    page.get_by_role("button", name=look.words.new_talk).click()
    expect(page.locator(".wb-answer")).to_have_count(0)
    expect(page.locator("#wb-chat .example")).to_have_count(4)


def test_a_card_with_little_text_is_as_wide_as_the_others(opened: Opener, address: str) -> None:
    page = opened(DESKTOP)
    visit(page, f"{address}/{DESKTOP.language}/")
    ask(page, "东城区总工会党员干部在哪个社区值守？")  # a passage of short lines: captions
    card = page.locator(".wb-card").first
    expect(card.locator("mark.answer")).to_be_visible()
    inner, outer = (each.bounding_box() for each in (card, page.locator("#wb-chat .message-wrap")))
    assert inner is not None
    assert outer is not None
    assert inner["width"] == pytest.approx(outer["width"], abs=2)


@pytest.mark.parametrize("status", ["possible", "not_found"])
@pytest.mark.parametrize("look", [DESKTOP, PHONE, ENGLISH_PHONE], ids=str)
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
    offered = page.locator(".wb-ask")
    expect(offered.first).to_be_visible()
    expect(page.locator(".wb-question")).to_be_in_viewport()
    assert fits(page)
    assert serious_findings(page) == []
    picture(page, f"{status}-{look}")
    question = offered.first.inner_text()
    offered.first.click()
    expect(page.locator(".wb-question").last).to_have_text(question)
    expect(page.locator(".wb-answer")).to_have_count(2)


NOT_THERE = "天坛公园的门票多少钱？"


def test_a_slow_end_of_one_question_leaves_the_next_ones_answer(
    opened: Opener, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    instead = Conversations._instead

    def slowly(conversations: Conversations, record: Record, question: str) -> list[str]:
        assert goes_on.wait(30)
        return instead(conversations, record, question)

    monkeypatch.setattr(Conversations, "_instead", slowly)
    page = opened(DESKTOP)
    visit(page, f"{address}/zh/")
    ask(page, NOT_THERE)
    ask(page, QUESTION)
    goes_on.set()
    page.wait_for_timeout(1500)  # nothing is to come of it, so that there is nothing else to wait for
    expect(page.locator(".wb-answer")).to_have_count(2)
    expect(page.locator(".wb-question").last).to_have_text(QUESTION)


CLOSES_LATE = """
const plainly = window.fetch;
window.fetch = async (...request) => {
  const response = await plainly(...request);
  if (!String(request[0]?.url ?? request[0]).includes("/queue/data")) return response;
  const late = new TransformStream({
    async transform(chunk, to) {
      const text = new TextDecoder().decode(chunk);
      const at = text.lastIndexOf("data:", text.indexOf('"close_stream"'));
      if (at < 0) return to.enqueue(chunk);
      to.enqueue(new TextEncoder().encode(text.slice(0, at)));
      document.documentElement.dataset.closing = "";
      await new Promise((resolve) => setTimeout(resolve, 700));
      delete document.documentElement.dataset.closing;
      to.enqueue(new TextEncoder().encode(text.slice(at)));
    },
  });
  return new Response(response.body.pipeThrough(late), response);
};
"""
"""The network's way of telling Gradio late that its stream of events has ended."""


def test_a_question_is_heard_of_though_the_stream_closes_as_it_is_sent(opened: Opener, address: str) -> None:
    page = opened(DESKTOP)
    page.add_init_script(CLOSES_LATE)
    visit(page, f"{address}/zh/")
    for _ in range(3):
        page.locator("html[data-closing]").wait_for()
        ask(page, QUESTION)


def test_a_question_asked_before_the_earlier_ones_answer_stands_below_it(
    opened: Opener, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    plainly = Bot.ask

    def slowly(bot: Bot, question: str, **options: Any) -> Record:
        assert question != QUESTION or goes_on.wait(30)
        return plainly(bot, question, **options)

    monkeypatch.setattr(Bot, "ask", slowly)
    page = opened(DESKTOP)
    visit(page, f"{address}/zh/")
    box = page.locator("#wb-question textarea")
    for number, question in enumerate((QUESTION, NOT_THERE), 1):
        box.fill(question)
        box.press("Enter")
        expect(page.locator(".wb-question")).to_have_count(number)
    goes_on.set()
    expect(page.locator(".wb-answer")).to_have_count(2)
    expect(page.locator(".wb-question")).to_have_text([QUESTION, NOT_THERE])
    expect(page.locator(".wb-note")).to_have_count(0)


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


def test_a_question_of_the_first_instant_is_held_and_asked(opened: Opener, address: str) -> None:
    page = opened(DESKTOP)

    def late(route: Route) -> None:
        """The event by which the page begins to listen."""
        page.wait_for_timeout(1500)
        route.continue_()

    page.route("**/gradio_api/queue/join*", late, times=1)
    page.goto(f"{address}/zh/")
    expect(page.locator("#wb-shell .example")).to_have_count(4)
    assert serious_findings(page) == []
    page.locator("#wb-shell textarea").fill(QUESTION)
    page.locator("#wb-shell textarea").press("Enter")
    expect(page.locator("body.wb-waiting")).to_have_count(1)
    expect(page.locator(".wb-answer")).to_have_count(1)
    expect(page.locator(".wb-question")).to_have_text(QUESTION)
    expect(page.locator("body.wb-waiting, #wb-shell")).to_have_count(0)


def test_what_is_typed_before_the_page_listens_stays(opened: Opener, address: str) -> None:
    page = opened(PHONE)
    page.goto(f"{address}/zh/", wait_until="commit")
    page.locator("#wb-shell textarea").fill("半句")
    expect(page.locator("#wb-shell")).to_have_count(0)
    expect(page.locator("#wb-question textarea")).to_have_value("半句")
    expect(page.locator("#wb-question textarea")).to_be_focused()


@pytest.mark.parametrize("look", [ENGLISH, PHONE], ids=str)
def test_a_card_tells_why_its_context_and_how_to_cite_it(opened: Opener, address: str, look: Look) -> None:
    page = opened(look)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit(page, f"{address}/{look.language}/")
    ask(page, QUESTION)
    card = page.locator(".wb-card").first
    card.get_by_text(look.words.why).click()
    expect(card.locator(".wb-why kbd").first).to_be_visible()
    strings = SCRIPT[look.language]
    card.locator(".wb-context").click()
    expect(card.locator(".wb-context")).to_have_attribute("aria-expanded", "true")
    expect(card.locator(".wb-around p").first).to_be_visible()
    around = "".join(card.locator(".wb-around p").all_inner_texts())
    assert card.locator(".wb-text").inner_text() not in around
    assert fits(page)
    assert serious_findings(page) == []
    picture(page, f"why-{look}")
    card.locator(".wb-copy").click()
    expect(card.locator(".wb-copy")).to_have_text(strings["copied"])
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "口罩8000个" in copied
    assert "000_7bc1ad36ebfe02b7.txt" in copied
    page.locator(".wb-sure").focus()
    expect(page.get_by_role("tooltip")).to_be_visible()
    expect(page.get_by_role("tooltip")).to_contain_text("80%")
    card.locator(".wb-context").click()
    expect(card.locator(".wb-around")).to_have_count(0)


def test_one_may_say_what_is_wrong_with_an_answer(opened: Opener, address: str) -> None:
    page = opened(DESKTOP)
    visit(page, f"{address}/zh/")
    ask(page, QUESTION)
    strings = SCRIPT["zh"]
    page.get_by_role("button", name="没用").click()
    page.get_by_role("button", name=strings["wrong_passage"]).click()
    expect(page.locator(".wb-thumbs")).to_have_text(strings["thanks"])


def test_an_article_prints_without_the_page_around_it(opened: Opener, address: str, bot: Bot) -> None:
    page = opened(DESKTOP)
    line = bot.store.articles()[0]
    page.goto(f"{address}/articles/{line.id}?start={line.start}&end={line.end}")
    expect(page.locator(".top")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(".top")).to_be_hidden()
    expect(page.locator(".views")).to_be_hidden()
    expect(page.locator("h1")).to_be_visible()


def test_the_articles_of_a_page_are_gone_through_by_their_headlines(opened: Opener, address: str, bot: Bot) -> None:
    page = opened(PHONE)
    first, second = [line for line in bot.store.articles() if line.file.startswith("002")][:2]
    page.goto(f"{address}/articles/{first.id}?lang=en")
    page.get_by_role("link", name=str(second.headline)).click()
    expect(page).to_have_url(re.compile(rf"/articles/{second.id}\?lang=en"))
    expect(page.locator("h1")).to_have_text(str(second.headline))
    page.get_by_role("link", name=str(first.headline)).click()
    expect(page.locator("h1")).to_have_text(str(first.headline))
