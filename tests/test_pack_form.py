"""A pack's form, byte by byte: what is written, what is refused in which words, what the report of a merge says."""

from __future__ import annotations

import hashlib
import itertools
import json
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_corpora import TERMS, PairEmbedder, article, page
from test_pack import (
    MOST_CHARS,
    PAIRS,
    Change,
    Forged,
    Rows,
    export,
    line,
    made,
    manifest_of,
    more,
    nothing,
    raw_line,
    rebuilt,
    reordered,
    scaled,
    take_in,
    vectors,
    without,
)

import qa.sqlite
from qa.articles import Furniture
from qa.config import Settings
from qa.errors import InputError, StoreError, UsageError, WenbaoError
from qa.pack import MergeReport, Pack, form, merge, write_pack
from qa.reading import Document, Heading, Problem
from qa.splitting import STRUCTURE
from qa.store import Model, Store

PATH = Path("a.pack")
SHA = "0123456789abcdef" * 4


# Lines


TEXT = "标题\n\n“话”\u2028x"
DOCUMENT = Document("a/报.md", TEXT, "utf-8", "md", SHA, (Heading(0, 2, 1), Heading(4, 8, 9)), "a note")
LINE: dict[str, Any] = {
    "file": "a/报.md",
    "root": "根",
    "sha256": SHA,
    "encoding": "utf-8",
    "encoding_note": "a note",
    "format": "md",
    "headings": [[0, 2, 1], [4, 8, 9]],
    "text": TEXT,
    "articles": [{"a": 1}],
    "furniture": [],
}


