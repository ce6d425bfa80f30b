"""The widget's side of the server: who gets a token, what CORS says, what a site's limits leave, what is sent."""
# ruff: noqa: F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from web_fixtures import BASE, bot, local_client  # noqa: F401
from widget_fixtures import generous_app

from qa.access import Access, SiteLimits
from qa.bot import Bot
from qa.filters import Filters
from qa.web.bodies import ErrorEnvelope
from qa.web.cors import OPEN_PATHS
from qa.web.records import AnswerRecord
from qa.web.widget_api import VisitorToken
from qa.web.widget_files import WidgetFiles, lean
from qa.web.widget_words import WIDGET, strings

ORIGIN = "https://paper.example"
UNLISTED = "https://evil.example"
QUESTION = "景山街道总工会三八节发了多少口罩？"
FILE = "000_7bc1ad36ebfe02b7.txt"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def client(bot: Bot, data: Path) -> TestClient:
    return local_client(generous_app(bot, data))


@pytest.fixture(scope="module")
def access(data: Path) -> Iterator[Access]:
    with closing(Access(data)) as opened:
        yield opened


@pytest.fixture(scope="module")
def key(access: Access) -> str:
    access.add_site("paper", [ORIGIN])
    return access.make_site_key("paper")[0]


def visit(client: TestClient, key: str, origin: str | None = ORIGIN) -> Any:
    return client.post("/api/visitor", json={"site_key": key}, headers={"origin": origin} if origin else {})


def asked(client: TestClient, token: str, origin: str = ORIGIN, **body: Any) -> Any:
    headers = {"origin": origin, "authorization": f"Bearer {token}"}
    return client.post("/api/ask", json={"question": QUESTION, **body}, headers=headers)


def code_of(response: Any) -> str:
    return ErrorEnvelope.model_validate_json(response.content).error.code


def test_a_listed_page_gets_a_token_and_an_answer_it_may_read(client: TestClient, key: str) -> None:
    response = visit(client, key)
    assert response.status_code == 200
    given = VisitorToken.model_validate_json(response.content)
    assert (given.expires_in_s, given.url_template, given.feedback) == (1800, None, False)
    assert response.headers["cache-control"] == "no-store"
    answer = asked(client, given.token)
    AnswerRecord.model_validate_json(answer.content)
    for each in (response, answer):
        assert each.headers["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-credentials" not in each.headers
        assert "Origin" in each.headers["vary"]
        assert "set-cookie" not in each.headers


def test_marks_are_the_highlights_in_the_text_that_is_shown(client: TestClient, bot: Bot) -> None:
    (passage, *_) = client.post("/api/ask", json={"question": QUESTION}).json()["passages"]
    (mark,) = passage["marks"]
    (highlight,) = passage["highlights"]
    shown = passage["text"][mark["start"] : mark["end"]]
    original = bot.store.file_text(passage["source"]["file"])[highlight["start"] : highlight["end"]]
    assert "口罩8000个" in shown
    assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", original)


@pytest.mark.parametrize("origin", [UNLISTED, "null", "https://paper.example:8443", "http://paper.example", None])
def test_an_unlisted_page_gets_neither_token_nor_answer(client: TestClient, key: str, origin: str | None) -> None:
    response = visit(client, key, origin)
    assert (response.status_code, code_of(response)) == (
        (403, "ORIGIN_NOT_ALLOWED") if origin else (401, "UNAUTHORIZED")
    )
    assert "access-control-allow-origin" not in response.headers
    token = visit(client, key).json()["token"]
    stolen = client.post(
        "/api/ask",
        json={"question": QUESTION},
        headers={"authorization": f"Bearer {token}", **({"origin": origin} if origin else {})},
    )
    assert (stolen.status_code, code_of(stolen)) == (401, "UNAUTHORIZED")
    assert "access-control-allow-origin" not in stolen.headers


@pytest.mark.parametrize("path", sorted(OPEN_PATHS))
def test_a_preflight_says_yes_to_listed_origins_only(client: TestClient, key: str, path: str) -> None:
    assert key
    wanted = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    yes = client.options(path, headers={"origin": ORIGIN, **wanted})
    assert (yes.status_code, yes.content) == (204, b"")
    assert yes.headers["access-control-allow-origin"] == ORIGIN
    assert yes.headers["access-control-allow-headers"] == "Authorization, Content-Type"
    assert "access-control-allow-credentials" not in yes.headers
    for origin in (UNLISTED, "null"):
        no = client.options(path, headers={"origin": origin, **wanted})
        assert (no.status_code, code_of(no)) == (403, "ORIGIN_NOT_ALLOWED")
        assert not [name for name in no.headers if name.startswith("access-control-")]
        assert "Origin" in no.headers["vary"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/articles"),
        ("GET", "/api/articles/1"),
        ("GET", "/healthz"),
        ("GET", "/openapi.json"),
        ("GET", "/zh/config"),
        ("POST", "/zh/gradio_api/queue/join"),
        ("GET", "/articles/1"),
    ],
)
def test_other_routes_are_closed_to_listed_pages_too(client: TestClient, key: str, method: str, path: str) -> None:
    assert key
    for verb in (method, "OPTIONS"):
        headers = {"origin": ORIGIN, "access-control-request-method": method}
        response = client.request(verb, path, headers=headers)
        assert "access-control-allow-origin" not in response.headers


