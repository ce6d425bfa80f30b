"""The cells of a table → a row that asks: which column is which, by its name or by its owner's word."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qa.batch.values import EMPTY, Cell, Options, Row, Value, cell_text
from qa.batch.wording import own_columns
from qa.errors import InputError, UsageError

NAMES: Mapping[str, tuple[str, ...]] = {
    "question": ("question", "questions", "query", "问题", "問題", "提问", "提問", "問い", "質問", "质问"),
    "id": ("id", "qid", "no", "no.", "number", "编号", "編號", "序号", "序號", "番号", "番號"),
    "history": ("history", "earlier questions", "历史", "歷史", "历史问题", "歷史問題", "之前的问题", "上文", "履歴"),
    "answer": (
        "answer", "answers", "gold answer", "expected answer", "right answer", "标准答案", "標準答案", "参考答案",
        "參考答案", "正确答案", "正確答案", "答案", "正解", "模範解答",
    ),
    "article": ("article", "gold article", "headline", "文章", "标题", "標題", "篇名", "記事", "見出し"),
    "source": ("source", "file", "gold source", "来源", "來源", "出处", "出處", "文件", "檔案", "出典", "ファイル"),
    "category": ("category", "type", "lang", "language", "topic", "类别", "類別", "分类", "分類", "类型", "類型",
                 "题型", "題型", "语言", "語言", "カテゴリ", "種類", "言語"),
    "answerable": ("answerable", "可答", "可回答", "有无答案", "有無答案", "回答可能"),
    "verdict": ("verdict", "review", "right/wrong", "评判", "評判", "对错", "對錯", "对/错", "對/錯", "判定"),
    "comment": ("comment", "comments", "review comment", "备注", "備註", "批注", "批註", "意见", "意見", "コメント"),
}  # fmt: skip
"""The names that a column of each role may have, folded: in Chinese, English and Japanese."""
ROLES = tuple(NAMES)
MANY = frozenset({"category"})
"""Roles that several columns may have."""
_ROLE_OF = {name: role for role, names in NAMES.items() for name in names}
_LETTERS = re.compile(r"[A-Z]{1,3}")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table: unique ``names`` in their order, and by role the positions of those that have it."""

    names: tuple[str, ...]
    roles: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: EMPTY)
    header: bool = True

    def first(self, role: str) -> int | None:
        """The position of the column with that role, if there is one."""
        found = self.roles.get(role, ())
        return found[0] if found else None

    def named(self, role: str) -> tuple[str, ...]:
        """The names of the columns with that role."""
        return tuple(self.names[i] for i in self.roles.get(role, ()))


def folded(name: str) -> str:
    """A column's name for comparing: width, case, blanks and a colon or asterisk at its end don't count."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split()).strip("*: \ufeff")


def role_of(name: str) -> str | None:
    """The role that a column's name says, if any."""
    return _ROLE_OF.get(folded(name))


def is_header(cells: Sequence[Cell]) -> bool:
    """Whether a table's first row names its columns: one of them is a question's."""
    return any(isinstance(cell, str) and role_of(cell) == "question" for cell in cells)


def letters(number: int) -> str:
    """A spreadsheet's name of column ``number``, from 1: A to Z, then AA."""
    name = ""
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def unique_names(cells: Sequence[Cell]) -> tuple[str, ...]:
    """A name for each column: the header's; its letter where that is empty; with a number where it stands again."""
    found: dict[str, None] = {}
    for number, cell in enumerate(cells, 1):
        name = cell_text(cell).strip().lstrip("\ufeff") or letters(number)
        at, numbered = 2, name
        while numbered in found:
            at, numbered = at + 1, f"{name} ({at})"
        found[numbered] = None
    return tuple(found)


SHOWN_CHARS = 20
"""Characters of a cell that an error shows."""


