"""Question files to answer files: order, resuming, what is never overwritten, and how little is held in memory."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.answer import Question, record_json
from qa.batch import CHUNK, BatchReport, Questions, Row, answering, answers, default_out, run
from qa.batch.answering import Memory
from qa.batch.answers_file import Tally, fill
from qa.batch.values import LINE_CHARS
from qa.errors import QuestionError, StoreError, UsageError

Record = dict[str, Any]


class Echo:
    """Answers every question with itself; refuses those that the real bot refuses; can be stopped after some calls."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.asked: list[Question] = []
        self.calls = 0
        self.stop_after = stop_after

    def check(self, question: str) -> None:
        if not question.strip():
            raise QuestionError("QUESTION_EMPTY", "The question is empty; write one.")

    def ask_many(self, questions: Sequence[Question]) -> list[Record]:
        if self.stop_after is not None and self.calls >= self.stop_after:
            raise KeyboardInterrupt
        self.calls += 1
        self.asked += questions
        return [
            {
                "id": question.id,
                "question": question.question,
                "status": "answered",
                "answer": "、".join((*question.history, question.question)),
                "passages": [],
            }
            for question in questions
        ]


def written(folder: Path, text: str, name: str = "questions.jsonl") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def jsonl(*rows: Mapping[str, object]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def newlines(data: bytes) -> list[int]:
    return [place for place, byte in enumerate(data) if byte == 10][:-1]


def run_to_memory(path: Path) -> tuple[list[Record], BatchReport]:
    out = io.BytesIO()
    report = run(Echo(), Questions.open(path), out)
    return [json.loads(line) for line in out.getvalue().splitlines()], report


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "CHUNK", 3)


MIXED = jsonl(
    {"id": "a", "question": "甲？"},
    {"id": "b", "question": "乙？", "history": ["甲？"]},
    {"id": "c", "question": "甲？"},
    {"id": "d"},
    {"question": "丙？"},
    {"id": "e", "question": " "},
    {"id": "f", "question": "丁？"},
    {"id": "g", "question": "戊？"},
)


def test_rows_keep_their_order_and_bad_ones_are_named_where_they_stand(tmp_path: Path) -> None:
    records, report = run_to_memory(written(tmp_path, MIXED))
    assert [record["id"] for record in records] == ["a", "b", "c", "d", "5", "e", "f", "g"]
    assert [record.get("answer") for record in records] == [
        "甲？",
        "甲？、乙？",
        "甲？",
        None,
        "丙？",
        None,
        "丁？",
        "戊？",
    ]
    assert records[3] == {
        "id": "d",
        "question": "",
        "status": "error",
        "error": {"code": "ROW_NO_QUESTION", "message": "Line 4 has no question.", "line": 4},
        "passages": [],
    }
    assert records[5]["error"]["code"] == "QUESTION_EMPTY"
    assert records[5]["error"]["line"] == 6
    assert (report.rows, report.errors, report.statuses) == (8, 2, {"answered": 6, "error": 2})
    assert [code for code, _ in report.problems] == ["ROW_NO_QUESTION", "QUESTION_EMPTY"]


def test_each_line_is_the_one_serialisation_of_its_record(tmp_path: Path) -> None:
    out = io.BytesIO()
    run(Echo(), Questions.open(written(tmp_path, MIXED)), out)
    for line in out.getvalue().decode().splitlines():
        assert line == record_json(json.loads(line))


def test_equal_questions_are_answered_once_but_not_with_another_history() -> None:
    echo = Echo()
    rows = [Row(1, "1", "甲？"), Row(2, "2", "甲？"), Row(3, "3", "甲？", ("乙？",)), Row(4, "4", "甲？")]
    records = [done.record for chunk in answers(echo, rows) for done in chunk]
    assert [(question.question, question.history) for question in echo.asked] == [("甲？", ()), ("甲？", ("乙？",))]
    assert [record["answer"] for record in records] == ["甲？", "甲？", "乙？、甲？", "甲？"]


