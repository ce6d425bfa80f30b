"""The owner's dictionary and synonyms: read, saved, and tried out on a question before they are.

They are ``dictionary.txt`` and ``synonyms.txt`` of ``WENBAO_DICT``, or of ``DATA/dict``, which the first saving makes.
How they cut texts is ``qa.text.Terms``' business; saving alone changes no answer: ``Bot.use_terms`` does.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qa.bot import Bot, terms_folder
from qa.config import Settings
from qa.errors import InputError, UsageError
from qa.generations import passage_terms
from qa.lexical import LexicalIndex
from qa.retrieve import Retriever
from qa.sqlite import store_errors, sync
from qa.store import StoredPassage
from qa.text import Terms

MAX_CHARS = 2_000_000
"""Longest dictionary or list of synonyms."""
POOL = 2000
"""Passages that are cut anew for a trial; of a larger corpus the nearest ones, some seconds' work. Unmeasured."""
_NEAREST = 700
HITS = 5


@dataclass(frozen=True, slots=True)
class WordLists:
    """The texts of both files; empty where there is none."""

    dictionary: str = ""
    synonyms: str = ""


@dataclass(frozen=True, slots=True)
class TriedHit:
    """A passage that the question finds. ``was`` is its rank by the words as they are; None when it wasn't found."""

    passage: StoredPassage
    score: float
    was: int | None


@dataclass(frozen=True, slots=True)
class Cut:
    """How a question is cut: its words without stop words, the terms that are searched, and the first hits."""

    words: tuple[str, ...]
    terms: tuple[str, ...]
    hits: tuple[TriedHit, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """A question by the words as they are, and as they would be; ``searched`` passages were compared."""

    before: Cut
    after: Cut
    searched: int
    passages: int


def read_lists(settings: Settings) -> WordLists:
    """The owner's files as they are.

    Raises:
        StoreError: they can't be read.
    """
    folder = terms_folder(settings)
    with store_errors(folder):
        texts = [
            path.read_text(encoding="utf-8-sig", errors="replace") if (path := folder / name).exists() else ""
            for name in Terms.FILES
        ]
    return WordLists(*texts)


def save_lists(settings: Settings, lists: WordLists) -> None:
    """The owner's files are these texts, each whole or as before; an empty one is removed.

    Raises:
        InputError: WORDS_INVALID, with file and line; then nothing is changed.
        StoreError: DISK_FULL, STORE_READ_ONLY and their kin.
    """
    terms_of(lists)
    folder = terms_folder(settings)
    texts = dict(zip(Terms.FILES, (lists.dictionary, lists.synonyms), strict=True))
    if settings.dict is not None and not any(text.strip() for text in texts.values()):
        texts[Terms.FILES[1]] = "\n"  # a folder that is named must hold one
    with store_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            path, part = folder / name, folder / f"{name}.tmp"
            if not text:
                path.unlink(missing_ok=True)
                continue
            part.write_text(_whole_lines(text), encoding="utf-8", newline="\n")
            sync(part)
            part.replace(path)
        sync(folder)


def terms_of(lists: WordLists) -> Terms:
    """How texts would be cut by these lists.

    Raises:
        InputError: WORDS_INVALID, with file and line.
    """
    with tempfile.TemporaryDirectory(prefix="wenbao-words-") as name:
        folder = Path(name)
        paths: list[Path | None] = []
        for file, text in zip(Terms.FILES, (lists.dictionary, lists.synonyms), strict=True):
            path = folder / file
            path.write_text(text, encoding="utf-8", newline="\n")
            paths.append(path if text.strip() else None)
        try:
            return Terms(*paths)
        except UsageError as error:
            message = error.message.replace(f"{folder}/", "").replace(f"{folder}\\", "")
            field = "synonyms" if message.startswith(Terms.FILES[1]) else "dictionary"
            raise InputError("WORDS_INVALID", message, field) from error


class Trials:
    """Tries words out on a bot's corpus. What the last lists gave is kept: one types a question letter by letter."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._lock = threading.Lock()
        self._lists: tuple[WordLists, Terms] | None = None
        self._whole: tuple[int, str, Retriever] | None = None

    def compare(self, question: str, lists: WordLists) -> Trial:
        """The question by the words as they are and as ``lists`` would have them.

        Raises:
            QuestionError: as ``Bot.check``.
            InputError: WORDS_INVALID.
        """
        self._bot.check(question)
        with self._lock:
            current = self._bot.retriever()
            if self._lists is None or self._lists[0] != lists:
                self._lists = (lists, terms_of(lists))
            terms = self._lists[1]
            ids = self._bot.store.passage_ids().tolist()
            if len(ids) <= POOL:
                before, after = current, self._over_all(current, terms, ids)
                searched = len(ids)
            else:
                pool = _nearest(current, terms, question)
                before, after = (self._over(current, each, pool) for each in (current.terms, terms))
                searched = len(pool)
            first = self._cut(before, question, {})
            ranks = {hit.passage.id: rank for rank, hit in enumerate(first.hits, 1)}
            return Trial(first, self._cut(after, question, ranks), searched, len(ids))

    def _over_all(self, current: Retriever, terms: Terms, ids: Sequence[int]) -> Retriever:
        if terms.version == current.terms.version:
            return current
        sequence = self._bot.store.sequence()
        if self._whole is None or self._whole[:2] != (sequence, terms.version):
            self._whole = (sequence, terms.version, self._over(current, terms, ids))
        return self._whole[2]

    def _over(self, current: Retriever, terms: Terms, ids: Sequence[int]) -> Retriever:
        """Retrieval over some passages, cut by ``terms``; its meanings are those of the whole corpus."""
        passages = self._bot.store.passages(ids)
        documents = ((number, passage_terms(terms, passage)) for number, passage in passages.items())
        folder = tempfile.mkdtemp(prefix="wenbao-words-")
        try:
            lexical = LexicalIndex.build(Path(folder) / "lexical", documents)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        retriever = Retriever(lexical, current.vectors, current.embedder, terms, current.texts)
        weakref.finalize(retriever, shutil.rmtree, folder, ignore_errors=True)
        return retriever

    def _cut(self, retriever: Retriever, question: str, ranks: dict[int, int]) -> Cut:
        (found,) = retriever.retrieve_many([question], HITS)
        passages = self._bot.store.passages([hit.passage_id for hit in found.hits])
        return Cut(
            tuple(retriever.terms.question_words(question)),
            tuple(dict.fromkeys(retriever.terms.question(question))),
            tuple(
                TriedHit(passages[hit.passage_id], hit.score, ranks.get(hit.passage_id))
                for hit in found.hits
                if hit.passage_id in passages
            ),
        )


def _nearest(current: Retriever, terms: Terms, question: str) -> list[int]:
    """The passages nearest to a question by either cutting and by meaning."""
    found: dict[int, None] = {}
    for cut in (current.terms, terms):
        found |= dict.fromkeys(number for number, _ in current.lexical.search(cut.question(question), _NEAREST))
    _, ids = current.vectors.search(current.embedder.questions([question]), _NEAREST)
    found |= dict.fromkeys(np.ravel(ids).tolist())
    return list(found)


def _whole_lines(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"
