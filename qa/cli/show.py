"""What people read on a terminal. Only here are colours and layout decided; whatever comes from articles is escaped."""

from __future__ import annotations

import os
import re
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from qa.batch import BatchReport
    from qa.cli.doctor import Check
    from qa.evaluate import Comparison, Evaluation
    from qa.generate import Written
    from qa.generations import Progress
    from qa.indexing import IndexReport
    from qa.pack import MergeReport
    from qa.store import SplitPage, Store

SHOWN = 20
"""Names or ids that a line lists before the rest is only counted."""
BIN_CHARS = 50
"""Width of a bar of the histogram of passage lengths, in characters of passages."""

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def use_utf8() -> None:
    """Chinese can be printed whatever the locale; what is no character at all is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def printable(text: str) -> str:
    """``text`` with control characters and direction marks escaped: an article can't drive somebody's terminal."""
    return _UNSEEN.sub(lambda match: f"\\x{ord(match.group()):02x}", text)


def said(code: str, message: str) -> None:
    """One line on standard error."""
    click.echo(f"wenbao: {code}: {printable(' '.join(message.splitlines()))}", err=True)


def failed(code: str, message: str, exit_code: int) -> int:
    """``said``, and the exit code."""
    said(code, message)
    return exit_code


@contextmanager
def progress_bar() -> Iterator[Progress | None]:
    """What moves a bar on standard error; None when that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm  # noqa: PLC0415 (only where somebody looks)

    bars: dict[str, Any] = {}

    def progress(stage: str, done: int, total: int) -> None:
        if stage not in bars:
            close()
            bars[stage] = tqdm(desc=stage, total=total, leave=False, file=sys.stderr)
        bars[stage].total = total
        bars[stage].update(done - bars[stage].n)

    def close() -> None:
        for bar in bars.values():
            bar.close()
        bars.clear()

    try:
        yield progress
    finally:
        close()


def index_report(report: IndexReport, *, dry_run: bool) -> None:
    """What ``index`` did, a line a kind; what couldn't be read, on standard error."""
    for name in ("added", "changed", "removed", "unchanged"):
        files: Sequence[str] = getattr(report, name)
        click.echo(f"{name:10}{len(files):7}  {_some(files) if name != 'unchanged' else ''}".rstrip())
    click.echo(f"{'passages':10}{report.passages:7}{'  (dry run: nothing was written)' if dry_run else ''}")
    for problem in report.problems:
        said(problem.code, problem.message)


def batch_report(report: BatchReport) -> None:
    """What ``batch`` did, on standard error, since answers may go to standard output."""
    counts = ", ".join(f"{times} {status}" for status, times in sorted(report.statuses.items()))
    resumed = f"; {report.resumed} of them kept from the run before" if report.resumed else ""
    click.echo(
        printable(f"{report.rows} rows ({report.format}, {report.encoding}): {counts}{resumed} → {report.out}"),
        err=True,
    )
    for code, message in (*report.problems, *report.warnings):
        said(code, message)
    if report.errors > len(report.problems):
        said("BATCH_ROWS", f"{report.errors - len(report.problems)} more rows have an error, named in {report.out}.")


def merge_report(report: MergeReport, *, dry_run: bool) -> None:
    """What ``import`` did, a line a kind; what was left out, on standard error."""
    for name in ("added", "changed", "unchanged"):
        files: Sequence[str] = getattr(report, name)
        click.echo(f"{name:10}{len(files):7}  {_some(files) if name != 'unchanged' else ''}".rstrip())
    click.echo(f"{'passages':10}{report.passages:7}{'  (dry run: nothing was written)' if dry_run else ''}")
    if not dry_run:
        click.echo(f"{'vectors':10}{report.reused:7}  from the packs, {report.embedded} made here")
    for problem in report.problems:
        said(problem.code, problem.message)


