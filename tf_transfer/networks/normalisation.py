"""Normalisation: what is subtracted from the pixels of a task's images, and what they are divided by.

Images are RGB with values from 0 to 255. (The paper's were BGR: only the channels of its first-layer filters are in the
other order.)
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import os

import numpy as np

from tf_transfer.data import image_store
from tf_transfer.experiment.config import Recipe
from tf_transfer.experiment.tasks import Task
from tf_transfer.files import checksums, safe_load

_DIRECTORY, _FILE = "mean_images", "mean.npy"
_BATCH = 256  # images read at a time by a thread


@dataclasses.dataclass(frozen=True)
class Normalisation:
    """Pixels become `(pixels - mean) / deviation`.

    Attributes:
      mean: float32 [1, 1, 3], or a mean image [size, size, 3] of the size of the store's images, which is cropped
        like each of them.
      deviation: float32 [3].
    """

    mean: np.ndarray
    deviation: np.ndarray

    @property
    def is_image(self) -> bool:
        """Whether the mean is an image, which the stream subtracts while it knows the crops."""
        return len(self.mean) > 1


def of_task(task: Task, recipe: Recipe) -> Normalisation:
    """The normalisation of a task's images, whether for training or for tests.

    With `recipe.normalisation = "channels"` that is mean and standard deviation of each channel over all training
    images of the store. With `"mean image"` it is, as in the paper, the mean of the task's own training images,
    computed once for each task and kept in the store's directory.
    """
    if recipe.normalisation == "channels":
        meta = image_store.read_meta(task.store)
        mean, deviation = np.array(meta.channel_mean, np.float32), np.array(meta.channel_std, np.float32)
        deviation[deviation == 0] = 1  # a constant channel becomes 0, not infinite
        return Normalisation(mean[None, None], deviation)
    return Normalisation(_mean_image(image_store.ImageStore(task.store), task), np.ones(3, np.float32))


def _mean_image(store: image_store.ImageStore, task: Task) -> np.ndarray:
    key = checksums.hash_json([store.meta.fingerprint, task.classes, task.images_per_class])
    directory = store.path / _DIRECTORY / key[:32]
    # If it is missing, damaged or cannot be read, it is computed again.
    with contextlib.suppress(OSError, ValueError):
        mean = safe_load.parse_array(checksums.read_bytes(directory, _FILE))
        if mean.dtype == np.float32 and mean.shape == _image_shape(store):
            return mean
    mean = _compute_mean_image(store, store.indices("train", task.classes, task.images_per_class))
    with contextlib.suppress(OSError), checksums.sealed_directory(directory) as partial:  # a store may be read-only
        np.save(partial / _FILE, mean)
    return mean


def _compute_mean_image(store: image_store.ImageStore, indices: np.ndarray) -> np.ndarray:
    def add(batch: np.ndarray) -> np.ndarray:
        return store.read("train", batch).sum(axis=0, dtype=np.int64)

    total = np.zeros(_image_shape(store), np.int64)  # a sum of whole numbers is the same in any order
    batches = np.split(indices, range(_BATCH, len(indices), _BATCH))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for batch_total in pool.map(add, batches):
            total += batch_total
    return (total / len(indices)).astype(np.float32)


def _image_shape(store: image_store.ImageStore) -> tuple[int, int, int]:
    return store.meta.image_size, store.meta.image_size, 3


def centre_crop(images, size: int):
    """Crops images [batch, height, width, 3], an array or a tensor, at their centre; a single pixel stays as it is."""
    offset = max(0, (images.shape[1] - size) // 2)
    return images[:, offset : offset + size, offset : offset + size]
