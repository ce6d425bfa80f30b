"""Any sentence-transformers model, from a folder or a hub's cache. Brings torch, several seconds: loaded at need.

Offline unless downloads are allowed: without a network the hub's client would retry for more than a minute. A hub id is
turned into the folder of its cache first, and that folder is scanned like any other before a model is made of it.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Container, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.embedder import SELF_TEST, encodable
from embeddings.errors import ModelError
from embeddings.model_folder import VOCABULARIES, WEIGHTS, fingerprint, read_json, read_modules, read_prompts
from embeddings.vectors import Vectors, unit

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

POOLING = "parts of long texts averaged by their tokens, 1"
"""Part of the fingerprint: the number grows when this file would give other vectors for the same folder."""
BATCH = 32
"""sentence-transformers' own default; halved whenever a GPU runs out of memory."""
GROUP = 1024
"""Texts sorted by length together and, after a GPU ran out of memory, done again together."""
DOWNLOADED = ("*.json", "*.safetensors", "*.txt", "*.model")
"""What is fetched from a hub; no pickles, no code."""

_log = logging.getLogger(__name__)


def hub_folder(name: str, *, allow_download: bool) -> tuple[Path, Path]:
    """The folder of a hub id in the cache on this machine, and the folder that its links may lead into.

    Raises:
        ModelError: MODEL_NOT_DOWNLOADED.
    """
    _stay_offline(allow_download)
    import huggingface_hub as hub  # noqa: PLC0415  # heavy: 0.3 s; and the line above must stand before it

    try:
        folder = Path(hub.snapshot_download(name, allow_patterns=list(DOWNLOADED), local_files_only=not allow_download))
    except (OSError, ValueError, RuntimeError, hub.errors.HfHubHTTPError) as error:
        reason = (
            f"could not be downloaded: {_first_line(error)}"
            if allow_download
            else "isn't on this machine and downloads aren't allowed; set WENBAO_ALLOW_DOWNLOAD=1 to allow them"
        )
        raise ModelError(
            "MODEL_NOT_DOWNLOADED", f"There is no folder {name!r} here, and the hub's model of that name {reason}."
        ) from error
    # snapshots/REVISION/file is a link to blobs/…: two folders up is what belongs to this model.
    return folder, folder.parent.parent


