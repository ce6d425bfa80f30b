"""The widget's strings in each language, for its scripts. No I/O, no markup.

What the chat says too is taken from ``words``; the rest is here, apart because it goes to browsers as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qa.web.words import LANGUAGES, SURE_FROM


@dataclass(frozen=True, slots=True)
class WidgetWords:
    """One language's strings; ``{name}`` places are filled in by the widget."""

    launch: str
    """On the launcher, which every page view loads."""
    load_failed: str
    greeting: str
    close: str
    searching: str
    retry: str
    source: str
    """Before a source's name, for screen readers."""
    feedback: str
    good: str
    bad: str
    thanks: str
    not_kept: str
    errors: Mapping[str, str]
    """By code; ``INTERNAL`` for all others."""


WIDGET: Mapping[str, WidgetWords] = {
    "zh": WidgetWords(
        launch="问一问",
        load_failed="问答暂时打不开，请稍后再点一次。",
        greeting="答案都是文章里的原话，附出处，点开就能看到它在原文的位置。",
        close="关闭",
        searching="正在查找",
        retry="再试一次",
        source="出处：",
        feedback="这个回答有用吗？",
        good="有用",
        bad="没用",
        thanks="收到，谢谢。",
        not_kept="没能记下来。",
        errors={
            "INTERNAL": "出错了，请再试一次。",
            "UNREACHABLE": "连不上问答服务：可能断网了，也可能本站没有获准使用。",
            "POLICY": "本页的安全策略不许连接问答服务，请告诉网站管理员。",
            "TIMEOUT": "等了 30 秒还没有答复，请再试一次。",
            "ANSWER_INVALID": "收到的不是答案，请稍后再试。",
            "ORIGIN_NOT_ALLOWED": "本站没有获准使用问答服务。",
            "UNAUTHORIZED": "本站的密钥无效，请告诉网站管理员。",
            "VISITOR_LIMIT": "问得太快了，请过 {seconds} 秒再问。",
            "DAY_LIMIT": "今天的提问次数用完了，请明天再来。",
            "SITE_LIMIT": "问的人太多，请过 {seconds} 秒再问。",
            "QUEUE_FULL": "问的人太多，请过 {seconds} 秒再问。",
        },
    ),
    "zh-hant": WidgetWords(
        launch="問一問",
        load_failed="問答暫時打不開，請稍後再點一次。",
        greeting="答案都是文章裡的原話，附出處，點開就能看到它在原文的位置。",
        close="關閉",
        searching="正在查找",
        retry="再試一次",
        source="出處：",
        feedback="這個回答有用嗎？",
        good="有用",
        bad="沒用",
        thanks="收到，謝謝。",
        not_kept="沒能記下來。",
        errors={
            "INTERNAL": "出錯了，請再試一次。",
            "UNREACHABLE": "連不上問答服務：可能斷網了，也可能本站沒有獲准使用。",
            "POLICY": "本頁的安全策略不許連接問答服務，請告訴網站管理員。",
            "TIMEOUT": "等了 30 秒還沒有答覆，請再試一次。",
            "ANSWER_INVALID": "收到的不是答案，請稍後再試。",
            "ORIGIN_NOT_ALLOWED": "本站沒有獲准使用問答服務。",
            "UNAUTHORIZED": "本站的金鑰無效，請告訴網站管理員。",
            "VISITOR_LIMIT": "問得太快了，請過 {seconds} 秒再問。",
            "DAY_LIMIT": "今天的提問次數用完了，請明天再來。",
            "SITE_LIMIT": "問的人太多，請過 {seconds} 秒再問。",
            "QUEUE_FULL": "問的人太多，請過 {seconds} 秒再問。",
        },
    ),
    "en": WidgetWords(
        launch="Ask",
        load_failed="This can't be opened right now; please press again in a moment.",
        greeting="Every answer is a sentence of the articles, with its source, one click from the original.",
        close="Close",
        searching="Searching",
        retry="Try again",
        source="Source: ",
        feedback="Was this helpful?",
        good="Helpful",
        bad="Not helpful",
        thanks="Thank you.",
        not_kept="This could not be kept.",
        errors={
            "INTERNAL": "Something went wrong; please try again.",
            "UNREACHABLE": "The service can't be reached: you may be offline, or this site isn't allowed to use it.",
            "POLICY": "This page's security policy forbids the connection; please tell the site's owner.",
            "TIMEOUT": "No answer came within 30 seconds; please try again.",
            "ANSWER_INVALID": "What came back is no answer; please try again later.",
            "ORIGIN_NOT_ALLOWED": "This site is not allowed to use the service.",
            "UNAUTHORIZED": "This site's key is not valid; please tell the site's owner.",
            "VISITOR_LIMIT": "Too many questions at once; please ask again in {seconds} seconds.",
            "DAY_LIMIT": "Today's questions are used up; please come back tomorrow.",
            "SITE_LIMIT": "Many are asking just now; please ask again in {seconds} seconds.",
            "QUEUE_FULL": "Many are asking just now; please ask again in {seconds} seconds.",
        },
    ),
}


def labels() -> dict[str, dict[str, str]]:
    """What the loader says, by language."""
    return {path: {"launch": words.launch, "failed": words.load_failed} for path, words in WIDGET.items()}


def strings(path: str) -> dict[str, object]:
    """All that the opened widget says in the language of ``path``."""
    chat, own = LANGUAGES[path], WIDGET[path]
    return {
        "path": chat.path,
        "tag": chat.tag,
        "title": chat.title,
        "greeting": own.greeting,
        "examples": chat.examples,
        "placeholder": chat.placeholder,
        "ask": chat.ask,
        "new_talk": chat.new_talk,
        "close": own.close,
        "searching": own.searching,
        "status": dict(chat.status),
        "unsure": chat.unsure,
        "sure": SURE_FROM["middle"],
        "meaning": {status: text for status, text in chat.meaning.items() if status != "answered"},
        "confidence": chat.confidence,
        "searched_as": chat.searched_as,
        "missing": chat.missing,
        "nearest": chat.nearest,
        "more_passages": chat.more_passages,
        "untitled": chat.untitled,
        "also": chat.also,
        "also_in": chat.also_in,
        "source": own.source,
        "open_article": chat.open_article,
        "retry": own.retry,
        "feedback": own.feedback,
        "good": own.good,
        "bad": own.bad,
        "thanks": own.thanks,
        "not_kept": own.not_kept,
        "errors": {code: text for code, text in chat.errors.items() if code.startswith("QUESTION_")} | dict(own.errors),
    }
