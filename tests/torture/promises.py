"""Writes docs/promises.md from docs/promises.json: each promise, its tests, and what they measured when they last ran.

``python -m torture.promises`` writes; with ``--tests`` it prints the files of tests that belong to a promise.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torture.figures import PLACE

ROOT = PLACE.parents[1]
PAGE = PLACE.with_suffix(".md")
FUZZ = "tests/torture/fuzz.py"
LOAD = "benchmarks/load.py"
MUTANTS = "tests/torture/mutants.py"
COVERED = "tests/torture/covered.py"
COMMANDS = (FUZZ, LOAD, MUTANTS, COVERED)
"""Measured by commands of their own, not by pytest."""
OF_TESTS = (COVERED, MUTANTS)
"""Those that try the tests themselves."""
PROMISES = {
    "An article or deletion that was acknowledged survives `kill -9`, a full disk and a restart, with no manual "
    "step.": (
        "tests/torture/test_kill_loop.py",
        "tests/torture/test_server_kills.py",
        "tests/torture/test_every_call.py",
        "tests/torture/test_disk_full.py",
        "tests/torture/test_model_based.py",
        "tests/torture/test_crowds.py",
    ),
    "A damaged, half-written, foreign or outdated index never gives an answer: it is rebuilt or refused.": (
        "tests/torture/test_bit_rot.py",
        "tests/test_store_bad_inputs.py",
    ),
    "No input causes a 5xx or a traceback; every bad input gets a stable code and one clear sentence.": (
        "tests/torture/test_parser_fuzz.py",
        FUZZ,
        "tests/torture/test_patterns.py",
        "tests/test_bad_input_catalogue.py",
        "tests/test_reading_bad_inputs.py",
        "tests/test_batch_bad_inputs.py",
        "tests/test_web_routes.py",
        "tests/test_web_fuzz_valid.py",
        "tests/test_web_fuzz_invalid.py",
    ),
    "Hostile articles, questions, files, host pages or LLM output never run script, make a browser call out, or show "
    "another's conversation.": (
        "tests/test_web_hostile.py",
        "tests/test_widget_hostile.py",
    ),
    "Loading a model or an index never runs code: safetensors only, the folder is scanned before any library sees it, "
    "no pickle anywhere.": (
        "tests/test_model_folders.py",
        "tests/test_pack.py",
        "tests/test_audit.py",
    ),
    "Under overload the server answers 429 or 503 with `Retry-After` and recovers by itself; with the LLM or the "
    "distributed engine down, it says so and still gives extracts or a clear refusal.": (
        LOAD,
        "tests/test_web_limits.py",
        "tests/test_web_connections.py",
        "tests/test_generate_faults.py",
    ),
}
HEAD = """# Promises

Written from docs/promises.json, which holds what the last run of each test measured. "Long" is the
form of `make torture` (TORTURE=34), "short" that of `make test`; the figures say how much was tried. What isn't counted
yet runs in `make test`, but nobody has kept its figures. Those of the Milvus engine (6) run by `make milvus`.
"""
TABLE = ("| test | date | result | form, seed | figures |", "|---|---|---|---|---|")


def page(measured: Mapping[str, Mapping[str, Any]]) -> str:
    """The page, in Markdown."""
    lines = [HEAD]
    for number, (promise, tests) in enumerate(PROMISES.items(), 1):
        lines += [f"## {number}. {promise}", "", *TABLE]
        lines += [_line(test, measured.get(test)) for test in tests]
        lines.append("")
    lines += ["## The tests themselves", "", *TABLE]
    lines += [*(_line(command, measured.get(command)) for command in OF_TESTS), ""]
    lines += ["## Again", "", "```", *_commands(measured), "```", ""]
    return "\n".join(lines)


def _line(test: str, found: Mapping[str, Any] | None) -> str:
    name = f"[{Path(test).stem}](../{test}): {_subject(test)}"
    if found is None:
        return f"| {name} | | not counted yet | | |"
    counts = ", ".join(f"{found[each]} {each}" for each in ("passed", "failed", "skipped") if found[each])
    figures = "; ".join(f"{what}: {_shown(figure)}" for what, figure in found["figures"].items())
    result = f"**FAIL** ({counts})" if found["failed"] else f"PASS ({counts})"
    return f"| {name} | {found['date']} | {result} | {found['form']}, {found['seed']} | {figures} |"


def _shown(figure: object) -> str:
    return f"{figure:,}" if isinstance(figure, int | float) else str(figure)


def _subject(test: str) -> str:
    """What the module says that it is for."""
    told = ast.get_docstring(ast.parse((ROOT / test).read_text(encoding="utf-8"))) or ""
    return told.split("\n\n")[0].replace("\n", " ").rstrip(":.").replace("|", "\\|")


def _commands(measured: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What ran, one line for each form and seed."""
    ways: dict[str, list[str]] = {}
    for test in files():
        if test in measured and test not in COMMANDS:
            form, seed = str(measured[test]["form"]), measured[test]["seed"]
            scale = form.partition("TORTURE=")[2] or "1"
            ways.setdefault(f"TORTURE={scale} TORTURE_SEED={seed}", []).append(test)
    command = "PYTHONPATH=tests .venv/bin/python -m pytest -p torture.figures --timeout 0"
    found = [f"{way} {command} {' '.join(tests)}" for way, tests in ways.items()]
    if LOAD in measured:
        found.append(f".venv/bin/python {LOAD} --keep")
    if FUZZ in measured:
        found.append("make fuzz")
    if COVERED in measured:
        found.append("make coverage")
    if MUTANTS in measured:
        digit = str(measured[MUTANTS]["form"]).partition("EVERY=")[2]
        found.append(f"make mutants EVERY={digit}" if digit else "make mutants")
    return found


def files() -> list[str]:
    """Every file that is on the page, once."""
    return list(dict.fromkeys([*(test for tests in PROMISES.values() for test in tests), *OF_TESTS]))


def main() -> None:
    """Writes the page, or prints the files of tests."""
    if sys.argv[1:] == ["--tests"]:
        print(*(test for test in files() if test not in COMMANDS))
    else:
        PAGE.write_text(page(json.loads(PLACE.read_text(encoding="utf-8"))), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
