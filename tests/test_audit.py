"""The code has no hole that bandit knows and nobody argued, and an argument is for what is there."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path

import audit


def test_every_finding_in_the_code_is_mended_or_argued() -> None:
    argued = Counter({key: times for key, times in audit.argued().items() if key[1] != audit.PACKAGES})
    assert audit.unsettled(audit.holes_in_code(), argued) == []


def test_a_hole_is_found_and_a_stale_argument_too(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import pickle\npickle.loads(b'')\nimport pickle as again\n", encoding="utf-8")
    found = audit.holes_in_code(str(bad))
    assert found == {("B403", str(bad)): 2, ("B301", str(bad)): 1}
    argued = Counter({("B403", str(bad)): 1, ("B301", str(bad)): 1, ("B999", "gone.py"): 1})
    assert audit.unsettled(found, argued) == [
        f"B403 in {bad}, 1 more than argued",
        "B999 in gone.py: argued, but no longer found",
    ]


def test_arguments_have_a_reason_and_a_date() -> None:
    for line in json.loads(audit.ARGUED.read_text(encoding="utf-8")):
        assert date.fromisoformat(line["date"]).year >= 2026
        assert len(line["reason"]) > 10
        assert line["times"] >= 1
