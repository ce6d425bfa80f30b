"""What is broken off: indexing, deleting, migrating, a batch, a backup, each over a folder of a few small files.

For each: the folder as it is before (`make`), the operation (`do`), and what its folder must hold afterwards, however
it ended (`prove`). An operation calls ``acknowledged`` at the moment from which its owner may rely on it.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from batch_echo import EchoBot
from small_corpora import TERMS, PairEmbedder, article, content, page, sentence, write

from qa.backup import back_up
from qa.batch import Questions, run
from qa.batch import answering as batch_answering
from qa.generations import open_indexes
from qa.indexing import check, index, withdraw
from qa.store import Store

DIM = 4
"""As in the store of the first schema, tests/store/schema-1.sql."""
ROOT = Path(__file__).parents[2]
SCHEMA_1 = ROOT / "tests" / "store" / "schema-1.sql"
READY_S = 10.0
"""A folder answers within that time of computing when it is opened again, whatever broke its last process off."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to change a folder."""

    name: str
    make: Callable[[Path], None]
    do: Callable[[Path, Callable[[], None]], None]
    """May be called again on what an interrupted one left, and then finishes it."""
    prove: Callable[[Path, bool], None]
    """Raises AssertionError where the folder breaks a promise; told whether the operation was acknowledged."""


def open_store(folder: Path) -> Store:
    return Store(folder / "data")


# The states that a folder may be in


def state(folder: Path) -> dict[str, object]:
    """All that the store says of its corpus; rows prove themselves as they are read."""
    with open_store(folder) as store:
        assert store.findings() == []
        return content(store)


def answers_truly(folder: Path) -> None:
    """Both indexes hold the live passages and nothing else, and each article's own sentence finds it first."""
    began = time.process_time()
    with open_store(folder) as store:
        embedder = PairEmbedder(dim=DIM)
        indexes = open_indexes(store, embedder, TERMS)
        assert time.process_time() - began < READY_S
        ids = store.passage_ids()
        assert len(indexes.lexical) == len(indexes.vectors) == len(ids)
        if len(ids):
            found = indexes.vectors.search(embedder.questions(["?"]), len(ids))[1][0]
            assert np.array_equal(np.sort(found), ids)
        for passage in store.iter_passages():
            # A passage's own sentence names a number that stands nowhere else.
            own = passage.text.partition("。")[0]
            if "登记了" in own and "第" in own:
                [(best, _), *_] = indexes.lexical.search(TERMS.question(own), 1)
                assert own in store.passages([best])[best].text


def leaves_nothing(folder: Path) -> None:
    """No file of an interrupted run is left, and nothing that `wenbao doctor` would find."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    odd = [path for path in files if path.name.endswith((".tmp", ".part", ".new", "-journal"))]
    odd += [path for path in files if path.name.startswith(".") and "indexes" not in path.parts]
    assert odd == [], odd
    with open_store(folder) as store:
        # What an earlier version split is as sound as anything, and is said.
        assert [each for each in check(store, PairEmbedder(dim=DIM), TERMS) if each.code != "SPLIT_OUTDATED"] == []


def undisturbed(operation: Operation, folder: Path) -> dict[str, object]:
    """The state after the operation where nothing breaks it off; ``folder`` goes."""
    operation.make(folder)
    operation.do(folder, lambda: None)
    try:
        return state(folder)
    finally:
        shutil.rmtree(folder)


class Expected:
    """The states before and after an operation, worked out once, in a folder of their own."""

    def __init__(self) -> None:
        self._known: dict[str, list[dict[str, object]]] = {}

    def __call__(self, operation: Operation, beside: Path) -> list[dict[str, object]]:
        if operation.name not in self._known:
            scratch = beside.with_name(f"{beside.name}-undisturbed")
            states = []
            if operation is INDEX:  # new and changed files are committed first, then what is gone from the folder
                make_indexed(scratch)
                index_folder(scratch, prune=False)
                states.append(state(scratch))
                shutil.rmtree(scratch)
            operation.make(scratch)
            if operation is not MIGRATE:
                states.insert(0, state(scratch))
            shutil.rmtree(scratch)
            self._known[operation.name] = [*states, undisturbed(operation, scratch)]
        return self._known[operation.name]


expected = Expected()


def prove_states(operation: Operation, folder: Path, acknowledged: bool) -> None:
    """Before or after, wholly; after, where it was acknowledged; and after in any case once it is done again."""
    states = expected(operation, folder)
    assert state(folder) in (states[-1:] if acknowledged else states)
    answers_truly(folder)
    operation.do(folder, lambda: None)
    assert state(folder) == states[-1]
    answers_truly(folder)


# Indexing and deleting


def make_indexed(folder: Path) -> None:
    """Five files indexed; since then one was changed, one came and one went."""
    corpus = write(folder / "corpus", {f"{number}.md": article(number) for number in range(5)})
    with open_store(folder) as store:
        index(store, [corpus], PairEmbedder(dim=DIM), TERMS)
        with store.writer() as writer:
            writer.put(page("upload", article(9)), "/uploads")
    write(corpus, {"0.md": article(0, version=1), "7.md": article(7)})
    (corpus / "3.md").unlink()


def index_folder(folder: Path, *, prune: bool = True) -> None:
    with open_store(folder) as store:
        index(store, [folder / "corpus"], PairEmbedder(dim=DIM), TERMS, prune=prune)


def do_index(folder: Path, acknowledged: Callable[[], None]) -> None:
    index_folder(folder)
    acknowledged()


def prove_index(folder: Path, acknowledged: bool) -> None:
    prove_states(INDEX, folder, acknowledged)
    leaves_nothing(folder)


def do_delete(folder: Path, acknowledged: Callable[[], None]) -> None:
    """A folder's file, an article of another, and an upload: by the names and ids that the store still knows."""
    with open_store(folder) as store:
        lines = store.articles()
        withdraw(
            store,
            PairEmbedder(dim=DIM),
            TERMS,
            files=[name for name in ("1.md", "upload.md") if any(line.file == name for line in lines)],
            articles=[line.id for line in lines if line.file == "2.md"],
            committed=acknowledged,
        )


