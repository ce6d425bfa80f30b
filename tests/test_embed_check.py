"""What the check of a site finds, from addresses and headers."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from web_fixtures import app, bot, client

from qa.access import Access
from qa.errors import UsageError
from qa.web.embed_check import check
from qa.web.embed_page import page
from qa.web.embed_words import EMBED
from qa.web.words import LANGUAGES

SITE, SERVER = "https://paper.example/page?x=1", "https://ask.example.org"


def bad(site: str = SITE, server: str = SERVER, headers: str = "", listed: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{each.code} {each.detail}".strip() for each in check(site, server, headers, listed) if each.level == "bad"
    ]


def test_a_listed_site_without_a_policy_has_nothing_against_it() -> None:
    assert bad(listed=("https://paper.example",), headers="HTTP/2 200\ncontent-type: text/html") == []
    assert bad() == ["unlisted https://paper.example"]


@pytest.mark.parametrize(
    ("site", "server", "found"),
    [
        ("https://paper.example", "http://ask.example.org", "mixed http://ask.example.org"),
        ("https://paper.example", "http://127.0.0.1:7860", "local http://127.0.0.1:7860"),
        ("http://paper.example", "http://ask.example.org", ""),
        ("http://localhost:8000", "http://127.0.0.1:7860", ""),
    ],
)
def test_addresses_that_do_not_go_together_are_told(site: str, server: str, found: str) -> None:
    assert bad(site, server)[1:] == ([found] if found else [])


@pytest.mark.parametrize(
    ("policy", "missing"),
    [
        ("default-src *", []),
        ("default-src 'none'", ["script-src", "connect-src"]),
        ("default-src 'self'; script-src https://ask.example.org", ["connect-src"]),
        ("script-src https://ask.example.org; connect-src https:", []),
        ("script-src *.example.org; connect-src ask.example.org:443", []),
        ("script-src *.ask.example.org; connect-src https://ask.example.org:8443", ["script-src", "connect-src"]),
        (
            "script-src 'nonce-abc' 'strict-dynamic'; connect-src https://ask.example.org/api/",
            ["script-src", "connect-src"],
        ),
        ("img-src 'none'", []),
        ("SCRIPT-SRC HTTPS://ASK.EXAMPLE.ORG", []),
    ],
)
def test_a_policy_is_read_as_a_browser_reads_it(policy: str, missing: list[str]) -> None:
    headers = f"HTTP/2 200\r\nContent-Security-Policy: {policy}\r\n"
    assert bad(headers=headers)[1:] == [f"policy {name} {SERVER}" for name in missing]


def test_of_several_policies_each_must_allow() -> None:
    headers = "content-security-policy: default-src *\ncontent-security-policy: connect-src 'self'"
    assert bad(headers=headers)[1:] == [f"policy connect-src {SERVER}"]
    assert bad(headers="content-security-policy: sandbox allow-scripts")[1:] == ["sandbox"]


def test_what_was_not_looked_at_is_said() -> None:
    def notes(headers: str) -> list[str]:
        found = check(SITE, SERVER, headers, ["https://paper.example"])
        return [f"{each.code} {each.detail}".strip() for each in found if each.code != "listed"]

    assert notes(" \n") == ["unseen"]
    moved = "HTTP/1.1 301 Moved\r\nLocation: https://www.paper.example/\r\n\r\n"
    assert notes(moved) == ["redirect https://www.paper.example/"]
    assert notes(moved + "HTTP/2 200\r\ncontent-security-policy: default-src *\r\n") == ["policy_fits"]
    assert notes("HTTP/2 404\r\n") == ["refused 404", "no_policy"]


def test_where_scripts_are_forbidden_the_frame_is_looked_at() -> None:
    for policy, found in (
        ("default-src 'none'; connect-src *", [f"policy script-src {SERVER}", f"frame frame-src {SERVER}"]),
        ("script-src 'none'; frame-src https://ask.example.org", [f"policy script-src {SERVER}"]),
        ("frame-src 'none'", ["policy_fits"]),
    ):
        told = check(SITE, SERVER, f"content-security-policy: {policy}", [])[1:]
        assert [f"{each.code} {each.detail}".strip() for each in told] == found


def test_a_proxy_that_nobody_named_is_told(client: TestClient) -> None:
    for headers, proxies in (({}, 0), ({"x-forwarded-for": "203.0.113.9"}, 1)):
        html = client.get("/embed/check?lang=en&site=https://paper.example", headers=headers).text
        assert html.count("WENBAO_TRUSTED_PROXIES") == proxies


def test_an_address_without_a_scheme_is_taken_as_https() -> None:
    assert bad("paper.example/news") == ["unlisted https://paper.example"]


@pytest.mark.parametrize("site", ["", "paper .example", "ftp://paper.example", "https://"])
def test_what_is_no_address_is_refused(site: str) -> None:
    with pytest.raises(UsageError) as caught:
        check(site, SERVER, "", ())
    assert caught.value.code == "ORIGIN_INVALID"


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_page_tells_what_was_found_and_shows_the_snippets(tmp_path: Path, language: str) -> None:
    with closing(Access(tmp_path)) as access:
        access.add_site("paper", ["https://paper.example"])
        html = page(LANGUAGES[language], access, SITE, SERVER, "content-security-policy: default-src 'none'")
        assert html.count('<li class="good">') == 1
        assert html.count('<li class="bad">') == 2
        assert EMBED[language].hindered.format(count=2) in html
        assert html.count('<li class="note">') == 1
        assert f"script-src {SERVER}" in html
        assert "&lt;script src=&#34;https://ask.example.org/widget.js&#34;" in html
        hostile = page(LANGUAGES[language], access, 'https://x/"><script>', "<b>", "</textarea><script>")
        assert "<script>" not in hostile
        assert 'role="alert"' in hostile
    assert EMBED[language].findings.keys() == EMBED["zh"].findings.keys()
    assert "{count}" in EMBED[language].hindered
    for code, text in EMBED[language].findings.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", EMBED["zh"].findings[code])), code
