"""The review tab, ``/{language}/review``: what was asked and how it was answered, plotted, filtered, made gold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from qa.bot import Bot
from qa.errors import WenbaoError
from qa.review import STATUSES, Asked, Figures, Group, ReviewLog
from qa.web.credentials import IsAdmin
from qa.web.desk import PAGE_ROWS, offset_of, pager, part, shell, words_of
from qa.web.desk_words import DESK, DeskWords
from qa.web.frame import add_tab
from qa.web.plots import Plot, Series, figure
from qa.web.render import passage_url
from qa.web.review_api import wanted_of
from qa.web.words import Words

LIST, FIGURES, UNANSWERED = "/desk/review/list", "/desk/review/figures", "/desk/review/unanswered"
LOOKS = {"answered": "good", "possible": "fair", "not_found": "poor"}
MOST_DAYS = 60
"""Days that have a bar each; of a longer time, weeks."""
TIMES_MS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Borders of the bars of times taken, in milliseconds."""


def page(words: Words, days: int) -> str:
    """The review page, without anything that was asked."""
    desk = DESK[words.path]
    lead = desk.review_lead.format(days=days) if days else desk.review_off
    body = Markup("").join(
        (
            Markup('<p class="lead">{}</p>').format(lead),
            _filters(words, desk),
            Markup('<section id="figures" data-part="{}"></section>').format(FIGURES),
            Markup(
                '<section><h2>{}</h2><div id="list" data-part="{}"><p class="soft">{}</p></div><p class="row">'
                '<button class="quiet" data-export="csv">{} CSV</button> '
                '<button class="quiet" data-export="jsonl">{} JSONL</button> '
                '<button class="danger" id="clear">{}</button></p></section>'
            ).format(desk.asked, LIST, desk.loading, desk.export, desk.export, desk.clear),
            Markup(
                '<section><h2>{}</h2><p class="soft">{}</p><div id="unanswered" data-part="{}"></div></section>'
            ).format(desk.unanswered, desk.unanswered_note, UNANSWERED),
        )
    )
    return shell(words, "review", words.tabs["review"], body)


def _filters(words: Words, desk: DeskWords) -> Markup:
    def choice(name: str, title: str, options: Sequence[tuple[str, str]]) -> Markup:
        made = Markup("").join(
            Markup('<option value="{}">{}</option>').format(*option) for option in (("", desk.every), *options)
        )
        return Markup('<label>{} <select name="{}">{}</select></label>').format(title, name, made)

    return Markup(
        '<form id="filters" class="row filters" role="search">{}{}{}<label>{} <input type="date" name="since"></label>'
        '<label>{} <input type="date" name="until"></label><label class="wide">{} <input type="search" name="q" '
        'maxlength="200"></label><button>{}</button></form>'
    ).format(
        choice("status", desk.outcome, [(status, words.status[status]) for status in STATUSES]),
        choice("thumb", desk.thumb, list(desk.thumbs.items())),
        choice("surface", desk.surface, list(desk.surfaces.items())),
        desk.since,
        desk.until,
        desk.text,
        desk.apply,
    )


# --- the parts ---


def plots(figures: Figures, words: Words, desk: DeskWords) -> list[Plot]:
    """Questions by day and outcome, confidence of the answers, time taken."""
    days = _days(figures)
    asked = len(figures.elapsed_ms)
    answered = sum(counts["answered"] for _, counts in days)
    times = [0] * (len(TIMES_MS) + 1)
    for took in figures.elapsed_ms:
        times[sum(took > border for border in TIMES_MS)] += 1
    return [
        Plot(
            "days",
            desk.asked_by_day,
            desk.asked_by_day_text.format(questions=asked, answered=answered),
            [day for day, _ in days],
            desk.day,
            desk.number_of_questions,
            [
                Series(words.status[status], LOOKS[status], [counts[status] for _, counts in days])
                for status in STATUSES
            ],
        ),
        Plot(
            "confidence",
            desk.confidence_plot,
            desk.confidence_plot_text.format(answered=answered),
            [f"{10 * ten}%" for ten in range(10)],
            desk.confidence,
            desk.number_of_questions,
            [Series(desk.number_of_questions, "good", figures.confidence)],
        ),
        Plot(
            "times",
            _spread(figures.elapsed_ms, desk),
            desk.took_plot_text.format(questions=asked),
            [*(f"≤{border}" for border in TIMES_MS), f">{TIMES_MS[-1]}"],
            desk.milliseconds,
            desk.number_of_questions,
            [Series(desk.number_of_questions, "a", times)],
        ),
    ]


def _spread(elapsed_ms: Sequence[float], desk: DeskWords) -> str:
    def at(share: float) -> int:
        return round(elapsed_ms[min(int(share * len(elapsed_ms)), len(elapsed_ms) - 1)])

    return desk.took_summary.format(p50=at(0.5), p95=at(0.95))


