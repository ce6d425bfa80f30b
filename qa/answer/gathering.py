"""Gathering: a question that asks for several things is answered from several passages, each on its own."""

from __future__ import annotations

from qa.answer.choosing import Finding, chosen, settled
from qa.answer.finding import READ, Candidates
from qa.answer.verdict import Judge
from qa.text import fold_text

PART_FROM = 0.3
"""Probability of being right from which on a part is given. Higher than for an answer: parts stand beside each other,
and a wrong one among them is believed. By judgement: no set has questions of this sort."""
TELLING = 0.5
"""Share of what the most telling sentence tells of the question that a part's sentence tells at least: a passage that
is looked at alone has a best text in any case. By judgement too."""


def gather(candidates: Candidates, judge: Judge) -> list[Finding]:
    """What each of the passages read tells, best first; the same text only once, and nothing of a single one.

    A finding's ``passage`` is its hit's index.
    """
    parts: dict[str, Finding] = {}
    for number in range(min(len(candidates.hits), READ)):
        part = settled(chosen(candidates.of_passage(number)), judge)
        if part is None:
            continue
        status, confidence = judge.verdict(part.evidence)
        if status == "answered" and confidence >= PART_FROM:
            parts.setdefault(fold_text(part.text), part)
    told = {text: part.evidence["told_sentence"] + part.evidence["sentence_share"] for text, part in parts.items()}
    kept = [part for text, part in parts.items() if told[text] >= TELLING * max(told.values())]
    return kept if len(kept) > 1 else []
