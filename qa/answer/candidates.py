"""Candidates: the spans of a passage that could answer, cut at word borders within clauses.

Everything here depends on the passage alone, not on the question, and is kept for the passages asked of last. Spans are
found in the folded text, so that Traditional pages are cut as well as simplified ones, and carry their places in the
printed one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np
import numpy.typing as npt
import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba

from qa.articles import dateline_length
from qa.text import fold, sentences
from qa.text.numerals import numbers

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

SPAN_CHARS = 28
"""Longest span cut at word borders; nine in ten answers of CMRC 2018 and DRCD are no longer than 23 and 8."""
SPAN_TOKENS = 14
CLAUSES_CHARS = 90
"""Longest run of whole clauses."""
WORD_BUCKETS = 1024
"""Words are known to the ranker by a hash of this many values."""
KEPT_BLOCKS = 1024
"""Blocks kept, the ones used last; a passage of 350 characters takes about 40 kB."""

TAGS = (
    "", "n", "nr", "ns", "nt", "nz", "v", "vn", "a", "ad", "d", "p", "c", "uj", "ul", "u", "m", "q", "r", "t", "f", "s",
    "l", "i", "j", "b", "x", "eng", "open", "close", "comma", "stop", "mid",
)  # fmt: skip
"""Groups of jieba's tags, signs parted by what they do; the first is "no word"."""
_TAG = {tag: number for number, tag in enumerate(TAGS)}
_SIGNS = (
    dict.fromkeys("《〈（([【", "open")
    | dict.fromkeys("》〉）)]】", "close")
    | dict.fromkeys(",，:：—", "comma")
    | dict.fromkeys("。；;！!？?…\n", "stop")
    | dict.fromkeys("、·・", "mid")
)
_NEVER_FIRST = frozenset(_TAG[tag] for tag in ("close", "comma", "stop", "mid", "uj", "ul"))
_NEVER_LAST = frozenset(_TAG[tag] for tag in ("open", "comma", "stop", "mid", "p", "c", "uj"))
_BREAKS = frozenset(_TAG[tag] for tag in ("comma", "stop"))
_YEAR_DIGIT, _DIGIT = r"[\d〇零一二三四五六七八九十]", r"[\d一二三四五六七八九十]"
# A run of digits is tried from its beginning alone, or from where the match before ended: from each digit, a long one
# would take quadratic time.
_YEAR_DIGITS, _DIGITS = (rf"(?:\G|(?<!{digit})){digit}+" for digit in (_YEAR_DIGIT, _DIGIT))
_MONTH = rf"月(?:份|{_DIGIT}+[日号])?"
_DATE = regex.compile(
    rf"(?:公元前?|民国|西元前?|前)?{_YEAR_DIGITS}(?:年代?|世纪)(?:[初中末]期?|{_DIGIT}+{_MONTH})?"
    rf"|{_DIGITS}{_MONTH}|(?:大年|正月|腊月)?初[一二三四五六七八九十]"
    rf"|{_DIGITS}[点时](?:{_DIGIT}+分|半|多|许)?(?!间)|腊月[一二三四五六七八九十廿]+"
)
_QUOTED = regex.compile(r"《[^》]{1,40}》|\"[^\"]{1,40}\"|〈[^〉]{1,40}〉")
_CLAUSE = regex.compile(r"(?:[^,:。；;！!？?…—]|(?<=\d),(?=\d))+")
_MEASURES = regex.compile(
    r"[多余几]?[万亿]?[多余]?(?:平方|立方)?(?:公里|英里|千米|厘米|毫米|公尺|公顷|公斤|英尺|美元|美金|港币|小时|分钟|\p{Han}|[%°a-z]{1,3})"
)

