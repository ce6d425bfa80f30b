"""Hits: what both legs ranked, fused into one list. Functions of values, between the indexes and the retriever."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embeddings.vectors import Ids

Scores = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """How much each leg counts; fitted per model and recorded with it.

    The defaults were found with a static model on halves of CMRC 2018, DRCD and XQuAD. Equal-weight reciprocal rank
    fusion loses 2 to 11 points of recall@1 against them.
    """

    lexical: float = 0.8
    dense: float = 0.2
    gate: float = 0.45
    """Coverage below which a question counts as one in another language. Measured shares: Chinese questions on Chinese
    sets 0.42 and more (1 in 100 below 0.58), Japanese up to 0.31, English, Spanish, German, Russian, Arabic and
    Vietnamese 0.50 at their 99th percentile."""
    held: float = 0.4
    """Shares of ``qa.evidence.Evidence``'s three numbers in the evidence; ``evidence`` is its weight beside the fused
    score. Chosen on the three Chinese sets and checked on the dev questions (docs/retrieval.md)."""
    aligned_sentence: float = 0.7
    aligned_passage: float = 0.7
    evidence: float = 1.8
    other_language_lexical: float = 0.05
    """Weight of BM25 beside the whole cosine then: a shared name or number may break near-ties, and no more."""
    other_language_aligned: float = 1.0
    """Weight of the alignments beside that, the best sentence's counted three times and the passage's once."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What either leg ranked, each passage once, with what both say of it: arrays of one length, in any order."""

    ids: Ids
    bm25: Scores
    cosine: Scores
    lexical_rank: Ranks
    """From 1; 0 for those that this leg didn't rank. All 0 when the leg wasn't asked or found nothing."""
    dense_rank: Ranks


@dataclass(frozen=True, slots=True)
class Hit:
    """One passage, with what each leg said of it."""

    passage_id: int
    score: float
    """Fused, 0 to 1, larger is better; comparable within one question only."""
    lexical_rank: int | None
    """Rank in the leg's own list, from 1; None when it isn't there."""
    dense_rank: int | None
    lexical_score: float
    """BM25."""
    cosine: float
    evidence: float = 0.0
    """What reading its sentences added to the score; 0 where that wasn't done."""


def coverage(terms: Sequence[str], document_frequency: Callable[[str], int]) -> float:
    """Share of a question's terms, each as often as it stands there, that any passage holds; 0 when there are none.

    Plain counts tell languages apart better than shares weighted by idf (docs/text.md).
    """
    return sum(document_frequency(term) > 0 for term in terms) / len(terms) if terms else 0.0


def fuse(found: Pool, weights: FusionWeights, coverage: float, most: int | None = None) -> list[Hit]:
    """All candidates, or the ``most`` best, best first, equal scores by id.

    With m(x) = (x − min) / (max − min) over all of them (1 when they are all equal), the fused score is

    - coverage ≥ gate: (lexical · m(BM25) + dense · m(cosine)) / (lexical + dense)
    - coverage < gate or no lexical ranks: (1 + cosine + other_language_lexical · m(BM25)) / (2 + the same weight)
    - no dense ranks: m(BM25)
    """
    if not len(found.ids):
        return []
    if not found.dense_rank.any():
        scores = _min_max(found.bm25)
    elif found.lexical_rank.any() and coverage >= weights.gate:
        whole = weights.lexical + weights.dense
        scores = (weights.lexical * _min_max(found.bm25) + weights.dense * _min_max(found.cosine)) / whole
    else:
        extra = weights.other_language_lexical
        scores = (1 + found.cosine + extra * _min_max(found.bm25)) / (2 + extra)
    best = np.lexsort((found.ids, -scores))[:most]
    columns = (found.ids, scores, found.lexical_rank, found.dense_rank, found.bm25, found.cosine)
    return [
        Hit(number, score, lexical or None, dense or None, *legs)
        for number, score, lexical, dense, *legs in zip(*(column[best].tolist() for column in columns), strict=True)
    ]


def rerank(hits: Sequence[Hit], evidence: Mapping[int, float], weight: float) -> list[Hit]:
    """The hits by (score + weight · evidence) / (1 + weight), best first, equal scores by id.

    ``evidence`` is a number of 0…1 for each passage; one that isn't named has none.
    """
    scored = [
        Hit(
            hit.passage_id,
            (hit.score + weight * added) / (1 + weight),
            hit.lexical_rank,
            hit.dense_rank,
            hit.lexical_score,
            hit.cosine,
            added,
        )
        for hit in hits
        for added in [evidence.get(hit.passage_id, 0.0)]
    ]
    return sorted(scored, key=lambda hit: (-hit.score, hit.passage_id))


def _min_max(scores: Scores) -> Scores:
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.ones(len(scores))
