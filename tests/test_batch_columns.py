"""Which column of a question file is which: by its name, by what the owner says, by letter or number."""

from __future__ import annotations

import openpyxl.utils
import pytest

from qa.batch import Options
from qa.batch.reading.columns import columns_of, earlier, letters, unique_names
from qa.errors import InputError, UsageError

HEADER = ("编号", "Frage", "问题", "备注")


def roles(first: tuple[str, ...], **options: object) -> dict[str, tuple[int, ...]]:
    return dict(columns_of("q.csv", first, Options(**options)).roles)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wished", "place"),
    [("Frage", 1), ("frage ", 1), ("ＦＲＡＧＥ", 1), ("2", 1), ("B", 1), ("备注", 3), ("D", 3), ("4", 3)],
)
def test_the_owner_names_a_column_by_name_number_or_letter(wished: str, place: int) -> None:
    assert roles(HEADER, columns={"question": (wished,)})["question"] == (place,)


def test_a_name_goes_before_a_number_and_a_letter() -> None:
    assert roles(("2", "问题", "B"), columns={"question": ("2",), "id": ("B",)}) == {"question": (0,), "id": (2,)}


@pytest.mark.parametrize("wished", ["Antwort", "0", "5", "E", "AA", "-1", "Ⅳ"])
def test_a_column_that_is_not_there_is_told_with_those_that_are(wished: str) -> None:
    with pytest.raises(UsageError, match="编号, Frage, 问题, 备注") as caught:
        roles(HEADER, columns={"question": (wished,)})
    assert caught.value.code == "COLUMN_UNKNOWN"


def test_what_is_no_role_is_told_with_the_roles() -> None:
    with pytest.raises(UsageError, match="question") as caught:
        roles(HEADER, columns={"colour": ("备注",)})
    assert caught.value.code == "COLUMN_UNKNOWN"


def test_a_first_row_that_names_what_the_owner_wishes_is_a_header() -> None:
    found = columns_of("q.csv", ("Frage", "Nummer"), Options(columns={"question": ("Frage",)}))
    assert (found.names, found.header) == (("Frage", "Nummer"), True)
    found = columns_of("q.csv", ("Wer?", "Was?"), Options(columns={"question": ("B",)}))
    assert (found.names, dict(found.roles), found.header) == (("A", "B"), {"question": (1,)}, False)


def test_the_owner_says_whether_the_first_row_is_a_header() -> None:
    assert columns_of("q.csv", ("问题",), Options(header=False)).header is False
    assert roles(("谁领头？",), header=False) == {"question": (0,)}


def test_without_a_question_column_it_is_told_how_to_name_one() -> None:
    with pytest.raises(InputError, match=r"--column question=1") as caught:
        roles(("谁领头？", "多少人？"))
    assert caught.value.code == "BATCH_NO_QUESTION_COLUMN"
    assert roles(("谁领头？", "多少人？"), header=False, columns={"question": ("1",)}) == {"question": (0,)}


@pytest.mark.parametrize("number", [1, 26, 27, 52, 53, 702, 703, 16_384])
def test_columns_have_the_letters_of_a_spreadsheet(number: int) -> None:
    assert letters(number) == openpyxl.utils.get_column_letter(number)


def test_names_that_stand_twice_or_not_at_all_are_told_apart() -> None:
    assert unique_names(("a", "", "a", "a (2)", None, "\ufeffa")) == ("a", "B", "a (2)", "a (2) (2)", "E", "a (3)")


@pytest.mark.parametrize(
    ("cell", "turns"),
    [
        ('["谁？", "多少？"]', ("谁？", "多少？")),
        ("谁？\n\n 多少？ ", ("谁？", "多少？")),
        ('["谁？", 1]', ('["谁？", 1]',)),
        ("[谁？", ("[谁？",)),
        ("", ()),
    ],
)
def test_earlier_questions_of_one_cell_are_a_list_or_a_line_each(cell: str, turns: tuple[str, ...]) -> None:
    assert earlier(cell) == turns
