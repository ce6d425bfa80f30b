"""The chat: one Gradio page per language around ``conversation``.

A page's conversation is in the session's state: were it an input of the handlers, the browser would send the whole chat
back with each question. What Gradio is given to show is HTML made by ``render``, with every text escaped; its Chatbot
sanitises that once more. What Gradio lacks is in ``static/chat.js``; both meet in elements with an id ``wb-…``, some of
which are unseen. Gradio takes seconds to load, so this module is imported by ``server.load_chats`` while the server
answers already, after the settings that Gradio reads as it is loaded.
"""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from itertools import chain, repeat
from typing import Any

import gradio
from fastapi import FastAPI
from gradio.components.chatbot import ExampleMessage
from markupsafe import Markup
from starlette.middleware.cors import CORSMiddleware

from qa.talks import Talks
from qa.web import render
from qa.web.asking import Asking
from qa.web.chat_words import SCRIPT
from qa.web.conversation import NOBODY, Context, Conversations, Shown
from qa.web.credentials import unkeyed
from qa.web.failures import add_error_handlers
from qa.web.shell import Parts, Shell
from qa.web.words import LANGUAGES, Words

STYLES = Markup('<link rel="stylesheet" href="/ui/base.css"><link rel="stylesheet" href="/ui/chat.css">')
"""They stand in the page twice: before Gradio's own for what is there first, and after them, to prevail."""
AT_ONCE = 8
"""Questions answered at the same time; the others wait in Gradio's queue."""
WAITING = 64
LOOKS_S = 0.01
"""How often each page's queue looks for a question while it has none, in seconds. Gradio's own 0.001 (0.05 on Windows)
took 11 % of a core of a server that nobody asked; this adds 5 ms to a question on average."""
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

Update = dict[str, str]
NOTHING: Update = gradio.skip()
"""No change. When a handler ends, Gradio sends what it gave last once more: were that messages, a slow end of one
question would take the answer of the next one off the page."""
Answered = tuple[str | Update, list[dict[str, str]] | Update, Shown | Update]
"""What a handler gives back: the question box's text, the messages, the conversation."""


def application(asking: Asking, talks: Talks) -> FastAPI:
    """The chat of each language at its path."""
    with _MAKING:
        return _application(asking, talks)


_MAKING = threading.Lock()
"""Gradio knows by a global variable which page is being made."""


def _application(asking: Asking, talks: Talks) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(CORSMiddleware)  # allows no origin; without it Gradio answers any, with credentials
    add_error_handlers(app)
    settings = asking.bot.settings
    answer = partial(asking.ask_here, surface="chat")
    conversations = Conversations(asking.bot, talks, answer, is_judged=settings.review_days > 0)
    theme = gradio.themes.Base(
        primary_hue="red", neutral_hue="stone", font=list(FONTS), font_mono=["ui-monospace", "monospace"]
    )
    for words in LANGUAGES.values():
        gradio.mount_gradio_app(
            app,
            _page(conversations, words, writes=asking.bot.writer is not None),
            path=f"/{words.path}",
            theme=theme,
            head=str(STYLES),
            footer_links=[],
            run_history=False,
            show_error=False,
            allowed_paths=[],
            max_file_size=1,
        )

    app.add_middleware(
        Shell, pages={f"/{path}/": partial(_shell, conversations, words) for path, words in LANGUAGES.items()}
    )
    return app


def _shell(conversations: Conversations, words: Words) -> Parts:
    """What the page shows until Gradio has drawn it."""
    title = Markup("<title>{} · {}</title>").format(words.title, words.slogan)  # Gradio's own comes with its scripts
    shell = render.shell(words, conversations.examples(words), conversations.question_chars)
    return words.tag, str(title) + _head(words), str(shell)


def _head(words: Words) -> str:
    """Styles and scripts of the page, and the strings of the scripts."""
    strings = json.dumps(dict(SCRIPT[words.path]) | {"lang": words.tag}, ensure_ascii=False)
    return str(
        STYLES
        + Markup('<meta name="wenbao-words" content="{}">').format(strings)
        + Markup('<script type="module" src="/ui/chat.js"></script>')
    )


