"""Follow-up questions: what is searched when somebody asks "那建国门街道呢？" after another question.

Stands before retrieval: ``complete`` is given the question and the earlier ones and returns the text to search,
which the record shows as ``searched_as``. No language model: a question is taken as a follow-up by the marks of its
script and language (an opener such as 那 or "and", a pronoun without its noun, a topic without a predicate, nothing
of its own to search for). Then

* a new topic ("那X呢", "what about X", "Xは？") takes the place of the earlier topic of its kind, so that the old
  name's words no longer count: 体育馆路街道总工会送出了多少慰问品？ → 建国门街道总工会送出了多少慰问品？
* any other follow-up is searched together with the question that it leans on.

Both mistakes are mild by design: a question joined needlessly still holds all of its own words. Japanese is told
from Chinese by its kana; in other languages than Chinese, Japanese and English a question is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qa.text import fold

TURNS = 3
"""Earlier questions that are looked at. Further back the subject has mostly changed; unmeasured beyond two."""

STORY_CHARS, STORY_CLAUSES = 50, 4
"""Length and number of clauses from which on a question counts as telling a story first. Of the 9,466 questions of the
bench sets 24 are so long."""


def complete(question: str, history: Sequence[str]) -> str:
    """The question as it should be searched; the question itself when it stands alone or there is no history.

    ``history`` is the earlier questions, oldest first; each of them is completed from those before it, so that a chain
    of follow-ups leads back to the question that named the subject.
    """
    searched = ""
    for asked in (*(turn.strip() for turn in history[-TURNS:]), question):
        if asked and searched and depends(asked):
            searched = _with_new_topic(searched, asked) or f"{searched} {asked}"
        elif asked:
            searched = asked
    return searched


def emphasised(question: str, completed: str) -> str:
    """What retrieval is given for a completed question: the words that ask, once more.

    Of a follow-up that is the follow-up itself: an earlier question is mostly longer, and would draw its own passage up
    again. Of a question that tells a story first it is the last clause: the story is in the asker's words, which the
    articles don't use.
    """
    if completed != question and completed.endswith(question):
        return f"{completed} {question}"
    asking = story_end(completed)
    return f"{completed} {asking}" if asking else completed


def story_end(question: str) -> str:
    """The last clause of a question that tells a story first: what is asked; empty for any other question."""
    clauses = [clause for clause in _CLAUSE_BORDER.split(question.strip(_MARKS)) if clause]
    return clauses[-1] if len(question) >= STORY_CHARS and len(clauses) >= STORY_CLAUSES else ""


def depends(question: str) -> bool:
    """Whether the question can't be understood, or searched, without an earlier one."""
    if _KANA.search(question):
        return _depends_japanese(question)
    if _HAN.search(question):
        return _depends_chinese(_tagged(question))
    return _depends_english(question)


def _with_new_topic(earlier: str, question: str) -> str | None:
    """The earlier question about the follow-up's topic; None when that isn't all that the follow-up changes."""
    if _KANA.search(question):
        return _japanese_topic(earlier, question)
    if _HAN.search(question):
        return _chinese_topic(earlier, question)
    return _english_topic(earlier, question)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CLAUSE_BORDER = re.compile(r"[，,。；;！!？?]\s*")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_MARKS = "？?。.！!，,、；;：: \u3000"


# Chinese: jieba's words and tags over the folded text, so Traditional is judged as simplified.


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    tag: str
    start: int  # in the original question
    end: int


_ASKING = re.compile(r"什么|多少|谁|哪|几|怎|如何|为何|何时|何地|吗$|多[长大高远久重深宽快]|是否|有没有|是不是")
_NOUN_TAGS = ("n", "l", "j", "i", "eng")
# Nouns that every subject has, so they name none.
_ANY_NOUN = _words("人 人们 时候 时间 地方 地点 东西 原因 情况 部分 钱 数量 名字 人数 金额 目的 结果 内容 方面 事情 事")
_OPENERS = _words(
    "那 那么 那是 还 还有 还给 还是 另外 此外 除此之外 后来 然后 之后 接着 随后"
    " 也 又 再 具体 而 但 但是 不过 同时 并 至于"
)
_PRONOUNS = _words("它 它们 他 他们 她 她们 其 其中 其余 此 此事 前者 后者 上述 对方 当时 此时")
# Of the situation in which one asks, not of an earlier sentence; and manner or degree (那么多) inside a sentence.
_NO_PRONOUNS = _words("这次 这场 这么 那么 这样 那样")
_POLITE = re.compile(r"^(?:请问|想问(?:一下)?|我想(?:知道|问)|麻烦问一下)[，, ]?")
_AND = _words("和 与 及 以及 或 跟 同")


