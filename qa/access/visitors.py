"""The short signed token that a page's visitor asks with. Values in, values out; the secret comes from the database.

A site key stands in the page for everybody to read, so by itself it opens nothing: a browser on an allowed origin
exchanges it for a token that is good for half an hour, for that site, from that origin and that part of the network.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
from dataclasses import dataclass

from qa.errors import AccessError

VISITOR_S = 30 * 60
"""How long a visitor's token is good for. The widget fetches another one by itself."""
PREFIX = "wbv_"
_VERSION = 1
_MAX_CHARS = 1000


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a visitor's token says: the site, the key it was got with, the page's origin, and until when (Unix time)."""

    site_id: int
    key_id: int
    origin: str
    until_s: int


def network(address: str) -> str:
    """The part of the network an address is in: /24 of IPv4, /48 of IPv6 — what stays when a phone's address changes.

    What is no address is a network of its own.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    length = 24 if found.version == 4 else 48
    return str(ipaddress.ip_network((found, length), strict=False))


def sign(visitor: Visitor, address: str, secret: bytes) -> str:
    """The token; the address goes in as a keyed hash of its network, which only this server can tell."""
    body = {
        "v": _VERSION,
        "s": visitor.site_id,
        "k": visitor.key_id,
        "o": visitor.origin,
        "n": _network_hash(address, secret),
        "t": visitor.until_s,
    }
    payload = _encode(json.dumps(body, separators=(",", ":")).encode())
    return f"{PREFIX}{payload}.{_encode(_mac(payload, secret))}"


def read(token: str, origin: str, address: str, secret: bytes, now_s: float) -> Visitor:
    """What a token says that was signed here, is still good, and is shown from where it was given out.

    Raises:
        AccessError: TOKEN_EXPIRED when it was good once, UNAUTHORIZED otherwise.
    """
    payload, dot, mac = token.removeprefix(PREFIX).partition(".")
    if not dot or len(token) > _MAX_CHARS or not mac.isascii():
        raise _unknown()
    if not hmac.compare_digest(_encode(_mac(payload, secret)), mac):
        raise _unknown()
    body = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    if body["v"] != _VERSION or body["o"] != origin:
        raise _unknown()
    if body["t"] <= now_s or not hmac.compare_digest(body["n"], _network_hash(address, secret)):
        raise AccessError("TOKEN_EXPIRED", "This visit's token is no longer good here; ask for another one.")
    return Visitor(body["s"], body["k"], body["o"], body["t"])


def _unknown() -> AccessError:
    return AccessError("UNAUTHORIZED", "This visitor token isn't one of ours, or is another page's.")


def _network_hash(address: str, secret: bytes) -> str:
    return _encode(_mac(f"network {network(address)}", secret)[:9])


def _mac(text: str, secret: bytes) -> bytes:
    return hmac.new(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
