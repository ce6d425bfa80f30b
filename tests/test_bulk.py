"""Indexing on a Ray cluster of this machine against indexing alone: the same store, whatever happens to an actor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_corpora import TERMS, article, content, write

from embeddings import load_embedder
from qa.bulk import FILES_AT_ONCE, RayCluster
from qa.config import Settings
from qa.errors import ModelError, WenbaoError
from qa.indexing import IndexReport, index
from qa.reading import Problem
from qa.splitting import Split, Unsplit
from qa.store import Store

ray: Any = pytest.importorskip("ray", reason="needs the extra ray: `make ray`")
pytest.importorskip("ray.data", reason="needs the extra ray: `make ray`")

SEEDS = Path(__file__).parents[1] / "seeds"
EMBEDDER = load_embedder()
pytestmark = pytest.mark.filterwarnings("ignore")  # of Ray's own


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """Two processes, whatever the machine has."""
    with RayCluster("local", Settings(), EMBEDDER, cores=2) as started:
        yield started


def indexed(data: Path, *paths: Path, cluster: Any = None, **options: Any) -> tuple[IndexReport, Any]:
    """The report, and all that is stored: texts, structure, passages, vectors byte for byte."""
    with Store(data) as store:
        report = index(store, paths, EMBEDDER, TERMS, splitter=cluster, **options)
        ids, vectors = store.vectors(EMBEDDER.fingerprint, store.passage_ids().tolist())
        return report, (content(store), ids.tolist(), vectors.tobytes())


def test_a_folder_is_stored_as_one_process_stores_it(
    cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SEEDS.parent)  # actors have another folder to work in
    alone = indexed(tmp_path / "alone", SEEDS)
    shared = indexed(tmp_path / "shared", Path("seeds"), cluster=cluster)
    assert alone[0].passages == alone[0].embedded > 50
    assert shared == alone


def test_many_files_keep_their_order_and_what_is_known_is_left_alone(cluster: RayCluster, tmp_path: Path) -> None:
    folder = write(tmp_path / "a", {f"{n:04}.md": article(n) for n in range(3 * FILES_AT_ONCE + 1)})
    (folder / "0100.md").write_bytes(b"\x7fELF\0\1\2" + bytes(range(256)) * 20)
    alone = indexed(tmp_path / "alone", folder)
    shared = indexed(tmp_path / "shared", folder, cluster=cluster)
    assert shared == alone
    assert [problem.file for problem in shared[0].problems] == ["0100.md"]
    write(folder, {"0007.md": article(7, version=2)})
    report, _ = indexed(tmp_path / "shared", folder, cluster=cluster)
    assert (report.changed, report.added, len(report.unchanged)) == (("0007.md",), (), 3 * FILES_AT_ONCE - 1)
    dry, _ = indexed(tmp_path / "shared", folder, cluster=cluster, dry_run=True)
    assert len(dry.unchanged) == 3 * FILES_AT_ONCE
    assert indexed(tmp_path / "shared", cluster=cluster)[0].passages == report.passages


def test_a_parquet_table_is_stored_as_its_files(cluster: RayCluster, tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    files = {f"{number:02}.md": article(number) for number in range(20)}
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"file": list(files), "text": list(files.values())}), path, row_group_size=6)
    alone = indexed(tmp_path / "alone", write(tmp_path / "a", files))
    assert indexed(tmp_path / "shared", path, cluster=cluster) == alone


def test_an_actor_that_is_killed_is_replaced(cluster: RayCluster, tmp_path: Path) -> None:
    folder = write(tmp_path / "a", {f"{n:04}.md": article(n) for n in range(4 * FILES_AT_ONCE)})
    alone = indexed(tmp_path / "alone", folder)
    killed: list[int] = []

    class Killing:
        def split(self, items: Iterable[Unsplit | Problem]) -> Iterator[Split]:
            for came in cluster.split(items):
                if not killed:
                    killed.extend(actors())
                    os.kill(killed[0], signal.SIGKILL)
                yield came

    def actors() -> list[int]:
        named = (
            (int(path.name), (path / "cmdline").read_bytes())
            for path in Path("/proc").iterdir()
            if path.name.isdigit() and (path / "cmdline").exists()
        )
        return [pid for pid, line in named if line.startswith(b"ray::MapWorker")]

    assert indexed(tmp_path / "shared", folder, cluster=Killing()) == alone
    assert killed


def test_another_model_on_a_machine_of_the_cluster_is_refused_and_nothing_is_stored(
    cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = cluster._model
    monkeypatch.setattr(cluster, "_model", replace(model, fingerprint="another"))
    with pytest.raises(ModelError, match="another") as error:
        indexed(tmp_path / "data", SEEDS, cluster=cluster)
    assert error.value.code == "RAY_MODEL_MISMATCH"
    monkeypatch.setattr(cluster, "_model", replace(model, name=str(tmp_path / "none")))
    with pytest.raises(ModelError) as error:
        indexed(tmp_path / "data", SEEDS, cluster=cluster)
    assert error.value.code.startswith("MODEL_")
    with Store(tmp_path / "data") as store:
        assert store.counts()["files"] == 0


def test_a_cluster_without_gpus_is_told(cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_gpus", True)
    with pytest.raises(WenbaoError, match="no GPU") as error:
        indexed(tmp_path / "data", SEEDS, cluster=cluster)
    assert error.value.code == "RAY_RESOURCES"


def test_the_command_tells_what_was_done_and_what_cant_be_reached(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "qa.cli", "index", str(SEEDS), "--data", str(tmp_path / "data")]
    done = subprocess.run([*command, "--ray", "local"], capture_output=True, text=True, check=False, timeout=240)
    said = [line for line in done.stderr.splitlines() if "core_worker.cc" not in line]  # Ray's core, of its own affairs
    assert (done.returncode, said) == (0, [])
    assert "passages       79" in done.stdout
    done = subprocess.run([*command, "--ray", "127.0.0.1:9"], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (6, 1)
    assert done.stderr.startswith("wenbao: RAY_UNAVAILABLE: The Ray cluster 127.0.0.1:9 can't be used")
