"""Areas and bodies: 平谷区 where the passage tells of 朝阳区, and nowhere of 平谷; 京能集团 where it tells of 首钢集团.

Districts, counties, cities and provinces, streets and companies share all other words of their news. Who asks about one
isn't told of another: a passage that names others of the same sort, and neither it nor another passage found of its
article names the one asked about, is about a rival.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import regex  # type: ignore[import-untyped]  # no stubs among the development tools

from qa.answer.bodies import SORTS as BODIES
from qa.answer.bodies import Named, alike, bodies_in, is_known, may_be_one, people_in, tagged
from qa.answer.candidates import Layout, layout
from qa.answer.kinds import Expected
from qa.store import StoredPassage

_SORTS = ("省", "市", "县", "区")
"""From the widest on: of 北京市石景山区, 石景山区 is asked about."""
_WHOLE = regex.compile(rf"(\p{{Han}}{{2,5}}?)新?([{''.join(_SORTS)}])")
_TAGS = frozenset({"ns", "nr", "nrt", "nz", "nt"})
# Jieba takes some districts for common nouns (平谷区, 任城区); these are some: what an area is like, or for.
_LIKE = (
    r"居民|居住|住宅|生活|办公|工作|工业|农业|商业|产业|开发|高新|科技|软件|物流|保税|自贸|贸易|隔离|自治|保护|风景|名胜|旅游|游览|度假|休息|服务|活动|"
    r"管理|管辖|管控|防控|封控|防范|控制|经济|金融|示范|试点|试验|实验|功能|核心|中心|贫困|边境|危险|安全|教学|施工|作业|直辖|地级|县级|副省级|省会|"
    r"行政|规划|文化|文明|文学|气候|类型|战略|联邦|动力|码头|港口|海港|平原|丘陵|高原|草原|会员|用户|客户|黑人|移民|中央|混合|都市|城市|乡村|农村"
)
_ALIKE = regex.compile(_LIKE)
_COMMON = regex.compile(
    rf"(?:{_LIKE}|重|疫|灾|厂|矿|林|牧|农|渔|库|校|景|街|老|新|旧|赛|战|军|片|园|社|小|地|山|城|郊|市|县|辖|大|都|超|门|夜|股|房|楼|"
    r"区|各|全|本|该|邻|跨|多|两|几|一|二|三|四|五|六|七|八|九|十)$"
)


@lru_cache(maxsize=4096)
def areas_in(folded: str) -> tuple[tuple[Named, str, int], ...]:
    """The areas that a folded text names with their sort (平谷区, 密云 区), each with the word behind and its place."""
    found, at = [], 0
    words = [*tagged(folded), ("", ""), ("", "")]
    for (word, tag), (behind, _), (next_, _) in zip(words, words[1:], words[2:], strict=False):
        if (whole := _WHOLE.fullmatch(word)) and (tag in _TAGS or not _COMMON.search(whole[1])):
            found.append((Named(whole[1], whole[2]), behind, at))
        elif tag in _TAGS and behind in _SORTS:
            found.append((Named(word, behind), next_, at))
        at += len(word)
    return tuple(found)


@lru_cache(maxsize=256)
def asked_areas(folded: str) -> tuple[tuple[Named, str], ...]:
    """The narrowest areas that a folded question names, each with the word behind it; 门头沟 may lack its 区.

    A city or province counts with its 市 or 省 alone: what a paper tells, it tells of its own city without naming it.

    Who writes an area as no dictionary has it (怀肉区) may mean the one that is there.
    """
    named = [(area, behind) for area, behind, _ in areas_in(folded)]
    named += [(area, behind) for area, behind, _ in _bare(folded)]
    named = [(area, behind) for area, behind in named if is_known(area.stem) or is_known("".join(area))]
    narrowest = max((_SORTS.index(area.sort) for area, _ in named), default=-1)
    return tuple((area, behind) for area, behind in named if _SORTS.index(area.sort) == narrowest)


@lru_cache(maxsize=4096)
def _bare(folded: str) -> tuple[tuple[Named, str, int], ...]:
    """The districts and counties that are named without their sort, each with the word behind and its place."""
    found, at = [], 0
    for (word, tag), (behind, kind) in pairwise([*tagged(folded), ("", "")]):
        named = tag in _TAGS or len(word) > 2 or (tag in {"n", "b"} and kind[:1] == "n")
        alone = len(word) > 1 and behind not in _SORTS
        if named and alone and not (_WHOLE.fullmatch(word) or _ALIKE.fullmatch(word)):
            sort = next((sort for sort in ("区", "县") if is_known(f"{word}{sort}")), None)
            found += [(Named(word, sort), behind, at)] if sort else []
        at += len(word)
    return tuple(found)


def of_other_areas(asked: Expected, passage: StoredPassage, found: Sequence[StoredPassage]) -> bool:
    """Whether the passage tells of areas or bodies of the sort asked about, but not of the one asked about.

    What stands above it names them, or a sentence tells of them. Where other ``found`` articles name the one asked
    about, any mention does; where none does, it may go without saying, as in a paper of its own. The passage's article
    must not name it in any passage found: what an article names once, it is about, but for its sections that are headed
    by others.
    """
    question = asked.folded[asked.own :]
    areas = [area for area, _ in asked_areas(question)]
    return (
        _of_others(asked, areas, areas_in, passage, found)
        or any(_of_others(asked, [body], bodies_in, passage, found) for body, _, _ in bodies_in(question))
        or _of_other_people(people_in(question), passage, found)
    )


def _of_other_people(wanted: Sequence[str], passage: StoredPassage, found: Sequence[StoredPassage]) -> bool:
    """Whether none of these people is named by the passage, what stands above it, or another found of its article.

    The given name is enough (中山先生 for 孙中山).
    """
    if not wanted:
        return False
    told = [_told(each) for each in (passage, *found) if each.article_id == passage.article_id]
    named = [
        *wanted,
        *(other for each in told for other in people_in(each) if any(alike(one, other) for one in wanted)),
    ]
    return not any(name[-2:] in each for name in named for each in told)


def _of_others(
    asked: Expected,
    wanted: Sequence[Named],
    names_in: Callable[[str], Sequence[tuple[Named, str, int]]],
    passage: StoredPassage,
    found: Sequence[StoredPassage],
) -> bool:
    if not wanted:
        return False
    sorts, told = {one.sort for one in wanted}, _told(passage)

    def about(each: StoredPassage) -> tuple[int, str | None]:
        """The article, or its section where that is headed by an area or body of the sort."""
        headed = any(other.sort in sorts for other, _, _ in names_in(layout(each.section or "").folded))
        return each.article_id, each.section if headed else None

    named = {about(each) for each in found if any(one.core in _told(each) for one in wanted)}
    if about(passage) in named or any(one.core in told for one in wanted):
        return False
    others = [other for other, _, _ in names_in(told if named else layout(passage.above).folded) if other.sort in sorts]
    if any(may_be_one(one, other) for one in wanted for other in others):
        return False
    return bool(others) or bool(tell_of_other_areas(asked, layout(passage.text)).any())


def tell_of_other_areas(asked: Expected, layout: Layout) -> npt.NDArray[np.bool_]:
    """(sentences,): which tell of another area or body than the question, and don't name that one.

    They begin with one of the same sort, or name it before the same word: 大兴区总工会 where 丰台区工会 is asked about.
    Before the same word as a body any other is a rival: 朝阳区总工会 of 京能集团工会.
    """
    found = np.zeros(len(layout.sentences), dtype=np.bool_)
    question = asked.folded[asked.own :]
    wanted = [*asked_areas(question), *((body, head) for body, head, _ in bodies_in(question))]
    if not wanted:
        return found
    told = [*areas_in(layout.folded), *_bare(layout.folded), *bodies_in(layout.folded)]
    told = [each for each in told if not any(may_be_one(one, each[0]) for one, _ in wanted)]
    starts = layout.sentences[:, 0].tolist()
    for one, head in wanted:
        places = [
            at
            for other, behind, at in told
            if (head and behind.endswith(head) and (other.sort == one.sort or one.sort in BODIES))
            or (other.sort == one.sort and at in starts)
        ]
        found |= without(one.core, places, layout)
    return found


def without(name: str, places: Sequence[int], layout: Layout) -> npt.NDArray[np.bool_]:
    """(sentences,): in which one of the places is, but nowhere the name."""
    found = np.zeros(len(layout.sentences), dtype=np.bool_)
    rows = np.searchsorted(layout.sentences[:, 1], places, side="right")
    for row in np.unique(rows[rows < len(found)]).tolist():
        found[row] = name not in layout.folded[slice(*layout.sentences[row].tolist())]
    return found


def _told(passage: StoredPassage) -> str:
    return f"{layout(passage.above).folded}\n{layout(passage.text).folded}"