def dumped(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def test_a_line_is_compact_json_in_utf8_and_gives_the_document_back() -> None:
    written = form.line(DOCUMENT, "根", {"articles": [{"a": 1}], "furniture": []})
    assert written == dumped(LINE)
    assert form.parse_line(written, len(DOCUMENT.text)) == (DOCUMENT, "根")
    plain = Document("x", "", "", "pdf", "")
    assert form.parse_line(form.line(plain, "", {"articles": [], "furniture": []}), 0) == (plain, "")


def fault(content: object, most_chars: int = MOST_CHARS) -> str:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(ValueError, match=r"\w") as caught:
        form.parse_line(data, most_chars)
    return str(caught.value)


FORMATS = "none of docx, html, md, pdf, txt"
HEADING = "a heading doesn't lie in its text"


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("text", None, "text is no text"),
        ("text", "x" * 9, "text has 9 characters, at most 8 are taken"),
        ("text", "a\ud800", "text holds half a character"),
        ("text", "\udfffa", "text holds half a character"),
        ("encoding", 1, "encoding is no text"),
        ("encoding", "x" * 65, "encoding has 65 characters, at most 64 are taken"),
        ("format", [], "format is no text"),
        ("format", "x" * 65, "format has 65 characters, at most 64 are taken"),
        ("format", "exe", f"the format 'exe' is {FORMATS}"),
        ("format", "报", f"the format '\\u62a5' is {FORMATS}"),
        ("format", "TXT", f"the format 'TXT' is {FORMATS}"),
        ("sha256", None, "sha256 is no text"),
        ("sha256", "0" * 65, "sha256 has 65 characters, at most 64 are taken"),
        ("sha256", "0" * 63, "sha256 is no hash"),
        ("sha256", "A" * 64, "sha256 is no hash"),
        ("encoding_note", 0, "encoding_note is no text"),
        ("encoding_note", "x" * 1025, "encoding_note has 1025 characters, at most 1024 are taken"),
        ("root", None, "root is no text"),
        ("root", "x" * 256, "root has 256 characters, at most 255 are taken"),
        ("root", "a\x7f", "root holds control characters"),
        ("root", "\x85", "root holds control characters"),
        ("file", None, "file is no text"),
        ("file", "x" * 1025, "file has 1025 characters, at most 1024 are taken"),
        ("file", "", "'' is no name of a file in a corpus"),
        ("file", "/a", "'/a' is no name of a file in a corpus"),
        ("file", "a/", "'a/' is no name of a file in a corpus"),
        ("file", "a//b", "'a//b' is no name of a file in a corpus"),
        ("file", ".", "'.' is no name of a file in a corpus"),
        ("file", "a/./b", "'a/./b' is no name of a file in a corpus"),
        ("file", "..", "'..' is no name of a file in a corpus"),
        ("file", "a\\b", "'a\\\\b' is no name of a file in a corpus"),
        ("file", "c:a", "'c:a' is no name of a file in a corpus"),
        ("file", "Z:", "'Z:' is no name of a file in a corpus"),
        ("file", "/" + "x" * 99, f"'/{'x' * 59}' is no name of a file in a corpus"),
        ("file", "报\t" + "x" * 99, f"'\\u62a5\\t{'x' * 58}' holds control characters"),
        ("headings", None, "headings are no list"),
        ("headings", {}, "headings are no list"),
        ("headings", [7], HEADING),
        ("headings", ["abc"], HEADING),
        ("headings", [[0, 1]], HEADING),
        ("headings", [[0, 1, 1, 1]], HEADING),
        ("headings", [[0, 1, 1.0]], HEADING),
        ("headings", [[0, 1, True]], HEADING),
        ("headings", [[-1, 1, 1]], HEADING),
        ("headings", [[2, 1, 1]], HEADING),
        ("headings", [[0, 9, 1]], HEADING),
        ("headings", [[0, 1, 0]], HEADING),
        ("headings", [[0, 1, 10]], HEADING),
        ("headings", [[0, 1, 1], [0, 9, 1]], HEADING),
    ],
)
def test_a_field_that_cannot_be_is_told(key: str, value: object, reason: str) -> None:
    assert fault(LINE | {"text": "8 Zeiche", key: value}, 8) == reason


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("encoding", "x" * 64),
        ("encoding", ""),
        ("sha256", ""),
        ("encoding_note", None),
        ("encoding_note", "x" * 1024),
        ("root", "x" * 255),
        ("root", "\xa0报"),
        ("file", "x" * 1024),
        ("file", "1:b"),
        ("file", "ab:c"),
        ("file", "..."),
        ("file", "a/..b/.c"),
        *[("format", name) for name in ("txt", "md", "html", "pdf", "docx")],
    ],
)
def test_a_field_at_its_border_is_taken(key: str, value: str | None) -> None:
    document, root = form.parse_line(dumped(LINE | {key: value}), MOST_CHARS)
    assert (root if key == "root" else getattr(document, key)) == value


def test_headings_at_their_borders_are_taken() -> None:
    rows = [[0, 0, 1], [8, 8, 9], [0, 8, 5]]
    document, _ = form.parse_line(dumped(LINE | {"text": "8 Zeiche", "headings": rows}), 8)
    assert document.headings == tuple(Heading(*row) for row in rows)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"[]", "a line is no object"),
        (b"null", "a line is no object"),
        (b'{"a": 1, "a": 1}', "a key stands twice"),
        (b'{"a": {"b": 1, "b": 2}}', "a key stands twice"),
        (b"NaN", "NaN is no JSON value"),
        (b"[Infinity]", "Infinity is no JSON value"),
        (b"-Infinity", "-Infinity is no JSON value"),
        (b"[" * 200_000, "nested too deep"),
        (b"{}", "text is no text"),
    ],
)
def test_what_is_no_strict_json_is_told(data: bytes, reason: str) -> None:
    assert fault(data) == reason


def test_strict_json_is_read_as_any_other() -> None:
    value = {"a": [1, 2.5, None, True, "报"], "b": {"a": {}}}
    assert form.read_json(json.dumps(value, ensure_ascii=False).encode()) == value
    with pytest.raises(UnicodeDecodeError):
        form.read_json(b'"\xff"')


