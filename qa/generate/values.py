"""What has been written so far, and what can go wrong. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qa.errors import NetworkError

REASONS = {
    "LLM_UNAVAILABLE": "The language model's server can't be reached",
    "LLM_ADDRESS": "The language model's address is none where models are served",
    "LLM_TIMEOUT": "The language model took too long",
    "LLM_INTERRUPTED": "The language model broke off",
    "LLM_UNAUTHORIZED": "The language model's server doesn't accept this bot's key",
    "LLM_MODEL_UNKNOWN": "The language model's server doesn't have that model",
    "LLM_RATE_LIMITED": "The language model's server takes no more questions for now",
    "LLM_REJECTED": "The language model's server refused the request",
    "LLM_SERVER_ERROR": "The language model's server failed",
    "LLM_REDIRECT": "The language model's server points elsewhere, where nobody follows",
    "LLM_MALFORMED": "The language model's server sent what can't be read",
    "LLM_TOO_LONG": "The language model wrote more than is taken",
    "LLM_EMPTY": "The language model wrote nothing",
    "LLM_UNCITED": "The language model wrote nothing that a passage bears out",
    "LLM_LEAK": "The language model gave away what is not for readers, and its text was withheld",
    "LLM_BUSY": "The language model is at work for others",
    "LLM_PAUSED": "The language model failed several times and is left alone for a while",
}
"""For whoever asked, by code, without an address. What the owner needs to know goes to the log."""
MESSAGE = "{reason}; the passages stand on their own."

OF_THE_TEXT = frozenset({"LLM_TOO_LONG", "LLM_EMPTY", "LLM_UNCITED", "LLM_LEAK"})
"""Codes that speak of what was written: the server itself did its part."""


class GenerationError(NetworkError):
    """No text, or not all of it. ``detail`` is for the owner's log."""

    def __init__(self, code: str, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(code, MESSAGE.format(reason=REASONS[code]))
        self.detail = detail
        self.retry_after_s = retry_after_s
        """How long the server asked to be left alone."""


@dataclass(frozen=True, slots=True)
class Written:
    """A model's text as far as it is known to be good; each state has all of the one before, but after a leak."""

    text: str = ""
    """Statements, plain, each with marks ``[n]``: n is the rank of a passage in the record."""
    added: str = ""
    """The end of ``text`` that the state before didn't have."""
    citations: tuple[int, ...] = ()
    """Ranks of the passages that are cited, each once, in order."""
    sentences_removed: int = 0
    """Without a mark of a passage, or not borne out by the ones they cite."""
    marks_removed: int = 0
    """Of passages that aren't there."""
    error: GenerationError | None = None
    """With text: why it is incomplete."""
    done: bool = False

    def json(self, model: str) -> dict[str, Any]:
        """The field ``generated`` of an answer record: docs/generated.md."""
        error = {"code": self.error.code, "message": self.error.message} if self.error else None
        return {
            "text": self.text or None,
            "citations": list(self.citations),
            "model": model,
            "removed": {"sentences": self.sentences_removed, "marks": self.marks_removed},
            "error": error,
        }
