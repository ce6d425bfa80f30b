"""Answer records → HTML for the chat. Values in, ``Markup`` out, no I/O.

Everything that comes from articles or visitors is put in by ``Markup.format``, which escapes it: a tag can't get in by
way of text. The chat shows its messages as Markdown, so each message is one HTML block without line breaks: inside such
a block Markdown changes nothing (CommonMark §4.6, kind 6, which a blank line would end).
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from markupsafe import Markup

from qa.articles import Piece, Span, shown_spans
from qa.web.export import source_line
from qa.web.frame import navigation
from qa.web.timeline import timeline
from qa.web.words import SURE_FROM, Words, several_told

Record = Mapping[str, Any]

LONG_ANSWER_CHARS = 24
"""A short answer above this is a sentence, and set smaller than a figure or a name."""

STATUS_LOOKS = {"answered": "good", "possible": "fair", "not_found": ""}
"""The colour of a status, as a class of base.css."""

_CITATION = re.compile(r"\[(\d{1,4})\]")
# In scripts with blanks a line break may be the end of a line only; in the others it ends a paragraph, and stays.
_LINE_END = re.compile(r"(?<=[\x00-\x7f])\n")


Layer = tuple[Sequence[Span], Callable[[Markup], Markup]]
"""Spans of a text, and what is put around them."""


def marked(text: str, spans: Sequence[Span], *inner: Layer) -> Markup:
    """``text`` escaped, with ``<mark>`` around ``spans``, and around those of each inner layer what it says.

    The spans of a layer are sorted and apart. Those of inner layers are cut where any other begins or ends; what comes
    later in ``inner`` stands outside.
    """
    borders = (place for layer in (spans, *(within for within, _ in inner)) for span in layer for place in span)
    cuts = sorted({0, len(text), *borders})
    opening, closing = {start for start, _ in spans}, {end for _, end in spans}
    inside = [(covered(within), put) for within, put in inner]
    parts: list[Markup] = []
    for start, end in itertools.pairwise(cuts):
        if start in opening:
            parts.append(Markup("<mark>"))
        part = Markup.escape(text[start:end])
        for covers, put in inside:
            part = put(part) if covers(start) else part
        parts.append(part)
        if end in closing:
            parts.append(Markup("</mark>"))
    return Markup("").join(parts)


def covered(spans: Sequence[Span]) -> Callable[[int], bool]:
    """Whether a place is within one of ``spans``, which are sorted and apart."""
    starts = [start for start, _ in spans]

    def covers(place: int) -> bool:
        at = bisect.bisect_right(starts, place) - 1
        return at >= 0 and place < spans[at][1]

    return covers


def answer_layer(spans: Sequence[Span]) -> Layer:
    """The short answer itself, marked more than its sentence."""
    return spans, Markup('<mark class="answer">{}</mark>').format


def article_url(
    article_id: int, spans: Sequence[Span], words: Words, *, scan: bool = False, answer: Sequence[Span] = ()
) -> str:
    """The article's page in the visitor's language, at the marked place if there is one; ``answer`` is marked more."""
    query: list[tuple[str, str | int]] = [pair for start, end in spans for pair in (("start", start), ("end", end))]
    query += [("answer", f"{start}-{end}") for start, end in answer]
    query += [("view", "scan")] if scan else []
    query.append(("lang", words.path))
    return f"/articles/{article_id}?{urlencode(query)}" + ("#mark" if spans else "")


def passage_url(passage: Record, words: Words) -> str:
    """The article's page at a passage's marked sentence, with the answer in it, where it has one, marked more."""
    source, answer = passage["source"], passage.get("answer_span")
    marks = [(mark["start"], mark["end"]) for mark in passage["highlights"]]
    strong = [(answer["start"], answer["end"])] if answer else []
    return article_url(source["article_id"], marks or [(source["start"], source["end"])], words, answer=strong)


def file_url(file: str, words: Words) -> str:
    """The page of a file: all its articles, and what belongs to none."""
    return f"/files/{quote(file)}?{urlencode({'lang': words.path})}"


def around_url(source: Record) -> str:
    """Where the text around a passage is told."""
    return f"/articles/{source['article_id']}/around?start={source['start']}&end={source['end']}"


def one_block(markup: Markup) -> str:
    """``markup`` without line breaks: those of texts become references, so that the HTML block never ends early."""
    return str(markup).replace("\r", "&#13;").replace("\n", "&#10;")


def question(text: str) -> str:
    """What a visitor asked, exactly as typed."""
    return one_block(Markup('<div class="wb-question" dir="auto">{}</div>').format(text))


def note(text: str) -> str:
    """A line of ours: a stage of the search, or what went wrong."""
    return one_block(Markup('<div class="wb-note">{}</div>').format(text))


def answer(
    record: Record,
    words: Words,
    passages: int,
    pieces_of: Callable[[Record], Sequence[Piece]],
    instead: Sequence[str] = (),
    *,
    is_judged: bool = False,
    is_writing: bool = False,
) -> str:
    """An answer record as a message: the short answer, its status in words, then the passages, best first.

    ``passages`` is how many the corpus has, filters aside; ``pieces_of`` tells which slices of the original a passage
    of the record shows, or none where the article is gone by now (the passage then stays unmarked); ``instead`` are
    questions that the passages do answer, to be offered where this one was not; ``is_judged``: the owner wants to know
    what one thinks of it; ``is_writing``: what a language model writes under it isn't all there yet.
    """
    status = record["status"]
    cards = [_card(passage, words, pieces_of(passage)) for passage in record["passages"]]
    parts = [_headline(record, words, passages)]
    if record.get("gathered"):
        parts.append(_gathered(record, words))
    if record["searched_as"] != record["question"]:
        parts.append(
            Markup(
                '<p class="wb-searched-as">{} <q>{}</q> '
                '<button type="button" class="wb-alone" value="{}">{}</button></p>'
            ).format(words.searched_as, record["searched_as"], record["question"], words.alone)
        )
    if record.get("missing_terms"):
        parts.append(Markup('<p class="wb-missing">{}{}</p>').format(words.missing, _chips(record["missing_terms"])))
    if instead:
        parts.append(_instead(instead, words))
    parts.append(timeline(_dated(record["passages"]), words))
    if cards and status == "not_found":
        parts.append(Markup('<p class="wb-nearest">{}</p>').format(words.nearest))
    parts += cards[:1]
    if "generated" in record:
        parts.append(_generated(record, words, is_writing=is_writing))
    if cards[1:]:
        parts.append(
            Markup('<details class="wb-more"><summary>{}</summary>{}</details>').format(
                words.more_passages.format(count=len(cards) - 1), Markup("").join(cards[1:])
            )
        )
    if is_judged:
        thumbs = Markup("").join(
            Markup('<button type="button" class="wb-thumb" value="{}" name="{}">{}</button>').format(
                thumb, record["trace_id"], text
            )
            for thumb, text in words.thumbs.items()
        )
        parts.append(Markup('<div class="wb-thumbs"><span>{}</span>{}</div>').format(words.was_it_good, thumbs))
    return one_block(Markup('<div class="wb-answer wb-{}">{}</div>').format(status, Markup("").join(parts)))


def _generated(record: Record, words: Words, *, is_writing: bool) -> Markup:
    """What a language model wrote: plain text, whose marks lead to the passages, and that it is a model's."""
    generated = record["generated"]
    text, passages = generated["text"] or "", {passage["rank"]: passage for passage in record["passages"]}
    parts = [Markup('<p class="wb-by">{}</p>').format(words.written_by.format(model=generated["model"]))]
    pieces = [
        _citation(passages[int(piece)], words) if number % 2 and int(piece) in passages else Markup.escape(piece)
        for number, piece in enumerate(_CITATION.split(text))
    ]
    if text:
        parts.append(Markup('<p class="wb-written" dir="auto">{}</p>').format(Markup("").join(pieces)))
    if is_writing:
        parts.append(Markup('<p class="wb-state">{}</p>').format(words.writing))
    elif generated["error"]:
        parts.append(Markup('<p class="wb-state">{}</p>').format(words.written_partly if text else words.unwritten))
    return Markup('<div class="wb-generated">{}</div>').format(Markup("").join(parts))


