"""Rates, days and the queue: worked by hand, held against the textbook's token bucket, and over HTTP."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import asyncio
import contextlib
import copy
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from web_fixtures import bot, local_client

from qa.bot import Bot
from qa.config import Settings
from qa.web.admission import OWNER, Admission, Asker
from qa.web.limits import CALM_S, Buckets, BusyError, DailyCounts, LimitError, Rate, Workers
from qa.web.server import build_app

DAY_S = 86_400
VISITOR = Asker(address="198.51.100.7")


class Clock:
    """A clock that the test turns."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def calendar() -> Clock:
    return Clock(20_000 * DAY_S + 3_600)


@pytest.fixture
def admission(tmp_path: Path, clock: Clock, calendar: Clock) -> Iterator[Admission]:
    opened = Admission(Settings(data=tmp_path), clock, calendar)
    yield opened
    opened.close()


def refused(admission: Admission, asker: Asker) -> LimitError:
    with pytest.raises(LimitError) as raised:
        admission.admit(asker)
    return raised.value


# Rates


def test_a_bucket_gives_its_burst_and_then_one_at_a_time(clock: Clock) -> None:
    buckets = Buckets(Rate(per_minute=10, burst=5), clock)
    for _ in range(5):
        assert buckets.wait_s("a") == 0
        buckets.take("a")
    assert buckets.wait_s("a") == 6  # ten a minute are one every six seconds
    assert buckets.wait_s("b") == 0
    clock.now += 6
    assert buckets.wait_s("a") == 0
    buckets.take("a")
    assert buckets.wait_s("a") == 6
    clock.now += 3_600
    for _ in range(5):  # the rest of an hour gives no more than the burst
        assert buckets.wait_s("a") == 0
        buckets.take("a")
    assert buckets.wait_s("a") == 6


@given(
    st.integers(1, 240),
    st.integers(1, 20),
    st.lists(st.integers(0, 40), min_size=1, max_size=80),
)
def test_a_bucket_decides_as_the_textbooks_does(per_minute: int, burst: int, pauses: list[int]) -> None:
    """That one counts tokens, refilled at each look; in sixtieths, which are whole numbers."""
    clock = Clock(0)
    buckets = Buckets(Rate(per_minute, burst), clock)
    tokens = burst * 60
    for pause in pauses:
        clock.now += pause
        tokens = min(burst * 60, tokens + pause * per_minute)
        may = buckets.wait_s("a") < 1e-9
        assert may == (tokens >= 60)
        if may:
            tokens -= 60
            buckets.take("a")


def test_buckets_forget_the_longest_unused_beyond_their_number(clock: Clock) -> None:
    buckets = Buckets(Rate(per_minute=1, burst=1), clock, max_keys=3)
    for key in ("a", "b", "c", "a", "d"):
        buckets.take(key)
    assert len(buckets) == 3
    assert [key for key in "abcd" if buckets.wait_s(key)] == ["a", "c", "d"]


def test_a_day_ends_at_midnight(calendar: Clock) -> None:
    days = DailyCounts(2, calendar)
    for _ in range(2):
        assert days.wait_s("a") == 0
        days.take("a")
    assert days.wait_s("a") == 23 * 3_600
    calendar.now += 23 * 3_600
    assert days.wait_s("a") == 0
    assert days.snapshot() == (20_001, {})


@pytest.mark.parametrize("jump_s", [-DAY_S, 400 * DAY_S])
def test_a_clock_that_jumps_never_locks_anybody_out_for_longer_than_a_day(calendar: Clock, jump_s: int) -> None:
    days = DailyCounts(1, calendar)
    days.take("a")
    calendar.now += jump_s
    assert days.wait_s("a") == 0
    days.take("a")
    assert days.wait_s("a") <= DAY_S


# Who may ask


def test_a_visitor_has_a_burst_then_ten_a_minute_then_two_hundred_a_day(admission: Admission, clock: Clock) -> None:
    for _ in range(5):
        admission.admit(VISITOR)
    refusal = refused(admission, VISITOR)
    assert (refusal.code, refusal.http_status, refusal.retry_after_s) == ("VISITOR_LIMIT", 429, 6)
    for _ in range(195):
        clock.now += 6
        admission.admit(VISITOR)
    clock.now += 60
    refusal = refused(admission, VISITOR)
    assert (refusal.code, refusal.retry_after_s) == ("DAY_LIMIT", 23 * 3_600)
    assert "23 h" in refusal.message
    admission.admit(Asker(address="198.51.100.8"))
    assert admission.refused == 2


