"""Answers remembered: what is asked again and again is answered once, as long as nothing has changed.

An answer is made from the question, the articles, the owner's words and the model, by nothing else, so that it stays
the same until one of them changes. What stands on a page as an example, or moves a whole town this morning, is asked by
many. Answers are kept as text in one process's memory, by a hash of what was asked, and with nothing of who asked.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

Record = dict[str, Any]
ENTRY_BYTES = 200
"""Counted for an entry beside its text: its hash and its place; a generous guess."""


def digest(*asked: object) -> bytes:
    """A hash of plain values and dataclasses of them, equal for equal ones; a conversation's history can be a MB."""
    return hashlib.blake2b(repr(asked).encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Remembered:
    """Answer records by what was asked, of one state of everything else. Safe to share between threads.

    Args:
        most_bytes: memory that they take together; beyond, those go that were not asked for longest. 0 keeps none.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._state: Hashable = None
        self._texts: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, state: Hashable, asked: bytes) -> Record | None:
        """The record, as a copy; None when it isn't known for this very ``state``."""
        with self._lock:
            text = self._texts.get(asked) if state == self._state else None
            if text is None:
                return None
            self._texts.move_to_end(asked)
        record: Record = json.loads(text)
        return record

    def put(self, state: Hashable, asked: bytes, record: Record) -> None:
        """Keeps a record of ``state``; those of any other state are forgotten."""
        text = json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass")
        with self._lock:
            if state != self._state:
                self._texts.clear()
                self._state, self._bytes = state, 0
            if (former := self._texts.pop(asked, None)) is not None:
                self._bytes -= ENTRY_BYTES + len(former)
            self._texts[asked] = text
            self._bytes += ENTRY_BYTES + len(text)
            while self._bytes > self._most_bytes:
                self._bytes -= ENTRY_BYTES + len(self._texts.popitem(last=False)[1])
