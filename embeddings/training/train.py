"""The training loop: rows of one matrix, a token each, moved so that partners' means point the same way.

A step touches a few per cent of the vocabulary, so only those rows are read, differentiated and updated ("lazy" Adam);
the second moment is one number a row. That makes a step of some nine thousand texts a fraction of a second on one core.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file, save_file
from torch.nn import functional
from tqdm import tqdm

from embeddings.training.bags import Batch
from embeddings.training.batches import Draw, Task
from embeddings.training.losses import contrastive, distance
from embeddings.training.prepare import Prepared

Floats = npt.NDArray[np.float32]

TASK_WEIGHTS = {"pairs": 1.0, "inverse cloze": 1.0, "translations": 1.0, "dictionary": 0.7}
SMALL_DIMS = (64, 128, 256)
"""Matryoshka (Kusupati et al. 2022): the first so many numbers of a vector are trained to be a vector too."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run is made of; written into its log."""

    steps: int = 1800
    seed: int = 0
    dim: int = 512
    batch: int = 1024
    learning_rate: float = 0.1
    """Of a token of mean inverse document frequency; others in proportion.

    Rises over the first 50 steps and falls to 0, linearly, over the last ``cooldown``; in between it stays.
    """
    cooldown: int = 800
    """Since the rate doesn't depend on ``steps`` before, a run may be made longer until its cool-down has begun."""
    distillation: float = 1.0
    """Weight of the distance to the teacher's vectors."""
    matryoshka: float = 0.5
    """Weight of the loss in the small dimensions."""
    drop: float = 0.1
    """Chance of a token to be left out."""
    keep_start: float = 0.5
    """How much of the random start is added to the trained rows in the end."""
    emphasis: float = 0.5
    """Then rows are multiplied by their inverse document frequency to this power. Both are fitted (docs/model.md)."""
    hard: float = 0.0
    """Share of the Chinese rows of a batch that are look-alikes of others in it (``mining.py``)."""
    begin: str = ""
    """Digest of the model that training goes on from; empty: random rows."""


@dataclass(slots=True)
class State:
    """All that a run has learned so far; a checkpoint holds exactly this."""

    weight: Floats
    """(vocabulary, dim)"""
    moment: Floats
    """(vocabulary, dim): Adam's first moment."""
    square: Floats
    """(vocabulary,): Adam's second moment, the mean over a row."""
    updates: Floats
    """(vocabulary,): how often a row was updated."""
    step: int = 0

    @classmethod
    def of(cls, weight: Floats) -> State:
        """A state of these rows that no step has moved yet."""
        counters = np.zeros(len(weight), dtype=np.float32)
        return cls(weight, np.zeros_like(weight), counters, counters.copy())


def start(prepared: Prepared, recipe: Recipe) -> State:
    """Random rows, N(0, 1/dim), times the token's inverse document frequency: already a fair lexical model."""
    rng = np.random.default_rng((recipe.seed, 0xC0FFEE))
    shape = (len(prepared.counts), recipe.dim)
    scale = inverse_document_frequencies(prepared)[:, None] / np.float32(np.sqrt(recipe.dim))
    return State.of(rng.standard_normal(shape, dtype=np.float32) * scale)


def finished(state: State, prepared: Prepared, recipe: Recipe) -> Floats:
    """(vocabulary, dim): the trained rows with a part of their start and of their rarity given back.

    Training moves rows by meaning. It wears down the start, a random projection of words that finds a passage by the
    rare words it shares with the question, and it leaves frequent tokens longer than they were.
    """
    rows: Floats = state.weight + np.float32(recipe.keep_start) * start(prepared, recipe).weight
    rarity = inverse_document_frequencies(prepared)
    rows *= (rarity / rarity.mean())[:, None] ** np.float32(recipe.emphasis)
    return rows


