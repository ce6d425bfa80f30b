"""BM25 as the formula says, the same from every opening, in an order that doesn't depend on chance."""

from __future__ import annotations

import math
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tantivy
from hypothesis import given, settings
from hypothesis import strategies as st

import qa.lexical
import qa.postings
from qa.errors import StoreError
from qa.lexical import LexicalIndex, LexicalPart
from qa.postings import ARRAYS, blocks, join, merged

Documents = dict[int, list[str]]
K1, B = 1.2, 0.75


def reference(documents: Documents, question: Sequence[str]) -> dict[int, float]:
    """BM25 of every passage that holds a term; lengths below 40 are exact in the index, so these passages are short."""
    average = sum(map(len, documents.values())) / len(documents)
    scores: dict[int, float] = {}
    for passage_id, terms in documents.items():
        counts = Counter(terms)
        for term in question:
            if counts[term]:
                holding = sum(term in other for other in documents.values())
                idf = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
                weight = counts[term] * (K1 + 1) / (counts[term] + K1 * (1 - B + B * len(terms) / average))
                scores[passage_id] = scores.get(passage_id, 0.0) + idf * weight
    return scores


TERMS = st.sampled_from(["工会", "口罩", "街道", "8000", "covid", "a" * 300])


@settings(deadline=None, max_examples=30)
@given(
    st.dictionaries(st.integers(0, 2**63 - 1), st.lists(TERMS, max_size=39), min_size=1, max_size=8), st.lists(TERMS)
)
def test_search_and_scores_are_bm25(documents: Documents, question: list[str]) -> None:
    expected = reference(documents, question)
    with tempfile.TemporaryDirectory() as folder:
        index = LexicalIndex.build(Path(folder), documents.items())
        hits = index.search(question, 100)
        scores = index.scores(question, [*documents, 1])
        assert len(index) == len(documents)
        assert index.document_frequency("工会") == sum("工会" in terms for terms in documents.values())
    assert dict(hits) == pytest.approx(expected, rel=1e-5)
    assert [score for _, score in hits] == sorted((score for _, score in hits), reverse=True)
    assert scores == pytest.approx({1: 0.0} | dict.fromkeys(documents, 0.0) | expected, rel=1e-5)


def tantivys(folder: Path, documents: Documents, question: Sequence[str]) -> dict[int, float]:
    """What tantivy gives, whose score is the same formula with the same rounding of lengths."""
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", fast=True)
    builder.add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
    schema = builder.build()
    index = tantivy.Index(schema, path=str(folder))
    writer = index.writer(num_threads=1)
    for number, terms in documents.items():
        document = tantivy.Document()
        document.add_unsigned("id", number)
        document.add_text("terms", " ".join(terms))
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    clauses = [(tantivy.Occur.Should, tantivy.Query.term_query(schema, "terms", term, "freq")) for term in question]
    searcher = index.searcher()
    hits = searcher.search(tantivy.Query.boolean_query(clauses), len(documents)).hits
    ids = searcher.fast_field_values("id", [address for _, address in hits])
    return {int(number or 0): score for number, (score, _) in zip(ids, hits, strict=True)}


def test_scores_are_tantivys(tmp_path: Path) -> None:
    chance = random.Random(1)
    words = [f"w{n}" for n in range(200)]
    documents = {
        n: chance.choices(words, weights=[1 / (i + 1) for i in range(200)], k=chance.randrange(0, 3000))
        for n in range(300)
    }
    index = LexicalIndex.build(tmp_path / "ours", documents.items())
    (tmp_path / "theirs").mkdir()
    for size in (1, 3, 12):
        question = chance.sample(words, size)
        assert dict(index.search(question, 300)) == pytest.approx(
            tantivys(tmp_path / "theirs", documents, question)
            if size == 1
            else tantivys(Path(tempfile.mkdtemp(dir=tmp_path)), documents, question),
            rel=1e-5,
        )


