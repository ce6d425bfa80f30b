"""The errors of this package; each has a stable code, and one sentence that says what, where and what to do.

::

    EmbeddingsError
    ├── ModelError         MODEL_NOT_FOUND       no such folder, or nothing in it
    │                      MODEL_NOT_DOWNLOADED  a hub id that isn't on this machine, and wasn't downloaded
    │                      MODEL_INVALID         a file of the model is missing or broken
    │                      MODEL_REMOTE_CODE     the folder would run code of its own
    │                      MODEL_BAD_VECTORS     NaN, infinity, zero or the wrong size where a vector should be
    └── VectorStoreError   INDEX_DIM_MISMATCH    vectors of another size than the store's
                           INDEX_DAMAGED         files that don't fit together
                           INDEX_BAD_IDS         an id that is unknown, or given twice
                           INDEX_UNKNOWN_KIND    no vector store of that name
"""

from __future__ import annotations


class EmbeddingsError(Exception):
    """``code`` is stable; ``str(error)`` is the sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ModelError(EmbeddingsError):
    """The model can't be used."""


class VectorStoreError(EmbeddingsError):
    """The vectors can't be stored, or the stored ones can't be used: build the store again."""
