"""What the server counts about itself, in Prometheus' text form at ``GET /metrics``. No label holds what anybody asked.

Labels come from small closed sets (routes, methods, statuses), so that nobody can fill the memory with new ones.
"""

from __future__ import annotations

import bisect
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response
from starlette.types import Scope

from qa.web.bodies import errors
from qa.web.credentials import IsAdmin

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds, in seconds; around an answer's usual time, a few tens of milliseconds."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of https://prometheus.io/docs/instrumenting/exposition_formats/."""

Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Times:
    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    sum_s: float = 0.0


class Metrics:
    """Counters, times and gauges; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._times: dict[str, _Times] = {}
        self._questions: Counter[tuple[str, str]] = Counter()
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self._began_s = time.time()

    def gauge(self, name: str, told: str, read: Callable[[], float]) -> None:
        """A number that is read whenever it is asked for; ``told`` says what it is."""
        self._gauges[name] = (told, read)

    def request(self, scope: Scope, status: int, span_s: float) -> None:
        """A request that is answered with ``status``; ``span_s``: from its head to the beginning of its answer."""
        route = route_of(scope)
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        with self._lock:
            self._requests[route, method, status] += 1
            times = self._times.setdefault(route, _Times())
            times.counts[bisect.bisect_left(BUCKETS_S, span_s)] += 1
            times.sum_s += span_s

    def question(self, surface: str, status: str) -> None:
        """A question that was answered with this verdict."""
        with self._lock:
            self._questions[surface, status] += 1

    def text(self) -> str:
        """All of it, in the text form."""
        with self._lock:
            requests = dict(self._requests)
            questions = dict(self._questions)
            times = {route: (list(of.counts), of.sum_s) for route, of in self._times.items()}
        lines = [
            *_family("wenbao_requests_total", "counter", "HTTP requests.", _requests(requests)),
            *_family("wenbao_request_seconds", "histogram", "Time until an answer begins.", _histogram(times)),
            *_family("wenbao_questions_total", "counter", "Questions answered, by verdict.", _questions(questions)),
            *_family("wenbao_info", "gauge", "The version.", [("", (("version", version("wenbao")),), 1.0)]),
            *_family("wenbao_start_time_seconds", "gauge", "When it was started.", [("", (), self._began_s)]),
        ]
        for name, (told, read) in self._gauges.items():
            lines += _family(name, "gauge", told, [("", (), float(read()))])
        return "\n".join([*lines, ""])


def route_of(scope: Scope) -> str:
    """The template of the route that answers: ``/api/articles/{article_id}``; mounts by their first part."""
    path = getattr(scope.get("route"), "path", None)
    if isinstance(path, str):
        return path
    first = scope["path"].split("/")[1] if scope["path"].startswith("/") else ""
    return f"/{first}/*" if first in {"ui", "zh", "zh-hant", "en", "mcp"} else "other"


def router(metrics: Metrics) -> APIRouter:
    """``GET /metrics``, for the owner."""
    routes = APIRouter()

    @routes.get(
        "/metrics",
        summary="What the server counts",
        response_class=PlainTextResponse,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
            **errors(400, 401, 403, 500),
        },
    )
    def show(_: IsAdmin) -> Response:
        """Prometheus' text form; from this machine, or with an admin token."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return routes


Sample = tuple[str, Labels, float]


def _family(name: str, kind: str, told: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {told}"
    yield f"# TYPE {name} {kind}"
    for suffix, labels, value in samples:
        shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        yield f"{name}{suffix}{{{shown}}} {value!r}" if labels else f"{name}{suffix} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _requests(requests: dict[tuple[str, str, int], int]) -> Iterator[Sample]:
    for (route, method, status), count in sorted(requests.items()):
        yield "", (("route", route), ("method", method), ("status", str(status))), float(count)


def _questions(questions: dict[tuple[str, str], int]) -> Iterator[Sample]:
    for (surface, status), count in sorted(questions.items()):
        yield "", (("surface", surface), ("status", status)), float(count)


def _histogram(times: dict[str, tuple[list[int], float]]) -> Iterator[Sample]:
    for route, (counts, sum_s) in sorted(times.items()):
        total = 0
        for bound, count in zip((*(repr(bound) for bound in BUCKETS_S), "+Inf"), counts, strict=True):
            total += count
            yield "_bucket", (("route", route), ("le", bound)), float(total)
        yield "_sum", (("route", route),), sum_s
        yield "_count", (("route", route),), float(total)