LENGTHS = (1, 2, 3, 5, 8, 13, 20, 35)
"""Upper ends of the classes of length."""
STATIC = 34 + len(LENGTHS)
"""Columns of ``Block.static``."""
QUOTED, INSIDE_QUOTES, ENUMERATES, HAS_NUMBER, HAS_DATE = 6, 7, 11, 14, 20
"""Some of them."""
_HALF_BRACKET, _HALF_QUOTE = 9, 10


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A passage's text, or a line that stands above it, as matching sees it."""

    text: str
    folded: str
    offsets: Ints
    """Place in ``text`` of each folded character, and its length at the end."""
    sentences: Ints
    """(sentences, 2): start and end in ``folded``."""
    clauses: Ints
    """(clauses, 2): start and end in ``folded`` of what stands between commas, in order."""
    values: tuple[tuple[str, int, int], ...]
    """Numbers: value, start, end in ``folded``."""
    figures: Mapping[str, Sequence[tuple[int, int]]]
    """Where each value stands, and each value with the character behind it."""

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where a folded span stands in ``text``, blanks around it left out."""
        first, last = int(self.offsets[start]), int(self.offsets[end - 1]) + 1
        following = int(self.offsets[end])
        last = max(last, following) if not self.text[last:following].strip() else last
        raw = self.text[first:last]
        return first + len(raw) - len(raw.lstrip()), last - len(raw) + len(raw.rstrip())


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """All that could answer in a text."""

    layout: Layout
    words: Ints
    """(tokens, 2): start and end of each token in the folded text, with an empty one at both ends."""
    texts: tuple[str, ...]
    """Each token's text; empty for signs, which mean nothing."""
    tags: Ints
    """Per token, with one for "no word" at both ends."""
    hashes: Ints
    spans: Ints
    """(candidates, 6): start, end in the folded text; first and last token; sentence; 1 for whole clauses."""
    clauses: Ints
    """(candidates, 2): start and end in the folded text of the clauses that the candidate stands in."""
    static: Floats
    """(candidates, STATIC): what is known of a candidate without the question."""


@lru_cache(maxsize=KEPT_BLOCKS)
def layout(text: str) -> Layout:
    """``text`` folded, with its sentences and numbers."""
    folded = fold(text)
    offsets = np.array([*folded.offsets, len(text)], dtype=np.int32)
    parts = _sentences(text, offsets)
    clauses = [
        (low + match.start(), low + match.end())
        for low, high in parts.tolist()
        for match in _CLAUSE.finditer(folded.text[low:high])
    ]
    between = np.array(clauses, dtype=np.int32).reshape(-1, 2)
    values = tuple(numbers(folded.text))
    figures: dict[str, list[tuple[int, int]]] = {}
    for value, start, end in values:
        figures.setdefault(value, []).append((start, end))
        figures.setdefault(value + folded.text[end : end + 1], []).append((start, end + 1))
    return Layout(text, folded.text, offsets, parts, between, values, figures)


@lru_cache(maxsize=KEPT_BLOCKS)
def block(text: str) -> Block:
    """The candidates of ``text``; none for a text without words."""
    seen = layout(text)
    words, tags, hashes = _tokens(seen.folded)
    spans, clauses = _spans(words, tags, seen.sentences)
    static = _static(seen.folded, tags, seen.sentences, seen.values, spans, clauses)
    # Nothing that cuts a quotation or a bracket in two.
    whole = (static[:, _HALF_BRACKET] == 0) & (static[:, _HALF_QUOTE] == 0)
    return Block(seen, words, _telling(seen.folded, words), tags, hashes, spans[whole], clauses[whole], static[whole])


def word_hash(word: str) -> int:
    """The ranker's number for a word."""
    return crc32(word.encode("utf-8", "replace")) % WORD_BUCKETS


