"""Settings: read once, from a mapping that a test can pass.

Every setting is an environment variable ``WENBAO_NAME``; the command line's options win over them. An unknown
``WENBAO_…`` name is refused with the nearest known one, since a mistyped setting that is silently ignored is worse than
none.
"""

from __future__ import annotations

import contextlib
import difflib
import ipaddress
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from qa.errors import UsageError

PREFIX = "WENBAO_"
SECRET = {"llm_url", "llm_key", "engine_url", "engine_token"}
"""Settings whose value no message repeats: an address may have a password in it."""

ENGINES = ("embedded", "milvus")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\]")
_ORIGIN = re.compile(rf"https?://(?:{_HOST.pattern})(?::[0-9]{{1,5}})?")


def _folder(text: str) -> Path:
    if not text:
        raise ValueError("expected the name of a folder")
    return Path(text).expanduser()


def _flag(text: str) -> bool:
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("expected 1 or 0")


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return value

    return parse


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    for name in names:
        if not _HOST.fullmatch(name):
            raise ValueError("expected host names without scheme and port, separated by commas: bot.example.org")
    return names


def _origin(text: str) -> str | None:
    if not text:
        return None
    if not _ORIGIN.fullmatch(text.lower()):
        raise ValueError("expected scheme and host, without a path or a slash at the end: https://bot.example.org")
    return text.lower()


def _endpoint(text: str) -> str | None:
    if not text:
        return None
    expected = "expected http:// or https://, a host and a path without user, password, query: http://127.0.0.1:8080/v1"
    return _server(text, expected).rstrip("/").removesuffix("/chat/completions")


def _engine_url(text: str) -> str | None:
    if not text:
        return None
    expected = "expected http:// or https://, a host and a port without user, password, path: http://127.0.0.1:19530"
    if urlsplit(_server(text, expected)).path not in {"", "/"}:
        raise ValueError(expected)
    return text.rstrip("/")


def _engine(text: str) -> str:
    if text not in ENGINES:
        raise ValueError(f"expected {' or '.join(ENGINES)}")
    return text


def _server(text: str, expected: str) -> str:
    try:
        parts = urlsplit(text)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(expected) from None
    is_whole = parts.scheme in {"http", "https"} and parts.hostname and text.isascii() and text.isprintable()
    if not is_whole or not port_is_good or "@" in parts.netloc or parts.query or parts.fragment or " " in text:
        raise ValueError(expected)
    if is_refused(str(parts.hostname)):
        raise ValueError("expected the address of a server, not of a machine's own metadata service")
    return text


def is_refused(host: str) -> bool:
    """Whether a host is link-local, a service that gives a machine's credentials away, or none that can be called."""
    try:
        address = ipaddress.ip_address(host.split("%", maxsplit=1)[0])
    except ValueError:
        with contextlib.suppress(OSError):  # also as the system's own reader has it: 2852039166, 0xa9fea9fe
            return is_refused(str(ipaddress.ip_address(socket.inet_aton(host))))
        return host.rstrip(".").lower() in {"metadata.google.internal", "metadata"}
    address = getattr(address, "ipv4_mapped", None) or address
    is_known = str(address) in {"100.100.100.200", "fd00:ec2::254"}
    return is_known or address.is_link_local or address.is_multicast or address.is_unspecified


def _model_name(text: str) -> str | None:
    if len(text) > 200 or not text.isprintable():
        raise ValueError("expected the name of a model, at most 200 characters")
    return text.strip() or None


