"""Every route under every credential (API-009), and the OpenAPI document held against random requests (API-022)."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send
from tiny_models import static_folder
from web_fixtures import app, bot, client, local_client
from web_routes import ADMIN, ASK, BATCH, CALLER, OPEN, OWN, ROUTES, routes_of

from qa.access import Access
from qa.bot import Bot
from qa.config import Settings
from qa.web.guard import Guard
from qa.web.server import build_app

ELSEWHERE = ("198.51.100.7", 1)
SITE = "https://site.example"


@pytest.fixture(scope="module")
def keys(bot: Bot) -> Iterator[dict[str, dict[str, str]]]:
    """Headers by the name of what they show."""
    access = Access(bot.settings.data)
    site = access.add_site("matrix", [SITE])
    site_key, _ = access.make_site_key(site.name)
    tokens = {scope: access.make_token(scope, [scope])[0] for scope in (ASK, BATCH, ADMIN)}  # type: ignore[list-item]
    revoked, credential = access.make_token("revoked", ["admin"])
    access.revoke(credential.id)
    visitor, _ = access.visitor_token(site_key, SITE, ELSEWHERE[0])
    yield {
        "none": {},
        **{scope: bearer(token) for scope, token in tokens.items()},
        "lower case": {"authorization": f"bearer {tokens[ADMIN]}"},
        "visitor": bearer(visitor) | {"origin": SITE},
        "revoked": bearer(revoked),
        "unknown": bearer("wbt_" + "a" * 43),
        "site key": bearer(site_key),
        "basic": {"authorization": "Basic YWRtaW46YWRtaW4="},
        "x-api-key": {"x-api-key": tokens[ADMIN]},
        "cookie": {"cookie": f"token={tokens[ADMIN]}; authorization=Bearer {tokens[ADMIN]}"},
        "foreign page": {"origin": "https://evil.example"},
    }
    access.close()


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


ALL = {OPEN, CALLER, ASK, BATCH, ADMIN}
MAY = {
    "none": {OPEN, CALLER, ASK},
    ASK: {OPEN, CALLER, ASK},
    BATCH: {OPEN, CALLER, BATCH},
    ADMIN: ALL,
    "lower case": ALL,
    "visitor": {OPEN, CALLER, ASK},
    "revoked": {OPEN},
    "unknown": {OPEN},
    "site key": {OPEN},
    "basic": {OPEN},
    "x-api-key": {OPEN, CALLER, ASK},
    "cookie": {OPEN, CALLER, ASK},
    "foreign page": {OPEN},
}
"""What is open to whoever shows this from elsewhere; the owner on the machine itself may everything."""
IS_KNOWN = {ASK, BATCH, "visitor", "foreign page"}
"""Who is known and may not is told 403; who isn't known, 401."""


def inner(app: ASGIApp) -> FastAPI:
    assert isinstance(app, Guard)
    assert isinstance(app.app, FastAPI)
    return app.app


def test_every_route_has_its_row(app: ASGIApp) -> None:
    assert sorted(routes_of(inner(app))) == sorted(ROUTES)


