import dataclasses
import shutil

import pytest

from tf_transfer import results, sweep
from tf_transfer.experiment import Experiment
from tf_transfer.plan import make_plan


def test_pending_cohorts_hold_only_what_is_left(invented_workdir, store, tmp_path):
    plan = make_plan(Experiment(store=store))
    assert sweep.pending(plan, tmp_path) == list(plan.cohorts)
    assert sweep.pending(plan, invented_workdir) == []
    directory = shutil.copytree(invented_workdir, tmp_path / "work")
    for name in ("A2B", "A5B", "B3B+"):
        (results.run_directory(directory, f"{name}_random-0_seed-0") / "result.json").unlink()
    left = {cohort.name: [run.treatment.name for run in cohort.runs] for cohort in sweep.pending(plan, directory)}
    assert left == {"random-0_seed-0_B3B+": ["B3B+"], "random-0_seed-0_A2-5B": ["A2B", "A5B"]}


def test_results_of_another_length_are_not_taken_for_those_of_a_block(invented_workdir, store):
    experiment = Experiment(store=store)
    steps = make_plan(experiment).num_steps(make_plan(experiment).runs[0])
    longer = dataclasses.replace(experiment, blocks={"longer": {"steps": 10 * steps}})
    with pytest.raises(
        ValueError, match=f"was trained for {steps} steps in .*, and the config now says {10 * steps:,}; "
    ):
        sweep.pending(make_plan(longer), invented_workdir)
