"""Who wrote: a byline is found, shown and marked where it is printed, and answers nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from small_corpora import write
from structure_scores import document

from qa.articles.assemble import split_page
from qa.bot import Bot
from qa.config import Settings
from qa.passages import split_article
from qa.web.article_page import page
from qa.web.words import choose

FERRY = """# 渡口三十年

□本报记者 何小满 通讯员 陆一舟

柳湾渡口的清晨从一声汽笛开始，摆渡人赵春生已经在船头站了三十年，每天来回四十趟，从没误过一班。

## 冬天的河

冬天河面结冰，他凌晨四点就下河破冰，一直干到天亮，手上的冻疮年年都犯，船却总是准点开出码头。

## 夏天的河

夏天涨水，他把缆绳加到三道，夜里每两个小时起来看一次水位，镇上的人说有他在就不用担心回不了家。
"""
BRIDGE = """# 新桥通车

□本报记者 何小满 通讯员 陆一舟

青石桥昨天通车，两岸居民步行三分钟就能到对面的菜市场，比从前绕行省下了半个多小时的路。

## 工地上的人

工地上最年轻的工人只有十九岁，来自山里，他说等桥修好了要带母亲来走一走，看看自己拧紧的螺栓。
"""
MARKET = """# 菜市场搬迁

本报讯（记者 周天）东门菜市场下月搬到新址，摊位由一百二十个增加到两百个，停车位也多了一倍。
"""
SCHOOL = """# 学校开园圃

本报讯（记者 孙丽）第三小学在操场边开出一块园圃，学生们种下番茄、南瓜和十四种香草，由老师轮流照看。
"""


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    folder = tmp_path_factory.mktemp("pages")
    write(folder, {"ferry.md": FERRY, "bridge.md": BRIDGE, "market.md": MARKET, "school.md": SCHOOL})
    with Bot.open(Settings(data=folder / "data"), index_seeds=False) as opened:
        opened.index([folder / name for name in ("ferry.md", "bridge.md", "market.md", "school.md")])
        yield opened


@pytest.mark.parametrize(
    ("text", "bylines"),
    [
        (FERRY, ["□本报记者 何小满 通讯员 陆一舟"]),
        (
            "# News\n\nBy Jane Roe\nStaff Reporter\n\nThe council voted to build.\n",
            ["By Jane Roe", "Staff Reporter"],
        ),
        ("# 题目\n\n记者 周天\n\n## 小标题\n\n第一段写的是渡口的清晨和船上的人，还有岸边的灯。\n", ["记者 周天"]),
        (MARKET, []),
        (f"# 题目\n\n□本报记者 周天\n\n{'春水涨了一尺又一尺，' * 40}船还在岸边。\n", ["□本报记者 周天"]),
        ("# 题目\n\n第一段写的是渡口的清晨和船上的人，还有岸边的灯。\n\n□本报记者 周天\n", []),
    ],
)
def test_the_first_passage_begins_with_the_byline_above_it(text: str, bylines: list[str]) -> None:
    (article,) = split_page(document(text)).articles
    (section, (passage, *_)), *others = split_article(text, article)
    assert [line.text for line in section.bylines] == bylines
    assert passage.text.startswith("".join(f"{line}\n" for line in bylines))
    assert passage.start == (text.index(bylines[0]) if bylines else section.paragraphs[0].start)
    assert section.start >= passage.start
    assert not any(other.bylines for other, _ in others)
    assert "".join(text[piece.start : piece.end] for piece in passage.pieces) == passage.text


@pytest.mark.parametrize(
    "text",
    [
        "# 题目\n\n编者按：渡口的故事从今天讲起。\n\n□本报记者 周天\n\n柳湾渡口的清晨从一声汽笛开始。\n",
        "# 题目\n\n柳湾渡口的清晨从一声汽笛开始，摆渡人站在船头。\n\n（记者 周天）\n\n（摄影 李四）\n",
        "# 题目\n\n□本报记者 周天\n\n## 小标题\n\n柳湾渡口的清晨从一声汽笛开始，摆渡人站在船头。\n",
    ],
)
def test_wherever_a_byline_stands_some_passage_holds_it(text: str) -> None:
    (article,) = split_page(document(text)).articles
    assert "周天" in str(article.byline)
    assert sum("周天" in passage.text for _, found in split_article(text, article) for passage in found) == 1


def test_an_author_is_found_once_an_article(bot: Bot) -> None:
    record = bot.ask("何小满和陆一舟写过什么？")
    assert {passage["source"]["file"] for passage in record["passages"][:2]} == {"ferry.md", "bridge.md"}
    for passage in record["passages"][:2]:
        assert passage["text"].startswith("□本报记者 何小满 通讯员 陆一舟\n")
        start = passage["source"]["start"]
        assert (FERRY if passage["source"]["file"] == "ferry.md" else BRIDGE)[start:].startswith("□本报记者")


def test_who_wrote_is_answered_by_the_byline_and_who_did_is_not(bot: Bot) -> None:
    assert "何小满" in str(bot.ask("柳湾渡口的报道是哪位记者写的？")["answer"])
    record = bot.ask("谁在船头站了三十年？")
    assert "赵春生" in str(record["answer"])
    assert "何小满" not in str(record["answer"])


def test_the_page_shows_a_byline_once_and_marks_it(bot: Bot) -> None:
    article = bot.store.article(next(line.id for line in bot.store.articles() if line.file == "ferry.md"))
    assert article is not None
    start = FERRY.index("何小满")
    shown = page(article, (None, None), [(start, start + 3)], choose("zh"))
    assert shown.count("陆一舟") == 1
    assert shown.index('<p class="byline">□本报记者 ') < shown.index(">何小满</mark>") < shown.index("柳湾渡口的清晨")
