"""The rules by which every small database of the data folder is opened."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from qa import sqlite
from qa.errors import StoreError
from qa.sqlite import open_database, transaction

OURS = 0x74657374


def first(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE notes (text TEXT NOT NULL) STRICT")


def second(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE notes ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'")


def broken(connection: sqlite3.Connection) -> None:
    second(connection)
    raise sqlite3.OperationalError("the step fails late")


def add(path: Path, text: str) -> None:
    with closing(open_database(path, [first], OURS)) as connection, transaction(connection, path):
        connection.execute("INSERT INTO notes VALUES (?)", (text,))


def test_a_database_is_made_for_its_owner_only_and_syncs_every_commit(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "notes.db"
    with closing(open_database(path, [first], OURS)) as connection:
        found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        assert found == ["wal", 2]  # https://sqlite.org/pragma.html: 2 is FULL
        with transaction(connection, path):
            connection.execute("INSERT INTO notes VALUES ('x')")
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}, modes


def test_a_database_that_another_makes_meanwhile_is_seen_as_one_or_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process tries to make it between our looks at what is there: all must be at one state."""
    path = tmp_path / "notes.db"
    connect = sqlite.connect
    looks: list[str] = []

    def watched(file: Path, query: str) -> sqlite3.Connection:
        connection = connect(file, query)

        def other(statement: str) -> None:
            if not statement.startswith(("SELECT count", "PRAGMA user_version", "PRAGMA application_id")):
                return
            looks.append(statement)
            if len(looks) > 1:
                quick = sqlite3.connect(path, timeout=0, isolation_level=None)
                with closing(quick), contextlib.suppress(sqlite3.OperationalError):  # locked: then it comes later
                    sqlite.migrate(quick, [first], OURS)

        connection.set_trace_callback(other)
        return connection

    monkeypatch.setattr(sqlite, "connect", watched)
    with closing(open_database(path, [first], OURS)) as connection:
        assert connection.execute("SELECT * FROM notes").fetchall() == []
    assert len(looks) >= 3


def test_a_journal_that_another_takes_away_meanwhile_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tmp_path / "notes.db", "kept")
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path.name.endswith("-wal") or exists(path))  # it was, just now
    assert not (tmp_path / "notes.db-wal").is_file()
    add(tmp_path / "notes.db", "too")


def test_steps_run_once_in_their_order_with_a_copy_before(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    add(path, "kept")
    for _ in range(2):
        with closing(open_database(path, [first, second], OURS)) as connection:
            assert connection.execute("SELECT * FROM notes").fetchall() == [("kept", "red")]
    with closing(sqlite3.connect(tmp_path / "notes.db.schema-1.bak")) as copy:
        assert copy.execute("SELECT * FROM notes").fetchall() == [("kept",)]


def test_a_step_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    add(path, "kept")
    with pytest.raises(StoreError):
        open_database(path, [first, broken], OURS)
    with closing(open_database(path, [first], OURS)) as connection:
        assert connection.execute("SELECT * FROM notes").fetchall() == [("kept",)]


def make_newer(path: Path) -> None:
    with closing(open_database(path, [first, second], OURS)):
        pass


def make_foreign(path: Path) -> None:
    with closing(open_database(path, [first], OURS + 1)):
        pass


def make_text(path: Path) -> None:
    path.write_text("no database")


@pytest.mark.parametrize(
    ("make", "code"), [(make_newer, "STORE_TOO_NEW"), (make_foreign, "STORE_CORRUPT"), (make_text, "STORE_CORRUPT")]
)
def test_what_is_not_ours_is_refused_untouched(tmp_path: Path, make: Callable[[Path], None], code: str) -> None:
    path = tmp_path / "notes.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(StoreError) as caught:
        open_database(path, [first], OURS)
    assert caught.value.code == code
    assert path.name in caught.value.message
    assert path.read_bytes() == before


def test_an_error_in_a_block_takes_back_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    with closing(open_database(path, [first], OURS)) as connection:
        with pytest.raises(sqlite3.IntegrityError), transaction(connection, path), transaction(connection, path):
            connection.executemany("INSERT INTO notes VALUES (?)", [("lost",), (None,)])
        assert connection.execute("SELECT * FROM notes").fetchall() == []


PROGRAM = """
import os, signal, sys
from pathlib import Path
from qa.sqlite import open_database, transaction
from test_sqlite import OURS, first
path = Path(sys.argv[1])
connection = open_database(path, [first], OURS)
for number in range(5):
    with transaction(connection, path):
        connection.execute("INSERT INTO notes VALUES (?)", (f"{sys.argv[2]}-{number}",))
print("acknowledged", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="kills with a signal")
def test_processes_that_open_it_at_once_and_are_killed_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(path), str(number)], env=environ, stdout=subprocess.PIPE, text=True
        )
        for number in range(6)
    ]
    for run in runs:
        assert run.communicate(timeout=60)[0] == "acknowledged\n"
        assert run.returncode == -signal.SIGKILL
    with closing(open_database(path, [first], OURS)) as connection:
        found = {text for (text,) in connection.execute("SELECT text FROM notes")}
    assert found == {f"{number}-{row}" for number in range(6) for row in range(5)}


BESIDE = """
import sys
from contextlib import closing
from pathlib import Path
from qa.sqlite import open_database
from test_sqlite import OURS, first
with closing(open_database(Path(sys.argv[1]), [first], OURS)) as connection:
    print([text for (text,) in connection.execute("SELECT text FROM notes ORDER BY text")])
"""


def test_what_is_written_is_there_for_others_that_come_and_go(tmp_path: Path) -> None:
    """See the test of the same name in test_store."""
    path = tmp_path / "notes.db"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    with closing(open_database(path, [first], OURS)) as connection:
        for number in range(3):
            open_database(path, [first], OURS).close()
            with transaction(connection, path):
                connection.execute("INSERT INTO notes VALUES (?)", (str(number),))
            command = [sys.executable, "-c", BESIDE, str(path)]
            found = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
            assert found.strip() == str([str(each) for each in range(number + 1)])


def test_on_a_read_only_medium_what_is_there_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "notes.db"
    add(path, "kept")
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)
    with closing(open_database(path, [first], OURS)) as connection:
        assert connection.execute("SELECT * FROM notes").fetchall() == [("kept",)]
        with pytest.raises(StoreError) as caught, transaction(connection, path):
            connection.execute("INSERT INTO notes VALUES ('lost')")
    assert caught.value.code == "STORE_READ_ONLY"
    absent = tmp_path / "absent.db"
    with closing(open_database(absent, [first], OURS)) as connection:
        assert connection.execute("SELECT * FROM notes").fetchall() == []
    assert not absent.exists()
