"""Many at once on one data folder: one writer at a time, readers that never wait or see half a change, many starts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_corpora import TERMS, PairEmbedder, article, page, write
from test_migrations import ENVIRON
from tiny_models import static_folder

from qa.generations import open_indexes
from qa.indexing import check, index
from qa.store import Store
from torture.crowd import DIM, corpus
from torture.scale import SCALE

ROUNDS = 4 * SCALE


def crowd(*given: object) -> list[Any]:
    """What each process of a crowd said."""
    command = [sys.executable, "-m", "torture.crowd", *map(str, given)]
    said = subprocess.run(command, env=ENVIRON, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    return [json.loads(line) for line in said.splitlines()]


def test_two_writers_take_turns_and_eight_readers_see_whole_changes(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    for own in (1, 2):
        write(tmp_path / f"corpus{own}", corpus(own, 0))
        with Store(tmp_path / "data") as store:
            index(store, [tmp_path / f"corpus{own}"], PairEmbedder(dim=DIM), TERMS)
    said = crowd("writers-and-readers", tmp_path, ROUNDS)
    writers, readers = ([one for one in said if word in one] for word in ("written", "looks"))
    assert [writer["written"] for writer in writers] == [ROUNDS, ROUNDS]
    refused = [message for writer in writers for message in writer["refused"]]
    assert {message.partition(":")[0] for message in refused} <= {"WRITER_LOCKED"}
    assert not any("database is locked" in message for message in refused)
    assert [reader["faults"] for reader in readers] == [[]] * 8
    assert all(reader["looks"] for reader in readers)
    with Store(tmp_path / "data") as store:
        open_indexes(store, PairEmbedder(dim=DIM), TERMS)
        assert check(store, PairEmbedder(dim=DIM), TERMS) == []
        assert {name: store.file_text(name) for name in store.files()} == corpus(1, ROUNDS) | corpus(2, ROUNDS)
    record_property("writes", 2 * ROUNDS)
    record_property("refused with WRITER_LOCKED", len(refused))
    record_property("looks of 8 readers", sum(reader["looks"] for reader in readers))


def test_long_lived_processes_find_what_others_write_that_come_and_go(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """As a server, a second one, and commands beside them: each opens, writes, and sees the others' articles."""
    command = [sys.executable, "-m", "torture.crowd", "put", str(tmp_path)]
    pipes: dict[str, Any] = {"env": ENVIRON, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8"}
    written: set[str] = set()
    with Store(tmp_path) as store, subprocess.Popen(command, **pipes, bufsize=1) as lasting:
        assert lasting.stdin is not None
        assert lasting.stdout is not None
        for turn in range(ROUNDS):
            with store.writer() as writer:
                writer.put(page(f"mine {turn}", article(turn)), "")
            print(f"theirs {turn}", file=lasting.stdin)
            found = [json.loads(lasting.stdout.readline())]
            passing = subprocess.run(
                command, check=True, env=ENVIRON, capture_output=True, encoding="utf-8", input=f"passing {turn}\n"
            )
            found += [json.loads(passing.stdout), sorted(store.files())]
            written |= {f"mine {turn}.md", f"theirs {turn}.md"}
            assert found[0] == sorted(written)
            written.add(f"passing {turn}.md")
            assert found[1:] == [sorted(written)] * 2
        assert not store.findings()
    record_property("articles by processes that last and that pass", len(written))


@pytest.mark.parametrize("turn", range(max(1, SCALE // 2)))
def test_twenty_starts_at_once_on_an_empty_folder_make_one_corpus(
    tmp_path: Path, turn: int, record_property: Callable[[str, object], None]
) -> None:
    said = crowd("starts", tmp_path / f"data{turn}", static_folder(tmp_path / "model"))
    assert len(said) == 20
    assert [str(one)[:300] for one in said if one != said[0]] == []
    assert said[0][2] == 5
    record_property("starts, 20 at once", 20)
