"""Posts: who somebody is (许汇是谁) is told by what stands before the name: 区总工会主席许汇.

No word of such a question but the name is in the text, so that nothing else in it is near the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba

from qa.answer.candidates import TAGS, Block
from qa.answer.kinds import expected
from qa.text import pinyin

_ASKED = regex.compile(
    r"(?:^|[,\s])(?:(?P<name>\p{Han}{2,4}?)(?:同志|先生|女士)?"
    r"(?:是(?:谁|什么人|何人|何许人也?|做什么的|干什么的)|(?:在\p{Han}{2,12})?(?:担任|任|是)(?:什么|何)职[务位]?)"
    r"|谁是(?P<other>\p{Han}{2,4})|(?P<third>\p{Han}{2,4}?)(?:さん|氏)?と?は(?:谁|どんな人|何者)(?:ですか)?)[?]*$"
)
_IN_ENGLISH = regex.compile(
    r"(?:^|[?\s])who (?:is|was) (?:(?:mr|ms|mrs|dr)\.? )?(?P<name>\p{L}+(?: \p{L}+)?)[\s?]*$", regex.IGNORECASE
)
_PERSON = (["nr"], ["nrfg"], ["nrt"], ["nr", "nr"])
_BEFORE = frozenset({"n", "nt", "nz", "ns", "j", "l", "vn", "b", "s", "f", "m", "eng", "x", "q"})
"""Tags of what a post is told by."""
_NO_SUBJECT = frozenset({"n", "nt", "nz", "ns", "vn", "s"})
"""Tags of what doesn't follow a name that does something: 提高职工安康素质 names nobody."""
_PREPOSITIONS = frozenset("对向给为把将与和同在从到于")
"""Jieba may make one word of them and what is behind them."""
_AFTER_NAME = frozenset({"个人", "本人", "同志", "先生", "女士", "一行", "等", "夫妇"})
_POST = regex.compile(
    r"(?:主席|主任|主委|常委|政委|书记|支书|经理|总监|总裁|教授|院士|博士|医生|医师|护士|代表|委员|干部|干事|顾问|董事|秘书|记者|主编|律师|法官|"
    r"教师|作家|画家|歌手|演员|导演|学生|民警|警察|司机|工人|女工|护工|工作者|志愿者|主持人|发言人|负责人|创始人|获得者|"
    r"[省市县区镇乡村部局厅处科院校所站队团会班组厂店社馆行董园台机船]长|\p{Han}{2}[员师工手家])$"
)
_NO_POST = regex.compile(r"(?:国家|大家|人家|全员|人员|动员|职员|复工|施工|开工|分工|返工)$")

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
        return Somebody(name) if [tag for _, tag in rjieba.tag(name)] in _PERSON else None
    if match := _IN_ENGLISH.search(question):
        spelt = pinyin.names(question)
        ways = [spelt.get(word, ()) for word in match["name"].lower().split()]
        common = tuple(way for way in ways[0] if all(way in others for others in ways[1:]))
        return Somebody("", common) if common else None
    return None


def post(block: Block, name: str) -> tuple[int, int] | None:
    """Where the longest run of nouns stands that ends before ``name`` with a post or calling; None without one."""
    folded, bounds = block.layout.folded, block.words.tolist()
    begins = {start: i for i, (start, end) in enumerate(bounds) if start < end}
    sentences = block.layout.sentences
    found: tuple[int, int] | None = None
    before = 0
    at = folded.find(name)
    while at >= 0:
        token = begins.get(at, 0)
        sentence = int(np.searchsorted(sentences[:, 1], at, side="right"))
        told = sentence < len(sentences) and sentences[sentence, 0] <= at  # not in a dateline
        if told and token > before and _is_person(block, token, at + len(name)):
            first = _run(block, bounds, token - 1, before)
            run = folded[bounds[first][0] : bounds[token - 1][1]]
            if first < token and _POST.search(run) and not _NO_POST.search(run):
                span = bounds[first][0], bounds[token - 1][1]
                if found is None or span[1] - span[0] > found[1] - found[0]:
                    found = span
            before = token
        at = folded.find(name, at + 1)
    return found


def _is_person(block: Block, token: int, end: int) -> bool:
    """Whether a name that begins with ``token`` ends where a word ends, and no noun goes on with it."""
    last = token
    while last < len(block.texts) and int(block.words[last, 1]) < end:
        last += 1
    if last + 1 >= len(block.texts) or int(block.words[last, 1]) != end:
        return False
    behind = block.texts[last + 1]
    return (
        behind in _AFTER_NAME
        or (behind and behind[0] in _PREPOSITIONS)
        or TAGS[block.tags[last + 1]] not in _NO_SUBJECT
    )


def _run(block: Block, bounds: list[list[int]], last: int, before: int) -> int:
    """The first token, behind ``before``, of the run of nouns that ends with ``last``; behind it when that is none.

    Posts stand one after another with 、 between them, or with a comma where a post stands before that too.
    """
    first, token = last + 1, last
    while token > before:
        start, end = bounds[token]
        sign = block.layout.folded[start:end]
        if block.texts[token]:
            if TAGS[block.tags[token]] not in _BEFORE:
                break
            first = token
        elif sign not in "、," or first > last or not (sign == "、" or _POST.search(block.texts[token - 1])):
            break
        token -= 1
    return first
