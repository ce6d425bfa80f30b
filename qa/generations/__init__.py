"""The two indexes: numbered folders beside the store, and in memory what came after the newest of them.

``DATA/indexes/000007/`` holds a generation: both indexes over the corpus as it was at one point of the store's history.
It never changes. What came, changed or went since is read from the store when the indexes are opened, and laid over
it: a file that changed is gone from the generation, and its passages as they are now form a small part beside it. So a
change costs what it is large, is on the disk with the store's own commit, and nothing else need be written. When what
lies over a generation has grown past a fiftieth of it, both are merged into the next.

Caches are used whole and current, or not at all: what is missing, damaged, of another store or model, or no longer in
the store's history is built again from the store. Another engine may hold the indexes in their place: ``Engine``.
"""

from qa.generations.engine import EMBEDDED, Engine, OpenIndexes
from qa.generations.layers import (
    EMBED_BATCH,
    VECTOR_STORE,
    Indexes,
    Progress,
    embed,
    file_key,
    model_of,
    passage_terms,
    updated,
    vectors_of,
)
from qa.generations.opening import LOCK_WAIT_S, findings, made_of, open_indexes, refresh, require_model

__all__ = [
    "EMBEDDED",
    "EMBED_BATCH",
    "LOCK_WAIT_S",
    "VECTOR_STORE",
    "Engine",
    "Indexes",
    "OpenIndexes",
    "Progress",
    "embed",
    "file_key",
    "findings",
    "made_of",
    "model_of",
    "open_indexes",
    "passage_terms",
    "refresh",
    "require_model",
    "updated",
    "vectors_of",
]
