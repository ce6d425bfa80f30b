"""A data folder against a dict: whatever is done in whatever order, both hold the same."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from small_corpora import TERMS, PairEmbedder, article, page, sentence

from qa import generations
from qa.errors import NotFoundError
from qa.generations import open_indexes
from qa.store import Store, Writer
from torture.scale import SCALE

OPERATIONS = 2000 * SCALE
STEPS = 50
NUMBERS = st.integers(0, 5)
VERSIONS = st.integers(0, 99)


met: Counter[str] = Counter()


class AgainstADict(RuleBasedStateMachine):
    """The store, its indexes, and a dict of what was acknowledged."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="torture-"))
        self.store = Store(self.folder)
        self.truth: dict[str, tuple[int, int]] = {}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    @rule(number=NUMBERS, version=VERSIONS)
    def put(self, number: int, version: int) -> None:
        with self.store.writer() as writer:
            writer.put(page(str(number), article(number, version, sections=1)), "root")
        self.truth[f"{number}.md"] = (number, version)

    @rule(number=NUMBERS)
    def remove(self, number: int) -> None:
        with self.store.writer() as writer:
            try:
                writer.remove(f"{number}.md")
            except NotFoundError:
                assert f"{number}.md" not in self.truth
            else:
                del self.truth[f"{number}.md"]

    @rule(number=NUMBERS, version=VERSIONS)
    def give_up_half_way(self, number: int, version: int) -> None:
        with self.store.writer() as writer, contextlib.suppress(KeyboardInterrupt), writer.transaction():
            writer.put(page(str(number), article(number, version, sections=1)), "root")
            raise KeyboardInterrupt

    @rule(number=NUMBERS, version=VERSIONS, at=st.sampled_from(["_insert_at", "_log", "_delete"]))
    def be_killed_while_writing(self, number: int, version: int, at: str) -> None:
        child = os.fork()
        if child == 0:
            setattr(Writer, at, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            with Store(self.folder) as store, store.writer(5) as writer:
                writer.put(page(str(number), article(number, version, sections=1)), "root")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        met["kills"] += 1

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store(self.folder)
        met["restarts"] += 1

    @rule()
    def compact(self) -> None:
        with self.store.writer() as writer:
            generations.refresh(self.store, writer, PairEmbedder(dim=8), TERMS)

    @rule()
    def lose_the_indexes(self) -> None:
        shutil.rmtree(self.folder / "indexes", ignore_errors=True)

    @rule(number=NUMBERS)
    def search(self, number: int) -> None:
        indexes = open_indexes(self.store, PairEmbedder(dim=8), TERMS)
        assert len(indexes.lexical) == len(indexes.vectors) == len(self.store.passage_ids())
        which = self.truth.get(f"{number}.md")
        if which is not None:
            [(best, _), *_] = indexes.lexical.search(TERMS.question(sentence(*which)), 1)
            assert self.store.passages([best])[best].file == f"{number}.md"
        found = self.store.passages([id_ for id_, _ in indexes.lexical.search(TERMS.question("街道志愿者"), 100)])
        assert {passage.file for passage in found.values()} <= set(self.truth)

    @invariant()
    def holds_what_the_dict_holds(self) -> None:
        if hasattr(self, "store"):
            met["operations"] += 1
            texts = {name: self.store.file_text(name) for name in self.store.files()}
            assert texts == {name: article(*which, sections=1) for name, which in self.truth.items()}


def test_a_data_folder_holds_what_a_dict_holds(record_property: Callable[[str, object], None]) -> None:
    met.clear()
    run_state_machine_as_test(
        AgainstADict,
        settings=settings(
            max_examples=OPERATIONS // STEPS,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    for name, count in met.items():
        record_property(name, count)
