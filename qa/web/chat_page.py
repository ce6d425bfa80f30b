"""The chat: one Gradio page per language, over the same ``Bot``.

A conversation lives on the server, in the session's state: were it an input of the handlers, the browser would send the
whole chat back with each question. What Gradio is given to show is HTML made by ``render``, with every text escaped;
its Chatbot sanitises that once more. Gradio takes seconds to load, so this module is imported by ``server.build_app``
when it is needed, after the settings that Gradio reads as it is loaded.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio
from fastapi import FastAPI
from gradio.components.chatbot import ExampleMessage
from opencc import OpenCC

from qa.articles import Piece
from qa.bot import Bot
from qa.errors import WenbaoError
from qa.web import render
from qa.web.examples import Source, example_questions
from qa.web.words import LANGUAGES, ZH_HANT, Words

log = logging.getLogger(__name__)

EXAMPLES = 4
EXAMPLE_ARTICLES = 200
"""Articles that examples are made from: the first ones, so that opening a page of a large corpus stays quick."""
KEPT_TURNS = 50
"""Questions of a conversation that stay on the page; each is a few kB, sent anew with every answer."""
AT_ONCE = 8
"""Questions answered at the same time; the others wait in Gradio's queue."""
WAITING = 64
FONTS = (
    "Segoe UI",
    "Roboto",
    "Helvetica Neue",
    "Noto Sans",
    "Arial",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "system-ui",
    "sans-serif",
)
"""Fonts that are on the visitor's machine, as in base.css; Gradio's bundled Latin looks bad beside Chinese."""


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation: what was asked, and the messages as shown; both oldest first."""

    questions: tuple[str, ...] = ()
    messages: tuple[dict[str, str], ...] = ()

    def with_message(self, role: str, content: str) -> Talk:
        """The conversation one message later, without its oldest ones beyond ``KEPT_TURNS``."""
        return Talk(self.questions, (*self.messages, {"role": role, "content": content})[-2 * KEPT_TURNS :])

    def with_question(self, question: str) -> Talk:
        """The conversation with ``question`` among those that a follow-up may lean on."""
        return Talk((*self.questions, question)[-KEPT_TURNS:], self.messages)


class Chat:
    """What the chat pages show of a bot's corpus. Counts and examples are kept until the corpus changes."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._overview: tuple[int, int, list[str]] | None = None

    def overview(self) -> tuple[int, list[str]]:
        """How many passages the corpus has, and some questions that it answers."""
        store = self._bot.store
        sequence = store.sequence()
        if self._overview is None or self._overview[0] != sequence:
            articles = (store.article(line.id) for line in store.articles()[:EXAMPLE_ARTICLES])
            sources = [
                Source(
                    article.headline,
                    " ".join(line for line in (article.kicker, article.headline, article.subhead) if line),
                    [passage.text for section in article.sections for passage in section.passages],
                )
                for article in articles
                if article is not None
            ]
            self._overview = (sequence, store.counts()["passages"], example_questions(sources, EXAMPLES))
        return self._overview[1:]

    def ask(self, words: Words, question: str, talk: Talk) -> Iterator[Talk]:
        """The conversation as it grows: first with the question and what is being done, then with the answer."""
        asked = talk.with_message("user", render.question(question))
        try:
            passages, _ = self.overview()
            yield asked.with_message("assistant", render.note(words.searching.format(passages=passages)))
            record = self._bot.ask(question, history=talk.questions)
            answer = render.answer(record, words, passages, self._pieces)
        except WenbaoError as error:
            yield asked.with_message("assistant", render.note(words.errors.get(error.code, error.message)))
        except Exception:
            log.exception("A question of the chat failed")
            yield asked.with_message("assistant", render.note(words.failed))
        else:
            yield asked.with_message("assistant", answer).with_question(question)

    def _pieces(self, passage: render.Record) -> Sequence[Piece]:
        source = passage["source"]
        article = self._bot.store.article(source["article_id"])
        for section in article.sections if article else ():
            for stored in section.passages:
                if (stored.start, stored.end) == (source["start"], source["end"]):
                    return stored.pieces
        return ()


