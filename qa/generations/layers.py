"""Both indexes in layers: a generation, and over it what the store holds of the files that changed since.

A layer is never changed. When a file comes, changes or goes, its passages are marked as gone in the layers that there
are, and those that it has now are indexed and merged with the layer of earlier changes. Scores are those of one index
over all (``qa.lexical``, ``embeddings.layered``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embeddings.embedder import Embedder
from embeddings.errors import EmbeddingsError
from embeddings.layered import LayeredStore
from embeddings.mapped import save_array
from embeddings.registry import build_vector_store, load_vector_store, merge_vector_stores, vectors_like
from embeddings.vector_store import VectorSearch, VectorStore
from embeddings.vectors import Ids, Vectors
from qa import postings
from qa.errors import ModelError
from qa.lexical import LexicalIndex, LexicalPart
from qa.postings import Mask
from qa.processes import Processes
from qa.store import Model, Point, Store, StoredPassage, Writer
from qa.text import Terms
from qa.text.terms import TermsSource, terms_of

Progress = Callable[[str, int, int], None]
"""Called with a stage's name, how much of it is done, and how much there is."""

VECTOR_STORE = "faiss"
BLOCK_LEAST, BLOCK_MOST, BLOCKS = 1024, 8192, 100
"""Passages whose terms are cut at a time, in so many blocks where the corpus is neither small nor huge: what processes
share, and how often the progress moves. A block of 8,192 on its way takes some 60 MB, and 100 while it is counted."""
EMBED_BATCH = 256
"""Passages embedded and stored at a time: what a kill costs, and how often the progress moves."""
OVERLAID_SHARE = 50
OVERLAID_MOST = 16_384
"""What may lie over a generation, passages that are new or gone: a fiftieth of it, and no more than this, for it is
read from the store and cut into terms again at each start (1 ms a passage, unless the machine is busy)."""

