"""Fusion, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.hits import FusionWeights, Pool, coverage, fuse

Ranked = list[tuple[int, float]]

WEIGHTS = FusionWeights(lexical=3, dense=1, gate=0.5, other_language_lexical=0.5)
LEXICAL = [(7, 8.0), (2, 5.0), (9, 2.0)]
DENSE = [(2, 0.9), (4, 0.5), (7, 0.4)]


def found(lexical: Ranked, dense: Ranked, cosines: dict[int, float]) -> Pool:
    """Ranks by the order of the lists; what only the dense leg ranked has a BM25 of 0."""
    bm25, cosine = dict(lexical), cosines | dict(dense)
    ids = list(bm25 | dict(dense))
    ranks = [{number: rank for rank, (number, _) in enumerate(leg, 1)} for leg in (lexical, dense)]
    return Pool(
        np.array(ids, np.int64),
        np.array([bm25.get(i, 0.0) for i in ids]),
        np.array([cosine.get(i, 0.0) for i in ids]),
        np.array([ranks[0].get(i, 0) for i in ids], np.intp),
        np.array([ranks[1].get(i, 0) for i in ids], np.intp),
    )


def test_a_question_in_the_collections_language_is_a_weighted_sum_of_scaled_scores() -> None:
    hits = fuse(found(LEXICAL, DENSE, {9: -0.1}), WEIGHTS, 0.5)
    # BM25 7: 8, 2: 5, 9: 2, 4: 0 → 1, 5/8, 1/4, 0; cosine .4, .9, -.1, .5 → 1/2, 1, 0, 3/5
    assert [hit.passage_id for hit in hits] == [7, 2, 9, 4]
    assert [hit.score for hit in hits] == pytest.approx(
        [(3 * 1 + 1 / 2) / 4, (3 * 5 / 8 + 1) / 4, (3 * 1 / 4 + 0) / 4, (0 + 3 / 5) / 4]
    )
    assert [(hit.lexical_rank, hit.dense_rank) for hit in hits] == [(1, 3), (2, 1), (3, None), (None, 2)]
    assert [(hit.lexical_score, hit.cosine) for hit in hits] == [(8, 0.4), (5, 0.9), (2, -0.1), (0, 0.5)]


def test_a_question_in_another_language_is_led_by_the_cosine() -> None:
    hits = fuse(found(LEXICAL, DENSE, {9: -0.1}), WEIGHTS, 0.49)
    assert [hit.passage_id for hit in hits] == [2, 7, 4, 9]
    assert [hit.score * 5 / 2 for hit in hits] == pytest.approx(
        [1 + 9 / 10 + 1 / 2 * 5 / 8, 1 + 4 / 10 + 1 / 2 * 1, 1 + 5 / 10, 1 - 1 / 10 + 1 / 2 * 1 / 4]
    )


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_lexical_leg_alone_is_its_scaled_score(share: float) -> None:
    hits = fuse(found(LEXICAL, [], {}), WEIGHTS, share)
    assert [(hit.passage_id, hit.score) for hit in hits] == [(7, 1), (2, 1 / 2), (9, 0)]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_dense_leg_alone_is_the_cosine_brought_to_zero_to_one(share: float) -> None:
    extra = WEIGHTS.other_language_lexical
    hits = fuse(found([], DENSE, {}), WEIGHTS, share)
    assert [hit.passage_id for hit in hits] == [number for number, _ in DENSE]
    assert [hit.score for hit in hits] == pytest.approx([(1 + cosine + extra) / (2 + extra) for _, cosine in DENSE])


def test_equal_scores_come_by_id_and_scale_to_one() -> None:
    hits = fuse(found([(5, 2.0), (3, 2.0)], [], {}), FusionWeights(), 1.0)
    assert [(hit.passage_id, hit.score) for hit in hits] == [(3, 1.0), (5, 1.0)]


def test_nothing_found_is_no_hit() -> None:
    assert fuse(found([], [], {}), FusionWeights(), 0.0) == []


Scores = st.dictionaries(st.integers(0, 9), st.floats(-1, 1)).map(
    lambda d: sorted(d.items(), key=lambda i: (-i[1], i[0]))
)


@given(Scores, Scores, st.floats(0, 1))
def test_scores_are_ordered_between_zero_and_one(
    lexical: list[tuple[int, float]], dense: list[tuple[int, float]], share: float
) -> None:
    hits = fuse(found(lexical, dense, {}), FusionWeights(), share)
    assert {hit.passage_id for hit in hits} == {i for i, _ in lexical} | {i for i, _ in dense}
    assert all(-1e-9 <= hit.score <= 1 + 1e-9 for hit in hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_coverage_is_the_share_of_terms_that_any_passage_holds() -> None:
    frequencies = {"工会": 3, "口罩": 1}
    assert coverage(["工会", "口罩", "火星", "工会"], lambda term: frequencies.get(term, 0)) == 3 / 4
    assert coverage([], frequencies.__getitem__) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from([1.0, 2.0, 3.0])), unique_by=lambda pair: pair[0]))
def test_the_most_wanted_are_the_first_of_all(ranked: list[tuple[int, float]]) -> None:
    every = found(sorted(ranked, key=lambda pair: (-pair[1], pair[0])), DENSE, {})
    whole = fuse(every, WEIGHTS, 1.0)
    assert [hit.passage_id for hit in whole] == [
        hit.passage_id for hit in sorted(whole, key=lambda hit: (-hit.score, hit.passage_id))
    ]
    for most in (0, 1, 3, len(whole) + 1):
        assert fuse(every, WEIGHTS, 1.0, most) == whole[:most]
