"""The command line of the training: ``python -m embeddings.training [check | measure | export]``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import click
from safetensors.numpy import load_file, save_file

from embeddings.training.bags import Ints
from embeddings.training.data import read_corpus
from embeddings.training.export import Storage, export, read_weights
from embeddings.training.measure import folder_encoder, held_out_retrieval, retrieval, throughput
from embeddings.training.mining import neighbours
from embeddings.training.overlap import CHARACTERS, WORDS, evaluation_texts, forbidden_shingles
from embeddings.training.prepare import Prepared, prepare, without_overlap
from embeddings.training.sources import read_sources
from embeddings.training.tokenizer import Sizes
from embeddings.training.train import Recipe, State, finished, train, trained_rows

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_DEFAULTS = Recipe()
_MODEL = Path("embeddings/model")

_data = click.option(
    "--data", type=_FOLDER, default=Path("../shared/train"), show_default=True, help="The rows' folder."
)
_extra = click.option("--extra", type=_FOLDER, help="Checkouts OWNER+NAME of the repositories in sources.py.")
_evaluation = click.option(
    "--evaluation",
    type=_FOLDER,
    multiple=True,
    default=[Path("../shared/bench"), Path("../shared/gold"), Path("seeds")],
    show_default=True,
    help="Folders whose texts must not be learned from; may be given several times.",
)


@click.group(invoke_without_command=True)
@_data
@_extra
@_evaluation
@click.option("--from", "model", type=_FOLDER, help="Goes on from this model, made of the same --data and --dim.")
@click.option("--out", type=click.Path(path_type=Path), default=_MODEL, show_default=True, help="The model's folder.")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("training-runs"), show_default=True)
@click.option(
    "--name", default="default", show_default=True, help="The run's folder in --runs; an unfinished run goes on."
)
@click.option("--steps", default=_DEFAULTS.steps, show_default=True)
@click.option("--seed", default=_DEFAULTS.seed, show_default=True)
@click.option("--dim", default=_DEFAULTS.dim, show_default=True)
@click.option("--batch", default=_DEFAULTS.batch, show_default=True)
@click.option("--cooldown", default=_DEFAULTS.cooldown, show_default=True, help="Last steps, in which the rate falls.")
@click.option("--learning-rate", default=_DEFAULTS.learning_rate, show_default=True)
@click.option("--distillation", default=_DEFAULTS.distillation, show_default=True)
@click.option("--matryoshka", default=_DEFAULTS.matryoshka, show_default=True)
@click.option("--drop", default=_DEFAULTS.drop, show_default=True)
@click.option("--keep-start", default=_DEFAULTS.keep_start, show_default=True)
@click.option("--emphasis", default=_DEFAULTS.emphasis, show_default=True)
@click.option("--hard", default=_DEFAULTS.hard, show_default=True, help="Share of look-alikes, mined with --from.")
@click.option("--taught", default=60_000, show_default=True, help="English texts that the teacher reads.")
@click.option("--storage", type=click.Choice(Storage), default=Storage.INT8, show_default=True)
@click.pass_context
def main(
    context: click.Context,
    /,
    data: Path,
    extra: Path | None,
    evaluation: tuple[Path, ...],
    model: Path | None,
    out: Path,
    runs: Path,
    name: str,
    taught: int,
    storage: Storage,
    **recipe: float,
) -> None:
    """Trains the embedded sentence model: from rows to a folder that SentenceTransformer loads."""
    if context.invoked_subcommand is not None:
        return
    chosen = Recipe(**recipe)  # type: ignore[arg-type]  # the options are its fields
    cache = runs / "cache"
    prepared = prepare(data, evaluation, cache, sizes=Sizes(), taught=taught, say=click.echo, extra=extra)
    begin = None
    try:
        if model is not None:
            chosen = replace(chosen, begin=_digest(model))
            begin = State.of(trained_rows(read_weights(model), prepared, chosen))
            if chosen.hard:
                prepared = replace(prepared, hard=_hard_negatives(prepared, model, cache))
        state = train(prepared, chosen, runs / name, begin=begin)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    export(finished(state, prepared, chosen), prepared.tokenizer, out, storage)
    click.echo(f"model: {out}")


def _digest(model: Path) -> str:
    return hashlib.sha256((model / "0_StaticEmbedding" / "model.safetensors").read_bytes()).hexdigest()[:16]


def _hard_negatives(prepared: Prepared, model: Path, cache: Path) -> dict[str, Ints]:
    """Mined with the model's vectors, or as mined before."""
    rows = sum(map(len, (prepared.parallel.chance, prepared.pairs.chance)))
    file = cache / f"hard-{_digest(model)}-{rows}.safetensors"
    if not file.is_file():
        weight = read_weights(model)
        tables = {"parallel": prepared.parallel, "pairs": prepared.pairs}
        save_file({name: neighbours(sides, weight) for name, sides in tables.items()}, file)
    return dict(load_file(file))


@main.command()
@_data
@_extra
@_evaluation
def check(data: Path, extra: Path | None, evaluation: tuple[Path, ...]) -> None:
    """Which training rows share text with the evaluation sets, by table and source. Training leaves out just those."""
    texts = evaluation_texts(evaluation)
    forbidden = forbidden_shingles(texts)
    click.echo(f"{len(texts)} files, {len(forbidden):,} shingles of {CHARACTERS} Chinese characters or {WORDS} words")
    corpus = read_corpus(data)
    for rows in (corpus, *([read_sources(extra, corpus)] if extra else [])):
        kept = without_overlap(rows, forbidden, click.echo)
        before, after = (sum(map(len, one.tables().values())) for one in (rows, kept))
        click.echo(f"trained on: {after:,} of {before:,} rows; none of them shares a shingle with the files")


@main.command("held-out")
@_data
@click.option("--extra", type=_FOLDER, required=True, help="Checkouts OWNER+NAME of the repositories in sources.py.")
@click.option("--model", type=_FOLDER, default=_MODEL, show_default=True)
def held_out(data: Path, extra: Path, model: Path) -> None:
    """Finds the partners of held-out questions and names, which no run learns from: to choose recipes by."""
    for line in held_out_retrieval(read_sources(extra, read_corpus(data), held_out=True), folder_encoder(model)):
        click.echo(json.dumps(asdict(line), ensure_ascii=False))


@main.command()
@click.option("--model", type=_FOLDER, default=_MODEL, show_default=True)
@click.option("--bench", type=_FOLDER, default=Path("../shared/bench"), show_default=True)
@click.option("--dim", "dims", multiple=True, type=int, help="Also with the first so many numbers of each vector.")
def measure(model: Path, bench: Path, dims: tuple[int, ...]) -> None:
    """Dense-alone retrieval and throughput of a model folder, a JSON object a line."""
    encode = folder_encoder(model)
    for dim in (None, *dims):
        for folder in sorted(path for path in bench.iterdir() if (path / "corpus.jsonl").is_file()):
            click.echo(json.dumps(asdict(retrieval(folder, encode, dim)) | {"dim": dim}))
    for line in throughput(encode, bench / "cmrc2018"):
        click.echo(json.dumps(asdict(line)))


if __name__ == "__main__":
    main()
