"""What the tests of the promises measured, kept in docs/promises.json: a pytest plugin, `-p torture.figures`.

A test tells its figures by pytest's own ``record_property``; numbers of one file of tests are added up, of names that
end in ``max`` the largest is kept. Scripts that are no tests call `keep`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from torture.scale import LONG, SCALE, SEED

PLACE = Path(__file__).parents[2] / "docs" / "promises.json"

_met: dict[str, dict[str, Any]] = {}


def kept() -> dict[str, dict[str, Any]]:
    """The figures in the file, by the path of what measured them."""
    found: dict[str, dict[str, Any]] = json.loads(PLACE.read_text(encoding="utf-8")) if PLACE.exists() else {}
    return found


def keep(measured: Mapping[str, Mapping[str, Any]]) -> None:
    """Puts figures by the path of what measured them into the file, in place of earlier ones."""
    text = json.dumps(kept() | dict(measured), ensure_ascii=False, indent=1, sort_keys=True)
    PLACE.write_text(f"{text}\n", encoding="utf-8", newline="\n")


def entry(**figures: float | str) -> dict[str, Any]:
    """Figures with what they were measured by: today's date, the form and the seed."""
    form = f"long, TORTURE={SCALE}" if LONG else "short"
    return {"date": time.strftime("%Y-%m-%d"), "form": form, "seed": SEED, "figures": figures}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Counts one outcome of a test: its call's, or its set-up's where that didn't pass."""
    if report.when != "call" and report.outcome == "passed":
        return
    file = report.nodeid.partition("::")[0]
    met = _met.setdefault(file, entry() | {"passed": 0, "failed": 0, "skipped": 0})
    met[report.outcome] += 1
    for name, value in report.user_properties:
        figures = met["figures"]
        if name.endswith("max"):
            figures[name] = max(figures.get(name, 0), value)
        elif isinstance(value, int | float):
            figures[name] = figures.get(name, 0) + value
        else:
            figures[name] = value


def pytest_sessionfinish() -> None:
    """Keeps what was met; files of which nothing ran keep their earlier figures."""
    keep({file: met for file, met in _met.items() if met["passed"] or met["failed"]})
