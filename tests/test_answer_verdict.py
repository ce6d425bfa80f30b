"""The verdict: logistic regressions by hand, three outcomes, measures that neither size nor scale moves."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from qa.answer.candidates import block
from qa.answer.choosing import find
from qa.answer.elsewhere import ALIKE, containment, retold
from qa.answer.evidence import is_bare, lacks_unit
from qa.answer.features import Source
from qa.answer.finding import Near
from qa.answer.kinds import expected
from qa.answer.ranker import Choice
from qa.answer.verdict import WEIGHTS, Logistic, from_json, shipped
from qa.articles import Piece
from qa.hits import Hit
from qa.retrieve import Retrieved
from qa.store import StoredPassage

JUDGE = from_json(
    {
        "answerable": {"bias": 0.0, "found": 1.0},
        "right": {"bias": 0.0, "sure": 1.0},
        "thresholds": {"found_from": 0.5, "answered_from": 0.6},
    }
)


def test_a_probability_is_the_logistic_of_the_weighted_sum() -> None:
    # 1 / (1 + exp(−(1 + 2·3 − 0.5·4))) = 1 / (1 + exp(−5))
    model = Logistic(1.0, {"a": 2.0, "b": -0.5})
    assert model.probability({"a": 3.0, "b": 4.0}) == pytest.approx(1 / (1 + math.exp(-5)))
    assert Logistic(0.0, {"a": 1.0}).probability({"a": -1e6}) == 0.0


@pytest.mark.parametrize(
    ("found", "sure", "status"),
    [(-0.1, 5.0, "not_found"), (0.1, 0.3, "possible"), (0.1, 0.5, "answered")],  # logistic(0.3) = 0.574, (0.5) = 0.622
)
def test_three_outcomes_are_parted_by_the_thresholds(found: float, sure: float, status: str) -> None:
    told, confidence = JUDGE.verdict({"found": found, "sure": sure})
    assert told == status
    assert confidence == pytest.approx(1 / (1 + math.exp(-sure)))


@pytest.mark.parametrize("flag", ["far", "bare"])
def test_what_is_far_or_bare_is_shown_and_never_claimed(flag: str) -> None:
    assert JUDGE.verdict({"found": 0.1, "sure": 0.5, flag: 1.0})[0] == "possible"
    assert JUDGE.verdict({"found": 0.1, "sure": 0.5, flag: 0.0})[0] == "answered"


@pytest.mark.parametrize(
    ("question", "words", "bare"),
    [
        ("口罩", ["口罩"], True),
        ("8000个", ["8000"], True),
        ("什么？", ["什么"], True),
        ("哪里", ["哪里"], True),
        ("口罩多少", ["口罩"], False),
        ("北门街道 口罩", ["北门", "街道", "口罩"], False),
        ("它有多长？", ["长"], False),
        ("Who won?", ["won"], False),
    ],
)
def test_a_single_word_and_a_lone_question_word_are_bare(question: str, words: list[str], bare: bool) -> None:
    assert is_bare(expected(question), words) is bare


@pytest.mark.parametrize(
    ("question", "answer", "lacks"),
    [
        ("热线的电话号码是多少？", "5名", True),
        ("热线的电话号码是多少？", "8351-2047", False),
        ("热线的电话号码是多少？", "8351-2047转8", False),
        ("热线的电话是多少？", "12351", False),
        ("热线的电话是多少？", "8000只", True),
        ("账号是多少？", "2020年", True),
        ("What is the phone number of the hotline?", "5名", True),
        ("送去多少只口罩？", "8000只", False),
        ("送去多少桶药水？", "8000只", True),
    ],
)
def test_a_figure_of_another_kind_lacks_its_unit(question: str, answer: str, lacks: bool) -> None:
    text = f"昨日清点，共{answer}。"
    seen = block(text)
    none = np.zeros(1, np.float32)
    source = Source(seen, 0, 0, 1.0, none, none, np.zeros((0, len(seen.words)), np.float32))
    start = seen.layout.folded.index(answer)
    choice = Choice(0, 0, start, start + len(answer), 0.5, 0.5, 0.5, 0.0, False)
    assert lacks_unit(expected(question), source, choice) is lacks


TEXT = "昨日，街道总工会为社区送去口罩八千只。居民李芳收到后表示感谢。"


def _evidence(hits: int = 1, searched: int = 100, scale: float = 1.0) -> dict[str, float]:
    passages = {
        number: StoredPassage(
            number, 1, "a.txt", "送温暖", None, None, None, None, 0, len(TEXT), TEXT, (Piece(0, len(TEXT)),)
        )
        for number in range(hits)
    }
    found = Retrieved(
        "街道送去多少口罩？",
        tuple(Hit(number, 0.9 - 0.1 * number, number + 1, number + 1, 3.0, 0.5) for number in range(hits)),
        {"街道": 2.0, "口罩": 3.0, "送去": 2.0, "多": 0.5},
        1.0,
        searched,
        {"街道": 1.0, "送去": 1.0, "口罩": 1.5},
    )
    near = [Near(scale * np.array([0.6, 0.2], np.float32), scale * np.array([0.1, 0.7, 0.2], np.float32))] * min(
        hits, 3
    )
    return dict(find(found, found.hits, passages, near)[0].evidence)


def test_every_measure_of_the_shipped_verdict_is_told() -> None:
    told = _evidence()
    for name in ("answerable", "right"):
        weights = json.loads(WEIGHTS.read_text(encoding="utf-8"))[name]
        assert set(weights) <= {*told, "bias"}


def test_neither_the_size_of_the_corpus_nor_the_scale_of_cosines_counts() -> None:
    assert _evidence(searched=100) == _evidence(searched=100_000)
    assert _evidence(scale=0.5) == pytest.approx(_evidence(scale=1.0), abs=1e-3)


def test_what_stands_behind_the_first_three_hits_does_not_count() -> None:
    assert _evidence(hits=3) == _evidence(hits=5)


def test_a_clear_case_is_answered_and_an_empty_one_refused() -> None:
    assert shipped().verdict(_evidence())[0] == "answered"
    nothing = {"passage_share": 0.0, "sentence_share": 0.0, "told": 0.0, "told_sentence": 0.0, "untold": 1.0}
    weak = {"holds": 0.05, "overlap": 0.05, "exact": 0.01, "surely": -4.0, "score": 0.0, "lexical_first": 0.02}
    far = _evidence() | nothing | weak | {"coverage": 0.3, "unknown": 0.6, "names": 1.0, "names_missing": 1.0}
    assert shipped().verdict(far)[0] == "not_found"


def test_containment_is_the_share_of_runs_of_four_characters() -> None:
    # 14 characters have 11 runs; the last one changed spoils the last run alone.
    sentence = "区总工会为街道送去口罩两千只"
    assert containment(sentence, sentence + "。") == 1.0
    assert containment(sentence, sentence[:-1] + "个") == pytest.approx(10 / 11)
    assert containment("口罩两千只", "口罩两千只") == 0.0  # too short to tell


def test_a_page_that_differs_in_a_figure_still_tells_the_same() -> None:
    one = "疫情期间，东部城区总工会先后选派三十二名干部到社区一线参与支援防控工作"
    assert containment(one, one.replace("三十二", "五十")) >= ALIKE


def test_each_hit_stands_under_the_first_that_it_retells() -> None:
    text = "区总工会昨日为三个街道送去口罩两千只"
    assert retold(["a", "b", "a", "c"], [text] * 4, [text] * 4) == [[1, 3], [], [], []]
    assert retold(["a", "a"], [text, text], [text, text]) == [[], []]
