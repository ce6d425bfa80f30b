"""Terms as numbers: the same whether a text is cut alone or many are cut at once, and no two short terms share one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qa import postings
from qa.text import Terms
from qa.text.keys import LONGER, NUMBERED, OWNER_BITS, Held, Numbers, held, term_key

SEEDS = Path(__file__).parents[1] / "seeds"
TERMS = Terms()


def counted(cut: Held) -> dict[int, Counter[int]]:
    """How often each owner holds each key."""
    found: dict[int, Counter[int]] = {}
    for stood in cut.stood.tolist():
        number, owner = divmod(stood, 1 << OWNER_BITS)
        key = number if number < NUMBERED else int(cut.longer[number - NUMBERED])
        found.setdefault(owner, Counter())[key] += 1
    return found


def expected(terms: Terms, texts: list[str], owners: list[int]) -> dict[int, Counter[int]]:
    """The same from each text's own terms."""
    found: dict[int, Counter[int]] = {}
    for text, owner in zip(texts, owners, strict=True):
        for term in terms.passage(text):
            found.setdefault(owner, Counter())[term_key(term)] += 1
    return found


CHARACTERS = st.one_of(st.sampled_from("景山街道總工會畫著八千.,8万余个A\u0301é\u200b\nカー "), st.characters())
TEXTS = st.lists(st.text(CHARACTERS, max_size=30), max_size=6)


@given(TEXTS)
@example(["总工会8", "000个", "1.", "5万", "三", "余人", "e", "\u0301a", "总", "工会", "", "\n"])
@example(["國畫著作 畫著", "8,000個。八千个", "COVID-19 ｶﾞ㎏ 〇一"])
def test_texts_cut_at_once_have_the_terms_that_each_has_alone(texts: list[str]) -> None:
    owners = [number // 2 for number in range(len(texts))]
    assert counted(TERMS.held(texts, owners)) == expected(TERMS, texts, owners)


def real_lines() -> Iterator[str]:
    for page in sorted(SEEDS.glob("*.txt")):
        yield from page.read_text(encoding="utf-8").splitlines()


def test_real_lines_cut_at_once_have_the_terms_that_each_has_alone() -> None:
    lines = list(real_lines())
    owners = [number % 100 for number in range(len(lines))]
    found = counted(TERMS.held(lines, owners))
    assert len(found) > 50
    assert found == expected(TERMS, lines, owners)


def test_the_owners_dictionary_counts_there_too(tmp_path: Path) -> None:
    (tmp_path / "dictionary.txt").write_text("景山街道总\n", encoding="utf-8")
    own, texts = Terms.from_folder(tmp_path), ["景山街道总工会 COVID", "景山街道总"]
    assert counted(own.held(texts, [0, 1])) == expected(own, texts, [0, 1])
    assert term_key("景山街道总") in counted(own.held(texts, [0, 1]))[0]


@pytest.mark.parametrize(
    ("term", "key"),
    [
        ("a", 97),
        ("工", 0x5DE5),
        ("\0", 0),
        ("工会", 0x5DE5 + (0x4F1A + 1) * 2**21),
        ("a\0", 97 + 2**21),
        # BLAKE2b with 8 bytes, read from the lowest, the highest bit set: by b2sum -l 64
        ("总工会", 0x89D4B1EC61EBF5E1),
    ],
)
def test_keys_by_hand(term: str, key: int) -> None:
    assert term_key(term) == key


@given(st.text(max_size=3), st.text(max_size=3))
def test_no_two_terms_share_a_key(one: str, other: str) -> None:
    """Longer ones might, at odds of 1 to 2⁶³."""
    assert (term_key(one) == term_key(other)) == (one == other)
    assert (term_key(one) >= LONGER) == (len(one) not in {1, 2})


def test_longer_terms_that_meet_count_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.text.keys.term_key", lambda term: LONGER + len(term))
    documents = [(7, ["abc", "xyz", "abcd"]), (3, ["xyz"])]
    found = postings.block(documents)
    assert found.terms.tolist() == [LONGER + 3, LONGER + 4]
    assert found.starts.tolist() == [0, 2, 3]
    assert found.places.tolist() == [0, 1, 0]
    assert found.counts.tolist() == [2, 1, 1]
    assert found.lengths.tolist() == [3, 1]


def test_what_is_counted_is_what_was_held() -> None:
    """Passages without terms have their place; a term that stands too often counts as often as can be written."""
    numbered = Numbers()
    terms = [numbered[term] for term in ["工会", *["长城长"] * 300, "工", "abcdef"]]
    owners = [2, *[0] * 300, 2, 2]
    cut = held([(np.array(terms, np.uint64), np.array(owners, np.uint64))], numbered.longer())
    found = postings.counted([10, 11, 12], cut)
    assert found.ids.tolist() == [10, 11, 12]
    assert found.lengths.tolist() == [300, 0, 3]
    expected_terms = {"工": [(2, 1)], "工会": [(2, 1)], "长城长": [(0, 255)], "abcdef": [(2, 1)]}
    assert found.terms.tolist() == sorted(map(term_key, expected_terms))
    for term, places in expected_terms.items():
        there, counts = found.of(term_key(term))
        assert list(zip(there.tolist(), counts.tolist(), strict=True)) == places
