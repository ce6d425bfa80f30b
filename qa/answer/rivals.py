"""Rivals: sentences that tell of another of the same kind, 朝阳区总工会 where 东城区总工会 is asked about.

Their words and their meaning are nearly the question's, so that nothing else parts them. A rival is a name of the same
sort before the same word as the question's own name, in a sentence that doesn't hold that name.

A passage that names other years than the question's, and not that one, is about a rival too.

A figure of another measure, 1路 where 多长 is asked, is a rival too, where there is one of the measure asked for; and
so is whom a text quotes (据…负责人介绍), unless it is asked who said something.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba

from qa.answer.areas import tell_of_other_areas, without
from qa.answer.candidates import TAGS, Block, Ints, layout
from qa.answer.kinds import Expected
from qa.store import StoredPassage
from qa.text.numerals import numbers

NAMES = frozenset({"nr", "ns", "nt", "nz"})
"""Jieba's tags of names: people, places, organisations, others."""
Named = tuple[str, str, str]
"""A name, its tag, and the word behind it."""


@lru_cache(maxsize=256)
def named(folded: str) -> tuple[Named, ...]:
    """The names of a folded question, each with a noun behind it."""
    words = rjieba.tag(folded)
    return tuple(
        (name, tag, head)
        for (name, tag), (head, kind) in pairwise(words)
        if tag in NAMES and len(name) > 1 and kind[0] in "nljs" and kind not in NAMES
    )


def rivals(asked: Expected, block: Block) -> npt.NDArray[np.bool_]:
    """(sentences,): which tell of a rival of a name that the question has."""
    layout = block.layout
    found = np.zeros(len(layout.sentences), dtype=np.bool_)
    for name, tag, head in named(asked.folded[asked.own :]):
        places = [
            int(block.words[i, 0])
            for i in range(1, len(block.texts) - 1)
            if block.texts[i + 1] == head and TAGS[block.tags[i]] == tag and block.texts[i] != name
        ]
        found |= without(name, places, layout)
    return found | tell_of_other_areas(asked, layout)


