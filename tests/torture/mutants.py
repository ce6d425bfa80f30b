"""Changes the code a line at a time, with mutmut (the extra ``mutants``), and counts the changes that a test notices::

    python -m torture.mutants [--every DIGIT] [--children N]

What is changed, and by which tests it should be noticed, is in pyproject.toml. With ``--every 7``, only each function's
changes numbered 7, 17, 27 …: a tenth of them. The counts are kept for docs/promises.md; ``mutmut browse`` shows which
changes nobody noticed. Changes that nobody can notice are left out: SQL and names of codecs in other letters, and the
type that ``typing.cast`` is given.
"""

from __future__ import annotations

import argparse
import ast
import codecs
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACE = "tests/torture/mutants.py"
UNNOTICED = {0, 2, 5, 33, 34}
"""Exit codes that mutmut keeps where nothing failed: tests that passed, were broken off, or that there aren't."""

_SQL = re.compile(
    r"\s*(select\b.*\bfrom\b|insert (or \w+ )?into\b|update\b.*\bset\b|delete from\b|pragma\b|begin\b|commit\b|"
    r"rollback\b|(create|drop) (temp |unique |virtual )?(table|index|trigger|view)\b|alter table\b|attach\b|detach\b|"
    r"vacuum\b)",
    re.IGNORECASE | re.DOTALL,
)
_CODEC_TAKERS = {
    "decode",
    "encode",
    "decodes",
    "open",
    "fdopen",
    "read_text",
    "write_text",
    "lookup",
    "getincrementaldecoder",
}


def is_equal(before: ast.AST, after: ast.AST) -> bool:
    """Whether a function and its change do the same, as far as can be told by looking at them."""
    return all(
        isinstance(old, ast.Constant)
        and isinstance(new, ast.Constant)
        and isinstance(old.value, str)
        and isinstance(new.value, str)
        and _same(old.value, new.value, around)
        for old, new, around in differences(before, after, ())
    )


def differences(
    old: ast.AST | None, new: ast.AST | None, around: tuple[ast.AST, ...]
) -> Iterator[tuple[ast.AST | None, ast.AST | None, tuple[ast.AST, ...]]]:
    """The smallest parts that differ, with what is around them in the first; the functions' own names don't count."""
    if type(old) is not type(new) or old is None or new is None:
        yield old, new, around
        return
    if isinstance(old, ast.Constant):
        if ast.dump(old) != ast.dump(new):
            yield old, new, around
        return
    for name in old._fields:
        here, there = getattr(old, name, None), getattr(new, name, None)
        if isinstance(here, list) and isinstance(there, list):
            for one, other in zip_longest(here, there):
                if isinstance(one, ast.AST) or isinstance(other, ast.AST):
                    yield from differences(one, other, (*around, old))
                elif one != other:
                    yield old, new, around
        elif isinstance(here, ast.AST) or isinstance(there, ast.AST):
            yield from differences(here, there, (*around, old))
        elif here != there and not (name == "name" and not around):
            yield old, new, around


def _same(old: str, new: str, around: tuple[ast.AST, ...]) -> bool:
    parent = around[-1]
    call = next((node for node in reversed(around) if isinstance(node, ast.Call)), None)
    called = getattr(call.func, "attr", getattr(call.func, "id", "")) if call else ""
    if called == "cast" and parent is call:
        return True
    if old.casefold() != new.casefold():
        return False
    if called in _CODEC_TAKERS or (isinstance(parent, ast.keyword) and parent.arg == "encoding"):
        try:
            return codecs.lookup(old).name == codecs.lookup(new).name
        except LookupError:
            return False
    whole = next((node for node in reversed(around) if isinstance(node, ast.JoinedStr)), None)
    parts = [part.value if isinstance(part, ast.Constant) else "?" for part in whole.values] if whole else [old]
    return "'" not in old and _SQL.match("".join(map(str, parts))) is not None


def equal_ones(file: Path, names: set[str]) -> set[str]:
    """Of the changes of one of mutmut's files, those that do what was there before."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    found = set()
    for name in names:
        function = name.rpartition(".")[2]
        before = functions.get(f"{function.rpartition('__mutmut_')[0]}__mutmut_orig")
        after = functions.get(function)
        if before and after and is_equal(before, after):
            found.add(name)
    return found


def counts(folder: Path, ending: str) -> dict[str, Counter[str]]:
    """By part of the code, how many changes whose number ends so were killed, and how many survived."""
    found: dict[str, Counter[str]] = {}
    for file in sorted(folder.rglob("*.py.meta")):
        codes = json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"]
        told = {name: code for name, code in codes.items() if code is not None and name.endswith(ending)}
        equal = equal_ones(file.with_suffix(""), {name for name, code in told.items() if code in UNNOTICED})
        tried = Counter(
            "equal" if name in equal else "survived" if code in UNNOTICED else "killed" for name, code in told.items()
        )
        if tried:
            part = file.parent.relative_to(folder).as_posix()
            found.setdefault(part, Counter()).update(tried)
    return found


def main() -> None:
    """Prints a line for each part; exits with 1 when less than four fifths were killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", default="", choices=list("0123456789"), help="only changes whose number ends so")
    parser.add_argument("--children", type=int, default=2)
    parser.add_argument("--count", action="store_true", help="count what an earlier run left")
    given = parser.parse_args()
    folder = ROOT / "mutants"
    if not given.count:
        shutil.rmtree(folder, ignore_errors=True)  # verdicts of other tests, on other code
        wanted = [f"*__mutmut_*{given.every}"] if given.every else []
        mutmut = str(Path(sys.executable).with_name("mutmut"))
        run = [mutmut, "run", "--max-children", str(given.children), *wanted]
        if subprocess.run(run, cwd=ROOT, check=False).returncode:
            sys.exit("mutmut failed; nothing was kept.")
    by_part = counts(folder, given.every)
    total = sum(by_part.values(), Counter[str]())
    for part, found in (by_part | {"all": total}).items():
        could = found["killed"] + found["survived"]
        print(f"{part}: {found['killed']} of {could} killed, {found['killed'] / max(could, 1):.1%}")
    could = total["killed"] + total["survived"]
    if not could:
        sys.exit("No change was tried.")
    share = total["killed"] / could
    from torture.figures import entry, keep

    figures = {
        "changes": could,
        "left out, since they change nothing": total["equal"],
        "noticed": total["killed"],
        "noticed, %": round(100 * share, 1),
    }
    outcome = {"passed": int(share >= 0.8), "failed": int(share < 0.8), "skipped": 0}
    keep({PLACE: entry(**figures) | outcome | {"form": f"EVERY={given.every}" if given.every else "all"}})
    sys.exit(share < 0.8)


if __name__ == "__main__":
    main()
