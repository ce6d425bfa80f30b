"""Reading aside: what the child answers to the last field, and what its parent makes of each answer."""

from __future__ import annotations

import hashlib
import io
import json
import os
import queue
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TextIO

import pytest

from qa.errors import UsageError, WenbaoError
from qa.reading import MAX_BYTES, Document, Found, Heading, ReadingError, aside, read
from qa.reading.aside import Aside

PAGE = "<h2>河道清淤</h2><p>入冬以来，沿河各村清出淤泥三百方。</p>"
TEXT = "河道清淤\n\n入冬以来，沿河各村清出淤泥三百方。"
BIG5 = "圖書館週末開放到晚上九點".encode("big5")


def request(path: Path, **fields: object) -> dict[str, Any]:
    return {"path": str(path), "file": path.name, "root": "root", "encoding": None, "max_bytes": 1 << 20, **fields}


# --- what the child says ---


def test_the_child_answers_with_every_field_of_the_document(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(PAGE, "utf-8")
    assert aside._answer(request(tmp_path / "a.html", file="sub/a.html")) == {
        "file": "sub/a.html",
        "text": TEXT,
        "encoding": "utf-8",
        "format": "html",
        "sha256": hashlib.sha256(PAGE.encode()).hexdigest(),
        "headings": ({"start": 0, "end": 4, "level": 2},),
        "encoding_note": None,
    }


def test_the_child_reads_by_the_owners_encoding_and_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(BIG5)
    answer = aside._answer(request(path, encoding="big5", max_bytes=len(BIG5)))
    assert (answer["text"], answer["encoding_note"]) == ("圖書館週末開放到晚上九點", "as named by --encoding")
    assert aside._answer(request(path, max_bytes=len(BIG5) - 1))["code"] == "FILE_TOO_LARGE"


@pytest.mark.parametrize(
    ("fields", "code", "message", "field"),
    [
        (
            {"max_bytes": 3 << 19},
            "FILE_TOO_LARGE",
            "a.txt: larger than 1.5 MiB; split it, or raise WENBAO_FILE_MB.",
            None,
        ),
        (
            {"encoding": "hex"},
            "ENCODING_NAME",
            "--encoding 'hex' is no encoding that Python knows; try gb18030, big5, shift_jis, euc_kr or utf-16.",
            "encoding",
        ),
    ],
)
def test_the_child_tells_an_error_with_all_its_parts(
    tmp_path: Path, fields: dict[str, object], code: str, message: str, field: str | None
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * ((3 << 19) + 1))
    answer = aside._answer(request(path, **{"max_bytes": 4 << 20, **fields}))
    assert answer == {"code": code, "message": message, "field": field}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (MemoryError(), "reading it takes too much memory"),
        (RecursionError("deep"), "its reader failed (RecursionError)"),
        (OSError("odd"), "its reader failed (OSError)"),
    ],
)
def test_a_readers_defect_costs_its_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, reason: str
) -> None:
    asked: list[object] = []

    def failing(*arguments: object) -> Document:
        asked.append(arguments)
        raise fault

    monkeypatch.setattr(aside, "read", failing)
    assert aside._answer(request(tmp_path / "a.txt", root="the root", encoding="gbk", max_bytes=7)) == {
        "code": "PARSE_FAILED",
        "message": f"a.txt: can't be read: {reason}; save it anew in another way.",
        "field": None,
    }
    assert asked == [(Found(tmp_path / "a.txt", "a.txt", "the root"), "gbk", 7)]


def test_the_child_limits_its_memory_and_leaves_no_image_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    limits: list[object] = []
    monkeypatch.setattr(resource, "setrlimit", lambda *limit: limits.append(limit))
    aside._limit(123 << 20)
    assert limits == [(resource.RLIMIT_AS, (128974848, 128974848)), (resource.RLIMIT_CORE, (0, 0))]