def columns_of(place: str, first: Sequence[Cell], options: Options, *, strict: bool = True) -> Columns:
    """The columns of a table whose first row that isn't blank is ``first``.

    Raises:
        InputError: BATCH_NO_QUESTION_COLUMN, unless not ``strict``.
        UsageError: COLUMN_UNKNOWN for an owner's column that isn't there.
    """
    header = is_header(first)
    if options.header is not None:
        header = options.header
    elif not header and options.columns:
        texts = [folded(cell_text(cell)) for cell in first]
        wished = [folded(name) for names in options.columns.values() for name in names]
        header = any(name in texts for name in wished) or any(role_of(text) for text in texts)
    names = unique_names(first) if header else tuple(letters(i + 1) for i in range(len(first)))
    roles: dict[str, tuple[int, ...]] = {}
    ours = own_columns(names)
    if header:
        for i, name in enumerate(names):
            role = role_of(name)
            if role and i not in ours and role not in options.columns and (role in MANY or role not in roles):
                roles[role] = (*roles.get(role, ()), i)
    for role, wished_names in options.columns.items():
        if role not in NAMES:
            raise UsageError("COLUMN_UNKNOWN", f"{role!r} is no role; a column may be {', '.join(ROLES)}.", "column")
        roles[role] = tuple(_position(place, wished, names) for wished in wished_names)
    if "question" not in roles and not header and len(first) == 1:
        roles["question"] = (0,)
    if strict and "question" not in roles:
        told = names if header else [cell_text(cell).strip() or letters(i + 1) for i, cell in enumerate(first)]
        shown = ", ".join(name if len(name) <= SHOWN_CHARS else f"{name[:SHOWN_CHARS]}…" for name in told)
        raise InputError(
            "BATCH_NO_QUESTION_COLUMN",
            f"{place} has the columns {shown}, none of which is named {', '.join(NAMES['question'][:7])}; "
            f"name it with --column question={names[0] if header else '1'}.",
            field="column",
        )
    return Columns(names, roles, header)


def _position(place: str, wished: str, names: Sequence[str]) -> int:
    for i, name in enumerate(names):
        if wished == name or folded(wished) == folded(name):
            return i
    if wished.isdecimal() and 1 <= int(wished) <= len(names):
        return int(wished) - 1
    if _LETTERS.fullmatch(wished):
        number = 0
        for letter in wished:
            number = 26 * number + ord(letter) - ord("A") + 1
        if number <= len(names):
            return number - 1
    raise UsageError("COLUMN_UNKNOWN", f"{place} has no column {wished!r}; it has {', '.join(names)}.", field="column")


def table_row(line: int, cells: Sequence[Cell], columns: Columns, faults: Mapping[int, InputError]) -> Row:
    """The row of a table's cells. ``faults`` are errors of cells by position; they count where the cell is asked."""
    given: dict[str, Value] = {name: cells[i] if i < len(cells) else None for i, name in enumerate(columns.names)}

    def text(role: str) -> str:
        place = columns.first(role)
        return cell_text(cells[place]) if place is not None and place < len(cells) else ""

    id_ = text("id").strip() or str(line)
    for role in ("question", "id", "history"):
        place = columns.first(role)
        if place is not None and place in faults:
            return Row(line, id_, error=faults[place], cells=given)
    question = text("question").strip()
    if not question and not any(cell_text(cell).strip() for cell in cells):
        return Row(line, str(line), blank=True, cells=given)
    if not question:
        fault = InputError("ROW_NO_QUESTION", f"Line {line} has no question.", field="question")
        return Row(line, id_, error=fault, cells=given)
    if "\0" in question:
        fault = InputError("ROW_NUL", f"Line {line}: the question holds a NUL; remove it.", field="question")
        return Row(line, id_, question.replace("\0", ""), error=fault, cells=given)
    return Row(line, id_, question, earlier(text("history")), cells=given)


def earlier(text: str) -> tuple[str, ...]:
    """Earlier questions from one cell: a JSON list, or a line each."""
    text = text.strip()
    if text.startswith("["):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, list) and all(isinstance(turn, str) for turn in found):
            return tuple(found)
    return tuple(turn for turn in map(str.strip, text.splitlines()) if turn)
