"""A zip of articles → its files, each in a place that we name: nothing is ever written where a member says.

Only the first level is opened, and everything is counted while it inflates, since the sizes in an archive may lie.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from qa.reading.document import FORMATS, Found, Problem, ReadingError, shown_name

MAX_MEMBERS = 10_000
MAX_INFLATED_BYTES = 512 << 20
"""Largest content of an archive, all members together."""
MAX_RATIO = 200
"""Most bytes that one byte of the archive may inflate to, beyond the first MiB. Texts come to 2 to 10."""
_SMALL_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 16
_ARCHIVES = {".zip", ".7z", ".rar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".tar", ".jar", ".cab"}
_DRIVE = re.compile(r"[A-Za-z]:")
_UTF8_FLAG = 0x800
_ENCRYPTED_FLAG = 1
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, NotImplementedError, RuntimeError)


def extract(file: str, archive: Path, folder: Path, root: str, max_bytes: int) -> list[Found | Problem]:
    """The articles of the zip called ``file``, inflated into files of ``folder`` with numbers for names.

    A found file's name in the corpus is the member's path. Folders, hidden files and what macOS adds are passed over.

    Raises:
        ReadingError: for the archive as a whole, of which nothing is kept then: ARCHIVE_UNSAFE_PATH (a member leads out
            of the archive, or is a link), ARCHIVE_TOO_LARGE, PARSE_FAILED (damaged).
        OSError: the folder can't be written to.
    """
    made: list[Path] = []
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [(_name(info), info) for info in opened.infolist() if not info.is_dir()]
            _check(file, members)
            budget = _Budget(file, archive.stat().st_size)
            found: list[Found | Problem] = []
            for number, (name, info) in enumerate(members):
                if any(part.startswith((".", "~$")) or part == "__MACOSX" for part in PurePosixPath(name).parts):
                    continue
                target = folder / f"{archive.name}-{number:05d}"
                made.append(target)
                problem = _inflate(opened, info, name, target, budget, max_bytes)
                found.append(problem or Found(target, name, root))
            return found
    except BaseException as error:
        for path in made:
            path.unlink(missing_ok=True)
        if isinstance(error, _BROKEN):
            raise ReadingError("PARSE_FAILED", f"{file}: can't be opened as a ZIP archive: {error}.") from error
        raise


class _Budget:
    """What an archive has inflated to so far."""

    def __init__(self, file: str, size_bytes: int) -> None:
        self._file = file
        self._size_bytes = size_bytes
        self._limit = min(MAX_INFLATED_BYTES, max(_SMALL_BYTES, MAX_RATIO * size_bytes))
        self._inflated = 0

    def spend(self, size_bytes: int) -> None:
        """Counts.

        Raises:
            ReadingError: ARCHIVE_TOO_LARGE.
        """
        self._inflated += size_bytes
        if self._inflated > self._limit:
            reason = f"its {self._size_bytes} bytes inflate to {self._inflated} and more, so nothing of it is kept"
            raise ReadingError("ARCHIVE_TOO_LARGE", f"{self._file}: {reason}; split it.")


def _check(file: str, members: list[tuple[str, zipfile.ZipInfo]]) -> None:
    if len(members) > MAX_MEMBERS:
        raise ReadingError(
            "ARCHIVE_TOO_LARGE", f"{file}: holds {len(members)} files, at most {MAX_MEMBERS} are taken; split it."
        )
    for name, info in members:
        is_link = stat.S_ISLNK(info.external_attr >> 16)
        if is_link or name.startswith("/") or ".." in name.split("/") or _DRIVE.match(name):
            what = "a link" if is_link else "a path that leads out of it"
            raise ReadingError(
                "ARCHIVE_UNSAFE_PATH",
                f"{file}: {name} is {what}, so nothing of the archive is taken; pack it anew with plain files.",
            )


def _name(info: zipfile.ZipInfo) -> str:
    """The member's path with ``/`` on every system. Names not marked as UTF-8 are so all the same, or GB18030."""
    name = info.filename
    if not info.flag_bits & _UTF8_FLAG:
        try:
            data = name.encode("cp437")  # as zipfile has decoded it
        except UnicodeEncodeError:
            data = b""
        for codec in ("utf-8", "gb18030") if data else ():
            try:
                name = data.decode(codec)
                break
            except UnicodeDecodeError:
                continue
    return shown_name(name.replace("\\", "/"))


def _inflate(
    opened: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, target: Path, budget: _Budget, max_bytes: int
) -> Problem | None:
    """The member's content in ``target``, or why not."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _ARCHIVES:
        message = f"{name}: an archive within an archive isn't opened; upload it by itself."
        return Problem(name, "ARCHIVE_NESTED", message)
    if suffix not in FORMATS:
        known = ", ".join(sorted(FORMATS))
        return Problem(name, "UNSUPPORTED_FORMAT", f"{name}: files of this kind can't be read; known are {known}.")
    if info.flag_bits & _ENCRYPTED_FLAG:
        return Problem(name, "PARSE_FAILED", f"{name}: needs a password; pack it without one.")
    size = 0
    with opened.open(info) as stream, target.open("wb") as out:
        while block := stream.read(_BLOCK_BYTES):
            budget.spend(len(block))
            size += len(block)
            if size <= max_bytes:
                out.write(block)
    if size > max_bytes:
        target.unlink()
        reason = f"larger than {max_bytes / (1 << 20):g} MiB; split it, or raise WENBAO_FILE_MB"
        return Problem(name, "FILE_TOO_LARGE", f"{name}: {reason}.")
    return None
