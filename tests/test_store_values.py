"""The store, to the last field: rows as they are written, what is told of them, what is salvaged of damaged ones."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_corpora
from hypothesis import given
from hypothesis import strategies as st

from qa.articles import Article, Dated, Furniture, Page, Paragraph, Piece, Section
from qa.errors import InputError, NotFoundError, StoreError, WenbaoError
from qa.filters import Filters
from qa.passages import Passage
from qa.reading import Document, Heading
from qa.store import (
    ArticleLine,
    Catalogue,
    Finding,
    Model,
    Place,
    Point,
    SplitPage,
    Store,
    StoredArticle,
    StoredFile,
    StoredPassage,
    StoredSection,
    Writer,
    check_storable,
    content_hash,
)
from qa.store import salvage as salvaging
from qa.store.catalogue import REMEMBERED
from qa.store.rows import ARTICLES, FILES, PASSAGES, TEXTS
from qa.store.salvage import Salvaged, is_malformed, salvage

MODEL = Model("f" * 16, "模型", 2)
TEXT = "头条\n一二。三四。\n栏\n五六。\n报脚"
FIRST, SECOND, THIRD = (3, 6), (6, 9), (12, 15)


def passage(start: int, end: int) -> Passage:
    return Passage(start, end, TEXT[start:end], (Piece(start, start + 1), Piece(start + 1, end)))


def whole_page(name: str = "a.txt") -> SplitPage:
    """One article of two sections and three passages, a heading at either end, furniture within and below."""

    def section(heading: str | None, kind: str, *places: tuple[int, int]) -> Section:
        start, end = places[0][0], places[-1][1]
        return Section(heading, start, end, (Paragraph(TEXT[start:end], (Piece(start, end),)),), kind)

    sections = (section(None, "text", FIRST, SECOND), section("栏", "captions", THIRD))
    article = Article("眉", "头条", "副", "记者", 0, 15, sections, Dated("2020-02", "header"))
    furniture = (Furniture(10, 11, "credit"), Furniture(16, 18, "imprint"))
    headings = (Heading(0, 2, 1), Heading(10, 11, 2), Heading(16, 18, 3))
    document = Document(name, TEXT, "gb18030", "html", "ab" * 32, headings, "a note")
    passages = ((passage(*FIRST), passage(*SECOND)), (passage(*THIRD),))
    return SplitPage(document, Page((article,), furniture), passages, "2.1")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr("time.time", lambda: 1_600_000_000.9)
    with Store(tmp_path / "data") as opened:
        with opened.writer() as writer:
            writer.put(whole_page(), "root")
        yield opened


def raw(store: Store, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(store.path)) as connection:
        rows = connection.execute(statement, values).fetchall()
        connection.commit()
        return rows


def refused(call: Callable[[], object], kind: type[WenbaoError] = StoreError) -> tuple[str, str]:
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    assert caught.value.field is None
    return caught.value.code, caught.value.message


# --- what is written and what is read ---


def test_every_column_of_every_row_is_what_docs_say(store: Store) -> None:
    (file,) = raw(store, "SELECT * FROM files")
    (article,) = raw(store, "SELECT * FROM articles")
    sections = raw(store, "SELECT * FROM sections ORDER BY ordinal")
    texts = ["眉\n头条\n副\n一二。", "眉\n头条\n副\n三四。", "眉\n头条\n副\n栏\n五六。"]
    assert file[1:11] == (
        "a.txt",
        "root",
        "ab" * 32,
        "gb18030",
        "a note",
        "html",
        "[[0,2,1],[10,11,2],[16,18,3]]",
        18,
        "2.1",
        file[10],
    )
    assert file[11] == 1_600_000_000
    assert article[1:9] == (file[0], 0, "眉", "头条", "副", "记者", 0, 15)
    assert article[10:] == ("2020-02", "header")
    assert [row[1:7] for row in sections] == [
        (article[0], 0, None, 3, 9, "text"),
        (article[0], 1, "栏", 12, 15, "captions"),
    ]
    select = 'SELECT section_id, ordinal, start, "end", text, pieces, content FROM passages ORDER BY start'
    assert raw(store, select) == [
        (sections[0][0], 0, 3, 6, "一二。", "[[3,4],[4,6]]", hashlib.sha256(texts[0].encode()).digest()),
        (sections[0][0], 1, 6, 9, "三四。", "[[6,7],[7,9]]", hashlib.sha256(texts[1].encode()).digest()),
        (sections[1][0], 0, 12, 15, "五六。", "[[12,13],[13,15]]", hashlib.sha256(texts[2].encode()).digest()),
    ]
    select = 'SELECT file_id, ordinal, start, "end", kind FROM furniture ORDER BY ordinal'
    assert raw(store, select) == [(file[0], 0, 10, 11, "credit"), (file[0], 1, 16, 18, "imprint")]
    assert raw(store, "SELECT id, text FROM texts") == [(file[0], TEXT)]
    assert raw(store, "SELECT sequence, time, kind, file FROM changes") == [(1, 1_600_000_000, "added", "a.txt")]
    assert whole_page().indexed_texts() == texts


def test_what_is_asked_for_has_every_field(store: Store) -> None:
    with store.writer() as writer:
        writer.put(replace(whole_page("b.txt"), structure="2.0"), "")
    (line, other) = store.articles()
    file = StoredFile(
        store.files()["a.txt"].id, "a.txt", "root", "ab" * 32, "gb18030", "a note", "html", 18, "2.1", 1_600_000_000
    )
    dated = Dated("2020-02", "header")
    assert line == ArticleLine(line.id, "a.txt", "头条", "眉", "副", "记者", 0, 15, 2, 3, dated)
    assert (line.date, other.file) == ("2020-02", "b.txt")
    assert (store.files()["a.txt"], store.file("a.txt"), store.file("none")) == (file, file, None)
    assert store.files_split_otherwise("2.1") == [store.files()["b.txt"]]
    assert store.files_split_otherwise("2.0") == [file]
    assert store.place(line.id) == ("a.txt", 0, 15)
    assert store.place(1) is None
    assert (store.count_articles("a.txt"), store.count_articles("none")) == (1, 0)
    assert store.counts() == {"files": 2, "articles": 2, "sections": 4, "passages": 6, "vectors": 0}
    assert sorted(store.passage_lengths()) == [3] * 6
    assert store.count_passages(["a.txt", "none", "b.txt"]) == 6
    assert store.document("a.txt") == whole_page().document
    assert store.furniture("a.txt") == ((10, 11, "credit"), (16, 18, "imprint"))
    assert store.furniture("none") == ()
    passages = list(store.iter_passages(["none", "a.txt"]))
    assert passages == [
        StoredPassage(
            found.id,
            line.id,
            "a.txt",
            "头条",
            "眉",
            "副",
            "记者",
            section,
            *place,
            TEXT[slice(*place)],
            pieces,
            "2020-02",
        )
        for found, section, place, pieces in zip(
            passages,
            (None, None, "栏"),
            (FIRST, SECOND, THIRD),
            (passage(*place).pieces for place in (FIRST, SECOND, THIRD)),
            strict=True,
        )
    ]
    assert store.article(line.id) == StoredArticle(
        line.id,
        file,
        "头条",
        "眉",
        "副",
        "记者",
        0,
        15,
        TEXT[:15],
        (
            StoredSection(None, 3, 9, "text", tuple(passages[:2])),
            StoredSection("栏", 12, 15, "captions", tuple(passages[2:])),
        ),
        ((10, 11, "credit"),),
        dated,
    )
    assert store.article(1) is None
    assert not store.is_empty()


def test_an_empty_store_says_so(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        assert (store.is_empty(), store.point(), store.sequence(), store.model()) == (True, Point(0, ""), 0, None)
        assert store.counts() == dict.fromkeys(("files", "articles", "sections", "passages", "vectors"), 0)
        assert store.changed_since(Point(0, "")) == []
        assert store.catalogue().places == ()
        assert store.catalogue().scope(Filters()).passages.tolist() == []
        ids, vectors = store.vectors("none")
        assert (str(ids.dtype), ids.shape, str(vectors.dtype), vectors.shape) == ("int64", (0,), "float32", (0, 0))


def test_what_changed_since_a_point_is_told_by_name_or_not_at_all(store: Store) -> None:
    start, one = Point(0, ""), store.point()
    assert (one.sequence, len(one.mark)) == (1, 32)
    assert store.changed_since(start) == ["a.txt"]
    assert store.changed_since(one) == []
    with store.writer() as writer:
        writer.put(whole_page("b.txt"), "")
        writer.put(whole_page("a.txt"), "")
        writer.remove("b.txt")
    assert store.changed_since(one) == ["b.txt", "a.txt"]
    assert store.changed_since(start) == ["a.txt", "b.txt"]
    assert store.changed_since(replace(one, mark="0" * 32)) is None
    assert store.changed_since(replace(one, sequence=99)) is None
    two = store.point()
    with store.writer() as writer:
        writer.use_model(MODEL)
    assert store.changed_since(two) is None  # it names no file
    assert store.changed_since(store.point()) == []


# --- changes ---


def test_vectors_are_kept_by_text_and_model(store: Store) -> None:
    texts = whole_page().indexed_texts()
    with store.writer() as writer:
        writer.put_vectors(MODEL, [*texts[:2], "of none"], np.array([[1, 2], [3, 4], [5, 6]], np.float32))
        writer.use_model(MODEL)
        writer.use_model(MODEL)
    assert store.model() == MODEL
    by_start = {found.start: found.id for found in store.iter_passages()}
    ids, vectors = store.vectors(MODEL.fingerprint)
    expected = {by_start[3]: [1.0, 2.0], by_start[6]: [3.0, 4.0]}
    assert dict(zip(ids.tolist(), vectors.tolist(), strict=True)) == expected
    ids, vectors = store.vectors(MODEL.fingerprint, [by_start[12], by_start[6], 1])
    assert (ids.tolist(), vectors.tolist()) == ([by_start[6]], [[3.0, 4.0]])
    hashes = {hashlib.sha256(text.encode()).digest(): row for text, row in zip(texts, ([1, 2], [3, 4]), strict=False)}
    assert list(store.contents(MODEL.fingerprint)) == [
        (content, np.array(hashes[content], "<f4").tobytes()) for content in sorted(hashes)
    ]
    assert store.without_vector(MODEL.fingerprint, [*texts, "of none"]) == [texts[2], "of none"]
    assert raw(store, "SELECT kind, file FROM changes") == [("added", "a.txt"), ("model", None)]
    assert raw(store, "SELECT fingerprint, name, dim FROM models") == [("f" * 16, "模型", 2)]


def test_a_damaged_vector_is_left_out_and_told_once(store: Store) -> None:
    texts = whole_page().indexed_texts()
    with store.writer() as writer:
        writer.put_vectors(MODEL, texts, np.ones((3, 2), np.float32))
    (number,) = raw(store, "SELECT id FROM vectors ORDER BY id LIMIT 1 OFFSET 1")[0]
    raw(store, "UPDATE vectors SET vector = x'0000803f00000040' WHERE id = ?", number)
    for _ in range(2):
        assert len(store.vectors(MODEL.fingerprint)[0]) == len(list(store.contents(MODEL.fingerprint))) == 2
    message = f"{store.path}: vector {number} was damaged on the disk; the next indexing makes it anew."
    assert [(fault.code, fault.message) for fault in store.faults] == [("ROW_CORRUPT", message)]


def test_a_models_size_and_the_vectors_must_fit(store: Store) -> None:
    with store.writer() as writer:
        writer.put_vectors(MODEL, ["a"], np.ones((1, 2), np.float32))
        with pytest.raises(ValueError, match=re.escape("vectors of shape (1, 3) for 1 texts of 模型 (2)")):
            writer.put_vectors(MODEL, ["a"], np.ones((1, 3), np.float32))
        with pytest.raises(ValueError, match=re.escape("vectors of shape (1, 2) for 2 texts of 模型 (2)")):
            writer.put_vectors(MODEL, ["a", "b"], np.ones((1, 2), np.float32))
        message = "模型 gives 3 numbers a passage, the store has 2 of the same fingerprint."
        found = refused(lambda: writer.put_vectors(replace(MODEL, dim=3), ["a"], np.ones((1, 3), np.float32)))
    assert found == ("INDEX_DIM_MISMATCH", message)


@pytest.mark.parametrize(
    ("spans", "text", "headings", "furniture", "articles"),
    [
        ([(0, 15)], "  \n      \n \n   \n报脚", [[16, 18, 3]], [(16, 18, "imprint")], 0),
        ([(10, 11)], "头条\n一二。三四。\n \n五六。\n报脚", [[0, 2, 1], [16, 18, 3]], [(16, 18, "imprint")], 1),
        ([(11, 16)], "头条\n一二。三四。\n栏\n   \n报脚", [[0, 2, 1], [10, 11, 2], [16, 18, 3]], None, 1),
        ([(1, 2), (16, 18)], "头 \n一二。三四。\n栏\n五六。\n  ", [[0, 2, 1], [10, 11, 2]], [(10, 11, "credit")], 1),
        ([], TEXT, [[0, 2, 1], [10, 11, 2], [16, 18, 3]], None, 1),
    ],
)
def test_what_begins_within_a_span_is_withdrawn_to_the_character(
    store: Store,
    spans: list[tuple[int, int]],
    text: str,
    headings: list[list[int]],
    furniture: list[tuple[int, int, str]] | None,
    articles: int,
) -> None:
    with store.writer() as writer:
        writer.withdraw("a.txt", spans)
    assert raw(store, "SELECT headings FROM files") == [(json.dumps(headings).replace(" ", ""),)]
    document = store.document("a.txt")
    assert document.text == text
    assert document == replace(
        whole_page().document, text=text, headings=tuple(Heading(*heading) for heading in headings)
    )
    assert store.furniture("a.txt") == tuple(furniture or [(10, 11, "credit"), (16, 18, "imprint")])
    assert store.count_articles("a.txt") == articles
    assert store.findings() == []
    assert raw(store, "SELECT kind, file FROM changes ORDER BY sequence")[-1] == ("withdrawn", "a.txt")


def test_a_file_to_be_read_again_keeps_all_but_its_hash(store: Store) -> None:
    before = store.files()["a.txt"]
    with store.writer() as writer:
        writer.reread("a.txt")
        writer.reread("none")
    assert store.files()["a.txt"] == replace(before, sha256="")
    assert store.findings() == []
    assert raw(store, "SELECT kind, file FROM changes") == [("added", "a.txt"), ("reread", "a.txt")]


def test_rows_are_dropped_with_what_belongs_to_them(store: Store) -> None:
    (article,) = store.articles()
    with store.writer() as writer:
        writer.drop_rows(ARTICLES, [])
        assert store.sequence() == 1
        writer.drop_rows(ARTICLES, [article.id, 1])
    assert store.counts() == {"files": 1, "articles": 0, "sections": 0, "passages": 0, "vectors": 0}
    assert raw(store, "SELECT kind, file FROM changes") == [("added", "a.txt"), ("repaired", None)]
    found = [Finding("ROW_CORRUPT", "a.txt: parts of this file are missing in the store.", repairable=True)]
    assert store.findings() == found


# --- refusals ---


@pytest.mark.parametrize("call", [Writer.remove, lambda writer, file: writer.withdraw(file, [(0, 1)])])
def test_a_file_that_isnt_there_is_told_with_where_to_look(store: Store, call: Callable[[Writer, str], None]) -> None:
    message = f"No file 'none' is in {store.path}; `wenbao stats` lists them."
    with store.writer() as writer:
        assert refused(lambda: call(writer, "none"), NotFoundError) == ("FILE_NOT_FOUND", message)
    assert refused(lambda: store.file_text("none"), NotFoundError) == ("FILE_NOT_FOUND", message)
    assert store.sequence() == 1


def test_half_a_character_is_told_with_its_place() -> None:
    document = whole_page().document
    for bad, root, name in (
        (replace(document, file="a\ud800"), "", r"'a\ud800'"),
        (replace(document, text="b\ud800"), "", "'a.txt'"),
        (replace(document, encoding_note="c\ud800"), "", "'a.txt'"),
        (document, "d\ud800", "'a.txt'"),
    ):
        message = (
            f"{name}: character 1 of its name or text is half a surrogate pair, which UTF-8 can't hold; save the file "
            "again as UTF-8."
        )
        assert refused(lambda: check_storable(bad, root), InputError) == ("TEXT_NOT_UNICODE", message)  # noqa: B023
    check_storable(replace(document, encoding_note=None), "")


def corrupt_row(where: str, row: str) -> tuple[str, str]:
    told = "and isn't shown; run `wenbao doctor --repair`."
    return "ROW_CORRUPT", f"{where}: a row of it was damaged on the disk ({row}) {told}"


def test_a_damaged_row_is_told_with_its_place_and_found(store: Store) -> None:
    (line,) = store.articles()
    (found, *_) = store.iter_passages()
    raw(store, "UPDATE passages SET text = '假' WHERE id = ?", found.id)
    expected = corrupt_row("a.txt, '头条'", f"passages {found.id}")
    assert refused(lambda: store.article(line.id)) == expected
    assert found.id not in store.passages([found.id])
    assert found not in list(store.iter_passages())
    assert [(fault.code, fault.message) for fault in store.faults] == [expected]
    assert store.findings() == [Finding(*expected, repairable=True)]
    damaged, incomplete = store.damage()
    assert {table.name: ids for table, ids in damaged.items() if ids} == {"passages": [found.id]}
    assert (PASSAGES in damaged, incomplete) == (True, [])


def test_a_damaged_text_is_told_and_its_file_still_listed(store: Store) -> None:
    file = store.files()["a.txt"]
    raw(store, "UPDATE texts SET text = text || '假'")
    assert store.files() == {"a.txt": file}
    assert refused(lambda: store.document("a.txt")) == corrupt_row("a.txt", f"texts {file.id}")


def test_a_damaged_file_is_told_and_not_withdrawn_from(store: Store) -> None:
    file = store.files()["a.txt"]
    raw(store, "UPDATE files SET root = '假'")
    assert store.files() == {}
    message = "a.txt: it was damaged on the disk; run `wenbao doctor --repair` first."
    with store.writer() as writer:
        assert refused(lambda: writer.withdraw("a.txt", [])) == ("ROW_CORRUPT", message)
    assert refused(lambda: store.file("a.txt")) == corrupt_row("a.txt", f"files {file.id}")


def test_a_row_that_belongs_to_nothing_is_found(store: Store) -> None:
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM files")
        connection.commit()
    (number,) = raw(store, "SELECT id FROM texts")[0]
    (article,) = raw(store, "SELECT id FROM articles")[0]
    messages = [finding.message for finding in store.findings()]
    assert f"{store.path}: row {number} of texts belongs to nothing." in messages
    assert len(messages) == 4  # the text, the article, two pieces of furniture
    damaged, _ = store.damage()
    assert (damaged[TEXTS], damaged[ARTICLES], damaged[FILES]) == ([number], [article], [])
    assert refused(lambda: store.article(article)) == corrupt_row("an unknown file, '头条'", f"articles {article}")
    assert store.articles() == []
    assert store.place(article) is None
    assert store.catalogue().places == ()


def test_a_store_that_isnt_there_or_is_closed_or_held_says_so(tmp_path: Path) -> None:
    message = f"{tmp_path} holds no store; make one with `wenbao index PATH…`."
    assert refused(lambda: Store(tmp_path, read_only=True)) == ("STORE_MISSING", message)
    assert list(tmp_path.iterdir()) == []
    store = Store(tmp_path)

    def write(opened: Store) -> None:
        with opened.writer():
            pytest.fail("entered")

    with store.writer():
        assert store.being_written()
        message = f"{tmp_path} is being written by process {os.getpid()}; wait until it is done, or stop it."
        assert refused(lambda: write(store)) == ("WRITER_LOCKED", message)
    assert not store.being_written()
    assert (tmp_path / "write.lock").read_bytes() == b""
    with Store(tmp_path, read_only=True) as reader:
        message = f"{store.path} can't be written (it was opened for reading only); use a data folder that may be"
        assert refused(lambda: write(reader)) == ("STORE_READ_ONLY", f"{message} written (--data).")
        assert not reader.being_written()
    store.close()
    assert refused(store.counts) == ("STORE_CLOSED", f"{store.path} was closed; open it again.")


def test_a_store_without_its_id_is_no_store(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "wenbao.db")) as connection:
        connection.execute("DELETE FROM meta")
        connection.commit()
    code, message = refused(lambda: Store(tmp_path))
    assert (code, "(it has no id)" in message) == ("STORE_CORRUPT", True)


# --- what filters allow ---


PLACES = [Place(7, "a/1.txt", "2020-02"), Place(3, "b/2.txt", None), Place(5, "a/3.txt", "2021")]


def made_catalogue() -> Catalogue:
    """Passages come unordered, and one of them is of an article that isn't among the places."""
    return Catalogue(PLACES, np.array([40, 10, 30, 20, 50]), np.array([7, 7, 3, 5, 99]))


