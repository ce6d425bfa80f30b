"""A conversation as a file to take away: Markdown for people, JSON for programs, with numbered sources. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from qa.answer import labelled
from qa.talks import Record, Talk
from qa.web.words import Words, several_told

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$&!])")
"""What Markdown, or HTML within it, could take for markup (CommonMark §2.4); lists begin on lines of their own."""


def as_json(talk: Talk) -> dict[str, Any]:
    """The conversation with its whole records; ``sources`` of a turn are numbers of the list at the end."""
    numbered = _Sources()
    return {
        "title": talk.title,
        "turns": [
            {
                "question": turn.record["question"],
                "asked_at": _time(turn.asked_at),
                "sources": [numbered.number(passage["source"]) for passage in turn.record["passages"]],
                "record": turn.record,
            }
            for turn in talk.turns
        ],
        "sources": [{"number": number} | dict(source) for number, source in enumerate(numbered.all, 1)],
    }


def as_markdown(talk: Talk, words: Words) -> str:
    """The conversation as Markdown: question, answer, the passage that it stands in; the sources at the end."""
    numbered = _Sources()
    lines = [f"# {plain(talk.title)}", ""]
    for turn in talk.turns:
        record = turn.record
        lines += [f"## {plain(record['question'])}", "", f"*{_time(turn.asked_at)}*", ""]
        numbers = [numbered.number(passage["source"]) for passage in record["passages"]]
        if record["answer"] is None:
            lines += [words.meaning[record["status"]], ""]
        else:
            sure = words.confidence.format(percent=round(100 * record["confidence"]))
            lines += [f"**{plain(record['answer'])}** ({sure})", ""]
        if record.get("gathered"):
            lines += [several_told(words, record["gathered"]), ""]
            lines += [f"- {plain(labelled(part))} [{numbers[part['rank'] - 1]}]" for part in record["gathered"]] + [""]
        if record["status"] != "not_found" and numbers:
            lines += [f"> {plain(record['passages'][0]['text'])} [{numbers[0]}]", ""]
        if numbers:
            lines += [f"{words.sources}: {' '.join(f'[{number}]' for number in numbers)}", ""]
    if numbered.all:
        lines += [f"## {words.sources}", ""]
        lines += [f"{number}. {plain(source_line(source, words))}" for number, source in enumerate(numbered.all, 1)]
    return "\n".join(lines).rstrip() + "\n"


def source_line(source: Record, words: Words) -> str:
    """A source in words: headline › section, file, place."""
    name = " › ".join(part for part in (source["article"] or words.untitled, source["section"]) if part)
    place = words.place.format(start=source["start"], end=source["end"])
    return words.cited.format(name=name, file=source["file"], place=place)


class _Sources:
    """Different sources, numbered from 1 as they come."""

    def __init__(self) -> None:
        self.all: list[Record] = []
        self._numbers: dict[Sequence[Any], int] = {}

    def number(self, source: Record) -> int:
        key = (source["file"], source["start"], source["end"])
        if key not in self._numbers:
            self.all.append(source)
            self._numbers[key] = len(self.all)
        return self._numbers[key]


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(sep=" ", timespec="minutes")


def plain(text: str) -> str:
    """``text`` on one line, meaning itself in Markdown."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
