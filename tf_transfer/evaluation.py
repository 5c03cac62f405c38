"""Testing the networks of a cohort while they train, and keeping their histories."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import keras
import numpy as np


class CohortHistory(keras.callbacks.Callback):
    """Tests every network of a cohort at the end of each epoch of `fit`, an epoch being the interval between tests.

    Once no network has a finite loss any more, training stops.

    Args:
      output_names: The model's output names, one for each run.
      test_images: Dataset of image batches, the whole test set.
      test_labels: int [images], in the same order.
      steps_per_test: Training steps in an epoch.
      on_test: Called after each test with the number of tests done.

    Attributes:
      steps: The steps after which the networks were tested.
      learning_rate: The learning rate at those steps.
      loss: For each run, the mean training loss of each interval; None where it was not finite.
      train_top1: For each run, the accuracy on the training batches of each interval.
      top1: For each run, the accuracy on the test images.
      correct: bool [runs, images]: what the last test got right.
    """

    def __init__(
        self,
        output_names: Sequence[str],
        test_images,
        test_labels: np.ndarray,
        steps_per_test: int,
        on_test: Callable[[CohortHistory], None],
    ):
        super().__init__()
        self._output_names = list(output_names)
        self._test_images, self._test_labels = test_images, test_labels
        self._steps_per_test, self._on_test = steps_per_test, on_test
        self.steps: list[int] = []
        self.learning_rate: list[float] = []
        self.loss, self.train_top1, self.top1 = ([[] for _ in self._output_names] for _ in range(3))
        self.correct = np.zeros((len(self._output_names), len(test_labels)), bool)

    def on_epoch_end(self, epoch, logs=None):
        """Tests all networks and appends to the histories."""
        logits = self.model.predict(self._test_images, verbose=0)
        logits = logits if isinstance(logits, list) else [logits]  # Keras unpacks a list of one output
        self.steps.append((epoch + 1) * self._steps_per_test)
        self.learning_rate.append(float(self.model.optimizer.learning_rate))
        for number, name in enumerate(self._output_names):
            loss = self._log(logs, name, "loss")
            self.loss[number].append(loss if math.isfinite(loss) else None)
            self.train_top1[number].append(self._log(logs, name, "top1"))
            self.correct[number] = logits[number].argmax(-1) == self._test_labels
            self.top1[number].append(float(self.correct[number].mean()))
        if not any(history[-1] is not None for history in self.loss):
            self.model.stop_training = True
        self._on_test(self)

    def _log(self, logs, name: str, value: str) -> float:
        # Keras leaves the output's name out where there is only one.
        return float(logs[value] if len(self._output_names) == 1 else logs[f"{name}_{value}"])
