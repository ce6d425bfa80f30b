"""How well pages were split, by the scoring script of the gold folder that stands beside the checkout."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from qa.reading import Document
from qa.splitting import split_document
from qa.store.structure import page_structure

Record = dict[str, Any]

SEEDS = Path(__file__).parents[1] / "seeds"
GOLD = Path(__file__).parents[1].parent / "shared" / "gold"


def document(text: str, file: str = "page.txt") -> Document:
    """The text as a file that was read."""
    return Document(file=file, text=text, encoding="utf-8", format="txt", sha256="")


def inspected(page: Document) -> Record:
    """What ``wenbao inspect --json`` prints of the page."""
    return page_structure(split_document(page))


@dataclass(frozen=True, slots=True)
class Scores:
    """Shares, 0…1; larger is better but for ``straddling``."""

    articles: float
    headlines: float
    sections: float
    covered: float
    straddling: float
    furniture: float
    passages: int


def gold() -> list[Record]:
    """The truth about the sample pages."""
    return list(json.loads((GOLD / "articles.json").read_text(encoding="utf-8")))


def sample(file: str) -> str:
    """A sample page's text, its line ends as they are."""
    with (SEEDS / file).open(encoding="utf-8", newline="") as page:
        return page.read()


def scored(pages: Sequence[Record], truth: Sequence[Record]) -> Scores:
    """The scores of inspected pages against their truth, over all of them."""
    with tempfile.TemporaryDirectory() as folder:
        names = [Path(folder) / "truth.json", *(Path(folder) / f"{i}.json" for i in range(len(pages)))]
        for name, record in zip(names, [list(truth), *pages], strict=True):
            name.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
        printed = io.StringIO()
        before = sys.argv
        sys.argv = ["score_structure", *map(str, names)]
        try:
            with contextlib.redirect_stdout(printed):
                _script().main()
        finally:
            sys.argv = before
    return _read(printed.getvalue())


@cache
def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("score_structure", GOLD / "score_structure.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _read(printed: str) -> Scores:
    def number(pattern: str) -> float:
        match = re.search(pattern, printed)
        assert match is not None, printed
        return float(match[1])

    return Scores(
        articles=number(r"articles .* F1 ([\d.]+)"),
        headlines=number(r"headlines ([\d.]+)"),
        sections=number(r"sections .* F1 ([\d.]+)"),
        covered=number(r"covered +([\d.]+)"),
        straddling=number(r"straddling ([\d.]+)"),
        furniture=number(r"furniture kept out ([\d.]+)"),
        passages=int(number(r"straddling [\d.]+ of (\d+)")),
    )
