"""Candidates: the spans of a passage that could answer, cut at word borders within clauses.

Everything here depends on the passage alone, not on the question, and is kept for the passages asked of last. Spans are
found in the folded text, so that Traditional pages are cut as well as simplified ones, and carry their places in the
printed one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from zlib import crc32

import numpy as np
import numpy.typing as npt
import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba

from qa.articles import dateline_length
from qa.text import Folded, fold, sentences
from qa.text.numerals import numbers

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

SPAN_CHARS = 28
"""Longest span cut at word borders; nine in ten answers of CMRC 2018 and DRCD are no longer than 23 and 8."""
SPAN_TOKENS = 14
CLAUSES_CHARS = 90
"""Longest run of whole clauses, and longest enumeration."""
ITEM_TOKENS = 8
"""Tokens before the first 、 of an enumeration and behind its last, at most."""
WORD_BUCKETS = 1024
"""Words are known to the ranker by a hash of this many values."""
KEPT_BLOCKS = 1024
"""Blocks kept, the ones used last; a passage of 350 characters takes 40 to 160 kB, by how many of its sentences were
looked at."""

TAGS = (
    "", "n", "nr", "ns", "nt", "nz", "v", "vn", "a", "ad", "d", "p", "c", "uj", "ul", "u", "m", "q", "r", "t", "f", "s",
    "l", "i", "j", "b", "x", "eng", "open", "close", "comma", "stop", "mid",
)  # fmt: skip
"""Groups of jieba's tags, signs parted by what they do; the first is "no word"."""
_TAG = {tag: number for number, tag in enumerate(TAGS)}
TAG_GROUPS = (
    "nr", "ns", "nt nz j", "n vn l i", "v", "a ad d", "m q t", "p c uj ul u r f", "x eng",
)  # fmt: skip
"""Groups of tags whose share in a candidate is one of its columns."""
_IN_GROUP = [np.array([tag != "" and tag in group.split() for tag in TAGS]) for group in TAG_GROUPS]
_SIGNS = (
    dict.fromkeys("《〈（([【", "open")
    | dict.fromkeys("》〉）)]】", "close")
    | dict.fromkeys(",，:：—", "comma")
    | dict.fromkeys("。；;！!？?…\n", "stop")
    | dict.fromkeys("、·・", "mid")
)
_NEVER_FIRST = frozenset(_TAG[tag] for tag in ("close", "comma", "stop", "mid", "uj", "ul"))
_NEVER_LAST = frozenset(_TAG[tag] for tag in ("open", "comma", "stop", "mid", "p", "c", "uj"))
_MID = _TAG["mid"]
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
"""Columns of ``Spans.static``."""
QUOTED, INSIDE_QUOTES, ENUMERATES, HAS_NUMBER, IS_MEASURED, HAS_DATE = 6, 7, 11, 14, 18, 20
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

    @property
    def folding(self) -> Folded:
        """``fold(text)``."""
        return Folded(self.folded, tuple(self.offsets[:-1].tolist()))

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where a folded span stands in ``text``, blanks around it left out."""
        first, last = int(self.offsets[start]), int(self.offsets[end - 1]) + 1
        following = int(self.offsets[end])
        last = max(last, following) if not self.text[last:following].strip() else last
        raw = self.text[first:last]
        return first + len(raw) - len(raw.lstrip()), last - len(raw) + len(raw.rstrip())


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Candidates: those of some sentences of a block."""

    places: Ints
    """(candidates, 6): start, end in the folded text; first and last token; sentence; 1 for whole clauses."""
    clauses: Ints
    """(candidates, 2): start and end in the folded text of the clauses that the candidate stands in."""
    static: Floats
    """(candidates, STATIC): what is known of a candidate without the question."""


def joined(found: Sequence[Spans]) -> Spans:
    """Candidates one after another."""
    every = found or [_NO_SPANS]
    return Spans(
        np.concatenate([each.places for each in every]),
        np.concatenate([each.clauses for each in every]),
        np.concatenate([each.static for each in every]),
    )


_NO_SPANS = Spans(
    np.zeros((0, 6), dtype=np.int32), np.zeros((0, 2), dtype=np.int32), np.zeros((0, STATIC), dtype=np.float32)
)


