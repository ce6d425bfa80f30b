"""LanceDB: a table with a full-text index, hybrid search with its default fusion (its page on hybrid search).

Pairs of characters are its terms (``base_tokenizer="ngram"``): its default knows only blanks and marks, and its jieba
wants a dictionary from the net. No vector index: its documentation advises none below some 100,000 rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lancedb
import pyarrow


class Peer:
    """See the package."""

    def __init__(self, folder: Path, questions: list[str], vectors: Any) -> None:
        pass

    def index(self, texts: list[str], vectors: Any, place: str) -> None:
        """The table on disk, and its index."""
        flat = pyarrow.array(vectors.ravel(), pyarrow.float32())
        rows = pyarrow.table(
            {
                "row": pyarrow.array(range(len(texts)), pyarrow.int64()),
                "text": texts,
                "vector": pyarrow.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
            }
        )
        self.table = lancedb.connect(place).create_table("passages", data=rows)
        self.table.create_fts_index(
            "text", base_tokenizer="ngram", ngram_min_length=2, ngram_max_length=2, stem=False, remove_stop_words=False
        )

    def search(self, question: str, vector: Any, k: int) -> list[int]:
        """See the package."""
        query = self.table.search(query_type="hybrid").vector(vector).text(question).limit(k).select(["row"])
        found: list[int] = query.to_arrow()["row"].to_pylist()
        return found
