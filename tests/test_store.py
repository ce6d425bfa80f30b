from __future__ import annotations

import logging
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_corpora import PairEmbedder, article, content, page

import qa.sqlite
from qa.articles import Article, Furniture, Page, Paragraph, Piece, Section
from qa.errors import InputError, NotFoundError, StoreError
from qa.passages import Passage
from qa.reading import Document, Heading, read, walk
from qa.reading.document import Found
from qa.splitting import split_document
from qa.store import Model, SplitPage, Store
from qa.store.rows import TABLES, Table, stable_id

ENVIRON = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
"""For processes that use the helpers of these tests."""
SEEDS = Path(__file__).parents[1] / "seeds"
MODEL = Model("f" * 16, "模型", 3)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "data") as opened:
        yield opened


def put(store: Store, *pages: SplitPage, root: str = "root") -> None:
    with store.writer() as writer:
        for one in pages:
            writer.put(one, root)


def one_passage(file: str, text: str, **fields: str | None) -> SplitPage:
    """A page of one article with one section, which is one passage: the whole text."""
    pieces = (Piece(0, len(text)),)
    section = Section(fields.pop("section", None), 0, len(text), (Paragraph(text, pieces),))
    kicker, headline, subhead, byline = (fields.get(name) for name in ("kicker", "headline", "subhead", "byline"))
    whole = Article(kicker, headline, subhead, byline, 0, len(text), (section,))
    furniture = (Furniture(0, 1, "masthead"),)
    document = Document(file, text, "utf-8", "txt", "0" * 64, (Heading(0, 1, 2),), "note")
    return SplitPage(document, Page((whole,), furniture), ((Passage(0, len(text), text, pieces),),), "1.1")


def put_seeds(store: Store) -> list[SplitPage]:
    pages = [split_document(read(found)) for found in walk([SEEDS]) if isinstance(found, Found)]
    put(store, *pages, root="seeds")
    return pages


# --- what goes in comes out ---


def test_pages_come_back_as_they_were_split(store: Store) -> None:
    pages = put_seeds(store)
    assert len(pages) == 5
    stored = {line.id: store.article(line.id) for line in store.articles()}
    assert [line for name in sorted(store.files()) for line in store.articles(name)] == store.articles()
    assert store.articles("no such file") == []
    for split in pages:
        assert store.document(split.document.file) == split.document
        expected = iter(split.passages)
        articles = [found for found in stored.values() if found and found.file.name == split.document.file]
        assert len(articles) == len(split.page.articles)
        for found, wanted in zip(articles, split.page.articles, strict=True):
            assert (found.kicker, found.headline, found.subhead, found.byline) == (
                wanted.kicker,
                wanted.headline,
                wanted.subhead,
                wanted.byline,
            )
            assert found.text == split.document.text[wanted.start : wanted.end]
            for section, original in zip(found.sections, wanted.sections, strict=True):
                assert (section.heading, section.start, section.end, section.kind) == (
                    original.heading,
                    original.start,
                    original.end,
                    original.kind,
                )
                assert [Passage(p.start, p.end, p.text, p.pieces) for p in section.passages] == list(next(expected))


def test_one_call_and_many_give_the_same_passages(store: Store) -> None:
    put_seeds(store)
    passages = list(store.iter_passages())
    ids = [passage.id for passage in reversed(passages)]
    assert list(store.passages([*ids, 1, *ids]).values()) == passages[::-1]
    assert sorted(ids) == store.passage_ids().tolist()
    assert store.counts()["passages"] == len(ids) == sum(line.passages for line in store.articles())


@pytest.mark.parametrize(
    ("byline", "text", "body"),
    [
        ("本报记者 张三 通讯员 李四", "□本报记者 张三 通讯员 李四\n正文。\n又一段。", "正文。\n又一段。"),
        ("By Jane Roe Staff Reporter", "By Jane Roe\nStaff Reporter\nThe text.", "The text."),
        ("记者 张三", "正文。\n记者 张三", "正文。\n记者 张三"),
        (None, "正文。\n又一段。", "正文。\n又一段。"),
        ("By Jane Roe", "By\nthe river.", "By\nthe river."),
        ("记者 张三", "□\n正文。", "□\n正文。"),
        ("记者 张三", "记者 张三", "记者 张三"),
    ],
)
def test_the_text_proper_begins_behind_the_byline(store: Store, byline: str | None, text: str, body: str) -> None:
    put(store, one_passage("a", text, byline=byline))
    (passage,) = store.iter_passages()
    assert passage.text[passage.body :] == body


