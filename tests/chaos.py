"""Kills a small experiment at random moments, runs the same commands again, and compares with one left in peace.

python tests/chaos.py --kills=50 --seed=0 --workdir=DIR

Preparation, training, tests, result writing and report are all killed into: at any moment, or just while something is
being written or tested. Killed are the whole group of processes, the sweep alone, or one that trains alone, by SIGKILL;
or group or sweep by SIGTERM, upon which all must have ended within 10 seconds. Whenever an experiment is done, its
store, weights, histories, tables and TensorBoard curves must be those of the one left in peace, bit for bit, and
nothing may be left over; then another one starts.
"""

from __future__ import annotations

import argparse
import collections
import math
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tf_transfer.results import result_files

ROOT = pathlib.Path(__file__).resolve().parents[1]
STEPS_PER_TEST = 9
# When to kill: at any moment, or the next time that something goes on.
AIMS = ("", "result writing", "testing", "checkpoint writing", "")
KINDS = ("kill group", "kill sweep", "kill cohort", "terminate group", "terminate sweep")
SECONDS_TO_STOP = 10.0
FIELDS = {
    "network": "tiny", "layers": (1,), "treatments": ("BnB", "AnB", "AnB+"), "processes": 2, "checkpoint_steps": 3,
    "recipe.steps": 4 * STEPS_PER_TEST, "recipe.evaluations": 4, "recipe.batch_size": 16, "recipe.precision": "float32",
}  # fmt: skip
TIMES = {"seconds", "images_per_second"}


def commands(directory: pathlib.Path) -> list[list[str]]:
    """Prepares the drawn shapes and trains five networks, in four cohorts, on two halves of them."""
    flags = [f"--config.{name}={value}" for name, value in FIELDS.items()]
    sweep = ["bin/sweep.py", "--config=configs/default.py", f"--config.store={directory}/store", *flags]
    return [
        [sys.executable, "bin/prepare.py", "--source=shapes", f"--out={directory}/store"],
        [sys.executable, *sweep, f"--workdir={directory}/work"],
    ]


def start(command: list[str]) -> subprocess.Popen:
    """Starts a command as the leader of a group of its own."""
    return subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def finish(commands: Sequence[list[str]]) -> float:
    """Runs commands in peace and returns their time in seconds."""
    begun = time.monotonic()
    for command in commands:
        process = start(command)
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    return time.monotonic() - begun


def phase(directory: pathlib.Path) -> str:
    """Where an experiment is."""
    if not (directory / "store").exists():
        return "preparation"
    work = directory / "work"
    if (work / "results.csv").exists():
        return "report"
    if any((work / "runs").glob(".*.tmp")):
        return "result writing"
    try:
        checkpoints = [*(work / "checkpoints").glob("*/*")]
    except FileNotFoundError:  # a cohort is done and has removed its own meanwhile
        return "training"
    if any(path.name.endswith(".tmp") for path in checkpoints):
        return "checkpoint writing"
    if any(_is_testing(path, work) for path in checkpoints if path.name.startswith("step-")):
        return "testing"
    return "training" if checkpoints else "start"


def _is_testing(checkpoint: pathlib.Path, work: pathlib.Path) -> bool:
    """Whether a cohort's checkpoint was written before a test which its log does not tell of yet."""
    step = int(checkpoint.name.removeprefix("step-"))
    log = work / "logs" / f"{checkpoint.parent.name}.log"
    return step > 0 and step % STEPS_PER_TEST == 0 and f"  step {step}  " not in log.read_text()


def kill(process: subprocess.Popen, kind: str, rng: random.Random) -> None:
    """Kills what `kind` says, and waits until what should end has ended."""
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


def disturb(
    directory: pathlib.Path,
    commands: Sequence[list[str]],
    is_moment: Callable[[str], bool],
    kind: str,
    rng: random.Random,
) -> str:
    """Runs what is left of an experiment and kills it; returns the phase it was in, or nothing if it came to its end.

    Args:
      directory: The experiment's directory: `store` and `work` are in it.
      commands: What makes the experiment.
      is_moment: Whether to kill it now, in this phase.
      kind: What is killed, and how.
      rng: Chooses between processes.
    """
    for command in commands:
        process = start(command)
        while process.poll() is None:
            now = phase(directory)
            if is_moment(now):
                kill(process, kind, rng)
                return now
            time.sleep(0.0005)  # results of so small networks are written in a few milliseconds
        _, errors = process.communicate()
        assert process.returncode == 0, f"failed undisturbed: {errors}"
    return ""


