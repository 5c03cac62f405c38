"""Runs the repository's programs as a user does: as processes, from its root."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping, Sequence

ROOT = pathlib.Path(__file__).resolve().parents[2]


def environment(**variables: str) -> dict[str, str]:
    """This process's environment with further variables; Python finds this checkout before one that is installed."""
    paths = [variables.pop("PYTHONPATH", ""), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def run_python(
    *arguments: str | os.PathLike,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    cwd: str | os.PathLike = ROOT,
) -> subprocess.CompletedProcess[str]:
    """Runs `python ARGUMENTS` and returns its exit status and what it printed.

    Args:
      *arguments: A program such as `bin/sweep.py` with its flags, or `-c` and code.
      env: Further environment variables; a PYTHONPATH goes before this checkout.
      timeout: Seconds after which it is killed and fails.
      cwd: Where it runs; without it, in the repository's root.
    """
    return _run([sys.executable, *arguments], env, timeout, cwd)


def run_bash(
    script: str, *arguments: str | os.PathLike, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a script, given as text, by Bash from the repository's root, with arguments $1, $2, ..."""
    return _run(["bash", "-c", script, "bash", *arguments], env, timeout=None, cwd=ROOT)


def _run(
    command: Sequence[str | os.PathLike],
    env: Mapping[str, str] | None,
    timeout: float | None,
    cwd: str | os.PathLike,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env=environment(**(env or {})), capture_output=True, text=True, timeout=timeout
    )


def start_python(*arguments: str | os.PathLike) -> subprocess.Popen[str]:
    """Starts `python ARGUMENTS` from the repository's root as the leader of a process group; its output is dropped."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
