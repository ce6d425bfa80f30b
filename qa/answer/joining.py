"""Joining: the records of a question's parts become one record of the whole question."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from qa.answer.record import Record

BETWEEN = "；"
"""Between the parts' answers; each is what is printed, the sign is ours."""


def joined(whole: Record, labels: Sequence[str], parts: Sequence[Record], top_k: int) -> Record:
    """The whole question's record with what at least two of its parts are told; else as it is.

    The passages that answer come first, in the order of the parts, then those that the whole question found. Each part
    is as sure as its own record says, the answer as the least sure of them.
    """
    told = [(label, part) for label, part in zip(labels, parts, strict=True) if part["status"] == "answered"]
    if len({part["answer"] for _, part in told}) < 2:
        return whole
    passages: dict[tuple[str, int, int], Record] = {}
    for passage in [*(part["passages"][0] for _, part in told), *whole["passages"]]:
        at = _at(passage["source"])
        passages[at] = _both(passages[at], passage) if at in passages else passage
    places = list(passages)[:top_k]
    gathered = [
        {
            "rank": places.index(at) + 1,
            "text": part["answer"],
            "highlights": [span] if (span := first.get("answer_span")) else first["highlights"],
            "asked": label,
        }
        for label, part in told
        if (at := _at((first := part["passages"][0])["source"])) in places
    ]
    if len(gathered) < 2:
        return whole
    scores = list(accumulate((passages[at]["score"] for at in reversed(places)), max))[::-1]
    return {
        **{name: value for name, value in whole.items() if name != "missing_terms"},
        "status": "answered",
        "answer": BETWEEN.join(part["text"] for part in gathered),
        "confidence": min(part["confidence"] for _, part in told),
        "gathered": gathered,
        "passages": [
            _ranked(passages[at], number, score, places)
            for number, (at, score) in enumerate(zip(places, scores, strict=True), 1)
        ],
    }


def labelled(part: Record) -> str:
    """What one of the ``gathered`` says, on one line behind what it was asked for."""
    return f"{part['asked']}: {part['text']}" if part.get("asked") else str(part["text"])


def _at(source: Record) -> tuple[str, int, int]:
    return source["file"], source["start"], source["end"]


def _both(one: Record, other: Record) -> Record:
    """A passage as the first record shows it, with what both mark in it if both answer from it."""
    if "answer_span" not in other:
        return one
    marked: dict[str, Any] = {
        name: sorted((dict(span) for span in {tuple(span.items()) for span in (*one[name], *other[name])}), key=_start)
        for name in ("highlights", "marks")
    }
    return one | marked


def _start(span: Record) -> int:
    start: int = span["start"]
    return start


def _ranked(passage: Record, number: int, score: float, places: Sequence[tuple[str, int, int]]) -> Record:
    """The passage at its new place; it is told in the later ones that are still there."""
    also = [
        each | {"rank": places.index(at) + 1}
        for each in passage.get("also", ())
        if (at := _at(each["source"])) in places[number:]
    ]
    kept = {name: value for name, value in passage.items() if name != "also"}
    head = {name: kept.pop(name) for name in list(kept) if name not in {"why"}}
    return head | {"rank": number, "score": score} | ({"also": also} if also else {}) | kept
