"""Results as one HTML file that can be mailed: what came out, how good it is, the answers. No scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from markupsafe import Markup

from qa.batch.scoring.report import Comparison, Flip, Measure, Scores
from qa.batch.values import Cell, cell_text
from qa.batch.wording import Wording
from qa.batch.writing.neutral import cut
from qa.batch.writing.plots import Bar, bars, histogram
from qa.batch.writing.table import Done, Layout, answer_cells

SHOWN_ROWS = 2000
"""Answers that the report lists: it must fit into a mail."""
TEXT_CHARS = 600
"""Longest text of a cell."""
FLIPS = 100
"""Flipped questions of each kind that are listed."""

_STYLE = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")


def write(
    out: BinaryIO,
    layout: Layout,
    rows: Callable[[], Iterable[Done]],
    settings: Sequence[tuple[str, Cell]],
    title: str,
    scores: Scores | None = None,
) -> None:
    """Write the report. ``rows`` is read twice: for the figures, and for the answers that are listed."""
    words = layout.words
    statuses: Counter[str] = Counter()
    confidences = [0] * 10
    for done in rows():
        statuses[str(done.record["status"])] += 1
        if done.record.get("answer"):
            confidences[min(9, int(10 * float(done.record["confidence"])))] += 1
    total = statuses.total()
    told = words.report
    parts = [
        Markup("<h1>{}</h1><p class=meta>{}</p>").format(told["title"], title),
        Markup("<h2>{}</h2>").format(told["outcome"]),
        bars(
            told["statuses"].format(rows=total),
            [
                Bar(words.statuses[status], times / max(total, 1), f"{times} ({times / max(total, 1):.0%})", status)
                for status in words.statuses
                if (times := statuses[status])
            ],
        ),
    ]
    if any(confidences):
        labels = [f"{i * 10}–{i * 10 + 10}%" for i in range(10)]
        parts.append(histogram(told["confidence"], confidences, labels))
    if scores:
        parts += _scores(scores, words)
    parts.append(Markup("<h2>{}</h2>").format(told["answers"]))
    if total > SHOWN_ROWS:
        parts.append(Markup("<p class=meta>{}</p>").format(told["first"].format(shown=SHOWN_ROWS, rows=total)))
    out.write(
        Markup(
            '<!doctype html>\n<html lang="{}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{} · {}</title>'
            "<style>{}</style></head><body>{}<div class=scroll><table><thead><tr>{}</tr></thead><tbody>\n"
        )
        .format(
            "zh-Hans" if words.tag == "zh" else "en",
            title,
            told["title"],
            Markup(_STYLE),  # noqa: S704 (ours)
            Markup("\n").join(parts),
            _header(_columns(layout)),
        )
        .encode("utf-8", "replace")
    )
    for done in islice(rows(), SHOWN_ROWS):
        out.write(_answer(done, layout).encode("utf-8", "replace"))
    pairs = Markup("").join(Markup("<dt>{}</dt><dd>{}</dd>").format(name, cell_text(value)) for name, value in settings)
    end = Markup('</tbody></table></div><h2>{}</h2><dl class="dl">{}</dl></body></html>\n')
    out.write(end.format(words.sheets["settings"], pairs).encode("utf-8", "replace"))


def _columns(layout: Layout) -> list[str]:
    words = layout.words
    shown = _asked(words)
    if any(column.key == "right" for column in layout.columns):
        shown.append(words.score_columns["right"])
    return [
        *shown,
        words.columns["status"],
        words.columns["answer"],
        words.columns["confidence"],
        words.report["source"],
    ]


def _asked(words: Wording) -> list[str]:
    return [words.passage_columns["id"], words.passage_columns["question"]]


def _header(names: Iterable[str]) -> Markup:
    return Markup("").join(Markup("<th>{}</th>").format(name) for name in names)


def _answer(done: Done, layout: Layout) -> Markup:
    own = answer_cells(done, layout)
    record = done.record

    def short(key: str) -> str:
        return cut(cell_text(own.get(key)), layout.words, TEXT_CHARS)

    cells = [Markup("<td>{}</td><td class=text>{}</td>").format(short("id"), short("question"))]
    if any(column.key == "right" for column in layout.columns):
        cells.append(Markup("<td class=brief>{}</td>").format(short("right")))
    cells.append(Markup('<td class="brief {}">{}</td>').format(record["status"], short("status")))
    cells.append(Markup("<td class=text>{}</td>").format(short("answer")))
    sure = f"{own['confidence']:.2f}" if record.get("answer") else ""
    cells.append(Markup("<td class=n>{}</td>").format(sure))
    where = " › ".join(filter(None, (short("headline"), short("section"))))
    source = Markup("{}").format(short("sentence") or short("error"))
    if where:
        place = f"{where} · {short('file')} {short('place')}"
        link = own.get("link")
        shown = Markup('<a href="{}">{}</a>').format(link, place) if link else Markup("{}").format(place)
        source += Markup("<div class=where>{}</div>").format(shown)
    cells.append(Markup("<td>{}</td>").format(source))
    return Markup("<tr>{}</tr>\n").format(Markup("").join(cells))


def _scores(scores: Scores, words: Wording) -> list[Markup]:
    told = words.report
    parts = [Markup("<h2>{}</h2>").format(told["scores"].format(rows=scores.rows))]
    if scores.measures:
        parts.append(
            bars(
                told["intervals"],
                [
                    Bar(words.measures[name], one.value, f"{one.value:.3f} (n={one.rows})", "bar", one.low, one.high)
                    for name, one in scores.measures.items()
                ],
            )
        )
    for column, values in scores.categories.items():
        parts += [Markup("<h2>{}</h2>").format(told["category"].format(column=column)), category_table(values, words)]
    if scores.worst:
        rows = [
            [bad.id, bad.question, bad.wanted, bad.answer or words.statuses[bad.status], _number(bad.f1),
             cell_text(bad.rank)]
            for bad in scores.worst
        ]  # fmt: skip
        names = [*_asked(words), told["wanted"], words.columns["answer"], words.measures["f1"]]
        names.append(words.score_columns["rank"])
        parts += [Markup("<h2>{}</h2>").format(told["worst"]), _table(names, rows, words)]
    if scores.compared:
        parts += _compared(scores.compared, words)
    return parts


def category_table(values: Mapping[str, Mapping[str, Measure]], words: Wording) -> Markup:
    """Measures by the values of a category column."""
    names = [name for name in words.measures if any(name in measures for measures in values.values())]
    rows = [
        [value, *(_number(one[name].value) if name in one else "" for name in names)] for value, one in values.items()
    ]
    counts = [max((measure.rows for measure in one.values()), default=0) for one in values.values()]
    rows = [[row[0], str(n), *row[1:]] for row, n in zip(rows, counts, strict=True)]
    return _table(["", "n", *(words.measures[name] for name in names)], rows, words)


def _compared(compared: Comparison, words: Wording) -> list[Markup]:
    told = words.report
    parts = [Markup("<h2>{}</h2>").format(told["compared"].format(rows=compared.rows))]
    drops = [[words.measures[name], f"{0 - drop:+.3f}"] for name, drop in compared.drops.items()]
    if drops:
        parts.append(_table([told["measure"], told["change"]], drops, words))
    kinds: tuple[tuple[str, Sequence[Flip]], ...] = (
        ("lost", compared.lost), ("won", compared.won), ("changed", compared.changed)
    )  # fmt: skip
    for kind, flips in kinds:
        parts.append(Markup("<h2>{}</h2>").format(told[kind].format(rows=compared.counts[kind])))
        if flips:
            names = [*_asked(words), told["before"], told["now"]]
            rows = [[flip.id, flip.question, flip.before, flip.now] for flip in flips[:FLIPS]]
            parts.append(_table(names, rows, words))
    return parts


def _table(names: Sequence[str], rows: Sequence[Sequence[str]], words: Wording) -> Markup:
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(Markup("<td>{}</td>").format(cut(cell, words, TEXT_CHARS)) for cell in row)
        )
        for row in rows
    )
    return Markup("<div class=scroll><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>").format(
        _header(names), body
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
