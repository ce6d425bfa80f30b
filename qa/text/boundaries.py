"""Sentence borders, for Chinese, Japanese and English; used by the passage splitter and by the answerer.

A sentence ends at 。！？!? ．… or a full stop that isn't an abbreviation's or a decimal's, together with the closing
quotes and brackets behind it, and at every line break that isn't
a hard wrap's. ； and ： end nothing. A quotation is not cut while the sentence
goes on after it: “快！再快点！”他说。 is one sentence. Quotes that are never closed change nothing, and no quotation
reaches beyond its line or beyond ``QUOTATION_CHARS``, so that a lost quote can't swallow the rest of a text.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import regex  # type: ignore[import-untyped]  # no stubs among the development tools

QUOTATION_CHARS = 120
"""Longest quotation or bracket that is kept whole; the longest that goes on in the sample pages has 75."""
WRAPPED_CHARS = 45
"""Characters before a line break from which on a line without a mark at its end counts as hard-wrapped."""
_CLOSED = regex.compile(r"[\])）］】]")
_LOOK = 40  # characters looked at before and behind a mark, so that the time taken grows with the text and no faster

_CLOSES = {
    "“": "”",
    "‘": "’",
    "「": "」",
    "『": "』",
    "《": "》",
    "〈": "〉",
    "（": "）",
    "(": ")",
    "【": "】",
    "[": "]",
    "〔": "〕",
}
_CLOSERS = "".join(_CLOSES.values()) + "\"'"
_SIGNS = frozenset([*_CLOSES, *_CLOSERS])
_DEPTH = 8  # signs open at once that are looked at; nobody nests deeper
_END = regex.compile(
    rf"(?P<mark>[。！？!?．｡‼⁇⁈⁉]+|…+|\.{{3,}}|[.](?![.]))[。！？!?…．.]*(?P<closers>[{regex.escape(_CLOSERS)}]*)"
)
_GOES_ON = regex.compile(r"[，、；：,;:。！？!?…．.]")
_CJK = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}ー]")
_HIRAGANA = regex.compile(r"\p{Hiragana}")
# A line, and those that go on with it: hard-wrapped lines of a spaced script, told by lower case after the break, or
# by a long line that breaks off without a mark.
_WORD = r"[\p{L}\p{N}--[\p{Han}\p{Hiragana}\p{Katakana}]]"
_REST = r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]"
_LINE = regex.compile(
    rf"{_REST}+(?:(?:(?<=[{_WORD},;'’\-])\r?\n(?=\p{{Ll}})|(?<={_REST}{{{WRAPPED_CHARS}}}[{_WORD},])\r?\n(?={_WORD})){_REST}+)*",
    regex.V1,
)
# A full stop after these ends no sentence; after the second kind only where a figure follows.
_ABBREVIATION = regex.compile(
    r"mr|mrs|ms|dr|prof|st|jr|sr|rev|hon|gen|col|capt|lt|sgt|gov|sen|rep|mt|vs|cf|approx|resp"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|i\.e|e\.g|a\.m|p\.m|u\.s|u\.k|u\.n|ph\.d"
)
_BEFORE_FIGURE = regex.compile(r"nos?|figs?|vols?|pp?|ch|sec|art|eq")


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans ``(start, end)`` of the sentences, in order; between them stand only blanks. Empty text gives none."""
    spans: list[tuple[int, int]] = []
    for line in _LINE.finditer(text):
        content = line.group()
        start = 0
        for end in [*_ends(content), len(content)]:
            part = content[start:end]
            if stripped := part.strip():
                first = line.start() + start + part.index(stripped[0])
                spans.append((first, first + len(stripped)))
            start = end
    return spans


def _ends(line: str) -> list[int]:
    whole = _kept_whole(line)
    starts = [start for start, _ in whole]
    straight = {sign: [at for at, character in enumerate(line) if character == sign] for sign in "\"'" if sign in line}
    ends: list[int] = []
    for match in _END.finditer(line):
        inside = bisect_right(starts, match.start()) - 1
        if inside >= 0 and match.start() < whole[inside][1]:
            continue
        end = match.end()
        if match["closers"]:
            end = _own_closers(match, straight)
        if _is_end(line, match, end, ends[-1] if ends else 0):
            ends.append(end)
    return ends


