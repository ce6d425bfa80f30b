"""How a file of questions is read, as a preview shows it, whole; and what is said of one that can't be.

Workbooks are made by openpyxl, archives by zipfile.
"""

from __future__ import annotations

import codecs
import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from qa.batch import Options, Questions
from qa.batch.reading import PREVIEW_ROWS, sniffing, text
from qa.batch.reading.delimited import Dialect
from qa.batch.reading.jsonl import read_jsonl
from qa.batch.reading.sniffing import bom, decodes, format_of
from qa.batch.reading.text import encodable, lines, read_txt
from qa.errors import InputError, WenbaoError

PLAIN: dict[str, Any] = {
    "name": "q.csv",
    "format": "csv",
    "encoding": "utf-8",
    "delimiter": None,
    "delimiter_name": None,
    "sheet": None,
    "sheets": [],
    "header": None,
    "columns": ["id", "question", "history"],
    "roles": {},
    "lines": 0,
    "rows": [],
    "notes": [],
}
"""What a preview of nothing would be: each case says where it differs."""


def write(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def preview(path: Path, *, strict: bool = True, **options: Any) -> dict[str, Any]:
    return Questions.open(path, Options(**options), strict=strict).preview()


def refusal(path: Path, **options: Any) -> tuple[str, str, str | None]:
    with pytest.raises(WenbaoError) as caught:
        Questions.open(path, Options(**options))
    return caught.value.code, caught.value.message.replace(str(path), path.name), caught.value.field


def row(line: int, *cells: str, **more: str) -> dict[str, Any]:
    return {"line": line, "cells": list(cells), **more}


COMMA = {"delimiter": ",", "delimiter_name": "comma"}
ONE_COLUMN = {
    "code": "BATCH_ONE_COLUMN",
    "message": "q.csv was read as one column; if it has more, name what parts them with --delimiter.",
}


@pytest.mark.parametrize(
    ("name", "data", "options", "wanted"),
    [
        (
            "q.csv",
            "id,question,type,lang\n1,who?,a,b\n\n2,when?,c,d\n",
            {},
            COMMA
            | {
                "header": True,
                "columns": ["id", "question", "type", "lang"],
                "roles": {"id": ["id"], "question": ["question"], "category": ["type", "lang"]},
                "lines": 3,
                "rows": [row(2, "1", "who?", "a", "b"), row(3), row(4, "2", "when?", "c", "d")],
            },
        ),
        # A title above the header isn't shown, nor is what can't be split into cells.
        (
            "q.tsv",
            '\ufeff题库\t\r\n编号\t问题\r\n1\t谁？\r\n2\t"\r\n',
            {},
            {
                "format": "tsv",
                "delimiter": "\t",
                "delimiter_name": "tab",
                "header": True,
                "columns": ["编号", "问题"],
                "roles": {"id": ["编号"], "question": ["问题"]},
                "lines": 2,
                "rows": [row(3, "1", "谁？")],
            },
        ),
        (
            "q.csv",
            "编号;问题\n1;谁？\n".encode("gb18030"),
            {"encoding": "GBK", "delimiter": ";"},
            {
                "encoding": "gbk",
                "delimiter": ";",
                "delimiter_name": "semicolon",
                "header": True,
                "columns": ["编号", "问题"],
                "roles": {"id": ["编号"], "question": ["问题"]},
                "lines": 1,
                "rows": [row(2, "1", "谁？")],
            },
        ),
        (
            "q.csv",
            "sep=^\nx^who?\ny^when?\n",
            {"header": False, "columns": {"question": ("B",)}},
            {
                "delimiter": "^",
                "header": False,
                "columns": ["A", "B"],
                "roles": {"question": ["B"]},
                "lines": 3,
                "rows": [row(2, "x", "who?"), row(3, "y", "when?")],
            },
        ),
        (
            "q.csv",
            "who?\nwhen?\n",
            {},
            COMMA
            | {
                "header": False,
                "columns": ["A"],
                "roles": {"question": ["A"]},
                "lines": 2,
                "rows": [row(1, "who?"), row(2, "when?")],
            },
        ),
        (
            "q.csv",
            "A, b?\nc?\nd?\n",
            {},
            {
                "delimiter": "\x1f",
                "header": False,
                "columns": ["A"],
                "roles": {"question": ["A"]},
                "lines": 3,
                "rows": [row(1, "A, b?"), row(2, "c?"), row(3, "d?")],
                "notes": [ONE_COLUMN],
            },
        ),
        (
            "q.csv",
            "id,question\n",
            {},
            COMMA
            | {
                "header": True,
                "columns": ["id", "question"],
                "roles": {"id": ["id"], "question": ["question"]},
            },
        ),
        # A text that begins as a table does, or whose owner says what parts its cells, is one.
        (
            "q.txt",
            '"id"|"question"\n1|who?\n',
            {},
            {
                "format": "csv",
                "delimiter": "|",
                "delimiter_name": "bar",
                "header": True,
                "columns": ["id", "question"],
                "roles": {"id": ["id"], "question": ["question"]},
                "lines": 1,
                "rows": [row(2, "1", "who?")],
            },
        ),
        (
            "q.txt",
            "\n id\tquestion \n1\twho?\n",
            {},
            {
                "format": "tsv",
                "delimiter": "\t",
                "delimiter_name": "tab",
                "header": True,
                "columns": ["id", "question"],
                "roles": {"id": ["id"], "question": ["question"]},
                "lines": 1,
                "rows": [row(3, "1", "who?")],
            },
        ),
        (
            "q.txt",
            "who?/x\nwhen?/y\n",
            {"delimiter": "/", "columns": {"question": ("1",)}},
            {
                "format": "csv",
                "delimiter": "/",
                "header": False,
                "columns": ["A", "B"],
                "roles": {"question": ["A"]},
                "lines": 2,
                "rows": [row(1, "who?", "x"), row(2, "when?", "y")],
            },
        ),
        (
            "q.txt",
            "question\n\n who? \nwhy, and when?",
            {},
            {
                "format": "txt",
                "lines": 4,
                "rows": [
                    row(1, "1", "question", ""),
                    row(2, "2", "", ""),
                    row(3, "3", "who?", ""),
                    row(4, "4", "why, and when?", ""),
                ],
            },
        ),
        (
            "q.txt",
            codecs.BOM_UTF8 + b"who?\na\0b\n\xff\n",
            {},
            {
                "format": "txt",
                "lines": 3,
                "rows": [
                    row(1, "1", "who?", ""),
                    row(2, "2", "ab", "", error="Line 2: the question holds a NUL; remove it."),
                    row(3, "3", "", "", error="Line 3 isn't UTF-8 text."),
                ],
            },
        ),
        (
            "q.jsonl",
            '{"id": "a", "question": "who?", "history": ["x?", "y?"]}\n\n{"question": 1}\n{"frage": "b"}\n',
            {},
            {
                "format": "jsonl",
                "lines": 4,
                "rows": [
                    row(1, "a", "who?", "x?\ny?"),
                    row(2, "2", "", ""),
                    row(3, "3", "", "", error="Line 3: question isn't a text."),
                    row(4, "4", "", "", error="Line 4 has no question."),
                ],
            },
        ),
        (
            "q.txt",
            ' {"frage": "who?", "nr": "a", "question": "x"}\n',
            {"columns": {"question": ("frage", "x"), "id": ("nr",)}},
            {"format": "jsonl", "lines": 1, "rows": [row(1, "a", "who?", "")]},
        ),
        # Of JSON Lines the name says it: they may begin with anything.
        (
            "q.jsonl",
            "X[1]\n",
            {},
            {
                "format": "jsonl",
                "lines": 1,
                "rows": [row(1, "1", "", "", error="Line 1, column 1: Expecting value.")],
            },
        ),
        ("q.txt", "{who?\n", {}, {"format": "txt", "lines": 1, "rows": [row(1, "1", "{who?", "")]}),
        (
            "q.txt",
            codecs.BOM_UTF16_BE + "谁？\n".encode("utf-16-be"),
            {},
            {"format": "txt", "encoding": "utf-16", "lines": 1, "rows": [row(1, "1", "谁？", "")]},
        ),
    ],
)
def test_a_file_is_shown_as_it_is_read(
    tmp_path: Path, name: str, data: bytes | str, options: dict[str, Any], wanted: dict[str, Any]
) -> None:
    assert preview(write(tmp_path, name, data), **options) == PLAIN | {"name": name} | wanted


@pytest.mark.parametrize("count", [7, 8, 9])
@pytest.mark.parametrize(("name", "first", "line"), [("q.csv", "question\n", "x\n"), ("q.txt", "", "x\n")])
def test_eight_rows_are_shown(tmp_path: Path, name: str, first: str, line: str, count: int) -> None:
    seen = preview(write(tmp_path, name, first + line * count))
    start = 2 if first else 1
    assert [each["line"] for each in seen["rows"]] == list(range(start, start + min(count, 8)))
    assert (seen["lines"], PREVIEW_ROWS) == (count, 8)


def test_a_table_without_questions_may_be_shown_but_not_asked(tmp_path: Path) -> None:
    path = write(tmp_path, "q.csv", "wer,was\nich,du\n")
    assert preview(path, strict=False) == PLAIN | COMMA | {
        "header": False, "columns": ["A", "B"], "lines": 2, "rows": [row(1, "wer", "was"), row(2, "ich", "du")],
    }  # fmt: skip
    assert refusal(path)[0] == "BATCH_NO_QUESTION_COLUMN"


@pytest.mark.parametrize(
    ("name", "data", "options", "wanted"),
    [
        ("q.txt", "\n \r\n", {}, ("BATCH_EMPTY", "q.txt holds no question.", None)),
        ("q.csv", ",,\n,\n", {}, ("BATCH_EMPTY", "q.csv holds no question.", None)),
        (
            "q.csv",
            "a,b\n",
            {"delimiter": ""},
            ("DELIMITER", "Delimiter '': give one character.", "delimiter"),
        ),
        ("q.csv", "a,b\n", {"delimiter": "ab"}, ("DELIMITER", "Delimiter 'ab': give one character.", "delimiter")),
        (
            "q.csv",
            "a,b\n",
            {"encoding": "klingon"},
            (
                "ENCODING_NAME",
                "Encoding 'klingon' isn't known here; try gb18030, big5, shift_jis, euc_kr or utf-16.",
                "encoding",
            ),
        ),
        (
            "q.csv",
            "a,b\n",
            {"encoding": "hex"},
            (
                "ENCODING_NAME",
                "Encoding 'hex' isn't known here; try gb18030, big5, shift_jis, euc_kr or utf-16.",
                "encoding",
            ),
        ),
        (
            "q.jsonl",
            # A byte order mark that isn't the file's first character, as where files were joined.
            "\n \ufeff[1]\n",
            {},
            (
                "BATCH_NOT_JSONL",
                "q.jsonl is one JSON text over several lines; write one object a line, as `jq -c '.[]'` does.",
                None,
            ),
        ),
        (
            "q.jsonl",
            '\ufeff{\n"question": "x"}\n',
            {},
            (
                "BATCH_NOT_JSONL",
                "q.jsonl is one JSON text over several lines; write one object a line, as `jq -c '.[]'` does.",
                None,
            ),
        ),
        (
            "q.jsonl",
            '{"question": "x"}\n'.encode("utf-16"),
            {},
            ("BATCH_ENCODING", "q.jsonl, line 1: UTF-16, but JSON Lines are UTF-8; save it as UTF-8.", None),
        ),
        (
            "q.txt",
            codecs.BOM_UTF32_BE + '{"question": "x"}\n'.encode("utf-32-be"),
            {},
            ("BATCH_ENCODING", "q.txt, line 1: UTF-32, but JSON Lines are UTF-8; save it as UTF-8.", None),
        ),
    ],
)
def test_a_file_that_cannot_be_read_as_its_owner_says_is_told_word_for_word(
    tmp_path: Path, name: str, data: bytes | str, options: dict[str, Any], wanted: tuple[str, str, str | None]
) -> None:
    assert refusal(write(tmp_path, name, data), **options) == wanted


def test_a_file_that_is_not_there_or_is_a_folder_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path / "q.csv") == ("BATCH_NOT_FOUND", "q.csv: no such file of questions.", None)
    (tmp_path / "d.csv").mkdir()
    assert refusal(tmp_path / "d.csv") == ("BATCH_UNREADABLE", "d.csv can't be read: Is a directory.", None)


