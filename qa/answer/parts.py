"""Parts: a question that asks for several things becomes several questions, each searched and answered on its own.

    图书馆的地址和电话是多少？        图书馆的地址是哪里？         图书馆的电话是多少？
    2021年和2022年的粮食产量         2021年的粮食产量是多少？     2022年的粮食产量是多少？
    谁写了这首歌，什么时候写的？     谁写了这首歌？               … 什么时候写的？

What may have one answer together is left as it is: a sum (一共), what is between two (关系, 贸易额), words that needn't
be told apart (发给职工和家属). So nouns that say what is wanted are always parted; years, titles and names only where
each is asked about (分别) or a noun follows that each has one of its own (人口, 首都). Chinese alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba

from qa.answer.asking import in_full, wanted
from qa.answer.kinds import has_question_word
from qa.chat import complete
from qa.text import fold_text

MOST = 4
"""Parts that are answered; a question with more is left as it is."""

_TOGETHER = regex.compile(
    r"关系|区别|差[别异距]|不同|相[同比差]|之间|之[和差比]|合[写计并办著编]|合作(?!社)|联[合手名]|共[同有计]|一[共起同]|总共|加起来|比较|"
    r"对比|比[分赛]|对[阵决]|距离|签|结婚|谁更|哪个更|(?<![成首古旧])都(?![市会])|(?<![人平])均"
)
_HAN = regex.compile(r"\p{Han}")
_OTHER = regex.compile(r"[\p{Hiragana}\p{Katakana}]|(?<![A-Za-z])(?:[A-Za-z]+ ){3}")
"""Japanese, and sentences in other letters, where a relative clause looks like a question."""
_ASKS = regex.compile(
    r"什么|多少|谁|哪(?:[里儿个些位年月天家]|一[个位年天家])|怎么|怎样|如何|为何|何[时地]|多[大长高久重远]"
)
"""Words that ask, and hardly do anything else (任何, 几年来)."""
_INDEFINITE = regex.compile(
    r"无论|不管|不论|没有?(?:什么|谁|多少)|(?:谁|什么|哪[里儿个])[都也]|多少年来|怎么说|^谁\p{Han}{1,4}$"
)
"""Here they don't ask."""
_EACH = regex.compile(r"分别|各自")
_AND = frozenset({"和", "与", "及", "以及", "、", "跟"})
_COMMA = regex.compile(r"[，,？?；;。！!]+\s*")
_MARKS = "？?。.！! \n\t\u3000"
_ASKING = regex.compile(
    r"(?:的)?(?:分别|各自)?(?:[是为有叫在])?(?:什么时候|何时|哪天|哪里|哪儿|何地|谁|什么|多少|第几|多久)?$"
)
_OF_ITS_OWN = regex.compile(
    r"的?[^的]{0,6}?(?:人口|面积|gdp|首都|省会|首府|总部|票房|产量|销量|交付量|数量|人数|[^效]率|增速|年龄|身高|生日|市长|校长|主席|总统|总理|首相|"
    r"冠军|营收|成绩|上映(?:时间|日期)|出生(?:时间|日期|地)|成立(?:时间|日期))"
    r"(?:是(?:多少|谁|什么时候|哪里|什么))?$"
)
"""What follows two names of which each has one."""
_WHO = regex.compile(r"是(?:谁|什么人|哪里人)")
_QUOTED = regex.compile(r"《[^《》]*》|“[^“”]*”|「[^「」]*」|『[^『』]*』|\"[^\"]*\"")
_WHOLE = regex.compile(
    rf"{_QUOTED.pattern}|\d+(?:年|月(?:\d+[日号])?|[日号]|季度)?|[A-Za-z][A-Za-z.-]*(?: ?\d{{1,3}}(?!\d))?"
)
"""What is one word, whatever it is made of."""
_YEAR = regex.compile(r"\d{4}年?")
_NAMES = frozenset({"title", "whole", "year", "ns", "nr", "nt", "nz", "nrt", "nrfg", "x", "t"})
"""Tags of words that name something: jieba's, and those of what is one word here."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the questions, and what tells it from the others (地址, 2021年)."""

    question: str
    label: str
    history: tuple[str, ...] = ()
    """The question that it is understood from."""


