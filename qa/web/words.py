"""Every string that a visitor reads, in each language of the pages. No I/O, no markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SURE_FROM = {"high": 0.75, "middle": 0.5, "low": 0.0}
"""From which confidence on an answer is called surely, rather and hardly right."""


@dataclass(frozen=True, slots=True)
class Words:
    """One language's strings. ``{name}`` places are filled with ``str.format`` where the string is used."""

    path: str
    """The URL segment of the chat in this language, and its name in ``?lang=``."""
    tag: str
    """The language tag for the ``lang`` attribute."""
    name: str
    """What the language calls itself."""
    title: str
    slogan: str
    tabs: Mapping[str, str]
    """The tabs of the navigation, by their name in ``frame.TABS``."""
    sections_of_site: str
    languages: str
    skip: str
    welcome: str
    examples: str
    ask: str
    placeholder: str
    new_talk: str
    history: str
    filters: str
    searching: str
    searched: str
    none_allowed: str
    """Where the filters leave nothing to search."""
    searched_as: str
    status: Mapping[str, str]
    """Badge by status: answered, possible, not_found."""
    unsure: str
    """Badge of an answer that is given with little confidence."""
    meaning: Mapping[str, str]
    """What a status claims, in one sentence."""
    missing: str
    """The question's words that occur in no article."""
    nearest: str
    """Heads the passages under a ``not_found``."""
    confidence: str
    confidence_meaning: str
    degrees: Mapping[str, str]
    """How sure an answer is, by the names of ``SURE_FROM``."""
    alone: str
    """Asks a completed follow-up again, as it was typed."""
    instead: str
    """Heads the questions that the passages do answer."""
    copy: str
    quoted: str
    """A sentence with its source, as it is copied."""
    cited: str
    """A source: headline and section, file, place."""
    sources: str
    context: str
    why: str
    score: str
    also: str
    gathered: str
    part_by_part: str
    also_in: str
    was_it_good: str
    written_by: str
    """Heads what a language model wrote."""
    writing: str
    written_partly: str
    unwritten: str
    thumbs: Mapping[str, str]
    """What one may think of an answer, by ``qa.review.Thumb``."""
    more_passages: str
    open_article: str
    matched: str
    by_words: str
    by_meaning: str
    rank: str
    unranked: str
    untitled: str
    untitled_note: str
    captions: str
    as_read: str
    as_scanned: str
    scan_note: str
    joined: str
    dropped: str
    furniture: str
    furniture_kinds: Mapping[str, str]
    """What belongs to no article, by ``qa.articles.Furniture.kind``."""
    whole_page: str
    facts: str
    """Encoding, format and length of a file."""
    page_text: str
    timeline: str
    date: str
    previous: str
    following: str
    place: str
    missing_title: str
    failed: str
    embed_off: str
    """In the frame of a site whose key isn't known, or which is switched off."""
    errors: Mapping[str, str]
    """Sentences for the error codes that a visitor can cause."""


