"""An answer is given again, whole and new to whoever gets it, until anything that it is made of changes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_corpora import article, sentence
from tiny_models import static_folder

from qa.answer import Question
from qa.bot import Bot
from qa.config import Settings
from qa.filters import Filters
from qa.remembered import ENTRY_BYTES, Remembered, digest
from qa.retrieve import Retriever
from qa.text import Terms

Record = dict[str, Any]
OWN = ("trace_id", "elapsed_ms")
"""What each answer has of its own."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", model=str(static_folder(tmp_path / "model")))


@pytest.fixture
def bot(settings: Settings, tmp_path: Path) -> Iterator[Bot]:
    (tmp_path / "corpus").mkdir()
    for number in (1, 2, 3):
        (tmp_path / "corpus" / f"{number}.md").write_text(article(number), encoding="utf-8")
    with Bot.open(settings, index_seeds=False) as opened:
        opened.index([tmp_path / "corpus"])
        yield opened


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that were searched for."""
    found: list[str] = []
    real = Retriever.retrieve_many

    def counted(self: Retriever, questions: Any, *given: Any, **named: Any) -> Any:
        found.extend(questions)
        return real(self, questions, *given, **named)

    monkeypatch.setattr(Retriever, "retrieve_many", counted)
    return found


def lasting(record: Record) -> Record:
    return {name: value for name, value in record.items() if name not in OWN}


def files(record: Record) -> set[str]:
    return {passage["source"]["file"] for passage in record["passages"]}


def test_a_question_asked_again_is_searched_once_and_answered_alike(bot: Bot, searches: list[str]) -> None:
    first = bot.ask(sentence(1), id="a")
    again = bot.ask(sentence(1), id="a")
    assert len(searches) == 1
    assert lasting(first) == lasting(again)
    assert first["trace_id"] != again["trace_id"]
    other = bot.ask(sentence(1), id="b")
    assert lasting(other) == lasting(first) | {"id": "b"}


def test_among_others_only_the_new_ones_are_searched(bot: Bot, searches: list[str]) -> None:
    alone = [bot.ask(sentence(number)) for number in (1, 3)]
    searches.clear()
    together = bot.ask_many([Question(sentence(number)) for number in (1, 2, 3)])
    assert searches == [sentence(2)]
    assert [lasting(together[0]), lasting(together[2])] == [lasting(record) for record in alone]
    assert "2.md" in files(together[1])


@pytest.mark.parametrize(
    "other",
    [{"top_k": 1}, {"history": ["渡口在哪里？"]}, {"filters": Filters(files=("1.md",))}],
    ids=lambda other: next(iter(other)),
)
def test_what_is_asked_otherwise_is_another_question(bot: Bot, searches: list[str], other: dict[str, Any]) -> None:
    bot.ask(sentence(1))
    known = len(searches)
    bot.ask(sentence(1), **other)
    assert len(searches) > known


def test_what_somebody_does_with_a_record_is_not_seen_by_the_next(bot: Bot) -> None:
    first = bot.ask(sentence(1))
    wanted = lasting(bot.ask(sentence(1)))
    first["passages"][0]["text"] = "changed"
    first["passages"].clear()
    second = bot.ask(sentence(1))
    assert lasting(second) == wanted
    second["passages"].clear()
    assert lasting(bot.ask(sentence(1))) == wanted


def added(bot: Bot, corpus: Path) -> None:
    (corpus / "4.md").write_text(article(1).replace("。", "，又一次。", 1), encoding="utf-8")
    bot.index([corpus])


def changed(bot: Bot, corpus: Path) -> None:
    (corpus / "1.md").write_text(article(1, version=7), encoding="utf-8")
    bot.index([corpus])


def deleted_elsewhere(bot: Bot, _: Path) -> None:
    with Bot.open(bot.settings, index_seeds=False) as other:
        other.withdraw(files=["1.md"])


@pytest.mark.parametrize("change", [added, changed, deleted_elsewhere])
def test_a_change_is_seen_at_the_next_question(bot: Bot, tmp_path: Path, change: Callable[[Bot, Path], None]) -> None:
    before = bot.ask(sentence(1))
    change(bot, tmp_path / "corpus")
    after = bot.ask(sentence(1))
    with Bot.open(bot.settings, index_seeds=False) as fresh:
        assert lasting(after) == lasting(fresh.ask(sentence(1)))
    assert lasting(after) != lasting(before)


def test_what_was_committed_while_an_answer_was_made_is_in_the_next_one(
    bot: Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that was made of the corpus before and after a change is nobody else's."""
    real = Bot._made_here

    def meanwhile(self: Bot, *given: Any) -> Any:
        made = real(self, *given)
        monkeypatch.undo()
        changed(bot, tmp_path / "corpus")
        return made

    monkeypatch.setattr(Bot, "_made_here", meanwhile)
    before = bot.ask(sentence(1))
    after = bot.ask(sentence(1))
    with Bot.open(bot.settings, index_seeds=False) as fresh:
        assert lasting(after) == lasting(fresh.ask(sentence(1)))
    assert lasting(after) != lasting(before)


