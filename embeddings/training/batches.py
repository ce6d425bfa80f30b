"""One step's texts: five tasks, each with two sides, drawn by a generator of its own: step n is always the same.

The tasks are those that paid off (docs/model.md): Chinese pairs, a sentence against its own text (inverse cloze),
translations, dictionary entries, and the teacher's English vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from embeddings.training.bags import Batch, Ints
from embeddings.training.prepare import Prepared, Sides

CHINESE_SHARE = 0.65
"""Of translations and dictionary rows; the rest is spread over the other languages as the data has them."""
PIVOT_SHARE = 0.5
"""Of rows in other languages: how many are paired with Chinese where the English has a Chinese translation too."""
LONGEST = 64
"""Tokens of a sentence; of a longer one a random stretch is read."""
WINDOW = 10
"""Sentences around the chosen one that make its paragraph."""
KEEP_SENTENCE = 0.5
"""Chance that the chosen sentence stays in its paragraph: questions do share words with their passage."""
NEIGHBOURS = 3
"""At most so many unrelated sentences are joined to a translation, as a fact stands among others in a passage."""
QUESTION_WORDS = ("什么", "谁", "哪里", "哪个", "哪些", "多少", "几", "何时", "为什么", "怎么", "如何", "是否", "吗")


@dataclass(frozen=True, slots=True)
class Task:
    """A batch of pairs; ``*_text`` number equal texts."""

    name: str
    left: Batch
    right: Batch
    left_text: Ints
    right_text: Ints


@dataclass(frozen=True, slots=True)
class Taught:
    """English texts, their translations, and their rows in the teacher's vectors."""

    english: Batch
    other: Batch
    teacher: Ints


