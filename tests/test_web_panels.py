"""History, filters, languages and keys of the conversation's page, in a real browser."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from browsing import (
    DESKTOP,
    ENGLISH,
    ENGLISH_PHONE,
    PHONE,
    SMALL,
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
from playwright.sync_api import Page, expect
from web_fixtures import address, app, bot

from qa.bot import Bot
from qa.web.chat_words import SCRIPT

pytestmark = pytest.mark.browser

QUESTION = "景山街道总工会三八节发了多少口罩？"
OTHER = "东城区总共有多少个街道的工会参与了一线抗疫？"
FOLLOW_UP = "那朝阳门街道呢？"


def history(page: Page, look: Look) -> None:
    page.get_by_role("button", name=look.words.history, exact=True).click()
    expect(page.locator("#wb-panel-history")).to_be_visible()


@pytest.mark.parametrize("look", [DESKTOP, ENGLISH_PHONE], ids=str)
def test_conversations_are_kept_found_renamed_taken_away_and_deleted(
    opened: Opener, address: str, look: Look, tmp_path: Path
) -> None:
    strings = SCRIPT[look.language]
    page = opened(look)
    visit(page, f"{address}/{look.language}/")
    history(page, look)
    expect(page.locator(".talks .none")).to_have_text(strings["noTalks"])
    page.keyboard.press("Escape")
    ask(page, QUESTION)
    expect(page).to_have_url(re.compile(r"#[A-Za-z0-9_-]{22}$"))
    page.get_by_role("button", name=look.words.new_talk).click()
    expect(page.locator(".wb-question")).to_have_count(0)
    ask(page, OTHER)

    history(page, look)
    titles = page.locator(".talks .title")
    expect(titles).to_have_text([OTHER, QUESTION])
    assert fits(page)
    assert serious_findings(page) == []
    picture(page, f"history-{look}")
    page.get_by_role("searchbox").fill("口罩")
    expect(titles).to_have_text([QUESTION])
    page.get_by_role("button", name=strings["rename"]).click()
    page.get_by_label(strings["renamePrompt"]).fill("<b>口罩的事</b>")
    page.get_by_role("button", name=strings["save"]).click()
    expect(titles).to_have_text(["<b>口罩的事</b>"])
    for label, suffix in ((strings["exportMarkdown"], "md"), (strings["exportJson"], "json")):
        with page.expect_download() as download:
            page.get_by_role("link", name=label).click()
        path = tmp_path / f"talk.{suffix}"
        download.value.save_as(path)
        assert "8000个" in path.read_text(encoding="utf-8")
        assert download.value.suggested_filename.endswith(suffix)
    assert json.loads((tmp_path / "talk.json").read_text(encoding="utf-8"))["sources"][0]["number"] == 1

    titles.first.click()
    expect(page.locator(".wb-question")).to_have_text(QUESTION)
    ask(page, FOLLOW_UP)
    expect(page.locator(".wb-searched-as").last).to_contain_text("朝阳门街道")

    history(page, look)
    page.get_by_role("button", name=f"{strings['remove']}: {OTHER}").click()
    page.get_by_role("button", name=strings["removeSure"]).click()
    expect(titles).to_have_text(["<b>口罩的事</b>"])
    page.get_by_role("button", name=strings["removeAll"]).click()
    page.get_by_role("button", name=strings["removeSure"]).click()
    expect(titles).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(".wb-question")).to_have_count(0)


def test_a_conversation_is_there_after_leaving_and_in_every_language_and_not_for_others(
    opened: Opener, address: str
) -> None:
    page = opened(DESKTOP)
    visit(page, f"{address}/zh/")
    ask(page, QUESTION)
    ask(page, FOLLOW_UP)
    link = page.url
    page.reload()
    expect(page.locator(".wb-question")).to_have_text([QUESTION, FOLLOW_UP])
    page.get_by_role("link", name="English").click()
    expect(page.locator(".wb-question")).to_have_text([QUESTION, FOLLOW_UP])
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert page.url.split("#")[1] == link.split("#")[1]
    page.get_by_role("link", name="Help").click()
    page.get_by_role("link", name="Ask", exact=True).click()
    expect(page.locator(".wb-question")).to_have_count(2)

    stranger = opened(PHONE)
    visit(stranger, f"{address}/zh/")
    history(stranger, PHONE)
    expect(stranger.locator(".talks .none")).to_be_visible()
    expect(stranger.locator(".wb-question")).to_have_count(0)
    assert stranger.context.cookies() == []
    stranger.goto(f"{address}/zh/help")
    stranger.goto(link)
    expect(stranger.locator(".wb-question")).to_have_count(2)


@pytest.mark.parametrize("look", [ENGLISH, PHONE, SMALL], ids=str)
def test_filters_are_chosen_shown_and_taken_away(opened: Opener, address: str, bot: Bot, look: Look) -> None:
    strings = SCRIPT[look.language]
    page = opened(look)
    visit(page, f"{address}/{look.language}/")
    page.get_by_role("button", name=look.words.filters).click()
    page.locator("dialog").get_by_label(strings["files"]).fill("001*.txt")
    page.locator("dialog").get_by_label(strings["since"]).fill("2020-03-08")
    page.locator("dialog").get_by_label(strings["until"]).fill("2020-03-01")
    page.get_by_role("button", name=strings["apply"]).click()
    expect(page.get_by_role("alert")).to_have_text(strings["filtersInvalid"])
    page.locator("dialog").get_by_label(strings["since"]).fill("")
    page.locator("dialog").get_by_label(strings["until"]).fill("")
    assert fits(page)
    assert serious_findings(page) == []
    page.get_by_role("button", name=strings["apply"]).click()
    expect(page.locator("#wb-chips .chip")).to_contain_text("001*.txt")
    ask(page, QUESTION)
    allowed = sum(line.passages for line in bot.store.articles() if line.file.startswith("001"))
    expect(page.locator(".wb-searched")).to_contain_text(f" {allowed} ")
    expect(page.locator(".wb-file").first).to_contain_text("001_")
    assert fits(page)
    page.locator("#wb-chips .chip").click()
    expect(page.locator("#wb-chips .chip")).to_have_count(0)
    ask(page, QUESTION)
    expect(page.locator(".wb-answer").last.locator(".wb-file").first).to_contain_text("000_")


def test_one_article_alone_may_be_asked(opened: Opener, address: str) -> None:
    page = opened(DESKTOP)
    visit(page, f"{address}/zh/")
    ask(page, QUESTION)
    page.locator(".wb-context").first.click()
    page.get_by_role("button", name=SCRIPT["zh"]["onlyArticle"]).click()
    expect(page.locator("#wb-chips .chip")).to_contain_text("东城区各街道总工会助力疫情防控工作纪实")
    ask(page, OTHER)
    files = page.locator(".wb-answer").last.locator(".wb-file").all_text_contents()
    assert set(files) == {"000_7bc1ad36ebfe02b7.txt"}


# Keys and what is said aloud


def test_the_page_is_used_by_keys_alone(opened: Opener, address: str) -> None:
    page = opened(DESKTOP)
    visit(page, f"{address}/zh/")
    ask(page, QUESTION)
    ask(page, OTHER)
    box = page.locator("#wb-question textarea")
    box.press("Escape")
    expect(box).not_to_be_focused()
    page.keyboard.press("/")
    expect(box).to_be_focused()
    expect(box).to_have_value("")
    box.press("ArrowUp")
    expect(box).to_have_value(OTHER)
    box.press("ArrowUp")
    expect(box).to_have_value(QUESTION)
    box.press("ArrowDown")
    expect(box).to_have_value(OTHER)
    box.press("ArrowDown")
    expect(box).to_have_value("")
    box.fill("半句话")
    box.press("ArrowUp")
    expect(box).to_have_value("半句话")
    box.press("Escape")
    with page.expect_popup() as popup:
        page.keyboard.press("1")
    expect(popup.value.locator("#mark")).to_be_in_viewport()


def test_what_came_of_a_question_is_said_aloud(opened: Opener, address: str) -> None:
    page = opened(ENGLISH)
    visit(page, f"{address}/en/")
    ask(page, QUESTION)
    live = page.locator("body > [role=status]")
    expect(live).to_have_text("8000个 Answered; passages found: 5")
    expect(live).to_have_attribute("aria-live", "polite")
    for message in page.locator("#wb-chat [data-testid]").all():
        assert message.get_attribute("aria-label") is None


def test_the_first_key_leads_past_the_navigation(opened: Opener, address: str) -> None:
    page = opened(DESKTOP)
    page.goto(f"{address}/en/help")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("look", [DESKTOP, ENGLISH, PHONE, SMALL], ids=str)
def test_the_help_is_readable_in_every_look(opened: Opener, address: str, look: Look) -> None:
    page = opened(look)
    page.goto(f"{address}/{look.language}/help")
    expect(page.locator("h1")).to_be_visible()
    assert fits(page)
    assert serious_findings(page) == []


def test_nothing_moves_for_those_who_want_it_still(opened: Opener, address: str) -> None:
    page = opened(DESKTOP)
    page.emulate_media(reduced_motion="reduce")
    visit(page, f"{address}/zh/")
    ask(page, QUESTION)
    page.wait_for_timeout(300)
    moving = (
        "document.getAnimations().filter(a => a.playState === 'running' && a.effect.getTiming().duration > 1).length"
    )
    assert page.evaluate(moving) == 0


def test_a_question_is_asked_once_though_enter_is_pressed_twice(opened: Opener, address: str) -> None:
    page = opened(DESKTOP)
    visit(page, f"{address}/zh/")
    box = page.locator("#wb-question textarea")
    box.fill(QUESTION)
    box.press("Enter")
    box.press("Enter")
    expect(page.locator(".wb-answer")).to_have_count(1)
    ask(page, OTHER)
    expect(page.locator(".wb-question")).to_have_text([QUESTION, OTHER])


def test_what_is_typed_while_an_answer_grows_stays(opened: Opener, address: str) -> None:
    """An unanswered question has one more stage, which tells what to ask instead."""
    page = opened(DESKTOP)
    visit(page, f"{address}/zh/")
    box = page.locator("#wb-question textarea")
    box.fill("景山街道总工会的电话号码是多少？")
    box.press("Enter")
    expect(page.locator(".wb-answer")).to_have_count(1)
    box.fill("半句话")
    expect(page.locator(".wb-answer .wb-ask").first).to_be_visible()
    expect(box).to_have_value("半句话")
