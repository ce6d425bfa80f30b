"""Packs: what goes in comes out, on any machine; what is damaged or hostile changes nothing."""

from __future__ import annotations

import hashlib
import io
import json
import random
import signal
import struct
import subprocess
import sys
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_corpora import TERMS, PairEmbedder, answers, article, content, page, sentence, write
from test_migrations import ENVIRON

import qa.sqlite
from qa.cli import run
from qa.config import Settings
from qa.errors import InputError, StoreError, WenbaoError
from qa.generations import open_indexes
from qa.indexing import check, index
from qa.pack import MergeReport, Pack, form, merge, write_pack
from qa.store import Store

MOST_CHARS = 1 << 20


def made(folder: Path, files: dict[str, str], embedder: PairEmbedder | None = None) -> Path:
    """A data folder with these articles."""
    write(folder / "corpus", files)
    with Store(folder / "data") as store:
        index(store, [folder / "corpus"], embedder or PairEmbedder(), TERMS)
    return folder / "data"


def export(data: Path, out: Path, **given: Any) -> Path:
    with Store(data) as store:
        write_pack(store, out, Settings(data=data), **given)
    return out


def take_in(data: Path, *packs: Path, embedder: PairEmbedder | None = None, **given: Any) -> MergeReport:
    with Store(data) as store:
        opened = [Pack.open(pack, most_chars=MOST_CHARS) for pack in packs]
        return merge(store, opened, embedder or PairEmbedder(), TERMS, **given)


def everything(data: Path) -> dict[str, object]:
    with Store(data) as store:
        return content(store) | {"answers": answers(store, open_indexes(store, PairEmbedder(), TERMS), QUESTIONS)}


FILES = {f"part/{number}.md": article(number) for number in range(4)} | {
    "20200308.txt": "标题\n\n第9街道在三月登记了九名志愿者。"
}
QUESTIONS = [sentence(number) for number in range(4)]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("first"), FILES)


@pytest.fixture(scope="module")
def pack(first: Path) -> Path:
    return export(first, first.parent / "first.pack")


def test_a_pack_taken_in_elsewhere_gives_the_same_corpus_without_embedding(
    first: Path, pack: Path, tmp_path: Path
) -> None:
    embedder = PairEmbedder()
    report = take_in(tmp_path / "data", pack, embedder=embedder)
    assert sorted(report.added) == sorted(FILES)
    assert (report.changed, report.unchanged, report.problems, report.embedded) == ((), (), (), 0)
    assert report.reused == report.passages > 4
    assert len(embedder.asked) <= 32  # the sample
    assert everything(tmp_path / "data") == everything(first)
    with Store(tmp_path / "data") as store, Store(first) as origin:
        assert check(store, PairEmbedder(), TERMS) == []
        mine, theirs = store.vectors(embedder.fingerprint), origin.vectors(embedder.fingerprint)
        assert np.array_equal(mine[0], theirs[0])
        assert np.array_equal(mine[1], theirs[1])


def test_the_same_corpus_gives_the_same_bytes_on_every_machine(pack: Path, tmp_path: Path) -> None:
    take_in(tmp_path / "taken", pack)
    again = export(tmp_path / "taken", tmp_path / "again.pack")
    other = made(tmp_path / "other", dict(reversed(FILES.items())))
    assert again.read_bytes() == pack.read_bytes()
    # The other folder's name is the same, "corpus"; only the order of indexing differs.
    assert export(other, tmp_path / "other.pack").read_bytes() == pack.read_bytes()


def test_taking_a_pack_in_twice_changes_nothing(pack: Path, tmp_path: Path) -> None:
    take_in(tmp_path / "data", pack)
    before = everything(tmp_path / "data")
    with Store(tmp_path / "data") as store:
        sequence = store.sequence()
    report = take_in(tmp_path / "data", pack)
    assert (report.added, sorted(report.unchanged)) == ((), sorted(FILES))
    with Store(tmp_path / "data") as store:
        assert store.sequence() == sequence
    assert everything(tmp_path / "data") == before


