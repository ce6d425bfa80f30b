"""A conversation as the chat's page shows it: asks the ``Bot``, keeps the talk, knows no Gradio.

A page's conversation lives in the session's state, as the messages that it shows, and in ``qa.talks``, as records: from
there it comes back after a restart, at another page, or in another language.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from opencc import OpenCC

from qa.answer import Question
from qa.articles import Piece
from qa.bot import Bot
from qa.chat import depends
from qa.errors import EngineError, WenbaoError
from qa.filters import EVERYTHING, Filters
from qa.generate import Written
from qa.store import StoredArticle
from qa.talks import ID, Record, Talks
from qa.text import fold_text
from qa.web import render
from qa.web.credentials import Caller
from qa.web.examples import Source, example_questions
from qa.web.words import ZH_HANT, Words

log = logging.getLogger(__name__)

EXAMPLES = 4
EXAMPLE_ARTICLES = 200
"""Articles that examples are made from: the first ones, so that opening a page of a large corpus stays quick."""
EXAMPLES_TRIED = 16
"""Questions of which those that are answered become examples."""
INSTEAD = 3
"""Questions offered where one was not answered."""
INSTEAD_TRIED = 8
"""Questions that are asked to find those; each takes about as long as a visitor's."""
KEPT_TURNS = 20
"""Questions of a conversation that stay on the page; each is a few kB, sent anew with every answer."""


NOBODY = Caller("anonymous", "")


class Answer(Protocol):
    """How a caller's question is answered."""

    def __call__(self, caller: Caller, question: str, /, *, history: Sequence[str], filters: Filters) -> Record:
        """The record of its answer."""


def _unlimited(bot: Bot, _: Caller, question: str, /, *, history: Sequence[str], filters: Filters) -> Record:
    return bot.ask(question, history=history, filters=filters)


@dataclass(frozen=True, slots=True)
class Context:
    """What a page sends along with a question: whose conversation it belongs to, and how it is to be answered."""

    visitor: str = ""
    talk: str = ""
    alone: bool = False
    """Leave the earlier questions out of account."""
    filters: Filters = EVERYTHING

    @classmethod
    def read(cls, text: str) -> Context:
        """The context of a JSON object. What isn't one, or has no proper ids, belongs to no conversation.

        Raises:
            FilterError: FILTER_INVALID, with the filter.
        """
        try:
            values = json.loads(text or "{}")
        except (ValueError, RecursionError):
            return cls()
        if not isinstance(values, dict):
            return cls()
        visitor, talk = (
            value if isinstance(value, str) and ID.fullmatch(value) else ""
            for value in (values.get("visitor"), values.get("talk"))
        )
        return cls(visitor, talk, values.get("alone") is True, Filters.read(values.get("filters")))


@dataclass(frozen=True, slots=True)
class Unwritten:
    """An answer under which a language model is still to write, and what is offered instead of it."""

    record: Record
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A conversation on a page: its id, what was asked, and the messages; both oldest first."""

    id: str = ""
    questions: tuple[str, ...] = ()
    messages: tuple[dict[str, str], ...] = field(default=(), repr=False)
    unwritten: Unwritten | None = field(default=None, repr=False)
    """Of the last message, where that is an answer which has just been found."""
    ended: int = 0
    """Questions that came to an end, those that are no longer shown too: of two states the later one has more."""

    def with_message(self, role: str, content: str) -> Shown:
        """The conversation one message later, without its oldest ones beyond ``KEPT_TURNS``."""
        messages = (*self.messages, {"role": role, "content": content})[-2 * KEPT_TURNS :]
        return Shown(self.id, self.questions, messages, ended=self.ended)

    def with_question(self, question: str) -> Shown:
        """The conversation with ``question`` among those that a follow-up may lean on."""
        return Shown(self.id, (*self.questions, question)[-KEPT_TURNS:], self.messages, ended=self.ended + 1)

    def without_answer(self) -> Shown:
        """The conversation as it was before its last answer came."""
        return Shown(self.id, self.questions[:-1], self.messages[:-1], ended=self.ended - 1)

    def failed(self, note: str) -> Shown:
        """The conversation with why its last question has no answer."""
        return replace(self.with_message("assistant", render.note(note)), ended=self.ended + 1)


@dataclass(slots=True)
class _Turn:
    """Whose turn it is in a conversation: one question at a time is answered, each below the one before."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    latest: Shown = Shown()
    asked: int = 0
    """Questions on their way; with the last of them this is forgotten, since a conversation may be deleted."""


