"""Folders → the files to read, in one stable order; what can't be reached is named and the walk goes on."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from qa.reading import parquet
from qa.reading.document import FORMATS, Found, Problem, shown_name

_README = re.compile(r"readme(?![a-z])", re.IGNORECASE)


def walk(paths: Sequence[Path]) -> Iterator[Found | Problem]:
    """Every article file of the paths, each once: paths in the order given, a folder's entries by name, depth first.

    In a folder only files with a suffix of ``FORMATS`` count. Hidden ones (``.name``, Word's ``~$name``) and README
    files are passed over: a README tells of a folder, it is no article of it. A symbolic link inside a folder is never
    followed. A path that is named itself is taken as its owner's will: hidden, a README or a link, it is read.

    A path that ends in ``.parquet``, a file or a folder of such files, is a table of articles: see
    ``qa.reading.parquet``. Inside another folder it is passed over.

    What is named but can't be used is a ``Problem`` in its place: FILE_NOT_FOUND, UNSUPPORTED_FORMAT, NOT_A_FILE,
    SYMLINK_SKIPPED, PERMISSION_DENIED, PATH_TOO_LONG, READ_FAILED, NAME_TAKEN.
    """
    names: set[str] = set()
    seen: set[str] = set()  # not of Path, which is five times as large
    for path in paths:
        try:
            resolved = os.path.realpath(path)
        except ValueError:  # a name that no file can have, which is told below
            resolved = str(path)
        for item in _named(path):
            if isinstance(item, Found):
                # Below a folder nothing is a link, so resolving the folder resolves the file.
                inside = item.root and item.path != path
                real = os.path.join(resolved, item.path.relative_to(path)) if inside else resolved  # noqa: PTH118
                if item.row is not None:
                    real = f"{real}\0{item.row}"
                if real in seen:
                    continue
                if item.file in names:
                    yield Problem(
                        item.file,
                        "NAME_TAKEN",
                        f"{shown_name(str(item.path))}: another file of this run is already called {item.file!r} in "
                        "the corpus; index the folder above both, or rename one.",
                    )
                    continue
                seen.add(real)
                names.add(item.file)
            yield item


def _named(path: Path) -> Iterator[Found | Problem]:
    name = shown_name(str(path))
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        yield unreachable(name, error)
        return
    if path.suffix.lower() == parquet.SUFFIX and (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        yield from _tables(path, stat.S_ISDIR(mode))
    elif stat.S_ISDIR(mode):
        yield from _folder(path)
    elif not stat.S_ISREG(mode):
        yield _not_a_file(name)
    elif path.suffix.lower() not in FORMATS:
        known = ", ".join(sorted(FORMATS))
        yield Problem(name, "UNSUPPORTED_FORMAT", f"{name}: files of this kind can't be read; known are {known}.")
    else:
        yield Found(path, shown_name(path.name), "")


def _tables(path: Path, is_folder: bool) -> Iterator[Found | Problem]:
    """The rows of a Parquet file, or of all in a folder that has its suffix, as pipelines write them."""
    root = shown_name(path.resolve().name)
    if not is_folder:
        yield from parquet.rows(path, shown_name(path.name), root)
        return
    for item in _folder(path, {parquet.SUFFIX}):
        if isinstance(item, Found):
            yield from parquet.rows(item.path, f"{root}/{item.file}", root)
        else:
            yield replace(item, file=f"{root}/{item.file}")


def _folder(root: Path, suffixes: Container[str] = FORMATS) -> Iterator[Found | Problem]:
    # A stack of open listings instead of recursion: nesting is bounded by the path's length, not by Python's stack.
    root_name = shown_name(root.resolve().name) or "/"
    listings = [iter(_entries(root, ""))]
    while listings:
        item = next(listings[-1], None)
        if item is None:
            listings.pop()
            continue
        if isinstance(item, Problem):
            yield item
            continue
        entry, file = item
        try:
            if entry.is_symlink():
                yield Problem(
                    file,
                    "SYMLINK_SKIPPED",
                    f"{file}: a symbolic link inside a folder isn't followed; name its target itself to read it.",
                )
            elif entry.is_dir(follow_symlinks=False):
                listings.append(iter(_entries(Path(entry.path), f"{file}/")))
            elif Path(entry.name).suffix.lower() not in suffixes or _README.match(entry.name):
                continue
            elif entry.is_file(follow_symlinks=False):
                yield Found(Path(entry.path), file, root_name)
            else:
                yield _not_a_file(file)
        except OSError as error:
            yield unreachable(file, error)


def _entries(folder: Path, prefix: str) -> list[tuple[os.DirEntry[str], str] | Problem]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(
                (entry for entry in listing if not entry.name.startswith((".", "~$"))), key=lambda e: e.name
            )
    except OSError as error:
        return [unreachable(prefix.rstrip("/") or shown_name(str(folder)), error)]
    return [(entry, prefix + shown_name(entry.name)) for entry in entries]


def _not_a_file(name: str) -> Problem:
    return Problem(
        name, "NOT_A_FILE", f"{name}: neither a file nor a folder (a pipe, socket or device), so not opened."
    )


def unreachable(name: str, error: OSError | ValueError) -> Problem:
    """The system's refusal to list or open something, in our words."""
    number = error.errno if isinstance(error, OSError) else None
    match number:
        case errno.ENOENT:
            return Problem(name, "FILE_NOT_FOUND", f"{name}: there is no such file or folder; check the path.")
        case errno.EACCES | errno.EPERM:
            return Problem(name, "PERMISSION_DENIED", f"{name}: this user may not read it; change its permissions.")
        case errno.ENAMETOOLONG:
            shown = name if len(name) <= 80 else f"{name[:40]}…{name[-39:]}"
            return Problem(
                name, "PATH_TOO_LONG", f"{shown}: the path is longer than the system allows; name a deeper folder."
            )
        case _:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            return Problem(
                name, "READ_FAILED", f"{name}: the system can't read it ({reason}); check the disk, then run again."
            )
