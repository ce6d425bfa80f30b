"""Exact match and F1 of short answers, as the CMRC 2018 script computes them; and the measure of the gold questions.

Mixed segmentation: a Chinese character is a unit, a run of other letters and figures is one. F1 is of the longest
common run of units (Cui et al. 2019, github.com/ymcui/cmrc2018, baseline/cmrc2018_evaluate.py); it is never more than
SQuAD's, which counts common units wherever they stand.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import regex  # type: ignore[import-untyped]  # no stubs among the development tools

ROOM_CHARS = 40
"""Characters that a right answer may have beyond the gold one in ``contains``."""


def units(text: str) -> list[str]:
    """Characters of Chinese, and words of the rest; punctuation is left out."""
    found: list[str] = regex.findall(r"\p{Han}|[\p{L}\p{N}--\p{Han}]+", text.lower(), flags=regex.V1)
    return found


def exact(answer: str, golds: Sequence[str]) -> bool:
    """Whether it is one of the accepted answers."""
    return any(units(answer) == units(gold) for gold in golds)


def f1(answer: str, golds: Sequence[str]) -> float:
    """The best F1 with an accepted answer, 0 to 1."""
    return max((_f1(units(answer), units(gold)) for gold in golds), default=0.0)


def _f1(answer: list[str], gold: list[str]) -> float:
    common = _longest_run(answer, gold)
    return 2 * common / (len(answer) + len(gold)) if common else 0.0


def _longest_run(one: list[str], other: list[str]) -> int:
    longest, runs = 0, [0] * (len(other) + 1)
    for unit in one:
        before = 0
        for place, counterpart in enumerate(other, 1):
            runs[place], before = (before + 1 if unit == counterpart else 0), runs[place]
            longest = max(longest, runs[place])
    return longest


def contains(answer: str, golds: Sequence[str]) -> bool:
    """Whether it holds an accepted answer (a figure as a whole number), and at most ROOM_CHARS more."""
    given = _plain(answer)
    return any(_holds(given, _plain(gold)) and len(given) <= len(_plain(gold)) + ROOM_CHARS for gold in golds if gold)


def _holds(given: str, gold: str) -> bool:
    low = r"(?<!\d)" if gold[:1].isdigit() else ""
    high = r"(?!\d)" if gold[-1:].isdigit() else ""
    return bool(gold) and bool(regex.search(low + regex.escape(gold) + high, given))


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).lower().translate(_QUOTES)
    return "".join(folded.split())


_QUOTES = str.maketrans("“”「」‘’", '""""\'\'')
