"""A sentence model of two dimensions whose vectors can be worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embeddings.vectors import Vectors


class Compass:
    """A model of two dimensions: fruit points north, all else east; a text between is the sum."""

    name, dim, fingerprint, word_vectors = "compass", 2, "compass-1", False

    def passages(self, texts: Sequence[str]) -> Vectors:
        rows = [
            [
                sum(word not in {"apple", "pear", "plum"} for word in text.split()) + 1e-3,
                sum(word in {"apple", "pear", "plum"} for word in text.split()),
            ]
            for text in texts
        ]
        array = np.array(rows, dtype=np.float32).reshape(len(rows), 2)
        return np.ascontiguousarray(array / np.linalg.norm(array, axis=1, keepdims=True))

    questions = passages
