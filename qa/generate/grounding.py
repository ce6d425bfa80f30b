"""A model's text as it comes → plain statements, each with a mark of a passage that bears it out. No I/O.

What a model writes is not trusted: it may repeat what an article told it to write. Whatever passes here is plain text
in whole sentences, cites a passage that was retrieved, and has no markup, no address and no figure that isn't there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import regex  # type: ignore[import-untyped]  # no stubs among the development tools

from qa.generate.prompt import Prompt
from qa.generate.values import GenerationError, Written
from qa.text import sentences
from qa.text.boundaries import QUOTATION_CHARS

AHEAD_CHARS = 20
"""Characters behind a sentence that may still change where it ends: abbreviations, closing quotes, marks."""
SENTENCE_CHARS = 600
"""Longest statement that is shown; what goes on without an end is no short answer."""
KEY_CHARS = 12
"""From which length on a key is looked for in a text: shorter ones are words like "none" that servers ask for."""

_MARK = r"[\[［【]\s*\^?\d{1,4}(?:\s*[,，、;；–—-]\s*\d{1,4}){0,20}\s*(?:†[^\[\]［］【】\n]{0,80})?[\]］】]"
_MARKS = regex.compile(_MARK)
_MARKS_BEHIND = regex.compile(rf"\G(?:[ \t]*{_MARK})+")
_MAY_BE_MARK = regex.compile(r"[ \t]*(?:[\[［【][^\[\]［］【】\n]{0,100})?$")
_NUMBERS = regex.compile(r"(\d+)(?:\s*[–—-]\s*(\d+))?")
_MAY_END = regex.compile(r"[。！？!?．｡‼⁇⁈⁉….\n\r]")
_OPENERS, _CLOSERS = regex.compile(r"[“‘「『《〈（(\[【〔]"), regex.compile(r"[”’」』》〉）)\]】〕]")
_THINKING = regex.compile(r"^\s*<think>.*?(?:</think>\s*|$)", regex.S)
_SCRIPTS = regex.compile(r"<\s*(script|style|iframe|object|svg|math)\b.*?(?:<\s*/\s*\1\s*>|$)", regex.S | regex.I)
_PICTURE_BEGINS = regex.compile(r"!(?=\[[^\d\s^])")
_PICTURE_SIGN = "\ue000"
"""Stands for the exclamation mark of a picture, which would end a sentence."""
_WORDS, _TARGET = r"\[[^\]\n]*+", r"\([^)\n]*+"
# Each also matches, as its last group, a bracket that nothing closes, with all that could have closed it: if that were
# looked for from each bracket again, a row of them would take quadratic time.
_PICTURE, _PICTURE_BY_NAME = (
    regex.compile(rf"{begin}\]{behind}{end}|({begin}(?:\](?:{behind})?)?)")
    for begin in (rf"[!{_PICTURE_SIGN}]{_WORDS}",)
    for behind, end in ((_TARGET, r"\)"), (_WORDS, r"\]"))
)
_LINK = regex.compile(rf"\[([^\]\n]*+)\]{_TARGET}\)|({_WORDS}(?:\](?:{_TARGET})?)?)")
_TAG = regex.compile(r"<\s*/?[a-zA-Z!?][^<>]*>")
_TAG_START = regex.compile(r"<[<\s]*+([a-zA-Z/!?])?")
_LINE_SIGNS = regex.compile(r"^(?:[ \t]*(?:#{1,6}|[-*+•·>]|\d{1,2}[.)、](?=[ \t]|\p{Han})))+[ \t]*")
_EMPHASIS = regex.compile(r"\*\*|__|~~|`+")

Supports = Callable[[str, Sequence[Mapping[str, Any]], str], bool]
"""Whether the passages that a statement cites bear it out, given the question."""


class Grounding:
    """Takes text in pieces, gives statements; the same ones however the text is cut, quotations aside."""

    def __init__(self, prompt: Prompt, question: str, key: str | None, supports: Supports) -> None:
        self._passages = prompt.passages
        self._question = question
        self._supports = supports
        self._secrets = [secret for secret in (_bare(prompt.canary), _bare(key or "")) if len(secret) >= KEY_CHARS]
        self._tail = ""
        self._buffer = ""
        self._looked_at = 0
        self._is_begun = False
        self._seen: set[str] = set()
        self._text = ""
        self._citations: list[int] = []
        self._sentences_removed = 0
        self._marks_removed = 0
        self._has_content = False

    def feed(self, piece: str) -> Written:
        """What is written with ``piece`` taken in.

        Raises:
            GenerationError: LLM_LEAK; then nothing of the text is to be shown.
        """
        self._look_for_secrets(piece)
        self._buffer = _PICTURE_BEGINS.sub(_PICTURE_SIGN, self._buffer + piece)
        if not self._is_begun and not self._begin():
            return self._written("")
        may_end = _MAY_END.search(self._buffer, self._looked_at)
        if may_end is None:
            self._looked_at = len(self._buffer)
        if may_end is None or len(self._buffer) - may_end.end() < AHEAD_CHARS:
            return self._written("")
        return self._take(whole=False)

    def finish(self, error: GenerationError | None = None) -> Written:
        """All that is written; after ``error`` an unfinished sentence at the end is left out.

        The result has LLM_EMPTY or LLM_UNCITED where nothing was written that can be shown.
        """
        if not self._is_begun:
            self._buffer = _THINKING.sub("", self._buffer, count=1)
        found = self._take(whole=True, unfinished=error is None)
        if error is None and not found.text:
            code = "LLM_UNCITED" if self._has_content else "LLM_EMPTY"
            error = GenerationError(code, f"{self._sentences_removed} sentences were left out")
        return Written(
            found.text,
            found.added,
            found.citations,
            found.sentences_removed,
            found.marks_removed,
            error=error,
            done=True,
        )

    def _look_for_secrets(self, piece: str) -> None:
        """Also where a secret is written with blanks, signs or in the other case, and comes in several pieces."""
        bare = self._tail + _bare(piece)
        longest = max((len(secret) for secret in self._secrets), default=1)
        self._tail = bare[-(longest - 1) :] if longest > 1 else ""
        if any(secret in bare for secret in self._secrets):
            raise GenerationError("LLM_LEAK", "the text had the number of the instructions, or the key")

    def _begin(self) -> bool:
        """Whether the thoughts that some models begin with, in ``<think>``, are over."""
        start = self._buffer.lstrip()
        if "<think>".startswith(start[:7]) and len(start) < 7:
            return False
        if start.startswith("<think>"):
            if "</think>" not in start:
                return False
            self._buffer = _THINKING.sub("", self._buffer, count=1)
        self._is_begun = True
        return True

    def _take(self, *, whole: bool, unfinished: bool = True) -> Written:
        added = ""
        spans = sentences(self._buffer)
        at = 0
        for number, (begin, stop) in enumerate(spans):
            start = max(begin, at)  # marks at its beginning went to the sentence before
            if stop <= start:
                continue
            marks = _MARKS_BEHIND.match(self._buffer, stop)
            end = marks.end() if marks else stop
            sentence = self._buffer[start:end]
            if not whole:
                is_open = len(_OPENERS.findall(sentence)) > len(_CLOSERS.findall(sentence))
                ahead = QUOTATION_CHARS if is_open else AHEAD_CHARS
                if len(self._buffer) - end < ahead or _MAY_BE_MARK.match(self._buffer, end):
                    break
            elif not unfinished and number == len(spans) - 1 and not _is_finished(sentence):
                at = len(self._buffer)
                break
            added += self._statement(sentence)
            at = end
        self._buffer = self._buffer[at:]
        # What isn't taken yet is looked at again when it has another end: else each piece would cost the whole text.
        self._looked_at = 0 if at else max(0, len(self._buffer) - AHEAD_CHARS)
        return self._written(added)

    def _statement(self, sentence: str) -> str:
        """The sentence as it is shown, with what parts it from the one before; nothing when it isn't shown."""
        statement, ranks = self._cited(plain(sentence))
        bare = _MARKS.sub("", statement).strip()
        if not any(character.isalnum() for character in bare):
            return ""
        self._has_content = True
        passages = [self._passages[rank] for rank in ranks]
        repeated = _bare(bare) in self._seen
        if not ranks or repeated or len(bare) > SENTENCE_CHARS or not self._supports(bare, passages, self._question):
            self._sentences_removed += 1
            return ""
        self._seen.add(_bare(bare))
        self._citations += [rank for rank in ranks if rank not in self._citations]
        is_spaced = bool(self._text) and not regex.match(r"[\p{Han}“「（]", statement)
        statement = f" {statement}" if is_spaced else statement
        self._text += statement
        return statement

    def _cited(self, sentence: str) -> tuple[str, list[int]]:
        """The sentence with its marks as ``[n]``, and their numbers; marks of no passage are taken out."""
        ranks: list[int] = []

        def mark(match: regex.Match[str]) -> str:
            named: list[int] = []
            for first, last in _NUMBERS.findall(match.group().partition("†")[0]):
                low, high = int(first), int(last or first)
                named += range(low, high + 1) if low <= high <= low + 50 else [low]
            there = [rank for rank in dict.fromkeys(named) if rank in self._passages]
            self._marks_removed += len(set(named)) - len(there)
            ranks.extend(rank for rank in there if rank not in ranks)
            return "".join(f"[{rank}]" for rank in there)

        marked = _MARKS.sub(mark, sentence)
        closed_up = regex.sub(r"(?<![ \t])[ \t]+(?=[。，、；！？.,;!?])", "", regex.sub(r"\s{2,}", " ", marked))
        return closed_up.strip(), ranks

    def _written(self, added: str) -> Written:
        return Written(self._text, added, tuple(self._citations), self._sentences_removed, self._marks_removed)


def plain(text: str) -> str:
    """A sentence without markup: no HTML, no Markdown, no control or direction signs, on one line."""
    text = "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    text = "".join(c for c in text if c == _PICTURE_SIGN or unicodedata.category(c)[0] != "C")
    before = None
    while text != before:  # what is taken out may leave another: <scr<b>ipt>
        before = text
        text = _TAG.sub("", _SCRIPTS.sub("", text))
        text = _LINK.sub(r"\1\2", _PICTURE_BY_NAME.sub(r"\1", _PICTURE.sub(r"\1", text)))
    text = _EMPHASIS.sub("", _LINE_SIGNS.sub("", text.replace(_PICTURE_SIGN, "")))
    return str(_TAG_START.sub(lambda found: found.group(1) or found.group(), text)).strip()


def _is_finished(sentence: str) -> bool:
    end = str(_MARKS.sub("", sentence)).rstrip().rstrip("”’」』）)】]\"'")
    return end.endswith(tuple("。！？!?….．｡"))


def _bare(text: str) -> str:
    """Letters and digits alone, in one case."""
    return "".join(character for character in unicodedata.normalize("NFKC", text).casefold() if character.isalnum())
