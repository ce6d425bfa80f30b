"""The contract of an engine: what keeps both indexes of a store, and brings them to its newest state.

The embedded one keeps them in folders of this machine. Another may keep them elsewhere (``qa.milvus``); the store is
the truth of either, and what an engine holds can be made anew from it.
"""

from __future__ import annotations

from typing import Protocol

from embeddings.embedder import Embedder
from embeddings.vector_store import VectorSearch
from qa.generations import opening
from qa.generations.layers import Indexes, Progress, updated
from qa.lexical import LexicalSearch
from qa.processes import Processes
from qa.store import Finding, Point, Store, Writer
from qa.text import Terms

LENIENCE = 2
"""How many times more than is borne may lie over a generation while the next one is being written."""


class OpenIndexes(Protocol):
    """Both legs over the passages of a store as it was at ``point``."""

    @property
    def generation(self) -> int:
        """Grows with each building from scratch; 0 for what only this process has."""

    @property
    def point(self) -> Point:
        """The state of the store that is searched."""

    @property
    def sequence(self) -> int:
        """The store's at ``point``; −1 when these were replaced, and must be opened again."""

    @property
    def lexical(self) -> LexicalSearch:
        """The lexical leg."""

    @property
    def vectors(self) -> VectorSearch:
        """The dense leg."""


class Engine(Protocol):
    """Keeps the indexes of one store. Safe to share between threads."""

    def open(self, store: Store, embedder: Embedder, terms: Terms, progress: Progress | None = None) -> OpenIndexes:
        """The indexes of the store as it is now, built when there are none that fit: see ``open_indexes``."""

    def overlaid(self, indexes: OpenIndexes, store: Store, embedder: Embedder, terms: Terms) -> OpenIndexes | None:
        """These indexes with what was committed since; None when they must be opened again."""

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
        """The indexes after a change, and how many passages had to be embedded for them: see ``refresh``.

        With ``prove``, all that is there is read, and built anew where it isn't as it was written. ``processes`` may
        share the work.
        """

    def ready(self) -> None:
        """Nothing, when it answers.

        Raises:
            EngineError: ENGINE_UNAVAILABLE.
        """

    def findings(self, store: Store, embedder: Embedder, terms: Terms) -> list[Finding]:
        """What is wrong with the indexes; changes nothing."""


class Embedded:
    """The engine in this process: generations in the data folder, and layers over them."""

    def open(self, store: Store, embedder: Embedder, terms: Terms, progress: Progress | None = None) -> OpenIndexes:
        """See ``open_indexes``."""
        return opening.open_indexes(store, embedder, terms, progress)

    def overlaid(self, indexes: OpenIndexes, store: Store, embedder: Embedder, terms: Terms) -> OpenIndexes | None:
        """See ``updated``; None when more would lie over the generation than is borne."""
        if not isinstance(indexes, Indexes):
            return None
        found = updated(indexes, store, embedder, terms, most=LENIENCE * indexes.bearable)
        return None if found is None else found[0]

    def refresh(
        self,
        store: Store,
        writer: Writer,
        embedder: Embedder,
        terms: Terms,
        progress: Progress | None = None,
        *,
        current: OpenIndexes | None = None,
        prove: bool = False,  # noqa: ARG002 (done whenever a generation is opened)
        processes: Processes | None = None,
    ) -> tuple[OpenIndexes, int]:
        """See ``qa.generations.opening.refresh``."""
        held = current if isinstance(current, Indexes) else None
        return opening.refresh(store, writer, embedder, terms, progress, current=held, processes=processes)

    def ready(self) -> None:
        """Nothing: it is in this process."""

    def findings(self, store: Store, embedder: Embedder, terms: Terms) -> list[Finding]:
        """See ``qa.generations.opening.findings``."""
        return opening.findings(store, embedder, terms)


EMBEDDED = Embedded()
