"""Authors: who asks who wrote an article is told its byline, and who asks what somebody wrote is told headlines.

The words of such a question are no words of the text, so that nothing in the text is near it. 这封信是谁写的 asks for
something that the text tells; 这篇报道是谁写的 doesn't.
"""

from __future__ import annotations

from functools import cache

import regex  # type: ignore[import-untyped]  # no stubs among the development tools

from qa.answer.kinds import Expected
from qa.articles import BYLINE_MARKS, dateline_length
from qa.text import fold_text, pinyin

_WHO = r"(?:谁|何人|什么人|哪一?[位名个])"
_WROTE = r"(?:采写|撰写|撰稿|写|采访|报[道导]|拍摄|拍|摄影|摄|供稿|执笔)"
_PIECE = r"(?:文章|报[道导]|新闻|稿子?|文|照片|图片|图)"
_ROLE = rf"(?:记者|{_PIECE}的?作者|通讯员|撰稿人|摄影师|摄影记者)"
_OTHER_PIECE = r"(?<![是由信诗词书歌曲字剧本语]|日记|对联|短片|影片)"
_HINT = regex.compile(
    r"[写撰稿拍摄撮书]|记者|[作笔]者|通讯员|报[道导]|采访|执笔|取材|文章|新闻|照片"
    r"|\b(?:wr(?:ote|ite|itten|ites)|report|author|journalist|photo|picture|cover|took)"
)
"""One of these is in every such question; the patterns below take 20 ms to compile."""
_AUTHOR = (
    rf"{_ROLE}(?:们|都|分别)*(?:是|叫|为|有)(?:谁|哪|什么名|什么人)|(?:哪(?:一?[位名个]|几[位名个]|些)|什么){_ROLE}"
    rf"|{_WHO}\p{{Han}}{{0,2}}{_WROTE}[^,。?]*{_PIECE}|{_PIECE}[^,。?]*(?:出自谁|{_WHO}\p{{Han}}{{0,2}}{_WROTE})"
    rf"|{_OTHER_PIECE}是?(?:由|出自)?{_WHO}(?:采写|撰写|撰稿|写|报道|供稿|执笔)的\P{{Han}}*$"
    r"|\b(?:who|which (?:reporter|journalist)s?) (?:\w+ ){0,3}?"
    r"(?:wrote|writes?|reported|authored|photographed|covered|took)\b"
    r".*\b(?:article|story|stories|report|piece|news|photos?|pictures?|photographs?)\b"
    r"|\bwho (?:is|are|was|were) the (?:authors?|reporters?|journalists?|photographers?)\b"
    r"|(?:记事|报道|写真)[^。?]*(?:谁|だれ)[^。?]*(?:书|执笔|取材|撮)"
    r"|(?:谁|だれ)[^。?]*(?:书|执笔|取材|撮)[^。?]*(?:记事|报道|写真)|(?:笔者|记者|著者|执笔者)は(?:谁|だれ|どなた)"
)
_ARTICLES = (
    rf"{_WROTE}[过了的]*(?:哪(?:几|些|一)?篇|(?:哪(?:几|些|一)?|什么|几篇){_PIECE})|哪[些几]{_PIECE}[^,。?]*{_WROTE}的"
    rf"|(?:写|报[道导])[过了]*些?什么\P{{Han}}*$|哪(?:几|些|一)?篇{_PIECE}?\p{{Han}}*{_WROTE}"
    r"|\b(?:what|which) (?:articles?|stor(?:y|ies)|reports?|pieces?|news)\b.*\b(?:writ|wrote|by|report|author|cover)"
)
_PICTURES = r"[拍摄撮]|照片|图片|写真|\b(?:photo|picture|camera)"
_NOBODY = (
    r"[\p{P}\p{S}\p{Z}\d]|本报讯?|本刊|本网|本台|讯|记者|作者|通讯员|撰稿人?|摄影|报道|文|图|摄|供稿|采写|整理|编译"
    r"|\b(?:by|photos?|reporters?)\b"
)


@cache
def _pattern(words: str) -> regex.Pattern[str]:
    """Compiled when the first such question comes: they are rare."""
    return regex.compile(words)


def _matches(words: str, asked: Expected) -> bool:
    own = asked.folded[asked.own :]
    return _HINT.search(own) is not None and _pattern(words).search(own) is not None


def asks_author(asked: Expected) -> bool:
    """Whether the question asks who wrote, reported or photographed an article."""
    return _matches(_AUTHOR, asked)


def asks_articles(asked: Expected) -> bool:
    """Whether the question asks which articles somebody wrote."""
    return _matches(_ARTICLES, asked)


def asks_photographer(asked: Expected) -> bool:
    """Whether it is pictures whose author is asked for."""
    return _matches(_PICTURES, asked)


def tells(asked: Expected, headline: str, byline: str) -> bool:
    """Whether an article's header can answer: somebody is named, and it may be the one, or by the one, asked about.

    What the question quotes is a headline then: 《论自由》的作者 is told by the text.
    """
    if asks_articles(asked):
        return any(_names_it(asked.folded, name) for name in names(byline))
    quoted = [_letters(title) for title in regex.findall("《([^》]+)》", asked.folded[asked.own :])]
    about = not quoted or any(title in _letters(fold_text(headline)) for title in quoted)
    return about and bool(names(byline))


def _names_it(question: str, name: str) -> bool:
    """Whether a question holds a name, as it is printed or in the letters of pinyin (Bian Lei)."""
    return name in question or pinyin.spelt(name).replace("|", "") in _letters(question)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def took_pictures(byline: str) -> bool:
    """Whether a byline says that who is named took the pictures."""
    return any(word in fold_text(byline) for word in ("摄", "photo"))


def names(byline: str) -> list[str]:
    """The names in a byline or dateline, folded."""
    return [name for name in _pattern(_NOBODY).sub(" ", fold_text(byline)).split() if len(name) > 1]


def credit(byline: str) -> tuple[int, int]:
    """Where in a byline or dateline the names stand, with what they are (记者 张三)."""
    whole = regex.match(r"(?i)(?:by\s)?(.*)", byline, regex.DOTALL)
    start, end = whole.span(1)
    bracket = regex.search(r"[（(【〔\[]([^）)】〕\]]*)", byline)
    if bracket is not None and dateline_length(byline):
        start, end = bracket.span(1)
    inside = byline[start:end]
    return start + len(inside) - len(inside.lstrip(BYLINE_MARKS)), end - len(inside) + len(inside.rstrip())
