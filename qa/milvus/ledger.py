"""What the engine holds, kept beside the store: each passage's terms, and how many passages hold each term.

A small SQLite file for each building of the engine's collection. It is a cache like the collection: it can be made anew
from the store. It is written first, with a list of what is still to be sent; so an interrupted change is known, and
sending it again does no harm. The statistics that BM25 needs follow the store by it, without rewriting any vector, and
candidates that the engine names are scored from it, by the same numbers as in the embedded engine.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embeddings.vectors import Ids
from qa.errors import StoreError
from qa.generations import file_key, passage_terms
from qa.postings import MOST_COUNTED
from qa.sqlite import connect, store_errors, transaction
from qa.store import Point, StoredPassage
from qa.text import Terms
from qa.text.keys import term_key

READ = 256
"""Rows read at a time."""

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE passages (
  id INTEGER PRIMARY KEY, file INTEGER NOT NULL, length INTEGER NOT NULL, terms BLOB NOT NULL, proof INTEGER NOT NULL
);
CREATE INDEX passages_of_file ON passages (file);
CREATE TABLE terms (key INTEGER PRIMARY KEY, passages INTEGER NOT NULL, proof INTEGER NOT NULL);
CREATE TABLE unsent (id INTEGER PRIMARY KEY, gone INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A passage's terms: their keys, and how often each stands there (at most ``MOST_COUNTED``)."""

    id: int
    file: int
    length: int
    """Terms, duplicates counted."""
    keys: npt.NDArray[np.uint64]
    counts: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Size:
    """What there is in all."""

    passages: int
    tokens: int
    unsent: int
    """Passages that the engine may not have yet."""
    changes: int
    """Grows with each change of the ledger."""

    @property
    def average(self) -> np.float32:
        """Terms a passage, as the lexical index has it."""
        return np.float32(max(self.tokens, 1) / max(self.passages, 1))


def row_of(passage: StoredPassage, terms: Terms) -> Row:
    """The passage as it is indexed."""
    cut = passage_terms(terms, passage)
    counted = Counter(map(term_key, cut))
    keys = np.array(sorted(counted), np.uint64)
    counts = np.array([min(counted[int(term)], MOST_COUNTED) for term in keys], np.uint8)
    return Row(passage.id, file_key(passage.file), len(cut), keys, counts)


