"""The answer record: the passages with their sources, the text that answers, and how sure that is.

The record is the one thing that every surface shows (docs/answers.md). It is made here and serialised here, so that the
chat, a batch file, the HTTP API and the command line can't differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from embeddings.embedder import Embedder
from embeddings.vectors import Vectors
from qa.answer import meaning, verdict
from qa.answer.asking import in_full
from qa.answer.candidates import layout
from qa.answer.choosing import Finding, told
from qa.answer.elsewhere import retold
from qa.answer.evidence import missing_terms
from qa.answer.finding import READ, best_sentence, embedded_texts, nearness, rank, stressed
from qa.answer.gathering import gather
from qa.answer.kinds import asks_for_several, expected
from qa.answer.places import places
from qa.answer.vectors import SentenceVectors
from qa.filters import EVERYTHING, Filters
from qa.hits import Hit
from qa.retrieve import Retrieved
from qa.store import StoredPassage
from qa.text import Terms

Record = dict[str, Any]
"""The answer record as in docs/answers.md: plain JSON values."""

SHOWN_TERMS = 12
"""Matched words listed in ``why``, at most."""

_VECTORS = SentenceVectors()


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it comes in: ``history`` has the earlier questions of the conversation, oldest first.

    It is answered from the articles that ``filters`` allow.
    """

    question: str
    id: str | None = None
    history: tuple[str, ...] = ()
    filters: Filters = EVERYTHING


def answer_many(
    asked: Sequence[Question],
    retrieved: Sequence[Retrieved],
    passages: Mapping[int, StoredPassage],
    embedder: Embedder,
    terms: Terms,
    top_k: int | None = None,
) -> list[Record]:
    """Each question's record, in order; ``trace_id`` and ``elapsed_ms`` are the caller's to fill in.

    ``passages`` holds the passages of all hits. One that is no longer there, or is damaged, is left out. At most
    ``top_k`` are shown (None for all); the first READ are read for an answer, shown or not.

    Raises:
        ModelError: as the embedder gives it.
    """
    if not retrieved:
        return []
    there = [tuple(hit for hit in found.hits if hit.passage_id in passages) for found in retrieved]
    wanted = dict.fromkeys(hit.passage_id for hits in there for hit in hits[:READ])
    vectors = _VECTORS.of((text for id_ in wanted for text in embedded_texts(passages[id_].text)), embedder)
    vector = embedder.questions([found.question for found in retrieved])
    return [
        _record(question, found, hits, passages, vectors, vector[i], terms, top_k)
        for i, (question, found, hits) in enumerate(zip(asked, retrieved, there, strict=True))
    ]


