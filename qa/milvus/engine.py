"""The engine: builds a collection from the store, sends what changed, opens both legs over it.

``DATA/milvus/current`` names the collection that is searched, and the ledger beside it; a new one is built under a name
of its own and takes its place at once, in the alias and in that file. The one before stays until the next refresh, for
who still searches it.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from embeddings.embedder import Embedder
from embeddings.vectors import Ids, Vectors
from qa.errors import ModelError, StoreError
from qa.generations import LOCK_WAIT_S, OpenIndexes, Progress, made_of, model_of, require_model, vectors_of
from qa.generations.layers import EMBED_BATCH
from qa.milvus.client import SENT, Client, unavailable
from qa.milvus.ledger import Ledger, Row, row_of
from qa.milvus.legs import Collection, MilvusLexical, MilvusVectors, stored_weights
from qa.milvus.places import alias_of, current_file, folder_of, named
from qa.processes import Processes
from qa.sqlite import store_errors
from qa.store import Finding, Point, Store, StoredPassage, Writer, sync
from qa.text import Terms

FORMAT = 3
"""Of the collection and the ledger: their fields, and what of a passage is indexed."""
FLAT_MOST = 50_000
"""Passages up to which every vector is compared, as in the embedded engine; above, Milvus chooses (AUTOINDEX)."""
DRIFT = 0.1
"""How far the average length may be from that of the stored weights until they are made anew. A passage's weight moves
by less than 0.43 of it (k₁ · b / (k₁ + …) at tf = 1); candidates are taken with a margin, and scored anew."""

UNUSABLE = {"INDEX_DAMAGED", "INDEX_DIM_MISMATCH", "INDEX_MODEL_MISMATCH", "STORE_CORRUPT"}
"""What is said of a collection or ledger that must be built anew; the last is SQLite's word on a ledger."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MilvusIndexes:
    """Both legs over a collection, at one state of the store."""

    generation: int
    point: Point
    name: str
    current: Path
    lexical: MilvusLexical
    vectors: MilvusVectors

    @property
    def sequence(self) -> int:
        """The store's at ``point``; −1 when another collection has taken the place of this one."""
        return self.point.sequence if named(self.current) == self.name else -1


