"""Finding: a question's hits → the text that answers, with its place and the evidence for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import regex  # type: ignore[import-untyped]  # no stubs among the development tools

from embeddings.vectors import Vectors
from qa.answer import authors, meaning, posts, ranker, reader
from qa.answer.candidates import KEPT_BLOCKS, Floats, Layout, block, layout
from qa.answer.echo import echoing
from qa.answer.evidence import LEADING, evidence
from qa.answer.kinds import Expected, Kind, expected
from qa.answer.meaning import Wanted
from qa.answer.ranker import Inputs, Source, Weights, adjusted, best_partners, choose, inputs, present, scores
from qa.answer.rivals import rivals, unmeasured
from qa.answer.roles import asks_doer, done_for, fits, heading_name, is_left_out, subjects
from qa.answer.verdict import Judge
from qa.articles import NEAR, dateline_length
from qa.hits import Hit
from qa.retrieve import Retrieved
from qa.store import StoredPassage


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
    """The sentence around it, in ``layout.text``."""
    evidence: Mapping[str, float]

    @property
    def text(self) -> str:
        """The answer as printed."""
        return self.layout.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Near:
    """Cosines of a passage's parts with the question."""

    sentences: Floats
    clauses: Floats


@lru_cache(maxsize=KEPT_BLOCKS)
def embedded_texts(text: str) -> tuple[str, ...]:
    """What is embedded of a passage's text: each of its sentences, then each of its clauses."""
    seen = layout(text)
    spans = [*seen.sentences.tolist(), *seen.clauses.tolist()]
    return tuple(text[slice(*seen.place(start, end))] for start, end in spans)


def nearness(passage: StoredPassage, vectors: Mapping[str, Vectors], question: Vectors) -> Near:
    """The cosines of a passage's sentences and clauses with the question."""
    cosines = np.array([vectors[text] @ question for text in embedded_texts(passage.text)], dtype=np.float32)
    sentences = len(layout(passage.text).sentences)
    return Near(cosines[:sentences], cosines[sentences:])


def best_sentence(passage: StoredPassage, idf: Mapping[str, float], wanted: Wanted) -> tuple[int, int] | None:
    """The sentence that tells most of the question, word for word and in other words alike; None without any.

    Both shares count the same: on the dev questions the evidence was in 85 of 99 sentences chosen so, in 79 with the
    words alone, in 83 with their meaning alone, and the sentence's cosine added nothing.
    """
    whole = block(passage.text)
    if not len(whole.layout.sentences):
        return None
    rarity = np.array(list(idf.values()), dtype=np.float32)
    share = (rarity @ present(whole.layout, idf)) / (float(rarity.sum()) or 1.0)
    told = wanted.weights @ best_partners(meaning.shipped().similar(wanted, whole), whole, whole.layout.sentences)
    best = int(np.argmax(share + told))
    return whole.layout.place(*whole.layout.sentences[best].tolist())


