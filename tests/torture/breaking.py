"""Breaks operations off: strace makes their N-th call of a kind fail or kill, or the system denies them room."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from test_migrations import ENVIRON

from torture.operations import Operation

CALLS = ("write", "pwrite64", "fsync", "fdatasync", "rename", "unlink", "unlinkat", "ftruncate", "mkdir", "rmdir")
"""What changes the disk: SQLite's calls, and those of indexes and backups."""
CODES = {"DISK_FULL", "INDEX_WRITE", "OUTPUT_FAILED", "STORE_UNAVAILABLE"}
"""What a failing disk is told as."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended: whether it acknowledged, its error's code, its traceback, the signal that killed it."""

    acknowledged: bool
    code: str | None
    traceback: str | None
    signal: int
    injected: bool = False


class Breaker:
    """Operations as children of one process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._out: IO[str] = process.stdin
        self._in: IO[str] = process.stdout

    def run(self, operation: Operation, folder: Path, *, fsize: int | None = None) -> Ending:
        """The operation with no file allowed to be larger than ``fsize`` bytes."""
        self._begin(operation, folder, fsize)
        return self._end()

    def count(self, operation: Operation, folder: Path) -> dict[str, int]:
        """How often each call is made, by the thread that makes it most often."""
        log = folder.with_name("strace.log")
        self._traced(operation, folder, log, f"trace={','.join(CALLS)}")
        threads: Counter[tuple[str, str]] = Counter(re.findall(r"^(\d+) +(\w+)\(", log.read_text("utf-8"), re.M))
        most: dict[str, int] = {}
        for (_, call), times in threads.items():
            most[call] = max(most.get(call, 0), times)
        return most

    def inject(self, operation: Operation, folder: Path, call: str, number: int, fault: str) -> Ending:
        """The operation with its ``number``-th call failing with the error ``fault``, or killing it for ``KILL``."""
        log = folder.with_name("strace.log")
        effect = "signal=KILL" if fault == "KILL" else f"error={fault}"
        ending = self._traced(operation, folder, log, f"trace={call}", f"inject={call}:{effect}:when={number}")
        injected = bool(ending.signal) or "(INJECTED)" in log.read_text("utf-8", "replace")
        return Ending(ending.acknowledged, ending.code, ending.traceback, ending.signal, injected)

    def _traced(self, operation: Operation, folder: Path, log: Path, *expressions: str) -> Ending:
        number = self._begin(operation, folder, None)
        if number is None:
            log.write_text("", "utf-8")
            return self._end()
        command = ["strace", "-f", "-o", str(log), *(f"--{each}" for each in expressions), "-p", number]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            attached = tracer.stderr.readline()
            assert "attached" in attached, attached
            ending = self._end()
            tracer.stderr.read()
        return ending

    def _begin(self, operation: Operation, folder: Path, fsize: int | None) -> str | None:
        """The waiting child's process number; None when it ended before."""
        wish = {"operation": operation.name, "folder": str(folder), "fsize": fsize}
        self._say(json.dumps(wish))
        answer = self._in.readline().strip()
        if answer.startswith("{"):
            self._ended: str | None = answer
            return None
        self._ended = None
        return answer

    def _end(self) -> Ending:
        if self._ended is None:
            self._say("go")
            self._ended = self._in.readline()
        told: dict[str, Any] = json.loads(self._ended)
        return Ending(**told)

    def _say(self, line: str) -> None:
        self._out.write(f"{line}\n")
        self._out.flush()


@contextmanager
def breaker() -> Iterator[Breaker]:
    command = [sys.executable, "-m", "torture.broken_off"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRON) as process:
        try:
            yield Breaker(process)
        finally:
            process.stdin.close()  # type: ignore[union-attr]


def fresh(template: Path, folder: Path) -> Path:
    """The folder as the template has it."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder)
    return folder
