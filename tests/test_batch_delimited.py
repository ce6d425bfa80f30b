"""csv and tsv: where a record begins and ends, what parts its cells, which row is the header, and what is said of each.

``csv`` of Python's own is the measure of plain records; the rest is worked out by hand.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from qa.batch import Options, Questions
from qa.batch.reading import delimited
from qa.batch.reading.columns import Columns, columns_of, folded, is_header, role_of, table_row
from qa.batch.reading.delimited import Dialect, records, sniff
from qa.batch.reading.tables import TableRow, top_of
from qa.batch.reading.text import Line
from qa.batch.values import Row
from qa.errors import InputError, UsageError

COMMA = Dialect(",", sep_line=False, certain=True)
Told = tuple[str, str, str | None]


def told(error: InputError | None) -> Told | None:
    return None if error is None else (error.code, error.message, error.field)


def split(lines: Sequence[str | InputError], dialect: Dialect = COMMA) -> list[tuple[int, list[str] | Told | None]]:
    """The records of these lines: cells, or what is said."""
    found = records(iter(list(enumerate(lines, 1))), dialect)
    return [(line, told(cells) if isinstance(cells, InputError) else cells) for line, cells in found]


def unclosed(line: int, rest: int = 0) -> Told:
    unread = {0: "", 1: "; the line after it wasn't read"}.get(rest, f"; {rest} lines after it weren't read")
    return "ROW_UNTERMINATED_QUOTE", f"Line {line} opens a quote that never closes{unread}; close or double it.", None


BAD = InputError("ROW_ENCODING", "Line 2 isn't UTF-8 text.")
NOT_TEXT = ("ROW_ENCODING", "Line 2 isn't UTF-8 text.", None)


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ([], []),
        (["a,b\n", "c\n"], [(1, ["a", "b"]), (2, ["c"])]),
        (["a,b"], [(1, ["a", "b"])]),
        (["\n", "a\n"], [(1, []), (2, ["a"])]),
        # A record that goes over several lines is known by its first.
        (['x\n', '"a\n', 'b"\n', "y\n"], [(1, ["x"]), (2, ["a\nb"]), (4, ["y"])]),
        (['"a ""b"" c"\n'], [(1, ['a "b" c'])]),
        # A quote within a cell opens nothing.
        (['a "b",c\n'], [(1, ['a "b"', "c"])]),
        (['"a"b\n'], [(1, ["ab"])]),
        (["x\n", '"a\n'], [(1, ["x"]), (2, unclosed(2))]),
        (["x\n", '"a\n', "b\n", "c"], [(1, ["x"]), (2, unclosed(2, 2))]),
        (['"a\n', "b\n"], [(1, unclosed(1, 1))]),
        # A line that can't be read is an error of its own, also where a quote is open.
        (["a\n", BAD, "c\n"], [(1, ["a"]), (2, NOT_TEXT), (3, ["c"])]),
        (['"a\n', BAD, 'c"\n'], [(1, NOT_TEXT), (3, ['c"'])]),
        # The apostrophe that keeps a spreadsheet from running a cell is taken off, once.
        (["'=1,''@x,'a,','＋1,=1\n"], [(1, ["=1", "'@x", "'a", "'", "＋1", "=1"])]),
        (["'-1,'+1,'＝,'－,'＠,a'=1\n"], [(1, ["-1", "+1", "＝", "－", "＠", "a'=1"])]),
        (['"\'\t","\'\r","\'\0",\' =\n'], [(1, ["\t", "\r", "\0", "' ="])]),
    ],
)  # fmt: skip
def test_records_are_cells_or_an_error_at_the_line_where_they_begin(
    lines: Sequence[str | InputError], wanted: list[Any]
) -> None:
    assert split(lines) == wanted


@pytest.mark.parametrize("mark", [",", "\t", ";", "|", "\x1f"])
def test_cells_are_parted_as_by_python_s_own_reader(mark: str) -> None:
    lines = [f"a{mark}b{mark}{mark}", f'"x{mark}y"{mark}z', f"{mark}", "p,q;r|s\tt"]
    assert [cells for _, cells in split(lines, Dialect(mark, sep_line=False, certain=True))] == list(
        csv.reader(lines, delimiter=mark)
    )


def test_the_line_that_says_the_delimiter_is_no_record_but_counts() -> None:
    assert split(["sep=;\n", "a;b\n"], Dialect(";", sep_line=True, certain=True)) == [(2, ["a", "b"])]


def test_what_the_csv_module_refuses_is_told_by_the_line_and_the_others_are_read() -> None:
    with pytest.raises(csv.Error) as caught:
        next(csv.reader(["a\rb\n"]))
    message = f"Line 2 can't be split into cells: {caught.value}."
    assert split(["x\n", "a\rb\n", "y\n"]) == [(1, ["x"]), (2, ("ROW_FIELD_COUNT", message, None)), (3, ["y"])]


@pytest.mark.parametrize(("lines", "whole"), [(1000, True), (1001, False)])
def test_a_cell_has_a_thousand_lines_at_most(lines: int, whole: bool) -> None:
    text = ['"a\n', *["b\n"] * (lines - 2), 'c"\n']
    cell = "a\n" + "b\n" * (lines - 2) + "c"
    after = ["x\n", "y\n"]
    if whole:
        assert split(["q\n", *text, *after]) == [(1, ["q"]), (2, [cell]), (1002, ["x"]), (1003, ["y"])]
    else:
        # Nothing after it can be told apart; the lines up to the file's end are counted.
        assert split(["q\n", *text, *after]) == [(1, ["q"]), (2, unclosed(2, 1002))]


@pytest.mark.parametrize(("last", "whole"), [("34567", True), ("345678", False)])
def test_a_record_of_several_lines_is_no_longer_than_a_line_may_be(
    monkeypatch: pytest.MonkeyPatch, last: str, whole: bool
) -> None:
    monkeypatch.setattr(delimited, "LINE_CHARS", 10)
    found = split(["x\n", '"0\n', f'{last}"\n', "y\n"])
    # 3 + 7 characters; those of the record before don't count.
    assert found == ([(1, ["x"]), (2, [f"0\n{last}"]), (4, ["y"])] if whole else [(1, ["x"]), (2, unclosed(2, 2))])


def test_a_record_of_one_line_is_as_long_as_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "LINE_CHARS", 10)
    assert split(["x" * 20, "y" * 11]) == [(1, ["x" * 20]), (2, ["y" * 11])]


def dialect(lines: Sequence[str | InputError], wanted: str | None = None, format_: str = "csv") -> Dialect:
    def numbered() -> itertools.chain[Line]:
        return itertools.chain(enumerate(lines, 1))

    return sniff(numbered, wanted, format_)


ONE, UNSURE = Dialect(",", sep_line=False, certain=True), Dialect("\x1f", sep_line=False, certain=False)


def sure(mark: str) -> Dialect:
    return Dialect(mark, sep_line=False, certain=True)


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ([], ONE),
        ([""], ONE),
        (["who?\n", "where?\n"], ONE),
        (["sep=;\n", "a,b\n"], Dialect(";", sep_line=True, certain=True)),
        (["\ufeffSEP=|\r\n", "a,b\n"], Dialect("|", sep_line=True, certain=True)),
        (["sep=^", "a^b\n"], Dialect("^", sep_line=True, certain=True)),
        # Only the whole of the first line says it.
        (["sep=;;\n", "a;b;c\n"], sure(";")),
        (["Xsep=;\n", "a;b;c\n"], UNSURE),
        (["a,b\n", "sep=;\n", "c,d\n"], sure(",")),
        # A header that has a question's name goes before what splits more evenly.
        (["id;question\n", "1;a, b\n", "2;c, d\n", "3;e, f\n"], sure(";")),
        (["id|question\n", "1|a, b\n", "2|c, d\n"], sure("|")),
        (["id\tquestion\n", "1\ta, b\n", "2\tc, d\n"], sure("\t")),
        (["\ufeffid;question\n", "1;a\n"], sure(";")),
        (["\n", ";;\n", "id;question\n", "a, b\n"], sure(";")),
        # A lone name is no header of several columns.
        (["question\n", "a;b\n", "c;d\n"], sure(";")),
        ([",,\n", "question\n", *["a;b\n"] * 4], sure(";")),
        (["a\tb,c\n", "d\te\n"], sure("\t")),
        # As many records both ways: the more cells, then the commoner mark.
        (["a,b;c;d\n", "a,b;c;d\n"], sure(";")),
        (["a;b,c\n", "d;e,f\n"], sure(",")),
        (["a|b;c\n", "d|e;f\n"], sure(";")),
        # More than half of the records must have the usual width.
        (["a,b\n", "c,d\n", "e\n", "f\n"], UNSURE),
        (["a,b\n", "c,d\n", "e,f\n", "g\n", "h\n"], sure(",")),
        (["a,b\n", "c,d\n", "e,f,g\n", "h\n", "\n", " \n"], UNSURE),
        (["a, b?\n", "c?\n", "d?\n"], UNSURE),
        (["a; b?\n", "c?\n", "d?\n"], UNSURE),
        # Whether it holds a delimiter is asked of the first line with anything in it.
        (["a?\n", "c, d?\n", "e?\n"], ONE),
        ([" \n", ";,\n", "a?\n"], ONE),
        ([' ";"\n', "a?\n"], ONE),
        (["X;X\n", "a?\n", "b?\n"], UNSURE),
        ([BAD, "id;question\n", "1;a\n"], sure(";")),
        ([BAD, "a, b?\n", "c?\n", "d?\n"], UNSURE),
        # Fifty records are looked at.
        (["a,b\n"] * 25 + ["c\n"] * 25 + ["a,b\n"] * 50, UNSURE),
        (["a,b\n"] * 26 + ["c\n"] * 24 + ["c\n"] * 50, sure(",")),
    ],
)
def test_the_delimiter_is_what_splits_the_first_records_best(
    lines: Sequence[str | InputError], wanted: Dialect
) -> None:
    assert dialect(lines) == wanted


def test_the_owner_s_delimiter_goes_before_all_and_the_line_that_says_one_is_still_none() -> None:
    assert dialect(["id;question\n", "1;a\n"], "|") == Dialect("|", sep_line=False, certain=True)
    assert dialect(["sep=;\n", "a;b\n"], "|") == Dialect("|", sep_line=True, certain=True)


def test_a_tsv_is_parted_by_tabs_where_its_first_line_has_one() -> None:
    assert dialect(["\n", "a,b,c\td\n", "a,b,c\n"], format_="tsv") == sure("\t")
    assert dialect(["\ta\n", "b,c\n", "d,e\n"], format_="tsv") == sure("\t")
    assert dialect(["a,b,c\td\n", "a,b,c\n"]) == sure(",")
    assert dialect(["a,b\n", "c,d\n", "e\tf\n"], format_="tsv") == sure(",")
    assert dialect(["who?\n", "when?\n"], format_="tsv") == ONE


# -- columns --


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Question", "question"), (" QUERY: ", "question"), ("问题*", "question"), ("ｑｕｅｓｔｉｏｎｓ", "question"),
        ("質問", "question"), ("\ufeffquestion", "question"), ("question?", None), ("No.", "id"), ("no", "id"),
        ("番号", "id"), ("Earlier  Questions", "history"), ("履歴", "history"), ("gold answer", "answer"),
        ("正解", "answer"), ("headline", "article"), ("出典", "source"), ("Language", "category"),
        ("可答", "answerable"), ("right/wrong", "verdict"), ("备注", "comment"), ("", None), ("n", None),
    ],
)  # fmt: skip
def test_a_column_s_name_says_its_role(name: str, role: str | None) -> None:
    assert role_of(name) == role
    assert is_header([None, 3, name]) is (role == "question")


def test_names_are_compared_without_width_case_blanks_and_a_colon_at_the_end() -> None:
    assert folded("  Ｇold\u3000ANSWER ：") == "gold answer"
    assert folded("Straße*:") == "strasse"
    assert folded("a:b*c") == "a:b*c"


COLUMNS = ("Nr", "Frage", "Text")


def columns(first: Sequence[Any], *, strict: bool = True, **options: Any) -> Columns:
    return columns_of("q.csv", first, Options(**options), strict=strict)


@pytest.mark.parametrize(
    ("first", "options", "wanted"),
    [
        # The first column of a role has it; several may be categories.
        (("question", "query", "id", "no"), {},
         (("question", "query", "id", "no"), {"question": (0,), "id": (2,)}, True)),
        (("type", "question", "lang"), {},
         (("type", "question", "lang"), {"category": (0, 2), "question": (1,)}, True)),
        # What the owner says goes before names, for that role alone.
        (("question", "query", "id"), {"columns": {"question": ("query",)}},
         (("question", "query", "id"), {"question": (1,), "id": (2,)}, True)),
        (("a", "question"), {"columns": {"category": ("a", "2")}},
         (("a", "question"), {"question": (1,), "category": (0, 1)}, True)),
        # A first row is a header where it has the wished name, or the name of any role.
        (("wer", "was"), {"columns": {"question": ("WAS",)}}, (("wer", "was"), {"question": (1,)}, True)),
        (("wer", "答案"), {"columns": {"question": ("A",)}},
         (("wer", "答案"), {"question": (0,), "answer": (1,)}, True)),
        (("wer", "was"), {"columns": {"question": ("2",)}}, (("A", "B"), {"question": (1,)}, False)),
        (("wer", "was"), {"columns": {"question": ("2",)}, "header": True}, (("wer", "was"), {"question": (1,)}, True)),
        (("id", "question"), {"columns": {"question": ("2",)}, "header": False},
         (("A", "B"), {"question": (1,)}, False)),
        # One column alone without a header has the questions.
        (("who?",), {}, (("A",), {"question": (0,)}, False)),
        (("who?",), {"columns": {"question": ("a",)}}, (("A",), {"question": (0,)}, False)),
        ((1, None, "question"), {}, (("1", "B", "question"), {"question": (2,)}, True)),
        # By letters, as far as there are columns.
        (tuple("x" * 28), {"columns": {"question": ("AB",)}, "header": False},
         ((*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "AA", "AB"), {"question": (27,)}, False)),
        # What an earlier result of ours added is no gold.
        (("question", "answer", "status", "trace id"), {},
         (("question", "answer", "status", "trace id"), {"question": (0,)}, True)),
    ],
)  # fmt: skip
def test_columns_are_found(first: Sequence[Any], options: dict[str, Any], wanted: tuple[Any, ...]) -> None:
    found = columns(first, **options)
    assert (found.names, dict(found.roles), found.header) == wanted


ASKED = "question, questions, query, 问题, 問題, 提问, 提問"


@pytest.mark.parametrize(
    ("first", "options", "names", "wished"),
    [
        (("wer?", "was?"), {}, "wer?, was?", "1"),
        (("id", "was"), {"header": True}, "id, was", "id"),
        (("was",), {"header": True}, "was", "was"),
        (("x", "答案"), {"columns": {"answer": ("2",)}}, "x, 答案", "x"),
    ],
)
def test_a_table_without_questions_is_told_with_its_columns(
    first: Sequence[Any], options: dict[str, Any], names: str, wished: str
) -> None:
    with pytest.raises(InputError) as caught:
        columns(first, **options)
    message = f"q.csv has the columns {names}, none of which is named {ASKED}; name it with --column question={wished}."
    assert told(caught.value) == ("BATCH_NO_QUESTION_COLUMN", message, "column")
    # To be shown, it needs none.
    assert "question" not in columns(first, strict=False, **options).roles


def test_names_without_a_question_s_are_no_header_unless_the_owner_names_a_column() -> None:
    found = columns(("id", "who?"), strict=False)
    assert (found.names, dict(found.roles), found.header) == (("A", "B"), {}, False)
    found = columns(("id", "who?"), columns={"question": ("B",)})
    assert (found.names, dict(found.roles), found.header) == (("id", "who?"), {"id": (0,), "question": (1,)}, True)


@pytest.mark.parametrize("wished", ["4", "0", "D", "AA", "ABCD", "a b"])
def test_a_wished_column_that_is_not_there_is_told_word_for_word(wished: str) -> None:
    with pytest.raises(UsageError) as caught:
        columns(COLUMNS, header=True, columns={"question": (wished,)})
    error = caught.value
    message = f"q.csv has no column {wished!r}; it has Nr, Frage, Text."
    assert (error.code, error.message, error.field) == ("COLUMN_UNKNOWN", message, "column")


def test_a_wished_role_that_is_none_is_told_word_for_word() -> None:
    with pytest.raises(UsageError) as caught:
        columns(COLUMNS, columns={"colour": ("Nr",)})
    roles = "question, id, history, answer, article, source, category, answerable, verdict, comment"
    message = f"'colour' is no role; a column may be {roles}."
    assert (caught.value.code, caught.value.message, caught.value.field) == ("COLUMN_UNKNOWN", message, "column")


def test_columns_are_named_by_role() -> None:
    found = Columns(("a", "b", "c"), {"category": (2, 0), "id": (1,)})
    assert [found.first(role) for role in ("category", "id", "question")] == [2, 1, None]
    assert [found.named(role) for role in ("category", "id", "question")] == [("c", "a"), ("b",), ()]


# -- rows --

TABLE = Columns(("id", "question", "history", "n"), {"id": (0,), "question": (1,), "history": (2,)})
FAULT = InputError("CELL_ERROR", "Cell B7 in row 7 holds the error #REF!; mend the formula.")


def seen(row: Row) -> dict[str, Any]:
    """All that a row holds, where it isn't what every row has."""
    values = {
        "id": row.id,
        "question": row.question,
        "history": row.history,
        "error": told(row.error),
        "blank": row.blank,
        "cells": list(row.cells.values()),
    }
    return {"line": row.line} | {name: value for name, value in values.items() if value}


