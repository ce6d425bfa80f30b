"""How likely a text is as Chinese, Japanese or Korean: tells a right decoding from mojibake.

A model of a script is a handful of tiers of characters, each with the share of running text that it makes up; a tier's
characters count as equally frequent. The cost of a text is its negative log likelihood, in nats. Decodings of the same
bytes are comparable by their costs, since each explains all of the bytes. The tiers come from the character sets
themselves (GB 2312, Big5, JIS X 0208 and KS X 1001 each keep their everyday characters in rows of their own) and from
the commonest few dozen characters of each language. Shares are rounded from general prose, not fitted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache

_HANS = (
    "的一是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要她出也得里后自以会家可下而过天去能对小多然于心学么之"
    "都好看起发当没成只如事把还用第样道想作种开美总从无情己面最女但现前些所同日手又行意动方期它头经长儿回位分爱老因很给名法"
    "间斯知世什两次使身者被高已亲其进此话常与活正感见明问力理尔点文几定本公特做外孩相西果走将月十实向声车全信重三机工物气每"
)
_HANT = (
    "的一是了我不人在他有這個上們來到時大地為子中你說生國年著就那和要她出也得裡後自以會家可下而過天去能對小多然於心學麼之"
    "都好看起發當沒成只如事把還用第樣道想作種開美總從無情己面最女但現前些所同日手又行意動方期它頭經長兒回位分愛老因很給名法"
    "間斯知世什兩次使身者被高已親其進此話常與活正感見明問力理爾點文幾定本公特做外孩相西果走將月十實向聲車全信重三機工物氣每"
)
_HANGUL = (
    "이다는의을에가고를은하지로기사한들서그자도대어시일리아나인해정있원수스부보제전라"
    "장과으상주만여것게면했성우경국년동와구위모조비"
)
_MARKS = "，。、；：？！“”‘’（）《》〈〉「」『』【】—…·　％・～" + "".join(map(chr, range(0xFF10, 0xFF5B)))
_ASCII = "\t\n\f\r" + "".join(map(chr, range(0x20, 0x7F)))


def _rows(codec: str, first: int, last: int, trails: Iterable[int] = range(0xA1, 0xFF)) -> str:
    """The characters of the rows ``first`` to ``last`` (lead bytes) of a double-byte character set."""
    trails = tuple(trails)
    return "".join(bytes((lead, trail)).decode(codec, "ignore") for lead in range(first, last + 1) for trail in trails)


_BIG5_TRAILS = (*range(0x40, 0x7F), *range(0xA1, 0xFF))


@cache
def _models() -> dict[str, dict[str, float]]:
    symbols = _rows("gb2312", 0xA1, 0xA3) + _rows("gb2312", 0xA6, 0xA9)
    every: list[tuple[float, Iterable[str]]] = [(0.10, _ASCII), (0.10, _MARKS), (0.004, symbols)]
    simplified = [
        *every,
        (0.36, _HANS),
        (0.42, _rows("gb2312", 0xB0, 0xD7)),
        (0.012, _rows("gb2312", 0xD8, 0xF7)),
        (0.003, map(chr, range(0x4E00, 0xA000))),
    ]
    traditional = [
        *every,
        (0.36, _HANT),
        (0.42, _rows("big5", 0xA4, 0xC6, _BIG5_TRAILS)),
        (0.012, _rows("big5", 0xC9, 0xF9, _BIG5_TRAILS)),
    ]
    japanese = [
        *every,
        (0.45, map(chr, range(0x3041, 0x3097))),  # hiragana
        (0.10, map(chr, range(0x30A0, 0x30FF))),  # katakana
        (0.24, _rows("euc_jp", 0xB0, 0xCF)),
        (0.005, _rows("euc_jp", 0xD0, 0xF4)),
    ]
    korean = [
        *every,
        (0.45, _HANGUL),
        (0.34, _rows("euc_kr", 0xB0, 0xC8)),
        (0.004, _rows("euc_kr", 0xCA, 0xFD)),
        (0.001, map(chr, range(0xAC00, 0xD7A4))),
    ]
    languages = {"zh-Hans": simplified, "zh-Hant": traditional, "ja": japanese, "ko": korean}
    return {language: _costs(tiers) for language, tiers in languages.items()}


def _costs(tiers: list[tuple[float, Iterable[str]]]) -> dict[str, float]:
    costs: dict[str, float] = {}
    for share, chars in tiers:
        new = set(chars) - costs.keys()
        costs.update(dict.fromkeys(new, math.log(len(new) / share)))
    return costs


_OTHER_NATS = math.log(1_000_000)
"""Any other character: a share of 0.001 for the 1,000 of them that turn up in practice."""


def nats(text: str, languages: Iterable[str]) -> float:
    """The cost of the text in the one of ``languages`` (zh-Hans, zh-Hant, ja, ko) that suits it best; 0 for no text."""
    models = [_models()[language] for language in languages]
    return min(sum(model.get(char, _OTHER_NATS) for char in text) for model in models)
