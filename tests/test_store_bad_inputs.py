"""Bad data folders, each built here under its id in the catalogue of bad inputs: mended, or refused by name."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from small_corpora import TERMS, PairEmbedder, answers, article, content, page, sentence, write

from qa.errors import StoreError
from qa.generations import open_indexes
from qa.indexing import check, index
from qa.migrations import MIGRATIONS
from qa.store import Store

CATALOGUE = Path(__file__).parents[1].parent / "shared" / "bad_inputs.jsonl"
ENVIRON = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
QUESTIONS = [sentence(number) for number in range(3)]

Case = Callable[[Path], None]
CASES: dict[str, Case] = {}


def case(*ids: str) -> Callable[[Case], Case]:
    def keep(function: Case) -> Case:
        CASES.update(dict.fromkeys(ids, function))
        return function

    return keep


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with three articles in one generation, at rest."""
    folder = tmp_path_factory.mktemp("made")
    articles = write(folder / "articles", {f"{number}.md": article(number) for number in range(3)})
    with Store(folder / "data") as store:
        index(store, [articles], PairEmbedder(), TERMS)
    return folder / "data"


def answer(folder: Path, *, read_only: bool = False) -> list[object]:
    """What a fresh start on the folder answers."""
    with Store(folder, read_only=read_only) as store:
        return answers(store, open_indexes(store, PairEmbedder(), TERMS), QUESTIONS)


def generations(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "indexes").iterdir())


def largest(folder: Path, number: str = "000001") -> Path:
    """The file of the generation that FAISS's kind of damage would be done to: the vectors."""
    return max((folder / "indexes" / number / "vectors").iterdir(), key=lambda path: path.stat().st_size)


@case("STOR-001")
def no_index(data: Path) -> None:
    before = answer(data)
    shutil.rmtree(data / "indexes")
    stages: list[tuple[str, int, int]] = []
    with Store(data) as store:
        indexes = open_indexes(store, PairEmbedder(), TERMS, lambda *stage: stages.append(stage))
        assert answers(store, indexes, QUESTIONS) == before
    assert stages


