"""Echo: text that only says the question again, which is no answer to it, however often and however well it matches."""

from __future__ import annotations

from collections.abc import Callable

from qa.answer.kinds import Expected

ECHO = 0.8
"""Share of a text's letters and figures that the question makes up, from which on the text counts as nothing else. What
is left of an answer is longer. Other shares are unmeasured."""


def echoing(asked: Expected) -> Callable[[str], bool]:
    """Tells whether a folded text only says the question again, once or often.

    Nothing echoes a question without a question word: it may be a statement, whose like is what is looked for.
    """
    question = _letters(asked.folded[asked.own :])
    if asked.start == asked.end or not question:
        return lambda _: False

    def echoes(text: str) -> bool:
        letters = _letters(text)
        return question in letters and len(letters.replace(question, "")) <= (1 - ECHO) * len(letters)

    return echoes


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))
