"""Kills a small experiment at random moments, runs the same commands again, and compares with an undisturbed one.

python tests/chaos.py --kills=50 --seed=0 --workdir=DIR

Preparation, training, tests, result writing and report are all killed into: at any moment, or just while something is
being written or tested. Killed are the whole group of processes, the sweep alone, or one that trains alone, by SIGKILL;
or group or sweep by SIGTERM, upon which all must have ended within 10 seconds. Whenever an experiment is done, its
store, weights, histories, tables and TensorBoard curves must be those of the undisturbed one, bit for bit, and
nothing may be left over; then another one starts.
"""

from __future__ import annotations

import argparse
import collections
import math
import pathlib
import random
import sys
import time
from collections.abc import Callable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # a script sees its own directory alone

from tests.helpers.files import read_files
from tests.helpers.sweeps import assert_same_workdirs, run_to_the_end, run_until, sweep_arguments

STEPS_PER_TEST = 9
# When to kill: at any moment, or the next time that something goes on.
AIMS = ("", "result writing", "testing", "checkpoint writing", "")
KINDS = ("kill group", "kill sweep", "kill cohort", "terminate group", "terminate sweep")
# Five networks in four cohorts, saved often.
FIELDS = {
    "treatments": ("BnB", "AnB", "AnB+"), "checkpoint_steps": 3,
    "recipe.steps": 4 * STEPS_PER_TEST, "recipe.evaluations": 4, "recipe.batch_size": 16,
}  # fmt: skip


def commands(directory: pathlib.Path) -> list[list[str]]:
    """Prepares the drawn shapes and trains on two halves of them."""
    return [
        ["bin/prepare.py", "--source=shapes", f"--out={directory}/store"],
        sweep_arguments(directory / "store", directory / "work", FIELDS),
    ]


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
    """Whether a cohort's checkpoint was written before a test which its log does not mention yet."""
    step = int(checkpoint.name.removeprefix("step-"))
    log = work / "logs" / f"{checkpoint.parent.name}.log"
    return step > 0 and step % STEPS_PER_TEST == 0 and f"  step {step}  " not in log.read_text()


def compare(directory: pathlib.Path, reference: pathlib.Path) -> None:
    """Checks that two experiments have left the same store and the same results, and nothing else.

    Raises:
      AssertionError: They differ.
    """
    assert {path.name for path in directory.iterdir()} == {"store", "work"}
    stores = [read_files(path / "store") for path in (directory, reference)]
    assert stores[0].keys() == stores[1].keys()
    assert not [name for name, content in stores[0].items() if content != stores[1][name]]
    assert_same_workdirs(directory / "work", reference / "work")
    assert not (directory / "work" / "damaged").exists()


def kill_and_compare(
    directory: pathlib.Path, kills: int, seed: int, on_kill: Callable[[str], object] = lambda line: None
) -> collections.Counter:
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
    begun = time.monotonic()
    run_to_the_end(commands(directory / "peace"))
    seconds = time.monotonic() - begun
    while survived < kills or (directory / str(rounds)).exists():
        here, kind, now = directory / str(rounds), KINDS[survived % len(KINDS)], [""]
        at = time.monotonic() + (0.7 * seconds * rng.random() if survived < kills else math.inf)
        aim = rng.choice(AIMS)

        def is_moment(here=here, now=now, at=at, aim=aim) -> bool:
            now[0] = phase(here)
            return time.monotonic() >= at and now[0].endswith(aim)

        if run_until(commands(here), is_moment, kind, rng):
            survived += 1
            counts[kind, now[0]] += 1
            on_kill(f"{survived:3} {kind} in {now[0]} (experiment {rounds})")
        else:
            compare(here, directory / "peace")
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
    counts = kill_and_compare(flags.workdir, flags.kills, flags.seed, lambda line: print(line, flush=True))
    print(f"{counts.pop('compared')} experiments compared: all the same")
    for (kind, where), times in sorted(counts.items()):
        print(f"{times:3}  {kind} in {where}")


if __name__ == "__main__":
    main()
