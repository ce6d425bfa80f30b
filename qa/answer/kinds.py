"""What sort of answer a question wants, from its words; first step from question to short answer.

Simplified and Traditional Chinese (one after folding), English and Japanese. Pure functions of the question's text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, get_args

import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba

from qa.chat import story_end
from qa.text import fold_text

Kind = Literal[
    "number", "date", "person", "organisation", "place", "title", "list", "why", "how", "yesno", "which", "what"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""All kinds; their order is the order of the ranker's inputs."""

_MEASURE = "大长高重远深宽厚快久早"
_ORGANISATION = (
    "公司|企业|机构|组织|团体|部门|单位|大学|学院|学校|政党|党派|协会|学会|工会|委员会|医院|乐团|乐队|球队|俱乐部|"
    "集团|银行|军队|政府|法院|报社|电视台|物业|厂家|商家|店家"
)
_PLACE = (
    "地方|地区|地点|国家|城市|省份|州|县|市|省|国|区|镇|村|乡|街道|社区|小区|岛|半岛|港口|车站|洲|大陆|城|位置|场所|"
    "地带|河流|山脉|海域|湖"
)
_TITLE = "书|书籍|著作|歌曲|单曲|专辑|电影|影片|小说|作品|节目|电视剧|文章|文件|报纸|杂志|期刊|法律|条约|诗|奖项|报道"

_JAPANESE_COUNTED = (
    "人|個|件|名|本|枚|回|箱|台|歳|年間|日間|キロ|メートル|%|パーセント|ページ|つ|か国|カ国|ヶ国|世帯|団体|割|社"
)

_WHICH = r"(?:哪|什么|(?<!如)何)"
_NEAR = r"(?:[^，。？?是的]{0,4})"


def _the(nouns: str) -> str:
    """A noun that says what an English question wants: *what was the date of …*, *total cost of …*."""
    few = r"(?:(?!of\b)[\w-]{1,20} ){0,2}?"
    first = r"(?!(?:at|in|by|on|during|from|until|since|for|with|after|before)\b)"
    behind = r"(?= (?:of|for|in|on|at|when|that)\b|\W*$)"
    return rf"\bwhat(?:['’]s| is| was| are| were) the {few}(?:{nouns}){behind}|^{first}(?:the )?{few}(?:{nouns}) of\b"