def mount(app: FastAPI, bot: Bot) -> None:
    """The chat of each language at its path of ``app``."""
    chat = Chat(bot)
    theme = gradio.themes.Base(
        primary_hue="red", neutral_hue="stone", font=list(FONTS), font_mono=["ui-monospace", "monospace"]
    )
    styles = "".join(f'<link rel="stylesheet" href="/ui/{name}">' for name in ("base.css", "chat.css"))
    head = styles + '<script src="/ui/chat.js" defer></script>'
    for words in LANGUAGES.values():
        gradio.mount_gradio_app(
            app,
            _page(chat, words, bot.settings.question_chars),
            path=f"/{words.path}",
            theme=theme,
            head=head,
            footer_links=[],
            run_history=False,
            show_error=False,
            allowed_paths=[],
            max_file_size=1,
        )


def _page(chat: Chat, words: Words, question_chars: int) -> gradio.Blocks:
    def show(talk: Talk) -> tuple[str, list[dict[str, str]], Talk]:
        return "", list(talk.messages), talk

    def ask(question: str, talk: Talk) -> Iterator[tuple[str, list[dict[str, str]], Talk]]:
        yield from map(show, chat.ask(words, question, talk))

    def ask_example(talk: Talk, event: gradio.SelectData) -> Iterator[tuple[str, list[dict[str, str]], Talk]]:
        yield from ask(str(event.value["text"]), talk)

    def begin() -> tuple[str, Any, Talk]:
        return "", gradio.Chatbot(value=[], examples=_examples(chat, words)), Talk()

    def refresh() -> Any:
        """The examples of the corpus as it is now; a conversation that is quicker than this stays."""
        return gradio.Chatbot(examples=_examples(chat, words))

    page = gradio.Blocks(title=f"{words.title} · {words.slogan}", analytics_enabled=False)
    with page:
        talk = gradio.State(Talk())
        # Nothing but our own words; the sanitiser would open each language in a window of its own.
        gradio.Markdown(render.top(words), elem_id="wb-top", sanitize_html=False)
        new_talk = gradio.Button(words.new_talk, size="sm", elem_id="wb-new")
        chatbot = gradio.Chatbot(
            elem_id="wb-chat",
            show_label=False,
            container=False,
            height=None,
            autoscroll=False,  # chat.js puts the question on top; Gradio's would scroll to the last passage
            buttons=[],
            feedback_options=None,
            latex_delimiters=[],
            allow_tags=False,
            group_consecutive_messages=False,
            allow_file_downloads=False,
            placeholder=render.welcome(words),
            examples=_examples(chat, words),
        )
        question = gradio.Textbox(
            elem_id="wb-question",
            show_label=False,
            label=words.ask,
            placeholder=words.placeholder,
            submit_btn=words.ask,
            max_length=question_chars,
            lines=1,
            max_lines=6,
            autofocus=True,
            container=False,
        )
        outputs = [question, chatbot, talk]
        hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        question.submit(ask, [question, talk], outputs, concurrency_limit=AT_ONCE, concurrency_id="ask", **hidden)
        chatbot.example_select(ask_example, [talk], outputs, concurrency_limit=AT_ONCE, concurrency_id="ask", **hidden)
        new_talk.click(begin, None, outputs, **hidden)
        page.load(refresh, None, [chatbot], **hidden)
    page.queue(max_size=WAITING, default_concurrency_limit=AT_ONCE)
    return page


def _examples(chat: Chat, words: Words) -> list[ExampleMessage]:
    _, questions = chat.overview()
    if words is ZH_HANT:  # the search folds both scripts to one, so the question may be in the visitor's
        questions = [OpenCC("s2t").convert(question) for question in questions]
    return [{"text": question} for question in questions]
