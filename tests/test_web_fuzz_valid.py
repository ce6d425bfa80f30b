"""3,300 random requests that the document allows: no 5xx, nothing undocumented (API-022). See tests/web_fuzz.py."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

from collections.abc import Callable

import pytest
from schemathesis import GenerationMode
from starlette.types import ASGIApp
from web_fuzz import answered_as_documented, small_app


@pytest.mark.parametrize(
    ("examples", "at_least"),
    [(137, 3_300), pytest.param(1_380, 33_000, marks=[pytest.mark.slow, pytest.mark.timeout(3_600)])],
)
def test_valid_requests_are_answered_as_the_document_says(
    small_app: ASGIApp, examples: int, at_least: int, record_property: Callable[[str, object], None]
) -> None:
    answered = answered_as_documented(small_app, GenerationMode.POSITIVE, examples)
    record_property("requests", answered.total())
    record_property("of them answered with 5xx", sum(n for (_, status), n in answered.items() if status >= 500))
    assert answered.total() >= at_least, answered
    for operation in ("post /v1/chat/completions", "post /api/ask", "post /api/articles", "get /api/articles"):
        sent = {status: count for (name, status), count in answered.items() if name == operation}
        assert sum(sent.values()) == examples, operation  # none of them is described so that nothing can be made up
        assert 200 in sent or 202 in sent, (operation, sent)
