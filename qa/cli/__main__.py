"""``python -m qa.cli``: the command where its script isn't on the path."""

from qa.cli.commands import main

main()
