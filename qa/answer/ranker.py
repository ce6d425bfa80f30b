"""The ranker: which candidate answers. Networks of one hidden layer over what a candidate is and how it fits.

Its inputs are those of ``qa.answer.features``, with learned vectors for the kind of question, for the tags and words at
and beside the span's ends, and for the word asked for. Its outputs are probabilities over all candidates of a question;
the answer is the candidate that is expected to overlap most with the right one (minimum Bayes risk), which prefers a
clause to a guess.

Trained on the answers of the public sets by ``python -m benchmarks.answers fit`` (docs/answers.md).
"""

from __future__ import annotations

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
    IS_MEASURED,
    QUOTED,
    TAGS,
    WORD_BUCKETS,
    Block,
    Floats,
)
from qa.answer.features import DENSE, IDS, Inputs, Source
from qa.answer.kinds import KINDS

WEIGHTS = Path(__file__).parent / "weights" / "ranker.safetensors"
BEST = 40
"""Candidates, by probability, between which the expected overlap decides."""

TABLES = {"kind": (len(KINDS), 8), "tag": (len(TAGS), 6), "word": (WORD_BUCKETS, 4), "asked": (WORD_BUCKETS, 4)}
"""Learned vectors: how many, and their length."""
HIDDEN = 64


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """The network: learned vectors and two layers. What scales the dense inputs is in the first layer's weights."""

    tables: Mapping[str, Floats]
    hidden: Floats
    """(DENSE + lengths of the vectors, HIDDEN)."""
    hidden_bias: Floats
    out: Floats


def scores(seen: Inputs, networks: Sequence[Weights]) -> Floats:
    """A score for each candidate: the logarithm of its probability, up to a constant of the question.

    It is the mean of the networks', which differ only in the chance that they began with, and so in what they err in.
    """
    every: Floats = np.mean([_scores(seen, weights) for weights in networks], axis=0)
    return every


def _scores(seen: Inputs, weights: Weights) -> Floats:
    learned = [np.take(weights.tables[name], seen.ids[:, i], axis=0) for i, name in enumerate(IDS)]
    hidden: Floats = seen.dense @ weights.hidden[:DENSE]
    hidden += np.concatenate(learned, axis=1) @ weights.hidden[DENSE:]
    hidden += weights.hidden_bias
    result: Floats = np.maximum(hidden, 0, out=hidden) @ weights.out
    return result


@cache
def shipped() -> tuple[Weights, ...]:
    """The weights that come with the package, of each network."""
    from safetensors.numpy import load_file  # loaded with the first question  # noqa: PLC0415

    return from_tensors(load_file(WEIGHTS))


def from_tensors(tensors: Mapping[str, npt.NDArray[np.generic]]) -> tuple[Weights, ...]:
    """Networks from named arrays as they lie in the file (half precision), each with its network's number before it."""
    numbers = sorted({name.partition(".")[0] for name in tensors})
    return tuple(
        _network({name.partition(".")[2]: values for name, values in tensors.items() if name.startswith(f"{number}.")})
        for number in numbers
    )


def _network(tensors: Mapping[str, npt.NDArray[np.generic]]) -> Weights:
    full = {name: np.asarray(values, dtype=np.float32) for name, values in tensors.items()}
    tables = {name: full[f"table.{name}"] for name in TABLES}
    hidden = full["hidden"].copy()
    hidden[:DENSE] *= full["scale"][:, None]
    bias: Floats = full["hidden_bias"] - full["mean"] @ hidden[:DENSE]
    return Weights(tables, hidden, bias, full["out"])


FORM_PRIOR = 2.0
"""Added for an enumeration where a list is asked for, and for a quoted name where a title is."""
NO_FIGURE_PRIOR = -4.0
"""Added for a text without a figure where a number or a date is asked for, and for a figure where a name is."""
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
    if kind in {"person", "organisation"}:
        result = result + NO_FIGURE_PRIOR * (dense[:, IS_MEASURED] > 0)
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
