"""Posts: who somebody is (许汇是谁) is told by what stands before the name: 区总工会主席许汇.

No word of such a question but the name is in the text, so that nothing else in it is near the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba

from qa.answer.candidates import TAGS, Block
from qa.answer.kinds import expected
from qa.text import pinyin

_ASKED = regex.compile(
    r"(?:^|[,\s])(?:(?P<name>\p{Han}{2,4})(?:同志|先生|女士)?(?:是(?:谁|什么人|何人|何许人也?|做什么的|干什么的)|(?:在\p{Han}{2,12})?(?:担任|任|是)(?:什么|何)职[务位]?)"
    r"|谁是(?P<other>\p{Han}{2,4})|(?P<third>\p{Han}{2,4})(?:さん|氏)?と?は(?:谁|どんな人|何者)(?:ですか)?)[?]*$"
)
_IN_ENGLISH = regex.compile(
    r"(?:^|[?\s])who (?:is|was) (?:(?:mr|ms|mrs|dr)\.? )?(?P<name>\p{L}+(?: \p{L}+)?)\s*[?]*\s*$", regex.IGNORECASE
)
_BEFORE = frozenset({"n", "nt", "nz", "ns", "j", "l", "vn", "b", "s", "f", "m", "eng", "x", "q"})
"""Tags of what a post is told by."""
_POST = regex.compile(
    r"(?:主席|主任|主委|常委|政委|书记|经理|总裁|教授|医生|护士|代表|委员|干部|顾问|董事|秘书|记者|主编|律师|作家|歌手|演员|导演|学生|"
    r"[省市县区镇乡村部局厅处科院校所站队团会班组厂店社馆行董]长|\p{Han}[员师工手家]|获得者|负责人|创始人)$"
)

READ = 10
"""Hits that are looked into: a name turns up in many."""


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person, by the name in Chinese or by how it is spelt in Latin letters (``qa.text.pinyin``)."""

    name: str
    spellings: tuple[str, ...] = ()

    def names(self, block: Block) -> Iterator[str]:
        """The names in ``block`` that may be the person's, each once."""
        if self.name:
            yield self.name
        elif self.spellings:
            told = dict.fromkeys(
                match.group() for match in pinyin.sounding(self.spellings).finditer(block.layout.folded)
            )
            yield from (name for name in told if f"|{pinyin.spelt(name)}|" in self.spellings)


@lru_cache(maxsize=256)
def asked_about(question: str) -> Somebody | None:
    """The person who is asked about by name, and of whom nothing else is asked; None where the question is another."""
    asked = expected(question)
    if match := _ASKED.search(asked.folded[asked.own :]):
        name = match["name"] or match["other"] or match["third"]
        return Somebody(name) if [tag for _, tag in rjieba.tag(name)] in (["nr"], ["nrfg"], ["nr", "nr"]) else None
    if match := _IN_ENGLISH.search(question):
        spelt = pinyin.names(question)
        ways = [spelt.get(word, ()) for word in match["name"].lower().split()]
        common = tuple(way for way in ways[0] if all(way in others for others in ways[1:]))
        return Somebody("", common) if common else None
    return None


def post(block: Block, name: str) -> tuple[int, int] | None:
    """Where the longest run of nouns stands that ends before ``name`` with a post or calling; None without one."""
    folded, bounds = block.layout.folded, block.words.tolist()
    begins = {start: i for i, (start, _) in enumerate(bounds) if start < bounds[i][1]}
    found: tuple[int, int] | None = None
    at = folded.find(name)
    while at >= 0:
        token = begins.get(at, 0) - 1
        first = _run(block, token)
        if first <= token and _POST.search(folded[bounds[first][0] : bounds[token][1]]):
            span = bounds[first][0], bounds[token][1]
            if found is None or span[1] - span[0] > found[1] - found[0]:
                found = span
        at = folded.find(name, at + 1)
    return found


def _run(block: Block, last: int) -> int:
    """The first token of the run of nouns that ends with ``last``; behind it when that is none.

    Posts stand one after another with 、 between them, or with a comma where a post stands before that too.
    """
    folded, bounds = block.layout.folded, block.words.tolist()
    first, token = last + 1, last
    while token > 0:
        start, end = bounds[token]
        sign = folded[start:end]
        if block.texts[token]:
            if TAGS[block.tags[token]] not in _BEFORE:
                break
            first = token
        elif sign not in "、," or first > last or not (sign == "、" or _POST.search(block.texts[token - 1])):
            break
        token -= 1
    return first
