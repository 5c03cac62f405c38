"""Blocks: groups of networks of one experiment, each with its own class split, volumes, treatments and steps."""

from __future__ import annotations

import dataclasses

from tf_transfer.experiment import class_splits, treatments

_LARGEST_SEED = 2**32 - 1  # of NumPy's RandomState, which the paper's halves are drawn from


@dataclasses.dataclass(frozen=True)
class Block:
    """Some of an experiment's networks. The fields are described in `configs/default.py`.

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

    split: str
    split_seeds: tuple[int, ...]
    images_per_class: tuple[int, ...]
    targets: tuple[str, ...]
    treatments: tuple[str, ...]
    layers: tuple[int, ...]
    seeds: tuple[int, ...]
    steps: int = 0
    evaluations: int = 0

    def __post_init__(self):
        if self.split not in class_splits.KINDS:
            raise ValueError(f"unknown split {self.split!r}: expected one of {class_splits.KINDS}")
        if not self.targets or set(self.targets) - set(treatments.TASKS):
            raise ValueError(f"targets must be some of {treatments.TASKS}, got {self.targets}")
        for name in ("split_seeds", "seeds", "images_per_class"):
            if not getattr(self, name) or min(getattr(self, name)) < 0:
                raise ValueError(f"{name} must be one or more integers from 0 on, got {getattr(self, name)}")
        if max(self.split_seeds) > _LARGEST_SEED:
            raise ValueError(f"split_seeds must be at most {_LARGEST_SEED}, got {self.split_seeds}")
        for name in ("steps", "evaluations"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
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
