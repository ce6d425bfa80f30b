"""The first hits read again: how much of the question their sentences hold, word for word and in meaning.

Between the indexes and ``qa.retrieve``. Both legs judge a passage as a whole; here its sentences are looked at:

* ``held``: the largest share of the question's term weight that one sentence holds. Where the question's words stand
  together, they more likely say what was asked than where they are scattered.
* ``aligned``: each word of the question is compared with every word of the passage, and the similarities of the best
  partners are averaged by the words' weights: late interaction, as in ColBERT (Khattab and Zaharia 2020), over the word
  vectors of a static model. It finds 职员 for 员工 and *union* for 工会 where the passage's one vector blurs them.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embeddings.embedder import Embedder
from embeddings.vectors import Vectors
from qa.text import Terms, sentences
from qa.text.pinyin import names, spelt
from qa.text.terms import Cut, Wanted

REMEMBERED_PASSAGES = 2000
"""Passages whose sentences' terms and words are kept; their memory is unmeasured."""
REMEMBERED_WORDS = 50_000
"""Words whose vectors are kept: 100 MB at 512 dimensions, 4 bytes each."""

NAME = 2.0
"""How much more a Chinese name in Latin letters weighs than another word that the corpus lacks."""

Texts = Callable[[Sequence[int]], Mapping[int, str]]
"""From passage ids to what is indexed of them; one that is gone is left out."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a passage's sentences hold of a question, each 0…1. ``aligned`` is 0 for models without word vectors."""

    held: float = 0.0
    """Best sentence: share of the question's term weight."""
    aligned_sentence: float = 0.0
    """Best sentence: weighted mean of the squared similarities of the question's words with their best partners."""
    aligned_passage: float = 0.0
    """The same over the whole passage."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A passage's sentences: each cut, and the numbers of the words of each that has any."""

    sentences: tuple[Cut, ...]
    words: tuple[npt.NDArray[np.intp], ...]


