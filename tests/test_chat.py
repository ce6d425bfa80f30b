"""Follow-ups: which questions lean on an earlier one, and what is searched for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.chat import complete, depends, emphasised

GOLD = Path(__file__).parents[1].parent / "shared" / "gold" / "dev.jsonl"

# The market, the river and the library are in no article: rules must hold for any subject.
SUBSTITUTED = [
    ("那南门市场呢？", "北门市场每天卖出多少斤白菜？", "南门市场每天卖出多少斤白菜？"),
    ("南门市场呢", "北门市场每天卖出多少斤白菜？", "南门市场每天卖出多少斤白菜？"),
    ("那北门市场呢？", "南门市场每天卖出多少斤白菜？", "北门市场每天卖出多少斤白菜？"),
    ("那么海淀区呢？", "2019年西城区新建了几座图书馆？", "2019年海淀区新建了几座图书馆？"),
    ("2021年呢？", "2019年西城区新建了几座图书馆？", "2021年西城区新建了几座图书馆？"),
    ("那3月5日呢？", "王小明2月18日去了哪个村？", "王小明3月5日去了哪个村？"),
    ("那李建国呢？", "王小明2月18日去了哪个村？", "李建国2月18日去了哪个村？"),
    ("那海淀區呢？", "西城區新建了幾座圖書館？", "海淀區新建了幾座圖書館？"),
    ("那上海呢？", "北京有多少座图书馆？", "上海有多少座图书馆？"),
    ("What about the South Market?", "When does the North Market open?", "When does the South Market open?"),
    ("And in 2021?", "How many libraries opened in 2019?", "How many libraries opened in 2021?"),
    ("How about Shanghai?", "How many libraries does Beijing have?", "How many libraries does Shanghai have?"),
    ("では南門市場は？", "北門市場では白菜がいくつ売れますか？", "南門市場では白菜がいくつ売れますか？"),
]  # fmt: skip

LEANING = [
    ("它有多长？", "长江大桥是哪年修建的？"),
    ("他们后来去了哪里？", "谁修了长江大桥？"),
    ("其中多少是白菜？", "北门市场每天卖出多少斤蔬菜？"),
    ("這些書後來送給誰了？", "圖書館捐了什麼？"),
    ("那裡有多少人？", "王小明去了哪個村？"),
    ("什么时候开始的？", "北门市场的改造由谁负责？"),
    ("为什么？", "北门市场为什么关门？"),
    ("还有呢？", "北门市场卖什么菜？"),
    ("多少钱？", "北门市场的白菜怎么卖？"),
    ("送给了谁？", "图书馆捐了多少本书？"),
    ("另外捐了几台电脑？", "图书馆捐了多少本书？"),
    ("具体有哪些人？", "修桥的工人受了表彰吗？"),
    ("该市场什么时候关门？", "北门市场每天卖出多少斤白菜？"),
    ("请问它在哪里？", "北门市场每天卖出多少斤白菜？"),
    ("那白菜呢？", "北门市场每天卖出多少斤萝卜？"),
    ("How long is it?", "When was the Yangtze bridge built?"),
    ("Who built them?", "How many bridges does the river have?"),
    ("And who paid for the books?", "How many books did the library buy?"),
    ("Why?", "When did the North Market close?"),
    ("What did they do there?", "How many engineers went to Wuhan?"),
    ("Who was hurt in that accident?", "When did the bridge collapse?"),
    ("それは何メートルですか？", "長江大橋はいつ建てられましたか？"),
    ("そのうち白菜はいくつですか？", "北門市場では野菜がいくつ売れますか？"),
    ("彼らはどこへ行きましたか？", "誰が橋を建てましたか？"),
    ("いつ始まりましたか？", "北門市場の改築は誰がしますか？"),
]

ALONE = [
    "北门市场每天卖出多少斤白菜？",
    "王小明是谁？",
    "白菜",
    "那曲的海拔是多少？",
    "土耳其的首都在哪里？",
    "桥头那边的市场几点关门？",
    "图书馆的那位馆长叫什么？",
    "上海当时一共有多少座图书馆？",
    "图书馆为什么有那么多书？",
    "王小明到上海以后，他做了什么？",
    "图书馆买的书，其中多少是小说？",
    "怎样办理借书证？",
    "這次疫情期間，圖書館開放了幾天？",
    "有多少个市场参加了评选？",
    "图书馆及其分馆有多少本书？",
    "asdkjh qwe",
    "?",
    "How many libraries are there in Beijing?",
    "When did Einstein publish his first paper?",
    "Which library that opened in 2019 is the largest?",
    "When the market closed, where did it move?",
    "Is there a bridge in Wuhan?",
    "Wie viele Bücher hat die Bibliothek?",
    "北門市場では白菜がいくつ売れますか？",
    "各図書館はそれぞれ何冊を買いましたか？",
    "どこの市場がいちばん大きいですか？",
    "図書館とその分館には本が何冊ありますか？",
]


@pytest.mark.parametrize(("question", "earlier", "searched"), SUBSTITUTED)
def test_a_new_topic_takes_the_place_of_the_old_one(question: str, earlier: str, searched: str) -> None:
    assert complete(question, [earlier]) == searched


@pytest.mark.parametrize(("question", "earlier"), LEANING)
def test_a_dependent_question_is_searched_with_the_one_before(question: str, earlier: str) -> None:
    assert complete(question, [earlier]) == f"{earlier} {question}"


@pytest.mark.parametrize("question", ALONE)
def test_an_independent_question_is_left_alone(question: str) -> None:
    assert not depends(question)
    assert complete(question, ["许汇2月18日去慰问了谁？"]) == question


@pytest.mark.parametrize("question", [case[0] for case in SUBSTITUTED + LEANING])
def test_without_history_the_question_is_searched_as_it_is(question: str) -> None:
    assert complete(question, []) == question
    assert complete(question, ["", " \u3000"]) == question


def test_a_chain_leads_back_to_the_question_that_named_the_subject() -> None:
    history = ["北门市场每天卖出多少斤白菜？", "那南门市场呢？"]
    assert complete("它在哪里？", history) == "南门市场每天卖出多少斤白菜？ 它在哪里？"


def test_the_words_of_a_joined_follow_up_count_twice_and_those_of_others_once() -> None:
    joined = complete("它有多长？", ["谁修了大桥？"])
    assert emphasised("它有多长？", joined) == "谁修了大桥？ 它有多长？ 它有多长？"
    substituted = complete("那上海呢？", ["北京有多少座图书馆？"])
    assert emphasised("那上海呢？", substituted) == "上海有多少座图书馆？"
    assert emphasised("王小明是谁？", "王小明是谁？") == "王小明是谁？"


def test_a_new_subject_ends_the_chain() -> None:
    history = ["北门市场每天卖出多少斤白菜？", "王小明是谁？"]
    assert complete("他住在哪里？", history) == "王小明是谁？ 他住在哪里？"


def test_gold_follow_ups_keep_the_earlier_subject_and_all_other_questions_stand_alone() -> None:
    if not GOLD.exists():
        pytest.skip(f"{GOLD} isn't there")
    rows = [json.loads(line) for line in GOLD.read_text(encoding="utf-8").splitlines()]
    follow_ups = [row for row in rows if row["type"] == "followup"]
    assert len(follow_ups) == 8
    assert [row["id"] for row in follow_ups if not depends(row["question"])] == []
    others = [row["id"] for row in rows if row["type"] != "followup" and depends(row["question"])]
    assert others == []


@given(st.text(max_size=80), st.lists(st.text(max_size=40), max_size=4))
def test_any_text_is_completed_without_loss(question: str, history: list[str]) -> None:
    searched = complete(question, history)
    if not any(turn.strip() for turn in history):
        assert searched == question
    assert searched == question or depends(question) or not question


@pytest.mark.parametrize(
    "text", ["(" * 20_000, "the " * 5_000, "の" * 20_000, "那" * 20_000, "它，" * 5_000, "12" * 9_000]
)
def test_long_hostile_text_ends_within_the_test_time_limit(text: str) -> None:
    assert complete(text, [text, text]).endswith(text)


def test_a_question_that_tells_a_story_first_has_its_last_clause_emphasised() -> None:
    story = (
        "我住在河边好多年了，前几天看到有人在桥头修路，听说还要装路灯，晚上散步会方便不少，所以想问，路灯什么时候装好？"
    )
    assert emphasised(story, story) == f"{story} 路灯什么时候装好"


def test_a_plain_question_is_given_as_it_is() -> None:
    for question in ("路灯什么时候装好？", "桥、路、灯，哪个先修好，哪个后修好？"):
        assert emphasised(question, question) == question