@case("STOR-003")
def truncated_index(data: Path) -> None:
    before = answer(data)
    for percent in range(0, 100, 10):
        path = largest(data, generations(data)[-1])
        path.write_bytes(path.read_bytes()[: path.stat().st_size * percent // 100])
        assert answer(data) == before
    assert generations(data) == ["000010", "000011"], "each of the ten was seen and built again"


@case("STOR-004")
def flipped_or_zeroed_index(data: Path) -> None:
    before = answer(data)
    chance = random.Random(4)
    for turn in range(12):
        path = largest(data, generations(data)[-1])
        damaged = bytearray(path.read_bytes())
        place = chance.randrange(256, len(damaged) - 1024)
        if turn % 4 == 0:
            damaged[place : place + 1024] = bytes(1024)
        else:
            damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        assert answer(data) == before
    assert generations(data)[-1] == "000013"


@case("STOR-005")
def flipped_row(data: Path) -> None:
    with Store(data) as store:
        texts = {passage.id: passage.text for passage in store.iter_passages()}
    original = (data / "wenbao.db").read_bytes()
    wanted = "志愿者".encode()
    places = [place for place in range(len(original)) if original.startswith(wanted, place)]
    assert len(places) > 10
    for place in places:
        (data / "wenbao.db").write_bytes(original[:place] + b"\xe6" + original[place + 1 :])
        with Store(data) as store:
            shown = {passage.id: passage.text for passage in store.iter_passages()}
            assert shown.items() <= texts.items()
            findings = check(store, PairEmbedder(), TERMS)
            assert any(finding.code == "ROW_CORRUPT" and ".md" in finding.message for finding in findings)
            assert len(shown) >= len(texts) - 1, "the others are served"


@case("STOR-006")
def half_written_index(data: Path) -> None:
    before = answer(data)
    shutil.copytree(data / "indexes" / "000001" / "vectors", data / "indexes" / "000002.tmp" / "vectors")
    assert answer(data) == before
    assert generations(data) == ["000001"]


@case("STOR-007")
def gap_in_the_generations(data: Path) -> None:
    before = answer(data)
    (data / "indexes" / "000005").mkdir()
    shutil.rmtree(data / "indexes" / "000001")
    answer(data)
    (data / "indexes" / "000008").mkdir()
    (data / "indexes" / "000008" / "manifest.json").write_text('{"generation": 7}')
    with Store(data) as store:
        indexes = open_indexes(store, PairEmbedder(), TERMS)
        assert indexes.generation == 6
        assert answers(store, indexes, QUESTIONS) == before


@case("STOR-010")
def future_schema(data: Path) -> None:
    with closing(sqlite3.connect(data / "wenbao.db")) as raw:
        raw.execute("PRAGMA user_version = 999")
    before = (data / "wenbao.db").read_bytes()
    with pytest.raises(StoreError, match=f"999.*knows up to {len(MIGRATIONS)}") as caught:
        Store(data)
    assert caught.value.code == "STORE_TOO_NEW"
    assert (data / "wenbao.db").read_bytes() == before


@case("STOR-011")
def old_schema(data: Path) -> None:
    with Store(data) as store:
        before = content(store)
    upgrade = """
import os, signal, sys
from pathlib import Path
import qa.migrations, qa.store.database
from qa.store import Store
def step(connection):
    connection.execute("CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT")
    if sys.argv[2] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
for module in (qa.migrations, qa.store.database):
    module.MIGRATIONS = (*module.MIGRATIONS, step)
with Store(Path(sys.argv[1])) as store:
    print(len(store.files()))
"""
    for end, schema in (("kill", len(MIGRATIONS)), ("run", len(MIGRATIONS) + 1)):
        run = subprocess.run(
            [sys.executable, "-c", upgrade, str(data), end], check=False, env=ENVIRON, capture_output=True
        )
        assert run.returncode == (-signal.SIGKILL if end == "kill" else 0), run.stderr
        with closing(sqlite3.connect(data / "wenbao.db")) as raw:
            assert raw.execute("PRAGMA user_version").fetchone() == (schema,)
    (data / f"wenbao.db.schema-{len(MIGRATIONS)}.bak").replace(data / "wenbao.db")
    with Store(data) as store:
        assert content(store) == before


def crashed(data: Path, number: int) -> Path:
    """A copy of the folder as a kill leaves it, with one more article in the journal only."""
    copy = data.with_name(f"crashed-{number}")
    with Store(data) as store, store.writer() as writer:
        writer.put(page(f"new{number}", article(number)), "root")
        shutil.copytree(data, copy)
        writer.remove(f"new{number}.md")
    assert (copy / "wenbao.db-wal").stat().st_size > 0
    return copy


@case("STOR-012")
def lost_or_foreign_journal(data: Path) -> None:
    with Store(data) as store:
        before = content(store)
    lost = crashed(data, 7)
    (lost / "wenbao.db-wal").unlink()
    with Store(lost) as store:
        assert content(store) == before, "the state of the last checkpoint"
    other = data.with_name("other")
    with Store(other) as store, store.writer() as writer:
        for number in range(20, 30):
            writer.put(page(str(number), article(number)), "root")
        foreign = shutil.copytree(data, data.with_name("foreign"))
        shutil.copy(other / "wenbao.db-wal", foreign / "wenbao.db-wal")
    mine, theirs = set(before["texts"]), {f"{number}.md" for number in range(20, 30)}  # type: ignore[call-overload]
    told = True
    with contextlib.suppress(StoreError), Store(foreign) as store:
        files = set(store.files())
        # SQLite replays whatever journal lies there: it may give either store whole, but no mixture unnoticed.
        told = files in (mine, theirs) or bool(store.findings() or store.faults)
        assert {passage.file for passage in store.iter_passages()} <= files
    assert told


@case("STOR-013")
def stale_lock(data: Path) -> None:
    for owner in ("999999", str(os.getpid()), "", "not a number"):
        (data / "write.lock").write_text(owner)
        with Store(data) as store, store.writer() as writer:
            writer.put(page("later", article(8)), "root")


@case("STOR-016")
def copied_while_written(data: Path) -> None:
    with Store(data) as store:
        before = content(store)
    copy = crashed(data, 9)
    with Store(copy) as store:
        after = content(store)
        assert store.findings() == []
        assert [name for name in store.files() if name.startswith("new")] == ["new9.md"]
        store.backup(data.with_name("backup.db"))
    assert after != before
    answer(copy)


@case("STOR-017")
def moved(data: Path) -> None:
    before = answer(data)
    parent = str(data.parent).encode()
    elsewhere = data.rename(data.with_name("别的 机器 – data"))
    assert answer(elsewhere) == before
    assert generations(elsewhere) == ["000001"], "still valid there"
    assert not [path for path in elsewhere.rglob("*") if path.is_file() and parent in path.read_bytes()]


@case("STOR-018")
def read_only_folder(data: Path) -> None:
    before = answer(data)
    files = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert answer(data, read_only=True) == before
    with Store(data, read_only=True) as store:
        with pytest.raises(StoreError) as caught:
            index(store, [], PairEmbedder(), TERMS)
        assert caught.value.code == "STORE_READ_ONLY"
    assert {path: path.read_bytes() for path in files} == files


@case("STOR-021")
def hostile_index(data: Path) -> None:
    """A file that asks for 2⁵² vectors: its checksum is wrong, so it is never parsed."""
    before = answer(data)
    path = largest(data)
    head, rest = path.read_bytes()[:128], path.read_bytes()[128:]
    shape = head[head.index(b"(") : head.index(b")") + 1]
    huge = head.replace(shape + b", }" + b" " * 13, b"(4503599627370496, 64), }")[:128].ljust(128)
    path.write_bytes(huge + rest)
    assert path.read_bytes() != head + rest
    assert answer(data) == before
    assert generations(data) == ["000001", "000002"]


@pytest.mark.parametrize("name", sorted(CASES))
def test_bad_data_folder(name: str, made: Path, tmp_path: Path) -> None:
    CASES[name](Path(shutil.copytree(made, tmp_path / "data")))


def test_every_store_case_of_the_catalogue_is_tried() -> None:
    if not CATALOGUE.exists():
        pytest.skip("the catalogue of bad inputs isn't beside the repository")
    rows = [json.loads(line) for line in CATALOGUE.read_text(encoding="utf-8").splitlines()]
    ids = {row["id"] for row in rows if row["surface"] == "store"}
    assert len(ids) >= 14
    assert ids <= CASES.keys()
