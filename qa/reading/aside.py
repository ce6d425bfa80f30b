"""Files read in a process of their own: what strangers upload may crash a reader, or make it eat memory and time.

The child (``python -m qa.reading.aside``) takes a JSON object a line and gives one back; it may have so much memory and
no more. The parent gives it so much time for a file. A child that dies or is late takes nothing with it: the file is
refused, and a new child reads the next one.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from qa.errors import UsageError, WenbaoError
from qa.reading import MAX_BYTES, Document, Found, Heading, ReadingError, read

TIMEOUT_S = 60.0
"""Longest that one file may take. Unmeasured but for the samples, which take milliseconds."""
MEMORY_MB = 1536
"""Address space of the child. The samples of the tests take 45 MiB of it, a text of 64 MiB takes 330."""


class Aside:
    """Reads files as ``qa.reading.read`` does, aside. For one thread; close it, or use it as a context manager."""

    def __init__(self, max_bytes: int = MAX_BYTES, *, timeout_s: float = TIMEOUT_S, memory_mb: int = MEMORY_MB) -> None:
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._memory_mb = memory_mb
        self._child: subprocess.Popen[bytes] | None = None
        self._lines: queue.Queue[bytes] = queue.Queue()

    def __enter__(self) -> Aside:
        """The reader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""
        self.close()

    def close(self) -> None:
        """Ends the child."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()

    def read(self, found: Found, encoding: str | None = None) -> Document:
        """The found file as text.

        Raises:
            ReadingError: as ``qa.reading.read``; PARSE_FAILED also when reading took too much time or memory.
            UsageError: ENCODING_NAME.
        """
        child = self._started()
        request = {
            "path": str(found.path),
            "file": found.file,
            "root": found.root,
            "encoding": encoding,
            "max_bytes": self._max_bytes,
        }
        try:
            child.stdin.write(json.dumps(request).encode() + b"\n")  # type: ignore[union-attr]
            child.stdin.flush()  # type: ignore[union-attr]
            line = self._lines.get(timeout=self._timeout_s)
        except queue.Empty as error:
            self.close()
            raise _failed(found, f"it took longer than {self._timeout_s:g} s") from error
        except OSError as error:
            self.close()
            raise _failed(found, f"the reader can't be reached ({error.strerror})") from error
        if not line:
            self.close()
            raise _failed(found, f"its reader crashed, or took more than {self._memory_mb} MiB of memory")
        answer = json.loads(line)
        if "code" in answer:
            kind: type[WenbaoError] = UsageError if answer["code"] == "ENCODING_NAME" else ReadingError
            raise kind(answer["code"], answer["message"], answer["field"])
        headings = tuple(Heading(**heading) for heading in answer.pop("headings"))
        return Document(**answer, headings=headings)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self.close()
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "OPENBLAS_NUM_THREADS": "1",
        }
        child = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            [sys.executable, "-m", "qa.reading.aside", str(self._memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # Ctrl+C is for the parent, which ends it
        )
        self._child = child
        lines = self._lines = queue.Queue[bytes]()

        def listen() -> None:
            stream = child.stdout
            while stream is not None and (line := stream.readline()):
                lines.put(line)
            lines.put(b"")

        threading.Thread(target=listen, name="reading", daemon=True).start()
        return child


def _failed(found: Found, reason: str) -> ReadingError:
    return ReadingError("PARSE_FAILED", f"{found.file}: can't be read: {reason}; save it anew in another way.")


def main() -> None:
    """The child: answers until its parent closes the pipe."""
    _limit(int(sys.argv[1]) << 20)
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what a library prints is no answer
    for line in sys.stdin.buffer:
        answers.write(json.dumps(_answer(json.loads(line))) + "\n")
        answers.flush()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    found = Found(Path(request["path"]), request["file"], request["root"])
    try:
        return asdict(read(found, request["encoding"], request["max_bytes"]))
    except WenbaoError as error:
        return {"code": error.code, "message": error.message, "field": error.field}
    except MemoryError:
        reason = "reading it takes too much memory"
    except Exception as fault:  # noqa: BLE001 (a reader's defect costs one file)
        reason = f"its reader failed ({type(fault).__name__})"
    failed = _failed(found, reason)
    return {"code": failed.code, "message": failed.message, "field": None}


def _limit(memory_bytes: int) -> None:
    if sys.platform == "win32":  # pragma: no cover (no such limit there; time is limited all the same)
        return
    import resource  # noqa: PLC0415 (only where there is such a thing)

    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
