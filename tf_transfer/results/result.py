"""The outcome of one run, as its `result.json` holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

import msgspec
import numpy as np

from tf_transfer.experiment.plan import Run, parse_run
from tf_transfer.results import chance

FINISHED: Final = "finished"
DIVERGED: Final = "diverged"
AT_CHANCE = "at chance"
COPIED_FROM_DIVERGED = "copied from a base that diverged"
COPIED_FROM_CHANCE = "copied from a base at chance"
TOP5_CLASSES = 20  # with no more classes than that, five guesses say little
BEST = 10  # the paper reports the mean of a network's ten best tests

_Count = Annotated[int, msgspec.Meta(ge=1)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Positive = Annotated[float, msgspec.Meta(ge=0)]


class Result(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The outcome of one run. Treatment, class split, seed and volume are read from the run's name.

    Attributes:
      run: The run's name.
      status: `finished`, or `diverged` where the loss or a weight was not a finite number.
      steps: Training steps done.
      num_classes: Number of classes of the target.
      num_train_images: Number of its training images.
      test_images_per_class: Number of test images of each of its classes.
      test_steps: The steps after which the network was tested.
      top1_history: Top-1 accuracy of each test, in [0, 1].
      per_class_history: Mean per-class accuracy of each test, in [0, 1].
      top5_last: Share of the test images whose class was among the five likeliest in the last test, in [0, 1].
      loss_history: Mean training loss since the test before.
      train_top1_history: Mean accuracy on the training batches since the test before, with dropout on.
      copied_sha256: Hash over the weights copied from a base, equal to that over their origin; empty if none.
      frozen_sha256: Hash over the frozen weights, the same before and after training; empty if none.
      precision: `float32` or `mixed_bfloat16`.
      settings_hash: Hash of the experiment's settings.
      versions: Versions of the packages that computed it.
      cohort: The cohort that the run was trained in.
      cohort_runs: The runs of that cohort.
      seconds: Wall time of the cohort's training and tests, in seconds, without work that was lost.
      images_per_second: Training images a second of that time, in the cohort.
    """

    run: str
    status: Literal["finished", "diverged"]
    steps: _Count
    num_classes: _Count
    num_train_images: _Count
    test_images_per_class: Sequence[_Count]
    test_steps: Sequence[_Count]
    top1_history: Sequence[_Share]
    per_class_history: Sequence[_Share]
    top5_last: _Share
    loss_history: Sequence[float | None]
    train_top1_history: Sequence[_Share]
    copied_sha256: str
    frozen_sha256: str
    precision: str
    settings_hash: str
    versions: Mapping[str, str]
    cohort: str
    cohort_runs: Sequence[str]
    seconds: _Positive
    images_per_second: _Positive

    def __post_init__(self):
        parse_run(self.run)
        if len(self.test_images_per_class) != self.num_classes:
            raise ValueError(f"it has test images of {len(self.test_images_per_class)} classes, not {self.num_classes}")
        accuracies = (self.top1_history, self.per_class_history, self.train_top1_history)
        histories = (self.test_steps, self.loss_history, *accuracies)
        if not self.test_steps or len({len(history) for history in histories}) > 1:
            raise ValueError("its histories differ in length, or are empty")

    @property
    def planned(self) -> Run:
        """The run as it was planned: treatment, class split, seed and volume."""
        return parse_run(self.run)

    @property
    def top1_last(self) -> float:
        """Top-1 accuracy of the last test."""
        return self.top1_history[-1]

    @property
    def top1_mean_best10(self) -> float:
        """Mean of the ten best tests, as the paper reports it (of all tests, where there are fewer)."""
        return float(np.mean(sorted(self.top1_history)[-BEST:]))

    @property
    def per_class_last(self) -> float:
        """Mean per-class accuracy of the last test."""
        return self.per_class_history[-1]

    def row(self) -> dict:
        """The run's row in `results.csv`, whose `caution` tells what is known without other runs: that it diverged."""
        run = self.planned
        treatment = run.treatment
        return {
            "run": self.run,
            "treatment": treatment.name,
            "kind": str(treatment.kind),
            "split": str(run.split),
            "source": treatment.source or treatment.target,
            "target": treatment.target,
            "n": treatment.n,
            "images_per_class": run.images_per_class,
            "seed": run.seed,
            "steps": self.steps,
            "top1_mean_best10": self.top1_mean_best10,
            "top1_last": self.top1_last,
            "per_class_last": self.per_class_last,
            "top5_last": self.top5_last if self.num_classes > TOP5_CLASSES else None,
            "loss_last": self.loss_history[-1],
            "train_top1_last": self.train_top1_history[-1],
            "num_classes": self.num_classes,
            "num_train_images": self.num_train_images,
            "num_test_images": sum(self.test_images_per_class),
            "chance": chance.largest_share(self.test_images_per_class),
            "status": self.status,
            "caution": DIVERGED if self.status == DIVERGED else "",
            "seconds": self.seconds,
        }
