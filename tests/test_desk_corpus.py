"""The corpus page: its shell tells nothing, its parts only the owner; lists are paged, words tried before saved."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import time
from pathlib import Path

import pytest
from desk_fixtures import Desk, MakeDesk, make_desk
from web_fixtures import PAYLOADS, Page

from qa.errors import InputError
from qa.web.desk_words import DESK
from qa.web.plots import Plot, Series, _scale, figure, svg
from qa.web.words import LANGUAGES
from qa.wordlists import WordLists, read_lists, terms_of

PARTS = ("/desk/corpus/figures", "/desk/corpus/list", "/desk/corpus/articles/1")
ARTICLES = 130


@pytest.fixture(scope="module")
def desk(make_desk: MakeDesk, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("pages")
    for number in range(ARTICLES):
        text = f"# 第{number}号渡口添新船\n\n□本报记者 何小满\n\n渡口新添了{number}艘木船。\n"
        (folder / f"{number:03}.md").write_text(text, encoding="utf-8")
    return make_desk(folder)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_itself_tells_nothing_of_the_corpus(desk: Desk, language: str) -> None:
    response = desk.client_from("203.0.113.7").get(f"/{language}/corpus")
    assert response.status_code == 200
    assert "渡口" not in response.text
    assert "script-src 'self'" in response.headers["content-security-policy"]
    page = Page(response.text)
    assert DESK[language].upload in page.text
    assert all("onclick" not in attributes and "style" not in attributes for _, attributes in page.tags)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [("203.0.113.7", {}, 401), ("127.0.0.1", {"origin": "https://outside.example"}, 403)],
)
def test_its_parts_are_the_owners_alone(
    desk: Desk, part: str, address: str, headers: dict[str, str], status: int
) -> None:
    response = desk.client_from(address).get(part, headers=headers)
    assert response.status_code == status
    assert "渡口" not in response.text


def test_pages_of_the_list_tile_the_corpus(desk: Desk) -> None:
    found: list[str] = []
    for offset in (0, 50, 100):
        page = Page(desk.client.get("/desk/corpus/list", params={"lang": "en", "offset": offset}).text)
        found += [str(attributes["href"]) for tag, attributes in page.tags if tag == "a"]
        assert f"{offset + 1}–{min(offset + 50, ARTICLES)} of {ARTICLES}" in page.text
    assert len(set(found)) == len(found) == ARTICLES


def test_articles_are_searched_however_they_are_written(desk: Desk) -> None:
    page = desk.client.get("/desk/corpus/list", params={"q": "第７號渡口"}).text
    assert "第7号渡口" in page
    assert "第17号" not in page
    assert DESK["zh"].nothing in desk.client.get("/desk/corpus/list", params={"q": "<没有>"}).text
    files = desk.client.get("/desk/corpus/list", params={"q": "007", "view": "files", "lang": "en"}).text
    assert "007.md" in files
    assert "folder pages" in files
    one = desk.client.get("/desk/corpus/list", params={"file": "007.md", "lang": "en"}).text
    assert "1–1 of 1" in one


@pytest.mark.parametrize("offset", ["-1", "x", "9" * 30, "٣", ""])
def test_an_offset_that_is_none_is_the_start_or_the_end(desk: Desk, offset: str) -> None:
    assert desk.client.get("/desk/corpus/list", params={"offset": offset}).status_code == 200


def test_an_article_shows_how_it_was_split(desk: Desk) -> None:
    line = desk.bot.store.articles()[7]
    page = Page(desk.client.get(f"/desk/corpus/articles/{line.id}", params={"lang": "en"}).text)
    assert "第7号渡口添新船" in page.text
    assert "渡口新添了7艘木船。" in page.text
    assert "1 passages" in page.text
    assert desk.client.get("/desk/corpus/articles/5").status_code == 404


def test_figures_count_the_corpus(desk: Desk) -> None:
    page = Page(desk.client.get("/desk/corpus/figures", params={"lang": "en"}).text)
    assert f"{ARTICLES} files have {ARTICLES} articles, the fullest 1." in page.text
    assert [attributes.get("role") for tag, attributes in page.tags if tag == "svg"] == ["img", "img"]
    assert sum(tag == "table" for tag, _ in page.tags) == 2
    assert all(not name.startswith("on") and name != "style" for _, attributes in page.tags for name in attributes)


def test_an_empty_corpus_has_a_page_too(make_desk: MakeDesk) -> None:
    empty = make_desk()
    assert empty.client.get("/desk/corpus/figures").status_code == 200
    assert DESK["zh"].nothing in empty.client.get("/desk/corpus/list").text


# --- plots ---


@pytest.mark.parametrize(
    ("most", "top", "step"),
    [(0, 1, 1), (1, 1, 1), (5, 5, 1), (6, 6, 2), (9, 10, 2), (11, 15, 5), (26, 30, 10), (101, 150, 50), (250, 250, 50)],
)
def test_an_axis_has_round_marks(most: int, top: int, step: int) -> None:
    assert _scale(most) == (top, step)


def test_bars_are_as_high_as_their_values() -> None:
    plot = Plot("p", "t", "d", ["a", "b"], "x", "y", [Series("good", "good", [1, 4]), Series("bad", "bad", [3, 0])])
    bars = [attributes for tag, attributes in Page(svg(plot)).tags if tag == "rect"]
    heights = [float(str(bar["height"])) for bar in bars]
    assert len(bars) == 3  # none for the zero
    assert heights[1] == pytest.approx(3 * heights[0], abs=0.02)
    assert heights[2] == pytest.approx(4 * heights[0], abs=0.02)
    assert float(str(bars[1]["y"])) + heights[1] == pytest.approx(float(str(bars[0]["y"])), abs=0.02)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_hostile_label_is_text(payload: str) -> None:
    page = Page(figure(Plot("p", payload, payload, [payload], payload, payload, [Series("s", "a", [1])]), "t"))
    allowed = {"figure", "figcaption", "svg", "title", "desc", "line", "text", "rect", "details", "summary", "div"}
    assert {tag for tag, _ in page.tags} <= allowed | {"table", "thead", "tbody", "tr", "th", "td"}
    assert page.text.count(payload) >= 3


# --- the owner's words ---


def wait(desk: Desk, job: str) -> str:
    while (state := desk.client.get(f"/api/articles/jobs/{job}").json()["state"]) == "running":
        time.sleep(0.05)
    return str(state)


def test_words_are_tried_then_saved_and_then_used(make_desk: MakeDesk) -> None:
    desk = make_desk()
    page = "# 街道发口罩\n\n景山街道发了八千个口罩。\n\n# 胡同修路\n\n胡同的路修好了。\n".encode()
    desk.upload(("a.md", page))
    assert desk.client.get("/api/words").json() == {"dictionary": "", "synonyms": ""}
    lists = {"dictionary": "景山街道\n", "synonyms": "面罩 口罩\n"}
    tried = desk.client.post("/api/words/try", json={**lists, "question": "景山街道的面罩"}).json()
    assert tried["before"]["words"] == ["景山", "街道", "面罩"]
    assert tried["after"]["words"] == ["景山街道", "面罩"]
    assert "口罩" in "".join(tried["after"]["terms"])
    assert "口罩" not in "".join(tried["before"]["terms"])
    assert (tried["searched"], tried["passages"]) == (2, 2)
    assert desk.client.get("/api/words").json() == {"dictionary": "", "synonyms": ""}

    saved = desk.client.put("/api/words", json=lists)
    assert saved.status_code == 202
    assert wait(desk, saved.json()["id"]) == "done"
    assert desk.client.get("/api/words").json() == lists
    assert (desk.bot.settings.data / "dict" / "synonyms.txt").read_text(encoding="utf-8") == "面罩 口罩\n"
    assert desk.bot.terms.question_words("景山街道的面罩") == ["景山街道", "面罩"]
    record = desk.client.post("/api/ask", json={"question": "面罩"}).json()
    assert "口罩" in record["passages"][0]["why"]["terms"]

    emptied = desk.client.put("/api/words", json={"dictionary": "", "synonyms": ""})
    assert wait(desk, emptied.json()["id"]) == "done"
    assert list((desk.bot.settings.data / "dict").iterdir()) == []
    assert desk.bot.terms.question_words("景山街道的面罩") == ["景山", "街道", "面罩"]


@pytest.mark.parametrize(
    ("lists", "field"),
    [
        ({"dictionary": "词 一 二 三 四\n", "synonyms": ""}, "dictionary"),
        ({"dictionary": f"词 {'9' * 5000}\n", "synonyms": ""}, "dictionary"),
        ({"dictionary": "", "synonyms": "独一个\n"}, "synonyms"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_saved(desk: Desk, lists: dict[str, str], field: str) -> None:
    for response in (
        desk.client.put("/api/words", json=lists),
        desk.client.post("/api/words/try", json={**lists, "question": "渡口"}),
    ):
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["field"]) == (422, "WORDS_INVALID", field)
        assert error["message"].startswith(f"{field}.txt, line 1: ")
    assert read_lists(desk.bot.settings) == WordLists()


def test_a_large_corpus_is_tried_on_its_nearest_passages(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.wordlists.POOL", 50)
    monkeypatch.setattr("qa.wordlists._NEAREST", 20)
    given = {"dictionary": "", "synonyms": "小舟 木船\n", "question": "第7号渡口的小舟"}
    tried = desk.client.post("/api/words/try", json=given).json()
    assert tried["searched"] < tried["passages"] == ARTICLES
    assert any("第7号" in str(hit["headline"]) for hit in tried["after"]["hits"])


def test_saved_words_are_read_at_the_next_start(make_desk: MakeDesk, tmp_path: Path) -> None:
    (tmp_path / "synonyms.txt").write_text("面罩 口罩\n", encoding="utf-8")
    desk = make_desk(dict=tmp_path)
    assert desk.client.get("/api/words").json()["synonyms"] == "面罩 口罩\n"
    job = desk.client.put("/api/words", json={"dictionary": "", "synonyms": ""}).json()["id"]
    assert wait(desk, job) == "done"
    assert [path.name for path in tmp_path.iterdir()] == ["synonyms.txt"]  # the folder that is named must hold one


def test_terms_of_good_lists_cut_by_them() -> None:
    assert terms_of(WordLists("渡口添新船\n")).words("渡口添新船了") == ["渡口添新船", "了"]
    with pytest.raises(InputError):
        terms_of(WordLists("a b c d"))
