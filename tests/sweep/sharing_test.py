"""Several processes share the work of one workdir."""

import subprocess
import sys

import pytest

from tests import chaos
from tests.sweep.scheduler_test import ROOT, command, run


@pytest.mark.slow
def test_helpers_share_the_cohorts_without_doing_any_twice(store, tmp_path):
    more = ["--config.treatments=('BnB', 'BnB+', 'AnB')", "--config.layers=(1, 2)", "--config.cohort_size=1"]
    assert run(command(store, tmp_path / "alone", *more)).returncode == 0
    work = tmp_path / "shared"
    owner = chaos.start(command(store, work, *more))
    while not (work / "logs").exists():  # made after the config
        assert owner.poll() is None
    join = [sys.executable, "bin/sweep.py", "--join", f"--workdir={work}"]
    helpers = [subprocess.Popen(join, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    second = run(command(store, work, *more))
    assert second.returncode == 1 and "another sweep is at work in" in second.stderr and "--join" in second.stderr
    for helper in helpers:
        printed, _ = helper.communicate()
        assert helper.returncode == 0 and "all runs are done; table and figures are the other sweep's" in printed
    _, errors = owner.communicate()
    assert owner.returncode == 0, errors
    chaos.compare(work, tmp_path / "alone")
    begun = {log.stem: log.read_text().count("starts at step") for log in (work / "logs").iterdir()}
    assert set(begun.values()) == {1} and len(begun) == 8


@pytest.mark.slow
def test_helpers_finish_the_work_of_a_sweep_that_died(store, tmp_path):
    assert run(command(store, tmp_path / "alone")).returncode == 0
    work = tmp_path / "shared"
    owner = chaos.start(command(store, work))
    while not any(work.glob("runs/*/result.json")):
        assert owner.poll() is None
    owner.kill()
    owner.communicate()
    assert run([sys.executable, "bin/sweep.py", "--join", f"--workdir={work}"]).returncode == 0
    assert run(command(store, work)).returncode == 0  # writes table and figures
    chaos.compare(work, tmp_path / "alone")
