"""The commands and their options. Every failure ends here as one line on standard error, ``wenbao: CODE: message``.

Exit codes: 0 ok · 2 usage or configuration · 3 some rows or files were bad, or measures fell · 4 model · 5 store or
lock · 6 network · 130 interrupted. 1 is a defect of wenbao: its traceback is kept in a file that the message names.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qa.cli import show
from qa.cli.options import setting as _setting
from qa.cli.options import settings as _settings
from qa.cli.options import with_settings as _with_settings
from qa.errors import InputError, UsageError, WenbaoError
from qa.filters import Filters
from qa.processes import usable_cores

if TYPE_CHECKING:
    from qa.bot import Bot
    from qa.evaluate import Evaluation
    from qa.generations import Progress


def main() -> None:
    """The entry point of the command ``wenbao``."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and give its exit code; no exception leaves, and no traceback is shown without ``--debug``."""
    show.use_utf8()
    # Before numpy is loaded: its products are small here, and threads that wait for each other made a question take
    # four times as long on two busy cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    logging.basicConfig(format="wenbao: %(levelname)s: %(message)s", level=logging.WARNING)
    try:
        with wenbao.make_context("wenbao", list(arguments)) as context:
            code = wenbao.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        return show.failed("USAGE", f"{error.format_message()} See `wenbao --help`.", 2)
    except (KeyboardInterrupt, click.Abort):
        return show.failed("INTERRUPTED", "Stopped on request; what was acknowledged is kept.", 130)
    except BrokenPipeError:
        # Nobody reads our output any more. What is buffered must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 (the edge: whatever is no error of ours is a defect, and said to be one)
        if "--debug" in arguments:
            traceback.print_exc()
        return _report(error)
    return code if isinstance(code, int) else 0


_NO_PATHS = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP}
_FULL = {errno.ENOSPC, errno.EDQUOT}


def _report(error: Exception) -> int:
    # As light as numpy, and loaded already by whatever raised one of them.
    from embeddings.errors import EmbeddingsError, VectorStoreError  # noqa: PLC0415

    if isinstance(error, OSError) and error.errno in _NO_PATHS:
        name = show.printable(str(error.filename or "the path"))
        return show.failed("PATH_TOO_LONG", f"{name[:60]}…: it can't be the name of a file here ({error.strerror}).", 2)
    if isinstance(error, OSError) and error.errno in _FULL:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered must not be tried again
        return show.failed("DISK_FULL", f"What was written could not be kept ({error.strerror}); make room.", 5)
    if isinstance(error, WenbaoError):
        return show.failed(error.code, error.message, error.exit_code)
    if isinstance(error, EmbeddingsError):
        return show.failed(error.code, error.message, 5 if isinstance(error, VectorStoreError) else 4)
    with tempfile.NamedTemporaryFile(
        "w", prefix="wenbao-", suffix=".log", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as file:
        traceback.print_exception(error, file=file)
    reason = f"{type(error).__name__}: a defect of wenbao; please report it with {file.name}."
    return show.failed("INTERNAL_ERROR", reason, 1)


def _bot(progress: Progress | None = None, *, index_seeds: bool = True) -> Bot:
    from qa.bot import Bot  # noqa: PLC0415 (brings the model and the dictionary)

    return Bot.open(_settings(), index_seeds=index_seeds, progress=progress)


# Commands


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="wenbao")
@_with_settings
def wenbao() -> None:
    """问报: answers from a pile of articles, with the passage and its place in the original."""


