"""The process whose children are servers that get killed: ``python -m torture.served``.

Says when all is loaded. A line with a port on standard input starts ``wenbao serve`` there, as a fork, so that Gradio
and the rest are imported once; the next line kills it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

import qa.web.chat_page
import qa.web.server  # noqa: F401 (loaded once, for all children)
from qa.cli import run


def main() -> None:
    """Serves standard input until it ends."""
    assert threading.active_count() == 1, "a fork would lose the others"
    print("loaded", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(run(["serve", "--port", line.strip()]))
        sys.stdin.readline()  # also when who started us is gone
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        print("dead", flush=True)


if __name__ == "__main__":
    main()
