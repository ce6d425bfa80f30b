"""Processes that help to answer: the same answers, fresh ones, and none the worse when a helper fails."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from process_tree import children, wait

from qa.answer import Question, Record
from qa.bot import Bot, owners_terms
from qa.config import Settings
from qa.errors import QuestionError
from qa.helpers import Helpers, shared_out
from qa.reading import parse
from qa.web.server import bind

QUESTIONS = [
    Question("景山街道总工会三八节发了多少口罩？"),
    Question("东城区有多少个街道？", "second"),
    Question("那西城区呢？", "third", ("东城区有多少个街道？",)),
    Question("Who won the election on Mars?"),
]


def lasting(records: list[Record] | None) -> list[Record]:
    """Records without what is new each time."""
    assert records is not None
    return [
        {name: value for name, value in record.items() if name not in {"trace_id", "elapsed_ms"}} for record in records
    ]


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """Which answers each question anew; nor does a helper of it remember any."""
    with Bot.open(Settings(data=tmp_path_factory.mktemp("data"), remembered_mb=0)) as opened:
        yield opened


@pytest.fixture(scope="module")
def helpers(bot: Bot) -> Iterator[Helpers]:
    helpers = Helpers(bot.settings, 1)
    wait(lambda: helpers.idle == 1)
    yield helpers
    helpers.close()


def ask(helpers: Helpers, bot: Bot, questions: list[Question] = QUESTIONS, k: int = 5) -> list[Record] | None:
    found = helpers.records(questions, k, bot.terms.version)
    return None if found is None else found[0]


def test_a_helper_gives_the_same_records(bot: Bot, helpers: Helpers) -> None:
    assert lasting(ask(helpers, bot)) == lasting(bot.ask_many(QUESTIONS))
    assert len(lasting(ask(helpers, bot, k=2))[0]["passages"]) == 2


def test_a_bot_asks_its_helpers_and_answers_itself_when_they_are_busy(bot: Bot, helpers: Helpers) -> None:
    bot.elsewhere = helpers.records
    try:
        answered = helpers.answered
        with ThreadPoolExecutor(4) as pool:
            records = list(pool.map(lambda question: bot.ask_many([question])[0], QUESTIONS * 4))
        assert 0 < helpers.answered - answered <= len(records)
        assert helpers.idle == 1
    finally:
        bot.elsewhere = None
    assert lasting(records) == lasting(bot.ask_many(QUESTIONS)) * 4
    assert Helpers(bot.settings, 0).records(QUESTIONS, 5, "1") is None


def test_many_questions_are_shared_out_and_come_back_in_their_order(bot: Bot) -> None:
    many = [Question(f"{question.question}{number}", str(number)) for number in range(7) for question in QUESTIONS]
    alone = lasting(bot.ask_many(many))
    with shared_out(bot, 2) as asker:
        for _ in range(200):  # the helper takes some seconds to start
            assert lasting(asker.ask_many(many)) == alone
            if bot.elsewhere is not None and bot.elsewhere(QUESTIONS, 5, bot.terms.version) is not None:
                break
        else:
            pytest.fail("no helper answered")
        assert lasting(asker.ask_many(many)) == alone
        with pytest.raises(QuestionError):
            asker.ask_many([*many, Question(" ")])
        assert asker.ask_many([]) == []
    assert bot.elsewhere is None


def test_nobody_waits_for_helpers_that_are_not_ready_yet(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.helpers.FAREWELL_S", 10_000)
    before = children(os.getpid())
    with shared_out(bot, 3) as asker:
        asker.check("谁？")
        assert len(children(os.getpid()) - before) == 2
    assert children(os.getpid()) == before


def test_one_process_shares_nothing_out(bot: Bot) -> None:
    with shared_out(bot, 1) as asker:
        assert asker is bot


def test_what_a_helper_answered_is_remembered_until_something_changes(bot: Bot, helpers: Helpers) -> None:
    with Bot.open(replace(bot.settings, remembered_mb=1), index_seeds=False) as remembering:
        remembering.elsewhere = helpers.records
        answered = helpers.answered
        first = remembering.ask_many(QUESTIONS)
        assert helpers.answered == answered + 1
        assert lasting(remembering.ask_many(QUESTIONS)) == lasting(first)
        assert helpers.answered == answered + 1
        bot.add([parse("added.txt", "第八号水文站水位三米。".encode())], settled=lambda *_: None)
        remembering.ask_many(QUESTIONS)
        assert helpers.answered == answered + 2
        bot.withdraw(files=["added.txt"])


def test_what_a_helper_cant_answer_is_answered_here(bot: Bot, helpers: Helpers) -> None:
    """Whatever it is: an error of the question, which this process raises too, or a want that only the helper has."""
    assert ask(helpers, bot, [Question(7)]) is None  # type: ignore[arg-type]
    bot.elsewhere = helpers.records
    try:
        with pytest.raises(QuestionError):
            bot.ask(" ")
    finally:
        bot.elsewhere = None
    assert ask(helpers, bot) is not None
    assert helpers.idle == 1


def test_a_helper_whose_pipe_is_of_no_more_use_is_replaced(
    bot: Bot, helpers: Helpers, monkeypatch: pytest.MonkeyPatch
) -> None:
    [helper] = helpers._all

    def fail(_: object) -> None:
        raise TypeError("can't be pickled")

    monkeypatch.setattr(helper, "ask", fail)
    assert ask(helpers, bot) is None
    wait(lambda: helpers.idle == 1)
    assert helpers._all != [helper]
    assert ask(helpers, bot) is not None


def test_where_no_process_can_be_started_this_one_answers(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("qa.helpers._Helper", fail)
    helpers = Helpers(bot.settings, 2)
    assert ask(helpers, bot) is None
    helpers.close()


def test_a_helper_sees_what_was_just_committed(bot: Bot, helpers: Helpers) -> None:
    text = "第七号水文站今日测得水位九百三十一米。"
    bot.add([parse("added.txt", text.encode())], settled=lambda *_: None)
    [record] = lasting(ask(helpers, bot, [Question("第七号水文站水位多少米？")]))
    assert record["passages"][0]["source"]["file"] == "added.txt"
    bot.withdraw(files=["added.txt"])
    [record] = lasting(ask(helpers, bot, [Question("第七号水文站水位多少米？")]))
    assert "added.txt" not in {passage["source"]["file"] for passage in record["passages"]}


def test_a_helper_cuts_by_the_owners_words_of_now(tmp_path: Path) -> None:
    with Bot.open(Settings(data=tmp_path)) as own:
        helpers = Helpers(own.settings, 1)
        try:
            wait(lambda: helpers.idle == 1)
            (tmp_path / "dict").mkdir()
            (tmp_path / "dict" / "synonyms.txt").write_text("面罩 口罩\n", encoding="utf-8")
            own.use_terms(owners_terms(own.settings))
            asked = [Question("景山街道总工会三八节发了多少面罩？")]
            assert lasting(ask(helpers, own, asked)) == lasting(own.ask_many(asked))
            assert helpers.records(asked, 5, "of another time") is None
        finally:
            helpers.close()


def test_a_helper_that_is_killed_is_replaced(bot: Bot, helpers: Helpers) -> None:
    [helper] = helpers._all
    assert helper._process.pid is not None
    os.kill(helper._process.pid, signal.SIGKILL)
    assert ask(helpers, bot) is None, "then the bot answers itself"
    wait(lambda: helpers.idle == 1)
    assert lasting(ask(helpers, bot)) == lasting(bot.ask_many(QUESTIONS))


def test_a_helper_that_hangs_is_ended(bot: Bot, helpers: Helpers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.helpers.TIMEOUT_S", 0.2)
    [helper] = helpers._all
    assert helper._process.pid is not None
    os.kill(helper._process.pid, signal.SIGSTOP)
    assert ask(helpers, bot) is None
    monkeypatch.undo()
    wait(lambda: helpers.idle == 1)
    assert ask(helpers, bot) is not None


def test_nothing_is_left_when_they_are_closed(bot: Bot) -> None:
    helpers = Helpers(bot.settings, 2)
    processes = [helper._process for helper in helpers._all]
    wait(lambda: helpers.idle >= 1)
    helpers.close()
    assert [process.exitcode is not None for process in processes] == [True, True]
    assert ask(helpers, bot) is None


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_answers_with_helpers_and_takes_them_along_when_it_ends(tmp_path: Path, way: signal.Signals) -> None:
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
    environment = {**os.environ, "WENBAO_PROCESSES": "2", "WENBAO_PORT": str(port), "WENBAO_DATA": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-m", "qa.cli", "serve"], env=environment) as server:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                wait(lambda: answers(client))
                wait(lambda: "wenbao_helpers_idle 1" in client.get("/metrics").text)
                body = {"question": QUESTIONS[0].question}
                assert client.post("/api/ask", json=body).json()["status"] == "answered"
                assert "wenbao_helpers_answered 1" in client.get("/metrics").text
            known = children(server.pid)
            assert known
        finally:
            server.send_signal(way)
        server.wait(timeout=20)
        assert server.returncode == (0 if way == signal.SIGTERM else -signal.SIGKILL)
        wait(lambda: not any(Path(f"/proc/{pid}").exists() for pid in known))


def answers(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return client.get("/healthz").status_code == 200
    return False