_NAMED = r"(?![一个家所年些种位几])"
# The first that is found in a question wins; what it matches is the question's gap.
_PATTERNS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("why", (
        r"(?<![称名视认作成意因])为(?:什么(?!标|目|样|设|类|种)|何|啥)(?!\p{P}*$)",
        r"(?<!称|名|作|视|成)为什么呢?\p{P}*$",
        r"因何|何以(?!为|作)|原因(?:是|为|何在)|什么(?:原因|缘故|理由)|\bwhy\b|なぜ|どうして|何故",
    )),
    ("date", (
        r"(?:大年|正月|腊月|农历)?初几|(?:正月|腊月)(?:十|二十|廿)?几",
        r"何时|何[年月日]|几时|多早|第?几(?:月|号|日|点|年|世纪|天)|什么(?:时(?:候|间|期|代)|朝代|年代|年份|日期)",
        r"哪一?[年月日天]|哪一?个?(?:年代|世纪|朝代|月份|时候|时期|年份|日期)",
        r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|century|time|decade)\b",
        _the("year|date|day|month|time"),
        r"いつ|何(?:年|月|日|時|世紀)(?!間)",
    )),
    ("number", (
        rf"多少|第几|多(?=[{_MEASURE}])|百分之几|若干|几成",
        # Before another question word it is *some*: 带领几个同伙建立了哪个国家.
        r"(?<![第哪这那])几(?![乎何内])[^\s，。？?](?![^？?]{0,60}(?:谁|什么|何[人时处地]|哪[个些里儿位家年种]))",
        r"\bhow (?:many|much|long|old|far|tall|big|large|high|often|deep|wide|fast)\b",
        r"\bwhat (?:percentage|percent|number|amount)\b",
        _the("percentage|number|amount|total|price|cost|population|size|height|length|depth|weight|age|rate"),
        r"いくつ|いくら|どのくらい|どれくらい|どれだけ",
        rf"何(?:{_JAPANESE_COUNTED})(?=[^？?]{{0,60}}\p{{Hiragana}})",  # 何人 in Chinese is who
    )),
    ("person", (
        r"谁|何人|哪一?[位名]|哪一?个人|(?:哪些|什么)人(?!员?[^，。？?]{1,8}的\p{Han}{1,6}[？?]*$)",
        r"\bwho(?:m|se)?\b|誰|だれ|どなた",
    )),
    ("organisation", (
        rf"{_WHICH}一?[家个所间支]?{_NEAR}(?:{_ORGANISATION})|哪一?[家所]",
        r"\b(?:what|which) (?:company|organi[sz]ation|team|party|agency|institution|university|school|union)\b",
        r"どの(?:会社|組織|団体|機関|大学|労働組合)",
    )),
    ("place", (
        rf"哪[里儿裡]|何[处地方]|{_WHICH}一?[个座处片条块]?{_NEAR}(?:{_PLACE})|[在于]哪{_NAMED}",
        r"\bwhere\b|\b(?:what|which) (?:country|city|place|state|town|region|island|county|area)\b",
        r"\b(?:what|which) (?:district|subdistrict|community|village|street)\b|どこ|どの(?:国|都市|地域|州|街道)",
        _the("place|location|venue|address|capital"),
    )),
    ("title", (
        rf"{_WHICH}一?[本部首篇份幅张项种个]?{_NEAR}(?:{_TITLE})(?![家店])",
        r"\b(?:what|which) (?:book|song|album|film|movie|newspaper|document|magazine|treaty|law|award)\b",
        r"どの(?:本|映画|曲|作品)",
    )),
    ("list", (r"哪(?:些|几)|\bwhich of the\b|\bwhat are\b|どんな|どのような",)),
    ("how", (r"如何|怎么?样?|\bhow\b|どうやって|どのように",)),
    ("which", (r"哪|\bwhich\b|どの|どれ|どちら",)),
    ("what", (r"什么|甚么|何|啥|\bwhat\b|なに|なん",)),
    ("yesno", (
        r"吗|是否(?![决认定])|是不是|有没有|能不能|可不可以|会不会|ますか|でしょうか|ですか",
        r"^(?:is|are|was|were|do|does|did|can|has|have|will)\b",
    )),
    ("what", (r"(?<![？?])[？?]*$",)),
)  # fmt: skip
_COMPILED = tuple((kind, regex.compile("|".join(patterns))) for kind, patterns in _PATTERNS)
_QUESTION = regex.compile(r"[^？?\s][^？?]*[？?]*")
_AGE = regex.compile(r"大(?:年纪|岁数|年龄|[了呢]?\p{P}*$)")
_HAN = regex.compile(r"\p{Han}")
_FOCUS = regex.compile(
    r"一?(?:[个家位名所间支座处片块部首篇份幅张种款类些几]|项(?!目)|条(?![件例约款])|本(?!书))*(\p{Han}{1,8})"
)
_NUMBER_FOCUS = regex.compile(r"(\p{Han}{1,3}|%)")
_UNIT_OF = {
    "钱": "元", "大": "岁", "久": "年月天日时分", "长": "米里年月天时分", "高": "米", "重": "斤克吨", "远": "米里",
    "深": "米", "宽": "米", "快": "里米",
}  # fmt: skip


