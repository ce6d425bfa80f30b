"""The answer record: shape, marked sentence, places in the original."""

from __future__ import annotations

import json

import pytest
from compass import Compass

from qa.answer import Question, answer_many, record_json
from qa.articles import Piece
from qa.hits import Hit
from qa.retrieve import Retrieved
from qa.store import StoredPassage
from qa.text import Terms

#          0123456789012345678901234567890123456789
ORIGINAL = "Red ap ple. Blue pl um here. [pic] Green tail."


def _passage(pieces: list[tuple[int, int]], **fields: object) -> StoredPassage:
    values: dict[str, object] = {
        "id": 7,
        "article_id": 3,
        "file": "page.txt",
        "headline": "Fruit",
        "kicker": None,
        "subhead": None,
        "byline": None,
        "section": None,
        "start": pieces[0][0],
        "end": pieces[-1][1],
        "text": "".join(ORIGINAL[a:b] for a, b in pieces),
        "pieces": tuple(Piece(a, b) for a, b in pieces),
    }
    return StoredPassage(**(values | fields))  # type: ignore[arg-type]  # the fields' types are the literals above


def _record(question: str, passage: StoredPassage, idf: dict[str, float], coverage: float = 1.0) -> dict[str, object]:
    hit = Hit(passage.id, 0.91234567, 1, 2, 3.0, 0.5)
    found = Retrieved(question, (hit,), idf, coverage, 10)
    [record] = answer_many([Question(question, "Q1")], [found], {passage.id: passage}, Compass(), Terms())
    return record


def test_the_record_has_the_contracts_fields_in_order() -> None:
    record = _record("blue?", _passage([(0, 28)]), {"blue": 1.0})
    assert list(record) == [
        "id", "question", "status", "answer", "confidence", "searched_as", "passages", "trace_id", "elapsed_ms",
    ]  # fmt: skip
    [passage] = record["passages"]  # type: ignore[misc]
    assert list(passage) == ["rank", "score", "text", "source", "highlights", "why"]
    assert passage["source"] == {
        "file": "page.txt", "article": "Fruit", "section": None, "start": 0, "end": 28, "article_id": 3,
    }  # fmt: skip
    assert passage["why"] == {"terms": ["Blue"], "lexical_rank": 1, "dense_rank": 2, "fused_score": 0.9123}


def test_the_sentence_that_holds_the_questions_words_is_marked_at_its_place() -> None:
    record = _record("blue?", _passage([(0, 28)]), {"blue": 1.0})
    [passage] = record["passages"]  # type: ignore[misc]
    [mark] = passage["highlights"]
    assert ORIGINAL[mark["start"] : mark["end"]] == "Blue pl um here."


def test_blanks_left_out_of_the_text_stay_inside_one_mark() -> None:
    record = _record("blue?", _passage([(0, 6), (7, 19), (20, 28)]), {"blue": 1.0})
    [passage] = record["passages"]  # type: ignore[misc]
    assert passage["text"] == "Red apple. Blue plum here."
    [mark] = passage["highlights"]
    assert ORIGINAL[mark["start"] : mark["end"]] == "Blue pl um here."


def test_a_caption_inside_a_sentence_splits_the_mark() -> None:
    record = _record("green?", _passage([(12, 22), (35, 46)]), {"green": 1.0})
    [passage] = record["passages"]  # type: ignore[misc]
    assert [ORIGINAL[m["start"] : m["end"]] for m in passage["highlights"]] == ["Blue pl um", "Green tail."]


def test_a_dateline_is_not_part_of_the_marked_sentence() -> None:
    text = "本报讯（记者 张三）昨日下雨。"
    passage = _passage([(0, len(text))], text=text)
    record = _record("下雨", passage, {"下雨": 1.0})
    [shown] = record["passages"]  # type: ignore[misc]
    [mark] = shown["highlights"]
    assert text[mark["start"] : mark["end"]] == "昨日下雨。"
    assert shown["text"] == text


@pytest.mark.parametrize(
    ("idf", "status"),
    [({"blue": 3.0, "moon": 1.0}, "answered"), ({"blue": 1.0, "moon": 9.0}, "not_found")],
)
def test_the_status_follows_the_share_of_the_questions_weight_that_is_there(idf: dict[str, float], status: str) -> None:
    record = _record("blue moon", _passage([(0, 28)]), idf)
    assert record["status"] == status
    assert (record["answer"] is None) == (status != "answered")


def test_a_question_without_hits_is_not_found() -> None:
    [record] = answer_many([Question("x")], [Retrieved("x", (), {}, 0.0, 0)], {}, Compass(), Terms())
    assert (record["status"], record["answer"], record["passages"]) == ("not_found", None, [])


def test_a_hit_whose_passage_is_gone_is_left_out() -> None:
    found = Retrieved("blue", (Hit(8, 1.0, 1, 1, 1.0, 1.0),), {"blue": 1.0}, 1.0, 10)
    [record] = answer_many([Question("blue")], [found], {}, Compass(), Terms())
    assert record["passages"] == []


def test_the_serialisation_is_strict_json_on_one_line() -> None:
    line = record_json({"a": "问\n报", "b": 0.5})
    assert line == '{"a": "问\\n报", "b": 0.5}'
    assert json.loads(line)["a"] == "问\n报"
    with pytest.raises(ValueError, match="JSON"):
        record_json({"a": float("nan")})
