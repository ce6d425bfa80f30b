from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from small_corpora import TERMS, PairEmbedder, article, content, page

import qa.migrations
import qa.store.database
from qa.articles import Dated
from qa.errors import StoreError
from qa.indexing import index
from qa.splitting import split_document
from qa.store import Store

ROOT = Path(__file__).parents[1]
RELEASED = qa.migrations.MIGRATIONS
NOW = len(RELEASED)
ENVIRON = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}


def filled(folder: Path) -> dict[str, object]:
    with Store(folder) as store:
        with store.writer() as writer:
            writer.put(page("a", article(1)), "root")
        return content(store)


def remember_colour(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE colours (file_id INTEGER PRIMARY KEY, colour TEXT NOT NULL) STRICT")
    connection.execute("INSERT INTO colours SELECT id, 'red' FROM files")


def fail_late(connection: sqlite3.Connection) -> None:
    remember_colour(connection)
    raise sqlite3.OperationalError("the second step fails")


def use(monkeypatch: pytest.MonkeyPatch, *steps: object) -> None:
    for module in (qa.migrations, qa.store.database):
        monkeypatch.setattr(module, "MIGRATIONS", (*RELEASED, *steps))


def schema(folder: Path) -> tuple[int, set[str]]:
    with closing(sqlite3.connect(folder / "wenbao.db")) as raw:
        names = {name for (name,) in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        return raw.execute("PRAGMA user_version").fetchone()[0], names


def test_the_documentation_names_every_table_and_column(tmp_path: Path) -> None:
    Store(tmp_path).close()
    text = (ROOT / "docs" / "store.md").read_text(encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "wenbao.db")) as raw:
        tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        assert len(tables) > 8
        for table in tables:
            if table.startswith("sqlite_"):
                continue
            (line,) = (line for line in text.splitlines() if line.startswith(f"| `{table}` |"))
            for (column,) in raw.execute("SELECT name FROM pragma_table_info(?)", (table,)):
                assert f"`{column}`" in line, f"{table}.{column}"


def test_every_table_of_text_is_strict(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "wenbao.db")) as raw:
        rows = raw.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    assert [name for name, strict in rows if not strict and not name.startswith("sqlite_")] == []


def test_a_newer_store_is_refused_without_a_byte_changed(tmp_path: Path) -> None:
    filled(tmp_path)
    with closing(sqlite3.connect(tmp_path / "wenbao.db")) as raw:
        raw.execute("PRAGMA user_version = 999")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for read_only in (False, True):
        with pytest.raises(StoreError) as caught:
            Store(tmp_path, read_only=read_only)
        assert caught.value.code == "STORE_TOO_NEW"
        assert "999" in caught.value.message
        assert str(len(qa.migrations.MIGRATIONS)) in caught.value.message
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_store_upgraded_by_another_process_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(tmp_path) as store:
        with monkeypatch.context() as later:
            use(later, remember_colour)
            Store(tmp_path).close()
        with pytest.raises(StoreError) as caught, store.writer():
            pass
        assert caught.value.code == "STORE_TOO_NEW"


def test_an_older_store_is_backed_up_and_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = filled(tmp_path)
    use(monkeypatch, remember_colour)
    with Store(tmp_path) as store:
        assert content(store) == before
        assert store.findings() == []
    version, tables = schema(tmp_path)
    assert version == NOW + 1
    assert "colours" in tables
    monkeypatch.undo()
    backup = tmp_path / "backup"
    backup.mkdir()
    (tmp_path / f"wenbao.db.schema-{NOW}.bak").rename(backup / "wenbao.db")
    with Store(backup) as store:
        assert content(store) == before


def test_an_older_store_that_cant_be_written_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path)
    use(monkeypatch, remember_colour)
    with pytest.raises(StoreError, match=f"schema {NOW} and must be brought to {NOW + 1}") as caught:
        Store(tmp_path, read_only=True)
    assert caught.value.code == "STORE_READ_ONLY"


def test_a_migration_that_fails_leaves_the_old_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = filled(tmp_path)
    with monkeypatch.context() as later:
        use(later, fail_late)
        with pytest.raises(StoreError, match="second step fails"):
            Store(tmp_path)
    version, tables = schema(tmp_path)
    assert version == NOW
    assert "colours" not in tables
    with Store(tmp_path) as store:
        assert content(store) == before


