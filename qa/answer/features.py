"""Features: what a candidate is and how it fits the question, as the ranker's numbers.

All sources are looked at as one text, with room between them: numpy works as long on one long array as on a few short
ones, and a question has five and more. The columns are the candidate's own (``candidates.Spans.static``), how it
stands to the question's words as written (``_dynamic``) and in other words (``_told``), and what the reader says of it
(``_seen``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from qa.answer.candidates import STATIC, Block, Bools, Floats, Ints, Spans, joined, word_hash
from qa.answer.kinds import KINDS, Expected
from qa.answer.matching import Alike, Matched, alike, matched, occurrences
from qa.answer.reader import Reading, Tensors, read, tokenised

SENTENCES = 8
"""Sentences whose candidates are ranked, the best by the words and the meaning they share with the question."""
FIELDS = ("text", "headline", "section", "byline")
IDS = ("kind", "tag", "tag", "tag", "tag", "word", "word", "word", "word", "asked")
"""What the columns of ``Inputs.ids`` number: kind; tags and words before, first, last, after; the word asked for."""
_DYNAMIC = 50
_TOLD = 15
_READ = 10
DENSE = STATIC + _DYNAMIC + _TOLD + _READ

Columns = list[npt.NDArray[np.generic] | float]
Places = npt.NDArray[np.integer]
Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A block to look for the answer in."""

    block: Block
    field: int
    """Index in FIELDS."""
    passage: int
    """0 for the first hit."""
    score: float
    """Fused score of the passage as a share of the first one's."""
    cosines: Floats
    """Per sentence: how far its cosine with the question stands above the mean of all, in standard deviations."""
    clauses: Floats
    """The same per clause."""
    similar: Floats
    """(the question's words, the block's tokens): how near they are in meaning, 0…1; see ``qa.answer.meaning``."""
    body: int = 0
    """Where the text proper begins, in the folded text: a byline above it answers only who wrote."""


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """What the ranker sees: a row for each candidate."""

    dense: Floats
    ids: Ints
    source: Ints
    """Index of the candidate's source."""
    spans: Ints
    """(candidates, 2): start and end in the block's folded text."""
    sentence: Ints

    def rows(self, rows: npt.NDArray[np.intp]) -> Inputs:
        """Some of the candidates, in order."""
        if len(rows) == len(self.source):
            return self
        return Inputs(self.dense[rows], self.ids[rows], self.source[rows], self.spans[rows], self.sentence[rows])


@np.errstate(invalid="ignore")  # OpenBLAS now and then warns of values that aren't there (numpy's issue 24067)
def inputs(
    asked: Expected, idf: Mapping[str, float], sources: Sequence[Source], weights: Floats, reader: Tensors
) -> Inputs:
    """The candidates of the best sentences of ``sources``, as the ranker sees them; these sentences alone are read.

    ``weights`` are of the question's words, the rows of each source's ``similar``; ``reader`` is the reader's.
    """
    rarity = np.array(list(idf.values()), dtype=np.float32)
    matches = [matched(source.block.layout, idf) for source in sources]
    meant = [alike(source.block, source.similar, weights) for source in sources]
    held = [(rarity @ match.present) / (float(rarity.sum()) or 1.0) for match in matches]
    chosen = _chosen(sources, [share + weights @ each.sentences for share, each in zip(held, meant, strict=True)])
    if not any(chosen):
        none = np.zeros(0, dtype=np.int32)
        return Inputs(
            np.zeros((0, DENSE), np.float32), np.zeros((0, len(IDS)), np.int32), none, none.reshape(0, 2), none
        )
    readings = read(
        asked,
        [
            tokenised().of(source.block.layout.folded).within(source.block.layout.sentences[sentences])
            for source, sentences in zip(sources, chosen, strict=True)
        ],
        reader,
    )
    spans = [
        [source.block.of_sentence(sentence) for sentence in sentences]
        for source, sentences in zip(sources, chosen, strict=True)
    ]
    of = np.repeat(np.arange(len(sources), dtype=np.int32), [sum(len(each.places) for each in own) for own in spans])
    every = joined(list(chain.from_iterable(spans)))
    text = _Text(sources, of, every)
    dense = np.empty((len(of), DENSE), dtype=np.float32, order="F")  # it is filled by columns
    dense[:, :STATIC] = every.static
    columns = _dynamic(asked, text, matches, held)
    columns += _told(text, meant, weights)
    columns += _seen(text, readings)
    for number, column in enumerate(columns, STATIC):
        dense[:, number] = column
    dense[:, -1] = np.minimum(dense[:, -1].max(initial=2 * LEAST_LOG) - dense[:, -1], -2 * LEAST_LOG)
    return Inputs(dense, _ids(asked, text), of, every.places[:, :2], every.places[:, 4])


