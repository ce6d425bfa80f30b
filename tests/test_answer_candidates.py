"""Candidates and their ranking: exact slices, at word borders, the likeliest one chosen by hand-worked numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.answer import meaning, reader
from qa.answer.candidates import (
    CLAUSES_CHARS,
    HAS_NUMBER,
    SPAN_CHARS,
    Block,
    Spans,
    block,
    joined,
    layout,
    whole_slogan,
)
from qa.answer.choosing import settled
from qa.answer.features import DENSE, IDS, SENTENCES, Inputs, Source, inputs
from qa.answer.kinds import expected
from qa.answer.matching import matched, present
from qa.answer.ranker import FORM_PRIOR, LINE_CHARS, NO_FIGURE_PRIOR, TABLES, adjusted, choose, scores, shipped
from qa.answer.verdict import Judge, Logistic
from qa.text import Terms, fold_text

HOLDING = [
    line.split("\t")
    for line in (Path(__file__).parent / "answers" / "candidates.tsv").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def _spans(found: Block) -> Spans:
    """The candidates of all sentences."""
    return joined([found.of_sentence(number) for number in range(len(found.layout.sentences))])


def _printed(text: str) -> set[str]:
    found = block(text)
    return {text[slice(*found.layout.place(start, end))] for start, end in _spans(found).places[:, :2].tolist()}


@pytest.mark.parametrize(("answer", "text"), HOLDING, ids=[case[0] for case in HOLDING])
def test_what_readers_answer_is_among_the_candidates(answer: str, text: str) -> None:
    assert answer in _printed(text)


def test_no_candidate_begins_or_ends_with_a_comma_or_a_particle() -> None:
    for candidate in _printed("三月五日，街道的志愿者，把八千只口罩送到了社区的医院。"):
        assert candidate[0] not in "，。的了"
        assert candidate[-1] not in "，的" or candidate == "街道的"[:2]


@given(st.text(alphabet="口罩八千只，。《》“”()、3,.5 \nab 的在東區1年月", max_size=60))
def test_candidates_lie_within_a_sentence_and_its_limits(text: str) -> None:
    found = block(text)
    made = _spans(found)
    for (start, end, _, _, sentence, _), (low, high) in zip(made.places.tolist(), made.clauses.tolist(), strict=True):
        first, last = found.layout.sentences[sentence].tolist()
        assert first <= low <= start < end <= high <= last
        printed = text[slice(*found.layout.place(start, end))]
        assert printed == printed.strip() != ""
    assert made.static.shape[0] == len(made.places) == len(made.clauses)
    assert np.isfinite(made.static).all()


def test_spans_are_bounded() -> None:
    found = block("口罩" * 200 + "，" + "手套和药品，" * 60)
    places = _spans(found).places
    lengths = places[:, 1] - places[:, 0]
    clause = places[:, 5] == 1
    assert lengths[~clause].max() <= SPAN_CHARS
    assert len(places) < 30_000
    assert CLAUSES_CHARS > SPAN_CHARS


ITEMS = "科研办公楼、国际化酒店、文化娱乐、体育健身、商业服务、地下停车场、员工食堂"


@pytest.mark.parametrize("clause", ["北京、上海、天津、重庆、河北、山西、辽宁、吉林", "甲、乙、丙、丁、戊、己、庚、辛"])
def test_an_enumeration_of_short_words_is_a_candidate_as_a_whole(clause: str) -> None:
    assert len(clause) <= SPAN_CHARS
    assert clause in _printed(f"{clause}。")


def test_an_enumeration_is_a_candidate_however_long() -> None:
    assert len(ITEMS) > SPAN_CHARS
    printed = _printed(f"该工程是集{ITEMS}等为一体的大型公建项目。")
    assert ITEMS in printed
    assert "科研办公楼、国际化酒店、文化娱乐" in printed  # short ones are as all other spans
    assert not any(candidate.startswith("、") or candidate.endswith("、") for candidate in printed)


def test_enumerations_are_bounded() -> None:
    found = block("、".join(["口罩"] * 300) + "等物资。")
    places = _spans(found).places
    lengths = (places[:, 1] - places[:, 0])[places[:, 5] == 0]
    assert lengths.max() <= CLAUSES_CHARS
    assert len(places) < 30_000


def test_datelines_are_no_candidates() -> None:
    assert not any("记者" in candidate for candidate in _printed("本报讯（记者 张三）昨日下雨。"))


def test_numbers_match_by_what_they_are_worth() -> None:
    text = "发了八千个口罩。"
    weight = matched(layout(text), {"8000": 1.0}).weight
    assert weight.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


def test_a_lone_character_weighs_less_than_a_word() -> None:
    weight = matched(layout("发口罩。"), {"口罩": 1.0, "发": 1.0}).weight
    assert weight.tolist() == pytest.approx([0.4, 1, 1, 0])


@pytest.mark.parametrize("terms", [{"医用口罩": 1.0, "口罩": 2.0}, {"口罩": 2.0, "医用口罩": 1.0}])
def test_where_terms_overlap_the_larger_weight_stays(terms: dict[str, float]) -> None:
    weight = matched(layout("医用口罩。"), terms).weight
    assert weight.tolist() == pytest.approx([0.5, 0.5, 1, 1, 0])


def test_sentences_hold_the_terms_that_stand_in_them() -> None:
    seen = layout("发了八千个口罩。口罩没有了。")
    terms = {"口罩": 1.0, "8000": 1.0, "酒精": 1.0}
    assert present(seen, terms).tolist() == [[True, True], [True, False], [False, False]]
    assert matched(seen, terms).present.tolist() == present(seen, terms).tolist()


def _source(text: str) -> Source:
    seen = block(text)
    sentences, clauses = (np.zeros(len(spans), np.float32) for spans in (seen.layout.sentences, seen.layout.clauses))
    return Source(seen, 0, 0, 1.0, sentences, clauses, np.zeros((0, len(seen.words)), np.float32))


NO_WORDS = np.zeros(0, np.float32)


def _seen(source: Source, *spans: str) -> Inputs:
    """Inputs of the named spans alone, all columns zero."""
    folded = source.block.layout.folded
    places = np.array([(folded.index(span), folded.index(span) + len(span)) for span in spans], dtype=np.int32)
    rows = len(spans)
    none = np.zeros(rows, np.int32)
    return Inputs(np.zeros((rows, DENSE), np.float32), np.zeros((rows, len(IDS)), np.int32), none, places, none)


def test_the_candidate_that_overlaps_most_with_the_likely_ones_is_chosen() -> None:
    source = _source("昨天街道送出口罩八千只。")
    seen = _seen(source, "八千只", "口罩八千只", "昨天")
    # p = 0.45, 0.45, 0.1. Expected F1: 0.45 + 0.45·(6/8) = 0.7875 for both, 0.1 for the third; the probability of
    # holding the right one is 0.45 for the short and 0.9 for the long.
    scored = np.log(np.array([0.45, 0.45, 0.1], np.float32))
    choice = choose(seen, scored, [source], containing=0.5)[0]
    assert source.block.layout.folded[choice.start : choice.end] == "口罩八千只"
    assert choice.overlap == pytest.approx(0.7875, abs=1e-4)
    assert choice.holds == pytest.approx(0.9, abs=1e-4)
    assert not choice.widened


def test_behind_a_choice_stand_the_clauses_around_it() -> None:
    source = _source(
        "昨天街道送出口罩八千只，手套三百副，今天公园的花都开了，游客很多，园方把开放的时间延长到了晚上十点，大家都说好。"
    )
    seen = _seen(source, "八千只", "三百副", "游客", "晚上十点")
    narrow, choice = choose(seen, np.log(np.array([0.3, 0.28, 0.22, 0.2], np.float32)), [source])
    assert source.block.layout.folded[narrow.start : narrow.end] == "八千只"
    folded = source.block.layout.folded
    assert choice.widened
    assert choice.end - choice.start <= LINE_CHARS
    assert {"八千只", "三百副", "游客"} <= {
        span for span in ("八千只", "三百副", "游客", "晚上十点") if span in folded[choice.start : choice.end]
    }
    assert choice.holds == pytest.approx(0.8, abs=1e-4)


def test_nothing_is_chosen_among_nothing() -> None:
    seen = inputs(expected("谁？"), {}, [], NO_WORDS, reader.shipped())
    assert choose(seen, scores(seen, shipped()), []) == ()


@dataclass
class Found:
    evidence: dict[str, float]


QUESTION = "哪个街道发放了8000个口罩？"
BESIDE = (
    "景山街道发放了八千个口罩",
    "口罩。街道发放了口罩8000个，另有口罩",
    "8000个口罩发放给街道职工，街道干部送去口罩",
    "The street gave 8000 masks",
)
"""Texts that hold the question's words to their very ends."""


