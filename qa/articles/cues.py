"""Cues by which a reader tells a headline from a paragraph: bylines, datelines, bullets, sentence ends, cut words.

All of them are habits of newspapers in general (and of Markdown, lists and letters); none knows a word or a name of
any particular page.
"""

from __future__ import annotations

import re

import rjieba

from qa.articles.reporters import AGENCY, ENDING, HAN, NAME, NAMES, NEAR, PAPER, REPORTERS, ROLE, dateline_length, plain
from qa.text import family_names, fold_text

_FINAL = "。！？!?…．"
_CLOSING = "”’\"'」』）)]】》〉*"
_END_MARK = re.compile(r"(?<!\s)\s*(?:[（(](?:完|全文完)[）)]|[■□◆◇●▲])$")
_LATIN_FINAL = re.compile(r"[A-Za-z0-9)%\"'”’]\.[\"'”’)\]]*$")

_HAN_CHARACTER = re.compile(f"[{HAN}]")
MARKDOWN_HEADING = re.compile(r"^(#{1,6})[ \t\u3000]*(?=[^#\s])")
BULLET = re.compile(r"^[●○◆◇■□▲△▼▶►★☆※◎•▪▫➤❖◼◾✦✧❤◉◈▌][ \t\u3000]*(?=\S)")
BRACKETED = re.compile(r"^(?:[【〖](?P<words>[^【】〖〗]{1,40})[】〗]|(?P<title>《[^《》]{1,40}》))$")
_FIELD = re.compile(rf"^[{HAN}A-Za-z][{HAN}A-Za-z \u3000]{{1,9}}[：:][ \t\u3000]*\S")
_PICTOGRAPH = re.compile("^[\u2300-\u23ff\u2600-\u27bf\U0001f300-\U0001faff]")
LIST_ITEM = re.compile(r"^(?:[-*+–—][ \t]+|>[ \t]*|\d{1,3}[.)][ \t]+)(?=\S)")

NUMBERINGS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("chapter", re.compile(r"^第[一二三四五六七八九十百零\d]+[章节部编篇][ \t\u3000、.．：:]*(?=\S)")),
    ("han", re.compile(r"^[一二三四五六七八九十]{1,3}[、.．][ \t\u3000]*(?=\S)")),
    ("parenthesised", re.compile(r"^[（(](?:[一二三四五六七八九十]{1,3}|\d{1,2})[）)][ \t\u3000]*(?=\S)")),
    ("arabic", re.compile(r"^\d{1,2}(?:[.．、](?!\d))[ \t\u3000]*(?=\S)")),
)
"""Styles of numbered headings, by name."""

_BYLINE = re.compile(
    rf"^[□■◇◆○●\-—(（\[【\s]*(?:{ROLE}[ \t\u3000:：/]+{NAMES}[ \t\u3000]*)+{ENDING}[)）\]】\s]*$"
    rf"|^(?:文|图|文/图)[/／:：]\s*{NAMES}$"
    rf"|^[□■◇◆○●]?{PAPER}+(?:记者|通讯员){NAME}{ENDING}$"
    rf"|^[□■◇◆○●\[【(（]*{PAPER}*(?:记者|通讯员|中心)?{NAME}[/／]{NAMES}(?:电|讯|报导|报道)[\])）】]*$"
    rf"|^{AGENCY}$"
)
_ENGLISH_BYLINE = re.compile(
    r"^(?:By|BY|by)\s+[A-Z][\w.'’-]+(?:\s+(?:and|AND|[A-Z][\w.'’-]*|,))*(?:,\s*[\w ]+)?$"
    r"|^(?:Staff|Senior|Special|Chief|Political|City)?\s?(?:Staff )?(?:Reporter|Writer|Correspondent)$",
)
_CREDIT = re.compile(
    rf"^[□■(（\s]*(?:{ROLE}[ \t\u3000:：/]*)?{NAME}(?:[ \t\u3000、]+{NAME})*[ \t\u3000/]*"
    r"(?:摄影|摄|供图|/图|制图|绘图)[)）\s]*$"
    r"|^[（(]?图片?由?.{2,20}(?:提供|供图)[)）]?$|^(?:图片来源|供图|Photo(?:graph)? by|Photo:|Image:).{0,60}$"
)
_END_REPORTERS = re.compile(rf"{REPORTERS}\s*$")
_POST = "员长任席记师授官事理家者士生会局院部处校委厂社站队司"
_SIGNATURE = re.compile(rf"^[{HAN}A-Za-z\d（）()、·]{{3,28}}[{_POST}][ \t\u3000]+(?P<name>[{HAN}]{{2,4}})$")