def prove_delete(folder: Path, acknowledged: bool) -> None:
    prove_states(DELETE, folder, acknowledged)
    with open_store(folder) as store:
        indexes = open_indexes(store, PairEmbedder(dim=DIM), TERMS)
        for number in (1, 2, 9):
            found = [id_ for id_, _ in indexes.lexical.search(TERMS.question(sentence(number)), 20)]
            assert not {"1.md", "2.md", "upload.md"} & {one.file for one in store.passages(found).values()}
        assert not any(store.file_text(name).strip() for name in ("1.md", "2.md"))
    leaves_nothing(folder)


# An older store


def make_old(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    with closing(sqlite3.connect(folder / "data" / "wenbao.db")) as raw:
        raw.executescript(SCHEMA_1.read_text(encoding="utf-8"))


def do_migrate(folder: Path, acknowledged: Callable[[], None]) -> None:
    with open_store(folder):
        acknowledged()


def prove_migrate(folder: Path, acknowledged: bool) -> None:
    """Opening it again brings it up to date, and the copy of the old one is whole."""
    prove_states(MIGRATE, folder, acknowledged)
    with closing(sqlite3.connect(folder / "data" / "wenbao.db.schema-1.bak")) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (1,)
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    leaves_nothing(folder)


# A batch


QUESTIONS = 40


def make_questions(folder: Path) -> None:
    folder.mkdir()
    lines = "".join(f"{number},第{number % 30}号在哪里？\n" for number in range(QUESTIONS))
    (folder / "questions.csv").write_text(f"id,question\n{lines}", encoding="utf-8")


def run_batch(folder: Path, format_: str) -> Path:
    out = folder / f"out.{format_}"
    batch_answering.CHUNK = 8
    if not out.exists() or out.with_name(f"{out.name}.part").exists():
        run(EchoBot(), Questions.open(folder / "questions.csv"), out, format_=format_, resume=True)
    return out


def do_batch(folder: Path, acknowledged: Callable[[], None]) -> None:
    for format_ in ("jsonl", "xlsx"):
        run_batch(folder, format_)
    acknowledged()


def prove_batch(folder: Path, acknowledged: bool) -> None:
    """A result is whole or absent, and resumed it is byte for byte that of a run without a break."""
    whole = folder.with_name(f"{folder.name}-whole")
    make_questions(whole)
    do_batch(whole, lambda: None)
    names = ["out.jsonl", "out.xlsx"]
    for name in names:
        assert not acknowledged or (folder / name).exists()
        assert not (folder / name).exists() or (folder / name).read_bytes() == (whole / name).read_bytes()
    do_batch(folder, lambda: None)
    for name in names:
        assert (folder / name).read_bytes() == (whole / name).read_bytes()
    assert {path.name for path in folder.iterdir()} == {"questions.csv", *names}
    shutil.rmtree(whole)


# A backup


def do_backup(folder: Path, acknowledged: Callable[[], None]) -> None:
    if not (folder / "copy").exists():
        back_up(folder / "data", folder / "copy")
    acknowledged()


def prove_backup(folder: Path, acknowledged: bool) -> None:
    """The copy is whole or absent; what was copied is as before."""
    assert not acknowledged or (folder / "copy").exists()
    before = state(folder)
    answers_truly(folder)
    do_backup(folder, lambda: None)
    with Store(folder / "copy", read_only=True) as copy:
        assert copy.findings() == []
        assert content(copy) == before
    assert {path.name for path in folder.iterdir()} == {"corpus", "data", "copy"}
    leaves_nothing(folder)


INDEX = Operation("index", make_indexed, do_index, prove_index)
DELETE = Operation("delete", make_indexed, do_delete, prove_delete)
MIGRATE = Operation("migrate", make_old, do_migrate, prove_migrate)
BATCH = Operation("batch", make_questions, do_batch, prove_batch)
BACKUP = Operation("backup", make_indexed, do_backup, prove_backup)
OPERATIONS = {operation.name: operation for operation in (INDEX, DELETE, MIGRATE, BATCH, BACKUP)}
