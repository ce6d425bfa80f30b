"""The catalogue's bad inputs to API, server and settings that no other test here has; the numbers are the catalogue's.

Elsewhere: API-001, 002, 004, 008 and 012 in test_web_api.py, 009 and 015 in test_web_routes.py, 022 in
test_web_fuzz_valid.py and test_web_fuzz_invalid.py, 013 in test_web_limits.py, 014 in test_web_connections.py;
CONF-002 and 003 in test_config.py.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from tiny_models import static_folder
from web_fixtures import local_client, served

from qa.access import Access
from qa.bot import Bot
from qa.config import Settings
from qa.errors import UsageError
from qa.web.server import bind, build_app

ARTICLE = "# 渡口\n\n渡口添了三艘船。\n"


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    folder = tmp_path_factory.mktemp("articles")
    (folder / "a.txt").write_text(ARTICLE, encoding="utf-8")
    model = str(static_folder(tmp_path_factory.mktemp("model")))
    with Bot.open(Settings(data=tmp_path_factory.mktemp("data"), model=model), index_seeds=False) as opened:
        opened.index([folder])
        yield opened


@pytest.fixture(scope="module")
def app(bot: Bot) -> ASGIApp:
    return build_app(bot)


@pytest.fixture(scope="module")
def client(app: ASGIApp) -> TestClient:
    return local_client(app)


def files_under(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "name",
    [
        *("../../x.txt", "..\\..\\x.txt", "/etc/cron.d/x.txt", "C:\\x.txt", "a\0b.txt", "CON.txt", "x/../y.txt"),
        *("%2e%2e%2fx.txt", "长" * 300 + ".txt", "", ".", "..", "‥／x.txt"),
    ],
)
def test_api_006_an_uploads_name_leads_nowhere(client: TestClient, bot: Bot, tmp_path: Path, name: str) -> None:
    """Outside the data folder nothing appears, and within it no file bears the name."""
    around = bot.settings.data.parent
    before = {path for path in files_under(around) if path.parts[0] != bot.settings.data.name}
    answer = client.post(
        "/api/articles",
        params={"name": name, "wait": 20},
        content=ARTICLE.encode(),
        headers={"content-type": "application/octet-stream"},
    )
    assert answer.status_code in {200, 400, 422}
    assert {path for path in files_under(around) if path.parts[0] != bot.settings.data.name} == before
    assert not {path for path in files_under(bot.settings.data) if path.name in {"x.txt", "y.txt", "CON.txt"}}
    assert not list(tmp_path.parent.glob("x.txt"))


def test_api_010_a_sites_key_tells_nothing_of_a_token(tmp_path: Path) -> None:
    access = Access(tmp_path)
    access.add_site("a", ["https://a.example"])
    secrets = [access.make_site_key("a")[0] for _ in range(20)] + [
        access.make_token("t", ["admin"])[0] for _ in range(20)
    ]
    access.close()
    bodies = [secret.partition("_")[2] for secret in secrets]
    assert all(len(body) == 43 for body in bodies)  # 256 bits in base64
    for place in range(42):  # no common part: each place has many different characters
        assert len({body[place] for body in bodies}) > 10


RANGES = {
    "one after another": ",".join(f"{start}-" for start in range(10_000)),
    "all the whole file": ",".join(["0-"] * 10_000),
    "two characters each": ",".join(f"{start % 50}-{start % 50 + 1}" for start in range(10_000)),
}


@pytest.mark.parametrize("ranges", RANGES)
@pytest.mark.parametrize("path", ["/ui/base.css", "/favicon.ico"])
def test_api_016_ten_thousand_ranges_are_one_answer(client: TestClient, path: str, ranges: str) -> None:
    """Past the server's bound on a request's head, which test_web_connections.py tries: the application's part."""
    whole = client.get(path)
    many = client.get(path, headers={"range": f"bytes={RANGES[ranges]}"})
    assert (many.status_code, many.content) == (200, whole.content)
    one = client.get(path, headers={"range": "bytes=3-9"})
    assert (one.status_code, one.content) == (206, whole.content[3:10])


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="file descriptors are counted in /proc")
def test_api_017_who_leaves_a_stream_leaves_nothing_behind(bot: Bot) -> None:
    body = json.dumps({"question": "渡口添了几艘船？"}).encode()
    head = (
        "POST /api/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()

    def leave() -> None:
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(head + body)

    with served(build_app(bot)) as url:  # its end closes the application
        host, _, port = url.removeprefix("http://").partition(":")
        counts: list[tuple[int, int]] = []
        for _ in range(4):
            for _ in range(250):
                leave()
            with urllib.request.urlopen(f"{url}/healthz", timeout=20) as answer:
                assert answer.status == 200
            until = time.monotonic() + 20
            while len(counts) > 1 and now() > max(counts) and time.monotonic() < until:
                threading.Event().wait(0.05)  # answers that are under way end by themselves
            counts.append(now())
    # The first rounds open what is kept: threads, and a database for each that comes to answer; whether every thread
    # had a question by then is chance. What each of 500 left behind would be hundreds.
    kept = [max(numbers) for numbers in zip(*counts[:2], strict=True)]
    assert max(files for files, _ in counts) <= kept[0] + 25, counts
    assert max(threads for _, threads in counts) <= kept[1] + 10, counts


def now() -> tuple[int, int]:
    """Open files and threads."""
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


def upload(client: TestClient, name: str, text: str, **headers: str) -> Any:
    return client.post(
        "/api/articles",
        params={"name": name, "wait": 60},
        content=text.encode(),
        headers={"content-type": "application/octet-stream", **{k.replace("_", "-"): v for k, v in headers.items()}},
    )


@pytest.mark.parametrize("times", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_api_020_of_two_who_delete_at_once_one_does(client: TestClient, bot: Bot, tmp_path: Path, times: int) -> None:
    articles = (f"# 第{number}号仓库\n\n第{number}号仓库有{number}艘船。" for number in range(times))
    (tmp_path / f"boats{times}.txt").write_text("\n\n".join(articles), encoding="utf-8")
    bot.index([tmp_path])
    before = bot.store.counts()
    lines = [line for line in bot.store.articles() if line.file == f"boats{times}.txt"]
    assert len(lines) == times
    with ThreadPoolExecutor(2) as pool:
        for number, line in enumerate(lines, 1):
            tried = [pool.submit(client.delete, f"/api/articles/{line.id}") for _ in range(2)]
            assert sorted(future.result().status_code for future in tried) == [200, 404]
            assert client.get(f"/api/articles/{line.id}").status_code == 404
            assert bot.store.counts()["articles"] == before["articles"] - number
    left = bot.store.counts()
    assert left["passages"] == before["passages"] - sum(line.passages for line in lines)
    assert bot.ask("第12号仓库有多少艘船？")["answer"] != "12艘"


def test_api_020_of_two_who_upload_at_once_one_stays_whole(client: TestClient, bot: Bot) -> None:
    """One name, two texts: each upload has an outcome, and the corpus has one of them from end to end."""
    texts = {number: f"# 码头\n\n码头停着{number}艘船。\n\n码头还有{number}个仓库。\n" for number in (31, 57)}
    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda text: upload(client, "wharf.txt", text), texts.values()))
        assert [answer.status_code for answer in both] == [200, 200]
        states = [answer.json()["files"][0]["state"] for answer in both]
        assert set(states) <= {"added", "changed", "unchanged"}, states
        [line] = [line for line in bot.store.articles() if line.file == "wharf.txt"]
        assert bot.store.file_text("wharf.txt") in texts.values()
        assert line.passages == bot.store.counts()["passages"] - sum(
            other.passages for other in bot.store.articles() if other.file != "wharf.txt"
        )


