"""A question that was asked → a gold question: a line of ``DATA/gold.jsonl`` (form: docs/evaluation.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qa.errors import InputError
from qa.sqlite import store_errors, sync

GOLD_NAME = "gold.jsonl"

_BLANKS = re.compile(r"\s+")


def gold_row(
    number: str,
    question: str,
    *,
    history: Sequence[str] = (),
    file: str | None = None,
    text: str = "",
    evidence: str = "",
    near: int = 0,
    answer: str = "",
) -> dict[str, Any]:
    """A gold question; without ``file`` one that the articles don't answer.

    Args:
        number: its id.
        question: as it was asked.
        history: the questions before it.
        file: the corpus's name of the file that answers.
        text: that file's text.
        evidence: what of the text answers, blanks and line breaks as one likes.
        near: where in the text the evidence is likely; the place nearest to it is taken.
        answer: the short answer.

    Raises:
        InputError: EVIDENCE_NOT_FOUND, when the text doesn't hold the evidence.
    """
    place = None if file is None else _place(file, text, evidence, near)
    return {
        "id": number,
        "question": question,
        "type": "unanswerable" if place is None else "followup" if history else "factual",
        **({"history": list(history)} if history else {}),
        "file": file,
        "evidence": None if place is None else text[slice(*place)],
        "evidence_start": None if place is None else place[0],
        "evidence_end": None if place is None else place[1],
        "answer": None if place is None else answer or None,
        "answer_alternatives": [],
        "split": "review",
    }


def _place(file: str, text: str, evidence: str, near: int) -> tuple[int, int]:
    characters = _BLANKS.sub("", evidence)
    places = []
    if characters:
        pattern = r"\s*".join(map(re.escape, characters))
        places = [found.span() for found in re.finditer(pattern, text)]
    if not places:
        message = f"{file} doesn't hold this text; copy the words that answer from the article, as they are printed."
        raise InputError("EVIDENCE_NOT_FOUND", message, field="evidence")
    return min(places, key=lambda place: abs(place[0] - near))


def add_gold(folder: Path, row: Mapping[str, Any]) -> None:
    """The row is in the folder's gold file, in place of an earlier one of the same id; on the disk when it returns.

    Raises:
        StoreError: DISK_FULL and its kin; then the file is as before.
    """
    path = folder / GOLD_NAME
    part = path.with_name(f"{GOLD_NAME}.tmp")
    with store_errors(path):
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = [line for line in lines if line.strip() and not _has_id(line, row["id"])]
        content = "".join(f"{line}\n" for line in [*kept, json.dumps(row, ensure_ascii=False)])
        part.write_text(content, encoding="utf-8")
        sync(part)
        part.replace(path)
        sync(folder)


def _has_id(line: str, number: object) -> bool:
    try:
        return bool(json.loads(line).get("id") == number)
    except (ValueError, AttributeError):  # somebody's own line: it stays as it is
        return False
