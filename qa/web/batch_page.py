"""The Batch tab: drop a file, see how it is read, watch it being answered, take the result. Values in, HTML out.

The page holds the form and its words; ``static/batch.js`` does the rest through ``batch_api``.
"""

from __future__ import annotations

import json

from fastapi import APIRouter, Request
from markupsafe import Markup

from qa.batch.reading.columns import ROLES
from qa.web.batch_words import BATCH
from qa.web.frame import add_tab, document
from qa.web.words import Words

ENCODINGS = ("utf-8", "gb18030", "big5", "shift_jis", "euc_kr", "utf-16")
"""Encodings that are offered; any other that Python knows can be named on the command line."""


def page(words: Words) -> str:
    """The batch page in the language of ``words``."""
    told = BATCH[words.path]
    data = {**told, "lang": words.tag, "language": "en" if words.path == "en" else "zh", "order": ROLES,
            "encodings": ENCODINGS}  # fmt: skip
    body = Markup(
        '<h1>{title}</h1><p class="lead">{lead}</p>'
        '<form id="token-form" class="card" hidden><label>{token} <input id="token" type="password" autocomplete="off">'
        '</label> <button>{enter}</button><p class="soft">{tokenNote}</p></form>'
        '<section id="drop" class="card drop" aria-label="{choose}"><p><span>{drop}</span> '
        '<label class="button">{choose}<input id="file" class="unseen" type="file" '
        'accept=".xlsx,.xlsm,.csv,.tsv,.jsonl,.ndjson,.json,.txt"></label></p><p class="soft">{kinds}</p>'
        '<p class="soft"><button type="button" class="quiet" id="template">{template}</button></p></section>'
        '<p id="note" class="soft" role="status" hidden></p><p id="problem" class="problem" role="alert" hidden></p>'
        '<section id="draft" class="card" hidden></section>'
        '<h2>{jobs}</h2><div id="jobs"></div>'
        '<template id="words" data-words="{words}"></template>'
    ).format(
        **{name: told[name] for name in _SHOWN},  # type: ignore[literal-required]
        words=json.dumps(data, ensure_ascii=False),
    )
    return document(words, told["title"], body, tab="batch", scripts=["batch.js"], styles=["batch.css"])


_SHOWN = ("title", "lead", "token", "enter", "tokenNote", "choose", "drop", "kinds", "template", "jobs")


def router() -> APIRouter:
    """The routes of the batch pages."""
    routes = APIRouter()

    def respond(words: Words, _: Request) -> str:
        return page(words)

    add_tab(routes, "batch", respond)
    return routes
