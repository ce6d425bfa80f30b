"""Every route under every credential (API-009)."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from web_fixtures import app, bot, client, local_client
from web_routes import ADMIN, ASK, BATCH, CALLER, OPEN, OWN, ROUTES, routes_of

from qa.access import Access
from qa.bot import Bot
from qa.web.guard import Guard

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