def _chosen(sources: Sequence[Source], shares: Sequence[Floats]) -> list[list[int]]:
    """Per source, which sentences are looked at, in order."""
    ranked = sorted(
        (-(share + 0.08 * cosine + 0.3 * source.score), number, i)
        for number, (source, shares_) in enumerate(zip(sources, shares, strict=True))
        if source.field == 0
        for i, (share, cosine) in enumerate(zip(shares_.tolist(), source.cosines.tolist(), strict=True))
    )
    chosen: list[list[int]] = [
        list(range(len(share))) if source.field else [] for source, share in zip(sources, shares, strict=True)
    ]
    for _, number, i in ranked[:SENTENCES]:
        chosen[number].append(i)
    return [sorted(sentences) for sentences in chosen]


class _Slots:
    """Where each source's elements lie when they are put into one array, with empty ones before, between and behind."""

    def __init__(self, lengths: Sequence[int], gap: int) -> None:
        before = np.concatenate(([0], np.cumsum(lengths)))
        self.gap = gap
        self.starts = before[:-1] + gap * np.arange(1, len(lengths) + 1)
        """Of each source, the place of its first element."""
        self.firsts = before[:-1]
        """The same, were there no empty ones."""
        self.size = int(before[-1]) + gap * (len(lengths) + 1)
        self._places = np.arange(before[-1]) + gap * np.repeat(np.arange(1, len(lengths) + 1), lengths)

    def join(self, parts: Iterable[npt.NDArray[Number]]) -> npt.NDArray[Number]:
        """What the sources have of something, along the last axis; 0 in the empty places."""
        every = np.concatenate(list(parts), axis=-1)
        found = np.zeros((*every.shape[:-1], self.size), dtype=every.dtype)
        found[..., self._places] = every
        return found


class _Text:
    """The sources as one text, and where the candidates stand in it.

    No measure reaches over the room between two sources: it is as wide as the widest of them looks.
    """

    def __init__(self, sources: Sequence[Source], of: Ints, spans: Spans) -> None:
        layouts = [source.block.layout for source in sources]
        self.sources = sources
        self.of = of
        """Per candidate, its source."""
        self.spans = spans
        """The candidates, with places in their sources."""
        self.characters = _Slots([len(layout.folded) for layout in layouts], ROOM)
        self.tokens = _Slots([len(source.block.words) for source in sources], ROOM)
        self.sentences = _Slots([len(layout.sentences) for layout in layouts], 1)
        self.clauses = _Slots([len(layout.clauses) for layout in layouts], 1)
        room = "\0" * ROOM
        self.folded = room.join(["", *(layout.folded for layout in layouts), ""])
        at = self.characters.starts
        start, end, first, last, sentence, _ = spans.places.T
        self.start, self.end = start + at[of], end + at[of]
        self.first, self.last = first + self.tokens.starts[of], last + self.tokens.starts[of]
        self.sentence = sentence + self.sentences.starts[of]
        starts = np.concatenate([layout.clauses[:, 0] + low for layout, low in zip(layouts, at, strict=True)])
        self.first_clause = self._at_or_before(starts, self.start, self.clauses)
        """Of the clauses that the candidate stands in, as ``last_clause``."""
        self.last_clause = np.maximum(self._at_or_before(starts, self.end - 1, self.clauses), self.first_clause)

    def _at_or_before(self, starts: npt.NDArray[np.integer], places: npt.NDArray[np.integer], slots: _Slots) -> Places:
        """The slot of the last of ``starts`` that isn't behind each candidate's place, or of its source's first."""
        number = np.maximum(np.searchsorted(starts, places, side="right") - 1, slots.firsts[self.of])
        found: Places = number + slots.gap * (self.of + 1)
        return found

    def each(self, values: Iterable[float]) -> Floats:
        """A number of each source, for its candidates."""
        return np.array(list(values), dtype=np.float32)[self.of]


