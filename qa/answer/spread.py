"""Spread: no article takes all the places. A function of values, between retrieval and answers.

A file that repeats one question ten thousand times fills both legs' lists, and a long article may fill the five places
that are shown. Among five passages at most three are of one article; a passage that repeats another one of its article
comes last, as one that only says the question again. On the dev questions nothing is lost by that (docs/retrieval.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qa.answer.echo import echoing
from qa.answer.elsewhere import letters, shingles
from qa.answer.kinds import expected
from qa.hits import Hit
from qa.store import StoredPassage

PLACES = 5
"""Places that are shared out together; the default of ``top_k``."""
OF_ONE_ARTICLE = 3
"""Places among those that one article may take."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The hits in the order of their places."""

    hits: tuple[Hit, ...]
    fair: int
    """Places, from the first, that were given within the bounds; what follows had nobody else to be given to."""
    crowding: frozenset[int]
    """The articles that were kept from places."""


def spread(question: str, hits: Sequence[Hit], passages: Mapping[int, StoredPassage]) -> Spread:
    """The hits whose passages are there, each place given to the best that may have it.

    Whatever number of places is shown, the first ones are the same.
    """
    echoes = echoing(expected(question))
    left: list[Hit] = []
    repeated: list[Hit] = []
    told: set[tuple[int, frozenset[str]]] = set()
    of_article = Counter(passages[hit.passage_id].article_id for hit in hits if hit.passage_id in passages)
    for hit in hits:
        if hit.passage_id in passages:
            passage = passages[hit.passage_id]
            others = of_article[passage.article_id] > 1  # only of an article's passages one may repeat another
            runs = (passage.article_id, shingles(passage.text) if others else frozenset())
            tells = runs not in told and not echoes(letters(passage.text))
            (left if tells else repeated).append(hit)
            told.add(runs)
    crowding = {passages[hit.passage_id].article_id for hit in repeated}
    placed: list[Hit] = []
    taken: Counter[int] = Counter()

    def allowed(hit: Hit) -> bool:
        return taken[passages[hit.passage_id].article_id] < OF_ONE_ARTICLE

    while left:
        if len(placed) % PLACES == 0:
            taken.clear()
        best = next(filter(allowed, left), None)
        if best is not left[0]:
            crowding |= {article for article, places in taken.items() if places == OF_ONE_ARTICLE}
        if best is None:
            break
        taken[passages[best.passage_id].article_id] += 1
        placed.append(best)
        left.remove(best)
    return Spread((*placed, *left, *repeated), len(placed), frozenset(crowding))
