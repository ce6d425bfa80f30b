"""``DATA/access.db``: sites, their keys, API tokens, and the secret that signs visitors' tokens.

Keys and tokens are 256 random bits, so their plain SHA-256 can't be searched; it is all that is kept of them. Every
question asks the file itself, so that a key revoked by the command line is closed at once on a running server.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from qa.access import visitors
from qa.access.origins import read_origin
from qa.access.values import Credential, Scope, Site, SiteLimits, checked_name, checked_url_template
from qa.access.visitors import VISITOR_S, Visitor
from qa.errors import AccessError, ForbiddenError, NotFoundError, StoreError, UsageError
from qa.filters import Filters
from qa.sqlite import Migration, open_database, store_errors, transaction

NAME = "access.db"
APPLICATION_ID = 0x77656261
"""``weba``."""
SECRET_BYTES = 32
SITE_SCOPES: tuple[Scope, ...] = ("ask",)
SITE_KEY_PREFIX = "wbs_"
TOKEN_PREFIX = "wbt_"  # noqa: S105 (how every token begins, so that a leaked one is recognised)
SHOWN_CHARS = 10
"""Characters of a secret that stay known, the prefix among them: enough to tell one's keys apart, 36 bits of 256."""


def _first_schema(connection: sqlite3.Connection) -> None:
    for statement in (
        "CREATE TABLE secrets (name TEXT PRIMARY KEY, secret BLOB NOT NULL) STRICT",
        """CREATE TABLE sites (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            origins TEXT NOT NULL,
            filters TEXT NOT NULL,
            url_template TEXT,
            logs_questions INTEGER NOT NULL,
            made TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE credentials (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            begins TEXT NOT NULL,
            hash BLOB NOT NULL UNIQUE,
            scopes TEXT NOT NULL,
            site_id INTEGER REFERENCES sites ON DELETE CASCADE,
            made TEXT NOT NULL,
            last_used TEXT,
            revoked TEXT
        ) STRICT""",
    ):
        connection.execute(statement)
    connection.execute("INSERT INTO secrets VALUES ('visitors', ?)", (secrets.token_bytes(SECRET_BYTES),))


MIGRATIONS: tuple[Migration, ...] = (_first_schema,)
_SITES = "SELECT id, name, origins, filters, url_template, logs_questions, made FROM sites"
_CREDENTIALS = (
    "SELECT c.id, c.name, c.begins, c.scopes, s.name, c.made, c.last_used, c.revoked"
    " FROM credentials c LEFT JOIN sites s ON s.id = c.site_id"
)


