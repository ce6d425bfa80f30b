"""Sites and what opens them, as values. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from qa.errors import UsageError
from qa.filters import EVERYTHING, Filters

Scope = Literal["ask", "batch", "admin"]
"""What an API token may do; ``admin`` may do everything."""
SCOPES: tuple[Scope, ...] = get_args(Scope)

NAME_CHARS = 64
_NAME = re.compile(r"[^\x00-\x20\x7f-\xa0](?:[^\x00-\x1f\x7f-\x9f]{0,62}[^\x00-\x20\x7f-\xa0])?")

URL_CHARS = 2000
_URL_PLACES = {"id", "start", "end", "file", "headline"}
_URL_PLACE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class SiteLimits:
    """What a site's visitors can find, whatever they ask: the articles that ``filters`` allow.

    ``url_template`` is where citations lead instead of our article page: ``{id}``, ``{start}``, ``{end}``, ``{file}``,
    ``{headline}`` are filled in, escaped. ``logs_questions``: may what visitors ask be kept for review?
    """

    filters: Filters = EVERYTHING
    url_template: str | None = None
    logs_questions: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """A site that may show the widget on pages of exactly these origins; none of them: it is switched off."""

    id: int
    name: str
    origins: tuple[str, ...]
    limits: SiteLimits
    made: str
    """The day (UTC) it was made, ISO 8601."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A site key (``site`` set, scope ``ask``) or an API token. Of its secret only the first characters are known."""

    id: int
    name: str
    begins: str
    scopes: frozenset[Scope]
    site: str | None
    made: str
    last_used: str | None
    """The last day (UTC) it was used, ISO 8601; None is never."""
    revoked: str | None

    def may(self, scope: Scope) -> bool:
        """Whether it opens ``scope``."""
        return scope in self.scopes or "admin" in self.scopes


def checked_name(name: str) -> str:
    """``name``, when it can name a site or a token.

    Raises:
        UsageError: NAME_INVALID.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            "NAME_INVALID", f"{name!r} can't be a name; use 1 to {NAME_CHARS} characters, no blanks around.", "name"
        )
    return name


def checked_url_template(template: str) -> str:
    """``template``, when it leads to a page of the web or of the same site and knows only our places.

    Raises:
        UsageError: URL_TEMPLATE_INVALID.
    """
    places = set(_URL_PLACE.findall(template))
    bare = _URL_PLACE.sub("", template)
    if not re.match(r"https?://[^/{}]+/|/(?![/\\])", template) or len(template) > URL_CHARS:
        reason = "begin it with https://your.site/ or, for pages of the same site, with one /"
    elif re.search(r"[\x00-\x20\x7f\\]", template):
        reason = "it must have no blanks, control characters or backslashes"
    elif places - _URL_PLACES or "{" in bare or "}" in bare:
        reason = f"its places are {', '.join(f'{{{place}}}' for place in sorted(_URL_PLACES))}"
    else:
        return template
    raise UsageError("URL_TEMPLATE_INVALID", f"{template!r} is no address for articles: {reason}.", "url_template")
