"""Names → embedders and vector stores; nothing heavy is imported before its name is asked for.

Other packages add their own through entry points: group ``wenbao.embedders``, a function ``(argument: str) ->
Embedder`` that is called for the model name ``NAME`` or ``NAME:argument``; group ``wenbao.vector_stores``, a module
with ``build`` and ``load``.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, cast

from embeddings.embedder import Embedder
from embeddings.embedders.static import StaticEmbedder, is_static
from embeddings.errors import VectorStoreError
from embeddings.model_folder import scan
from embeddings.vector_store import Mask, VectorStore
from embeddings.vectors import Ids, Vectors

EMBEDDED_MODEL = Path(__file__).parent / "model"
"""Folder of the model that comes with the package."""
VECTOR_STORES = {"exact": "embeddings.vector_stores.exact", "faiss": "embeddings.vector_stores.faiss"}
_HUB_ID = re.compile(r"^[\w.-]+/[\w.-]+")


class _StoreModule(Protocol):
    def build(self, ids: Ids, vectors: Vectors) -> VectorStore: ...
    def load(self, folder: Path) -> VectorStore: ...


class _Merge(Protocol):
    def __call__(self, parts: Sequence[tuple[VectorStore, Mask]], *, small: bool) -> VectorStore | None: ...


def load_embedder(name: str | None = None, *, allow_download: bool = False) -> Embedder:
    """The embedder that ``name`` stands for, loaded and tried with three sentences.

    Args:
        name: None for the embedded model; a folder; a hub id (``owner/model``) that is in the hub's cache on
            this machine; the name of an entry point.
        allow_download: may the hub be asked for a model that isn't in the cache?

    Raises:
        ModelError: see ``embeddings.errors``.
    """
    if name is None:
        return _embedded(EMBEDDED_MODEL)
    folder = Path(name).expanduser()
    if not folder.exists():
        plugin, _, argument = name.partition(":")
        for entry in entry_points(group="wenbao.embedders", name=plugin):
            embedder: Embedder = entry.load()(argument)
            return embedder
        if _HUB_ID.fullmatch(name) and not name.startswith("."):
            # Brings huggingface_hub.
            from embeddings.embedders.sentence_transformers import hub_folder  # noqa: PLC0415

            return _from_folder(*hub_folder(name, allow_download=allow_download), name, allow_download)
    return _from_folder(folder, folder, folder.resolve().name, allow_download)


def build_vector_store(kind: str, ids: Ids, vectors: Vectors) -> VectorStore:
    """A store of the kind "exact", "faiss" or an entry point's name, with these rows.

    Raises:
        VectorStoreError: INDEX_UNKNOWN_KIND, INDEX_DIM_MISMATCH, INDEX_BAD_IDS.
    """
    return _store_module(kind).build(ids, vectors)


def vectors_like(store: VectorStore, ids: Ids, vectors: Vectors) -> VectorStore:
    """A small store of these rows, to be laid over ``store``: with the scores that it would give them."""
    module = _store_module(store.kind)
    like: Callable[[VectorStore, Ids, Vectors], VectorStore] | None = getattr(module, "like", None)
    return module.build(ids, vectors) if like is None else like(store, ids, vectors)


def merge_vector_stores(parts: Sequence[tuple[VectorStore, Mask]], *, small: bool) -> VectorStore | None:
    """One store of what the masks keep, of the first one's kind; None when it must be built from the vectors again.

    ``small``: to be laid over another, as by ``vectors_like``, rather than to stand alone, as by ``build``.
    """
    module = _store_module(parts[0][0].kind)
    merge: _Merge | None = getattr(module, "merge", None)
    return None if merge is None else merge(parts, small=small)


def load_vector_store(kind: str, folder: Path) -> VectorStore:
    """The store that ``VectorStore.save`` wrote into the folder.

    Raises:
        VectorStoreError: INDEX_UNKNOWN_KIND, INDEX_DAMAGED.
    """
    return _store_module(kind).load(folder)


@cache
def _embedded(folder: Path) -> Embedder:
    """The package's own model, once in a process: the search and the answer share it."""
    return _from_folder(folder, folder, "embedded", allow_download=False)


def _from_folder(folder: Path, inside: Path, name: str, allow_download: bool) -> Embedder:
    scan(folder, inside=inside)
    if is_static(folder):
        return StaticEmbedder(folder, name)
    # Brings torch, 6 s.
    from embeddings.embedders.sentence_transformers import SentenceTransformersEmbedder  # noqa: PLC0415

    return SentenceTransformersEmbedder(folder, name, allow_download=allow_download)


def _store_module(kind: str) -> _StoreModule:
    if kind in VECTOR_STORES:
        return cast("_StoreModule", importlib.import_module(VECTOR_STORES[kind]))
    for entry in entry_points(group="wenbao.vector_stores", name=kind):
        return cast("_StoreModule", entry.load())
    known = sorted({*VECTOR_STORES, *(entry.name for entry in entry_points(group="wenbao.vector_stores"))})
    raise VectorStoreError("INDEX_UNKNOWN_KIND", f"There is no vector store {kind!r}; known: {', '.join(known)}.")