class _Word(NamedTuple):
    start: int
    text: str
    """Folded."""
    tag: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def in_parts(question: str) -> tuple[Part, ...]:
    """The questions that it is made of, in order; none where it asks for one thing."""
    folded = fold_text(question)
    if not _HAN.search(question) or _OTHER.search(question) or len(folded) != len(question):
        return ()  # (the last: places must be the same in both)
    parts = _clauses(question) or _several(question.rstrip(_MARKS))
    return parts if 2 <= len(parts) <= MOST else ()


def _clauses(question: str) -> tuple[Part, ...]:
    """Clauses that each ask by a word of their own; a later one is understood from the first."""
    folded = _QUOTED.sub(lambda quoted: "〇" * len(quoted.group()), fold_text(question))  # what is quoted asks nothing
    borders = [0, *(place for comma in _COMMA.finditer(folded) for place in comma.span()), len(folded)]
    spans = [(start, end) for start, end in zip(borders[::2], borders[1::2], strict=True) if start < end]
    if not 2 <= len(spans) <= MOST:
        return ()
    if not all(_ASKS.search(folded, *span) and not _INDEFINITE.search(folded[slice(*span)]) for span in spans):
        return ()
    first, *others = (" ".join(question[start:end].split()) for start, end in spans)
    return (Part(f"{first}？", first), *(_later(first, clause) for clause in others))


def _later(first: str, clause: str) -> Part:
    if complete(f"{clause}？", [f"{first}？"]) != f"{clause}？":
        return Part(f"{clause}？", clause, (f"{first}？",))
    named = any(word.tag in _NAMES - {"t", "x"} for word in _words(clause))
    return Part(f"{clause}？" if named else f"{first}？ {clause}？", clause)


def _several(question: str) -> tuple[Part, ...]:
    """One clause with words joined by 和, 与, 及 or 、 of which each is asked about."""
    folded = fold_text(question)
    if not any(word in folded for word in _AND) or _TOGETHER.search(folded):
        return ()
    words = _words(question)
    joints = [i for i, word in enumerate(words) if word.text in _AND and 0 < i < len(words) - 1]
    joints = [i for i in joints if words[i].text in {"、", words[joints[-1]].text}]  # 红与黑和巴黎圣母院的作者
    if not 0 < len(joints) < MOST:
        return ()
    first, last = joints[0] - 1, joints[-1] + 1
    while first and (_is_cut(words[first - 1]) or words[first - 1].text == words[last].text):
        first -= 1
    stem = words[:first]
    if any(word.text in _AND for word in stem) or has_question_word(folded[: words[first].start]):
        return ()
    starts = [words[first].start, *(words[i + 1].start for i in joints)]
    ends = [*(words[i].start for i in joints), _ASKING.search(folded).start()]
    items = [folded[start:end].removesuffix("的") for start, end in zip(starts, ends, strict=True)]
    before = question[: starts[0]]
    # What has a name of its own (法国总统和德国总理) isn't of what stands before.
    own = any(word.tag in _NAMES - {"x", "t"} and word.start >= starts[1] and word.end <= ends[-1] for word in words)
    if not own and all(wanted(item)[0] for item in items):
        return _parts(
            [(f"{before}{question[at : at + len(item)]}", at, item) for at, item in zip(starts, items, strict=True)],
            question,
        )
    return _named(question, words, first, joints)


