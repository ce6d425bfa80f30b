"""Areas: 平谷区 where the passage tells of 朝阳区 and 大兴区, and nowhere of 平谷.

Districts, counties, cities and provinces share all other words of their news. Who asks about one isn't told of another:
a passage that names others of the same sort, and neither it nor another passage found of its article names the one
asked about, is about a rival.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba

from qa.answer.candidates import Layout, layout
from qa.answer.kinds import Expected
from qa.store import StoredPassage


class Area(NamedTuple):
    """平谷区: its name and its sort."""

    stem: str
    sort: str

    @property
    def core(self) -> str:
        """What a text may call it: 石景山 of 石景山区, 浦东 of 上海浦东新区."""
        return self.stem if len(self.stem) <= 3 else self.stem[-2:]


_SORTS = ("省", "市", "县", "区")
"""From the widest on: of 北京市石景山区, 石景山区 is asked about."""
_WHOLE = regex.compile(rf"(\p{{Han}}{{2,5}}?)新?([{''.join(_SORTS)}])")
_TAGS = frozenset({"ns", "nr", "nrt", "nz", "nt"})
# Jieba takes some districts for common nouns (平谷区, 任城区); these are some: what an area is like, or for.
_COMMON = regex.compile(
    r"(?:居民|居住|住宅|生活|办公|工作|工业|农业|商业|产业|开发|高新|科技|软件|物流|保税|自贸|贸易|隔离|自治|保护|风景|名胜|旅游|游览|度假|休息|"
    r"服务|活动|管理|管辖|管控|防控|封控|防范|控制|经济|金融|示范|试点|试验|实验|功能|核心|中心|重|疫|灾|贫困|边境|危险|安全|教学|施工|作业|厂|矿|"
    r"林|牧|农|渔|库|校|景|街|老|新|旧|赛|战|军|片|园|社|小|地|山|城|郊|市|县|辖|直辖|地级|县级|副省级|省会|大|都|超|门|夜|股|房|楼|"
    r"区|各|全|本|该|邻|跨|多|两|几|一|二|三|四|五|六|七|八|九|十)$"
)


@lru_cache(maxsize=4096)
def areas_in(folded: str) -> tuple[tuple[Area, str, int], ...]:
    """The areas that a folded text names with their sort (平谷区, 密云 区), each with the word behind and its place."""
    found, at = [], 0
    words = [*rjieba.tag(folded), ("", ""), ("", "")]
    for (word, tag), (behind, _), (next_, _) in zip(words, words[1:], words[2:], strict=False):
        if (whole := _WHOLE.fullmatch(word)) and (tag in _TAGS or not _COMMON.search(whole[1])):
            found.append((Area(whole[1], whole[2]), behind, at))
        elif tag in _TAGS and behind in _SORTS:
            found.append((Area(word, behind), next_, at))
        at += len(word)
    return tuple(found)


@lru_cache(maxsize=256)
def asked_areas(folded: str) -> tuple[tuple[Area, str], ...]:
    """The narrowest areas that a folded question names, each with the word behind it; 门头沟 may lack its 区.

    A city or province counts with its 市 or 省 alone: what a paper tells, it tells of its own city without naming it.

    Who writes an area as no dictionary has it (怀肉区) may mean the one that is there.
    """
    named = [(area, behind) for area, behind, _ in areas_in(folded)]
    for (word, tag), (behind, kind) in pairwise(rjieba.tag(folded)):
        if (tag == "ns" or kind[:1] == "n" or len(word) > 2) and behind not in _SORTS and not _WHOLE.fullmatch(word):
            sort = next((sort for sort in ("区", "县") if _known(f"{word}{sort}")), None)
            named += [(Area(word, sort), behind)] if sort else []
    named = [(area, behind) for area, behind in named if _known(area.stem) or _known("".join(area))]
    narrowest = max((_SORTS.index(area.sort) for area, _ in named), default=-1)
    return tuple((area, behind) for area, behind in named if _SORTS.index(area.sort) == narrowest)


def _known(word: str) -> bool:
    """Whether jieba's dictionary has the word."""
    return len(word) > 1 and len(rjieba.cut(word, False)) == 1


def of_other_areas(asked: Expected, passage: StoredPassage, found: Sequence[StoredPassage]) -> bool:
    """Whether the passage tells of areas of the sort asked about, but not of the one asked about.

    What stands above it names them, or a sentence tells of them. Where other ``found`` articles name the area asked
    about, any mention does; where none does, it may go without saying, as in a paper of its own. The passage's article
    must not name it in any passage found: what an article names once, it is about.
    """
    wanted = {area for area, _ in asked_areas(asked.folded[asked.own :])}
    if not wanted:
        return False
    sorts, told = {area.sort for area in wanted}, _told(passage)
    named = {each.article_id for each in found if any(area.core in _told(each) for area in wanted)}
    if passage.article_id in named or any(area.core in told for area in wanted):
        return False
    where = told if named else layout(passage.above).folded
    mentioned = any(area.sort in sorts for area, _, _ in areas_in(where))
    return mentioned or bool(tell_of_other_areas(asked, layout(passage.text)).any())


def tell_of_other_areas(asked: Expected, layout: Layout) -> npt.NDArray[np.bool_]:
    """(sentences,): which tell of another area of the sort asked about, and don't name that one.

    They begin with it, or name it before the same word: 大兴区总工会 where 丰台区工会 is asked about.
    """
    found = np.zeros(len(layout.sentences), dtype=np.bool_)
    starts = layout.sentences[:, 0].tolist()
    for area, head in asked_areas(asked.folded[asked.own :]):
        others = [(behind, at) for each, behind, at in areas_in(layout.folded) if each.sort == area.sort]
        places = [at for behind, at in others if (head and behind.endswith(head)) or at in starts]
        found |= without(area.core, places, layout)
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
