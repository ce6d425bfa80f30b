"""Every regular expression of the packages takes time in proportion to the text, whatever the text."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from qa.articles import cues
from torture.patterns import patterns, slowest
from torture.scale import LONG

LENGTH = 100_000 if LONG else 20_000
MOST_S = 1.0 if LONG else 0.2
"""Of computing: a linear pattern takes some milliseconds at that length, a quadratic one seconds or minutes."""

BOUNDED = {
    cues._BYLINE: 60,  # is_byline
}
"""Patterns that take longer, and the characters that no text exceeds that they are tried on."""


def test_no_pattern_is_slow_on_any_text(record_property: Callable[[str, object], None]) -> None:
    found = [pattern for pattern in patterns().values() if isinstance(pattern.pattern, str)]
    assert len(found) > 200
    slow = {}
    for pattern in found:
        took, text = slowest(pattern, BOUNDED.get(pattern, LENGTH), MOST_S)
        if took > MOST_S:
            slow[pattern.pattern] = f"{took:.2f} s for {text}"
    assert slow == {}
    record_property("patterns", len(found))


@pytest.mark.parametrize("text", [r"\s*\n", r"\[[^\]]*\]\([^)]*\)", r"<!--.*?-->"])
def test_a_slow_pattern_is_found(text: str) -> None:
    took, _ = slowest(re.compile(text), LENGTH, MOST_S)
    assert took > MOST_S
