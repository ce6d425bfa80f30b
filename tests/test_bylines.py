"""Who wrote: a byline is found, shown and marked where it is printed, and answers nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_corpora import write
from structure_scores import document

from qa.answer.authors import asks_articles, asks_author, credit, is_about, is_named, names
from qa.answer.kinds import expected
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


@pytest.mark.parametrize(
    ("question", "answer", "file"),
    [
        ("新桥通车是谁写的？", "本报记者 何小满 通讯员 陆一舟", "bridge.md"),
        ("菜市场搬迁的记者是谁？", "记者 周天", "market.md"),
        ("哪位记者报道了学校的园圃？", "记者 孙丽", "school.md"),
        ("誰寫了關於菜市場搬遷的報導？", "记者 周天", "market.md"),
        ("周天写了什么文章？", "菜市场搬迁", "market.md"),
        ("Which articles did Sun Li write?", "学校开园圃", "school.md"),
    ],
)
def test_headers_answer_who_wrote_and_what_somebody_wrote(bot: Bot, question: str, answer: str, file: str) -> None:
    record = bot.ask(question)
    assert (record["status"], record["answer"]) == ("answered", answer)
    assert record["passages"][0]["source"]["file"] == file


def test_an_article_that_names_nobody_is_not_anothers(tmp_path: Path) -> None:
    write(tmp_path, {"market.md": MARKET.replace("本报讯（记者 周天）", ""), "school.md": SCHOOL})
    with Bot.open(Settings(data=tmp_path / "data"), index_seeds=False) as bot:
        bot.index([tmp_path / "market.md", tmp_path / "school.md"])
        for question in ("菜市场搬迁的记者是谁？", "东门菜市场搬到新址的报道是谁写的？"):
            record = bot.ask(question)
            assert "孙丽" not in str(record["answer"])
            assert record["passages"][0]["source"]["file"] == "market.md"


def test_a_follow_up_asks_for_another_author(bot: Bot) -> None:
    record = bot.ask("孙丽呢？", history=["周天写了哪些文章？"])
    assert record["answer"] == "学校开园圃"
    assert "gathered" not in record


def test_a_byline_that_opens_a_passage_is_marked_there(bot: Bot) -> None:
    [first, *_] = bot.ask("新桥通车是谁写的？")["passages"]
    assert BRIDGE[slice(*first["answer_span"].values())] == "本报记者 何小满 通讯员 陆一舟"


def test_a_byline_that_closes_a_passage_is_marked_there(tmp_path: Path) -> None:
    story = "河边的灯会昨晚开幕，三千盏灯从桥头挂到码头，孩子们提着兔子灯走在最前面。"
    text = f"# 灯会开幕\n\n{story}\n\n本报记者 周天 摄影报道\n"
    write(tmp_path, {"lamps.md": text, "school.md": SCHOOL})
    with Bot.open(Settings(data=tmp_path / "data"), index_seeds=False) as bot:
        bot.index([tmp_path / "lamps.md", tmp_path / "school.md"])
        [first, *_] = bot.ask("灯会开幕是谁写的？")["passages"]
    assert text[slice(*first["answer_span"].values())] == "本报记者 周天 摄影报道"


def test_several_articles_of_an_author_are_gathered(bot: Bot) -> None:
    record = bot.ask("何小满写了哪几篇报道？")
    assert {part["text"] for part in record["gathered"]} == {"渡口三十年", "新桥通车"}


@pytest.mark.parametrize(
    ("question", "author", "articles"),
    [
        ("这篇报道的作者是谁", True, False),
        ("照片是谁拍的", True, False),
        ("記事は誰が書きましたか", True, False),
        ("Who took the photo for this story?", True, False),
        ("老王写了哪些文章", False, True),
        ("哪几篇是老王写的", False, True),
        ("谁采访了老王", False, False),
        ("短片是谁拍的", False, False),
        ("老王在日记里写了什么事", False, False),
        ("Who reported the fire?", False, False),
        ("图片出自谁？", True, False),
        ("Which stories are by Lao Wang?", False, True),
        ("哪位记者获得了新闻奖？", False, False),
        ("谁写了图书馆的规定", False, False),
        ("被打的记者是哪里人", False, False),
        ("Who is the author of the winning novel?", False, False),
        ("Who took part in the photo contest?", False, False),
    ],
)
def test_which_questions_ask_about_authors(question: str, author: bool, articles: bool) -> None:
    asked = expected(question)
    assert (asks_author(asked), asks_articles(asked)) == (author, articles)


@pytest.mark.parametrize(
    ("byline", "credited", "named"),
    [
        ("本报讯（记者 周天） ", "记者 周天", ["周天"]),
        ("□本报记者 何小满 通讯员 陆一舟", "本报记者 何小满 通讯员 陆一舟", ["何小满", "陆一舟"]),
        ("By Jane Roe and Tom Lee", "Jane Roe and Tom Lee", ["jane roe", "tom lee"]),
        ("By Jane Roe\nStaff Reporter", "Jane Roe\nStaff Reporter", ["jane roe"]),
        ("记者 张文华 王讯", "记者 张文华 王讯", ["张文华", "王讯"]),
        ("本报评论员 李 明", "本报评论员 李 明", ["李明"]),
        ("本报记者 边磊 摄影报道", "本报记者 边磊 摄影报道", ["边磊"]),
        ("北京市服务工会主席 石岳", "北京市服务工会主席 石岳", ["石岳"]),
        ("新华社上海3日电", "", []),
        ("BEIJING, Feb 3 — ", "", []),
        ("本报讯", "", []),
        ("□", "", []),
        ("", "", []),
    ],
)
def test_a_byline_credits_who_is_named(byline: str, credited: str, named: list[str]) -> None:
    assert byline[slice(*credit(byline))] == credited
    assert names(byline) == named


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("《论自由》是谁写的？", False),
        ("《读书会》是谁写的？", True),
        ("读书会开讲是谁写的？", True),
        ("读书会上讨论的小说是谁写的？", False),
        ("感谢信到底是谁写的？", False),
        ("这封信是谁写的", False),
        ("获得新闻奖的记者是谁？", False),
        ("这篇报道是谁写的？", True),
    ],
)
def test_only_the_article_that_may_be_meant_answers(question: str, about: bool) -> None:
    assert is_about(expected(question), "读书会开讲") is about


@pytest.mark.parametrize(
    ("question", "byline", "named"),
    [
        ("张三丰写了哪些文章", "本报记者 张三丰 李四光", True),
        ("bian lei wrote what", "记者 边磊", True),
        ("what did bianlei write", "记者 边磊", True),
        ("is julian there", "记者 李安", False),
        ("what did jane roe write", "By Jane Roe", True),
        ("what did jane smith write", "By Jane Roe", False),
        ("what about the annual fair", "By Ann Lee", False),
        ("which articles cover roads and bridges", "By Jane Roe and Tom Lee", False),
    ],
)
def test_somebody_is_named_by_the_whole_name(question: str, byline: str, named: bool) -> None:
    assert is_named(question, byline) is named


def test_the_page_shows_a_byline_once_and_marks_it(bot: Bot) -> None:
    article = bot.store.article(next(line.id for line in bot.store.articles() if line.file == "ferry.md"))
    assert article is not None
    start = FERRY.index("何小满")
    shown = page(article, (None, None), [(start, start + 3)], choose("zh"))
    assert shown.count("陆一舟") == 1
    assert shown.index('<p class="byline">□本报记者 ') < shown.index(">何小满</mark>") < shown.index("柳湾渡口的清晨")