class Access:
    """The sites, keys and tokens of a data folder; safe to share between threads. Days are of UTC.

    Raises:
        StoreError: what `open_database` raises.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.path = folder / NAME
        self._clock = clock
        self._lock = threading.RLock()
        self._connection = open_database(self.path, MIGRATIONS, APPLICATION_ID)
        self._close = weakref.finalize(self, self._connection.close)
        with self._reading() as connection:
            (self._secret,) = connection.execute("SELECT secret FROM secrets WHERE name = 'visitors'").fetchone()

    def close(self) -> None:
        """Lets the file go."""
        with self._lock:
            self._close()

    # Sites

    def sites(self) -> list[Site]:
        """All sites, by name."""
        with self._reading() as connection:
            return [_site(row) for row in connection.execute(f"{_SITES} ORDER BY name")]

    def site(self, name: str | int) -> Site:
        """The site of that name or number.

        Raises:
            NotFoundError: SITE_NOT_FOUND.
        """
        column = "id" if isinstance(name, int) else "name"
        with self._reading() as connection:
            row = connection.execute(f"{_SITES} WHERE {column} = ?", (name,)).fetchone()
        if row is None:
            raise NotFoundError("SITE_NOT_FOUND", f"There is no site {name!r}; `wenbao keys` lists them.", "site")
        return _site(row)

    def add_site(self, name: str, origins: Sequence[str], limits: SiteLimits | None = None) -> Site:
        """A new site.

        Raises:
            UsageError: NAME_INVALID, NAME_TAKEN, ORIGIN_INVALID, URL_TEMPLATE_INVALID.
        """
        values = (checked_name(name), *_columns(origins, limits or SiteLimits()), self._today())
        with self._writing() as connection:
            try:
                connection.execute(
                    "INSERT INTO sites (name, origins, filters, url_template, logs_questions, made)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    values,
                )
            except sqlite3.IntegrityError as error:
                message = f"There is a site {name!r} already; change it with `wenbao keys site set`."
                raise UsageError("NAME_TAKEN", message, "name") from error
            return self.site(name)

    def change_site(self, name: str, *, origins: Sequence[str] | None = None, limits: SiteLimits | None = None) -> Site:
        """The site with other origins or limits; what is None stays. Tokens of origins no longer listed end at once.

        Raises:
            NotFoundError: SITE_NOT_FOUND.
            UsageError: ORIGIN_INVALID, URL_TEMPLATE_INVALID.
        """
        with self._writing() as connection:
            site = self.site(name)
            changed = replace(
                site,
                origins=site.origins if origins is None else tuple(origins),
                limits=site.limits if limits is None else limits,
            )
            connection.execute(
                "UPDATE sites SET origins = ?, filters = ?, url_template = ?, logs_questions = ? WHERE id = ?",
                (*_columns(changed.origins, changed.limits), site.id),
            )
            return self.site(name)

    def remove_site(self, name: str) -> None:
        """The site is gone with its keys.

        Raises:
            NotFoundError: SITE_NOT_FOUND.
        """
        with self._writing() as connection:
            connection.execute("DELETE FROM sites WHERE id = ?", (self.site(name).id,))

    # Keys and tokens

    def credentials(self) -> list[Credential]:
        """All keys and tokens, revoked ones too, in the order they were made."""
        with self._reading() as connection:
            return [_credential(row) for row in connection.execute(f"{_CREDENTIALS} ORDER BY c.id")]

    def make_site_key(self, site: str) -> tuple[str, Credential]:
        """A new key of the site, and what is kept of it. The key itself is told this once.

        Raises:
            NotFoundError: SITE_NOT_FOUND.
        """
        found = self.site(site)
        return self._make(SITE_KEY_PREFIX, found.name, SITE_SCOPES, found.id)

    def make_token(self, name: str, scopes: Collection[Scope]) -> tuple[str, Credential]:
        """A new API token, and what is kept of it. The token itself is told this once.

        Raises:
            UsageError: NAME_INVALID.
        """
        return self._make(TOKEN_PREFIX, checked_name(name), scopes, None)

    def _make(self, prefix: str, name: str, scopes: Collection[Scope], site_id: int | None) -> tuple[str, Credential]:
        secret = prefix + base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).rstrip(b"=").decode()
        with self._writing() as connection:
            made = connection.execute(
                "INSERT INTO credentials (name, begins, hash, scopes, site_id, made) VALUES (?, ?, ?, ?, ?, ?)",
                (name, secret[:SHOWN_CHARS], _hash(secret), " ".join(sorted(scopes)), site_id, self._today()),
            )
            return secret, self._credential("c.id = ?", made.lastrowid)

    def revoke(self, number: int) -> Credential:
        """The key or token is closed from now on, and the visitors' tokens got with it. Once more changes nothing.

        Raises:
            NotFoundError: KEY_NOT_FOUND.
        """
        with self._writing() as connection:
            connection.execute(
                "UPDATE credentials SET revoked = ? WHERE id = ? AND revoked IS NULL", (self._today(), number)
            )
            return self._credential("c.id = ?", number)

    def find(self, secret: str) -> Credential:
        """The key or token that ``secret`` is; the day is noted as the last it was used.

        Raises:
            AccessError: UNAUTHORIZED, alike for an unknown and for a revoked one.
        """
        digest = _hash(secret)
        with self._reading() as connection:
            row = connection.execute("SELECT id, hash FROM credentials WHERE hash = ?", (digest,)).fetchone()
            if row is None or not hmac.compare_digest(row[1], digest):
                raise _unknown()
            return self._used(row[0])

    def has_admin_token(self) -> bool:
        """Whether there is a token that opens the admin's routes."""
        return any(found.revoked is None and "admin" in found.scopes for found in self.credentials())

    def _used(self, number: int) -> Credential:
        found = self._credential("c.id = ?", number)
        if found.revoked is not None:
            raise _unknown()
        today = self._today()
        if found.last_used != today:
            with suppress(StoreError), self._writing() as connection:  # a full disk locks nobody out
                connection.execute("UPDATE credentials SET last_used = ? WHERE id = ?", (today, number))
        return found

    def _credential(self, condition: str, value: object) -> Credential:
        with self._reading() as connection:
            row = connection.execute(f"{_CREDENTIALS} WHERE {condition}", (value,)).fetchone()
        if row is None:
            raise NotFoundError("KEY_NOT_FOUND", f"There is no key or token {value}; `wenbao keys` lists them.")
        return _credential(row)

    # Visitors

    def visitor_token(self, site_key: str, origin: str, address: str) -> tuple[str, Site]:
        """A token for a visitor at ``address`` on a page of ``origin``, good for `VISITOR_S`, and the key's site.

        Raises:
            AccessError: UNAUTHORIZED when the key is none of a site.
            ForbiddenError: ORIGIN_NOT_ALLOWED.
        """
        credential = self.find(site_key)
        if credential.site is None:
            raise _unknown()
        site = self.site(credential.site)
        _check_origin(site, origin)
        visitor = Visitor(site.id, credential.id, origin, int(self._clock()) + VISITOR_S)
        return visitors.sign(visitor, address, self._secret), site

    def visitor(self, token: str, origin: str, address: str) -> tuple[Site, Credential]:
        """The site and key of a visitor who shows ``token`` on a page of ``origin`` from ``address``.

        Raises:
            AccessError: TOKEN_EXPIRED; UNAUTHORIZED, also when the site or its key is gone.
            ForbiddenError: ORIGIN_NOT_ALLOWED, when the site no longer lists the origin.
        """
        visitor = visitors.read(token, origin, address, self._secret, self._clock())
        try:
            credential = self._used(visitor.key_id)
            site = self.site(visitor.site_id)
        except NotFoundError as error:
            raise _unknown() from error
        _check_origin(site, origin)
        return site, credential

    def allows(self, origin: str) -> bool:
        """Whether any site lists ``origin``: what CORS may tell a browser before it knows the key."""
        return any(origin in site.origins for site in self.sites())

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, store_errors(self.path):
            yield self._connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, transaction(self._connection, self.path):
            yield self._connection

    def _today(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).date().isoformat()


