"""Every regular expression of the packages, and how long each computes on texts that are made to slow it down."""

from __future__ import annotations

import ast
import importlib
import itertools
import random
import re
import time
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from re import _parser as sre  # type: ignore[attr-defined, unused-ignore]  # no stubs; its public name is deprecated
from typing import Any

import regex  # type: ignore[import-untyped, unused-ignore]

ROOT = Path(__file__).parents[2]
PACKAGES = ("qa", "embeddings")
COMMON = "a1 \n\t<>&;=,.:-_/\\\"'()[]{}#*@!一号年〇、。“《A0\u200b\ufeff"
SAMPLES = 12
"""Texts that a pattern likes, of which stretches are repeated."""
CALLS = {"compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}


def sources() -> list[Path]:
    """The packages' modules, but for those that only read the project's own data and scripts."""
    return [
        path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if "training" not in path.parts and path.name not in {"__main__.py", "widget_files.py"}
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


def tree(pattern: Any) -> Any:
    """The pattern as the standard library parses it, scripts and what else it doesn't know put as it knows them."""
    text = re.sub(r"--(?:\[[^\]]*\]|\\p\{\w+\})", "", pattern.pattern)
    text = re.sub(r"\\[pP]\{\^?\w+\}", "一", text).replace(r"\G", "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return sre.parse(text, pattern.flags & (re.VERBOSE | re.DOTALL) if isinstance(pattern, re.Pattern) else 0)


def sample(parsed: Iterable[Any], chance: random.Random, groups: dict[int, str]) -> str:
    """A text that the pattern likes, short: one of each set and branch, repeats once or as seldom as may be."""
    text = ""
    for operation, argument in parsed:
        name = str(operation)
        if name == "LITERAL":
            text += chr(argument)
        elif name in {"NOT_LITERAL", "ANY"} or (name == "IN" and str(argument[0][0]) == "NEGATE"):
            text += chance.choice("a一1 ")
        elif name == "IN":
            text += _one_of(chance.choice(argument), chance)
        elif name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            least, most, inner = argument
            for _ in range(max(int(least), min(int(most), chance.randrange(2)))):
                text += sample(inner, chance, groups)
        elif name == "SUBPATTERN":
            text += (inner := sample(argument[3], chance, groups))
            groups[argument[0]] = inner
        elif name == "ATOMIC_GROUP":
            text += sample(argument, chance, groups)
        elif name == "BRANCH":
            text += sample(chance.choice(argument[1]), chance, groups)
        elif name == "GROUPREF":
            text += groups.get(argument, "")
        elif name == "ASSERT" and argument[0] == 1:
            text += sample(argument[1], chance, groups)
    return text


def _one_of(member: Any, chance: random.Random) -> str:
    name, argument = str(member[0]), member[1]
    if name == "LITERAL":
        return chr(argument)
    if name == "RANGE":
        return chr(argument[chance.randrange(2)])
    return {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " "}.get(str(argument), "a")


def pumped(pattern: Any) -> list[str]:
    """What is repeated: stretches from the beginnings of texts that the pattern likes, common characters, pairs."""
    chance = random.Random(0)
    parsed = tree(pattern)
    samples = [sample(parsed, chance, {}) for _ in range(SAMPLES)]
    found = [text[:end] for text in samples for end in range(1, min(len(text), 12) + 1)]
    own = list(dict.fromkeys("".join(samples)))
    found += [*own, *COMMON, *("".join(pair) for pair in itertools.permutations(own[:6], 2))]
    return list(dict.fromkeys(found))


def slowest(pattern: Any, length: int, most_s: float) -> tuple[float, str]:
    """The longest time of computing in seconds, and what was repeated.

    Texts grow, so that an explosion ends early; the longest is left out where even cubic growth wouldn't be seen in it.
    """
    worst = (0.0, "")
    # At the end nothing that the pattern likes, or all: some matchers look first whether a text has what it must.
    liked = "\x01".join(sample(tree(pattern), random.Random(seed), {}) for seed in range(3))
    for pump, end in itertools.product(pumped(pattern), ("\x01", f"\x01{liked}")):
        took = most_s
        for size in (25, length // 100, length // 10, length):
            if size == length and took * 1000 <= most_s:
                break
            text = pump * (size // len(pump)) + end
            began = time.thread_time()
            for _ in pattern.finditer(text):
                pass
            took = time.thread_time() - began
            worst = max(worst, (took, f"{pump!r} × {size // len(pump)}"))
            if took > most_s:
                return worst
    return worst
