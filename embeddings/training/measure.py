"""How well the model alone finds passages, and how fast it is: the figures of the model card.

Cosines are exact, over all passages of a set; a passage is its title and its text, a line each.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from embeddings.training.data import Corpus
from embeddings.training.export import read_weights

Floats = npt.NDArray[np.float32]
Encode = Callable[[Sequence[str]], Floats]
_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Shares of questions whose passage stands first, among the first five, and the mean reciprocal rank (of 10)."""

    name: str
    passages: int
    questions: int
    recall_1: float
    recall_5: float
    mrr_10: float


def folder_encoder(folder: Path) -> Encode:
    """Texts → (n, dim) unit rows by the folder's own files, as ``export`` wrote them."""
    return encoder(read_weights(folder), Tokenizer.from_file(str(folder / "0_StaticEmbedding" / "tokenizer.json")))


def encoder(rows: Floats, tokenizer: Tokenizer) -> Encode:
    """Texts → (n, dim) unit rows: the mean of the tokens' ``rows``; a text without tokens gives zeros."""

    def encode(texts: Sequence[str]) -> Floats:
        vectors = np.zeros((len(texts), rows.shape[1]), dtype=np.float32)
        for start in range(0, len(texts), _CHUNK):
            batch = tokenizer.encode_batch_fast(list(texts[start : start + _CHUNK]), add_special_tokens=False)
            for place, encoding in enumerate(batch, start):
                if encoding.ids:
                    vectors[place] = rows[encoding.ids].mean(axis=0)
        return unit(vectors)

    return encode


def unit(vectors: Floats) -> Floats:
    """The rows at length 1; zero rows stay."""
    rows: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
    return rows


def retrieval(folder: Path, encode: Encode, dim: int | None = None) -> Retrieval:
    """The figures of a BEIR-style folder (``corpus.jsonl``, ``queries.jsonl``, ``qrels.tsv``: one passage a question).

    ``dim`` keeps only the first so many numbers of each vector.
    """
    corpus = [json.loads(line) for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()]
    queries = [json.loads(line) for line in (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()]
    place = {row["_id"]: number for number, row in enumerate(corpus)}
    lines = (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]
    wanted = {query: place[passage] for query, passage, _ in (line.split("\t") for line in lines)}
    passages = unit(encode([f"{row['title']}\n{row['text']}".strip() for row in corpus])[:, :dim])
    questions = unit(encode([row["text"] for row in queries])[:, :dim])
    cosines = questions @ passages.T
    right = np.array([wanted[row["_id"]] for row in queries])
    own = cosines[np.arange(len(queries)), right]
    rank = 1 + (cosines > own[:, None]).sum(axis=1)
    return Retrieval(
        folder.name,
        len(corpus),
        len(queries),
        float((rank == 1).mean()),
        float((rank <= 5).mean()),
        float(np.where(rank <= 10, 1 / rank, 0).mean()),
    )


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Share of texts whose nearest text, among all of the other language, is their partner; ``pairs`` of them."""

    name: str
    pairs: int
    recall_1: float


def held_out_retrieval(rows: Corpus, encode: Encode) -> list[HeldOut]:
    """English → Chinese, and other languages → Chinese where both have the same English, by table and language."""
    found = []
    for name, table in (("questions", rows.parallel), ("names", rows.dictionary)):
        chinese = {
            left: right
            for language, left, right in zip(table.language, table.left, table.right, strict=True)
            if language == "zh"
        }
        asked: dict[str, dict[str, str]] = {"en": {right: left for left, right in chinese.items()}}
        for language, left, right in zip(table.language, table.left, table.right, strict=True):
            if language != "zh" and left in chinese:
                asked.setdefault(language, {})[chinese[left]] = right
        for language, partners in sorted(asked.items()):
            targets = list(partners)
            if not targets:
                continue
            cosines = encode([partners[target] for target in targets]) @ encode(targets).T
            right_first = (cosines.argmax(axis=1) == np.arange(len(targets))).mean()
            found.append(HeldOut(f"{name} {language} → zh", len(targets), round(float(right_first), 4)))
    return found


@dataclass(frozen=True, slots=True)
class Throughput:
    """Texts encoded in a second of CPU time on one core, by the model and by its teacher."""

    texts: str
    ours: float
    teacher: float
    ratio: float


def throughput(encode: Encode, folder: Path) -> list[Throughput]:
    """The folder's questions and passages through the model and through all-MiniLM-L6-v2, in the same process.

    The teacher reads a fifth of the texts, since it takes so long; its texts are batched by length, its best case.
    """
    import torch  # noqa: PLC0415  # heavy: the teacher's engine

    from embeddings.training.teacher import load_teacher  # noqa: PLC0415

    torch.set_num_threads(1)
    teacher = load_teacher()

    def taught(texts: Sequence[str]) -> Floats:
        vectors: Floats = teacher.encode(list(texts), batch_size=32, show_progress_bar=False)
        return vectors

    found = []
    for name, field in (("questions", "queries.jsonl"), ("passages", "corpus.jsonl")):
        texts = [json.loads(line)["text"] for line in (folder / field).read_text(encoding="utf-8").splitlines()]
        ours, theirs = texts_per_second(encode, texts), texts_per_second(taught, texts[::5])
        found.append(Throughput(f"{folder.name} {name}", round(ours), round(theirs, 1), round(ours / theirs, 1)))
    return found


def texts_per_second(encode: Encode, texts: Sequence[str]) -> float:
    """How many of ``texts`` are encoded in a second of this process's CPU time."""
    encode(texts[:10])
    began = time.process_time()
    encode(texts)
    return len(texts) / (time.process_time() - began)
