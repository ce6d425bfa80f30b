"""What is told and kept of sites, keys and visitors: whole messages and records, and values at their borders."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from qa.access import Access, Credential, Site, SiteLimits, Visitor, read_origin, visitors
from qa.access.values import SCOPES, checked_name, checked_url_template
from qa.errors import AccessError, ForbiddenError, NotFoundError, UsageError, WenbaoError
from qa.filters import Filters

ORIGIN = "https://example.org"
HERE = "192.0.2.17"
DAY_S = 86_400
NOON = 1_800_014_400.0  # 2027-01-15 12:00 UTC
SECRET = bytes(range(32))


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now_s = NOON

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(tmp_path: Path, clock: Clock) -> Iterator[Access]:
    with closing(Access(tmp_path, clock)) as opened:
        yield opened


def told(error: type[WenbaoError], call: Callable[[], object]) -> tuple[str, str, str | None]:
    """Code, message and field of the error that comes."""
    with pytest.raises(WenbaoError) as caught:
        call()
    assert type(caught.value) is error
    return caught.value.code, caught.value.message, caught.value.field


# Names


@pytest.mark.parametrize("name", ["a", "町报", "a b", "x" * 64, "é", "a\u3000b", "~", "\u00a1"])
def test_a_name_is_whatever_is_not_blank_at_its_ends(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", " a", "a ", "x" * 65, "a\x00b", "a\x1fb", "a\x7fb", "a\x9fb", "\x7f", "\xa0a", "a\xa0", "a\n"]
)
def test_what_is_no_name_is_told_with_the_rule(name: str) -> None:
    assert told(UsageError, lambda: checked_name(name)) == (
        "NAME_INVALID",
        f"{name!r} can't be a name; use 1 to 64 characters, no blanks around.",
        "name",
    )


# Addresses for articles


BEGIN = "begin it with https://your.site/ or, for pages of the same site, with one /"
BLANKS = "it must have no blanks, control characters or backslashes"
PLACES = "its places are {end}, {file}, {headline}, {id}, {start}"


@pytest.mark.parametrize(
    "template",
    [
        "/",
        "/{id}",
        "/a?{start}-{end}#{file}/{headline}",
        "https://a.example/{id}",
        "http://a.example:8080/~x",
        "/" + "x" * 1999,
        "/é!",
    ],
)
def test_an_address_of_the_web_or_the_same_site_with_our_places_is_taken(template: str) -> None:
    assert checked_url_template(template) == template


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("", BEGIN),
        ("a", BEGIN),
        ("//evil.example/", BEGIN),
        ("/\\evil", BEGIN),
        ("https://a.example", BEGIN),
        ("https:///a", BEGIN),
        ("https://{id}.example/", BEGIN),
        ("HTTPS://a.example/", BEGIN),
        ("xhttps://a.example/", BEGIN),
        ("/" + "x" * 2000, BEGIN),
        ("/ ", BLANKS),
        ("/a\x00", BLANKS),
        ("/a\x1f", BLANKS),
        ("/a\x7f", BLANKS),
        ("/a\\b", BLANKS),
        ("https://a b.example/", BLANKS),
        ("/a\n", BLANKS),
        ("/{word}", PLACES),
        ("/{}", PLACES),
        ("/{id}{", PLACES),
        ("/}{id}", PLACES),
        ("/{{id}}", PLACES),
        ("/{id}/{ID}", PLACES),
    ],
)
def test_another_is_refused_for_its_reason(template: str, reason: str) -> None:
    message = f"{template!r} is no address for articles: {reason}."
    assert told(UsageError, lambda: checked_url_template(template)) == (
        "URL_TEMPLATE_INVALID",
        message,
        "url_template",
    )


# Origins


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("  null\n", "null"),
        ("HTTP://Example.Org:080/", "http://example.org"),
        ("http://example.org:443", "http://example.org:443"),
        ("https://example.org:0", "https://example.org:0"),
        ("https://example.org:65535", "https://example.org:65535"),
        ("https://a_b-c.example", "https://a_b-c.example"),
        ("https://localhost", "https://localhost"),
        ("https://[2001:DB8::0:1]", "https://[2001:db8::1]"),
        ("https://10.0.0.5", "https://10.0.0.5"),
        (f"https://{'a' * 63}.org", f"https://{'a' * 63}.org"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_is_spelled_in_one_way(text: str, origin: str) -> None:
    assert read_origin(text) == origin


STAR, PORT = "each origin is named exactly, without *", "its port or host can't be read"
SCHEME, REST = "begin with https:// or http://", "leave out what follows the host"
HOST, ONLY = "its host is no name or address", "only a host and perhaps a port may follow the scheme"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("*", STAR),
        ("https://example.org:*", STAR),
        ("https://example.org:65536", PORT),
        ("https://[::1", PORT),
        ("", SCHEME),
        ("NULL", SCHEME),
        ("//example.org", SCHEME),
        ("https://example.org//", REST),
        ("https://example.org?a", REST),
        ("https://example.org#a", REST),
        ("https://example.org/?", REST),
        ("https://example.org#", REST),
        ("https://a@example.org", ONLY),
        ("https://@example.org", ONLY),
        ("https://exa mple.org", ONLY),
        ("https://exam\\ple.org", ONLY),
        ("https://exam\x00ple.org", ONLY),
        ("https://example.org:", ONLY),
        ("https://", HOST),
        ("https://example.org.", HOST),
        ("https://.example.org", HOST),
        ("https://example-.org", HOST),
        ("https://-example.org", HOST),
        ("https://exam%70le.org", HOST),
        (f"https://{'a' * 64}.org", HOST),
        ("https://1.2.3", HOST),
        ("https://1.2.3.4.5", HOST),
    ],
)
def test_what_is_no_origin_is_refused_for_its_reason(text: str, reason: str) -> None:
    message = f"{text!r} is no origin: {reason}; for example https://example.org."
    assert told(UsageError, lambda: read_origin(text)) == ("ORIGIN_INVALID", message, "origin")


# Visitors' tokens


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.17", "192.0.2.0/24"),
        ("::ffff:192.0.2.17", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("2001:db8:1:ffff::", "2001:db8:1::/48"),
        ("fe80::1%eth0%x", "fe80::/48"),
        ("", ""),
        ("testclient", "testclient"),
        ("a%b", "a%b"),
    ],
)
def test_an_address_is_in_its_part_of_the_network(address: str, network: str) -> None:
    assert visitors.network(address) == network


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def mac(text: str) -> bytes:
    return hmac.digest(SECRET, text.encode(), "sha256")


def forged(body: object) -> str:
    """A token with this content, signed as it should be."""
    payload = encoded(json.dumps(body, separators=(",", ":")).encode())
    return f"wbv_{payload}.{encoded(mac(payload))}"


VISITOR = Visitor(site_id=3, key_id=5, origin=ORIGIN, until_s=1_000)
BODY = {"v": 1, "s": 3, "k": 5, "o": ORIGIN, "n": encoded(mac("network 192.0.2.0/24")[:9]), "t": 1_000}


def test_a_token_is_its_fields_in_order_and_their_mac() -> None:
    token = visitors.sign(VISITOR, HERE, SECRET)
    assert token == forged(BODY)
    assert len(BODY["n"]) == 12  # type: ignore[arg-type]
    for now_s in (0.0, 999.9):
        assert visitors.read(token, ORIGIN, "192.0.2.255", SECRET, now_s) == VISITOR


UNKNOWN_VISITOR = ("UNAUTHORIZED", "This visitor token isn't one of ours, or is another page's.", None)
EXPIRED = ("TOKEN_EXPIRED", "This visit's token is no longer good here; ask for another one.", None)
WHOLE = forged(BODY)


@pytest.mark.parametrize(
    ("token", "origin", "address", "now_s", "answer"),
    [
        (WHOLE, ORIGIN, HERE, 1_000.0, EXPIRED),
        (WHOLE, ORIGIN, "192.0.3.17", 0.0, EXPIRED),
        (WHOLE, "https://example.com", HERE, 0.0, UNKNOWN_VISITOR),
        (WHOLE, "", HERE, 0.0, UNKNOWN_VISITOR),
        (forged(BODY | {"v": 2}), ORIGIN, HERE, 0.0, UNKNOWN_VISITOR),
        (forged(BODY | {"v": 0}), ORIGIN, HERE, 0.0, UNKNOWN_VISITOR),
        (WHOLE.partition(".")[0], ORIGIN, HERE, 0.0, UNKNOWN_VISITOR),
        (WHOLE + ".", ORIGIN, HERE, 0.0, UNKNOWN_VISITOR),
        (WHOLE + "é", ORIGIN, HERE, 0.0, UNKNOWN_VISITOR),
        (WHOLE[:-1], ORIGIN, HERE, 0.0, UNKNOWN_VISITOR),
        ("", ORIGIN, HERE, 0.0, UNKNOWN_VISITOR),
        (".", ORIGIN, HERE, 0.0, UNKNOWN_VISITOR),
    ],
)
def test_a_token_that_is_not_good_here_is_told_why(
    token: str, origin: str, address: str, now_s: float, answer: tuple[str, str, None]
) -> None:
    assert told(AccessError, lambda: visitors.read(token, origin, address, SECRET, now_s)) == answer


def test_another_secrets_token_is_unknown_and_a_long_one_is_not_looked_at() -> None:
    other = bytes(32)
    assert told(AccessError, lambda: visitors.read(WHOLE, ORIGIN, HERE, other, 0.0)) == UNKNOWN_VISITOR
    lengths = set()
    for more in range(560, 680):
        origin = ORIGIN + "x" * more
        token = visitors.sign(Visitor(3, 5, origin, 1_000), HERE, SECRET)
        lengths.add(len(token))
        if len(token) <= 1000:
            assert visitors.read(token, origin, HERE, SECRET, 0.0).origin == origin
        else:
            with pytest.raises(AccessError, match="isn't one of ours"):
                visitors.read(token, origin, HERE, SECRET, 0.0)
    assert {1000, 1002} <= lengths  # there is none of 1001: base64 has no piece of one character


# Sites


LIMITS = SiteLimits(Filters.read({"files": ["甲/*.txt"], "since": "2020"}), "/{id}", logs_questions=True)


def test_a_site_is_what_was_given_and_changes_where_it_is_told_to(access: Access, clock: Clock) -> None:
    made = access.add_site("b", ["https://Example.org", "null", ORIGIN], LIMITS)
    assert made == Site(1, "b", (ORIGIN, "null"), LIMITS, "2027-01-15")
    clock.now_s += DAY_S
    plain = access.add_site("a", [])
    assert plain == Site(2, "a", (), SiteLimits(), "2027-01-16")
    assert access.sites() == [plain, made]
    assert access.site(1) == access.site("b") == made
    assert access.change_site("b") == made
    assert access.change_site("b", origins=["http://10.0.0.5:8080"]) == Site(
        1, "b", ("http://10.0.0.5:8080",), LIMITS, "2027-01-15"
    )
    assert access.change_site("b", limits=SiteLimits()) == Site(
        1, "b", ("http://10.0.0.5:8080",), SiteLimits(), "2027-01-15"
    )
    assert access.site("a") == plain
    access.remove_site("a")
    assert [site.name for site in access.sites()] == ["b"]
    assert access.add_site("c", []).id == 3  # a number is never given again


def test_a_site_that_is_none_or_there_already_is_told(access: Access) -> None:
    access.add_site("a", [])
    taken = "There is a site 'a' already; change it with `wenbao keys site set`."
    assert told(UsageError, lambda: access.add_site("a", [])) == ("NAME_TAKEN", taken, "name")
    for name, call in (
        ("x", lambda: access.site("x")),
        (9, lambda: access.site(9)),
        ("x", lambda: access.change_site("x")),
        ("x", lambda: access.remove_site("x")),
        ("x", lambda: access.make_site_key("x")),
    ):
        message = f"There is no site {name!r}; `wenbao keys` lists them."
        assert told(NotFoundError, call) == ("SITE_NOT_FOUND", message, "site")


def test_a_change_that_is_refused_changes_nothing(access: Access) -> None:
    made = access.add_site("a", [ORIGIN])
    calls: tuple[Callable[[], object], ...] = (
        lambda: access.change_site("a", origins=["*"]),
        lambda: access.change_site("a", origins=[], limits=SiteLimits(url_template="x")),
        lambda: access.add_site("b", ["*"]),
    )
    for call in calls:
        with pytest.raises(UsageError):
            call()
    assert access.sites() == [made]


# Keys and tokens


UNKNOWN = ("UNAUTHORIZED", "This key or token isn't known here, or was revoked; `wenbao keys` makes one.", None)


def test_a_credential_is_listed_as_it_was_made_used_and_revoked(access: Access, clock: Clock) -> None:
    access.add_site("a", [ORIGIN])
    token, made = access.make_token("nightly", ["batch", "ask", "batch"])
    key, key_made = access.make_site_key("a")
    assert made == Credential(1, "nightly", token[:10], frozenset({"ask", "batch"}), None, "2027-01-15", None, None)
    assert key_made == Credential(2, "a", key[:10], frozenset({"ask"}), "a", "2027-01-15", None, None)
    assert (token[:4], key[:4], len(token), len(key)) == ("wbt_", "wbs_", 47, 47)
    clock.now_s += DAY_S
    assert access.find(token) == made  # as it was before this use
    used = access.find(token)
    assert (used.last_used, used.made) == ("2027-01-16", "2027-01-15")
    clock.now_s += DAY_S
    revoked = access.revoke(1)
    assert (revoked.revoked, revoked.last_used, revoked.id) == ("2027-01-17", "2027-01-16", 1)
    clock.now_s += DAY_S
    assert access.revoke(1) == revoked  # once more changes nothing
    assert access.credentials() == [revoked, key_made]
    assert told(AccessError, lambda: access.find(token)) == UNKNOWN
    assert told(AccessError, lambda: access.find("wbt_x")) == UNKNOWN
    missing = ("KEY_NOT_FOUND", "There is no key or token 9; `wenbao keys` lists them.", None)
    assert told(NotFoundError, lambda: access.revoke(9)) == missing
    access.remove_site("a")
    assert access.credentials() == [revoked]
    assert told(UsageError, lambda: access.make_token(" ", ["ask"]))[0] == "NAME_INVALID"


def test_the_file_keeps_hashes_and_scopes_and_no_secret(access: Access, tmp_path: Path) -> None:
    secret, _ = access.make_token("t", ["batch", "admin", "ask"])
    access.find(secret)
    with closing(sqlite3.connect(tmp_path / "access.db")) as raw:
        row = raw.execute("SELECT name, begins, hash, scopes, site_id, made, last_used, revoked FROM credentials")
        digest = hashlib.sha256(secret.encode()).digest()
        assert row.fetchall() == [("t", secret[:10], digest, "admin ask batch", None, "2027-01-15", "2027-01-15", None)]
        assert raw.execute("PRAGMA application_id").fetchone() == (int.from_bytes(b"weba"),)
        ((name, signing),) = raw.execute("SELECT name, secret FROM secrets").fetchall()
        assert (name, len(signing)) == ("visitors", 32)
        for statement in (
            "INSERT INTO sites (name, origins, filters, logs_questions, made) VALUES (NULL, '', '', 0, '')",
            "INSERT INTO credentials (name, begins, hash, scopes, made) VALUES ('x', '', x'00', '', NULL)",
        ):
            with pytest.raises(sqlite3.IntegrityError):
                raw.execute(statement)


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        ((), ()),
        (("ask",), ("ask",)),
        (("batch",), ("batch",)),
        (("ask", "batch"), ("ask", "batch")),
        (("admin",), SCOPES),
    ],
)
def test_a_credential_opens_its_scopes_and_the_admins_all(scopes: tuple[str, ...], may: tuple[str, ...]) -> None:
    found = Credential(1, "t", "wbt_", frozenset(scopes), None, "", None, None)  # type: ignore[arg-type]
    assert tuple(scope for scope in SCOPES if found.may(scope)) == may
    assert SCOPES == ("ask", "batch", "admin")


def test_only_a_living_admin_token_counts_as_one(access: Access) -> None:
    access.add_site("a", [ORIGIN])
    access.make_site_key("a")
    access.make_token("t", ["ask", "batch"])
    assert not access.has_admin_token()
    _, first = access.make_token("t", ["admin"])
    _, second = access.make_token("t", ["ask", "admin"])
    access.revoke(first.id)
    assert access.has_admin_token()
    access.revoke(second.id)
    assert not access.has_admin_token()


# Visits


def test_a_visit_is_for_half_an_hour_of_the_site_and_key(access: Access, tmp_path: Path) -> None:
    site = access.add_site("a", [ORIGIN])
    key, made = access.make_site_key("a")
    token, given = access.visitor_token(key, ORIGIN, HERE)
    assert given == site
    with closing(sqlite3.connect(tmp_path / "access.db")) as raw:
        (secret,) = raw.execute("SELECT secret FROM secrets").fetchone()
    said = visitors.read(token, ORIGIN, HERE, secret, NOON)
    assert said == Visitor(site.id, made.id, ORIGIN, int(NOON) + 1_800)
    found, credential = access.visitor(token, ORIGIN, HERE)
    assert (found, credential.id, credential.last_used) == (site, made.id, "2027-01-15")
    own, _ = access.visitor_token(key, "self", HERE)
    assert access.visitor(own, "self", HERE)[0] == site
    assert access.allows(ORIGIN)
    assert not access.allows("self")
    assert not access.allows("https://example.or")
    access.change_site("a", origins=["null"])
    unlisted = f"Pages of {ORIGIN} may not ask here; the owner can add it with `wenbao keys site set`."
    for call in (lambda: access.visitor(token, ORIGIN, HERE), lambda: access.visitor_token(key, ORIGIN, HERE)):
        assert told(ForbiddenError, call) == ("ORIGIN_NOT_ALLOWED", unlisted, None)
    access.change_site("a", origins=[])
    off = "This site is switched off: no origin is listed for it."
    for call in (lambda: access.visitor(own, "self", HERE), lambda: access.visitor_token(key, "self", HERE)):
        assert told(ForbiddenError, call) == ("ORIGIN_NOT_ALLOWED", off, None)
    assert not access.allows(ORIGIN)
    access.remove_site("a")
    assert told(AccessError, lambda: access.visitor(own, "self", HERE)) == UNKNOWN
    assert told(AccessError, lambda: access.visitor_token(key, ORIGIN, HERE)) == UNKNOWN
    admin, _ = access.make_token("t", ["admin"])
    assert told(AccessError, lambda: access.visitor_token(admin, ORIGIN, HERE)) == UNKNOWN


def test_an_origin_of_the_second_site_is_allowed_too(access: Access) -> None:
    access.add_site("a", ["https://a.example"])
    access.add_site("b", [ORIGIN, "null"])
    assert [access.allows(origin) for origin in ("https://a.example", ORIGIN, "null", "x")] == [True] * 3 + [False]
