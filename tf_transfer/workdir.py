"""A workdir: the directory of one experiment, owned by one sweep at a time.

WORKDIR/config.json   the experiment, and the settings that every run's numbers depend on
WORKDIR/lock          held while a sweep runs
WORKDIR/logs/         one log per cohort
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
from collections.abc import Iterator

from tf_transfer.experiment import Experiment
from tf_transfer.results import replacing

_CONFIG, _LOCK = "config.json", "lock"
STORES = ("store", "source_store")


@contextlib.contextmanager
def owned(workdir: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Makes the directory if need be and holds its lock; a dead process's lock is free.

    Raises:
      PermissionError: The directory cannot be written to.
      ValueError: Another sweep holds it.
    """
    path = pathlib.Path(workdir)
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = open(path / _LOCK, "a")
    except OSError as error:
        raise PermissionError(
            f"cannot write to the workdir {str(workdir)!r} ({error.strerror}); choose another"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"another sweep is at work in {str(workdir)!r}; wait for it, or choose another workdir"
            ) from None
        yield path


def check_config(workdir: str | os.PathLike, experiment: Experiment) -> None:
    """Checks that the workdir, if there is one, does not belong to another experiment.

    What only says which runs are wanted (treatments, layers, seeds, targets) may change from sweep to sweep.

    Raises:
      ValueError: The workdir's runs were made with other settings; the message says which differ.
    """
    settings = experiment.settings()
    if (pathlib.Path(workdir) / _CONFIG).exists():
        theirs, ours = _flat(_read(workdir)["settings"]), _flat(settings)
        differing = [
            f"{name}: {theirs.get(name)!r} there, {ours.get(name)!r} now"
            for name in sorted(ours.keys() | theirs.keys())
            if theirs.get(name) != ours.get(name)
        ]
        if differing:
            raise ValueError(
                f"the workdir {str(workdir)!r} belongs to another config ({'; '.join(differing)}); "
                "choose another --workdir, or go back to that config"
            )


def write_config(workdir: str | os.PathLike, experiment: Experiment) -> None:
    """Writes `config.json`, with the stores' paths made absolute, unless the workdir belongs to another experiment.

    Raises:
      ValueError: As in `check_config`.
    """
    check_config(workdir, experiment)
    absolute = {name: os.path.abspath(path) for name in STORES if (path := getattr(experiment, name))}
    fields = {"config": experiment.to_json() | absolute, "settings": experiment.settings()}
    with replacing(pathlib.Path(workdir) / _CONFIG) as temporary:
        temporary.write_text(json.dumps(fields, indent=1))


def read_experiment(workdir: str | os.PathLike) -> Experiment:
    """Reads the experiment that a workdir belongs to.

    Raises:
      FileNotFoundError: It is not the workdir of an experiment.
      ValueError: Its config is damaged.
    """
    return Experiment.from_config(_read(workdir)["config"])


def _flat(settings: dict) -> dict:
    recipe = {f"recipe.{name}": value for name, value in settings["recipe"].items()}
    return {**{name: value for name, value in settings.items() if name != "recipe"}, **recipe}


def _read(workdir: str | os.PathLike) -> dict:
    path = pathlib.Path(workdir) / _CONFIG
    if not path.is_file():
        raise FileNotFoundError(f"{str(workdir)!r} is not the workdir of an experiment (no {_CONFIG} in it)")
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); restore it, or choose another workdir") from error
