"""The server of a model: one request in the form that OpenAI made common, its text as it comes, within bounds.

Nothing is tried twice here, no redirect is followed, no proxy or ``.netrc`` of the environment is used. Every wait ends
at a time that is known when it begins.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from qa.config import Settings, is_refused
from qa.generate.values import GenerationError

if TYPE_CHECKING:
    import httpx

CONNECT_S = 2.0
"""To find the server and connect, so that a visitor knows within 3 s that it is down."""
LINE_BYTES = 64 * 1024
"""Longest line of a stream; a token's is about 300."""
BODY_BYTES = 1024 * 1024
"""Longest answer, all its JSON included: several times what 4,096 tokens take, a line each."""
TEXT_CHARS = 8000
"""Longest text; a model that writes short answers stays far below."""

Message = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is asked, and how long it may take."""

    url: str
    """Up to and without ``/chat/completions``: ``http://127.0.0.1:8080/v1``."""
    model: str
    key: str | None = field(default=None, repr=False)
    timeout_s: float = 60
    """For the whole answer."""
    idle_s: float = 15
    """Between two signs of life, the first one included."""
    tokens: int = 600
    """Of the answer, at most."""
    context_tokens: int = 4096
    """That fit into the model: question, passages and answer together."""

    @classmethod
    def of(cls, settings: Settings) -> Endpoint | None:
        """The owner's endpoint; None unless they named one."""
        if settings.llm_url is None or settings.llm_model is None:
            return None
        return cls(
            url=settings.llm_url,
            model=settings.llm_model,
            key=settings.llm_key,
            timeout_s=settings.llm_timeout_s,
            idle_s=settings.llm_idle_s,
            tokens=settings.llm_tokens,
            context_tokens=settings.llm_context_tokens,
        )


class _Waits:
    """The times at which waiting ends, all counted from now."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._loop = asyncio.get_running_loop()
        self._endpoint = endpoint
        self._end = self._loop.time() + endpoint.timeout_s

    def at_most(self, seconds: float) -> asyncio.Timeout:
        return asyncio.timeout_at(min(self._end, self._loop.time() + seconds))

    def error(self, stage: str) -> GenerationError:
        spent = "the whole time" if self._loop.time() >= self._end else "the time between two signs of life"
        limits = f"{self._endpoint.timeout_s:g} s in all, {self._endpoint.idle_s:g} s of silence"
        return GenerationError("LLM_TIMEOUT", f"{stage}: {spent} was used up ({limits}).")


async def deltas(endpoint: Endpoint, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
    """The text that the model writes, piece by piece. Ends the request when it is closed.

    Raises:
        GenerationError: with what came until then already given.
    """
    import httpx  # 0.15 s, and only where a model is set  # noqa: PLC0415

    waits = _Waits(endpoint)
    await _find(endpoint, waits)
    headers = {"accept": "text/event-stream, application/json", "accept-encoding": "identity"}
    if endpoint.key:
        headers["authorization"] = f"Bearer {endpoint.key}"
    wanted = {
        "model": endpoint.model,
        "messages": messages,
        "stream": True,
        "max_tokens": endpoint.tokens,
        "temperature": 0,
    }
    secure = endpoint.url.startswith("https:")
    client = httpx.AsyncClient(
        verify=_trusted() if secure else False,
        timeout=httpx.Timeout(None, connect=CONNECT_S),  # the others are ours: httpx counts each read anew
        follow_redirects=False,
        trust_env=False,
    )
    try:
        async with client:
            request = client.build_request("POST", f"{endpoint.url}/chat/completions", json=wanted, headers=headers)
            try:
                async with waits.at_most(endpoint.idle_s):
                    response = await client.send(request, stream=True)
            except TimeoutError:
                raise waits.error("before the answer began") from None
            async with aclosing(response):
                _check(response)
                async with aclosing(_body(response, waits, endpoint)) as chunks:
                    is_stream = _kind(response) == "text/event-stream"
                    async with aclosing(_streamed(chunks) if is_stream else _whole(chunks)) as pieces:
                        async for piece in pieces:
                            yield piece
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise GenerationError("LLM_UNAVAILABLE", f"no connection: {_told(error, endpoint)}") from error
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise GenerationError("LLM_INTERRUPTED", f"the connection broke: {_told(error, endpoint)}") from error


def _told(error: Exception, endpoint: Endpoint) -> str:
    """What a library says of its error, never with the key."""
    text = f"{type(error).__name__}: {error}"
    return text.replace(endpoint.key, "…") if endpoint.key else text


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that this machine trusts."""
    return ssl.create_default_context()


