"""The two indexes as numbered folders beside the store: caches that are used whole and current, or not at all.

``DATA/indexes/000007/`` holds ``lexical/``, ``vectors/`` and a ``manifest.json`` that names the store, its sequence,
the model, the versions of folding and terms, and every file's size and SHA-256. A generation is written aside, synced,
and renamed: what has a number is finished. Before tantivy or FAISS see a byte, everything in the manifest is checked,
since neither notices damage itself (31 % of damaged FAISS files loaded and answered wrongly).

What is missing, damaged, outdated or of another store or model is never used: it is built again from the store.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embeddings.embedder import Embedder
from embeddings.errors import EmbeddingsError
from embeddings.registry import build_vector_store, load_vector_store
from embeddings.vector_store import VectorStore
from embeddings.vectors import Ids, Vectors
from qa.errors import ModelError, StoreError
from qa.lexical import LexicalIndex
from qa.store import Finding, Model, Store, StoredPassage, Writer, store_errors, sync
from qa.text import FOLD_VERSION, Terms

Progress = Callable[[str, int, int], None]
"""Called with a stage's name, how much of it is done, and how much there is."""

FORMAT = 1
"""Of the folder: its files, the manifest's keys, and what of a passage is indexed."""
VECTOR_STORE = "faiss"
EMBED_BATCH = 256
"""Passages embedded and stored at a time: what a kill costs, and how often the progress moves."""
LOCK_WAIT_S = 10.0
"""How long an opening waits for another process that is likely building the same generation."""
KEPT = 2
"""Generations left after a new one is proven: itself and the one that running processes may still have open."""

_NUMBER = re.compile(r"[0-9]{6,}")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Indexes:
    """Both legs over the same passages. ``generation`` is 0 when they lie in a temporary folder of this process.

    ``sequence`` is the store's at the time of building: when the store's has grown, open them again. Until then, ids
    of passages that are gone are simply unknown to the store.
    """

    generation: int
    sequence: int
    lexical: LexicalIndex
    vectors: VectorStore


def open_indexes(store: Store, embedder: Embedder, terms: Terms, progress: Progress | None = None) -> Indexes:
    """The newest sound generation that fits store, model and terms; built when there is none.

    Where nothing can be written, or another process holds the store's lock for long, it is built in a temporary folder,
    which goes when the indexes do.

    Raises:
        ModelError: INDEX_MODEL_MISMATCH when the store's vectors are of another model.
        StoreError: of reading the store.
    """
    _require_model(store, embedder)
    indexes = _newest(store, embedder, terms)
    if indexes is None and not store.read_only:
        try:
            with store.writer(LOCK_WAIT_S) as writer:
                indexes = refresh(store, writer, embedder, terms, progress)[0]
        except StoreError as error:
            if error.code not in {"WRITER_LOCKED", "DISK_FULL", "INDEX_WRITE", "STORE_READ_ONLY"}:
                raise
            _LOG.warning("%s The indexes are built in a temporary folder.", error.message)
    elif indexes is not None and not store.read_only and _leftovers(_root(store)):
        with contextlib.suppress(StoreError), store.writer():  # held by another: what lies there may be its work
            _tidy(_root(store))
    return indexes or _private(store, embedder, terms, progress)


def refresh(
    store: Store, writer: Writer, embedder: Embedder, terms: Terms, progress: Progress | None = None
) -> tuple[Indexes, int]:
    """The current generation, built if there is none yet, and how many passages had to be embedded for it.

    The embedder's model becomes the store's.

    Raises:
        StoreError: DISK_FULL and its kin; the earlier generations are as before.
        ModelError: as the embedder gives it.
    """
    root = _root(store)
    with store_errors(root):
        root.mkdir(exist_ok=True)
    _tidy(root)
    indexes = _newest(store, embedder, terms)
    if indexes is not None:
        return indexes, 0
    ids, vectors, embedded = _all_vectors(store, writer, embedder, progress)
    writer.use_model(model_of(embedder))
    number = max(_numbers(root), default=0) + 1
    part, final = root / f"{number:06d}.tmp", root / f"{number:06d}"
    try:
        with store_errors(part):
            part.mkdir()
            _build(part, store, (ids, vectors), terms, progress)
            _seal(part, {**_expected(store, embedder, terms), "generation": number})
            part.rename(final)
            sync(root)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    indexes = _open(final, _expected(store, embedder, terms))
    if indexes is None:
        raise StoreError(
            "INDEX_DAMAGED", f"{final} was written but reads back otherwise; check the disk, then try again."
        )
    _tidy(root)
    return indexes, embedded


