"""Changes to the store, each a transaction."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import sqlite3
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from embeddings.vectors import Vectors
from qa.errors import NotFoundError, StoreError
from qa.row_hash import Value, log_change, parts_hash, row_hash
from qa.sqlite import store_errors, transaction
from qa.store.rows import ARTICLES, FILES, FURNITURE, PASSAGES, SECTIONS, TEXTS, Table, stable_id
from qa.store.values import Model, SplitPage, check_storable, content_hash, section_texts

_INK = re.compile(r"\S")


class Writer:
    """The one that may change the store, given by ``Store.writer`` for as long as its block lasts.

    Each call is a transaction of its own, on the disk when it returns; calls within ``with writer.transaction():`` are
    one together.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, store_id: str) -> None:
        self._connection = connection
        self._path = path
        self._store_id = store_id

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing of what is called in the block; a block within a block belongs to the outer one.

        Raises:
            StoreError: DISK_FULL and its kin; then nothing of the block has happened.
        """
        return transaction(self._connection, self._path)

    def put(self, page: SplitPage, root: str) -> None:
        """The page is in the store, in place of an earlier one of the same file name.

        ``root`` is the name of the folder it was found in.

        Raises:
            InputError: TEXT_NOT_UNICODE, when a name or text holds half a surrogate pair, which no UTF-8 file can keep.
        """
        check_storable(page.document, root)
        with self.transaction(), store_errors(self._path):
            known = self._delete(page.document.file)
            self._insert_page(page, root)
            self._log("changed" if known else "added", page.document.file)

    def remove(self, file: str) -> None:
        """The file with all that belongs to it is gone.

        Raises:
            NotFoundError: FILE_NOT_FOUND, when the store has no such file.
        """
        with self.transaction(), store_errors(self._path):
            if not self._delete(file):
                raise NotFoundError(
                    "FILE_NOT_FOUND", f"No file {file!r} is in {self._path}; `wenbao stats` lists them."
                )
            self._log("removed", file)

    def withdraw(self, file: str, spans: Sequence[tuple[int, int]]) -> None:
        """The file's articles and furniture that begin within the spans are gone, and the spans of its text are blank.

        The file stays as it was read otherwise: every offset holds, and a later run that meets the same bytes leaves it
        alone, so that what was withdrawn doesn't come back by itself (``reread`` lets it).

        Raises:
            NotFoundError: FILE_NOT_FOUND.
            StoreError: ROW_CORRUPT, when the file was damaged on the disk; ``remove`` takes it away whole.
        """
        with self.transaction(), store_errors(self._path):
            run = self._connection.execute
            number, values = self._sound(FILES, "name", file)
            _, (text,) = self._sound(TEXTS, "id", number)
            for start, end in spans:
                text = text[:start] + _INK.sub(" ", text[start:end]) + text[end:]
                for table in (ARTICLES, FURNITURE):
                    run(
                        f"DELETE FROM {table.name} WHERE file_id = ? AND start >= ? AND start < ?",  # noqa: S608
                        (number, start, end),
                    )
            run(
                "UPDATE texts SET text = ?, row_hash = ? WHERE id = ?",
                (text, row_hash(self._store_id, TEXTS.name, number, text), number),
            )
            headings = [
                heading
                for heading in json.loads(values[FILES.columns.index("headings")])
                if not any(start <= heading[0] < end for start, end in spans)
            ]
            values[FILES.columns.index("headings")] = json.dumps(headings, separators=(",", ":"))
            values[FILES.columns.index("parts")] = parts_hash(self._connection, number)
            run(
                "UPDATE files SET headings = ?, parts = ?, row_hash = ? WHERE id = ?",
                (
                    values[FILES.columns.index("headings")],
                    values[FILES.columns.index("parts")],
                    row_hash(self._store_id, FILES.name, number, *values),
                    number,
                ),
            )
            self._log("withdrawn", file)

    def _sound(self, table: Table, column: str, key: str | int) -> tuple[int, list[Any]]:
        """The row's id and columns.

        Raises:
            NotFoundError: FILE_NOT_FOUND.
            StoreError: ROW_CORRUPT.
        """
        row = self._connection.execute(f"{table.select} WHERE {column} = ?", (key,)).fetchone()
        if row is None:
            raise NotFoundError("FILE_NOT_FOUND", f"No file {key!r} is in {self._path}; `wenbao stats` lists them.")
        number, *values, stored = row
        if stored != row_hash(self._store_id, table.name, number, *values):
            raise StoreError("ROW_CORRUPT", f"{key}: it was damaged on the disk; run `wenbao doctor --repair` first.")
        return int(number), values

    def put_vectors(self, model: Model, texts: Sequence[str], vectors: Vectors) -> None:
        """Row ``i`` of ``vectors`` is the vector of every passage whose indexed text is ``texts[i]``."""
        if vectors.shape != (len(texts), model.dim):
            raise ValueError(f"vectors of shape {vectors.shape} for {len(texts)} texts of {model.name} ({model.dim})")
        with self.transaction(), store_errors(self._path):
            model_id = self._model_id(model)
            self._connection.executemany(
                "INSERT OR REPLACE INTO vectors (model_id, content, vector, row_hash) VALUES (?, ?, ?, ?)",
                (
                    (model_id, content, data, row_hash(self._store_id, "vectors", model.fingerprint, content, data))
                    for content, data in (
                        (content_hash(text), row.astype("<f4").tobytes())
                        for text, row in zip(texts, vectors, strict=True)
                    )
                ),
            )

    def use_model(self, model: Model) -> None:
        """From now on the store's vectors are this model's; those of others, and those of no passage, are dropped."""
        with self.transaction(), store_errors(self._path):
            model_id = self._model_id(model)
            run = self._connection.execute
            row = run("SELECT value FROM meta WHERE key = 'model'").fetchone()
            if row != (model.fingerprint,):
                run("INSERT OR REPLACE INTO meta (key, value) VALUES ('model', ?)", (model.fingerprint,))
                self._log("model", None)
            run("DELETE FROM vectors WHERE model_id <> ?", (model_id,))
            run("DELETE FROM models WHERE id <> ?", (model_id,))
            run("DELETE FROM vectors WHERE content NOT IN (SELECT content FROM passages)")

    def reread(self, file: str) -> None:
        """The file counts as changed at the next indexing, whatever its bytes: for what can't be mended from here."""
        with self.transaction(), store_errors(self._path):
            row = self._connection.execute(f"{FILES.select} WHERE name = ?", (file,)).fetchone()
            if row is None:
                return
            number, *values, stored = row
            if stored != row_hash(self._store_id, FILES.name, number, *values):
                self._connection.execute("DELETE FROM files WHERE id = ?", (number,))
            else:
                values[FILES.columns.index("sha256")] = ""
                self._connection.execute(
                    "UPDATE files SET sha256 = '', row_hash = ? WHERE id = ?",
                    (row_hash(self._store_id, FILES.name, number, *values), number),
                )
            self._log("reread", file)

    def drop_rows(self, table: Table, ids: Sequence[int]) -> None:
        """The rows, and what belongs to them, are gone: for rows that are damaged or belong to nothing."""
        if not ids:
            return
        with self.transaction(), store_errors(self._path):
            self._connection.executemany(f"DELETE FROM {table.name} WHERE id = ?", ((number,) for number in ids))  # noqa: S608
            self._log("repaired", None)

    def _delete(self, file: str) -> bool:
        return self._connection.execute("DELETE FROM files WHERE name = ?", (file,)).rowcount > 0

    def _insert_page(self, page: SplitPage, root: str) -> None:
        document = page.document
        file_id = self._free_id(FILES, document.file)
        parts = hashlib.sha256()
        self._insert_at(TEXTS, file_id, (document.text,), parts)
        by_section = iter(page.passages)
        namesakes: dict[str | None, int] = {}
        for article_number, article in enumerate(page.page.articles):
            namesake = namesakes[article.headline] = namesakes.get(article.headline, 0) + 1
            article_id = self._insert(
                ARTICLES,
                # Not the offsets: a link to the article holds when the page around it is read in another way.
                (document.file, article.headline, namesake),
                (
                    file_id,
                    article_number,
                    article.kicker,
                    article.headline,
                    article.subhead,
                    article.byline,
                    article.start,
                    article.end,
                    article.dated.date if article.dated else None,
                    article.dated.source if article.dated else None,
                ),
                parts,
            )
            for section_number, section in enumerate(article.sections):
                section_id = self._insert(
                    SECTIONS,
                    (article_id, section_number),
                    (article_id, section_number, section.heading, section.start, section.end, section.kind),
                    parts,
                )
                passages = next(by_section)
                texts = section_texts(article, section, passages)
                for number, (passage, text) in enumerate(zip(passages, texts, strict=True)):
                    content = content_hash(text)
                    pieces = json.dumps([[piece.start, piece.end] for piece in passage.pieces], separators=(",", ":"))
                    self._insert(
                        PASSAGES,
                        (document.file, passage.start, passage.end, content),
                        (section_id, number, passage.start, passage.end, passage.text, pieces, content),
                        parts,
                    )
        if next(by_section, None) is not None:
            raise ValueError(f"{document.file}: passages for more sections than the page has")
        for number, furniture in enumerate(page.page.furniture):
            self._insert(
                FURNITURE,
                (file_id, number),
                (file_id, number, furniture.start, furniture.end, furniture.kind),
                parts,
            )
        headings = json.dumps(
            [[heading.start, heading.end, heading.level] for heading in document.headings], separators=(",", ":")
        )
        values: tuple[Value, ...] = (
            document.file,
            root,
            document.sha256,
            document.encoding,
            document.encoding_note,
            document.format,
            headings,
            len(document.text),
            page.structure,
            parts.digest(),
            int(time.time()),
        )
        self._insert_at(FILES, file_id, values, parts)

    def _insert(
        self, table: Table, names: tuple[Value, ...], values: tuple[Value, ...], parts: hashlib._Hash, turn: int = 0
    ) -> int:
        number = stable_id(table.name, *names, turn)
        try:
            self._insert_at(table, number, values, parts)
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
                raise
            return self._insert(table, names, values, parts, turn + 1)
        return number

    def _insert_at(self, table: Table, number: int, values: tuple[Value, ...], parts: hashlib._Hash) -> None:
        digest = row_hash(self._store_id, table.name, number, *values)
        self._connection.execute(table.insert, (number, *values, digest))
        parts.update(digest)

    def _free_id(self, table: Table, *names: Value) -> int:
        def taken(number: int) -> bool:
            found = self._connection.execute(f"SELECT 1 FROM {table.name} WHERE id = ?", (number,))  # noqa: S608
            return found.fetchone() is not None

        numbers = (stable_id(table.name, *names, turn) for turn in itertools.count())
        return next(number for number in numbers if not taken(number))

    def _model_id(self, model: Model) -> int:
        self._connection.execute(
            "INSERT OR IGNORE INTO models (fingerprint, name, dim) VALUES (?, ?, ?)",
            (model.fingerprint, model.name, model.dim),
        )
        row = self._connection.execute(
            "SELECT id, dim FROM models WHERE fingerprint = ?", (model.fingerprint,)
        ).fetchone()
        if row[1] != model.dim:
            raise StoreError(
                "INDEX_DIM_MISMATCH",
                f"{model.name} gives {model.dim} numbers a passage, the store has {row[1]} of the same fingerprint.",
            )
        return int(row[0])

    def _log(self, kind: str, file: str | None) -> None:
        log_change(self._connection, self._store_id, kind, file)
