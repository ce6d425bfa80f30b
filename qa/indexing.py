"""Files → store → indexes: what changed is read, split, embedded and stored; then a generation is built.

A batch of files is one transaction with their passages and vectors, so a kill leaves each file wholly as it was or
wholly as it is now, and the next run does the rest.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embeddings.embedder import Embedder
from embeddings.vectors import Vectors
from qa.errors import InputError, NotFoundError, StoreError, UsageError
from qa.generations import EMBEDDED, Engine, OpenIndexes, Progress, embed, model_of
from qa.processes import Processes
from qa.reading import MAX_BYTES, PARQUET, Document, Found, Problem, shown_name, walk
from qa.splitting import STRUCTURE, Split, Splitter, Unsplit, split, split_document
from qa.store import Finding, SplitPage, Store, StoredFile, Writer, check_storable
from qa.text import Terms

UPLOADS = "/uploads"
"""The root of uploaded files; no folder's name has a stroke in it. Runs over folders leave them alone."""
BATCH_PASSAGES = 512
"""Passages after which a batch is committed: what a kill costs, about a minute of a large model on a processor."""
AHEAD_BYTES, FILE_BYTES, ROW_BYTES = 32 << 20, 4096, 1 << 16
"""Files that other processes read ahead, while this one stores: in all, what each counts for beside its size, and what
a row of a Parquet table counts for."""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a run did, by file names in the order met; with ``dry_run`` what it would have done.

    ``passages`` is how many the store holds afterwards, ``embedded`` for how many texts the model was asked.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    problems: tuple[Problem, ...]
    passages: int
    embedded: int


def index(
    store: Store,
    paths: Sequence[Path],
    embedder: Embedder,
    terms: Terms,
    *,
    prune: bool = False,
    dry_run: bool = False,
    encoding: str | None = None,
    progress: Progress | None = None,
    max_bytes: int = MAX_BYTES,
    engine: Engine = EMBEDDED,
    processes: int = 1,
    splitter: Splitter | None = None,
) -> IndexReport:
    """The files of ``paths`` are in the store and in a generation of indexes, all vectors by this embedder.

    A file is known by its name and its bytes' hash; equal bytes aren't read again, unless ``encoding`` is given. With
    ``prune``, files of the store that this run didn't meet are removed; not those that it met and couldn't read.
    Without paths the rest of an interrupted run, or a new model, is brought up to date. ``progress`` gets the stages
    "read", "embed" and "terms". With ``processes`` above 1, so many read, split and cut terms when there is more to do
    than one does in a second; a ``splitter`` reads, splits and perhaps embeds somewhere else. What is stored is the
    same.

    Raises:
        UsageError: with ``prune``, before anything is changed: PATH_NOT_FOUND, or PRUNE_REFUSED when a folder can't be
            read or is empty where the store has files, as after a disk was unmounted.
        StoreError: WRITER_LOCKED, DISK_FULL and their kin; batches that were committed stay.
        ModelError: as the embedder gives it.
    """
    found = list(walk(paths))
    run = _Run(store.files(), {item.root for item in found if isinstance(item, Found)}, prune, encoding, max_bytes)
    if prune:
        _require_whole(paths, found, run.known)
    with contextlib.ExitStack() as stack:
        shared = stack.enter_context(Processes(processes))
        batch = None if dry_run else Batch(store, stack.enter_context(store.writer()), embedder)
        items = (run.meet(item, only_read=batch is None) for item in found)
        done = splitter.split(items) if splitter else shared.map(split, items, weigh=_weight, most=AHEAD_BYTES)
        for number, came in enumerate(done, 1):
            page = run.take(came)
            if batch is not None and page is not None:
                batch.add_page(page, came.root, came.vectors)
            if progress is not None:
                progress("read", number, len(found))
        removed = run.not_met() if prune else []
        embedded = 0
        if batch is not None:
            batch.commit()
            with batch.writer.transaction():
                for name in removed:
                    batch.writer.remove(name)
            run.problems += _split_again(store, batch)
            embedded = batch.embedded
            embedded += engine.refresh(store, batch.writer, embedder, terms, progress, processes=shared)[1]
        return IndexReport(
            added=tuple(run.added),
            changed=tuple(run.changed),
            removed=tuple(removed),
            unchanged=tuple(run.unchanged),
            problems=tuple(run.problems),
            passages=store.counts()["passages"],
            embedded=embedded,
        )


