"""Origins as browsers send them: scheme, host, port (RFC 6454, and the URL standard's serialisation). No I/O."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from qa.errors import UsageError

NULL = "null"
"""What a browser sends for sandboxed frames and files: it names nobody, so it must be allowed by itself."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def read_origin(text: str) -> str:
    """The origin that ``text`` names, spelled as browsers send it: ``https://example.org``, ``http://10.0.0.5:8080``.

    A name in other letters becomes its ASCII form, a default port is left out, one ``/`` at the end is forgiven.

    Raises:
        UsageError: ORIGIN_INVALID for a path, a wildcard, a user, another scheme, or what can't be a host.
    """
    wanted = text.strip()
    if wanted == NULL:
        return NULL
    if "*" in wanted:
        raise _invalid(text, "each origin is named exactly, without *")
    try:
        parts = urlsplit(wanted)
        port = parts.port
    except ValueError as error:
        raise _invalid(text, "its port or host can't be read") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise _invalid(text, "begin with https:// or http://")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or wanted.endswith(("?", "#")):
        raise _invalid(text, "leave out what follows the host")
    if "@" in parts.netloc or re.search(r"[\x00-\x20\\]", wanted) or parts.netloc.endswith(":"):
        raise _invalid(text, "only a host and perhaps a port may follow the scheme")
    host = _host(parts, text)
    suffix = "" if port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


def _host(parts: SplitResult, text: str) -> str:
    name = parts.hostname or ""
    try:
        if parts.netloc.startswith("["):
            return f"[{ipaddress.IPv6Address(name).compressed}]"
        if re.fullmatch(r"[0-9.]+", name):
            return str(ipaddress.IPv4Address(name))
        ascii_name = name.encode("idna").decode().lower()
    except ValueError as error:
        raise _invalid(text, "its host is no name or address") from error
    if len(ascii_name) > 253 or not all(_LABEL.fullmatch(label) for label in ascii_name.split(".")):
        raise _invalid(text, "its host is no name or address")
    return ascii_name


def _invalid(text: str, reason: str) -> UsageError:
    return UsageError("ORIGIN_INVALID", f"{text!r} is no origin: {reason}; for example https://example.org.", "origin")
