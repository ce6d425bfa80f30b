"""The only truth: one SQLite file with every article, its structure, its passages and their vectors.

Everything else on disk is a cache that is rebuilt from here (qa.generations). Three rules hold the promises:

* a change is one transaction in WAL mode with ``synchronous=FULL``: acknowledged means on the disk;
* every row carries the SHA-256 of its other columns and of this store's id, checked whenever it is read: SQLite's own
  check lets most single-bit damages of text pass, and a row of another store, come in with its journal, isn't ours;
* one writer at a time holds the operating system's lock on ``write.lock``; readers never wait.

``Store`` reads, ``Store.writer`` writes, docs/store.md describes the file.
"""

from qa.sqlite import store_errors, sync
from qa.store.catalogue import Catalogue, Place
from qa.store.database import write_lock
from qa.store.reader import Store
from qa.store.values import (
    ArticleLine,
    Finding,
    Model,
    Point,
    SplitPage,
    StoredArticle,
    StoredFile,
    StoredPassage,
    StoredSection,
    check_storable,
    content_hash,
)
from qa.store.writer import Writer

__all__ = [
    "ArticleLine",
    "Catalogue",
    "Finding",
    "Model",
    "Place",
    "Point",
    "SplitPage",
    "Store",
    "StoredArticle",
    "StoredFile",
    "StoredPassage",
    "StoredSection",
    "Writer",
    "check_storable",
    "content_hash",
    "store_errors",
    "sync",
    "write_lock",
]