ZH = Words(
    path="zh",
    tag="zh-Hans",
    name="简体",
    title="问报",
    slogan="问一句，看原文",
    tabs={"ask": "提问", "batch": "批量", "corpus": "文章库", "review": "审阅", "help": "帮助"},
    sections_of_site="页面",
    languages="语言",
    skip="跳到正文",
    welcome="答案都是文章里的原话，附出处，点开就能看到它在原文的位置。",
    examples="试着问",
    ask="提问",
    placeholder="输入问题",
    new_talk="新对话",
    history="历史",
    filters="筛选",
    searching="正在 {passages} 段文字中查找…",
    searched="查找了 {passages} 段，用时 {ms} 毫秒",
    none_allowed="没有文章符合筛选条件，请放宽或清除。",
    searched_as="结合上文，按这个问题查找：",
    status={"answered": "找到答案", "possible": "可能相关", "not_found": "没有找到"},
    unsure="可能的答案",
    meaning={
        "answered": "答案是文章原话，请以标出的句子为准。",
        "possible": "有相近的内容，但没有哪一句能确定地回答，请看原文判断。",
        "not_found": "这些文章里没有找到答案。",
    },
    missing="文章里没有这些词：",
    nearest="最接近的几段（并不回答这个问题）",
    confidence="把握 {percent}%",
    confidence_meaning="把握 80% 的意思是：这样的答案，十个里大约八个是对的。",
    degrees={"high": "很有把握", "middle": "较有把握", "low": "把握不大"},
    alone="只查这一句",
    instead="这些文章能回答：",
    copy="复制引文",
    quoted="“{sentence}”——{source}",
    cited="{name}，{file}，{place}",
    sources="出处",
    context="上下文",
    why="为何找到",
    score="综合 {score}",
    also="同样内容另见",
    gathered="各篇所说",
    part_by_part="逐项回答",
    also_in="{name}（{file}，第 {rank} 条）",
    was_it_good="这个回答有用吗？",
    written_by="语言模型 {model} 根据这些段落写的，可能有误，请以原文为准",
    writing="正在写…",
    written_partly="没有写完，到此为止。",
    unwritten="语言模型这次没有写出有原文为据的话，请看原文。",
    thumbs={"up": "有用", "down": "没用"},
    more_passages="另有 {count} 段",
    open_article="看原文",
    matched="对上的词",
    by_words="按词{rank}",
    by_meaning="按意思{rank}",
    rank="第 {rank}",
    unranked="未入选",
    untitled="无标题片段",
    untitled_note="这一段在版面上没有标题：它接着另一处的文章，原标题不在这份文件里。",
    captions="图片说明",
    as_read="整理后",
    as_scanned="扫描原样",
    scan_note="识别出来的文字，未作任何改动。",
    joined="换行，整理时接上",
    dropped="空白或标记，整理时去掉",
    furniture="版面文字，不属于文章",
    furniture_kinds={
        "masthead": "报头",
        "banner": "版头",
        "advertisement": "广告",
        "imprint": "版权信息",
        "contact": "联系方式",
        "credit": "署名",
        "rule": "分隔线",
        "other": "版面文字",
    },
    whole_page="整版",
    facts="{articles} 篇文章 · {encoding} · {format} · {chars} 字",
    page_text="版面全文",
    timeline="找到的段落，按日期",
    date="日期 {date}",
    previous="上一篇",
    following="下一篇",
    place="第 {start}–{end} 字",
    missing_title="没有这个页面",
    failed="出错了，请再试一次。",
    embed_off="本站没有获准使用问答服务，请告诉网站管理员。",
    errors={
        "QUESTION_EMPTY": "请先输入问题。",
        "QUESTION_TOO_LONG": "问题太长了，请缩短后再问。",
        "NOT_FOUND": "这里没有这样一篇文章，也许已经删去。",
        "ENGINE_UNAVAILABLE": "检索服务暂时无法使用，请稍后再问。",
    },
)

