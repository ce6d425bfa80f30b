"""Workbooks in and out, against openpyxl and LibreOffice: what they write is read, what is written they read."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from qa.answer import Question
from qa.batch import Options, Questions, run
from qa.batch.reading import archive
from qa.batch.wording import EN
from qa.batch.writing import check_size
from qa.batch.writing.neutral import CELL_CHARS, cut
from qa.batch.writing.spreadsheet import Heading, SheetPlan, Styled, write_workbook
from qa.errors import QuestionError, WenbaoError

OFFICE = shutil.which("soffice") or shutil.which("libreoffice")
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
needs_office = pytest.mark.skipif(OFFICE is None, reason="needs LibreOffice (Debian: libreoffice-calc-nogui)")


class Echo:
    """Answers every question with itself."""

    def check(self, question: str) -> None:
        if not question.strip():
            raise QuestionError("QUESTION_EMPTY", "The question is empty; write one.")

    def ask_many(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        source = {"file": "a.txt", "article": "标题", "section": None, "article_id": 7, "start": 3, "end": 9}
        why = {"terms": ["甲"], "lexical_rank": 1, "dense_rank": None, "fused_score": 0.5}
        marks = [{"start": 4, "end": 6}]
        passage = {"rank": 1, "score": 0.5, "text": "原文", "source": source, "highlights": marks, "why": why}
        return [
            {
                "id": question.id,
                "question": question.question,
                "status": "answered",
                "answer": question.question,
                "confidence": 0.75,
                "searched_as": question.question,
                "passages": [passage],
                "trace_id": "t",
                "elapsed_ms": 1.0,
            }
            for question in questions
        ]


def book(folder: Path, rows: Sequence[Sequence[Any]], name: str = "q.xlsx") -> Path:
    workbook = openpyxl.Workbook()
    sheet = active(workbook)
    for row in rows:
        sheet.append(list(row))
    workbook.save(folder / name)
    return folder / name


def active(workbook: openpyxl.Workbook) -> Worksheet:
    sheet = workbook.active
    assert isinstance(sheet, Worksheet)
    return sheet


def repacked(path: Path, changes: Mapping[str, bytes | None]) -> Path:
    """The workbook with parts replaced, added, or (None) left out."""
    with zipfile.ZipFile(path) as file:
        parts: dict[str, bytes | None] = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in {**parts, **changes}.items():
            if data is not None:
                file.writestr(name, data)
    return path


def shared(folder: Path, items: Sequence[str], *, first: int = 0) -> Path:
    """A workbook whose texts are shared strings, as Excel writes them: a header, then a row for each ``<si>``."""
    path = book(folder, [["question"], *[["x"] for _ in items]])
    rows = "".join(f'<row r="{i}"><c r="A{i}" t="s"><v>{first + i - 1}</v></c></row>' for i in range(1, len(items) + 2))
    sheet = re.sub("<sheetData>.*</sheetData>", f"<sheetData>{rows}</sheetData>", part(path, SHEET))
    relations = part(path, "xl/_rels/workbook.xml.rels")
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    relation = f'<Relationship Type="{kind}" Target="sharedStrings.xml" Id="rId99"/></Relationships>'
    changes = {
        SHEET: sheet,
        "xl/_rels/workbook.xml.rels": relations.replace("</Relationships>", relation),
        STRINGS: f'<sst xmlns="{MAIN}"><si><t>question</t></si>{"".join(items)}</sst>',
    }
    return repacked(path, {name: text.encode() for name, text in changes.items()})


def part(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as file:
        return file.read(name).decode()


def asked(path: Path, **options: Any) -> list[tuple[int, str, str | None]]:
    """Line, question, and the error's code of each row."""
    found = Questions.open(path, Options(**options))
    return [(row.line, row.question, row.error.code if row.error else None) for row in found]


def office(path: Path, format_: str) -> Path:
    """What LibreOffice makes of a file."""
    assert OFFICE
    command = [OFFICE, f"-env:UserInstallation=file://{path.parent}/profile", "--headless", "--convert-to", format_]
    subprocess.run([*command, "--outdir", str(path.parent / "office"), str(path)], check=True, capture_output=True)
    return path.parent / "office" / path.with_suffix(f".{format_.partition(':')[0]}").name


ROWS: list[list[Any]] = [
    ["题库 2020"],
    ["编号", "问题", "历史", "日期", "时刻", "数"],
    ["007", "谁捐了口罩？", None, date(2020, 2, 18), datetime(2020, 2, 18, 9, 30), 0.5],
    [],
    [12345, "何时？", "谁捐了口罩？\n捐了多少？", None, time(9, 30), -2],
]


