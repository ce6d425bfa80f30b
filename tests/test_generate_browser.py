"""The chat with a language model set, in a browser: what is written comes under the extract, and holds nobody up."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from browsing import DESKTOP, LOOKS, Look, Opener, ask, browser, fits, opened, picture, visit
from llm_faults import GOOD, REST, Fault, Server, event, fault_server, hang_midway, says
from playwright.sync_api import expect
from test_web_browser import QUESTION
from web_fixtures import served

from qa.bot import Bot
from qa.web.server import build_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with fault_server() as found:
        yield found


@pytest.fixture(scope="module")
def writing_address(seeds_bot: Bot, server: Server) -> Iterator[str]:
    settings = replace(seeds_bot.settings, llm_url=server.url, llm_model="tiny", llm_timeout_s=60, llm_idle_s=60)
    with Bot.open(settings, index_seeds=False) as bot, served(build_app(bot)) as found:
        yield found


@pytest.mark.parametrize("look", [DESKTOP, LOOKS[2]], ids=str)
def test_a_text_comes_under_the_extract_as_it_is_written(
    opened: Opener, writing_address: str, server: Server, look: Look
) -> None:
    go_on = threading.Event()

    def halting(fault: Fault) -> None:
        fault.head()
        fault.send(event({"content": GOOD + REST}))
        go_on.wait(60)
        fault.send(event({"content": "军作用[1]。"}, "stop"))

    server.behaviour = halting
    page = opened(look)
    visit(page, f"{writing_address}/{look.language}/")
    ask(page, QUESTION)
    written = page.locator(".wb-generated")
    expect(written.locator(".wb-written")).to_contain_text("发放防疫口罩8000个")
    expect(written).to_contain_text(look.words.writing)
    expect(page.locator(".wb-short")).to_have_text("8000个")
    picture(page, f"writing-{look}")
    go_on.set()
    expect(written.locator(".wb-written")).to_contain_text("主力军作用")
    expect(written).not_to_contain_text(look.words.writing)
    assert fits(page)
    with page.expect_popup() as popup:
        written.locator(".wb-cite").first.click()
    expect(popup.value.locator("mark").first).to_be_in_viewport()


def test_the_next_question_ends_the_writing(opened: Opener, writing_address: str, server: Server) -> None:
    server.behaviour = hang_midway
    page = opened(DESKTOP)
    visit(page, f"{writing_address}/zh/")
    ask(page, QUESTION)
    expect(page.locator(".wb-written")).to_contain_text("8000个")
    server.behaviour = says(GOOD)
    ask(page, QUESTION)
    expect(page.locator(".wb-generated").first).not_to_contain_text(DESKTOP.words.writing)
    expect(page.locator(".wb-answer")).to_have_count(2)
    expect(page.locator(".wb-written")).to_have_count(2)  # and the next question has a text of its own
    expect(page.locator(".wb-written").last).to_contain_text("8000个")
