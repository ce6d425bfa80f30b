"""Jobs of a server and their API: states, owners, what a restart, a kill and a changed corpus do, every format."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import openpyxl
import pytest
from batch_echo import EchoBot
from starlette.testclient import TestClient
from web_fixtures import app, bot

from qa.access import Access, Scope
from qa.answer import Question
from qa.batch import Options, Questions, answering, run
from qa.batch.job import Job, JobFolder
from qa.batch.jobs import Jobs
from qa.bot import Bot
from qa.config import Settings
from qa.errors import WenbaoError
from qa.web.batch_api import shown
from qa.web.server import build_app

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

QUESTIONS = b"id,question,answer\n1,q1,q1\n2,q2,x\n,,\n4,q1,q1\n"


class JobBot(EchoBot):
    """An echo with a corpus that jobs can ask for; waits at a gate, when there is one, before each chunk."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.settings = Settings(data=folder)
        self.key = "one"
        self.gate: threading.Semaphore | None = None

    def ask_many(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        if self.gate:
            assert self.gate.acquire(timeout=20)
        return super().ask_many(questions)


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobBot:
    monkeypatch.setattr("qa.batch.jobs.about", lambda bot: {"key": bot.key, "model": "m"})
    monkeypatch.setattr("qa.batch.jobs.Beside", lambda _: lambda _: {})
    monkeypatch.setattr(answering, "CHUNK", 1)
    return JobBot(tmp_path)


def opened(echo: JobBot) -> Jobs:
    return Jobs(cast("Bot", echo))


def put(jobs: Jobs, data: bytes = QUESTIONS, name: str = "q.csv", owner: str = "owner") -> Job:
    with jobs.new(name, owner) as (file, job):
        file.write(data)
    return job


def test_a_job_goes_from_draft_to_finished_and_gives_every_format(echo: JobBot) -> None:
    with closing(opened(echo)) as jobs:
        draft = put(jobs)
        assert (draft.state, jobs.preview(draft)["columns"]) == ("draft", ["id", "question", "answer"])
        done = jobs.wait(jobs.start(draft), 20)
        assert (done.state, done.done, dict(done.statuses)) == ("finished", 4, {"answered": 3, "skipped": 1})
        assert done.scores
        assert done.scores["measures"]["exact"]["value"] == pytest.approx(2 / 3)
        for format_ in ("xlsx", "csv", "jsonl", "html"):
            assert jobs.result(done, format_).stat().st_size > 100
        assert len(echo.asked) == 2  # q1 once


def test_pausing_stops_between_chunks_and_resuming_gives_equal_bytes(echo: JobBot, tmp_path: Path) -> None:
    echo.gate = threading.Semaphore(1)
    with closing(opened(echo)) as jobs:
        job = jobs.start(put(jobs, b"".join(b"q%d\n" % i for i in range(6)), "q.txt"))
        until(lambda: jobs.job(job.id).done >= 1)
        assert jobs.pause(jobs.job(job.id)).state == "paused"
        echo.gate.release()
        paused = until(lambda: (found := jobs.job(job.id)).done == 2 and found)
        assert paused.state == "paused"
        assert jobs.result(paused, "jsonl").read_bytes().count(b"\n") == 2
        echo.gate = None
        done = jobs.wait(jobs.resume(paused), 20)
        assert done.state == "finished"
        whole = tmp_path / "whole.jsonl"
        run(echo, Questions.open(JobFolder(tmp_path / "jobs" / job.id).questions()), whole, about={"key": "one"})
        assert jobs.result(done, "jsonl").read_bytes() == whole.read_bytes()


def until(found: Any) -> Any:
    """What ``found`` gives once it gives something."""
    end = time.monotonic() + 20
    while not (value := found()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return value


def test_a_cancelled_job_keeps_its_answers_and_a_deleted_one_nothing(echo: JobBot, tmp_path: Path) -> None:
    echo.gate = threading.Semaphore(1)
    with closing(opened(echo)) as jobs:
        job = jobs.start(put(jobs))
        until(lambda: jobs.job(job.id).done >= 1)
        assert jobs.cancel(job).state == "cancelled"
        echo.gate.release()
        jobs.delete(jobs.job(job.id))
        assert list((tmp_path / "jobs").iterdir()) == []
        with pytest.raises(WenbaoError) as caught:
            jobs.job(job.id)
        assert caught.value.code == "JOB_NOT_FOUND"


def test_a_stopped_server_goes_on_with_its_jobs_at_the_next_start(echo: JobBot) -> None:
    echo.gate = threading.Semaphore(2)
    jobs = opened(echo)
    first = jobs.start(put(jobs))
    second = jobs.start(put(jobs))
    until(lambda: jobs.job(first.id).done >= 1)
    echo.gate.release()
    jobs.close()
    echo.gate = None
    with closing(opened(echo)) as again:
        assert again.job(second.id).state == "queued"
        again.start_working()
        for job in (first, second):
            assert again.wait(job, 20).state == "finished"


def test_a_job_on_a_changed_corpus_fails_and_begins_anew_when_resumed(echo: JobBot) -> None:
    echo.gate = threading.Semaphore(1)
    with closing(opened(echo)) as jobs:
        job = jobs.start(put(jobs))
        until(lambda: jobs.job(job.id).done >= 1)
        jobs.pause(job)
        echo.gate.release(10)
        until(lambda: jobs._running is None)
        echo.key = "other"
        failed = jobs.wait(jobs.resume(jobs.job(job.id)), 20)
        assert (failed.state, failed.error and failed.error["code"]) == ("failed", "RESUME_MISMATCH")
        assert jobs.wait(jobs.resume(failed), 20).state == "finished"


def test_a_job_that_is_resumed_before_it_has_stopped_goes_on(echo: JobBot) -> None:
    echo.gate = threading.Semaphore(1)
    with closing(opened(echo)) as jobs:
        job = jobs.start(put(jobs))
        until(lambda: jobs.job(job.id).done >= 1)  # the thread waits at the gate
        for halt in (jobs.pause, jobs.cancel):
            resumed = jobs.resume(halt(jobs.job(job.id)))
            assert resumed.state == "running"
        echo.gate.release(10)
        done = jobs.wait(resumed, 20)
        assert (done.state, done.done) == ("finished", 4)
        assert JobFolder(echo.settings.data / "jobs" / job.id).read().state == "finished"


def test_a_corpus_that_changes_meanwhile_is_noted(echo: JobBot) -> None:
    echo.gate = threading.Semaphore(1)
    with closing(opened(echo)) as jobs:
        job = jobs.start(put(jobs))
        until(lambda: jobs.job(job.id).done >= 1)
        echo.key = "other"
        echo.gate.release(10)
        assert [note["code"] for note in jobs.wait(job, 20).notes] == ["CORPUS_CHANGED"]


def test_a_table_without_rows_gives_its_header_and_a_note(echo: JobBot) -> None:
    with closing(opened(echo)) as jobs:
        job = jobs.wait(jobs.start(put(jobs, b"id,question\n")), 20)
        assert (job.state, job.rows) == ("finished", 0)
        assert list(job.notes) == [{"code": "BATCH_EMPTY", "message": "q.csv has 0 questions under its header."}]
        assert shown(jobs, job)["formats"] == ["xlsx", "csv", "jsonl", "html"]
        assert jobs.result(job, "csv").read_text(encoding="utf-8-sig").startswith("id,question,status,")


def test_errors_name_the_file_as_its_owner_does(echo: JobBot) -> None:
    with closing(opened(echo)) as jobs:
        job = put(jobs, b"", "mine.csv")
        with pytest.raises(WenbaoError) as caught:
            jobs.preview(job)
        assert (caught.value.code, caught.value.message) == ("BATCH_EMPTY", "mine.csv holds no question.")


def test_a_bad_draft_stays_one_and_is_started_as_its_owner_says(echo: JobBot) -> None:
    with closing(opened(echo)) as jobs:
        job = put(jobs, "a;b\nq1;x\n".encode("utf-16"))
        with pytest.raises(WenbaoError) as caught:
            jobs.start(job)
        assert (caught.value.code, jobs.job(job.id).state) == ("BATCH_NO_QUESTION_COLUMN", "draft")
        done = jobs.wait(jobs.start(job, Options(columns={"question": ("a",)})), 20)
        assert done.state == "finished"
        assert json.loads(jobs.result(done, "jsonl").read_text(encoding="utf-8"))["question"] == "q1"


def test_a_job_is_compared_with_an_earlier_one(echo: JobBot) -> None:
    with closing(opened(echo)) as jobs:
        earlier = jobs.wait(jobs.start(put(jobs)), 20)
        echo.answers = {"q1": "other"}
        later = jobs.wait(jobs.start(put(jobs), baseline=earlier.id), 20)
        assert later.scores
        assert later.scores["compared"]["lost"] == 2


@pytest.mark.parametrize("name", ["q.exe", "../../q.py", "q"])
def test_a_name_never_becomes_a_path(echo: JobBot, tmp_path: Path, name: str) -> None:
    with closing(opened(echo)) as jobs:
        if name == "q":
            assert put(jobs, b"q\n", name).name == "q"
        else:
            with pytest.raises(WenbaoError) as caught:
                put(jobs, b"q\n", name)
            assert caught.value.code == "UNSUPPORTED_FORMAT"
        assert {path.name for path in tmp_path.iterdir()} <= {"jobs"}
        for id_ in ("..", "20260101-0000000000000000", "x" * 300, "20260101-000000000000000g"):
            with pytest.raises(WenbaoError):
                jobs.job(id_)


# Over HTTP


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, seeds_bot: Bot) -> Iterator[TestClient]:
    """The application over a copy of the sample corpus, asked from this machine."""
    data = tmp_path_factory.mktemp("jobs") / "data"
    shutil.copytree(seeds_bot.settings.data, data)
    with (
        Bot.open(replace(seeds_bot.settings, data=data)) as own,
        TestClient(
            build_app(own),
            base_url="http://127.0.0.1:7860",
            client=("127.0.0.1", 50000),
            raise_server_exceptions=False,
        ) as found,
    ):
        yield found


@pytest.fixture
def client(served: TestClient) -> Iterator[TestClient]:
    """The application, without the jobs of the test before."""
    yield served
    for job in served.get("/api/batch").json()["jobs"]:
        served.delete(f"/api/batch/{job['id']}")


def finished(client: TestClient, job: dict[str, Any], **headers: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        told: dict[str, Any] = client.get(f"/api/batch/{job['id']}", headers=headers).json()
        return told if told["state"] not in {"queued", "running"} else None

    return cast("dict[str, Any]", until(look))


ASKED = "景山街道总工会三八节发了多少口罩？"


def test_a_file_is_sent_watched_and_fetched(client: TestClient) -> None:
    bodies: list[dict[str, Any]] = [
        {"content": f"编号,问题\n1,{ASKED}\n".encode("gb18030"), "params": {"name": "题.csv"}},
        {"files": {"file": ("q.txt", f"{ASKED}\n".encode(), "text/plain")}},
        {"json": {"questions": [ASKED, {"id": "x", "question": ASKED}]}},
        {"content": f"{ASKED}\n".encode()},
    ]
    for body in bodies:
        made = client.post("/api/batch", **body)
        assert made.status_code == 201, made.text
        assert made.headers["location"] == f"/api/batch/{made.json()['id']}"
        job = finished(client, made.json())
        assert (job["state"], set(job["statuses"])) == ("finished", {"answered"})
        for format_ in job["formats"]:
            result = client.get(f"/api/batch/{job['id']}/result", params={"format": format_})
            assert result.status_code == 200
            assert "attachment" in result.headers["content-disposition"]
            assert (b"8000" in result.content) is (format_ != "xlsx")
        sheets = client.get(f"/api/batch/{job['id']}/result", params={"format": "xlsx"}).content
        assert len(openpyxl.load_workbook(io.BytesIO(sheets)).sheetnames) == 3
    listed = client.get("/api/batch").json()["jobs"]
    assert len(listed) == 4
    for job in listed:
        assert client.delete(f"/api/batch/{job['id']}").status_code == 204
    assert client.get("/api/batch").json() == {"jobs": []}


def test_the_record_over_http_is_that_of_one_question(client: TestClient) -> None:
    alone = client.post("/api/ask", json={"question": ASKED}).json()
    job = finished(client, client.post("/api/batch", json={"questions": [ASKED]}).json())
    record = json.loads(client.get(f"/api/batch/{job['id']}/result").content)
    same = {"trace_id": None, "elapsed_ms": None, "id": None}
    assert json.dumps({**alone, **same}) == json.dumps({**record, **same})


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"content": b"", "params": {"name": "q.csv"}}, 422, "BATCH_EMPTY"),
        ({"content": b"a,b\n1,2\n", "params": {"name": "q.csv"}}, 422, "BATCH_NO_QUESTION_COLUMN"),
        ({"content": b"a,b\n1,2\n", "params": {"name": "q.xlsx"}}, 422, "UNSUPPORTED_FORMAT"),
        ({"content": b"x", "params": {"name": "q.exe"}}, 422, "UNSUPPORTED_FORMAT"),
        ({"json": {"questions": []}}, 400, "BODY_INVALID"),
        ({"json": {"questions": [1]}}, 400, "BODY_INVALID"),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "BODY_INVALID"),
        ({"data": {"x": "y"}, "files": {}}, 422, "UNSUPPORTED"),
    ],
)
def test_a_bad_file_is_refused_and_leaves_no_job(
    client: TestClient, body: dict[str, Any], status: int, code: str
) -> None:
    if code == "UNSUPPORTED":
        body, status, code = {"files": {"x": (None, "y")}}, 400, "BODY_INVALID"
    response = client.post("/api/batch", **body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert client.get("/api/batch").json() == {"jobs": []}


def test_a_draft_is_looked_at_changed_and_started(client: TestClient) -> None:
    text = f"frage|n\n{ASKED}|1\n".encode("utf-16")
    draft = client.post("/api/batch", params={"name": "q.csv", "start": "false"}, content=text).json()
    assert draft["state"] == "draft"
    seen = client.post(f"/api/batch/{draft['id']}/preview", json={}).json()
    assert (seen["columns"], seen["roles"], seen["delimiter"], seen["encoding"]) == (["A", "B"], {}, "|", "utf-16")
    wanted = {"columns": {"question": ["1"]}, "header": True}
    seen = client.post(f"/api/batch/{draft['id']}/preview", json=wanted).json()
    assert (seen["columns"], seen["roles"]) == (["frage", "n"], {"question": ["frage"]})
    assert client.post(f"/api/batch/{draft['id']}/start", json={}).json()["error"]["code"] == "BATCH_NO_QUESTION_COLUMN"
    wrong = client.post(f"/api/batch/{draft['id']}/start", json={"columns": {"nothing": ["1"]}})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "FIELD_INVALID")
    started = client.post(f"/api/batch/{draft['id']}/start", json=wanted).json()
    assert finished(client, started)["statuses"] == {"answered": 1}
    again = client.post(f"/api/batch/{draft['id']}/start", json=wanted)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "JOB_STATE")


