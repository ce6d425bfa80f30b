"""`make audit`: bandit over the code, pip-audit over constraints.txt, and an SBOM of what is installed.

Every finding is mended, or argued with a date in tests/audit.json; an argument that fits no finding any more is a
finding itself. Where the advisory service can't be reached, that is said, and fails only with ``--must-ask``.

On a machine that reaches nothing, copies do: ``--advisories`` takes a checkout of pypa/advisory-database in place of
the service, ``--rules`` one of semgrep/semgrep-rules, whose security rules semgrep then tries.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # no stubs among the development tools
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

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


def packages() -> dict[str, str]:
    """Version of each package in constraints.txt, by its normalised name."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / PACKAGES).read_text(encoding="utf-8").splitlines())
    wanted = [Requirement(line) for line in lines if line]
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in wanted}


def holes_by(advisories: Path, versions: dict[str, str]) -> Findings:
    """Known holes of packages by a checkout of pypa/advisory-database.

    Raises:
        RuntimeError: the folder isn't such a checkout.
    """
    if not (advisories / "vulns").is_dir():
        raise RuntimeError(f"{advisories} has no folder vulns; it should be a checkout of pypa/advisory-database")
    found: Findings = Counter()
    for name, version in versions.items():
        for file in sorted((advisories / "vulns" / name).glob("*.yaml")):
            told = yaml.safe_load(file.read_text(encoding="utf-8"))
            if "withdrawn" not in told and any(_affects(one, version) for one in told["affected"]):
                found[told["id"], PACKAGES] += 1
    return found


def _affects(affected: dict[str, Any], version: str) -> bool:
    """Whether an entry of OSV's ``affected`` holds for the version: listed, or within a range of versions.

    Source: https://ossf.github.io/osv-schema/ (evaluation).
    """
    public = Version(Version(version).public)  # a hole of 2.9 is one of 2.9+cpu
    ranges = [one["events"] for one in affected.get("ranges", []) if one["type"] == "ECOSYSTEM"]
    listed = any(_is(public, str(one)) for one in affected.get("versions", []))
    return listed or any(_within(events, public) for events in ranges)


def _is(version: Version, listed: str) -> bool:
    """Whether this is the version listed; one of before PEP 440 (0.3.2d) is none that can be installed."""
    try:
        return Version(listed) == version
    except InvalidVersion:
        return False


def _within(events: list[dict[str, str]], version: Version) -> bool:
    """Whether the events leave the version vulnerable, taken in the order of their versions."""
    order = [(Version(str(value)), kind) for event in events for kind, value in event.items() if kind != "limit"]
    within = False
    for place, kind in sorted(order):
        if kind == "introduced":
            within = within or version >= place
        elif version >= place if kind == "fixed" else version > place:
            within = False
    return within


def holes_by_rules(semgrep: str, rules: Path, *paths: str) -> Findings:
    """What semgrep finds by the security rules of a checkout of semgrep/semgrep-rules.

    Raises:
        RuntimeError: it couldn't be run with these rules.
    """
    wanted = [option for language in ("python", "javascript") for option in ("--config", str(rules / language))]
    quiet = ("--metrics", "off", "--disable-version-check", "--quiet", "--json")
    command = [semgrep, "scan", *quiet, *wanted, *(paths or CODE)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        told = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(f"semgrep failed: {done.stderr}") from None
    grave = [one for one in told["errors"] if one["level"] == "error"]
    if grave or not told["paths"]["scanned"]:
        raise RuntimeError(f"semgrep couldn't look at all: {grave or told['errors']}")
    security = [one for one in told["results"] if one["extra"]["metadata"].get("category") == "security"]
    return Counter((one["check_id"].rpartition(".")[2], one["path"]) for one in security)


def unsettled(found: Findings, argued: Findings) -> list[str]:
    """Findings that nobody argued, and arguments that nothing was found for."""
    new = [f"{number} in {file}, {times} more than argued" for (number, file), times in (found - argued).items()]
    old = [f"{number} in {file}: argued, but no longer found" for number, file in argued - found]
    return sorted(new + old)


def argued(*tools: str) -> Findings:
    """What these tools found and somebody argued."""
    lines = json.loads(ARGUED.read_text(encoding="utf-8"))
    return Counter({(line["finding"], line["file"]): line["times"] for line in lines if line["tool"] in tools})


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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--must-ask", action="store_true", help="fail where nothing tells of packages' holes")
    parser.add_argument("--advisories", type=Path, help="a checkout of pypa/advisory-database")
    parser.add_argument("--rules", type=Path, help="a checkout of semgrep/semgrep-rules")
    parser.add_argument("--semgrep", default="semgrep", help="the program")
    given = parser.parse_args()
    findings, tools = holes_in_code(), ["bandit"]
    holes = holes_by(given.advisories, packages()) if given.advisories else holes_in_packages()
    if holes is None:
        print("pip-audit: the advisory service wasn't asked, since it can't be reached from here.")
    else:
        findings, tools = findings + holes, [*tools, "advisories"]
    if given.rules:
        findings, tools = findings + holes_by_rules(given.semgrep, given.rules), [*tools, "semgrep"]
    left = unsettled(findings, argued(*tools))
    print(
        "\n".join([f"{findings.total()} findings by {', '.join(tools)}; {len(left)} neither mended nor argued.", *left])
    )
    print(f"{write_sbom()} packages are in {SBOM}.")
    sys.exit(bool(left) or (given.must_ask and holes is None))


if __name__ == "__main__":
    main()
