"""Choosing: a question's candidates → the text that answers, with its place and the evidence for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
import regex  # type: ignore[import-untyped]  # no stubs among the development tools

from qa.answer import authors, posts, reader
from qa.answer.candidates import Block, Layout, block, layout, whole_slogan
from qa.answer.evidence import evidence
from qa.answer.features import FIELDS
from qa.answer.finding import RIVAL_PRIOR, Candidates, Near, patients, rank
from qa.answer.kinds import Expected, expected
from qa.answer.meaning import Wanted
from qa.answer.ranker import Choice, Weights, choose
from qa.answer.rivals import figure_asked_for, only_figure
from qa.answer.roles import (
    asks_doer,
    asks_recipient,
    bare_name,
    fits,
    heading_name,
    helped_in,
    is_left_out,
    subjects,
    whole_receiver,
)
from qa.answer.verdict import Judge
from qa.articles import NEAR
from qa.hits import Hit
from qa.retrieve import Retrieved
from qa.store import StoredPassage

TEXT = FIELDS.index("text")


@dataclass(frozen=True, slots=True)
class Finding:
    """The text that answers best. ``start`` and ``end`` are in ``layout.text``."""

    passage: int
    """Index of its hit."""
    field: str
    """``text``, or the line above the text that holds the answer: ``headline``, ``section`` or ``byline``."""
    layout: Layout
    start: int
    end: int
    sentence: tuple[int, int]
    """The sentence around it, in ``layout.text``; of a doer that a sentence leaves out, that sentence."""
    evidence: Mapping[str, float]

    @property
    def text(self) -> str:
        """The answer as printed."""
        return self.layout.text[self.start : self.end]


def find(
    found: Retrieved,
    hits: Sequence[Hit],
    passages: Mapping[int, StoredPassage],
    near: Sequence[Near],
    wanted: Wanted | None = None,
    weights: Sequence[Weights] | None = None,
    reading: reader.Tensors | None = None,
) -> tuple[Finding, ...]:
    """The text of the first hits that answers best, and behind it the clauses around it; nothing without candidates.

    Args:
        found: the question's retrieval, ``stressed``.
        hits: its hits whose passages are there, best first.
        passages: by id.
        near: for each of the first READ hits, its cosines with the question.
        wanted: the question's words, where they are known already.
        weights: of the ranker; the shipped ones when not given.
        reading: weights of the reader; the shipped ones when not given.
    """
    return chosen(rank(found, hits, passages, near, wanted, weights, reading))


def chosen(candidates: Candidates) -> tuple[Finding, ...]:
    """The one that answers best, and behind it the clauses around it; nothing of none.

    Who asks who wrote an article, or what somebody wrote, is given the line that says so; who asks for a doer that the
    sentence leaves out, the name that it stands behind.
    """
    line = _said(candidates)
    return _ranked(candidates) if line is None else (line,)


def _ranked(candidates: Candidates) -> tuple[Finding, ...]:
    """What the ranker likes best, and behind it the clauses around it."""
    asked = expected(candidates.found.question)
    findings = []
    for best in choose(candidates.seen, candidates.scores, candidates.sources):
        source = candidates.sources[best.source]
        choice = _fitted(asked, source.block, _whole_list(candidates, asked, best))
        around = source.block.layout.place(*source.block.layout.sentences[choice.sentence].tolist())
        place = source.block.layout.place(choice.start, choice.end)
        measures = _measured(candidates, choice)
        field = FIELDS[source.field]
        findings.append(Finding(source.passage, field, source.block.layout, *place, around, measures))
    return tuple(findings)


_ASKS_FOR_ALL = regex.compile(r"哪(?:些|几)|分别(?:是|为|有|叫)(?:什么|谁|哪)")
"""What asks for a whole enumeration: of 政府、法院，还有哪一个 one is wanted."""


def _whole_list(candidates: Candidates, asked: Expected, choice: Choice) -> Choice:
    """The whole enumeration of which the choice is a part (大峪街道、东辛房街道|、清水镇), where all is asked for."""
    folded, seen = candidates.sources[choice.source].block.layout.folded, candidates.seen
    if choice.widened or not _ASKS_FOR_ALL.search(asked.folded, asked.own):
        return choice
    rows = np.flatnonzero((seen.source == choice.source) & (seen.sentence == choice.sentence))
    whole = [
        (candidates.scores[row], start, end)
        for row, (start, end) in zip(rows.tolist(), seen.spans[rows].tolist(), strict=True)
        if (start == choice.start or (start < choice.start and folded[choice.start - 1] == "、"))
        and (end == choice.end or (end > choice.end and folded[choice.end] == "、"))
        and "、" not in (folded[max(start - 1, 0) : start], folded[end : end + 1])
        and not set(folded[start:end]) & set(",;:")
    ]
    if not whole:
        return choice
    _, start, end = max(whole)
    return replace(choice, start=start, end=end)


def _fitted(asked: Expected, block: Block, choice: Choice) -> Choice:
    """The choice as the question wants it.

    All of whom something is done for; of several figures the one asked for; of a name no word beside it; slogans whole.
    """
    start, end = choice.start, choice.end
    if asks_recipient(asked):
        start, end = whole_receiver(asked, block, start, end)
    elif asked.kind == "number":
        start, end = (only_figure if choice.widened else figure_asked_for)(asked, block, start, end)
    elif asked.kind in {"person", "organisation"} and not choice.widened:
        start, end = bare_name(block, start, end)
    elif asked.kind in {"what", "which"}:
        start, end = whole_slogan(block, start, end)
    return replace(choice, start=start, end=end)


def _said(candidates: Candidates) -> Finding | None:
    """What answers a question of a kind that the ranker doesn't know; None of others."""
    return _credited(candidates) or _understood(candidates) or _post(candidates)


