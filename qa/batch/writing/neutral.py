"""Text → a cell that no spreadsheet runs, and that fits."""

from __future__ import annotations

import re

from qa.batch.wording import Wording

CELL_CHARS = 32_767
"""Excel's longest cell, in UTF-16 units."""
_DANGER = "=+\\-@\t\r\0＝＋－＠"
_RISKY = re.compile(f"^'*[{_DANGER}]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?%?")


def risky(text: str) -> bool:
    """Whether a spreadsheet may take the text for a formula, or for our own mark of one."""
    return bool(_RISKY.match(text))


def for_csv(text: str, *, number: bool = False) -> str:
    """The text with an apostrophe before it where a spreadsheet may run it; ``qa.batch.reading`` takes it off again.

    With ``number`` plain numbers such as -2 are left alone: they run nothing.
    """
    if not risky(text) or (number and _NUMBER.fullmatch(text)):
        return text
    return f"'{text}"


def cut(text: str, words: Wording, most: int = CELL_CHARS) -> str:
    """The text, or as much of it as fits before a mark that says how long it is."""
    if len(text) * 2 <= most or _units(text) <= most:
        return text
    mark = words.cut.format(chars=len(text))
    room = most - len(mark)
    kept = text[:room]
    while _units(kept) > room:
        kept = kept[: -max(1, (_units(kept) - room) // 2)]
    return kept + mark


def _units(text: str) -> int:
    """Its length in UTF-16 units."""
    return len(text) + sum(char > "\uffff" for char in text)
