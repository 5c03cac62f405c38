"""Starting a module of this package as a process of its own."""

from __future__ import annotations

import os
import pathlib
import sys


def command(module: str) -> list[str]:
    """The command that runs a module, to which arguments may be appended.

    With -P, Python does not look into the current directory first, which may be a data set's, with a numpy.py in it.
    """
    return [sys.executable, "-P", "-m", f"tf_transfer.{module}"]


def environment(**changes: str) -> dict[str, str]:
    """This process's environment, with which the other finds this very package, wherever it lies."""
    paths = [str(pathlib.Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **changes}
