"""Who asks, decided from a request: every kind of credential from every kind of place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from qa.access import Access
from qa.web.credentials import IsAdmin, IsCaller
from qa.web.failures import add_error_handlers
from qa.web.guard import Guard

ORIGIN = "https://example.org"
BASE = "http://127.0.0.1:7860"


@pytest.fixture
def access(tmp_path: Path) -> Iterator[Access]:
    opened = Access(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def app(access: Access) -> FastAPI:
    app = FastAPI()
    app.state.access = access
    add_error_handlers(app)

    @app.api_route("/who", methods=["GET", "POST"])
    def who(found: IsCaller) -> dict[str, object]:
        return {"kind": found.kind, "scopes": sorted(found.scopes), "site": found.site and found.site.name}

    @app.post("/admin")
    def admin(found: IsAdmin) -> str:
        return found.kind

    return app


def client(app: FastAPI, address: str = "127.0.0.1", *, trusts_local: bool = True) -> TestClient:
    guarded = Guard(app, chat_paths=[], trusts_local=trusts_local)
    return TestClient(guarded, base_url=BASE, client=(address, 50000), raise_server_exceptions=False)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_this_machine_is_its_owners(app: FastAPI) -> None:
    assert client(app).post("/who").json() == {"kind": "local", "scopes": ["admin"], "site": None}
    assert client(app).post("/admin").json() == "local"
    assert client(app).post("/admin", headers={"origin": BASE}).json() == "local"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": ORIGIN},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8000"},
        {"origin": "http://127.0.0.1:7860.example.org"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
    ids=str,
)
def test_another_sites_page_is_not_this_machines_owner(app: FastAPI, headers: dict[str, str]) -> None:
    for path in ("/who", "/admin"):
        response = client(app).post(path, headers=headers)
        assert (response.status_code, response.json()["error"]["code"]) == (403, "ORIGIN_NOT_ALLOWED")


def test_a_link_on_another_site_may_be_followed(app: FastAPI) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client(app).get("/who", headers=headers).json()["kind"] == "anonymous"


@pytest.mark.parametrize(
    ("address", "trusts_local", "headers"),
    [
        ("192.0.2.1", True, {}),
        ("127.0.0.1", False, {}),
        ("127.0.0.1", True, {"x-forwarded-for": "192.0.2.1"}),
        ("127.0.0.1", True, {"forwarded": "for=192.0.2.1"}),
    ],
    ids=str,
)
def test_who_comes_from_elsewhere_needs_a_token(
    app: FastAPI, access: Access, address: str, trusts_local: bool, headers: dict[str, str]
) -> None:
    there = client(app, address, trusts_local=trusts_local)
    assert there.post("/who", headers=headers).json()["kind"] == "anonymous"
    refused = there.post("/admin", headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "UNAUTHORIZED")
    assert refused.headers["www-authenticate"] == "Bearer"
    weak, _ = access.make_token("weak", ["ask", "batch"])
    refused = there.post("/admin", headers={**headers, **bearer(weak)})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "FORBIDDEN")
    strong, _ = access.make_token("strong", ["admin"])
    assert there.post("/admin", headers={**headers, **bearer(strong)}).json() == "admin"
    refused = there.post("/admin", headers={**headers, **bearer(strong), "origin": ORIGIN})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "ORIGIN_NOT_ALLOWED")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic dTpw", "bearer x", "Bearer wbt_x", "Bearer wbv_x", "Bearer wbv_e30.e30", "wbt_x"],
)
def test_a_credential_that_isnt_known_is_refused_even_here(app: FastAPI, header: str) -> None:
    response = client(app).post("/who", headers={"authorization": header})
    assert (response.status_code, response.json()["error"]["code"]) == (401, "UNAUTHORIZED")


def test_a_token_in_the_address_or_a_cookie_is_not_looked_at(app: FastAPI, access: Access) -> None:
    token, _ = access.make_token("t", ["admin"])
    there = client(app, "192.0.2.1")
    headers = {"cookie": f"authorization=Bearer {token}; token={token}"}
    assert there.post(f"/admin?token={token}&authorization=Bearer%20{token}", headers=headers).status_code == 401


def test_a_visitor_asks_from_the_sites_page_only(app: FastAPI, access: Access) -> None:
    access.add_site("a", [ORIGIN])
    key, _ = access.make_site_key("a")
    token, _ = access.visitor_token(key, ORIGIN, "192.0.2.1")
    there = client(app, "192.0.2.1")
    found = there.post("/who", headers={**bearer(token), "origin": ORIGIN}).json()
    assert found == {"kind": "visitor", "scopes": ["ask"], "site": "a"}
    for headers in ({}, {"origin": "https://evil.example"}, {"origin": BASE}, {"origin": "null"}):
        assert there.post("/who", headers={**bearer(token), **headers}).status_code == 401
    assert there.post("/admin", headers={**bearer(token), "origin": ORIGIN}).status_code == 403
    assert there.post("/who", headers={**bearer(key), "origin": ORIGIN}).status_code == 401
