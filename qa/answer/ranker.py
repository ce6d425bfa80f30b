"""The ranker: which candidate answers. A network of one hidden layer over what a candidate is and how it fits.

Its inputs are the candidate's own columns (``candidates.Spans.static``), how it stands to the question's words
(``_dynamic``), and learned vectors for the kind of question, for the tags and words at and beside the span's ends, and
for the word asked for. Its outputs are probabilities over all candidates of a question; the answer is the candidate
that is expected to overlap most with the right one (minimum Bayes risk), which prefers a clause to a guess.

Trained on the answers of the public sets by ``python -m benchmarks.answers fit`` (docs/answers.md).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qa.answer.candidates import (
    ENUMERATES,
    HAS_DATE,
    HAS_NUMBER,
    INSIDE_QUOTES,
    QUOTED,
    STATIC,
    TAGS,
    Block,
    Floats,
    Ints,
    Layout,
    Spans,
    word_hash,
)
from qa.answer.kinds import KINDS, Expected
from qa.answer.reader import Reading, Tensors, read, tokenised

WEIGHTS = Path(__file__).parent / "weights" / "ranker.safetensors"
SENTENCES = 8
"""Sentences whose candidates are ranked, the best by the words and the meaning they share with the question."""
FIELDS = ("text", "headline", "section", "byline")
BEST = 40
"""Candidates, by probability, between which the expected overlap decides."""

TABLES = {"kind": (len(KINDS), 8), "tag": (len(TAGS), 6), "word": (1024, 4), "asked": (1024, 4)}
"""Learned vectors: how many, and their length."""
IDS = ("kind", "tag", "tag", "tag", "tag", "word", "word", "word", "word", "asked")
"""Tables of the columns of ``Inputs.ids``: kind; tags and words before, first, last, after; the word asked for."""
_DYNAMIC = 50
_TOLD = 15
_READ = 10
DENSE = STATIC + _DYNAMIC + _TOLD + _READ
HIDDEN = 64


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
        """Some of the candidates."""
        return Inputs(self.dense[rows], self.ids[rows], self.source[rows], self.spans[rows], self.sentence[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """Where a block holds the question's words."""

    weight: Floats
    """Per folded character: the largest weight of a matched term that covers it, as a share of the largest there is."""
    present: npt.NDArray[np.bool_]
    """(terms, sentences)."""


def matched(block: Layout, idf: Mapping[str, float]) -> Matched:
    """Where the terms of ``idf`` stand in ``block``; numbers by their value, whatever they are written like."""
    weight = np.zeros(len(block.folded), dtype=np.float32)
    most = max(idf.values(), default=1.0) or 1.0
    every = _places(block, idf)
    shares = [
        # A lone character says less than its weight: it turns up inside other words.
        (idf_weight / most * (0.4 if len(term) == 1 else 1.0), places)
        for (term, idf_weight), places in zip(idf.items(), every, strict=True)
        if places
    ]
    for share, places in sorted(shares, key=lambda pair: pair[0]):  # the largest that covers a character stays
        for start, end in places:
            weight[start:end] = share
    return Matched(weight, _present(block, every))


def present(block: Layout, idf: Mapping[str, float]) -> npt.NDArray[np.bool_]:
    """(terms, sentences): which sentences of ``block`` hold which terms, as in ``matched``."""
    return _present(block, _places(block, idf))


def _places(block: Layout, idf: Mapping[str, float]) -> list[Sequence[tuple[int, int]]]:
    return [block.figures.get(term) or _find(block.folded, term) for term in idf]


def _present(block: Layout, every: Sequence[Sequence[tuple[int, int]]]) -> npt.NDArray[np.bool_]:
    ends = block.sentences[:, 1].tolist()
    found = np.zeros((len(every), len(ends)), dtype=bool)
    for row, places in enumerate(every):
        for start, _ in places:
            sentence = bisect_right(ends, start)
            if sentence < len(ends):
                found[row, sentence] = True
    return found


