"""What is shown: every text escaped, every mark where the offsets say, in all languages."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import dataclasses
import itertools
import re
import string
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from starlette.testclient import TestClient
from web_fixtures import PAYLOADS, Page, app, bot, client

from qa.articles import Piece, shown_spans
from qa.bot import Bot
from qa.reading import Document
from qa.store import ArticleLine, StoredArticle, StoredFile, StoredPassage, StoredSection
from qa.web import page_view, render
from qa.web.article_page import page, parse_spans, repairs
from qa.web.examples import Source, counting_question, example_questions
from qa.web.export import source_line
from qa.web.timeline import timeline
from qa.web.words import EN, LANGUAGES, ZH, ZH_HANT, Words, choose

MESSAGES = Path(__file__).parent / "messages"
TEXTS = st.text() | st.sampled_from(PAYLOADS) | st.text(alphabet="<>&\"'/ \n\r\t`*_[]$\\ab1")


@st.composite
def originals(draw: st.DrawFn) -> tuple[str, tuple[Piece, ...], list[tuple[int, int]]]:
    """A text, slices of it in order, and some spans of it."""
    text = draw(st.text(alphabet="甲乙丙丁 <&\n", min_size=1, max_size=60))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), min_size=2)) | {0}) if len(text) > 1 else [0, len(text)]
    pieces = tuple(Piece(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False))
    places = st.integers(0, len(text))
    return text, pieces, draw(st.lists(st.tuples(places, places), max_size=4))


def record(passages: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    return {
        "id": None,
        "question": "发了多少口罩？",
        "status": "answered",
        "answer": "8000个",
        "confidence": 0.934,
        "searched_as": "发了多少口罩？",
        "passages": passages,
        "trace_id": "t",
        "elapsed_ms": 8.7,
    } | changes


def passage(text: str, highlights: list[tuple[int, int]], **source: Any) -> dict[str, Any]:
    return {
        "rank": 1,
        "score": 0.9,
        "text": text,
        "source": {"file": "a.txt", "article": "标题", "article_id": 7, "section": None, "start": 0, "end": len(text)}
        | source,
        "highlights": [{"start": start, "end": end} for start, end in highlights],
        "why": {"terms": ["口罩"], "lexical_rank": 1, "dense_rank": None, "fused_score": 0.9},
    }


def whole(found: render.Record) -> list[Piece]:
    return [Piece(0, len(found["text"]))]


def stored(text: str, pieces: tuple[Piece, ...], **changes: Any) -> StoredArticle:
    names = {"headline": "标题", "kicker": None, "subhead": None, "byline": None} | {
        name: changes.pop(name) for name in ("headline", "kicker", "subhead", "byline") if name in changes
    }
    heading, kind = changes.pop("heading", None), changes.pop("kind", "text")
    shown = "".join(text[piece.start : piece.end] for piece in pieces)
    found = StoredPassage(
        id=1, article_id=7, file="a.txt", section=heading, start=0, end=len(text), text=shown, pieces=pieces, **names
    )
    return StoredArticle(
        id=7,
        file=StoredFile(1, "a.txt", "seeds", "", "utf-8", None, "txt", len(text), "1", 0),
        start=0,
        end=len(text),
        text=text,
        sections=(StoredSection(heading, 0, len(text), kind, (found,)),),
        furniture=(),
        **names,
    )


def line(number: int, headline: str | None) -> ArticleLine:
    return ArticleLine(number, "a.txt", headline, None, None, "记者 甲", 0, 9, 1, 1)


def told() -> dict[str, dict[str, Any]]:
    """Records of every kind, with everything that a message may show; two passages, the second told elsewhere too."""
    text = "街道发了8000个口罩。\n社区又买了<500>个。"
    other = {"file": "b.txt", "article": None, "article_id": 9, "section": None, "start": 3, "end": 20}
    first = passage(text, [(0, 12)], section="防疫", date="2020-02-05") | {"answer_span": {"start": 4, "end": 9}}
    second = passage("另报：口罩8000个。", [], date="2020-02") | {
        "rank": 2,
        "why": {"terms": [], "lexical_rank": None, "dense_rank": 4, "fused_score": 0.456},
        "also": [{"rank": 3, "source": other}],
    }
    generated = {"text": "发了8000个[1]，别处也说[2]，还有[7]。", "model": "m<1>", "error": None}
    gathered = [{"text": "8000个", "rank": 1, "highlights": [{"start": 4, "end": 9}]}]
    changes = {"searched_as": "街道发了多少口罩？", "generated": generated, "gathered": gathered}
    return {
        "answered": record([first, second], **changes, searched_in={"passages": 12}),
        "unsure": record([first], answer="街" * 90, confidence=0.05, generated=generated | {"error": "LLM_TIMEOUT"}),
        "possible": record(
            [second], status="possible", answer=None, generated=generated | {"text": None, "error": "E"}
        ),
        "not_found": record(
            [second], status="not_found", answer=None, missing_terms=["<天坛>", "月亮"], elapsed_ms=0.2
        ),
    }


# Whole messages


@pytest.mark.parametrize("name", ["answered", "unsure", "possible", "not_found"])
def test_a_message_is_as_in_the_file(name: str) -> None:
    """The files are read by people when they change: one that is deleted is written anew, and fails once."""
    found = render.answer(
        told()[name],
        EN,
        83,
        whole,
        ["发了多少<手套>？"] if name == "not_found" else (),
        is_judged=name in {"answered", "unsure"},
        is_writing=name == "unsure",
    )
    shown = re.sub(r"(?<=.)(?=<(?!/))", "\n", found) + "\n"
    file = MESSAGES / f"{name}.html"
    if not file.exists():
        file.write_text(shown, encoding="utf-8", newline="\n")
        pytest.fail(f"{file.name} was written: read it")
    assert shown.splitlines() == file.read_text(encoding="utf-8").splitlines()


# Marks


def test_spans_of_the_original_are_found_in_the_shown_text_by_hand() -> None:
    # Original "abc  def  ghi", shown "abcdefghi": "c  de" is shown as "cde", places 2 to 5.
    pieces = (Piece(0, 3), Piece(5, 8), Piece(10, 13))
    assert shown_spans(pieces, [(2, 7)]) == [(2, 5)]
    assert shown_spans(pieces, [(3, 5)]) == []
    assert shown_spans(pieces, [(10, 99), (0, 1)]) == [(0, 1), (6, 9)]


@given(originals())
def test_marks_hold_exactly_the_characters_of_their_spans(
    case: tuple[str, tuple[Piece, ...], list[tuple[int, int]]],
) -> None:
    text, pieces, spans = case
    places = [place for piece in pieces for place in range(piece.start, piece.end)]
    shown = "".join(text[place] for place in places)
    wanted = [place for place in places if any(start <= place < end for start, end in spans)]
    found = shown_spans(pieces, spans)
    assert [places[at] for start, end in found for at in range(start, end)] == wanted
    assert all(before[1] < after[0] for before, after in itertools.pairwise(found))
    parsed = Page(render.marked(shown, found))
    assert parsed.text == shown
    assert parsed.marks == [shown[start:end] for start, end in found]


@given(TEXTS)
def test_marking_escapes_whatever_the_text_is(text: str) -> None:
    assert Page(render.marked(text, [])).tags == []


# Messages of the chat


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
@given(text=TEXTS)
def test_a_message_is_one_html_block_that_markdown_leaves_as_it_is(words: Words, text: str) -> None:
    passages = [passage(text, [(0, 3)], article=text, section=text, file=text), passage(text, [])]
    full = record(passages, answer=text, question=text, searched_as=text + "?")
    markdown = MarkdownIt("commonmark")
    for message in (
        render.answer(full, words, 83, whole),
        render.answer(full | {"status": "not_found", "answer": None}, words, 83, whole),
        render.question(text),
        render.note(text),
    ):
        assert [token.type for token in markdown.parse(message)] == ["html_block"]
        assert {tag for tag, _ in Page(message).tags} <= {
            "div",
            "p",
            "span",
            "a",
            "b",
            "mark",
            "kbd",
            "q",
            "details",
            "summary",
            "button",
        }


@given(TEXTS)
def test_the_question_is_echoed_exactly(text: str) -> None:
    kept = text.replace("\r\n", "\n").replace("\x00", "\ufffd")  # what HTML itself can't hold
    assert Page(render.question(text)).text.replace("\r\n", "\n") in {kept, text}


def test_an_answer_shows_figure_status_source_mark_and_a_link_to_the_place() -> None:
    shown = Page(render.answer(record([passage("街道发放口罩8000个。", [(2, 12)], section="上 › 下")]), ZH, 83, whole))
    for text in (
        "8000个",
        "找到答案",
        "很有把握 93%",
        "标题",
        "› 上 › 下",
        "a.txt",
        "口罩",
        "查找了 83 段，用时 9 毫秒",
    ):
        assert text in shown.text
    assert shown.marks == ["发放口罩8000个。"]
    assert {attributes["href"] for tag, attributes in shown.tags if tag == "a"} == {
        "/articles/7?start=2&end=12&lang=zh#mark"
    }


def test_not_found_says_so_and_calls_the_passages_near_misses() -> None:
    near = record([passage("甲", [])], status="not_found", answer=None)
    assert EN.nearest in Page(render.answer(near, EN, 83, whole)).text
    assert EN.missing not in render.answer(near, EN, 83, whole)
    missing = Page(render.answer(near | {"missing_terms": ["<天坛>"]}, EN, 83, whole))
    assert EN.missing + "<天坛>" in missing.text
    nothing = render.answer(near | {"passages": []}, EN, 83, whole)
    assert EN.meaning["not_found"] in Page(nothing).text
    assert EN.nearest not in nothing


def test_filters_that_allow_nothing_are_named() -> None:
    nothing = record([], status="not_found", answer=None, searched_in={"articles": 0, "passages": 0})
    assert EN.none_allowed in Page(render.answer(nothing, EN, 83, whole)).text
    some = nothing | {"searched_in": {"articles": 1, "passages": 2}}
    assert EN.none_allowed not in Page(render.answer(some, EN, 83, whole)).text


def test_further_passages_are_folded_away_but_there() -> None:
    three = record([passage(text, []) for text in ("甲", "乙", "丙")])
    source = render.answer(three, ZH, 83, whole)
    assert ZH.more_passages.format(count=2) in source
    assert source.index("甲") < source.index("<details") < source.index("乙") < source.index("丙")


def test_a_completed_question_is_shown_as_it_was_searched() -> None:
    followed = record([], searched_as="景山街道总工会发了多少口罩？")
    assert "景山街道总工会发了多少口罩？" in Page(render.answer(followed, ZH, 83, whole)).text
    assert ZH.searched_as not in render.answer(record([]), ZH, 83, whole)


def test_a_passage_whose_article_is_gone_stays_unmarked() -> None:
    assert Page(render.answer(record([passage("甲乙", [(0, 1)])]), ZH, 83, lambda _: ())).marks == []


# Article pages


def test_the_article_page_marks_the_place_in_both_views() -> None:
    text = "海淀 区发放\n口罩8000个。其余略。"
    article = stored(text, (Piece(0, 2), Piece(3, 6), Piece(7, len(text))))
    read = Page(page(article, (None, None), [(3, 15)], ZH))
    assert read.marks == ["区发放口罩8000个。"]
    assert "海淀区发放口罩8000个。其余略。" in read.text
    scan = Page(page(article, (None, None), [(3, 15)], ZH, scan=True))
    assert scan.marks == ["区发放\n口罩8000个。"]
    assert text in scan.text
    for shown in (read, scan):
        assert [attributes for tag, attributes in shown.tags if tag == "mark"] == [{"id": "mark"}]


def test_only_the_first_of_several_marks_is_the_target_of_the_link() -> None:
    article = stored("甲乙丙丁", (Piece(0, 4),))
    shown = Page(page(article, (None, None), [(0, 1), (2, 3)], ZH))
    assert [attributes for tag, attributes in shown.tags if tag == "mark"] == [{"id": "mark"}, {}]


def test_paragraphs_are_put_together_again_from_passages() -> None:
    text = "一句。二句。\n\n新段。"
    both = stored(text, (Piece(0, 7), Piece(8, 11)))
    first, second = (
        StoredPassage(1, 7, "a.txt", "标题", None, None, None, None, a, b, text[a:b], (Piece(a, b),))
        for a, b in ((0, 3), (3, 6))
    )
    (section,) = both.sections
    for passages, wanted in (
        (section.passages, ["一句。二句。", "新段。"]),
        ((first, second), ["一句。二句。"]),
    ):
        cut = StoredSection(None, 0, len(text), "text", passages)
        article = stored(text, (Piece(0, 1),))
        source = page(
            StoredArticle(**{f.name: getattr(article, f.name) for f in fields(article)} | {"sections": (cut,)}),
            (None, None),
            [],
            ZH,
        )
        assert [part.partition("</p>")[0] for part in source.split('<p class="text">')[1:]] == wanted


def test_an_article_without_headline_says_so() -> None:
    shown = Page(page(stored("尾巴。", (Piece(0, 3),), headline=None), (None, None), [], ZH))
    assert "无标题片段" in shown.text
    assert ZH.untitled_note in shown.text


def test_captions_are_shown_as_captions() -> None:
    assert EN.captions in page(stored("合影", (Piece(0, 2),), kind="captions"), (None, None), [], EN)


@given(TEXTS)
def test_the_article_page_has_no_tag_but_its_own(text: str) -> None:
    text = text.strip() or "甲"  # a passage neither begins nor ends with a blank
    article = stored(text, (Piece(0, len(text)),), headline=text, kicker=text, subhead=text, byline=text, heading=text)
    for scan in (False, True):
        shown = Page(page(article, (line(1, text), line(2, None)), [(0, len(text))], ZH, answers=[(0, 1)], scan=scan))
        assert {tag for tag, _ in shown.tags} <= {
            *("html", "head", "meta", "title", "link", "body", "nav", "a", "span", "main", "p", "article", "header"),
            *("h1", "h2", "h3", "h4", "h5", "h6", "pre", "mark", "div", "img", "small", "del"),
        }
        assert all(
            attributes["href"] and attributes["href"].startswith(("/", "#main"))
            for tag, attributes in shown.tags
            if tag in {"a", "link"}
        )


def test_the_answer_is_marked_within_its_sentence_in_both_views() -> None:
    text = "海淀 区发放\n口罩8000个。其余略。"
    article = stored(text, (Piece(0, 2), Piece(3, 6), Piece(7, len(text))))
    for scan, sentence in ((False, "区发放口罩8000个。"), (True, "区发放\n口罩8000个。")):
        shown = Page(page(article, (None, None), [(3, 15)], ZH, answers=[(9, 14)], scan=scan))
        assert shown.marks == [sentence]
        assert shown.answers == ["8000个"]


def test_as_scanned_shows_what_was_joined_and_what_was_dropped() -> None:
    text = "海淀 区发放\n口罩8000个。"
    article = stored(text, (Piece(0, 2), Piece(3, 6), Piece(7, len(text))))
    assert repairs(article) == ([(6, 7)], [(2, 3)])
    source = page(article, (None, None), [], ZH, scan=True)
    assert '海淀<del class="dropped"> </del>区发放<del class="joined">\n</del>口罩8000个。' in source
    assert ZH.joined in source
    assert ZH.furniture not in source
    assert "<del" not in page(article, (None, None), [], ZH)


def test_what_the_page_put_between_is_set_back_as_scanned() -> None:
    text = "上半句广告下半句。"
    article = dataclasses.replace(stored(text, (Piece(0, 3), Piece(5, 9))), furniture=((3, 5, "advertisement"),))
    source = page(article, (None, None), [], ZH, scan=True)
    assert '上半句<span class="furniture">广告</span>下半句。' in source


def test_without_its_repairs_the_scan_is_what_is_read(bot: Bot) -> None:
    checked = 0
    for known in bot.store.articles():
        article = bot.store.article(known.id)
        assert article is not None
        left_out = {place for spans in repairs(article) for start, end in spans for place in range(start, end)}
        passages = [passage for section in article.sections for passage in section.passages]
        others = [(start, end) for start, end, _ in article.furniture] + [(p.start, p.end) for p in passages]
        for passage in passages:
            span = range(passage.start - article.start, passage.end - article.start)
            kept = "".join(article.text[place] for place in span if place not in left_out)
            between = [start for start, _ in others if passage.start < start < passage.end]
            if not between and article.start <= passage.start <= passage.end <= article.end:
                assert kept == passage.text
                checked += 1
    assert checked > 40


def test_the_ways_to_the_neighbours_name_them() -> None:
    shown = Page(page(stored("甲", (Piece(0, 1),)), (line(1, "前一篇标题"), None), [], ZH))
    assert "前一篇标题" in shown.text
    assert ("a", {"rel": "prev", "href": "/articles/1?lang=zh"}) in shown.tags


# The page of a file


def test_the_page_of_a_file_has_its_articles_and_what_is_none(client: TestClient, bot: Bot) -> None:
    (advertised, *_) = [
        file for file in bot.store.files() if any("advert" in kind for *_, kind in bot.store.furniture(file))
    ]
    response = client.get(render.file_url(advertised, ZH))
    assert response.status_code == 200
    shown = Page(response.text)
    links = {attributes["href"] for tag, attributes in shown.tags if tag == "a"}
    lines = [known for known in bot.store.articles() if known.file == advertised]
    assert lines
    assert {f"/articles/{known.id}?lang=zh" for known in lines} <= links
    assert ZH.furniture_kinds["advertisement"] in shown.text
    assert bot.store.file_text(advertised).replace("\r\n", "\n") in shown.text.replace("\r\n", "\n")
    assert client.get("/files/nothing.txt", headers={"accept": "text/html"}).status_code == 404
    assert client.get("/files/../../etc/passwd").status_code == 404


@given(TEXTS)
def test_the_page_of_a_file_has_no_tag_but_its_own(text: str) -> None:
    file = Document(text, text or "甲", "utf-8", "txt", "", (), text)
    source = page_view.page(file, [line(1, text)], [(0, len(text or "甲"), text)], EN)
    shown = Page(source)
    assert {tag for tag, _ in shown.tags} <= {
        *("html", "head", "meta", "title", "link", "body", "nav", "a", "main", "p", "header", "div", "img"),
        *("h1", "h2", "ol", "li", "dl", "dt", "dd", "pre", "span"),
    }
    hrefs = [attributes["href"] for tag, attributes in shown.tags if tag in {"a", "link"}]
    assert all(href and href.startswith(("/", "#main")) and not href.startswith("//") for href in hrefs)


# The timeline


def dots(source: str) -> list[tuple[float, str]]:
    """Where the dots stand, and their numbers."""
    return [(float(x), number) for x, number in re.findall(r'<text x="([\d.]+)" y="18"[^>]*>(\d+)<', source)]


def test_the_timeline_has_a_dot_for_each_dated_passage_at_its_day() -> None:
    # 2020-03-08 stands a tenth of the way from 2020-03-01 to 2020-05-10: 7 of 70 days. The line is 292 wide.
    source = timeline([(1, "2020-05-10"), (2, "2020-03-01"), (3, "2020-03-08"), (4, "2020-05")], ZH)
    assert dots(source)[:2] == [(14.0, "2"), (pytest.approx(14 + 29.2), "3")]
    assert [number for _, number in dots(source)] == ["2", "3", "4", "1"]
    assert "2020-03-01" in source
    assert "2020-05-10" in source


@pytest.mark.parametrize("dated", [[], [(1, "2020-03-08")], [(1, "2020-03-08"), (2, "2020-03-08")]])
def test_one_day_is_no_timeline(dated: list[tuple[int, str]]) -> None:
    assert timeline(dated, ZH) == ""


@given(st.lists(st.dates(), min_size=2, max_size=9))
def test_the_dots_of_a_timeline_stand_in_order_apart_and_within(days: list[date]) -> None:
    places = [x for x, _ in dots(timeline(list(enumerate(map(date.isoformat, days), 1)), EN))]
    assert len(places) in {0, len(days)}
    assert all(after - before >= 18 for before, after in itertools.pairwise(places))
    assert all(0 <= place <= 320 for place in places)


# What goes with a passage


def test_a_citation_is_the_sentence_with_its_source() -> None:
    cited = passage("前文。街道发放口罩8000个。", [(3, 15)], section="上 › 下")
    buttons = [a for tag, a in Page(render.answer(record([cited]), ZH, 83, whole)).tags if a.get("class") == "wb-copy"]
    assert [button["value"] for button in buttons] == ["“街道发放口罩8000个。”——标题 › 上 › 下，a.txt，第 0–15 字"]
    assert source_line(cited["source"], EN) == "标题 › 上 › 下, a.txt, characters 0–15"


def test_passages_that_tell_the_same_are_named_with_their_place() -> None:
    other = {
        "rank": 2,
        "source": passage("乙", [], file="b.txt", article="另一篇", article_id=9, start=4, end=8)["source"],
    }
    shown = Page(render.answer(record([passage("甲", []) | {"also": [other]}]), ZH, 83, whole))
    assert "另一篇（b.txt，第 2 条）" in shown.text
    assert "/articles/9?start=4&end=1&lang=zh#mark" not in str(shown.tags)
    assert any(str(a.get("href", "")).startswith("/articles/9?start=4&end=8") for _, a in shown.tags)


def test_what_several_passages_tell_stands_under_the_answer_with_their_marks() -> None:
    found = [passage("甲送来口罩。", []), passage("乙送来<b>手套</b>。", [], article_id=9) | {"rank": 2}]
    gathered = [
        {"rank": 1, "text": "口罩", "highlights": [{"start": 3, "end": 5}]},
        {"rank": 2, "text": "<b>手套</b>", "highlights": []},
    ]
    shown = Page(render.answer(record(found, gathered=gathered), ZH, 83, whole))
    assert f"{ZH.gathered}口罩 1<b>手套</b> 2" in shown.text
    links = [str(a["href"]) for tag, a in shown.tags if a.get("class") == "wb-cite"]
    assert [link.split("&lang")[0] for link in links] == ["/articles/7?start=3&end=5", "/articles/9?start=0&end=13"]


def test_the_parts_of_a_question_stand_before_what_they_are_told() -> None:
    gathered = [
        {"rank": 1, "text": "三月五日", "highlights": [], "asked": "时间"},
        {"rank": 1, "text": "南门", "highlights": [], "asked": "<地点>"},
    ]
    shown = Page(render.answer(record([passage("三月五日在南门。", [])], gathered=gathered), ZH, 83, whole))
    assert f"{ZH.part_by_part}时间 三月五日 1<地点> 南门 1" in shown.text


@pytest.mark.parametrize(
    ("confidence", "degree", "badge"),
    [(0.75, "high", "找到答案"), (0.74, "middle", "找到答案"), (0.49, "low", "可能的答案")],
)
def test_how_sure_an_answer_is_stands_in_words_and_colour(confidence: float, degree: str, badge: str) -> None:
    shown = Page(render.answer(record([], confidence=confidence), ZH, 83, whole))
    assert f"{ZH.degrees[degree]} {round(confidence * 100)}%" in shown.text
    assert ZH.confidence_meaning in shown.text
    assert badge in shown.text
    assert ("span", {"class": f"wb-bar wb-{degree}"}) in shown.tags


@pytest.mark.parametrize(
    ("starts", "ends", "wanted"),
    [
        (["3"], ["9"], [(3, 9)]),
        (["30", "3"], ["40", "9"], [(3, 9), (30, 40)]),
        (["9"], ["3"], []),
        (["x"], ["3"], []),
        (["-1"], ["3"], []),
        (["１"], ["3"], []),
        (["1" * 17], ["2" * 17], []),
        (["1"], [], []),
    ],
)
def test_only_spans_that_can_be_are_marked(starts: list[str], ends: list[str], wanted: list[tuple[int, int]]) -> None:
    assert parse_spans(starts, ends) == wanted


# Words


def test_the_languages_have_the_same_places_to_fill_in() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for field in fields(Words):
        values = [getattr(words, field.name) for words in LANGUAGES.values()]
        if isinstance(values[0], str):
            assert len({frozenset(places(value)) for value in values}) == 1, field.name
            assert all(value.strip() for value in values), field.name
        else:
            assert len({frozenset(value) for value in values}) == 1, field.name


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", ZH),
        ("en-GB,en;q=0.9", EN),
        ("zh-TW,zh;q=0.9,en;q=0.8", ZH_HANT),
        ("zh-Hant-HK", ZH_HANT),
        ("zh-CN,zh;q=0.9,en;q=0.8", ZH),
        ("fr,de;q=0.9", ZH),
        ("en;q=0.5,zh-CN", ZH),
        ("en;q=0, zh-TW;q=0.1", ZH_HANT),
        ("en;q=x", ZH),
        (";;;,,q=1", ZH),
    ],
)
def test_the_browser_chooses_the_language(header: str, wanted: Words) -> None:
    assert choose(header) is wanted


# Examples


@pytest.mark.parametrize(
    ("sentence", "wanted"),
    [
        ("怀柔区总工会抽调28名党员干部和专职社工，深入社区。", "怀柔区总工会抽调多少名党员干部和专职社工？"),
        ("朝阳区总工会拨专款500万元，按社区大小补贴。", "朝阳区总工会拨专款多少元？"),
        ("全区各级工会累计筹集并拨付慰问资金近280万元。", "全区各级工会累计筹集并拨付慰问资金多少元？"),
        ("疫情发生以来，区里的志愿应急服务队招募了1200余人参加值守。", "区里的志愿应急服务队招募了多少人参加值守？"),
        ("他们就是东城区17个街道总工会的干部职工。", None),
        ("街道总工会慰问31个部门的1700名职工。", None),
        ("区总工会1000万元专项资金中，拿出一部分。", None),
        ("在2020年初打响了这一场没有硝烟的战争。", None),
        ("The union gave out 8000 masks to its members.", None),
        ("", None),
    ],
)
def test_a_sentence_with_a_figure_becomes_the_question_it_answers(sentence: str, wanted: str | None) -> None:
    assert counting_question(sentence) == wanted


def test_examples_take_turns_over_the_articles_and_fall_back_on_headlines() -> None:
    sources = [
        Source("甲报", "甲报", ["怀柔区总工会抽调28名党员干部和专职社工。朝阳区总工会拨专款500万元。"]),
        Source("一篇没有数字的文章", "", ["没有。"]),
        Source("A plain article", "", ["No figure here."]),
        Source(None, "", ["没有标题。"]),
        Source("丙报", "丰台区报", ["北城区总工会投入专项资金139万元。丰台区总工会投入专项资金100万元。"]),
    ]
    expected = [
        "怀柔区总工会抽调多少名党员干部和专职社工？",
        "丰台区总工会投入专项资金多少元？",
        "朝阳区总工会拨专款多少元？",
        "北城区总工会投入专项资金多少元？",
        "《一篇没有数字的文章》讲了什么？",
        "What does “A plain article” say?",
    ]
    for wanted in range(8):
        assert example_questions(sources, wanted) == expected[:wanted]
