"""The store's schema, grown by numbered functions that are only ever appended.

``MIGRATIONS[n]`` brings a store from schema ``n`` to ``n + 1``; a new store runs them all. Each works inside the one
transaction that `qa.sqlite.migrate` opens, so that a kill leaves the old schema or the new one. A function that was
released is never edited: stores out there have already run it. docs/store.md describes every table.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence

from qa.articles import Dated, article_dates
from qa.row_hash import log_change, parts_hash, row_hash
from qa.sqlite import Migration

APPLICATION_ID = 0x77656E62
"""``wenb``: written into the file's header, so that another program's database is never taken for a store."""


def first_schema(connection: sqlite3.Connection) -> None:
    """Files, articles, sections, passages, furniture, models, vectors, the log of changes, and the store's own id.

    Every row of text carries the SHA-256 of its other columns. Foreign keys are checked at the commit, since a file's
    row, which sums up its parts, is written after them.
    """
    for statement in _FIRST:
        connection.execute(statement)
    connection.execute("INSERT INTO meta (key, value) VALUES ('store_id', ?)", (secrets.token_hex(16),))


def dates_of_articles(connection: sqlite3.Connection) -> None:
    """Each article's date and where it stands, read from the stored text.

    The new columns are under the rows' hashes, and these under their file's. What proved itself before does so after,
    and what was damaged, or lacked a part, still shows.
    """
    for column in ("date", "date_source"):
        connection.execute(f"ALTER TABLE articles ADD COLUMN {column} TEXT")
    ((store,),) = connection.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchall() or [("",)]
    files = connection.execute(
        """SELECT id, name, root, sha256, encoding, encoding_note, format, headings, chars, structure, indexed_at,
        parts, row_hash FROM files"""
    )
    for number, *columns, indexed_at, before, proof in files.fetchall():
        whole = before == parts_hash(connection, number)
        sound = proof == row_hash(store, "files", number, *columns, before, indexed_at)
        _date_articles(connection, store, number, str(columns[0]))
        if whole and sound:
            parts = parts_hash(connection, number)
            proven = row_hash(store, "files", number, *columns, parts, indexed_at)
            connection.execute("UPDATE files SET parts = ?, row_hash = ? WHERE id = ?", (parts, proven, number))


def _date_articles(connection: sqlite3.Connection, store: str, file: int, name: str) -> None:
    select = """SELECT id, file_id, ordinal, kicker, headline, subhead, byline, start, "end", row_hash
        FROM articles WHERE file_id = ? ORDER BY ordinal"""
    rows = connection.execute(select, (file,)).fetchall()
    sound = [row for row in rows if row[-1] == row_hash(store, "articles", *row[:-1])]
    text = connection.execute("SELECT text, row_hash FROM texts WHERE id = ?", (file,)).fetchone()
    dates: Sequence[Dated | None] = [None] * len(sound)
    if text is not None and text[1] == row_hash(store, "texts", file, text[0]):
        printed = 'SELECT start, "end", kind FROM furniture WHERE file_id = ? ORDER BY ordinal'
        furniture = connection.execute(printed, (file,)).fetchall()
        dates = article_dates(name, text[0], [(row[7], row[8], row[4]) for row in sound], furniture)
    for row, dated in zip(sound, dates, strict=True):
        told = (dated.date, dated.source) if dated else (None, None)
        connection.execute(
            "UPDATE articles SET date = ?, date_source = ?, row_hash = ? WHERE id = ?",
            (*told, row_hash(store, "articles", *row[:-1], *told), row[0]),
        )


def marks_of_changes(connection: sqlite3.Connection) -> None:
    """A mark and a hash on each line of the log of changes, by which an index knows what happened since it was built.

    Older lines have none; a line is appended that has, so that the log's end always does.
    """
    for column in ("mark", "row_hash"):
        connection.execute(f"ALTER TABLE changes ADD COLUMN {column} BLOB")
    if connection.execute("SELECT 1 FROM changes LIMIT 1").fetchone():
        ((store,),) = connection.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchall() or [("",)]
        log_change(connection, store, "upgraded", None)


MIGRATIONS: tuple[Migration, ...] = (first_schema, dates_of_articles, marks_of_changes)


_FIRST = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    """CREATE TABLE files (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        root TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        encoding TEXT NOT NULL,
        encoding_note TEXT,
        format TEXT NOT NULL,
        headings TEXT NOT NULL,
        chars INTEGER NOT NULL,
        structure TEXT NOT NULL,
        parts BLOB NOT NULL,
        indexed_at INTEGER NOT NULL,
        row_hash BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE texts (
        id INTEGER PRIMARY KEY REFERENCES files ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        text TEXT NOT NULL,
        row_hash BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE articles (
        id INTEGER PRIMARY KEY,
        file_id INTEGER NOT NULL REFERENCES files ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        ordinal INTEGER NOT NULL,
        kicker TEXT,
        headline TEXT,
        subhead TEXT,
        byline TEXT,
        start INTEGER NOT NULL,
        "end" INTEGER NOT NULL,
        row_hash BLOB NOT NULL,
        UNIQUE (file_id, ordinal)
    ) STRICT""",
    """CREATE TABLE sections (
        id INTEGER PRIMARY KEY,
        article_id INTEGER NOT NULL REFERENCES articles ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        ordinal INTEGER NOT NULL,
        heading TEXT,
        start INTEGER NOT NULL,
        "end" INTEGER NOT NULL,
        kind TEXT NOT NULL,
        row_hash BLOB NOT NULL,
        UNIQUE (article_id, ordinal)
    ) STRICT""",
    """CREATE TABLE passages (
        id INTEGER PRIMARY KEY,
        section_id INTEGER NOT NULL REFERENCES sections ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        ordinal INTEGER NOT NULL,
        start INTEGER NOT NULL,
        "end" INTEGER NOT NULL,
        text TEXT NOT NULL,
        pieces TEXT NOT NULL,
        content BLOB NOT NULL,
        row_hash BLOB NOT NULL,
        UNIQUE (section_id, ordinal)
    ) STRICT""",
    "CREATE INDEX passages_by_content ON passages (content)",
    """CREATE TABLE furniture (
        id INTEGER PRIMARY KEY,
        file_id INTEGER NOT NULL REFERENCES files ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        ordinal INTEGER NOT NULL,
        start INTEGER NOT NULL,
        "end" INTEGER NOT NULL,
        kind TEXT NOT NULL,
        row_hash BLOB NOT NULL,
        UNIQUE (file_id, ordinal)
    ) STRICT""",
    """CREATE TABLE models (
        id INTEGER PRIMARY KEY,
        fingerprint TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        dim INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE vectors (
        id INTEGER PRIMARY KEY,
        model_id INTEGER NOT NULL REFERENCES models ON DELETE CASCADE,
        content BLOB NOT NULL,
        vector BLOB NOT NULL,
        row_hash BLOB NOT NULL,
        UNIQUE (model_id, content)
    ) STRICT""",
    """CREATE TABLE changes (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        time INTEGER NOT NULL,
        kind TEXT NOT NULL,
        file TEXT
    ) STRICT""",
    """CREATE TRIGGER changes_are_not_edited BEFORE UPDATE ON changes
    BEGIN SELECT raise(ABORT, 'changes are only appended'); END""",
    """CREATE TRIGGER changes_are_not_deleted BEFORE DELETE ON changes
    BEGIN SELECT raise(ABORT, 'changes are only appended'); END""",
)
