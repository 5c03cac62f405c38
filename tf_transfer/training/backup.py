"""Saving a training while it runs, and going on from what was saved, bit for bit.

Keras's own `BackupAndRestore` replays the epoch that was under way, and does not hold the states of dropout's seed
generators. The variables of model, optimizer and metrics are all the state there is: the stream of batches has none.
"""

from __future__ import annotations

import dataclasses
import math
import pathlib
import threading
import time
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from tf_transfer.results import checkpoints
from tf_transfer.training.evaluation import CohortHistory
from tf_transfer.training.preemption import Preempted

_MOST_OF_TIME = 0.01  # where saving takes long, it is done less often, so that it costs at most 1 % of the time


@dataclasses.dataclass(frozen=True)
class BackupPlan:
    """Where and when to save.

    Attributes:
      directory: Where the checkpoints lie.
      identity: What is being trained, as JSON values; a checkpoint of anything else is not used.
      minutes: Minutes between two checkpoints, or more where saving takes long; 0: not by time.
      steps: Steps after which a checkpoint is due, where a call of TensorFlow ends next; 0: not by steps.
      stop: Set when the training is to save and stop.
    """

    directory: pathlib.Path
    identity: Mapping
    minutes: float = 0.0
    steps: int = 0
    stop: threading.Event = dataclasses.field(default_factory=threading.Event)


class Backup(keras.callbacks.Callback):
    """Saves networks, optimizer, metrics and history between two calls of TensorFlow, also within tests.

    Among the callbacks of `fit` it stands before the history, so that a test that is cut short is done again.

    Args:
      model: The compiled model.
      history: Tests the networks and keeps their histories.
      plan: Where and when to save.

    Attributes:
      step: The step that training starts from: 0, or that of the checkpoint restored.
    """

    def __init__(self, model: keras.Model, history: CohortHistory, plan: BackupPlan):
        super().__init__()
        self.set_model(model)
        history.set_model(model)
        history.on_test_batch = self._save_if_due
        self._history, self._plan = history, plan
        self._restored: checkpoints.Checkpoint | None = None
        self.step = 0
        self._now = 0  # steps done
        self._untested: dict | None = None  # what `fit` told of an interval that is over, but whose test is not
        self._epoch_start = self._saved_step = 0
        self._started = self._saved_at = time.monotonic()
        self._save_seconds = 0.0

    @property
    def seconds(self) -> float:
        """Time that the steps done took, in seconds; those before the restored checkpoint are included."""
        before = self._restored.state["seconds"] if self._restored else 0.0
        return before + time.monotonic() - self._started

    def restore(self) -> None:
        """Sets everything as it was in the newest checkpoint that can be used, if there is one."""
        self.model.optimizer.build(self.model.trainable_variables)
        self._restored = saved = checkpoints.load_newest(self._plan.directory, self._plan.identity)
        if saved is None:
            return
        self.step = self._now = self._saved_step = saved.step
        _assign(_state_variables(self.model), saved.arrays, "variable")
        self._history.restore(saved.state["history"], saved.arrays["correct"])
        self._untested = saved.state["untested"]

    def finish_test(self) -> None:
        """Does a test again that was cut short when the training stopped."""
        if self._untested is not None:
            self._history.test(self.step, self._untested)

    def on_epoch_begin(self, epoch, logs=None):
        """Gives the metrics back what they had added up when the training stopped within this interval."""
        self._epoch_start = epoch * self._history.steps_per_test
        if self._epoch_start < self.step < self._epoch_start + self._history.steps_per_test:
            self._epoch_start = self.step
            _assign(self.model.metrics_variables, self._restored.arrays, "metric")

    def on_train_batch_begin(self, batch, logs=None):
        """Saves before a call of TensorFlow, if it is time."""
        self._now, self._untested = self._epoch_start + batch, None
        self._save_if_due()

    def on_epoch_end(self, epoch, logs=None):
        """Saves before a test, if it is time."""
        self._now = (epoch + 1) * self._history.steps_per_test
        # A loss that is not a number is one that JSON does not have.
        self._untested = {name: float(value) if math.isfinite(value) else None for name, value in logs.items()}
        self._save_if_due()

    def _save_if_due(self) -> None:
        plan, elapsed = self._plan, time.monotonic() - self._saved_at
        stop = plan.stop.is_set()
        by_time = plan.minutes and elapsed >= max(60 * plan.minutes, self._save_seconds / _MOST_OF_TIME)
        by_steps = plan.steps and self._now - self._saved_step >= plan.steps
        if stop or by_time or by_steps:
            self._save()
        if stop:
            raise Preempted(f"stopped at step {self._now}; all is saved in {plan.directory}")

    def _save(self) -> None:
        start = time.monotonic()
        arrays = {"correct": self._history.correct}
        for name, variables in (("variable", _state_variables(self.model)), ("metric", self.model.metrics_variables)):
            arrays |= {f"{name}/{number}": variable.numpy() for number, variable in enumerate(variables)}
        state = {"history": self._history.state(), "untested": self._untested, "seconds": self.seconds}
        checkpoints.save(self._plan.directory, checkpoints.Checkpoint(self._now, self._plan.identity, arrays, state))
        self._saved_step, self._saved_at = self._now, time.monotonic()
        self._save_seconds = self._saved_at - start


def _state_variables(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]


def _assign(variables: Sequence[keras.Variable], arrays: Mapping[str, np.ndarray], name: str) -> None:
    for number, variable in enumerate(variables):
        variable.assign(arrays[f"{name}/{number}"])
