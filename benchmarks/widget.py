"""Time until one can ask: the widget against an iframe of the chat, in the same browser, in turns, on a cold cache.

    python benchmarks/widget.py [--rounds 7]

Both stand in a page of another origin. Ready is when the question box can be typed into; the widget is opened by a
press as soon as its launcher is there. The chat's own headers forbid frames, so they are taken off for this measure.
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

from playwright.sync_api import Browser, Route, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from web_fixtures import served
from widget_fixtures import generous_app, hosted

from qa.access import Access
from qa.bot import Bot
from qa.config import Settings


def ready_s(browser: Browser, url: str, *, widget: bool) -> float:
    """Seconds from the visit until the question box can be typed into."""
    context = browser.new_context()
    page = context.new_page()

    def unframed(route: Route) -> None:
        response = route.fetch()
        kept = {name: value for name, value in response.headers.items() if "frame" not in name and "policy" not in name}
        route.fulfill(response=response, headers=kept)

    page.route("**/zh/", unframed)
    begun = time.perf_counter()
    page.goto(url, wait_until="commit")
    if widget:
        page.locator("wenbao-chat .launch").click()
        page.locator("wenbao-chat textarea").fill("x")
    else:
        page.frame_locator("iframe").locator("#wb-question textarea").fill("x")
    seconds = time.perf_counter() - begun
    context.close()
    return seconds


def main() -> None:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    chromium = shutil.which("chromium")
    with (
        tempfile.TemporaryDirectory() as folder,
        Bot.open(Settings(data=Path(folder))) as bot,
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
        times: dict[str, list[float]] = {name: [] for name in pages}
        for _ in range(rounds):
            for name, url in pages.items():
                times[name].append(ready_s(browser, url, widget=name == "widget"))
    for name, seconds in times.items():
        print(f"{name}: median {statistics.median(seconds):.3f} s of {', '.join(f'{each:.3f}' for each in seconds)}")
    print(f"ratio {statistics.median(times['widget']) / statistics.median(times['iframe']):.3f}")


if __name__ == "__main__":
    main()
