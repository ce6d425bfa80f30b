"""Each cue on lines that have it and on lines that only look like it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qa.articles import cues, dateline_length

Cue = Callable[[str], object]


def check(cue: Cue, yes: list[str], no: list[str]) -> None:
    assert [text for text in yes if not cue(text)] == []
    assert [text for text in no if cue(text)] == []


def test_a_sentence_ends_with_its_mark_whatever_closes_behind_it() -> None:
    check(
        cues.ends_sentence,
        [
            "好。",
            "好！”",
            "“好。”",
            "真的吗？",
            "Done.",
            "He left.”",
            "他走了……",
            "全文到此。（完）",
            "好。■",
            "（见上文。）",
        ],
        ["好", "好，", "石桥修好了；", "说：", "v1.2", "（完", "", "。的"],
    )


def test_a_byline_names_who_wrote_and_nothing_else() -> None:
    check(
        cues.is_byline,
        [
            "□本报记者 何小满 通讯员 赵春生",
            "本报记者 何小满",
            "记者 何小满 摄影报道",
            "（记者 何小满）",
            "文/何小满",
            "記者王小明／臺北報導",
            "〔記者陳大文／臺中報導〕",
            "（中央社記者李玉梅臺南3日電）",
            "By Jane Roe",
            "BY JOHN HILL AND MARY STONE",
            "Staff Reporter",
        ],
        [
            "记者节座谈会召开",
            "记者走访了多家超市。",
            "何小满",
            "By the river the boats were waiting.",
            "本报讯（记者 何小满） 新船下水。",
            "何小满 摄",
        ],
    )


def test_a_credit_is_the_photographers() -> None:
    check(
        cues.is_credit,
        ["何小满 摄", "通讯员 何小满 摄", "（何小满 摄）", "何小满/图", "Photo by Jane Roe", "（图片由村委会提供）"],
        ["何小满 摄影报道了这件事", "摄影展开幕", "本报记者 何小满"],
    )


@pytest.mark.parametrize(
    ("text", "dateline"),
    [
        ("本报讯（记者 何小满） 新船下水。", "本报讯（记者 何小满） "),
        ("本报讯 新船下水。", "本报讯 "),
        ("（记者 何小满）新船下水。", "（记者 何小满）"),
        ("新华社柳湾3月5日电（记者 何小满）新船下水。", "新华社柳湾3月5日电（记者 何小满）"),
        ("中新网3月5日电 新船下水。", "中新网3月5日电 "),
        ("〔記者陳大文／臺中報導〕新船下水。", "〔記者陳大文／臺中報導〕"),
        ("HARBOUR CITY, March 3 — The ferry is back.", "HARBOUR CITY, March 3 — "),
        ("新船下水。", ""),
        ("（见图）新船下水。", ""),
        ("A ferry — the island's only one — is back.", ""),
    ],
)
def test_a_dateline_runs_into_the_text(text: str, dateline: str) -> None:
    assert text[: dateline_length(text)] == dateline


def test_a_reporters_name_in_brackets_may_end_a_paragraph() -> None:
    text = "新船昨天下水。（记者 何小满）"
    start = cues.end_reporters_start(text)
    assert start is not None
    assert text[start:] == "（记者 何小满）"
    assert cues.end_reporters_start("新船昨天下水（见图）。") is None
    assert cues.end_reporters_start("（记者 何小满）") is None


def test_a_signature_is_a_post_and_a_name() -> None:
    check(
        cues.is_signature,
        ["柳湾小学校长 何小满", "县文化馆馆员 赵春", "青石镇党委书记 欧阳春生"],
        ["柳湾小学 迎来新生", "新校长 上任第一天", "职工之家 喜添装备", "赵春"],
    )


def test_furniture_is_told_by_its_words() -> None:
    check(
        cues.is_imprint,
        [
            "责任编辑：何小满",
            "（责任编辑：何小满）",
            "本版编辑 何小满 美编 赵春",
            "（下转第二版）",
            "第3版",
            "2026年3月5日 星期四",
            "Tuesday, March 3, 2026",
            "国内统一刊号：CN11-0000",
            "零售每份1元",
            "— 12 —",
        ],
        [
            "编辑部搬家了",
            "发行量创新高",
            "版权意识进校园",
            "订阅数突破一万",
            "编辑手记",
            "第三版石桥图纸公布",
            "2026年，新船下水",
        ],
    )


def test_a_folio_is_a_page_number_and_nothing_else() -> None:
    check(
        cues.is_folio, ["3", "- 3 -", "第3页", "第3页 共10页", "Page 3 of 10"], ["3月", "第三章", "3.5", "12345", "A3"]
    )


def test_a_contact_line_tells_where_to_ring_or_write() -> None:
    check(
        cues.is_contact,
        ["联系电话:01012345678", "投稿邮箱：news@example.org", "地址：青石镇老街十八号", "Hotline: 555-0100"],
        ["电话铃响了", "热线开通一周年", "地址变更引发争议"],
    )


def test_a_rule_is_made_of_marks() -> None:
    check(
        cues.is_rule,
        ["----", "* * *", "————", "|---|:--|", "＊＊＊", "===="],
        ["--", "第一节", "a-b-c", "……", "一一一", "***好***"],
    )


def test_captions_describe_pictures() -> None:
    check(
        cues.is_caption,
        ["村长何小满(左)在渡口", "图为新船下水", "上图：老船", "▲乡亲们在岸边", "（资料图片）石桥"],
        ["左岸咖啡开业", "图书馆开馆", "图们江边的村庄"],
    )
    check(
        cues.is_caption_sentence,
        ["图为新船下水时的情景。", "新船昨天下水。 何小满 摄", "上图为老街。"],
        ["图书馆昨天开馆。", "他爱好摄影。", "村里建起了图片社。"],
    )


def test_numbers_of_headings_have_styles() -> None:
    assert [
        (cues.numbering(text) or ("", 0))[0]
        for text in [
            "一、提高认识",
            "（一）定期检查",
            "1.检查电路",
            "第二章 物产",
            "1.5万元",
            "一天",
            "（见图）",
            "3月5日",
        ]
    ] == ["han", "parenthesised", "arabic", "chapter", "", "", "", ""]


def test_a_date_alone_heads_a_diary() -> None:
    check(
        cues.is_date_heading,
        ["3月5日", "2026年3月5日", "三月五日 星期四", "3月5日 晴", "二〇二六年三月五日"],
        ["3月5日，新船下水", "3月5日下水的新船", "十五日"],
    )


def test_a_sentence_broken_at_a_column_goes_on() -> None:
    assert cues.continues("工会干部积极参与防", "疫工作")
    assert cues.continues("他提到，", "今后还要多办")
    assert cues.continues("积极参与社区的", "值守工作")
    assert cues.continues("新船可以坐", "，票价两元")
    assert cues.continues("the old library, which", "floods every spring")
    assert not cues.continues("老街修复完工", "春天来了，公园里的花都开了。")
    assert not cues.continues("", "好")


def test_a_paragraph_may_open_with_half_a_word() -> None:
    check(
        cues.opens_in_word,
        ["务工作者们也表示赞成。", "生健康工作得到关心。", "，票价仍是两元。"],
        [
            "春天来了。",
            "他说。",
            "在渡口，新船下水。",
            "平湖区的居民说。",
            "泸州市新建了石桥。",
            "約有三千人入館。",
            "The ferry is back.",
        ],
    )


def test_a_line_may_read_like_the_beginning_of_a_sentence() -> None:
    check(
        cues.is_fragment, ["据了解，今年的新船", "此外", "为了解决用水"], ["新船下水", "“再苦再累，也值得”", "为何修桥"]
    )


def test_labels_with_values_are_fields() -> None:
    check(
        cues.is_field,
        ["时间：三月五日", "地 点：会议室", "Place: hall"],
        ["时间", "他在会上高兴地对大家这样说：", "：空"],
    )


def test_an_underline_makes_a_heading() -> None:
    assert [cues.underlines(text) for text in ["====", "---", "--", "=-=", "* * *"]] == [1, 2, 0, 0, 0]
