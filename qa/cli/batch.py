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
from qa.bot import Bot
from qa.cli import show
from qa.config import Settings
from qa.errors import UsageError
from qa.generations import Progress

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
    **reading: Any,
) -> int:
    """The command; its exit code."""
    options = options_of(**reading)
    if preview:
        show_preview(batch.Questions.open(questions, options, strict=False).preview(), as_json=as_json)
        return 0
    if as_json:
        raise UsageError("USAGE", "--json is for --preview; the answers' format is said with --format jsonl.")
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
    try:
        with show.progress_bar() as bar, open_bot(bar) as bot:
            report = batch.run(
                bot,
                source,
                out or sys.stdout.buffer,
                format_=format_,
                overwrite=overwrite,
                resume=resume,
                about=batch.about(bot),
                extras=batch.Beside(bot),
                wishes=batch.Wishes(language, base.rstrip("/")),
                progress=bar,
            )
    except KeyboardInterrupt:
        if out:
            show.said("INTERRUPTED", f"{out}.part keeps the answers that are done; continue with --resume.")
        raise
    show.batch_report(report)
    return 3 if report.errors else 0


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
