"""Static sentence models: the mean of a text's token vectors. Needs numpy, tokenizers and safetensors, no torch.

The folder is what sentence-transformers saves for ``StaticEmbedding`` (with or without ``Normalize``):
``modules.json``, ``tokenizer.json``, ``model.safetensors`` with the tensor ``embedding.weight`` (tokens, dim), or with
model2vec's ``embeddings``, ``mapping`` (token → row) and ``weights`` (token → factor), the last two at will; with
factors, the rows may be whole numbers of 8 bits. Vectors
are those of ``SentenceTransformer(folder).encode(texts, normalize_embeddings=True)``, with two differences that lose
nothing: a truncation written in ``tokenizer.json`` isn't applied, and half-precision weights are added up in single
precision.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embeddings.embedder import SELF_TEST, encodable
from embeddings.errors import ModelError
from embeddings.model_folder import WEIGHTS, fingerprint, read_modules, read_prompts
from embeddings.vectors import Vectors, unit

POOLING = "mean of token vectors, 1"
"""Part of the fingerprint: the number grows when this file would give other vectors for the same folder."""
BLOCK_TOKENS = 1 << 15
"""Token vectors of a text gathered at a time: 32 MiB at 256 dimensions."""
WORD_TOKENS = 4
"""Texts of at most so many tokens are summed together with others of their length."""
MANY_TEXTS, MANY_CHARS = 64, 1000
"""From so many on, texts are tokenised by a pool of threads. Waking it takes longer than a few words do: a word at a
time took 60 µs so and 7 without, and the clock showed 160 beside other work."""
BLOCK_TEXTS = 1 << 10
"""Texts tokenised at a time."""


def is_static(folder: Path) -> bool:
    """Whether ``modules.json`` lists nothing but StaticEmbedding and Normalize."""
    classes = [module.type.rpartition(".")[2] for module in read_modules(folder)]
    return classes in (["StaticEmbedding"], ["StaticEmbedding", "Normalize"])


class StaticEmbedder:
    """The model in a folder that ``model_folder.scan`` has passed and ``is_static``."""

    word_vectors = True

    def __init__(self, folder: Path, name: str) -> None:
        """Loads and tries the model: 0.1 s for 64,000 × 256 in half precision.

        Raises:
            ModelError: MODEL_INVALID naming the file, or MODEL_BAD_VECTORS.
        """
        # Loaded here, so that importing the package costs numpy alone.
        from safetensors import SafetensorError, safe_open  # noqa: PLC0415
        from tokenizers import Tokenizer  # noqa: PLC0415

        self.name = name
        module = read_modules(folder)[0].folder
        weights, tokenizer = module / WEIGHTS, module / "tokenizer.json"
        try:
            self._tokenizer = Tokenizer.from_str(tokenizer.read_text(encoding="utf-8"))
        except Exception as error:  # tokenizers raises plain Exception
            raise ModelError("MODEL_INVALID", f"{tokenizer} can't be used: {error}; copy the model again.") from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        try:
            with safe_open(weights, framework="numpy") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                self._weights, self._factors = _rows_by_token(tensors)
        except (OSError, SafetensorError, TypeError, AttributeError, KeyError, ValueError, IndexError) as error:
            raise ModelError("MODEL_INVALID", f"{weights} can't be used: {error}; copy the model again.") from error
        tokens = self._tokenizer.get_vocab_size()
        types = (np.float16, np.float32) if self._factors is None else (np.float16, np.float32, np.int8)
        if self._weights.dtype not in types or self._weights.ndim != 2 or len(self._weights) < tokens:
            raise ModelError(
                "MODEL_INVALID",
                f"{weights} holds {self._weights.dtype} {self._weights.shape}, expected float16 or float32 with a "
                f"row for each of the {tokens} tokens of {tokenizer.name}, or int8 with a factor a row too; copy the "
                "model again.",
            )
        self.dim = int(self._weights.shape[1])
        self._prompts = read_prompts(folder, name)
        self.fingerprint = fingerprint(folder, POOLING, self._prompts)
        tried = self._sums(SELF_TEST)
        if not np.isfinite(tried).all() or not tried.any():
            raise ModelError(
                "MODEL_BAD_VECTORS",
                f"{weights} gives NaN, infinity or only zeros for plain sentences: copy the model again.",
            )

    def passages(self, texts: Sequence[str]) -> Vectors:
        """See ``Embedder.passages``. A text without any token (empty, blank) gets the first unit vector."""
        return self._vectors(texts, self._prompts.passage)

    def questions(self, texts: Sequence[str]) -> Vectors:
        """See ``Embedder.questions``."""
        return self._vectors(texts, self._prompts.question)

    @property
    def tokens_known(self) -> int:
        """Size of the vocabulary."""
        return len(self._weights)

    def tokens(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """The numbers of the text's tokens, and where each stands in it: start and end."""
        encoding = self._tokenizer.encode(encodable(text), add_special_tokens=False)
        return encoding.ids, encoding.offsets

    def token(self, number: int) -> str:
        """How a token is written in the vocabulary; ``▁`` stands for a blank before it. Empty for an unknown number."""
        return self._tokenizer.id_to_token(number) or ""

    def token_vectors(self, tokens: npt.NDArray[np.intp], dim: int) -> npt.NDArray[np.float32]:
        """The first ``dim`` numbers of the tokens' vectors, (tokens, dim), as long as they weigh in a text's sum."""
        rows = self._weights[tokens, :dim].astype(np.float32)
        return rows if self._factors is None else rows * self._factors[tokens, None]

    def _vectors(self, texts: Sequence[str], prompt: str) -> Vectors:
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), BLOCK_TEXTS):
            sums = self._sums([encodable(prompt + text) for text in texts[start : start + BLOCK_TEXTS]])
            # The direction of a mean is that of its sum. Zero has none: any fixed one is as good, NaN isn't.
            sums[~sums.any(axis=1), 0] = 1
            vectors[start : start + len(sums)] = unit(sums)
        return vectors

    def _sums(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Sum of the token vectors of each text. A text's sum is the same to the last bit whatever stands beside it."""
        sums = np.zeros((len(texts), self.dim), dtype=np.float32)
        if len(texts) < MANY_TEXTS and sum(map(len, texts)) < MANY_CHARS:
            encodings = [self._tokenizer.encode(text, add_special_tokens=False) for text in texts]
        else:
            encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        every = [np.array(encoding.ids, dtype=np.intp) for encoding in encodings]
        words: defaultdict[int, list[int]] = defaultdict(list)
        # Text by text: numpy's reduceat over all of them at once takes 20 times as long.
        for row, tokens in enumerate(every):
            if 0 < len(tokens) <= WORD_TOKENS:
                words[len(tokens)].append(row)
                continue
            for start in range(0, len(tokens), BLOCK_TOKENS):
                sums[row] += self._rows(tokens[start : start + BLOCK_TOKENS]).sum(axis=0)
        for rows in words.values():  # those of a length together: one by one, words take a third longer
            sums[rows] = self._rows(np.stack([every[row] for row in rows])).sum(axis=1)
        return sums

    def _rows(self, tokens: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        try:
            rows = self._weights[tokens].astype(np.float32, copy=False)
            return rows if self._factors is None else rows * self._factors[tokens][..., None]
        except IndexError as error:
            raise ModelError(
                "MODEL_INVALID",
                f"The tokenizer of model {self.name} gave token {tokens.max()}, but there are "
                f"{len(self._weights)} vectors: weights and tokenizer don't belong together; copy the model again.",
            ) from error


def _rows_by_token(
    tensors: dict[str, npt.NDArray[Any]],
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32] | None]:
    """A row for each token as it is stored, and each token's factor; they are multiplied when a row is used."""
    if "embedding.weight" in tensors:
        return tensors["embedding.weight"], None
    rows = tensors["embeddings"]
    if "mapping" in tensors:
        rows = rows[tensors["mapping"]]
    factors = tensors.get("weights")
    if factors is not None and factors.shape != rows.shape[:1]:
        raise ValueError(f"{factors.shape} factors for {rows.shape} rows")
    return rows, None if factors is None else factors.astype(np.float32)