class Ledger:
    """One building's. Safe to share between threads; only the holder of the store's writer's lock changes it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.RLock()

    @classmethod
    def create(cls, path: Path, tags: Mapping[str, object]) -> Ledger:
        """An empty one. ``tags`` say what it is of."""
        with store_errors(path):
            connection = connect(path, "mode=rwc")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
        ledger = cls(path, connection)
        with ledger.changing():
            ledger._put("tags", tags)
            ledger._put("size", [0, 0, 0])
        return ledger

    @classmethod
    def open(cls, path: Path) -> Ledger:
        """The one in ``path``.

        Raises:
            StoreError: when there is none, or it can't be read.
        """
        with store_errors(path):
            ledger = cls(path, connect(path, "mode=rw"))
            ledger.size()
        return ledger

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            self._connection.close()

    # --- reading ---

    def tags(self) -> dict[str, object]:
        """What was given to ``create``, and what was added since."""
        found: dict[str, object] = self._get("tags")
        return found

    def point(self) -> Point | None:
        """The state of the store that is counted here; None before the first is."""
        found = self._get("point")
        return None if found is None else Point(int(found[0]), str(found[1]))

    def size(self) -> Size:
        """What there is in all."""
        with self._reading():
            passages, tokens, changes = self._get("size")
            (unsent,) = self._connection.execute("SELECT count(*) FROM unsent WHERE gone = 0").fetchone()
            return Size(passages, tokens, unsent, changes)

    def frequency(self, term: str) -> int:
        """Number of passages that hold the term."""
        number = _signed(term_key(term))
        with self._reading():
            found = self._connection.execute("SELECT passages, proof FROM terms WHERE key = ?", (number,)).fetchone()
        if found is None:
            return 0
        if found[1] != _proof(number, found[0]):
            raise self._damaged("a term's row")
        return int(found[0])

    def rows(self, ids: Iterable[int]) -> list[Row]:
        """The rows of those of the passages that there are, in the order asked."""
        query = "SELECT id, file, length, terms, proof FROM passages WHERE id = ?"
        with self._reading():
            found = [self._connection.execute(query, (int(number),)).fetchone() for number in ids]
        return [self._row(each) for each in found if each is not None]

    def ids(self) -> Ids:
        """Of all passages, ascending."""
        with self._reading():
            rows = self._connection.execute("SELECT id FROM passages ORDER BY id")
            return np.fromiter((number for (number,) in rows), np.int64)

    def unsent(self) -> tuple[Ids, Ids]:
        """Ids of the passages to be put into the engine, and of those to be taken out."""
        with self._reading():
            rows = self._connection.execute("SELECT id, gone FROM unsent ORDER BY id").fetchall()
        ids, gone = np.array(rows, np.int64).reshape(len(rows), 2).T
        return ids[gone == 0], ids[gone == 1]

    def prove(self) -> None:
        """Nothing, when every row is as it was written, and the counts are those of the rows; reads all.

        Raises:
            StoreError: INDEX_DAMAGED.
        """
        counted: Counter[int] = Counter()
        passages = tokens = 0
        ids = self.ids()
        for start in range(0, len(ids), READ):
            for row in self.rows(ids[start : start + READ]):
                counted.update(map(_signed, row.keys.tolist()))
                passages, tokens = passages + 1, tokens + row.length
        with self._reading():
            held = dict(self._connection.execute("SELECT key, passages FROM terms WHERE passages > 0"))
        size = self.size()
        if held != counted or (size.passages, size.tokens) != (passages, tokens):
            raise self._damaged("a count")

    # --- changing ---

    @contextmanager
    def changing(self) -> Iterator[None]:
        """All or nothing of what is done in the block."""
        with self._lock, transaction(self._connection, self.path):
            yield

    def tag(self, **tags: object) -> None:
        """Adds to what it says of itself."""
        with self.changing():
            self._put("tags", {**self.tags(), **tags})

    def replace(self, files: Sequence[str], rows: Iterable[Row], point: Point | None = None) -> None:
        """The rows are there in place of all that the files had; what the engine must do for it is unsent.

        ``point`` is the state of the store that is counted then.
        """
        with self.changing():
            changed: Counter[int] = Counter()
            passages, tokens, changes = self._get("size")
            run = self._connection.execute
            for name in files:
                query = "SELECT id, file, length, terms, proof FROM passages WHERE file = ?"
                for old in map(self._row, run(query, (file_key(name),)).fetchall()):
                    changed.subtract(map(_signed, old.keys.tolist()))
                    passages, tokens = passages - 1, tokens - old.length
                    run("INSERT OR REPLACE INTO unsent VALUES (?, 1)", (old.id,))
                run("DELETE FROM passages WHERE file = ?", (file_key(name),))
            for row in rows:
                changed.update(map(_signed, row.keys.tolist()))
                passages, tokens = passages + 1, tokens + row.length
                data = row.keys.astype("<u8").tobytes() + row.counts.tobytes()
                proof = _proof(row.id, row.file, row.length, data)
                run("INSERT INTO passages VALUES (?, ?, ?, ?, ?)", (row.id, row.file, row.length, data, proof))
                run("INSERT OR REPLACE INTO unsent VALUES (?, 0)", (row.id,))
            for term, difference in sorted(changed.items()):
                found = run("SELECT passages FROM terms WHERE key = ?", (term,)).fetchone()
                n = difference + (found[0] if found else 0)
                run("INSERT OR REPLACE INTO terms VALUES (?, ?, ?)", (term, n, _proof(term, n)))
            self._put("size", [passages, tokens, changes + 1])
            if point is not None:
                self.at(point)

    def at(self, point: Point) -> None:
        """The state of the store that is counted."""
        self._put("point", [point.sequence, point.mark])

    def sent(self, ids: Ids) -> None:
        """The engine has done what was to be done for these passages."""
        with self.changing():
            self._connection.executemany("DELETE FROM unsent WHERE id = ?", ((number,) for number in ids.tolist()))
            passages, tokens, changes = self._get("size")
            self._put("size", [passages, tokens, changes + 1])

    # --- how it lies in the file ---

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock, store_errors(self.path):
            yield

    def _put(self, key: str, value: object) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))

    def _get(self, key: str) -> Any:
        with self._reading():
            row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def _row(self, found: tuple[int, int, int, bytes, int]) -> Row:
        number, file, length, data, proof = found
        if proof != _proof(number, file, length, data) or len(data) % 9:
            raise self._damaged(f"the row of passage {number}")
        split = len(data) // 9 * 8
        return Row(number, file, length, np.frombuffer(data[:split], "<u8"), np.frombuffer(data[split:], np.uint8))

    def _damaged(self, what: str) -> StoreError:
        return StoreError(
            "INDEX_DAMAGED", f"{self.path}: {what} isn't as it was written; `wenbao doctor --repair` builds it anew."
        )


def _signed(number: int) -> int:
    """SQLite's whole numbers have a sign."""
    return number - (1 << 64) if number >= 1 << 63 else number


def _proof(*parts: int | bytes) -> int:
    proof = 0
    for part in parts:
        proof = zlib.crc32(part if isinstance(part, bytes) else str(part).encode() + b",", proof)
    return proof
