"""Scored rows → the measures of a run: means with intervals, by category, the worst, what changed."""

from __future__ import annotations

import heapq
import json
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qa.answer import Record
from qa.batch.scoring.gold import Gold
from qa.batch.scoring.measures import Score, score
from qa.batch.values import Row
from qa.errors import UsageError

WORST = 20
"""Questions that are listed as the worst."""
FLIPPED = 1000
"""Questions that are listed as flipped; all are counted."""
CATEGORIES = 50
"""Values of a category column that get a row of their own."""
RESAMPLES = 1000
"""Resamples of the bootstrap (Efron 1979); the interval is from the 2.5th to the 97.5th percentile."""
SEED = 20260101
"""So that the same answers have the same intervals."""
_DRAWS = 20_000_000
"""Rows drawn in all: large runs have narrow intervals, which fewer resamples tell as well."""

Floats = npt.NDArray[np.float64]
MEASURES = ("right", "exact", "f1", "contains", "hit@1", "hit@3", "hit@5", "mrr", "refusal_precision", "refusal_recall")


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure with its 95 % interval, over ``rows`` rows."""

    value: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True, slots=True)
class Flip:
    """A question whose answer changed: it was right and is wrong, the other way round, or is only another one."""

    id: str
    question: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class Bad:
    """One of the worst questions."""

    id: str
    question: str
    wanted: str
    answer: str
    status: str
    f1: float | None
    rank: int | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run against an earlier one, over the rows that both have."""

    rows: int
    drops: Mapping[str, float]
    """By measure: positive is worse than before."""
    lost: Sequence[Flip]
    won: Sequence[Flip]
    changed: Sequence[Flip]
    """Other answers that no gold tells better or worse."""
    counts: Mapping[str, int]
    """How many are lost, won and changed in all."""

    def worst(self) -> float:
        """The largest drop, in 0…1."""
        return max(self.drops.values(), default=0.0)


@dataclass(frozen=True, slots=True)
class Scores:
    """The measures of a run."""

    rows: int
    """Rows with gold."""
    measures: Mapping[str, Measure]
    categories: Mapping[str, Mapping[str, Mapping[str, Measure]]]
    """By category column and value: measures without intervals (low and high are the value)."""
    worst: Sequence[Bad]
    compared: Comparison | None = None


def _numbers() -> array[float]:
    return array("d")


