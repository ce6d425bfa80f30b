from __future__ import annotations

import errno
import gc
import random
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from small_corpora import TERMS, PairEmbedder, answers, article, sentence, write

import qa.generations
from embeddings.errors import ModelError as EmbedderError
from embeddings.vectors import Vectors
from qa.errors import ModelError, StoreError
from qa.generations import Indexes, findings, open_indexes
from qa.indexing import index
from qa.lexical import LexicalIndex
from qa.store import Store
from qa.text import Terms

QUESTIONS = [sentence(number) for number in range(4)] + ["发放口罩", "no such thing"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with four articles in one generation."""
    folder = tmp_path_factory.mktemp("made")
    articles = write(folder / "articles", {f"{number}.md": article(number) for number in range(4)})
    with Store(folder / "data") as store:
        index(store, [articles], PairEmbedder(), TERMS)
    return folder / "data"


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Iterator[Store]:
    with Store(Path(shutil.copytree(made, tmp_path / "data"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def expected(made: Path) -> list[object]:
    with Store(made) as store:
        return answers(store, open_indexes(store, PairEmbedder(), TERMS), QUESTIONS)


def opened(store: Store, embedder: PairEmbedder | None = None) -> Indexes:
    return open_indexes(store, embedder or PairEmbedder(), TERMS)


def names(store: Store) -> list[str]:
    return sorted(path.name for path in (store.folder / "indexes").iterdir())


def indexed_ids(indexes: Indexes) -> set[int]:
    """What the dense leg holds; the lexical leg must hold as many and exactly these."""
    count = len(indexes.vectors)
    _, ids = indexes.vectors.search(PairEmbedder().questions(["社区"]), count)
    found = {int(number) for number in ids[0]}
    terms = sorted({term for number in range(9) for term in TERMS.question(article(number))})
    assert {number for number, _ in indexes.lexical.search(terms, 10_000)} == found
    assert len(indexes.lexical) == count
    return found


def test_a_sound_generation_is_used_as_it_is(store: Store, expected: list[object]) -> None:
    embedder = PairEmbedder()
    first, second = opened(store, embedder), opened(store, embedder)
    assert (first.generation, second.generation, first.sequence) == (1, 1, store.sequence())
    assert answers(store, first, QUESTIONS) == expected
    assert embedder.asked == []
    assert indexed_ids(first) == set(store.passage_ids().tolist())
    assert findings(store, embedder, TERMS) == []


def test_each_articles_own_sentence_finds_it_first_in_both_legs(store: Store) -> None:
    indexes = opened(store)
    for number in range(4):
        question = sentence(number)
        best = indexes.lexical.search(TERMS.question(question), 1)[0][0]
        _, ids = indexes.vectors.search(PairEmbedder().questions([question]), 1)
        assert {passage.file for passage in store.passages([best, int(ids[0][0])]).values()} == {f"{number}.md"}


def test_without_indexes_they_are_built_again_with_the_same_answers(store: Store, expected: list[object]) -> None:
    shutil.rmtree(store.folder / "indexes")
    assert [finding.code for finding in findings(store, PairEmbedder(), TERMS)] == ["INDEX_MISSING"]
    embedder = PairEmbedder()
    stages: list[tuple[str, int, int]] = []
    indexes = open_indexes(store, embedder, TERMS, lambda *stage: stages.append(stage))
    assert answers(store, indexes, QUESTIONS) == expected
    assert embedder.asked == [], "vectors come from the store"
    assert stages[-1] == ("terms", len(indexes.lexical), len(indexes.lexical))
    assert names(store) == ["000001"]


def test_an_empty_store_has_empty_indexes(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        indexes = opened(store)
        assert (len(indexes.lexical), len(indexes.vectors)) == (0, 0)
        assert answers(store, indexes, ["什么"]) == [[]]
        assert opened(store).generation == indexes.generation == 1


# --- damage ---


def damages(data: bytes, chance: random.Random) -> Iterator[tuple[str, bytes | None]]:
    """Names of damages and what they leave of a file; None is nothing at all."""
    yield "removed", None
    yield "longer", data + b"\0"
    yield "zeroed", bytes(len(data))
    for percent in range(0, 100, 10):
        yield f"cut to {percent} %", data[: len(data) * percent // 100]
    for _ in range(10 if data else 0):
        flipped = bytearray(data)
        place = chance.randrange(len(data))
        flipped[place] ^= 1 << chance.randrange(8)
        yield f"bit of byte {place}", bytes(flipped)


def test_every_damage_to_every_file_is_seen_before_the_libraries_see_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> None:
        raise AssertionError("damaged files were opened")

    folder = store.folder / "indexes" / "000001"
    embedder = PairEmbedder()
    expected = qa.generations._expected(store, embedder, TERMS)
    monkeypatch.setattr(LexicalIndex, "open", unreachable)
    monkeypatch.setattr(qa.generations, "load_vector_store", unreachable)
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert len(files) >= 9
    seen = 0
    for path in files:
        data = path.read_bytes()
        for name, damaged in damages(data, random.Random(7)):
            if damaged == data:
                continue
            path.unlink()
            if damaged is not None:
                path.write_bytes(damaged)
            assert qa.generations._open(folder, expected) is None, (path.name, name)
            path.write_bytes(data)
            seen += 1
    assert seen > 150
    assert findings(store, embedder, TERMS) == []


def test_every_byte_of_the_manifest_counts(store: Store) -> None:
    folder = store.folder / "indexes" / "000001"
    expected = qa.generations._expected(store, PairEmbedder(), TERMS)
    data = (folder / "manifest.json").read_bytes()
    for place in range(len(data)):
        (folder / "manifest.json").write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(qa.generations._DamagedError):
            qa.generations._prove(folder, {})
    for text in (b"", b"[]", b"{}", b'{"files": 1}', b"[" * 100_000, b'{"generation": 1e999}', b"\xff"):
        (folder / "manifest.json").write_bytes(text)
        with pytest.raises(qa.generations._DamagedError):
            qa.generations._prove(folder, expected)


@pytest.mark.parametrize("pattern", ["manifest.json", "lexical/meta.json", "lexical/*.term", "vectors/vectors.npy"])
def test_a_damaged_generation_is_built_again_with_the_same_answers(
    store: Store, expected: list[object], pattern: str
) -> None:
    (path,) = (store.folder / "indexes" / "000001").glob(pattern)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 8
    path.write_bytes(data)
    assert [finding.code for finding in findings(store, PairEmbedder(), TERMS)] == ["INDEX_UNUSABLE"]
    indexes = opened(store)
    assert indexes.generation == 2
    assert answers(store, indexes, QUESTIONS) == expected


def test_the_newest_sound_generation_is_taken(store: Store, expected: list[object]) -> None:
    root = store.folder / "indexes"
    (root / "000005").mkdir()
    shutil.rmtree(root / "000001")
    assert opened(store).generation == 6
    shutil.copytree(root / "000006", root / "000008")  # it calls itself 6
    indexes = opened(store)
    assert indexes.generation == 6
    assert answers(store, indexes, QUESTIONS) == expected


def test_what_kills_left_is_ignored_and_goes(store: Store) -> None:
    root = store.folder / "indexes"
    for name in ("000002.tmp", "000001.tmp", "old"):
        shutil.copytree(root / "000001", root / name)
    assert len(findings(store, PairEmbedder(), TERMS)) == 3
    assert opened(store).generation == 1
    assert names(store) == ["000001"]
    shutil.copytree(root / "000001", root / "000002.tmp")
    with store.writer():  # whoever holds the lock may be building it
        entered = threading.Thread(target=opened, args=(store,))
        entered.start()
        entered.join()
    assert names(store) == ["000001", "000002.tmp"]


# --- outdated and foreign ---


def test_a_change_outdates_a_generation_and_two_are_kept(store: Store) -> None:
    first = opened(store)
    for number in range(3):
        with store.writer() as writer:
            writer.remove(f"{number}.md")
        indexes = opened(store)
        assert indexes.sequence == store.sequence() > first.sequence
        assert indexed_ids(indexes) == set(store.passage_ids().tolist())
    assert names(store) == ["000003", "000004"]


def test_what_is_removed_is_gone_from_the_store_at_once_and_from_the_next_indexes(store: Store) -> None:
    before = opened(store)
    gone = {passage.id for passage in store.iter_passages() if passage.file == "0.md"}
    with store.writer() as writer:
        writer.remove("0.md")
    found = [number for number, _ in before.lexical.search(TERMS.question(sentence(0)), 50)]
    assert gone & set(found), "the open indexes still know the ids"
    assert not gone & set(store.passages(found))
    assert not gone & indexed_ids(opened(store))


def test_a_generation_of_another_store_is_not_used(store: Store, tmp_path: Path, expected: list[object]) -> None:
    articles = write(tmp_path / "articles", {f"{number}.md": article(number) for number in range(4)})
    with Store(tmp_path / "other") as other:
        index(other, [articles], PairEmbedder(), TERMS)
        assert np.array_equal(other.passage_ids(), store.passage_ids())
        assert other.sequence() == store.sequence()
        shutil.rmtree(other.folder / "indexes")
        shutil.copytree(store.folder / "indexes", other.folder / "indexes")
        indexes = opened(other)
        assert indexes.generation == 2
        assert answers(other, indexes, QUESTIONS) == expected


def test_other_terms_mean_another_generation(store: Store) -> None:
    class OtherTerms(Terms):
        def __init__(self) -> None:
            super().__init__()
            self.version += " and the owner's words"

    assert open_indexes(store, PairEmbedder(), OtherTerms()).generation == 2
    assert open_indexes(store, PairEmbedder(), OtherTerms()).generation == 2


def test_another_model_is_refused_with_both_names(store: Store) -> None:
    with pytest.raises(ModelError) as caught:
        opened(store, PairEmbedder("other", 32))
    assert caught.value.code == "INDEX_MODEL_MISMATCH"
    for part in ("'pairs'", "64", "'other'", "32", "wenbao index"):
        assert part in caught.value.message
    assert opened(store).generation == 1


# --- what lies in the store ---


def test_a_lost_or_damaged_vector_is_made_anew(store: Store, expected: list[object]) -> None:
    with closing(sqlite3.connect(store.path)) as raw:
        ids = [number for (number,) in raw.execute("SELECT id FROM vectors ORDER BY id LIMIT 2")]
        raw.execute("UPDATE vectors SET vector = zeroblob(256) WHERE id = ?", ids[:1])
        raw.execute("DELETE FROM vectors WHERE id = ?", ids[1:])
        raw.commit()
    shutil.rmtree(store.folder / "indexes")
    embedder = PairEmbedder()
    assert answers(store, opened(store, embedder), QUESTIONS) == expected
    assert len(embedder.asked) == 2
    assert len(store.vectors(embedder.fingerprint)[0]) == store.counts()["passages"]


def test_a_damaged_passage_is_in_neither_index(store: Store) -> None:
    with closing(sqlite3.connect(store.path)) as raw:
        (number,) = raw.execute("SELECT min(id) FROM passages").fetchone()
        raw.execute("UPDATE passages SET text = text || '?' WHERE id = ?", (number,))
        raw.commit()
    shutil.rmtree(store.folder / "indexes")
    assert indexed_ids(opened(store)) == set(store.passage_ids().tolist()) - {number}


def test_the_embedders_error_is_told_as_ours(tmp_path: Path) -> None:
    class Broken(PairEmbedder):
        def passages(self, texts: object) -> Vectors:
            raise EmbedderError("MODEL_BAD_VECTORS", f"NaN for {texts}.")

    articles = write(tmp_path / "articles", {"a.md": article(1)})
    with Store(tmp_path / "data") as store:
        with pytest.raises(ModelError) as caught:
            index(store, [articles], Broken(), TERMS)
        assert caught.value.code == "MODEL_BAD_VECTORS"
        assert store.counts()["files"] == 0


# --- where nothing can be written ---


def temporary() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("wenbao-*")}


def test_a_read_only_folder_without_indexes_is_served_from_a_temporary_one(
    store: Store, expected: list[object]
) -> None:
    shutil.rmtree(store.folder / "indexes")
    before = temporary()
    with Store(store.folder, read_only=True) as reader:
        indexes = opened(reader)
        assert indexes.generation == 0
        assert len(temporary() - before) == 1
        assert answers(reader, indexes, QUESTIONS) == expected
    del indexes
    gc.collect()
    assert temporary() <= before
    assert not (store.folder / "indexes").exists()


def test_while_another_writes_the_state_is_served_from_a_temporary_folder(
    store: Store, expected: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qa.generations, "LOCK_WAIT_S", 0.05)
    shutil.rmtree(store.folder / "indexes")
    found: list[object] = []
    with store.writer() as writer, writer.transaction():
        writer.remove("0.md")
        thread = threading.Thread(target=lambda: found.append(answers(store, opened(store), QUESTIONS)))
        thread.start()
        thread.join()
    assert found == [expected]
    assert not (store.folder / "indexes").exists()


@pytest.mark.parametrize("step", ["sync", "_seal", "_build"])
def test_a_full_disk_while_building_leaves_nothing_half_and_still_answers(
    store: Store, expected: list[object], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    original = getattr(qa.generations, step)

    def full(place: Path, *rest: object) -> object:
        if store.folder in place.parents:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(place, *rest)

    (store.folder / "indexes" / "000001" / "manifest.json").unlink()
    monkeypatch.setattr(qa.generations, step, full)
    indexes = opened(store)
    assert indexes.generation == 0
    assert answers(store, indexes, QUESTIONS) == expected
    assert not [name for name in names(store) if name.endswith(".tmp")]
    with pytest.raises(StoreError) as caught:
        index(store, [], PairEmbedder(), TERMS)
    assert caught.value.code == "DISK_FULL"
    monkeypatch.undo()
    assert opened(store).generation > 1


def test_twenty_openings_at_once_build_one_generation(store: Store, expected: list[object]) -> None:
    shutil.rmtree(store.folder / "indexes")
    found: list[object] = []
    start = threading.Barrier(20)

    def open_it() -> None:
        start.wait()
        with Store(store.folder) as mine:
            found.append(answers(mine, opened(mine), QUESTIONS))

    threads = [threading.Thread(target=open_it) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 20
    assert names(store) == ["000001"]