def find(
    found: Retrieved,
    hits: Sequence[Hit],
    passages: Mapping[int, StoredPassage],
    near: Sequence[Near],
    wanted: Wanted | None = None,
    weights: Weights | None = None,
    reading: reader.Tensors | None = None,
) -> tuple[Finding, ...]:
    """The text of the first hits that answers best, and behind it the clauses around it; nothing without candidates.

    Args:
        found: the question's retrieval, ``stressed``.
        hits: its hits whose passages are there, best first.
        passages: by id.
        near: for each of the first LEADING hits, its cosines with the question.
        wanted: the question's words, where they are known already.
        weights: of the ranker; the shipped ones when not given.
        reading: weights of the reader; the shipped ones when not given.
    """
    return chosen(rank(found, hits, passages, near[:LEADING], wanted, weights, reading))


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What may answer a question: the candidates of its first hits, with their scores."""

    found: Retrieved
    hits: Sequence[Hit]
    passages: Mapping[int, StoredPassage]
    wanted: Wanted
    sources: Sequence[Source]
    seen: Inputs
    scores: Floats

    def seen_passages(self) -> list[tuple[int, StoredPassage]]:
        """The hits that have candidates, by their number."""
        numbers = dict.fromkeys(self.sources[source].passage for source in self.seen.source)
        return [(number, self.passages[self.hits[number].passage_id]) for number in numbers]

    def of_passage(self, number: int) -> Candidates:
        """Those of one hit alone, as if nothing else had been found."""
        rows = np.flatnonzero(np.array([source.passage == number for source in self.sources])[self.seen.source])
        return replace(self, seen=self.seen.rows(rows), scores=self.scores[rows])


def rank(
    found: Retrieved,
    hits: Sequence[Hit],
    passages: Mapping[int, StoredPassage],
    near: Sequence[Near],
    wanted: Wanted | None = None,
    weights: Weights | None = None,
    reading: reader.Tensors | None = None,
) -> Candidates:
    """The candidates of as many hits as ``near`` is given for; see ``find``."""
    asked = expected(found.question)
    wanted = wanted or meaning.shipped().wanted(found.question, found.words)
    sources = look(asked, hits[: len(near)], passages, near, wanted)
    seen = inputs(asked, found.idf, sources, wanted.weights, reading or reader.shipped())
    seen = seen.rows(_telling(asked, sources, seen))
    scored = adjusted(seen, scores(seen, weights or ranker.shipped()))
    scored = np.where(_of_rivals(asked, sources, seen), scored + RIVAL_PRIOR, scored)
    return Candidates(found, hits, passages, wanted, sources, seen, scored)


def _telling(asked: Expected, sources: Sequence[Source], seen: Inputs) -> npt.NDArray[np.intp]:
    """The candidates whose sentences say more than the question; bylines only where it is asked who wrote."""
    echoes = echoing(asked)
    writing = _WROTE.search(asked.folded) is not None
    told = [
        np.array(
            [
                (writing or end > source.body) and not echoes(source.block.layout.folded[start:end])
                for start, end in source.block.layout.sentences
            ]
        )
        for source in sources
    ]
    return _of_sentences(told, seen).nonzero()[0]


def _of_sentences(told: Sequence[npt.NDArray[np.bool_]], seen: Inputs) -> npt.NDArray[np.bool_]:
    """What is told of each source's sentences, for each candidate."""
    return np.array([told[s][at] for s, at in zip(seen.source, seen.sentence, strict=True)], dtype=np.bool_)


def _of_rivals(asked: Expected, sources: Sequence[Source], seen: Inputs) -> npt.NDArray[np.bool_]:
    """Which candidates are told of a rival of the question's name, or are of another measure than some are."""
    told = [rivals(asked, source.block) for source in sources]
    found = (
        _of_sentences(told, seen) if any(each.any() for each in told) else np.zeros(len(seen.source), dtype=np.bool_)
    )
    if asked.units:
        others = np.zeros(len(seen.source), dtype=np.bool_)
        for number, source in enumerate(sources):
            rows = np.flatnonzero(seen.source == number)
            others[rows] = unmeasured(asked, source.block, seen.spans[rows])
        if not others.all():
            found |= others
    if asks_doer(asked):
        others = _done_for(sources, seen)
        if not others.all():
            found |= others
    return found


def _done_for(sources: Sequence[Source], seen: Inputs) -> npt.NDArray[np.bool_]:
    """Which candidates are whom something is done for."""
    found = np.zeros(len(seen.source), dtype=np.bool_)
    for number, source in enumerate(sources):
        rows = np.flatnonzero(seen.source == number)
        found[rows] = done_for(source.block, seen.spans[rows])
    return found


RIVAL_PRIOR = np.float32(-8.0)
"""Added for what is told of a rival: it is given only where nothing else is."""


