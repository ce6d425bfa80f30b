"""Terms: how passages and questions are cut for the lexical index; first version."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba

from qa.text.folding import fold, fold_text

TERMS_VERSION = 1
_RUN = regex.compile(r"(?P<cjk>[\p{Han}\p{Hiragana}\p{Katakana}ー]+)|[\p{L}\p{M}\p{N}]+(?:[.,]\p{Nd}+)*")


class Terms:
    """How text is cut into index terms; one instance a process."""

    def __init__(self, dictionary: Path | None = None, synonyms: Path | None = None) -> None:
        self.version = f"{TERMS_VERSION}"

    def passage(self, text: str) -> list[str]:
        """Terms of a passage, duplicates kept."""
        return [term for term, _, _ in self._cut(fold_text(text))]

    def question(self, text: str) -> list[str]:
        """Terms of a question."""
        return self.passage(text)

    def places(self, text: str, wanted: Collection[str]) -> list[tuple[int, int]]:
        """Spans of the original where wanted terms stand, merged."""
        folded = fold(text)
        spans: list[tuple[int, int]] = []
        for term, start, end in sorted(self._cut(folded.text), key=lambda cut: cut[1:]):
            if term in wanted:
                first, last = folded.offsets[start], folded.offsets[end - 1] + 1
                if spans and first <= spans[-1][1]:
                    spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
                else:
                    spans.append((first, last))
        return spans

    def _cut(self, folded: str) -> list[tuple[str, int, int]]:
        cuts: list[tuple[str, int, int]] = []
        for run in _RUN.finditer(folded):
            start, content = run.start(), run.group()
            if run["cjk"] is None:
                cuts.append((content, start, run.end()))
                continue
            cuts += [(word, start + a, start + b) for word, a, b in rjieba.tokenize(content, mode="search")]
            cuts += [(content[i : i + 2], start + i, start + i + 2) for i in range(len(content) - 1)]
        return cuts
