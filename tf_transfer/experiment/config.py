"""The config of an experiment: everything that decides which networks are trained and how, as plain typed values.

`configs/default.py` is written from the classes `Experiment` and `Recipe`, with their comments:
python -m tf_transfer.experiment.write_default_config
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import pathlib
import reprlib
import typing
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta

from tf_transfer.experiment import class_splits, graph_networks, layer_tables, treatments
from tf_transfer.experiment.graph_networks import GraphNetwork
from tf_transfer.experiment.layer_tables import Architecture
from tf_transfer.files import safe_load
from tf_transfer.files.paths import local_path

# Fields that had other names in earlier versions; a config that still uses one is told the new name.
OLD_NAMES = {
    "tests": "evaluations",
    "mirror": "random_flip",
    "bias_rate": "bias_learning_rate_multiplier",
    "schedule": "learning_rate_schedule",
    "decay_every": "learning_rate_decay_steps",
    "warmup": "warmup_fraction",
    "finetuned_cohort_size": "fine_tuned_cohort_size",
}

Natural = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
BatchSize = Annotated[int, Meta(ge=1, le=65536)]  # a slip of the keyboard would end in days of swapping
NonNegative = Annotated[float, Meta(ge=0)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]
Naturals = Annotated[tuple[Natural, ...], Meta(min_length=1)]
# The largest seed is that of NumPy's RandomState, which the paper's halves are drawn from.
SplitSeeds = Annotated[tuple[Annotated[int, Meta(ge=0, le=2**32 - 1)], ...], Meta(min_length=1)]

SplitKind = Literal["random", "natural/man-made", "explicit", "data sets", "all"]
Schedule = Literal["cosine", "step", "constant"]
Normalisation = Literal["channels", "mean image"]
ClassWeights = Literal["none", "balanced"]
Precision = Literal["auto", "float32", "mixed_bfloat16"]
Metric = Literal["top1_last", "top1_mean_best10", "per_class_last"]
# What each metric, a column of `results.csv`, is called in texts and figures.
ACCURACY_NAMES: Mapping[str, str] = {
    "top1_last": "top-1 accuracy",
    "top1_mean_best10": "top-1 accuracy",
    "per_class_last": "mean per-class accuracy",
}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How every network of an experiment is trained."""

    batch_size: BatchSize = 64  # images in a step
    epochs: NonNegative = 18.0  # passes over the target's training images
    steps: Natural = 0  # if not 0, this many steps instead of epochs
    evaluations: Positive = 20  # on all test images, evenly spread over the training
    learning_rate: NonNegative = 0.03  # the highest learning rate
    learning_rate_schedule: Schedule = "cosine"  # cosine (with warm-up) | step (divided by 10) | constant
    warmup_fraction: Fraction = 0.05  # share of the steps in which a cosine schedule rises
    learning_rate_decay_steps: Natural = 0  # steps between two divisions by 10 of a step schedule
    momentum: Fraction = 0.9
    weight_decay: NonNegative = 5e-4  # L2, in the gradient, not on biases
    bias_learning_rate_multiplier: NonNegative = 1.0  # factor on the learning rate of biases; 2 in the paper
    crop_padding: Natural = 0  # zero pixels around the image before it is cropped at random
    crop_size: Natural = 0  # side of the random crop and so of the network's input; 0 for the image's
    random_flip: bool = False  # each image as it is or mirrored, at random
    normalisation: Normalisation = "channels"  # channels (mean and deviation) | mean image (subtracted; the paper's)
    # none | balanced: in the loss, all training images of a class together count as much as those of any other. Images
    # of rare classes then take large steps, for which the learning rate may have to be lower.
    class_weights: ClassWeights = "none"
    precision: Precision = "auto"  # float32 | mixed_bfloat16 | auto: the faster one of the workdir's first machine

    def __post_init__(self):
        _check_fields(self, prefix="recipe.")
        if not self.epochs and not self.steps:
            raise ValueError("recipe.epochs must be above 0, or recipe.steps given; got 0 and 0")
        if self.learning_rate_schedule == "step" and self.learning_rate_decay_steps < 1:
            raise ValueError(
                "recipe.learning_rate_schedule='step' needs recipe.learning_rate_decay_steps, the steps from one "
                "division by 10 to the next"
            )

    def steps_per_evaluation(self, num_images: int) -> int:
        """Steps from one evaluation to the next, for a task of `num_images` training images."""
        steps = self.steps or round(self.epochs * num_images / self.batch_size)
        return max(1, round(steps / self.evaluations))

    def num_steps(self, num_images: int) -> int:
        """Steps in all: a whole number of intervals between evaluations, as near to what was asked as can be."""
        return self.evaluations * self.steps_per_evaluation(num_images)

    def input_size(self, image_size: int) -> int:
        """Side of the network's input, in pixels."""
        return self.crop_size or image_size


