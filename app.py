"""The chat on this machine: ``python app.py`` is ``wenbao serve``, with the same options and settings."""

import sys

from qa.cli import run

if __name__ == "__main__":
    sys.exit(run(["serve", *sys.argv[1:]]))