ROOM = 96
"""Empty places between two sources: kernels of ``_dynamic`` are 90 places long, those of ``_told`` 36."""


def _ids(asked: Expected, text: _Text) -> Ints:
    first, last = text.first, text.last
    tags = text.tokens.join(source.block.tags for source in text.sources)
    hashes = text.tokens.join(source.block.hashes for source in text.sources)
    columns: list[npt.NDArray[np.generic] | int] = [KINDS.index(asked.kind)]
    columns += [told[place] for told in (tags, hashes) for place in (first - 1, first, last, last + 1)]
    columns.append(word_hash(asked.focus or asked.folded[max(asked.start - 1, 0) : asked.start]))
    found = np.empty((len(first), len(IDS)), dtype=np.int32)
    for number, column in enumerate(columns):
        found[:, number] = column
    return found


def _dynamic(asked: Expected, text: _Text, matches: Sequence[Matched], held: Sequence[Floats]) -> Columns:
    """Where the question's words stand, as they are written: in the candidate, beside it, in its clause and sentence.

    ``held`` is the share of the question's weight that each sentence of each source holds.
    """
    start, end, sentence = text.start, text.end, text.sentence
    low, high = (text.spans.clauses + text.characters.starts[text.of][:, None]).T
    weight = text.characters.join(match.weight for match in matches)
    total = _before(weight)
    length = (end - start).astype(np.float64)
    inside = total[end] - total[start]
    clause = total[high] - total[low] - inside
    placed = zip(text.sources, text.characters.starts, strict=True)
    starts, ends = text.sentences.join((source.block.layout.sentences + at).T for source, at in placed)
    columns: Columns = [
        inside / length,
        inside / (text.each(match.weight.sum() for match in matches) + 1e-6),
        np.log1p(clause),
        clause / np.maximum(high - low - length, 1),
        np.log1p(total[start] - total[starts[sentence]]),
        np.log1p(np.maximum(total[ends[sentence]] - total[end], 0)),
    ]
    for reach in (3, 10, 30):
        columns += _beside(weight, reach, start - 1, end, _kernel(reach).sum() / min(reach, 3))
    share = text.sentences.join(held)
    best = max(float(each.max(initial=0.0)) for each in held)
    cosine = text.sentences.join(source.cosines for source in text.sources)
    columns += [
        share[sentence],
        best - share[sentence],
        share[sentence] >= best - 1e-6,
        np.maximum(share[sentence - 1], share[sentence + 1]),
        np.minimum(text.sentences.join(map(_order, held))[sentence], 5) / 5,
        cosine[sentence],
        text.each(max(source.cosines, default=0.0) for source in text.sources) - cosine[sentence],
        text.each(source.passage == 0 for source in text.sources),
        text.each(min(source.passage, 4) / 4 for source in text.sources),
        text.each(source.score for source in text.sources),
        *(text.each(source.field == field for source in text.sources) for field in range(len(FIELDS))),
    ]
    columns += _meanings(text)
    columns += _contexts(asked, text.folded, start, end)
    columns += _focus(asked, text.folded, start, end)
    return columns


