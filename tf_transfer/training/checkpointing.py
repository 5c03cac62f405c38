"""When to save a training, and going on from what was saved, bit for bit.

The variables of networks, optimizer and metrics, the history and the step are all the state there is: the stream of
batches has none. (Keras's own `BackupAndRestore` repeats the interrupted epoch, and does not save the states of
dropout's seed generators.)
"""

from __future__ import annotations

import dataclasses
import pathlib
import threading
import time
from collections.abc import Mapping

from tf_transfer.results import checkpoints
from tf_transfer.training.compiled import CompiledCohort
from tf_transfer.training.evaluation import History

_MAX_SHARE_OF_TIME = 0.01  # where saving takes long, it is done less often


class Preempted(Exception):  # noqa: N818 - it is not an error
    """The training was asked to stop; its state is saved."""


@dataclasses.dataclass(frozen=True)
class CheckpointPolicy:
    """Where and when to save.

    Attributes:
      directory: Where the checkpoints lie.
      identity: What is being trained, as JSON values; a checkpoint of anything else is not used.
      minutes: Minutes between two checkpoints, or more where saving takes long; 0: not by time.
      steps: Steps after which a checkpoint is due, at the end of the call of TensorFlow under way; 0: not by steps.
      stop: Set when the training is to save and stop.
    """

    directory: pathlib.Path
    identity: Mapping
    minutes: float = 0.0
    steps: int = 0
    stop: threading.Event = dataclasses.field(default_factory=threading.Event)


class Checkpointer:
    """Saves a training between two calls of TensorFlow, also within an evaluation, and restores it.

    Args:
      compiled: The networks.
      history: Their history.
      policy: Where and when to save.
    """

    def __init__(self, compiled: CompiledCohort, history: History, policy: CheckpointPolicy):
        self._compiled, self._history, self._policy = compiled, history, policy
        self._seconds_before = 0.0
        self._saved_step = 0
        self._started = self._saved_at = time.monotonic()
        self._save_seconds = 0.0

    @property
    def seconds(self) -> float:
        """Time spent training, in seconds, including that before the restored checkpoint."""
        return self._seconds_before + time.monotonic() - self._started

    def restore(self) -> int:
        """Restores everything from the newest checkpoint that can be used.

        Returns:
          The step that it was saved at; 0 if there is none.
        """
        saved = checkpoints.load_newest(self._policy.directory, self._policy.identity)
        if saved is None:
            return 0
        predictions = {}
        for name, array in saved.arrays.items():
            kind, _, rest = name.partition("/")
            if kind == "variable":
                self._compiled.variables[int(rest)].assign(array)
            else:
                predictions[rest] = array
        self._history.restore(saved.state["history"], predictions)
        self._seconds_before, self._saved_step = saved.state["seconds"], saved.step
        return saved.step

    def save_if_due(self, step: int) -> None:
        """Saves, if it is time or the training is to stop.

        Args:
          step: Steps done.

        Raises:
          Preempted: It was asked to stop, and is saved.
        """
        policy, elapsed = self._policy, time.monotonic() - self._saved_at
        stop = policy.stop.is_set()
        by_time = policy.minutes and elapsed >= max(60 * policy.minutes, self._save_seconds / _MAX_SHARE_OF_TIME)
        by_steps = policy.steps and step - self._saved_step >= policy.steps
        if stop or by_time or by_steps:
            self._save(step)
        if stop:
            raise Preempted(f"stopped at step {step}; all is saved in {policy.directory}")

    def _save(self, step: int) -> None:
        start = time.monotonic()
        arrays = {f"variable/{number}": value.numpy() for number, value in enumerate(self._compiled.variables)}
        arrays |= {f"predictions/{name}": array for name, array in self._history.to_arrays().items()}
        state = {"history": self._history.to_json(), "seconds": self.seconds}
        checkpoints.save(self._policy.directory, checkpoints.Checkpoint(step, self._policy.identity, arrays, state))
        self._saved_step, self._saved_at = step, time.monotonic()
        self._save_seconds = self._saved_at - start
