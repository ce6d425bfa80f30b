"""Disks of every size, from too small for anything to large enough: a clean code, answers all the while, and resuming.

Twice: by the system's limit on a file's size (RLIMIT_FSIZE), and on a small disk in memory (tmpfs, where the tests run
as root). Afterwards there is room again, and the operation is done once more.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from torture.breaking import CODES, Breaker, Ending, breaker, fresh
from torture.operations import BATCH, MIGRATE, OPERATIONS, Operation, answers_truly, expected, state
from torture.scale import LONG

SIZES = 200 if LONG else 5
PAGE = 4096


@pytest.fixture(scope="module")
def children() -> Iterator[Breaker]:
    with breaker() as found:
        yield found


@contextmanager
def disk(place: Path, size: int) -> Iterator[None]:
    """A disk in memory of that many bytes at ``place``."""
    place.mkdir(exist_ok=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "wenbao-test", str(place)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("needs the right to mount a disk in memory")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def resize(place: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(place)], check=True)


def largest(folder: Path) -> int:
    return max(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def taken(folder: Path) -> int:
    return sum(-(-path.stat().st_size // PAGE) * PAGE + PAGE for path in folder.rglob("*"))


def judge(ending: Ending, where: str) -> None:
    assert ending.traceback is None, where
    assert ending.signal == 0, where
    assert ending.code is None or ending.code in CODES, where
    assert ending.acknowledged or ending.code is not None, where


def still_answers(operation: Operation, folder: Path) -> None:
    """What was there before, or after, and nothing between; without room, as long as a store is there to be opened."""
    if operation not in {BATCH, MIGRATE}:
        assert state(folder) in expected(operation, folder.parent.parent / "expected")
        answers_truly(folder)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_limit_on_the_size_of_files(
    children: Breaker, tmp_path: Path, name: str, record_property: Callable[[str, object], None]
) -> None:
    operation = OPERATIONS[name]
    template, folder = tmp_path / "template", tmp_path / "folder"
    operation.make(template)
    assert children.run(operation, fresh(template, folder)).acknowledged
    most = 4 * largest(folder)  # journals grow beyond what is left in the end
    refused = 0
    for number in range(SIZES):
        size = most * number // (SIZES - 1)
        ending = children.run(operation, fresh(template, folder), fsize=size)
        where = f"at most {size} bytes a file: {ending}"
        judge(ending, where)
        refused += ending.code is not None
        try:
            operation.prove(folder, ending.acknowledged)
        except Exception as error:
            raise AssertionError(where) from error
    assert 0 < refused < SIZES
    record_property("limits", SIZES)
    record_property("refused by a limit", refused)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mount a disk in memory")
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_small_disk(
    children: Breaker, tmp_path: Path, name: str, record_property: Callable[[str, object], None]
) -> None:
    operation = OPERATIONS[name]
    template, place = tmp_path / "template", tmp_path / "disk"
    operation.make(template)
    room = 64 << 20
    with disk(place, room):
        assert children.run(operation, fresh(template, place / "folder")).acknowledged
        # A journal and an unfinished generation lie beside what is left in the end.
        most = 3 * taken(place / "folder")
    refused = 0
    least = taken(template) + PAGE
    for number in range(SIZES):
        size = least + (most - least) * number // (SIZES - 1)
        with disk(place, room):
            folder = fresh(template, place / "folder")
            resize(place, size)
            ending = children.run(operation, folder)
            where = f"a disk of {size} bytes: {ending}"
            judge(ending, where)
            refused += ending.code is not None
            try:
                still_answers(operation, folder)
                resize(place, room)
                operation.prove(folder, ending.acknowledged)
            except Exception as error:
                raise AssertionError(where) from error
    assert 0 < refused < SIZES
    shutil.rmtree(place)
    record_property("disks", SIZES)
    record_property("refused by a disk", refused)