_ENDS = "did|do|does|was|were|is|are|has|have|had|will|would|can|could|to|by|for|from|in|on|at|with|the"
_SOME = rf"(?: of the| (?!(?:{_ENDS})\b)[\w-]{{1,20}}){{0,4}}"
"""Words between *how many* and what is counted: none that ends what is counted."""
_PEOPLE = (
    "people|persons|men|women|workers|employees|members|cadres|officials|staff|volunteers|residents|citizens|students|"
    "children|doctors|nurses|physicians|guests|passengers|patients|soldiers"
)
_ENGLISH_UNITS = tuple(
    (regex.compile(rf"\b(?:{words})\b(?!['’])"), units)
    for words, units in (
        (rf"(?:what|which|how many){_SOME} percent(?:age)?", "%"),
        (r"how old", "岁年"),
        (rf"how (?:many|much){_SOME} (?:money|yuan|rmb|dollars?|euros?|funds|funding)", "元"),
        (r"how much [^?]{0,60}\bcosts?", "元"),
        (rf"how many{_SOME} (?:{_PEOPLE})", "人"),
        (rf"how many{_SOME} (?:households|families)", "户"),
        (rf"how many{_SOME} (?:times|occasions)", "次"),
        (rf"how many{_SOME} (?:boxes|cartons|crates)", "箱"),
        (rf"how many{_SOME} (?:companies|firms|enterprises|hospitals|factories|shops)", "家"),
        (r"how many seconds", "秒"),
        (r"how many minutes", "分"),
        (r"how many hours", "时"),
        (r"how many days", "天"),
        (r"how many weeks", "周"),
        (r"how many months", "月"),
        (r"how many years", "年"),
        (r"how many(?: metric)? (?:tons|tonnes)", "吨"),
        (r"how many square (?:kilomet(?:er|re)s|met(?:er|re)s|miles)", "平"),
    )
)
"""What a figure in Chinese should be followed by, by what an English question counts."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a question wants, in its folded text."""

    kind: Kind
    folded: str
    start: int
    end: int
    """The gap: where the question word stands in ``folded``."""
    focus: str
    """The noun or measure word asked for (哪个**社区**, 多少**份**); empty when none is named."""
    units: str
    """Characters of which one should follow the figure, for a number."""
    own: int = 0
    """Where the question begins that is to be answered; before it in ``folded`` stands an earlier one, or a story."""

    @property
    def before(self) -> str:
        """What stands before the gap, back to the last comma."""
        return _clause(self.folded[: self.start], -1)

    @property
    def after(self) -> str:
        """What stands behind the gap, its noun included, up to the next comma or question mark."""
        return _clause(self.folded[self.end :], 0)


@lru_cache(maxsize=256)
def expected(question: str) -> Expected:
    """What ``question`` wants. Every question has a kind: ``what`` when nothing else is recognised.

    Of several questions (a follow-up stands behind the one it depends on) the last that has a question word counts.
    """
    folded = fold_text(question).strip()
    parts = [match.span() for match in _QUESTION.finditer(folded)] or [(0, len(folded))]
    for start, end in reversed(parts):
        found = [(kind, match) for kind, pattern in _COMPILED if (match := pattern.search(folded, start, end))]
        if not _HAN.search(folded):  # an English question begins with what it asks: when he was ill, what …
            found.sort(key=lambda pair: (pair[1].start(), -pair[1].end()))
        kind, match = found[0]  # the last pattern fits every question
        if match.group().strip("？?") or (start, end) == parts[0]:
            break
    asking = story_end(folded[start:end])
    return replace(_expected(kind, folded, match), own=folded.rindex(asking, start, end) if asking else start)


def has_question_word(folded: str) -> bool:
    """Whether a folded text asks by any of its words."""
    return any(pattern.search(folded) for _, pattern in _COMPILED[:-1])


def asks_for_several(asked: Expected) -> bool:
    """Whether the question that is to be answered asks for several things (哪些, 分别, which districts)."""
    return _SEVERAL.search(asked.folded, asked.own) is not None


