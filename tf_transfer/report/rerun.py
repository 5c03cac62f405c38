"""How to run an experiment again: the commands, ready to be pasted into a shell."""

from __future__ import annotations

import dataclasses
import os
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tf_transfer.results.workdir import STORES

if TYPE_CHECKING:
    from tf_transfer.experiment.config import Experiment

_CONFIG = "again.py"


def sweep_commands(experiment: Experiment) -> str:
    """Writes a config that differs from `configs/default.py` as the experiment does, and the sweep that trains it.

    Args:
      experiment: What to train again.
    """
    lines = [
        f"cat > {_CONFIG} <<'END'",
        "from configs import default",
        "",
        "",
        "def get_config():",
        "    config = default.get_config()",
        *(f"    config.{name} = {value!r}" for name, value in _changed(experiment)),
        "    return config",
        "END",
        f"python bin/sweep.py --config={_CONFIG} --workdir=work/again",
    ]
    return "\n".join(lines)


def report_command(workdir: str, metric: str = "", compare: bool = False) -> str:
    """The command that writes the report of a workdir again."""
    flags = [f"--workdir={workdir}", *([f"--metric={metric}"] if metric else [])]
    flags += ["--compare=published"] if compare else []
    return shlex.join(["python", "bin/report.py", *flags])


def fields(experiment: Experiment) -> Iterator[tuple[str, object]]:
    """All fields of an experiment by the names that they have in a config, such as `recipe.epochs`."""
    for field in dataclasses.fields(experiment):
        value = getattr(experiment, field.name)
        if field.name in STORES:
            value = _from_here(value)
        if dataclasses.is_dataclass(value):
            value = dataclasses.asdict(value)
        if isinstance(value, Mapping):
            yield from ((f"{field.name}.{name}", nested) for name, nested in value.items())
        else:
            yield field.name, value


def _from_here(path: str) -> str:
    """Shortens a path below the present directory, so that the commands can be run where the like of it lies."""
    return os.path.relpath(path) if path.startswith(os.getcwd() + os.sep) else path


def _changed(experiment: Experiment) -> Iterator[tuple[str, object]]:
    defaults = dict(fields(type(experiment)(store="-")))
    return ((name, value) for name, value in fields(experiment) if name not in defaults or value != defaults[name])
