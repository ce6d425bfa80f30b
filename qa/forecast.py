"""What a larger corpus would cost: unit costs, measured on the one at hand, times its size. Functions of values.

``wenbao stats --forecast`` measures (``qa.cli.forecast``) and prints; docs/capacity.md has a table and the reasoning.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SIZES = (10**5, 10**7, 10**9)
"""Passages of the corpora that are forecast."""
FLAT_LIMIT = 10_000
"""Passages up to which vectors are kept whole and all are compared (docs/embeddings.md)."""
GENERATIONS = 3
"""Of the indexes on the disk at once: the two that are kept and the one that is being built."""
MEMORY_SHARE = 0.5
"""Of a machine's memory that indexes may take; the rest is the system's, its file cache's and the server's."""


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """What one passage costs: bytes on the disk, and how many are taken in a second by one machine."""

    store_bytes: float
    """Of the store: text, structure, hashes and the vector in full."""
    lexical_bytes: float
    dim: int
    passages_per_s: float
    """Read, split, embedded, stored and indexed."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is of it, in bytes."""

    memory_bytes: int
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """A corpus of ``passages``: bytes of all machines together, and hours until it is indexed on so many machines."""

    passages: int
    engine: str
    """``faiss, flat``, or ``faiss, coded``; ``milvus`` where one machine doesn't hold the indexes."""
    disk_bytes: int
    memory_bytes: int
    machines: int
    hours: float


def vector_bytes(dim: int, passages: int) -> float:
    """Of one passage in the vector index, an id of 8 bytes included.

    Whole: 4 bytes a dimension. Coded: a byte a dimension and 4 for the scale to score by, half a byte for 2 dimensions
    to find by (docs/embeddings.md).
    """
    return 8 + 4 * dim if passages <= FLAT_LIMIT else 8 + dim + 4 + dim / 4


def forecast(costs: UnitCosts, machine: Machine, passages: int) -> Forecast:
    """What ``passages`` cost on machines like this one.

    Disk: the store, and ``GENERATIONS`` of both indexes. Memory: both indexes, since a question may touch any part of
    them. Machines: as many as hold both; the store stays on one. Ingest is taken to share out evenly over machines.
    """
    index = costs.lexical_bytes + vector_bytes(costs.dim, passages)
    memory = math.ceil(passages * index)
    disk = math.ceil(passages * (costs.store_bytes + GENERATIONS * index))
    machines = max(1, math.ceil(memory / (MEMORY_SHARE * machine.memory_bytes)), math.ceil(disk / machine.disk_bytes))
    engine = "milvus" if machines > 1 else "faiss, flat" if passages <= FLAT_LIMIT else "faiss, coded"
    return Forecast(passages, engine, disk, memory, machines, passages / costs.passages_per_s / 3600 / machines)
