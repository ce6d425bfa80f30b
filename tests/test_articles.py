"""Pages → articles → sections: what a reader should see of each phenomenon of print and OCR, and what is never lost."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structure_scores import GOLD, document, gold, inspected, sample

from qa.articles import Article, Page, Piece, Section, dateline_length, pieces
from qa.articles.assemble import split_page
from qa.articles.blocks import blocks
from qa.articles.roles import understand
from qa.passages import split_article
from qa.reading import Document, Heading

PAGES = Path(__file__).parent / "articles"
FILES = sorted([*PAGES.glob("*.txt"), *PAGES.glob("*.md")])


def split(text: str, *headings: Heading) -> Page:
    page = Document(file="page.txt", text=text, encoding="utf-8", format="txt", sha256="", headings=headings)
    return split_page(page)


def only(text: str) -> Article:
    (article,) = split(text).articles
    return article


def texts(section: Section) -> list[str]:
    return [paragraph.text for paragraph in section.paragraphs]


def headlines(text: str) -> list[str | None]:
    return [article.headline for article in split(text).articles]


def test_there_are_pages_beside_their_expected_structure() -> None:
    assert len(FILES) >= 20
    assert {file.suffix for file in FILES} == {".txt", ".md"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_page_is_read_as_expected(file: Path) -> None:
    with file.open(encoding="utf-8", newline="") as page:
        found = inspected(document(page.read(), file.name))
    assert found == json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))


# Breaks and blanks


def test_print_line_blanks_go_where_they_are_many() -> None:
    prose = "老街的石 板路修好 了以后，来 往的行人 多了起来 ，沿街的 店铺也陆 续开门， 早上卖豆 花，晚上 卖凉粉。" * 2
    assert " " not in only(f"老街修好了\n\n{prose}").sections[0].paragraphs[0].text


def test_few_blanks_between_characters_are_meant() -> None:
    article = only("夏日出游 安全第一\n\n记者 何小满\n\n夏天到了，请大家出游时注意安全，不要到深水处游泳。\n")
    assert (article.headline, article.byline) == ("夏日出游 安全第一", "记者 何小满")


def test_a_letter_spaced_heading_is_shown_without_blanks() -> None:
    article = only("老街修好了\n\n石板路修了三个月。\n\n● 东 门 大 街\n\n东门大街的石板换了一半。\n")
    assert article.sections[1].heading == "东门大街"


def test_a_column_break_in_a_sentence_is_mended() -> None:
    article = only("渡口添新船\n\n新船由县里的船厂建造，乡亲们都到渡\n\n口来看热闹。\n\n票价仍是两元。\n")
    assert texts(article.sections[0]) == ["新船由县里的船厂建造，乡亲们都到渡口来看热闹。", "票价仍是两元。"]


def test_a_column_foot_of_one_line_is_no_heading() -> None:
    article = only(
        "渡口添新船\n\n本报讯（记者 何小满） 新船昨天下水。\n\n据了解，这条新船是由县里的船\n\n厂建造的，用了四个月。\n"
    )
    assert [section.heading for section in article.sections] == [None]
    assert texts(article.sections[0])[1] == "据了解，这条新船是由县里的船厂建造的，用了四个月。"


def test_a_place_of_a_lost_picture_ends_nothing() -> None:
    article = only("渡口添新船\n\n本报讯（记者 何小满） 新船昨天在渡口下\n\n\n\n水，乡亲们都来看。\n\n票价仍是两元。\n")
    assert texts(article.sections[0])[0].endswith("新船昨天在渡口下水，乡亲们都来看。")


def test_a_paragraph_without_its_full_stop_is_not_joined_to_the_heading_below() -> None:
    article = only("老街修好了\n\n●东门大街\n\n石板换了一半，店铺陆续开门\n\n●西门大街\n\n西门大街还没有动工。\n")
    assert [section.heading for section in article.sections] == ["东门大街", "西门大街"]


def test_a_figure_broken_by_a_hard_wrap_is_whole_again() -> None:
    text = (
        "老粮库里的夜读会\n　　春天以来，镇上老粮库每到周三晚上都亮着灯，已有1\n2次夜读会，来的人一次比一次多，"
        "常常坐满\n"
        "整间屋子，后来的人只好站着听。\n　　发起人说，起初只来了五个人，后来大家口口相传，\n"
        "现在要提前两天报名，才有座位可以坐下来。\n　　夜读会不收费，灯油钱由镇上的杂货铺来出，茶水\n由邻居们轮流烧。\n"
    )
    assert "已有12次夜读会" in only(text).sections[0].paragraphs[0].text


def test_an_english_paragraph_that_was_wrapped_reads_on_with_a_blank() -> None:
    lines = (
        "The ferry came back on Monday after a week of\nrepairs to the north pier, which had been hit\nby the storm."
    )
    article = only(f"Ferry returns\n\n{lines}\n\n{lines}\n\n{lines}\n")
    assert texts(article.sections[0])[0] == lines.replace("\n", " ")


# Headlines, kickers, headings


def test_a_marked_headline_keeps_the_kicker_above_it() -> None:
    page = split(
        "# 菜市场搬进新棚\n\n**本报讯（记者 何小满）** 老菜市场搬进了新棚。\n\n县里的船厂交付了订单\n\n"
        "## 渡口添了一条新船\n\n**本报讯** 新船可以坐三十人。\n"
    )
    assert [(a.kicker, a.headline) for a in page.articles] == [
        (None, "菜市场搬进新棚"),
        ("县里的船厂交付了订单", "渡口添了一条新船"),
    ]


def test_a_line_with_a_dash_below_the_headline_is_its_subhead() -> None:
    article = only("渡口添新船\n\n——柳湾村水上交通纪实\n\n□本报记者 何小满\n\n新船昨天下水，可以坐三十人。\n")
    assert (article.headline, article.subhead) == ("渡口添新船", "——柳湾村水上交通纪实".lstrip("—"))


def test_a_quotation_may_be_the_headline_below_a_kicker() -> None:
    article = only(
        "柳湾村摆渡人坚守渡口三十年\n\n“只要有人过河，我就在这里”\n\n□本报记者 何小满\n\n"
        "赵春生每天四点半起床，先看水位。\n"
    )
    assert (article.kicker, article.headline) == ("柳湾村摆渡人坚守渡口三十年", "“只要有人过河，我就在这里”")


def test_paragraphs_that_open_with_a_quotation_are_no_headings() -> None:
    article = only(
        "摆渡人\n\n□本报记者 何小满\n\n赵春生每天四点半起床。\n\n“先看水位，再看雾。”他说。\n\n“怕误了船。”\n"
    )
    assert [section.heading for section in article.sections] == [None]


def test_levels_of_headings_make_a_path() -> None:
    article = only(
        "关于防火工作的通知\n\n请各单位照办。\n\n二、加强检查\n\n（一）定期检查\n\n每月检查一次。\n\n"
        "1.检查电路\n\n老化的电线要更换。\n\n"
        "（二）专项检查\n\n节前检查一次。\n\n三、严肃纪律\n\n对走过场的要批评。\n"
    )
    assert [section.heading for section in article.sections] == [
        None,
        "二、加强检查",
        "二、加强检查 › （一）定期检查",
        "二、加强检查 › （一）定期检查 › 1.检查电路",
        "二、加强检查 › （二）专项检查",
        "三、严肃纪律",
    ]


def test_markdown_levels_stand_over_one_another_in_whatever_order_they_come() -> None:
    article = only("# 村志\n\n### 山\n\n山在东面。\n\n## 水\n\n水在西面。\n\n### 河\n\n河上有桥。\n")
    assert [section.heading for section in article.sections] == ["山", "水", "水 › 河"]


def test_bullets_are_not_shown_and_a_bullet_over_a_headline_is_a_column_label() -> None:
    page = split(
        "渡口添新船\n\n本报讯（记者 何小满） 新船昨天下水。\n\n■ 早班\n\n六点开始摆渡。\n\n"
        "■村民日记\n\n我在渡口看新船\n\n"
        "青石镇文化站馆员 赵春生\n\n今天我起得很早，跟着大家去渡口。\n"
    )
    assert page.articles[0].sections[1].heading == "早班"
    assert (page.articles[1].kicker, page.articles[1].headline) == ("村民日记", "我在渡口看新船")
    assert page.articles[1].byline == "青石镇文化站馆员 赵春生"


def test_a_date_heads_a_diary_entry() -> None:
    article = only("我的渡口日记\n\n3月5日\n\n3月1日，我来到柳湾。今天新船下水。\n\n3月6日\n\n今天下雨。\n")
    assert [section.heading for section in article.sections] == ["3月5日", "3月6日"]


def test_stray_bold_in_a_sentence_is_no_heading() -> None:
    article = only(
        "渡口添新船\n\n"
        "号角吹响，摆渡人放弃了休息，率先来到岸边，乡亲们也赶来帮忙，用行动护 **了家园**\n\n●早班\n\n六点开始摆渡。\n"
    )
    assert texts(article.sections[0])[0].endswith("用行动护 了家园")


def test_a_banner_over_the_page_is_furniture() -> None:
    page = split(
        "水上交通 我们同行\n\n柳湾村摆渡人坚守渡口三十年风雨无阻\n\n“只要有人过河，我就在这里守着”\n\n"
        "□本报记者 何小满\n\n赵春生起得早。\n"
    )
    assert [item.kind for item in page.furniture] == ["banner"]
    assert page.articles[0].headline == "“只要有人过河，我就在这里守着”"


# Bylines


@pytest.mark.parametrize("byline", ["（记者 何小满）", "\n\n本报记者 何小满", "\n\n柳湾小学校长 何小满"])
def test_a_byline_at_the_end_closes_its_article(byline: str) -> None:
    page = split(
        f"菜市场搬进新棚\n\n老菜市场搬进了新棚，摊位增加了三十个。{byline}\n\n渡口添了一条新船\n\n"
        "本报讯（记者 赵春生） 新船可以坐三十人，票价仍是两元。\n"
    )
    assert [article.headline for article in page.articles] == ["菜市场搬进新棚", "渡口添了一条新船"]
    assert page.articles[0].byline == byline.strip()


def test_a_byline_beside_the_headline_is_no_part_of_it() -> None:
    article = only("渡口添了一条新船  本报记者 何小满\n\n新船可以坐三十人，票价仍是两元。\n")
    assert (article.headline, article.byline) == ("渡口添了一条新船", "本报记者 何小满")


def test_a_dateline_below_a_byline_opens_no_second_article() -> None:
    article = only("渡口添新船\n\n□本报记者 何小满\n\n本报讯 新船可以坐三十人。\n\n票价仍是两元。\n")
    assert article.headline == "渡口添新船"


def test_the_length_of_a_dateline_is_known_to_who_quotes_the_sentence() -> None:
    text = only("渡口添新船\n\n本报讯（记者 何小满） 新船昨天下水。\n").sections[0].paragraphs[0].text
    assert text[dateline_length(text) :] == "新船昨天下水。"


# What belongs to no article, or to another


def test_the_tail_of_an_unseen_article_gets_no_headline() -> None:
    page = split(
        "菜市场搬进新棚\n\n本报讯（记者 何小满） 老菜市场上周搬进了新棚。\n\n生健康服务的老人表示满意。\n\n"
        "渡口添了一条新船\n\n本报讯（记者 赵春生） 新船可以坐三十人。\n"
    )
    assert [article.headline for article in page.articles] == ["菜市场搬进新棚", None, "渡口添了一条新船"]


def test_a_paragraph_that_opens_with_an_unknown_name_stays_with_its_article() -> None:
    assert headlines(
        "菜市场搬进新棚\n\n本报讯（记者 何小满） 老菜市场上周搬进了新棚。\n\n泸湾区的居民说很方便。\n\n"
        "渡口添了一条新船\n\n本报讯（记者 赵春生） 新船可以坐三十人。\n"
    ) == ["菜市场搬进新棚", "渡口添了一条新船"]


def test_captions_above_the_headline_are_captions_of_the_article() -> None:
    (article,) = split(
        "\n\n\n\n村长赵春生(左)在渡口迎接新船\n\n\n\n乡亲们在岸边等候头班船\n\n渡口添新船\n\n——水上交通纪实\n\n"
        "□本报记者 何小满\n\n新船昨天下水，可以坐三十人。\n\n船是县里的船厂建造的。\n\n票价仍是两元。\n"
    ).articles
    assert article.headline == "渡口添新船"
    assert [(s.kind, texts(s)) for s in article.sections if s.kind == "captions"] == [
        ("captions", ["村长赵春生(左)在渡口迎接新船", "乡亲们在岸边等候头班船"])
    ]


def test_a_caption_inside_a_sentence_is_jumped_over() -> None:
    article = only(
        "渡口添新船\n\n□本报记者 何小满\n\n新船昨天下水，保护乡亲们过河安全\n\n\n\n"
        "乡亲们在岸边等候头班船\n\n有了保障。\n\n"
        "票价仍是两元。\n\n船是船厂建造的。\n\n早上六点开船。\n"
    )
    assert texts(article.sections[0])[0] == "新船昨天下水，保护乡亲们过河安全有了保障。"
    assert texts(article.sections[-1]) == ["乡亲们在岸边等候头班船"]


def test_advertisements_credits_and_small_ads_are_furniture() -> None:
    page = split(
        "渡口添新船\n\n本报讯（记者 何小满） 新船昨天下水。\n\n通讯员 赵春生 摄\n\n广告\n青石豆花\nGREENSTONE TOFU\n"
        "登报咨询电话:0101234567\n\n菜市场搬进新棚\n\n本报讯（记者 赵春生） 老菜市场搬进了新棚。\n"
    )
    assert [item.kind for item in page.furniture] == [
        "credit",
        "advertisement",
        "advertisement",
        "advertisement",
        "contact",
    ]
    assert [article.headline for article in page.articles] == ["渡口添新船", "菜市场搬进新棚"]


def test_a_telephone_number_in_a_notice_is_text() -> None:
    article = only("停水通知\n\n因修管道，明天上午停水三小时。\n\n联系电话：01012345678\n")
    assert texts(article.sections[0])[-1] == "联系电话：01012345678"


# Marks and formats


def test_a_heading_that_the_format_names_needs_no_mark() -> None:
    text = "老街修好了\n石板路修了三个月。\n西门大街\n西门大街还没有动工。\n"
    found = [Heading(0, 5, 1), Heading(text.index("西门"), text.index("西门") + 4, 2)]
    (article,) = split(text, *found).articles
    assert (article.headline, [section.heading for section in article.sections]) == ("老街修好了", [None, "西门大街"])


def test_the_name_of_a_paper_over_its_articles_is_a_masthead() -> None:
    page = split(
        "# 柳湾快讯\n\n## 菜市场搬进新棚\n\n记者 何小满\n\n老菜市场搬进了新棚。\n\n### 摊主说\n\n再也不用打伞了。\n\n"
        "## 渡口添新船\n\n记者 赵春生\n\n新船可以坐三十人。\n"
    )
    assert [item.kind for item in page.furniture] == ["masthead"]
    assert [article.headline for article in page.articles] == ["菜市场搬进新棚", "渡口添新船"]
    assert [section.heading for section in page.articles[0].sections] == [None, "摊主说"]


def test_a_heading_of_two_lines_is_one() -> None:
    text = "老街\n修好了\n\n石板路修了三个月。\n"
    (article,) = split(text, Heading(0, 6, 1)).articles
    assert article.headline == "老街修好了"


def test_an_unclosed_fence_hides_nothing() -> None:
    assert headlines("# 甲\n\n正文一句。\n\n```\n\n# 乙\n\n正文两句。\n") == ["甲", "乙"]


def test_front_matter_is_furniture() -> None:
    page = split("---\ntitle: x\n---\n\n# Guide\n\nIntro text here.\n")
    assert {item.kind for item in page.furniture} == {"front matter"}
    assert page.articles[0].headline == "Guide"


@pytest.mark.parametrize("text", ["", " \n\t\n", "\ufeff".strip("\ufeff"), "\r\n\r\n"])
def test_an_empty_page_has_no_articles(text: str) -> None:
    assert split(text) == Page((), ())


def test_a_text_without_a_title_is_an_article_without_a_headline() -> None:
    article = only("春天来了，公园里的花都开了。\n\n老人坐在长椅上晒太阳。\n")
    assert article.headline is None
    assert len(article.sections[0].paragraphs) == 2


# The sample pages, where the truth is at hand


@pytest.mark.skipif(not GOLD.exists(), reason="the gold folder isn't beside this checkout")
def test_headers_of_the_sample_pages_read_as_in_the_truth() -> None:
    def folded(text: str | None) -> str:
        return re.sub(r"[\s□—*]", "", text or "")

    for truth in gold():
        page = split_page(document(sample(truth["file"])))
        for found, true in zip(page.articles, truth["articles"], strict=True):
            assert folded(found.kicker) == folded(true["kicker"])
            assert folded(found.headline).lstrip("·") == folded(true["headline"]).lstrip("·")
            assert folded(found.subhead) == folded(true["subhead"])
            assert folded(found.byline) == folded(true["byline"]), true["article_id"]


# What holds on any text

LINES = st.sampled_from(
    [
        "渡口添了一条新船",
        "# 标题",
        "## 小标题",
        "●龙潭",
        "一、总则",
        "1.细则",
        "【说明】",
        "本报讯（记者 何小满） 新船昨天下水，可以坐三十人。",
        "□本报记者 何小满",
        "新船昨天下水，乡亲们都来看",
        "热闹得很。",
        "他说：“好。”",
        "图为新船下水。",
        "广告",
        "电话：0101234567",
        "----",
        "* * *",
        "===",
        "- 项目",
        "> 引文",
        "| 甲 | 乙 |",
        "```",
        "3月5日",
        "— 3 —",
        "By Jane Roe",
        "The ferry, which came back,",
        "is late.",
        "**粗体**",
        "[链接](http://example.org)",
        "东 门 大 街",
        "🎉开业",
        "",
        "",
        "\u3000\u3000",
    ]
)
TEXTS = st.one_of(
    st.lists(LINES, max_size=25).map("\n".join),
    st.lists(st.one_of(LINES, st.text(max_size=30)), max_size=12).map("\n".join),
    st.text(max_size=200),
)
MARKS = re.compile(r"\s|[*_#`~>|=●■□◆▲\-—–―·+【】〖〗\[\]()!]|[\u2500-\u27bf]")


@settings(max_examples=120, deadline=None)
@given(TEXTS)
def test_no_place_of_the_page_is_used_twice(text: str) -> None:
    places = [place for node in understand(blocks(text), (), text) for place in node.block.places]
    assert len(places) == len(set(places))
    assert all(0 <= place < len(text) for place in places)


@settings(max_examples=120, deadline=None)
@given(TEXTS)
def test_nothing_is_lost_but_blanks_marks_and_links(text: str) -> None:
    page = split(text)
    shown = "".join(text[item.start : item.end] for item in page.furniture)
    for article in page.articles:
        shown += "".join(filter(None, [article.kicker, article.headline, article.subhead, article.byline]))
        for section in article.sections:
            shown += section.heading or ""
            shown += "".join(paragraph.text for paragraph in section.paragraphs)
    without_links = re.sub(r"\]\((?:[^()\n]|\([^()\n]*\))*\)", "", text)
    without_fences = re.sub(r"(?m)^\s*(`{3,}|~{3,})[ \t]*[\w+.#-]*\s*$", "", without_links)
    assert Counter(MARKS.sub("", without_fences)) - Counter(MARKS.sub("", shown)) == Counter()


@settings(max_examples=120, deadline=None)
@given(TEXTS)
def test_pieces_give_back_the_text_from_the_page(text: str) -> None:
    for article in split(text).articles:
        assert 0 <= article.start <= article.end <= len(text)
        for section in article.sections:
            for paragraph in section.paragraphs:
                cut = "".join(text[piece.start : piece.end] for piece in paragraph.pieces)
                assert len(cut) == len(paragraph.text)
                assert [a if not b.isspace() else b for a, b in zip(paragraph.text, cut, strict=True)] == list(cut)
                assert paragraph.start < paragraph.end <= len(text)


@settings(max_examples=80, deadline=None)
@given(TEXTS)
def test_articles_follow_one_another_without_overlap(text: str) -> None:
    page = split(text)
    borders = [
        (article.start, article.end) for article in page.articles if any(s.kind == "text" for s in article.sections)
    ]
    assert borders == sorted(borders)
    assert all(a[1] <= b[0] for a, b in pairwise(borders))


@settings(max_examples=80, deadline=None)
@given(st.lists(LINES, max_size=25))
def test_windows_line_ends_change_places_only(lines: list[str]) -> None:
    def shape(line_end: str) -> object:
        page = split(line_end.join(lines))
        return [
            (a.kicker, a.headline, a.subhead, a.byline, [(s.heading, s.kind, texts(s)) for s in a.sections])
            for a in page.articles
        ], [item.kind for item in page.furniture]

    assert shape("\r\n") == shape("\n")


@settings(max_examples=50, deadline=None)
@given(TEXTS)
def test_a_page_is_always_split_alike(text: str) -> None:
    assert split(text) == split(text)


@given(st.lists(st.integers(0, 50), unique=True).map(sorted))
def test_pieces_are_the_fewest_slices(places: list[int]) -> None:
    found = pieces(places)
    assert [place for piece in found for place in range(piece.start, piece.end)] == places
    assert all(left.end < right.start for left, right in pairwise(found))
    assert pieces([]) == ()
    assert pieces([4, 5, 9]) == (Piece(4, 6), Piece(9, 10))


HOSTILE = {
    "names in brackets": "(记者 张三 李四 王五 ",
    "open brackets": "((((",
    "open wide brackets": "（记者 ",
    "stars": "**",
    "hashes": "#",
    "open links": "![",
    "half links": "[a](b",
    "blanks": "汉   ",
    "wide blanks": "汉　字\t",
    "one-letter words": "a b ",
    "quotes": "“",
    "bylines": "□本报记者 张三 通讯员 李四 \n\n",
    "lines of roles": "记者 " * 20 + "\n",
    "closed articles": "正文一句。（记者 张三）\n\n",
    "datelines": "标题\n\n本报讯（记者 张三） 正文一句话。\n\n",
    "contacts": "电话：1234567\n\n",
    "captions": "图为某人\n\n标题\n\n本报讯（记者 张三） 正文一句话。\n\n",
    "hard-wrapped": "这是一个没有完的句子里的一行字有二十字，\n",
    "one sentence": "没有标点的一句话",
    "underlines": "标题\n===\n",
    "carriage returns": "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳\r" * 4,
    "tails": "生健康和民生。\n\n",
}


@pytest.mark.timeout(200)  # a quadratic step would take hours; a second on an idle machine
@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_page_is_split_in_no_time(unit: str) -> None:
    size = 200_000 if "\n" not in unit else 50_000
    text = (unit * (size // len(unit) + 1))[:size]
    page = split(text)
    for article in page.articles:
        for _, passages in split_article(text, article):
            assert all(len(passage.text) <= 400 for passage in passages)
