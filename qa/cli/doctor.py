"""Is the data folder sound, and does nothing call out? Each check is a value; ``commands`` prints them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qa.config import Settings
from qa.errors import WenbaoError

if TYPE_CHECKING:
    from qa.generations import Progress


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, whether it is as it should be, and what was seen."""

    name: str
    ok: bool
    message: str


def examine(
    settings: Settings, *, offline: bool = False, repair: bool = False, progress: Progress | None = None
) -> Iterator[Check]:
    """The checks, one after another; an error of ours ends them as a failed one.

    ``repair`` mends first what can be mended from the store itself. ``offline`` watches this process for calls beyond
    this machine, from before the model is loaded until a question is answered and the web pages are built.
    """
    watch = Watch() if offline else None
    try:
        yield from _examine(settings, repair=repair, ask=offline, progress=progress)
    except WenbaoError as error:
        yield Check(error.code, ok=False, message=error.message)
    if watch:
        seen = sorted(watch.calls)
        message = f"called out: {', '.join(seen)}" if seen else "nothing called out beyond this machine"
        yield Check("offline", ok=not seen, message=message)


def _examine(settings: Settings, *, repair: bool, ask: bool, progress: Progress | None) -> Iterator[Check]:
    # Imported after the watch began: what a library does when it is loaded is watched too.
    from qa import indexing  # noqa: PLC0415
    from qa.bot import Bot  # noqa: PLC0415

    if repair:
        yield from _salvage(settings.data)
    with Bot.open(settings, progress=progress) as bot:
        model = bot.embedder
        yield Check("model", ok=True, message=f"{model.name}, {model.dim} dimensions, {model.fingerprint[:12]}")
        if repair:
            lost = indexing.repair(bot.store, bot.embedder, bot.terms, progress, bot.engine)
            message = f"to be indexed again: {', '.join(lost)}" if lost else "nothing is left to mend"
            yield Check("repair", ok=not lost, message=message)
        findings = indexing.check(bot.store, bot.embedder, bot.terms, bot.engine)
        for finding in findings:
            yield Check(finding.code, ok=False, message=finding.message)
        if not findings:
            counts = ", ".join(f"{number} {name}" for name, number in bot.store.counts().items())
            yield Check("store", ok=True, message=f"{bot.store.path}: {counts}")
        yield from _small_databases(settings.data)
        bot.retriever()
        yield Check("indexes", ok=True, message=f"generation {bot.facts()['generation']}")
        if ask:
            yield from _use(bot)


def _salvage(folder: Path) -> Iterator[Check]:
    """A store that SQLite can't read through is made anew of what can be proven; told in any case."""
    from qa.store.salvage import is_malformed, salvage  # noqa: PLC0415 (brings numpy)

    if not is_malformed(folder):
        return
    found = salvage(folder)
    message = f"{found.rows} sound rows are in a new store; the damaged one is kept in {found.kept}"
    older = sorted(folder.glob("wenbao.db.schema-*.bak"))
    if older:
        message += f"; a copy from before an upgrade is {older[-1]}"
    yield Check("salvage", ok=True, message=message)
    if not found.log_whole:
        message = "the log of changes is damaged too: files may be lost that nothing names; index all originals again"
        yield Check("salvage", ok=False, message=message)
    if found.missing:
        yield Check("salvage", ok=False, message=f"lost, to be indexed again: {', '.join(found.missing)}")


def _small_databases(folder: Path) -> Iterator[Check]:
    """Keys, conversations and the like, each checked by SQLite."""
    from qa.sqlite import SQLITE_ERRORS, connect  # noqa: PLC0415 (as light as this)

    for path in sorted(folder.glob("*.db")):
        if path.name != "wenbao.db":
            try:
                with closing(connect(path, "mode=ro")) as connection:
                    (answer,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            except SQLITE_ERRORS as error:
                answer = str(error)
            ok = answer == "ok"
            told = "sound" if ok else f"{answer}; put a backup in its place, or move it away"
            yield Check("database", ok=ok, message=f"{path}: {told}")


def _use(bot: Any) -> Iterator[Check]:
    """A question answered and the web pages built, as a day's work would."""
    titles = [article.headline for article in bot.store.articles() if article.headline]
    record = bot.ask(titles[0][: bot.settings.question_chars] if titles else "?")
    yield Check("question", ok=True, message=f"asked {record['question']!r}: {record['status']}")
    from qa.web.server import build_app  # noqa: PLC0415 (brings gradio, 4 s)

    build_app(bot)
    yield Check("web", ok=True, message="the pages are built")


class Watch:
    """Refuses and notes what this process asks of the network beyond this machine, from now until it ends.

    Python's audit events (PEP 578) see every socket call made through Python; a native library with sockets of its own
    isn't seen.
    """

    def __init__(self) -> None:
        self.calls: set[str] = set()
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
            address = arguments[1]
        elif event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
            address = (arguments[0],)
        else:
            return
        if not is_local(address):
            self.calls.add(f"{event} {address[0]}")
            raise ConnectionRefusedError(f"{event} to {address[0]}: refused, since this is an offline check")


def is_local(address: object) -> bool:
    """Whether a socket address is on this machine: a path, no host at all, "localhost", or a loopback number."""
    if not isinstance(address, tuple) or not address or address[0] in {None, "", "localhost", b"localhost"}:
        return True
    host = address[0].decode("ascii", "replace") if isinstance(address[0], bytes) else str(address[0])
    try:
        return ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False
