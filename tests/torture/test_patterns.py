"""Every regular expression of the packages takes time in proportion to the text, whatever the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from re import _parser as sre  # type: ignore[attr-defined, unused-ignore]  # no stubs; its public name is deprecated
from typing import Any

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
    took, _ = slowest(re.compile(text), 3 * LENGTH, MOST_S)  # nine times as slow: machines differ
    assert took > MOST_S


def test_no_pattern_of_re_has_a_possessive_group() -> None:
    """Before Python 3.11.5, and Debian 12 has 3.11.2, re matches such a group wrongly where its parts can differ."""

    def groups(items: Any) -> Iterator[Any]:
        for name, value in items:
            if name in {sre.POSSESSIVE_REPEAT, sre.ATOMIC_GROUP}:
                yield from ([value] if name is sre.ATOMIC_GROUP else [value[2]])
            for part in value if isinstance(value, tuple | list) else ():
                for each in part if isinstance(part, list) else [part]:
                    if isinstance(each, sre.SubPattern):
                        yield from groups(each)

    wrong = [
        pattern.pattern
        for pattern in patterns().values()
        if isinstance(pattern, re.Pattern) and isinstance(pattern.pattern, str)
        for group in groups(sre.parse(pattern.pattern, pattern.flags))
        if len(group) > 1 or group[0][0] not in {sre.IN, sre.LITERAL, sre.NOT_LITERAL, sre.ANY}
    ]
    assert wrong == []
    assert list(groups(sre.parse("x(?:ab|c)*+(?>d|e)")))
