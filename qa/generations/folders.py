"""A generation's folder: its manifest, its files, and the proof that they are as they were written.

A generation is written aside, synced, and renamed: what has a number is finished. Before numpy or FAISS see a byte,
everything in the manifest is checked, since neither notices damage itself (31 % of damaged FAISS files loaded and
answered wrongly).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from qa.store import Store, sync

KEPT = 2
"""Generations left after a new one is proven: itself and the one that running processes may still have open."""

_NUMBER = re.compile(r"[0-9]{6,}")


class OutdatedError(Exception):
    """The generation is sound, but of another store, state, model or version."""


class DamagedError(Exception):
    """The generation isn't as it was written."""


def root_of(store: Store) -> Path:
    """The folder of all generations; there may be none yet."""
    return store.folder / "indexes"


def folder_of(store: Store, number: int) -> Path:
    """The folder of one generation."""
    return root_of(store) / f"{number:06d}"


def numbers(root: Path) -> list[int]:
    """The generations that there are, latest first."""
    return sorted((int(path.name) for path in _entries(root) if _NUMBER.fullmatch(path.name)), reverse=True)


def leftovers(root: Path) -> list[Path]:
    """Unfinished generations, and finished ones beyond those that are kept."""
    kept = {f"{number:06d}" for number in numbers(root)[:KEPT]}
    return [path for path in _entries(root) if path.name not in kept]


def tidy(root: Path) -> None:
    """Removes what is left over; only the holder of the writer's lock may."""
    for path in leftovers(root):
        shutil.rmtree(path, ignore_errors=True)  # what can't be removed harms nobody, the next writer tries again


def seal(folder: Path, manifest: Mapping[str, object]) -> None:
    """The generation with its manifest, on the disk when this returns."""
    found = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    sums = _sums(list(found.values()))
    files = {name: [path.stat().st_size, sums[path]] for name, path in found.items()}
    (folder / "manifest.json").write_bytes(_sealed({**manifest, "files": files}))
    for path in (*folder.rglob("*"), folder):
        sync(path)


def read_manifest(folder: Path, expected: Mapping[str, object]) -> dict[str, Any]:
    """The generation's manifest, when it is as it was written and says what is expected; its files aren't read.

    Raises:
        DamagedError, OutdatedError: with the reason.
    """
    try:
        data = (folder / "manifest.json").read_bytes()
        manifest: dict[str, Any] = json.loads(data)
        sealed = _sealed({key: value for key, value in manifest.items() if key != "seal"})
        if data != sealed or manifest["generation"] != int(folder.name):
            raise DamagedError("its manifest is damaged")
        for key, value in expected.items():
            if manifest[key] != value:
                raise OutdatedError(f"its {key} is {manifest[key]!r}, now it is {value!r}")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedError(f"it can't be read ({error})") from error
    return manifest


def prove_files(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Nothing, when every byte of the generation is as it was written.

    Raises:
        DamagedError: with the reason.
    """
    try:
        present = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
        if present.keys() != manifest["files"].keys():
            raise DamagedError(f"missing or not of it: {', '.join(sorted(present.keys() ^ manifest['files'].keys()))}")
        sums = _sums([path for name, path in present.items() if path.stat().st_size == manifest["files"][name][0]])
        for name, path in present.items():
            if sums.get(path) != manifest["files"][name][1]:
                raise DamagedError(f"{name} is damaged")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DamagedError(f"it can't be read ({error})") from error


def _sums(paths: list[Path]) -> dict[Path, str]:
    """SHA-256 of each file. Hashing lets other threads run, so all cores share in the large ones."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(paths, pool.map(_sha256, paths), strict=True))


def _entries(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []


def _files(folder: Path) -> list[Path]:
    """The files of a generation but for its manifest."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and path != folder / "manifest.json"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sealed(manifest: Mapping[str, object]) -> bytes:
    """The manifest as it is written, with a SHA-256 of its other keys, so that any changed byte of it shows."""

    def dump(content: Mapping[str, object]) -> bytes:
        return json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1).encode("utf-8")

    return dump({**manifest, "seal": hashlib.sha256(dump(manifest)).hexdigest()})
