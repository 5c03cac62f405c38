"""An experiment: everything that decides which networks are trained and how, as plain typed values."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from math import inf

from tf_transfer.data import image_store
from tf_transfer.experiment import class_splits, layer_tables
from tf_transfer.experiment.blocks import Block
from tf_transfer.files import safe_load
from tf_transfer.files.checksums import hash_json

SCHEDULES = ("cosine", "step", "constant")
PRECISIONS = ("auto", "float32", "mixed_bfloat16")
NORMALISATIONS = ("channels", "mean image")
DETERMINISTIC = ("auto", "yes", "no")
MAX_BATCH_SIZE = 65536  # a slip of the keyboard would end in days of swapping, or in no memory
METRICS = ("top1_last", "top1_mean_best10")

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

# What may change between two sweeps on one workdir, since no run's numbers depend on it.
_FREE_FIELDS = ("split", "split_seeds", "images_per_class", "targets", "treatments", "layers", "seeds", "blocks")
_FREE_FIELDS += ("expected_store", "metric", "cohort_size", "fine_tuned_cohort_size", "processes")
_FREE_FIELDS += ("deterministic", "checkpoint_minutes", "checkpoint_steps")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How every network of an experiment is trained. The fields are described in `configs/default.py`."""

    batch_size: int = 64
    epochs: float = 18.0
    steps: int = 0
    evaluations: int = 20
    learning_rate: float = 0.03
    learning_rate_schedule: str = "cosine"
    warmup_fraction: float = 0.05
    learning_rate_decay_steps: int = 0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    bias_learning_rate_multiplier: float = 1.0
    crop_padding: int = 0
    crop_size: int = 0
    random_flip: bool = False
    normalisation: str = "channels"
    precision: str = "auto"

    def __post_init__(self):
        for name, least in (("batch_size", 1), ("steps", 0), ("evaluations", 1), ("crop_padding", 0), ("crop_size", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"recipe.{name} must be at least {least}, got {getattr(self, name)}")
        if self.batch_size > MAX_BATCH_SIZE:
            raise ValueError(f"recipe.batch_size must be at most {MAX_BATCH_SIZE}, got {self.batch_size}")
        ends = {
            "learning_rate": inf,
            "weight_decay": inf,
            "bias_learning_rate_multiplier": inf,
            "epochs": inf,
            "warmup_fraction": 1,
            "momentum": 1,
        }
        for name, end in ends.items():
            if not 0 <= getattr(self, name) < end:  # true of nan, too
                raise ValueError(f"recipe.{name} must lie in [0, {end}), got {getattr(self, name)}")
        if not self.epochs and not self.steps:
            raise ValueError("recipe.epochs must be above 0, or recipe.steps given; got 0 and 0")
        if self.learning_rate_schedule == "step" and self.learning_rate_decay_steps < 1:
            raise ValueError(
                "recipe.learning_rate_schedule='step' needs recipe.learning_rate_decay_steps, the steps from one "
                "division by 10 to the next"
            )
        choices = {"learning_rate_schedule": SCHEDULES, "normalisation": NORMALISATIONS, "precision": PRECISIONS}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"unknown recipe.{name} {getattr(self, name)!r}: expected one of {allowed}")

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
class Task:
    """Classes of an image store that one network tells apart.

    Attributes:
      store: Path of the image store.
      classes: Sorted class indices in that store.
      images_per_class: Only the first so many training images of each class; 0 for all.
    """

    store: str
    classes: tuple[int, ...]
    images_per_class: int = 0

    def num_images(self, split: str = "train") -> int:
        """Number of images; `images_per_class` limits only the training images."""
        limit = self.images_per_class if split == "train" else 0
        return image_store.read_meta(self.store).num_images(split, self.classes, limit)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """All that one sweep trains. The fields are described in `configs/default.py`."""

    store: str
    expected_store: str = ""
    source_store: str = ""
    split: str = class_splits.RANDOM
    split_seeds: tuple[int, ...] = (0,)
    classes_a: tuple[str, ...] = ()
    classes_b: tuple[str, ...] = ()
    images_per_class: tuple[int, ...] = (0,)
    network: str = "convnet"
    network_options: Mapping[str, object] = dataclasses.field(default_factory=dict)
    targets: tuple[str, ...] = ("B",)
    treatments: tuple[str, ...] = ("BnB", "BnB+", "AnB", "AnB+", "RnB")
    layers: tuple[int, ...] = ()
    seeds: tuple[int, ...] = (0,)
    blocks: Mapping[str, Mapping[str, object]] = dataclasses.field(default_factory=dict)
    recipe: Recipe = dataclasses.field(default_factory=Recipe)
    metric: str = "top1_last"
    cohort_size: int = 7
    fine_tuned_cohort_size: int = 1
    processes: int = 0
    deterministic: str = "auto"
    checkpoint_minutes: float = 5.0
    checkpoint_steps: int = 0

    def __post_init__(self):
        if not self.store:
            raise ValueError("no image store given: set --config.store=PATH (made by bin/prepare.py)")
        kinds = {block.split for block in self.all_blocks().values()}
        if bool(self.source_store) != (class_splits.DATA_SETS in kinds):
            raise ValueError(
                "source_store and split='data sets' go together: task A is then the source store's classes"
            )
        if self.metric not in METRICS:
            raise ValueError(f"unknown metric {self.metric!r}: expected one of {METRICS}")
        if self.deterministic not in DETERMINISTIC:
            raise ValueError(f"unknown deterministic {self.deterministic!r}: expected one of {DETERMINISTIC}")
        limits = {"cohort_size": 1, "fine_tuned_cohort_size": 1, "processes": 0}
        limits |= {"checkpoint_minutes": 0, "checkpoint_steps": 0}
        for name, least in limits.items():
            if not getattr(self, name) >= least:  # true of nan, too
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")

    @classmethod
    def from_config(cls, config: Mapping) -> Experiment:
        """Builds an experiment from a nested mapping, such as `ConfigDict.to_dict()` returns.

        Raises:
          ValueError: A field is not known, or a value is out of range.
        """
        fields = {name: _plain(value) for name, value in config.items()}
        recipe = fields.get("recipe")
        _refuse_old_names(fields)
        _refuse_old_names(recipe if isinstance(recipe, Mapping) else {}, "recipe.")
        experiment = safe_load.convert(fields, cls)
        for kind, given in ((cls, fields), (Recipe, fields.get("recipe", ()))):
            unknown = sorted(set(given) - {field.name for field in dataclasses.fields(kind)})
            if unknown:
                raise ValueError(f"unknown config fields {unknown}; configs/default.py lists them all")
        return experiment

    def to_json(self) -> dict:
        """Returns all fields as JSON values; `from_config` reads them back."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def all_blocks(self) -> dict[str, Block]:
        """The blocks by name: each has the experiment's own fields, but for those that it sets itself.

        Without `blocks`, one without a name.

        Raises:
          ValueError: A block sets a field that is not its own, or a value is out of range.
        """
        names = [field.name for field in dataclasses.fields(Block)]
        shared = {name: getattr(self, name) for name in names if hasattr(self, name)}
        made = {}
        for name, changes in (self.blocks or {"": {}}).items():
            _refuse_old_names(changes, f"blocks.{name}.")
            unknown = sorted(set(changes) - set(names))
            if unknown:
                raise ValueError(f"blocks.{name}: a block cannot set {unknown}, only {names}")
            try:
                made[name] = safe_load.convert({**shared, **changes}, Block)
            except ValueError as error:
                raise ValueError(f"blocks.{name}: {error}" if name else str(error)) from None
        return made

    def task_classes(self, split: class_splits.ClassSplit) -> class_splits.TaskClasses:
        """Divides the classes as a class split says, also one that another config asked for.

        Raises:
          FileNotFoundError: There is no store.
          ValueError: The halves overlap, are empty, or name unknown classes.
        """
        names = image_store.read_meta(self.store).class_names
        every = tuple(range(len(names)))
        if split.kind == class_splits.ALL:
            return class_splits.TaskClasses(split, (), every)
        if split.kind == class_splits.DATA_SETS:
            source = image_store.read_meta(self.source_store)
            return class_splits.TaskClasses(split, tuple(range(source.num_classes)), every)
        if split.kind == class_splits.RANDOM:
            halves = class_splits.random_halves(len(names), split.seed)
        elif split.kind == class_splits.NATURAL_MAN_MADE and not (self.classes_a or self.classes_b):
            halves = class_splits.natural_and_man_made(names)
        else:
            halves = (class_splits.indices_of(half, names) for half in (self.classes_a, self.classes_b))
        return class_splits.TaskClasses(split, *(tuple(half.tolist()) for half in halves))

    def task(self, split: class_splits.ClassSplit, letter: str, images_per_class: int = 0) -> Task:
        """Task `A` or `B` of a class split."""
        from_source = letter == "A" and split.kind == class_splits.DATA_SETS
        store = self.source_store if from_source else self.store
        return Task(store, self.task_classes(split).of(letter), images_per_class)

    def architecture(self, num_classes: int, image_size: int) -> layer_tables.Architecture:
        """The table of layers for a task of `num_classes` classes."""
        size = self.recipe.input_size(image_size)
        return layer_tables.build(self.network, num_classes, size, **dict(self.network_options))

    def settings(self) -> dict:
        """What every run's numbers depend on, as JSON values: two sweeps that share a workdir must agree in it."""
        read_back = self.from_config(self.to_json())  # in which 10 epochs are 10.0, as a workdir reads them
        fields = dataclasses.asdict(dataclasses.replace(read_back, recipe=read_back.recipe))
        for name in (*_FREE_FIELDS, "store", "source_store"):
            del fields[name]
        stores = {"store": self.store} | ({"source_store": self.source_store} if self.source_store else {})
        fields |= {name: image_store.read_meta(path).fingerprint for name, path in stores.items()}
        return json.loads(json.dumps(fields))

    def settings_hash(self) -> str:
        """SHA-256 of `settings()`, in hexadecimal."""
        return hash_json(self.settings())


def _refuse_old_names(fields: Iterable[str], prefix: str = "") -> None:
    for name in fields:
        if name in OLD_NAMES:
            raise ValueError(f"the config field {prefix}{name} is now called {prefix}{OLD_NAMES[name]}; rename it")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_plain(item) for item in value)
    return value
