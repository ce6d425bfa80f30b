"""Articles as rows of Parquet tables: as pyarrow writes them, and as the files they stand for would be read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from small_corpora import TERMS, PairEmbedder, article, content, write

from qa.errors import UsageError
from qa.indexing import index
from qa.reading import Document, Found, Problem, ReadingError, read, walk
from qa.store import Store

pa = pytest.importorskip("pyarrow", reason="needs the extra parquet: `make ray`")
pq: Any = pytest.importorskip("pyarrow.parquet")

SEEDS = Path(__file__).parents[1] / "seeds"


def table(path: Path, columns: Mapping[str, Sequence[object]], **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(dict(columns)), path, **options)
    return path


def found_in(*paths: Path) -> list[Document | tuple[str, str]]:
    """Each row's document, or the file and code of what is wrong with it."""
    results: list[Document | tuple[str, str]] = []
    for item in walk(paths):
        if isinstance(item, Problem):
            results.append((item.file, item.code))
            continue
        try:
            results.append(read(item))
        except ReadingError as error:
            results.append((item.file, error.code))
    return results


def test_rows_are_read_as_the_files_they_were(tmp_path: Path) -> None:
    files = [item for item in walk([SEEDS]) if isinstance(item, Found)]
    data = [item.path.read_bytes() for item in files]
    path = table(tmp_path / "a.parquet", {"path": [item.file for item in files], "bytes": data}, row_group_size=2)
    assert found_in(path) == [read(item) for item in files]


def test_texts_are_read_as_utf8_and_a_name_without_a_kind_is_of_plain_text(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"name": ["甲", "/b\\乙.md"], "text": ["圖書館開放。", "# 標題\n\n正文。"]})
    documents = [item for item in found_in(path) if isinstance(item, Document)]
    assert [(item.file, item.format, item.text) for item in documents] == [
        ("甲.txt", "txt", "圖書館開放。"),
        ("b/乙.md", "md", "# 標題\n\n正文。"),
    ]


def test_the_row_group_that_holds_a_row_is_found(tmp_path: Path) -> None:
    """In any order, with groups of one, three and seven rows."""
    texts = [f"第{number}篇。" for number in range(20)]
    for size in (1, 3, 7):
        path = table(tmp_path / f"{size}.parquet", {"file": texts, "text": texts}, row_group_size=size)
        rows = [item for item in walk([path]) if isinstance(item, Found)]
        for item in (*rows[::-1], *rows[::2]):
            assert read(item).text == item.file.removesuffix(".txt")


def test_a_folder_of_tables_is_one_table_and_other_folders_pass_them_over(tmp_path: Path) -> None:
    folder = tmp_path / "all.parquet"
    table(folder / "part-1.parquet", {"file": ["b.txt"], "text": ["乙。"]})
    table(folder / "part-0.parquet", {"file": ["a.txt"], "text": ["甲。"]})
    table(folder / "year=2020" / "part.parquet", {"file": ["c.txt"], "text": ["丙。"]})
    (folder / "_SUCCESS").touch()
    items = list(walk([folder]))
    assert [(item.file, item.root) for item in items if isinstance(item, Found)] == [
        ("a.txt", "all.parquet"),
        ("b.txt", "all.parquet"),
        ("c.txt", "all.parquet"),
    ]
    other = write(tmp_path / "other", {"x.txt": "x"})
    table(other / "a.parquet", {"file": ["a"], "text": ["甲。"]})
    assert [item.file for item in walk([other])] == ["x.txt"]


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"id": ["a"], "text": ["x"]}, "PARSE_FAILED"),
        ({"file": ["a"], "body": ["x"]}, "PARSE_FAILED"),
        ({"file": [1], "text": ["x"]}, "PARSE_FAILED"),
        ({"file": ["a"], "text": [1]}, "PARSE_FAILED"),
    ],
)
def test_a_table_without_names_or_contents_is_told(
    tmp_path: Path, columns: dict[str, Sequence[object]], code: str
) -> None:
    path = table(tmp_path / "a.parquet", columns)
    assert found_in(path) == [("a.parquet", code)]


def test_rows_that_cant_be_used_leave_the_others(tmp_path: Path) -> None:
    columns: dict[str, Sequence[object]] = {
        "file": ["a", None, "c", "a", "e.docx", "f.txt", " / "],
        "bytes": [b"\xe7\x94\xb2", b"x", None, b"y", b"no docx", b"\x7fELF\0\1\2" + bytes(range(256)) * 20, b"z"],
    }
    path = table(tmp_path / "a.parquet", columns)
    results = found_in(path)
    assert [item.text for item in results if isinstance(item, Document)] == ["甲"]
    assert [item for item in results if not isinstance(item, Document)] == [
        ("a.parquet: row 2", "PARSE_FAILED"),
        ("c.txt", "PARSE_FAILED"),
        ("a.txt", "NAME_TAKEN"),
        ("e.docx", "PARSE_FAILED"),
        ("f.txt", "NOT_TEXT"),
        ("a.parquet: row 7", "PARSE_FAILED"),
    ]


