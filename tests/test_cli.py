"""The command line as a user sees it: output, exit codes, one line for each failure."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from small_corpora import write
from tiny_models import static_folder

from qa.bot import Bot
from qa.cli import batch, doctor, run, show
from qa.config import Settings
from qa.errors import ModelError, NetworkError, StoreError

SEEDS = Path(__file__).parents[1] / "seeds"
PAGE = """# 北门市场改造完工

　　本报讯（记者 王小明）北门市场的改造昨天完工，新市场有三百个摊位。

## 白菜

　　市场每天卖出三千斤白菜，比去年多五百斤。菜农说，今年雨水好，白菜长得也好。
"""


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Wenbao = Callable[..., Done]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(static_folder(tmp_path_factory.mktemp("model")))


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("WENBAO_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def wenbao(tmp_path: Path, model: str, capfd: pytest.CaptureFixture[str]) -> Wenbao:
    """Runs a command on the data folder of this test, with a model of a few kilobytes."""

    def call(*arguments: object) -> Done:
        capfd.readouterr()
        code = run(["--data", str(tmp_path / "data"), "--model", model, *map(str, arguments)])
        captured = capfd.readouterr()
        return Done(code, captured.out, captured.err)

    return call


@pytest.fixture
def corpus(tmp_path: Path, wenbao: Wenbao) -> Path:
    """A folder with one page, indexed."""
    folder = write(tmp_path / "pages", {"market.md": PAGE})
    assert wenbao("index", folder).code == 0
    return folder


def test_help_names_every_command(wenbao: Wenbao) -> None:
    done = wenbao("--help")
    assert done.code == 0
    for name in ("index", "ask", "batch", "inspect", "eval", "serve", "doctor", "stats"):
        assert re.search(rf"^  {name} ", done.out, re.MULTILINE)


# index


def test_index_says_what_it_did(tmp_path: Path, wenbao: Wenbao) -> None:
    folder = write(tmp_path / "pages", {"a.md": PAGE, "b.txt": "图书馆新买了两万册图书，下月上架。"})

    def figures(done: Done) -> dict[str, int]:
        assert done.code == 0
        return {line.split()[0]: int(line.split()[1]) for line in done.out.splitlines()}

    first = figures(wenbao("index", folder))
    assert first["passages"] >= 2
    assert first == {"added": 2, "changed": 0, "removed": 0, "unchanged": 0, "passages": first["passages"]}
    write(folder, {"a.md": PAGE + "\n尾声。\n"})
    (folder / "b.txt").unlink()
    assert figures(wenbao("index", folder, "--prune", "--dry-run"))["removed"] == 1
    second = figures(wenbao("index", folder, "--prune"))
    assert (second["changed"], second["removed"]) == (1, 1)
    third = figures(wenbao("index", folder))
    assert (third["unchanged"], third["changed"], third["removed"]) == (1, 0, 0)


def test_index_goes_on_after_a_bad_file_and_names_it(tmp_path: Path, wenbao: Wenbao) -> None:
    folder = write(tmp_path / "pages", {"good.md": PAGE})
    (folder / "bad.txt").write_bytes(b"\xff" * 40)
    done = wenbao("index", folder)
    assert done.code == 3
    assert re.search(r"^added +1 +good\.md$", done.out, re.MULTILINE)
    assert re.search(r"^wenbao: [A-Z_]+: .*bad\.txt", done.err, re.MULTILINE)


# ask


def test_ask_prints_the_record_that_python_gives(tmp_path: Path, wenbao: Wenbao, corpus: Path, model: str) -> None:
    assert corpus.is_dir()
    done = wenbao("ask", "市场每天卖出多少白菜？", "--json", "--top-k", "1")
    assert done.code == 0
    with Bot.open(Settings(data=tmp_path / "data", model=model, top_k=1)) as bot:
        expected = bot.ask("市场每天卖出多少白菜？")
    for record in (expected, found := done.json()):
        record.update(trace_id=None, elapsed_ms=None)
    assert found == expected
    assert found["passages"][0]["source"]["file"] == "market.md"
    assert len(found["passages"]) == 1


def test_ask_shows_the_passage_and_its_place(wenbao: Wenbao, corpus: Path) -> None:
    assert corpus.is_dir()
    done = wenbao("ask", "市场每天卖出多少白菜？")
    assert done.code == 0
    start = PAGE.index("市场每天卖出三千斤")
    assert "北门市场改造完工 › 白菜" in done.out
    assert f"market.md:{start}-" in done.out
    assert "市场每天卖出三千斤白菜" in done.out
    assert "\x1b" not in done.out  # no terminal, no colours


def test_a_follow_up_says_what_it_was_searched_as(wenbao: Wenbao, corpus: Path) -> None:
    assert corpus.is_dir()
    done = wenbao("ask", "那北门市场呢？", "--history", "南门市场每天卖出多少斤白菜？")
    assert done.out.startswith("searched as: 北门市场每天卖出多少斤白菜？\n")


def test_the_sentence_is_marked_on_a_terminal_unless_colours_are_unwanted(
    wenbao: Wenbao, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert corpus.is_dir()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = wenbao("ask", "市场每天卖出多少白菜？").out
    assert re.search(r"\x1b\[33m\x1b\[4m市场每天卖出三千斤白菜，比去年多五百斤。\x1b\[0m", coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = wenbao("ask", "市场每天卖出多少白菜？").out
    assert plain == re.sub(r"\x1b\[[0-9;]*m", "", coloured)


def test_control_characters_of_an_article_do_not_reach_the_terminal(tmp_path: Path, wenbao: Wenbao) -> None:
    evil = "# 标题\x1b]0;owned\x07\n\n市场\x1b[2J每天卖出\u202e三千斤白菜，比去年多五百斤，菜农都很高兴。\n"
    write(tmp_path / "pages", {"evil.md": evil})
    assert wenbao("index", tmp_path / "pages").code == 0
    for command in (("ask", "市场每天卖出多少白菜？"), ("inspect", tmp_path / "pages" / "evil.md")):
        shown = wenbao(*command).out
        assert not set(shown) & {"\x1b", "\x07", "\u202e"}
        assert "\\x1b" in shown


def test_without_a_corpus_the_samples_are_indexed_first(wenbao: Wenbao) -> None:
    if not list(SEEDS.glob("*.txt")):
        pytest.skip("seeds/ isn't beside the package")
    figures = wenbao("stats", "--json").json()
    assert (figures["files"], figures["articles"]) == (5, 23)


# batch


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    rows = [
        {"id": "007", "question": "市场每天卖出多少白菜？"},
        {"question": "那北门市场呢？", "history": ["南门市场每天卖出多少斤白菜？"]},
        {"id": "x", "question": ""},
    ]
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_batch_writes_beside_its_input_and_names_bad_rows(wenbao: Wenbao, corpus: Path, asked: Path) -> None:
    assert corpus.is_dir()
    done = wenbao("batch", asked)
    assert done.code == 3
    out = asked.with_name("questions.answers.jsonl")
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [record["id"] for record in records] == ["007", "2", "x"]
    assert records[1]["searched_as"] == "北门市场每天卖出多少斤白菜？"
    assert records[2]["error"]["code"] == "QUESTION_EMPTY"
    assert re.search(r"^3 rows \(jsonl, utf-8\): .*1 error", done.err, re.MULTILINE)
    assert re.search(r"^wenbao: QUESTION_EMPTY: Line 3: ", done.err, re.MULTILINE)
    again = wenbao("batch", asked)
    assert (again.code, again.err.split(":")[1]) == (2, " OUTPUT_EXISTS")
    assert wenbao("batch", asked, "--overwrite").code == 3
    assert wenbao("batch", asked, "--resume").code == 3


def test_a_long_file_is_shared_out_and_a_short_one_is_not(
    wenbao: Wenbao, corpus: Path, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert corpus.is_dir()
    counts = []

    @contextmanager
    def shared_out(bot: Bot, count: int) -> Iterator[Bot]:
        counts.append(count)
        yield bot

    monkeypatch.setattr(batch, "shared_out", shared_out)
    monkeypatch.setattr(batch, "usable_cores", lambda: 16)
    for rows in (batch.SHARED_ROWS - 1, batch.SHARED_ROWS):
        asked.write_text('{"question": "哪里？"}\n' * rows, encoding="utf-8")
        assert wenbao("batch", asked, "--overwrite").code == 0
    assert counts == [1, batch.MOST_PROCESSES]


def test_batch_writes_to_standard_output(wenbao: Wenbao, corpus: Path, asked: Path) -> None:
    assert corpus.is_dir()
    done = wenbao("batch", asked, "-o", "-")
    assert [json.loads(line)["id"] for line in done.out.splitlines()] == ["007", "2", "x"]
    assert wenbao("batch", asked, "-o", "-", "--resume").code == 2


def test_a_batch_that_can_not_be_written_is_refused_before_anything_is_loaded(
    wenbao: Wenbao, asked: Path, tmp_path: Path
) -> None:
    done = wenbao("batch", asked, "-o", asked)
    assert (done.code, done.err.split(":")[1]) == (2, " OUTPUT_IS_INPUT")
    assert wenbao("batch", asked, "-o", tmp_path / "nowhere" / "x.jsonl").code == 2
    assert not (tmp_path / "data").exists()


# inspect


def test_inspect_prints_the_structure_with_offsets_that_hold(tmp_path: Path, wenbao: Wenbao) -> None:
    path = write(tmp_path, {"market.md": PAGE}) / "market.md"
    page = wenbao("inspect", path, "--json").json()
    assert (page["file"], page["encoding"], page["chars"]) == ("market.md", "utf-8", len(PAGE))
    assert page.keys() == {"file", "encoding", "chars", "articles", "furniture"}
    (article,) = page["articles"]
    assert article.keys() == {
        "headline",
        "kicker",
        "subhead",
        "byline",
        "date",
        "date_source",
        "start",
        "end",
        "sections",
    }
    assert article["headline"] == "北门市场改造完工"
    (section,) = [section for section in article["sections"] if section["heading"] == "白菜"]
    (passage,) = section["passages"]
    assert PAGE[passage["start"] : passage["end"]].strip() == passage["text"]
    tree = wenbao("inspect", path).out
    assert f"■ 北门市场改造完工  {article['start']}-{article['end']}" in tree
    assert f"□ 白菜  {section['start']}-{section['end']}" in tree


def test_inspect_refuses_what_it_can_not_read(tmp_path: Path, wenbao: Wenbao) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04")
    outcomes = [wenbao("inspect", path) for path in (tmp_path, tmp_path / "absent.txt", tmp_path / "x.zip")]
    assert [done.code for done in outcomes] == [2, 3, 3]
    assert all(re.fullmatch(r"wenbao: [A-Z_]+: [^\n]+\n", done.err) for done in outcomes)


# eval


def test_eval_measures_a_set_and_compares_it_with_a_kept_run(tmp_path: Path, wenbao: Wenbao) -> None:
    rows = [
        {"_id": f"p{i}", "title": "", "text": f"第{name}街道发放了口罩{i}千只。"} for i, name in enumerate("甲乙丙丁")
    ]
    queries = [{"_id": f"q{i}", "text": f"第{name}街道发了多少口罩？"} for i, name in enumerate("甲乙丙丁")]
    qrels = "query-id\tcorpus-id\tscore\n" + "".join(f"q{i}\tp{i}\t1\n" for i in range(4))
    folder = write(
        tmp_path / "masks",
        {
            "corpus.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
            "queries.jsonl": "".join(json.dumps(row) + "\n" for row in queries),
            "qrels.tsv": qrels,
        },
    )
    done = wenbao("eval", folder, "--leg", "lexical", "--json", "--save", tmp_path / "run.json")
    assert done.json() == {
        "set": "masks",
        "passages": 4,
        "queries": 4,
        "leg": "lexical",
        "measures": {"recall@1": 1.0, "recall@5": 1.0, "recall@10": 1.0, "mrr@10": 1.0, "ndcg@10": 1.0},
    }
    assert not (tmp_path / "data").exists()  # indexed in a store of its own
    write(folder, {"qrels.tsv": qrels.replace("q0\tp0", "q0\tp1")})
    worse = wenbao("eval", folder, "--leg", "lexical", "--baseline", tmp_path / "run.json", "--max-drop", "0.2")
    assert worse.code == 3
    assert "recall@1   0.7500  -0.2500" in worse.out
    assert "lost 1: q0\n" in worse.err
    assert "wenbao: MEASURES_FELL: " in worse.err
    assert wenbao("eval", folder, "--baseline", tmp_path / "run.json", "--max-drop", "0.9").code == 0
    assert wenbao("eval", folder, "--max-drop", "0.9").code == 2


def test_eval_asks_the_corpus_for_the_evidence_of_gold_questions(tmp_path: Path, wenbao: Wenbao, corpus: Path) -> None:
    assert corpus.is_dir()
    start = PAGE.index("三千斤")
    row = {
        "id": "1",
        "question": "每天卖出多少白菜？",
        "file": "market.md",
        "evidence_start": start,
        "evidence_end": start + 3,
    }
    gold = write(tmp_path, {"gold.jsonl": json.dumps(row) + "\n"}) / "gold.jsonl"
    result = wenbao("eval", gold, "--leg", "lexical", "--json").json()
    assert (result["set"], result["queries"], result["measures"]["recall@1"]) == ("gold", 1, 1.0)


# stats, doctor


def test_stats_count_the_corpus(wenbao: Wenbao, corpus: Path) -> None:
    assert corpus.is_dir()
    figures = wenbao("stats", "--json").json()
    assert (figures["files"], figures["articles"], figures["generation"]) == (1, 1, 1)
    assert figures["passages"] == figures["vectors"]
    assert figures["disk_bytes"] > 0
    shown = wenbao("stats").out
    assert re.search(r"^articles +1$", shown, re.MULTILINE)
    assert "█" in shown


def test_stats_forecast_larger_corpora_by_what_this_one_costs(wenbao: Wenbao, corpus: Path) -> None:
    assert corpus.is_dir()
    found = wenbao("stats", "--forecast", "--json").json()["forecast"]
    assert [one["passages"] for one in found["corpora"]] == [10**5, 10**7, 10**9]
    hours = found["corpora"][0]["passages"] / found["costs"]["passages_per_s"] / 3600
    assert found["corpora"][0]["hours"] == pytest.approx(hours)
    shown = wenbao("stats", "--forecast").out
    assert all(f"{passages:,}" in shown for passages in (10**5, 10**7, 10**9))


def test_spread_is_the_textbook_s() -> None:
    assert show.spread([1, 2, 3, 10]) == {"min": 1, "median": 2.5, "mean": 4, "max": 10}
    assert show.spread([]) == {"min": 0, "median": 0, "mean": 0, "max": 0}


def test_doctor_finds_a_damaged_index_and_repairs_it(tmp_path: Path, wenbao: Wenbao, corpus: Path) -> None:
    assert corpus.is_dir()
    assert wenbao("doctor").code == 0
    (damaged,) = (tmp_path / "data" / "indexes").glob("*/vectors")
    for file in damaged.iterdir():
        file.write_bytes(b"\0" * file.stat().st_size)
    sick = wenbao("doctor")
    assert sick.code == 5
    assert re.search(r"^failed  INDEX_", sick.out, re.MULTILINE)
    assert "wenbao: DOCTOR: " in sick.err
    assert wenbao("doctor", "--repair").code == 0
    assert wenbao("doctor").code == 0


@pytest.mark.parametrize(
    ("address", "local"),
    [
        (("127.0.0.1", 80), True),
        (("127.9.9.9", 80), True),
        (("::1", 80, 0, 0), True),
        (("localhost", 80), True),
        ((None,), True),
        ("/run/socket", True),
        (("10.0.0.1", 80), False),
        (("huggingface.co", 443), False),
        (("127.0.0.1.example", 443), False),
        (("fe80::1%eth0", 80), False),
        ((b"api.gradio.app",), False),
    ],
)
def test_an_address_is_local_only_on_this_machine(address: object, local: bool) -> None:
    assert doctor.is_local(address) is local


CALLS_OUT = """
import socket, sys
from qa.cli.doctor import Watch
watch = Watch()
for call in (lambda: socket.create_connection(("192.0.2.1", 80), 1), lambda: socket.getaddrinfo("hub.example", 443)):
    try:
        call()
    except ConnectionRefusedError:
        pass
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
print(sorted(watch.calls))
"""


def test_the_watch_refuses_and_notes_what_calls_out() -> None:
    done = subprocess.run([sys.executable, "-c", CALLS_OUT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(["socket.getaddrinfo 192.0.2.1", "socket.getaddrinfo hub.example"])


def test_doctor_offline_proves_that_nothing_calls_out(tmp_path: Path, model: str) -> None:
    command = [
        sys.executable,
        "-m",
        "qa.cli",
        "--data",
        str(tmp_path / "data"),
        "--model",
        model,
        "doctor",
        "--offline",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "ok      offline    nothing called out beyond this machine"


# failures


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["nonsense"], 2),
        (["ask"], 2),
        (["ask", "x", "--nonsense"], 2),
        (["ask", ""], 2),
        (["ask", " \n\u3000\u200b"], 2),
        (["ask", "x" * 3000], 2),
        (["ask", "x", "--top-k", "0"], 2),
        (["ask", "x", "--top-k", "51"], 2),
        (["serve", "--port", "70000"], 2),
        (["serve", "--port", "abc"], 2),
        (["batch", "absent.jsonl"], 2),
        (["inspect", "absent.txt"], 3),
        (["eval", "absent"], 2),
        (["--model", "./absent-model", "ask", "x"], 4),
        (["ask", "x", "--model", "./absent-model"], 4),
        (["--data", "/dev/null/data", "ask", "x"], 5),
    ],
)  # fmt: skip
def test_every_failure_is_one_line_with_its_exit_code(wenbao: Wenbao, arguments: Sequence[str], code: int) -> None:
    done = wenbao(*arguments)
    assert done.code == code
    assert re.fullmatch(r"wenbao: [A-Z][A-Z_]+: [^\n]+\n", done.err), done.err
    assert done.out == ""


def test_an_unknown_setting_of_the_environment_is_refused(wenbao: Wenbao, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WENBAO_TOPK", "3")
    done = wenbao("stats")
    assert (done.code, done.err.startswith("wenbao: CONFIG_UNKNOWN_KEY: ")) == (2, True)


def test_an_option_wins_over_the_environment_before_and_after_the_command(
    wenbao: Wenbao, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert corpus.is_dir()
    monkeypatch.setenv("WENBAO_DATA", "/dev/null/data")
    monkeypatch.setenv("WENBAO_TOP_K", "2")
    assert len(wenbao("ask", "市场", "--json", "--top-k", "1").json()["passages"]) == 1
    assert len(wenbao("ask", "市场", "--json").json()["passages"]) == 2
    assert wenbao("ask", "市场", "--data", "/dev/null/other").code == 5


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ModelError("MODEL_INVALID", "It is none."), 4, "wenbao: MODEL_INVALID: It is none."),
        (StoreError("DISK_FULL", "Two\nlines\x1b[2J."), 5, "wenbao: DISK_FULL: Two lines\\x1b[2J."),
        (NetworkError("LLM_UNAVAILABLE", "It is out."), 6, "wenbao: LLM_UNAVAILABLE: It is out."),
        (KeyboardInterrupt(), 130, "wenbao: INTERRUPTED: "),
        (RuntimeError("boom"), 1, "wenbao: INTERNAL_ERROR: RuntimeError: "),
    ],
)
def test_an_error_from_anywhere_ends_as_one_line(
    wenbao: Wenbao, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, line: str
) -> None:
    def fail(*_: object, **__: object) -> Iterator[None]:
        raise error

    monkeypatch.setattr(Bot, "open", fail)
    done = wenbao("ask", "x")
    assert done.code == code
    assert done.err.startswith(line)
    assert done.err.count("\n") == 1
    if code == 1:
        log = Path(re.search(r"with (\S+\.log)", done.err)[1])  # type: ignore[index]
        assert "RuntimeError: boom" in log.read_text(encoding="utf-8")
        log.unlink()


def test_debug_shows_where_an_error_came_from(wenbao: Wenbao) -> None:
    done = wenbao("ask", "", "--debug")
    assert "Traceback (most recent call last)" in done.err
    assert done.err.splitlines()[-1].startswith("wenbao: QUESTION_EMPTY: ")


def command(tmp_path: Path, model: str) -> list[str]:
    return [sys.executable, "-m", "qa.cli", "--data", str(tmp_path / "data"), "--model", model]


def test_chinese_is_printed_in_any_locale(tmp_path: Path, model: str) -> None:
    path = write(tmp_path, {"market.md": PAGE}) / "market.md"
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    environment = {**plain, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [*command(tmp_path, model), "inspect", str(path)], capture_output=True, check=True, env=environment
    )
    assert "北门市场改造完工" in done.stdout.decode("utf-8")


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path, model: str) -> None:
    path = write(tmp_path, {"market.md": PAGE * 2000}) / "market.md"
    with subprocess.Popen(
        [*command(tmp_path, model), "inspect", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from qa.cli import run; run(['--help']);"
        "heavy = ('numpy', 'tantivy', 'rjieba', 'gradio', 'torch', 'tqdm');"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
