"""Short answers and verdicts: fits the weights that qa/answer ships, measures what docs/answers.md says.

    python -m benchmarks.answers fit      ranker on the answers, verdict on questions with and without one; prints
                                          error rates and calibration, and draws the reliability diagram
    python -m benchmarks.answers measure  exact match and F1 beside the best sentence's, time

The sets are CMRC 2018, DRCD and XQuAD (zh, and its questions in English with the Chinese answers) in ../shared/bench.
The reader has seen none of them; honest figures are of rankers and verdicts fitted on the other half of the questions,
or on the other sets.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rjieba
import torch
from safetensors.numpy import save_file

from benchmarks.reader_data import follow_up
from benchmarks.reliability import bins, calibration_error, draw
from benchmarks.squad import contains, exact, f1
from embeddings import Embedder, load_embedder
from qa.answer import meaning, ranker, reader, verdict
from qa.answer.choosing import find, settled
from qa.answer.features import DENSE, IDS, Inputs, Source, inputs
from qa.answer.finding import READ, Near, best_sentence, embedded_texts, look, nearness, stressed
from qa.answer.kinds import Expected, expected
from qa.answer.ranker import Weights, from_tensors
from qa.answer.vectors import SentenceVectors
from qa.articles import Piece
from qa.evaluate import index_corpus
from qa.retrieve import Retrieved
from qa.store import StoredPassage
from qa.text import Terms, fold_text, sentences

BENCH = Path(__file__).parents[2] / "shared" / "bench"
TRAINED_ON = ("cmrc2018", "drcd", "xquad-zh-zh", "xquad-en-zh")
OTHER_LANGUAGES = ("xquad-de-zh", "xquad-es-zh", "xquad-ru-zh", "xquad-vi-zh")
FOREIGN = ("xquad-en-zh", *OTHER_LANGUAGES)
"""Learned from by the ranker too: there the words' meaning is all that it has."""
PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "reliability.svg"
FOUND_FROM = 0.08
"""Probability of being answerable below which a question is refused. Set on the dev questions: 4 of the 108 that have
an answer fall below it, and 11 of the 12 that have none."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its retrieval, and the passage that answers (None when none does)."""

    set_name: str
    number: int
    question: str
    golds: tuple[str, ...]
    gold: int | None
    found: Retrieved
    passages: Mapping[int, StoredPassage]
    near: tuple[Near, ...]


