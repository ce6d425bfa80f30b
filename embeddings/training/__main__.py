"""The command line of the training: ``python -m embeddings.training [check | measure | export]``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from embeddings.training.data import read_corpus
from embeddings.training.export import Storage, export
from embeddings.training.measure import folder_encoder, retrieval, throughput
from embeddings.training.overlap import CHARACTERS, WORDS, evaluation_texts, forbidden_shingles
from embeddings.training.prepare import prepare, without_overlap
from embeddings.training.tokenizer import Sizes
from embeddings.training.train import Recipe, finished, train

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_DEFAULTS = Recipe()
_MODEL = Path("embeddings/model")

_data = click.option(
    "--data", type=_FOLDER, default=Path("../shared/train"), show_default=True, help="The rows' folder."
)
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
@_evaluation
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
@click.option("--taught", default=60_000, show_default=True, help="English texts that the teacher reads.")
@click.option("--storage", type=click.Choice(Storage), default=Storage.INT8, show_default=True)
@click.pass_context
def main(
    context: click.Context,
    /,
    data: Path,
    evaluation: tuple[Path, ...],
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
    prepared = prepare(data, evaluation, runs / "cache", sizes=Sizes(), taught=taught, say=click.echo)
    try:
        state = train(prepared, chosen, runs / name)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    export(finished(state, prepared, chosen), prepared.tokenizer, out, storage)
    click.echo(f"model: {out}")


@main.command()
@_data
@_evaluation
def check(data: Path, evaluation: tuple[Path, ...]) -> None:
    """Which training rows share text with the evaluation sets, by table and source. Training leaves out just those."""
    texts = evaluation_texts(evaluation)
    forbidden = forbidden_shingles(texts)
    click.echo(f"{len(texts)} files, {len(forbidden):,} shingles of {CHARACTERS} Chinese characters or {WORDS} words")
    corpus = read_corpus(data)
    kept = without_overlap(corpus, forbidden, click.echo)
    before, after = (sum(map(len, one.tables().values())) for one in (corpus, kept))
    click.echo(f"trained on: {after:,} of {before:,} rows; none of them shares a shingle with the files")


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
