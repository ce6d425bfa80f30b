"""Word vectors: each word embedded once, by whoever asks first, whatever the threads do."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from compass import Compass
from hypothesis import given
from hypothesis import strategies as st

from embeddings import load_embedder
from embeddings.vectors import Vectors
from embeddings.words import WordVectors, shared_words


class Counting(Compass):
    """Remembers what it embedded."""

    def __init__(self) -> None:
        super().__init__()
        self.embedded: list[str] = []

    def passages(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        return super().passages(texts)


@given(st.lists(st.lists(st.sampled_from(["apple", "pear", "plum", "stone", "wood", ""]))))
def test_each_word_has_its_number_and_vector_and_is_embedded_once(asked: list[list[str]]) -> None:
    model = Counting()
    known = WordVectors(model)
    for words in asked:
        numbers = known.numbered(words)
        vectors = known.vectors()
        assert [known.words()[number] for number in numbers] == words
        assert np.array_equal(vectors[numbers], Compass().passages(words))
    assert model.embedded == known.words()
    assert len(set(model.embedded)) == len(model.embedded) == len(known)


def test_whoever_uses_a_model_shares_its_words_until_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    first = shared_words(Compass())
    assert shared_words(Compass()) is first
    first.numbered(["apple", "pear"])
    monkeypatch.setattr("embeddings.words.KEPT_WORDS", 1)
    second = shared_words(Compass())
    assert second is not first
    assert len(second) == 0


def test_threads_get_the_same_numbers() -> None:
    model = Counting()
    known = WordVectors(model)
    words = [str(number) for number in range(300)]
    found: list[list[str]] = []

    def look() -> None:
        for start in range(0, 300, 7):
            some = words[start:] + words[:start]
            numbers = known.numbered(some)
            known.vectors()
            found.append([known.words()[number] for number in numbers] + some)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 * len(range(0, 300, 7))
    assert all(each[:300] == each[300:] for each in found)
    assert sorted(model.embedded) == sorted(words)


@given(st.lists(st.text(alphabet="口罩工会ab 的", max_size=12), max_size=20))
def test_a_words_vector_is_the_same_alone_and_among_others(texts: list[str]) -> None:
    embedder = load_embedder()
    alone = [embedder.passages([text])[0] for text in texts]
    assert np.array_equal(embedder.passages(texts), np.array(alone, dtype=np.float32).reshape(len(texts), embedder.dim))
