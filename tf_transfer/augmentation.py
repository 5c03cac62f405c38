"""Cutting, mirroring and normalising the images of a batch, one after the other while each lies in the cache.

NumPy does it a few times faster than TensorFlow's gathers and reversals on a whole batch, and without its lock, so that
batches are prepared side by side.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tf_transfer.experiment import Recipe
from tf_transfer.normalisation import Normalisation


def augment(images: Iterable[np.ndarray], draws: np.ndarray, recipe: Recipe, normalise: Normalisation) -> np.ndarray:
    """Crops, mirrors and normalises images as the recipe says.

    Args:
      images: uint8 [size, size, 3] each.
      draws: float32 [batch, 3] in [0, 1): how far down and right the crop lies, and, below 0.5, that it is mirrored.
      recipe: `crop_padding` (zeros around an image), `crop_size` and `mirror`.
      normalise: What is subtracted and divided by; of a mean image, the same window as from each image.

    Returns:
      float32 [batch, crop size, crop size, 3].
    """
    normalised = None
    for number, (image, draw) in enumerate(zip(images, draws, strict=True)):
        if normalised is None:
            size = recipe.input_size(len(image))
            normalised = np.empty((len(draws), size, size, 3), np.float32)
            mean, deviation = _pad(normalise.mean, recipe.crop_padding), np.tile(normalise.deviation, size)
        top, left = (draw[:2] * np.float32(len(image) + 2 * recipe.crop_padding - size + 1)).astype(int)
        mirrored = recipe.mirror and draw[2] < 0.5
        pixels = _window(_pad(image, recipe.crop_padding), top, left, size, mirrored)
        subtracted = _window(mean, top, left, size, mirrored) if len(mean) > 1 else np.tile(mean[0, 0], size)
        normalise_rows(pixels, subtracted, deviation, normalised[number])
    return normalised


def normalise_rows(pixels: np.ndarray, subtracted: np.ndarray, divisor: np.ndarray, out: np.ndarray) -> None:
    """Writes `(pixels - subtracted) / divisor`, for one image, in place and row by row.

    Args:
      pixels: uint8 [height, width, 3].
      subtracted: float32 [height, width, 3] or [width * 3].
      divisor: float32 [width * 3].
      out: float32 [height, width, 3].
    """
    np.copyto(out, pixels)
    rows = out.reshape(len(out), -1)
    rows -= subtracted.reshape(-1, rows.shape[1])
    rows /= divisor


def _pad(image: np.ndarray, padding: int) -> np.ndarray:
    if not padding or len(image) == 1:  # the mean of each channel is no image, and has no border
        return image
    return np.pad(image, [(padding, padding), (padding, padding), (0, 0)])


def _window(image: np.ndarray, top: int, left: int, size: int, mirrored: bool) -> np.ndarray:
    window = image[top : top + size, left : left + size]
    if not mirrored:
        return window
    pixel = np.dtype((np.void, 3 * image.itemsize))  # whole pixels are copied twice as fast as their channels
    return np.ascontiguousarray(window.view(pixel)[:, ::-1]).view(image.dtype)