def _find(text: str, term: str) -> list[tuple[int, int]]:
    places, at = [], text.find(term)
    while at >= 0:
        places.append((at, at + len(term)))
        at = text.find(term, at + len(term))
    return places


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """Where a block tells what the question's words mean, in whatever words."""

    tokens: Floats
    """Per token: the largest weight of a question's word times their likeness, as a share of the largest weight."""
    clauses: Floats
    """(words, clauses): the likeness of each question's word with its best partner in a clause."""
    sentences: Floats
    """(words, sentences): the same for sentences."""


def alike(source: Source, weights: Floats) -> Alike:
    """What ``source.similar`` says of tokens, clauses and sentences; ``weights`` are of the question's words."""
    block, similar = source.block, source.similar
    most = float(weights.max()) if len(weights) else 1.0
    tokens = (similar * weights[:, None]).max(0, initial=0.0) / (most or 1.0)
    return Alike(
        tokens.astype(np.float32),
        best_partners(similar, block, block.layout.clauses),
        best_partners(similar, block, block.layout.sentences),
    )


def best_partners(similar: Floats, block: Block, spans: Ints) -> Floats:
    """(words, spans): the likeness of each question's word with its best partner within each span of the block.

    ``similar`` is (words, tokens of the block); ``spans`` are starts and ends in its folded text.
    """
    found = np.zeros((len(similar), len(spans)), dtype=np.float32)
    within = np.searchsorted(block.words[1:-1, 0], spans) + 1  # a block begins and ends with an empty token
    for i, (low, high) in enumerate(within.tolist()):
        if low < high:
            found[:, i] = similar[:, low:high].max(1, initial=0.0)
    return found


def inputs(
    asked: Expected, idf: Mapping[str, float], sources: Sequence[Source], weights: Floats, reader: Tensors
) -> Inputs:
    """The candidates of the best sentences of ``sources``, as the ranker sees them; these sentences alone are read.

    ``weights`` are of the question's words, the rows of each source's ``similar``; ``reader`` is the reader's.
    """
    rarity = np.array(list(idf.values()), dtype=np.float32)
    whole = float(rarity.sum()) or 1.0
    found = [matched(source.block.layout, idf) for source in sources]
    shares = [(rarity @ match.present) / whole for match in found]
    meant = [alike(source, weights) for source in sources]
    chosen = _chosen(sources, [share + weights @ each.sentences for share, each in zip(shares, meant, strict=True)])
    best = max((float(share.max()) for share in shares if len(share)), default=0.0)
    parts: list[tuple[int, Block, Spans]] = []
    dense: list[Floats] = []
    near = max((float((weights @ each.sentences).max(initial=0.0)) for each in meant), default=0.0)
    readings = read(
        asked,
        [
            tokenised().of(source.block.layout.folded).within(source.block.layout.sentences[sentences])
            for source, sentences in zip(sources, chosen, strict=True)
        ],
        reader,
    )
    scales = _scales(readings)
    for number, (source, match, share, sentences) in enumerate(zip(sources, found, shares, chosen, strict=True)):
        block = source.block
        spans = block.spans(np.flatnonzero(sentences).tolist())
        if len(spans.places):
            dynamic = _dynamic(asked, source, match, share, best, spans)
            told = _told(source, meant[number], weights, near, spans)
            seen = _seen(block, readings[number], scales, spans)
            dense.append(np.concatenate([spans.static, dynamic, told, seen], axis=1))
            parts.append((number, block, spans))
    if not parts:
        none = np.zeros(0, dtype=np.int32)
        return Inputs(
            np.zeros((0, DENSE), np.float32), np.zeros((0, len(IDS)), np.int32), none, none.reshape(0, 2), none
        )
    places = np.concatenate([spans.places for _, _, spans in parts])
    every = np.concatenate(dense)
    every[:, -1] = np.minimum(every[:, -1].max() - every[:, -1], -2 * LEAST_LOG)
    return Inputs(
        every,
        np.concatenate([_ids(asked, block, spans) for _, block, spans in parts]),
        np.concatenate([np.full(len(spans.places), number, dtype=np.int32) for number, _, spans in parts]),
        places[:, :2],
        places[:, 4],
    )


