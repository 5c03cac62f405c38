"""What is subtracted from the pixels of a task's images before a network sees them, and what they are divided by.

Images are RGB with values from 0 to 255. (The paper's were BGR: the filters of its first layers have their channels in
the other order, and nothing else differs.)
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import io
import os
import pathlib

import numpy as np

from tf_transfer.data import image_store
from tf_transfer.experiment.config import Recipe, Task
from tf_transfer.files import safe_load
from tf_transfer.files.atomic import replace_file

MEAN_IMAGES = "mean_images"
_BATCH = 256  # images read at a time by a thread


@dataclasses.dataclass(frozen=True)
class Normalisation:
    """Pixels become `(pixels - mean) / deviation`.

    Attributes:
      mean: float32 [1, 1, 3], or a mean image [size, size, 3] as large as the store's images, from which the same
        window is cut as from each image.
      deviation: float32 [3].
    """

    mean: np.ndarray
    deviation: np.ndarray

    @property
    def is_image(self) -> bool:
        """Whether the mean is an image, which must be subtracted before a batch is made."""
        return len(self.mean) > 1


def of_task(task: Task, recipe: Recipe) -> Normalisation:
    """The normalisation of a task's images, whether for training or for tests.

    With `recipe.normalisation = "channels"` that is mean and standard deviation of each channel over all training
    images of the store. With `"mean image"` it is, as in the paper, the mean of the task's own training images,
    computed once for each task and kept in the store's directory.
    """
    if recipe.normalisation == "channels":
        meta = image_store.read_meta(task.store)
        deviation = np.float32(meta.channel_std)
        deviation[deviation == 0] = 1  # a channel that is the same everywhere becomes 0, and not infinite
        return Normalisation(np.float32(meta.channel_mean)[None, None], deviation)
    return Normalisation(_mean_image(image_store.ImageStore(task.store), task), np.ones(3, np.float32))


def _mean_image(store: image_store.ImageStore, task: Task) -> np.ndarray:
    key = f"{store.meta.fingerprint} {task.classes} {task.images_per_class}"
    file = store.path / MEAN_IMAGES / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"
    kept = _read(file)
    if kept is None:
        kept = _compute(store, store.indices("train", task.classes, task.images_per_class))
        with contextlib.suppress(OSError):  # of a store that one may only read, the next process computes it again
            _write(file, kept)
    return kept


def _read(file: pathlib.Path) -> np.ndarray | None:
    """What was kept; None if there is nothing, or if it is damaged."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        arrays = safe_load.parse_arrays(safe_load.read_bytes(file))
        if image_store.checksum(arrays["mean"].tobytes()) == arrays["checksum"]:
            return arrays["mean"]
    return None


def _write(file: pathlib.Path, mean: np.ndarray) -> None:
    content = io.BytesIO()
    np.savez(content, mean=mean, checksum=np.uint64(image_store.checksum(mean.tobytes())))
    file.parent.mkdir(exist_ok=True)
    with replace_file(file) as temporary:
        temporary.write_bytes(content.getvalue())


def _compute(store: image_store.ImageStore, indices: np.ndarray) -> np.ndarray:
    def add(batch: np.ndarray) -> np.ndarray:
        return store.read("train", batch).sum(axis=0, dtype=np.int64)  # whole numbers: in any order the same sum

    batches = np.split(indices, range(_BATCH, len(indices), _BATCH))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        total = sum(pool.map(add, batches))
    return (total / len(indices)).astype(np.float32)


def centre_crop(images, size: int):
    """Cuts the middle out of images [batch, height, width, 3], an array or a tensor; one pixel stays one pixel."""
    offset = max(0, (images.shape[1] - size) // 2)
    return images[:, offset : offset + size, offset : offset + size]
