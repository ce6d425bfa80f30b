"""Damaged bytes anywhere in a data folder: the truth is answered, or nothing, or an error that says so."""

from __future__ import annotations

import contextlib
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from small_corpora import TERMS, PairEmbedder, article, sentence, write

from qa.errors import WenbaoError
from qa.generations import open_indexes
from qa.indexing import index
from qa.store import Store
from torture.scale import SCALE, SEED

CASES = 150 * SCALE
FILES = 6


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    write(folder / "corpus", {f"{number}.md": article(number) for number in range(FILES)})
    with Store(folder / "data") as store:
        index(store, [folder / "corpus"], PairEmbedder(dim=8), TERMS)
    return folder / "data"


def damage(data: bytes, chance: random.Random) -> bytes:
    """A flipped bit, a zeroed or foreign block, or a cut."""
    place = chance.randrange(max(len(data), 1))
    match chance.randrange(4):
        case 0:
            return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :] if data else b"x"
        case 1:
            end = min(len(data), place + 4096)
            return data[:place] + bytes(end - place) + data[end:]
        case 2:
            end = min(len(data), place + chance.randrange(1, 64))
            return data[:place] + chance.randbytes(end - place) + data[end:]
        case _:
            return data[:place]


def test_damage_anywhere_gives_no_wrong_answer(
    made: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    truth = {f"{number}.md": article(number) for number in range(FILES)}
    with Store(made) as store:
        passages = {passage.id: passage for passage in store.iter_passages()}
    chance = random.Random(SEED)
    files = sorted(path.relative_to(made) for path in made.rglob("*") if path.is_file() and path.name != "write.lock")
    assert len(files) > 5
    codes: Counter[str] = Counter()
    for case in range(CASES):
        folder = tmp_path / "data"
        shutil.copytree(made, folder)
        victim = folder / files[case % len(files)]
        victim.write_bytes(damage(victim.read_bytes(), chance))
        try:
            with Store(folder) as store:
                for name in store.files():
                    with contextlib.suppress(WenbaoError):
                        assert store.file_text(name) == truth[name]
                assert all(passages[passage.id] == passage for passage in store.iter_passages())
                indexes = open_indexes(store, PairEmbedder(dim=8), TERMS)
                for number in range(FILES):
                    found = indexes.lexical.search(TERMS.question(sentence(number)), 3)
                    assert all(passages[id_] == one for id_, one in store.passages([id_ for id_, _ in found]).items())
                    if not store.faults and found:
                        best = store.passages([found[0][0]])
                        assert {one.file for one in best.values()} <= {f"{number}.md"}
        except WenbaoError as error:
            codes[error.code] += 1
        finally:
            shutil.rmtree(folder)
    assert codes.keys() <= {"STORE_CORRUPT", "STORE_TOO_NEW", "ROW_CORRUPT", "INDEX_MODEL_MISMATCH"}
    assert codes.total() < CASES / 2
    record_property("damaged files", CASES)
    record_property("refused whole", codes.total())
