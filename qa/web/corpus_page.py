"""The corpus tab, ``/{language}/corpus``: figures, uploads, articles and how they were split, the owner's words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from qa.bot import Bot
from qa.indexing import UPLOADS
from qa.store import ArticleLine, StoredArticle
from qa.web.article_page import find_article
from qa.web.credentials import IsAdmin
from qa.web.desk import PAGE_ROWS, offset_of, pager, part, shell, words_of
from qa.web.desk_words import DESK, DeskWords
from qa.web.frame import add_tab
from qa.web.overview import FileLine, Overview
from qa.web.plots import figure
from qa.web.render import article_url
from qa.web.words import Words

LIST = "/desk/corpus/list"
FURNITURE_CHARS = 80


def page(words: Words, file_mb: int) -> str:
    """The corpus page, without anything of the corpus."""
    desk = DESK[words.path]
    body = Markup("").join(
        (
            Markup('<p class="lead">{}</p>').format(desk.corpus_lead),
            Markup('<section data-part="/desk/corpus/figures"><p class="soft">{}</p></section>').format(desk.loading),
            _uploads(desk, file_mb),
            _search(desk),
            Markup(
                '<section class="quiet-part"><h2>{}</h2><p class="soft">{}</p><button class="quiet"'
                ' id="index">{}</button>'
                "</section>"
            ).format(desk.index, desk.index_note, desk.index),
            _words(desk),
        )
    )
    return shell(words, "corpus", words.tabs["corpus"], body)


def _uploads(desk: DeskWords, file_mb: int) -> Markup:
    return Markup(
        '<section><h2 id="upload-title">{}</h2><div id="drop" class="drop"><p>{} '
        '<label class="button quiet">{}<input type="file" id="files" class="unseen" multiple '
        'accept=".txt,.text,.md,.markdown,.html,.htm,.docx,.pdf,.zip"></label> '
        '<label class="button quiet folder">{}<input type="file" id="folder" class="unseen"'
        " webkitdirectory></label></p>"
        '<p class="soft">{}</p></div><div id="job" hidden><p class="row"><progress id="job-bar" max="1" value="0" '
        'aria-labelledby="job-text"></progress> <span id="job-text"></span></p><ul id="job-files"></ul></div></section>'
    ).format(desk.upload, desk.drop, desk.choose, desk.choose_folder, desk.upload_note.format(mb=file_mb))


def _search(desk: DeskWords) -> Markup:
    return Markup(
        '<section><h2 id="list-title">{}</h2><form id="search" class="row" role="search"><label'
        ' class="unseen" for="q">{}'
        '</label><input type="search" id="q" name="q" placeholder="{}" maxlength="200"> '
        '<span class="choice" role="group" aria-label="{}"><label><input type="radio" name="view"'
        ' value="articles" checked>{}'
        '</label><label><input type="radio" name="view" value="files">{}</label></span> <button>{}</button></form>'
        '<div id="list" data-part="{}"><p class="soft">{}</p></div></section>'
    ).format(
        desk.articles,
        desk.search_note,
        desk.search_note,
        desk.search,
        desk.articles,
        desk.files,
        desk.search,
        LIST,
        desk.loading,
    )


def _words(desk: DeskWords) -> Markup:
    fields = Markup("").join(
        Markup(
            '<p><label for="{0}">{1}</label><textarea id="{0}" rows="7" spellcheck="false" aria-describedby="{0}-note" '
            'disabled></textarea><span class="soft" id="{0}-note">{2}</span></p>'
        ).format(name, title, note)
        for name, title, note in (
            ("dictionary", desk.dictionary, desk.dictionary_note),
            ("synonyms", desk.synonyms, desk.synonyms_note),
        )
    )
    return Markup(
        '<section><h2>{}</h2><p class="soft">{}</p><form id="words"><div class="pair">{}</div><p class="row">'
        '<button disabled>{}</button> <span id="words-said" class="soft" role="status"></span></p>'
        '<h3>{}</h3><p class="soft" id="try-note">{}</p><p><label class="unseen" for="try">{}</label>'
        '<input id="try" placeholder="{}" maxlength="2000" aria-describedby="try-note"></p><div'
        ' id="tried" aria-live="polite">'
        "</div></form></section>"
    ).format(
        desk.words,
        desk.words_note,
        fields,
        desk.save,
        desk.preview,
        desk.preview_note,
        desk.preview_question,
        desk.preview_question,
    )


# --- the parts ---


def figures(bot: Bot, overview: Overview, desk: DeskWords) -> Markup:
    """Counts, the model, and the plots."""
    facts = bot.facts()
    counts = Markup("").join(
        Markup("<div><dt>{}</dt><dd>{:,}</dd></div>").format(name, facts[key]) for key, name in desk.counts.items()
    )
    plots = Markup("").join(figure(plot, desk.table) for plot in overview.plots(desk))
    model = facts["model"]
    return Markup('<h2>{}</h2><dl class="counts">{}</dl><p class="soft">{}</p><div class="plots">{}</div>').format(
        desk.figures, counts, desk.model.format(**model), plots
    )


def article_list(lines: list[ArticleLine], words: Words, desk: DeskWords) -> Markup:
    """Articles as a table."""
    rows = Markup("").join(
        Markup(
            '<tr><td><a href="{}">{}</a>{}</td><td class="file">{}</td><td class="number" data-label="{}">{}</td>'
            '<td class="actions"><button class="quiet" data-show="/desk/corpus/articles/{}">{}</button> '
            '<button class="danger" data-delete="/api/articles/{}" data-name="{}" data-confirm="{}">{}'
            "</button></td></tr>"
        ).format(
            article_url(line.id, (), words),
            line.headline or desk.untitled,
            Markup(' <span class="soft">{}</span>').format(line.byline) if line.byline else "",
            line.file,
            desk.counts["passages"],
            line.passages,
            line.id,
            desk.split,
            line.id,
            line.headline or desk.untitled,
            desk.confirm_article,
            desk.delete,
        )
        for line in lines
    )
    head = ((desk.headline, ""), (desk.file, ""), (desk.counts["passages"], "number"), ("", "actions"))
    return _table(desk.articles, head, rows)


def file_list(lines: list[FileLine], desk: DeskWords) -> Markup:
    """Files as a table."""
    rows = Markup("").join(
        Markup(
            '<tr><td class="file"><button class="link" data-file="{0}">{0}</button></td><td>{1}</td><td>{2}</td>'
            '<td class="number" data-label="{7}">{3}</td><td class="number" data-label="{8}">{4:,}</td>'
            '<td class="actions"><button class="danger" '
            'data-delete-file="{0}" data-name="{0}" data-confirm="{5}">{6}</button></td></tr>'
        ).format(
            line.file.name,
            _kind(line),
            Markup("{}<br><span class=soft>{}</span>").format(
                _origin(line.file.root, desk), datetime.fromtimestamp(line.file.indexed_at).strftime("%Y-%m-%d %H:%M")
            ),
            line.articles,
            line.file.chars,
            desk.confirm_file,
            desk.delete,
            desk.counts["articles"],
            desk.characters,
        )
        for line in lines
    )
    head = (
        (desk.file, ""),
        ("", ""),
        (desk.origin, ""),
        (desk.counts["articles"], "number"),
        (desk.characters, "number"),
        ("", "actions"),
    )
    return _table(desk.files, head, rows)


def _table(title: str, head: tuple[tuple[str, str], ...], rows: Markup) -> Markup:
    heads = Markup("").join(
        Markup('<th scope="col" class="{}">{}</th>').format(look, text)
        if text
        else Markup('<td class="{}"></td>').format(look)
        for text, look in head
    )
    return Markup(
        '<div class="scroll" tabindex="0" role="group" aria-label="{}"><table class="list"><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(title, heads, rows)


def _kind(line: FileLine) -> str:
    return " · ".join(filter(None, (line.file.format, line.file.encoding)))


def _origin(root: str, desk: DeskWords) -> str:
    if root == UPLOADS:
        return desk.from_upload
    return desk.from_folder.format(name=root) if root else desk.from_path


def split(article: StoredArticle, words: Words, desk: DeskWords) -> Markup:
    """How an article was split: its sections and passages with their places, and what was set aside."""
    sections = []
    number = 0
    for section in article.sections:
        passages = []
        for passage in section.passages:
            number += 1
            told = desk.passage.format(number=number, chars=len(passage.text), start=passage.start, end=passage.end)
            passages.append(
                Markup('<li><p class="soft">{}</p><p dir="auto" class="text">{}</p></li>').format(told, passage.text)
            )
        heading = words.captions if section.kind == "captions" else section.heading
        sections.append(
            Markup("<section>{}<ol class=passages>{}</ol></section>").format(
                Markup("<h3>{}</h3>").format(heading) if heading else "", Markup("").join(passages)
            )
        )
    furniture = Markup("").join(
        Markup("<li><b>{}</b> {}</li>").format(desk.furniture_kinds.get(kind, kind), _opening(article, start, end))
        for start, end, kind in article.furniture
    )
    return Markup('<h2 id="show-title">{}</h2><p class="soft">{} · {}</p>{}{}').format(
        article.headline or desk.untitled,
        article.file.name,
        desk.split_note.format(sections=len(article.sections), passages=number),
        Markup("").join(sections),
        Markup("<h3>{}</h3><ul>{}</ul>").format(desk.furniture, furniture) if furniture else "",
    )


def _opening(article: StoredArticle, start: int, end: int) -> str:
    text = " ".join(article.text[start - article.start : end - article.start].split())
    return text if len(text) <= FURNITURE_CHARS else text[:FURNITURE_CHARS] + "…"


def router(bot: Bot) -> APIRouter:
    """The routes of the corpus page and its parts."""
    routes = APIRouter(include_in_schema=False)
    overview = Overview(bot)

    def respond(words: Words, _: Request) -> str:
        return page(words, bot.settings.file_mb)

    add_tab(routes, "corpus", respond)

    @routes.get("/desk/corpus/figures")
    def figures_part(request: Request, _: IsAdmin) -> Response:
        return part(figures(bot, overview, words_of(request)[1]))

    @routes.get(LIST)
    def list_part(request: Request, _: IsAdmin) -> Response:
        words, desk = words_of(request)
        query = request.query_params
        kept: dict[str, Any] = {name: query.get(name, "") for name in ("q", "view", "file")}
        offset = offset_of(query)
        if kept["view"] == "files":
            files, total = overview.files(kept["q"], offset, PAGE_ROWS)
            shown, table = len(files), file_list(files, desk)
        else:
            articles, total = overview.articles(kept["q"], kept["file"], offset, PAGE_ROWS)
            shown, table = len(articles), article_list(articles, words, desk)
        if not total:
            return part(Markup('<p class="soft">{}</p>').format(desk.nothing))
        return part(table + pager(LIST, kept, offset, shown, total, desk))

    @routes.get("/desk/corpus/articles/{article_id}")
    def split_part(request: Request, _: IsAdmin) -> Response:
        article = find_article(bot, request.path_params["article_id"])
        return part(split(article, *words_of(request)))

    return routes