@pytest.mark.parametrize(
    ("cells", "faults", "wanted"),
    [
        (["a", " who? ", "x\ny", 1], {}, {"id": "a", "question": "who?", "history": ("x", "y")}),
        ([" 5.0 ", "who?", None, None], {}, {"id": "5.0", "question": "who?"}),
        ([5.0, 42, None, None], {}, {"id": "5", "question": "42"}),
        ([None, "who?"], {}, {"id": "7", "question": "who?", "cells": [None, "who?", None, None]}),
        ([" ", "", None, "\t"], {}, {"id": "7", "blank": True}),
        # A blank row has its line for an id, one without a question its own.
        ([], {}, {"id": "7", "blank": True, "cells": [None] * 4}),
        (["a", " ", None, None], {}, {"id": "a", "error": ("ROW_NO_QUESTION", "Line 7 has no question.", "question")}),
        (["", "", "", "x"], {}, {"id": "7", "error": ("ROW_NO_QUESTION", "Line 7 has no question.", "question")}),
        (
            ["a", "w\0ho\0?", "x", None],
            {},
            {
                "id": "a",
                "question": "who?",
                "error": ("ROW_NUL", "Line 7: the question holds a NUL; remove it.", "question"),
            },
        ),
        # A cell that is unfit counts where it is asked.
        (["a", "who?", "x", None], {0: FAULT}, {"id": "a", "error": told(FAULT)}),
        (["a", "who?", "x", None], {1: FAULT}, {"id": "a", "error": told(FAULT)}),
        (["a", "who?", "x", None], {2: FAULT}, {"id": "a", "error": told(FAULT)}),
        (["a", "who?", "x", None], {3: FAULT}, {"id": "a", "question": "who?", "history": ("x",)}),
        ([None, None, None, None], {1: FAULT}, {"id": "7", "error": told(FAULT)}),
    ],
)
def test_a_table_s_row_asks_or_is_told(cells: list[Any], faults: dict[int, InputError], wanted: dict[str, Any]) -> None:
    row = table_row(7, cells, TABLE, faults)
    assert seen(row) == {"line": 7, "cells": cells, **wanted}
    assert list(row.cells) == ["id", "question", "history", "n"]
    assert row.asks is (not {"error", "blank"} & wanted.keys())


