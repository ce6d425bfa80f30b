"""The process whose children are broken off: each does one operation of `torture.operations` and says how it went.

Run as ``python -m torture.broken_off``. A line of JSON on standard input starts a child: ``operation``, ``folder``,
``fsize`` (the largest file that it may write, in bytes, or null). Before it begins it waits: its process number goes
out, any line lets it go on, and how it ended goes out. Imports are done once, each child is a fork. Children speak
through a socket, so that who injects faults counts no ``write`` but the operation's own.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from qa.errors import WenbaoError
from torture.operations import OPERATIONS


def child(wish: dict[str, Any], line: socket.socket) -> None:
    """One operation, from waiting to its end."""
    tempfile.gettempdir()  # found out by writing a file, once a process

    line.send(b"waiting\n")
    line.recv(1)
    if wish["fsize"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (wish["fsize"], wish["fsize"]))

    def acknowledged() -> None:
        line.send(b"acknowledged\n")

    try:
        OPERATIONS[wish["operation"]].do(Path(wish["folder"]), acknowledged)
    except WenbaoError as error:
        line.send(f"code {error.code}\n".encode())
    except BaseException:  # noqa: BLE001 (whatever it is, it is told)
        line.send(f"traceback {json.dumps(traceback.format_exc())}\n".encode())


def say(text: str) -> None:
    print(text, flush=True)


def serve(wish: dict[str, Any]) -> None:
    """One child: its process number, then, after a line that lets it go, its end as JSON."""
    ours, its = socket.socketpair()
    number = os.fork()
    if number == 0:
        ours.close()
        child(wish, its)
        os._exit(0)
    its.close()
    told: dict[str, Any] = {"acknowledged": False, "code": None, "traceback": None, "signal": 0}
    with ours, ours.makefile("r", encoding="utf-8") as lines:
        for line in lines:
            what, _, rest = line.strip().partition(" ")
            if what == "waiting":
                say(str(number))
                sys.stdin.readline()
                ours.send(b"!")
            elif what == "acknowledged":
                told[what] = True
            else:
                told[what] = json.loads(rest) if what == "traceback" else rest
    _, status = os.waitpid(number, 0)
    told["signal"] = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    say(json.dumps(told))


def main() -> None:
    """Serves standard input until it ends."""
    for line in sys.stdin:
        serve(json.loads(line))


if __name__ == "__main__":
    main()
