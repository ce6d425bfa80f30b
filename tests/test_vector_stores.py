"""One contract for all stores. "coded" is the FAISS store above its limit, with the limit lowered."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings import build_vector_store, load_vector_store
from embeddings.errors import VectorStoreError
from embeddings.layered import LayeredStore
from embeddings.registry import vectors_like
from embeddings.vector_store import VectorStore
from embeddings.vector_stores import exact, faiss
from embeddings.vectors import Ids, Vectors, unit

Build = Callable[[Ids, Vectors], VectorStore]
BUILDS: dict[str, Build] = {
    "exact": partial(build_vector_store, "exact"),
    "flat": partial(build_vector_store, "faiss"),
    "coded": partial(faiss.build, flat_limit=15),
}
# A byte a dimension: scores are off by less than this on vectors without an order of magnitude between dimensions.
TOLERANCE = {"exact": 0.0, "flat": 0.0, "coded": 0.006}


@pytest.fixture(params=BUILDS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def build(name: str) -> Build:
    return BUILDS[name]


def crowd(count: int, dim: int, seed: int = 0) -> tuple[Ids, Vectors]:
    """Vectors around a hundred centres, as texts lie around subjects; ids are distinct, of any size, in no order."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((100, dim))
    vectors = unit(centres[random.integers(0, 100, count)] + 0.7 * random.standard_normal((count, dim)))
    ids = random.choice(np.arange(-5 * count, 5 * count), count, replace=False) * 1_000_003
    return ids.astype(np.int64), vectors


@pytest.mark.parametrize("dim", [32, 30])
@pytest.mark.parametrize("k", [1, 10])
def test_finds_what_the_exact_store_finds_with_its_scores(name: str, build: Build, dim: int, k: int) -> None:
    ids, vectors = crowd(5000, dim)
    questions = unit(vectors[:60] + 0.05 * crowd(60, dim, seed=1)[1])
    reference, store = exact.build(ids, vectors), build(ids, vectors)
    true_scores, true_ids = reference.search(questions, k)
    scores, found = store.search(questions, k)
    assert scores.dtype == np.float32
    assert found.dtype == np.int64
    assert (np.diff(scores, axis=1) <= 0).all()
    assert np.abs(scores - true_scores).max() <= TOLERANCE[name]
    for row, question in enumerate(questions):
        assert np.abs(reference.scores(question[None], found[row])[0] - scores[row]).max() <= TOLERANCE[name]
    if name == "coded":
        recall = np.mean([len(set(a) & set(b)) / k for a, b in zip(found, true_ids, strict=True)])
        assert recall >= 0.95
    else:
        assert np.array_equal(found, true_ids)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 15), max_size=60), st.integers(0, 70), st.integers(0, 15))