def test_api_021_the_same_upload_twice_is_one_article_and_one_answer(client: TestClient, bot: Bot) -> None:
    text = "# 再来\n\n再来一次，共九艘船。\n"
    first = upload(client, "again.txt", text, idempotency_key="7")
    again = upload(client, "again.txt", text, idempotency_key="7")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert first.json()["files"][0]["state"] == "added"
    assert upload(client, "again.txt", text, idempotency_key="8").json()["files"][0]["state"] == "unchanged"
    assert upload(client, "again.txt", text).json()["id"] not in {first.json()["id"], again.json()["id"]}
    assert [line.file for line in bot.store.articles()].count("again.txt") == 1
    assert not list((bot.settings.data / "uploads").iterdir())


def test_api_021_two_at_once_with_one_key_are_one(client: TestClient, bot: Bot) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda _: upload(client, "once.txt", "# 一次\n\n只来一次。\n", idempotency_key="once").json(), range(4)
            )
        )
    assert len({answer["id"] for answer in answers}) == 1
    assert all(len(answer["files"]) == 1 and answer["files"][0]["state"] == "added" for answer in answers)
    assert not list((bot.settings.data / "uploads").iterdir())


# The process


@contextmanager
def running(data: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of the sample pages, once it answers, and its address."""
    with bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    environ = {name: text for name, text in os.environ.items() if not name.startswith("WENBAO_")}
    environ |= {"WENBAO_DATA": str(data), "WENBAO_PORT": str(port), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, str(Path(__file__).parents[1] / "app.py")]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        assert any("ready" in line for line in iter(process.stdout.readline, ""))
        try:
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def asked(url: str) -> int:
    request = urllib.request.Request(
        f"{url}/api/ask", json.dumps({"question": "口罩"}).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.load(answer)["status"]
        return int(answer.status)


@pytest.mark.slow
def test_ops_001_sigterm_ends_what_is_under_way_and_the_process_in_order(tmp_path: Path) -> None:
    with running(tmp_path / "data") as (process, url), ThreadPoolExecutor(50) as pool:
        under_way = [pool.submit(asked, url) for _ in range(50)]
        while not any(future.done() for future in under_way):
            threading.Event().wait(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        outcomes = Counter("answered" if future.exception() is None else "refused" for future in under_way)
        assert outcomes["answered"] >= 1


@pytest.mark.slow
def test_ops_002_a_killed_server_starts_again_by_itself(tmp_path: Path) -> None:
    with running(tmp_path / "data") as (process, url):
        asked(url)
        process.kill()
        process.wait(timeout=20)
    with running(tmp_path / "data") as (_, url):
        assert asked(url) == 200


# Settings


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("WENBAO_PUBLIC_URL", "https://bot.example.org/", "without a path"),
        ("WENBAO_PUBLIC_URL", "https://bot.example.org/ask", "without a path"),
        ("WENBAO_PUBLIC_URL", "bot.example.org", "scheme and host"),
        ("WENBAO_PUBLIC_URL", "*", "scheme and host"),
        ("WENBAO_HOSTS", "https://bot.example.org", "without scheme"),
        ("WENBAO_HOSTS", "*", "host names"),
        ("WENBAO_HOSTS", "bot.example.org:443", "without scheme and port"),
        ("WENBAO_TRUSTED_PROXIES", "everybody", "addresses or networks"),
        ("WENBAO_TRUSTED_PROXIES", "10.0.0.1/8", "addresses or networks"),
        ("WENBAO_VISITOR_PER_MINUTE", "0", "from 1 to"),
        ("WENBAO_WAITING", "-1", "from 0 to"),
    ],
)
def test_conf_006_addresses_and_limits_are_exact(name: str, value: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as raised:
        Settings.read({name: value})
    assert (raised.value.code, raised.value.field, raised.value.exit_code) == ("CONFIG_VALUE", name, 2)


def test_conf_006_no_site_may_be_everybody(tmp_path: Path) -> None:
    access = Access(tmp_path)
    for origin in ("*", "https://*", "https://a.example/path"):
        with pytest.raises(UsageError):
            access.add_site("a", [origin])
    access.close()


def test_conf_008_secrets_are_in_no_file_and_no_log(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    access = Access(bot.settings.data)
    token, _ = access.make_token("secret", ["admin"])
    access.close()
    there = local_client(build_app(bot), client=("198.51.100.7", 1))
    with caplog.at_level("DEBUG"):
        for header in (f"Bearer {token}", f"Bearer {token}x", f"Basic {token}"):
            answer = there.get("/metrics", headers={"authorization": header})
            assert token not in answer.text
    body = token.partition("_")[2]
    assert body not in caplog.text
    for path in bot.settings.data.rglob("*"):
        if path.is_file():
            assert body.encode() not in path.read_bytes()
    assert (bot.settings.data / "access.db").stat().st_mode & 0o077 == 0
