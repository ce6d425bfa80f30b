"""Answers remembered: what is asked again and again is answered once, as long as nothing has changed.

An answer is made from the question, the articles, the owner's words and the model, by nothing else, so that it stays
the same until one of them changes. What stands on a page as an example, or moves a whole town this morning, is asked by
many. Answers are kept as text in one process's memory, with none of who asked.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

Record = dict[str, Any]


class Remembered:
    """Answer records by what was asked, of one state of everything else. Safe to share between threads.

    Args:
        most_bytes: size of their texts together; beyond, those go that were not asked for longest. 0 keeps none.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._state: Hashable = None
        self._texts: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, state: Hashable, asked: Hashable) -> Record | None:
        """The record, as a copy; None when it isn't known for this very ``state``."""
        with self._lock:
            text = self._texts.get(asked) if state == self._state else None
            if text is None:
                return None
            self._texts.move_to_end(asked)
        record: Record = json.loads(text)
        return record

    def put(self, state: Hashable, asked: Hashable, record: Record) -> None:
        """Keeps a record of ``state``; those of any other state are forgotten."""
        text = json.dumps(record, ensure_ascii=False).encode()
        with self._lock:
            if state != self._state:
                self._texts.clear()
                self._state, self._bytes = state, 0
            self._bytes += len(text) - len(self._texts.pop(asked, b""))
            self._texts[asked] = text
            while self._bytes > self._most_bytes:
                self._bytes -= len(self._texts.popitem(last=False)[1])