# -- what a file is --


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return out.getvalue()


READ_FROM = "questions are read from .xlsx, .xlsm, .csv, .tsv, .jsonl and .txt files"
DAMAGED = b"PK\x03\x04 and no more"


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("q.xlsx", b"", "empty"),
        ("q.xlsm", b"a,b\n", "text, no workbook; if it is a table, name it .csv"),
        ("q.csv", b"%PDF-1.7", "a PDF file"),
        (
            "q.xls",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "an old Office file, such as .xls, or a workbook with a password",
        ),
        ("q.xlsx", zipped("xl/workbook.bin"), "a binary workbook (.xlsb)"),
        ("q.xlsx", zipped("word/document.xml"), "a Word document"),
        ("q.xlsx", zipped("ppt/presentation.xml"), "a presentation"),
        ("q.ods", zipped("META-INF/manifest.xml"), "an OpenDocument file, such as .ods"),
        ("q.xlsx", zipped("notes.txt"), "a zip file, but no Excel workbook"),
        ("q.xlsx", zipped("xl/notes.txt", "workbook.xml"), "a zip file, but no Excel workbook"),
        ("q.csv", DAMAGED, "a damaged zip file"),
        ("q.txt", b"a\0b\0c\0d\0", "binary, or UTF-16 without a byte order mark"),
        ("q.xlsx", b"a\0b\0", "binary, or UTF-16 without a byte order mark"),
    ],
)
def test_what_is_no_file_of_questions_is_named(tmp_path: Path, name: str, data: bytes, kind: str) -> None:
    message = f"{name} is {kind}; {READ_FROM}."
    assert refusal(write(tmp_path, name, data)) == ("UNSUPPORTED_FORMAT", message, None)


