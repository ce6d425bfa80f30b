"""Haystack: its tutorial 33, a pipeline of BM25 and vectors from one InMemoryDocumentStore, joined by rank fusion.

The tutorial's ranker is a model that needs the hub; left out. The pattern of the lexical index takes single Chinese
characters beside words of other scripts, as its default takes a Chinese sentence for a word.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from haystack import Document, Pipeline
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore

LEG = 10
CHARACTERS = r"(?u)[\u3400-\u9fff]|[^\W\u3400-\u9fff]+"


class Peer:
    """See the package."""

    def __init__(self, folder: Path, questions: list[str], vectors: Any) -> None:
        pass

    def index(self, texts: list[str], vectors: Any, place: str) -> None:
        """The store and the pipeline over it."""
        store = InMemoryDocumentStore(bm25_tokenization_regex=CHARACTERS, embedding_similarity_function="dot_product")
        store.write_documents(
            [Document(id=str(i), content=text, embedding=vectors[i].tolist()) for i, text in enumerate(texts)]
        )
        self.pipeline = Pipeline()
        self.pipeline.add_component("lexical", InMemoryBM25Retriever(store, top_k=LEG))
        self.pipeline.add_component("dense", InMemoryEmbeddingRetriever(store, top_k=LEG))
        self.pipeline.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion"))
        self.pipeline.connect("lexical", "joiner")
        self.pipeline.connect("dense", "joiner")

    def search(self, question: str, vector: Any, k: int) -> list[int]:
        """See the package."""
        asked = {"lexical": {"query": question}, "dense": {"query_embedding": vector.tolist()}}
        return [int(document.id) for document in self.pipeline.run(asked)["joiner"]["documents"]][:k]
