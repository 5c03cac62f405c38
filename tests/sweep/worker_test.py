"""A real process that trains, and its end by SIGTERM."""

import dataclasses
import json
import os
import signal
import time

from tests.helpers.commands import run_python
from tf_transfer.experiment.plan import make_plan
from tf_transfer.files import checksums
from tf_transfer.results import checkpoints, workdir
from tf_transfer.sweep import preemption
from tf_transfer.sweep.local_executor import LocalExecutor
from tf_transfer.sweep.progress import log_path, read_progress

# One that asks itself to end, and never comes to a next step.
STUCK = """
import os, signal, sys, threading
from tf_transfer.sweep import preemption

preemption.GRACE_SECONDS = 0.2
requested = preemption.watch(int(sys.argv[1]))
if sys.argv[2] == "terminated":
    os.kill(os.getpid(), signal.SIGTERM)
print(requested.wait(), flush=True)
threading.Event().wait()
"""


def end_of_one_that_is_stuck(parent, how):
    return run_python("-c", STUCK, str(parent), how, timeout=60)


def test_a_training_that_is_terminated_saves_the_step_that_it_tells_of(experiment, tmp_path):
    endless = dataclasses.replace(experiment.recipe, steps=1_000_000, evaluations=100_000)
    plan = make_plan(dataclasses.replace(experiment, treatments=("RnB",), recipe=endless))
    workdir.write_config(tmp_path, plan.experiment)
    (tmp_path / "logs").mkdir()
    [cohort] = [cohort for cohort in plan.cohorts if len(cohort.runs) == 2]
    log = log_path(tmp_path, cohort)
    with LocalExecutor(tmp_path, num_processes=1, num_threads=1) as executor:
        executor.submit(cohort)
        while "test 3/" not in log.read_text():
            assert not executor.finished(), log.read_text()
            time.sleep(0.05)
        [assignment] = executor._busy
    assert assignment.worker.process.returncode == 143, log.read_text()
    directory = checkpoints.directory_of(tmp_path, cohort.name)
    [saved] = directory.iterdir()
    step = int(saved.name.removeprefix("step-"))
    assert log.read_text().endswith(f"stopped at step {step}; all is saved in {directory}\n") and 30 <= step < 1_000_000
    checksums.check(saved, ("arrays.npz", "state.json"))
    state = json.loads((saved / "state.json").read_text())
    assert (state["step"], state["identity"]["runs"]) == (step, [run.name for run in cohort.runs])
    told = read_progress(tmp_path, cohort)
    assert 0 <= told.step <= step and told.num_steps == 1_000_000 and told.failure is None
    assert not (tmp_path / "runs").exists()


def test_one_that_comes_to_no_next_step_ends_after_its_grace():
    done = end_of_one_that_is_stuck(os.getpid(), "terminated")
    assert (done.returncode, done.stdout) == (128 + signal.SIGTERM, "True\n") and preemption.STOPPED == 143


def test_one_whose_sweep_is_gone_ends_too():
    done = end_of_one_that_is_stuck(1 if os.getpid() != 1 else 2, "left alone")
    assert (done.returncode, done.stdout) == (143, "True\n")
