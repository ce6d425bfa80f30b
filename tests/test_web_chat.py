"""The conversation behind the chat page, without a browser."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import pytest
from web_fixtures import Page, bot

from qa.bot import Bot
from qa.web.chat_page import KEPT_TURNS, Chat, Talk
from qa.web.words import EN, ZH

QUESTION = "景山街道总工会三八节发了多少口罩？"


def shown(talk: Talk) -> list[tuple[str, str]]:
    return [(message["role"], Page(message["content"]).text) for message in talk.messages]


def test_a_question_appears_with_what_is_done_and_then_with_its_answer(bot: Bot) -> None:
    first, last = Chat(bot).ask(ZH, QUESTION, Talk())
    passages = bot.store.counts()["passages"]
    assert shown(first) == [("user", QUESTION), ("assistant", f"正在 {passages} 段文字中查找…")]
    assert first.questions == ()
    (user, asked), (assistant, answer) = shown(last)
    assert (user, asked, assistant) == ("user", QUESTION, "assistant")
    assert "口罩8000个" in "".join(Page(last.messages[1]["content"]).marks)
    assert last.questions == (QUESTION,)
    assert f"查找了 {passages} 段" in answer


def test_a_follow_up_is_completed_from_the_conversation(bot: Bot) -> None:
    *_, talk = Chat(bot).ask(ZH, QUESTION, Talk())
    *_, talk = Chat(bot).ask(ZH, "那朝阳门街道呢？", talk)
    searched_as = bot.ask("那朝阳门街道呢？", history=[QUESTION])["searched_as"]
    assert searched_as != "那朝阳门街道呢？"
    assert searched_as in shown(talk)[-1][1]
    assert talk.questions == (QUESTION, "那朝阳门街道呢？")


@pytest.mark.parametrize(("question", "code"), [("", "QUESTION_EMPTY"), ("口" * 3000, "QUESTION_TOO_LONG")])
def test_what_can_not_be_asked_is_said_in_words_and_forgotten(bot: Bot, question: str, code: str) -> None:
    *_, talk = Chat(bot).ask(EN, question, Talk())
    assert shown(talk)[-1] == ("assistant", EN.errors[code])
    assert talk.questions == ()


def test_an_unforeseen_failure_is_said_and_logged(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret path")

    monkeypatch.setattr(type(bot), "ask", fail)
    *_, talk = Chat(bot).ask(EN, QUESTION, Talk())
    assert shown(talk)[-1] == ("assistant", EN.failed)
    assert "a secret path" in caplog.text


def test_a_long_conversation_keeps_its_last_turns() -> None:
    talk = Talk()
    for number in range(KEPT_TURNS + 3):
        talk = talk.with_message("user", f"{number}").with_message("assistant", "").with_question(f"{number}")
    assert len(talk.messages) == 2 * KEPT_TURNS
    assert len(talk.questions) == KEPT_TURNS
    assert talk.messages[0]["content"] == talk.questions[0] == "3"


def test_the_examples_are_made_of_the_corpus_and_answered_by_it(bot: Bot) -> None:
    _, examples = Chat(bot).overview()
    assert len(examples) == len(set(examples)) == 4
    for question in examples:
        first = bot.ask(question)["passages"][0]
        before, _, after = question.removesuffix("？").partition("多少")
        assert before in first["text"].replace(" ", "")
        assert after[-4:] in first["text"]
