"""What sort of answer a question wants, by a file of questions with the kinds that readers gave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from qa.answer.kinds import KINDS, counted, expected

CASES = [
    line.split("\t")
    for line in (Path(__file__).parent / "answers" / "kinds.tsv").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_the_file_has_questions_of_every_kind() -> None:
    assert {kind for kind, _, _ in CASES} == set(KINDS)


@pytest.mark.parametrize(("kind", "focus", "question"), CASES, ids=[case[2] for case in CASES])
def test_a_question_wants_what_a_reader_says(kind: str, focus: str, question: str) -> None:
    found = expected(question)
    assert (found.kind, found.focus) == (kind, focus)


@pytest.mark.parametrize(
    ("question", "units"),
    [
        ("一共花了多少钱？", "元"),
        ("他今年多大年纪？", "岁"),
        ("去了几位志愿者？", "位"),
        ("這條路有多長？", "米里年月天时分"),
    ],
)
def test_a_figure_is_asked_for_with_its_measure_word(question: str, units: str) -> None:
    assert expected(question).units == units


@pytest.mark.parametrize(
    ("question", "told", "not_told"),
    [
        ("How many people came?", "人", "元"),
        ("How many full-time union social workers were sent?", "人", "元"),
        ("How old was the driver?", "岁", "元"),
        ("How much did the renovation cost?", "元", "人"),
        ("How many days did the volunteers work?", "天", "人"),
        ("How many percent of the companies opened?", "%", "家"),
        ("How many of the workers came?", "人", "元"),
        ("How much consolation money did the union give?", "元", "人"),
        ("In how many hours was it done?", "时", "天"),
        ("What percentage of firms opened?", "%", "家"),
        ("How many square kilometers is the park?", "平", "元"),
    ],
)
def test_an_english_question_asks_for_the_measure_word_of_what_it_counts(
    question: str, told: str, not_told: str
) -> None:
    units = expected(question).units
    assert told in units
    assert not_told not in units


@pytest.mark.parametrize(
    "question",
    [
        "How many of the same sort were there?",
        "How many provinces did they visit?",
        "How many masks did the workers get?",
        "How many books were given to children?",
        "How many women's groups came?",
        "How long did it take?",
        "Who came?",
    ],
)
def test_an_english_question_that_counts_nothing_known_asks_for_no_measure_word(question: str) -> None:
    assert expected(question).units == ""


def test_what_stands_beside_the_gap_is_its_clause() -> None:
    found = expected("去年，小区的围墙由谁出资修好，花了很久？")
    assert (found.before, found.after) == ("小区的围墙由", "出资修好")


def test_words_that_only_look_like_questions_do_not_decide() -> None:
    assert expected("这种算法被称为什么？").kind == "what"
    assert expected("What did she read when he was ill?").kind == "what"
    assert expected("The man who left: where is he?").kind == "person"  # the first one counts


@pytest.mark.parametrize("question", ["", "？", "口罩 8000", "😀", "\n"])
def test_anything_has_a_kind(question: str) -> None:
    assert expected(question).kind == "what"


@pytest.mark.parametrize(
    ("question", "noun"),
    [
        ("景山街道总工会发了多少口罩？", "口罩"),
        ("发了几箱苹果？", "苹果"),
        ("有多少个居民参加？", "居民"),
        ("拨了多少专款？", ""),  # money is told by its measure alone
        ("花费多少时间？", ""),
        ("占多少比例？", ""),
        ("一共多少？", ""),
        ("谁发了口罩？", ""),
        ("How many masks?", ""),
    ],
)
def test_what_is_counted(question: str, noun: str) -> None:
    assert counted(expected(question)) == noun
