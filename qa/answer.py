"""Hits → the answer record: the passages with their sources, the sentence that answers, and how sure that is.

The record is the one thing that every surface shows (docs/answers.md). It is made here and serialised here, so that the
chat, a batch file, the HTTP API and the command line can't differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embeddings.embedder import Embedder
from qa.articles import dateline_length
from qa.retrieve import Retrieved
from qa.store import StoredPassage
from qa.text import Terms, sentences

Record = dict[str, Any]
"""The answer record as in docs/answers.md: plain JSON values."""

SENTENCE_TERMS = 0.7
"""Share of a sentence's score that its matched terms make; the rest is its cosine with the question. Fitted by hand on
the 55 factual dev questions: 0.5 to 0.8 mark the same sentences."""

ANSWERED = 0.18
"""Share of the question's term weight that the first passage must hold to be called an answer; below POSSIBLE nothing
is claimed. A simple rule until the calibrated one: on the dev questions no answerable one falls under POSSIBLE."""
POSSIBLE = 0.13
NEAR = 0.12
"""Cosine from which on a passage answers a question in another language, where terms can't tell."""
FAR = 0.1

SHOWN_TERMS = 12
"""Matched words listed in ``why``, at most."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it comes in: ``history`` has the earlier questions of the conversation, oldest first."""

    question: str
    id: str | None = None
    history: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A candidate: its span in the passage's text."""

    start: int
    end: int
    text: str


def answer_many(
    asked: Sequence[Question],
    retrieved: Sequence[Retrieved],
    passages: Mapping[int, StoredPassage],
    embedder: Embedder,
    terms: Terms,
) -> list[Record]:
    """Each question's record, in order; ``trace_id`` and ``elapsed_ms`` are the caller's to fill in.

    ``passages`` holds the passages of all hits. One that is no longer there, or is damaged, is left out.
    """
    candidates = [
        [_sentences(passages[hit.passage_id]) for hit in found.hits if hit.passage_id in passages]
        for found in retrieved
    ]
    texts = list(dict.fromkeys(s.text for question in candidates for passage in question for s in passage))
    vectors = dict(zip(texts, embedder.passages(texts), strict=True)) if texts else {}
    questions = embedder.questions([found.question for found in retrieved]) if retrieved else ()
    return [
        _record(question, found, passages, spans, vectors, vector, terms)
        for question, found, spans, vector in zip(asked, retrieved, candidates, questions, strict=True)
    ]


def record_json(record: Record) -> str:
    """The record's one serialisation: strict JSON on one line, characters as they are."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def _record(
    question: Question,
    found: Retrieved,
    passages: Mapping[int, StoredPassage],
    spans: Sequence[Sequence[_Sentence]],
    vectors: Mapping[str, np.ndarray],
    vector: np.ndarray,
    terms: Terms,
) -> Record:
    hits = [hit for hit in found.hits if hit.passage_id in passages]
    shown, best, share = [], None, 0.0
    for rank, (hit, candidates) in enumerate(zip(hits, spans, strict=True), 1):
        passage = passages[hit.passage_id]
        sentence = max(candidates, key=lambda s: _score(s, found.idf, vectors, vector, terms)) if candidates else None
        if rank == 1:
            best, share = sentence, _held(terms.passage(passage.indexed_text), found.idf)
        shown.append(
            {
                "rank": rank,
                "score": round(hit.score, 4),
                "text": passage.text,
                "source": {
                    "file": passage.file,
                    "article": passage.headline,
                    "section": passage.section,
                    "start": passage.start,
                    "end": passage.end,
                    "article_id": passage.article_id,
                },
                "highlights": _highlights(passage, sentence) if sentence else [],
                "why": {
                    "terms": _matched(passage, found.idf, terms),
                    "lexical_rank": hit.lexical_rank,
                    "dense_rank": hit.dense_rank,
                    "fused_score": round(hit.score, 4),
                },
            }
        )
    status, confidence = _verdict(share, hits[0].cosine if hits else 0.0, found.coverage)
    return {
        "id": question.id,
        "question": question.question,
        "status": status,
        "answer": best.text if best is not None and status == "answered" else None,
        "confidence": round(confidence, 3),
        "searched_as": found.question,
        "passages": shown,
        "trace_id": None,
        "elapsed_ms": None,
    }


def _sentences(passage: StoredPassage) -> list[_Sentence]:
    """The passage's sentences, a run-in dateline (``本报讯（记者 …）``) cut off the first."""
    found = []
    for start, end in sentences(passage.text):
        dateline = dateline_length(passage.text[start:end])
        first = start + dateline if start + dateline < end else start
        found.append(_Sentence(first, end, re.sub(r"\s*\n\s*", " ", passage.text[first:end])))
    return found


def _score(
    sentence: _Sentence, idf: Mapping[str, float], vectors: Mapping[str, np.ndarray], vector: np.ndarray, terms: Terms
) -> float:
    cosine = float(vectors[sentence.text] @ vector)
    return SENTENCE_TERMS * _held(terms.passage(sentence.text), idf) + (1 - SENTENCE_TERMS) * cosine


def _held(found: Sequence[str], idf: Mapping[str, float]) -> float:
    """Share of the question's term weight that these terms hold, 0…1."""
    whole = sum(idf.values())
    present = set(found)
    return sum(weight for term, weight in idf.items() if term in present) / whole if whole else 0.0


def _matched(passage: StoredPassage, idf: Mapping[str, float], terms: Terms) -> list[str]:
    """The question's words as they are printed in the passage or above it, in reading order."""
    words = []
    for text in (passage.head, passage.text):
        words += [text[start:end] for start, end in terms.places(text, idf.keys())]
    return list(dict.fromkeys(word for word in words if word.strip()))[:SHOWN_TERMS]


def _highlights(passage: StoredPassage, sentence: _Sentence) -> list[dict[str, int]]:
    """Where the sentence stands in the original: one span, or several where something else was printed in between."""
    spans: list[list[int]] = []
    at = 0
    for piece in passage.pieces:
        first, last = max(sentence.start, at), min(sentence.end, at + piece.end - piece.start)
        if first < last:
            start, end = piece.start + first - at, piece.start + last - at
            # Line-break blanks and marks between two pieces of a sentence are a few characters; a caption is more.
            if spans and 0 <= start - spans[-1][1] <= 4:
                spans[-1][1] = end
            else:
                spans.append([start, end])
        at += piece.end - piece.start
    return [{"start": start, "end": end} for start, end in spans]


def _verdict(share: float, cosine: float, coverage: float) -> tuple[str, float]:
    """Status and confidence by a simple rule: how much of the question the first passage holds."""
    if coverage < 0.4:
        share, low, high = cosine, FAR, NEAR
    else:
        low, high = POSSIBLE, ANSWERED
    status = "answered" if share >= high else "possible" if share >= low else "not_found"
    return status, min(max(share, 0.0), 1.0)
