"""A model's folder, read and checked before any library sees it: files, modules, prompts, fingerprint.

A model is data. What would make a library run code out of the folder is refused here, by our own reading of every
JSON file, since loaders have had holes of each of these kinds: pickled weights, ``auto_map`` and
``trust_remote_code``, class names that are imported, links that lead out of the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embeddings.errors import ModelError

WEIGHTS = "model.safetensors"
MODULES = "modules.json"
EXPECTED = f"{MODULES} (or config.json), tokenizer.json and {WEIGHTS}"
VOCABULARIES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "sentencepiece.bpe.model",
    "spiece.model",
    "tokenizer.model",
)

_ALWAYS_PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".dill"})
# Formats of torch that hold pickles. Beside safetensors in the same folder nobody opens them; alone they are loaded.
_TORCH_PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt"})
# Words and merges: data of the tokenizer's library, large, and with any text in it.
_VOCABULARY_JSON = frozenset({"tokenizer.json", "vocab.json", "added_tokens.json"})
_DOTTED_NAME = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_KNOWN_CLASSES = ("sentence_transformers.", "torch.nn.")
# Under these keys sentence-transformers keeps names of classes that it imports: of modules (also by name, in "types"),
# activations, tokenizers. Other dotted texts are names of data files and the like.
_CLASS_KEYS = frozenset({"type", "types", "activation_function", "activation_fn", "tokenizer_class"})
_CODE_KEYS = frozenset({"auto_map", "custom_pipelines", "custom_generate"})
_FINGERPRINTED = frozenset({".json", ".safetensors", ".txt", ".model"})

# What the authors of two widely used families tell users to write before each text (their model cards), for folders
# that don't carry it as prompts themselves: (name's pattern, before a question, before a passage).
_CONVENTIONS = (
    (
        r"(^|[/_-])e5-.*instruct",
        "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ",
        "",
    ),
    (r"(^|[/_-])e5-(small|base|large)", "query: ", "passage: "),
    (r"(^|[/_-])bge-(small|base|large)-zh", "为这个句子生成表示以用于检索相关文章：", ""),
    (r"(^|[/_-])bge-(small|base|large)-en", "Represent this sentence for searching relevant passages: ", ""),
)


@dataclass(frozen=True, slots=True)
class Module:
    """One step of a sentence-transformers model: class name and its folder."""

    type: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Prompts:
    """What is written before a text."""

    question: str = ""
    passage: str = ""


def scan(folder: Path, *, inside: Path | None = None) -> None:
    """Refuses a folder that can't be a model, or that would run code of its own.

    Args:
        folder: the model.
        inside: where links may lead; None is the folder itself. A hub's cache keeps the files beside the folder.

    Raises:
        ModelError: MODEL_NOT_FOUND, MODEL_INVALID or MODEL_REMOTE_CODE, naming the file.
    """
    try:
        files = sorted(_files(folder)) if folder.is_dir() else []
    except OSError as error:
        raise ModelError(
            "MODEL_NOT_FOUND", f"Model folder {folder} can't be read ({error.strerror}); expected {EXPECTED} in it."
        ) from error
    if not files:
        state = "is a file" if folder.is_file() else "is empty" if folder.is_dir() else "doesn't exist"
        raise ModelError("MODEL_NOT_FOUND", f"Model folder {folder} {state}; expected a folder with {EXPECTED} in it.")
    limit = (inside or folder).resolve()
    for file in files:
        if not file.resolve().is_relative_to(limit):
            raise _hostile(file, "is a link that leads out of the model's folder; put the file itself there")
    weighed = {file.parent for file in files if file.suffix == ".safetensors"}
    for file in files:
        suffix = file.suffix.lower()
        if suffix in _ALWAYS_PICKLES or (suffix in _TORCH_PICKLES and file.parent not in weighed):
            raise _hostile(file, f"is a pickle, which runs code when loaded; use a model that is saved as {WEIGHTS}")
    for file in files:
        if file.suffix == ".json" and file.name not in _VOCABULARY_JSON:
            _scan_value(file, read_json(file))
    if not (folder / MODULES).is_file() and not (folder / "config.json").is_file():
        raise ModelError(
            "MODEL_INVALID", f"Model folder {folder} has neither {MODULES} nor config.json; expected {EXPECTED} in it."
        )
    read_modules(folder)


def read_json(file: Path) -> Any:
    """The file's JSON.

    Raises:
        ModelError: MODEL_INVALID naming the file.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            "MODEL_INVALID", f"{file} of the model can't be read as JSON: {error}; copy the model again."
        ) from error