def _tokens(folded: str) -> tuple[Ints, Ints, Ints]:
    words, tags, hashes, at = [(0, 0)], [0], [0], 0
    quotes = 0
    for word, tag in _tagged(folded):
        start, at = at, at + len(word)
        if word.isspace() and word != "\n":
            continue
        name = _SIGNS.get(word, "")
        if word == '"':
            name = "close" if quotes % 2 else "open"
            quotes += 1
        elif word == "," and folded[start - 1 : start].isdigit() and folded[at : at + 1].isdigit():
            name = "m"
        elif not name:
            name = tag if tag in _TAG else tag[:2] if tag[:2] in _TAG else tag[:1] if tag[:1] in _TAG else "x"
        words.append((start, at))
        tags.append(_TAG[name])
        hashes.append(word_hash(word))
    words.append((at, at))
    return (
        np.array(words, dtype=np.int32).reshape(-1, 2),
        np.array([*tags, 0], dtype=np.int32),
        np.array([*hashes, 0], dtype=np.int32),
    )


def _telling(folded: str, words: Ints) -> tuple[str, ...]:
    texts = [folded[start:end] for start, end in words.tolist()]
    return tuple(text if any(map(str.isalnum, text)) else "" for text in texts)


def _tagged(folded: str) -> Iterator[tuple[str, str]]:
    """Jieba's words with their tags; a date's unit is a word of its own (1962|年出|生 is 1962|年|出|生)."""
    after_figure = False
    for word, tag in rjieba.tag(folded):
        if after_figure and len(word) > 1 and word[0] in "年月日":
            yield word[0], "m"
            yield word[1:], tag
        else:
            yield word, tag
        after_figure = word[-1].isdigit()


def _sentences(text: str, offsets: Ints) -> Ints:
    """Spans in the folded text; run-in datelines (``本报讯（记者 …）``) are cut off, for they tell only who reports."""
    found = []
    for start, end in sentences(text):
        first = start + dateline_length(text[start:end])
        low, high = np.searchsorted(offsets[:-1], (first, end)).tolist()
        if low < high:
            found.append((low, high))
    return np.array(found, dtype=np.int32).reshape(-1, 2)


def _spans(words: Ints, tags: Ints, parts: Ints) -> tuple[Ints, Ints]:
    starts, ends, kinds = words[:, 0].tolist(), words[:, 1].tolist(), tags.tolist()
    spans: list[tuple[int, int, int, int, int, int]] = []
    around: list[tuple[int, int]] = []
    token = 1
    for number, (start, end) in enumerate(parts.tolist()):
        while token < len(starts) - 1 and starts[token] < start:
            token += 1
        first = token
        while token < len(starts) - 1 and starts[token] < end:
            token += 1
        clauses = _clauses(kinds, first, token)
        for low, high in clauses:
            where = (starts[low], ends[high - 1])
            for i in range(low, high):
                if kinds[i] in _NEVER_FIRST:
                    continue
                for j in range(i, min(high, i + SPAN_TOKENS)):
                    if ends[j] - starts[i] > SPAN_CHARS:
                        break
                    if kinds[j] not in _NEVER_LAST:
                        spans.append((starts[i], ends[j], i, j, number, 0))
                        around.append(where)
        for a in range(len(clauses)):
            for b in range(a, len(clauses)):
                i, j = clauses[a][0], clauses[b][1] - 1
                if (b > a or ends[j] - starts[i] > SPAN_CHARS) and (
                    ends[j] - starts[i] <= CLAUSES_CHARS or b == a or (a == 0 and b == len(clauses) - 1)
                ):
                    spans.append((starts[i], ends[j], i, j, number, 1))
                    around.append((starts[i], ends[j]))
    return np.array(spans, dtype=np.int32).reshape(-1, 6), np.array(around, dtype=np.int32).reshape(-1, 2)


def _clauses(kinds: list[int], first: int, past: int) -> list[tuple[int, int]]:
    """Runs of tokens between commas and stops, as (first, past)."""
    found, start = [], first
    for token in range(first, past + 1):
        if token == past or kinds[token] in _BREAKS:
            if token > start:
                found.append((start, token))
            start = token + 1
    return found


