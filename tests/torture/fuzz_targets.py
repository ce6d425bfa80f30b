"""What is fed with arbitrary bytes, and real examples to begin from.

A target takes bytes and returns, or raises one of the program's own errors; anything else is a crash.
"""

from __future__ import annotations

import atexit
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

import openpyxl
from small_corpora import TERMS, PairEmbedder, article, write

from embeddings.errors import EmbeddingsError
from embeddings.model_folder import read_modules, scan
from qa import generations
from qa.batch import Options, Questions
from qa.config import PARSERS, Settings
from qa.errors import WenbaoError
from qa.indexing import index
from qa.pack import Pack
from qa.pack.form import parse_line
from qa.reading import Document, parse
from qa.splitting import split_document
from qa.store import Store

OURS = (WenbaoError, EmbeddingsError)
TESTS = Path(__file__).parents[1]
ROWS = 10_000
"""Of a table that are read; a fuzzer's are fewer."""


@cache
def scratch() -> Path:
    """A folder for files of the process, in memory where the system has such a place; gone when the process ends."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="wenbao-fuzz-", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def check_offsets(document: Document) -> None:
    """The articles of a document: each piece of a passage lies in its text, and all of a section's in order."""
    page = split_document(document)
    for passages in page.passages:
        assert all(left.end <= right.start for left, right in pairwise(passages))
        for passage in passages:
            places = [place for piece in passage.pieces for place in (piece.start, piece.end)]
            assert places == sorted(places)
            assert 0 <= passage.start <= places[0]
            assert places[-1] <= passage.end <= len(document.text)


def decoder(data: bytes) -> None:
    """A text file of unknown encoding: what it was decoded to holds no half characters."""
    document = parse("f.txt", data)
    document.text.encode("utf-8")


def splitter(data: bytes) -> None:
    """Any text, as a page."""
    suffix = "md" if data[:1] < b"\x80" else "txt"
    check_offsets(parse(f"f.{suffix}", data[1:].decode("utf-8", "ignore").replace("\0", "").encode() or b"x"))


def html(data: bytes) -> None:
    """Any bytes, as a web page."""
    check_offsets(parse("f.html", data))


def read_questions(name: str, data: bytes, options: Options | None = None) -> None:
    path = scratch() / name
    path.write_bytes(data)
    questions = Questions.open(path, options, strict=False)
    questions.preview()
    for number, row in enumerate(questions):
        assert row.line >= 1
        if number >= ROWS:
            break


def csv(data: bytes) -> None:
    """Any bytes, as a table of questions."""
    read_questions("q.csv", data)


def jsonl(data: bytes) -> None:
    """Any bytes, as JSON Lines."""
    read_questions("q.jsonl", data)


PARTS = ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml", "xl/styles.xml", "[Content_Types].xml")


def xlsx(data: bytes) -> None:
    """Any bytes as a workbook, or, by the first byte, as one part of a sound one: checksums stop most others."""
    choice = data[0] if data else 255
    if choice < len(PARTS):
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(workbook())) as sound, zipfile.ZipFile(out, "w") as made:
            for name in sound.namelist():
                made.writestr(name, data[1:] if name == PARTS[choice] else sound.read(name))
        read_questions("q.xlsx", out.getvalue())
    else:
        read_questions("q.xlsx", data[1:])


def config(data: bytes) -> None:
    """Lines of NAME=value, as the environment."""
    lines = data.decode("utf-8", "surrogateescape").replace("\0", "").splitlines()
    Settings.read({name: value for name, _, value in (line.partition("=") for line in lines)})


def manifest(data: bytes) -> None:
    """By the first byte: a generation's manifest, a pack's, a line of a pack's corpus, a model folder's list."""
    choice, text = (data[0] % 4 if data else 0), data[1:]
    if choice == 0:
        folder, sound = generation()
        (folder / "manifest.json").write_bytes(text)
        with Store(folder.parents[1], read_only=True) as store:
            found = generations.findings(store, PairEmbedder(dim=4), TERMS)
        assert (found == []) is (text == sound)
    elif choice == 1:
        path = scratch() / "pack"
        with zipfile.ZipFile(path, "w") as made:
            for name in ("corpus.jsonl", "vectors.bin"):
                made.writestr(name, b"")
            made.writestr("manifest.json", text)
        Pack.open(path, most_chars=1_000_000)
    elif choice == 2:
        try:
            document, _ = parse_line(text, 1_000_000)
        except ValueError:  # which `Pack` tells as its own error
            return
        check_offsets(document)
    else:
        folder = scratch() / "model"
        folder.mkdir(exist_ok=True)
        (folder / "modules.json").write_bytes(text)
        scan(folder)
        read_modules(folder)