def test_the_document_tells_every_route_of_the_api(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    told = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    untold = {route for route in ROUTES if route not in told}
    assert told <= set(ROUTES)
    # Pages, files, what our own pages ask for; nothing else.
    pages = r"/(zh|zh-hant|en)(/[a-z]+)?|/(articles|desk|embed|files|ui|widget)(/.*)?|/widget\.js|/favicon\.ico|/"
    own = r"/openapi\.json|/mcp|/api/docs|/api/talks(/.*)?"
    assert [path for _, path in untold if not re.fullmatch(f"{pages}|{own}", path)] == []


@pytest.mark.parametrize("shown", MAY)
def test_a_route_opens_to_whom_it_should_and_to_nobody_else(
    app: ASGIApp, keys: dict[str, dict[str, str]], shown: str
) -> None:
    there = local_client(app, client=ELSEWHERE)
    for (method, path), level in ROUTES.items():
        if level == OWN:
            continue
        status = answer_of(there, method, path, keys[shown])
        may = level in MAY[shown]
        wanted = 403 if shown in IS_KNOWN else 401
        assert (status not in {401, 403}) if may else status == wanted, (method, path, level, status)


def test_the_owners_machine_needs_no_key_and_is_no_excuse_for_a_wrong_one(
    app: ASGIApp, keys: dict[str, dict[str, str]]
) -> None:
    here = local_client(app)
    for (method, path), level in ROUTES.items():
        if level == OWN:
            continue
        assert answer_of(here, method, path, {}) not in {401, 403}, (method, path)
        if level != OPEN:
            assert answer_of(here, method, path, keys["unknown"]) == 401, (method, path)
            assert answer_of(here, method, path, keys["foreign page"]) == 403, (method, path)


def test_a_key_in_the_address_opens_nothing(app: ASGIApp, keys: dict[str, dict[str, str]]) -> None:
    there = local_client(app, client=ELSEWHERE)
    token = keys[ADMIN]["authorization"].removeprefix("Bearer ")
    for (method, path), level in ROUTES.items():
        if level not in {OWN, *MAY["none"]}:
            assert answer_of(there, method, f"{path}?token={token}&access_token={token}", {}) == 401, (method, path)


def test_no_header_changes_the_method(app: ASGIApp) -> None:
    for name in ("x-http-method-override", "x-http-method", "x-method-override"):
        answer = local_client(app).get("/api/ask", headers={name: "POST"})
        assert answer.status_code == 405


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "HEAD", "PUT", "OPTIONS", "INVENTED"])
def test_methods_that_a_route_does_not_take_are_refused_with_those_it_takes(app: ASGIApp, method: str) -> None:
    """API-015."""
    here = local_client(app)
    for own, path in ROUTES:
        if own == "*" or (method, path) in ROUTES or (method == "HEAD" and path == "/openapi.json"):
            continue
        answer = here.request(method, filled(path))
        if path.startswith(("/zh", "/en")):  # what isn't our page's there is asked of Gradio
            assert answer.status_code in {404, 405}
            continue
        assert answer.status_code == 405, (method, path, answer.status_code)
        told = set(answer.headers["allow"].split(", "))
        assert {other for other, same in ROUTES if same == path and other != "*"} <= told, path
        assert told <= {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} - {method}


def answer_of(client: TestClient, method: str, path: str, headers: dict[str, str]) -> int:
    """The status of an ordinary request; Gradio's endless streams aside."""
    body: Any = None if method in {"GET", "DELETE", "*"} else {}
    return client.request(
        method.replace("*", "GET"), filled(path).rstrip("/") or "/", json=body, headers={"accept": "*/*", **headers}
    ).status_code


def filled(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "1", path)


# The document against random requests


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


CHECKS = (
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
)


@pytest.mark.parametrize(
    ("examples", "at_least"),
    [(25, 250), pytest.param(800, 5_000, marks=[pytest.mark.slow, pytest.mark.timeout(1_200)])],
    ids=["few", "5000"],
)
def test_random_requests_are_answered_as_the_document_says(small_app: ASGIApp, examples: int, at_least: int) -> None:
    """No 5xx, no status, media type or body that the document doesn't have (API-022)."""

    async def from_here(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, b"127.0.0.1" if value == b"testserver" else value) for name, value in scope["headers"]]
        await small_app({**scope, "client": ("127.0.0.1", 1), "headers": headers}, receive, send)

    schema = schemathesis.openapi.from_asgi("/openapi.json", from_here)
    asked = 0
    statuses: Counter[int] = Counter()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

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
                nonlocal asked
                response = case.call_and_validate(checks=list(CHECKS))
                statuses[response.status_code] += 1
                asked += 1

            try:
                ask()
            except Unsatisfiable:  # nothing can be wrong about a request that takes nothing
                assert mode is GenerationMode.NEGATIVE
    assert asked >= at_least, statuses
    assert {200, 404, 422} <= set(statuses)