@wenbao.command()
@click.argument("paths", nargs=-1, metavar="PATH…", type=click.Path(path_type=Path))
@click.option("--prune", is_flag=True, help="Remove articles whose files are no longer there.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--encoding", metavar="NAME", help="Encoding to try before the detected one.")
@click.option(
    "--processes", metavar="N", type=click.IntRange(1, 256), help="That read at once; default: one a core, at most 8."
)
@click.option("--ray", metavar="ADDRESS", help="Read and embed on a Ray cluster: local, or where it is.")
@click.option("--gpus", is_flag=True, help="With --ray: a GPU for each process that embeds.")
@_with_settings
def index(
    paths: tuple[Path, ...],
    prune: bool,
    dry_run: bool,
    encoding: str | None,
    processes: int | None,
    ray: str | None,
    gpus: bool,
) -> int:
    """Add and update the articles of files, folders and Parquet tables.

    Without PATH, what an interrupted run left or a new model needs is brought up to date.
    """
    if gpus and ray is None:
        raise UsageError("USAGE", "--gpus is for a Ray cluster: give --ray ADDRESS too.", field="gpus")
    with contextlib.ExitStack() as stack:
        bar = stack.enter_context(show.progress_bar())
        bot = stack.enter_context(_bot(index_seeds=False))
        splitter = None
        if ray is not None:
            from qa.bulk import RayCluster  # noqa: PLC0415 (few index on a cluster)

            splitter = stack.enter_context(RayCluster(ray, bot.settings, bot.embedder, gpus=gpus, cores=processes))
        report = bot.index(
            paths,
            prune=prune,
            dry_run=dry_run,
            encoding=encoding,
            progress=bar,
            processes=processes or usable_cores(),
            splitter=splitter,
        )
    show.index_report(report, dry_run=dry_run)
    return 3 if report.problems else 0


@wenbao.command()
@click.argument("question")
@click.option("--history", "-H", multiple=True, metavar="QUESTION", help="An earlier question; may be repeated.")
@_setting("--top-k", "N", "Passages to show, 1 to 50; default 5.")
@click.option("--file", "-f", "files", multiple=True, metavar="NAME", help="Only from this file, folder/ or pattern.")
@click.option("--article", "articles", multiple=True, type=int, metavar="ID", help="Only from the article of this id.")
@click.option("--since", metavar="DAY", help="Only from articles of this day and later, like 2020-03-08.")
@click.option("--until", metavar="DAY", help="Only from articles of this day and earlier.")
@click.option("--generate/--no-generate", default=None, help="Let the language model write under it; default: if set.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer record.")
@_with_settings
def ask(question: str, history: tuple[str, ...], generate: bool | None, as_json: bool, **filters: Any) -> None:
    """Answer one question."""
    from qa.answer import record_json  # noqa: PLC0415 (comes with the bot)

    only = Filters.read(filters)
    with show.progress_bar() as bar, _bot(bar) as bot:
        if generate:
            bot.check_writer()
        wanted = generate is not False and bot.writer is not None
        record = bot.ask(question, history=history, filters=only, generate=wanted and as_json)
        if as_json:
            click.echo(record_json(record))
        else:
            show.answer(record, bot.store)
            if wanted:
                show.writing(bot.writing_under(record), bot.settings.llm_model or "")
        if bot.holds_samples:  # whose folder's name was mistyped must see it
            show.samples(bot.settings.data)


@wenbao.command()
@click.argument("questions", required=False, type=click.Path(path_type=Path))
@click.option("--output", "-o", metavar="OUT", help="Answers go there, - is standard output; default X.answers.FORMAT.")
@click.option(
    "--format", "format_", type=click.Choice(["xlsx", "csv", "jsonl", "html"]), help="Default: by OUT's name."
)
@click.option("--resume", is_flag=True, help="Continue an interrupted run.")
@click.option("--overwrite", is_flag=True, help="Replace the output that is there.")
@click.option("--preview", is_flag=True, help="Only show how the file is read: columns, encoding, first rows.")
@click.option("--column", "columns", multiple=True, metavar="ROLE=NAME", help="Which column is which; may be repeated.")
@click.option("--header/--no-header", default=None, help="Whether the first row names the columns; default: found out.")
@click.option("--encoding", metavar="NAME", help="Encoding of a text file; default: found out.")
@click.option("--delimiter", metavar="CHAR", help="What stands between cells, such as ; or tab; default: found out.")
@click.option("--sheet", metavar="NAME", help="Sheet of a workbook; default: the first with questions.")
@click.option("--fill-merged", is_flag=True, help="A merged cell's value counts for all its rows.")
@click.option("--language", type=click.Choice(["zh", "en"]), help="Of the result's headings; default: found out.")
@click.option("--link-base", metavar="URL", help="Server that links lead to; default: where `serve` is.")
@click.option("--baseline", metavar="RUN", type=click.Path(path_type=Path), help="Compare with an earlier .jsonl.")
@click.option("--max-drop", metavar="X", type=click.FloatRange(0, 1), help="Exit 3 when a measure fell by more.")
@click.option("--template", metavar="FILE", type=click.Path(path_type=Path), help="Write an empty table to fill in.")
@_setting("--top-k", "N", "Passages to keep, 1 to 50; default 5.")
@click.option(
    "--processes",
    metavar="N",
    type=click.IntRange(1, 256),
    help="That answer at once; default: one a core, at most 4, for 100 lines and more.",
)
@click.option("--json", "as_json", is_flag=True, help="With --preview: print one JSON object.")
@_with_settings
def batch(questions: Path | None, *, template: Path | None, **given: Any) -> int:
    """Answer a file of questions: .xlsx, .csv, .tsv, .jsonl or .txt; the result is .xlsx, .csv, .jsonl or .html."""
    from qa.cli import batch as command  # noqa: PLC0415 (comes with the bot)

    if template is not None:
        return command.write_template(template, given["language"], overwrite=given["overwrite"])
    if questions is None:
        raise UsageError("USAGE", "Name a file of questions, or a --template to be written.")
    return command.run(questions, _settings(), _bot, **given)