class _Words:
    """Numbers for words, from 0, with what is known of each."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._numbers: defaultdict[str, int] = defaultdict()
        self._numbers.default_factory = self._numbers.__len__
        self._spelt: list[str] = []
        self._rows: Vectors = np.empty((0, embedder.dim), dtype=np.float32)
        """Vectors of the first ``_embedded`` words, and room for more; rows that are filled don't change."""
        self._embedded = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def numbered(self, words: Sequence[str]) -> npt.NDArray[np.intp]:
        """The words' numbers; new ones get the next."""
        return np.fromiter(map(self._numbers.__getitem__, words), np.intp, len(words))

    def vectors(self) -> Vectors:
        """A row for each number; other threads may keep those that they were given."""
        unseen = list(self._numbers)[self._embedded :]
        if unseen:
            count = len(self._numbers)
            if count > len(self._rows):
                rows = np.empty((count + count // 2, self._embedder.dim), dtype=np.float32)
                rows[: self._embedded] = self._rows[: self._embedded]
                self._rows = rows
            self._rows[self._embedded : count] = self._embedder.passages(unseen)
            self._embedded = count
        return self._rows[: self._embedded]

    def spelt(self) -> list[str]:
        """How each is spelt in Latin letters."""
        self._spelt += map(spelt, list(self._numbers)[len(self._spelt) :])
        return self._spelt


class Reader:
    """Reads passages and remembers those that it has read. Safe to share between threads."""

    def __init__(
        self, embedder: Embedder, terms: Terms, texts: Texts, frequency: Callable[[str], int], size: int
    ) -> None:
        """``frequency`` gives the number of passages, of ``size``, that hold a term."""
        self._embedder = embedder
        self._terms = terms
        self._texts = texts
        self._frequency = frequency
        self._size = size
        self._lock = threading.Lock()
        self._passages: OrderedDict[int, _Read] = OrderedDict()
        self._words = _Words(embedder)

    def idf(self, terms: Iterable[str]) -> dict[str, float]:
        """Each distinct term's weight ln(1 + (N − n + ½)/(n + ½)), n of the N passages holding it; in their order."""
        return {term: self._weight(self._frequency(term)) for term in dict.fromkeys(terms)}

    def words(self, question: str) -> dict[str, float]:
        """The question's words that tell something, each with the weight of its rarest term; in their order."""
        # A word is as rare as the rarest of its terms.
        return {
            word: self._weight(min(map(self._frequency, self._terms.passage(word)), default=0))
            for word in self._terms.question_words(question)
        }

    def evidence(self, question: str, idf: Mapping[str, float], ids: Sequence[int]) -> dict[int, Evidence]:
        """What each passage holds of the question; one that is gone is left out.

        Raises:
            ModelError: as the embedder gives it.
        """
        with self._lock:
            read = self._read(ids)
            words, vectors = self._words, self._words.vectors()
        terms = Wanted.read(idf)
        held = [_held(idf, terms, passage.sentences) for passage in read.values()]
        aligned = self._aligned(question, [passage.words for passage in read.values()], words, vectors)
        return {number: Evidence(*parts) for number, *parts in zip(read, held, *aligned, strict=True)}

    def _weight(self, frequency: int) -> float:
        return math.log(1 + (self._size - frequency + 0.5) / (frequency + 0.5))

    def _aligned(
        self, question: str, passages: Sequence[Sequence[npt.NDArray[np.intp]]], known: _Words, vectors: Vectors
    ) -> tuple[list[float], list[float]]:
        """Best sentence's and whole passage's alignment, for each passage."""
        nothing = [0.0] * len(passages)
        found = [i for i, sentences_ in enumerate(passages) if sentences_]
        asked = self._terms.question_words(question) if found else []
        if not asked:
            return nothing, nothing
        weight = self.words(question)
        weights = np.array([weight[word] for word in asked], dtype=np.float32)
        every = [sentence for i in found for sentence in passages[i]]
        words, column = np.unique(np.concatenate(every), return_inverse=True)
        similar = np.clip(vectors[words] @ self._embedder.passages(asked).T, 0, 1) ** 2
        partners = np.maximum.reduceat(similar[column], _starts(map(len, every)))
        for i, spellings in self._names(question, asked).items():
            partners[self._named(spellings, every, known), i] = 1
            weights[i] *= NAME
        weights /= weights.sum()
        passage_starts = _starts(len(passages[i]) for i in found)
        best = np.maximum.reduceat(partners @ weights, passage_starts)
        whole = np.maximum.reduceat(partners, passage_starts) @ weights
        sentence, passage = nothing.copy(), nothing.copy()
        for i, one, all_ in zip(found, best.tolist(), whole.tolist(), strict=True):
            sentence[i], passage[i] = one, all_
        return sentence, passage

    def _names(self, question: str, asked: Sequence[str]) -> dict[int, tuple[str, ...]]:
        """Which of the asked words may be Chinese names in Latin letters, with how they are spelt."""
        found = names(question)
        return {i: found[word] for i, word in enumerate(asked) if word in found}

    def _named(
        self, spellings: Sequence[str], every: Sequence[npt.NDArray[np.intp]], known: _Words
    ) -> npt.NDArray[np.bool_]:
        """Which of the sentences hold a name that is spelt so."""
        with self._lock:
            spelt_ = known.spelt()
        texts = (f"|{'|'.join([spelt_[number] for number in sentence])}|" for sentence in every)
        return np.array([any(spelling in text for spelling in spellings) for text in texts], dtype=np.bool_)

    def _read(self, ids: Sequence[int]) -> dict[int, _Read]:
        """The passages read, in the order of ``ids``; the most recently used ones are remembered."""
        if len(self._words) > REMEMBERED_WORDS:
            self._passages, self._words = OrderedDict(), _Words(self._embedder)
        missing = [number for number in ids if number not in self._passages]
        for number, text in self._texts(missing).items() if missing else ():
            self._passages[number] = self._sentences(text)
        read = {number: self._passages[number] for number in ids if number in self._passages}
        for number in read:
            self._passages.move_to_end(number)
        while len(self._passages) > REMEMBERED_PASSAGES:
            self._passages.popitem(last=False)
        return read

    def _sentences(self, text: str) -> _Read:
        cuts = [self._terms.cut(text[start:end]) for start, end in sentences(text)]
        numbers = tuple(self._words.numbered(cut.words) for cut in cuts if cut.words and self._embedder.word_vectors)
        return _Read(tuple(cut._replace(words=()) for cut in cuts), numbers)


def _starts(lengths: Iterable[int]) -> npt.NDArray[np.intp]:
    """Where each of consecutive stretches of these lengths begins."""
    ends = np.cumsum(np.fromiter(lengths, dtype=np.intp))
    return np.concatenate([np.zeros(1, dtype=np.intp), ends[:-1]])


def _held(idf: Mapping[str, float], terms: Wanted, sentences: Sequence[Cut]) -> float:
    """The largest share of the weight that one sentence holds."""
    weight = sum(idf.values())
    sums = [0.0] * len(sentences)
    for term, places in terms.places(sentences):
        for place in places:
            sums[place] += idf[term]
    return max(sums, default=0.0) / weight if weight else 0.0