def answer(record: Mapping[str, Any], store: Store) -> None:
    """The answer, then its passages with their places, the sentence that answers marked on a terminal."""
    from qa.answer import labelled  # noqa: PLC0415 (comes with the answer)

    if record["searched_as"] != record["question"]:
        click.echo(_styled(f"searched as: {record['searched_as']}", dim=True))
    if "searched_in" in record:
        within = record["searched_in"]
        click.echo(_styled(f"searched in: {within['articles']} articles, {within['passages']} passages", dim=True))
    if record["status"] == "answered":
        click.echo(_styled(record["answer"], bold=True, fg="green"))
        click.echo(_styled(f"{100 * record['confidence']:.0f} % sure", dim=True))
    elif record["status"] == "possible":
        click.echo(_styled("No sure answer; these passages come near:", bold=True))
    else:
        click.echo(_styled("The articles don't answer this.", bold=True))
    for part in record.get("gathered", ()):
        click.echo(f"  - {printable(labelled(part))} [{part['rank']}]")
    for passage in record["passages"]:
        source = passage["source"]
        where = " › ".join(filter(None, (source["article"] or "(no headline)", source["section"])))
        click.echo(f"\n{passage['rank']:2}  {_styled(where, bold=True)}")
        click.echo(
            "    " + _styled(f"{source['file']}:{source['start']}-{source['end']}  {passage['score']:.2f}", dim=True)
        )
        click.echo("    " + _marked(passage, store).replace("\n", "\n    "))


def samples(data: Path) -> None:
    """That the answers are the sample pages', on standard error."""
    click.echo(printable(f"{data} held no article: the sample pages were indexed into it."), err=True)


def writing(states: Iterable[Written], model: str) -> None:
    """What a language model writes under an answer, as it comes, and why if it isn't whole."""
    is_begun = False
    for written in states:
        if written.added and not is_begun:
            click.echo("\n" + _styled(f"Written by {model} from these passages; trust them, not it:", dim=True))
        is_begun = is_begun or bool(written.added)
        click.echo(printable(written.added), nl=False)
        sys.stdout.flush()
        if written.done:
            click.echo("" if is_begun else None, nl=is_begun)
            if written.error:
                said(written.error.code, written.error.message)


def page(split: SplitPage) -> None:
    """The page as a tree, with offsets."""
    from qa.store.structure import page_structure  # noqa: PLC0415 (comes with the reading)

    def line(depth: int, text: str, item: Mapping[str, Any]) -> None:
        click.echo("   " * depth + text + "  " + _styled(f"{item['start']}-{item['end']}", dim=True))

    found = page_structure(split)
    click.echo(f"{printable(found['file'])}  {found['encoding'] or split.document.format}, {found['chars']} characters")
    if split.document.encoding_note:
        click.echo(printable(split.document.encoding_note))
    for article in found["articles"]:
        line(0, "■ " + _styled(article["headline"] or "(no headline)", bold=True), article)
        for name in ("kicker", "subhead", "byline"):
            if article[name]:
                click.echo(f"   {name}: {printable(article[name])}")
        if article["date"]:
            click.echo(f"   date: {article['date']} ({article['date_source']})")
        for section in article["sections"]:
            line(1, "□ " + printable(section["heading"] or "(no heading)"), section)
            for passage in section["passages"]:
                line(2, "· " + _opening(passage["text"]), passage)
    for item in found["furniture"]:
        line(0, f"× {item['kind']}: {_opening(split.document.text[item['start'] : item['end']])}", item)


def evaluation(result: Evaluation, compared: Comparison | None) -> None:
    """The measures, with what changed since the baseline."""
    click.echo(f"{result.set}: {result.queries} questions, {result.passages} passages, {result.leg}")
    for name, value in result.measures.items():
        click.echo(f"  {name:10} {value:.4f}" + (f"  {-compared.drops[name]:+.4f}" if compared else ""))


def flips(compared: Comparison) -> None:
    """Questions whose first passage turned wrong or right, on standard error."""
    for word, ids in (("lost", compared.lost), ("won", compared.won)):
        click.echo(f"{word} {len(ids)}{': ' if ids else ''}{_some(ids)}", err=True)


def check(result: Check) -> None:
    """One line of ``doctor``."""
    word = _styled("ok    ", fg="green") if result.ok else _styled("failed", fg="red", bold=True)
    click.echo(f"{word}  {result.name:9}  {printable(result.message)}")


