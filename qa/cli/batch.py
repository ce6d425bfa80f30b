"""``wenbao batch``: its options put together, and what it prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from qa import batch
from qa.batch.reading.columns import ROLES
from qa.batch.scoring.report import Scores
from qa.batch.wording import wording
from qa.bot import Bot
from qa.cli import show
from qa.config import Settings
from qa.errors import UsageError
from qa.generations import Progress
from qa.helpers import shared_out
from qa.processes import usable_cores

SHARED_ROWS = 100
"""Lines of a file from which on more than one process answers: to start one takes as long as to answer some dozens."""
MOST_PROCESSES = 4
"""That answer unless more are asked for: each takes 150 MiB, and 390 once it has read much."""
CELL_CHARS = 24
"""Width of a cell in a preview, in columns of the terminal."""


def run(
    questions: Path,
    settings: Settings,
    open_bot: Callable[[Progress | None], Bot],
    *,
    output: str | None,
    format_: str | None,
    resume: bool,
    overwrite: bool,
    preview: bool,
    as_json: bool,
    language: str | None,
    link_base: str | None,
    baseline: Path | None,
    max_drop: float | None,
    processes: int | None,
    **reading: Any,
) -> int:
    """The command; its exit code."""
    options = options_of(**reading)
    if preview:
        show_preview(batch.Questions.open(questions, options, strict=False).preview(), as_json=as_json)
        return 0
    if as_json:
        raise UsageError("USAGE", "--json is for --preview; the answers' format is said with --format jsonl.")
    if max_drop is not None and baseline is None:
        raise UsageError("USAGE", "--max-drop needs a --baseline to fall from.")
    if baseline is not None and not baseline.is_file():
        raise UsageError("BASELINE_INVALID", f"{baseline} is no file; name the .jsonl of an earlier run.")
    format_ = format_ or (batch.format_of(Path(output)) if output else None)
    source = batch.Questions.open(questions, options)
    format_ = format_ or (batch.natural_format(source) if output is None else "jsonl")
    out = None if output == "-" else Path(output) if output else batch.default_out(questions, format_)
    if out:
        # Before a model is loaded or the samples are indexed for nothing.
        batch.check_out(questions, out, overwrite=overwrite, resume=resume)
    elif resume or overwrite:
        raise UsageError("USAGE", "--resume and --overwrite are for files; standard output has nothing to continue.")
    elif format_ != "jsonl":
        raise UsageError("USAGE", f"Standard output takes jsonl; name a file for {format_} with -o.")
    base = link_base if link_base is not None else f"http://{settings.host}:{settings.port}"
    if processes is None:
        processes = min(usable_cores(), MOST_PROCESSES) if source.lines >= SHARED_ROWS else 1
    try:
        with show.progress_bar() as bar, open_bot(bar) as bot, shared_out(bot, processes) as asker:
            report = batch.run(
                asker,
                source,
                out or sys.stdout.buffer,
                format_=format_,
                overwrite=overwrite,
                resume=resume,
                about=batch.about(bot),
                extras=batch.Beside(bot),
                wishes=batch.Wishes(language, base.rstrip("/")),
                baseline=baseline,
                progress=bar,
            )
    except KeyboardInterrupt:
        if out:
            show.said("INTERRUPTED", f"{out}.part keeps the answers that are done; continue with --resume.")
        raise
    show.batch_report(report)
    if report.scores:
        show_scores(report.scores)
        compared = report.scores.compared
        if compared and max_drop is not None and compared.worst() > max_drop:
            return show.failed("MEASURES_FELL", f"A measure fell by {compared.worst():.4f}, more than {max_drop:g}.", 3)
    return 3 if report.errors else 0


def show_scores(scores: Scores) -> None:
    """The measures with their intervals, and what changed, on standard error: answers may go to standard output."""
    drops = scores.compared.drops if scores.compared else {}
    for name, one in scores.measures.items():
        change = f"  {0 - drops[name]:+.4f}" if name in drops else ""
        spread = f"[{one.low:.4f}, {one.high:.4f}]  n={one.rows}"
        click.echo(f"  {wording('en').measures[name]:18}{one.value:7.4f}  {spread}{change}", err=True)
    if compared := scores.compared:
        for word, flips in (("lost", compared.lost), ("won", compared.won), ("changed", compared.changed)):
            ids = ", ".join(flip.id for flip in flips[: show.SHOWN])
            click.echo(show.printable(f"{word} {compared.counts[word]}{': ' if ids else ''}{ids}"), err=True)


def write_template(path: Path, language: str | None, *, overwrite: bool) -> int:
    """An empty table of questions, in the format of its name; the exit code."""
    if path.exists() and not overwrite:
        raise UsageError("OUTPUT_EXISTS", f"{path} is there already; replace it with --overwrite, or name another.")
    template = batch.template(batch.format_of(path) or "", language or "zh")
    try:
        path.write_bytes(template)
    except OSError as error:
        raise UsageError("OUTPUT_FAILED", f"{path} can't be written: {error.strerror}.") from error
    click.echo(show.printable(f"{path}: fill in the questions, then run `wenbao batch {path}`."))
    return 0


def options_of(
    *,
    columns: Sequence[str],
    header: bool | None,
    encoding: str | None,
    delimiter: str | None,
    sheet: str | None,
    fill_merged: bool,
) -> batch.Options:
    """How the file is to be read, from the command line.

    Raises:
        UsageError: USAGE for a column that isn't ROLE=NAME.
    """
    named: dict[str, list[str]] = {}
    for column in columns:
        role, equals, name = column.partition("=")
        if not equals or role not in ROLES:
            raise UsageError("USAGE", f"--column {column!r}: write ROLE=NAME, the role being {', '.join(ROLES)}.")
        named.setdefault(role, []).append(name)
    mark = {"tab": "\t", "\\t": "\t"}.get(delimiter or "", delimiter)
    return batch.Options(encoding, mark, sheet, header, named, fill_merged)


def show_preview(found: Mapping[str, Any], *, as_json: bool) -> None:
    """How the file is read, and its first rows."""
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    facts = [found["format"], found["encoding"], found["delimiter_name"] and f"parted by {found['delimiter_name']}"]
    facts += [found["sheet"] and f"sheet {found['sheet']!r} of {len(found['sheets'])}"]
    if found["header"] is not None:
        facts.append("with a header" if found["header"] else "without a header")
    click.echo(show.printable(f"{found['name']}: {', '.join(filter(None, facts))}"))
    for role, names in found["roles"].items():
        click.echo(show.printable(f"  {role:10} {', '.join(names)}"))
    if "question" not in found["roles"] and found["header"] is not None:
        click.echo("  no column of questions: name it with --column question=…")
    click.echo()
    click.echo("      " + _cells(found["columns"]))
    for row in found["rows"]:
        click.echo(f"{row['line']:>5} " + (show.printable(row["error"]) if "error" in row else _cells(row["cells"])))
    for note in found["notes"]:
        show.said(note["code"], note["message"])


def _cells(cells: Sequence[str]) -> str:
    return "│".join(_fitted(show.printable(" ".join(cell.split()))) for cell in cells)


def _fitted(text: str) -> str:
    """The text at the width of a cell; Chinese characters take two columns."""
    width, kept = 0, ""
    for char in text:
        width += 2 if ord(char) > 0x2E7F else 1
        if width > CELL_CHARS - 1:
            return kept + "…" + " " * (CELL_CHARS - 1 - sum(2 if ord(c) > 0x2E7F else 1 for c in kept))
        kept += char
    return kept + " " * (CELL_CHARS - width)
