"""How good is retrieval? Ranked passages against judged questions, measured as the literature does.

Two kinds of set: a folder in the style of BEIR (Thakur et al. 2021), whose corpus is indexed aside, each row one
passage; and a file of gold questions, whose evidence is a span of an article of the corpus. Stands beside the bot:
it is given a retriever and knows neither store nor surfaces. The measures are computed by ir-measures (MacAvaney
et al. 2022): recall@k, mrr@10 (RR@10) and ndcg@10.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.embedder import Embedder
from embeddings.registry import build_vector_store
from qa.chat import complete, emphasised
from qa.errors import InputError, UsageError
from qa.generations import VECTOR_STORE, Progress, embed
from qa.lexical import LexicalIndex
from qa.retrieve import Leg, Retriever
from qa.text import Terms

Qrels = Mapping[str, Mapping[str, int]]

DEPTH = 10
"""Passages that are retrieved for a question: the deepest that a measure looks."""
CHUNK = 256
"""Questions that are retrieved together, between two steps of the progress bar."""


@dataclass(frozen=True, slots=True)
class Collection:
    """A BEIR folder: passages and questions by id, and which passages are relevant to which question (above 0)."""

    name: str
    corpus: Mapping[str, str]
    queries: Mapping[str, str]
    qrels: Qrels


@dataclass(frozen=True, slots=True)
class Place:
    """``[start, end)`` of a file of the corpus, in characters."""

    file: str
    start: int
    end: int

    def overlaps(self, other: Place) -> bool:
        """Whether both have a character in common. Files are compared by name, as gold files name no folder."""
        same = self.file.rpartition("/")[2] == other.file.rpartition("/")[2]
        return same and self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class GoldQuestion:
    """A question with its evidences; each is a tuple of places, any of which tells the fact."""

    id: str
    question: str
    history: tuple[str, ...]
    evidences: tuple[tuple[Place, ...], ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Measures of one set, in 0…1; ``ranks`` has each question's rank of the first right passage, None beyond ten."""

    set: str
    passages: int
    queries: int
    leg: str
    measures: Mapping[str, float]
    ranks: Mapping[str, int | None]

    def summary(self) -> dict[str, object]:
        """What ``wenbao eval --json`` prints."""
        return {
            "set": self.set,
            "passages": self.passages,
            "queries": self.queries,
            "leg": self.leg,
            "measures": dict(self.measures),
        }

    def run(self) -> dict[str, object]:
        """The summary with ``ranks``: what a later evaluation takes as its baseline."""
        return {**self.summary(), "ranks": dict(self.ranks)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """An evaluation against an earlier one.

    ``drops`` by measure: positive is worse. Questions whose first passage was right only earlier are ``lost``, those
    whose is right only now are ``won``.
    """

    drops: Mapping[str, float]
    lost: tuple[str, ...]
    won: tuple[str, ...]

    def worst(self) -> float:
        """The largest drop, in 0…1."""
        return max(self.drops.values(), default=0.0)


# Sets


def read_collection(folder: Path) -> Collection:
    """The BEIR folder's set. A passage's text is its title and its text, a line each.

    Raises:
        UsageError: EVAL_NOT_FOUND, when a file of the three is missing.
        InputError: EVAL_INVALID, with file and line.
    """
    corpus = {
        _key(row, "_id"): "\n".join(filter(None, (str(row.get("title") or ""), _key(row, "text"))))
        for row in _rows(folder / "corpus.jsonl")
    }
    queries = {_key(row, "_id"): _key(row, "text") for row in _rows(folder / "queries.jsonl")}
    qrels: dict[str, dict[str, int]] = {}
    path = folder / "qrels.tsv"
    for number, line in enumerate(_lines(path), 1):
        cells = next(csv.reader([line], delimiter="\t"))
        if number == 1 and cells[:1] == ["query-id"]:
            continue
        try:
            query, passage, score = cells
            relevance = int(score)
        except ValueError as error:
            raise _invalid(path, number, "expected query-id, corpus-id and score, with tabs between") from error
        if query not in queries or passage not in corpus:
            raise _invalid(path, number, "an id that isn't in queries.jsonl or corpus.jsonl")
        if relevance > 0:
            qrels.setdefault(query, {})[passage] = relevance
    if not qrels:
        raise InputError("EVAL_INVALID", f"{path} judges no passage as relevant.")
    return Collection(folder.resolve().name, corpus, queries, qrels)


def read_gold(path: Path) -> list[GoldQuestion]:
    """The questions of a gold file that have evidence; unanswerable ones have no passage to find.

    A row has ``id``, ``question``, ``history`` and ``file``, ``evidence_start``, ``evidence_end``, with
    ``also_evidence`` for other places of the same fact; or a list of ``evidence`` to be found together.

    Raises:
        UsageError: EVAL_NOT_FOUND.
        InputError: EVAL_INVALID, with file and line.
    """
    found = []
    for number, row in enumerate(_rows(path), 1):
        try:
            evidences = _evidences(row)
            history = tuple(str(turn) for turn in row.get("history") or ())
            question = GoldQuestion(str(row["id"]), str(row["question"]), history, evidences)
        except (KeyError, TypeError, ValueError) as error:
            raise _invalid(path, number, "expected a gold question: id, question, file and evidence") from error
        if evidences:
            found.append(question)
    if not found:
        raise InputError("EVAL_INVALID", f"{path} has no question with evidence.")
    return found


def _evidences(row: dict[str, Any]) -> tuple[tuple[Place, ...], ...]:
    if isinstance(row.get("evidence"), list):
        return tuple((_place(evidence),) for evidence in row["evidence"])
    if row.get("evidence_start") is None:
        return ()
    first = Place(row["file"], int(row["evidence_start"]), int(row["evidence_end"]))
    return ((first, *map(_place, row.get("also_evidence") or ())),)


def _place(value: dict[str, Any]) -> Place:
    return Place(value["file"], int(value["start"]), int(value["end"]))


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line in file:
                yield line.rstrip("\n")
    except FileNotFoundError as error:
        raise UsageError(
            "EVAL_NOT_FOUND",
            f"{path}: not there; a set is a folder with corpus.jsonl, queries.jsonl and qrels.tsv, or a gold file.",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("EVAL_INVALID", f"{path} can't be read as UTF-8 text.") from error


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(_lines(path), 1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _invalid(path, number, "no JSON object") from error
        if not isinstance(row, dict):
            raise _invalid(path, number, "no JSON object")
        yield row


def _key(row: dict[str, Any], name: str) -> str:
    if not isinstance(row.get(name), str):
        raise InputError("EVAL_INVALID", f"A row of the set has no text {name!r}: {json.dumps(row)[:80]}.")
    return str(row[name])


def _invalid(path: Path, line: int, reason: str) -> InputError:
    return InputError("EVAL_INVALID", f"{path}, line {line}: {reason}.")


# Measuring


def index_corpus(
    corpus: Mapping[str, str], embedder: Embedder, terms: Terms, folder: Path, progress: Progress | None = None
) -> Retriever:
    """A retriever over these passages alone, made as the corpus's own; passage i is the i-th row, from 0.

    Raises:
        ModelError: as the embedder gives it.
        StoreError: INDEX_WRITE, when the folder can't be written to.
    """
    texts = list(corpus.values())
    lexical = LexicalIndex.build(folder / "lexical", ((i, terms.passage(text)) for i, text in enumerate(texts)))
    vectors = []
    for start in range(0, len(texts), CHUNK):
        vectors.append(embed(embedder, texts[start : start + CHUNK]))
        if progress:
            progress("embedding", min(start + CHUNK, len(texts)), len(texts))
    ids = np.arange(len(texts), dtype=np.int64)
    nearest = build_vector_store(VECTOR_STORE, ids, np.concatenate(vectors))
    return Retriever(lexical, nearest, embedder, terms, lambda wanted: {i: texts[i] for i in wanted})


def evaluate_collection(
    collection: Collection, retriever: Retriever, leg: Leg = "hybrid", progress: Progress | None = None
) -> Evaluation:
    """Measures of a BEIR set; ``retriever`` is over its corpus, passage i being the i-th row from 0."""
    ids = list(collection.corpus)
    queries = {id_: text for id_, text in collection.queries.items() if id_ in collection.qrels}
    hits = _retrieve(retriever, list(queries.values()), leg, progress)
    ranked = {query: [ids[hit] for hit in found] for query, found in zip(queries, hits, strict=True)}
    return _evaluation(collection.name, len(ids), leg, collection.qrels, ranked)


def evaluate_gold(
    name: str,
    questions: Sequence[GoldQuestion],
    retriever: Retriever,
    places: Callable[[Sequence[int]], Mapping[int, Place]],
    *,
    leg: Leg = "hybrid",
    progress: Progress | None = None,
) -> Evaluation:
    """Measures of gold questions over the corpus; follow-ups are completed as everywhere else.

    ``places`` gives the places of passages. What is ranked is the evidence that passages cover: a passage counts for
    each evidence that it overlaps and that no better one has covered, else as wrong.
    """
    asked = [emphasised(q.question, complete(q.question, q.history)) for q in questions]
    qrels, ranked = {}, {}
    for question, found in zip(questions, _retrieve(retriever, asked, leg, progress), strict=True):
        where = places(found)
        order: list[str] = []
        for passage in found:
            covered = [
                f"evidence {i}"
                for i, alternatives in enumerate(question.evidences)
                if any(where[passage].overlaps(place) for place in alternatives) and f"evidence {i}" not in order
            ]
            order.extend(covered or [f"passage {passage}"])
        qrels[question.id] = {f"evidence {i}": 1 for i in range(len(question.evidences))}
        ranked[question.id] = order
    return _evaluation(name, len(retriever.lexical), leg, qrels, ranked)


def _retrieve(retriever: Retriever, questions: list[str], leg: Leg, progress: Progress | None) -> list[list[int]]:
    found: list[list[int]] = []
    for start in range(0, len(questions), CHUNK):
        chunk = questions[start : start + CHUNK]
        found += [[hit.passage_id for hit in one.hits] for one in retriever.retrieve_many(chunk, DEPTH, leg=leg)]
        if progress:
            progress("asking", len(found), len(questions))
    return found


def _evaluation(name: str, passages: int, leg: str, qrels: Qrels, ranked: Mapping[str, list[str]]) -> Evaluation:
    import ir_measures  # noqa: PLC0415 (0.1 s that only an evaluation needs)

    named = {
        "recall@1": ir_measures.R @ 1,
        "recall@5": ir_measures.R @ 5,
        "recall@10": ir_measures.R @ 10,
        "mrr@10": ir_measures.RR @ 10,
        "ndcg@10": ir_measures.nDCG @ 10,
    }
    # Scores fall with the rank, so that the measures see exactly our order, ties included.
    run = {query: {id_: float(-rank) for rank, id_ in enumerate(order)} for query, order in ranked.items()}
    judged = {query: dict(qrels[query]) for query in ranked}
    values = ir_measures.calc_aggregate(named.values(), judged, run)
    ranks = {
        query: next((rank for rank, id_ in enumerate(order, 1) if id_ in judged[query]), None)
        for query, order in ranked.items()
    }
    measures = {name: round(float(values[measure]), 6) for name, measure in named.items()}
    return Evaluation(name, passages, len(ranked), leg, measures, ranks)


# Comparing


def read_run(path: Path) -> dict[str, Any]:
    """An earlier evaluation, as ``wenbao eval --save`` wrote it.

    Raises:
        UsageError: BASELINE_INVALID.
    """
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError("BASELINE_INVALID", f"{path} is no run that `wenbao eval --save` wrote.") from error
    if not (isinstance(run, dict) and isinstance(run.get("measures"), dict) and isinstance(run.get("ranks"), dict)):
        raise UsageError("BASELINE_INVALID", f"{path} is no run that `wenbao eval --save` wrote.")
    return run


def write_run(evaluation: Evaluation, path: Path) -> None:
    """Keep the evaluation for a later ``read_run``.

    Raises:
        UsageError: OUTPUT_FAILED.
    """
    try:
        path.write_text(json.dumps(evaluation.run(), ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError("OUTPUT_FAILED", f"{path} can't be written: {error.strerror}.") from error


def compare(evaluation: Evaluation, baseline: Mapping[str, Any]) -> Comparison:
    """What changed since ``baseline``.

    Raises:
        UsageError: BASELINE_MISMATCH, when it is of another set or list of questions: then a drop says nothing.
    """
    earlier = baseline["ranks"]
    if baseline.get("set") != evaluation.set:
        raise UsageError(
            "BASELINE_MISMATCH", f"The baseline is of the set {baseline.get('set')!r}, this is {evaluation.set!r}."
        )
    if earlier.keys() != evaluation.ranks.keys():
        raise UsageError(
            "BASELINE_MISMATCH", "The baseline has other questions than this set; make a new one with --save."
        )
    drops = {name: round(float(baseline["measures"][name]) - value, 6) for name, value in evaluation.measures.items()}
    lost = tuple(id_ for id_, rank in evaluation.ranks.items() if earlier[id_] == 1 != rank)
    won = tuple(id_ for id_, rank in evaluation.ranks.items() if rank == 1 != earlier[id_])
    return Comparison(drops, lost, won)