def _before(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The sum of what stands before each place."""
    found = np.zeros(len(values) + 1)
    np.cumsum(values, dtype=np.float64, out=found[1:])
    return found


def _order(values: Floats) -> npt.NDArray[np.intp]:
    """The rank of each, 0 for the largest; of equal ones the earlier is before."""
    return np.argsort(np.argsort(-values, kind="stable"))


def _beside(values: Floats, reach: int, before: Places, behind: Places, divisor: float) -> Columns:
    """What stands at and before some places, and at and behind others, the nearer the more."""
    kernel = _kernel(reach)
    near = np.convolve(values, kernel)[: len(values)] / divisor
    far = np.convolve(values[::-1], kernel)[: len(values)][::-1] / divisor
    return [near[before], far[behind]]


@cache
def _kernel(reach: int) -> npt.NDArray[np.float64]:
    """Weights of what stands 0, 1, 2 … places away: they fall to 1/e at ``reach``."""
    return np.exp(-np.arange(3 * reach) / reach)


def _meanings(text: _Text) -> Columns:
    """How near in meaning the question is to the clauses that the candidate stands in, and to those beside them."""
    above = [source.clauses for source in text.sources]
    first, last = text.first_clause, text.last_clause
    cosine, order = text.clauses.join(above), text.clauses.join(map(_order, above))
    total = _before(cosine)
    best = np.maximum(cosine[first], cosine[last])
    least, most = (text.each(pick(each, default=0.0) for each in above) for pick in (min, max))
    starts = text.clauses.starts
    ends = starts + [len(each) for each in above]
    return [
        best,
        (total[last + 1] - total[first]) / (last + 1 - first),
        np.where(first > starts[text.of], cosine[first - 1], least),
        np.where(last + 1 < ends[text.of], cosine[last + 1], least),
        most - best,
        np.minimum(np.minimum(order[first], order[last]), 8) / 8,
    ]


def _contexts(asked: Expected, folded: str, start: Places, end: Places) -> Columns:
    """Whether what stands beside the question's gap stands beside the candidate, at the same side or the other."""
    left, right = asked.before, asked.after.removeprefix(asked.focus)
    columns: Columns = []
    for pair in (left[-2:], right[:2]):
        starts, ends = _edges(folded, [pair] if len(pair) == 2 else [])
        columns += [ends[start], starts[end], _within(ends, start, -8), _within(starts, end, 8)]
    columns.append(_edges(folded, left[-1:])[1][start])
    columns.append(_edges(folded, right[:1])[0][end])
    return columns


def _focus(asked: Expected, folded: str, start: Places, end: Places) -> Columns:
    """Whether the candidate ends in the noun or the measure word asked for, or stands beside it."""
    number = asked.kind == "number"
    noun = asked.units if number else asked.focus
    starts, ends = _edges(folded, noun if number else [noun] if noun else [])
    _, last = _edges(folded, noun if number else noun[-1:])
    counted, _ = _edges(folded, [asked.focus[:2]] if number and asked.focus else [])
    return [
        float(bool(noun)),
        ends[end],
        starts[end],
        _within(ends, start, -3),
        last[end],
        counted[end] | counted[end - 1],
        ~_within(ends, end, 3) if noun else 0.0,
        _within(starts, end, 4),
    ]


def _edges(folded: str, sought: Iterable[str]) -> tuple[Bools, Bools]:
    """Per place, whether something sought begins there, and whether something sought ends there."""
    starts, ends = np.zeros(len(folded) + 1, dtype=np.bool_), np.zeros(len(folded) + 1, dtype=np.bool_)
    for text in sought:
        for low, high in occurrences(folded, text):
            starts[low] = ends[high] = True
    return starts, ends


def _within(flags: Bools, at: Places, reach: int) -> Bools:
    """Whether a flag is set at most ``reach`` places behind (or, when negative, before) each place."""
    total = np.concatenate(([0], np.cumsum(flags)))
    found: Bools = total[at + max(reach, 0) + 1] > total[at + min(reach, 0)]
    return found


def _told(text: _Text, meant: Sequence[Alike], weights: Floats) -> Columns:
    """Where the question's words are told in other words: beside the candidate, in its clauses, in its sentence."""
    first, last, sentence = text.first, text.last, text.sentence
    tokens = text.tokens.join(each.tokens for each in meant)
    total = _before(tokens)
    columns: Columns = [(total[last + 1] - total[first]) / (last + 1 - first)]
    for reach in (2, 5, 12):
        columns += _beside(tokens, reach, first - 1, last + 1, min(reach, 5))
    partners = text.clauses.join(each.clauses for each in meant)
    low, high = text.first_clause, text.last_clause
    own = weights @ np.maximum(partners[:, low], partners[:, high])
    beside = [partners[:, low - 1], partners[:, low], partners[:, high], partners[:, high + 1]]
    around = weights @ np.maximum.reduce(beside)
    clauses = [weights @ each.clauses for each in meant]
    sentences = [weights @ each.sentences for each in meant]
    order, place = text.clauses.join(map(_order, clauses)), text.sentences.join(map(_order, sentences))
    share = text.sentences.join(sentences)
    columns += [
        own,
        around,
        share[sentence],
        max(float(each.max(initial=0.0)) for each in sentences) - share[sentence],
        np.minimum(np.minimum(order[low], order[high]), 8) / 8,
        np.minimum(place[sentence], 5) / 5,
        text.each(weights @ each.sentences.max(1, initial=0.0) for each in meant),
        text.each(each.max(initial=0.0) for each in clauses) - own,
    ]
    return columns


LEAST_LOG = -10.0
"""Logarithms of the reader's probabilities are no less than this: e^-10 is never right."""


def _seen(text: _Text, readings: Sequence[Reading]) -> Columns:
    """What the reader says of the candidate's first and last token, of those in it and beside it, of its sentence.

    The last column is the candidate's log-probability, to be compared with the best one's.
    """
    if not any(len(reading.spans) for reading in readings):
        return [LEAST_LOG] * _READ
    tokens = _Slots([len(reading.spans) for reading in readings], 1)
    firsts, lasts = (
        _log_chances(logits) for logits in ([each.first for each in readings], [each.last for each in readings])
    )
    first, last = tokens.join(firsts), tokens.join(lasts)
    inside = tokens.join(1 / (1 + np.exp(-reading.inside)) for reading in readings)
    chance_first, chance_last = (_before(tokens.join(map(np.exp, each))) for each in (firsts, lasts))
    part = _before(inside)
    at = text.characters.starts
    begins, ends = np.concatenate([reading.spans + low for reading, low in zip(readings, at, strict=True)]).T
    most = tokens.firsts[text.of] + np.array([len(reading.spans) for reading in readings])[text.of] - 1
    low = np.minimum(np.searchsorted(ends, text.start, side="right"), most)
    high = np.maximum(np.searchsorted(begins, text.end, side="left") - 1, low) + text.of + 1
    low = low + text.of + 1
    bounds = [
        np.searchsorted(begins, source.block.layout.sentences + start) + number + 1
        for number, (source, start) in enumerate(zip(text.sources, at, strict=True))
    ]
    told = text.sentences.join(chance_first[each[:, 1]] - chance_first[each[:, 0]] for each in bounds)
    columns: list[npt.NDArray[np.generic]] = [
        first[low],
        last[high],
        chance_first[high + 1] - chance_first[low],
        chance_last[high + 1] - chance_last[low],
        (part[high + 1] - part[low]) / (high + 1 - low),
        inside[low - 1],
        inside[high + 1],
        np.log(np.maximum(told[text.sentence], np.exp(LEAST_LOG))),
        text.each(np.exp(each).sum() for each in firsts),
        first[low] + last[high],
    ]
    read = np.array([len(reading.spans) > 0 for reading in readings])
    return list(columns) if read.all() else [np.where(read[text.of], column, LEAST_LOG) for column in columns]


def _log_chances(logits: Sequence[Floats]) -> list[Floats]:
    """Logarithms of the chances of all tokens of all sources, none below LEAST_LOG."""
    every = np.concatenate([*logits, np.full(1, LEAST_LOG, dtype=np.float32)])
    most = float(every.max())
    scale = most + float(np.log(np.exp(every - most).sum()))
    return [np.maximum(each - scale, LEAST_LOG) for each in logits]
