import dataclasses
import shutil

import numpy as np
import pytest

from tests.helpers.predictions import predictions_with
from tf_transfer.experiment.config import Experiment
from tf_transfer.experiment.plan import make_plan
from tf_transfer.results import result_files
from tf_transfer.results.result import DIVERGED
from tf_transfer.sweep.pending import pending_cohorts


def test_pending_cohorts_hold_only_what_is_left(invented_workdir, store, tmp_path):
    plan = make_plan(Experiment(store=store))
    assert pending_cohorts(plan, tmp_path) == list(plan.cohorts)
    assert pending_cohorts(plan, invented_workdir) == []
    directory = shutil.copytree(invented_workdir, tmp_path / "work")
    for name in ("A2B", "A5B", "B3B+"):
        (result_files.run_directory(directory, f"{name}_random-0_seed-0") / "result.json").unlink()
    left = {cohort.name: [run.treatment.name for run in cohort.runs] for cohort in pending_cohorts(plan, directory)}
    assert left == {"random-0_seed-0_B3B+": ["B3B+"], "random-0_seed-0_A2-5B": ["A2B", "A5B"]}


def test_results_of_another_length_are_not_taken_for_those_of_a_block(invented_workdir, store):
    experiment = Experiment(store=store)
    steps = make_plan(experiment).num_steps(make_plan(experiment).runs[0])
    for block, now in ({"steps": 60}, "60 and every 3"), ({"evaluations": 1}, "10 and every 10"):
        other = make_plan(dataclasses.replace(experiment, blocks={"other": block}))
        message = f"was trained for {steps} steps and tested every {steps // 20} in .*, and the config now says {now}; "
        with pytest.raises(ValueError, match=message):
            pending_cohorts(other, invented_workdir)


def test_a_diverged_network_stops_early_and_is_not_trained_again(invented_workdir, make_result, store, tmp_path):
    directory = shutil.copytree(invented_workdir, tmp_path / "work")
    plan = make_plan(Experiment(store=store))
    interval = plan.num_steps(plan.runs[0]) // 20
    early = make_result("baseB", status=DIVERGED, steps=2 * interval, test_steps=(interval, 2 * interval))
    result_files.write_result(directory, early, {}, predictions_with(np.zeros(12, bool)))
    assert pending_cohorts(plan, directory) == []


def test_runs_that_were_trained_together_are_trained_together_again(store, make_result, tmp_path):
    plan = make_plan(Experiment(store=store, treatments=("AnB",)))
    together = [f"A{n}B_random-0_seed-0" for n in range(1, 8)]
    for name in ("baseA", "baseB", "A1B", "A2B", "A4B", "A5B", "A6B", "A7B"):
        members = together if name.startswith("A") else [f"{name}_random-0_seed-0"]
        outcome = make_result(name, cohort_runs=members, test_steps=(1, 20))
        result_files.write_result(tmp_path, outcome, {}, predictions_with(np.zeros(4, bool)))
    [cohort] = pending_cohorts(plan, tmp_path)
    assert [run.name for run in cohort.runs] == together
    # Not if some of them are wanted no more.
    fewer = make_plan(Experiment(store=store, treatments=("AnB",), layers=(1, 3)))
    [cohort] = pending_cohorts(fewer, tmp_path)
    assert [run.treatment.name for run in cohort.runs] == ["A3B"]
