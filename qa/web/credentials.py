"""Who asks over HTTP: the one place that decides it. Routes take `caller` or `admin` as a FastAPI dependency.

A request is *local* when the guard says that it comes from this machine, to a server that only this machine reaches,
and no page of another origin made the browser send it. Otherwise it shows a token as ``Authorization: Bearer …`` (never
in a URL, where logs and histories keep it, nor in a cookie, which browsers send unasked), or it is *anonymous*:
somebody on the server's own pages. A page of another origin without a visitor's token is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from qa.access import Access, Scope, Site
from qa.access.database import OWN
from qa.access.visitors import PREFIX as VISITOR_PREFIX
from qa.errors import AccessError, ForbiddenError

Kind = Literal["local", "admin", "token", "visitor", "anonymous"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``key_id`` is the number of the token or site key, where one was shown; ``site`` a visitor's site."""

    kind: Kind
    address: str
    scopes: frozenset[Scope] = frozenset()
    key_id: int | None = None
    site: Site | None = None

    def may(self, scope: Scope) -> bool:
        """Whether this caller may do what ``scope`` says."""
        return scope in self.scopes or "admin" in self.scopes


def access_of(request: Request) -> Access:
    """The sites, keys and tokens that ``server`` gave the application."""
    access: Access = request.app.state.access
    return access


def page_origin(request: Request) -> str | None:
    """The origin of the page that made a browser ask; `OWN` for a page of ours, None where no browser says one."""
    origin = request.headers.get("origin")
    if origin is None:
        # Simple GET requests have no Origin; browsers tell this of every request.
        return "null" if request.headers.get("sec-fetch-site") in {"cross-site", "same-site"} else None
    return OWN if origin != "null" and urlsplit(origin).netloc == request.headers.get("host") else origin


def caller(request: Request) -> Caller:
    """Who asks.

    Raises:
        AccessError: UNAUTHORIZED when what is shown isn't known, TOKEN_EXPIRED.
        ForbiddenError: ORIGIN_NOT_ALLOWED when a page of another origin asks without a visitor's token.
    """
    address = request.client.host if request.client else ""
    origin = page_origin(request)
    header = request.headers.get("authorization")
    if header is not None:
        return _with_token(access_of(request), header, origin, address)
    if origin not in {None, OWN}:
        # A link that is followed brings no credentials and changes nothing; any other request does, or might.
        if request.method in {"GET", "HEAD"} and request.headers.get("sec-fetch-mode") == "navigate":
            return Caller("anonymous", address, frozenset({"ask"}))
        message = "Pages of other sites may ask only through the widget, from an address that the owner has listed."
        raise ForbiddenError("ORIGIN_NOT_ALLOWED", message)
    return unkeyed(request)


def unkeyed(request: HTTPConnection) -> Caller:
    """Who asks on a page of ours, where no key is shown: the owner on the machine itself, or anybody."""
    address = request.client.host if request.client else ""
    if request.state.is_local:
        return Caller("local", address, frozenset({"admin"}))
    return Caller("anonymous", address, frozenset({"ask"}))


def admin(request: Request) -> Caller:
    """Who asks, when it is the owner: on this machine, or with an admin token.

    Raises:
        AccessError: UNAUTHORIZED without a token that is known.
        ForbiddenError: FORBIDDEN with one that isn't an admin's.
    """
    return require(request, "admin")


def require(request: Request, scope: Scope) -> Caller:
    """Who asks, when that may do what ``scope`` says; the same errors as `admin`."""
    found = caller(request)
    if found.may(scope):
        return found
    if found.kind == "anonymous":
        message = f"This needs a token of scope {scope}, as Authorization: Bearer …; `wenbao keys make` makes one."
        raise AccessError("UNAUTHORIZED", message)
    raise ForbiddenError("FORBIDDEN", f"This key or token may not do this; it needs the scope {scope}.")


def asker(request: Request) -> Caller:
    """Who asks, when that may ask questions: anybody but a token without the scope for it; errors as of `admin`."""
    return require(request, "ask")


IsAdmin = Annotated[Caller, Depends(admin)]
IsAsker = Annotated[Caller, Depends(asker)]
IsCaller = Annotated[Caller, Depends(caller)]


def _with_token(access: Access, header: str, origin: str | None, address: str) -> Caller:
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise AccessError("UNAUTHORIZED", "Show a token as Authorization: Bearer …; no other scheme is known here.")
    if token.startswith(VISITOR_PREFIX):
        site, key = access.visitor(token, origin or "", address)
        return Caller("visitor", address, frozenset({"ask"}), key.id, site)
    found = access.find(token)
    if found.site is not None:
        message = "A site's key is not shown itself: exchange it for a visitor's token at POST /api/visitor first."
        raise AccessError("UNAUTHORIZED", message)
    if origin not in {None, OWN}:
        raise ForbiddenError("ORIGIN_NOT_ALLOWED", "API tokens are for programs, not for pages of other sites.")
    kind: Kind = "admin" if "admin" in found.scopes else "token"
    return Caller(kind, address, found.scopes, found.id)
