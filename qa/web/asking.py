"""The one way from a request to an answer: who asks, within which limits, from which articles. Every HTTP surface's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from qa.answer import Record
from qa.bot import Bot
from qa.filters import EVERYTHING, Filters
from qa.review import ReviewLog
from qa.web.admission import OWNER, Admission, Asker
from qa.web.asked import remember
from qa.web.credentials import Caller
from qa.web.metrics import Metrics


class Asking:
    """Asks ``bot`` for callers."""

    def __init__(self, bot: Bot, admission: Admission, metrics: Metrics, review: ReviewLog) -> None:
        self.bot = bot
        self.admission = admission
        self._metrics = metrics
        self._review = review

    async def ask(
        self,
        caller: Caller,
        question: str,
        *,
        surface: str,
        history: Sequence[str] = (),
        top_k: int | None = None,
        filters: Filters = EVERYTHING,
    ) -> Record:
        """The record of an answer; a site's visitors find only what their site allows.

        Raises:
            LimitError: asked too much. WenbaoError: what ``Bot.ask`` raises.
        """
        work = partial(self.bot.ask, question, history=history, top_k=top_k, filters=allowed(filters, caller))
        record = await self.admission.answer(asker(caller), work)
        self._told(caller, record, surface, history)
        return record

    def ask_here(
        self,
        caller: Caller,
        question: str,
        *,
        surface: str,
        history: Sequence[str] = (),
        filters: Filters = EVERYTHING,
    ) -> Record:
        """The same for who is a thread itself, and waits."""
        work = partial(self.bot.ask, question, history=history, filters=allowed(filters, caller))
        record = self.admission.answer_here(asker(caller), work)
        self._told(caller, record, surface, history)
        return record

    def _told(self, caller: Caller, record: Record, surface: str, history: Sequence[str]) -> None:
        self._metrics.question("widget" if caller.site else surface, str(record["status"]))
        remember(self._review, caller, record, surface=surface, history=history)


def allowed(filters: Filters, caller: Caller) -> Filters:
    """What ``filters`` leave of the articles that a caller may see: a site's visitors those of their site."""
    return filters if caller.site is None else filters.within(caller.site.limits.filters)


def asker(caller: Caller) -> Asker:
    """Which limits a caller has: the owner on the machine itself has none."""
    if caller.kind == "local":
        return OWNER
    if caller.kind in {"admin", "token"}:
        return Asker(token=str(caller.key_id))
    return Asker(address=caller.address, site=None if caller.site is None else caller.site.name)