def _page(conversations: Conversations, words: Words, *, writes: bool) -> gradio.Blocks:
    def show(shown: Shown, box: str | Update = "") -> Answered:
        return box, list(shown.messages), shown

    def ask(question: str, context: str, shown: Shown, request: gradio.Request) -> Iterator[Answered]:
        """The box is emptied once: what is typed into it while the answer grows stays."""
        caller = unkeyed(request.request) if request.request is not None else NOBODY
        boxes: Iterator[str | Update] = chain([""], repeat(NOTHING))
        yield from map(show, conversations.ask(words, question, shown, context, caller), boxes)
        yield NOTHING, NOTHING, NOTHING

    def ask_example(
        context: str, shown: Shown, event: gradio.SelectData, request: gradio.Request
    ) -> Iterator[Answered]:
        yield from ask(str(event.value["text"]), context, shown, request)

    async def write(context: str, shown: Shown) -> AsyncIterator[tuple[list[dict[str, str]] | Update, Shown | Update]]:
        async for written in conversations.write(words, shown, context):
            yield list(written.messages), written
        yield NOTHING, NOTHING

    def reopen(context: str) -> Answered:
        return show(conversations.open(words, Context.read(context).talk))

    def listen() -> None:
        """Nothing; that it is asked for makes Gradio's browser side open its stream of events again.

        The server ends the stream with the last event on its way. A question sent before the browser was told so gets
        its place in the queue, but Gradio's client (6.31.0, ``open_stream``) takes the stream for open, and then closes
        it without a look at what it waits for.
        """

    def refresh() -> tuple[Any, str]:
        """The examples of the corpus as it is now, and the sign that the page listens."""
        return gradio.Chatbot(examples=_examples(conversations, words)), "ready"

    page = gradio.Blocks(title=f"{words.title} · {words.slogan}", analytics_enabled=False)
    with page:
        talk = gradio.State(Shown())
        # Nothing but our own words; the sanitiser would open each language in a window of its own.
        gradio.Markdown(render.top(words), elem_id="wb-top", sanitize_html=False)
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
            examples=_examples(conversations, words),
        )
        with gradio.Column(elem_id="wb-bottom"):
            gradio.Markdown(render.scope(words), elem_id="wb-scope", sanitize_html=False)
            question = gradio.Textbox(
                elem_id="wb-question",
                show_label=False,
                label=words.ask,
                placeholder=words.placeholder,
                submit_btn=words.ask,
                max_length=conversations.question_chars,
                lines=1,
                max_lines=6,
                autofocus=True,
                container=False,
            )
        context = gradio.Textbox(elem_id="wb-context", label="context", visible="hidden")
        reopened = gradio.Button("open", elem_id="wb-reopen", visible="hidden")
        listening = gradio.Button("listen", elem_id="wb-listen", visible="hidden")
        ready = gradio.Textbox(elem_id="wb-ready", label="ready", visible="hidden")
        outputs = [question, chatbot, talk]
        hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        # The next question may be asked while the last one's end (what to ask instead) is still on its way.
        asking = hidden | {"concurrency_limit": AT_ONCE, "concurrency_id": "ask", "trigger_mode": "multiple"}
        # Events of one trigger come in the order of their making, each when the one before has ended: what ends a text
        # stands before what asks anew, and is told at last which texts it ends.
        begins = (question.submit, chatbot.example_select, reopened.click) if writes else ()
        ending = [event(None, None, None) for event in begins]
        answered = [
            question.submit(ask, [question, context, talk], outputs, **asking),
            chatbot.example_select(ask_example, [context, talk], outputs, **asking),
        ]
        reopened.click(reopen, [context], outputs, **hidden)
        if writes:
            # Among themselves, so that a slow model keeps nobody from asking.
            writing = hidden | {"concurrency_limit": AT_ONCE, "concurrency_id": "write", "trigger_mode": "multiple"}
            written = [found.then(write, [context, talk], [chatbot, talk], **writing) for found in answered]
            for event in ending:
                page.fns[event["id"]].cancels = [each["id"] for each in written]
        listening.click(listen, None, None, **hidden)
        page.load(refresh, None, [chatbot, ready], **hidden)
    page.queue(max_size=WAITING, default_concurrency_limit=AT_ONCE)
    page._queue.sleep_when_free = LOOKS_S  # Gradio has no setting for it
    return page


def _examples(conversations: Conversations, words: Words) -> list[ExampleMessage]:
    return [{"text": question} for question in conversations.examples(words)]
