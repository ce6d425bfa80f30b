"""Bad question files: what is refused as a whole, what is refused by the row, and what is put up with.

A case is its catalogue's number, the file's name and bytes, and the outcome.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from qa.answer import Question
from qa.batch import Questions, run
from qa.errors import WenbaoError


class Echo:
    """Answers every question with itself."""

    def check(self, question: str) -> None:
        assert question

    def ask_many(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        return [
            {"id": question.id, "question": question.question, "status": "answered", "passages": []}
            for question in questions
        ]


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")
    return out.getvalue()


TABLE = "id,question\n1,谁捐了口罩？\n"
PRETTY = json.dumps([{"question": "谁捐了口罩？"}], indent=2)

REFUSED = [
    ("BATC-001", "q.jsonl", b"", "BATCH_EMPTY", 3),
    ("BATC-001", "q.txt", b"", "BATCH_EMPTY", 3),
    ("BATC-001", "q.txt", b" \n\n\t\r\n", "BATCH_EMPTY", 3),
    ("BATC-022", "q.xlsx", TABLE.encode(), "UNSUPPORTED_FORMAT", 3),
    ("BATC-022", "q.txt", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "UNSUPPORTED_FORMAT", 3),
    ("BATC-045", "q.jsonl", PRETTY.encode(), "BATCH_NOT_JSONL", 3),
    ("BATC-045", "q.jsonl", b'{\n  "question": "x"\n}\n', "BATCH_NOT_JSONL", 3),
    ("BATC-045", "q.jsonl", b'\n[{"question": "x"}]\n', "BATCH_NOT_JSONL", 3),
    ("BATC-045", "q.jsonl", '{"question": "谁"}\n'.encode("utf-16"), "BATCH_ENCODING", 3),
    ("BATC-045", "q.jsonl", '{"question": "谁"}\n'.encode("utf-16-le"), "UNSUPPORTED_FORMAT", 3),
    ("BATC-049", "q.txt", TABLE.encode(), "UNSUPPORTED_FORMAT", 3),
    ("BATC-049", "q.txt", TABLE.replace(",", "\t").encode("utf-8-sig"), "UNSUPPORTED_FORMAT", 3),
    ("BATC-049", "q.txt", "编号;问题\n1;谁捐了口罩？\n".encode("gb18030"), "UNSUPPORTED_FORMAT", 3),
    ("BATC-049", "q.txt", zipped(), "UNSUPPORTED_FORMAT", 3),
    ("BATC-049", "q.jsonl", zipped(), "UNSUPPORTED_FORMAT", 3),
    ("no such file", "absent.jsonl", None, "BATCH_NOT_FOUND", 2),
]

ROWS = [
    ("BATC-041", b'{"question":"a","question":"b"}', "JSON_DUPLICATE_KEY"),
    ("BATC-041", b'{"question":"a","more":{"x":1,"x":2}}', "JSON_DUPLICATE_KEY"),
    ("BATC-042", b'{"question":"a","x":NaN}', "JSON_INVALID"),
    ("BATC-042", b'{"question":"a","x":-Infinity}', "JSON_INVALID"),
    ("BATC-042", b'{"question":"a","x":1e999}', "JSON_INVALID"),
    ("BATC-043", b'{"question":"a","id":' + b"9" * 5000 + b"}", "JSON_INVALID"),
    ("BATC-044", b"[" * 100_000, "JSON_TOO_DEEP"),
    ("BATC-044", b'{"question":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "JSON_TOO_DEEP"),
    ("BATC-044", b'{"question":"a","x":' + b"[" * 32 + b"]" * 32 + b"}", "JSON_TOO_DEEP"),
    ("BATC-045", b'{"question":"a",}', "JSON_INVALID"),
    ("BATC-045", b"{'question': 'a'}", "JSON_INVALID"),
    ("BATC-046", b'{"question":"' + b"a" * (2 << 20) + b'"}', "LINE_TOO_LONG"),
    ("not UTF-8", b'{"question":"\xff\xfe"}', "ROW_ENCODING"),
    ("half a character", b'{"question":"\\ud83d"}', "ROW_ENCODING"),
    ("half a character in an id", b'{"id":"\\udc00","question":"a"}', "ROW_ENCODING"),
    ("not an object", b'["a"]', "ROW_NOT_OBJECT"),
    ("not an object", b"null", "ROW_NOT_OBJECT"),
    ("no question", b'{"text":"a"}', "ROW_NO_QUESTION"),
    ("null", b'{"question":null}', "ROW_NO_QUESTION"),
    ("a number", b'{"question":5}', "ROW_FIELD_TYPE"),
    ("a list", b'{"question":["a"]}', "ROW_FIELD_TYPE"),
    ("history of another shape", b'{"question":"a","history":"b"}', "ROW_FIELD_TYPE"),
    ("history of numbers", b'{"question":"a","history":[1]}', "ROW_FIELD_TYPE"),
    ("id of another shape", b'{"question":"a","id":{}}', "ROW_FIELD_TYPE"),
    ("id of another shape", b'{"question":"a","id":true}', "ROW_FIELD_TYPE"),
]


@pytest.mark.parametrize(("case", "name", "data", "outcome"), [(*row[:3], row[3:]) for row in REFUSED])
def test_a_file_that_is_no_question_file_is_refused_by_its_content(
    tmp_path: Path, case: str, name: str, data: bytes | None, outcome: tuple[str, int]
) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(WenbaoError) as caught:
        Questions.open(path)
    assert (caught.value.code, caught.value.exit_code) == outcome, case
    assert str(path) in caught.value.message


@pytest.mark.parametrize(
    ("case", "line", "code"), ROWS, ids=[f"{case} {code} {i}" for i, (case, _, code) in enumerate(ROWS)]
)
def test_a_bad_row_is_an_error_of_its_own_line_and_the_others_are_answered(
    tmp_path: Path, case: str, line: bytes, code: str
) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(b'{"question":"before"}\n' + line + b'\n{"question":"after"}\n')
    out = io.BytesIO()
    report = run(Echo(), Questions.open(path), out)
    before, bad, after = (json.loads(record) for record in out.getvalue().splitlines())
    assert (before["status"], after["status"]) == ("answered", "answered")
    assert (bad["status"], bad["passages"], bad["error"]["code"], bad["error"]["line"]) == ("error", [], code, 2), case
    assert "2" in bad["error"]["message"]
    assert report.errors == 1


@pytest.mark.parametrize(
    ("case", "name", "data", "asked"),
    [
        ("BATC-045", "q.jsonl", '\ufeff{"question": "谁？"}\n'.encode(), ["谁？"]),
        ("BATC-048", "q.txt", "谁？\n何时？".encode(), ["谁？", "何时？"]),
        ("BATC-049", "q.txt", '{"question": "谁？"}\n'.encode(), ["谁？"]),
        ("commas are no table", "q.txt", b"Who gave masks, and gowns?\n", ["Who gave masks, and gowns?"]),
        ("GBK", "q.jsonl", '{"question": "谁捐了口罩？"}\n'.encode("gbk"), ["谁捐了口罩？"]),
        ("deep, but not too deep", "q.jsonl", b'{"question":"a","x":' + b"[" * 31 + b"]" * 31 + b"}\n", ["a"]),
        ("old Mac line ends", "q.txt", "谁？\r何时？\r".encode(), ["谁？", "何时？"]),
        ("other keys", "q.jsonl", b'{"question":"a","evidence":[{"start":1}],"type":null}\n', ["a"]),
        ("BATC-016", "q.txt", b"=HYPERLINK(\"http://evil\",\"x\")\n", ['=HYPERLINK("http://evil","x")']),
    ],
)  # fmt: skip
def test_what_can_be_read_is_read(tmp_path: Path, case: str, name: str, data: bytes, asked: list[str]) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    out = io.BytesIO()
    report = run(Echo(), Questions.open(path), out)
    assert [json.loads(line)["question"] for line in out.getvalue().splitlines()] == asked, case
    assert report.errors == 0
