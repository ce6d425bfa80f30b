"""A copy of the data folder as it is at one moment, while others go on reading and writing.

Every database is copied by SQLite's own backup, which sees one state of it; a plain copy of the files may be torn. What
is only a cache (``indexes/``) is left out and built again where the copy is used. The copy is a data folder itself, so
that restoring needs no tool: stop the server, and put it in the place of the old one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qa import sqlite
from qa.errors import StoreError, UsageError
from qa.generations import Progress
from qa.store import Finding, Store, write_lock
from qa.store.database import LOCK_NAME

STORE = "wenbao.db"
_LEFT_OUT = ("indexes", LOCK_NAME)
_SIDE_FILES = ("-wal", "-shm", "-journal", ".lock", ".tmp", ".part", ".bak")


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What was copied. ``findings`` is what was found damaged in the store, which is copied all the same."""

    databases: tuple[str, ...]
    others: int
    findings: tuple[Finding, ...]


def back_up(data: Path, target: Path, progress: Progress | None = None) -> BackupReport:
    """The data folder is copied to ``target``, whole or not at all, and the store's copy read through.

    It grows in ``.TARGET.part`` beside it, which the next backup of that name clears when this one was killed.

    Raises:
        UsageError: OUTPUT_EXISTS, OUTPUT_FOLDER.
        StoreError: STORE_MISSING, STORE_CORRUPT, DISK_FULL and their kin; WRITER_LOCKED, when another backup of that
            name is being made.
    """
    data, target = data.resolve(), target.resolve()
    if not (data / STORE).exists():
        raise StoreError("STORE_MISSING", f"{data} holds no store; there is nothing to back up.")
    if target.exists():
        raise UsageError("OUTPUT_EXISTS", f"{target} is there already; name a folder that is not there yet.")
    if not target.parent.is_dir() or target.is_relative_to(data):
        reason = f"{target.parent} is no folder for a backup; name one outside the data folder."
        raise UsageError("OUTPUT_FOLDER", reason)
    part = target.with_name(f".{target.name}.part")
    with sqlite.store_errors(target):
        part.mkdir(mode=0o700, exist_ok=True)
    with contextlib.ExitStack() as held:
        held.enter_context(write_lock(part))
        try:
            with sqlite.store_errors(target):
                _clear(part)
                files = list(_files(data))
                databases = [path for path in files if path.parent == data and path.suffix == ".db"]
                for number, path in enumerate(files, 1):
                    copy = part / path.relative_to(data)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    if path in databases:
                        _copy_database(path, copy)
                    else:
                        with contextlib.suppress(FileNotFoundError):  # gone meanwhile, as finished jobs go
                            shutil.copyfile(path, copy)
                            sqlite.sync(copy)
                    with contextlib.suppress(FileNotFoundError):
                        shutil.copymode(path, copy)
                    if progress is not None:
                        progress("backup", number, len(files))
                part.chmod(data.stat().st_mode & 0o777)
            with Store(part, read_only=True) as store:
                findings = tuple(store.findings())
            with sqlite.store_errors(target):
                for folder in (part, *(path for path in part.rglob("*") if path.is_dir())):
                    sqlite.sync(folder)
                if os.name == "nt":  # where no folder with an open file can be renamed
                    held.close()
                part.rename(target)
                (target / LOCK_NAME).unlink()
                sqlite.sync(target.parent)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    return BackupReport(tuple(path.name for path in databases), len(files) - len(databases), findings)


def _clear(part: Path) -> None:
    """What a killed backup of that name left is gone."""
    for path in part.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK_NAME:
            path.unlink()


def _files(data: Path) -> Iterator[Path]:
    """Every plain file but caches, locks and what is unfinished. Links are not followed."""
    for folder, folders, names in os.walk(data):
        here = Path(folder)
        if here == data:
            folders[:] = [name for name in folders if name not in _LEFT_OUT]
        folders.sort()
        for name in sorted(names):
            path = here / name
            if name not in _LEFT_OUT and not name.endswith(_SIDE_FILES) and path.is_file() and not path.is_symlink():
                yield path


def _copy_database(path: Path, copy: Path) -> None:
    try:
        with contextlib.closing(sqlite.connect(path, "mode=ro")) as connection:
            connection.execute("BEGIN")
            sqlite.backup(connection, copy)
    except sqlite3.Error as error:
        raise sqlite.from_sqlite(error, path) from error