# Manifest and errors


def test_a_manifest_is_sealed_with_the_hash_of_all_else() -> None:
    plain = '{\n "a": "报",\n "b": [\n  1\n ]\n}'
    seal = hashlib.sha256(plain.encode()).hexdigest()
    whole = f'{{\n "a": "报",\n "b": [\n  1\n ],\n "seal": "{seal}"\n}}'
    assert form.sealed({"b": [1], "a": "报"}) == whole.encode()


def test_a_refusal_says_that_nothing_was_taken_in() -> None:
    for error, code, message in (
        (form.refused(PATH, "it is so"), "PACK_INVALID", "a.pack: it is so; nothing of it was taken in."),
        (
            form.refused(PATH, "it is so", "PACK_VECTORS"),
            "PACK_VECTORS",
            "a.pack: it is so; nothing of it was taken in.",
        ),
        (
            form.damaged(PATH, "it is so"),
            "PACK_DAMAGED",
            "a.pack: it is so: it is damaged or only half there; copy it again; nothing of it was taken in.",
        ),
    ):
        assert type(error) is InputError
        assert (error.code, error.message, error.field) == (code, message, None)


# What is written


FILES = {"b/1.md": article(1), "a.md": article(2)}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("form"), FILES)


@pytest.fixture(scope="module")
def pack(data: Path) -> Path:
    return export(data, data.parent / "form.pack")


def members_of(pack: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_pack_is_a_plain_zip_whose_manifest_tells_all_of_it(data: Path, pack: Path) -> None:
    with zipfile.ZipFile(pack) as archive:
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert (entry.compress_type, entry.create_system, entry.external_attr) == (0, 3, 0o644 << 16)
    members = members_of(pack)
    assert list(members) == ["corpus.jsonl", "vectors.bin", "manifest.json"]
    manifest = json.loads(members.pop("manifest.json"))
    seal = manifest.pop("seal")
    with Store(data) as store:
        counts = store.counts()
        contents = sorted(store.contents("pairs-64"))
    count = len(contents)
    assert members["vectors.bin"] == b"".join(content + vector for content, vector in contents)
    assert manifest == {
        "format": "wenbao-pack",
        "version": 1,
        "wenbao": version("wenbao"),
        "structure": STRUCTURE,
        "model": {"fingerprint": "pairs-64", "name": "pairs", "dim": 64},
        "settings": {"top_k": Settings().top_k, "question_chars": Settings().question_chars,
                     "file_mb": Settings().file_mb},
        "counts": {**counts, "vectors": count},
        "members": {name: [len(data), hashlib.sha256(data).hexdigest()] for name, data in members.items()},
    }  # fmt: skip
    assert (
        seal == hashlib.sha256(json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1).encode()).hexdigest()
    )
    lines = [json.loads(row) for row in members["corpus.jsonl"].splitlines()]
    assert [(row["file"], row["root"], row["text"]) for row in lines] == [
        (name, "corpus", FILES[name]) for name in sorted(FILES)
    ]
    assert [[each["headline"] for each in row["articles"]] for row in lines] == [["第2号通讯"], ["第1号通讯"]]


