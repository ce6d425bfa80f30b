"""Answers against gold: numbers worked by hand, sets of our own format against the gold script's, runs compared."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from batch_echo import EchoBot
from hypothesis import given
from hypothesis import strategies as st

from qa.batch import BatchReport, Beside, Questions, Wishes, about, run
from qa.batch.scoring.measures import contains, exact, f1
from qa.batch.writing.plots import Bar, bars
from qa.bot import Bot
from qa.errors import UsageError


def scored(folder: Path, text: str, answers: dict[str, str | None], **more: Any) -> BatchReport:
    path = folder / "q.csv"
    path.write_text(text, encoding="utf-8")
    name = more.pop("name", "out.jsonl")
    format_ = name.rpartition(".")[2]
    return run(EchoBot(answers), Questions.open(path), folder / name, format_=format_, overwrite=True, **more)


def values(report: BatchReport) -> dict[str, float]:
    assert report.scores
    return {name: measure.value for name, measure in report.scores.measures.items()}


@pytest.mark.parametrize(
    ("answer", "gold", "same", "overlap"),
    [
        ("17个", "17个", True, 1.0),
        ("１７個", "17个", True, 1.0),  # width and script don't count
        ("东城区17个", "17个", False, 2 * 2 / (5 + 2)),  # 东 城 区 17 个 against 17 个
        ("个个", "个", False, 2 * 1 / 3),
        ("", "17个", False, 0.0),
        ("Bian Lei", "bian  lei.", True, 1.0),
        ("三月八日", "八月三日", False, 1.0),
    ],
)
def test_exact_match_and_f1_are_over_characters_of_chinese_and_words_of_the_rest(
    answer: str, gold: str, same: bool, overlap: float
) -> None:
    assert exact(answer, [gold, "x"]) is same
    assert f1(answer, ["x", gold]) == pytest.approx(overlap)


@given(st.text(max_size=12), st.text(max_size=12))
def test_f1_is_symmetric_and_one_for_equal_texts(one: str, other: str) -> None:
    assert f1(one, [other]) == pytest.approx(f1(other, [one]))
    assert 0 <= f1(one, [other]) <= 1
    assert not exact(one, [other]) or f1(one, [other]) in {0, 1}


def test_a_figure_is_held_only_as_a_whole_number() -> None:
    assert contains("约39人", ["39"])
    assert not contains("139人", ["39"])
    assert not contains("39人" + "长" * 50, ["39"])


TABLE = """编号,问题,标准答案,来源,类别
1,q1,甲,a.txt,人
2,q2,乙 | 丙,b,人
3,q3,丁,c.txt,地
4,q4,无答案,,地
5,q5,没有答案,,地
6,q6,戊,a.txt,地
7,q7,,,人
"""
ANSWERS = {"q1": "甲", "q2": "丙", "q3": "错", "q4": None, "q5": "答", "q6": None, "q7": "随便"}


def test_measures_are_those_worked_by_hand(tmp_path: Path) -> None:
    report = scored(tmp_path, TABLE, ANSWERS)
    assert values(report) == pytest.approx(
        {
            "right": 3 / 6,  # q1 q2 q4
            "exact": 2 / 4,
            "f1": 2 / 4,
            "contains": 2 / 4,
            "hit@1": 2 / 4,  # a.txt is first, b second, c absent
            "hit@3": 3 / 4,
            "hit@5": 3 / 4,
            "mrr": (1 + 1 / 2 + 0 + 1) / 4,
            "refusal_precision": 1 / 2,  # q4 and q6 were refused
            "refusal_recall": 1 / 2,  # q4 of q4 and q5
        }
    )
    assert report.scores
    assert report.scores.rows == 6
    assert {measure: one.rows for measure, one in report.scores.measures.items()}["mrr"] == 4
    places = report.scores.categories["类别"]
    assert (places["人"]["right"].value, places["地"]["right"].value) == (1.0, 1 / 4)
    assert [bad.id for bad in report.scores.worst] == ["3", "5", "6"]


def test_intervals_hold_the_value_and_are_the_same_each_time(tmp_path: Path) -> None:
    one, other = (scored(tmp_path, TABLE, ANSWERS).scores for _ in range(2))
    assert one
    assert one == other
    for measure in one.measures.values():
        assert 0 <= measure.low <= measure.value <= measure.high <= 1
    assert one.measures["right"].low < one.measures["right"].high


def test_the_interval_of_a_share_is_near_the_binomial_one(tmp_path: Path) -> None:
    rows = "".join(f"{i},q{i},甲\n" for i in range(400))
    report = scored(tmp_path, "id,question,answer\n" + rows, {f"q{i}": "甲" if i % 4 else "乙" for i in range(400)})
    assert report.scores
    share = report.scores.measures["exact"]
    half = 1.96 * (0.75 * 0.25 / 400) ** 0.5
    assert share.value == 0.75
    assert (share.low, share.high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.01)


def test_a_file_without_gold_is_not_scored(tmp_path: Path) -> None:
    assert scored(tmp_path, "id,question,note\n1,q1,x\n", {}).scores is None


@pytest.mark.parametrize(
    ("verdict", "given", "again", "right"),
    [
        ("对", "甲", "甲", True),
        ("right", "甲", "乙", False),
        ("错", "甲", "甲", False),
        ("wrong", "甲", "乙", None),
        ("√", None, None, True),
        ("right", None, "甲", False),
        ("×", None, None, False),
        ("×", None, "甲", None),
    ],
)
def test_a_reviewed_result_comes_back_as_gold(
    tmp_path: Path, verdict: str, given: str | None, again: str | None, right: bool | None
) -> None:
    scored(tmp_path, "编号,问题\n1,q1\n", {"q1": given}, name="out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        header, row = csv.reader(file)
    row[header.index("评判")] = verdict
    out = io.StringIO()
    csv.writer(out).writerows([header, row])
    report = scored(tmp_path, out.getvalue(), {"q1": again}, name="again.jsonl")
    if right is None:
        assert report.scores is None or "right" not in report.scores.measures
    else:
        assert values(report)["right"] == float(right)


def test_an_earlier_run_shows_what_flipped(tmp_path: Path) -> None:
    text = "id,question,answer\n1,q1,甲\n2,q2,乙\n3,q3,丙\n4,q4,\n"
    scored(tmp_path, text, {"q1": "甲", "q2": "x", "q3": "丙", "q4": "before"}, name="earlier.jsonl")
    report = scored(
        tmp_path,
        text.replace("3,q3,丙\n", "3,q3,丙\n5,new,丁\n"),
        {"q1": "y", "q2": "乙", "q3": "丙", "q4": None, "new": "丁"},
        baseline=tmp_path / "earlier.jsonl",
        name="later.html",
    )
    assert report.scores
    compared = report.scores.compared
    assert compared
    assert compared.rows == 4
    assert [flip.id for flip in compared.lost] == ["1"]
    assert [flip.id for flip in compared.won] == ["2"]
    assert [(flip.id, flip.before, flip.now) for flip in compared.changed] == [("4", "before", "not_found")]
    assert compared.drops["exact"] == 0
    assert values(report)["exact"] == 3 / 4  # the new question counts only in this run
    page = (tmp_path / "later.html").read_text(encoding="utf-8")
    assert "Right before, wrong now: 1" in page


def test_a_baseline_of_other_questions_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    scored(tmp_path, "question\nother\n", {}, name="earlier.jsonl")
    for content, code in ((None, "BASELINE_MISMATCH"), ("id,question\n", "BASELINE_INVALID")):
        if content:
            (tmp_path / "earlier.jsonl").write_text(content, encoding="utf-8")
        with pytest.raises(UsageError) as caught:
            scored(tmp_path, TABLE, ANSWERS, baseline=tmp_path / "earlier.jsonl")
        assert caught.value.code == code


def test_the_gold_questions_get_the_scores_of_the_gold_script(seeds_bot: Bot, shared: Path, tmp_path: Path) -> None:
    gold, out = shared / "gold" / "dev.jsonl", tmp_path / "dev.jsonl"
    report = run(
        seeds_bot, Questions.open(gold), out, about=about(seeds_bot), extras=Beside(seeds_bot), wishes=Wishes()
    )
    command = [sys.executable, str(shared / "gold" / "score.py"), str(out), str(gold), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout)
    assert report.scores
    types = report.scores.categories["type"]
    compared = 0
    for kind, told in theirs.items():
        if kind in types and kind not in {"multi", "unanswerable"}:
            assert types[kind]["hit@1"].value == pytest.approx(told["R@1"], abs=0.0006)
            assert types[kind]["mrr"].value == pytest.approx(told["MRR"], abs=0.0006)
            compared += 1
    assert compared >= 4
    assert types["unanswerable"]["refusal_recall"].value == pytest.approx(theirs["unanswerable"]["refused"], abs=0.0006)


class Outside(HTMLParser):
    """Everything that a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.found += [f"{tag} {name}" for name, _ in attrs if name == "src" or name.startswith("on")]


