"""What a language model writes under an answer, over HTTP: as part of the record, or as events.

It is written on the event loop, by none of the workers that answer questions: a slow model keeps nobody from asking.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing

from qa.answer import Record, record_json
from qa.bot import Bot


async def with_text(bot: Bot, record: Record) -> Record:
    """The record with all that is written under it."""
    if bot.writer is not None:
        async with aclosing(bot.writer.stream(record)) as states:
            async for written in states:
                record = bot.with_text(record, written)
    return record


async def events(bot: Bot, record: Record, *, generate: bool) -> AsyncIterator[str]:
    """An answer as server-sent events: passages, answer (the record), done.

    With ``generate``, between these: ``generated`` for each piece, as ``delta``, and once more with all of it. Ended
    early, it ends the model's work too.
    """
    yield _event("passages", json.dumps(record["passages"], ensure_ascii=False))
    yield _event("answer", record_json(record))
    if generate and bot.writer is not None:
        async with aclosing(bot.writer.stream(record)) as states:
            async for written in states:
                if written.added:
                    yield _event("generated", json.dumps({"delta": written.added}, ensure_ascii=False))
                if written.done:
                    yield _event("generated", record_json(bot.with_text({}, written)["generated"]))
    yield _event("done", "{}")


def _event(name: str, data: str) -> str:
    return f"event: {name}\ndata: {data}\n\n"
