"""Work shared out to processes: the same results in the same order, whoever does it and however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from process_tree import children, wait
from small_corpora import TERMS, PairEmbedder, answers, article, content, sentence, write

from qa import processes
from qa.errors import StoreError, UsageError
from qa.generations import open_indexes
from qa.indexing import index
from qa.processes import AHEAD, Processes
from qa.store import Store
from qa.text import Terms
from qa.text.terms import TermsSource, terms_of


def squared(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def ended(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def refused(number: int) -> int:
    if number == 3:
        raise UsageError("USAGE", "Three is refused.", "number")
    return number


def cut(asked: tuple[TermsSource, str]) -> list[str]:
    source, text = asked
    return terms_of(source).passage(text)


def interrupted(number: int) -> int:
    if number == 0:
        raise KeyboardInterrupt
    time.sleep(60)
    return number


def slow(number: int) -> int:
    time.sleep(60)
    return number


def test_results_come_in_order_from_processes_of_their_own() -> None:
    with Processes(2, patience_s=0) as shared:
        found = list(shared.map(squared, range(60)))
    assert [square for square, _ in found] == [number * number for number in range(60)]
    assert os.getpid() not in {pid for _, pid in found}


@pytest.mark.parametrize(("count", "patience_s"), [(1, 0.0), (2, 60.0)])
def test_short_work_and_one_process_stay_here(count: int, patience_s: float) -> None:
    with Processes(count, patience_s=patience_s) as shared:
        assert {pid for _, pid in shared.map(squared, range(20))} == {os.getpid()}


def test_items_are_taken_as_they_are_needed() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    with Processes(2, patience_s=0) as shared:
        assert next(shared.map(squared, items()))[0] == 0
    assert len(taken) <= 2 * AHEAD + 2


def test_an_error_comes_where_its_result_would_and_is_what_it_was() -> None:
    with Processes(2, patience_s=0) as shared:
        results = shared.map(refused, range(5))
        assert [next(results), next(results), next(results)] == [0, 1, 2]
        with pytest.raises(UsageError, match=r"Three is refused\.") as error:
            next(results)
    assert (error.value.code, error.value.field) == ("USAGE", "number")


def test_a_process_that_is_killed_is_told() -> None:
    with Processes(2, patience_s=0) as shared, pytest.raises(StoreError, match="--processes 1") as error:
        list(shared.map(ended, range(60)))
    assert error.value.code == "PROCESS_ENDED"


def test_nobody_waits_for_what_is_given_up() -> None:
    def give_up() -> None:
        with Processes(2, patience_s=0) as shared:
            list(shared.map(interrupted, range(8)))

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        give_up()
    assert time.monotonic() - began < 30, "each sleeps for a minute"


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_processes_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import test_processes\nfrom qa.processes import Processes\n"
        "if __name__ == '__main__':\n"
        "    with Processes(2, patience_s=0) as shared:\n"
        "        list(shared.map(test_processes.slow, range(8)))\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    parent = subprocess.Popen([sys.executable, script], env=environment)

    wait(lambda: len(children(parent.pid)) >= 3)  # two, and multiprocessing's own tracker
    known = children(parent.pid)
    parent.kill()
    parent.wait()
    wait(lambda: not any(Path(f"/proc/{pid}").exists() for pid in known))


def test_terms_are_the_same_in_another_process(tmp_path: Path) -> None:
    (tmp_path / "dictionary.txt").write_text("景山街道总工会\n", encoding="utf-8")
    terms = Terms.from_folder(tmp_path)
    with Processes(2, patience_s=0) as shared:
        assert list(shared.map(cut, [(terms.source, "景山街道总工会")] * 3)) == [terms.passage("景山街道总工会")] * 3
        assert "景山街道总工会" in terms.passage("景山街道总工会")
        (tmp_path / "dictionary.txt").write_text("景山街道\n", encoding="utf-8")
    with Processes(2, patience_s=0) as shared, pytest.raises(UsageError, match="changed while it was in use") as error:
        list(shared.map(cut, [(terms.source, "景山街道总工会")]))
    assert error.value.code == "CONFIG_VALUE"


def test_what_is_stored_is_the_same_with_any_number_of_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "PATIENCE_S", 0.0)
    monkeypatch.setattr("qa.generations.layers.BLOCK_LEAST", 7)
    files = {f"{number}.md": article(number) for number in range(12)} | {"empty.md": "", "no.docx": "no archive"}
    folder = write(tmp_path / "articles", files)
    (folder / "gbk.txt").write_bytes("街道总工会发放口罩八千个。".encode("gbk") * 20)
    found = []
    for count in (1, 2):
        with Store(tmp_path / f"data{count}") as store:
            stages: list[tuple[str, int, int]] = []
            first = index(
                store,
                [folder],
                PairEmbedder(),
                TERMS,
                progress=lambda *stage, stages=stages: stages.append(stage),
                processes=count,
            )
            again = index(store, [folder], PairEmbedder(), TERMS, processes=count)
            indexes = open_indexes(store, PairEmbedder(), TERMS)
            asked = answers(store, indexes, [sentence(number) for number in range(12)])
            read = [stage for stage in stages if stage[0] == "read"]
            found.append((first, again, content(store), asked, read))
            assert not again.added
            assert len(again.unchanged) == len(first.added)
    assert found[0] == found[1]
    assert {problem.file for problem in found[0][0].problems} == {"no.docx"}
