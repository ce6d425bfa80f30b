"""A whole server killed at random moments: uploads and deletions over HTTP, readers beside them, and batch jobs.

Every other round the corpus changes; in those between it stands still and a batch job runs, which must go on by itself
after the restart and end byte for byte as one without a break.
"""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from small_corpora import article, sentence
from test_migrations import ENVIRON
from tiny_models import static_folder

from qa.store import Store
from qa.web.server import bind
from torture.scale import LONG, SCALE, SEED

KILLS = 15 * SCALE if LONG else 4
NUMBERS = range(10, 17)
"""Of the articles: their sections' sentences are then those of no other article."""
BATCH_ROWS = 40
PATIENCE_S = 300.0
"""Of the test, on a machine that does other things as well; how long it took is among the figures."""
LIMITS = ("VISITOR_PER_MINUTE", "VISITOR_BURST", "VISITOR_PER_DAY", "TOKEN_PER_MINUTE", "SITE_PER_MINUTE")
Corpus = dict[str, str]


@dataclass
class Server:
    """A server that is started and killed again and again over one data folder."""

    process: subprocess.Popen[str]
    folder: Path
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60))
    slowest_start_s: float = 0.0
    answered: int = 0
    failures: list[str] = field(default_factory=list)

    def start(self) -> None:
        with bind("127.0.0.1", 0) as free:
            port = free.getsockname()[1]
        self.client.base_url = httpx.URL(f"http://127.0.0.1:{port}")
        self._say(str(port))
        began = time.monotonic()
        while not self._is_ready():
            assert time.monotonic() - began < PATIENCE_S
            time.sleep(0.02)
        self.slowest_start_s = max(self.slowest_start_s, time.monotonic() - began)

    def kill(self) -> None:
        assert self.process.stdout is not None
        self._say("kill")
        while self.process.stdout.readline().strip() != "dead":
            pass

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response | None:
        """The answer; None when the server died before it came. What is no refusal and no answer is noted."""
        try:
            answer = self.client.request(method, path, **given)
        except httpx.HTTPError:
            return None
        if answer.status_code >= 500 and not (answer.status_code == 503 and "retry-after" in answer.headers):
            self.failures.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        self.answered += 1
        return answer

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _is_ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return self.client.get("/readyz").status_code == 200
        return False

    def _say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    environ = {name: text for name, text in ENVIRON.items() if not name.startswith("WENBAO_")}
    environ |= {f"WENBAO_{name}": "100000" for name in LIMITS}
    environ |= {"WENBAO_DATA": str(tmp_path / "data"), "WENBAO_MODEL": str(static_folder(tmp_path / "model"))}
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "base.md").write_text(article(50), encoding="utf-8")
    indexed = [sys.executable, "-m", "qa.cli", "index", str(tmp_path / "corpus")]
    subprocess.run(indexed, env=environ, check=True, capture_output=True)
    command = [sys.executable, "-m", "torture.served"]
    log = (tmp_path / "log").open("w")
    with (
        log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environ
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "loaded"
        try:
            server = Server(process, tmp_path / "data")
            with server.client:
                yield server
        finally:
            assert process.stdin is not None
            process.stdin.close()


@contextlib.contextmanager
def readers(server: Server, count: int) -> Iterator[None]:
    """So many who ask and look around while the block lasts."""
    over = threading.Event()

    def read(number: int) -> None:
        turn = 0
        while not over.is_set():
            turn += 1
            if turn % 5 == number % 5:
                server.ask("GET", "/api/articles")
            else:
                server.ask("POST", "/api/ask", json={"question": sentence(NUMBERS[turn % len(NUMBERS)])})

    threads = [threading.Thread(target=read, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(timeout=PATIENCE_S)


class Changes(threading.Thread):
    """Uploads and deletes until the server dies; keeps what was acknowledged, and what may have happened besides."""

    def __init__(self, server: Server, kept: Corpus, seed: int) -> None:
        super().__init__()
        self.kept = kept
        self.possible = kept
        self.acknowledged = 0
        self._server = server
        self._chance = random.Random(seed)
        self._seed = seed

    def run(self) -> None:
        for turn in range(10_000):
            number = self._chance.choice(NUMBERS)
            name = f"{number}.md"
            if name in self.kept and self._chance.random() < 0.4:
                self.possible = {other: text for other, text in self.kept.items() if other != name}
                answer = self._server.ask("DELETE", "/api/articles", params={"file": name})
            else:
                text = article(number, version=self._seed % 90 + turn)
                self.possible = self.kept | {name: text}
                headers = {"content-type": "application/octet-stream"}
                wanted = {"name": name, "wait": self._chance.choice([0, 20])}
                answer = self._server.ask(
                    "POST", "/api/articles", params=wanted, content=text.encode(), headers=headers
                )
            if answer is None:
                return
            if answer.status_code in {200, 202}:
                self.kept = self.possible
                self.acknowledged += 1
            if answer.status_code == 202:  # taken: on the disk, read later; wait, so that changes have an order
                self._wait(answer.json()["id"])

    def _wait(self, job: str) -> None:
        while (answer := self._server.ask("GET", f"/api/articles/jobs/{job}")) is not None:
            if answer.json()["state"] != "running":
                return
            time.sleep(0.01)


def settle(server: Server) -> None:
    """What was taken in before the kill is read by itself."""
    began = time.monotonic()
    while any(job["state"] == "running" for job in server.get("/api/articles/jobs")["jobs"]):
        assert time.monotonic() - began < PATIENCE_S
        time.sleep(0.02)


def corpus_of(server: Server) -> Corpus:
    """The texts of all uploads as they are on the disk, every row proven; the server lists the same files."""
    with Store(server.folder, read_only=True) as store:
        assert store.findings() == []
        found = {name: store.file_text(name) for name in store.files() if name != "base.md"}
    listed = {line["file"] for line in server.get("/api/articles")["articles"]}
    assert listed == {*found, "base.md"}
    return found


def check_answers(server: Server, corpus: Corpus) -> None:
    """Each article's own sentence finds it first, and nothing that was deleted is found."""
    for name, text in corpus.items():
        own = text.split("\n\n")[1].partition("。")[0]
        answer = server.client.post("/api/ask", json={"question": own}).json()
        files = [passage["source"]["file"] for passage in answer["passages"]]
        assert files[0] == name, (own, files)
        assert set(files) <= {*corpus, "base.md"}


def check_files(folder: Path) -> None:
    """No file of an interrupted request or run is left."""
    left = [path for path in folder.rglob("*") if path.name.endswith((".tmp", ".part", ".new", "-journal"))]
    assert left == []
    uploads = folder / "uploads"
    assert not uploads.is_dir() or not list(uploads.iterdir())


def test_a_server_killed_at_random_moments_loses_nothing(
    server: Server, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(SEED)
    kept: Corpus = {}
    acknowledged = jobs = 0
    for kill in range(KILLS):
        server.start()
        if kill % 2 == 0:
            changes = Changes(server, kept, SEED + kill)
            with readers(server, 4):
                changes.start()
                time.sleep(chance.uniform(0.05, 1.5))
                server.kill()
                changes.join(timeout=PATIENCE_S)
            acknowledged += changes.acknowledged
            server.start()
            settle(server)
            found = corpus_of(server)
            assert found in (changes.kept, changes.possible), f"seed {SEED + kill}"
            kept = found
            check_answers(server, kept)
            check_files(server.folder)
            server.kill()
        else:
            job = start_job(server, kill)
            with readers(server, 2):
                time.sleep(chance.uniform(0.0, 0.8))
                server.kill()
            server.start()
            assert finished(server, job) == finished(server, start_job(server, kill)), f"seed {SEED + kill}"
            assert corpus_of(server) == kept
            jobs += 1
            server.kill()
        assert server.failures == []
    record_property("kills", KILLS)
    record_property("acknowledged changes", acknowledged)
    record_property("interrupted batch jobs", jobs)
    record_property("answers read beside", server.answered)
    record_property("seconds to ready, max", round(server.slowest_start_s, 1))


def start_job(server: Server, kill: int) -> str:
    questions = [sentence(NUMBERS[number % len(NUMBERS)], kill + number) for number in range(BATCH_ROWS)]
    made = server.client.post("/api/batch", json={"questions": questions})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def finished(server: Server, job: str) -> bytes:
    """The job's result, once it is there; the job goes."""
    began = time.monotonic()
    while (told := server.get(f"/api/batch/{job}"))["state"] in {"queued", "running"}:
        assert time.monotonic() - began < PATIENCE_S
        time.sleep(0.02)
    assert told["state"] == "finished", told
    result = server.client.get(f"/api/batch/{job}/result", params={"format": "jsonl"}).content
    assert server.client.delete(f"/api/batch/{job}").status_code == 204
    lines = [json.loads(line) for line in result.splitlines()]
    assert len(lines) == BATCH_ROWS
    return result
