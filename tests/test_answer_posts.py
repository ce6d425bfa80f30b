"""Who somebody is, by the posts that stand before the name."""

from __future__ import annotations

import pytest

from qa.answer.candidates import block
from qa.answer.posts import Somebody, asked_about, post
from qa.bot import Bot


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("许汇是谁？", "许汇"),
        ("許匯是誰？", "许汇"),
        ("谁是许汇？", "许汇"),
        ("王敏是做什么的？", "王敏"),
        ("许汇担任什么职务？", "许汇"),
        ("许汇同志是谁？", "许汇"),
        ("許匯氏は誰ですか", "许汇"),
        ("赵茂杰同志是什么人？", "赵茂杰"),
        ("许汇在东城区人大担任什么职务？", "许汇"),
        ("水壶是谁买的？ 王敏是谁？", "王敏"),
        ("許匯さんは誰ですか？", "许汇"),
    ],
)
def test_a_question_about_somebody(question: str, name: str) -> None:
    assert asked_about(question) == Somebody(name)


@pytest.mark.parametrize(
    "question", ["Who is Xu Hui?", "who was Mr. Xu Hui", "What was it? Who is Xu Hui?", "Who is Xuhui?"]
)
def test_a_name_in_latin_letters_is_anyone_who_is_spelt_so(question: str) -> None:
    somebody = asked_about(question)
    assert somebody is not None
    assert list(somebody.names(block("徐辉、许汇和许慧来了，徐汇区下雨，许汇走了。许会计没来。"))) == [
        "徐辉",
        "许汇",
        "许慧",
        "徐汇",
        "许会",
    ]


@pytest.mark.parametrize(
    "question",
    [
        "总工会主席是谁？",
        "谁是负责人？",
        "买水壶的人是谁？",
        "许汇是谁的老师？",
        "谁是许汇的老师？",
        "许汇去了哪里？",
        "口罩是什么？",
        "Who is it?",
        "Who is the chairman?",
        "Who is Robert Smith?",
    ],
)
def test_a_question_about_something_else(question: str) -> None:
    assert asked_about(question) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2月18日下午，区人大常委会副主任、区总工会主席许汇前往社区。", "区人大常委会副主任、区总工会主席"),
        ("东城区人大常委会副主任，区总工会主席许汇深入一线。", "东城区人大常委会副主任,区总工会主席"),
        ("在社区，工会干部许汇来了。区总工会主席许汇说。", "区总工会主席"),
        ("全国五一劳动奖章获得者许汇带领大家。", "全国五一劳动奖章获得者"),
        ("许汇说，社区很好。", None),
        ("昨天许汇来了。", None),
        ("提高女职工许汇素质。", None),
        ("职工许汇来了。", None),
        ("主席许汇东来了。", None),
        ("社会工作者许汇来了。", "社会工作者"),
        ("本报讯（记者 许汇）公司获悉。", None),
        ("党委书记许汇对区里说。", "党委书记"),
        ("社区许汇来了。", None),
        ("大家感谢主席。许汇来了。", None),
    ],
)
def test_the_longest_run_of_nouns_that_ends_with_a_post(text: str, told: str | None) -> None:
    whole = block(text)
    span = post(whole, "许汇")
    assert (whole.layout.folded[slice(*span)] if span else None) == told


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("谁是赵茂杰？", "东城区总工会党组书记、常务副主席"),
        ("王建辉是谁？", "区卫健委党委书记、主任"),
        ("Who is Zhao Maojie?", "东城区总工会党组书记、常务副主席"),
    ],
)
def test_it_is_answered_with_the_sentence_marked(seeds_bot: Bot, question: str, answer: str) -> None:
    record = seeds_bot.ask(question)
    first = record["passages"][0]
    assert (record["status"], record["answer"]) == ("answered", answer)
    [mark] = first["marks"]
    assert answer in first["text"][mark["start"] : mark["end"]]
    assert first["answer_span"]["end"] - first["answer_span"]["start"] == len(answer)


def test_of_somebody_of_whom_no_post_is_told_another_text_is_given(seeds_bot: Bot) -> None:
    assert seeds_bot.ask("李明是谁？")["answer"] is None