def test_a_text_of_another_suffix_is_told_with_those_that_are_read(tmp_path: Path) -> None:
    message = f"q.Md: {READ_FROM}, not from .md."
    assert refusal(write(tmp_path, "q.Md", "who?\n")) == ("UNSUPPORTED_FORMAT", message, None)


@pytest.mark.parametrize(
    ("name", "data", "format_"),
    [
        ("q.jsonl", b"", "jsonl"), ("q.NDJSON", b"", "jsonl"), ("q.json", b"", "jsonl"), ("q.txt", b"", "txt"),
        ("q.text", b"", "txt"), ("q", b"", "txt"), ("q.csv", b"", "csv"), ("q.TSV", b"", "tsv"), ("q.tab", b"", "tsv"),
        ("q.csv", zipped("xl/workbook.xml"), "xlsx"), ("q.xlsx", zipped("[Content_Types].xml"), "xlsx"),
        ("q.XLSM", DAMAGED, "xlsx"), ("q.xlsx", DAMAGED, "xlsx"),
    ],
)  # fmt: skip
def test_content_says_what_a_file_is_and_else_its_name(tmp_path: Path, name: str, data: bytes, format_: str) -> None:
    assert format_of(write(tmp_path, name, data), data) == format_


CHINESE = "谁捐了口罩？".encode("gbk")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        # A NUL in eight bytes of text is one too many for text; of bytes that aren't UTF-8, one in 64.
        (b"1234567\0", True),
        (b"123456\0", False),
        (CHINESE + b"\0" + b"a" * (63 - len(CHINESE)), True),
        (CHINESE + b"\0" + b"a" * (62 - len(CHINESE)), False),
        # The end of what is looked at may cut a character in two.
        ("谁".encode() * 18 + b"\0" + "谁谁".encode()[:4], True),
        (b"abc" + CHINESE + b"\0" + b"a" * (59 - len(CHINESE)), False),
        (codecs.BOM_UTF16_LE + "a".encode("utf-16-le"), True),
        (codecs.BOM_UTF32_BE + "a".encode("utf-32-be"), True),
        (codecs.BOM_UTF8 + b"a\0b\0", False),
    ],
)
def test_many_nuls_make_a_file_binary(tmp_path: Path, data: bytes, text: bool) -> None:
    path = write(tmp_path, "q.txt", data)
    if text:
        assert format_of(path, data) == "txt"
    else:
        with pytest.raises(InputError, match="is binary, or UTF-16 without a byte order mark"):
            format_of(path, data)