def test_tokens_of_scope_batch_see_their_own_jobs_and_visitors_none(client: TestClient) -> None:
    access: Access = cast("Any", client.app).app.state.access
    scopes: list[Scope] = ["batch", "batch", "ask", "admin"]
    mine, other, asker, admin = (
        {"authorization": f"Bearer {access.make_token(f'token {i}', [scope])[0]}"} for i, scope in enumerate(scopes)
    )
    made = client.post("/api/batch", json={"questions": [ASKED]}, headers=mine).json()
    finished(client, made, **mine)
    assert [job["id"] for job in client.get("/api/batch", headers=mine).json()["jobs"]] == [made["id"]]
    assert client.get("/api/batch", headers=other).json() == {"jobs": []}
    for path in ("", "/result"):
        assert client.get(f"/api/batch/{made['id']}{path}", headers=other).status_code == 404
    assert client.delete(f"/api/batch/{made['id']}", headers=other).status_code == 404
    assert client.get("/api/batch", headers=asker).status_code == 403
    assert client.get("/api/batch", headers={"authorization": "Bearer nothing"}).status_code == 401
    assert len(client.get("/api/batch", headers=admin).json()["jobs"]) == 1
    elsewhere = client.post("/api/batch", json={"questions": [ASKED]}, headers={"origin": "https://other.example"})
    assert elsewhere.status_code == 403