def test_the_owners_words_go_along_where_there_are_any(data: Path, tmp_path: Path) -> None:
    words = tmp_path / "words"
    (words / "synonyms.txt").mkdir(parents=True)  # a folder is no file of words
    (words / "dictionary.txt").write_bytes("柳湾\r\n".encode())
    out = tmp_path / "a.pack"
    heard: list[tuple[str, int, int]] = []
    with Store(data) as store:
        given = Settings(data=data, dict=words)
        counts = write_pack(store, out, given, progress=lambda *told: heard.append(told))
        assert counts == {**store.counts(), "vectors": len(list(store.contents("pairs-64")))}
    assert heard == [("export", 1, 2), ("export", 2, 2)]
    assert members_of(out)["dictionary.txt"] == "柳湾\r\n".encode()
    heard.clear()
    opened = Pack.open(out, most_chars=MOST_CHARS, progress=lambda *told: heard.append(told))
    assert opened.owners("dictionary.txt") == "柳湾\r\n".encode()
    assert opened.owners("synonyms.txt") is None
    assert (opened.path, opened.model, opened.structure) == (out, Model("pairs-64", "pairs", 64), STRUCTURE)
    assert (opened.most_chars, opened.counts) == (MOST_CHARS, counts)
    assert opened.settings == {name: getattr(Settings(), name) for name in ("top_k", "question_chars", "file_mb")}
    sizes = {name: len(data) for name, data in members_of(out).items() if name != "manifest.json"}
    assert opened.members == sizes
    whole = sum(sizes.values())
    assert [(stage, most) for stage, _, most in heard] == [("verify", whole)] * len(sizes)
    # In the order of the manifest's names, each after the ones before.
    assert [told for _, told, _ in heard] == list(itertools.accumulate(sizes[name] for name in sorted(sizes)))


def test_an_export_to_a_wrong_place_is_told(data: Path, pack: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "a.pack"
    there = "{} is there already; name another file, or replace it with --overwrite."
    with Store(data) as store:
        for out, overwrite, code, message in (
            (pack, False, "OUTPUT_EXISTS", there.format(pack)),
            (tmp_path, False, "OUTPUT_EXISTS", there.format(tmp_path)),
            (tmp_path, True, "OUTPUT_EXISTS", there.format(tmp_path)),
            (nowhere, True, "OUTPUT_FOLDER", f"{nowhere.parent} is no folder to write a pack into."),
        ):
            with pytest.raises(UsageError) as caught:
                write_pack(store, out, Settings(data=data), overwrite=overwrite)
            assert (caught.value.code, caught.value.message, caught.value.field) == (code, message, None)
        assert list(tmp_path.iterdir()) == []
        again = tmp_path / "a.pack"
        again.write_bytes(b"something else")
        write_pack(store, again, Settings(data=data), overwrite=True)
        assert again.read_bytes() == pack.read_bytes()
        assert list(tmp_path.iterdir()) == [again]


def test_a_pack_of_no_model_has_no_vectors(tmp_path: Path) -> None:
    with Store(tmp_path / "data") as store, store.writer() as writer:
        writer.put(page("a", article(1)), "root")
    out = export(tmp_path / "data", tmp_path / "a.pack")
    opened = Pack.open(out, most_chars=MOST_CHARS)
    assert (opened.model, opened.counts["vectors"], opened.members["vectors.bin"]) == (None, 0, 0)
    assert len(opened.contents()) == 0
    ((document, root),) = opened.documents()
    assert (document.file, document.text, root) == ("a.md", article(1), "root")


def test_a_lines_articles_and_furniture_are_there_for_other_programs(tmp_path: Path) -> None:
    split = page("a", article(1))
    split = replace(split, page=replace(split.page, furniture=(Furniture(0, 1, "masthead"), Furniture(3, 9, "credit"))))
    with Store(tmp_path / "data") as store, store.writer() as writer:
        writer.put(split, "root")
    (row,) = members_of(export(tmp_path / "data", tmp_path / "a.pack"))["corpus.jsonl"].splitlines()
    found = json.loads(row)
    assert found["furniture"] == [
        {"start": 0, "end": 1, "kind": "masthead"},
        {"start": 3, "end": 9, "kind": "credit"},
    ]
    assert [each["headline"] for each in found["articles"]] == ["第1号通讯"]


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DELETE FROM passages WHERE ordinal = 0", " (0.md, 1.md, 2.md)"),
        ("UPDATE passages SET text = text || 'x'", ""),
    ],
)
def test_a_damaged_store_is_told_with_what_to_do_and_leaves_no_pack(tmp_path: Path, statement: str, named: str) -> None:
    with Store(tmp_path / "data") as store, store.writer() as writer:
        for number in range(4):
            writer.put(page(str(number), article(number)), "root")
    with closing(qa.sqlite.connect(tmp_path / "data" / "wenbao.db", "mode=rw")) as raw:
        raw.execute(statement)
    out = tmp_path / "a.pack"
    with Store(tmp_path / "data") as store, pytest.raises(StoreError) as caught:
        write_pack(store, out, Settings(data=tmp_path))
    told = f"{store.path} has damaged rows{named}; run `wenbao doctor --repair`, then export again."
    assert (caught.value.code, caught.value.message) == ("ROW_CORRUPT", told)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


