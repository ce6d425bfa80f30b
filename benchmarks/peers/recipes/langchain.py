"""LangChain: BM25Retriever and FAISS under an EnsembleRetriever, as its page on ensembles has it.

Jieba cuts the words (``preprocess_func``): without it, a Chinese sentence is one word and the lexical leg is dead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rjieba
from langchain_classic.retrievers import EnsembleRetriever
from langchain_community.retrievers import BM25Retriever
from langchain_community.vectorstores import FAISS
from langchain_core.embeddings import Embeddings

LEG = 10


def _words(text: str) -> list[str]:
    words: list[str] = rjieba.cut(text.lower(), False)
    return words


class Given(Embeddings):  # type: ignore[misc]  # its library isn't here
    """The vectors that were handed in."""

    def __init__(self, known: dict[str, Any]) -> None:
        self.known = known

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Of passages."""
        return [self.known[text].tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Of a question."""
        vector: list[float] = self.known[text].tolist()
        return vector


class Peer:
    """See the package."""

    def __init__(self, folder: Path, questions: list[str], vectors: Any) -> None:
        self.given = Given(dict(zip(questions, vectors, strict=True)))

    def index(self, texts: list[str], vectors: Any, place: str) -> None:
        """Both retrievers, in memory."""
        numbers = [{"row": row} for row in range(len(texts))]
        lexical = BM25Retriever.from_texts(texts, metadatas=numbers, preprocess_func=_words)
        lexical.k = LEG
        store = FAISS.from_embeddings(zip(texts, vectors.tolist(), strict=True), self.given, metadatas=numbers)
        dense = store.as_retriever(search_kwargs={"k": LEG})
        self.retriever = EnsembleRetriever(retrievers=[lexical, dense], weights=[0.5, 0.5])

    def search(self, question: str, vector: Any, k: int) -> list[int]:
        """See the package."""
        return [document.metadata["row"] for document in self.retriever.invoke(question)][:k]