CORPORA = st.dictionaries(st.integers(0, 50), st.lists(TERMS, max_size=60), max_size=12)


@settings(deadline=None, max_examples=30)
@given(st.data(), CORPORA, st.lists(TERMS, min_size=1))
def test_in_parts_and_with_passages_gone_all_is_as_if_built_at_once(
    data: st.DataObject, documents: Documents, question: list[str]
) -> None:
    """The same scores to the last bit, and merged the same arrays."""
    gone = data.draw(st.dictionaries(st.integers(51, 99), st.lists(TERMS, max_size=60), max_size=12))
    every = list((documents | gone).items())
    every = data.draw(st.permutations(every))
    cut = data.draw(st.integers(0, len(every)))
    parts = [join(blocks(every[:cut])), join(blocks(every[cut:]))]
    masks = [np.isin(part.ids, list(documents)) for part in parts]
    both = LexicalIndex([(LexicalPart(part), mask) for part, mask in zip(parts, masks, strict=True)])
    left = [(number, terms) for number, terms in every if number in documents]
    once = join(blocks(left))
    whole = LexicalIndex([(LexicalPart(once), None)])
    assert len(both) == len(whole)
    for term in question:
        assert both.document_frequency(term) == whole.document_frequency(term)
    ids = [*documents, *gone, 1000]
    assert both.scores(question, ids) == whole.scores(question, ids)
    only = np.array(sorted(ids)[::2], np.int64)
    for k in (1, 3, 100):
        assert both.search(question, k) == whole.search(question, k)
        assert both.search(question, k, only) == whole.search(question, k, only)
    with tempfile.TemporaryDirectory() as folder:
        one = merged(list(zip(parts, masks, strict=True)), Path(folder))
        for name in ARRAYS:
            assert np.array_equal(getattr(one, name), getattr(once, name)), name


def test_many_blocks_are_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(2)
    documents = [(n, [f"w{chance.randrange(40)}" for _ in range(chance.randrange(30))]) for n in range(500)]
    whole = join(blocks(documents))
    monkeypatch.setattr(qa.postings, "BLOCK_PASSAGES", 7)
    monkeypatch.setattr(qa.postings, "BLOCK_POSTINGS", 11)
    monkeypatch.setattr(qa.lexical, "TOGETHER", 90)
    pieces = join(blocks(documents))
    for name in ARRAYS:
        assert np.array_equal(getattr(pieces, name), getattr(whole, name)), name
    ours, expected = (LexicalIndex([(LexicalPart(part), None)]) for part in (pieces, whole))
    everything = expected.search(["w1", "w2", "w2"], 500)
    for k in (1, 5, 50, 166, 200):
        assert ours.search(["w1", "w2", "w2"], k) == everything[:k]


def test_rows_of_common_terms_give_what_their_postings_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(3)
    documents = [(n, [f"w{int(chance.random() ** 3 * 60)}" for _ in range(chance.randrange(60))]) for n in range(400)]
    monkeypatch.setattr(qa.lexical, "ROWS_BYTES", 0)
    counted = LexicalIndex.build(tmp_path / "counted", documents)
    monkeypatch.setattr(qa.lexical, "ROWS_BYTES", 3 * 4 * 400)  # three rows: they are made and dropped all the time
    monkeypatch.setattr(qa.lexical, "ROWS_LEAST", 1)
    kept = LexicalIndex.build(tmp_path / "kept", documents)
    questions = [[f"w{int(chance.random() ** 2 * 60)}" for _ in range(1 + n % 12)] for n in range(100)]
    common = {term for question in questions for term in question if 4 * counted.document_frequency(term) > 400}
    assert len(common) > 3  # more than are kept

    def same(question: list[str]) -> bool:
        return dict(kept.search(question, 400)) == pytest.approx(dict(counted.search(question, 400)), rel=1e-5)

    with ThreadPoolExecutor(4) as pool:  # one index for all threads
        assert all(pool.map(same, questions * 3))