def _static(
    folded: str,
    tags: Ints,
    parts: Ints,
    values: tuple[tuple[str, int, int], ...],
    spans: Ints,
    clauses: Ints,
) -> Floats:
    columns = np.zeros((len(spans), STATIC), dtype=np.float32)
    if not len(spans):
        return columns
    start, end, first, last, sentence, whole = spans.T
    length = end - start
    characters = np.frombuffer(folded.encode("utf-32-le", "replace"), dtype=np.uint32)

    def among(signs: str) -> npt.NDArray[np.bool_]:
        return np.isin(characters, [ord(sign) for sign in signs])

    def inside(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        total = np.concatenate(([0], np.cumsum(flags)))
        found: npt.NDArray[np.int64] = total[end] - total[start]
        return found

    number = np.zeros(len(folded), dtype=bool)
    number_start = np.zeros(len(folded) + 1, dtype=bool)
    number_end = np.zeros(len(folded) + 1, dtype=bool)
    measured_end = np.zeros(len(folded) + 1, dtype=bool)
    for _, low, high in values:
        number[low:high] = number_start[low] = number_end[high] = True
        if match := _MEASURES.match(folded, high):
            measured_end[match.end()] = True
    date = np.zeros(len(folded), dtype=bool)
    date_at = np.zeros(len(folded) + 1, dtype=np.int32)
    for match in _DATE.finditer(folded):
        date[match.start() : match.end()] = True
        date_at[match.start()] = match.end()
    quoted = np.zeros(len(folded), dtype=bool)
    quoted_at = np.zeros(len(folded) + 1, dtype=np.int32)
    inner_at = np.zeros(len(folded) + 1, dtype=np.int32)
    for match in _QUOTED.finditer(folded):
        quoted[match.start() : match.end()] = True
        quoted_at[match.start()] = match.end()
        inner_at[match.start() + 1] = match.end() - 1
    tokens = (last - first + 1).astype(np.float32)

    def share(*names: str) -> Floats:
        total = np.concatenate(([0], np.cumsum(np.isin(tags, [_TAG[name] for name in names]))))
        found: Floats = ((total[last + 1] - total[first]) / tokens).astype(np.float32)
        return found

    opened, closed = inside(among("《〈（([【")), inside(among("》〉）)]】"))
    features: list[npt.NDArray[np.generic]] = [
        np.log(length),
        start == clauses[:, 0],
        end == clauses[:, 1],
        (start == clauses[:, 0]) & (end == clauses[:, 1]),
        whole,
        (start == parts[sentence, 0]) & (end >= parts[sentence, 1] - 2),
        quoted_at[start] == end,
        inner_at[start] == end,
        quoted[start] & (quoted_at[start] != end),
        opened != closed,
        inside(among('"')) % 2 == 1,
        inside(among("、")) > 0,
        inside(among("和与及或")) > 0,
        inside(among(",，")) > 0,
        inside(number) > 0,
        number_start[start],
        number_end[end],
        measured_end[end],
        number_start[start] & measured_end[end],
        date_at[start] == end,
        inside(date) > 0,
        inside(date) / length,
        share("nr"),
        share("ns"),
        share("nt", "nz", "j"),
        share("n", "vn", "l", "i"),
        share("v"),
        share("a", "ad", "d"),
        share("m", "q", "t"),
        share("p", "c", "uj", "ul", "u", "r", "f"),
        share("x", "eng"),
        np.minimum(tokens, 10) / 10,
        (start - parts[sentence, 0]) / (parts[sentence, 1] - parts[sentence, 0]),
        np.minimum(sentence, 6) / 6,
    ]
    lows = (0, *LENGTHS[:-1])
    features += [(length > low) & (length <= high) for low, high in zip(lows, LENGTHS, strict=True)]
    columns[:] = np.stack([np.asarray(feature, dtype=np.float32) for feature in features], axis=1)
    return columns
