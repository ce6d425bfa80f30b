from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from small_corpora import TERMS, PairEmbedder, answers, article, content, sentence, write

import qa.indexing
import qa.splitting
from embeddings.vectors import Vectors
from qa.errors import NotFoundError, StoreError, UsageError
from qa.generations import open_indexes
from qa.indexing import IndexReport, check, index, remove, repair
from qa.store import Store

ENVIRON = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "articles", {f"{number}.md": article(number) for number in range(3)})


def run(store: Store, *paths: Path, embedder: PairEmbedder | None = None, **options: bool) -> IndexReport:
    return index(store, paths, embedder or PairEmbedder(), TERMS, **options)  # type: ignore[arg-type]


def codes(report: IndexReport) -> list[tuple[str, str]]:
    return [(problem.file, problem.code) for problem in report.problems]


# --- what a run does ---


def test_a_run_adds_changes_and_leaves_alone_what_is_as_it_was(store: Store, folder: Path) -> None:
    stages: list[tuple[str, int, int]] = []
    first = index(store, [folder], PairEmbedder(), TERMS, progress=lambda *stage: stages.append(stage))
    assert first.added == ("0.md", "1.md", "2.md")
    assert (first.changed, first.removed, first.unchanged, first.problems) == ((), (), (), ())
    assert first.passages == first.embedded == store.counts()["passages"]
    assert [stage for stage in stages if stage[0] == "read"] == [("read", number, 3) for number in (1, 2, 3)]
    write(folder, {"1.md": article(1, version=2), "3.md": article(3)})
    second = run(store, folder)
    assert (second.added, second.changed, second.unchanged) == (("3.md",), ("1.md",), ("0.md", "2.md"))
    third = run(store, folder)
    assert third.unchanged == ("0.md", "1.md", "2.md", "3.md")
    assert third.embedded == 0


def test_only_texts_that_are_new_are_embedded(store: Store, folder: Path) -> None:
    run(store, folder)
    embedder = PairEmbedder()
    (folder / "1.md").rename(folder / "moved.md")
    write(folder, {"0.md": article(0, sections=3)})
    report = run(store, folder, embedder=embedder, prune=True)
    assert (report.added, report.changed, report.removed) == (("moved.md",), ("0.md",), ("1.md",))
    assert report.embedded == len(embedder.asked) == 1
    assert sentence(2) in embedder.asked[0], "the third section of the first article"


def test_a_run_that_changes_nothing_keeps_the_generation(store: Store, folder: Path) -> None:
    run(store, folder)
    generations = sorted((store.folder / "indexes").iterdir())
    sequence = store.sequence()
    run(store, folder, prune=True)
    assert (sorted((store.folder / "indexes").iterdir()), store.sequence()) == (generations, sequence)


def test_a_dry_run_tells_and_changes_nothing(store: Store, folder: Path) -> None:
    run(store, folder)
    write(folder, {"1.md": article(1, version=2), "3.md": article(3)})
    (folder / "2.md").unlink()
    before = store.path.read_bytes(), content(store)
    embedder = PairEmbedder()
    dry = run(store, folder, embedder=embedder, prune=True, dry_run=True)
    assert (store.path.read_bytes(), content(store), embedder.asked) == (*before, [])
    wet = run(store, folder, prune=True)
    assert (dry.added, dry.changed, dry.removed, dry.unchanged) == (wet.added, wet.changed, wet.removed, wet.unchanged)


def test_what_cant_be_read_is_named_and_the_rest_is_done(store: Store, folder: Path) -> None:
    (folder / "bad.md").write_bytes(b"\x7fELF\0\1\2" + bytes(range(256)) * 20)
    report = run(store, folder, folder / "none.md")
    assert report.added == ("0.md", "1.md", "2.md")
    assert [file for file, _ in codes(report)] == ["bad.md", str(folder / "none.md")]
    assert store.counts()["files"] == 3


def test_a_named_encoding_is_taken_and_kept(store: Store, tmp_path: Path) -> None:
    text = "# 晚報\n\n圖書館週末開放到晚上九點，讀者可以借閱兩萬多冊圖書。\n"
    path = tmp_path / "big5.md"
    path.write_bytes(text.encode("big5"))
    index(store, [path], PairEmbedder(), TERMS, encoding="big5")
    assert store.file_text("big5.md") == text
    again = index(store, [path], PairEmbedder(), TERMS, encoding="big5")
    assert again.unchanged == ("big5.md",)
    other = index(store, [path], PairEmbedder(), TERMS, encoding="gb18030")
    assert other.changed == ("big5.md",)


# --- prune ---


