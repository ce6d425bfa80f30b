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
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embeddings.embedder import Embedder
from embeddings.vectors import Vectors
from embeddings.words import WordVectors, shared_words
from qa.text import Terms, sentences
from qa.text.pinyin import names, sounding, spelt
from qa.text.terms import Cut, Wanted

REMEMBERED_PASSAGES = 2000
"""Passages whose sentences' terms and words are kept; their memory is unmeasured."""

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
    texts: tuple[str, ...]
    """Of the sentences that have words."""
    words: tuple[npt.NDArray[np.intp], ...]


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
        self._words = shared_words(embedder)

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

    @np.errstate(invalid="ignore")  # OpenBLAS now and then warns of values that aren't there (numpy's issue 24067)
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
        aligned = self._aligned(question, list(read.values()), words, vectors)
        return {number: Evidence(*parts) for number, *parts in zip(read, held, *aligned, strict=True)}

    def _weight(self, frequency: int) -> float:
        return math.log(1 + (self._size - frequency + 0.5) / (frequency + 0.5))

    def _aligned(
        self, question: str, passages: Sequence[_Read], known: WordVectors, vectors: Vectors
    ) -> tuple[list[float], list[float]]:
        """Best sentence's and whole passage's alignment, for each passage."""
        nothing = [0.0] * len(passages)
        found = [i for i, passage in enumerate(passages) if passage.words]
        asked = self._terms.question_words(question) if found else []
        if not asked:
            return nothing, nothing
        weight = self.words(question)
        weights = np.array([weight[word] for word in asked], dtype=np.float32)
        every = [sentence for i in found for sentence in passages[i].words]
        words, column = np.unique(np.concatenate(every), return_inverse=True)
        numbers = known.numbered(asked)
        similar = np.clip(vectors[words] @ known.vectors()[numbers].T, 0, 1) ** 2
        partners = np.maximum.reduceat(similar[column], _starts(map(len, every)))
        texts = [text for i in found for text in passages[i].texts]
        for i, spellings in self._names(question, asked).items():
            partners[_named(spellings, texts, every, known.words()), i] = 1
            weights[i] *= NAME
        weights /= weights.sum()
        passage_starts = _starts(len(passages[i].words) for i in found)
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

    def _read(self, ids: Sequence[int]) -> dict[int, _Read]:
        """The passages read, in the order of ``ids``; the most recently used ones are remembered."""
        words = shared_words(self._embedder)
        if words is not self._words:  # their numbers are others
            self._passages, self._words = OrderedDict(), words
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
        cuts = self._terms.cuts(text, sentences(text))
        worded = [cut for cut in cuts if cut.words and self._embedder.word_vectors]
        return _Read(
            tuple(cut._replace(words=()) for cut in cuts),
            tuple(cut.text for cut in worded),
            tuple(self._words.numbered(cut.words) for cut in worded),
        )


def _starts(lengths: Iterable[int]) -> npt.NDArray[np.intp]:
    """Where each of consecutive stretches of these lengths begins."""
    ends = np.cumsum(np.fromiter(lengths, dtype=np.intp))
    return np.concatenate([np.zeros(1, dtype=np.intp), ends[:-1]])


def _named(
    spellings: tuple[str, ...], texts: Sequence[str], every: Sequence[npt.NDArray[np.intp]], known: Sequence[str]
) -> npt.NDArray[np.bool_]:
    """Which of the sentences hold a name that is spelt so; ``texts`` are theirs, ``every`` their words' numbers."""
    found = np.zeros(len(every), dtype=np.bool_)
    sounds_like = sounding(spellings)
    for i, (text, sentence) in enumerate(zip(texts, every, strict=True)):
        if sounds_like.search(text):  # characters have several readings: only the words tell which
            sounds = f"|{'|'.join([spelt(known[number]) for number in sentence.tolist()])}|"
            found[i] = any(spelling in sounds for spelling in spellings)
    return found


def _held(idf: Mapping[str, float], terms: Wanted, sentences: Sequence[Cut]) -> float:
    """The largest share of the weight that one sentence holds."""
    weight = sum(idf.values())
    sums = [0.0] * len(sentences)
    for term, places in terms.places(sentences):
        for place in places:
            sums[place] += idf[term]
    return max(sums, default=0.0) / weight if weight else 0.0