def test_the_child_answers_line_by_line_and_what_a_library_prints_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    limits: list[int] = []
    made: list[TextIO] = []
    fdopen: Callable[..., TextIO] = os.fdopen

    def kept(*arguments: Any, **options: Any) -> TextIO:
        made.append(fdopen(*arguments, **options))
        return made[-1]

    def noisy(found: Found, encoding: str | None, max_bytes: int) -> Document:
        os.write(1, f"noise of {found.file}\n".encode())
        return read(found, encoding, max_bytes)

    (tmp_path / "a.html").write_text(PAGE, "utf-8")
    requests = [request(tmp_path / "a.html"), request(tmp_path / "none.txt")]
    lines = b"".join(json.dumps(each).encode() + b"\n" for each in requests)
    monkeypatch.setattr(aside, "_limit", limits.append)
    monkeypatch.setattr(aside, "read", noisy)
    monkeypatch.setattr(os, "fdopen", kept)
    monkeypatch.setattr(sys, "argv", ["aside", "7"])
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(lines)))
    out = os.dup(1)
    try:
        aside.main()
    finally:
        os.dup2(out, 1)
        os.close(out)
        for file in made:
            file.close()
    answers, noise = capfd.readouterr()
    first, second = answers.splitlines()
    assert answers.isascii()
    assert (json.loads(first)["text"], json.loads(first)["headings"]) == (TEXT, [{"start": 0, "end": 4, "level": 2}])
    assert json.loads(second)["code"] == "FILE_NOT_FOUND"
    assert noise == "noise of a.html\nnoise of none.txt\n"
    assert limits == [7 << 20]


# --- what the parent makes of it ---


class Child:
    """In place of the process: answers with lines that are given, or never."""

    def __init__(self, *answers: bytes, silent: bool = False, broken: OSError | None = None) -> None:
        self.stdin = io.BytesIO()
        self.stdout = None if silent else io.BytesIO(b"".join(answers))
        self.ended: list[str] = []
        self.dead = False
        if broken is not None:
            self.stdin = SimpleNamespace(write=lambda _: None, flush=lambda: self._fail(broken))  # type: ignore[assignment]

    @staticmethod
    def _fail(error: OSError) -> None:
        raise error

    def poll(self) -> int | None:
        return 1 if self.dead else None

    def kill(self) -> None:
        self.ended.append("killed")

    def communicate(self) -> None:
        self.ended.append("waited for")


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> tuple[list[Child], list[tuple[list[str], dict[str, Any]]]]:
    """Those to be started, in this order, and how each was."""
    waiting: list[Child] = []
    started: list[tuple[list[str], dict[str, Any]]] = []

    def start(command: list[str], **options: Any) -> Child:
        started.append((command, options))
        return waiting.pop(0)

    monkeypatch.setattr(subprocess, "Popen", start)
    return waiting, started


Children = tuple[list[Child], list[tuple[list[str], dict[str, Any]]]]
FOUND = Found(Path("folder/a.html"), "a.html", "root")
DOCUMENT = Document("a.html", TEXT, "gb18030", "html", "0" * 64, (Heading(0, 4, 2), Heading(6, 9, 3)), "a note")


def said(**answer: object) -> bytes:
    return json.dumps(answer).encode() + b"\n"


ANSWER = said(
    file="a.html",
    text=TEXT,
    encoding="gb18030",
    format="html",
    sha256="0" * 64,
    headings=[{"start": 0, "end": 4, "level": 2}, {"start": 6, "end": 9, "level": 3}],
    encoding_note="a note",
)


