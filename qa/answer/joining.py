"""Joining: the records of a question's parts become one record of the whole question."""

from __future__ import annotations

from collections.abc import Sequence

from qa.answer.record import Record

BETWEEN = "；"
"""Between the parts' answers; each is what is printed, the sign is ours."""

_Place = tuple[str, int, int]


def joined(whole: Record, labels: Sequence[str], parts: Sequence[Record], top_k: int) -> Record:
    """The whole question's record with what at least two of its parts are told; else as it is.

    The passages that answer come first, in the order of the parts, then those that the whole question found. Each part
    is as sure as its own record says, the answer as the least sure of them. What is answered doesn't depend on
    ``top_k``; a part whose passage isn't shown isn't listed.
    """
    told = [(label, part) for label, part in zip(labels, parts, strict=True) if part["status"] == "answered"]
    if len({part["answer"] for _, part in told}) < 2:
        return whole
    passages: dict[_Place, Record] = {}
    for _, part in told:
        first = part["passages"][0]
        at = _at(first["source"])
        passages[at] = _both(passages[at], first) if at in passages else first
    for passage in whole["passages"]:
        unclaimed = {name: value for name, value in passage.items() if name != "answer_span"}
        passages.setdefault(_at(passage["source"]), unclaimed)
    places = list(passages)[:top_k]
    gathered = [
        {
            "rank": places.index(at) + 1,
            "text": part["answer"],
            "highlights": [first["answer_span"]] if "answer_span" in first else [],
            "asked": label,
        }
        for label, part in told
        if (at := _at((first := part["passages"][0])["source"])) in places
    ]
    return {
        **{name: value for name, value in whole.items() if name != "missing_terms"},
        "status": "answered",
        "answer": BETWEEN.join(part["answer"] for _, part in told),
        "confidence": min(part["confidence"] for _, part in told),
        "gathered": gathered,
        "passages": _ranked([passages[at] for at in places]),
    }


def labelled(part: Record) -> str:
    """What one of the ``gathered`` says, behind what it was asked for."""
    return f"{part['asked']}: {part['text']}" if part.get("asked") else str(part["text"])


def _at(source: Record) -> _Place:
    return source["file"], source["start"], source["end"]


def _both(one: Record, other: Record) -> Record:
    """A passage that answers two parts: with what either marks in it."""
    return one | {name: _united([*one[name], *other[name]]) for name in ("highlights", "marks")}


def _united(spans: Sequence[Record]) -> list[Record]:
    """The spans in order, those that overlap as one."""
    found: list[Record] = []
    for span in sorted(spans, key=lambda span: (span["start"], span["end"])):
        if found and span["start"] < found[-1]["end"]:
            found[-1] = found[-1] | {"end": max(found[-1]["end"], span["end"])}
        else:
            found.append(span)
    return found


def _ranked(passages: Sequence[Record]) -> list[Record]:
    """With ranks in this order, and scores no smaller than those behind; each is told again under one before it."""
    places = [_at(passage["source"]) for passage in passages]
    taken: set[_Place] = set()
    ranked, least = [], [max(passage["score"] for passage in passages[number:]) for number in range(len(passages))]
    for number, passage in enumerate(passages):
        again = [at for each in passage.get("also", ()) if (at := _at(each["source"])) in places[number + 1 :]]
        again = sorted({at for at in again if at not in taken}, key=places.index)
        taken.update(again)
        also = [{"rank": places.index(at) + 1, "source": passages[places.index(at)]["source"]} for at in again]
        plain = {name: value for name, value in passage.items() if name not in {"also", "why"}}
        plain |= {"rank": number + 1, "score": least[number], **({"also": also} if also else {})}
        ranked.append(plain | {"why": passage["why"]})
    return ranked
