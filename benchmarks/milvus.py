"""Does a Milvus server rank as the embedded engine does? Needs the extra milvus-test, or a server's address.

    python -m benchmarks.milvus [--questions N] [--legs LEG …] [--url URL] [SET …]

Puts the named bench sets (all Chinese ones, and the English questions) into one store, builds both engines' indexes of
it, asks both the same questions, and prints how many of the first ten passages agree, and where they stand. Without an
address it starts milvus-lite on this machine; that is a stand-in of some thousand lines of Python: its times say
nothing of Milvus.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from embeddings import load_embedder
from qa.evaluate import read_collection
from qa.generations import EMBEDDED, OpenIndexes
from qa.indexing import Batch
from qa.milvus.client import Client
from qa.milvus.engine import Milvus
from qa.reading import parse
from qa.retrieve import Leg, Retrieved, Retriever
from qa.store import Store
from qa.text import Terms

BENCH = Path(__file__).parents[2] / "shared" / "bench"
SETS = ("cmrc2018", "drcd", "xquad-zh-zh", "xquad-en-zh")
TOP = 10
TOGETHER = 50
"""Questions a call."""
LEGS: tuple[Leg, ...] = ("hybrid", "lexical", "dense")


def main(given: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--questions", type=int, default=500, help="at even distances among all")
    parser.add_argument("--legs", nargs="*", default=LEGS, choices=LEGS)
    parser.add_argument("--url", help="a server that is there already")
    chosen = parser.parse_args(given)
    collections = [read_collection(BENCH / name) for name in chosen.sets]
    texts = dict.fromkeys(text for each in collections for text in each.corpus.values())
    questions = list(dict.fromkeys(text for each in collections for text in each.queries.values()))
    asked = questions[:: max(1, len(questions) // chosen.questions)][: chosen.questions]
    embedder, terms = load_embedder(), Terms()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = chosen.url or stack.enter_context(local_server(folder / "milvus-lite"))
        store = stack.enter_context(Store(folder / "data"))
        engine = Milvus(Client(url, os.environ.get("WENBAO_ENGINE_TOKEN"), 60))
        with store.writer() as writer:
            batch = Batch(store, writer, embedder)
            for number, text in enumerate(texts):
                batch.add(parse(f"{number:05d}.txt", text.encode()), "bench")
            batch.commit()
            embedded, _ = EMBEDDED.refresh(store, writer, embedder, terms)
            began = time.perf_counter()
            remote, _ = engine.refresh(store, writer, embedder, terms)
        sent_s = time.perf_counter() - began
        print(f"{len(embedded.lexical)} passages, sent in {sent_s:.0f} s; {len(asked)} of {len(questions)} questions")
        print("| leg | of ten, in common | the same ten | in the same order | largest difference of a score |")
        print("|---|---|---|---|---|", flush=True)

        def retriever(indexes: OpenIndexes) -> Retriever:
            def found(ids: Sequence[int]) -> dict[int, str]:
                return {number: each.indexed_text for number, each in store.passages(ids).items()}

            return Retriever(indexes.lexical, indexes.vectors, embedder, terms, found)

        here, there = retriever(embedded), retriever(remote)
        for leg in chosen.legs:
            pairs: list[tuple[Retrieved, Retrieved]] = []
            for start in range(0, len(asked), TOGETHER):
                some = asked[start : start + TOGETHER]
                both = (each.retrieve_many(some, TOP, leg) for each in (here, there))
                pairs += zip(*both, strict=True)
            print(f"| {leg} | {row(pairs)} |", flush=True)


def row(pairs: list[tuple[Retrieved, Retrieved]]) -> str:
    """Means over the questions; a score's difference is looked at where both have the passage."""
    common = same = ordered = 0.0
    worst = 0.0
    for one, other in pairs:
        first, second = ({hit.passage_id: hit.score for hit in found.hits} for found in (one, other))
        both = first.keys() & second.keys()
        common += len(both) / max(len(first), len(second), 1) if first or second else 1.0
        same += first.keys() == second.keys()
        ordered += list(first) == list(second)
        worst = max([worst, *(abs(first[number] - second[number]) for number in both)])
    n = len(pairs)
    return f"{common / n:.4f} | {same / n:.4f} | {ordered / n:.4f} | {worst:.1e}"


@contextlib.contextmanager
def local_server(folder: Path) -> Iterator[str]:
    """milvus-lite on a free port of this machine, until the block ends: its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "milvus_lite", "server", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen([*command, "--data-dir", str(folder)], stdout=subprocess.DEVNULL) as server:
        try:
            while server.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


if __name__ == "__main__":
    main(sys.argv[1:])
