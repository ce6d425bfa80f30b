"""A model's server that fails in every way: the extracts stay as they are, and one sentence with a code says why."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import llm_faults as faults
import pytest
from llm_faults import ALSO, GOOD, REST, Behaviour, Server, answers_status, fault_server, says

from qa.answer import Record
from qa.bot import Bot
from qa.generate import Endpoint, Support, Writer, Written
from qa.generate.breaker import AT_ONCE, FAILURES, PAUSE_S, RETRY_AFTER_MOST_S
from qa.generate.values import REASONS

QUESTION = "景山街道总工会三八节发了多少口罩？"
KEY = "sk-test-0123456789abcdef"
PLAIN = GOOD[:-5]


class Case(NamedTuple):
    """What a server does, and what becomes of it: the error's code, and the text that is kept."""

    behaviour: Behaviour
    code: str | None = None
    streamed: str | None = None
    at_once: str | None = None


def kept(behaviour: Behaviour, code: str | None = None) -> Case:
    return Case(behaviour, code, GOOD, GOOD)


CASES = {
    "answers well": kept(says(GOOD)),
    "byte by byte": kept(faults.split_everywhere),
    "stream for object, object for stream": kept(faults.as_asked_not),
    "byte order mark": kept(faults.with_bom),
    "line ends of Windows": kept(faults.crlf),
    "comments, roles, usage": kept(faults.comments_and_usage),
    "content in parts": kept(faults.parts),
    "another model answers": kept(says(GOOD, model="<b>other</b>")),
    "thoughts before the answer": kept(says(f"<think>Hm [1]。\n\n{ALSO}</think>\n\n{GOOD}")),
    "said twice": kept(says(GOOD * 2)),
    "hangs before the headers": Case(faults.hang_before_headers, "LLM_TIMEOUT"),
    "hangs within the headers": Case(faults.hang_in_headers, "LLM_TIMEOUT"),
    "hangs midway": Case(faults.hang_midway, "LLM_TIMEOUT", GOOD),
    "drips": Case(faults.drip, "LLM_TIMEOUT"),
    "drips headers": Case(faults.drip_headers, "LLM_TIMEOUT"),
    "closes at once": Case(faults.close_at_once, "LLM_INTERRUPTED"),
    "resets the connection": Case(faults.reset, "LLM_INTERRUPTED"),
    "closes midway": Case(faults.close_midway, "LLM_INTERRUPTED", GOOD),
    "shorter than it says": Case(faults.short_of_its_length, "LLM_INTERRUPTED", GOOD),
    "broken chunks": Case(faults.bad_chunks, "LLM_INTERRUPTED"),
    "no HTTP": Case(faults.no_http, "LLM_INTERRUPTED"),
    "headers without end": Case(faults.huge_headers, "LLM_INTERRUPTED"),
    "401": Case(answers_status("401 Unauthorized"), "LLM_UNAUTHORIZED"),
    "403": Case(answers_status("403 Forbidden"), "LLM_UNAUTHORIZED"),
    "404": Case(answers_status("404 Not Found"), "LLM_MODEL_UNKNOWN"),
    "400 context": Case(answers_status("400 Bad Request"), "LLM_REJECTED"),
    "204": Case(answers_status("204 No Content", b""), "LLM_REJECTED"),
    "429": Case(answers_status("429 Too Many Requests", Retry_After="3600"), "LLM_RATE_LIMITED"),
    "500": Case(answers_status("500 Internal Server Error"), "LLM_SERVER_ERROR"),
    "503": Case(answers_status("503 Service Unavailable", Retry_After="soon"), "LLM_SERVER_ERROR"),
    "error in place of text": Case(faults.error_in_place_of_text, "LLM_SERVER_ERROR"),
    "redirects": Case(answers_status("307 Temporary Redirect", Location="http://169.254.169.254/"), "LLM_REDIRECT"),
    "no JSON": Case(faults.not_json, "LLM_MALFORMED"),
    "truncated JSON": Case(faults.truncated_json, "LLM_MALFORMED", GOOD),
    "JSON of another kind": Case(faults.json_of_another_kind, "LLM_MALFORMED"),
    "deep JSON": Case(faults.deep_json, "LLM_MALFORMED"),
    "invalid UTF-8": Case(faults.invalid_utf8, "LLM_MALFORMED"),
    "wrong content type": Case(faults.wrong_content_type, "LLM_MALFORMED"),
    "no content type": Case(faults.no_content_type, "LLM_MALFORMED"),
    "an HTML page": Case(faults.html_page, "LLM_MALFORMED"),
    "compressed": Case(faults.compressed, "LLM_MALFORMED"),
    "a huge line": Case(faults.huge_line, "LLM_MALFORMED"),
    "writes without end": Case(faults.endless, "LLM_TOO_LONG", GOOD),
    "says nothing without end": Case(faults.endless_nothing, "LLM_TOO_LONG"),
    "cut off by its limit": kept(says(GOOD + REST, finish="length"), "LLM_TOO_LONG"),
    "cut off by a filter": kept(says(GOOD, finish="content_filter"), "LLM_TOO_LONG"),
    "no choices": Case(faults.no_choices, "LLM_EMPTY"),
    "null content": Case(faults.null_content, "LLM_EMPTY"),
    "no text": Case(says(""), "LLM_EMPTY"),
    "only blanks": Case(says(" \n\n\u200b"), "LLM_EMPTY"),
    "a tool's call": Case(faults.tool_call, "LLM_EMPTY"),
    "odd types": Case(faults.odd_types, "LLM_EMPTY"),
    "half a character": kept(faults.lone_surrogate),
    "only thoughts": Case(says(f"<think>{GOOD}"), "LLM_EMPTY"),
    "NONE": Case(says("NONE"), "LLM_UNCITED"),
    "no marks": Case(says(PLAIN + "。"), "LLM_UNCITED"),
    "marks of no passage": Case(says(PLAIN + "[9][77]。来源：[9]"), "LLM_UNCITED"),
    "a wrong passage's mark": Case(says(PLAIN + "[2]。"), "LLM_UNCITED"),
    "a wrong figure": Case(says(GOOD.replace("8000", "9000")), "LLM_UNCITED"),
    "other matters": Case(says("天气晴朗，适合出游，欢迎光临本店[1]。"), "LLM_UNCITED"),
    "an address": Case(says("景山街道总工会发放防疫口罩8000个，详见https://outside.example/[1]。"), "LLM_UNCITED"),
    "the key": Case(faults.echo_key, "LLM_LEAK"),
    "the instructions": Case(faults.echo_instructions, "LLM_LEAK"),
    "the instructions, spaced": Case(faults.echo_instructions_spaced, "LLM_LEAK"),
}  # fmt: skip


