"""The date of an article: what the page itself says, else what its file is called, else nothing.

Last step of the second stage of the data's way, on the structure that ``assemble`` found; a function of a text and the
spans in it. A date is ISO 8601 in the precision that is printed (``2020-03-08``, ``2020-03``, ``2020``), and never
guessed: where two days are told for one page, or a dateline is later than its page, there is none. docs/filters.md
tells the rules to people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

import regex  # type: ignore[import-untyped]  # no stubs among the development tools

from qa.articles.printed_dates import WEEKDAY, Printed, dated, printed_dates, spelt_plainly
from qa.articles.values import Dated

NEAR_LINES = 5
"""Lines from the beginning of a file, or of an article, in which its date may stand."""
LINE_CHARS = 80
"""Longest line that is a date and what goes with it: the paper's name, the number, the weekday."""
YEARS_END = (12, 24)
"""From this day on, the year of a paper that is known by its year alone may be the next one."""

Span = tuple[int, int]


def article_dates(
    file: str, text: str, articles: Sequence[tuple[int, int, str | None]], furniture: Sequence[tuple[int, int, str]]
) -> list[Dated | None]:
    """The date of each article, None where it isn't known.

    Args:
        file: the file's name with its folders.
        text: the file's text, into which all offsets count.
        articles: start, end and headline of each, in order.
        furniture: start, end and kind of what is no article's.
    """
    plain = spelt_plainly(text)
    places = [(start, end, _headline(text, start, end, headline)) for start, end, headline in articles]
    above = min((headline for _, _, headline in places), default=len(plain))
    printed = _page_lines(plain, furniture, above)
    file = spelt_plainly(file)
    republic = "民国" in file or any("民国" in line for line in printed)
    told = _agreed(_front_matter(plain, furniture))
    page = _agreed(_page_dates(printed, republic=republic))
    named = _agreed(_named(file, republic=republic))
    return [
        Dated(told, "front matter") if told else _article(plain, article, page, named, republic=republic)
        for article in places
    ]


def _article(
    text: str, place: tuple[int, int, int], page: str | None, named: str | None, *, republic: bool
) -> Dated | None:
    start, end, headline = place
    headers = _headers(text, headline, end, republic=republic)
    header = _agreed(headers)
    wire = _dateline(text, start, end, republic=republic)
    dateline = None if wire is None else wire.iso if wire.year else _completed(wire, page or header or named)
    if headers and (header is None or _later(header, page)):
        return None
    if dateline and (_later(dateline, page) or _later(dateline, header)):
        return None
    signature = None if page else _signature(text, start, end, republic=republic)
    told = (
        (header, "header"),
        (dateline, "dateline"),
        (page, "page"),
        (signature, "signature"),
        (named, "file name"),
    )
    return next((Dated(when, source) for when, source in told if when), None)


def _headline(text: str, start: int, end: int, headline: str | None) -> int:
    """Where the headline begins: blanks and line breaks in it may be gone, but not so soon."""
    found = text.find(headline[:4].strip(), start, end) if headline else -1
    return max(start, found)


# --- on the page ---

_LABEL = (
    r"(?:(?:(?:发布|发表|发稿|出版|刊发|更新|投稿)(?:时间|日期|于)?|时间|日期|刊于)"
    r"|date|(?:published|posted|updated)(?: on)?|pub_?date|publish_?date)"
)
_FRONT = re.compile(rf"^{_LABEL} ?[:=] ?(.{{4,40}})$", re.IGNORECASE | re.MULTILINE)
_PRINTED_ON = {"masthead", "banner", "imprint", "running head"}
_NUMBERED = re.compile(r"第? ?[A-Z]?[\d一二三四五六七八九十〇]{1,6} ?[版期]|\b(?:Vol|No|Page)\b", re.IGNORECASE)
# What stands around the day, @, in a folio line: the paper's name before it, weekday, issue, page and price behind it.
# By regex: before Python 3.11.5, re matches possessive groups wrongly (python/cpython issue 106052).
_FOLIO = regex.compile(
    rf"^[^年月日至到于在从自截为。：:；;]{{0,40}}@"
    rf"(?:[ ,·|()]|{WEEKDAY}|第? ?[A-Z]?[\d一二三四五六七八九十〇,]{{1,6}} ?[版期号张页]|今日|本期|总"
    r"|(?:农历|夏历|阴历|旧历)?[甲-龥]{2}年.{0,10}|(?:Vol|No|Page|Price|定价|零售).{0,14})*+$",
    regex.IGNORECASE,
)
_FOUNDED = re.compile(r"创刊|创办|成立|始于|founded|since|established", re.IGNORECASE)
# Around a date, which stands as @: nothing but its label, weekday, time and source.
_ALONE = re.compile(
    rf"^ *(?:{_LABEL} ?:? ?)?[(\[]? ?(?:{WEEKDAY},? )?@,? ?(?:\(?{WEEKDAY}\)? ?)?"
    r"(?:T?\d\d?[:时]\d\d?(?:[:分]\d\d?)?秒?)?[)\]]? *(?:[|·]? *(?:来源|作者|记者|编辑|source|by)[ :].{0,40})?$",
    re.IGNORECASE,
)