@wenbao.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--encoding", metavar="NAME", help="Encoding to try before the detected one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_with_settings
def inspect(file: Path, encoding: str | None, as_json: bool) -> None:
    """Show how a file is read: articles, sections, passages, furniture, with offsets."""
    # They bring jieba and the readers' libraries.
    from qa.reading import Problem, read, walk  # noqa: PLC0415
    from qa.splitting import split_document  # noqa: PLC0415
    from qa.store.structure import page_structure  # noqa: PLC0415

    settings = _settings()
    if file.is_dir():
        raise UsageError("USAGE", f"{file} is a folder; inspect shows one file.")
    (found,) = walk([file])
    if isinstance(found, Problem):
        raise InputError(found.code, found.message)
    split = split_document(read(found, encoding, settings.file_mb << 20))
    if as_json:
        click.echo(json.dumps(page_structure(split), ensure_ascii=False))
    else:
        show.page(split)


@wenbao.command("eval")
@click.argument("set_", metavar="SET", type=click.Path(path_type=Path))
@click.option("--leg", type=click.Choice(["hybrid", "lexical", "dense"]), default="hybrid", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the measures as one JSON object.")
@click.option("--save", metavar="RUN", type=click.Path(path_type=Path), help="Keep measures and ranks as a baseline.")
@click.option("--baseline", metavar="RUN", type=click.Path(path_type=Path), help="Compare with a kept run.")
@click.option("--max-drop", metavar="X", type=click.FloatRange(0, 1), help="Exit 3 when a measure fell by more.")
@_with_settings
def evaluate(
    set_: Path, *, leg: Any, as_json: bool, save: Path | None, baseline: Path | None, max_drop: float | None
) -> int:
    """Measure retrieval: on a BEIR folder, which is indexed aside, or on gold questions over the corpus."""
    from qa import evaluate as evaluation  # noqa: PLC0415 (brings numpy and the model)

    if max_drop is not None and baseline is None:
        raise UsageError("USAGE", "--max-drop needs a --baseline to fall from.")
    earlier = evaluation.read_run(baseline) if baseline else None
    with show.progress_bar() as bar:
        result = _evaluated(set_, leg, bar)
    compared = evaluation.compare(result, earlier) if earlier else None
    if save:
        evaluation.write_run(result, save)
    if as_json:
        click.echo(json.dumps(result.summary(), ensure_ascii=False))
    else:
        show.evaluation(result, compared)
    if compared:
        show.flips(compared)
    if compared and max_drop is not None and compared.worst() > max_drop:
        return show.failed("MEASURES_FELL", f"A measure fell by {compared.worst():.4f}, more than {max_drop:g}.", 3)
    return 0


def _evaluated(set_: Path, leg: Any, bar: Progress | None) -> Evaluation:
    # As in ``evaluate``.
    from embeddings import load_embedder  # noqa: PLC0415
    from qa import evaluate as evaluation  # noqa: PLC0415
    from qa.bot import owners_terms  # noqa: PLC0415

    if set_.is_dir():
        collection = evaluation.read_collection(set_)
        settings = _settings()
        embedder = load_embedder(settings.model, allow_download=settings.allow_download)
        terms = owners_terms(settings)
        with tempfile.TemporaryDirectory(prefix="wenbao-eval-") as folder:
            retriever = evaluation.index_corpus(collection.corpus, embedder, terms, Path(folder), bar)
            return evaluation.evaluate_collection(collection, retriever, leg, bar)
    questions = evaluation.read_gold(set_)
    with _bot(bar) as bot:

        def places(ids: Sequence[int]) -> dict[int, evaluation.Place]:
            return {id_: evaluation.Place(p.file, p.start, p.end) for id_, p in bot.store.passages(ids).items()}

        return evaluation.evaluate_gold(set_.stem, questions, bot.retriever(), places, leg=leg, progress=bar)


@wenbao.command()
@_setting("--host", "HOST", "Address to listen on; default 127.0.0.1.")
@_setting("--port", "PORT", "Port to listen on; default 7860.")
@_with_settings
def serve() -> None:
    """Open the chat at /, the API at /api and the widget at /widget.js."""
    from qa.web.server import serve as serve_web  # noqa: PLC0415 (brings the web framework)

    serve_web(_settings())


@wenbao.command()
@_with_settings
def mcp() -> None:
    """Answer a language model's tools on standard input and output, by the Model Context Protocol."""
    if find_spec("mcp") is None:
        message = "`wenbao mcp` needs the extra of that name; install it with `pip install 'wenbao[mcp]'`."
        raise UsageError("EXTRA_MISSING", message)
    from qa.bot import Bot  # noqa: PLC0415 (the index libraries)
    from qa.web.mcp_server import serve_stdio  # noqa: PLC0415 (needs the extra)
    from qa.web.server import address_of  # noqa: PLC0415 (brings the web server)

    chosen = _settings()
    with Bot.open(chosen) as bot:
        serve_stdio(bot, address_of(chosen))


@wenbao.command()
@click.option("--offline", is_flag=True, help="Also prove that nothing calls out, from the start to the first answer.")
@click.option("--repair", is_flag=True, help="Mend what can be mended from the store itself.")
@_with_settings
def doctor(offline: bool, repair: bool) -> int:
    """Check the data folder: settings, model, store, indexes."""
    from qa.cli import doctor as checks  # noqa: PLC0415 (as light as this, but only of use here)

    with show.progress_bar() as bar:
        failures = 0
        for check in checks.examine(_settings(), offline=offline, repair=repair, progress=bar):
            show.check(check)
            failures += not check.ok
    if failures:
        advice = "see above." if repair else "try `wenbao doctor --repair`."
        return show.failed("DOCTOR", f"{failures} of the checks failed; {advice}", 5)
    return 0


@wenbao.command()
@click.option("--forecast", is_flag=True, help="Measure what a passage costs here, and say what larger corpora would.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_with_settings
def stats(forecast: bool, as_json: bool) -> None:
    """Figures of the corpus: files, articles, passages and their lengths, model, disk."""
    with show.progress_bar() as bar, _bot(bar) as bot:
        bot.retriever()  # opens the indexes, so that their generation is known
        lengths = [len(passage.text) for passage in bot.store.iter_passages()]
        disk_bytes = sum(path.stat().st_size for path in bot.store.folder.rglob("*") if path.is_file())
        facts = {**bot.facts(), "data": str(bot.store.folder), "disk_bytes": disk_bytes}
        if forecast:
            facts["forecast"] = _forecast(bot, bar)
    if as_json:
        click.echo(json.dumps({**facts, "passage_chars": show.spread(lengths)}, ensure_ascii=False))
    else:
        show.stats(facts, lengths)
        if forecast:
            show.forecast(facts["forecast"])


def _forecast(bot: Bot, bar: Progress | None) -> dict[str, Any]:
    # They come with the bot.
    from qa.cli.forecast import measure, this_machine  # noqa: PLC0415 (brings the bot)
    from qa.forecast import SIZES, forecast  # noqa: PLC0415 (only of use here)

    costs, machine = measure(bot, bar), this_machine(bot.store.folder)
    return {
        "costs": asdict(costs),
        "machine": asdict(machine),
        "corpora": [asdict(forecast(costs, machine, passages)) for passages in SIZES],
    }
