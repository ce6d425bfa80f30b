from __future__ import annotations

import contextlib
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
from types import ModuleType

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from small_corpora import TERMS, PairEmbedder, answers, article, page, sentence, write

from embeddings.errors import ModelError as EmbedderError
from embeddings.vector_stores import faiss
from embeddings.vectors import Vectors
from qa.errors import ModelError, NotFoundError, StoreError
from qa.generations import Indexes, findings, folders, layers, open_indexes, opening, updated
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
    monkeypatch.setattr(LexicalIndex, "open", unreachable)
    monkeypatch.setattr(layers, "load_vector_store", unreachable)
    files = [path for path in folder.rglob("*") if path.is_file()]
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
            assert opening._open(folder, store, embedder, TERMS) is None, (path.name, name)
            path.write_bytes(data)
            seen += 1
    assert seen > 150
    monkeypatch.undo()
    assert findings(store, embedder, TERMS) == []


def test_every_byte_of_the_manifest_counts(store: Store) -> None:
    folder = store.folder / "indexes" / "000001"
    expected = opening._expected(store, PairEmbedder(), TERMS)
    data = (folder / "manifest.json").read_bytes()
    for place in range(len(data)):
        (folder / "manifest.json").write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(folders.DamagedError):
            folders.read_manifest(folder, {})
    for text in (b"", b"[]", b"{}", b'{"files": 1}', b"[" * 100_000, b'{"generation": 1e999}', b"\xff"):
        (folder / "manifest.json").write_bytes(text)
        with pytest.raises(folders.DamagedError):
            folders.read_manifest(folder, expected)


@pytest.mark.parametrize("pattern", ["manifest.json", "files.npy", "lexical/terms.npy", "vectors/vectors.npy"])
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


# --- what changed since lies over a generation ---


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much as a generation holds may lie over it."""
    monkeypatch.setattr(layers, "OVERLAID_SHARE", 1)


def exactly(store: Store, indexes: Indexes) -> list[object]:
    """What both legs find, to the last bit."""
    found: list[object] = [len(indexes.lexical), len(indexes.vectors)]
    ids = store.passage_ids()
    vectors = PairEmbedder(dim=8).questions(QUESTIONS)
    for number, question in enumerate(QUESTIONS):
        terms = TERMS.question(question)
        found += [indexes.lexical.document_frequency(term) for term in terms]
        for k in (1, 4, 1000):
            for only in (None, ids[::2]):
                found.append(indexes.lexical.search(terms, k, only))
                scores, near = indexes.vectors.search(vectors[number : number + 1], k, only)
                found += [scores.tolist(), near.tolist()]
        found.append(indexes.lexical.scores(terms, [*ids.tolist(), 5]))
        found.append(indexes.vectors.scores(vectors[number : number + 1], ids).tolist())
    return found


CHANGES = st.lists(
    st.tuples(st.sampled_from(["put", "put", "remove", "refresh", "merge"]), st.integers(0, 5), st.integers(0, 2)),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=10, phases=[Phase.generate])
@given(CHANGES, st.sampled_from(["faiss", "exact", "coded"]))
def test_whatever_was_changed_in_whatever_steps_is_as_if_indexed_at_once(
    changes: list[tuple[str, int, int]], kind: str
) -> None:
    embedder = PairEmbedder(dim=8)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(layers, "VECTOR_STORE", "exact" if kind == "exact" else "faiss")
        patch.setattr(opening, "VECTOR_STORE", layers.VECTOR_STORE)
        if kind == "coded":  # as above 10,000 vectors; all are compared, so that chance has no part in it
            patch.setattr(faiss.build, "__kwdefaults__", {"flat_limit": -1})
            patch.setattr(faiss.merge, "__kwdefaults__", {"flat_limit": -1})
        patch.setattr(layers, "OVERLAID_SHARE", 1)
        with Store(Path(folder) / "one") as store:
            with store.writer() as writer:
                for number in range(3):
                    writer.put(page(str(number), article(number)), "root")
                writer.put(page("long", article(9, sections=16)), "root")  # FAISS trains on 16 rows at least
            held = open_indexes(store, embedder, TERMS)
            for doing, number, version in changes:
                with store.writer() as writer:
                    if doing == "put":
                        writer.put(page(str(number), article(number, version)), "root")
                    elif doing == "remove":
                        with contextlib.suppress(NotFoundError):
                            writer.remove(f"{number}.md")
                    else:
                        patch.setattr(layers, "OVERLAID_SHARE", 1 if doing == "refresh" else 10**9)
                        opening.refresh(store, writer, embedder, TERMS)
                        patch.setattr(layers, "OVERLAID_SHARE", 1)
                step = updated(held, store, embedder, TERMS)
                assert step is not None
                held = step[0]
            reopened = open_indexes(store, embedder, TERMS)
            shutil.rmtree(Path(folder) / "one" / "indexes")
            whole = open_indexes(store, embedder, TERMS)
            assert len(whole.layers) == 1
            expected = exactly(store, whole)
            assert exactly(store, held) == expected
            assert exactly(store, reopened) == expected


@pytest.mark.usefixtures("roomy")
def test_a_change_in_a_large_corpus_writes_no_generation_and_reads_only_its_file(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = opened(store)
    with store.writer() as writer:
        writer.put(page("new", article(7)), "root")
        writer.remove("0.md")
        indexes, embedded = opening.refresh(store, writer, PairEmbedder(), TERMS, current=before)
        assert embedded == len(indexes.layers[1].lexical) > 0
    assert names(store) == ["000001"]
    assert indexed_ids(indexes) == set(store.passage_ids().tolist())
    monkeypatch.setattr(folders, "prove_files", lambda *_: pytest.fail("all was read again"))
    monkeypatch.setattr(Store, "passage_ids", lambda *_: pytest.fail("all was counted"))
    embedder = PairEmbedder()
    for name in ("newer", "newest"):
        with store.writer() as writer:
            writer.put(page(name, article(8)), "root")
        step = updated(indexes, store, embedder, TERMS)
        assert step is not None
        indexes = step[0]
    assert {text for text in embedder.asked if "第8号" not in text} == set()
    assert len(indexes.layers) == 2


def test_more_than_may_lie_over_a_generation_is_merged(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    passages = len(store.passage_ids())
    monkeypatch.setattr(layers, "OVERLAID_SHARE", 3)
    for number in range(4, 9):
        with store.writer() as writer:
            writer.put(page(str(number), article(number, sections=1)), "root")
            opening.refresh(store, writer, PairEmbedder(), TERMS)
    assert 1 < len(names(store)) < 6
    indexes = opened(store)
    assert indexes.overlaid <= indexes.bearable
    assert len(indexes.lexical) > passages
    assert indexed_ids(indexes) == set(store.passage_ids().tolist())


@pytest.mark.usefixtures("roomy")
def test_a_store_put_back_to_an_earlier_state_is_indexed_anew(store: Store, tmp_path: Path) -> None:
    """The same number of changes since, but other ones."""
    store.backup(tmp_path / "earlier.db")
    with store.writer() as writer:
        writer.put(page("one", article(7)), "root")
        opening.refresh(store, writer, PairEmbedder(), TERMS)
    shutil.rmtree(store.folder / "indexes")
    assert opened(store).sequence == store.sequence()
    data = tmp_path / "restored"
    shutil.copytree(store.folder, data)
    shutil.copy(tmp_path / "earlier.db", data / "wenbao.db")
    with Store(data) as restored:
        with restored.writer() as writer:
            writer.put(page("two", article(9)), "root")
        assert restored.sequence() == store.sequence()
        indexes = opened(restored)
        assert indexes.generation == 2
        assert indexed_ids(indexes) == set(restored.passage_ids().tolist())


@pytest.mark.usefixtures("roomy")
@pytest.mark.parametrize("damage", ["file = '1.md'", "mark = zeroblob(16)", "row_hash = NULL"])
def test_where_the_log_of_changes_is_damaged_all_is_indexed_anew(store: Store, damage: str) -> None:
    with store.writer() as writer:
        writer.put(page("new", article(7)), "root")
    with closing(sqlite3.connect(store.path)) as raw:
        raw.execute("DROP TRIGGER changes_are_not_edited")
        raw.execute(f"UPDATE changes SET {damage} WHERE file = 'new.md'")
        raw.commit()
    indexes = opened(store)
    assert indexes.generation == 2
    assert indexed_ids(indexes) == set(store.passage_ids().tolist())


def test_a_log_that_contradicts_itself_is_named_and_not_the_disk(store: Store) -> None:
    """As the long form of torture/test_bit_rot.py found it: the latest change isn't one that the log tells from."""
    with closing(sqlite3.connect(store.path)) as raw:
        raw.execute("DROP TRIGGER changes_are_not_edited")
        raw.execute("UPDATE changes SET mark = x'' WHERE sequence = (SELECT max(sequence) FROM changes)")
        raw.commit()
    with pytest.raises(StoreError, match="doctor --repair") as caught:
        opened(store)
    assert caught.value.code == "STORE_CORRUPT"


