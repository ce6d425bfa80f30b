"""A sentence about another of the same kind is no answer where the one that was asked about is told of."""

from __future__ import annotations

import pytest

from qa.answer.candidates import block
from qa.answer.kinds import expected
from qa.answer.rivals import rivals
from qa.bot import Bot

TEXT = "朝阳区总工会拨专款500万元。东城区总工会拨款175万元。朝阳区、东城区总工会都来了。总工会发了口罩。朝阳区下了雪。"


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("东城区总工会拨了多少专款？", [True, False, False, False, False]),
        ("朝阳区总工会拨了多少专款？", [False, True, False, False, False]),
        ("西城区总工会拨了多少专款？", [True, True, True, False, False]),
        ("總工會撥了多少專款？", [False] * 5),
        ("东城区有多少专款？", [False] * 5),
        ("How much did the union give?", [False] * 5),
    ],
)
def test_a_rival_is_a_name_of_the_same_sort_before_the_same_word(question: str, told: list[bool]) -> None:
    assert rivals(expected(question), block(TEXT)).tolist() == told


def test_only_the_question_that_is_to_be_answered_names_what_is_asked_about() -> None:
    follow_up = "朝阳区总工会拨了多少专款？ 东城区总工会拨了多少？"
    assert rivals(expected(follow_up), block(TEXT)).tolist() == [True, False, False, False, False]


def test_anothers_figure_is_not_given(seeds_bot: Bot) -> None:
    answer = seeds_bot.ask("东城区总工会拨了多少防疫专款？")["answer"]
    assert "175万元" in answer
    assert "朝阳区" not in answer
