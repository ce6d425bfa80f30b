"""The chat with a language model set: the extract first, the model's text under it, and as little trusted."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import llm_faults as faults
import pytest
from llm_faults import GOOD, Server, answers_status, fault_server, says
from web_fixtures import PAYLOADS, Page

from qa.bot import Bot
from qa.generate import Written
from qa.talks import Talks
from qa.web.conversation import Conversations, Shown
from qa.web.words import EN, ZH, Words

QUESTION = "景山街道总工会三八节发了多少口罩？"
VISITOR, TALK = "v" * 22, "t" * 22
SENT = json.dumps({"visitor": VISITOR, "talk": TALK})
MODEL = "<i>tiny</i>"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with fault_server() as found:
        yield found


@pytest.fixture
def bot(seeds_bot: Bot, server: Server) -> Iterator[Bot]:
    settings = replace(seeds_bot.settings, llm_url=server.url, llm_model=MODEL, llm_timeout_s=20, llm_idle_s=1)
    server.behaviour = says(GOOD)
    with Bot.open(settings, index_seeds=False) as found:
        yield found


@pytest.fixture
def talks(tmp_path: Path) -> Iterator[Talks]:
    found = Talks(tmp_path, 90)
    yield found
    found.close()


@pytest.fixture
def conversations(bot: Bot, talks: Talks) -> Conversations:
    return Conversations(bot, talks)


def asked(conversations: Conversations) -> Shown:
    *_, shown = conversations.ask(ZH, QUESTION, Shown(), SENT)
    return shown


def drained(states: AsyncIterator[Shown]) -> list[Shown]:
    async def drain() -> list[Shown]:
        return [shown async for shown in states]

    return asyncio.run(drain())


def written(conversations: Conversations, words: Words = ZH) -> list[Shown]:
    return drained(conversations.write(words, asked(conversations), SENT))


def page(shown: Shown) -> Page:
    return Page(shown.messages[-1]["content"])


def test_the_answer_is_there_before_the_model_is_asked(conversations: Conversations, server: Server) -> None:
    server.requests.clear()
    shown = asked(conversations)
    assert page(shown).answers == ["8000个"]
    assert server.requests == []
    first, *_, last = drained(conversations.write(ZH, shown, SENT))
    assert ZH.writing in page(first).text
    assert page(first).answers == page(last).answers == ["8000个"]
    assert ZH.written_by.format(model=MODEL) in page(last).text
    assert ZH.writing not in page(last).text
    assert GOOD.replace("[1]", "1") in page(last).text
    assert (last.questions, len(last.messages)) == (shown.questions, len(shown.messages))
    assert last.unwritten is None


def test_the_next_question_ends_the_writing(conversations: Conversations) -> None:
    states = written(conversations)
    for before in states[:-1]:
        assert ZH.writing in page(before).text
        first, *_ = conversations.ask(ZH, QUESTION, before, SENT)
        ended = Page(first.messages[-3]["content"])
        assert ZH.writing not in ended.text
        assert ended.answers == ["8000个"]
        assert len(first.messages) == 4
    assert states[-1].unwritten is None


def test_a_mark_leads_to_the_article_and_nowhere_else(conversations: Conversations, bot: Bot) -> None:
    *_, last = written(conversations)
    [cited] = [dict(attributes) for tag, attributes in page(last).tags if ("class", "wb-cite") in attributes.items()]
    source = bot.ask(QUESTION)["passages"][0]["source"]
    assert urlsplit(str(cited["href"])).path == f"/articles/{source['article_id']}"
    assert {urlsplit(str(found["href"])).netloc for tag, found in page(last).tags if "href" in found} == {""}


def test_the_text_is_kept_with_the_conversation(conversations: Conversations, talks: Talks) -> None:
    *_, last = written(conversations)
    kept = talks.talk(TALK)
    assert kept
    assert [turn.record["generated"]["text"] for turn in kept.turns] == [GOOD]
    assert page(conversations.open(ZH, TALK)).text == page(last).text
    assert not talks.complete("w" * 22, TALK, {**kept.turns[0].record, "answer": "stolen"})
    assert talks.talk(TALK) == kept


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        (answers_status("500 Internal Server Error"), EN.unwritten),
        (faults.hang_before_headers, EN.unwritten),
        (faults.echo_instructions, EN.unwritten),
        (faults.close_midway, EN.written_partly),
    ],
)
def test_a_broken_model_is_told_in_a_line(
    conversations: Conversations, server: Server, behaviour: faults.Behaviour, told: str
) -> None:
    """LLM-003: one friendly line, and the extracts."""
    server.behaviour = behaviour
    *_, last = written(conversations, EN)
    assert page(last).answers == ["8000个"]
    assert told in page(last).text


def test_nothing_is_written_without_a_model_or_an_answer(seeds_bot: Bot, bot: Bot, talks: Talks) -> None:
    assert drained(Conversations(bot, talks).write(ZH, Shown())) == []
    alone = Conversations(seeds_bot, talks)
    assert drained(alone.write(ZH, asked(alone))) == []
    *_, failed = Conversations(bot, talks).ask(ZH, "", Shown())
    assert failed.unwritten is None


@pytest.fixture(scope="module")
def patient(
    seeds_bot: Bot, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Bot, Conversations, Shown]]:
    """A bot whose model is asked again and again, and a conversation that waits for its text."""
    settings = replace(seeds_bot.settings, llm_url=server.url, llm_model=MODEL, llm_timeout_s=20, llm_idle_s=1)
    with (
        Bot.open(settings, index_seeds=False) as found,
        closing(Talks(tmp_path_factory.mktemp("talks"), 90)) as kept,
    ):
        conversations = Conversations(found, kept)
        yield found, conversations, asked(conversations)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_of_a_model_is_shown_as_text(
    patient: tuple[Bot, Conversations, Shown], server: Server, monkeypatch: pytest.MonkeyPatch, payload: str
) -> None:
    """LLM-005, and with the filter out of the way too: what is shown is escaped whatever comes."""
    bot, conversations, waiting = patient
    plain = page(waiting).tags
    server.behaviour = says(f"景山街道总工会发放防疫口罩8000个{payload}[1]。{GOOD}")
    *_, last = drained(conversations.write(ZH, waiting, SENT))
    assert {tag for tag, _ in page(last).tags} <= {tag for tag, _ in plain} | {"div", "p", "a"}
    # What is no whole tag stays as words; nothing that could begin one does.
    assert not re.search(r"<\s*[a-zA-Z/!?]", page(last).text.replace(MODEL, ""))

    async def says_it(_: object) -> AsyncIterator[Written]:
        yield Written(f"{payload}[1]", f"{payload}[1]", (1,))
        yield Written(f"{payload}[1]", "", (1,), done=True)

    monkeypatch.setattr(bot.writer, "stream", says_it)
    *_, last = drained(conversations.write(ZH, waiting, SENT))
    assert {tag for tag, _ in page(last).tags} <= {tag for tag, _ in plain} | {"div", "p", "a"}
    assert len(page(last).tags) == len(plain) + 4  # block, two paragraphs, one mark
    assert "\n" not in last.messages[-1]["content"]
