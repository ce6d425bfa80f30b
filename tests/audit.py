"""`make audit`: bandit over the code, pip-audit over constraints.txt, and an SBOM of what is installed.

Every finding is mended, or argued with a date in tests/audit.json; an argument that fits no finding any more is a
finding itself. Where the advisory service can't be reached, that is said, and fails only with ``--must-ask``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
ARGUED = Path(__file__).with_suffix(".json")
CODE = ("qa", "embeddings", "app.py")
SBOM = Path("build") / "sbom.json"
PACKAGES = "constraints.txt"

Findings = Counter[tuple[str, str]]
"""How often each was found: (its number, its file)."""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)


def holes_in_code(*paths: str) -> Findings:
    """What bandit finds, of every severity.

    Raises:
        RuntimeError: it didn't look at every file.
    """
    done = run("bandit", "--quiet", "--recursive", "--format", "json", *(paths or CODE))
    told = json.loads(done.stdout)
    if told["errors"] or not told["metrics"]["_totals"]["loc"]:
        raise RuntimeError(f"bandit couldn't read all: {told['errors']}")
    return Counter((one["test_id"], one["filename"]) for one in told["results"])


def holes_in_packages() -> Findings | None:
    """Known holes of the packages in constraints.txt; None when the advisory service didn't answer for all of them."""
    wanted = ("--requirement", PACKAGES, "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off")
    done = run("pip_audit", *wanted)
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return None
    if any("skip_reason" in package for package in packages):
        return None
    holes = [hole["id"] for package in packages for hole in package["vulns"]]
    return Counter((hole, PACKAGES) for hole in holes)


def unsettled(found: Findings, argued: Findings) -> list[str]:
    """Findings that nobody argued, and arguments that nothing was found for."""
    new = [f"{number} in {file}, {times} more than argued" for (number, file), times in (found - argued).items()]
    old = [f"{number} in {file}: argued, but no longer found" for number, file in argued - found]
    return sorted(new + old)


def argued(file: Path = ARGUED) -> Findings:
    lines = json.loads(file.read_text(encoding="utf-8"))
    return Counter({(line["finding"], line["file"]): line["times"] for line in lines})


def write_sbom() -> int:
    """Writes the installed packages as CycloneDX; how many there are.

    Raises:
        RuntimeError: it couldn't be written.
    """
    (ROOT / SBOM.parent).mkdir(exist_ok=True)
    wanted = ("--output-reproducible", "--pyproject", "pyproject.toml", "--output-file", str(SBOM), sys.executable)
    done = run("cyclonedx_py", "environment", *wanted)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return len(json.loads((ROOT / SBOM).read_text(encoding="utf-8"))["components"])


def main() -> None:
    """Says what was found; exits with 1 when something is unsettled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--must-ask", action="store_true", help="fail where the advisory service can't be asked")
    given = parser.parse_args()
    holes = holes_in_packages()
    asked = holes is not None
    settled = argued()
    if not asked:
        settled = Counter({key: times for key, times in settled.items() if key[1] != PACKAGES})
        print("pip-audit: the advisory service wasn't asked, since it can't be reached from here.")
    findings = holes_in_code() + (holes or Counter())
    left = unsettled(findings, settled)
    print("\n".join([f"{findings.total()} findings, {len(left)} neither mended nor argued.", *left]))
    print(f"{write_sbom()} packages are in {SBOM}.")
    sys.exit(bool(left) or (given.must_ask and not asked))


if __name__ == "__main__":
    main()