def chosen(candidates: Candidates) -> tuple[Finding, ...]:
    """The one that answers best, and behind it the clauses around it; nothing of none.

    Who asks who wrote an article, or what somebody wrote, is given the line that says so; who asks for a doer that the
    sentence leaves out, the name that it stands behind.
    """
    if (told := _credited(candidates) or _understood(candidates) or _post(candidates)) is not None:
        return (told,)
    asked, hits = expected(candidates.found.question), candidates.hits
    findings = []
    for choice in choose(candidates.seen, candidates.scores, candidates.sources):
        source = candidates.sources[choice.source]
        around = source.block.layout.place(*source.block.layout.sentences[choice.sentence].tolist())
        place = source.block.layout.place(choice.start, choice.end)
        passage = candidates.passages[hits[source.passage].passage_id]
        measures = evidence(asked, candidates.found, hits, source, choice, passage, candidates.wanted)
        field = ranker.FIELDS[source.field]
        findings.append(Finding(source.passage, field, source.block.layout, *place, around, measures))
    return tuple(findings)


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
        for number, passage in (*shot, *first):
            if authors.names(passage.byline or "") and authors.is_about(asked, passage.headline or ""):
                return _of_header(candidates, number, passage, "byline")
    return None


def _post(candidates: Candidates) -> Finding | None:
    """Who somebody is: the posts before the name, in the passage that tells most of them.

    As sure as it is that the first passage, or that one where it is among the first, tells of the one asked about.
    """
    name = posts.asked_about(expected(candidates.found.question))
    seen = candidates.seen_passages()
    if name is None or not seen:
        return None
    found = []
    for number, hit in enumerate(candidates.hits[: posts.READ]):
        passage = candidates.passages[hit.passage_id]
        whole = block(passage.text)
        if (span := posts.post(whole, name)) is not None:
            found.append((span[0] - span[1], number, span, whole.layout))
    if not found:
        return None
    _, number, span, layout_ = min(found, key=lambda each: each[:2])
    held, passage = next((each for each in seen if each[0] == number), seen[0])
    start, end = layout_.place(*span)
    sentence = int(np.searchsorted(layout_.sentences[:, 1], span[0], side="right"))
    around = layout_.place(*layout_.sentences[sentence].tolist()) if sentence < len(layout_.sentences) else (start, end)
    return Finding(number, "text", layout_, start, end, around, _as_if_held(candidates, held, passage))


def _as_if_held(candidates: Candidates, number: int, passage: StoredPassage) -> dict[str, float]:
    """The evidence of a passage's best candidate, as if it surely held the answer."""
    here = candidates.of_passage(number)
    best = choose(here.seen, here.scores, here.sources)[0]
    sure = replace(best, holds=1.0, overlap=1.0, exact=1.0)
    asked = expected(here.found.question)
    return evidence(asked, here.found, here.hits, here.sources[best.source], sure, passage, here.wanted)


def _of_header(candidates: Candidates, number: int, passage: StoredPassage, field: str) -> Finding:
    measures = _as_if_held(candidates, number, passage)
    if field == "headline":  # all that is asked for is the name, and it is there
        headline = passage.headline or ""
        measures |= dict.fromkeys(("passage_share", "sentence_share", "told", "told_sentence", "coverage"), 1.0)
        measures |= dict.fromkeys(("untold", "untold_sentence", "unknown", "bare", "far"), 0.0)
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
    patient = _done_for(sources, candidates.seen)
    scores = np.where(patient, candidates.scores - RIVAL_PRIOR, candidates.scores)
    choice = choose(candidates.seen, scores, sources)[0]
    source = sources[choice.source]
    here = (candidates.seen.source == choice.source) & (candidates.seen.sentence == choice.sentence)
    if source.field != TEXT or not patient[here].any() or not is_left_out(source.block, choice.sentence):
        return None
    passage = candidates.passages[candidates.hits[source.passage].passage_id]
    measures = evidence(asked, candidates.found, candidates.hits, source, choice, passage, candidates.wanted)
    before = [
        subject
        for subject in subjects(source.block)
        if subject.sentence < choice.sentence and fits(asked, source.block.layout.folded[subject.start : subject.end])
    ]
    if before:
        layout_ = source.block.layout
        around = layout_.place(*layout_.sentences[choice.sentence].tolist())
        place = layout_.place(before[-1].start, before[-1].end)
        return Finding(source.passage, "text", layout_, *place, around, measures)
    heading = block(passage.section or "")
    name = heading_name(heading)
    if name is None or not fits(asked, heading.layout.folded[slice(*name)]):
        return None
    place = heading.layout.place(*name)
    return Finding(source.passage, "section", heading.layout, *place, place, measures)


