"""Forecasts, by hand; and what is measured for them, on a real corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from embeddings.vector_stores import faiss
from qa.bot import Bot
from qa.cli.forecast import measure, this_machine
from qa.config import Settings
from qa.forecast import FLAT_LIMIT, Forecast, Machine, UnitCosts, forecast, vector_bytes

COSTS = UnitCosts(store_bytes=2000, lexical_bytes=468, dim=256, passages_per_s=100)
MACHINE = Machine(memory_bytes=16 * 10**9, disk_bytes=10**12)


def test_the_cost_of_a_vector_by_hand() -> None:
    # Whole: an id of 8 and 256 · 4 bytes. Coded: an id of 8, 256 codes, a scale of 4, 256 / 2 halves of a byte.
    assert vector_bytes(256, FLAT_LIMIT) == 8 + 1024
    assert vector_bytes(256, FLAT_LIMIT + 1) == 8 + 256 + 4 + 64


def test_ten_million_passages_by_hand() -> None:
    # Indexes: 468 + 332 bytes; memory 8 GB, the half of 16, so one machine does. Disk: 2000 + 3 · 800 = 4400 each.
    # 10⁷ / 100 a second = 10⁵ s.
    assert forecast(COSTS, MACHINE, 10**7) == Forecast(10**7, "faiss, coded", 44 * 10**9, 8 * 10**9, 1, 10**5 / 3600)


def test_a_billion_passages_by_hand() -> None:
    # Memory 800 GB in halves of 16: 100 machines; disk 4.4 TB in 1 TB: 5 would do. 10⁷ s, shared by 100.
    found = forecast(COSTS, MACHINE, 10**9)
    assert (found.engine, found.disk_bytes, found.memory_bytes) == ("milvus", 4400 * 10**9, 800 * 10**9)
    assert found.machines == 100
    assert found.hours == pytest.approx(10**5 / 3600)


def test_the_disk_decides_where_it_is_the_tightest() -> None:
    # 10⁵ passages, 4400 bytes each, on disks of 100 MB: 4.4, so 5.
    assert forecast(COSTS, Machine(16 * 10**9, 10**8), 10**5).machines == 5


def test_a_small_corpus_is_kept_whole() -> None:
    found = forecast(COSTS, MACHINE, 1000)
    assert (found.engine, found.memory_bytes) == ("faiss, flat", 1000 * (468 + 1032))


def test_the_limit_between_whole_and_coded_is_the_index_s_own() -> None:
    assert faiss.FLAT_LIMIT == FLAT_LIMIT


def test_what_is_measured_is_what_lies_on_the_disk(tmp_path: Path) -> None:
    with Bot.open(Settings(data=tmp_path / "data")) as bot:
        bot.retriever()
        passages = bot.store.counts()["passages"]
        costs = measure(bot)
        assert costs.store_bytes * passages == pytest.approx(
            sum(path.stat().st_size for path in (tmp_path / "data").glob("wenbao.db*"))
        )
        assert costs.dim == bot.embedder.dim
        # Terms of a passage with its head take more room than nothing and less than its text in UTF-32 three times.
        assert 0 < costs.lexical_bytes < 12 * 2000
        assert costs.passages_per_s > 0
        machine = this_machine(tmp_path)
        assert machine.memory_bytes > 2**28
        assert machine.disk_bytes > machine.memory_bytes / 2**10