def test_packs_of_two_machines_merge_into_what_one_would_have_indexed(tmp_path: Path) -> None:
    left = {name: text for name, text in FILES.items() if name < "part/2"}
    right = {name: text for name, text in FILES.items() if name >= "part/1.md"}
    packs = [
        export(made(tmp_path / name, files), tmp_path / f"{name}.pack")
        for name, files in (("left", left), ("right", right))
    ]
    embedder = PairEmbedder()
    report = take_in(tmp_path / "both", *packs, embedder=embedder)
    assert report.embedded == 0
    assert report.problems == ()
    assert everything(tmp_path / "both") == everything(made(tmp_path / "one", FILES))


def test_a_pack_of_another_model_is_embedded_again(pack: Path, tmp_path: Path) -> None:
    other = PairEmbedder("others", 32)
    report = take_in(tmp_path / "data", pack, embedder=other)
    assert (report.reused, report.embedded) == (0, report.passages)
    with Store(tmp_path / "data") as store:
        model = store.model()
        assert model is not None
        assert model.fingerprint == other.fingerprint


def test_a_name_that_is_taken_by_other_content_is_kept_unless_told(pack: Path, tmp_path: Path) -> None:
    data = made(tmp_path, {"part/1.md": article(77), "mine.md": article(78)})
    report = take_in(data, pack)
    assert [(problem.file, problem.code) for problem in report.problems] == [("part/1.md", "PACK_NAME_TAKEN")]
    assert len(report.added) == 4
    with Store(data) as store:
        assert store.file_text("part/1.md") == article(77)
    report = take_in(data, pack, replace=True)
    assert (report.changed, report.problems) == (("part/1.md",), ())
    with Store(data) as store:
        assert store.file_text("part/1.md") == article(1)
        assert set(store.files()) == {*FILES, "mine.md"}


def test_of_packs_that_contradict_the_first_is_believed(pack: Path, tmp_path: Path) -> None:
    other = export(made(tmp_path / "other", {"part/1.md": article(77)}), tmp_path / "other.pack")
    report = take_in(tmp_path / "data", pack, other)
    assert [(problem.file, problem.code) for problem in report.problems] == [("part/1.md", "PACK_NAME_TAKEN")]
    with Store(tmp_path / "data") as store:
        assert store.file_text("part/1.md") == article(1)


def test_a_dry_run_changes_nothing(pack: Path, tmp_path: Path) -> None:
    data = made(tmp_path, {"mine.md": article(78)})
    before = everything(data)
    report = take_in(data, pack, dry_run=True)
    assert sorted(report.added) == sorted(FILES)
    assert everything(data) == before


def test_an_empty_corpus_has_a_pack_too(tmp_path: Path) -> None:
    Store(tmp_path / "empty").close()
    report = take_in(tmp_path / "data", export(tmp_path / "empty", tmp_path / "empty.pack"))
    assert (report.added, report.passages) == ((), 0)


TEXTS = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=300)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("any")
    with Store(folder / "data") as store, store.writer() as writer:
        for number, text in enumerate(texts):
            writer.put(page(str(number), text), "root")
    take_in(folder / "other", export(folder / "data", folder / "a.pack"))
    with Store(folder / "data") as one, Store(folder / "other") as other:
        assert content(one) == content(other)


def _texts(store: Store) -> dict[str, str]:
    return {name: store.file_text(name) for name in store.files()}


def test_a_damaged_store_is_not_exported(first: Path, tmp_path: Path) -> None:
    with Store(first) as store:
        store.backup(tmp_path / "wenbao.db")
    with closing(qa.sqlite.connect(tmp_path / "wenbao.db", "mode=rw")) as raw:
        raw.execute("UPDATE passages SET text = text || 'x' WHERE ordinal = 0")
    with Store(tmp_path) as store, pytest.raises(StoreError) as caught:
        write_pack(store, tmp_path / "a.pack", Settings(data=tmp_path))
    assert caught.value.code == "ROW_CORRUPT"
    assert not list(tmp_path.glob("a.pack*"))


def test_an_export_never_overwrites_unasked(pack: Path, first: Path, tmp_path: Path) -> None:
    for out in (pack, tmp_path, tmp_path / "nowhere" / "a.pack"):
        with pytest.raises(WenbaoError) as caught:
            export(first, out)
        assert caught.value.code in {"OUTPUT_EXISTS", "OUTPUT_FOLDER"}
    export(first, pack, overwrite=True)


