"""Cutting and mirroring the images of a batch, and subtracting a mean image from them.

NumPy does it a few times faster than TensorFlow's gathers and reversals on a whole batch, and without its lock, so that
batches are prepared side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from tf_transfer.experiment import Recipe
from tf_transfer.normalisation import Normalisation


def augments(recipe: Recipe, image_size: int) -> bool:
    """Whether a recipe changes images of this size at all."""
    return recipe.mirror or recipe.crop_padding > 0 or recipe.input_size(image_size) != image_size


def augment(images: Iterable[np.ndarray], draws: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Crops and mirrors images as the recipe says.

    Args:
      images: uint8 [size, size, 3] each.
      draws: float32 [batch, 3] in [0, 1): how far down and right the crop lies, and, below 0.5, that it is mirrored.
      recipe: `crop_padding` (zeros around an image), `crop_size` and `mirror`.

    Returns:
      uint8 [batch, crop size, crop size, 3].
    """
    augmented = None
    for number, (image, draw) in enumerate(zip(images, draws, strict=True)):
        if augmented is None:
            size = recipe.input_size(len(image))
            augmented = _aligned((len(draws), size, size, 3), np.uint8)
        top, left, mirrored = _window(draw, len(image), recipe)
        window = _pad(image, recipe.crop_padding)[top : top + size, left : left + size]
        np.copyto(_pixels(augmented[number]), _pixels(window)[:, ::-1] if mirrored else _pixels(window))
    return augmented


def mean_subtraction(recipe: Recipe, normalise: Normalisation) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Makes a function that subtracts from each image that window of the mean image which `augment` has cut from it.

    Args:
      recipe: As for `augment`.
      normalise: Has the mean image.

    Returns:
      A function of images, uint8 [batch, crop size, crop size, 3], and the draws that `augment` made them by, which
      returns float32 of the images' shape.
    """
    mean = _pad(normalise.mean, recipe.crop_padding)
    means = {False: mean, True: np.ascontiguousarray(mean[:, ::-1])}

    def subtract(images: np.ndarray, draws: np.ndarray) -> np.ndarray:
        size = images.shape[1]
        subtracted = _aligned(images.shape, np.float32)
        for image, draw, out in zip(images, draws, subtracted, strict=True):  # each while it lies in the cache
            top, left, mirrored = _window(draw, len(normalise.mean), recipe)
            left = len(mean) - size - left if mirrored else left
            np.copyto(out, image)
            out -= means[mirrored][top : top + size, left : left + size]
        return subtracted

    return subtract


def _aligned(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    # TensorFlow copies an array that does not start at a multiple of 64 bytes.
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.empty(size + 63, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(dtype).reshape(shape)


def _window(draw: np.ndarray, image_size: int, recipe: Recipe) -> tuple[int, int, bool]:
    positions = image_size + 2 * recipe.crop_padding - recipe.input_size(image_size) + 1
    top, left = (draw[:2] * np.float32(positions)).astype(int)
    return top, left, bool(recipe.mirror and draw[2] < 0.5)


def _pad(image: np.ndarray, padding: int) -> np.ndarray:
    return np.pad(image, [(padding, padding), (padding, padding), (0, 0)]) if padding else image


def _pixels(image: np.ndarray) -> np.ndarray:
    # Whole pixels are copied twice as fast as their channels.
    return image.view(np.dtype((np.void, 3)))[..., 0]
