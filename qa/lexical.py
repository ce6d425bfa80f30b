"""The lexical leg: BM25 over pre-cut terms, kept by tantivy in one folder; a cache that the store can always rebuild.

``qa.text.Terms`` decides what a term is on both sides; here a term is any string without white space. The score is

    Σ over the question's terms: ln(1 + (N − n + ½) / (n + ½)) · tf · (k₁ + 1) / (tf + k₁ · (1 − b + b · |d| / avg|d|))

with k₁ = 1.2 and b = 0.75 (Robertson and Zaragoza 2009; tantivy's constants), n of the N passages holding the term;
|d| is rounded down to one of 256 lengths, exact up to 40. A term that stands twice in the question counts twice.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import tantivy

from embeddings.vectors import Ids
from qa.errors import StoreError

FETCHED_PER_ID = 3
"""Hits that may be fetched for each allowed passage before the index is asked for these alone. At 100,000 passages a
hit takes 0.7 µs to fetch, an allowed passage 1.2 to 5 µs to look up."""
_ID, _TERMS = "id", "terms"
_LOCKS = (".tantivy-meta.lock", ".tantivy-writer.lock")


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field(_ID, indexed=True, fast=True)
    # "whitespace" splits and does nothing else; in particular it drops no long terms, as "default" does.
    builder.add_text_field(_TERMS, tokenizer_name="whitespace", index_option="freq")
    return builder.build()


class LexicalIndex:
    """An immutable index, opened from its folder; safe to share between threads."""

    def __init__(self, searcher: tantivy.Searcher) -> None:
        self._searcher = searcher
        self._schema = _schema()

    @staticmethod
    def build(folder: Path, documents: Iterable[tuple[int, list[str]]]) -> LexicalIndex:
        """The index of ``documents``, written to ``folder``: pairs of a passage id (0 to 2⁶⁴ − 1, each once) and terms.

        The folder must be empty; it is made when missing. Afterwards anyone who may read the folder can open the index.

        Raises:
            StoreError: INDEX_WRITE when the folder can't be written to.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # One thread: passages keep the order they came in, so the same corpus gives the same index.
            writer = tantivy.Index(_schema(), path=str(folder), reuse=False).writer(num_threads=1)
            for passage_id, terms in documents:
                document = tantivy.Document()  # filled field by field: Document(id=…) kills the writer's thread
                document.add_unsigned(_ID, passage_id)
                document.add_text(_TERMS, " ".join(terms))
                writer.add_document(document)
            writer.commit()
            writer.wait_merging_threads()
            for file in folder.iterdir():
                if file.name in _LOCKS:
                    file.unlink()
                else:
                    file.chmod(0o644)  # tantivy writes its manifests for the owner alone
        except (OSError, ValueError) as error:
            raise StoreError(
                "INDEX_WRITE", f"{folder}: the lexical index can't be written ({error}); check space and rights."
            ) from error
        return LexicalIndex.open(folder)

    @staticmethod
    def open(folder: Path) -> LexicalIndex:
        """The index in ``folder``, memory-mapped. Nothing is written to the folder; it may be read-only.

        Raises:
            StoreError: INDEX_DAMAGED when there is none, or not a whole one.
        """
        try:
            # tantivy takes a lock in the folder even for reading, so that a read-only one can't be opened. It gets a
            # folder of ours with links to the files; they are all mapped when the searcher is made, so links can go.
            with tempfile.TemporaryDirectory(prefix="wenbao-", ignore_cleanup_errors=True) as links:
                for file in folder.iterdir():
                    if file.name not in _LOCKS:
                        (Path(links) / file.name).symlink_to(file.resolve())
                return LexicalIndex(_searcher(links))
        except (OSError, ValueError) as error:
            raise StoreError(
                "INDEX_DAMAGED", f"{folder}: no whole lexical index ({error}); index again to rebuild it."
            ) from error

    def __len__(self) -> int:
        return self._searcher.num_docs

    def document_frequency(self, term: str) -> int:
        """Number of passages that hold ``term``."""
        return self._searcher.doc_freq(_TERMS, term)

    def search(self, terms: Sequence[str], k: int, only: Ids | None = None) -> list[tuple[int, float]]:
        """The ``k`` best passages that hold any of ``terms``, as (id, BM25), best first, equal scores by id.

        With ``only``, distinct ids in ascending order, they are the best of these; N and n stay those of all passages,
        so that a passage has the same score whatever else may be searched.
        """
        query = self._query(terms)
        count = len(self) if only is None else len(only)
        wanted = min(k, count)
        if wanted < 1 or query is None:
            return []
        # As many hits as hold the wanted number of allowed ones, if these lie anywhere.
        limit = (wanted + 1) * max(1, len(self) // count)
        allowed = None if only is None else frozenset(only.tolist())
        while True:
            if allowed is not None and limit > FETCHED_PER_ID * count:
                query, allowed = self._among(query, allowed), None
                limit = wanted + 1
            hits = self._hits(query, limit)
            complete = len(hits) < limit
            last = hits[-1][1] if hits else 0.0
            if allowed is not None:
                hits = [hit for hit in hits if hit[0] in allowed]
            # With equal scores across the border those with the smallest ids belong above it: see them all.
            if complete or (len(hits) > wanted and last < hits[wanted - 1][1]):
                return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:wanted]
            limit *= 2

    def scores(self, terms: Sequence[str], ids: Sequence[int]) -> dict[int, float]:
        """BM25 of the named passages; 0 where no term matches or there is no such passage."""
        scores = dict.fromkeys(ids, 0.0)
        query = self._query(terms)
        if query is None or not scores:
            return scores
        return scores | dict(self._hits(self._among(query, scores), len(scores)))

    def _among(self, query: tantivy.Query, ids: Collection[int]) -> tantivy.Query:
        """The query over these passages alone, with the same scores."""
        named = tantivy.Query.term_set_query(self._schema, _ID, list(ids))
        return tantivy.Query.boolean_query(
            [(tantivy.Occur.Must, tantivy.Query.const_score_query(named, 0.0)), (tantivy.Occur.Must, query)]
        )

    def _query(self, terms: Sequence[str]) -> tantivy.Query | None:
        clauses = [
            (
                tantivy.Occur.Should,
                tantivy.Query.boost_query(tantivy.Query.term_query(self._schema, _TERMS, term, "freq"), float(count)),
            )
            for term, count in sorted(Counter(terms).items())
        ]
        return tantivy.Query.boolean_query(clauses) if clauses else None

    def _hits(self, query: Any, limit: int) -> list[tuple[int, float]]:
        hits = self._searcher.search(query, limit, count=False).hits
        ids = self._searcher.fast_field_values(_ID, [address for _, address in hits])
        return [(cast("int", passage_id), score) for passage_id, (score, _) in zip(ids, hits, strict=True)]


def _searcher(folder: str) -> tantivy.Searcher:
    index = tantivy.Index.open(folder)
    index.config_reader("manual", 0)  # the folder never changes: nothing to watch
    index.reload()
    return index.searcher()