@dataclass(frozen=True)
class Draw:
    """Draws the batches of any step."""

    prepared: Prepared
    size: int
    """Pairs of each contrastive task; half as many are distilled."""
    seed: int
    drop: float = 0.1
    """Chance of each token to be left out: a little of every text is missing, so no single word decides."""
    hard: float = 0.0
    """Share of the Chinese rows of a batch that are look-alikes of others in it (``prepared.hard``)."""

    def step(self, number: int) -> tuple[list[Task], Taught | None]:
        """The tasks of step ``number``, the same for the same seed and data; nothing to distil without a teacher."""
        rng = np.random.default_rng((self.seed, number))
        prepared = self.prepared
        rows = self._beside_look_alikes("pairs", self._choose("pairs", rng, self.size), rng)
        pairs = Task("pairs", *self._both(prepared.pairs, rows, rng), *_numbers(prepared.pairs, rows))
        rows = self._choose("dictionary", rng, self.size)
        dictionary = Task(
            "dictionary", *self._both(prepared.dictionary, rows, rng), *_numbers(prepared.dictionary, rows)
        )
        tasks = [pairs, self._inverse_cloze(rng), self._translations(rng), dictionary]
        return tasks, self._taught(rng) if len(prepared.taught) else None

    @cached_property
    def _tables(self) -> dict[str, list[tuple[Ints, npt.NDArray[np.float64]]]]:
        """Name → for Chinese and for other rows: rows that can be drawn and their cumulated chances."""
        tables: dict[str, list[tuple[Ints, npt.NDArray[np.float64]]]] = {}
        for name in ("pairs", "dictionary", "parallel"):
            sides: Sides = getattr(self.prepared, name)
            tables[name] = []
            for chosen in (sides.chinese, ~sides.chinese):
                rows = np.flatnonzero(chosen & (sides.chance > 0))
                tables[name].append((rows, np.cumsum(sides.chance[rows])))
        return tables

    def _choose(self, name: str, rng: np.random.Generator, size: int) -> Ints:
        """Rows drawn by their chance, Chinese ones first and in their share."""
        chinese, other = self._tables[name]
        first = size if not len(other[0]) else round(size * CHINESE_SHARE)
        found = []
        for (rows, cumulated), count in ((chinese, first), (other, size - first)):
            if count:
                found.append(rows[np.searchsorted(cumulated, rng.random(count) * cumulated[-1], side="right")])
        return np.concatenate(found)

    def _beside_look_alikes(self, name: str, rows: Ints, rng: np.random.Generator) -> Ints:
        """The rows, the last ones of the Chinese group replaced by look-alikes of its first ones, if they have any."""
        known = self.prepared.hard.get(name)
        count = 0 if known is None else round(self.hard * self.size * CHINESE_SHARE)
        if known is None or not count:
            return rows
        end = round(self.size * CHINESE_SHARE) if len(self._tables[name][1][0]) else self.size
        seeds = rows[np.arange(count) % (end - count)]
        drawn = known[seeds, rng.integers(0, known.shape[1], size=count)]
        found = rows.copy()
        found[end - count : end] = np.where(drawn >= 0, drawn, rows[end - count : end])
        return found

    def _both(self, sides: Sides, rows: Ints, rng: np.random.Generator) -> tuple[Batch, Batch]:
        return (
            sides.left.rows(rows, rng, longest=LONGEST, drop=self.drop),
            sides.right.rows(rows, rng, longest=2 * LONGEST, drop=self.drop),
        )

    def _translations(self, rng: np.random.Generator) -> Task:
        """English ↔ other; some other languages ↔ Chinese; one side often stands among unrelated sentences."""
        sides = self.prepared.parallel
        rows = self._beside_look_alikes("parallel", self._choose("parallel", rng, self.size), rng)
        chinese = round(self.size * CHINESE_SHARE)
        pivot = self.prepared.pivot[rows]
        pivoted = (pivot >= 0) & (rng.random(self.size) < PIVOT_SHARE)

        # Unrelated sentences come from other rows of the same language group, never from this batch's own texts.
        unrelated = self._choose("parallel", rng, self.size * NEIGHBOURS)
        cut = round(self.size * NEIGHBOURS * CHINESE_SHARE)
        unrelated = np.concatenate(
            [
                unrelated[: chinese * NEIGHBOURS].reshape(chinese, NEIGHBOURS),
                np.resize(unrelated[cut:], (self.size - chinese, NEIGHBOURS)),
            ]
        )
        wanted = np.arange(NEIGHBOURS) < rng.integers(0, NEIGHBOURS + 1, size=self.size)[:, None]
        side = rng.random(self.size)[:, None]
        beside_left = np.where(wanted & (side < 1 / 3), unrelated, -1)
        beside_right = np.where(wanted & (side > 1 / 3), unrelated, -1)

        plain = ~pivoted
        first = np.where(plain, rows, -1)[:, None]
        left_english = sides.left.rows(
            np.hstack([first, np.where(plain[:, None], beside_left, -1)]), rng, longest=LONGEST, drop=self.drop
        )
        left_chinese = sides.right.rows(np.where(pivoted, pivot, -1)[:, None], rng, longest=LONGEST, drop=self.drop)
        right = sides.right.rows(np.hstack([rows[:, None], beside_right]), rng, longest=LONGEST, drop=self.drop)
        return Task("translations", _merge(left_english, left_chinese), right, *_numbers(sides, rows))

    def _inverse_cloze(self, rng: np.random.Generator) -> Task:
        """A sentence with a question word ↔ the text around it (Lee et al. 2019, "Latent Retrieval")."""
        starts, bags = self.prepared.text_starts, self.prepared.sentences
        text = rng.integers(0, len(starts) - 1, size=self.size)
        sentence = (starts[text] + rng.random(self.size) * (starts[text + 1] - starts[text])).astype(np.int64)
        low = np.maximum(starts[text], sentence - WINDOW // 2)
        high = np.minimum(starts[text + 1], sentence + 1 + WINDOW // 2)
        begin, middle, after, end = (bags.starts[place] for place in (low, sentence, sentence + 1, high))
        kept = rng.random(self.size) < KEEP_SENTENCE
        question = bags.spans(middle[:, None], (after - middle)[:, None], rng, drop=0.3)
        paragraph = bags.spans(
            np.stack([begin, middle, after], axis=1),
            np.stack([middle - begin, np.where(kept, after - middle, 0), end - after], axis=1),
            rng,
            drop=self.drop,
        )
        words = rng.choice(self._question_tokens, size=self.size).astype(np.int32)
        return Task(
            "inverse cloze", _merge(question, Batch(words, np.ones(self.size, np.int64))), paragraph, text, text
        )

    @cached_property
    def _question_tokens(self) -> Ints:
        encodings = self.prepared.tokenizer.encode_batch(list(QUESTION_WORDS), add_special_tokens=False)
        return np.array([encoding.ids[0] for encoding in encodings])

    def _taught(self, rng: np.random.Generator) -> Taught:
        place = rng.integers(0, len(self.prepared.taught), size=self.size // 2)
        english, other = self._both(self.prepared.parallel, self.prepared.taught[place], rng)
        return Taught(english, other, self.prepared.teacher_of[place])


def _numbers(sides: Sides, rows: Ints) -> tuple[Ints, Ints]:
    return sides.left_text[rows], sides.right_text[rows]


def _merge(first: Batch, second: Batch) -> Batch:
    """Bags with the tokens of both batches' bags of the same place."""
    sizes = first.sizes + second.sizes
    bag = np.concatenate([np.repeat(np.arange(len(one.sizes)), one.sizes) for one in (first, second)])
    order = np.argsort(bag, kind="stable")
    return Batch(np.concatenate([first.tokens, second.tokens])[order], sizes)
