"""Confidence intervals for mean paired differences, with two sources of variation: groups and test images.

A *group* is what was repeated as a whole: a class split, seed and direction. Within a group all networks are compared
on the same test images; different groups may share test images too.

Let d_u be the mean difference of group u, of U groups, and C the covariance of two groups' means that comes from the
test images that they share, averaged over all pairs of groups (0 where no image is shared). Then var(d_u) / U + C is an
unbiased estimate of the variance of the groups' mean: var(d_u) contains all variation of a group and of its own images,
but not what shared images do to all groups alike. Each of the two parts has its own half-width, the first from a t
distribution with U - 1 degrees of freedom; the half-width of the interval is the root of the sum of their squares. With
8 groups the coverage of these 95 % intervals is 95 to 96 % (BUILD.md). Adding the variances and matching the degrees of
freedom (Satterthwaite) would give a lower coverage with few groups.

Where the accuracy is a mean over classes, an image has the weight w = images / (classes x images of its class), 1 on
average. The variance of such a weighted mean is taken from w (d - mean), its linearisation. Where the number of images
matters, for the step of accuracies and the correction for few images, it is Kish's effective number, (sum of w)^2 / sum
of w^2. With classes of equal size all weights are 1, and nothing changes.

Where all networks of a difference are right on the same images, in every group, there is no variation to estimate a
variance from, but that is no certainty: with n images, none of which tells two networks apart, the share of images that
would is at most 1 - 0.05^(1/n), about 3/n, at 95 % (the exact binomial bound; "rule of three", Hanley and Lippman-Hand,
JAMA 249, 1983). No difference can be larger than that share, so that it is the half-width of such an interval, with n
the fewest images of a group. Its coverage is at least 95 % for the images; of other splits or seeds it says nothing.

With one or two groups only the variance from the images is used, and the interval holds for these networks only. Two
groups say next to nothing about other networks: the quantile of the t distribution would be 12.7.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

LEVEL = 0.95
MIN_GROUPS = 3  # the fewest that say anything about other networks; the t distribution's quantile is 4.3
_MIN_P = 1e-30  # a smaller p value says nothing more
_NO_ERROR = 1e-9  # points; a smaller standard error is one of rounding


@dataclasses.dataclass(frozen=True)
class ImageDifferences:
    """K differences on each test image of one group.

    Attributes:
      values: float [images, K], in points.
      ids: int [images], from 0 on without large gaps: the same number for the same image in all groups, none twice.
      weights: float [images], how much each image counts, 1 on average; None where all count the same.
    """

    values: np.ndarray
    ids: np.ndarray
    weights: np.ndarray | None = None

    @property
    def effective_number(self) -> float:
        """The number of images of equal weight that say as much (Kish)."""
        return len(self.ids) if self.weights is None else float(self.weights.sum() ** 2 / (self.weights**2).sum())

    def centred_shares(self) -> np.ndarray:
        """What each image adds to the mean difference, less its expectation; float [images, K]."""
        weights = np.ones((len(self.ids), 1)) if self.weights is None else self.weights[:, None]
        mean = (weights * self.values).mean(0)
        return weights * (self.values - mean) / len(self.ids)


@dataclasses.dataclass(frozen=True)
class Differences:
    """K differences in one group.

    Attributes:
      values: float [K], in points.
      images: The same on each test image; None where it was not recorded.
    """

    values: np.ndarray
    images: ImageDifferences | None = None


@dataclasses.dataclass(frozen=True)
class PooledDifferences:
    """K differences averaged over all groups, with their covariance.

    Attributes:
      mean: float [K], in points.
      group_covariance: float [K, K], from variation between groups; zero where only the images count.
      image_covariance: float [K, K], from the test images that groups share, or from all of them where only the images
        count; NaN where nothing is known.
      num_groups: Number of groups.
      num_images: Number of different test images; 0 where they were not recorded in all groups.
      num_agreed: int [K], the fewest test images of a group where no image tells the networks of a difference apart; 0
        where one does.
    """

    mean: np.ndarray
    group_covariance: np.ndarray
    image_covariance: np.ndarray
    num_groups: int
    num_images: int
    num_agreed: np.ndarray

    def interval(self, index: int = 0) -> Interval:
        """The interval of one of the differences.

        It is unknown (NaN) for one group without recorded images, and for a difference that never varies, unless no
        recorded image tells the networks apart.
        """
        estimate = float(self.mean[index])
        group_error = float(self.group_covariance[index, index]) ** 0.5
        image_error = float(np.maximum(0, self.image_covariance[index, index])) ** 0.5  # NaN stays NaN
        num_agreed = int(self.num_agreed[index])
        if not num_agreed and max(group_error, image_error) < _NO_ERROR:
            image_error = np.nan
        return Interval(estimate, group_error, image_error, self.num_groups, self.num_images, num_agreed)

    def draw(self, count: int, seed: int = 0) -> np.ndarray:
        """Draws means from their sampling distribution, float [count, K]; the groups' part from a t distribution."""
        rng = np.random.default_rng(seed)
        drawn = self.mean + rng.standard_normal((count, len(self.mean))) @ _square_root(self.image_covariance)
        if self.num_groups > 1:
            freedom = self.num_groups - 1
            scale = np.sqrt(rng.chisquare(freedom, (count, 1)) / freedom)
            drawn += rng.standard_normal((count, len(self.mean))) @ _square_root(self.group_covariance) / scale
        return drawn


