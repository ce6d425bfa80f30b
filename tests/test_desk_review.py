"""What is kept for review, for how long, how it is found again, and how a question becomes a gold one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from qa.errors import InputError, NotFoundError
from qa.evaluate import read_gold
from qa.review import Feedback, ReviewLog, Wanted, add_gold, gold_row, log

DAY_MS = 86_400_000


def record(trace_id: str, question: str, status: str = "answered", **more: Any) -> dict[str, Any]:
    source = {"file": "a.md", "article": "渡口", "article_id": 7, "section": None, "start": 0, "end": 9}
    return {
        "id": None,
        "question": question,
        "searched_as": question,
        "status": status,
        "answer": "七艘" if status == "answered" else None,
        "confidence": 0.93 if status == "answered" else 0.0,
        "passages": [{"rank": 1, "source": source, "highlights": [{"start": 2, "end": 5}], "text": "渡口新添七艘"}],
        "trace_id": trace_id,
        "elapsed_ms": 12.5,
        **more,
    }


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[ReviewLog]:
    found = ReviewLog(tmp_path)
    yield found
    found.close()


def questions(found: ReviewLog, **wanted: Any) -> list[str]:
    return [asked.question for asked in found.asked(Wanted(**wanted))[0]]


def test_a_question_is_kept_with_all_that_is_shown_of_it(kept: ReviewLog) -> None:
    kept.record(record("t1", "渡口添了几艘船？"), surface="chat", history=["渡口在哪里？"])
    (asked,), total = kept.asked(Wanted())
    assert total == 1
    assert (asked.question, asked.surface, asked.history) == ("渡口添了几艘船？", "chat", ("渡口在哪里？",))
    assert (asked.status, asked.answer, asked.confidence, asked.elapsed_ms) == ("answered", "七艘", 0.93, 12.5)
    assert asked.passages[0]["source"]["article_id"] == 7
    assert "text" not in asked.passages[0]
    assert abs(asked.time_ms - time.time() * 1000) < 60_000


def test_what_is_kept_survives_the_program(tmp_path: Path) -> None:
    first = ReviewLog(tmp_path)
    for number in range(500):
        first.record(record(f"t{number}", f"第{number}问"), surface="api")
    first.close()
    second = ReviewLog(tmp_path)
    assert second.asked(Wanted())[1] == 500
    second.close()


def test_many_threads_may_tell_at_once(kept: ReviewLog) -> None:
    def tell(of: int) -> None:
        for number in range(50):
            kept.record(record(f"{of}-{number}", "问"), surface="api")

    threads = [threading.Thread(target=tell, args=(of,)) for of in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept.asked(Wanted())[1] == 400


def test_a_log_that_cannot_be_written_fails_no_question(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "review.db").write_bytes(b"no database at all" * 100)
    broken = ReviewLog(tmp_path)
    broken.record(record("t", "问"), surface="api")
    broken.record({"unlike": "a record"}, surface="api")
    broken.close()
    assert "could not be kept" in caplog.text
    assert (tmp_path / "review.db").read_bytes().startswith(b"no database")


def test_a_full_queue_drops_and_counts(kept: ReviewLog) -> None:
    kept.record(record("t0", "问"), surface="api")
    kept.flush()
    with kept._lock:  # the writer waits for it, as for a slow disk
        for number in range(log.WAITING + 300):
            kept.record(record(f"u{number}", "问"), surface="api")
        assert kept.dropped > 0
    assert kept.asked(Wanted())[1] == 1 + log.WAITING + 300 - kept.dropped


def test_nothing_is_kept_with_zero_days(tmp_path: Path) -> None:
    off = ReviewLog(tmp_path, days=0)
    off.record(record("t", "问"), surface="chat")
    with pytest.raises(NotFoundError, match="WENBAO_REVIEW_DAYS"):
        off.feedback("t", Feedback("up"))
    off.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_older_than_the_owner_wants_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time_ns() // 1_000_000
    first = ReviewLog(tmp_path, days=30)
    for age_days in (29, 31, 1):
        monkeypatch.setattr(log, "_now_ms", lambda age=age_days: now - age * DAY_MS)
        first.record(record(f"t{age_days}", f"{age_days}天前的问题"), surface="chat")
    first.flush()
    first.close()
    monkeypatch.setattr(log, "_now_ms", lambda: now)
    later = ReviewLog(tmp_path, days=30)
    later.record(record("new", "今天的问题"), surface="chat")
    assert questions(later) == ["今天的问题", "1天前的问题", "29天前的问题"]
    later.close()
    assert "31天前".encode() not in (tmp_path / "review.db").read_bytes()


def test_all_is_deleted_and_leaves_no_trace_in_the_file(tmp_path: Path) -> None:
    found = ReviewLog(tmp_path)
    found.record(record("t", "谁也不该再看到的问题"), surface="chat")
    found.feedback("t", Feedback("down", "other", "一句私话"))
    found.clear()
    assert found.asked(Wanted()) == ([], 0)
    found.close()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert "谁也不该".encode() not in content
    assert "一句私话".encode() not in content


def test_the_last_word_of_feedback_counts_and_an_unknown_trace_is_refused(kept: ReviewLog) -> None:
    kept.record(record("t", "问"), surface="chat")
    kept.feedback("t", Feedback("down", "ocr_error", "字认错了"))
    assert kept.one("t").feedback == Feedback("down", "ocr_error", "字认错了")
    kept.feedback("t", Feedback("up"))
    assert kept.one("t").feedback == Feedback("up")
    with pytest.raises(NotFoundError) as refusal:
        kept.feedback("unknown", Feedback("up"))
    assert refusal.value.code == "TRACE_UNKNOWN"


def test_questions_are_found_by_outcome_thumb_text_and_day(kept: ReviewLog) -> None:
    kept.record(record("a", "臺灣有多少縣？"), surface="chat")
    kept.record(record("b", "天坛几点关门？", "not_found"), surface="api")
    kept.record(record("c", "谁是会长", "possible"), surface="widget")
    kept.feedback("b", Feedback("down", "not_in_articles"))
    assert questions(kept, status="not_found") == ["天坛几点关门？"]
    assert questions(kept, thumb="down") == ["天坛几点关门？"]
    assert set(questions(kept, thumb="none")) == {"臺灣有多少縣？", "谁是会长"}
    assert questions(kept, surface="widget") == ["谁是会长"]
    assert questions(kept, text="台湾") == ["臺灣有多少縣？"]
    assert questions(kept, text="七艘") == ["臺灣有多少縣？"]
    assert questions(kept, text="%") == []
    today = date.today()
    assert len(questions(kept, since=today, until=today)) == 3
    assert questions(kept, since=today + timedelta(days=1)) == []


def test_pages_of_questions_tile_the_whole(kept: ReviewLog) -> None:
    for number in range(25):
        kept.record(record(f"t{number:02}", f"第{number}问"), surface="chat")
    pages = [kept.asked(Wanted(), offset=offset, limit=10) for offset in (0, 10, 20)]
    assert [total for _, total in pages] == [25, 25, 25]
    assert len({asked.trace_id for page, _ in pages for asked in page}) == 25


def test_equal_questions_that_were_not_answered_are_one_group(kept: ReviewLog) -> None:
    for number, question in enumerate(("谁是會長？", "谁是会长", "谁是会长?", "天坛几点关门")):
        kept.record(record(f"t{number}", question, "not_found"), surface="chat")
    kept.record(record("ok", "渡口在哪"), surface="chat")
    groups = kept.unanswered(Wanted())
    assert [(group.asked.question, group.times) for group in groups] == [("谁是会长?", 3), ("天坛几点关门", 1)]
    kept.mark_gold("t0")
    assert [group.asked.question for group in kept.unanswered(Wanted())] == ["天坛几点关门"]
    assert kept.one("t2").gold


def test_figures_count_what_was_asked(kept: ReviewLog) -> None:
    judged = [("answered", 1.0), ("answered", 0.95), ("answered", 0.1), ("possible", 0.0)]
    for number, (status, sure) in enumerate(judged):
        kept.record(record(f"t{number}", "问", status, confidence=sure, elapsed_ms=40.0 - number), surface="chat")
    kept.feedback("t1", Feedback("down", "other"))
    figures = kept.figures(Wanted())
    assert figures.days == [(date.today().isoformat(), {"answered": 3, "possible": 1, "not_found": 0})]
    assert figures.confidence == [0, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert figures.elapsed_ms == [37.0, 38.0, 39.0, 40.0]
    assert (figures.thumbs["down"], figures.thumbs["other"], figures.thumbs["up"]) == (1, 1, 0)


TEXT = "渡口\n新添了七 艘船。\n后来又添了七艘船。\n"


def test_a_gold_question_names_the_printed_place(tmp_path: Path) -> None:
    row = gold_row("R1", "添了几艘？", file="a.md", text=TEXT, evidence="七艘船", near=30, answer="七艘")
    assert (row["evidence"], row["evidence_start"], row["evidence_end"]) == ("七艘船", 17, 20)
    assert gold_row("R1", "?", file="a.md", text=TEXT, evidence="七艘船", near=0)["evidence"] == "七 艘船"
    add_gold(tmp_path, row)
    add_gold(tmp_path, gold_row("R2", "谁是会长？", history=["前一问"]))
    add_gold(tmp_path, gold_row("R1", "添了几艘船？", file="a.md", text=TEXT, evidence="七艘船", near=30))
    rows = [json.loads(line) for line in (tmp_path / "gold.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["id"], row["question"], row["type"]) for row in rows] == [
        ("R2", "谁是会长？", "unanswerable"),
        ("R1", "添了几艘船？", "factual"),
    ]
    (question,) = read_gold(tmp_path / "gold.jsonl")
    assert (question.id, question.question) == ("R1", "添了几艘船？")
    assert TEXT[17:20] == "七艘船"


def test_evidence_that_is_not_there_is_refused() -> None:
    for evidence in ("八艘船", "", " "):
        with pytest.raises(InputError) as refusal:
            gold_row("R1", "?", file="a.md", text=TEXT, evidence=evidence)
        assert refusal.value.code == "EVIDENCE_NOT_FOUND"


def test_a_gold_question_has_the_fields_of_the_gold_set(shared: Path) -> None:
    with (shared / "gold" / "dev.jsonl").open(encoding="utf-8") as lines:
        known = {key for line in lines for key in json.loads(line)}
    assert gold_row("R1", "?", file="a.md", text=TEXT, evidence="七艘").keys() <= known
