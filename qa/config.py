"""Settings: read once, from a mapping that a test can pass.

Every setting is an environment variable ``WENBAO_NAME``; the command line's options win over them. An unknown
``WENBAO_…`` name is refused with the nearest known one, since a mistyped setting that is silently ignored is worse than
none.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from qa.errors import UsageError

PREFIX = "WENBAO_"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\]")
_ORIGIN = re.compile(rf"https?://(?:{_HOST.pattern})(?::[0-9]{{1,5}})?")


def _folder(text: str) -> Path:
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
    workers: int = 4
    """Questions answered at the same time."""
    waiting: int = 32
    """Questions that may wait for that; beyond, 503."""
    connections: int = 2048
    """Open connections at once; beyond, the one that has kept its request back longest is closed."""
    connections_per_address: int = 128
    """Of one address; not of this machine nor of a trusted proxy."""
    review_days: int = 90
    """Days that questions are kept for review; 0 keeps none."""
    talk_days: int = 90
    """Days that a conversation is kept after its last question; 0 keeps none."""

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
                raise UsageError("CONFIG_VALUE", f"{key}={text!r}: {reason}.", field=key) from error
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
    "waiting": _whole(0, 10_000),
    "connections": _whole(16, 100_000),
    "connections_per_address": _whole(4, 100_000),
    "review_days": _whole(0, 3650),
    "talk_days": _whole(0, 36_500),
}