@dataclasses.dataclass(frozen=True)
class Block:
    """Some of an experiment's networks, which share these fields.

    Attributes:
      split: Kind of class split.
      split_seeds: One pair of random halves for each.
      images_per_class: Limits of training images per class; 0 for none.
      targets: Tasks that are trained on.
      treatments: Patterns such as `AnB+`; without any, bases alone are trained.
      layers: Values of n; empty for all.
      seeds: Seeds of weights, order and dropout.
      steps: Training steps of each network; 0 for those of the recipe.
      evaluations: Number of evaluations of each network; 0 for that of the recipe.
    """

    split: SplitKind
    split_seeds: SplitSeeds
    images_per_class: Naturals
    targets: tuple[str, ...]
    treatments: tuple[str, ...]
    layers: tuple[int, ...]
    seeds: Naturals
    steps: Natural = 0
    evaluations: Natural = 0

    def __post_init__(self):
        _check_fields(self)
        if not self.targets or set(self.targets) - set(treatments.TASKS):
            raise ValueError(f"targets must be some of {treatments.TASKS}, got {self.targets}")
        if self.split == class_splits.ALL:
            self._check_one_task()

    def _check_one_task(self) -> None:
        if self.targets != ("B",):
            raise ValueError(f"split='all' has one task, B, which holds all classes; got targets {self.targets}")
        impossible = [name for name in self.treatments if treatments.expand(name, "B", 1).source == "A"]
        if impossible:
            raise ValueError(
                f"split='all' has no task A to transfer from; set treatments to some of BnB, BnB+, RnB, "
                f"got {impossible}"
            )

    def class_splits(self) -> list[class_splits.ClassSplit]:
        """Its class splits. Only random halves make more than one."""
        return class_splits.of_kind(self.split, self.split_seeds)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """All that one sweep trains."""

    # Data and tasks.
    store: str = ""  # path of the image store, made by tf-transfer prepare
    expected_store: str = ""  # what the store will be, for a --dry_run before it is there: imagenet2012
    source_store: str = ""  # another store as task A, with split='data sets'
    split: SplitKind = "random"  # random | natural/man-made | explicit | data sets | all (one task, B)
    split_seeds: SplitSeeds = (0,)  # one pair of random halves for each
    # Names of the classes of A and of B, with split='explicit'; also with 'natural/man-made', if they are not those of
    # CIFAR, the shapes or ImageNet (by WordNet id), which are known.
    classes_a: tuple[str, ...] = ()
    classes_b: tuple[str, ...] = ()
    images_per_class: Naturals = (0,)  # limits: only the first so many training images of each class; 0 for all

    # Networks.
    # convnet | caffenet | tiny, see tf_transfer/experiment/layer_tables.py; or keras.applications:NAME, any of Keras's
    # models, whose layers are the blocks between points where a single tensor is alive.
    network: str = "convnet"
    # A network's own options, for example filters = (8, 16, 16, 32, 32); of Keras's models, such as alpha = 0.35.
    network_options: Mapping[str, object] = dataclasses.field(default_factory=dict)

    # What is trained. B stands for the target, A for the other task; `+` lets the copied layers learn.
    targets: tuple[str, ...] = ("B",)  # ("A", "B") for both directions
    treatments: tuple[str, ...] = ("BnB", "BnB+", "AnB", "AnB+", "RnB")  # also AnB-preserve1 and the like
    # Values of n; () for all, 1..N-1, or, of Keras's models, for the last one of each resolution.
    layers: tuple[int, ...] = ()
    seeds: Naturals = (0,)  # seeds of weights, order and dropout

    # Several such groups of networks in one experiment, by name. Each sets what it does not share with the fields
    # above: split, split_seeds, images_per_class, targets, treatments (none: bases alone), layers, seeds, and the
    # recipe's steps and evaluations. For example
    # config.blocks.volumes = dict(split="all", treatments=(), images_per_class=(10, 100), steps=2000)
    blocks: Mapping[str, Mapping[str, object]] = dataclasses.field(default_factory=dict)

    # How every network is trained.
    recipe: Recipe = dataclasses.field(default_factory=Recipe)

    # How results are read: top-1 accuracy in the last evaluation, or its mean over the ten best as in the paper; or the
    # mean of the classes' accuracies in the last evaluation, in which rare classes count as much as frequent ones.
    metric: Metric = "top1_last"  # top1_last | top1_mean_best10 | per_class_last

    # How the work is cut. None of this changes what is trained; other cohorts and numbers of threads (processes) add up
    # in another order, which changes the last bits.
    cohort_size: Positive = 7  # runs with frozen layers that train side by side
    fine_tuned_cohort_size: Positive = 1  # likewise without frozen layers
    processes: Natural = 0  # cohorts that train at the same time; 0: one per core, at most 8, and one on a GPU
    # The same bits each time on the same machine, with as many processes. auto: yes on the CPU, where it costs nothing.
    deterministic: Literal["auto", "yes", "no"] = "auto"  # auto | yes | no
    # Minutes between two checkpoints, or more if that would take over 1 % of the time.
    checkpoint_minutes: NonNegative = 5.0
    checkpoint_steps: Natural = 0  # if not 0, also a checkpoint about every so many steps

    def __post_init__(self):
        _check_fields(self)
        if not self.store:
            raise ValueError("no image store given: set --config.store=PATH (made by tf-transfer prepare)")
        for name in ("store", "source_store"):
            object.__setattr__(self, name, _expand_home(name, getattr(self, name)))
        kinds = {block.split for block in self.all_blocks().values()}
        if bool(self.source_store) != (class_splits.DATA_SETS in kinds):
            raise ValueError(
                "source_store and split='data sets' go together: task A is then the source store's classes"
            )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Experiment:
        """Builds an experiment from a nested mapping, such as `ConfigDict.to_dict()` returns.

        Raises:
          ValueError: A field is not known, or a value is out of range.
        """
        fields = {name: _with_sequences_as(tuple, value) for name, value in config.items()}
        check_names(fields, field_names(cls))
        recipe = fields.get("recipe")
        if isinstance(recipe, Mapping):
            check_names(recipe, field_names(Recipe), prefix="recipe.")
            fields["recipe"] = Recipe(**recipe)
        return cls(**fields)

    def to_json(self) -> dict[str, Any]:
        """Returns all fields as JSON values; `from_config` reads them back."""
        return {name: _with_sequences_as(list, value) for name, value in dataclasses.asdict(self).items()}

    def all_blocks(self) -> dict[str, Block]:
        """The blocks by name: each has the experiment's own fields, but for those that it sets itself.

        Without `blocks`, one without a name.

        Raises:
          ValueError: A block sets a field that is not its own, or a value is out of range.
        """
        names = field_names(Block)
        shared = {name: getattr(self, name) for name in names if name in field_names(Experiment)}
        made = {}
        for name, changes in (self.blocks or {"": {}}).items():
            check_names(changes, names, prefix=f"blocks.{name}.")
            try:
                made[name] = Block(**{**shared, **changes})
            except ValueError as error:
                raise ValueError(f"blocks.{name}: {error}" if name else str(error)) from None
        return made

    def architecture(self, num_classes: int, image_size: int) -> Architecture | GraphNetwork:
        """The network's layers for a task of `num_classes` classes."""
        size = self.recipe.input_size(image_size)
        if graph_networks.is_graph(self.network):
            return graph_networks.describe(self.network, num_classes, size, self.network_options)
        return layer_tables.build(self.network, num_classes, size, **dict(self.network_options))