def _chosen(sources: Sequence[Source], shares: Sequence[Floats]) -> list[npt.NDArray[np.bool_]]:
    """Per source, which sentences are looked at."""
    ranked = sorted(
        (
            (-(float(share[i]) + 0.08 * float(source.cosines[i]) + 0.3 * source.score), number, i)
            for number, (source, share) in enumerate(zip(sources, shares, strict=True))
            if source.field == 0
            for i in range(len(share))
        )
    )
    chosen = [np.full(len(share), source.field > 0) for source, share in zip(sources, shares, strict=True)]
    for _, number, i in ranked[:SENTENCES]:
        chosen[number][i] = True
    return chosen


def _ids(asked: Expected, block: Block, spans: Spans) -> Ints:
    first, last = spans.places[:, 2], spans.places[:, 3]
    columns = [np.full(len(first), KINDS.index(asked.kind))]
    columns += [block.tags[place] for place in (first - 1, first, last, last + 1)]
    columns += [block.hashes[place] for place in (first - 1, first, last, last + 1)]
    columns.append(np.full(len(first), word_hash(asked.focus or asked.folded[max(asked.start - 1, 0) : asked.start])))
    return np.stack(columns, axis=1).astype(np.int32)


def _dynamic(
    asked: Expected,
    source: Source,
    match: Matched,
    share: Floats,
    best: float,
    spans: Spans,
) -> Floats:
    block = source.block
    start, end, _, _, sentence, _ = spans.places.T
    low, high = spans.clauses.T
    folded = block.layout.folded
    weight, size = match.weight, len(folded)
    total = np.concatenate(([0.0], np.cumsum(weight, dtype=np.float64)))
    length = (end - start).astype(np.float64)
    inside = total[end] - total[start]
    clause = total[high] - total[low] - inside
    first, last = block.layout.sentences[sentence].T
    before = total[start] - total[np.maximum(first, 0)]
    behind = np.maximum(total[np.minimum(last, size)] - total[end], 0)
    columns: list[npt.NDArray[np.generic] | float] = [
        inside / length,
        inside / (total[-1] + 1e-6),
        np.log1p(clause),
        clause / np.maximum(high - low - length, 1),
        np.log1p(before),
        np.log1p(behind),
    ]
    for reach in (3, 10, 30):
        kernel = _kernel(reach)
        near = np.convolve(weight, kernel)[:size]
        far = np.convolve(weight[::-1], kernel)[:size][::-1]
        columns += [
            np.where(start > 0, near[start - 1], 0) / kernel.sum() * min(reach, 3),
            np.where(end < size, far[np.minimum(end, size - 1)], 0) / kernel.sum() * min(reach, 3),
        ]
    held = share[sentence]
    neighbours = np.maximum(
        np.where(sentence > 0, share[np.maximum(sentence - 1, 0)], 0),
        np.where(sentence + 1 < len(share), share[np.minimum(sentence + 1, len(share) - 1)], 0),
    )
    order = np.argsort(np.argsort(-share))
    columns += [
        held,
        best - held,
        held >= best - 1e-6,
        neighbours,
        np.minimum(order[sentence], 5) / 5,
        source.cosines[sentence],
        float(source.cosines.max()) - source.cosines[sentence],
        float(source.passage == 0),
        min(source.passage, 4) / 4,
        source.score,
        *(float(source.field == field) for field in range(len(FIELDS))),
    ]
    columns += _meanings(source, start, end)
    columns += _contexts(asked, folded, start, end)
    columns += _focus(asked, folded, start, end)
    return _columns(columns, len(start))