def _tagged(question: str) -> list[_Word]:
    """The words of a Chinese question, with jieba's tags and their places in the question as it was typed."""
    import rjieba  # noqa: PLC0415 (loads its dictionary, 0.15 s: only a follow-up in Chinese needs it)

    folded = fold(question)
    words = []
    at = 0
    for text, tag in rjieba.tag(folded.text):
        words.append(_Word(text, tag, folded.offsets[at], folded.offsets[at + len(text) - 1] + 1))
        at += len(text)
    polite = _POLITE.match(folded.text)
    begin = folded.offsets[polite.end()] if polite and polite.end() < len(folded.offsets) else 0
    return [word for word in words if word.start >= begin and word.text.strip()]


def _is_mark(word: _Word) -> bool:
    return word.text[0] in _MARKS


def _is_noun(word: _Word) -> bool:
    """A noun that names something to search for."""
    return word.tag.startswith(_NOUN_TAGS) and word.text not in _ANY_NOUN and not _ASKING.search(word.text)


def _depends_chinese(words: list[_Word]) -> bool:
    words = [word for i, word in enumerate(words) if not (_is_mark(word) and (i == 0 or i == len(words) - 1))]
    if not words:
        return False
    asks = any(_ASKING.search(word.text) for word in words)
    if words[0].text in _OPENERS or (words[-1].text == "呢" and not asks):
        return True
    if not any(map(_is_noun, words)):
        # A lone word is a search of its own; a sentence without a noun leans on one.
        return asks
    return _verb_first(words) or any(_refers_back(words, i) for i in range(len(words)))


def _verb_first(words: list[_Word]) -> bool:
    """送出了多少慰问品？: a verb with what is asked for, and nobody who does it."""
    if words[0].tag != "v" or words[0].text in {"有", "是", "没有", "请"}:
        return False
    rest = [word for word in words[1:4] if not word.tag.startswith("u") and word.text not in {"到", "给", "出", "在"}]
    return bool(rest) and bool(_ASKING.search(rest[0].text))


def _refers_back(words: list[_Word], i: int) -> bool:
    """Whether word ``i`` is a pronoun whose noun isn't in the question."""
    word, before = words[i], words[:i]
    if word.text in _NO_PRONOUNS:
        return False
    if word.text == "该":
        pronoun = i + 1 < len(words) and _is_noun(words[i + 1])
    else:
        pronoun = word.text in _PRONOUNS or (word.text[0] in "这那" and word.tag in {"r", "m"})
    if not pronoun:
        return False
    named = any(map(_is_noun, before))
    if (
        named
        and (word.text[0] in "这那" or word.text in {"当时", "此时"})
        and (_is_noun(before[-1]) or before[-1].text == "的")
    ):
        return False  # 桥头那边, 王小明这个人, 图书馆的那位馆长, 上海当时
    return not (named and (any(map(_is_mark, before)) or before[-1].text in _AND))


def _chinese_topic(earlier: str, question: str) -> str | None:
    words = [word for word in _tagged(question) if not _is_mark(word)]
    while words and (words[0].text in _OPENERS or words[0].tag == "p"):
        words = words[1:]
    while words and words[-1].text in {"呢", "的"}:
        words = words[:-1]
    if not words or not question.rstrip(_MARKS).endswith(("呢", "的")) or any(_ASKING.search(w.text) for w in words):
        return None
    topic, tail = question[words[0].start : words[-1].end], words[-1]
    if dated := _same_shape(earlier, topic):
        return dated
    if any(word.tag.startswith(("v", "r")) for word in words):
        return None
    old = _tagged(earlier)
    same = [word for word in old if word.text == tail.text or _ends_alike(word, words)]
    if tail.tag in {"ns", "nr", "nt"}:
        kind = [word for word in old if word.tag == tail.tag]
        same = same or [word for word in kind if word.text[-1] == tail.text[-1]] or kind
    if not same:
        return None
    last = old.index(same[0])
    first = last
    if tail.tag != "nr":  # 体育馆 路 街道: the name is all nouns up to the one that says its kind
        while first and old[first - 1].tag.startswith("n") and old[first - 1].tag != "nr":
            first -= 1
    return earlier[: old[first].start] + topic + earlier[old[last].end :]


def _ends_alike(word: _Word, topic: list[_Word]) -> bool:
    """南门市场 and 北门 市场: the same kind, however the names are cut."""
    tail = topic[-1].text
    whole = "".join(part.text for part in topic)
    return min(len(word.text), len(tail)) > 1 and (whole.endswith(word.text) or word.text.endswith(tail))


def _same_shape(earlier: str, topic: str) -> str | None:
    """2月18日 → 3月5日: the earlier question with its figures of the topic's shape replaced."""
    if not re.search(r"\d", topic):
        return None
    shape = re.sub(r"\d+", lambda _: r"\d+", re.escape(topic))
    replaced, times = re.subn(rf"(?<!\d){shape}", lambda _: topic, earlier, count=1)
    return replaced if times else None


# Japanese: marks of its grammar; a name is a run of Han and katakana.