@dataclasses.dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval, in points.

    Attributes:
      estimate: The mean difference.
      group_error: Standard error from variation between groups; 0 where only the images count.
      image_error: Standard error from shared test images, or from all of them where only the images count; NaN where
        the interval is unknown.
      num_groups: Number of groups.
      num_images: Number of test images.
      num_agreed: Number of test images where none of them tells the networks apart; else 0.
    """

    estimate: float
    group_error: float
    image_error: float
    num_groups: int
    num_images: int
    num_agreed: int = 0

    def bounds(self, comparisons: int = 1) -> tuple[float, float]:
        """Lower and upper end, at 95 % for this many comparisons together (Bonferroni)."""
        half_width = self._half_width((1 - LEVEL) / comparisons)
        return float(self.estimate - half_width), float(self.estimate + half_width)

    @property
    def p(self) -> float:
        """Two-sided p value of no difference: 1 minus the level of the interval that just touches 0."""
        distance = abs(self.estimate)
        if np.isnan(self.image_error):
            return np.nan
        if distance == 0:
            return 1.0
        if self.group_error == 0:
            return float(2 * special.stdtr(max(1, self.num_images - 1), -distance / self.image_error))
        if distance >= self._half_width(_MIN_P):
            return _MIN_P
        log_p = optimize.brentq(lambda log_p: self._half_width(np.exp(log_p)) - distance, np.log(_MIN_P), 0)
        return float(np.exp(log_p))

    def _half_width(self, p: float) -> float:
        def part(error: float, freedom: int) -> float:
            # stdtrit is the quantile of the t distribution; scipy.stats.t does the same a hundred times slower.
            return error * float(special.stdtrit(freedom, p / 2)) if error else 0.0

        from_groups = part(self.group_error, self.num_groups - 1)
        from_images = part(self.image_error, max(1, self.num_images - 1))
        unseen = 100 * (1 - p ** (1 / self.num_agreed)) if self.num_agreed else 0.0
        return max(float(np.hypot(from_groups, from_images)), unseen)


def pool(groups: Sequence[Differences]) -> PooledDifferences:
    """Averages differences over groups, each group with the same weight.

    Args:
      groups: At least one, all of the same K differences.
    """
    values = np.array([group.values for group in groups], float)
    images = _recorded_images(groups)
    zero = np.zeros((values.shape[1],) * 2)
    if only_images_count(groups):
        group_covariance, image_covariance = zero, _image_covariance(images)
    elif len(groups) == 1:
        group_covariance, image_covariance = zero, zero * np.nan
    else:
        group_covariance = np.atleast_2d(np.cov(values, rowvar=False)) / len(groups)
        image_covariance = _shared_image_covariance(images) if images else zero
        if images:
            # Accuracies come in steps of one image. Without this, groups that agree to the step would leave no doubt.
            group_covariance += np.eye(values.shape[1]) * (_accuracy_step(images) ** 2 / 12 / len(groups))
    num_images = len(np.unique(np.concatenate([group.ids for group in images]))) if images else 0
    return PooledDifferences(
        values.mean(0),
        group_covariance,
        image_covariance,
        len(groups),
        num_images,
        _count_agreed_images(images, values),
    )


def only_images_count(groups: Sequence[Differences]) -> bool:
    """Whether an interval over these groups accounts for the test images only, since there are too few groups."""
    return len(groups) < MIN_GROUPS and len(_recorded_images(groups)) > 0


def holm(p_values: npt.ArrayLike) -> np.ndarray:
    """Holm's correction: if all values below 0.05 are taken for findings, any is false with a chance of at most 5 %.

    Args:
      p_values: float [N]. NaN stays NaN and does not count as a comparison.

    Returns:
      float [N], the corrected values in the same order.
    """
    p_values = np.asarray(p_values, float)
    corrected = np.full(p_values.shape, np.nan)
    order = np.argsort(p_values)[: np.count_nonzero(~np.isnan(p_values))]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1, np.maximum.accumulate(p_values[order] * factors)) if len(order) else []
    return corrected


def _recorded_images(groups: Sequence[Differences]) -> list[ImageDifferences]:
    """The differences per image of all groups; none if any group lacks them."""
    images = [group.images for group in groups if group.images is not None]
    return images if len(images) == len(groups) else []


def _count_agreed_images(groups: Sequence[ImageDifferences], values: np.ndarray) -> np.ndarray:
    """The fewest images of a group where no image of any group shows a difference, else 0; int [K].

    With weights, a difference is at most the share of the images that would show it if all counted as much as the
    heaviest, which are as many fewer.
    """
    if not groups:
        return np.zeros(values.shape[1], int)
    agreed = np.all([(group.values == 0).all(0) for group in groups], 0) & (np.abs(values) < _NO_ERROR).all(0)
    heaviest = [1.0 if group.weights is None else float(group.weights.max()) for group in groups]
    fewest = min(len(group.ids) / weight for group, weight in zip(groups, heaviest, strict=True))
    return np.where(agreed, max(1, int(fewest + _NO_ERROR)), 0)


def _accuracy_step(groups: Sequence[ImageDifferences]) -> float:
    return 100 / min(group.effective_number for group in groups)


def _image_covariance(groups: Sequence[ImageDifferences]) -> np.ndarray:
    """The covariance that the choice of test images gives the mean over groups."""
    fewest = min(group.effective_number for group in groups)
    if fewest <= 1:
        return np.full((groups[0].values.shape[1],) * 2, np.nan)
    total, _ = _sum_over_groups(groups)
    return total.T @ total / len(groups) ** 2 * fewest / (fewest - 1)


def _shared_image_covariance(groups: Sequence[ImageDifferences]) -> np.ndarray:
    """The covariance of two groups' means from the images that they share, averaged over all pairs of groups."""
    # Over all pairs, that is the covariance of the sum over groups less each group's own.
    total, own = _sum_over_groups(groups)
    return (total.T @ total - own) / (len(groups) * (len(groups) - 1))


def _sum_over_groups(groups: Sequence[ImageDifferences]) -> tuple[np.ndarray, np.ndarray]:
    """What each image contributes to the sum of the groups' means, [images, K], and the sum of their covariances."""
    num_images, num_differences = 1 + max(group.ids.max() for group in groups), groups[0].values.shape[1]
    total, own = np.zeros((num_images, num_differences)), np.zeros((num_differences, num_differences))
    for group in groups:
        centred = group.centred_shares()
        total[group.ids] += centred
        own += centred.T @ centred
    return total, own


def _square_root(covariance: np.ndarray) -> np.ndarray:
    variances, axes = np.linalg.eigh(covariance)
    return np.sqrt(np.maximum(variances, 0))[:, None] * axes.T
