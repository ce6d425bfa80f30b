"""The examples in deploy/: their settings are known, their programs take them, and nginx does its work."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import copy
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from web_fixtures import bot, served

from qa.bot import Bot
from qa.config import Settings
from qa.web.server import build_app

DEPLOY = Path(__file__).parents[1] / "deploy"
QUESTION = {"question": "景山街道总工会三八节发了多少口罩？"}


def wants(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def test_the_services_settings_are_settings() -> None:
    lines = (DEPLOY / "wenbao.env").read_text(encoding="utf-8").splitlines()
    values = dict(line.lstrip("#").split("=", 1) for line in lines if re.match(r"#?WENBAO_", line))
    settings = Settings.read(values)
    assert settings.public_url == "https://bot.example.org"
    assert [str(network) for network in settings.trusted_proxies] == ["127.0.0.1/32", "::1/128"]


def test_the_containers_settings_are_settings_and_its_files_are_there() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    assert Settings.read(dict(re.findall(r"(WENBAO_\w+)=(\S+)", text))).host == "0.0.0.0"
    for line in re.findall(r"^COPY (?!--)(.*) \S+$", text, re.MULTILINE):
        assert all((DEPLOY.parent / name).exists() for name in line.split())


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    wants("systemd-analyze")
    text = (DEPLOY / "wenbao.service").read_text(encoding="utf-8").replace("/opt/wenbao/bin/wenbao", "/bin/true")
    (tmp_path / "wenbao.service").write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "wenbao.service")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if "wenbao" in line]) == (0, [])


def test_caddy_takes_its_file(tmp_path: Path) -> None:
    wants("caddy")
    done = subprocess.run(
        ["caddy", "validate", "--config", str(DEPLOY / "Caddyfile"), "--adapter", "caddyfile"],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def proxied(bot: Bot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The server behind nginx with deploy/nginx.conf, other ports and a certificate of its own aside."""
    wants("nginx", "openssl")
    folder = tmp_path_factory.mktemp("nginx")
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        plain, secure = first.getsockname()[1], second.getsockname()[1]
    name = "bot.example.org"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout privkey.pem -out fullchain.pem"
    subprocess.run([*command.split(), "-subj", f"/CN={name}"], cwd=folder, capture_output=True, check=True)
    there = copy.copy(bot)
    there.settings = replace(
        bot.settings,
        public_url=f"https://{name}",
        trusted_proxies=Settings.read({"WENBAO_TRUSTED_PROXIES": "127.0.0.1"}).trusted_proxies,
        visitor_burst=3,
    )
    with served(build_app(there), there.settings) as url:
        site = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
        site = re.sub(r"listen \[::\].*\n", "", site)
        for old, new in (
            ("listen 80;", f"listen 127.0.0.1:{plain};"),
            ("listen 443 ", f"listen 127.0.0.1:{secure} "),
            ("/etc/ssl/bot.example.org", str(folder)),
            ("127.0.0.1:7860", url.removeprefix("http://")),
        ):
            assert old in site
            site = site.replace(old, new)
        paths = "".join(
            f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"pid {folder}/pid; error_log {folder}/log; daemon off; events {{}}\n"
            f"http {{ access_log off; {paths}\n{site} }}",
            encoding="utf-8",
        )
        with subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL) as nginx:
            try:
                for _ in range(100):
                    with socket.socket() as probe:
                        if probe.connect_ex(("127.0.0.1", secure)) == 0:
                            break
                    time.sleep(0.1)
                headers = {"host": name}
                # The first page waits for Gradio to be loaded, on a machine that runs other tests as well.
                address = f"https://127.0.0.1:{secure}"
                with httpx.Client(base_url=address, verify=False, headers=headers, timeout=60) as client:
                    yield client
            finally:
                nginx.terminate()


def test_pages_come_through_nginx_with_their_own_address(proxied: httpx.Client) -> None:
    page = proxied.get("/zh/")
    assert page.status_code == 200
    assert '"root":"https://bot.example.org/zh"' in page.text
    assert page.headers["strict-transport-security"] == "max-age=31536000"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "server" not in page.headers or "uvicorn" not in page.headers["server"]


def test_nobody_is_the_owner_through_nginx(proxied: httpx.Client) -> None:
    assert proxied.get("/metrics").status_code == 401


def test_visitors_are_limited_by_their_true_address_whatever_they_claim(proxied: httpx.Client) -> None:
    """Streams come through too: each of these is one."""
    statuses = []
    for number in range(6):
        claimed = {"x-forwarded-for": f"203.0.113.{number}", "accept": "text/event-stream"}
        with proxied.stream("POST", "/api/ask", json=QUESTION, headers=claimed) as answer:
            statuses.append(answer.status_code)
            events = re.findall(r"^event: (\w+)$", "".join(answer.iter_text()), re.MULTILINE)
            assert events == (["passages", "answer", "done"] if answer.status_code == 200 else [])
    assert statuses == [200, 200, 200, 429, 429, 429]
