"""Starting a module of this package as a process of its own."""

from __future__ import annotations

import os
import pathlib
import sys


def command(module: str) -> list[str]:
    """The command that runs a module, to which arguments may be appended.

    With -P, Python imports nothing from the current directory, which may be a data set's, with a numpy.py in it.
    """
    return [sys.executable, "-P", "-m", f"tf_transfer.{module}"]


def environment(**changes: str) -> dict[str, str]:
    """The environment of a child process: this process's own, changed so that it finds this same package."""
    paths = [str(pathlib.Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **changes}
