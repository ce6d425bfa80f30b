"""The conversation behind the chat page, without a browser."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opencc import OpenCC
from web_fixtures import Page, bot

from qa.answer import Question
from qa.bot import Bot
from qa.errors import StoreError
from qa.filters import Filters
from qa.talks import Talks
from qa.web.conversation import EXAMPLES, KEPT_TURNS, Context, Conversations, Shown
from qa.web.words import EN, ZH, ZH_HANT

QUESTION = "景山街道总工会三八节发了多少口罩？"
VISITOR, TALK = "v" * 22, "t" * 22
SENT = json.dumps({"visitor": VISITOR, "talk": TALK, "alone": False, "filters": {}})


@pytest.fixture
def talks(tmp_path: Path) -> Iterator[Talks]:
    found = Talks(tmp_path, 90)
    yield found
    found.close()


@pytest.fixture
def conversations(bot: Bot, talks: Talks) -> Conversations:
    return Conversations(bot, talks)


def shown(talk: Shown) -> list[tuple[str, str]]:
    return [(message["role"], Page(message["content"]).text) for message in talk.messages]


def test_a_question_appears_with_what_is_done_and_then_with_its_answer(bot: Bot, conversations: Conversations) -> None:
    first, last = conversations.ask(ZH, QUESTION, Shown())
    passages = bot.store.counts()["passages"]
    assert shown(first) == [("user", QUESTION), ("assistant", f"正在 {passages} 段文字中查找…")]
    assert first.questions == ()
    (user, asked), (assistant, answer) = shown(last)
    assert (user, asked, assistant) == ("user", QUESTION, "assistant")
    page = Page(last.messages[1]["content"])
    assert page.marks[0].startswith("在")
    assert page.answers == [bot.ask(QUESTION)["answer"]]
    assert last.questions == (QUESTION,)
    assert f"查找了 {passages} 段" in answer


def test_a_follow_up_is_completed_from_the_conversation_or_asked_alone(bot: Bot, conversations: Conversations) -> None:
    follow_up = "那朝阳门街道呢？"
    *_, talk = conversations.ask(ZH, QUESTION, Shown())
    *_, after = conversations.ask(ZH, follow_up, talk)
    searched_as = bot.ask(follow_up, history=[QUESTION])["searched_as"]
    assert searched_as != follow_up
    assert searched_as in shown(after)[-1][1]
    assert after.questions == (QUESTION, follow_up)
    buttons = [attributes for tag, attributes in Page(after.messages[-1]["content"]).tags if tag == "button"]
    assert {"type": "button", "class": "wb-alone", "value": follow_up} in buttons

    *_, alone = conversations.ask(ZH, follow_up, talk, json.dumps({"alone": True}))
    assert searched_as not in shown(alone)[-1][1]


@pytest.mark.parametrize(
    ("question", "code"),
    [("", "QUESTION_EMPTY"), ("口" * 3000, "QUESTION_TOO_LONG")],
)
def test_what_can_not_be_asked_is_said_in_words_and_forgotten(
    conversations: Conversations, talks: Talks, question: str, code: str
) -> None:
    *_, talk = conversations.ask(EN, question, Shown(), SENT)
    assert shown(talk)[-1] == ("assistant", EN.errors[code])
    assert talk.questions == ()
    assert talks.talk(TALK) is None


def test_an_unforeseen_failure_is_said_and_logged(
    conversations: Conversations, bot: Bot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret path")

    monkeypatch.setattr(type(bot), "ask", fail)
    *_, talk = conversations.ask(EN, QUESTION, Shown())
    assert shown(talk)[-1] == ("assistant", EN.failed)
    assert "a secret path" in caplog.text


def test_a_long_conversation_keeps_its_last_turns() -> None:
    talk = Shown()
    for number in range(KEPT_TURNS + 3):
        talk = talk.with_message("user", f"{number}").with_message("assistant", "").with_question(f"{number}")
    assert len(talk.messages) == 2 * KEPT_TURNS
    assert len(talk.questions) == KEPT_TURNS
    assert talk.messages[0]["content"] == talk.questions[0] == "3"


# What comes along with a question


def test_filters_narrow_what_is_searched(bot: Bot, conversations: Conversations) -> None:
    file = bot.store.articles()[0].file
    sent = json.dumps({"filters": {"files": [file]}})
    *_, talk = conversations.ask(ZH, QUESTION, Shown(), sent)
    expected = bot.ask(QUESTION, filters=Filters.read({"files": [file]}))
    assert f"查找了 {expected['searched_in']['passages']} 段" in shown(talk)[-1][1]
    files = {passage["source"]["file"] for passage in expected["passages"]}
    assert files == {file}


def test_a_filter_that_is_none_is_said(conversations: Conversations) -> None:
    *_, talk = conversations.ask(EN, QUESTION, Shown(), json.dumps({"filters": {"since": "tomorrow"}}))
    assert "since" in shown(talk)[-1][1]


@pytest.mark.parametrize(
    "sent",
    ["", "nonsense", "[]", "7", '{"talk": 7, "visitor": null}', '{"talk": "<script>"}', "[" * 100_000],
    ids=["empty", "no JSON", "list", "number", "types", "form", "deep"],
)
def test_what_is_no_context_belongs_to_no_conversation(sent: str) -> None:
    assert Context.read(sent) == Context()


# Kept conversations


def test_a_conversation_comes_back_at_another_page_in_another_language(
    bot: Bot, conversations: Conversations, talks: Talks
) -> None:
    *_, talk = conversations.ask(ZH, QUESTION, Shown(TALK), SENT)
    other = Conversations(bot, talks)
    back = other.open(EN, TALK)
    assert back.questions == talk.questions
    assert back.messages[0] == talk.messages[0]
    assert EN.status["answered"] in shown(back)[1][1]
    assert Page(back.messages[1]["content"]).marks == Page(talk.messages[1]["content"]).marks
    # A follow-up at a page that shows nothing yet goes on with it.
    *_, after = other.ask(EN, "那朝阳门街道呢？", Shown(), SENT)
    assert after.questions == (QUESTION, "那朝阳门街道呢？")
    assert [text for role, text in shown(after) if role == "user"] == [QUESTION, "那朝阳门街道呢？"]


def test_an_unknown_conversation_is_an_empty_one(conversations: Conversations) -> None:
    assert conversations.open(ZH, TALK) == Shown(TALK)


def test_an_answer_is_shown_even_when_it_can_not_be_kept(
    conversations: Conversations, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> bool:
        raise StoreError("DISK_FULL", "There is no room.")

    monkeypatch.setattr(Talks, "add", full)
    *_, talk = conversations.ask(ZH, QUESTION, Shown(), SENT)
    assert "8000个" in shown(talk)[-1][1]
    assert "DISK_FULL" in caplog.text


# Examples, and what to ask instead


def test_the_examples_are_made_of_the_corpus_and_answered_by_it(bot: Bot, conversations: Conversations) -> None:
    _, examples = conversations.overview()
    assert len(examples) == len(set(examples)) == EXAMPLES
    for question in examples:
        record = bot.ask(question)
        assert record["status"] == "answered"
        before, _, after = question.removesuffix("？").partition("多少")
        assert before in record["passages"][0]["text"].replace(" ", "")
        assert after[-4:] in record["passages"][0]["text"]


def test_what_is_offered_instead_is_answered_from_an_article_that_was_shown(
    bot: Bot, conversations: Conversations
) -> None:
    question = "天坛公园的门票多少钱？"
    record = bot.ask(question)
    assert record["status"] == "not_found"
    stages = list(conversations.ask(ZH, question, Shown()))
    assert len(stages) == 3
    assert ZH.instead not in shown(stages[1])[-1][1]
    offered = offered_in(stages[2])
    assert 1 <= len(offered) <= 3
    near = {passage["source"]["article_id"] for passage in record["passages"]}
    for answered in bot.ask_many([Question(other) for other in offered]):
        assert answered["status"] == "answered"
        assert answered["passages"][0]["source"]["article_id"] in near


def offered_in(shown: Shown) -> list[str]:
    tags = Page(shown.messages[-1]["content"]).tags
    return [str(attributes["value"]) for _, attributes in tags if attributes.get("class") == "wb-ask"]


def test_what_is_offered_is_in_the_visitors_script(conversations: Conversations) -> None:
    *_, simplified = conversations.ask(ZH, "天坛公园的门票多少钱？", Shown())
    *_, traditional = conversations.ask(ZH_HANT, "天壇公園的門票多少錢？", Shown())
    for ours, theirs in (
        (offered_in(simplified), offered_in(traditional)),
        (conversations.examples(ZH), conversations.examples(ZH_HANT)),
    ):
        assert len(ours) == len(theirs) > 0
        assert ours != theirs
        assert [OpenCC("t2s").convert(question) for question in theirs] == ours


def test_what_is_offered_late_does_not_hide_the_next_question(conversations: Conversations) -> None:
    stages = conversations.ask(ZH, "天坛公园的门票多少钱？", Shown(TALK), SENT)
    next(stages)
    answered = next(stages)
    *_, after = conversations.ask(ZH, QUESTION, answered, SENT)
    assert list(stages) == []
    assert after.questions[-1] == QUESTION


def test_a_question_asked_before_the_earlier_ones_answer_stands_below_it(conversations: Conversations) -> None:
    first, second = (conversations.ask(ZH, q, Shown(TALK), SENT) for q in (QUESTION, "那朝阳门街道呢？"))
    next(first)
    next(second)
    answered = next(first)
    *_, after = second
    assert after.questions == (QUESTION, after.questions[-1])
    assert after.messages[:2] == answered.messages
    assert (len(after.messages), after.ended) == (4, 2)
    assert after.questions[-1].startswith("那朝阳门街道呢")


def test_a_question_that_failed_stands_above_the_next_as_one(bot: Bot, talks: Talks) -> None:
    def answer(_: Any, question: str, /, **options: Any) -> dict[str, Any]:
        if question == "坏了？":
            raise StoreError("DISK_FULL", "坏了。")
        return bot.ask(question, **options)

    conversations = Conversations(bot, talks, answer)
    first, second = (conversations.ask(ZH, q, Shown(TALK), SENT) for q in ("坏了？", QUESTION))
    next(first)
    pending = next(second)
    *_, failed = first
    assert "坏了。" in shown(failed)[-1][1]
    *_, after = second
    assert [text for role, text in shown(after) if role == "user"] == ["坏了？", QUESTION]
    assert "正在" not in shown(after)[1][1]
    assert after.ended == pending.ended + 2


def test_a_deleted_conversation_does_not_come_back_with_the_next_question(
    conversations: Conversations, talks: Talks
) -> None:
    list(conversations.ask(ZH, QUESTION, Shown(TALK), SENT))
    talks.delete(VISITOR, TALK)
    *_, after = conversations.ask(ZH, "那朝阳门街道呢？", conversations.open(ZH, TALK), SENT)
    assert (len(after.messages), after.ended) == (2, 1)


def test_a_conversation_that_is_opened_knows_how_long_it_is(conversations: Conversations) -> None:
    *_, talk = conversations.ask(ZH, QUESTION, Shown(TALK), SENT)
    assert conversations.open(EN, TALK).ended == talk.ended == 1


def test_nothing_is_offered_instead_of_an_answer(conversations: Conversations) -> None:
    *_, talk = conversations.ask(ZH, QUESTION, Shown())
    assert ZH.instead not in shown(talk)[-1][1]


def test_a_record_with_no_passages_offers_nothing(
    bot: Bot, conversations: Conversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = bot.ask

    def nothing(_: Bot, *args: Any, **options: Any) -> dict[str, Any]:
        return ask(*args, **options) | {"status": "not_found", "answer": None, "passages": []}

    monkeypatch.setattr(type(bot), "ask", nothing)
    stages = list(conversations.ask(ZH, QUESTION, Shown()))
    assert len(stages) == 2
    assert ZH.meaning["not_found"] in shown(stages[-1])[-1][1]
