"""Who does something is not whom it is done for, and may stand a sentence before."""

from __future__ import annotations

import numpy as np
import pytest

from qa.answer.candidates import block
from qa.answer.kinds import expected
from qa.answer.roles import (
    asks_doer,
    asks_recipient,
    bare_name,
    done_for,
    fits,
    heading_name,
    is_left_out,
    received,
    subjects,
)
from qa.bot import Bot


@pytest.mark.parametrize(
    "question",
    [
        "谁发了8000个口罩？",
        "8000个口罩是谁发的？",
        "谁为职工发放了口罩？",
        "哪个街道为女职工发放口罩？",
        "哪个街道发了8000个口罩？",
        "哪個街道發了8000個口罩？",
        "2月2日哪个街道给一线的职工送了慰问品？",
        "这项建议是由哪个机构提出来的？",
        "Who handed out 8000 masks?",
    ],
)
def test_a_question_for_the_doer(question: str) -> None:
    assert asks_doer(expected(question))


@pytest.mark.parametrize(
    "question",
    [
        "口罩发给了谁？",
        "物资是帮谁联系的？",
        "总工会慰问了哪些人？",
        "总工会的主席是谁？",
        "谁是总工会的主席？",
        "谁为冠军？",
        "哪座山为世界最高峰？",
        "他把谁选为主席？",
        "李白和谁合称李杜？",
        "哪一地区较为盛行南戏？",
        "干部在哪个小区值守？",
        "发了多少口罩？",
        "Who is the chairman?",
        "Who did they send masks to?",
    ],
)
def test_a_question_for_something_else(question: str) -> None:
    assert not asks_doer(expected(question))


@pytest.mark.parametrize(
    "question",
    [
        "口罩发给了谁？",
        "這些口罩是給誰的？",
        "物资是帮谁联系的？",
        "为谁发放口罩？",
        "总工会向哪些单位捐了款？",
        "这笔钱给了哪家医院？",
        "水壶送到了谁手里？",
        "Who received the boxes?",
        "To whom were the masks sent?",
        "口罩は誰に配られましたか？",
        "水壶送到了哪位职工手里？",
        "谁收到了口罩？",
        "哪些单位收到了捐款？",
        "Who got the boxes?",
        "Who were the masks given to?",
    ],
)
def test_a_question_for_those_whom_something_is_done_for(question: str) -> None:
    assert asks_recipient(expected(question))
    assert not asks_doer(expected(question))


@pytest.mark.parametrize(
    "question",
    [
        "谁给职工发了口罩？",
        "总工会为什么给职工发口罩？",
        "给职工发了多少口罩？",
        "口罩什么时候发到职工手里？",
        "因为谁陷入谷底？",
        "谁被误以为是羽蛇神？",
        "慰问品送到了哪里？",
        "Who sent the boxes?",
        "院长为谁？",
        "负责人为哪位？",
        "首都为哪个？",
        "被命名为什么？",
        "小王从谁手里接过奖杯？",
        "为什么手上会起泡？",
        "誰によって建てられましたか？",
        "Who got married?",
        "Who wrote to the mayor?",
    ],
)
def test_a_question_for_no_recipient(question: str) -> None:
    assert not asks_recipient(expected(question))


GIVEN = "民进将水壶捐赠给区总工会。总工会及时送到在一线的职工手中。街道为女职工发放口罩，送给医院三百只，把酒精运走。"


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("水壶捐给了谁？", ["区总工会", "在一线的职工", "女职工", "医院"]),
        ("水壶到了谁手里？", ["在一线的职工"]),
    ],
)
def test_recipients_stand_between_a_mark_and_the_verb_or_behind_the_giving(question: str, told: list[str]) -> None:
    whole = block(GIVEN)
    words = ["民进", "水壶", "区总工会", "在一线的职工", "街道", "女职工", "口罩", "医院", "三百只", "酒精"]
    places = [whole.layout.folded.index(word) for word in words]
    spans = np.array([(at, at + len(word)) for at, word in zip(places, words, strict=True)], dtype=np.int32)
    found = received(expected(question), whole, spans)
    assert [word for word, is_told in zip(words, found, strict=True) if is_told] == told


