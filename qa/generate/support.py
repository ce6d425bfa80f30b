"""Does a cited passage bear a statement out? Cheap, and strict about what can be checked: figures and addresses.

It is no proof: a statement may turn a passage's words around. It keeps out what a model invents or what an article
makes it say under another passage's number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import regex  # type: ignore[import-untyped]  # no stubs among the development tools

from embeddings.embedder import Embedder
from qa.text import Terms, fold_text
from qa.text.numerals import numbers

WORDS_SHARED = 0.35
"""Least share of a statement's words that its passages have: docs/generated.md has the measurement."""
FAR = 0.15
"""Cosine from which on a statement in another script belongs to a passage: as for questions, see qa.answer.evidence."""

# A scheme begins at the first letter of its run alone: from each letter, a long run would take quadratic time.
_SCHEME = r"(?=[a-z])(?<=(?<![a-z0-9+.-])[0-9+.-]*)[a-z0-9+.-]+://"
_ADDRESS = regex.compile(rf"(?:{_SCHEME}|www\.|mailto:|javascript:|data:)[^\s\p{{Han}}，。；）)]*", regex.I)
_CJK = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")
_LATIN = regex.compile(r"\p{Latin}")


class Support:
    """Judges statements by the words and the model of a bot."""

    def __init__(self, terms: Callable[[], Terms], embedder: Embedder) -> None:
        self._terms = terms
        self._embedder = embedder

    def __call__(self, statement: str, passages: Sequence[Mapping[str, Any]], question: str) -> bool:
        """Whether ``passages``, those of a record that ``statement`` cites, bear it out.

        Each figure stands in them or in the question, each address in them, and enough of its words; where it is in
        another script than they are, it means about the same as one of them.
        """
        texts = [_told(passage) for passage in passages]
        cited = "\n".join(texts)
        folded = fold_text(cited)
        known = {value for value, _, _ in numbers(f"{folded}\n{fold_text(question)}")}
        if not {value for value, _, _ in numbers(fold_text(statement))} <= known:
            return False
        if any(address.casefold() not in cited.casefold() for address in _ADDRESS.findall(statement)):
            return False
        if bool(_CJK.search(statement)) != bool(_CJK.search(cited)) and _LATIN.search(f"{statement}{cited}"):
            vectors = self._embedder.passages([statement, *texts])
            return bool((vectors[1:] @ vectors[0]).max() >= FAR)
        return self.shared(statement, cited) >= WORDS_SHARED

    def shared(self, statement: str, text: str) -> float:
        """Share of a statement's words that stand in ``text``; single Chinese characters say too little to count."""
        words = self._words(statement)
        return len(words & self._words(text)) / len(words) if words else 0.0

    def _words(self, text: str) -> set[str]:
        return {word for word in self._terms().question_words(text) if len(word) > 1 or not _CJK.match(word)}


def _told(passage: Mapping[str, Any]) -> str:
    source = passage["source"]
    heads = (source["article"], source["section"], source.get("date"), passage["text"])
    return "\n".join(head for head in heads if head)
