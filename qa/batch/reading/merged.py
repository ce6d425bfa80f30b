"""The cells of a sheet's row → the same with merged cells filled, or told as unfit to be asked. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qa.batch.reading.archive import Merge
from qa.batch.values import Cell
from qa.errors import InputError

MAX_COLUMNS = 1000
"""Cells beyond this column are left out."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row as it stands: cells from column A on; ``faults`` by position are what makes a cell unfit to be asked."""

    number: int
    cells: tuple[Cell, ...]
    faults: Mapping[int, InputError]


class Merged:
    """What merged cells do to the cells that they cover: their value stands in the first one alone."""

    def __init__(self, merges: Sequence[Merge], *, fill_merged: bool) -> None:
        self._waiting = sorted(merges, key=lambda merge: merge.first_row, reverse=True)
        self._open: list[Merge] = []
        self._anchors: dict[Merge, Cell] = {}
        self._fill = fill_merged

    def applied(self, row: int, cells: list[Cell], faults: dict[int, InputError]) -> SheetRow:
        """The row with its merged cells filled, or told as faults. Rows come in their order."""
        while self._waiting and self._waiting[-1].first_row <= row:
            self._open.append(self._waiting.pop())
        self._open = [merge for merge in self._open if merge.last_row >= row]
        for merge in self._open:
            first = merge.first_column - 1
            if merge.first_row == row:
                self._anchors[merge] = cells[first] if first < len(cells) else None
            for at in range(first, min(merge.last_column, MAX_COLUMNS)):
                if (row, at) == (merge.first_row, first):
                    continue
                if self._fill and at == first:
                    cells.extend([None] * (at + 1 - len(cells)))
                    cells[at] = self._anchors.get(merge)
                else:
                    message = f"Row {row}: the cell belongs to the merged one of row {merge.first_row}; unmerge it."
                    faults[at] = InputError("CELL_MERGED", message)
        return SheetRow(row, tuple(cells), faults)
