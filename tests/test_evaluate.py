"""Measures by hand, sets from files, and what changed since an earlier run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import log2
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from small_corpora import TERMS, PairEmbedder

from qa.errors import WenbaoError
from qa.evaluate import (
    Collection,
    GoldQuestion,
    Place,
    compare,
    evaluate_collection,
    evaluate_gold,
    index_corpus,
    read_collection,
    read_gold,
    read_run,
    write_run,
)
from qa.retrieve import Retriever

GOLD = Path(__file__).parents[1].parent / "shared" / "gold" / "dev.jsonl"


class Fixed:
    """Retrieves what it was told to, by question."""

    def __init__(self, ranked: Mapping[str, Sequence[int]], passages: int = 100) -> None:
        self.ranked = ranked
        self.lexical = range(passages)
        self.asked: list[str] = []

    def retrieve_many(self, questions: Sequence[str], k: int, leg: str) -> list[SimpleNamespace]:
        assert leg in {"hybrid", "lexical", "dense"}
        self.asked += questions
        return [
            SimpleNamespace(hits=[SimpleNamespace(passage_id=id_) for id_ in self.ranked[question][:k]])
            for question in questions
        ]


def fixed(ranked: Mapping[str, Sequence[int]]) -> Retriever:
    return cast("Retriever", Fixed(ranked))


def collection(qrels: Mapping[str, Mapping[str, int]]) -> Collection:
    return Collection("hand", {f"p{i}": f"text {i}" for i in range(100)}, {query: query for query in qrels}, qrels)


def test_measures_are_those_worked_by_hand() -> None:
    qrels = {"a": {"p1": 1}, "b": {"p2": 1}, "c": {"p3": 1}, "d": {"p4": 1, "p5": 1}}
    ranked = {"a": [1, 9], "b": [9, 2], "c": [*range(10, 20), 3], "d": [5, 8, 9, 10, 11, 4]}
    result = evaluate_collection(collection(qrels), fixed(ranked))
    assert result.measures == pytest.approx(
        {
            "recall@1": (1 + 0 + 0 + 1 / 2) / 4,
            "recall@5": (1 + 1 + 0 + 1 / 2) / 4,
            "recall@10": (1 + 1 + 0 + 1) / 4,
            "mrr@10": (1 + 1 / 2 + 0 + 1) / 4,
            "ndcg@10": (1 + 1 / log2(3) + 0 + (1 + 1 / log2(7)) / (1 + 1 / log2(3))) / 4,
        },
        abs=1e-6,
    )
    assert result.ranks == {"a": 1, "b": 2, "c": None, "d": 1}
    assert (result.set, result.passages, result.queries, result.leg) == ("hand", 100, 4, "hybrid")


def test_the_retriever_s_order_decides_not_the_names_of_passages() -> None:
    forwards = evaluate_collection(collection({"a": {"p1": 1}}), fixed({"a": [1, 2]}))
    backwards = evaluate_collection(collection({"a": {"p2": 1}}), fixed({"a": [2, 1]}))
    assert forwards.measures == backwards.measures
    assert forwards.measures["recall@1"] == 1


def test_questions_without_a_judgement_are_left_out() -> None:
    found = collection({"a": {"p1": 1}})
    both = Collection(found.name, found.corpus, {"a": "a", "b": "b"}, found.qrels)
    assert evaluate_collection(both, fixed({"a": [1]})).queries == 1


PLACES = {1: Place("x.txt", 0, 10), 2: Place("x.txt", 10, 20), 3: Place("sub/y.txt", 0, 30), 4: Place("z.txt", 5, 6)}


def gold(*evidences: tuple[Place, ...], history: tuple[str, ...] = ()) -> list[GoldQuestion]:
    return [GoldQuestion("q", "问题？", history, evidences)]


def ranks_of(questions: list[GoldQuestion], ranked: Sequence[int]) -> tuple[int | None, float]:
    result = evaluate_gold("g", questions, fixed({"问题？": ranked}), lambda ids: {id_: PLACES[id_] for id_ in ids})
    return result.ranks["q"], result.measures["recall@10"]


@pytest.mark.parametrize(
    ("evidence", "rank"),
    [
        (Place("x.txt", 9, 11), 1),  # in both: the better passage counts
        (Place("x.txt", 10, 11), 2),  # an end is exclusive
        (Place("y.txt", 29, 40), 3),  # a gold file names no folder
        (Place("w.txt", 0, 99), None),
    ],
)
def test_a_passage_is_right_when_it_overlaps_the_evidence(evidence: Place, rank: int | None) -> None:
    assert ranks_of(gold((evidence,)), [1, 2, 3, 4]) == (rank, float(rank is not None))


def test_the_same_fact_told_elsewhere_counts_once() -> None:
    assert ranks_of(gold((Place("x.txt", 0, 5), Place("z.txt", 5, 6))), [4, 1]) == (1, 1.0)


def test_of_several_evidences_the_share_that_is_covered_counts() -> None:
    several = gold((Place("x.txt", 0, 5),), (Place("y.txt", 0, 5),), (Place("w.txt", 0, 5),))
    rank, recall = ranks_of(several, [2, 1, 3])
    assert rank == 2
    assert recall == pytest.approx(2 / 3, abs=1e-6)


def test_follow_ups_are_completed_before_they_are_asked() -> None:
    question = GoldQuestion("q", "那上海呢？", ("北京有多少座图书馆？",), ((PLACES[1],),))
    ranked = {"上海有多少座图书馆？": [1]}
    assert evaluate_gold("g", [question], fixed(ranked), lambda _: PLACES).ranks == {"q": 1}


def write_set(folder: Path, corpus: str, queries: str, qrels: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in (("corpus.jsonl", corpus), ("queries.jsonl", queries), ("qrels.tsv", qrels)):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


CORPUS = (
    '{"_id": "p0", "title": "白菜", "text": "北门市场每天卖出三千斤白菜。"}\n'
    '{"_id": "p1", "title": "", "text": "长江大桥修建于1957年。"}\n'
    '{"_id": "p2", "text": "图书馆新买了两万册图书。"}\n'
)
QUERIES = (
    '{"_id": "q0", "text": "长江大桥是哪年修的？"}\n'
    '{"_id": "q1", "text": "图书馆买了多少册书？"}\n'
    '{"_id": "q2", "text": "?"}\n'
)
QRELS = "query-id\tcorpus-id\tscore\nq0\tp1\t1\nq1\tp2\t1\nq2\tp0\t0\n"


def test_a_beir_folder_is_read_and_indexed_aside(tmp_path: Path) -> None:
    found = read_collection(write_set(tmp_path / "tiny", CORPUS, QUERIES, QRELS))
    assert found.corpus == {
        "p0": "白菜\n北门市场每天卖出三千斤白菜。",
        "p1": "长江大桥修建于1957年。",
        "p2": "图书馆新买了两万册图书。",
    }
    assert found.qrels == {"q0": {"p1": 1}, "q1": {"p2": 1}}
    retriever = index_corpus(found.corpus, PairEmbedder(), TERMS, tmp_path / "index")
    result = evaluate_collection(found, retriever)
    assert (result.set, result.passages, result.queries) == ("tiny", 3, 2)
    assert set(result.measures.values()) == {1.0}


@pytest.mark.parametrize(
    ("corpus", "queries", "qrels", "told"),
    [
        ("{}\n", QUERIES, QRELS, "_id"),
        ("nonsense\n", QUERIES, QRELS, "corpus.jsonl, line 1"),
        (CORPUS, "[1]\n", QRELS, "queries.jsonl, line 1"),
        (CORPUS, QUERIES, QRELS + "q0\tp9\t1\n", "qrels.tsv, line 5"),
        (CORPUS, QUERIES, QRELS + "q0 p1 1\n", "qrels.tsv, line 5"),
        (CORPUS, QUERIES, "q2\tp0\t0\n", "no passage"),
    ],
)
def test_a_broken_set_is_refused_with_its_place(
    tmp_path: Path, corpus: str, queries: str, qrels: str, told: str
) -> None:
    with pytest.raises(WenbaoError, match=told) as caught:
        read_collection(write_set(tmp_path / "set", corpus, queries, qrels))
    assert caught.value.code == "EVAL_INVALID"


def test_a_missing_set_says_what_a_set_is(tmp_path: Path) -> None:
    for read in (read_collection, read_gold):
        with pytest.raises(WenbaoError, match=r"qrels\.tsv") as caught:
            read(tmp_path / "absent")
        assert (caught.value.code, caught.value.exit_code) == ("EVAL_NOT_FOUND", 2)


def test_gold_rows_of_every_shape_are_read(tmp_path: Path) -> None:
    rows = [
        {"id": "one", "question": "a", "file": "x.txt", "evidence": "…", "evidence_start": 3, "evidence_end": 5},
        {"id": "else", "question": "b", "file": "x.txt", "evidence_start": 3, "evidence_end": 5,
         "also_evidence": [{"file": "y.txt", "start": 1, "end": 2}]},
        {"id": "two", "question": "c", "history": ["b"], "evidence_start": None,
         "evidence": [{"file": "x.txt", "start": 1, "end": 2}, {"file": "y.txt", "start": 3, "end": 4}]},
        {"id": "none", "question": "d", "file": None, "evidence": None, "evidence_start": None},
    ]  # fmt: skip
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert read_gold(path) == [
        GoldQuestion("one", "a", (), ((Place("x.txt", 3, 5),),)),
        GoldQuestion("else", "b", (), ((Place("x.txt", 3, 5), Place("y.txt", 1, 2)),)),
        GoldQuestion("two", "c", ("b",), ((Place("x.txt", 1, 2),), (Place("y.txt", 3, 4),))),
    ]


def test_the_gold_file_has_its_108_answerable_questions() -> None:
    if not GOLD.exists():
        pytest.skip(f"{GOLD} isn't there")
    assert len(read_gold(GOLD)) == 108


def test_a_kept_run_shows_what_fell_and_which_questions_flipped(tmp_path: Path) -> None:
    qrels = {"a": {"p1": 1}, "b": {"p2": 1}, "c": {"p3": 1}, "d": {"p4": 1}}
    before = evaluate_collection(collection(qrels), fixed({"a": [1], "b": [2], "c": [9, 3], "d": [9]}))
    after = evaluate_collection(collection(qrels), fixed({"a": [9, 1], "b": [2], "c": [3], "d": [4]}))
    write_run(before, tmp_path / "run.json")
    compared = compare(after, read_run(tmp_path / "run.json"))
    assert (compared.lost, compared.won) == (("a",), ("c", "d"))
    assert compared.drops["recall@1"] == pytest.approx(2 / 4 - 3 / 4)
    assert compared.worst() == pytest.approx(max(before.measures[m] - after.measures[m] for m in before.measures))
    assert compare(before, after.run()).worst() == pytest.approx(1 / 4)


def test_a_run_of_other_questions_is_no_baseline() -> None:
    one = evaluate_collection(collection({"a": {"p1": 1}}), fixed({"a": [1]}))
    other = evaluate_collection(collection({"b": {"p1": 1}}), fixed({"b": [1]}))
    for earlier in (other.run(), one.run() | {"set": "another"}):
        with pytest.raises(WenbaoError) as caught:
            compare(one, earlier)
        assert caught.value.code == "BASELINE_MISMATCH"


@pytest.mark.parametrize("content", [None, "", "[]", '{"set": "x", "measures": {}}'])
def test_what_is_no_run_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "run.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(WenbaoError, match="--save") as caught:
        read_run(path)
    assert (caught.value.code, caught.value.exit_code) == ("BASELINE_INVALID", 2)
