"""Text → vectors → nearest ids. Knows nothing of articles or answers and is usable alone.

::

    embedder = load_embedder()  # the embedded multilingual model; or a folder, or a hub id
    store = build_vector_store("faiss", ids, embedder.passages(texts))
    scores, nearest = store.search(embedder.questions(["…?"]), k=5)

The parts, from the bottom up: ``errors``, ``vectors`` (arrays and the one dot product), ``embedder`` and
``vector_store`` (the two contracts), ``model_folder`` (what is read, and checked, before a library sees a model),
``embedders/`` and ``vector_stores/`` (a file per library), ``registry`` (names → factories). ``model/`` is the embedded
model, ``training/`` how it was made. Importing any of it loads numpy and nothing heavier.
"""

from embeddings.embedder import Embedder
from embeddings.errors import EmbeddingsError, ModelError, VectorStoreError
from embeddings.registry import EMBEDDED_MODEL, build_vector_store, load_embedder, load_vector_store
from embeddings.vector_store import VectorStore
from embeddings.vectors import Ids, Scores, Vectors

__all__ = [
    "EMBEDDED_MODEL",
    "Embedder",
    "EmbeddingsError",
    "Ids",
    "ModelError",
    "Scores",
    "VectorStore",
    "VectorStoreError",
    "Vectors",
    "build_vector_store",
    "load_embedder",
    "load_vector_store",
]
