"""Mirroring many images, many bytes at a time."""

from __future__ import annotations

import functools

import numpy as np

from tf_transfer.training import batch_memory

_CACHE = 2**19  # bytes of images that are mirrored together


class Mirror:
    """Mirrors images into a batch, a few times faster than copying their pixels one by one.

    Turning round the bytes of a row mirrors it, and swaps red and blue, which are swapped back. Both are done many
    bytes at a time, on a few images together: that many fit into the processor's cache, and each call of NumPy has
    enough to do for two threads not to wait for each other's lock.

    Args:
      batch: uint8 [batch, size, size, 3].
    """

    def __init__(self, batch: np.ndarray):
        self._batch, self._size, self._width = batch, batch.shape[1], 3 * batch.shape[1]
        pitch = -(-self._width // 24) * 24  # whole words of 8 bytes, and whole pixels
        shape = min(len(batch), max(1, _CACHE // (self._size * pitch))), self._size, pitch
        self._images, self._turned, self._differ = (batch_memory.take(shape, np.uint8) for _ in range(3))
        self._numbers: list[int] = []

    def add(self, image: np.ndarray, number: int) -> None:
        """Mirrors an image, now or later, to place `number` of the batch."""
        rows = self._images[len(self._numbers)]
        np.copyto(rows[:, rows.shape[1] - self._width :], image.reshape(self._size, -1))
        self._numbers.append(number)
        if len(self._numbers) == len(self._images):
            self.finish()

    def finish(self) -> None:
        """Mirrors what was added and is not yet mirrored."""
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
