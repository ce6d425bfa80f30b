"""The chat's own pieces of HTML, letter by letter: what stands on the page before Gradio, links, rarer messages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from markupsafe import Markup, escape
from starlette.types import Message, Receive, Scope, Send

from qa.articles import Piece
from qa.web import render
from qa.web.shell import Parts, Shell, with_shell
from qa.web.words import EN, LANGUAGES, ZH, ZH_HANT, Words

SOURCE: dict[str, Any] = {
    "file": "a b/报.txt", "article": "标题", "article_id": 7, "section": None, "start": 10, "end": 20
}  # fmt: skip


def passage(rank: int, text: str = "甲乙丙丁", **changes: Any) -> dict[str, Any]:
    return {
        "rank": rank,
        "score": 0.9,
        "text": text,
        "source": SOURCE | {"article_id": rank} | changes.pop("source", {}),
        "highlights": [],
        "why": {"terms": [], "lexical_rank": 1, "dense_rank": 2, "fused_score": 0.5},
    } | changes


def record(*passages: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "question": "问？",
        "status": "answered",
        "answer": "答",
        "confidence": 0.8,
        "searched_as": "问？",
        "passages": list(passages),
        "trace_id": "t",
        "elapsed_ms": 5.0,
    } | changes


def nothing(_: render.Record) -> Sequence[Piece]:
    return ()


def message(found: dict[str, Any], words: Words = EN, **given: Any) -> str:
    return render.answer(found, words, 83, nothing, **given)


def between(text: str, begin: str, end: str) -> str:
    assert text.count(begin) == 1, text
    return text.partition(begin)[2].partition(end)[0]


# Before Gradio


TOP = (
    '<div class="top-row"><a class="brand" href="/en/">'
    '<img src="/ui/icon.svg" alt="" width="26" height="26">{title}</a>'
    '<nav class="tabs" aria-label="{sections}"><a href="/en/" aria-current="page">{ask}</a><a href="/en/batch">{batch}'
    '</a><a href="/en/corpus">{corpus}</a><a href="/en/review">{review}</a><a href="/en/help">{help}</a></nav>'
    '<nav class="languages" aria-label="{languages}"><a href="/zh/" lang="zh-Hans" hreflang="zh-Hans">简体</a>'
    '<a href="/zh-hant/" lang="zh-Hant" hreflang="zh-Hant">繁體</a>'
    '<a href="/en/" lang="en" hreflang="en" aria-current="true">English</a></nav></div>'
).format(title=EN.title, sections=EN.sections_of_site, languages=EN.languages, **EN.tabs)
WELCOME = '<div class="wb-welcome"><h1>{}</h1><p>{}</p><h2>{}</h2></div>'.format(
    *map(escape, (EN.slogan, EN.welcome, EN.examples))
)


def test_what_stands_before_gradio_is_the_page_as_one_sees_it() -> None:
    assert render.shell(EN, ["What <b>?", "Who & why?"], 500) == (
        f'<div id="wb-shell"><header class="top">{TOP}</header><main><div class="prose">{WELCOME}</div>'
        '<div class="examples"><button type="button" class="example"><span>What &lt;b&gt;?</span></button>'
        '<button type="button" class="example"><span>Who &amp; why?</span></button></div></main>'
        '<div class="wb-first"><form class="input-container">'
        f'<textarea rows="1" placeholder="{escape(EN.placeholder)}" aria-label="{escape(EN.ask)}" maxlength="500" '
        f"autofocus></textarea><button>{escape(EN.ask)}</button></form></div></div>"
    )
    assert '<div class="examples"></div></main>' in render.shell(EN, [], 500)


def test_the_parts_around_the_conversation_are_one_block_each() -> None:
    assert render.top(EN) == f'<div class="top">{TOP}</div>'
    assert render.welcome(EN) == WELCOME
    assert render.scope(EN) == (
        f'<div class="wb-scope"><button type="button" id="wb-filters">{EN.filters}</button><span id="wb-chips"></span>'
        f'<span class="wb-talks"><button type="button" id="wb-history">{EN.history}</button>'
        f'<button type="button" id="wb-new">{EN.new_talk}</button></span></div>'
    )


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_every_language_has_its_own_page_before_gradio(words: Words) -> None:
    shown = render.shell(words, [], 9)
    assert f'<a href="/{words.path}/" aria-current="page">{words.tabs["ask"]}</a>' in shown
    assert render.top(words) in {render.top(other) for other in (EN, ZH, ZH_HANT)}
    assert shown.count("aria-current") == 2


def test_line_breaks_become_references() -> None:
    assert render.question("a\r\nb\n<") == '<div class="wb-question" dir="auto">a&#13;&#10;b&#10;&lt;</div>'
    assert render.note("a\n& b") == '<div class="wb-note">a&#10;&amp; b</div>'
    assert render.one_block(Markup("<p>\n</p>")) == "<p>&#10;</p>"


# Put into Gradio's page


PARTS: Parts = ("zh-CN", "<style></style>", "<div>报</div>")
GRADIO = '<html lang="en"><head><script type="module" src="x"></script></head><body><gradio-app></gradio-app></body>'
FILLED = (
    '<html lang="zh-CN"><head><style></style><script type="module" src="x"></script></head>'
    "<body><div>报</div><gradio-app></gradio-app></body>"
)


def test_the_parts_go_to_the_first_of_their_places() -> None:
    assert with_shell(GRADIO, PARTS) == FILLED
    assert with_shell(GRADIO * 2, PARTS) == FILLED + GRADIO
    assert with_shell("<p>", PARTS) == "<p>"


def shelled(path: str, start: Message, *rest: Message, method: str = "GET", kind: str = "http") -> list[Message]:
    sent: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for each in ({**start, "headers": list(start["headers"])}, *rest):
            await send(each)

    async def receive() -> Message:
        raise AssertionError

    async def send(given: Message) -> None:
        sent.append(given)

    asyncio.run(Shell(app, {"/zh/": lambda: PARTS})({"type": kind, "path": path, "method": method}, receive, send))
    return sent


def starting(status: int = 200, *more: tuple[bytes, bytes], kind: bytes = b"text/html; charset=utf-8") -> Message:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(GRADIO)), *more]
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(text: str, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": text.encode(), "more_body": more}


def test_a_page_is_filled_when_it_is_whole() -> None:
    start, whole = shelled("/zh/", starting(), body(GRADIO[:50], more=True), body(GRADIO[50:]))
    assert whole == {"type": "http.response.body", "body": FILLED.encode()}
    assert dict(start["headers"])[b"content-length"] == b"%d" % len(FILLED.encode())
    start, empty = shelled("/zh/", starting(), {"type": "http.response.body"})
    assert empty == {"type": "http.response.body", "body": b""}
    assert dict(start["headers"])[b"content-length"] == b"0"


@pytest.mark.parametrize(
    ("path", "start", "request_of"),
    [
        ("/zh", starting(), {}),
        ("/zh/config", starting(), {}),
        ("/zh/", starting(), {"method": "HEAD"}),
        ("/zh/", starting(), {"method": "POST"}),
        ("/zh/", starting(), {"kind": "websocket"}),
        ("/zh/", starting(404), {}),
        ("/zh/", starting(200, (b"content-encoding", b"gzip")), {}),
        ("/zh/", starting(kind=b"application/json"), {}),
    ],
)
def test_what_is_no_page_passes_as_it_is(path: str, start: Message, request_of: dict[str, str]) -> None:
    others = [body(GRADIO, more=True), {"type": "http.response.debug"}, body("")]
    assert shelled(path, start, *others, **request_of) == [start, *others]


# Marks and links


@pytest.mark.parametrize(
    ("spans", "inner", "shown"),
    [
        ([], [], "ab&lt;def"),
        ([(0, 6)], [], "<mark>ab&lt;def</mark>"),
        ([(0, 1), (5, 6)], [], "<mark>a</mark>b&lt;de<mark>f</mark>"),
        ([(1, 3), (3, 4)], [], "a<mark>b&lt;</mark><mark>d</mark>ef"),
        ([], [(1, 3)], "a<i>b&lt;</i>def"),
        ([(1, 4)], [(0, 2), (3, 6)], "<i>a</i><mark><i>b</i>&lt;<i>d</i></mark><i>ef</i>"),
        ([(1, 4)], [(2, 3)], "a<mark>b<i>&lt;</i>d</mark>ef"),
    ],
)
def test_marks_and_what_is_within_them_stand_where_they_begin_and_end(
    spans: list[tuple[int, int]], inner: list[tuple[int, int]], shown: str
) -> None:
    layer = (inner, Markup("<i>{}</i>").format)
    assert render.marked("ab<def", spans, layer) == shown
    outer = (inner, Markup("<u>{}</u>").format)
    both = shown.replace("<i>", "<u><i>").replace("</i>", "</i></u>")
    assert render.marked("ab<def", spans, layer, outer) == both  # the later one stands outside
    answer = shown.replace("<i>", '<mark class="answer">').replace("</i>", "</mark>")
    assert render.marked("ab<def", spans, render.answer_layer(inner)) == answer


def test_a_place_is_covered_from_a_spans_start_to_before_its_end() -> None:
    covers = render.covered([(2, 4), (4, 5), (7, 9)])
    assert [place for place in range(12) if covers(place)] == [2, 3, 4, 7, 8]
    assert not any(map(render.covered([]), range(3)))


def test_links_lead_to_the_place_in_the_visitors_language() -> None:
    assert render.article_url(7, [], EN) == "/articles/7?lang=en"
    assert render.article_url(7, [], ZH, scan=True) == "/articles/7?view=scan&lang=zh"
    assert render.article_url(7, [(1, 2), (5, 9)], ZH_HANT, answer=[(6, 7), (8, 9)], scan=True) == (
        "/articles/7?start=1&end=2&start=5&end=9&answer=6-7&answer=8-9&view=scan&lang=zh-hant#mark"
    )
    assert render.article_url(7, [], EN, answer=[(6, 7)]) == "/articles/7?answer=6-7&lang=en"
    assert render.file_url("a b/报?.txt", ZH) == "/files/a%20b/%E6%8A%A5%3F.txt?lang=zh"
    assert render.around_url(SOURCE) == "/articles/7/around?start=10&end=20"


@pytest.mark.parametrize(
    ("highlights", "answer", "query"),
    [
        ([], None, "start=10&end=20"),
        ([(11, 12), (13, 15)], None, "start=11&end=12&start=13&end=15"),
        ([(11, 15)], (13, 14), "start=11&end=15&answer=13-14"),
        ([], (13, 14), "start=10&end=20&answer=13-14"),
    ],
)
def test_a_passages_link_marks_its_sentence_or_all_of_it(
    highlights: list[tuple[int, int]], answer: tuple[int, int] | None, query: str
) -> None:
    found = passage(7, highlights=[{"start": start, "end": end} for start, end in highlights])
    assert render.passage_url(found | {"answer_span": None}, EN) == render.passage_url(found, EN)
    if answer is not None:
        found["answer_span"] = {"start": answer[0], "end": answer[1]}
    assert render.passage_url(found, EN) == f"/articles/7?{query}&lang=en#mark"


# Messages


def test_an_answer_of_nothing_but_itself_is_its_first_lines() -> None:
    assert message(record()) == (
        '<div class="wb-answer wb-answered"><p class="wb-short" dir="auto">答</p>'
        f'<p class="wb-status"><span class="badge good">{EN.status["answered"]}</span>'
        f'<span class="wb-sure" tabindex="0"><span class="wb-bar wb-high"></span>{EN.degrees["high"]} 80%'
        f'<span class="wb-tip" role="tooltip">{escape(EN.meaning["answered"])} {escape(EN.confidence_meaning)}</span>'
        f'</span><span class="wb-searched">{EN.searched.format(passages=83, ms=5)}</span></p></div>'
    )
    assert message(record(answer=None, status="not_found")) == (
        '<div class="wb-answer wb-not_found">'
        f'<p class="wb-status"><span class="badge ">{EN.status["not_found"]}</span>'
        f'<span class="wb-meaning">{escape(EN.meaning["not_found"])}</span>'
        f'<span class="wb-searched">{EN.searched.format(passages=83, ms=5)}</span></p></div>'
    )


@pytest.mark.parametrize(
    ("changes", "badge"),
    [
        ({"confidence": 0.5}, f'<span class="badge good">{EN.status["answered"]}</span>'),
        ({"confidence": 0.49}, f'<span class="badge fair">{EN.unsure}</span>'),
        ({"confidence": 0.0}, f'<span class="badge fair">{EN.unsure}</span>'),
        ({"status": "possible", "confidence": 0.9}, f'<span class="badge fair">{EN.status["possible"]}</span>'),
        ({"status": "possible", "confidence": 0.1}, f'<span class="badge fair">{EN.status["possible"]}</span>'),
        ({"status": "not_found", "confidence": 0.1}, f'<span class="badge ">{EN.status["not_found"]}</span>'),
    ],
)
def test_an_answer_that_is_hardly_sure_is_called_so(changes: dict[str, Any], badge: str) -> None:
    assert badge in message(record(**changes))


@pytest.mark.parametrize(
    ("answer", "size"), [("x" * 24, "wb-short"), ("x" * 25, "wb-long"), ("口" * 24, "wb-short"), ("口" * 25, "wb-long")]
)
def test_a_long_answer_is_set_smaller(answer: str, size: str) -> None:
    assert f'<p class="{size}" dir="auto">{answer}</p><p class="wb-status">' in message(record(answer=answer))


@pytest.mark.parametrize(
    ("changes", "passages", "ms"),
    [
        ({"elapsed_ms": 0.0}, 83, 1),
        ({"elapsed_ms": 1.4}, 83, 1),
        ({"elapsed_ms": 1.6}, 83, 2),
        ({"searched_in": {"passages": 12, "articles": 3}}, 12, 5),
        ({"searched_in": {"articles": 3}}, 83, 5),
    ],
)
def test_it_says_how_much_was_searched_and_how_long(changes: dict[str, Any], passages: int, ms: int) -> None:
    shown = between(message(record(**changes)), '<span class="wb-searched">', "</span>")
    assert shown == EN.searched.format(passages=passages, ms=ms)


def test_what_was_searched_what_is_missing_and_what_may_be_asked_instead_stand_in_this_order() -> None:
    found = record(answer=None, status="not_found", searched_as="甲<？", missing_terms=["月<亮", "天坛"])
    shown = message(found, instead=["谁？", "何<时？"])
    assert shown.partition("</p>")[2] == (
        f'<p class="wb-searched-as">{EN.searched_as} <q>甲&lt;？</q> '
        f'<button type="button" class="wb-alone" value="问？">{EN.alone}</button></p>'
        f'<p class="wb-missing">{EN.missing}<kbd>月&lt;亮</kbd><kbd>天坛</kbd></p>'
        f'<div class="wb-instead"><p>{EN.instead}</p><button type="button" class="wb-ask" value="谁？">谁？</button>'
        '<button type="button" class="wb-ask" value="何&lt;时？">何&lt;时？</button></div></div>'
    )


def test_thumbs_are_there_where_the_owner_wants_them() -> None:
    thumbs = "".join(
        f'<button type="button" class="wb-thumb" value="{thumb}" name="t">{text}</button>'
        for thumb, text in EN.thumbs.items()
    )
    assert len(EN.thumbs) == 2
    expected = f'<div class="wb-thumbs"><span>{EN.was_it_good}</span>{thumbs}</div></div>'
    assert message(record(), is_judged=True).endswith("</p>" + expected)
    assert "wb-thumb" not in message(record())


def test_the_second_and_later_passages_stand_one_after_the_other_in_a_fold() -> None:
    shown = message(record(*(passage(rank, f"第{rank}段") for rank in (1, 2, 3))))
    cards = shown.split('<div class="wb-card">')
    assert [between(card, '<span class="wb-number">', "</span>") for card in cards[1:]] == ["1", "2", "3"]
    assert [between(card, '<p class="wb-text" dir="auto">', "</p>") for card in cards[1:]] == [
        "第1段",
        "第2段",
        "第3段",
    ]
    fold = f'<details class="wb-more"><summary>{EN.more_passages.format(count=2)}</summary>'
    end = "</details></div></div>"
    assert cards[1].endswith(end + fold)
    assert cards[2].endswith(end)
    assert cards[3].endswith(f"{end}</details></div>")
    one = message(record(passage(1)))
    assert "wb-more" not in one
    assert "wb-nearest" not in one
    nearest = message(record(passage(1), status="not_found", answer=None))
    assert f'<p class="wb-nearest">{EN.nearest}</p><div class="wb-card">' in nearest


def test_a_card_without_headline_section_or_date_says_what_there_is() -> None:
    bare = passage(1, "One\nline of\nwords.\n口罩\n手套", source={"article": None, "file": "a<b.txt"})
    shown = message(record(bare))
    assert shown[shown.index('<div class="wb-card">') :] == (
        '<div class="wb-card"><p class="wb-source"><span class="wb-number">1</span>'
        f'<a href="/articles/1?start=10&amp;end=20&amp;lang=en#mark" dir="auto"><b>{EN.untitled}</b></a></p>'
        '<p class="wb-text" dir="auto">One line of words. 口罩&#10;手套</p>'
        '<p class="wb-place"><span class="wb-file">a&lt;b.txt</span>'
        f"<span>{EN.place.format(start=10, end=20)}</span><span></span></p>"
        '<div class="wb-tools"><a class="wb-open" href="/articles/1?start=10&amp;end=20&amp;lang=en#mark">'
        f"{EN.open_article}</a>"
        '<button type="button" class="wb-copy" value="'
        + str(
            escape(
                EN.quoted.format(
                    sentence="One line of words. 口罩 手套",
                    source=EN.cited.format(name=EN.untitled, file="a<b.txt", place=EN.place.format(start=10, end=20)),
                )
            )
        )
        + f'">{EN.copy}</button>'
        f'<button type="button" class="wb-context" value="/articles/1/around?start=10&amp;end=20">{EN.context}</button>'
        f'<details><summary>{EN.why}</summary><p class="wb-why"><span>'
        f"{EN.by_words.format(rank=EN.rank.format(rank=1))} · {EN.by_meaning.format(rank=EN.rank.format(rank=2))} · "
        f"{EN.score.format(score='0.50')}</span></p></details></div></div></div>"
    )


def test_the_sentence_that_is_copied_is_the_marked_one() -> None:
    def pieces(_: render.Record) -> Sequence[Piece]:
        return (Piece(10, 14),)

    found = passage(1, "甲乙丙丁", highlights=[{"start": 11, "end": 12}, {"start": 13, "end": 14}])
    found["answer_span"] = {"start": 11, "end": 12}
    shown = render.answer(record(found), ZH, 83, pieces)
    assert 'dir="auto">甲<mark><mark class="answer">乙</mark></mark>丙<mark>丁</mark></p>' in shown
    assert 'value="“乙丁”——标题，a b/报.txt，第 10–20 字"' in shown


def test_the_same_told_elsewhere_is_a_link_each() -> None:
    others = [
        {"rank": 4, "source": SOURCE | {"article_id": 8, "start": 1, "end": 2, "file": "c.txt"}},
        {"rank": 5, "source": SOURCE | {"article_id": 9, "article": None}},
    ]
    shown = message(record(passage(1, also=others)))
    links = [
        f'<a href="/articles/{place}&amp;lang=en#mark" dir="auto">{EN.also_in.format(**named)}</a>'
        for place, named in (
            ("8?start=1&amp;end=2", {"name": "标题", "file": "c.txt", "rank": 4}),
            ("9?start=10&amp;end=20", {"name": EN.untitled, "file": "a b/报.txt", "rank": 5}),
        )
    ]
    assert f'</p><p class="wb-also">{EN.also} {links[0]} {links[1]}</p><p class="wb-place">' in shown
    assert "wb-also" not in message(record(passage(1, also=[])))


# What a model wrote


CITED = '<a class="wb-cite" href="/articles/{0}?start=10&amp;end=20&amp;lang=en#mark">{0}</a>'


@pytest.mark.parametrize(
    ("generated", "is_writing", "inner", "state"),
    [
        ({"text": "一[1]二[2]。", "error": None}, False, "一{c1}二{c2}。", None),
        ({"text": "[2][1]", "error": None}, False, "{c2}{c1}", None),
        ({"text": "<i>1</i> 2 [1]", "error": None}, False, "&lt;i&gt;1&lt;/i&gt; 2 {c1}", None),
        ({"text": "1[1]", "error": None}, False, "1{c1}", None),  # a figure is no mark
        ({"text": "[12345]", "error": None}, False, "[12345]", None),
        ({"text": "一[1]", "error": None}, True, "一{c1}", EN.writing),
        ({"text": "一[1]", "error": "LLM_TIMEOUT"}, True, "一{c1}", EN.writing),
        ({"text": "一[1]", "error": "LLM_TIMEOUT"}, False, "一{c1}", EN.written_partly),
        ({"text": None, "error": "LLM_TIMEOUT"}, False, None, EN.unwritten),
        ({"text": "", "error": "LLM_TIMEOUT"}, False, None, EN.unwritten),
        ({"text": None, "error": None}, True, None, EN.writing),
        ({"text": None, "error": None}, False, None, None),
    ],
)
def test_what_a_model_wrote_stands_under_the_first_passage_with_its_marks_and_state(
    generated: dict[str, str | None], is_writing: bool, inner: str | None, state: str | None
) -> None:
    found = record(passage(1), passage(2), generated={"model": "m&1", **generated})
    shown = message(found, is_writing=is_writing)
    block = f'<p class="wb-by">{escape(EN.written_by.format(model="m&1"))}</p>'
    if inner is not None:
        text = inner.format(c1=CITED.format(1), c2=CITED.format(2))
        block += f'<p class="wb-written" dir="auto">{text}</p>'
    if state is not None:
        block += f'<p class="wb-state">{escape(state)}</p>'
    assert between(shown, '<div class="wb-generated">', '<details class="wb-more">') == f"{block}</div>"
    assert shown.index("wb-card") < shown.index("wb-generated")


def test_a_mark_leads_to_the_sentence_where_the_passage_has_one() -> None:
    cited = passage(1, highlights=[{"start": 11, "end": 13}, {"start": 15, "end": 16}])
    shown = message(record(cited, generated={"model": "m", "text": "[1]", "error": None}))
    href = "/articles/1?start=11&amp;end=13&amp;start=15&amp;end=16&amp;lang=en#mark"
    assert between(shown, '<p class="wb-written" dir="auto">', "</p>") == f'<a class="wb-cite" href="{href}">1</a>'


def test_what_several_passages_tell_is_a_line_each() -> None:
    gathered = [
        {"text": "甲<", "rank": 2, "highlights": [{"start": 3, "end": 5}]},
        {"text": "乙", "rank": 1, "highlights": []},
    ]
    shown = message(record(passage(1), passage(2), gathered=gathered))
    assert between(shown, '<div class="wb-gathered">', "</div>") == (
        f"<p>{EN.gathered}</p><ul>"
        '<li dir="auto">甲&lt; <a class="wb-cite" href="/articles/2?start=3&amp;end=5&amp;lang=en#mark">2</a></li>'
        f'<li dir="auto">乙 {CITED.format(1)}</li></ul>'
    )
    assert "wb-gathered" not in message(record(passage(1), gathered=[]))


def test_only_dated_passages_are_on_the_timeline() -> None:
    dated = [passage(rank, source={"date": day}) for rank, day in ((1, "2020-03-01"), (2, None), (3, "2020-03-02"))]
    assert message(record(*dated)).count('<g class="wb-dot">') == 2
    assert "wb-timeline" not in message(record(*dated[:2]))
    assert "<span>2020-03-01</span></p>" in message(record(*dated))
