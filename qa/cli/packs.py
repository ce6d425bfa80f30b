"""``wenbao export``, ``import`` and ``backup``: a corpus in one file, taken in elsewhere, kept safe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qa.cli import show
from qa.cli.options import settings, with_settings
from qa.errors import UsageError

if TYPE_CHECKING:
    from qa.pack import Pack


@click.command("export")
@click.argument("pack", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace the file that is there.")
@with_settings
def export(pack: Path, overwrite: bool) -> None:
    """Write the whole corpus into one portable file, to be taken in elsewhere with `wenbao import`."""
    from qa.bot import Bot  # noqa: PLC0415 (brings the model and the dictionary)

    with show.progress_bar() as bar, Bot.open(settings(), progress=bar) as bot:
        counts = bot.write_pack(pack, overwrite=overwrite, progress=bar)
    figures = ", ".join(f"{number} {name}" for name, number in counts.items())
    click.echo(show.printable(f"{pack}: {figures}, {pack.stat().st_size / 2**20:.1f} MiB"))


@click.command("import")
@click.argument("packs", nargs=-1, required=True, metavar="PACK…", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Where a name is taken by other content, take the pack's.")
@click.option("--dry-run", is_flag=True, help="Only check the packs and say what would be done.")
@click.option(
    "--words", metavar="DIR", type=click.Path(path_type=Path), help="Put the packs' dictionary.txt, synonyms.txt there."
)
@with_settings
def import_(packs: tuple[Path, ...], replace: bool, dry_run: bool, words: Path | None) -> int:
    """Take in the corpora of packs, after every byte of them was checked."""
    from qa.bot import Bot  # noqa: PLC0415 (brings the model and the dictionary)
    from qa.pack import Pack  # noqa: PLC0415 (comes with the bot)

    configured = settings()
    with show.progress_bar() as bar:
        # Before a data folder is made for nothing.
        proven = [Pack.open(path, most_chars=configured.file_mb << 20, progress=bar) for path in packs]
        with Bot.open(configured, index_seeds=False) as bot:
            report = bot.merge(proven, replace=replace, dry_run=dry_run, progress=bar)
    if words is not None and not dry_run:
        _write_words(proven, words)
    show.merge_report(report, dry_run=dry_run)
    return 3 if report.problems else 0


def _write_words(packs: Sequence[Pack], folder: Path) -> None:
    """The first pack's dictionary and synonyms, where none are yet."""
    for name in ("dictionary.txt", "synonyms.txt"):
        data = next((data for pack in packs if (data := pack.owners(name)) is not None), None)
        if data is None:
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("xb") as file:
                file.write(data)
        except FileExistsError as error:
            reason = f"{folder / name} is there already; name another folder with --words."
            raise UsageError("OUTPUT_EXISTS", reason) from error


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@with_settings
def backup(folder: Path) -> int:
    """Copy the data folder as it is at this moment, while others go on asking and writing.

    FOLDER is made; it is a data folder itself: `wenbao --data FOLDER …`.
    """
    from qa.backup import back_up  # noqa: PLC0415 (brings numpy)

    with show.progress_bar() as bar:
        report = back_up(settings().data, folder, bar)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
    copied = f"{', '.join(report.databases)} and {report.others} other files"
    click.echo(show.printable(f"{folder}: {copied}, {size:.1f} MiB"))
    for finding in report.findings:
        show.said(finding.code, f"{finding.message} It is so in {settings().data} too: run `wenbao doctor --repair`.")
    return 5 if report.findings else 0