def add(
    store: Store,
    documents: Iterable[Document | Problem],
    embedder: Embedder,
    terms: Terms,
    *,
    settled: Callable[[Document | Problem, str, Problem | None], None],
    progress: Progress | None = None,
    wait_s: float = 0.0,
    current: OpenIndexes | None = None,
    engine: Engine = EMBEDDED,
) -> OpenIndexes:
    """Uploaded documents are in the store and in the indexes, which are given back; ``current`` are those open before.

    ``settled`` is told of each item when nothing can take it back: "added", "changed", "unchanged" or "problem"; and
    the problem. A file of a folder that was indexed isn't replaced (FILE_NAME_TAKEN): the next run over
    that folder would undo it. One that is there with the same text stays what it is.

    Raises:
        StoreError: WRITER_LOCKED after ``wait_s`` seconds, DISK_FULL and their kin; what was settled stays.
        ModelError: as the embedder gives it.
    """
    with store.writer(wait_s) as writer:
        batch = Batch(store, writer, embedder)
        met: set[str] = set()
        waiting: list[tuple[Document, str]] = []

        def committed() -> None:
            for document, outcome in waiting:
                settled(document, outcome, None)
            waiting.clear()

        for item in documents:
            known = store.file(item.file)
            problem = item if isinstance(item, Problem) else _refused(item, known, met)
            met.add(item.file)
            if problem is not None or isinstance(item, Problem):
                settled(item, "problem", problem)
            elif known is not None and _is_as_stored(store, known, item):
                settled(item, "unchanged", None)
            else:
                waiting.append((item, "added" if known is None else "changed"))
                batch.add(item, UPLOADS)
                if not batch:
                    committed()
        batch.commit()
        committed()
        return engine.refresh(store, batch.writer, embedder, terms, progress, current=current)[0]


def _refused(document: Document, old: StoredFile | None, met: set[str]) -> Problem | None:
    """Why an uploaded document can't be taken in."""
    try:
        check_storable(document, UPLOADS)
    except InputError as error:
        return Problem(document.file, error.code, error.message)
    if document.file in met:
        message = f"{document.file}: another file of this upload has the same name; rename one."
        return Problem(document.file, "NAME_TAKEN", message)
    if old is not None and old.root != UPLOADS and old.sha256 != document.sha256:
        return Problem(
            document.file,
            "FILE_NAME_TAKEN",
            f"{document.file}: a file of this name with other content is in the corpus already, from "
            f"{_origin(old)}; rename the upload, or change the file there and index it again.",
        )
    return None


def _is_as_stored(store: Store, old: StoredFile, document: Document) -> bool:
    """Same bytes read to the same text: not so when an article was withdrawn, which uploading again brings back."""
    if old.sha256 != document.sha256:
        return False
    try:
        return old.root != UPLOADS or store.document(old.name) == document
    except StoreError:  # damaged: what was uploaded mends it
        return False


def withdraw(
    store: Store,
    embedder: Embedder,
    terms: Terms,
    *,
    files: Sequence[str] = (),
    articles: Sequence[int] = (),
    committed: Callable[[], None] = lambda: None,
    wait_s: float = 0.0,
    current: OpenIndexes | None = None,
    engine: Engine = EMBEDDED,
) -> OpenIndexes:
    """Files and articles are gone from the store at once, all or none, and then from a new generation of indexes.

    What was uploaded goes whole. A file of an indexed folder stays as an empty one, so that the next run over the
    folder doesn't bring it back; its text is blanked. ``committed`` is called when they are gone from the store, and
    so from every answer, before the indexes are built.

    Raises:
        NotFoundError: FILE_NOT_FOUND, NOT_FOUND.
        StoreError: WRITER_LOCKED after ``wait_s`` seconds, DISK_FULL and their kin.
    """
    with store.writer(wait_s) as writer:
        spans: dict[str, list[tuple[int, int]]] = {}
        for number in articles:
            place = store.place(number)
            if place is None:
                raise NotFoundError("NOT_FOUND", f"There is no article {number}; it may have been removed.")
            name, start, end = place
            spans.setdefault(name, []).append((start, end))
        with writer.transaction():
            for name in files:
                known = store.file(name)
                if known is not None and known.root != UPLOADS:
                    writer.withdraw(name, [(0, known.chars)])
                else:
                    writer.remove(name)
            for name, gone in spans.items():
                if name in files:
                    continue
                known = store.file(name)
                if known is not None and known.root == UPLOADS and len(gone) == store.count_articles(name):
                    writer.remove(name)
                else:
                    writer.withdraw(name, gone)
        committed()
        return engine.refresh(store, writer, embedder, terms, current=current)[0]


