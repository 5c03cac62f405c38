"""The tasks of an experiment: which classes of which image store a network tells apart."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from tf_transfer.data import image_store
from tf_transfer.experiment import class_splits
from tf_transfer.experiment.class_splits import ClassSplit, TaskClasses
from tf_transfer.experiment.config import Experiment

_CLASSES_LISTED = 40


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

    def test_images_per_class(self) -> list[int]:
        """Number of test images of each class, in the order of `classes`."""
        counts = image_store.read_meta(self.store).images_per_class["test"]
        return [counts[label] for label in self.classes]

    def short_classes(self) -> dict[str, int]:
        """The classes with fewer training images than `images_per_class`, and how many each has."""
        meta = image_store.read_meta(self.store)
        counts = {meta.class_names[label]: meta.images_per_class["train"][label] for label in self.classes}
        return {name: count for name, count in counts.items() if count < self.images_per_class}

    def balanced_class_weights(self) -> np.ndarray:
        """Weights of the classes with which each counts the same in all: float [classes], 1 on average over images."""
        meta = image_store.read_meta(self.store)
        counts = np.array([meta.num_images("train", [label], self.images_per_class) for label in self.classes])
        return counts.sum() / (len(counts) * counts)


def divide_classes(experiment: Experiment, split: ClassSplit) -> TaskClasses:
    """Divides the classes as a class split says, also one that another config asked for.

    Raises:
      FileNotFoundError: There is no store.
      ValueError: The halves overlap, one has fewer than two classes, or they name unknown classes.
    """
    names = image_store.read_meta(experiment.store).class_names
    every = tuple(range(len(names)))
    if split.kind == class_splits.ALL:
        return TaskClasses(split, (), every)
    if split.kind == class_splits.DATA_SETS:
        return TaskClasses(split, tuple(range(image_store.read_meta(experiment.source_store).num_classes)), every)
    return TaskClasses(split, *(tuple(half.tolist()) for half in _halves(experiment, split, names)))


def _halves(experiment: Experiment, split: ClassSplit, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    lists = experiment.classes_a, experiment.classes_b
    if split.kind == class_splits.RANDOM:
        return class_splits.random_halves(len(names), split.seed)
    if split.kind == class_splits.NATURAL_MAN_MADE and not any(lists):
        return class_splits.natural_and_man_made(names)
    return class_splits.indices_of(lists[0], names), class_splits.indices_of(lists[1], names)


def make_task(experiment: Experiment, split: ClassSplit, letter: str, images_per_class: int = 0) -> Task:
    """Task `A` or `B` of a class split.

    Args:
      experiment: Has the stores and lists of classes.
      split: The class split.
      letter: `A` or `B`.
      images_per_class: Only the first so many training images of each class; 0 for all.

    Raises:
      FileNotFoundError, ValueError: As in `divide_classes`.
    """
    from_source = letter == "A" and split.kind == class_splits.DATA_SETS
    store = experiment.source_store if from_source else experiment.store
    return Task(store, divide_classes(experiment, split).of(letter), images_per_class)


def list_counts(counts: Mapping[str, int]) -> str:
    """Writes classes with their numbers of images, the rarest first: `cat 10, dog 12`."""
    listed = [f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: item[1])]
    more = f" and {len(listed) - _CLASSES_LISTED} more" if len(listed) > _CLASSES_LISTED else ""
    return ", ".join(listed[:_CLASSES_LISTED]) + more