def test_one_child_reads_file_after_file_and_is_started_apart_from_its_parent(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, started = children
    child = Child(ANSWER, ANSWER)
    waiting.append(child)
    monkeypatch.setattr(sys, "path", ["/one", "", "/two"])
    monkeypatch.setenv("OF_OURS", "kept")
    with Aside(memory_mb=99) as reader:
        assert reader.read(FOUND, "gbk") == DOCUMENT
        assert reader.read(FOUND) == DOCUMENT
        assert child.ended == []
    assert child.ended == ["killed", "waited for"]
    written = [json.loads(line) for line in child.stdin.getvalue().splitlines()]
    whole = {"path": str(FOUND.path), "file": "a.html", "root": "root", "max_bytes": MAX_BYTES}
    assert written == [{**whole, "encoding": "gbk"}, {**whole, "encoding": None}]
    ((command, options),) = started
    assert command == [sys.executable, "-m", "qa.reading.aside", "99"]
    environment = options.pop("env")
    assert environment["PYTHONPATH"] == os.pathsep.join(["/one", "/two"])
    assert (environment["OPENBLAS_NUM_THREADS"], environment["OF_OURS"]) == ("1", "kept")
    assert options == {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.DEVNULL,
        "start_new_session": True,
    }


def test_without_being_told_otherwise_a_child_has_a_minute_and_a_gigabyte_and_a_half(children: Children) -> None:
    waiting, started = children
    waiting.append(Child(ANSWER))
    waits: list[float] = []

    class Lines(queue.Queue[bytes]):
        def get(self, block: bool = True, timeout: float | None = None) -> bytes:
            waits.append(timeout or 0)
            return super().get(block, timeout)

    with Aside() as reader:
        reader._started()
        while not reader._lines.empty():
            reader._lines.get()
        reader._lines = Lines()
        reader._lines.put(ANSWER)
        reader.read(FOUND)
    assert started[0][0][-1] == "1536"
    assert waits == [60.0]


@pytest.mark.parametrize(
    ("broken", "timeout_s", "reason"),
    [
        (None, 60, "its reader crashed, or took more than 250 MiB of memory"),
        (BrokenPipeError(32, "Broken pipe"), 60, "the reader can't be reached (Broken pipe)"),
    ],
)
def test_a_child_that_fails_takes_its_file_with_it_and_the_next_file_has_another(
    children: Children, broken: OSError | None, timeout_s: float, reason: str
) -> None:
    waiting, started = children
    child = Child(broken=broken)
    waiting += [child, Child(ANSWER)]
    with Aside(timeout_s=timeout_s, memory_mb=250) as reader:
        with pytest.raises(ReadingError) as caught:
            reader.read(FOUND)
        assert child.ended == ["killed", "waited for"]
        assert reader.read(FOUND) == DOCUMENT
    assert len(started) == 2
    assert (caught.value.code, caught.value.field) == ("PARSE_FAILED", None)
    assert caught.value.message == f"a.html: can't be read: {reason}; save it anew in another way."


def test_a_child_that_says_nothing_in_its_time_is_ended(children: Children) -> None:
    waiting, _ = children
    child = Child(silent=True)
    waiting.append(child)
    with Aside(timeout_s=0.25) as reader:
        reader._started()
        reader._lines = queue.Queue()  # nobody writes into it
        with pytest.raises(ReadingError) as caught:
            reader.read(FOUND)
    assert child.ended == ["killed", "waited for"]
    assert caught.value.code == "PARSE_FAILED"
    assert caught.value.message == ("a.html: can't be read: it took longer than 0.25 s; save it anew in another way.")


def test_a_child_that_died_meanwhile_is_replaced_before_it_is_asked(children: Children) -> None:
    waiting, started = children
    first = Child(ANSWER)
    waiting += [first, Child(ANSWER)]
    with Aside() as reader:
        reader.read(FOUND)
        first.dead = True
        assert reader.read(FOUND) == DOCUMENT
    assert len(started) == 2
    assert first.ended == ["killed", "waited for"]


@pytest.mark.parametrize(
    ("code", "field", "kind"), [("ENCODING_NAME", "encoding", UsageError), ("NO_TEXT", None, ReadingError)]
)
def test_an_error_comes_out_as_it_went_in(
    children: Children, code: str, field: str | None, kind: type[WenbaoError]
) -> None:
    children[0].append(Child(said(code=code, message="a.html: can't be.", field=field)))
    with Aside() as reader, pytest.raises(kind) as caught:
        reader.read(FOUND)
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.message, caught.value.field) == (code, "a.html: can't be.", field)


def test_a_real_child_reads_as_its_parent_would(tmp_path: Path) -> None:
    path = tmp_path / "页.html"
    path.write_bytes(PAGE.encode("gbk"))
    found = Found(path, path.name, "root")
    with Aside(len(PAGE.encode("gbk"))) as reader:
        assert reader.read(found) == read(found)
        path.write_bytes(PAGE.encode("gbk") + b" ")
        with pytest.raises(ReadingError) as caught:
            reader.read(found)
    assert caught.value.code == "FILE_TOO_LARGE"
