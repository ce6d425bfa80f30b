"""Many texts as one array of token ids, and batches cut out of it: what the training loop reads.

A bag is a text's tokens without their order, since the model averages them. A batch may join several stretches of the
array to one bag, and drop tokens by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer
from tqdm import tqdm

Ints = npt.NDArray[np.int64]
_CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Bags:
    """``ids[starts[i]:starts[i + 1]]`` are the tokens of text ``i``."""

    ids: npt.NDArray[np.int32]
    starts: Ints

    @classmethod
    def encode(cls, tokenizer: Tokenizer, texts: Sequence[str], name: str) -> Bags:
        """The tokens of ``texts``; ``name`` stands before the progress bar."""
        ids: list[npt.NDArray[np.int32]] = []
        lengths: list[int] = []
        for start in tqdm(range(0, len(texts), _CHUNK), desc=f"tokens: {name}", unit="10k", leave=False):
            batch = tokenizer.encode_batch_fast(list(texts[start : start + _CHUNK]), add_special_tokens=False)
            encoded = [encoding.ids for encoding in batch]
            lengths.extend(map(len, encoded))
            ids.append(np.fromiter((token for one in encoded for token in one), dtype=np.int32))
        return cls(
            np.concatenate([np.zeros(0, dtype=np.int32), *ids]),
            np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)]),
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    def lengths(self) -> Ints:
        """(n,) tokens in each text."""
        return np.diff(self.starts)

    def beside(self, other: Bags) -> Bags:
        """The texts of both, in order."""
        return Bags(
            np.concatenate([self.ids, other.ids]), np.concatenate([self.starts, other.starts[1:] + len(self.ids)])
        )

    def rows(self, rows: Ints, rng: np.random.Generator, *, longest: int, drop: float) -> Batch:
        """The texts ``rows``, (n,) or (n, k): k texts joined, -1 for none. A longer text gives a random stretch."""
        grid = rows.reshape(len(rows), -1)
        start, length = self.starts[grid], np.where(grid < 0, 0, self.lengths()[grid])
        surplus = np.maximum(length - longest, 0)
        start = start + (rng.random(grid.shape) * (surplus + 1)).astype(np.int64)
        return self.spans(start, np.minimum(length, longest), rng, drop=drop)

    def spans(self, start: Ints, length: Ints, rng: np.random.Generator, *, drop: float) -> Batch:
        """(n, k) stretches of ``ids``, k joined to a bag; tokens are left out with the chance ``drop``.

        Bags of three tokens or less stay whole: a word of a dictionary must not lose all it has.
        """
        flat_length = length.ravel()
        total = int(flat_length.sum())
        within = np.arange(total) - np.repeat(np.cumsum(flat_length) - flat_length, flat_length)
        tokens = self.ids[within + np.repeat(start.ravel(), flat_length)]
        sizes = length.sum(axis=1)
        if drop:
            bag = np.repeat(np.arange(len(sizes)), sizes)
            keep = (rng.random(total) >= drop) | (sizes[bag] <= 3)
            tokens, sizes = tokens[keep], np.bincount(bag[keep], minlength=len(sizes))
        return Batch(tokens, sizes)


@dataclass(frozen=True, slots=True)
class Batch:
    """n bags: their tokens one after the other, and how many each has (possibly none)."""

    tokens: npt.NDArray[np.int32]
    sizes: Ints