@cache
def _kernel(reach: int) -> npt.NDArray[np.float64]:
    """Weights of what stands 0, 1, 2 … places away: they fall to 1/e at ``reach``."""
    return np.exp(-np.arange(3 * reach) / reach)


def _told(source: Source, meant: Alike, weights: Floats, best: float, spans: Spans) -> Floats:
    """Where the question's words are told in other words: beside the candidate, in its clauses, in its sentence."""
    block = source.block
    start, end, first, last, sentence, _ = spans.places.T
    size = len(meant.tokens)
    total = np.concatenate(([0.0], np.cumsum(meant.tokens, dtype=np.float64)))
    columns: list[npt.NDArray[np.generic] | float] = [(total[last + 1] - total[first]) / (last + 1 - first)]
    for reach in (2, 5, 12):
        kernel = _kernel(reach)
        near = np.convolve(meant.tokens, kernel)[:size] / min(reach, 5)
        far = np.convolve(meant.tokens[::-1], kernel)[:size][::-1] / min(reach, 5)
        columns += [near[first - 1], far[np.minimum(last + 1, size - 1)]]  # a block begins and ends with an empty token
    starts = block.layout.clauses[:, 0]
    low = np.maximum(np.searchsorted(starts, start, side="right") - 1, 0)
    high = np.maximum(np.searchsorted(starts, end - 1, side="right") - 1, low)
    edged = np.pad(meant.clauses, ((0, 0), (1, 1)))
    own = weights @ np.maximum(meant.clauses[:, low], meant.clauses[:, high])
    around = weights @ np.maximum.reduce([edged[:, low], edged[:, low + 1], edged[:, high + 1], edged[:, high + 2]])
    clauses, sentences = weights @ meant.clauses, weights @ meant.sentences
    order = np.argsort(np.argsort(-clauses, kind="stable"))
    place = np.argsort(np.argsort(-sentences, kind="stable"))
    columns += [
        own,
        around,
        sentences[sentence],
        best - sentences[sentence],
        np.minimum(np.minimum(order[low], order[high]), 8) / 8,
        np.minimum(place[sentence], 5) / 5,
        float(weights @ meant.sentences.max(1, initial=0.0)),
        clauses.max() - own,
    ]
    return _columns(columns, len(start))


LEAST_LOG = -10.0
"""Logarithms of the reader's probabilities are no less than this: e^-10 is never right."""


def _scales(readings: Sequence[Reading]) -> tuple[float, float]:
    """Logarithms of the sums over all tokens read, for the first and the last token of an answer."""
    found = []
    for logits in ([each.first for each in readings], [each.last for each in readings]):
        every = np.concatenate([*logits, np.full(1, LEAST_LOG, dtype=np.float32)])
        most = float(every.max())
        found.append(most + float(np.log(np.exp(every - most).sum())))
    return found[0], found[1]


def _seen(block: Block, reading: Reading, scales: tuple[float, float], spans: Spans) -> Floats:
    """What the reader says of the candidate's first and last token, of those in it and beside it, of its sentence.

    The last column is the candidate's log-probability, to be compared with the best one's.
    """
    if not len(reading.spans):
        return np.full((len(spans.places), _READ), LEAST_LOG, dtype=np.float32)
    start, end, _, _, sentence, _ = spans.places.T
    first = np.maximum(reading.first - scales[0], LEAST_LOG)
    last = np.maximum(reading.last - scales[1], LEAST_LOG)
    inside = np.concatenate([np.zeros(1, np.float32), 1 / (1 + np.exp(-reading.inside)), np.zeros(1, np.float32)])
    begins, ends = reading.spans.T
    low = np.minimum(np.searchsorted(ends, start, side="right"), len(first) - 1)
    high = np.maximum(np.searchsorted(begins, end, side="left") - 1, low)
    chance_first = np.concatenate(([0.0], np.cumsum(np.exp(first), dtype=np.float64)))
    chance_last = np.concatenate(([0.0], np.cumsum(np.exp(last), dtype=np.float64)))
    part = np.concatenate(([0.0], np.cumsum(inside[1:-1], dtype=np.float64)))
    bounds = np.searchsorted(begins, block.layout.sentences)
    told = chance_first[bounds[:, 1]] - chance_first[bounds[:, 0]]
    columns: list[npt.NDArray[np.generic] | float] = [
        first[low],
        last[high],
        chance_first[high + 1] - chance_first[low],
        chance_last[high + 1] - chance_last[low],
        (part[high + 1] - part[low]) / (high + 1 - low),
        inside[low],
        inside[high + 2],
        np.log(np.maximum(told[sentence], np.exp(LEAST_LOG))),
        float(chance_first[-1]),
        first[low] + last[high],
    ]
    return _columns(columns, len(start))