def trained_rows(exported: Floats, prepared: Prepared, recipe: Recipe) -> Floats:
    """(vocabulary, dim): the rows before ``finished``, of which ``exported`` was made with the same recipe and data.

    Export loses one factor for all rows. Tokens that no training text has tell it: their rows are still their start's.

    Raises:
        ValueError: the model has another vocabulary or dimension, or every token was trained.
    """
    began = start(prepared, recipe).weight
    unseen = np.flatnonzero(prepared.counts == 0)
    if exported.shape != began.shape or not len(unseen):
        raise ValueError("the model was made of other rows or with other sizes; it can't be trained on.")
    rarity = inverse_document_frequencies(prepared)
    power = (rarity / rarity.mean())[:, None] ** np.float32(recipe.emphasis)
    whole = (1 + recipe.keep_start) * began[unseen] * power[unseen]
    factor = float((whole * exported[unseen]).sum() / np.square(exported[unseen], dtype=np.float64).sum())
    rows: Floats = exported * np.float32(factor) / power - np.float32(recipe.keep_start) * began
    return rows


def inverse_document_frequencies(prepared: Prepared) -> Floats:
    """(vocabulary,): ln((N + 1) / (n + 1)) of each token, n of the N texts having it (Spärck Jones 1972, smoothed)."""
    return np.log((prepared.texts + 1) / (prepared.counts + 1)).astype(np.float32)


def principal_axes(vectors: Floats, dim: int) -> Floats:
    """(n, 384) vectors in a fixed basis of their (at most) ``dim`` principal axes, not centred, unit length again."""
    _, axes = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)
    projected = vectors @ axes[:, ::-1][:, :dim].astype(np.float32)
    rows: Floats = projected / np.maximum(np.linalg.norm(projected, axis=1, keepdims=True), np.float32(1e-12))
    return rows


def train(prepared: Prepared, recipe: Recipe, run: Path, *, begin: State | None = None, keep_every: int = 200) -> State:
    """The state after ``recipe.steps`` steps; goes on from the checkpoint in ``run`` when there is one, else ``begin``.

    Writes ``run/log.jsonl`` (the recipe, then a line every 25 steps) and ``run/checkpoint.safetensors``. A run that was
    stopped and goes on gives the same result as one that wasn't.

    Raises:
        ValueError: the checkpoint is of another recipe.
    """
    run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # sums in a fixed order: the same seed gives the same weights
    # Products in bfloat16 where the processor has it: half the time of a step.
    torch.set_float32_matmul_precision("medium")
    distils = recipe.distillation > 0 and len(prepared.taught) > 0
    teacher = torch.from_numpy(principal_axes(prepared.teacher, recipe.dim)) if distils else None
    draw = Draw(prepared, recipe.batch, recipe.seed, recipe.drop, recipe.hard)
    state = load_checkpoint(run, recipe) or begin or start(prepared, recipe)
    scale = inverse_document_frequencies(prepared)
    scale /= scale.mean()
    with (run / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps({"recipe": asdict(recipe), "from_step": state.step}) + "\n")
        window: list[dict[str, float]] = []
        began = time.perf_counter()
        bar = tqdm(range(state.step, recipe.steps), initial=state.step, total=recipe.steps, desc="train", unit="step")
        for number in bar:
            tasks, taught = draw.step(number)
            rate = recipe.learning_rate * min(1.0, (number + 1) / 50, (recipe.steps - number) / recipe.cooldown)
            losses = partial(
                _losses,
                tasks=tasks,
                teacher=teacher[torch.from_numpy(taught.teacher)] if teacher is not None and taught else None,
                recipe=recipe,
                number=number,
            )
            sides = [side for task in tasks for side in (task.left, task.right)]
            if distils and taught:
                sides += [taught.english, taught.other]
            window.append(update(state, sides, losses, rate * scale))
            state.step = number + 1
            if state.step % 25 == 0 or state.step == recipe.steps:
                means = {name: float(np.mean([line[name] for line in window])) for name in window[0]}
                seconds = (time.perf_counter() - began) / len(window)
                log.write(json.dumps({"step": state.step, "seconds_per_step": round(seconds, 3)} | means) + "\n")
                log.flush()
                bar.set_postfix({name: f"{value:.2f}" for name, value in means.items()})
                window, began = [], time.perf_counter()
            if state.step % keep_every == 0 or state.step == recipe.steps:
                save_checkpoint(state, run, recipe)
    return state


