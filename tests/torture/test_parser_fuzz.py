"""Every parser takes any bytes: it reads them or refuses them in its own words, and within two seconds of computing.

The short form mutates real examples; `python -m torture.fuzz` is the long one, by coverage.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from torture.fuzz_targets import EXAMPLES, TARGETS, once
from torture.scale import SCALE

RUNS = 60 * SCALE
LONGEST_S = 2.0
EDITS = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 40), st.binary(max_size=20)), min_size=0, max_size=6)


@st.composite
def mutated(draw: st.DrawFn, name: str) -> bytes:
    """An example with stretches replaced by others, or any bytes."""
    data = draw(st.one_of(st.sampled_from(EXAMPLES[name]), st.binary(max_size=200)))
    for place, length, new in draw(EDITS):
        start = place % (len(data) + 1)
        data = data[:start] + new + data[start + length :]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_read_or_refused(name: str, record_property: Callable[[str, object], None]) -> None:
    runs = 0

    @settings(max_examples=RUNS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(data=mutated(name))
    def run(data: bytes) -> None:
        nonlocal runs
        runs += 1
        began = time.thread_time()
        with warnings.catch_warnings():
            warnings.simplefilter("error", ResourceWarning)
            once(name, data)
        assert time.thread_time() - began < LONGEST_S

    run()
    taken = [once(name, example) for example in EXAMPLES[name]]
    assert any(taken)
    record_property(f"runs of {name}", runs)