@pytest.mark.parametrize(
    ("filters", "articles", "passages"),
    [
        (Filters(), [7, 3, 5], [10, 20, 30, 40]),
        (Filters(files=("a/",)), [7, 5], [10, 20, 40]),
        (Filters(articles=(3,)), [3], [30]),
        (Filters(since=date(2021, 1, 1)), [5], [20]),
        (Filters(files=("none",)), [], []),
    ],
)
def test_a_filter_allows_the_passages_of_its_articles(
    filters: Filters, articles: list[int], passages: list[int]
) -> None:
    catalogue = made_catalogue()
    assert [place.article_id for place in catalogue.articles(filters)] == articles
    scope = catalogue.scope(filters)
    assert (scope.articles, scope.passages.tolist()) == (len(articles), passages)
    assert catalogue.outside(filters, [5]).tolist() == [number for number in passages if number != 20]
    assert catalogue.outside(filters, articles).tolist() == []
    assert catalogue.places == tuple(PLACES)


def test_so_many_filters_are_remembered_and_the_one_unused_longest_goes_first() -> None:
    catalogue = made_catalogue()
    filters = [Filters(articles=(number,)) for number in range(1, REMEMBERED + 2)]
    first = [catalogue.scope(each) for each in filters[:REMEMBERED]]
    assert catalogue.scope(filters[0]) is first[0]  # now used last
    catalogue.scope(filters[REMEMBERED])
    assert catalogue.scope(filters[0]) is first[0]
    assert catalogue.scope(filters[2]) is first[2]
    assert catalogue.scope(filters[1]) is not first[1]


