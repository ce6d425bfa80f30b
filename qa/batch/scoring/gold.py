"""A row's gold columns → what its answer should be. Values only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qa.batch.reading import Questions
from qa.batch.reading.columns import MANY, folded, role_of
from qa.batch.values import EMPTY, Row, cell_text
from qa.batch.wording import LANGUAGES, MARK, own_columns

GOLD_ROLES = ("answer", "article", "source", "answerable", "verdict")
"""Roles of the columns that say what is right."""
NO_ANSWER = frozenset(
    {"无答案", "沒有答案", "没有答案", "無答案", "不可答", "无法回答", "無法回答", "没有找到", "沒有找到", "回答なし",
     "該当なし", "unanswerable", "no answer", "not found", "not_found"}
)  # fmt: skip
"""What a gold answer may say, folded, where the corpus holds none."""
_NO = frozenset({"no", "n", "0", "false", "否", "不", "不可", "无", "無", "いいえ"})
_RIGHT = frozenset(
    {"right", "correct", "r", "yes", "y", "1", "true", "对", "對", "正", "正确", "正確", "是", "√", "✓", "✔", "○"}
)
_WRONG = frozenset(
    {"wrong", "incorrect", "w", "no", "n", "0", "false", "错", "錯", "误", "誤", "错误", "錯誤", "否", "×", "✗", "✘",
     "x"}
)  # fmt: skip
_PARTS = re.compile(r"[\n|｜]")
_SPAN = re.compile(r"^(?P<file>.+?):(?P<start>[0-9]+)-(?P<end>[0-9]+)")


@dataclass(frozen=True, slots=True)
class Place:
    """A file, or ``[start, end)`` of it, in characters; files are compared by name."""

    file: str
    start: int | None = None
    end: int | None = None

    def holds(self, source: Mapping[str, Any]) -> bool:
        """Whether a passage's source is of that file and has a character in common with the span."""
        name, wanted = _base(str(source["file"])), _base(self.file)
        if name != wanted and name.rpartition(".")[0] != wanted:
            return False
        if self.start is None or self.end is None:
            return True
        return bool(source["start"] < self.end and self.start < source["end"])


@dataclass(frozen=True, slots=True)
class Gold:
    """What a row's answer should be; of what nobody said, nothing is known."""

    answers: tuple[str, ...] = ()
    """Accepted answers."""
    rejected: tuple[str, ...] = ()
    """Answers that a reviewer found wrong."""
    answerable: bool | None = None
    """Whether the corpus holds an answer."""
    places: tuple[Place, ...] = ()
    """Any of which tells the fact."""
    headline: str | None = None
    refusal_wrong: bool = False
    """A reviewer found wrong that nothing was answered."""
    categories: Mapping[str, str] = field(default_factory=lambda: EMPTY)

    @property
    def known(self) -> bool:
        """Whether there is anything to score by."""
        return (
            bool(self.answers or self.rejected or self.places or self.headline or self.refusal_wrong)
            or self.answerable is False
        )


class GoldReader:
    """Reads the gold of a file's rows: which columns hold what is found out once."""

    def __init__(self, questions: Questions) -> None:
        self._named: dict[str, tuple[str, ...]] | None = None
        self._given: str | None = None
        columns = questions.columns
        if columns.names:
            self._named = {role: columns.named(role) for role in columns.roles}
            ours = own_columns(columns.names)
            answers = {name for words in LANGUAGES.values() for name in (words.columns["answer"],)}
            self._given = next((columns.names[i] for i in ours if columns.names[i].removesuffix(MARK) in answers), None)
        self._wanted = {role: tuple(names) for role, names in questions.options.columns.items()}

    def __call__(self, row: Row) -> Gold:
        """The row's gold."""
        cells = row.cells
        named = self._roles(cells)

        def text(role: str) -> str:
            return next((cell_text(cells.get(name)).strip() for name in named.get(role, ()) if cells.get(name)), "")

        answers, answerable = self._answers(cells, named)
        if (said := folded(text("answerable"))) and answerable is not False:
            answerable = said not in _NO
        rejected: tuple[str, ...] = ()
        refusal_wrong = False
        if self._given is not None and (verdict := folded(text("verdict"))):
            given = cell_text(cells.get(self._given)).strip()
            if verdict in _RIGHT and given:
                answers = (*answers, given)
                answerable = True
            elif verdict in _RIGHT:
                answerable = False
            elif verdict in _WRONG:
                rejected, refusal_wrong = ((given,), False) if given else ((), True)
        return Gold(
            answers=answers,
            rejected=rejected,
            answerable=answerable,
            places=_places(cells, text("source")),
            headline=text("article") or None,
            refusal_wrong=refusal_wrong,
            categories={
                name: cell_text(cells.get(name)).strip() for name in named.get("category", ()) if cells.get(name)
            },
        )

    def _roles(self, cells: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
        if self._named is not None:
            return self._named
        found: dict[str, list[str]] = {role: list(names) for role, names in self._wanted.items()}
        for name in cells:
            role = role_of(name)
            if role and role not in self._wanted and (role in MANY or role not in found):
                found.setdefault(role, []).append(name)
        return found

    def _answers(
        self, cells: Mapping[str, Any], named: Mapping[str, Sequence[str]]
    ) -> tuple[tuple[str, ...], bool | None]:
        """The accepted answers, and whether there is one: null in JSON says that there is none."""
        found: list[str] = []
        none = False
        for name in named.get("answer", ()):
            value = cells.get(name)
            if isinstance(value, list):
                found += [str(item).strip() for item in value if item]
            elif self._named is None and name in cells and value is None:
                none = True
            else:
                found += [part.strip() for part in _PARTS.split(cell_text(value)) if part.strip()]
        also = cells.get("answer_alternatives")
        found += [str(item) for item in also if item] if isinstance(also, list) else []
        if found and all(folded(answer) in NO_ANSWER for answer in found):
            return (), False
        if none and not found:
            return (), False
        return tuple(dict.fromkeys(found)), True if found else None


def has_gold(questions: Questions) -> bool:
    """Whether the file has gold columns; of JSON Lines the first thousand rows are looked at."""
    if questions.columns.names:
        return any(role in questions.columns.roles for role in GOLD_ROLES)
    if questions.format != "jsonl":
        return False
    read = GoldReader(questions)
    return any(read(row).known for _, row in zip(range(1000), questions, strict=False))


def _places(cells: Mapping[str, Any], source: str) -> tuple[Place, ...]:
    """Where the fact stands: spans of the gold files of JSON Lines, else the file that a cell names."""
    evidence = cells.get("evidence")
    listed = evidence if isinstance(evidence, list) else []
    start, end, file = cells.get("evidence_start"), cells.get("evidence_end"), cells.get("file")
    if isinstance(start, int) and isinstance(end, int) and isinstance(file, str):
        listed = [{"file": file, "start": start, "end": end}]
    also = cells.get("also_evidence")
    listed = [*listed, *(also if isinstance(also, list) else [])]
    spans = tuple(
        Place(item["file"], item["start"], item["end"])
        for item in listed
        if isinstance(item, dict) and {"file", "start", "end"} <= item.keys()
    )
    if spans or not source:
        return spans
    found = []
    for part in _PARTS.split(source):
        if span := _SPAN.fullmatch(part.strip()):
            found.append(Place(span["file"], int(span["start"]), int(span["end"])))
        elif part.strip():
            found.append(Place(part.strip()))
    return tuple(found)


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]
