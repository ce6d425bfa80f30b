"""Retrieval: both legs over one small corpus, compared with scores worked out by hand."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from compass import Compass
from small_corpora import TERMS, PairEmbedder

from embeddings import build_vector_store
from qa.hits import FusionWeights
from qa.lexical import LexicalIndex
from qa.retrieve import Leg, Retriever
from qa.text import Terms

TEXTS = {1: "red apple", 2: "red red pear", 3: "green plum"}


def _texts(ids: Sequence[int]) -> dict[int, str]:
    return {i: TEXTS[i] for i in ids}


@pytest.fixture
def retriever(tmp_path: Path) -> Retriever:
    terms, model = Terms(), Compass()
    lexical = LexicalIndex.build(tmp_path / "lexical", [(i, terms.passage(text)) for i, text in TEXTS.items()])
    vectors = build_vector_store("exact", np.array(list(TEXTS), dtype=np.int64), model.passages(list(TEXTS.values())))
    return Retriever(
        lexical,
        vectors,
        model,
        terms,
        _texts,
        FusionWeights(lexical=0.8, dense=0.2, evidence=0.0, other_language_aligned=0.0),
    )


def test_the_lexical_leg_ranks_by_bm25(retriever: Retriever) -> None:
    [found] = retriever.retrieve_many(["red"], 5, "lexical")
    # "red" is in 2 of 3 passages of 2, 3 and 2 terms: idf = ln(1 + 1.5/2.5); tf·2.2/(tf + 1.2·(0.25 + 0.75·|d|/(7/3)))
    idf = math.log(1 + 1.5 / 2.5)
    scores = {hit.passage_id: hit.lexical_score for hit in found.hits}
    assert scores[1] == pytest.approx(idf * 1 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 * 3 / 7)), rel=1e-5)
    assert scores[2] == pytest.approx(idf * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 * 3 / 7)), rel=1e-5)
    assert [hit.passage_id for hit in found.hits] == [2, 1]
    assert found.idf == {"red": pytest.approx(idf)}
    assert (found.coverage, found.searched) == (1.0, 3)


def test_the_dense_leg_ranks_by_cosine(retriever: Retriever) -> None:
    [found] = retriever.retrieve_many(["plum"], 3, "dense")
    assert [hit.passage_id for hit in found.hits] == [1, 3, 2]  # 1 and 3 point the same way: ties go by id
    assert found.hits[0].cosine == pytest.approx(found.hits[1].cosine)
    assert found.hits[2].cosine == pytest.approx(1 / math.sqrt(5), abs=1e-3)
    assert [hit.dense_rank for hit in found.hits] == [1, 2, 3]
    assert {hit.lexical_rank for hit in found.hits} == {None}


def test_both_legs_are_summed_with_their_weights(retriever: Retriever) -> None:
    [found] = retriever.retrieve_many(["green"], 3)
    by_id = {hit.passage_id: hit for hit in found.hits}
    # Only passage 3 holds the term: its BM25 scales to 1, the others' to 0. Cosines with east scale 2 → 1; 1, 3 → 0.
    assert by_id[3].score == pytest.approx(0.8 * 1 + 0.2 * 0, abs=1e-6)
    assert by_id[2].score == pytest.approx(0.8 * 0 + 0.2 * 1, abs=1e-6)
    assert by_id[1].score == pytest.approx(0.0, abs=1e-6)


def test_a_question_in_words_that_the_corpus_lacks_is_answered_by_the_dense_leg(retriever: Retriever) -> None:
    [found] = retriever.retrieve_many(["rouge"], 3)
    assert found.coverage == 0
    assert found.hits[0].passage_id == 2
    assert all(hit.lexical_rank is None for hit in found.hits)


def test_a_question_alone_and_among_others_finds_the_same(retriever: Retriever) -> None:
    questions = ["red", "plum", "green pear", "rouge"]
    together = retriever.retrieve_many(questions, 3)
    assert together == [retriever.retrieve_many([question], 3)[0] for question in questions]


def test_an_empty_corpus_finds_nothing(tmp_path: Path) -> None:
    empty = Retriever(
        LexicalIndex.build(tmp_path / "lexical", []),
        build_vector_store("exact", np.empty(0, np.int64), np.empty((0, 2), np.float32)),
        Compass(),
        Terms(),
        _texts,
    )
    [found] = empty.retrieve_many(["red"], 5)
    assert (found.hits, found.searched) == ((), 0)


def _over(corpus: dict[int, str], folder: Path) -> Retriever:
    embedder = PairEmbedder()
    return Retriever(
        LexicalIndex.build(folder, [(i, TERMS.passage(text)) for i, text in corpus.items()]),
        build_vector_store("exact", np.array(list(corpus)), embedder.passages(list(corpus.values()))),
        embedder,
        TERMS,
        lambda ids: {i: corpus[i] for i in ids},
    )


def test_each_candidate_has_the_score_of_both_legs_whichever_ranked_it(tmp_path: Path) -> None:
    """Beside the legs' own lists and scores, asked one by one."""
    chance = random.Random(5)
    corpus = {number: "".join(chance.choices("街道工会防疫慰问朝阳", k=12)) for number in range(7, 307)}
    whole = _over(corpus, tmp_path)
    lexical, vectors = whole.lexical, whole.vectors
    terms, vector = TERMS.question("街道工会慰问"), whole.embedder.questions(["街道工会慰问"])
    only = np.arange(7, 307, 2)
    for allowed in (None, only):
        cosines, ids = vectors.search(vector, 30, allowed)
        found = whole.candidates(terms, (vector[0], ids[0], cosines[0]), 30, allowed)
        ranked = [number for number, _ in lexical.search(terms, 30, allowed)]
        assert sorted(found.ids.tolist()) == sorted({*ranked, *ids[0].tolist()})
        assert len(found.ids) > 30  # the legs don't agree
        for ranks, order in ((found.lexical_rank, ranked), (found.dense_rank, ids[0].tolist())):
            by_rank = {rank: number for rank, number in zip(ranks.tolist(), found.ids.tolist(), strict=True) if rank}
            assert [by_rank[rank] for rank in range(1, len(by_rank) + 1)] == order
        assert found.bm25.tolist() == list(lexical.scores(terms, found.ids.tolist()).values())
        assert found.cosine.tolist() == vectors.scores(vector, found.ids)[0].tolist()


@pytest.mark.parametrize("k", [100, 101, 250])
def test_as_many_hits_as_are_wanted_though_each_leg_gives_fewer_as_a_rule(tmp_path: Path, k: int) -> None:
    whole = _over({number: f"街道{number}" for number in range(300)}, tmp_path)
    legs: tuple[Leg, ...] = ("hybrid", "lexical", "dense")
    for leg in legs:
        [found] = whole.retrieve_many(["街道"], k, leg)
        assert len(found.hits) == k
