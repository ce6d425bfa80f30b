"""The corpus and review pages in a browser: every flow, three languages, desktop and phone, dark and light; nothing
hostile runs or calls out.

With ``WENBAO_PICTURES=docs/pictures`` the screenshots of docs/pictures are taken anew.
"""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browsing import DESKTOP, ENGLISH_PHONE, LOOKS, Look, Opener, browser, fits, opened, picture, serious_findings
from desk_fixtures import Desk, MakeDesk, make_desk
from playwright.sync_api import Page, expect
from test_desk_review import record
from web_fixtures import served
from xss_payloads import XSS_PAYLOADS

from qa.review import Feedback, Wanted
from qa.web.desk_words import DESK

pytestmark = pytest.mark.browser

FLOWS = (DESKTOP, ENGLISH_PHONE)
"""What is done on the pages is done in these looks; how they look, in all."""
PAGES = {
    "一版.md": "# 渡口添新船\n\n□本报记者 何小满\n\n渡口新添了七艘木船，乡亲们都来看。\n\n"
    "# 老街修好了\n\n老街的石板换了三千块。\n",
    "二版.md": "# 茶馆开张\n\n茶馆有十二张桌子，茶客坐满了两层楼。\n\n# 桥头发口罩\n\n桥头街道发了八千个口罩。\n",
}


@dataclass(frozen=True, slots=True)
class Site:
    desk: Desk
    address: str


def pages(folder: Path) -> Path:
    folder.mkdir()
    for name, text in PAGES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def site(make_desk: MakeDesk, tmp_path: Path) -> Iterator[Site]:
    """Of one test, which may change it. It stands before ``opened``: what comes last, the pages, is closed first."""
    desk = make_desk(pages(tmp_path / "报纸"))
    with served(desk.app) as address:
        yield Site(desk, address)


