"""A cold question stays light: the embedded model answers without the heavy libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = (
    "torch",
    "transformers",
    "sentence_transformers",
    "gradio",
    "fastapi",
    "bs4",
    "docx",
    "pypdfium2",
    "jieba",
)


def test_a_question_on_the_embedded_model_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from qa.cli import run\n"
        f"assert run(['--data', {str(tmp_path / 'data')!r}, 'ask', '谁发了8000个口罩？', '--json']) == 0\n"
        f"assert run(['--data', {str(tmp_path / 'data')!r}, 'ask', '谁发了8000个口罩？']) == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_importing_the_packages_loads_no_index_library() -> None:
    code = "import sys, qa, embeddings; print([m for m in ('faiss', 'torch', 'tantivy', 'gradio') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