@given(st.permutations(range(len(BESIDE))), st.integers(1, len(BESIDE)))
def test_what_a_source_is_seen_as_hangs_not_on_where_others_stand(order: list[int], most: int) -> None:
    asked = expected(QUESTION)
    idf = {"口罩": 2.0, "8000": 3.0, "街道": 1.0, "发放": 1.0}
    wanted = meaning.shipped().wanted(QUESTION, idf)
    sources = [
        replace(
            source, similar=meaning.shipped().similar(wanted, source.block), cosines=source.cosines + i, field=i % 2
        )
        for i, source in enumerate(map(_source, BESIDE))
    ]
    assert sum(len(source.cosines) for source in sources) <= SENTENCES  # none is left out for another

    def seen(numbers: list[int]) -> dict[int, Inputs]:
        every = inputs(asked, idf, [sources[number] for number in numbers], wanted.weights, reader.shipped())
        return {number: every.rows(np.flatnonzero(every.source == i)) for i, number in enumerate(numbers)}

    shuffled, sorted_ = seen(order[:most]), seen(sorted(order[:most]))
    for number, rows in sorted_.items():
        assert len(rows.dense)
        assert np.array_equal(rows.spans, shuffled[number].spans)
        assert np.array_equal(rows.ids, shuffled[number].ids)
        assert shuffled[number].dense == pytest.approx(rows.dense, abs=1e-4)


