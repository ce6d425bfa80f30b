"""The help page: what the bot can and can't do, what its verdicts mean, keys, privacy. Values in, HTML out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from fastapi import APIRouter, Request
from markupsafe import Markup

from qa.answer.verdict import measured
from qa.config import Settings
from qa.web.frame import add_tab, document
from qa.web.help_words import HELP, HelpWords
from qa.web.render import STATUS_LOOKS
from qa.web.words import Words


def page(words: Words, settings: Settings) -> str:
    """The help page in the language of ``words``; ``settings`` say how long what is kept."""
    told = HELP[words.path]
    outcomes = Markup("").join(
        Markup('<dt><span class="badge {}">{}</span></dt><dd>{}</dd>').format(
            look, words.status[status], words.meaning[status]
        )
        for status, look in STATUS_LOOKS.items()
    )
    keys = Markup("").join(
        Markup("<dt><kbd>{}</kbd></dt><dd>{}</dd>").format(key, does) for key, does in told.key_names.items()
    )
    body = Markup("").join(
        (
            Markup('<h1>{}</h1><p class="lead">{}</p>').format(told.title, told.lead),
            _points(*told.can),
            _points(*told.can_not),
            Markup("<h2>{}</h2><dl>{}</dl><p>{}</p>").format(told.outcomes, outcomes, words.confidence_meaning),
            Markup('<h2>{}</h2><dl class="keys">{}</dl>').format(told.keys, keys),
            _rates(told),
            _points(told.privacy[0], [*told.privacy[1], *_kept(told, settings)]),
        )
    )
    return document(words, told.title, body, tab="help", styles=["help.css"])


def _kept(told: HelpWords, settings: Settings) -> Iterable[str]:
    for text, days in ((told.kept, settings.talk_days), (told.reviewed, settings.review_days)):
        if days:
            yield text.format(days=days)


def _rates(told: HelpWords) -> Markup:
    """The measured rates, in sentences."""
    rates = asdict(measured())
    points = _points(told.rates, [sentence.format_map(rates) for sentence in told.measured])
    return points + Markup('<p class="soft">{}</p>').format(told.rates_note)


def _points(heading: str, points: Iterable[str]) -> Markup:
    items = Markup("").join(Markup("<li>{}</li>").format(point) for point in points)
    return Markup("<h2>{}</h2><ul>{}</ul>").format(heading, items)


def router(settings: Settings) -> APIRouter:
    """The routes of the help pages."""
    routes = APIRouter()

    def respond(words: Words, _: Request) -> str:
        return page(words, settings)

    add_tab(routes, "help", respond)
    return routes
