"""Intervals for means of paired differences, with two sources of chance: the networks' groups and the test images.

A *group* is what was repeated as a whole: a class split, seed and direction. Within a group all networks are compared
on the same test images; groups may share test images too.

With U groups of means d_u, of which the pairs share images with covariance C (averaged over all pairs of groups; 0
where no image is shared), the variance of their mean is var(d_u) / U + C, without bias: var(d_u) holds all chance of a
group and of its own images, but not what the images do to all groups alike. The half-width of the interval is the root
of the sum of both parts' squared half-widths, the first from a t distribution with U - 1 degrees of freedom. That holds
the truth in 95 to 96 % of cases with 8 groups; adding the variances and matching degrees of freedom (Satterthwaite)
would hold it less often with few.

With one or two groups there is the images' variance alone, and the interval speaks of these networks only: two groups
say next to nothing of others, the t distribution's quantile being 12.7.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import optimize, special

LEVEL = 0.95
FEWEST_GROUPS = 3  # from which on groups tell something of others; the quantile is 4.3 then
_LEAST_P = 1e-30  # smaller ones say nothing more


@dataclasses.dataclass(frozen=True)
class Differences:
    """What one group says of K differences.

    Attributes:
      values: float [K], in points.
      images: float [images, K], the differences on each test image, in points; None where they are not known.
      image_ids: int [images], numbers from 0 on without great gaps, the same for the same image in all groups and none
        twice; None with `images`.
    """

    values: np.ndarray
    images: np.ndarray | None = None
    image_ids: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Joint:
    """Means of K differences over all groups, and what chance does to them.

    Attributes:
      mean: float [K], in points.
      group_covariance: float [K, K], from group to group; zero where the images alone are counted.
      image_covariance: float [K, K], from the images that the groups share, or from all where these alone are counted.
      groups: Number of groups.
      images: Number of different test images; 0 where not all groups have them.
    """

    mean: np.ndarray
    group_covariance: np.ndarray
    image_covariance: np.ndarray
    groups: int
    images: int

    def draw(self, count: int, seed: int = 0) -> np.ndarray:
        """Draws means as they might as well have come out, float [count, K]; the groups' part from a t distribution."""
        rng = np.random.default_rng(seed)
        drawn = self.mean + rng.standard_normal((count, len(self.mean))) @ _root(self.image_covariance)
        if self.groups > 1:
            freedom = self.groups - 1
            scale = np.sqrt(rng.chisquare(freedom, (count, 1)) / freedom)
            drawn += rng.standard_normal((count, len(self.mean))) @ _root(self.group_covariance) / scale
        return drawn


@dataclasses.dataclass(frozen=True)
class Interval:
    """An estimate with its interval, in points.

    Attributes:
      estimate: The mean difference.
      group_error: Standard error of what differs from group to group; 0 where the images alone are counted.
      image_error: Standard error of what shared images do, or all images where these alone are counted; NaN where
        nothing tells it.
      groups: Number of groups.
      images: Number of images.
    """

    estimate: float
    group_error: float
    image_error: float
    groups: int
    images: int

    def bounds(self, comparisons: int = 1) -> tuple[float, float]:
        """Lower and upper end; 95 % hold for all of so many comparisons at once (Bonferroni)."""
        reach = self._reach((1 - LEVEL) / comparisons)
        return float(self.estimate - reach), float(self.estimate + reach)

    @property
    def p(self) -> float:
        """Two-sided p value of no difference: 1 minus the level of the interval that just touches 0."""
        distance = abs(self.estimate)
        if np.isnan(self.image_error) or distance == 0:
            return np.nan if np.isnan(self.image_error) else 1.0
        if self.group_error == 0:
            return float(2 * special.stdtr(max(1, self.images - 1), -distance / self.image_error))
        if distance >= self._reach(_LEAST_P):
            return _LEAST_P
        return float(np.exp(optimize.brentq(lambda log_p: self._reach(np.exp(log_p)) - distance, np.log(_LEAST_P), 0)))

    def _reach(self, p: float) -> float:
        # stdtrit is the quantile of the t distribution; scipy.stats.t does the same a hundred times slower.
        by_groups = self.group_error * special.stdtrit(self.groups - 1, p / 2) if self.group_error else 0.0
        by_images = self.image_error * special.stdtrit(max(1, self.images - 1), p / 2) if self.image_error else 0.0
        return float(np.hypot(by_groups, by_images))