_JA_OPENERS = re.compile(r"^(?:では|じゃあ?|それでは|また(?!は)|それから|そして|あと|ほかに|他に|さらに)")
_JA_PRONOUNS = re.compile(
    r"(?<![おどこ])(?:それ(?!ぞれ)|これ(?!まで|から)|その|この|そこ|ここ(?!ろ)|そちら|こちら|彼女|彼(?!岸)|当時|前者|後者)"
)
_JA_NAME = re.compile(r"[\u3400-\u9fff\u30a1-\u30faー々]{2,}")
# Verbal nouns (報告しました) and asking words hold nothing to search for.
_JA_EMPTY = re.compile(r"[一-鿿]{2}(?=し|す|さ)|何[人時年月日回個名]|誰|いつ|どこ|いくら")
_JA_TOPIC = re.compile(r"^(?:では|じゃあ?|それでは)?、?(?P<topic>.+?)(?:の(?:場合|方|ほう))?(?:は|って)$")


def _depends_japanese(question: str) -> bool:
    bare = question.strip(_MARKS)
    if _JA_OPENERS.match(bare) or _JA_TOPIC.match(bare):
        return True
    for pronoun in _JA_PRONOUNS.finditer(bare):
        before = bare[: pronoun.start()]
        if not (_JA_NAME.search(before) and ("、" in before or before.endswith(("と", "や")))):
            return True
    return not _JA_NAME.search(_JA_EMPTY.sub("", bare))


def _japanese_topic(earlier: str, question: str) -> str | None:
    match = _JA_TOPIC.match(question.strip(_MARKS))
    if not match:
        return None
    topic = match["topic"]
    if dated := _same_shape(earlier, topic):
        return dated
    for size in range(len(topic) - 1, 1, -1):
        name = re.search(rf"[\u3400-\u9fff\u30a1-\u30faー々]*{re.escape(topic[-size:])}", earlier)
        if name:
            return earlier[: name.start()] + topic + earlier[name.end() :]
    return None


# English: function words.

_EN_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_EN_EMPTY = _words(
    "a an the of in on at to for from by with about and or but so then also too else"
    " who whom whose what when where why which"
    " how many much long far big old often is are was were be been do does did has have had can could will would"
    " should may might not no yes please tell me more exactly happened happen"
)
_EN_OPENERS = re.compile(
    r"^(?:and|but|then|also|or|so)\b|^(?:what|how) about\b|^(?:what|who|where) else\b", re.IGNORECASE
)
_EN_POSSESSIVE = _words("its their his her theirs hers")
_EN_PRONOUNS = _EN_POSSESSIVE | _words("it they them he him she this these those there that")
_EN_CLAUSE = _words("when while after before because if as where although since that who which")
_EN_THAT = _words("of in for to with by from at on about do does did is was were are after before since than and")
_EN_TOPIC = re.compile(
    r"^(?:(?:and|but|so|then),?\s+)?(?:(?:what|how)\s+about\s+)?(?:in\s+|for\s+|at\s+)?(?P<topic>[^?,.]+)$",
    re.IGNORECASE,
)


def _depends_english(question: str) -> bool:
    if _EN_OPENERS.match(question.strip()):
        return True
    matches = list(_EN_WORD.finditer(question))
    words = [match.group().casefold() for match in matches]
    content = [i for i, word in enumerate(words) if word not in _EN_EMPTY and word not in _EN_PRONOUNS]
    if not content:
        return len(words) > 0
    for i, word in enumerate(words):
        if word not in _EN_PRONOUNS or (word == "that" and i and words[i - 1] not in _EN_THAT):
            continue
        following = words[i + 1] if i + 1 < len(words) else ""
        if word == "there" and ({"is", "are", "was", "were"} & {following, words[i - 1] if i else ""}):
            continue
        if word in {"this", "these"} and following in {"year", "month", "week", "time", "days"}:
            continue
        named = [j for j in content if j < i]
        if not named:
            return True
        clause = "," in question[: matches[i].start()] or any(words[j] in _EN_CLAUSE for j in range(named[0] + 1, i))
        if not (clause or word in _EN_POSSESSIVE):
            return True
    return False


def _english_topic(earlier: str, question: str) -> str | None:
    match = _EN_TOPIC.match(question.strip().rstrip("?!. "))
    if not match:
        return None
    topic = match["topic"].strip()
    words = topic.split()
    if len(words) > 6 or any(word.casefold() in _EN_EMPTY - {"the", "a", "an", "of"} for word in words):
        return None
    if dated := _same_shape(earlier, topic):
        return dated
    name = re.compile(rf"(?:\b[Tt]he\s+)?(?:\b[A-Z][\w’'-]*\s+)*\b{re.escape(words[-1])}\b")
    old = name.search(earlier)
    if not old and words[-1][0].isupper():
        # One name for another: the first capitalised words after the sentence's first.
        old = re.compile(r"(?<=\s)(?:[A-Z][\w’'-]*\s)*[A-Z][\w’'-]*").search(earlier)
    if not old:
        return None
    new = (
        topic
        if topic.casefold().startswith("the ") or not old.group().casefold().startswith("the ")
        else f"the {topic}"
    )
    return earlier[: old.start()] + new + earlier[old.end() :]