@dataclass(frozen=True, eq=False)
class Block:
    """All that could answer in a text. What a question's best sentences don't need isn't made."""

    layout: Layout
    words: Ints
    """(tokens, 2): start and end of each token in the folded text, with an empty one at both ends."""
    texts: tuple[str, ...]
    """Each token's text; empty for signs, which mean nothing."""
    tags: Ints
    """Per token, with one for "no word" at both ends."""
    hashes: Ints
    made: dict[int, Spans] = field(default_factory=dict)
    """The candidates of the sentences that were asked for."""

    def of_sentence(self, number: int) -> Spans:
        """The candidates of a sentence."""
        if number not in self.made:
            self.made[number] = _of_sentence(self, number)
        return self.made[number]

    @cached_property
    def marks(self) -> Marks:
        """What stands where in the text."""
        return _marks(self.layout, self.tags)


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """What stands where in a text: per place in the folded text, and how much of something stands before each place."""

    number_start: Bools
    number_end: Bools
    measured_end: Bools
    date_at: Ints
    """Per place, where the date ends that begins there; 0 for none. So for what stands in quotes, and inside of it."""
    quoted_at: Ints
    inner_at: Ints
    quoted: Bools
    numbers: Ints
    dates: Ints
    opened: Ints
    closed: Ints
    quotes: Ints
    pauses: Ints
    joints: Ints
    commas: Ints
    tagged: Sequence[Ints]
    """Per group of TAG_GROUPS, how many tokens of it stand before each token."""


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


def whole_slogan(block: Block, start: int, end: int) -> tuple[int, int]:
    """The short quotation with commas (“强意识,查隐患,促发展”) that a span is in or cuts; else the span."""
    opened = _TAG["open"]
    for i, tag in enumerate(block.tags.tolist()):
        if tag == opened and (match := _SLOGAN.match(block.layout.folded, int(block.words[i, 0]))):
            low, high = match.span(1)
            if low <= start < high < end or start < low < end <= high or (low <= start and end <= high):
                return low, high
    return start, end


_SLOGAN = regex.compile(r'"([^",。！？!?;；]{1,12}(?:,[^",。！？!?;；]{1,12}){1,5})"')


@lru_cache(maxsize=KEPT_BLOCKS)
def block(text: str) -> Block:
    """The candidates of ``text``; none for a text without words."""
    seen = layout(text)
    words, tags, hashes = _tokens(seen.folded)
    return Block(seen, words, _telling(seen.folded, words), tags, hashes)


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


def _of_sentence(block: Block, number: int) -> Spans:
    """The candidates of a sentence: nothing that cuts a quotation or a bracket in two."""
    places, clauses = _spans(block, number)
    static = _static(block, places, clauses)
    whole = (static[:, _HALF_BRACKET] == 0) & (static[:, _HALF_QUOTE] == 0)
    return Spans(places[whole], clauses[whole], static[whole])


def _spans(block: Block, number: int) -> tuple[Ints, Ints]:
    low, high = (np.searchsorted(block.words[1:-1, 0], block.layout.sentences[number]) + 1).tolist()
    starts, ends, kinds = block.words[:, 0].tolist(), block.words[:, 1].tolist(), block.tags.tolist()
    spans: list[tuple[int, int, int, int, int, int]] = []
    around: list[tuple[int, int]] = []
    clauses = _clauses(kinds, low, high)
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
        for i, j in _lists(kinds, low, high):
            long = j >= i + SPAN_TOKENS or ends[j] - starts[i] > SPAN_CHARS  # others are there already
            there = (i, j) == (low, high - 1) and ends[j] - starts[i] > SPAN_CHARS  # as a whole clause, below
            if long and not there and ends[j] - starts[i] <= CLAUSES_CHARS:
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


def _lists(kinds: list[int], low: int, high: int) -> Iterator[tuple[int, int]]:
    """First and last tokens of what may be an enumeration within a clause: from its first item to its last."""
    joints = [token for token in range(low + 1, high - 1) if kinds[token] == _MID]
    if joints:
        for i in range(max(low, joints[0] - ITEM_TOKENS), joints[0]):
            for j in range(joints[-1] + 1, min(high, joints[-1] + 1 + ITEM_TOKENS)):
                if kinds[i] not in _NEVER_FIRST and kinds[j] not in _NEVER_LAST:
                    yield i, j