async def _find(endpoint: Endpoint, waits: _Waits) -> None:
    """Refuses a name that leads to a machine's own metadata service: it gives credentials to whoever asks from inside.

    Raises:
        GenerationError: LLM_UNAVAILABLE when there is no such name, LLM_ADDRESS.
    """
    address = urlsplit(endpoint.url)
    host, port = address.hostname or "", address.port or (443 if address.scheme == "https" else 80)
    try:
        async with waits.at_most(CONNECT_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise GenerationError("LLM_UNAVAILABLE", f"the name {host} wasn't found within {CONNECT_S:g} s") from None
    except (OSError, UnicodeError) as error:
        raise GenerationError("LLM_UNAVAILABLE", f"the name {host} wasn't found: {error}") from error
    for *_, place in found:
        if is_refused(str(place[0])):
            raise GenerationError("LLM_ADDRESS", f"{host} leads to {place[0]}, where no model is served")


def _check(response: httpx.Response) -> None:
    status = response.status_code
    if 300 <= status < 400:
        raise GenerationError("LLM_REDIRECT", f"HTTP {status} to {response.headers.get('location', '')[:200]!r}")
    if status in {401, 403}:
        raise GenerationError("LLM_UNAUTHORIZED", f"HTTP {status}: check WENBAO_LLM_KEY")
    if status == 404:
        raise GenerationError("LLM_MODEL_UNKNOWN", "HTTP 404: check WENBAO_LLM_URL (often ends in /v1) and _MODEL")
    retry_after_s = _seconds(response.headers.get("retry-after", ""))
    if status == 429:
        raise GenerationError("LLM_RATE_LIMITED", "HTTP 429: too many requests", retry_after_s=retry_after_s)
    if status >= 500:
        raise GenerationError("LLM_SERVER_ERROR", f"HTTP {status}", retry_after_s=retry_after_s)
    if status != 200:
        hint = "perhaps more tokens than it takes: WENBAO_LLM_CONTEXT_TOKENS, WENBAO_LLM_TOKENS"
        raise GenerationError("LLM_REJECTED", f"HTTP {status}; {hint}")
    if _kind(response) not in {"text/event-stream", "application/json"}:
        raise GenerationError("LLM_MALFORMED", f"content of type {_kind(response)[:100]!r}; is this a model's server?")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise GenerationError("LLM_MALFORMED", "compressed content, which was not asked for")


def _kind(response: httpx.Response) -> str:
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _seconds(text: str) -> float | None:
    """The seconds of ``Retry-After``; a date is not taken, since clocks differ."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


async def _body(response: httpx.Response, waits: _Waits, endpoint: Endpoint) -> AsyncGenerator[bytes, None]:
    total = 0
    async with aclosing(cast("AsyncGenerator[bytes, None]", response.aiter_raw())) as chunks:
        while True:
            try:
                async with waits.at_most(endpoint.idle_s):
                    chunk = await anext(chunks, None)
            except TimeoutError:
                raise waits.error("while it wrote") from None
            if chunk is None:
                return
            total += len(chunk)
            if total > BODY_BYTES:
                raise GenerationError("LLM_TOO_LONG", f"more than {BODY_BYTES} bytes")
            yield chunk


async def _whole(chunks: AsyncIterator[bytes]) -> AsyncGenerator[str, None]:
    """The text of an answer in one JSON object: servers that don't stream send one all the same."""
    body = b"".join([chunk async for chunk in chunks])
    choice = _choice(_parsed(body))
    message = choice.get("message")
    text = _text(message.get("content")) if isinstance(message, dict) else ""
    if text:
        yield text[:TEXT_CHARS]
    if len(text) > TEXT_CHARS:
        raise GenerationError("LLM_TOO_LONG", f"more than {TEXT_CHARS} characters")
    _finish(choice.get("finish_reason"))


async def _streamed(chunks: AsyncIterator[bytes]) -> AsyncGenerator[str, None]:
    """The texts of a stream of server-sent events (HTML standard §9.2), until the model is done."""
    written = 0
    reason: object = None
    async with aclosing(_events(chunks)) as events:
        async for data in events:
            if data.strip() == b"[DONE]":
                return
            choice = _choice(_parsed(data))
            delta = choice.get("delta")
            text = _text(delta.get("content")) if isinstance(delta, dict) else ""
            if text:
                yield text[: TEXT_CHARS - written]
                written += len(text)
                if written > TEXT_CHARS:
                    raise GenerationError("LLM_TOO_LONG", f"more than {TEXT_CHARS} characters")
            reason = choice.get("finish_reason")
            if reason is not None:
                _finish(reason)
                return
    raise GenerationError("LLM_INTERRUPTED", "the stream ended before the model was done")


async def _events(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    buffer, data = bytearray(), list[bytes]()
    first = True
    async for chunk in chunks:
        buffer += chunk
        if first and len(buffer) >= 3:
            first = False
            if buffer.startswith(b"\xef\xbb\xbf"):
                del buffer[:3]
        *lines, rest = bytes(buffer).split(b"\n")
        buffer = bytearray(rest)
        for line in [*lines, rest]:
            if len(line) > LINE_BYTES:
                raise GenerationError("LLM_MALFORMED", f"a line of more than {LINE_BYTES} bytes")
        for ended in lines:
            line = ended.removesuffix(b"\r")
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
            elif not line and data:
                yield b"\n".join(data)
                data = []
    if data:  # the standard drops it; some servers end without the blank line
        yield b"\n".join(data)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise GenerationError("LLM_MALFORMED", f"no JSON in UTF-8 ({type(error).__name__})") from error
    if not isinstance(found, dict):
        raise GenerationError("LLM_MALFORMED", "JSON, and no object")
    if found.get("error"):
        raise GenerationError("LLM_SERVER_ERROR", "an error in place of text")
    return found


def _choice(found: Mapping[str, Any]) -> dict[str, Any]:
    """The first choice; nothing where there is none, as in the event that tells the tokens used."""
    choices = found.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    return first if isinstance(first, dict) else {}


def _text(content: object) -> str:
    """Plain text, or the texts of a list of parts; of anything else, calls of tools among it, nothing."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def _finish(reason: object) -> None:
    if reason in {"length", "content_filter"}:
        raise GenerationError("LLM_TOO_LONG", f"cut off by the server: {reason}")
