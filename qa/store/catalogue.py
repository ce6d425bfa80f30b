"""Which passages a filter allows: the corpus' articles by file and date, and the passages of each."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embeddings.vectors import Ids
from qa.filters import Filters

REMEMBERED = 64
"""Filters whose passages are kept: 8 bytes for each passage that they allow."""


@dataclass(frozen=True, slots=True)
class Place:
    """An article as far as a filter sees it. ``date`` is None when unknown, else as in ``qa.filters.days``."""

    article_id: int
    file: str
    date: str | None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a filter allows: how many articles, and the ids of their passages, ascending."""

    articles: int
    passages: Ids


class Catalogue:
    """One state of the corpus. Safe to share between threads."""

    def __init__(self, places: Sequence[Place], passages: Ids, owners: npt.NDArray[np.int64]) -> None:
        """``owners[i]`` is the article of passage ``passages[i]``; it need not be in ``places``."""
        order = np.argsort(passages)
        self.places = tuple(places)
        self._passages, self._owners = passages[order], owners[order]
        self._remembered: OrderedDict[Filters, Scope] = OrderedDict()
        self._lock = threading.Lock()

    def articles(self, filters: Filters) -> list[Place]:
        """The articles that pass, in their order."""
        return [place for place in self.places if filters.allows(place.file, place.article_id, place.date)]

    def scope(self, filters: Filters) -> Scope:
        """The articles that pass with their passages. Not to be changed: the answer is remembered."""
        with self._lock:
            known = self._remembered.get(filters)
            if known is not None:
                self._remembered.move_to_end(filters)
                return known
        allowed = np.array([place.article_id for place in self.articles(filters)], dtype=np.int64)
        found = Scope(len(allowed), self._passages[np.isin(self._owners, allowed)])
        with self._lock:
            self._remembered[filters] = found
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return found

    def outside(self, filters: Filters, articles: Collection[int]) -> Ids:
        """The passages of the articles that pass, less those of ``articles``; ascending."""
        allowed = [place.article_id for place in self.articles(filters) if place.article_id not in articles]
        return self._passages[np.isin(self._owners, np.array(allowed, dtype=np.int64))]
