"""Fitting the networks of a cohort: the one place that compiles, and the loop over intervals between tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import keras

from tf_transfer import optimizers
from tf_transfer.backup import Backup
from tf_transfer.evaluation import CohortHistory
from tf_transfer.experiment import Recipe


class _Callbacks(keras.callbacks.CallbackList):
    """Callbacks none of which wants to hear of each step's end, for which Keras would fetch all losses."""

    def on_train_batch_end(self, batch, logs=None):
        """Does nothing."""


def compile_cohort(model: keras.Model, recipe: Recipe, num_steps: int) -> None:
    """Compiles a model with one output per run; each has the loss that it would have alone.

    Args:
      model: Images in, one tensor of logits per run out.
      recipe: How to train it.
      num_steps: Steps in all, which the learning rate depends on.
    """
    model.compile(
        optimizers.build_optimizer(recipe, num_steps),
        loss=[keras.losses.SparseCategoricalCrossentropy(from_logits=True) for _ in model.outputs],
        metrics=[[keras.metrics.SparseCategoricalAccuracy(name="top1")] for _ in model.outputs],
        # On the CPU, XLA is slower than TensorFlow's own kernels; of JAX there is no other way.
        jit_compile=keras.backend.backend() != "tensorflow",
    )


def fit(stream: Callable[[int], Iterable], history: CohortHistory, backup: Backup, num_tests: int) -> None:
    """Trains a compiled model from where its backup stands, until the last test or until all networks have diverged.

    Args:
      stream: Gives the endless batches from a step on.
      history: Tests the networks after each interval.
      backup: Restored already.
      num_tests: Intervals in all.
    """
    epoch, done = divmod(backup.step, history.steps_per_test)
    # An interval that was under way when the training stopped is an epoch of fewer steps.
    parts = [(epoch, epoch + 1, history.steps_per_test - done)] if done else []
    parts.append((epoch + len(parts), num_tests, history.steps_per_test))
    step = backup.step
    for first, last, steps in parts:
        if first < last and not history.all_diverged:
            backup.model.fit(
                stream(step),
                initial_epoch=first,
                epochs=last,
                steps_per_epoch=steps,
                callbacks=_Callbacks([backup, history], add_history=True, model=backup.model),
                shuffle=False,  # the stream has its own order
                verbose=0,
            )
        step += (last - first) * steps
