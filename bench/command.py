"""Running the package's own commands as a user does, and timing them."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Mapping

ROOT = pathlib.Path(__file__).resolve().parents[1]


def run(*arguments: str) -> float:
    """Runs a Python program in the repository's root and returns its wall time in seconds.

    Args:
      *arguments: `bin/sweep.py` or `-m`, a module, and what follows.

    Raises:
      RuntimeError: The command failed; the message holds what it printed.
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return seconds


def sweep(workdir: pathlib.Path, store: str, config: str, fields: Mapping[str, object]) -> float:
    """Runs `bin/sweep.py` and returns its wall time in seconds.

    Args:
      workdir: Where results go; a sweep of it goes on.
      store: Path of the image store.
      config: Name of a file in `configs/`.
      fields: Values of config fields, for example `{"recipe.epochs": 2.0}`.
    """
    flags = [f"--config.{name}={value}" for name, value in {"store": store, **fields}.items()]
    return run("bin/sweep.py", f"--config=configs/{config}.py", f"--workdir={workdir}", *flags)