def record_json(record: Record) -> str:
    """The record's one serialisation: strict JSON on one line, characters as they are."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def _record(
    question: Question,
    found: Retrieved,
    hits: Sequence[Hit],
    passages: Mapping[int, StoredPassage],
    vectors: Mapping[str, Vectors],
    vector: Vectors,
    terms: Terms,
    top_k: int | None,
) -> Record:
    weighed = stressed(replace(found, question=in_full(found.question)))
    wanted = meaning.shipped().wanted(found.question, weighed.words)
    judge = verdict.shipped()
    near = [nearness(passages[hit.passage_id], vectors, vector) for hit in hits[:READ]]
    candidates = rank(weighed, hits, passages, near, wanted)
    finding = told(candidates, judge)
    status: verdict.Status = "not_found"
    confidence = 0.0
    if finding is not None:
        status, confidence = judge.verdict(finding.evidence)
    order = list(range(len(hits)))
    if finding is not None and status == "answered":  # the passage that answers comes first
        order.insert(0, order.pop(finding.passage))
    least = list(accumulate((hits[i].score for i in reversed(order)), max))[::-1]
    order = order[:top_k]
    several = status == "answered" and asks_for_several(expected(found.question))
    parts = gather(candidates, judge) if several else []
    chosen = order.index(finding.passage) if finding and finding.field == "text" and finding.passage in order else None
    hits = [hits[i] for i in order]
    there = [passages[hit.passage_id] for hit in hits]
    marked = [
        finding.sentence if finding is not None and number == chosen else best_sentence(passage, weighed.idf, wanted)
        for number, passage in enumerate(there)
    ]
    also = retold(
        [passage.file for passage in there],
        [passage.text[slice(*span)] if span else "" for passage, span in zip(there, marked, strict=True)],
        [passage.text for passage in there],
    )
    shown = [
        {
            "rank": number + 1,
            "score": round(least[number], 4),  # no smaller than those behind it
            "text": passage.text,
            "source": _source(passage),
            "highlights": places(passage, *span) if span else [],
            "marks": [{"start": span[0], "end": span[1]}] if span else [],
            **(_answer_span(passage, finding) if finding and number == chosen and status == "answered" else {}),
            **({"also": [{"rank": i + 1, "source": _source(there[i])} for i in also[number]]} if also[number] else {}),
            "why": {
                "terms": _matched(passage, found.idf, terms),
                "lexical_rank": hit.lexical_rank,
                "dense_rank": hit.dense_rank,
                "fused_score": round(hit.score, 4),
            },
        }
        for number, (hit, passage, span) in enumerate(zip(hits, there, marked, strict=True))
    ]
    return {
        "id": question.id,
        "question": question.question,
        "status": status,
        "answer": _printed(finding) if finding is not None and status == "answered" else None,
        "confidence": round(confidence, 3),
        "searched_as": found.question,
        **_gathered(parts, order, there),
        "passages": shown,
        **_missing(found, status, terms),
        "trace_id": None,
        "elapsed_ms": None,
    }


def _source(passage: StoredPassage) -> Record:
    return {
        "file": passage.file,
        "article": passage.headline,
        "section": passage.section,
        "start": passage.start,
        "end": passage.end,
        "article_id": passage.article_id,
        "date": passage.date,
    }


def _printed(finding: Finding) -> str:
    """The answer on one line."""
    return re.sub(r"(?<!\s)\s*\n\s*", " ", finding.text)


def _answer_span(passage: StoredPassage, finding: Finding) -> Record:
    """Where the answer stands in the original, when it stands there in one piece."""
    found = places(passage, finding.start, finding.end)
    return {"answer_span": found[0]} if len(found) == 1 else {}


def _gathered(parts: Sequence[Finding], order: Sequence[int], there: Sequence[StoredPassage]) -> Record:
    """What several of the shown passages tell, in the order in which they are shown."""
    told = [(order.index(part.passage), part) for part in parts if part.passage in order]
    told.sort(key=lambda pair: pair[0])
    if len(told) < 2:
        return {}
    return {
        "gathered": [
            {"rank": number + 1, "text": _printed(part), "highlights": _place_of(there[number], part)}
            for number, part in told
        ]
    }


def _place_of(passage: StoredPassage, finding: Finding) -> list[Record]:
    """Where a text stands in the original; nowhere in particular when it is from the lines above the passage."""
    return places(passage, finding.start, finding.end) if finding.field == "text" else []


def _missing(found: Retrieved, status: verdict.Status, terms: Terms) -> Record:
    """The question's words that occur nowhere, told when nothing was found."""
    if status != "not_found":
        return {}
    missing = missing_terms(terms.question_words(found.question), found.idf, found.searched)
    return {"missing_terms": [_as_asked(word, found.question, terms) for word in missing]}


def _as_asked(word: str, question: str, terms: Terms) -> str:
    """The word as the question spells it, where it is folded for matching: 蘋果, Zürich."""
    return next((question[start:end] for start, end in terms.places(question, [word])), word)


def _matched(passage: StoredPassage, idf: Mapping[str, float], terms: Terms) -> list[str]:
    """The question's words as they are printed in the passage or above it, in reading order."""
    words = []
    for text in (passage.above, passage.text):
        words += [text[start:end] for start, end in terms.places(text, idf.keys(), layout(text).folding)]
    return list(dict.fromkeys(word for word in words if word.strip()))[:SHOWN_TERMS]
