"""txtai: hybrid search of its documentation (https://neuml.github.io/txtai/embeddings/configuration/general/#hybrid).

Vectors come from outside by ``method: external``. Texts aren't kept (``content`` is off): only numbers are asked for,
and its own benchmarks do so too. Its tokenizer follows Unicode's word rules, which make every Chinese character a word.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from txtai import Embeddings


class Peer:
    """See the package."""

    def __init__(self, folder: Path, questions: list[str], vectors: Any) -> None:
        self.known = dict(zip(questions, vectors, strict=True))

    def index(self, texts: list[str], vectors: Any, place: str) -> None:
        """Both indexes, in memory."""
        self.known |= zip(texts, vectors, strict=True)

        def given(wanted: list[str]) -> Any:  # a method wouldn't do: txtai calls anything but a function to get one
            return np.array([self.known[text] for text in wanted], dtype=np.float32)

        self.embeddings = Embeddings(method="external", transform=given, hybrid=True)
        self.embeddings.index(enumerate(texts))

    def search(self, question: str, vector: Any, k: int) -> list[int]:
        """See the package."""
        return [row for row, _ in self.embeddings.search(question, k)]