class Sets:
    """Loads and searches the bench sets, with the embedded model or the one named."""

    def __init__(self, model: str | None = None) -> None:
        self.embedder: Embedder = load_embedder(model)
        self.terms = Terms()
        self.vectors = SentenceVectors(kept=500_000)
        self._places: dict[str, tuple[list[int], int]] = {}

    def half(self, name: str, number: int) -> int:
        """0 or 1: which half of its set's passages a question is about. Neighbours are of one article."""
        if name not in self._places:
            passages, _, _, gold = self.load(name)
            self._places[name] = gold, len(passages)
        places, passages_there = self._places[name]
        return int(places[number] >= passages_there / 2)

    def rows(self, name: str, file: str) -> list[dict[str, Any]]:
        """The rows of a set's JSON Lines file."""
        return [json.loads(line) for line in (BENCH / name / file).read_text(encoding="utf-8").splitlines()]

    def load(self, name: str) -> tuple[list[StoredPassage], list[str], list[tuple[str, ...]], list[int]]:
        """Passages, questions, accepted answers, and the number of each question's passage."""
        passages = [
            _passage(i, str(row["title"]), str(row["text"])) for i, row in enumerate(self.rows(name, "corpus.jsonl"))
        ]
        order = {str(row["_id"]): i for i, row in enumerate(self.rows(name, "corpus.jsonl"))}
        queries = self.rows(name, "queries.jsonl")
        # The same questions in another language, with the answers in the passages' own.
        answers = self.rows("xquad-zh-zh", "queries.jsonl") if name.startswith("xquad") else queries
        golds = [tuple(map(str, row["answers"])) for row in answers]
        lines = (BENCH / name / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]
        relevant = dict(line.split("\t")[:2] for line in lines)
        return (
            passages,
            [str(row["text"]) for row in queries],
            golds,
            [order[relevant[str(row["_id"])]] for row in queries],
        )

    def cases(self, name: str, *, known: bool = False, reworded: bool = False) -> Iterator[Case]:
        """Every question on the whole corpus; with ``known``, its passage is the only hit."""
        passages, questions, golds, gold = self.load(name)
        if reworded:
            questions = rewordings(questions)
        yield from self._cases(name, passages, range(len(questions)), questions, golds, [*gold], known=known)

    def follow_ups(self, name: str) -> Iterator[Case]:
        """Questions behind an earlier one of the passage, without the words that both have; their passage is given."""
        passages, questions, golds, gold = self.load(name)
        before: dict[int, str] = {}
        asked: dict[int, str] = {}
        for i, (question, place) in enumerate(zip(questions, gold, strict=True)):
            if (shortened := follow_up(before.get(place, ""), question)) is not None:
                asked[i] = shortened
            before[place] = question
        every = [asked.get(i, question) for i, question in enumerate(questions)]
        yield from self._cases(name, passages, list(asked), every, golds, [*gold], known=True)

    def without_passage(self, name: str) -> Iterator[Case]:
        """A third of the questions, reworded, on the half of the corpus that their passages aren't in."""
        passages, questions, golds, gold = self.load(name)
        for half in (0, 1):
            kept = [passage for passage in passages if passage.id % 2 == half]
            asked = [i for i, place in enumerate(gold) if place % 2 != half and i % 3 == 0]
            yield from self._cases(name, kept, asked, rewordings(questions), golds, None)

    def without_sentence(self, name: str) -> Iterator[Case]:
        """One question of each passage, reworded; the sentences that hold its answer are cut out of the corpus."""
        passages, questions, golds, gold = self.load(name)
        asked = {place: i for i, place in enumerate(gold)}
        cut = {place: _without(passages[place].text, golds[i]) for place, i in asked.items()}
        kept = [_passage(p.id, p.headline or "", cut.get(p.id, p.text)) for p in passages if cut.get(p.id, p.text)]
        left = [i for place, i in asked.items() if cut[place] and cut[place] != passages[place].text]
        yield from self._cases(name, kept, left, rewordings(questions), golds, None)

    def other_name(self, name: str) -> Iterator[Case]:
        """Half of the questions that name a place or an organisation, with another's name in its stead."""
        passages, questions, golds, gold = self.load(name)
        asked = list(range(0, len(questions), 2))
        renamed = dict(
            zip(asked, _renamed([questions[i] for i in asked], [passages[gold[i]] for i in asked]), strict=True)
        )
        changed = [i for i in asked if renamed[i] != questions[i]]
        every = [renamed.get(i, question) for i, question in enumerate(questions)]
        yield from self._cases(name, passages, changed, every, golds, None)

    def _cases(
        self,
        name: str,
        passages: Sequence[StoredPassage],
        asked: Sequence[int],
        questions: Sequence[str],
        golds: Sequence[tuple[str, ...]],
        gold: Sequence[int] | None,
        *,
        known: bool = False,
    ) -> Iterator[Case]:
        by_id = dict(enumerate(passages))
        texts = {str(i): passage.indexed_text for i, passage in by_id.items()}
        with tempfile.TemporaryDirectory() as folder:
            retriever = index_corpus(texts, self.embedder, self.terms, Path(folder))
            retrieved = retriever.retrieve_many([questions[i] for i in asked], 5)
        wanted = [questions[i] for i in asked]
        vectors = self.embedder.questions(wanted)
        parts = self.vectors.of((text for p in passages for text in embedded_texts(p.text)), self.embedder)
        for place, (number, found) in enumerate(zip(asked, retrieved, strict=True)):
            right = None if gold is None else gold[number]
            if known and right is not None:
                hit = next((hit for hit in found.hits if hit.passage_id == right), found.hits[0])
                found = replace(found, hits=(replace(hit, passage_id=right),))  # noqa: PLW2901
            found = stressed(found)  # noqa: PLW2901
            near = tuple(nearness(by_id[hit.passage_id], parts, vectors[place]) for hit in found.hits[:READ])
            yield Case(name, number, questions[number], golds[number], right, found, by_id, near)


def _passage(number: int, title: str, text: str) -> StoredPassage:
    return StoredPassage(
        number, number, "bench", title or None, None, None, None, None, 0, len(text), text, (Piece(0, len(text)),)
    )


def _without(text: str, golds: Sequence[str]) -> str:
    return "".join(text[a:b] for a, b in sentences(text) if not any(gold in text[a:b] for gold in golds))