def _front_matter(text: str, furniture: Sequence[tuple[int, int, str]]) -> Iterator[str | None]:
    lines = [text[start:end] for start, end, kind in furniture if kind == "front matter"]
    for match in _FRONT.finditer("\n".join(lines)):
        value = re.sub(r"(?<=\d)T\d\d:.*$", "", match[1].strip(" \"'"))
        for found in printed_dates(value):
            yield found.iso if found else None


def _page_lines(text: str, furniture: Sequence[tuple[int, int, str]], above: int) -> list[str]:
    """Mastheads and folio lines, and such lines at the top of the file down to the first headline.

    A line that tells the number of the page or the issue may stand below: the paper's name was taken for a headline.
    """
    printed = [text[start:end] for start, end, kind in furniture if kind in _PRINTED_ON]
    top = [(start, text[start:end]) for start, end in _lines(text, 0, len(text), NEAR_LINES)]
    printed += [line for start, line in top if start <= above or _NUMBERED.search(line)]
    return [line for line in dict.fromkeys(printed) if len(line) <= LINE_CHARS and not _FOUNDED.search(line)]


def _page_dates(lines: Iterable[str], *, republic: bool) -> Iterator[str | None]:
    """Dates that tell the day in lines that hold little else: a month or year alone is more often part of a name."""
    for line in lines:
        for found in printed_dates(line, republic=republic):
            if found is None:
                yield None
            elif found.day and _FOLIO.match(_marked(line, found)):
                yield found.iso


def _headers(text: str, headline: int, end: int, *, republic: bool) -> list[str]:
    """The dates of lines below the headline that are a date, with label, time or source at most."""
    lines = _lines(text, headline, end, NEAR_LINES)[1:]
    # A line that closes the article is its signature.
    found = [_alone(text[start:stop], republic=republic) for start, stop in lines if text[stop:end].strip()]
    return [one.iso for one in found if one]


def _signature(text: str, start: int, end: int, *, republic: bool) -> str | None:
    """The date that closes a letter or a notice, on a line of its own."""
    lines = _lines(text, max(start, end - 4 * LINE_CHARS), end)
    found = _alone(text[slice(*lines[-1])], republic=republic) if len(lines) > 1 else None
    return found.iso if found else None


def _alone(line: str, *, republic: bool) -> Printed | None:
    dates = list(printed_dates(line, republic=republic)) if len(line) <= LINE_CHARS else []
    if len(dates) != 1 or dates[0] is None or not dates[0].day:
        return None
    return dates[0] if _ALONE.match(_marked(line, dates[0])) else None


_AGENCY = (
    r"(?:新华社|中新社|中新网|中央社|人民网|路透社|美联社|法新社|合众社|塔斯社|共同社|时事社|本[报刊社台网]|"
    r"[\u3400-\u9fff]{1,4}[报社])"
)
_WIRE = re.compile(
    rf"^ *[(\[【〔「]?据?{_AGENCY}[^。，,@\d]{{0,16}}@ ?(?:[上下]午|凌晨|晚)?(?:专|急|综合)?(?:电|讯|消息|报道|报导)"
)
_WIRE_AT_THE_END = re.compile(rf"^[(\[【〔]据?{_AGENCY}[^。，,@\d]{{0,16}}@ ?[专急]?[电讯][)\]】〕]$")
_ENGLISH_WIRE = re.compile(r"^[A-Z][A-Za-z .,'-]{2,40},? @,? ?(?:\([A-Z][A-Za-z .]{1,30}\) ?)?(?:—|–|--|-) ?\S")


