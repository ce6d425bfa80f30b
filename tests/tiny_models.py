"""Sentence models of a few kilobytes with random weights, written as the real ones are: for tests of embedders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,?-东城区有个街道总工会发了多少口罩。？"
DIM = 24


def random_weights(rows: int = len(LETTERS) + 1, dtype: type[np.floating] = np.float32) -> npt.NDArray[np.floating]:
    return np.random.default_rng(7).standard_normal((rows, DIM)).astype(dtype)


def write_modules(folder: Path, *modules: tuple[str, str]) -> None:
    """``modules.json`` of (class under sentence_transformers.models, path)."""
    entries = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{name}"}
        for index, (name, path) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(entries), encoding="utf-8")


def write_prompts(folder: Path, prompts: Mapping[str, str], default: str | None = None) -> None:
    config = {"prompts": prompts, "default_prompt_name": default, "similarity_fn_name": "cosine"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config), encoding="utf-8")


def static_folder(
    folder: Path, weights: npt.NDArray[np.floating] | None = None, *, path: str = "", truncation: int | None = None
) -> Path:
    """A StaticEmbedding + Normalize folder; characters are tokens, blanks are none, unknown ones are token 0."""
    place = folder / path
    place.mkdir(parents=True, exist_ok=True)
    vocabulary = {"[UNK]": 0} | {letter: index for index, letter in enumerate(LETTERS, start=1)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split("", "isolated")]
    )
    if truncation:
        tokenizer.enable_truncation(truncation)
    tokenizer.save(str(place / "tokenizer.json"))
    save_file({"embedding.weight": random_weights() if weights is None else weights}, place / "model.safetensors")
    write_modules(folder, ("StaticEmbedding", path), ("Normalize", "1_Normalize"))
    return folder


def bert_folder(folder: Path, *, words: Sequence[str] = tuple(LETTERS), positions: int = 32) -> Path:
    """A BERT of one layer with mean pooling, that takes ``positions`` tokens."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *(f"##{word}" for word in words), ":"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=DIM,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=positions,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizer(vocab=str(folder / "vocab.txt"), model_max_length=positions).save_pretrained(folder)
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": DIM, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling), encoding="utf-8")
    write_modules(folder, ("Transformer", ""), ("Pooling", "1_Pooling"))
    return folder
