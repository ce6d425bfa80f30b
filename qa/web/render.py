"""Answer records → HTML for the chat. Values in, ``Markup`` out, no I/O.

Everything that comes from articles or visitors is put in by ``Markup.format``, which escapes it: a tag can't get in by
way of text. The chat shows its messages as Markdown, so each message is one HTML block without line breaks: inside such
a block Markdown changes nothing (CommonMark §4.6, kind 6, which a blank line would end).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from qa.articles import Piece
from qa.web.frame import navigation
from qa.web.words import Words

Span = tuple[int, int]
Record = Mapping[str, Any]

LONG_ANSWER_CHARS = 24
"""A short answer above this is a sentence, and set smaller than a figure or a name."""

# In scripts with blanks a line break may be the end of a line only; in the others it ends a paragraph, and stays.
_LINE_END = re.compile(r"(?<=[\x00-\x7f])\n")


def shown_spans(pieces: Sequence[Piece], spans: Sequence[Span]) -> list[Span]:
    """Where ``spans`` of the original stand in the text that ``pieces`` show: sorted, touching ones joined.

    A span that no piece shows is left out; a piece stands for as many characters of the shown text as it has itself.
    """
    found: list[Span] = []
    shown = 0
    for piece in pieces:
        for start, end in spans:
            low, high = max(start, piece.start), min(end, piece.end)
            if low < high:
                found.append((shown + low - piece.start, shown + high - piece.start))
        shown += piece.end - piece.start
    joined: list[Span] = []
    for start, end in sorted(found):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def marked(text: str, spans: Sequence[Span]) -> Markup:
    """``text`` escaped, with ``<mark>`` around ``spans`` (sorted, apart)."""
    parts: list[Markup] = []
    done = 0
    for start, end in spans:
        parts += [Markup.escape(text[done:start]), Markup("<mark>{}</mark>").format(text[start:end])]
        done = end
    return Markup("").join([*parts, Markup.escape(text[done:])])


def article_url(article_id: int, spans: Sequence[Span], words: Words, *, scan: bool = False) -> str:
    """The article's page in the visitor's language, at the marked place if there is one."""
    query: list[tuple[str, str | int]] = [pair for start, end in spans for pair in (("start", start), ("end", end))]
    query += [("view", "scan")] if scan else []
    query.append(("lang", words.path))
    return f"/articles/{article_id}?{urlencode(query)}" + ("#mark" if spans else "")


def one_block(markup: Markup) -> str:
    """``markup`` without line breaks: those of texts become references, so that the HTML block never ends early."""
    return str(markup).replace("\r", "&#13;").replace("\n", "&#10;")


def question(text: str) -> str:
    """What a visitor asked, exactly as typed."""
    return one_block(Markup('<div class="wb-question" dir="auto">{}</div>').format(text))


def note(text: str) -> str:
    """A line of ours: a stage of the search, or what went wrong."""
    return one_block(Markup('<div class="wb-note">{}</div>').format(text))


def answer(record: Record, words: Words, passages: int, pieces_of: Callable[[Record], Sequence[Piece]]) -> str:
    """An answer record as a message: the short answer, its status in words, then the passages, best first.

    ``passages`` is how many the corpus has; ``pieces_of`` tells which slices of the original a passage of the record
    shows, or none where the article is gone by now (the passage then stays unmarked).
    """
    status = record["status"]
    cards = [_card(passage, words, pieces_of(passage)) for passage in record["passages"]]
    parts = [_headline(record, words)]
    if record["searched_as"] != record["question"]:
        parts.append(
            Markup('<p class="wb-searched-as">{}<q>{}</q></p>').format(words.searched_as, record["searched_as"])
        )
    if record.get("missing_terms"):
        parts.append(Markup('<p class="wb-missing">{}{}</p>').format(words.missing, _chips(record["missing_terms"])))
    if cards and status == "not_found":
        parts.append(Markup('<p class="wb-nearest">{}</p>').format(words.nearest))
    parts += cards[:1]
    if cards[1:]:
        parts.append(
            Markup('<details class="wb-more"><summary>{}</summary>{}</details>').format(
                words.more_passages.format(count=len(cards) - 1), Markup("").join(cards[1:])
            )
        )
    searched = words.searched.format(passages=passages, ms=max(1, round(record["elapsed_ms"])))
    parts.append(Markup('<p class="wb-searched">{}</p>').format(searched))
    return one_block(Markup('<div class="wb-answer wb-{}">{}</div>').format(status, Markup("").join(parts)))


def _headline(record: Record, words: Words) -> Markup:
    status = record["status"]
    badge = Markup('<span class="wb-badge">{}</span>').format(words.status[status])
    if record["answer"] is None:
        return Markup('<p class="wb-status">{}<span>{}</span></p>').format(badge, words.meaning[status])
    size = "wb-long" if len(record["answer"]) > LONG_ANSWER_CHARS else "wb-short"
    confidence = words.confidence.format(percent=round(100 * record["confidence"]))
    return Markup(
        '<p class="{}" dir="auto">{}</p><p class="wb-status" title="{}">{}<span title="{}">{}</span></p>'
    ).format(size, record["answer"], words.meaning[status], badge, words.confidence_meaning, confidence)


def _card(passage: Record, words: Words, pieces: Sequence[Piece]) -> Markup:
    source = passage["source"]
    highlights = [(mark["start"], mark["end"]) for mark in passage["highlights"]]
    url = article_url(source["article_id"], highlights or [(source["start"], source["end"])], words)
    section = Markup(' <span class="wb-section">› {}</span>').format(source["section"]) if source["section"] else ""
    return Markup(
        '<div class="wb-card">'
        '<p class="wb-source"><a href="{}" target="_blank"><b>{}</b>{}</a></p>'
        '<p class="wb-text" dir="auto">{}</p>'
        '{}<p class="wb-place"><span class="wb-file">{}</span> <span>{}</span> <a href="{}" target="_blank">{}</a></p>'
        "</div>"
    ).format(
        url,
        source["article"] or words.untitled,
        section,
        marked(_LINE_END.sub(" ", passage["text"]), shown_spans(pieces, highlights)),
        _why(passage["why"], words),
        source["file"],
        words.place.format(start=source["start"], end=source["end"]),
        url,
        words.open_article,
    )


def _chips(terms: Sequence[str]) -> Markup:
    return Markup("").join(Markup("<kbd>{}</kbd>").format(term) for term in terms)


def _why(why: Record, words: Words) -> Markup:
    ranks = " · ".join(
        text.format(rank=words.unranked if rank is None else words.rank.format(rank=rank))
        for text, rank in ((words.by_words, why["lexical_rank"]), (words.by_meaning, why["dense_rank"]))
    )
    shown_terms = Markup("<span>{} {}</span>").format(words.matched, _chips(why["terms"])) if why["terms"] else ""
    return Markup('<p class="wb-why">{}<span>{}</span></p>').format(shown_terms, ranks)


def top(words: Words) -> str:
    """The navigation of the conversation's page, which has no frame of ours."""
    return one_block(Markup('<div class="top">{}</div>').format(navigation(words, "ask")))


def welcome(words: Words) -> str:
    """What stands in the empty chat, above the examples."""
    return one_block(Markup('<div class="wb-welcome"><p>{}</p><h2>{}</h2></div>').format(words.welcome, words.examples))