def _clauses(kinds: list[int], first: int, past: int) -> list[tuple[int, int]]:
    """Runs of tokens between commas and stops, as (first, past)."""
    found, start = [], first
    for token in range(first, past + 1):
        if token == past or kinds[token] in _BREAKS:
            if token > start:
                found.append((start, token))
            start = token + 1
    return found


def _marks(seen: Layout, tags: Ints) -> Marks:
    folded = seen.folded
    size = len(folded)
    number, date, quoted = (np.zeros(size, dtype=np.bool_) for _ in range(3))
    number_start, number_end, measured_end = (np.zeros(size + 1, dtype=np.bool_) for _ in range(3))
    date_at, quoted_at, inner_at = (np.zeros(size + 1, dtype=np.int32) for _ in range(3))
    for _, low, high in seen.values:
        number[low:high] = number_start[low] = number_end[high] = True
        if match := _MEASURES.match(folded, high):
            measured_end[match.end()] = True
    for match in _DATE.finditer(folded):
        date[match.start() : match.end()] = True
        date_at[match.start()] = match.end()
    for match in _QUOTED.finditer(folded):
        quoted[match.start() : match.end()] = True
        quoted_at[match.start()] = match.end()
        inner_at[match.start() + 1] = match.end() - 1
    characters = np.frombuffer(folded.encode("utf-32-le", "replace"), dtype=np.uint32)

    def among(signs: str) -> Ints:
        flags = np.zeros(size, dtype=np.bool_)
        for sign in signs:
            if sign in folded:
                flags |= characters == ord(sign)
        return _before(flags)

    return Marks(
        number_start,
        number_end,
        measured_end,
        date_at,
        quoted_at,
        inner_at,
        quoted,
        _before(number),
        _before(date),
        among("《〈（([【"),
        among("》〉）)]】"),
        among('"'),
        among("、"),
        among("和与及或"),
        among(",，"),
        [_before(group[tags]) for group in _IN_GROUP],
    )


def _before(flags: Bools) -> Ints:
    """How many are set before each place."""
    found = np.zeros(len(flags) + 1, dtype=np.int32)
    np.cumsum(flags, out=found[1:])
    return found


def _static(block: Block, places: Ints, clauses: Ints) -> Floats:
    found = np.zeros((len(places), STATIC), dtype=np.float32)
    if not len(places):
        return found
    start, end, first, last, sentence, whole = places.T
    low, high = block.layout.sentences[sentence[0]].tolist()
    marks, length = block.marks, end - start

    def inside(before: Ints) -> Ints:
        within: Ints = before[end] - before[start]
        return within

    tokens = (last - first + 1).astype(np.float32)
    begins, ends = start == clauses[:, 0], end == clauses[:, 1]
    numbers, dates, is_quoted = inside(marks.numbers), inside(marks.dates), marks.quoted_at[start] == end
    columns: list[npt.NDArray[np.generic]] = [
        np.log(length),
        begins,
        ends,
        begins & ends,
        whole,
        (start == low) & (end >= high - 2),
        is_quoted,
        marks.inner_at[start] == end,
        marks.quoted[start] & ~is_quoted,
        inside(marks.opened) != inside(marks.closed),
        inside(marks.quotes) % 2 == 1,
        inside(marks.pauses) > 0,
        inside(marks.joints) > 0,
        inside(marks.commas) > 0,
        numbers > 0,
        marks.number_start[start],
        marks.number_end[end],
        marks.measured_end[end],
        marks.number_start[start] & marks.measured_end[end],
        marks.date_at[start] == end,
        dates > 0,
        dates / length,
        *((before[last + 1] - before[first]) / tokens for before in marks.tagged),
        np.minimum(tokens, 10) / 10,
        (start - low) / (high - low),
        np.minimum(sentence, 6) / 6,
    ]
    lows = (0, *LENGTHS[:-1])
    columns += [(length > low) & (length <= high) for low, high in zip(lows, LENGTHS, strict=True)]
    for i, column in enumerate(columns):
        found[:, i] = column
    return found
