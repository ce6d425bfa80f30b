"""Uploads beside indexed folders: neither takes the other's away, and what was withdrawn is gone and stays so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from tiny_models import static_folder

from qa.bot import Bot
from qa.config import Settings
from qa.errors import NotFoundError, StoreError
from qa.indexing import UPLOADS
from qa.reading import Document, Problem, parse
from qa.text import Terms
from qa.uploads import Uploads

PAGE = "# 渡口添新船\n\n渡口新添了七艘木船。\n\n# 老街修好了\n\n老街的石板换了三千块。\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(static_folder(tmp_path_factory.mktemp("model")))


@pytest.fixture
def bot(tmp_path: Path, model: str) -> Iterator[Bot]:
    with Bot.open(Settings(data=tmp_path / "data", model=model), index_seeds=False) as opened:
        yield opened


def document(name: str, text: str) -> Document:
    return parse(name, text.encode())


def upload(bot: Bot, *documents: Document | Problem) -> list[tuple[str, str, str | None]]:
    found: list[tuple[str, str, str | None]] = []

    def settled(item: Document | Problem, outcome: str, problem: Problem | None) -> None:
        # Whatever is said to be added is in the store already.
        assert outcome == "problem" or item.file in bot.store.files()
        found.append((item.file, outcome, problem.code if problem else None))

    bot.add(documents, settled=settled)
    return found


def headlines(bot: Bot) -> list[str | None]:
    return [line.headline for line in bot.store.articles()]


def texts_found(bot: Bot, question: str) -> str:
    return " ".join(passage["text"] for passage in bot.ask(question)["passages"])


def test_each_file_has_its_own_outcome(bot: Bot) -> None:
    problem = Problem("c.pdf", "PARSE_FAILED", "c.pdf: damaged.")
    a, b = document("a.md", PAGE), document("b.md", "# 茶馆开张\n\n茶馆有十二张桌子。\n")
    assert upload(bot, a, problem, b, document("a.md", "别的")) == [
        ("c.pdf", "problem", "PARSE_FAILED"),
        ("a.md", "problem", "NAME_TAKEN"),
        ("a.md", "added", None),
        ("b.md", "added", None),
    ]
    assert upload(bot, a, document("b.md", "# 茶馆开张\n\n茶馆有二十张桌子。\n")) == [
        ("a.md", "unchanged", None),
        ("b.md", "changed", None),
    ]
    assert "二十张桌子" in texts_found(bot, "茶馆有几张桌子？")
    assert {file.root for file in bot.store.files().values()} == {UPLOADS}


def test_pruning_a_folder_leaves_uploads_and_uploads_leave_folders(bot: Bot, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    for name in ("one.md", "two.md"):
        (folder / name).write_text(PAGE + name, encoding="utf-8")
    bot.index([folder])
    assert upload(bot, document("mine.md", "# 茶馆\n\n茶馆开张。\n"), document("one.md", "# 别的\n\n别的文章。\n")) == [
        ("one.md", "problem", "FILE_NAME_TAKEN"),
        ("mine.md", "added", None),
    ]
    assert upload(bot, document("two.md", PAGE + "two.md")) == [("two.md", "unchanged", None)]
    (folder / "two.md").unlink()
    report = bot.index([folder], prune=True)
    assert report.removed == ("two.md",)
    assert set(bot.store.files()) == {"one.md", "mine.md"}

    (folder / "mine.md").write_text("# 茶馆\n\n另一家茶馆。\n", encoding="utf-8")
    assert [problem.code for problem in bot.index([folder], prune=True).problems] == ["FILE_NAME_TAKEN"]
    assert "茶馆开张" in bot.store.file_text("mine.md")


def test_a_withdrawn_article_is_gone_everywhere_and_stays_so(bot: Bot, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "one.md").write_text(PAGE, encoding="utf-8")
    bot.index([folder])
    boats, street = bot.store.articles()
    assert "七艘" in texts_found(bot, "渡口添了几艘船？")
    whole = bot.store.document("one.md")
    bot.withdraw(articles=[boats.id])
    assert headlines(bot) == ["老街修好了"]
    assert "七艘" not in texts_found(bot, "渡口添了几艘船？")
    assert bot.store.article(boats.id) is None
    text = bot.store.file_text("one.md")
    assert "船" not in text
    assert len(text) == len(whole.text)
    assert text[street.start : street.end] == whole.text[street.start : street.end]
    assert bot.store.findings() == []
    assert bot.index([folder]).unchanged == ("one.md",)
    assert headlines(bot) == ["老街修好了"]


def test_a_withdrawn_file_of_a_folder_stays_away_until_it_changes(bot: Bot, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "one.md").write_text(PAGE, encoding="utf-8")
    bot.index([folder])
    bot.withdraw(files=["one.md"])
    assert headlines(bot) == []
    assert bot.store.file_text("one.md").strip() == ""
    assert bot.index([folder]).unchanged == ("one.md",)
    assert headlines(bot) == []
    (folder / "one.md").write_text(PAGE + "又及。\n", encoding="utf-8")
    assert bot.index([folder]).changed == ("one.md",)
    assert headlines(bot) == ["渡口添新船", "老街修好了"]


def test_uploading_again_brings_back_what_was_withdrawn(bot: Bot) -> None:
    page = document("page.md", PAGE)
    upload(bot, page)
    bot.withdraw(articles=[bot.store.articles()[0].id])
    assert headlines(bot) == ["老街修好了"]
    assert upload(bot, page) == [("page.md", "changed", None)]
    assert headlines(bot) == ["渡口添新船", "老街修好了"]
    bot.withdraw(articles=[line.id for line in bot.store.articles()])
    assert bot.store.files() == {}
    assert upload(bot, page) == [("page.md", "added", None)]


def test_all_or_nothing_is_withdrawn(bot: Bot) -> None:
    upload(bot, document("page.md", PAGE))
    with pytest.raises(NotFoundError):
        bot.withdraw(files=["page.md", "none.md"])
    with pytest.raises(NotFoundError):
        bot.withdraw(articles=[bot.store.articles()[0].id, 5])
    assert len(headlines(bot)) == 2


def test_questions_are_answered_from_the_earlier_indexes_while_others_are_built(bot: Bot) -> None:
    upload(bot, document("page.md", PAGE))
    bot.ask("老街换了多少石板？")
    before = bot.retriever()
    gone, go_on = threading.Event(), threading.Event()

    def committed() -> None:
        gone.set()
        assert go_on.wait(20)

    thread = threading.Thread(
        target=bot.withdraw, kwargs={"articles": [bot.store.articles()[0].id], "committed": committed}
    )
    thread.start()
    assert gone.wait(20)
    assert bot.retriever() is before
    assert "三千块" in texts_found(bot, "老街换了多少石板？")
    assert "七艘" not in texts_found(bot, "渡口添了几艘船？")  # gone at once, before the indexes know
    go_on.set()
    thread.join()
    assert bot.retriever() is not before
    assert "三千块" in texts_found(bot, "老街换了多少石板？")


def test_new_terms_are_used_once_the_indexes_are_built_by_them(bot: Bot, tmp_path: Path) -> None:
    upload(bot, document("page.md", PAGE))
    assert texts_found(bot, "渡口添了几艘船？")
    synonyms = tmp_path / "synonyms.txt"
    synonyms.write_text("木船 舢板\n", encoding="utf-8")
    bot.use_terms(Terms(None, synonyms))
    record = bot.ask("舢板")
    assert "木船" in record["passages"][0]["why"]["terms"]
    assert bot.retriever().terms is bot.terms


def test_what_was_uploaded_before_a_deletion_does_not_come_back(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a kill between an upload's commit and its outcome, or before a worker that has much to do."""
    upload(bot, document("a.md", PAGE))
    uploads = Uploads(bot)
    start = uploads._start
    monkeypatch.setattr(uploads, "_start", lambda: None)
    path = uploads.place()
    path.write_text(PAGE + "\n# 又一篇\n\n茶馆开张。\n", encoding="utf-8")
    job = uploads.take([("a.md", path)], "owner")
    with ThreadPoolExecutor(1) as other, closing(uploads):
        deleted = other.submit(uploads.withdraw, files=["a.md"])
        with pytest.raises(TimeoutError):
            deleted.result(timeout=0.3)  # the upload goes first
        start()
        deleted.result(timeout=20)
        assert uploads.job(job).counts == {"changed": 1}
        assert bot.store.files() == {}


def test_a_deletion_gives_up_when_an_earlier_upload_keeps_waiting(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(bot, document("a.md", PAGE))
    monkeypatch.setattr("qa.uploads.DELETE_WAIT_S", 0.1)
    with closing(Uploads(bot)) as uploads:
        monkeypatch.setattr(uploads, "_start", lambda: None)
        path = uploads.place()
        path.write_text(PAGE, encoding="utf-8")
        uploads.take([("a.md", path)], "owner")
        article = bot.store.articles()[0].id
        for refused in ({"files": ["a.md"]}, {"articles": [article]}):
            with pytest.raises(StoreError) as caught:
                uploads.withdraw(**refused)
            assert caught.value.code == "WRITER_LOCKED"
        assert len(bot.store.articles()) == 2
