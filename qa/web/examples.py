"""Questions to begin with, made from the corpus itself. Values in, values out, no I/O.

A sentence that says how many ("怀柔区总工会抽调28名党员干部和专职社工") becomes the question that it answers
("怀柔区总工会抽调多少名党员干部和专职社工？"): so the first thing a visitor tries works, and no question is written for
a certain corpus. Articles without such a sentence, and those in other languages, are asked about by their headline.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qa.text import sentences

QUESTION_CHARS = (12, 34)
"""Shorter clauses say too little about what is counted; longer ones fill a phone. Unmeasured."""
ADVERBIAL_CHARS = 8
"""A first clause up to this length only says when or how ("2月2日，"), so that the subject stands in the second."""

_COUNTED = "元个名人户支场辆件份项家座套次位只条台吨箱批"
_FIGURE = re.compile(rf"(?:将?近|约|共计?|超过?|达)?(?<![\d.第])(\d+)[余多]?([万亿])?[余多]?([{_COUNTED}])")
_CLAUSE = re.compile(r"[，,。；;：:！!？?（）()“”\"]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
# What these words point at stands in an earlier sentence, so a question can't begin with them.
_POINTING = re.compile(r"[他她它其这那该此各两我]|本[报人]|当时|目前|同时|期间|截至|共|已|先后|累计")


@dataclass(frozen=True, slots=True)
class Source:
    """What examples are made from: an article's headline, all its headlines, and its passages' texts, in order."""

    headline: str | None
    headlines: str
    passages: Sequence[str]


def counting_question(sentence: str) -> str | None:
    """The question that the sentence's main clause answers with a figure, or None.

    Only clauses with one figure, of ten or more, and with words enough before it to name who or what counts.
    """
    clauses = [clause.strip() for clause in _CLAUSE.split(sentence)]
    clause = clauses[1] if len(clauses[0]) <= ADVERBIAL_CHARS and len(clauses) > 1 else clauses[0]
    figure = _FIGURE.search(clause)
    if not figure or figure.start() < 4 or not _HAN.match(clause) or _POINTING.match(clause):
        return None
    if len(re.findall(r"\d+", clause)) != 1 or not (figure[2] or int(figure[1]) >= 10):
        return None
    if clause[-1] in "中时后前的":  # it only leads to what the sentence says
        return None
    question = f"{clause[: figure.start()]}多少{figure[3]}{clause[figure.end() :]}？"
    return question if QUESTION_CHARS[0] <= len(question) <= QUESTION_CHARS[1] else None


def example_questions(sources: Iterable[Source], wanted: int) -> list[str]:
    """At most ``wanted`` different questions: one of each article in turn, counting ones before headlines.

    Of an article's counting questions those come first that share most with its headlines.
    """
    counting: list[list[str]] = []
    headlines: list[str] = []
    for source in sources:
        found = [
            question
            for text in source.passages
            for start, end in sentences(text)
            if (question := counting_question(text[start:end]))
        ]
        if found:
            counting.append(sorted(dict.fromkeys(found), key=lambda question: -_shared(question, source.headlines)))
        elif source.headline:
            is_chinese = _HAN.search(source.headline)
            headlines.append(
                f"《{source.headline}》讲了什么？" if is_chinese else f"What does “{source.headline}” say?"
            )
    questions: list[str] = []
    while counting and len(questions) < wanted:
        questions += [queue.pop(0) for queue in counting]
        counting = [queue for queue in counting if queue]
    return list(dict.fromkeys([*questions, *headlines]))[:wanted]


def _shared(question: str, headlines: str) -> int:
    """Pairs of characters that both have: what names the headlines' subject is clear without the article."""
    return sum(question[at : at + 2] in headlines for at in range(len(question) - 1))
