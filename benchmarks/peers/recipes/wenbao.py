"""The product: every page put into the store with its vector, in batches as `wenbao index` does, then a generation.

``search`` is retrieval alone, as the peers do it: terms, both legs, fusion, with the question's vector given. ``whole``
is the answer record as every surface gives it: the question is embedded, the first hits are read, the answer chosen.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import faiss  # noqa: F401  # loaded at first use otherwise, and so measured

from benchmarks.peers import corpus
from embeddings import load_embedder
from embeddings.vectors import Vectors
from qa.bot import Bot
from qa.config import Settings
from qa.generations import model_of, refresh
from qa.hits import coverage, fuse
from qa.indexing import BATCH_PASSAGES
from qa.processes import Processes, usable_cores
from qa.retrieve import DEPTH
from qa.store import Store
from qa.text import Terms


class Peer:
    """See the package."""

    def __init__(self, folder: Path, questions: list[str], vectors: Any) -> None:
        rows = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
        self.numbers = {(row["file"], row["start"]): number for number, row in enumerate(rows)}
        self.pages = list(corpus.pages(int((folder / "count").read_text(encoding="ascii"))))
        self.embedder = load_embedder()
        self.terms = Terms()
        self.bot: Bot | None = None

    def index(self, texts: list[str], vectors: Vectors, place: str) -> None:
        """The store, then both indexes, on disk; and open."""
        if self.bot is not None:
            self.bot.close()
        store = Store(Path(place))
        self.bot = Bot(Settings(data=Path(place), remembered_mb=0), store, self.embedder, self.terms)
        model, at = model_of(self.embedder), 0
        with store.writer() as writer:
            writer.use_model(model)
            batch = []
            for page in [*self.pages, None]:
                if page is not None:
                    batch.append(page)
                if batch and (page is None or len(batch) == BATCH_PASSAGES):
                    with writer.transaction():
                        for each in batch:
                            writer.put(each, "")
                        new = [text for each in batch for text in each.indexed_texts()]
                        writer.put_vectors(model, new, vectors[at : at + len(new)])
                    at, batch = at + len(new), []
            with Processes(usable_cores()) as processes:
                refresh(store, writer, self.embedder, self.terms, processes=processes)
        self.retriever = self.bot.retriever()
        self.row_of: dict[int, int] = {}

    def search(self, question: str, vector: Any, k: int) -> list[int]:
        """Both legs and their fusion: what ``Retriever`` does before it reads the first hits."""
        own = self.retriever
        if not self.row_of:  # what the benchmark wants to know, once
            assert self.bot is not None
            places = {passage.id: (passage.file, passage.start) for passage in self.bot.store.iter_passages()}
            self.row_of = {number: self.numbers[where] for number, where in places.items()}
        terms = self.terms.question(question)
        cosines, ids = own.vectors.search(vector[None], DEPTH)
        found = own.candidates(terms, (vector, ids[0], cosines[0]), DEPTH)
        hits = fuse(found, own.weights, coverage(terms, own.lexical.document_frequency), k)
        return [self.row_of[hit.passage_id] for hit in hits]

    def whole(self, question: str, vector: Any, k: int) -> list[int]:
        """The answer record's passages."""
        assert self.bot is not None
        found: Any = self.bot.ask(question, top_k=k)["passages"]
        return [self.numbers[passage["source"]["file"], passage["source"]["start"]] for passage in found]