@pytest.fixture(scope="module")
def record(seeds_bot: Bot) -> Record:
    found = seeds_bot.ask(QUESTION)
    assert found["status"] == "answered"
    return found


@pytest.fixture(scope="module")
def supports(seeds_bot: Bot) -> Support:
    return Support(lambda: seeds_bot.terms, seeds_bot.embedder)


@pytest.fixture(scope="module")
def open_server() -> Iterator[Server]:
    with fault_server() as found:
        yield found


@pytest.fixture
def server(open_server: Server) -> Server:
    open_server.behaviour, open_server.is_stream = says(GOOD), True
    open_server.requests.clear()
    open_server.hung_up.clear()
    return open_server


def endpoint(server: Server, **others: Any) -> Endpoint:
    return replace(Endpoint(server.url, "tiny", KEY), **others)


def last(writer: Writer, record: Record) -> Written:
    *earlier, final = writer.stream_here(record)
    assert final.done
    assert not any(written.done for written in earlier)
    if final.error is None or final.error.code != "LLM_LEAK":
        assert "".join(written.added for written in [*earlier, final]) == final.text
    return final


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "object"])
@pytest.mark.parametrize("name", CASES)
def test_whatever_the_server_does_the_answer_stands(
    server: Server, record: Record, supports: Support, caplog: pytest.LogCaptureFixture, name: str, is_stream: bool
) -> None:
    case = CASES[name]
    server.behaviour, server.is_stream = case.behaviour, is_stream
    before = {**record}
    # Silence is short where it is what is tested; elsewhere a busy machine may take its time.
    waits = {"timeout_s": 1.0, "idle_s": 0.4} if case.code == "LLM_TIMEOUT" else {"timeout_s": 30.0, "idle_s": 20.0}
    written = last(Writer(endpoint(server, **waits), supports), record)
    assert record == before
    assert (written.error.code if written.error else None) == case.code
    assert (written.text or None) == (case.streamed if is_stream else case.at_once)
    assert written.citations == ((1,) if written.text else ())
    told = f"{written.json('tiny')}{caplog.text}"
    assert KEY not in told
    assert "hacked" not in told
    if written.error:
        assert written.error.message.endswith("; the passages stand on their own.")
        assert "127.0.0.1" not in written.error.message
        [line] = [record for record in caplog.records if record.name.startswith("qa.")]
        assert line.levelno == logging.WARNING
        assert line.getMessage().startswith(f"{case.code}: ")
    assert len(server.requests) == 1  # nothing is tried twice