def test_a_file_is_told_by_its_beginning(tmp_path: Path) -> None:
    beginning = b"a\n" * (sniffing.HEAD_BYTES // 2)
    opened = Questions.open(write(tmp_path, "q.txt", beginning + b"\0\n" * 20_000))
    assert (opened.format, opened.lines, sniffing.HEAD_BYTES) == ("txt", 52_768, 65_536)
    with pytest.raises(InputError, match="binary"):
        Questions.open(write(tmp_path, "q.txt", beginning[:30_000] + b"\0\n" * 20_000))


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (codecs.BOM_UTF8 + b"a", "utf-8-sig"),
        (codecs.BOM_UTF16_LE + b"a\0", "utf-16"),
        (codecs.BOM_UTF16_BE + b"\0a", "utf-16"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (b"a" + codecs.BOM_UTF8, None),
        (b"", None),
    ],
)
def test_a_byte_order_mark_says_the_encoding(head: bytes, name: str | None) -> None:
    assert bom(head) == name


def test_bytes_decode_whole_or_up_to_a_character_that_is_cut() -> None:
    whole, cut = "谁".encode(), "谁".encode()[:2]
    assert (decodes(whole, "utf-8"), decodes(cut, "utf-8"), decodes(cut, "utf-8", final=False)) == (True, False, True)
    assert (decodes(CHINESE, "gb18030"), decodes(CHINESE, "utf-8", final=False)) == (True, False)


