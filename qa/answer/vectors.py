"""Vectors of sentences, kept for the ones seen last: the same pages answer many questions."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from embeddings.embedder import Embedder
from embeddings.vectors import Vectors

KEPT_SENTENCES = 20_000
"""Some 20 MB of vectors with 256 dimensions."""


class SentenceVectors:
    """A bounded memory of sentences' vectors, per model. Safe to share between threads."""

    def __init__(self, kept: int = KEPT_SENTENCES) -> None:
        self._kept = kept
        self._vectors: OrderedDict[tuple[str, str], Vectors] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, texts: Iterable[str], embedder: Embedder) -> Mapping[str, Vectors]:
        """The vector of each text, those not known embedded in one batch."""
        wanted = dict.fromkeys(texts)
        model = embedder.fingerprint
        with self._lock:
            known = {text: self._vectors[model, text] for text in wanted if (model, text) in self._vectors}
            for text in known:
                self._vectors.move_to_end((model, text))
        missing = [text for text in wanted if text not in known]
        if missing:
            known |= dict(zip(missing, embedder.passages(missing), strict=True))
            with self._lock:
                for text in missing:
                    self._vectors[model, text] = known[text]
                while len(self._vectors) > self._kept:
                    self._vectors.popitem(last=False)
        return known