def curves(directory: pathlib.Path) -> dict:
    """All points of TensorBoard's scalars in a directory."""
    log = EventAccumulator(str(directory)).Reload()
    return {tag: [(event.step, event.value) for event in log.Scalars(tag)] for tag in log.Tags()["scalars"]}


def compare(work: pathlib.Path, reference: pathlib.Path) -> None:
    """Checks that two workdirs hold the same, apart from times, and nothing that was forgotten.

    Raises:
      AssertionError: They differ.
    """
    runs = result_files.finished_runs(reference)
    assert result_files.finished_runs(work) == runs
    for run in runs:
        one, other = (
            {name: value for name, value in vars(result_files.read_result(directory, run)).items() if name not in TIMES}
            for directory in (work, reference)
        )
        assert one == other, run
        weights, expected = (result_files.read_weights(directory, run) for directory in (work, reference))
        assert weights.keys() == expected.keys()
        for name, array in weights.items():
            np.testing.assert_array_equal(array, expected[name], err_msg=f"{run} {name}", strict=True)
        np.testing.assert_array_equal(result_files.read_correct(work, run), result_files.read_correct(reference, run))
        assert curves(work / "tensorboard" / run) == curves(reference / "tensorboard" / run), run
    tables = [
        [line.rpartition(",")[0] for line in (directory / "results.csv").read_text().splitlines()]
        for directory in (work, reference)
    ]
    assert tables[0] == tables[1] and tables[0][0].startswith("run,")  # the last column is the time
    assert (work / "effects.csv").read_bytes() == (reference / "effects.csv").read_bytes()
    left_over = [path.relative_to(work) for path in work.rglob("*") if path.name.startswith(".")]
    assert not left_over, left_over
    assert not (work / "checkpoints").exists()


def compare_stores(store: pathlib.Path, reference: pathlib.Path) -> None:
    """Checks that two stores are the same, byte for byte, and that nothing lies beside them that was forgotten.

    Raises:
      AssertionError: They differ.
    """
    assert {path.name for path in store.iterdir()} == {path.name for path in reference.iterdir()}
    for path in reference.iterdir():
        assert (store / path.name).read_bytes() == path.read_bytes(), path.name
    assert {path.name for path in store.parent.iterdir()} == {"store", "work"}


def torment(directory: pathlib.Path, kills: int, seed: int, on_kill=lambda line: None) -> collections.Counter:
    """Kills until `kills` have been survived, and compares each experiment that comes to its end.

    Args:
      directory: An empty directory.
      kills: How many times.
      seed: Seed of moments and kinds.
      on_kill: Told of each kill in a line.

    Returns:
      How many times each (kind, phase) was killed into, and `compared` experiments.
    """
    rng, counts, survived, rounds = random.Random(seed), collections.Counter(), 0, 0
    seconds = finish(commands(directory / "peace"))
    while survived < kills or (directory / str(rounds)).exists():
        here, kind = directory / str(rounds), KINDS[survived % len(KINDS)]
        at = time.monotonic() + (0.7 * seconds * rng.random() if survived < kills else math.inf)
        aim = rng.choice(AIMS)
        where = disturb(
            here,
            commands(here),
            lambda phase, at=at, aim=aim: time.monotonic() >= at and phase.endswith(aim),
            kind,
            rng,
        )
        if where:
            survived += 1
            counts[kind, where] += 1
            on_kill(f"{survived:3} {kind} in {where} (experiment {rounds})")
        else:
            compare_stores(here / "store", directory / "peace" / "store")
            compare(here / "work", directory / "peace" / "work")
            assert not (here / "work" / "damaged").exists()
            counts["compared"] += 1
            rounds += 1
    return counts


def main() -> None:
    """Prints what was killed, and fails where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    flags = parser.parse_args()
    counts = torment(flags.workdir, flags.kills, flags.seed, lambda line: print(line, flush=True))
    print(f"{counts.pop('compared')} experiments compared: all the same")
    for (kind, where), times in sorted(counts.items()):
        print(f"{times:3}  {kind} in {where}")


if __name__ == "__main__":
    main()
