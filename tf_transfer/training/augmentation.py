"""Cutting and mirroring the images of a batch, and subtracting a mean image from them.

NumPy does it a few times faster than TensorFlow's gathers and reversals on a whole batch, and without its lock, so that
batches are prepared side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from tf_transfer.experiment.config import Recipe
from tf_transfer.networks.normalisation import Normalisation
from tf_transfer.training import batch_memory
from tf_transfer.training.mirroring import Mirror


def augments(recipe: Recipe, image_size: int) -> bool:
    """Whether a recipe changes images of this size at all."""
    return recipe.random_flip or recipe.crop_padding > 0 or recipe.input_size(image_size) != image_size


def augment(images: Iterable[np.ndarray], image_size: int, draws: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Crops and mirrors images as the recipe says.

    Args:
      images: uint8 [image size, image size, 3] each.
      image_size: Their side, in pixels.
      draws: float32 [batch, 3] in [0, 1): how far down and right the crop lies, and, below 0.5, that it is mirrored.
      recipe: `crop_padding` (zeros around an image), `crop_size` and `random_flip`.

    Returns:
      uint8 [batch, crop size, crop size, 3].
    """
    size, padding = recipe.input_size(image_size), recipe.crop_padding
    augmented = batch_memory.take((len(draws), size, size, 3), np.uint8)
    mirror = Mirror(augmented)
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
    """Makes a function that subtracts from each image that window of the mean image which `augment` has cut from it.

    Args:
      recipe: As for `augment`.
      normalise: Has the mean image.

    Returns:
      A function of images, uint8 [batch, crop size, crop size, 3], and the draws that `augment` made them by, which
      returns float32 of the images' shape.
    """
    padding = [(recipe.crop_padding,) * 2] * 2 + [(0, 0)]
    mean = np.pad(normalise.mean, padding)
    means = {False: mean, True: np.ascontiguousarray(mean[:, ::-1])}

    def subtract(images: np.ndarray, draws: np.ndarray) -> np.ndarray:
        size = images.shape[1]
        subtracted = batch_memory.take(images.shape, np.float32)
        windows = _windows(draws, len(normalise.mean), recipe)
        for image, (top, left, mirrored), out in zip(images, windows, subtracted, strict=True):  # while in the cache
            left = len(mean) - size - left if mirrored else left
            np.copyto(out, image)
            out -= means[mirrored][top : top + size, left : left + size]
        return subtracted

    return subtract


def _windows(draws: np.ndarray, image_size: int, recipe: Recipe) -> Iterator[tuple[int, int, bool]]:
    """For each image, how far down and right its window lies, and whether it is mirrored."""
    positions = image_size + 2 * recipe.crop_padding - recipe.input_size(image_size) + 1
    tops, lefts = (draws[:, :2] * np.float32(positions)).astype(int).T.tolist()
    return zip(tops, lefts, ((draws[:, 2] < 0.5) & recipe.random_flip).tolist(), strict=True)
