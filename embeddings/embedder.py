"""The contract of an embedder: texts in, unit vectors out. One file per library in ``embedders/``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from embeddings.vectors import Vectors

SELF_TEST = ("One short sentence to try the model.", "东城区有17个街道。", "8000, 2020-03-08?")
"""What every embedder encodes when it is loaded: a model that gives no vectors is found before it serves."""


class Embedder(Protocol):
    """A sentence model. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """What was asked for: a folder's name or a hub id."""

    @property
    def dim(self) -> int:
        """Length of each vector."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever vectors would: weights, tokenizer, prompts, pooling. Vectors of two don't mix."""

    @property
    def word_vectors(self) -> bool:
        """Does a word alone have a vector that means it? True where a text's vector is the sum of its words'."""

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts that are to be found, shape (len(texts), dim), in their order.

        A text longer than the model takes is split and averaged, never cut off. An empty text has a vector too.

        Raises:
            ModelError: MODEL_BAD_VECTORS when the model gives NaN, infinity or zero for a text.
        """

    def questions(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts to search with; differs from ``passages`` where the model was trained with prompts."""


def encodable(text: str) -> str:
    """The text with ``?`` for halves of surrogate pairs, which JSON lets through and tokenizers refuse."""
    return text.encode("utf-8", "replace").decode("utf-8")