def _key(text: str) -> str | None:
    if not all("!" <= character <= "~" for character in text):
        raise ValueError("expected a key without blanks, in ASCII")
    return text or None


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError("expected addresses or networks, separated by commas: 127.0.0.1,10.0.0.0/8") from None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an owner may set. The defaults run on one machine, for one person, offline."""

    data: Path = Path("data")
    """Folder of the store and its indexes; made when missing."""
    model: str | None = None
    """A sentence model: a folder or a hub id; None is the embedded one."""
    allow_download: bool = False
    """May a hub be asked for a model that isn't on this machine?"""
    dict: Path | None = None
    """A folder with the owner's ``dictionary.txt`` and ``synonyms.txt``: see ``qa.text.Terms``."""
    host: str = "127.0.0.1"
    port: int = 7860
    top_k: int = 5
    """Passages in an answer, 1 to 50."""
    question_chars: int = 2000
    """Longest question, in characters."""
    file_mb: int = 64
    """Largest file that is read, in MiB."""
    hosts: tuple[str, ...] = ()
    """Names by which the server may be called, besides this machine's own: ``bot.example.org``."""
    public_url: str | None = None
    """Where people reach the server: ``https://bot.example.org``; its host is one of ``hosts``."""
    trusted_proxies: tuple[Network, ...] = ()
    """Proxies whose word on who asks is taken."""
    visitor_per_minute: int = 10
    visitor_burst: int = 5
    """Questions at once of a visitor who has been quiet."""
    visitor_per_day: int = 200
    site_per_minute: int = 120
    token_per_minute: int = 120
    workers: int = 2
    """Questions answered at the same time: Python computes one at a time, the other has what waits for a disk."""
    processes: int = 1
    """Processes of the server that answer questions."""
    remembered_mb: int = 16
    """Memory for answers that were given, in MiB, in each process."""
    waiting: int = 32
    """Questions of a burst that may wait for that; beyond, 503."""
    connections: int = 2048
    """Open connections at once; beyond, the one that has kept its request back longest is closed."""
    connections_per_address: int = 128
    """Of one address; not of this machine nor of a trusted proxy."""
    review_days: int = 90
    """Days that questions are kept for review; 0 keeps none."""
    talk_days: int = 90
    """Days that a conversation is kept after its last question; 0 keeps none."""
    engine: str = "embedded"
    """What keeps the indexes: "embedded", this process; "milvus", a server of that name."""
    engine_url: str | None = None
    """Where the Milvus server is."""
    engine_token: str | None = field(default=None, repr=False)
    """What it knows us by: ``user:password``, or an API key."""
    engine_timeout_s: int = 10
    """For one call of it."""
    engine_fallback: bool = False
    """May indexes of this machine answer while it doesn't?"""
    llm_url: str | None = None
    """Where a language model writes a text under answers, without ``/chat/completions``; None: nothing is written."""
    llm_model: str | None = None
    """The model's name at that server."""
    llm_key: str | None = field(default=None, repr=False)
    llm_timeout_s: int = 60
    """For a text, from first to last."""
    llm_idle_s: int = 15
    """Between two signs of life of the server."""
    llm_tokens: int = 600
    """Longest text."""
    llm_context_tokens: int = 4096
    """That the model takes: question, passages and text together."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Settings from ``WENBAO_…`` variables.

        Raises:
            UsageError: CONFIG_UNKNOWN_KEY, or CONFIG_VALUE with the name, the value and what is allowed.
        """
        values: dict[str, object] = {}
        for key, text in environ.items():
            if not key.startswith(PREFIX):
                continue
            name = key[len(PREFIX) :].lower()
            if name not in PARSERS:
                near = difflib.get_close_matches(name, PARSERS, n=1)
                hint = f"did you mean {PREFIX}{near[0].upper()}?" if near else f"known: {', '.join(sorted(PARSERS))}."
                raise UsageError("CONFIG_UNKNOWN_KEY", f"{key} is no setting of wenbao; {hint}", field=key)
            try:
                values[name] = PARSERS[name](text)
            except ValueError as error:
                reason = str(error) if str(error).startswith("expected") else "expected a whole number"
                given = key if name in SECRET else f"{key}={text!r}"
                raise UsageError("CONFIG_VALUE", f"{given}: {reason}.", field=key) from error
        if values.get("llm_url") and not values.get("llm_model"):
            reason = "expected the model's name at WENBAO_LLM_URL"
            raise UsageError("CONFIG_VALUE", f"WENBAO_LLM_MODEL: {reason}.", field="WENBAO_LLM_MODEL")
        if values.get("engine") == "milvus" and not values.get("engine_url"):
            reason = "expected the address of the Milvus server, since WENBAO_ENGINE=milvus: http://127.0.0.1:19530"
            raise UsageError("CONFIG_VALUE", f"WENBAO_ENGINE_URL: {reason}.", field="WENBAO_ENGINE_URL")
        return cls(**values)  # type: ignore[arg-type]  # each parser returns its field's type


PARSERS: dict[str, Callable[[str], object]] = {
    "data": _folder,
    "model": str,
    "allow_download": _flag,
    "dict": _folder,
    "host": str,
    "port": _whole(1, 65535),
    "top_k": _whole(1, 50),
    "question_chars": _whole(1, 100_000),
    "file_mb": _whole(1, 4096),
    "hosts": _names,
    "public_url": _origin,
    "trusted_proxies": _networks,
    "visitor_per_minute": _whole(1, 100_000),
    "visitor_burst": _whole(1, 100_000),
    "visitor_per_day": _whole(1, 10_000_000),
    "site_per_minute": _whole(1, 1_000_000),
    "token_per_minute": _whole(1, 1_000_000),
    "workers": _whole(1, 256),
    "processes": _whole(1, 256),
    "remembered_mb": _whole(0, 4096),
    "waiting": _whole(0, 10_000),
    "connections": _whole(16, 100_000),
    "connections_per_address": _whole(4, 100_000),
    "review_days": _whole(0, 3650),
    "talk_days": _whole(0, 36_500),
    "engine": _engine,
    "engine_url": _engine_url,
    "engine_token": _key,
    "engine_timeout_s": _whole(1, 600),
    "engine_fallback": _flag,
    "llm_url": _endpoint,
    "llm_model": _model_name,
    "llm_key": _key,
    "llm_timeout_s": _whole(1, 600),
    "llm_idle_s": _whole(1, 600),
    "llm_tokens": _whole(16, 4096),
    "llm_context_tokens": _whole(1024, 1_000_000),
}