def _expand_home(name: str, path: str) -> str:
    try:
        expanded = str(local_path(path))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return expanded if path.startswith("~") else path  # others stay as they are written


def configs_directory() -> pathlib.Path:
    """The directory of the configs that come with the package: of the checkout, or installed with it."""
    package = pathlib.Path(__file__).parents[1]
    in_checkout = package.parent / "configs"
    return in_checkout if (in_checkout / "default.py").is_file() else package / "configs"


def shown_configs() -> str:
    """Where these configs lie, as a message should say it: below the present directory, or from the root."""
    directory, here = configs_directory(), pathlib.Path.cwd()
    return str(directory.relative_to(here) if directory.is_relative_to(here) else directory)


def field_names(kind: type) -> list[str]:
    """Names of the fields of `Experiment`, `Recipe` or `Block`, in order."""
    return [field.name for field in dataclasses.fields(kind)]


def check_names(given: Collection[str], known: Collection[str], prefix: str = "") -> None:
    """Checks the names of some config fields.

    Args:
      given: Names of fields.
      known: The names that there are.
      prefix: What stands before them in a config, for example `recipe.`.

    Raises:
      ValueError: A name is not known; the message says its new name, or one that looks like it.
    """
    for name in given:
        if name in known:
            continue
        if OLD_NAMES.get(name) in known:
            raise ValueError(f"the config field {prefix}{name} is now called {prefix}{OLD_NAMES[name]}; rename it")
        similar = difflib.get_close_matches(name, known, n=1)
        meant = f"; perhaps {prefix + similar[0]!r} is meant" if similar else ""
        in_block = prefix.startswith("blocks.") and prefix != "blocks."
        listed = f"a block can set {', '.join(known)}" if in_block else f"{shown_configs()}/default.py lists them all"
        raise ValueError(f"the config has no field {prefix + name!r}{meant}; {listed}")


def _check_fields(instance: Recipe | Block | Experiment, prefix: str = "") -> None:
    """Checks each field of a new instance against its annotation; whole numbers become floats where those are meant."""
    for name, kind in typing.get_type_hints(type(instance), include_extras=True).items():
        value = getattr(instance, name)
        if not isinstance(value, Recipe):
            object.__setattr__(instance, name, _checked(prefix + name, value, kind))


def _checked(name: str, value: object, kind: Any) -> object:
    if typing.get_origin(kind) is Literal and value not in typing.get_args(kind):
        raise ValueError(f"unknown {name} {value!r}: expected one of {typing.get_args(kind)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name}: expected a finite number, got {value}")
    try:
        return safe_load.convert(value, kind, name)
    except ValueError as error:
        raise ValueError(str(error) if ", got " in str(error) else f"{error}, got {reprlib.repr(value)}") from None


def _with_sequences_as(kind: type, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _with_sequences_as(kind, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return kind(_with_sequences_as(kind, item) for item in value)
    return value
