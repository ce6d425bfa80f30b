"""One spelling for what readers take as the same: the map that the tokenizer's normaliser is compiled from.

Width, case, Traditional and simplified forms and kinds of quotes are told apart by no question. The product folds
whole texts with OpenCC's phrase table; a tokenizer can only map character by character, so the map here is OpenCC's
answer for each character alone. The two differ where a phrase decides (乾 in 乾隆 stays, alone it becomes 干); as
questions and passages go through the same map, such a difference costs nothing but a shared spelling.
"""

from __future__ import annotations

import sys
import unicodedata
from functools import cache

import opencc

_QUOTES = {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "「": '"', "」": '"', "『": '"', "』": '"'} | {
    "‘": "'",
    "’": "'",
    "‚": "'",
    "‛": "'",
}


@cache
def character_map() -> dict[str, str]:
    """Every NFKC character that folding changes → what it becomes (never nothing, seldom more than one character)."""
    to_simplified = opencc.OpenCC("t2s").convert
    changed = dict(_QUOTES)
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        if character in changed or unicodedata.category(character) in {"Cs", "Cn", "Co", "Cc", "Cf"}:
            continue
        if unicodedata.normalize("NFKC", character) != character:
            continue  # NFKC runs before this map, so it never meets such a character
        folded = unicodedata.normalize("NFKC", to_simplified(character.casefold()))
        if folded != character:
            changed[character] = folded
    return changed


@cache
def _table() -> dict[int, str]:
    return str.maketrans(character_map())


def fold(text: str) -> str:
    """The text as the tokenizer's normaliser sees its characters: NFKC, then the character map."""
    return unicodedata.normalize("NFKC", text).translate(_table())