def _named(question: str, words: Sequence[_Word], first: int, joints: Sequence[int]) -> tuple[Part, ...]:
    """The same where names or years are joined, of which each is asked about."""
    folded, last = fold_text(question), joints[-1] + 1
    end = _end_of_last(words, first, last)
    if first and last + 1 < len(words) and words[first].text == words[last + 1].text:  # 东街 街道 和 西街 街道
        first, end = first - 1, words[last + 1].end
        while first and (_is_cut(words[first - 1]) or words[first - 1].tag == "f"):
            first -= 1
    elif first and words[first - 1].tag == words[last].tag and words[last].tag in _NAMES:
        return ()  # 法国总统和德国总理, 2021年3月和2022年4月: more than one word is joined
    starts = [words[first].start, *(words[i + 1].start for i in joints)]
    ends = [*(words[i].start for i in joints), end]
    each = _EACH.search(folded, max(ends)) is not None
    names = [question[start:stop] for start, stop in zip(starts, ends, strict=True)]
    if not end or not all(_is_name(stop, words, each=each) for stop in ends):
        return ()
    years = all(map(_YEAR.fullmatch, names))
    titles = all(word.tag == "title" for word in words if word.end in ends)
    own = _OF_ITS_OWN.match(folded, end) or _WHO.fullmatch(folded, end)
    if not each and not own and not ((years or titles) and in_full(question) != question):
        return ()
    rest = "".join(question[start:stop] for start, stop in _outside(_EACH, folded, end))
    shown = [f"{name.removesuffix('年')}年" for name in names] if years else names
    before = question[: starts[0]]
    return _parts([(f"{before}{name}{rest}", start, name) for start, name in zip(starts, shown, strict=True)], question)


def _parts(asked: Sequence[tuple[str, int, str]], question: str) -> tuple[Part, ...]:
    """The parts in full, none where one of them asks nothing; labels as they are printed."""
    full = [f"{in_full(text).rstrip(_MARKS)}？" for text, _, _ in asked]
    if not all(has_question_word(fold_text(text)) for text in full):
        return ()
    return tuple(
        Part(text, label if _YEAR.fullmatch(label) else question[at : at + len(label)])
        for text, (_, at, label) in zip(full, asked, strict=True)
    )


def _outside(pattern: regex.Pattern[str], text: str, start: int) -> list[tuple[int, int]]:
    """What stands between the matches from ``start`` on."""
    borders = [start, *(place for match in pattern.finditer(text, start) for place in match.span()), len(text)]
    return list(zip(borders[::2], borders[1::2], strict=True))


def _end_of_last(words: Sequence[_Word], first: int, last: int) -> int:
    """Where the last of several names ends: it is a word like the first, or all until 的; 0 when neither."""
    if words[last].tag != words[first].tag:
        return next((word.start for word in words[last:] if word.text == "的"), 0)
    cut = last + 1 < len(words) and _is_cut(words[last + 1])
    return words[last + cut].end


def _is_name(end: int, words: Sequence[_Word], *, each: bool) -> bool:
    """Whether the word that ends there names something; with ``each``, whether it is any noun."""
    return any(word.end == end and (word.tag in _NAMES or (each and word.tag[0] in "nbsf")) for word in words)


def _is_cut(word: _Word) -> bool:
    """Whether it is rather a piece of a name that was cut (布 林肯) than a word."""
    return len(word.text) == 1 and word.tag[0] in "nxgz" and word.text not in _AND


def _words(question: str) -> list[_Word]:
    """The words with jieba's tags; what is one whole is tagged title, year or whole."""
    folded = fold_text(question)
    found: list[_Word] = []
    at = 0
    for start, end in [*(match.span() for match in _WHOLE.finditer(folded)), (len(folded), len(folded))]:
        for text, tag in rjieba.tag(folded[at:start]):
            found.append(_Word(at, text, tag))
            at += len(text)
        if start < end:
            text = folded[start:end]
            found.append(
                _Word(start, text, "title" if text[0] in '《“「『"' else "year" if _YEAR.fullmatch(text) else "whole")
            )
        at = end
    return found
