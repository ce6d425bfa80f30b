"""Vectors of words that come up again and again, each embedded once a process."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from embeddings.embedder import Embedder
from embeddings.vectors import Vectors

KEPT_WORDS = 50_000
"""Words whose vectors are kept: 100 MB at 512 dimensions, 4 bytes each."""


class WordVectors:
    """Numbers for words, from 0, and a vector for each. Safe to share between threads.

    It only grows, and the vectors it gave stay as they are: who has it begins a new one when there are too many words.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._lock = threading.Lock()
        self._numbers: defaultdict[str, int] = defaultdict()
        self._numbers.default_factory = self._numbers.__len__
        self._rows: Vectors = np.empty((0, embedder.dim), dtype=np.float32)
        """Vectors of the first ``_embedded`` words, and room for more, so that few are copied when there are more."""
        self._embedded = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def words(self) -> list[str]:
        """All words, by their numbers."""
        with self._lock:
            return list(self._numbers)

    def numbered(self, words: Sequence[str]) -> npt.NDArray[np.intp]:
        """The words' numbers; new ones get the next."""
        with self._lock:
            return np.fromiter(map(self._numbers.__getitem__, words), np.intp, len(words))

    def vectors(self) -> Vectors:
        """A unit row for each number.

        Raises:
            ModelError: as the embedder gives it.
        """
        with self._lock:
            count = len(self._numbers)
            if count > self._embedded:
                new = list(islice(reversed(self._numbers), count - self._embedded))[::-1]
                if count > len(self._rows):
                    rows = np.empty((count + count // 2, self._embedder.dim), dtype=np.float32)
                    rows[: self._embedded] = self._rows[: self._embedded]
                    self._rows = rows
                self._rows[self._embedded : count] = self._embedder.passages(new)
                self._embedded = count
            return self._rows[:count]


_SHARED: WeakValueDictionary[str, WordVectors] = WeakValueDictionary()
_SHARING = threading.Lock()


def shared_words(embedder: Embedder) -> WordVectors:
    """The words that all of a process know by a model, as long as one of them keeps it; new ones past KEPT_WORDS."""
    with _SHARING:
        found = _SHARED.get(embedder.fingerprint)
        if found is None or len(found) > KEPT_WORDS:
            found = _SHARED[embedder.fingerprint] = WordVectors(embedder)
        return found
