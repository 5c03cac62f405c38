"""Several processes share the work of one workdir."""

import random
import time

import pytest

from tests.helpers.commands import run_python, start_python
from tests.helpers.sweeps import assert_same_workdirs, run_to_the_end, run_until, sweep_arguments


@pytest.mark.slow
def test_helpers_share_the_cohorts_without_doing_any_twice(store, tmp_path):
    fields = {"treatments": ("BnB", "BnB+", "AnB"), "layers": (1, 2), "cohort_size": 1}
    run_to_the_end([sweep_arguments(store, tmp_path / "alone", fields)])
    work = tmp_path / "shared"
    owner = start_python(*sweep_arguments(store, work, fields))
    while not (work / "logs").exists():  # made after the config
        assert owner.poll() is None
        time.sleep(0.01)
    helpers = [start_python("bin/sweep.py", "--join", f"--workdir={work}") for _ in range(2)]
    second = run_python(*sweep_arguments(store, work, fields))
    assert second.returncode == 1 and "another sweep is at work in" in second.stderr and "--join" in second.stderr
    for helper in helpers:
        _, errors = helper.communicate()
        assert helper.returncode == 0, errors
    _, errors = owner.communicate()
    assert owner.returncode == 0, errors
    assert_same_workdirs(work, tmp_path / "alone")
    begun = {log.stem: log.read_text().count("starts at step") for log in work.glob("logs/*.log")}
    assert set(begun.values()) == {1} and len(begun) == 8


@pytest.mark.slow
def test_helpers_finish_the_work_of_a_sweep_that_died(store, tmp_path):
    run_to_the_end([sweep_arguments(store, tmp_path / "alone")])
    work = tmp_path / "shared"
    sweep = sweep_arguments(store, work)
    assert run_until([sweep], lambda: any(work.glob("runs/*/result.json")), "kill sweep", random.Random(1))
    joined = run_python("bin/sweep.py", "--join", f"--workdir={work}")
    assert joined.returncode == 0 and "all runs are done" in joined.stdout
    run_to_the_end([sweep])  # writes table and figures
    assert_same_workdirs(work, tmp_path / "alone")
