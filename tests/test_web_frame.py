"""The frame of our own pages and the first page in it, the help."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import pytest
from markupsafe import Markup
from starlette.testclient import TestClient
from web_fixtures import Page, app, bot, client

from qa.answer.verdict import measured
from qa.config import Settings
from qa.web import help_page
from qa.web.frame import TABS, document, navigation, tab_url
from qa.web.help_words import HELP
from qa.web.shell import with_shell
from qa.web.words import EN, LANGUAGES, ZH, Words


def links(source: str) -> list[str | None]:
    return [attributes["href"] for tag, attributes in Page(source).tags if tag == "a"]


def test_the_navigation_leads_to_every_tab_and_language_and_names_the_current_ones() -> None:
    source = navigation(EN, "corpus")
    assert links(source) == [
        "/en/",
        *("/en/", "/en/batch", "/en/corpus", "/en/review", "/en/help"),
        *("/zh/corpus", "/zh-hant/corpus", "/en/corpus"),
    ]
    current = [attributes["href"] for _, attributes in Page(source).tags if "aria-current" in attributes]
    assert current == ["/en/corpus", "/en/corpus"]


def test_a_page_that_is_no_tab_says_where_it_is_in_another_language() -> None:
    source = document(ZH, "甲", Markup(""), in_language=lambda words: f"/articles/7?lang={words.path}")
    assert links(source)[-3:] == [f"/articles/7?lang={path}" for path in LANGUAGES]


def test_title_and_body_are_told_apart_from_markup() -> None:
    source = document(ZH, "<script>1</script>", Markup("<p>{}</p>").format("<b>"), scripts=["a.js"], styles=["a.css"])
    page = Page(source)
    assert [attributes["src"] for tag, attributes in page.tags if tag == "script"] == ["/ui/a.js"]
    assert "b" not in {tag for tag, _ in page.tags}
    assert "<script>1</script> · 问报" in page.text
    styles = [attributes["href"] for tag, attributes in page.tags if tag == "link"]
    assert styles == ["/ui/base.css", "/ui/page.css", "/ui/a.css", "/ui/icon.svg"]


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_the_help_page_is_there_in_every_language_under_the_page_policy(client: TestClient, words: Words) -> None:
    response = client.get(tab_url(words, "help"))
    assert response.status_code == 200
    assert "script-src 'self';" in response.headers["content-security-policy"]
    assert "unsafe-inline" not in response.headers["content-security-policy"]
    page = Page(response.text)
    assert ("html", {"lang": words.tag}) in page.tags
    told = HELP[words.path]
    for text in (told.lead, *told.can[1], *told.can_not[1], *told.privacy[1], *words.meaning.values()):
        assert text in page.text


def test_every_style_sheet_and_script_of_a_page_is_served(client: TestClient) -> None:
    source = client.get("/en/help").text
    files = [
        attributes.get("href") or attributes.get("src")
        for tag, attributes in Page(source).tags
        if tag in {"link", "script", "img"}
    ]
    assert len(files) >= 4
    assert {client.get(str(file)).status_code for file in files} == {200}


def test_the_helps_say_the_same_in_every_language() -> None:
    shapes = {
        (len(told.can[1]), len(told.can_not[1]), tuple(told.key_names), len(told.privacy[1])) for told in HELP.values()
    }
    assert len(shapes) == 1
    assert list(HELP) == list(LANGUAGES)
    assert set(TABS) == set(EN.tabs)


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_the_chat_is_there_before_gradio_has_drawn_it(client: TestClient, words: Words) -> None:
    response = client.get(f"/{words.path}/")
    page = Page(response.text)
    assert ("html", words.tag) in [(tag, attributes.get("lang")) for tag, attributes in page.tags]
    assert [attributes.get("placeholder") for tag, attributes in page.tags if tag == "textarea"] == [words.placeholder]
    assert len([1 for _, attributes in page.tags if attributes.get("class") == "example"]) == 4
    assert words.welcome in page.text
    scripts = [attributes.get("src") for tag, attributes in page.tags if attributes.get("type") == "module"]
    assert scripts[0] == "/ui/chat.js"
    assert response.text.index('id="wb-shell"') < response.text.index("<gradio-app")
    assert int(response.headers["content-length"]) == len(response.content)


def test_a_page_without_the_places_of_the_shell_stays_as_it_is() -> None:
    assert with_shell("<p>甲</p>", ("zh-Hans", "<b>", "<i>")) == "<p>甲</p>"


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_the_help_gives_the_rates_of_the_shipped_weights(client: TestClient, words: Words) -> None:
    text = Page(client.get(tab_url(words, "help")).text).text
    rates = measured()
    for figure in (f"{rates.right_when_answered:.0%}", f"{rates.answerable:,}", f"{rates.unanswerable:,}"):
        assert figure in text


def test_the_help_says_how_long_what_is_kept() -> None:
    shown = Page(help_page.page(EN, Settings(talk_days=17, review_days=31))).text
    assert HELP["en"].kept.format(days=17) in shown
    assert HELP["en"].reviewed.format(days=31) in shown
    silent = Page(help_page.page(EN, Settings(talk_days=0, review_days=0))).text
    assert "days" not in silent
