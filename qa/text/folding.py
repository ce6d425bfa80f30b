"""Folding: one spelling for what a reader takes as the same, with a map back to the original's characters.

Used for matching only; what is shown is always the original. Folded away are: compatibility forms (NFKC: full-width,
ligatures), case, kinds of quotes, Traditional characters (OpenCC's t2s), invisible characters, and the blanks that OCR
leaves inside Chinese and Japanese text.

Traditional → simplified is a map of single characters, not of phrases: 乾隆 folds to 干隆 on both sides, so that
nothing is lost in matching, and a part of a text folds as it does within the whole.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import regex  # type: ignore[import-untyped]  # no stubs among the development tools

FOLD_VERSION = 1
"""Grows with every change of what ``fold`` gives, so that indexes made before are rebuilt."""

# Default-ignorable characters (zero-width, bidi controls, variation selectors, tags, soft hyphen, BOM) and controls
# that aren't white space: invisible, so matching mustn't see them. Nor lone surrogates, which are no characters.
_INVISIBLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cs}[\p{Cc}--[\t-\r\x1c-\x1f\x85]]]+", regex.V1)
# Scripts written without blanks between words: there a blank is a fault of the OCR. Line breaks stay: they part lines.
_CJK = r"\p{Han}\p{Hiragana}\p{Katakana}ー"
_BLANKS = regex.compile(rf"(?<=[{_CJK}])[^\S\n\r\v\f\x1c-\x1f\x85\u2028\u2029]+(?=[{_CJK}])")
# Characters that may join with the one before them under NFKC: marks, jamo, half-width sound marks.
_JOINING = r"\p{M}\uff9e\uff9f\u1160-\u11ff\u314f-\u3163\uffa0-\uffdc\ud7b0-\ud7ff"
_JOINS = regex.compile(rf"[{_JOINING}]")
_CLUSTER = regex.compile(rf"(?s:.)[{_JOINING}]*")
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»〝〞〟「」『』", '"') | dict.fromkeys("‘’‚‛‹›`´", "'"))


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text and the way back."""

    text: str
    offsets: tuple[int, ...]
    """``offsets[i]``: index in the original of what ``text[i]`` came from; never decreasing, as long as ``text``."""


class _Converter(Protocol):
    def convert(self, text: str, /) -> str: ...


@cache
def _simplify() -> _Converter:
    import opencc  # loads its dictionaries: only when something is folded  # noqa: PLC0415

    converter: _Converter = opencc.OpenCC("t2s")
    return converter


def _fold_cluster(cluster: str) -> str:
    """The fixed point for a character, or for one with its marks. It is reached in one to three rounds."""
    while True:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", cluster).casefold()).translate(_QUOTES)
        folded = "".join(map(_simplify().convert, _INVISIBLE.sub("", folded)))
        if folded == cluster:
            return folded
        cluster = folded


class _Characters(dict[int, str]):
    """``str.translate`` table from a character to what it folds to, filled as characters turn up."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_cluster(chr(code))
        return folded


_characters = _Characters()


def _cluster(cluster: str) -> str:
    return _characters[ord(cluster)] if len(cluster) == 1 else _fold_cluster(cluster)


def fold(text: str) -> Folded:
    """``text`` as matching sees it, with each character's place in ``text``.

    Blanks between two Chinese or Japanese characters are dropped, line breaks are kept. A character that stands for
    several (㎏ → kg) gives each of them its own place. Folding twice changes nothing.
    """
    folded, offsets = _fold_once(text)
    while _JOINS.search(folded):  # rare: marks may join anew with what now stands before them
        again, places = _fold_once(folded)
        if again == folded:
            break
        folded, offsets = again, [offsets[place] for place in places]
    return Folded(folded, tuple(offsets))


def fold_text(text: str) -> str:
    """``fold(text).text``, quicker where no offsets are needed."""
    if _JOINS.search(text):
        return fold(text).text
    folded = _INVISIBLE.sub("", text).translate(_characters)
    return fold(text).text if _JOINS.search(folded) else str(_BLANKS.sub("", folded))


def _fold_once(text: str) -> tuple[str, list[int]]:
    text, offsets = _without(_INVISIBLE, text, list(range(len(text))))
    folded = text.translate(_characters)
    if _JOINS.search(text) or _JOINS.search(folded):
        clusters = [(match.start(), _cluster(match.group())) for match in _CLUSTER.finditer(text)]
        folded = "".join(cluster for _, cluster in clusters)
        offsets = [offsets[start] for start, cluster in clusters for _ in cluster]
    elif len(folded) != len(text):  # nothing is dropped here, so equal lengths mean one for one
        lengths = [len(_characters[ord(character)]) for character in text]
        offsets = [offset for offset, length in zip(offsets, lengths, strict=True) for _ in range(length)]
    return _without(_BLANKS, folded, offsets)


def _without(pattern: regex.Pattern[str], text: str, offsets: list[int]) -> tuple[str, list[int]]:
    """``text`` and its ``offsets`` without what ``pattern`` finds."""
    dropped = [match.span() for match in pattern.finditer(text)]
    if not dropped:
        return text, offsets
    kept = list(zip([0, *(end for _, end in dropped)], [*(start for start, _ in dropped), len(text)], strict=True))
    return "".join(text[start:end] for start, end in kept), [
        offset for start, end in kept for offset in offsets[start:end]
    ]
