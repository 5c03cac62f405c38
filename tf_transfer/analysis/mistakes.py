"""What a network gets wrong: accuracy class by class, and which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import special

from tf_transfer.analysis.intervals import LEVEL

if TYPE_CHECKING:
    import pandas as pd

    from tf_transfer.results.predictions import Predictions


def confusion_matrix(predictions: Predictions, num_classes: int) -> np.ndarray:
    """Counts the images of each class (rows) by the class that they were taken for (columns).

    Args:
      predictions: What the network made of each image.
      num_classes: Number of classes.

    Returns:
      int [classes, classes].
    """
    pairs = predictions.labels.astype(np.int64) * num_classes + predictions.predicted
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def class_accuracies(confusion: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Accuracy class by class, the lowest first.

    Args:
      confusion: As from `confusion_matrix`.
      names: Names of the classes.

    Returns:
      One row per class that has images: `label`, `name`; `images` and, of them, `right`; `accuracy` with the ends `low`
      and `high` of its 95 % interval, in percent; `taken_for`, the class that it is most often mistaken for (empty if
      none), and how often, `times`.
    """
    import pandas as pd

    images, right = confusion.sum(1), confusion.diagonal()
    low, high = wilson_interval(right, images)
    wrong = confusion - np.diag(right)
    rows = pd.DataFrame({
        "label": np.arange(len(names)), "name": list(names), "images": images, "right": right,
        "accuracy": 100 * right / np.maximum(images, 1), "low": 100 * low, "high": 100 * high,
        "taken_for": np.where(wrong.max(1) > 0, np.array(names, object)[wrong.argmax(1)], ""), "times": wrong.max(1),
    })  # fmt: skip
    return rows[rows["images"] > 0].sort_values(["accuracy", "high"], kind="stable", ignore_index=True)


def confused_pairs(confusion: np.ndarray, names: Sequence[str], count: int) -> pd.DataFrame:
    """The pairs of classes that are confused most often.

    Args:
      confusion: As from `confusion_matrix`.
      names: Names of the classes.
      count: How many pairs to name at most.

    Returns:
      One row per pair, those with the most images first: `name`, `taken_for`, `times`, and `share`, the percentage of
      the class's images. Pairs that are never confused are left out.
    """
    import pandas as pd

    wrong = confusion - np.diag(confusion.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    true, taken_for = np.unravel_index(order[wrong.ravel()[order] > 0], wrong.shape)
    times = wrong[true, taken_for]
    return pd.DataFrame({
        "name": [names[label] for label in true], "taken_for": [names[label] for label in taken_for],
        "times": times, "share": 100 * times / confusion.sum(1)[true],
    })  # fmt: skip


def wilson_interval(right: npt.ArrayLike, total: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's 95 % interval of a share, which does not shrink to nothing where all or none are right.

    Args:
      right: int [N].
      total: int [N]. Where it is 0, the interval reaches from 0 to 1.

    Returns:
      Lower and upper ends, float [N], in [0, 1].
    """
    right, total = np.asarray(right, float), np.asarray(total, float)
    known = np.maximum(total, 1)
    z, share = float(special.ndtri((1 + LEVEL) / 2)), right / known
    centre = (share + z**2 / (2 * known)) / (1 + z**2 / known)
    half_width = z / (1 + z**2 / known) * np.sqrt(share * (1 - share) / known + z**2 / (4 * known**2))
    low, high = np.clip(centre - half_width, 0, 1), np.clip(centre + half_width, 0, 1)
    return np.where(total > 0, low, 0.0), np.where(total > 0, high, 1.0)
