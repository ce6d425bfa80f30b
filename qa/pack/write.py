"""A store → a pack."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

from qa.config import Settings
from qa.errors import StoreError, UsageError
from qa.generations import Progress
from qa.pack import form
from qa.splitting import STRUCTURE
from qa.sqlite import store_errors, sync
from qa.store import Store
from qa.store.structure import article_structure

SETTINGS = ("top_k", "question_chars", "file_mb")
"""Told in a pack: settings that are neither paths nor addresses of one machine."""


def write_pack(
    store: Store, out: Path, settings: Settings, *, overwrite: bool = False, progress: Progress | None = None
) -> dict[str, int]:
    """The store's corpus is in the file ``out``, whole or not at all, as it is at this moment; counts of what is in it.

    Others may go on writing. The bytes depend on the corpus, its model, the settings and the version of wenbao alone.

    Raises:
        UsageError: OUTPUT_EXISTS, OUTPUT_FOLDER.
        StoreError: ROW_CORRUPT, where something in the store is damaged; DISK_FULL and its kin.
    """
    if out.is_dir() or (out.exists() and not overwrite):
        raise UsageError("OUTPUT_EXISTS", f"{out} is there already; name another file, or replace it with --overwrite.")
    if not out.parent.is_dir():
        raise UsageError("OUTPUT_FOLDER", f"{out.parent} is no folder to write a pack into.")
    part = out.with_name(f"{out.name}.part")
    try:
        with store_errors(out), store.snapshot():
            counts = _write(store, part, settings, progress)
            sync(part)
            part.replace(out)
            sync(out.parent)
    except StoreError:
        part.unlink(missing_ok=True)
        raise
    return counts


def _write(store: Store, part: Path, settings: Settings, progress: Progress | None) -> dict[str, int]:
    members: dict[str, list[object]] = {}
    model = store.model()
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:

        def add(name: str, blocks: Iterable[bytes]) -> None:
            digest, size = hashlib.sha256(), 0
            with archive.open(_entry(name), "w", force_zip64=True) as member:
                for block in blocks:
                    member.write(block)
                    digest.update(block)
                    size += len(block)
            members[name] = [size, digest.hexdigest()]

        add(form.CORPUS, _lines(store, progress))
        vectors = 0

        def counted() -> Iterator[bytes]:
            nonlocal vectors
            for content, data in store.contents(model.fingerprint) if model else ():
                vectors += 1
                yield content + data

        add(form.VECTORS, counted())
        for name in form.OWNERS:
            path = settings.dict / name if settings.dict else None
            if path is not None and path.is_file():
                add(name, [path.read_bytes()])
        counts = {**store.counts(), "vectors": vectors}
        manifest = {
            "format": form.FORMAT,
            "version": form.VERSION,
            "wenbao": version("wenbao"),
            "structure": STRUCTURE,
            "model": None
            if model is None
            else {"fingerprint": model.fingerprint, "name": model.name, "dim": model.dim},
            "settings": {name: getattr(settings, name) for name in SETTINGS},
            "counts": counts,
            "members": members,
        }
        with archive.open(_entry(form.MANIFEST), "w", force_zip64=True) as member:
            member.write(form.sealed(manifest))
    return counts


def _lines(store: Store, progress: Progress | None) -> Iterator[bytes]:
    rows, incomplete = store.damage()
    if incomplete or any(rows.values()):
        named = f" ({', '.join(incomplete[:3])})" if incomplete else ""
        reason = f"{store.path} has damaged rows{named}; run `wenbao doctor --repair`, then export again."
        raise StoreError("ROW_CORRUPT", reason)
    files = store.files()
    articles: dict[str, list[int]] = {}
    for line in store.articles():
        articles.setdefault(line.file, []).append(line.id)
    for number, (name, file) in enumerate(files.items(), 1):
        structure = [article_structure(article) for id_ in articles.get(name, ()) if (article := store.article(id_))]
        furniture = [{"start": start, "end": end, "kind": kind} for start, end, kind in store.furniture(name)]
        yield form.line(store.document(name), file.root, {"articles": structure, "furniture": furniture})
        if progress is not None:
            progress("export", number, len(files))


def _entry(name: str) -> zipfile.ZipInfo:
    """The same for every machine and every hour."""
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_STORED
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry
