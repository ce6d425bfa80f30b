"""1,700 random requests that the document forbids: no 5xx, nothing undocumented (API-022). See tests/web_fuzz.py."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

from collections.abc import Callable

import pytest
from schemathesis import GenerationMode
from starlette.types import ASGIApp
from web_fuzz import answered_as_documented, small_app


@pytest.mark.parametrize(
    ("examples", "at_least"),
    [(100, 1_700), pytest.param(1_000, 17_000, marks=[pytest.mark.slow, pytest.mark.timeout(3_600)])],
)
def test_invalid_requests_are_answered_as_the_document_says(
    small_app: ASGIApp, examples: int, at_least: int, record_property: Callable[[str, object], None]
) -> None:
    answered = answered_as_documented(small_app, GenerationMode.NEGATIVE, examples)
    record_property("requests", answered.total())
    record_property("of them answered with 5xx", sum(n for (_, status), n in answered.items() if status >= 500))
    assert answered.total() >= at_least, answered
    refused = sum(count for (_, status), count in answered.items() if 400 <= status < 500)
    assert refused > 0.9 * answered.total()
