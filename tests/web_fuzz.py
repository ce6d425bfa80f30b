"""Random requests against the whole application, each answer held against the OpenAPI document (API-022).

5,000 in all. The tests are in two files, test_web_fuzz_valid.py and test_web_fuzz_invalid.py, so that two workers share
the work. Most of it is making requests up: one that is valid costs some 18 ms of processor time, one that isn't twice
that, and the answer to either 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.types import ASGIApp, Receive, Scope, Send
from tiny_models import static_folder

from qa.bot import Bot
from qa.config import Settings
from qa.web.server import build_app

CHECKS = (
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
)


@pytest.fixture(scope="module")
def small_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ASGIApp]:
    """Over a corpus of its own, since the requests upload and delete articles."""
    folder = tmp_path_factory.mktemp("articles")
    (folder / "a.txt").write_text("# 渡口\n\n渡口添了三艘船。\n", encoding="utf-8")
    data = tmp_path_factory.mktemp("data")
    with Bot.open(
        Settings(data=data, model=str(static_folder(tmp_path_factory.mktemp("model")))), index_seeds=False
    ) as opened:
        opened.index([folder])
        yield build_app(opened)


def answered_as_documented(app: ASGIApp, mode: GenerationMode, examples: int) -> Counter[tuple[str, int]]:
    """How many requests each operation was sent, by status: up to ``examples`` of them, or as many as there can be.

    Raises:
        AssertionError: for a 5xx, or a status, media type or body that the document doesn't have.
    """

    async def from_here(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, b"127.0.0.1" if value == b"testserver" else value) for name, value in scope["headers"]]
        await app({**scope, "client": ("127.0.0.1", 1), "headers": headers}, receive, send)

    schema = schemathesis.openapi.from_asgi("/openapi.json", from_here)
    answered: Counter[tuple[str, int]] = Counter()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and not _can_be_wrong(operation.definition.raw):
            continue

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case[Any]) -> None:
            response = case.call_and_validate(checks=list(CHECKS))
            answered[f"{case.operation.method} {case.operation.path}", response.status_code] += 1

        ask()
    print(f"{answered.total()} requests")
    return answered


def _can_be_wrong(operation: Mapping[str, Any]) -> bool:
    """Whether a request may be other than documented: any text will do for the texts in an address' path."""
    return "requestBody" in operation or any(each["in"] != "path" for each in operation.get("parameters", ()))