def test_names_and_texts_in_other_forms_are_read(tmp_path: Path) -> None:
    """A category of pandas', a page that names an encoding it no longer has; a bad name costs its row alone."""
    names = pa.array(["a.html", "b.txt"]).dictionary_encode()
    page = '<html><meta charset="gbk"><body><p>圖書館開放。</p></body></html>'
    path = table(tmp_path / "a.parquet", {"file": names, "text": [page, "乙。"]})
    assert [item.text for item in found_in(path) if isinstance(item, Document)] == ["圖書館開放。", "乙。"]
    path = table(tmp_path / "b.parquet", {"file": [b"a", b"\xff\xfe", b"c"], "text": ["甲。", "乙。", "丙。"]})
    assert [item if isinstance(item, tuple) else item.file for item in found_in(path)] == [
        "a.txt",
        ("b.parquet: row 2", "PARSE_FAILED"),
        "c.txt",
    ]


def test_a_folder_and_one_of_its_tables_are_met_once(tmp_path: Path) -> None:
    folder = tmp_path / "all.parquet"
    one = table(folder / "one.parquet", {"file": ["a"], "text": ["甲。"]})
    assert [item.file for item in walk([folder, one])] == ["a.txt"]


def test_an_article_larger_than_allowed_is_told(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"file": ["a", "b"], "text": ["x" * 101, "甲" * 33]})
    first, second = (item for item in walk([path]) if isinstance(item, Found))
    with pytest.raises(ReadingError, match="WENBAO_FILE_MB") as error:
        read(first, max_bytes=100)
    assert error.value.code == "FILE_TOO_LARGE"
    assert read(second, max_bytes=100).text == "甲" * 33


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "middle"])
def test_a_damaged_table_is_told_and_gives_nothing_else(tmp_path: Path, damage: str) -> None:
    path = table(tmp_path / "a.parquet", {"file": [f"{n}.txt" for n in range(99)], "text": ["x" * 99] * 99})
    data = path.read_bytes()
    damaged = {"empty": b"", "cut": data[:-9], "text": b"just text\n", "middle": data[:4] + b"\xff" * 400 + data[404:]}
    path.write_bytes(damaged[damage])
    results = found_in(path)
    assert {item[1] for item in results if not isinstance(item, Document)} == {"PARSE_FAILED"}


def test_a_table_that_is_written_anew_meanwhile_gives_no_article_under_anothers_name(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"file": ["a", "b"], "text": ["甲", "乙"]})
    rows = [item for item in walk([path]) if isinstance(item, Found)]
    assert read(rows[0]).text == "甲"
    table(path, {"file": ["b", "a", "c"], "text": ["乙", "甲", "丙"]})
    os.utime(path, ns=(1, 1))
    with pytest.raises(ReadingError) as error:
        read(rows[0])
    assert error.value.code == "FILE_CHANGED"
    path.unlink()
    with pytest.raises(ReadingError) as error:
        read(rows[1])
    assert error.value.code == "FILE_NOT_FOUND"


def test_a_table_is_kept_up_to_date_like_a_folder(tmp_path: Path) -> None:
    files = {f"{number}.md": article(number) for number in range(4)}
    path = table(tmp_path / "a.parquet", {"file": list(files), "text": list(files.values())})
    with Store(tmp_path / "data") as store, Store(tmp_path / "plain") as plain:
        report = index(store, [path], PairEmbedder(), TERMS)
        index(plain, [write(tmp_path / "a", files)], PairEmbedder(), TERMS)
        assert (report.added, report.problems) == (tuple(files), ())
        assert content(store) == content(plain)
        assert {file.root for file in store.files().values()} == {"a.parquet"}
        files["1.md"] = article(1, version=2)
        del files["3.md"]
        table(path, {"file": list(files), "text": list(files.values())})
        report = index(store, [path], PairEmbedder(), TERMS, prune=True)
        assert (report.changed, report.removed, report.unchanged) == (("1.md",), ("3.md",), ("0.md", "2.md"))
        table(path, {"file": ["0.md", None], "text": ["x", "y"]})
        for _ in range(2):
            with pytest.raises(UsageError) as error:
                index(store, [path], PairEmbedder(), TERMS, prune=True)
            assert error.value.code == "PRUNE_REFUSED"
            path.write_bytes(b"")
        assert set(store.files()) == {"0.md", "1.md", "2.md"}