def read_modules(folder: Path) -> list[Module]:
    """The model's steps in ``modules.json``, in their order; none if it has no such file.

    Raises:
        ModelError: MODEL_INVALID, or MODEL_REMOTE_CODE for a class of another package or a path outside.
    """
    file = folder / MODULES
    if not file.is_file():
        return []
    modules = []
    try:
        for entry in sorted(read_json(file), key=lambda entry: int(entry["idx"])):
            modules.append(Module(str(entry["type"]), folder / str(entry["path"])))  # noqa: PERF401  # raises midway
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            "MODEL_INVALID",
            f"{file} must be a list of steps with idx, type and path ({error!r}); copy the model again.",
        ) from error
    if not modules:
        raise ModelError("MODEL_INVALID", f"{file} lists no steps; copy the model again.")
    for module in modules:
        if not module.type.startswith("sentence_transformers."):
            raise _hostile(file, f"names the class {module.type!r}, which isn't one of sentence_transformers")
        if not module.folder.resolve().is_relative_to(folder.resolve()):
            raise _hostile(file, f"names the path {str(module.folder)!r}, which leads out of the model's folder")
    return modules


def read_prompts(folder: Path, name: str) -> Prompts:
    """The prompts that the model was trained with: its own, else its family's by ``name``, else none.

    Own prompts are those of ``config_sentence_transformers.json`` under the names that sentence-transformers gives to
    questions and passages. A file whose prompts are all empty, as that library writes when none were set, says nothing.

    Raises:
        ModelError: MODEL_INVALID.
    """
    file = folder / "config_sentence_transformers.json"
    config = read_json(file) if file.is_file() else {}
    prompts = config.get("prompts") or {} if isinstance(config, dict) else None
    if not isinstance(prompts, dict) or not all(text is None or isinstance(text, str) for text in prompts.values()):
        raise ModelError("MODEL_INVALID", f"{file}: prompts must be an object of texts; copy the model again.")
    if any(prompts.values()):
        default = prompts.get(config.get("default_prompt_name")) or ""
        return Prompts(
            _first(prompts, ("query",), default), _first(prompts, ("document", "passage", "corpus"), default)
        )
    config_file = folder / "config.json"
    config = read_json(config_file) if config_file.is_file() else {}
    names = f"{name} {config.get('_name_or_path', '')}".lower() if isinstance(config, dict) else name.lower()
    for pattern, question, passage in _CONVENTIONS:
        if any(re.search(pattern, one) for one in names.split()):
            return Prompts(question, passage)
    return Prompts()


def fingerprint(folder: Path, *more: object) -> str:
    """SHA-256 over the contents of all files that decide on vectors, and over ``more``: pooling, prompts.

    Raises:
        ModelError: MODEL_INVALID naming a file that can't be read.
    """
    total = hashlib.sha256(repr(more).encode())
    for file in sorted(_files(folder)):
        # onnx and openvino folders hold other forms of the same weights, which aren't loaded.
        relative = file.relative_to(folder)
        if file.suffix in _FINGERPRINTED and relative.parts[0] not in {"onnx", "openvino"}:
            try:
                with file.open("rb") as opened:
                    digest = hashlib.file_digest(opened, "sha256").hexdigest()
            except OSError as error:
                raise ModelError(
                    "MODEL_INVALID", f"{file} of the model can't be read ({error.strerror}); copy the model again."
                ) from error
            total.update(f"\n{relative.as_posix()} {digest}".encode())
    return total.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    def stop(error: OSError) -> None:
        raise error

    for root, folders, names in os.walk(folder, onerror=stop):
        yield from (Path(root, name) for name in names)
        # Not walked into, so it is a file here: what matters is where it leads.
        yield from (Path(root, name) for name in folders if Path(root, name).is_symlink())


def _first(prompts: dict[str, str | None], names: tuple[str, ...], default: str) -> str:
    return next((prompts[name] or "" for name in names if name in prompts), default)


def _scan_value(file: Path, value: Any) -> None:
    """Walks a JSON value and refuses whatever names code. Iterative: a hostile file may nest as deep as it likes."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            waiting.extend(value.values())
            for key in _CODE_KEYS & value.keys():
                raise _hostile(file, f"has {key!r}, which loads code from the folder")
            if value.get("trust_remote_code"):
                raise _hostile(file, "asks for trust_remote_code")
            for key in _CLASS_KEYS & value.keys():
                named = value[key].values() if isinstance(value[key], dict) else [value[key]]
                for one in named:
                    if isinstance(one, str) and _DOTTED_NAME.fullmatch(one) and not one.startswith(_KNOWN_CLASSES):
                        raise _hostile(file, f"names the class {one!r}, which isn't one of sentence_transformers")


def _hostile(file: Path, reason: str) -> ModelError:
    return ModelError("MODEL_REMOTE_CODE", f"Model refused: {file} {reason}.")