OWN = "self"
"""In an origin's place in a visitor's token: a page of this server (the embed page), whatever its name."""


def _check_origin(site: Site, origin: str) -> None:
    if not site.origins:
        message = "This site is switched off: no origin is listed for it."
    elif origin not in {OWN, *site.origins}:
        message = f"Pages of {origin} may not ask here; the owner can add it with `wenbao keys site set`."
    else:
        return
    raise ForbiddenError("ORIGIN_NOT_ALLOWED", message)


def _columns(origins: Sequence[str], limits: SiteLimits) -> tuple[str, str, str | None, bool]:
    read = list(dict.fromkeys(read_origin(origin) for origin in origins))
    template = None if limits.url_template is None else checked_url_template(limits.url_template)
    return json.dumps(read), json.dumps(limits.filters.json(), ensure_ascii=False), template, limits.logs_questions


def _site(row: tuple[int, str, str, str, str | None, int, str]) -> Site:
    number, name, origins, filters, template, logs, made = row
    limits = SiteLimits(Filters.read(json.loads(filters)), template, bool(logs))
    return Site(number, name, tuple(json.loads(origins)), limits, made)


def _credential(row: tuple[int, str, str, str, str | None, str, str | None, str | None]) -> Credential:
    number, name, begins, scopes, site, made, last_used, revoked = row
    return Credential(number, name, begins, frozenset(scopes.split()), site, made, last_used, revoked)  # type: ignore[arg-type]  # only scopes are stored


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _unknown() -> AccessError:
    return AccessError("UNAUTHORIZED", "This key or token isn't known here, or was revoked; `wenbao keys` makes one.")
