import fcntl
import os
import signal
import time

import pytest

from tf_transfer.experiment.config import Experiment
from tf_transfer.experiment.plan import make_plan
from tf_transfer.files import child_process
from tf_transfer.sweep.local_executor import LocalExecutor
from tf_transfer.sweep.progress import CohortProgress, Failure, log_path, read_progress, write_progress


@pytest.fixture
def cohort(store):
    plan = make_plan(Experiment(store=store, treatments=("AnB",), layers=(1, 2, 3)))
    [cohort] = [cohort for cohort in plan.cohorts if len(cohort.runs) > 1]
    return cohort


@pytest.fixture
def workdir(tmp_path):
    (tmp_path / "logs").mkdir()
    return tmp_path


def failure_of(cohort, workdir, monkeypatch, code):
    """What the executor says of a cohort whose worker runs `code` in place of a training."""
    with open(log_path(workdir, cohort), "w") as log:
        log.write("RuntimeError: of an earlier attempt\n")
    command = [*child_process.command("")[:-2], "-c", code]
    monkeypatch.setattr(child_process, "command", lambda module: command)
    with LocalExecutor(workdir, num_processes=1, num_threads=1) as executor:
        assert executor.submit(cohort) and not executor.has_room
        ended = []
        while not ended:
            time.sleep(0.01)
            ended = executor.finished()
        assert executor.has_room and ended[0].cohort == cohort
        return ended[0].failure


def test_a_cohort_that_another_process_trains_is_left_to_it(cohort, workdir):
    with open(log_path(workdir, cohort), "ab") as held, LocalExecutor(workdir, 1, 1) as executor:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert not executor.submit(cohort)


def test_what_is_killed_from_outside_most_likely_wanted_memory(cohort, workdir, monkeypatch):
    failure = failure_of(cohort, workdir, monkeypatch, f"import os; os.kill(os.getpid(), {signal.SIGKILL:d})")
    assert failure.startswith(
        f"{cohort.name} was killed, most likely because memory ran out: lower --config.cohort_size (3 "
    )
    assert "--config.processes" in failure and str(log_path(workdir, cohort)) in failure


def told(workdir, cohort, kind, message):
    """Code of a worker that tells why it fails, and fails."""
    directory, name = str(workdir), cohort.name
    return f"""
import types
from tf_transfer.sweep.progress import CohortProgress, Failure, write_progress
cohort = types.SimpleNamespace(name={name!r})
write_progress({directory!r}, cohort, CohortProgress(1, 4, Failure({kind!r}, {message!r})))
raise SystemExit(1)
"""


def test_want_of_memory_names_the_setting_to_lower(cohort, workdir, monkeypatch):
    failure = failure_of(cohort, workdir, monkeypatch, told(workdir, cohort, "memory", "MemoryError"))
    assert failure.startswith(f"{cohort.name} was out of memory: lower --config.cohort_size (3 networks train")


def test_any_other_failure_is_told_as_it_is(cohort, workdir, monkeypatch):
    failure = failure_of(cohort, workdir, monkeypatch, told(workdir, cohort, "error", "ValueError: wrong"))
    assert failure == f"{cohort.name} failed (ValueError: wrong); its log is {log_path(workdir, cohort)}"


@pytest.mark.parametrize(("code", "expected"), [
    ("import sys; print('terminate called'); sys.stdout.flush(); import os; os.abort()", "SIGABRT: terminate called"),
    ("print('the last line'); print(); raise SystemExit(1)", "the last line"),
    ("raise SystemExit(3)", "no output, exit status 3"),
])  # fmt: skip
def test_a_process_that_can_tell_nothing_leaves_its_last_line(code, expected, cohort, workdir, monkeypatch):
    failure = failure_of(cohort, workdir, monkeypatch, code)
    assert failure.startswith(f"{cohort.name} failed ({expected}); its log is ")


def test_progress_is_data(cohort, workdir):
    assert read_progress(workdir, cohort).share == 0  # nothing is told yet
    for progress in (CohortProgress(10, 40), CohortProgress(10, 40, Failure("error", "ValueError: wrong"))):
        write_progress(workdir, cohort, progress)
        assert read_progress(workdir, cohort) == progress and progress.share == 0.25
    log_path(workdir, cohort).with_suffix(".json").write_text('{"step": "ten"}')
    assert read_progress(workdir, cohort) == CohortProgress()


def test_an_attempt_starts_without_what_an_earlier_one_told(cohort, workdir, monkeypatch):
    write_progress(workdir, cohort, CohortProgress(30, 40, Failure("memory", "MemoryError")))
    failure = failure_of(cohort, workdir, monkeypatch, "raise SystemExit(3)")
    assert "no output, exit status 3" in failure


def test_close_ends_all_workers(cohort, workdir, monkeypatch):
    command = [*child_process.command("")[:-2], "-c", "import time; time.sleep(600)"]
    monkeypatch.setattr(child_process, "command", lambda module: command)
    with LocalExecutor(workdir, 1, 1) as executor:
        executor.submit(cohort)
        [assignment] = executor._busy
    with pytest.raises(ProcessLookupError):
        os.kill(assignment.worker.process.pid, 0)