def test_order_and_ties_are_those_of_whole_numbers(rows: list[int], k: int, asked: int) -> None:
    """Rows are corners (±½, ±½, ±½, ±½), given by their signs as bits: a cosine is 1 − (differing bits) / 2 exactly."""

    def corner(bits: int) -> list[float]:
        return [0.5 if bits >> place & 1 else -0.5 for place in range(4)]

    vectors = np.array([corner(bits) for bits in rows], np.float32).reshape(len(rows), 4)
    ids = np.array([(index * 7919) % 1009 - 500 for index in range(len(rows))], np.int64)
    truth = sorted((((bits ^ asked).bit_count(), int(one)) for bits, one in zip(rows, ids, strict=True)))[:k]
    for build in BUILDS.values():
        scores, found = build(ids, vectors).search(np.array([corner(asked)], np.float32), k)
        assert found.tolist() == [[one for _, one in truth]]
        assert scores[0] == pytest.approx([1 - differing / 2 for differing, _ in truth], abs=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("least", [200, 5000])
def test_among_some_it_finds_what_a_store_of_those_alone_finds(
    monkeypatch: pytest.MonkeyPatch, name: str, build: Build, share: float, least: int
) -> None:
    """With few candidates a coded store looks for the allowed ones among those, with all among all."""
    monkeypatch.setattr(faiss, "CODED_LEAST", least)
    ids, vectors = crowd(5000, 32)
    chosen = np.sort(np.random.default_rng(6).choice(5000, int(share * 5000), replace=False))
    strangers = np.arange(10, dtype=np.int64) + 10**12
    only = np.sort(np.concatenate([ids[chosen], strangers]))
    questions = unit(vectors[:40] + 0.05 * crowd(40, 32, seed=1)[1])
    store = build(ids, vectors)
    for k in (1, 10, 200):
        true_scores, true_ids = exact.build(ids[chosen], vectors[chosen]).search(questions, k)
        scores, found = store.search(questions, k, only)
        assert scores.shape == found.shape == true_ids.shape == (40, min(k, len(chosen)))
        assert np.isin(found, ids[chosen]).all()
        assert np.abs(scores - true_scores).max(initial=0) <= TOLERANCE[name]
        if name != "coded":
            assert np.array_equal(found, true_ids)
        elif len(chosen):
            common = [len(set(a) & set(b)) for a, b in zip(found, true_ids, strict=True)]
            assert np.mean(common) > 0.94 * true_ids.shape[1]
        for row in range(0, 40, 13):
            assert np.array_equal(store.search(questions[row : row + 1], k, only)[1][0], found[row])


@pytest.mark.parametrize("allowed", [1000, 3000])
def test_those_far_from_the_question_are_found_among_some(name: str, build: Build, allowed: int) -> None:
    """None of them is among FAISS's first candidates, so that it must be asked for more."""
    ids, vectors = crowd(5000, 32)
    question = vectors[:1]
    far = np.sort(ids[np.argsort(vectors @ question[0])[:allowed]])
    true_scores, true_ids = exact.build(ids, vectors).search(question, 10, far)
    scores, found = build(ids, vectors).search(question, 10, far)
    assert np.isin(found, far).all()
    assert np.abs(scores - true_scores).max() <= TOLERANCE[name]
    assert name == "coded" or np.array_equal(found, true_ids)


def test_equals_among_some_come_by_id_too(build: Build) -> None:
    vectors = unit(np.repeat(np.random.default_rng(3).standard_normal((2, 16)), 400, axis=0))
    ids = np.random.default_rng(4).permutation(800).astype(np.int64)
    only = np.sort(np.concatenate([ids[:400:3], ids[400::3]]))
    assert build(ids, vectors).search(vectors[:1], 20, only)[1][0].tolist() == sorted(ids[:400:3])[:20]


def test_equals_come_by_id_even_where_they_outnumber_the_candidates(build: Build) -> None:
    vectors = unit(np.repeat(np.random.default_rng(3).standard_normal((2, 16)), 4000, axis=0))
    ids = np.random.default_rng(4).permutation(8000).astype(np.int64)
    scores, found = build(ids, vectors).search(vectors[:1], 20)
    assert found[0].tolist() == sorted(ids[:4000])[:20]
    assert len(set(scores[0])) == 1


def test_a_question_gets_the_same_bits_alone_and_among_others(build: Build) -> None:
    ids, vectors = crowd(3000, 48)
    store = build(ids, vectors)
    scores, found = store.search(vectors[:25], 7)  # FAISS changes its method at 20 questions
    for row in range(25):
        alone = store.search(vectors[row : row + 1], 7)
        assert np.array_equal(alone[0][0], scores[row])
        assert np.array_equal(alone[1][0], found[row])


def test_the_order_in_which_rows_are_given_changes_nothing(build: Build) -> None:
    ids, vectors = crowd(200, 16)
    order = np.random.default_rng(5).permutation(200)
    one, other = build(ids, vectors), build(ids[order], vectors[order])
    assert np.array_equal(one.search(vectors[:9], 20)[0], other.search(vectors[:9], 20)[0])
    assert np.array_equal(one.search(vectors[:9], 20)[1], other.search(vectors[:9], 20)[1])


def test_scores_are_the_numbers_that_search_gives(build: Build) -> None:
    ids, vectors = crowd(500, 20)
    store = build(ids, vectors)
    scores, found = store.search(vectors[:4], 30)
    for row in range(4):
        assert np.array_equal(store.scores(vectors[row : row + 1], found[row, ::-1])[0, ::-1], scores[row])
    assert store.scores(vectors[:4], ids[:0]).shape == (4, 0)
    assert store.scores(vectors[:0], ids[:3]).shape == (0, 3)


def test_asking_for_more_than_there_is_gives_all(build: Build) -> None:
    ids, vectors = crowd(40, 8)
    store = build(ids, vectors)
    scores, found = store.search(vectors[:3], 1000)
    assert len(store) == 40
    assert scores.shape == found.shape == (3, 40)
    assert all(set(row) == set(ids) for row in found)
    assert store.search(vectors[:3], 0)[0].shape == (3, 0)
    assert store.search(vectors[:0], 5)[1].shape == (0, 5)


def test_an_empty_store_answers_with_nothing_and_is_saved_too(build: Build, tmp_path: Path) -> None:
    store = build(np.empty(0, np.int64), np.empty((0, 12), np.float32))
    store.save(tmp_path)
    for one in (store, load_vector_store(store.kind, tmp_path)):
        scores, found = one.search(np.ones((2, 12), np.float32), 5)
        assert (len(one), one.dim, scores.shape, found.shape) == (0, 12, (2, 0), (2, 0))


def test_a_loaded_store_answers_as_the_saved_one_did(build: Build, tmp_path: Path) -> None:
    ids, vectors = crowd(600, 28)
    store = build(ids, vectors)
    store.save(tmp_path)
    loaded = load_vector_store(store.kind, tmp_path)
    assert (loaded.kind, loaded.dim, len(loaded)) == (store.kind, 28, 600)
    (scores, found), (loaded_scores, loaded_found) = store.search(vectors[:30], 12), loaded.search(vectors[:30], 12)
    assert np.array_equal(scores, loaded_scores)
    assert np.array_equal(found, loaded_found)
    assert np.array_equal(store.scores(vectors[:3], ids[:50]), loaded.scores(vectors[:3], ids[:50]))


def test_a_loaded_store_survives_another_being_saved_in_its_folder(build: Build, tmp_path: Path) -> None:
    ids, vectors = crowd(300, 8)
    build(ids, vectors).save(tmp_path)
    loaded = load_vector_store(build(ids, vectors).kind, tmp_path)
    before = loaded.search(vectors[:5], 5)
    build(ids[:20], vectors[:20]).save(tmp_path)
    assert np.array_equal(loaded.search(vectors[:5], 5)[1], before[1])
    assert len(load_vector_store(loaded.kind, tmp_path)) == 20


def test_nothing_saved_is_a_pickle(build: Build, tmp_path: Path) -> None:
    build(*crowd(100, 8)).save(tmp_path)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert "store.json" in files
    for file in files:
        if file.endswith(".npy"):
            np.load(tmp_path / file, allow_pickle=False)


@pytest.mark.parametrize("change", ["cut", "longer", "missing", "garbage", "empty"])
def test_damaged_files_are_refused(build: Build, tmp_path: Path, change: str) -> None:
    ids, vectors = crowd(100, 8)
    store = build(ids, vectors)
    store.save(tmp_path)
    files = sorted(tmp_path.iterdir())
    assert len(files) >= 3
    for file in files:
        content = file.read_bytes()
        if change == "missing":
            file.unlink()
        else:
            changed = {"cut": content[:-1], "longer": content + b"\0", "garbage": b"PK\3\4" + content, "empty": b""}
            file.write_bytes(changed[change])
        if (change, file.name) != ("longer", "store.json"):
            with pytest.raises(VectorStoreError, match="build") as raised:
                load_vector_store(store.kind, tmp_path)
            assert raised.value.code == "INDEX_DAMAGED"
        file.write_bytes(content)
    assert len(load_vector_store(store.kind, tmp_path)) == 100


def test_an_index_that_an_earlier_version_quantised_is_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would need more candidates than are looked at now."""
    with monkeypatch.context() as earlier:
        earlier.setattr(faiss, "SUB_DIM", 4)
        BUILDS["coded"](*crowd(100, 32)).save(tmp_path)
    with pytest.raises(VectorStoreError, match="earlier version") as raised:
        load_vector_store("faiss", tmp_path)
    assert raised.value.code == "INDEX_DAMAGED"


@pytest.mark.parametrize("key", ["dim", "count", "kind"])
@pytest.mark.parametrize("value", [-1, 3, None, "x", 10**30, []])
def test_a_head_that_fits_no_array_is_refused(build: Build, tmp_path: Path, key: str, value: object) -> None:
    store = build(*crowd(100, 8))
    store.save(tmp_path)
    head = json.loads((tmp_path / "store.json").read_text(encoding="utf-8"))
    (tmp_path / "store.json").write_text(json.dumps(head | {key: value}), encoding="utf-8")
    with pytest.raises(VectorStoreError) as raised:
        load_vector_store(store.kind, tmp_path)
    assert raised.value.code == "INDEX_DAMAGED"


def test_faiss_never_reads_bytes_that_changed(tmp_path: Path) -> None:
    BUILDS["coded"](*crowd(200, 8)).save(tmp_path)
    content = bytearray((tmp_path / "coarse.npy").read_bytes())
    content[-7] ^= 16
    (tmp_path / "coarse.npy").write_bytes(content)
    with pytest.raises(VectorStoreError, match=r"coarse\.npy") as raised:
        load_vector_store("faiss", tmp_path)
    assert raised.value.code == "INDEX_DAMAGED"


def test_faiss_bytes_of_another_store_are_refused(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, count in ((one, 200), (other, 100)):
        folder.mkdir()
        BUILDS["coded"](*crowd(count, 8)).save(folder)
    for file in ("coarse.npy", "coarse_sha256.npy"):
        (one / file).write_bytes((other / file).read_bytes())
    with pytest.raises(VectorStoreError, match="100 × 8") as raised:
        load_vector_store("faiss", one)
    assert raised.value.code == "INDEX_DAMAGED"


def test_a_store_of_another_kind_is_refused(tmp_path: Path) -> None:
    BUILDS["exact"](*crowd(10, 4)).save(tmp_path)
    with pytest.raises(VectorStoreError, match="kind 'exact', expected faiss-flat or faiss-coded"):
        load_vector_store("faiss", tmp_path)


def test_questions_of_another_size_are_refused_with_both_numbers(build: Build) -> None:
    """MODE-010: a model of 1024 dimensions for an index of 384."""
    ids, vectors = crowd(20, 384)
    store = build(ids, vectors)
    question = unit(np.ones((1, 1024)))
    for ask in (lambda: store.search(question, 3), lambda: store.scores(question, ids)):
        with pytest.raises(VectorStoreError, match=r"\(1, 1024\).* 384 ") as raised:
            ask()
        assert raised.value.code == "INDEX_DIM_MISMATCH"


def test_unknown_and_repeated_ids_are_refused_by_name(build: Build) -> None:
    ids, vectors = crowd(20, 8)
    with pytest.raises(VectorStoreError, match="77") as unknown:
        build(ids, vectors).scores(vectors[:1], np.array([ids[0], 77]))
    with pytest.raises(VectorStoreError, match="twice") as twice:
        build(np.array([5, 6, 5]), vectors[:3])
    assert unknown.value.code == twice.value.code == "INDEX_BAD_IDS"


@pytest.mark.parametrize("shape", [(3,), (4, 0), (3, 8)])
def test_arrays_that_do_not_fit_are_refused(build: Build, shape: tuple[int, ...]) -> None:
    with pytest.raises(VectorStoreError) as raised:
        build(np.arange(4), np.ones(shape, np.float32))
    assert raised.value.code == "INDEX_DIM_MISMATCH"


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(VectorStoreError, match="known: exact, faiss") as raised:
        build_vector_store("annoy", *crowd(3, 4))
    assert raised.value.code == "INDEX_UNKNOWN_KIND"


def test_searching_leaves_the_number_of_threads_as_it_was() -> None:
    import faiss as library

    before = library.omp_get_max_threads()
    BUILDS["coded"](*crowd(100, 8)).search(crowd(1, 8)[1], 3)
    assert library.omp_get_max_threads() == before


def test_the_limit_decides_between_flat_and_coded() -> None:
    ids, vectors = crowd(40, 8)
    assert isinstance(faiss.build(ids, vectors, flat_limit=40), faiss.FlatStore)
    assert isinstance(faiss.build(ids, vectors, flat_limit=39), faiss.CodedStore)
    assert isinstance(build_vector_store("faiss", ids, vectors), faiss.FlatStore)


def test_merged_stores_are_what_is_built_at_once(tmp_path: Path, name: str, build: Build) -> None:
    """Every byte of them, whatever came in which part and what was left out."""
    ids, vectors = crowd(600, 32)
    parts = [(ids[:400], vectors[:400]), (ids[200:], vectors[200:])]  # the last of the first are in both
    kept = [np.isin(np.sort(parts[0][0]), ids[:150]), np.ones(400, np.bool_)]
    limit = {"flat_limit": 15} if name == "coded" else {}
    module = exact if name == "exact" else faiss
    merged = module.merge([(build(*rows), mask) for rows, mask in zip(parts, kept, strict=True)], small=False, **limit)
    left = np.r_[0:150, 200:600]
    whole = build(ids[left], vectors[left])
    for store, folder in ((merged, tmp_path / "merged"), (whole, tmp_path / "whole")):
        folder.mkdir()
        store.save(folder)
    files = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "merged").iterdir())
    for file in files:
        assert (tmp_path / "merged" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), file


def test_layers_give_the_scores_of_one_store(build: Build) -> None:
    ids, vectors = crowd(1200, 32)
    base = build(ids[:1000], vectors[:1000])
    gone = np.sort(ids[300:500])
    new = np.r_[250:300, 1000:1200]  # some again, with other ids there before
    layers = LayeredStore(
        [(base, np.sort(np.r_[gone, ids[250:300]])), (vectors_like(base, ids[new], vectors[new]), ids[:0])]
    )
    left = np.r_[0:300, 500:1200]
    whole = build(ids[left], vectors[left])
    questions = unit(vectors[:20] + 0.05 * crowd(20, 32, seed=1)[1])
    assert len(layers) == len(whole) == 1000
    assert np.array_equal(layers.scores(questions, ids[left]), whole.scores(questions, ids[left]))
    for only in (None, np.sort(ids[::3])):
        for k in (1, 10, 1000, 2000):  # so many that coded stores compare all
            scores, found = layers.search(questions, k, only)
            true_scores, true_found = whole.search(questions, k, only)
            assert np.array_equal(found, true_found)
            assert np.array_equal(scores, true_scores)
    with pytest.raises(VectorStoreError, match="isn't in this store"):
        layers.scores(questions, gone[:1])