def of_other_years(asked: Expected, passage: StoredPassage) -> bool:
    """Whether the passage, or what stands above it, names years but tells of none of those asked about.

    It tells of all years of a span (2019—2023年, 2019年起), of those that 去年 and the like stand for, and of its
    article's. A follow-up that names none is about the years of the question that it depends on; a story's are the
    asker's own.
    """
    wanted = set(_ASKED_YEAR.findall(asked.folded, asked.own))
    if not wanted and asked.folded[: asked.own].rstrip().endswith("?"):
        wanted = set(_ASKED_YEAR.findall(asked.folded))
    if not wanted:
        return False
    told = _WRITTEN_YEAR.sub(
        lambda year: numbers(year.group())[0][0], f"{layout(passage.above).folded}\n{layout(passage.text).folded}"
    )
    named = {int(year) for year in _YEAR.findall(told)}
    if not named or any(year in told for year in wanted):
        return False
    own = {int(passage.date[:4])} if passage.date else set()
    years = own | {year + shift for word, shift in _SHIFTS if word in told for year in named | own}
    for match in _SPAN.finditer(told):
        first = int(match["first"])
        last = int(match["last"]) if match["last"] else LAST_YEAR
        years.update(range(first, (last if last > 99 else first // 100 * 100 + last) + 1))
    return years.isdisjoint(map(int, wanted))


LAST_YEAR = 2099
"""Until then what began in a year may go on."""
_ASKED_YEAR = regex.compile(
    r"(?<![\d.])(?:19|20)\d\d(?![\d人名元万亿个只家米件次户箱份吨辆多余盒册亩本台条套张瓶辈棵天头公平美克斤里把副双支对块片批项种类届号楼路分秒点"
    r"周级度层座间所处幅篇部场]|\.\d)"
)
"""A number that is a year in a question: 2022年, 2022春节档, but not 2022人."""
_YEAR = regex.compile(
    r"(?<![\d.])((?:19|20)\d\d)(?=年|\s?赛季|(?:[-–—/.]\d{1,2}){2}(?!\d)|[-–—~/至到]\d{2,4}(?:年|赛季))"
)
"""One that surely is in a text."""
_WRITTEN_YEAR = regex.compile(r"(?:一九|二[〇零])[〇零一二三四五六七八九]{2}(?=年)")
_SPAN = regex.compile(
    r"(?P<first>(?:19|20)\d\d)(?:年?[-–—~/至到]{1,2}(?P<last>(?:19|20)?\d\d)(?=年|\s?赛季)|年(?:\d{1,2}月)?(?:\d{1,2}日)?(?:起|以来|以后|之后|至今|开始|后))"
)
_SHIFTS = (("去年", -1), ("上年", -1), ("全年", -1), ("前年", -2), ("明年", 1), ("来年", 1), ("次年", 1), ("翌年", 1))
"""What else a text may tell of, from the years that it names: a year as a whole is told in the next."""


def asks_lunar(asked: Expected) -> bool:
    """Whether a day of the lunar calendar is asked for (大年初几, 春节第几天)."""
    return asked.kind == "date" and _LUNAR_ASKED.search(asked.folded, asked.own) is not None


def not_lunar(asked: Expected, block: Block, spans: Ints) -> npt.NDArray[np.bool_]:
    """(spans,): which hold no day of the lunar calendar, or none from the tenth on where 正月十几 is asked."""
    tens = _LUNAR_TENS.search(asked.folded, asked.own)
    found = np.ones(len(spans), dtype=np.bool_)
    for day in _LUNAR_DAY.finditer(block.layout.folded):
        if tens is None or day.group().startswith(tens.group(1)):
            found &= (spans[:, 0] > day.start()) | (spans[:, 1] < day.end())
    return found


_LUNAR_TENS = regex.compile(r"((?:正月|腊月)(?:十|二十|廿))几")
_LUNAR_ASKED = regex.compile(r"初几|(?:正月|腊月|大年|农历)[^,。?]{0,4}[几哪]|春节[^,。?]{0,4}第几[天日]")
_LUNAR_DAY = regex.compile(
    r"(?:正月|腊月|大年)?初[一二三四五六七八九十]|(?:正月|腊月)[一二三四五六七八九十廿]{1,3}|除夕|大年三十"
)


def unmeasured(asked: Expected, block: Block, spans: Ints) -> npt.NDArray[np.bool_]:
    """(spans,): which hold no figure with the measure word that is asked for, or with one for the same.

    ``spans`` are starts and ends in the block's folded text. The word may stand behind a 余 or 多, or begin a
    longer one.
    """
    units = "".join(group for group in EQUALS if set(group) & set(asked.units)) + asked.units
    layout = block.layout
    begins = np.zeros(len(layout.folded) + 1, dtype=np.int32)
    for _, start, end in layout.values:
        money = layout.folded[max(start - 1, 0) : start] in tuple("$¥€£") and "元" in units
        begins[start] = money or any(unit in layout.folded[end : end + MEASURE_CHARS] for unit in units)
    counted = "".join(unit for unit in units if unit in COUNTED)  # 三名, but not 四分公司
    for match in regex.finditer(f"[二两三四五六七八九](?=[{counted}])", layout.folded) if counted else ():
        begins[match.start()] = True
    before = np.concatenate(([0], np.cumsum(begins)))
    found: npt.NDArray[np.bool_] = before[spans[:, 1]] == before[spans[:, 0]]
    return found


def uncounted(block: Block, spans: Ints) -> npt.NDArray[np.bool_]:
    """(spans,): which hold nothing that counts: no digit, no numeral in Chinese, no 半, 几 or 首."""
    counts = np.zeros(len(block.layout.folded) + 1, dtype=np.int32)
    for match in _COUNTS.finditer(block.layout.folded):
        counts[match.start()] = 1
    before = np.concatenate(([0], np.cumsum(counts)))
    found: npt.NDArray[np.bool_] = before[spans[:, 1]] == before[spans[:, 0]]
    return found


_COUNTS = regex.compile(r"[\p{Nd}\p{No}一二两三四五六七八九十百千万亿零半双几数首每全]")


def quoted(asked: Expected, block: Block, spans: Ints) -> npt.NDArray[np.bool_]:
    """(spans,): which stand in 据…介绍, that tells where the text has it from; none where it is asked who said it."""
    found = np.zeros(len(spans), dtype=np.bool_)
    if not _SAYING.search(asked.folded, asked.own):
        for match in _QUOTING.finditer(block.layout.folded):
            found |= (spans[:, 0] < match.end()) & (spans[:, 1] > match.start()) & (spans[:, 1] <= match.end())
    return found


_SAYS = r"介绍|透露|表示|(?<![名简统])称|(?<![小传])说(?![明法服])"
_QUOTING = regex.compile(rf"(?<![数证占割根依])据[^,。;:!?、\n]{{1,30}}(?:{_SAYS})")
_SAYING = regex.compile(
    r"介绍|透露|表示|声称|宣称|谁称|(?<![小传])说(?![明法服])|告诉|指出|据谁|发言"
    r"|\b(?:sa(?:id|ys?)|told|according)\b|述べ|言った"
)
MEASURE_CHARS = 3
"""Within so many characters behind a figure its measure word begins."""


def figure_asked_for(asked: Expected, block: Block, start: int, end: int) -> tuple[int, int]:
    """The part of a span with the figure that has the measure word asked for, beside others' (15座楼宇459家).

    个 counts anything, and 21至28对 is one figure: there the span stays.
    """
    folded = block.layout.folded
    figures = [(low, high) for _, low, high in block.layout.values if start <= low and high <= end]
    fitting = [(low, high) for low, high in figures if folded[high : high + 1] in set(asked.units) - {"个"}]
    others = [high for low, high in figures if (low, high) not in fitting]
    if len(figures) < 2 or len(fitting) != 1 or not all(_MEASURED.match(folded, high) for high in others):
        return start, end
    [(low, high)] = fitting
    past = next((high + 1 for other, _ in figures if other > low), end)
    return low - (folded[max(low - 1, 0) : low] == "第"), past


def only_figure(asked: Expected, block: Block, start: int, end: int) -> tuple[int, int]:
    """The figure with its measure word in a clause that has a single one of those asked for; the clause else.

    Whatever the clause says beside it, no other figure of it is the answer (对74家非公企业逐一进行电话沟通).
    """
    folded, wanted = block.layout.folded, asked.units or _units_of(asked)
    if not wanted:
        return start, end
    figures = []
    for _, low, high in block.layout.values:
        if start <= low and high <= end and (measure := _MEASURE_WORD.match(folded, high, end)):
            figures.append((low - (folded[max(low - 1, start) : low] == "第"), measure.end(), measure["word"]))
    units = {unit for group in EQUALS if set(group) & set(wanted) for unit in group} | set(wanted)
    if units - {"个"}:
        figures = [figure for figure in figures if set(figure[2]) & units]
    return figures[0][:2] if len(figures) == 1 else (start, end)


def _units_of(asked: Expected) -> str:
    """The measure of what is asked for where the question has none: 元 of 多少专款, % of 多少比例."""
    word = _MEASURE_WORD.match(asked.folded, asked.end)
    if word and len(word["word"]) > 1:  # one character may begin what is counted (口罩)
        return str(word["word"])
    focus = _FOCUS.match(asked.folded, asked.end)
    return ("元" if focus["money"] else "%") if focus else ""


_FOCUS = regex.compile(r"\p{Han}{0,3}?(?:(?P<money>[款金钱币]|经费)|比例|比率|百分比)(?![属额子包])")
_MEASURE_WORD = regex.compile(
    r"[余多来]?(?P<word>人次|户次|车次|分钟|小时|公里|平方公里|平方米|立方米|千克|公斤|公顷|公尺|公分|世纪|个月|美元|英镑|日元|欧元|"
    r"[名位人口个家间户次所座处只件份条项批支队辆场箱元块岁年月天日时分秒米里斤吨克%倍级届期篇本册套台盒袋瓶张片株棵头匹艘架栋幢层种类对双组班轮])"
)


_MEASURED = regex.compile(r"\p{Han}(?<![至到和及与或])")
COUNTED = "人名位口员个家间户次所座处只件份条项批支队辆场箱"
"""Measure words before which a single numeral is a figure; 一 is too often none (一人, 一家)."""
EQUALS = ("人名位口员", "元块圆钱金币", "个家间所座处", "米里尺m", "斤克吨g", "年月天日时分秒周钟载")
"""Characters of measure words for the same: who asks 多少人 is told of 30名. Latin ones are those of km and kg."""
