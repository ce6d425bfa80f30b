"""SQLite's rules, to the last word: what each refusal says, and what each opening leaves behind."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from qa import sqlite
from qa.errors import StoreError
from qa.sqlite import (
    backup,
    check_header,
    connect,
    from_sqlite,
    migrate,
    open_database,
    prepare,
    readable_query,
    store_errors,
    transaction,
    version,
)

OURS = 0x74657374
PATH = Path("folder/notes.db")
FULL = (
    "folder/notes.db can't be written (the reason): the disk is full or failing; what was acknowledged is kept, make "
    "room and run the command again."
)
READ_ONLY = "folder/notes.db can't be written (the reason); use a data folder that may be written (--data)."
CORRUPT = (
    "folder/notes.db is no sound database of wenbao (the reason); put a backup in its place, or move it away and make "
    "anew what it held (articles: `wenbao index`, keys: `wenbao keys`)."
)


def first(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE notes (text TEXT NOT NULL) STRICT")


def second(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE colours (name TEXT NOT NULL) STRICT")


def made(path: Path, *steps: sqlite.Migration, application_id: int = OURS) -> Path:
    open_database(path, steps or (first,), application_id).close()
    return path


def in_rollback_mode(path: Path) -> Path:
    """As a backup is: without the side files of a journal."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode = DELETE")
    return path


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(StoreError) as caught:
        call()
    assert caught.value.field is None
    return caught.value.code, caught.value.message


# --- errors ---


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        (sqlite3.SQLITE_FULL, "DISK_FULL", FULL),
        (sqlite3.SQLITE_IOERR_WRITE, "DISK_FULL", FULL),
        (sqlite3.SQLITE_READONLY_DBMOVED, "STORE_READ_ONLY", READ_ONLY),
        (sqlite3.SQLITE_PERM, "STORE_READ_ONLY", READ_ONLY),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "WRITER_LOCKED", None),
        (sqlite3.SQLITE_LOCKED, "WRITER_LOCKED", None),
        (
            sqlite3.SQLITE_CANTOPEN,
            "STORE_UNAVAILABLE",
            "folder/notes.db can't be opened (the reason); check the data folder and its rights.",
        ),
        (sqlite3.SQLITE_CORRUPT, "STORE_CORRUPT", CORRUPT),
        (sqlite3.SQLITE_NOTADB, "STORE_CORRUPT", CORRUPT),
        (None, "STORE_CORRUPT", CORRUPT),
    ],
)
def test_each_error_of_sqlite_is_told_in_our_words(number: int | None, code: str, message: str | None) -> None:
    error = sqlite3.OperationalError("the reason")
    if number is not None:
        error.sqlite_errorcode = number
    told = from_sqlite(error, PATH)
    locked = "folder/notes.db is held by another program (the reason); try again in a moment."
    assert (told.code, told.message) == (code, message or locked)

    def block() -> None:
        with store_errors(PATH):
            raise error

    assert refused(block) == (code, message or locked)


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        *((number, "DISK_FULL", FULL) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)),
        *((number, "STORE_READ_ONLY", READ_ONLY) for number in (errno.EROFS, errno.EACCES, errno.EPERM)),
        (
            errno.ENOTDIR,
            "STORE_UNAVAILABLE",
            "folder/notes.db can't be used (the reason); check that the data folder is reachable.",
        ),
    ],
)
def test_each_error_of_the_system_is_told_in_our_words(number: int, code: str, message: str) -> None:
    for error in (OSError(number, "the reason"), OSError(number, "the reason", "some file")):

        def block(error: OSError = error) -> None:
            with store_errors(PATH):
                raise error

        assert refused(block) == (code, message)


def test_an_error_without_a_number_is_told_by_what_it_says() -> None:
    def block() -> None:
        with store_errors(PATH):
            raise OSError("the reason")

    message = "folder/notes.db can't be used (the reason); check that the data folder is reachable."
    assert refused(block) == ("STORE_UNAVAILABLE", message)