class Conversations:
    """What the chat pages show of a bot's corpus. Counts and examples are kept until the corpus changes."""

    def __init__(self, bot: Bot, talks: Talks, answer: Answer | None = None, *, is_judged: bool = False) -> None:
        """``answer`` answers callers, within their limits; ``is_judged`` asks what they think of it."""
        self._bot = bot
        self._talks = talks
        self._answer = answer or partial(_unlimited, bot)
        self._is_judged = is_judged
        self._latest: dict[str, object] = {}
        """The question that is being answered, by conversation."""
        self._turns: dict[str, _Turn] = {}
        self._lock = threading.Lock()
        self._overview: tuple[int, int, list[str]] | None = None

    @property
    def question_chars(self) -> int:
        """The longest question that may be asked, in characters."""
        return self._bot.settings.question_chars

    def overview(self) -> tuple[int, list[str]]:
        """How many passages the corpus has, and some questions that it answers."""
        store = self._bot.store
        sequence = store.sequence()
        if self._overview is None or self._overview[0] != sequence:
            articles = (store.article(line.id) for line in store.articles()[:EXAMPLE_ARTICLES])
            sources = [_source(article) for article in articles if article is not None]
            tried = example_questions(sources, EXAMPLES_TRIED)
            try:
                answered = self._answered(tried)
            except EngineError as error:  # the page opens all the same, and whoever asks is told
                log.warning("Examples weren't tried: %s", error.message)
                return store.counts()["passages"], tried[:EXAMPLES]
            examples = [*answered, *(question for question in tried if question not in answered)][:EXAMPLES]
            self._overview = (sequence, store.counts()["passages"], examples)
        return self._overview[1:]

    def examples(self, words: Words) -> list[str]:
        """Some questions that the corpus answers, in the script of ``words``."""
        _, questions = self.overview()
        return _written(questions, words)

    def open(self, words: Words, talk: str) -> Shown:
        """The kept conversation of that id as shown in the language of ``words``; an empty one when there is none."""
        kept = self._talks.talk(talk)
        shown = Shown(talk)
        if kept is None:
            return shown
        passages, _ = self.overview()
        shown = replace(shown, ended=max(0, len(kept.turns) - KEPT_TURNS))
        for turn in kept.turns[-KEPT_TURNS:]:
            question = str(turn.record["question"])
            shown = shown.with_message("user", render.question(question))
            shown = self._answered_with(shown, words, turn.record, passages)
        return shown

    def ask(
        self, words: Words, question: str, shown: Shown, sent: str = "", caller: Caller = NOBODY
    ) -> Iterator[Shown]:
        """The conversation as it grows: the question and what is being done, the answer, what could be asked instead.

        ``sent`` is the page's context as JSON: see ``Context``.
        """
        asked = shown.with_message("user", render.question(question))
        try:
            context = Context.read(sent)
        except WenbaoError as error:
            yield asked.failed(words.errors.get(error.code, error.message))
            return
        with self._asked(context.talk) as turn:
            yield from self._turned(words, question, shown, context, caller, turn)

    def _turned(
        self, words: Words, question: str, shown: Shown, context: Context, caller: Caller, turn: _Turn
    ) -> Iterator[Shown]:
        asked = shown.with_message("user", render.question(question))
        try:
            shown = self._ended(words, shown)
            if context.talk != shown.id:
                shown = self.open(words, context.talk)
            asked = shown.with_message("user", render.question(question))
            self._latest[context.talk] = this = object()
            passages, _ = self.overview()
            yield asked.with_message("assistant", render.note(words.searching.format(passages=passages)))
            with turn.lock:
                if turn.latest.ended > shown.ended:  # by a question that was on its way when this one was asked
                    shown = turn.latest
                    asked = shown.with_message("user", render.question(question))
                turn.latest = asked.failed(words.failed)  # unless it is answered
                history = () if context.alone else shown.questions
                record = self._answer(caller, question, history=history, filters=context.filters)
                turn.latest = answered = self._answered_with(asked, words, record, passages)
            yield replace(answered, unwritten=Unwritten(record))
            self._keep(context, record)
            instead = [] if record["status"] == "answered" else _written(self._instead(record, question), words)
            if self._latest.get(context.talk) is this:  # else the next question was asked already, and shows more
                del self._latest[context.talk]
                if instead:
                    answered = self._answered_with(asked, words, record, passages, instead)
                    yield replace(answered, unwritten=Unwritten(record, tuple(instead)))
        except WenbaoError as error:
            yield asked.failed(words.errors.get(error.code, error.message))
        except Exception:
            log.exception("A question of the chat failed")
            yield asked.failed(words.failed)

    async def write(self, words: Words, shown: Shown, sent: str = "") -> AsyncIterator[Shown]:
        """The conversation as the owner's language model writes under its last answer; nothing without one.

        Asynchronous, so that it ends at once when it is cancelled: the page waits for that before it asks anew.
        """
        found = shown.unwritten
        if found is None or self._bot.writer is None or found.record["status"] == "not_found":
            return
        asked = shown.without_answer()
        plain, (passages, _) = dict(found.record), await asyncio.to_thread(self.overview)
        record = self._bot.with_text(plain, Written())
        answered = partial(self._answered_with, asked, words, passages=passages, instead=found.instead)
        state = await asyncio.to_thread(answered, record, is_writing=True)
        yield replace(state, unwritten=Unwritten(plain, found.instead))
        async with aclosing(self._bot.writer.stream(plain)) as states:
            async for written in states:
                record = self._bot.with_text(plain, written)
                state = await asyncio.to_thread(answered, record, is_writing=not written.done)
                yield state if written.done else replace(state, unwritten=Unwritten(record, found.instead))
        try:
            context = Context.read(sent)
            await asyncio.to_thread(self._talks.complete, context.visitor, context.talk, record)
        except WenbaoError as error:
            log.error("A text could not be kept: %s: %s", error.code, error.message)  # noqa: TRY400

    @contextmanager
    def _asked(self, talk: str) -> Iterator[_Turn]:
        """The turn of a conversation while a question of it is on its way; one of its own for who belongs to none."""
        with self._lock:
            turn = self._turns.setdefault(talk, _Turn()) if talk else _Turn()
            turn.asked += 1
        try:
            yield turn
        finally:
            with self._lock:
                turn.asked -= 1
                if not turn.asked:
                    self._turns.pop(talk, None)

    def _ended(self, words: Words, shown: Shown) -> Shown:
        """The conversation without a word of a text that is being written; what is there of it stays."""
        if shown.unwritten is None:
            return shown
        asked = shown.without_answer()
        record, passages = shown.unwritten.record, self.overview()[0]
        return self._answered_with(asked, words, record, passages, shown.unwritten.instead)

    def _answered_with(
        self,
        asked: Shown,
        words: Words,
        record: Record,
        passages: int,
        instead: Sequence[str] = (),
        *,
        is_writing: bool = False,
    ) -> Shown:
        answer = render.answer(
            record, words, passages, self._pieces, instead, is_judged=self._is_judged, is_writing=is_writing
        )
        return asked.with_message("assistant", answer).with_question(record["question"])

    def _keep(self, context: Context, record: Record) -> None:
        """A full disk must not take an answer away that was found."""
        try:
            self._talks.add(context.visitor, context.talk, record)
        except WenbaoError as error:
            log.error("A conversation could not be kept: %s: %s", error.code, error.message)  # noqa: TRY400

    def _instead(self, record: Record, question: str) -> list[str]:
        """Questions that the passages near an unanswered one do answer: each was asked, and its answer stands there."""
        near = dict.fromkeys(passage["source"]["article_id"] for passage in record["passages"])
        articles = [article for number in near if (article := self._bot.store.article(number)) is not None]
        tried = example_questions((_source(article, record) for article in articles), INSTEAD_TRIED)
        asked = fold_text(question)
        return self._answered([other for other in tried if fold_text(other) != asked], near)[:INSTEAD]

    def _answered(self, questions: Sequence[str], articles: dict[int, None] | None = None) -> list[str]:
        """Those of the questions that the bot answers, from one of ``articles`` if they are named."""
        most = self._bot.settings.question_chars
        standing = [question for question in questions if len(question) <= most and not depends(question)]
        return [
            record["question"]
            for record in self._bot.ask_many([Question(question) for question in standing])
            if record["status"] == "answered"
            and (articles is None or record["passages"][0]["source"]["article_id"] in articles)
        ]

    def _pieces(self, passage: Record) -> Sequence[Piece]:
        source = passage["source"]
        article = self._bot.store.article(source["article_id"])
        for section in article.sections if article else ():
            for stored in section.passages:
                if (stored.start, stored.end) == (source["start"], source["end"]):
                    return stored.pieces
        return ()


def _written(questions: Sequence[str], words: Words) -> list[str]:
    """The questions in the visitor's script: the search folds both scripts to one, so they find the same."""
    return [OpenCC("s2t").convert(question) for question in questions] if words is ZH_HANT else list(questions)


def _source(article: StoredArticle, record: Record | None = None) -> Source:
    """What examples are made from: the article's texts, those of the record's passages first."""
    texts = [passage.text for section in article.sections for passage in section.passages]
    found = [p["text"] for p in record["passages"] if p["source"]["article_id"] == article.id] if record else []
    return Source(
        article.headline,
        " ".join(line for line in (article.kicker, article.headline, article.subhead) if line),
        [*found, *(text for text in texts if text not in found)],
    )
