"""The answer record: shape, marked sentence, places in the original."""

from __future__ import annotations

import json
import math

import pytest
from compass import Compass

from qa.answer import Question, Record, answer_many, record_json
from qa.answer.places import places
from qa.articles import Piece
from qa.bot import Bot
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


def _record(question: str, passage: StoredPassage, idf: dict[str, float], coverage: float = 1.0) -> Record:
    hit = Hit(passage.id, 0.91234567, 1, 2, 3.0, 0.5)
    found = Retrieved(question, (hit,), idf, coverage, 10)
    [record] = answer_many([Question(question, "Q1")], [found], {passage.id: passage}, Compass(), Terms())
    return record


def test_the_record_has_the_contracts_fields_in_order() -> None:
    record = _record("blue?", _passage([(0, 28)]), {"blue": 1.0})
    assert list(record) == [
        "id", "question", "status", "answer", "confidence", "searched_as", "passages", "trace_id", "elapsed_ms",
    ]  # fmt: skip
    [passage] = record["passages"]
    assert [field for field in passage if field != "answer_span"] == [
        "rank", "score", "text", "source", "highlights", "marks", "why",
    ]  # fmt: skip
    assert passage["source"] == {
        "file": "page.txt", "article": "Fruit", "section": None, "start": 0, "end": 28, "article_id": 3, "date": None,
    }  # fmt: skip
    assert passage["why"] == {"terms": ["Blue"], "lexical_rank": 1, "dense_rank": 2, "fused_score": 0.9123}


def _marked(passage: StoredPassage, part: str) -> list[str]:
    start = passage.text.index(part)
    return [ORIGINAL[mark["start"] : mark["end"]] for mark in places(passage, start, start + len(part))]


def test_a_part_of_the_text_is_marked_at_its_place() -> None:
    assert _marked(_passage([(0, 28)]), "Blue pl um here.") == ["Blue pl um here."]


def test_blanks_left_out_of_the_text_stay_inside_one_mark() -> None:
    passage = _passage([(0, 6), (7, 19), (20, 28)])
    assert passage.text == "Red apple. Blue plum here."
    assert _marked(passage, "Blue plum here.") == ["Blue pl um here."]


def test_a_caption_inside_a_sentence_splits_the_mark() -> None:
    assert _marked(_passage([(12, 22), (35, 46)]), "Blue pl umGreen tail.") == ["Blue pl um", "Green tail."]


def test_a_dateline_is_not_part_of_the_marked_sentence() -> None:
    text = "本报讯（记者 张三）昨日下雨。"
    record = _record("昨日下雨吗？", _passage([(0, len(text))], text=text), {"下雨": 1.0})
    [shown] = record["passages"]
    [mark] = shown["highlights"]
    assert text[mark["start"] : mark["end"]] == "昨日下雨。"
    assert shown["text"] == text
    assert shown["marks"] == [mark]  # nothing is left out of this text, so both count alike


@pytest.mark.parametrize(
    "question",
    ["仓库里有多少只口罩？", "倉庫裡有多少隻口罩？", "How many masks are there?", "マスクはいくつありますか？"],
)
def test_an_answer_is_printed_text_at_the_place_that_the_record_names(question: str) -> None:
    text = "昨日清点，仓库里有口罩八千只，手套三百副。"
    idf = {"仓库": 2.0, "口罩": 2.0, "多少": 0.5}
    record = _record(question, _passage([(0, len(text))], text=text), idf)
    answer = record["answer"]
    if answer is not None:
        [passage] = record["passages"]
        span = passage["answer_span"]
        assert text[span["start"] : span["end"]] == answer


def test_a_page_that_tells_the_same_is_named_under_the_first() -> None:
    text = "区总工会昨日为三个街道送去口罩两千只和消毒液一百桶。"
    told = _passage([(0, len(text))], text=text, id=1, file="a.txt")
    again = _passage([(0, len(text))], text="另据报道，" + text.replace("两千", "三千"), id=2, file="b.txt")
    other = _passage([(0, len(text))], text="公园里的花开了，游客比往年多，园方延长了开放的时间。", id=3, file="c.txt")
    hits = tuple(Hit(passage.id, 1 / passage.id, passage.id, passage.id, 1.0, 0.5) for passage in (told, again, other))
    found = Retrieved("送去多少口罩？", hits, {"口罩": 1.0}, 1.0, 10)
    passages = {passage.id: passage for passage in (told, again, other)}
    [record] = answer_many([Question("送去多少口罩？")], [found], passages, Compass(), Terms())
    first, second, third = record["passages"]
    assert [(one["rank"], one["source"]["file"]) for one in first["also"]] == [(2, "b.txt")]
    assert "also" not in second
    assert "also" not in third


@pytest.mark.parametrize("rank", range(1, 8))
def test_the_first_five_passages_are_read_for_an_answer(rank: int) -> None:
    telling, other = "区总工会昨日为三个街道送去口罩两千只。", "公园里的花开了，游客比往年多，园方延长了开放的时间。"
    texts = [telling if number == rank else other for number in range(1, 8)]
    passages = {
        number: _passage([(0, len(text))], text=text, id=number, article_id=number, file=f"{number}.txt")
        for number, text in enumerate(texts, 1)
    }
    hits = tuple(Hit(number, 1 / number, number, number, 1.0, 0.5) for number in passages)
    found = Retrieved("送去多少口罩？", hits, {"口罩": 1.0, "送去": 1.0}, 1.0, 10, {"口罩": 1.0, "送去": 1.0})
    [record] = answer_many([Question("送去多少口罩？")], [found], passages, Compass(), Terms())
    is_found = record["answer"] is not None and "两千只" in record["answer"]
    assert is_found == (rank <= 5)
    assert record["passages"][0]["source"]["file"] == (f"{rank}.txt" if is_found else "1.txt")


def test_words_that_occur_nowhere_are_named_when_nothing_is_found() -> None:
    everywhere, nowhere = 0.5, math.log(1 + 10.5 / 0.5)
    found = Retrieved("月亮上的口罩", (), {"月亮": nowhere, "口罩": everywhere, "月": nowhere}, 0.3, 10)
    [record] = answer_many([Question("月亮上的口罩")], [found], {}, Compass(), Terms())
    assert record["missing_terms"] == ["月亮"]


def test_words_that_occur_nowhere_are_named_as_they_were_asked() -> None:
    nowhere = math.log(1 + 10.5 / 0.5)
    question = "ＩＰＨＯＮＥ上的蘋果"
    found = Retrieved(question, (), {"iphone": nowhere, "苹果": nowhere}, 0.3, 10)
    [record] = answer_many([Question(question)], [found], {}, Compass(), Terms())
    assert record["missing_terms"] == ["ＩＰＨＯＮＥ", "蘋果"]


def test_a_question_without_hits_is_not_found() -> None:
    [record] = answer_many([Question("x")], [Retrieved("x", (), {}, 0.0, 0)], {}, Compass(), Terms())
    assert (record["status"], record["answer"], record["passages"]) == ("not_found", None, [])
    assert record["confidence"] == 0.0


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


def test_who_wrote_an_article_did_not_take_its_pictures(seeds_bot: Bot) -> None:
    """Its byline names a writer alone (通讯员 马振涛); where it names who did both, that one is told."""
    assert "马振涛" not in str(seeds_bot.ask("公交读书会的照片是谁拍的？")["answer"])
    assert "边磊" in str(seeds_bot.ask("医疗保障组那张照片是谁拍的？")["answer"])
