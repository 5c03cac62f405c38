"""The plan of an experiment: its runs, which base each one needs, its cohorts, and what they cost."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tf_transfer.data import image_store
from tf_transfer.experiment import class_splits, treatments
from tf_transfer.experiment.class_splits import ClassSplit
from tf_transfer.experiment.config import Block, Experiment, Recipe
from tf_transfer.experiment.graph_networks import GraphNetwork
from tf_transfer.experiment.layer_tables import Architecture
from tf_transfer.experiment.tasks import Task, list_counts, make_task
from tf_transfer.experiment.treatments import Treatment

_RUN_NAME = re.compile(r"(?P<treatment>[^_]+)_(?P<split>[^_]+)_seed-(?P<seed>[0-9]+)(_images-(?P<images>[0-9]+))?")


@dataclasses.dataclass(frozen=True)
class Run:
    """One network to train.

    Attributes:
      treatment: How the network is made.
      split: The class split.
      seed: Seed of its initial weights, its stream and its dropout.
      images_per_class: Limit of training images per class; 0 for none.
    """

    treatment: Treatment
    split: ClassSplit
    seed: int
    images_per_class: int = 0

    @property
    def name(self) -> str:
        """The name of the run's directory, for example `A3B+_random-0_seed-0` or `baseB_all_seed-0_images-25`."""
        return f"{self.treatment.name}_{self.group}"

    @property
    def group(self) -> str:
        """What is left of the name without the treatment: only runs of one group can copy from each other."""
        limit = f"_images-{self.images_per_class}" if self.images_per_class else ""
        return f"{self.split}_seed-{self.seed}{limit}"

    @property
    def base(self) -> Run | None:
        """The run whose weights this one copies; None for a base and for random layers."""
        if self.treatment.source not in treatments.TASKS:
            return None
        return dataclasses.replace(self, treatment=Treatment(self.treatment.source))


def parse_run(name: str) -> Run:
    """Reads the name of a run.

    Raises:
      ValueError: It is not the name of a run.
    """
    match = _RUN_NAME.fullmatch(name)
    if not match:
        raise ValueError(f"{name!r} is not the name of a run: expected one such as A3B+_random-0_seed-0")
    treatment = treatments.parse(match["treatment"])
    run = Run(treatment, class_splits.parse(match["split"]), int(match["seed"]), int(match["images"] or 0))
    if run.name != name:
        raise ValueError(f"{name!r} is not the name of a run: expected {run.name}")
    return run


@dataclasses.dataclass(frozen=True)
class Cohort:
    """Runs with one target that train side by side, in one process.

    Attributes:
      name: The cohort's name, for example `random-0_seed-0_A1-7B`.
      runs: Its runs. They share target and group, and either all have frozen layers or none has.
    """

    name: str
    runs: tuple[Run, ...]

    @property
    def target(self) -> str:
        """The task that all runs are trained on."""
        return self.runs[0].treatment.target

    @property
    def needs(self) -> frozenset[Run]:
        """The bases that must be finished before this cohort can start."""
        return frozenset(run.base for run in self.runs if run.base)


