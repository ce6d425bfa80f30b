"""A million passages on one machine: time of a question, recall, memory, a change while serving, a restart.

    python -m benchmarks.scale make FOLDER [PASSAGES …]     corpora of 10,000, 100,000 and 1,000,000 passages
    python -m benchmarks.scale measure FOLDER [PASSAGES …]  prints the table, writes docs/pictures/scale.svg

The passages are made: three sentences of ../shared/bench each, drawn by chance, 20 passages a file; beside them the
real ones, a file each. So that making a million takes minutes, they are put into the store as they are, without being
read and split, and their vectors are the sums of their sentences' (as the static model adds up tokens). Times of
questions are CPU time of the asking thread, for machines are busy.
"""

from __future__ import annotations

import gc
import hashlib
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from embeddings import load_embedder
from embeddings.embedders.static import StaticEmbedder
from embeddings.vectors import Vectors, unit
from qa.articles import Article, Page, Piece, Section
from qa.bot import Bot
from qa.config import Settings
from qa.evidence import Texts
from qa.generations import model_of, open_indexes, refresh
from qa.passages import Passage
from qa.reading import Document, parse
from qa.retrieve import Retriever
from qa.splitting import STRUCTURE, split_document
from qa.store import SplitPage, Store
from qa.text import Terms, sentences

BENCH = Path(__file__).parents[2] / "shared" / "bench"
SETS = ("cmrc2018", "drcd", "xquad-zh-zh")
SIZES = (10_000, 100_000, 1_000_000)
PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "scale.svg"
SENTENCES, PASSAGES_A_FILE, FILES_A_TURN = 3, 20, 200
QUESTIONS, RECALL_QUESTIONS, CHANGES = 300, 200, 5


@dataclass(frozen=True, slots=True)
class Bench:
    """The sets' passages, their sentences, and questions about them."""

    passages: list[str]
    sentences: list[str]
    questions: list[str]