def findings(store: Store, embedder: Embedder, terms: Terms) -> list[Finding]:
    """What is wrong with the indexes on the disk; a store without passages needs none."""
    found = []
    numbers = _numbers(_root(store))
    if numbers:
        newest = _folder(store, max(numbers))
        try:
            _prove(newest, _expected(store, embedder, terms))
        except (_DamagedError, _OutdatedError) as reason:
            found.append(Finding("INDEX_UNUSABLE", f"{newest} isn't used: {reason}.", repairable=True))
    elif len(store.passage_ids()):
        found.append(Finding("INDEX_MISSING", f"{_root(store)} holds no generation.", repairable=True))
    found += [
        Finding("INDEX_LEFTOVER", f"{path} was left by an interrupted run.", repairable=True)
        for path in _leftovers(_root(store))
    ]
    return found


def model_of(embedder: Embedder) -> Model:
    """The embedder as the store knows it."""
    return Model(embedder.fingerprint, embedder.name, embedder.dim)


def embed(embedder: Embedder, texts: list[str]) -> Vectors:
    """Vectors of indexed texts.

    Raises:
        ModelError: the embedder's own code and sentence.
    """
    try:
        return embedder.passages(texts)
    except EmbeddingsError as error:
        raise ModelError(error.code, error.message) from error


# --- what a generation must be ---


def _require_model(store: Store, embedder: Embedder) -> None:
    model = store.model()
    if model is not None and model.fingerprint != embedder.fingerprint and len(store.passage_ids()):
        raise ModelError(
            "INDEX_MODEL_MISMATCH",
            f"{store.folder} was indexed with the model {model.name!r} ({model.dim} dimensions), but {embedder.name!r} "
            f"({embedder.dim} dimensions) is to answer; ask with the first, or run `wenbao index` with the same "
            "options and settings to embed the articles again.",
        )


def _expected(store: Store, embedder: Embedder, terms: Terms) -> dict[str, object]:
    with store.snapshot():
        sequence, ids = store.sequence(), store.passage_ids()
    return {
        "format": FORMAT,
        "store": store.id,
        "sequence": sequence,
        "passages": len(ids),
        "ids_sha256": hashlib.sha256(ids.astype("<i8").tobytes()).hexdigest(),
        "model": embedder.fingerprint,
        "dim": embedder.dim,
        "terms": terms.version,
        "fold": FOLD_VERSION,
        "vector_store": VECTOR_STORE,
    }


def _newest(store: Store, embedder: Embedder, terms: Terms) -> Indexes | None:
    expected = _expected(store, embedder, terms)
    for number in sorted(_numbers(_root(store)), reverse=True):
        indexes = _open(_folder(store, number), expected)
        if indexes is not None:
            return indexes
    return None


class _OutdatedError(Exception):
    """The generation is sound, but of another store, state, model or version."""


class _DamagedError(Exception):
    """The generation isn't as it was written."""


def _open(folder: Path, expected: Mapping[str, object]) -> Indexes | None:
    try:
        _prove(folder, expected)
        indexes = Indexes(
            int(folder.name),
            int(str(expected["sequence"])),
            LexicalIndex.open(folder / "lexical"),
            load_vector_store(VECTOR_STORE, folder / "vectors"),
        )
    except _OutdatedError as reason:
        _LOG.info("%s isn't used: %s.", folder, reason)
        return None
    except (_DamagedError, StoreError, EmbeddingsError) as reason:
        _LOG.warning("%s isn't used: %s.", folder, reason)
        return None
    _LOG.info("%s is used.", folder)
    return indexes


def _prove(folder: Path, expected: Mapping[str, object]) -> None:
    """Nothing, when every byte of the generation is as it was written, and it is what is expected.

    Raises:
        _DamagedError, _OutdatedError: with the reason.
    """
    try:
        data = (folder / "manifest.json").read_bytes()
        manifest = json.loads(data)
        sealed = _sealed({key: value for key, value in manifest.items() if key != "seal"})
        if data != sealed or manifest["generation"] != int(folder.name):
            raise _DamagedError("its manifest is damaged")
        for key, value in expected.items():
            if manifest[key] != value:
                raise _OutdatedError(f"its {key} is {manifest[key]!r}, now it is {value!r}")
        present = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
        if present.keys() != manifest["files"].keys():
            raise _DamagedError(f"missing or not of it: {', '.join(sorted(present.keys() ^ manifest['files'].keys()))}")
        for name, path in present.items():
            if [path.stat().st_size, _sha256(path)] != manifest["files"][name]:
                raise _DamagedError(f"{name} is damaged")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _DamagedError(f"it can't be read ({error})") from error


# --- building ---


