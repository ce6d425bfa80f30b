"""Reporters and agencies, as newspapers name them; and the datelines that open an article with them.

Apart from the other cues, for answers leave datelines out too: the rest isn't compiled for a question.
"""

from __future__ import annotations

import re

NEAR = 80
"""Characters at an end of a text within which a byline or mark must lie, so that matching stays quick on any text."""

HAN = r"\u3400-\u4dbf\u4e00-\u9fff"

# The patterns below are written in simplified characters; these are the traditional forms of the ones they use. One
# character for one, so that places hold.
_SIMPLIFIED = str.maketrans(
    "報訊記員導攝圖編輯責廣電話熱線傳聯據際與為報刊網臺約見習實資評論譯國統郵發號碼訂閱價權許營兩對從給將於關內東場業學務書",
    "报讯记员导摄图编辑责广电话热线传联据际与为报刊网台约见习实资评论译国统邮发号码订阅价权许营两对从给将于关内东场业学务书",
)

PAPER = r"(?:本报|本刊|本网|本台|本社|新华社|中新社|中央社|人民网|特约|首席|见习|实习|资深)"
ROLE = rf"(?:{PAPER}*(?:记者|通讯员|撰稿人?|评论员|作者|编译|文/图|图/文|文|图|摄影))"
NAME = rf"[{HAN}·]{{2,6}}"
NAMES = rf"{NAME}(?:[ \t\u3000、,，/]+{NAME})*"
ENDING = r"(?:[ \t\u3000]*(?:报道|摄影报道|文并摄|文/摄|文|供稿|整理|采写|编译))?"
# 〔記者王小明／臺北報導〕, （中央社記者王小明臺北3日電）, 【本报记者李四北京报道】
AGENCY = rf"[（(〔【\[]{PAPER}*(?:记者|通讯员|特派员|综合)[{HAN}\d·、/／ ]{{2,30}}(?:报导|报道|电|讯)[）)〕】\]]"
BYLINE_MARKS = "□■◇◆ "
"""What print sets before a byline."""
REPORTERS = rf"[（(]\s*(?:{ROLE}[ \t\u3000:：]*{NAMES}[ \t\u3000、,，]*)+{ENDING}[）)]"
_DATELINE = re.compile(
    rf"^(?:【?本报[{HAN}]{{0,4}}讯】?|【?[{HAN}]{{1,3}}报讯】?|讯(?=[（( ])"
    rf"|(?:据)?(?:新华社|中新社|中新网|人民网|本报|本台)[{HAN}]{{0,8}}(?:\d{{1,2}}月)?\d{{1,2}}日(?:电|讯|消息))"
    rf"(?:[ \t\u3000]*{REPORTERS})?[ \t\u3000:：]*"
    rf"|^{REPORTERS}[ \t\u3000]*|^{AGENCY}[ \t\u3000]*"
    r"|^[A-Z][A-Z .,]{2,30}(?:, [A-Z][a-z]{2,8}\.? \d{1,2})?\s*(?:\([A-Z][A-Za-z ]+\)\s*)?(?:—|–|--|- )\s*"
)


def dateline_length(text: str) -> int:
    """Length of a run-in dateline (``本报讯（记者 张三） ``, ``(记者 张三)``, ``BEIJING, Feb 3 —``), else 0."""
    match = _DATELINE.match(plain(text[:NEAR]))
    return match.end() if match else 0


def plain(text: str) -> str:
    """The text as the patterns spell it, character for character."""
    return text.translate(_SIMPLIFIED)