@dataclass(slots=True)
class _Table:
    """Columns of scores, a number a row; NaN where nothing is known. Arrays take a quarter of a list's memory."""

    right: array[float] = field(default_factory=_numbers)
    exact: array[float] = field(default_factory=_numbers)
    f1: array[float] = field(default_factory=_numbers)
    contains: array[float] = field(default_factory=_numbers)
    rank: array[float] = field(default_factory=_numbers)
    """Reciprocal; 0 for none, NaN without a gold source."""
    refused: array[float] = field(default_factory=_numbers)
    unanswerable: array[float] = field(default_factory=_numbers)
    """NaN where nobody said."""

    def add(self, one: Score) -> None:
        for values, value in (
            (self.right, one.right), (self.exact, one.exact), (self.f1, one.f1), (self.contains, one.contains),
            (self.rank, (1 / one.rank if one.rank else 0.0) if one.sourced else None), (self.refused, one.refused),
            (self.unanswerable, None if one.answerable is None else not one.answerable),
        ):  # fmt: skip
            values.append(float("nan") if value is None else float(value))

    def measures(self, *, intervals: bool) -> dict[str, Measure]:
        columns = [self.right, self.exact, self.f1, self.contains, self.rank, self.refused, self.unanswerable]
        table = np.array(columns, dtype=np.float64)
        values = _values(table)
        rows = _rows(table)
        found = {name: values[name] for name in MEASURES if not np.isnan(values[name])}
        if not intervals:
            return {name: Measure(value, value, value, rows[name]) for name, value in found.items()}
        size = table.shape[1]
        generator = np.random.default_rng(SEED)
        times = max(100, min(RESAMPLES, _DRAWS // max(size, 1)))
        drawn = [_values(table[:, generator.integers(size, size=size)]) for _ in range(times)]
        spread = {name: np.array([one[name] for one in drawn]) for name in found}
        low, high = ({name: float(np.nanpercentile(spread[name], p)) for name in found} for p in (2.5, 97.5))
        return {name: Measure(value, low[name], high[name], rows[name]) for name, value in found.items()}


def _values(table: Floats) -> dict[str, float]:
    right, exact, f1, contains, rank, refused, none = table
    known = ~np.isnan(none)
    found = {
        "right": _mean(right), "exact": _mean(exact), "f1": _mean(f1), "contains": _mean(contains), "mrr": _mean(rank),
        "refusal_precision": _mean(none[known & (refused == 1)]) if (none == 1).any() else float("nan"),
        "refusal_recall": _mean(refused[none == 1]),
    }  # fmt: skip
    sourced = rank[~np.isnan(rank)]
    return found | {f"hit@{k}": _mean((sourced >= 1 / k).astype(np.float64)) for k in (1, 3, 5)}


def _rows(table: Floats) -> dict[str, int]:
    right, exact, f1, contains, rank, refused, none = table
    counts = {"right": right, "exact": exact, "f1": f1, "contains": contains, "mrr": rank}
    found = {name: int((~np.isnan(values)).sum()) for name, values in counts.items()}
    found |= {f"hit@{k}": found["mrr"] for k in (1, 3, 5)}
    known = ~np.isnan(none)
    return found | {
        "refusal_precision": int((known & (refused == 1)).sum()),
        "refusal_recall": int((none == 1).sum()),
    }


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def evaluate(
    rows: Iterable[tuple[Row, Record]], gold: Callable[[Row], Gold], baseline: Path | None = None
) -> Scores | None:
    """The measures of answered rows; None when none has gold and there is no earlier run.

    Raises:
        UsageError: BASELINE_INVALID, BASELINE_MISMATCH.
    """
    whole, tables = _Table(), dict[str, dict[str, _Table]]()
    worst: list[tuple[tuple[float, float, float, int], Bad]] = []
    order = count()
    compared = _Compared(baseline) if baseline else None
    with closing(compared) if compared else closing(_Nothing()):
        for row, record in rows:
            if record["status"] in {"error", "skipped"}:
                continue
            wanted = gold(row)
            one = score(record, wanted)
            if wanted.known:
                whole.add(one)
                for column, value in wanted.categories.items():
                    _of(tables.setdefault(column, {}), value).add(one)
                if one.right is False:
                    badness = (-(one.f1 or 0.0), -(1 / one.rank if one.rank else 0.0), 0.0, -next(order))
                    heapq.heappush(worst, (badness, _bad(record, wanted, one)))
                    if len(worst) > WORST:
                        heapq.heappop(worst)
            if compared:
                compared.add(row, record, wanted, one)
        comparison = compared.comparison() if compared else None
    if not whole.right and comparison is None:
        return None
    return Scores(
        rows=len(whole.right),
        measures=whole.measures(intervals=True) if whole.right else {},
        categories={
            column: {value: table.measures(intervals=False) for value, table in sorted(values.items())}
            for column, values in tables.items()
        },
        worst=[bad for _, bad in sorted(worst, key=lambda pair: pair[0], reverse=True)],
        compared=comparison,
    )


def _of(values: dict[str, _Table], value: str) -> _Table:
    if value not in values and len(values) >= CATEGORIES:
        value = "…"
    return values.setdefault(value, _Table())


def _bad(record: Record, gold: Gold, one: Score) -> Bad:
    places = (f"{p.file}:{p.start}-{p.end}" if p.start is not None else p.file for p in gold.places)
    wanted = " | ".join(gold.answers) or ("—" if gold.answerable is False else gold.headline or " | ".join(places))
    answer = str(record.get("answer") or "")
    return Bad(str(record["id"]), record["question"], wanted, answer, record["status"], one.f1, one.rank)


class _Nothing:
    def close(self) -> None:
        """There is nothing to let go of."""


class _Compared:
    """An earlier run's answers, found again by id and question; its scores beside ours. On disk, as files are large."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._whole = (_Table(), _Table())
        self._flips: dict[str, list[Flip]] = {"lost": [], "won": [], "changed": []}
        self._counts = dict.fromkeys(self._flips, 0)
        self._rows = 0
        self._places = sqlite3.connect("", isolation_level=None)
        self._places.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE places (key TEXT PRIMARY KEY, start INTEGER) WITHOUT ROWID;"
        )
        try:
            with path.open("rb") as file:
                self._places.executemany("INSERT OR IGNORE INTO places VALUES (?, ?)", _keys(file, path))
            self._file = path.open("rb")
        except OSError as error:
            self.close()
            raise UsageError("BASELINE_INVALID", f"{path} can't be read: {error.strerror}.") from error

    def close(self) -> None:
        self._places.close()
        if hasattr(self, "_file"):
            self._file.close()

    def add(self, row: Row, record: Record, gold: Gold, now: Score) -> None:
        found = self._places.execute("SELECT start FROM places WHERE key = ?", (_key(record),)).fetchone()
        if not found:
            return
        self._file.seek(found[0])
        earlier = json.loads(self._file.readline().partition(b"\t")[0])
        if earlier["status"] in {"error", "skipped"}:
            return
        self._rows += 1
        before = score(earlier, gold)
        if gold.known:
            self._whole[0].add(before)
            self._whole[1].add(now)
        told = [_told(each) for each in (earlier, record)]
        kind = None
        if before.right is not None and now.right is not None:
            kind = None if before.right == now.right else "won" if now.right else "lost"
        elif told[0] != told[1]:
            kind = "changed"
        if kind:
            self._counts[kind] += 1
            if len(self._flips[kind]) < FLIPPED:
                self._flips[kind].append(Flip(row.id, row.question, *told))

    def comparison(self) -> Comparison:
        if not self._rows:
            raise UsageError("BASELINE_MISMATCH", f"{self._path} has none of these questions with these ids.")
        before, now = (table.measures(intervals=False) if table.right else {} for table in self._whole)
        drops = {name: round(before[name].value - now[name].value, 6) for name in now if name in before}
        return Comparison(
            self._rows, drops, self._flips["lost"], self._flips["won"], self._flips["changed"], self._counts
        )


def _keys(file: Any, path: Path) -> Iterator[tuple[str, int]]:
    start = 0
    for line in file:
        try:
            record = json.loads(line.partition(b"\t")[0])
        except ValueError as error:
            raise UsageError("BASELINE_INVALID", f"{path} is no jsonl that `wenbao batch` wrote.") from error
        if isinstance(record, dict) and {"id", "question", "status", "passages"} <= record.keys():
            yield _key(record), start
        elif start or not isinstance(record, dict) or "key" not in record:
            raise UsageError("BASELINE_INVALID", f"{path} is no jsonl that `wenbao batch` wrote.")
        start += len(line)


def _key(record: Mapping[str, Any]) -> str:
    return json.dumps([record["id"], record["question"]])


def _told(record: Mapping[str, Any]) -> str:
    return str(record["answer"]) if record.get("answer") else str(record["status"])
