"""Dates of articles: every printed form, every place where one may stand, and what is no date."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_corpora import TERMS, PairEmbedder, write

from qa.articles import Dated, article_dates
from qa.articles.assemble import split_page
from qa.articles.printed_dates import number, printed_dates, spelt_plainly
from qa.bot import Bot
from qa.config import Settings
from qa.filters import Filters, days
from qa.indexing import index
from qa.reading import parse
from qa.store import Store
from qa.timeline import Month, timeline

BODY = "柳湾渡口的新船下水了。新船可以坐三十人，由县里的船厂建造，票价仍是两元，老人和学生免费。"


def dated(text: str, file: str = "page.txt") -> list[tuple[str, str] | None]:
    found = split_page(parse(file, text.encode())).articles
    assert found
    return [(article.dated.date, article.dated.source) if article.dated else None for article in found]


def printed(text: str, *, republic: bool = False) -> list[str | None]:
    return [found.iso if found else None for found in printed_dates(spelt_plainly(text), republic=republic)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020年3月8日", ["2020-03-08"]),
        ("2020 年 3 月 8 日", ["2020-03-08"]),
        ("２０２０年０３月０８日", ["2020-03-08"]),
        ("2020年3月8号", ["2020-03-08"]),
        ("二〇二〇年三月八日", ["2020-03-08"]),
        ("二○二○年三月八日", ["2020-03-08"]),
        ("二零二零年十二月三十一日", ["2020-12-31"]),
        ("一九三七年七月", ["1937-07"]),
        ("1937年7月份", ["1937-07"]),
        ("一九三七年", ["1937"]),
        ("民国二十六年七月七日", ["1937-07-07"]),
        ("中華民國廿六年七月七日", ["1937-07-07"]),
        ("民國卅七年十月卅一日", ["1948-10-31"]),
        ("民国三七年一月一日", ["1948-01-01"]),
        ("民國元年一月一日", ["1912-01-01"]),
        ("民国26年7月7日", ["1937-07-07"]),
        ("中華民國一一〇年三月八日", ["2021-03-08"]),
        ("中華民國一百零九年三月八日", ["2020-03-08"]),
        ("昭和十二年七月八日（木曜日）", ["1937-07-08"]),
        ("昭和64年1月7日", ["1989-01-07"]),
        ("令和元年5月1日", ["2019-05-01"]),
        ("令和2年3月8日（日）", ["2020-03-08"]),
        ("平成31年4月30日", ["2019-04-30"]),
        ("西曆一九三七年七月八日", ["1937-07-08"]),
        ("2020-03-08", ["2020-03-08"]),
        ("2020/3/8", ["2020-03-08"]),
        ("2020.03.08", ["2020-03-08"]),
        ("2020-03", ["2020-03"]),
        ("March 3, 2026", ["2026-03-03"]),
        ("Tuesday, March 3, 2026", ["2026-03-03"]),
        ("3 March 2026", ["2026-03-03"]),
        ("Mar. 3rd 2026", ["2026-03-03"]),
        ("SEPT 3 1945", ["1945-09-03"]),
        ("2020年3月8日 星期日", ["2020-03-08"]),
        ("星期日 2020年3月8日", ["2020-03-08"]),
        ("2020年3月1日至2021年4月2日", ["2020-03-01", "2021-04-02"]),
        # What can't be is no date.
        ("2020年2月30日", [None]),
        ("2021年2月29日", [None]),
        ("2020年13月1日", [None]),
        ("2020年3月8日 星期一", [None]),
        ("Monday, March 3, 2026", [None]),
        ("1700年1月1日", [None]),
        # What isn't told, or is of another calendar, is left aside.
        ("廿六年七月七日", []),
        ("26年7月7日", []),
        ("大正二十年一月一日", []),
        ("农历二〇二〇年二月十五日", []),
        ("光緒三十四年十月廿一日", []),
        ("宣统三年八月十九日", []),
        ("03/08/2020", []),
        ("12020年3月8日", []),
        ("3月8日", []),
        ("二十年来", []),
        ("May 2020", []),
        ("1.2020.3.8", []),
        ("电话2020-03-0812", []),
    ],
)
def test_dates_are_read_as_they_are_printed(text: str, expected: list[str | None]) -> None:
    assert printed(text) == expected


def test_years_without_an_era_are_the_republics_where_the_page_says_so() -> None:
    assert printed("廿六年七月七日", republic=True) == ["1937-07-07"]
    assert printed("26年7月7日", republic=True) == ["1937-07-07"]


CHINESE = "〇一二三四五六七八九"


def chinese(value: int) -> str:
    tens, ones = divmod(value, 10)
    return f"{CHINESE[tens] if tens > 1 else ''}{'十' if tens else ''}{CHINESE[ones] if ones or not tens else ''}"


@given(st.dates(date(1912, 1, 1), date(2099, 12, 31)))
def test_every_day_is_read_in_every_form(day: date) -> None:
    year, month, number_ = day.year, day.month, day.day
    weekday = "一二三四五六日"[day.weekday()]
    forms = [
        f"{year}年{month}月{number_}日",
        f"{''.join(CHINESE[int(digit)] for digit in str(year))}年{chinese(month)}月{chinese(number_)}日 星期{weekday}",
        f"民國{chinese(year - 1911) if year < 2011 else year - 1911}年{chinese(month)}月{chinese(number_)}日",
        f"{day:%A}, {day:%B} {number_}, {year}",
        f"{number_} {day:%b} {year}",
        day.isoformat(),
        f"{year}.{month}.{number_}",
    ]
    for form in forms:
        assert printed(form) == [day.isoformat()], form
    wrong = "一二三四五六日"[(day + timedelta(days=1)).weekday()]
    assert printed(f"{year}年{month}月{number_}日 星期{wrong}") == [None]


@given(st.integers(1, 399))
def test_chinese_numerals_have_their_worth(value: int) -> None:
    hundreds, rest = divmod(value, 100)
    zero = "零" if hundreds and 0 < rest < 10 else ""
    tail = chinese(rest) if rest else ""
    if hundreds and 10 <= rest < 20:
        tail = f"一{tail}"
    assert number(f"{f'{CHINESE[hundreds]}百' if hundreds else ''}{zero}{tail}") == value


# -- where a date stands --


def test_a_dateline_dates_its_article() -> None:
    assert dated(f"新船下水\n\n新华社北京2020年3月8日电（记者 何小满）{BODY}") == [("2020-03-08", "dateline")]
    assert dated(f"New boat\n\nBEIJING, March 8, 2020 (Xinhua) — The new boat has been launched. {BODY}") == [
        ("2020-03-08", "dateline")
    ]
    assert dated(f"新船下水\n\n{BODY}（新华社柳湾2020年3月8日电）") == [("2020-03-08", "dateline")]


@pytest.mark.parametrize(
    ("top", "dateline", "expected"),
    [
        ("2020年3月8日 星期日 第3版", "新华社柳湾3月7日电（记者 何小满）", "2020-03-07"),
        ("2020年3月8日 星期日 第3版", "（中央社記者李玉梅臺南7日電）", "2020-03-07"),
        ("2020年3月1日 星期日 第3版", "新华社柳湾29日电", "2020-02-29"),
        ("2020年1月1日 星期三 第3版", "新华社柳湾12月31日电", "2019-12-31"),
        ("2020年1月1日 星期三 第3版", "新华社柳湾31日电", "2019-12-31"),
        ("中華民國二十六年七月八日 星期四 第三版", "中央社北平七日電", "1937-07-07"),
    ],
)
def test_a_dateline_without_a_year_takes_the_last_such_day_before_the_pages(
    top: str, dateline: str, expected: str
) -> None:
    assert dated(f"柳湾日报\n\n{top}\n\n新船下水\n\n{dateline}{BODY}")[-1] == (expected, "dateline")


def test_a_dateline_without_a_year_stays_undated_where_nothing_tells_it() -> None:
    text = f"新船下水\n\n新华社柳湾3月7日电（记者 何小满）{BODY}"
    assert dated(text) == [None]
    assert dated(text, "2020/a.txt") == [("2020-03-07", "dateline")]
    assert dated(text, "20200308.txt") == [("2020-03-07", "dateline")]
    assert dated(text.replace("3月7日", "12月31日"), "2020/a.txt") == [("2020", "file name")]
    assert dated(text, "2020-05.txt") == [("2020-05", "file name")]


def test_the_pages_date_is_that_of_all_its_articles() -> None:
    articles = f"新船下水\n\n本报讯（记者 何小满）{BODY}\n\n图书馆换灯\n\n本报讯（记者 赵春生）{BODY}\n"
    page = f"柳湾日报\n\n2020年3月8日 星期日 第3版\n\n{articles}"
    assert dated(page) == [("2020-03-08", "page"), ("2020-03-08", "page")]
    assert dated(page, "2019-01-01.txt") == [("2020-03-08", "page"), ("2020-03-08", "page")]


@pytest.mark.parametrize(
    "top",
    [
        "2020年3月8日 星期日\n\n2020年3月9日 星期一",
        "2020年3月8日 星期一",
        "创刊于1949年3月8日",
        "2020年2月30日",
    ],
)
def test_a_page_that_contradicts_itself_has_no_date(top: str) -> None:
    assert dated(f"柳湾日报\n\n{top}\n\n新船下水\n\n本报讯（记者 何小满）{BODY}") == [None]


def test_a_dateline_later_than_its_page_is_not_believed() -> None:
    page = "柳湾日报\n\n2020年3月8日 星期日\n\n新船下水\n\n新华社柳湾2021年3月7日电（记者 何小满）"
    assert dated(page + BODY) == [None]


def test_the_line_below_the_headline_dates_an_article() -> None:
    for line in (
        "发布时间：2020-03-08 10:20　来源：柳湾日报",
        "2020年03月08日 10:20 来源：柳湾日报",
        "日期：2020.3.8",
        "（2020年3月8日）",
        "2020年3月8日 星期日",
    ):
        assert dated(f"新船下水\n\n{line}\n\n{BODY}\n\n{BODY}") == [("2020-03-08", "header")], line
    assert dated(f"New boat\n\nPublished: March 8, 2020\n\n{BODY}\n\n{BODY}") == [("2020-03-08", "header")]


def test_a_date_in_the_text_is_not_the_articles() -> None:
    for text in (
        f"新船下水\n\n2020年3月8日，{BODY}",
        f"新船下水\n\n{BODY}\n\n这是1949年10月1日以来的第一次。",
        f"新船下水\n\n{BODY}\n\n2020年3月8日上午的会上，大家都说好。",
        f"2020年初\n\n{BODY}",
        f"广告\n\n有效期至2020年3月8日\n\n新船下水\n\n{BODY}",
    ):
        assert dated(text)[-1] is None, text


def test_a_notice_is_dated_by_its_last_line_if_nothing_else_dates_it() -> None:
    text = f"放假通知\n\n各部门：\n\n{BODY}\n\n{BODY}\n\n办公室\n\n二〇二〇年一月十五日"
    assert dated(text) == [("2020-01-15", "signature")]
    assert dated(text, "20200120.txt") == [("2020-01-15", "signature")]


def test_front_matter_wins_and_is_no_article() -> None:
    for key in ("date: 2020-03-08T10:00:00+08:00", 'date: "2020-03-08"', "日期: 2020年3月8日", "pubdate = 2020-03-08"):
        text = f"---\ntitle: 新船\n{key}\ntags: [a]\n---\n\n# 新船下水\n\n新华社北京2019年1月1日电 {BODY}\n"
        page = split_page(parse("a.md", text.encode()))
        assert [article.headline for article in page.articles] == ["新船下水"]
        assert page.articles[0].dated == Dated("2020-03-08", "front matter"), key


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("20200308.txt", "2020-03-08"),
        ("rmrb20200308-03.txt", "2020-03-08"),
        ("人民日报20200308.txt", "2020-03-08"),
        ("2020-03-08.txt", "2020-03-08"),
        ("2020_03_08 第3版.txt", "2020-03-08"),
        ("2020.3.8.txt", "2020-03-08"),
        ("2020年3月8日.txt", "2020-03-08"),
        ("民国26年7月8日.txt", "1937-07-08"),
        ("民國二十六年/07.txt", "1937"),
        ("申报/民国廿六年七月八日.txt", "1937-07-08"),
        ("2020/03/08/01.txt", "2020-03-08"),
        ("2020/03/01.txt", "2020-03"),
        ("2020/2020-03-08.txt", "2020-03-08"),
        ("人民日报/2020/01.txt", "2020"),
        ("2020-03.txt", "2020-03"),
        ("昭和12年7月8日.txt", "1937-07-08"),
        # None, rather than a guess.
        ("2020-03-01_2020-03-31.txt", None),
        ("2019/2020-03-08.txt", None),
        ("20200230.txt", None),
        ("200308.txt", None),
        ("2020.txt", None),
        ("report2020.txt", None),
        ("12020030812.txt", None),
        ("000_7bc1ad36ebfe02b7.txt", None),
        ("a1b20200308c.txt", None),
        ("photo-20201399.txt", None),
        ("3月8日.txt", None),
        ("page.txt", None),
    ],
)
def test_a_files_name_dates_what_nothing_else_does(file: str, expected: str | None) -> None:
    assert dated(f"新船下水\n\n{BODY}", file) == [(expected, "file name") if expected else None]


def test_the_sample_pages_tell_no_date_and_get_none() -> None:
    pages = sorted((Path(__file__).parents[1] / "seeds").glob("*.txt"))
    assert len(pages) == 5
    for page in pages:
        split = split_page(parse(page.name, page.read_bytes()))
        assert [article.dated for article in split.articles] == [None] * len(split.articles)


PIECES = "二〇年月日 0123456789-./民国廿电新华社(（:：\n本报讯a星期"


@given(st.text(st.sampled_from(PIECES), max_size=200), st.integers(0, 200))
def test_any_text_has_a_date_or_none(text: str, cut: int) -> None:
    start, end = sorted((min(cut, len(text)), len(text)))
    found = article_dates("a.txt", text, [(start, end, text[start : start + 3] or None)], [(0, start, "masthead")])
    assert len(found) == 1
    if found[0] is not None:
        first, last = days(found[0].date)
        assert first <= last


# -- stored and searched --


def test_articles_are_found_by_their_days(tmp_path: Path) -> None:
    text = "# 第{0}号通讯\n\n第{0}街道登记了{0}00名志愿者。" + BODY
    files = {f"2020-03-{day:02}.md": text.format(day) for day in range(1, 6)}
    write(tmp_path / "articles", files | {"undated.md": f"# 无日期通讯\n\n某街道登记了7名志愿者。{BODY}"})
    with Store(tmp_path / "data") as store:
        index(store, [tmp_path / "articles"], PairEmbedder(), TERMS)
        bot = Bot(Settings(data=tmp_path / "data"), store, PairEmbedder(), TERMS)
        question = "街道登记了多少名志愿者？"

        def dates(**filters: str) -> set[str | None]:
            record = bot.ask(question, filters=Filters.read(filters), top_k=50)
            return {passage["source"]["date"] for passage in record["passages"]}

        assert dates() == {*(f"2020-03-{day:02}" for day in range(1, 6)), None}
        assert dates(since="2020-03-03") == {"2020-03-03", "2020-03-04", "2020-03-05"}
        assert dates(since="2020-03-02", until="2020-03-03") == {"2020-03-02", "2020-03-03"}
        assert dates(since="2020-03-04", until="2020-03-04") == {"2020-03-04"}
        assert dates(until="2019") == set()
        months = bot.timeline(question)
        assert [(month.month, month.articles) for month in months] == [("2020-03", 5), (None, 1)]
        assert bot.timeline(question, filters=Filters.read({"since": "2020-03-05"})) == [Month("2020-03", 1, 1)]


def test_a_timeline_counts_articles_and_passages_by_month() -> None:
    hits = [(1, "2020-03-08"), (1, "2020-03-08"), (2, "2020-03"), (3, None), (4, "2020"), (5, "1937-07-07")]
    assert timeline(hits) == [
        Month("1937-07", 1, 1),
        Month("2020", 1, 1),
        Month("2020-03", 2, 3),
        Month(None, 1, 1),
    ]
    assert timeline([]) == []
