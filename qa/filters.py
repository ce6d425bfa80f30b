"""Which articles a question may be answered from: by file, by article, by date. Values only, nothing is searched here.

Filters come in from every surface through ``Filters.read`` and go with the question to ``Bot.ask_many``, where they
become the set of passages that both legs are searched in. docs/filters.md tells them to people.
"""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from qa.errors import UsageError

MOST_NAMES = 200
"""File patterns, and articles, in one filter: a folder or a pattern names more."""
NAME_CHARS = 1024
"""Longest file pattern."""
LARGEST_ID = 2**53 - 1
"""Largest id of an article (``qa.store``)."""

_DATE = re.compile(r"^([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?$")
_KEYS = ("files", "articles", "since", "until")

SCHEMA: Mapping[str, Any] = MappingProxyType(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "files": {
                "type": "array",
                "maxItems": MOST_NAMES,
                "items": {"type": "string", "minLength": 1, "maxLength": NAME_CHARS},
                "description": "Names of files, folders that end in /, or patterns with * and ?.",
            },
            "articles": {
                "type": "array",
                "maxItems": MOST_NAMES,
                "items": {"type": "integer", "minimum": 1, "maximum": LARGEST_ID},
                "description": "Ids of articles.",
            },
            "since": {"type": ["string", "null"], "pattern": _DATE.pattern, "description": "First day, month or year."},
            "until": {"type": ["string", "null"], "pattern": _DATE.pattern, "description": "Last day, month or year."},
        },
    }
)
"""What ``Filters.read`` takes, as JSON Schema; it can't say that the day exists, nor that since isn't later."""


class FilterError(UsageError):
    """A filter that can't be understood; ``field`` says which."""

    http_status = 422


@dataclass(frozen=True, slots=True)
class Filters:
    """What is allowed: an article must pass each part that is given; none given allows everything.

    ``files`` are exact names, folders (``2020/``) or patterns (``2020/*.txt``: ``*`` stands for any characters, ``?``
    for one); one of them must fit. ``articles`` are ids. ``since`` and ``until`` are days, both inclusive: an article
    passes when all the days that its date may mean lie between them, and never when its date is unknown.

    ``limit`` is a further filter that must be passed too (``within``); it isn't told to whoever asks.
    """

    files: tuple[str, ...] = ()
    articles: tuple[int, ...] = ()
    since: date | None = None
    until: date | None = None
    limit: Filters | None = None

    def __bool__(self) -> bool:
        """Whether anything is left out."""
        return self != EVERYTHING

    @classmethod
    def read(cls, given: object, field: str = "filters") -> Filters:
        """Filters from a JSON object with ``files``, ``articles``, ``since``, ``until``, each of which may be absent.

        ``files`` and ``articles`` are lists; an empty one is as good as none. Days are ``2020-03-08``; a month or year
        alone means its first day in ``since``, its last in ``until``. None is an empty object.

        Raises:
            FilterError: FILTER_INVALID with the field, such as ``filters.since``.
        """
        if given is None:
            return EVERYTHING
        if not isinstance(given, Mapping):
            raise _invalid(field, f"expected an object with {', '.join(_KEYS)}")
        for key in given:
            if key not in _KEYS:
                raise _invalid(f"{field}.{_shown(key)}", f"there is no such filter; known: {', '.join(_KEYS)}")
        since = _day(given.get("since"), f"{field}.since", last=False)
        until = _day(given.get("until"), f"{field}.until", last=True)
        if since and until and since > until:
            raise _invalid(f"{field}.since", f"{since} is later than until, {until}")
        files = tuple(dict.fromkeys(_files(given.get("files"), f"{field}.files")))
        articles = tuple(dict.fromkeys(_articles(given.get("articles"), f"{field}.articles")))
        return cls(files, articles, since, until)

    def json(self) -> dict[str, Any]:
        """The object that ``read`` reads, without what isn't given."""
        parts: dict[str, Any] = {"files": list(self.files), "articles": list(self.articles)}
        parts |= {"since": self.since and self.since.isoformat(), "until": self.until and self.until.isoformat()}
        return {key: value for key, value in parts.items() if value}

    def within(self, limit: Filters) -> Filters:
        """The narrower of both: what these filters allow of what ``limit`` allows."""
        if not limit or limit == self.limit:
            return self
        return replace(self, limit=limit if self.limit is None else self.limit.within(limit))

    def allows(self, file: str, article: int, when: str | None) -> bool:
        """Whether an article passes; ``when`` is its date as the store has it (see ``days``), None when unknown."""
        if self.files and not any(_fits(file, pattern) for pattern in self.files):
            return False
        if self.articles and article not in self.articles:
            return False
        if self.since or self.until:
            if when is None:
                return False
            first, last = days(when)
            if (self.since and first < self.since) or (self.until and last > self.until):
                return False
        return self.limit is None or self.limit.allows(file, article, when)