def test_the_template_is_read_as_questions_once_it_is_filled(client: TestClient, tmp_path: Path) -> None:
    for language, question in (("zh", "问题"), ("en", "question")):
        data = client.get("/api/batch/template", params={"language": language}).content
        workbook = openpyxl.load_workbook(io.BytesIO(data))
        sheet = workbook.worksheets[0]
        header = [cell.value for cell in sheet[1]]
        sheet.cell(2, header.index(question) + 1, ASKED)
        workbook.save(tmp_path / "filled.xlsx")
        found = Questions.open(tmp_path / "filled.xlsx")
        assert [row.question for row in found] == [ASKED]
        assert set(found.columns.roles) == {"id", "question", "history", "answer", "source", "category", "comment"}


# Kills


def killed_and_resumed(folder: Path, kills: int, format_: str) -> None:
    """A job of 2,000 rows killed at random moments until it is through: the result of one without a break."""
    chance = random.Random(kills)
    path, out, whole = folder / "q.csv", folder / f"out.{format_}", folder / f"whole.{format_}"
    rows = (f"{i},{'q' * (i % 50)}{i % 700},{'备注' * (i % 9)}\n" for i in range(2000))
    path.write_text("id,question,note\n" + "".join(rows), encoding="utf-8")
    run(EchoBot(), Questions.open(path), whole, format_=format_, about={"key": "k"})

    def forked() -> int:
        """A process of its own that goes on with the job."""
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                run(EchoBot(), Questions.open(path), out, format_=format_, resume=True, about={"key": "k"})
                os._exit(0)
            os._exit(1)
        return child

    began = time.monotonic()
    assert os.waitpid(forked(), 0)[1] == 0
    whole_s = time.monotonic() - began
    times = 0
    while times < kills:
        out.unlink(missing_ok=True)
        child = forked()
        time.sleep(chance.uniform(0, 0.6 * whole_s))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        times += os.WIFSIGNALED(status)
        if chance.random() < 0.2 or times == kills:
            assert os.waitpid(forked(), 0)[1] == 0
            assert out.read_bytes() == whole.read_bytes(), times
    assert {each.name for each in folder.iterdir()} == {path.name, out.name, whole.name}


@pytest.mark.parametrize("format_", ["jsonl", "xlsx"])
def test_a_job_killed_at_random_moments_gives_equal_bytes(tmp_path: Path, format_: str) -> None:
    killed_and_resumed(tmp_path, 6, format_)


@pytest.mark.slow
def test_a_job_killed_200_times_gives_equal_bytes(tmp_path: Path) -> None:
    killed_and_resumed(tmp_path, 200, "jsonl")
