"""Roles: who does something is not whom it is done for. 谁发了口罩 isn't answered by 为职工 of 为职工发放口罩.

Both stand next to the words that the question repeats, so that nothing else parts them. Chinese marks whom something is
done for or to by a word before (为, 给, 向, 对 …), so where the doer is asked for, what stands between such a word and
the verb is no answer. Who does it may be left out of the sentence, for it is the one that was spoken of before: then it
is the subject of an earlier sentence of the passage, or the name that its heading is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba

from qa.answer.candidates import TAGS, Block, Ints
from qa.answer.kinds import Expected, Kind

MARKS = frozenset("为给向对替帮把将")
"""Words before those whom something is done for or to."""
_WITH = frozenset("和与跟同")
"""Words before those who do it together."""
_NOWHERE = frozenset({"地方", "地区", "地点", "位置", "场所", "地带"})
"""Places that do nothing."""
_DOERS: frozenset[Kind] = frozenset({"person", "organisation", "place", "which"})
_ENGLISH = regex.compile(r"\bwho (?!(?:is|are|was|were|am|do|does|did|else|will|would|can|could|has|have|had)\b)\w")
_RECEIVERS: frozenset[Kind] = _DOERS | {"list"}
_RECEIVES = regex.compile(
    r"\bwho (?:has |have )?(?:receive[sd]?|benefit(?:s|ed)?)\b"
    r"|\bwho (?:gets?|got) (?:the|an?|some|these|those|this|all|\d)\b"
    r"|\b(?:to|for) whom\b|\bwho\b.{1,60}\b(?:given|sent|handed|donated|distributed) to\b"
    r"|(?:谁|だれ)に(?![よもは])"
)
_GETS = regex.compile(r"\p{Han}{0,6}?(?:收到|领到|领取|分到|拿到|收下)")
_HANDS = regex.compile(r"\p{Han}{0,6}?的?(?:手[里中上]|身边)")
_INTO_HANDS = regex.compile(r"到了?((?:(?!到)[^,。;；:：!！?？]){1,40}?)的?(?:手[里中上]|身边)")
_BEFORE_DOER = frozenset("是由")
_DOES = frozenset({"v", "vd", "d", "ad", "p", "ul"})
"""Tags of what may follow the doer; ul: 发了 is one word with a particle."""
_IS = frozenset({"是", "叫", "属于"})
_ENDS = regex.compile(
    r"(?:会|局|厅|院|部|处|科|委|办|队|站|所|校|社|厂|店|行|团|党|组|室|馆|署|台|报|中心|公司|集团|机构|大学|支部|政府|街道|银行)$"
)
"""Ends of names of organisations."""
_NO_NAMES = frozenset(
    {"社会", "机会", "全部", "内部", "外部", "干部", "会", "部", "党", "团", "组", "队", "行", "台", "报", "处"}
)
"""Words that end so, and name nobody."""
_NAMING = frozenset({"n", "nr", "ns", "nt", "nz", "j", "l", "s", "b", "vn", "eng", "x", "f"})
_ACTING = frozenset({"v", "d", "ad", "p", "a", "t"})


@lru_cache(maxsize=256)
def asks_doer(asked: Expected) -> bool:
    """Whether it is asked who does what is told (哪个街道发了…, …是谁发的), not to whom (发给了谁) or what is."""
    own = asked.folded[asked.own :]
    if asked.kind not in _DOERS or asked.start < asked.own or asks_recipient(asked):  # asked within a story
        return False
    if _ENGLISH.search(own):
        return True
    start, end = asked.start - asked.own, asked.end - asked.own
    if asked.focus:
        end = max(end, own.find(asked.focus, start) + len(asked.focus))
    before, after = rjieba.tag(own[:start].rpartition(",")[2]), rjieba.tag(own[end:])
    words = {word for word, _ in before}
    if words & MARKS or (before and before[-1][0] in _WITH) or asked.focus in _NOWHERE:
        return False
    if not after or after[0][1] not in _DOES or after[0][0] in _IS | _WITH:
        return False
    if not any(tag in {"v", "ul"} for _, tag in after):
        return False
    by = bool(before) and before[-1][0] in _BEFORE_DOER
    return by or not any(tag[0] in "vp" for _, tag in before)


@lru_cache(maxsize=256)
def asks_recipient(asked: Expected) -> bool:
    """Whether it is asked to or for whom something is done: 发给了谁, 帮谁联系的, 送到谁手里, *who received …*."""
    own, start, end = asked.folded[asked.own :], asked.start - asked.own, asked.end - asked.own
    if asked.kind not in _RECEIVERS or start < 0:
        return False
    if asked.kind == "person" and _RECEIVES.search(own):
        return True
    behind = own[end:].removeprefix(asked.focus)
    if into_hands(asked) or _GETS.match(behind):
        return True
    before = rjieba.tag(own[:start].rpartition(",")[2])
    if before and before[-1][0] == "了":
        before.pop()
    if not before or not _is_giving(before[-1][0]):
        return False
    # 为 is "for" only before what is done: 院长为谁 asks who the dean is.
    return before[-1][0] != "为" or any(tag[0] == "v" for _, tag in rjieba.tag(behind))


def done_for(block: Block, spans: Ints) -> npt.NDArray[np.bool_]:
    """(spans,): which begin between a word of ``MARKS`` and the verb behind it, or are all that stands there."""
    size = len(block.layout.folded) + 1
    inside, begins = np.zeros(size, dtype=np.int32), np.zeros(size, dtype=np.bool_)
    for mark, first, past in _marked(block):
        inside[mark:past] = 1
        begins[first:past] = True
    total = np.concatenate(([0], np.cumsum(inside)))
    found: npt.NDArray[np.bool_] = total[spans[:, 1]] - total[spans[:, 0]] == spans[:, 1] - spans[:, 0]
    return found | begins[spans[:, 0]]


def received(asked: Expected, block: Block, spans: Ints) -> npt.NDArray[np.bool_]:
    """(spans,): which are whom something is done for or given to, or a part of it."""
    ends = np.zeros(len(block.layout.folded) + 1, dtype=np.int32)
    for first, past in _receivers(asked, block):
        ends[first:past] = past
    found: npt.NDArray[np.bool_] = spans[:, 1] <= ends[spans[:, 0]]
    return found


def whole_receiver(asked: Expected, block: Block, start: int, end: int) -> tuple[int, int]:
    """The whole of whom something is done for, where the span only tells of what sort they are (一线|的职工)."""
    if block.layout.folded[end : end + 1] != "的":
        return start, end
    around = [(first, past) for first, past in _receivers(asked, block) if first <= start and end <= past]
    return around[0] if around else (start, end)


BESIDE_NAMES = frozenset(
    {"说", "称", "讲", "表示", "介绍", "告诉", "指出", "认为", "强调", "透露", "坦言", "回忆"}
    | {"共同", "一起", "一同", "一道", "分别", "正在", "曾经"}
)
"""Words behind whoever says or does something, of whose name they are no part."""


def bare_name(block: Block, start: int, end: int) -> tuple[int, int]:
    """A name without the words behind it that only tell what is done (王芳|说, 街道办事处|共同); never nothing."""
    first, past = np.searchsorted(block.words[:, 0], (start, end)).tolist()
    while past - first > 1 and block.words[past - 1, 1] == end and block.texts[past - 1] in BESIDE_NAMES:
        past -= 1
        end = int(block.words[past, 0])
    return start, end


def helped_in(block: Block, sentence: int) -> list[str]:
    """Whom something is done for in a sentence, in folded characters: none of them does it."""
    low, high = block.layout.sentences[sentence].tolist()
    found = [block.layout.folded[first:past] for _, first, past in _marked(block) if low <= first < past <= high]
    return [name for name in found if len(name) > 1]


def _receivers(asked: Expected, block: Block) -> list[tuple[int, int]]:
    """Where those stand whom something is done for or given to; of 到谁手里 only what is in 到…手中."""
    folded = block.layout.folded
    found = [match.span(1) for match in _INTO_HANDS.finditer(folded)]
    if not into_hands(asked):
        found += [(first, past) for mark, first, past in _marked(block) if folded[mark] not in "把将"]
        found += _given(block)
    return found


def _marked(block: Block) -> Iterator[tuple[int, int, int]]:
    """Where a word of ``MARKS`` stands, where it ends, and where the verb behind it begins, in the folded text."""
    mark: tuple[int, int] | None = None
    for (start, end), text, tag in zip(block.words.tolist(), block.texts, block.tags.tolist(), strict=True):
        if not text and block.layout.folded[start:end] != "、":
            mark = None
        elif mark is None:
            mark = (start, end) if text in MARKS else None
        elif TAGS[tag] == "v":
            yield (*mark, start)
            mark = None


def _given(block: Block) -> Iterator[tuple[int, int]]:
    """What stands behind a verb with 给, up to a figure or a sign: 捐赠给|区总工会, 送给|职工|三百个."""
    first: int | None = None
    before = ""
    for (start, end), text, tag in zip(block.words.tolist(), block.texts, block.tags.tolist(), strict=True):
        sign = not text and block.layout.folded[start:end] != "、"
        if first is not None and (sign or TAGS[tag] == "m"):
            if first < start:
                yield first, start
            first = None
        gives = before in {"v", "vn"}
        if (text.endswith("给") and (len(text) > 1 or gives)) or (first == start and text == "了"):
            first = end
        elif gives and text.startswith("给") and TAGS[tag] not in {"v", "vn"}:  # jieba takes 给区 for a word
            first = start + 1
        before = TAGS[tag]


def into_hands(asked: Expected) -> bool:
    """Whether it is asked into whose hands something came (到谁手里)."""
    before = asked.folded[asked.own : asked.start].removesuffix("了")
    return before.endswith(("到", "给")) and _HANDS.match(asked.folded, asked.end) is not None


def _is_giving(word: str) -> bool:
    return word in MARKS - {"把", "将"} or (len(word) > 1 and word.endswith("给"))


@dataclass(frozen=True, slots=True)
class Subject:
    """A name that a clause begins with, and that does what the clause tells."""

    start: int
    end: int
    """Where it stands in the folded text."""
    sentence: int


def subjects(block: Block) -> list[Subject]:
    """The names that clauses of ``block`` begin with: of people, or of what ends like an organisation."""
    starts = {int(start) for start, _ in block.layout.clauses.tolist()}
    bounds = block.words.tolist()
    found = []
    for first in range(1, len(bounds) - 1):
        if bounds[first][0] not in starts:
            continue
        last = first
        while last < len(bounds) - 1 and TAGS[block.tags[last]] in _NAMING:
            last += 1
        if last > first and _is_name(block, last - 1) and TAGS[block.tags[last]] in _ACTING:
            start, end = bounds[first][0], bounds[last - 1][1]
            sentence = int(np.searchsorted(block.layout.sentences[:, 1], start, side="right"))
            found.append(Subject(start, end, sentence))
    return found


def fits(asked: Expected, name: str) -> bool:
    """Whether a name may be what is asked for: of 哪个街道 it holds 街道; of 谁 or 哪家公司 it is anyone's."""
    return asked.kind in {"person", "organisation"} or asked.focus in name


