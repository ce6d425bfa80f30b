"""The bot: what every surface holds. The only place that picks concrete classes.

Chat, batch, HTTP and command line all call ``Bot.ask_many``; that is why they can't disagree. A bot is safe to share
between threads: each call uses the state of the corpus that is current when it begins.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from embeddings import Embedder, load_embedder
from embeddings.errors import EmbeddingsError
from qa import indexing
from qa.answer import Question, Record, answer_many, in_parts, joined
from qa.answer.spread import PLACES, Spread, spread
from qa.chat import complete, emphasised
from qa.config import Settings
from qa.current import Current
from qa.errors import EngineError, ModelError, QuestionError, StoreError, UsageError
from qa.filters import EVERYTHING, Filters
from qa.generations import LOCK_WAIT_S, Progress
from qa.hits import Hit
from qa.indexing import IndexReport
from qa.milvus import engine_of
from qa.pack import MergeReport, Pack, merge, write_pack
from qa.reading import Document, Problem
from qa.remembered import Remembered, digest
from qa.retrieve import Retrieved, Retriever
from qa.splitting import Splitter
from qa.store import Catalogue, Store, StoredPassage
from qa.text import Terms
from qa.timeline import Month, timeline

if TYPE_CHECKING:
    from qa.generate import Writer, Written

SEEDS = Path(__file__).parents[1] / "seeds"
"""The sample corpus, indexed when the data folder holds nothing yet."""

TIMELINE_HITS = 200
"""Passages that a timeline counts; each leg ranks as many then."""

MOST_PASSAGES = 50
"""Largest ``top_k``."""

State = tuple[int, str]
"""All that answers depend on and that changes while a bot is open: the store's sequence, the version of the terms."""
Elsewhere = Callable[[Sequence[Question], int, str], tuple[list[Record], State | None] | None]
"""Questions, ``top_k`` and the version of the terms → what ``Bot.records`` of another process gives."""

WARMING = ("北京在哪里？", "Where is Beijing?")
"""Questions that use all that is loaded at first use; the second one what names in Latin letters need."""
_LOG = logging.getLogger(__name__)
_INVISIBLE = re.compile(r"[\s\u200b-\u200f\u2060\ufeff\u00ad]+")