@dataclasses.dataclass(frozen=True)
class Plan:
    """All runs and cohorts of an experiment.

    Attributes:
      experiment: What is planned.
      runs: Every network, bases first.
      blocks: The same runs by block, each under the first block that asks for it.
    """

    experiment: Experiment
    runs: tuple[Run, ...]
    blocks: Mapping[str, tuple[Run, ...]]

    @functools.cached_property
    def cohorts(self) -> tuple[Cohort, ...]:
        """The runs grouped for training: bases first, which all others wait for, then the costliest first."""

        def rank(cohort: Cohort) -> tuple:
            return not cohort.runs[0].treatment.is_base, -self.cohort_flops(cohort), cohort.name

        return tuple(sorted(_group(self.experiment, self.runs), key=rank))

    def task(self, run: Run, letter: str) -> Task:
        """Task `A` or `B` of the run's class split, with the run's training volume."""
        return self._make_task(run.split, letter, run.images_per_class)

    @functools.cached_property
    def _make_task(self) -> Callable[[ClassSplit, str, int], Task]:
        return functools.cache(functools.partial(make_task, self.experiment))

    @functools.cached_property
    def _recipes(self) -> dict[Run, Recipe]:
        blocks = self.experiment.all_blocks()
        recipes = {name: _recipe(self.experiment, blocks[name]) for name in self.blocks}
        return {run: recipes[name] for name, runs in self.blocks.items() for run in runs}

    @functools.cached_property
    def shortfalls(self) -> tuple[str, ...]:
        """Says in one sentence for each limit and store which classes have fewer training images than the limit."""
        short: dict[tuple[int, str], dict[str, int]] = {}
        for run in self.runs:
            task = self.task(run, run.treatment.target)
            short.setdefault((task.images_per_class, task.store), {}).update(task.short_classes())
        return tuple(
            f"images_per_class={limit}: {len(counts)} of {image_store.read_meta(store).num_classes} classes of {store} "
            f"have fewer training images and give all that they have: {list_counts(counts)}"
            for (limit, store), counts in short.items()
            if counts
        )

    def recipe(self, run: Run) -> Recipe:
        """The recipe that a run of this plan is trained by: the experiment's, with the steps of the run's block."""
        return self._recipes[run]

    def num_steps(self, run: Run) -> int:
        """Training steps of a run."""
        return self.recipe(run).num_steps(self._count_images(self.task(run, run.treatment.target)))

    @functools.cached_property
    def _count_images(self) -> Callable[[Task], int]:
        return functools.cache(Task.num_images)

    def architecture(self, run: Run) -> Architecture | GraphNetwork:
        """The layers of the run's network."""
        task = self.task(run, run.treatment.target)
        image_size = image_store.read_meta(task.store).image_size
        return self.experiment.architecture(len(task.classes), image_size)

    def cohort_flops(self, cohort: Cohort) -> float:
        """Floating-point operations to train a cohort, the frozen layers that its runs share counted once."""
        flops = [cost.flops for cost in self.architecture(cohort.runs[0]).costs()]
        frozen: dict[str, int] = {}  # by source
        for treatment in (run.treatment for run in cohort.runs):
            frozen[treatment.source] = max(frozen.get(treatment.source, 0), treatment.num_frozen)
        per_image = sum(sum(flops[:count]) for count in frozen.values())
        for run in cohort.runs:
            learning = flops[run.treatment.num_frozen :]
            per_image += 3 * sum(learning) - learning[0]  # the lowest learning layer passes no gradient on
        return per_image * self.experiment.recipe.batch_size * self.num_steps(cohort.runs[0])


def make_plan(experiment: Experiment) -> Plan:
    """Lists the runs of an experiment, with the bases that they need, and groups them into cohorts.

    Raises:
      FileNotFoundError: An image store does not exist.
      ValueError: A treatment, layer, split or network is wrong, a task has fewer than two classes, no class has as many
        images as a limit of images per class, or two stores do not go together.
    """
    _check_stores(experiment)
    runs: dict[Run, str] = {}
    blocks = experiment.all_blocks()
    _check_volumes(experiment, blocks.values())
    recipes = {name: _recipe(experiment, block) for name, block in blocks.items()}
    for name, block in blocks.items():
        for run in _block_runs(experiment, block):
            first = runs.setdefault(run, name)
            if recipes[first] != recipes[name]:
                raise ValueError(
                    f"the blocks {first!r} and {name!r} both ask for {run.name}, with different steps or evaluations; "
                    "give them the same, or an experiment each"
                )
    ordered = tuple(sorted(runs, key=lambda run: not run.treatment.is_base))
    plan = Plan(experiment, ordered, {name: tuple(run for run in ordered if runs[run] == name) for name in blocks})
    _ = plan.cohorts  # now, so that a class split or a network that cannot be made is told of at once
    return plan


def _recipe(experiment: Experiment, block: Block) -> Recipe:
    own = {name: getattr(block, name) for name in ("steps", "evaluations") if getattr(block, name)}
    return dataclasses.replace(experiment.recipe, **own)


def _block_runs(experiment: Experiment, block: Block) -> Iterator[Run]:
    """Yields each run that a block asks for after the bases that it needs; some more than once."""
    wanted = {target: _treatments(experiment, block, target) for target in block.targets}
    groups = itertools.product(block.class_splits(), block.seeds, block.images_per_class)
    for (split, seed, limit), target in itertools.product(groups, block.targets):
        yield Run(Treatment(target), split, seed, limit)
        for run in (Run(treatment, split, seed, limit) for treatment in wanted[target]):
            if run.base:
                yield run.base
            yield run


