"""A store with damaged pages: what can be proven is kept, nothing false comes along, and everything is told."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from small_corpora import TERMS, PairEmbedder, article, write

from qa.cli import run
from qa.errors import StoreError
from qa.indexing import check, index, repair
from qa.store import Store
from qa.store.salvage import is_malformed, salvage

COUNT = 40


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    write(folder / "corpus", {f"{number}.md": article(number) for number in range(COUNT)})
    with Store(folder / "data") as store:
        index(store, [folder / "corpus"], PairEmbedder(dim=8), TERMS)
    return folder / "data"


def texts(folder: Path) -> dict[str, str]:
    """Sound texts by file."""
    found = {}
    with Store(folder) as store:
        for name in store.files():
            with contextlib.suppress(StoreError):
                found[name] = store.file_text(name)
    return found


def zero_pages(path: Path, pages: list[int]) -> None:
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[16:18], "big")
    for number in pages:
        data[number * size : (number + 1) * size] = bytes(size)
    path.write_bytes(data)


def mended(folder: Path) -> tuple[tuple[str, ...], set[str], bool]:
    """After salvage and repair: the files named as lost, all that the store then holds, and whether all are named."""
    found = salvage(folder)
    assert (found.kept / "wenbao.db").exists()
    with Store(folder) as store:
        lost = repair(store, PairEmbedder(dim=8), TERMS)
        left = check(store, PairEmbedder(dim=8), TERMS)
        assert all(any(finding.message.startswith(f"{name}: ") for name in lost) for finding in left)
        return (*found.missing, *lost), set(store.files()), found.log_whole


def test_a_sound_store_is_not_malformed(made: Path, tmp_path: Path) -> None:
    assert not is_malformed(made)
    assert not is_malformed(tmp_path)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_pages_cost_no_more_than_the_files_on_them(made: Path, tmp_path: Path, seed: int) -> None:
    folder = tmp_path / "data"
    shutil.copytree(made, folder)
    pages = (folder / "wenbao.db").stat().st_size // 4096
    chance = random.Random(seed)
    # Not the first pages: the table of contents is another test's.
    zero_pages(folder / "wenbao.db", chance.sample(range(4, pages), 3))
    damaged = (folder / "wenbao.db").read_bytes()
    before = texts(made)
    if not is_malformed(folder):
        return
    lost, there, named = mended(folder)
    assert (folder / "damaged-1" / "wenbao.db").read_bytes() == damaged
    assert there | set(lost) <= set(before)
    assert not named or there | set(lost) == set(before)
    with Store(folder) as store:
        for name in there - set(lost):
            assert store.file_text(name) == before[name]
    # Indexing the originals again brings everything back, whatever was lost.
    with Store(folder) as store:
        index(store, [made.parent / "corpus"], PairEmbedder(dim=8), TERMS)
        assert check(store, PairEmbedder(dim=8), TERMS) == []
    assert texts(folder) == before


def test_pages_of_one_table_cost_only_what_stands_on_them(made: Path, tmp_path: Path) -> None:
    """The root page of vectors is gone: all texts stay, everything is embedded again."""
    folder = tmp_path / "data"
    shutil.copytree(made, folder)
    with closing(sqlite3.connect(folder / "wenbao.db")) as raw:
        (root,) = raw.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'vectors'").fetchone()
    zero_pages(folder / "wenbao.db", [root - 1])
    assert is_malformed(folder)
    lost, there, named = mended(folder)
    assert (lost, named) == ((), True)
    assert there == set(texts(made))
    assert texts(folder) == texts(made)


def test_rows_of_another_store_are_not_taken_for_its_own(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(made, folder)
    with closing(sqlite3.connect(folder / "wenbao.db")) as raw:
        raw.execute("UPDATE meta SET value = ? WHERE key = 'store_id'", ("f" * 32,))
        raw.commit()
    found = salvage(folder)
    assert found.rows == 0
    assert set(found.missing) == set(texts(made))


def test_what_cant_be_salvaged_is_left_as_it_is(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(made, folder)
    data = bytearray((folder / "wenbao.db").read_bytes())
    data[100:4096] = bytes(3996)
    (folder / "wenbao.db").write_bytes(data)
    with pytest.raises(StoreError) as caught:
        salvage(folder)
    assert caught.value.code == "STORE_CORRUPT"
    assert (folder / "wenbao.db").read_bytes() == data
    assert not list(folder.glob("damaged-*"))
    assert not list(folder.glob("*.tmp"))


def test_the_doctor_salvages_only_when_asked_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "corpus", {f"{number}.md": article(number) for number in range(20)})
    data = ["--data", str(tmp_path / "data")]
    assert run(["index", str(tmp_path / "corpus"), *data]) == 0
    with closing(sqlite3.connect(tmp_path / "data" / "wenbao.db")) as raw:
        (root,) = raw.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'vectors'").fetchone()
    zero_pages(tmp_path / "data" / "wenbao.db", [root - 1])
    damaged = (tmp_path / "data" / "wenbao.db").read_bytes()
    assert run(["doctor", *data]) == 5
    assert "STORE_CORRUPT" in capsys.readouterr().out
    assert (tmp_path / "data" / "wenbao.db").read_bytes() == damaged
    assert run(["doctor", "--repair", *data]) == 0
    assert "damaged-1" in capsys.readouterr().out
    assert run(["doctor", *data]) == 0
    assert len(texts(tmp_path / "data")) == 20
