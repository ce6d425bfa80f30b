"""The processes of a crowd: ``python -m torture.crowd writers-and-readers|starts|put …``, forks of one that loads once.

Each says one line of JSON on standard output when it is done.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from small_corpora import TERMS, PairEmbedder, article, page

from qa.bot import Bot
from qa.config import Settings
from qa.errors import WenbaoError
from qa.generations import open_indexes
from qa.indexing import index
from qa.store import Store

FILES = 4
DIM = 8


def corpus(own: int, version: int) -> dict[str, str]:
    """One writer's files at a version."""
    return {f"{own}{number}.md": article(10 * own + number, version) for number in range(FILES)}


def write_rounds(folder: Path, own: int, rounds: int) -> dict[str, Any]:
    """Changes all files of one writer again and again; waits and tries again while the other is writing."""
    refused: list[str] = []
    with Store(folder / "data") as store:
        for version in range(1, rounds + 1):
            for name, text in corpus(own, version).items():
                (folder / f"corpus{own}" / name).write_text(text, encoding="utf-8")
            while True:
                try:
                    index(store, [folder / f"corpus{own}"], PairEmbedder(dim=DIM), TERMS)
                    break
                except WenbaoError as error:
                    refused.append(f"{error.code}: {error.message}")
                    time.sleep(0.02)
    return {"written": rounds, "refused": refused}


def read_until_over(folder: Path, rounds: int) -> dict[str, Any]:
    """Opens the folder again and again: each of a writer's files must be of the same version at any moment."""
    states = {own: [corpus(own, version) for version in range(rounds + 1)] for own in (1, 2)}
    faults: list[str] = []
    looks = 0
    while not (folder / "over").exists():
        looks += 1
        try:
            with Store(folder / "data", read_only=True) as store:
                with store.snapshot():
                    texts = {name: store.file_text(name) for name in store.files()}
                for own, possible in states.items():
                    if {name: text for name, text in texts.items() if name.startswith(str(own))} not in possible:
                        faults.append(f"half a change of writer {own} was seen")
                faults += map(str, store.faults)
                open_indexes(store, PairEmbedder(dim=DIM), TERMS)
        except WenbaoError as error:
            faults.append(f"{error.code}: {error.message}")
    return {"looks": looks, "faults": faults}


def put(data: Path) -> None:
    """An article for each line of standard input; after each, all files that are found, as JSON."""
    with Store(data) as store:
        for number, name in enumerate(map(str.strip, sys.stdin)):
            with store.writer(10) as writer:
                writer.put(page(name, article(number)), "")
            print(json.dumps(sorted(store.files())), flush=True)


def start(data: str, model: str) -> list[Any]:
    """One start on a folder that may be empty, and one answer."""
    try:
        with Bot.open(Settings.read({"WENBAO_DATA": data, "WENBAO_MODEL": model})) as bot:
            record = bot.ask("东城区总共有多少个街道的工会参与了一线抗疫？")
            return [record["status"], record["passages"], len(bot.store.files()), bot.store.id]
    except WenbaoError as error:
        return [error.code, error.message]


def crowd(*doing: Callable[[], Any]) -> None:
    """Each in a process of its own, all let go at once; their lines come as they end."""
    held, let_go = os.pipe()
    children = []
    for do in doing:
        child = os.fork()
        if child == 0:
            os.close(let_go)
            os.read(held, 1)  # ends when nobody holds the other end any more
            with open(1, "w", encoding="utf-8", closefd=False) as out:
                out.write(json.dumps(do(), ensure_ascii=False) + "\n")
            os._exit(0)
        children.append(child)
    os.close(held)
    os.close(let_go)
    for child in children:
        os.waitpid(child, 0)


def main(what: str, *given: str) -> None:
    """The crowd of that name."""
    if what == "starts":
        crowd(*[lambda: start(*given)] * 20)
        return
    if what == "put":
        put(Path(given[0]))
        return
    folder, rounds = Path(given[0]), int(given[1])

    def write(own: int) -> dict[str, Any]:
        try:
            return write_rounds(folder, own, rounds)
        finally:
            (folder / f"over{own}").touch()
            if all((folder / f"over{each}").exists() for each in (1, 2)):
                (folder / "over").touch()

    crowd(*[lambda: read_until_over(folder, rounds)] * 8, lambda: write(1), lambda: write(2))


if __name__ == "__main__":
    main(*sys.argv[1:])
