"""What is typed as to a search engine is asked in full; written down by hand."""

from __future__ import annotations

import pytest

from qa.answer.asking import in_full
from qa.answer.kinds import expected


@pytest.mark.parametrize(
    ("typed", "full", "kind"),
    [
        ("运动会的开幕时间", "运动会的开幕时间是什么时候？", "date"),
        ("運動會的開幕時間？", "運動會的開幕時間是什么时候？", "date"),
        ("图书馆的开放时间是？", "图书馆的开放时间是什么时候？", "date"),
        ("大桥工期", "大桥工期是多久？", "number"),
        ("2021年出生人数", "2021年出生人数是多少？", "number"),
        ("全市汽车保有量：", "全市汽车保有量是多少？", "number"),
        ("春节档总票房", "春节档总票房是多少？", "number"),
        ("读书会的举办地", "读书会的举办地是哪里？", "place"),
        ("《红楼梦》的作者", "《红楼梦》的作者是谁？", "person"),
        ("男子单打冠军", "男子单打冠军是谁？", "person"),
        ("道路封闭的原因", "道路封闭的原因是什么？", "why"),
        ("运动会的口号", "运动会的口号是什么？", "what"),
        ("球队最终排名", "球队最终排名是第几？", "number"),
        ("読書会の場所", "読書会の場所はどこですか？", "place"),
        ("市民ホールの面積", "市民ホールの面積はいくつですか？", "number"),
    ],
)
def test_the_noun_at_the_end_says_what_is_wanted(typed: str, full: str, kind: str) -> None:
    assert in_full(typed) == full
    assert expected(full).kind == kind


@pytest.mark.parametrize(
    "question",
    [
        "读书会在什么地方举办？",  # asks by its words
        "参加的有多少人，人数",
        "是不是公布了名单和时间",
        "时间",  # a noun alone is looked up
        "的时间",
        "口罩",
        "防疫物资质量",  # ends like 数量, but counts nothing
        "总工会的活动",
        "全区居民消费",
        "Zeit und Ort",
        "date of the meeting",
        "",
        "？？",
        " ",
    ],
)
def test_others_are_left_as_they_are(question: str) -> None:
    assert in_full(question) == question


def test_of_a_follow_up_the_last_question_is_asked_in_full() -> None:
    assert in_full("读书会在哪里举办？ 那时间呢") == "读书会在哪里举办？ 那时间是什么时候？"
    assert in_full("读书会时间？ 在哪里？") == "读书会时间？ 在哪里？"


@pytest.mark.parametrize("typed", ["读书会的时间", "参加人数", "作者是谁", "口罩 数量"])
def test_what_is_asked_in_full_stays_so(typed: str) -> None:
    assert in_full(in_full(typed)) == in_full(typed)