def test_what_is_likely_right_is_given_alone_and_else_with_the_clauses_around_it() -> None:
    judge = Judge(Logistic(0.0, {}), Logistic(0.0, {"sure": 1.0}), 0.1, 0.1)
    likely, unlikely, around = Found({"sure": 0.1}), Found({"sure": -0.1}), Found({"sure": -1.0})
    assert settled([likely, around], judge) is likely  # 1 / (1 + exp(−0.1)) = 0.525
    assert settled([unlikely, around], judge) is around
    assert settled([unlikely], judge) is unlikely
    assert settled([], judge) is None


def test_a_number_is_not_answered_without_a_figure() -> None:
    source = _source("口罩八千只。")
    seen = _seen(source, "口罩", "八千只")
    seen.ids[:, 0] = 0  # the kind "number"
    seen.dense[1, HAS_NUMBER] = 1
    assert (adjusted(seen, np.zeros(2, np.float32))).tolist() == [NO_FIGURE_PRIOR, 0.0]
    assert FORM_PRIOR > 0


def test_the_shipped_network_has_the_shape_that_the_code_expects() -> None:
    width = DENSE + sum(TABLES[name][1] for name in IDS)
    for weights in shipped():
        assert weights.hidden.shape[0] == width
        assert {name: table.shape for name, table in weights.tables.items()} == TABLES


def test_the_networks_vote_with_equal_weight() -> None:
    source = _source("昨天街道送出口罩八千只。")
    seen = inputs(expected("送出多少口罩？"), {"口罩": 1.0}, [source], NO_WORDS, reader.shipped())
    apart = [scores(seen, [weights]) for weights in shipped()]
    assert len(apart) > 1
    assert scores(seen, shipped()) == pytest.approx(sum(apart) / len(apart), abs=1e-4)


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        ("李明出生于哪一年？", "李明，作家，1962年出生于北京，著有《远山》等小说。", "1962年"),
        ("李明出生在哪个城市？", "李明，作家，1962年出生于北京，著有《远山》等小说。", "北京"),
        ("李明寫了哪部小說？", "李明，作家，1962年出生于北京，著有《远山》等小说。", "《远山》"),
        ("这座桥由谁设计？", "这座桥由工程师王大伟设计，全长三百米。", "王大伟"),
    ],
)
def test_a_plain_question_gets_the_plain_answer(question: str, text: str, answer: str) -> None:
    wanted = meaning.shipped().wanted(question, dict.fromkeys(Terms().question_words(question), 1.0))
    source = replace(_source(text), similar=meaning.shipped().similar(wanted, block(text)))
    idf = {term: 1.0 for term in ("李明", "出生", "小说", "桥", "设计") if term in question.replace("說", "说")}
    seen = inputs(expected(question), idf, [source], wanted.weights, reader.shipped())
    choice = choose(seen, adjusted(seen, scores(seen, shipped())), [source])[-1]
    assert answer in text[slice(*source.block.layout.place(choice.start, choice.end))]


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        ("安康", "强意识,查隐患,保安康"),
        ("查隐患,保安康", "强意识,查隐患,保安康"),
        ("围绕“强意识", "强意识,查隐患,保安康"),
        ("保安康”竞赛", "强意识,查隐患,保安康"),
        ("竞赛", "竞赛"),
        ("我们来了", "我们来了"),  # what somebody says is no slogan
    ],
)
def test_a_slogan_is_taken_whole(part: str, whole: str) -> None:
    seen = block("项目围绕“强意识，查隐患，保安康”竞赛，大家说：“我们来了，都很高兴。你们呢？”")
    part = fold_text(part)
    start = seen.layout.folded.index(part)
    assert seen.layout.folded[slice(*whole_slogan(seen, start, start + len(part)))] == whole
