"""Fitting the networks of a cohort: the one place that compiles, and the loop over intervals between tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import keras
import numpy as np

from tf_transfer.experiment.config import Recipe
from tf_transfer.training import optimizers
from tf_transfer.training.backup import Backup
from tf_transfer.training.evaluation import CohortHistory


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
    # Losses and metrics make their variables now. With the first batch, TensorFlow would trace the step twice for it.
    labels = [np.zeros(1, np.int32) for _ in model.outputs]
    logits = [keras.ops.zeros((1, *output.shape[1:])) for output in model.outputs]
    model.compute_loss(y=labels, y_pred=logits)
    model.compute_metrics(None, labels, logits)
    model.reset_metrics()


def train_in_calls(model: keras.Model, steps_per_call: int, steps_per_test: int) -> None:
    """Lets `fit` train a compiled model many steps at a time, since each call of TensorFlow costs about 1 ms.

    Keras's own `steps_per_execution` must divide the steps of an epoch, or it trains beyond its end.

    Args:
      model: Compiled, for TensorFlow.
      steps_per_call: Steps in a call, at most.
      steps_per_test: No call goes on beyond a multiple of so many steps of the optimizer.
    """
    import tensorflow as tf  # not needed under another backend

    @tf.function(autograph=False)
    def train(batches):
        def train_step(step):
            model.train_step(next(batches))
            return [step + 1]

        to_test = steps_per_test - tf.cast(model.optimizer.iterations.value, tf.int32) % steps_per_test
        count = tf.minimum(steps_per_call, to_test)
        tf.while_loop(lambda step: step < count, train_step, [tf.constant(0)], parallel_iterations=1)
        return model.get_metrics_result()

    model.steps_per_execution = steps_per_call
    model.train_function = train


def fit(
    stream: Callable[[int], Iterable], history: CohortHistory, backup: Backup, num_tests: int, steps_per_call: int
) -> None:
    """Trains a compiled model from where its backup stands, until the last test or until all networks have diverged.

    Args:
      stream: Gives the endless batches from a step on.
      history: Tests the networks after each interval.
      backup: Restored already.
      num_tests: Intervals in all.
      steps_per_call: As for `train_in_calls`.
    """
    train_in_calls(backup.model, steps_per_call, history.steps_per_test)
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
                callbacks=[backup, history],
                shuffle=False,  # the stream has its own order
                verbose=0,
            )
        step += (last - first) * steps