def _days(figures: Figures) -> list[tuple[str, dict[str, int]]]:
    """Every day from the first to the last, days without questions too; weeks by their Monday when there are many."""
    first, last = (date.fromisoformat(figures.days[at][0]) for at in (0, -1))
    is_long = (last - first).days >= MOST_DAYS
    step = timedelta(days=7 if is_long else 1)
    if is_long:
        first -= timedelta(days=first.weekday())
    found: dict[str, dict[str, int]] = {}
    while first <= last:
        found[first.isoformat()] = dict.fromkeys(STATUSES, 0)
        first += step
    for name, counts in figures.days:
        day = date.fromisoformat(name)
        start = day - timedelta(days=day.weekday()) if is_long else day
        for status in STATUSES:
            found[start.isoformat()][status] += counts[status]
    return list(found.items())


def figures_part(figures: Figures, words: Words, desk: DeskWords) -> Markup:
    """The plots, and how often which thumb and reason was given."""
    if not figures.elapsed_ms:
        return Markup("")
    counts = [(desk.thumbs[name], figures.thumbs[name]) for name in ("up", "down")]
    counts += [(text, figures.thumbs[reason]) for reason, text in desk.reasons.items()]
    given = Markup(" · ").join(Markup("{} <b>{}</b>").format(name, count) for name, count in counts if count)
    drawn = Markup("").join(figure(plot, desk.table) for plot in plots(figures, words, desk))
    return Markup('<div class="plots">{}</div>{}').format(
        drawn, Markup('<p class="soft">{}: {}</p>').format(desk.thumb, given) if given else ""
    )


def question_list(asked: Sequence[Asked], words: Words, desk: DeskWords) -> Markup:
    """Questions as a table, each with its details folded."""
    rows = Markup("").join(
        Markup(
            '<tr><td class="soft time">{}<br>{}</td><td><p class="question" dir="auto">{}</p>{}</td><td>{}</td>'
            '<td class="number"{}>{}</td><td class="number" data-label="{}">{}</td><td>{}</td></tr>'
        ).format(
            datetime.fromtimestamp(each.time_ms / 1000).strftime("%Y-%m-%d %H:%M"),
            desk.surfaces.get(each.surface, each.surface),
            each.question,
            _details(each, words, desk),
            _badge(each, words),
            Markup(' data-label="{}"').format(desk.confidence) if each.status == "answered" else "",
            f"{round(100 * each.confidence)}%" if each.status == "answered" else "",
            desk.took,
            f"{each.elapsed_ms:.0f} ms",
            _thumb(each, desk),
        )
        for each in asked
    )
    return _table(
        desk.asked, (desk.when, desk.question, desk.outcome, desk.confidence, desk.took, desk.thumb), rows, {3, 4}
    )


def group_list(groups: Sequence[Group], words: Words, desk: DeskWords) -> Markup:
    """Unanswered questions as a table."""
    rows = Markup("").join(
        Markup(
            '<tr><td class="number" data-label="{}">{}</td><td><p class="question" dir="auto">{}</p>{}</td><td>{}</td>'
            "</tr>"
        ).format(
            desk.times,
            group.times,
            group.asked.question,
            _details(group.asked, words, desk),
            _badge(group.asked, words),
        )
        for group in groups
    )
    return _table(desk.unanswered, (desk.times, desk.question, desk.outcome), rows, {0})