def spread(lengths: Sequence[int]) -> dict[str, float]:
    """Smallest, median, mean and largest of the lengths; zeros when there are none."""
    if not lengths:
        return {"min": 0, "median": 0, "mean": 0, "max": 0}
    mean = round(statistics.fmean(lengths), 1)
    return {"min": min(lengths), "median": statistics.median(lengths), "mean": mean, "max": max(lengths)}


def stats(facts: Mapping[str, Any], lengths: Sequence[int]) -> None:
    """Figures of the corpus, with a histogram of passage lengths."""
    for name in ("files", "articles", "sections", "passages", "vectors"):
        click.echo(f"{name:11}{facts[name]:>9}")
    model = facts["model"]
    click.echo(f"{'model':11}{model['name']:>9}  {model['dim']} dimensions, {model['fingerprint'][:12]}")
    click.echo(f"{'generation':11}{facts['generation']:>9}")
    click.echo(f"{'disk':11}{facts['disk_bytes'] / 2**20:>9.1f}  MiB in {printable(facts['data'])}")
    figures = spread(lengths)
    click.echo(f"\ncharacters a passage: {', '.join(f'{name} {value:g}' for name, value in figures.items())}")
    if not lengths:
        return
    bins = [0] * (max(lengths) // BIN_CHARS + 1)
    for length in lengths:
        bins[length // BIN_CHARS] += 1
    for i, times in enumerate(bins):
        bar = "█" * round(40 * times / max(bins))
        click.echo(f"{i * BIN_CHARS:5}-{(i + 1) * BIN_CHARS - 1:<5}{times:6}  {bar}".rstrip())


def forecast(found: Mapping[str, Any]) -> None:
    """What larger corpora would cost on machines like this one."""
    costs, machine = found["costs"], found["machine"]
    click.echo(
        f"\na passage: {costs['store_bytes']:.0f} bytes in the store, {costs['lexical_bytes']:.0f} in the lexical"
        f" index, {costs['dim']} dimensions; {costs['passages_per_s']:.0f} indexed a second here\n"
        f"a machine: {_size(machine['memory_bytes'])} of memory, half of it for indexes;"
        f" {_size(machine['disk_bytes'])} of disk"
    )
    click.echo(f"\n{'passages':>14}  {'engine':14}{'disk':>10}{'memory':>10}{'machines':>10}{'hours':>10}")
    for one in found["corpora"]:
        disk, memory = _size(one["disk_bytes"]), _size(one["memory_bytes"])
        numbers = f"{disk:>10}{memory:>10}{one['machines']:>10}{one['hours']:>10.2f}"
        click.echo(f"{one['passages']:>14,}  {one['engine']:14}{numbers}")


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            break
        count /= 1000
    return f"{count:.3g} {unit}"


def _some(names: Sequence[str]) -> str:
    more = f" … and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return printable(", ".join(names[:SHOWN])) + more


def _opening(text: str) -> str:
    one_line = " ".join(text.split())
    return printable(one_line[:40]) + ("…" if len(one_line) > 40 else "")


def _styled(text: str, **style: Any) -> str:
    """``text`` escaped, and styled where a terminal wants it (https://no-color.org)."""
    wanted = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return click.style(printable(text), **style) if wanted else printable(text)


def _marked(passage: Mapping[str, Any], store: Store) -> str:
    """The passage's text with its highlights, which count in the original, marked."""
    from qa.articles import shown_spans  # noqa: PLC0415 (comes with the store)

    source, text = passage["source"], passage["text"]
    article = store.article(source["article_id"])
    pieces = [
        stored.pieces
        for section in (article.sections if article else ())
        for stored in section.passages
        if (stored.start, stored.end) == (source["start"], source["end"])
    ]
    marks = [(mark["start"], mark["end"]) for mark in passage["highlights"]]
    parts, at = [], 0
    for start, end in shown_spans(pieces[0] if pieces else (), marks):
        parts += [printable(text[at:start]), _styled(text[start:end], fg="yellow", underline=True)]
        at = end
    return "".join([*parts, printable(text[at:])])
