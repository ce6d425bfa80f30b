"""The Batch tab in a real browser: each kind of file in, looked at, answered, paused and fetched in each format."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Page, expect, sync_playwright
from web_fixtures import served

from qa.bot import Bot
from qa.web.batch_words import BATCH
from qa.web.server import build_app
from qa.web.words import LANGUAGES

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::ResourceWarning"),
]
CHROMIUM = shutil.which("chromium")
ASKED = "景山街道总工会三八节发了多少口罩？"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, seeds_bot: Bot) -> Iterator[str]:
    """The address of a server over a copy of the sample corpus."""
    data = tmp_path_factory.mktemp("page") / "data"
    shutil.copytree(seeds_bot.settings.data, data)
    with Bot.open(replace(seeds_bot.settings, data=data)) as own, served(build_app(own)) as address:
        yield address


@pytest.fixture(scope="module")
def page(place: str) -> Iterator[Page]:
    """The page, in a browser that reports every error."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    errors: list[str] = []
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        found = browser.new_page(locale="zh-CN")
        found.on("pageerror", lambda error: errors.append(str(error)))
        found.on("request", lambda request: errors.append(request.url) if place not in request.url else None)
        found.goto(f"{place}/zh/batch")
        yield found
        browser.close()
    assert [error for error in errors if not error.startswith(("blob:", "data:"))] == []


def written(folder: Path, kind: str) -> Path:
    """A file of one question, of a kind."""
    path = folder / f"题库.{kind}"
    if kind in {"xlsx", "xlsm"}:
        workbook = openpyxl.Workbook()
        sheet = workbook.worksheets[0]
        sheet.append(["编号", "问题", "标准答案"])
        sheet.append(["1", ASKED, "8000个"])
        workbook.save(path)
    elif kind == "jsonl":
        path.write_text(json.dumps({"id": "1", "question": ASKED, "answer": "8000个"}) + "\n", encoding="utf-8")
    elif kind == "txt":
        path.write_text(ASKED, encoding="utf-8")
    else:
        mark = "\t" if kind == "tsv" else ";"
        path.write_bytes(f"编号{mark}问题{mark}标准答案\n1{mark}{ASKED}{mark}8000个\n".encode("gb18030"))
    return path


@pytest.mark.parametrize("kind", ["xlsx", "xlsm", "csv", "tsv", "jsonl", "txt"])
def test_each_kind_of_file_is_looked_at_answered_and_fetched(page: Page, tmp_path: Path, kind: str) -> None:
    words = BATCH["zh"]
    page.set_input_files("#file", written(tmp_path, kind))
    expect(page.locator("#draft h2")).to_have_text(words["preview"].format(name=f"题库.{kind}"))
    expect(page.locator("#draft tbody")).to_contain_text(ASKED)
    page.click("#start")
    card = page.locator(".job", has_text=f"题库.{kind}").first
    expect(card.locator(".badge")).to_have_text(words["states"]["finished"])
    expect(card.locator(".facts")).to_contain_text(words["statuses"]["answered"])
    if kind != "txt":
        expect(card.locator(".scores")).to_contain_text("100.0%")
    for format_ in ("xlsx", "csv", "jsonl", "html"):
        with page.expect_download() as download:
            card.locator(f'[data-act="{format_}"]').click()
        assert download.value.suggested_filename == f"题库.answers.{format_}"
        target = tmp_path / f"down.{format_}"
        download.value.save_as(target)
        if format_ == "xlsx":
            assert len(openpyxl.load_workbook(target).sheetnames) == (3 if kind == "txt" else 4)
        else:
            assert "8000个" in target.read_text(encoding="utf-8")


def test_a_column_is_named_and_a_job_deleted(page: Page, tmp_path: Path) -> None:
    words = BATCH["zh"]
    path = tmp_path / "other.csv"
    path.write_text(f"n,frage\n1,{ASKED}\n", encoding="utf-8")
    page.set_input_files("#file", path)
    expect(page.locator("#draft .problem")).to_have_text(words["noQuestion"])
    expect(page.locator("#start")).to_be_disabled()
    page.locator("#draft select").last.select_option("question")
    expect(page.locator("#start")).to_be_enabled()
    page.click("#start")
    card = page.locator(".job", has_text="other.csv")
    expect(card.locator(".badge")).to_have_text(words["states"]["finished"])
    card.locator('[data-act="delete"]').click()
    card.locator('[data-act="delete"]').click()
    expect(card).to_have_count(0)


def test_a_file_that_holds_no_questions_is_told_and_leaves_nothing(page: Page, tmp_path: Path) -> None:
    before = page.locator(".job").count()
    path = tmp_path / "bad.xlsx"
    path.write_text("no workbook", encoding="utf-8")
    page.set_input_files("#file", path)
    expect(page.locator("#problem")).to_have_text(BATCH["zh"]["errors"]["UNSUPPORTED_FORMAT"])
    page.wait_for_timeout(1500)  # the list, which is asked for again and again, doesn't take it away
    expect(page.locator("#problem")).to_be_visible()
    expect(page.locator(".job")).to_have_count(before)


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_every_language_has_every_word(language: str) -> None:
    assert BATCH[language].keys() == BATCH["en"].keys()
    for name in ("roles", "states", "statuses", "formats", "measures"):
        assert BATCH[language][name].keys() == BATCH["en"][name].keys()
