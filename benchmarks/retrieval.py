"""Recall of each leg on the bench sets, and of Traditional articles asked in simplified characters.

    python -m benchmarks.retrieval [SET …]

Prints a Markdown table, recall@1 / recall@5 in per cent. ``drcd-simplified`` is drcd with its questions converted by
OpenCC (t2s), made here. Measures as ``wenbao eval`` prints them, with the embedded model and the default weights.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import opencc

from embeddings import load_embedder
from qa.evaluate import Collection, evaluate_collection, index_corpus, read_collection
from qa.retrieve import Leg
from qa.text import Terms

BENCH = Path(__file__).parents[2] / "shared" / "bench"
SIMPLIFIED = "drcd-simplified"
LEGS: tuple[Leg, ...] = ("lexical", "dense", "hybrid")


def main(names: list[str]) -> None:
    """Print the table for the named sets, or for all."""
    names = names or [*sorted(path.name for path in BENCH.iterdir() if path.is_dir()), SIMPLIFIED]
    embedder, terms = load_embedder(), Terms()
    print(f"| set | {' | '.join(LEGS)} |\n|---|{'---|' * len(LEGS)}")
    for name in names:
        collection = _collection(name)
        with tempfile.TemporaryDirectory() as folder:
            retriever = index_corpus(collection.corpus, embedder, terms, Path(folder))
            found = [evaluate_collection(collection, retriever, leg).measures for leg in LEGS]
        cells = [f"{100 * each['recall@1']:.1f} / {100 * each['recall@5']:.1f}" for each in found]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _collection(name: str) -> Collection:
    if name != SIMPLIFIED:
        return read_collection(BENCH / name)
    collection = read_collection(BENCH / "drcd")
    simplify = opencc.OpenCC("t2s").convert
    queries = {number: simplify(question) for number, question in collection.queries.items()}
    return replace(collection, name=name, queries=queries)


if __name__ == "__main__":
    main(sys.argv[1:])
