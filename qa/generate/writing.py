"""The writer of a bot: record → a model's text, state by state.

It never fails: what goes wrong is told in the text's place, and the record stands as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from typing import Any

from qa.generate.breaker import Breaker
from qa.generate.endpoint import Endpoint, deltas
from qa.generate.grounding import Grounding, Supports
from qa.generate.prompt import compose
from qa.generate.values import GenerationError, Written

log = logging.getLogger(__name__)

Record = Mapping[str, Any]


class Writer:
    """Writes under the answers of one bot, with one model; for any thread and any event loop."""

    def __init__(self, endpoint: Endpoint, supports: Supports, clock: Callable[[], float] = time.monotonic) -> None:
        self.endpoint = endpoint
        self._supports = supports
        self._breaker = Breaker(clock)

    async def stream(self, record: Record) -> AsyncGenerator[Written, None]:
        """The states of the text under a record's answer, the last one ``done``; closing it ends the request.

        None at all where no passage was found that answers. Each failure is logged, with what the owner needs to know.
        """
        if record["status"] == "not_found" or not record["passages"]:
            return
        prompt = compose(record, self.endpoint)
        grounding = Grounding(prompt, record["searched_as"], self.endpoint.key, self._supports)
        failure: GenerationError | None = None
        try:
            with self._breaker.turn():
                async with contextlib.aclosing(deltas(self.endpoint, prompt.messages)) as pieces:
                    async for piece in pieces:
                        # In a thread: a statement in another script is compared by the embedding model.
                        written = await asyncio.to_thread(grounding.feed, piece)
                        if written.added:
                            yield written
        except GenerationError as error:
            failure = error
        if failure is not None and failure.code == "LLM_LEAK":
            last = Written(error=failure, done=True)
        else:
            last = await asyncio.to_thread(grounding.finish, failure)
        if last.error is not None:
            log.warning("%s: %s", last.error.code, last.error.detail)
        yield last

    def stream_here(self, record: Record) -> Iterator[Written]:
        """``stream`` for code that waits. Left early, it ends the request."""
        states: queue.SimpleQueue[Written | BaseException | None] = queue.SimpleQueue()
        loop = asyncio.new_event_loop()

        async def pump() -> None:
            async with contextlib.aclosing(self.stream(record)) as stream:
                async for written in stream:
                    states.put(written)

        task = loop.create_task(pump())

        def run() -> None:
            try:
                loop.run_until_complete(task)
            except BaseException as error:  # noqa: BLE001 (raised again where it is waited for)
                states.put(error)
            finally:
                # As asyncio.run does, but without waiting for its threads: the search of a name may hang for long.
                loop.run_until_complete(loop.shutdown_asyncgens())
                if left := asyncio.all_tasks(loop):
                    loop.run_until_complete(asyncio.wait(left))
                loop.close()
                states.put(None)

        # A thread of its own, since the caller's may have a loop that runs, as in a notebook.
        thread = threading.Thread(target=run, name="wenbao-llm", daemon=True)
        thread.start()
        try:
            while (state := states.get()) is not None:
                if isinstance(state, BaseException):
                    raise state
                yield state
        finally:
            if thread.is_alive():
                with contextlib.suppress(RuntimeError):  # the loop may be closed by now
                    loop.call_soon_threadsafe(task.cancel)
            thread.join()
