"""The widget under axe-core, the rules by which accessibility is usually audited: no violation, in each look."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from web_fixtures import bot
from widget_fixtures import Opener, Site, ask, browser, errors, opened, site, start

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("mode", ["launcher", "inline", "search"])
def test_axe_finds_nothing(opened: Opener, site: Site, mode: str, scheme: str) -> None:
    page = opened(color_scheme=scheme, reduced_motion="reduce")
    url = site.host.page("/axe", site.tag(mode=mode, presets='["景山街道做了什么？"]'), lang="zh-CN")
    if mode == "launcher":
        start(page, url)
    else:
        page.goto(url)
    checked = {"include": [["wenbao-chat"]]}
    for step in ("empty", "answered"):
        if step == "answered":
            ask(page)
            expect(page.locator("wenbao-chat .short")).to_have_text("8000个")
            page.locator("wenbao-chat summary").click()
        expect(page.locator("wenbao-chat .panel")).to_be_visible()
        found = Axe().run(page, context=checked)
        assert found.response["passes"], "axe looked at nothing"
        assert [(each["id"], each["nodes"][0]["html"]) for each in found.response["violations"]] == [], step
