import fcntl
import socket
import subprocess
import sys

import pytest

from tf_transfer.experiment.config import Experiment
from tf_transfer.experiment.plan import make_plan
from tf_transfer.sweep import cohort_process
from tf_transfer.sweep.cohort_process import CohortProcess
from tf_transfer.sweep.trainer_process import TrainerProcess


@pytest.fixture
def cohort(store):
    plan = make_plan(Experiment(store=store, treatments=("AnB",), layers=(1, 2, 3)))
    [cohort] = [cohort for cohort in plan.cohorts if len(cohort.runs) > 1]
    return cohort


def ended(cohort, tmp_path, code, said=""):
    """A process that ended as `code` ends, and what it printed."""
    log = cohort_process.log_of(tmp_path, cohort)
    log.parent.mkdir(exist_ok=True)
    log.write_text(f"RuntimeError: of an earlier attempt\n{said}")
    process = subprocess.Popen([sys.executable, "-c", code])
    process.wait()
    with socket.socket() as closed:
        trainer = TrainerProcess(process, closed)
    return CohortProcess(cohort, log, trainer, log_start=len("RuntimeError: of an earlier attempt\n"))


def test_a_cohort_that_another_process_trains_is_left_to_it(cohort, tmp_path):
    log = cohort_process.log_of(tmp_path, cohort)
    log.parent.mkdir()
    with open(log, "ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert CohortProcess.start(tmp_path, cohort, threads=1, idle=[]) is None


def test_what_is_killed_from_outside_most_likely_wanted_memory(cohort, tmp_path):
    process = ended(cohort, tmp_path, "import os; os.kill(os.getpid(), 9)")
    assert process.failure() == (
        "random-0_seed-0_A1-3B was killed, most likely for want of memory: lower --config.cohort_size (3 networks "
        "train here at once), --config.processes, or, in another workdir, --config.recipe.batch_size"
    )


@pytest.mark.parametrize("said", ["ResourceExhaustedError: OOM when allocating", "MemoryError", "std::bad_alloc"])
def test_want_of_memory_names_the_setting_to_lower(said, cohort, tmp_path):
    failure = ended(cohort, tmp_path, "raise SystemExit(1)", f"Traceback\n{said}\n").failure()
    assert failure.startswith("random-0_seed-0_A1-3B was out of memory: lower --config.cohort_size (3 networks train")


def test_any_other_failure_is_its_last_line(cohort, tmp_path):
    said = "Traceback\nValueError: wrong\n\n"
    assert ended(cohort, tmp_path, "raise SystemExit(1)", said).failure() == (
        "random-0_seed-0_A1-3B failed (ValueError: wrong)"
    )
    assert ended(cohort, tmp_path, "raise SystemExit(3)").failure() == (
        "random-0_seed-0_A1-3B failed (no output, exit status 3)"
    )


@pytest.mark.parametrize(
    "lines, share",
    [("", 0), ("starts at step 0 of 40\n", 0), ("starts at step 10 of 40\n", 0.25), ("test 3/4  step 30\n", 0.75)],
)
def test_progress_is_read_from_the_log(lines, share, tmp_path):
    (tmp_path / "log").write_text(f"a warning\n{lines}and another\n")
    assert cohort_process.share_done(tmp_path / "log") == share
    assert cohort_process.share_done(tmp_path / "none") == 0
