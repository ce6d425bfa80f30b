"""How fast a batch is beside questions asked one by one, and what a million rows cost in memory.

    python -m benchmarks.batch QUESTIONS.jsonl                  # ratios within one run, over the sample pages
    python -m benchmarks.batch --rows 1000000 --distinct 200    # growth of memory, csv and jsonl, written and resumed

Each million is answered in a process of its own by the real bot; times mean little on a busy machine, ratios more.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from qa.batch import Beside, Questions, about, run
from qa.bot import Bot
from qa.config import Settings


def throughput(questions: Path, commands: int) -> None:
    """Rows a second: as a batch, by ``Bot.ask`` one by one, by the command ``wenbao ask``."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Bot.open(Settings(data=Path(folder) / "data", remembered_mb=0)) as bot,
    ):
        rows = [row for row in Questions.open(questions) if row.asks and not row.history]
        bot.warm()
        for row in rows:  # what is remembered of the passages is at hand for both
            bot.ask(row.question)
        began = time.perf_counter()
        for row in rows:
            bot.ask(row.question)
        alone_s = (time.perf_counter() - began) / len(rows)
        path, out = Path(folder) / "q.jsonl", Path(folder) / "out.jsonl"
        speeds = {}
        for name, times in (("distinct", 1), ("each 20 times", 20)):
            lines = [json.dumps({"question": row.question}) + "\n" for row in rows] * times
            path.write_text("".join(lines), encoding="utf-8")
            began = time.perf_counter()
            run(bot, Questions.open(path), out, overwrite=True, about=about(bot), extras=Beside(bot))
            batch_s = (time.perf_counter() - began) / len(lines)
            speeds[name] = batch_s
            print(f"batch, {name}: {1 / batch_s:.0f} rows/s, {alone_s / batch_s:.1f} times Bot.ask one by one")
        command = [sys.executable, "-m", "qa.cli", "--data", str(bot.settings.data), "ask", "--json"]
        began = time.perf_counter()
        for row in rows[:commands]:
            subprocess.run([*command, row.question], check=True, capture_output=True)
        command_s = (time.perf_counter() - began) / commands
        print(f"Bot.ask one by one: {1 / alone_s:.0f} a second; `wenbao ask`: {1 / command_s:.2f} a second")
        for name, batch_s in speeds.items():
            print(f"batch, {name}: {command_s / batch_s:.0f} times `wenbao ask`")


def million(rows: int, distinct: int, format_: str) -> None:
    """Growth of this process's memory while so many rows are answered into jsonl."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Bot.open(Settings(data=Path(folder) / "data", top_k=1, remembered_mb=0)) as bot,
    ):
        bot.warm()
        path = Path(folder) / f"q.{format_}"
        with path.open("w", encoding="utf-8") as file:
            file.write("id,question\n" if format_ == "csv" else "")
            for i in range(rows):
                asked = f"第{i % distinct}个街道的工会发了多少口罩？"
                file.write(
                    f"{i},{asked}\n" if format_ == "csv" else json.dumps({"id": str(i), "question": asked}) + "\n"
                )
        warm = Path(folder) / "warm.txt"
        warm.write_text(
            "".join(f"第{i}个街道的工会发了多少口罩？\n" for i in range(min(distinct, 200))), encoding="utf-8"
        )
        run(bot, Questions.open(warm), Path(folder) / "warm.jsonl", about=about(bot), extras=Beside(bot))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        report = run(bot, Questions.open(path), Path(folder) / "out.jsonl", about=about(bot), extras=Beside(bot))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        took = time.perf_counter() - began
        speed = f"{grown:.0f} MiB more, {report.rows / took:.0f} rows/s"
        print(f"{report.rows} rows of {format_}, {distinct} distinct: {speed}")


def main() -> None:
    """As the module's docstring says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", nargs="?", type=Path)
    parser.add_argument("--commands", type=int, default=5)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--distinct", type=int, default=200)
    parser.add_argument("--format", choices=["csv", "jsonl"])
    given = parser.parse_args()
    if given.questions:
        throughput(given.questions, given.commands)
    if given.rows and given.format:
        million(given.rows, given.distinct, given.format)
    elif given.rows:
        for format_ in ("csv", "jsonl"):
            more = ["--rows", str(given.rows), "--distinct", str(given.distinct), "--format", format_]
            subprocess.run([sys.executable, "-m", "benchmarks.batch", *more], check=True)


if __name__ == "__main__":
    main()