def test_what_is_no_error_of_a_disk_passes_through() -> None:
    with pytest.raises(KeyError), store_errors(PATH):
        raise KeyError("a defect")


# --- connections ---


def test_a_connection_checks_what_it_reads_and_syncs_what_it_writes(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "a b?#.db", "mode=rwc")) as connection:
        found = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("foreign_keys", "synchronous", "trusted_schema", "cell_size_check", "busy_timeout")
        }
        assert found == {
            "foreign_keys": 1,
            "synchronous": 2,
            "trusted_schema": 0,
            "cell_size_check": 1,
            "busy_timeout": 30_000,
        }
        assert connection.isolation_level is None
        (text,) = connection.execute("SELECT CAST(x'61ff' AS TEXT)").fetchone()
        assert text == "a\udcff"  # damage reaches the row's hash
    assert (tmp_path / "a b?#.db").exists()


def test_a_file_is_opened_past_sqlite_only_while_no_connection_is(tmp_path: Path) -> None:
    path = made(tmp_path / "notes.db")
    (tmp_path / "link").symlink_to(tmp_path)
    other = tmp_path / "link" / "notes.db"
    for count in (1, 2):
        opened = [connect(path, "mode=rw") for _ in range(count)]
        for connection in opened:
            with sqlite._past_sqlite(other) as alone:
                assert not alone
            connection.close()
            connection.close()  # counted once
        with sqlite._past_sqlite(other) as alone:
            assert alone
    assert os.path.realpath(path) not in sqlite._OPEN
    with pytest.raises(sqlite3.OperationalError):
        connect(tmp_path / "none.db", "mode=rw")
    with sqlite._past_sqlite(tmp_path / "none.db") as alone:
        assert alone
    connection = connect(path, "mode=rw")
    del connection  # one that is forgotten is counted out as well
    gc.collect()
    with sqlite._past_sqlite(path) as alone:
        assert alone


def test_a_transaction_is_seen_by_others_when_the_outermost_ends(tmp_path: Path) -> None:
    path = made(tmp_path / "notes.db")
    with closing(connect(path, "mode=rw")) as one, closing(connect(path, "mode=ro")) as other:
        with transaction(one, path):
            assert one.in_transaction
            with transaction(one, path):
                one.execute("INSERT INTO notes VALUES ('a')")
            assert one.in_transaction
            assert other.execute("SELECT count(*) FROM notes").fetchone() == (0,)
        assert other.execute("SELECT count(*) FROM notes").fetchone() == (1,)
        assert not one.in_transaction


def test_a_database_held_by_another_is_told_and_nothing_happens(tmp_path: Path) -> None:
    path = made(tmp_path / "notes.db")
    with closing(connect(path, "mode=rw")) as one, closing(connect(path, "mode=rw")) as other:
        other.execute("PRAGMA busy_timeout = 0")

        def write() -> None:
            with transaction(other, path):
                pytest.fail("entered")

        with transaction(one, path):
            message = f"{path} is held by another program (database is locked); try again in a moment."
            assert refused(write) == ("WRITER_LOCKED", message)
        assert not other.in_transaction


def test_an_operational_error_within_a_transaction_is_told_and_taken_back(tmp_path: Path) -> None:
    path = made(tmp_path / "notes.db")
    with closing(connect(path, "mode=rw")) as connection:

        def write() -> None:
            with transaction(connection, path):
                connection.execute("INSERT INTO notes VALUES ('a')")
                connection.execute("SELECT * FROM none")

        code, message = refused(write)
        assert (code, "(no such table: none)" in message) == ("STORE_CORRUPT", True)
        assert not connection.in_transaction
        assert connection.execute("SELECT count(*) FROM notes").fetchone() == (0,)


# --- schemas ---