def test_a_stores_catalogue_has_its_articles_by_file_and_their_passages(store: Store) -> None:
    (line,) = store.articles()
    catalogue = store.catalogue()
    assert catalogue.places == (Place(line.id, "a.txt", "2020-02"),)
    scope = catalogue.scope(Filters())
    assert (scope.articles, scope.passages.tolist()) == (1, store.passage_ids().tolist())
    assert scope.passages.dtype == np.int64


# --- salvage ---


class Pages:
    """In place of a table with damaged pages: as SQLite does, a query ends with an error at the first bad row."""

    def __init__(self, good: set[int], bad: set[int]) -> None:
        self.good, self.bad = good, bad
        self.asked = 0

    def execute(self, statement: str, values: tuple[int]) -> Pages | Iterator[tuple[int]]:
        assert statement.startswith("SELECT * FROM t WHERE id > ? ORDER BY id")
        self.asked += 1
        rows = self._rows(values[0])
        if not statement.endswith(" LIMIT 1"):
            return rows
        return Answer([row for row, _ in zip(rows, range(1), strict=False)])

    def _rows(self, last: int) -> Iterator[tuple[int]]:
        for number in sorted(self.good | self.bad):
            if number > last:
                if number in self.bad:
                    raise sqlite3.DatabaseError("database disk image is malformed")
                yield (number,)


