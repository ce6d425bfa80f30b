"""Where things are: the folder of the ledgers, the file that names the current collection, the names in the server."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from qa.store import Store


def folder_of(store: Store) -> Path:
    """Where the ledgers are."""
    return store.folder / "milvus"


def current_file(store: Store) -> Path:
    """The file that names the collection that is searched."""
    return folder_of(store) / "current"


def named(path: Path, key: str = "name") -> str | None:
    """The collection that the file names; by the key "before", the one whose place it took."""
    try:
        name: object = json.loads(path.read_text(encoding="utf-8"))[key]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return name if isinstance(name, str) and name.count("_") == 3 and os.sep not in name else None


def alias_of(store: Store) -> str:
    """The name by which others find the current collection of a store."""
    return f"wenbao_{hashlib.sha256(store.id.encode()).hexdigest()[:12]}"
