"""Testing the networks of a cohort while they train, and keeping their histories."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np


class CohortHistory(keras.callbacks.Callback):
    """Tests every network of a cohort at the end of each epoch of `fit`, an epoch being the interval between tests.

    A network counts as diverged from the test on at which its loss or any of its weights is not finite. (The weights
    too, since max-pooling on the CPU takes the other numbers where one is NaN, so that loss and logits look sound.)
    Once all networks have diverged, training stops.

    Args:
      output_names: The model's output names, one for each run.
      weights: All variables of each run's network.
      test_images: Dataset of image batches, the whole test set.
      test_labels: int [images], in the same order.
      steps_per_test: Training steps in an epoch.
      on_test: Called after each test with this object.

    Attributes:
      steps_per_test: As given.
      on_test_batch: Called before each batch of test images.
      steps: The steps after which the networks were tested.
      times: When that was, in seconds since 1970.
      learning_rate: The learning rate at those steps.
      loss: For each run, the mean training loss of each interval; None where the network had diverged.
      train_top1: For each run, the accuracy on the training batches of each interval.
      top1: For each run, the accuracy on the test images.
      correct: bool [runs, images]: what the last test got right.
    """

    _LISTS = ("steps", "times", "learning_rate", "loss", "train_top1", "top1")

    def __init__(
        self,
        output_names: Sequence[str],
        weights: Sequence[Sequence[keras.Variable]],
        test_images,
        test_labels: np.ndarray,
        steps_per_test: int,
        on_test: Callable[[CohortHistory], None],
    ):
        super().__init__()
        self._output_names, self._weights = list(output_names), weights
        self._test_images, self._test_labels = test_images, test_labels
        self.steps_per_test, self._on_test = steps_per_test, on_test
        self.on_test_batch: Callable[[], None] = lambda: None
        self.steps: list[int] = []
        self.times: list[float] = []
        self.learning_rate: list[float] = []
        self.loss, self.train_top1, self.top1 = ([[] for _ in self._output_names] for _ in range(3))
        self.correct = np.zeros((len(self._output_names), len(test_labels)), bool)

    @property
    def all_diverged(self) -> bool:
        """Whether no network is worth training on."""
        return bool(self.steps) and all(history[-1] is None for history in self.loss)

    def state(self) -> dict:
        """All histories as JSON values; `correct` is not among them."""
        return {name: getattr(self, name) for name in self._LISTS}

    def restore(self, state: Mapping, correct: np.ndarray) -> None:
        """Takes over the histories of a training that goes on."""
        for name in self._LISTS:
            setattr(self, name, state[name])
        self.correct = correct

    def on_epoch_end(self, epoch, logs=None):
        """Tests all networks."""
        self.test((epoch + 1) * self.steps_per_test, logs)

    def test(self, step: int, logs: Mapping[str, float | None]) -> None:
        """Tests all networks and appends to the histories.

        Args:
          step: Steps done.
          logs: Losses and accuracies of the interval, as `fit` reports them; None stands for a loss that is not finite.
        """
        answers = self._answers()
        self.steps.append(step)
        self.times.append(time.time())
        self.learning_rate.append(float(self.model.optimizer.learning_rate))
        for number, name in enumerate(self._output_names):
            loss = self._log(logs, name, "loss")
            sound = loss is not None and math.isfinite(loss) and _all_finite(self._weights[number])
            self.loss[number].append(loss if sound else None)
            self.train_top1[number].append(self._log(logs, name, "top1"))
            self.correct[number] = answers[number] == self._test_labels
            self.top1[number].append(float(self.correct[number].mean()))
        if self.all_diverged:
            self.model.stop_training = True
        self._on_test(self)

    def _answers(self) -> np.ndarray:
        """The class that each network takes each test image for, int [runs, images]."""
        answers = []
        for images in self._test_images:
            self.on_test_batch()
            # Not `predict`, which would unroll as many batches as there are training steps in a call.
            logits = self.model.predict_on_batch(images)
            logits = logits if isinstance(logits, list) else [logits]  # Keras unpacks a list of one output
            answers.append([each.argmax(-1) for each in logits])
        return np.concatenate(answers, axis=1)

    def _log(self, logs: Mapping[str, float | None], name: str, value: str) -> float | None:
        # Keras leaves the output's name out where there is only one.
        return logs[value] if len(self._output_names) == 1 else logs[f"{name}_{value}"]


def _all_finite(variables: Sequence[keras.Variable]) -> bool:
    return all(bool(keras.ops.all(keras.ops.isfinite(variable))) for variable in variables)
