"""What a batch keeps of the index that answers it: its fingerprint, for resuming and comparing; marked sentences."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from qa.answer import Record
from qa.articles import Piece
from qa.bot import Bot
from qa.store import StoredArticle

REMEMBERED_ARTICLES = 64
"""Articles whose passages are at hand for marking; questions of a file are often about the same ones."""


def about(bot: Bot) -> dict[str, Any]:
    """The index and settings that answer, as plain values.

    ``index_fingerprint`` is the same for the same articles, model and ways of cutting terms, on any machine. ``key``
    also counts the settings and the version: with the same one, the same question has the same answer.
    """
    bot.retriever()  # opens the indexes, so that their generation is known
    files = sorted((name, file.sha256) for name, file in bot.store.files().items())
    facts = bot.facts()
    model = facts["model"]
    index = _hash([files, model["fingerprint"], bot.terms.version])
    try:
        release = version("wenbao")
    except PackageNotFoundError:
        release = "unknown"
    told = {
        "wenbao": release,
        "index_fingerprint": index,
        "files": facts["files"],
        "articles": facts["articles"],
        "passages": facts["passages"],
        "model": model["name"],
        "model_fingerprint": model["fingerprint"],
        "top_k": bot.settings.top_k,
        "question_chars": bot.settings.question_chars,
    }
    return {**told, "key": _hash(told), "answered_on": datetime.now(UTC).date().isoformat()}


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()[:32]


class Beside:
    """What results show beside a record: the marked sentences of the first two passages, as they are printed."""

    def __init__(self, bot: Bot) -> None:
        self._store = bot.store
        self._articles: OrderedDict[int, StoredArticle | None] = OrderedDict()

    def __call__(self, record: Record) -> dict[str, str]:
        """``sentence`` and ``runner_up``, the latter with its headline; nothing where nothing is marked."""
        found = {}
        for name, passage in zip(("sentence", "runner_up"), record["passages"][:2], strict=False):
            text = self._marked(passage)
            where = " › ".join(filter(None, (passage["source"]["article"], passage["source"]["section"])))
            found[name] = f"{where}: {text}" if name == "runner_up" and where else text
        return found

    def _marked(self, passage: Mapping[str, Any]) -> str:
        source = passage["source"]
        article = self._article(source["article_id"])
        for section in article.sections if article else ():
            for stored in section.passages:
                if (stored.start, stored.end) == (source["start"], source["end"]):
                    return printed(stored.text, stored.pieces, passage["highlights"])
        return str(passage["text"])

    def _article(self, number: int) -> StoredArticle | None:
        if number not in self._articles:
            self._articles[number] = self._store.article(number)
            if len(self._articles) > REMEMBERED_ARTICLES:
                self._articles.popitem(last=False)
        self._articles.move_to_end(number)
        return self._articles[number]


def printed(text: str, pieces: Sequence[Piece], marks: Sequence[Mapping[str, int]]) -> str:
    """What of a passage's text stands in the marked spans of the original; all of it where none is marked."""
    places = [place for piece in pieces for place in range(piece.start, piece.end)]
    if not marks or len(places) != len(text):
        return text
    return "".join(
        char for char, place in zip(text, places, strict=True) if any(m["start"] <= place < m["end"] for m in marks)
    ).strip()
