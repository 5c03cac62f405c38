"""What is left to train of an experiment."""

from __future__ import annotations

import os
from collections.abc import Mapping

from tf_transfer.experiment.plan import Cohort, Plan, Run, make_cohort
from tf_transfer.results import result_files
from tf_transfer.results.result import DIVERGED, Result


def pending_cohorts(plan: Plan, directory: str | os.PathLike) -> list[Cohort]:
    """The cohorts to train: those of the plan, each without the runs that already have a result.

    But runs that were trained together are trained together again, even if only some of them lack a result (because the
    sweep was killed while it wrote them, or one was damaged): in another cohort, sums are rounded differently.

    Raises:
      ValueError: A result comes from a training of another length, which a block may set.
      DamagedError: A result cannot be read.
    """
    runs = {run.name: run for run in plan.runs}
    done = {name: result_files.read_result(directory, name) for name in runs if result_files.is_done(directory, name)}
    for name, result in done.items():
        _check_length(plan, runs[name], result, directory)
    together = _trained_together(done, runs)
    found, covered = [], set(done)
    for cohort in plan.cohorts:
        for name in (run.name for run in cohort.runs):
            if name not in covered:
                alone = (run.name for run in cohort.runs if run.name not in covered | together.keys())
                found.append(together.get(name) or tuple(alone))
                covered |= set(found[-1])
    return [make_cohort([runs[name] for name in names]) for names in found]


def _trained_together(done: Mapping[str, Result], runs: Mapping[str, Run]) -> dict[str, tuple[str, ...]]:
    """For each run of a cohort that has left results: all runs of that cohort, if all are still planned."""
    cohorts = {tuple(result.cohort_runs) for result in done.values()}
    return {name: members for members in sorted(cohorts) if runs.keys() >= set(members) for name in members}


def _check_length(plan: Plan, run: Run, outcome: Result, directory: str | os.PathLike) -> None:
    steps = plan.num_steps(run)
    interval = steps // plan.recipe(run).evaluations
    trained = steps if outcome.status == DIVERGED else outcome.steps  # which stops early
    if (trained, outcome.test_steps[0]) != (steps, interval):
        raise ValueError(
            f"{run.name} was trained for {trained:,} steps and tested every {outcome.test_steps[0]:,} in "
            f"{str(directory)!r}, and the config now says {steps:,} and every {interval:,}; choose another "
            "--workdir, or go back to that config"
        )
