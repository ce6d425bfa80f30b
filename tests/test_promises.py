"""docs/promises.md says what docs/promises.json holds, and nothing else."""

from __future__ import annotations

import json

from torture.figures import PLACE
from torture.promises import OF_TESTS, PAGE, PROMISES, ROOT, files, page


def test_the_page_is_what_the_figures_make() -> None:
    measured = json.loads(PLACE.read_text(encoding="utf-8"))
    assert PAGE.read_text(encoding="utf-8") == page(measured)
    assert set(measured) <= set(files())


def test_every_promise_has_tests_that_are_there() -> None:
    assert len(PROMISES) == 6
    assert all((ROOT / test).is_file() for test in files())


def test_a_failure_and_what_never_ran_are_told() -> None:
    figures = {"kills": 1200, "seconds, max": 2.5}
    entry = {"date": "2026-01-02", "form": "long, TORTURE=3", "seed": 7, "figures": figures, "skipped": 0}
    told = page({"tests/torture/test_kill_loop.py": {**entry, "passed": 1, "failed": 2}})
    assert (
        "| 2026-01-02 | **FAIL** (1 passed, 2 failed) | long, TORTURE=3, 7 | kills: 1,200; seconds, max: 2.5 |" in told
    )
    others = [test for tests in (*PROMISES.values(), OF_TESTS) for test in tests]
    assert told.count("not counted yet") == len(others) - 1
    assert "\nTORTURE=3 TORTURE_SEED=7 " in told
