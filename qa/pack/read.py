"""A pack, proven: everything that it says of itself is checked before a byte of it is used."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embeddings.vectors import Vectors
from qa.errors import UsageError
from qa.generations import Progress
from qa.pack import form
from qa.reading import Document
from qa.store import Model

MANIFEST_BYTES = 1 << 20
LINE_BYTES = 1 << 30
"""Longest line of the corpus; its text is held to the owner's limit for files."""
OWNERS_BYTES = 64 << 20
LARGEST_DIM = 1 << 16
UNIT = 1e-3
"""How far from 1 a vector's length may lie."""
BLOCK_BYTES = 1 << 20
ROWS = 4096

_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, OverflowError)
"""What zipfile raises for a file that is no sound zip; the last three for numbers that can't be."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that was proven when it was opened. Its file must stay as it is while it is used."""

    path: Path
    model: Model | None
    structure: str
    counts: Mapping[str, int]
    settings: Mapping[str, int]
    most_chars: int
    members: Mapping[str, int]
    """Sizes in bytes."""

    @classmethod
    def open(cls, path: Path, *, most_chars: int, progress: Progress | None = None) -> Pack:
        """The pack in the file, every byte, line and vector of it checked.

        Args:
            path: the file.
            most_chars: longest text of a file that is taken in, in characters.
            progress: told of the bytes that are read.

        Raises:
            UsageError: PATH_NOT_FOUND.
            InputError: PACK_INVALID for what is no pack or a hostile one, PACK_DAMAGED for one that isn't as it was
                written, PACK_TOO_NEW.
        """
        with _archive(path) as archive:
            sizes = _sizes(archive, path)
            manifest = _manifest(archive, path, sizes)
            pack = _described(path, manifest, sizes, most_chars)
            done = 0
            whole = sum(pack.members.values())
            for name, (_, expected) in manifest["members"].items():
                digest = hashlib.sha256()
                with archive.open(name) as member:
                    while block := member.read(BLOCK_BYTES):
                        digest.update(block)
                        done += len(block)
                        if progress is not None:
                            progress("verify", done, whole)
                if digest.hexdigest() != expected:
                    raise form.damaged(path, f"{name} isn't what the manifest says")
        pack._check_content()
        return pack

    def documents(self) -> Iterator[tuple[Document, str]]:
        """The files of the corpus with their roots, in the order of their names.

        Raises:
            InputError: PACK_INVALID.
        """
        with _archive(self.path) as archive, archive.open(form.CORPUS) as member:
            for number in itertools.count(1):
                line = member.readline(LINE_BYTES)
                if not line:
                    return
                try:
                    if not line.endswith(b"\n"):
                        raise ValueError("it doesn't end")  # noqa: TRY301 (told like the others)
                    yield form.parse_line(line, self.most_chars)
                except ValueError as error:
                    raise form.refused(self.path, f"line {number} of {form.CORPUS}: {error}") from error

    def contents(self) -> npt.NDArray[np.void]:
        """The hashes that the pack has vectors of, ascending, as 32 bytes each."""
        blocks = [contents for contents, _ in self._vectors()]
        return np.concatenate(blocks) if blocks else np.empty(0, f"V{form.CONTENT_BYTES}")

    def vectors(self, rows: Mapping[int, int], into: Vectors) -> None:
        """Writes the vector of each row of the pack that is asked for to its place in ``into``."""
        with _archive(self.path) as archive, archive.open(form.VECTORS) as member:
            for row in sorted(rows):
                member.seek(row * self._row_bytes + form.CONTENT_BYTES)
                into[rows[row]] = np.frombuffer(member.read(self._row_bytes - form.CONTENT_BYTES), "<f4")

    def owners(self, name: str) -> bytes | None:
        """The owner's dictionary or synonyms, if they are in the pack."""
        if name not in self.members:
            return None
        with _archive(self.path) as archive, archive.open(name) as member:
            return member.read(OWNERS_BYTES)

    @property
    def _row_bytes(self) -> int:
        return form.CONTENT_BYTES + 4 * (self.model.dim if self.model else 0)

    def _vectors(self) -> Iterator[tuple[npt.NDArray[np.void], Vectors]]:
        if self.model is None:
            return
        kind = np.dtype([("content", f"V{form.CONTENT_BYTES}"), ("vector", "<f4", (self.model.dim,))])
        with _archive(self.path) as archive, archive.open(form.VECTORS) as member:
            while block := member.read(ROWS * self._row_bytes):
                rows = np.frombuffer(block, kind)
                yield rows["content"].copy(), rows["vector"].astype(np.float32)

    def _check_content(self) -> None:
        """Every line is one of a corpus, every vector one of a model.

        Raises:
            InputError: PACK_INVALID.
        """
        names = [document.file for document, _ in self.documents()]
        if len(names) != self.counts["files"] or any(one >= other for one, other in itertools.pairwise(names)):
            expected = f"{self.counts['files']} files in the order of their names"
            raise form.refused(self.path, f"{form.CORPUS} isn't {expected}")
        last = b""
        for contents, vectors in self._vectors():
            lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
            if not (np.abs(lengths - 1) < UNIT).all():  # false for NaN too
                raise form.refused(self.path, f"{form.VECTORS} holds what are no unit vectors")
            hashes = [content.tobytes() for content in contents]
            if any(one >= other for one, other in itertools.pairwise([last, *hashes])):
                raise form.refused(self.path, f"{form.VECTORS} isn't in order")
            last = hashes[-1]


