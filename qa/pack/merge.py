"""Packs → the store: the way of ``qa.indexing``, with vectors from the packs where they are of the same model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from embeddings.embedder import Embedder
from embeddings.vectors import Vectors
from qa.generations import EMBEDDED, Engine, Progress, embed
from qa.indexing import Batch
from qa.pack import form
from qa.pack.read import Pack
from qa.reading import Document, Problem
from qa.splitting import split_document
from qa.store import Store, StoredFile, content_hash
from qa.text import Terms

SAMPLED = 32
"""Vectors of a pack that are made again before it is taken in, to see that they are the model's."""
SAMPLED_FILES = 16
ALIKE = 0.999
"""Cosine of a pack's vector with the one made here: other processors differ in the last digits only."""


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What was done, by file names in the order met; with ``dry_run`` what would be.

    ``reused`` vectors were in the packs, ``embedded`` ones had to be made here.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    problems: tuple[Problem, ...]
    passages: int
    reused: int
    embedded: int


def merge(
    store: Store,
    packs: Sequence[Pack],
    embedder: Embedder,
    terms: Terms,
    *,
    replace: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    engine: Engine = EMBEDDED,
) -> MergeReport:
    """The packs' files are in the store and in a generation of indexes, all vectors by this embedder.

    The packs were proven when they were opened; that their vectors are the model's is proven before anything is
    changed. A file that the store has with the same bytes stays as it is; one
    of the same name with other content is a problem, PACK_NAME_TAKEN, unless ``replace`` says that the pack's is
    wanted. Of packs that contradict one another the first is believed.

    Raises:
        InputError: PACK_VECTORS, and nothing was changed.
        StoreError: WRITER_LOCKED, DISK_FULL and their kin; files that were committed stay, and the run can be repeated.
        ModelError: as the embedder gives it.
    """
    lent = _Lent(embedder, [pack for pack in packs if _is_of(pack, embedder)])
    for pack in lent.packs:
        _prove_vectors(pack, embedder)
    met = _Met(store.files(), replace)
    if dry_run:
        for pack in packs:
            for document, _ in pack.documents():
                met.wants(document)
        return met.report(store.counts()["passages"], 0, 0)
    with store.writer() as writer:
        batch = Batch(store, writer, lent)
        whole, done = sum(pack.counts["files"] for pack in packs), 0
        for pack in packs:
            for document, root in pack.documents():
                if met.wants(document):
                    batch.add(document, root)
                done += 1
                if progress is not None:
                    progress("import", done, whole)
        batch.commit()
        engine.refresh(store, writer, lent, terms, progress)
        return met.report(store.counts()["passages"], lent.reused, lent.made)


@dataclass(slots=True)
class _Met:
    """What was met so far, against what the store knew before."""

    known: dict[str, StoredFile]
    replace: bool
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    taken: dict[str, str] = field(default_factory=dict)

    def wants(self, document: Document) -> bool:
        """Whether the store must take the document in."""
        name = document.file
        before = self.taken.get(name)
        old = self.known.get(name)
        if before is None and old is not None:
            before = old.sha256
        if before is not None and before == document.sha256:
            if name not in self.taken:
                self.unchanged.append(name)
            self.taken.setdefault(name, before)
            return False
        if name in self.taken or (old is not None and not self.replace):
            where = "an earlier pack" if name in self.taken else "the corpus"
            way_out = "the first is kept" if name in self.taken else "keep it, or replace it with --replace"
            message = f"{name}: {where} has a file of this name with other content; {way_out}."
            self.problems.append(Problem(name, "PACK_NAME_TAKEN", message))
            return False
        self.taken[name] = document.sha256
        (self.added if old is None else self.changed).append(name)
        return True

    def report(self, passages: int, reused: int, embedded: int) -> MergeReport:
        """The end of it."""
        files = (tuple(self.added), tuple(self.changed), tuple(self.unchanged))
        return MergeReport(*files, tuple(self.problems), passages, reused, embedded)


class _Lent:
    """The embedder, with the vectors of packs by it: what they have isn't made again."""

    def __init__(self, embedder: Embedder, packs: Sequence[Pack]) -> None:
        self.name, self.dim, self.fingerprint = embedder.name, embedder.dim, embedder.fingerprint
        self.word_vectors = embedder.word_vectors
        self.packs = tuple(packs)
        self.reused = self.made = 0
        self._embedder = embedder
        self._contents = [_Contents(pack) for pack in self.packs]

    def passages(self, texts: Sequence[str]) -> Vectors:
        """As the embedder's, taken from the packs where they have them."""
        vectors = np.empty((len(texts), self.dim), np.float32)
        missing = dict(enumerate(texts))
        for pack, contents in zip(self.packs, self._contents, strict=True):
            rows = contents.rows(missing)
            pack.vectors(rows, vectors)
            for place in rows.values():
                del missing[place]
            self.reused += len(rows)
        if missing:
            vectors[list(missing)] = self._embedder.passages(list(missing.values()))
            self.made += len(missing)
        return vectors

    def questions(self, texts: Sequence[str]) -> Vectors:
        """The embedder's."""
        return self._embedder.questions(texts)


class _Contents:
    """The hashes that a pack has vectors of, to be searched.

    numpy orders strings of bytes, but drops zeros at their end: so each has a byte more.
    """

    def __init__(self, pack: Pack) -> None:
        plain = pack.contents()
        padded = np.ones((len(plain), form.CONTENT_BYTES + 1), np.uint8)
        padded[:, :-1] = np.frombuffer(plain.tobytes(), np.uint8).reshape(-1, form.CONTENT_BYTES)
        self._ordered = padded.view(f"S{form.CONTENT_BYTES + 1}").reshape(-1)

    def rows(self, texts: Mapping[int, str]) -> dict[int, int]:
        """Rows of the pack with the texts' numbers, for those texts that the pack has a vector of."""
        wanted = np.array([content_hash(text) + b"\1" for text in texts.values()], self._ordered.dtype)
        places = np.searchsorted(self._ordered, wanted)
        known = places < len(self._ordered)
        known[known] = self._ordered[places[known]] == wanted[known]
        return {int(row): number for row, number, there in zip(places, texts, known, strict=True) if there}


def _is_of(pack: Pack, embedder: Embedder) -> bool:
    return pack.model is not None and (pack.model.fingerprint, pack.model.dim) == (embedder.fingerprint, embedder.dim)


def _prove_vectors(pack: Pack, embedder: Embedder) -> None:
    """Some of the pack's vectors, from files spread over it, are those that the model gives.

    Raises:
        InputError: PACK_VECTORS.
    """
    step = max(1, pack.counts["files"] // SAMPLED_FILES)
    texts: dict[str, None] = {}
    for number, (document, _) in enumerate(pack.documents()):
        if number % step == 0 and len(texts) < SAMPLED:
            texts |= dict.fromkeys(split_document(document).indexed_texts()[:4])
    sample = dict(enumerate(list(texts)[:SAMPLED]))
    rows = _Contents(pack).rows(sample)
    if not rows:
        return
    found = np.empty((len(sample), embedder.dim), np.float32)
    pack.vectors(rows, found)
    numbers = list(rows.values())
    made = embed(embedder, [sample[number] for number in numbers])
    if (np.einsum("ij,ij->i", found[numbers], made) < ALIKE).any():
        reason = f"its vectors aren't those that the model {embedder.name!r} gives, as its manifest says"
        raise form.refused(pack.path, reason, "PACK_VECTORS")
