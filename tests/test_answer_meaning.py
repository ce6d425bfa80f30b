"""How near words are in meaning, by a model whose vectors can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from compass import Compass

from qa.answer.candidates import block
from qa.answer.finding import best_sentence
from qa.answer.matching import alike, best_partners
from qa.answer.meaning import Meanings, shipped
from qa.articles import Piece
from qa.store import StoredPassage


def test_likeness_is_the_squared_cosine_and_signs_are_like_nothing() -> None:
    meanings = Meanings(Compass())
    wanted = meanings.wanted("", {"apple": 3.0, "stone": 1.0})
    assert wanted.weights.tolist() == [0.75, 0.25]
    found = block("pear, wood")
    told = dict(zip(found.texts, meanings.similar(wanted, found).T.tolist(), strict=True))
    # Compass adds 0.001 to the east: cos² of apple and wood is (0.001 / √(1 + 0.001²))² ≈ 10⁻⁶.
    assert told["pear"] == pytest.approx([1, 0], abs=1e-5)
    assert told["wood"] == pytest.approx([0, 1], abs=1e-5)
    assert told[""] == [0, 0]


def test_a_span_tells_what_its_best_word_tells() -> None:
    seen = block("甲乙，丙丁。")
    likeness = np.zeros((2, len(seen.words)), np.float32)
    likeness[0, 1], likeness[1, -2] = 0.5, 0.25  # the first word, and the full stop at the end
    assert best_partners(likeness, seen, seen.layout.clauses).tolist() == [[0.5, 0], [0, 0]]
    assert best_partners(likeness, seen, seen.layout.sentences).tolist() == [[0.5], [0.25]]


def test_a_token_weighs_as_its_weightiest_partner() -> None:
    seen = block("甲乙")
    likeness = np.zeros((2, len(seen.words)), np.float32)
    likeness[:, 1] = 0.4, 0.9
    found = alike(seen, likeness, np.array([0.75, 0.25], np.float32))
    # max(0.75 · 0.4, 0.25 · 0.9) / 0.75
    assert found.tokens[1] == pytest.approx(0.3 / 0.75)


def test_words_are_told_alike_when_they_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embeddings.words.KEPT_WORDS", 2)
    meanings = Meanings(Compass())
    for words in (["apple", "stone", "wood"], ["pear apple"], ["apple", "plum", "stone"]):
        assert np.array_equal(meanings.vectors(words), Compass().passages(words))


@pytest.mark.parametrize("question", [{"masks": 2.0, "sent": 1.0}, {"口罩": 2.0, "发放": 1.0}])
def test_the_sentence_that_says_it_in_other_words_is_marked(question: dict[str, float]) -> None:
    text = "昨日天气很好。街道送去口罩八千只。公园的花都开了。"
    passage = StoredPassage(
        1, 1, "a.txt", None, None, None, None, None, 0, len(text), text, (Piece(0, len(text)),)
    )  # fmt: skip
    span = best_sentence(passage, {}, shipped().wanted("", question))
    assert span is not None
    assert text[slice(*span)] == "街道送去口罩八千只。"
