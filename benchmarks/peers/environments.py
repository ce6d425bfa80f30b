"""Each peer's own virtual environment, made from the package index on first use and kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

REQUIREMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "wenbao": (),
        "raw_terms": ("faiss-cpu", "tantivy", "rjieba", "regex", "opencc", "numpy"),
        "raw": ("faiss-cpu", "tantivy", "rjieba", "numpy"),
        "txtai": ("txtai",),
        "langchain": ("langchain-classic", "langchain-community", "faiss-cpu", "rank_bm25", "rjieba"),
        "llamaindex": (
            "llama-index-core",
            "llama-index-retrievers-bm25",
            "llama-index-vector-stores-faiss",
            "faiss-cpu",
        ),
        "haystack": ("haystack-ai",),
        "lancedb": ("lancedb",),
    }
)
"""What each recipe needs; none for the product, which runs where this does."""
CPU_TORCH = "torch==2.13.0"
"""As in constraints.txt: without a version, txtai brings gigabytes for graphics cards."""


def python(name: str, folder: Path) -> Path:
    """The interpreter that runs the recipe of this name; its environment is made in ``folder`` where it isn't there."""
    if not REQUIREMENTS[name]:
        return Path(sys.executable)
    place = folder / name
    interpreter, done = place / "bin" / "python", place / "installed"
    wanted = "\n".join(REQUIREMENTS[name])
    if not done.exists() or done.read_text(encoding="utf-8") != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        constraint = folder / "constraints.txt"
        constraint.write_text(CPU_TORCH + "\n", encoding="utf-8")
        command = [str(interpreter), "-m", "pip", "install", "--quiet", "--constraint", str(constraint)]
        subprocess.run([*command, *REQUIREMENTS[name]], check=True)
        done.write_text(wanted, encoding="utf-8")
    return interpreter
