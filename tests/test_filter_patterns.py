"""Filters one by one: what each part takes up to its bounds, what is said of anything else, what a pattern fits."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from qa.errors import WenbaoError
from qa.filters import LARGEST_ID, MOST_NAMES, NAME_CHARS, Filters, days

NAME = "expected a name of 1 to 1024 characters"
CONTROL = "a file name holds no control characters and no halves of characters"
ID = "expected an article's id, a whole number from 1 to 9007199254740991"
TEXT = "expected a day as text, like 2020-03-08"


def refusal(given: object, field: str = "filters") -> tuple[str, str, str | None, int]:
    with pytest.raises(WenbaoError) as caught:
        Filters.read(given, field)
    error = caught.value
    return error.code, error.message, error.field, error.http_status


@pytest.mark.parametrize(
    ("given", "field", "reason"),
    [
        (["a"], "filters", "expected an object with files, articles, since, until"),
        (0, "filters", "expected an object with files, articles, since, until"),
        ({"file": []}, "filters.file", "there is no such filter; known: files, articles, since, until"),
        ({5: []}, "filters.5", "there is no such filter; known: files, articles, since, until"),
        # What is repeated of a stranger's word is short and can be written.
        ({"k" * 61: 1}, f"filters.{'k' * 60}", "there is no such filter; known: files, articles, since, until"),
        ({"\ud800x": 1}, "filters.?x", "there is no such filter; known: files, articles, since, until"),
        ({"files": "a"}, "filters.files", "expected a list of file names"),
        ({"files": ["a", 5]}, "filters.files.1", NAME),
        ({"files": [""]}, "filters.files.0", NAME),
        ({"files": ["a" * 1025]}, "filters.files.0", NAME),
        ({"files": ["a", "b", "\x1f"]}, "filters.files.2", CONTROL),
        ({"files": ["a\n"]}, "filters.files.0", CONTROL),
        ({"files": ["\ud800"]}, "filters.files.0", CONTROL),
        ({"files": ["a\udfff"]}, "filters.files.0", CONTROL),
        (
            {"files": ["a"] * 201},
            "filters.files",
            "201 file names are given, at most 200 are taken; name folders instead",
        ),
        ({"articles": "1"}, "filters.articles", "expected a list of article ids"),
        ({"articles": [1, 0]}, "filters.articles.1", ID),
        ({"articles": [2**53]}, "filters.articles.0", ID),
        ({"articles": [True]}, "filters.articles.0", ID),
        ({"articles": ["1"]}, "filters.articles.0", ID),
        (
            {"articles": [1] * 201},
            "filters.articles",
            "201 article ids are given, at most 200 are taken; name folders instead",
        ),
        ({"since": 2020}, "filters.since", TEXT),
        ({"until": ["2020"]}, "filters.until", TEXT),
        ({"since": "x"}, "filters.since", "'x' is no day; write one like 2020-03-08, or a month or year"),
        (
            {"until": "2" * 61},
            "filters.until",
            f"'{'2' * 60}' is no day; write one like 2020-03-08, or a month or year",
        ),
        ({"until": "\udc80"}, "filters.until", "'?' is no day; write one like 2020-03-08, or a month or year"),
        ({"since": "2021", "until": "2020-02"}, "filters.since", "2021-01-01 is later than until, 2020-02-29"),
    ],
)
def test_what_is_no_filter_is_told_word_for_word(given: object, field: str, reason: str) -> None:
    assert refusal(given) == ("FILTER_INVALID", f"{field}: {reason}.", field, 422)


def test_the_field_is_that_by_which_the_filter_was_given() -> None:
    assert refusal({"since": 1}, "body.filters") == (
        "FILTER_INVALID",
        f"body.filters.since: {TEXT}.",
        "body.filters.since",
        422,
    )


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"files": ["a" * NAME_CHARS]}, Filters(files=("a" * 1024,))),
        ({"files": ["a b", "\ud7ff\ue000"]}, Filters(files=("a b", "\ud7ff\ue000"))),
        ({"files": ("b", "a", "b")}, Filters(files=("b", "a"))),
        ({"files": ["Cafe\u0301", "Caf\u00e9"]}, Filters(files=("Caf\u00e9",))),
        ({"articles": [2, 1, 2, LARGEST_ID]}, Filters(articles=(2, 1, 2**53 - 1))),
        ({"articles": (1,), "files": []}, Filters(articles=(1,))),
        ({"since": "2020", "until": "2020"}, Filters(since=date(2020, 1, 1), until=date(2020, 12, 31))),
        ({"since": "2020-02", "until": "2020-02"}, Filters(since=date(2020, 2, 1), until=date(2020, 2, 29))),
        ({"since": "2020-03-08", "until": "2020-03-08"}, Filters(since=date(2020, 3, 8), until=date(2020, 3, 8))),
        ({"until": "2021-02"}, Filters(until=date(2021, 2, 28))),
    ],
)
def test_a_filter_is_read_up_to_its_bounds(given: object, read: Filters) -> None:
    assert Filters.read(given) == read


def test_as_many_names_are_taken_as_the_list_may_have() -> None:
    names = [f"{number}.txt" for number in range(MOST_NAMES)]
    ids = list(range(1, MOST_NAMES + 1))
    assert Filters.read({"files": names, "articles": ids}) == Filters(tuple(names), tuple(ids))
    assert (len(names), len(ids)) == (200, 200)


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        (Filters(), {}),
        (Filters(files=("a", "b/")), {"files": ["a", "b/"]}),
        (Filters(articles=(3, 1)), {"articles": [3, 1]}),
        (Filters(since=date(2020, 3, 8)), {"since": "2020-03-08"}),
        (Filters(until=date(900, 3, 8)), {"until": "0900-03-08"}),
        (Filters(("a",), (1,), date(2020, 1, 1), date(2020, 2, 2), Filters(files=("secret",))),
         {"files": ["a"], "articles": [1], "since": "2020-01-01", "until": "2020-02-02"}),
    ],
)  # fmt: skip
def test_filters_are_told_without_what_is_not_given_nor_the_limit(filters: Filters, told: dict[str, Any]) -> None:
    assert filters.json() == told
    assert bool(filters) is bool(told)


@pytest.mark.parametrize(
    ("when", "first", "last"),
    [
        ("2020", date(2020, 1, 1), date(2020, 12, 31)),
        ("2020-02", date(2020, 2, 1), date(2020, 2, 29)),
        ("2020-12", date(2020, 12, 1), date(2020, 12, 31)),
        ("2020-03-08", date(2020, 3, 8), date(2020, 3, 8)),
        ("0001", date(1, 1, 1), date(1, 12, 31)),
        ("9999-12-31", date(9999, 12, 31), date(9999, 12, 31)),
    ],
)
def test_a_date_may_mean_these_days(when: str, first: date, last: date) -> None:
    assert days(when) == (first, last)


@pytest.mark.parametrize(
    "when", ["", "20", "2020-", "2020-3", "2020-03-8", "2020-03-08T", "20200308", "2020/03", " 2020"]
)
def test_what_has_not_the_form_of_a_date_is_told(when: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(repr(when))} is no date like 2020-03-08, 2020-03 or 2020$"):
        days(when)


PATTERNS = [
    ("*", "a", True),
    ("?", "a", True),
    ("?", "", False),
    ("[ab]", "b", True),
    ("*?[ab]", "xyb", True),
    ("[!ab]", "b", False),
    # The marks make a pattern; without any a name is taken as it stands.
    ("X", "x", False),
    ("x", "xx", False),
    ("a.c", "abc", False),
    # Many stars are one.
    ("a**b", "ab", True),
    ("***/**x", "1/2x", True),
    ("a*" * 40 + "b", "a" * 60, False),
    # A folder holds what is beneath it, not itself, nor what only begins alike.
    ("b/", "b/", True),
    ("b/", "b", False),
    ("b/", "bc/d", False),
    ("b", "b/d", False),
    ("b*/", "bc/d", False),
    ("b*/", "bc/", True),
    ("Cafe\u0301/", "Caf\u00e9/1", True),
    ("Caf\u00e9*", "Cafe\u0301s", True),
]


@pytest.mark.parametrize(("pattern", "file", "fits"), PATTERNS)
def test_a_pattern_fits_a_file(pattern: str, file: str, fits: bool) -> None:
    filters = Filters.read({"files": [pattern]})
    assert filters.allows(file, 1, None) is fits
    assert Filters(files=("no", *filters.files)).allows(file, 1, None) is fits


ASKED = Filters(files=("a*",))
LIMIT = Filters(articles=(1, 2), since=date(2020, 1, 1))


def test_a_limit_is_asked_after_file_article_and_day() -> None:
    both = ASKED.within(LIMIT)
    assert both == Filters(files=("a*",), limit=LIMIT)
    assert both.allows("a", 1, "2020-03-08")
    assert not both.allows("b", 1, "2020-03-08")
    assert not both.allows("a", 3, "2020-03-08")
    assert not both.allows("a", 1, "2019")
    assert not both.allows("a", 1, None)
    assert not Filters().within(ASKED).allows("b", 1, None)
    assert Filters().within(ASKED).allows("a", 1, None)


def test_a_limit_within_a_limit_keeps_both_and_one_that_is_none_or_known_adds_nothing() -> None:
    files = Filters(files=("a", "ab"))
    assert ASKED.within(Filters()) is ASKED
    once = ASKED.within(LIMIT)
    assert once.within(LIMIT) is once
    twice = once.within(files)
    assert twice == Filters(files=("a*",), limit=Filters((), (1, 2), date(2020, 1, 1), limit=files))
    assert twice.allows("ab", 2, "2021")
    assert not twice.allows("abc", 2, "2021")
    assert not twice.allows("ab", 3, "2021")


@pytest.mark.parametrize(
    ("filters", "when", "passes"),
    [
        (Filters(since=date(2020, 3, 8)), "2020-03-07", False),
        (Filters(since=date(2020, 3, 8)), "2020-03-08", True),
        (Filters(until=date(2020, 3, 8)), "2020-03-08", True),
        (Filters(until=date(2020, 3, 8)), "2020-03-09", False),
        (Filters(since=date(2020, 1, 1)), "2020", True),
        (Filters(since=date(2020, 1, 2)), "2020", False),
        (Filters(until=date(2020, 12, 31)), "2020", True),
        (Filters(until=date(2020, 12, 30)), "2020", False),
        (Filters(since=date(2020, 1, 1)), None, False),
        (Filters(until=date(2020, 1, 1)), None, False),
        (Filters(), None, True),
    ],
)
def test_a_day_passes_up_to_both_its_bounds(filters: Filters, when: str | None, passes: bool) -> None:
    assert filters.allows("a", 1, when) is passes
