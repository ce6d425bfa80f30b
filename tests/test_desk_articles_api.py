"""Articles in and out over HTTP: every file with its own outcome, what is refused, and what is gone when deleted."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import errno
import io
import json
import sqlite3
import stat
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import docx
import pytest
from desk_fixtures import Desk, MakeDesk, make_desk

from qa.bot import Bot
from qa.errors import StoreError
from qa.reading import Document, Found, ReadingError, archives, read
from qa.reading.aside import Aside
from qa.uploads import Uploads
from qa.web.articles_api import corpus_name

PAGE = "# 渡口添新船\n\n渡口新添了七艘木船。\n\n# 老街修好了\n\n老街的石板换了三千块。\n".encode()
OCTETS = {"content-type": "application/octet-stream"}
INPUTS = Path(__file__).parent / "reading"
PROSE = "社区图书馆周末开放到晚上九点，读者可以借阅两万多册图书。馆长说，下班以后也能来看书，这是大家提得最多的意见。"


@pytest.fixture(scope="module")
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk()


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def files(desk: Desk) -> set[str]:
    return set(desk.bot.store.files())


def texts(desk: Desk, question: str) -> str:
    record = desk.client.post("/api/ask", json={"question": question}).json()
    return " ".join(passage["text"] for passage in record["passages"])


# --- what comes in ---


def test_files_are_added_changed_or_left_and_found_at_once(desk: Desk) -> None:
    tea = ("b.md", "# 茶".encode())
    assert desk.outcomes(("a.md", PAGE), tea) == [("a.md", "added", None), ("b.md", "added", None)]
    assert "七艘" in texts(desk, "渡口添了几艘船？")
    changed = PAGE.replace("七艘".encode(), "九艘".encode())
    assert desk.outcomes(("a.md", changed), tea) == [("a.md", "changed", None), ("b.md", "unchanged", None)]
    assert "九艘" in texts(desk, "渡口添了几艘船？")


def test_a_file_may_be_the_body_itself(desk: Desk) -> None:
    name = {"name": "报纸/第一版.md", "wait": "60"}
    assert desk.client.post("/api/articles", params=name, content=PAGE).json()["counts"] == {"added": 1}
    named = {"content-disposition": "attachment; filename*=UTF-8''%E7%AC%AC%E4%BA%8C%E7%89%88.md"}
    job = desk.client.post("/api/articles", params={"wait": "60"}, content=PAGE, headers=named).json()
    assert [file["file"] for file in job["files"]] == ["第二版.md"]
    assert {"报纸/第一版.md", "第二版.md"} <= files(desk)


def test_every_format_is_taken(desk: Desk) -> None:
    word = io.BytesIO()
    document = docx.Document()
    document.add_heading("乡村图书馆", 1)
    document.add_paragraph("馆里有两万册书。")
    document.save(word)
    pdf = next(INPUTS.rglob("*.pdf"))
    found = desk.outcomes(
        ("w.docx", word.getvalue()),
        ("h.html", "<h1>茶馆</h1><p>茶馆有十二张桌子。".encode()),
        ("t.txt", PROSE.encode("gb18030")),
        ("p.pdf", pdf.read_bytes()),
    )
    assert [outcome for _, outcome, _ in found] == ["added"] * 4
    stored = desk.bot.store.files()
    assert stored["t.txt"].encoding == "gb18030"
    assert "两万册" in texts(desk, "图书馆有多少册书？")


def test_an_upload_is_at_its_job_until_it_is_done_and_after(desk: Desk) -> None:
    begun = desk.client.post("/api/articles", files=[("files", ("later.md", PAGE))], params={"wait": "0"})
    assert begun.status_code in {200, 202}
    job = begun.json()["id"]
    assert begun.headers["location"] == f"/api/articles/jobs/{job}"
    more = desk.client.post("/api/articles", files=[("files", ("more.md", PAGE))], params={"job": job, "wait": "60"})
    found = more.json()
    assert (found["state"], found["counts"]) == ("done", {"added": 2})
    assert found["files"][-1]["file"] in {"later.md", "more.md"}
    assert desk.client.get(f"/api/articles/jobs/{job}", params={"since": found["step"]}).json()["files"] == []
    assert desk.client.get("/api/articles/jobs").json()["jobs"][0]["id"] == job
    missing = desk.client.get("/api/articles/jobs/none")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"content": b""}, 422, "FIELD_INVALID"),
        ({"content": PAGE, "params": {"name": "../"}}, 422, "FIELD_INVALID"),
        ({"content": PAGE, "params": {"name": "n" * 1001}}, 422, "FIELD_INVALID"),
        ({"data": {"encoding": "big5"}, "files": {}}, 422, "FIELD_INVALID"),
        ({"content": b"no form", "headers": {"content-type": "multipart/form-data"}}, 400, "BODY_INVALID"),
        ({"content": PAGE, "params": {"name": "a.md", "wait": "soon"}}, 422, "FIELD_INVALID"),
        ({"content": PAGE, "params": {"name": "a.md", "job": "none"}}, 404, "NOT_FOUND"),
    ],
    ids=str,
)
def test_what_is_no_upload_is_refused(desk: Desk, request_: dict[str, Any], status: int, code: str) -> None:
    response = desk.client.post("/api/articles", **request_)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert desk.client.get("/api/articles/jobs").json()["jobs"][0]["state"] == "done"
    assert not list((desk.bot.settings.data / "uploads").iterdir())


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("client", "headers", "status", "code"),
    [
        ("203.0.113.7", {}, 401, "UNAUTHORIZED"),
        ("203.0.113.7", {"authorization": "Bearer wrong"}, 401, "UNAUTHORIZED"),
        ("127.0.0.1", {"origin": "https://outside.example"}, 403, "ORIGIN_NOT_ALLOWED"),
        ("127.0.0.1", {"sec-fetch-site": "cross-site"}, 403, "ORIGIN_NOT_ALLOWED"),
    ],
)
def test_only_the_owner_changes_the_corpus(
    desk: Desk, method: str, client: str, headers: dict[str, str], status: int, code: str
) -> None:
    before = files(desk)
    params = {"name": "theirs.md", "file": next(iter(before), "a.md"), "wait": "60"}
    content = PAGE if method == "POST" else None
    theirs = desk.client_from(client)
    response = theirs.request(method, "/api/articles", params=params, content=content, headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert files(desk) == before


def test_an_admins_token_opens_it_from_elsewhere(desk: Desk) -> None:
    token = desk.app.app.state.access.make_token("desk", ["admin"])  # type: ignore[attr-defined]
    shown = {"authorization": f"Bearer {token if isinstance(token, str) else token[0]}"}
    params = {"name": "from-afar.md", "wait": "60"}
    response = desk.client_from("203.0.113.7").post("/api/articles", params=params, content=PAGE, headers=shown)
    assert response.json()["uploader"].startswith("admin")
    assert "from-afar.md" in files(desk)


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("a.md", "a.md"),
        ("报纸/1920/a.md", "报纸/1920/a.md"),
        ("C:\\fakepath\\a.md", "a.md"),
        ("/etc/a.md", "a.md"),
        ("../../a.md", "a.md"),
        ("a/./b//c.md", "a/b/c.md"),
        ("a\nb\x1b[31m\u202etxt.md", "a\\nb\\x1b[31m\\u202etxt.md"),
    ],
)
def test_a_files_name_leads_nowhere(filename: str, name: str) -> None:
    assert corpus_name(filename) == name


# --- what goes out ---


def test_a_deleted_article_is_on_no_surface(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.upload(("page.md", PAGE), ("other.md", "# 茶馆\n\n茶馆有十二张桌子。\n".encode()))
    boats = next(a for a in desk.client.get("/api/articles").json()["articles"] if a["headline"] == "渡口添新船")
    assert desk.client.delete(f"/api/articles/{boats['id']}").json() == {"deleted": [str(boats["id"])]}
    assert "七艘" not in texts(desk, "渡口添了几艘船？")
    assert desk.client.get(f"/api/articles/{boats['id']}").status_code == 404
    assert desk.client.get(f"/articles/{boats['id']}").status_code == 404
    assert "渡口" not in desk.client.get("/api/articles").text
    for line in desk.client.get("/api/articles").json()["articles"]:
        for view in ("read", "scan"):
            assert "七艘" not in desk.client.get(f"/articles/{line['id']}", params={"view": view}).text
    assert "七艘" not in desk.bot.store.file_text("page.md")
    again = desk.client.delete(f"/api/articles/{boats['id']}")
    assert (again.status_code, again.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert desk.client.delete("/api/articles", params={"file": ["page.md", "none.md"]}).status_code == 404
    assert desk.client.delete("/api/articles", params={"file": ["page.md", "other.md"]}).status_code == 200
    assert files(desk) == set()
    assert desk.client.delete("/api/articles").status_code == 422


def test_questions_are_answered_while_files_are_read(make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = make_desk()
    desk.upload(("page.md", PAGE))
    reading, go_on = threading.Event(), threading.Event()
    read_aside = Aside.read

    def slow(self: Aside, found: Found, encoding: str | None = None) -> Any:
        reading.set()
        assert go_on.wait(20)
        return read_aside(self, found, encoding)

    monkeypatch.setattr(Aside, "read", slow)
    begun = desk.client.post("/api/articles", files=[("files", ("new.md", PAGE))], params={"wait": "0"})
    assert begun.status_code == 202
    assert reading.wait(20)
    assert "七艘" in texts(desk, "渡口添了几艘船？")
    state = desk.client.get(f"/api/articles/jobs/{begun.json()['id']}").json()
    assert (state["state"], state["counts"]) == ("running", {"waiting": 1})
    go_on.set()
    job = begun.json()["id"]
    while desk.client.get(f"/api/articles/jobs/{job}").json()["state"] == "running":
        time.sleep(0.05)
    assert "new.md" in files(desk)


def test_what_was_taken_in_survives_the_server(make_desk: MakeDesk) -> None:
    desk = make_desk()
    first = Uploads(desk.bot)
    place = first.place()
    place.write_bytes(PAGE)
    stray = first.place()
    stray.write_bytes(b"of a request that was cut off")
    first._stopped = True  # killed before its thread began
    job = first.take([("page.md", place)], "test")
    assert "page.md" not in files(desk)
    second = Uploads(desk.bot)
    try:
        while not second.is_done(job):
            time.sleep(0.02)
        assert second.job(job).counts == {"added": 1}
        assert "page.md" in files(desk)
        assert not list(second.folder.iterdir())
    finally:
        second.close()


@pytest.mark.parametrize("fails", ["qa.uploads.sync", "qa.uploads._insert"])
def test_what_cannot_be_taken_in_leaves_no_job_that_runs_for_ever(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """A job is there with its files or not at all."""

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    desk = make_desk()
    with monkeypatch.context() as patch:
        patch.setattr(fails, full)
        refused = desk.client.post("/api/articles", params={"name": "new.md"}, content=PAGE, headers=OCTETS)
    assert refused.json()["error"]["code"] == "DISK_FULL"
    assert desk.client.get("/api/articles/jobs").json()["jobs"] == []
    assert desk.client.post("/api/articles", params={"name": "new.md"}, content=PAGE, headers=OCTETS).status_code == 200


def test_a_job_that_an_earlier_version_left_without_files_is_gone_at_the_next_start(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.client.post("/api/articles", params={"name": "new.md"}, content=PAGE, headers=OCTETS)
    folder = desk.bot.settings.data
    with closing(sqlite3.connect(folder / "uploads.db")) as connection, connection:
        connection.execute("INSERT INTO jobs (id, kind, uploader, started) VALUES ('0f', 'upload', 'owner', 1)")
    second = Uploads(desk.bot)
    try:
        assert [job.finished is not None for job in second.jobs()] == [True]
    finally:
        second.close()


def test_a_failing_disk_is_told_for_each_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise StoreError("DISK_FULL", "The disk is full.")

    monkeypatch.setattr(Bot, "add", full)
    job = desk.upload(("full.md", PAGE))
    assert (job["state"], job["code"]) == ("failed", "DISK_FULL")
    assert [(file["state"], file["code"]) for file in job["files"]] == [("problem", "DISK_FULL")]


# --- archives ---


def test_a_zips_articles_are_added_under_their_paths(desk: Desk) -> None:
    found = desk.outcomes(
        (
            "papers.zip",
            zipped(
                ("papers/one.md", PAGE),
                ("papers/报/二.md", PAGE),
                ("aa/bb.md", PAGE),
                ("papers/.hidden.md", PAGE),
                ("__MACOSX/._one.md", b"\0"),
                ("papers/photo.jpg", b"\xff\xd8\xff"),
                ("papers/bad.txt", b"\xff\xd8\xff\xe0 jpeg"),
                ("papers/deep.zip", zipped(("x.md", PAGE))),
            ).replace(b"aa/bb.md", "报/旧.md".encode("gb18030")),  # as Windows writes names in China
        )
    )
    assert found[0] == ("papers.zip", "opened", None)
    assert sorted(found[1:]) == [
        ("papers/bad.txt", "problem", "NOT_TEXT"),
        ("papers/deep.zip", "problem", "ARCHIVE_NESTED"),
        ("papers/one.md", "added", None),
        ("papers/photo.jpg", "problem", "UNSUPPORTED_FORMAT"),
        ("papers/报/二.md", "added", None),
        ("报/旧.md", "added", None),
    ]
    assert not list((desk.bot.settings.data / "uploads").iterdir())


def link(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target.encode()


def bomb() -> bytes:
    return zipped(("big.txt", b" " * (300 << 20)))


def nested(levels: int) -> bytes:
    data = zipped(("deepest.md", PAGE))
    for level in range(levels):
        data = zipped((f"{level}.zip", data), ("beside.md", PAGE))
    return data


UNSAFE = {
    "ARTI-040-up": zipped(("fine.md", PAGE), ("../../etc/cron.d/x.md", PAGE)),
    "ARTI-040-absolute": zipped(("fine.md", PAGE), ("/x.md", PAGE)),
    "ARTI-040-drive": zipped(("fine.md", PAGE), ("C:\\x.md", PAGE)),
    "ARTI-040-backslash": zipped(("fine.md", PAGE), ("a\\..\\..\\x.md", PAGE)),
    "ARTI-040-link": zipped(("fine.md", PAGE), link("x.md", "/etc/passwd")),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_an_archive_that_leads_out_of_itself_is_refused_whole(desk: Desk, name: str) -> None:
    before = files(desk)
    outside = set(desk.bot.settings.data.parent.iterdir())
    assert desk.outcomes(("a.zip", UNSAFE[name])) == [("a.zip", "problem", "ARCHIVE_UNSAFE_PATH")]
    assert files(desk) == before
    assert set(desk.bot.settings.data.parent.iterdir()) == outside
    assert not Path("/x.md").exists()
    assert not list((desk.bot.settings.data / "uploads").iterdir())


def test_arti_041_only_the_first_level_is_opened(make_desk: MakeDesk) -> None:
    desk = make_desk()
    found = desk.outcomes(("a.zip", nested(10)))
    assert sorted(found) == [
        ("9.zip", "problem", "ARCHIVE_NESTED"),
        ("a.zip", "opened", None),
        ("beside.md", "added", None),
    ]


def test_a_zip_bomb_is_refused_while_it_inflates(desk: Desk) -> None:
    assert desk.outcomes(("bomb.zip", bomb()), ("good.md", PAGE)) == [
        ("bomb.zip", "problem", "ARCHIVE_TOO_LARGE"),
        ("good.md", "added", None),
    ]
    assert not list((desk.bot.settings.data / "uploads").iterdir())


def test_an_archive_of_too_many_files_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    many = zipped(*((f"{number}.md", PAGE) for number in range(4)))
    assert desk.outcomes(("many.zip", many)) == [("many.zip", "problem", "ARCHIVE_TOO_LARGE")]


DAMAGED = {"empty": b"", "cut": b"PK\x03\x04 cut off", "without its end": zipped(("a.md", PAGE))[:-10]}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_archive_is_refused(desk: Desk, data: bytes) -> None:
    assert desk.outcomes(("a.zip", data)) == [("a.zip", "problem", "PARSE_FAILED")]


# --- bad articles, by their ids in the catalogue of bad inputs ---

BAD: dict[str, tuple[str, bytes, str]] = {
    "ARTI-010": ("a.txt", PROSE.encode() + PROSE.encode("gbk"), "ENCODING_INVALID"),
    "ARTI-014": ("a.txt", b"\0".join([PROSE.encode()] * 20), "BINARY_OR_NUL"),
    "ARTI-037-jpeg": ("a.txt", b"\xff\xd8\xff\xe0" + bytes(200), "NOT_TEXT"),
    "ARTI-037-elf": ("a.txt", b"\x7fELF" + bytes(200), "NOT_TEXT"),
    "ARTI-037-zip": ("a.txt", zipped(("a.md", PAGE)), "NOT_TEXT"),
    "ARTI-038-pdf": ("a.pdf", b"%PDF-1.7 damaged", "PARSE_FAILED"),
    "ARTI-038-docx": ("a.docx", b"PK\x03\x04 damaged", "PARSE_FAILED"),
    "ARTI-039": ("a.docx", zipped(("word/document.xml", b" " * (300 << 20))), "ARCHIVE_TOO_LARGE"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_article_is_refused_by_name_and_the_others_are_added(desk: Desk, name: str) -> None:
    file, data, code = BAD[name]
    found = desk.upload((file, data), (f"beside-{name}.md", PAGE))
    bad, good = sorted(found["files"], key=lambda each: each["number"])
    assert (bad["state"], bad["code"], good["state"]) == ("problem", code, "added")
    assert file in bad["message"]


def test_arti_003_to_009_an_encoding_is_told_and_no_character_lost(desk: Desk) -> None:
    text = "中文知識庫 " + PROSE
    encodings = ("gb18030", "big5", "utf-16", "utf-32", "utf-8-sig")
    desk.upload(*((f"{encoding}.txt", "中文知識庫".encode(encoding)) for encoding in encodings[1:2]))
    desk.upload(*((f"{encoding}.txt", text.encode(encoding)) for encoding in encodings if encoding != "big5"))
    stored = desk.bot.store
    assert stored.file_text("big5.txt") == "中文知識庫"
    for encoding in encodings:
        assert stored.file_text(f"{encoding}.txt") in {text, "中文知識庫"}
    shift = "東京の図書館では、八月から貸し出しの冊数が増えた。".encode("shift_jis")
    assert desk.upload(("jp.txt", shift), encoding="shift_jis")["counts"] == {"added": 1}
    assert stored.files()["jp.txt"].encoding == "shift_jis"
    assert desk.outcomes(("other.txt", shift), encoding="no-such")[0][1:] == ("problem", "ENCODING_NAME")


def test_arti_025_026_hostile_and_long_names_are_taken_as_they_can_be_shown(desk: Desk) -> None:
    long = "长" * 84 + ".md"
    assert desk.outcomes((long, PAGE)) == [(long, "added", None)]
    job = desk.client.post(
        "/api/articles", params={"name": "新\n闻\t\x1b[31m\u202etxt.exe.md", "wait": "60"}, content=PAGE
    ).json()
    assert job["files"][0]["file"] == "新\\n闻\\t\\x1b[31m\\u202etxt.exe.md"
    assert job["counts"] == {"added": 1}


def test_arti_049_a_poisoned_article_is_told_apart_and_leaves_with_its_effect(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.upload(("true.md", "# 渡口添新船\n\n渡口今年新添了七艘木船，乡亲们都来看。\n".encode()))
    lie = "# 渡口添新船的消息\n\n" + "\n\n".join(f"渡口今年新添了九十九艘木船，这是第{n}次说。" for n in range(5))
    desk.upload(("lie.md", lie.encode()))
    record = desk.client.post("/api/ask", json={"question": "渡口今年添了几艘木船？", "top_k": 10}).json()
    assert {passage["source"]["file"] for passage in record["passages"]} == {"true.md", "lie.md"}
    stored = desk.bot.store.files()["lie.md"]
    assert stored.root == "/uploads"
    assert time.time() - stored.indexed_at < 600
    assert desk.client.get("/api/articles/jobs").json()["jobs"][0]["uploader"] == "local"
    desk.client.delete("/api/articles", params={"file": "lie.md"})
    record = desk.client.post("/api/ask", json={"question": "渡口今年添了几艘木船？", "top_k": 10}).json()
    assert "九十九" not in json.dumps(record, ensure_ascii=False)
    assert [passage["source"]["file"] for passage in record["passages"]] == ["true.md"]


# --- the process aside ---


def test_a_reader_that_hangs_or_dies_costs_one_file(tmp_path: Path) -> None:
    good, big = tmp_path / "good.md", tmp_path / "big.txt"
    good.write_bytes(PAGE)
    big.write_bytes("问".encode() * (20 << 20))
    with Aside(timeout_s=30, memory_mb=250) as reader:
        assert reader.read(Found(good, "good.md", "")).text == PAGE.decode()
        with pytest.raises(ReadingError, match="memory") as refusal:
            reader.read(Found(big, "big.txt", ""))
        assert refusal.value.code == "PARSE_FAILED"
        assert reader.read(Found(good, "good.md", "")).file == "good.md"
    with Aside(timeout_s=0.0001) as reader, pytest.raises(ReadingError, match="longer than"):
        reader.read(Found(good, "good.md", ""))


def outcome(read_file: Callable[[Found], Document], found: Found) -> Document | str:
    try:
        return read_file(found)
    except ReadingError as error:
        return error.code


def test_what_is_read_aside_is_what_is_read_here() -> None:
    samples = [path for path in INPUTS.rglob("*") if path.suffix in {".html", ".pdf", ".docx", ".md"}]
    assert {path.suffix for path in samples} >= {".html", ".md", ".pdf"}
    with Aside() as reader:
        for path in samples:
            found = Found(path, path.name, "")
            assert outcome(reader.read, found) == outcome(read, found)
