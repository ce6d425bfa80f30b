"""Questions of every odd kind: refused with a code, or answered without harm and echoed exactly as they were asked.

The numbers are those of the catalogue of bad inputs.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_corpora import article, write
from tiny_models import static_folder

from qa.answer import record_json
from qa.batch import Questions, run
from qa.bot import Bot
from qa.config import Settings
from qa.errors import QuestionError

STATUSES = {"answered", "possible", "not_found"}


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    folder = tmp_path_factory.mktemp("questions")
    pages = write(folder / "pages", {f"{number}.md": article(number) for number in range(3)})
    model = str(static_folder(folder / "model"))
    with Bot.open(Settings(data=folder / "data", model=model), index_seeds=False) as opened:
        opened.index([pages])
        yield opened


@pytest.mark.parametrize(
    ("case", "question", "code"),
    [
        ("QUES-001", "", "QUESTION_EMPTY"),
        ("QUES-002", "   \n\u3000\u200b", "QUESTION_EMPTY"),
        ("QUES-002", "\ufeff\u2060\u00ad\u200d", "QUESTION_EMPTY"),
        ("too long", "水" * 2001, "QUESTION_TOO_LONG"),
        ("QUES-005", "a" * (1 << 20), "QUESTION_TOO_LONG"),
    ],
)
def test_what_is_no_question_is_refused(bot: Bot, case: str, question: str, code: str) -> None:
    with pytest.raises(QuestionError) as caught:
        bot.ask(question)
    assert (caught.value.code, caught.value.exit_code, caught.value.http_status) == (code, 2, 422), case


ODD = [
    ("QUES-003", "?"),
    ("QUES-003", "水"),
    ("QUES-006", "😀👨‍👩‍👧‍👦🇨🇳"),
    ("QUES-006", "؟مرحبا"),
    ("QUES-006", "Z̸̢͎a͓̤l̠g͇o̥ 口罩"),
    ("QUES-006", "ＡＢＣ　１２３？"),
    ("QUES-006", "\uf8d0\uf8d1"),
    ("QUES-008", "'; DROP TABLE articles;--"),
    ("QUES-008", '"a" OR NEAR(b c) * ^ :'),
    ("QUES-008", "terms:[* TO *] AND -x +y /a.*b/~2"),
    ("QUES-009", "(a+)+$" + "a" * 30),
    ("QUES-009", "(" * 2000),
    ("QUES-010", 'id in ["x"] or 1==1 --'),
    ("QUES-012", "<script>alert(1)</script><img src=x onerror=alert(1)>"),
    ("QUES-013", "asdkjh qwe"),
    ("control characters", "口\x00罩\x1b[2J\x07"),
    ("exactly the longest", "水" * 2000),
    ("line ends", "口罩\r\n多少\n"),
]


@pytest.mark.parametrize(("case", "question"), ODD)
def test_an_odd_question_is_answered_and_echoed_exactly(bot: Bot, case: str, question: str) -> None:
    record = json.loads(record_json(bot.ask(question)))
    assert record["question"] == question, case
    assert record["status"] in STATUSES
    assert len(record["passages"]) <= 5


@pytest.mark.parametrize(("case", "question"), ODD)
def test_a_question_file_gives_the_same_record_as_a_single_question(
    bot: Bot, tmp_path: Path, case: str, question: str
) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps({"id": "x", "question": question}) + "\n", encoding="utf-8")
    out = io.BytesIO()
    run(bot, Questions.open(path), out)
    timeless = {"trace_id": None, "elapsed_ms": None}
    assert json.loads(out.getvalue()) | timeless == bot.ask(question, id="x") | timeless, case


@pytest.mark.parametrize(
    "syntax", ["志愿者 OR 口罩", "志愿者* AND 口罩", '"志愿者口罩"', "terms:志愿者 口罩", "志愿者^9 口罩~1"]
)
def test_query_syntax_is_only_words(bot: Bot, syntax: str) -> None:
    """No operator is obeyed: the passages are ranked by the words alone, so all are found that hold either of them."""
    asked, plain = bot.ask(syntax, top_k=50), bot.ask("志愿者 口罩", top_k=50)

    def places(record: dict[str, object]) -> set[tuple[str, int]]:
        passages = record["passages"]
        assert isinstance(passages, list)
        return {(p["source"]["file"], p["source"]["start"]) for p in passages if p["why"]["lexical_rank"]}

    assert places(asked) >= places(plain) != set()


def test_nonsense_is_not_answered(seeds_bot: Bot) -> None:
    record = seeds_bot.ask("asdkjh qwe")
    assert record["status"] != "answered", "QUES-013"
    assert record["answer"] is None


def test_hostile_history_is_only_text(bot: Bot) -> None:
    record = bot.ask("那里呢？", history=["'; DROP TABLE articles;--", "(" * 500, "\x00", ""])
    assert record["status"] in STATUSES
    assert bot.store.counts()["articles"] == 3


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_with_a_letter_is_answered(bot: Bot, text: str) -> None:
    question = f"{text}水{text}"
    record = bot.ask(question)
    assert record["question"] == question
    assert record["status"] in STATUSES
