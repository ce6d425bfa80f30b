"""What a structurally damaged store still holds, put into a new one: only rows that prove themselves.

SQLite gives up a table at the first damaged page. Here the rest is read around it, by id, and since every row carries
the hash of its own columns and of the store's id, nothing false can come along. Called by ``wenbao doctor --repair``
alone, never by itself; the damaged file is kept.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa.migrations import APPLICATION_ID, MIGRATIONS
from qa.row_hash import log_change, row_hash
from qa.sqlite import SQLITE_ERRORS, connect, corrupt, migrate, store_errors, sync
from qa.store.database import NAME, check_header, write_lock
from qa.store.rows import TABLES, Table

_HIGHEST = 2**53
_STORE_ID_CHARS = 32


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What came of it. ``missing`` are files that the log of changes names and that are no longer there at all.

    Where the log isn't ``log_whole``, others may be lost that nothing names.
    """

    rows: int
    missing: tuple[str, ...]
    log_whole: bool
    kept: Path
    """The folder with the damaged file."""


def is_malformed(folder: Path) -> bool:
    """Whether SQLite finds the store's structure damaged; reads all of it. False where there is no store.

    Raises:
        StoreError: STORE_CORRUPT for what is no SQLite file, STORE_TOO_NEW.
    """
    path = folder / NAME
    check_header(path)
    if not path.exists() or path.stat().st_size == 0:
        return False
    try:
        with contextlib.closing(connect(path, "mode=rw")) as connection:
            return bool(connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",))
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # locked, full or read only: no damage
            with store_errors(path):
                raise
        return True


def salvage(folder: Path) -> Salvaged:
    """The store is a sound one again, of what can be read and proven; the damaged one lies in ``damaged-N`` beside it.

    What belongs to nothing and what lacks a part is left for ``qa.indexing.repair``.

    Raises:
        StoreError: STORE_CORRUPT, when not even the table of contents or the store's id can be read, and nothing was
            changed; WRITER_LOCKED, DISK_FULL.
    """
    path, fresh = folder / NAME, folder / f"{NAME}.salvaged.tmp"
    with write_lock(folder), store_errors(path), tempfile.TemporaryDirectory(prefix="salvage-", dir=folder) as copies:
        copied = _copied(path, Path(copies))  # so that reading, which may replay the journal, doesn't change it
        fresh.unlink(missing_ok=True)
        try:
            with contextlib.closing(connect(copied, "mode=rw")) as old, contextlib.closing(_new(fresh)) as new:
                rows, missing, log_whole = _move(old, new, path)
                new.execute("PRAGMA journal_mode = DELETE")
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        sync(fresh)
        kept = _keep(path)
        for side in ("-wal", "-shm"):
            path.with_name(f"{NAME}{side}").unlink(missing_ok=True)
        fresh.replace(path)
        sync(folder)
    return Salvaged(rows, missing, log_whole, kept)


def _copied(path: Path, folder: Path) -> Path:
    for side in ("", "-wal"):
        source = path.with_name(f"{NAME}{side}")
        if source.exists():
            shutil.copyfile(source, folder / source.name)
    return folder / NAME


def _new(path: Path) -> sqlite3.Connection:
    connection = connect(path, "mode=rwc")
    migrate(connection, MIGRATIONS, APPLICATION_ID)
    connection.execute("PRAGMA foreign_keys = OFF")
    return connection


def _keep(path: Path) -> Path:
    """A copy of the damaged file and its journal under a name of its own, on the disk."""
    taken = {folder.name for folder in path.parent.glob("damaged-*")}
    kept = path.with_name(next(name for n in range(1, len(taken) + 2) if (name := f"damaged-{n}") not in taken))
    kept.mkdir()
    _copied(path, kept)
    for copy in (*kept.iterdir(), kept):
        sync(copy)
    return kept


def _move(old: sqlite3.Connection, new: sqlite3.Connection, path: Path) -> tuple[int, tuple[str, ...], bool]:
    try:
        tables = {name for (name,) in old.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        (version,) = old.execute("PRAGMA user_version").fetchone()
    except SQLITE_ERRORS as error:
        raise corrupt(path, f"not even its table of contents can be read: {error}") from error
    if version != len(MIGRATIONS) or not {table.name for table in TABLES} <= tables:
        raise corrupt(path, f"it has schema {version}, and only a store of schema {len(MIGRATIONS)} can be salvaged")
    store = _store_id(old, path)
    new.execute("BEGIN IMMEDIATE")
    new.execute("UPDATE meta SET value = ? WHERE key = 'store_id'", (store,))
    kept = sum(_move_table(old, new, table, store) for table in TABLES)
    kept += _move_vectors(old, new, store)
    sequence, named, moved = _move_changes(old, new, path.parent)
    if moved < sequence:  # its end was lost: pass every number that it had
        new.execute("INSERT OR IGNORE INTO changes (sequence, time, kind) VALUES (?, unixepoch(), 'lost')", (sequence,))
    log_change(new, store, "repaired", None)
    there = {name for (name,) in new.execute("SELECT name FROM files")}
    new.execute("COMMIT")
    return kept, tuple(sorted(named - there)), moved == sequence


def _move_table(old: sqlite3.Connection, new: sqlite3.Connection, table: Table, store: str) -> int:
    kept = 0
    for row in _rows(old, table.select, "id"):
        number, *values, proof = row
        if proof == row_hash(store, table.name, number, *values):
            with contextlib.suppress(sqlite3.IntegrityError):  # a stray copy of a row that is there already
                new.execute(table.insert, row)
                kept += 1
    return kept


def _move_vectors(old: sqlite3.Connection, new: sqlite3.Connection, store: str) -> int:
    models = {row[0]: row for row in _rows(old, "SELECT id, fingerprint, name, dim FROM models", "id")}
    kept = 0
    used = set()
    for number, model, content, data, proof in _rows(
        old, "SELECT id, model_id, content, vector, row_hash FROM vectors", "id"
    ):
        if model in models and proof == row_hash(store, "vectors", models[model][1], content, data):
            with contextlib.suppress(sqlite3.IntegrityError):
                new.execute("INSERT INTO vectors VALUES (?, ?, ?, ?, ?)", (number, model, content, data, proof))
                used.add(model)
                kept += 1
    for model in used:
        new.execute("INSERT INTO models (id, fingerprint, name, dim) VALUES (?, ?, ?, ?)", models[model])
    with contextlib.suppress(*SQLITE_ERRORS):
        for (value,) in old.execute("SELECT value FROM meta WHERE key = 'model'"):
            if value in {models[model][1] for model in used}:
                new.execute("INSERT INTO meta (key, value) VALUES ('model', ?)", (value,))
    return kept


def _move_changes(old: sqlite3.Connection, new: sqlite3.Connection, folder: Path) -> tuple[int, set[str], int]:
    """The highest sequence ever told, the names of the files that should be there, and how many changes were read.

    The first is passed, so that no index of the damaged store is taken for one of the new.
    """
    named: set[str] = set()
    moved = 0
    sequence = max([0, *(int(manifest.get("sequence", 0)) for manifest in _manifests(folder))])
    for row in _rows(old, "SELECT sequence, time, kind, file FROM changes", "sequence"):
        with contextlib.suppress(sqlite3.Error):
            new.execute("INSERT INTO changes (sequence, time, kind, file) VALUES (?, ?, ?, ?)", row)
            moved += 1
            sequence = max(sequence, row[0])
            if row[3] is not None:
                (named.discard if row[2] == "removed" else named.add)(str(row[3]))
    return sequence, named, moved


def _store_id(old: sqlite3.Connection, path: Path) -> str:
    with contextlib.suppress(*SQLITE_ERRORS):
        for (value,) in old.execute("SELECT value FROM meta WHERE key = 'store_id'"):
            if len(str(value)) == _STORE_ID_CHARS:
                return str(value)
    for manifest in _manifests(path.parent):
        if len(str(manifest.get("store"))) == _STORE_ID_CHARS:
            return str(manifest["store"])
    raise corrupt(path, "its id is lost, by which its rows prove themselves")


def _manifests(folder: Path) -> Iterator[dict[str, Any]]:
    """The manifests of the indexes, which name the store too."""
    for path in sorted(folder.glob("indexes/*/manifest.json"), reverse=True):
        with contextlib.suppress(OSError, ValueError):
            manifest = json.loads(path.read_bytes())
            if isinstance(manifest, dict):
                yield manifest


def _rows(connection: sqlite3.Connection, select: str, key: str) -> Iterator[tuple[Any, ...]]:
    """The rows by their key, ascending, those on damaged pages left out."""
    last = 0
    while last < _HIGHEST:
        try:
            for row in connection.execute(f"{select} WHERE {key} > ? ORDER BY {key}", (last,)):
                last = row[0]
                yield row
        except SQLITE_ERRORS:
            # sqlite3 looks one row ahead, so the last one before the damage is still to come.
            found = _next(connection, select, key, last)
            last = _behind(connection, select, key, last) if found is None else found[0][0] if found else _HIGHEST
            yield from found or ()
        else:
            return


def _next(connection: sqlite3.Connection, select: str, key: str, last: int) -> list[tuple[Any, ...]] | None:
    """The row behind the number, in a list that is empty where there is none; None where it can't be read."""
    try:
        return connection.execute(f"{select} WHERE {key} > ? ORDER BY {key} LIMIT 1", (last,)).fetchall()
    except SQLITE_ERRORS:
        return None


def _behind(connection: sqlite3.Connection, select: str, key: str, last: int) -> int:
    """The smallest number from which on a row can be read again, found by doubling and halving; or one beyond all."""

    def readable(number: int) -> bool:
        return _next(connection, select, key, number) is not None

    step = 1
    while last + step < _HIGHEST and not readable(last + step):
        step *= 2
    low, high = last + step // 2, min(last + step, _HIGHEST)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if readable(middle) else (middle, high)
    return high
