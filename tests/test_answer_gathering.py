"""Questions that ask for several things: how they are told from others, and what several passages tell of them."""

from __future__ import annotations

import pytest
from answering import ask

from qa.answer import Record
from qa.answer.kinds import asks_for_several, expected

TEXTS = (
    "南门街道总工会为社区送去口罩五千只，居民连声道谢。",
    "北门街道总工会拿出两万元，为社区送去消毒液三百桶。",
    "西门街道总工会昨日为社区送去手套八百副。",
    "公园里的花都开了，游客比往年多。",
)


def _ask(question: str, texts: tuple[str, ...] = TEXTS, top_k: int | None = None) -> Record:
    return ask(question, texts, top_k)


@pytest.mark.parametrize(
    "question",
    [
        "哪些街道送了口罩？",
        "各街道分别送了什么？",
        "工会都送了些什么？",
        "哪几个社区收到了消毒液？",
        "Which districts sent masks?",
        "What were the gifts?",
        "どんな物が送られましたか？",
    ],
)
def test_some_questions_ask_for_several_things(question: str) -> None:
    assert asks_for_several(expected(question))


@pytest.mark.parametrize(
    "question",
    [
        "谁送了口罩？",
        "送了多少口罩？",
        "各种口罩有多少？",
        "Which union sent masks?",
        "What is the address?",
        "いくつですか？",
    ],
)
def test_others_ask_for_one(question: str) -> None:
    assert not asks_for_several(expected(question))


def test_only_the_follow_up_decides() -> None:
    assert not asks_for_several(expected("哪些街道送了口罩？ 南门街道送了多少？"))


def test_parts_stand_with_their_passages() -> None:
    record = _ask("各街道总工会分别为社区送去了什么？")
    assert record["status"] == "answered"
    parts = {part["rank"]: part for part in record["gathered"]}
    assert len(parts) >= 2
    for passage in record["passages"]:
        if passage["rank"] in parts:
            part = parts[passage["rank"]]
            [place] = part["highlights"]
            assert passage["text"][place["start"] : place["end"]] == part["text"]
    assert not any("公园" in part["text"] for part in record["gathered"])


def test_one_thing_is_not_gathered() -> None:
    assert "gathered" not in _ask("南门街道总工会为社区送去了多少口罩？")


def test_parts_of_passages_that_are_not_shown_are_left_out() -> None:
    record = _ask("各街道总工会分别为社区送去了什么？", top_k=1)
    assert "gathered" not in record
    assert len(record["passages"]) == 1


def test_the_passage_that_answers_comes_first_and_scores_fall() -> None:
    record = _ask("南门街道哪天下了大雨？", ("公园里的花都开了，游客比往年多。", "南门街道三月五日下了一场大雨。"))
    assert record["status"] == "answered"
    first, second = record["passages"]
    assert (first["source"]["file"], second["source"]["file"]) == ("1.txt", "0.txt")
    assert first["why"]["lexical_rank"] == 2
    assert first["score"] >= second["score"] == 1.0


def test_the_answer_is_the_same_however_many_passages_are_shown() -> None:
    texts = ("公园里的花都开了，游客比往年多。", "南门街道三月五日下了一场大雨。", "西门街道总工会送去手套八百副。")
    one, all_ = (_ask("哪天下的雨？", texts, top_k) for top_k in (1, None))
    assert one["answer"] == all_["answer"]
    assert one["passages"] == all_["passages"][:1]


MONEY = "门头沟区总工会代表区委关心职工，目前已经向大峪街道、东辛房街道、清水镇拨付防控专项资金30万元。"


def test_an_enumeration_that_is_asked_for_is_told_whole() -> None:
    assert ask("门头沟区的专项资金拨给了哪些街道和镇？", (MONEY,))["answer"] == "大峪街道、东辛房街道、清水镇"


def test_of_an_enumeration_one_is_told_where_one_is_asked_for() -> None:
    text = "国家机构是政府、公诉机构、法院、国民议会。"
    answer = ask("国家机构分别是政府、公诉机构、法院，还有哪一个机构？", (text,))["answer"]
    assert answer == "国民议会"