def _gathered(record: Record, words: Words) -> Markup:
    """What several passages tell, where several things were asked for, each with the mark of its passage."""
    passages = {passage["rank"]: passage for passage in record["passages"]}
    items = [
        Markup('<li dir="auto">{}{} {}</li>').format(
            _asked(part), part["text"], _citation(passages[part["rank"]] | {"highlights": part["highlights"]}, words)
        )
        for part in record["gathered"]
    ]
    return Markup('<div class="wb-gathered"><p>{}</p><ul>{}</ul></div>').format(
        several_told(words, record["gathered"]), Markup("").join(items)
    )


def _asked(part: Record) -> Markup:
    """What a part of the question asks for, before what it is told."""
    return Markup("<b>{}</b> ").format(part["asked"]) if part.get("asked") else Markup("")


def _citation(passage: Record, words: Words) -> Markup:
    source = passage["source"]
    spans = [(mark["start"], mark["end"]) for mark in passage["highlights"]] or [(source["start"], source["end"])]
    url = article_url(source["article_id"], spans, words)
    return Markup('<a class="wb-cite" href="{}">{}</a>').format(url, passage["rank"])


def _headline(record: Record, words: Words, passages: int) -> Markup:
    """The short answer, if there is one, and under it what it is worth and what was searched."""
    status = record["status"]
    degree = _degree(record["confidence"])
    look, name = STATUS_LOOKS[status], words.status[status]
    if status == "answered" and degree == "low":
        look, name = "fair", words.unsure
    parts = [Markup('<span class="badge {}">{}</span>').format(look, name)]
    if record["answer"] is None:
        parts.append(Markup('<span class="wb-meaning">{}</span>').format(words.meaning[status]))
    else:
        parts.append(
            Markup(
                '<span class="wb-sure" tabindex="0"><span class="wb-bar wb-{}"></span>{} {}%'
                '<span class="wb-tip" role="tooltip">{} {}</span></span>'
            ).format(
                degree,
                words.degrees[degree],
                round(100 * record["confidence"]),
                words.meaning[status],
                words.confidence_meaning,
            )
        )
    passages = record.get("searched_in", {}).get("passages", passages)
    searched = words.searched.format(passages=passages, ms=max(1, round(record["elapsed_ms"])))
    if not passages and "searched_in" in record:
        searched = words.none_allowed
    parts.append(Markup('<span class="wb-searched">{}</span>').format(searched))
    line = Markup('<p class="wb-status">{}</p>').format(Markup("").join(parts))
    if record["answer"] is None:
        return line
    size = "wb-long" if len(record["answer"]) > LONG_ANSWER_CHARS else "wb-short"
    return Markup('<p class="{}" dir="auto">{}</p>').format(size, record["answer"]) + line


