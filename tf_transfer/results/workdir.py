"""A workdir: the directory of one experiment, owned by one sweep at a time.

WORKDIR/config.json   the experiment, the settings and the package versions that every run's numbers depend on
WORKDIR/lock          held while a sweep runs
WORKDIR/logs/         one log per cohort, held while the cohort trains, and how far it is
WORKDIR/checkpoints/  of cohorts that are not finished
WORKDIR/damaged/      results that were found damaged, moved out of the way
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import importlib.metadata
import json
import os
import pathlib
import platform
from collections.abc import Iterator, Mapping

from tf_transfer.experiment.config import Experiment, Precision
from tf_transfer.experiment.machine import Machine
from tf_transfer.experiment.settings import settings
from tf_transfer.files import safe_load
from tf_transfer.files.atomic import replace_file
from tf_transfer.files.checksums import seal_json, unseal_json
from tf_transfer.files.printable import printable

_CONFIG, _LOCK = "config.json", "lock"
STORES = ("store", "source_store")
_PACKAGES = ("tensorflow", "keras", "numpy")  # that compute the numbers
_MAX_BYTES = 16 << 20  # of config.json; one that names 22,000 classes has 1 MB


@contextlib.contextmanager
def owned(workdir: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Makes the directory if it is missing and holds its lock; the lock of a dead process is free.

    Raises:
      PermissionError: The directory cannot be written to.
      ValueError: Another sweep holds it, or as in `check_is_workdir`.
    """
    path = pathlib.Path(workdir)
    check_is_workdir(workdir)
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
                f"another sweep is at work in {str(workdir)!r}; wait for it, help it with --join, or choose another "
                "workdir"
            ) from None
        yield path


def check_is_workdir(workdir: str | os.PathLike) -> None:
    """Checks that a directory, if it exists, is a workdir, and that nothing in it leads elsewhere.

    Raises:
      ValueError: It holds something other than an experiment; or a link, through which somebody else's workdir could
        have files overwritten elsewhere.
    """
    path = pathlib.Path(workdir)
    if not path.exists():
        return
    if not path.is_dir():
        raise ValueError(f"{str(path)!r} is a file, not a workdir; choose another --workdir")
    others = [entry.name for entry in path.iterdir() if entry.name != _LOCK and not entry.name.startswith(".")]
    if others and _CONFIG not in others:
        raise ValueError(
            f"{str(path)!r} is not a workdir (no {_CONFIG} in it) and not empty "
            f"(it has {printable(sorted(others)[0])}); choose another --workdir"
        )
    safe_load.refuse_links(path)


def check_config(workdir: str | os.PathLike, experiment: Experiment, allow_other_versions: bool = False) -> Experiment:
    """Checks that the workdir, if it exists, does not belong to another experiment.

    What only says which runs are wanted (treatments, layers, seeds, targets) may change from sweep to sweep.

    Args:
      workdir: The directory.
      experiment: What is to be trained there.
      allow_other_versions: Whether the packages may have other versions than when the workdir was made.

    Returns:
      The experiment with its precision settled: `auto` is that of the workdir, whichever machine began it, and where
      there is none yet the one that this machine computes fastest.

    Raises:
      ValueError: The workdir's runs were made with other settings or versions; the message says which differ. Or as in
        `check_is_workdir`.
    """
    check_is_workdir(workdir)
    if not (pathlib.Path(workdir) / _CONFIG).exists():
        return _settle_precision(experiment, Machine.detect().fastest_precision)
    theirs = _read(workdir)
    experiment = _settle_precision(experiment, Experiment.from_config(theirs.config).recipe.precision)
    if differing := _differing(_flat(theirs.settings), _flat(settings(experiment))):
        raise ValueError(
            f"the workdir {str(workdir)!r} belongs to another config ({differing}); "
            "choose another --workdir, or go back to that config"
        )
    differing = _differing(computing_versions(theirs.versions), computing_versions(installed_versions()))
    if differing and not allow_other_versions:
        raise ValueError(
            f"the workdir {str(workdir)!r} was made with other versions ({differing}), which may compute "
            "differently; install those, choose another --workdir, or mix them knowingly with --allow_other_versions"
        )
    return experiment


def _settle_precision(experiment: Experiment, precision: Precision) -> Experiment:
    if experiment.recipe.precision != "auto":
        return experiment
    return dataclasses.replace(experiment, recipe=dataclasses.replace(experiment.recipe, precision=precision))


def installed_versions() -> dict[str, str]:
    """Versions of Python and of the packages that compute, and the kind of machine; nothing is imported."""
    packages = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), "machine": platform.machine(), **packages}


def computing_versions(recorded: Mapping[str, str]) -> dict[str, str]:
    """The versions that numbers may depend on: all but Python's."""
    return {name: version for name, version in recorded.items() if name != "python"}


def _differing(theirs: dict, ours: dict) -> str:
    return "; ".join(
        f"{name}: {theirs.get(name)!r} there, {ours.get(name)!r} now"
        for name in sorted(ours.keys() | theirs.keys())
        if theirs.get(name) != ours.get(name)
    )


def write_config(workdir: str | os.PathLike, experiment: Experiment, allow_other_versions: bool = False) -> Experiment:
    """Writes `config.json`, with the stores' paths made absolute, unless the workdir belongs to another experiment.

    Returns:
      The experiment as it is trained there, see `check_config`.

    Raises:
      ValueError: As in `check_config`.
    """
    experiment = check_config(workdir, experiment, allow_other_versions)
    absolute = {name: os.path.abspath(path) for name in STORES if (path := getattr(experiment, name))}
    written = _Config(experiment.to_json() | absolute, settings(experiment), installed_versions())
    with replace_file(pathlib.Path(workdir) / _CONFIG) as temporary:
        temporary.write_text(json.dumps(seal_json(dataclasses.asdict(written)), indent=1))
    return experiment


def read_experiment(workdir: str | os.PathLike) -> Experiment:
    """Reads the experiment that a workdir belongs to.

    Raises:
      FileNotFoundError: It is not the workdir of an experiment.
      ValueError: Its config is damaged, or as in `check_is_workdir`.
    """
    check_is_workdir(workdir)
    return Experiment.from_config(_read(workdir).config)


@dataclasses.dataclass(frozen=True)
class _Config:
    config: dict[str, object]
    settings: dict[str, object]
    versions: dict[str, str]


def _flat(settings: dict[str, object]) -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in settings.items():
        flat |= {f"{name}.{inner}": item for inner, item in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def _read(workdir: str | os.PathLike) -> _Config:
    path = pathlib.Path(workdir) / _CONFIG
    if not path.is_file():
        raise FileNotFoundError(f"{str(workdir)!r} is not the workdir of an experiment (no {_CONFIG} in it)")
    try:
        return unseal_json(safe_load.read_bytes(path, _MAX_BYTES), _Config)
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged ({error}); restore it, or choose another workdir if an earlier version made this one"
        ) from error
