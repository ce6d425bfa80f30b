"""Hits: the ranked lists of both legs, fused into one. Functions of values, between the indexes and the retriever."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

Ranked = Sequence[tuple[int, float]]
"""Passage ids with their scores, best first, each id once."""
Scores = npt.NDArray[np.float64]
_NONE: Mapping[int, float] = MappingProxyType({})


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


def fuse(
    lexical: Ranked,
    dense: Ranked,
    weights: FusionWeights,
    coverage: float,
    *,
    lexical_scores: Mapping[int, float] = _NONE,
    cosines: Mapping[int, float] = _NONE,
    most: int | None = None,
) -> list[Hit]:
    """All passages of both lists, or the ``most`` best, best first, equal scores by id.

    With m(x) = (x − min) / (max − min) over all these passages (1 when they are all equal), the fused score is

    - coverage ≥ gate: (lexical · m(BM25) + dense · m(cosine)) / (lexical + dense)
    - coverage < gate or no lexical list: (1 + cosine + other_language_lexical · m(BM25)) / (2 + the same weight)
    - no dense list: m(BM25)

    An empty list is a leg that wasn't asked or found nothing.
    ``lexical_scores`` and ``cosines`` are the scores of passages that only the other leg ranked; one that isn't named
    there counts as 0 in BM25, and as the smallest cosine.
    """
    if not lexical and not dense:
        return []
    by_lexical, by_dense = _columns(lexical), _columns(dense)
    ids = np.union1d(by_lexical[0], by_dense[0])
    bm25 = _completed(ids, by_lexical, lexical_scores, 0.0)
    cosine = _completed(ids, by_dense, cosines, min((score for _, score in dense), default=0.0))
    if not dense:
        scores = _min_max(bm25)
    elif lexical and coverage >= weights.gate:
        whole = weights.lexical + weights.dense
        scores = (weights.lexical * _min_max(bm25) + weights.dense * _min_max(cosine)) / whole
    else:
        extra = weights.other_language_lexical
        scores = (1 + cosine + extra * _min_max(bm25)) / (2 + extra)
    best = np.argsort(-scores, kind="stable")[:most]  # equal scores stay in the order of ids
    lexical_ranks, dense_ranks = _ranks(by_lexical[0]), _ranks(by_dense[0])
    return [
        Hit(number, score, lexical_ranks.get(number), dense_ranks.get(number), *legs)
        for number, score, *legs in zip(
            ids[best].tolist(), scores[best].tolist(), bm25[best].tolist(), cosine[best].tolist(), strict=True
        )
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


def _columns(ranked: Iterable[tuple[int, float]]) -> tuple[npt.NDArray[np.int64], Scores]:
    """The ids and the scores of ranked passages."""
    pairs = tuple(ranked)
    return np.array([number for number, _ in pairs], np.int64), np.array([score for _, score in pairs], np.float64)


def _completed(
    ids: npt.NDArray[np.int64],
    ranked: tuple[npt.NDArray[np.int64], Scores],
    others: Mapping[int, float],
    missing: float,
) -> Scores:
    """Scores of the ids, which ascend, at least one: the ranked one's, else the other's, else ``missing``."""
    scores = np.full(len(ids), missing)
    for numbers, values in (_columns(others.items()), ranked):
        places = np.minimum(np.searchsorted(ids, numbers), len(ids) - 1)
        here = ids[places] == numbers
        scores[places[here]] = values[here]
    return scores


def _min_max(scores: Scores) -> Scores:
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.ones(len(scores))


def _ranks(ids: npt.NDArray[np.int64]) -> dict[int, int]:
    return {number: rank for rank, number in enumerate(ids.tolist(), 1)}
