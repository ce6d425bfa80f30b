"""Fusion, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.hits import FusionWeights, coverage, fuse

WEIGHTS = FusionWeights(lexical=3, dense=1, gate=0.5, other_language_lexical=0.5)
LEXICAL = [(7, 8.0), (2, 5.0), (9, 2.0)]
DENSE = [(2, 0.9), (4, 0.5), (7, 0.4)]


def test_a_question_in_the_collections_language_is_a_weighted_sum_of_scaled_scores() -> None:
    hits = fuse(LEXICAL, DENSE, WEIGHTS, 0.5, lexical_scores={4: 0.0}, cosines={9: -0.1})
    # BM25 7: 8, 2: 5, 9: 2, 4: 0 → 1, 5/8, 1/4, 0; cosine .4, .9, -.1, .5 → 1/2, 1, 0, 3/5
    assert [hit.passage_id for hit in hits] == [7, 2, 9, 4]
    assert [hit.score for hit in hits] == pytest.approx(
        [(3 * 1 + 1 / 2) / 4, (3 * 5 / 8 + 1) / 4, (3 * 1 / 4 + 0) / 4, (0 + 3 / 5) / 4]
    )
    assert [(hit.lexical_rank, hit.dense_rank) for hit in hits] == [(1, 3), (2, 1), (3, None), (None, 2)]
    assert [(hit.lexical_score, hit.cosine) for hit in hits] == [(8, 0.4), (5, 0.9), (2, -0.1), (0, 0.5)]


def test_a_question_in_another_language_is_led_by_the_cosine() -> None:
    hits = fuse(LEXICAL, DENSE, WEIGHTS, 0.49, lexical_scores={4: 0.0}, cosines={9: -0.1})
    assert [hit.passage_id for hit in hits] == [2, 7, 4, 9]
    assert [hit.score * 5 / 2 for hit in hits] == pytest.approx(
        [1 + 9 / 10 + 1 / 2 * 5 / 8, 1 + 4 / 10 + 1 / 2 * 1, 1 + 5 / 10, 1 - 1 / 10 + 1 / 2 * 1 / 4]
    )


def test_a_passage_whose_scores_are_unknown_counts_as_the_least() -> None:
    (_, _, four, nine) = sorted(
        fuse(LEXICAL, DENSE, WEIGHTS, 1.0), key=lambda hit: (hit.passage_id in {4, 9}, hit.passage_id)
    )
    assert (four.lexical_score, nine.cosine) == (0.0, 0.4)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_lexical_leg_alone_is_its_scaled_score(share: float) -> None:
    assert [(hit.passage_id, hit.score) for hit in fuse(LEXICAL, [], WEIGHTS, share)] == [(7, 1), (2, 1 / 2), (9, 0)]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_dense_leg_alone_is_the_cosine_brought_to_zero_to_one(share: float) -> None:
    extra = WEIGHTS.other_language_lexical
    hits = fuse([], DENSE, WEIGHTS, share)
    assert [hit.passage_id for hit in hits] == [number for number, _ in DENSE]
    assert [hit.score for hit in hits] == pytest.approx([(1 + cosine + extra) / (2 + extra) for _, cosine in DENSE])


def test_equal_scores_come_by_id_and_scale_to_one() -> None:
    hits = fuse([(5, 2.0), (3, 2.0)], [], FusionWeights(), 1.0)
    assert [(hit.passage_id, hit.score) for hit in hits] == [(3, 1.0), (5, 1.0)]


def test_nothing_found_is_no_hit() -> None:
    assert fuse([], [], FusionWeights(), 0.0) == []


Scores = st.dictionaries(st.integers(0, 9), st.floats(-1, 1)).map(
    lambda d: sorted(d.items(), key=lambda i: (-i[1], i[0]))
)


@given(Scores, Scores, st.floats(0, 1))
def test_scores_are_ordered_between_zero_and_one(
    lexical: list[tuple[int, float]], dense: list[tuple[int, float]], share: float
) -> None:
    hits = fuse(lexical, dense, FusionWeights(), share)
    assert {hit.passage_id for hit in hits} == {i for i, _ in lexical} | {i for i, _ in dense}
    assert all(-1e-9 <= hit.score <= 1 + 1e-9 for hit in hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_coverage_is_the_share_of_terms_that_any_passage_holds() -> None:
    frequencies = {"工会": 3, "口罩": 1}
    assert coverage(["工会", "口罩", "火星", "工会"], lambda term: frequencies.get(term, 0)) == 3 / 4
    assert coverage([], frequencies.__getitem__) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from([1.0, 2.0, 3.0])), unique_by=lambda pair: pair[0]))
def test_the_most_wanted_are_the_first_of_all(ranked: list[tuple[int, float]]) -> None:
    whole = fuse(sorted(ranked, key=lambda pair: (-pair[1], pair[0])), DENSE, WEIGHTS, 1.0)
    assert [hit.passage_id for hit in whole] == [
        hit.passage_id for hit in sorted(whole, key=lambda hit: (-hit.score, hit.passage_id))
    ]
    for most in (0, 1, 3, len(whole) + 1):
        assert (
            fuse(sorted(ranked, key=lambda pair: (-pair[1], pair[0])), DENSE, WEIGHTS, 1.0, most=most) == whole[:most]
        )