def rewordings(questions: Sequence[str]) -> list[str]:
    """The questions, in two of three some words replaced by others of their sort from other questions.

    The sets' questions copy their passages' words; those of users don't. Names and question words stay.
    """
    rng = np.random.default_rng(1)
    tagged = [rjieba.tag(question) for question in questions]
    pool: dict[str, list[str]] = {}
    for words in tagged:
        for word, tag in words:
            pool.setdefault(tag, []).append(word)
    found = []
    for number, (question, words) in enumerate(zip(questions, tagged, strict=True)):
        gap = expected(question)
        asked = gap.folded[gap.start : gap.end]
        rate = PARAPHRASED[number % len(PARAPHRASED)]
        found.append(
            "".join(
                str(rng.choice(pool[tag]))
                if tag[0] in CONTENT and tag not in NAMES and word not in asked and rng.random() < rate
                else word
                for word, tag in words
            )
        )
    return found


def _renamed(questions: Sequence[str], passages: Sequence[StoredPassage]) -> list[str]:
    """The questions, the first name of each that its passage holds replaced by one that it doesn't hold."""
    rng = np.random.default_rng(2)
    folded = [fold_text(question) for question in questions]
    tagged = [[word for word, tag in rjieba.tag(text) if tag in PLACES and len(word) > 2] for text in folded]
    pool = sorted({word for words in tagged for word in words})
    found = []
    for question, text, words, passage in zip(questions, folded, tagged, passages, strict=True):
        told = fold_text(passage.indexed_text)
        held = [word for word in words if word in told]
        others = [str(word) for word in rng.permutation(pool)[:20] if word not in told] if pool else []
        found.append(text.replace(held[0], others[0]) if held and others else question)
    return found


# The ranker: training


@dataclass(frozen=True, slots=True)
class Example:
    """A question's candidates, those that overlap with the answer and a sample of the others."""

    set_name: str
    number: int
    dense: npt.NDArray[np.float16]
    ids: npt.NDArray[np.int16]
    overlap: Floats
    """F1 of characters, by place, with the nearest right answer."""
    stands_for: Floats
    """Candidates that one stands for: those not sampled are counted with the others."""


SAMPLED = 160
"""Candidates of a question that are learned from; it has about 400."""


def examples(sets: Sets, name: str, rng: np.random.Generator) -> Iterator[Example]:
    """An example of each question and follow-up whose answer is within reach; foreign ones are given their passage."""
    cases = [sets.cases(name, known=name in FOREIGN)]
    cases += [sets.follow_ups(name)] if name not in FOREIGN else []
    for case in chain.from_iterable(cases):
        hits = case.found.hits[:READ]
        if case.gold not in [hit.passage_id for hit in hits]:
            continue
        wanted = meaning.shipped().wanted(case.question, case.found.words)
        asked, idf, struck = paraphrased(expected(case.question), case.found.idf, rng)
        sources = [
            replace(source, similar=blurred(source.similar, wanted.words, struck, rng))
            for source in look(asked, hits, case.passages, case.near, wanted)
        ]
        seen = inputs(asked, idf, sources, wanted.weights, reader.shipped())
        right = [hit.passage_id for hit in hits].index(case.gold)
        overlap = _overlap(seen, sources, case.golds, right)
        if not len(overlap) or overlap.max() < 0.5:
            continue
        near, far = np.flatnonzero(overlap > 0.3), np.flatnonzero(overlap <= 0.3)
        near = near[np.argsort(-overlap[near], kind="stable")[:60]]
        taken = rng.permutation(far)[: SAMPLED - len(near)]
        weight = np.concatenate([np.ones(len(near)), np.full(len(taken), max(len(far) / max(len(taken), 1), 1))])
        rows = np.concatenate([near, taken])
        yield Example(
            name,
            case.number,
            seen.dense[rows].astype(np.float16),
            seen.ids[rows].astype(np.int16),
            overlap[rows],
            weight.astype(np.float32),
        )


