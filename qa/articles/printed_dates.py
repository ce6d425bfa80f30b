"""Dates as they are printed: 2020年3月8日, 二〇二〇年三月八日, 民国廿六年七月七日, 令和2年, March 3, 2026, 2020-03-08.

Functions of short texts, for ``dates``, which knows where on a page a date may stand. What is printed is read, and
nothing is guessed: an impossible day, or one beside another day's weekday, is no date. Dates of the farmers' calendar
(农历) and of the Qing are left aside, since they are of another year's count of days. Numbers like 03/08/2020 too: they
are March to some and August to others.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

EARLIEST, LATEST = 1815, 2099
"""Years that are taken for one: from the first newspapers in Chinese."""
ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911, "明治": 1867}
ERAS |= {"民国": 1911, "公元": 0, "西元": 0, "西历": 0}
"""What to add to an era's year."""
_LAST_YEARS = {"明治": 45, "大正": 15, "昭和": 64, "平成": 31}

_NUMERAL = "〇零一二三四五六七八九十百廿卅卌"
_DAY = r"(?P<day>\d{1,2}|[一二三四五六七八九十廿卅]{1,3})\s*[日号]"
_MONTH = r"(?P<month>\d{1,2}|[一二三四五六七八九十]{1,2})\s*月"
_CHINESE = re.compile(
    rf"(?P<lunar>(?:农历|夏历|阴历|旧历|清|光绪|宣统|同治|咸丰|道光)\s*)?(?:中华)?(?:(?P<era>{'|'.join(ERAS)})|(?<!\s))\s*"
    rf"(?<![\d{_NUMERAL}])(?P<year>\d{{1,4}}|元|[{_NUMERAL}](?:\s?[{_NUMERAL}]){{0,5}})\s*年"
    rf"(?:\s*{_MONTH}份?(?:\s*{_DAY})?)?"
)
_CHINESE_PART = re.compile(rf"(?<![\d年{_NUMERAL}])(?:{_MONTH}\s*)?{_DAY}")
_ISO = re.compile(r"(?<![\d.\-/])(?P<year>\d{4})([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?![\d\-/]|\.\d)")
_ISO_MONTH = re.compile(r"(?<![\d.\-/])(?P<year>\d{4})-(?P<month>\d{2})(?![\d\-/]|\.\d)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAME = (
    r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|"
    r"Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_LATIN_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_ENGLISH = re.compile(rf"\b{_MONTH_NAME}\s+{_LATIN_DAY}(?:,?\s+(?P<year>\d{{4}}))?\b", re.IGNORECASE)
_BRITISH = re.compile(rf"\b{_LATIN_DAY}\s+{_MONTH_NAME}(?:,?\s+(?P<year>\d{{4}}))?\b", re.IGNORECASE)

WEEKDAY = (
    r"(?:(?:星期|礼拜|周)[一二三四五六日天]|[月火水木金土日]曜日?|"
    r"(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?\b\.?)"
)
_WEEK = {name: number for names in ("一二三四五六日", "月火水木金土日") for number, name in enumerate(names)}
_WEEK |= {"天": 6} | {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}
_WEEKDAY_BEHIND = re.compile(rf"(?<!\s)\s*(?:[,(]\s*)?({WEEKDAY})", re.IGNORECASE)
_WEEKDAY_BEFORE = re.compile(rf"({WEEKDAY})\s*(?:[),]\s*)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Printed:
    """A date at ``start:end`` of a text; ``year`` is None where only the month and day, or the day, are told."""

    year: int | None
    month: int | None
    day: int | None
    start: int = 0
    end: int = 0

    @property
    def iso(self) -> str:
        """ISO 8601 in the precision that is printed; only for one with a year."""
        return "-".join([f"{self.year:04}", *(f"{part:02}" for part in (self.month, self.day) if part is not None)])


def printed_dates(text: str, *, republic: bool = False, parts: bool = False) -> Iterator[Printed | None]:
    """Every date in a text that was ``spelt_plainly``; None for one that can't be.

    With ``parts``, dates without a year too. ``republic`` says that a year of one to three digits without an era is one
    of the Republic (廿六年: 1937); else it is left aside.
    """
    taken: list[tuple[int, int]] = []  # ascending, and none over another: only neighbours of a new one can overlap it
    for pattern in (_CHINESE, _ISO, _ISO_MONTH, _ENGLISH, _BRITISH, *((_CHINESE_PART,) if parts else ())):
        for match in pattern.finditer(text):
            group = match.groupdict()
            at = bisect(taken, match.span())
            if any(start < match.end() and match.start() < end for start, end in taken[max(0, at - 1) : at + 1]):
                continue
            if group.get("lunar"):
                taken.insert(at, match.span())
                continue
            year = _year(group.get("year"), group.get("era"), republic=republic)
            if year is None and (group.get("year") or not parts):
                continue
            taken.insert(at, match.span())
            found = dated(year, _month(group.get("month")), number(group.get("day")), *match.span())
            yield found if found and _weekday_fits(found, text) else None


def dated(
    year: int | None, month: int | None = None, day: int | None = None, start: int = 0, end: int = 0
) -> Printed | None:
    """The date; None when the calendar has no such day, or the year is out of range."""
    try:
        date(year or 2000, 1 if month is None else month, 1 if day is None else day)
    except ValueError:
        return None
    if year is not None and not EARLIEST <= year <= LATEST:
        return None
    return Printed(year, month, day, start, end)


def number(numeral: str | None) -> int | None:
    """What a numeral below a thousand, or digits read one by one, are worth: 26, 二十六, 廿六, 二六."""
    if not numeral:
        return None
    plain = re.sub(r"\s", "", numeral).replace("廿", "二十").replace("卅", "三十").replace("卌", "四十")
    if plain.isascii():
        return int(plain)
    digits = {"零": 0} | {character: worth for worth, character in enumerate("〇一二三四五六七八九")}
    if set(plain) <= digits.keys():
        return int("".join(str(digits[character]) for character in plain))
    figure = "([一二三四五六七八九])?"
    match = re.fullmatch(f"(?:{figure}(百))?[〇零]?(?:{figure}(十))?{figure}", plain)
    if match is None:
        return None
    hundreds = digits[match[1]] if match[1] else int(bool(match[2]))
    tens = digits[match[3]] if match[3] else int(bool(match[4]))
    return 100 * hundreds + 10 * tens + (digits[match[5]] if match[5] else 0)


_PLAIN = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFF01, 0xFF5F)} | dict(
    zip(
        map(ord, "國曆報訊電時間發據專農陰舊號緒統禮來記開創週華綜導辦於聞總張從為○\u3000"),
        "国历报讯电时间发据专农阴旧号绪统礼来记开创周华综导办于闻总张从为〇 ",
        strict=True,
    )
)


