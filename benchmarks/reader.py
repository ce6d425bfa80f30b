"""Trains the reader that qa/answer ships; see benchmarks/reader_data.py for what it learns from.

    python -m benchmarks.reader --cmrc2018 FOLDER --cmrc2017 FOLDER --jaquad FOLDER --jglue FOLDER --english FILE…

Each FOLDER is a checkout of the repository, each FILE one as SQuAD has it. The reader has learned from none of the
questions in ../shared/bench, so ``benchmarks.answers`` fits and judges the ranker and the verdict on all of them.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import save
from torch import nn

from benchmarks.reader_data import (
    Example,
    Maker,
    read_cmrc2017,
    read_dictionary,
    read_squad,
    read_texts,
    read_trial,
)
from embeddings import load_embedder
from embeddings.embedders.static import StaticEmbedder
from qa.answer import reader
from qa.answer.kinds import KINDS

SHARES = (
    {
        "cmrc2018": 5.0, "trial": 5.0, "cmrc2017": 2.0, "follow-ups": 1.5, "glosses": 1.2,
        "jaquad": 0.6, "jsquad": 0.8, "english": 0.6, "gaps": 0.5,
    },
    {
        "cmrc2018": 6.0, "trial": 6.0, "cmrc2017": 2.0, "follow-ups": 2.0, "glosses": 1.5,
        "jaquad": 0.4, "jsquad": 0.8, "english": 0.6, "gaps": 0.4,
    },
)  # fmt: skip
"""How often an example of each source is drawn, at first and then."""
RATES = (3e-3, 2e-3)
BATCH = 32
WINDOW, BESIDE = 112, 48
"""Tokens of the text that answers, and of the other one, that a step sees: the answer stands anywhere in the window."""
NOISE = (0.0, 0.3, 0.6)
"""Shares of a question's tokens that are said in other words, one of them for each question: a token's vector is mixed
with that of any other."""
DROPOUT = 0.15
TOLD = 10.0
"""How much the loss of being part of the answer counts beside those of its first and last token."""


class Vocabulary:
    """The embedded model's token vectors, as the reader takes them; they stay as they are."""

    def __init__(self) -> None:
        self.embedder = embedder = cast("StaticEmbedder", load_embedder())
        numbers = np.arange(embedder.tokens_known)
        rows = embedder.token_vectors(numbers, reader.DIM)
        norms = np.linalg.norm(rows, axis=1)
        self.mean_norm = float(norms.mean())
        self.units = torch.tensor(rows / np.maximum(norms, 1e-9)[:, None])
        self.norms = torch.tensor(norms / norms.mean())
        self.classes = torch.tensor([reader.token_class(embedder.token(int(number))) for number in numbers])


