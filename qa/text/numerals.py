"""Numbers and what they are worth, however they are written: 8000, 8,000, 八千 and 0.8万 get the same term.

Works on folded text (half-width digits, simplified characters).
"""

from __future__ import annotations

from decimal import Decimal

import regex  # type: ignore[import-untyped]  # no stubs among the development tools

_DIGITS = dict(zip("〇一二三四五六七八九零壹贰叁肆伍陆柒捌玖两", (*range(10), *range(10), 2), strict=True))
_UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000, "万": 10**4, "亿": 10**8}
_CHINESE = "".join(_DIGITS) + "".join(_UNITS)
_ARABIC = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_SOME = "(?:[多余几来](?=[万亿]))?"  # 三十多万
_NUMBER = regex.compile(
    rf"(?<![\p{{Latin}}\d.]){_ARABIC}(?!\.?\d)(?:{_SOME}[{''.join(_UNITS)}](?:{_ARABIC}(?=[{''.join(_UNITS)}]))?)*"
    rf"|(?:(?<=百分之)|(?!百分之))[{_CHINESE}](?:{_SOME}(?!百分之)[{_CHINESE}])*"
)
_PART = regex.compile(rf"{_ARABIC}|[{_CHINESE}]")


def numbers(folded: str) -> list[tuple[str, int, int]]:
    """Numbers in folded text as (value, start, end), in order.

    The value is a plain decimal: no separators, no leading zeros, no zeros behind the point. 九十余 is worth 90, 一万八
    18000, and numerals read one by one (二〇二〇) are the year. A single Chinese numeral counts when it is 十 or
    a unit before 余 or 多 (千余名); else it is more often part of a word than a figure (一般, 统一).
    """
    found: list[tuple[str, int, int]] = []
    for match in _NUMBER.finditer(folded):
        text = match.group()
        rounded = text in _UNITS and folded[match.end() : match.end() + 1] in {"余", "多"}
        if len(text) > 1 or text.isdecimal() or text == "十" or rounded:
            found.append((_plain(_value(_PART.findall(text))), match.start(), match.end()))
    return found


def _value(parts: list[str]) -> Decimal:
    if len(parts) > 1 and all(part in _DIGITS for part in parts):
        return Decimal("".join(str(_DIGITS[part]) for part in parts))
    total = section = Decimal(0)  # section: what stands before the next 万 or 亿
    figure: Decimal | None = None
    last_unit = 1
    for part in parts:
        if part not in _UNITS:
            figure = Decimal(_DIGITS[part]) if part in _DIGITS else Decimal(part.replace(",", ""))
            last_unit = 1 if figure == 0 else last_unit
            continue
        unit = _UNITS[part]
        if unit < 10**4:
            section += unit * (1 if figure is None else figure)
        else:
            section += figure or 0
            if total < unit:  # 一万亿: the unit counts all before it
                total = (total + section or Decimal(1)) * unit
            else:  # 一亿二千万: what stands since the larger unit
                total += (section or 1) * unit
            section = Decimal(0)
        figure, last_unit = None, unit
    # What stands behind the last unit counts the next smaller one: 一万八 is 18000; after 零 it counts ones.
    return total + section + (figure or 0) * max(last_unit // 10, 1)


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