def spelt_plainly(text: str) -> str:
    """The text with plain digits and marks, and in the simplified characters of the patterns; one for one."""
    return text.translate(_PLAIN)


def _year(year: str | None, era: str | None, *, republic: bool) -> int | None:
    worth = 1 if year == "元" and era else number(year)
    if worth is None:
        return None
    if era:
        return worth + ERAS[era] if 0 < worth <= _LAST_YEARS.get(era, LATEST) else None
    if worth >= 1000:
        return worth
    return worth + ERAS["民国"] if republic and 0 < worth < 200 else None


def _month(month: str | None) -> int | None:
    return 1 + _MONTHS.index(month[:3].lower()) if month and month[0].isalpha() and month.isascii() else number(month)


def _weekday_fits(found: Printed, text: str) -> bool:
    """False when the weekday right behind or before the date isn't that day's."""
    if found.year is None or found.month is None or found.day is None:
        return True
    day = date(found.year, found.month, found.day).weekday()
    behind = _WEEKDAY_BEHIND.match(text, found.end, found.end + 20)
    before = _WEEKDAY_BEFORE.search(text, max(0, found.start - 20), found.start)
    return all(_weekday(match[1]) == day for match in (behind, before) if match)


def _weekday(name: str) -> int:
    if name[0].isascii():
        return _WEEK[name[:3].lower()]
    return _WEEK[name[0] if "曜" in name else name[-1]]
