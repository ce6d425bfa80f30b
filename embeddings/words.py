"""Vectors of words that come up again and again, each embedded once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from embeddings.embedder import Embedder
from embeddings.vectors import Vectors


class WordVectors:
    """Numbers for words, from 0, and a vector for each. For one thread at a time; the vectors it gave stay as they are.

    It only grows: who has it begins a new one when there are too many words.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._numbers: defaultdict[str, int] = defaultdict()
        self._numbers.default_factory = self._numbers.__len__
        self._rows: Vectors = np.empty((0, embedder.dim), dtype=np.float32)
        """Vectors of the first ``_embedded`` words, and room for more, so that few are copied when there are more."""
        self._embedded = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def words(self) -> list[str]:
        """All words, by their numbers."""
        return list(self._numbers)

    def numbered(self, words: Sequence[str]) -> npt.NDArray[np.intp]:
        """The words' numbers; new ones get the next."""
        return np.fromiter(map(self._numbers.__getitem__, words), np.intp, len(words))

    def vectors(self) -> Vectors:
        """A unit row for each number.

        Raises:
            ModelError: as the embedder gives it.
        """
        count = len(self._numbers)
        if count > self._embedded:
            new = self._embedder.passages(self.words()[self._embedded :])
            if count > len(self._rows):
                rows = np.empty((count + count // 2, self._embedder.dim), dtype=np.float32)
                rows[: self._embedded] = self._rows[: self._embedded]
                self._rows = rows
            self._rows[self._embedded : count] = new
            self._embedded = count
        return self._rows[:count]
