"""The process that is killed: it changes a data folder at random and says on standard output what is acknowledged.

Run as ``python -m torture.killed FOLDER``; a line with a seed on standard input starts a child, the next line kills it.
Imports are done once, each child is a fork.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
from pathlib import Path

from small_corpora import TERMS, PairEmbedder, article, page

from qa import generations
from qa.errors import NotFoundError
from qa.store import Store

NAMES = 10
DIM = 8


def say(line: str) -> None:
    """One call of the system, so that a kill leaves the whole line or nothing; ``print`` writes in pieces."""
    os.write(1, f"{line}\n".encode())


def change(folder: Path, seed: int) -> None:
    """Random changes without an end; ``begin`` and ``done`` lines go out before and after each."""
    chance = random.Random(seed)
    with Store(folder) as store:
        for turn in range(100_000):
            number, version = chance.randrange(NAMES), seed * 1000 + turn
            doing = chance.choices(["put", "remove", "compact", "several"], [6, 2, 1, 1])[0]
            say(f"begin {doing} {number} {version}")
            with store.writer(5) as writer:
                if doing == "put":
                    writer.put(page(str(number), article(number, version)), "root")
                elif doing == "remove":
                    with contextlib.suppress(NotFoundError):
                        writer.remove(f"{number}.md")
                elif doing == "several":
                    with writer.transaction():
                        for each in range(number, number + 3):
                            writer.put(page(str(each % NAMES), article(each % NAMES, version)), "root")
                else:
                    generations.refresh(store, writer, PairEmbedder(dim=DIM), TERMS)
            say("done")


def main() -> None:
    """Serves standard input until it ends."""
    folder = Path(sys.argv[1])
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            change(folder, int(line))
        sys.stdin.readline()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        say("dead")


if __name__ == "__main__":
    main()