def read_bench() -> Bench:
    """The Chinese sets; a few hundred questions, at even distances."""

    def lines(name: str) -> Iterator[str]:
        for folder in SETS:
            for line in (BENCH / folder / name).read_text(encoding="utf-8").splitlines():
                yield json.loads(line)["text"]

    passages = list(lines("corpus.jsonl"))
    parts = [text[start:end].strip() for text in passages for start, end in sentences(text)]
    questions = list(lines("queries.jsonl"))
    return Bench(passages, [part for part in parts if part[-1:] in "。！？"], questions[:: len(questions) // QUESTIONS])


# --- making ---


def make(folder: Path, size: int, bench: Bench) -> None:
    """A data folder with so many passages, and its indexes."""
    embedder = load_embedder()
    assert isinstance(embedder, StaticEmbedder)
    sums = np.concatenate(
        [embedder._sums(bench.sentences[at : at + 1000]) for at in range(0, len(bench.sentences), 1000)]
    )
    chance = np.random.default_rng(size)
    began, cpu = time.perf_counter(), time.process_time()
    with Store(folder) as store, store.writer() as writer:
        pages = [split_document(parse(f"real/{n}.txt", text.encode())) for n, text in enumerate(bench.passages)]
        texts = list(dict.fromkeys(text for page in pages for text in page.indexed_texts()))
        with writer.transaction():
            for page in pages:
                writer.put(page, "bench")
            writer.put_vectors(model_of(embedder), texts, embedder.passages(texts))
            writer.use_model(model_of(embedder))
        made = sum(len(page.indexed_texts()) for page in pages)
        while made < size:
            count = min(FILES_A_TURN * PASSAGES_A_FILE, size - made)
            drawn = chance.integers(0, len(bench.sentences), (count, SENTENCES))
            texts = ["".join(bench.sentences[n] for n in row) for row in drawn]
            with writer.transaction():
                for at in range(0, count, PASSAGES_A_FILE):
                    writer.put(_page(f"made/{made + at:07d}.txt", texts[at : at + PASSAGES_A_FILE]), "bench")
                writer.put_vectors(model_of(embedder), texts, unit(sums[drawn].sum(axis=1)))
            made += count
            _say(f"{made} of {size} passages, {time.process_time() - cpu:.0f} CPU s")
        stored = time.process_time() - cpu
        refresh(store, writer, embedder, Terms())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        _say(
            f"{size}: stored {stored:.0f} CPU s, indexed {time.process_time() - cpu - stored:.0f} CPU s, "
            f"{time.perf_counter() - began:.0f} s in all, at most {peak} MiB of memory"
        )


def _page(file: str, texts: Sequence[str]) -> SplitPage:
    """A page of one article and one section, split already."""
    whole = "\n".join(texts)
    passages, at = [], 0
    for text in texts:
        passages.append(Passage(at, at + len(text), text, (Piece(at, at + len(text)),)))
        at += len(text) + 1
    article = Article(None, None, None, None, 0, len(whole), (Section(None, 0, len(whole), ()),))
    document = Document(file, whole, "utf-8", "txt", hashlib.sha256(whole.encode()).hexdigest())
    return SplitPage(document, Page((article,), ()), (tuple(passages),), STRUCTURE)


# --- measuring ---


def speed(folder: Path, sizes: Sequence[int], bench: Bench) -> dict[int, list[float]]:
    """Milliseconds of each hybrid question in each corpus, asked in turn."""
    embedder, terms = load_embedder(), Terms()
    stores = [Store(folder / str(size), read_only=True) for size in sizes]
    retrievers = []
    for store in stores:
        indexes = open_indexes(store, embedder, terms)
        texts = _texts(store)
        retrievers.append(Retriever(indexes.lexical, indexes.vectors, embedder, terms, texts))
    times: dict[int, list[float]] = {size: [] for size in sizes}
    for turn, question in enumerate([*bench.questions[:20], *bench.questions]):
        for size, retriever in zip(sizes, retrievers, strict=True):
            began = time.thread_time()
            retriever.retrieve_many([question], 5)
            if turn >= 20:  # the first bring the files into memory
                times[size].append(1000 * (time.thread_time() - began))
    for store in stores:
        store.close()
    return times


def _texts(store: Store) -> Texts:
    return lambda ids: {number: passage.indexed_text for number, passage in store.passages(ids).items()}


def recall(folder: Path, size: int, bench: Bench) -> float:
    """Recall@10 of the dense leg against all cosines of the stored vectors."""
    embedder = load_embedder()
    questions = embedder.questions(bench.questions[:RECALL_QUESTIONS])
    with Store(folder / str(size), read_only=True) as store:
        _, found = open_indexes(store, embedder, Terms()).vectors.search(questions, 10)
        ids, vectors = store.vectors(embedder.fingerprint)
    scores, best = _exact(vectors, questions)
    del vectors
    gc.collect()
    hits = 0
    for row, near in enumerate(found):
        order = np.lexsort((ids[best[row]], -scores[row]))[:10]
        hits += len(set(near.tolist()) & set(ids[best[row]][order].tolist()))
    return hits / (10 * len(questions))


def _exact(vectors: Vectors, questions: Vectors) -> tuple[Vectors, np.ndarray]:
    """The 30 largest products of each question and their rows, block by block."""
    scores = np.empty((len(questions), 0), np.float32)
    rows = np.empty((len(questions), 0), np.int64)
    for start in range(0, len(vectors), 1 << 16):
        block = questions @ vectors[start : start + (1 << 16)].T
        scores = np.concatenate([scores, block], axis=1)
        rows = np.concatenate([rows, np.tile(np.arange(start, start + block.shape[1]), (len(questions), 1))], axis=1)
        kept = np.argsort(-scores, axis=1)[:, :30]
        scores, rows = np.take_along_axis(scores, kept, axis=1), np.take_along_axis(rows, kept, axis=1)
    return scores, rows


def serving(data: Path, bench: Bench) -> dict[str, float]:
    """Run in a process of its own: memory with the corpus open, and how soon a change is answered."""
    opened, cpu = time.perf_counter(), time.process_time()
    with Bot.open(Settings.read({"WENBAO_DATA": str(data), "WENBAO_REMEMBERED_MB": "0"}), index_seeds=False) as bot:
        bot.ask(bench.questions[0])
        found = {"ready_s": time.perf_counter() - opened, "ready_cpu_s": time.process_time() - cpu}
        for question in bench.questions:
            bot.ask(question)
        gc.collect()
        found |= _memory()
        if "empty" in data.name:
            return found
        seen, gone, cpus = [], [], []
        for number in range(CHANGES):
            text = f"第{number}号水文站{time.time_ns()}年测得水位{number + 3}米。".encode()
            file = f"added/{number}.txt"
            began, cpu = time.perf_counter(), time.process_time()
            bot.add([parse(file, text)], settled=lambda *_: None)
            record = bot.ask(text.decode())
            assert record["passages"][0]["source"]["file"] == file, record
            seen.append(time.perf_counter() - began)
            cpus.append(time.process_time() - cpu)
            began = time.perf_counter()
            bot.withdraw(files=[file])
            record = bot.ask(text.decode())
            assert all(passage["source"]["file"] != file for passage in record["passages"])
            gone.append(time.perf_counter() - began)
        return found | {"add_s": median(seen), "add_cpu_s": median(cpus), "delete_s": median(gone)}


def _memory() -> dict[str, float]:
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {name: int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon")}


def aside(data: Path) -> dict[str, float]:
    """``serving`` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scale", "serving", str(data)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    answer: dict[str, float] = json.loads(out.splitlines()[-1])
    return answer


def measure(folder: Path, sizes: Sequence[int], bench: Bench) -> None:
    """Prints the table and draws the plot."""
    times = speed(folder, sizes, bench)
    gc.collect()
    empty = aside(folder / "empty")
    print(
        "| passages | p50 ms | p99 ms | p50, first = 1 | recall@10 | memory MiB | of it anonymous | ready s | CPU | "
        "added s | CPU | deleted s | disk MB: store | indexes |"
    )
    print("|---|" + "---|" * 13)
    for size in sizes:
        data = folder / str(size)
        p50, p99 = np.percentile(times[size], [50, 99])
        base = float(np.percentile(times[sizes[0]], 50))
        near = recall(folder, size, bench)
        served = aside(data)
        disk = [
            sum(f.stat().st_size for f in p.rglob("*") if f.is_file()) if p.is_dir() else p.stat().st_size
            for p in (data / "wenbao.db", data / "indexes")
        ]
        print(
            f"| {size:,} | {p50:.1f} | {p99:.1f} | {p50 / base:.1f} | {near:.3f} |"
            f" {served['VmRSS'] - empty['VmRSS']:.0f} |"
            f" {served['RssAnon'] - empty['RssAnon']:.0f} | {served['ready_s']:.1f} | {served['ready_cpu_s']:.1f} |"
            f" {served['add_s']:.2f} | {served['add_cpu_s']:.2f} | {served['delete_s']:.2f} |"
            f" {disk[0] / 1e6:.0f} | {disk[1] / 1e6:.0f} |",
            flush=True,
        )
    PICTURE.write_text(draw(sizes, times), encoding="utf-8")


def draw(sizes: Sequence[int], times: dict[int, list[float]]) -> str:
    """Milliseconds a question by the corpus' size, both axes by powers of ten: a dot for p50, a bar up to p99."""
    left, top, width, height = 60, 40, 360, 220
    low, high = 1.0, 1000.0

    def y(value: float) -> float:
        return round(top + height * (1 - math.log10(max(value, low) / low) / math.log10(high / low)), 1)

    whole = f"{left + width + 20} {top + height + 60}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole}" font-family="sans-serif" font-size="12">',
        f'<rect width="{left + width + 20}" height="{top + height + 60}" fill="#fff"/>',
        f'<text x="{left}" y="22" font-size="14">A hybrid question, CPU milliseconds: p50 (dot) to p99</text>',
    ]
    for tick in (1, 10, 100, 1000):
        parts.append(f'<line x1="{left}" x2="{left + width}" y1="{y(tick)}" y2="{y(tick)}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y(tick) + 4}" text-anchor="end">{tick}</text>')
    for place, size in enumerate(sizes):
        x = left + width * (place + 0.5) / len(sizes)
        p50, p99 = np.percentile(times[size], [50, 99])
        parts.append(f'<line x1="{x}" x2="{x}" y1="{y(p50)}" y2="{y(p99)}" stroke="#2f6f9f" stroke-width="3"/>')
        parts.append(f'<circle cx="{x}" cy="{y(p50)}" r="5" fill="#2f6f9f"/>')
        parts.append(f'<text x="{x + 10}" y="{y(p50) + 4}">{p50:.1f}</text>')
        parts.append(f'<text x="{x}" y="{top + height + 20}" text-anchor="middle">{size:,}</text>')
    parts.append(f'<text x="{left + width / 2}" y="{top + height + 44}" text-anchor="middle">passages</text></svg>')
    return "\n".join(parts) + "\n"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(command: str, folder: Path, sizes: Sequence[int]) -> None:
    """``make``, ``measure``, or, for itself, ``serving``."""
    bench = read_bench()
    if command == "serving":
        print(json.dumps(serving(folder, bench)))
    elif command == "measure":
        measure(folder, sizes, bench)
    else:
        for size in sizes:
            make(folder / str(size), size, bench)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [int(size) for size in sys.argv[3:]] or SIZES)