TEXT = "3月8日不平凡。景山街道总工会积极配合。在节日期间，为企业女职工和职工发放口罩8000个。公司向医院、学校捐了款。"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("企业女职工", True),
        ("职工", True),
        ("为企业女职工和职工", True),
        ("职工发放", True),
        ("口罩8000个", False),
        ("节日期间", False),
        ("为企业女职工和职工发放口罩8000个", False),
        ("学校", True),
        ("公司", False),
        ("公司向医院、学校捐了款", False),
    ],
)
def test_what_stands_between_such_a_word_and_the_verb_is_done_for(words: str, found: bool) -> None:
    whole = block(TEXT)
    start = whole.layout.folded.rindex(words.replace("，", ","))
    assert done_for(whole, np.array([[start, start + len(words)]], dtype=np.int32)).tolist() == [found]


def test_subjects_are_names_that_a_clause_begins_with() -> None:
    whole = block(TEXT)
    told = [(whole.layout.folded[each.start : each.end], each.sentence) for each in subjects(whole)]
    assert told == [("景山街道总工会", 1), ("公司", 3)]


def test_a_doer_is_left_out_where_no_name_stands_but_those_it_is_done_for() -> None:
    whole = block(TEXT)
    assert [is_left_out(whole, number) for number in range(4)] == [True, False, True, False]


@pytest.mark.parametrize(
    ("question", "name", "fitting"),
    [
        ("哪个街道发了口罩？", "景山街道总工会", True),
        ("哪个街道发了口罩？", "市总工会", False),
        ("哪种邮票从未出现过？", "李明", False),
        ("谁发了口罩？", "市总工会", True),
        ("哪家公司发了口罩？", "北汽集团", True),
    ],
)
def test_a_name_fits_what_is_asked_for(question: str, name: str, fitting: bool) -> None:
    assert fits(expected(question), name) is fitting


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("王芳说", "王芳"),
        ("韦弗尔指出", "韦弗尔"),
        ("街道办事处与国安公司共同", "街道办事处与国安公司"),
        ("中国移动", "中国移动"),
        ("罗伯特·李", "罗伯特·李"),
        ("小说", "小说"),
        ("说", "说"),
    ],
)
def test_a_name_ends_before_the_words_that_tell_what_is_done(words: str, name: str) -> None:
    whole = block(f"昨天{words},送餐服务将增加。")
    start = whole.layout.folded.index(words)
    start, end = bare_name(whole, start, start + len(words))
    assert whole.layout.folded[start:end] == name


@pytest.mark.parametrize(
    ("headings", "name"),
    [
        ("助力企业复工复产 › 景山街道总工会", "景山街道总工会"),
        ("景山街道总工会", "景山街道总工会"),
        ("景山街道总工会 › 助力企业复工复产", None),
        ("", None),
    ],
)
def test_a_heading_may_be_a_name(headings: str, name: str | None) -> None:
    whole = block(headings)
    found = heading_name(whole)
    assert (whole.layout.folded[slice(*found)] if found else None) == name


@pytest.mark.parametrize(
    "question", ["谁发了8000个口罩？", "8000个口罩是谁发的？", "哪個街道發了8000個口罩？", "Who handed out 8000 masks?"]
)
def test_the_doer_that_its_sentence_leaves_out_is_told(seeds_bot: Bot, question: str) -> None:
    record = seeds_bot.ask(question)
    first = record["passages"][0]
    assert (record["status"], record["answer"]) == ("answered", "景山街道总工会")
    assert "8000" in first["text"]
    [mark] = first["marks"]
    assert "发放防疫口罩8000个" in first["text"][mark["start"] : mark["end"]]


def test_into_whose_hands_something_came_is_told(seeds_bot: Bot) -> None:
    record = seeds_bot.ask("这些水壶最后送到了谁手里？", history=["谁买了30个保温水壶捐给怀柔？"])
    assert "北房镇疫情防控一线的职工" in record["answer"]