def _dateline(text: str, start: int, end: int, *, republic: bool) -> Printed | None:
    """The date of the dateline that opens the first paragraph, or of the one in brackets that ends the article."""
    for first, last in _lines(text, start, end, 2 * NEAR_LINES):
        found = _wire(text[first : min(last, first + LINE_CHARS)], republic=republic)
        if found:
            return found
    closing = text[max(start, end - LINE_CHARS) : end].rstrip()
    opening = max(closing.rfind(mark) for mark in "([【〔")
    return _fitting(closing[opening:], (_WIRE_AT_THE_END,), republic=republic) if opening >= 0 else None


def _wire(line: str, *, republic: bool) -> Printed | None:
    return _fitting(line, (_WIRE, _ENGLISH_WIRE), republic=republic)


def _fitting(line: str, patterns: Sequence[re.Pattern[str]], *, republic: bool) -> Printed | None:
    for found in printed_dates(line, republic=republic, parts=True):
        if found and found.day and any(pattern.match(_marked(line, found)) for pattern in patterns):
            return found
    return None


def _marked(line: str, found: Printed) -> str:
    return f"{line[: found.start]}@{line[found.end :]}"


def _lines(text: str, start: int, end: int, most: int | None = None) -> list[Span]:
    """Spans of the first lines that aren't blank, white space at their ends aside."""
    spans: list[Span] = []
    for match in _LINE.finditer(text, start, end):
        if most is not None and len(spans) == most:
            break
        spans.append(match.span())
    return spans


_LINE = re.compile(r"\S(?:[^\n\r]*\S)?")

# --- in the file's name ---

_COMPACT = re.compile(r"(?:^|[/_\-. ])[A-Za-z\u3400-\u9fff]*((?:18|19|20)\d\d)(\d\d)(\d\d)(?![0-9A-Za-z])")
_FOLDERS = re.compile(r"(?:^|(?<=/))((?:18|19|20)\d\d)(?:/(\d\d)(?:/(\d\d))?)?(?=/)")


def _named(file: str, *, republic: bool) -> Iterator[str | None]:
    """Dates in the file's name and folders: 20200308, 2020-03-08, 民国26年7月8日, 2020/03/08/01.txt."""
    name = re.sub(r"\.[A-Za-z]{1,5}$", "", file)
    for match in _COMPACT.finditer(name):
        found = dated(int(match[1]), int(match[2]), int(match[3]))
        if found:
            yield found.iso
    for match in _FOLDERS.finditer(file):
        year, month, day = (int(part) if part else None for part in match.groups())
        found = dated(year, month, day) or dated(year)
        if found:
            yield found.iso
    for part in name.replace("_", "-").split("/"):
        for found in printed_dates(part, republic=republic):
            yield found.iso if found else None


# --- putting together ---


def _agreed(dates: Iterable[str | None]) -> str | None:
    """The most precise of dates that say the same; None when two differ, or one can't be."""
    told = list(dates)
    known = [when for when in told if when is not None]
    if not known or len(known) < len(told):
        return None
    best = max(known, key=len)
    return best if all(best.startswith(when) for when in known) else None


def _completed(found: Printed, around: str | None) -> str | None:
    """Month and day, or the day alone, in the year and month that the page or the file's name leaves no choice of.

    That is the last such day up to the page's own; where the page's year or month alone is known, the day in it.
    """
    if around is None or found.day is None:
        return None
    if len(around) == 10:
        for back in range(366 if found.month else 31):
            day = date.fromisoformat(around) - timedelta(days=back)
            if day.day == found.day and found.month in {None, day.month}:
                return day.isoformat()
        return None
    if found.month is None or (found.month, found.day) >= YEARS_END:
        return None
    whole = dated(int(around[:4]), found.month, found.day)
    return whole.iso if whole and whole.iso.startswith(around) else None


def _later(when: str, page: str | None) -> bool:
    """Whether the day is later than the page's, which can't be; a day more is the other side of the date line."""
    if page is None or len(page) < 10 or len(when) < 10:
        return False
    return date.fromisoformat(when) > date.fromisoformat(page) + timedelta(days=1)