def check_rows(path: Path) -> None:
    found = Questions.open(path)
    assert (found.columns.names, found.header_row, found.lines) == (tuple(map(str, ROWS[1])), 2, 3)
    first, blank, last = found
    assert (first.id, first.question, first.history, first.line) == ("007", "谁捐了口罩？", (), 3)
    assert (first.cells["日期"], first.cells["数"]) == (date(2020, 2, 18), 0.5)
    assert first.cells["时刻"] == datetime(2020, 2, 18, 9, 30)
    assert (blank.blank, blank.line) == (True, 4)
    assert (last.id, last.question, last.history) == ("12345", "何时？", ("谁捐了口罩？", "捐了多少？"))
    assert (last.cells["时刻"], last.cells["数"]) == (time(9, 30), -2)


def test_a_workbook_of_openpyxl_is_read_with_its_title_header_dates_and_blank_rows(tmp_path: Path) -> None:
    check_rows(book(tmp_path, ROWS))


@needs_office
@pytest.mark.parametrize("format_", ["xlsx", "xlsm", "xlsx:Calc Office Open XML"])
def test_a_workbook_of_libreoffice_is_read_alike(tmp_path: Path, format_: str) -> None:
    check_rows(office(book(tmp_path, ROWS), format_))


@needs_office
def test_an_ods_or_xls_is_refused_saying_what_it_is(tmp_path: Path) -> None:
    path = book(tmp_path, ROWS)
    for format_, said in (("ods", "OpenDocument"), ("xls", "old Office file")):
        with pytest.raises(WenbaoError, match=said) as caught:
            Questions.open(office(path, format_))
        assert caught.value.code == "UNSUPPORTED_FORMAT"


@needs_office
def test_batc_024_formulas_count_by_the_value_that_was_saved(tmp_path: Path) -> None:
    path = book(tmp_path, [["id", "question"], ["谁", '=A2&"？"'], ["x", "=1/0"], ["y", "何时？"]])
    assert asked(path) == [
        (2, "", "CELL_FORMULA_NO_VALUE"),
        (3, "", "CELL_FORMULA_NO_VALUE"),
        (4, "何时？", None),
    ]
    assert asked(office(path, "xlsx")) == [(2, "谁？", None), (3, "", "CELL_ERROR"), (4, "何时？", None)]


def test_batc_026_a_merged_cell_counts_in_its_first_row_or_in_all(tmp_path: Path) -> None:
    path = book(tmp_path, [["question", "n"], ["谁？", 1], [None, 2], [None, 3], ["何时？", 4]])
    workbook = openpyxl.load_workbook(path)
    active(workbook).merge_cells("A2:A4")
    workbook.save(path)
    merged = "CELL_MERGED"
    assert asked(path) == [(2, "谁？", None), (3, "", merged), (4, "", merged), (5, "何时？", None)]
    assert asked(path, fill_merged=True) == [
        (2, "谁？", None),
        (3, "谁？", None),
        (4, "谁？", None),
        (5, "何时？", None),
    ]


def test_batc_027_the_first_visible_sheet_with_questions_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "q.xlsx"
    workbook = openpyxl.Workbook()
    hidden = active(workbook)
    hidden.title = "hidden"
    hidden.append(["question"])
    hidden.append(["hidden?"])
    hidden.sheet_state = "hidden"
    workbook.create_chartsheet("chart", 0)
    workbook.create_sheet("empty")
    notes = workbook.create_sheet("notes")
    notes.append(["please fill in"])
    wanted = workbook.create_sheet("questions")
    wanted.append(["question"])
    wanted.append(["asked?"])
    workbook.save(path)
    found = Questions.open(path)
    assert (found.sheet and found.sheet.name, [row.question for row in found]) == ("questions", ["asked?"])
    assert found.sheets == ("hidden", "empty", "notes", "questions")
    assert asked(path, sheet="hidden") == [(2, "hidden?", None)]
    with pytest.raises(WenbaoError, match="notes, questions") as caught:
        asked(path, sheet="other")
    assert caught.value.code == "SHEET_UNKNOWN"


def test_batc_028_a_thousand_empty_rows_end_a_sheet(tmp_path: Path) -> None:
    path = book(tmp_path, [["question"], ["谁？"]])
    sheet = part(path, "xl/worksheets/sheet1.xml")
    empty = "".join(f'<row r="{i}"><c r="A{i}" s="0"/></row>' for i in range(3, 1_048_577))
    repacked(path, {"xl/worksheets/sheet1.xml": sheet.replace("</sheetData>", f"{empty}</sheetData>").encode()})
    assert asked(path) == [(2, "谁？", None)]


