"""Evaluating the networks of a cohort while they train, and the history of this."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import keras
import numpy as np

from tf_transfer.results.predictions import Predictions
from tf_transfer.training.compiled import CompiledCohort


@dataclasses.dataclass
class History:
    """What the evaluations of a cohort have shown so far.

    Attributes:
      predictions: For each network, what it made of each test image in the last evaluation.
      steps: The steps after which the networks were evaluated.
      times: When that was, in seconds since 1970.
      learning_rate: The learning rate at those steps.
      loss: For each network, the mean training loss of each interval; None where the network had diverged.
      train_top1: For each network, the accuracy on the training batches of each interval.
      top1: For each network, the accuracy on the test images.
      per_class: For each network, the mean of the accuracies on each class's test images.
    """

    predictions: list[Predictions]
    steps: list[int]
    times: list[float]
    learning_rate: list[float]
    loss: list[list[float | None]]
    train_top1: list[list[float]]
    top1: list[list[float]]
    per_class: list[list[float]]

    @classmethod
    def empty(cls, num_networks: int) -> History:
        """The history of networks that have not been evaluated yet."""
        by_network: list[list[list]] = [[[] for _ in range(num_networks)] for _ in range(4)]
        loss, train_top1, top1, per_class = by_network
        return cls([], [], [], [], loss, train_top1, top1, per_class)

    @property
    def all_diverged(self) -> bool:
        """Whether there is no network left that is worth training."""
        return bool(self.steps) and all(losses[-1] is None for losses in self.loss)

    def to_json(self) -> dict:
        """All lists of numbers as JSON values."""
        names = [field.name for field in dataclasses.fields(self) if field.name != "predictions"]
        return {name: getattr(self, name) for name in names}

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The predictions as arrays, by `NUMBER/NAME`."""
        return {
            f"{number}/{name}": array
            for number, predictions in enumerate(self.predictions)
            for name, array in predictions.to_arrays().items()
        }

    def restore(self, lists: Mapping, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes over what `to_json` and `to_arrays` returned."""
        for name, value in lists.items():
            setattr(self, name, value)
        by_network: dict[int, dict[str, np.ndarray]] = {}
        for name, array in arrays.items():
            number, _, field = name.partition("/")
            by_network.setdefault(int(number), {})[field] = array
        self.predictions = [Predictions.from_arrays(by_network[number]) for number in sorted(by_network)]


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How the networks of a cohort are evaluated.

    A network counts as diverged from the first evaluation at which its loss or any of its weights is not finite. (The
    weights too, since max-pooling on the CPU passes over NaN, so that loss and logits look sound.)

    Attributes:
      images: Batches of test images, all of them.
      labels: int [images], in the same order.
      weights: All variables of each network.
      on_done: Called with the history after each evaluation.
    """

    images: Iterable
    labels: np.ndarray
    weights: Sequence[Sequence[keras.Variable]]
    on_done: Callable[[History], None] = lambda history: None

    def new_history(self) -> History:
        """The history of these networks before the first evaluation."""
        return History.empty(len(self.weights))

    def evaluate(self, compiled: CompiledCohort, step: int, history: History, before_batch: Callable[[], None]) -> None:
        """Evaluates all networks, appends to their history, and restarts the means over training batches.

        Args:
          compiled: The networks.
          step: Steps done.
          history: Changed only once all is evaluated.
          before_batch: Called before each batch; it may raise.
        """
        batches, done = [], 0
        for images in self.images:
            before_batch()
            labels = self.labels[done : done + len(images)]
            batches.append([Predictions.from_logits(labels, logits) for logits in compiled.logits(images)])
            done += len(images)
        history.predictions = [Predictions.concatenate(parts) for parts in zip(*batches, strict=True)]
        history.steps.append(step)
        history.times.append(time.time())
        history.learning_rate.append(float(compiled.optimizer.learning_rate))
        for number, (loss, accuracy) in enumerate(compiled.training_means()):
            sound = math.isfinite(loss) and _all_finite(self.weights[number])
            history.loss[number].append(loss if sound else None)
            history.train_top1[number].append(accuracy)
            history.top1[number].append(history.predictions[number].top1())
            history.per_class[number].append(history.predictions[number].mean_per_class_accuracy())
        compiled.reset_metrics()
        self.on_done(history)


def _all_finite(variables: Sequence[keras.Variable]) -> bool:
    return all(bool(keras.ops.all(keras.ops.isfinite(variable))) for variable in variables)
