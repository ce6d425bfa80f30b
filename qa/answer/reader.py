"""The reader: where in a text an answer to the question may begin and end. A small convolutional network.

It reads the tokens of the embedded model with their vectors, each compared with every token of the question, and gives
each a score as the answer's first token, as its last, and as part of it. The ranker takes these as measures of its
candidates: it knows what answers look like, the reader where the text says what was asked.

Trained by ``python -m benchmarks.reader``, which says on what (docs/answers.md). Inference is numpy alone.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from embeddings.embedders.static import StaticEmbedder
from embeddings.registry import load_embedder
from qa.answer.candidates import Floats, Ints
from qa.answer.kinds import KINDS, Expected

WEIGHTS = Path(__file__).parent / "weights" / "reader.safetensors"
DIM = 256
"""Leading dimensions of the token vectors that are read; the embedded model is trained so that they mean much alone."""
WIDTH = 64
DILATIONS = (1, 2, 4, 8)
"""Of the convolutions, each over three tokens: a token sees fifteen before and behind it."""
GAP_TOKENS = max(DILATIONS)
"""Empty tokens between two texts that are read at once, so that none sees the other."""
QUESTION_TOKENS = 48
"""Last tokens of a question that are looked at."""
KEPT_TEXTS = 2048
"""Texts whose tokens are kept, the ones read last."""

CLASSES = 11
"""Kinds of tokens by how they are written: see ``token_class``."""
SIGNS = 3
"""The last class of signs; a token of these that stands in the question too says nothing."""
EARLIER, OWN, GAP = 0, 1, 2
"""Parts of a question: an earlier one that a follow-up leans on; its own words; the words that ask."""
PART_WEIGHTS = (0.4, 1.0, 0.2)
"""How much a token counts by its part. By judgement; the network learns the rest."""
MEASURES = 7
"""Columns of likeness with the question that a token is read with."""


def token_class(token: str) -> int:
    """What sort of token it is by its first character: stop, comma, bracket, figure, Chinese, kana, Latin or other."""
    text = token.strip("▁ ")
    if not text:
        return 0
    first = text[0]
    for number, signs in enumerate(("。！？!?；;\n", "，,、:：", '"“”「」『』《》()（）〈〉[]【】'), 1):
        if first in signs:
            return number
    if text.isdigit():
        return 4
    if all(character in "一二三四五六七八九十百千万亿两几零〇" for character in text):
        return 5
    if "\u3040" <= first <= "\u30ff":
        return 6
    if "\u4e00" <= first <= "\u9fff":
        return 7 if len(text) == 1 else 8
    return 9 if first.isalpha() else 10


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """A text, or parts of one, as the reader sees it."""

    ids: npt.NDArray[np.intp]
    spans: Ints
    """(tokens, 2): start and end of each in the text."""
    classes: Ints

    def within(self, spans: Ints) -> Tokens:
        """The tokens that begin within one of ``spans``, which are in order."""
        bounds = np.searchsorted(self.spans[:, 0], spans)
        rows = np.concatenate([np.arange(low, high) for low, high in bounds] or [np.arange(0)])
        return Tokens(self.ids[rows], self.spans[rows], self.classes[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the reader says of a text's tokens: logits of being the answer's first token, its last, part of it."""

    spans: Ints
    first: Floats
    last: Floats
    inside: Floats


