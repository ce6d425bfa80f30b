"""A browser for tests: Debian's Chromium, pages of several looks, and a watch over what they ask for and say."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from qa.web.words import LANGUAGES, Words

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PICTURES = {
    *("start-zh-1180-light", "answer-zh-1180-light", "answer-zh-390-dark", "article-zh-1180-light"),
    *("not_found-zh-390-dark", "why-en-1180-dark", "history-zh-1180-light", "scan-zh-390-dark"),
    *("corpus-zh-1180-light", "words-zh-1180-light", "review-zh-1180-light", "review-zh-390-dark"),
    *("widget-zh-1180-light", "widget-zh-390-dark"),
}
"""Those kept in docs/pictures."""


@dataclass(frozen=True, slots=True)
class Look:
    language: str
    width: int
    height: int
    theme: Literal["light", "dark"]

    def __str__(self) -> str:
        return f"{self.language}-{self.width}-{self.theme}"

    @property
    def words(self) -> Words:
        return LANGUAGES[self.language]


DESKTOP = Look("zh", 1180, 820, "light")
ENGLISH = Look("en", 1180, 820, "dark")
PHONE = Look("zh", 390, 780, "dark")
ENGLISH_PHONE = Look("en", 390, 780, "light")
SMALL = Look("zh-hant", 320, 640, "light")
LOOKS = (DESKTOP, ENGLISH, PHONE, ENGLISH_PHONE, SMALL)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of one module: playwright can't be begun twice, and each module that imports this fixture has its own."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    expect.set_options(timeout=30_000)  # of a busy machine; on an idle one everything is there in a second
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS) as found:
        yield found


Opener = Callable[[Look], Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opener]:
    """Opens an empty page with a look. At the end: no request has left this machine, and no page had an error."""
    requests: list[str] = []
    errors: list[str] = []
    contexts = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("dialog", lambda dialog: errors.append(f"dialog: {dialog.message}"))

    def open_page(look: Look) -> Page:
        context = browser.new_context(
            viewport={"width": look.width, "height": look.height}, color_scheme=look.theme, locale="zh-CN"
        )
        contexts.append(context)
        context.on("request", lambda request: requests.append(request.url))
        context.on("page", watch)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert requests or not contexts
    assert {urlsplit(url).hostname for url in requests if not url.startswith(("data:", "blob:"))} == {"127.0.0.1"}
    # Gradio reports these two when its page is left while it waits for an event's end, as by the language links.
    # That a request was refused is told by the page itself, where it was meant to be.
    # A page that is left while it fetches something of ours says "Failed to fetch".
    expected = ("AbortError", "Connection errored out", "Failed to fetch", "the server responded with a status of 4")
    left = [error for error in errors if not any(each in error for each in expected)]
    assert left == []


def visit(page: Page, url: str) -> None:
    """Open a chat page; a question is held until it listens."""
    page.goto(url)
    expect(page.locator("#wb-question textarea")).to_be_editable()


def ask(page: Page, question: str) -> None:
    """Ask, and wait for what comes of it."""
    before = page.locator(".wb-question").count()
    page.locator("#wb-question textarea").fill(question)
    page.locator("#wb-question textarea").press("Enter")
    try:
        expect(page.locator(".wb-question")).to_have_count(before + 1)
        expect(page.locator(".wb-answer")).to_have_count(before + 1)
    except AssertionError as error:
        shown, left = page.locator("#wb-chat").inner_text(), page.locator("#wb-question textarea").input_value()
        pytest.fail(
            f"{error}\nafter {question!r}, asked as number {before + 1}, the box holds {left!r} and the page ends "
            f"with: {shown[-300:]!r}"
        )


def picture(page: Page, name: str) -> None:
    """Takes one of ``PICTURES`` when asked to: ``WENBAO_PICTURES=docs/pictures`` names the folder."""
    if (folder := Path(os.environ.get("WENBAO_PICTURES", ""))).name and name in PICTURES:
        taken = Image.open(BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
        few = taken.quantize(256, method=Image.Quantize.MAXCOVERAGE)  # keeps the rare colours
        palette, counts = few.getpalette() or [], few.histogram()
        ground = Counter(zip(*[iter(taken.tobytes())] * 3, strict=True)).most_common(1)[0][0]
        at = 3 * max(range(len(counts)), key=counts.__getitem__)
        palette[at : at + 3] = ground  # the page's own colour as it is, not nearly
        few.putpalette(palette)
        few.save(folder / f"{name}.png", optimize=True)


def fits(page: Page) -> bool:
    """Nothing stands out of the window sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def serious_findings(page: Page) -> list[str]:
    """What axe-core calls serious or critical by WCAG 2.1 A and AA: the rule, and where."""
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}}).response["violations"]
    return [
        f"{violation['id']}: {node['target']} {node.get('failureSummary', '')[:200]}"
        for violation in found
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]
