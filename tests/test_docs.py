"""The documentation names what there is: every setting, command and error code; every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from qa.cli import wenbao
from qa.config import PARSERS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "embeddings" / "model" / "README.md"])


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_every_setting_is_told(name: str) -> None:
    assert f"`WENBAO_{name.upper()}`" in (DOCS / "settings.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(wenbao.commands))
def test_every_command_and_option_is_told(name: str) -> None:
    told = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert f"wenbao {name}" in told
    commands = {f"wenbao {name}": wenbao.commands[name]}
    while commands:
        path, command = commands.popitem()
        assert path in told
        if isinstance(command, click.Group):
            commands |= {f"{path} {part}": inner for part, inner in command.commands.items()}
        for option in command.params:
            if isinstance(option, click.Option):
                assert any(spelling in told for spelling in option.opts), option.opts


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


def test_every_error_code_is_told() -> None:
    told = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", (DOCS / "errors.md").read_text(encoding="utf-8")))
    found: set[str] = set()
    for path in [
        *(ROOT / "qa").rglob("*.py"),
        *(ROOT / "embeddings").glob("*.py"),
        *(ROOT / "embeddings" / "embedders").glob("*.py"),
    ]:
        found |= set(re.findall(r"""["']([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)["']""", path.read_text(encoding="utf-8")))
    names = ("GRADIO_", "HF_", "WENBAO_", "OPENBLAS_", "TOKENIZERS_", "NO_COLOR", "O_", "MAX_BYTES", "EMBEDDED_MODEL")
    others = ("SC_", "MADV_", "RAY_USAGE", "VECTOR_STORE", "EMBED_BATCH", "LOCK_WAIT_S", "SPARSE_INVERTED_INDEX")
    constants = ("BYLINE_MARKS",)
    codes = {
        code for code in found if not code.startswith(names + others + constants) and not code.endswith("_VERSION")
    }
    assert len(codes) > 60
    assert codes <= told
