"""Folding keeps its offset map exact; sentence borders are where a reader sees them."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
import regex  # type: ignore[import-untyped]  # no stubs among the development tools
from hypothesis import example, given
from hypothesis import strategies as st

from qa.text import fold, fold_text, sentences

CASES = Path(__file__).parent / "text" / "sentences"

# Characters that have made folding hard, beside whatever hypothesis finds by itself.
TRICKY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "景山街道總工會乾著裏后カが ﾞ゛゙ｶ́ ̇\u200b\ufeff\u202e\U000e0041İßŉﷺ①㎏…“”『』‘’`´\t\u3000\n한ㄱㅏᆨ薴"
        ),
    )
)


@pytest.mark.parametrize(
    ("text", "folded", "offsets"),
    [
        ("", "", ()),
        ("ABC", "abc", (0, 1, 2)),
        ("８０００個", "8000个", (0, 1, 2, 3, 4)),
        ("景 山街道", "景山街道", (0, 2, 3, 4)),
        ("首都　工会", "首都工会", (0, 1, 3, 4)),
        ("东 首 门 street 东", "东首门 street 东", (0, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)),
        ("一行\n二行", "一行\n二行", (0, 1, 2, 3, 4)),
        ("战“疫”『線』", '战"疫""线"', (0, 1, 2, 3, 4, 5, 6)),
        ("‘a’", "'a'", (0, 1, 2)),
        ("①㎏…", "1kg...", (0, 1, 1, 2, 2, 2)),
        ("工\u200b会\ufeff", "工会", (0, 2)),
        ("a\U000e0041\u202eb", "ab", (0, 3)),
        ("caf\u0065\u0301s", "cafés", (0, 1, 2, 3, 5)),
        ("ｶﾞス", "ガス", (0, 2)),
        ("Straße", "strasse", (0, 1, 2, 3, 4, 4, 5)),
        ("乾隆乾淨", "干隆干净", (0, 1, 2, 3)),
        ("\ufdfa", "صلى الله عليه وسلم", (0,) * 18),
    ],
)
def test_folding_by_hand(text: str, folded: str, offsets: tuple[int, ...]) -> None:
    result = fold(text)
    assert result.text == folded
    assert result.offsets == offsets


@given(TRICKY)
@example("a\ud800b")
@example("e\u200d\u0301")
@example("か\u200b゛か ﾞ")
@example("ㄱㅏㄱ")
@example("\u0345\u0301α")
def test_offsets_lead_back_and_folding_twice_changes_nothing(text: str) -> None:
    folded = fold(text)
    assert len(folded.offsets) == len(folded.text)
    assert list(folded.offsets) == sorted(folded.offsets)
    assert all(0 <= offset < len(text) for offset in folded.offsets)
    assert fold(folded.text).text == folded.text
    assert fold_text(text) == folded.text


@given(st.text(st.characters(max_codepoint=0x2FF, categories=["L", "N", "P", "Zs"], exclude_characters="`´")))
def test_folding_of_latin_text_is_unicodes_own(text: str) -> None:
    expected = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    expected = expected.replace("«", '"').replace("»", '"').replace("\xad", "")
    assert fold(text).text == expected


@given(TRICKY, TRICKY)
def test_a_line_folds_as_it_does_within_the_text(first: str, second: str) -> None:
    assert fold(f"{first}\n.{second}").text == f"{fold(first).text}\n{fold(f'.{second}').text}"


def test_traditional_text_folds_as_its_simplified_form_does() -> None:
    import opencc

    traditional = "乾隆皇帝後來發現計程車裡面有幹部隻身瞭望乾淨的麵條，著名的鐘樓於週末開放，頭髮與發展。"
    assert fold(opencc.OpenCC("t2s").convert(traditional)).text == fold(traditional).text


def _sentence_cases() -> list[tuple[str, str]]:
    return [
        (f"{file.stem}-{number}", line)
        for file in sorted(CASES.glob("*.txt"))
        for number, line in enumerate(file.read_text(encoding="utf-8").replace("¦\n¦", "¦\r¦").split("\n"), 1)
        if line
    ]


def test_there_are_sentence_cases() -> None:
    assert len(_sentence_cases()) > 30


@pytest.mark.parametrize("case", [line for _, line in _sentence_cases()], ids=[name for name, _ in _sentence_cases()])
def test_sentences_end_where_the_case_says(case: str) -> None:
    text = case.replace("¦", "")
    assert [text[start:end] for start, end in sentences(text)] == [
        part.strip() for part in case.split("¦") if part.strip()
    ]


SENTENCE_TEXT = st.text(st.one_of(st.sampled_from("。！？!?.…“”\"'‘’「」（）()《》，, \n\r字aA1はと"), st.characters()))


@given(SENTENCE_TEXT)
@example("0\na")
@example("字\na")
def test_sentences_tile_the_text(text: str) -> None:
    spans = sentences(text)
    borders = [0, *(border for span in spans for border in span), len(text)]
    assert borders == sorted(borders)
    assert all(text[start:end].strip() == text[start:end] != "" for start, end in spans)
    assert not any(text[start:end].strip() for start, end in zip(borders[::2], borders[1::2], strict=True))
    # Within a sentence, a line breaks off only after a word of a spaced script, and goes on at once.
    word = r"\p{L}\p{N},;'’\---[\p{Han}\p{Hiragana}\p{Katakana}]"
    broken = regex.compile(rf"(?<![{word}])\r\n|(?<![{word}]|\r)\n|\n\s", regex.V1)
    assert not any(broken.search(text[start:end]) for start, end in spans)


@pytest.mark.parametrize("quote", "“‘「『《（([\"'”」）")
def test_an_unbalanced_sign_does_not_run_away(quote: str) -> None:
    text = "开头" + quote + "工会干部走访了社区。" * 200
    assert len(sentences(text)) == 200
