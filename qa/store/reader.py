"""Reading the store: every row proves itself before anybody sees it."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from embeddings.vectors import Ids, Vectors
from qa.articles import Dated, Piece
from qa.errors import NotFoundError, StoreError
from qa.reading import Document, Heading
from qa.row_hash import change_hash, row_hash
from qa.sqlite import backup, connect, corrupt, read_only, store_errors
from qa.store.catalogue import Catalogue, Place
from qa.store.connections import Connections
from qa.store.database import NAME, check_header, prepare, readable_query, write_lock
from qa.store.proven import ProvenRows, Row
from qa.store.rows import ARTICLES, FILES, FURNITURE, PASSAGES, SECTIONS, TABLES, Table
from qa.store.values import (
    ArticleLine,
    Finding,
    Model,
    Point,
    StoredArticle,
    StoredFile,
    StoredPassage,
    StoredSection,
    content_hash,
)
from qa.store.writer import Writer

_PROBE_S = 0.1
"""How long a writer waits at least: ``being_written`` holds the lock for a moment to see whether it is free."""

_WRITER_CACHE_KIB = 1 << 14
"""Pages that the writer keeps. Ids come in no order, so that each row goes to a page of its own; with SQLite's
2 MiB these are written and read again all the time, a twenty-fifth of the time of indexing 20,000 files."""

_OF_FILE = "WHERE file_id = (SELECT id FROM files WHERE name = ?)"


class Store:
    """The store of a data folder, safe to share between threads; each reading call sees one state of it.

    Made when there is none, unless ``read_only``. On a folder that can't be written it becomes ``read_only`` by itself:
    it serves, and only ``writer`` refuses.

    Rows that were damaged on the disk are left out where many are asked for, reported once in the log and kept in
    ``faults``; where one thing is asked for, they are an error.

    Raises:
        StoreError: STORE_MISSING (read only, and nothing there), STORE_CORRUPT, STORE_TOO_NEW, STORE_READ_ONLY,
            STORE_UNAVAILABLE, DISK_FULL, WRITER_LOCKED (another process is upgrading it just now).
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.folder = folder
        self.path = folder / NAME
        if not read_only and not folder.exists():
            with store_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
        self.read_only = read_only or not _writable(folder) or (self.path.exists() and not _writable(self.path))
        if self.read_only and not self.path.exists():
            raise StoreError("STORE_MISSING", f"{folder} holds no store; make one with `wenbao index PATH…`.")
        if self.read_only:
            query = readable_query(self.path)
        else:
            prepare(folder)
            query = "mode=rw"
        self._connections = Connections(self.path, query)
        with self._connections.reading() as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone()
            if row is None:
                raise corrupt(self.path, "it has no id")
            self.id = str(row[0])
        self._proven = ProvenRows(self.id)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets the file go; calls that are under way in other threads end first."""
        self._connections.close()

    # --- what there is ---

    @property
    def faults(self) -> tuple[StoreError, ...]:
        """The damaged rows met so far, each once."""
        return self._proven.faults

    def sequence(self) -> int:
        """A number that grows with every committed change of articles or model."""
        with self._connections.reading() as connection:
            (number,) = connection.execute("SELECT coalesce(max(sequence), 0) FROM changes").fetchone()
            return int(number)

    def point(self) -> Point:
        """The state of the store as it is now."""
        with self._connections.reading() as connection:
            row = connection.execute("SELECT sequence, mark FROM changes ORDER BY sequence DESC LIMIT 1").fetchone()
            return Point(0, "") if row is None else Point(row[0], bytes(row[1] or b"").hex())

    def changed_since(self, point: Point) -> list[str] | None:
        """Names of the files that came, changed or went since then; each once.

        None when that can't be told: the point isn't in this store's history (after a backup was put in its place,
        say), the log is damaged, or something changed that has no file's name: the model, or a row that was mended.
        """
        with self._connections.reading() as connection:
            if point.sequence:
                row = connection.execute("SELECT mark FROM changes WHERE sequence = ?", (point.sequence,)).fetchone()
                if row is None or not row[0] or bytes(row[0]).hex() != point.mark:
                    return None
            names: dict[str, None] = {}
            last = point.sequence
            rows = connection.execute(
                "SELECT sequence, time, kind, file, mark, row_hash FROM changes WHERE sequence > ? ORDER BY sequence",
                (point.sequence,),
            )
            for sequence, time_s, kind, file, mark, proof in rows:
                last += 1
                if sequence != last or file is None or proof != change_hash(self.id, time_s, kind, file, mark):
                    return None
                names[file] = None
            return list(names)

    def counts(self) -> dict[str, int]:
        """How many files, articles, sections, passages and vectors there are."""
        with self._connections.reading() as connection:
            tables = ("files", "articles", "sections", "passages", "vectors")
            return {
                table: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
                for table in tables
            }

    def model(self) -> Model | None:
        """The model whose vectors are used; None before the first indexing."""
        with self._connections.reading() as connection:
            row = connection.execute(
                "SELECT fingerprint, name, dim FROM models JOIN meta ON key = 'model' AND value = fingerprint"
            ).fetchone()
            return None if row is None else Model(*row)

    def files(self) -> dict[str, StoredFile]:
        """Every file by its name, in the order of names."""
        with self._connections.reading() as connection:
            rows = self._proven.rows(connection, FILES, "ORDER BY name")
            return {file.name: file for file in map(_file, rows)}

    def file(self, name: str) -> StoredFile | None:
        """The file of this name.

        Raises:
            StoreError: ROW_CORRUPT, when it was damaged on the disk.
        """
        with self._connections.reading() as connection:
            row = self._proven.one(connection, FILES, "WHERE name = ?", name)
            return None if row is None else _file(row)

    def files_split_otherwise(self, structure: str) -> list[StoredFile]:
        """Files whose articles another version of the splitting found, in the order of names."""
        with self._connections.reading() as connection:
            return [
                _file(row)
                for row in self._proven.rows(connection, FILES, "WHERE structure <> ? ORDER BY name", structure)
            ]

    def place(self, article_id: int) -> tuple[str, int, int] | None:
        """The article's file, start and end; None when there is none of this id, or it can't be read."""
        with self._connections.reading() as connection:
            article = self._proven.by_id(connection, ARTICLES, [article_id]).get(article_id)
            file = None if article is None else self._proven.by_id(connection, FILES, [article[1]]).get(article[1])
            return None if article is None or file is None else (file[1], article[7], article[8])

    def count_articles(self, file: str) -> int:
        """How many articles the file has."""
        with self._connections.reading() as connection:
            query = "SELECT count(*) FROM files f JOIN articles a ON a.file_id = f.id WHERE f.name = ?"
            return int(connection.execute(query, (file,)).fetchone()[0])

    def is_empty(self) -> bool:
        """Whether there is no file at all."""
        with self._connections.reading() as connection:
            return connection.execute("SELECT 1 FROM files LIMIT 1").fetchone() is None

    def articles(self, file: str | None = None) -> list[ArticleLine]:
        """Every article, by file name and place; of one ``file``, if named, without going through the others."""
        lines = []
        of_file, of_article, wanted = ("", "", ()) if file is None else ("WHERE name = ?", _OF_FILE, (file,))
        with self._connections.reading() as connection:
            names = {
                found.id: found.name for found in map(_file, self._proven.rows(connection, FILES, of_file, *wanted))
            }
            counts = {
                number: (sections, passages)
                for number, sections, passages in connection.execute(
                    "SELECT s.article_id, count(DISTINCT s.id), count(p.id) FROM articles a"
                    " JOIN sections s ON s.article_id = a.id LEFT JOIN passages p ON p.section_id = s.id"
                    " WHERE ?1 IS NULL OR a.file_id = (SELECT id FROM files WHERE name = ?1) GROUP BY a.id",
                    (file,),
                )
            }
            for row in self._proven.rows(connection, ARTICLES, f"{of_article} ORDER BY file_id, ordinal", *wanted):
                number, file_id, _, kicker, headline, subhead, byline, start, end, *dated = row
                if file_id in names:
                    place = (number, names[file_id], headline, kicker, subhead, byline, start, end)
                    lines.append(ArticleLine(*place, *counts.get(number, (0, 0)), _dated(*dated)))
        return sorted(lines, key=lambda line: line.file)  # the order within a file stays

    def catalogue(self) -> Catalogue:
        """Every sound article's file and date, with the passages of each: what filters are judged by."""
        with self._connections.reading() as connection:
            files = {row[0]: str(row[1]) for row in self._proven.rows(connection, FILES, "")}
            places = [
                Place(row[0], files[row[1]], row[_DATE])
                for row in self._proven.rows(connection, ARTICLES, "ORDER BY file_id, ordinal")
                if row[1] in files
            ]
            # Both columns stand in the index of (section_id, ordinal): no passage's text is read.
            pairs = np.array(
                connection.execute(
                    "SELECT p.id, s.article_id FROM passages p JOIN sections s ON s.id = p.section_id"
                ).fetchall(),
                np.int64,
            ).reshape(-1, 2)
            return Catalogue(places, pairs[:, 0], pairs[:, 1])

    def passage_lengths(self) -> list[int]:
        """How many characters each passage shows, in no order."""
        with self._connections.reading() as connection:
            return [length for (length,) in connection.execute("SELECT length(text) FROM passages")]

    # --- texts ---

    def document(self, file: str) -> Document:
        """The file as it was read.

        Raises:
            NotFoundError: FILE_NOT_FOUND.
            StoreError: ROW_CORRUPT, when it was damaged on the disk.
        """
        with self._connections.reading() as connection:
            row = self._proven.one(connection, FILES, "WHERE name = ?", file)
            if row is None:
                raise NotFoundError("FILE_NOT_FOUND", f"No file {file!r} is in {self.path}; `wenbao stats` lists them.")
            stored = _file(row)
            return Document(
                file=stored.name,
                text=self._proven.text(connection, stored),
                encoding=stored.encoding,
                format=stored.format,
                sha256=stored.sha256,
                headings=tuple(Heading(*heading) for heading in json.loads(row[_HEADINGS])),
                encoding_note=stored.encoding_note,
            )

    def file_text(self, file: str) -> str:
        """The file's decoded text, which all offsets count into; errors as of ``document``."""
        return self.document(file).text

    def furniture(self, file: str) -> tuple[tuple[int, int, str], ...]:
        """What of the file is no article's: start, end and kind, in the order of the file; none of an unknown file.

        Raises:
            StoreError: ROW_CORRUPT, when a part of it was damaged on the disk.
        """
        with self._connections.reading() as connection:
            row = self._proven.one(connection, FILES, "WHERE name = ?", file)
            parts = self._proven.parts(connection, FURNITURE, "file_id", row[0], strict=True) if row is not None else []
            return tuple(sorted((start, end, kind) for _, _, _, start, end, kind in parts))

    def article(self, article_id: int) -> StoredArticle | None:
        """The article with its sections, passages and text; None when there is none of this id.

        Raises:
            StoreError: ROW_CORRUPT, when a part of it was damaged on the disk.
        """
        with self._connections.reading() as connection:
            row = self._proven.one(connection, ARTICLES, "WHERE id = ?", article_id)
            if row is None:
                return None
            number, file_id, _, kicker, headline, subhead, byline, start, end, *dated = row
            file_row = self._proven.one(connection, FILES, "WHERE id = ?", file_id)
            if file_row is None:
                raise self._proven.fault(connection, ARTICLES, number)
            file = _file(file_row)
            return StoredArticle(
                id=number,
                file=file,
                headline=headline,
                kicker=kicker,
                subhead=subhead,
                byline=byline,
                start=start,
                end=end,
                text=self._proven.text(connection, file)[start:end],
                sections=tuple(
                    StoredSection(
                        section[3],
                        section[4],
                        section[5],
                        section[6],
                        tuple(
                            _passage(passage, section, row, file.name)
                            for passage in self._proven.parts(
                                connection, PASSAGES, "section_id", section[0], strict=True
                            )
                        ),
                    )
                    for section in self._proven.parts(connection, SECTIONS, "article_id", number, strict=True)
                ),
                furniture=tuple(
                    (left, right, kind)
                    for _, _, _, left, right, kind in self._proven.parts(
                        connection, FURNITURE, "file_id", file.id, strict=True
                    )
                    if start <= left and right <= end
                ),
                dated=_dated(*dated),
            )

    def passages(self, ids: Sequence[int]) -> dict[int, StoredPassage]:
        """The passages of these ids, in the order asked; those that are gone or damaged are absent."""
        with self._connections.reading() as connection:
            passages = self._proven.by_id(connection, PASSAGES, ids)
            sections = self._proven.by_id(connection, SECTIONS, [row[1] for row in passages.values()])
            articles = self._proven.by_id(connection, ARTICLES, [row[1] for row in sections.values()])
            files = self._proven.by_id(connection, FILES, [row[1] for row in articles.values()])
            found = {}
            for number in ids:
                with contextlib.suppress(KeyError):  # gone, or a row on the way to its file is damaged
                    passage = passages[number]
                    section = sections[passage[1]]
                    article = articles[section[1]]
                    found[number] = _passage(passage, section, article, files[article[1]][1])
            return found

    def iter_passages(self, files: Sequence[str] | None = None) -> Iterator[StoredPassage]:
        """Every passage, or those of the named files, by file name and place, from one state of the store.

        Damaged ones are left out, and files that aren't there.
        """
        with self._connections.reading() as connection:
            for file in self._named(connection, files):
                for article in self._proven.parts(connection, ARTICLES, "file_id", file[0]):
                    for section in self._proven.parts(connection, SECTIONS, "article_id", article[0]):
                        for passage in self._proven.parts(connection, PASSAGES, "section_id", section[0]):
                            yield _passage(passage, section, article, file[1])

    def _named(self, connection: sqlite3.Connection, files: Sequence[str] | None) -> Iterator[Row]:
        if files is None:
            yield from self._proven.rows(connection, FILES, "ORDER BY name")
        for name in sorted(files or ()):
            yield from self._proven.rows(connection, FILES, "WHERE name = ?", name)

    def count_passages(self, files: Sequence[str]) -> int:
        """How many passages the named files have, damaged ones counted."""
        query = (
            "SELECT count(*) FROM files f JOIN articles a ON a.file_id = f.id JOIN sections s ON s.article_id = a.id"
            " JOIN passages p ON p.section_id = s.id WHERE f.name = ?"
        )
        with self._connections.reading() as connection:
            return sum(int(connection.execute(query, (name,)).fetchone()[0]) for name in files)

    def passage_ids(self) -> Ids:
        """The ids of all passages, damaged ones too, in ascending order."""
        with self._connections.reading() as connection:
            # The order of an index that is smaller than the table; sorted in memory.
            rows = connection.execute("SELECT id FROM passages")
            return np.sort(np.fromiter((number for (number,) in rows), np.int64))

    def vectors(self, fingerprint: str, ids: Sequence[int] | None = None) -> tuple[Ids, Vectors]:
        """Ids of passages, ascending, and their vectors of this model; passages that have none are absent.

        Of all, or of those named.
        """
        with self._connections.reading() as connection:
            model = connection.execute("SELECT id, dim FROM models WHERE fingerprint = ?", (fingerprint,)).fetchone()
            if model is None:
                return np.empty(0, np.int64), np.empty((0, 0), np.float32)
            model_id, dim = model
            joined = "FROM passages p JOIN vectors v ON v.content = p.content AND v.model_id = ?"
            columns = "p.id, v.id, v.content, v.vector, v.row_hash"
            if ids is None:
                (count,) = connection.execute(f"SELECT count(*) {joined}", (model_id,)).fetchone()
                rows: Iterable[Row] = connection.execute(f"SELECT {columns} {joined} ORDER BY p.id", (model_id,))
            else:
                count = len(ids)
                one = f"SELECT {columns} {joined} WHERE p.id = ?"
                rows = (row for number in sorted(ids) for row in connection.execute(one, (model_id, number)))
            found = np.empty(count, np.int64)
            vectors = np.empty((count, dim), np.float32)
            filled = 0
            for number, vector_id, content, data, stored in rows:
                sound = stored == row_hash(self.id, "vectors", fingerprint, content, data) and len(data) == 4 * dim
                if not sound:
                    message = (
                        f"{self.path}: vector {vector_id} was damaged on the disk; the next indexing makes it anew."
                    )
                    self._proven.remember(("vectors", vector_id), StoreError("ROW_CORRUPT", message))
                    continue
                found[filled] = number
                vectors[filled] = np.frombuffer(data, "<f4")
                filled += 1
            return found[:filled], vectors[:filled]

    def contents(self, fingerprint: str) -> Iterator[tuple[bytes, bytes]]:
        """Content and vector (little-endian float32) of every indexed text that has a sound one, by content."""
        with self._connections.reading() as connection:
            rows = connection.execute(
                "SELECT v.content, v.vector, v.row_hash FROM vectors v JOIN models m ON m.id = v.model_id"
                " WHERE m.fingerprint = ? AND v.content IN (SELECT content FROM passages) ORDER BY v.content",
                (fingerprint,),
            )
            for content, data, stored in rows:
                if stored == row_hash(self.id, "vectors", fingerprint, content, data):
                    yield content, data

    def without_vector(self, fingerprint: str, texts: Sequence[str]) -> list[str]:
        """Those of the indexed texts that have no vector of this model, in their order."""
        with self._connections.reading() as connection:
            query = (
                "SELECT 1 FROM vectors v JOIN models m ON m.id = v.model_id WHERE m.fingerprint = ? AND v.content = ?"
            )
            return [
                text
                for text in texts
                if connection.execute(query, (fingerprint, content_hash(text))).fetchone() is None
            ]

    # --- the state as a whole ---

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """All reading calls of this thread within the block see one state of the store."""
        with self._connections.reading() as connection, self._connections.pin(connection):
            yield

    @contextlib.contextmanager
    def writer(self, wait_s: float = 0.0) -> Iterator[Writer]:
        """The right to change the store, held by one process and thread at a time, until the block ends.

        This thread's reading calls within the block see what was written in it.

        Raises:
            StoreError: STORE_READ_ONLY; WRITER_LOCKED, when another holder doesn't let go within ``wait_s`` seconds.
        """
        if self.read_only:
            raise read_only(self.path, "it was opened for reading only")
        with write_lock(self.folder, max(wait_s, _PROBE_S)):
            check_header(self.path)  # a newer wenbao may have upgraded it since it was opened
            with store_errors(self.path):
                connection = connect(self.path, "mode=rw")
                connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
            try:
                with self._connections.pin(connection):
                    yield Writer(connection, self.path, self.id)
                self._connections.checkpoint(connection)
            finally:
                connection.close()

    def being_written(self) -> bool:
        """Whether somebody, here or in another process, holds the writer's lock at this moment."""
        if self.read_only:
            return False
        try:
            with write_lock(self.folder):
                return False
        except StoreError as error:
            return error.code == "WRITER_LOCKED"

    def backup(self, target: Path) -> None:
        """A copy of the store in one file, as it is at this moment, also while it is being written.

        Raises:
            StoreError: DISK_FULL, STORE_READ_ONLY, STORE_UNAVAILABLE, as the target has it.
        """
        with self._connections.reading() as connection:
            backup(connection, target)

    def findings(self) -> list[Finding]:
        """What is wrong in the file: structure, references, every row's hash, every file's parts; reads all of it."""
        with self._connections.reading() as connection:
            found = [
                Finding("STORE_CORRUPT", f"{self.path}: {answer}.", repairable=False)
                for (answer,) in connection.execute("PRAGMA integrity_check(20)")
                if answer != "ok"
            ]
            found += [
                Finding("ROW_CORRUPT", f"{self.path}: row {number} of {table} belongs to nothing.", repairable=True)
                for table, number, _, _ in connection.execute("PRAGMA foreign_key_check")
            ]
            for table in TABLES:
                for number in self._proven.damaged(connection, table):
                    found.append(
                        Finding("ROW_CORRUPT", str(self._proven.fault(connection, table, number)), repairable=True)
                    )
            found += [
                Finding("ROW_CORRUPT", f"{name}: parts of this file are missing in the store.", repairable=True)
                for name in self._proven.incomplete(connection)
            ]
            return found

    def damage(self) -> tuple[dict[Table, list[int]], list[str]]:
        """Ids of rows that are damaged or belong to nothing, by table, and the names of files that lack some part."""
        tables = {table.name: table for table in TABLES}
        with self._connections.reading() as connection:
            rows = {table: self._proven.damaged(connection, table) for table in TABLES}
            for name, number, _, _ in connection.execute("PRAGMA foreign_key_check"):
                if name in tables and number not in rows[tables[name]]:
                    rows[tables[name]].append(number)
            return rows, self._proven.incomplete(connection)


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK)


_HEADINGS = 1 + FILES.columns.index("headings")
_DATE = 1 + ARTICLES.columns.index("date")


def _file(row: Row) -> StoredFile:
    number, name, root, sha256, encoding, note, kind, _, chars, structure, _, indexed_at = row
    return StoredFile(number, name, root, sha256, encoding, note, kind, chars, structure, indexed_at)


def _passage(passage: Row, section: Row, article: Row, file: str) -> StoredPassage:
    number, _, _, start, end, text, pieces, _ = passage
    article_id, _, _, kicker, headline, subhead, byline, _, _, date, _ = article
    return StoredPassage(
        id=number,
        article_id=article_id,
        file=file,
        headline=headline,
        kicker=kicker,
        subhead=subhead,
        byline=byline,
        section=section[3],
        start=start,
        end=end,
        text=text,
        pieces=tuple(Piece(*piece) for piece in json.loads(pieces)),
        date=date,
    )


def _dated(date: str | None, source: str | None) -> Dated | None:
    return None if date is None or source is None else Dated(date, source)