def found(folder: Path, data: bytes, wanted: str | None = None) -> tuple[str, int, str | None]:
    path = write(folder, "q.txt", data)
    with path.open("rb") as file:
        head = file.read(sniffing.HEAD_BYTES)
        file.seek(0)
        encoding = sniffing.encoding_of(path, file, head, wanted)
    return encoding.name, encoding.lines, encoding.note


UTF8 = "谁捐了口罩？\n".encode()
GBK = "谁捐了口罩？捐了多少？何时送到医院的？\n".encode("gbk")
JAPANESE = "誰がマスクを寄付しましたか。いつ届きましたか。\n".encode("cp932")
NOTE = "too little text to be sure that its encoding is gb18030; say it with --encoding"


@pytest.mark.parametrize(
    ("data", "wanted", "encoding"),
    [
        (b"", None, ("utf-8", 0, None)),
        (b"a\nb\n", None, ("utf-8", 2, None)),
        (b"a\n\nb", None, ("utf-8", 3, None)),
        (codecs.BOM_UTF8 + GBK, None, ("utf-8-sig", 1, None)),
        (codecs.BOM_UTF8 + GBK, "gbk", ("utf-8-sig", 1, None)),
        (UTF8, "GB18030", ("gb18030", 1, None)),
        (UTF8, "big5", ("big5", 1, None)),
        # The encoding that most lines beyond ASCII are in: as many of either, and it is UTF-8.
        (b"a\n" * 9 + GBK, None, ("gb18030", 10, None)),
        (UTF8 + GBK, None, ("utf-8", 2, None)),
        (UTF8 + GBK * 2, None, ("gb18030", 3, None)),
        (UTF8 * 2 + GBK * 3, None, ("gb18030", 5, None)),
        (UTF8 * 2 + GBK * 2 + b"a\n" * 3, None, ("utf-8", 7, None)),
        (JAPANESE * 3, None, ("cp932", 3, None)),
        # Where one of the lines is UTF-8 in part, the others are what they are.
        ("谁捐了口罩吗".encode() + b"\xff\n" + GBK * 2, None, ("gb18030", 3, None)),
        (GBK * 4 + b"\xff\xff\n", None, ("gb18030", 5, None)),
        (b"\xb0\xa1\xb0\xa1\n\xff\xff\n", None, ("gb18030", 2, NOTE)),
        (b"\xff\xff\n", None, ("utf-8", 1, None)),
    ],
)
def test_the_encoding_is_that_of_most_lines(
    tmp_path: Path, data: bytes, wanted: str | None, encoding: tuple[str, int, str | None]
) -> None:
    assert found(tmp_path, data, wanted) == encoding


def test_too_little_text_to_tell_its_encoding_is_taken_for_the_commonest_and_said(tmp_path: Path) -> None:
    # Two characters of GB18030, and two of EUC-KR.
    data = b"\xb0\xa1\xb0\xa1\n"
    assert found(tmp_path, data) == ("gb18030", 1, NOTE)
    seen = preview(write(tmp_path, "q.csv", data))
    assert seen["notes"] == [{"code": "ENCODING", "message": f"q.csv: {NOTE}."}]
    assert seen["encoding"] == "gb18030"
    seen = preview(write(tmp_path, "q.csv", b"\xb0\xa1\xb0\xa1, a?\nb?\nc?\n"))
    assert [note["code"] for note in seen["notes"]] == ["ENCODING", "BATCH_ONE_COLUMN"]


def test_a_line_is_counted_once_however_long_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sniffing, "LINE_CHARS", 4)
    assert found(tmp_path, b"123\n12345678\n\n1234") == ("utf-8", 4, None)


# -- lines --


def decoded(folder: Path, data: bytes, encoding: str = "utf-8", newline: str | None = None) -> list[Any]:
    read = lines(write(folder, "q.txt", data), encoding, newline=newline)
    return [(n, (line.code, line.message) if isinstance(line, InputError) else line) for n, line in read]


def test_lines_keep_their_ends_where_a_table_needs_them(tmp_path: Path) -> None:
    assert decoded(tmp_path, b"a\r\nb\rc") == [(1, "a\n"), (2, "b\n"), (3, "c")]
    assert decoded(tmp_path, b"a\r\nb\rc", newline="") == [(1, "a\r\n"), (2, "b\r"), (3, "c")]


@pytest.mark.parametrize("newline", [None, ""])
@pytest.mark.parametrize("end", ["\n", "\r"])
def test_a_line_that_is_too_long_is_told_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newline: str | None, end: str
) -> None:
    monkeypatch.setattr(text, "LINE_CHARS", 4)
    long = ("LINE_TOO_LONG", "Line 2 is longer than 4 characters.")
    kept = "\n" if newline is None else end
    for length in (5, 8, 9, 12, 13):
        data = f"1234{end}{'x' * length}{end}5678{end}".encode()
        assert decoded(tmp_path, data, newline=newline) == [(1, f"1234{kept}"), (2, long), (3, f"5678{kept}")]
    assert decoded(tmp_path, b"123\n12345") == [(1, "123\n"), (2, long)]
    assert decoded(tmp_path, b"123\n1234") == [(1, "123\n"), (2, "1234")]


