"""An empty table of questions to fill in, with its columns named and told of."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from qa.batch.values import Cell
from qa.batch.writing.spreadsheet import Heading, SheetPlan, write_workbook
from qa.errors import UsageError

_COLUMNS = {
    "zh": ("编号", "问题", "历史", "标准答案", "来源", "类别", "备注"),
    "en": ("id", "question", "history", "answer", "source", "category", "comment"),
}
_WIDTHS = (10, 50, 36, 24, 26, 14, 30)
_TOLD = {
    "zh": (
        "说明",
        (
            ("编号", "可不填；原样出现在结果里"),
            ("问题", "必填，每行一个"),
            ("历史", "可不填；追问时，前面问过的问题，每行一个"),
            ("标准答案", "可不填；填了就给回答打分。几种说法之间用 | 隔开；文章里没有答案的，填“无答案”"),
            ("来源", "可不填；答案所在的文件名"),
            ("类别", "可不填；按类别分别打分"),
            ("其他列", "可以任意添加，原样出现在结果里"),
        ),
    ),
    "en": (
        "notes",
        (
            ("id", "optional; comes back as it is"),
            ("question", "required, one a row"),
            ("history", "optional; for a follow-up, the earlier questions, one a line"),
            ("answer", "optional; answers are scored by it. Several, parted by |; where there is none: no answer"),
            ("source", "optional; the name of the file that holds the answer"),
            ("category", "optional; scores are given for each"),
            ("other columns", "as many as you like; they come back as they are"),
        ),
    ),
}


def template(format_: str, language: str = "zh") -> bytes:
    """The template as xlsx, csv or jsonl, headed in ``language``: zh or en.

    Raises:
        UsageError: UNSUPPORTED_FORMAT.
    """
    columns = _COLUMNS[language]
    if format_ == "xlsx":
        title, told = _TOLD[language]
        rows: Sequence[Sequence[Cell]] = told
        out = io.BytesIO()
        notes = [Heading(title, 18), Heading("", 90)]
        asked = "问题" if language == "zh" else "questions"
        write_workbook(
            out,
            [
                SheetPlan(
                    asked, [Heading(*column) for column in zip(columns, _WIDTHS, strict=True)], [], filtered=False
                ),
                SheetPlan(title, notes, rows, filtered=False),
            ],
        )
        return out.getvalue()
    if format_ == "csv":
        text = io.StringIO()
        csv.writer(text).writerow(columns)
        return text.getvalue().encode("utf-8-sig")
    if format_ == "jsonl":
        example = {"id": "1", "question": "", "history": []}
        return (json.dumps(example, ensure_ascii=False) + "\n").encode()
    raise UsageError("UNSUPPORTED_FORMAT", "A template is .xlsx, .csv or .jsonl.")
