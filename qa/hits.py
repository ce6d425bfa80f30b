"""Hits: the ranked lists of both legs, fused into one. Functions of values, between the indexes and the retriever."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

Ranked = Sequence[tuple[int, float]]
"""Passage ids with their scores, best first, each id once."""
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
    ids = sorted({passage_id for passage_id, _ in (*lexical, *dense)})
    bm25 = _completed(ids, lexical, lexical_scores, 0.0)
    cosine = _completed(ids, dense, cosines, min((score for _, score in dense), default=0.0))
    scaled_bm25, scaled_cosine = _min_max(bm25), _min_max(cosine)
    if not dense:
        scores = scaled_bm25
    elif lexical and coverage >= weights.gate:
        whole = weights.lexical + weights.dense
        scores = {i: (weights.lexical * scaled_bm25[i] + weights.dense * scaled_cosine[i]) / whole for i in ids}
    else:
        extra = weights.other_language_lexical
        scores = {i: (1 + cosine[i] + extra * scaled_bm25[i]) / (2 + extra) for i in ids}
    lexical_ranks, dense_ranks = _ranks(lexical), _ranks(dense)
    best = sorted(ids, key=lambda i: -scores[i])[:most]  # stable, so equal scores stay in the order of ids
    return [Hit(i, scores[i], lexical_ranks.get(i), dense_ranks.get(i), bm25[i], cosine[i]) for i in best]


def rerank(hits: Sequence[Hit], evidence: Mapping[int, float], weight: float) -> list[Hit]:
    """The hits by (score + weight · evidence) / (1 + weight), best first, equal scores by id.

    ``evidence`` is a number of 0…1 for each passage; one that isn't named has none.
    """
    scored = [
        replace(hit, score=(hit.score + weight * added) / (1 + weight), evidence=added)
        for hit in hits
        for added in [evidence.get(hit.passage_id, 0.0)]
    ]
    return sorted(scored, key=lambda hit: (-hit.score, hit.passage_id))


def _completed(ids: Sequence[int], ranked: Ranked, others: Mapping[int, float], missing: float) -> dict[int, float]:
    known = dict(ranked)
    return {i: known[i] if i in known else others.get(i, missing) for i in ids}


def _min_max(scores: Mapping[int, float]) -> dict[int, float]:
    low, high = min(scores.values(), default=0.0), max(scores.values(), default=0.0)
    return {i: (score - low) / (high - low) if high > low else 1.0 for i, score in scores.items()}


def _ranks(ranked: Ranked) -> dict[int, int]:
    return {passage_id: rank for rank, (passage_id, _) in enumerate(ranked, 1)}