def _credited(candidates: Candidates) -> Finding | None:
    """The line that answers who wrote an article, or what somebody wrote; None where the question is no such one.

    Who wrote is told by the article of the first hit; where it is pictures that are asked about, rather by the first
    whose byline speaks of them. The answer is as sure as it is that the article is the one asked about, which no set
    has questions to tell by: the evidence is that of the passage's best candidate, as if it surely held the answer.
    """
    asked = expected(candidates.found.question)
    if authors.asks_articles(asked):
        last = asked.folded.rstrip("?").rpartition("?")[2]
        every = {source.passage for source in candidates.sources}
        bylines = [candidates.passages[candidates.hits[number].passage_id].byline or "" for number in every]
        # A follow-up may leave the name to the earlier question, or have another (那李四呢).
        question = last if any(authors.is_named(last, byline) for byline in bylines) else asked.folded
        for number, passage in candidates.seen_passages():
            if passage.headline and authors.is_named(question, passage.byline or ""):
                return _of_header(candidates, number, passage, "headline")
    elif authors.asks_author(asked):
        seen = candidates.seen_passages()
        pictures = authors.asks_photographer(asked)
        shot = [each for each in seen if authors.took_pictures(each[1].byline or "")] if pictures else []
        first = [each for each in seen if each[1].article_id == seen[0][1].article_id]
        for number, passage in shot if pictures else first:
            if authors.names(passage.byline or "") and authors.is_about(asked, passage.headline or ""):
                return _of_header(candidates, number, passage, "byline")
    return None


def _post(candidates: Candidates) -> Finding | None:
    """Who somebody is: the posts before the name, in the passage that tells most of them.

    As sure as it is that the first passage, or that one where it is among the first, tells of the one asked about.
    """
    somebody = posts.asked_about(candidates.found.question)
    seen = candidates.seen_passages()
    if somebody is None or not seen:
        return None
    found = []
    for number, hit in enumerate(candidates.hits[: posts.READ]):
        passage = candidates.passages[hit.passage_id]
        whole = block(passage.text)
        spans = [span for name in somebody.names(whole) if (span := posts.post(whole, name)) is not None]
        found += [(span[0] - span[1], number, span, whole.layout) for span in spans]
    if not found:
        return None
    _, number, span, layout_ = min(found, key=lambda each: each[:2])
    held, passage = next((each for each in seen if each[0] == number), seen[0])
    start, end = layout_.place(*span)
    sentence = int(np.searchsorted(layout_.sentences[:, 1], span[0], side="right"))
    around = layout_.place(*layout_.sentences[sentence].tolist())
    return Finding(number, "text", layout_, start, end, around, _as_if_held(candidates, held) | NAMED)


NAMED = dict.fromkeys(("passage_share", "sentence_share", "told", "told_sentence", "coverage"), 1.0) | dict.fromkeys(
    ("untold", "untold_sentence", "unknown", "bare", "far"), 0.0
)
"""Evidence where all that is asked about is a name, and it is there."""


def _as_if_held(candidates: Candidates, number: int) -> dict[str, float]:
    """The evidence of a passage's best candidate, as if it surely held the answer."""
    here = candidates.of_passage(number, rivals=True)
    best = choose(here.seen, here.scores, here.sources)[0]
    return _measured(here, replace(best, holds=1.0, overlap=1.0, exact=1.0))


def _measured(candidates: Candidates, choice: Choice) -> dict[str, float]:
    """The evidence of a choice, and whether it tells of another area than the one asked about."""
    source = candidates.sources[choice.source]
    passage = candidates.passages[candidates.hits[source.passage].passage_id]
    asked = expected(candidates.found.question)
    measures = evidence(asked, candidates.found, candidates.hits, source, choice, passage, candidates.wanted)
    return measures | {"other_area": float(candidates.of_other_area(choice.source, choice.sentence))}


def _of_header(candidates: Candidates, number: int, passage: StoredPassage, field: str) -> Finding:
    measures = _as_if_held(candidates, number)
    if field == "headline":  # all that is asked for is the name, and it is there
        headline = passage.headline or ""
        measures |= NAMED
        return Finding(number, field, layout(headline), 0, len(headline), (0, len(headline)), measures)
    byline = passage.byline or ""
    span = authors.credit(byline)
    printed = byline[slice(*span)]
    at = passage.text.find(printed, 0, NEAR)
    if at < 0:  # it may close the passage
        at = passage.text.find(printed, max(len(passage.text) - NEAR, 0))
    if at < 0:
        return Finding(number, field, layout(byline), *span, span, measures)
    span = (at, at + span[1] - span[0])
    return Finding(number, "text", layout(passage.text), *span, span, measures)