def test_a_line_that_is_not_in_the_encoding_is_told_by_the_encoding_s_name(tmp_path: Path) -> None:
    assert decoded(tmp_path, b"\xff\nb\n") == [(1, ("ROW_ENCODING", "Line 1 isn't UTF-8 text.")), (2, "b\n")]
    data = codecs.BOM_UTF8 + b"a\n\xe8\xb0\n"
    assert decoded(tmp_path, data, "utf-8-sig") == [(1, "a\n"), (2, ("ROW_ENCODING", "Line 2 isn't UTF-8 text."))]
    data = codecs.BOM_UTF16_LE + "a\n".encode("utf-16-le") + b"\x00\xd8" + "\nb\n".encode("utf-16-le")
    wide = [(1, "a\n"), (2, ("ROW_ENCODING", "Line 2 isn't UTF-16 text.")), (3, "b\n")]
    assert decoded(tmp_path, data, "utf-16") == wide
    # The mark of replacement is one of UTF-8's characters as any other.
    assert decoded(tmp_path, "\ufffd\n".encode()) == [(1, "\ufffd\n")]
    assert decoded(tmp_path, b"\xff\n", "gbk") == [(1, ("ROW_ENCODING", "Line 1 isn't GBK text."))]


def test_a_text_s_lines_are_questions() -> None:
    fault = InputError("ROW_ENCODING", "Line 3 isn't UTF-8 text.")
    rows = list(read_txt(iter([(1, " who? \n"), (2, " \n"), (3, fault), (4, " a\0b \n")])))
    assert [(r.line, r.id, r.question, r.blank, r.error and r.error.code, r.asks) for r in rows] == [
        (1, "1", "who?", False, None, True),
        (2, "2", "", True, None, False),
        (3, "3", "", False, "ROW_ENCODING", False),
        (4, "4", "ab", False, "ROW_NUL", False),
    ]
    assert rows[3].error is not None
    assert (rows[3].error.message, rows[3].error.field) == (
        "Line 4: the question holds a NUL; remove it.",
        "question",
    )


def test_half_a_character_cannot_be_written() -> None:
    assert [encodable(each) for each in ("", "谁", "𠮷", "\ud842")] == [True, True, True, False]


# -- JSON Lines, beyond the lines of tests/test_batch_jsonl.py --


def json_row(line: str, keys: Mapping[str, str] | None = None) -> Any:
    (read,) = read_jsonl(iter([(7, line)]), keys or {})
    return read


def test_a_json_row_s_cells_are_all_its_keys_with_numbers_as_they_stand() -> None:
    read = json_row('{"question": "a", "n": [1, 1.0, 1e5, -0, 0.1, {"x": 2, "y": [1.50]}], "b": true, "z": null}')
    assert dict(read.cells) == {
        "question": "a", "n": [1, 1.0, "1e5", "-0", 0.1, {"x": 2, "y": ["1.50"]}], "b": True, "z": None,
    }  # fmt: skip
    assert [type(each) for each in read.cells["n"]] == [int, float, str, str, float, dict]


@pytest.mark.parametrize("digits", [4300, 4301])
def test_a_number_has_as_many_digits_as_python_reads(digits: int) -> None:
    # Behind the point, since 309 before it are infinite.
    read = json_row(f'{{"question": "a", "n": 0.{"1" * (digits - 2)}}}')
    if digits == 4300:
        assert (read.error, read.cells["n"]) == (None, f"0.{'1' * 4298}")
    else:
        assert read.error.message == f"Line 7: the number 0.{'1' * 18}… is too large."


@pytest.mark.parametrize(("levels", "fits"), [(31, True), (32, False)])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"x": ', "}")])
def test_a_json_row_has_32_levels_at_most(opening: str, closing: str, levels: int, fits: bool) -> None:
    inner = opening * levels + ("1" if opening != "[" else "") + closing * levels
    read = json_row(f'{{"question": "a", "n": {inner}}}')
    assert (read.error is None) is fits
    assert fits or (read.error.code, read.question, dict(read.cells)) == ("JSON_TOO_DEEP", "", {})