KILLED = """
import os, signal, sys
from pathlib import Path
import qa.migrations, qa.store.database
from qa.store import Store
def step(connection):
    connection.execute("CREATE TABLE colours (id INTEGER PRIMARY KEY) STRICT")
    for number in range(3000):
        if number == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        connection.execute("INSERT INTO colours VALUES (?)", (number,))
        connection.execute("UPDATE meta SET value = value || 'x'")
for module in (qa.migrations, qa.store.database):
    module.MIGRATIONS = (*module.MIGRATIONS, step)
Store(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("at", [0, 1, 2999])
def test_a_kill_during_a_migration_leaves_the_old_store(tmp_path: Path, at: int) -> None:
    before = filled(tmp_path)
    run = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(at)], check=False, env=ENVIRON)
    assert run.returncode == -signal.SIGKILL
    with Store(tmp_path) as store:
        assert content(store) == before
        assert store.findings() == []
    assert schema(tmp_path)[0] == NOW


# -- a store that the first released schema wrote --


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A data folder as the program wrote it before articles had dates: its database's dump, read in again."""
    with closing(sqlite3.connect(tmp_path / "wenbao.db")) as raw:
        raw.executescript((ROOT / "tests" / "store" / "schema-1.sql").read_text(encoding="utf-8"))
    assert schema(tmp_path)[0] == 1
    return tmp_path


def dates(store: Store) -> dict[tuple[str, str | None], Dated | None]:
    return {(line.file, line.headline): line.dated for line in store.articles()}


def test_an_older_store_gets_the_dates_of_its_articles(old: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with Store(old) as store:
        assert schema(old)[0] == NOW
        assert store.findings() == []
        assert dates(store) == {
            ("bulletin-19370708.txt", "盧溝橋事變"): Dated("1937-07-08", "file name"),
            ("gazette/1.txt", "柳湾渡口新船下水"): Dated("2020-03-07", "dateline"),
            ("gazette/1.txt", "图书馆换新灯"): Dated("2020-03-08", "page"),
            ("notes.md", "第1号通讯"): None,
        }
        index(store, [], PairEmbedder(), TERMS)  # what was split by an earlier version is split again
        # The same as in a store that is made anew from the same texts, ids included.
        with Store(tmp_path_factory.mktemp("new")) as new, new.writer() as writer:
            for name in store.files():
                writer.put(split_document(store.document(name)), store.files()[name].root)
            assert content(store)["articles"] == content(new)["articles"]
            assert content(store)["passages"] == content(new)["passages"]
    with closing(sqlite3.connect(old / "wenbao.db.schema-1.bak")) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (1,)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE texts SET text = replace(text, '新船', '旧船')",
        "UPDATE articles SET headline = '别的' WHERE headline = '图书馆换新灯'",
        "UPDATE passages SET text = text || 'x' WHERE text LIKE '%新灯%'",
        "UPDATE files SET root = 'x' WHERE name = 'gazette/1.txt'",
        "DELETE FROM passages WHERE text LIKE '%新灯%'",
        "DELETE FROM articles WHERE headline = '图书馆换新灯'",
    ],
)
def test_what_was_damaged_before_an_upgrade_is_still_found_after_it(old: Path, damage: str) -> None:
    with closing(sqlite3.connect(old / "wenbao.db")) as raw:
        raw.execute("PRAGMA foreign_keys = ON")
        assert raw.execute(damage).rowcount > 0
        raw.commit()
    with Store(old) as store:
        findings = store.findings()
        assert {finding.code for finding in findings} == {"ROW_CORRUPT"}
        assert any("gazette/1.txt" in finding.message for finding in findings)
        assert not any("notes.md" in finding.message or "bulletin" in finding.message for finding in findings)


def test_twenty_openings_at_once_make_one_store(tmp_path: Path) -> None:
    ids: list[str] = []
    start = threading.Barrier(20)

    def open_it() -> None:
        start.wait()
        with Store(tmp_path / "data") as store:
            ids.append(store.id)

    threads = [threading.Thread(target=open_it) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 20
    assert len(set(ids)) == 1