def test_a_pack_is_of_one_moment_while_others_write(tmp_path: Path) -> None:
    data = made(tmp_path, {"a.md": article(1), "b.md": article(2)})
    stop = threading.Event()

    def rewrite() -> None:
        with Store(data) as store:
            for version in range(1, 10_000):
                if stop.is_set():
                    return
                with store.writer(5) as writer, writer.transaction():
                    for name, number in (("a", 1), ("b", 2)):
                        writer.put(page(name, article(number, version)), "corpus")

    thread = threading.Thread(target=rewrite)
    thread.start()
    try:
        packs = [export(data, tmp_path / f"{number}.pack") for number in range(4)]
    finally:
        stop.set()
        thread.join()
    for one in packs:
        texts = {document.file: document.text for document, _ in Pack.open(one, most_chars=MOST_CHARS).documents()}
        versions = {next(v for v in range(10_000) if sentence(n, v) in texts[f]) for f, n in (("a.md", 1), ("b.md", 2))}
        assert len(versions) == 1


# -- damaged and hostile --


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    """A data folder that must be the same afterwards, to the byte."""
    data = made(tmp_path / "target", {"mine.md": article(5)})
    before = {path: path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file()}
    yield data
    after = {path: path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file()}
    assert after == before


def refusal(pack: Path) -> str:
    with pytest.raises(WenbaoError) as caught:
        Pack.open(pack, most_chars=MOST_CHARS)
    assert str(pack) in caught.value.message
    assert "\n" not in caught.value.message
    return caught.value.code


def test_a_pack_cut_off_anywhere_is_refused(pack: Path, target: Path, tmp_path: Path) -> None:
    data = pack.read_bytes()
    half = tmp_path / "half.pack"
    for length in [*range(0, len(data), len(data) // 60), len(data) - 1]:
        half.write_bytes(data[:length])
        assert refusal(half) in {"PACK_INVALID", "PACK_DAMAGED"}
    with pytest.raises(InputError):
        take_in(target, half)


def test_a_changed_byte_is_found_or_changes_nothing(pack: Path, tmp_path: Path) -> None:
    data = pack.read_bytes()
    chance = random.Random(8)
    damaged = tmp_path / "damaged.pack"
    whole = list(Pack.open(pack, most_chars=MOST_CHARS).documents())
    vectors = [block[1].tobytes() for block in Pack.open(pack, most_chars=MOST_CHARS)._vectors()]
    codes: Counter[str] = Counter()
    places = [*chance.sample(range(len(data)), 200), *range(len(data) - 400, len(data))]
    for place in places:
        damaged.write_bytes(data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :])
        try:
            opened = Pack.open(damaged, most_chars=MOST_CHARS)
        except InputError as error:
            codes[error.code] += 1
        else:  # a date or a right in the zip's own directory, which nobody reads
            assert list(opened.documents()) == whole
            assert [block[1].tobytes() for block in opened._vectors()] == vectors
    assert codes.keys() <= {"PACK_INVALID", "PACK_DAMAGED", "PACK_TOO_NEW"}
    assert codes.total() > 0.7 * len(places)


@dataclass
class Forged:
    """A pack taken apart."""

    members: dict[str, bytes]
    manifest: dict[str, Any]

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.members[form.CORPUS].splitlines()]

    @lines.setter
    def lines(self, rows: list[dict[str, Any]]) -> None:
        self.members[form.CORPUS] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)


Change = Callable[[Forged], None]


def rebuilt(pack: Path, out: Path, change: Change, compression: int = zipfile.ZIP_STORED) -> Path:
    """The pack with its members and manifest changed, every hash and seal right again, as a forger would have them."""
    with zipfile.ZipFile(pack) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members.pop(form.MANIFEST))
    del manifest["seal"]
    change(Forged(members, manifest))
    for name, data in members.items():
        if isinstance(manifest["members"].get(name, []), list):
            manifest["members"][name] = [len(data), hashlib.sha256(data).hexdigest()]
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.writestr(form.MANIFEST, form.sealed(manifest))
    return out