def test_a_database_is_stamped_and_steps_run_from_where_it_is() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, [first], OURS)
        assert version(connection) == 1
        migrate(connection, [first, second], OURS + 1)
        migrate(connection, [first, second], OURS + 1)
        assert connection.execute("PRAGMA application_id").fetchone() == (OURS + 1,)
        assert version(connection) == 2
        assert not connection.in_transaction
        names = connection.execute("SELECT name FROM sqlite_schema ORDER BY name").fetchall()
        assert names == [("colours",), ("notes",)]


def too_new(path: Path, found: int, newest: int) -> tuple[str, str]:
    known = f"this wenbao knows up to {newest}; update wenbao, nothing was changed."
    return "STORE_TOO_NEW", f"{path} has schema {found}, {known}"


def corrupt(path: Path, reason: str) -> tuple[str, str]:
    return "STORE_CORRUPT", CORRUPT.replace("folder/notes.db", str(path)).replace("the reason", reason)


def set_version(path: Path, number: int) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(f"PRAGMA user_version = {number}")


@pytest.mark.parametrize("opened", [False, True])
def test_the_header_tells_what_is_no_database_of_this_program(tmp_path: Path, opened: bool) -> None:
    check_header(tmp_path / "none.db", 0)
    (tmp_path / "empty.db").write_bytes(b"")
    check_header(tmp_path / "empty.db", 0)
    path = made(tmp_path / "notes.db", first, second)
    with closing(connect(path, "mode=rw")) if opened else contextlib.nullcontext():
        check_header(path, 3)
        check_header(path, 2)
        assert refused(lambda: check_header(path, 1)) == too_new(path, 2, 1)
    (tmp_path / "text.db").write_bytes(b"SQLite format 4\0" + bytes(100))
    text = tmp_path / "text.db"
    assert refused(lambda: check_header(text, 9)) == corrupt(text, "not an SQLite file")
    assert not (tmp_path / "none.db").exists()


def test_a_version_of_four_bytes_is_read_whole(tmp_path: Path) -> None:
    path = in_rollback_mode(made(tmp_path / "notes.db"))
    set_version(path, 0x01020304)
    assert refused(lambda: check_header(path, 0x01020303)) == too_new(path, 0x01020304, 0x01020303)
    check_header(path, 0x01020304)


def test_databases_that_are_not_what_they_say_are_refused(tmp_path: Path) -> None:
    foreign = made(tmp_path / "foreign.db", application_id=OURS + 1)
    assert refused(lambda: prepare(foreign, [first], OURS)) == corrupt(foreign, "the database of another program")
    unversioned = made(tmp_path / "unversioned.db", first, second)
    set_version(unversioned, 0)
    assert refused(lambda: prepare(unversioned, [first], OURS)) == corrupt(unversioned, "2 tables at schema 0")
    hollow = tmp_path / "hollow.db"
    with closing(sqlite3.connect(hollow)) as raw:
        raw.execute(f"PRAGMA application_id = {OURS}")
        raw.execute("PRAGMA user_version = 1")
    assert refused(lambda: prepare(hollow, [first], OURS)) == corrupt(hollow, "0 tables at schema 1")


def test_an_older_database_is_copied_and_brought_up_to_date_while_nobody_else_does(tmp_path: Path) -> None:
    path = made(tmp_path / "notes.db", first)
    held: list[str] = []

    @contextlib.contextmanager
    def alone() -> Iterator[None]:
        held.append("taken")
        yield
        held.append("let go")

    prepare(path, [first], OURS, alone)
    assert held == []
    prepare(path, [first, second], OURS, alone)
    assert held == ["taken", "let go"]
    assert {file.name for file in tmp_path.iterdir()} == {"notes.db", "notes.db.schema-1.bak"}
    with closing(sqlite3.connect(tmp_path / "notes.db.schema-1.bak")) as copy:
        assert version(copy) == 1
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    with closing(sqlite3.connect(path)) as raw:
        assert (version(raw), raw.execute("PRAGMA journal_mode").fetchone()) == (2, ("wal",))
    prepare(tmp_path / "new.db", [first], OURS, alone)
    assert not list(tmp_path.glob("new.db.schema*"))