@pytest.fixture(scope="module")
def kept(make_desk: MakeDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Whose corpus stays as it is, and of which something was asked."""
    desk = make_desk(pages(tmp_path_factory.mktemp("kept") / "报纸"))
    ask_all(desk)
    with served(desk.app) as address:
        yield Site(desk, address)


def ask_all(desk: Desk) -> None:
    """Three questions, one of them twice, the last of them judged."""
    for question in ("渡口添了几艘木船？", "天坛几点关门？", "天坛几点关门?", "茶馆有几张桌子？"):
        asked = desk.client.post("/api/ask", json={"question": question}).json()
    log = desk.app.app.state.review  # type: ignore[attr-defined]
    log.feedback(asked["trace_id"], Feedback("down", "ocr_error", "认错了字"))


@pytest.mark.parametrize("look", LOOKS, ids=str)
@pytest.mark.parametrize(("tab", "plots"), [("corpus", 2), ("review", 3)])
def test_the_desk_can_be_read_and_used_in_every_look(
    opened: Opener, kept: Site, look: Look, tab: str, plots: int
) -> None:
    page = opened(look)
    page.goto(f"{kept.address}/{look.language}/{tab}")
    expect(page.locator("#list tbody tr")).to_have_count(4)
    expect(page.locator(".plot svg")).to_have_count(plots)
    assert fits(page)
    picture(page, f"{tab}-{look}")
    page.locator("summary").evaluate_all("all => all.forEach(summary => { summary.parentElement.open = true })")
    assert serious_findings(page) == []
    assert fits(page)


@pytest.mark.parametrize("look", FLOWS, ids=str)
def test_the_owner_adds_looks_into_tries_and_deletes(site: Site, opened: Opener, tmp_path: Path, look: Look) -> None:
    words = DESK[look.language]
    page = opened(look)
    page.goto(f"{site.address}/{look.language}/corpus")
    rows = page.locator("#list tbody tr")
    expect(rows).to_have_count(4)

    good, bad = tmp_path / "新.md", tmp_path / "坏.pdf"
    good.write_text("# 新学堂\n\n学堂收了九十个学生。\n", encoding="utf-8")
    bad.write_bytes(b"nothing")
    page.set_input_files("#files", [good, bad])
    expect(page.locator("#job-files li", has_text="新.md").locator(".badge")).to_have_text(words.states["added"])
    expect(page.locator("#job-files li", has_text="坏.pdf").locator(".badge")).to_have_text(words.states["problem"])
    expect(rows).to_have_count(5)
    assert fits(page)

    page.locator("#q").fill("渡口")
    expect(rows).to_have_count(1)
    rows.get_by_role("button", name=words.split).click()
    shown = page.locator("#show")
    expect(shown.locator(".passages")).to_contain_text("七艘木船")
    assert fits(page)
    page.keyboard.press("Escape")
    expect(shown).to_be_hidden()

    page.locator("[name=view][value=files]").check()
    page.locator("#q").fill("")
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="一版.md").click()
    expect(rows).to_have_count(2)

    rows.first.get_by_role("button", name=words.delete).click()
    page.locator("#ask").get_by_role("button", name=words.cancel).click()
    expect(rows).to_have_count(2)
    rows.first.get_by_role("button", name=words.delete).click()
    expect(page.locator("#ask")).to_contain_text("渡口添新船")
    page.locator("#ask").get_by_role("button", name=words.delete).click()
    expect(rows).to_have_count(1)
    assert "七艘" not in site.desk.bot.store.file_text("一版.md")

    page.locator("#dictionary").fill("桥头街道\n")
    page.locator("#synonyms").fill("面罩 口罩\n")
    page.locator("#try").fill("桥头街道发了多少面罩？")
    tried = page.locator("#tried .pair > div")
    expect(tried).to_have_count(2)
    expect(tried.nth(1).locator("kbd.new").first).to_have_text("桥头街道")
    assert fits(page)
    page.locator("#words").scroll_into_view_if_needed()
    picture(page, f"words-{look}")
    page.locator("#synonyms").fill("独一个\n")
    expect(page.locator("#words-said")).to_contain_text("synonyms.txt, line 1")
    page.locator("#synonyms").fill("面罩 口罩\n")
    page.locator("#words button").click()
    expect(page.locator("#job-text")).to_contain_text(f"{words.kinds['terms']} · {words.job_states['done']}")
    assert "口罩" in str(site.desk.bot.ask("面罩")["passages"][0]["why"]["terms"])


@pytest.mark.parametrize("look", FLOWS, ids=str)
def test_the_owner_reviews_makes_gold_exports_and_forgets(site: Site, opened: Opener, look: Look) -> None:
    words = DESK[look.language]
    log = site.desk.app.app.state.review  # type: ignore[attr-defined]
    ask_all(site.desk)
    page = opened(look)
    page.goto(f"{site.address}/{look.language}/review")
    rows = page.locator("#list tbody tr")
    expect(rows).to_have_count(4)

    page.locator("[name=thumb]").select_option("down")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(words.reasons["ocr_error"])
    rows.locator("summary").click()
    expect(rows).to_contain_text("认错了字")
    rows.get_by_role("button", name=words.gold).click()
    evidence = page.locator("#gold-evidence")
    expect(evidence).not_to_have_value("")
    evidence.fill("没有这句话")
    page.get_by_role("button", name=words.gold_save).click()
    expect(page.locator("#gold-said")).to_be_visible()
    evidence.fill("茶馆有十二张桌子")
    page.locator("#gold-answer").fill("十二张")
    assert fits(page)
    page.get_by_role("button", name=words.gold_save).click()
    expect(page.locator("#show")).to_be_hidden()
    gold = json.loads((site.desk.bot.settings.data / "gold.jsonl").read_text(encoding="utf-8"))
    assert (gold["question"], gold["evidence"], gold["answer"]) == ("茶馆有几张桌子？", "茶馆有十二张桌子", "十二张")
    text = site.desk.bot.store.file_text(gold["file"])
    assert text[gold["evidence_start"] : gold["evidence_end"]] == gold["evidence"]

    with page.expect_download() as download:
        page.locator("[data-export=csv]").click()
    exported = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert "茶馆有几张桌子？" in exported
    assert "天坛" not in exported  # the filters count

    page.locator("[name=thumb]").select_option("")
    expect(rows).to_have_count(4)
    page.locator("#clear").click()
    page.locator("#ask").get_by_role("button", name=words.delete).click()
    expect(page.locator("#list")).to_have_text(words.nothing)
    assert log.asked(Wanted())[1] == 0


@pytest.fixture
def elsewhere(make_desk: MakeDesk) -> Iterator[Site]:
    """Of one test, as ``site``, with an empty corpus. Such a server trusts nobody for where they come from."""
    desk = make_desk(hosts=("bot.example",))
    with served(desk.app) as address:
        yield Site(desk, address)


@pytest.mark.parametrize("tab", ["corpus", "review"])
def test_from_elsewhere_the_pages_ask_for_a_token(elsewhere: Site, opened: Opener, tab: str) -> None:
    token, _ = elsewhere.desk.app.app.state.access.make_token(f"desk-{tab}", ["admin"])  # type: ignore[attr-defined]
    page = opened(LOOKS[0])
    page.goto(f"{elsewhere.address}/zh/{tab}")
    field = page.locator("#token input")
    expect(field).to_be_focused()
    expect(page.locator("#desk")).to_be_hidden()
    field.fill("wrong")
    field.press("Enter")
    expect(page.locator("#token .problem")).to_be_visible()
    page.locator("#token input").fill(token)
    page.locator("#token input").press("Enter")
    expect(page.locator("#token")).to_be_hidden()
    expect(page.locator("#list")).to_have_text(DESK["zh"].nothing)


FOREIGN = "script, img, iframe, object, embed, style, link, meta, base, video, audio, math, marquee, [style]"


@pytest.fixture(scope="module")
def hostile(make_desk: MakeDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A corpus of hostile names, headlines and texts, and a review of hostile questions, answers and comments."""
    assert len(XSS_PAYLOADS) >= 150
    folder = tmp_path_factory.mktemp("hostile")
    lines = "\n\n".join(" ".join(payload.split()) for payload in XSS_PAYLOADS)
    (folder / "0 all.md").write_text(f"# 全部\n\n{lines}\n", encoding="utf-8")
    for number, payload in enumerate(XSS_PAYLOADS):
        headline = " ".join(payload.split())
        name = "".join(char for char in payload if char not in "/\0\n\r")[:60]
        text = f"# {headline} 第{number}篇\n\n□本报记者 {headline}\n\n第{number}号仓库存有{payload}口罩。\n"
        (folder / f"{number:03} {name}.md").write_text(text, encoding="utf-8")
    desk = make_desk(folder)
    log = desk.app.app.state.review  # type: ignore[attr-defined]
    for number, payload in enumerate(XSS_PAYLOADS):
        source = {"file": payload, "article": payload, "article_id": 1, "section": payload, "start": 0, "end": 1}
        passages = [{"source": source, "highlights": []}]
        status = "answered" if number % 2 else "not_found"
        asked = record(f"t{number}", payload, status, searched_as=f"{payload}?", answer=payload, passages=passages)
        log.record(asked, surface="chat", history=[payload])
        log.feedback(f"t{number}", Feedback("down", "other", payload))
    with served(desk.app) as address:
        yield Site(desk, address)


def nothing_ran(page: Page) -> None:
    assert page.evaluate("window.hacked") is None
    assert page.locator("#desk").locator(FOREIGN).count() == 0
    assert page.locator("#show").locator(FOREIGN).count() == 0


def through_the_pages(page: Page, words: str, place: str = "#list") -> Iterator[int]:
    """Each page of a list, by its number."""
    for number in range(20):
        expect(page.locator(f"{place} tbody tr").first).to_be_visible()
        expect(page.locator(place)).not_to_have_attribute("aria-busy", "true")
        yield number
        following = page.locator(place).get_by_role("button", name=words)
        if following.is_disabled():
            return
        first = page.locator(f"{place} tbody tr").first.inner_text()
        following.click()
        expect(page.locator(f"{place} tbody tr").first).not_to_have_text(first, use_inner_text=True)


def test_hostile_articles_run_nothing_on_the_corpus_page(opened: Opener, hostile: Site) -> None:
    page = opened(LOOKS[0])
    page.goto(f"{hostile.address}/zh/corpus")
    seen = 0
    for _ in through_the_pages(page, DESK["zh"].following):
        seen += page.locator("#list tbody tr").count()
        nothing_ran(page)
    assert seen == len(hostile.desk.bot.store.articles()) >= len(XSS_PAYLOADS)
    page.locator("[name=view][value=files]").check()
    expect(page.locator("[data-delete-file]").first).to_be_visible()
    for _ in through_the_pages(page, DESK["zh"].following):
        nothing_ran(page)
    page.locator("[data-delete-file]").last.click()  # its name stands in the question
    nothing_ran(page)
    page.keyboard.press("Escape")
    page.locator("[name=view][value=articles]").check()
    page.locator("#q").fill("0 all.md")
    expect(page.locator("#list tbody tr").first).to_contain_text("全部")
    page.locator("[data-show]").first.click()
    expect(page.locator("#show .passages").first).to_be_visible()
    nothing_ran(page)
    page.keyboard.press("Escape")
    for payload in XSS_PAYLOADS[::8]:
        page.locator("#try").fill(payload.replace("\n", " "))
        page.locator("#dictionary").fill("")
        expect(page.locator("#tried")).not_to_be_empty()
        nothing_ran(page)


def test_hostile_questions_run_nothing_on_the_review_page(opened: Opener, hostile: Site) -> None:
    page = opened(LOOKS[0])
    page.goto(f"{hostile.address}/zh/review")
    seen: list[str] = []
    for _ in through_the_pages(page, DESK["zh"].following):
        page.locator("#list").evaluate("list => list.querySelectorAll('details').forEach(each => { each.open = true })")
        seen += page.locator("#list .question").evaluate_all("all => all.map(each => each.textContent)")
        nothing_ran(page)
    shown = {text.replace("\r", "") for text in seen}
    assert {payload.replace("\r", "") for payload in XSS_PAYLOADS} <= shown
    expect(page.locator("#unanswered tbody tr").first).to_be_visible()
    nothing_ran(page)
    page.locator("#unanswered summary").first.click()
    page.locator("#unanswered [data-show]").first.click()
    expect(page.locator("#gold")).to_be_visible()
    nothing_ran(page)