def test_the_report_holds_everything_in_itself_and_runs_nothing(tmp_path: Path) -> None:
    evil = '<script>alert(1)</script><img src=x onerror="x">'
    scored(tmp_path, f'id,question,answer\n1,"{evil.replace(chr(34), chr(34) * 2)}",甲\n', {}, name="out.html")
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    seen = Outside()
    seen.feed(page)
    assert not seen.found
    assert not {"script", "link", "img", "iframe"} & set(seen.tags)
    assert "svg" in seen.tags
    assert not re.search(r"url\(|@import", page)
    assert "&lt;script&gt;" in page


def test_the_report_lists_no_more_rows_than_fit_into_a_mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.batch.writing.html.SHOWN_ROWS", 3)
    scored(tmp_path, "question\n" + "".join(f"q{i}\n" for i in range(5)), {}, name="out.html")
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert ("q2<" in page, "q3<" in page, "The first 3 of 5 rows" in page) == (True, False, True)


def test_a_bar_is_as_long_as_its_value() -> None:
    drawn = bars("x", [Bar("half", 0.5, "n", low=0.25, high=1.0)])
    back, bar = re.findall(r'<rect class="(?:back|bar)"[^>]* width="([0-9.]+)"', drawn)
    assert float(bar) == float(back) / 2
