"""Every regular expression of the packages, and how long each computes on texts that are made to slow it down."""

from __future__ import annotations

import ast
import importlib
import itertools
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from re import _parser as sre
from typing import Any

import regex  # type: ignore[import-untyped, unused-ignore]

ROOT = Path(__file__).parents[2]
PACKAGES = ("qa", "embeddings")
COMMON = "a1 \n\t<>&;=,.:-_/\\\"'()[]{}#*@!一号年〇、。“《A0\u200b\ufeff"
PUMPED = 24
"""Characters of a pattern that are pumped, alone and in pairs."""
CALLS = {"compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}


def sources() -> list[Path]:
    """The packages' modules, but for training, which only reads the project's own data."""
    return [
        path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if "training" not in path.parts and path.name != "__main__.py"
    ]


def patterns() -> dict[tuple[str, str], Any]:
    """Compiled patterns by the module that holds them and their text: of its variables, and in its calls."""
    found: dict[tuple[str, str], Any] = {}
    for path in sources():
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for value in vars(importlib.import_module(name)).values():
            for pattern in _within(value):
                found.setdefault((name, pattern.pattern), pattern)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in {"re", "regex"}
                and node.func.attr in CALLS
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                text: Any = node.args[0].value
                found.setdefault((name, text), (regex if node.func.value.id == "regex" else re).compile(text))
    return found


def _within(value: object, depth: int = 0) -> Iterator[Any]:
    if isinstance(value, re.Pattern | regex.Pattern):
        yield value
    elif isinstance(value, dict) and depth < 3:
        yield from (pattern for one in (*value.keys(), *value.values()) for pattern in _within(one, depth + 1))
    elif isinstance(value, tuple | list | frozenset | set) and depth < 3:
        yield from (pattern for one in value for pattern in _within(one, depth + 1))


def letters(pattern: Any) -> list[str]:
    """The characters that a pattern itself speaks of, then common ones."""
    if isinstance(pattern, re.Pattern):
        own = [chr(code) for code in _codes(sre.parse(pattern.pattern))]
    else:
        own = [character for character in pattern.pattern if character not in "\\[](){}?*+|^$"]
    return list(dict.fromkeys([*own, *COMMON]))[:PUMPED]


def _codes(parsed: Iterable[Any]) -> Iterator[int]:
    for operation, argument in parsed:
        name = str(operation)
        if name in {"LITERAL", "NOT_LITERAL"}:
            yield argument
        elif name == "RANGE":
            yield from argument
        elif name == "IN":
            yield from _codes(argument)
        elif name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            yield from _codes(argument[2])
        elif name == "SUBPATTERN":
            yield from _codes(argument[3])
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _codes(branch)
        elif name in {"ASSERT", "ASSERT_NOT"}:
            yield from _codes(argument[1])


def pumped(pattern: Any) -> Iterator[str]:
    """What is repeated: each character, and each pair of a pattern's first ones."""
    found = letters(pattern)
    yield from found
    yield from ("".join(pair) for pair in itertools.permutations(found[:8], 2))


def slowest(pattern: Any, length: int, most_s: float) -> tuple[float, str]:
    """The longest time of computing in seconds, and what was repeated; texts grow, so that an explosion ends early."""
    worst = (0.0, "")
    for pump in pumped(pattern):
        for size in (length // 100, length // 10, length):
            text = pump * (size // len(pump)) + "\x01"
            began = time.thread_time()
            for _ in pattern.finditer(text):
                pass
            took = time.thread_time() - began
            worst = max(worst, (took, f"{pump!r} × {size // len(pump)}"))
            if took > most_s:
                return worst
    return worst