TEXT = ranker.FIELDS.index("text")
EARLIER_SHARE = 0.4
"""Weight of a word that only the earlier question has, when a follow-up is answered: it tells what is talked of, and
its own answer stands beside it."""


def stressed(found: Retrieved) -> Retrieved:
    """The retrieval with the words lighter that only the earlier question has; as it is for one that stands alone."""
    asked = expected(found.question)
    own = asked.folded[asked.own :]
    if own == asked.folded:
        return found
    idf, words = (
        {word: weight * (1.0 if word in own else EARLIER_SHARE) for word, weight in weights.items()}
        for weights in (found.idf, found.words)
    )
    return replace(found, idf=idf, words=words)


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

    In a follow-up any passage is as good: which is first was told by the earlier question as well.
    """
    found = settled(chosen(candidates), judge)
    first = candidates.of_passage(0)
    if found is None or found.passage == 0 or not len(first.scores) or expected(candidates.found.question).own:
        return found
    here = settled(chosen(first), judge)
    sure = judge.right.probability(found.evidence)
    return here if here and judge.right.probability(here.evidence) >= MUCH_SURER * sure else found


MUCH_SURER = 1.5
"""How many times as likely right the first passage's text must be to stand in place of a later one's."""


def look(
    asked: Expected,
    hits: Sequence[Hit],
    passages: Mapping[int, StoredPassage],
    near: Sequence[Near],
    wanted: Wanted,
) -> list[Source]:
    """What the answer is looked for in: each passage's text, and the lines above it that may hold one."""
    scales = [_scale([one.sentences for one in near]), _scale([one.clauses for one in near])]
    meanings = meaning.shipped()
    sources: list[Source] = []
    for number, (hit, cosine) in enumerate(zip(hits, near, strict=True)):
        passage = passages[hit.passage_id]
        score = hit.score / hits[0].score if hits[0].score > 0 else 1.0
        above, clauses = (
            ((values - mean) / spread).astype(np.float32)
            for values, (mean, spread) in zip((cosine.sentences, cosine.clauses), scales, strict=True)
        )
        if len(above):
            whole = block(passage.text)
            body = int(np.searchsorted(whole.layout.offsets[:-1], passage.body))
            sources.append(Source(whole, 0, number, score, above, clauses, meanings.similar(wanted, whole), body))
        for field, line in _lines(passage, asked):
            seen = layout(line)
            most = float(above.max()) if len(above) else 0.0
            if len(seen.sentences):
                whole = block(line)
                sentences, parts = (
                    np.full(len(spans), most, dtype=np.float32) for spans in (seen.sentences, seen.clauses)
                )
                alike = meanings.similar(wanted, whole)
                sources.append(Source(whole, field, number, score, sentences, parts, alike))
    return sources


def _scale(cosines: Sequence[Floats]) -> tuple[float, float]:
    """Mean and standard deviation: models differ in both, so that only differences tell."""
    every = np.concatenate([*cosines, np.zeros(0, dtype=np.float32)])
    return (float(every.mean()), float(every.std()) + 1e-6) if len(every) else (0.0, 1.0)


_WROTE = regex.compile(
    r"记者|作者|通讯员|[写撰]|采访|报道|摄|供稿|\b(?:report|wrote|writ|author|photograph|byline)|書|取材|執筆|撮影"
)
_NAMING: frozenset[Kind] = frozenset({"organisation", "place", "which", "title", "list"})


def _lines(passage: StoredPassage, asked: Expected) -> list[tuple[int, str]]:
    """The lines beside the text that may hold the answer.

    Who wrote is told by bylines and datelines; headings name places and organisations. Elsewhere they lead astray.
    """
    lines: list[tuple[int, str | None]] = []
    if asked.kind in _NAMING or asks_doer(asked):
        lines += [(1, passage.headline), (2, passage.section)]
    if asked.kind == "person" and _WROTE.search(asked.folded):
        lines += [(3, passage.byline), (3, passage.text[: dateline_length(passage.text)])]
    return [(field, line) for field, line in lines if line]
