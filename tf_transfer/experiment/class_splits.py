"""Class splits: how the classes of a data set are divided into task A and task B."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tf_transfer.experiment import natural_classes

RANDOM = "random"
NATURAL_MAN_MADE = "natural/man-made"
EXPLICIT = "explicit"
DATA_SETS = "data sets"
ALL = "all"
KINDS = (RANDOM, NATURAL_MAN_MADE, EXPLICIT, DATA_SETS, ALL)
MIN_CLASSES = 2  # of a task: with one class there is nothing to tell apart, and every network is always right

# What to do where a task has too few classes.
_MORE_CLASSES = {
    RANDOM: "random halves need a data set of at least 4 classes; with fewer, take split='all' (one task, B; "
    "treatments BnB, BnB+ and RnB), or another data set as task A (split='data sets')",
    NATURAL_MAN_MADE: "name at least 2 natural classes in classes_a and 2 man-made ones in classes_b, or take "
    "split='random'",
    EXPLICIT: "name at least 2 classes in each of classes_a and classes_b",
    DATA_SETS: "prepare stores of at least 2 classes each",
    ALL: "prepare a store of at least 2 classes",
}


@dataclasses.dataclass(frozen=True)
class ClassSplit:
    """Which division of the classes is meant. As a string it is its name: `random-0`, `natural-man-made`, `all`.

    Attributes:
      kind: One of `KINDS`.
      seed: Seed of random halves; 0 for all other kinds.
    """

    kind: str
    seed: int = 0

    def __str__(self) -> str:
        return f"{RANDOM}-{self.seed}" if self.kind == RANDOM else self.kind.replace("/", "-").replace(" ", "-")


def of_kind(kind: str, seeds: Sequence[int]) -> list[ClassSplit]:
    """All class splits of a kind: one for each seed of random halves, and one of every other kind."""
    return [ClassSplit(kind, seed) for seed in seeds] if kind == RANDOM else [ClassSplit(kind)]


_WITHOUT_SEED = {str(ClassSplit(kind)): ClassSplit(kind) for kind in KINDS if kind != RANDOM}


def parse(name: str) -> ClassSplit:
    """Reads the name of a class split, for example `random-0`.

    Raises:
      ValueError: No class split has this name.
    """
    if name in _WITHOUT_SEED:
        return _WITHOUT_SEED[name]
    seed = name.removeprefix(f"{RANDOM}-")
    split = ClassSplit(RANDOM, int(seed) if seed.isdecimal() else 0)
    if str(split) != name:
        raise ValueError(
            f"{name!r} is not the name of a class split: expected random-0 or the like, or one of {[*_WITHOUT_SEED]}"
        )
    return split


@dataclasses.dataclass(frozen=True)
class TaskClasses:
    """The classes of task A and of task B.

    Attributes:
      split: The class split that divides them.
      classes_a: Sorted class indices of task A in its image store; none in the split `all`.
      classes_b: Sorted class indices of task B in its image store.
    """

    split: ClassSplit
    classes_a: tuple[int, ...]
    classes_b: tuple[int, ...]

    def __post_init__(self):
        name = str(self.split)
        for task, classes in (("A", self.classes_a), ("B", self.classes_b)):
            if len(classes) < MIN_CLASSES and (self.split.kind, task) != (ALL, "A"):
                count = "1 class" if classes else "no classes"
                raise ValueError(
                    f"split {name!r}: task {task} has {count}, but a network needs at least {MIN_CLASSES} to tell "
                    f"apart; {_MORE_CLASSES[self.split.kind]}"
                )
        shared = sorted(set(self.classes_a) & set(self.classes_b))
        if shared and self.split.kind != DATA_SETS:  # in which they number the classes of different stores
            raise ValueError(
                f"split {name!r}: A and B must not overlap, but share the classes {shared}; remove them from one"
            )

    def of(self, task: str) -> tuple[int, ...]:
        """Returns the class indices of task `A` or `B`."""
        return {"A": self.classes_a, "B": self.classes_b}[task]


def random_halves(num_classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws two random halves of the classes, as Yosinski et al. (2014) drew theirs.

    For 1000 classes and seeds 0 to 3 these are exactly the paper's splits (section 3; the authors seed
    NumPy's generator with a list of one element).

    Args:
      num_classes: Number of classes. Of an odd number, B gets one more.
      seed: Any non-negative integer.

    Returns:
      `(A, B)`: two sorted int64 arrays of class indices which together hold each class once.
    """
    all_classes = np.arange(num_classes)
    chosen = np.random.RandomState([seed]).choice(all_classes, num_classes // 2, replace=False)
    return np.sort(chosen), np.setdiff1d(all_classes, chosen)


def natural_and_man_made(class_names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Divides classes into natural (A) and man-made (B) things (paper, section 4.2).

    Args:
      class_names: The data set's class names, or WordNet ids, in label order.

    Returns:
      `(A, B)`: two sorted int64 arrays of class indices, natural and man-made. Of ILSVRC2012 they are the paper's.

    Raises:
      ValueError: Of a class, `natural_classes` does not know what it is.
    """
    natural = [natural_classes.is_natural(name) for name in class_names]
    unknown = [name for name, known in zip(class_names, natural, strict=True) if known is None]
    if unknown:
        raise ValueError(
            f"it is not known whether {len(unknown)} of {len(class_names)} classes are natural or man-made "
            f"(the first: {unknown[0]!r}); name the natural ones in classes_a and the man-made ones in classes_b"
        )
    is_natural = np.array(natural, bool)
    return np.flatnonzero(is_natural), np.flatnonzero(~is_natural)


def indices_of(names: Sequence[str], class_names: Sequence[str]) -> np.ndarray:
    """Returns the sorted indices of the classes called `names`.

    Args:
      names: Class names, each at most once.
      class_names: The data set's class names in label order.

    Raises:
      ValueError: A name is not a class of the data set, or is given twice.
    """
    missing = [name for name in names if name not in class_names]
    if missing:
        known = ", ".join(class_names[:8]) + (", ..." if len(class_names) > 8 else "")
        raise ValueError(f"the data set has no class {missing[0]!r}; its {len(class_names)} classes are: {known}")
    indices = np.sort([list(class_names).index(name) for name in names]).astype(np.int64)
    if len(set(indices.tolist())) < len(indices):
        raise ValueError(f"a class is listed twice: {sorted(names)}")
    return indices


def remap(labels: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """Renumbers labels within a task: 0..K-1 follow the sorted old indices.

    Args:
      labels: Integer array of class indices, each one of `classes`.
      classes: Sorted class indices of the task.

    Returns:
      An int32 array of the same shape, with values in [0, len(classes)).
    """
    return np.searchsorted(np.asarray(classes), labels).astype(np.int32)
