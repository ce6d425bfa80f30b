"""Conversations, kept on our side in ``DATA/talks.db``: what was asked, and the answer records as they were given.

Nobody signs in. A browser has an unguessable key of its own, of which only the hash is kept: with it come the list of
its conversations and the right to change them. A conversation's own id, as unguessable, is the right to read that one,
so that its address can be passed on. What is older than the owner's number of days is forgotten.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa.sqlite import SQLITE_ERRORS, Migration, corrupt, from_sqlite, open_database, transaction
from qa.text import fold

NAME = "talks.db"
APPLICATION_ID = 0x77656E74
"""``went``: see ``qa.sqlite``."""
ID = re.compile(r"[A-Za-z0-9_-]{22}")
"""A conversation's id and a browser's key: 128 bit, base64url (RFC 4648 §5) without padding."""
TURNS = 500
"""Questions of one conversation; further ones are answered and not kept. Unmeasured."""
TALKS = 1000
"""Conversations of one browser; the longest untouched one goes when another begins. Unmeasured."""
TITLE_CHARS = 120
SWEEP_S = 3600
"""How often what is too old is looked for, in seconds."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with its answer record."""

    record: Record
    asked_at: int
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class TalkLine:
    """A conversation in a list. ``changed_at`` counts seconds since 1970."""

    id: str
    title: str
    turns: int
    changed_at: int


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation whole, oldest question first."""

    id: str
    title: str
    turns: tuple[Turn, ...]


def _first_schema(connection: sqlite3.Connection) -> None:
    for statement in (
        """CREATE TABLE talks (
            id TEXT PRIMARY KEY,
            visitor BLOB NOT NULL,
            title TEXT NOT NULL,
            changed_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX talks_by_visitor ON talks (visitor, changed_at)",
        "CREATE INDEX talks_by_age ON talks (changed_at)",
        # words: question and answer folded, for the search
        """CREATE TABLE turns (
            id INTEGER PRIMARY KEY,
            talk TEXT NOT NULL REFERENCES talks (id) ON DELETE CASCADE,
            asked_at INTEGER NOT NULL,
            record TEXT NOT NULL,
            words TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX turns_by_talk ON turns (talk, id)",
    ):
        connection.execute(statement)


MIGRATIONS: tuple[Migration, ...] = (_first_schema,)


class Talks:
    """The conversations of one data folder. Safe to share between threads; close it.

    Every method raises StoreError when the file can't be used: see ``qa.sqlite``.
    """

    def __init__(self, folder: Path, days: int, *, clock: Callable[[], float] = time.time) -> None:
        """Opens, or makes, the folder's file. ``days``: how long one is kept after its last question; 0 keeps none."""
        self._path = folder / NAME
        self._days = days
        self._clock = clock
        self._lock = threading.RLock()
        self._connection = open_database(self._path, MIGRATIONS, APPLICATION_ID)
        self._swept = 0.0

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            self._connection.close()

    def add(self, visitor: str, talk: str, record: Record) -> bool:
        """Adds an answered question to the visitor's conversation, which begins with it when it isn't there yet.

        False, and nothing kept, when nothing is to be kept at all, when ids aren't of the form of ``ID``, when the
        conversation is another's, or when it is full.
        """
        if not (self._days and ID.fullmatch(visitor) and ID.fullmatch(talk)):
            return False
        self._sweep()
        owner, now = _hash(visitor), int(self._clock())
        question, answer = record["question"], record["answer"] or ""
        with self._lock, transaction(self._connection, self._path):
            found = self._rows("SELECT visitor FROM talks WHERE id = ?", (talk,))
            if found and found[0][0] != owner:
                return False
            if not found:
                keep = (owner, owner, TALKS - 1)
                newest = "SELECT id FROM talks WHERE visitor = ? ORDER BY changed_at DESC LIMIT ?"
                self._rows(f"DELETE FROM talks WHERE visitor = ? AND id NOT IN ({newest})", keep)  # noqa: S608
                self._rows("INSERT INTO talks VALUES (?, ?, ?, ?)", (talk, owner, title_of(question), now))
            elif self._rows("SELECT count(*) FROM turns WHERE talk = ?", (talk,))[0][0] >= TURNS:
                return False
            self._rows(
                "INSERT INTO turns (talk, asked_at, record, words) VALUES (?, ?, ?, ?)",
                (talk, now, json.dumps(record, ensure_ascii=False), fold(f"{question}\n{answer}").text),
            )
            self._rows("UPDATE talks SET changed_at = ? WHERE id = ?", (now, talk))
        return True

    def complete(self, visitor: str, talk: str, record: Record) -> bool:
        """Puts a record in the place of the one of its ``trace_id`` in the visitor's conversation, if that is there."""
        with self._lock, transaction(self._connection, self._path):
            return bool(
                self._rows(
                    "UPDATE turns SET record = ? WHERE talk = (SELECT id FROM talks WHERE id = ? AND visitor = ?) "
                    "AND json_extract(record, '$.trace_id') = ? RETURNING id",
                    (json.dumps(record, ensure_ascii=False), talk, _hash(visitor), record["trace_id"]),
                )
            )

    def talk(self, talk: str) -> Talk | None:
        """The conversation of that id, for whoever has the id; None when there is none."""
        with self._lock:
            found = self._rows("SELECT title FROM talks WHERE id = ?", (talk,))
            rows = self._rows("SELECT record, asked_at FROM turns WHERE talk = ? ORDER BY id", (talk,))
        if not found:
            return None
        try:
            return Talk(talk, found[0][0], tuple(Turn(json.loads(record), asked_at) for record, asked_at in rows))
        except ValueError as error:
            raise corrupt(self._path, f"a record of conversation {talk[:4]}… is damaged") from error

    def of(self, visitor: str, search: str = "") -> list[TalkLine]:
        """The visitor's conversations, latest first; only those that have every word of ``search``, folded."""
        wanted = [folded for word in search.split() if (folded := fold(word).text)]
        with self._lock:
            rows = self._rows(
                "SELECT id, title, (SELECT count(*) FROM turns WHERE talk = talks.id), changed_at FROM talks "
                # The second tells apart what was asked within one second.
                "WHERE visitor = ? ORDER BY changed_at DESC, (SELECT max(id) FROM turns WHERE talk = talks.id) DESC",
                (_hash(visitor),),
            )
            lines = [TalkLine(*row) for row in rows]
            if not wanted:
                return lines
            return [line for line in lines if self._holds(line, wanted)]

    def rename(self, visitor: str, talk: str, title: str) -> bool:
        """Gives the visitor's conversation a title; False when there is no such one of theirs."""
        title = title_of(title)
        with self._lock, transaction(self._connection, self._path):
            return bool(
                title
                and self._rows(
                    "UPDATE talks SET title = ? WHERE id = ? AND visitor = ? RETURNING id",
                    (title, talk, _hash(visitor)),
                )
            )

    def delete(self, visitor: str, talk: str | None = None) -> int:
        """Deletes the visitor's conversation, or all of them; how many that were."""
        with self._lock, transaction(self._connection, self._path):
            return len(
                self._rows(
                    "DELETE FROM talks WHERE visitor = ?1 AND (?2 IS NULL OR id = ?2) RETURNING id",
                    (_hash(visitor), talk),
                )
            )

    def _holds(self, line: TalkLine, wanted: Sequence[str]) -> bool:
        turns = self._rows("SELECT words FROM turns WHERE talk = ?", (line.id,))
        words = "\n".join([fold(line.title).text, *(row[0] for row in turns)])
        return all(word in words for word in wanted)

    def _sweep(self) -> None:
        """Forgets what is too old, at most once in ``SWEEP_S``."""
        now = self._clock()
        if now - self._swept >= SWEEP_S:
            with self._lock, transaction(self._connection, self._path):
                self._rows("DELETE FROM talks WHERE changed_at < ?", (int(now) - self._days * 86400,))
            self._swept = now

    def _rows(self, statement: str, values: tuple[object, ...]) -> list[Any]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except SQLITE_ERRORS as error:
            raise from_sqlite(error, self._path) from error


def title_of(text: str) -> str:
    """A title from what somebody typed: on one line, and not too long."""
    line = " ".join(text.split())
    return line if len(line) <= TITLE_CHARS else f"{line[: TITLE_CHARS - 1]}…"


def _hash(visitor: str) -> bytes:
    return hashlib.sha256(visitor.encode("utf-8", "replace")).digest()