class Answer(Pages):
    def __init__(self, rows: list[tuple[int]]) -> None:
        self.rows = rows

    def fetchall(self) -> list[tuple[int]]:
        return self.rows


def read_around(pages: Pages) -> list[int]:
    return [number for (number,) in salvaging._rows(pages, "SELECT * FROM t", "id")]  # type: ignore[arg-type]


@given(st.sets(st.integers(1, 300)), st.integers(0, 2**53 - 400), st.integers(1, 300), st.integers(1, 300))
def test_all_rows_around_a_damaged_stretch_are_read_each_once(
    numbers: set[int], base: int, start: int, length: int
) -> None:
    rows = {base + number for number in numbers}
    bad = {number for number in rows if base + start <= number < base + start + length}
    pages = Pages(rows - bad, bad)
    assert read_around(pages) == sorted(rows - bad)
    assert pages.asked < 250  # doubling and halving, twice 53 steps, not one by one


@given(st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60), max_size=12))
def test_whatever_is_damaged_no_row_is_read_twice_or_made_up(good: set[int], bad: set[int]) -> None:
    read = read_around(Pages(good - bad, bad))
    assert read == sorted(set(read))
    assert set(read) <= good - bad
    assert [number for number in read if number < min(bad, default=99)] == sorted(
        number for number in good - bad if number < min(bad, default=99)
    )


