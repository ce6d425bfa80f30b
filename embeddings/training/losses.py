"""What the student is trained on, as functions of unit vectors: contrastive loss and distance to the teacher."""

from __future__ import annotations

import torch
from torch.nn import functional

SCALE = 20.0
"""Cosines are multiplied by this before the softmax, as in sentence-transformers' MultipleNegativesRankingLoss."""


def contrastive(
    left: torch.Tensor, right: torch.Tensor, left_text: torch.Tensor, right_text: torch.Tensor, scale: float = SCALE
) -> torch.Tensor:
    """Mean cross-entropy of finding each row's partner among all rows of the batch, over both directions.

    Args:
        left, right: (n, dim) vectors, of any length; pairs stand in equal rows.
        left_text, right_text: (n,) numbers of texts: a row with an equal text on either side is no negative.
        scale: factor before the softmax.
    """
    similarity = scale * functional.normalize(left, dim=1) @ functional.normalize(right, dim=1).T
    equal = (left_text[:, None] == left_text[None, :]) | (right_text[:, None] == right_text[None, :])
    equal.fill_diagonal_(fill_value=False)
    similarity = similarity.masked_fill(equal, float("-inf"))
    partner = torch.arange(len(left))
    return 0.5 * (functional.cross_entropy(similarity, partner) + functional.cross_entropy(similarity.T, partner))


def distance(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Mean of 1 − cosine of (n, dim) vectors."""
    return 1.0 - functional.cosine_similarity(student, teacher, dim=1).mean()
