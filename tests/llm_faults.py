"""A model's server that does what it is told to: well, badly, or not at all. Behaviours by name, each told as a stream
of events and as one JSON object. It speaks over bare sockets, so that it can break every rule of HTTP."""

from __future__ import annotations

import json
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

GOOD = "景山街道总工会在“三八”妇女节期间为女职工发放防疫口罩8000个[1]。"
"""A statement that the first passage of the sample question bears out."""
ALSO = "景山街道总工会积极配合疫情防控部署，协助企业复产复工[1]。"
REST = "协助企业复产复工，充分调动全体职工、女职工的工作积极性，促进女职工发挥主力"
"""A sentence that breaks off."""
GIVE_UP_S = 20.0
"""How long a silent behaviour stays silent when nobody hangs up."""

Connection = socket.socket
Behaviour = Callable[["Fault"], None]


@dataclass(slots=True)
class Seen:
    """A request as it came."""

    head: str
    body: dict[str, Any]


@dataclass(slots=True)
class Fault:
    """One request being answered."""

    connection: Connection
    is_stream: bool
    seen: Seen
    server: Server

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def head(self, status: str = "200 OK", kind: str | None = None, **headers: str) -> None:
        kind = kind or ("text/event-stream" if self.is_stream else "application/json")
        others = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.send(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{others}Connection: close\r\n\r\n".encode())

    def say(self, text: str, *, finish: str | None = "stop", done: bool = True, **others: Any) -> None:
        """The whole answer: ``text`` in pieces of a few characters, or at once."""
        self.head()
        self.body(text, finish=finish, done=done, **others)

    def body(self, text: str, *, finish: str | None = "stop", done: bool = True, **others: Any) -> None:
        if self.is_stream:
            self.send(b"".join(event({"content": text[at : at + 7]}) for at in range(0, len(text), 7)))
            self.send(event({}, finish, **others) if finish else b"")
            self.send(b"data: [DONE]\n\n" if done else b"")
        else:
            self.send(whole({"role": "assistant", "content": text}, finish, **others))

    def wait(self) -> None:
        """Until the other side hangs up; notes that it did."""
        self.connection.settimeout(GIVE_UP_S)
        with suppress(OSError):
            if not self.connection.recv(1):
                self.server.hung_up.set()


def event(delta: Any, finish: str | None = None, **others: Any) -> bytes:
    """An event of a stream."""
    told = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return b"data: " + json.dumps(told | others, ensure_ascii=False).encode() + b"\n\n"


def whole(message: Any, finish: str | None = "stop", **others: Any) -> bytes:
    """An answer in one piece."""
    told = {"object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    return json.dumps(told | others, ensure_ascii=False).encode()


def says(text: str, **others: Any) -> Behaviour:
    return lambda fault: fault.say(text, **others)


def answers_status(status: str, body: bytes = b"{}", **headers: str) -> Behaviour:
    def behave(fault: Fault) -> None:
        fault.head(status, "application/json", **headers)
        fault.send(body)

    return behave


def hang_before_headers(fault: Fault) -> None:
    fault.wait()


def hang_in_headers(fault: Fault) -> None:
    fault.send(b"HTTP/1.1 200 OK\r\nContent-Ty")
    fault.wait()


def hang_midway(fault: Fault) -> None:
    fault.head()
    fault.send(event({"content": GOOD + REST}) if fault.is_stream else whole({"content": GOOD})[:-9])
    fault.wait()


def drip(fault: Fault) -> None:
    """A byte now and then: never silent for long, never done."""
    fault.head()
    data = event({"content": GOOD}) + b": still here\n" * 10_000
    with suppress(OSError):
        for byte in data if fault.is_stream else whole({"content": GOOD * 400}):
            fault.send(bytes([byte]))
            if fault.server.stopped.wait(0.05):
                return
    fault.server.hung_up.set()


def drip_headers(fault: Fault) -> None:
    with suppress(OSError):
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: yes\r\n" * 10_000:
            fault.send(bytes([byte]))
            if fault.server.stopped.wait(0.05):
                return


def endless(fault: Fault) -> None:
    fault.head()
    with suppress(OSError):
        if fault.is_stream:
            for number in range(1_000_000):
                fault.send(event({"content": GOOD if number == 0 else "口罩" * 9}))
        else:
            for _ in range(1_000_000):
                fault.send(b" " * 4096)


def endless_nothing(fault: Fault) -> None:
    """Events without text, for ever."""
    fault.head()
    with suppress(OSError):
        for _ in range(1_000_000):
            fault.send(event({"content": ""}) if fault.is_stream else b"\n" * 4096)


def huge_line(fault: Fault) -> None:
    fault.head()
    with suppress(OSError):
        for _ in range(2000 if fault.is_stream else 20):
            fault.send((b"data: " if fault.is_stream else b'{"a": "') + b"x" * 4096)


def huge_headers(fault: Fault) -> None:
    with suppress(OSError):
        fault.send(b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"y" * 1_000_000 + b"\r\n\r\n")


def no_http(fault: Fault) -> None:
    fault.send(b"SSH-2.0-OpenSSH_9.6\r\n")


def close_at_once(fault: Fault) -> None:
    del fault


def reset(fault: Fault) -> None:
    fault.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close_midway(fault: Fault) -> None:
    fault.head(Content_Length="9999")
    fault.send(event({"content": GOOD + REST}) if fault.is_stream else whole({"content": GOOD})[:-9])


def short_of_its_length(fault: Fault) -> None:
    fault.head(Content_Length="100000")
    fault.body(GOOD, finish=None, done=False)


def bad_chunks(fault: Fault) -> None:
    fault.head(Transfer_Encoding="chunked")
    fault.send(b"zz\r\nnothing\r\n")


def not_json(fault: Fault) -> None:
    fault.head()
    fault.send(b"data: {'content': oops}\n\n" if fault.is_stream else b"oops")


def truncated_json(fault: Fault) -> None:
    fault.head()
    fault.send(event({"content": GOOD}) + b'data: {"choices": [{"del\n\n' if fault.is_stream else whole({})[:20])


def json_of_another_kind(fault: Fault) -> None:
    fault.head()
    fault.send(b"data: [1, 2]\n\n" if fault.is_stream else b"[1, 2]")


def deep_json(fault: Fault) -> None:
    fault.head()
    deep = b"[" * 30_000
    fault.send(b"data: " + deep + b"\n\n" if fault.is_stream else deep)


def wrong_content_type(fault: Fault) -> None:
    fault.head(kind="application/octet-stream")
    fault.body(GOOD)


def no_content_type(fault: Fault) -> None:
    fault.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    fault.body(GOOD)


def html_page(fault: Fault) -> None:
    fault.head(kind="text/html; charset=utf-8")
    fault.send(b"<html><script>window.hacked=true</script><h1>502 Bad Gateway</h1></html>")


def compressed(fault: Fault) -> None:
    fault.head(Content_Encoding="gzip")
    fault.send(b"\x1f\x8b" + b"\0" * 100)


def no_choices(fault: Fault) -> None:
    fault.head()
    empty = json.dumps({"choices": []}).encode()
    fault.send(b"data: " + empty + b"\n\ndata: [DONE]\n\n" if fault.is_stream else empty)


def null_content(fault: Fault) -> None:
    fault.head()
    fault.send(event({"content": None}, "stop") if fault.is_stream else whole({"content": None}))


def tool_call(fault: Fault) -> None:
    fault.head()
    call = {"content": None, "tool_calls": [{"id": "1", "function": {"name": "shell", "arguments": "rm -rf /"}}]}
    fault.send(event(call, "tool_calls") if fault.is_stream else whole(call, "tool_calls"))


def odd_types(fault: Fault) -> None:
    fault.head()
    fault.send(event(["content"], "stop") if fault.is_stream else whole("content"))


def error_in_place_of_text(fault: Fault) -> None:
    fault.head()
    told = json.dumps({"error": {"message": f"no key {fault.seen.head}"}}).encode()
    fault.send(b"data: " + told + b"\n\n" if fault.is_stream else told)


def invalid_utf8(fault: Fault) -> None:
    fault.head()
    data = event({"content": "口罩"}) if fault.is_stream else whole({"content": "口罩"})
    fault.send(data.replace("罩".encode(), b"\xff\xfe"))


def lone_surrogate(fault: Fault) -> None:
    fault.head()
    text = f'"{GOOD}\\ud83d[1]。"'
    told = '{"choices": [{"%s": {"content": %s}, "finish_reason": "stop"}]}'
    data = (told % ("delta" if fault.is_stream else "message", text)).encode()
    fault.send(b"data: " + data + b"\n\n" if fault.is_stream else data)


def with_bom(fault: Fault) -> None:
    fault.head()
    fault.send(b"\xef\xbb\xbf")
    fault.body(GOOD)


def crlf(fault: Fault) -> None:
    fault.head()
    data = event({"content": GOOD}, "stop") if fault.is_stream else whole({"content": GOOD})
    fault.send(data.replace(b"\n", b"\r\n"))


def split_everywhere(fault: Fault) -> None:
    """Byte by byte, through the middle of characters."""
    fault.head()
    for byte in event({"content": GOOD}, "stop") if fault.is_stream else whole({"content": GOOD}):
        fault.send(bytes([byte]))


def comments_and_usage(fault: Fault) -> None:
    fault.head()
    if fault.is_stream:
        usage = json.dumps({"choices": [], "usage": {"total_tokens": 9}}).encode()
        fault.send(b": ping\n\nevent: message\nid: 1\n" + event({"role": "assistant"}) + b"data: " + usage + b"\n\n")
    fault.body(GOOD, usage={"total_tokens": 9})


def parts(fault: Fault) -> None:
    fault.head()
    content = [{"type": "text", "text": GOOD}, {"type": "image_url", "image_url": {"url": "https://outside.example"}}]
    fault.send(event({"content": content}, "stop") if fault.is_stream else whole({"content": content}))


def as_asked_not(fault: Fault) -> None:
    """A stream where none is usual and the other way round is no fault: the type says what comes."""
    fault.is_stream = not fault.is_stream
    fault.say(GOOD)


def echo_key(fault: Fault) -> None:
    [key] = [line for line in fault.seen.head.splitlines() if line.lower().startswith("authorization")]
    fault.say(f"{GOOD}钥匙是{key.split()[-1]}[1]。")


def echo_instructions(fault: Fault) -> None:
    fault.say(fault.seen.body["messages"][0]["content"].replace(".", "[1]."))


def echo_instructions_spaced(fault: Fault) -> None:
    canary = fault.seen.body["messages"][0]["content"].rstrip(".").split()[-1]
    fault.say(f"{GOOD}说明的编号是{'-'.join(canary.upper())}[1]。")


@dataclass(slots=True)
class Server:
    """The server: where it is, what it has seen, and what it does next."""

    url: str = ""
    behaviour: Behaviour = field(default_factory=lambda: says(GOOD))
    is_stream: bool = True
    requests: list[Seen] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    hung_up: threading.Event = field(default_factory=threading.Event)


def _read(connection: Connection) -> Seen:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length"))
    while len(body) < length:
        body += connection.recv(65536)
    return Seen(head.decode(), json.loads(body))


@contextmanager
def fault_server() -> Iterator[Server]:
    """A server on this machine while the block lasts."""
    server = Server()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(ConnectionError):
                seen = _read(self.request)
                server.requests.append(seen)
                server.behaviour(Fault(self.request, server.is_stream, seen, server))

    class Listener(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True
        request_queue_size = 64

        def shutdown_request(self, request: Any) -> None:
            """Closes without a farewell, so that ``reset`` is one."""
            request.close()

    with Listener(("127.0.0.1", 0), Handler) as listener:
        server.url = f"http://127.0.0.1:{listener.server_address[1]}/v1"
        threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield server
        finally:
            server.stopped.set()
            listener.shutdown()