def test_every_error_of_a_server_has_its_case_here() -> None:
    elsewhere = {"LLM_UNAVAILABLE", "LLM_ADDRESS", "LLM_BUSY", "LLM_PAUSED"}
    assert {case.code for case in CASES.values() if case.code} == REASONS.keys() - elsewhere
    assert len(CASES) > 50


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "https://127.0.0.1:1", "http://no-such-name.invalid/v1"])
def test_a_server_that_is_not_there_is_told(record: Record, supports: Support, url: str) -> None:
    """LLM-001."""
    written = last(Writer(Endpoint(url, "tiny"), supports), record)
    assert written.error
    assert written.error.code == "LLM_UNAVAILABLE"


def test_a_certificate_that_is_none_is_refused(
    server: Server, record: Record, supports: Support, caplog: pytest.LogCaptureFixture
) -> None:
    """LLM-001: a server that doesn't speak TLS where TLS is expected."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        secure = endpoint(server, url=f"https://127.0.0.1:{listener.getsockname()[1]}")
        written = last(Writer(secure, supports), record)
    assert written.error
    assert written.error.code == "LLM_UNAVAILABLE"
    assert "SSL" in caplog.text


def test_a_name_that_leads_to_a_metadata_service_is_not_asked(
    record: Record, supports: Support, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LLM-007: the setting refuses the address itself; here a harmless name leads to it."""

    async def found(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", found)
    written = last(Writer(Endpoint("http://models.example/v1", "tiny"), supports), record)
    assert written.error
    assert written.error.code == "LLM_ADDRESS"


def test_the_request_is_what_servers_expect_and_holds_no_secret(
    server: Server, record: Record, supports: Support, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert last(Writer(endpoint(server), supports), record).text == GOOD
    [seen] = server.requests
    assert seen.head.splitlines()[0] == "POST /v1/chat/completions HTTP/1.1"
    assert f"authorization: bearer {KEY}" in seen.head.lower()
    assert KEY not in str(seen.body)
    assert (seen.body["model"], seen.body["stream"], seen.body["max_tokens"]) == ("tiny", True, 600)
    assert [message["role"] for message in seen.body["messages"]] == ["system", "user"]


def test_without_a_key_none_is_sent(server: Server, record: Record, supports: Support) -> None:
    last(Writer(endpoint(server, key=None), supports), record)
    assert "authorization" not in server.requests[0].head.lower()


def test_nothing_is_written_where_nothing_was_found(server: Server, record: Record, supports: Support) -> None:
    writer = Writer(endpoint(server), supports)
    assert list(writer.stream_here({**record, "status": "not_found"})) == []
    assert list(writer.stream_here({**record, "passages": []})) == []
    assert server.requests == []


def test_who_stops_reading_ends_the_request(server: Server, record: Record, supports: Support) -> None:
    server.behaviour = faults.hang_midway
    before = set(threading.enumerate())
    states = Writer(endpoint(server, timeout_s=30, idle_s=30), supports).stream_here(record)
    assert next(states).text == GOOD
    states.close()  # type: ignore[attr-defined]  # a generator
    assert server.hung_up.wait(5)
    until = time.monotonic() + 5
    while len(left := set(threading.enumerate()) - before) > 1 and time.monotonic() < until:
        time.sleep(0.01)  # the reader's thread ends after the server has seen it hang up
    assert len(left) <= 1, left  # the server's own


def test_it_works_where_an_event_loop_runs(server: Server, record: Record, supports: Support) -> None:
    async def cell() -> Written:
        return last(Writer(endpoint(server), supports), record)

    assert asyncio.run(cell()).text == GOOD


# When a server is left alone


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def code_of(writer: Writer, record: Record) -> str | None:
    written = last(writer, record)
    return written.error.code if written.error else None


def test_after_failures_in_a_row_it_is_left_alone_and_then_tried_once(
    server: Server, record: Record, supports: Support
) -> None:
    """LLM-001: open after five failures, half open after 30 s."""
    clock = Clock()
    writer = Writer(endpoint(server), supports, clock)
    server.behaviour = answers_status("500 Internal Server Error")
    assert [code_of(writer, record) for _ in range(FAILURES)] == ["LLM_SERVER_ERROR"] * 5
    assert code_of(writer, record) == "LLM_PAUSED"
    assert len(server.requests) == FAILURES == 5
    clock.now = PAUSE_S - 0.1
    assert code_of(writer, record) == "LLM_PAUSED"
    clock.now = 30.0
    assert code_of(writer, record) == "LLM_SERVER_ERROR"
    assert code_of(writer, record) == "LLM_PAUSED"
    clock.now = 60.0
    server.behaviour = says(GOOD)
    assert [code_of(writer, record) for _ in range(2)] == [None, None]


def test_a_text_that_is_not_borne_out_is_no_failure_of_the_server(
    server: Server, record: Record, supports: Support
) -> None:
    writer = Writer(endpoint(server), supports)
    server.behaviour = says("没有标记。")
    assert [code_of(writer, record) for _ in range(FAILURES + 2)] == ["LLM_UNCITED"] * (FAILURES + 2)


@pytest.mark.parametrize(("asked_s", "waits_s"), [("3600", RETRY_AFTER_MOST_S), ("7", 7)])
def test_a_server_that_asks_to_be_left_alone_is_up_to_a_limit(
    server: Server, record: Record, supports: Support, asked_s: str, waits_s: float
) -> None:
    """LLM-003."""
    clock = Clock()
    writer = Writer(endpoint(server), supports, clock)
    server.behaviour = answers_status("429 Too Many Requests", Retry_After=asked_s)
    assert code_of(writer, record) == "LLM_RATE_LIMITED"
    server.behaviour = says(GOOD)
    clock.now = waits_s - 0.5
    assert code_of(writer, record) == "LLM_PAUSED"
    clock.now = waits_s + 0.5
    assert code_of(writer, record) is None


def test_no_more_texts_are_written_at_once_than_a_server_does(
    server: Server, record: Record, supports: Support
) -> None:
    server.behaviour = faults.hang_midway
    writer = Writer(endpoint(server, timeout_s=30, idle_s=30), supports)
    at_work = [writer.stream_here(record) for _ in range(AT_ONCE)]
    assert [next(states).text for states in at_work] == [GOOD] * AT_ONCE
    assert code_of(writer, record) == "LLM_BUSY"
    for states in at_work:
        states.close()  # type: ignore[attr-defined]  # a generator
    server.behaviour = says(GOOD)
    assert code_of(writer, record) is None
