"""What a dry run prints: what would be trained, and what it would cost."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import pathlib
import tempfile
from collections.abc import Iterable, Iterator

import rich.box
import rich.table

from tf_transfer.console import CONSOLE, duration
from tf_transfer.data import expected_stores, image_store
from tf_transfer.experiment import class_splits
from tf_transfer.experiment.config import Experiment
from tf_transfer.experiment.graph_networks import GraphNetwork
from tf_transfer.experiment.plan import Cohort, Plan, Run, make_cohort, make_plan
from tf_transfer.experiment.tasks import make_task
from tf_transfer.results import workdir
from tf_transfer.sweep.pending import pending_cohorts


def print_plan(experiment: Experiment, directory: str | None, flops_per_second: float) -> None:
    """Prints what a sweep would train, and what it would cost, without training anything.

    Args:
      experiment: What would be trained. If its store is not there, but it names the one that is expected, that counts.
      directory: The workdir, whose finished runs are not counted; None for none.
      flops_per_second: Rate of the device while training.
    """
    if directory:
        workdir.check_config(directory, experiment)
    with _with_expected_store(experiment) as experiment:
        plan = make_plan(experiment)
        for shortfall in plan.shortfalls:
            print(f"caution: {shortfall}")
        cohorts = pending_cohorts(plan, directory) if directory else list(plan.cohorts)
        table = _blocks_table if experiment.blocks else _cohorts_table
        CONSOLE.print(table(plan, cohorts, flops_per_second))
        num_runs = sum(len(cohort.runs) for cohort in cohorts)
        total = sum(plan.cohort_flops(cohort) for cohort in cohorts)
        print(f"the experiment: {_count_networks(plan.runs)}")
        print(f"runs to train: {num_runs} of {len(plan.runs)}, in {len(cohorts)} cohorts")
        _print_network(plan)
        for path in dict.fromkeys(plan.task(run, run.treatment.target).store for run in plan.runs):
            _print_store(path)
        for split, limit in dict.fromkeys((run.split, run.images_per_class) for run in plan.runs):
            _print_tasks(plan, split, limit)
        print(
            f"in all: {total:.3g} FLOPs, about {duration(total / flops_per_second)} at {flops_per_second / 1e9:g} "
            "GFLOP/s, without the tests"
        )


@contextlib.contextmanager
def _with_expected_store(experiment: Experiment) -> Iterator[Experiment]:
    """Puts the description of the expected store in the place of a store that is not there."""
    if not experiment.expected_store or (pathlib.Path(experiment.store) / image_store.META).is_file():
        yield experiment
        return
    meta, assumed = expected_stores.describe(experiment.expected_store)
    print(f"the store {experiment.store!r} is not there; assumed: {assumed}")
    with tempfile.TemporaryDirectory() as directory:
        image_store.write_meta(directory, meta)
        yield dataclasses.replace(experiment, store=directory)


def _print_store(path: str) -> None:
    meta = image_store.read_meta(path)
    images = sum(map(sum, meta.images_per_class.values()))
    size = images * image_store.bytes_per_image(meta.image_size, meta.format)
    print(
        f"store {meta.name}: {images:,} images of {meta.image_size}x{meta.image_size} pixels, "
        f"about {size / 1e9:.3g} GB as {meta.format}"
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
    left = {run: None for cohort in cohorts for run in cohort.runs}
    columns = ("block", "networks", "of which", "parameters", "steps", "PFLOP", "time, each alone")
    table = rich.table.Table(*columns, box=rich.box.SIMPLE)
    blocks = {name: [run for run in runs if run in left] for name, runs in plan.blocks.items()}
    for name, runs in {**blocks, "in all": [*left]}.items():
        flops = sum(plan.cohort_flops(make_cohort([run])) for run in runs)
        parameters = {plan.architecture(run).parameters for run in runs}
        steps = {plan.num_steps(run) for run in runs}
        time = duration(flops / flops_per_second)
        table.add_row(name, str(len(runs)), _kinds(runs), _span(parameters), _span(steps), f"{flops / 1e15:,.1f}", time)
    return table


def _kinds(runs: Iterable[Run]) -> str:
    kinds = collections.Counter(run.treatment.kind for run in runs)
    return ", ".join(f"{count} {'base' if kind.word == 'base' else kind.pattern}" for kind, count in kinds.items())


def _count_networks(runs: Iterable[Run]) -> str:
    """Counts networks as the paper does: `3 networks (2 bases, 1 transfer) and 7 of random filters`."""
    kinds = collections.Counter(_name_in_paper(run) for run in runs)
    counted = {kind: kinds[kind] for kind in ("base", "transfer", "full base", "reduced volume") if kinds[kind]}
    named = ", ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in counted.items())
    total = sum(counted.values())
    random = f" and {kinds['random']} of random filters" if kinds["random"] else ""
    return f"{total} network{'s' * (total > 1)} ({named}){random}"


def _name_in_paper(run: Run) -> str:
    treatment = run.treatment
    if treatment.source:
        return "random" if treatment.kind.word == "random" else "transfer"  # to one's own task, too
    if run.images_per_class:
        return "reduced volume"
    return "full base" if run.split.kind == class_splits.ALL else "base"


def _span(values: set[int]) -> str:
    return " to ".join(f"{value:,}" for value in sorted({min(values), max(values)})) if values else "-"


def _names(runs: tuple[Run, ...]) -> str:
    names = [run.treatment.name for run in runs]
    return ", ".join(names) if len(names) < 4 else f"{len(names)}: {names[0]} ... {names[-1]}"


def _print_network(plan: Plan) -> None:
    architecture = plan.architecture(plan.runs[0])
    costs = architecture.costs()
    is_graph = isinstance(architecture, GraphNetwork)  # whose layers have a table of their own
    each = "" if is_graph else f" ({', '.join(f'{cost.parameters:,}' for cost in costs)})"
    print(
        f"network: {architecture.name}, {len(architecture)} layers, {sum(c.parameters for c in costs):,} parameters"
        f"{each}, "
        f"{sum(c.flops for c in costs) / 1e6:.1f} MFLOP forward per image"
    )
    if isinstance(architecture, GraphNetwork):
        CONSOLE.print(_layers_table(architecture))


def _layers_table(network: GraphNetwork) -> rich.table.Table:
    table = rich.table.Table("n", "layer", "output", "parameters", "MFLOP", box=rich.box.SIMPLE)
    for number, (name, cost) in enumerate(zip(network.layer_names(), network.costs(), strict=True), start=1):
        shape = "x".join(map(str, cost.output_shape))
        table.add_row(str(number), name, shape, f"{cost.parameters:,}", f"{cost.flops / 1e6:.2f}")
    return table


def _print_tasks(plan: Plan, split: class_splits.ClassSplit, limit: int) -> None:
    tasks = {letter: make_task(plan.experiment, split, letter, limit) for letter in "AB"}
    described = [f"{x}: {len(t.classes)} classes, {t.num_images():,} images" for x, t in tasks.items() if t.classes]
    print(f"split {split}{f', {limit} images per class' if limit else ''}: " + "; ".join(described))