class SentenceTransformersEmbedder:
    """The model in a folder that ``model_folder.scan`` has passed, with the prompts it was trained with."""

    def __init__(self, folder: Path, name: str, *, device: str | None = None, allow_download: bool = False) -> None:
        """Loads and tries the model.

        Args:
            folder: the model.
            name: what was asked for.
            device: torch's name of a device; None is the GPU if there is one.
            allow_download: whether other parts of this process may use the hub; this folder is never completed from it.

        Raises:
            ModelError: MODEL_INVALID naming the file, or MODEL_BAD_VECTORS.
        """
        _check_files(folder)
        _stay_offline(allow_download)
        self.name = name
        self._prompts = read_prompts(folder, name)
        self._batch = BATCH
        self._model = _load(folder, device)
        _check_weights(folder, self._model)
        self.fingerprint = fingerprint(folder, POOLING, self._prompts)
        # A transformer reads words in their context; alone they say little, and embedding each costs as much as a text.
        self.word_vectors = False
        tried = self._encode(SELF_TEST, self._prompts.passage, question=False)
        self.dim = int(tried.shape[1])

    def passages(self, texts: Sequence[str]) -> Vectors:
        """See ``Embedder.passages``."""
        return self._vectors(texts, self._prompts.passage, question=False)

    def questions(self, texts: Sequence[str]) -> Vectors:
        """See ``Embedder.questions``."""
        return self._vectors(texts, self._prompts.question, question=True)

    def _vectors(self, texts: Sequence[str], prompt: str, *, question: bool) -> Vectors:
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), GROUP):
            group = [encodable(text) for text in texts[start : start + GROUP]]
            vectors[start : start + len(group)] = self._encode(group, prompt, question=question)
        return vectors

    def _encode(self, texts: Sequence[str], prompt: str, *, question: bool) -> Vectors:
        """Unit vectors; those of a text too long for the model are the mean of its parts', weighted by their tokens."""
        parts: list[str] = []
        owners: list[int] = []
        tokens: list[int] = []
        for owner, (text, count) in enumerate(zip(texts, self._count(texts, prompt), strict=True)):
            for part, size in self._split(text, count, prompt):
                parts.append(part)
                owners.append(owner)
                tokens.append(size)
        vectors = unit(self._model_vectors(parts, prompt, question=question))
        if len(parts) == len(texts):
            return vectors
        sums = np.zeros((len(texts), vectors.shape[1]))
        np.add.at(sums, owners, vectors * np.array(tokens)[:, None])
        return unit(sums)

    def _split(self, text: str, tokens: int, prompt: str) -> list[tuple[str, int]]:
        """The text in parts that the model takes whole, with their numbers of tokens; joined they are the text."""
        limit = self._model.max_seq_length
        if limit is None or tokens <= limit or len(text) < 2:
            return [(text, tokens)]
        # Halving keeps the parts of equal weight; at a blank where one is near, since words are tokenised whole.
        middle = len(text) // 2
        blank = text.rfind(" ", middle // 2, middle)
        middle = blank + 1 if blank > 0 else middle
        halves = text[:middle], text[middle:]
        counts = self._count(halves, prompt)
        return [part for half, count in zip(halves, counts, strict=True) for part in self._split(half, count, prompt)]

    def _count(self, texts: Sequence[str], prompt: str) -> list[int]:
        """Tokens of each text, the prompt and the model's special tokens with it; 0 if the model has no limit."""
        if self._model.max_seq_length is None or np.isinf(self._model.max_seq_length):
            return [0] * len(texts)
        encoded = self._model.tokenizer([prompt + text for text in texts], truncation=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def _model_vectors(self, texts: Sequence[str], prompt: str, *, question: bool) -> Vectors:
        import torch  # noqa: PLC0415  # heavy; loaded with the model

        encode = self._model.encode_query if question else self._model.encode_document
        while True:
            try:
                vectors: Vectors = encode(list(texts), prompt=prompt, batch_size=self._batch, show_progress_bar=False)
                return vectors  # noqa: TRY300
            except torch.cuda.OutOfMemoryError:
                torch.cuda.empty_cache()
                if self._batch > 1:
                    self._batch //= 2
                    _log.info("The GPU is out of memory; going on with batches of %d.", self._batch)
                else:
                    _log.warning("The GPU is too small for model %s; going on with the CPU.", self.name)
                    self._model.to("cpu")
                    self._batch = BATCH


def _load(folder: Path, device: str | None) -> SentenceTransformer:
    import torch  # noqa: PLC0415  # heavy: 1.5 s
    import transformers  # noqa: PLC0415  # heavy: 4 s, with the next
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    if device is not None and device.startswith("cuda") and not torch.cuda.is_available():
        _log.warning("There is no GPU for device %r; going on with the CPU.", device)
        device = "cpu"
    _check_architecture(folder, transformers.CONFIG_MAPPING)
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            # The libraries' own deprecations: nothing that an owner of a model can act on.
            warnings.simplefilter("ignore")
            return SentenceTransformer(
                str(folder),
                device=device,
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
    except Exception as error:  # from deep within three libraries: any kind of exception, often of many lines
        raise ModelError(
            "MODEL_INVALID",
            f"sentence-transformers can't load the model in {folder} ({_first_line(error)}); copy the model again.",
        ) from error


def _check_files(folder: Path) -> None:
    """Names what is missing, which sentence-transformers would report in its own terms or look for elsewhere.

    Raises:
        ModelError: MODEL_INVALID naming the file.
    """
    place = _transformer(folder)
    if place is None:
        return
    for names in (("config.json",), (WEIGHTS, f"{WEIGHTS}.index.json"), VOCABULARIES):
        if not any((place / name).is_file() for name in names):
            raise ModelError(
                "MODEL_INVALID", f"{place / names[0]} is missing, which the model needs; copy the model again."
            )


def _check_architecture(folder: Path, known: Container[str]) -> None:
    """Names an architecture that transformers doesn't know.

    Raises:
        ModelError: MODEL_INVALID.
    """
    place = _transformer(folder)
    if place is None:
        return
    config = read_json(place / "config.json")
    found = config.get("model_type") if isinstance(config, dict) else None
    if not isinstance(found, str) or found not in known:
        raise ModelError(
            "MODEL_INVALID",
            f"{place / 'config.json'} has the model_type {found!r}, unknown to transformers; use another model.",
        )


def _check_weights(folder: Path, model: SentenceTransformer) -> None:
    """Refuses weights of another architecture: transformers would fill the gaps with chance and only log it.

    Names are compared without the prefix that a task's head adds (``bert.``), and half of them suffice: poolers are
    often left out, and old names are converted on loading.

    Raises:
        ModelError: MODEL_INVALID naming the file.
    """
    from safetensors import safe_open  # noqa: PLC0415  # loaded with the model

    place = _transformer(folder)
    if place is None:
        return
    stored: set[str] = set()
    for file in place.glob("*.safetensors"):
        with safe_open(file, framework="numpy") as opened:
            stored.update(opened.keys())
    stored |= {name.partition(".")[2] for name in stored}
    first: Any = model[0]
    expected = [name for name, _ in first.auto_model.named_parameters()]
    found = sum(name in stored for name in expected)
    if 2 * found < len(expected):
        raise ModelError(
            "MODEL_INVALID",
            f"{place / WEIGHTS} holds {found} of the {len(expected)} tensors of the architecture in config.json: "
            "they don't belong together; copy the model again.",
        )


def _transformer(folder: Path) -> Path | None:
    """Where the transformer of the model lies, if it begins with one."""
    modules = read_modules(folder)
    if not modules:
        return folder
    return modules[0].folder if modules[0].type.rpartition(".")[2] == "Transformer" else None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _stay_offline(allow_download: bool) -> None:
    """The libraries read these once, when they are imported."""
    if not allow_download:
        os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
