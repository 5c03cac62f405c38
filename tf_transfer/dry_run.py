"""What a dry run prints: what would be trained, and what it would cost."""

from __future__ import annotations

import collections
from collections.abc import Iterable

import rich.box
import rich.table

from tf_transfer import analysis, sweep, workdir
from tf_transfer.console import CONSOLE, duration
from tf_transfer.experiment import Experiment
from tf_transfer.plan import Cohort, Plan, Run, make_cohort, make_plan


def print_plan(experiment: Experiment, directory: str | None, flops_per_second: float) -> None:
    """Prints what a sweep would train, and what it would cost, without training anything.

    Args:
      experiment: What would be trained.
      directory: The workdir, whose finished runs are not counted; None for none.
      flops_per_second: Rate of the device while training.
    """
    plan = make_plan(experiment)
    if directory:
        workdir.check_config(directory, experiment)
    cohorts = sweep.pending(plan, directory) if directory else list(plan.cohorts)
    table = _blocks_table if experiment.blocks else _cohorts_table
    CONSOLE.print(table(plan, cohorts, flops_per_second))
    num_runs = sum(len(cohort.runs) for cohort in cohorts)
    total = sum(plan.cohort_flops(cohort) for cohort in cohorts)
    print(f"runs to train: {num_runs} of {len(plan.runs)}, in {len(cohorts)} cohorts")
    _print_network(plan)
    for split, limit in dict.fromkeys((run.split, run.images_per_class) for run in plan.runs):
        _print_tasks(plan, split, limit)
    print(
        f"in all: {total:.3g} FLOPs, about {duration(total / flops_per_second)} at {flops_per_second / 1e9:g} GFLOP/s, "
        "without the tests"
    )


def _cohorts_table(plan: Plan, cohorts: Iterable[Cohort], flops_per_second: float) -> rich.table.Table:
    table = rich.table.Table("cohort", "runs", "needs", "steps", "TFLOP", "minutes", box=rich.box.SIMPLE)
    for cohort in cohorts:
        flops = plan.cohort_flops(cohort)
        needs = ", ".join(sorted(base.treatment.name for base in cohort.needs)) or "-"
        steps, minutes = f"{plan.num_steps(cohort.runs[0]):,}", f"{flops / flops_per_second / 60:.1f}"
        table.add_row(cohort.name, _names(cohort.runs), needs, steps, f"{flops / 1e12:.1f}", minutes)
    return table


def _blocks_table(plan: Plan, cohorts: Iterable[Cohort], flops_per_second: float) -> rich.table.Table:
    left = {run for cohort in cohorts for run in cohort.runs}
    columns = ("block", "networks", "of which", "parameters", "steps", "PFLOP", "time, each alone")
    table = rich.table.Table(*columns, box=rich.box.SIMPLE)
    for name, runs in plan.blocks.items():
        runs = [run for run in runs if run in left]
        flops = sum(plan.cohort_flops(make_cohort([run])) for run in runs)
        parameters = {plan.architecture(run).parameters for run in runs}
        steps = {plan.num_steps(run) for run in runs}
        time = duration(flops / flops_per_second)
        table.add_row(name, str(len(runs)), _kinds(runs), _span(parameters), _span(steps), f"{flops / 1e15:,.1f}", time)
    return table


def _kinds(runs: Iterable[Run]) -> str:
    kinds = collections.Counter(run.treatment.kind for run in runs)
    return ", ".join(f"{count} {'base' if kind == 'base' else analysis.pattern(kind)}" for kind, count in kinds.items())


def _span(values: set[int]) -> str:
    return " to ".join(f"{value:,}" for value in sorted({min(values), max(values)})) if values else "-"


def _names(runs: tuple[Run, ...]) -> str:
    names = [run.treatment.name for run in runs]
    return ", ".join(names) if len(names) < 4 else f"{len(names)}: {names[0]} ... {names[-1]}"


def _print_network(plan: Plan) -> None:
    architecture = plan.architecture(plan.runs[0])
    costs = architecture.costs()
    print(
        f"network: {architecture.name}, {len(architecture)} layers, {sum(c.parameters for c in costs):,} parameters "
        f"({', '.join(f'{cost.parameters:,}' for cost in costs)}), "
        f"{sum(c.flops for c in costs) / 1e6:.1f} MFLOP forward per image"
    )


def _print_tasks(plan: Plan, split: str, limit: int) -> None:
    tasks = {letter: plan.experiment.task(split, letter, limit) for letter in "AB"}
    described = [f"{x}: {len(t.classes)} classes, {t.num_images():,} images" for x, t in tasks.items() if t.classes]
    print(f"split {split}{f', {limit} images per class' if limit else ''}: " + "; ".join(described))