def paraphrased(
    asked: Expected, idf: Mapping[str, float], rng: np.random.Generator
) -> tuple[Expected, dict[str, float], frozenset[str]]:
    """The question with some of its words struck out, as if they had been said in other words; and these words.

    The sets' questions copy their passages' words; those of users don't. A third of the questions stay as they are.
    """
    rate = rng.choice(PARAPHRASED)
    folded, at = "", 0
    gone = set()
    for word, tag in rjieba.tag(asked.folded):
        inside = at < asked.end and asked.start < at + len(word)
        at += len(word)
        struck = tag[0] in CONTENT and not inside and rng.random() < (rate / 3 if tag in NAMES else rate)
        folded += STRUCK * len(word) if struck else word
        gone |= {word} if struck else set()
    kept = {term: weight for term, weight in idf.items() if term in folded or term not in asked.folded}
    return replace(asked, folded=folded), kept or dict(idf), frozenset(gone)


def blurred(similar: Floats, words: Sequence[str], struck: Collection[str], rng: np.random.Generator) -> Floats:
    """The likeness of words as if those struck out had been said in others: less like, and never the same."""
    found = similar.copy()
    for row, word in enumerate(words):
        if word in struck:
            found[row] *= rng.uniform(0.1, 0.6)
    return found


PARAPHRASED = (0.0, 0.35, 0.7)
"""Shares of words struck out, one of them for each question."""
CONTENT = "nvadbilt"
"""Tags of jieba, by their first letter, of words that name or tell something."""
NAMES = ("nr", "ns", "nt", "nz")
PLACES = ("ns", "nt")
STRUCK = "＿"


def _overlap(seen: Inputs, sources: Sequence[Source], golds: Sequence[str], right: int) -> Floats:
    overlap = np.zeros(len(seen.dense), dtype=np.float32)
    for number, source in enumerate(sources):
        rows = np.flatnonzero(seen.source == number)
        if source.passage != right or not len(rows):
            continue
        start, end = seen.spans[rows].T
        for gold in golds:
            folded = fold_text(gold).strip("。，,. ")
            at = source.block.layout.folded.find(folded) if folded else -1
            while at >= 0:
                shared = np.minimum(end, at + len(folded)) - np.maximum(start, at)
                score = np.maximum(2 * shared / (end - start + len(folded)), 0)
                overlap[rows] = np.maximum(overlap[rows], score)
                at = source.block.layout.folded.find(folded, at + 1)
    return overlap


