"""Each bad input of the catalogue beside the repository is tried by a test that bears its number, or is named here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

ELSEWHERE = {
    "QUES-014": ("test_web_limits.py", "test_a_visitor_beyond_the_limit_is_told_when_to_come_again"),
    "QUES-015": ("test_web_api.py", "test_bad_bodies_are_refused"),
    "API-002": ("test_web_api.py", "test_wrong_fields_are_named"),
    "API-004": ("test_web_api.py", "test_bad_bodies_are_refused"),
    "API-008": ("test_web_api.py", "test_an_odd_or_absent_article_is_not_found"),
    "API-012": ("test_web_api.py", "test_another_host_is_refused"),
    "CONF-003": ("test_config.py", "test_a_port_out_of_range_is_refused_with_what_is_allowed"),
    "MODE-012": ("test_embedders.py", "test_a_gpu_out_of_memory_gets_smaller_batches_then_the_cpu_and_no_row_is_lost"),
    "LLM-002": ("test_generate_faults.py", "test_whatever_the_server_does_the_answer_stands"),
}
"""Tests that are named for what they show, and try the catalogue's input among others."""

OUTSIDE: dict[str, str] = {}
"""What isn't kept yet, with the reason; docs/promises.md counts them."""


def catalogue(shared: Path) -> list[str]:
    lines = (shared / "bad_inputs.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["id"] for line in lines]


def named() -> set[str]:
    """Every number that stands in a test's name or parameters: ``ARTI-005``, ``test_batc_019_and_020_…``."""
    found: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        if path == Path(__file__):
            continue
        source = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"\b[A-Z]{3,4}-\d{3}\b", source))
        for kind, numbers in re.findall(r"def test_([a-z]{3,4})((?:_(?:and_|to_)?\d{3})+)_", source):
            found |= {f"{kind.upper()}-{number}" for number in re.findall(r"\d{3}", numbers)}
    return found


def test_every_bad_input_of_the_catalogue_has_its_test(
    shared: Path, record_property: Callable[[str, object], None]
) -> None:
    wanted = catalogue(shared)
    assert len(set(wanted)) == len(wanted) >= 144
    tried = named() | ELSEWHERE.keys()
    missing = [one for one in wanted if one not in tried and one not in OUTSIDE]
    assert missing == []
    stale = [one for one in OUTSIDE if one in tried or one not in wanted]
    assert stale == [], "these have tests now"
    record_property("bad inputs", len(wanted))
    record_property("bad inputs with a test", len(wanted) - len(OUTSIDE))


@pytest.mark.parametrize("number", ELSEWHERE)
def test_a_test_that_is_named_here_is_there(number: str) -> None:
    file, test = ELSEWHERE[number]
    assert f"\ndef {test}(" in (TESTS / file).read_text(encoding="utf-8")