@pytest.mark.parametrize(
    ("line", "keys", "seen"),
    [
        # What a bad row asks is shown where it can be.
        ('{"id": "a", "question": "who?", "history": 1}', {}, ("a", "who?", "ROW_FIELD_TYPE")),
        ('{"id": "a", "question": "\\ud800"}', {}, ("a", "", "ROW_ENCODING")),
        ('{"id": "\\ud800", "question": "who?"}', {}, ("7", "who?", "ROW_ENCODING")),
        ('{"question": "who?", "history": ["\\ud800"]}', {}, ("7", "who?", "ROW_ENCODING")),
        ('{"question": "", "history": []}', {}, ("7", "", None)),
        ('{"id": 007, "question": "a"}', {}, ("7", "", "JSON_INVALID")),
        ('{"id": 12, "question": "a"}', {}, ("12", "a", None)),
        # The owner's names go before those that are known, each for its own role.
        ('{"nr": "x", "id": "y", "问题": "a"}', {"id": "nr"}, ("x", "a", None)),
        ('{"nr": "x", "id": "y", "question": "a"}', {"id": "none"}, ("7", "a", None)),
        ('{"No.": "x", "Query": "a"}', {}, ("x", "a", None)),
    ],
)
def test_a_json_row_is_known_by_its_id_and_question(line: str, keys: dict[str, str], seen: tuple[Any, ...]) -> None:
    read = json_row(line, keys)
    assert (read.id, read.question, read.error and read.error.code) == seen


def test_a_key_that_stands_twice_is_named_and_not_the_one_before_it() -> None:
    error = json_row('{"question": "a", "x": 1, "y": 2, "x": 3}').error
    assert (error.code, error.message) == ("JSON_DUPLICATE_KEY", "Line 7 has the key 'x' twice.")


def test_a_filter_that_is_none_is_told_whole() -> None:
    read = json_row('{"id": "a", "question": "who?", "history": ["x"], "filters": {"files": 1}}')
    error = read.error
    assert (error.code, error.message, error.field, error.exit_code) == (
        "FILTER_INVALID",
        "Line 7: filters.files: expected a list of file names.",
        "filters.files",
        3,
    )
    assert (read.line, read.id, read.question, read.history, read.cells["filters"]) == (
        7,
        "a",
        "who?",
        (),
        {"files": 1},
    )


# -- workbooks --


def workbook(folder: Path, sheets: Mapping[str, Sequence[Sequence[Any]]], hidden: Sequence[str] = ()) -> Path:
    book = openpyxl.Workbook()
    first = book.active
    assert isinstance(first, Worksheet)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for cells in rows:
            sheet.append(cells)
        sheet.sheet_state = "hidden" if name in hidden else "visible"
    book.remove(first)
    path = folder / "q.xlsx"
    book.save(path)
    return path


XLSX = PLAIN | {"name": "q.xlsx", "format": "xlsx", "encoding": None}


def test_a_workbook_is_shown_with_its_sheets_and_cells_as_people_write_them(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["title"], ["id", "question", "day"], [1, "who?", date(2020, 3, 8)], [], [2.0, True, 0.5]]
    path = workbook(tmp_path, {"notes": [["a", "b"]], "asked": rows})
    assert preview(path) == XLSX | {
        "sheet": "asked",
        "sheets": ["notes", "asked"],
        "header": True,
        "columns": ["id", "question", "day"],
        "roles": {"id": ["id"], "question": ["question"]},
        "lines": 3,
        "rows": [row(3, "1", "who?", "2020-03-08"), row(4), row(5, "2", "TRUE", "0.5")],
    }


ASKS = [["question"], ["who?"]]
LONE = [["only a note"], ["and more"]]
WIDE = [["x", "y"], ["z", "w"]]
FRAGE = [["x", "frage"], ["1", "wer?"]]
WISHED = {"columns": {"question": ("frage",)}}


@pytest.mark.parametrize(
    ("sheets", "hidden", "options", "sheet", "header", "count"),
    [
        # A named column of questions before a lone one without a name, that before none.
        ({"a": LONE, "b": ASKS}, (), {}, "b", True, 1),
        ({"a": ASKS, "b": ASKS}, (), {}, "a", True, 1),
        ({"a": WIDE, "b": LONE}, (), {}, "b", False, 2),
        ({"a": LONE, "b": [["and this"]]}, (), {}, "a", False, 2),
        ({"a": [], "b": ASKS}, (), {}, "b", True, 1),
        ({"a": ASKS, "b": LONE}, ("a",), {}, "b", False, 2),
        ({"a": ASKS, "b": LONE}, ("a",), {"sheet": "a"}, "a", True, 1),
        # A sheet that lacks the owner's column is passed over.
        ({"a": [["x", "y"]], "b": FRAGE}, (), WISHED, "b", True, 1),
        ({"a": FRAGE, "b": [["x", "y"]]}, (), WISHED, "a", True, 1),
    ],
)  # fmt: skip
def test_the_sheet_is_the_first_that_asks(
    tmp_path: Path,
    sheets: Mapping[str, Sequence[Sequence[Any]]],
    hidden: Sequence[str],
    options: dict[str, Any],
    sheet: str,
    header: bool,
    count: int,
) -> None:
    seen = preview(workbook(tmp_path, sheets, hidden), **options)
    assert (seen["sheet"], seen["header"], seen["lines"], seen["sheets"]) == (sheet, header, count, list(sheets))