class Tokenised:
    """Tokens of texts by the embedded model, kept for the texts read last. Safe to share between threads."""

    def __init__(self, embedder: StaticEmbedder, kept: int = KEPT_TEXTS) -> None:
        self._embedder = embedder
        self._kept = kept
        self._texts: OrderedDict[str, Tokens] = OrderedDict()
        self._lock = threading.Lock()
        self._classes = np.full(embedder.tokens_known, -1, dtype=np.int32)

    def of(self, text: str) -> Tokens:
        """The tokens of ``text``."""
        with self._lock:
            found = self._texts.get(text)
            if found is not None:
                self._texts.move_to_end(text)
                return found
        ids, spans = self._embedder.tokens(text)
        tokens = np.array(ids, dtype=np.intp)
        for number in tokens[self._classes[tokens] < 0].tolist():
            self._classes[number] = token_class(self._embedder.token(number))
        places = np.fromiter(chain.from_iterable(spans), dtype=np.int32, count=2 * len(spans)).reshape(-1, 2)
        found = Tokens(tokens, places, self._classes[tokens])
        with self._lock:
            self._texts[text] = found
            while len(self._texts) > self._kept:
                self._texts.popitem(last=False)
        return found

    def vectors(self, tokens: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Unit vectors of tokens, (tokens, DIM), and how long each was: rare tokens have long ones."""
        rows = self._embedder.token_vectors(tokens, DIM)
        norms = np.sqrt(np.einsum("td,td->t", rows, rows))
        return rows / np.maximum(norms, 1e-9)[:, None], norms


Tensors = Mapping[str, Floats]
"""The network's weights by the names that ``benchmarks.reader`` gives them; linear maps lie as (inputs, outputs)."""


def parts(asked: Expected, spans: Ints) -> Ints:
    """Which part of the question each of its tokens belongs to: EARLIER, OWN or GAP."""
    start, end = spans.T
    found = np.where((start < asked.end) & (asked.start < end), GAP, OWN)
    return np.where(end <= asked.own, EARLIER, found).astype(np.int32)


def read(asked: Expected, texts: Sequence[Tokens], weights: Tensors) -> list[Reading]:
    """What each token of each text is to the answer; nothing of an empty question."""
    question = tokenised().of(asked.folded)
    if not len(question.ids) or not sum(len(text.ids) for text in texts):
        none = np.zeros(0, dtype=np.float32)
        return [Reading(text.spans[:0], none, none, none) for text in texts]
    part = parts(asked, question.spans)[-QUESTION_TOKENS:]
    ids, classes = question.ids[-QUESTION_TOKENS:], question.classes[-QUESTION_TOKENS:]
    vectors, norms = tokenised().vectors(ids)
    rarity = norms / weights["norm"][0] * np.take(np.array(PART_WEIGHTS, dtype=np.float32), part)
    kind = weights["kind"][KINDS.index(asked.kind)]
    words = vectors @ weights["project"] + weights["project_bias"] + weights["class"][classes] + weights["part"][part]
    words = words + kind
    for layer in range(2):
        words = words + np.maximum(_convolved(words, weights, f"question{layer}", 1), 0)
    attention = _softmax((words @ weights["attend"] + weights["attend_bias"]).T)
    gist = np.concatenate([(attention @ words).ravel(), kind]) @ weights["gist"] + weights["gist_bias"]
    gist = np.maximum(gist, 0)

    bounds = np.cumsum([0, *(len(text.ids) + GAP_TOKENS for text in texts)])
    here = np.concatenate([np.arange(low, low + len(text.ids)) for low, text in zip(bounds, texts, strict=False)])
    told = np.concatenate([text.ids for text in texts])
    seen, lengths = tokenised().vectors(told)
    kinds = np.concatenate([text.classes for text in texts])
    near = np.maximum(vectors @ seen.T, 0)
    same = ((ids[:, None] == told) & (classes > SIGNS)[:, None]).astype(np.float32)
    square = near * near
    measures = np.stack(
        [
            square.max(0),
            near.max(0),
            (rarity / rarity.sum()) @ square,
            (square * rarity[:, None]).max(0),
            same.max(0),
            (same * rarity[:, None]).max(0),
            lengths / weights["norm"][0],
        ],
        axis=1,
    )
    sharpness = weights["sharpness"][0]
    none = np.full((1, near.shape[1]), 0.25 * sharpness, dtype=np.float32)
    aligned = _softmax(np.concatenate([near * sharpness, none]).T)[:, :-1] @ words
    own = seen @ weights["project"] + weights["project_bias"]
    size = len(gist)
    mix = weights["align"]
    # [aligned, aligned · own, gist · own] @ mix, without putting them side by side.
    drawn = aligned @ mix[:size] + (aligned * own) @ mix[size : 2 * size]
    drawn += own @ (gist[:, None] * mix[2 * size :] + np.eye(size, dtype=np.float32))
    drawn += weights["class"][kinds] + measures @ weights["measure"] + (weights["measure_bias"] + weights["align_bias"])
    state = drawn
    for layer, dilation in enumerate(DILATIONS):
        wide = np.zeros((bounds[-1], size), dtype=np.float32)
        wide[here] = _normal(state, weights, f"norm{layer}")
        told_by = _convolved(wide, weights, f"text{layer}", dilation)[here]
        told_by += gist @ weights[f"mix{layer}"] + weights[f"mix{layer}_bias"]
        state += np.maximum(told_by, 0, out=told_by)
    state = _normal(state, weights, "final")
    out = weights["out"]
    logits = state @ (out[:size] + gist[:, None] * out[size:]) + weights["out_bias"]
    found, at = [], 0
    for text in texts:
        rows = logits[at : at + len(text.ids)]
        found.append(Reading(text.spans, rows[:, 0], rows[:, 1], rows[:, 2]))
        at += len(text.ids)
    return found


def _convolved(rows: Floats, weights: Tensors, name: str, dilation: int) -> Floats:
    """A convolution over three rows, ``dilation`` apart; beyond the ends there is nothing."""
    size = rows.shape[1]
    every = (
        rows @ weights[name]
    )  # (rows, 3 · size): what each row says to the one behind it, to itself, to the one before
    found = every[:, size : 2 * size] + weights[f"{name}_bias"]
    found[dilation:] += every[:-dilation, :size]
    found[:-dilation] += every[dilation:, 2 * size :]
    return found


def _normal(rows: Floats, weights: Tensors, name: str) -> Floats:
    """Layer normalisation (Ba, Kiros and Hinton 2016)."""
    centred: Floats = rows - rows.mean(1, keepdims=True)
    spread = np.sqrt(np.einsum("td,td->t", centred, centred) / rows.shape[1] + 1e-5)
    centred *= weights[name] / spread[:, None]
    centred += weights[f"{name}_bias"]
    return centred


def _softmax(rows: Floats) -> Floats:
    powers = np.exp(rows - rows.max(-1, keepdims=True))
    found: Floats = powers / powers.sum(-1, keepdims=True)
    return found


def from_file(file: Path) -> Tensors:
    """Weights as they lie in a file (half precision)."""
    from safetensors.numpy import load_file  # loaded with the first question  # noqa: PLC0415

    return {name: np.asarray(values, dtype=np.float32) for name, values in load_file(file).items()}


@cache
def shipped() -> Tensors:
    """The weights that come with the package."""
    return from_file(WEIGHTS)


@cache
def tokenised() -> Tokenised:
    """Tokens by the embedded model, whichever model searches."""
    return Tokenised(cast("StaticEmbedder", load_embedder()))
