"""Settings: read once, from a mapping that a test can pass.

Every setting is an environment variable ``WENBAO_NAME``; the command line's options win over them. An unknown
``WENBAO_…`` name is refused with the nearest known one, since a mistyped setting that is silently ignored is worse than
none.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from qa.errors import UsageError

PREFIX = "WENBAO_"


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
}
