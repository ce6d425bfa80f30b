"""A Milvus server in place of the embedded indexes: both legs of the search in one collection. docs/milvus.md.

Only used where the owner sets ``WENBAO_ENGINE=milvus``; nothing of it is loaded otherwise. SQLite keeps the truth; the
collection, and the ledger that is kept of it beside the store, can be thrown away and are built anew.
"""

from __future__ import annotations

import ipaddress
import logging
from urllib.parse import urlsplit

from qa.config import Settings
from qa.generations import EMBEDDED, Engine

__all__ = ["engine_of", "exposure"]

_LOG = logging.getLogger(__name__)


def engine_of(settings: Settings) -> Engine:
    """The engine that the owner chose. A server isn't asked anything yet.

    Raises:
        UsageError: EXTRA_MISSING.
    """
    if settings.engine == "embedded" or settings.engine_url is None:
        return EMBEDDED
    # Where it is used only: SQL, and what leads to pymilvus.
    from qa.milvus.client import Client  # noqa: PLC0415
    from qa.milvus.engine import Milvus  # noqa: PLC0415
    from qa.milvus.fallback import WithFallback  # noqa: PLC0415

    warning = exposure(settings)
    if warning:
        _LOG.warning("%s", warning)
    engine = Milvus(Client(settings.engine_url, settings.engine_token, settings.engine_timeout_s))
    return WithFallback(engine, EMBEDDED) if settings.engine_fallback else engine


def exposure(settings: Settings) -> str | None:
    """What is wrong with how the engine is reached: others may read and change it, or listen. None where nothing is."""
    parts = urlsplit(settings.engine_url or "")
    host = parts.hostname or ""
    try:
        is_here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = host in {"", "localhost"}
    if is_here:
        return None
    if not settings.engine_token:
        return (
            f"WENBAO_ENGINE_URL: the Milvus server at {host} is asked without a token, so whoever reaches it can read "
            "and change all that is indexed; bind it to a loopback or private address, turn its authorization on, and "
            "set WENBAO_ENGINE_TOKEN."
        )
    if parts.scheme == "http":
        return f"WENBAO_ENGINE_URL: the token goes to {host} in the clear; use https://, or a network of your own."
    return None
