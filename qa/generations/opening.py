"""Opening the indexes: the newest sound generation with what came after it, or one that is built or merged first."""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from embeddings.embedder import Embedder
from embeddings.errors import EmbeddingsError
from embeddings.mapped import trim
from embeddings.vectors import Ids, Vectors
from qa.errors import ModelError, StoreError
from qa.generations import folders
from qa.generations.folders import DamagedError, OutdatedError, folder_of, numbers, root_of
from qa.generations.layers import (
    EMBED_BATCH,
    VECTOR_STORE,
    Indexes,
    Progress,
    build_layer,
    embed_missing,
    indexes_of,
    load_layer,
    merge_layers,
    model_of,
    updated,
)
from qa.processes import Processes
from qa.store import Finding, Point, Store, StoredPassage, Writer, store_errors, sync
from qa.text import FOLD_VERSION, Terms

FORMAT = 4
"""Of the folder: its files, the manifest's keys, and what of a passage is indexed."""
LOCK_WAIT_S = 10.0
"""How long an opening waits for another process that is likely building the same generation."""

_LOG = logging.getLogger(__name__)


def open_indexes(store: Store, embedder: Embedder, terms: Terms, progress: Progress | None = None) -> Indexes:
    """The newest sound generation that fits store, model and terms, with what changed since.

    Built when there is none, merged when much has changed. Where nothing can be written, or another process holds the
    store's lock for long, the one that there is is used however much has changed, or it is built in a temporary folder,
    which goes when the indexes do.

    Raises:
        ModelError: INDEX_MODEL_MISMATCH when the store's vectors are of another model.
        StoreError: of reading the store.
    """
    require_model(store, embedder)
    base = _newest(store, embedder, terms)
    if base is not None:
        found = updated(base, store, embedder, terms, most=base.bearable, progress=progress)
        if found is not None:
            if not store.read_only and folders.leftovers(root_of(store)):
                with contextlib.suppress(StoreError), store.writer():  # held by another: what lies there may be its own
                    folders.tidy(root_of(store))
            return found[0]
    if not store.read_only:
        try:
            with store.writer(LOCK_WAIT_S) as writer:
                return refresh(store, writer, embedder, terms, progress)[0]
        except StoreError as error:
            if error.code not in {"WRITER_LOCKED", "DISK_FULL", "INDEX_WRITE", "STORE_READ_ONLY"}:
                raise
            _LOG.warning("%s The indexes are built in memory or in a temporary folder.", error.message)
    found = updated(base, store, embedder, terms, progress=progress) if base is not None else None
    return _private(store, embedder, terms, progress) if found is None else found[0]


def refresh(
    store: Store,
    writer: Writer,
    embedder: Embedder,
    terms: Terms,
    progress: Progress | None = None,
    *,
    current: Indexes | None = None,
    processes: Processes | None = None,
) -> tuple[Indexes, int]:
    """The current indexes, and how many passages had to be embedded for them.

    A generation is written when there is none that fits, or when too much lies over it. ``current``: those that this
    process has open; when they are of the newest generation, its files aren't read again. The embedder's model becomes
    the store's. ``processes`` share what can be shared.

    Raises:
        StoreError: DISK_FULL and its kin; the earlier generations are as before.
        ModelError: as the embedder gives it.
    """
    root = root_of(store)
    with store_errors(root):
        root.mkdir(exist_ok=True)
    folders.tidy(root)
    base = current if _is_newest(current, store, embedder, terms) else _newest(store, embedder, terms)
    embedded = 0
    if base is not None and (
        found := updated(base, store, embedder, terms, writer=writer, progress=progress, processes=processes)
    ):
        base, embedded = found
        if base.overlaid <= base.bearable:
            return base, embedded
    else:
        base = None
    number = max(numbers(root), default=0) + 1
    part, final = root / f"{number:06d}.tmp", root / f"{number:06d}"
    try:
        with store_errors(part):
            part.mkdir()
            if base is None:
                rows, embedded = _all_vectors(store, writer, embedder, progress)
                writer.use_model(model_of(embedder))
                build_layer(part, rows, store.iter_passages(), terms, progress=progress, processes=processes)
            else:
                merge_layers(base.layers, part, lambda: store.vectors(embedder.fingerprint))
                writer.use_model(model_of(embedder))
            point = store.point()
            state = {"generation": number, "sequence": point.sequence, "mark": point.mark}
            folders.seal(part, {**_expected(store, embedder, terms), **state})
            part.rename(final)
            sync(root)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    indexes = _open(final, store, embedder, terms)
    if indexes is None:
        if store.changed_since(point) is None:  # even from its latest state: what it says of itself contradicts itself
            message = f"{store.path}: its log of changes is damaged; run `wenbao doctor --repair`."
            raise StoreError("STORE_CORRUPT", message)
        raise StoreError(
            "INDEX_DAMAGED", f"{final} was written but reads back otherwise; check the disk, then try again."
        )
    folders.tidy(root)
    trim()  # a generation takes much memory to make, once
    return indexes, embedded


def findings(store: Store, embedder: Embedder, terms: Terms) -> list[Finding]:
    """What is wrong with the indexes on the disk; a store without passages needs none."""
    found = []
    generations = numbers(root_of(store))
    ids = store.passage_ids()
    if generations:
        newest = folder_of(store, generations[0])
        try:
            indexes = _proven(newest, store, embedder, terms)
            layered = updated(indexes, store, embedder, terms)
            if layered is not None:
                _require_same(layered[0], ids, store)
        except (DamagedError, OutdatedError) as reason:
            found.append(Finding("INDEX_UNUSABLE", f"{newest} isn't used: {reason}.", repairable=True))
    elif len(ids):
        found.append(Finding("INDEX_MISSING", f"{root_of(store)} holds no generation.", repairable=True))
    found += [
        Finding("INDEX_LEFTOVER", f"{path} was left by an interrupted run.", repairable=True)
        for path in folders.leftovers(root_of(store))
    ]
    return found


