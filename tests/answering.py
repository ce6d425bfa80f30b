"""Records over texts that are given, each a file of one passage, found in their order."""

from __future__ import annotations

from embeddings import load_embedder
from qa.answer import Question, Record, answer_many
from qa.articles import Piece
from qa.hits import Hit
from qa.retrieve import Retrieved
from qa.store import StoredPassage
from qa.text import Terms


def passage(number: int, text: str, head: str | None = None, date: str | None = None) -> StoredPassage:
    """``number`` is its id, its article's, and its file's name."""
    pieces = (Piece(0, len(text)),)
    return StoredPassage(
        number, number, f"{number}.txt", head, None, None, None, None, 0, len(text), text, pieces, date
    )


def ask(question: str, texts: tuple[str, ...], top_k: int | None = None) -> Record:
    """The question's record, as if retrieval had ranked the texts as they come."""
    passages = {number: passage(number, text) for number, text in enumerate(texts)}
    hits = tuple(Hit(number, 1 - number / 10, number + 1, number + 1, 5.0, 0.5) for number in passages)
    words = dict.fromkeys(Terms().question_words(question), 1.0)
    found = Retrieved(question, hits, words, 1.0, 100, words)
    [record] = answer_many([Question(question)], [found], passages, load_embedder(), Terms(), top_k)
    return record