def _degree(confidence: float) -> str:
    """How sure an answer is: one of ``SURE_FROM``."""
    return next(name for name, at_least in SURE_FROM.items() if confidence >= at_least)


def _instead(questions: Sequence[str], words: Words) -> Markup:
    """Questions to ask instead, a button each."""
    buttons = Markup("").join(
        Markup('<button type="button" class="wb-ask" value="{}">{}</button>').format(question, question)
        for question in questions
    )
    return Markup('<div class="wb-instead"><p>{}</p>{}</div>').format(words.instead, buttons)


def _card(passage: Record, words: Words, pieces: Sequence[Piece]) -> Markup:
    source = passage["source"]
    highlights = [(mark["start"], mark["end"]) for mark in passage["highlights"]]
    answer = passage.get("answer_span")
    strong = [(answer["start"], answer["end"])] if answer else []
    url = passage_url(passage, words)
    section = Markup(' <span class="wb-section">› {}</span>').format(source["section"]) if source["section"] else ""
    text, shown = passage["text"], shown_spans(pieces, highlights)
    sentence = "".join(text[start:end] for start, end in shown) or text
    return Markup(
        '<div class="wb-card"><p class="wb-source"><span class="wb-number">{}</span>'
        '<a href="{}" dir="auto"><b>{}</b>{}</a></p>'
        '<p class="wb-text" dir="auto">{}</p>{}'
        '<p class="wb-place"><span class="wb-file">{}</span><span>{}</span><span>{}</span></p>'
        '<div class="wb-tools"><a class="wb-open" href="{}">{}</a>'
        '<button type="button" class="wb-copy" value="{}">{}</button>'
        '<button type="button" class="wb-context" value="{}">{}</button>'
        "<details><summary>{}</summary>{}</details></div></div>"
    ).format(
        passage["rank"],
        url,
        source["article"] or words.untitled,
        section,
        marked(_LINE_END.sub(" ", text), shown, answer_layer(shown_spans(pieces, strong))),
        _also(passage, words),
        source["file"],
        words.place.format(start=source["start"], end=source["end"]),
        source.get("date") or "",
        url,
        words.open_article,
        words.quoted.format(sentence=" ".join(sentence.split()), source=source_line(source, words)),
        words.copy,
        around_url(source),
        words.context,
        words.why,
        _why(passage["why"], words),
    )