def join(groups: Sequence[Differences]) -> Joint:
    """Averages the differences of all groups, each group counting the same.

    Args:
      groups: At least one, all of the same K differences.
    """
    values = np.array([group.values for group in groups], float)
    known = all(group.images is not None for group in groups)
    none = np.zeros((values.shape[1],) * 2)
    if images_alone(groups):
        images, between = _whole_covariance(groups), none
    elif len(groups) == 1:
        images, between = none * np.nan, none
    else:
        images = _shared_covariance(groups) if known else none
        between = np.atleast_2d(np.cov(values, rowvar=False)) / len(groups)
        # Accuracies come in steps. Two groups that agree by chance to the step would pass for certain without this.
        between += np.eye(values.shape[1]) * (_step(groups) ** 2 / 12 / len(groups) if known else 0)
    count = len(np.unique(np.concatenate([group.image_ids for group in groups]))) if known else 0
    return Joint(values.mean(0), between, images, len(groups), count)


def images_alone(groups: Sequence[Differences]) -> bool:
    """Whether an interval over these groups counts the chance of their images alone."""
    return len(groups) < FEWEST_GROUPS and all(group.images is not None for group in groups)


def interval(joint: Joint, index: int = 0) -> Interval:
    """The interval of one of the joint differences.

    No interval is known (NaN) with one group without images, nor where a difference never varies and yet is not 0.
    """
    estimate = float(joint.mean[index])
    group_error = float(joint.group_covariance[index, index]) ** 0.5
    image_error = float(np.maximum(0, joint.image_covariance[index, index])) ** 0.5  # NaN stays
    if group_error == image_error == 0 != estimate:
        image_error = np.nan
    return Interval(estimate, group_error, image_error, joint.groups, joint.images)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Holm's correction: below 0.05, the chance that any of these is a false finding is at most 5 %.

    Args:
      p_values: May hold NaN, which stays NaN and does not count.

    Returns:
      float [p_values], in the same order.
    """
    p_values = np.asarray(p_values, float)
    corrected = np.full(p_values.shape, np.nan)
    order = np.argsort(p_values)[: np.count_nonzero(~np.isnan(p_values))]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1, np.maximum.accumulate(p_values[order] * factors)) if len(order) else []
    return corrected


def _step(groups: Sequence[Differences]) -> float:
    return 100 / min(len(group.images) for group in groups)


def _whole_covariance(groups: Sequence[Differences]) -> np.ndarray:
    """What all images do to the mean of the groups."""
    fewest = min(len(group.images) for group in groups)
    if fewest < 2:
        return np.full((groups[0].images.shape[1],) * 2, np.nan)
    total, _ = _sum_over_groups(groups)
    return total.T @ total / len(groups) ** 2 * fewest / (fewest - 1)


def _shared_covariance(groups: Sequence[Differences]) -> np.ndarray:
    # The covariance over all pairs is that of the sum over groups less each group's own.
    total, own = _sum_over_groups(groups)
    return (total.T @ total - own) / (len(groups) * (len(groups) - 1))


def _sum_over_groups(groups: Sequence[Differences]) -> tuple[np.ndarray, np.ndarray]:
    """What each image adds to the sum of the groups' means, [images, K], and the sum of each group's own covariance."""
    numbers = 1 + max(group.image_ids.max() for group in groups)
    total, own = np.zeros((numbers, groups[0].images.shape[1])), 0.0
    for group in groups:
        centred = (group.images - group.images.mean(0)) / len(group.images)
        total[group.image_ids] += centred
        own += centred.T @ centred
    return total, own


def _root(covariance: np.ndarray) -> np.ndarray:
    variances, axes = np.linalg.eigh(covariance)
    return np.sqrt(np.maximum(variances, 0))[:, None] * axes.T
