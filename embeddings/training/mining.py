"""Hard negatives: for each Chinese row, rows whose right text the present model takes for its partner, nearly.

They are drawn into the same batch as the row, where every row's text is a negative of all others: a batch of
look-alikes (Hofstätter et al. 2021, "Balanced Topic Aware Sampling") costs no more than one of strangers. Mined once,
then cached.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from embeddings.training.bags import Bags, Ints
from embeddings.training.prepare import Sides

Floats = npt.NDArray[np.float32]

NEIGHBOURS = 4
DIM = 128
"""The first so many numbers of the vectors: enough to rank neighbours, at a quarter of the cost."""
TOO_NEAR = 0.95
"""A row is no negative when it is nearer than this share of the partner's own cosine: it may well be right (Moreira et
al. 2024, "NV-Retriever")."""
_CHUNK = 8192


def bag_vectors(bags: Bags, rows: Ints, weight: Floats) -> Floats:
    """(len(rows), dim): unit means of the texts' rows of ``weight``; a text without tokens gives zeros."""
    vectors = np.zeros((len(rows), weight.shape[1]), dtype=np.float32)
    for place, row in enumerate(rows.tolist()):
        ids = bags.ids[bags.starts[row] : bags.starts[row + 1]]
        if len(ids):
            vectors[place] = weight[ids].mean(axis=0)
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
    return unit


def neighbours(sides: Sides, weight: Floats, seed: int = 0) -> Ints:
    """(rows, NEIGHBOURS): for each Chinese row, the rows that are most easily taken for its partner; -1 for none.

    Looked for among the rows of the same random chunk, which finds near ones, if not the nearest, of a large table.
    """
    found = np.full((len(sides.chance), NEIGHBOURS), -1, dtype=np.int64)
    rows = np.random.default_rng((seed, 0xA11)).permutation(np.flatnonzero(sides.chinese & (sides.chance > 0)))
    for start in tqdm(range(0, len(rows), _CHUNK), desc="hard negatives", unit="chunk", leave=False):
        chunk = rows[start : start + _CHUNK]
        left, right = (bag_vectors(bags, chunk, weight[:, :DIM]) for bags in (sides.left, sides.right))
        cosines = left @ right.T
        own = cosines.diagonal()[:, None]
        same = sides.left_text[chunk][:, None] == sides.left_text[chunk][None, :]
        same |= sides.right_text[chunk][:, None] == sides.right_text[chunk][None, :]
        cosines[same | (cosines > TOO_NEAR * own)] = -1
        count = min(NEIGHBOURS, len(chunk))
        best = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        usable = np.take_along_axis(cosines, best, axis=1) > 0
        found[chunk, :count] = np.where(usable, chunk[best], -1)
    return found
