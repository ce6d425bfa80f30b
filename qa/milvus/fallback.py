"""The engine with the embedded one in reserve: indexes of this machine answer while the server doesn't.

They are built when they are first needed, which takes as long as the first indexing less the embedding; so this is for
corpora that one machine can hold.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from embeddings.embedder import Embedder
from embeddings.vectors import Ids, Scores, Vectors
from qa.errors import EngineError
from qa.generations import Engine, OpenIndexes, Progress
from qa.processes import Processes
from qa.store import Finding, Point, Store, Writer
from qa.text import Terms

RETRY_S = 30.0
"""How long the reserve answers before the server is tried again."""

Found = TypeVar("Found")
_LOG = logging.getLogger(__name__)


class WithFallback:
    """See ``qa.generations.Engine``."""

    def __init__(self, first: Engine, reserve: Engine) -> None:
        self.first = first
        self.reserve = reserve

    def open(self, store: Store, embedder: Embedder, terms: Terms, progress: Progress | None = None) -> OpenIndexes:
        """The server's indexes, or those of this machine."""
        try:
            found = self.first.open(store, embedder, terms, progress)
        except EngineError as error:
            return _Either(self, store, embedder, terms, None, error)
        return _Either(self, store, embedder, terms, found)

    def overlaid(self, indexes: OpenIndexes, store: Store, embedder: Embedder, terms: Terms) -> OpenIndexes | None:
        """What another process has sent already; None when they must be opened again."""
        if not isinstance(indexes, _Either) or indexes.remote is None:
            return None
        found = self.first.overlaid(indexes.remote, store, embedder, terms)
        return None if found is None else _Either(self, store, embedder, terms, found)

    def refresh(
        self,
        store: Store,
        writer: Writer,
        embedder: Embedder,
        terms: Terms,
        progress: Progress | None = None,
        *,
        current: OpenIndexes | None = None,
        prove: bool = False,
        processes: Processes | None = None,
    ) -> tuple[OpenIndexes, int]:
        """What changed is sent to the server; while it is away, the indexes of this machine are brought up to date."""
        try:
            found, embedded = self.first.refresh(
                store, writer, embedder, terms, progress, prove=prove, processes=processes
            )
        except EngineError as error:
            held = current.local if isinstance(current, _Either) else None
            local, embedded = self.reserve.refresh(
                store, writer, embedder, terms, progress, current=held, processes=processes
            )
            return _Either(self, store, embedder, terms, None, error, local), embedded
        return _Either(self, store, embedder, terms, found), embedded

    def ready(self) -> None:
        """Nothing: one of the two answers."""

    def findings(self, store: Store, embedder: Embedder, terms: Terms) -> list[Finding]:
        """Those of the server's collection; the reserve is proven whenever it is opened."""
        return self.first.findings(store, embedder, terms)


class _Either:
    """Asks the server's indexes, and when it fails those of this machine, until it is worth trying again."""

    def __init__(
        self,
        engine: WithFallback,
        store: Store,
        embedder: Embedder,
        terms: Terms,
        remote: OpenIndexes | None,
        failure: EngineError | None = None,
        local: OpenIndexes | None = None,
    ) -> None:
        self.remote = remote
        self.local = local
        self.lexical = _Lexical(self)
        self._made = (store, embedder, terms)
        self._reserve = engine.reserve
        self._lock = threading.Lock()
        self._retry_at = 0.0
        if failure is not None:
            self._failed(failure)
        first = remote or self._local()
        self.generation = first.generation
        self.point: Point = first.point
        self.vectors = _Vectors(self, embedder.dim)

    @property
    def sequence(self) -> int:
        """The store's; −1 when the indexes should be opened again: they were replaced, or the server may be back."""
        if self.remote is None:
            return self.point.sequence if time.monotonic() < self._retry_at else -1
        return self.remote.sequence

    def call(self, ask: Callable[[OpenIndexes], Found]) -> Found:
        """What the server's indexes answer, or those of this machine."""
        if self.remote is not None and time.monotonic() >= self._retry_at:
            try:
                return ask(self.remote)
            except EngineError as error:
                self._failed(error)
        return ask(self._local())

    def _failed(self, error: EngineError) -> None:
        self._retry_at = time.monotonic() + RETRY_S
        _LOG.warning("%s Indexes of this machine answer for %d s.", error.message, RETRY_S)

    def _local(self) -> OpenIndexes:
        with self._lock:
            if self.local is None:
                self.local = self._reserve.open(*self._made)
            return self.local


class _Lexical:
    def __init__(self, either: _Either) -> None:
        self._either = either

    def __len__(self) -> int:
        return self._either.call(lambda indexes: len(indexes.lexical))

    def document_frequency(self, term: str) -> int:
        return self._either.call(lambda indexes: indexes.lexical.document_frequency(term))

    def search(self, terms: Sequence[str], k: int, only: Ids | None = None) -> list[tuple[int, float]]:
        return self._either.call(lambda indexes: indexes.lexical.search(terms, k, only))

    def scores(self, terms: Sequence[str], ids: Sequence[int]) -> dict[int, float]:
        return self._either.call(lambda indexes: indexes.lexical.scores(terms, ids))

    def search_and_score(
        self, terms: Sequence[str], k: int, ids: Ids, only: Ids | None = None
    ) -> tuple[Ids, Scores, Scores]:
        return self._either.call(lambda indexes: indexes.lexical.search_and_score(terms, k, ids, only))


class _Vectors:
    kind = "milvus"

    def __init__(self, either: _Either, dim: int) -> None:
        self.dim = dim
        self._either = either

    def __len__(self) -> int:
        return self._either.call(lambda indexes: len(indexes.vectors))

    def search(self, questions: Vectors, k: int, only: Ids | None = None) -> tuple[Scores, Ids]:
        return self._either.call(lambda indexes: indexes.vectors.search(questions, k, only))

    def scores(self, questions: Vectors, ids: Ids) -> Scores:
        return self._either.call(lambda indexes: indexes.vectors.scores(questions, ids))