def test_a_row_of_a_table_without_a_role_has_nothing_there() -> None:
    lone = Columns(("n", "question"), {"question": (1,)})
    assert seen(table_row(3, ["a", "who?"], lone, {0: FAULT})) == {
        "line": 3, "id": "3", "question": "who?", "cells": ["a", "who?"],
    }  # fmt: skip


def read(folder: Path, text: str, **options: Any) -> list[dict[str, Any]]:
    path = folder / "q.csv"
    path.write_bytes(text.encode())
    return [seen(row) for row in Questions.open(path, Options(**options))]


def width(line: int, cells: int, wide: int) -> Told:
    advice = "put cells that hold the delimiter in quotes."
    return "ROW_FIELD_COUNT", f"Line {line} has {cells} cells, the table {wide}; {advice}", None


def test_each_line_of_a_file_is_a_row_or_is_told(tmp_path: Path) -> None:
    text = (
        "a title,,\n"
        "no,question,note\n"
        "a,who?,x\n"
        "b,too,few\n"
        "c,two\n"
        "d,when, where?,x\n"
        "e,what?,x, ,\n"
        ",,\n"
        "\n"
        ",,,,\n"
        "f,,x\n"
        'g,"open,x\n'
        "h,lost?,x\n"
    )
    assert read(tmp_path, text) == [
        {"line": 3, "id": "a", "question": "who?", "cells": ["a", "who?", "x"]},
        {"line": 4, "id": "b", "question": "too", "cells": ["b", "too", "few"]},
        {"line": 5, "id": "c", "question": "two", "cells": ["c", "two", None], "error": width(5, 2, 3)},
        {"line": 6, "id": "d", "question": "when", "cells": ["d", "when", " where?"], "error": width(6, 4, 3)},
        {"line": 7, "id": "e", "question": "what?", "cells": ["e", "what?", "x"]},
        {"line": 8, "id": "8", "blank": True, "cells": ["", "", ""]},
        {"line": 9, "id": "9", "blank": True, "cells": [None, None, None]},
        {"line": 10, "id": "10", "blank": True, "cells": ["", "", ""]},
        {
            "line": 11,
            "id": "f",
            "cells": ["f", "", "x"],
            "error": ("ROW_NO_QUESTION", "Line 11 has no question.", "question"),
        },
        {"line": 12, "id": "12", "error": unclosed(12, 1)},
    ]


