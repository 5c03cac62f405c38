"""The stream of batches: batch t is a pure function of (task, seed, t).

So a run that continues at step t, another host, and a cohort instead of a single run all see the same images. The order
of each epoch is a random permutation (a cipher over the indices, not a shuffled list); crops and mirroring are drawn
statelessly from the number of the step.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tf_transfer.data.image_store import ImageStore
from tf_transfer.experiment.class_splits import remap
from tf_transfer.experiment.config import Recipe
from tf_transfer.experiment.seeds import derive_seed
from tf_transfer.experiment.tasks import Task
from tf_transfer.networks import normalisation
from tf_transfer.training import augmentation
from tf_transfer.training.numpy_function import numpy_function


@dataclasses.dataclass(frozen=True)
class Shard:
    """One host's share of every batch.

    Attributes:
      index: The host's number, from 0.
      count: Number of hosts; it must divide the batch size.
    """

    index: int = 0
    count: int = 1


def train_stream(
    task: Task, recipe: Recipe, seed: int, num_outputs: int, first_step: int = 0, shard: Shard = Shard()
) -> tf.data.Dataset:
    """The endless stream of training batches.

    Args:
      task: Store and classes.
      recipe: Batch size and augmentation.
      seed: Seed of the order, the crops and the mirroring.
      num_outputs: How many times the labels are repeated, once for each output of a cohort.
      first_step: The step of the first batch.
      shard: This host's share of each batch.

    Returns:
      A dataset of `(images, (labels,) * num_outputs)`: RGB [batch, size, size, 3], uint8 as in the store, or float32
      with the mean image subtracted, if the recipe says so; and int32 [batch] in [0, number of classes).

    Raises:
      ValueError: The number of hosts does not divide the batch size.
    """
    if recipe.batch_size % shard.count or not 0 <= shard.index < shard.count:
        raise ValueError(f"{shard} does not divide a batch of {recipe.batch_size}; choose a multiple of the hosts")
    store = ImageStore(task.store)
    indices = store.indices("train", task.classes, task.images_per_class)
    labels = tf.constant(remap(store.labels("train")[indices], task.classes))
    share, size = recipe.batch_size // shard.count, recipe.input_size(store.meta.image_size)
    order_seed, augment_seed = (derive_seed(use, seed) for use in ("order", "augmentation"))

    def order(step: tf.Tensor):
        # The numbers of this batch's samples, counted through all epochs.
        samples = step * recipe.batch_size + shard.index * share + tf.range(share, dtype=tf.int64)
        epochs, positions = samples // len(indices), samples % len(indices)
        seeds = tf.stack([tf.fill([share], np.int64(order_seed)), epochs, tf.zeros_like(epochs)], axis=1)
        # `tf.random.experimental.index_shuffle` stumbles over a seed for each index, its raw operation does not.
        chosen = tf.raw_ops.RandomIndexShuffle(index=positions, seed=seeds, max_index=len(indices) - 1, rounds=4)
        # Drawn for the whole batch, so that every host sees the same draws, and cut to this host's share.
        draws = tf.random.stateless_uniform([recipe.batch_size, 3], seed=[augment_seed, step])
        return tf.gather(tf.constant(indices), chosen), draws[shard.index * share :][:share], tf.gather(labels, chosen)

    read, dtype = _reader(store, task, recipe)

    def batch(images: tf.Tensor, draws: tf.Tensor, labels: tf.Tensor):
        images = numpy_function(read, [images, draws], dtype)
        return tf.ensure_shape(images, [share, size, size, 3]), (labels,) * num_outputs

    stream = tf.data.Dataset.range(first_step, np.iinfo(np.int64).max).map(_without_autograph(order))
    if store.meta.format == "jpeg":
        stream = _decoded(stream, store, share)
    return _without_autotuning(
        stream.map(_without_autograph(batch), num_parallel_calls=2, deterministic=True).prefetch(2)
    )


def _reader(store: ImageStore, task: Task, recipe: Recipe):
    """A function from the indices (or pixels) and draws of a batch to its images, and the type of these."""
    normalise = normalisation.of_task(task, recipe)
    augments = augmentation.augments(recipe, store.meta.image_size)
    subtract = augmentation.mean_subtraction(recipe, normalise) if normalise.is_image else None

    def read(chosen: np.ndarray, draws: np.ndarray) -> np.ndarray:
        decoded = chosen.ndim > 1
        if augments:
            images = chosen if decoded else store.images("train", chosen)
            pixels = augmentation.augment(images, store.meta.image_size, draws, recipe)
        else:
            pixels = chosen if decoded else store.read("train", chosen)
        return subtract(pixels, draws) if subtract else pixels

    return read, tf.float32 if normalise.is_image else tf.uint8


def _decoded(stream: tf.data.Dataset, store: ImageStore, share: int) -> tf.data.Dataset:
    """Reads and decodes the images, given by index, of a store of JPEG files, one by one on all threads."""

    def read(indices: np.ndarray) -> np.ndarray:
        return np.array(store.read_jpeg("train", indices), object)

    def records(indices: tf.Tensor, *others: tf.Tensor):
        # Two seconds, since images are decoded between this call and the next one for the same batch.
        return tf.ensure_shape(numpy_function(read, [indices], tf.string, idle_seconds=2.0), [share]), *others

    def decode(record: tf.Tensor, *others: tf.Tensor):
        return tf.io.decode_jpeg(record, channels=3, dct_method="INTEGER_ACCURATE"), *others  # as Pillow does

    threads = tf.config.threading.get_inter_op_parallelism_threads() or os.cpu_count()
    stream = stream.map(_without_autograph(records)).prefetch(1).unbatch()
    return stream.map(_without_autograph(decode), num_parallel_calls=threads, deterministic=True).batch(share)


def test_stream(task: Task, recipe: Recipe, batch_size: int = 500) -> tf.data.Dataset:
    """The test images in order, every one of them; the last batch may be smaller.

    Args:
      task: Store and classes.
      recipe: Its `crop_size` gives the centre crop.
      batch_size: Images in a batch.

    Returns:
      A dataset of images [batch, size, size, 3] as in `train_stream`. `test_labels` has their labels.
    """
    store = ImageStore(task.store)
    indices = store.indices("test", task.classes)
    size = recipe.input_size(store.meta.image_size)
    normalise = normalisation.of_task(task, recipe)

    def read(indices: np.ndarray) -> np.ndarray:
        images = normalisation.centre_crop(store.read("test", indices), size)
        return images - normalisation.centre_crop(normalise.mean[None], size) if normalise.is_image else images

    def batch(indices: tf.Tensor):
        images = numpy_function(read, [indices], tf.float32 if normalise.is_image else tf.uint8)
        return tf.ensure_shape(images, [None, size, size, 3])

    dataset = tf.data.Dataset.from_tensor_slices(indices).batch(batch_size).map(_without_autograph(batch))
    return _without_autotuning(dataset.prefetch(1))


def test_labels(task: Task) -> np.ndarray:
    """Labels of the test images in the order of `test_stream`, int32 [images]."""
    store = ImageStore(task.store)
    return remap(store.labels("test")[store.indices("test", task.classes)], task.classes)


def _without_autograph(function: Callable) -> Callable:
    # These functions have no conditions or loops for AutoGraph to translate, and trying takes it half a second.
    return tf.autograph.experimental.do_not_convert(function)


def _without_autotuning(dataset: tf.data.Dataset) -> tf.data.Dataset:
    # There is nothing to tune, and destroying an iterator can wait for the tuner's thread for over half a minute.
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