ZH_HANT = Words(
    path="zh-hant",
    tag="zh-Hant",
    name="繁體",
    title="問報",
    slogan="問一句，看原文",
    tabs={"ask": "提問", "batch": "批次", "corpus": "文章庫", "review": "審閱", "help": "說明"},
    sections_of_site="頁面",
    languages="語言",
    skip="跳到正文",
    welcome="答案都是文章裡的原話，附出處，點開就能看到它在原文的位置。",
    examples="試著問",
    ask="提問",
    placeholder="輸入問題",
    new_talk="新對話",
    history="歷史",
    filters="篩選",
    searching="正在 {passages} 段文字中查找…",
    searched="查找了 {passages} 段，用時 {ms} 毫秒",
    none_allowed="沒有文章符合篩選條件，請放寬或清除。",
    searched_as="結合上文，按這個問題查找：",
    status={"answered": "找到答案", "possible": "可能相關", "not_found": "沒有找到"},
    unsure="可能的答案",
    meaning={
        "answered": "答案是文章原話，請以標出的句子為準。",
        "possible": "有相近的內容，但沒有哪一句能確定地回答，請看原文判斷。",
        "not_found": "這些文章裡沒有找到答案。",
    },
    missing="文章裡沒有這些詞：",
    nearest="最接近的幾段（並不回答這個問題）",
    confidence="把握 {percent}%",
    confidence_meaning="把握 80% 的意思是：這樣的答案，十個裡大約八個是對的。",
    degrees={"high": "很有把握", "middle": "較有把握", "low": "把握不大"},
    alone="只查這一句",
    instead="這些文章能回答：",
    copy="複製引文",
    quoted="「{sentence}」——{source}",
    cited="{name}，{file}，{place}",
    sources="出處",
    context="上下文",
    why="為何找到",
    score="綜合 {score}",
    also="同樣內容另見",
    gathered="各篇所說",
    part_by_part="逐項回答",
    also_in="{name}（{file}，第 {rank} 條）",
    was_it_good="這個回答有用嗎？",
    written_by="語言模型 {model} 根據這些段落寫的，可能有誤，請以原文為準",
    writing="正在寫…",
    written_partly="沒有寫完，到此為止。",
    unwritten="語言模型這次沒有寫出有原文為據的話，請看原文。",
    thumbs={"up": "有用", "down": "沒用"},
    more_passages="另有 {count} 段",
    open_article="看原文",
    matched="對上的詞",
    by_words="按詞{rank}",
    by_meaning="按意思{rank}",
    rank="第 {rank}",
    unranked="未入選",
    untitled="無標題片段",
    untitled_note="這一段在版面上沒有標題：它接著另一處的文章，原標題不在這份檔案裡。",
    captions="圖片說明",
    as_read="整理後",
    as_scanned="掃描原樣",
    scan_note="辨識出來的文字，未作任何改動。",
    joined="換行，整理時接上",
    dropped="空白或標記，整理時去掉",
    furniture="版面文字，不屬於文章",
    furniture_kinds={
        "masthead": "報頭",
        "banner": "版頭",
        "advertisement": "廣告",
        "imprint": "版權資訊",
        "contact": "聯絡方式",
        "credit": "署名",
        "rule": "分隔線",
        "other": "版面文字",
    },
    whole_page="整版",
    facts="{articles} 篇文章 · {encoding} · {format} · {chars} 字",
    page_text="版面全文",
    timeline="找到的段落，按日期",
    date="日期 {date}",
    previous="上一篇",
    following="下一篇",
    place="第 {start}–{end} 字",
    missing_title="沒有這個頁面",
    failed="出錯了，請再試一次。",
    embed_off="本站沒有獲准使用問答服務，請告訴網站管理員。",
    errors={
        "QUESTION_EMPTY": "請先輸入問題。",
        "QUESTION_TOO_LONG": "問題太長了，請縮短後再問。",
        "NOT_FOUND": "這裡沒有這樣一篇文章，也許已經刪去。",
        "ENGINE_UNAVAILABLE": "檢索服務暫時無法使用，請稍後再問。",
    },
)