def _dated(passages: Sequence[Record]) -> list[tuple[int, str]]:
    return [(passage["rank"], date) for passage in passages if (date := passage["source"].get("date"))]


def _also(passage: Record, words: Words) -> Markup:
    """The passages of other files that tell the same."""
    links = [
        Markup('<a href="{}" dir="auto">{}</a>').format(
            article_url(other["source"]["article_id"], [(other["source"]["start"], other["source"]["end"])], words),
            words.also_in.format(
                name=other["source"]["article"] or words.untitled, file=other["source"]["file"], rank=other["rank"]
            ),
        )
        for other in passage.get("also", ())
    ]
    return Markup('<p class="wb-also">{} {}</p>').format(words.also, Markup(" ").join(links)) if links else Markup("")


def _chips(terms: Sequence[str]) -> Markup:
    return Markup("").join(Markup("<kbd>{}</kbd>").format(term) for term in terms)


def _why(why: Record, words: Words) -> Markup:
    ranks = " · ".join(
        text.format(rank=words.unranked if rank is None else words.rank.format(rank=rank))
        for text, rank in ((words.by_words, why["lexical_rank"]), (words.by_meaning, why["dense_rank"]))
    )
    shown_terms = Markup("<span>{} {}</span>").format(words.matched, _chips(why["terms"])) if why["terms"] else ""
    score = words.score.format(score=f"{why['fused_score']:.2f}")
    return Markup('<p class="wb-why">{}<span>{} · {}</span></p>').format(shown_terms, ranks, score)


def top(words: Words) -> str:
    """The navigation of the conversation's page, which has no frame of ours."""
    return one_block(Markup('<div class="top">{}</div>').format(navigation(words, "ask")))


def scope(words: Words) -> str:
    """The row above the question box: what is searched, whose chips come from ``static/filters.js``; the talks."""
    return one_block(
        Markup(
            '<div class="wb-scope"><button type="button" id="wb-filters">{}</button><span id="wb-chips"></span>'
            '<span class="wb-talks"><button type="button" id="wb-history">{}</button>'
            '<button type="button" id="wb-new">{}</button></span></div>'
        ).format(words.filters, words.history, words.new_talk)
    )


def welcome(words: Words) -> str:
    """What stands in the empty chat, above the examples."""
    return one_block(
        Markup('<div class="wb-welcome"><h1>{}</h1><p>{}</p><h2>{}</h2></div>').format(
            words.slogan, words.welcome, words.examples
        )
    )


def shell(words: Words, examples: Sequence[str], question_chars: int) -> Markup:
    """What stands on the page until Gradio has drawn it: the same, as far as one sees."""
    buttons = Markup("").join(
        Markup('<button type="button" class="example"><span>{}</span></button>').format(question)
        for question in examples
    )
    return Markup(
        '<div id="wb-shell"><header class="top">{}</header><main><div class="prose">{}</div>'
        '<div class="examples">{}</div></main><div class="wb-first"><form class="input-container">'
        '<textarea rows="1" placeholder="{}" aria-label="{}" maxlength="{}" autofocus></textarea>'
        "<button>{}</button></form></div></div>"
    ).format(
        navigation(words, "ask"),
        Markup(welcome(words)),  # noqa: S704  # made of Markup, in one block
        buttons,
        words.placeholder,
        words.ask,
        question_chars,
        words.ask,
    )