_DATE_HEADING = re.compile(
    r"^(?:(?:\d{2,4}|[〇零一二三四五六七八九十]{4})年)?(?:\d{1,2}|[一二三四五六七八九十]{1,3})月"
    r"(?:\d{1,2}|[一二三四五六七八九十]{1,3})[日号]"
    r"(?:[ \t\u3000,，]*(?:星期|周)[一二三四五六日天])?(?:[ \t\u3000]+[晴阴雨雪多云转小大中]{1,6})?$"
)
_RULE = re.compile(r"^(?:[-—–_=*·•~～＊─━═☆★※◇◆○●+|:]\s*){3,}$")
_FOLIO = re.compile(
    r"^[—–\-·.\[(（【]?\s*(?:第\s*)?\d{1,4}\s*(?:页|版)?\s*[—–\-·.\])）】]?$"
    r"|^第?\s*\d{1,4}\s*页?\s*[/／,，]?\s*(?:共\s*)?\d{1,4}\s*页$|^(?:Page|p\.)\s*\d{1,4}(?:\s*(?:of|/)\s*\d{1,4})?$",
    re.IGNORECASE,
)
_ADVERTISEMENT = re.compile(r"^[【\[（(]?(?:广告|公益广告|分类广告|Advertisement|ADVERTISEMENT|Sponsored)[】\]）)]?$")
_IMPRINT = re.compile(
    r"^[（(]?(?:下转|上接|接|转|(?:更多|相关|详细)报道.{0,6})第?\s*[A-Z]?[\d一二三四五六七八九十]+\s*版[）)]?$"
    r"|^[（(【\[]?(?:本版)?(?:责任|值班|文字|图片)?(?:编辑|责编|美编|校对|版式|排版|值班|主编|审校|制图|组版)[\s:：/／|].{0,60}$"
    r"|^(?:国内统一|邮发代号|印刷|发行|版权|广告(?:许可|经营))(?:[^。]{0,12}[:：\d]).{0,50}$"
    r"|^(?:零售|定价)[^。]{0,6}\d.{0,20}$|^第?\s*[A-Z]?\d{1,3}\s*版(?:\s.{0,20})?$|^今日\d+版"
    r"|^(?:19|20)\d\d年\d{1,2}月\d{1,2}日\s*(?:星期|周)[一二三四五六日天](?:\s.{0,30})?$"
    r"|^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,?\s+(?:[A-Z][a-z]{2,8}\.?\s+\d{1,2}|\d{1,2}\s+[A-Z][a-z]{2,8}),?\s+\d{4}$",
    re.IGNORECASE,
)
_CONTACT = re.compile(
    r"^.{0,14}(?:电话|热线|传真|邮箱|E-?mail|Tel|Phone|Hotline|Fax)\.?[:：]?\s*[\d\-－ ()（）A-Za-z@.、,，/]{5,60}$"
    r"|^(?:社址|地址|网址|邮政编码|邮编|投稿|订阅|(?:官方)?微[信博](?:公众号)?)[^:：。]{0,6}[:：].{0,60}$",
    re.IGNORECASE,
)
_CAPTION = re.compile(
    r"[（(](?:[左右中前后][图排起一二三四]{0,3}|资料图片?|图[一二三四\d]|(?:left|right|centre|center))[）)]|^[▲▼↑↓←→]|^[上下左右]?图片?(?:为|[一二三四五\d]?[:：])"
)
_CAPTION_SENTENCE = re.compile(
    rf"^[▲▼]?[上下左右]?图片?(?:为|[一二三四五\d]?[:：])"
    rf"|[。\s（(](?:{ROLE}[ \u3000:：/]*)?{NAME}[ \u3000/]*(?:摄影|摄|供图)[)）]?$"
)

