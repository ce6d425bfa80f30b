"""Elsewhere: which of a question's hits tell what an earlier one tells, on another page.

The measure is the containment of character shingles (Broder 1997): the share of the marked sentence's runs of four
folded characters that the other passage holds as well. A figure told differently leaves most runs alike, so that pages
that contradict one another stand side by side instead of hiding one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from qa.text import fold_text

SHINGLE_CHARS = 4
ALIKE = 0.6
"""Containment from which on two passages tell the same. A sentence of 30 characters has 27 runs; a figure of four
characters told otherwise changes 7 of them, a word put in between 3 and those it touches."""
KEPT_TEXTS = 512
"""Texts whose runs are kept, the ones used last: some 30 kB for a passage of 250 characters."""
SHORTEST = 10
"""Runs that a sentence must have: shorter ones are alike by chance."""


@lru_cache(maxsize=KEPT_TEXTS)
def letters(text: str) -> str:
    """The folded text without signs and blanks."""
    return "".join(filter(str.isalnum, fold_text(text)))


@lru_cache(maxsize=KEPT_TEXTS)
def shingles(text: str) -> frozenset[str]:
    """The runs of SHINGLE_CHARS characters of the text's letters."""
    whole = letters(text)
    return frozenset(whole[at : at + SHINGLE_CHARS] for at in range(len(whole) - SHINGLE_CHARS + 1))


def containment(sentence: str, passage: str) -> float:
    """Share of the sentence's shingles that the passage holds, 0 to 1; 0 for a sentence that is too short to tell."""
    mine = shingles(sentence)
    if len(mine) < SHORTEST:
        return 0.0
    whole = letters(passage)  # looking for few runs takes less than finding all those of a passage
    return sum(run in whole for run in mine) / len(mine)


def retold(files: Sequence[str], marked: Sequence[str], texts: Sequence[str]) -> list[list[int]]:
    """For each hit, the later hits of other files that tell its marked sentence again; each hit stands under one only.

    Args:
        files: of each hit, best first.
        marked: the sentence marked in each; empty for none.
        texts: of each.
    """
    under: list[list[int]] = [[] for _ in files]
    taken: set[int] = set()
    for first in range(len(files)):
        if first in taken:
            continue
        for later in range(first + 1, len(files)):
            if later in taken or files[later] == files[first]:
                continue
            if containment(marked[first], texts[later]) >= ALIKE:
                under[first].append(later)
                taken.add(later)
    return under