class Bot:
    """Asks and indexes one data folder. Close it, or use it as a context manager."""

    def __init__(self, settings: Settings, store: Store, embedder: Embedder, terms: Terms) -> None:
        self.settings = settings
        self.store = store
        self.embedder = embedder
        self.terms = terms
        self.writer = _writer(settings, lambda: self.terms, embedder)
        """Writes a text under answers, where the owner has set a model: docs/generated.md."""
        self.engine = engine_of(settings)
        self._current = Current(store, embedder, lambda: self.terms, self.engine)
        self._remembered = Remembered(settings.remembered_mb * 1024 * 1024)
        self.holds_samples = False
        """Whether the sample pages were indexed when it was opened, since there was no article."""
        self.elsewhere: Elsewhere | None = None
        """Asked first, where it is set; it says None when this process is to answer: ``qa.helpers``."""

    @classmethod
    def open(cls, settings: Settings, *, index_seeds: bool = True, progress: Progress | None = None) -> Bot:
        """The bot of ``settings.data``, which is made when missing.

        Args:
            settings: the owner's settings.
            index_seeds: index the sample pages first when the folder holds no article yet.
            progress: told how the indexing of the samples goes on.

        Raises:
            UsageError: a dictionary or synonyms file is malformed.
            ModelError: the model can't be used.
            StoreError: the data folder can't be used.
        """
        terms = owners_terms(settings)
        embedder = _embedder(settings)
        store = Store(settings.data)
        bot = cls(settings, store, embedder, terms)
        if index_seeds and store.is_empty() and SEEDS.is_dir():
            try:
                bot.index([SEEDS], progress=progress)
                bot.holds_samples = True
            except StoreError as error:
                if error.code != "WRITER_LOCKED":
                    raise
                # Another start is indexing them; the first question waits for it (qa.generations.LOCK_WAIT_S).
            except EngineError as error:
                _LOG.warning("%s The articles are stored; the first question after it is back is answered.", error)
        return bot

    def __enter__(self) -> Bot:
        """The bot itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""
        self.close()

    def close(self) -> None:
        """Lets go of the store; asking afterwards is an error."""
        self.store.close()

    def ask(
        self,
        question: str,
        *,
        history: Sequence[str] = (),
        top_k: int | None = None,
        id: str | None = None,  # noqa: A002
        filters: Filters | None = None,
        generate: bool = False,
    ) -> Record:
        """One question's record: see ``ask_many``.

        With ``generate`` it also has the text that the owner's model wrote under it: see ``writing_under``.
        """
        if generate:
            self.check_writer()
        record = self.ask_many([Question(question, id, tuple(history), filters or EVERYTHING)], top_k=top_k)[0]
        for written in self.writing_under(record) if generate else ():
            record = self.with_text(record, written)
        return record

    def check_writer(self) -> None:
        """Refuses to write where the owner has set no model.

        Raises:
            UsageError: LLM_NOT_SET.
        """
        if self.writer is None:
            message = "No language model is set; its owner sets WENBAO_LLM_URL and WENBAO_LLM_MODEL."
            raise UsageError("LLM_NOT_SET", message, field="generate")

    def writing_under(self, record: Record) -> Iterator[Written]:
        """The text that the owner's model writes under an answer, as it grows; nothing where no model is set."""
        return self.writer.stream_here(record) if self.writer else iter(())

    def with_text(self, record: Record, written: Written) -> Record:
        """The record with the field ``generated``; nothing else of it is changed by what a model writes."""
        return record | {"generated": written.json(self.writer.endpoint.model)} if self.writer else record

    def ask_many(self, questions: Sequence[Question], *, top_k: int | None = None) -> list[Record]:
        """Each question's answer record (docs/answers.md), in order.

        A record is the same whether its question is asked alone or among others, ``trace_id`` and ``elapsed_ms`` aside:
        the first is new each time, the second is the call's time shared out over its questions. A record of a question
        with filters also has ``searched_in``: how many articles and passages they allow.

        Raises:
            QuestionError: QUESTION_EMPTY or QUESTION_TOO_LONG, before any question is searched.
            UsageError: TOP_K for one outside 1 to 50.
            ModelError, StoreError: the model or the data folder can't be used.
        """
        began = time.perf_counter()
        for question in questions:
            self.check(question.question)
        k = self.settings.top_k if top_k is None else top_k
        if not 1 <= k <= MOST_PASSAGES:
            raise UsageError("TOP_K", f"top_k is {k}; give a whole number from 1 to {MOST_PASSAGES}.", field="top_k")
        records, _ = self.records(questions, k)
        elapsed_ms = round(1000 * (time.perf_counter() - began) / max(len(questions), 1), 2)
        return [record | {"trace_id": uuid.uuid4().hex, "elapsed_ms": elapsed_ms} for record in records]

    def records(self, questions: Sequence[Question], k: int) -> tuple[list[Record], State | None]:
        """The records without what is each answer's own, remembered or made now; and the state that those made are of.

        None when it is not known to be one state: something was changed meanwhile, or is being changed.
        """
        state = (self.store.sequence(), self.terms.version)
        asked = [digest(q.question, q.history, q.filters, k) for q in questions]
        known = [self._remembered.get(state, each) for each in asked]
        new = [number for number, record in enumerate(known) if record is None]
        found, of = self._made([questions[number] for number in new], k) if new else ([], state)
        made = dict(zip(new, found, strict=True))
        if of == state:
            for number, record in made.items():
                self._remembered.put(state, asked[number], record | {"id": None})
        records = [
            (made[number] if record is None else record) | {"id": question.id}
            for number, (question, record) in enumerate(zip(questions, known, strict=True))
        ]
        return records, of

    def _made(self, questions: Sequence[Question], k: int) -> tuple[list[Record], State | None]:
        """As ``records``, each made now, by a helper or here."""
        if self.elsewhere is not None and (found := self.elsewhere(questions, k, self.terms.version)) is not None:
            return found
        retriever = self.retriever()
        before = self._current.state_of(retriever)
        made = self._made_here(retriever, questions, k)
        return made, before if before == self._current.state_of(retriever) else None

    def _made_here(self, retriever: Retriever, questions: Sequence[Question], k: int) -> list[Record]:
        """The records, made from the corpus as ``retriever`` knows it."""
        try:
            # A follow-up is asked as a whole, together with what it depends on.
            parts = [
                some if (some := in_parts(q.question)) and complete(q.question, q.history) == q.question else ()
                for q in questions
            ]
            each = [
                replace(question, question=part.question, history=part.history)
                for question, some in zip(questions, parts, strict=True)
                for part in some
            ]
            records = self._answered(retriever, [*questions, *each], k)
            told = iter(records[len(questions) :])
            return [
                joined(record, [part.label for part in some], [next(told) for _ in some], k)
                | self._searched_in(question.filters)
                for question, record, some in zip(questions, records[: len(questions)], parts, strict=True)
            ]
        except EmbeddingsError as error:
            raise ModelError(error.code, str(error)) from error

    def _answered(self, retriever: Retriever, questions: Sequence[Question], k: int) -> list[Record]:
        """The record of each question, as one that asks for one thing."""
        completed = [complete(q.question, q.history) for q in questions]
        searched = [emphasised(q.question, c) for q, c in zip(questions, completed, strict=True)]
        found = self._retrieved(retriever, searched, [q.filters for q in questions])
        passages: dict[int, StoredPassage] = {}
        retrieved = [
            replace(self._spread(retriever, found[i], question.filters, max(k, PLACES), passages), question=c)
            for i, (question, c) in enumerate(zip(questions, completed, strict=True))
        ]
        return answer_many(questions, retrieved, passages, self.embedder, retriever.terms, k)

    def timeline(self, question: str, *, history: Sequence[str] = (), filters: Filters | None = None) -> list[Month]:
        """How many of a question's ``TIMELINE_HITS`` best passages each month has; see ``qa.timeline``.

        Raises:
            QuestionError, ModelError, StoreError: as ``ask_many``.
        """
        self.check(question)
        only = self.catalogue().scope(filters).passages if filters else None
        try:
            [found] = self.retriever().retrieve_many([complete(question, history)], TIMELINE_HITS, only=only)
        except EmbeddingsError as error:
            raise ModelError(error.code, str(error)) from error
        passages = self.store.passages([hit.passage_id for hit in found.hits])
        return timeline((passage.article_id, passage.date) for passage in passages.values())

    def check(self, question: str) -> None:
        """Refuses what can't be asked.

        Raises:
            QuestionError: QUESTION_EMPTY when nothing is left without white space and invisible characters,
                QUESTION_TOO_LONG with both lengths, QUESTION_NOT_UNICODE for half of a surrogate pair.
        """
        if any("\ud800" <= character <= "\udfff" for character in question):
            raise QuestionError(
                "QUESTION_NOT_UNICODE", "The question holds half a character; send valid Unicode.", field="question"
            )
        if not _INVISIBLE.sub("", question):
            raise QuestionError(
                "QUESTION_EMPTY", "The question is empty; type what you want to know.", field="question"
            )
        most = self.settings.question_chars
        if len(question) > most:
            raise QuestionError(
                "QUESTION_TOO_LONG",
                f"The question has {len(question)} characters, at most {most} are searched; shorten it.",
                field="question",
            )

    def retriever(self) -> Retriever:
        """Retrieval over the corpus as it is now: see ``qa.current``."""
        return self._current.retriever()

    def catalogue(self) -> Catalogue:
        """The articles as they are now, by file and date, with their passages: what filters are judged by."""
        return self._current.catalogue()

    def _retrieved(
        self, retriever: Retriever, questions: Sequence[str], filters: Sequence[Filters]
    ) -> dict[int, Retrieved]:
        """What each question found, by its number; those with equal filters are searched together."""
        found: dict[int, Retrieved] = {}
        for same in dict.fromkeys(filters):
            numbers = [number for number, each in enumerate(filters) if each == same]
            only = self.catalogue().scope(same).passages if same else None
            searched = retriever.retrieve_many([questions[number] for number in numbers], MOST_PASSAGES, only=only)
            found |= zip(numbers, searched, strict=True)
        return found

    def _spread(
        self, retriever: Retriever, found: Retrieved, filters: Filters, k: int, passages: dict[int, StoredPassage]
    ) -> Retrieved:
        """The first hits so that no article crowds the others out (``qa.answer.spread``); their passages are added.

        Where articles do, and nothing else was found, it is looked for once more without them.
        """

        def placed(hits: Sequence[Hit]) -> Spread:
            passages.update(self.store.passages([hit.passage_id for hit in hits if hit.passage_id not in passages]))
            return spread(found.question, hits, passages)

        result = placed(found.hits[:k])
        if result.crowding or len(result.hits) < min(k, len(found.hits)):
            result = placed(found.hits)
        if result.crowding and result.fair < k:
            others = self.catalogue().outside(filters, result.crowding)
            if len(others):
                [more] = retriever.retrieve_many([found.question], MOST_PASSAGES, only=others)
                least = result.hits[result.fair - 1].score if result.fair else 1.0
                known = {hit.passage_id for hit in result.hits}
                added = [replace(hit, score=min(hit.score, least)) for hit in more.hits if hit.passage_id not in known]
                fair = result.hits[: result.fair]
                result = placed((*fair, *added, *result.hits[result.fair :]))
        return replace(found, hits=result.hits[:k])

    def _searched_in(self, filters: Filters) -> Record:
        if not filters:
            return {}
        scope = self.catalogue().scope(filters)
        return {"searched_in": {"articles": scope.articles, "passages": len(scope.passages)}}

    def warm(self, questions: Sequence[str] = WARMING) -> None:
        """Answers a question in two scripts, so that all that is loaded at first use is loaded before it counts."""
        self._made_here(self.retriever(), [Question(question) for question in questions], PLACES)

    def index(
        self,
        paths: Sequence[Path],
        *,
        prune: bool = False,
        dry_run: bool = False,
        encoding: str | None = None,
        progress: Progress | None = None,
        processes: int = 1,
        splitter: Splitter | None = None,
    ) -> IndexReport:
        """Adds and updates the files under ``paths``: see ``qa.indexing.index``."""
        return indexing.index(
            self.store,
            paths,
            self.embedder,
            self.terms,
            prune=prune,
            dry_run=dry_run,
            encoding=encoding,
            progress=progress,
            max_bytes=self.settings.file_mb * 2**20,
            engine=self.engine,
            processes=processes,
            splitter=splitter,
        )

    def add(
        self,
        documents: Iterable[Document | Problem],
        *,
        settled: Callable[[Document | Problem, str, Problem | None], None],
        progress: Progress | None = None,
        wait_s: float = 0.0,
    ) -> None:
        """Takes uploaded documents in: see ``qa.indexing.add``."""
        terms = self.terms
        indexes = indexing.add(
            self.store,
            documents,
            self.embedder,
            terms,
            settled=settled,
            progress=progress,
            wait_s=wait_s,
            current=self._current.indexes,
            engine=self.engine,
        )
        self._current.take(indexes, terms)

    def withdraw(
        self,
        *,
        files: Sequence[str] = (),
        articles: Sequence[int] = (),
        committed: Callable[[], None] = lambda: None,
        wait_s: float = 0.0,
    ) -> None:
        """Takes files and articles out: see ``qa.indexing.withdraw``."""
        terms = self.terms
        indexes = indexing.withdraw(
            self.store,
            self.embedder,
            terms,
            files=files,
            articles=articles,
            committed=committed,
            wait_s=wait_s,
            current=self._current.indexes,
            engine=self.engine,
        )
        self._current.take(indexes, terms)

    def use_terms(self, terms: Terms, progress: Progress | None = None) -> None:
        """From now on texts are cut by ``terms``; until the indexes are built by them, the earlier ones answer.

        Raises:
            StoreError: WRITER_LOCKED, DISK_FULL and their kin; then all is as before.
        """
        with self.store.writer(LOCK_WAIT_S) as writer:
            self.engine.refresh(self.store, writer, self.embedder, terms, progress)
            self.terms = terms
        self.retriever()

    def write_pack(self, out: Path, *, overwrite: bool = False, progress: Progress | None = None) -> dict[str, int]:
        """Writes the corpus into one portable file: see ``qa.pack.write_pack``."""
        return write_pack(self.store, out, self.settings, overwrite=overwrite, progress=progress)

    def merge(
        self,
        packs: Sequence[Pack],
        *,
        replace: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> MergeReport:
        """Takes the corpora of packs in: see ``qa.pack.merge``."""
        return merge(
            self.store,
            packs,
            self.embedder,
            self.terms,
            replace=replace,
            dry_run=dry_run,
            progress=progress,
            engine=self.engine,
        )

    def facts(self) -> dict[str, Any]:
        """What there is to say of the corpus: counts by kind, the model, the generation in use."""
        generation = None if self._current.indexes is None else self._current.indexes.generation
        return {
            **self.store.counts(),
            "model": {"name": self.embedder.name, "dim": self.embedder.dim, "fingerprint": self.embedder.fingerprint},
            "generation": generation,
        }


def terms_folder(settings: Settings) -> Path:
    """Where the owner's dictionary and synonyms are kept: ``WENBAO_DICT``, else ``DATA/dict``, made when needed."""
    return settings.dict or settings.data / "dict"


def owners_terms(settings: Settings) -> Terms:
    """How the owner wants texts to be cut.

    Raises:
        UsageError: CONFIG_VALUE when a file of theirs is malformed, or ``WENBAO_DICT`` names a folder without any.
    """
    folder = terms_folder(settings)
    if settings.dict is None and not any((folder / name).exists() for name in Terms.FILES):
        return Terms()
    return Terms.from_folder(folder)


def _writer(settings: Settings, terms: Callable[[], Terms], embedder: Embedder) -> Writer | None:
    if settings.llm_url is None:
        return None
    from qa.generate import Endpoint, Support, Writer  # noqa: PLC0415 (brings what talks to servers)

    endpoint = Endpoint.of(settings)
    return Writer(endpoint, Support(terms, embedder)) if endpoint else None


def _embedder(settings: Settings) -> Embedder:
    try:
        return load_embedder(settings.model, allow_download=settings.allow_download)
    except EmbeddingsError as error:
        raise ModelError(error.code, str(error)) from error