def test_an_error_can_be_read_by_the_page_it_is_for(client: TestClient, key: str) -> None:
    token = visit(client, key).json()["token"]
    response = asked(client, token, question="")
    assert (response.status_code, code_of(response)) == (422, "QUESTION_EMPTY")
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-expose-headers"] == "Retry-After, X-Request-Id"


def test_a_sites_limits_hold_whatever_is_asked(client: TestClient, access: Access) -> None:
    access.add_site("limited", [ORIGIN], SiteLimits(Filters(files=(FILE,)), "https://paper.example/{id}"))
    key, _ = access.make_site_key("limited")
    given = visit(client, key).json()
    assert given["url_template"] == "https://paper.example/{id}"
    for filters in (None, {}, {"files": ["*"]}, {"files": ["004_*"]}, {"files": [FILE]}):
        more: dict[str, Any] = {} if filters is None else {"filters": filters}
        record = asked(client, given["token"], **more).json()
        assert {passage["source"]["file"] for passage in record["passages"]} <= {FILE}
    assert asked(client, given["token"]).json()["passages"]
    # A change by the owner counts from the next question on.
    access.change_site("limited", limits=SiteLimits(Filters(files=("004_*",))))
    record = asked(client, given["token"]).json()
    assert {passage["source"]["file"][:4] for passage in record["passages"]} == {"004_"}


def test_a_token_ends_with_its_key(client: TestClient, access: Access) -> None:
    access.add_site("ended", [ORIGIN])
    key, made = access.make_site_key("ended")
    token = visit(client, key).json()["token"]
    assert asked(client, token).status_code == 200
    access.revoke(made.id)
    assert code_of(asked(client, token)) == "UNAUTHORIZED"
    assert code_of(visit(client, key)) == "UNAUTHORIZED"


def test_a_visitor_is_counted_by_site_and_address(
    client: TestClient, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def admit(_: object, asker: object) -> None:
        seen.append(asker)

    monkeypatch.setattr("qa.web.admission.Admission.admit", admit)
    asked(client, visit(client, key).json()["token"])
    client.post("/api/ask", json={"question": QUESTION})
    shown = [(asker.address, asker.site, asker.token) for asker in seen]  # type: ignore[attr-defined]
    assert shown == [("127.0.0.1", "paper", None), (None, None, None)]


def test_a_token_without_the_scope_asks_nothing(client: TestClient, access: Access) -> None:
    for scopes, status in ((("batch",), 403), (("ask",), 200), (("admin",), 200)):
        token, _ = access.make_token("t", scopes)  # type: ignore[arg-type]
        headers = {"authorization": f"Bearer {token}"}
        assert client.post("/api/ask", json={"question": QUESTION}, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "BODY_INVALID"),
        (b"[]", 400, "BODY_INVALID"),
        (b"{}", 422, "FIELD_INVALID"),
        (b'{"site_key": 7}', 422, "FIELD_INVALID"),
        (b'{"site_key": ""}', 422, "FIELD_INVALID"),
        (b'{"site_key": "%s"}' % (b"x" * 101), 422, "FIELD_INVALID"),
        (b'{"site_key": "wbs_x", "more": 1}', 422, "FIELD_INVALID"),
        (b'{"site_key": "wbs_x"}', 401, "UNAUTHORIZED"),
    ],
)
def test_a_bad_visit_is_told_what_is_bad(client: TestClient, key: str, body: bytes, status: int, code: str) -> None:
    assert key
    headers = {"origin": ORIGIN, "content-type": "application/json"}
    response = client.post("/api/visitor", content=body, headers=headers)
    assert (response.status_code, code_of(response)) == (status, code)


# The page for frames