def _losses(
    vectors: list[torch.Tensor], tasks: list[Task], teacher: torch.Tensor | None, recipe: Recipe, number: int
) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    small = SMALL_DIMS[number % len(SMALL_DIMS)]
    for place, task in enumerate(tasks):
        left, right = vectors[2 * place], vectors[2 * place + 1]
        texts = torch.from_numpy(task.left_text), torch.from_numpy(task.right_text)
        loss = contrastive(left, right, *texts)
        if recipe.matryoshka:
            half = slice(
                number % 2, None, 2
            )  # every other pair: enough for the small dimensions, at a quarter of the cost
            loss = loss + recipe.matryoshka * contrastive(
                left[half, :small], right[half, :small], texts[0][half], texts[1][half]
            )
        found[task.name] = TASK_WEIGHTS[task.name] * loss
    if teacher is not None:
        english, other = vectors[-2:]
        shared = slice(teacher.shape[1])  # a wider student keeps the numbers that follow for itself
        found["teacher"] = recipe.distillation * (
            distance(english[:, shared], teacher) + distance(other[:, shared], teacher)
        )
    return found


def update(
    state: State,
    bags: list[Batch],
    losses: Callable[[list[torch.Tensor]], dict[str, torch.Tensor]],
    rate: Floats,
    decay: tuple[float, float] = (0.9, 0.999),
) -> dict[str, float]:
    """One step of lazy Adam on the rows that occur in ``bags``; the losses by name, before the step.

    ``losses`` gets, for each batch of bags, the (n, dim) means of their rows. ``rate`` is (vocabulary,): Adam moves all
    rows by about their rate, so equal rates would soon make frequent tokens as long as rare ones.
    """
    tokens = np.concatenate([one.tokens for one in bags])
    present = np.zeros(len(state.weight), dtype=np.bool_)
    present[tokens] = True
    used = np.flatnonzero(present)
    place = np.cumsum(present) - 1
    sizes = np.concatenate([one.sizes for one in bags])
    rows = torch.from_numpy(state.weight[used]).requires_grad_()
    means = functional.embedding_bag(
        torch.from_numpy(place[tokens]), rows, torch.from_numpy(np.cumsum(sizes) - sizes), mode="mean"
    )
    found = losses(list(torch.split(means, [len(one.sizes) for one in bags])))
    (slope,) = torch.autograd.grad(torch.stack(list(found.values())).sum(), rows)
    gradient = slope.numpy()

    first, second = decay
    state.updates[used] += 1
    moment = first * state.moment[used] + (1 - first) * gradient
    square = second * state.square[used] + (1 - second) * np.einsum("nd,nd->n", gradient, gradient) / gradient.shape[1]
    state.moment[used], state.square[used] = moment, square
    times = state.updates[used]
    size = rate[used] / (1 - first**times) / (np.sqrt(square / (1 - second**times)) + 1e-12)
    state.weight[used] -= size[:, None] * moment
    return {name: float(loss.detach()) for name, loss in found.items()}


def save_checkpoint(state: State, run: Path, recipe: Recipe) -> None:
    """Keeps the state in ``run``, whole or not at all."""
    arrays = {"weight": state.weight, "moment": state.moment, "square": state.square, "updates": state.updates}
    metadata = {"step": str(state.step), "recipe": _text(recipe)}
    save_file(arrays, run / "checkpoint.partial", metadata=metadata)
    (run / "checkpoint.partial").replace(run / "checkpoint.safetensors")


def load_checkpoint(run: Path, recipe: Recipe) -> State | None:
    """The state kept in ``run``, or None.

    Raises:
        ValueError: it belongs to another recipe, so going on would give something that no recipe describes. Other
            numbers of steps are the same recipe as long as neither's cool-down has begun.
    """
    file = run / "checkpoint.safetensors"
    if not file.is_file():
        return None
    from safetensors import safe_open  # noqa: PLC0415  # the plain loader doesn't give the metadata

    with safe_open(file, framework="numpy") as opened:
        metadata = opened.metadata()
    step = int(metadata["step"])
    theirs = Recipe(**json.loads(metadata["recipe"]))
    cooling = step > min(one.steps - one.cooldown for one in (recipe, theirs))
    if _text(recipe, length=cooling) != _text(theirs, length=cooling):
        raise ValueError(f"{file} was made with {metadata['recipe']}; name another run folder or remove it.")
    return State(**load_file(file), step=step)


def _text(recipe: Recipe, *, length: bool = True) -> str:
    values = asdict(recipe)
    del values["keep_start"], values["emphasis"]  # they play their part after the last step
    if not length:
        del values["steps"], values["cooldown"]
    return json.dumps(values, sort_keys=True)