class Net(torch.nn.Module):
    """The network of qa.answer.ranker, to be trained."""

    def __init__(self, mean: torch.Tensor, scale: torch.Tensor, dropout: float) -> None:
        super().__init__()
        self.mean, self.scale = mean, scale
        self.tables = torch.nn.ModuleDict({name: torch.nn.Embedding(*size) for name, size in ranker.TABLES.items()})
        for name in ranker.TABLES:
            torch.nn.init.normal_(self.table(name).weight, std=0.1)
        width = DENSE + sum(ranker.TABLES[name][1] for name in IDS)
        self.hidden = torch.nn.Linear(width, ranker.HIDDEN)
        self.out = torch.nn.Linear(ranker.HIDDEN, 1, bias=False)
        self.dropout = torch.nn.Dropout(dropout)

    def forward(self, dense: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Scores of candidates."""
        columns = [(dense - self.mean) * self.scale]
        columns += [self.tables[name](ids[:, i]) for i, name in enumerate(IDS)]
        hidden = torch.relu(self.hidden(self.dropout(torch.cat(columns, 1))))
        return self.out(self.dropout(hidden))[:, 0]  # type: ignore[no-any-return]

    def tensors(self) -> dict[str, npt.NDArray[np.float16]]:
        """The weights as they are shipped."""
        found: dict[str, torch.Tensor] = {f"table.{name}": self.table(name).weight for name in ranker.TABLES}
        found |= {"mean": self.mean, "scale": self.scale, "hidden": self.hidden.weight.T}
        found |= {"hidden_bias": self.hidden.bias, "out": self.out.weight[0]}
        return {name: np.ascontiguousarray(values.detach().numpy(), dtype=np.float16) for name, values in found.items()}

    def table(self, name: str) -> torch.nn.Embedding:
        """The learned vectors of one sort."""
        found = self.tables[name]
        assert isinstance(found, torch.nn.Embedding)
        return found


NETWORKS = 2
"""Whose scores are averaged: the F1 of one alone on CMRC 2018 was 63.1 or 61.8 by chance (docs/answers.md)."""


def train(data: Sequence[Example]) -> dict[str, npt.NDArray[np.float16]]:
    """The networks as they lie in the file, each from another seed."""
    return {f"{seed}.{name}": values for seed in range(NETWORKS) for name, values in _train(data, seed).items()}


def _train(
    data: Sequence[Example], seed: int, epochs: int = 6, batch: int = 64, rate: float = 3e-3, dropout: float = 0.3
) -> dict[str, npt.NDArray[np.float16]]:
    """Weights that make the probability of right candidates large: −log Σ p · worth, a part-right one worth F1³ / 2."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    sample = np.concatenate([example.dense for example in data[::5]]).astype(np.float32)
    net = Net(torch.tensor(sample.mean(0)), torch.tensor(1 / (sample.std(0) + 0.05)), dropout)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-4)
    steps = epochs * (len(data) // batch + 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    net.train()
    for _ in range(epochs):
        order = rng.permutation(len(data))
        for first in range(0, len(data), batch):
            chosen = [data[i] for i in order[first : first + batch]]
            loss = _loss(net, chosen)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimizer.step()
            schedule.step()
    return net.tensors()


def _loss(net: Net, chosen: Sequence[Example]) -> torch.Tensor:
    dense = torch.tensor(np.concatenate([example.dense for example in chosen]).astype(np.float32))
    ids = torch.tensor(np.concatenate([example.ids for example in chosen]).astype(np.int64))
    overlap = torch.tensor(np.concatenate([example.overlap for example in chosen]))
    weight = torch.tensor(np.concatenate([example.stands_for for example in chosen]))
    scored = net(dense, ids)
    worth = torch.where(overlap > 0.999, torch.ones_like(overlap), 0.5 * overlap**3).clamp_min(1e-9)
    rows = [len(example.dense) for example in chosen]
    every = torch.split(scored + torch.log(weight), rows)
    right = torch.split(scored + torch.log(worth), rows)
    terms = [torch.logsumexp(a, 0) - torch.logsumexp(b, 0) for a, b in zip(every, right, strict=True)]
    return torch.stack(terms).mean()


# The verdict: fitting


@dataclass(frozen=True, slots=True)
class Judged:
    """A question's evidence, with the truth."""

    set_name: str
    kind: str
    """``asked``, ``no passage``, ``no sentence`` or ``other name``."""
    number: int
    evidence: Mapping[str, float]
    right: bool
    answerable: bool
    leading: bool
    """Whether the first hit is the right passage."""
    taken: bool
    """Whether the text comes from the right passage."""


def judged(case: Case, kind: str, weights: Sequence[Weights], reading: reader.Tensors) -> tuple[Judged, ...]:
    """The evidence of what is found in a case, the short text and the clauses around it, and whether it is right."""
    findings = find(case.found, case.found.hits, case.passages, case.near, weights=weights, reading=reading)
    answerable = kind == "asked"
    told = [answerable and contains(finding.text, case.golds) for finding in findings]
    places = [hit.passage_id == case.gold for hit in case.found.hits]
    return tuple(
        Judged(
            *(case.set_name, kind, case.number, finding.evidence, right, answerable),
            leading=places[0],
            taken=places[finding.passage],
        )
        for finding, right in zip(findings, told, strict=True)
    )


def logistic(
    rows: Sequence[Judged], truth: Callable[[Judged], bool], share: float, ridge: float = 3.0
) -> dict[str, float]:
    """Weights by name, ``bias`` among them, of a ridge logistic regression.

    Questions without an answer count as ``share`` of all.
    """
    names = list(rows[0].evidence)
    x = np.array([[row.evidence[name] for name in names] for row in rows])
    mean, spread = x.mean(0), x.std(0)
    spread[spread < 1e-9] = 1.0
    z = np.hstack([(x - mean) / spread, np.ones((len(x), 1))])
    y = np.array([truth(row) for row in rows], dtype=float)
    without = np.array([not row.answerable for row in rows])
    weight = np.where(without, share / max(without.sum(), 1), (1 - share) / max((~without).sum(), 1)) * len(rows)
    beta = np.zeros(z.shape[1])
    penalty = np.full(len(beta), ridge)
    penalty[-1] = 0
    for _ in range(30):  # Newton's method
        p = 1 / (1 + np.exp(-(z @ beta)))
        gradient = z.T @ (weight * (p - y)) + penalty * beta
        hessian = (z * (weight * p * (1 - p))[:, None]).T @ z + np.diag(penalty + 1e-9)
        beta -= np.linalg.solve(hessian, gradient)
    scaled = beta[:-1] / spread
    return {"bias": float(beta[-1] - scaled @ mean), **{n: float(w) for n, w in zip(names, scaled, strict=True)}}


NO_UNIT = {"answerable": -4.0, "right": -2.0}
"""Least said against a figure whose measure word isn't there. The sets have no questions that ask in vain for another
unit than is told; set on the dev questions."""
WITHOUT = 0.25
"""Share of questions without an answer for which the probabilities are made; what a user asks in vain is unmeasured."""


def fit(sets: Sets) -> None:
    """Fits and writes all weights: the ranker on all answers, the verdict on what rankers of the other half found."""
    data = _all_examples(sets)
    ranker.WEIGHTS.parent.mkdir(exist_ok=True)
    save_file(train(data), ranker.WEIGHTS)
    print(f"ranker: {len(data)} questions, {ranker.WEIGHTS.stat().st_size} bytes")
    rows = halves(sets, half_rankers(sets, data))
    measured = report(rows)
    verdict.WEIGHTS.write_text(json.dumps(judge(rows) | {"measured": measured}, indent=1) + "\n", encoding="utf-8")


def _all_examples(sets: Sets) -> list[Example]:
    rng = np.random.default_rng(0)
    return [example for name in (*TRAINED_ON, *OTHER_LANGUAGES) for example in examples(sets, name, rng)]


def half_rankers(sets: Sets, data: Sequence[Example]) -> list[tuple[Weights, ...]]:
    """For each half of the sets a ranker that has not seen it. Neither has the reader that it is used with."""
    return [from_tensors(train([e for e in data if sets.half(e.set_name, e.number) != side])) for side in (0, 1)]


def halves(sets: Sets, weights: Sequence[Sequence[Weights]]) -> list[tuple[Judged, ...]]:
    """Evidence for questions with and without their answer, by ``half_rankers``."""
    rows: list[tuple[Judged, ...]] = []
    for name in TRAINED_ON:
        for kind, cases in (
            ("asked", sets.cases(name, reworded=True)),
            ("no passage", sets.without_passage(name)),
            ("no sentence", sets.without_sentence(name)),
            ("other name", sets.other_name(name)),
        ):
            for case in cases:
                side = sets.half(name, case.number)
                rows.append(judged(case, kind, weights[side], reader.shipped()))
    return [forms for forms in rows if forms]


def judge(found: Sequence[tuple[Judged, ...]]) -> dict[str, dict[str, float]]:
    """The verdict's file: both regressions, over short texts and the clauses around them, and the thresholds."""
    rows = [row for forms in found for row in forms]
    values = {
        "answerable": logistic(rows, lambda row: row.answerable, 0.5),
        "right": logistic(rows, lambda row: row.right, WITHOUT),
    }
    for name, most in NO_UNIT.items():
        values[name]["no_unit"] = min(values[name]["no_unit"], most)
    return values | {"thresholds": {"found_from": FOUND_FROM, "answered_from": ANSWERED_FROM}}


ANSWERED_FROM = 0.1
"""Probability of being right from which on an answer is given."""


def report(rows: Sequence[tuple[Judged, ...]]) -> dict[str, float]:
    """Prints error rates and calibration, the verdict fitted on the other half; draws the reliability diagram.

    Gives the rates that the verdict's file carries: see ``qa.answer.verdict.Measured``.
    """
    confidences: list[float] = []
    truths: list[bool] = []
    table: dict[tuple[str, str], list[tuple[str, bool]]] = {}
    confident: list[tuple[float, Judged]] = []
    for fold in (0, 1):
        judge_ = verdict.from_json(judge([forms for forms in rows if forms[0].number % 2 != fold]))
        for number, forms in enumerate(rows):
            row = settled(forms, judge_)
            if row is not None and row.number % 2 == fold:
                status, confidence = judge_.verdict(row.evidence)
                table.setdefault((row.set_name, row.kind), []).append((status, row.right))
                confident.append((confidence, row))
                if row.kind == "asked" or number % 8 == 0:
                    confidences.append(confidence)
                    truths.append(row.right)
    for (name, kind), outcomes in sorted(table.items()):
        shares = {
            status: np.mean([s == status for s, _ in outcomes]) for status in ("answered", "possible", "not_found")
        }
        given = [float(right) for status, right in outcomes if status == "answered"]
        line = "  ".join(f"{status} {share:.3f}" for status, share in shares.items())
        print(f"{name:12} {kind:12} {len(outcomes):5}  {line}  right when answered {np.mean(given or [0.0]):.3f}")
    _report_leading(confident)
    found = bins(confidences, truths)
    error = calibration_error(found)
    print(f"expected calibration error {error:.3f} over {len(truths)} questions")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(draw(found, f"{len(truths)} questions of the public sets, error {error:.3f}"), encoding="utf-8")
    asked = [outcome for (_, kind), outcomes in table.items() for outcome in outcomes if kind == "asked"]
    vain = [outcome for (_, kind), outcomes in table.items() for outcome in outcomes if kind != "asked"]
    given = [float(right) for status, right in asked if status == "answered"]
    return {
        "answerable": len(asked),
        "answerable_refused": round(float(np.mean([status == "not_found" for status, _ in asked])), 3),
        "right_when_answered": round(float(np.mean(given)), 3),
        "unanswerable": len(vain),
        "unanswerable_answered": round(float(np.mean([status == "answered" for status, _ in vain])), 3),
        "calibration_error": round(error, 3),
    }


def _report_leading(confident: Sequence[tuple[float, Judged]]) -> None:
    """Prints how often the right passage is first when the one that answers is put first from a confidence on."""
    for name in TRAINED_ON:
        rows = [(confidence, row) for confidence, row in confident if (row.set_name, row.kind) == (name, "asked")]
        shares = {
            least: np.mean([row.taken if confidence >= least else row.leading for confidence, row in rows])
            for least in (1.1, 0.9, 0.7, 0.5, 0.3, 0.1)
        }
        line = "  ".join(f"{'never' if least > 1 else least}: {share:.3f}" for least, share in shares.items())
        print(f"{name:12} right passage first when the answer's is from  {line}")


def measure(sets: Sets) -> None:
    """Prints exact match and F1 of every third question, by a ranker new to its passage; and the time."""
    weights = half_rankers(sets, _all_examples(sets))
    for name in ("cmrc2018", "drcd"):
        for known in (True, False):
            found: dict[str, list[tuple[bool, float, bool]]] = {}
            for case in islice(sets.cases(name, known=known), 0, None, 3):
                side = sets.half(name, case.number)
                for label, text in (
                    ("best sentence", _best_sentence(case)),
                    ("answer", _found(case, weights[side], reader.shipped())),
                ):
                    score = (exact(text, case.golds), f1(text, case.golds), contains(text, case.golds))
                    found.setdefault(label, []).append(score)
            for label, measured in found.items():
                match, overlap, held = 100 * np.mean(measured, axis=0)
                where = "passage known" if known else "whole corpus"
                print(f"{name:9} {where:14} {label:14} exact {match:5.1f}  F1 {overlap:5.1f}  holds {held:5.1f}")
    _time(sets)


def _best_sentence(case: Case) -> str:
    passage = case.passages[case.found.hits[0].passage_id]
    span = best_sentence(passage, case.found.idf, meaning.shipped().wanted(case.question, case.found.words))
    return passage.text[slice(*span)] if span else ""


def _found(case: Case, weights: Sequence[Weights], reading: reader.Tensors) -> str:
    findings = find(case.found, case.found.hits, case.passages, case.near, weights=weights, reading=reading)
    finding = settled(findings, verdict.shipped())
    return finding.text if finding else ""


def _time(sets: Sets) -> None:
    from qa.answer.candidates import block, layout  # noqa: PLC0415 (only its caches are wanted)

    cases = [case for _, case in zip(range(200), sets.cases("cmrc2018"), strict=False)]
    # The first time over nothing is kept; the second, which keeps all, isn't printed.
    for label in ("passages not seen before", None, "passages seen before"):
        spent = 0.0
        for case in cases:
            if label == "passages not seen before":
                block.cache_clear()
                layout.cache_clear()
            began = time.process_time()
            find(case.found, case.found.hits, case.passages, case.near)
            spent += time.process_time() - began
        if label:
            print(f"{label}: {1000 * spent / len(cases):.1f} ms CPU a question")


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("fit", "measure"))
    parser.add_argument("--model", help="a model's folder; the embedded one when not given")
    options = parser.parse_args()
    sets = Sets(options.model)
    (fit if options.action == "fit" else measure)(sets)


if __name__ == "__main__":
    main()
