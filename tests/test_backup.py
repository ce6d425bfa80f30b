"""Backups: whole, of one moment, while others write; and data folders themselves."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from small_corpora import TERMS, PairEmbedder, article, content, page, sentence, write

from qa.backup import back_up
from qa.errors import WenbaoError
from qa.indexing import index
from qa.store import Store, write_lock


def made(folder: Path) -> Path:
    write(folder / "corpus", {f"{number}.md": article(number) for number in range(3)})
    with Store(folder / "data") as store:
        index(store, [folder / "corpus"], PairEmbedder(), TERMS)
    return folder / "data"


def test_a_backup_is_a_data_folder_with_the_same_corpus_and_no_caches(tmp_path: Path) -> None:
    data = made(tmp_path)
    with closing(sqlite3.connect(data / "access.db")) as keys:
        keys.execute("CREATE TABLE keys (name TEXT)")
        keys.execute("INSERT INTO keys VALUES ('site')")
        keys.commit()
    (data / "access.db").chmod(0o600)
    (data / "jobs" / "1").mkdir(parents=True)
    (data / "jobs" / "1" / "questions.jsonl").write_text("{}")
    (data / "link").symlink_to("/etc/passwd")
    report = back_up(data, tmp_path / "copy")
    assert report.databases == ("access.db", "wenbao.db")
    assert (report.others, report.findings) == (1, ())
    copied = {
        path.relative_to(tmp_path / "copy").as_posix() for path in (tmp_path / "copy").rglob("*") if path.is_file()
    }
    assert copied == {"access.db", "wenbao.db", "jobs/1/questions.jsonl"}
    assert (tmp_path / "copy" / "access.db").stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(tmp_path / "copy" / "access.db")) as keys:
        assert keys.execute("SELECT name FROM keys").fetchall() == [("site",)]
    with Store(data) as one, Store(tmp_path / "copy") as other:
        assert content(one) == content(other)
        assert one.id == other.id


def test_a_backup_sees_one_moment_of_a_store_that_is_written_all_the_while(tmp_path: Path) -> None:
    data = made(tmp_path)
    stop = threading.Event()

    def rewrite() -> None:
        with Store(data) as store:
            for version in range(1, 10_000):
                if stop.is_set():
                    return
                with store.writer(5) as writer, writer.transaction():
                    for number in range(3):
                        writer.put(page(str(number), article(number, version)), "corpus")

    thread = threading.Thread(target=rewrite)
    thread.start()
    try:
        for turn in range(5):
            assert back_up(data, tmp_path / f"copy-{turn}").findings == ()
    finally:
        stop.set()
        thread.join()
    for turn in range(5):
        with Store(tmp_path / f"copy-{turn}") as store:
            texts = [store.file_text(f"{number}.md") for number in range(3)]
        versions = {
            next(version for version in range(10_000) if sentence(number, version) in text)
            for number, text in enumerate(texts)
        }
        assert len(versions) == 1


def test_a_damaged_store_is_backed_up_and_said_to_be_damaged(tmp_path: Path) -> None:
    data = made(tmp_path)
    with closing(sqlite3.connect(data / "wenbao.db")) as raw:
        raw.execute("UPDATE texts SET text = text || 'x' WHERE id = (SELECT min(id) FROM texts)")
        raw.commit()
    assert {finding.code for finding in back_up(data, tmp_path / "copy").findings} == {"ROW_CORRUPT"}


@pytest.mark.parametrize(
    ("target", "code"),
    [("data", "OUTPUT_EXISTS"), ("data/backup", "OUTPUT_FOLDER"), ("nowhere/backup", "OUTPUT_FOLDER")],
)
def test_a_backup_goes_nowhere_where_something_is(tmp_path: Path, target: str, code: str) -> None:
    data = made(tmp_path)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(WenbaoError) as caught:
        back_up(data, tmp_path / target)
    assert caught.value.code == code
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_without_a_store_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(WenbaoError, match="nothing to back up"):
        back_up(tmp_path, tmp_path.with_name("copy"))
    (tmp_path / "wenbao.db").write_bytes(b"not a database" * 100)
    with pytest.raises(WenbaoError) as caught:
        back_up(tmp_path, tmp_path / ".." / f"{tmp_path.name}-copy")
    assert caught.value.code == "STORE_CORRUPT"
    assert list(tmp_path.parent.glob(f"*{tmp_path.name}-copy*")) == []


def test_a_killed_backup_is_cleared_by_the_next_and_a_running_one_is_let_be(tmp_path: Path) -> None:
    data = made(tmp_path / "made")
    part = tmp_path / ".copy.part"
    (part / "jobs").mkdir(parents=True)
    (part / "wenbao.db.tmp").write_bytes(b"torn")
    with write_lock(part), pytest.raises(WenbaoError) as caught:
        back_up(data, tmp_path / "copy")
    assert caught.value.code == "WRITER_LOCKED"
    assert (part / "wenbao.db.tmp").exists()
    back_up(data, tmp_path / "copy")
    assert {path.name for path in tmp_path.iterdir()} == {"made", "copy"}
    assert {path.name for path in (tmp_path / "copy").iterdir()} == {"wenbao.db"}