def _columns(columns: Sequence[npt.NDArray[np.generic] | float], rows: int) -> Floats:
    """The columns side by side, (rows, columns); a number fills its column. Much quicker than numpy's stack."""
    found = np.empty((rows, len(columns)), dtype=np.float32)
    for i, column in enumerate(columns):
        found[:, i] = column
    return found


def _meanings(source: Source, start: Ints, end: Ints) -> list[npt.NDArray[np.generic]]:
    """How near in meaning the question is to the clauses that the candidate stands in, and to those beside them."""
    above = source.clauses
    if not len(above):
        return [np.zeros(len(start), dtype=np.float32)] * 6
    starts = source.block.layout.clauses[:, 0]
    first = np.maximum(np.searchsorted(starts, start, side="right") - 1, 0)
    last = np.maximum(np.searchsorted(starts, end - 1, side="right") - 1, first)
    total = np.concatenate(([0.0], np.cumsum(above, dtype=np.float64)))
    edge = np.concatenate(([above.min()], above, [above.min()]))
    order = np.argsort(np.argsort(-above))
    return [
        np.maximum(above[first], above[last]),
        (total[last + 1] - total[first]) / (last + 1 - first),
        edge[first],
        edge[last + 2],
        float(above.max()) - np.maximum(above[first], above[last]),
        np.minimum(np.minimum(order[first], order[last]), 8) / 8,
    ]


def _contexts(asked: Expected, folded: str, start: Ints, end: Ints) -> list[npt.NDArray[np.generic]]:
    """Whether what stands beside the question's gap stands beside the candidate, at the same side or the other."""
    left, right = asked.before, asked.after.removeprefix(asked.focus)
    size = len(folded)
    columns: list[npt.NDArray[np.generic]] = []
    for text in (left[-2:], right[:2]):
        starts = np.zeros(size + 1, dtype=bool)
        ends = np.zeros(size + 1, dtype=bool)
        for low, high in _find(folded, text) if len(text) == 2 else ():
            starts[low] = ends[high] = True
        columns += [ends[start], starts[end], _within(ends, start, -8), _within(starts, end, 8)]
    for text, at_end in ((left[-1:], True), (right[:1], False)):
        flags = np.zeros(size + 1, dtype=bool)
        for low, high in _find(folded, text) if text else ():
            flags[high if at_end else low] = True
        columns.append(flags[start] if at_end else flags[end])
    return columns


def _within(flags: npt.NDArray[np.bool_], at: Ints, reach: int) -> npt.NDArray[np.bool_]:
    """Whether a flag is set at most ``reach`` places behind (or, when negative, before) each place."""
    total = np.concatenate(([0], np.cumsum(flags)))
    low = np.maximum(at + min(reach, 0), 0)
    high = np.minimum(at + max(reach, 0) + 1, len(flags))
    found: npt.NDArray[np.bool_] = total[high] > total[low]
    return found


