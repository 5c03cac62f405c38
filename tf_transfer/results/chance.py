"""Whether networks are above chance, that is, better than one that gives every image the same class.

Such a network is right as often as the largest class occurs in the test images. On balanced classes that is one in the
number of classes; where one class has 93 % of the images, 93 % correct shows nothing. Its mean per-class accuracy is
one in the number of classes, however uneven they are. A network above either is above chance.

The test of the first is the exact one-sided binomial test, from the number of test images that a network got right. The
test of the second is a binomial test, too, with as many images of each class as the rarest has. For classes of equal
size that is conservative (Hoeffding 1956: the tail of a sum of Bernoulli variables is no heavier than that of the
binomial with their mean), and further images only make the mean over classes more certain.

The level of 5 % holds for all tests of a table together (Bonferroni): in at most one table of twenty is any network
that is at chance said to be above it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LEVEL = 0.05  # that any of the networks is taken to be above chance and is not


def largest_share(images_per_class: Sequence[int]) -> float:
    """The accuracy of a network that always says the largest class, in [0, 1]."""
    return max(images_per_class) / sum(images_per_class)


def binomial_p_value(accuracy: npt.ArrayLike, num_images: npt.ArrayLike, chance: npt.ArrayLike) -> np.ndarray:
    """The probability of at least this accuracy where each image is classified rightly with the probability of chance.

    Args:
      accuracy: Share of correct images, float [networks], in [0, 1].
      num_images: Number of images, int [networks].
      chance: float [networks], in [0, 1].

    Returns:
      float [networks].
    """
    from scipy import special

    num_images = np.asarray(num_images, int)
    return special.bdtrc(np.rint(np.asarray(accuracy, float) * num_images) - 1, num_images, np.asarray(chance, float))


def p_value(top1: float, mean_per_class: float, images_per_class: Sequence[int]) -> float:
    """The p value of being at chance, corrected for the number of tests of this network.

    Args:
      top1: Share of the test images that it got right, in [0, 1].
      mean_per_class: Mean of the same over classes, in [0, 1].
      images_per_class: Number of test images of each class.
    """
    of_top1 = binomial_p_value(top1, sum(images_per_class), largest_share(images_per_class))
    if max(images_per_class) == min(images_per_class):
        return float(of_top1)  # both accuracies are the same
    num_classes = len(images_per_class)
    counted = num_classes * min(images_per_class)
    whole_images = np.floor(mean_per_class * counted + 1e-6) / counted
    return float(2 * min(of_top1, binomial_p_value(whole_images, counted, 1 / num_classes)))


def at_chance(p_values: npt.ArrayLike) -> np.ndarray:
    """Finds the networks that are not above chance, bool [networks], from the p values of all networks of a table."""
    return np.asarray(p_values, float) * np.size(p_values) >= LEVEL


def least_accuracy_above_chance(num_images: int, chance: float, num_tests: int) -> float | None:
    """The lowest top-1 accuracy that is above chance; None if not even 1 is, since there are too few images.

    Args:
      num_images: Number of test images.
      chance: Share of the largest class in these images, in [0, 1].
      num_tests: Number of networks in the table, times the number of tests of each.
    """
    accuracies = np.arange(num_images + 1) / num_images
    above = binomial_p_value(accuracies, num_images, chance) * num_tests < LEVEL
    return float(accuracies[above.argmax()]) if above.any() else None