_SEVERAL = regex.compile(
    r"哪(?:些|几)|分别|各(?![种类式样项位])|都(?:有)?[^，。？?]{0,8}(?:谁|什么|哪)|一一|列举"
    r"|\b(?:which of the|what are|what were|who are|who were|list|respectively)\b"
    r"|\b(?:which|what) (?:\w+ )?(?!(?:is|was|has|does|this|its|his)\b)\w+(?<!s)s\b"
    r"|それぞれ|どんな|どのような|すべて"
)


@lru_cache(maxsize=256)
def counted(asked: Expected) -> str:
    """The things that a Chinese question counts: 口罩 of 多少口罩 and of 几个口罩; empty where it names none.

    What is measured (时间, 比例) is told without being named.
    """
    if asked.kind != "number":
        return ""
    words = rjieba.tag(asked.folded[asked.end : asked.end + COUNTED_CHARS])
    behind = words[1:] if words and (words[0][1][0] in "qm" or len(words[0][0]) == 1) else words
    noun, tag = behind[0] if behind else ("", "")
    return noun if tag == "n" and len(noun) > 1 and not _MEASURED.search(noun) else ""


COUNTED_CHARS = 12
"""Characters behind *how many* in which a measure word and what is counted stand."""
_MEASURED = regex.compile(
    r"时间|时候|比例|比率|百分|分之|程度|金额|数额|数量|面积|体积|容积|价格|价钱|费用|分数|温度|距离|速度|高度|长度|宽度|深度|重量|人口|人数|成本|次数|"
    r"公里|公尺|公分|公斤|公顷|小时|分钟|年份|年龄|岁数|美元|英里|英镑|海里|倍数|名次|经费|补贴|补助|津贴|工资|薪水|人为|部分|部份|[款金钱币]$"
)


def _expected(kind: Kind, folded: str, match: regex.Match[str]) -> Expected:
    start, end = match.span()
    if kind == "number":
        asked = match.group()
        end = start + len(asked) if asked[0] not in "几" else start + 1
        focus = _first(_NUMBER_FOCUS, folded, end)
        focus = "人" if focus.startswith("个人") else focus
        units = _UNIT_OF.get(focus[:1], focus[:1]) if asked == "多" or focus[:1] == "钱" else focus[:1]
        if asked != "多" and focus and units == focus[0] and not _is_measure(focus):
            units = ""
        if focus.startswith("大") and not _AGE.match(folded, end):
            units = ""
        if not focus:
            units = next((units for pattern, units in _ENGLISH_UNITS if pattern.search(folded, start)), units)
        return Expected(kind, folded, start, end, focus, units)
    focus = ""
    if found := regex.match(r"(?:哪|什么|何|甚么|啥)(?![时年月日以处地方时])", folded[start:]):
        end = start + found.end()
        focus = _noun(_first(_FOCUS, folded, end))
    elif kind != "date" and (before := regex.search(r"(\p{Han}{2,6})(?:是|叫|为|叫做|称为)$", folded[:start])):
        focus = _noun(before.group(1), last=True)
    return Expected(kind, folded, start, max(end, start), focus, "")


def _is_measure(words: str) -> bool:
    """Whether ``words`` begin with a measure word, not with the thing that is counted (多少会员)."""
    word, tag = rjieba.tag(words)[0]
    return tag[0] in "qm" or len(word) == 1


def _first(pattern: regex.Pattern[str], text: str, at: int) -> str:
    match = pattern.match(text, at)
    return match.group(1) if match else ""


def _noun(words: str, *, last: bool = False) -> str:
    """The leading run of nouns of ``words`` (or the last noun), by jieba's tags."""
    tagged = rjieba.tag(words)
    if last:
        return tagged[-1][0] if tagged and tagged[-1][1][0] in "nljs" else ""
    noun = ""
    for word, tag in tagged:
        if tag[0] not in "nlsabjt" and (noun or tag != "vn"):
            break
        noun += word
    return noun


def _clause(text: str, side: int) -> str:
    parts = [part for part in regex.split(r"[，,。；;：:？?！!\s、]+", text) if part]
    return parts[side] if parts else ""