def test_empty_rows_between_questions_stay(tmp_path: Path) -> None:
    path = book(tmp_path, [["question"], ["谁？"], *[[]] * 900, ["何时？"]])
    rows = asked(path)
    assert (len(rows), rows[0], rows[-1]) == (902, (2, "谁？", None), (903, "何时？", None))


@pytest.mark.parametrize(
    ("case", "limit", "value"),
    [("BATC-030 inflates", "MAX_INFLATED_BYTES", 1 << 20), ("BATC-030 ratio", "MAX_RATIO", 5)],
)
def test_batc_030_a_workbook_that_inflates_beyond_measure_is_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, limit: str, value: int
) -> None:
    path = book(tmp_path, [["question"], ["谁？"]])
    repacked(path, {"xl/media/blank.xml": b" " * (2 << 20)})
    monkeypatch.setattr(archive, "SMALL_BYTES", 1 << 19)
    monkeypatch.setattr(archive, limit, value)
    monkeypatch.setattr("lxml.etree.iterparse", None)
    monkeypatch.setattr("lxml.etree.parse", None)
    with pytest.raises(WenbaoError) as caught:
        Questions.open(path)
    assert caught.value.code == "XLSX_TOO_LARGE", case


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(("case", "doctype"), [("BATC-031", LAUGHS), ("BATC-032", OUTSIDE)])
@pytest.mark.parametrize("name", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/_rels/workbook.xml.rels"])
def test_a_doctype_is_refused_wherever_it_stands(
    tmp_path: Path, case: str, doctype: str, name: str, encoding: str
) -> None:
    path = shared(tmp_path, ["<si><t>谁？</t></si>"])
    content = re.sub(r"^<\?xml.*?\?>\s*", "", part(path, name))
    declared = f'<?xml version="1.0" encoding="{encoding}"?>{" " * 70_000}{doctype}{content}'
    repacked(path, {name: declared.encode(encoding)})
    with pytest.raises(WenbaoError) as caught:
        Questions.open(path)
    assert caught.value.code == "XLSX_UNSAFE_XML", case


def test_batc_033_macros_links_and_objects_are_not_looked_at(tmp_path: Path) -> None:
    path = book(tmp_path, [["question"], ["谁？"]], "q.xlsm")
    sheet = part(path, "xl/worksheets/sheet1.xml")
    call = '<c r="A3" t="str"><f>WEBSERVICE("http://192.0.2.1/")</f><v>cached?</v></c>'
    repacked(
        path,
        {
            "xl/vbaProject.bin": b"Attribute VB_Name",
            "xl/externalLinks/externalLink1.xml": b"<externalLink><broken",
            "xl/embeddings/oleObject1.bin": b"\xd0\xcf\x11\xe0",
            "xl/worksheets/sheet1.xml": sheet.replace("</sheetData>", f"<row r='3'>{call}</row></sheetData>").encode(),
        },
    )
    assert asked(path) == [(2, "谁？", None), (3, "cached?", None)]


def damaged_crc(path: Path) -> None:
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as file:
        at = file.getinfo("xl/worksheets/sheet1.xml").header_offset
    data[at + 60] ^= 255
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (damaged_crc, "xl/worksheets/sheet1.xml"),
        (lambda path: repacked(path, {"xl/workbook.xml": None}), "xl/workbook.xml"),
        (lambda path: repacked(path, {"xl/worksheets/sheet1.xml": None}), "xl/worksheets/sheet1.xml"),
        (lambda path: repacked(path, {SHEET: part(path, SHEET)[:-60].encode()}), SHEET),
        (lambda path: path.write_bytes(path.read_bytes()[:-900]), "the archive"),
    ],
)
def test_batc_034_a_damaged_workbook_is_told_with_its_part(tmp_path: Path, damage: Any, named: str) -> None:
    path = book(tmp_path, [["question"], ["谁？"]])
    damage(path)
    with pytest.raises(WenbaoError) as caught:
        list(Questions.open(path))
    assert (caught.value.code, named in caught.value.message) == ("XLSX_DAMAGED", True)


def test_batc_034_shared_strings_that_are_damaged_or_missing_are_told(tmp_path: Path) -> None:
    outside = shared(tmp_path, ["<si><t>谁？</t></si>"], first=1)
    with pytest.raises(WenbaoError, match=re.escape(SHEET)) as caught:
        Questions.open(outside)
    assert caught.value.code == "XLSX_DAMAGED"
    broken = repacked(shared(tmp_path, ["<si><t>谁？</t></si>"]), {STRINGS: b"<sst><si><t>x"})
    with pytest.raises(WenbaoError, match=STRINGS) as caught:
        Questions.open(broken)
    assert caught.value.code == "XLSX_DAMAGED"