def test_prune_removes_what_was_not_met_from_everywhere(store: Store, folder: Path) -> None:
    run(store, folder)
    (folder / "1.md").unlink()
    assert run(store, folder).removed == ()
    assert run(store, folder, prune=True).removed == ("1.md",)
    assert "1.md" not in store.files()
    found = answers(store, open_indexes(store, PairEmbedder(), TERMS), [sentence(1)])
    assert "1.md" not in str(found)


def test_prune_keeps_what_could_not_be_read_this_time(store: Store, folder: Path) -> None:
    run(store, folder)
    (folder / "1.md").write_bytes(b"\x7fELF\0\1\2" + bytes(range(256)) * 20)
    report = run(store, folder, prune=True)
    assert (report.removed, [file for file, _ in codes(report)]) == ((), ["1.md"])
    assert sentence(1) in store.file_text("1.md")


def test_prune_keeps_what_lies_below_a_folder_that_cant_be_listed(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, {"closed/5.md": article(5), "closedness.md": article(6)})
    run(store, folder)
    (folder / "closedness.md").unlink()
    scandir = os.scandir

    def refuse(path: Path | int) -> object:
        if isinstance(path, Path) and path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = run(store, folder, prune=True)
    assert (report.removed, codes(report)) == (("closedness.md",), [("closed", "PERMISSION_DENIED")])


def test_prune_refuses_a_path_that_is_missing_or_empty(store: Store, folder: Path) -> None:
    run(store, folder)
    before = content(store)
    for paths, code in (([folder, folder / "none"], "PATH_NOT_FOUND"), ([folder], "PRUNE_REFUSED")):
        if code == "PRUNE_REFUSED":
            for path in folder.iterdir():
                path.unlink()
        with pytest.raises(UsageError) as caught:
            run(store, *paths, prune=True)
        assert caught.value.code == code
    assert content(store) == before


# --- names ---


def test_a_name_of_another_folder_with_other_content_is_not_overwritten(store: Store, tmp_path: Path) -> None:
    first = write(tmp_path / "first", {"a.md": article(1), "same.md": article(3)})
    second = write(tmp_path / "second", {"a.md": article(2), "same.md": article(3)})
    run(store, first)
    report = run(store, second)
    assert codes(report) == [("a.md", "FILE_NAME_TAKEN")]
    assert "'first'" in report.problems[0].message
    assert report.unchanged == ("same.md",)
    assert store.file_text("a.md") == article(1)
    write(first, {"a.md": article(1, version=4)})
    assert run(store, first).changed == ("a.md",)
    assert run(store, second, prune=True).changed == ("a.md",)
    assert store.files()["a.md"].root == "second"


# --- another splitting, another model ---


