"""The unit costs of the corpus at hand on this machine, measured; see ``qa.forecast`` for what is made of them."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

from qa.bot import Bot
from qa.forecast import Machine, UnitCosts
from qa.generations import Progress, refresh
from qa.indexing import Batch
from qa.store import Store

SAMPLE = 2000
"""Passages after which no further file is taken into the sample: seconds, and enough that fixed costs don't show."""


def measure(bot: Bot, progress: Progress | None = None) -> UnitCosts:
    """The costs of a passage: bytes of this corpus, speed of a sample of it that is indexed once more, aside.

    The sample is the corpus's first files, from their stored texts: what opening and decoding them costs isn't in it.
    It is embedded anew, as a new corpus would be.
    """
    indexes = bot.store.folder / "indexes"
    by_file: Counter[str] = Counter()
    for line in bot.store.articles():
        by_file[line.file] += line.passages
    passages = max(by_file.total(), 1)
    newest = max((path for path in indexes.iterdir() if path.name.isdigit()), default=indexes)
    with tempfile.TemporaryDirectory(prefix="wenbao-forecast-") as folder:
        store = Store(Path(folder))
        began = time.perf_counter()
        with store.writer() as writer:
            batch, taken = Batch(store, writer, bot.embedder), 0
            for name in bot.store.files():
                batch.add(bot.store.document(name), "")
                taken += by_file[name]
                if progress is not None:
                    progress("measure", min(taken, SAMPLE), min(passages, SAMPLE))
                if taken >= SAMPLE:
                    break
            batch.commit()
            refresh(store, writer, bot.embedder, bot.terms, progress)
        took_s = time.perf_counter() - began
        indexed = store.counts()["passages"]
        store.close()
    return UnitCosts(
        store_bytes=_size(bot.store.folder, "wenbao.db*") / passages,
        lexical_bytes=_size(newest / "lexical", "*") / passages,
        dim=bot.embedder.dim,
        passages_per_s=indexed / took_s,
    )


def this_machine(folder: Path) -> Machine:
    """Its memory, and what is on the disk of ``folder`` in all."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return Machine(memory or 16 * 2**30, shutil.disk_usage(folder).total)


def _size(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern) if path.is_file())
