"""Every regular expression of the packages takes time in proportion to the text, whatever the text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from torture.patterns import patterns, slowest
from torture.scale import LONG

LENGTH = 100_000 if LONG else 10_000
MOST_S = 1.0 if LONG else 0.2
"""Of computing: a linear pattern takes some milliseconds at that length, a quadratic one seconds or minutes."""

BOUNDED: dict[tuple[str, str], str] = {}


@pytest.mark.slow
@pytest.mark.xfail(reason="18 patterns take quadratic time; their texts aren't all bounded yet", strict=True)
def test_no_pattern_is_slow_on_any_text(record_property: Callable[[str, object], None]) -> None:
    found = patterns()
    assert len(found) > 60
    slow = {}
    for key, pattern in found.items():
        if key not in BOUNDED and isinstance(pattern.pattern, str):
            took, pump = slowest(pattern, LENGTH, MOST_S)
            if took > MOST_S:
                slow[key] = f"{took:.2f} s for {pump}"
    assert slow == {}
    record_property("patterns", len(found))
