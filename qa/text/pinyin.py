"""Chinese names in Latin letters: where a question writes Mentougou, the passage has 门头沟.

Used by ``qa.evidence``. A word counts as pinyin when it can be cut into syllables of it and reads like a name: two
syllables or more, five letters or more, and either a capital that doesn't merely begin the question, or Chinese
elsewhere in the question. ``women`` stays English, ``Mentougou`` and the ``xicheng`` of ``xicheng区`` don't. So do two
words with capitals (Li Tong).
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product

import regex  # type: ignore[import-untyped]  # no stubs among the development tools

SYLLABLE_LETTERS = 6
"""Letters of the longest syllable, zhuang."""
NAME_LETTERS = 5
"""Fewest letters of a name: a shorter word is oftener one of another language."""
_LATIN = regex.compile(r"\p{Latin}+")
MOST_SPELLINGS = 16
"""Of a word or a name; what has more is none."""
_NAME = regex.compile(r"(?<!\p{Latin})\p{Lu}\p{Ll}* \p{Lu}\p{Ll}+(?!\p{Latin})")
_HAN = regex.compile(r"\p{Han}")


def names(question: str) -> Mapping[str, tuple[str, ...]]:
    """The question's words that may be pinyin, folded, each with its spellings: ``"mentougou": ("|men|tou|gou|",)``."""
    chinese = bool(_HAN.search(question))
    found: dict[str, tuple[str, ...]] = {}
    for match in _LATIN.finditer(unicodedata.normalize("NFKC", question)):
        word = match.group()
        named = chinese or (word[0].isupper() and match.start() > 0)
        if named and len(word) >= NAME_LETTERS and not word.isupper():
            spellings = tuple(f"|{'|'.join(cut)}|" for cut in _cuts(word.lower()) if len(cut) > 1)
            if spellings:
                found[word.lower()] = spellings
    for words, spellings in _in_two_words(question):
        found |= {word: (*found.get(word, ()), *spellings)[:MOST_SPELLINGS] for word in words}
    return found


def _in_two_words(question: str) -> Iterator[tuple[list[str], tuple[str, ...]]]:
    """The names that are written in two words (``Li Tong``): both words, folded, and the spellings."""
    for match in _NAME.finditer(unicodedata.normalize("NFKC", question), overlapped=True):
        words = match.group().lower().split(" ")
        ways = islice(product(*map(_cuts, words)), MOST_SPELLINGS) if sum(map(len, words)) >= NAME_LETTERS else ()
        if spellings := tuple(f"|{'|'.join(family + given)}|" for family, given in ways):
            yield words, spellings


@functools.lru_cache(maxsize=50_000)
def spelt(word: str) -> str:
    """A Chinese word's syllables, ``"men|tou|gou"``; another word as it is."""
    # Loaded here: 0.2 s that only questions with such names pay.
    from pypinyin import lazy_pinyin  # noqa: PLC0415

    return "|".join(lazy_pinyin(word, v_to_u=False)) if _HAN.match(word) else word


@functools.lru_cache(maxsize=1000)
def sounding(spellings: tuple[str, ...]) -> re.Pattern[str]:
    """What a text holds, folded, where it may hold one of the spellings of ``names``: characters with such readings.

    Most have several readings, and the word tells which (``spelt``); but it is quick, and few texts pass.
    """
    ways = (spelling.strip("|").split("|") for spelling in spellings)
    return re.compile("|".join("".join(f"[{_syllables()[syllable]}]" for syllable in way) for way in ways))


@functools.cache
def _syllables() -> Mapping[str, str]:
    """Syllables, with the characters that are read so."""
    from pypinyin import pinyin_dict  # noqa: PLC0415  # as in ``spelt``

    read: dict[str, list[str]] = {}  # by readings with their tones, of which there are far fewer than characters
    for code, readings in pinyin_dict.pinyin_dict.items():
        for reading in readings.split(","):
            read.setdefault(reading, []).append(chr(code))
    found: dict[str, list[str]] = {}
    for reading, characters in read.items():
        plain = "".join(c for c in unicodedata.normalize("NFD", reading) if c.isascii())
        # Single consonants are interjections (hm, ng), none that a name is written with.
        if re.search("[aeiou]", plain):
            found.setdefault(plain, []).extend(characters)
    return {syllable: re.escape("".join(dict.fromkeys(characters))) for syllable, characters in found.items()}


def _cuts(word: str) -> Sequence[tuple[str, ...]]:
    """All ways to cut a word into syllables; none for most words of other languages."""
    if len(word) > 30:
        return ()
    ways: list[list[tuple[str, ...]]] = [[()]]
    for end in range(1, len(word) + 1):
        ways.append(
            [
                (*way, word[start:end])
                for start in range(max(0, end - SYLLABLE_LETTERS), end)
                if word[start:end] in _syllables()
                for way in ways[start]
            ][:MOST_SPELLINGS]
        )
    return ways[-1]
