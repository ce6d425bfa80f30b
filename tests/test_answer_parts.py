"""Questions in parts, written down by hand; and what several records become together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_corpora import write

from qa.answer import Question
from qa.answer.joining import joined
from qa.answer.parts import in_parts
from qa.bot import Bot
from qa.chat import complete
from qa.config import Settings


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("图书馆的地址和电话是多少？", ["图书馆的地址是哪里？", "图书馆的电话是多少？"]),
        ("运动会的时间、地点和主持人", ["运动会的时间是什么时候？", "运动会的地点是哪里？", "运动会的主持人是谁？"]),
        ("《春天》的導演及主演是誰？", ["《春天》的導演是谁？", "《春天》的主演是谁？"]),
        ("大桥开工时间与造价", ["大桥开工时间是什么时候？", "大桥开工造价是多少？"]),
        ("2021年和2022年全市粮食产量", ["2021年全市粮食产量是多少？", "2022年全市粮食产量是多少？"]),
        ("2021、2022和2023年的粮食产量", [f"{year}年的粮食产量是多少？" for year in (2021, 2022, 2023)]),
        ("上海和北京的人口分别是多少？", ["上海的人口是多少？", "北京的人口是多少？"]),
        ("男单和女单冠军分别是谁？", ["男单冠军是谁？", "女单冠军是谁？"]),
        ("最佳男主角和最佳女主角分别是谁？", ["最佳男主角是谁？", "最佳女主角是谁？"]),
        ("《春天》和《秋天》的作者", ["《春天》的作者是谁？", "《秋天》的作者是谁？"]),
        ("圖書館的地址與電話", ["圖書館的地址是哪里？", "圖書館的電話是多少？"]),
        ("上海和北京的人口分別是多少？", ["上海的人口是多少？", "北京的人口是多少？"]),
        ("成都和重庆的人口分别是多少？", ["成都的人口是多少？", "重庆的人口是多少？"]),
        ("埃及的首都和人口", ["埃及的首都是哪里？", "埃及的人口是多少？"]),
        ("东花市街道和建国门街道分别捐了多少钱？", ["东花市街道捐了多少钱？", "建国门街道捐了多少钱？"]),
        ("2021年的产量是多少，南门大桥在哪里？", ["2021年的产量是多少？", "南门大桥在哪里？"]),
        ("芯片是什么，起售价多少", ["芯片是什么？", "芯片是什么？ 起售价多少？"]),
        ("李明和王芳是谁？", ["李明是谁？", "王芳是谁？"]),
        ("谁写了这首歌，是什么时候写的？", ["谁写了这首歌？", "谁写了这首歌？ 是什么时候写的？"]),
        ("大桥有多长？它的造价是多少？", ["大桥有多长？", "大桥有多长？ 它的造价是多少？"]),
    ],
)
def test_each_thing_asked_for_is_a_question(question: str, parts: list[str]) -> None:
    assert [complete(part.question, part.history) for part in in_parts(question)] == parts


@pytest.mark.parametrize(
    "question",
    [
        "图书馆的地址是哪里？",
        "和平里街道工会是什么时候收到通知的？",
        "上海和北京的距离是多少？",
        "上海和北京一共有多少人口？",
        "上海和北京的人口差距是多少？",
        "张三和李四是什么关系？",
        "张三和李四合写的书是哪一本？",
        "李明和王芳的老师是谁？",
        "给职工和家属发了多少口罩？",
        "老人和海的作者",  # a title without marks: no name is parted
        "怀孕和喂奶的女员工怎样上班？",
        "接到通知以后，那边组建了什么队伍？",
        "口罩和消毒液",
        "《谁动了我的奶酪？》是什么时候出版的？",  # a title asks nothing
        "“谁来养活中国？”是谁提出的？",
        "什么是“谁污染，谁治理”？",
        "没有什么比健康更重要，是谁说的？",
        "谁也没想到，这次比赛谁赢了？",
        "不管多少钱，谁来付？",
        "谁主张，谁举证是什么意思？",
        "中国和美国的建交日期",  # one day, one sum, one place
        "中国和日本的贸易额",
        "俄罗斯和乌克兰的谈判地点",
        "沈腾和马丽主演的电影的票房",
        "罗密欧与朱丽叶的作者",
        "2021年3月和2022年4月的销量",  # more is joined than one word
        "法国总统和德国总理是谁？",
        "活动的时间和地点、参加人数",
        "时间和地点是什么？",  # of what?
        "A、B、C、D和E的人口",
        "In which street is the library, where children learn to read?",
        "図書館の住所と電話はどこですか、何ですか？",
        "",
        "和",
        "和？和",
        "、、",
    ],
)
def test_what_has_one_answer_is_one_question(question: str) -> None:
    assert in_parts(question) == ()


FILES = {
    "a.md": "# 春季读书会\n\n春季读书会将于三月五日在南门图书馆举行，由王小明主持，欢迎市民参加。\n",
    "b.md": "# 粮食产量公布\n\n据统计，2021年全市粮食产量为597.7万吨，比上年略有下降。\n",
    "c.md": "# 丰收\n\n2022年全市粮食产量达到612.4万吨，创历史新高。\n",
}


@pytest.fixture
def bot(tmp_path: Path) -> Any:
    with Bot.open(Settings(data=tmp_path / "data"), index_seeds=False) as opened:
        opened.index([write(tmp_path / "files", FILES)])
        yield opened


def test_each_part_is_told_with_its_passage(bot: Bot) -> None:
    record = bot.ask("2021年和2022年全市粮食产量")
    assert record["status"] == "answered"
    assert record["answer"] == "；".join(part["text"] for part in record["gathered"])
    assert [part["asked"] for part in record["gathered"]] == ["2021年", "2022年"]
    for part, figure, file in zip(record["gathered"], ("597.7万吨", "612.4万吨"), ("b.md", "c.md"), strict=True):
        assert figure in part["text"]
        passage = record["passages"][part["rank"] - 1]
        assert passage["source"]["file"].endswith(file)
        [span] = part["highlights"]
        text = FILES[file][span["start"] : span["end"]]
        assert part["text"] in text
    assert [passage["rank"] for passage in record["passages"]] == list(range(1, len(record["passages"]) + 1))
    scores = [passage["score"] for passage in record["passages"]]
    assert scores == sorted(scores, reverse=True)
    assert record["searched_as"] == record["question"] == "2021年和2022年全市粮食产量"


def test_two_answers_of_one_passage_are_both_marked_in_it(bot: Bot) -> None:
    record = bot.ask("春季读书会的时间和地点？")
    assert [part["asked"] for part in record["gathered"]] == ["时间", "地点"]
    assert "三月五日" in record["gathered"][0]["text"]
    assert "南门图书馆" in record["gathered"][1]["text"]
    assert {part["rank"] for part in record["gathered"]} == {1}
    sources = [(passage["source"]["file"], passage["source"]["start"]) for passage in record["passages"]]
    assert len(set(sources)) == len(sources)


def test_a_part_that_nothing_tells_leaves_the_question_as_it_is(bot: Bot) -> None:
    record = bot.ask("2021年和2029年全市粮食产量")
    assert [part.get("asked", "") for part in record.get("gathered", [])] in ([], [""])


def test_a_record_is_the_same_alone_and_among_others(bot: Bot) -> None:
    questions = [Question(q) for q in ("2021年和2022年全市粮食产量", "谁主持读书会？", "春季读书会的时间和地点？")]
    own = {"trace_id", "elapsed_ms"}
    together = [{k: v for k, v in record.items() if k not in own} for record in bot.ask_many(questions)]
    alone = [{k: v for k, v in bot.ask(q.question).items() if k not in own} for q in questions]
    assert together == alone


def test_what_is_answered_does_not_depend_on_how_many_passages_are_shown(bot: Bot) -> None:
    all_ = bot.ask("2021年和2022年全市粮食产量")
    one = bot.ask("2021年和2022年全市粮食产量", top_k=1)
    assert len(one["passages"]) == 1
    assert [part["asked"] for part in one["gathered"]] == ["2021年"]
    assert {name: one[name] for name in ("status", "answer", "confidence")} == {
        name: all_[name] for name in ("status", "answer", "confidence")
    }


def test_a_follow_up_is_asked_as_a_whole(bot: Bot) -> None:
    question = "他主持的读书会的时间和地点"
    assert in_parts(question)
    record = bot.ask(question, history=["谁主持春季读书会？"])
    assert record["searched_as"] != question
    assert not any("asked" in part for part in record.get("gathered", []))


def _record(answer: str | None, *files: str) -> dict[str, Any]:
    passages = [
        {
            "rank": i + 1,
            "score": 1 - i / 10,
            "source": {"file": file, "start": 0, "end": 9},
            "highlights": [{"start": i, "end": 5}],
            "marks": [{"start": i, "end": 5}],
            **({"answer_span": {"start": i, "end": 3}} if answer and not i else {}),
            "also": [{"rank": 2, "source": {"file": files[-1], "start": 0, "end": 9}}],
            "why": {},
        }
        for i, file in enumerate(files)
    ]
    return {
        "status": "answered" if answer else "not_found",
        "answer": answer,
        "confidence": 0.5 if answer == "one" else 0.4,
        "missing_terms": ["x"],
        "passages": passages,
    }


def test_records_are_joined_by_hand() -> None:
    whole = _record(None, "c", "b")
    both = joined(whole, ["1", "2"], [_record("one", "a", "c"), _record("two", "b", "c")], 3)
    assert (both["status"], both["answer"], both["confidence"]) == ("answered", "one；two", 0.4)
    assert "missing_terms" not in both
    assert [passage["source"]["file"] for passage in both["passages"]] == ["a", "b", "c"]
    # "c" is told again in the third, under one alone; what comes before a passage, or isn't shown, is left out.
    assert [[each["rank"] for each in passage.get("also", [])] for passage in both["passages"]] == [[3], [], []]
    assert [part["rank"] for part in both["gathered"]] == [1, 2]
    assert ["answer_span" in passage for passage in both["passages"]] == [True, True, False]
    assert joined(whole, ["1", "2"], [_record("one", "a"), _record(None, "b")], 3) is whole
    assert joined(whole, ["1", "2"], [_record("one", "a"), _record("one", "b")], 3) is whole


def test_the_whole_record_s_own_answer_is_marked_no_more() -> None:
    both = joined(_record("three", "w", "a"), ["1", "2"], [_record("one", "a"), _record("two", "b")], 5)
    assert {passage["source"]["file"]: "answer_span" in passage for passage in both["passages"]} == {
        "a": True,
        "b": True,
        "w": False,
    }


def test_a_passage_that_answers_two_parts_has_the_marks_of_both() -> None:
    one, two = _record("one", "a"), _record("two", "a")
    two["passages"][0] |= {"highlights": [{"start": 4, "end": 8}], "marks": [{"start": 7, "end": 9}]}
    [passage] = joined(_record(None, "a"), ["1", "2"], [one, two], 5)["passages"]
    assert passage["highlights"] == [{"start": 0, "end": 8}]  # 0–5 and 4–8
    assert passage["marks"] == [{"start": 0, "end": 5}, {"start": 7, "end": 9}]