def remove(store: Store, files: Sequence[str], embedder: Embedder, terms: Terms, engine: Engine = EMBEDDED) -> None:
    """The files are gone from the store at once, all or none, and from a new generation of indexes.

    Raises:
        NotFoundError: FILE_NOT_FOUND, when the store lacks one of them.
        StoreError: WRITER_LOCKED, DISK_FULL and their kin.
    """
    with store.writer() as writer:
        with writer.transaction():
            for name in files:
                writer.remove(name)
        engine.refresh(store, writer, embedder, terms)


def check(store: Store, embedder: Embedder, terms: Terms, engine: Engine = EMBEDDED) -> list[Finding]:
    """All that is wrong on the disk, in the store and in the indexes; reads every byte of both, changes nothing.

    Where all is sound, files that an earlier version split are named: they answer as they did then.
    """
    found = store.findings() + engine.findings(store, embedder, terms)
    outdated = [] if found else [file.name for file in store.files_split_otherwise(STRUCTURE)]
    if outdated:
        some = ", ".join(outdated[:3]) + (" and others" if len(outdated) > 3 else "")
        message = f"{len(outdated)} files were split by an earlier version ({some}); run `wenbao index`."
        found.append(Finding("SPLIT_OUTDATED", message, repairable=True))
    return found


def repair(
    store: Store,
    embedder: Embedder,
    terms: Terms,
    progress: Progress | None = None,
    engine: Engine = EMBEDDED,
) -> tuple[str, ...]:
    """What the store itself can mend is mended; the names of files that must be indexed again from their originals.

    Damaged rows are dropped. Where a file's text is sound, its articles and passages are split from it again, as are
    those that an earlier version split; what lacks a vector is embedded. The indexes are built anew from what there is.

    Raises:
        StoreError: WRITER_LOCKED, DISK_FULL and their kin; nothing that was sound is lost.
    """
    with store.writer() as writer:
        for table, ids in store.damage()[0].items():
            writer.drop_rows(table, ids)
        batch = Batch(store, writer, embedder)
        lost = []
        for name in store.damage()[1]:
            try:
                batch.add(store.document(name), store.files()[name].root)
            except StoreError:
                writer.reread(name)
                lost.append(name)
        batch.commit()
        lost += [problem.file for problem in _split_again(store, batch) if problem.file not in lost]
        engine.refresh(store, writer, embedder, terms, progress, prove=True)
    return tuple(lost)


def _weight(item: Unsplit | Problem) -> int:
    """Bytes of the file, as far as can be seen, and some for what is known of it."""
    if isinstance(item, Problem):
        return FILE_BYTES
    if item.found.row is not None:  # how large it is isn't known before its group is read
        return ROW_BYTES
    try:
        return FILE_BYTES + item.found.path.stat().st_size
    except OSError:  # reading will tell
        return FILE_BYTES


@dataclass(slots=True)
class _Run:
    """What was met so far, against what the store knew before."""

    known: dict[str, StoredFile]
    roots: set[str]
    prune: bool
    encoding: str | None
    max_bytes: int
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    met: set[str] = field(default_factory=set)

    def meet(self, item: Found | Problem, *, only_read: bool) -> Unsplit | Problem:
        """What is to be done with a file that was found."""
        self.met.add(item.file)
        if isinstance(item, Problem):
            return item
        old = self.known.get(item.file)
        known = old.sha256 if old is not None and self.encoding is None else None
        return Unsplit(item, known, self.encoding, self.max_bytes, only_read)

    def take(self, came: Split) -> SplitPage | None:
        """What came of a file is noted; its page, when it was split and the store must take it in."""
        file, root, result = came.file, came.root, came.result
        if isinstance(result, Problem):
            self.problems.append(result)
            return None
        old = self.known.get(file)
        document = result.document if isinstance(result, SplitPage) else result
        same = old is not None and (document is None or document.sha256 == old.sha256)
        if document is None or (old is not None and same and document.encoding == old.encoding):
            self.unchanged.append(file)
            return None
        if old is not None and not same and not self._may_replace(old, root):
            self.problems.append(_name_taken(old, file))
            return None
        (self.added if old is None else self.changed).append(file)
        return result if isinstance(result, SplitPage) else None

    def _may_replace(self, old: StoredFile, root: str) -> bool:
        """A name stands for one file: with ``prune`` that of another folder may be replaced, if it isn't met itself."""
        return old.root == root or (self.prune and old.root not in self.roots and old.root != UPLOADS)

    def not_met(self) -> list[str]:
        """Names that the store has and this run didn't meet, but for uploads and those below an unlisted folder."""
        closed = tuple(f"{problem.file}/" for problem in self.problems)
        return [
            name
            for name, file in self.known.items()
            if name not in self.met and file.root != UPLOADS and not name.startswith(closed)
        ]