def test_indexed_text_is_the_head_and_the_text(store: Store) -> None:
    put(store, one_passage("a", "正文。", kicker="眉", headline="题", subhead="副", byline="记者", section="一 › 二"))
    (passage,) = store.iter_passages()
    assert passage.indexed_text == "眉\n题\n副\n一 › 二\n正文。"
    assert passage.above == "眉\n题\n副\n一 › 二\n记者"
    put(store, one_passage("a", "正文。"))
    (passage,) = store.iter_passages()
    assert passage.indexed_text == "正文。"


unicode_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("lasting")) as opened:
        yield opened


@settings(max_examples=60, deadline=None)
@given(name=unicode_text, text=unicode_text, headline=st.none() | unicode_text, root=unicode_text)
def test_any_text_is_kept_to_the_last_character(
    lasting: Store, name: str, text: str, headline: str | None, root: str
) -> None:
    split = one_passage(name, text, headline=headline)
    with lasting.writer() as writer:
        writer.put(split, root)
        assert lasting.document(name) == split.document
        assert lasting.files()[name].root == root
        (passage,) = lasting.iter_passages()
        assert (passage.file, passage.text, passage.headline) == (name, text, headline)
        assert lasting.findings() == []
        writer.remove(name)
    assert lasting.counts()["files"] == 0


@pytest.mark.parametrize("place", ["name", "text"])
def test_half_characters_are_refused_and_nothing_changes(store: Store, place: str) -> None:
    put(store, one_passage("a", "before"))
    name, text = ("x\udcff", "text") if place == "name" else ("a", "text \ud800")
    with pytest.raises(InputError) as caught:
        put(store, one_passage(name, text))
    assert caught.value.code == "TEXT_NOT_UNICODE"
    caught.value.message.encode("utf-8")
    assert [passage.text for passage in store.iter_passages()] == ["before"]


def test_same_content_has_the_same_ids_in_every_store(tmp_path: Path) -> None:
    pages = [page(str(number), article(number)) for number in range(4)]
    with Store(tmp_path / "a") as one, Store(tmp_path / "b") as other:
        put(one, *pages)
        put(other, page("2", article(7)), *pages[::-1])
        first, second = content(one), content(other)
    assert first["passages"] == second["passages"]
    assert first["articles"] == second["articles"]


def test_an_article_keeps_its_id_when_its_text_changes(store: Store) -> None:
    put(store, page("a", article(1)))
    (before,) = store.articles()
    put(store, page("a", article(1, version=5, sections=4)))
    (after,) = store.articles()
    assert (after.id, after.headline) == (before.id, before.headline)
    assert after.passages > before.passages


