"""Sweeps as processes: their command, killing them at a moment of one's choice, and comparing what they leave."""

from __future__ import annotations

import os
import pathlib
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import numpy as np

from tests.helpers.commands import start_python
from tests.helpers.files import read_scalars
from tf_transfer.results import result_files
from tf_transfer.results.result import Result

SECONDS_TO_STOP = 10.0  # after SIGTERM
# Three networks, each a cohort, tested after steps 4, 8 and 12.
THREE_NETWORKS = {
    "network": "tiny", "treatments": ("BnB", "BnB+"), "layers": (1,), "processes": 2,
    "recipe.steps": 12, "recipe.evaluations": 3, "recipe.batch_size": 12, "recipe.precision": "float32",
}  # fmt: skip


def sweep_arguments(
    store: str | pathlib.Path, workdir: str | pathlib.Path, fields: Mapping[str, object] | None = None
) -> list[str]:
    """What follows `python` in the command of a sweep: THREE_NETWORKS, with some fields of the config changed."""
    changed = THREE_NETWORKS | dict(fields or {})
    flags = [f"--config.{name}={value}" for name, value in changed.items()]
    return ["bin/sweep.py", "--config=configs/default.py", f"--config.store={store}", f"--workdir={workdir}", *flags]


def kill(process: subprocess.Popen[str], kind: str, rng: random.Random) -> None:
    """Kills a sweep and waits until what should end has ended.

    Args:
      process: The sweep, the leader of a process group.
      kind: How, "kill" (SIGKILL) or "terminate" (SIGTERM), and whom: its "group", the "sweep" alone, or a "cohort".
      rng: Chooses between the cohorts' processes.

    Raises:
      AssertionError: It took longer than 10 seconds after SIGTERM.
    """
    action, target = kind.split()
    number = signal.SIGKILL if action == "kill" else signal.SIGTERM
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    begun = time.monotonic()
    if target == "group":
        os.killpg(process.pid, number)
    else:
        os.kill(int(rng.choice(children)) if target == "cohort" and children else process.pid, number)
    process.communicate()
    if action == "terminate":
        took = time.monotonic() - begun
        assert took < SECONDS_TO_STOP, f"{kind}: ended after {took:.1f} s only"


def run_until(commands: Iterable[Sequence[str]], is_moment: Callable[[], bool], kind: str, rng: random.Random) -> bool:
    """Runs commands one after another and kills the one that runs when the moment has come; returns whether it came.

    Args:
      commands: The arguments of `python` for each.
      is_moment: Whether to kill now; asked again and again while a command runs.
      kind: Who is killed, and how (see `kill`).
      rng: Chooses between processes.

    Raises:
      AssertionError: A command failed by itself.
    """
    for arguments in commands:
        process = start_python(*arguments)
        while process.poll() is None:
            if is_moment():
                kill(process, kind, rng)
                return True
            time.sleep(0.0005)  # results of so small networks are written in a few milliseconds
        _, errors = process.communicate()
        assert process.returncode == 0, f"failed undisturbed: {errors}"
    return False


def run_to_the_end(commands: Iterable[Sequence[str]]) -> None:
    """Runs commands one after another, undisturbed.

    Raises:
      AssertionError: One failed.
    """
    run_until(commands, lambda: False, "", random.Random())


def without_times(result: Result) -> Result:
    """A result without what differs whenever it is trained again."""
    return msgspec.structs.replace(result, seconds=0.0, images_per_second=0.0)


def assert_same_runs(workdir: pathlib.Path, reference: pathlib.Path, names: Iterable[str]) -> None:
    """Checks that runs of two workdirs have the same results, weights and curves, bit for bit, apart from times."""
    for name in names:
        one, other = (without_times(result_files.read_result(path, name)) for path in (workdir, reference))
        assert one == other, name
        weights, expected = (result_files.read_weights(path, name) for path in (workdir, reference))
        assert weights.keys() == expected.keys()
        for key, array in weights.items():
            np.testing.assert_array_equal(array, expected[key], err_msg=f"{name} {key}", strict=True)
        predictions = (result_files.read_predictions(path, name).to_arrays() for path in (workdir, reference))
        np.testing.assert_equal(*predictions, err_msg=name)
        assert read_scalars(workdir / "tensorboard" / name) == read_scalars(reference / "tensorboard" / name), name


def assert_same_workdirs(workdir: pathlib.Path, reference: pathlib.Path) -> None:
    """Checks that two finished workdirs hold the same, apart from times, and nothing that was left behind."""
    runs = result_files.finished_runs(reference)
    assert result_files.finished_runs(workdir) == runs
    assert_same_runs(workdir, reference, runs)
    tables = [
        [line.rpartition(",")[0] for line in (directory / "results.csv").read_text().splitlines()]
        for directory in (workdir, reference)
    ]
    assert tables[0] == tables[1] and tables[0][0].startswith("run,")  # the last column is the time
    assert (workdir / "effects.csv").read_bytes() == (reference / "effects.csv").read_bytes()
    left_over = [path.relative_to(workdir) for path in workdir.rglob("*") if path.name.startswith(".")]
    assert not left_over, left_over
    assert not (workdir / "checkpoints").exists()
