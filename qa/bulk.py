"""Splitting and embedding on a Ray cluster, for corpora whose vectors one machine would take days to make.

One ``map_batches`` of Ray Data over the files that were found: actors, one a core (or a GPU), read, split and embed
with the same functions as ``qa.indexing`` does alone, and one process stores what comes, in the files' order. Needs the
extra ``ray``, here and on each machine of the cluster; files and model at the same paths there.
"""

from __future__ import annotations

import importlib
import logging
import math
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embeddings.embedder import Embedder
from embeddings.errors import EmbeddingsError
from embeddings.registry import load_embedder
from qa.config import Settings
from qa.errors import EngineError, ModelError, UsageError, WenbaoError
from qa.reading import Problem
from qa.splitting import Split, Unsplit, split
from qa.store import SplitPage

HERE = "local"
"""The address that stands for a cluster of this machine alone, started and ended by us."""
FILES_AT_ONCE = 64
"""What an actor takes at once: some hundred passages, which keep a model busy, and few enough to share out evenly."""

REACHED_S = 10
"""Longest time until somebody answers at a cluster's address."""

_Objects = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The settings' model, which an actor loads; it must be the one that was loaded here."""

    name: str | None
    fingerprint: str
    allow_download: bool

    @classmethod
    def by(cls, settings: Settings, embedder: Embedder) -> _Wanted:
        name = settings.model
        if name is not None and (folder := Path(name).expanduser()).exists():
            name = str(folder.resolve())  # actors have a folder of their own to work in
        return cls(name, embedder.fingerprint, settings.allow_download)


class RayCluster:
    """A ``qa.splitting.Splitter``: a context manager, for one thread of a process that uses Ray for nothing else."""

    def __init__(
        self, address: str, settings: Settings, embedder: Embedder, *, gpus: bool = False, cores: int | None = None
    ) -> None:
        """Connects, or starts one here.

        Args:
            address: ``local``, or what ``ray.init`` takes: ``auto``, ``HOST:6379``, ``ray://HOST:10001``.
            settings: with the model that its actors load.
            embedder: that model as it was loaded here.
            gpus: has each actor a GPU rather than a core?
            cores: of a cluster here; None for all.

        Raises:
            UsageError: EXTRA_MISSING.
            EngineError: RAY_UNAVAILABLE when it can't be reached or started.
        """
        # Nothing is told to anybody: Ray would report its use to its makers.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        try:
            self._ray: Any = importlib.import_module("ray")
        except ImportError as error:
            message = "Indexing on Ray needs the extra ray: pip install 'wenbao[ray]'."
            raise UsageError("EXTRA_MISSING", message, field="ray") from error
        self._address = address
        self._model = _Wanted.by(settings, embedder)
        self._gpus = gpus
        self._require_reachable()
        started = {"num_cpus": cores, "include_dashboard": False} if address == HERE else {}
        try:
            self._ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **started)
        except Exception as error:  # Ray raises bare ones
            raise self._unavailable(error) from error

    def __enter__(self) -> RayCluster:
        """The cluster itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves it; one that was started here ends."""
        self._ray.shutdown()

    def split(self, items: Iterable[Unsplit | Problem]) -> Iterator[Split]:
        """See ``qa.splitting.Splitter``; each page comes with its vectors.

        Raises:
            ModelError: where an actor's model can't be loaded, or is another (RAY_MODEL_MISMATCH).
            EngineError: RAY_UNAVAILABLE when the cluster gives up.
        """
        data: Any = importlib.import_module("ray.data")
        rows = [{"item": _with_whole_path(item)} for item in items]
        if not rows:
            return
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        context = data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        unit = "GPU" if self._gpus else "CPU"
        try:
            actors = int(self._ray.cluster_resources().get(unit, 0))
            if not actors:
                raise UsageError("RAY_RESOURCES", f"The Ray cluster {self._address} has no {unit}.", field="ray")
            blocks = data.from_items(rows, override_num_blocks=math.ceil(len(rows) / FILES_AT_ONCE))
            done = blocks.map_batches(
                _Actor,
                fn_constructor_args=(self._model,),
                batch_size=None,  # a block
                compute=data.ActorPoolStrategy(min_size=1, max_size=actors),
                **({"num_gpus": 1} if self._gpus else {"num_cpus": 1}),
            )
            for row in done.iter_rows():
                came = row["split"]
                if isinstance(came, WenbaoError):
                    raise came
                yield came
        except self._ray.exceptions.RayTaskError:  # a defect of ours, which isn't the cluster's fault
            raise
        except self._ray.exceptions.RayError as error:
            raise self._unavailable(error) from error

    def _require_reachable(self) -> None:
        """Nothing, where somebody listens at the address. Ray itself would try for ten minutes and more."""
        host, _, port = self._address.rpartition("/")[2].rpartition(":")
        if not port.isdigit():
            return
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=REACHED_S):
                return
        except (OSError, OverflowError) as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> EngineError:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")
        message = (
            f"The Ray cluster {self._address} can't be used: {reason}. What was stored is kept; run the same again."
        )
        return EngineError("RAY_UNAVAILABLE", message)


def _with_whole_path(item: Unsplit | Problem) -> Unsplit | Problem:
    """Actors have a folder of their own to work in."""
    if isinstance(item, Problem):
        return item
    return replace(item, found=replace(item.found, path=item.found.path.absolute()))


class _Actor:
    """Reads, splits and embeds, in a process of the cluster."""

    def __init__(self, model: _Wanted) -> None:
        self._model = model
        self._embedder: Embedder | None = None

    def __call__(self, batch: Mapping[str, _Objects]) -> dict[str, _Objects]:
        try:
            done = self._with_vectors([split(item) for item in batch["item"]])
        except WenbaoError as error:  # as a value: Ray would wrap it, and try again
            done = [error]
        column = np.empty(len(done), dtype=object)
        column[:] = done
        return {"split": column}

    def _with_vectors(self, splits: list[Split]) -> list[Any]:
        told = [came.result.indexed_texts() if isinstance(came.result, SplitPage) else [] for came in splits]
        texts = list(dict.fromkeys(text for own in told for text in own))
        if not texts:
            return splits
        try:
            vectors = dict(zip(texts, self._loaded().passages(texts), strict=True))
        except EmbeddingsError as error:
            raise ModelError(error.code, error.message) from error
        return [
            replace(came, vectors=np.stack([vectors[text] for text in own])) if own else came
            for came, own in zip(splits, told, strict=True)
        ]

    def _loaded(self) -> Embedder:
        if self._embedder is None:
            model = self._model
            embedder = load_embedder(model.name, allow_download=model.allow_download)
            if embedder.fingerprint != model.fingerprint:
                name = model.name or "the embedded model"
                message = f"A machine of the Ray cluster has another {name} than this one; put the same there."
                raise ModelError("RAY_MODEL_MISMATCH", message)
            self._embedder = embedder
        return self._embedder
