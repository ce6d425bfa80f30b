"""Bad question files: what is refused as a whole, what is refused by the row, and what is put up with.

A case is its catalogue's number, the file's name and bytes, and the outcome.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import tracemalloc
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from qa.answer import Question
from qa.batch import Questions, run
from qa.errors import QuestionError, WenbaoError


class Echo:
    """Answers every question with itself."""

    def check(self, question: str) -> None:
        assert question
        if len(question) > 2000:
            raise QuestionError("QUESTION_TOO_LONG", "The question is too long; shorten it.")

    def ask_many(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        return [
            {
                "id": question.id,
                "question": question.question,
                "status": "answered",
                "answer": "甲",
                "confidence": 0.5,
                "searched_as": question.question,
                "passages": [],
            }
            for question in questions
        ]


def cells(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def zipped(name: str = "notes.txt") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(name, "x")
    return out.getvalue()


TABLE = "id,question\n1,谁捐了口罩？\n"
PRETTY = json.dumps([{"question": "谁捐了口罩？"}], indent=2)

REFUSED = [
    ("BATC-001", "q.jsonl", b"", "BATCH_EMPTY", 3),
    ("BATC-001", "q.txt", b"", "BATCH_EMPTY", 3),
    ("BATC-001", "q.txt", b" \n\n\t\r\n", "BATCH_EMPTY", 3),
    ("BATC-001", "q.csv", b"", "BATCH_EMPTY", 3),
    ("BATC-001", "q.csv", b"\xef\xbb\xbf\r\n,,\r\n", "BATCH_EMPTY", 3),
    ("BATC-001", "q.xlsx", b"", "UNSUPPORTED_FORMAT", 3),
    ("BATC-003", "q.csv", b"frage,antwort\nwer?,ich\n", "BATCH_NO_QUESTION_COLUMN", 3),
    ("BATC-003", "q.csv", "1,谁捐了口罩？\n2,何时？\n".encode(), "BATCH_NO_QUESTION_COLUMN", 3),
    ("BATC-022", "q.xlsx", TABLE.encode(), "UNSUPPORTED_FORMAT", 3),
    ("BATC-022", "q.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "UNSUPPORTED_FORMAT", 3),
    ("BATC-022", "q.xlsx", zipped("xl/workbook.bin"), "UNSUPPORTED_FORMAT", 3),
    ("BATC-022", "q.ods", zipped("META-INF/manifest.xml"), "UNSUPPORTED_FORMAT", 3),
    ("BATC-022", "q.txt", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "UNSUPPORTED_FORMAT", 3),
    ("BATC-045", "q.jsonl", PRETTY.encode(), "BATCH_NOT_JSONL", 3),
    ("BATC-045", "q.jsonl", b'{\n  "question": "x"\n}\n', "BATCH_NOT_JSONL", 3),
    ("BATC-045", "q.jsonl", b'\n[{"question": "x"}]\n', "BATCH_NOT_JSONL", 3),
    ("BATC-045", "q.jsonl", '{"question": "谁"}\n'.encode("utf-16"), "BATCH_ENCODING", 3),
    ("BATC-045", "q.jsonl", '{"question": "谁"}\n'.encode("utf-16-le"), "UNSUPPORTED_FORMAT", 3),
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


TABLE_ROWS = [
    ("BATC-005", "id,question,n\n1\n2,b\n3,c,z\n4,d,1,2,3,4,5\n5,e,z\n", 2, ["ROW_FIELD_COUNT"] * 2 + [None],
     "ROW_FIELD_COUNT"),
    ("BATC-007", f"id,question\n1,{'长' * 200_000}\n2,b\n", 2, ["QUESTION_TOO_LONG", None], None),
    ("BATC-008", "id,question\n1,a\0b\n2,b\n", 2, ["ROW_NUL", None], None),
    ("no question in its cell", "id,question\n1,\n2,b\n", 2, ["ROW_NO_QUESTION", None], None),
]  # fmt: skip


@pytest.mark.parametrize(("case", "text", "line", "codes", "last"), TABLE_ROWS, ids=[row[0] for row in TABLE_ROWS])
def test_a_bad_row_of_a_table_is_told_by_its_line(
    tmp_path: Path, case: str, text: str, line: int, codes: list[str | None], last: str | None
) -> None:
    path = tmp_path / "q.csv"
    path.write_bytes(text.encode())
    out = io.BytesIO()
    run(Echo(), Questions.open(path), out)
    records = [json.loads(record) for record in out.getvalue().splitlines()]
    assert [r["error"]["code"] if r["status"] == "error" else None for r in records[: len(codes)]] == codes, case
    assert records[0]["error"]["line"] == line
    if last:
        assert [r["error"]["code"] if r["status"] == "error" else None for r in records[3:]] == [last, None]


def test_batc_002_a_header_alone_holds_no_question_and_is_no_error(tmp_path: Path) -> None:
    path, out = tmp_path / "q.csv", tmp_path / "out.csv"
    path.write_text("id,question\n", encoding="utf-8")
    report = run(Echo(), Questions.open(path), out, format_="csv")
    assert (report.errors, [code for code, _ in report.warnings]) == (0, ["BATCH_EMPTY"])
    assert "0 questions" in report.warnings[0][1]
    assert out.read_text(encoding="utf-8-sig").splitlines()[0].startswith("id,question,status,answer")
    assert len(out.read_text(encoding="utf-8-sig").splitlines()) == 1


@pytest.mark.parametrize("end", ["", "\n", '"\n"'])
def test_batc_006_a_quote_that_never_closes_is_told_with_its_line(tmp_path: Path, end: str) -> None:
    path, out = tmp_path / "q.csv", io.BytesIO()
    lines = "".join(f"{i},question {i}\n" for i in range(3, 10_001))
    path.write_text(f'id,question\n1,a\n2,"b\n{lines}{end}', encoding="utf-8")
    report = run(Echo(), Questions.open(path), out)
    records = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [record["status"] for record in records] == ["answered", "error"]
    assert records[1]["error"]["code"] == "ROW_UNTERMINATED_QUOTE"
    assert (records[1]["error"]["line"], "weren't read" in records[1]["error"]["message"]) == (3, True)
    assert report.errors == 1


def test_a_quote_that_never_closes_is_not_held_in_memory(tmp_path: Path) -> None:
    path, out = tmp_path / "q.csv", io.BytesIO()
    with path.open("w", encoding="utf-8") as file:
        file.write('id,question\n1,"a\n')
        for _ in range(400):
            file.write("x" * 99_999 + "\n")
    tracemalloc.start()
    run(Echo(), Questions.open(path), out)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert json.loads(out.getvalue())["error"]["code"] == "ROW_UNTERMINATED_QUOTE"
    assert peak < 20 << 20


def test_batc_009_one_column_that_seems_to_be_more_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text("Who gave masks, and when?\nWhere?\nA, b, c?\n", encoding="utf-8")
    report = run(Echo(), Questions.open(path), io.BytesIO())
    assert "BATCH_ONE_COLUMN" in [code for code, _ in report.warnings]


def test_batc_015_ids_of_a_table_are_the_exact_strings(tmp_path: Path) -> None:
    path, out = tmp_path / "q.csv", io.BytesIO()
    path.write_text('id,question\n"007",a\n1e10,b\n12345678901234567890,c\n,d\n', encoding="utf-8")
    run(Echo(), Questions.open(path), out)
    ids = [json.loads(line)["id"] for line in out.getvalue().splitlines()]
    assert ids == ["007", "1e10", "12345678901234567890", "5"]


@pytest.mark.parametrize(
    "text",
    ['=HYPERLINK("http://evil","x")', "+1+1", "-2", "@SUM(1)", "\t=1", "\r=1", "＝1", "'=1", "''@x", "＋1", "\0x"],
)
def test_batc_016_what_a_spreadsheet_would_run_is_neutralised_and_comes_back_as_it_was(
    tmp_path: Path, text: str
) -> None:
    path, out = tmp_path / "q.jsonl", tmp_path / "out.csv"
    row = {"question": f"q{text}", "note": text, text: "x"}
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    run(Echo(), Questions.open(path), out, format_="csv")
    header, first = cells(out)
    assert not any(cell.startswith(("=", "@", "\t", "\r", "\0", "＝", "＋")) for cell in (*header, *first))
    note = first[header.index("note")]
    assert note == text if text == "-2" else note == f"'{text}"
    again = next(iter(Questions.open(out)))
    assert again.cells["note"] == text


def test_batc_017_answers_and_sources_are_neutralised_too(tmp_path: Path) -> None:
    payload = "=cmd|' /C calc'!A0"

    class Infected(Echo):
        def ask_many(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
            source = {"file": payload, "article": payload, "section": payload, "article_id": 1, "start": 0, "end": 2}
            passage = {"rank": 1, "score": 1.0, "text": payload, "source": source, "highlights": []}
            return [
                record | {"answer": payload, "searched_as": payload, "passages": [passage, passage]}
                for record in super().ask_many(questions)
            ]

    path, out = tmp_path / "q.csv", tmp_path / "out.csv"
    path.write_text("question\nwho?\n", encoding="utf-8")
    beside = {"sentence": payload, "runner_up": payload}
    run(Infected(), Questions.open(path), out, format_="csv", extras=lambda _: beside)
    header, first = cells(out)
    infected = [name for name, cell in zip(header, first, strict=True) if payload in cell]
    assert infected == ["answer", "sentence", "headline", "section", "file", "runner-up", "searched as"]
    assert not any(cell.startswith("=") for cell in first)


def test_batc_019_and_020_nothing_is_overwritten(tmp_path: Path) -> None:
    path, out = tmp_path / "q.csv", tmp_path / "out.csv"
    path.write_text("question\nwho?\n", encoding="utf-8")
    with pytest.raises(WenbaoError) as caught:
        run(Echo(), Questions.open(path), path, format_="csv", overwrite=True)
    assert caught.value.code == "OUTPUT_IS_INPUT"
    out.write_text("precious", encoding="utf-8")
    with pytest.raises(WenbaoError) as caught:
        run(Echo(), Questions.open(path), out, format_="csv")
    assert caught.value.code == "OUTPUT_EXISTS"
    assert (path.read_text(encoding="utf-8"), out.read_text(encoding="utf-8")) == ("question\nwho?\n", "precious")


def test_batc_021_a_disk_that_is_full_at_the_result_keeps_all_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = tmp_path / "q.csv", tmp_path / "out.csv"
    path.write_text("question\nwho?\nwhen?\n", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("qa.batch.running.render", full)
        with pytest.raises(WenbaoError) as caught:
            run(Echo(), Questions.open(path), out, format_="csv")
    assert caught.value.code == "DISK_FULL"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.csv.part", "q.csv"]
    report = run(Echo(), Questions.open(path), out, format_="csv", resume=True)
    assert (report.resumed, report.rows) == (2, 2)


@pytest.mark.parametrize(
    ("case", "name", "data", "asked"),
    [
        ("BATC-045", "q.jsonl", '\ufeff{"question": "谁？"}\n'.encode(), ["谁？"]),
        ("BATC-048", "q.txt", "谁？\n何时？".encode(), ["谁？", "何时？"]),
        ("BATC-049", "q.txt", '{"question": "谁？"}\n'.encode(), ["谁？"]),
        ("BATC-049", "q.txt", TABLE.encode(), ["谁捐了口罩？"]),
        ("BATC-049", "q.txt", TABLE.replace(",", "\t").encode("utf-8-sig"), ["谁捐了口罩？"]),
        ("BATC-049", "q.txt", "编号;问题\n1;谁捐了口罩？\n".encode("gb18030"), ["谁捐了口罩？"]),
        ("BATC-009", "q.csv", "编号;问题;分数\n1;谁,何时？;0,93\n".encode(), ["谁,何时？"]),
        ("BATC-009", "q.csv", "编号\t问题\n1\t谁？\n".encode("utf-16"), ["谁？"]),
        ("BATC-009", "q.csv", "sep=;\r\nid;question\r\n1;谁？\r\n".encode(), ["谁？"]),
        ("BATC-009", "q.tsv", "谁？\n何时？".encode(), ["谁？", "何时？"]),
        ("BATC-018", "q.csv", "id,question\n1,谁？\n,\n\n2,何时？\n".encode(), ["谁？", "", "", "何时？"]),
        ("BATC-013", "q.csv", b"id,question\n1,a\n1,b\n1,c\n", ["a", "b", "c"]),
        ("BATC-016", "q.csv", 'question\n"=HYPERLINK(""http://evil"",""x"")"\n＝1\n'.encode(),
         ['=HYPERLINK("http://evil","x")', "＝1"]),
        ("a title above the header", "q.csv", "题库,,\n编号,问题,备注\n1,谁？,无\n".encode(), ["谁？"]),
        ("cells with line breaks", "q.csv", 'id,question\n1,"谁\r\n""捐""了？"\n2,何时？\n'.encode(),
         ['谁\r\n"捐"了？', "何时？"]),
        ("a byte order mark before a quote", "q.csv", '"question","id"\n"谁？",1\n'.encode("utf-8-sig"), ["谁？"]),
        ("Japanese", "q.csv", "番号,質問\n1,誰が？\n".encode("cp932"), ["誰が？"]),
        ("one column without a header", "q.csv", "谁？\n何时？\n".encode(), ["谁？", "何时？"]),
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