_OPEN_END = re.compile(r"[，,、；;：:（(“‘「『《〈—\-/]$")
_FUNCTION_END = re.compile(
    r"(?:的|和|与|及|或|在|对|为|把|被|将|从|向|以|并|而|且|是|由|等于|通过|根据|按照|为了|以及|关于|对于|由于)$"
)
_CANNOT_OPEN = re.compile(r"^[，,、；;：:）)”’」』》〉。！？!?…%％]")
_CONNECTIVE = re.compile(
    r"^(?:据了解|据悉|据介绍|此外|另外|同时|与此同时|原来|为了?(?!何)|随后|目前|其中|但|因此|所以|而且|于是|当时|当天|日前|近日|"
    r"However|Meanwhile|In addition|According to|But|And)"
)
_PLACE = re.compile(
    rf"^[{HAN}]{{2,4}}?(?:省|市|州|区|县|旗|镇|乡|村|街道|社区|路|桥|港|湖|河|江|山|岛|集团|公司|厂|大学|中学|小学|医院)"
)
_COMMA = re.compile(r"[，,；;]")
# What is in quotation marks; the group is a mark that nothing closes, with the rest of its line.
_QUOTED = re.compile(r"([“\"「『][^”\"」』\n]*+(?![”\"」』]))|[“\"「『][^”\"」』\n]*+[”\"」』]")

# One-character words that open sentences: pronouns, prepositions, adverbs, conjunctions, demonstratives, numerals.
# Counted over 95,000 paragraphs of statutes, manuals and encyclopaedias; a paragraph that opens with another single
# character is almost always the second half of a cut word.
_SENTENCE_OPENERS = frozenset(
    "在对市本有省因为被以这将经我除当你若从未设与不各要县向由而也此是他凡该但您让就乡用和已她无令受都上把非自区的请那"
    "它最新先再记可每前按遇则拟如很更跟物原又会反且到另于中其后水核来树求下听驻模想长村图只主据第所能全群一子域还位去"
    "好年才看给并像找没买注三点单持取小光应曾等需仅同旧跨个时称人供依做却叫早说马高共带任大仍住便均或拿然走今昨两二"
    "四五六七八九十百千万几半约现亦惟仅忽该这凭至自随连跟距离俗故既纵虽即正刚常总多少男女老春夏秋冬东南西北"
)


def ends_sentence(text: str) -> bool:
    """Whether the text ends with a full stop, question or exclamation mark, closing quotes and brackets aside."""
    bare = _END_MARK.sub("", text[-NEAR:]).rstrip().rstrip(_CLOSING)
    return bool(bare) and (bare[-1] in _FINAL or bool(_LATIN_FINAL.search(text[-NEAR:].rstrip())))


def is_mark_line(text: str) -> bool:
    """Whether the line is a heading or byline by its marks (Markdown, a bullet), so that it takes no second line."""
    return bool(MARKDOWN_HEADING.match(text) or (BULLET.match(text) and not ends_sentence(text)) or is_byline(text))


def opens_block(text: str) -> bool:
    """Whether a line with this text starts a block of its own, whatever stands before."""
    return bool(
        MARKDOWN_HEADING.match(text)
        or BULLET.match(text)
        or LIST_ITEM.match(text)
        or numbering(text)
        or dateline_length(text)
        or is_byline(text)
        or is_advertisement(text)
        or is_imprint(text)
        or is_rule(text)
    )


def numbering(text: str) -> tuple[str, int] | None:
    """Style and length of a heading's number (``一、``, ``1.``, ``(三)``, ``第二章``), or None."""
    for style, pattern in NUMBERINGS:
        match = pattern.match(text)
        if match:
            return style, match.end()
    return None


def is_byline(text: str) -> bool:
    """Whether the line only names who wrote (``□本报记者 张三 通讯员 李四``, ``By Jane Roe``)."""
    if len(text) > 60 or is_credit(text):
        return False
    text = plain(text)
    return bool(_BYLINE.match(text) or _BYLINE.match(re.sub(r"\s+", "", text)) or _ENGLISH_BYLINE.match(text))


def is_credit(text: str) -> bool:
    """Whether the line is the credit of a picture (``通讯员 张三 摄``)."""
    return len(text) <= 60 and bool(_CREDIT.match(plain(text)))


def is_signature(text: str) -> bool:
    """Whether the line is made of an author's post and name (``某某学校校长 张三``). Position must confirm it."""
    match = _SIGNATURE.match(plain(text))
    if not match:
        return False
    name = match["name"]
    return family_names.begins_with_one(name)


def is_dateline(text: str) -> bool:
    """Whether the line is a run-in dateline (``本报讯（记者 张三）``) whose text has been broken off."""
    length = dateline_length(text) if len(text) <= NEAR and not is_byline(text) else 0
    return length > 0 and not text[length:].strip()