def test_rows_are_read_no_further_than_a_chunk_ahead() -> None:
    taken = 0

    def endless() -> Iterator[Row]:
        nonlocal taken
        while True:
            taken += 1
            yield Row(taken, str(taken), f"第{taken}问")

    found = answers(Echo(), endless())
    asked = sum(len(next(found)) for _ in range(8))
    assert taken == asked <= 8 * CHUNK


def test_a_huge_line_is_refused_without_being_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    size = 64 * LINE_CHARS
    with path.open("wb") as file:
        file.write(b'{"question": "')
        for _ in range(64):
            file.write(b"a" * LINE_CHARS)
        file.write(b'"}\n{"question": "short"}\n')
    tracemalloc.start()
    records, _ = run_to_memory(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [record["status"] for record in records] == ["error", "answered"]
    assert records[0]["error"]["code"] == "LINE_TOO_LONG"
    assert peak < size / 4


@pytest.mark.parametrize("spare", [0, 1])
def test_the_line_limit_is_exact(tmp_path: Path, spare: int) -> None:
    frame = len('{"question":""}')
    line = '{"question":"' + "a" * (LINE_CHARS - frame + spare) + '"}\n'
    records, _ = run_to_memory(written(tmp_path, line))
    assert [record["status"] for record in records] == (["answered"] if spare == 0 else ["error"])


def test_ids_are_the_exact_characters_of_the_file(tmp_path: Path) -> None:
    text = (
        '{"id": "007", "question": "q"}\n{"id": 1e10, "question": "q"}\n{"id": 12345678901234567890, "question": "q"}\n'
        '{"id": "", "question": "q"}\n{"id": null, "question": "q"}\n{"id": 1.50, "question": "q"}\n'
    )
    records, _ = run_to_memory(written(tmp_path, text))
    assert [record["id"] for record in records] == ["007", "1e10", "12345678901234567890", "4", "5", "1.50"]


def test_repeated_ids_are_answered_and_named(tmp_path: Path) -> None:
    rows = [{"id": "1", "question": "a"}, {"id": "1", "question": "b"}, {"id": "2", "question": "c"}]
    records, report = run_to_memory(written(tmp_path, jsonl(*rows, {"id": "1", "question": "d"})))
    assert [record["answer"] for record in records] == ["a", "b", "c", "d"]
    assert report.warnings == (("DUPLICATE_ID", "Id '1' stands on 3 rows; all are answered."),)
    assert report.errors == 0


def test_text_files_hold_a_question_a_line_and_keep_blank_ones(tmp_path: Path) -> None:
    records, report = run_to_memory(written(tmp_path, "甲？\r\n\r\n  乙？ \n\n丙？", "questions.txt"))
    assert [(record["id"], record["status"], record["question"]) for record in records] == [
        ("1", "answered", "甲？"),
        ("2", "skipped", ""),
        ("3", "answered", "乙？"),
        ("4", "skipped", ""),
        ("5", "answered", "丙？"),
    ]
    assert (report.format, report.encoding) == ("txt", "utf-8")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_text_files_are_read_in_their_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "questions.txt"
    path.write_bytes("景山街道发了多少口罩？\n谁买了保温水壶？\n".encode(encoding))
    records, report = run_to_memory(path)
    assert [record["question"] for record in records] == ["景山街道发了多少口罩？", "谁买了保温水壶？"]
    assert report.encoding == encoding.removesuffix("-sig")


def test_a_damaged_line_does_not_make_mojibake_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    good = "景山街道发了多少口罩？\n".encode()
    path.write_bytes(good * 3 + "口罩".encode()[:-1] + b"\n" + good)
    records, _ = run_to_memory(path)
    assert [record["status"] for record in records] == ["answered", "answered", "answered", "error", "answered"]
    assert records[3]["error"]["code"] == "ROW_ENCODING"
    assert records[4]["question"] == "景山街道发了多少口罩？"


def test_the_output_appears_whole_under_its_name(tmp_path: Path) -> None:
    path = written(tmp_path, MIXED)
    out = default_out(path, "jsonl")
    assert out.name == "questions.answers.jsonl"
    report = run(Echo(), Questions.open(path), out)
    assert report.out == str(out)
    assert len(out.read_text(encoding="utf-8").splitlines()) == 8
    assert sorted(file.name for file in tmp_path.iterdir()) == ["questions.answers.jsonl", "questions.jsonl"]


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("calls", [0, 1, 2])
def test_an_interrupted_run_leaves_no_output_and_resumes_to_equal_bytes(tmp_path: Path, calls: int) -> None:
    path, whole, out = written(tmp_path, MIXED), tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    run(Echo(), Questions.open(path), whole)
    with pytest.raises(KeyboardInterrupt):
        run(Echo(stop_after=calls), Questions.open(path), out)
    assert not out.exists()
    report = run(Echo(), Questions.open(path), out, resume=True)
    assert out.read_bytes() == whole.read_bytes()
    assert report.rows == 8
    assert not out.with_name("out.jsonl.part").exists()


def whole_part(path: Path, out: Path) -> bytes:
    """What the file of answers holds when all rows are answered and the result is about to be written."""
    part = out.with_name(f"{out.name}.part")
    with part.open("w+b") as file, contextlib.closing(Memory()) as memory:
        fill(file, Echo(), iter(Questions.open(path)), Tally(), memory, about={"key": ""})
    data = part.read_bytes()
    part.unlink()
    return data


def test_a_run_cut_off_anywhere_resumes_to_equal_bytes(tmp_path: Path) -> None:
    path, out = written(tmp_path, MIXED), tmp_path / "out.jsonl"
    run(Echo(), Questions.open(path), out)
    whole = out.read_bytes()
    done = whole_part(path, out)
    part = tmp_path / "out.jsonl.part"
    for kept in {*range(0, len(done) + 1, 13), *(end + i for end in newlines(done) for i in (0, 1, 2))}:
        out.unlink(missing_ok=True)
        part.write_bytes(done[:kept])
        report = run(Echo(), Questions.open(path), out, resume=True)
        assert out.read_bytes() == whole
        assert report.resumed == max(0, done[:kept].count(b"\n") - 1)
        assert report.statuses == {"answered": 6, "error": 2}


def test_zeroes_that_a_power_cut_left_are_not_taken_for_answers(tmp_path: Path) -> None:
    path, out = written(tmp_path, MIXED), tmp_path / "out.jsonl"
    run(Echo(), Questions.open(path), out)
    whole = out.read_bytes()
    done = whole_part(path, out)
    out.unlink()
    (tmp_path / "out.jsonl.part").write_bytes(done[:100] + b"\0" * 500 + b"\n" + b"\0" * 20)
    run(Echo(), Questions.open(path), out, resume=True)
    assert out.read_bytes() == whole


def test_an_interrupted_run_of_another_corpus_is_not_continued(tmp_path: Path) -> None:
    path, out = written(tmp_path, MIXED), tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run(Echo(stop_after=0), Questions.open(path), out, about={"key": "one"})
    with pytest.raises(UsageError, match="another state") as caught:
        run(Echo(), Questions.open(path), out, resume=True, about={"key": "other"})
    assert caught.value.code == "RESUME_MISMATCH"


def test_resuming_with_other_questions_is_refused_and_nothing_is_changed(tmp_path: Path) -> None:
    path, out = written(tmp_path, MIXED), tmp_path / "out.jsonl"
    begun = jsonl({"key": ""}, {"id": "a", "question": "别的？", "status": "answered"})
    part = written(tmp_path, begun, "out.jsonl.part")
    before = part.read_bytes()
    with pytest.raises(UsageError, match="answers another question") as caught:
        run(Echo(), Questions.open(path), out, resume=True)
    assert caught.value.code == "RESUME_MISMATCH"
    assert part.read_bytes() == before


def test_resuming_a_finished_run_asks_nothing(tmp_path: Path) -> None:
    path, out, echo = written(tmp_path, MIXED), tmp_path / "out.jsonl", Echo()
    run(Echo(), Questions.open(path), out)
    before = out.read_bytes()
    report = run(echo, Questions.open(path), out, resume=True)
    assert (report.rows, report.resumed, echo.asked) == (8, 8, [])
    assert out.read_bytes() == before


@pytest.mark.parametrize("content", ["", "not ours\n", jsonl({"id": "a", "question": "甲？", "status": "answered"})])
def test_resume_never_touches_an_output_that_is_not_this_run_s(tmp_path: Path, content: str) -> None:
    path, out = written(tmp_path, MIXED), written(tmp_path, content, "out.jsonl")
    with pytest.raises(UsageError) as caught:
        run(Echo(), Questions.open(path), out, resume=True)
    assert caught.value.code == "OUTPUT_EXISTS"
    assert out.read_text(encoding="utf-8") == content


def test_an_output_that_is_there_is_replaced_only_on_demand_and_only_at_the_end(tmp_path: Path) -> None:
    path, out = written(tmp_path, MIXED), written(tmp_path, "precious\n", "out.jsonl")
    with pytest.raises(UsageError) as caught:
        run(Echo(), Questions.open(path), out)
    assert caught.value.code == "OUTPUT_EXISTS"
    with pytest.raises(KeyboardInterrupt):
        run(Echo(stop_after=0), Questions.open(path), out, overwrite=True)
    assert out.read_text(encoding="utf-8") == "precious\n"
    run(Echo(), Questions.open(path), out, overwrite=True)
    assert len(out.read_text(encoding="utf-8").splitlines()) == 8


def test_an_interrupted_run_is_not_thrown_away_unasked(tmp_path: Path) -> None:
    path, out = written(tmp_path, MIXED), tmp_path / "out.jsonl"
    part = written(tmp_path, "work\n", "out.jsonl.part")
    with pytest.raises(UsageError, match="--resume"):
        run(Echo(), Questions.open(path), out)
    assert part.read_text(encoding="utf-8") == "work\n"


@pytest.mark.parametrize("link", [False, True])
def test_the_questions_are_never_their_own_output(tmp_path: Path, link: bool) -> None:
    path = out = written(tmp_path, MIXED)
    if link:
        out = tmp_path / "link.jsonl"
        out.symlink_to(path)
    with pytest.raises(UsageError) as caught:
        run(Echo(), Questions.open(path), out, overwrite=True)
    assert caught.value.code == "OUTPUT_IS_INPUT"
    assert path.read_text(encoding="utf-8") == MIXED


@pytest.mark.usefixtures("small_chunks")
def test_a_full_disk_keeps_what_is_done_for_resuming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, out, calls = written(tmp_path, MIXED), tmp_path / "out.jsonl", 0
    real = os.fsync

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError) as caught:
        run(Echo(), Questions.open(path), out)
    assert caught.value.code == "DISK_FULL"
    assert not out.exists()
    report = run(Echo(), Questions.open(path), out, resume=True)
    assert report.resumed >= 3
    assert report.rows == 8


def test_two_runs_do_not_write_the_same_output(tmp_path: Path) -> None:
    path, out = written(tmp_path, MIXED), tmp_path / "out.jsonl"

    class Meddling(Echo):
        def ask_many(self, questions: Sequence[Question]) -> list[Record]:
            with pytest.raises(StoreError) as caught:
                run(Echo(), Questions.open(path), out, resume=True)
            assert caught.value.code == "BATCH_RUNNING"
            return super().ask_many(questions)

    run(Meddling(), Questions.open(path), out)
    assert len(out.read_text(encoding="utf-8").splitlines()) == 8


def test_progress_counts_every_row(tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    run(Echo(), Questions.open(written(tmp_path, MIXED)), io.BytesIO(), progress=lambda *step: steps.append(step))
    assert steps == [("answering", 8, 8)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=12))
def test_whatever_is_asked_comes_back_in_its_row(tmp_path_factory: pytest.TempPathFactory, asked: list[str]) -> None:
    path = written(tmp_path_factory.mktemp("batch"), jsonl(*({"question": text} for text in asked)))
    records, _ = run_to_memory(path)
    assert [record["question"] for record in records] == asked
    assert [record["id"] for record in records] == [str(line) for line in range(1, len(asked) + 1)]
