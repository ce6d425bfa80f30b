"""The corpus as it is now: its indexes, opened once and kept up to date, and the catalogue that filters go by."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence

from embeddings import Embedder
from qa.generations import EMBEDDED, Engine, OpenIndexes
from qa.retrieve import Retriever
from qa.store import Catalogue, Store
from qa.text import Terms


class Current:
    """What one process has open of a store. Safe to share between threads; each call sees one state."""

    def __init__(self, store: Store, embedder: Embedder, terms: Callable[[], Terms], engine: Engine = EMBEDDED) -> None:
        """``terms`` gives those by which texts are to be cut now; ``engine`` keeps the indexes."""
        self._store = store
        self._embedder = embedder
        self._engine = engine
        self._terms = terms
        self._opening = threading.Lock()
        self._opened: tuple[OpenIndexes, Retriever] | None = None
        self._lock = threading.Lock()
        self._catalogue: tuple[int, Catalogue] | None = None

    @property
    def indexes(self) -> OpenIndexes | None:
        """Those that are open; None before the first question."""
        opened = self._opened
        return None if opened is None else opened[0]

    def retriever(self) -> Retriever:
        """Retrieval over the corpus as it is now.

        What was committed is searched: what changed is read and laid over the indexes that are open. Only where that is
        much, or the terms or the model changed, are they opened again; while somebody is still writing then, or another
        thread is at it, questions are answered from the earlier ones: what they name and the store lacks is left out.
        """
        opened = self._opened
        if opened is not None and self._is_fresh(*opened):
            return opened[1]
        with contextlib.ExitStack() as stack:
            if not self._opening.acquire(blocking=opened is None):
                assert opened is not None  # noqa: S101 (for else it would have waited)
                return opened[1]
            stack.callback(self._opening.release)
            opened, terms = self._opened, self._terms()
            if opened is not None and self._is_fresh(*opened):
                return opened[1]
            indexes = None if opened is None else self._overlaid(*opened)
            if indexes is None:
                if opened is not None and self._store.being_written():
                    return opened[1]
                indexes = self._engine.open(self._store, self._embedder, terms)
            return self._take(indexes, terms)

    def state_of(self, retriever: Retriever) -> tuple[int, str] | None:
        """The store's sequence and the terms' version that are searched; None when they aren't those of now."""
        opened = self._opened
        if opened is None or opened[1] is not retriever or not self._is_fresh(*opened):
            return None
        return opened[0].sequence, retriever.terms.version

    def take(self, indexes: OpenIndexes, terms: Terms) -> None:
        """Searches these from now on: a writer has them already."""
        with self._opening:
            if self._opened is None or self._opened[0].sequence <= indexes.sequence:
                self._take(indexes, terms)

    def catalogue(self) -> Catalogue:
        """The articles as they are now, by file and date, with their passages: what filters are judged by."""
        with self._lock:
            if self._catalogue is None or self._catalogue[0] != self._store.sequence():
                with self._store.snapshot():
                    self._catalogue = self._store.sequence(), self._store.catalogue()
            return self._catalogue[1]

    def _take(self, indexes: OpenIndexes, terms: Terms) -> Retriever:
        retriever = Retriever(indexes.lexical, indexes.vectors, self._embedder, terms, self._texts)
        self._opened = (indexes, retriever)
        return retriever

    def _is_fresh(self, indexes: OpenIndexes, retriever: Retriever) -> bool:
        return indexes.sequence == self._store.sequence() and retriever.terms is self._terms()

    def _overlaid(self, indexes: OpenIndexes, retriever: Retriever) -> OpenIndexes | None:
        """The open indexes with what changed since, unless that is much or they are of other terms."""
        if retriever.terms is not self._terms():
            return None
        return self._engine.overlaid(indexes, self._store, self._embedder, retriever.terms)

    def _texts(self, ids: Sequence[int]) -> dict[int, str]:
        return {number: passage.indexed_text for number, passage in self._store.passages(ids).items()}