def test_batc_035_only_what_people_see_is_asked(tmp_path: Path) -> None:
    rich = "<si><r><t>谁</t></r><r><rPr><b/></rPr><t>捐</t></r><r><t>了？</t></r></si>"
    ruby = '<si><t>东京？</t><rPh sb="0" eb="2"><t>とうきょう</t></rPh><phoneticPr fontId="1"/></si>'
    path = shared(tmp_path, [rich, ruby, "<si><t>'何时？</t></si>", "<si><t>a_x000D_b_x005F_x0041_</t></si>"])
    assert [row[1] for row in asked(path)] == ["谁捐了？", "东京？", "'何时？", "a\rb_x0041_"]


def test_batc_037_more_rows_than_a_sheet_holds_are_refused_before_anything_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "q.txt"
    path.write_text("?\n" * 1_048_576, encoding="utf-8")
    with pytest.raises(WenbaoError) as caught:
        run(Echo(), Questions.open(path), tmp_path / "out.xlsx", format_="xlsx")
    assert (caught.value.code, list(tmp_path.iterdir())) == ("OUTPUT_TOO_MANY_ROWS", [path])
    path.write_text("?\n" * 1_048_575, encoding="utf-8")
    check_size(Questions.open(path), "xlsx")


# Out


def result(folder: Path, rows: Sequence[Sequence[Any]], format_: str = "xlsx") -> Path:
    out = folder / f"out.{format_}"
    run(Echo(), Questions.open(book(folder, rows)), out, format_=format_, about={"key": "k", "model": "m"})
    return out


def values(path: Path, sheet: str) -> list[list[Any]]:
    workbook = openpyxl.load_workbook(path)
    return [[cell.value for cell in row] for row in workbook[sheet].iter_rows()]


def test_the_result_holds_answers_passages_and_settings_and_the_input_s_own_columns(tmp_path: Path) -> None:
    out = result(tmp_path, ROWS)
    assert openpyxl.load_workbook(out).sheetnames == ["回答", "全部段落", "设置"]
    header, first, blank, last = values(out, "回答")
    told = dict(zip(header, first, strict=True))
    assert list(told)[:6] == ["编号", "问题", "历史", "状态", "回答", "把握"]
    assert (told["编号"], told["问题"], told["状态"], told["回答"]) == (
        "007",
        "谁捐了口罩？",
        "找到答案",
        "谁捐了口罩？",
    )
    assert (told["所在文章"], told["所在文件"], told["位置"], told["把握"]) == ("标题", "a.txt", "4-6", 0.75)
    assert (told["日期"], told["时刻"]) == (datetime(2020, 2, 18), datetime(2020, 2, 18, 9, 30))
    assert blank[header.index("状态")] == "空行"
    assert (last[header.index("编号")], last[header.index("数")]) == (12345, -2)
    assert values(out, "全部段落")[1][:2] == ["007", "谁捐了口罩？"]
    assert ["问题文件", "q.xlsx"] in values(out, "设置")


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    path = book(tmp_path, ROWS)
    for folder in ("a", "b"):
        run(Echo(), Questions.open(path), tmp_path / folder / "out.xlsx", format_="xlsx")
    assert (tmp_path / "a" / "out.xlsx").read_bytes() == (tmp_path / "b" / "out.xlsx").read_bytes()


TEXTS = [
    "=1+1",
    '=HYPERLINK("http://evil","x")',
    "+1",
    "@SUM(1)",
    "＝1",
    "\t=1",
    "_x000D_",
    "a\x07b",
    "a\r\nb",
    "&<>\"'",
]


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_becomes_a_formula_and_every_text_comes_back(tmp_path: Path, text: str) -> None:
    path, out = tmp_path / "q.jsonl", tmp_path / "out.xlsx"
    row = {"question": f"q{text}", "note": text, text: text}
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    run(Echo(), Questions.open(path), out, format_="xlsx")
    sheet = openpyxl.load_workbook(out)["answers"]
    assert {cell.data_type for cells in sheet.iter_rows() for cell in cells} <= {"s", "inlineStr", "n"}
    again = next(iter(Questions.open(out)))
    assert again.cells["note"] == text.replace("\x07", "\ufffd")