@cache
def generation() -> tuple[Path, bytes]:
    """A generation on the disk, and its manifest."""
    corpus = write(scratch() / "corpus", {"1.md": article(1)})
    with Store(scratch() / "data") as store:
        index(store, [corpus], PairEmbedder(dim=4), TERMS)
    [folder] = (scratch() / "data" / "indexes").iterdir()
    return folder, (folder / "manifest.json").read_bytes()


@cache
def workbook() -> bytes:
    """A small sound workbook as another library writes it."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["编号", "问题", "日期", "数"], [1, "谁捐了口罩？", "2020-03-08", 1.5], [2, "=1+1", None, True]):
        sheet.append(row)
    sheet.merge_cells("A3:B3")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def workbook_parts() -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(workbook())) as archive:
        names = archive.namelist()
        return [bytes([number]) + archive.read(name) for number, name in enumerate(PARTS) if name in names]


TEXTS = [path.read_bytes() for path in sorted((TESTS / "articles").glob("*.txt"))[:12]]
TABLE = '编号,问题,备注\n1,谁捐了口罩？,无\n2,"何时？\n何地？",""""\n,,\n'
LINES = '{"id": 1, "question": "谁捐了口罩？", "history": ["何时？"], "filters": {"files": ["a"]}}\n{"question": "a"}\n'
PAGE = (
    "<!doctype html><meta charset=gbk><title>报</title><h1>标题</h1><p>一段<b>话</b>。</p><table><tr><td>甲<td>乙"
    "</table><pre> x\n y</pre><!-- c --><script>1</script><ul><li>一<li>二</ul>"
)
EXAMPLES: Mapping[str, list[bytes]] = {
    "decoder": [*TEXTS, *(TEXTS[0].decode()[:300].encode(codec, "ignore") for codec in ("gb18030", "big5", "utf-16"))],
    "splitter": [b"\0" + text[:3000] for text in TEXTS],
    "html": [PAGE.encode("gbk"), PAGE.encode(), f"<html><body>{PAGE * 3}".encode("utf-16")],
    "csv": [TABLE.encode(codec) for codec in ("utf-8", "gb18030", "utf-16", "utf-8-sig")]
    + [b"sep=;\na;b\n", b"q\n1", b"\xff" * 12 + b"+\nsep=;\n\x95;\xff"],
    "jsonl": [LINES.encode(), b'[{"question": "a"}]', b'{"question": "\\ud83d", "x": [[[1e999]]]}\n'],
    "xlsx": [b"\xff" + workbook(), *workbook_parts()],
    "config": [f"WENBAO_{name.upper()}=1".encode() for name in PARSERS]
    + [b"WENBAO_LLM_URL=http://[::1]:80/v1\nWENBAO_LLM_MODEL=m", b"WENBAO_TRUSTED_PROXIES=10.0.0.0/8,::1"],
    "manifest": [
        b"\0" + generation()[1],
        b'\1{"format": "wenbao-pack", "version": 1, "members": {}, "counts": {}, "model": null}',
        b"\2" + json.dumps({"file": "a.md", "root": "r", "text": "# a\n\nb", "encoding": "utf-8", "format": "md",
                            "sha256": "", "headings": [[0, 3, 1]], "encoding_note": None}).encode(),
        b'\3[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"}]',
    ],
}  # fmt: skip
TARGETS: Mapping[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (decoder, splitter, html, csv, jsonl, xlsx, config, manifest)
}


def once(name: str, data: bytes) -> bool:
    """One run of a target; whether the bytes were taken rather than refused."""
    try:
        TARGETS[name](data)
    except OURS:
        return False
    return True
