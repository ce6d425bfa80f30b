"""No article takes all the places, and no echo of the question is an answer to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.answer.echo import echoing
from qa.answer.kinds import expected
from qa.answer.spread import OF_ONE_ARTICLE, PLACES, spread
from qa.articles import Piece
from qa.bot import SEEDS, Bot
from qa.config import Settings
from qa.filters import Filters
from qa.hits import Hit
from qa.store import StoredPassage
from qa.text import fold_text

QUESTION = "景山街道总工会发放了多少个口罩？"


def hit(number: int) -> Hit:
    return Hit(number, 1 / number, number, number, 1.0, 1.0)


def passage(number: int, article: int, text: str) -> StoredPassage:
    return StoredPassage(
        number, article, "a.txt", "题", None, None, None, None, 0, len(text), text, (Piece(0, len(text)),)
    )


def placed(articles: Sequence[int], texts: Sequence[str] = ()) -> list[int]:
    """The numbers, from 1, of passages of those articles in the order of their places."""
    told = texts or [f"第{number}段讲的是第{number * 7}件事，别处没有说过它" for number in range(len(articles))]
    passages = {n: passage(n, article, text) for n, (article, text) in enumerate(zip(articles, told, strict=True), 1)}
    return [each.passage_id for each in spread(QUESTION, [hit(n) for n in passages], passages).hits]


@pytest.mark.parametrize(
    ("articles", "expected_places"),
    [
        ([1, 1, 2, 1, 3, 1], [1, 2, 3, 4, 5, 6]),  # five places with three of one
        ([1, 1, 1, 1, 2, 3], [1, 2, 3, 5, 6, 4]),  # the fourth waits for the next five
        ([1, 1, 1, 1, 1], [1, 2, 3, 4, 5]),  # nobody else to give them to
        ([1, 1, 1, 1, 2], [1, 2, 3, 5, 4]),
        ([1] * 7 + [2, 2], [1, 2, 3, 8, 9, 4, 5, 6, 7]),
    ],
)
def test_places_worked_by_hand(articles: list[int], expected_places: list[int]) -> None:
    assert placed(articles) == expected_places


def test_what_is_repeated_comes_last() -> None:
    once, other = "区里给每个社区都送去了八百个口罩和十瓶酒精", "另一段说的是居民自己做的香囊和手工"
    assert placed([1, 1, 1, 2], [once, once + "。", other, once]) == [1, 3, 4, 2]
    assert placed([1, 1, 2], [QUESTION, other, f"{QUESTION}\n{QUESTION}"]) == [2, 1, 3]


@given(st.lists(st.integers(1, 4), max_size=30))
def test_the_first_places_are_fair_and_all_are_given(articles: list[int]) -> None:
    told = [f"第{number}段讲的是第{number * 7}件事，别处没有说过它" for number in range(len(articles))]
    passages = {n: passage(n, a, text) for n, (a, text) in enumerate(zip(articles, told, strict=True), 1)}
    result = spread(QUESTION, [hit(n) for n in passages], passages)
    assert sorted(each.passage_id for each in result.hits) == list(passages)
    fair = [passages[each.passage_id].article_id for each in result.hits[: result.fair]]
    for start in range(0, len(fair), PLACES):
        assert max(Counter(fair[start : start + PLACES]).values()) <= OF_ONE_ARTICLE
    assert {articles[each.passage_id - 1] for each in result.hits[result.fair :]} <= result.crowding


@pytest.mark.parametrize(
    ("question", "text", "told"),
    [
        (QUESTION, QUESTION, True),
        (QUESTION, f"问：{QUESTION}" * 3, True),
        (QUESTION, f"{QUESTION}记者昨天了解到，一共有八千个，都已发出。", False),
        (QUESTION, "景山街道总工会发放了8000个口罩。", False),
        ("景山街道总工会发放口罩", "景山街道总工会发放口罩", False),  # no question: its like may be what is looked for
        ("How many masks were given?", "How many MASKS were given", True),
    ],
)
def test_an_echo_says_nothing_but_the_question(question: str, text: str, told: bool) -> None:
    assert echoing(expected(question))(fold_text(text)) is told


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    """The sample pages, and beside them a file that repeats one question."""
    folder = tmp_path_factory.mktemp("flood")
    (folder / "flood.txt").write_text(f"热门\n\n{f'{QUESTION}{chr(10)}' * 10_000}", encoding="utf-8")
    bot = Bot.open(Settings(data=tmp_path_factory.mktemp("data")), index_seeds=False)
    bot.index([SEEDS, folder])
    return bot


def test_arti_048_a_file_that_repeats_the_question_wins_nothing(flooded: Bot, seeds_bot: Bot) -> None:
    record, before = flooded.ask(QUESTION), seeds_bot.ask(QUESTION)
    files = Counter(shown["source"]["file"] for shown in record["passages"])
    assert files["flood.txt"] <= OF_ONE_ARTICLE
    assert (record["status"], record["answer"]) == (before["status"], before["answer"])
    assert record["passages"][0]["source"] == before["passages"][0]["source"] | {
        "article_id": record["passages"][0]["source"]["article_id"]
    }
    scores = [shown["score"] for shown in record["passages"]]
    assert scores == sorted(scores, reverse=True)


def test_where_nothing_else_may_be_searched_the_places_are_filled(flooded: Bot) -> None:
    record = flooded.ask(QUESTION, filters=Filters(files=("flood.txt",)))
    assert [shown["source"]["file"] for shown in record["passages"]] == ["flood.txt"] * PLACES
    assert record["status"] == "not_found"


def test_the_first_places_are_the_same_for_every_number(flooded: Bot) -> None:
    whole = [shown["source"] for shown in flooded.ask(QUESTION, top_k=12)["passages"]]
    for k in (1, 3, 5, 8):
        assert [shown["source"] for shown in flooded.ask(QUESTION, top_k=k)["passages"]] == whole[:k]
