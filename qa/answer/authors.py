"""Authors: who asks who wrote an article is told its byline, and who asks what somebody wrote is told headlines.

The words of such a question are no words of the text, so that nothing in the text is near it. 这封信是谁写的 asks for
something that the text tells; 这篇报道是谁写的 doesn't. What could be either is left to the text.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import regex  # type: ignore[import-untyped]  # no stubs among the development tools

from qa.answer.kinds import Expected
from qa.articles import BYLINE_MARKS, PAPER, dateline_length
from qa.text import fold_text, pinyin

QUESTION_CHARS = 200
"""Last characters of a question that are looked at: the patterns below go through gaps."""
TITLE_CHARS = 4
"""Fewest letters of a headline by which it is known in a question."""

_WHO = r"(?:谁|何人|什么人|哪一?[位名个])"
_WROTE = r"(?:采写|撰写|撰稿|写|采访|报[道导]|拍摄|拍|摄影|摄|供稿|执笔)"
_PIECE = r"(?:文章|报[道导]|新闻稿?|稿件|稿子|[本此]文|这[篇条]|照片|图片|配图|插图)"
_REPORTER = r"(?:摄影记者|记者|通讯员)"
_ROLE = rf"(?:{_REPORTER}|作者|撰稿人|摄影师)"
_IS_WHO = r"(?:们|都|分别){0,2}(?:是|叫|为|有)(?:谁|哪(?![里国家儿])|什么名|什么人)"
_AUTHOR = (
    rf"{_PIECE}的?{_ROLE}{_IS_WHO}|(?:哪(?:一?[位名个]|几[位名个]|些)|什么){_REPORTER}[^,。?]{{0,4}}{_WROTE}"
    rf"|{_WHO}\p{{Han}}{{0,2}}{_WROTE}[^,。?]{{0,40}}{_PIECE}(?=\P{{Han}}*$)"
    rf"|{_PIECE}(?:都|分别)?(?:是|由|出自)?{_WHO}(?:之?手|\p{{Han}}{{0,2}}{_WROTE})|{_PIECE}出自{_WHO}"
    r"|\b(?:who|which (?:reporter|journalist)s?) (?:\w+ ){0,3}"
    r"(?:wrote|writes?|reported|authored|photographed|took the (?:photo|picture)s?)\b"
    r".{0,60}\b(?:article|story|this report|news report|news item)\b"
    r"|\bwho (?:is|are|was|were) the (?:authors?|reporters?|journalists?|photographers?) of (?:this|that|the)"
    r" (?:\w+ ){0,2}(?:article|story|report|piece|photo|picture)\b|\bwho took (?:this|that|the) (?:photo|picture)"
    r"|(?:记事|报道|写真)[はをが][^。?]{0,10}(?:谁|だれ|どなた)[^。?]{0,6}(?:书|执笔|取材|撮)"
    r"|(?:谁|だれ|どなた)が[^。?]{0,10}(?:记事|写真)を[^。?]{0,6}(?:书|执笔|撮)"
    r"|(?:记事|报道|写真)の(?:笔者|记者|著者|执笔者|作者)は(?:谁|だれ|どなた)"
)
_AUTHOR_OF_TITLE = (
    rf"^(.+?)(?:的{_ROLE}{_IS_WHO}"
    rf"|(?:到底|究竟)?是?(?:由|出自)?{_WHO}(?:采写|撰写|撰稿|写|报[道导]|供稿|执笔)的\P{{Han}}*$)"
)
_ARTICLES = (
    rf"{_WROTE}[过了的]{{0,2}}(?:哪(?:几|些|一)?篇|(?:哪(?:几|些|一)?|什么|几篇){_PIECE})"
    rf"|哪[些几]{_PIECE}[^,。?]{{0,20}}{_WROTE}的"
    rf"|(?:写|报[道导])[过了]{{0,2}}些?什么\P{{Han}}*$|哪(?:几|些|一)?篇{_PIECE}?\p{{Han}}{{0,20}}{_WROTE}"
    r"|\b(?:what|which) (?:articles?|stor(?:y|ies)|reports?|pieces?|news)\b.{0,60}\b(?:writ|wrote|by\b|reported|author)"
)
_PICTURES = r"[拍摄撮]|照片|图片|写真|\b(?:photo|picture|camera)"
_HINT = regex.compile(
    r"[写撰稿拍摄撮书篇]|记者|[作笔著]者|通讯员|报[道导]|采访|执笔|取材|[本此]文|文章|新闻|[照图]片|[配插]图|出自"
    r"|\b(?:wr(?:ote|ite|itten|ites)|report|author|journalist|photo|picture|took|stor(?:y|ies)|articles?|news|pieces?)"
)
"""One of these is in every such question; the patterns above take 20 ms to compile."""
_NO_NAME = (
    rf"(?:{PAPER}|中新网|摄影|评论|特派|通讯|编译|责任|综合)*"
    r"(?:讯|记者|员|作者|撰稿人?|编辑|报[道导]|文|图|摄影?|文?并摄|供稿|采写|整理|编译)?"
    r"|by|photos?|(?:staff )?(?:reporter|writer|photographer)s?|\p{P}+|(?!.*(?:记者|通讯员))\p{Han}{7,}"
)
"""What stands in a byline beside names: what somebody is, and what he did; and offices, which are longer than names."""
_INSIDE = r"[^（(〔【\[）)〕】\]]*"
_GLUED = rf"^{PAPER}*{_ROLE}(?=\p{{Han}}{{2,4}}$)"


@cache
def _pattern(words: str) -> regex.Pattern[str]:
    """Compiled when the first such question comes: they are rare."""
    return regex.compile(words)


def _match(words: str, asked: Expected) -> regex.Match[str] | None:
    own = asked.folded[asked.own :][-QUESTION_CHARS:]
    return _pattern(words).search(own) if _HINT.search(own) else None


def asks_author(asked: Expected) -> bool:
    """Whether the question asks who wrote, reported or photographed an article, or what may be the title of one."""
    return _match(_AUTHOR, asked) is not None or _match(_AUTHOR_OF_TITLE, asked) is not None


def asks_articles(asked: Expected) -> bool:
    """Whether the question asks which articles somebody wrote."""
    return _match(_ARTICLES, asked) is not None


def asks_photographer(asked: Expected) -> bool:
    """Whether it is pictures whose author is asked for."""
    return _match(_PICTURES, asked) is not None


def is_about(asked: Expected, headline: str) -> bool:
    """Whether a question that ``asks_author`` may ask it of the article with this headline.

    What it names otherwise than as an article, or quotes, must be the headline: 《论自由》的作者 is told by the text.
    """
    title = _letters(fold_text(headline))
    own = asked.folded[asked.own :]
    quoted = [_letters(each) for each in regex.findall("《([^《》]+)》", own)]
    if quoted:
        return any(each in title for each in quoted)
    if _match(_AUTHOR, asked) is not None:
        return True
    named = _match(_AUTHOR_OF_TITLE, asked)
    told = _letters(named.group(1)) if named else ""
    return min(len(told), len(title)) >= TITLE_CHARS and (told in title or title in told)


def is_named(question: str, byline: str) -> bool:
    """Whether a folded question names somebody of a byline, as printed or in the letters of pinyin (Bian Lei)."""
    words = regex.findall(r"\p{Latin}+", question)
    spelt = {*words, *(first + last for first, last in pairwise(words))}
    return any(
        regex.search(rf"(?<!\p{{Latin}}){regex.escape(name)}(?!\p{{Latin}})", question)
        or (name not in words and pinyin.spelt(name).replace("|", "") in spelt)
        for name in names(byline)
    )


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def took_pictures(byline: str) -> bool:
    """Whether a byline says that who is named took the pictures."""
    return any(word in fold_text(byline) for word in ("摄", "photo"))


def names(byline: str) -> list[str]:
    """The names in a byline or dateline, folded; none where nobody is named."""
    start, end = credit(byline)
    told = byline[start:end]
    if regex.search(r"\p{Latin}{2}", told):
        parts = regex.split(r"[,;&/、，\n]|\band\b", told)
    else:
        parts = regex.split(
            r"[\s,;:&/、，：／|]+", regex.sub(r"(?<=(?<!\p{Han})\p{Han})[ \u3000](?=\p{Han}(?!\p{Han}))", "", told)
        )
    found = [_pattern(_GLUED).sub("", fold_text(part).strip(f"{BYLINE_MARKS} ")) for part in parts]
    return [name for name in found if len(name) > 1 and _pattern(_NO_NAME).fullmatch(name) is None]


def credit(byline: str) -> tuple[int, int]:
    """Where in a byline or dateline the names stand, with what they are (记者 张三); empty where nobody is named."""
    start, end = 0, len(byline)
    if dateline_length(byline):
        bracket = regex.search(rf"[（(〔【\[]({_INSIDE}(?:记者|記者|通讯员|通訊員){_INSIDE})", byline)
        start, end = bracket.span(1) if bracket else (0, 0)
    elif regex.match(r"(?i)by\s", byline):
        start = 3
    inside = byline[start:end]
    return start + len(inside) - len(inside.lstrip(f"{BYLINE_MARKS} ")), end - len(inside) + len(inside.rstrip())
