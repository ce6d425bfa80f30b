"""Results as csv: UTF-8 with the byte order mark that Excel needs, CRLF, every field as RFC 4180 says."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import BinaryIO

from qa.batch.reading.columns import role_of
from qa.batch.values import Cell, cell_text
from qa.batch.writing.neutral import cut, for_csv
from qa.batch.writing.table import Column, Done, Layout, cells


def write(out: BinaryIO, layout: Layout, rows: Iterable[Done]) -> None:
    """Write the header and the rows."""
    text = io.TextIOWrapper(out, encoding="utf-8-sig", errors="replace", newline="")
    writer = csv.writer(text)
    writer.writerow([for_csv(name) for name in layout.names()])
    for done in rows:
        writer.writerow([_field(c, v, layout) for c, v in zip(layout.columns, cells(done, layout), strict=True)])
    text.flush()
    text.detach()


def _field(column: Column, value: Cell, layout: Layout) -> str:
    """Our own cells and questions are neutralised whatever they hold; numbers of other columns stay numbers."""
    text = cut(cell_text(value), layout.words)
    is_number = isinstance(value, int | float) or (column.carried and role_of(column.name) != "question")
    return for_csv(text, number=is_number)