def test_the_owners_words_of_now_are_those_of_the_next_answer(bot: Bot, tmp_path: Path) -> None:
    """The articles stand still: terms alone make another state."""
    question = "第1街道登记了几名义工？"
    before = bot.ask(question)
    synonyms = tmp_path / "synonyms.txt"
    synonyms.write_text("义工 志愿者\n", encoding="utf-8")
    bot.use_terms(Terms(None, synonyms))
    after = bot.ask(question)
    assert "志愿者" in after["passages"][0]["why"]["terms"]
    assert "志愿者" not in before["passages"][0]["why"]["terms"]


def test_a_long_conversation_takes_no_more_room_than_a_short_one(bot: Bot) -> None:
    bot.ask(sentence(1), history=["😀" * 2000] * 50)
    assert all(len(key) == 16 for key in bot._remembered._texts)
    assert digest("a", ("b",)) != digest("a", ("b", "")) != digest("ab", ())


def test_an_id_that_is_no_unicode_comes_back(bot: Bot) -> None:
    assert bot.ask(sentence(1), id="\ud800")["id"] == "\ud800"
    assert bot.ask(sentence(1), id="\udfff")["id"] == "\udfff"


def test_without_room_nothing_is_remembered(settings: Settings, tmp_path: Path, searches: list[str]) -> None:
    (tmp_path / "1.md").write_text(article(1), encoding="utf-8")
    with Bot.open(replace(settings, remembered_mb=0), index_seeds=False) as bot:
        bot.index([tmp_path / "1.md"])
        assert lasting(bot.ask(sentence(1))) == lasting(bot.ask(sentence(1)))
    assert len(searches) == 2


KEYS = [bytes([number]) for number in range(6)]


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.text(max_size=30)), max_size=40), st.integers(0, 900))
def test_it_keeps_to_its_size_and_what_was_asked_last(steps: list[tuple[bytes, str]], most: int) -> None:
    """Against a list of everything, the last first, cut where it gets too long."""
    remembered, state = Remembered(most), object()
    model: dict[bytes, str] = {}
    for asked, text in steps:
        remembered.put(state, asked, {"text": text})
        model.pop(asked, None)
        model[asked] = text
        room = most
        kept = set()
        for key in reversed(model):
            room -= ENTRY_BYTES + len(json.dumps({"text": model[key]}, ensure_ascii=False).encode())
            if room < 0:
                break
            kept.add(key)
        model = {key: value for key, value in model.items() if key in kept}
        for key in KEYS:
            if key not in model:
                assert remembered.get(state, key) is None
    for key, text in list(model.items()):
        assert remembered.get(state, key) == {"text": text}
        assert remembered.get(object(), key) is None


def test_many_threads_at_once_get_what_is_theirs() -> None:
    remembered, state = Remembered(20 * ENTRY_BYTES), object()
    wrong: list[Any] = []

    def work(number: int) -> None:
        for turn in range(300):
            told = (number + turn) % 40
            found = remembered.get(state, bytes([told]))
            if found not in (None, {"told": told}):
                wrong.append(found)
            remembered.put(state, bytes([told]), {"told": told})

    threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