def test_long_passages_are_scored_with_their_length_rounded_down(tmp_path: Path) -> None:
    # Lucene's one-byte lengths: 100 terms count as 96, 41 as 40.
    index = LexicalIndex.build(tmp_path, [(1, ["工会"] + ["x"] * 99), (2, ["工会"] + ["x"] * 40)])
    idf = math.log(1 + 0.5 / 2.5)
    average = (100 + 41) / 2
    expected = {i: idf * (K1 + 1) / (1 + K1 * (1 - B + B * length / average)) for i, length in ((1, 96), (2, 40))}
    assert dict(index.search(["工会"], 2)) == pytest.approx(expected, rel=1e-5)


def test_equal_scores_come_by_id_wherever_the_list_is_cut(tmp_path: Path) -> None:
    ids = [(i * 37) % 101 for i in range(101)]
    index = LexicalIndex.build(tmp_path, ((i, ["工会", "街道"]) for i in ids))
    for k in (1, 2, 10, 100, 101, 500):
        assert [i for i, _ in index.search(["街道"], k)] == list(range(min(k, 101)))


def test_terms_that_occur_nowhere_find_nothing(tmp_path: Path) -> None:
    index = LexicalIndex.build(tmp_path, [(1, ["工会"])])
    assert index.search(["火星"], 5) == index.search([], 5) == index.search(["工会"], 0) == []
    assert index.scores(["火星"], [1]) == index.scores([], [1]) == {1: 0.0}
    assert index.scores(["工会"], []) == {}
    assert index.document_frequency("火星") == 0


def test_an_empty_index_answers(tmp_path: Path) -> None:
    index = LexicalIndex.build(tmp_path / "new" / "folder", [])
    assert len(index) == 0
    assert index.search(["工会"], 5) == []
    assert index.scores(["工会"], [1]) == {1: 0.0}


def test_an_index_answers_alike_when_opened_again(tmp_path: Path) -> None:
    documents = [(i, ["工会"] * (i % 5) + ["街道"] * (i % 7) + ["x"] * (i % 11)) for i in range(500)]
    built = LexicalIndex.build(tmp_path, documents)
    opened = LexicalIndex.open(tmp_path)
    assert built.search(["工会", "街道", "街道"], 50) == opened.search(["工会", "街道", "街道"], 50)
    ids = list(range(0, 500, 7))
    found = dict(opened.search(["工会", "街道"], 500))
    assert opened.scores(["工会", "街道"], ids) == pytest.approx({i: found.get(i, 0.0) for i in ids}, rel=1e-6)


def test_opening_writes_nothing_and_needs_no_right_to(tmp_path: Path) -> None:
    LexicalIndex.build(tmp_path, [(1, ["工会"]), (2, ["街道"])])
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    tmp_path.chmod(0o555)
    index = LexicalIndex.open(tmp_path)
    tmp_path.chmod(0o755)
    assert [i for i, _ in index.search(["街道"], 5)] == [2]
    assert {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("damage", ["missing", "empty", "no ids", "short", "other arrays"])
def test_what_is_not_a_whole_index_is_refused(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "index"
    if damage == "empty":
        folder.mkdir()
    elif damage != "missing":
        LexicalIndex.build(folder, [(1, ["工会"])])
        if damage == "no ids":
            (folder / "ids.npy").unlink()
        elif damage == "short":
            (folder / "places.npy").write_bytes((folder / "places.npy").read_bytes()[:-1])
        else:
            np.save(folder / "counts.npy", np.ones(3, np.uint8))
    with pytest.raises(StoreError) as caught:
        LexicalIndex.open(folder)
    assert caught.value.code == "INDEX_DAMAGED"


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as caught:
        LexicalIndex.build(tmp_path / "file", [(1, ["工会"])])
    assert caught.value.code == "INDEX_WRITE"