def end_reporters_start(text: str) -> int | None:
    """Where a reporter's name in brackets begins that ends a paragraph (``…。（记者 张三）``), else None."""
    skipped = max(0, len(text) - NEAR)
    match = _END_REPORTERS.search(plain(text[skipped:]))
    return match.start() + skipped if match and match.start() + skipped > 0 else None


def is_field(text: str) -> bool:
    """Whether the line is a label with its value, as at the head of minutes (``地点：会议室``)."""
    return len(text) <= NEAR and bool(_FIELD.match(text))


def is_item(text: str) -> bool:
    """Whether the line opens with a pictograph, as items of posts and notices do."""
    return bool(_PICTOGRAPH.match(text))


def is_date_heading(text: str) -> bool:
    """Whether the line is nothing but a date, as over a diary's entry."""
    return bool(_DATE_HEADING.match(plain(text)))


def is_rule(text: str) -> bool:
    """Whether the line is a rule made of characters (``----``, ``* * *``, ``|---|---|``)."""
    return not text.isalnum() and bool(_RULE.match(text))


def underlines(text: str) -> int:
    """The level of the heading that the line underlines in Markdown's older style (``===`` 1, ``---`` 2), else 0."""
    match = re.match(r"^(?:(={3,})|-{3,})$", text)
    return 0 if match is None else 1 if match[1] else 2


def is_folio(text: str) -> bool:
    """Whether the line is a page number and nothing else (``12``, ``— 3 —``, ``第3页 共10页``, ``Page 3 of 10``)."""
    return bool(_FOLIO.match(plain(text)))


def is_advertisement(text: str) -> bool:
    """Whether the line is the label of an advertisement."""
    return bool(_ADVERTISEMENT.match(plain(text)))


def is_imprint(text: str) -> bool:
    """Whether the line is page furniture: editors, folio, prices, telephone lines, issue date."""
    return len(text) <= NEAR and (bool(_IMPRINT.match(plain(text))) or is_folio(text))


def is_contact(text: str) -> bool:
    """Whether the line only tells where to write or ring: furniture between articles, a fact in a notice."""
    return len(text) <= NEAR and bool(_CONTACT.match(plain(text)))


def is_caption_sentence(text: str) -> bool:
    """Whether a whole sentence describes a picture: it says so (``图为…。``), or the photographer's name ends it."""
    return len(text) <= 120 and bool(_CAPTION_SENTENCE.search(plain(text)))


def is_caption(text: str) -> bool:
    """Whether words show that the line describes a picture (``(左)``, ``图为…``). Captions without such words exist."""
    return bool(_CAPTION.search(plain(text))) and len(text) <= 120


def cuts_word(left: str, right: str) -> bool:
    """Whether the border between the two texts cuts a word of jieba's dictionary (guessed words don't count)."""
    a, b = left.rstrip()[-6:], right.lstrip()[:6]
    if not (_HAN_CHARACTER.match(a[-1:]) and _HAN_CHARACTER.match(b[:1])):
        return False
    at = 0
    for word in rjieba.cut(a + b, False):
        if at < len(a) < at + len(word):
            return True
        at += len(word)
    return False


def continues(left: str, right: str) -> bool:
    """Whether ``right`` goes on with the sentence that ``left`` broke off (a column break)."""
    if not left or not right:
        return False
    return bool(
        _OPEN_END.search(left)
        or _FUNCTION_END.search(plain(left[-4:]))
        or _CANNOT_OPEN.match(right)
        or cuts_word(left, right)
        or (left[-1] == right[0] and _HAN_CHARACTER.match(right))
        or (left[-1].isascii() and right[0].islower())
    )


def is_fragment(text: str) -> bool:
    """Whether an unpunctuated line reads like the beginning of a sentence rather than like a heading."""
    return bool(_CONNECTIVE.match(plain(text)) or _COMMA.search(_QUOTED.sub(r"\1", text)))


def cannot_open(text: str) -> bool:
    """Whether the text begins with a mark that no line begins with (a comma, a closing quote)."""
    return bool(_CANNOT_OPEN.match(text))


def opens_in_word(text: str) -> bool:
    """Whether the paragraph opens with the second half of a cut word."""
    if cannot_open(text):
        return True
    opening = fold_text(text[:12])
    words = rjieba.cut(opening, True)
    return (
        bool(words and len(words[0]) == 1 and _HAN_CHARACTER.match(words[0]))
        and words[0] not in _SENTENCE_OPENERS
        and words[0] not in family_names.SINGLE
        and not _PLACE.match(opening)
    )
