"""Tables of articles in Parquet files, one a row: for corpora that come from, or go to, a data pipeline.

A row's name stands in the column ``file``, ``path`` or ``name``, its content in ``text`` (a string) or in ``bytes`` or
``content`` (a whole file: its format is what the name's suffix says, txt where it says none). Other columns are left
alone. Needs the extra ``parquet``.
"""

from __future__ import annotations

import bisect
import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path, PurePosixPath
from typing import Any

from qa.reading.document import FORMATS, Found, Problem, ReadingError, shown_name

SUFFIX = ".parquet"
NAMES = ("file", "path", "name")
CONTENTS = ("text", "bytes", "content")
NAMES_AT_ONCE = 10_000


def rows(path: Path, name: str, root: str) -> Iterator[Found | Problem]:
    """Each row of the Parquet file that is called ``name``, as a file below ``root``; their contents aren't read."""
    try:
        with _opened(path, name) as table:
            column, _ = _columns(table, name)
            row = 0
            for batch in table.iter_batches(NAMES_AT_ONCE, columns=[column]):
                for value in batch.column(0):
                    file = _file(value)
                    if file:
                        yield Found(path, file, root, row)
                    else:
                        where = f"{name}: row {row + 1}"
                        yield Problem(where, "PARSE_FAILED", f"{where} has no name in the column {column!r}.")
                    row += 1
    except ReadingError as error:
        yield Problem(name, error.code, error.message)
    except (OSError, ValueError) as error:  # pyarrow's own are of these
        yield Problem(name, "PARSE_FAILED", f"{name}: can't be read as a Parquet file: {_first_line(error)}.")


def content(found: Found, row: int, max_bytes: int) -> bytes:
    """The bytes of the found row's article; of a string its UTF-8.

    Raises:
        ReadingError: FILE_TOO_LARGE; PARSE_FAILED for a row without content and for a damaged file; FILE_CHANGED when
            the row is another article's by now; EXTRA_MISSING.
    """
    try:
        table = _Table.at(found.path)
        starts = _starts(table)
        group = bisect.bisect_right(starts, row) - 1
        names, contents = _group(table, group)
        place = row - starts[group]
        value = contents[place].as_py()
        if _file(names[place]) != found.file:
            raise ReadingError("FILE_CHANGED", f"{found.file}: {found.path.name} was written anew; run again.")
    except FileNotFoundError as error:
        raise ReadingError("FILE_NOT_FOUND", f"{found.file}: {found.path.name} isn't there any more.") from error
    except (OSError, ValueError, IndexError) as error:
        reason = f"can't be read from {found.path.name}: {_first_line(error)}"
        raise ReadingError("PARSE_FAILED", f"{found.file}: {reason}.") from error
    if value is None:
        raise ReadingError("PARSE_FAILED", f"{found.file}: its row of {found.path.name} has no content.")
    data = value if isinstance(value, bytes) else value.encode("utf-8")
    if not isinstance(value, bytes) and found.file.lower().endswith((".html", ".htm")):
        data = codecs.BOM_UTF8 + data  # a page may still name the encoding that it once had
    if len(data) > max_bytes:
        reason = f"larger than {max_bytes / (1 << 20):g} MiB; split it, or raise WENBAO_FILE_MB"
        raise ReadingError("FILE_TOO_LARGE", f"{found.file}: {reason}.")
    return data


@dataclass(frozen=True, slots=True)
class _Table:
    """A file as it was written at some time."""

    path: Path
    written_ns: int
    size_bytes: int

    @classmethod
    def at(cls, path: Path) -> _Table:
        status = path.stat()
        return cls(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _starts(table: _Table) -> list[int]:
    """First rows of the groups by which the file is compressed, and the number of rows."""
    with _opened(table.path, table.path.name) as opened:
        sizes = [opened.metadata.row_group(number).num_rows for number in range(opened.num_row_groups)]
    return list(accumulate(sizes, initial=0))


@lru_cache(maxsize=1)
def _group(table: _Table, group: int) -> tuple[Any, Any]:
    """Names and contents of one group: rows are asked for in their order, so it is read once."""
    with _opened(table.path, table.path.name) as opened:
        names, contents = _columns(opened, table.path.name)
        found = opened.read_row_group(group, columns=[names, contents])
    return found.column(names), found.column(contents)


def _opened(path: Path, name: str) -> Any:
    try:
        from pyarrow import parquet  # noqa: PLC0415 (an extra, and 0.2 s)
    except ImportError as error:
        message = f"{name}: reading Parquet needs the extra parquet: pip install 'wenbao[parquet]'"
        raise ReadingError("EXTRA_MISSING", f"{message}.") from error
    return parquet.ParquetFile(path)


def _columns(table: Any, name: str) -> tuple[str, str]:
    """The columns of names and of contents."""
    from pyarrow import types  # noqa: PLC0415

    schema = table.schema_arrow
    kinds = {field.name: field.type for field in schema}
    texts = {key for key, kind in kinds.items() if _is_text(types, kind)}
    found = [next((key for key in wanted if key in texts), None) for wanted in (NAMES, CONTENTS)]
    if found[0] is None or found[1] is None:
        wanted = NAMES if found[0] is None else CONTENTS
        reason = f"no column of texts is called {', '.join(wanted[:-1])} or {wanted[-1]}"
        raise ReadingError("PARSE_FAILED", f"{name}: {reason}; rename one.")
    return found[0], found[1]


def _is_text(types: Any, kind: Any) -> bool:
    """Strings or bytes, in whatever way they are kept."""
    kind = kind.value_type if types.is_dictionary(kind) else kind
    kinds = ("string", "large_string", "string_view", "binary", "large_binary", "binary_view")
    return any(getattr(types, f"is_{name}", lambda _: False)(kind) for name in kinds)


def _file(scalar: Any) -> str:
    """The row's name in the corpus; empty where there is none, or none that is text."""
    try:
        value = scalar.as_py()
        text = value.decode("utf-8") if isinstance(value, bytes) else value or ""
    except UnicodeDecodeError:
        return ""
    name = shown_name(text.replace("\\", "/").strip("/ "))
    return name if not name or PurePosixPath(name).suffix.lower() in FORMATS else f"{name}.txt"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")
