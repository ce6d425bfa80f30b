"""Arrays that pass between embedders and stores, and the one dot product that every score comes from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embeddings.errors import ModelError

Vectors = npt.NDArray[np.float32]
"""Shape (n, dim), C-ordered, rows of length 1."""
Ids = npt.NDArray[np.int64]
"""Shape (n,), any whole numbers."""
Scores = npt.NDArray[np.float32]
"""Cosines; larger is better."""


def unit(rows: npt.ArrayLike) -> Vectors:
    """The rows scaled to length 1; shape (n, dim) in, the same out.

    Lengths are taken in float64, since squares of large float32 values overflow.

    Raises:
        ModelError: MODEL_BAD_VECTORS for a row with NaN or infinity, or of length 0, which has no direction.
    """
    wide = np.asarray(rows, dtype=np.float64)
    if wide.ndim != 2:
        raise ModelError("MODEL_BAD_VECTORS", f"The model gave an array of shape {wide.shape}, expected (texts, dim).")
    lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if bad.size:
        row = wide[bad[0]]
        kind = "only zeros" if np.isfinite(row).all() else "NaN or infinity"
        raise ModelError(
            "MODEL_BAD_VECTORS",
            f"The model gave {kind} for {bad.size} of {len(wide)} texts, first for text {bad[0] + 1}; "
            "its weights are damaged or it isn't a sentence model: use another model.",
        )
    return np.ascontiguousarray(wide / lengths[:, None], dtype=np.float32)


def cosines(vectors: Vectors, question: Vectors) -> Scores:
    """Dot products of every row of ``vectors`` (n, dim) with one ``question`` (dim,); shape (n,).

    Each row is summed on its own, so a pair has the same score to the last bit whatever stands beside it. A matrix
    product hasn't that property (its kernels differ by block), and then one question asked alone or in a batch would
    give two answers. At 50,000 × 256 this takes as long as reading the memory does, as a matrix product would.
    """
    scores: Scores = np.vecdot(vectors, question)
    return scores