# What is refused, in which words


def refusal(pack: Path, most_chars: int = MOST_CHARS) -> tuple[str, str, str | None]:
    with pytest.raises(WenbaoError) as caught:
        Pack.open(pack, most_chars=most_chars)
    return caught.value.code, caught.value.message, caught.value.field


def invalid(pack: Path, reason: str) -> tuple[str, str, None]:
    return "PACK_INVALID", f"{pack}: {reason}; nothing of it was taken in.", None


def damaged(pack: Path, reason: str) -> tuple[str, str, None]:
    told = f"{pack}: {reason}: it is damaged or only half there; copy it again; nothing of it was taken in."
    return "PACK_DAMAGED", told, None


def counted(key: str, value: object) -> Change:
    def change(forged: Forged) -> None:
        forged.manifest["counts"][key] = value

    return change


def modelled(**changes: object) -> Change:
    return manifest_of("model", {**PAIRS, "dim": 64, **changes})


def doubled(rows: Rows) -> Rows:
    rows["content"][1] = rows["content"][0]
    return rows


NO_MANIFEST = "its manifest doesn't describe a pack ({})"
MISSING = NO_MANIFEST.format("a corpus, vectors, or a model's dimensions are missing")
NO_UNIT, NO_ORDER = "vectors.bin holds what are no unit vectors", "vectors.bin isn't in order"
NAMES = "corpus.jsonl isn't {} files in the order of their names"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (more("x/../报"), "it holds 'x/../\\u62a5', which no pack of wenbao has"),
        (more("x" * 61), f"it holds '{'x' * 60}', which no pack of wenbao has"),
        (manifest_of("format", "other"), "it is no pack of wenbao: its manifest is another program's"),
        (manifest_of("version", 0), NO_MANIFEST.format("its version is none")),
        (manifest_of("version", "1"), NO_MANIFEST.format("its version is none")),
        (manifest_of("structure", None), NO_MANIFEST.format("a name is none")),
        (manifest_of("structure", "x" * 1025), NO_MANIFEST.format("a name is none")),
        (manifest_of("settings", {"top_k": 1.5}), NO_MANIFEST.format("1.5 is no whole number")),
        (manifest_of("settings", {"top_k": "x" * 50}), NO_MANIFEST.format(f"'{'x' * 39} is no whole number")),
        (counted("vectors", -1), NO_MANIFEST.format("-1 is no whole number")),
        (counted("vectors", True), NO_MANIFEST.format("True is no whole number")),
        (manifest_of("counts", {"vectors": 1}), NO_MANIFEST.format("'files'")),
        (manifest_of("counts", {"files": 1}), NO_MANIFEST.format("'vectors'")),
        (modelled(name=7), NO_MANIFEST.format("a name is none")),
        (modelled(fingerprint=None), NO_MANIFEST.format("a name is none")),
        (modelled(dim=0), MISSING),
        (modelled(dim=(1 << 16) + 1), MISSING),
        (without("corpus.jsonl"), MISSING),
        (without("vectors.bin"), MISSING),
        (modelled(dim=63), "vectors.bin isn't 6 vectors of 63 dimensions"),
        (modelled(dim=1 << 16), "vectors.bin isn't 6 vectors of 65536 dimensions"),
        (manifest_of("model", None), "vectors.bin isn't 6 vectors of 0 dimensions"),
        (counted("vectors", 5), "vectors.bin isn't 5 vectors of 64 dimensions"),
        (counted("files", 1), NAMES.format(1)),
        (counted("files", 3), NAMES.format(3)),
        (reordered, NAMES.format(2)),
        (vectors(scaled(1.002)), NO_UNIT),
        (vectors(scaled(0.998)), NO_UNIT),
        (vectors(lambda rows: rows[::-1].copy()), NO_ORDER),
        (vectors(doubled), NO_ORDER),
        (line("format", "exe"), "line 1 of corpus.jsonl: the format 'exe' is none of docx, html, md, pdf, txt"),
        (raw_line(b""), NAMES.format(2)),
        (raw_line(b'{"a": 1, "a": 2}\n'), "line 1 of corpus.jsonl: a key stands twice"),
    ],
)
def test_a_pack_that_is_not_right_is_told_what_isnt(pack: Path, tmp_path: Path, change: Change, reason: str) -> None:
    forged = rebuilt(pack, tmp_path / "forged.pack", change)
    assert refusal(forged) == invalid(forged, reason)