def _name_taken(old: StoredFile, file: str) -> Problem:
    way_out = "delete the upload" if old.root == UPLOADS else "replace the earlier folder with --prune"
    return Problem(
        file,
        "FILE_NAME_TAKEN",
        f"{file}: a file of this name with other content is in the corpus already, from {_origin(old)}; "
        f"rename one, index the folder above both, or {way_out}.",
    )


def _origin(file: StoredFile) -> str:
    """Where a stored file came from, in words."""
    if file.root == UPLOADS:
        return "an upload"
    return f"the folder {file.root!r}" if file.root else "a path of its own"


class Batch:
    """Documents that are split, embedded and stored together."""

    def __init__(self, store: Store, writer: Writer, embedder: Embedder) -> None:
        self.writer = writer
        self.embedded = 0
        self._store = store
        self._embedder = embedder
        self._pages: list[tuple[SplitPage, str]] = []
        self._texts: dict[str, npt.NDArray[np.float32] | None] = {}
        """Each with its vector, where that came with it."""

    def __bool__(self) -> bool:
        """Whether something is added that isn't committed yet."""
        return bool(self._pages)

    def add(self, document: Document, root: str) -> None:
        """Takes the document in, split; a full batch is committed."""
        self.add_page(split_document(document), root)

    def add_page(self, page: SplitPage, root: str, vectors: Vectors | None = None) -> None:
        """Takes the split document in, with its passages' vectors if there are some; a full batch is committed."""
        self._pages.append((page, root))
        texts = page.indexed_texts()
        self._texts |= dict.fromkeys(texts) if vectors is None else dict(zip(texts, vectors, strict=True))
        if len(self._texts) >= BATCH_PASSAGES:
            self.commit()

    def commit(self) -> None:
        """Everything added is on the disk."""
        model = model_of(self._embedder)
        texts = self._store.without_vector(model.fingerprint, list(self._texts))
        vectors = self._vectors(texts) if texts else None
        with self.writer.transaction():
            for page, root in self._pages:
                self.writer.put(page, root)
            if vectors is not None:
                self.writer.put_vectors(model, texts, vectors)
            if self._pages and self._store.model() is None:
                self.writer.use_model(model)
        self.embedded += len(texts)
        self._pages, self._texts = [], {}

    def _vectors(self, texts: list[str]) -> Vectors:
        """Those that came with the pages, and the others embedded."""
        came = [self._texts[text] for text in texts]
        missing = [text for text, vector in zip(texts, came, strict=True) if vector is None]
        made = embed(self._embedder, missing) if missing else None
        if made is not None and len(missing) == len(texts):
            return made
        rest = iter(() if made is None else made)
        return np.stack([next(rest) if vector is None else vector for vector in came])


def _split_again(store: Store, batch: Batch) -> list[Problem]:
    """Files that an earlier version split are split anew from their text; what is damaged there is told."""
    problems = []
    for file in store.files_split_otherwise(STRUCTURE):
        try:
            batch.add(store.document(file.name), file.root)
        except StoreError as error:
            problems.append(Problem(file.name, error.code, error.message))
    batch.commit()
    return problems


def _require_whole(paths: Sequence[Path], found: Sequence[Found | Problem], known: dict[str, StoredFile]) -> None:
    """Refuses to prune by what can't be seen as a whole: rather an outdated article than a corpus gone with a disk."""
    named = {shown_name(str(path)) for path in paths}
    tables = [shown_name(path.resolve().name) for path in paths if path.suffix.lower() == PARQUET]
    parts = tuple(part for name in tables for part in (f"{name}/", f"{name}: row "))
    for item in found:
        if isinstance(item, Problem) and (item.file in (*named, *tables) or item.file.startswith(parts)):
            code = "PATH_NOT_FOUND" if item.code == "FILE_NOT_FOUND" else "PRUNE_REFUSED"
            raise UsageError(code, f"{item.message} Nothing was pruned.", field="paths")
    roots = {item.root for item in found if isinstance(item, Found)}
    for path in paths:
        root = shown_name(path.resolve().name)
        is_pile = path.is_dir() or path.suffix.lower() == PARQUET
        if is_pile and root not in roots and known:
            raise UsageError(
                "PRUNE_REFUSED",
                f"{shown_name(str(path))} holds no article, and pruning by it would take others out of the corpus; "
                "check that the folder is the right one and its disk is there, or delete files by name.",
                field="paths",
            )