def _run_by_an_earlier_version(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        for module in (qa.indexing, qa.splitting):
            earlier.setattr(module, "STRUCTURE", "0.0")
        run(store, folder)


def test_files_of_an_earlier_splitting_are_split_again_from_the_store(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run_by_an_earlier_version(store, folder, monkeypatch)
    before = content(store)
    shutil.rmtree(folder)
    embedder = PairEmbedder()
    report = index(store, [], embedder, TERMS)
    assert {file.structure for file in store.files().values()} == {qa.splitting.STRUCTURE}
    assert (report.embedded, embedder.asked) == (0, [])
    assert content(store) == before


def test_the_check_names_files_of_an_earlier_splitting_and_repairing_splits_them(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run_by_an_earlier_version(store, folder, monkeypatch)
    names = sorted(store.files())
    [finding] = check(store, PairEmbedder(), TERMS)
    assert finding.code == "SPLIT_OUTDATED"
    assert f"{len(names)} files" in finding.message
    assert names[0] in finding.message
    assert repair(store, PairEmbedder(), TERMS) == ()
    assert check(store, PairEmbedder(), TERMS) == []
    assert {file.structure for file in store.files().values()} == {qa.splitting.STRUCTURE}


def test_another_model_embeds_everything_and_replaces_the_first(store: Store, folder: Path) -> None:
    run(store, folder)
    other = PairEmbedder("other", 32)
    report = index(store, [], other, TERMS)
    assert report.embedded == store.counts()["passages"] == store.counts()["vectors"]
    model = store.model()
    assert model is not None
    assert (model.fingerprint, model.name, model.dim) == (other.fingerprint, "other", 32)
    assert open_indexes(store, other, TERMS).vectors.dim == 32


def test_a_new_model_that_breaks_off_leaves_the_first_one_answering(store: Store, folder: Path) -> None:
    class Dying(PairEmbedder):
        def passages(self, texts: Sequence[str]) -> Vectors:
            raise KeyboardInterrupt(texts[0])

    run(store, folder)
    expected = answers(store, open_indexes(store, PairEmbedder(), TERMS), [sentence(1)])
    with pytest.raises(KeyboardInterrupt):
        index(store, [], Dying("other", 32), TERMS)
    assert answers(store, open_indexes(store, PairEmbedder(), TERMS), [sentence(1)]) == expected


# --- the same from scratch ---


@pytest.mark.parametrize("seed", range(4))
def test_many_small_runs_give_what_one_gives(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    folder = write(tmp_path / "articles", {"start.md": article(50)})
    with Store(tmp_path / "grown") as grown, Store(tmp_path / "fresh") as fresh:
        for _ in range(5):
            for _ in range(chance.randint(1, 4)):
                number = chance.randrange(6)
                if chance.random() < 0.3:
                    (folder / f"{number}.md").unlink(missing_ok=True)
                else:
                    write(folder, {f"{number}.md": article(number, chance.randrange(3), chance.randint(0, 3))})
            monkeypatch.setattr(qa.indexing, "BATCH_PASSAGES", chance.choice([1, 3, 1000]))
            run(grown, folder, prune=True)
        run(fresh, folder)
        assert content(grown) == content(fresh)
        questions = [sentence(number, version) for number in range(6) for version in range(3)]
        both = [answers(one, open_indexes(one, PairEmbedder(), TERMS), questions) for one in (grown, fresh)]
        assert both[0] == both[1]
        assert grown.counts() == fresh.counts(), "no vector is left over"
        assert check(grown, PairEmbedder(), TERMS) == []


def test_removing_by_name_is_all_or_nothing(store: Store, folder: Path) -> None:
    run(store, folder)
    with pytest.raises(NotFoundError):
        remove(store, ["0.md", "none.md"], PairEmbedder(), TERMS)
    assert list(store.files()) == ["0.md", "1.md", "2.md"]
    remove(store, ["0.md", "2.md"], PairEmbedder(), TERMS)
    assert list(store.files()) == ["1.md"]
    assert check(store, PairEmbedder(), TERMS) == []
    assert open_indexes(store, PairEmbedder(), TERMS).sequence == store.sequence()


# --- check and repair ---


@pytest.mark.parametrize("table", ["passages", "sections", "articles", "furniture", "vectors"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET row_hash = x'00'", "DELETE FROM {}"])
def test_what_the_text_gives_is_repaired_from_it(store: Store, folder: Path, table: str, statement: str) -> None:
    write(folder, {"scan.txt": "北京晚报\n2020年3月1日 星期日\n\n" + article(7)})
    run(store, folder)
    expected = content(store), answers(store, open_indexes(store, PairEmbedder(), TERMS), [sentence(1)])
    with closing(sqlite3.connect(store.path)) as raw:
        raw.execute(f"{statement.format(table)} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT 2)")
        raw.commit()
    shutil.rmtree(store.folder / "indexes")
    assert check(store, PairEmbedder(), TERMS) != []
    assert repair(store, PairEmbedder(), TERMS) == ()
    assert check(store, PairEmbedder(), TERMS) == []
    assert (content(store), answers(store, open_indexes(store, PairEmbedder(), TERMS), [sentence(1)])) == expected


@pytest.mark.parametrize("table", ["texts", "files"])
def test_what_only_the_original_gives_is_named_and_read_again(store: Store, folder: Path, table: str) -> None:
    run(store, folder)
    before = content(store)
    with closing(sqlite3.connect(store.path)) as raw:
        raw.execute(f"UPDATE {table} SET row_hash = x'00' WHERE id = (SELECT id FROM files WHERE name = '1.md')")
        raw.commit()
    lost = repair(store, PairEmbedder(), TERMS)
    assert lost == (("1.md",) if table == "texts" else ())
    report = run(store, folder)
    assert report.added + report.changed == ("1.md",)
    assert report.unchanged == ("0.md", "2.md")
    assert content(store) == before
    assert check(store, PairEmbedder(), TERMS) == []


def test_damage_in_the_store_doesnt_stop_a_run(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(store, folder)
    with closing(sqlite3.connect(store.path)) as raw:
        raw.execute("UPDATE texts SET text = 'x' WHERE id = (SELECT id FROM files WHERE name = '1.md')")
        raw.commit()
    for module in (qa.indexing, qa.splitting):
        monkeypatch.setattr(module, "STRUCTURE", "9.9")
    report = index(store, [], PairEmbedder(), TERMS)
    assert codes(report) == [("1.md", "ROW_CORRUPT")]
    assert [file.structure for file in store.files().values()].count("9.9") == 2


# --- kills ---

INDEX = """
import os, signal, sys
from pathlib import Path
import qa.indexing
from small_corpora import TERMS, PairEmbedder
from qa.store import Store
qa.indexing.BATCH_PASSAGES = 2
for line in sys.stdin:  # a child for each folder; the imports are done once
    child = os.fork()
    if child == 0:
        with Store(Path(sys.argv[1])) as store:
            qa.indexing.index(store, [Path(line.strip())], PairEmbedder(), TERMS, prune=True)
        print("done", flush=True)
        os._exit(0)
    sys.stdin.readline()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


def test_killed_runs_leave_files_old_or_new_and_the_next_completes_them(tmp_path: Path) -> None:
    """Thirty kills spread over whole runs: reading, committing, building, renaming, clearing away."""
    chance = random.Random(5)
    folders = []
    for version in range(2):
        names = {f"{number}.md": article(number, version) for number in range(version, 5 + version)}
        folders.append(write(tmp_path / str(version) / "articles", names))
    texts = [{path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} for folder in folders]
    with subprocess.Popen(
        [sys.executable, "-c", INDEX, str(tmp_path / "data")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRON,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def killed_after(folder: Path, seconds: float) -> bool:
            """Whether the run was acknowledged before the kill."""
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{folder}\n")
            process.stdin.flush()
            time.sleep(seconds)
            process.stdin.write("kill\n")
            process.stdin.flush()
            lines = list(iter(process.stdout.readline, "dead\n"))
            return lines == ["done\n"]

        while not killed_after(folders[0], 5):
            pass
        for turn in range(30):
            new, old = texts[(turn + 1) % 2], texts[turn % 2]
            acknowledged = killed_after(folders[(turn + 1) % 2], chance.uniform(0, 0.25))
            with Store(tmp_path / "data") as store:
                found = {name: store.file_text(name) for name in store.files()}
                if acknowledged:
                    assert found == new
                assert all(text in (old.get(name), new.get(name)) for name, text in found.items()), turn
                assert store.findings() == []
                indexes = open_indexes(store, PairEmbedder(), TERMS)
                assert len(indexes.lexical) == len(indexes.vectors) == store.counts()["passages"]
                run(store, folders[(turn + 1) % 2], prune=True)
                assert {name: store.file_text(name) for name in store.files()} == new
                assert check(store, PairEmbedder(), TERMS) == []
    assert process.returncode == 0


# --- any order of changes ---


class Corpus(RuleBasedStateMachine):
    """A folder and a store, against a dict."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile_folder())
        self.articles = write(self.folder / "articles", {"fixed.md": article(99)})
        self.store = Store(self.folder / "data")
        self.on_disk = {"fixed.md": article(99)}
        self.indexed: dict[str, str] = {}

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    @rule(number=st.integers(0, 3), version=st.integers(0, 2))
    def write_file(self, number: int, version: int) -> None:
        self.on_disk[f"{number}.md"] = article(number, version)
        write(self.articles, {f"{number}.md": self.on_disk[f"{number}.md"]})

    @rule(number=st.integers(0, 3))
    def delete_file(self, number: int) -> None:
        self.on_disk.pop(f"{number}.md", None)
        (self.articles / f"{number}.md").unlink(missing_ok=True)

    @rule(prune=st.booleans())
    def index(self, prune: bool) -> None:
        report = run(self.store, self.articles, prune=prune)
        expected = self.on_disk if prune else {**self.indexed, **self.on_disk}
        assert set(report.added) == expected.keys() - self.indexed.keys()
        assert set(report.removed) == self.indexed.keys() - expected.keys()
        assert set(report.changed) == {name for name, text in expected.items() if self.indexed.get(name, text) != text}
        self.indexed = dict(expected)

    @precondition(lambda self: self.indexed)
    @rule(choice=st.randoms(use_true_random=False))
    def remove(self, choice: random.Random) -> None:
        name = choice.choice(sorted(self.indexed))
        remove(self.store, [name], PairEmbedder(), TERMS)
        del self.indexed[name]

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store(self.folder / "data")

    @rule()
    def lose_the_indexes(self) -> None:
        shutil.rmtree(self.folder / "data" / "indexes", ignore_errors=True)

    @invariant()
    def texts_are_those_of_the_model(self) -> None:
        if hasattr(self, "store"):
            assert {name: self.store.file_text(name) for name in self.store.files()} == self.indexed

    @rule()
    def search(self) -> None:
        indexes = open_indexes(self.store, PairEmbedder(), TERMS)
        assert len(indexes.lexical) == len(indexes.vectors) == len(self.store.passage_ids())
        for name, text in self.indexed.items():
            question = text.splitlines()[2][:30]
            (best, _), *_ = indexes.lexical.search(TERMS.question(question), 1)
            assert self.store.passages([best])[best].file == name


def tempfile_folder() -> str:
    import tempfile

    return tempfile.mkdtemp(prefix="corpus-")


TestCorpus = Corpus.TestCase
TestCorpus.settings = settings(max_examples=12, stateful_step_count=12, deadline=None)


def test_a_locked_store_is_told_before_anything_is_read(store: Store, folder: Path) -> None:
    with store.writer(), pytest.raises(StoreError) as caught:
        run(store, folder)
    assert caught.value.code == "WRITER_LOCKED"