def test_the_addresses_of_one_home_are_one_visitor(admission: Admission) -> None:
    for number in range(5):
        admission.admit(Asker(address=f"2001:db8:0:1::{number}"))
    assert refused(admission, Asker(address="2001:db8:0:1:ffff::1")).code == "VISITOR_LIMIT"
    admission.admit(Asker(address="2001:db8:0:2::1"))


def test_the_owner_is_not_limited(admission: Admission) -> None:
    for _ in range(1_000):
        admission.admit(OWNER)


@pytest.mark.parametrize(("asker", "code"), [(Asker(site="s"), "SITE_LIMIT"), (Asker(token="t"), "TOKEN_LIMIT")])
def test_a_site_and_a_token_have_120_a_minute(admission: Admission, clock: Clock, asker: Asker, code: str) -> None:
    for _ in range(30):
        admission.admit(asker)
    assert refused(admission, asker).code == code
    for _ in range(119):
        clock.now += 0.5
        admission.admit(asker)
    assert refused(admission, asker).code == code


def test_who_is_refused_by_one_limit_has_spent_nothing_of_another(admission: Admission) -> None:
    both = Asker(address="198.51.100.7", site="s")
    for _ in range(5):
        admission.admit(both)
    for _ in range(100):
        assert refused(admission, both).code == "VISITOR_LIMIT"
    for number in range(25):  # 5 of the site's 30 are gone, not 105
        admission.admit(Asker(address=f"203.0.113.{number}", site="s"))
    assert refused(admission, Asker(address="203.0.113.99", site="s")).code == "SITE_LIMIT"


def test_the_day_outlives_the_process_and_names_nobody(tmp_path: Path, clock: Clock, calendar: Clock) -> None:
    settings = Settings(data=tmp_path, visitor_per_day=3)
    first = Admission(settings, clock, calendar)
    for _ in range(3):
        first.admit(VISITOR)
    first.close()
    again = Admission(settings, clock, calendar)
    assert refused(again, VISITOR).code == "DAY_LIMIT"
    again.close()
    assert b"198.51.100" not in (tmp_path / "limits.db").read_bytes()
    calendar.now += DAY_S
    tomorrow = Admission(settings, clock, calendar)
    tomorrow.admit(VISITOR)
    tomorrow.close()
    with sqlite3.connect(tmp_path / "limits.db") as connection:
        assert connection.execute("SELECT day, count FROM counts").fetchall() == [(20_001, 1)]
    connection.close()


def test_limits_hold_where_nothing_can_be_written(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "limits.db").write_bytes(b"no database")
    opened = Admission(Settings(data=tmp_path, visitor_burst=1), clock)
    opened.admit(VISITOR)
    assert refused(opened, VISITOR).code == "VISITOR_LIMIT"
    opened.close()
    assert (tmp_path / "limits.db").read_bytes() == b"no database"


# The queue


def test_a_queue_takes_so_many_and_no_more() -> None:
    workers = Workers(at_work=1, waiting=2)
    go = threading.Event()
    futures = [workers.submit(go.wait), workers.submit(lambda: True), workers.submit(lambda: True)]
    with pytest.raises(BusyError) as raised:
        workers.submit(lambda: True)
    assert (raised.value.code, raised.value.http_status) == ("QUEUE_FULL", 503)
    assert raised.value.retry_after_s >= 1
    go.set()
    assert [future.result(timeout=10) for future in futures] == [True] * 3
    workers.close()
    assert workers.taken == 0