class Milvus:
    """A Milvus server as the keeper of indexes: see ``qa.generations.Engine``."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._lock = threading.Lock()
        self._ledgers: dict[Path, Ledger] = {}

    def open(self, store: Store, embedder: Embedder, terms: Terms, progress: Progress | None = None) -> OpenIndexes:
        """The collection, when it is of this store, model and terms, and has all that the store has; else made so.

        Raises:
            ModelError: INDEX_MODEL_MISMATCH when the store's vectors, or the collection's, are of another model.
            StoreError: INDEX_DIM_MISMATCH when somebody made the collection otherwise; of reading the store.
            EngineError: ENGINE_UNAVAILABLE.
        """
        require_model(store, embedder)
        ledger = self._fitting(store, embedder, terms)
        if ledger is not None and self._is_there(ledger, embedder) and _is_current(ledger, store):
            return self._indexes(ledger, store, embedder)
        with store.writer(LOCK_WAIT_S) as writer:
            return self.refresh(store, writer, embedder, terms, progress)[0]

    def overlaid(self, indexes: OpenIndexes, store: Store, embedder: Embedder, terms: Terms) -> OpenIndexes | None:
        """What another process has sent already; None when something must be sent, or built."""
        ledger = self._fitting(store, embedder, terms)
        if not isinstance(indexes, MilvusIndexes) or ledger is None or not _is_current(ledger, store):
            return None
        return self._indexes(ledger, store, embedder)

    def refresh(
        self,
        store: Store,
        writer: Writer,
        embedder: Embedder,
        terms: Terms,
        progress: Progress | None = None,
        *,
        current: OpenIndexes | None = None,  # noqa: ARG002 (nothing of them saves work here)
        prove: bool = False,
        processes: Processes | None = None,  # noqa: ARG002 (the ledger is written passage by passage)
    ) -> tuple[OpenIndexes, int]:
        """The collection has all that the store has; and how many passages had to be embedded for it.

        Built anew when there is none that fits, the store can't tell what changed, or its lengths have drifted.
        """
        self._tidy(store)
        try:
            found = self._updated(store, writer, embedder, terms, progress, prove=prove)
        except (ModelError, StoreError) as error:
            if error.code not in UNUSABLE:
                raise
            _LOG.warning("%s It is built anew.", error.message)
            found = None
        ledger, embedded = found or self._build(store, writer, embedder, terms, progress)
        return self._indexes(ledger, store, embedder), embedded

    def ready(self) -> None:
        """Nothing, when the server answers.

        Raises:
            EngineError: ENGINE_UNAVAILABLE.
        """
        self.client.collections()

    def findings(self, store: Store, embedder: Embedder, terms: Terms) -> list[Finding]:
        """What is wrong with ledger and collection; a store without passages needs none.

        Raises:
            EngineError: ENGINE_UNAVAILABLE.
        """
        ids = store.passage_ids()
        try:
            ledger = self._fitting(store, embedder, terms)
            if ledger is None or not self._is_there(ledger, embedder):
                message = f"{self.client.url} holds no collection of {store.folder}."
                return [Finding("INDEX_MISSING", message, repairable=True)] if len(ids) else []
            ledger.prove()
            name, count = str(ledger.tags()["name"]), self.client.count(str(ledger.tags()["name"]))
        except (ModelError, StoreError) as error:
            return [Finding("INDEX_UNUSABLE", f"The collection isn't used: {error.message}", repairable=True)]
        found = []
        held = ledger.ids()
        missing = store.passages(np.setdiff1d(ids, held).tolist())  # what can't be read can't be indexed
        if not _is_current(ledger, store) or missing or len(np.setdiff1d(held, ids)) or count != len(held):
            message = f"{name} holds {count} passages, its ledger {len(held)}, the store {len(ids)}."
            found.append(Finding("INDEX_UNUSABLE", message, repairable=True))
        found += [
            Finding("INDEX_LEFTOVER", f"{left} was left by an interrupted run.", repairable=True)
            for left in self._leftovers(store)
            if left != named(current_file(store), "before")
        ]
        return found

    # --- what is there ---

    def _require_all(self, ledger: Ledger) -> None:
        """Nothing, when the collection has as many passages as it was sent.

        Raises:
            StoreError: INDEX_DAMAGED.
        """
        size, gone = ledger.size(), len(ledger.unsent()[1])
        name = str(ledger.tags()["name"])
        count = self.client.count(name)
        if not size.passages - size.unsent <= count <= size.passages + gone:
            message = f"The collection {name} has {count} passages, and was sent {size.passages}."
            raise StoreError("INDEX_DAMAGED", message)

    def _fitting(self, store: Store, embedder: Embedder, terms: Terms) -> Ledger | None:
        """The current ledger, when it is of this store, model and terms; nothing is asked of the server."""
        name = named(current_file(store))
        path = folder_of(store) / f"{name}.db"
        if name is None or not path.exists():
            return None
        with self._lock:
            if path not in self._ledgers:
                try:
                    self._ledgers[path] = Ledger.open(path)
                except (StoreError, ValueError, TypeError) as error:
                    _LOG.warning("%s isn't used: %s", path, error)
                    return None
            ledger = self._ledgers[path]
        tags = ledger.tags()
        for key, value in _expected(store, embedder, terms).items():
            if tags.get(key) != value:
                _LOG.info("%s isn't used: its %s is %r, now it is %r.", path, key, tags.get(key), value)
                return None
        return ledger if tags.get("name") == name and tags.get("url") == self.client.url else None

    def _is_there(self, ledger: Ledger, embedder: Embedder) -> bool:
        """Whether the server has the collection, as it was made.

        Raises:
            ModelError: INDEX_MODEL_MISMATCH.
            StoreError: INDEX_DIM_MISMATCH.
        """
        name = str(ledger.tags()["name"])
        found = self.client.describe(name)
        if found is None:
            return False
        advice = "somebody made it anew; `wenbao index` builds one that fits."
        if found["dim"] != embedder.dim or found["metrics"] != {"dense": "IP", "sparse": "IP"}:
            raise StoreError(
                "INDEX_DIM_MISMATCH",
                f"The collection {name} at {self.client.url} has {found['dim']} dimensions and {found['metrics']}, "
                f"expected {embedder.dim} and inner products: {advice}",
            )
        model = found["properties"].get("wenbao.model")
        if model != embedder.fingerprint:
            raise ModelError(
                "INDEX_MODEL_MISMATCH",
                f"The collection {name} at {self.client.url} is of the model {model!r}, expected "
                f"{embedder.fingerprint!r}: {advice}",
            )
        return True

    def _indexes(self, ledger: Ledger, store: Store, embedder: Embedder) -> MilvusIndexes:
        tags, size, point = ledger.tags(), ledger.size(), ledger.point() or Point(0, "")
        collection = Collection(self.client, str(tags["name"]), ledger)
        return MilvusIndexes(
            int(str(tags["number"])),
            point,
            collection.name,
            current_file(store),
            MilvusLexical(collection, size),
            MilvusVectors(collection, size, store, point, embedder.fingerprint, embedder.dim),
        )

    # --- building and sending ---

    def _updated(
        self,
        store: Store,
        writer: Writer,
        embedder: Embedder,
        terms: Terms,
        progress: Progress | None,
        *,
        prove: bool,
    ) -> tuple[Ledger, int] | None:
        """The current collection with all that the store has, and how many passages were embedded; None for a new one.

        Raises:
            ModelError, StoreError: with one of the codes ``UNUSABLE``, when it isn't as it was made.
        """
        ledger = self._fitting(store, embedder, terms)
        if ledger is None or not self._is_there(ledger, embedder):
            return None
        if prove:
            ledger.prove()
            self._require_all(ledger)
        point = ledger.point()
        changed = None if point is None else store.changed_since(point)
        if changed is None:
            return None
        rows = _Rows(store, writer, embedder, terms, changed)
        if changed:
            ledger.replace(changed, rows, store.point())
        if _is_worn(ledger):
            return None
        self._send(ledger, store, writer, embedder, progress)
        return ledger, rows.embedded

    def _build(
        self, store: Store, writer: Writer, embedder: Embedder, terms: Terms, progress: Progress | None
    ) -> tuple[Ledger, int]:
        folder, before = folder_of(store), named(current_file(store))
        number = 1 + (int(before.split("_")[2]) if before else 0)
        name = f"{alias_of(store)}_{number:06d}_{secrets.token_hex(4)}"
        with store_errors(folder):
            folder.mkdir(exist_ok=True)
        tags = {**_expected(store, embedder, terms), "name": name, "number": number, "url": self.client.url}
        ledger = Ledger.create(folder / f"{name}.db", tags)
        rows = _Rows(store, writer, embedder, terms, None, progress)
        ledger.replace((), rows)
        writer.use_model(model_of(embedder))
        with ledger.changing():
            ledger.at(store.point())
        size = ledger.size()
        index_type = "FLAT" if size.passages <= FLAT_MOST else "AUTOINDEX"
        ledger.tag(average=float(size.average), index_type=index_type)
        properties = {"wenbao.model": embedder.fingerprint, "wenbao.store": store.id, "wenbao.terms": terms.version}
        self.client.create(name, embedder.dim, index_type, properties)
        self._send(ledger, store, writer, embedder, progress)
        self.client.settle(name)
        if (count := self.client.count(name)) != size.passages:
            raise unavailable(self.client.url, f"{name} was given {size.passages} passages and has {count}")
        self.client.point_alias(alias_of(store), name)
        aside = folder / "current.new"
        with store_errors(aside):
            aside.write_text(json.dumps({"name": name, "before": before}), encoding="utf-8")
            sync(aside)
            aside.replace(current_file(store))
            sync(folder)
        with self._lock:
            self._ledgers[ledger.path] = ledger
        return ledger, rows.embedded

    def _send(
        self, ledger: Ledger, store: Store, writer: Writer, embedder: Embedder, progress: Progress | None
    ) -> None:
        """The collection has what the ledger has. What was sent before an interruption is sent once more at most."""
        name, average = str(ledger.tags()["name"]), np.float32(float(str(ledger.tags()["average"])))
        put, gone = ledger.unsent()
        for start in range(0, len(put), SENT):
            ids = put[start : start + SENT]
            rows = ledger.rows(ids)
            found, vectors = _vectors(store, writer, embedder, ids)
            weights = {row.id: stored_weights(row, average) for row in rows}
            self.client.upsert(name, found, vectors, [weights[number] for number in found.tolist()])
            ledger.sent(ids)
            if progress is not None:
                progress("send", min(start + SENT, len(put)), len(put))
        if len(gone):
            self.client.delete(name, gone)
            ledger.sent(gone)

    # --- what is left over ---

    def _leftovers(self, store: Store) -> list[str]:
        """Collections and ledgers of this store but for the current one."""
        kept = named(current_file(store))
        collections = [name for name in self.client.collections() if name.startswith(f"{alias_of(store)}_")]
        ledgers = [path.stem for path in folder_of(store).glob("*.db")]
        return sorted({*collections, *ledgers} - {kept})

    def _tidy(self, store: Store) -> None:
        for name in self._leftovers(store):
            self.client.drop(name)
            for path in folder_of(store).glob(f"{name}.db*"):
                path.unlink(missing_ok=True)


class _Rows:
    """The ledger's rows of all passages, or of those of the named files; each has a vector in the store then."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        embedder: Embedder,
        terms: Terms,
        files: Sequence[str] | None,
        progress: Progress | None = None,
    ) -> None:
        self.embedded = 0
        self._made = (store, writer, embedder, terms, files, progress)

    def __iter__(self) -> Iterator[Row]:
        store, writer, embedder, terms, files, progress = self._made
        passages = store.iter_passages(files)
        whole = len(store.passage_ids()) if files is None else store.count_passages(files)
        done = 0
        while batch := list(islice(passages, EMBED_BATCH)):
            self.embedded += vectors_of(store, writer, embedder, batch)[1]
            yield from (row_of(passage, terms) for passage in batch)
            done += len(batch)
            if progress is not None:
                progress("terms", done, whole)


def _vectors(store: Store, writer: Writer, embedder: Embedder, ids: Ids) -> tuple[Ids, Vectors]:
    """Of those of the passages that the store has."""
    found, vectors = store.vectors(embedder.fingerprint, ids.tolist())
    if len(found) < len(ids):
        passages: list[StoredPassage] = list(store.passages(ids.tolist()).values())
        (found, vectors), _ = vectors_of(store, writer, embedder, passages)
    return found, vectors.reshape(len(found), embedder.dim)


def _expected(store: Store, embedder: Embedder, terms: Terms) -> dict[str, object]:
    return {"format": FORMAT, **made_of(store, embedder, terms)}


def _is_current(ledger: Ledger, store: Store) -> bool:
    """Whether all that the store has was counted and sent."""
    put, gone = ledger.unsent()
    return ledger.point() == store.point() and not len(put) and not len(gone)


def _is_worn(ledger: Ledger) -> bool:
    tags, size = ledger.tags(), ledger.size()
    average = float(str(tags["average"]))
    outgrown = tags["index_type"] == "FLAT" and size.passages > 2 * FLAT_MOST
    return outgrown or abs(float(size.average) - average) > DRIFT * average