class Net(nn.Module):
    """The network of qa.answer.reader, to be trained."""

    def __init__(self, mean_norm: float) -> None:
        super().__init__()
        size, self.mean_norm = reader.WIDTH, mean_norm
        self.project = nn.Linear(reader.DIM, size)
        self.classes = nn.Embedding(reader.CLASSES, size)
        self.kinds = nn.Embedding(len(KINDS), size)
        self.parts = nn.Embedding(3, size)
        self.measure = nn.Linear(reader.MEASURES, size)
        self.align = nn.Linear(3 * size, size)
        self.question = nn.ModuleList([nn.Conv1d(size, size, 3, padding=1) for _ in range(2)])
        self.attend = nn.Linear(size, 2)
        self.gist = nn.Linear(3 * size, size)
        self.text = nn.ModuleList([nn.Conv1d(size, size, 3, padding=d, dilation=d) for d in reader.DILATIONS])
        self.mix = nn.ModuleList([nn.Linear(size, size) for _ in reader.DILATIONS])
        self.norm = nn.ModuleList([nn.LayerNorm(size) for _ in reader.DILATIONS])
        self.final = nn.LayerNorm(size)
        self.out = nn.Linear(2 * size, 3)
        self.sharpness = nn.Parameter(torch.tensor(6.0))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, seen: Batch) -> torch.Tensor:
        """(examples, tokens, 3): logits of being the answer's first token, its last, part of it."""
        asked, there = seen.asked[..., None], seen.there[..., None]
        words = self.project(seen.question) + self.classes(seen.question_classes) + self.parts(seen.parts)
        words = words + self.kinds(seen.kind)[:, None]
        for layer in self.question:
            words = words + torch.relu(_along(layer, words * asked))
        attention = self.attend(words).masked_fill(asked == 0, -1e4).softmax(1)
        gist = torch.cat([torch.einsum("bqk,bqh->bkh", attention, words).flatten(1), self.kinds(seen.kind)], 1)
        gist = torch.relu(self.gist(self.dropout(gist)))
        near = torch.einsum("bqd,bpd->bqp", seen.question, seen.text).clamp_min(0) * asked
        rarity = seen.rarity * seen.asked
        square, same = near**2, seen.same.float()
        measures = [
            square.amax(1),
            near.amax(1),
            (square * (rarity / rarity.sum(1, keepdim=True))[..., None]).sum(1),
            (square * rarity[..., None]).amax(1),
            same.amax(1),
            (same * rarity[..., None]).amax(1),
            seen.norms,
        ]
        drawn = torch.where(asked > 0, near * self.sharpness, torch.full_like(near, -1e4))
        nothing = torch.zeros_like(drawn[:, :1]) + self.sharpness * 0.25
        shares = torch.cat([drawn, nothing], 1).softmax(1)[:, :-1]
        aligned, own = torch.einsum("bqp,bqh->bph", shares, words), self.project(seen.text)
        beside = torch.cat([aligned, aligned * own, gist[:, None] * own], -1)
        state = own + self.classes(seen.text_classes) + self.measure(torch.stack(measures, -1))
        state = state + self.align(self.dropout(beside))
        for layer, mix, norm in zip(self.text, self.mix, self.norm, strict=True):
            wide = self.dropout(norm(state)) * there
            state = state + torch.relu(_along(layer, wide) + mix(gist)[:, None])
        state = self.final(state)
        logits: torch.Tensor = self.out(torch.cat([state, state * gist[:, None]], -1))
        return torch.cat([logits[..., :2].masked_fill(there == 0, -1e4), logits[..., 2:]], -1)

    def tensors(self) -> dict[str, npt.NDArray[np.float16]]:
        """The weights as qa.answer.reader takes them, in half precision."""
        state = {name: values.detach().numpy() for name, values in self.state_dict().items()}
        found = {"norm": np.array([self.mean_norm]), "sharpness": state["sharpness"][None]}
        found |= {name: state[f"{table}.weight"] for name, table in _TABLES.items()}
        for name in ("project", "measure", "align", "attend", "gist", "out"):
            found |= {name: state[f"{name}.weight"].T, f"{name}_bias": state[f"{name}.bias"]}
        for group, layers in (("question", 2), ("text", len(reader.DILATIONS))):
            for i in range(layers):
                taps = state[f"{group}.{i}.weight"]
                found |= {f"{group}{i}": np.concatenate([taps[:, :, tap].T for tap in range(3)], axis=1)}
                found |= {f"{group}{i}_bias": state[f"{group}.{i}.bias"]}
        for i in range(len(reader.DILATIONS)):
            found |= {f"mix{i}": state[f"mix.{i}.weight"].T, f"mix{i}_bias": state[f"mix.{i}.bias"]}
            found |= {f"norm{i}": state[f"norm.{i}.weight"], f"norm{i}_bias": state[f"norm.{i}.bias"]}
        found |= {"final": state["final.weight"], "final_bias": state["final.bias"]}
        return {name: np.ascontiguousarray(values, dtype=np.float16) for name, values in found.items()}


_TABLES = {"class": "classes", "kind": "kinds", "part": "parts"}