@pytest.mark.usefixtures("roomy")
def test_what_lies_over_a_generation_is_read_where_nothing_can_be_written(store: Store) -> None:
    with store.writer() as writer:
        writer.put(page("new", article(7)), "root")
    with Store(store.folder, read_only=True) as reader:
        indexes = opened(reader)
        assert indexes.generation == 1
        assert indexed_ids(indexes) == set(store.passage_ids().tolist())


def test_indexes_that_lack_passages_are_found_out(store: Store) -> None:
    with closing(sqlite3.connect(store.path)) as raw:
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("DELETE FROM passages WHERE id = (SELECT min(id) FROM passages)")
        raw.commit()
    assert [finding.code for finding in findings(store, PairEmbedder(), TERMS)] == ["INDEX_UNUSABLE"]


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
    monkeypatch.setattr(opening, "LOCK_WAIT_S", 0.05)
    shutil.rmtree(store.folder / "indexes")
    found: list[object] = []
    with store.writer() as writer, writer.transaction():
        writer.remove("0.md")
        thread = threading.Thread(target=lambda: found.append(answers(store, opened(store), QUESTIONS)))
        thread.start()
        thread.join()
    assert found == [expected]
    assert not (store.folder / "indexes").exists()


@pytest.mark.parametrize(("module", "step"), [(folders, "sync"), (folders, "seal"), (opening, "build_layer")])
def test_a_full_disk_while_building_leaves_nothing_half_and_still_answers(
    store: Store, expected: list[object], monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str
) -> None:
    original = getattr(module, step)

    def full(place: Path, *rest: object, **named: object) -> object:
        if store.folder in place.parents:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(place, *rest, **named)

    (store.folder / "indexes" / "000001" / "manifest.json").unlink()
    monkeypatch.setattr(module, step, full)
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
