"""From a trained matrix to the folder that ``sentence_transformers.SentenceTransformer`` and the product load.

A token's vector is stored as whole numbers of 8 bits and a power of two, the tokenizer without blanks and with rounded
scores: the folder stays under 25 MB. The model card is written by hand and stays.
"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

Floats = npt.NDArray[np.float32]

_MODULES = [
    {
        "idx": 0,
        "name": "0",
        "path": "0_StaticEmbedding",
        "type": "sentence_transformers.models.StaticEmbedding",
    },
    {"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"},
]
_CONFIG: dict[str, object] = {
    "model_type": "SentenceTransformer",
    "prompts": {},
    "default_prompt_name": None,
    "similarity_fn_name": "cosine",
}


class Storage(StrEnum):
    """How the numbers are written; both give the same vectors to the last bit."""

    INT8 = "int8"
    """model2vec's tensors ``embeddings`` and ``weights`` (a factor a token), as sentence-transformers 6 reads them."""
    HALF = "half"
    """``embedding.weight`` in half precision: twice the size, for any sentence-transformers with static models."""


def export(weight: Floats, tokenizer: Tokenizer, folder: Path, storage: Storage) -> None:
    """Writes the model to ``folder``, over what is there; other files (the model card) stay."""
    embedding = folder / "0_StaticEmbedding"
    embedding.mkdir(parents=True, exist_ok=True)
    (folder / "1_Normalize").mkdir(exist_ok=True)
    numbers, factors = quantise(weight)
    if storage is Storage.INT8:
        tensors: dict[str, npt.NDArray[np.generic]] = {"embeddings": numbers, "weights": factors}
    else:
        tensors = {"embedding.weight": (numbers * factors[:, None]).astype(np.float16)}
    save_file(tensors, embedding / "model.safetensors", metadata={"format": "pt"})
    (embedding / "model.safetensors").chmod(0o644)
    (embedding / "tokenizer.json").write_text(compact(tokenizer), encoding="utf-8")
    (folder / "1_Normalize" / "config.json").write_text("{}\n", encoding="utf-8")
    (folder / "modules.json").write_text(json.dumps(_MODULES, indent=2) + "\n", encoding="utf-8")
    (folder / "config_sentence_transformers.json").write_text(json.dumps(_CONFIG, indent=2) + "\n", encoding="utf-8")


def quantise(weight: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """(n, dim) whole numbers and (n,) factors whose product is next to ``weight``, but for one common factor.

    A factor is the smallest power of two that brings the row's largest number to 127 or less, so the product is exact
    in half precision too. The rows are first scaled to a root mean square of 1: a mean is made unit length anyway.
    """
    scaled = weight / np.float32(np.sqrt(np.mean(np.square(weight, dtype=np.float64))))
    largest = np.maximum(np.abs(scaled).max(axis=1), np.float32(2**-10))
    factors = np.exp2(np.ceil(np.log2(largest / 127))).astype(np.float32)
    return np.rint(scaled / factors[:, None]).astype(np.int8), factors


def read_weights(folder: Path) -> Floats:
    """(vocabulary, dim): the numbers that ``export`` wrote to ``folder``, in single precision."""
    tensors = load_file(folder / "0_StaticEmbedding" / "model.safetensors")
    if "embedding.weight" in tensors:
        return np.asarray(tensors["embedding.weight"], dtype=np.float32)
    rows: Floats = tensors["embeddings"].astype(np.float32) * tensors["weights"][:, None]
    return rows


def compact(tokenizer: Tokenizer) -> str:
    """The tokenizer's JSON with scores of three decimals: half as large, and no text is cut otherwise for it."""
    content = json.loads(tokenizer.to_str())
    content["model"]["vocab"] = [[piece, round(score, 3)] for piece, score in content["model"]["vocab"]]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
