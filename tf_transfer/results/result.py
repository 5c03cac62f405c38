"""The outcome of one run, as its `result.json` holds it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tf_transfer.experiment.plan import Run

FINISHED = "finished"
DIVERGED = "diverged"
CHANCE_FACTOR = 1.5  # a network below 1.5 times chance has learnt nothing to speak of
COPIED_FROM_DIVERGED = "copied from a base that diverged"
BEST = 10  # the paper reports the mean of a network's ten best tests


@dataclasses.dataclass(frozen=True)
class Result:
    """The outcome of one run.

    Attributes:
      run: The run's name.
      treatment: The paper's name of the treatment.
      kind: `base`, `selffer`, `transfer`, `random`, with `+` or `-preserve2`.
      split: Name of the class split.
      source: The task whose layers were copied: `A`, `B`, `R`; for a base its own.
      target: The task trained on.
      n: Number of layers copied.
      images_per_class: Limit of training images per class; 0 for none.
      seed: The run's seed.
      status: `finished`, or `diverged` where the loss or a weight was not a finite number.
      steps: Training steps done.
      num_classes: Number of classes of the target.
      test_steps: The steps after which the network was tested.
      top1_history: Top-1 accuracy of each test, in [0, 1].
      loss_history: Mean training loss since the test before.
      train_top1_history: Mean accuracy on the training batches since the test before, dropout and all.
      copied_sha256: Hash over the weights copied from a base, equal to that over their origin; empty if none.
      frozen_sha256: Hash over the frozen weights, the same before and after training; empty if none.
      precision: `float32` or `mixed_bfloat16`.
      settings_hash: Hash of the experiment's settings.
      versions: Versions of what computed it.
      cohort: The cohort that the run was trained in.
      cohort_runs: The runs of that cohort.
      seconds: Wall time of the cohort's training and tests, in seconds, without what a kill undid.
      images_per_second: Training images a second of that time, in the cohort.
    """

    run: str
    treatment: str
    kind: str
    split: str
    source: str
    target: str
    n: int
    images_per_class: int
    seed: int
    status: str
    steps: int
    num_classes: int
    test_steps: Sequence[int]
    top1_history: Sequence[float]
    loss_history: Sequence[float | None]
    train_top1_history: Sequence[float]
    copied_sha256: str
    frozen_sha256: str
    precision: str
    settings_hash: str
    versions: Mapping[str, str]
    cohort: str
    cohort_runs: Sequence[str]
    seconds: float
    images_per_second: float

    @property
    def top1_last(self) -> float:
        """Top-1 accuracy of the last test."""
        return self.top1_history[-1]

    @property
    def top1_mean_best10(self) -> float:
        """Mean of the ten best tests, as the paper reports it (of all tests, where there are fewer)."""
        return float(np.mean(sorted(self.top1_history)[-BEST:]))

    @property
    def caution(self) -> str:
        """Why not to trust the run, in a word or three; empty where nothing speaks against it."""
        if self.status == DIVERGED:
            return "diverged"
        return "never left chance" if max(self.top1_history) < CHANCE_FACTOR / self.num_classes else ""

    def row(self) -> dict:
        """The run's row in `results.csv`."""
        columns = "run treatment kind split source target n images_per_class seed steps".split()
        row = {name: getattr(self, name) for name in columns}
        row |= {"top1_mean_best10": self.top1_mean_best10, "top1_last": self.top1_last}
        row |= {"loss_last": self.loss_history[-1], "train_top1_last": self.train_top1_history[-1]}
        row |= {"num_classes": self.num_classes, "status": self.status, "caution": self.caution}
        return row | {"seconds": self.seconds}


def check(result: Result, run: Run) -> None:
    """Checks that a result says of itself what its run's name says.

    Raises:
      ValueError: It does not, or its histories do not go together.
    """
    treatment = run.treatment
    source = treatment.source or treatment.target
    expected = (
        run.name,
        treatment.name,
        str(treatment.kind),
        str(run.split),
        source,
        treatment.target,
        treatment.n,
        run.seed,
    )
    names = ("run", "treatment", "kind", "split", "source", "target", "n", "seed")
    for name, value in zip(names, expected, strict=True):
        if getattr(result, name) != value:
            raise ValueError(f"its {name} is {getattr(result, name)!r} instead of {value!r}")
    if result.images_per_class != run.images_per_class or result.status not in (FINISHED, DIVERGED):
        raise ValueError(f"its images_per_class is {result.images_per_class}, its status {result.status!r}")
    histories = (result.test_steps, result.top1_history, result.loss_history, result.train_top1_history)
    if not result.test_steps or len({len(history) for history in histories}) > 1:
        raise ValueError("its histories differ in length")