@contextlib.contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """The zip file, its errors told in our words."""
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise UsageError("PATH_NOT_FOUND", f"{path}: there is no such pack.", field="packs") from error
    except OSError as error:
        raise form.refused(path, f"it can't be read ({error.strerror})") from error
    except _ZIP_ERRORS as error:
        raise _no_zip(path, error) from error
    with archive:
        try:
            yield archive
        except OSError as error:
            raise form.refused(path, f"it can't be read ({error.strerror})") from error
        except _ZIP_ERRORS as error:
            raise form.damaged(path, str(error) or type(error).__name__) from error


def _no_zip(path: Path, error: Exception) -> Exception:
    with path.open("rb") as file:
        began = file.read(4) == b"PK\x03\x04"
    return form.damaged(path, str(error)) if began else form.refused(path, "it is no pack of wenbao")


def _sizes(archive: zipfile.ZipFile, path: Path) -> dict[str, int]:
    """Each member's size; refused is whatever a pack of ours doesn't have."""
    sizes: dict[str, int] = {}
    for entry in archive.infolist():
        name = entry.filename
        if name not in form.MEMBERS:
            raise form.refused(path, f"it holds {name[:60]!a}, which no pack of wenbao has")
        if name in sizes:
            raise form.refused(path, f"it holds {name} twice")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 or entry.compress_size != entry.file_size:
            raise form.refused(path, f"{name} is compressed or encrypted, which packs of wenbao aren't")
        sizes[name] = entry.file_size
    if sum(sizes.values()) > path.stat().st_size:
        raise form.refused(path, "its members lie over one another")
    return sizes


def _manifest(archive: zipfile.ZipFile, path: Path, sizes: Mapping[str, int]) -> dict[str, Any]:
    if form.MANIFEST not in sizes:
        raise form.refused(path, "it is no pack of wenbao: there is no manifest")
    if sizes[form.MANIFEST] > MANIFEST_BYTES:
        raise form.refused(path, f"its manifest has {sizes[form.MANIFEST]} bytes, at most {MANIFEST_BYTES} are read")
    with archive.open(form.MANIFEST) as member:
        data = member.read(MANIFEST_BYTES)
    try:
        manifest = form.read_json(data)
    except ValueError as error:
        raise form.damaged(path, f"its manifest is no JSON ({error})") from error
    if not isinstance(manifest, dict) or manifest.get("format") != form.FORMAT:
        raise form.refused(path, "it is no pack of wenbao: its manifest is another program's")
    found = manifest.get("version")
    if type(found) is int and found > form.VERSION:
        raise form.refused(
            path,
            f"it has version {found}, this wenbao ({form.VERSION}) is older than the one that wrote it; update wenbao",
            "PACK_TOO_NEW",
        )
    if data != form.sealed({key: value for key, value in manifest.items() if key != "seal"}):
        raise form.damaged(path, "its manifest was changed")
    return manifest


def _described(path: Path, manifest: dict[str, Any], sizes: Mapping[str, int], most_chars: int) -> Pack:
    """The pack as the manifest describes it, held against what is there.

    Raises:
        InputError: PACK_INVALID, PACK_DAMAGED.
    """
    try:
        members = {name: _whole(size) for name, (size, _) in manifest["members"].items()}
        counts = {name: _whole(number) for name, number in manifest["counts"].items()}
        settings = {name: _whole(number) for name, number in manifest["settings"].items()}
        files, vectors, structure = counts["files"], counts["vectors"], _word(manifest["structure"])
        given = manifest["model"]
        model = given and Model(_word(given["fingerprint"]), _word(given["name"]), _whole(given["dim"]))
        dim = model.dim if model else 0
        if manifest["version"] != form.VERSION:
            raise ValueError("its version is none")  # noqa: TRY301
        if not {form.CORPUS, form.VECTORS} <= members.keys() or dim > LARGEST_DIM or (model and not dim):
            raise ValueError("a corpus, vectors, or a model's dimensions are missing")  # noqa: TRY301
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise form.refused(path, f"its manifest doesn't describe a pack ({error})") from error
    if members != {name: size for name, size in sizes.items() if name != form.MANIFEST}:
        raise form.damaged(path, "members or their sizes aren't those of its manifest")
    if any(members.get(name, 0) > OWNERS_BYTES for name in form.OWNERS):
        raise form.refused(path, "its dictionary is too large to be one")
    row = form.CONTENT_BYTES + 4 * dim if model else 0
    if members[form.VECTORS] != row * vectors or files > members[form.CORPUS]:
        raise form.refused(path, f"{form.VECTORS} isn't {vectors} vectors of {dim} dimensions")
    return Pack(path, model, structure, counts, settings, most_chars, members)


def _whole(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!a:.40} is no whole number")
    return value


def _word(value: object) -> str:
    if not isinstance(value, str) or len(value) > form.NAME_CHARS:
        raise ValueError("a name is none")
    return value