def _own_closers(match: regex.Match[str], straight: dict[str, list[int]]) -> int:
    """Where the closing quotes behind a mark end; a straight quote closes only where one is open."""
    end: int = match.start("closers")
    for character in match["closers"]:
        if character in straight and bisect_left(straight[character], end) % 2 == 0:
            break
        end += 1
    return end


def _is_end(line: str, match: regex.Match[str], end: int, start: int) -> bool:
    mark, rest = match["mark"], line[end : end + _LOOK]
    after = rest.lstrip()
    if not after:
        return True
    before = line[match.start() - 1] if match.start() else ""
    if after[0].islower() and not _CJK.match(after) and mark[0] not in "。｡":
        return False
    if mark[0] in "。！？｡‼⁇⁈⁉…":
        return not (mark[0] == "…" and _GOES_ON.match(after))
    spaced = rest != after or end > match.start("closers")
    if mark[0] in "!?":
        return spaced or bool(_CJK.match(before) or _CJK.match(after)) or not after[0].isalnum()
    if len(mark) > 1:  # ...
        return spaced or bool(_CJK.match(after))
    return _is_full_stop(line, match.start(), before, after, spaced=spaced, start=start)


def _is_full_stop(line: str, at: int, before: str, after: str, *, spaced: bool, start: int) -> bool:
    if _CJK.match(before):
        return not (after[0].isalnum() and after[0].isascii()) or spaced
    if not spaced:
        return bool(_CJK.match(after)) and not before.isalnum()
    words = line[max(start, at - _LOOK) : at].split()
    # What a bracket closes before it is no part of the word: [1]Mr.
    word = _CLOSED.split(words[-1])[-1].lstrip("(\"'“‘[").casefold() if words else ""
    if len(words) == 1 and word.isdigit():  # "1. Introduction": the number of an item
        return False
    if len(word) == 1 and word.isalpha():  # an initial
        return False
    return not (_ABBREVIATION.fullmatch(word) or (_BEFORE_FIGURE.fullmatch(word) and after[0].isdigit()))


def _kept_whole(line: str) -> list[tuple[int, int]]:
    """Spans of quotations and brackets that no sentence may end in: the sentence goes on after them; outermost only."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(_pairs(line)):
        if found and start < found[-1][1]:
            continue
        if end - start <= QUOTATION_CHARS and _goes_on(line, start, end):
            found.append((start, end))
    return found


def _pairs(line: str) -> list[tuple[int, int]]:
    """Balanced quotations and brackets, as spans with both signs; an opening sign without its closing one is none."""
    pairs: list[tuple[int, int]] = []
    open_signs: list[tuple[str, int]] = []
    straight = line.count('"') % 2 == 0
    for at, character in enumerate(line):
        if character not in _SIGNS:
            continue
        if open_signs and at - open_signs[-1][1] > QUOTATION_CHARS:
            open_signs.clear()
        near = open_signs[-_DEPTH:]
        if character in _CLOSES:
            open_signs.append((_CLOSES[character], at))
        elif character == '"' and straight and not any(sign == '"' for sign, _ in near):
            open_signs.append(('"', at))
        else:
            matching = [opened for sign, opened in near if sign == character]
            if matching:
                pairs.append((matching[-1], at + 1))
                while open_signs.pop()[1] != matching[-1]:
                    pass
    return pairs


def _goes_on(line: str, start: int, end: int) -> bool:
    inner = line[start:end].rstrip(_CLOSERS)
    if not inner or not _END.fullmatch(inner[-1]):
        return True  # 《你好！李焕英》: what stands inside ends no sentence
    rest = line[end : end + _LOOK].lstrip(_CLOSERS)
    after = rest.lstrip()
    if not after:
        return False
    if _GOES_ON.match(after) or (after[0].islower() and not _CJK.match(after)):
        return True
    if rest == after and _HIRAGANA.match(after):
        return True  # 「はい。」と言った
    if rest != after or not after[0].isalnum() or after[0].isupper():
        return False
    # “……！”他说。: a quotation that opens a sentence, directly followed by words, is followed by who said it. A bracket
    # does the opposite: 他（三岁！）会写字了。
    before = line[max(start - _LOOK, 0) : start].rstrip()
    opens = not before or before[-1] in "。！？!?…." + _CLOSERS
    return not opens and inner[-1] not in "。｡." if line[start] in "（([【〔" else opens