def _along(layer: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = layer(rows.transpose(1, 2)).transpose(1, 2)
    return found


class Batch:
    """Examples side by side, padded: each question with its text and, behind a gap, the other text."""

    def __init__(self, examples: Sequence[Example], vocabulary: Vocabulary, rng: np.random.Generator | None) -> None:
        """``rng`` draws windows and noise; without it the texts are whole and the questions as they are."""
        rows = [_window(example, rng) for example in examples]
        size, width = len(rows), max(len(ids) for ids, _, _ in rows)
        asked = max(len(example.question) for example in examples)
        question, text = torch.zeros(size, asked, dtype=torch.long), torch.zeros(size, width, dtype=torch.long)
        self.asked, self.there = torch.zeros(size, asked), torch.zeros(size, width)
        self.parts = torch.ones(size, asked, dtype=torch.long)
        self.kind = torch.tensor([example.kind for example in examples])
        self.right = torch.zeros(size, width, 3)
        for i, (example, (ids, gap, spans)) in enumerate(zip(examples, rows, strict=True)):
            words = len(example.question)
            question[i, :words] = torch.tensor(example.question)
            self.parts[i, :words] = torch.tensor(example.parts)
            self.asked[i, :words] = 1
            text[i, : len(ids)] = torch.tensor(ids)
            self.there[i, : len(ids)] = 1
            self.there[i, gap : gap + reader.GAP_TOKENS] = 0
            for first, last in spans:
                self.right[i, first, 0] = self.right[i, last, 1] = 1
                self.right[i, first : last + 1, 2] = 1
        self.question, self.text = vocabulary.units[question], vocabulary.units[text]
        self.question_classes, self.text_classes = vocabulary.classes[question], vocabulary.classes[text]
        self.norms = vocabulary.norms[text]
        self.rarity = vocabulary.norms[question] * torch.tensor(reader.PART_WEIGHTS)[self.parts]
        tells = (self.asked > 0) & (self.question_classes > reader.SIGNS)
        self.same = (question[:, :, None] == text[:, None, :]) & tells[..., None]
        if rng is not None:
            rate = torch.tensor(rng.choice(NOISE, size=(size, 1)), dtype=torch.float32)
            struck = torch.rand(size, asked) < rate
            kept = torch.rand(size, asked, 1) * 0.6 + 0.2
            others = vocabulary.units[torch.randint(0, len(vocabulary.units), (size, asked))]
            mixed = nn.functional.normalize(kept * self.question + (1 - kept) * others, dim=-1)
            self.question = torch.where(struck[..., None], mixed, self.question)
            self.same &= ~struck[..., None]


def _window(example: Example, rng: np.random.Generator | None) -> tuple[list[int], int, list[tuple[int, int]]]:
    """Token numbers of the text and the other one, where the gap between them begins, and the answers."""
    ids, spans, other = list(example.text), list(example.answers), list(example.other)
    if rng is not None and len(ids) > WINDOW:
        first, last = spans[int(rng.integers(len(spans)))]
        low = min(max(last - WINDOW + 8, 0), max(first, 0))
        start = min(int(rng.integers(low, max(first - 7, low) + 1)), len(ids) - WINDOW)
        inside = [(a - start, b - start) for a, b in spans if a >= start and b < start + WINDOW]
        ids, spans = (ids[start : start + WINDOW], inside) if inside else (ids, spans)
    if rng is not None and len(other) > BESIDE:
        start = int(rng.integers(len(other) - BESIDE + 1))
        other = other[start : start + BESIDE]
    gap = len(ids)
    return (ids + [0] * reader.GAP_TOKENS + other if other else ids), gap, spans


def loss(net: Net, seen: Batch) -> torch.Tensor:
    """−log of the probability of the right first and last tokens, and what is part of the answer."""
    logits = net(seen)
    edges = logits[..., :2]
    right = edges + torch.log(seen.right[..., :2].clamp_min(1e-9))
    missed = edges.logsumexp(1) - right.logsumexp(1)
    inside = nn.functional.binary_cross_entropy_with_logits(logits[..., 2], seen.right[..., 2], reduction="none")
    found: torch.Tensor = missed.sum(1).mean() + TOLD * (inside * seen.there).sum() / seen.there.sum()
    return found


def train(
    net: Net, data: Sequence[Example], shares: Sequence[float], vocabulary: Vocabulary, steps: int, rate: float
) -> None:
    """Goes on training ``net``; an example is drawn as often as its share says."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    chance = np.array(shares) / np.sum(shares)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    net.train()
    waiting: list[list[Example]] = []
    for step in range(steps):
        if not waiting:  # examples of like length side by side
            drawn = [data[i] for i in rng.choice(len(data), 8 * BATCH, p=chance)]
            drawn.sort(key=lambda example: len(example.text))
            waiting = [drawn[i : i + BATCH] for i in range(0, len(drawn), BATCH)]
            rng.shuffle(waiting)
        value = loss(net, Batch(waiting.pop(), vocabulary, rng))
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 49:
            print(f"step {step + 1}: loss {value.item():.2f}", flush=True)


def examples(given: argparse.Namespace) -> list[Example]:
    """All that there is to learn from."""
    maker = Maker()
    questions = read_squad(given.cmrc2018 / "squad-style-data" / "cmrc2018_train.json")
    trial = read_trial(given.cmrc2018 / "squad-style-data" / "cmrc2018_trial.json")
    jsquad = sorted((given.jglue / "datasets" / "jsquad-v1.3").glob("*-v1.3.json"))
    found = [*maker.squad("cmrc2018", questions), *maker.squad("trial", trial)]
    found += [*maker.follow_ups(questions), *maker.glosses(questions, read_dictionary())]
    found += maker.squad("cmrc2017", read_cmrc2017(given.cmrc2017))
    for part in ("train", "dev"):
        found += maker.squad("jaquad", read_squad(given.jaquad / "data" / part))
    for file in jsquad:
        found += maker.squad("jsquad", read_squad(file))
    for file in given.english:
        found += maker.squad("english", read_squad(file))
    return [*found, *maker.gaps(read_texts())]


def fit(data: Sequence[Example], steps: Sequence[int]) -> None:
    """Trains the reader and writes it."""
    torch.set_num_threads(1)
    print(", ".join(f"{name}: {count}" for name, count in Counter(example.source for example in data).items()))
    vocabulary = Vocabulary()
    net = Net(vocabulary.mean_norm)
    for shares, rate, count in zip(SHARES, RATES, steps, strict=True):
        train(net, data, [shares[example.source] for example in data], vocabulary, count, rate)
    reader.WEIGHTS.write_bytes(save(net.tensors()))
    print(f"{reader.WEIGHTS.name}: {reader.WEIGHTS.stat().st_size} bytes")


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("cmrc2018", "cmrc2017", "jaquad", "jglue"):
        parser.add_argument(f"--{name}", type=Path, required=True, help="a checkout of the set's repository")
    parser.add_argument("--english", type=Path, nargs="*", default=[], help="files as SQuAD has them")
    parser.add_argument("--steps", type=int, nargs=2, default=(4000, 4000), help="of the two rounds")
    given = parser.parse_args()
    fit(examples(given), given.steps)


if __name__ == "__main__":
    main()
