"""Question → hits: both legs, fused. The one retrieval path behind every surface.

The lexical leg finds passages that share the question's terms, the dense leg those whose vectors are near; each
candidate of either leg gets the other's exact score too, and ``qa.hits.fuse`` makes one ranking of both. Its first
are read again: a passage with a sentence that holds much of the question moves up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from embeddings.embedder import Embedder
from embeddings.vector_store import VectorSearch
from embeddings.vectors import Ids, Scores, Vectors
from qa.evidence import Reader, Texts
from qa.hits import FusionWeights, Hit, Pool, coverage, fuse, rerank
from qa.lexical import LexicalSearch
from qa.text import Terms

Leg = Literal["hybrid", "lexical", "dense"]
Near = tuple[Vectors, Ids, Scores]
"""A question's vector, shape (dim,), and what the dense leg ranked by it, best first."""
_NO_IDS, _NO_SCORES = np.empty(0, np.int64), np.empty(0, np.float32)

DEPTH = 100
"""Candidates that each leg gives, or as many as hits are wanted. 200 find no more: recall@1 of seven bench sets (612 to
3,516 questions each) differs by at most .06 points, recall@5 and @10 by none; of 700 questions on 20,079 passages 77.6,
90.4 and 95.9 % are among the first 1, 5 and 10, with 200 77.3, 90.3 and 95.9."""

READ = 20
"""Hits whose sentences are read; the others follow them. With 50, one of 1,007 questions about 887 news texts more has
its passage first, and of DRCD's as many (docs/retrieval.md), but a question about passages that nobody asked for yet
takes a third longer."""
READ_OTHER_LANGUAGE = 100
"""The same where no terms are shared: then the vectors' order is less to be trusted (recall@5 of English questions on
120 Chinese passages: 0.90 with 50, 0.92 with 100)."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What a question found: ``hits`` best first, and what they were judged by.

    ``idf`` has each of the question's distinct terms with its weight ln(1 + (N − n + ½)/(n + ½)), n of the N passages
    holding it; ``coverage`` is the share of the terms that the corpus holds at all, 0…1 (``qa.hits.coverage``).
    """

    question: str
    hits: tuple[Hit, ...]
    idf: Mapping[str, float]
    coverage: float
    searched: int
    """Passages in the corpus, whatever part of it was searched: ``idf`` counts in them."""
    words: Mapping[str, float] = field(default_factory=dict)
    """The question's words less stop words, each with the weight of its rarest term."""


class Retriever:
    """Searches one state of the corpus. Safe to share between threads."""

    def __init__(
        self,
        lexical: LexicalSearch,
        vectors: VectorSearch,
        embedder: Embedder,
        terms: Terms,
        texts: Texts,
        weights: FusionWeights | None = None,
    ) -> None:
        self.lexical = lexical
        self.vectors = vectors
        self.embedder = embedder
        self.terms = terms
        self.texts = texts
        self.weights = weights or FusionWeights()
        self._reader = Reader(embedder, terms, texts, lexical.document_frequency, len(lexical))

    def retrieve_many(
        self, questions: Sequence[str], k: int, leg: Leg = "hybrid", only: Ids | None = None
    ) -> list[Retrieved]:
        """For each question, in order, its at most ``k`` best passages; none when the corpus is empty.

        A question's result is the same alone or among others. Questions are embedded in one batch. With ``only``,
        distinct ids in ascending order, both legs search these passages and see no others; how rare a term is, and
        whether the corpus holds it at all, is still judged by the whole corpus.

        Raises:
            ModelError: as the embedder gives it.
        """
        if not len(self.lexical):
            return [Retrieved(question, (), {}, 0.0, 0) for question in questions]
        if leg == "lexical":
            return [self._fused(question, None, k, leg, only) for question in questions]
        vectors = self.embedder.questions(questions)
        cosines, ids = self.vectors.search(vectors, max(DEPTH, k), only)
        near = zip(vectors, ids, cosines, strict=True)
        return [self._fused(question, each, k, leg, only) for question, each in zip(questions, near, strict=True)]

    def candidates(
        self, terms: Sequence[str], near: Near | None, k: int, only: Ids | None = None, *, lexical: bool = True
    ) -> Pool:
        """What both legs rank, or the one that is asked, at most ``k`` of each, with the scores of both."""
        vector, dense, cosine = near or (None, _NO_IDS, _NO_SCORES)
        if lexical:
            ranked, bm25, bm25_of_dense = self.lexical.search_and_score(terms, k, dense, only)
        else:
            ranked, bm25, bm25_of_dense = _NO_IDS, _NO_SCORES, np.zeros(len(dense), np.float32)
        _, of_lexical, of_dense = np.intersect1d(ranked, dense, assume_unique=True, return_indices=True)
        others = np.delete(np.arange(len(ranked)), of_lexical)
        lexical_rank = np.zeros(len(dense), np.intp)
        lexical_rank[of_dense] = of_lexical + 1
        far = np.zeros(len(others), np.float32)
        if vector is not None and len(others):
            far = self.vectors.scores(vector[None], ranked[others])[0]
        return Pool(
            np.concatenate([dense, ranked[others]]),
            np.concatenate([bm25_of_dense, bm25[others]], dtype=np.float64),
            np.concatenate([cosine, far], dtype=np.float64),
            np.concatenate([lexical_rank, others + 1]),
            np.concatenate([np.arange(1, len(dense) + 1), np.zeros(len(others), np.intp)]),
        )

    def _fused(self, question: str, near: Near | None, k: int, leg: Leg, only: Ids | None) -> Retrieved:
        terms = self.terms.question(question)
        idf = self._reader.idf(terms)
        covered = coverage(terms, self.lexical.document_frequency)
        found = self.candidates(terms, near, max(DEPTH, k), only, lexical=leg != "dense")
        same = leg == "hybrid" and covered >= self.weights.gate
        read = 0 if leg == "lexical" else READ if same else READ_OTHER_LANGUAGE
        hits = fuse(found, self.weights, covered, max(read, k))
        if read:
            evidence = self._evidence(question, idf, [hit.passage_id for hit in hits[:read]], same=same)
            hits = rerank(hits, evidence, self.weights.evidence if same else self.weights.other_language_aligned)
        return Retrieved(question, tuple(hits[:k]), idf, covered, len(self.lexical), self._reader.words(question))

    def _evidence(self, question: str, idf: Mapping[str, float], ids: Sequence[int], *, same: bool) -> dict[int, float]:
        """What the passages' sentences hold of the question, 0…1: by words and meaning, or by meaning alone."""
        found = self._reader.evidence(question, idf, ids)
        if not same:
            return {number: (3 * each.aligned_sentence + each.aligned_passage) / 4 for number, each in found.items()}
        held, sentence, passage = self.weights.held, self.weights.aligned_sentence, self.weights.aligned_passage
        whole = held + sentence + passage
        return {
            number: (held * each.held + sentence * each.aligned_sentence + passage * each.aligned_passage) / whole
            for number, each in found.items()
        }