EVERYTHING = Filters()
"""Nothing is left out."""


def days(when: str) -> tuple[date, date]:
    """First and last day that a date may mean: ``2020-03-08`` one day, ``2020-03`` a month, ``2020`` a year.

    Raises:
        ValueError: it is no such date.
    """
    match = _DATE.fullmatch(when)
    if match is None:
        raise ValueError(f"{when!r} is no date like 2020-03-08, 2020-03 or 2020")
    year, month, day = (int(part) if part else None for part in match.groups())
    if year is None or month is None:
        return date(int(match[1]), 1, 1), date(int(match[1]), 12, 31)
    if day is None:
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    return date(year, month, day), date(year, month, day)


def _day(given: object, field: str, *, last: bool) -> date | None:
    if given is None:
        return None
    if not isinstance(given, str):
        raise _invalid(field, "expected a day as text, like 2020-03-08")
    try:
        return days(given)[last]
    except ValueError as error:
        raise _invalid(field, f"{_shown(given)!r} is no day; write one like 2020-03-08, or a month or year") from error


def _files(given: object, field: str) -> Sequence[str]:
    names = []
    for number, name in enumerate(_listed(given, field, "file names")):
        if not isinstance(name, str) or not name or len(name) > NAME_CHARS:
            raise _invalid(f"{field}.{number}", f"expected a name of 1 to {NAME_CHARS} characters")
        if any("\ud800" <= character <= "\udfff" or character < " " for character in name):
            raise _invalid(f"{field}.{number}", "a file name holds no control characters and no halves of characters")
        names.append(unicodedata.normalize("NFC", name))
    return names


def _articles(given: object, field: str) -> Sequence[int]:
    ids = []
    for number, article in enumerate(_listed(given, field, "article ids")):
        if not isinstance(article, int) or isinstance(article, bool) or not 0 < article <= LARGEST_ID:
            raise _invalid(f"{field}.{number}", f"expected an article's id, a whole number from 1 to {LARGEST_ID}")
        ids.append(article)
    return ids


def _listed(given: object, field: str, what: str) -> Sequence[object]:
    if given is None:
        return ()
    if not isinstance(given, list | tuple):
        raise _invalid(field, f"expected a list of {what}")
    if len(given) > MOST_NAMES:
        raise _invalid(field, f"{len(given)} {what} are given, at most {MOST_NAMES} are taken; name folders instead")
    return given


def _fits(file: str, pattern: str) -> bool:
    file = unicodedata.normalize("NFC", file)
    if file == pattern or (pattern.endswith("/") and file.startswith(pattern)):
        return True
    return any(mark in pattern for mark in "*?[") and _expression(pattern).match(file) is not None


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    # Many stars in a row mean one, and each further one costs time.
    return re.compile(fnmatch.translate(re.sub(r"\*+", "*", pattern)))


def _invalid(field: str, reason: str) -> FilterError:
    return FilterError("FILTER_INVALID", f"{field}: {reason}.", field=field)


def _shown(given: object) -> str:
    return str(given).encode("utf-8", "replace").decode()[:60]
