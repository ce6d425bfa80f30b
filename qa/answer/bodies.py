"""Bodies: 京能集团, 景山街道, 望京医院, by their names and sorts, as ``qa.answer.areas`` tells areas.

A name is what stands before the sort. Before some sorts hardly anything else stands; before the others, common nouns
do (物业公司, 定点医院), so that only what jieba takes for a name, or doesn't know, is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba

from qa.text.family_names import begins_with_one


class Named(NamedTuple):
    """平谷区, 京能集团: a name and its sort."""

    stem: str
    sort: str
    before: str = ""
    """Of a body: what stands before both, as far as it may belong to the name, 北京 of 北京能源集团."""

    @property
    def core(self) -> str:
        """What a text may call it: 石景山 of 石景山区, 浦东 of 上海浦东新区."""
        return self.stem if len(self.stem) <= 3 else self.stem[-2:]


_OF_NAMES = ("街道", "集团", "镇", "乡")
_OF_NOUNS = ("公司", "医院", "学校", "小学", "中学", "大学", "学院", "社区", "小区", "村", "银行", "酒店", "商场")
SORTS = frozenset({*_OF_NAMES, *_OF_NOUNS})
_WHOLE = regex.compile(rf"(\p{{Han}}{{2,6}}?)({'|'.join(SORTS)})")
_BEFORE = regex.compile(r"\p{Han}{0,6}+$")
_TAGS = frozenset({"ns", "nr", "nrt", "nz", "nt"})
_COMMON = regex.compile(
    r"总?工会|企业|公司|单位|城市|社区|地区|辖区|城区|街区|园区|商业|居民|乡镇|农村|中心|重点|主要|部分|大部分|多数|下属|所属|所在|所有|附近|周边|邻近|"
    r"相关|有关|建制|特色|试点|先进|示范|模范|基层|国有|国企|央企|跨国|民营|外资|上市|犯罪|利益|军事|政治|家族|定点|专科|综合|公立|私立|民办|公办|普通|"
    r"高等|职业|专业|附属|外地|外国|国外|国内|本地|当地|地方|全国|全市|全区|全省|全县|新建|老旧|封闭|高档|普惠|商住|住宅|居住|宿舍|家属|其他|其它|"
    r"这些|那些|什么|\p{Han}{1,5}[化型级式性家]|[各某该本几多两一哪每何]\p{Han}?"
)


@lru_cache(maxsize=16)
def tagged(folded: str) -> list[tuple[str, str]]:
    """Words with their tags; the latest texts' are kept, since areas and bodies are looked for in turn."""
    found: list[tuple[str, str]] = rjieba.tag(folded)
    return found


@lru_cache(maxsize=4096)
def bodies_in(folded: str) -> tuple[tuple[Named, str, int], ...]:
    """The bodies that a folded text names with their sorts, each with the word behind and its place."""
    return tuple(_bodies(folded))


def _bodies(folded: str) -> Iterator[tuple[Named, str, int]]:
    words = [*tagged(folded), ("", "")]
    at = 0
    for number, (word, tag) in enumerate(words[:-1]):
        behind = words[number + 1][0]
        if (whole := _WHOLE.fullmatch(word)) and tag in _TAGS and not _common(whole[1]):
            yield Named(whole[1], whole[2], _before(folded, at)), behind, at
        elif word in SORTS and (stem := _stem(words[:number], word in _OF_NAMES)):
            yield Named(stem, word, _before(folded, at - len(stem))), behind, at - len(stem)
        at += len(word)


def _stem(words: list[tuple[str, str]], of_names: bool) -> str | None:
    """The name that these words end with; two of them where the last is one character (和平|里, 东|四)."""
    if not words:
        return None
    stem, tag = words[-1]
    joined = len(stem) == 1 and len(words) > 1
    if joined:
        if tag[:1] in _NO_NAMES or stem in _NO_ENDS or words[-2][1][:1] in _NO_NAMES:
            return None
        stem, tag = words[-2][0] + stem, words[-2][1]
    elif len(stem) > 2 and stem[0] in _BEFORE_NAMES and not is_known(stem):
        stem = stem[1:]
    if len(stem) < 2 or not regex.fullmatch(r"\p{Han}+", stem) or _common(stem):
        return None
    # What is longer and no dictionary has is oftener a compound (国际化酒店) than a name.
    named = tag in _TAGS or (not joined and len(stem) == 2 and not is_known(stem))
    taken = tag[:1] in ("njmf" if joined else "nj") or (tag == "t" and not set(stem) & _OF_TIME)
    return stem if named or (of_names and taken) else None


_NO_NAMES = "pcudryqz"
"""First letters of tags, of what is no part of a name: 在, 和, 的, 各, 个."""
_OF_TIME = frozenset("年月日天时节期今昨明前后早晚晨夜周初末春夏秋冬当近")
"""What times have that jieba tags so; it does 东四, too."""
_BEFORE_NAMES = "那这在对给向从由和与到"
"""What jieba takes for the beginning of names that it doesn't know: 那永外."""
_NO_ENDS = "到赴入进驻去来全老新大小多几等内外上下市区县省"


def _common(stem: str) -> bool:
    return _COMMON.fullmatch(stem) is not None


def _before(folded: str, at: int) -> str:
    found = _BEFORE.search(folded, max(at - 6, 0), at)
    return found.group() if found else ""


def is_known(word: str) -> bool:
    """Whether jieba's dictionary has the word."""
    return len(word) > 1 and len(rjieba.cut(word, False)) == 1


def may_be_one(body: Named, other: Named) -> bool:
    """Whether two of a sort may be the same, one of them abbreviated: 首钢 and 首都钢铁, 京能 and 北京能源."""
    return _in_order(body.stem, other.before + other.stem) or _in_order(other.stem, body.before + body.stem)


def _in_order(short: str, long: str) -> bool:
    at = 0
    for character in short:
        at = long.find(character, at) + 1
        if not at:
            return False
    return True


@lru_cache(maxsize=4096)
def people_in(folded: str) -> tuple[str, ...]:
    """The people whom a folded text names by family and given name.

    Names of two characters count where the text begins with them: elsewhere jieba takes too much else for them (范畴).
    What stands in quotes, before a figure (唐建中二年) or in a name of another language (韦斯·昂塞尔德) is none.
    """
    found, at = [], 0
    for word, tag in tagged(folded):
        if tag in {"nr", "nrt"} and (3 <= len(word) <= 4 or (len(word) == 2 and at == 0)) and begins_with_one(word):
            around = folded[max(at - 1, 0) : at] + folded[at + len(word) : at + len(word) + 1]
            if word[0] not in _PREPOSITIONS and not _NO_PERSON.search(around):
                found.append(word)
        at += len(word)
    return tuple(found)


_PREPOSITIONS = "向时单成连"
"""Family names that are oftener words of their own: 向金朝复仇."""
_NO_PERSON = regex.compile(r"[·•.\-\"'“”‘’「」『』《》<>\d一二三四五六七八九十]")


def alike(name: str, other: str) -> bool:
    """Whether one may be the other misspelt: all characters but one are the same."""
    return len(name) == len(other) > 2 and sum(a != b for a, b in zip(name, other, strict=True)) < 2
