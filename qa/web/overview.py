"""What the corpus page lists: articles and files, searched and counted; kept in memory until the corpus changes."""

from __future__ import annotations

import statistics
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from qa.bot import Bot
from qa.store import ArticleLine, StoredFile
from qa.text import fold_text
from qa.web.desk_words import DeskWords
from qa.web.plots import Plot, Series

NAMED_FILES = 24
"""Up to so many files each has a bar of its own; more are counted by how many articles they have."""
BIN_CHARS = 50
"""Width of a bar of passage lengths, in characters."""


@dataclass(frozen=True, slots=True)
class FileLine:
    """A file in the list."""

    file: StoredFile
    articles: int
    passages: int


@dataclass(frozen=True, slots=True)
class _State:
    sequence: int
    articles: Sequence[ArticleLine]
    files: Sequence[FileLine]
    folded_articles: Sequence[str]
    folded_files: Sequence[str]
    lengths: Sequence[int]


class Overview:
    """The corpus of a bot as its owner sees it. Safe to share between threads."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._lock = threading.Lock()
        self._state: _State | None = None

    def articles(self, text: str, file: str, offset: int, limit: int) -> tuple[list[ArticleLine], int]:
        """Articles with ``text`` in their headlines, bylines or file names, of one file if named, and how many."""
        state = self._current()
        wanted = fold_text(text.strip())
        found = [
            line
            for line, folded in zip(state.articles, state.folded_articles, strict=True)
            if wanted in folded and (not file or line.file == file)
        ]
        return found[offset : offset + limit], len(found)

    def files(self, text: str, offset: int, limit: int) -> tuple[list[FileLine], int]:
        """Files with ``text`` in their names, and how many."""
        state = self._current()
        wanted = fold_text(text.strip())
        found = [line for line, folded in zip(state.files, state.folded_files, strict=True) if wanted in folded]
        return found[offset : offset + limit], len(found)

    def plots(self, words: DeskWords) -> list[Plot]:
        """Articles by file and passages by length, where there are any."""
        state = self._current()
        if not state.articles or not state.lengths:
            return []
        return [_by_file(state, words), _by_length(state.lengths, words)]

    def _current(self) -> _State:
        with self._lock:
            store = self._bot.store
            if self._state is None or self._state.sequence != store.sequence():
                with store.snapshot():
                    articles = store.articles()
                    per_file = Counter(line.file for line in articles)
                    passages: Counter[str] = Counter()
                    for line in articles:
                        passages[line.file] += line.passages
                    files = [FileLine(file, per_file[name], passages[name]) for name, file in store.files().items()]
                    self._state = _State(
                        store.sequence(),
                        articles,
                        files,
                        [
                            fold_text("\n".join(filter(None, (a.headline, a.kicker, a.subhead, a.byline, a.file))))
                            for a in articles
                        ],
                        [fold_text(line.file.name) for line in files],
                        store.passage_lengths(),
                    )
            return self._state


def _by_file(state: _State, words: DeskWords) -> Plot:
    counts = [line.articles for line in state.files]
    told = {"files": len(counts), "articles": len(state.articles), "most": max(counts)}
    if len(counts) <= NAMED_FILES:
        return Plot(
            "articles",
            words.articles_by_file,
            words.articles_by_file_text.format(**told),
            [line.file.name for line in state.files],
            words.file,
            words.number_of_articles,
            [Series(words.number_of_articles, "a", counts)],
        )
    width = max(1, -(-(max(counts) + 1) // NAMED_FILES))
    bins = [0] * (max(counts) // width + 1)
    for count in counts:
        bins[count // width] += 1
    return Plot(
        "articles",
        words.files_by_articles,
        words.files_by_articles_text.format(**told),
        [str(at * width) if width == 1 else f"{at * width}–{at * width + width - 1}" for at in range(len(bins))],
        words.number_of_articles,
        words.number_of_files,
        [Series(words.number_of_files, "a", bins)],
    )


def _by_length(lengths: Sequence[int], words: DeskWords) -> Plot:
    bins = [0] * (max(lengths) // BIN_CHARS + 1)
    for length in lengths:
        bins[length // BIN_CHARS] += 1
    return Plot(
        "passages",
        words.passages_by_length,
        words.passages_by_length_text.format(
            passages=len(lengths), median=round(statistics.median(lengths)), most=max(lengths)
        ),
        [f"{at * BIN_CHARS}–{at * BIN_CHARS + BIN_CHARS - 1}" for at in range(len(bins))],
        words.characters,
        words.number_of_passages,
        [Series(words.number_of_passages, "a", bins)],
    )
