"""How a page is told as JSON: every field by its name, and none beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qa.articles import Article, Dated, Furniture, Page, Paragraph, Piece, Section
from qa.passages import Passage
from qa.reading import Document
from qa.store import SplitPage, Store
from qa.store.structure import article_structure, page_structure

TEXT = "报头\n眉题\n标题\n副题\n记者 张三\n第一段。第二段。\n栏\n第三段。\n短讯\n页码"


def span(part: str) -> tuple[int, int]:
    start = TEXT.index(part)
    return start, start + len(part)


def passage(part: str) -> Passage:
    return Passage(*span(part), part, (Piece(*span(part)),))


def section(heading: str | None, part: str, kind: str) -> Section:
    return Section(heading, *span(part), (Paragraph(part, (Piece(*span(part)),)),), kind)


@pytest.fixture
def split() -> SplitPage:
    first = Article(
        "眉题",
        "标题",
        "副题",
        "记者 张三",
        span("眉题")[0],
        span("第三段。")[1],
        (section(None, "第一段。第二段。", "prose"), section("栏", "第三段。", "list")),
        Dated("2020-02-03", "headline"),
    )
    second = Article(None, None, None, None, *span("短讯"), (section(None, "短讯", "prose"),))
    furniture = (
        Furniture(*span("报头"), "masthead"),
        Furniture(*span("栏"), "rubric"),
        Furniture(*span("页码"), "folio"),
    )
    passages = ((passage("第一段。"), passage("第二段。")), (passage("第三段。"),), (passage("短讯"),))
    document = Document("a/b.txt", TEXT, "gb18030", "txt", "0" * 64, (), "a note")
    return SplitPage(document, Page((first, second), furniture), passages, "1.1")


FIRST = {
    "headline": "标题",
    "kicker": "眉题",
    "subhead": "副题",
    "byline": "记者 张三",
    "date": "2020-02-03",
    "date_source": "headline",
    "start": 3,
    "end": 33,
}
SECOND = {
    "headline": None,
    "kicker": None,
    "subhead": None,
    "byline": None,
    "date": None,
    "date_source": None,
    "start": 34,
    "end": 36,
}
SECTIONS: list[dict[str, Any]] = [
    {
        "heading": None,
        "start": 18,
        "end": 26,
        "passages": [{"start": 18, "end": 22, "text": "第一段。"}, {"start": 22, "end": 26, "text": "第二段。"}],
    },
    {"heading": "栏", "start": 29, "end": 33, "passages": [{"start": 29, "end": 33, "text": "第三段。"}]},
]
SHORT: list[dict[str, Any]] = [
    {"heading": None, "start": 34, "end": 36, "passages": [{"start": 34, "end": 36, "text": "短讯"}]}
]
MASTHEAD = {"start": 0, "end": 2, "kind": "masthead"}
RUBRIC = {"start": 27, "end": 28, "kind": "rubric"}
FOLIO = {"start": 37, "end": 39, "kind": "folio"}


def test_a_page_is_told_with_its_articles_and_furniture(split: SplitPage) -> None:
    expected = {
        "file": "a/b.txt",
        "encoding": "gb18030",
        "chars": 39,
        "articles": [{**FIRST, "sections": SECTIONS}, {**SECOND, "sections": SHORT}],
        "furniture": [MASTHEAD, RUBRIC, FOLIO],
    }
    told = page_structure(split)
    assert told == expected
    # The order of fields too: it is what people see first.
    assert json.dumps(told) == json.dumps(expected)


def test_a_stored_article_is_told_with_its_id_its_kinds_and_what_stands_in_its_span(
    split: SplitPage, tmp_path: Path
) -> None:
    with Store(tmp_path) as store:
        with store.writer() as writer:
            writer.put(split, "root")
        articles = [store.article(line.id) for line in store.articles()]
    kinds = ["prose", "list"]
    told = [{"heading": each["heading"], "kind": kind, **each} for each, kind in zip(SECTIONS, kinds, strict=True)]
    short = [{"heading": None, "kind": "prose", **SHORT[0]}]
    assert all(articles)
    first, second = (article for article in articles if article)
    expected = [
        {"id": first.id, "file": "a/b.txt", **FIRST, "sections": told, "furniture": [RUBRIC]},
        {"id": second.id, "file": "a/b.txt", **SECOND, "sections": short, "furniture": []},
    ]
    assert json.dumps([article_structure(first), article_structure(second)]) == json.dumps(expected)
