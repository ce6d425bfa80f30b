"""Chinese names in Latin letters: which words count as such, and how they are spelt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.text.pinyin import MOST_SPELLINGS, names, spelt


@pytest.mark.parametrize(
    ("question", "word", "spelling"),
    [
        ("How many people live in Mentougou?", "mentougou", "|men|tou|gou|"),
        ("When was Guangbei founded?", "guangbei", "|guang|bei|"),
        ("xicheng区在哪里？", "xicheng", "|xi|cheng|"),
        ("Is Ｂｅｉｊｉｎｇ large?", "beijing", "|bei|jing|"),
        ("What did Li Tong eat?", "tong", "|li|tong|"),
        ("Bian Lei wrote it.", "bian", "|bian|lei|"),
        ("请问Li Tong是谁？", "li", "|li|tong|"),
    ],
)
def test_a_name_is_cut_into_syllables(question: str, word: str, spelling: str) -> None:
    assert spelling in names(question)[word]


@pytest.mark.parametrize(
    "question",
    [
        "women in the union",  # wo|men, but without a capital
        "Women in the union",  # the capital only begins the question
        "What does NATO do?",
        "Where is Australia?",
        "Is it He Li who won?",  # four letters are too few
        "Who met Minister Han?",
        "Who is Han?",  # one syllable says too little
        "多少人？",
    ],
)
def test_other_words_are_no_names(question: str) -> None:
    assert names(question) == {}


def test_a_name_has_few_spellings() -> None:
    found = names("What did Xianxianxianxian Xianxianxianxianxi do?")
    assert found
    assert max(map(len, found.values())) <= MOST_SPELLINGS


def test_a_chinese_word_is_spelt_as_it_is_read() -> None:
    assert spelt("门头沟") == "men|tou|gou"
    assert spelt("重庆") == "chong|qing"
    assert spelt("union") == "union"


@given(st.text(alphabet="aeiounghzbdj", min_size=31, max_size=60))
def test_long_words_take_no_time(word: str) -> None:
    assert names(f"Is it {word.capitalize()}?") == {}
