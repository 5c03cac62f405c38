"""Training a cohort from arrays in memory, on any of Keras's backends: with JAX, TensorFlow need not be installed.

KERAS_BACKEND=jax in the environment chooses the backend, before Keras is imported.
"""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

from tf_transfer.experiment.config import Recipe
from tf_transfer.experiment.seeds import derive_seed
from tf_transfer.training.fitting import compile_cohort


def batches(
    images: np.ndarray, labels: np.ndarray, batch_size: int, seed: int, num_outputs: int, first_step: int = 0
) -> Iterator[tuple[np.ndarray, tuple[np.ndarray, ...]]]:
    """Yields training batches without end; batch t is a function of the arguments and t.

    Args:
      images: float32 [images, size, size, 3], normalised.
      labels: Integers [images].
      batch_size: Images in a batch.
      seed: Seed of the order, which is another one in each epoch.
      num_outputs: How many times the labels are repeated, once for each output of a cohort.
      first_step: The step of the first batch.
    """
    first = first_step * batch_size
    epoch, order = -1, np.empty(0, np.int64)
    while True:
        samples = np.arange(first, first + batch_size)
        chosen = np.empty(batch_size, np.int64)
        for number in range(samples[0] // len(images), samples[-1] // len(images) + 1):
            if number != epoch:
                epoch = number
                order = np.random.default_rng([derive_seed("order", seed), epoch]).permutation(len(images))
            here = samples // len(images) == epoch
            chosen[here] = order[samples[here] % len(images)]
        yield images[chosen], (labels[chosen],) * num_outputs
        first += batch_size


def train(
    model: keras.Model, images: np.ndarray, labels: np.ndarray, recipe: Recipe, seed: int, num_steps: int
) -> float:
    """Compiles a model that `transfer.build_cohort` has built, and trains it.

    Args:
      model: Images in, one tensor of logits per run out.
      images: float32 [images, size, size, 3], normalised.
      labels: Integers [images].
      recipe: Batch size, learning rate and the like; its augmentation is left out.
      seed: Seed of the order.
      num_steps: Steps to train for.

    Returns:
      The mean loss, over all steps and summed over the runs.
    """
    compile_cohort(model, recipe, num_steps)
    stream = batches(images, labels, recipe.batch_size, seed, len(model.outputs))
    history = model.fit(stream, steps_per_epoch=num_steps, shuffle=False, verbose=0)
    return history.history["loss"][0]