Keys = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layer:
    """The same passages in both legs. ``files`` has the key of each one's file, in the order of the postings."""

    files: Keys
    lexical: LexicalPart
    vectors: VectorStore
    alive: Mask
    """Which of them, in the same order, are still there."""

    def gone(self) -> Ids:
        """Ids of those that aren't, ascending."""
        return np.sort(self.lexical.postings.ids[~self.alive])

    def without(self, files: Keys) -> Layer:
        """The layer without what the files had in it."""
        return Layer(self.files, self.lexical, self.vectors, self.alive & ~np.isin(self.files, files))


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Indexes:
    """Both legs over the same passages. ``generation`` is 0 when they lie in a temporary folder of this process.

    They show the store at ``point``: when it has gone on, bring them up to date (``updated``) or open them again. Until
    then, ids of passages that are gone are simply unknown to the store.
    """

    generation: int
    point: Point
    layers: tuple[Layer, ...]
    lexical: LexicalIndex
    vectors: VectorSearch

    @property
    def sequence(self) -> int:
        """The store's at ``point``."""
        return self.point.sequence

    @property
    def overlaid(self) -> int:
        """How many passages lie over the generation, or are gone from it."""
        base, *later = self.layers
        return int(np.count_nonzero(~base.alive)) + sum(len(layer.lexical) for layer in later)

    @property
    def bearable(self) -> int:
        """How many may, until all is to be merged."""
        return min(len(self.layers[0].lexical) // OVERLAID_SHARE, OVERLAID_MOST)


def indexes_of(generation: int, point: Point, layers: Sequence[Layer]) -> Indexes:
    """Both legs over the layers."""
    lexical = LexicalIndex([(layer.lexical, None if layer.alive.all() else layer.alive) for layer in layers])
    vectors: VectorSearch = LayeredStore([(layer.vectors, layer.gone()) for layer in layers])
    if len(layers) == 1 and layers[0].alive.all():
        vectors = layers[0].vectors
    return Indexes(generation, point, tuple(layers), lexical, vectors)


def load_layer(folder: Path) -> Layer:
    """The layer that ``build_layer`` or ``merge_layers`` wrote, mapped.

    Raises:
        StoreError, VectorStoreError, OSError, ValueError: for what isn't whole.
    """
    files = np.load(folder / "files.npy", mmap_mode="r", allow_pickle=False)
    part = LexicalIndex.open(folder / "lexical").parts[0][0]
    vectors = load_vector_store(VECTOR_STORE, folder / "vectors")
    if files.shape != (len(part),) or files.dtype != np.int64 or len(vectors) != len(part):
        raise ValueError(f"files.npy has {files.shape}, the indexes {len(part)} and {len(vectors)} passages")
    return Layer(files, part, vectors, np.ones(len(part), np.bool_))


def build_layer(
    folder: Path | None,
    rows: tuple[Ids, Vectors],
    passages: Iterable[StoredPassage],
    terms: Terms,
    *,
    like: VectorStore | None = None,
    progress: Progress | None = None,
    processes: Processes | None = None,
) -> Layer:
    """Both indexes over those of the passages that have a vector; written to the folder, if there is one.

    ``like`` is what the vectors are to be laid over; ``processes`` share the cutting of terms.
    """
    ids, vectors = rows
    embedded = set(ids.tolist())
    keys: list[int] = []
    key_of: dict[str, int] = {}
    size = min(max(BLOCK_LEAST, len(ids) // BLOCKS), BLOCK_MOST)

    def indexed() -> Iterator[StoredPassage]:
        for passage in passages:
            if passage.id in embedded:
                if passage.file not in key_of:
                    key_of[passage.file] = file_key(passage.file)
                keys.append(key_of[passage.file])
                yield passage

    def blocks() -> Iterator[postings.Postings]:
        done, sharing = 0, processes or Processes()
        cut = partial(_cut, terms.source)
        for block in sharing.map(cut, _batches(indexed(), size), most=sharing.count + 1):
            yield block
            done += len(block)
            if progress is not None:
                progress("terms", done, len(ids))

    if folder is None:
        part = LexicalPart(postings.join(blocks()))
    else:
        part = LexicalIndex.join(folder / "lexical", blocks()).parts[0][0]
    files = np.array(keys, np.int64)
    sound = np.isin(ids, part.postings.ids)
    if not sound.all():
        ids, vectors = ids[sound], vectors[sound]
    nearest = build_vector_store(VECTOR_STORE, ids, vectors) if like is None else vectors_like(like, ids, vectors)
    if folder is not None:
        _save(folder, files, nearest)
    if progress is not None:
        progress("terms", len(rows[0]), len(rows[0]))
    return Layer(files, part, nearest, np.ones(len(part), np.bool_))


def merge_layers(layers: Sequence[Layer], folder: Path, vectors: Callable[[], tuple[Ids, Vectors]]) -> None:
    """Writes one layer of all that is alive in these: what ``build_layer`` makes of it.

    ``vectors`` gives them anew, where the stores can't be merged.
    """
    (folder / "lexical").mkdir()
    postings.merged([(layer.lexical.postings, layer.alive) for layer in layers], folder / "lexical")
    nearest = _merged_vectors(layers, small=False)
    if nearest is None:
        ids, rows = vectors()
        there = np.isin(ids, np.concatenate([layer.lexical.postings.ids[layer.alive] for layer in layers]))
        nearest = build_vector_store(VECTOR_STORE, ids[there], rows[there])
    _save(folder, np.concatenate([layer.files[layer.alive] for layer in layers]), nearest)


def updated(
    indexes: Indexes,
    store: Store,
    embedder: Embedder,
    terms: Terms,
    *,
    most: int | None = None,
    writer: Writer | None = None,
    progress: Progress | None = None,
    processes: Processes | None = None,
) -> tuple[Indexes, int] | None:
    """The indexes with what changed since their point, and how many passages had to be embedded for it.

    None when the store can't tell what changed, or when more than ``most`` passages would lie over the generation.
    """
    with store.snapshot():
        changed, point = store.changed_since(indexes.point), store.point()
        if changed is None:
            return None
        if not changed:
            return Indexes(indexes.generation, point, indexes.layers, indexes.lexical, indexes.vectors), 0
        keys = np.array([file_key(name) for name in changed], np.int64)
        base, *later = [layer.without(keys) for layer in indexes.layers]
        if most is not None:
            kept = int(np.count_nonzero(~base.alive)) + sum(int(np.count_nonzero(layer.alive)) for layer in later)
            if kept + store.count_passages(changed) > most:
                return None
        passages = list(store.iter_passages(changed))
        rows, embedded = vectors_of(store, writer, embedder, passages, progress)
        new = build_layer(None, rows, passages, terms, like=base.vectors, progress=progress, processes=processes)
        over = [layer for layer in (*later, new) if layer.alive.any()]
        if len(over) > 1:
            over = [_merged_in_memory(over, base.vectors, lambda ids: store.vectors(embedder.fingerprint, ids)[1])]
        return indexes_of(indexes.generation, point, [base, *over]), embedded


def vectors_of(
    store: Store,
    writer: Writer | None,
    embedder: Embedder,
    passages: Sequence[StoredPassage],
    progress: Progress | None = None,
) -> tuple[tuple[Ids, Vectors], int]:
    """Ids and vectors of the passages, and how many of them the store had none for; the writer keeps those."""
    ids, vectors = store.vectors(embedder.fingerprint, [passage.id for passage in passages])
    known = set(ids.tolist())
    missing = [passage for passage in passages if passage.id not in known]
    more_ids, more = embed_missing(writer, embedder, missing, len(missing), progress)
    whole = np.concatenate([vectors.reshape(len(ids), embedder.dim), *more])
    return (np.concatenate([ids, *more_ids]), whole), len(missing)


def embed_missing(
    writer: Writer | None,
    embedder: Embedder,
    passages: Iterable[StoredPassage],
    count: int,
    progress: Progress | None,
) -> tuple[list[Ids], list[Vectors]]:
    """Ids and vectors of ``count`` passages that have none yet, in batches, each kept by the writer."""
    ids, vectors = [], []
    remaining = iter(passages)
    done = 0
    while batch := [passage for passage, _ in zip(remaining, range(EMBED_BATCH), strict=False)]:
        texts = [passage.indexed_text for passage in batch]
        ids.append(np.array([passage.id for passage in batch], np.int64))
        vectors.append(embed(embedder, texts))
        if writer is not None:
            writer.put_vectors(model_of(embedder), texts, vectors[-1])
        done += len(batch)
        if progress is not None:
            progress("embed", done, count)
    return ids, vectors


def file_key(name: str) -> int:
    """64 bits of a file name's SHA-256: two of a million names meet with a chance of 3 in 100 million."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "little", signed=True)


def passage_terms(terms: Terms, passage: StoredPassage) -> list[str]:
    """What the lexical index holds of a passage: the terms of ``_indexed``."""
    return [term for text in _indexed(passage) for term in terms.passage(text)]


def _indexed(passage: StoredPassage) -> list[str]:
    """The passage's text, its head, and its headline once more.

    Headline × 2 was best on the development sets; without the head, 9 of 17 sample sections don't name their street.
    """
    return [text for text in (passage.headline, passage.head, passage.text) if text is not None]


def _cut(source: TermsSource, passages: Sequence[StoredPassage]) -> postings.Postings:
    """In whatever process."""
    texts = [(text, owner) for owner, passage in enumerate(passages) for text in _indexed(passage)]
    held = terms_of(source).held([text for text, _ in texts], [owner for _, owner in texts])
    return postings.counted([passage.id for passage in passages], held)


def _batches(passages: Iterable[StoredPassage], size: int) -> Iterator[list[StoredPassage]]:
    remaining = iter(passages)
    while batch := list(islice(remaining, size)):
        yield batch


def model_of(embedder: Embedder) -> Model:
    """The embedder as the store knows it."""
    return Model(embedder.fingerprint, embedder.name, embedder.dim)


def embed(embedder: Embedder, texts: list[str]) -> Vectors:
    """Vectors of indexed texts.

    Raises:
        ModelError: the embedder's own code and sentence.
    """
    try:
        return embedder.passages(texts)
    except EmbeddingsError as error:
        raise ModelError(error.code, error.message) from error


def _save(folder: Path, files: Keys, vectors: VectorStore) -> None:
    with (folder / "files.npy").open("wb") as file:
        save_array(file, files)
    (folder / "vectors").mkdir()
    vectors.save(folder / "vectors")


def _merged_in_memory(layers: Sequence[Layer], like: VectorStore, vectors: Callable[[Sequence[int]], Vectors]) -> Layer:
    part = LexicalPart(postings.merged([(layer.lexical.postings, layer.alive) for layer in layers]))
    files = np.concatenate([layer.files[layer.alive] for layer in layers])
    nearest = _merged_vectors(layers, small=True)
    if nearest is None:
        ids = np.sort(part.postings.ids)
        nearest = vectors_like(like, ids, vectors(ids.tolist()))
    return Layer(files, part, nearest, np.ones(len(part), np.bool_))


def _merged_vectors(layers: Sequence[Layer], *, small: bool) -> VectorStore | None:
    parts = [(layer.vectors, ~np.isin(layer.vectors.ids, layer.gone())) for layer in layers]
    return merge_vector_stores(parts, small=small)