NO_COLUMN = (
    "q.xlsx, sheet 'a' has the columns x, y, none of which is named question, questions, query, "
    "问题, 問題, 提问, 提問; name it with --column question=1."
)


@pytest.mark.parametrize(
    ("sheets", "options", "wanted"),
    [
        ({"a": [], "b": []}, {}, ("BATCH_EMPTY", "q.xlsx holds no question.", None)),
        ({"a": ASKS, "b": []}, {"sheet": "b"}, ("BATCH_EMPTY", "q.xlsx holds no question.", None)),
        (
            {"a": ASKS, "b": ASKS},
            {"sheet": "B"},
            ("SHEET_UNKNOWN", "q.xlsx has no sheet 'B'; it has a, b.", "sheet"),
        ),
        ({"a": WIDE, "b": []}, {}, ("BATCH_NO_QUESTION_COLUMN", NO_COLUMN, "column")),
        (
            {"a": WIDE, "b": WIDE},
            WISHED,
            ("COLUMN_UNKNOWN", "q.xlsx, sheet 'b' has no column 'frage'; it has A, B.", "column"),
        ),
    ],
)
def test_a_workbook_that_asks_nothing_is_told_word_for_word(
    tmp_path: Path,
    sheets: Mapping[str, Sequence[Sequence[Any]]],
    options: dict[str, Any],
    wanted: tuple[str, str, str | None],
) -> None:
    assert refusal(workbook(tmp_path, sheets), **options) == wanted


def test_a_workbook_s_rows_are_of_any_width(tmp_path: Path) -> None:
    path = workbook(tmp_path, {"a": [["id", "question"], ["x", "who?", "more"], [None, "when?"], ["y"]]})
    read = [(r.line, r.id, r.question, r.error and r.error.code, dict(r.cells)) for r in Questions.open(path)]
    assert read == [
        (2, "x", "who?", None, {"id": "x", "question": "who?"}),
        (3, "3", "when?", None, {"id": None, "question": "when?"}),
        (4, "y", "", "ROW_NO_QUESTION", {"id": "y", "question": None}),
    ]


def test_a_merged_cell_is_shown_filled_where_the_owner_wishes(tmp_path: Path) -> None:
    path = workbook(tmp_path, {"a": [["question", "n"], ["who?", 1], [None, 2]]})
    book = openpyxl.load_workbook(path)
    book["a"].merge_cells("A2:A3")
    book.save(path)
    assert preview(path)["rows"] == [row(2, "who?", "1"), row(3, "", "2")]
    assert preview(path, fill_merged=True)["rows"] == [row(2, "who?", "1"), row(3, "who?", "2")]


def test_what_was_found_of_a_file_is_kept_with_it(tmp_path: Path) -> None:
    options = Options(header=True)
    path = write(tmp_path, "q.csv", "\n\nid;question\n1;who?\n")
    opened = Questions.open(path, options)
    assert (opened.path, opened.format, opened.encoding, opened.lines) == (path, "csv", "utf-8", 1)
    assert (opened.options, opened.header_row, opened.sheet, opened.sheets, opened.notes) == (options, 3, None, (), ())
    assert opened.dialect == Dialect(";", sep_line=False, certain=True)
    plain = Questions.open(write(tmp_path, "q.txt", "who?\n"))
    assert (plain.options, plain.dialect, plain.header_row, plain.columns.names) == (Options(), None, 0, ())
    assert (plain.columns.header, plain.notes) == (False, ())


@pytest.mark.parametrize("header", [None, False])
def test_a_column_that_the_preview_shows_can_be_named(tmp_path: Path, header: bool | None) -> None:
    path = write(tmp_path, "q.csv", b"a note\n1,who?\n2,when?\n")
    options = Options(columns={"question": ("B",)}, header=header)
    assert list(Questions.open(path, strict=False).preview()["columns"]) == ["A", "B"]
    assert [row.question for row in Questions.open(path, options)][-2:] == ["who?", "when?"]
