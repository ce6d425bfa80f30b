"""Finding: a question's hits → the texts in them that may answer, each with its score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
import regex  # type: ignore[import-untyped]  # no stubs among the development tools

from embeddings.vectors import Vectors
from qa.answer import meaning, ranker, reader
from qa.answer.areas import of_other_areas, tell_of_other_areas
from qa.answer.candidates import HAS_DATE, IS_MEASURED, KEPT_BLOCKS, Block, Floats, Ints, block, layout
from qa.answer.echo import echoing
from qa.answer.features import Inputs, Source, inputs
from qa.answer.kinds import Expected, Kind, expected
from qa.answer.matching import best_partners, present
from qa.answer.meaning import Wanted
from qa.answer.ranker import Weights, adjusted, scores
from qa.answer.rivals import asks_lunar, not_lunar, of_other_years, quoted, rivals, uncounted, unmeasured
from qa.answer.roles import asks_doer, asks_recipient, done_for, into_hands, received
from qa.articles import dateline_length
from qa.hits import Hit
from qa.retrieve import Retrieved
from qa.store import StoredPassage


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
    rivals: npt.NDArray[np.bool_]
    """Which candidates are given only where nothing else is."""
    other_areas: npt.NDArray[np.bool_]
    """(hits read,): which tell of other areas than the one asked about."""

    def of_other_area(self, source: int, sentence: int) -> bool:
        """Whether a source's sentence, or its passage, tells of another area than the one asked about."""
        told = tell_of_other_areas(expected(self.found.question), self.sources[source].block.layout)
        return bool(self.other_areas[self.sources[source].passage]) or bool(told[sentence])

    def seen_passages(self) -> list[tuple[int, StoredPassage]]:
        """The hits that have candidates, by their number."""
        numbers = dict.fromkeys(self.sources[source].passage for source in np.unique(self.seen.source).tolist())
        return [(number, self.passages[self.hits[number].passage_id]) for number in numbers]

    def of_passage(self, number: int, *, rivals: bool = False) -> Candidates:
        """Those of one hit alone, as if nothing else had been found; rivals of others' only with ``rivals``."""
        here = np.array([source.passage == number for source in self.sources], bool)[self.seen.source]
        rows = np.flatnonzero(here & (~self.rivals | self.rivals.all() | rivals))
        return replace(self, seen=self.seen.rows(rows), scores=self.scores[rows], rivals=self.rivals[rows])


def rank(
    found: Retrieved,
    hits: Sequence[Hit],
    passages: Mapping[int, StoredPassage],
    near: Sequence[Near],
    wanted: Wanted | None = None,
    weights: Sequence[Weights] | None = None,
    reading: reader.Tensors | None = None,
) -> Candidates:
    """The candidates of the first READ hits, or of fewer: as many as ``near`` is given for.

    See ``qa.answer.choosing.find`` for the arguments.
    """
    asked = expected(found.question)
    wanted = wanted or meaning.shipped().wanted(found.question, found.words)
    near = near[:READ]
    sources = look(asked, hits[: len(near)], passages, near, wanted)
    seen = inputs(asked, found.idf, sources, wanted.weights, reading or reader.shipped())
    seen = seen.rows(_telling(asked, sources, seen))
    scored = adjusted(seen, scores(seen, weights or ranker.shipped()))
    others = _of_rivals(asked, sources, seen)
    read = [passages[hit.passage_id] for hit in hits[: len(near)]]
    found_too = [passages[hit.passage_id] for hit in hits]
    other_areas = np.array([of_other_areas(asked, passage, found_too) for passage in read], np.bool_)
    other = other_areas | np.array([of_other_years(asked, passage) for passage in read], np.bool_)
    late = other[np.array([source.passage for source in sources], np.intp)][seen.source]
    if not (others | late).all():
        others |= late
    scored = np.where(others, scored + RIVAL_PRIOR, scored)
    if asks_recipient(asked):
        scored += RECIPIENT_PRIOR * _per_source(partial(received, asked), sources, seen)
    return Candidates(found, hits, passages, wanted, sources, seen, scored, others, other_areas)


def _telling(asked: Expected, sources: Sequence[Source], seen: Inputs) -> npt.NDArray[np.intp]:
    """The candidates whose sentences say more than the question; bylines only where it is asked who wrote."""
    echoes = echoing(asked)
    writing = _WROTE.search(asked.folded) is not None
    told = [
        np.array(
            [
                (writing or end > source.body) and not echoes(source.block.layout.folded[start:end])
                for start, end in source.block.layout.sentences.tolist()
            ],
            dtype=np.bool_,
        )
        for source in sources
    ]
    return _of_sentences(told, seen).nonzero()[0]


def _of_sentences(told: Sequence[npt.NDArray[np.bool_]], seen: Inputs) -> npt.NDArray[np.bool_]:
    """What is told of each source's sentences, for each candidate."""
    starts = np.cumsum([0, *map(len, told)])
    found: npt.NDArray[np.bool_] = np.concatenate([*told, np.zeros(0, np.bool_)])[starts[seen.source] + seen.sentence]
    return found


def _of_rivals(asked: Expected, sources: Sequence[Source], seen: Inputs) -> npt.NDArray[np.bool_]:
    """Which candidates are told of a rival of the question's name, or are not what is asked for, where others are."""
    told = [rivals(asked, source.block) for source in sources]
    found = (
        _of_sentences(told, seen) if any(each.any() for each in told) else np.zeros(len(seen.source), dtype=np.bool_)
    )
    unasked = [_per_source(partial(quoted, asked), sources, seen)]
    if _DOING.search(asked.folded, asked.own):
        unasked.append(seen.dense[:, IS_MEASURED] > 0)  # no bare figure tells what is done
    if asked.kind == "place":
        unasked.append(seen.dense[:, HAS_DATE] > 0)
    if asks_lunar(asked):
        unasked.append(_per_source(partial(not_lunar, asked), sources, seen))
    if asked.kind == "number":
        unasked.append(_per_source(uncounted, sources, seen))
    if asked.units:
        unasked.append(_per_source(partial(unmeasured, asked), sources, seen))
    if asks_doer(asked):
        unasked.append(patients(sources, seen))
    if into_hands(asked):
        unasked.append(~_per_source(partial(received, asked), sources, seen))
    for others in unasked:
        if not others.all():
            found |= others
    return found


def patients(sources: Sequence[Source], seen: Inputs) -> npt.NDArray[np.bool_]:
    """Which candidates are whom something is done for."""
    return _per_source(done_for, sources, seen)


def _per_source(
    told: Callable[[Block, Ints], npt.NDArray[np.bool_]], sources: Sequence[Source], seen: Inputs
) -> npt.NDArray[np.bool_]:
    """What is told of the spans of each source, for each candidate."""
    found = np.zeros(len(seen.source), dtype=np.bool_)
    for number, source in enumerate(sources):
        rows = np.flatnonzero(seen.source == number)
        found[rows] = told(source.block, seen.spans[rows])
    return found


READ = 5
"""Passages that are read for an answer, whatever ``top_k`` is: as many as are shown when nothing else is said. With 3,
the right one is read less often where few words are shared (docs/answers.md)."""
RIVAL_PRIOR = np.float32(-8.0)
"""Added for what is told of a rival: it is given only where nothing else is."""
RECIPIENT_PRIOR = np.float32(3.0)
"""Added for those for whom something is done, where it is asked for them. By judgement: the sets hardly ask so."""


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
_DOING = regex.compile(r"[干做][什甚啥嘛]")
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
