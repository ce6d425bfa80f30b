"""The code has no hole that bandit knows and nobody argued, and an argument is for what is there."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path

import audit
import pytest
from packaging.version import Version


def test_every_finding_in_the_code_is_mended_or_argued() -> None:
    assert audit.unsettled(audit.holes_in_code(), audit.argued("bandit")) == []


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
        assert line["tool"] in {"bandit", "advisories", "semgrep"}
        assert line["times"] >= 1


def advisory(folder: Path, name: str, number: str, affected: str, more: str = "") -> None:
    (folder / "vulns" / name).mkdir(parents=True, exist_ok=True)
    text = f"id: {number}\naffected:\n- {affected}\n{more}"
    (folder / "vulns" / name / f"{number}.yaml").write_text(text, encoding="utf-8")


def test_holes_of_packages_are_found_in_a_copy_of_the_advisories(tmp_path: Path) -> None:
    # Two ranges, one listed version, one range that never ends, one that was withdrawn: as OSV's schema has them.
    between = (
        "ranges: [{type: ECOSYSTEM, events: [{introduced: '0'}, {fixed: '1.2'}, {introduced: 2.0rc1}, {fixed: '2.1'}]}]"
    )
    advisory(tmp_path, "one", "PYSEC-1", between)
    advisory(tmp_path, "one", "PYSEC-2", "versions: ['0.3.2d', '1.5.0']")  # one of before PEP 440
    advisory(tmp_path, "two-words", "PYSEC-3", "ranges: [{type: ECOSYSTEM, events: [{introduced: '3'}]}]")
    advisory(tmp_path, "two-words", "PYSEC-4", "versions: ['4']", "withdrawn: '2024-01-01T00:00:00Z'")
    advisory(
        tmp_path,
        "two-words",
        "PYSEC-5",
        "ranges: [{type: ECOSYSTEM, events: [{introduced: '0'}, {last_affected: '4'}]}]",
    )

    def holes(**versions: str) -> list[str]:
        named = {name.replace("_", "-"): version for name, version in versions.items()}
        return sorted(number for number, _ in audit.holes_by(tmp_path, named))

    assert [holes(one=version) for version in ("1.1.9", "1.2", "1.5", "2.0", "2.1", "10")] == [
        ["PYSEC-1"],
        [],
        ["PYSEC-2"],
        ["PYSEC-1"],
        [],
        [],
    ]
    assert [holes(two_words=version) for version in ("2", "4+cpu", "4.0.1")] == [
        ["PYSEC-5"],
        ["PYSEC-3", "PYSEC-5"],
        ["PYSEC-3"],
    ]
    with pytest.raises(RuntimeError, match="vulns"):
        audit.holes_by(tmp_path / "vulns", {})


def test_every_package_has_one_version() -> None:
    assert {"gradio", "faiss-cpu", "jieba", "sentence-transformers"} <= audit.packages().keys()
    assert all(str(Version(version)) == version for version in audit.packages().values())