# --- what a generation must be ---


def require_model(store: Store, embedder: Embedder) -> None:
    """Nothing, when the store's vectors are of this model.

    Raises:
        ModelError: INDEX_MODEL_MISMATCH.
    """
    model = store.model()
    if model is not None and model.fingerprint != embedder.fingerprint and not store.is_empty():
        raise ModelError(
            "INDEX_MODEL_MISMATCH",
            f"{store.folder} was indexed with the model {model.name!r} ({model.dim} dimensions), but {embedder.name!r} "
            f"({embedder.dim} dimensions) is to answer; ask with the first, or run `wenbao index` with the same "
            "options and settings to embed the articles again.",
        )


def made_of(store: Store, embedder: Embedder, terms: Terms) -> dict[str, object]:
    """What indexes depend on, whatever keeps them: with another of these they must be built anew."""
    return {
        "store": store.id,
        "model": embedder.fingerprint,
        "dim": embedder.dim,
        "terms": terms.version,
        "fold": FOLD_VERSION,
    }


def _expected(store: Store, embedder: Embedder, terms: Terms) -> dict[str, object]:
    return {"format": FORMAT, **made_of(store, embedder, terms), "vector_store": VECTOR_STORE}


def _is_newest(current: Indexes | None, store: Store, embedder: Embedder, terms: Terms) -> bool:
    """Whether these are of the newest generation on the disk, and that is what is expected."""
    generations = numbers(root_of(store))
    if current is None or not generations or current.generation != generations[0]:
        return False
    try:
        folders.read_manifest(folder_of(store, current.generation), _expected(store, embedder, terms))
    except (DamagedError, OutdatedError):
        return False
    return True


def _newest(store: Store, embedder: Embedder, terms: Terms) -> Indexes | None:
    found = (_open(folder_of(store, number), store, embedder, terms) for number in numbers(root_of(store)))
    return next((indexes for indexes in found if indexes is not None), None)


def _open(folder: Path, store: Store, embedder: Embedder, terms: Terms) -> Indexes | None:
    try:
        indexes = _proven(folder, store, embedder, terms)
    except OutdatedError as reason:
        _LOG.info("%s isn't used: %s.", folder, reason)
        return None
    except DamagedError as reason:
        _LOG.warning("%s isn't used: %s.", folder, reason)
        return None
    _LOG.info("%s is used.", folder)
    return indexes


def _proven(folder: Path, store: Store, embedder: Embedder, terms: Terms) -> Indexes:
    """The generation as it was written, every byte of it proven, and in the store's history.

    Raises:
        DamagedError, OutdatedError: with the reason.
    """
    manifest = folders.read_manifest(folder, _expected(store, embedder, terms))
    try:
        point = Point(int(manifest["sequence"]), str(manifest["mark"]))
        if store.changed_since(point) is None:
            raise OutdatedError(f"its state {point.sequence} isn't one from which the store tells what changed since")
        folders.prove_files(folder, manifest)
        return indexes_of(int(folder.name), point, [load_layer(folder)])
    except (StoreError, EmbeddingsError, OSError, ValueError, LookupError, TypeError) as reason:
        raise DamagedError(str(reason)) from reason


def _require_same(indexes: Indexes, ids: Ids, store: Store) -> None:
    """Nothing, when the indexes hold the store's passages, but for those that can't be read.

    Raises:
        OutdatedError: with both numbers.
    """
    held = np.concatenate([layer.lexical.postings.ids[layer.alive] for layer in indexes.layers])
    missing = np.setdiff1d(ids, held)
    readable = len(store.passages(missing.tolist()))
    if readable or len(np.setdiff1d(held, ids)):
        raise OutdatedError(f"it holds {len(held)} passages, the store {len(ids)}, and they aren't the same")


# --- building ---


def _all_vectors(
    store: Store, writer: Writer | None, embedder: Embedder, progress: Progress | None
) -> tuple[tuple[Ids, Vectors], int]:
    """Ids and vectors of every sound passage, and how many of them the store had none for; the writer keeps those."""
    ids, vectors = store.vectors(embedder.fingerprint)
    missing: list[int] = np.setdiff1d(store.passage_ids(), ids).tolist()

    def passages() -> Iterator[StoredPassage]:
        for start in range(0, len(missing), EMBED_BATCH):
            yield from store.passages(missing[start : start + EMBED_BATCH]).values()

    if not missing:
        return (ids, vectors.reshape(len(ids), embedder.dim)), 0
    more_ids, more = embed_missing(writer, embedder, passages(), len(missing), progress)
    whole = np.concatenate([vectors.reshape(len(ids), embedder.dim), *more])
    return (np.concatenate([ids, *more_ids]), whole), sum(map(len, more_ids))


def _private(store: Store, embedder: Embedder, terms: Terms, progress: Progress | None) -> Indexes:
    folder = Path(tempfile.mkdtemp(prefix="wenbao-"))
    try:
        with store.snapshot():
            rows, _ = _all_vectors(store, None, embedder, progress)
            layer = build_layer(folder, rows, store.iter_passages(), terms, progress=progress)
            indexes = indexes_of(0, store.point(), [layer])
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(layer.lexical, shutil.rmtree, folder, ignore_errors=True)
    return indexes
