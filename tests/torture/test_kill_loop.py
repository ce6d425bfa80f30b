"""Kills at random moments: what was acknowledged stays, what wasn't is there wholly or not at all.

The lines that the killed process wrote are the journal of acknowledgements. After each kill every text and row is
checked; after every tenth also the indexes: their ids are the live passages', each article's own sentence finds it
first, and no unfinished file is left.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from small_corpora import TERMS, PairEmbedder, article, sentence
from test_migrations import ENVIRON

from qa.generations import open_indexes
from qa.store import Store
from torture.killed import DIM, NAMES
from torture.scale import SCALE, SEED

KILLS = 300 * SCALE


def changed(kept: dict[str, tuple[int, int]], doing: str, number: int, version: int) -> dict[str, tuple[int, int]]:
    """The files, as number and version of their articles, after a change."""
    after = dict(kept)
    if doing == "put":
        after[f"{number}.md"] = (number, version)
    elif doing == "remove":
        after.pop(f"{number}.md", None)
    elif doing == "several":
        after |= {f"{each % NAMES}.md": (each % NAMES, version) for each in range(number, number + 3)}
    return after


def journal(lines: Iterator[str], kept: dict[str, tuple[int, int]]) -> tuple[dict[str, tuple[int, int]], ...]:
    """The states that the folder may be in: all acknowledged, and with what was under way."""
    under_way = kept
    for line in lines:
        match line.split():
            case ["begin", doing, number, version]:
                under_way = changed(kept, doing, int(number), int(version))
            case ["done"]:
                kept = under_way
            case ["dead"]:
                break
    return kept, under_way


def test_kills_at_random_moments_lose_nothing_acknowledged(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(SEED)
    kept: dict[str, tuple[int, int]] = {}
    command = [sys.executable, "-m", "torture.killed", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRON) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for kill in range(KILLS):
            process.stdin.write(f"{SEED + kill}\n")
            process.stdin.flush()
            time.sleep(chance.uniform(0.005, 0.06))
            process.stdin.write("kill\n")
            process.stdin.flush()
            possible = journal(iter(process.stdout.readline, ""), kept)
            with Store(tmp_path) as store:
                texts = {name: store.file_text(name) for name in store.files()}
                assert store.findings() == [], f"seed {SEED + kill}"
                expected = [{name: article(*which) for name, which in state.items()} for state in possible]
                assert texts in expected, f"seed {SEED + kill}"
                kept = possible[expected.index(texts)]
                if kill % 10 == 9:
                    check_indexes(store, kept)
        process.stdin.close()
    assert process.returncode == 0
    record_property("kills", KILLS)


def check_indexes(store: Store, kept: dict[str, tuple[int, int]]) -> None:
    embedder = PairEmbedder(dim=DIM)
    indexes = open_indexes(store, embedder, TERMS)
    ids = store.passage_ids()
    assert len(indexes.lexical) == len(indexes.vectors) == len(ids)
    if len(ids):
        found = indexes.vectors.search(embedder.questions(["?"]), len(ids))[1][0]
        assert np.array_equal(np.sort(found), ids)
    for name, (number, version) in kept.items():
        [(best, _), *_] = indexes.lexical.search(TERMS.question(sentence(number, version)), 1)
        assert store.passages([best])[best].file == name
    left = [path.name for path in store.folder.rglob("*") if path.name.endswith((".tmp", ".part"))]
    assert left == []