def is_left_out(block: Block, sentence: int) -> bool:
    """Whether no name stands in a sentence that could be the doer's: all are whom something is done for."""
    low, high = block.layout.sentences[sentence].tolist()
    names = [
        (start, end)
        for token, (start, end) in enumerate(block.words.tolist())
        if low <= start < end <= high and _is_name(block, token)
    ]
    return bool(done_for(block, np.array(names, dtype=np.int32).reshape(-1, 2)).all())


def _is_name(block: Block, token: int) -> bool:
    tag, text = TAGS[block.tags[token]], block.texts[token]
    return tag in {"nr", "nt"} or (tag in _NAMING and text not in _NO_NAMES and _ENDS.search(text) is not None)


def heading_name(block: Block) -> tuple[int, int] | None:
    """Where the last of a path of headings stands, if it is the name of one who can do something."""
    layout = block.layout
    start = int(np.searchsorted(layout.offsets[:-1], layout.text.rfind(BETWEEN) + 1))
    inside = [i for i, (low, high) in enumerate(block.words.tolist()) if start <= low < high and block.texts[i]]
    if not inside or not _is_name(block, inside[-1]) or any(TAGS[block.tags[i]] not in _NAMING for i in inside):
        return None
    return int(block.words[inside[0], 0]), int(block.words[inside[-1], 1])


BETWEEN = "›"
"""Parts the headings of a path."""
