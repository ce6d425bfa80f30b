"""What the reader learns from is read as its sets have it, and points at the right tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.reader_data import Example, Maker, read_cmrc2017, read_squad
from qa.answer.reader import tokenised

CONTEXT = "1990年，范廷颂任主教。他在河内教书，写了三本书。"


def squad(*texts: str, question: str = "谁在1990年任主教？", answer: str = "范廷颂") -> list[dict[str, Any]]:
    """Articles of one paragraph each."""
    return [
        {
            "paragraphs": [
                {
                    "context": text,
                    "qas": [{"question": question, "answers": [{"text": answer, "answer_start": text.find(answer)}]}],
                }
            ]
        }
        for text in texts
    ]


def answer(example: Example, text: str) -> str:
    """What the example points at, by the tokens of the folded text."""
    [(first, last)] = example.answers
    spans = tokenised().of(text).spans
    return text[spans[first][0] : spans[last][1]]


def texts_of(example: Example) -> tuple[Sequence[int], Sequence[int]]:
    return list(example.text), list(example.other)


def test_an_answer_is_where_the_set_says() -> None:
    twice = f"范廷颂生于1919年。{CONTEXT}"
    articles = squad(twice)
    articles[0]["paragraphs"][0]["qas"][0]["answers"][0]["answer_start"] = twice.rindex("范廷颂")
    [example] = Maker().squad("cmrc2018", articles)
    folded = twice.replace("，", ",")
    assert answer(example, folded) == "范廷颂"
    [(first, _)] = example.answers
    assert tokenised().of(folded).spans[first][0] == folded.rindex("范廷颂")


def test_articles_of_one_paragraph_stand_beside_each_other_unless_they_answer_too() -> None:
    other = "河内是越南的首都。"
    articles = [*squad(CONTEXT), *squad(other, question="越南的首都是哪里？", answer="河内")]
    one, two = Maker().squad("cmrc2018", articles)
    assert texts_of(one)[1] == texts_of(two)[0]
    assert texts_of(two)[1] == []  # the first text holds 河内 too


def test_an_answer_that_the_text_does_not_hold_makes_no_example() -> None:
    assert list(Maker().squad("cmrc2018", squad(CONTEXT, answer="巴黎"))) == []


def test_a_long_text_is_cut_around_its_answer() -> None:
    filler = "这里写的是别的事情。" * 200
    long = f"{filler}{CONTEXT}{filler}"
    [example] = Maker().squad("cmrc2018", squad(long))
    [(first, last)] = example.answers
    assert len(example.text) == 320
    ids = tokenised().of("范廷颂").ids.tolist()
    assert list(example.text)[first : last + 1] == ids


def test_the_text_beside_is_cut_where_it_is_long() -> None:
    articles = [*squad(CONTEXT), *squad("别的事情很多。" * 400, question="多少？", answer="很多")]
    example = next(iter(Maker().squad("cmrc2018", articles)))
    assert len(example.other) == 320


def test_follow_ups_stand_behind_the_question_before_of_the_same_text() -> None:
    [article] = squad(CONTEXT)
    article["paragraphs"][0]["qas"].append(
        {"question": "主教在哪里教书？", "answers": [{"text": "河内", "answer_start": CONTEXT.find("河内")}]}
    )
    found = list(Maker().follow_ups([article, *squad(CONTEXT[:11])]))
    assert [example.source for example in found] == ["follow-ups"]
    assert answer(found[0], CONTEXT.replace("，", ",")) == "河内"


def test_a_gloss_has_the_words_behind_the_question_word_first() -> None:
    dictionary = {"写": ["to write"], "书": ["a book"], "范廷颂": ["Pham Dinh Tung (cardinal)"]}
    assert Maker().gloss("范廷颂写了多少书？", dictionary) == "how many book Pham Dinh Tung write?"
    assert Maker().gloss("范廷颂写了多少书？", {"书": ["a book"]}) is None
    assert Maker().gloss("范廷颂写了书", dictionary) is None


def test_cmrc_2017_has_words_with_blanks_between_and_answers_in_a_file_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "validation"
    folder.mkdir()
    (folder / "user.valid.doc_query").write_text(
        "1 ||| 狐狸 很 自大 。\n2 ||| 它 怕 老虎 。\n<qid_0> ||| 狐狸 怕 什么 ？\n"
        "1 ||| 阿凡提 进 了 王宫 。\n<qid_1> ||| 谁 进 了 王宫 ？\n",
        encoding="utf-8",
    )
    (folder / "user.valid.answer").write_text("<qid_0> ||| 老虎\n<qid_1> ||| 阿凡提\n", encoding="utf-8")
    found = [
        (paragraph["context"], row["question"], row["answers"])
        for article in read_cmrc2017(tmp_path)
        for paragraph in article["paragraphs"]
        for row in paragraph["qas"]
    ]
    assert found == [
        ("狐狸很自大。它怕老虎。", "狐狸怕什么？", [{"text": "老虎", "answer_start": 8}]),
        ("阿凡提进了王宫。", "谁进了王宫？", [{"text": "阿凡提", "answer_start": 0}]),
    ]


def test_a_folder_of_files_is_read_in_their_order(tmp_path: Path) -> None:
    for name, text in (("b.json", "二"), ("a.json", "一")):
        (tmp_path / name).write_text(json.dumps({"data": squad(text)}), encoding="utf-8")
    contexts = [article["paragraphs"][0]["context"] for article in read_squad(tmp_path)]
    assert contexts == ["一", "二"]
    assert read_squad(tmp_path / "b.json")[0]["paragraphs"][0]["context"] == "二"
