"""The few calls that are made of a Milvus server, and its failures in our words.

Of ``pymilvus`` only this file knows. A collection has a passage's id, its vector (``dense``, inner product: our vectors
have length 1) and its terms' weights (``sparse``, inner product). All reading is at the level "Strong": what was
acknowledged is seen.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from embeddings.vectors import Ids, Vectors
from qa.errors import EngineError, UsageError

MOST = 16_384
"""Hits that Milvus gives at most (its default ``quotaAndLimits.limits.topK``)."""
FILTERED = 10_000
"""Ids that one call is limited to; more are asked for in several calls."""
SENT = 500
"""Passages a call: 1 to 2 MB of vectors and weights, a message may have 64."""
PAUSE_S = 2.0
"""How long a server that didn't answer isn't asked again: else each question would wait for its time-out."""
CONNECT_FAILED = 2
"""How pymilvus calls it when nobody answers (its ``Status.CONNECT_FAILED``)."""
RECONNECTING = {
    "grpc.initial_reconnect_backoff_ms": 250,
    "grpc.max_reconnect_backoff_ms": 2000,
    "grpc.use_local_subchannel_pool": 1,
}
"""gRPC waits up to two minutes until it looks again for a server that went away; here, two seconds."""

Sparse = Mapping[int, float]


class Client:
    """One server. Connects at the first call, and again after it was away. Safe to share between threads."""

    def __init__(self, url: str, token: str | None, timeout_s: float) -> None:
        """Nothing is asked yet.

        Raises:
            UsageError: EXTRA_MISSING.
        """
        if find_spec("pymilvus") is None:
            message = "WENBAO_ENGINE=milvus needs the extra milvus; install it with `pip install 'wenbao[milvus]'`."
            raise UsageError("EXTRA_MISSING", message, field="WENBAO_ENGINE")
        self.url = url
        self._token = token or ""
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._client: Any = None
        self._paused_until = 0.0

    def collections(self) -> list[str]:
        """Names of all that there are."""
        return [str(name) for name in self._call("list_collections")]

    def describe(self, name: str) -> dict[str, Any] | None:
        """``dim``, ``metrics`` by field, and ``properties`` of a collection; None when there is none."""
        if not self._call("has_collection", name):
            return None
        found = self._call("describe_collection", name)
        fields = {field["name"]: field for field in found["fields"]}
        metrics = {}
        for field in fields:
            if fields[field]["type"].name.endswith("VECTOR"):
                metrics[field] = str((self._call("describe_index", name, field) or {}).get("metric_type"))
        dim = int(fields.get("dense", {}).get("params", {}).get("dim", 0))
        return {"dim": dim, "metrics": metrics, "properties": dict(found.get("properties") or {})}

    def create(self, name: str, dim: int, index_type: str, properties: Mapping[str, str]) -> None:
        """An empty collection, loaded."""
        from pymilvus import DataType, MilvusClient  # noqa: PLC0415 (2 s: it brings pandas)

        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("dense", DataType.FLOAT_VECTOR, dim=dim)
        schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
        indexes = MilvusClient.prepare_index_params()
        indexes.add_index(field_name="dense", index_type=index_type, metric_type="IP")
        indexes.add_index(field_name="sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
        self._call(
            "create_collection",
            name,
            schema=schema,
            index_params=indexes,
            consistency_level="Strong",
            properties=dict(properties),
        )

    def drop(self, name: str) -> None:
        """The collection is gone; nothing when there is none."""
        self._call("drop_collection", name)

    def point_alias(self, alias: str, name: str) -> None:
        """Who asks for ``alias`` gets this collection from now on."""
        try:
            self._call("alter_alias", name, alias)
        except EngineError:
            self._call("create_alias", name, alias)

    def upsert(self, name: str, ids: Ids, vectors: Vectors, sparse: Sequence[Sparse]) -> None:
        """The passages are there as given, at most ``SENT`` of them."""
        rows = [
            {"id": number, "dense": vector, "sparse": dict(weights)}
            for number, vector, weights in zip(ids.tolist(), vectors, sparse, strict=True)
        ]
        if rows:
            self._call("upsert", name, rows)

    def delete(self, name: str, ids: Ids) -> None:
        """The passages aren't there."""
        for some in _shared_out(ids):
            self._call("delete", name, ids=some.tolist())

    def settle(self, name: str) -> None:
        """What was put in is sealed, and its index built, rather than searched row by row: after a large change."""
        self._call("flush", name)

    def count(self, name: str) -> int:
        """Passages that there are."""
        found = self._read("query", name, filter="", output_fields=["count(*)"], consistency_level="Strong")
        return int(found[0]["count(*)"])

    def search(
        self, name: str, field: str, questions: Sequence[Any], k: int, only: Ids | None = None
    ) -> list[list[tuple[int, float]]]:
        """For each question its at most ``k`` best passages, as (id, inner product), best first, ties by id.

        With ``only``, among these. A sparse question without a term finds nothing.
        """
        k = min(k, MOST)
        asked = [number for number, question in enumerate(questions) if len(question)]
        found: list[list[tuple[int, float]]] = [[] for _ in questions]
        if k < 1 or not asked or (only is not None and not len(only)):
            return found
        for some in _shared_out(only) if only is not None else (None,):
            answers = self._read(
                "search",
                name,
                data=[questions[number] for number in asked],
                anns_field=field,
                limit=k,
                filter="" if some is None else f"id in {some.tolist()}",
                output_fields=["id"],
                search_params={"metric_type": "IP", "params": {"ef": max(k, 64)} if field == "dense" else {}},
                consistency_level="Strong",
            )
            for number, hits in zip(asked, answers, strict=True):
                found[number] += [(int(hit["id"]), float(hit["distance"])) for hit in hits]
        return [sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k] for hits in found]

    def _read(self, method: str, name: str, **named: Any) -> Any:
        """As ``_call``. A collection that isn't loaded, as milvus-lite's after a restart, is loaded first."""
        try:
            return self._call(method, name, **named)
        except EngineError:
            self._call("load_collection", name)
            return self._call(method, name, **named)

    def _call(self, method: str, *values: Any, **named: Any) -> Any:
        """The method of ``pymilvus``' client.

        Raises:
            EngineError: ENGINE_UNAVAILABLE, with the server's own reason.
        """
        import grpc  # noqa: PLC0415 (comes with the extra)
        from pymilvus.exceptions import MilvusException  # noqa: PLC0415 (see create)

        if time.monotonic() < self._paused_until:
            raise unavailable(self.url, "it didn't answer a moment ago")
        try:
            client = self._connected()
            return getattr(client, method)(*values, timeout=self._timeout_s, **named)
        except (MilvusException, grpc.RpcError, OSError) as error:
            code = getattr(error, "code", None)
            if not isinstance(code, int) or code == CONNECT_FAILED:  # no answer: a server's has a number of its own
                self._paused_until = time.monotonic() + PAUSE_S
            reason = " ".join(str(getattr(error, "message", error)).split())
            raise unavailable(self.url, reason[:200]) from error

    def _connected(self) -> Any:
        from pymilvus import MilvusClient  # noqa: PLC0415 (see create)

        with self._lock:
            if self._client is None:
                # It prints a traceback of its own for each failure, which we tell in one sentence.
                logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
                self._client = MilvusClient(
                    uri=self.url,
                    token=self._token,
                    timeout=self._timeout_s,
                    dedicated=True,
                    grpc_options=RECONNECTING,
                )
            return self._client


def unavailable(url: str, reason: str) -> EngineError:
    """The engine can't be used now; nothing that was acknowledged is lost, since the store has it."""
    return EngineError(
        "ENGINE_UNAVAILABLE",
        f"The Milvus server at {url} can't be used ({reason}); nothing is lost: start it, or set "
        "WENBAO_ENGINE=embedded, and ask again.",
    )


def _shared_out(ids: Ids) -> Iterator[Ids]:
    for start in range(0, len(ids), FILTERED):
        yield ids[start : start + FILTERED].astype(np.int64)