def _understood(candidates: Candidates) -> Finding | None:
    """The doer that is asked for, where the sentence that tells most leaves it out; None where it doesn't.

    It is the subject of an earlier sentence of the passage, else the name that the passage's heading is. It is as sure
    as it is that the sentence is the one asked about, however the doer is named.
    """
    asked, sources = expected(candidates.found.question), candidates.sources
    if not len(candidates.scores) or not asks_doer(asked):
        return None
    patient = patients(sources, candidates.seen)
    scores = np.where(patient, candidates.scores - RIVAL_PRIOR, candidates.scores)
    choice = choose(candidates.seen, scores, sources)[0]
    source = sources[choice.source]
    here = (candidates.seen.source == choice.source) & (candidates.seen.sentence == choice.sentence)
    if source.field != TEXT or not patient[here].any() or not is_left_out(source.block, choice.sentence):
        return None
    helped = helped_in(source.block, choice.sentence)

    def may_be(name: str) -> bool:
        return fits(asked, name) and not any(each in name for each in helped)

    passage = candidates.passages[candidates.hits[source.passage].passage_id]
    measures = _measured(candidates, choice)
    before = [
        subject
        for subject in subjects(source.block)
        if subject.sentence < choice.sentence and may_be(source.block.layout.folded[subject.start : subject.end])
    ]
    if before:
        layout_ = source.block.layout
        around = layout_.place(*layout_.sentences[choice.sentence].tolist())
        place = layout_.place(before[-1].start, before[-1].end)
        return Finding(source.passage, "text", layout_, *place, around, measures)
    heading = block(passage.section or "")
    name = heading_name(heading)
    if name is None or not may_be(heading.layout.folded[slice(*name)]):
        return None
    place = heading.layout.place(*name)
    return Finding(source.passage, "section", heading.layout, *place, place, measures)


class Told(Protocol):
    """Whatever has evidence."""

    @property
    def evidence(self) -> Mapping[str, float]:
        """Measures by name."""


AnyTold = TypeVar("AnyTold", bound=Told)


def settled(findings: Sequence[AnyTold], judge: Judge) -> AnyTold | None:
    """Of a finding and the clauses around it the first that is more likely right than not, else the last."""
    sure = (finding for finding in findings if judge.right.probability(finding.evidence) >= SURE)
    return next(sure, findings[-1] if findings else None)


SURE = 0.5
"""Probability of being right from which on a text is given without the clauses around it. More makes answers longer:
with 0.7, 3 points of F1 are lost on CMRC 2018 and no more dev questions are right; with 0.3, 4 of 100 fewer are."""


def told(candidates: Candidates, judge: Judge) -> Finding | None:
    """What answers: what the ranker says, unless that is of another passage and the first one's best is much surer.

    In a follow-up, or behind a story, any passage is as good: which is first was told by what stands before as well.
    What holds most of all chances is left as it is, and so is a figure that is asked for where the first passage has
    only clauses without one.
    """
    if (line := _said(candidates)) is not None:
        return line
    best = _ranked(candidates)
    found = settled(best, judge)
    if found is not None and (other := _surely_named(candidates, found, judge)) is not None:
        return other
    first, asked = candidates.of_passage(0), expected(candidates.found.question)
    if found is None or found.passage == 0 or not len(first.scores) or asked.own:
        return found
    if best[0].evidence["holds"] >= CLEAR:
        return found
    findings = _ranked(first)
    here = settled(findings, judge)
    if here is None:
        return found
    counted = asked.kind in {"number", "date"} and _has_figure(found)
    if counted and here is not findings[0] and not _has_figure(here):
        return found
    sure = judge.right.probability(found.evidence)
    return here if judge.right.probability(here.evidence) >= MUCH_SURER * sure else found


def _surely_named(candidates: Candidates, found: Finding, judge: Judge) -> Finding | None:
    """Where what was found lacks a name that is asked about, and would be refused: another passage's text that has it.

    None unless that is more likely right than not: 丰台区拿出了多少 is answered by the passage about 丰台区, though one
    about 东城区 says it more in the question's words.
    """
    if not found.evidence["names_missing"] or judge.verdict(found.evidence)[0] != "not_found":
        return None
    others = {number for number, _ in candidates.seen_passages()} - {found.passage}
    tried = (settled(_ranked(candidates.of_passage(number)), judge) for number in sorted(others))
    named = [each for each in tried if each is not None and not each.evidence["names_missing"]]
    best = max(named, key=lambda each: judge.right.probability(each.evidence), default=None)
    return best if best is not None and judge.right.probability(best.evidence) >= SURE else None


def _has_figure(finding: Finding) -> bool:
    return bool(layout(finding.text).values)


CLEAR = 0.7
"""Probability of holding the right answer, among all candidates, from which on the first passage isn't preferred."""
MUCH_SURER = 1.5
"""How many times as likely right the first passage's text must be to stand in place of a later one's."""
