"""The help page's strings in each language: apart from ``words``, because they are prose. No I/O, no markup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HelpWords:
    """One language's help. A section is its heading and its points."""

    title: str
    lead: str
    can: tuple[str, tuple[str, ...]]
    can_not: tuple[str, tuple[str, ...]]
    outcomes: str
    """Heads the three outcomes, whose names and meanings are the chat's own."""
    keys: str
    key_names: Mapping[str, str]
    """What a key of the conversation does."""
    rates: str
    rates_note: str
    measured: tuple[str, ...]
    """The rates in sentences, whose places are the fields of ``qa.answer.verdict.Measured``."""
    privacy: tuple[str, tuple[str, ...]]
    kept: str
    """How long conversations are kept, where they are."""
    reviewed: str
    """How long questions are kept for review, where they are."""


HELP: Mapping[str, HelpWords] = {
    "zh": HelpWords(
        title="帮助",
        lead="问报只从这里收录的文章中找答案：它给出的每个字都是文章里印着的，每条都附出处。",
        can=(
            "它能做什么",
            (
                "用一句话提问，得到最短的原话（数字、日期、人名、地名、一个分句），以及它所在的段落，句子已经标出。",
                "接着问：“那朝阳门街道呢？”会结合上一个问题来查，并写明实际查的是什么，也可以只查这一句。",
                "简体、繁体、英文、日文都可以问；全角半角、繁简和标点的差别不影响查找，显示的始终是原文。",
                "点“看原文”，在整篇文章里看到标出的位置；可以切换到扫描识别的原样。",
                "文章里没有答案时会直说，并列出哪些词在文章里根本没有出现。",
            ),
        ),
        can_not=(
            "它不能做什么",
            (
                "不总结，不推算，不写作：没有一句原话回答的问题，它答不了。",
                "不知道文章以外的事，也不联网。",
                "不改正文章：印错的、识别错的字照原样显示。",
                "问文章提到的人或单位的、文章却没有写的事（比如电话号码），有时仍会给出一个不对的答案，请看把握和出处。",
            ),
        ),
        outcomes="三种结果",
        keys="按键",
        key_names={
            "Enter": "提问（输入法选字时不会）",
            "Shift+Enter": "换行",
            "/": "到输入框",
            "↑ ↓": "在空的输入框里翻出问过的问题",
            "1–9": "打开最后一个回答的第几个出处",
            "Esc": "关闭打开的内容，离开输入框",
        },
        rates="实测的准确率",
        rates_note="在公开的问答题集上测得，问题经过改写，文章是别人的；您的文章上会有出入。",
        measured=(
            "给出的简短答案里，{right_when_answered:.0%} 是对的。",
            "文章里有答案的 {answerable:,} 个问题，{answerable_refused:.1%} 被误说成没有找到。",
            "文章里没有答案的 {unanswerable:,} 个问题，{unanswerable_answered:.0%} 仍给出了答案：请看把握和出处。",
        ),
        privacy=(
            "隐私",
            (
                "问题在这台服务器上回答，不发给任何其他地方；页面也不从别处取任何东西。",
                "不用 cookie。",
            ),
        ),
        kept="对话在这台服务器上保留到最后一问之后 {days} 天，凭这个浏览器里的随机钥匙才能列出；可以在“历史”里删除。",
        reviewed="问题和回答另外保留 {days} 天，供管理文章的人改进，不记是谁问的。",
    ),
    "zh-hant": HelpWords(
        title="說明",
        lead="問報只從這裡收錄的文章中找答案：它給出的每個字都是文章裡印著的，每條都附出處。",
        can=(
            "它能做什麼",
            (
                "用一句話提問，得到最短的原話（數字、日期、人名、地名、一個分句），以及它所在的段落，句子已經標出。",
                "接著問：「那朝陽門街道呢？」會結合上一個問題來查，並寫明實際查的是什麼，也可以只查這一句。",
                "簡體、繁體、英文、日文都可以問；全形半形、繁簡和標點的差別不影響查找，顯示的始終是原文。",
                "點「看原文」，在整篇文章裡看到標出的位置；可以切換到掃描辨識的原樣。",
                "文章裡沒有答案時會直說，並列出哪些詞在文章裡根本沒有出現。",
            ),
        ),
        can_not=(
            "它不能做什麼",
            (
                "不總結，不推算，不寫作：沒有一句原話回答的問題，它答不了。",
                "不知道文章以外的事，也不連網。",
                "不改正文章：印錯的、辨識錯的字照原樣顯示。",
                "問文章提到的人或單位的、文章卻沒有寫的事（比如電話號碼），有時仍會給出一個不對的答案，請看把握和出處。",
            ),
        ),
        outcomes="三種結果",
        keys="按鍵",
        key_names={
            "Enter": "提問（輸入法選字時不會）",
            "Shift+Enter": "換行",
            "/": "到輸入框",
            "↑ ↓": "在空的輸入框裡翻出問過的問題",
            "1–9": "打開最後一個回答的第幾個出處",
            "Esc": "關閉打開的內容，離開輸入框",
        },
        rates="實測的準確率",
        rates_note="在公開的問答題集上測得，問題經過改寫，文章是別人的；您的文章上會有出入。",
        measured=(
            "給出的簡短答案裡，{right_when_answered:.0%} 是對的。",
            "文章裡有答案的 {answerable:,} 個問題，{answerable_refused:.1%} 被誤說成沒有找到。",
            "文章裡沒有答案的 {unanswerable:,} 個問題，{unanswerable_answered:.0%} 仍給出了答案：請看把握和出處。",
        ),
        privacy=(
            "隱私",
            (
                "問題在這台伺服器上回答，不發給任何其他地方；頁面也不從別處取任何東西。",
                "不用 cookie。",
            ),
        ),
        kept="對話在這台伺服器上保留到最後一問之後 {days} 天，憑這個瀏覽器裡的隨機鑰匙才能列出；可以在「歷史」裡刪除。",
        reviewed="問題和回答另外保留 {days} 天，供管理文章的人改進，不記是誰問的。",
    ),
    "en": HelpWords(
        title="Help",
        lead="wenbao answers from the articles kept here and from nothing else: every character of an answer "
        "is printed in an article, and every answer names its source.",
        can=(
            "What it can do",
            (
                (
                    "Ask in a sentence and get the shortest words that answer (a figure, a date, a name, a clause), "
                    "with the passage they stand in and the sentence marked."
                ),
                (
                    "Follow up: “And Chaoyangmen?” is searched together with the question before; the page says what "
                    "was searched, and lets you ask the sentence alone."
                ),
                (
                    "Ask in simplified or traditional Chinese, English or Japanese. Width, script and punctuation make "
                    "no difference to the search; what is shown is always the original."
                ),
                "Open the original: the whole article with the place marked, as read or as scanned.",
                "Where the articles have no answer it says so, and names the words that no article has.",
            ),
        ),
        can_not=(
            "What it can't do",
            (
                "It does not sum up, reckon or write: a question that no sentence answers stays without an answer.",
                "It knows nothing but the articles, and does not go on line.",
                "It corrects nothing: misprints and wrongly recognised characters are shown as they are.",
                (
                    "Asked for something that the articles don't tell of a person or body that they do mention (a "
                    "telephone number, say), it sometimes still answers wrongly: look at its trust and at the source."
                ),
            ),
        ),
        outcomes="Three outcomes",
        keys="Keys",
        key_names={
            "Enter": "ask (not while an input method composes)",
            "Shift+Enter": "new line",
            "/": "to the question box",
            "↑ ↓": "in the empty box: questions asked before",
            "1–9": "open that source of the last answer",
            "Esc": "close what is open, leave the box",
        },
        rates="How often it is right, as measured",
        rates_note="On public sets of questions, reworded, about other articles; on yours it will differ.",
        measured=(
            "Of the short answers that were given, {right_when_answered:.0%} were right.",
            "Of {answerable:,} questions that the articles answer, {answerable_refused:.1%} were said not to be found.",
            "Of {unanswerable:,} that they don't, {unanswerable_answered:.0%} were answered all the same.",
        ),
        privacy=(
            "Privacy",
            (
                "Questions are answered on this server and sent nowhere else; the pages load nothing from elsewhere.",
                "No cookies.",
            ),
        ),
        kept="Your chats are kept on this server until {days} days after their last question; only a random key in "
        "this browser lists them, and you can delete them at any time under “History”.",
        reviewed="Questions and answers are also kept for {days} days, for whoever looks after the articles to improve "
        "them; who asked is not noted.",
    ),
}