def crashed(folder: Path) -> Path:
    """A database as a killed process leaves it: the last change is in the journal."""
    (folder / "alive").mkdir()
    path = made(folder / "alive" / "notes.db")
    with closing(connect(path, "mode=rw")) as connection, transaction(connection, path):
        connection.execute("INSERT INTO notes VALUES ('kept')")
    with closing(connect(path, "mode=rw")) as connection:
        with transaction(connection, path):
            connection.execute("INSERT INTO notes VALUES ('late')")
        for side in ("", "-wal"):
            shutil.copy(f"{path}{side}", folder / f"notes.db{side}")
    return folder / "notes.db"


def test_a_journal_is_replayed_and_its_database_checked(tmp_path: Path) -> None:
    path = crashed(tmp_path)
    assert sqlite._journal(path)
    prepare(path, [first], OURS)
    with closing(connect(path, "mode=ro")) as connection:
        assert connection.execute("SELECT text FROM notes").fetchall() == [("kept",), ("late",)]
    assert not sqlite._journal(path)
    (tmp_path / "notes.db-wal").write_bytes(b"")
    assert not sqlite._journal(path)


def test_a_database_that_its_journal_damages_is_refused(tmp_path: Path) -> None:
    path = crashed(tmp_path)
    data = bytearray((tmp_path / "notes.db-wal").read_bytes())
    assert len(data) > 4096
    with closing(sqlite3.connect(path)) as raw:  # replays it
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (tmp_path / "notes.db-wal").unlink(missing_ok=True)
    whole = bytearray(path.read_bytes())
    whole[2 * 4096 - 40 : 2 * 4096] = b"\xff" * 40  # the cells of the second page, where the notes are
    path.write_bytes(whole)
    prepare(path, [first], OURS)  # not looked at: no journal
    (tmp_path / "notes.db-wal").write_bytes(b"left")
    code, message = refused(lambda: prepare(path, [first], OURS))
    assert code == "STORE_CORRUPT"
    assert message.startswith(f"{path} is no sound database of wenbao (")
    assert "(ok)" not in message


# --- reading only ---


def test_a_sound_database_is_read_without_a_file_made(tmp_path: Path) -> None:
    path = in_rollback_mode(made(tmp_path / "notes.db"))
    before = path.read_bytes()
    assert readable_query(path, [first], OURS) == "mode=ro"
    assert [file.name for file in tmp_path.iterdir()] == ["notes.db"]
    assert path.read_bytes() == before


def test_an_older_a_newer_and_a_foreign_database_are_refused_for_reading_too(tmp_path: Path) -> None:
    path = made(tmp_path / "notes.db")
    reason = "it has schema 1 and must be brought to 2 first"
    message = READ_ONLY.replace("folder/notes.db", str(path)).replace("the reason", reason)
    assert refused(lambda: readable_query(path, [first, second], OURS)) == ("STORE_READ_ONLY", message)
    assert refused(lambda: readable_query(path, [], OURS)) == too_new(path, 1, 0)
    found = refused(lambda: readable_query(path, [first], OURS + 1))
    assert found == corrupt(path, "the database of another program")