def test_ids_that_meet_are_told_apart(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = stable_id
    monkeypatch.setattr("qa.store.writer.stable_id", lambda *parts: wide(*parts) % 97 + 1)
    put(store, *(page(str(number), article(number)) for number in range(8)))
    assert store.counts()["passages"] == len({passage.indexed_text for passage in store.iter_passages()}) > 20
    assert store.findings() == []


def test_the_rows_hold_no_path_of_this_machine(tmp_path: Path) -> None:
    folder = tmp_path / "数据 folder"
    with Store(folder) as store:
        put_seeds(store)
    assert os.fsencode(tmp_path) not in (folder / "wenbao.db").read_bytes()
    moved = folder.rename(tmp_path / "moved to — 别处")
    with Store(moved) as store:
        assert store.counts()["files"] == 5


# --- vectors ---


def test_equal_texts_share_a_vector_and_vectors_come_back_by_ascending_id(store: Store) -> None:
    put(store, one_passage("a", "same"), one_passage("b", "same"), one_passage("c", "other"))
    assert store.without_vector(MODEL.fingerprint, ["same", "other"]) == ["same", "other"]
    with store.writer() as writer:
        writer.put_vectors(MODEL, ["same", "other"], np.array([[1, 0, 0], [0, 1, 0]], np.float32))
    ids, vectors = store.vectors(MODEL.fingerprint)
    texts = {number: passage.text for number, passage in store.passages(ids.tolist()).items()}
    assert ids.tolist() == sorted(set(ids.tolist()))
    assert len(ids) == 3
    assert [texts[number] for number in ids.tolist()] == ["same" if row[0] else "other" for row in vectors]
    assert store.counts()["vectors"] == 2
    assert store.without_vector(MODEL.fingerprint, ["same", "new"]) == ["new"]
    assert len(store.vectors("another")[0]) == 0


def test_using_another_model_drops_the_first_ones_vectors(store: Store) -> None:
    put(store, one_passage("a", "same"))
    other = Model("other", "other", 2)
    with store.writer() as writer:
        writer.put_vectors(MODEL, ["same", "of no passage"], np.eye(2, 3, dtype=np.float32))
        writer.use_model(MODEL)
    assert (store.model(), store.counts()["vectors"]) == (MODEL, 1)
    before = store.sequence()
    with store.writer() as writer:
        writer.use_model(other)
    assert (store.model(), store.counts()["vectors"]) == (other, 0)
    assert store.sequence() > before


def test_vectors_of_a_wrong_shape_are_refused(store: Store) -> None:
    with store.writer() as writer, pytest.raises(ValueError, match=r"shape \(1, 2\)"):
        writer.put_vectors(MODEL, ["a"], np.ones((1, 2), np.float32))


# --- changes ---


def test_replaced_and_removed_files_leave_nothing_behind(store: Store) -> None:
    put(store, page("a", article(1)), page("b", article(2)))
    gone = {passage.id for passage in store.iter_passages() if passage.file == "a.md"}
    put(store, page("a", article(3)))
    assert store.passages(list(gone)) == {}
    with store.writer() as writer:
        writer.remove("a.md")
    assert list(store.files()) == ["b.md"]
    assert {passage.file for passage in store.iter_passages()} == {"b.md"}
    assert store.findings() == []
    with store.writer() as writer, pytest.raises(NotFoundError) as caught:
        writer.remove("a.md")
    assert caught.value.code == "FILE_NOT_FOUND"


def test_every_change_is_logged_and_moves_the_sequence(store: Store) -> None:
    assert store.sequence() == 0
    put(store, page("a", article(1)))
    put(store, page("a", article(2)))
    with store.writer() as writer:
        writer.remove("a.md")
    assert store.sequence() == 3
    with closing(sqlite3.connect(store.path)) as raw:
        rows = raw.execute("SELECT sequence, kind, file FROM changes ORDER BY sequence").fetchall()
        assert rows == [(1, "added", "a.md"), (2, "changed", "a.md"), (3, "removed", "a.md")]
        for statement in ("DELETE FROM changes", "UPDATE changes SET kind = 'x'"):
            with pytest.raises(sqlite3.IntegrityError, match="only appended"):
                raw.execute(statement)


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    put(store, page("a", article(1)))
    before = content(store)
    sequence = store.sequence()

    def fail() -> None:
        with store.writer() as writer, writer.transaction():
            writer.put(page("b", article(2)), "root")
            writer.remove("a.md")
            assert list(store.files()) == ["b.md"]
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert (content(store), store.sequence()) == (before, sequence)


def test_a_snapshot_sees_one_state_while_another_thread_writes(store: Store) -> None:
    put(store, page("a", article(1)))
    with store.snapshot():
        before = content(store)
        thread = threading.Thread(target=put, args=(store, page("b", article(2)), page("a", article(3))))
        thread.start()
        thread.join()
        assert content(store) == before
    assert list(store.files()) == ["a.md", "b.md"]


def test_readers_see_whole_files_while_they_are_replaced(store: Store) -> None:
    versions = [page("a", article(1, version, sections=4)) for version in range(2)]
    put(store, versions[0])
    wholes = [set(split.indexed_texts()) for split in versions]
    done = threading.Event()
    wrong: list[object] = []

    def look() -> None:
        try:
            while not done.is_set():
                texts = {passage.indexed_text for passage in store.iter_passages()}
                if texts not in wholes:
                    wrong.append(texts)
        except Exception as error:  # noqa: BLE001  # told by the assertion below
            wrong.append(error)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(30):
        put(store, versions[turn % 2])
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_backup_taken_while_writing_is_whole(store: Store, tmp_path: Path) -> None:
    put(store, page("a", article(1)))
    before = content(store)
    target = tmp_path / "copy" / "wenbao.db"
    target.parent.mkdir()
    with store.writer() as writer, writer.transaction():
        writer.put(page("b", article(2)), "root")
        thread = threading.Thread(target=store.backup, args=(target,))
        thread.start()
        thread.join()
    with Store(target.parent) as copy:
        assert content(copy) == before
        assert copy.findings() == []
    assert [path.name for path in target.parent.iterdir()] == ["wenbao.db"]


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.close()
    with pytest.raises(StoreError) as caught:
        store.counts()
    assert caught.value.code == "STORE_CLOSED"
    assert {path.name for path in tmp_path.iterdir()} == {"wenbao.db", "write.lock"}, "at rest the store is one file"


# --- one writer ---

HOLD = """
import sys, time
from pathlib import Path
from qa.store import Store
with Store(Path(sys.argv[1])) as store, store.writer():
    print("held", flush=True)
    time.sleep(60)
"""


def hold(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_second_writer_is_told_who_writes_and_readers_go_on(store: Store) -> None:
    put(store, page("a", article(1)))
    process = hold(store.folder)
    try:
        with pytest.raises(StoreError) as caught:
            put(store, page("b", article(2)))
        assert caught.value.code == "WRITER_LOCKED"
        assert str(process.pid) in caught.value.message
        assert list(store.files()) == ["a.md"]
    finally:
        end(process)


def test_a_dead_writers_lock_holds_nobody_up(store: Store) -> None:
    process = hold(store.folder)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (store.folder / "write.lock").read_text() == str(process.pid)
    put(store, page("a", article(1)))
    # The number of a living process that has nothing to do with the store: this one.
    (store.folder / "write.lock").write_text(str(os.getpid()))
    put(store, page("b", article(2)))
    assert list(store.files()) == ["a.md", "b.md"]


def test_a_writer_waits_as_long_as_it_is_told(store: Store) -> None:
    entered, leave = threading.Event(), threading.Event()

    def first() -> None:
        with store.writer():
            entered.set()
            leave.wait()

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait()
    try:
        with pytest.raises(StoreError, match="wait until it is done"), store.writer(wait_s=0.2):
            pass
        threading.Timer(0.2, leave.set).start()
        with store.writer(wait_s=30) as writer:
            writer.put(page("a", article(1)), "root")
    finally:
        leave.set()
        thread.join()


# --- damage ---


def columns() -> list[tuple[Table, str]]:
    return [(table, column) for table in TABLES for column in ("id", *table.columns, "row_hash")]


@pytest.mark.parametrize(("table", "column"), columns(), ids=lambda part: getattr(part, "name", part))
def test_a_changed_column_of_any_row_is_found_and_never_shown(
    tmp_path: Path, table: Table, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Store(tmp_path) as store:
        put(store, one_passage("a", "甲文。", headline="甲题"), one_passage("b", "乙文。", headline="乙题"))
        before = {passage.id: passage for passage in store.iter_passages()}
    with closing(sqlite3.connect(tmp_path / "wenbao.db")) as raw:
        (number, value) = raw.execute(f'SELECT id, "{column}" FROM {table.name} ORDER BY id').fetchone()
        changed = value + 1 if isinstance(value, int) else value[::-1] + value[:1] if value else "?"
        raw.execute(f'UPDATE {table.name} SET "{column}" = ? WHERE id = ?', (changed, number))
        raw.commit()
    with Store(tmp_path) as store, caplog.at_level(logging.ERROR):
        after = store.passages(list(before))
        assert all(before[key] == passage for key, passage in after.items())
        assert list(store.iter_passages()) == [before[key] for key in before if key in after]
        findings = store.findings()
        assert any(finding.code == "ROW_CORRUPT" for finding in findings)
        assert all(fault.code == "ROW_CORRUPT" for fault in store.faults)
        assert len(caplog.records) == len(store.faults), "each once"
        if table.name in {"passages", "sections", "articles"} and column not in {"id", "file_id", "article_id"}:
            assert len(after) == 1, "the other article is served"


def test_a_damaged_row_names_its_file_and_article(store: Store) -> None:
    put(store, one_passage("报.txt", "甲文。", headline="甲题"), one_passage("b.txt", "乙文。", headline="乙题"))
    with closing(sqlite3.connect(store.path)) as raw:
        raw.execute("UPDATE passages SET text = '乙文。' WHERE text = '甲文。'")
        raw.commit()
    (line,) = (line for line in store.articles() if line.file == "报.txt")
    with pytest.raises(StoreError) as caught:
        store.article(line.id)
    assert caught.value.code == "ROW_CORRUPT"
    assert "报.txt" in caught.value.message
    assert "甲题" in caught.value.message
    assert [passage.file for passage in store.iter_passages()] == ["b.txt"]


def test_a_damaged_text_is_an_error_and_its_file_is_still_listed(store: Store) -> None:
    put(store, one_passage("a", "甲文。"))
    with closing(sqlite3.connect(store.path)) as raw:
        raw.execute("UPDATE texts SET text = CAST(x'ff41' AS TEXT)")
        raw.commit()
    with pytest.raises(StoreError, match="damaged on the disk"):
        store.file_text("a")
    assert list(store.files()) == ["a"]


def test_a_row_of_another_store_is_no_row_of_this_one(tmp_path: Path) -> None:
    with Store(tmp_path / "a") as one, Store(tmp_path / "b") as other:
        put(one, one_passage("a", "甲文。"))
        put(other, one_passage("a", "乙文。"))
    with closing(sqlite3.connect(tmp_path / "a" / "wenbao.db")) as raw:
        raw.execute("ATTACH ? AS other", (str(tmp_path / "b" / "wenbao.db"),))
        for table in ("passages", "texts"):
            raw.execute(f"DELETE FROM {table}")
            raw.execute(f"INSERT INTO {table} SELECT * FROM other.{table}")
        raw.commit()
    with Store(tmp_path / "a") as store:
        assert list(store.iter_passages()) == []
        with pytest.raises(StoreError, match="damaged"):
            store.file_text("a")


def test_a_flipped_bit_anywhere_in_the_file_gives_no_wrong_text(tmp_path: Path) -> None:
    """The measurement that row hashes are for: SQLite's own check says ok to most of these."""
    with Store(tmp_path / "whole") as store:
        put(store, *(page(str(number), article(number)) for number in range(6)))
        passages = {passage.id: passage for passage in store.iter_passages()}
        documents = {name: store.document(name) for name in store.files()}
    data = (tmp_path / "whole" / "wenbao.db").read_bytes()
    chance = random.Random(2)
    damaged = told = 0
    codes: set[str] = set()
    for turn in range(250):
        folder = tmp_path / str(turn)
        folder.mkdir()
        flipped = bytearray(data)
        place = chance.randrange(len(data))
        flipped[place] ^= 1 << chance.randrange(8)
        (folder / "wenbao.db").write_bytes(flipped)
        try:
            with Store(folder) as store:
                for found in (list(store.iter_passages()), store.passages(list(passages)).values()):
                    assert all(passages[passage.id] == passage for passage in found), place
                for name in store.files():
                    assert documents[name] == store.document(name), place
                whole = len(list(store.iter_passages())) == len(passages) and store.files().keys() == documents.keys()
                findings = store.findings()
            damaged += not whole
            told += not whole and bool(findings or store.faults)
        except StoreError as error:
            codes.add(error.code)
            damaged, told = damaged + 1, told + 1
        shutil.rmtree(folder)
    assert told == damaged > 20
    assert codes <= {"ROW_CORRUPT", "STORE_CORRUPT", "STORE_TOO_NEW", "STORE_UNAVAILABLE"}


def test_a_lost_row_is_found(store: Store) -> None:
    put(store, page("a", article(1)), page("b", article(2)))
    for table in ("passages", "sections", "texts", "articles"):
        copy = store.folder.with_name(table)
        copy.mkdir()
        store.backup(copy / "wenbao.db")
        with closing(sqlite3.connect(copy / "wenbao.db")) as raw:
            raw.execute(f"DELETE FROM {table} WHERE id = (SELECT min(id) FROM {table})")
            raw.commit()
        with Store(copy) as damaged:
            assert damaged.findings() != []


# --- files that are no store, or can't be written ---


def test_what_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as raw:
        raw.execute("CREATE TABLE notes (text)")
        raw.commit()
    for name, data in {
        "text": b"not a database at all, but long enough to be one " * 40,
        "other": (tmp_path / "other.db").read_bytes(),
        "cut": (tmp_path / "other.db").read_bytes()[:3000],
    }.items():
        path = tmp_path / name / "wenbao.db"
        path.parent.mkdir()
        path.write_bytes(data)
        for read_only in (False, True):
            with pytest.raises(StoreError) as caught:
                Store(path.parent, read_only=read_only)
            assert caught.value.code == "STORE_CORRUPT"
            assert str(path) in caught.value.message
        assert path.read_bytes() == data


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    """What a kill right at the beginning leaves."""
    (tmp_path / "wenbao.db").touch()
    with Store(tmp_path) as store:
        assert store.counts()["files"] == 0


def test_reading_only_needs_a_store_and_refuses_only_to_write(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        Store(tmp_path / "none", read_only=True)
    assert caught.value.code == "STORE_MISSING"
    assert not (tmp_path / "none").exists()
    with Store(tmp_path) as store:
        put(store, page("a", article(1)))
        before = content(store)
    with Store(tmp_path, read_only=True) as store:
        assert content(store) == before
        with pytest.raises(StoreError) as caught:
            put(store, page("b", article(2)))
    assert caught.value.code == "STORE_READ_ONLY"
    assert not (tmp_path / "write.lock.tmp").exists()


@pytest.fixture
def unwritable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a read-only medium, also for root: nothing may be written, SQLite can't make its side files."""
    connect = qa.sqlite.connect

    def refuse(path: Path, query: str) -> sqlite3.Connection:
        if query != qa.sqlite.IMMUTABLE:
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise error
        return connect(path, query)

    monkeypatch.setattr(qa.sqlite, "connect", refuse)
    monkeypatch.setattr("qa.store.reader.connect", refuse)
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)


@pytest.mark.usefixtures("unwritable")
def test_a_folder_that_cant_be_written_is_served(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with Store(tmp_path) as store:
        assert store.read_only
        assert [passage.file for passage in store.iter_passages()][:1] == ["a.md"]
        with pytest.raises(StoreError, match="can't be written"):
            put(store, page("b", article(2)))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "wenbao.db-wal").write_bytes(b"what a crash left")
    with pytest.raises(StoreError) as caught:
        Store(tmp_path)
    assert caught.value.code == "STORE_READ_ONLY"
    assert "journal" in caught.value.message


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    with Store(folder) as store:
        put(store, page("a", article(1)))
    (folder / "write.lock").unlink()
    return folder


FULL = """
import resource, sys
from pathlib import Path
from small_corpora import article, page
from qa.errors import StoreError
from qa.store import Store
with Store(Path(sys.argv[1])) as store:
    size = int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    stored = 0
    try:
        for number in range(200):
            with store.writer() as writer:
                writer.put(page(str(number), article(number)), "root")
            stored += 1
    except StoreError as error:
        print(error.code, stored, len(store.files()), flush=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


@pytest.mark.parametrize("size", [150_000, 260_000, 401_111])
def test_a_full_disk_is_named_and_costs_nothing_acknowledged(tmp_path: Path, size: int) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), str(size)],
        capture_output=True,
        text=True,
        check=True,
        env=ENVIRON,
    )
    code, stored, listed = run.stdout.split()
    assert (code, stored) == ("DISK_FULL", listed)
    with Store(tmp_path) as store:
        assert len(store.files()) == int(stored)
        assert store.findings() == []
        put(store, page("later", article(1)))


def test_a_full_database_is_a_full_disk(store: Store) -> None:
    put(store, page("a", article(1)))
    before = content(store)
    with store.writer() as writer:
        writer._connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(StoreError) as caught:
            writer.put(page("b", article(2, sections=200)), "root")
    assert caught.value.code == "DISK_FULL"
    assert content(store) == before


# --- kills ---

WRITE = """
import sys
from pathlib import Path
from small_corpora import article, page
from qa.store import Store

seed = int(sys.argv[2])
with Store(Path(sys.argv[1])) as store:
    for turn in range(1000):
        number = (seed * 7 + turn * 3) % 12
        with store.writer() as writer:
            if turn % 5 == 4 and f"{number}.md" in store.files():
                print("remove", number, flush=True)
                writer.remove(f"{number}.md")
            else:
                print("put", number, seed * 1000 + turn, flush=True)
                writer.put(page(str(number), article(number, seed * 1000 + turn, sections=4)), "root")
        print("done", flush=True)
"""


def test_killed_writers_lose_nothing_acknowledged_and_leave_nothing_half(tmp_path: Path) -> None:
    """Twenty kills at random moments; the lines that were printed are the acknowledgements."""
    chance = random.Random(11)
    kept: dict[str, str] = {}
    for seed in range(20):
        wanted = chance.randint(1, 6)
        under_way: list[str] = []
        command = [sys.executable, "-c", WRITE, str(tmp_path), str(seed)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRON) as process:
            assert process.stdout is not None
            for line in process.stdout:
                words = line.split()
                if words != ["done"]:
                    under_way = words
                    continue
                apply(kept, under_way)
                under_way = []
                wanted -= 1
                if wanted == 0:
                    time.sleep(chance.uniform(0, 0.02))
                    process.kill()
        assert process.returncode == -signal.SIGKILL
        with Store(tmp_path) as store:
            texts = {name: store.file_text(name) for name in store.files()}
            assert store.findings() == []
        # What wasn't acknowledged is there wholly or not at all.
        possible = [dict(kept), apply(dict(kept), under_way)]
        assert texts in possible, seed
        kept = texts


def apply(kept: dict[str, str], change: list[str]) -> dict[str, str]:
    match change:
        case ["put", number, version]:
            kept[f"{number}.md"] = article(int(number), int(version), sections=4)
        case ["remove", number]:
            del kept[f"{number}.md"]
    return kept


def test_embedders_see_what_the_store_will_look_up(store: Store) -> None:
    """The texts that indexing embeds before a page is stored are those that its passages have afterwards."""
    split = page("a", article(1))
    put(store, split)
    assert split.indexed_texts() == [passage.indexed_text for passage in store.iter_passages()]
    embedder = PairEmbedder()
    with store.writer() as writer:
        writer.put_vectors(
            Model(embedder.fingerprint, embedder.name, embedder.dim),
            split.indexed_texts(),
            embedder.passages(split.indexed_texts()),
        )
    assert store.vectors(embedder.fingerprint)[0].tolist() == store.passage_ids().tolist()


def test_a_page_with_passages_for_other_sections_is_a_mistake(store: Store) -> None:
    split = one_passage("a", "text")
    for passages in ((), split.passages * 2):
        with pytest.raises((ValueError, StopIteration)):
            put(store, replace(split, passages=passages))
    assert store.counts()["files"] == 0


# SQLite's locks belong to a process, and go with the first file descriptor of the database that it closes, whoever
# opened that. Another process then takes itself for the only one, takes the journal away, and begins a new one: from
# then on neither finds what the other writes.
BESIDE = """
import sys
from pathlib import Path
from small_corpora import article, page
from qa.store import Store
with Store(Path(sys.argv[1])) as store:
    print("open", flush=True)
    for name in map(str.strip, sys.stdin):
        with store.writer() as writer:
            writer.put(page(name, article(1)), "")
        print(sorted(store.files()), flush=True)
"""


@pytest.mark.parametrize("how", ["a writer", "a second opening"])
def test_two_processes_find_what_the_other_writes(tmp_path: Path, how: str) -> None:
    with Store(tmp_path) as store:
        if how == "a second opening":
            Store(tmp_path).close()
        else:
            with store.writer() as writer:
                writer.put(page("0", article(0)), "")
            store.files()
        command = [sys.executable, "-c", BESIDE, str(tmp_path)]
        with subprocess.Popen(
            command, env=ENVIRON, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        ) as other:
            assert other.stdin is not None
            assert other.stdout is not None
            assert other.stdout.readline() == "open\n"
            for number in range(1, 4):
                with store.writer() as writer:
                    writer.put(page(f"mine {number}", article(number)), "")
                print(f"theirs {number}", file=other.stdin)
                found = other.stdout.readline().strip()
                assert found == str(sorted(store.files()))
                assert {f"{whose} {number}.md" for whose in ("mine", "theirs")} <= set(store.files())
        assert not store.findings()


def test_a_file_to_be_read_again_counts_as_changed_and_is_as_sound_as_before(store: Store) -> None:
    put(store, one_passage("a.txt", "甲"), one_passage("b.txt", "乙"))
    before = store.point()
    with store.writer() as writer:
        writer.reread("a.txt")
        writer.reread("absent.txt")
    assert {name: file.sha256 for name, file in store.files().items()} == {"a.txt": "", "b.txt": "0" * 64}
    assert store.changed_since(before) == ["a.txt"]
    assert (store.findings(), store.faults) == ([], ())
    assert store.file_text("a.txt") == "甲"


def test_a_damaged_file_to_be_read_again_is_gone(store: Store) -> None:
    put(store, one_passage("a.txt", "甲"), one_passage("b.txt", "乙"))
    with closing(sqlite3.connect(store.path)) as raw, raw:
        raw.execute("UPDATE files SET encoding = 'latin-1' WHERE name = 'a.txt'")
    with store.writer() as writer:
        writer.reread("a.txt")
    assert list(store.files()) == ["b.txt"]
    assert store.counts()["passages"] == 1
    assert store.findings() == []


def two_articles(file: str) -> SplitPage:
    """Two articles of five characters, each with a heading and a piece of furniture in it."""
    text = "一二三四五甲乙丙丁戊"
    spans = ((0, 5), (5, 10))
    parts = [Section(None, a, b, (Paragraph(text[a:b], (Piece(a, b),)),)) for a, b in spans]
    page = Page(
        tuple(Article(None, None, None, None, part.start, part.end, (part,)) for part in parts),
        (Furniture(4, 5, "page"), Furniture(9, 10, "page")),
    )
    passages = tuple((Passage(a, b, text[a:b], (Piece(a, b),)),) for a, b in spans)
    document = Document(file, text, "utf-8", "txt", "0" * 64, (Heading(0, 2, 1), Heading(5, 7, 2)), None)
    return SplitPage(document, page, passages, "1.1")


@pytest.mark.parametrize(
    ("span", "text", "heading", "furniture"),
    [((0, 5), "     甲乙丙丁戊", Heading(5, 7, 2), (9, 10)), ((5, 10), "一二三四五     ", Heading(0, 2, 1), (4, 5))],
)
def test_what_is_withdrawn_is_blank_and_the_rest_as_sound_as_before(
    store: Store, span: tuple[int, int], text: str, heading: Heading, furniture: tuple[int, int]
) -> None:
    put(store, two_articles("a.txt"), one_passage("b.txt", "乙"))
    before = store.point()
    with store.writer() as writer:
        writer.withdraw("a.txt", [span])
    document = store.document("a.txt")
    assert (document.text, document.headings, document.sha256) == (text, (heading,), "0" * 64)
    assert store.furniture("a.txt") == ((*furniture, "page"),)
    assert [passage.text for passage in store.iter_passages(["a.txt"])] == [text.strip()]
    assert (store.changed_since(before), store.findings(), store.faults) == (["a.txt"], [], ())
    assert store.file_text("b.txt") == "乙"


def test_what_is_not_there_or_damaged_is_not_withdrawn(store: Store) -> None:
    put(store, two_articles("a.txt"))
    with store.writer() as writer, pytest.raises(NotFoundError, match=r"absent\.txt") as missing:
        writer.withdraw("absent.txt", [(0, 5)])
    assert missing.value.code == "FILE_NOT_FOUND"
    with closing(sqlite3.connect(store.path)) as raw, raw:
        raw.execute("UPDATE texts SET text = '一二三四五六七八九十'")
    with store.writer() as writer, pytest.raises(StoreError, match="doctor --repair") as damaged:
        writer.withdraw("a.txt", [(0, 5)])
    assert damaged.value.code == "ROW_CORRUPT"
    assert store.counts()["articles"] == 2