def _treatments(experiment: Experiment, block: Block, target: str) -> list[Treatment]:
    network = experiment.architecture(2, image_store.read_meta(experiment.store).image_size)
    num_layers = len(network)
    cuts = block.layers or (network.stage_ends() if isinstance(network, GraphNetwork) else range(1, num_layers))
    wanted = []
    for pattern in block.treatments:
        preserve = treatments.expand(pattern, target, 1).preserve
        highest = num_layers - 1 - preserve
        layers = cuts if block.layers else [n for n in cuts if n <= highest]
        for n in layers:
            if not 1 <= n <= num_layers - 1:
                raise ValueError(
                    f"layers: n must lie in 1..{num_layers - 1} for {experiment.network} ({num_layers} layers), got {n}"
                )
        if min(layers, default=num_layers) > highest:
            raise ValueError(f"{pattern}: n must lie in 1..{highest} for {experiment.network}, got {tuple(layers)}")
        wanted += [treatments.expand(pattern, target, n) for n in layers if n <= highest]
    return wanted


def _check_stores(experiment: Experiment) -> None:
    store = image_store.read_meta(experiment.store)
    if experiment.source_store:
        source = image_store.read_meta(experiment.source_store)
        if source.image_size != store.image_size:
            raise ValueError(
                f"the stores' images differ in size: {experiment.source_store} has {source.image_size} pixels, "
                f"{experiment.store} has {store.image_size}; prepare one of them with the other's --image_size"
            )
    if experiment.recipe.crop_size > store.image_size:
        raise ValueError(
            f"recipe.crop_size is {experiment.recipe.crop_size}, but the images of {experiment.store} have "
            f"{store.image_size} pixels; prepare a store with a larger --image_size or crop less"
        )
    if experiment.recipe.crop_padding > store.image_size:
        raise ValueError(
            f"recipe.crop_padding is {experiment.recipe.crop_padding}, more than the images of {experiment.store} have "
            f"pixels ({store.image_size}); pad less"
        )


def _check_volumes(experiment: Experiment, blocks: Iterable[Block]) -> None:
    """Refuses a limit that limits nothing: it would train the same again, and look like a larger volume."""
    stores = [store for store in (experiment.store, experiment.source_store) if store]
    metas = [image_store.read_meta(store) for store in stores]
    if not all(meta.files for meta in metas):
        return  # a description of what is expected, whose counts are assumed
    most = max(count for meta in metas for count in meta.images_per_class["train"])
    beyond = sorted({limit for block in blocks for limit in block.images_per_class if limit > most})
    if beyond:
        raise ValueError(
            f"images_per_class={beyond[0]} is more than there is: no class of {' or '.join(stores)} has more than "
            f"{most} training images; give limits of at most {most}, and 0 for all images"
        )


def make_cohort(runs: Sequence[Run]) -> Cohort:
    """Makes a cohort, named after its runs, for example `random-0_seed-0_A1-7B`."""
    return Cohort(f"{runs[0].group}_{_describe(runs)}", tuple(runs))


def _group(experiment: Experiment, runs: Sequence[Run]) -> Iterator[Cohort]:
    """Fills cohorts with whole families (runs that share a prefix) as far as the cohort size allows."""

    def cohort_key(run: Run) -> tuple:
        return run.group, run.treatment.target, run.treatment.fine_tuned, run.treatment.is_base

    for (_, _, fine_tuned, _), group in itertools.groupby(sorted(runs, key=cohort_key), cohort_key):
        size = experiment.fine_tuned_cohort_size if fine_tuned else experiment.cohort_size
        packed: list[list[Run]] = []
        for _, family in itertools.groupby(sorted(group, key=_family), _family):
            for chunk in _chunks(list(family), size):
                if packed and len(packed[-1]) + len(chunk) <= size:
                    packed[-1] += chunk
                else:
                    packed.append(chunk)
        for members in packed:
            yield make_cohort(members)


def _family(run: Run) -> str:
    treatment = run.treatment
    return (f"{treatment.source}n" if treatment.source else "base") + treatment.target + treatment.kind.suffix


def _chunks(items: list, size: int) -> Iterator[list]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _describe(runs: Sequence[Run]) -> str:
    families = [(name, list(members)) for name, members in itertools.groupby(runs, _family)]
    described = []
    for name, members in families:
        layers = sorted({run.treatment.n for run in members})
        span = f"{layers[0]}-{layers[-1]}" if len(layers) > 1 else str(layers[0])
        described.append(name.replace("n", span, 1) if layers != [0] else name)
    return ",".join(described)
