"""Each call that changes the disk fails once, or kills: nothing acknowledged is lost, nothing is left half done.

SQLite's own tests go through its calls so; these go through ours: indexing, deleting, migrating, a batch, a backup,
with strace's fault injection.
"""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from torture.breaking import CODES, Breaker, breaker, fresh
from torture.operations import OPERATIONS
from torture.scale import LONG, sample

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: `make strace`")

POINTS = 3
"""Of each operation and fault in the short form."""


@pytest.fixture(scope="module")
def children() -> Iterator[Breaker]:
    with breaker() as found:
        yield found


@pytest.mark.parametrize("fault", ["KILL", "ENOSPC", "EIO"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_fault_at_every_call_loses_nothing(
    children: Breaker, tmp_path: Path, name: str, fault: str, record_property: Callable[[str, object], None]
) -> None:
    operation = OPERATIONS[name]
    template, folder = tmp_path / "template", tmp_path / "folder"
    operation.make(template)
    counts = children.count(operation, fresh(template, folder))
    points = [(call, number) for call, most in counts.items() for number in range(1, most + 1)]
    assert len(points) > 5
    tried = [points[number - 1] for number in sample(len(points), POINTS)]
    hit = 0
    violations = []
    for call, number in tried:
        ending = children.inject(operation, fresh(template, folder), call, number, fault)
        hit += ending.injected
        try:
            assert ending.traceback is None
            assert ending.code is None or ending.code in CODES
            operation.prove(folder, ending.acknowledged)
        except Exception:  # noqa: BLE001 (all are told together)
            violations.append(f"{fault} at {call} {number}: {ending}\n{traceback.format_exc(limit=-3)}")
    assert not violations, f"{len(violations)} of {len(tried)}:\n" + "\n".join(violations)
    # The threads' timing moves a few calls; nearly all points must have been met.
    assert hit >= 0.9 * len(tried)
    record_property("faults", hit)
    record_property("points counted", len(points))
    if not LONG:
        record_property("sampled", len(tried))