def line(key: str, value: object) -> Change:
    def change(forged: Forged) -> None:
        first, *others = forged.lines
        forged.lines = [first | {key: value}, *others]

    return change


def manifest_of(key: str, value: object) -> Change:
    def change(forged: Forged) -> None:
        forged.manifest[key] = value

    return change


Rows = np.ndarray[Any, Any]


def vectors(changed: Callable[[Rows], Rows]) -> Change:
    def change(forged: Forged) -> None:
        kind = np.dtype([("content", "V32"), ("vector", "<f4", (forged.manifest["model"]["dim"],))])
        forged.members[form.VECTORS] = changed(np.frombuffer(forged.members[form.VECTORS], kind).copy()).tobytes()

    return change


def scaled(factor: float) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        rows["vector"][0] *= factor
        return rows

    return change


def more(name: str, data: bytes = b"x") -> Change:
    def change(forged: Forged) -> None:
        forged.members[name] = data

    return change


def without(name: str) -> Change:
    def change(forged: Forged) -> None:
        del forged.members[name]
        del forged.manifest["members"][name]

    return change


def reordered(forged: Forged) -> None:
    forged.lines = forged.lines[::-1]


def twice(forged: Forged) -> None:
    forged.lines = [forged.lines[0], *forged.lines]
    forged.manifest["counts"]["files"] += 1


def raw_line(data: bytes) -> Change:
    def change(forged: Forged) -> None:
        rows = forged.members[form.CORPUS].splitlines(keepends=True)
        forged.members[form.CORPUS] = data + b"".join(rows[1:])

    return change


def halved(forged: Forged) -> None:
    forged.members[form.VECTORS] = forged.members[form.VECTORS][:-1]


PAIRS = {"fingerprint": "pairs-64", "name": "pairs"}

