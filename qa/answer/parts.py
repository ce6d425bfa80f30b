"""Parts: a question that asks for several things becomes several questions, each searched and answered on its own.

    图书馆的地址和电话是多少？        图书馆的地址是哪里？         图书馆的电话是多少？
    2021年和2022年的粮食产量         2021年的粮食产量是多少？     2022年的粮食产量是多少？
    谁写了这首歌，什么时候写的？     谁写了这首歌？               … 什么时候写的？

What has one answer together isn't parted: a sum (一共), what is between two (关系), or two words that needn't be told
apart (发给职工和家属). So nouns that say what is wanted are always parted, names and years where each is asked about
(分别) or nothing but the wanted noun follows, other nouns only with 分别. Chinese alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba

from qa.answer.asking import in_full, wanted
from qa.answer.kinds import has_question_word
from qa.chat import complete
from qa.text import fold_text

MOST = 4
"""Parts that are answered; a question with more is left as it is."""

_TOGETHER = regex.compile(
    r"关系|区别|差[别异距]|不同|相[同比差]|之间|之[和差比]|合[作写计并办著编]|联[合手名]|共[同有计]|一[共起同]|总共|加起来|比较|对比|"
    r"比[分赛]|对[阵决]|距离|签|结婚|谁更|哪个更|[都均]"
)
_HAN = regex.compile(r"\p{Han}")
_OTHER = regex.compile(r"[\p{Hiragana}\p{Katakana}]|(?<![A-Za-z])(?:[A-Za-z]+ ){3}")
"""Japanese, and sentences in other letters, where a relative clause looks like a question."""
_ASKS = regex.compile(
    r"什么|多少|谁|哪(?:[里儿个些位年月天家]|一[个位年天家])|怎么|怎样|(?<!无论)如何|为何|何[时地]|多[大长高久重远]"
)
"""Words that ask, and hardly do anything else (任何, 几年来)."""
_EACH = regex.compile(r"分别|各自")
_AND = frozenset({"和", "与", "及", "以及", "、", "跟"})
_COMMA = regex.compile(r"[，,？?；;。！!]+\s*")
_MARKS = "？?。.！! \n\t\u3000"
_ASKING = regex.compile(
    r"(?:的)?(?:分别|各自)?(?:[是为有叫在])?(?:什么时候|何时|哪天|哪里|哪儿|何地|谁|什么|多少|第几|多久)?$"
)
_WHO = regex.compile(r"是(?:谁|什么人|哪里人)")
_WHOLE = regex.compile(
    r"《[^《》]*》|“[^“”]*”|\"[^\"]*\"|\d+(?:年|月(?:\d+[日号])?|[日号]|季度)?|[A-Za-z][A-Za-z0-9.-]*(?: ?\d+)?"
)
"""What is one word, whatever it is made of."""
_YEAR = regex.compile(r"\d{4}年?")


@dataclass(frozen=True, slots=True)
class Part:
    """One of the questions, and what tells it from the others (地址, 2021年)."""

    question: str
    label: str


def in_parts(question: str) -> tuple[Part, ...]:
    """The questions that it is made of, in order; none where it asks for one thing."""
    if not _HAN.search(question) or _OTHER.search(question):
        return ()
    parts = _clauses(question) or _several(question)
    return parts if 2 <= len(parts) <= MOST else ()


def _clauses(question: str) -> tuple[Part, ...]:
    """Clauses that each ask by a word of their own; a later one is understood from the first."""
    clauses = list(dict.fromkeys(clause.strip() for clause in _COMMA.split(question) if clause.strip()))
    if len(clauses) < 2 or not all(_ASKS.search(fold_text(clause)) for clause in clauses):
        return ()
    first, *others = [f"{clause}？" for clause in clauses]
    later = [complete(clause, [first]) for clause in others]
    later = [f"{first} {clause}" if clause == alone else clause for clause, alone in zip(later, others, strict=True)]
    return tuple(Part(full, clause) for full, clause in zip([first, *later], clauses, strict=True))


def _several(question: str) -> tuple[Part, ...]:
    """One clause with words joined by 和, 与, 及 or 、 of which each is asked about."""
    question = question.rstrip(_MARKS)
    folded = fold_text(question)
    if len(folded) != len(question) or not any(word in question for word in _AND):
        return ()  # (places must be the same in both texts)
    words = _words(question)
    joints = [i for i, (_, text, _) in enumerate(words) if text in _AND and 0 < i < len(words) - 1]
    joints = [i for i in joints if words[i][1] in {"、", words[joints[-1]][1]}]  # 红与黑和巴黎圣母院的作者
    if not joints or _TOGETHER.search(folded):
        return ()
    first = joints[0] - 1
    while first and (_is_cut(words[first - 1]) or words[first - 1][1] == words[joints[-1] + 1][1]):
        first -= 1
    stem = question[: words[first][0]]
    if has_question_word(fold_text(stem)):
        return ()
    starts = [words[first][0], *(words[i + 1][0] for i in joints)]
    ends = [*(words[i][0] for i in joints), _ASKING.search(folded).start()]
    items = [question[start:end].removesuffix("的") for start, end in zip(starts, ends, strict=True)]
    if all(wanted(fold_text(item))[0] for item in items):
        return tuple(_part(stem + item, item) for item in items)
    each = _EACH.search(question) is not None
    end = _end_of_last(words, first, joints[-1] + 1)
    if not each and in_full(question) == question and not _WHO.fullmatch(folded, end):
        return ()
    names = [*items[:-1], question[starts[-1] : end]]
    if not end or not all(_is_name(name, words, each=each) for name in names):
        return ()
    if all(map(_YEAR.fullmatch, names)):
        names = [f"{name.removesuffix('年')}年" for name in names]
    rest = _EACH.sub("", question[end:])
    return tuple(_part(f"{stem}{name}{rest}", name) for name in names)


def _part(asked: str, label: str) -> Part:
    return Part(f"{in_full(asked).rstrip(_MARKS)}？", label)


def _end_of_last(words: Sequence[_Word], first: int, last: int) -> int:
    """Where the last of several names ends: it is a word like the first, or all until 的; 0 when neither."""
    if words[last][2] != words[first][2]:
        return next((start for start, text, _ in words[last:] if text == "的"), 0)
    cut = last + 1 < len(words) and _is_cut(words[last + 1])
    start, text, _ = words[last + cut]
    return start + len(text)


def _is_name(name: str, words: Sequence[_Word], *, each: bool) -> bool:
    """Whether it ends with a word that names something; with ``each``, with any noun."""
    return any(tag in _NAMES or (each and tag[0] in "nbsf") for _, text, tag in words if name.endswith(text))


def _is_cut(word: _Word) -> bool:
    """Whether it is rather a piece of a name that was cut (布 林肯) than a word."""
    _, text, tag = word
    return len(text) == 1 and tag[0] in "nxgz" and text not in _AND


def _words(question: str) -> list[_Word]:
    """Place, text and jieba's tag of each word; what is one whole is tagged w."""
    found: list[_Word] = []
    at = 0
    for start, end in [*(match.span() for match in _WHOLE.finditer(question)), (len(question), len(question))]:
        for text, tag in rjieba.tag(fold_text(question[at:start])):
            found.append((at, question[at : at + len(text)], tag))
            at += len(text)
        if start < end:
            found.append((start, question[start:end], "year" if _YEAR.fullmatch(question[start:end]) else "whole"))
        at = end
    return found


_Word = tuple[int, str, str]
"""Its place, its text and its tag."""
_NAMES = frozenset({"whole", "year", "ns", "nr", "nt", "nz", "nrt", "nrfg", "x", "t"})
