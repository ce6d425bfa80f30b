"""Time until one can ask: the widget against an iframe of the chat, in the same browser, in turns, on a cold cache.

    python -m benchmarks.widget [--rounds 7]

Both stand in a page of another origin. Ready is when the box whose questions are answered can be typed into (in the
frame Gradio's, not the picture of it that stands there before); the widget is opened by a press as soon as its launcher
is there. Two clocks: *hand*, a visitor's as Playwright plays him, from the visit until the box has a letter, with the
driver's own trips between the processes, which an empty page has as well; and *page*, the browser's, from the page's
first moment until a frame is drawn with the box in it, the launcher pressed by a script. The chat's own headers forbid
frames, so they are taken off for this measure.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Browser, Page, Route, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from web_fixtures import served
from widget_fixtures import generous_app, hosted

from qa.access import Access
from qa.bot import Bot
from qa.config import Settings

LOOK = """
(() => {
  let pressed = false;
  const isThere = (element) => element?.getClientRects().length && !element.disabled;
  const look = () => {
    const widget = document.querySelector("wenbao-chat")?.shadowRoot;
    const launcher = widget?.querySelector(".launch");
    if (!pressed && isThere(launcher)) {
      pressed = true;
      launcher.click();
    }
    if (isThere((widget ?? document).querySelector("textarea:not(#wb-shell *)")))
      window.readyAt = performance.timeOrigin + performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()
"""
"""Notes in each frame of a page when its box is there."""


def new_page(browser: Browser) -> Page:
    """An empty page of a browser that has nothing in its cache."""
    page = browser.new_context().new_page()

    def unframed(route: Route) -> None:
        response = route.fetch()
        kept = {name: value for name, value in response.headers.items() if "frame" not in name and "policy" not in name}
        route.fulfill(response=response, headers=kept)

    page.route("**/zh/", unframed)
    return page


def ready_by_hand_s(page: Page, url: str, *, widget: bool) -> float:
    """Seconds from the visit until a letter stands in the question box."""
    begun = time.perf_counter()
    page.goto(url, wait_until="commit")
    if widget:
        page.locator("wenbao-chat .launch").click()
        page.locator("wenbao-chat textarea").fill("x")
    else:
        page.frame_locator("iframe").locator("#wb-question textarea").fill("x")
    return time.perf_counter() - begun


def ready_by_page_s(page: Page, url: str, *, widget: bool) -> float:
    """Seconds from the page's first moment until a frame is drawn with the question box in it."""
    page.add_init_script(LOOK)
    page.goto(url)
    frame = page.frames[0 if widget else 1]
    frame.wait_for_function("window.readyAt", polling=200)
    begun: float = page.evaluate("performance.timeOrigin")
    ready: float = frame.evaluate("window.readyAt")
    return (ready - begun) / 1000


CLOCKS = {"hand": ready_by_hand_s, "page": ready_by_page_s}


def main() -> None:
    """Print the medians and their ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    chromium = shutil.which("chromium")
    with (
        tempfile.TemporaryDirectory() as folder,
        Bot.open(Settings(data=Path(folder), remembered_mb=0)) as bot,
        closing(Access(Path(folder))) as access,
        hosted() as host,
        served(generous_app(bot, Path(folder))) as address,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox"]) as browser,
    ):
        access.add_site("site", [host.origin])
        key, _ = access.make_site_key("site")
        tag = f'<script src="{address}/widget.js" data-site="{key}" async></script>'
        pages = {
            "widget": host.page("/widget", tag),
            "iframe": host.page("/iframe", f'<iframe src="{address}/zh/" width="700" height="700"></iframe>'),
        }
        times: dict[tuple[str, str], list[float]] = {(clock, name): [] for clock in CLOCKS for name in pages}
        for _ in range(rounds):
            for (clock, name), seconds in times.items():
                page = new_page(browser)
                seconds.append(CLOCKS[clock](page, pages[name], widget=name == "widget"))
                page.context.close()
    medians = {key: statistics.median(seconds) for key, seconds in times.items()}
    for (clock, name), seconds in times.items():
        listed = ", ".join(f"{each:.3f}" for each in seconds)
        print(f"{clock}, {name}: median {medians[clock, name]:.3f} s of {listed}")
    for clock in CLOCKS:
        print(f"{clock}: ratio {medians[clock, 'widget'] / medians[clock, 'iframe']:.3f}")


if __name__ == "__main__":
    main()
