"""A cohort compiled, with its optimizer, losses and metrics.

The one place where anything is compiled: by then, weights are copied and layers frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np


class CompiledCohort:
    """Trains the networks of a cohort some steps at a time, and classifies images with them.

    Each network gets the gradient that it would get alone: the loss is the sum of one cross-entropy for each output,
    and nothing that learns is shared.

    Args:
      model: Images in, one tensor of logits for each network out, with all layers frozen that do not learn.
      optimizer: A new one.
      class_weights: float [classes], how much an image of each class counts in the loss; None where all count the same.

    Attributes:
      model: As given.
      optimizer: As given, built.
      variables: All that training changes, in networks (dropout's seeds and batch statistics included), optimizer and
        metrics. This list is what is saved and restored.
    """

    def __init__(
        self, model: keras.Model, optimizer: keras.optimizers.Optimizer, class_weights: np.ndarray | None = None
    ):
        self.model, self.optimizer = model, optimizer
        self._class_weights = None if class_weights is None else np.asarray(class_weights, np.float32)
        optimizer.build(model.trainable_variables)
        self._losses = [keras.losses.SparseCategoricalCrossentropy(from_logits=True) for _ in model.outputs]
        self._mean_losses = [keras.metrics.Mean(name="loss") for _ in model.outputs]
        self._accuracies = [keras.metrics.SparseCategoricalAccuracy(name="top1") for _ in model.outputs]
        self._metrics = [*self._mean_losses, *self._accuracies]
        metric_variables = [variable for metric in self._metrics for variable in metric.variables]
        self.variables = [*model.variables, *optimizer.variables, *metric_variables]
        compile_functions = _BACKENDS[keras.backend.backend()]
        self._train, self._classify = compile_functions(self)

    def train(self, batches: Iterator, count: int) -> None:
        """Trains for `count` steps in one call, which cannot be interrupted.

        Args:
          batches: Yields `(images, labels)`: images as the model takes them, labels as one int32 [batch] for each
            output. An iterator of a `tf.data.Dataset` under TensorFlow, of arrays under JAX.
          count: Number of steps.
        """
        self._train(batches, count)

    def logits(self, images) -> list[np.ndarray]:
        """Classifies images.

        Args:
          images: As the model takes them.

        Returns:
          For each network, float32 [batch, classes].
        """
        return [np.asarray(each) for each in self._classify(images)]

    def training_means(self) -> list[tuple[float, float]]:
        """For each network, mean loss and accuracy on the training batches since `reset_metrics`, with dropout on."""
        metrics = zip(self._mean_losses, self._accuracies, strict=True)
        return [(float(loss.result()), float(accuracy.result())) for loss, accuracy in metrics]

    def reset_metrics(self) -> None:
        """Restarts the means of `training_means`."""
        for metric in self._metrics:
            metric.reset_state()

    def _compute_losses(self, labels: Sequence[Any], logits: Sequence[Any]) -> list[Any]:
        if self._class_weights is None:
            return [loss(*each) for loss, *each in zip(self._losses, labels, logits, strict=True)]
        weights = [keras.ops.take(self._class_weights, each, axis=0) for each in labels]
        return [loss(*each) for loss, *each in zip(self._losses, labels, logits, weights, strict=True)]

    @staticmethod
    def _metric_arguments(losses: Sequence[Any], labels: Sequence[Any], logits: Sequence[Any], size: Any) -> list:
        """What `update_state` of each of the metrics takes after a batch of `size` images."""
        return [*((loss, size) for loss in losses), *zip(labels, logits, strict=True)]


def _as_list(outputs) -> list[Any]:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]  # Keras unpacks a list of one output


def _compile_for_tensorflow(cohort: CompiledCohort) -> tuple[Callable, Callable]:
    import tensorflow as tf

    model, optimizer = cohort.model, cohort.optimizer
    trainable = model.trainable_variables

    def train_step(images, labels) -> None:
        with tf.GradientTape() as tape:
            logits = _as_list(model(images, training=True))
            losses = cohort._compute_losses(labels, logits)
            total = optimizer.scale_loss(sum(losses))
        optimizer.apply(tape.gradient(total, trainable), trainable)
        arguments = cohort._metric_arguments(losses, labels, logits, tf.shape(images)[0])
        for metric, each in zip(cohort._metrics, arguments, strict=True):
            metric.update_state(*each)

    # No XLA: on the CPU it is slower than TensorFlow's own kernels. The loop is here since a call costs about 1 ms.
    @tf.function(autograph=False)
    def train(batches, count) -> None:
        def body(step):
            train_step(*next(batches))
            return [step + 1]

        tf.while_loop(lambda step: step < count, body, [tf.constant(0)], parallel_iterations=1)

    @tf.function(autograph=False)
    def classify(images):
        return _as_list(model(images, training=False))

    return lambda batches, count: train(batches, tf.constant(count)), classify


def _compile_for_jax(cohort: CompiledCohort) -> tuple[Callable, Callable]:
    import jax

    model, optimizer = cohort.model, cohort.optimizer
    metrics = cohort._metrics
    variables = [
        model.trainable_variables,
        model.non_trainable_variables,
        optimizer.variables,
        *(metric.variables for metric in metrics),
    ]

    def total_loss(trainable, fixed, images, labels):
        outputs, fixed = model.stateless_call(trainable, fixed, images, training=True)
        logits = _as_list(outputs)
        losses = cohort._compute_losses(labels, logits)
        return sum(losses), (logits, losses, fixed)

    @jax.jit
    def train_step(state, images, labels):
        trainable, fixed, optimizer_state, *metric_states = state
        gradients, (logits, losses, fixed) = jax.grad(total_loss, has_aux=True)(trainable, fixed, images, labels)
        trainable, optimizer_state = optimizer.stateless_apply(optimizer_state, gradients, trainable)
        arguments = cohort._metric_arguments(losses, labels, logits, len(images))
        updates = zip(metrics, metric_states, arguments, strict=True)
        metric_states = [metric.stateless_update_state(state, *each) for metric, state, each in updates]
        return [trainable, fixed, optimizer_state, *metric_states]

    def train(batches, count) -> None:
        state = [[variable.value for variable in group] for group in variables]
        for _ in range(count):
            state = train_step(state, *next(batches))
        for group, values in zip(variables, state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)

    @jax.jit
    def forward(trainable, fixed, images):
        return _as_list(model.stateless_call(trainable, fixed, images, training=False)[0])

    def classify(images):
        return forward(*([variable.value for variable in group] for group in variables[:2]), images)

    return train, classify


_BACKENDS = {"tensorflow": _compile_for_tensorflow, "jax": _compile_for_jax}