HOSTILE: dict[str, tuple[Change, str]] = {
    "a path upwards": (more("../../etc/cron.d/x"), "PACK_INVALID"),
    "an absolute path": (more("/tmp/x"), "PACK_INVALID"),
    "another member": (more("model.pkl", b"cos\nsystem\n"), "PACK_INVALID"),
    "an index": (more("indexes/000001/vectors/store.faiss"), "PACK_INVALID"),
    "no corpus": (without(form.CORPUS), "PACK_INVALID"),
    "no vectors": (without(form.VECTORS), "PACK_INVALID"),
    "a newer version": (manifest_of("version", 999), "PACK_TOO_NEW"),
    "no version": (manifest_of("version", None), "PACK_INVALID"),
    "another format": (manifest_of("format", "other"), "PACK_INVALID"),
    "a manifest of lists": (manifest_of("counts", []), "PACK_INVALID"),
    "members without hashes": (manifest_of("members", {form.CORPUS: 1, form.VECTORS: 2}), "PACK_INVALID"),
    "a wrong dimension": (manifest_of("model", PAIRS | {"dim": 63}), "PACK_INVALID"),
    "a huge dimension": (manifest_of("model", PAIRS | {"dim": 2**40}), "PACK_INVALID"),
    "no dimension": (manifest_of("model", PAIRS | {"dim": 0}), "PACK_INVALID"),
    "a huge count": (manifest_of("counts", {"files": 5, "vectors": 2**60}), "PACK_INVALID"),
    "fewer files than told": (manifest_of("counts", {"files": 99, "vectors": 0}), "PACK_INVALID"),
    "files out of order": (reordered, "PACK_INVALID"),
    "a file twice": (twice, "PACK_INVALID"),
    "no JSON": (raw_line(b"{]\n"), "PACK_INVALID"),
    "nested JSON": (raw_line(b"[" * 200_000 + b"]" * 200_000 + b"\n"), "PACK_INVALID"),
    "a key twice": (raw_line(b'{"file": "a", "file": "b"}\n'), "PACK_INVALID"),
    "no UTF-8": (raw_line(b'{"file": "\xff"}\n'), "PACK_INVALID"),
    "a huge number": (raw_line(b'{"file": ' + b"9" * 5000 + b"}\n"), "PACK_INVALID"),
    "a line of NaN": (raw_line(b'{"file": NaN}\n'), "PACK_INVALID"),
    "a list": (raw_line(b"[]\n"), "PACK_INVALID"),
    "a text that is none": (line("text", 7), "PACK_INVALID"),
    "a text too long": (line("text", "x" * (MOST_CHARS + 1)), "PACK_INVALID"),
    "half a character": (line("text", "\ud800"), "PACK_INVALID"),
    "an unknown format": (line("format", "exe"), "PACK_INVALID"),
    "a hash that is none": (line("sha256", "0" * 63), "PACK_INVALID"),
    "headings beyond the text": (line("headings", [[0, 10**9, 1]]), "PACK_INVALID"),
    "headings backwards": (line("headings", [[5, 2, 1]]), "PACK_INVALID"),
    "headings of truths": (line("headings", [[True, 2, 1]]), "PACK_INVALID"),
    "a root with a line break": (line("root", "a\nb"), "PACK_INVALID"),
    **{
        f"the file name {name!r}": (line("file", name), "PACK_INVALID")
        for name in ("../x", "/x", "a//b", "a/../b", "", "a\\b", "C:x", "a\x00b", "a\nb", "\ud800", "./a", "x" * 1025)
    },
    "vectors of length 2": (vectors(scaled(2)), "PACK_INVALID"),
    "vectors of nothing": (vectors(scaled(0)), "PACK_INVALID"),
    "vectors of NaN": (vectors(scaled(float("nan"))), "PACK_INVALID"),
    "vectors out of order": (vectors(lambda rows: rows[::-1].copy()), "PACK_INVALID"),
    "half a vector": (halved, "PACK_INVALID"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_forged_pack_is_refused_though_its_hashes_are_right(pack: Path, tmp_path: Path, name: str) -> None:
    change, code = HOSTILE[name]
    assert refusal(rebuilt(pack, tmp_path / "forged.pack", change)) == code


def nothing(_: Forged) -> None:
    """The pack as it is."""


def test_a_pack_rebuilt_as_it_is_is_taken(pack: Path, tmp_path: Path) -> None:
    """So that the refusals above are for what was changed."""
    assert Pack.open(rebuilt(pack, tmp_path / "same.pack", nothing), most_chars=MOST_CHARS).counts["files"] == 5


def test_a_compressed_pack_is_refused_before_it_grows(pack: Path, tmp_path: Path) -> None:
    bomb = rebuilt(
        pack, tmp_path / "bomb.pack", more("dictionary.txt", bytes(200 << 20)), compression=zipfile.ZIP_DEFLATED
    )
    assert bomb.stat().st_size < 1 << 20
    assert refusal(bomb) == "PACK_INVALID"


def test_a_member_twice_and_members_over_one_another_are_refused(pack: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(pack) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    double = tmp_path / "double.pack"
    with zipfile.ZipFile(double, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(form.CORPUS, b"")
    assert refusal(double) == "PACK_INVALID"
    # Sizes in the directory that are larger than the file: 4 GiB of corpus in some kilobytes.
    whole = bytearray(pack.read_bytes())
    entry = whole.rindex(b"PK\x01\x02", 0, whole.rindex(form.VECTORS.encode()))
    whole[entry + 20 : entry + 28] = struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFF0)
    large = tmp_path / "large.pack"
    large.write_bytes(whole)
    assert refusal(large) in {"PACK_INVALID", "PACK_DAMAGED"}


def test_an_encrypted_flag_a_foreign_zip_and_other_files_are_refused(pack: Path, tmp_path: Path) -> None:
    data = bytearray(pack.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 8] |= 1
    locked = tmp_path / "locked.pack"
    locked.write_bytes(data)
    assert refusal(locked) in {"PACK_INVALID", "PACK_DAMAGED"}
    foreign = tmp_path / "foreign.pack"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("manifest.json", "{}")
    foreign.write_bytes(buffer.getvalue())
    assert refusal(foreign) == "PACK_INVALID"
    foreign.write_bytes(b"SQLite format 3\0" + bytes(1000))
    assert refusal(foreign) == "PACK_INVALID"
    foreign.write_bytes(b"")
    assert refusal(foreign) == "PACK_INVALID"
    assert refusal(tmp_path) == "PACK_INVALID"
    assert refusal(tmp_path / "nowhere") == "PATH_NOT_FOUND"


def test_vectors_that_the_model_does_not_give_are_refused(pack: Path, target: Path, tmp_path: Path) -> None:
    def mirrored(rows: Rows) -> Rows:
        rows["vector"] = rows["vector"][:, ::-1]
        return rows

    forged = rebuilt(pack, tmp_path / "forged.pack", vectors(mirrored))
    with pytest.raises(InputError) as caught:
        take_in(target, forged)
    assert caught.value.code == "PACK_VECTORS"


def test_articles_that_a_pack_makes_up_beside_its_text_are_not_believed(pack: Path, tmp_path: Path) -> None:
    forged = rebuilt(pack, tmp_path / "forged.pack", line("articles", [{"headline": "编造的标题", "text": "编造的话"}]))
    take_in(tmp_path / "data", forged)
    with Store(tmp_path / "data") as store:
        assert not any("编造" in (article.headline or "") for article in store.articles())
        assert _texts(store) == {name: document.text for name, document in _documents(pack).items()}


def _documents(pack: Path) -> dict[str, Any]:
    return {document.file: document for document, _ in Pack.open(pack, most_chars=MOST_CHARS).documents()}


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
import qa.indexing
from qa.pack import Pack, merge
from qa.store import Store, Writer
from small_corpora import TERMS, PairEmbedder
qa.indexing.BATCH_PASSAGES = 2
left = int(sys.argv[3])
put = Writer.put
def counted(self, *given):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    put(self, *given)
Writer.put = counted
with Store(Path(sys.argv[1])) as store:
    merge(store, [Pack.open(Path(sys.argv[2]), most_chars=1 << 20)], PairEmbedder(), TERMS)
"""


@pytest.mark.parametrize("at", [0, 2, 4])
def test_an_import_that_was_killed_is_finished_by_the_next(first: Path, pack: Path, tmp_path: Path, at: int) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-c", KILLED, str(data), str(pack), str(at), str(Path(__file__).parent)]
    assert subprocess.run(command, check=False, env=ENVIRON).returncode == -signal.SIGKILL
    with Store(data) as store:
        assert store.findings() == []
        assert len(store.files()) <= at
    take_in(data, pack)
    assert everything(data) == everything(first)


# -- on the command line --


def test_a_corpus_goes_from_folder_to_folder_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tmp_path / "words"
    words.mkdir()
    (words / "dictionary.txt").write_text("柳湾渡口\n", encoding="utf-8")
    out = str(tmp_path / "a.pack")
    one, other = ["--data", str(tmp_path / "one")], ["--data", str(tmp_path / "other")]
    write(tmp_path / "articles", {"a.md": article(1)})
    assert run(["index", str(tmp_path / "articles"), *one]) == 0
    assert run(["export", out, *one, "--dict", str(words)]) == 0
    assert "1 files" in capsys.readouterr().out
    assert run(["export", out, *one]) == 2
    assert "OUTPUT_EXISTS" in capsys.readouterr().err
    assert run(["import", out, "--dry-run", *other]) == 0
    assert run(["import", out, "--words", str(tmp_path / "new"), *other]) == 0
    assert "0 made here" in capsys.readouterr().out
    assert (tmp_path / "new" / "dictionary.txt").read_text(encoding="utf-8") == "柳湾渡口\n"
    assert run(["import", out, "--words", str(tmp_path / "new"), *other]) == 2
    write(tmp_path / "articles", {"a.md": article(2)})
    assert run(["index", str(tmp_path / "articles"), *one]) == 0
    assert run(["export", out, "--overwrite", *one]) == 0
    assert run(["import", out, *other]) == 3
    assert "PACK_NAME_TAKEN" in capsys.readouterr().err
    assert run(["import", out, "--replace", *other]) == 0
    assert run(["backup", str(tmp_path / "copy"), *other]) == 0
    assert run(["ask", "第2街道登记了多少名志愿者？", "--data", str(tmp_path / "copy")]) == 0
    (tmp_path / "bad.pack").write_bytes(b"PK")
    assert run(["import", str(tmp_path / "bad.pack"), "--data", str(tmp_path / "unmade")]) == 3
    assert not (tmp_path / "unmade").exists()
