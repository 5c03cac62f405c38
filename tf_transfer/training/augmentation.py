"""Cropping and mirroring the images of a batch, and subtracting a mean image from them.

NumPy does it a few times faster than TensorFlow's gathers and reversals of a whole batch, and releases Python's lock,
so that batches are prepared side by side. Mirroring reverses many bytes at a time, and batches reuse memory that
TensorFlow has released.
"""

from __future__ import annotations

import collections
import ctypes
import functools
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from tf_transfer.experiment.config import Recipe
from tf_transfer.networks.normalisation import Normalisation

_CACHE = 2**19  # bytes of images that are mirrored together
_free_memory: dict[int, list[np.ndarray]] = collections.defaultdict(list)  # by size


def augments(recipe: Recipe, image_size: int) -> bool:
    """Whether a recipe changes images of this size at all."""
    return recipe.random_flip or recipe.crop_padding > 0 or recipe.input_size(image_size) != image_size


def augment(images: Iterable[np.ndarray], image_size: int, draws: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Crops and mirrors images as the recipe says.

    Args:
      images: uint8 [image size, image size, 3] each.
      image_size: Their side, in pixels.
      draws: float32 [batch, 3] in [0, 1): how far down and right the crop lies, and whether it is mirrored
        (below 0.5).
      recipe: `crop_padding` (zeros around an image), `crop_size` and `random_flip`.

    Returns:
      uint8 [batch, crop size, crop size, 3].
    """
    size, padding = recipe.input_size(image_size), recipe.crop_padding
    augmented = reusable_array((len(draws), size, size, 3), np.uint8)
    mirror = _Mirror(augmented)
    padded = np.zeros((image_size + 2 * padding, image_size + 2 * padding, 3), np.uint8)
    windows = _windows(draws, image_size, recipe)
    for number, (image, (top, left, mirrored)) in enumerate(zip(images, windows, strict=True)):
        if padding:
            padded[padding:-padding, padding:-padding] = image
            image = padded
        window = image[top : top + size, left : left + size]
        if mirrored:
            mirror.add(window, number)
        else:
            np.copyto(augmented[number], window)
    mirror.finish()
    return augmented


def mean_subtraction(recipe: Recipe, normalise: Normalisation) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Makes a function that subtracts the mean image from each image, cropped and mirrored as `augment` did the image.

    Args:
      recipe: As for `augment`.
      normalise: Has the mean image.

    Returns:
      A function of images, uint8 [batch, crop size, crop size, 3], and the draws that `augment` used for them. It
      returns float32 of the images' shape.
    """
    padding = [(recipe.crop_padding,) * 2] * 2 + [(0, 0)]
    mean = np.pad(normalise.mean, padding)
    means = {False: mean, True: np.ascontiguousarray(mean[:, ::-1])}

    def subtract(images: np.ndarray, draws: np.ndarray) -> np.ndarray:
        size = images.shape[1]
        subtracted = reusable_array(images.shape, np.float32)
        windows = _windows(draws, len(normalise.mean), recipe)
        for image, (top, left, mirrored), out in zip(images, windows, subtracted, strict=True):  # while in the cache
            left = len(mean) - size - left if mirrored else left
            np.copyto(out, image)
            out -= means[mirrored][top : top + size, left : left + size]
        return subtracted

    return subtract


def _windows(draws: np.ndarray, image_size: int, recipe: Recipe) -> Iterator[tuple[int, int, bool]]:
    """For each image, how far down and right its crop lies, and whether it is mirrored."""
    positions = image_size + 2 * recipe.crop_padding - recipe.input_size(image_size) + 1
    tops, lefts = (draws[:, :2] * np.float32(positions)).astype(int).T.tolist()
    return zip(tops, lefts, ((draws[:, 2] < 0.5) & recipe.random_flip).tolist(), strict=True)


def reusable_array(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """An uninitialised array for TensorFlow, in the memory of one that TensorFlow has released, if there is any.

    TensorFlow copies arrays that do not start at a multiple of 64 bytes. And the system must clear new memory before it
    hands it out, which takes as long as filling it.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    try:
        memory = _free_memory[size].pop()
    except IndexError:
        memory = np.empty(size + 63, np.uint8)
    # Views of the array keep this holder alive, though not the array itself: it is the base that NumPy records.
    holder: Any = (ctypes.c_uint8 * len(memory)).from_buffer(memory.data)
    weakref.finalize(holder, _free_memory[size].append, memory).atexit = False
    return np.ndarray(shape, dtype, holder, offset=-memory.ctypes.data % 64)


class _Mirror:
    """Mirrors images into a batch, a few times faster than copying their pixels one by one.

    Reversing the bytes of a row mirrors it and swaps red and blue, which are then swapped back. Both are done many
    bytes at a time, on a few images together: as many as fit into the processor's cache, so that each call of NumPy has
    enough to do and two threads do not wait for each other's lock.

    Args:
      batch: uint8 [batch, size, size, 3].
    """

    def __init__(self, batch: np.ndarray):
        self._batch, self._size, self._width = batch, batch.shape[1], 3 * batch.shape[1]
        pitch = -(-self._width // 24) * 24  # whole words of 8 bytes, and whole pixels
        shape = min(len(batch), max(1, _CACHE // (self._size * pitch))), self._size, pitch
        self._images, self._turned, self._differ = (reusable_array(shape, np.uint8) for _ in range(3))
        self._numbers: list[int] = []

    def add(self, image: np.ndarray, number: int) -> None:
        """Mirrors an image, now or later, into place `number` of the batch."""
        rows = self._images[len(self._numbers)]
        np.copyto(rows[:, rows.shape[1] - self._width :], image.reshape(self._size, -1))
        self._numbers.append(number)
        if len(self._numbers) == len(self._images):
            self.finish()

    def finish(self) -> None:
        """Mirrors the images that were added and are not mirrored yet."""
        if not self._numbers:
            return
        images, turned = self._images[: len(self._numbers)], self._turned[: len(self._numbers)]
        np.copyto(turned.view("<u8"), images.view(">u8")[..., ::-1], casting="equiv")
        red, blue = turned.reshape(-1)[:-2], turned.reshape(-1)[2:]
        differ = np.bitwise_xor(red, blue, out=self._differ.reshape(-1)[: len(red)])
        differ &= _every_third(self._differ.size)[: len(red)]
        red ^= differ
        blue ^= differ
        for number, rows in zip(self._numbers, turned, strict=True):
            np.copyto(self._batch[number].reshape(self._size, -1), rows[:, : self._width])
        self._numbers.clear()


@functools.lru_cache(maxsize=8)
def _every_third(count: int) -> np.ndarray:
    """Bytes 255, 0, 0, 255, 0, 0, ..."""
    return np.tile(np.array([255, 0, 0], np.uint8), count // 3)