def test_what_a_pack_may_be_is_taken(pack: Path, tmp_path: Path) -> None:
    for number, change in enumerate(
        (
            nothing,
            vectors(scaled(1.0009)),
            vectors(scaled(0.9991)),
            manifest_of("structure", "x" * 1024),
            modelled(name="", fingerprint="y"),
            manifest_of("settings", {}),
            manifest_of("more", 1),
            more("synonyms.txt"),
        )
    ):
        assert len(Pack.open(rebuilt(pack, tmp_path / f"{number}.pack", change), most_chars=MOST_CHARS).contents()) == 6


def test_a_newer_pack_asks_for_an_update(pack: Path, tmp_path: Path) -> None:
    newer = rebuilt(pack, tmp_path / "newer.pack", manifest_of("version", 2))
    told = "it has version 2, this wenbao (1) is older than the one that wrote it; update wenbao"
    assert refusal(newer) == ("PACK_TOO_NEW", f"{newer}: {told}; nothing of it was taken in.", None)


def test_a_text_longer_than_the_owner_allows_is_refused(pack: Path) -> None:
    longest = max(map(len, FILES.values()))
    first = len(FILES["a.md"])
    assert Pack.open(pack, most_chars=longest).most_chars == longest
    reason = f"line 1 of corpus.jsonl: text has {first} characters, at most {first - 1} are taken"
    assert refusal(pack, first - 1) == invalid(pack, reason)


def rezipped(pack: Path, out: Path, change: Callable[[dict[str, bytes]], None], compression: int = 0) -> Path:
    """The members changed, the manifest as it was."""
    members = members_of(pack)
    change(members)
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out


