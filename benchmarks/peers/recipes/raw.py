"""faiss and tantivy with nothing around them: jieba's words on both sides, reciprocal rank fusion of 50 and 50.

The least that finds Chinese passages by words and vectors. In memory, except tantivy's folder.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import faiss
import rjieba
import tantivy

LEG = 50
"""Hits of each leg that are fused."""
RANK_CONSTANT = 60
"""Cormack et al. 2009."""


class Peer:
    """See the package."""

    def __init__(self, folder: Path, questions: list[str], vectors: Any) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("id", fast=True)
        builder.add_text_field("text", tokenizer_name="whitespace", index_option="freq")
        self.schema = builder.build()
        faiss.omp_set_num_threads(1)

    def index(self, texts: list[str], vectors: Any, place: str) -> None:
        """A flat index of inner products, and one segment of terms."""
        self.dense = faiss.IndexFlatIP(vectors.shape[1])
        self.dense.add(vectors)
        index = tantivy.Index(self.schema, path=place)
        writer = index.writer(num_threads=1)
        for number, text in enumerate(texts):
            document = tantivy.Document()
            document.add_unsigned("id", number)
            document.add_text("text", " ".join(self.terms(text)))
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        self.lexical = index.searcher()

    def terms(self, text: str) -> list[str]:
        """Words of search mode, lower case."""
        words: list[str] = rjieba.cut_for_search(text.lower(), False)
        return words

    def search(self, question: str, vector: Any, k: int) -> list[int]:
        """The fused list's first ``k``."""
        _, near = self.dense.search(vector[None], LEG)
        scores: dict[int, float] = defaultdict(float)
        for ranked in (near[0].tolist(), self._matching(self.terms(question))):
            for rank, row in enumerate(ranked, 1):
                scores[row] += 1 / (RANK_CONSTANT + rank)
        return sorted(scores, key=lambda row: (-scores[row], row))[:k]

    def _matching(self, terms: list[str]) -> list[int]:
        clauses = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self.schema, "text", term, "freq"))
            for term in terms
            if term.strip()
        ]
        hits = self.lexical.search(tantivy.Query.boolean_query(clauses), LEG, count=False).hits
        rows: list[Any] = list(self.lexical.fast_field_values("id", [address for _, address in hits]))
        return rows