def _all_vectors(
    store: Store, writer: Writer | None, embedder: Embedder, progress: Progress | None
) -> tuple[Ids, Vectors, int]:
    """Ids and vectors of every sound passage, and how many of them the store had none for; the writer keeps those."""
    ids, vectors = store.vectors(embedder.fingerprint)
    missing = [int(number) for number in np.setdiff1d(store.passage_ids(), ids)]
    new_ids, new_vectors = [ids], [vectors.reshape(len(ids), embedder.dim)]
    for start in range(0, len(missing), EMBED_BATCH):
        passages = store.passages(missing[start : start + EMBED_BATCH])
        texts = [passage.indexed_text for passage in passages.values()]
        if texts:
            new_ids.append(np.array(list(passages), np.int64))
            new_vectors.append(embed(embedder, texts))
            if writer is not None:
                writer.put_vectors(model_of(embedder), texts, new_vectors[-1])
        if progress is not None:
            progress("embed", min(start + EMBED_BATCH, len(missing)), len(missing))
    embedded = sum(map(len, new_ids[1:]))
    return np.concatenate(new_ids), np.concatenate(new_vectors), embedded


def _build(folder: Path, store: Store, rows: tuple[Ids, Vectors], terms: Terms, progress: Progress | None) -> Indexes:
    """Both indexes over the passages that can be read and have a vector."""
    ids, vectors = rows
    embedded = set(ids.tolist())
    indexed: list[int] = []

    def documents() -> Iterator[tuple[int, list[str]]]:
        for passage in store.iter_passages():
            if passage.id in embedded:
                indexed.append(passage.id)
                yield passage.id, passage_terms(terms, passage)
                if progress is not None and len(indexed) % EMBED_BATCH == 0:
                    progress("terms", len(indexed), len(ids))

    sequence = store.sequence()
    lexical = LexicalIndex.build(folder / "lexical", documents())
    readable = np.isin(ids, np.array(indexed, np.int64))
    nearest = build_vector_store(VECTOR_STORE, ids[readable], vectors[readable])
    (folder / "vectors").mkdir()
    nearest.save(folder / "vectors")
    if progress is not None:
        progress("terms", len(ids), len(ids))
    return Indexes(0, sequence, lexical, nearest)


def _seal(folder: Path, manifest: Mapping[str, object]) -> None:
    """The generation with its manifest, on the disk when this returns."""
    files = {path.relative_to(folder).as_posix(): [path.stat().st_size, _sha256(path)] for path in _files(folder)}
    (folder / "manifest.json").write_bytes(_sealed({**manifest, "files": files}))
    for path in (*folder.rglob("*"), folder):
        sync(path)


def passage_terms(terms: Terms, passage: StoredPassage) -> list[str]:
    """What the lexical index holds of a passage: its text, its head, and its headline once more.

    Headline × 2 was best on the development sets; without the head, 9 of 17 sample sections don't name their street.
    """
    return [
        term
        for text in (passage.headline, passage.head, passage.text)
        if text is not None
        for term in terms.passage(text)
    ]


def _private(store: Store, embedder: Embedder, terms: Terms, progress: Progress | None) -> Indexes:
    folder = Path(tempfile.mkdtemp(prefix="wenbao-"))
    try:
        with store.snapshot():
            ids, vectors, _ = _all_vectors(store, None, embedder, progress)
            indexes = _build(folder, store, (ids, vectors), terms, progress)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(indexes, shutil.rmtree, folder, ignore_errors=True)
    return indexes


# --- files ---


def _root(store: Store) -> Path:
    return store.folder / "indexes"


def _folder(store: Store, number: int) -> Path:
    return _root(store) / f"{number:06d}"


def _numbers(root: Path) -> list[int]:
    return [int(path.name) for path in _entries(root) if _NUMBER.fullmatch(path.name)]


def _leftovers(root: Path) -> list[Path]:
    """Unfinished generations, and finished ones beyond those that are kept."""
    kept = {f"{number:06d}" for number in sorted(_numbers(root))[-KEPT:]}
    return [path for path in _entries(root) if path.name not in kept]


def _tidy(root: Path) -> None:
    """Removes what is left over; only the holder of the writer's lock may."""
    for path in _leftovers(root):
        shutil.rmtree(path, ignore_errors=True)  # what can't be removed harms nobody, the next writer tries again


def _entries(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []


def _files(folder: Path) -> list[Path]:
    """The files of a generation but for its manifest and the locks that tantivy makes when it opens one."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and path != folder / "manifest.json" and path.suffix != ".lock"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sealed(manifest: Mapping[str, object]) -> bytes:
    """The manifest as it is written, with a SHA-256 of its other keys, so that any changed byte of it shows."""

    def dump(content: Mapping[str, object]) -> bytes:
        return json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1).encode("utf-8")

    return dump({**manifest, "seal": hashlib.sha256(dump(manifest)).hexdigest()})
