"""What a passage's sentences hold of a question, worked out by hand over a model of three words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from embeddings.vectors import Vectors
from qa import evidence
from qa.evidence import Evidence, Reader
from qa.text import Terms

TEXTS = {1: "A cat sat. The sun shone.", 2: "Sun and cat.", 3: "", 4: "A kitten sat. The moon rose."}
# kitten is near cat: cosine 0.8; all else is at right angles.
WORDS = {"cat": (1.0, 0.0, 0.0), "kitten": (0.8, 0.6, 0.0), "sun": (0.0, 0.0, 1.0)}
FREQUENCY = {"cat": 2, "sun": 2, "kitten": 1}


class Words:
    name, dim, fingerprint, word_vectors = "words", 3, "words-1", True

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def passages(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        return np.array([WORDS.get(text, (0.0, 1.0, 0.0)) for text in texts], dtype=np.float32).reshape(len(texts), 3)

    questions = passages


def _texts(ids: Sequence[int]) -> Mapping[int, str]:
    return {i: TEXTS[i] for i in ids if i in TEXTS}


def _reader(model: Words | None = None) -> Reader:
    return Reader(model or Words(), Terms(), _texts, lambda term: FREQUENCY.get(term, 0), 4)


def _parts(found: Evidence) -> tuple[float, float, float]:
    return found.held, found.aligned_sentence, found.aligned_passage


def test_the_weight_of_a_term_is_its_idf() -> None:
    assert _reader().idf(["cat", "kitten", "cat", "dog"]) == {
        "cat": pytest.approx(math.log(1 + 2.5 / 2.5)),
        "kitten": pytest.approx(math.log(1 + 3.5 / 1.5)),
        "dog": pytest.approx(math.log(1 + 4.5 / 0.5)),
    }


def test_one_sentence_with_both_words_holds_more_than_two_with_one_each() -> None:
    reader = _reader()
    found = reader.evidence("cat sun", reader.idf(["cat", "sun"]), [1, 2])
    assert found[1].held == pytest.approx(1 / 2)
    assert found[2].held == pytest.approx(1.0)


def test_a_word_is_aligned_with_its_nearest_partner() -> None:
    reader = _reader()
    found = reader.evidence("cat", reader.idf(["cat"]), [1, 4])
    assert _parts(found[1]) == pytest.approx((1.0, 1.0, 1.0))
    assert _parts(found[4]) == pytest.approx((0.0, 0.8**2, 0.8**2))


def test_the_passage_gathers_over_its_sentences_what_no_single_one_has() -> None:
    reader = _reader()
    found = reader.evidence("cat sun", reader.idf(["cat", "sun"]), [1])
    assert found[1].aligned_sentence == pytest.approx(1 / 2)
    assert found[1].aligned_passage == pytest.approx(1.0)


def test_a_passage_without_words_holds_nothing_and_one_that_is_gone_is_left_out() -> None:
    reader = _reader()
    assert reader.evidence("cat", reader.idf(["cat"]), [3, 9]) == {3: Evidence()}


def test_a_model_without_word_vectors_is_not_asked_for_any() -> None:
    model = Words()
    model.word_vectors = False
    reader = _reader(model)
    found = reader.evidence("cat", reader.idf(["cat"]), [1])
    assert _parts(found[1]) == pytest.approx((1.0, 0.0, 0.0))
    assert model.embedded == []


def test_what_was_read_is_not_read_again() -> None:
    model = Words()
    reader = _reader(model)
    reader.evidence("cat", reader.idf(["cat"]), [1, 2])
    before = len(model.embedded)
    reader.evidence("cat", reader.idf(["cat"]), [2, 1])
    assert model.embedded[before:] == []  # nor is a word that was asked before


def test_forgetting_changes_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [("cat sun", [1, 2]), ("kitten", [4, 1]), ("sun", [2, 4, 1])]
    plain = _reader()
    expected = [plain.evidence(q, plain.idf(q.split()), ids) for q, ids in asked]
    monkeypatch.setattr(evidence, "REMEMBERED_PASSAGES", 1)
    monkeypatch.setattr("embeddings.words.KEPT_WORDS", 1)
    forgetful = _reader()
    assert [forgetful.evidence(q, forgetful.idf(q.split()), ids) for q, ids in asked] == expected


def test_a_chinese_name_in_latin_letters_is_found_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WORDS, "mentougou", (1.0, 0.0, 0.0))
    monkeypatch.setitem(TEXTS, 5, "门头沟区有山。天津有海。")
    monkeypatch.setitem(TEXTS, 6, "天津有海。")
    reader = _reader()
    question = "Which hills does Mentougou have?"
    found = reader.evidence(question, reader.idf(["mentougou"]), [5, 6])
    assert found[5].aligned_passage > found[6].aligned_passage