def test_the_frames_page_may_be_framed_by_the_sites_origins_only(client: TestClient, access: Access, key: str) -> None:
    policy = client.get(f"/embed?site={key}").headers["content-security-policy"]
    assert policy.endswith(f"frame-ancestors {ORIGIN}")
    assert "script-src 'self';" in policy
    access.add_site("several", [ORIGIN, "http://10.0.0.5:8080", "null", "http://[::1]:8000"])
    several, _ = access.make_site_key("several")
    response = client.get(f"/embed?site={several}")
    assert response.headers["content-security-policy"].endswith(f"frame-ancestors {ORIGIN} http://10.0.0.5:8080")
    assert "x-frame-options" not in response.headers
    assert f'data-site="{several}"' in response.text


@pytest.mark.parametrize("wrong", ["", "wbs_x", "'; script-src *", "<script>"])
def test_the_frames_page_of_an_unknown_key_is_framed_by_nobody(client: TestClient, wrong: str) -> None:
    response = client.get("/embed", params={"site": wrong})
    assert response.status_code == 403
    assert response.headers["content-security-policy"].endswith("frame-ancestors 'none'")
    assert "<script" not in response.text


def test_a_visit_may_begin_on_the_frames_page(client: TestClient, key: str) -> None:
    token = visit(client, key, BASE).json()["token"]
    assert asked(client, token, BASE).status_code == 200
    assert asked(client, token, ORIGIN).status_code == 401


# What is sent


def test_the_scripts_are_small_and_may_be_loaded_by_any_page(client: TestClient) -> None:
    """The bounds asked for: 5 kB before the first opening, 12 kB in all, by gzip."""
    files = WidgetFiles.read()
    loader = client.get("/widget.js", headers={"accept-encoding": "gzip"})
    assert loader.headers["content-encoding"] == "gzip"
    assert loader.content == files.loader.plain
    assert len(gzip.compress(loader.content, 9)) == len(files.loader.gzipped) < 5_000
    assert f"widget/{files.version}/chat-${{this.language}}.js" in loader.text
    for path in WIDGET:
        assert len(files.loader.gzipped) + len(files.parts[f"chat-{path}.js"].gzipped) < 12_000
    for name, part in files.parts.items():
        response = client.get(f"/widget/{files.version}/{name}", headers={"accept-encoding": "identity"})
        assert response.content == part.plain
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["cross-origin-resource-policy"] == "cross-origin"
        assert response.headers["content-type"] == "text/javascript; charset=utf-8"
        assert "accept-encoding" in response.headers["vary"]
        unchanged = client.get(f"/widget/{files.version}/{name}", headers={"if-none-match": response.headers["etag"]})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert client.get(f"/widget/0123/{name}").headers["cache-control"] == "no-cache"
    assert client.get("/widget/0123/other.js").status_code == 404
    assert files.version in loader.text


def test_the_scripts_never_turn_text_into_markup_nor_listen_to_other_windows() -> None:
    files = WidgetFiles.read()
    for asset in (files.loader, *files.parts.values()):
        text = asset.plain.decode()
        for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "srcdoc"):
            assert word not in text
        for word in ("cookie", "localStorage", "sessionStorage", "indexedDB", '"message"', "http://", "https://"):
            assert word not in text.replace("http://www.w3.org/2000/svg", "")


def test_comments_and_blanks_go_and_texts_stay() -> None:
    source = [
        "/* a comment",
        "   of two lines */",
        'const a = "x  =  /* y */ z"; /* why */',
        "  const b = /a  +  b\\/*/g;",
        "",
        "\tconst STYLE = `",
        "a { b: c; }",
        ".d:is(.e, .f) .g { }`;",
        "const c = `  ${a}  {`;",
    ]
    wanted = [
        'const a="x  =  /* y */ z";',
        "const b=/a  +  b\\/*/g;",
        "const STYLE=`a{b:c}.d:is(.e,.f) .g{}`;",
        "const c=`  ${a}  {`;",
    ]
    assert lean("\n".join(source)).splitlines() == wanted


def test_every_string_of_the_widget_is_there_in_every_language() -> None:
    def flat(path: str) -> dict[str, str]:
        return {
            f"{name} {part}": value
            for name, text in strings(path).items()
            for part, value in (text.items() if isinstance(text, dict) else [("", text)])
            if isinstance(value, str)
        }

    chinese = flat("zh")
    assert len(chinese) > 40
    for path in WIDGET:
        told = flat(path)
        assert told.keys() == chinese.keys()
        for name, text in told.items():
            assert text, (path, name)
            assert re.findall(r"\{\w+\}", text) == re.findall(r"\{\w+\}", chinese[name]), (path, name)
