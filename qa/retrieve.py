"""Question → hits: both legs, fused. The one retrieval path behind every surface.

The lexical leg finds passages that share the question's terms, the dense leg those whose vectors are near; each
candidate of either leg gets the other's exact score too, and ``qa.hits.fuse`` makes one ranking of both. Its first
are read again: a passage with a sentence that holds much of the question moves up.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from embeddings.embedder import Embedder
from embeddings.vector_store import VectorStore
from embeddings.vectors import Vectors
from qa.hits import FusionWeights, Hit, Ranked, coverage, fuse, rerank
from qa.lexical import LexicalIndex
from qa.text import Terms, sentences

Leg = Literal["hybrid", "lexical", "dense"]

DEPTH = 200
"""Candidates that each leg gives. On the three Chinese bench sets no right passage of a leg's first 10 stands lower in
the other leg than 200 and yet ends up among the first 10; unmeasured above 1,000 passages."""


READ = 20
"""Hits whose sentences are looked at, and at least as many as are asked for."""
REMEMBERED = 2000
"""Passages whose sentences' terms are kept in memory, some 20 MB."""

Texts = Callable[[Sequence[int]], Mapping[int, str]]
"""From passage ids to their texts; one that is gone is left out."""


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
    """Passages in the corpus."""


class Retriever:
    """Searches one state of the corpus. Safe to share between threads."""

    def __init__(
        self,
        lexical: LexicalIndex,
        vectors: VectorStore,
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
        self._sentences: OrderedDict[int, list[frozenset[str]]] = OrderedDict()
        self._lock = threading.Lock()

    def retrieve_many(self, questions: Sequence[str], k: int, leg: Leg = "hybrid") -> list[Retrieved]:
        """For each question, in order, its at most ``k`` best passages; none when the corpus is empty.

        A question's result is the same alone or among others. Questions are embedded in one batch.

        Raises:
            ModelError: as the embedder gives it.
        """
        if not len(self.lexical):
            return [Retrieved(question, (), {}, 0.0, 0) for question in questions]
        if leg == "lexical":
            return [self._fused(question, None, (), k, leg) for question in questions]
        vectors = self.embedder.questions(questions)
        near, ids = self.vectors.search(vectors, DEPTH)
        ranked = [tuple(zip(*pair, strict=True)) for pair in zip(ids.tolist(), near.tolist(), strict=True)]
        return [self._fused(question, vectors[i : i + 1], ranked[i], k, leg) for i, question in enumerate(questions)]

    def _fused(self, question: str, vector: Vectors | None, dense: Ranked, k: int, leg: Leg) -> Retrieved:
        terms = self.terms.question(question)
        frequency = {term: self.lexical.document_frequency(term) for term in dict.fromkeys(terms)}
        passages = len(self.lexical)
        idf = {term: math.log(1 + (passages - n + 0.5) / (n + 0.5)) for term, n in frequency.items()}
        covered = coverage(terms, frequency.__getitem__)
        lexical: Ranked = () if leg == "dense" else self.lexical.search(terms, DEPTH)
        hits = fuse(
            lexical,
            dense,
            self.weights,
            covered,
            lexical_scores=self._lexical_scores(terms, lexical, dense),
            cosines=self._cosines(vector, lexical, dense),
        )
        if leg == "hybrid" and covered >= self.weights.gate:
            read = hits[: max(READ, k)]
            hits = rerank(read, self._shares(idf, [hit.passage_id for hit in read]), self.weights.sentence)
        return Retrieved(question, tuple(hits[:k]), idf, covered, passages)

    def _shares(self, idf: Mapping[str, float], ids: Sequence[int]) -> dict[int, float]:
        """For each passage, the largest share of the question's term weight that one of its sentences holds."""
        whole = sum(idf.values())
        return {
            passage: max((_weight(idf, held) for held in sentence_terms), default=0.0) / whole
            for passage, sentence_terms in self._sentence_terms(ids)
        }

    def _sentence_terms(self, ids: Sequence[int]) -> Iterable[tuple[int, list[frozenset[str]]]]:
        """Each passage's sentences as sets of terms; the most recently used ones are remembered."""
        with self._lock:
            known = {passage: self._sentences[passage] for passage in ids if passage in self._sentences}
        missing = [passage for passage in ids if passage not in known]
        for passage, text in self.texts(missing).items() if missing else ():
            known[passage] = [frozenset(self.terms.passage(text[start:end])) for start, end in sentences(text)]
        with self._lock:
            for passage, held in known.items():
                self._sentences[passage] = held
                self._sentences.move_to_end(passage)
            while len(self._sentences) > REMEMBERED:
                self._sentences.popitem(last=False)
        return known.items()

    def _lexical_scores(self, terms: Sequence[str], lexical: Ranked, dense: Ranked) -> dict[int, float]:
        """BM25 of what only the dense leg ranked; a lexical list that isn't full holds all that match, so none."""
        if len(lexical) < DEPTH:
            return {}
        ranked = {passage for passage, _ in lexical}
        return self.lexical.scores(terms, [passage for passage, _ in dense if passage not in ranked])

    def _cosines(self, vector: Vectors | None, lexical: Ranked, dense: Ranked) -> dict[int, float]:
        """Cosines of what only the lexical leg ranked."""
        ranked = {passage for passage, _ in dense}
        missing = [passage for passage, _ in lexical if passage not in ranked]
        if vector is None or not missing:
            return {}
        scores = self.vectors.scores(vector, np.array(missing, dtype=np.int64))[0]
        return dict(zip(missing, scores.tolist(), strict=True))


def _weight(idf: Mapping[str, float], held: frozenset[str]) -> float:
    """Added in the question's order, so that the sum is the same to the last bit in every process."""
    return sum(weight for term, weight in idf.items() if term in held)