def _focus(asked: Expected, folded: str, start: Ints, end: Ints) -> list[npt.NDArray[np.generic]]:
    """Whether the candidate ends in the noun or the measure word asked for, or stands beside it."""
    size = len(folded)
    number = asked.kind == "number"
    noun = asked.units if number else asked.focus
    ends = np.zeros(size + 1, dtype=bool)
    starts = np.zeros(size + 1, dtype=bool)
    last = np.zeros(size + 1, dtype=bool)
    for text in noun if number else (noun,) if noun else ():
        for low, high in _find(folded, text):
            starts[low] = ends[high] = True
    for character in noun[-1:] if not number else noun:
        for _, high in _find(folded, character):
            last[high] = True
    counted = np.zeros(size + 1, dtype=bool)
    if number and asked.focus:
        for low, _ in _find(folded, asked.focus[:2]):
            counted[low] = True
    known = np.full(len(start), bool(noun))
    return [
        known,
        ends[end],
        starts[end],
        _within(ends, start, -3),
        last[end],
        counted[end] | counted[np.maximum(end - 1, 0)],
        known & ~_within(ends, end, 3),
        _within(starts, end, 4),
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """The network: learned vectors, scale of the dense inputs, two layers."""

    tables: Mapping[str, Floats]
    mean: Floats
    scale: Floats
    hidden: Floats
    """(DENSE + lengths of the vectors, HIDDEN)."""
    hidden_bias: Floats
    out: Floats


def scores(seen: Inputs, weights: Weights) -> Floats:
    """A score for each candidate: the logarithm of its probability, up to a constant of the question."""
    dense = (seen.dense - weights.mean) * weights.scale
    columns = [dense, *(weights.tables[name][seen.ids[:, i]] for i, name in enumerate(IDS))]
    hidden = np.concatenate(columns, axis=1) @ weights.hidden + weights.hidden_bias
    result: Floats = np.maximum(hidden, 0) @ weights.out
    return result


@cache
def shipped() -> Weights:
    """The weights that come with the package."""
    from safetensors.numpy import load_file  # loaded with the first question  # noqa: PLC0415

    return from_tensors(load_file(WEIGHTS))


def from_tensors(tensors: Mapping[str, npt.NDArray[np.generic]]) -> Weights:
    """Weights from named arrays, as they lie in the file (half precision)."""
    full = {name: np.asarray(values, dtype=np.float32) for name, values in tensors.items()}
    tables = {name: full[f"table.{name}"] for name in TABLES}
    return Weights(tables, full["mean"], full["scale"], full["hidden"], full["hidden_bias"], full["out"])


FORM_PRIOR = 2.0
"""Added for an enumeration where a list is asked for, and for a quoted name where a title is."""
NO_FIGURE_PRIOR = -4.0
"""Added for a text without a figure where a number or a date is asked for."""
QUOTED_PRIOR = -2.0
"""Added for a quoted name where a person, place, number or date is asked for: a book has a place, and is none. These
three were set on the dev questions, which ask for other things than the sets' questions do."""


def adjusted(seen: Inputs, scored: Floats) -> Floats:
    """The scores with what the sets' questions can't teach: see the three priors."""
    if not len(scored):
        return scored
    dense = seen.dense
    result = scored
    kind = KINDS[int(seen.ids[0, 0])]
    figure = dense[:, HAS_NUMBER] > 0
    quoted = (dense[:, QUOTED] > 0) | (dense[:, INSIDE_QUOTES] > 0)
    if kind in {"person", "place", "number", "date"}:
        result = result + QUOTED_PRIOR * quoted
    if kind == "list":
        result = result + FORM_PRIOR * (dense[:, ENUMERATES] > 0)
    elif kind == "title":
        result = result + FORM_PRIOR * quoted
    elif kind == "number":
        result = result + NO_FIGURE_PRIOR * ~figure
    elif kind == "date":
        result = result + NO_FIGURE_PRIOR * ~(figure | (dense[:, HAS_DATE] > 0))
    return np.asarray(result, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Choice:
    """The span that answers best, and how sure the ranker is of it."""

    source: int
    """Index of the source."""
    sentence: int
    start: int
    end: int
    """Its span in the folded text."""
    holds: float
    """Probability that it holds the right answer."""
    overlap: float
    """Expected F1 of the best candidate with the right answer."""
    exact: float
    """That candidate's own probability."""
    score: float
    """The largest score; larger where the ranker finds what it knows of answers."""
    widened: bool
    """Whether the span is more than the best candidate: the clauses around it."""


CONTAINING = 0.6
"""How much holding the right answer counts beside the expected F1 when a candidate is chosen. Measured on halves of the
sets (docs/answers.md): more makes answers longer and oftener right, less makes them shorter and oftener exact."""
ROOM_CHARS = 36
"""A candidate may be longer than the right one by this much and still count as holding it."""
LINE_CHARS = 42
"""Longest answer made of clauses around a candidate: a line to read at a glance."""


def choose(
    seen: Inputs, scored: Floats, sources: Sequence[Source], containing: float = CONTAINING
) -> tuple[Choice, ...]:
    """The candidate of the largest expected worth, and behind it the clauses around it, if they are more; or nothing.

    The worth of a candidate is (1 − containing) · expected F1 + containing · probability that it holds the right one,
    over the BEST most probable candidates; F1 is of characters, by place.
    """
    if not len(scored):
        return ()
    chances = np.exp(scored - scored.max()).astype(np.float64)
    chances /= chances.sum()
    order = np.argsort(-scored, kind="stable")[:BEST]
    chance = chances[order]
    start, end = seen.spans[order].T.astype(np.float64)
    source = seen.source[order]
    shared = np.minimum(end[:, None], end) - np.maximum(start[:, None], start)
    shared = np.maximum(shared, 0) * (source[:, None] == source)
    length = end - start
    overlap = 2 * shared / (length[:, None] + length) @ chance
    holds = ((shared >= length) & (length[:, None] <= length + ROOM_CHARS)) @ chance
    best = int(np.argmax((1 - containing) * overlap + containing * holds))
    row = int(order[best])
    low, high = seen.spans[row].tolist()
    held = float(holds[best])
    block = sources[int(seen.source[row])].block
    high = _with_measure(block, high)
    choice = Choice(
        int(seen.source[row]),
        int(seen.sentence[row]),
        low,
        high,
        held,
        float(overlap[best]),
        float(chance[best]),
        float(scored[order[0]]) / 10,
        widened=False,
    )
    wide = _widest(seen, chances, block, row)
    if wide is None or wide[:2] == (low, high):
        return (choice,)
    low, high, held = wide
    return choice, replace(choice, start=low, end=high, holds=held, widened=True)


def _with_measure(block: Block, end: int) -> int:
    """Where a candidate ends that is given with the measure word behind its figure: 1962 in 1962年 says too little."""
    if not any(end == last for _, _, last in block.layout.values):
        return end
    token = int(np.searchsorted(block.words[:, 0], end))
    measure = token < len(block.tags) and TAGS[block.tags[token]] in {"m", "q"} and block.words[token, 0] == end
    return int(block.words[token, 1]) if measure and end < len(block.layout.folded) else end


def _widest(seen: Inputs, chances: npt.NDArray[np.float64], block: Block, row: int) -> tuple[int, int, float] | None:
    """The run of clauses around a candidate, within its sentence and LINE_CHARS, that most probably answers."""
    start, end = seen.spans[row].tolist()
    first, last = block.layout.sentences[seen.sentence[row]].tolist()
    clauses = [span for span in block.layout.clauses.tolist() if first <= span[0] and span[1] <= last]
    here = np.flatnonzero(seen.source == seen.source[row])
    starts, ends = seen.spans[here].T
    best: tuple[int, int, float] | None = None
    for i, (low, _) in enumerate(clauses):
        for _, high in clauses[i:]:
            if low <= start and end <= high <= low + LINE_CHARS:
                mass = float(chances[here[(starts >= low) & (ends <= high)]].sum())
                if best is None or mass > best[2] + 1e-9:
                    best = (low, high, mass)
    return best