def test_no_store_and_an_empty_file_are_not_malformed(tmp_path: Path) -> None:
    assert not is_malformed(tmp_path)
    (tmp_path / "wenbao.db").write_bytes(b"")
    assert not is_malformed(tmp_path)
    (tmp_path / "wenbao.db").write_bytes(b"x")
    code, message = refused(lambda: is_malformed(tmp_path))
    assert (code, "(not an SQLite file)" in message) == ("STORE_CORRUPT", True)
    (tmp_path / "wenbao.db").write_bytes(b"SQLite format 3\0" + bytes(100))
    assert is_malformed(tmp_path)


def test_a_store_that_is_held_is_not_called_malformed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def held(*_: object) -> None:
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    monkeypatch.setattr(salvaging, "connect", held)
    message = f"{store.path} is held by another program (database is locked); try again in a moment."
    assert refused(lambda: is_malformed(store.folder)) == ("WRITER_LOCKED", message)


def everything(store: Store) -> list[list[tuple[Any, ...]]]:
    tables = ("files", "texts", "articles", "sections", "passages", "furniture", "models", "vectors", "meta")
    return [sorted(raw(store, f"SELECT * FROM {table}"), key=str) for table in tables]


def edit(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "wenbao.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.fixture
def folder(store: Store) -> Path:
    """Two files with vectors, one file that was removed."""
    with store.writer() as writer:
        writer.put(whole_page("b.txt"), "root")
        writer.put(whole_page("c.txt"), "root")
        writer.remove("c.txt")
        writer.put_vectors(MODEL, whole_page().indexed_texts(), np.eye(3, 2, dtype=np.float32))
        writer.use_model(MODEL)
    return store.folder


def test_a_sound_store_is_salvaged_whole(store: Store, folder: Path) -> None:
    before = everything(store)
    damaged = store.path.read_bytes()
    (folder / "damaged-1").mkdir()
    log = raw(store, "SELECT sequence, time, kind, file FROM changes")
    store.close()
    (folder / "wenbao.db-shm").write_bytes(b"")
    found = salvage(folder)
    # Of each file its row, its text, an article, two sections, three passages, two pieces of furniture; three vectors.
    assert found == Salvaged(2 * 10 + 3, (), log_whole=True, kept=folder / "damaged-2")
    assert (folder / "damaged-2" / "wenbao.db").read_bytes() == damaged
    assert {path.name for path in folder.iterdir()} == {"damaged-1", "damaged-2", "wenbao.db", "write.lock"}
    with Store(folder) as again:
        assert everything(again) == before
        assert again.findings() == []
        assert again.model() == MODEL
    changes = raw(again, "SELECT sequence, time, kind, file FROM changes")
    assert changes[:-1] == log
    assert (changes[-1][0], changes[-1][2:]) == (len(log) + 1, ("repaired", None))


def test_what_doesnt_prove_itself_is_left_and_its_file_named(store: Store, folder: Path) -> None:
    store.close()
    edit(
        folder,
        "UPDATE files SET root = 'x' WHERE name = 'a.txt'",
        "UPDATE passages SET text = 'x' WHERE start = 3 AND id = (SELECT min(id) FROM passages WHERE start = 3)",
        "UPDATE vectors SET vector = x'00' WHERE id = (SELECT min(id) FROM vectors)",
        "DELETE FROM files WHERE name = 'b.txt'",
    )
    found = salvage(folder)
    assert found == Salvaged(2 * 10 + 3 - 4, ("a.txt", "b.txt"), log_whole=True, kept=folder / "damaged-1")


def test_a_model_without_a_sound_vector_is_forgotten(store: Store, folder: Path) -> None:
    store.close()
    edit(folder, "UPDATE vectors SET vector = x'00'")
    assert salvage(folder).rows == 2 * 10
    with Store(folder) as again:
        assert again.model() is None
    assert raw(again, "SELECT * FROM models") == []
    assert raw(again, "SELECT key FROM meta") == [("store_id",)]


def manifest(folder: Path, name: str, content: str) -> None:
    (folder / "indexes" / name).mkdir(parents=True)
    (folder / "indexes" / name / "manifest.json").write_text(content, "utf-8")


def test_a_log_that_an_index_is_ahead_of_lost_its_end(store: Store, folder: Path) -> None:
    last = store.sequence()
    store.close()
    manifest(folder, "1", json.dumps({"sequence": last + 3}))
    manifest(folder, "2", json.dumps({"sequence": last + 7}))
    manifest(folder, "3", "[]")
    manifest(folder, "4", "{")
    assert not salvage(folder).log_whole
    lines = raw(store, "SELECT sequence, kind, file FROM changes WHERE sequence > ?", last)
    assert lines == [(last + 7, "lost", None), (last + 8, "repaired", None)]


def test_the_id_is_taken_from_an_index_where_the_store_lost_it(store: Store, folder: Path) -> None:
    store.close()
    edit(folder, "DELETE FROM meta WHERE key = 'store_id'")
    manifest(folder, "1", json.dumps({"store": store.id}))
    manifest(folder, "2", json.dumps({"store": "short"}))
    assert salvage(folder).rows == 2 * 10 + 3
    with Store(folder) as again:
        assert again.id == store.id


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        (["DELETE FROM meta WHERE key = 'store_id'"], "its id is lost, by which its rows prove themselves"),
        (["UPDATE meta SET value = 'short'"], "its id is lost, by which its rows prove themselves"),
        (["PRAGMA user_version = 1"], "it has schema 1, and only a store of schema 3 can be salvaged"),
        (["DROP TABLE furniture"], "it has schema 3, and only a store of schema 3 can be salvaged"),
    ],
)
def test_what_cant_be_salvaged_says_why_and_stays(
    store: Store, folder: Path, statements: list[str], reason: str
) -> None:
    store.close()
    edit(folder, *statements)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    code, message = refused(lambda: salvage(folder))
    assert code == "STORE_CORRUPT"
    assert message.startswith(f"{store.path} is no sound database of wenbao ({reason}); ")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_equal_texts_have_equal_contents() -> None:
    assert content_hash("北京") == hashlib.sha256("北京".encode()).digest()


@pytest.mark.parametrize("pinned", [False, True])
@pytest.mark.parametrize("keeps", [False, True])
def test_a_damaged_row_that_was_met_does_not_keep_the_store_at_its_old_state(
    tmp_path: Path, keeps: bool, pinned: bool
) -> None:
    kept: list[StoreError] = []
    with Store(tmp_path) as store:
        with store.writer() as writer:
            writer.put(small_corpora.page("a", small_corpora.article(1, sections=4)), "r")
        (line,) = store.articles()
        with closing(sqlite3.connect(store.path)) as connection:
            connection.execute("UPDATE passages SET text = 'x' WHERE id = (SELECT min(id) FROM passages)")
            connection.commit()
        with store.snapshot() if pinned else contextlib.nullcontext():
            try:
                store.article(line.id)
            except StoreError as error:
                kept.append(error if keeps else StoreError(error.code, error.message))
        assert [error.code for error in kept] == ["ROW_CORRUPT"]
        with store.writer() as writer:
            writer.put(small_corpora.page("b", small_corpora.article(2)), "r")
        assert (list(store.files()), store.sequence()) == (["a.md", "b.md"], 2)
        with closing(sqlite3.connect(store.path)) as connection:  # a reader that goes on would keep the journal
            assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