def test_once_it_was_full_the_queue_is_short_until_nobody_is_refused_for_a_while(clock: Clock) -> None:
    """Two at work and six waiting are for a burst; while more is asked than is answered, one waits."""
    workers = Workers(at_work=2, waiting=6, clock=clock)
    go = threading.Event()

    def fill() -> int:
        futures = []
        with contextlib.suppress(BusyError):
            while True:
                futures.append(workers.submit(lambda: go.wait(20)))
        go.set()
        assert all(future.result(timeout=20) for future in futures)
        while workers.taken:
            time.sleep(0.001)
        go.clear()
        return len(futures)

    assert fill() == 8
    assert fill() == 3
    clock.now += CALM_S - 1
    assert fill() == 3  # and somebody was refused once more
    clock.now += CALM_S - 1
    assert workers.submit(lambda: 1).result(timeout=20) == 1
    clock.now += 2
    assert fill() == 8
    workers.close()


def test_a_full_queue_is_told_once_a_minute_however_many_are_refused(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    opened = Admission(Settings(data=tmp_path, workers=1, waiting=0), clock)
    go = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(opened.answer_here, OWNER, lambda: go.wait(20))
        while not opened.workers.taken:
            time.sleep(0.001)
        for minute in (1, 2):
            for _ in range(50):
                with pytest.raises(BusyError):
                    opened.answer_here(OWNER, lambda: True)
            assert len(caplog.records) == minute
            clock.now += 60
        go.set()
        assert asking.result(timeout=20)
    assert opened.refused == 100
    opened.close()


def test_who_goes_while_waiting_leaves_the_queue(admission: Admission) -> None:
    go = threading.Event()
    answered = []

    async def ask() -> None:
        at_work = [asyncio.ensure_future(admission.answer(OWNER, go.wait)) for _ in range(2)]
        waiting = asyncio.ensure_future(admission.answer(OWNER, lambda: answered.append(1)))
        await asyncio.sleep(0.05)
        assert admission.workers.taken == 3
        waiting.cancel()
        with pytest.raises((asyncio.CancelledError, CancelledError)):
            await waiting
        assert admission.workers.taken == 2
        go.set()
        assert await asyncio.gather(*at_work) == [True] * 2

    asyncio.run(ask())
    assert answered == []


# Over HTTP


@pytest.fixture(scope="module")
def limited(bot: Bot) -> TestClient:
    """A client elsewhere, of a server with small limits."""
    small = copy.copy(bot)
    small.settings = replace(bot.settings, visitor_burst=2)
    return local_client(build_app(small), client=("198.51.100.7", 1))


def test_a_visitor_beyond_the_limit_is_told_when_to_come_again(limited: TestClient) -> None:
    for _ in range(2):
        assert limited.post("/api/ask", json={"question": "口罩"}).status_code == 200
    # Whatever it claims to come from (API-013).
    for number in range(20):
        address = f"1.2.3.{number}"
        spoofed = {"x-forwarded-for": address, "x-real-ip": address, "forwarded": f"for={address}"}
        response = limited.post("/api/ask", json={"question": "口罩"}, headers=spoofed)
        assert response.status_code == 429
        error = response.json()["error"]
        assert error["code"] == "VISITOR_LIMIT"
        assert error["message"].endswith(f"ask again in {response.headers['retry-after']} s.")
        assert 1 <= int(response.headers["retry-after"]) <= 6
    assert limited.get("/healthz").status_code == 200


def test_a_refusal_is_no_error_in_the_log(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise BusyError("QUEUE_FULL", "36 questions are being answered or waiting already.", 2)

    monkeypatch.setattr(Workers, "submit", full)
    client = local_client(build_app(bot))
    answers = [client.post("/api/ask", json={"question": "口罩"}) for _ in range(5)]
    assert [(answer.status_code, answer.headers["retry-after"]) for answer in answers] == [(503, "2")] * 5
    assert [record.name for record in caplog.records] == ["qa.web.admission"]


@pytest.mark.parametrize(
    ("wait_s", "told"),
    [(1, "1 s"), (119, "119 s"), (120, "2 min"), (121, "3 min"), (7_199, "120 min"), (7_200, "2 h"), (7_201, "3 h")],
)
def test_a_wait_is_told_in_the_unit_that_people_would_use(
    admission: Admission, clock: Clock, calendar: Clock, wait_s: int, told: str
) -> None:
    for _ in range(200):
        admission.admit(VISITOR)
        clock.now += 6
    calendar.now += 23 * 3_600 - wait_s
    assert refused(admission, VISITOR).message == f"The questions of today are used up; ask again in {told}."