def test_what_is_not_as_it_was_written_is_damaged(pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.pack"

    def other_bytes(members: dict[str, bytes]) -> None:
        members["vectors.bin"] = bytes(len(members["vectors.bin"]))

    def other_size(members: dict[str, bytes]) -> None:
        members["vectors.bin"] += b"x"

    def one_more(members: dict[str, bytes]) -> None:
        members["synonyms.txt"] = b""

    def blank(members: dict[str, bytes]) -> None:
        members["manifest.json"] += b"\n"

    def cut(members: dict[str, bytes]) -> None:
        members["manifest.json"] = b'{"a"'

    sizes = "members or their sizes aren't those of its manifest"
    for change, reason in (
        (other_bytes, "vectors.bin isn't what the manifest says"),
        (other_size, sizes),
        (one_more, sizes),
        (blank, "its manifest was changed"),
    ):
        assert refusal(rezipped(pack, out, change)) == damaged(out, reason)
    code, message, _ = refusal(rezipped(pack, out, cut))
    assert (code, message.startswith(f"{out}: its manifest is no JSON (")) == ("PACK_DAMAGED", True)
    out.write_bytes(pack.read_bytes()[:100])
    assert refusal(out) == damaged(out, "File is not a zip file")


def unmanifested(members: dict[str, bytes]) -> None:
    del members["manifest.json"]


def test_what_is_another_file_is_no_pack(pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.pack"
    out.write_bytes(b"PK\x03")
    assert refusal(out) == invalid(out, "it is no pack of wenbao")
    assert refusal(tmp_path) == invalid(tmp_path, "it can't be read (Is a directory)")
    nowhere = tmp_path / "nowhere"
    assert refusal(nowhere) == ("PATH_NOT_FOUND", f"{nowhere}: there is no such pack.", "packs")
    for manifest in (b"[]", b"{}", b"null"):
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("manifest.json", manifest)
        assert refusal(out) == invalid(out, "it is no pack of wenbao: its manifest is another program's")
    assert refusal(rezipped(pack, out, unmanifested)) == invalid(out, "it is no pack of wenbao: there is no manifest")
    packed = rezipped(pack, out, lambda _: None, zipfile.ZIP_DEFLATED)
    assert refusal(packed) == invalid(out, "corpus.jsonl is compressed or encrypted, which packs of wenbao aren't")
    large = (1 << 20) + 1

    def long(members: dict[str, bytes]) -> None:
        members["manifest.json"] = b"x" * large

    told = f"its manifest has {large} bytes, at most {large - 1} are read"
    assert refusal(rezipped(pack, out, long)) == invalid(out, told)


# Merging


def test_a_merge_reports_what_it_did_file_by_file(pack: Path, tmp_path: Path) -> None:
    into = made(tmp_path, {"a.md": FILES["a.md"], "b/1.md": article(77)})
    kept = Problem(
        "b/1.md",
        "PACK_NAME_TAKEN",
        "b/1.md: the corpus has a file of this name with other content; keep it, or replace it with --replace.",
    )
    heard: list[tuple[str, int, int]] = []

    def progress(stage: str, done: int, whole: int) -> None:
        if stage == "import":
            heard.append((stage, done, whole))

    expected = MergeReport((), (), ("a.md",), (kept,), 6, 0, 0)
    assert take_in(into, pack, dry_run=True, progress=progress) == expected
    assert heard == []
    assert take_in(into, pack, progress=progress) == expected
    assert heard == [("import", 1, 2), ("import", 2, 2)]
    dry = MergeReport((), ("b/1.md",), ("a.md",), (), 6, 0, 0)
    assert take_in(into, pack, dry_run=True, replace=True) == dry
    changed = take_in(into, pack, replace=True)
    assert (changed.changed, changed.unchanged, changed.problems) == (("b/1.md",), ("a.md",), ())
    assert (changed.passages, changed.embedded) == (6, 0)


def test_of_two_packs_a_file_is_told_once_and_a_contradiction_for_the_second(pack: Path, tmp_path: Path) -> None:
    other = export(made(tmp_path / "other", {"a.md": FILES["a.md"], "b/1.md": article(77)}), tmp_path / "other.pack")
    kept = Problem(
        "b/1.md",
        "PACK_NAME_TAKEN",
        "b/1.md: an earlier pack has a file of this name with other content; the first is kept.",
    )
    for replaces in (False, True):
        report = take_in(tmp_path / f"data{replaces}", pack, other, replace=replaces)
        assert report == MergeReport(("a.md", "b/1.md"), (), (), (kept,), 6, 6, 0)
    again = take_in(tmp_path / "dataTrue", pack, other)
    assert again == MergeReport((), (), ("a.md", "b/1.md"), (kept,), 6, 0, 0)


def test_what_the_pack_has_no_vector_of_is_made_here(pack: Path, tmp_path: Path) -> None:
    def half(rows: Rows) -> Rows:
        return np.concatenate([rows[:2], rows[4:5]])

    def change(forged: Forged) -> None:
        vectors(half)(forged)
        forged.manifest["counts"]["vectors"] = 3

    fewer = rebuilt(pack, tmp_path / "fewer.pack", change)
    report = take_in(tmp_path / "data", fewer)
    assert (report.reused, report.embedded, report.passages) == (3, 3, 6)
    both = take_in(tmp_path / "both", fewer, pack)  # what one lacks the other lends
    assert (both.reused, both.embedded) == (6, 0)


def test_vectors_of_another_model_are_refused_before_anything_is_changed(pack: Path, tmp_path: Path) -> None:
    def mirrored(rows: Rows) -> Rows:
        rows["vector"] = rows["vector"][:, ::-1]
        return rows

    forged = rebuilt(pack, tmp_path / "forged.pack", vectors(mirrored))
    with Store(tmp_path / "data") as store, pytest.raises(InputError) as caught:
        merge(store, [Pack.open(forged, most_chars=MOST_CHARS)], PairEmbedder(), TERMS)
    told = "its vectors aren't those that the model 'pairs' gives, as its manifest says"
    assert (caught.value.code, caught.value.message) == (
        "PACK_VECTORS",
        f"{forged}: {told}; nothing of it was taken in.",
    )
    with Store(tmp_path / "data") as store:
        assert store.files() == {}
    # Of another model than ours they are not looked at: all are made here.
    other = take_in(tmp_path / "others", forged, embedder=PairEmbedder("pairs", 32))
    assert (other.reused, other.embedded) == (0, 6)


def test_vectors_lie_where_their_row_is_asked_for(pack: Path) -> None:
    opened = Pack.open(pack, most_chars=MOST_CHARS)
    rows = np.frombuffer(members_of(pack)["vectors.bin"], [("content", "V32"), ("vector", "<f4", (64,))])
    found = np.zeros((4, 64), np.float32)
    opened.vectors({5: 0, 0: 3, 2: 1}, found)
    assert np.array_equal(found[[0, 3, 1]], rows["vector"][[5, 0, 2]])
    assert not found[2].any()
    assert [content.tobytes() for content in opened.contents()] == [content.tobytes() for content in rows["content"]]


def asked_of(folder: Path, files: dict[str, str]) -> list[str]:
    """What the model is asked before a pack of these files is taken in."""
    pack = export(made(folder, files), folder / "a.pack")
    embedder = PairEmbedder()
    report = take_in(folder / "other", pack, embedder=embedder, dry_run=True)
    assert len(report.added) == len(files)
    return embedder.asked


def test_the_sample_is_spread_over_the_files(tmp_path: Path) -> None:
    names = [f"{number:02}.md" for number in range(41)]
    asked = asked_of(tmp_path, {name: f"# 标题\n\n第{name[:2]}号记录已经登记在册。" for name in names})
    # Of 41 files every second: at least sixteen, from the first to the last.
    assert [text[text.index("第") + 1 :][:2] for text in asked] == [name[:2] for name in names[::2]]


def test_the_sample_is_of_four_passages_a_file_and_thirty_two_in_all(tmp_path: Path) -> None:
    few = asked_of(tmp_path / "few", {f"{number}.md": article(number, sections=1 + number) for number in range(2)})
    assert len(few) == len(set(few)) > 4  # all that the files have
    many = asked_of(tmp_path / "many", {f"{number}.md": article(number, sections=6) for number in range(9)})
    titles = [text[: text.index("号通讯")] for text in many]
    assert titles == [f"第{number}" for number in range(8) for _ in range(4)]
    odd = asked_of(tmp_path / "odd", {f"{number:02}.md": article(number, sections=2) for number in range(12)})
    assert len(odd) == 32  # the eleventh file has three, of which two were left
