"""Sites, keys and tokens: what is kept, what opens, and what doesn't."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from qa.access import SCOPES, Access, SiteLimits, read_origin
from qa.access.visitors import VISITOR_S
from qa.errors import AccessError, ForbiddenError, NotFoundError, StoreError, UsageError, WenbaoError
from qa.filters import Filters

ORIGIN = "https://example.org"
HERE = "192.0.2.17"
DAY_S = 86_400
NOON = 1_800_014_400.0  # 2027-01-15 12:00 UTC


class Clock:
    def __init__(self) -> None:
        self.now_s = NOON

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(tmp_path: Path, clock: Clock) -> Iterator[Access]:
    opened = Access(tmp_path, clock)
    yield opened
    opened.close()


def code_of(error: pytest.ExceptionInfo[WenbaoError]) -> str:
    return error.value.code


# Origins: https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://example.org", "https://example.org"),
        ("https://Example.ORG/", "https://example.org"),
        (" https://example.org:443 ", "https://example.org"),
        ("http://example.org:80", "http://example.org"),
        ("https://example.org:80", "https://example.org:80"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[0:0:0:0:0:0:0:1]:8000", "http://[::1]:8000"),
        ("https://例子.测试", "https://xn--fsqu00a.xn--0zwm56d"),
        ("null", "null"),
    ],
)
def test_an_origin_is_spelled_as_browsers_send_it(text: str, origin: str) -> None:
    assert read_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "https://*.example.org",
        "example.org",
        "ftp://example.org",
        "javascript:alert(1)",
        "https://",
        "https://example.org/page",
        "https://example.org?",
        "https://example.org#x",
        "https://user@example.org",
        "https://example.org:",
        "https://example.org:99999",
        "https://example.org:port",
        "https://exa mple.org",
        "https://example.org\\@evil.example",
        "https://-x.org",
        "https://300.1.1.1",
        "https://[::g]",
        f"https://{'a' * 64}.org",
        "https://example.org, https://evil.example",
    ],
)
def test_what_is_no_exact_origin_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_origin(text)
    assert code_of(caught) == "ORIGIN_INVALID"


# Sites


def test_a_site_is_kept_and_changed(access: Access, tmp_path: Path) -> None:
    filters = Filters.read({"files": ["a.txt"], "since": "2020-03"})
    limits = SiteLimits(filters, "https://example.org/{id}#{start}", logs_questions=True)
    made = access.add_site("町报", [ORIGIN, f"{ORIGIN}/"], limits)
    assert made.origins == (ORIGIN,)
    assert (made.limits, made.made) == (limits, "2027-01-15")
    access.change_site("町报", origins=[])
    with closing_access(tmp_path) as again:
        assert again.sites() == [again.site("町报")] == [again.site(made.id)]
        assert again.site("町报").origins == ()
        assert again.site("町报").limits == limits


class closing_access(closing[Access]):  # noqa: N801
    def __init__(self, folder: Path) -> None:
        super().__init__(Access(folder))


def test_names_are_taken_once_and_must_be_names(access: Access) -> None:
    access.add_site("a", [])
    for name, code in (("a", "NAME_TAKEN"), ("", "NAME_INVALID"), (" a", "NAME_INVALID"), ("a\nb", "NAME_INVALID")):
        with pytest.raises(UsageError) as caught:
            access.add_site(name, [])
        assert code_of(caught) == code
    with pytest.raises(NotFoundError, match="wenbao keys"):
        access.make_site_key("b")


@pytest.mark.parametrize(
    "template",
    [
        "javascript:alert({id})",
        "//evil.example/{id}",
        "/\\evil",
        "https://{id}",
        "ftp://x/{id}",
        "/{word}",
        "/{",
        "/ x",
    ],
)
def test_a_url_template_leads_to_the_web_or_the_same_site(access: Access, template: str) -> None:
    with pytest.raises(UsageError) as caught:
        access.add_site("a", [], SiteLimits(url_template=template))
    assert code_of(caught) == "URL_TEMPLATE_INVALID"
    assert access.sites() == []


# Keys and tokens


def test_a_secret_has_256_bits_and_only_its_hash_is_kept(access: Access, tmp_path: Path) -> None:
    access.add_site("a", [ORIGIN])
    secrets = [access.make_site_key("a")[0], *(access.make_token("t", ["ask"])[0] for _ in range(50))]
    assert len(set(secrets)) == len(secrets)
    assert {len(urlsafe_b64decode(secret[4:] + "=")) for secret in secrets} == {32}
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in secrets:
        assert secret.encode() not in stored
        assert secret[12:].encode() not in stored
        assert hashlib.sha256(secret.encode()).digest() in stored


def test_a_token_opens_its_scopes_until_it_is_revoked(access: Access, clock: Clock, tmp_path: Path) -> None:
    secret, made = access.make_token("nightly", ["batch"])
    assert (made.begins, made.last_used, made.site) == (secret[:10], None, None)
    found = access.find(secret)
    assert (found.may("batch"), found.may("ask"), found.may("admin")) == (True, False, False)
    clock.now_s += DAY_S
    access.find(secret)
    assert [known.last_used for known in access.credentials()] == ["2027-01-16"]
    with closing_access(tmp_path) as elsewhere:  # as the command line does beside a running server
        elsewhere.revoke(made.id)
    with pytest.raises(AccessError) as caught:
        access.find(secret)
    assert code_of(caught) == "UNAUTHORIZED"
    with pytest.raises(NotFoundError):
        access.revoke(99)


@pytest.mark.parametrize("guess", ["", "wbt_", "wbt_" + "A" * 43, "x" * 100_000, "wbt_\ud800", "wbt_\x00"])
def test_what_is_no_token_opens_nothing(access: Access, guess: str) -> None:
    access.make_token("t", ["admin"])
    with pytest.raises(AccessError) as caught:
        access.find(guess)
    assert code_of(caught) == "UNAUTHORIZED"


def test_an_admin_token_opens_everything(access: Access) -> None:
    access.make_token("t", ["ask", "batch"])
    assert not access.has_admin_token()
    secret, made = access.make_token("owner", ["admin"])
    assert access.has_admin_token()
    assert all(access.find(secret).may(scope) for scope in SCOPES)
    access.revoke(made.id)
    assert not access.has_admin_token()


def test_a_full_disk_locks_nobody_out(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, _ = access.make_token("t", ["ask"])

    def full(*_: object) -> None:
        raise StoreError("DISK_FULL", "There is no room.")

    monkeypatch.setattr("qa.access.database.transaction", full)
    with pytest.raises(StoreError):
        access.make_token("another", ["ask"])
    assert access.find(secret).name == "t"
    assert [known.last_used for known in access.credentials()] == [None]


# Visitors


@pytest.fixture
def key(access: Access) -> str:
    access.add_site("a", [ORIGIN, "http://127.0.0.1:8000"])
    return access.make_site_key("a")[0]


def test_a_visitor_asks_for_half_an_hour_from_the_same_page_and_network(access: Access, clock: Clock, key: str) -> None:
    token, site = access.visitor_token(key, ORIGIN, HERE)
    assert site == access.visitor(token, ORIGIN, HERE)[0]
    access.visitor(token, ORIGIN, "192.0.2.200")  # the same /24
    for origin, address, code in (
        ("http://127.0.0.1:8000", HERE, "UNAUTHORIZED"),
        ("null", HERE, "UNAUTHORIZED"),
        (ORIGIN, "192.0.3.17", "TOKEN_EXPIRED"),
        (ORIGIN, "2001:db8::1", "TOKEN_EXPIRED"),
    ):
        with pytest.raises(AccessError) as caught:
            access.visitor(token, origin, address)
        assert code_of(caught) == code
    clock.now_s += VISITOR_S - 1
    access.visitor(token, ORIGIN, HERE)
    clock.now_s += 1
    with pytest.raises(AccessError) as expired:
        access.visitor(token, ORIGIN, HERE)
    assert code_of(expired) == "TOKEN_EXPIRED"


def test_a_token_ends_with_its_key_its_origin_or_its_site(access: Access, key: str) -> None:
    token, _ = access.visitor_token(key, ORIGIN, HERE)
    access.change_site("a", origins=["https://other.example"])
    with pytest.raises(ForbiddenError) as unlisted:
        access.visitor(token, ORIGIN, HERE)
    assert code_of(unlisted) == "ORIGIN_NOT_ALLOWED"
    access.change_site("a", origins=[ORIGIN])
    access.visitor(token, ORIGIN, HERE)
    access.revoke(access.credentials()[0].id)
    with pytest.raises(AccessError) as revoked:
        access.visitor(token, ORIGIN, HERE)
    assert code_of(revoked) == "UNAUTHORIZED"
    access.remove_site("a")
    with pytest.raises(AccessError) as gone:
        access.visitor(token, ORIGIN, HERE)
    assert code_of(gone) == "UNAUTHORIZED"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://example.org", "https://example.org:444", ""]
)
def test_an_unlisted_origin_gets_no_token(access: Access, key: str, origin: str) -> None:
    with pytest.raises(ForbiddenError) as caught:
        access.visitor_token(key, origin, HERE)
    assert code_of(caught) == "ORIGIN_NOT_ALLOWED"


def test_a_site_without_origins_is_off(access: Access, key: str) -> None:
    access.change_site("a", origins=[])
    for origin in (ORIGIN, "null", "self"):
        with pytest.raises(ForbiddenError, match="switched off"):
            access.visitor_token(key, origin, HERE)


def test_an_api_token_is_no_site_key(access: Access) -> None:
    secret, _ = access.make_token("t", ["admin"])
    with pytest.raises(AccessError) as caught:
        access.visitor_token(secret, ORIGIN, HERE)
    assert code_of(caught) == "UNAUTHORIZED"


def test_a_token_is_signed_as_rfc_2104_says_and_any_change_breaks_it(access: Access, tmp_path: Path, key: str) -> None:
    token, site = access.visitor_token(key, ORIGIN, HERE)
    payload, _, mac = token.removeprefix("wbv_").partition(".")
    with closing(sqlite3.connect(tmp_path / "access.db")) as raw:
        (secret,) = raw.execute("SELECT secret FROM secrets").fetchone()
    assert len(secret) == 32
    assert urlsafe_b64decode(mac + "=") == hmac.new(secret, payload.encode(), "sha256").digest()
    body = json.loads(urlsafe_b64decode(payload + "=="))
    assert (body["s"], body["o"], body["t"]) == (site.id, ORIGIN, NOON + VISITOR_S)
    assert HERE not in json.dumps(body)
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        if urlsafe_b64decode(changed.partition(".")[2] + "==") == urlsafe_b64decode(mac + "=="):
            continue  # the last character holds four bits that mean nothing
        with pytest.raises(AccessError):
            access.visitor(changed, ORIGIN, HERE)


def test_the_token_of_another_server_is_refused(access: Access, key: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with closing(Access(other, Clock())) as elsewhere:
        elsewhere.add_site("a", [ORIGIN])
        token, _ = elsewhere.visitor_token(elsewhere.make_site_key("a")[0], ORIGIN, HERE)
    assert key
    with pytest.raises(AccessError) as caught:
        access.visitor(token, ORIGIN, HERE)
    assert code_of(caught) == "UNAUTHORIZED"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://*.example.org", "each origin is named exactly, without *"),
        ("https://example.org:port", "its port or host can't be read"),
        ("example.org", "begin with https:// or http://"),
        ("https://example.org/page", "leave out what follows the host"),
        ("https://user@example.org", "only a host and perhaps a port may follow the scheme"),
        ("https://300.1.1.1", "its host is no name or address"),
        ("https://-x.org", "its host is no name or address"),
    ],
)
def test_an_origin_is_refused_for_its_reason(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_origin(text)
    assert caught.value.message == f"{text!r} is no origin: {reason}; for example https://example.org."


def test_a_host_has_253_characters_at_most() -> None:
    # RFC 1035: 255 octets, of which the first label's length and the root's are two.
    longest = ".".join(["a" * 63] * 3 + ["a" * 61])
    assert read_origin(f"https://{longest}") == f"https://{longest}"
    with pytest.raises(UsageError):
        read_origin(f"https://{longest}a")


@pytest.mark.parametrize("token", ["wbv_x", "wbv_", "wbv_.", "wbv_e30.é", "wbv_" + "A" * 2_000 + ".A", "é.é"])
def test_what_is_no_visitors_token_is_told(access: Access, token: str) -> None:
    with pytest.raises(AccessError) as caught:
        access.visitor(token, ORIGIN, HERE)
    assert code_of(caught) == "UNAUTHORIZED"