@pytest.mark.parametrize(
    ("number", "journal", "expected"),
    [
        (sqlite3.SQLITE_CANTOPEN, False, sqlite.IMMUTABLE),
        (sqlite3.SQLITE_READONLY_CANTINIT, False, sqlite.IMMUTABLE),
        (sqlite3.SQLITE_PERM, False, sqlite.IMMUTABLE),
        (sqlite3.SQLITE_READONLY, True, "a journal lies beside it; open it once where it can be written"),
        (sqlite3.SQLITE_CORRUPT, False, None),
    ],
)
def test_where_sqlite_cant_keep_its_side_files_the_database_is_taken_for_unchanging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, journal: bool, expected: str | None
) -> None:
    path = made(tmp_path / "notes.db")
    asked: list[str] = []

    def medium(file: Path, query: str) -> sqlite3.Connection:
        asked.append(query)
        if query != sqlite.IMMUTABLE:
            error = sqlite3.OperationalError("as SQLite says")
            error.sqlite_errorcode = number
            raise error
        return connect(file, query)

    monkeypatch.setattr(sqlite, "connect", medium)
    if journal:
        (tmp_path / "notes.db-wal").write_bytes(b"left")
    if expected == sqlite.IMMUTABLE:
        assert readable_query(path, [first], OURS) == expected
        assert asked == ["mode=ro", sqlite.IMMUTABLE]
        return
    found = refused(lambda: readable_query(path, [first], OURS))
    if expected is None:
        assert found == corrupt(path, "as SQLite says")
    else:
        message = READ_ONLY.replace("folder/notes.db", str(path)).replace("the reason", expected)
        assert found == ("STORE_READ_ONLY", message)
    assert asked == ["mode=ro"]


def test_on_a_read_only_medium_nothing_is_opened_for_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = in_rollback_mode(made(tmp_path / "notes.db"))
    asked: list[str] = []

    def medium(file: Path, query: str) -> sqlite3.Connection:
        asked.append(query)
        return connect(file, query)

    monkeypatch.setattr(sqlite, "connect", medium)
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)
    open_database(path, [first], OURS).close()
    assert asked == ["mode=ro", "mode=ro"]
    with closing(open_database(tmp_path / "none.db", [first, second], OURS)) as connection:
        assert (version(connection), connection.execute("PRAGMA application_id").fetchone()) == (2, (OURS,))
        assert connection.execute("PRAGMA database_list").fetchall() == [(0, "main", "")]  # in memory
        assert connection.isolation_level is None
        connection.execute("INSERT INTO notes VALUES ('a')")
        assert not connection.in_transaction
    assert [file.name for file in tmp_path.iterdir()] == ["notes.db"]


def test_a_database_is_made_with_its_folders_and_one_below_a_file_is_told(tmp_path: Path) -> None:
    made(tmp_path / "a" / "b" / "c" / "notes.db")
    path = tmp_path / "a" / "b" / "c" / "notes.db" / "d" / "more.db"
    message = f"{path} can't be used (Not a directory); check that the data folder is reachable."
    assert refused(lambda: open_database(path, [first], OURS)) == ("STORE_UNAVAILABLE", message)


# --- copies ---


def test_a_backup_is_one_file_of_the_moment_in_place_of_the_one_before(tmp_path: Path) -> None:
    path = made(tmp_path / "notes.db")
    target = tmp_path / "copies" / "a.bak"
    target.parent.mkdir()
    (target.parent / "a.bak.tmp").write_text("left by one that was killed")
    with closing(connect(path, "mode=rw")) as connection:
        for text in ("a", "b"):
            with transaction(connection, path):
                connection.execute("INSERT INTO notes VALUES (?)", (text,))
            backup(connection, target)
    assert [file.name for file in target.parent.iterdir()] == ["a.bak"]
    with closing(sqlite3.connect(target)) as copy:
        assert copy.execute("SELECT text FROM notes").fetchall() == [("a",), ("b",)]
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert copy.execute("PRAGMA application_id").fetchone() == (OURS,)


def test_a_backup_to_nowhere_names_its_target(tmp_path: Path) -> None:
    path = made(tmp_path / "notes.db")
    target = tmp_path / "none" / "a.bak"
    with closing(connect(path, "mode=rw")) as connection:
        code, message = refused(lambda: backup(connection, target))
    assert (code, message.startswith(f"{target} can't be opened (")) == ("STORE_UNAVAILABLE", True)


def test_a_file_that_is_not_there_is_not_made_by_looking_for_it(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    with pytest.raises(StoreError) as caught:
        readable_query(path, [lambda _: None], 1)
    assert (caught.value.code, path.exists()) == ("STORE_UNAVAILABLE", False)