def test_a_line_of_a_table_that_cannot_be_read_ends_nothing(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_bytes(b"\xff\nid,question\n1,\xff\n ,a,b\n2,when?\n")
    assert [seen(row) for row in Questions.open(path)] == [
        {"line": 3, "id": "3", "error": ("ROW_ENCODING", "Line 3 isn't UTF-8 text.", None)},
        {"line": 4, "id": "4", "question": "a", "cells": [" ", "a"], "error": width(4, 3, 2)},
        {"line": 5, "id": "2", "question": "when?", "cells": ["2", "when?"]},
    ]


def test_a_table_without_a_header_begins_with_its_first_line(tmp_path: Path) -> None:
    rows = [{"line": 1, "id": "1", "question": "who?", "cells": ["who?", "x"]}]
    assert read(tmp_path, "who?,x\n", columns={"question": ("1",)}) == rows
    rows = [{"line": 1, "id": "1", "question": "question", "cells": ["x", "question"]}]
    assert read(tmp_path, "x,question\n", columns={"question": ("B",)}, header=False) == rows


# The header's row, and what stands above it.


def top(
    rows: Sequence[Sequence[Any]], *, strict: bool = True, **options: Any
) -> tuple[tuple[str, ...], bool, int] | None:
    numbered = [TableRow(number, cells) for number, cells in enumerate(rows, 1)]
    found = top_of("q.csv", iter(numbered), Options(**options), strict=strict)
    return None if found is None else (found.columns.names, found.columns.header, found.header_row)


@pytest.mark.parametrize(
    ("rows", "options", "wanted"),
    [
        ([], {}, None),
        ([[], [None, " "]], {}, None),
        ([["id", "question"], ["1", "x"]], {}, (("id", "question"), True, 1)),
        ([["title"], [], ["id", "question"]], {}, (("id", "question"), True, 3)),
        # It is looked for among the first ten rows.
        ([*[["t"]] * 9, ["id", "question"]], {}, (("id", "question"), True, 10)),
        ([*[["t"]] * 10, ["id", "question"]], {}, (("A",), False, 0)),
        # The owner says that there is one: the first row with anything in it.
        (
            [[], ["t", "x"], ["id", "question"]],
            {"header": True, "columns": {"question": ("x",)}},
            (("t", "x"), True, 2),
        ),
        ([["id", "question"], ["t"]], {"header": False, "columns": {"question": ("B",)}}, (("A", "B"), False, 0)),
        # Without one there are as many columns as the widest row has.
        ([["x"], ["a", "z", "x"], ["e", "f"]], {"columns": {"question": ("A",)}}, (("A", "B", "C"), False, 0)),
        ([["x", "y"], ["z"]], {"columns": {"question": ("B",)}}, (("A", "B"), False, 0)),
        # With one, its own.
        ([["question"], ["a", "b"]], {}, (("question",), True, 1)),
    ],
)
def test_the_header_is_the_first_row_that_names_a_question(
    rows: Sequence[Sequence[Any]], options: dict[str, Any], wanted: object
) -> None:
    assert top(rows, **options) == wanted


def test_a_table_without_questions_is_refused_unless_it_is_only_shown() -> None:
    rows = [["x"], ["y", "z"]]
    assert top(rows, strict=False) == top([["x", "y"]], strict=False) == (("A", "B"), False, 0)
    for refused, names in ((rows, "x, B"), ([["x", "y"]], "x, y")):
        with pytest.raises(InputError) as caught:
            top_of("q.csv", iter([TableRow(number, cells) for number, cells in enumerate(refused, 1)]), Options())
        assert caught.value.message.startswith(f"q.csv has the columns {names}, none of which is named {ASKED};")


def test_a_row_that_could_not_be_split_is_no_header() -> None:
    rows = [TableRow(1, error=FAULT), TableRow(2, ["question"])]
    found = top_of("q", iter(rows), Options())
    assert found is not None
    assert (found.header_row, rows[0].blank, rows[1].blank, TableRow(3, [" ", None]).blank) == (2, False, False, True)