@needs_office
def test_libreoffice_runs_nothing_and_shows_what_was_written(tmp_path: Path) -> None:
    out = result(tmp_path, [["question", "备注"], *[[f"{text}？", text] for text in TEXTS if "\x07" not in text]])
    shown = office(out, "csv:Text - txt - csv (StarCalc):44,34,76").read_text(encoding="utf-8")
    for text in ("=1+1", "=HYPERLINK(", "@SUM(1)", "＝1"):
        assert text in shown
    again = office(out, "xlsx")
    assert {row.cells["备注"] for row in Questions.open(again)} >= {"=1+1", "@SUM(1)", "+1"}


@needs_office
def test_libreoffice_prints_the_result(tmp_path: Path) -> None:
    pdf = office(result(tmp_path, ROWS), "pdf")
    assert pdf.read_bytes().startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) == 3


@pytest.mark.parametrize(
    ("text", "whole"), [("a" * CELL_CHARS, True), ("a" * (CELL_CHARS + 1), False), ("𠮷" * 16_384, False)]
)
def test_a_cell_that_is_too_long_is_cut_with_a_mark(text: str, whole: bool) -> None:
    shown = cut(text, EN)
    assert (shown == text) is whole
    assert len(shown.encode("utf-16-le")) // 2 <= CELL_CHARS
    assert whole or shown.endswith(f"[cut: {len(text)} characters]")


def test_more_passages_than_a_sheet_holds_go_to_a_further_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.batch.writing.xlsx.SHEET_ROWS", 4)
    out = result(tmp_path, [["question"], *[[f"q{i}"] for i in range(3)]])
    assert openpyxl.load_workbook(out).sheetnames == ["answers", "passages", "settings"]
    out.unlink()
    out = result(tmp_path, [["question"], *[[f"q{i}"] for i in range(7)]])
    assert openpyxl.load_workbook(out).sheetnames == ["answers", "passages", "passages 2", "passages 3", "settings"]
    found = [row[1] for name in ("passages", "passages 2", "passages 3") for row in values(out, name)[1:]]
    assert found == [f"q{i}" for i in range(7)]


def test_links_lead_to_the_article_at_its_place(tmp_path: Path) -> None:
    from qa.batch import Wishes

    out = tmp_path / "out.xlsx"
    path = book(tmp_path, [["question"], ["谁？"]])
    run(Echo(), Questions.open(path), out, format_="xlsx", wishes=Wishes(link_base="http://127.0.0.1:7860"))
    sheet = openpyxl.load_workbook(out)["answers"]
    links = [cell.hyperlink.target for row in sheet.iter_rows() for cell in row if cell.hyperlink]
    assert links == ["http://127.0.0.1:7860/articles/7?start=4&end=6#mark"]


def test_a_result_read_again_carries_its_review_and_drops_what_we_added(tmp_path: Path) -> None:
    first = result(tmp_path, [["question", "answer", "status"], ["谁？", "我", "neu"]])
    workbook = openpyxl.load_workbook(first)
    sheet = workbook["answers"]
    header = [cell.value for cell in sheet[1]]
    assert header[:7] == ["id", "question", "answer", "right", "F1", "rank of the source", "status (wenbao)"]
    sheet.cell(2, header.index("verdict") + 1, "right")
    workbook.save(tmp_path / "reviewed.xlsx")
    found = Questions.open(tmp_path / "reviewed.xlsx")
    assert found.columns.named("answer") == ("answer",)
    out = tmp_path / "again.xlsx"
    run(Echo(), found, out, format_="xlsx")
    again = values(out, "answers")
    assert sorted(map(str, again[0])) == sorted(map(str, header))
    assert again[1][again[0].index("verdict")] == "right"


def test_the_writer_gives_what_openpyxl_reads() -> None:
    out = io.BytesIO()
    rows: list[list[Any]] = [["x", 1, 2.5, True], [None, date(1999, 12, 31), datetime(2020, 1, 1, 12), time(6)]]
    rows.append([Styled("go", "link", "http://x/?a=1&b=2"), 10**18, float("inf"), ""])
    write_workbook(
        out, [SheetPlan("a/b", [Heading(f"h{i}") for i in range(4)], rows), SheetPlan("a b", [Heading("h")], [])]
    )
    workbook = openpyxl.load_workbook(out)
    assert workbook.sheetnames == ["a b", "a b 2"]
    found = [[cell.value for cell in row] for row in workbook["a b"].iter_rows(min_row=2)]
    assert found[0] == ["x", 1, 2.5, True]
    assert found[1] == [None, datetime(1999, 12, 31), datetime(2020, 1, 1, 12), time(6)]
    assert found[2] == ["go", "1000000000000000000", "inf", None]
    assert workbook["a b"]["A4"].hyperlink.target == "http://x/?a=1&b=2"
