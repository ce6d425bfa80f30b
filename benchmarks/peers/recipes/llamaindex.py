"""LlamaIndex: BM25Retriever and a vector index on FAISS under a QueryFusionRetriever with one query and rank fusion.

The pattern of its lexical index takes single Chinese characters beside words of other scripts: its default, words of
two characters and more between blanks and marks, takes a Chinese sentence for a word.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import TextNode
from llama_index.retrievers.bm25 import BM25Retriever
from llama_index.vector_stores.faiss import FaissVectorStore

LEG = 10
CHARACTERS = r"(?u)[\u3400-\u9fff]|[^\W\u3400-\u9fff]+"


class Given(BaseEmbedding):  # type: ignore[misc]  # its library isn't here
    """The questions' vectors that were handed in; nodes bring their own."""

    known: dict[str, list[float]]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self.known[query]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self.known[query]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self.known[text]


class Peer:
    """See the package."""

    def __init__(self, folder: Path, questions: list[str], vectors: Any) -> None:
        self.given = Given(known=dict(zip(questions, vectors.tolist(), strict=True)))

    def index(self, texts: list[str], vectors: Any, place: str) -> None:
        """Both retrievers, in memory."""
        nodes = [TextNode(id_=str(i), text=text, embedding=vectors[i].tolist()) for i, text in enumerate(texts)]
        store = FaissVectorStore(faiss_index=faiss.IndexFlatIP(vectors.shape[1]))
        context = StorageContext.from_defaults(vector_store=store)
        dense = VectorStoreIndex(nodes, storage_context=context, embed_model=self.given)
        lexical = BM25Retriever.from_defaults(
            nodes=nodes, similarity_top_k=LEG, token_pattern=CHARACTERS, skip_stemming=True
        )
        self.retriever = QueryFusionRetriever(
            [dense.as_retriever(similarity_top_k=LEG), lexical],
            llm=MockLLM(),
            num_queries=1,
            similarity_top_k=LEG,
            mode="reciprocal_rerank",
            use_async=False,
        )

    def search(self, question: str, vector: Any, k: int) -> list[int]:
        """See the package."""
        return [int(found.node.node_id) for found in self.retriever.retrieve(question)][:k]