def _table(title: str, head: Sequence[str], rows: Markup, numbers: set[int]) -> Markup:
    heads = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(Markup(' class="number"') if at in numbers else "", text)
        for at, text in enumerate(head)
    )
    return Markup(
        '<div class="scroll" tabindex="0" role="group" aria-label="{}"><table class="list"><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(title, heads, rows)


def _badge(asked: Asked, words: Words) -> Markup:
    answer = Markup('<p class="short" dir="auto">{}</p>').format(asked.answer) if asked.answer else ""
    return Markup('<span class="badge {}">{}</span>{}').format(
        LOOKS.get(asked.status, ""), words.status.get(asked.status, asked.status), answer
    )


def _thumb(asked: Asked, desk: DeskWords) -> Markup:
    if asked.feedback is None:
        return Markup("")
    look = "good" if asked.feedback.thumb == "up" else "bad"
    reason = desk.reasons.get(asked.feedback.reason or "", "")
    return Markup('<span class="badge {}">{}</span>{}').format(
        look, desk.thumbs[asked.feedback.thumb], Markup('<p class="soft">{}</p>').format(reason) if reason else ""
    )


def _details(asked: Asked, words: Words, desk: DeskWords) -> Markup:
    parts = []
    if asked.searched_as != asked.question:
        parts.append(Markup("<p>{}<q>{}</q></p>").format(desk.searched_as, asked.searched_as))
    if asked.history:
        parts.append(Markup("<p>{}{}</p>").format(desk.earlier, " → ".join(asked.history)))
    if asked.feedback is not None and asked.feedback.comment:
        parts.append(Markup('<p dir="auto">{}<q>{}</q></p>').format(desk.comment, asked.feedback.comment))
    if asked.passages:
        places = Markup("").join(_place(passage, words, desk) for passage in asked.passages)
        parts.append(Markup("<p>{}</p><ol>{}</ol>").format(desk.passages, places))
    parts.append(
        Markup('<p><span class="badge good">{}</span></p>').format(desk.gold_made)
        if asked.gold
        else Markup('<p><button class="quiet" data-show="/desk/review/gold/{}">{}</button></p>').format(
            asked.trace_id, desk.gold
        )
    )
    return Markup("<details><summary>{}</summary>{}</details>").format(desk.details, Markup("").join(parts))


def _place(passage: Mapping[str, Any], words: Words, desk: DeskWords) -> Markup:
    source = passage["source"]
    name = " › ".join(filter(None, (source["article"] or desk.untitled, source["section"])))
    return Markup('<li><a href="{}" target="_blank">{}</a> <span class="file">{}</span></li>').format(
        passage_url(passage, words), name, source["file"]
    )


def gold_form(bot: Bot, asked: Asked, desk: DeskWords) -> Markup:
    """The form for a gold question: the first passage's marked sentence as its evidence, to be put right."""
    texts: dict[str, str] = {}
    choices: list[Markup] = []
    for passage in asked.passages:
        source = passage["source"]
        marks = passage["highlights"] or [source]
        try:
            text = texts.setdefault(source["file"], bot.store.file_text(source["file"]))
        except WenbaoError:
            continue  # gone, or damaged: it can't be evidence
        evidence = "".join(text[mark["start"] : mark["end"]] for mark in marks)
        name = " › ".join(filter(None, (source["article"] or desk.untitled, source["section"])))
        choices.append(
            Markup('<option value="{}" data-file="{}" data-near="{}" data-evidence="{}">{} · {}</option>').format(
                len(choices), source["file"], marks[0]["start"], evidence, name, source["file"]
            )
        )
    choices.append(Markup('<option value="">{}</option>').format(desk.gold_none))
    return Markup(
        '<form id="gold" data-trace="{}"><h2 id="show-title">{}</h2><p class="soft">{}</p>'
        '<p class="question" dir="auto">{}</p><p><label for="gold-place">{}</label>'
        '<select id="gold-place">{}</select></p><div id="gold-answers">'
        '<p><label for="gold-evidence">{}</label><textarea id="gold-evidence" rows="3" maxlength="2000"></textarea></p>'
        '<p><label for="gold-answer">{}</label><input id="gold-answer" maxlength="2000" value="{}"></p></div>'
        '<p class="row"><button>{}</button> <span id="gold-said" class="problem" role="alert" hidden></span></p></form>'
    ).format(
        asked.trace_id,
        desk.gold,
        desk.gold_note,
        asked.question,
        desk.gold_file,
        Markup("").join(choices),
        desk.gold_evidence,
        desk.gold_answer,
        asked.answer or "",
        desk.gold_save,
    )


def router(bot: Bot, review: ReviewLog) -> APIRouter:
    """The routes of the review page and its parts."""
    routes = APIRouter(include_in_schema=False)

    def respond(words: Words, _: Request) -> str:
        return page(words, review.days)

    add_tab(routes, "review", respond)

    @routes.get(FIGURES)
    def figures(request: Request, _: IsAdmin) -> Response:
        if not review.is_on:
            return part(Markup(""))
        return part(figures_part(review.figures(wanted_of(request.query_params)), *words_of(request)))

    @routes.get(LIST)
    def questions(request: Request, _: IsAdmin) -> Response:
        words, desk = words_of(request)
        query = request.query_params
        offset = offset_of(query)
        asked, total = review.asked(wanted_of(query), offset=offset, limit=PAGE_ROWS) if review.is_on else ([], 0)
        if not total:
            return part(Markup('<p class="soft">{}</p>').format(desk.nothing))
        kept = {name: query[name] for name in ("status", "thumb", "surface", "since", "until", "q") if query.get(name)}
        return part(question_list(asked, words, desk) + pager(LIST, kept, offset, len(asked), total, desk))

    @routes.get(UNANSWERED)
    def unanswered(request: Request, _: IsAdmin) -> Response:
        words, desk = words_of(request)
        groups = review.unanswered(wanted_of(request.query_params)) if review.is_on else []
        if not groups:
            return part(Markup('<p class="soft">{}</p>').format(desk.nothing))
        return part(group_list(groups, words, desk))

    @routes.get("/desk/review/gold/{trace_id}")
    def gold(request: Request, _: IsAdmin) -> Response:
        return part(gold_form(bot, review.one(request.path_params["trace_id"]), words_of(request)[1]))

    return routes
