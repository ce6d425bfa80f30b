"""``wenbao``: the command line, on top of everything. Values in, one function below called, values printed.

``commands`` has a function a command and turns every failure into one line and an exit code; ``show`` prints for
people; ``doctor`` checks a data folder. What a command needs is imported when it runs, so that ``wenbao --help`` loads
nothing and ``wenbao ask`` no more than an answer needs.
"""

from qa.cli.commands import main, run, wenbao
from qa.cli.keys import keys
from qa.cli.packs import backup, export, import_

for command in (keys, export, import_, backup):
    wenbao.add_command(command)

__all__ = ["main", "run", "wenbao"]
