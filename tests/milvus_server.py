"""milvus-lite as a server on this machine, for tests of the engine: it can be killed and started again."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

START_S = 60


class Server:
    """Its data stay in ``folder``; its address stays the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "milvus_lite", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        with (self.folder.parent / "milvus.log").open("ab") as log:
            self._process = subprocess.Popen([*command, "--data-dir", str(self.folder)], stdout=log, stderr=log)
        for _ in range(10 * START_S):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self._process.poll() is None, (self.folder.parent / "milvus.log").read_text()
            time.sleep(0.1)
        raise AssertionError("milvus-lite doesn't answer")

    def kill(self) -> None:
        """Without warning, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests of a session; skipped where the extra isn't installed."""
    for package in ("pymilvus", "milvus_lite"):
        pytest.importorskip(package, reason="needs the extra milvus-test: `make milvus`")
    server = Server(tmp_path_factory.mktemp("milvus") / "data")
    server.start()
    yield server
    server.kill()