EN = Words(
    path="en",
    tag="en",
    name="English",
    title="wenbao",
    slogan="Ask the paper",
    tabs={"ask": "Ask", "batch": "Batch", "corpus": "Corpus", "review": "Review", "help": "Help"},
    sections_of_site="Pages",
    languages="Languages",
    skip="Skip to the content",
    welcome="Every answer is a sentence of the articles, with its source, one click from its place in the original.",
    examples="Try one of these",
    ask="Ask",
    placeholder="Ask a question",
    new_talk="New chat",
    history="History",
    filters="Filters",
    searching="Searching {passages} passages…",
    searched="Passages searched: {passages}, in {ms} ms",
    none_allowed="No article fits the filters; widen or clear them.",
    searched_as="With what was asked before, searched as:",
    status={"answered": "Answered", "possible": "Possibly related", "not_found": "Not found"},
    unsure="Perhaps",
    meaning={
        "answered": "The answer is in the articles' own words; the marked sentence is what counts.",
        "possible": "Something close was found, but no sentence surely answers: please judge by the original.",
        "not_found": "These articles do not answer this.",
    },
    missing="No article has these words: ",
    nearest="The nearest passages (they do not answer the question)",
    confidence="{percent}% sure",
    confidence_meaning="80% sure means: of ten such answers, about eight are right.",
    degrees={"high": "Very likely right", "middle": "Likely right", "low": "Uncertain"},
    alone="Search this sentence alone",
    instead="The articles do answer these:",
    copy="Copy with source",
    quoted="“{sentence}” ({source})",
    cited="{name}, {file}, {place}",
    sources="Sources",
    context="Context",
    why="Why this",
    score="score {score}",
    also="The same is told in",
    gathered="Told by several passages",
    part_by_part="Part by part",
    also_in="{name} ({file}, no. {rank})",
    was_it_good="Was this useful?",
    written_by="Written by the language model {model} from these passages; it may be wrong, they are what counts",
    writing="Writing…",
    written_partly="It broke off here.",
    unwritten="The language model wrote nothing that the passages bear out; please read them.",
    thumbs={"up": "Yes", "down": "No"},
    more_passages="More passages: {count}",
    open_article="Open the original",
    matched="Matched words",
    by_words="{rank} by words",
    by_meaning="{rank} by meaning",
    rank="no. {rank}",
    unranked="not",
    untitled="Untitled fragment",
    untitled_note="This part has no headline on the page: it continues an article whose headline is not in this file.",
    captions="Captions",
    as_read="As read",
    as_scanned="As scanned",
    scan_note="The recognised text, untouched.",
    joined="line break, joined as read",
    dropped="blank or mark, left out as read",
    furniture="text of the page that is no article's",
    furniture_kinds={
        "masthead": "Masthead",
        "banner": "Banner",
        "advertisement": "Advertisement",
        "imprint": "Imprint",
        "contact": "Contact",
        "credit": "Credit",
        "rule": "Rule",
        "other": "Text of the page",
    },
    whole_page="Whole page",
    facts="{articles} articles · {encoding} · {format} · {chars} characters",
    page_text="Text of the page",
    timeline="Passages found, by date",
    date="dated {date}",
    previous="Previous",
    following="Next",
    place="characters {start}–{end}",
    missing_title="No such page",
    failed="Something went wrong; please try again.",
    embed_off="This site is not allowed to use this service; please tell its owner.",
    errors={
        "QUESTION_EMPTY": "Please type a question first.",
        "QUESTION_TOO_LONG": "The question is too long; please shorten it.",
        "NOT_FOUND": "There is no such article here; it may have been removed.",
        "ENGINE_UNAVAILABLE": "The search can't be used at the moment; please ask again a little later.",
    },
)

LANGUAGES = {words.path: words for words in (ZH, ZH_HANT, EN)}


def several_told(words: Words, parts: Sequence[Mapping[str, Any]]) -> str:
    """What stands above the ``gathered`` of a record."""
    return words.part_by_part if parts[0].get("asked") else words.gathered


def choose(accept_language: str) -> Words:
    """The language that an ``Accept-Language`` header (RFC 9110 §12.5.4) prefers; simplified Chinese if none."""
    wishes: list[tuple[float, int, str]] = []
    for position, wish in enumerate(accept_language.split(",")):
        tag, _, parameter = wish.strip().partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            weight = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            weight = 0.0
        wishes.append((-weight, position, tag.strip().lower()))
    for negative_weight, _, tag in sorted(wishes):
        if not negative_weight < 0:
            continue
        if tag.startswith(("zh-hant", "zh-tw", "zh-hk", "zh-mo")):
            return ZH_HANT
        if tag.split("-")[0] == "zh":
            return ZH
        if tag.split("-")[0] == "en":
            return EN
    return ZH


def for_request(wanted: str | None, accept_language: str) -> Words:
    """The language named in ``?lang=``, else the one that the browser prefers."""
    return LANGUAGES.get(wanted or "") or choose(accept_language)
