"""Every error that a test meets in its own process is as docs/errors.md promises: a sentence, a listed code, a field.

``watch`` puts the check into the constructors, so that it holds for each way to an error without being asked for.
"""

from __future__ import annotations

import re
from functools import cache, wraps
from pathlib import Path
from typing import Any

from embeddings.errors import EmbeddingsError
from qa.errors import WenbaoError

DOCS = Path(__file__).parents[1] / "docs"
FIELD = re.compile(r"[a-z][a-z0-9_]*(?:[.\[][a-z0-9_\]]+)*|WENBAO_[A-Z_]+|--?[a-z-]+")
"""A JSON field with its path, a setting, or an option."""
REPEATING = {"FIELD_INVALID", "FILTER_INVALID", "CONFIG_UNKNOWN_KEY"}
"""Codes whose field is a name that somebody gave, whatever it is."""
BEGINNING = re.compile(r"[^\sa-z]|\S+\.\w+:? |.{1,80}?: \S")
"""Of a sentence, which may begin with the name of a file, or stand after a colon and what it is about."""
ENDING = re.compile(r"[.?!。？！][)”’\"'»」]?\Z")


@cache
def codes() -> frozenset[str]:
    """Those that docs/errors.md lists."""
    return frozenset(re.findall(r"`([A-Z][A-Z0-9_]+)`", (DOCS / "errors.md").read_text(encoding="utf-8")))


def faults(code: object, message: object, field: object = None) -> list[str]:
    """What is wrong with an error; nothing where it keeps its promises."""
    found = []
    if code not in codes():
        found.append(f"docs/errors.md doesn't list the code {code!r}")
    if not isinstance(message, str):
        return [*found, f"the message is {message!r}"]
    if not BEGINNING.match(message) or not ENDING.search(message):
        found.append(f"no sentence: {message!r}")
    if message.upper() == message and re.search("[A-Z]", message):
        found.append(f"shouted: {message!r}")
    if field is not None and code not in REPEATING and not (isinstance(field, str) and FIELD.fullmatch(field)):
        found.append(f"the field is {field!r}")
    return found


def watch() -> None:
    """From now on, an error with a fault can't be made."""
    for base in (WenbaoError, EmbeddingsError):
        base.__init__ = _checked(base.__init__)  # type: ignore[method-assign]  # meant: it is to hold for all of them


def _checked(init: Any) -> Any:
    @wraps(init)
    def checked(self: object, *given: object, **named: object) -> None:
        init(self, *given, **named)
        if wrong := faults(*given, **named):
            raise AssertionError("; ".join(wrong))

    return checked
